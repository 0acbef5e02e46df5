//! Products in tiles. What a thread does at once is some rows by some columns: for a part of the
//! summands, the rows of the left factor stay in the second cache, and two vectors of columns in the
//! first, while all rows go by (after K. Goto and R. van de Geijn, *Anatomy of High-Performance Matrix
//! Multiplication*, 2008). The columns are packed, whatever their strides; or, where they lie side by
//! side in runs and are not used often, read where they are. Runs are then covered by segments of a
//! vector; the last may meet the one before, and gives only the columns that are new.

use super::kernel::{Keep, Left, Right, Target, tile};
use super::lanes::Lanes;
use super::lines::{Lines, MOST_ROWS};
use super::pack::{pack_left, pack_right, weigh};
use super::{Panel, Shape, Task, WIDEST, array, triangle};
use crate::machine::{Level, Portable};
#[cfg(target_arch = "x86_64")]
use crate::machine::{V3, V4};
use crate::threads;
use std::cell::RefCell;

/// Summands that are taken at once: two vectors of so many columns stay in the first cache.
const DEPTH: usize = 256;
/// Columns are packed for more rows than this.
const FEW_ROWS: usize = 12;
/// Up to so many summands it does not matter that every thread packs the same columns.
const FEW_SUMMANDS: usize = 64;
/// Rows without gaps along the summands are packed too where so many tiles of columns use them: places that
/// are far apart may be one to the cache.
const MANY_TILES: usize = 8;
/// Multiplications in a piece of work that is worth handing to another thread; fewer where tests cut small
/// products.
const GRAIN: usize = if cfg!(test) { 500 } else { 50_000 };
/// Where there are so many for every thread they are cut smaller, so that none has to wait long.
const MANY: usize = 4_000_000;
const PIECES_OF_MANY: usize = 4;
/// Rows or columns of a part that is large enough to be cut without a loss.
const LARGE: usize = if cfg!(test) { 12 } else { 96 };

