//! Places in the arena: values whose lifetimes do not meet share memory.

use super::operation::{Doubt, Guarded, Operation};
use super::{ALIGNMENT, Place, PlaceKind};
use std::collections::BTreeMap;

impl Operation {
    /// The places it reads.
    pub fn sources(&self) -> Vec<usize> {
        match self {
            Operation::Product(product) => {
                product.places[..2].iter().copied().chain(product.weights).chain(product.ending.places()).collect()
            }
            Operation::Guarded(Guarded { product, walk, doubt }) => {
                let reads = walk.reads.iter().map(|read| read.place);
                let asked: &[usize] = if let Doubt::Operands(places) = doubt { places } else { &[] };
                let of_product = product.places[..2].iter().copied().chain(product.ending.places());
                reads.chain(of_product).chain(asked.iter().copied()).collect()
            }
            Operation::Walk(walk) => walk.reads.iter().map(|read| read.place).collect(),
            Operation::Repeat(repeat) => repeat.operations.iter().flat_map(Operation::sources).collect(),
            Operation::Scatter(scatter) => {
                scatter.keys.iter().map(|key| key.read.place).chain([scatter.source.place]).collect()
            }
        }
    }

    /// The places it writes.
    pub fn targets(&self) -> Vec<usize> {
        match self {
            Operation::Product(product) | Operation::Guarded(Guarded { product, .. }) => vec![product.places[2]],
            Operation::Walk(walk) => walk.stores.iter().map(|store| store.access.place).collect(),
            Operation::Scatter(scatter) => vec![scatter.target.place],
            Operation::Repeat(repeat) => repeat.operations.iter().flat_map(Operation::targets).collect(),
        }
    }
}

/// The operations from the first to the last that has to do with a place; given values and
/// results are there from or to the end.
pub(super) fn lifetimes(places: &[Place], operations: &[Operation]) -> Vec<(usize, usize)> {
    let mut lifetimes: Vec<Option<(usize, usize)>> = vec![None; places.len()];
    for (time, operation) in operations.iter().enumerate() {
        for place in operation.sources().into_iter().chain(operation.targets()) {
            let lifetime = lifetimes[place].get_or_insert((time, time));
            lifetime.1 = time;
        }
    }
    let end = operations.len();
    let whole = |(place, lifetime): (&Place, Option<(usize, usize)>)| match place.kind {
        PlaceKind::Given | PlaceKind::Constant(_) | PlaceKind::Table => (0, end),
        PlaceKind::Output => (lifetime.map_or(0, |(first, _)| first), end),
        PlaceKind::Temporary => lifetime.unwrap_or((0, 0)),
    };
    places.iter().zip(lifetimes).map(whole).collect()
}

/// Gives every place an offset, the largest first, each the first gap that is free for as long as
/// it lives. The result is the length of the arena.
pub(super) fn place(places: &mut [Place], operations: &[Operation]) -> usize {
    let lifetimes = lifetimes(places, operations);
    let lengths: Vec<usize> = places.iter().map(|place| place.len().next_multiple_of(ALIGNMENT)).collect();
    let offsets = offsets(&lifetimes, &lengths, operations.len());
    places.iter_mut().zip(&offsets).for_each(|(place, offset)| place.offset = *offset);
    offsets.iter().zip(&lengths).map(|(offset, length)| offset + length).max().unwrap_or(0)
}

/// The offsets of values with these lifetimes, which are times up to `end`, and lengths.
fn offsets(lifetimes: &[(usize, usize)], lengths: &[usize], end: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&number| (std::cmp::Reverse(lengths[number]), number));
    let mut taken = Taken::new(end + 1);
    let mut offsets = vec![0; lengths.len()];
    for number in order {
        offsets[number] = taken.first_gap(lifetimes[number], lengths[number]);
        taken.take(lifetimes[number], offsets[number], offsets[number] + lengths[number]);
    }
    offsets
}

/// Stretches of memory that do not touch: the end of each by its beginning.
#[derive(Clone, Default)]
struct Stretches(BTreeMap<usize, usize>);

impl Stretches {
    fn add(&mut self, mut from: usize, mut to: usize) {
        while let Some((&other, &end)) = self.0.range(..=to).next_back().filter(|(_, end)| **end >= from) {
            (from, to) = (from.min(other), to.max(end));
            self.0.remove(&other);
        }
        self.0.insert(from, to);
    }

