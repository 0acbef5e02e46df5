//! Memory for all values of a plan.

/// Numbers in one cache line.
const LINE: usize = 16;

/// Arenas smaller than this many numbers are left on small pages.
#[cfg(target_os = "linux")]
const LARGE: usize = 1 << 20;
/// The greatest size of a small page that systems have.
#[cfg(target_os = "linux")]
const PAGE: usize = 1 << 16;

/// A block of single-precision numbers that begins at a cache line.
pub struct Arena {
    /// With room for the first line to begin at.
    numbers: Vec<f32>,
    start: usize,
    length: usize,
}

impl Arena {
    /// Zeros. The system gives them page by page when they are first used.
    pub fn new(length: usize) -> Arena {
        let numbers = vec![0.0f32; length.next_multiple_of(LINE) + LINE - 1];
        let start = numbers.as_ptr().align_offset(LINE * size_of::<f32>());
        #[cfg(target_os = "linux")]
        prefer_large_pages(&numbers);
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

/// Asks for large pages: lines of a matrix that are far apart are otherwise on more pages than the processor
/// remembers the places of.
#[cfg(target_os = "linux")]
fn prefer_large_pages(numbers: &[f32]) {
    if numbers.len() < LARGE {
        return;
    }
    let bytes = numbers.as_ptr_range();
    let (from, to) = ((bytes.start as usize).next_multiple_of(PAGE), bytes.end as usize / PAGE * PAGE);
    let first = numbers.as_ptr().wrapping_byte_add(from - bytes.start as usize);
    // SAFETY: whole pages inside of the numbers; the advice does not change what is in them. Where it is not
    // followed nothing is lost, so what is returned does not matter.
    unsafe { libc::madvise(first.cast_mut().cast(), to - from, libc::MADV_HUGEPAGE) };
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
