//! Where a term can differ from 0, as inequalities between indices: what is told of them holds however many
//! values the indices take.

use crate::term::{Affine, Comparison, Connective, Function, Index, Node, Reduction, Slot, Term, fresh_id};

/// A part of the places where a term can differ from 0: those where all forms are at least 0.
#[derive(Debug, Clone, Default)]
pub struct Zone {
    forms: Vec<Affine>,
    /// The indices of sums, of which some value will do.
    bound: Vec<Index>,
    /// Whether an equation of values chooses among the places.
    chosen: bool,
}

/// More zones, or more inequalities in one, are not looked at.
const MOST: usize = 200;

/// The zones of a term; `None` where they are too many.
pub fn zones(rows: &[Index], columns: &[Index], term: &Term) -> Option<Vec<Zone>> {
    let ids = rows.iter().chain(columns).map(|index| index.id + 1);
    Opener { next: ids.max().unwrap_or(0).max(fresh_id(&[term])) }.of(term)
}

struct Opener {
    next: u32,
}

impl Opener {
    fn of(&mut self, term: &Term) -> Option<Vec<Zone>> {
        match term.node() {
            Node::Number(number) if number.is_zero() => Some(Vec::new()),
            Node::Add(addends) => self.any(addends),
            Node::Mul(factors) => self.all(factors),
            Node::Pow(base, exponent) if exponent.as_number().is_some_and(|number| !number.is_negative()) => {
                self.of(base)
            }
            Node::Compare(..) | Node::Logic(..) => self.condition(term, true),
            Node::Where(condition, then, otherwise) => {
                let then = both(self.condition(condition, true)?, self.of(then)?)?;
                let otherwise = both(self.condition(condition, false)?, self.of(otherwise)?)?;
                limited([then, otherwise].concat())
            }
            Node::Reduce { reduction: Reduction::Sum | Reduction::Max | Reduction::Min, .. } => {
                let opened = term.open_from(self.next.max(fresh_id(&[term])))?;
                self.next = opened.indices.iter().map(|index| index.id + 1).max().unwrap_or(0).max(self.next);
                let mut zones = self.of(&opened.body)?;
                zones.iter_mut().for_each(|zone| zone.bound.extend(opened.indices.iter().cloned()));
                Some(zones)
            }
            _ => Some(vec![Zone::default()]),
        }
    }

    fn any(&mut self, terms: &[Term]) -> Option<Vec<Zone>> {
        let mut found = Vec::new();
        for term in terms {
            found.extend(self.of(term)?);
        }
        limited(found)
    }

    fn all(&mut self, terms: &[Term]) -> Option<Vec<Zone>> {
        terms.iter().try_fold(vec![Zone::default()], |zones, term| both(zones, self.of(term)?))
    }

    /// Where a condition holds, or where it does not.
    fn condition(&mut self, term: &Term, holds: bool) -> Option<Vec<Zone>> {
        match term.node() {
            Node::Number(number) => Some(if number.is_zero() == holds { Vec::new() } else { vec![Zone::default()] }),
            Node::Compare(comparison, left, right) => {
                Some(compared(if holds { *comparison } else { comparison.opposite() }, left, right))
            }
            Node::Logic(Connective::Not, inner) => self.condition(&inner[0], !holds),
            Node::Logic(connective, conditions) => {
                let parts = conditions.iter().map(|condition| self.condition(condition, holds));
                let parts: Vec<Vec<Zone>> = parts.collect::<Option<_>>()?;
                match (*connective == Connective::And) == holds {
                    true => parts.into_iter().try_fold(vec![Zone::default()], both),
                    false => limited(parts.concat()),
                }
            }
            _ => Some(vec![Zone::default()]),
        }
    }
}

fn limited(zones: Vec<Zone>) -> Option<Vec<Zone>> {
    (zones.len() <= MOST).then_some(zones)
}

