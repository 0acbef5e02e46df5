//! What a thread computes at once: some rows by some tiles of columns, part by part of the summands.

use super::blocks::{Blocks, DEPTH, FEW_TILES};
use super::kernel::{Keep, Right};
use super::lanes::Lanes;
use super::lines::{Lines, MOST_ROWS};
use super::pack::{pack_left, pack_tile};
use super::strip::{Half, Results, Rows, Strip};
use super::{Panel, Task, WIDEST, triangle};
use crate::machine::{Level, Portable};
#[cfg(target_arch = "x86_64")]
use crate::machine::{V3, V4};
use std::cell::RefCell;

/// Packed columns that several blocks of rows use, at most: they stay in the third cache, few of them in the
/// second.
const SHARED: usize = 1 << 18;

thread_local! {
    pub(super) static BUFFERS: RefCell<Buffers> =
        const { RefCell::new(Buffers { rows: Vec::new(), columns: Vec::new(), sums: Vec::new() }) };
}

/// A line of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line {
    _numbers: [f32; 16],
}

/// Memory of a thread.
pub(super) struct Buffers {
    /// Packed rows.
    rows: Vec<Line>,
    /// Packed columns that several blocks of rows use.
    columns: Vec<Line>,
    /// Results on their way to places that are no neighbours.
    sums: Vec<Line>,
}

/// Where a buffer begins, with room for so many numbers.
fn room(buffer: &mut Vec<Line>, length: usize) -> *mut f32 {
    buffer.resize(buffer.len().max(length.div_ceil(16)), Line { _numbers: [0.0; 16] });
    buffer.as_mut_ptr().cast()
}

/// Some results of a product.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub task: Task<'a>,
    pub blocks: &'a Blocks,
    /// The item of the batch.
    pub item: usize,
    pub rows: [usize; 2],
    /// Tiles of columns.
    pub tiles: [usize; 2],
}

