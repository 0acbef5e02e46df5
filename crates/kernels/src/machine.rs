//! The vector units for which every loop is compiled.

/// What a loop is compiled for.
pub(crate) trait Machine {
    /// Whether it multiplies and adds in one instruction.
    const FUSED: bool;

    /// Says that a number will be used soon.
    #[inline(always)]
    fn prefetch(_at: *const f32) {}

    /// Writes eight lines of eight numbers as columns, `step` apart: eight lines again, one after the other,
    /// so that where they meet the later ones stay.
    ///
    /// # Safety
    /// The sources lead to eight numbers each, `target` to seven steps and eight numbers, apart from
    /// them, and the processor is such a machine.
    unsafe fn transpose(sources: [*const f32; 8], target: *mut f32, step: usize) {
        for row in 0..8 {
            for (column, source) in sources.iter().enumerate() {
                // SAFETY: the caller's.
                unsafe { *target.add(row * step + column) = *source.add(row) };
            }
        }
    }
}

/// AVX-512, that is x86-64-v4.
#[derive(Clone, Copy)]
pub(crate) struct V4;
/// AVX2 and FMA, that is x86-64-v3.
#[derive(Clone, Copy)]
pub(crate) struct V3;
/// Any processor.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Machine for V4 {
    const FUSED: bool = true;

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn prefetch(at: *const f32) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn transpose(sources: [*const f32; 8], target: *mut f32, step: usize) {
        // SAFETY: the caller's; it has AVX-512.
        unsafe { transpose_v4(sources, target, step) }
    }
}
impl Machine for V3 {
    const FUSED: bool = true;

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn prefetch(at: *const f32) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn transpose(sources: [*const f32; 8], target: *mut f32, step: usize) {
        // SAFETY: the caller's; it has AVX2.
        unsafe { transpose(sources, target, step) }
    }
}
impl Machine for Portable {
    const FUSED: bool = cfg!(target_arch = "aarch64");
}

/// Which of them this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    #[cfg(target_arch = "x86_64")]
    V4,
    #[cfg(target_arch = "x86_64")]
    V3,
    Portable,
}

impl Level {
    /// The widest that this processor has.
    pub fn detect() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            let v3 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let v4 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            if v3 && v4 {
                return Level::V4;
            }
            if v3 {
                return Level::V3;
            }
        }
        Level::Portable
    }

    /// Those that this processor has, for tests.
    #[cfg(test)]
    pub fn all() -> Vec<Level> {
        let mut levels = vec![Level::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            let widest = Level::detect();
            levels.extend([Level::V3, Level::V4].into_iter().filter(|level| match widest {
                Level::V4 => true,
                Level::V3 => *level == Level::V3,
                Level::Portable => false,
            }));
        }
        levels
    }
}

/// `a b + c`
#[inline(always)]
pub(crate) fn fma<M: Machine>(a: f32, b: f32, c: f32) -> f32 {
    if M::FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// By shuffles of pairs, of fours and of halves.
///
/// # Safety
/// As [`Machine::transpose`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn transpose(sources: [*const f32; 8], target: *mut f32, step: usize) {
    use std::arch::x86_64::*;
    // SAFETY: the caller's.
    let lines = sources.map(|source| unsafe { _mm256_loadu_ps(source) });
    let pairs: [__m256; 8] = std::array::from_fn(|number| {
        let (a, b) = (lines[number & !1], lines[number | 1]);
        if number & 1 == 0 { _mm256_unpacklo_ps(a, b) } else { _mm256_unpackhi_ps(a, b) }
    });
    // Number 4 h + r has column r of the lines 4 h to 4 h + 3, in both halves.
    let fours: [__m256; 8] = std::array::from_fn(|number| {
        let (half, row) = (number & 4, number & 3);
        let (a, b) = (pairs[half + row / 2], pairs[half + 2 + row / 2]);
        if row & 1 == 0 { _mm256_shuffle_ps::<0x44>(a, b) } else { _mm256_shuffle_ps::<0xee>(a, b) }
    });
    // In the order of the lines, as promised.
    for row in 0..4 {
        let (a, b) = (fours[row], fours[4 + row]);
        // SAFETY: the caller's.
        unsafe { _mm256_storeu_ps(target.add(row * step), _mm256_permute2f128_ps::<0x20>(a, b)) };
    }
    for row in 0..4 {
        let (a, b) = (fours[row], fours[4 + row]);
        // SAFETY: the caller's.
        unsafe { _mm256_storeu_ps(target.add((row + 4) * step), _mm256_permute2f128_ps::<0x31>(a, b)) };
    }
}

/// By permutations of two vectors that hold two lines each.
///
/// # Safety
/// As [`Machine::transpose`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
unsafe fn transpose_v4(sources: [*const f32; 8], target: *mut f32, step: usize) {
    use std::arch::x86_64::*;
    let fours = _mm512_setr_epi32(0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27);
    let columns = [[0, 1, 8, 9, 2, 3, 10, 11], [4, 5, 12, 13, 6, 7, 14, 15]]
        .map(|[a, b, c, d, e, f, g, h]| _mm512_setr_epi64(a, b, c, d, e, f, g, h));
    // SAFETY: the caller's.
    let pairs: [__m512; 4] = std::array::from_fn(|number| unsafe {
        let first = _mm512_castps256_ps512(_mm256_loadu_ps(sources[2 * number]));
        _mm512_insertf32x8::<1>(first, _mm256_loadu_ps(sources[2 * number + 1]))
    });
    for half in 0..2 {
        // Four columns of the first four lines, and of the others.
        let those = _mm512_add_epi32(fours, _mm512_set1_epi32(4 * half));
        let upper = _mm512_castps_pd(_mm512_permutex2var_ps(pairs[0], those, pairs[1]));
        let lower = _mm512_castps_pd(_mm512_permutex2var_ps(pairs[2], those, pairs[3]));
        for (number, columns) in columns.into_iter().enumerate() {
            let two = _mm512_castpd_ps(_mm512_permutex2var_pd(upper, columns, lower));
            let line = target.wrapping_add((4 * half as usize + 2 * number) * step);
            // SAFETY: the caller's.
            unsafe {
                _mm256_storeu_ps(line, _mm512_castps512_ps256(two));
                _mm256_storeu_ps(line.add(step), _mm512_extractf32x8_ps::<1>(two));
            }
        }
    }
}
