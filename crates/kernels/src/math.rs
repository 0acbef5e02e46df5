//! Functions in single precision: written without branches, so that the compiler makes vector
//! code of a loop over them, and over any [`Number`], so that machine code is emitted from the same text.
//! Errors are within 3.5 units in the last place everywhere (5.5 for `gelu`),
//! denormal numbers included (but of `silu`, where it is below the least normal number); a NaN stays a NaN.

use crate::number::{Integer, Number};
use std::f32::consts::{FRAC_1_SQRT_2, LOG2_E};

/// `ln 2` in two parts; the first has 15 bits, so that its products with exponents are exact.
const LN2_HIGH: f32 = 0.693_145_75;
const LN2_LOW: f32 = 1.428_606_8e-6;
/// Adding and subtracting it rounds to an integer, whose bits end up in the last place.
const ROUND: f32 = 12_582_912.0;

/// `2^n` for an integer in -126..=127.
#[inline(always)]
fn power_of_two<N: Number>(n: N::Integer) -> N {
    (n + 127).shifted_left(23).as_bits()
}

/// A polynomial by its coefficients, that of the highest power first.
#[inline(always)]
fn polynomial<N: Number, const D: usize>(coefficients: &[f32; D], x: N) -> N {
    let mut sum = x.constant(coefficients[0]);
    let mut place = 1;
    while place < D {
        sum = sum.fma(x, x.constant(coefficients[place]));
        place += 1;
    }
    sum
}

/// `x = n ln 2 + r`, and `exp(r) - 1` by its series up to degree 7: the next term is below
/// 6e-9 for `|r| <= ln(2) / 2`.
#[inline(always)]
fn reduced<N: Number>(x: N) -> (N::Integer, N) {
    const SERIES: [f32; 6] = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5];
    let shifted = x.fma(x.constant(LOG2_E), x.constant(ROUND));
    let n = shifted - ROUND;
    let r = n.fma(x.constant(-LN2_LOW), n.fma(x.constant(-LN2_HIGH), x));
    let q = (polynomial(&SERIES, r) * r).fma(r, r);
    (shifted.bits() - ROUND.to_bits() as i32, q)
}

/// The exponential.
#[inline(always)]
pub(crate) fn exp<N: Number>(x: N) -> N {
    // Beyond these it is 0 and infinite. The least has a power of two whose half has the bits of 0: denormal numbers,
    // which a product with it would lead to otherwise, take some processors long.
    let (n, q) = reduced(x.at_most(89.0).at_least(-176.0));
    // Garbage for NaN, kept in range; q is NaN then.
    let n = n.clamped(-254, 160);
    let half = n.shifted_right(1);
    (q + 1.0) * power_of_two::<N>(half) * power_of_two::<N>(n - half)
}

/// `log(1 + f)` for `f` in `sqrt(1/2) - 1 ..= sqrt(2) - 1`, less `f`: with `s = f / (2 + f)`,
/// `log(1 + f) = 2 atanh(s) = f - s (f - R)`, `R = 2 s² (1/3 + s²/5 + ...)`.
#[inline(always)]
fn log_rest<N: Number>(f: N) -> N {
    let s = f / (f + 2.0);
    let z = s * s;
    let series = polynomial(&[2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0], z);
    s * series.fma(z, -f)
}

/// The natural logarithm.
#[inline(always)]
pub(crate) fn log<N: Number>(x: N) -> N {
    let zero = x.constant(0.0);
    let tiny = x.is_below(x.constant(f32::MIN_POSITIVE));
    let bits = N::choose(tiny, x * 8_388_608.0, x).bits();
    // The exponent for which the rest is in sqrt(1/2)..sqrt(2).
    let e = (bits - 0x3f35_04f3).shifted_right(23);
    let f = (bits - e.shifted_left(23)).as_bits() - 1.0;
    let n = e.number() - N::choose(tiny, x.constant(23.0), zero);
    let rest = n.fma(x.constant(LN2_LOW), log_rest(f));
    let result = n.fma(x.constant(LN2_HIGH), f + rest);
    let result = N::choose(x.is(0.0), x.constant(f32::NEG_INFINITY), result);
    let result = N::choose(x.is_below(zero) | x.is_nan(), x.constant(f32::NAN), result);
    N::choose(x.is(f32::INFINITY), x, result)
}

