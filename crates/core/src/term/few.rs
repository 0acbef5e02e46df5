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

/// So many different elements are put together without memory for them on the way.
const MOST: usize = 16;

impl<T: Ord + Clone> Few<T> {
    /// All elements of sorted lists, sorted; of equal ones the first. A list that has all of the others is shared.
    pub(super) fn union(lists: &[&Few<T>]) -> Few<T> {
        let Some(longest) = lists.iter().rev().max_by_key(|list| list.len()) else { return Few::None };
        if lists.iter().all(|list| longest.has_all(list)) {
            return Few::clone(longest);
        }
        let mut all: [&T; MOST] = [&longest[0]; MOST];
        let mut count = 0;
        for element in lists.iter().flat_map(|list| list.iter()) {
            let Err(place) = all[..count].binary_search(&element) else { continue };
            if count == MOST {
                let mut all: Vec<T> = lists.iter().flat_map(|list| list.iter().cloned()).collect();
                all.sort();
                all.dedup();
                return all.into();
            }
            all[place..=count].rotate_right(1);
            all[place] = element;
            count += 1;
        }
        Few::More(all[..count].iter().copied().cloned().collect())
    }

    fn has_all(&self, other: &Few<T>) -> bool {
        match (self, other) {
            (_, Few::None) => true,
            (Few::More(one), Few::More(other)) if Arc::ptr_eq(one, other) => true,
            _ => other.len() <= self.len() && other.iter().all(|element| self.binary_search(element).is_ok()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::term::draws::draws;

    #[test]
    fn unions_are_sorted_and_have_everything_once() {
        let mut draw = draws(5);
        for round in 0..3000 {
            let (count, range) = (draw(5), [6, 40][round % 2]);
            let list = |draw: &mut dyn FnMut(usize) -> usize| {
                let mut all: Vec<usize> = (0..draw(10)).map(|_| draw(range)).collect();
                all.sort_unstable();
                all.dedup();
                all
            };
            let lists: Vec<Vec<usize>> = (0..count).map(|_| list(&mut draw)).collect();
            let few: Vec<Few<usize>> = lists.iter().cloned().map(Few::from).collect();
            let mut expected = lists.concat();
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(*Few::union(&few.iter().collect::<Vec<_>>()), *expected, "{lists:?}");
        }
    }
}
