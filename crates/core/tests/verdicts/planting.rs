//! Wrong rules, planted where a model uses them.

use crate::checking::{derived, points, verified};
use crate::dice::Dice;
use deltarule_core::derivation::{Backward, CheckError, Fault, with_fault};
use deltarule_core::meaning::{Point, complete};
use deltarule_core::model::Model;
use deltarule_core::term::{Affine, Index, Name, Term};
use std::collections::BTreeSet;

/// Makes a right side wrong, from the term before a step and the one after it.
type Change = fn(&Term, &Term) -> Term;

/// Ways to make the right side of a rule wrong.
const CHANGES: [(&str, Change); 7] = [
    ("twice", |before, after| unless_whole(before, after, || scaled(after, 2, 1))),
    ("another sign", |before, after| unless_whole(before, after, || after.negated())),
    ("a millionth more", |before, after| unless_whole(before, after, || scaled(after, 1_000_001, 1_000_000))),
    ("one more", |before, after| unless_whole(before, after, || Term::add(vec![after.clone(), Term::integer(1)]))),
    ("an addend less", |before, after| unless_whole(before, after, || without_addend(after))),
    ("a factor less", |before, after| unless_whole(before, after, || without_factor(after))),
    ("indices exchanged", |before, after| unless_whole(before, after, || exchanged(after))),
];

/// What is a condition or a subscript stays: nothing else could stand there.
fn unless_whole(before: &Term, after: &Term, change: impl FnOnce() -> Term) -> Term {
    if before.is_condition() || before.is_integer() { after.clone() } else { change() }
}

fn scaled(term: &Term, numerator: i64, denominator: i64) -> Term {
    Term::mul(vec![Term::ratio(numerator, denominator), term.clone()])
}

fn without_addend(term: &Term) -> Term {
    match term.addends() {
        [_, rest @ ..] if !rest.is_empty() => Term::add(rest.to_vec()),
        _ => scaled(term, 3, 2),
    }
}

fn without_factor(term: &Term) -> Term {
    match term.factors() {
        [rest @ .., _] if !rest.is_empty() => Term::mul(rest.to_vec()),
        _ => scaled(term, 1, 2),
    }
}

/// Two free indices with the same range in each other's place.
fn exchanged(term: &Term) -> Term {
    let free: &[Index] = term.free();
    let pairs = free.iter().enumerate().flat_map(|(number, one)| free[number + 1..].iter().map(move |two| (one, two)));
    match pairs.into_iter().find(|(one, two)| one.extent == two.extent && one.extent.value() > 1) {
        Some((one, two)) => {
            term.substitute_all(&[(one.clone(), Affine::index(two)), (two.clone(), Affine::index(one))])
        }
        None => scaled(term, -1, 2),
    }
}

/// What became of a planted fault.
#[derive(Debug)]
pub enum Planted {
    Refused,
    /// The derivation has the right values all the same.
    Untouched,
    /// The fault was not seen, or not by numbers.
    Missed(String),
}

/// The rules that a derivation uses, by name.
fn used(backward: &Backward) -> Vec<&'static str> {
    let stable = backward.stabilised.iter().map(|stable| &stable.derivation);
    let local = backward.jacobians.iter().map(|local| &local.derivation);
    let gradients =
        backward.gradients.iter().flat_map(|own| [&own.derivation, &own.shown].into_iter().chain(&own.in_full));
    let steps = stable.chain(local).chain(gradients).flat_map(|derivation| &derivation.steps);
    let names: BTreeSet<&'static str> = steps.map(|step| step.rule.name).collect();
    names.into_iter().collect()
}

/// Plants a fault in a rule that the derivation uses.
pub fn plant(model: &Model, of: &Name, right: &Backward, dice: &mut Dice) -> Planted {
    let rules = used(right);
    let rule = rules[dice.below(rules.len())];
    let (what, change) = CHANGES[dice.below(CHANGES.len())];
    let fault = Fault { rule, change };
    let Ok(wrong) = with_fault(fault, || derived(model, of)) else { return Planted::Untouched };
    if !differ(right, &wrong) {
        return Planted::Untouched;
    }
    match with_fault(fault, || verified(&wrong, 0)) {
        Err(CheckError::Line { .. } | CheckError::Exact { .. } | CheckError::Difference { .. }) => Planted::Refused,
        found => Planted::Missed(format!("«{rule}», {what}: {found:?}")),
    }
}

/// Whether a derivative has other values at some of a few points.
fn differ(right: &Backward, wrong: &Backward) -> bool {
    let names: Vec<Name> = right.gradients.iter().map(|gradient| gradient.name.clone()).collect();
    let differ_at = |point: &Point| {
        let values = |backward: &Backward| {
            let mut point = point.clone();
            complete(&backward.model, &mut point, &names).ok().map(|()| point)
        };
        let (Some(one), Some(other)) = (values(right), values(wrong)) else { return false };
        names.iter().any(|name| {
            let (one, other) = (&one[name].values, &other[name].values);
            let size = one.iter().filter(|value| value.is_finite()).fold(1e-3f64, |size, value| size.max(value.abs()));
            one.iter().zip(other).any(|(one, other)| (one - other).abs() > 1e-7 * size)
        })
    };
    points(right, 1).iter().any(differ_at)
}
