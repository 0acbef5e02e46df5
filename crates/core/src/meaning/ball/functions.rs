//! Elementary functions of balls. Every result holds the values of all numbers of the argument: the value at the
//! midpoint with what rounding took off, and beside it what the radius can do, by a bound of the derivative.

use super::Lack;
use super::bound::Bound;
use super::real::{Ball, context, rounded};
use dashu_float::ConstCache;
use dashu_float::math::FpResult;
use std::cell::RefCell;
use std::collections::HashMap;

thread_local! {
    /// Digits of π and of logarithms that were computed before.
    static CONSTANTS: RefCell<ConstCache> = const { RefCell::new(ConstCache::new()) };
    static KNOWN: RefCell<HashMap<Asked, Result<Ball, Lack>>> = RefCell::new(HashMap::new());
}

type Number = dashu_float::FBig<dashu_float::round::mode::HalfEven, 2>;

/// Bits beyond those that are asked for.
const GUARD: usize = 16;
/// Logarithms of numbers that are no further from 1 are computed by a series.
const SMALL: Bound = Bound::power_of_two(-6);
/// Exponentials of larger numbers are not computed: the logarithm to the base 2 of the largest one that is.
const LARGEST_EXPONENT: i64 = 40;

fn with_constants(compute: impl FnOnce(&mut ConstCache) -> FpResult<Number>) -> FpResult<Number> {
    CONSTANTS.with_borrow_mut(compute)
}

/// `self` widened by a multiple of the radius of the argument.
fn steep(value: Ball, argument: &Ball, slope: Bound) -> Ball {
    if argument.is_exact() { value } else { value.widened(argument.radius().times(slope)) }
}

fn two_to(exponent: i64) -> Bound {
    Bound::power_of_two(exponent)
}

/// Half of the circumference of the unit circle.
pub fn pi(bits: usize) -> Result<Ball, Lack> {
    CONSTANTS.with_borrow_mut(|constants| {
        let pi: dashu_float::round::Rounded<Number> = constants.pi(bits);
        rounded(Ok(pi), bits)
    })
}

/// An argument and the bits that are asked for.
type Asked = (dashu_int::IBig, isize, (u64, i64), usize);

/// No more exponentials than this are kept.
const MOST_KEPT: usize = 1 << 12;

/// Below this a function is told by its first terms: digits of so small a number, beside those of 1, fill the memory.
const TINY: Bound = Bound::power_of_two(-4096);

/// An odd function of a small number, `x` but for less than `x^3`.
fn odd_of_tiny(x: &Ball) -> Option<Ball> {
    let size = x.above();
    (size < TINY).then(|| x.clone().widened(size.times(size).times(size)))
}

/// `exp(x)`, kept for the next time: lines of a derivation ask for the same ones again and again.
pub fn exp(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    let middle = x.middle();
    let asked = (middle.significand().clone(), middle.exponent(), x.radius().key(), bits);
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&asked).cloned()) {
        return known;
    }
    let found = exponential(x, bits);
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= MOST_KEPT {
            known.clear();
        }
        known.insert(asked, found.clone());
    });
    found
}

fn exponential(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    if x.above().exponent() >= LARGEST_EXPONENT {
        // exp(-2^40) is less than 2 to the power of -2^40.
        let is_tiny = x.sign() == Some(-1) && x.below().exponent() >= LARGEST_EXPONENT;
        let is_huge = x.sign() == Some(1) && x.below().exponent() >= LARGEST_EXPONENT;
        return match () {
            () if is_tiny => Ok(Ball::within(two_to(-(1 << LARGEST_EXPONENT)))),
            () if is_huge => Err(Lack::Large),
            () => Err(Lack::Unsure),
        };
    }
    if x.radius() > two_to(0) {
        return Err(Lack::Unsure);
    }
    if x.above() < TINY {
        return Ok(Ball::integer(1).widened(x.above().shifted(1)));
    }
    let value = rounded(with_constants(|constants| context(bits).exp(x.middle(), Some(constants))), bits)?;
    // exp(r) - 1 <= 2 r for r <= 1
    let slope = value.above().shifted(1);
    Ok(steep(value, x, slope))
}

