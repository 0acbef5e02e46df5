//! Products that read the right factor where it is: its columns lie side by side in runs, as in a
//! convolution, where they are the pixels of a line. Runs are covered by segments of half a tile; the
//! last may meet the one before, and then gives only the columns that are new.

use super::kernel::{Half, Right, prefetch, store, tile};
use super::pack::left;
use super::{GRAIN, Panel, Product, Task};
use crate::machine::{Level, Machine, Portable};
#[cfg(target_arch = "x86_64")]
use crate::machine::{V3, V4};
use crate::threads;

/// Summands that are taken at once.
const DEPTH: usize = 512;
/// From so many rows on, columns that are all of one run are packed: each is used often enough.
const MANY_ROWS: usize = 24;
/// Unless there are so few summands that their lines stay in the cache, however far apart.
const FEW_SUMMANDS: usize = 32;
/// Segments a unit has at least.
const FEWEST: usize = 16;

/// What is prepared for it.
pub(super) struct Direct {
    /// Segments of columns.
    halves: Vec<Half>,
    /// Where every summand is in the right factor.
    places: Vec<isize>,
}

impl Direct {
    /// What a product needs to be done so, where that is worth while.
    pub fn new(product: &Product) -> Option<Direct> {
        let [_, rows, columns, inner] = product.sizes;
        let wide = product.tile()[1] / 2;
        let run = product.columns[0].run(columns);
        let segments = run.div_ceil(wide);
        let wastes = 5 * segments * wide > 8 * run;
        if run < wide || wastes || inner == 0 || (run == columns && rows >= MANY_ROWS && inner > FEW_SUMMANDS) {
            return None;
        }
        let mut halves = Vec::with_capacity(columns / run * segments);
        for first in (0..columns).step_by(run) {
            for number in 0..segments {
                let start = (number * wide).min(run - wide);
                let column = first + start;
                let together = product.columns[1].is_run(column, wide);
                halves.push(Half { column, from: number * wide - start, to: wide, together });
            }
        }
        Some(Direct { halves, places: (0..inner).map(|k| product.inner[1].at(k)).collect() })
    }
}

impl Task<'_> {
    pub(super) fn direct(self, direct: &Direct) {
        let [_, rows, _, inner] = self.product.sizes;
        let per_half = (rows * inner * self.product.tile()[1] / 2).max(1);
        let together = (GRAIN / per_half).max(FEWEST).next_multiple_of(2);
        let units = direct.halves.len().div_ceil(together);
        threads::each((self.items[1] - self.items[0]) * units, &|unit| {
            let (item, unit) = (self.items[0] + unit / units, unit % units);
            let halves = &direct.halves[unit * together..((unit + 1) * together).min(direct.halves.len())];
            for from in (0..inner).step_by(DEPTH) {
                let inner = [from, (from + DEPTH).min(inner)];
                // SAFETY: the processor has what was detected. Segments are columns of the product, and
                // units are different ones or different items, hence different places of the target,
                // which no factor meets (`check`).
                unsafe {
                    match self.product.level {
                        #[cfg(target_arch = "x86_64")]
                        Level::V4 => columns_v4(self, item, halves, inner, &direct.places),
                        #[cfg(target_arch = "x86_64")]
                        Level::V3 => columns_v3(self, item, halves, inner, &direct.places),
                        Level::Portable => columns::<Portable, 4, 4>(self, item, halves, inner, &direct.places),
                    }
                }
            }
        });
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn columns_v4(task: Task, item: usize, halves: &[Half], inner: [usize; 2], places: &[isize]) {
    // SAFETY: as the caller promises.
    unsafe { columns::<V4, 12, 16>(task, item, halves, inner, places) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn columns_v3(task: Task, item: usize, halves: &[Half], inner: [usize; 2], places: &[isize]) {
    // SAFETY: as the caller promises.
    unsafe { columns::<V3, 6, 8>(task, item, halves, inner, places) }
}

/// Computes segments of columns, for all rows and a part of the summands.
///
/// # Safety
/// The segments are columns of the product that no one else uses, each H neighbours in the right
/// factor, and the summands are at `places` there.
#[inline(always)]
unsafe fn columns<M: Machine, const R: usize, const H: usize>(
    task: Task,
    item: usize,
    halves: &[Half],
    inner: [usize; 2],
    places: &[isize],
) {
    let product = task.product;
    let adds = product.descends || inner[0] > 0;
    let mut panel = Panel::<{ 12 * DEPTH }>::new();
    let target = task.arena.at(product.offsets[2] + product.batch[2].at(item));
    let base = task.arena.at(product.offsets[1] + product.batch[1].at(item)).cast_const();
    let places = places[inner[0]..inner[1]].as_ptr();
    for row in (0..product.sizes[1]).step_by(R) {
        let rows = [row, (row + R).min(product.sizes[1])];
        // SAFETY: R is at most 12 and the depth at most DEPTH; the rest is the caller's.
        unsafe {
            let left = left::<R>(task, item, rows, inner, panel.0.as_mut_ptr().cast());
            for pair in halves.chunks(2) {
                // The last may be alone; then it stands for both, and its double keeps nothing.
                let (first, last) = (pair[0], pair[pair.len() - 1]);
                let second = if pair.len() == 2 { last } else { Half { to: last.from, ..last } };
                let start = |half: Half| base.wrapping_offset(product.columns[0].at(half.column));
                let right = Right::Places([start(first), start(second)], places);
                prefetch::<M>(task, target, rows, [first, second], inner[1] - inner[0]);
                let results = tile::<M, R, H>(&left, right, inner[1] - inner[0]);
                store(task, &results, target, rows, [first, second], adds);
            }
        }
    }
}
