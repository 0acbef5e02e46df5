//! Enclosures of real numbers: a midpoint of many bits, and a bound of how far the number is from it.

use super::Lack;
use super::bound::Bound;
use dashu_base::Approximation;
use dashu_float::round::mode::HalfEven;
use dashu_float::{Context, FBig, FpError, FpResult, Repr};
use dashu_int::IBig;

/// A real number that lies within `radius` of `middle`.
#[derive(Debug, Clone)]
pub struct Ball {
    middle: Repr<2>,
    radius: Bound,
}

/// The result of an operation on midpoints, with what rounding took off.
pub(super) fn rounded(result: FpResult<FBig<HalfEven, 2>>, bits: usize) -> Result<Ball, Lack> {
    let (value, is_exact) = match result {
        Ok(Approximation::Exact(value)) => (value, true),
        Ok(Approximation::Inexact(value, _)) => (value, false),
        // Numbers far beyond all that a model can mean.
        Err(FpError::Underflow(_) | FpError::Overflow(_)) => return Err(Lack::Large),
        Err(FpError::ZivRetryLimitExceeded) => return Err(Lack::Unsure),
        Err(FpError::InfiniteInput | FpError::OutOfDomain | FpError::Indeterminate) => return Err(Lack::Undefined),
    };
    let middle = value.into_repr();
    if middle.is_infinite() {
        return Err(Lack::Large);
    }
    // Two units in the last place: four times what is promised of a rounding to the nearest.
    let last = (middle.exponent() as i64) + (middle.digits() as i64) - (bits as i64) + 1;
    let radius = if is_exact { Bound::ZERO } else { Bound::power_of_two(last) };
    Ok(Ball { middle, radius })
}

/// Arithmetic on midpoints with so many bits.
pub(super) fn context(bits: usize) -> Context<HalfEven> {
    Context::new(bits)
}

impl Ball {
    /// An integer.
    pub fn integer(value: i64) -> Ball {
        Ball::exact(Repr::new(IBig::from(value), 0))
    }

    /// A number of which every bit is known.
    pub fn exact(middle: Repr<2>) -> Ball {
        Ball { middle, radius: Bound::ZERO }
    }

    /// A double that is finite, exactly.
    pub fn double(value: f64) -> Ball {
        let (mantissa, exponent) = parts(value);
        Ball::exact(Repr::new(IBig::from(mantissa), exponent))
    }

    /// A quotient of integers; the denominator is not 0.
    pub fn ratio(numerator: i64, denominator: i64, bits: usize) -> Result<Ball, Lack> {
        match denominator {
            1 => Ok(Ball::integer(numerator)),
            _ => Ball::integer(numerator).over(&Ball::integer(denominator), bits),
        }
    }

    /// All numbers up to this size.
    pub fn within(radius: Bound) -> Ball {
        Ball { middle: Repr::zero(), radius }
    }

    /// The numbers that are no further away than that.
    pub fn widened(self, by: Bound) -> Ball {
        Ball { radius: self.radius.plus(by), ..self }
    }

    /// The midpoint.
    pub fn middle(&self) -> &Repr<2> {
        &self.middle
    }

    /// The midpoint as a ball of its own.
    pub fn centre(&self) -> Ball {
        Ball::exact(self.middle.clone())
    }

    /// How far the number may be from the midpoint.
    pub fn radius(&self) -> Bound {
        self.radius
    }

    /// Whether every bit is known.
    pub fn is_exact(&self) -> bool {
        self.radius.is_zero()
    }

    /// At least the size of the number.
    pub fn above(&self) -> Bound {
        Bound::above(&self.middle).plus(self.radius)
    }

    /// At most the size of the number; 0 where the ball holds 0.
    pub fn below(&self) -> Bound {
        Bound::below(&self.middle).minus(self.radius).unwrap_or(Bound::ZERO)
    }

    /// The sign, where all of the ball has the same.
    pub fn sign(&self) -> Option<i32> {
        if self.middle.significand().is_zero() {
            return self.is_exact().then_some(0);
        }
        (self.is_exact() || !self.below().is_zero()).then(|| if self.is_below_zero() { -1 } else { 1 })
    }

    /// Whether the midpoint is negative.
    pub fn is_below_zero(&self) -> bool {
        *self.middle.significand() < IBig::ZERO
    }

    /// The nearest double of the midpoint.
    pub fn to_double(&self) -> f64 {
        self.middle.to_f64().value()
    }

