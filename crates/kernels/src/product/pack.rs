//! Packing: parts of the factors in the order in which a tile takes them.

use super::array;
use super::block::Block;
use super::lanes::Lanes;
use super::lines::Lines;
use crate::machine::Machine;

/// Numbers that are turned at once, along both sides.
const LEAST: usize = 8;

/// Neighbours among the columns of a panel.
struct Run {
    /// The first of them in the panel.
    column: usize,
    length: usize,
    /// Where it is.
    place: isize,
}

/// Packs the two vectors of columns of a tile, with the weights of the summands where there are any.
///
/// # Safety
/// As `pack_right`.
#[inline(always)]
pub(super) unsafe fn pack_tile<M: Lanes, const N: usize>(
    block: Block,
    number: usize,
    inner: [usize; 2],
    panel: *mut f32,
) {
    let task = block.task;
    let (columns, depth) = (block.blocks.columns(task.product, number), inner[1] - inner[0]);
    let second = block.blocks.second(columns, N / 2);
    // SAFETY: the caller's; there is a weight for every summand.
    unsafe {
        if second < columns[0] + N / 2 {
            pack_right::<M, N>(block, [columns[0], columns[0] + N / 2], inner, panel);
            pack_right::<M, N>(block, [second, columns[1]], inner, panel.add(N / 2));
        } else {
            if columns[1] - columns[0] < N {
                panel.write_bytes(0, depth * N);
            }
            pack_right::<M, N>(block, columns, inner, panel);
        }
        if let Some(weights) = task.product.weights {
            weigh::<M>(task.arena.at(weights + inner[0] as isize), depth, panel);
        }
    }
}

/// Packs up to N columns of the right factor into a panel, one summand after the other.
///
/// # Safety
/// Columns and summands are those of the product, and `panel` has room for N columns.
#[inline(always)]
unsafe fn pack_right<M: Lanes, const N: usize>(
    block: Block,
    [first, end]: [usize; 2],
    summands: [usize; 2],
    panel: *mut f32,
) {
    let (product, base) = (block.task.product, block.base(1).cast_const());
    let (columns, inner) = (&product.columns[0], &product.inner[1]);
    let (width, depth) = (end - first, summands[1] - summands[0]);
    // SAFETY: the caller's; reads are those of the product, which `check` showed to be inside.
    unsafe {
        if depth >= LEAST && inner.run_from(summands[0]) >= LEAST && !columns.is_run(first, width) {
            // Along the summands, as far as they lie side by side.
            let mut k = 0;
            while k < depth {
                let length = inner.run_from(summands[0] + k).min(depth - k);
                let start = base.wrapping_offset(inner.at(summands[0] + k));
                turn::<M, N>(|c| start.wrapping_offset(columns.at(first + c)), panel.add(k * N), width, length);
                k += length;
            }
            return;
        }
        let places = inner.places();
        let source = |k: usize| match places {
            // SAFETY: the table has all summands.
            Some(places) => base.wrapping_offset(*places.add(summands[0] + k)),
            None => base.wrapping_offset(inner.at(summands[0] + k)),
        };
        let mut c = 0;
        while c < width {
            let length = columns.run_from(first + c).min(width - c);
            copy_run::<N>(&source, &Run { column: c, length, place: columns.at(first + c) }, panel, depth);
            c += length;
        }
    }
}

/// Multiplies the columns of every summand in a panel by the weight of the summand.
///
/// # Safety
/// There are `depth` weights, and two vectors of columns for each in the panel.
#[inline(always)]
unsafe fn weigh<M: Lanes>(weights: *const f32, depth: usize, panel: *mut f32) {
    for k in 0..depth {
        // SAFETY: the caller's.
        unsafe {
            let (weight, zero) = (M::splat(*weights.add(k)), M::splat(0.0));
            for half in [2 * k, 2 * k + 1].map(|number| panel.add(number * M::LANES)) {
                M::store(M::multiply_add(weight, M::load(half), zero), half);
            }
        }
    }
}

/// Columns that are dense along what is summed over.
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
    // SAFETY: the caller's.
    unsafe {
        if width < LEAST || depth < LEAST {
            for c in 0..width {
                let source = place(c);
                (0..depth).for_each(|k| *panel.add(k * N + c) = *source.add(k));
            }
            return;
        }
        // The last square meets the one before where the length is no multiple.
        for c in (0..width).step_by(LEAST) {
            let c = c.min(width - LEAST);
            let sources: [*const f32; LEAST] = array(|number| place(c + number));
            for k in (0..depth).step_by(LEAST) {
                let k = k.min(depth - LEAST);
                M::transpose(sources.map(|source| source.add(k)), panel.add(k * N + c), N);
            }
        }
    }
}

