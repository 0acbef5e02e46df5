//! Softmax in a form that keeps its digits in single precision: what is subtracted from large
//! exponents is their own greatest, and the sum of the row divides.
//!
//! `exp(u[i] - logsumexp[k] u[k])` is `exp(u[i] - m) / sum[k] exp(u[k] - m)` and
//! `u[i] - logsumexp[k] u[k]` is `(u[i] - m) - log(sum[k] exp(u[k] - m))`, with
//! `m = max[k] u[k]`. A logarithm of a sum by itself stays one.

use crate::model::{Model, share};
use crate::term::{
    Affine, Comparison, Connective, Function, Index, Kinds, Node, Number, Opened, Reduction, Term, fresh_id,
};

/// A term with the same value, its softmaxes by the greatest of the row.
pub(super) fn by_greatest(term: &Term) -> Term {
    if !has_logsumexp(term) {
        return term.clone();
    }
    match term.node() {
        Node::Call(Function::Exp, arguments) => {
            let argument = insides(&arguments[0]);
            exponential(&argument).unwrap_or_else(|| Term::call(Function::Exp, by_greatest(&arguments[0])))
        }
        Node::Mul(factors) if factors.iter().filter(|factor| exponent(factor).is_some()).count() > 1 => {
            let (powers, others): (Vec<Term>, Vec<Term>) =
                factors.iter().cloned().partition(|factor| exponent(factor).is_some());
            let argument = Term::add(powers.iter().filter_map(exponent).collect());
            match exponential(&insides(&argument)) {
                Some(share) => Term::mul(others.iter().map(by_greatest).chain([share]).collect()),
                None => term.map_children(&mut by_greatest),
            }
        }
        Node::Add(_) => {
            let sum = insides(term);
            let opposite = || Some(difference(&sum.negated())?.negated());
            difference(&sum).or_else(opposite).unwrap_or(sum)
        }
        _ => term.map_children(&mut by_greatest),
    }
}

/// The addends by the greatest of their rows, but normalisers as they are.
fn insides(sum: &Term) -> Term {
    let one = |addend: &Term| {
        let (number, rest) = addend.split_number();
        let rest = match rest.node() {
            Node::Reduce { .. } => rest.map_children(&mut by_greatest),
            _ => by_greatest(&rest),
        };
        Term::mul(vec![Term::number(number), rest])
    };
    Term::add(sum.addends().iter().map(one).collect())
}

/// `u`, where the term is `exp(u)`.
fn exponent(term: &Term) -> Option<Term> {
    match term.node() {
        Node::Call(Function::Exp, arguments) => arguments.first().cloned(),
        _ => None,
    }
}

/// A term with the same value, where it has shares `exp(u - l)` whose normaliser has a name: that is put in by its
/// definition. Where it is computed step by step it is read: in a row of minus infinity nothing is subtracted then,
/// which leaves 0, and in a row with infinity no number.
pub(super) fn by_named(term: &Term, model: &Model) -> Term {
    if !term.kinds().meet(Kinds::CALL.or(Kinds::ADD)) {
        return term.clone();
    }
    match term.node() {
        Node::Call(Function::Exp, arguments) => {
            unnamed(&arguments[0], model).map(|exponent| Term::call(Function::Exp, exponent))
        }
        Node::Add(_) => unnamed(term, model).filter(has_logsumexp),
        _ => None,
    }
    .unwrap_or_else(|| term.map_children(&mut |child| by_named(child, model)))
}

/// An exponent whose normaliser has a name, without that.
fn unnamed(exponent: &Term, model: &Model) -> Option<Term> {
    let mut addends = exponent.addends().to_vec();
    let place = share::normaliser(exponent, model)?;
    let (number, l) = addends[place].split_number();
    let Node::Read { tensor, subscripts } = l.node() else { return None };
    let l = if model.tensors.is_recurrent(tensor) {
        let lowest = Term::compare(Comparison::Equal, l.clone(), Term::number(Number::Float(f64::NEG_INFINITY)));
        // `l - l` is 0, but of an infinite one no number.
        let finite = Term::add(vec![l.clone(), together(together(l.clone()).minus(&l))]);
        Term::choose(lowest, Term::integer(0), finite)
    } else {
        // The row itself, so that its greatest can be subtracted.
        model.definition(tensor)?.at(subscripts)?
    };
    addends[place] = Term::mul(vec![Term::number(number), l]);
    Some(Term::add(addends))
}

