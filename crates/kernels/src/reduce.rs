//! Reductions of tiles. Sums are taken in single precision over a few dozen numbers at a time and
//! carried on in doubles, so that they are accurate for any length.

use crate::machine::{Machine, Portable};
use crate::math;
use crate::number::single;
use crate::walk::Reduction;

/// Rows that are summed in single precision before they are carried on.
const BLOCK: usize = 64;
/// Numbers that are reduced side by side.
const LANES: usize = 16;

/// What has been seen so far, for every result of a tile.
pub(crate) struct Accumulator {
    reduction: Reduction,
    /// Whether rows and columns are reduced over.
    reduced: [bool; 2],
    /// Sums not carried on yet; greatest or least values; products; in the end the results.
    single: Vec<f32>,
    /// Sums; of `exp(u - m)` over those below the greatest value m; positions.
    double: Vec<f64>,
    /// How many equal m.
    count: Vec<f64>,
    /// Rows in `single`.
    pending: usize,
}

impl Default for Accumulator {
    fn default() -> Accumulator {
        let (single, double, count) = (Vec::new(), Vec::new(), Vec::new());
        Accumulator { reduction: Reduction::Sum, reduced: [false; 2], single, double, count, pending: 0 }
    }
}

impl Accumulator {
    /// Begins with nothing, for at most so many results.
    #[inline(always)]
    pub fn begin(&mut self, reduction: Reduction, reduced: [bool; 2], results: usize) {
        let first = match reduction {
            Reduction::Sum => 0.0,
            Reduction::Prod => 1.0,
            Reduction::Max | Reduction::LogSumExp | Reduction::ArgMax => f32::NEG_INFINITY,
            Reduction::Min | Reduction::ArgMin => f32::INFINITY,
        };
        (self.reduction, self.reduced, self.pending) = (reduction, reduced, 0);
        self.single.clear();
        self.single.resize(results, first);
        self.double.clear();
        self.double.resize(results, 0.0);
        if reduction == Reduction::LogSumExp {
            self.count.clear();
            self.count.resize(results, 0.0);
        }
    }

    /// Adds a tile. `number` is the position of its first entry among all that are reduced over,
    /// and how much a row adds to it.
    ///
    /// # Safety
    /// `tile` points to `rows · columns` numbers, no more than begun with.
    #[inline(always)]
    pub unsafe fn add<M: Machine>(
        &mut self,
        tile: *const f32,
        rows: usize,
        columns: usize,
        number: impl FnOnce() -> [usize; 2],
    ) {
        // SAFETY: as the caller promises.
        let tile = unsafe { std::slice::from_raw_parts(tile, rows * columns) };
        if !self.reduced[1] {
            return self.add_columns(tile, rows, columns);
        }
        let is_numbered = matches!(self.reduction, Reduction::ArgMax | Reduction::ArgMin);
        if self.reduced[0] && !is_numbered {
            return self.add_row::<M>(0, tile, 0);
        }
        let number = if is_numbered { number() } else { [0, 0] };
        for (row, values) in tile.chunks_exact(columns.max(1)).enumerate() {
            let first = number[0] + if self.reduced[0] { row * number[1] } else { 0 };
            self.add_row::<M>(if self.reduced[0] { 0 } else { row }, values, first);
        }
    }

    /// Columns are results; rows are too, or are reduced over.
    #[inline(always)]
    fn add_columns(&mut self, tile: &[f32], rows: usize, columns: usize) {
        let width = if self.reduced[0] { columns } else { rows * columns };
        for row in tile.chunks_exact(width.max(1)) {
            let single = &mut self.single[..width];
            match self.reduction {
                Reduction::Sum => combine(single, row, |a, b| a + b),
                Reduction::Prod => combine(single, row, |a, b| a * b),
                Reduction::Max => combine(single, row, greater),
                Reduction::Min => combine(single, row, lesser),
                // The nest keeps these along the columns.
                Reduction::LogSumExp | Reduction::ArgMax | Reduction::ArgMin => {}
            }
            self.pending += 1;
            if self.reduction == Reduction::Sum && self.pending == BLOCK {
                self.carry(width);
            }
        }
    }

    /// Carries the sums in single precision on.
    #[inline(always)]
    fn carry(&mut self, width: usize) {
        for (single, double) in self.single[..width].iter_mut().zip(&mut self.double) {
            *double += *single as f64;
            *single = 0.0;
        }
        self.pending = 0;
    }

