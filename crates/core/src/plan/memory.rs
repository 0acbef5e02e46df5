//! Places in the arena: values whose lifetimes do not meet share memory.

use super::operation::{Guarded, Operation};
use super::{ALIGNMENT, Place, PlaceKind};

impl Operation {
    /// The places it reads.
    pub fn sources(&self) -> Vec<usize> {
        match self {
            Operation::Product(product) => product.places[..2].iter().copied().chain(product.weights).collect(),
            Operation::Guarded(Guarded { product, walk }) => {
                let reads = walk.reads.iter().map(|read| read.place);
                reads.chain(product.places[..2].iter().copied()).collect()
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
        PlaceKind::Given | PlaceKind::Constant(_) => (0, end),
        PlaceKind::Output => (lifetime.map_or(0, |(first, _)| first), end),
        PlaceKind::Temporary => lifetime.unwrap_or((0, 0)),
    };
    places.iter().zip(lifetimes).map(whole).collect()
}

/// Gives every place an offset, the largest first, each the first gap that is free for as long as
/// it lives. The result is the length of the arena.
pub(super) fn place(places: &mut [Place], operations: &[Operation]) -> usize {
    let lifetimes = lifetimes(places, operations);
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&number| (std::cmp::Reverse(places[number].len()), number));
    let mut placed: Vec<usize> = Vec::new();
    let mut end = 0;
    for number in order {
        let length = places[number].len().next_multiple_of(ALIGNMENT);
        let meets = |other: &usize| {
            let (a, b) = (lifetimes[number], lifetimes[*other]);
            a.0 <= b.1 && b.0 <= a.1
        };
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|other| meets(other))
            .map(|&other| {
                (places[other].offset, places[other].offset + places[other].len().next_multiple_of(ALIGNMENT))
            })
            .collect();
        taken.sort_unstable();
        let mut offset = 0;
        for (from, to) in taken {
            if from >= offset + length {
                break;
            }
            offset = offset.max(to);
        }
        places[number].offset = offset;
        end = end.max(offset + length);
        placed.push(number);
    }
    end
}
