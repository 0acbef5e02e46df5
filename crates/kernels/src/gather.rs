//! Tiles of the arena into registers and back, and reads that may leave what they read.

use crate::arena::Shared;
use crate::walk::{Access, Bound};

pub(crate) fn tile_strides(access: &Access) -> [i64; 2] {
    last_two(&access.strides)
}

fn last_two(strides: &[i64]) -> [i64; 2] {
    let loops = strides.len();
    [strides[loops - 2], strides[loops - 1]]
}

#[inline(always)]
pub(crate) fn position(access: &Access, at: &[i64]) -> isize {
    let mut sum = access.offset;
    for (stride, at) in access.strides.iter().zip(at) {
        sum += stride * at;
    }
    sum as isize
}

/// Numbers that are copied at once.
const WIDE: usize = 8;

/// Copies a tile of the arena into a register.
#[inline(always)]
pub(crate) unsafe fn gather(source: *const f32, [row, column]: [i64; 2], out: *mut f32, rows: usize, columns: usize) {
    // SAFETY: the caller's tile lies in the arena, and `out` has room for it.
    unsafe {
        for r in 0..rows {
            let source = source.wrapping_offset(r as isize * row as isize);
            let out = out.add(r * columns);
            match column {
                0 => std::slice::from_raw_parts_mut(out, columns).fill(*source),
                1 => copy::<1>(source, out, columns),
                2 => copy::<2>(source, out, columns),
                _ => {
                    for c in 0..columns {
                        *out.add(c) = *source.wrapping_offset(c as isize * column as isize);
                    }
                }
            }
        }
    }
}

/// Copies every number, or every second one. Rows are often short, so that calls and remainders would count:
/// the last numbers of a row are copied together with some before them once more.
///
/// # Safety
/// The source lies in the arena, and `out` has room.
#[inline(always)]
unsafe fn copy<const STEP: usize>(source: *const f32, out: *mut f32, columns: usize) {
    // SAFETY: the caller's; no position beyond the last is read or written.
    unsafe {
        if columns < WIDE {
            for c in 0..columns {
                *out.add(c) = *source.add(STEP * c);
            }
            return;
        }
        let mut c = 0;
        while c < columns {
            c = c.min(columns - WIDE);
            let from = source.add(STEP * c);
            let numbers: [f32; WIDE] = std::array::from_fn(|number| *from.add(STEP * number));
            out.add(c).cast::<[f32; WIDE]>().write_unaligned(numbers);
            c += WIDE;
        }
    }
}

/// The positions of a row of a tile for which a value that changes by `step` stays in `0..extent`.
#[inline(always)]
fn inside_range(start: i64, step: i64, extent: i64, columns: i64) -> (i64, i64) {
    match step {
        0 if (0..extent).contains(&start) => (0, columns),
        0 => (0, 0),
        1 => (-start, extent - start),
        // The first that is not below 0, and the first beyond the end.
        2.. => ((-start + step - 1).div_euclid(step), (extent - start + step - 1).div_euclid(step)),
        _ => ((start - extent).div_euclid(-step) + 1, start.div_euclid(-step) + 1),
    }
}

/// How the position along an axis moves in a tile: at its first place, with its rows and with its columns.
#[derive(Clone, Copy, Default)]
struct Moving {
    start: i64,
    row: i64,
    column: i64,
    extent: i64,
}

/// Copies a tile of the arena into a register, 0 where it leaves an axis of what it reads.
///
/// # Safety
/// All positions inside the axes are inside the arena, and `out` has room for the tile.
pub(crate) unsafe fn gather_inside(
    arena: Shared,
    access: &Access,
    at: &[i64],
    out: *mut f32,
    rows: usize,
    columns: usize,
) {
    let moving = |axis: &Bound| {
        let [row, column] = last_two(&axis.strides);
        let start = axis.offset + axis.strides.iter().zip(at).map(|(stride, at)| stride * at).sum::<i64>();
        Moving { start, row, column, extent: axis.extent as i64 }
    };
    // Most tensors have no more axes; those beyond are looked at again for every row.
    let mut first_axes = [Moving::default(); 4];
    first_axes.iter_mut().zip(&access.axes).for_each(|(place, axis)| *place = moving(axis));
    let known = access.axes.len().min(first_axes.len());
    let [row, column] = tile_strides(access);
    let first = position(access, at);
    // SAFETY: the caller's.
    unsafe { out.write_bytes(0, rows * columns) };
    for r in 0..rows as i64 {
        let (mut from, mut to) = (0, columns as i64);
        let mut within = |axis: &Moving| {
            let range = inside_range(axis.start + r * axis.row, axis.column, axis.extent, columns as i64);
            (from, to) = (from.max(range.0), to.min(range.1));
        };
        first_axes[..known].iter().for_each(&mut within);
        access.axes[known..].iter().for_each(|axis| within(&moving(axis)));
        if from >= to {
            continue;
        }
        let source = arena.at(first + (r * row + from * column) as isize);
        let (from, count) = (from as usize, (to - from) as usize);
        // SAFETY: the caller's; the positions from `from` to `to` are inside all axes.
        unsafe { gather(source, [0, column], out.add(r as usize * columns + from), 1, count) };
    }
}

