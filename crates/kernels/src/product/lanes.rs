//! Vectors of the width that each machine has. The loops of products are written with them, since what
//! is kept in registers over a loop is all that counts there.

use super::ending::{Ends, Finished, end};
use super::kernel::{Keep, Target, run};
use crate::machine::{Machine, Portable, fma};
#[cfg(target_arch = "x86_64")]
use crate::machine::{V3, V4};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// A machine with vectors.
///
/// # Safety
/// Of all functions: the processor is such a machine, and an address leads to as many numbers as are
/// read or written there.
pub(super) trait Lanes: Machine + Copy {
    /// So many numbers.
    type Vector: Copy;
    /// How many.
    const LANES: usize;
    /// Some of them.
    type Mask: Copy;

    /// The same number everywhere.
    unsafe fn splat(value: f32) -> Self::Vector;
    /// Numbers side by side.
    unsafe fn load(at: *const f32) -> Self::Vector;
    unsafe fn store(vector: Self::Vector, at: *mut f32);
    /// Those from the first on to before the last, of all.
    unsafe fn mask(from: usize, to: usize) -> Self::Mask;
    /// Some numbers, where the first of all would be; the others are 0. Only they are read.
    unsafe fn load_some(at: *const f32, mask: Self::Mask) -> Self::Vector;
    unsafe fn store_some(vector: Self::Vector, at: *mut f32, mask: Self::Mask);
    /// [`kernel::run`] as a function of its own, in which results surely stay in registers.
    unsafe fn run<const R: usize, const C: usize, const U: usize>(
        depth: usize,
        left: impl Fn(usize, usize) -> f32,
        right: impl Fn(usize) -> [*const f32; 2],
        target: &Target<Self, R>,
        keep: Keep,
    );
    /// [`ending::end`](super::ending::end) as a function of its own.
    unsafe fn end(ends: &Ends<Self>, tile: Finished<Self>, keep: Keep);
    /// `a b + c`
    unsafe fn multiply_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// 0 where a number is at most 0.
    unsafe fn rectify(vector: Self::Vector) -> Self::Vector;
    /// 0 where the first is not positive.
    unsafe fn where_positive(first: Self::Vector, vector: Self::Vector) -> Self::Vector;
    /// Bit by bit: only what both have.
    unsafe fn keep(mask: Self::Vector, vector: Self::Vector) -> Self::Vector;
    /// The second half onto the first, and so on to the last two.
    unsafe fn total(vector: Self::Vector) -> f32;
}

