//! Symmetric products, whose results stay the same when row and column change places: those on the diagonal
//! and right of it are computed, and the others copied from them, so that both are the same bits. A unit of
//! work writes its own results and their mirror images, and no other unit writes either.

use super::lanes::Lanes;
use super::lines::Lines;
use super::{Shape, Task};

/// Results that are mirrored at once, along both sides.
const SIDE: usize = 8;

/// Part of the rows, one of so many with as much of the triangle in each.
pub(super) fn rows(count: usize, number: usize, parts: usize) -> [usize; 2] {
    [number, number + 1].map(|end| count - end_of(count, parts - end, parts))
}

/// Part of the tiles of columns, one of so many with as much of the triangle in each.
pub(super) fn tiles(count: usize, number: usize, parts: usize) -> [usize; 2] {
    [number, number + 1].map(|end| end_of(count, end, parts))
}

/// The columns up to here have so many parts of the triangle.
fn end_of(count: usize, number: usize, parts: usize) -> usize {
    (count as f64 * (number as f64 / parts as f64).sqrt()).round() as usize
}

impl Shape {
    /// The first column that is computed in a row.
    #[inline(always)]
    pub(super) fn first_column(&self, row: usize) -> usize {
        if self.symmetric { row } else { 0 }
    }

    /// How many of the rows of a block have results among the columns before this one.
    #[inline(always)]
    pub(super) fn rows_before(&self, lines: &Lines, end: usize) -> usize {
        if self.symmetric { end.saturating_sub(lines.first).min(lines.count) } else { lines.count }
    }
}

/// Copies what a block has in some columns to the other side of the diagonal, and adds to what is on it.
///
/// # Safety
/// The results are written; their places and the mirrored ones are those of the target, and no one else uses
/// them.
#[inline(always)]
pub(super) unsafe fn mirror<M: Lanes>(task: Task, target: *mut f32, lines: &Lines, [from, to]: [usize; 2]) {
    let [rows, columns] = [&task.product.rows[1], &task.product.columns[1]];
    let end = lines.first + task.product.rows_before(lines, to);
    let place = |row: usize, column: usize| target.wrapping_offset(rows.at(row) + columns.at(column));
    for row in from.max(lines.first)..to.min(end) {
        // SAFETY: the caller's.
        unsafe { *place(row, row) += task.product.diagonal };
    }
    let step = rows.even_step().and_then(|step| usize::try_from(step).ok()).filter(|_| columns.is_dense());
    let mut column = from;
    while column < to {
        let mut row = lines.first;
        let wide = if to - column >= SIDE && step.is_some() { SIDE } else { 1 };
        // SAFETY: the caller's; columns of a row of squares are beside each other, as are their mirror images.
        unsafe {
            if let Some(step) = step.filter(|_| wide == SIDE) {
                while row + SIDE <= end.min(column) {
                    let sources = std::array::from_fn(|number| place(row + number, column).cast_const());
                    M::transpose(sources, place(column, row), step);
                    row += SIDE;
                }
            }
            for column in column..column + wide {
                (row..end.min(column)).for_each(|row| *place(column, row) = *place(row, column));
            }
        }
        column += wide;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_triangle_are_all_of_it_and_alike() {
        for count in [0, 1, 2, 7, 63, 500] {
            for parts in 1..=8 {
                for (is_rows, part) in [(true, rows as fn(_, _, _) -> _), (false, tiles)] {
                    let mut before = 0;
                    for number in 0..parts {
                        let [from, to] = part(count, number, parts);
                        assert!(from == before && to >= from, "{count} {number} of {parts}");
                        before = to;
                        let work: usize = (from..to).map(|at| if is_rows { count - at } else { at + 1 }).sum();
                        let fair = count * (count + 1) / 2 / parts;
                        assert!(work.abs_diff(fair) <= count + 1, "{count} {number} of {parts}: {work}, {fair}");
                    }
                    assert_eq!(before, count);
                }
            }
        }
    }
}
