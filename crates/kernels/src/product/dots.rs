//! Products of few results, each a long sum over numbers that lie side by side in both factors, as the
//! gradient of the kernel of a convolution. They are summed in lanes, which are added up in the end.
//! The summands are cut in pieces for the threads, by the shape alone.

use super::{GRAIN, Product, Task};
use crate::arena::Shared;
use crate::machine::{Level, Machine, Portable, fma};
#[cfg(target_arch = "x86_64")]
use crate::machine::{V3, V4};
use crate::threads;

/// Rows and columns of a tile of sums.
const ROWS: usize = 3;
const COLUMNS: usize = 3;
/// More rows are better multiplied otherwise, and so are more results, and fewer summands. Where all
/// summands lie side by side even fewer: then packing is cheap.
const MOST_ROWS: usize = 64;
const MOST_ROWS_OF_DENSE: usize = 12;
const MOST_RESULTS: usize = 40_000;
const FEWEST_SUMMANDS: usize = 192;
/// Summands that are taken at once for all results.
const CHUNK: usize = 1024;
/// Pieces that the summands are cut into at most.
const MOST_PIECES: usize = 8;
/// Read from a place before its middle: no lanes of those before, all of those after.
const MASK: [u32; 32] = {
    let mut mask = [0; 32];
    let mut lane = 16;
    while lane < 32 {
        mask[lane] = u32::MAX;
        lane += 1;
    }
    mask
};

/// Summands that lie side by side.
struct Run {
    /// Where they begin in the left factor and in the right one.
    places: [isize; 2],
    length: usize,
}

/// What is prepared for it.
pub(super) struct Dots {
    runs: Vec<Run>,
    /// Runs that are taken at once.
    together: usize,
    pieces: usize,
    /// How many numbers the sums of one piece are.
    sums: usize,
}

impl Dots {
    /// What a product needs to be done so, where that is worth while.
    pub fn new(product: &Product) -> Option<Dots> {
        let [_, rows, columns, inner] = product.sizes;
        let lanes = product.tile()[1] / 2;
        let length = product.inner[0].run(inner).min(product.inner[1].run(inner));
        let most_rows = if length == inner { MOST_ROWS_OF_DENSE } else { MOST_ROWS };
        let is_few = rows <= most_rows && rows * columns <= MOST_RESULTS && inner >= FEWEST_SUMMANDS;
        let wastes = 5 * length.next_multiple_of(lanes) > 8 * length;
        if !is_few || rows * columns == 0 || length < 2 * lanes || wastes || product.columns[0].run(columns) >= lanes {
            return None;
        }
        let parts = length.div_ceil(CHUNK);
        let mut runs = Vec::new();
        for first in (0..inner).step_by(length) {
            for part in 0..parts {
                let (from, to) = (length * part / parts, length * (part + 1) / parts);
                let place = |operand: usize| product.inner[operand].at(first) + from as isize;
                runs.push(Run { places: [place(0), place(1)], length: to - from });
            }
        }
        let together = (CHUNK / (length / parts)).max(1);
        let pieces = (rows * columns * inner / GRAIN).clamp(1, MOST_PIECES);
        let sums = rows.div_ceil(ROWS) * columns.div_ceil(COLUMNS) * ROWS * COLUMNS * lanes;
        Some(Dots { runs, together, pieces, sums })
    }

    /// How many numbers all sums are.
    pub fn room(&self) -> usize {
        self.sums * self.pieces
    }
}