#[cfg(target_arch = "x86_64")]
impl Lanes for V4 {
    type Vector = __m512;
    const LANES: usize = 16;
    type Mask = __mmask16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        // SAFETY: it has AVX-512.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> __m512 {
        // SAFETY: the caller's; it has AVX-512.
        unsafe { _mm512_loadu_ps(at) }
    }

    #[inline(always)]
    unsafe fn store(vector: __m512, at: *mut f32) {
        // SAFETY: the caller's; it has AVX-512.
        unsafe { _mm512_storeu_ps(at, vector) }
    }

    #[inline(always)]
    unsafe fn mask(from: usize, to: usize) -> __mmask16 {
        ((1u32 << to) - (1u32 << from)) as __mmask16
    }

    #[inline(always)]
    unsafe fn load_some(at: *const f32, mask: __mmask16) -> __m512 {
        // SAFETY: the caller's; it has AVX-512.
        unsafe { _mm512_maskz_loadu_ps(mask, at) }
    }

    #[inline(always)]
    unsafe fn store_some(vector: __m512, at: *mut f32, mask: __mmask16) {
        // SAFETY: the caller's; it has AVX-512.
        unsafe { _mm512_mask_storeu_ps(at, mask, vector) }
    }

    unsafe fn run<const R: usize, const C: usize, const U: usize>(
        depth: usize,
        left: impl Fn(usize, usize) -> f32,
        right: impl Fn(usize) -> [*const f32; 2],
        target: &Target<V4, R>,
        keep: Keep,
    ) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        #[inline(never)]
        unsafe fn compiled<const R: usize, const C: usize, const U: usize>(
            depth: usize,
            left: impl Fn(usize, usize) -> f32,
            right: impl Fn(usize) -> [*const f32; 2],
            target: &Target<V4, R>,
            keep: Keep,
        ) {
            // SAFETY: the caller's.
            unsafe { run::<V4, R, C, U>(depth, left, right, target, keep) }
        }
        // SAFETY: the caller's; it has AVX-512.
        unsafe { compiled::<R, C, U>(depth, left, right, target, keep) }
    }

    unsafe fn end(ends: &Ends<V4>, tile: Finished<V4>, keep: Keep) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        #[inline(never)]
        unsafe fn compiled(ends: &Ends<V4>, tile: Finished<V4>, keep: Keep) {
            // SAFETY: the caller's.
            unsafe { end::<V4>(ends, tile, keep) }
        }
        // SAFETY: the caller's; it has AVX-512.
        unsafe { compiled(ends, tile, keep) }
    }

    #[inline(always)]
    unsafe fn multiply_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: it has AVX-512.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        // SAFETY: it has AVX-512.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn rectify(vector: __m512) -> __m512 {
        // SAFETY: it has AVX-512.
        unsafe {
            let stay = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(vector, _mm512_setzero_ps());
            _mm512_maskz_mov_ps(stay, vector)
        }
    }

    #[inline(always)]
    unsafe fn where_positive(first: __m512, vector: __m512) -> __m512 {
        // SAFETY: it has AVX-512.
        unsafe {
            let stay = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(first, _mm512_setzero_ps());
            _mm512_maskz_mov_ps(stay, vector)
        }
    }

    #[inline(always)]
    unsafe fn keep(mask: __m512, vector: __m512) -> __m512 {
        // SAFETY: it has AVX-512 with its operations on pairs of words.
        unsafe { _mm512_and_ps(mask, vector) }
    }

    #[inline(always)]
    unsafe fn total(vector: __m512) -> f32 {
        // SAFETY: it has AVX-512 with its operations on parts, hence AVX2.
        unsafe {
            let halves = _mm256_add_ps(_mm512_castps512_ps256(vector), _mm512_extractf32x8_ps::<1>(vector));
            V3::total(halves)
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for V3 {
    type Vector = __m256;
    const LANES: usize = 8;
    type Mask = __m256i;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        // SAFETY: it has AVX.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> __m256 {
        // SAFETY: the caller's; it has AVX.
        unsafe { _mm256_loadu_ps(at) }
    }

    #[inline(always)]
    unsafe fn store(vector: __m256, at: *mut f32) {
        // SAFETY: the caller's; it has AVX.
        unsafe { _mm256_storeu_ps(at, vector) }
    }

    #[inline(always)]
    unsafe fn mask(from: usize, to: usize) -> __m256i {
        // SAFETY: it has AVX2.
        unsafe {
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let starts = _mm256_cmpgt_epi32(lanes, _mm256_set1_epi32(from as i32 - 1));
            _mm256_and_si256(starts, _mm256_cmpgt_epi32(_mm256_set1_epi32(to as i32), lanes))
        }
    }

    #[inline(always)]
    unsafe fn load_some(at: *const f32, mask: __m256i) -> __m256 {
        // SAFETY: the caller's; it has AVX.
        unsafe { _mm256_maskload_ps(at, mask) }
    }

    #[inline(always)]
    unsafe fn store_some(vector: __m256, at: *mut f32, mask: __m256i) {
        // SAFETY: the caller's; it has AVX.
        unsafe { _mm256_maskstore_ps(at, mask, vector) }
    }

    unsafe fn run<const R: usize, const C: usize, const U: usize>(
        depth: usize,
        left: impl Fn(usize, usize) -> f32,
        right: impl Fn(usize) -> [*const f32; 2],
        target: &Target<V3, R>,
        keep: Keep,
    ) {
        #[target_feature(enable = "avx2,fma")]
        #[inline(never)]
        unsafe fn compiled<const R: usize, const C: usize, const U: usize>(
            depth: usize,
            left: impl Fn(usize, usize) -> f32,
            right: impl Fn(usize) -> [*const f32; 2],
            target: &Target<V3, R>,
            keep: Keep,
        ) {
            // SAFETY: the caller's.
            unsafe { run::<V3, R, C, U>(depth, left, right, target, keep) }
        }
        // SAFETY: the caller's; it has AVX2 and FMA.
        unsafe { compiled::<R, C, U>(depth, left, right, target, keep) }
    }

    unsafe fn end(ends: &Ends<V3>, tile: Finished<V3>, keep: Keep) {
        #[target_feature(enable = "avx2,fma")]
        #[inline(never)]
        unsafe fn compiled(ends: &Ends<V3>, tile: Finished<V3>, keep: Keep) {
            // SAFETY: the caller's.
            unsafe { end::<V3>(ends, tile, keep) }
        }
        // SAFETY: the caller's; it has AVX2 and FMA.
        unsafe { compiled(ends, tile, keep) }
    }

    #[inline(always)]
    unsafe fn multiply_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: it has FMA.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        // SAFETY: it has AVX.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn rectify(vector: __m256) -> __m256 {
        // SAFETY: it has AVX.
        unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(vector, _mm256_setzero_ps()), vector) }
    }

    #[inline(always)]
    unsafe fn where_positive(first: __m256, vector: __m256) -> __m256 {
        // SAFETY: it has AVX.
        unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(first, _mm256_setzero_ps()), vector) }
    }

    #[inline(always)]
    unsafe fn keep(mask: __m256, vector: __m256) -> __m256 {
        // SAFETY: it has AVX.
        unsafe { _mm256_and_ps(mask, vector) }
    }

    #[inline(always)]
    unsafe fn total(vector: __m256) -> f32 {
        // SAFETY: it has AVX.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(vector), _mm256_extractf128_ps::<1>(vector));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }
}

