//! Products of few rows or columns, each result a sum over numbers that lie side by side in both factors, as
//! a layer by a small batch, or the gradient of the kernel of a convolution. They are summed in lanes,
//! which are added up in the end. Long sums are cut in pieces for the threads, by the shape alone.

use super::lanes::Lanes;
use super::orient::size;
use super::{ProductSpec, Shape, Task, array};
use crate::arena::Shared;
use crate::machine::{Level, Portable};
#[cfg(target_arch = "x86_64")]
use crate::machine::{V3, V4};
use crate::threads;

/// Rows and columns of tiles of sums: what fits the registers with as many loads as multiplications take.
const TILES: [[usize; 2]; 3] = [[3, 3], [5, 2], [2, 5]];
/// If rows and columns are more, it is better to pack, and if there are fewer summands (tests try those too).
/// Where summands lie side by side in runs, packing takes longer.
const MOST_ROWS: usize = 8;
const MOST_OF_DENSE: usize = 12;
const MOST_RESULTS: usize = 40_000;
const FEWEST_SUMMANDS: usize = if cfg!(test) { 64 } else { 192 };
const FEWEST_OF_DENSE: usize = if cfg!(test) { 16 } else { 128 };
/// Summands side by side that are worth a run, of vectors no longer than these.
const SHORTEST_RUN: usize = 16;
/// Summands that are taken at once for all results.
const CHUNK: usize = 1024;
/// Multiplications in a piece of the summands, and in a piece of work that is worth handing to another thread;
/// fewer where tests cut small products.
const GRAIN: usize = 200_000;
const LEAST: usize = if cfg!(test) { 500 } else { 50_000 };
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
    /// Rows and columns of a tile.
    tile: [usize; 2],
    /// Numbers of tiles along rows and columns.
    tiles: [usize; 2],
    /// How many numbers the sums of one piece are.
    sums: usize,
}

impl Dots {
    /// Whether the numbers of results do not rule it out already.
    pub fn is_likely(spec: &ProductSpec) -> bool {
        let (rows, columns) = (size(&spec.rows), size(&spec.columns));
        rows.min(columns) <= MOST_ROWS.max(MOST_OF_DENSE) && rows * columns <= MOST_RESULTS
    }

    /// What a product needs to be done so, where that is worth while.
    pub fn new(product: &Shape) -> Option<Dots> {
        let [_, rows, columns, inner] = product.sizes;
        let lanes = product.tile()[1] / 2;
        let length = product.inner[0].run(inner).min(product.inner[1].run(inner));
        let is_few = match length == inner {
            true => rows.min(columns) <= MOST_OF_DENSE && inner >= FEWEST_OF_DENSE,
            false => rows <= MOST_ROWS && inner >= FEWEST_SUMMANDS,
        };
        let wastes = 5 * length.next_multiple_of(lanes) > 8 * length;
        let is_none = rows * columns == 0 || rows * columns > MOST_RESULTS;
        if product.weights.is_some()
            || !is_few
            || is_none
            || length < SHORTEST_RUN.min(2 * lanes)
            || wastes
            || product.columns[0].run(columns) >= lanes
        {
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
        let pieces = if runs.len() == 1 { 1 } else { (rows * columns * inner / GRAIN).clamp(1, MOST_PIECES) };
        let all = |[tall, wide]: &[usize; 2]| rows.next_multiple_of(*tall) * columns.next_multiple_of(*wide);
        let shapes = if length == inner { TILES.as_slice() } else { &TILES[..1] };
        let tile = *shapes.iter().min_by_key(|tile| all(tile))?;
        let tiles = [rows.div_ceil(tile[0]), columns.div_ceil(tile[1])];
        Some(Dots { runs, together, pieces, tile, tiles, sums: all(&tile) * lanes })
    }

    /// How many numbers all sums are.
    pub fn room(&self) -> usize {
        self.sums * self.pieces
    }

    /// Into how many parts the results of a piece are cut, along the longer side: each is computed in the same
    /// way in whatever part it is, so this may depend on the number of threads.
    fn parts(&self, product: &Shape) -> usize {
        let [_, rows, columns, inner] = product.sizes;
        let most = threads::count().div_ceil(self.pieces).min(self.tiles[0].max(self.tiles[1]));
        (rows * columns * inner / self.pieces / LEAST).clamp(1, most.max(1))
    }
}

impl Task<'_> {
    pub(super) fn dots(self, dots: &Dots, room: Shared) {
        let per_piece = dots.runs.len().div_ceil(dots.pieces);
        let parts = dots.parts(self.product);
        let part = |number: usize| {
            let along = usize::from(dots.tiles[1] > dots.tiles[0]);
            let mut part = [[0, dots.tiles[0]], [0, dots.tiles[1]]];
            part[along] = [0, 1].map(|end| dots.tiles[along] * (number + end) / parts);
            part
        };
        for item in self.items[0]..self.items[1] {
            threads::each(dots.pieces * parts, &|unit| {
                let (piece, tiles) = (unit / parts, part(unit % parts));
                let runs = &dots.runs[(piece * per_piece).min(dots.runs.len())..];
                let runs = &runs[..per_piece.min(runs.len())];
                // SAFETY: the workspace has room for the sums of all pieces, one after the other; a unit takes
                // those of its own tiles.
                unsafe {
                    self.sum(item, dots, runs, room.at((piece * dots.sums) as isize), tiles);
                    if dots.pieces == 1 {
                        self.finish(item, dots, room, tiles);
                    }
                }
            });
            if dots.pieces > 1 {
                // SAFETY: the sums of all pieces were just written.
                threads::each(parts, &|number| unsafe { self.finish(item, dots, room, part(number)) });
            }
        }
    }