impl Task<'_> {
    pub(super) fn dots(self, dots: &Dots, room: Shared) {
        let per_piece = dots.runs.len().div_ceil(dots.pieces);
        for item in self.items[0]..self.items[1] {
            threads::each(dots.pieces, &|piece| {
                let runs = &dots.runs[(piece * per_piece).min(dots.runs.len())..];
                let runs = &runs[..per_piece.min(runs.len())];
                let sums = room.at((piece * dots.sums) as isize);
                // SAFETY: the processor has what was detected; the workspace has room for the sums of all
                // pieces, one after the other.
                unsafe {
                    match self.product.level {
                        #[cfg(target_arch = "x86_64")]
                        Level::V4 => piece_v4(self, item, dots, runs, sums),
                        #[cfg(target_arch = "x86_64")]
                        Level::V3 => piece_v3(self, item, dots, runs, sums),
                        Level::Portable => sum_piece::<Portable, 4>(self, item, dots, runs, sums),
                    }
                }
            });
            // SAFETY: the sums of all pieces were just written, and rows are different places of the target,
            // which no factor meets (`check`).
            threads::each(self.product.sizes[1], &|row| unsafe { self.finish(item, dots, room, row) });
        }
    }

    /// Adds up pieces and lanes of a row, in order, and writes the results.
    ///
    /// # Safety
    /// All sums were written, and no one else uses the row of the target.
    unsafe fn finish(self, item: usize, dots: &Dots, room: Shared, row: usize) {
        let product = self.product;
        let columns = product.sizes[2];
        let lanes = product.tile()[1] / 2;
        let target = self.arena.at(product.offsets[2] + product.batch[2].at(item));
        let wide = columns.div_ceil(COLUMNS);
        for column in 0..columns {
            let tile = row / ROWS * wide + column / COLUMNS;
            let first = ((tile * ROWS + row % ROWS) * COLUMNS + column % COLUMNS) * lanes;
            let mut lane = [0.0f32; 16];
            for piece in 0..dots.pieces {
                // SAFETY: inside of the sums of a piece.
                let values = unsafe {
                    let values = room.at((piece * dots.sums + first) as isize).cast_const();
                    std::slice::from_raw_parts(values, lanes)
                };
                lane.iter_mut().zip(values).for_each(|(lane, value)| *lane += value);
            }
            let mut half = lanes / 2;
            while half > 0 {
                (0..half).for_each(|number| lane[number] += lane[number + half]);
                half /= 2;
            }
            let place = target.wrapping_offset(product.rows[1].at(row) + product.columns[1].at(column));
            // SAFETY: `check` showed the places of the target to be inside the arena.
            unsafe { *place = if product.descends { *place } else { 0.0 } + self.scale * lane[0] };
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn piece_v4(task: Task, item: usize, dots: &Dots, runs: &[Run], sums: *mut f32) {
    // SAFETY: as the caller promises.
    unsafe { sum_piece::<V4, 16>(task, item, dots, runs, sums) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn piece_v3(task: Task, item: usize, dots: &Dots, runs: &[Run], sums: *mut f32) {
    // SAFETY: as the caller promises.
    unsafe { sum_piece::<V3, 8>(task, item, dots, runs, sums) }
}

/// Sums runs for all results, in lanes.
///
/// # Safety
/// The runs are summands of the product, and `sums` has room for the sums of a piece.
#[inline(always)]
unsafe fn sum_piece<M: Machine, const H: usize>(task: Task, item: usize, dots: &Dots, runs: &[Run], sums: *mut f32) {
    let product = task.product;
    let [_, rows, columns, _] = product.sizes;
    let base = |operand: usize| task.arena.at(product.offsets[operand] + product.batch[operand].at(item)).cast_const();
    let (left, right) = (base(0), base(1));
    // SAFETY: the caller's. Rows and columns beyond the last are read as the last.
    unsafe {
        sums.write_bytes(0, dots.sums);
        for chunk in runs.chunks(dots.together) {
            let mut tile = sums.cast::<[[[f32; H]; COLUMNS]; ROWS]>();
            for row in (0..rows).step_by(ROWS) {
                let left: [*const f32; ROWS] =
                    std::array::from_fn(|r| left.wrapping_offset(product.rows[0].at((row + r).min(rows - 1))));
                for column in (0..columns).step_by(COLUMNS) {
                    let right: [*const f32; COLUMNS] = std::array::from_fn(|c| {
                        right.wrapping_offset(product.columns[0].at((column + c).min(columns - 1)))
                    });
                    let mut own = *tile;
                    for run in chunk {
                        let left = left.map(|row| row.wrapping_offset(run.places[0]));
                        let right = right.map(|column| column.wrapping_offset(run.places[1]));
                        add::<M, H>(&mut own, left, right, run.length);
                    }
                    *tile = own;
                    tile = tile.add(1);
                }
            }
        }
    }
}

/// Adds the products of so many numbers, lane by lane.
///
/// # Safety
/// All pointers lead to `length` numbers, which is at least H.
#[inline(always)]
unsafe fn add<M: Machine, const H: usize>(
    sums: &mut [[[f32; H]; COLUMNS]; ROWS],
    left: [*const f32; ROWS],
    right: [*const f32; COLUMNS],
    length: usize,
) {
    let mut at = 0;
    while at + H <= length {
        let (mut lines, mut other) = ([[0.0f32; H]; ROWS], [[0.0f32; H]; COLUMNS]);
        // SAFETY: the caller's.
        unsafe {
            lines.iter_mut().zip(&left).for_each(|(line, row)| *line = line_at::<H>(*row, at));
            other.iter_mut().zip(&right).for_each(|(line, column)| *line = line_at::<H>(*column, at));
        }
        products::<M, H>(sums, &lines, &other);
        at += H;
    }
    if at < length {
        // The last H, but those that were taken are 0 in both.
        let (at, taken) = (length - H, H - (length - at));
        let (mut lines, mut other) = ([[0.0f32; H]; ROWS], [[0.0f32; H]; COLUMNS]);
        // SAFETY: the caller's; H is at most 16, and fewer are taken.
        unsafe {
            let mask = MASK.as_ptr().add(16 - taken).cast::<[u32; H]>().read_unaligned();
            lines.iter_mut().zip(&left).for_each(|(line, row)| *line = masked(line_at::<H>(*row, at), mask));
            other.iter_mut().zip(&right).for_each(|(line, column)| *line = masked(line_at::<H>(*column, at), mask));
        }
        products::<M, H>(sums, &lines, &other);
    }
}

/// # Safety
/// The source leads to H numbers from there.
#[inline(always)]
unsafe fn line_at<const H: usize>(source: *const f32, at: usize) -> [f32; H] {
    // SAFETY: the caller's.
    unsafe { source.add(at).cast::<[f32; H]>().read_unaligned() }
}

#[inline(always)]
fn masked<const H: usize>(mut line: [f32; H], mask: [u32; H]) -> [f32; H] {
    for lane in 0..H {
        line[lane] = f32::from_bits(line[lane].to_bits() & mask[lane]);
    }
    line
}

#[inline(always)]
fn products<M: Machine, const H: usize>(
    sums: &mut [[[f32; H]; COLUMNS]; ROWS],
    left: &[[f32; H]; ROWS],
    right: &[[f32; H]; COLUMNS],
) {
    for r in 0..ROWS {
        for c in 0..COLUMNS {
            for lane in 0..H {
                sums[r][c][lane] = fma::<M>(left[r][lane], right[c][lane], sums[r][c][lane]);
            }
        }
    }
}
