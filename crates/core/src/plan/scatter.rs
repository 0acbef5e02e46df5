//! Sums in which data decide where an addend goes: `sum[s] [t[s] = v] g[s]`.

use super::PlanError;
use super::lower::Lowering;
use super::tasks::Work;
use crate::term::{Comparison, Index, Node, Term};

impl Lowering {
    /// A sum as a scatter: every addend is added where conditions put it. `None` where the sum is
    /// none.
    pub fn scatter(&mut self, over: &[Index], factors: &[Term]) -> Result<Option<Term>, PlanError> {
        if self.is_by_steps() {
            return Ok(None);
        }
        let mut keys: Vec<(Term, Index)> = Vec::new();
        let mut others: Vec<Term> = Vec::new();
        for (number, factor) in factors.iter().enumerate() {
            let elsewhere = |index: &Index| {
                factors.iter().enumerate().any(|(other, factor)| other != number && factor.depends_on(index))
            };
            match key_of(factor, over).filter(|(_, index)| !elsewhere(index)) {
                Some(key) => keys.push(key),
                None => others.push(factor.clone()),
            }
        }
        if keys.is_empty() {
            return Ok(None);
        }
        let in_keys = |index: &&Index| keys.iter().any(|(key, _)| key.depends_on(index));
        let (over, alone): (Vec<Index>, Vec<Index>) = over.iter().cloned().partition(|index| in_keys(&index));
        let addend = self.sum(&alone, Term::mul(others))?;
        let marks = keys.iter().map(|(key, index)| Term::delta(key.clone(), Term::index(index)));
        let whole = Term::sum(&over, Term::mul(marks.chain([addend.clone()]).collect()));
        let kept = whole.free().to_vec();
        if let Some(read) = self.known(&whole, &kept) {
            return Ok(Some(read));
        }
        let source = self.in_memory(&addend)?;
        let mut places = Vec::new();
        for (key, index) in keys {
            places.push((self.in_memory(&key)?, index));
        }
        self.value(whole, kept, Work::Scatter { source, keys: places, over }).map(Some)
    }

    /// A read of a term's values.
    fn in_memory(&mut self, term: &Term) -> Result<Term, PlanError> {
        if self.stays_inside(term) { Ok(term.clone()) } else { self.materialise(term) }
    }
}

/// What is compared, and the index that it is compared with, where a factor is such a condition and
/// data decide on it.
fn key_of(factor: &Term, over: &[Index]) -> Option<(Term, Index)> {
    let Node::Compare(Comparison::Equal, left, right) = factor.node() else { return None };
    let split = |key: &Term, place: &Term| {
        let index = place.as_affine()?.as_index()?.clone();
        let fits = key.as_affine().is_none() && !key.depends_on(&index) && !over.contains(&index);
        (fits && over.iter().any(|index| key.depends_on(index))).then(|| (key.clone(), index))
    };
    split(left, right).or_else(|| split(right, left))
}
