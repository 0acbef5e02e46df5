//! The innermost loop: a tile of results, all of them in registers from the first summand until they
//! are written.

use super::array;
use super::lanes::Lanes;

/// Rows of the left factor.
#[derive(Clone, Copy)]
pub(super) enum Left<const R: usize> {
    /// Where they are: each row without gaps along what is summed over.
    Rows([*const f32; R]),
    /// Where they are, and how far from there every summand is.
    Places([*const f32; R], *const isize),
    /// Neighbours: where the first row is, and how far from there every summand is.
    Beside(*const f32, *const isize),
    /// Packed: R numbers for every summand.
    Panel(*const f32),
}

/// Columns of the right factor, two vectors of them.
#[derive(Clone, Copy)]
pub(super) enum Right {
    /// Packed: all columns of a summand, then those of the next.
    Panel(*const f32),
    /// Where they are: where each half begins, and how far from there every summand is.
    Places([*const f32; 2], *const isize),
}

/// Where the results of a tile go.
pub(super) struct Target<'a, M: Lanes, const R: usize> {
    /// For the first row.
    pub columns: Columns<'a, M>,
    /// How far from there every row is.
    pub rows: &'a [isize; R],
}

/// Where the two vectors of a row go.
#[derive(Clone, Copy)]
pub(super) enum Columns<'a, M: Lanes> {
    /// Side by side each.
    Whole([*mut f32; 2]),
    /// Only some of their numbers, or to several places.
    Pieces([&'a [Piece<M>]; 2]),
}

impl<M: Lanes, const R: usize> Target<'_, M, R> {
    /// Says that results will be written.
    #[inline(always)]
    pub fn prefetch(&self) {
        let Columns::Whole(halves) = self.columns else { return };
        for step in self.rows {
            M::prefetch(halves[0].wrapping_offset(*step));
            // Two short vectors are mostly in one line of the cache.
            if M::LANES == 16 {
                M::prefetch(halves[1].wrapping_offset(*step));
            }
        }
    }
}

/// Numbers of a vector that go side by side.
#[derive(Clone, Copy)]
pub(super) struct Piece<M: Lanes> {
    /// Where the first number of the vector would go.
    pub place: *mut f32,
    pub kept: M::Mask,
}

/// What is done with results.
#[derive(Clone, Copy)]
pub(super) struct Keep {
    pub scale: f32,
    /// Whether they are added to what is there.
    pub adds: bool,
    /// How many rows are kept.
    pub count: usize,
}

/// `target (+)= scale Σ left · right`, of C vectors of columns, the first of them or both.
///
/// # Safety
/// Left and right lead to `depth` summands of all their rows and columns; the places of the target are
/// the caller's alone.
#[inline(always)]
pub(super) unsafe fn tile<M: Lanes, const R: usize, const C: usize>(
    left: Left<R>,
    right: Right,
    depth: usize,
    target: &Target<M, R>,
    keep: Keep,
) {
    let panel_half = |panel: *const f32, k: usize| {
        let line = panel.wrapping_add(2 * M::LANES * k);
        [line, line.wrapping_add(M::LANES)]
    };
    // The pointers to rows stay in registers only where they move along.
    // SAFETY: the caller's.
    unsafe {
        match (left, right) {
            (Left::Places(rows, places), Right::Panel(panel)) => {
                let left = |k: usize, r: usize| *rows[r].wrapping_offset(*places.add(k));
                M::run::<R, C, 1>(depth, left, |k| panel_half(panel, k), target, keep)
            }
            (Left::Places(rows, own), Right::Places([a, b], places)) => {
                let left = |k: usize, r: usize| *rows[r].wrapping_offset(*own.add(k));
                let right = |k: usize| [a.wrapping_offset(*places.add(k)), b.wrapping_offset(*places.add(k))];
                M::run::<R, C, 1>(depth, left, right, target, keep)
            }
            (Left::Beside(first, places), Right::Panel(panel)) => {
                let left = |k: usize, r: usize| *first.wrapping_offset(*places.add(k)).wrapping_add(r);
                M::run::<R, C, 2>(depth, left, |k| panel_half(panel, k), target, keep)
            }
            (Left::Beside(first, own), Right::Places([a, b], places)) => {
                let left = |k: usize, r: usize| *first.wrapping_offset(*own.add(k)).wrapping_add(r);
                let right = |k: usize| [a.wrapping_offset(*places.add(k)), b.wrapping_offset(*places.add(k))];
                M::run::<R, C, 2>(depth, left, right, target, keep)
            }
            (Left::Rows(rows), Right::Panel(panel)) => {
                M::run::<R, C, 1>(depth, |k, r| *rows[r].add(k), |k| panel_half(panel, k), target, keep)
            }
            (Left::Panel(rows), Right::Panel(panel)) => {
                M::run::<R, C, 4>(depth, |k, r| *rows.add(R * k + r), |k| panel_half(panel, k), target, keep)
            }
            (Left::Rows(rows), Right::Places([a, b], places)) => {
                let right = |k: usize| [a.wrapping_offset(*places.add(k)), b.wrapping_offset(*places.add(k))];
                M::run::<R, C, 1>(depth, |k, r| *rows[r].add(k), right, target, keep)
            }
            (Left::Panel(rows), Right::Places([a, b], places)) => {
                let right = |k: usize| [a.wrapping_offset(*places.add(k)), b.wrapping_offset(*places.add(k))];
                M::run::<R, C, 4>(depth, |k, r| *rows.add(R * k + r), right, target, keep)
            }
        }
    }
}