/// `log(1 + y)` for `y` in 0..=1, as `2 atanh(y / (2 + y))`, by its series.
#[inline(always)]
fn log_one_plus<N: Number>(y: N) -> N {
    const SERIES: [f32; 8] =
        [1.0 / 17.0, 1.0 / 15.0, 1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0];
    let s = y / (y + 2.0);
    let z = s * s;
    let twice = s + s;
    (twice * z).fma(polynomial(&SERIES, z), twice)
}

/// `1 / (1 + exp(-x))`
#[inline(always)]
pub(crate) fn sigmoid<N: Number>(x: N) -> N {
    let e = exp(-x.magnitude());
    N::choose(x.constant(0.0).is_at_most(x), x.constant(1.0), e) / (e + 1.0)
}

/// `x sigmoid(x)`; 0 at minus infinity.
#[inline(always)]
pub(crate) fn silu<N: Number>(x: N) -> N {
    N::choose(x.is(f32::NEG_INFINITY), x.constant(0.0), x * sigmoid(x))
}

/// The hyperbolic tangent, `m / (m + 2)` with `m = exp(2x) - 1`.
#[inline(always)]
pub(crate) fn tanh<N: Number>(x: N) -> N {
    // From here on it is 1 in single precision.
    let a = x.magnitude().at_most(9.1);
    let (n, q) = reduced(a + a);
    let scale: N = power_of_two(n.clamped(0, 64));
    let m = scale.fma(q, scale - 1.0);
    let t = (m / (m + 2.0)).signed_as(x);
    N::choose(x.is_nan(), x, t)
}

/// `log(1 + exp(x))`
#[inline(always)]
pub(crate) fn softplus<N: Number>(x: N) -> N {
    let zero = x.constant(0.0);
    N::choose(zero.is_below(x), x, zero) + log_one_plus(exp(-x.magnitude()))
}

/// `max(x, 0)`
#[inline(always)]
pub(crate) fn relu<N: Number>(x: N) -> N {
    let zero = x.constant(0.0);
    N::choose(x.is_at_most(zero), zero, x)
}

/// -1, 0 or 1.
#[inline(always)]
pub(crate) fn sign<N: Number>(x: N) -> N {
    let zero = x.constant(0.0);
    let signed = N::choose(zero.is_below(x), x.constant(1.0), x + 0.0);
    N::choose(x.is_below(zero), x.constant(-1.0), signed)
}

/// `x^(1/2)`: unlike the square root it is infinite at minus infinity, and never `-0`.
#[inline(always)]
pub(crate) fn root<N: Number>(x: N) -> N {
    N::choose(x.is(f32::NEG_INFINITY), x.constant(f32::INFINITY), x.square_root() + 0.0)
}

/// The greater; NaN if one is. A sum stands for NaN since a choice of what is in place already would become a
/// conditional store, which is slow on some processors.
#[inline(always)]
pub(crate) fn max<N: Number>(a: N, b: N) -> N {
    N::choose(a.is_nan() | b.is_nan(), a + b, N::choose(a.is_below(b), b, a))
}

/// The lesser; NaN if one is.
#[inline(always)]
pub(crate) fn min<N: Number>(a: N, b: N) -> N {
    N::choose(a.is_nan() | b.is_nan(), a + b, N::choose(b.is_below(a), b, a))
}

