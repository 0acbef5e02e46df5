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
const COLUMNS: usize = 4;
/// More rows are better multiplied otherwise, and so are more results, and fewer summands.
const MOST_ROWS: usize = 24;
const MOST_RESULTS: usize = 8192;
const FEWEST_SUMMANDS: usize = 192;
/// Summands that are taken at once for all results.
const CHUNK: usize = 1024;
/// Pieces that the summands are cut into at most.
const MOST_PIECES: usize = 8;

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
        let is_few = rows <= MOST_ROWS && rows * columns <= MOST_RESULTS && inner >= FEWEST_SUMMANDS;
        let wastes = 5 * length.next_multiple_of(lanes) > 8 * length;
        if !is_few || rows * columns == 0 || length < lanes || wastes || product.columns[0].run(columns) >= lanes {
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
            // SAFETY: the sums of all pieces were just written, and no other thread is at work.
            unsafe { self.finish(item, dots, room) };
        }
    }

    /// Adds up pieces and lanes, in order, and writes the results.
    ///
    /// # Safety
    /// All sums were written, and no one else uses the target.
    unsafe fn finish(self, item: usize, dots: &Dots, room: Shared) {
        let product = self.product;
        let [_, rows, columns, _] = product.sizes;
        let lanes = product.tile()[1] / 2;
        let target = self.arena.at(product.offsets[2] + product.batch[2].at(item));
        let wide = columns.div_ceil(COLUMNS);
        for row in 0..rows {
            for column in 0..columns {
                let tile = row / ROWS * wide + column / COLUMNS;
                let first = ((tile * ROWS + row % ROWS) * COLUMNS + column % COLUMNS) * lanes;
                let mut sum = 0.0f32;
                for piece in 0..dots.pieces {
                    let mut lane = [0.0f32; 16];
                    // SAFETY: inside of the sums of a piece; the place is one of the target.
                    unsafe {
                        let values = room.at((piece * dots.sums + first) as isize).cast_const();
                        lane[..lanes].copy_from_slice(std::slice::from_raw_parts(values, lanes));
                    }
                    let mut half = lanes / 2;
                    while half > 0 {
                        (0..half).for_each(|number| lane[number] += lane[number + half]);
                        half /= 2;
                    }
                    sum += lane[0];
                }
                let place = target.wrapping_offset(product.rows[1].at(row) + product.columns[1].at(column));
                // SAFETY: `check` showed the places of the target to be inside the arena.
                unsafe { *place = if product.descends { *place } else { 0.0 } + self.scale * sum };
            }
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
    // SAFETY: the caller's.
    let line = |source: *const f32, at: usize| unsafe { source.add(at).cast::<[f32; H]>().read_unaligned() };
    let mut at = 0;
    while at + H <= length {
        let (left, right) = (left.map(|row| line(row, at)), right.map(|column| line(column, at)));
        products::<M, H>(sums, &left, &right);
        at += H;
    }
    if at < length {
        // The last H, but those that were taken are 0 in both.
        let taken = H - (length - at);
        let rest = |source: *const f32| {
            let mut line = line(source, length - H);
            (0..H).for_each(|lane| line[lane] = if lane < taken { 0.0 } else { line[lane] });
            line
        };
        products::<M, H>(sums, &left.map(rest), &right.map(rest));
    }
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
