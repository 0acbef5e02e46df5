//! Products in tiles. What a thread does at once is some rows by some columns: for a part of the
//! summands, the rows of the left factor stay in the second cache, and two vectors of columns in the
//! first, while all rows go by (after K. Goto and R. van de Geijn, *Anatomy of High-Performance Matrix
//! Multiplication*, 2008). The columns are packed, whatever their strides; or, where they lie side by
//! side in runs and are not used often, read where they are. Runs are then covered by segments of a
//! vector; the last may meet the one before, and gives only the columns that are new.

use super::kernel::{Keep, Right};
use super::lanes::Lanes;
use super::lines::{Lines, MOST_ROWS};
use super::pack::{pack_left, pack_tile};
use super::strip::{Half, Rows, Strip};
use super::{Panel, Shape, Task, WIDEST, triangle};
use crate::machine::{Level, Portable};
#[cfg(target_arch = "x86_64")]
use crate::machine::{V3, V4};
use crate::threads;
use std::cell::RefCell;

/// Summands that are taken at once: two vectors of so many columns stay in the first cache.
pub(super) const DEPTH: usize = 320;
/// Columns are packed for more rows than this.
const FEW_ROWS: usize = 12;
/// Up to so many summands it does not matter that every thread packs the same columns.
const FEW_SUMMANDS: usize = 64;
/// Rows are packed where so many tiles of columns use them: places that are far apart may be one to the cache.
pub(super) const FEW_TILES: usize = 8;
/// Packed columns that several blocks of rows use, at most: they stay in the third cache, few of them in the
/// second.
const SHARED: usize = 1 << 18;
/// Results that are no neighbours are collected up to so many.
pub(super) const MOST_COLLECTED: usize = 1 << 17;
/// Multiplications in a piece of work that is worth handing to another thread; fewer where tests cut small
/// products.
const GRAIN: usize = if cfg!(test) { 500 } else { 50_000 };
/// Where there are so many for every thread they are cut smaller, so that none has to wait long.
const MANY: usize = 4_000_000;
const PIECES_OF_MANY: usize = 4;
/// Rows or columns of a part that is large enough to be cut without a loss.
const LARGE: usize = if cfg!(test) { 12 } else { 96 };

thread_local! {
    static BUFFERS: RefCell<Buffers> = const { RefCell::new(Buffers { rows: Vec::new(), columns: Vec::new(), sums: Vec::new() }) };
}

/// A line of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line {
    _numbers: [f32; 16],
}

/// Memory of a thread.
struct Buffers {
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

/// What is prepared for it.
pub(super) struct Blocks {
    /// How the right factor is read in place; else it is packed.
    pub in_place: Option<InPlace>,
    /// How many pairs of vectors cover the columns.
    tiles: usize,
    /// Summands that are taken at once.
    depth: usize,
    /// How far from the first of them the others are in the left factor, where that is always the same.
    steps: Vec<isize>,
    /// Whether results are collected until they are whole.
    pub collects: bool,
}

/// A right factor that is read where it is.
pub(super) struct InPlace {
    /// Segments of columns.
    halves: Vec<Half>,
    /// Where every summand is.
    places: Vec<isize>,
}

impl InPlace {
    fn new(product: &Shape) -> Option<InPlace> {
        let [_, rows, columns, inner] = product.sizes;
        let wide = product.tile()[1] / 2;
        let run = product.columns[0].run(columns);
        let segments = run.div_ceil(wide);
        let wastes = 5 * segments * wide > 8 * run;
        if run < wide || wastes || inner == 0 || rows > FEW_ROWS {
            return None;
        }
        let mut halves = Vec::with_capacity(columns / run * segments + 1);
        for first in (0..columns).step_by(run) {
            for number in 0..segments {
                let start = (number * wide).min(run - wide);
                let column = first + start;
                let together = product.columns[1].is_run(column, wide);
                halves.push(Half { column, from: number * wide - start, to: wide, together });
            }
        }
        if let Some(last) = halves.last().copied().filter(|_| halves.len() % 2 == 1) {
            // It stands for two, and its double keeps nothing.
            halves.push(Half { to: last.from, ..last });
        }
        Some(InPlace { halves, places: (0..inner).map(|k| product.inner[1].at(k)).collect() })
    }
}

impl Blocks {
    pub fn new(product: &Shape) -> Blocks {
        let [_, _, columns, inner] = product.sizes;
        let is_packed = product.symmetric || product.weights.is_some();
        let in_place = InPlace::new(product).filter(|_| !is_packed);
        let tiles = match &in_place {
            Some(in_place) => in_place.halves.len() / 2,
            None => columns.div_ceil(product.tile()[1]),
        };
        let most = match tiles < FEW_TILES {
            true => deepest(product.inner[0].step().unsigned_abs()),
            false => DEPTH,
        };
        // Equal parts, rather than a small last one.
        let depth = inner.div_ceil(inner.div_ceil(most).max(1)).next_multiple_of(8).clamp(8, DEPTH);
        let steps = match product.inner[0].places() {
            Some(_) => Vec::new(),
            None => (0..depth).map(|k| product.inner[0].at(k)).collect(),
        };
        let collects = inner > depth
            && !product.symmetric
            && in_place.is_none()
            && product.columns[1].run(columns) < product.tile()[1] / 2
            && product.sizes[1] * tiles * product.tile()[1] <= MOST_COLLECTED;
        Blocks { in_place, tiles, depth, steps, collects }
    }