/// `log(x)`: a double that is near is mended by one exponential and a short series, which is far less work than
/// what a general routine does.
pub fn log(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    match x.sign() {
        Some(1) => {}
        Some(-1) => return Err(Lack::Outside),
        _ => return Err(Lack::Unsure),
    }
    let work = bits + GUARD;
    let near = Ball::double(rough_logarithm(x));
    let ratio = exp(&near.negated(), work)?.times(x, work)?;
    let rest = ratio.minus(&Ball::integer(1), work)?;
    // A ball of such a width tells nothing.
    if rest.above() > SMALL { Err(Lack::Unsure) } else { log1p(&rest, bits)?.plus(&near, work) }
}

/// About the logarithm of the midpoint, which is positive.
fn rough_logarithm(x: &Ball) -> f64 {
    let (middle, exponent) = (x.middle(), Bound::above(x.middle()).exponent());
    let scaled = dashu_float::Repr::<2>::new(middle.significand().clone(), middle.exponent() - exponent as isize);
    let (mantissa, exponent) = (scaled.to_f64().value(), exponent as f64);
    // Near 1 both parts would cancel.
    if exponent == -1.0 { (mantissa / 2.0).ln() } else { mantissa.ln() + exponent * std::f64::consts::LN_2 }
}

/// `log(1 + t)`
pub fn log1p(t: &Ball, bits: usize) -> Result<Ball, Lack> {
    let size = t.above();
    if size > SMALL {
        return log(&t.plus(&Ball::integer(1), bits + GUARD)?, bits);
    }
    if size.is_zero() {
        return Ok(Ball::integer(0));
    }
    // t - t²/2 + t³/3 - ...; what is left is smaller than the next power.
    let work = bits + GUARD;
    let (mut sum, mut power, mut number) = (t.clone(), t.clone(), 1i64);
    let mut rest = size.times(size);
    while rest.exponent() > size.exponent() - work as i64 {
        number += 1;
        power = power.times(t, work)?.negated();
        sum = sum.plus(&power.over(&Ball::integer(number), work)?, work)?;
        rest = rest.times(size);
    }
    Ok(sum.widened(rest))
}

/// `sqrt(x)`
pub fn sqrt(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    match x.sign() {
        Some(0) => return Ok(Ball::integer(0)),
        Some(1) => {}
        Some(_) => return Err(Lack::Outside),
        None => return Err(Lack::Unsure),
    }
    let value = rounded(context(bits).sqrt(x.middle()), bits)?;
    // |√x - √m| = |x - m| / (√x + √m)
    let slope = two_to(0).over(value.below());
    Ok(steep(value, x, slope))
}

/// Larger arguments of periodic functions have no known value.
const LARGEST_ANGLE: i64 = 2100;

fn check_angle(x: &Ball) -> Result<(), Lack> {
    if x.above().exponent() > LARGEST_ANGLE || x.radius() > two_to(2) { Err(Lack::Unsure) } else { Ok(()) }
}

/// `sin(x)`
pub fn sin(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    check_angle(x)?;
    if let Some(value) = odd_of_tiny(x) {
        return Ok(value);
    }
    let value = rounded(with_constants(|constants| context(bits).sin(x.middle(), Some(constants))), bits)?;
    Ok(steep(value, x, two_to(0)))
}

/// `cos(x)`
pub fn cos(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    check_angle(x)?;
    if x.above() < TINY {
        return Ok(Ball::integer(1).widened(x.above()));
    }
    let value = rounded(with_constants(|constants| context(bits).cos(x.middle(), Some(constants))), bits)?;
    Ok(steep(value, x, two_to(0)))
}

/// `tan(x)`
pub fn tan(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    sin(x, bits + GUARD)?.over(&cos(x, bits + GUARD)?, bits)
}