/// Reads where computed subscripts say: NaN where one is no position of its axis, 0 where another
/// subscript leaves its own.
///
/// # Safety
/// As `gather_inside`; `values` gives as many numbers as the tile has for each computed subscript.
pub(crate) unsafe fn gather_computed(
    arena: Shared,
    (access, subscripts): (&Access, &[(usize, usize)]),
    at: &[i64],
    out: *mut f32,
    [rows, columns]: [usize; 2],
    values: impl Fn(usize) -> *const f32,
) {
    let [row, column] = tile_strides(access);
    let first = position(access, at) as i64;
    let is_computed = |number: usize| subscripts.iter().any(|(computed, _)| *computed == number);
    for r in 0..rows {
        let (mut from, mut to) = (0, columns as i64);
        for (_, axis) in access.axes.iter().enumerate().filter(|(number, _)| !is_computed(*number)) {
            let [along_rows, along_columns] = last_two(&axis.strides);
            let start = axis.offset + axis.strides.iter().zip(at).map(|(stride, at)| stride * at).sum::<i64>();
            let start = start + r as i64 * along_rows;
            let range = inside_range(start, along_columns, axis.extent as i64, columns as i64);
            (from, to) = (from.max(range.0), to.min(range.1));
        }
        let from = from.min(columns as i64) as usize;
        let to = to.max(from as i64) as usize;
        let base = first + r as i64 * row;
        // SAFETY: `out` has room for the tile, and the pointers lead to as many numbers. Positions from
        // `from` to `to` are inside the axes that are not computed, and read only where the computed
        // subscripts are inside theirs.
        unsafe {
            let line = out.add(r * columns);
            line.write_bytes(0, from);
            line.add(to).write_bytes(0, columns - to);
            // Rows of a table are read as a whole.
            let same = |operand: usize| {
                let row = std::slice::from_raw_parts(values(operand).add(r * columns), columns);
                row.iter().fold(true, |same, value| same & (*value == row[0]))
            };
            let is_row = subscripts.iter().all(|(_, operand)| same(*operand));
            let together = if is_row { to - from } else { 1 };
            for c in (from..to).step_by(together.max(1)) {
                let mut source = base + c as i64 * column;
                let mut inside = true;
                for (number, operand) in subscripts {
                    let axis = access.axes.get_unchecked(*number);
                    let subscript = *values(*operand).add(r * columns + c);
                    let integer = subscript as i32;
                    inside &=
                        integer as f32 == subscript && (integer as i64) >= 0 && (integer as i64) < axis.extent as i64;
                    source += axis.step * integer as i64;
                }
                if inside {
                    gather(arena.at(source as isize), [0, column], line.add(c), 1, together);
                } else {
                    std::slice::from_raw_parts_mut(line.add(c), together).fill(f32::NAN);
                }
            }
        }
    }
}

/// Copies a register into a tile of the arena.
#[inline(always)]
pub(crate) unsafe fn scatter(
    source: *const f32,
    target: *mut f32,
    [row, column]: [i64; 2],
    rows: usize,
    columns: usize,
) {
    // SAFETY: as in `gather`, the other way round. The source may be the target itself, where a
    // read is stored in its own place; so it is copied as by memmove.
    unsafe {
        for r in 0..rows {
            let source = source.add(r * columns);
            let target = target.wrapping_offset(r as isize * row as isize);
            if column == 1 {
                std::ptr::copy(source, target, columns);
                continue;
            }
            for c in 0..columns {
                *target.wrapping_offset(c as isize * column as isize) = *source.add(c);
            }
        }
    }
}

/// Writes `first + row r + column c` as numbers into a tile.
///
/// # Safety
/// `out` has room for the tile.
#[inline(always)]
pub(crate) unsafe fn count(first: i64, [row, column]: [i64; 2], out: *mut f32, rows: usize, columns: usize) {
    for r in 0..rows {
        let start = first + r as i64 * row;
        let last = start + columns as i64 * column;
        // SAFETY: the caller's.
        let line = unsafe { std::slice::from_raw_parts_mut(out.add(r * columns), columns) };
        // Integers of 32 bits are converted many at once.
        if let (Ok(start), Ok(column), Ok(_)) = (i32::try_from(start), i32::try_from(column), i32::try_from(last)) {
            for (c, out) in (0i32..).zip(line) {
                *out = start.wrapping_add(c.wrapping_mul(column)) as f32;
            }
        } else {
            line.iter_mut().zip(0..).for_each(|(out, c)| *out = (start + c * column) as f32);
        }
    }
}