    /// The halves of a tile.
    #[inline(always)]
    fn halves(&self, product: &Shape, number: usize) -> [Half; 2] {
        if let Some(in_place) = &self.in_place {
            return [in_place.halves[2 * number], in_place.halves[2 * number + 1]];
        }
        let wide = product.tile()[1] / 2;
        let columns = self.columns(product, number);
        let second = self.second(columns, wide);
        let half = |column: usize, from: usize| {
            let to = wide.min(columns[1].saturating_sub(column));
            let column = column.min(columns[1] - 1);
            Half { column, from, to, together: product.columns[1].is_run(column, to) }
        };
        [half(columns[0], 0), half(second, columns[0] + wide - second)]
    }

    /// The columns of a tile, where they are packed.
    #[inline(always)]
    pub fn columns(&self, product: &Shape, number: usize) -> [usize; 2] {
        let width = product.tile()[1];
        [number * width, ((number + 1) * width).min(product.sizes[2])]
    }

    /// The first column of the second vector. Where it would not be full it meets the first one, so that all its
    /// results can be written at once.
    #[inline(always)]
    pub fn second(&self, [first, end]: [usize; 2], wide: usize) -> usize {
        let meets = !self.collects && end > first + wide;
        first + wide - if meets { first + 2 * wide - end } else { 0 }
    }

    /// Into how many parts items, rows and tiles of columns are cut. Every result is computed in the same way
    /// in whatever part it is, so this may depend on the number of threads.
    fn parts(&self, product: &Shape, items: usize) -> [usize; 3] {
        let [_, rows, columns, inner] = product.sizes;
        let (work, threads) = ((items * rows * columns).saturating_mul(inner), threads::count());
        let most = if work > MANY * threads { PIECES_OF_MANY * threads } else { threads };
        if threads == 1 {
            return [1; 3];
        }
        let wanted = (work / GRAIN).clamp(1, most);
        if items >= wanted {
            return [wanted, 1, 1];
        }
        let mut wanted = wanted.div_ceil(items.max(1));
        // Every part packs its columns and reads its rows, which large parts repay. So there are as many as
        // leave them large, the rows being cut rather than the columns: many rows are read anew for every tile.
        while wanted > 1 {
            if rows / wanted >= LARGE {
                return [items, wanted, 1];
            }
            if columns / wanted >= LARGE {
                return [items, 1, wanted];
            }
            if wanted <= threads {
                break;
            }
            wanted = (wanted / 2).max(threads);
        }
        let tall = product.tile()[0];
        // Packed columns are rather packed by one thread only; else the rows of the target rather lie in the
        // cache of the one that had them before.
        let packs = self.in_place.is_none() && inner > FEW_SUMMANDS;
        let by_rows = rows >= 2 * tall * wanted && (!packs || self.tiles < 2 * wanted);
        if by_rows { [items, wanted, 1] } else { [items, 1, wanted.min(self.tiles.max(1))] }
    }
}

/// How many summands are taken at once, where rows are read in place and summands are so far apart: what is far
/// apart has few places in the first cache.
pub(super) fn deepest(step: usize) -> usize {
    (4096 / step.max(1)).clamp(DEPTH / 5, DEPTH)
}

/// A part of a range, one of so many.
fn part(from: usize, to: usize, number: usize, parts: usize) -> [usize; 2] {
    [from + (to - from) * number / parts, from + (to - from) * (number + 1) / parts]
}

impl Task<'_> {
    pub(super) fn blocks(self, blocks: &Blocks) {
        let [first, last] = self.items;
        let parts = blocks.parts(self.product, last - first);
        threads::each(parts.iter().product(), &|unit| {
            let [outer, middle, inner] = parts;
            let number = [unit / (middle * inner), unit / inner % middle, unit % inner];
            let [rows, tiles] = match self.product.symmetric {
                true => [
                    triangle::rows(self.product.sizes[1], number[1], middle),
                    triangle::tiles(blocks.tiles, number[2], inner),
                ],
                false => [part(0, self.product.sizes[1], number[1], middle), part(0, blocks.tiles, number[2], inner)],
            };
            let [from, to] = part(first, last, number[0], outer);
            BUFFERS.with_borrow_mut(|buffers| {
                // SAFETY: units are different items, rows or columns, hence different places of the target
                // (mirrored ones too, all of them on the other side of the diagonal), which no factor meets
                // (`check`).
                (from..to).for_each(|item| unsafe { self.block(blocks, item, rows, tiles, buffers) });
            });
        });
    }

