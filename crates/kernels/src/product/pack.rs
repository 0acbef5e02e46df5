//! Packing: parts of the factors in the order in which a tile takes them.

use super::kernel::Left;
use super::{Block, Task};
use crate::machine::Machine;

/// Neighbours among the columns of a panel.
#[derive(Clone, Copy, Default)]
struct Run {
    /// The first of them in the panel.
    column: usize,
    length: usize,
    /// Where it is.
    place: isize,
}

/// Packs columns of the right factor into panels of N columns, one summand after the other; columns
/// beyond the last are 0.
///
/// # Safety
/// The block is part of the product, and `packed` has room for it, columns rounded up to panels.
#[inline(always)]
pub(super) unsafe fn pack_right<M: Machine, const N: usize>(task: Task, item: usize, block: Block, packed: *mut f32) {
    let product = task.product;
    let base = task.arena.at(product.offsets[1] + product.batch[1].at(item)).cast_const();
    let (columns, inner) = (&product.columns[0], &product.inner[1]);
    let depth = block.inner[1] - block.inner[0];
    let mut panel = packed;
    for column in (block.columns[0]..block.columns[1]).step_by(N) {
        let width = N.min(block.columns[1] - column);
        // SAFETY: the caller's; reads are those of the product, which `check` showed to be inside.
        unsafe {
            if width < N {
                panel.write_bytes(0, depth * N);
            }
            if inner.is_dense() {
                let place = |c: usize| base.wrapping_offset(columns.at(column + c) + block.inner[0] as isize);
                turn::<M, N>(place, panel, width, depth);
            } else {
                let (mut runs, mut count) = ([Run::default(); N], 0);
                let mut c = 0;
                while c < width {
                    let length = columns.run_from(column + c).min(width - c);
                    runs[count] = Run { column: c, length, place: columns.at(column + c) };
                    (c, count) = (c + length, count + 1);
                }
                let source = |k: usize| base.wrapping_offset(inner.at(block.inner[0] + k));
                copy_runs::<N>(source, &runs[..count], panel, depth);
            }
            panel = panel.add(depth * N);
        }
    }
}

/// Rows or columns that are dense along what is summed over.
///
/// # Safety
/// The places of all up to `width` lead to `depth` numbers, and `panel` has room for N times as many.
#[inline(always)]
unsafe fn turn<M: Machine, const N: usize>(
    place: impl Fn(usize) -> *const f32,
    panel: *mut f32,
    width: usize,
    depth: usize,
) {
    let mut c = 0;
    // SAFETY: the caller's.
    unsafe {
        while c + 8 <= width {
            let sources: [*const f32; 8] = std::array::from_fn(|number| place(c + number));
            let mut k = 0;
            while k + 8 <= depth {
                M::transpose(sources.map(|source| source.add(k)), panel.add(k * N + c), N);
                k += 8;
            }
            for k in k..depth {
                for (number, source) in sources.iter().enumerate() {
                    *panel.add(k * N + c + number) = *source.add(k);
                }
            }
            c += 8;
        }
        for c in c..width {
            let source = place(c);
            for k in 0..depth {
                *panel.add(k * N + c) = *source.add(k);
            }
        }
    }
}

/// # Safety
/// Every source has the runs, and `panel` has room for N times `depth` numbers.
#[inline(always)]
unsafe fn copy_runs<const N: usize>(source: impl Fn(usize) -> *const f32, runs: &[Run], panel: *mut f32, depth: usize) {
    // SAFETY: the caller's.
    unsafe {
        if let [Run { length, place, .. }] = runs
            && *length == N
        {
            for k in 0..depth {
                let from = source(k).wrapping_offset(*place).cast::<[f32; N]>();
                panel.add(k * N).cast::<[f32; N]>().write_unaligned(from.read_unaligned());
            }
            return;
        }
        for k in 0..depth {
            let source = source(k);
            for run in runs {
                copy(source.wrapping_offset(run.place), panel.add(k * N + run.column), run.length);
            }
        }
    }
}

/// Copies a few numbers.
///
/// # Safety
/// As `copy_nonoverlapping`.
#[inline(always)]
unsafe fn copy(source: *const f32, target: *mut f32, length: usize) {
    // SAFETY: the caller's; blocks end within the length.
    unsafe {
        let four = |at: usize| {
            let block = source.add(at).cast::<[f32; 4]>().read_unaligned();
            target.add(at).cast::<[f32; 4]>().write_unaligned(block);
        };
        if length < 4 {
            (0..length).for_each(|at| *target.add(at) = *source.add(at));
            return;
        }
        let mut at = 0;
        while at + 4 < length {
            four(at);
            at += 4;
        }
        // The last block meets the one before where the length is no multiple.
        four(length - 4);
    }
}

/// R rows of the left factor: where they are if they are dense along what is summed over, else packed,
/// one summand after the other. Rows beyond the last are repeated, or 0.
///
/// # Safety
/// The rows are part of the product, and `packed` has room for R times the depth.
#[inline(always)]
pub(super) unsafe fn left<const R: usize>(
    task: Task,
    item: usize,
    rows: [usize; 2],
    inner: [usize; 2],
    packed: *mut f32,
) -> Left<R> {
    let product = task.product;
    let base = task.arena.at(product.offsets[0] + product.batch[0].at(item)).cast_const();
    let (places, depth, count) = (&product.rows[0], inner[1] - inner[0], rows[1] - rows[0]);
    if product.inner[0].is_dense() {
        let row = |r: usize| base.wrapping_offset(places.at((rows[0] + r).min(rows[1] - 1)) + inner[0] as isize);
        return Left::Rows(std::array::from_fn(row));
    }
    let neighbours = places.is_run(rows[0], R) && count == R;
    // SAFETY: the caller's; reads are those of the product, which `check` showed to be inside.
    unsafe {
        if count < R {
            packed.write_bytes(0, R * depth);
        }
        for k in 0..depth {
            let source = base.wrapping_offset(product.inner[0].at(inner[0] + k));
            let line = packed.add(k * R);
            if neighbours {
                let from = source.wrapping_offset(places.at(rows[0])).cast::<[f32; R]>();
                line.cast::<[f32; R]>().write_unaligned(from.read_unaligned());
                continue;
            }
            for r in 0..count {
                *line.add(r) = *source.wrapping_offset(places.at(rows[0] + r));
            }
        }
    }
    Left::Panel(packed)
}
