//! Indices and affine forms over them.

use super::{Extent, Few, Name, Number, Polynomial, Size};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A free index: a position that runs over `0..extent`.
///
/// Two indices are the same when their numbers are; the letter is only for printing.
#[derive(Debug, Clone)]
pub struct Index {
    /// Identity within a term.
    pub id: u32,
    /// How many values it takes.
    pub extent: Extent,
    /// The letter it was written with.
    pub letter: Name,
}

impl Index {
    /// An index.
    pub fn new(id: u32, extent: impl Into<Extent>, letter: &str) -> Index {
        Index { id, extent: extent.into(), letter: letter.into() }
    }
}

impl PartialEq for Index {
    fn eq(&self, other: &Index) -> bool {
        self.id == other.id && self.extent == other.extent
    }
}

impl Eq for Index {}

impl PartialOrd for Index {
    fn partial_cmp(&self, other: &Index) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Index {
    fn cmp(&self, other: &Index) -> Ordering {
        self.id.cmp(&other.id).then_with(|| self.extent.cmp(&other.extent))
    }
}

impl Hash for Index {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

/// An index as it occurs in a term, free or bound by a reduction around it, or a size.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Bound: counted outwards over the binders of the reductions around it.
    Bound(u32),
    /// Free in the term.
    Free(Index),
    /// No index but a named size, whose value is the same everywhere.
    Size(Size),
}

/// `constant + Σ coefficient · index`, an integer; named sizes stand in it like indices.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Affine {
    /// Sorted by index, coefficients not zero.
    pub terms: Few<(Slot, i64)>,
    /// The constant.
    pub constant: i64,
}

impl Affine {
    /// A constant.
    pub fn constant(constant: i64) -> Affine {
        Affine { terms: Few::None, constant }
    }

    /// An index by itself.
    pub fn index(index: &Index) -> Affine {
        Affine::slot(Slot::Free(index.clone()))
    }

    /// An index by itself, free or bound.
    pub(super) fn slot(slot: Slot) -> Affine {
        Affine { terms: Few::One((slot, 1)), constant: 0 }
    }

    /// The free indices in it, sorted.
    pub(super) fn free(&self) -> Few<Index> {
        let free = self.terms.iter().filter_map(|(slot, _)| match slot {
            Slot::Free(index) => Some(index.clone()),
            Slot::Bound(_) | Slot::Size(_) => None,
        });
        free.collect()
    }

    /// The sum of `coefficient · form` over the pairs; `None` where 64 bits do not hold it.
    pub fn combine(parts: &[(i64, &Affine)]) -> Option<Affine> {
        let mut terms: Vec<(Slot, i64)> = Vec::new();
        let mut constant = 0i64;
        for (factor, form) in parts {
            constant = constant.checked_add(form.constant.checked_mul(*factor)?)?;
            for (slot, coefficient) in &*form.terms {
                terms.push((slot.clone(), coefficient.checked_mul(*factor)?));
            }
        }
        terms.sort_by(|a, b| a.0.cmp(&b.0));
        let mut merged: Vec<(Slot, i64)> = Vec::with_capacity(terms.len());
        for (slot, coefficient) in terms {
            match merged.last_mut() {
                Some(last) if last.0 == slot => last.1 = last.1.checked_add(coefficient)?,
                _ => merged.push((slot, coefficient)),
            }
        }
        merged.retain(|(_, coefficient)| *coefficient != 0);
        Some(Affine { terms: merged.into(), constant })
    }

    /// `self - other`; `None` where 64 bits do not hold it.
    pub fn minus(&self, other: &Affine) -> Option<Affine> {
        Affine::combine(&[(1, self), (-1, other)])
    }

    /// The form times a number; `None` where a coefficient would not be an integer of 64 bits.
    pub(super) fn scaled(&self, number: Number) -> Option<Affine> {
        let Number::Ratio(numerator, denominator) = number else { return None };
        let scale =
            |value: i64| (value % denominator == 0).then(|| numerator.checked_mul(value / denominator)).flatten();
        let terms: Option<Few<_>> =
            self.terms.iter().map(|(slot, coefficient)| Some((slot.clone(), scale(*coefficient)?))).collect();
        Some(Affine { terms: terms?, constant: scale(self.constant)? })
    }