fn both(some: Vec<Zone>, others: Vec<Zone>) -> Option<Vec<Zone>> {
    let join = |(a, b): (&Zone, &Zone)| Zone {
        forms: [a.forms.as_slice(), &b.forms].concat(),
        bound: [a.bound.as_slice(), &b.bound].concat(),
        chosen: a.chosen || b.chosen,
    };
    limited(some.iter().flat_map(|a| others.iter().map(move |b| join((a, b)))).collect())
}

fn compared(comparison: Comparison, left: &Term, right: &Term) -> Vec<Zone> {
    let one = |form: Option<Affine>| Zone { forms: form.into_iter().collect(), ..Zone::default() };
    let is_equal = comparison == Comparison::Equal;
    if let (Some(left), Some(right)) = (left.as_affine(), right.as_affine()) {
        let (more, less) = (left.minus(&right), right.minus(&left));
        let beyond = |form: &Option<Affine>| form.as_ref().and_then(|form| shifted(form, -1));
        return match comparison {
            Comparison::Equal => vec![Zone { forms: more.into_iter().chain(less).collect(), ..Zone::default() }],
            Comparison::NotEqual => vec![one(beyond(&more)), one(beyond(&less))],
            Comparison::Less => vec![one(beyond(&less))],
            Comparison::LessEqual => vec![one(less)],
            Comparison::Greater => vec![one(beyond(&more))],
            Comparison::GreaterEqual => vec![one(more)],
        };
    }
    for (floor, other) in [(left, right), (right, left)] {
        if let Some(forms) = is_equal.then(|| floor_equals(floor, other)).flatten() {
            return vec![Zone { forms, ..Zone::default() }];
        }
    }
    vec![Zone { chosen: is_equal, ..Zone::default() }]
}

/// `floor(a / d) = b` is `0 <= a - d b < d`.
fn floor_equals(floor: &Term, other: &Term) -> Option<Vec<Affine>> {
    let Node::Call(Function::Floor, arguments) = floor.node() else { return None };
    let (dividend, divisor) = arguments[0].as_quotient()?;
    let rest = Affine::combine(&[(1, &dividend.as_affine()?), (-divisor, &other.as_affine()?)])?;
    let last = Affine::constant(divisor - 1).minus(&rest)?;
    Some(vec![rest, last])
}

fn shifted(form: &Affine, by: i64) -> Option<Affine> {
    Some(Affine { constant: form.constant.checked_add(by)?, terms: form.terms.clone() })
}

impl Zone {
    /// Whether `second` is never greater than `first` in it, whatever their ranges are.
    pub fn orders(&self, first: &Index, second: &Index) -> bool {
        let beyond = Affine::index(second).minus(&Affine::index(first)).and_then(|form| shifted(&form, -1));
        let starts = self.bound.iter().map(Affine::index);
        let forms: Vec<Affine> = self.forms.iter().cloned().chain(starts).chain(beyond).collect();
        is_nowhere(forms)
    }

    /// Whether `column - stride · row` stays between two numbers in it, whatever the ranges of the two are.
    pub fn keeps_near(&self, row: &Index, column: &Index, stride: i64) -> bool {
        let by = Affine::combine(&[(1, &Affine::index(column)), (-stride, &Affine::index(row))]);
        let Some(by) = by else { return false };
        // Far away on one side there is nothing: a form with a positive part of the difference bounds it from
        // below, one with a negative part from above.
        let Some(forms) = self.without_bound(&|index| index != row && index != column) else { return false };
        let along = |form: &Affine| {
            let times = form.coefficient(column);
            let is_multiple = form.terms.len() == 2 && form.coefficient(row) == -stride * times;
            if is_multiple { times } else { 0 }
        };
        by.terms.len() == 2 && forms.iter().any(|form| along(form) > 0) && forms.iter().any(|form| along(form) < 0)
    }