impl Block<'_> {
    /// # Safety
    /// The block is part of the product, and no one else uses its results.
    pub unsafe fn compute(self, buffers: &mut Buffers) {
        // SAFETY: as the caller promises; the processor has what was detected.
        unsafe {
            match self.task.product.level {
                #[cfg(target_arch = "x86_64")]
                Level::V4 => compute_v4(self, buffers),
                #[cfg(target_arch = "x86_64")]
                Level::V3 => compute_v3(self, buffers),
                Level::Portable => compute::<Portable, 4, 2, 2, 8>(self, buffers),
            }
        }
    }

    /// Where an operand of its item begins.
    #[inline(always)]
    pub fn base(&self, operand: usize) -> *mut f32 {
        let product = self.task.product;
        self.task.arena.at(product.offsets[operand] + product.batch[operand].at(self.item))
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn compute_v4(block: Block, buffers: &mut Buffers) {
    // SAFETY: as the caller promises.
    unsafe { compute::<V4, 12, 8, 6, 32>(block, buffers) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn compute_v3(block: Block, buffers: &mut Buffers) {
    // SAFETY: as the caller promises.
    unsafe { compute::<V3, 6, 4, 4, 16>(block, buffers) }
}

/// What is multiplied by a block of rows at once.
#[derive(Clone, Copy)]
struct Part {
    /// Summands.
    inner: [usize; 2],
    /// Tiles of columns.
    tiles: [usize; 2],
    /// The columns, where they are packed already.
    packed: Option<*const f32>,
    /// Where results are collected, from which tile on.
    sums: Option<(*mut f32, usize)>,
}

/// Computes a block of results: with tiles of R rows, or S or T where fewer are left, and N columns.
///
/// # Safety
/// The block is part of the product, and no one else uses its results.
#[inline(always)]
unsafe fn compute<M: Lanes, const R: usize, const S: usize, const T: usize, const N: usize>(
    block: Block,
    buffers: &mut Buffers,
) {
    let Block { task, blocks, rows, tiles, .. } = block;
    let (product, all_tiles) = (task.product, tiles);
    let mut lines = Lines::new();
    let (count, all) = (rows[1] - rows[0], tiles[1] - tiles[0]);
    let few = count.div_ceil(count.div_ceil(MOST_ROWS).max(1)).next_multiple_of(R).clamp(1, MOST_ROWS);
    let width = all * N;
    let sums = blocks.collects.then(|| room(&mut buffers.sums, count * width));
    let steps = sums.map(|_| [rows[0], width]);
    // Columns that several blocks of rows use are packed before.
    let shares = blocks.in_place.is_none() && count > few;
    let most = (SHARED / (N * blocks.depth)).max(1);
    for first in (tiles[0]..tiles[1]).step_by(if shares { most } else { all.max(1) }) {
        let tiles = [first, if shares { (first + most).min(tiles[1]) } else { tiles[1] }];
        let together = if shares { blocks.depth * (most / (tiles[1] - first)).max(1) } else { usize::MAX };
        let mut from = 0usize;
        loop {
            let inner = [from, from.saturating_add(together).min(product.sizes[3])];
            // SAFETY: the caller's; the buffer of sums has room for all results.
            unsafe {
                let packed = shares.then(|| pack_columns::<M, N>(block, inner, tiles, buffers));
                for first in (rows[0]..rows[1]).step_by(few) {
                    lines.fill(product, [first, (first + few).min(rows[1])], steps);
                    let part = Part { inner, tiles, packed, sums: sums.map(|sums| (sums, all_tiles[0])) };
                    some_rows::<M, R, S, T, N>(block, &lines, part, buffers);
                }
            }
            from = inner[1];
            if from >= product.sizes[3] {
                break;
            }
        }
    }
    if let Some(sums) = sums {
        // SAFETY: the results are the caller's, and their sums were just written.
        unsafe { write_out::<N>(block, sums) }
    }
}

/// Packs tiles of columns, for as many summands as are taken at once and then for the next.
///
/// # Safety
/// Tiles and summands are those of the product.
#[inline(always)]
unsafe fn pack_columns<M: Lanes, const N: usize>(
    block: Block,
    inner: [usize; 2],
    tiles: [usize; 2],
    buffers: &mut Buffers,
) -> *const f32 {
    let depth = block.blocks.depth;
    let packed = room(&mut buffers.columns, (inner[1] - inner[0]) * (tiles[1] - tiles[0]) * N);
    let mut place = packed;
    for from in (inner[0]..inner[1]).step_by(depth) {
        let inner = [from, (from + depth).min(inner[1])];
        for number in tiles[0]..tiles[1] {
            // SAFETY: the caller's; the buffer has room for all of them.
            unsafe { pack_tile::<M, N>(block, number, inner, place) };
            place = place.wrapping_add((inner[1] - inner[0]) * N);
        }
    }
    packed
}

/// Some rows by all tiles of a part, as many summands at once as stay in the caches.
///
/// # Safety
/// As `compute`.
#[inline(always)]
unsafe fn some_rows<M: Lanes, const R: usize, const S: usize, const T: usize, const N: usize>(
    block: Block,
    lines: &Lines,
    part: Part,
    buffers: &mut Buffers,
) {
    let mut from = part.inner[0];
    loop {
        let inner = [from, (from + block.blocks.depth).min(part.inner[1])];
        let before = (from - part.inner[0]) * (part.tiles[1] - part.tiles[0]) * N;
        let packed = part.packed.map(|packed| packed.wrapping_add(before));
        // SAFETY: the caller's.
        unsafe { part_of_block::<M, R, S, T, N>(block, lines, Part { inner, packed, ..part }, buffers) };
        from = inner[1];
        if from >= part.inner[1] {
            break;
        }
    }
}

/// As many summands as are taken at once.
///
/// # Safety
/// As `compute`.
#[inline(always)]
unsafe fn part_of_block<M: Lanes, const R: usize, const S: usize, const T: usize, const N: usize>(
    block: Block,
    lines: &Lines,
    part: Part,
    buffers: &mut Buffers,
) {
    let Block { task, blocks, .. } = block;
    let product = task.product;
    let (inner, tiles) = (part.inner, part.tiles);
    let depth = inner[1] - inner[0];
    let mut panel = Panel::<{ WIDEST[1] * DEPTH }>::new();
    let own: *mut f32 = panel.0.as_mut_ptr().cast();
    // SAFETY: the buffer has room for all rows, and as many as a tile has beyond the last; the panel for N columns,
    // at most 32, and the depth, at most DEPTH. The rest is the caller's.
    unsafe {
        let strip = Strip {
            lines,
            depth,
            left: left::<M, R, S, T>(block, lines, &part, buffers),
            keep: Keep { scale: task.scale, adds: product.descends && part.sums.is_none() || inner[0] > 0, count: R },
            ends: inner[1] == product.sizes[3] && !product.ending.is_nothing(),
        };
        for number in (product.first_column(lines.first) / N).max(tiles[0])..tiles[1] {
            let right = match (&blocks.in_place, part.packed) {
                (Some(in_place), _) => {
                    let start = |half: Half| {
                        let column = product.columns[0].at(half.column) - half.before as isize;
                        block.base(1).wrapping_offset(column).cast_const()
                    };
                    Right::Places(blocks.halves(product, number).map(start), in_place.places.as_ptr().add(inner[0]))
                }
                (None, Some(packed)) => Right::Panel(packed.add((number - tiles[0]) * N * depth)),
                (None, None) => {
                    pack_tile::<M, N>(block, number, inner, own);
                    Right::Panel(own)
                }
            };
            let halves = blocks.halves(product, number);
            let results = match part.sums {
                Some((sums, first)) => Results::Collected(sums.wrapping_add((number - first) * N)),
                None => Results::Placed { target: block.base(2), halves, is_first: number == tiles[0] },
            };
            strip.compute::<M, R, S, T>(task, right, results);
            if product.symmetric && inner[1] == product.sizes[3] {
                triangle::mirror::<M>(task, block.base(2), lines, blocks.columns(product, number));
            }
        }
    }
}

/// The rows of a part, packed where many tiles use them.
///
/// # Safety
/// As `compute`.
#[inline(always)]
unsafe fn left<M: Lanes, const R: usize, const S: usize, const T: usize>(
    block: Block,
    lines: &Lines,
    part: &Part,
    buffers: &mut Buffers,
) -> Rows {
    let base = block.base(0).cast_const();
    let (offsets, [first, end]) = (&block.task.product.inner[0], part.inner);
    let is_dense = offsets.is_dense();
    // SAFETY: the buffer has room for all rows, and as many as a tile has beyond the last; the tables have all
    // summands. The rest is the caller's.
    unsafe {
        if part.tiles[1] - part.tiles[0] < FEW_TILES {
            return match offsets.places() {
                Some(places) => Rows::Places(base, places.add(first)),
                None if is_dense => Rows::InPlace(base.wrapping_add(first)),
                None => Rows::Places(base.wrapping_offset(offsets.at(first)), block.blocks.steps.as_ptr()),
            };
        }
        let packed = room(&mut buffers.rows, (lines.count + R) * (end - first) + WIDEST[1]);
        pack_left::<M, R, S, T>(base, |k| offsets.at(first + k), is_dense, lines, end - first, packed);
        Rows::Packed(packed)
    }
}

/// Writes results that were collected, N columns of a tile beside those of the next.
///
/// # Safety
/// They are all at `sums`, and no one else uses their places.
#[inline(always)]
unsafe fn write_out<const N: usize>(block: Block, sums: *const f32) {
    let Block { task, rows, tiles, .. } = block;
    let (product, target) = (task.product, block.base(2));
    let (first, end) = (tiles[0] * N, (tiles[1] * N).min(product.sizes[2]));
    for row in rows[0]..rows[1] {
        let line = target.wrapping_offset(product.rows[1].at(row));
        let sums = sums.wrapping_add((row - rows[0]) * (tiles[1] - tiles[0]) * N);
        for column in first..end {
            // SAFETY: the caller's; `check` showed the places to be inside the arena.
            unsafe {
                let place = line.wrapping_offset(product.columns[1].at(column));
                let sum = *sums.add(column - first);
                *place = if product.descends { *place + sum } else { task.ended(sum, [row, column], place) };
            }
        }
    }
}
