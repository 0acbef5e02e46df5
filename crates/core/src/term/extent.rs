//! Extents: how far indices run, as numbers or in named sizes.

use super::{Polynomial, Term};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// How many values an index takes, or entries an axis has: a number, or a polynomial in named sizes with its
/// number at hand, to which it derefs.
#[derive(Debug, Clone)]
pub struct Extent {
    value: usize,
    form: Option<Arc<Polynomial>>,
}

impl Extent {
    /// By a polynomial; `None` where its value at hand is no extent.
    pub fn of(polynomial: Polynomial) -> Option<Extent> {
        let value = usize::try_from(polynomial.value()?).ok()?;
        let form = polynomial.as_constant().is_none().then(|| Arc::new(polynomial));
        Some(Extent { value, form })
    }

    /// Numbers as extents.
    pub fn numbers(numbers: &[usize]) -> Vec<Extent> {
        numbers.iter().copied().map(Extent::from).collect()
    }

    /// The number at hand.
    pub fn value(&self) -> usize {
        self.value
    }

    /// The number that the file has for it.
    pub fn typed(&self) -> usize {
        let typed = self.form().and_then(Polynomial::typed).and_then(|typed| usize::try_from(typed).ok());
        typed.unwrap_or(self.value)
    }

    /// The number it is, if no size is in it.
    pub fn known(&self) -> Option<usize> {
        self.form.is_none().then_some(self.value)
    }

    /// Whether it is no more than a number, at all sizes.
    pub fn is_at_most(&self, number: i64) -> bool {
        match self.form() {
            Some(form) => form.greatest().is_some_and(|greatest| greatest <= number),
            None => i64::try_from(self.value).is_ok_and(|value| value <= number),
        }
    }

    /// The polynomial it is, if sizes are in it.
    pub fn form(&self) -> Option<&Polynomial> {
        self.form.as_deref()
    }

    /// The polynomial it is, also where it is a number.
    pub fn polynomial(&self) -> Polynomial {
        self.form().cloned().unwrap_or_else(|| Polynomial::constant(self.value as i64))
    }

    /// It as a term.
    pub fn term(&self) -> Term {
        self.form().map_or_else(|| Term::integer(self.value as i64), Polynomial::term)
    }
}

impl From<usize> for Extent {
    fn from(value: usize) -> Extent {
        Extent { value, form: None }
    }
}

impl Deref for Extent {
    type Target = usize;

    fn deref(&self) -> &usize {
        &self.value
    }
}

/// What decides whether two extents are the same.
type Key<'e> = (Option<&'e Polynomial>, usize);

impl Extent {
    fn key(&self) -> Key<'_> {
        match self.form() {
            Some(form) => (Some(form), 0),
            None => (None, self.value),
        }
    }
}

impl PartialEq for Extent {
    fn eq(&self, other: &Extent) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Extent {}

impl PartialEq<usize> for Extent {
    fn eq(&self, other: &usize) -> bool {
        self.form.is_none() && self.value == *other
    }
}

impl PartialOrd for Extent {
    fn partial_cmp(&self, other: &Extent) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Extent {
    fn cmp(&self, other: &Extent) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for Extent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.form() {
            Some(form) => form.hash(state),
            None => self.value.hash(state),
        }
    }
}