/// A bound of `1 / sqrt(1 - x²)` in -1..1.
fn slope_of_inverse_sine(x: &Ball, bits: usize) -> Result<Bound, Lack> {
    let one = Ball::integer(1);
    if one.minus(&x.size(), bits)?.sign() == Some(-1) {
        return Err(Lack::Outside);
    }
    if x.is_exact() {
        return Ok(two_to(0));
    }
    let farthest = x.centre().size().widened(x.radius());
    let under = one.minus(&farthest.times(&farthest, bits)?, bits)?;
    let root = sqrt(&under, bits)?;
    if root.below().is_zero() { Err(Lack::Unsure) } else { Ok(two_to(0).over(root.below())) }
}

/// `asin(x)`
pub fn asin(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    if let Some(value) = odd_of_tiny(x) {
        return Ok(value);
    }
    let slope = slope_of_inverse_sine(x, bits)?;
    let value = rounded(with_constants(|constants| context(bits).asin(x.middle(), Some(constants))), bits)?;
    Ok(steep(value, x, slope))
}

/// `acos(x)`
pub fn acos(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    if x.above() < TINY {
        return pi(bits)?.shifted(-1).minus(x, bits).map(|value| value.widened(x.above()));
    }
    let slope = slope_of_inverse_sine(x, bits)?;
    let value = rounded(with_constants(|constants| context(bits).acos(x.middle(), Some(constants))), bits)?;
    Ok(steep(value, x, slope))
}

/// `atan(x)`
pub fn atan(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    if let Some(value) = odd_of_tiny(x) {
        return Ok(value);
    }
    if x.below().exponent() > LARGEST_ANGLE && !x.below().is_zero() {
        // π/2 - atan(1/x)
        let half = pi(bits + GUARD)?.shifted(-1);
        let half = if x.is_below_zero() { half.negated() } else { half };
        return half.minus(&atan(&x.inverse(bits)?, bits)?, bits);
    }
    let value = rounded(with_constants(|constants| context(bits).atan(x.middle(), Some(constants))), bits)?;
    Ok(steep(value, x, two_to(0)))
}

/// `sinh(x)`
pub fn sinh(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    if let Some(value) = odd_of_tiny(x) {
        return Ok(value);
    }
    if x.above() <= two_to(0) && x.radius() <= two_to(0) {
        let value = rounded(with_constants(|constants| context(bits).sinh(x.middle(), Some(constants))), bits)?;
        // cosh(2) < 4
        return Ok(steep(value, x, two_to(2)));
    }
    let up = exp(x, bits + GUARD)?;
    Ok(up.minus(&up.inverse(bits + GUARD)?, bits)?.shifted(-1))
}

/// `cosh(x)`
pub fn cosh(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    let up = exp(x, bits + GUARD)?;
    Ok(up.plus(&up.inverse(bits + GUARD)?, bits)?.shifted(-1))
}

/// `tanh(x)`
pub fn tanh(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    if let Some(value) = odd_of_tiny(x) {
        return Ok(value);
    }
    if x.above().exponent() < -4 {
        let value = rounded(with_constants(|constants| context(bits).tanh(x.middle(), Some(constants))), bits)?;
        return Ok(steep(value, x, two_to(0)));
    }
    // (1 - t) / (1 + t) with t = exp(-2|x|)
    let work = bits + GUARD;
    let (one, is_negative) = (Ball::integer(1), x.is_below_zero());
    let small = exp(&(if is_negative { x.clone() } else { x.negated() }).shifted(1), work)?;
    let value = one.minus(&small, work)?.over(&one.plus(&small, work)?, bits)?;
    Ok(if is_negative { value.negated() } else { value })
}

/// `1 / (1 + exp(-x))`, small values with all their bits.
pub fn sigmoid(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    let (work, one) = (bits + GUARD, Ball::integer(1));
    if x.is_below_zero() {
        let small = exp(x, work)?;
        return small.over(&one.plus(&small, work)?, bits);
    }
    one.plus(&exp(&x.negated(), work)?, work)?.inverse(bits)
}

