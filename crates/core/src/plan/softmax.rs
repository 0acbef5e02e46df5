//! Softmax in a form that keeps its digits in single precision: what is subtracted from large
//! exponents is their own greatest, and the sum of the row divides.
//!
//! `exp(u[i] - logsumexp[k] u[k])` is `exp(u[i] - m) / sum[k] exp(u[k] - m)` and
//! `u[i] - logsumexp[k] u[k]` is `(u[i] - m) - log(sum[k] exp(u[k] - m))`, with
//! `m = max[k] u[k]`. A logarithm of a sum by itself stays one.

use crate::model::{Model, share};
use crate::term::{Affine, Comparison, Function, Index, Kinds, Node, Number, Opened, Reduction, Slot, Term, fresh_id};

/// Indices of a row that are tried for those bound in its normaliser.
const MOST_CANDIDATES: usize = 64;

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

/// A term with the same value, where it has shares `exp(u - l)` whose normaliser has a name: in a row of minus
/// infinity nothing is subtracted, which leaves 0, and in a row with infinity no number.
pub(super) fn by_named(term: &Term, model: &Model) -> Term {
    if !term.kinds().meet(Kinds::CALL) {
        return term.clone();
    }
    let own = |exponent: &Term| {
        let mut addends = exponent.addends().to_vec();
        let place = share::normaliser(exponent, model)?;
        let (number, l) = addends[place].split_number();
        let Node::Read { .. } = l.node() else { return None };
        let lowest = Term::compare(Comparison::Equal, l.clone(), Term::number(Number::Float(f64::NEG_INFINITY)));
        // `l - l` is 0, but of an infinite one no number.
        let finite = Term::add(vec![l.clone(), together(together(l.clone()).minus(&l))]);
        addends[place] = Term::mul(vec![Term::number(number), Term::choose(lowest, Term::integer(0), finite)]);
        Some(Term::call(Function::Exp, Term::add(addends)))
    };
    match term.node() {
        Node::Call(Function::Exp, arguments) => own(&arguments[0]),
        _ => None,
    }
    .unwrap_or_else(|| term.map_children(&mut |child| by_named(child, model)))
}

fn has_logsumexp(term: &Term) -> bool {
    let here = || matches!(term.node(), Node::Reduce { reduction: Reduction::LogSumExp, .. });
    term.kinds().meet(Kinds::REDUCE) && (here() || term.any_child(&mut has_logsumexp))
}

/// A row of exponents with its normaliser.
struct Row {
    greatest: Term,
    sum: Term,
}

impl Row {
    /// Of `logsumexp[k] u[k]`.
    fn new(opened: &Opened) -> Row {
        let greatest = Term::reduce(Reduction::Max, &opened.indices, opened.body.clone());
        let sum = Term::sum(&opened.indices, Term::call(Function::Exp, below(&opened.body, &greatest)));
        Row { greatest, sum }
    }

    /// `exp(u) / sum`, and 0 in a row of minus infinity.
    fn share(&self, u: &Term) -> Term {
        let quotient = Term::mul(vec![Term::call(Function::Exp, below(u, &self.greatest)), self.sum.inverse()]);
        let lowest = Term::number(Number::Float(f64::NEG_INFINITY));
        let finite = Term::compare(Comparison::NotEqual, self.greatest.clone(), lowest);
        Term::choose(finite, quotient, Term::integer(0))
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

/// A normaliser that is subtracted, how often, and the other addends.
fn normaliser(argument: &Term) -> Option<(Term, i64, Term)> {
    argument.addends().iter().find_map(|addend| {
        let (number, rest) = addend.split_number();
        let times = number.as_integer().filter(|times| (-8..0).contains(times))?;
        let is_normaliser = matches!(rest.node(), Node::Reduce { reduction: Reduction::LogSumExp, .. });
        is_normaliser.then(|| (rest, -times, argument.minus(addend)))
    })
}

/// `exp(argument)`.
fn exponential(argument: &Term) -> Option<Term> {
    let (lse, times, mut rest) = normaliser(argument)?;
    let opened = lse.open_from(fresh_id(&[argument]))?;
    let row = Row::new(&opened);
    let mut factors = Vec::new();
    while (factors.len() as i64) < times
        && let Some((u, others)) = member(&rest, &opened)
    {
        factors.push(row.share(&u));
        rest = others;
    }
    if factors.is_empty() {
        return None;
    }
    let left = Term::integer(factors.len() as i64 - times);
    let rest = Term::add(vec![rest, Term::mul(vec![left, lse])]);
    factors.push(exponential(&rest).unwrap_or_else(|| Term::call(Function::Exp, rest)));
    Some(Term::mul(factors))
}

/// A sum in which normalisers are subtracted from members of their rows.
fn difference(sum: &Term) -> Option<Term> {
    let (lse, times, mut rest) = normaliser(sum)?;
    let opened = lse.open_from(fresh_id(&[sum]))?;
    let row = Row::new(&opened);
    let mut parts = Vec::new();
    while (parts.len() as i64) < times
        && let Some((u, others)) = member(&rest, &opened)
    {
        parts.push(together(below(&u, &row.greatest).minus(&Term::call(Function::Log, row.sum.clone()))));
        rest = others;
    }
    if parts.is_empty() {
        return None;
    }
    let left = Term::integer(parts.len() as i64 - times);
    let rest = Term::add(vec![rest, Term::mul(vec![left, lse])]);
    parts.push(difference(&rest).unwrap_or(rest));
    Some(Term::add(parts))
}

/// A member of the row among the addends, and the others.
fn member(addends: &Term, row: &Opened) -> Option<(Term, Term)> {
    let mut forms: Vec<Affine> = Vec::new();
    subscripts(addends, &mut forms);
    forms.truncate(MOST_CANDIDATES);
    let mut chosen: Vec<(Index, Affine)> = Vec::new();
    search(addends, row, &forms, &mut chosen)
}

/// Tries all forms for the indices of the row that have none yet.
fn search(addends: &Term, row: &Opened, forms: &[Affine], chosen: &mut Vec<(Index, Affine)>) -> Option<(Term, Term)> {
    let Some(index) = row.indices.get(chosen.len()) else {
        let u = row.body.substitute_all(chosen);
        let others = addends.minus(&u);
        return (others.is_zero() || others.size() < addends.size()).then_some((u, others));
    };
    let last = index.extent as i64 - 1;
    let fits = |form: &&Affine| form.bounds().is_some_and(|(least, greatest)| least >= 0 && greatest <= last);
    forms.iter().filter(fits).find_map(|form| {
        chosen.push((index.clone(), form.clone()));
        let found = search(addends, row, forms, chosen);
        chosen.pop();
        found
    })
}

/// The affine forms that stand as subscripts, without those of indices bound inside.
fn subscripts(term: &Term, found: &mut Vec<Affine>) {
    if let Node::Read { subscripts: own, .. } = term.node() {
        for form in own.iter().filter_map(Term::as_affine) {
            let is_free = form.terms.iter().all(|(slot, _)| matches!(slot, Slot::Free(_)));
            if is_free && !found.contains(&form) {
                found.push(form);
            }
        }
    }
    term.for_each_child(&mut |child| subscripts(child, found));
}
