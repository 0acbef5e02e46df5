//! All rows of a block by one tile of columns after the other.

use super::kernel::{Keep, Left, Right, Target, tile};
use super::lanes::Lanes;
use super::lines::Lines;
use super::pack::is_tall;
use super::{Panel, Task, WIDEST, array};

/// A vector of columns: the first of them, and which are kept.
#[derive(Clone, Copy)]
pub(super) struct Half {
    pub column: usize,
    pub from: usize,
    pub to: usize,
    /// Whether they are neighbours in the target.
    pub together: bool,
}

/// Left factor of a block.
#[derive(Clone, Copy)]
pub(super) enum Rows {
    /// Without gaps along the summands.
    InPlace(*const f32),
    /// With how far from there every summand is.
    Places(*const f32, *const isize),
    /// Tile by tile, the first rows first.
    Packed(*const f32),
}

/// All rows of a block, by two vectors of columns.
pub(super) struct Strip<'a> {
    pub lines: &'a Lines,
    pub depth: usize,
    pub left: Rows,
    pub keep: Keep,
}

impl Strip<'_> {
    /// # Safety
    /// As `compute`.
    #[inline(always)]
    pub unsafe fn compute<M: Lanes, const R: usize, const S: usize>(
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
                let is_tall = is_tall::<R, S>(self.lines.count - row);
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

    /// All columns of a tile, which are collected side by side.
    ///
    /// # Safety
    /// As `compute`.
    #[inline(always)]
    pub unsafe fn collect<M: Lanes, const R: usize, const S: usize>(&self, sums: *mut f32, right: Right) {
        let halves = [sums, sums.wrapping_add(M::LANES)];
        let mut row = 0;
        // SAFETY: the caller's.
        unsafe {
            while row < self.lines.count {
                let is_tall = is_tall::<R, S>(self.lines.count - row);
                match is_tall {
                    true => self.whole::<M, R>(row, halves, right),
                    false => self.whole::<M, S>(row, halves, right),
                }
                row += if is_tall { R } else { S };
            }
        }
    }

    #[inline(always)]
    fn rows<const R: usize>(&self, row: usize) -> Left<R> {
        match self.left {
            Rows::InPlace(base) => Left::Rows(self.lines.left(row).map(|place| base.wrapping_offset(place))),
            Rows::Places(base, places) => {
                Left::Places(self.lines.left(row).map(|place| base.wrapping_offset(place)), places)
            }
            Rows::Packed(panel) => Left::Panel(panel.wrapping_add(row * self.depth)),
        }
    }

    /// A tile of which all columns are kept.
    ///
    /// # Safety
    /// As `compute`.
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
        unsafe { tile::<M, R, 2>(self.rows(row), right, self.depth, &target, Keep { count, ..self.keep }) }
    }

    /// A tile of which only a part is kept, or whose results are apart: it is computed in the same way in a copy.
    ///
    /// # Safety
    /// As `compute`.
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
            let (left, keep) = (self.rows(row), Keep { count, ..self.keep });
            match halves[1].from < halves[1].to {
                true => tile::<M, R, 2>(left, right, self.depth, &own, keep),
                false => tile::<M, R, 1>(left, right, self.depth, &own, keep),
            }
            each(&mut |place, copy, length| super::pack::copy(copy, place, length));
        }
    }
}
