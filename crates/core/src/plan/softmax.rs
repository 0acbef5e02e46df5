//! Softmax in a form that keeps its digits in single precision: what is subtracted from large
//! exponents is their own greatest, and the sum of the row divides.
//!
//! `exp(u[i] - logsumexp[k] u[k])` is `exp(u[i] - m) / sum[k] exp(u[k] - m)` and
//! `u[i] - logsumexp[k] u[k]` is `(u[i] - m) - log(sum[k] exp(u[k] - m))`, with
//! `m = max[k] u[k]`. A logarithm of a sum by itself stays one.

use crate::model::{Model, share};
use crate::term::{Comparison, Connective, Function, Index, Kinds, Node, Number, Opened, Reduction, Term, fresh_id};

/// A term with the same value, its softmaxes by the greatest of the row.
pub(super) fn by_greatest(term: &Term) -> Term {
    if !share::has_logsumexp(term) {
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
        Node::Add(_) => unnamed(term, model).filter(share::has_logsumexp),
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

/// A row of exponents with its normaliser.
struct Row {
    greatest: Term,
    sum: Term,
}

impl Row {
    /// Of `logsumexp[k] u[k]`.
    fn new(opened: &Opened) -> Row {
        let parts = share::parts(opened);
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
        share::is_logsumexp(term).then(|| share::opened(term, fresh_id(&[term]))).flatten().map(|row| Row::new(&row))
    }

    fn log(&self) -> Term {
        Term::call(Function::Log, self.sum.clone())
    }

    /// The condition that an entry is above minus infinity.
    fn counts(&self) -> Term {
        is_not(&self.greatest, f64::NEG_INFINITY)
    }
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

fn is_not(term: &Term, infinity: f64) -> Term {
    Term::compare(Comparison::NotEqual, term.clone(), Term::number(Number::Float(infinity)))
}

/// So often a normaliser is subtracted at most.
const MOST_TIMES: f64 = 8.0;

/// A normaliser that is subtracted, how often, and the other addends.
fn normaliser(argument: &Term) -> Option<(Term, Number, Term)> {
    argument.addends().iter().find_map(|addend| {
        let (number, rest) = addend.split_number();
        let times = number.negated();
        let fits = times.value() > 0.0 && times.value() <= MOST_TIMES;
        (fits && share::is_logsumexp(&rest)).then(|| (rest, times, argument.minus(addend)))
    })
}

/// A normaliser that is added, how often, and the other addends.
fn added(argument: &Term) -> Option<(Row, Number, Term)> {
    argument.addends().iter().find_map(|addend| {
        let (times, rest) = addend.split_number();
        let row = Row::of(&rest).filter(|_| times.value() > 0.0)?;
        Some((row, times, argument.minus(addend)))
    })
}

fn times(number: Number, term: &Term) -> Term {
    Term::mul(vec![Term::number(number), term.clone()])
}

/// The addends of an exponent, also where a number stands before them.
fn flat(argument: &Term) -> Term {
    let (number, rest) = argument.split_number();
    share::scaled(&rest, number)
}

/// `exp(argument)` with the greatest of each row subtracted in the exponent and the sum of the row as a divisor; for
/// members of a row of minus infinity 0. What is left of the exponent stays in it: `exp(u - m)` could be 0 where `exp` of the rest
/// is infinite.
fn exponential(argument: &Term) -> Option<Term> {
    let (mut rest, mut exponents, mut sums, mut finite) = (flat(argument), Vec::new(), Vec::new(), Vec::new());
    let mut otherwise = Term::integer(0);
    while let Some((lse, how_often, mut others)) = normaliser(&rest) {
        let opened = share::opened(&lse, fresh_id(&[argument]))?;
        let row = Row::new(&opened);
        let all = others.clone();
        let mut left = how_often;
        while let Some((u, step, without)) = member(&others, &opened, left) {
            let inner = Row::of(&u);
            let u = inner.as_ref().map_or(&u, |inner| &inner.greatest);
            exponents.push(times(step, &below(u, &row.greatest)));
            finite.extend(inner.iter().map(Row::counts));
            sums.extend(inner.map(|inner| Term::pow(&inner.sum, &Term::number(step))));
            (others, left) = (without, left.plus(step.negated()));
        }
        // What is no member of the row is compared with its greatest all the same.
        if left.value() > 0.0 {
            while let Some((inner, often, without)) = added(&others) {
                others = Term::add(vec![without, times(often, &inner.greatest)]);
                finite.push(inner.counts());
                sums.push(Term::pow(&inner.sum, &Term::number(often)));
            }
            others = below(&others, &times(left, &row.greatest));
            otherwise = beside_infinity(argument, &all, &lse, &row.greatest);
            finite.push(is_not(&row.greatest, f64::INFINITY));
        }
        sums.push(Term::pow(&row.sum, &Term::number(how_often.negated())));
        finite.push(row.counts());
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

/// `exp(argument)`, where the normaliser in it is infinite. What reads all that the row reads is taken for one of the row,
/// as the interpreter does, though it was not found there: in a row of minus infinity it is 0, beside infinity no number.
fn beside_infinity(argument: &Term, others: &Term, lse: &Term, greatest: &Term) -> Term {
    let exp = |exponent: Term| Term::call(Function::Exp, exponent);
    if !lse.tensors().iter().all(|name| others.reads(name)) {
        return exp(argument.clone());
    }
    let least = || Term::number(Number::Float(f64::NEG_INFINITY));
    let is_lowest = |term: &Term| Term::compare(Comparison::Equal, term.clone(), least());
    let lowest = Term::choose(is_lowest(others), Term::integer(0), exp(argument.clone()));
    // `m - m` is 0, but of an infinite one no number.
    let undefined = together(together(greatest.clone()).minus(greatest));
    Term::choose(is_lowest(greatest), lowest, exp(Term::add(vec![argument.clone(), undefined])))
}

/// An entry of a row among the addends, how often it is taken, at most `left` times, and what is left of the addends.
fn member(addends: &Term, row: &Opened, left: Number) -> Option<(Term, Number, Term)> {
    let mut steps = vec![Number::ONE, left];
    steps.extend(addends.addends().iter().map(|addend| addend.split_number().0));
    let fits = |step: &Number| step.value() > 0.0 && step.value() <= left.value();
    let mut tried: Vec<Number> = Vec::new();
    for step in steps.into_iter().filter(fits) {
        if tried.contains(&step) {
            continue;
        }
        tried.push(step);
        let scaled = if step.is_one() { addends.clone() } else { share::scaled(addends, step.power(-1)) };
        if let Some((at, others)) = row.entry(&scaled) {
            return Some((row.body.substitute_all(&at), step, share::scaled(&others, step)));
        }
    }
    None
}

/// A sum in which normalisers are subtracted from members of their rows, or from other normalisers.
fn difference(sum: &Term) -> Option<Term> {
    let sum = flat(sum);
    sum.addends().iter().find_map(|addend| {
        let (lse, how_often, _) = normaliser(addend)?;
        without_normaliser(&sum, &sum.minus(addend), &lse, how_often)
    })
}

/// The sum `rest - left lse`.
fn without_normaliser(sum: &Term, rest: &Term, lse: &Term, how_often: Number) -> Option<Term> {
    let opened = share::opened(lse, fresh_id(&[sum]))?;
    let row = Row::new(&opened);
    let (mut rest, mut left, mut parts) = (rest.clone(), how_often, Vec::new());
    while let Some((u, step, others)) = member(&rest, &opened, left) {
        let part = match Row::of(&u) {
            Some(inner) => between(&inner, Number::ONE, &row, Number::ONE),
            None => together(below(&u, &row.greatest).minus(&row.log())),
        };
        parts.push(times(step, &part));
        (rest, left) = (others, left.plus(step.negated()));
    }
    if left.value() > 0.0
        && let Some((other, often, others)) = added(&rest)
    {
        // What is added more often stays for others.
        let taken = if often.value() > left.value() { left } else { often };
        parts.push(between(&other, taken, &row, left));
        let term = rest.minus(&others);
        let more = often.plus(taken.negated()).times(often.power(-1));
        (rest, left) = (Term::add(vec![others, times(more, &term)]), Number::ZERO);
    }
    if parts.is_empty() {
        return None;
    }
    let rest = Term::add(vec![rest, times(left.negated(), lse)]);
    let opposite = || Some(difference(&rest.negated())?.negated());
    parts.push(difference(&rest).or_else(opposite).unwrap_or(rest));
    Some(Term::add(parts))
}

/// The normaliser of a row, so often, less that of another one, so often.
fn between(one: &Row, taken: Number, row: &Row, left: Number) -> Term {
    let logs = together(times(taken, &one.log()).minus(&times(left, &row.log())));
    let difference = Term::add(vec![below(&times(taken, &one.greatest), &times(left, &row.greatest)), logs]);
    Term::choose(one.counts(), difference, Term::number(Number::Float(f64::NEG_INFINITY)))
}