impl Lanes for Portable {
    type Vector = [f32; 4];
    const LANES: usize = 4;
    type Mask = [bool; 4];

    #[inline(always)]
    unsafe fn splat(value: f32) -> [f32; 4] {
        [value; 4]
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> [f32; 4] {
        // SAFETY: the caller's.
        unsafe { at.cast::<[f32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(vector: [f32; 4], at: *mut f32) {
        // SAFETY: the caller's.
        unsafe { at.cast::<[f32; 4]>().write_unaligned(vector) }
    }

    #[inline(always)]
    unsafe fn mask(from: usize, to: usize) -> [bool; 4] {
        std::array::from_fn(|lane| (from..to).contains(&lane))
    }

    #[inline(always)]
    unsafe fn load_some(at: *const f32, mask: [bool; 4]) -> [f32; 4] {
        // SAFETY: the caller's, for those that are read.
        std::array::from_fn(|lane| if mask[lane] { unsafe { *at.wrapping_add(lane) } } else { 0.0 })
    }

    #[inline(always)]
    unsafe fn store_some(vector: [f32; 4], at: *mut f32, mask: [bool; 4]) {
        for lane in (0..4).filter(|lane| mask[*lane]) {
            // SAFETY: the caller's, for those that are written.
            unsafe { *at.wrapping_add(lane) = vector[lane] };
        }
    }

    unsafe fn run<const R: usize, const C: usize, const U: usize>(
        depth: usize,
        left: impl Fn(usize, usize) -> f32,
        right: impl Fn(usize) -> [*const f32; 2],
        target: &Target<Portable, R>,
        keep: Keep,
    ) {
        // SAFETY: the caller's.
        unsafe { run::<Portable, R, C, U>(depth, left, right, target, keep) }
    }

    unsafe fn end(ends: &Ends<Portable>, tile: Finished<Portable>, keep: Keep) {
        // SAFETY: the caller's.
        unsafe { end::<Portable>(ends, tile, keep) }
    }

    #[inline(always)]
    unsafe fn multiply_add(a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| fma::<Portable>(a[lane], b[lane], c[lane]))
    }

    #[inline(always)]
    unsafe fn add(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    unsafe fn rectify(vector: [f32; 4]) -> [f32; 4] {
        vector.map(|number| if number <= 0.0 { 0.0 } else { number })
    }

    #[inline(always)]
    unsafe fn where_positive(first: [f32; 4], vector: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| if first[lane] > 0.0 { vector[lane] } else { 0.0 })
    }

    #[inline(always)]
    unsafe fn keep(mask: [f32; 4], vector: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| f32::from_bits(mask[lane].to_bits() & vector[lane].to_bits()))
    }

    #[inline(always)]
    unsafe fn total([a, b, c, d]: [f32; 4]) -> f32 {
        (a + c) + (b + d)
    }
}
