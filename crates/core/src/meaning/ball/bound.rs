//! Magnitudes that are rounded up, for the radii of balls.

use dashu_base::BitTest;
use dashu_float::Repr;
use dashu_int::IBig;
use std::cmp::Ordering;

/// More than what rounding to a double takes off a number relative to its size.
const ROUNDING: f64 = 1.0 / (1u64 << 50) as f64;

/// A number that is not negative, `mantissa · 2^exponent` with a mantissa in 1..2, or 0. Results are rounded up,
/// where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    mantissa: f64,
    exponent: i64,
}

impl Bound {
    /// Nothing.
    pub const ZERO: Bound = Bound { mantissa: 0.0, exponent: 0 };

    /// `2^exponent`
    pub const fn power_of_two(exponent: i64) -> Bound {
        Bound { mantissa: 1.0, exponent }
    }

    /// A mantissa that is not far from 1, times a power of 2.
    fn normal(mantissa: f64, exponent: i64) -> Bound {
        if mantissa == 0.0 {
            return Bound::ZERO;
        }
        let bits = mantissa.to_bits();
        let own = i64::try_from(bits >> 52 & 0x7FF).unwrap_or(0) - 1023;
        let mantissa = f64::from_bits(bits & 0x000F_FFFF_FFFF_FFFF | 1023 << 52);
        Bound { mantissa, exponent: exponent.saturating_add(own) }
    }

    /// The size of a number, not rounded up but nearly right.
    fn near(number: &Repr<2>) -> Bound {
        let length = number.significand().bit_len();
        let (top, dropped) = match length {
            0..=64 => (number.significand().clone(), 0),
            _ => (number.significand() >> (length - 64), length - 64),
        };
        let top = u64::try_from(if top < IBig::ZERO { -top } else { top }).unwrap_or(u64::MAX);
        Bound::normal(top as f64, (number.exponent() as i64).saturating_add(dropped as i64))
    }

    /// At least the size of a number.
    pub fn above(number: &Repr<2>) -> Bound {
        Bound::near(number).scaled(1.0 + ROUNDING)
    }

    /// At most the size of a number.
    pub fn below(number: &Repr<2>) -> Bound {
        Bound::near(number).scaled(1.0 - ROUNDING)
    }

    /// At least a double that is not negative.
    pub fn of(value: f64) -> Bound {
        Bound::normal(value, 0).scaled(1.0 + ROUNDING)
    }

    fn scaled(self, factor: f64) -> Bound {
        Bound::normal(self.mantissa * factor, self.exponent)
    }

    /// Whether it is 0.
    pub fn is_zero(self) -> bool {
        self.mantissa == 0.0
    }

    /// `self + other`
    pub fn plus(self, other: Bound) -> Bound {
        if self.is_zero() || other.is_zero() {
            return if self.is_zero() { other } else { self };
        }
        let (large, small) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        Bound::normal(large.mantissa + small.shifted_to(large.exponent), large.exponent).scaled(1.0 + ROUNDING)
    }

    /// The mantissa in units of another power of 2, a greater one; never 0.
    fn shifted_to(self, exponent: i64) -> f64 {
        let places = exponent.saturating_sub(self.exponent).min(200);
        self.mantissa * f64::from_bits((1023 - places as u64) << 52)
    }

    /// `self - other`, rounded down; `None` where that is not positive.
    pub fn minus(self, other: Bound) -> Option<Bound> {
        if other.is_zero() {
            return (!self.is_zero()).then_some(self);
        }
        if self <= other {
            return None;
        }
        let rest = self.mantissa - other.shifted_to(self.exponent);
        // The difference of two doubles that are near is exact; else it is not small.
        (rest > 4.0 * ROUNDING).then(|| Bound::normal(rest - 2.0 * ROUNDING, self.exponent))
    }

    /// `self · other`
    pub fn times(self, other: Bound) -> Bound {
        let exponent = self.exponent.saturating_add(other.exponent);
        Bound::normal(self.mantissa * other.mantissa, exponent).scaled(1.0 + ROUNDING)
    }

    /// `self / other`; `other` is rounded down itself and not 0.
    pub fn over(self, other: Bound) -> Bound {
        let exponent = self.exponent.saturating_sub(other.exponent);
        Bound::normal(self.mantissa / other.mantissa, exponent).scaled(1.0 + ROUNDING)
    }

    /// `self · 2^places`
    pub fn shifted(self, places: i64) -> Bound {
        if self.is_zero() { self } else { Bound { exponent: self.exponent.saturating_add(places), ..self } }
    }

    /// A double that is not greater.
    #[cfg(test)]
    pub fn to_double_below(self) -> f64 {
        if self.is_zero() { 0.0 } else { self.mantissa * (self.exponent as f64).exp2() * (1.0 - ROUNDING) }
    }

    /// What tells it from others.
    pub fn key(self) -> (u64, i64) {
        (self.mantissa.to_bits(), self.exponent)
    }

    /// About its logarithm to the base 2, of a number that is not 0.
    pub fn exponent(self) -> i64 {
        if self.is_zero() { i64::MIN } else { self.exponent }
    }
}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Bound) -> Option<Ordering> {
        match (self.is_zero(), other.is_zero()) {
            (false, false) => (self.exponent, self.mantissa).partial_cmp(&(other.exponent, other.mantissa)),
            (own, others) => others.partial_cmp(&own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_on_the_safe_side() {
        let numbers = [1e-300, 1e-20, 0.3, 1.0, 1.5, 3.0, 1e7, 1e200];
        let value = |bound: Bound| bound.mantissa * 2f64.powi(bound.exponent as i32);
        for a in numbers {
            for b in numbers {
                let (x, y) = (Bound::of(a), Bound::of(b));
                assert!(value(x.plus(y)) >= a + b, "{a} {b}");
                assert!(value(x.times(y)) >= a * b || a * b < 1e-290, "{a} {b}");
                assert!(value(x.over(y)) >= a / b || a / b < 1e-290 || a / b > 1e290, "{a} {b}");
                assert_eq!(x.partial_cmp(&y), a.partial_cmp(&b));
                match x.minus(y) {
                    Some(rest) => assert!(value(rest) <= value(x) - value(y), "{a} {b}"),
                    None => assert!(a <= b * (1.0 + 1e-10)),
                }
            }
        }
        assert!(Bound::ZERO < Bound::of(1e-300) && Bound::ZERO.partial_cmp(&Bound::ZERO) == Some(Ordering::Equal));
    }
}
