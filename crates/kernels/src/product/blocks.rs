//! Products in tiles. What a thread does at once is some rows by some columns: for a part of the
//! summands, the rows of the left factor stay in the second cache, and two vectors of columns in the
//! first, while all rows go by (after K. Goto and R. van de Geijn, *Anatomy of High-Performance Matrix
//! Multiplication*, 2008). The columns are packed, whatever their strides; or, where they lie side by
//! side in runs and are not used often, read where they are. Runs are then covered by segments of a
//! vector; the last may meet the one before, and gives only the columns that are new.

use super::block::{BUFFERS, Block};
use super::strip::Half;
use super::{Shape, Task, triangle};
use crate::machine::Level;
use crate::threads;

/// Summands that are taken at once: two vectors of so many columns stay in the first cache.
pub(super) const DEPTH: usize = 320;
/// Up to so many summands it does not matter that every thread packs the same columns.
const FEW_SUMMANDS: usize = 64;
/// Rows are packed where so many tiles of columns use them: places that are far apart may be one to the cache.
pub(super) const FEW_TILES: usize = 8;
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

/// Columns are packed for more rows than this: where vectors are long and tiles high they are read less often.
fn few_rows(level: Level) -> usize {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::V4 => 64,
        _ => 12,
    }
}

/// What is prepared for it.
pub(super) struct Blocks {
    /// How the right factor is read in place; else it is packed.
    pub in_place: Option<InPlace>,
    /// How many pairs of vectors cover the columns.
    tiles: usize,
    /// Summands that are taken at once.
    pub depth: usize,
    /// How far from the first of them the others are in the left factor, where that is always the same.
    pub steps: Vec<isize>,
    /// Whether results are collected until they are whole.
    pub collects: bool,
}

/// A right factor that is read where it is.
pub(super) struct InPlace {
    /// Segments of columns.
    pub halves: Vec<Half>,
    /// Where every summand is.
    pub places: Vec<isize>,
}

impl InPlace {
    fn new(product: &Shape) -> Option<InPlace> {
        let [_, rows, columns, inner] = product.sizes;
        let wide = product.tile()[1] / 2;
        let run = product.columns[0].run(columns);
        let segments = run.div_ceil(wide);
        let wastes = 5 * segments * wide > 8 * run;
        if wastes || run == 0 || inner == 0 || rows > few_rows(product.level) {
            return None;
        }
        let mut halves = Vec::with_capacity(columns / run * segments + 1);
        for first in (0..columns).step_by(run) {
            if run < wide {
                halves.push(InPlace::short(product, first, run)?);
                continue;
            }
            for number in 0..segments {
                let start = (number * wide).min(run - wide);
                let column = first + start;
                let together = product.columns[1].is_run(column, wide);
                halves.push(Half { column, from: number * wide - start, to: wide, before: 0, together });
            }
        }
        if let Some(last) = halves.last().copied().filter(|_| halves.len() % 2 == 1) {
            // It stands for two, and its double keeps nothing.
            halves.push(Half { to: last.from, ..last });
        }
        Some(InPlace { halves, places: (0..inner).map(|k| product.inner[1].at(k)).collect() })
    }

    /// A run that is shorter than a vector, with what is read besides behind it or before it; that must be part
    /// of the factor too, which no one writes.
    fn short(product: &Shape, first: usize, run: usize) -> Option<Half> {
        let rest = product.tile()[1] / 2 - run;
        let place = product.columns[0].at(first);
        let [least, greatest] = [place + product.summands[0], place + product.summands[1] + run as isize - 1];
        let before = match () {
            () if greatest + rest as isize <= product.right[1] => 0,
            () if least - rest as isize >= product.right[0] => rest,
            () => return None,
        };
        Some(Half { column: first, from: before, to: before + run, before, together: false })
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
    pub fn halves(&self, product: &Shape, number: usize) -> [Half; 2] {
        if let Some(in_place) = &self.in_place {
            return [in_place.halves[2 * number], in_place.halves[2 * number + 1]];
        }
        let wide = product.tile()[1] / 2;
        let columns = self.columns(product, number);
        let second = self.second(columns, wide);
        let half = |column: usize, from: usize| {
            let to = wide.min(columns[1].saturating_sub(column));
            let column = column.min(columns[1] - 1);
            Half { column, from, to, before: 0, together: product.columns[1].is_run(column, to) }
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
                (from..to).for_each(|item| unsafe { Block { task: self, blocks, item, rows, tiles }.compute(buffers) });
            });
        });
    }
}