    /// # Safety
    /// As `block`.
    unsafe fn block(self, blocks: &Blocks, item: usize, rows: [usize; 2], tiles: [usize; 2], buffers: &mut Buffers) {
        // SAFETY: as the caller promises; the processor has what was detected.
        unsafe {
            match self.product.level {
                #[cfg(target_arch = "x86_64")]
                Level::V4 => block_v4(self, blocks, item, rows, tiles, buffers),
                #[cfg(target_arch = "x86_64")]
                Level::V3 => block_v3(self, blocks, item, rows, tiles, buffers),
                Level::Portable => block::<Portable, 4, 2, 8>(self, blocks, item, rows, tiles, buffers),
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn block_v4(
    task: Task,
    blocks: &Blocks,
    item: usize,
    rows: [usize; 2],
    tiles: [usize; 2],
    buffers: &mut Buffers,
) {
    // SAFETY: as the caller promises.
    unsafe { block::<V4, 12, 6, 32>(task, blocks, item, rows, tiles, buffers) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn block_v3(
    task: Task,
    blocks: &Blocks,
    item: usize,
    rows: [usize; 2],
    tiles: [usize; 2],
    buffers: &mut Buffers,
) {
    // SAFETY: as the caller promises.
    unsafe { block::<V3, 6, 4, 16>(task, blocks, item, rows, tiles, buffers) }
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

/// Computes a block of results: with tiles of R rows, or S where no more are left, and N columns.
///
/// # Safety
/// The block is part of the product, and no one else uses its results.
#[inline(always)]
unsafe fn block<M: Lanes, const R: usize, const S: usize, const N: usize>(
    task: Task,
    blocks: &Blocks,
    item: usize,
    rows: [usize; 2],
    tiles: [usize; 2],
    buffers: &mut Buffers,
) {
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
                let packed = shares.then(|| pack_columns::<M, N>(task, blocks, item, inner, tiles, buffers));
                for first in (rows[0]..rows[1]).step_by(few) {
                    lines.fill(product, [first, (first + few).min(rows[1])], steps);
                    let part = Part { inner, tiles, packed, sums: sums.map(|sums| (sums, all_tiles[0])) };
                    some_rows::<M, R, S, N>(task, blocks, item, &lines, part, buffers);
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
        unsafe { write_out::<N>(task, item, rows, tiles, sums) }
    }
}

/// Packs tiles of columns, for as many summands as are taken at once and then for the next.
///
/// # Safety
/// Tiles and summands are those of the product.
#[inline(always)]
unsafe fn pack_columns<M: Lanes, const N: usize>(
    task: Task,
    blocks: &Blocks,
    item: usize,
    inner: [usize; 2],
    tiles: [usize; 2],
    buffers: &mut Buffers,
) -> *const f32 {
    let packed = room(&mut buffers.columns, (inner[1] - inner[0]) * (tiles[1] - tiles[0]) * N);
    let mut place = packed;
    for from in (inner[0]..inner[1]).step_by(blocks.depth) {
        let inner = [from, (from + blocks.depth).min(inner[1])];
        for number in tiles[0]..tiles[1] {
            // SAFETY: the caller's; the buffer has room for all of them.
            unsafe { pack_tile::<M, N>(task, blocks, item, number, inner, place) };
            place = place.wrapping_add((inner[1] - inner[0]) * N);
        }
    }
    packed
}

/// Some rows by all tiles of a part, as many summands at once as stay in the caches.
///
/// # Safety
/// As `block`.
#[inline(always)]
unsafe fn some_rows<M: Lanes, const R: usize, const S: usize, const N: usize>(
    task: Task,
    blocks: &Blocks,
    item: usize,
    lines: &Lines,
    part: Part,
    buffers: &mut Buffers,
) {
    let mut from = part.inner[0];
    loop {
        let inner = [from, (from + blocks.depth).min(part.inner[1])];
        let before = (from - part.inner[0]) * (part.tiles[1] - part.tiles[0]) * N;
        let packed = part.packed.map(|packed| packed.wrapping_add(before));
        // SAFETY: the caller's.
        unsafe { part_of_block::<M, R, S, N>(task, blocks, item, lines, Part { inner, packed, ..part }, buffers) };
        from = inner[1];
        if from >= part.inner[1] {
            break;
        }
    }
}

/// As many summands as are taken at once.
///
/// # Safety
/// As `block`.
#[inline(always)]
unsafe fn part_of_block<M: Lanes, const R: usize, const S: usize, const N: usize>(
    task: Task,
    blocks: &Blocks,
    item: usize,
    lines: &Lines,
    part: Part,
    buffers: &mut Buffers,
) {
    let product = task.product;
    let (inner, tiles) = (part.inner, part.tiles);
    let depth = inner[1] - inner[0];
    let base = |operand: usize| task.arena.at(product.offsets[operand] + product.batch[operand].at(item));
    let mut panel = Panel::<{ WIDEST[1] * DEPTH }>::new();
    let own: *mut f32 = panel.0.as_mut_ptr().cast();
    // SAFETY: the buffer has room for all rows, and as many as a tile has beyond the last; the panel for N columns,
    // at most 32, and the depth, at most DEPTH. The rest is the caller's.
    unsafe {
        let strip = Strip {
            lines,
            depth,
            left: left::<M, R, S>(task, blocks, base(0), lines, &part, buffers),
            keep: Keep { scale: task.scale, adds: product.descends && part.sums.is_none() || inner[0] > 0, count: R },
        };
        for number in (product.first_column(lines.first) / N).max(tiles[0])..tiles[1] {
            let right = match (&blocks.in_place, part.packed) {
                (Some(in_place), _) => {
                    let start = |half: Half| base(1).wrapping_offset(product.columns[0].at(half.column)).cast_const();
                    let halves = blocks.halves(product, number);
                    Right::Places(halves.map(start), in_place.places.as_ptr().add(inner[0]))
                }
                (None, Some(packed)) => Right::Panel(packed.add((number - tiles[0]) * N * depth)),
                (None, None) => {
                    pack_tile::<M, N>(task, blocks, item, number, inner, own);
                    Right::Panel(own)
                }
            };
            match part.sums {
                Some((sums, first)) => strip.collect::<M, R, S>(sums.wrapping_add((number - first) * N), right),
                None => {
                    let halves = blocks.halves(product, number);
                    strip.compute::<M, R, S>(task, base(2), halves, right, number == tiles[0]);
                    if product.symmetric && inner[1] == product.sizes[3] {
                        triangle::mirror::<M>(task, base(2), lines, blocks.columns(product, number));
                    }
                }
            }
        }
    }
}

/// The rows of a part, packed where many tiles use them.
///
/// # Safety
/// As `block`.
#[inline(always)]
unsafe fn left<M: Lanes, const R: usize, const S: usize>(
    task: Task,
    blocks: &Blocks,
    base: *const f32,
    lines: &Lines,
    part: &Part,
    buffers: &mut Buffers,
) -> Rows {
    let (offsets, [first, end]) = (&task.product.inner[0], part.inner);
    let is_dense = offsets.is_dense();
    // SAFETY: the buffer has room for all rows, and as many as a tile has beyond the last; the tables have all
    // summands. The rest is the caller's.
    unsafe {
        if part.tiles[1] - part.tiles[0] < FEW_TILES {
            return match offsets.places() {
                Some(places) => Rows::Places(base, places.add(first)),
                None if is_dense => Rows::InPlace(base.wrapping_add(first)),
                None => Rows::Places(base.wrapping_offset(offsets.at(first)), blocks.steps.as_ptr()),
            };
        }
        let packed = room(&mut buffers.rows, (lines.count + R) * (end - first) + WIDEST[1]);
        pack_left::<M, R, S>(base, |k| offsets.at(first + k), is_dense, lines, end - first, packed);
        Rows::Packed(packed)
    }
}

/// Writes results that were collected, N columns of a tile beside those of the next.
///
/// # Safety
/// They are all at `sums`, and no one else uses their places.
#[inline(always)]
unsafe fn write_out<const N: usize>(task: Task, item: usize, rows: [usize; 2], tiles: [usize; 2], sums: *const f32) {
    let product = task.product;
    let target = task.arena.at(product.offsets[2] + product.batch[2].at(item));
    let (first, end) = (tiles[0] * N, (tiles[1] * N).min(product.sizes[2]));
    for row in rows[0]..rows[1] {
        let line = target.wrapping_offset(product.rows[1].at(row));
        let sums = sums.wrapping_add((row - rows[0]) * (tiles[1] - tiles[0]) * N);
        for column in first..end {
            // SAFETY: the caller's; `check` showed the places to be inside the arena.
            unsafe {
                let place = line.wrapping_offset(product.columns[1].at(column));
                let sum = *sums.add(column - first);
                *place = if product.descends { *place + sum } else { sum };
            }
        }
    }
}