/// `erfc(a) exp(a²) / t` with `t = 2 / (2 + a)`, by powers of `t`, for a in 0 ..= 10.6: a fit at the zeros of
/// a Chebyshev polynomial, with a relative error of 6e-9.
const TAIL: [f32; 11] = [
    0.033_688_496,
    -0.179_374_65,
    0.352_962_86,
    -0.249_925_14,
    -0.056_796_814,
    0.055_463_27,
    0.047_244_886,
    0.187_482_03,
    0.244_890_45,
    0.282_276_97,
    0.282_087_64,
];

/// `erfc(a)` is the first number times two to the power of the second, for `a` in 0 ..= 10.6 of which the
/// square is given in two parts.
#[inline(always)]
fn erfc<N: Number>(a: N, square: N, rest: N) -> (N, N::Integer) {
    let t = a.constant(2.0) / (a + 2.0);
    let tail = t * polynomial(&TAIL, t);
    let (n, q) = reduced(-square);
    // exp(-square) (1 - rest)
    let e = (-rest).fma(q + 1.0, q) + 1.0;
    (tail * e, n.clamped(-252, 0))
}

/// The error function.
#[inline(always)]
pub(crate) fn erf<N: Number>(x: N) -> N {
    // Of erf(x) / x - 2 / sqrt(pi), by powers of x²: 2 / sqrt(pi) times (-1)^n / (n! (2 n + 1)). The first
    // coefficient is in two parts.
    const FIRST: [f32; 2] = [1.0, 0.128_379_17];
    const SERIES: [f32; 8] = [
        1.646_211_5e-6,
        -1.492_565e-5,
        0.000_120_553_33,
        -0.000_854_832_7,
        0.005_223_978,
        -0.026_866_17,
        0.112_837_92,
        -0.376_126_4,
    ];
    // From 9 on it is 1 in single precision.
    let a = x.magnitude().at_most(9.0);
    let square = a * a;
    let near = x.fma(square.fma(polynomial(&SERIES, square), x.constant(FIRST[1])), x * FIRST[0]);
    let (tail, n) = erfc(a, square, a.lost(a, square));
    let far = (x.constant(1.0) - tail * power_of_two::<N>(n.clamped(-126, 0))).signed_as(x);
    let far = N::choose(x.is_nan(), x, far);
    N::choose(a.is_below(x.constant(0.75)), near, far)
}

/// `x Φ(x)`; 0 at minus infinity.
#[inline(always)]
pub(crate) fn gelu<N: Number>(x: N) -> N {
    // Of Φ(x) - 1/2 by x, by powers of x²: 1 / sqrt(2 pi) times (-1)^n / (2^n n! (2 n + 1)).
    const SERIES: [f32; 6] =
        [-9.444_656e-6, 0.000_115_434_69, -0.001_187_328_2, 0.009_973_557, -0.066_490_38, 0.398_942_3];
    // Beyond 14.9 below 0 it is less than the least number there is.
    let a = x.magnitude().at_most(14.9);
    let half = a * 0.5;
    let square = half * a;
    let near = x * x.fma(polynomial(&SERIES, a * a), x.constant(0.5));
    let (tail, n) = erfc(a * FRAC_1_SQRT_2, square, half.lost(a, square));
    let first = n.shifted_right(1);
    let tail = half * tail * power_of_two::<N>(first) * power_of_two::<N>(n - first);
    let far = N::choose(x.is_below(x.constant(0.0)), -tail, x - tail);
    N::choose(a.is_below(x.constant(0.56)), near, far)
}

/// Functions that no loop is vectorised for: computed in doubles and rounded.
pub(crate) mod scalar {
    /// `a^b`; `a^0` is 1.
    pub(crate) fn power(a: f32, b: f32) -> f32 {
        (a as f64).powf(b as f64) as f32
    }

    /// The remainder, with the sign of the divisor.
    pub(crate) fn modulo(a: f32, b: f32) -> f32 {
        let remainder = a % b;
        if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) { remainder + b } else { remainder }
    }
}