fn has_logsumexp(term: &Term) -> bool {
    term.kinds().meet(Kinds::REDUCE) && (is_logsumexp(term) || term.any_child(&mut has_logsumexp))
}

/// A row of exponents with its normaliser.
struct Row {
    greatest: Term,
    sum: Term,
}

impl Row {
    /// Of `logsumexp[k] u[k]`.
    fn new(opened: &Opened) -> Row {
        let mut parts = Vec::new();
        add_parts(&opened.indices, &opened.body, &mut parts);
        let greatest = |(indices, body): &(Vec<Index>, Term)| Term::reduce(Reduction::Max, indices, body.clone());
        let greatest = parts.iter().map(greatest).reduce(|a, b| Term::call2(Function::Max, a, b));
        let greatest = greatest.unwrap_or_else(|| Term::number(Number::Float(f64::NEG_INFINITY)));
        let sum = |(indices, body): &(Vec<Index>, Term)| {
            Term::sum(indices, Term::call(Function::Exp, below(body, &greatest)))
        };
        let sum = Term::add(parts.iter().map(sum).collect());
        Row { greatest, sum }
    }

    /// Of a term that is a logsumexp.
    fn of(term: &Term) -> Option<Row> {
        is_logsumexp(term).then(|| term.open_from(fresh_id(&[term]))).flatten().map(|opened| Row::new(&opened))
    }
}

fn is_logsumexp(term: &Term) -> bool {
    matches!(term.node(), Node::Reduce { reduction: Reduction::LogSumExp, .. })
}

/// So many entries of a row are looked at one by one.
const MOST_ENTRIES: usize = 16;

/// A row, rows inside of it taken apart: the normaliser of a row of normalisers is that of all their exponents.
fn add_parts(indices: &[Index], body: &Term, parts: &mut Vec<(Vec<Index>, Term)>) {
    let used: Vec<Term> = indices.iter().map(Term::index).chain([body.clone()]).collect();
    if let Some((inner, others)) = added_normaliser(body)
        && let Some(opened) = inner.open_from(fresh_id(&used.iter().collect::<Vec<_>>()))
    {
        let indices = [indices, &opened.indices].concat();
        return add_parts(&indices, &Term::add(vec![opened.body, others]), parts);
    }
    if let [index] = indices
        && index.extent <= MOST_ENTRIES
    {
        let at = |value| body.substitute_all(&[(index.clone(), Affine::constant(value))]);
        let entries: Vec<Term> = (0..index.extent as i64).map(at).collect();
        if entries.iter().any(|entry| added_normaliser(entry).is_some()) {
            return entries.iter().for_each(|entry| add_parts(&[], entry, parts));
        }
    }
    parts.push((indices.to_vec(), body.clone()));
}

/// `u - m` as one difference that nothing is put in between.
fn below(u: &Term, greatest: &Term) -> Term {
    let u = if matches!(u.node(), Node::Add(_)) { together(u.clone()) } else { u.clone() };
    together(u.minus(greatest))
}

/// The same value, but no addends of a sum around it.
fn together(term: Term) -> Term {
    Term::call(Function::Stop, term)
}

/// A normaliser that is added, and the other addends.
fn added_normaliser(argument: &Term) -> Option<(Term, Term)> {
    argument.addends().iter().find(|addend| is_logsumexp(addend)).map(|addend| (addend.clone(), argument.minus(addend)))
}

fn is_not(term: &Term, infinity: f64) -> Term {
    Term::compare(Comparison::NotEqual, term.clone(), Term::number(Number::Float(infinity)))
}

/// A normaliser that is subtracted, how often, and the other addends.
fn normaliser(argument: &Term) -> Option<(Term, i64, Term)> {
    argument.addends().iter().find_map(|addend| {
        let (number, rest) = addend.split_number();
        let times = number.as_integer().filter(|times| (-8..0).contains(times))?;
        is_logsumexp(&rest).then(|| (rest, -times, argument.minus(addend)))
    })
}

