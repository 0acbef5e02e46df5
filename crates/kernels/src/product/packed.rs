//! Products whose right factor is packed: once by all threads, or, where it is small, by each.

use super::kernel::{Half, Right, prefetch, store, tile};
use super::pack::{left, pack_right};
use super::{Block, DEPTH, GRAIN, Panel, Task};
use crate::arena::Shared;
use crate::machine::{Level, Machine, Portable};
#[cfg(target_arch = "x86_64")]
use crate::machine::{V3, V4};
use crate::threads;

/// Up to this size a right factor is packed anew by every thread, on its stack.
pub(super) const SMALL: usize = 4096;
/// Multiplications in a block of results at most: what it needs stays in the second cache.
const LARGEST: usize = 2_000_000;

impl Task<'_> {
    /// Every thread packs the right factor for itself.
    pub(super) fn small(self) {
        let (first, batch) = (self.items[0], self.items[1] - self.items[0]);
        let [_, rows, columns, inner] = self.product.sizes;
        let tall = self.product.tile()[0];
        let per_row = (columns * inner).max(1);
        let rows_at_once = (GRAIN / per_row).next_multiple_of(tall).clamp(tall, rows.next_multiple_of(tall).max(tall));
        let pieces = rows.div_ceil(rows_at_once);
        let items_at_once = (GRAIN / (per_row * rows.max(1))).clamp(1, batch.max(1));
        threads::each(batch.div_ceil(items_at_once) * pieces, &|unit| {
            let (items, piece) = (unit / pieces, unit % pieces);
            let rows = [piece * rows_at_once, ((piece + 1) * rows_at_once).min(rows)];
            let mut panel = Panel::<SMALL>::new();
            for item in items * items_at_once..((items + 1) * items_at_once).min(batch) {
                let item = first + item;
                let mut from = 0;
                loop {
                    let inner = [from, (from + DEPTH).min(inner)];
                    let block = Block { rows, columns: [0, columns], inner };
                    let packed = panel.0.as_mut_ptr().cast();
                    // SAFETY: `packed_length` is 0, so the block fits the panel. Units are
                    // different rows or items, hence different places of the target, which no
                    // factor meets (`check`).
                    unsafe {
                        self.pack(item, block, packed);
                        self.multiply(item, block, packed);
                    }
                    from += DEPTH;
                    if from >= self.product.sizes[3] {
                        break;
                    }
                }
            }
        });
    }

    /// The right factor is packed once, by all threads, and then used by all of them.
    pub(super) fn large(self, packed: Shared) {
        let [_, rows, columns, inner] = self.product.sizes;
        let [tall, wide] = self.product.tile();
        let (row_block, column_block) = blocks(rows, columns, inner.min(DEPTH), [tall, wide]);
        let (row_blocks, column_blocks) = (rows.div_ceil(row_block), columns.div_ceil(column_block));
        for item in self.items[0]..self.items[1] {
            for from in (0..inner).step_by(DEPTH) {
                let inner = [from, (from + DEPTH).min(inner)];
                let depth = inner[1] - inner[0];
                let column_range = |number: usize| [number * column_block, ((number + 1) * column_block).min(columns)];
                let start = |number: usize| packed.at((number * column_block * depth) as isize);
                threads::each(column_blocks, &|number| {
                    let block = Block { rows: [0, rows], columns: column_range(number), inner };
                    // SAFETY: the workspace has room for all columns, and the blocks are
                    // multiples of a panel, so they do not meet.
                    unsafe { self.pack(item, block, start(number)) };
                });
                threads::each(row_blocks * column_blocks, &|unit| {
                    let (r, c) = (unit % row_blocks, unit / row_blocks);
                    let rows = [r * row_block, ((r + 1) * row_block).min(rows)];
                    let block = Block { rows, columns: column_range(c), inner };
                    // SAFETY: units are different rows or columns, hence different places of the
                    // target, which no factor meets (`check`).
                    unsafe { self.multiply(item, block, start(c)) };
                });
            }
        }
    }

    /// # Safety
    /// As `pack_right`.
    unsafe fn pack(self, item: usize, block: Block, packed: *mut f32) {
        // SAFETY: as the caller promises; the processor has what was detected.
        unsafe {
            match self.product.level {
                #[cfg(target_arch = "x86_64")]
                Level::V4 => pack_v4(self, item, block, packed),
                #[cfg(target_arch = "x86_64")]
                Level::V3 => pack_v3(self, item, block, packed),
                Level::Portable => pack_right::<Portable, 8>(self, item, block, packed),
            }
        }
    }

    /// # Safety
    /// As `multiply`.
    unsafe fn multiply(self, item: usize, block: Block, packed: *const f32) {
        // SAFETY: as the caller promises; the processor has what was detected.
        unsafe {
            match self.product.level {
                #[cfg(target_arch = "x86_64")]
                Level::V4 => multiply_v4(self, item, block, packed),
                #[cfg(target_arch = "x86_64")]
                Level::V3 => multiply_v3(self, item, block, packed),
                Level::Portable => multiply::<Portable, 4, 4>(self, item, block, packed),
            }
        }
    }
}

