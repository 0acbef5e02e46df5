//! All rows of a block by one tile of columns after the other.

use super::ending::{Ends, Finished};
use super::kernel::{Columns, Keep, Left, Piece, Right, Target, tile};
use super::lanes::Lanes;
use super::lines::Lines;
use super::offsets::Offsets;
use super::pack::height;
use super::{Panel, Task, WIDEST, array};
use std::mem::MaybeUninit;

/// A vector of columns: the first of them, and which numbers of the vector are kept.
#[derive(Clone, Copy)]
pub(super) struct Half {
    pub column: usize,
    pub from: usize,
    pub to: usize,
    /// How many numbers the vector has before the first column.
    pub before: usize,
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
    /// Whether results are finished, and something is done with them.
    pub ends: bool,
}

/// Where the results of a strip go.
#[derive(Clone, Copy)]
pub(super) enum Results {
    /// All columns of a tile side by side, to be written where they belong later.
    Collected(*mut f32),
    /// Where they belong: where the target begins, and the columns of each vector. What the tile before wrote
    /// may be written again.
    Placed { target: *mut f32, halves: [Half; 2], is_first: bool },
}

/// The places of a vector.
struct Pieces<M: Lanes> {
    /// As many as the count are written.
    pieces: [MaybeUninit<Piece<M>>; WIDEST[1] / 2],
    count: usize,
}

impl<M: Lanes> Pieces<M> {
    #[inline(always)]
    fn none() -> Pieces<M> {
        Pieces { pieces: [const { MaybeUninit::uninit() }; WIDEST[1] / 2], count: 0 }
    }

    /// Adds those of the columns of a half.
    ///
    /// # Safety
    /// The processor is such a machine.
    #[inline(always)]
    unsafe fn fill(&mut self, target: *mut f32, half: Half, columns: &Offsets) {
        let mut lane = half.from;
        while lane < half.to {
            let column = half.column + lane - half.before;
            let end = lane + columns.run_from(column).min(half.to - lane);
            let place = target.wrapping_offset(columns.at(column)).wrapping_sub(lane);
            // SAFETY: the caller's.
            self.pieces[self.count].write(Piece { place, kept: unsafe { M::mask(lane, end) } });
            self.count += 1;
            lane = end;
        }
    }

    #[inline(always)]
    fn all(&self) -> &[Piece<M>] {
        let pieces = self.pieces[..self.count].as_ptr().cast();
        // SAFETY: so many were written.
        unsafe { std::slice::from_raw_parts(pieces, self.count) }
    }
}

/// What is multiplied by all rows of a block.
#[derive(Clone, Copy)]
struct Vectors<'a, M: Lanes> {
    right: Right,
    results: Results,
    columns: Columns<'a, M>,
    /// Of how many vectors results are kept.
    wide: usize,
    ends: Option<&'a Ends<M>>,
}

