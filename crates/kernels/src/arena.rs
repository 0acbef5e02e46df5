//! Memory for all values of a plan.

/// Numbers in one cache line.
const LINE: usize = 16;

/// A block of single-precision numbers that begins at a cache line.
pub struct Arena {
    /// With room for the first line to begin at.
    numbers: Vec<f32>,
    start: usize,
    length: usize,
}

impl Arena {
    /// Zeros. The system gives them page by page when they are first used, where it can in large pages: so a first
    /// step does not stop at every few thousand bytes, and products whose rows lie far apart find their pages.
    pub fn new(length: usize) -> Arena {
        let numbers = vec![0.0f32; length.next_multiple_of(LINE) + LINE - 1];
        huge::advise(&numbers);
        let start = numbers.as_ptr().align_offset(LINE * size_of::<f32>());
        Arena { numbers, start, length }
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
        &self.numbers[self.start..][..self.length]
    }

    /// All numbers, to be written.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..][..self.length]
    }
}

/// Large pages, where the system has them for those who ask.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod huge {
    use std::ffi::{c_int, c_void};

    const HUGE_PAGE: usize = 2 << 20;
    const PAGE: usize = 64 << 10;
    /// `MADV_HUGEPAGE`.
    const ADVICE: c_int = 14;

    unsafe extern "C" {
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    }

    /// Asks for large pages for a slice of several.
    pub fn advise(numbers: &[f32]) {
        let bytes = size_of_val(numbers);
        if bytes < 2 * HUGE_PAGE {
            return;
        }
        let start = numbers.as_ptr().cast::<u8>();
        let skipped = start.align_offset(PAGE).min(bytes);
        let length = (bytes - skipped) / PAGE * PAGE;
        // SAFETY: the pages lie in a slice that is allocated, and begin at a multiple of any size that pages have here.
        // The advice changes how they are mapped, not what is in them; a system that does not take it says so, and all
        // is as before.
        unsafe { madvise(start.wrapping_add(skipped).cast_mut().cast(), length, ADVICE) };
    }
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod huge {
    pub fn advise(_: &[f32]) {}
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
