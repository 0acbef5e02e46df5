//! Short lists that never change: most have one element or none, and need no memory of their own.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A list that is a slice wherever one is wanted. A copy costs little.
#[derive(Clone)]
pub enum Few<T> {
    /// Of nothing.
    None,
    /// Of one element.
    One(T),
    /// Of several.
    More(Arc<[T]>),
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Few::None => &[],
            Few::One(only) => std::slice::from_ref(only),
            Few::More(all) => all,
        }
    }
}

impl<T> From<Vec<T>> for Few<T> {
    fn from(mut all: Vec<T>) -> Few<T> {
        match all.len() {
            0 | 1 => all.pop().map_or(Few::None, Few::One),
            _ => Few::More(all.into()),
        }
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Few<T> {
        let mut elements = elements.into_iter();
        let Some(first) = elements.next() else { return Few::None };
        match elements.next() {
            None => Few::One(first),
            Some(second) => Few::More([first, second].into_iter().chain(elements).collect()),
        }
    }
}

impl<T: Ord + Clone> Few<T> {
    /// Puts sorted elements into sorted ones. A list that has all of the other is shared.
    pub(super) fn unite(&mut self, further: &Few<T>) {
        let has_all = |one: &[T], other: &[T]| other.iter().all(|element| one.binary_search(element).is_ok());
        if has_all(self, further) {
            return;
        }
        if has_all(further, self) {
            *self = further.clone();
            return;
        }
        let mut union = Vec::with_capacity(self.len() + further.len());
        union.extend_from_slice(self);
        for element in &**further {
            if let Err(place) = union.binary_search(element) {
                union.insert(place, element.clone());
            }
        }
        *self = union.into();
    }
}

impl<T: PartialEq> PartialEq for Few<T> {
    fn eq(&self, other: &Few<T>) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Few<T> {}

impl<T: PartialOrd> PartialOrd for Few<T> {
    fn partial_cmp(&self, other: &Few<T>) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: Ord> Ord for Few<T> {
    fn cmp(&self, other: &Few<T>) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: Hash> Hash for Few<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Few<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}
