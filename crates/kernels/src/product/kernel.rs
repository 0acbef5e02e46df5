//! The innermost loop: a tile of results, all of them in registers.

use super::Task;
use crate::machine::{Machine, fma};

/// R rows of two halves of H columns.
pub(super) type Tile<const R: usize, const H: usize> = [[[f32; H]; 2]; R];

/// Rows of the left factor.
pub(super) enum Left<const R: usize> {
    /// Where they are: each row without gaps along what is summed over.
    Rows([*const f32; R]),
    /// Packed: R numbers for every summand.
    Panel(*const f32),
}

/// Columns of the right factor, two times H of them.
#[derive(Clone, Copy)]
pub(super) enum Right {
    /// Packed: all columns of a summand, then those of the next.
    Panel(*const f32),
    /// Where they are: where each half begins, and how far from there every summand is.
    Places([*const f32; 2], *const isize),
}

/// Which results of a half are kept, and which column the first of the half is.
#[derive(Clone, Copy)]
pub(super) struct Half {
    pub column: usize,
    pub from: usize,
    pub to: usize,
    /// Whether they are neighbours in the target.
    pub together: bool,
}

/// `Σ left · right`
///
/// # Safety
/// Left and right lead to `depth` summands of all their rows and columns.
#[inline(always)]
pub(super) unsafe fn tile<M: Machine, const R: usize, const H: usize>(
    left: &Left<R>,
    right: Right,
    depth: usize,
) -> Tile<R, H> {
    // SAFETY: the caller's.
    unsafe {
        match (left, right) {
            (Left::Rows(rows), Right::Panel(panel)) => {
                sum::<M, R, H>(depth, |k, r| *rows[r].add(k), |k| halves::<H>(panel.add(2 * H * k)))
            }
            (Left::Panel(rows), Right::Panel(panel)) => {
                sum::<M, R, H>(depth, |k, r| *rows.add(R * k + r), |k| halves::<H>(panel.add(2 * H * k)))
            }
            (Left::Rows(rows), Right::Places([a, b], places)) => sum::<M, R, H>(
                depth,
                |k, r| *rows[r].add(k),
                |k| [a.wrapping_offset(*places.add(k)), b.wrapping_offset(*places.add(k))],
            ),
            (Left::Panel(rows), Right::Places([a, b], places)) => sum::<M, R, H>(
                depth,
                |k, r| *rows.add(R * k + r),
                |k| [a.wrapping_offset(*places.add(k)), b.wrapping_offset(*places.add(k))],
            ),
        }
    }
}

#[inline(always)]
fn halves<const H: usize>(line: *const f32) -> [*const f32; 2] {
    [line, line.wrapping_add(H)]
}

/// # Safety
/// `right` gives pointers to H numbers each, for every summand below `depth`.
#[inline(always)]
unsafe fn sum<M: Machine, const R: usize, const H: usize>(
    depth: usize,
    left: impl Fn(usize, usize) -> f32,
    right: impl Fn(usize) -> [*const f32; 2],
) -> Tile<R, H> {
    let mut results = [[[0.0f32; H]; 2]; R];
    for k in 0..depth {
        // SAFETY: the caller's.
        let right: [[f32; H]; 2] = right(k).map(|half| unsafe { half.cast::<[f32; H]>().read_unaligned() });
        for (r, row) in results.iter_mut().enumerate() {
            let factor = left(k, r);
            for half in 0..2 {
                for c in 0..H {
                    row[half][c] = fma::<M>(factor, right[half][c], row[half][c]);
                }
            }
        }
    }
    results
}

/// Below so many summands there is no time to fetch anything.
const WORTH_FETCHING: usize = 32;

/// Says that these results will be written, after so many summands.
#[inline(always)]
pub(super) fn prefetch<M: Machine>(task: Task, target: *mut f32, rows: [usize; 2], halves: [Half; 2], summands: usize) {
    if summands < WORTH_FETCHING {
        return;
    }
    let at = |row: usize, half: &Half| task.product.rows[1].at(row) + task.product.columns[1].at(half.column);
    for row in rows[0]..rows[1] {
        halves.iter().for_each(|half| M::prefetch(target.wrapping_offset(at(row, half))));
    }
}

/// Writes results, scaled, or adds them.
///
/// # Safety
/// Rows and columns are part of the product, whose target begins at `target`; no one else uses them.
#[inline(always)]
pub(super) unsafe fn store<const R: usize, const H: usize>(
    task: Task,
    results: &Tile<R, H>,
    target: *mut f32,
    rows: [usize; 2],
    halves: [Half; 2],
    adds: bool,
) {
    let columns = &task.product.columns[1];
    let is_whole = |half: &Half| half.together && half.from == 0 && half.to == H;
    if rows[1] - rows[0] == R && halves.iter().all(is_whole) {
        let places = halves.map(|half| target.wrapping_offset(columns.at(half.column)));
        // SAFETY: the caller's; all results are places of the target.
        return unsafe { store_whole::<R, H>(task, results, places, rows[0], adds) };
    }
    for (row, values) in (rows[0]..rows[1]).zip(results) {
        let line = target.wrapping_offset(task.product.rows[1].at(row));
        for (half, values) in halves.iter().zip(values) {
            let first = line.wrapping_offset(columns.at(half.column));
            // SAFETY: the caller's; `check` showed the places to be inside the arena.
            unsafe {
                if is_whole(half) {
                    let places = &mut *first.cast::<[f32; H]>();
                    for c in 0..H {
                        let before = if adds { places[c] } else { 0.0 };
                        places[c] = before + task.scale * values[c];
                    }
                    continue;
                }
                for (c, value) in values.iter().enumerate().take(half.to).skip(half.from) {
                    let place = match half.together {
                        true => first.wrapping_add(c),
                        false => line.wrapping_offset(columns.at(half.column + c)),
                    };
                    *place = if adds { *place } else { 0.0 } + task.scale * value;
                }
            }
        }
    }
}

/// The same for a whole tile, each half of a row without gaps.
///
/// # Safety
/// As `store`.
#[inline(always)]
unsafe fn store_whole<const R: usize, const H: usize>(
    task: Task,
    results: &Tile<R, H>,
    places: [*mut f32; 2],
    row: usize,
    adds: bool,
) {
    for (r, values) in results.iter().enumerate() {
        let step = task.product.rows[1].at(row + r);
        for half in 0..2 {
            // SAFETY: the caller's; `check` showed the places to be inside the arena.
            let place = unsafe { &mut *places[half].wrapping_offset(step).cast::<[f32; H]>() };
            for c in 0..H {
                let before = if adds { place[c] } else { 0.0 };
                place[c] = before + task.scale * values[half][c];
            }
        }
    }
}
