//! Conditions around a read: it happens only where they hold.

use super::draft::Draft;
use super::form::{Atom, Bounds, Extents, Form};
use super::{Role, TargetKind, Tensor};
use crate::term::{Comparison, Connective, Function, Number};
use std::rc::Rc;

/// How many values are tried one by one.
const MOST_TRIED: i128 = 1 << 20;
/// How many conditions are used together.
const DEEPEST: usize = 3;
/// How many conditions are looked at.
const MOST_GUARDS: usize = 12;

/// A condition on integers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Guard {
    NotNegative(Form),
    NotZero(Form),
}

impl Guard {
    /// Its form.
    pub fn form(&self) -> &Form {
        match self {
            Guard::NotNegative(form) | Guard::NotZero(form) => form,
        }
    }

    fn holds(&self, leaves: &[Atom], values: &[i128]) -> bool {
        let value = self.form().value(leaves, values);
        match self {
            Guard::NotNegative(_) => value >= 0,
            Guard::NotZero(_) => value != 0,
        }
    }
}

/// What holds where a condition does, or where it does not, as far as it says something of
/// integers.
pub(super) fn guards(condition: &Draft, holds: bool, tensors: &[Tensor]) -> Vec<Guard> {
    match condition {
        Draft::Compare(comparison, left, right) => {
            let sides = integer(left, tensors).zip(integer(right, tensors));
            let comparison = if holds { *comparison } else { comparison.opposite() };
            sides.and_then(|(left, right)| compared(comparison, &left, &right)).unwrap_or_default()
        }
        Draft::Logic(Connective::Not, parts) => parts.iter().flat_map(|part| guards(part, !holds, tensors)).collect(),
        Draft::Logic(connective, parts) if (*connective == Connective::And) == holds => {
            parts.iter().flat_map(|part| guards(part, holds, tensors)).collect()
        }
        _ => Vec::new(),
    }
}

fn compared(comparison: Comparison, left: &Form, right: &Form) -> Option<Vec<Guard>> {
    let (rise, fall) = (right.plus(-1, left)?, left.plus(-1, right)?);
    let less = |form: Form| form.plus(-1, &Form::constant(1)).map(|form| vec![Guard::NotNegative(form)]);
    match comparison {
        Comparison::Less => less(rise),
        Comparison::Greater => less(fall),
        Comparison::LessEqual => Some(vec![Guard::NotNegative(rise)]),
        Comparison::GreaterEqual => Some(vec![Guard::NotNegative(fall)]),
        Comparison::Equal => Some(vec![Guard::NotNegative(rise), Guard::NotNegative(fall)]),
        Comparison::NotEqual => Some(vec![Guard::NotZero(fall)]),
    }
}

/// The integer that a draft is by its form, if it is one.
pub(super) fn integer(draft: &Draft, tensors: &[Tensor]) -> Option<Form> {
    let (form, divisor) = quotient(draft, tensors)?;
    (divisor == 1).then_some(form)
}

/// A draft as an integer over a positive integer.
fn quotient(draft: &Draft, tensors: &[Tensor]) -> Option<(Form, i64)> {
    match draft {
        Draft::Place(form) => Some((form.clone(), 1)),
        Draft::Number(Number::Ratio(value, divisor)) if *divisor > 0 => Some((Form::constant(*value), *divisor)),
        Draft::Negate(inner) => {
            let (form, divisor) = quotient(inner, tensors)?;
            Some((form.times(-1)?, divisor))
        }
        Draft::Sum(addends) => addends.iter().try_fold((Form::constant(0), 1i64), |(sum, divisor), addend| {
            let (form, other) = quotient(addend, tensors)?;
            Some((sum.times(other)?.plus(divisor, &form)?, divisor.checked_mul(other)?))
        }),
        Draft::Product(factors) => factors.iter().try_fold((Form::constant(1), 1i64), |(product, divisor), factor| {
            let (form, other) = quotient(factor, tensors)?;
            let product = match (product.at_hand(), form.at_hand()) {
                (Some(value), _) => form.times(value)?,
                (_, Some(value)) => product.times(value)?,
                _ => return None,
            };
            Some((product, divisor.checked_mul(other)?))
        }),
        Draft::Power(base, exponent) => match (&**base, &**exponent) {
            (base, Draft::Number(exponent)) if exponent.as_integer() == Some(-1) => {
                let base = match base {
                    Draft::Number(base) => base.as_integer(),
                    Draft::Place(form) => form.at_hand(),
                    _ => None,
                };
                base.filter(|base| *base > 0).map(|base| (Form::constant(1), base))
            }
            _ => None,
        },
        Draft::Call(Function::Floor, arguments) => {
            let (form, divisor) = quotient(arguments.first()?, tensors)?;
            Some((form.floor(divisor), 1))
        }
        Draft::Call(Function::Mod, arguments) => {
            let form = integer(arguments.first()?, tensors)?;
            let divisor = integer(arguments.get(1)?, tensors)?.at_hand().filter(|divisor| *divisor > 0)?;
            Some((form.modulo(divisor), 1))
        }
        Draft::Read(name, _) => {
            let tensor = tensors.iter().find(|tensor| tensor.name == *name)?;
            let below = tensor.integers_below()?;
            Some((Form::atom(Atom::Data(Rc::new(draft.clone()), 0, below as i64)), 1))
        }
        _ => None,
    }
}