    #[inline(always)]
    fn add_row<M: Machine>(&mut self, result: usize, row: &[f32], first: usize) {
        let single = &mut self.single[result];
        match self.reduction {
            Reduction::Sum => self.double[result] += fold(row, 0.0, |a, b| a + b, |a, b| a + b) as f64,
            Reduction::Prod => *single *= fold(row, 1.0, |a, b| a * b, |a, b| a * b),
            Reduction::Max => *single = greater(*single, fold(row, f32::NEG_INFINITY, greater, greater)),
            Reduction::Min => *single = lesser(*single, fold(row, f32::INFINITY, lesser, lesser)),
            Reduction::LogSumExp => self.add_exponentials::<M>(result, row),
            Reduction::ArgMax => self.find(result, row, first, |a, b| a > b),
            Reduction::ArgMin => self.find(result, row, first, |a, b| a < b),
        }
    }

    #[inline(always)]
    fn add_exponentials<M: Machine>(&mut self, result: usize, row: &[f32]) {
        let before = self.single[result];
        let greatest = greater(before, fold(row, f32::NEG_INFINITY, greater, greater));
        self.single[result] = greatest;
        if !greatest.is_finite() {
            return;
        }
        if greatest > before {
            let scale = (before as f64 - greatest as f64).exp();
            self.double[result] = (self.double[result] + self.count[result]) * scale;
            self.count[result] = 0.0;
        }
        let below = |sum: f32, u: f32| sum + if u < greatest { math::exp(single::<M>(u - greatest)).0 } else { 0.0 };
        self.double[result] += fold(row, 0.0, below, |a, b| a + b) as f64;
        let equal = |count: f32, u: f32| count + if u == greatest { 1.0 } else { 0.0 };
        self.count[result] += fold(row, 0.0, equal, |a, b| a + b) as f64;
    }

    #[inline(always)]
    fn find(&mut self, result: usize, row: &[f32], first: usize, wins: impl Fn(f32, f32) -> bool) {
        for (position, &value) in row.iter().enumerate() {
            let best = self.single[result];
            if wins(value, best) || (value.is_nan() && !best.is_nan()) {
                self.single[result] = value;
                self.double[result] = (first + position) as f64;
            }
        }
    }

    /// The results.
    #[inline(always)]
    pub fn finish(&mut self, results: usize) -> *const f32 {
        let (single, double) = (&mut self.single[..results], &self.double[..results]);
        match self.reduction {
            // What is not carried on yet is added to what is.
            Reduction::Sum => {
                single.iter_mut().zip(double).for_each(|(single, double)| *single = (*double + *single as f64) as f32);
            }
            Reduction::ArgMax | Reduction::ArgMin => {
                single.iter_mut().zip(double).for_each(|(single, double)| *single = *double as f32);
            }
            Reduction::LogSumExp => {
                for ((single, double), count) in single.iter_mut().zip(double).zip(&self.count) {
                    if single.is_finite() {
                        *single = (*single as f64 + (count - 1.0 + double).ln_1p()) as f32;
                    }
                }
            }
            Reduction::Prod | Reduction::Max | Reduction::Min => {}
        }
        self.single.as_ptr()
    }
}

#[inline(always)]
fn combine(results: &mut [f32], row: &[f32], f: impl Fn(f32, f32) -> f32) {
    for (result, value) in results.iter_mut().zip(row) {
        *result = f(*result, *value);
    }
}

/// Reduces a row in lanes, and the lanes pairwise.
#[inline(always)]
fn fold(row: &[f32], first: f32, add: impl Fn(f32, f32) -> f32, join: impl Fn(f32, f32) -> f32) -> f32 {
    let (lines, rest) = row.as_chunks::<LANES>();
    let mut tail = first;
    for value in rest {
        tail = add(tail, *value);
    }
    if lines.is_empty() {
        return tail;
    }
    let mut lanes = [first; LANES];
    for line in lines {
        for (lane, value) in lanes.iter_mut().zip(line) {
            *lane = add(*lane, *value);
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] = join(lanes[lane], lanes[lane + width]);
        }
        width /= 2;
    }
    join(lanes[0], tail)
}

/// The greater; NaN if one is.
#[inline(always)]
pub(crate) fn greater(a: f32, b: f32) -> f32 {
    math::max(single::<Portable>(a), single(b)).0
}

/// The lesser; NaN if one is.
#[inline(always)]
pub(crate) fn lesser(a: f32, b: f32) -> f32 {
    math::min(single::<Portable>(a), single(b)).0
}
