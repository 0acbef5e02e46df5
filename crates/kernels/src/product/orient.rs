//! In which order axes are gone through, and which factor is taken as the left one.

use super::blocks::{DEPTH, FEW_TILES, MOST_COLLECTED, deepest};
use super::{Dimension, ProductSpec, tile};
use crate::machine::Level;
use std::cmp::Reverse;

/// How many positions a group of axes has.
pub(super) fn size(group: &[Dimension]) -> usize {
    group.iter().map(|axis| axis.extent).product()
}

/// The same product, its factors exchanged where it is cheaper so, and its axes in the order in which they lie
/// in the factor that is read most.
pub(super) fn arranged(spec: &ProductSpec, level: Level) -> ProductSpec {
    let mut spec = spec.clone();
    let other = exchanged(&spec);
    if cost(&other, level) < 0.97 * cost(&spec, level) {
        spec = other;
    }
    sort(&mut spec.rows, 0);
    if run(&spec.columns, 1) >= 8 && collects(&spec, level) {
        sort(&mut spec.columns, 1);
    }
    let larger = usize::from(size(&spec.rows) < size(&spec.columns));
    sort(&mut spec.inner, larger);
    spec
}

/// Whether its results are few sums of many parts, so that where they go in the end does not matter.
fn collects(spec: &ProductSpec, level: Level) -> bool {
    let columns = size(&spec.columns).next_multiple_of(tile(level)[1]);
    size(&spec.inner) > DEPTH && size(&spec.rows) * columns <= MOST_COLLECTED
}

/// With rows as columns.
fn exchanged(spec: &ProductSpec) -> ProductSpec {
    let group = |axes: &[Dimension]| -> Vec<Dimension> {
        let one = |axis: &Dimension| {
            let [left, right, target] = axis.strides;
            Dimension { strides: [right, left, target], ..*axis }
        };
        axes.iter().map(one).collect()
    };
    let [left, right, target] = spec.offsets;
    ProductSpec {
        batch: group(&spec.batch),
        rows: group(&spec.columns),
        columns: group(&spec.rows),
        inner: group(&spec.inner),
        offsets: [right, left, target],
        ending: spec.ending.exchanged(),
        ..spec.clone()
    }
}

/// From the outermost in memory of an operand to the innermost.
fn sort(axes: &mut [Dimension], operand: usize) {
    axes.sort_by_key(|axis| Reverse(axis.strides[operand].unsigned_abs()));
}

/// How many neighbours in a row an operand has along a group.
fn run(axes: &[Dimension], operand: usize) -> usize {
    let mut axes: Vec<&Dimension> = axes.iter().filter(|axis| axis.extent > 1).collect();
    axes.sort_by_key(|axis| axis.strides[operand].unsigned_abs());
    axes.iter().fold(1, |run, axis| if axis.strides[operand] == run as i64 { run * axis.extent } else { run })
}

/// The least distance of neighbours along a group.
fn nearest(axes: &[Dimension], operand: usize) -> usize {
    let steps = axes.iter().filter(|axis| axis.extent > 1).map(|axis| axis.strides[operand].unsigned_abs());
    steps.min().unwrap_or(1) as usize
}

/// Roughly how many cycles it takes in tiles.
fn cost(spec: &ProductSpec, level: Level) -> f64 {
    let [tall, wide] = tile(level);
    let [rows, columns, inner] = [&spec.rows, &spec.columns, &spec.inner].map(|group| size(group));
    let tiles = columns.div_ceil(wide);
    let all = (tall * rows.div_ceil(tall) * tiles * wide * inner) as f64 / wide as f64;
    // A number that is packed.
    let price = |axes: &[Dimension], operand: usize| match (run(axes, operand), run(&spec.inner, operand)) {
        (8.., _) => 0.5,
        (_, 8..) => 0.4,
        _ => 1.0,
    };
    let right = (tiles * wide * inner) as f64 * price(&spec.columns, 1);
    let left = match tiles < FEW_TILES {
        // What a tile takes besides, for every part of the summands.
        true => (tiles * rows * inner) as f64 * 8.0 / deepest(nearest(&spec.inner, 0)) as f64,
        false => (rows * inner) as f64 * price(&spec.rows, 0),
    };
    let stores = (rows * columns) as f64 * if run(&spec.columns, 2) >= wide / 2 { 0.2 } else { 8.0 };
    all + right + left + stores
}