impl Tensor {
    /// For a tensor of integers: they are below this.
    pub(super) fn integers_below(&self) -> Option<usize> {
        match self.role {
            Role::Input { below } => below,
            Role::Target(TargetKind::Integer(below)) => Some(below),
            _ => None,
        }
    }
}

/// Between which values a form lies where the conditions hold, or wider; `None` where a range is
/// not known.
pub(super) fn bounds(form: &Form, guards: &[Guard], extents: Extents) -> Option<Bounds> {
    let conditions: Vec<Form> = guards.iter().take(MOST_GUARDS).filter_map(|guard| bounding(guard, extents)).collect();
    let conditions: Vec<&Form> = conditions.iter().collect();
    let least = least(form, &conditions, extents, DEEPEST)?;
    let greatest = match form.times(-1) {
        Some(opposite) => -self::least(&opposite, &conditions, extents, DEEPEST)?,
        None => form.bounds(extents)?.1,
    };
    Some((least, greatest))
}

/// A form that is not negative where the condition holds.
fn bounding(guard: &Guard, extents: Extents) -> Option<Form> {
    match guard {
        Guard::NotNegative(form) => Some(form.clone()),
        Guard::NotZero(form) => match form.bounds(extents)? {
            (0, _) => form.plus(-1, &Form::constant(1)),
            (_, 0) => form.times(-1)?.plus(-1, &Form::constant(1)),
            _ => None,
        },
    }
}

/// A lower bound of a form: that of the form less a multiple of some condition `g`, since
/// `f >= min(f - λ g)` where `λ g >= 0`. Multiples that make a part of the form vanish are tried.
fn least(form: &Form, conditions: &[&Form], extents: Extents, depth: usize) -> Option<i128> {
    let mut best = form.bounds(extents)?.0;
    if depth == 0 {
        return Some(best);
    }
    for (position, condition) in conditions.iter().enumerate() {
        let mut tried = Vec::new();
        for (atom, coefficient) in &condition.terms {
            let own = form.coefficient(atom);
            let multiple = own / coefficient;
            if own % coefficient != 0 || multiple <= 0 || tried.contains(&multiple) {
                continue;
            }
            tried.push(multiple);
            let Some(rest) = form.plus(-multiple, condition) else { continue };
            let others: Vec<&Form> = [&conditions[..position], &conditions[position + 1..]].concat();
            best = least(&rest, &others, extents, depth - 1).map_or(best, |bound| bound.max(best));
        }
    }
    Some(best)
}

/// Which values a form takes where the conditions hold, tried one by one: `None` where there are
/// too many or a range is not known, `Some(None)` where there is none. Where all conditions that say
/// something of it by way of others are too many, those that say something of it directly are enough.
pub(super) fn tried(form: &Form, guards: &[Guard], extents: Extents) -> Option<Option<Bounds>> {
    (tried_with(form, &about(form, guards, true), extents))
        .or_else(|| tried_with(form, &about(form, guards, false), extents))
}

/// Whether conditions never hold together, as far as trying values one by one tells.
pub(super) fn never(guards: &[Guard], extents: Extents) -> bool {
    guards.iter().any(|guard| match guard.form().at_hand() {
        Some(_) => !guard.holds(&[], &[]),
        None => tried(guard.form(), guards, extents) == Some(None),
    })
}

/// The conditions that are about what a form is made of, and those that are about what these are about.
fn about<'g>(form: &Form, guards: &'g [Guard], all: bool) -> Vec<&'g Guard> {
    let mut leaves = Vec::new();
    form.leaves(&mut leaves);
    let (mut found, mut rest): (Vec<&Guard>, Vec<&Guard>) = (Vec::new(), guards.iter().collect());
    loop {
        let shares = |guard: &&Guard| {
            let mut own = Vec::new();
            guard.form().leaves(&mut own);
            own.iter().any(|leaf| leaves.contains(leaf))
        };
        let (more, others): (Vec<&Guard>, Vec<&Guard>) = rest.into_iter().partition(shares);
        rest = others;
        more.iter().for_each(|guard| guard.form().leaves(&mut leaves));
        let is_last = more.is_empty() || !all;
        found.extend(more);
        if is_last {
            return found;
        }
    }
}

fn tried_with(form: &Form, guards: &[&Guard], extents: Extents) -> Option<Option<Bounds>> {
    let mut leaves = Vec::new();
    form.leaves(&mut leaves);
    guards.iter().for_each(|guard| guard.form().leaves(&mut leaves));
    let ranges = leaves.iter().map(|leaf| leaf.bounds(extents)).collect::<Option<Vec<Bounds>>>()?;
    let count = ranges.iter().try_fold(1i128, |count, (low, high)| {
        Some(count.checked_mul(high - low + 1)?).filter(|count| *count <= MOST_TRIED)
    })?;
    let mut found: Option<Bounds> = None;
    let mut values: Vec<i128> = ranges.iter().map(|(low, _)| *low).collect();
    for _ in 0..count {
        if guards.iter().all(|guard| guard.holds(&leaves, &values)) {
            let value = form.value(&leaves, &values);
            found = Some(found.map_or((value, value), |(least, greatest)| (least.min(value), greatest.max(value))));
        }
        for (value, (low, high)) in values.iter_mut().zip(&ranges) {
            *value += 1;
            if *value <= *high {
                break;
            }
            *value = *low;
        }
    }
    Some(found)
}