thread_local! {
    /// Packed rows.
    static ROWS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// What is prepared for it.
pub(super) struct Blocks {
    /// How the right factor is read in place; else it is packed.
    pub in_place: Option<InPlace>,
    /// How many pairs of vectors cover the columns.
    tiles: usize,
    /// Summands that are taken at once.
    depth: usize,
}

/// A right factor that is read where it is.
pub(super) struct InPlace {
    /// Segments of columns.
    halves: Vec<Half>,
    /// Where every summand is.
    places: Vec<isize>,
}

/// A vector of columns: the first of them, and which are kept.
#[derive(Clone, Copy)]
struct Half {
    column: usize,
    from: usize,
    to: usize,
    /// Whether they are neighbours in the target.
    together: bool,
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
        // Equal parts, rather than a small last one.
        let depth = inner.div_ceil(inner.div_ceil(DEPTH).max(1)).next_multiple_of(8).min(DEPTH);
        Blocks { in_place, tiles, depth }
    }

    /// The halves of a tile.
    #[inline(always)]
    fn halves(&self, product: &Shape, number: usize) -> [Half; 2] {
        if let Some(in_place) = &self.in_place {
            return [in_place.halves[2 * number], in_place.halves[2 * number + 1]];
        }
        let wide = product.tile()[1] / 2;
        [0, 1].map(|half| {
            let first = (2 * number + half) * wide;
            let (column, to) = (first.min(product.sizes[2] - 1), wide.min(product.sizes[2].saturating_sub(first)));
            Half { column, from: 0, to, together: product.columns[1].is_run(column, to) }
        })
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
            ROWS.with_borrow_mut(|buffer| {
                // SAFETY: units are different items, rows or columns, hence different places of the target
                // (mirrored ones too, all of them on the other side of the diagonal), which no factor meets
                // (`check`).
                (from..to).for_each(|item| unsafe { self.block(blocks, item, rows, tiles, buffer) });
            });
        });
    }

    /// # Safety
    /// As `block`.
    unsafe fn block(self, blocks: &Blocks, item: usize, rows: [usize; 2], tiles: [usize; 2], buffer: &mut Vec<f32>) {
        // SAFETY: as the caller promises; the processor has what was detected.
        unsafe {
            match self.product.level {
                #[cfg(target_arch = "x86_64")]
                Level::V4 => block_v4(self, blocks, item, rows, tiles, buffer),
                #[cfg(target_arch = "x86_64")]
                Level::V3 => block_v3(self, blocks, item, rows, tiles, buffer),
                Level::Portable => block::<Portable, 4, 2, 8>(self, blocks, item, rows, tiles, buffer),
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
    buffer: &mut Vec<f32>,
) {
    // SAFETY: as the caller promises.
    unsafe { block::<V4, 12, 6, 32>(task, blocks, item, rows, tiles, buffer) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn block_v3(
    task: Task,
    blocks: &Blocks,
    item: usize,
    rows: [usize; 2],
    tiles: [usize; 2],
    buffer: &mut Vec<f32>,
) {
    // SAFETY: as the caller promises.
    unsafe { block::<V3, 6, 3, 16>(task, blocks, item, rows, tiles, buffer) }
}

/// Left factor of a block.
#[derive(Clone, Copy)]
enum Rows {
    InPlace(*const f32),
    /// Tile by tile, the first rows first.
    Packed(*const f32),
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
    buffer: &mut Vec<f32>,
) {
    let mut lines = Lines::new();
    for first in (rows[0]..rows[1]).step_by(MOST_ROWS) {
        let rows = [first, (first + MOST_ROWS).min(rows[1])];
        lines.fill(task.product, rows);
        let mut from = 0;
        loop {
            let inner = [from, (from + blocks.depth).min(task.product.sizes[3])];
            // SAFETY: the caller's.
            unsafe { part_of_block::<M, R, S, N>(task, blocks, item, &lines, inner, tiles, buffer) };
            from = inner[1];
            if from >= task.product.sizes[3] {
                break;
            }
        }
    }
}

/// A part of the summands.
///
/// # Safety
/// As `block`.
#[inline(always)]
unsafe fn part_of_block<M: Lanes, const R: usize, const S: usize, const N: usize>(
    task: Task,
    blocks: &Blocks,
    item: usize,
    lines: &Lines,
    inner: [usize; 2],
    tiles: [usize; 2],
    buffer: &mut Vec<f32>,
) {
    let product = task.product;
    let depth = inner[1] - inner[0];
    let base = |operand: usize| task.arena.at(product.offsets[operand] + product.batch[operand].at(item));
    let mut panel = Panel::<{ WIDEST[1] * DEPTH }>::new();
    let packed: *mut f32 = panel.0.as_mut_ptr().cast();
    // SAFETY: the buffer has room for all rows, and as many as a tile has beyond the last; the panel for N columns,
    // at most 32, and the depth, at most DEPTH. The rest is the caller's.
    unsafe {
        let is_dense = product.inner[0].is_dense();
        let left = if is_dense && tiles[1] - tiles[0] < MANY_TILES {
            Rows::InPlace(base(0).wrapping_add(inner[0]))
        } else {
            let length = (lines.count + R) * depth + WIDEST[1];
            buffer.resize(buffer.len().max(length), 0.0);
            let step = |k: usize| product.inner[0].at(inner[0] + k);
            pack_left::<M, R, S>(base(0), step, is_dense, lines, depth, buffer.as_mut_ptr());
            Rows::Packed(buffer.as_ptr())
        };
        let strip = Strip {
            lines,
            depth,
            left,
            keep: Keep { scale: task.scale, adds: product.descends || inner[0] > 0, count: R },
        };
        for number in (product.first_column(lines.first) / N).max(tiles[0])..tiles[1] {
            let halves = blocks.halves(product, number);
            let right = match &blocks.in_place {
                Some(in_place) => {
                    let start = |half: Half| base(1).wrapping_offset(product.columns[0].at(half.column)).cast_const();
                    Right::Places(halves.map(start), in_place.places.as_ptr().add(inner[0]))
                }
                None => {
                    let columns = [number * N, ((number + 1) * N).min(product.sizes[2])];
                    pack_right::<M, N>(task, item, columns, inner, packed);
                    if let Some(weights) = product.weights {
                        weigh::<M>(task.arena.at(weights + inner[0] as isize), depth, packed);
                    }
                    Right::Panel(packed)
                }
            };
            strip.compute::<M, R, S>(task, base(2), halves, right, number == tiles[0]);
            if product.symmetric && inner[1] == product.sizes[3] {
                triangle::mirror::<M>(task, base(2), lines, [number * N, ((number + 1) * N).min(product.sizes[2])]);
            }
        }
    }
}

/// All rows of a block, by two vectors of columns.
struct Strip<'a> {
    lines: &'a Lines,
    depth: usize,
    left: Rows,
    keep: Keep,
}

impl Strip<'_> {
    /// # Safety
    /// As `block`.
    #[inline(always)]
    unsafe fn compute<M: Lanes, const R: usize, const S: usize>(
        &self,
        task: Task,
        target: *mut f32,
        halves: [Half; 2],
        right: Right,
        is_first: bool,
    ) {
        let columns = &task.product.columns[1];
        // What was written by the tile before may be written again where nothing is added.
        let again = |number: usize| !self.keep.adds && (number == 1 || !is_first);
        let is_whole = (0..2).all(|number| {
            let half = &halves[number];
            half.together && half.to == M::LANES && (half.from == 0 || again(number))
        });
        let places = halves.map(|half| target.wrapping_offset(columns.at(half.column)));
        let end = halves.iter().map(|half| half.column + half.to).max().unwrap_or(0);
        let count = task.product.rows_before(self.lines, end);
        let mut row = 0;
        // SAFETY: the caller's.
        unsafe {
            while row < count {
                let is_tall = self.lines.count - row > S;
                let is_right = task.product.first_column(self.lines.first + row + R - 1) <= halves[0].column;
                match (is_whole && is_right, is_tall) {
                    (true, true) => self.whole::<M, R>(row, places, right),
                    (true, false) => self.whole::<M, S>(row, places, right),
                    (false, true) => self.partial::<M, R>(task, row, target, halves, right),
                    (false, false) => self.partial::<M, S>(task, row, target, halves, right),
                }
                row += if is_tall { R } else { S };
            }
        }
    }

    #[inline(always)]
    fn rows<const R: usize>(&self, row: usize) -> Left<R> {
        match self.left {
            Rows::InPlace(base) => Left::Rows(self.lines.left(row).map(|place| base.wrapping_offset(place))),
            Rows::Packed(panel) => Left::Panel(panel.wrapping_add(row * self.depth)),
        }
    }

    /// A tile of which all columns are kept.
    ///
    /// # Safety
    /// As `block`.
    #[inline(always)]
    unsafe fn whole<M: Lanes, const R: usize>(&self, row: usize, halves: [*mut f32; 2], right: Right) {
        let target = Target { halves, rows: self.lines.target(row) };
        let count = R.min(self.lines.count - row);
        for step in target.rows {
            M::prefetch(halves[0].wrapping_offset(step));
            // Two short vectors are mostly in one line of the cache.
            if M::LANES == 16 {
                M::prefetch(halves[1].wrapping_offset(step));
            }
        }
        // SAFETY: the caller's.
        unsafe { tile::<M, R>(self.rows(row), right, self.depth, &target, Keep { count, ..self.keep }) }
    }

    /// A tile of which only a part is kept, or whose results are apart: it is computed in the same way in a copy.
    ///
    /// # Safety
    /// As `block`.
    #[inline(always)]
    unsafe fn partial<M: Lanes, const R: usize>(
        &self,
        task: Task,
        row: usize,
        target: *mut f32,
        halves: [Half; 2],
        right: Right,
    ) {
        let columns = &task.product.columns[1];
        let count = R.min(self.lines.count - row);
        let mut copy = Panel::<{ WIDEST[0] * WIDEST[1] }>::new();
        let first: *mut f32 = copy.0.as_mut_ptr().cast();
        let own: Target<R> =
            Target { halves: [first, first.wrapping_add(M::LANES)], rows: array(|r| (2 * M::LANES * r) as isize) };
        let each = |visit: &mut dyn FnMut(*mut f32, *mut f32, usize)| {
            for (r, (own_row, place)) in own.rows.iter().zip(&self.lines.target::<R>(row)[..count]).enumerate() {
                let line = target.wrapping_offset(*place);
                let first = task.product.first_column(self.lines.first + row + r);
                for (half, start) in halves.iter().zip(own.halves) {
                    let half = Half { from: half.from.max(first.saturating_sub(half.column)).min(half.to), ..*half };
                    let start = start.wrapping_offset(*own_row);
                    if half.together {
                        let place = line.wrapping_offset(columns.at(half.column)).wrapping_add(half.from);
                        visit(place, start.wrapping_add(half.from), half.to - half.from);
                        continue;
                    }
                    for c in half.from..half.to {
                        visit(line.wrapping_offset(columns.at(half.column + c)), start.wrapping_add(c), 1);
                    }
                }
            }
        };
        // SAFETY: the caller's; `check` showed the places to be inside the arena, and the copy has room for a tile.
        unsafe {
            if self.keep.adds {
                first.write_bytes(0, 2 * R * M::LANES);
                each(&mut |place, copy, length| super::pack::copy(place, copy, length));
            }
            tile::<M, R>(self.rows(row), right, self.depth, &own, Keep { count, ..self.keep });
            each(&mut |place, copy, length| super::pack::copy(copy, place, length));
        }
    }
}