    /// The forms that are left when the indices of sums are gone, and those that are `other`.
    fn without_bound(&self, other: &dyn Fn(&Index) -> bool) -> Option<Vec<Affine>> {
        let ends = self.bound.iter().flat_map(range).flatten();
        let forms = self.forms.iter().cloned().chain(ends).collect();
        eliminated(forms, &|index| other(index) || self.bound.contains(index))
    }
}

/// Whether every place is in a zone, the ranges of the indices being what they are.
pub fn are_everywhere(zones: &[Zone], indices: &[Index]) -> bool {
    let mut left: Vec<Vec<Affine>> =
        zones.iter().filter(|zone| !zone.chosen).filter_map(|zone| zone.without_bound(&|_| false)).collect();
    left.sort_by_key(Vec::len);
    left.truncate(MOST_JOINED);
    let mut inside = indices.iter().flat_map(range).flatten().collect();
    covers(&left, &mut inside)
}

/// So many zones are looked at together.
const MOST_JOINED: usize = 6;

/// The index is at least 0, and at most its last value.
fn range(index: &Index) -> Option<[Affine; 2]> {
    let last = index.extent.term().as_affine()?.minus(&Affine::constant(1))?;
    Some([Affine::index(index), last.minus(&Affine::index(index))?])
}

/// Whether no place inside is left by all of the zones.
fn covers(zones: &[Vec<Affine>], inside: &mut Vec<Affine>) -> bool {
    if is_nowhere(inside.clone()) {
        return true;
    }
    let Some((first, rest)) = zones.split_first() else { return false };
    first.iter().all(|form| {
        let Some(outside) = Affine::constant(-1).minus(form) else { return false };
        inside.push(outside);
        let covered = covers(rest, inside);
        inside.pop();
        covered
    })
}

fn is_nowhere(forms: Vec<Affine>) -> bool {
    eliminated(forms, &|_| true).is_some_and(|left| left.iter().any(is_negative))
}

/// What inequalities say of the indices that stay, by Fourier and Motzkin; `None` where it takes too many.
fn eliminated(mut forms: Vec<Affine>, goes: &dyn Fn(&Index) -> bool) -> Option<Vec<Affine>> {
    loop {
        let next = forms.iter().flat_map(|form| form.terms.iter()).find_map(|(slot, _)| match slot {
            Slot::Free(index) if goes(index) => Some(index.clone()),
            _ => None,
        });
        let Some(index) = next else { return Some(forms) };
        let (with, mut rest): (Vec<Affine>, Vec<Affine>) =
            forms.into_iter().partition(|form| form.coefficient(&index) != 0);
        let (above, below): (Vec<&Affine>, Vec<&Affine>) = with.iter().partition(|form| form.coefficient(&index) < 0);
        for (high, low) in above.iter().flat_map(|high| below.iter().map(move |low| (high, low))) {
            let (a, b) = (low.coefficient(&index), high.coefficient(&index).checked_neg()?);
            let form = tightened(Affine::combine(&[(a, high), (b, low)])?);
            if !rest.contains(&form) {
                rest.push(form);
            }
        }
        forms = rest;
        if forms.len() > MOST {
            return None;
        }
    }
}

/// Whether a form of sizes is negative at all of them.
fn is_negative(form: &Affine) -> bool {
    let sizes = Term::affine(form.clone()).as_polynomial();
    sizes.and_then(|sizes| sizes.greatest()).is_some_and(|greatest| greatest < 0)
}

/// The form over the common divisor of its coefficients: between integers the constant is rounded down.
fn tightened(form: Affine) -> Affine {
    let divisor = form.terms.iter().fold(0i64, |divisor, (_, coefficient)| gcd(divisor, coefficient.saturating_abs()));
    if divisor < 2 {
        return form;
    }
    let terms = form.terms.iter().map(|(slot, coefficient)| (slot.clone(), coefficient / divisor)).collect();
    Affine { terms, constant: form.constant.div_euclid(divisor) }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
