//! Memory for all values of a plan.

/// Numbers in one cache line.
const LINE: usize = 16;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// A block of single-precision numbers that begins at a cache line.
pub struct Arena {
    lines: Vec<Line>,
    length: usize,
}

impl Arena {
    /// Zeros.
    pub fn new(length: usize) -> Arena {
        Arena { lines: vec![Line([0.0; LINE]); length.div_ceil(LINE)], length }
    }

    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All numbers.
    pub fn values(&self) -> &[f32] {
        // SAFETY: the lines are `length` or more numbers without gaps (a Line is 64 bytes of 16
        // numbers), initialised, and borrowed as long as the slice.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }

    /// All numbers, to be written.
    pub fn values_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `values`, and borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.length) }
    }
}

/// The numbers of an arena, shared by the threads of one operation. Whoever makes one holds the
/// arena exclusively, and sees to it that no number is written by one thread and used by another.
#[derive(Clone, Copy)]
pub(crate) struct Shared(pub *mut f32);

// SAFETY: a pointer by itself may go to other threads; each use of it has an argument of its own
// why the threads do not meet.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The address of a number. A method, so that closures take the whole and not its field.
    #[inline(always)]
    pub fn at(self, offset: isize) -> *mut f32 {
        self.0.wrapping_offset(offset)
    }
}