/// `exp(argument)` with the greatest of each row subtracted in the exponent and the sum of the row as a divisor; for
/// members of a row of minus infinity 0. What is left of the exponent stays in it: `exp(u - m)` could be 0 where `exp` of the rest
/// is infinite.
fn exponential(argument: &Term) -> Option<Term> {
    let (mut rest, mut exponents, mut sums, mut finite) = (argument.clone(), Vec::new(), Vec::new(), Vec::new());
    let mut otherwise = Term::integer(0);
    while let Some((lse, times, mut others)) = normaliser(&rest) {
        let opened = lse.open_from(fresh_id(&[argument]))?;
        let row = Row::new(&opened);
        let mut left = times;
        while left > 0
            && let Some((u, without)) = member(&others, &opened)
        {
            let inner = Row::of(&u);
            exponents.push(below(inner.as_ref().map_or(&u, |inner| &inner.greatest), &row.greatest));
            sums.extend(inner.map(|inner| inner.sum));
            (others, left) = (without, left - 1);
        }
        // What is no member of the row is compared with its greatest all the same.
        if left > 0 {
            others = below(&others, &Term::mul(vec![Term::integer(left), row.greatest.clone()]));
            otherwise = Term::call(Function::Exp, argument.clone());
            finite.push(is_not(&row.greatest, f64::INFINITY));
        }
        sums.push(Term::pow(&row.sum, &Term::integer(-times)));
        finite.push(is_not(&row.greatest, f64::NEG_INFINITY));
        rest = others;
    }
    if sums.is_empty() {
        return None;
    }
    exponents.push(rest);
    let exponential = Term::call(Function::Exp, Term::add(exponents));
    let quotient = Term::mul([vec![exponential], sums].concat());
    Some(Term::choose(Term::logic(Connective::And, finite), quotient, otherwise))
}

/// The entry of a row among the addends, and the others.
fn member(addends: &Term, row: &Opened) -> Option<(Term, Term)> {
    let (at, others) = row.entry(addends)?;
    Some((row.body.substitute_all(&at), others))
}

/// A sum in which normalisers are subtracted from members of their rows, or from other normalisers.
fn difference(sum: &Term) -> Option<Term> {
    sum.addends().iter().find_map(|addend| {
        let (lse, times, rest) = normaliser(addend)?;
        without_normaliser(sum, &sum.minus(addend).minus(&rest), &lse, times)
    })
}

/// The sum `rest - times lse`.
fn without_normaliser(sum: &Term, rest: &Term, lse: &Term, times: i64) -> Option<Term> {
    let opened = lse.open_from(fresh_id(&[sum]))?;
    let row = Row::new(&opened);
    let log = |row: &Row| Term::call(Function::Log, row.sum.clone());
    let (mut rest, mut left, mut parts) = (rest.clone(), times, Vec::new());
    while left > 0
        && let Some((u, others)) = member(&rest, &opened).filter(|(u, _)| !is_logsumexp(u))
    {
        parts.push(together(below(&u, &row.greatest).minus(&log(&row))));
        (rest, left) = (others, left - 1);
    }
    if left > 0
        && let Some((other, others)) = added_normaliser(&rest)
    {
        let other = Row::new(&other.open_from(fresh_id(&[sum]))?);
        let times = |term: Term| Term::mul(vec![Term::integer(left), term]);
        let logs = together(log(&other).minus(&times(log(&row))));
        let difference = Term::add(vec![below(&other.greatest, &times(row.greatest.clone())), logs]);
        let lowest = Term::number(Number::Float(f64::NEG_INFINITY));
        parts.push(Term::choose(is_not(&other.greatest, f64::NEG_INFINITY), difference, lowest));
        (rest, left) = (others, 0);
    }
    if parts.is_empty() {
        return None;
    }
    let rest = Term::add(vec![rest, Term::mul(vec![Term::integer(-left), lse.clone()])]);
    parts.push(difference(&rest).unwrap_or(rest));
    Some(Term::add(parts))
}