/// `log(1 + exp(x))`
pub fn softplus(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    if x.is_below_zero() {
        return log1p(&exp(x, bits + GUARD)?, bits);
    }
    x.plus(&log1p(&exp(&x.negated(), bits + GUARD)?, bits)?, bits)
}

/// `2 exp(-x²) / sqrt(π)`
fn bell(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    exp(&x.times(x, bits)?.negated(), bits)?.shifted(1).over(&sqrt(&pi(bits)?, bits)?, bits)
}

/// `erf(x) = 2/sqrt(π) exp(-x²) Σ x (2x²)^n / (1·3·5···(2n+1))`: all terms have the same sign.
fn erf_by_series(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    let square = x.times(x, bits)?.shifted(1);
    let (mut term, mut sum, mut odd) = (x.clone(), x.clone(), 1i64);
    // Once a term is less than half of the one before it, the rest is less than the last term.
    while square.above().over(Bound::of(odd as f64 + 2.0)) > two_to(-1)
        || term.above().exponent() > sum.above().exponent().saturating_sub(bits as i64)
    {
        odd += 2;
        if odd > 200_000 {
            return Err(Lack::Unsure);
        }
        term = term.times(&square, bits)?.over(&Ball::integer(odd), bits)?;
        sum = sum.plus(&term, bits)?;
        if term.above().is_zero() {
            break;
        }
    }
    bell(x, bits)?.times(&sum.widened(term.above()), bits)
}

/// `1 - erf(x)` for x > 0, small values with all their bits.
fn erfc_of_positive(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    let size = x.above();
    let square = size.times(size);
    if square > Bound::of(0.7 * bits as f64 + 10.0) {
        // exp(-x²)/(x sqrt(π)) Σ (-1)^n 1·3···(2n-1) / (2x²)^n, wrong by less than the first term that is left out
        let factor = x.times(x, bits)?.shifted(1).inverse(bits)?.negated();
        let (mut term, mut sum, mut odd) = (Ball::integer(1), Ball::integer(1), 1i64);
        let rest = loop {
            let next = term.times(&factor, bits)?.times(&Ball::integer(odd), bits)?;
            if next.above().exponent() < -(bits as i64) || next.above() >= term.above() {
                break next.above();
            }
            (term, odd) = (next, odd + 2);
            sum = sum.plus(&term, bits)?;
        };
        return bell(x, bits)?.shifted(-1).times(&sum.widened(rest), bits)?.over(x, bits);
    }
    // exp(x²) is about 2^(1.45 x²): so many bits are lost.
    let lost = square.exponent().clamp(-2, 12);
    let work = bits + GUARD + (3 << (lost + 2)) as usize;
    Ball::integer(1).minus(&erf_by_series(x, work)?, bits)
}

/// `erf(x)`
pub fn erf(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    if x.above() <= two_to(0) {
        return erf_by_series(x, bits + GUARD);
    }
    let value = Ball::integer(1).minus(&erfc_of_positive(&x.size(), bits)?, bits)?;
    Ok(if x.is_below_zero() { value.negated() } else { value })
}

/// `1 - erf(x)`
pub fn erfc(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    if x.above() <= two_to(0) {
        return Ball::integer(1).minus(&erf_by_series(x, bits + GUARD)?, bits);
    }
    let of_size = erfc_of_positive(&x.size(), bits)?;
    if x.is_below_zero() { Ball::integer(2).minus(&of_size, bits) } else { Ok(of_size) }
}

/// The distribution function of the normal distribution.
pub fn normal(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    let root = sqrt(&Ball::integer(2), bits + GUARD)?;
    Ok(erfc(&x.negated().over(&root, bits + GUARD)?, bits)?.shifted(-1))
}

/// The density of the normal distribution.
pub fn density(x: &Ball, bits: usize) -> Result<Ball, Lack> {
    let root = sqrt(&pi(bits + GUARD)?.shifted(1), bits + GUARD)?;
    exp(&x.times(x, bits + GUARD)?.shifted(-1).negated(), bits + GUARD)?.over(&root, bits)
}
