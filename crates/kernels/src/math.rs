//! Functions in single precision: written without branches, so that the compiler makes vector
//! code of a loop over them. Errors are within 3.5 units in the last place everywhere (5.5 for `gelu`),
//! denormal numbers included (but of `silu`, where it is below the least normal number); a NaN stays a NaN.

use crate::machine::{Machine, fma};
use std::f32::consts::LOG2_E;

/// `ln 2` in two parts; the first has 15 bits, so that its products with exponents are exact.
const LN2_HIGH: f32 = 0.693_145_75;
const LN2_LOW: f32 = 1.428_606_8e-6;
/// Adding and subtracting it rounds to an integer, whose bits end up in the last place.
const ROUND: f32 = 12_582_912.0;

/// `2^n` for an integer in -126..=127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) as u32) << 23)
}

/// `x = n ln 2 + r`, and `exp(r) - 1` by its series up to degree 7: the next term is below
/// 6e-9 for `|r| <= ln(2) / 2`.
#[inline(always)]
fn reduced<M: Machine>(x: f32) -> (i32, f32) {
    let shifted = fma::<M>(x, LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma::<M>(n, -LN2_LOW, fma::<M>(n, -LN2_HIGH, x));
    let mut p = 1.0 / 5040.0;
    p = fma::<M>(p, r, 1.0 / 720.0);
    p = fma::<M>(p, r, 1.0 / 120.0);
    p = fma::<M>(p, r, 1.0 / 24.0);
    p = fma::<M>(p, r, 1.0 / 6.0);
    p = fma::<M>(p, r, 0.5);
    let q = fma::<M>(p * r, r, r);
    ((shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32), q)
}

/// The exponential.
#[inline(always)]
pub(crate) fn exp<M: Machine>(x: f32) -> f32 {
    // Beyond these it is 0 and infinite; comparisons that let a NaN through.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let (n, q) = reduced::<M>(x);
    // Garbage for NaN, kept in range; q is NaN then.
    let n = n.clamp(-160, 160);
    let half = n >> 1;
    (1.0 + q) * power_of_two(half) * power_of_two(n - half)
}

/// `log(1 + f)` for `f` in `sqrt(1/2) - 1 ..= sqrt(2) - 1`, less `f`: with `s = f / (2 + f)`,
/// `log(1 + f) = 2 atanh(s) = f - s (f - R)`, `R = 2 s² (1/3 + s²/5 + ...)`.
#[inline(always)]
fn log_rest<M: Machine>(f: f32) -> f32 {
    let s = f / (2.0 + f);
    let z = s * s;
    let mut p = 2.0 / 11.0;
    p = fma::<M>(p, z, 2.0 / 9.0);
    p = fma::<M>(p, z, 2.0 / 7.0);
    p = fma::<M>(p, z, 2.0 / 5.0);
    p = fma::<M>(p, z, 2.0 / 3.0);
    s * fma::<M>(p, z, -f)
}

/// The natural logarithm.
#[inline(always)]
pub(crate) fn log<M: Machine>(x: f32) -> f32 {
    let tiny = x < f32::MIN_POSITIVE;
    let scaled = if tiny { x * 8_388_608.0 } else { x };
    let bits = scaled.to_bits() as i32;
    // The exponent for which the rest is in sqrt(1/2)..sqrt(2).
    let e = bits.wrapping_sub(0x3f35_04f3) >> 23;
    let m = f32::from_bits(bits.wrapping_sub(e << 23) as u32);
    let n = (e - if tiny { 23 } else { 0 }) as f32;
    let f = m - 1.0;
    let rest = fma::<M>(n, LN2_LOW, log_rest::<M>(f));
    let result = fma::<M>(n, LN2_HIGH, f + rest);
    let result = if x == 0.0 { f32::NEG_INFINITY } else { result };
    let result = if x < 0.0 || x.is_nan() { f32::NAN } else { result };
    if x == f32::INFINITY { x } else { result }
}

/// `log(1 + y)` for `y` in 0..=1, as `2 atanh(y / (2 + y))`, by its series.
#[inline(always)]
fn log_one_plus<M: Machine>(y: f32) -> f32 {
    let s = y / (2.0 + y);
    let z = s * s;
    let mut p = 1.0 / 17.0;
    p = fma::<M>(p, z, 1.0 / 15.0);
    p = fma::<M>(p, z, 1.0 / 13.0);
    p = fma::<M>(p, z, 1.0 / 11.0);
    p = fma::<M>(p, z, 1.0 / 9.0);
    p = fma::<M>(p, z, 1.0 / 7.0);
    p = fma::<M>(p, z, 1.0 / 5.0);
    p = fma::<M>(p, z, 1.0 / 3.0);
    let twice = s + s;
    fma::<M>(twice * z, p, twice)
}

/// `1 / (1 + exp(-x))`
#[inline(always)]
pub(crate) fn sigmoid<M: Machine>(x: f32) -> f32 {
    let e = exp::<M>(-x.abs());
    let numerator = if x >= 0.0 { 1.0 } else { e };
    numerator / (1.0 + e)
}

/// `x sigmoid(x)`; 0 at minus infinity.
#[inline(always)]
pub(crate) fn silu<M: Machine>(x: f32) -> f32 {
    if x == f32::NEG_INFINITY { 0.0 } else { x * sigmoid::<M>(x) }
}

/// The hyperbolic tangent, `m / (m + 2)` with `m = exp(2x) - 1`.
#[inline(always)]
pub(crate) fn tanh<M: Machine>(x: f32) -> f32 {
    let a = x.abs();
    // From here on it is 1 in single precision.
    let a = if a > 9.1 { 9.1 } else { a };
    let (n, q) = reduced::<M>(a + a);
    let scale = power_of_two(n.clamp(0, 64));
    let m = fma::<M>(scale, q, scale - 1.0);
    let t = (m / (m + 2.0)).copysign(x);
    if x.is_nan() { x } else { t }
}

/// `log(1 + exp(x))`
#[inline(always)]
pub(crate) fn softplus<M: Machine>(x: f32) -> f32 {
    let positive = if x > 0.0 { x } else { 0.0 };
    positive + log_one_plus::<M>(exp::<M>(-x.abs()))
}

/// `max(x, 0)`
#[inline(always)]
pub(crate) fn relu(x: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { x }
}

/// -1, 0 or 1.
#[inline(always)]
pub(crate) fn sign(x: f32) -> f32 {
    let signed = if x > 0.0 { 1.0 } else { x + 0.0 };
    if x < 0.0 { -1.0 } else { signed }
}

/// `x^(1/2)`: unlike the square root it is infinite at minus infinity, and never `-0`.
#[inline(always)]
pub(crate) fn root(x: f32) -> f32 {
    if x == f32::NEG_INFINITY { f32::INFINITY } else { x.sqrt() + 0.0 }
}

/// The first or the second. By bits: a choice between places in memory would be a loop over single numbers.
#[inline(always)]
pub(crate) fn select(condition: bool, a: f32, b: f32) -> f32 {
    let chosen = u32::from(condition).wrapping_neg();
    f32::from_bits(a.to_bits() & chosen | b.to_bits() & !chosen)
}

/// The greater; NaN if one is. A sum stands for NaN since a choice of what is in place already would become a
/// conditional store, which is slow on some processors.
#[inline(always)]
pub(crate) fn max(a: f32, b: f32) -> f32 {
    let greater = if b > a { b } else { a };
    select(a.is_nan() | b.is_nan(), a + b, greater)
}

/// The lesser; NaN if one is.
#[inline(always)]
pub(crate) fn min(a: f32, b: f32) -> f32 {
    let lesser = if b < a { b } else { a };
    select(a.is_nan() | b.is_nan(), a + b, lesser)
}

/// `erfc(a) exp(a²) / t` with `t = 2 / (2 + a)`, by powers of `t`, for a in 0 ..= 10.6: a fit at the zeros of
/// a Chebyshev polynomial, with a relative error of 6e-9.
const TAIL: [f32; 11] = [
    0.282_087_64,
    0.282_276_97,
    0.244_890_45,
    0.187_482_03,
    0.047_244_886,
    0.055_463_27,
    -0.056_796_814,
    -0.249_925_14,
    0.352_962_86,
    -0.179_374_65,
    0.033_688_496,
];

#[inline(always)]
fn polynomial<M: Machine, const N: usize>(coefficients: &[f32; N], x: f32) -> f32 {
    let mut sum = coefficients[N - 1];
    let mut place = N - 1;
    while place > 0 {
        place -= 1;
        sum = fma::<M>(sum, x, coefficients[place]);
    }
    sum
}

/// What a product lost when it was rounded.
#[inline(always)]
fn lost<M: Machine>(a: f32, b: f32, product: f32) -> f32 {
    if M::FUSED { a.mul_add(b, -product) } else { (a as f64 * b as f64 - product as f64) as f32 }
}

/// `erfc(a)` is the first number times two to the power of the second, for `a` in 0 ..= 10.6 of which the
/// square is given in two parts.
#[inline(always)]
fn erfc<M: Machine>(a: f32, square: f32, rest: f32) -> (f32, i32) {
    let t = 2.0 / (2.0 + a);
    let tail = t * polynomial::<M, 11>(&TAIL, t);
    let (n, q) = reduced::<M>(-square);
    // exp(-square) (1 - rest)
    let e = 1.0 + fma::<M>(-rest, 1.0 + q, q);
    (tail * e, n.clamp(-252, 0))
}

/// The error function.
#[inline(always)]
pub(crate) fn erf<M: Machine>(x: f32) -> f32 {
    // Of erf(x) / x - 2 / sqrt(pi), by powers of x²: 2 / sqrt(pi) times (-1)^n / (n! (2 n + 1)). The first
    // coefficient is in two parts.
    const FIRST: [f32; 2] = [1.0, 0.128_379_17];
    const SERIES: [f32; 8] = [
        -0.376_126_4,
        0.112_837_92,
        -0.026_866_17,
        0.005_223_978,
        -0.000_854_832_7,
        0.000_120_553_33,
        -1.492_565e-5,
        1.646_211_5e-6,
    ];
    let a = x.abs();
    // From here on it is 1 in single precision.
    let a = if a > 9.0 { 9.0 } else { a };
    let square = a * a;
    let near = fma::<M>(x, fma::<M>(square, polynomial::<M, 8>(&SERIES, square), FIRST[1]), x * FIRST[0]);
    let (tail, n) = erfc::<M>(a, square, lost::<M>(a, a, square));
    let far = (1.0 - tail * power_of_two(n.max(-126))).copysign(x);
    let far = if x.is_nan() { x } else { far };
    if a < 0.75 { near } else { far }
}

/// `x Φ(x)`; 0 at minus infinity.
#[inline(always)]
pub(crate) fn gelu<M: Machine>(x: f32) -> f32 {
    // Of Φ(x) - 1/2 by x, by powers of x²: 1 / sqrt(2 pi) times (-1)^n / (2^n n! (2 n + 1)).
    const SERIES: [f32; 6] =
        [0.398_942_3, -0.066_490_38, 0.009_973_557, -0.001_187_328_2, 0.000_115_434_69, -9.444_656e-6];
    let a = x.abs();
    // Below it is less than the least number there is.
    let a = if a > 14.9 { 14.9 } else { a };
    let half = 0.5 * a;
    let square = half * a;
    let near = x * fma::<M>(x, polynomial::<M, 6>(&SERIES, a * a), 0.5);
    let (tail, n) = erfc::<M>(a * std::f32::consts::FRAC_1_SQRT_2, square, lost::<M>(half, a, square));
    let first = n >> 1;
    let tail = half * tail * power_of_two(first) * power_of_two(n - first);
    let far = if x < 0.0 { -tail } else { x - tail };
    if a < 0.56 { near } else { far }
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