impl Strip<'_> {
    /// # Safety
    /// As `compute` of the block.
    #[inline(always)]
    pub unsafe fn compute<M: Lanes, const R: usize, const S: usize, const T: usize>(
        &self,
        task: Task,
        right: Right,
        results: Results,
    ) {
        let product = task.product;
        let (mut count, mut wide, mut pieces) = (self.lines.count, 2, [Pieces::<M>::none(), Pieces::none()]);
        let mut ends = None;
        let columns = match results {
            Results::Collected(sums) => Columns::Whole([sums, sums.wrapping_add(M::LANES)]),
            Results::Placed { target, halves, is_first } => {
                let end = halves.iter().map(|half| half.column + half.to).max().unwrap_or(0);
                count = product.rows_before(self.lines, end);
                if self.ends {
                    // SAFETY: the caller's.
                    ends = Some(unsafe { task.ends(halves) });
                }
                let columns = &product.columns[1];
                if self.is_whole(halves, M::LANES, is_first) {
                    Columns::Whole(halves.map(|half| target.wrapping_offset(columns.at(half.column))))
                } else {
                    wide = if halves[1].from < halves[1].to { 2 } else { 1 };
                    for (pieces, half) in pieces.iter_mut().zip(halves) {
                        // SAFETY: the caller's.
                        unsafe { pieces.fill(target, half, columns) };
                    }
                    Columns::Pieces([pieces[0].all(), pieces[1].all()])
                }
            }
        };
        let columns = Vectors { right, results, columns, wide, ends: ends.as_ref() };
        let mut row = 0;
        while row < count {
            let height = height::<R, S, T>(self.lines.count - row);
            // SAFETY: the caller's.
            unsafe {
                match height {
                    _ if height == R => self.rows::<M, R>(task, row, columns),
                    _ if S == T || height == S => self.rows::<M, S>(task, row, columns),
                    _ => self.rows::<M, T>(task, row, columns),
                }
            }
            row += height;
        }
    }

    /// Whether both vectors can be written with all their numbers.
    #[inline(always)]
    fn is_whole(&self, halves: [Half; 2], lanes: usize, is_first: bool) -> bool {
        // What was written by the tile before may be written again where nothing is added.
        let again = |number: usize| !self.keep.adds && (number == 1 || !is_first);
        (0..2).all(|number| {
            let half = &halves[number];
            half.together && half.to == lanes && (half.from == 0 || again(number))
        })
    }

    #[inline(always)]
    fn left<const R: usize>(&self, row: usize) -> Left<R> {
        match self.left {
            Rows::InPlace(base) => Left::Rows(self.lines.left(row).map(|place| base.wrapping_offset(place))),
            Rows::Places(base, places) => {
                let rows: &[isize; R] = self.lines.left(row);
                match (1..R).all(|r| rows[r] == rows[0] + r as isize) {
                    true => Left::Beside(base.wrapping_offset(rows[0]), places),
                    false => Left::Places(rows.map(|place| base.wrapping_offset(place)), places),
                }
            }
            Rows::Packed(panel) => Left::Panel(panel.wrapping_add(row * self.depth)),
        }
    }

    /// A tile.
    ///
    /// # Safety
    /// As `compute`.
    #[inline(always)]
    unsafe fn rows<M: Lanes, const R: usize>(&self, task: Task, row: usize, columns: Vectors<M>) {
        let count = R.min(self.lines.count - row);
        let places = self.lines.target::<R>(row);
        let own: [isize; R] = array(|r| (2 * M::LANES * r) as isize);
        let mut copy = Panel::<{ WIDEST[0] * WIDEST[1] }>::new();
        let first: *mut f32 = copy.0.as_mut_ptr().cast();
        // Left of the diagonal of a symmetric product are results of others, so a tile that it crosses is computed
        // in the same way in a copy.
        let crossed = match columns.results {
            Results::Placed { target, halves, .. } => {
                let number = self.lines.first + row;
                let is_crossed = task.product.first_column(number + R - 1) > halves[0].column;
                is_crossed.then_some(Crossed { task, target, halves, first: number, lanes: M::LANES })
            }
            Results::Collected(_) => None,
        };
        // SAFETY: the caller's; the copy has room for a tile.
        unsafe {
            let in_copy = Target { columns: Columns::Whole([first, first.add(M::LANES)]), rows: &own };
            let (mut target, mut keep) =
                (Target { columns: columns.columns, rows: places }, Keep { count, ..self.keep });
            target.prefetch();
            if let Some(crossed) = &crossed {
                if self.keep.adds {
                    first.write_bytes(0, 2 * R * M::LANES);
                    crossed.each(&places[..count], |place, copy| *first.add(copy) = *place);
                }
                target = in_copy;
            } else if columns.ends.is_some() {
                (keep.scale, keep.adds) = (1.0, false);
                target = in_copy;
            }
            let left = self.left(row);
            match columns.wide {
                1 => tile::<M, R, 1>(left, columns.right, self.depth, &target, keep),
                _ => tile::<M, R, 2>(left, columns.right, self.depth, &target, keep),
            }
            if let Some(ends) = columns.ends {
                let row = self.lines.first + row;
                M::end(
                    ends,
                    Finished { sums: first, columns: columns.columns, rows: &places[..count], row },
                    self.keep,
                );
            }
            if let Some(crossed) = crossed {
                crossed.each(&places[..count], |place, copy| *place = *first.add(copy));
            }
        }
    }
}

/// A tile that the diagonal crosses.
struct Crossed<'a> {
    task: Task<'a>,
    target: *mut f32,
    halves: [Half; 2],
    /// The number of its first row.
    first: usize,
    lanes: usize,
}

impl Crossed<'_> {
    /// Visits the results from the diagonal on: the place of each, and its number in a copy of the tile.
    #[inline(always)]
    fn each(&self, rows: &[isize], visit: impl Fn(*mut f32, usize)) {
        let columns = &self.task.product.columns[1];
        for (r, row) in rows.iter().enumerate() {
            let first = self.task.product.first_column(self.first + r);
            for (number, half) in self.halves.iter().enumerate() {
                for c in half.from.max(first.saturating_sub(half.column))..half.to {
                    let place = self.target.wrapping_offset(*row + columns.at(half.column + c));
                    visit(place, (2 * r + number) * self.lanes + c);
                }
            }
        }
    }
}
