//! Integers that single precision does not hold on the way, as in `(40503 * i) mod 65536`: a table, made when the plan
//! is, of what comes out for all values of the indices, and of data that are integers.

use super::lower::{Lowering, canonical};
use super::tasks::Value;
use super::{PlaceKind, PlanError};
use crate::term::{Affine, Comparison, Connective, Function, Index, Name, Node, Slot, Term};

/// Up to this all integers are exact in single precision.
pub(super) const MOST_COUNTED: usize = 1 << 24;
/// No table is longer.
const LONGEST: usize = 1 << 26;

impl Lowering {
    /// A read of a table that has the values of a term; `None` where it is no integer, or needs none.
    pub fn tabulated(&mut self, term: &Term, first: u32, guarded: bool) -> Result<Option<Term>, PlanError> {
        let mut data: Vec<(Index, Term)> = Vec::new();
        let Some(form) = self.integer_form(term, first, &mut data) else { return Ok(None) };
        if is_exact(&form) {
            return Ok(None);
        }
        let kept = form.free().to_vec();
        let too_large = || PlanError::TooLarge(self.tensor.clone());
        let read = match self.known(&form, &kept) {
            Some(read) => read,
            None => {
                let name: Name = format!("%{}", self.known_count()).into();
                let values = values(&form, &kept).ok_or_else(too_large)?;
                let shape = kept.iter().map(|index| index.extent.value()).collect();
                let value = Value { table: Some(values.into()), ..Value::new(shape, PlaceKind::Table) };
                self.values.insert(name.clone(), value);
                self.note(canonical(&form, &kept), &form, &kept, name.clone());
                Term::read_at(&name, &kept)
            }
        };
        let mut pairs = Vec::new();
        for (index, entry) in data {
            pairs.push((index, self.term(&entry, first, guarded)?));
        }
        let read = read.substitute_terms(&pairs);
        // What keeps other factors from counting must still be seen to be a condition.
        Ok(Some(match term.is_condition() {
            true => Term::compare(Comparison::NotEqual, read, Term::integer(0)),
            false => read,
        }))
    }

    /// An integer term with an index for each entry of integers that it reads; `None` where it is none, or reads
    /// anything else.
    fn integer_form(&self, term: &Term, first: u32, data: &mut Vec<(Index, Term)>) -> Option<Term> {
        let form = self.without_data(term, first, data)?;
        let sides = match form.node() {
            Node::Compare(_, left, right) => left.is_integer() && right.is_integer(),
            _ => form.is_integer(),
        };
        sides.then_some(form)
    }

    fn without_data(&self, term: &Term, first: u32, data: &mut Vec<(Index, Term)>) -> Option<Term> {
        match term.node() {
            Node::Number(_) | Node::Affine(_) => Some(term.clone()),
            Node::Read { tensor, .. } => {
                let below = self.values.get(tensor)?.below?;
                let known = data.iter().find(|(_, entry)| entry == term).map(|(index, _)| index.clone());
                let index = known.unwrap_or_else(|| {
                    let index = Index::new(first + data.len() as u32, below, "n");
                    data.push((index.clone(), term.clone()));
                    index
                });
                Some(Term::index(&index))
            }
            // The sign of what is no integer is one.
            Node::Call(Function::Sign, parts) if !parts[0].is_integer() => None,
            Node::Add(_) | Node::Mul(_) | Node::Call(..) | Node::Compare(..) | Node::Logic(..) | Node::Where(..) => {
                let parts: Option<Vec<Term>> =
                    term.children().iter().map(|part| self.without_data(part, first, data)).collect();
                Some(term.with_children(parts?))
            }
            _ => None,
        }
    }
}