    /// Whether an index stands in both forms.
    pub(super) fn has_common(&self, other: &Affine) -> bool {
        self.terms.iter().any(|(slot, _)| other.terms.iter().any(|(found, _)| found == slot))
    }

    /// The free index it is, if it is nothing else.
    pub fn as_index(&self) -> Option<&Index> {
        match (&*self.terms, self.constant) {
            ([(Slot::Free(index), 1)], 0) => Some(index),
            _ => None,
        }
    }

    /// The coefficient of the size that it is a multiple of, not itself, if it is one.
    pub(super) fn size_multiple(&self) -> Option<i64> {
        match (&*self.terms, self.constant) {
            ([(Slot::Size(_), coefficient)], 0) if *coefficient != 1 => Some(*coefficient),
            _ => None,
        }
    }

    /// The coefficient of a free index, 0 where it does not occur.
    pub fn coefficient(&self, index: &Index) -> i64 {
        self.terms
            .iter()
            .find(|(slot, _)| matches!(slot, Slot::Free(free) if free == index))
            .map_or(0, |(_, coefficient)| *coefficient)
    }

    /// Least and greatest value over the ranges of its free indices; `None` where it has bound
    /// indices, an index of extent 0, or overflows, or a size is in it.
    pub fn bounds(&self) -> Option<(i64, i64)> {
        let (mut least, mut greatest) = (self.constant, self.constant);
        for (slot, coefficient) in &*self.terms {
            let Slot::Free(index) = slot else { return None };
            let last = i64::try_from(index.extent.known()?).ok()?.checked_sub(1).filter(|last| *last >= 0)?;
            let reach = coefficient.checked_mul(last)?;
            least = least.checked_add(reach.min(0))?;
            greatest = greatest.checked_add(reach.max(0))?;
        }
        Some((least, greatest))
    }

    /// As [`Affine::bounds`], also with sizes: polynomials in them.
    pub fn span(&self) -> Option<Span> {
        let mut span = Span::constant(self.constant, self.constant);
        for (slot, coefficient) in &*self.terms {
            let (low, high) = match slot {
                Slot::Bound(_) => return None,
                Slot::Size(size) => {
                    let size = Polynomial::from(size).scaled(*coefficient)?;
                    (size.clone(), size)
                }
                Slot::Free(index) => {
                    if index.extent.value() == 0 {
                        return None;
                    }
                    let reach = index.extent.polynomial().plus(-1, &Polynomial::constant(1))?.scaled(*coefficient)?;
                    let none = Polynomial::constant(0);
                    if *coefficient < 0 { (reach, none) } else { (none, reach) }
                }
            };
            span = span.plus(&Span { least: low, greatest: high })?;
        }
        Some(span)
    }
}

/// Least and greatest value of an integer, over the ranges of the indices in it but not over sizes.
#[derive(Debug, Clone)]
pub struct Span {
    /// The least value.
    pub least: Polynomial,
    /// The greatest value.
    pub greatest: Polynomial,
}

impl Span {
    pub(super) fn constant(least: i64, greatest: i64) -> Span {
        Span { least: Polynomial::constant(least), greatest: Polynomial::constant(greatest) }
    }

    /// The span of a sum of two integers; `None` where 64 bits do not hold it.
    pub(super) fn plus(&self, other: &Span) -> Option<Span> {
        let least = self.least.plus(1, &other.least)?;
        Some(Span { least, greatest: self.greatest.plus(1, &other.greatest)? })
    }

    /// The span of a number times the integer.
    pub(super) fn scaled(&self, factor: i64) -> Option<Span> {
        let (one, other) = (self.least.scaled(factor)?, self.greatest.scaled(factor)?);
        Some(if factor < 0 { Span { least: other, greatest: one } } else { Span { least: one, greatest: other } })
    }

    /// Least and greatest value over all sizes, where both are known.
    pub(super) fn everywhere(&self) -> Option<(i64, i64)> {
        Some((self.least.least()?, self.greatest.greatest()?))
    }
}
