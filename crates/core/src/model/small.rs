//! Small numbers for the sizes of a model, at which it makes sense as it does at those at hand: windows stay inside,
//! strides and paddings keep their relations.

use super::{Model, Sizing, build_sized};
use crate::syntax::tree::Tree;
use crate::term::Size;
use crate::text::Source;

/// The numbers that are tried in the place of a size, from the first or one behind it.
const SMALL: [usize; 18] = [2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192];
/// So many sizes are told apart by the numbers that are tried first.
const KINDS: usize = 3;
/// A file is read for so many assignments.
const MOST_TRIED: usize = 400;

/// Assignments of small numbers to the symbols of a model, all different; none where there is nothing to be smaller.
/// The least number with which the file can be read is found for one size after the other, the greatest first.
pub fn small_sizes(source: &Source, tree: &Tree, model: &Model, count: usize) -> Vec<Sizing> {
    let mut search = Search { source, tree, model, tried: 0 };
    let mut found: Vec<Vec<Size>> = Vec::new();
    for turn in 0..count {
        let sizes = search.smallest(turn);
        if sizes.iter().zip(&model.symbols).any(|(small, own)| small.value < own.value)
            && found.iter().all(|known| known.iter().map(|size| size.value).ne(sizes.iter().map(|size| size.value)))
        {
            found.push(sizes);
        }
    }
    found.iter().filter_map(|sizes| model.sizing.at(sizes, &model.relations)).collect()
}

struct Search<'a> {
    source: &'a Source,
    tree: &'a Tree,
    model: &'a Model,
    tried: usize,
}

impl Search<'_> {
    fn smallest(&mut self, turn: usize) -> Vec<Size> {
        let mut sizes = self.model.symbols.clone();
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|place| std::cmp::Reverse(sizes[*place].value));
        // Most often all can be small at once.
        let mut all = sizes.clone();
        all.iter_mut().enumerate().for_each(|(place, size)| size.value = size.value.min(SMALL[first(place, turn)]));
        if self.fits(&all) {
            return all;
        }
        for place in order {
            let own = sizes[place].value;
            for value in SMALL.iter().skip(first(place, turn)).take_while(|value| **value < own) {
                sizes[place].value = *value;
                if self.fits(&sizes) {
                    break;
                }
                sizes[place].value = own;
            }
        }
        sizes
    }

    /// Whether the file can be read with these numbers.
    fn fits(&mut self, sizes: &[Size]) -> bool {
        self.tried += 1;
        let sizing = self.model.sizing.at(sizes, &self.model.relations);
        let numbers = sizing.map(|sizing| Sizing { symbolic: false, ..sizing });
        self.tried <= MOST_TRIED && numbers.is_some_and(|sizing| build_sized(self.source, self.tree, &sizing).is_ok())
    }
}

/// Different sizes are different, so that a transposed matrix does not fit.
fn first(place: usize, turn: usize) -> usize {
    (place + turn) % KINDS
}
