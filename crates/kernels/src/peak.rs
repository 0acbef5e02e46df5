//! What the processor can do at most.

use crate::machine::{Level, Machine, Portable, fma};
#[cfg(target_arch = "x86_64")]
use crate::machine::{V3, V4};
use std::hint::black_box;
use std::time::Instant;

/// Accumulators that are added to in turn, enough to hide the latency of an addition.
const CHAINS: usize = 10;
/// Rounds of the loop that is timed.
const ROUNDS: usize = 100_000;
/// How often it is timed; the best counts.
const TRIES: usize = 10;

/// Multiplications and additions that one thread does in a second at most, measured: a loop in which
/// all operands are in registers.
pub fn peak() -> f64 {
    let once = || match Level::detect() {
        // SAFETY: the processor has what was detected.
        #[cfg(target_arch = "x86_64")]
        Level::V4 => unsafe { spin_v4() },
        // SAFETY: the processor has what was detected.
        #[cfg(target_arch = "x86_64")]
        Level::V3 => unsafe { spin_v3() },
        Level::Portable => spin::<Portable, 4>(),
    };
    (0..TRIES).map(|_| once()).fold(0.0, f64::max)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn spin_v4() -> f64 {
    spin::<V4, 16>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn spin_v3() -> f64 {
    spin::<V3, 8>()
}

#[inline(always)]
fn spin<M: Machine, const N: usize>() -> f64 {
    let (a, b) = black_box(([1.000_000_1f32; N], [1e-9f32; N]));
    let mut sums = black_box([[1.0f32; N]; CHAINS]);
    let start = Instant::now();
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            for lane in 0..N {
                sum[lane] = fma::<M>(sum[lane], a[lane], b[lane]);
            }
        }
    }
    black_box(&sums);
    (2 * ROUNDS * CHAINS * N) as f64 / start.elapsed().as_secs_f64()
}
