//! Exact rational numbers, falling back to floating point where 64 bits are not enough.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A constant of the algebra. Arithmetic is exact while numerator and denominator fit 64 bits.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// Numerator and denominator, coprime, the denominator positive.
    Ratio(i64, i64),
    /// A number without an exact form here: infinities, very large or very small decimals.
    Float(f64),
}

impl Number {
    /// Zero.
    pub const ZERO: Number = Number::Ratio(0, 1);
    /// One.
    pub const ONE: Number = Number::Ratio(1, 1);
    /// Minus one.
    pub const MINUS_ONE: Number = Number::Ratio(-1, 1);

    /// An integer.
    pub fn integer(value: i64) -> Number {
        Number::Ratio(value, 1)
    }

    /// `numerator / denominator` in lowest terms; a float where that does not fit, and where the
    /// denominator is zero.
    pub fn ratio(numerator: i128, denominator: i128) -> Number {
        if denominator == 0 {
            return Number::Float(numerator as f64 / 0.0);
        }
        let divisor = greatest_common_divisor(numerator.unsigned_abs(), denominator.unsigned_abs()) as i128;
        let sign = denominator.signum();
        let (n, d) = (sign * numerator / divisor, sign * denominator / divisor);
        match (i64::try_from(n), i64::try_from(d)) {
            (Ok(n), Ok(d)) => Number::Ratio(n, d),
            _ => Number::Float(numerator as f64 / denominator as f64),
        }
    }

    /// Reads a decimal literal such as `12`, `0.5`, `1e-5` or `inf`, exactly where possible.
    pub fn parse(text: &str) -> Option<Number> {
        if text == "inf" {
            return Some(Number::Float(f64::INFINITY));
        }
        let float: f64 = text.parse().ok()?;
        Some(exact_decimal(text).unwrap_or(Number::Float(float)))
    }

    /// The nearest double.
    pub fn value(self) -> f64 {
        match self {
            Number::Ratio(n, d) => n as f64 / d as f64,
            Number::Float(x) => x,
        }
    }

    /// The integer it is, if it is one.
    pub fn as_integer(self) -> Option<i64> {
        match self {
            Number::Ratio(n, 1) => Some(n),
            Number::Ratio(..) | Number::Float(_) => None,
        }
    }

    /// Whether it is exactly zero.
    pub fn is_zero(self) -> bool {
        matches!(self, Number::Ratio(0, _))
    }

    /// Whether it is exactly one.
    pub fn is_one(self) -> bool {
        matches!(self, Number::Ratio(1, 1))
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        match self {
            Number::Ratio(numerator, _) => numerator < 0,
            Number::Float(value) => value < 0.0,
        }
    }

    /// The sum.
    pub fn plus(self, other: Number) -> Number {
        match (self, other) {
            (Number::Ratio(a, 1), Number::Ratio(c, 1)) if a.checked_add(c).is_some() => Number::Ratio(a + c, 1),
            (Number::Ratio(a, b), Number::Ratio(c, d)) => {
                let (a, b, c, d) = (a as i128, b as i128, c as i128, d as i128);
                Number::ratio(a * d + c * b, b * d)
            }
            _ => Number::Float(self.value() + other.value()),
        }
    }

    /// The product.
    pub fn times(self, other: Number) -> Number {
        match (self, other) {
            (Number::Ratio(a, 1), Number::Ratio(c, 1)) if a.checked_mul(c).is_some() => Number::Ratio(a * c, 1),
            (Number::Ratio(a, b), Number::Ratio(c, d)) => Number::ratio(a as i128 * c as i128, b as i128 * d as i128),
            _ => Number::Float(self.value() * other.value()),
        }
    }

    /// The opposite.
    pub fn negated(self) -> Number {
        match self {
            Number::Ratio(numerator, denominator) if numerator != i64::MIN => Number::Ratio(-numerator, denominator),
            _ => self.times(Number::MINUS_ONE),
        }
    }

    /// An integer power; `0^0` is one, and a float where it does not fit.
    pub fn power(self, exponent: i64) -> Number {
        if self.is_one() {
            return self;
        }
        if let Number::Ratio(n, d) = self
            && let Ok(size) = u32::try_from(exponent.unsigned_abs())
            && let (Some(n), Some(d)) = (n.checked_pow(size), d.checked_pow(size))
        {
            return if exponent >= 0 {
                Number::ratio(n as i128, d as i128)
            } else {
                Number::ratio(d as i128, n as i128)
            };
        }
        Number::Float(self.value().powf(exponent as f64))
    }
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

fn exact_decimal(text: &str) -> Option<Number> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10i128.checked_pow(scale.unsigned_abs())?;
    let number = if scale >= 0 { Number::ratio(digits.checked_mul(power)?, 1) } else { Number::ratio(digits, power) };
    matches!(number, Number::Ratio(..)).then_some(number)
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        match (self, other) {
            (Number::Ratio(a, b), Number::Ratio(c, d)) => (*a as i128 * *d as i128).cmp(&(*c as i128 * *b as i128)),
            (Number::Ratio(..), Number::Float(_)) => Ordering::Less,
            (Number::Float(_), Number::Ratio(..)) => Ordering::Greater,
            (Number::Float(x), Number::Float(y)) => x.total_cmp(y),
        }
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Number::Ratio(n, d) => (n, d).hash(state),
            Number::Float(x) => x.to_bits().hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(Number::parse("1e-5"), Some(Number::Ratio(1, 100_000)));
        assert_eq!(Number::parse("0.5"), Some(Number::Ratio(1, 2)));
        assert_eq!(Number::parse("12.50e1"), Some(Number::Ratio(125, 1)));
        assert_eq!(Number::parse("1e-40"), Some(Number::Float(1e-40)));
        assert_eq!(Number::parse("inf"), Some(Number::Float(f64::INFINITY)));
        assert_eq!(Number::parse("1.2.3"), None);
    }

    #[test]
    fn arithmetic_stays_exact_until_it_cannot() {
        let third = Number::ratio(1, 3);
        assert_eq!(third.plus(third).plus(third), Number::ONE);
        assert_eq!(third.power(-2), Number::integer(9));
        let large = Number::integer(i64::MAX);
        assert_eq!(large.plus(Number::ONE), Number::Float(i64::MAX as f64 + 1.0));
        assert_eq!(Number::ZERO.power(0), Number::ONE);
    }
}