/// Copies neighbours of every summand.
///
/// # Safety
/// Every source has the run, and `panel` has room for N times `depth` numbers.
#[inline(always)]
unsafe fn copy_run<const N: usize>(source: &impl Fn(usize) -> *const f32, run: &Run, panel: *mut f32, depth: usize) {
    let panel = panel.wrapping_add(run.column);
    // SAFETY: the caller's.
    unsafe {
        match run.length {
            16.. => copy_columns::<N, 16>(source, run, panel, depth),
            8.. => copy_columns::<N, 8>(source, run, panel, depth),
            4.. => copy_columns::<N, 4>(source, run, panel, depth),
            _ => copy_columns::<N, 1>(source, run, panel, depth),
        }
    }
}

/// W numbers at once; the last may meet those before. A run is not shorter.
///
/// # Safety
/// As `copy_run`.
#[inline(always)]
unsafe fn copy_columns<const N: usize, const W: usize>(
    source: &impl Fn(usize) -> *const f32,
    run: &Run,
    panel: *mut f32,
    depth: usize,
) {
    for c in (0..run.length).step_by(W) {
        let c = c.min(run.length - W);
        for k in 0..depth {
            // SAFETY: the caller's.
            unsafe {
                let numbers = source(k).wrapping_offset(run.place).add(c).cast::<[f32; W]>().read_unaligned();
                panel.add(k * N + c).cast::<[f32; W]>().write_unaligned(numbers);
            }
        }
    }
}

/// How many rows the next tile has: R, or where that would waste more of them S, or T, which is not more than S.
#[inline(always)]
pub(super) fn height<const R: usize, const S: usize, const T: usize>(left: usize) -> usize {
    match left {
        _ if left > 2 * S || left > S && left <= R => R,
        _ if left > T => S,
        _ => T,
    }
}

/// Packs rows of the left factor, for tiles of R rows, or S or T where fewer are left: all rows of a summand,
/// then those of the next. `step` tells how far from the first each summand is.
///
/// # Safety
/// Every row of every summand below `depth` can be read at its place, also those that a tile has beyond the
/// last, and `packed` has room for them and eight numbers.
#[inline(always)]
pub(super) unsafe fn pack_left<M: Lanes, const R: usize, const S: usize, const T: usize>(
    base: *const f32,
    step: impl Fn(usize) -> isize,
    dense: bool,
    lines: &Lines,
    depth: usize,
    packed: *mut f32,
) {
    let mut row = 0;
    // SAFETY: the caller's.
    unsafe {
        while row < lines.count {
            let panel = packed.add(row * depth);
            let height = height::<R, S, T>(lines.count - row);
            match dense && depth >= LEAST {
                true => {
                    let base = base.wrapping_offset(step(0));
                    match height {
                        _ if height == R => turn_rows::<M, R>(base, lines.left(row), depth, panel),
                        _ if S == T || height == S => turn_rows::<M, S>(base, lines.left(row), depth, panel),
                        _ => turn_rows::<M, T>(base, lines.left(row), depth, panel),
                    }
                }
                false => {
                    let source = |k| base.wrapping_offset(step(k));
                    match height {
                        _ if height == R => pack_rows::<R>(source, lines.left(row), depth, panel),
                        _ if S == T || height == S => pack_rows::<S>(source, lines.left(row), depth, panel),
                        _ => pack_rows::<T>(source, lines.left(row), depth, panel),
                    }
                }
            }
            row += height;
        }
    }
}

/// Rows that are dense along what is summed over.
///
/// # Safety
/// As `pack_left`; there are at least eight summands.
#[inline(always)]
unsafe fn turn_rows<M: Machine, const R: usize>(base: *const f32, rows: &[isize; R], depth: usize, panel: *mut f32) {
    for k in (0..depth).step_by(LEAST) {
        let k = k.min(depth - LEAST);
        // What squares have beyond the last row is written over: by the one before, by the next line, or by the
        // next panel.
        for first in (0..R).step_by(LEAST).rev() {
            let sources = array(|number| base.wrapping_offset(rows[(first + number).min(R - 1)]).wrapping_add(k));
            // SAFETY: the caller's.
            unsafe { M::transpose(sources, panel.add(k * R + first), R) };
        }
    }
}

/// # Safety
/// As `pack_left`.
#[inline(always)]
unsafe fn pack_rows<const R: usize>(
    source: impl Fn(usize) -> *const f32,
    rows: &[isize; R],
    depth: usize,
    panel: *mut f32,
) {
    let neighbours = (1..R).all(|r| rows[r] == rows[0] + r as isize);
    for k in 0..depth {
        let source = source(k);
        // SAFETY: the caller's.
        unsafe {
            let line = panel.add(k * R).cast::<[f32; R]>();
            if neighbours {
                line.write_unaligned(source.wrapping_offset(rows[0]).cast::<[f32; R]>().read_unaligned());
            } else {
                line.write_unaligned(rows.map(|row| *source.wrapping_offset(row)));
            }
        }
    }
}