    /// The end of the last of them that has a part between two places.
    fn end_between(&self, from: usize, to: usize) -> Option<usize> {
        self.0.range(..to).next_back().map(|(_, end)| *end).filter(|end| *end > from)
    }
}

/// The memory that is taken at every time: a tree over the times, whose leaves are single ones. Nodes are numbered
/// as in a heap.
struct Taken {
    /// How many leaves it has, a power of two.
    leaves: usize,
    /// What is taken at all times below a node, and not at all those below the node above it.
    throughout: Vec<Stretches>,
    /// What is taken at any time below a node, but for what is taken throughout a node above it.
    ever: Vec<Stretches>,
}

/// Part of a tree: a node, and the first and the last time below it.
type Node = (usize, usize, usize);

impl Taken {
    fn new(times: usize) -> Taken {
        let leaves = times.next_power_of_two();
        Taken {
            leaves,
            throughout: vec![Stretches::default(); 2 * leaves],
            ever: vec![Stretches::default(); 2 * leaves],
        }
    }

    /// Goes down to the nodes that a lifetime fills, and tells of those and the ones on the way which they are.
    fn visit(&self, lifetime: (usize, usize), visit: &mut dyn FnMut(usize, bool)) {
        let mut pending: Vec<Node> = vec![(1, 0, self.leaves - 1)];
        while let Some((node, first, last)) = pending.pop() {
            if lifetime.1 < first || last < lifetime.0 {
                continue;
            }
            let is_filled = lifetime.0 <= first && last <= lifetime.1;
            visit(node, is_filled);
            if !is_filled {
                let middle = first + (last - first) / 2;
                pending.extend([(2 * node, first, middle), (2 * node + 1, middle + 1, last)]);
            }
        }
    }

    fn take(&mut self, lifetime: (usize, usize), from: usize, to: usize) {
        let mut nodes = Vec::new();
        self.visit(lifetime, &mut |node, is_filled| nodes.push((node, is_filled)));
        for (node, is_filled) in nodes {
            self.ever[node].add(from, to);
            if is_filled {
                self.throughout[node].add(from, to);
            }
        }
    }

    /// Where so much memory is free for so long.
    fn first_gap(&self, lifetime: (usize, usize), length: usize) -> usize {
        let mut taken: Vec<&Stretches> = Vec::new();
        self.visit(lifetime, &mut |node, is_filled| {
            taken.push(if is_filled { &self.ever[node] } else { &self.throughout[node] });
        });
        let mut offset = 0;
        while let Some(end) = taken.iter().filter_map(|taken| taken.end_between(offset, offset + length)).max() {
            offset = end;
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::term::draws::draws;

    /// The same, each value held to all that were placed before it.
    fn one_by_one(lifetimes: &[(usize, usize)], lengths: &[usize]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|&number| (std::cmp::Reverse(lengths[number]), number));
        let (mut offsets, mut placed): (Vec<usize>, Vec<usize>) = (vec![0; lengths.len()], Vec::new());
        for number in order {
            let (one, length) = (lifetimes[number], lengths[number]);
            let meets = |other: &&usize| one.0 <= lifetimes[**other].1 && lifetimes[**other].0 <= one.1;
            let mut taken: Vec<(usize, usize)> =
                placed.iter().filter(meets).map(|&other| (offsets[other], offsets[other] + lengths[other])).collect();
            taken.sort_unstable();
            for (from, to) in taken {
                if from >= offsets[number] + length {
                    break;
                }
                offsets[number] = offsets[number].max(to);
            }
            placed.push(number);
        }
        offsets
    }

    #[test]
    fn places_are_the_first_gaps() {
        let mut draw = draws(5);
        for _ in 0..200 {
            let (end, count) = (1 + draw(30), 1 + draw(60));
            let lifetime = |draw: &mut dyn FnMut(usize) -> usize| match draw(4) {
                0 => (0, end),
                _ => {
                    let first = draw(end + 1);
                    (first, first + draw(end + 1 - first))
                }
            };
            let lifetimes: Vec<(usize, usize)> = (0..count).map(|_| lifetime(&mut draw)).collect();
            let lengths: Vec<usize> = (0..count).map(|_| 16 * draw(6)).collect();
            assert_eq!(offsets(&lifetimes, &lengths, end), one_by_one(&lifetimes, &lengths));
        }
    }
}