/// # Safety
/// As `tile`, U summands at once; `right` gives pointers to a vector each, for every summand below `depth`.
#[inline(always)]
pub(super) unsafe fn run<M: Lanes, const R: usize, const C: usize, const U: usize>(
    depth: usize,
    left: impl Fn(usize, usize) -> f32,
    right: impl Fn(usize) -> [*const f32; 2],
    target: &Target<M, R>,
    keep: Keep,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut results = [[M::splat(0.0); C]; R];
        let mut k = 0;
        while k + U <= depth {
            for further in 0..U {
                add::<M, R, C>(&mut results, k + further, &left, &right);
            }
            k += U;
        }
        while k < depth {
            add::<M, R, C>(&mut results, k, &left, &right);
            k += 1;
        }
        let scale = M::splat(keep.scale);
        match (target.columns, keep.adds) {
            (Columns::Whole(halves), true) => {
                let sum = |sum, place| M::multiply_add(scale, sum, M::load(place));
                write::<M, R, C>(&results, halves, target.rows, keep.count, sum)
            }
            (Columns::Whole(halves), false) => {
                let sum = |sum, _| M::multiply_add(scale, sum, M::splat(0.0));
                write::<M, R, C>(&results, halves, target.rows, keep.count, sum)
            }
            (Columns::Pieces([first, second]), _) => {
                write_pieces::<M, R>(array(|r| results[r][0]), first, target.rows, keep);
                if C == 2 {
                    write_pieces::<M, R>(array(|r| results[r][C - 1]), second, target.rows, keep);
                }
            }
        }
    }
}

/// Adds a summand.
///
/// # Safety
/// As `run`.
#[inline(always)]
unsafe fn add<M: Lanes, const R: usize, const C: usize>(
    results: &mut [[M::Vector; C]; R],
    k: usize,
    left: &impl Fn(usize, usize) -> f32,
    right: &impl Fn(usize) -> [*const f32; 2],
) {
    // SAFETY: the caller's.
    unsafe {
        let halves = right(k);
        let columns: [M::Vector; C] = array(|half| M::load(halves[half]));
        for (r, row) in results.iter_mut().enumerate() {
            let factor = M::splat(left(k, r));
            for (sum, column) in row.iter_mut().zip(columns) {
                *sum = M::multiply_add(factor, column, *sum);
            }
        }
    }
}

/// # Safety
/// The places of the target are the caller's alone.
#[inline(always)]
unsafe fn write<M: Lanes, const R: usize, const C: usize>(
    results: &[[M::Vector; C]; R],
    halves: [*mut f32; 2],
    rows: &[isize; R],
    count: usize,
    value: impl Fn(M::Vector, *const f32) -> M::Vector,
) {
    for (r, (row, step)) in results.iter().zip(rows).enumerate() {
        if r >= count {
            break;
        }
        for (sum, half) in row.iter().zip(halves) {
            let place = half.wrapping_offset(*step);
            // SAFETY: the caller's.
            unsafe { M::store(value(*sum, place), place) };
        }
    }
}

/// # Safety
/// The places of the pieces are the caller's alone, in all rows that are kept.
#[inline(always)]
unsafe fn write_pieces<M: Lanes, const R: usize>(
    results: [M::Vector; R],
    pieces: &[Piece<M>],
    rows: &[isize; R],
    keep: Keep,
) {
    for piece in pieces {
        for (r, (sum, step)) in results.iter().zip(rows).enumerate() {
            if r >= keep.count {
                break;
            }
            let place = piece.place.wrapping_offset(*step);
            // SAFETY: the caller's.
            unsafe {
                let before = if keep.adds { M::load_some(place, piece.kept) } else { M::splat(0.0) };
                M::store_some(M::multiply_add(M::splat(keep.scale), *sum, before), place, piece.kept);
            }
        }
    }
}