/// Rows and columns of a piece of work: cut by the shape alone, the longer side first.
fn blocks(rows: usize, columns: usize, depth: usize, [tall, wide]: [usize; 2]) -> (usize, usize) {
    let (mut row_block, mut column_block) = (rows.max(1), columns.max(1));
    while row_block * column_block * depth > LARGEST || row_block > 512 {
        if row_block >= column_block && row_block > 4 * tall {
            row_block = (row_block / 2).next_multiple_of(tall);
        } else if column_block > 4 * wide {
            column_block = (column_block / 2).next_multiple_of(wide);
        } else {
            break;
        }
    }
    (row_block.next_multiple_of(tall), column_block.next_multiple_of(wide))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn pack_v4(task: Task, item: usize, block: Block, packed: *mut f32) {
    // SAFETY: as the caller promises.
    unsafe { pack_right::<V4, 32>(task, item, block, packed) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn pack_v3(task: Task, item: usize, block: Block, packed: *mut f32) {
    // SAFETY: as the caller promises.
    unsafe { pack_right::<V3, 16>(task, item, block, packed) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn multiply_v4(task: Task, item: usize, block: Block, packed: *const f32) {
    // SAFETY: as the caller promises.
    unsafe { multiply::<V4, 12, 16>(task, item, block, packed) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn multiply_v3(task: Task, item: usize, block: Block, packed: *const f32) {
    // SAFETY: as the caller promises.
    unsafe { multiply::<V3, 6, 8>(task, item, block, packed) }
}

/// Computes a block of results from packed columns.
///
/// # Safety
/// The block is part of the product, `packed` holds its columns, and no one else uses its results.
#[inline(always)]
unsafe fn multiply<M: Machine, const R: usize, const H: usize>(
    task: Task,
    item: usize,
    block: Block,
    packed: *const f32,
) {
    let product = task.product;
    let depth = block.inner[1] - block.inner[0];
    let adds = product.descends || block.inner[0] > 0;
    let mut panel = Panel::<{ 12 * DEPTH }>::new();
    let target = task.arena.at(product.offsets[2] + product.batch[2].at(item));
    for row in (block.rows[0]..block.rows[1]).step_by(R) {
        let rows = [row, (row + R).min(block.rows[1])];
        // SAFETY: R is at most 12 and the depth at most DEPTH; the rest is the caller's.
        unsafe {
            let left = left::<R>(task, item, rows, block.inner, panel.0.as_mut_ptr().cast());
            for (number, column) in (block.columns[0]..block.columns[1]).step_by(2 * H).enumerate() {
                let right = Right::Panel(packed.add(number * depth * 2 * H));
                let half = |number: usize| {
                    let first = (column + number * H).min(block.columns[1] - 1);
                    let to = H.min(block.columns[1].saturating_sub(column + number * H));
                    Half { column: first, from: 0, to, together: product.columns[1].is_run(first, to) }
                };
                let halves = [half(0), half(1)];
                prefetch::<M>(task, target, rows, halves, depth);
                let results = tile::<M, R, H>(&left, right, depth);
                store(task, &results, target, rows, halves, adds);
            }
        }
    }
}
