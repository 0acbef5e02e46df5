//! Factors beside a sum whose conditions may hold nowhere.
//!
//! A term behind a false condition is 0, whatever else is in it. A factor that is the same for all positions leaves the
//! sum, so that nothing keeps it from counting any more where all conditions are false: 0 times infinity is NaN.

use super::PlanError;
use super::lower::Lowering;
use crate::term::{Affine, Comparison, Index, Node, Number, Term};

impl Lowering {
    /// The condition that some position is counted, where factors beside the sum need it.
    pub fn counts_somewhere(
        &mut self,
        over: &[Index],
        conditions: &[Term],
        beside: &[Term],
    ) -> Result<Option<Term>, PlanError> {
        let is_number = |factor: &Term| {
            factor.is_condition() || factor.as_affine().is_some() || factor.as_number().is_some_and(is_finite)
        };
        let holds = matches!(conditions, [condition] if holds_somewhere(condition, over));
        if conditions.is_empty() || holds || beside.iter().all(is_number) {
            return Ok(None);
        }
        let together = Term::mul(conditions.to_vec());
        let own: Vec<Index> = over.iter().filter(|index| together.depends_on(index)).cloned().collect();
        let count = self.sum(&own, together)?;
        Ok(Some(Term::compare(Comparison::NotEqual, count, Term::integer(0))))
    }
}

fn is_finite(number: Number) -> bool {
    number.value().is_finite()
}

/// Whether an inequality of positions holds for some value of these indices, whatever the others are.
fn holds_somewhere(condition: &Term, over: &[Index]) -> bool {
    let Node::Compare(comparison, a, b) = condition.node() else { return false };
    let (Some(a), Some(b)) = (a.as_affine(), b.as_affine()) else { return false };
    // `least <= greatest`, by `apart` at least.
    let (least, greatest, apart) = match comparison {
        Comparison::LessEqual => (a, b, 0),
        Comparison::Less => (a, b, 1),
        Comparison::GreaterEqual => (b, a, 0),
        Comparison::Greater => (b, a, 1),
        Comparison::Equal | Comparison::NotEqual => return false,
    };
    let Some(difference) = least.minus(&greatest) else { return false };
    let at_best = over.iter().try_fold(difference, |form, index| {
        let coefficient = form.coefficient(index);
        let value = if coefficient < 0 { index.extent.value() as i64 - 1 } else { 0 };
        Affine::combine(&[(1, &form), (-coefficient, &Affine::index(index)), (coefficient, &Affine::constant(value))])
    });
    at_best.and_then(|form| form.bounds()).is_some_and(|(_, worst)| worst + apart <= 0)
}
