//! The vector units for which every loop is compiled.

/// What a loop is compiled for.
pub(crate) trait Machine {
    /// Whether it multiplies and adds in one instruction.
    const FUSED: bool;
}

/// AVX-512, that is x86-64-v4.
pub(crate) struct V4;
/// AVX2 and FMA, that is x86-64-v3.
pub(crate) struct V3;
/// Any processor.
pub(crate) struct Portable;

impl Machine for V4 {
    const FUSED: bool = true;
}
impl Machine for V3 {
    const FUSED: bool = true;
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