/// Whether single precision holds every integer on the way to a term.
fn is_exact(term: &Term) -> bool {
    let size = |term: &Term| term.integer_bounds().map(|(least, most)| least.unsigned_abs().max(most.unsigned_abs()));
    let fits = |size: Option<u64>| size.is_some_and(|size| size <= MOST_COUNTED as u64);
    match term.node() {
        Node::Number(_) | Node::Affine(_) => fits(size(term)),
        Node::Add(parts) => {
            let sum = parts.iter().try_fold(0u64, |sum, part| sum.checked_add(size(part)?));
            fits(sum) && parts.iter().all(is_exact)
        }
        Node::Mul(parts) => fits(size(term)) && parts.iter().all(is_exact),
        Node::Call(Function::Floor, arguments) => {
            arguments[0].as_quotient().is_some_and(|(dividend, _)| is_exact(&dividend))
        }
        Node::Call(_, parts) | Node::Logic(_, parts) => parts.iter().all(is_exact),
        Node::Compare(_, left, right) => is_exact(left) && is_exact(right),
        Node::Where(condition, then, otherwise) => is_exact(condition) && is_exact(then) && is_exact(otherwise),
        _ => false,
    }
}

/// The values of an integer term for all values of the indices, the last one fastest; `None` where there are too
/// many, or one is too large.
fn values(term: &Term, indices: &[Index]) -> Option<Vec<f32>> {
    let count = indices.iter().try_fold(1usize, |count, index| count.checked_mul(index.extent.value()))?;
    if count > LONGEST {
        return None;
    }
    let mut at = vec![0i64; indices.len()];
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        let value = value(term, indices, &at)?;
        found.push(value as f32);
        if value.unsigned_abs() > MOST_COUNTED as u64 {
            return None;
        }
        for (place, index) in indices.iter().enumerate().rev() {
            at[place] += 1;
            if (at[place] as usize) < index.extent.value() {
                break;
            }
            at[place] = 0;
        }
    }
    Some(found)
}

fn value(term: &Term, indices: &[Index], at: &[i64]) -> Option<i64> {
    let value = |term: &Term| self::value(term, indices, at);
    match term.node() {
        Node::Number(number) => number.as_integer(),
        Node::Affine(Affine { terms, constant }) => terms.iter().try_fold(*constant, |sum, (slot, coefficient)| {
            let Slot::Free(index) = slot else { return None };
            let place = indices.iter().position(|other| other == index)?;
            sum.checked_add(coefficient.checked_mul(at[place])?)
        }),
        Node::Add(parts) => parts.iter().try_fold(0i64, |sum, part| sum.checked_add(value(part)?)),
        Node::Mul(parts) => parts.iter().try_fold(1i64, |product, part| product.checked_mul(value(part)?)),
        Node::Call(Function::Floor, arguments) => {
            let (dividend, divisor) = arguments[0].as_quotient()?;
            Some(value(&dividend)?.div_euclid(divisor))
        }
        Node::Call(function, arguments) => {
            let parts = arguments.iter().map(value).collect::<Option<Vec<i64>>>()?;
            match (function, parts.as_slice()) {
                (Function::Mod, [a, b]) if *b > 0 => Some(a.rem_euclid(*b)),
                (Function::Max, [a, b]) => Some(*a.max(b)),
                (Function::Min, [a, b]) => Some(*a.min(b)),
                (Function::Abs, [a]) => a.checked_abs(),
                (Function::Sign, [a]) => Some(a.signum()),
                _ => None,
            }
        }
        Node::Compare(comparison, left, right) => Some(comparison.holds(value(left)?, value(right)?).into()),
        Node::Logic(connective, parts) => {
            let holds = parts.iter().map(|part| Some(value(part)? != 0)).collect::<Option<Vec<bool>>>()?;
            let all = match connective {
                Connective::And => !holds.contains(&false),
                Connective::Or => holds.contains(&true),
                Connective::Not => !holds.contains(&true),
            };
            Some(all.into())
        }
        Node::Where(condition, then, otherwise) => value(if value(condition)? != 0 { then } else { otherwise }),
        _ => None,
    }
}
