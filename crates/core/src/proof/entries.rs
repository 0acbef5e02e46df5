//! At which entries two lines are compared: all of them, or those at which lines like these can differ.
//!
//! Entries differ from each other by the conditions on positions that hold there: `[i = 17]`, `delta[i,j]`, the first
//! and the last place of an axis. So positions come from the constants of such conditions, in the lines and in the
//! definitions that they read, and every combination of them is taken, which has every pattern of equal positions.

use crate::model::Model;
use crate::term::{Affine, Index, Node, Term};
use std::collections::BTreeSet;

/// All entries are compared where there are no more than this.
pub const ALL: usize = 4096;
/// So many combinations of singled out positions are taken, else.
const MOST_COMBINED: usize = 1024;
/// So many entries that are spread over all are taken beside them.
const SPREAD: usize = 12;
/// Definitions are followed into each other so often, and so many nodes are looked at.
const DEEPEST: usize = 8;
const MOST_NODES: usize = 20_000;

/// Entries of lines with these free indices: those that are singled out first, then the others.
pub fn entries(model: &Model, lines: [&Term; 2], indices: &[Index]) -> Vec<Vec<usize>> {
    let extents: Vec<usize> = indices.iter().map(|index| index.extent.value()).collect();
    let length = extents.iter().try_fold(1usize, |length, extent| length.checked_mul(*extent)).unwrap_or(usize::MAX);
    let unravel = |mut place: usize| {
        let mut entry = vec![0; extents.len()];
        for (at, extent) in entry.iter_mut().zip(&extents).rev() {
            *at = place % extent;
            place /= extent;
        }
        entry
    };
    if length <= 2 * SPREAD {
        return (0..length).map(unravel).collect();
    }
    let spread = (0..SPREAD).map(|number| unravel((number * (length / SPREAD) + number * number) % length));
    let diagonal = (0..SPREAD).map(|number| extents.iter().map(|extent| number % extent).collect());
    let mut found: Vec<Vec<usize>> = spread.chain(diagonal).collect();
    let mut search = Search { model, constants: BTreeSet::new(), seen: BTreeSet::new(), nodes: 0 };
    lines.iter().for_each(|line| search.term(line, 0));
    found.extend(combined(&extents, &search.constants));
    if length <= ALL {
        found.extend((0..length).map(unravel));
    }
    let mut seen = BTreeSet::new();
    found.retain(|entry| seen.insert(entry.clone()));
    found
}

/// Every combination of positions that are singled out.
fn combined(extents: &[usize], constants: &BTreeSet<i64>) -> Vec<Vec<usize>> {
    let most = (1..).take_while(|most: &usize| most.saturating_pow(extents.len() as u32) <= MOST_COMBINED).last();
    let mut found: Vec<Vec<usize>> = vec![Vec::new()];
    for extent in extents {
        let own = singled_out(*extent, constants, most.unwrap_or(1));
        found = found.iter().flat_map(|entry| own.iter().map(|at| [entry.as_slice(), &[*at]].concat())).collect();
    }
    found
}

/// Positions of an axis: its ends, its middle, the constants and what is beside them.
fn singled_out(extent: usize, constants: &BTreeSet<i64>, most: usize) -> Vec<usize> {
    let last = extent as i64 - 1;
    let beside = constants.iter().flat_map(|constant| [constant - 1, constant + 1]);
    let all = [0, last].into_iter().chain(constants.iter().copied()).chain([1, last / 2, last - 1]).chain(beside);
    let mut found: Vec<usize> = Vec::new();
    for position in all.filter(|position| (0..=last).contains(position)) {
        if found.len() < most && !found.contains(&(position as usize)) {
            found.push(position as usize);
        }
    }
    found
}

/// Looks for the constants of conditions on positions.
struct Search<'a> {
    model: &'a Model,
    constants: BTreeSet<i64>,
    seen: BTreeSet<Term>,
    nodes: usize,
}

impl Search<'_> {
    fn term(&mut self, term: &Term, depth: usize) {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return;
        }
        match term.node() {
            Node::Compare(_, left, right) => self.condition(left, right),
            Node::Read { tensor, subscripts } if depth < DEEPEST && self.seen.insert(term.clone()) => {
                let body = self.model.definition(tensor).and_then(|definition| definition.at(subscripts));
                if let Some(body) = body {
                    self.term(&body, depth + 1);
                }
            }
            Node::Reduce { .. } => {
                if let Some(opened) = term.open() {
                    self.term(&opened.body, depth);
                }
                return;
            }
            _ => {}
        }
        term.children().iter().for_each(|child| self.term(child, depth));
    }

    /// Where the sides are equal, for each of the indices while the others are 0.
    fn condition(&mut self, left: &Term, right: &Term) {
        let form = |term: &Term| match term.node() {
            Node::Number(number) => number.as_integer().map(Affine::constant),
            _ => term.as_affine(),
        };
        let Some(difference) = form(left).zip(form(right)).and_then(|(left, right)| left.minus(&right)) else { return };
        let places = difference.terms.iter().filter_map(|(_, slope)| difference.constant.checked_div(*slope));
        self.constants.extend(places.map(|place| place.saturating_neg()));
    }
}
