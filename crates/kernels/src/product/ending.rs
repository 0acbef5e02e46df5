//! What is done with finished results before they are written. Each gets the bits that a map over the results would
//! give it.

use super::kernel::{Columns, Keep};
use super::lanes::Lanes;
use super::strip::Half;
use super::{Bias, Ending, Task, array};

impl Ending {
    /// Whether results stay as they are.
    pub(super) fn is_nothing(&self) -> bool {
        *self == Ending::default()
    }

    /// With rows as columns.
    pub(super) fn exchanged(self) -> Ending {
        Ending { bias: self.bias.map(|bias| Bias { by_rows: !bias.by_rows, ..bias }), ..self }
    }
}

impl Task<'_> {
    /// The address of the value that must be positive for a result to count.
    #[inline(always)]
    fn positive(self, place: *const f32) -> Option<*const f32> {
        let offset = self.product.ending.positive?;
        Some(place.wrapping_offset(offset as isize - self.product.offsets[2]))
    }

    /// What a result becomes.
    ///
    /// # Safety
    /// Row and column are those of the place, which is one of the target.
    #[inline(always)]
    pub(super) unsafe fn ended(self, mut result: f32, [row, column]: [usize; 2], place: *const f32) -> f32 {
        let ending = &self.product.ending;
        // SAFETY: `check` showed that there is a number for every row or column, and one for every result.
        unsafe {
            if let Some(bias) = ending.bias {
                result += *self.arena.at(bias.offset as isize + if bias.by_rows { row } else { column } as isize);
            }
            // Of numbers that are none there is no order, and they stay.
            if ending.rectifies && result <= 0.0 {
                result = 0.0;
            }
            let counts = self.positive(place).is_none_or(|positive| *positive > 0.0);
            if counts { result } else { 0.0 }
        }
    }

    /// The same for vectors of results, of the columns of a tile.
    ///
    /// # Safety
    /// The columns are those of the product; the processor is such a machine.
    #[inline(always)]
    pub(super) unsafe fn ends<M: Lanes>(self, halves: [Half; 2]) -> Ends<M> {
        let Ending { bias, rectifies, positive } = self.product.ending;
        let at = |bias: Bias| self.arena.at(bias.offset as isize).cast_const();
        // SAFETY: `check` showed that there is a number for every column, and others are not read.
        let of_half = |half: Half| unsafe {
            match bias.filter(|bias| !bias.by_rows) {
                Some(bias) => {
                    let first = half.column as isize - half.before as isize;
                    M::load_some(at(bias).wrapping_offset(first), M::mask(half.before, half.to))
                }
                None => M::splat(0.0),
            }
        };
        Ends {
            columns: bias.filter(|bias| !bias.by_rows).map(|_| array(|number| of_half(halves[number]))),
            rows: bias.filter(|bias| bias.by_rows).map(at),
            rectifies,
            positive: positive.map(|offset| offset as isize - self.product.offsets[2]),
        }
    }
}

/// What is done with the results of a tile.
#[derive(Clone, Copy)]
pub(super) struct Ends<M: Lanes> {
    /// What is added to the results of both vectors of columns.
    columns: Option<[M::Vector; 2]>,
    /// Where what is added to the results of every row is, those of the first row first.
    rows: Option<*const f32>,
    rectifies: bool,
    /// How far from every result the value is that must be positive.
    positive: Option<isize>,
}

/// Sums of a tile that have all their summands.
pub(super) struct Finished<'a, M: Lanes> {
    /// Two vectors for every row.
    pub sums: *const f32,
    /// Where the results of both go.
    pub columns: Columns<'a, M>,
    /// How far from there every row is.
    pub rows: &'a [isize],
    /// The number of the first row.
    pub row: usize,
}

/// Writes results with what is done to them.
///
/// # Safety
/// The sums are there, the places are the caller's alone, and rows and columns are those of the product.
#[inline(always)]
pub(super) unsafe fn end<M: Lanes>(ends: &Ends<M>, tile: Finished<M>, keep: Keep) {
    for half in 0..2 {
        // SAFETY: the caller's.
        unsafe {
            match tile.columns {
                Columns::Whole(places) => {
                    let (load, store) = (|place| M::load(place), |results, place| M::store(results, place));
                    end_vector::<M>(ends, &tile, half, places[half], keep, load, store);
                }
                Columns::Pieces(pieces) => {
                    for piece in pieces[half] {
                        let load = |place| M::load_some(place, piece.kept);
                        let store = |results, place| M::store_some(results, place, piece.kept);
                        end_vector::<M>(ends, &tile, half, piece.place, keep, load, store);
                    }
                }
            }
        }
    }
}

/// The results of all rows in one vector of columns, or in a part of it.
///
/// # Safety
/// As `end`; `load` and `store` read and write what belongs to results at the place that they are given.
#[inline(always)]
unsafe fn end_vector<M: Lanes>(
    ends: &Ends<M>,
    tile: &Finished<M>,
    half: usize,
    first: *mut f32,
    keep: Keep,
    load: impl Fn(*const f32) -> M::Vector,
    store: impl Fn(M::Vector, *mut f32),
) {
    // SAFETY: the caller's; `check` showed that there is a number for every row, and a value for every result.
    unsafe {
        let scale = M::splat(keep.scale);
        for (number, row) in tile.rows.iter().enumerate() {
            let place = first.wrapping_offset(*row);
            let before = if keep.adds { load(place) } else { M::splat(0.0) };
            let mut results = M::multiply_add(scale, M::load(tile.sums.add((2 * number + half) * M::LANES)), before);
            if let Some(columns) = &ends.columns {
                results = M::add(results, columns[half]);
            }
            if let Some(rows) = ends.rows {
                results = M::add(results, M::splat(*rows.add(tile.row + number)));
            }
            if ends.rectifies {
                results = M::rectify(results);
            }
            if let Some(offset) = ends.positive {
                results = M::where_positive(load(place.wrapping_offset(offset)), results);
            }
            store(results, place);
        }
    }
}