    /// `-self`
    pub fn negated(&self) -> Ball {
        Ball { middle: -self.middle.clone(), radius: self.radius }
    }

    /// The size.
    pub fn size(&self) -> Ball {
        if self.is_below_zero() { self.negated() } else { self.clone() }
    }

    /// `self · 2^places`
    pub fn shifted(&self, places: i32) -> Ball {
        let middle = Repr::new(self.middle.significand().clone(), self.middle.exponent() + places as isize);
        Ball { middle, radius: self.radius.shifted(i64::from(places)) }
    }

    /// `self + other`
    pub fn plus(&self, other: &Ball, bits: usize) -> Result<Ball, Lack> {
        let middle = rounded(context(bits).add(&self.middle, &other.middle), bits)?;
        Ok(middle.widened(self.radius.plus(other.radius)))
    }

    /// `self - other`
    pub fn minus(&self, other: &Ball, bits: usize) -> Result<Ball, Lack> {
        self.plus(&other.negated(), bits)
    }

    /// `self · other`
    pub fn times(&self, other: &Ball, bits: usize) -> Result<Ball, Lack> {
        let middle = rounded(context(bits).mul(&self.middle, &other.middle), bits)?;
        if self.is_exact() && other.is_exact() {
            return Ok(middle);
        }
        let first = Bound::above(&self.middle).times(other.radius);
        let second = other.above().times(self.radius);
        Ok(middle.widened(first.plus(second)))
    }

    /// `1 / self`
    pub fn inverse(&self, bits: usize) -> Result<Ball, Lack> {
        Ball::integer(1).over(self, bits)
    }

    /// `self / other`
    pub fn over(&self, other: &Ball, bits: usize) -> Result<Ball, Lack> {
        let least = other.below();
        if least.is_zero() {
            return Err(Lack::Unsure);
        }
        let middle = rounded(context(bits).div(&self.middle, &other.middle), bits)?;
        if self.is_exact() && other.is_exact() {
            return Ok(middle);
        }
        // |a/b - A/B| <= |a - A|/|B| + |a/b| |b - B|/|B|, for any B of the ball
        let quotient = Bound::above(&self.middle).over(Bound::below(&other.middle));
        let spread = self.radius.plus(quotient.times(other.radius)).over(least);
        Ok(middle.widened(spread))
    }

    /// The power by a natural number.
    pub fn power(&self, mut exponent: u64, bits: usize) -> Result<Ball, Lack> {
        let (mut power, mut square) = (Ball::integer(1), self.clone());
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = power.times(&square, bits)?;
            }
            exponent >>= 1;
            if exponent > 0 {
                square = square.times(&square, bits)?;
            }
        }
        Ok(power)
    }

    /// The smallest ball around both, or a little more.
    pub fn hull(&self, other: &Ball, bits: usize) -> Result<Ball, Lack> {
        let middle = self.plus(other, bits)?.shifted(-1);
        let reach = |ball: &Ball| Ok::<Bound, Lack>(ball.minus(&middle.centre(), bits)?.above());
        let (first, second) = (reach(self)?, reach(other)?);
        Ok(middle.centre().widened(if first > second { first } else { second }))
    }

    /// The integer that it is, if all bits are known and it is one that 63 bits hold.
    pub fn as_integer(&self) -> Option<i64> {
        if !self.is_exact() || self.middle.exponent() < 0 || self.middle.exponent() > 62 {
            return None;
        }
        i64::try_from(self.middle.significand() << self.middle.exponent() as usize).ok()
    }

    /// The greatest integer not above the midpoint, where 62 bits hold it.
    pub fn floor_of_middle(&self) -> Option<i64> {
        if Bound::above(&self.middle).exponent() > 61 {
            return None;
        }
        let exponent = self.middle.exponent();
        let significand = self.middle.significand();
        // Shifting a negative integer to the right rounds down.
        let floor = if exponent >= 0 {
            significand << exponent as usize
        } else if exponent < -100_000 {
            if self.is_below_zero() { IBig::from(-1) } else { IBig::ZERO }
        } else {
            significand >> exponent.unsigned_abs()
        };
        i64::try_from(floor).ok()
    }
}

/// A finite double as `mantissa · 2^exponent`.
pub(super) fn parts(value: f64) -> (i64, isize) {
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52 & 0x7FF) as isize, (bits & 0x000F_FFFF_FFFF_FFFF) as i64);
    let (size, exponent) = if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    (if value.is_sign_negative() { -size } else { size }, exponent)
}