    /// # Safety
    /// As `sum_tiles`.
    unsafe fn sum(self, item: usize, dots: &Dots, runs: &[Run], sums: *mut f32, tiles: [[usize; 2]; 2]) {
        // SAFETY: as the caller promises; the processor has what was detected.
        unsafe {
            match self.product.level {
                #[cfg(target_arch = "x86_64")]
                Level::V4 => sum_v4(self, item, dots, runs, sums, tiles),
                #[cfg(target_arch = "x86_64")]
                Level::V3 => sum_v3(self, item, dots, runs, sums, tiles),
                Level::Portable => sum::<Portable>(self, item, dots, runs, sums, tiles),
            }
        }
    }

    /// # Safety
    /// As `finish`.
    unsafe fn finish(self, item: usize, dots: &Dots, room: Shared, tiles: [[usize; 2]; 2]) {
        // SAFETY: as the caller promises; the processor has what was detected.
        unsafe {
            match self.product.level {
                #[cfg(target_arch = "x86_64")]
                Level::V4 => finish_v4(self, item, dots, room, tiles),
                #[cfg(target_arch = "x86_64")]
                Level::V3 => finish_v3(self, item, dots, room, tiles),
                Level::Portable => finish::<Portable>(self, item, dots, room, tiles),
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn sum_v4(task: Task, item: usize, dots: &Dots, runs: &[Run], sums: *mut f32, tiles: [[usize; 2]; 2]) {
    // SAFETY: as the caller promises.
    unsafe { sum::<V4>(task, item, dots, runs, sums, tiles) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn sum_v3(task: Task, item: usize, dots: &Dots, runs: &[Run], sums: *mut f32, tiles: [[usize; 2]; 2]) {
    // SAFETY: as the caller promises.
    unsafe { sum::<V3>(task, item, dots, runs, sums, tiles) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn finish_v4(task: Task, item: usize, dots: &Dots, room: Shared, tiles: [[usize; 2]; 2]) {
    // SAFETY: as the caller promises.
    unsafe { finish::<V4>(task, item, dots, room, tiles) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn finish_v3(task: Task, item: usize, dots: &Dots, room: Shared, tiles: [[usize; 2]; 2]) {
    // SAFETY: as the caller promises.
    unsafe { finish::<V3>(task, item, dots, room, tiles) }
}

/// Adds up pieces and lanes of the results of some tiles, in order, and writes them.
///
/// # Safety
/// All their sums were written, and no one else uses them or the results.
#[inline(always)]
unsafe fn finish<M: Lanes>(task: Task, item: usize, dots: &Dots, room: Shared, tiles: [[usize; 2]; 2]) {
    let product = task.product;
    let [tall, wide] = dots.tile;
    let ends = !product.ending.is_nothing();
    let target = task.arena.at(product.offsets[2] + product.batch[2].at(item));
    for tile_row in tiles[0][0]..tiles[0][1] {
        for tile_column in tiles[1][0]..tiles[1][1] {
            let tile = (tile_row * dots.tiles[1] + tile_column) * tall * wide * M::LANES;
            for row in tile_row * tall..((tile_row + 1) * tall).min(product.sizes[1]) {
                let line = target.wrapping_offset(product.rows[1].at(row));
                for column in tile_column * wide..((tile_column + 1) * wide).min(product.sizes[2]) {
                    let own = tile + ((row - tile_row * tall) * wide + column - tile_column * wide) * M::LANES;
                    if column < product.first_column(row) {
                        continue;
                    }
                    let place = line.wrapping_offset(product.columns[1].at(column));
                    // SAFETY: inside of the sums of every piece; `check` showed the places of the target to be
                    // inside the arena.
                    unsafe {
                        let mut sum = M::load(room.at(own as isize));
                        for piece in 1..dots.pieces {
                            sum = M::add(sum, M::load(room.at((piece * dots.sums + own) as isize)));
                        }
                        let result = if product.descends { *place } else { 0.0 } + task.scale * M::total(sum);
                        *place = if ends { task.ended(result, [row, column], place) } else { result };
                        if product.symmetric && row == column {
                            *place += product.diagonal;
                        } else if product.symmetric {
                            let mirrored = product.rows[1].at(column) + product.columns[1].at(row);
                            *target.wrapping_offset(mirrored) = *place;
                        }
                    }
                }
            }
        }
    }
}

/// Sums runs for the results of some tiles, in lanes.
///
/// # Safety
/// The runs are summands of the product, and `sums` has room for the sums of a piece, those of these tiles
/// for no one else.
#[inline(always)]
unsafe fn sum<M: Lanes>(task: Task, item: usize, dots: &Dots, runs: &[Run], sums: *mut f32, tiles: [[usize; 2]; 2]) {
    // SAFETY: the caller's.
    unsafe {
        match dots.tile {
            [5, _] => sum_tiles::<M, 5, 2>(task, item, dots, runs, sums, tiles),
            [2, _] => sum_tiles::<M, 2, 5>(task, item, dots, runs, sums, tiles),
            _ => sum_tiles::<M, 3, 3>(task, item, dots, runs, sums, tiles),
        }
    }
}

/// # Safety
/// As `sum`.
#[inline(always)]
unsafe fn sum_tiles<M: Lanes, const R: usize, const C: usize>(
    task: Task,
    item: usize,
    dots: &Dots,
    runs: &[Run],
    sums: *mut f32,
    tiles: [[usize; 2]; 2],
) {
    let product = task.product;
    let [_, rows, columns, _] = product.sizes;
    let base = |operand: usize| task.arena.at(product.offsets[operand] + product.batch[operand].at(item)).cast_const();
    let size = R * C * M::LANES;
    for chunk in 0..runs.len().div_ceil(dots.together).max(1) {
        let from = (chunk * dots.together).min(runs.len());
        let some = &runs[from..(from + dots.together).min(runs.len())];
        for row in tiles[0][0]..tiles[0][1] {
            // Rows and columns beyond the last are read as the last.
            let left: [*const f32; R] =
                array(|r| base(0).wrapping_offset(product.rows[0].at((row * R + r).min(rows - 1))));
            for column in (product.first_column(row * R) / C).max(tiles[1][0])..tiles[1][1] {
                let right: [*const f32; C] =
                    array(|c| base(1).wrapping_offset(product.columns[0].at((column * C + c).min(columns - 1))));
                let place = sums.wrapping_add((row * dots.tiles[1] + column) * size);
                // SAFETY: the caller's.
                unsafe { add_runs::<M, R, C>(place, chunk > 0, left, right, some) };
            }
        }
    }
}

/// Adds the products of runs to sums that stay in registers.
///
/// # Safety
/// The sums are at `place`; from the pointers the runs are R and C lines of numbers.
#[inline(always)]
unsafe fn add_runs<M: Lanes, const R: usize, const C: usize>(
    place: *mut f32,
    adds: bool,
    left: [*const f32; R],
    right: [*const f32; C],
    runs: &[Run],
) {
    // SAFETY: the caller's. A run is no shorter than a vector.
    unsafe {
        let zero = M::splat(0.0);
        let mut sums = [[zero; C]; R];
        for run in runs {
            let left = left.map(|row| row.wrapping_offset(run.places[0]));
            let right = right.map(|column| column.wrapping_offset(run.places[1]));
            let mut at = 0;
            while at + M::LANES <= run.length {
                let columns: [M::Vector; C] = array(|c| M::load(right[c].add(at)));
                for r in 0..R {
                    let row = M::load(left[r].add(at));
                    for c in 0..C {
                        sums[r][c] = M::multiply_add(row, columns[c], sums[r][c]);
                    }
                }
                at += M::LANES;
            }
            if at < run.length {
                // The last vector, but what was taken counts as 0 in both factors.
                let (at, taken) = (run.length - M::LANES, M::LANES - (run.length - at));
                let mask = M::load(MASK.as_ptr().add(16 - taken).cast());
                let columns: [M::Vector; C] = array(|c| M::keep(mask, M::load(right[c].add(at))));
                for r in 0..R {
                    let row = M::keep(mask, M::load(left[r].add(at)));
                    for c in 0..C {
                        sums[r][c] = M::multiply_add(row, columns[c], sums[r][c]);
                    }
                }
            }
        }
        for (r, row) in sums.into_iter().enumerate() {
            for (c, sum) in row.into_iter().enumerate() {
                let place = place.add((r * C + c) * M::LANES);
                M::store(if adds { M::add(M::load(place), sum) } else { sum }, place);
            }
        }
    }
}
