//! Where the rows of a block are.

use super::{Shape, WIDEST};
use std::mem::MaybeUninit;

/// Rows that are taken at once: with the summands that are, they stay in the second cache.
pub(super) const MOST_ROWS: usize = 264;

/// Rows of a block: where they are in the left factor and in the target. Those beyond the last are as the
/// last.
pub(super) struct Lines {
    /// The number of the first among all rows.
    pub first: usize,
    /// How many there are.
    pub count: usize,
    left: Places,
    target: Places,
}

/// Only what was made for a block is written.
type Places = [MaybeUninit<isize>; MOST_ROWS + WIDEST[0]];

impl Lines {
    /// None yet.
    #[inline(always)]
    pub const fn new() -> Lines {
        const NONE: Places = [const { MaybeUninit::uninit() }; MOST_ROWS + WIDEST[0]];
        Lines { first: 0, count: 0, left: NONE, target: NONE }
    }

    /// Where these rows are; those of the target at equal steps from the first of all where they are given.
    /// In place: to copy it takes longer.
    #[inline(always)]
    pub fn fill(&mut self, product: &Shape, rows: [usize; 2], steps: Option<[usize; 2]>) {
        (self.first, self.count) = (rows[0], rows[1] - rows[0]);
        for number in 0..self.count + WIDEST[0] {
            let row = (rows[0] + number).min(rows[1] - 1);
            self.left[number].write(product.rows[0].at(row));
            self.target[number].write(match steps {
                Some([first, step]) => ((row - first) * step) as isize,
                None => product.rows[1].at(row),
            });
        }
    }

    /// R rows of the left factor, from one below the count on.
    #[inline(always)]
    pub fn left<const R: usize>(&self, row: usize) -> &[isize; R] {
        assert!(row < self.count && R <= WIDEST[0]);
        // SAFETY: as many as a tile has were written from every row of the block on.
        unsafe { &*self.left.as_ptr().add(row).cast::<[isize; R]>() }
    }

    /// The same of the target.
    #[inline(always)]
    pub fn target<const R: usize>(&self, row: usize) -> &[isize; R] {
        assert!(row < self.count && R <= WIDEST[0]);
        // SAFETY: as in `left`.
        unsafe { &*self.target.as_ptr().add(row).cast::<[isize; R]>() }
    }
}
