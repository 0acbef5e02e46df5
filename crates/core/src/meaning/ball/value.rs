//! Real numbers with infinities, as the language has them. Each carries a trace: a residue that was computed the
//! same way, so that numbers which cannot be told apart may still be known to be equal.

use super::super::function::OneArgument;
use super::super::residue::Residue;
use super::real::{Ball, parts};
use super::{Lack, functions};
use crate::term::{Function, Number};

/// A real number or an infinity.
#[derive(Debug, Clone)]
pub struct Value {
    pub place: Place,
    /// Equal traces are equal numbers, but for a chance of about 2^-60; the other way round nothing is said.
    trace: Residue,
}

/// Where it lies.
#[derive(Debug, Clone)]
pub enum Place {
    Finite(Ball),
    /// Minus infinity, or infinity.
    Infinite {
        is_negative: bool,
    },
}

/// The key of a function that is not one of the language, and of powers, infinities and doubles.
const NORMAL: u64 = 0x6E6F_726D;
const DENSITY: u64 = 0x6465_6E73;
const POWER: u64 = 0x706F_7765;
const INFINITY: u64 = 0x696E_6669;
const GREATEST: u64 = 0x6D61_7869;
const ROUNDED: u64 = 0x726F_756E;

impl Value {
    pub fn integer(value: i64) -> Value {
        Value::finite(Ball::integer(value), Residue::integer(value))
    }

    pub fn finite(ball: Ball, trace: Residue) -> Value {
        Value { place: Place::Finite(ball), trace }
    }

    fn infinite(is_negative: bool) -> Value {
        let infinity = Residue::opaque(INFINITY, &[]);
        Value { place: Place::Infinite { is_negative }, trace: if is_negative { infinity.negated() } else { infinity } }
    }

    /// A value that is given; NaN is none.
    pub fn given(value: f64) -> Result<Value, Lack> {
        if value.is_nan() {
            return Err(Lack::Undefined);
        }
        if value.is_infinite() {
            return Ok(Value::infinite(value < 0.0));
        }
        let (mantissa, exponent) = parts(value);
        let power = Residue::integer(2).power(exponent as i64).ok_or(Lack::Unsure)?;
        Ok(Value::finite(Ball::double(value), Residue::integer(mantissa).times(power)))
    }

    /// A constant of the algebra. Where it is a double, it was rounded to one.
    pub fn number(number: Number, bits: usize) -> Result<Value, Lack> {
        match number {
            Number::Ratio(numerator, denominator) => {
                let inverse = Residue::integer(denominator).inverse().ok_or(Lack::Unsure)?;
                let trace = Residue::integer(numerator).times(inverse);
                Ok(Value::finite(Ball::ratio(numerator, denominator, bits)?, trace))
            }
            Number::Float(value) if value.is_finite() => {
                let ball = Ball::double(value);
                let spread = ball.above().shifted(-51);
                let trace = Residue::opaque(ROUNDED ^ value.to_bits(), &[]);
                Ok(Value::finite(ball.widened(spread), trace))
            }
            Number::Float(value) => Value::given(value),
        }
    }

    /// The ball of a finite number.
    pub fn ball(&self) -> Option<&Ball> {
        match &self.place {
            Place::Finite(ball) => Some(ball),
            Place::Infinite { .. } => None,
        }
    }

    pub fn to_double(&self) -> f64 {
        match &self.place {
            Place::Finite(ball) => ball.to_double(),
            Place::Infinite { is_negative: true } => f64::NEG_INFINITY,
            Place::Infinite { is_negative: false } => f64::INFINITY,
        }
    }

    /// Whether two are known to be the same number by the way they were computed.
    pub fn has_trace_of(&self, other: &Value) -> bool {
        self.trace.equals(other.trace)
    }

    /// -1, 0 or 1.
    pub fn sign(&self) -> Result<i32, Lack> {
        match &self.place {
            Place::Infinite { is_negative } => Ok(if *is_negative { -1 } else { 1 }),
            Place::Finite(ball) => match ball.sign() {
                Some(sign) => Ok(sign),
                None if self.trace.is_zero() => Ok(0),
                None => Err(Lack::Unsure),
            },
        }
    }

    /// The sign of the difference.
    pub fn compare(&self, other: &Value, bits: usize) -> Result<i32, Lack> {
        match (&self.place, &other.place) {
            (Place::Infinite { is_negative: own }, Place::Infinite { is_negative }) => {
                Ok(i32::from(*is_negative) - i32::from(*own))
            }
            _ => self.plus(&other.negated(), bits)?.sign(),
        }
    }

    pub fn negated(&self) -> Value {
        let place = match &self.place {
            Place::Finite(ball) => Place::Finite(ball.negated()),
            Place::Infinite { is_negative } => Place::Infinite { is_negative: !is_negative },
        };
        Value { place, trace: self.trace.negated() }
    }

    pub fn plus(&self, other: &Value, bits: usize) -> Result<Value, Lack> {
        match (&self.place, &other.place) {
            (Place::Finite(a), Place::Finite(b)) => Ok(Value::finite(a.plus(b, bits)?, self.trace.plus(other.trace))),
            (Place::Infinite { is_negative: a }, Place::Infinite { is_negative: b }) if a != b => Err(Lack::Undefined),
            (Place::Infinite { is_negative }, _) | (_, Place::Infinite { is_negative }) => {
                Ok(Value::infinite(*is_negative))
            }
        }
    }

    pub fn times(&self, other: &Value, bits: usize) -> Result<Value, Lack> {
        if let (Place::Finite(a), Place::Finite(b)) = (&self.place, &other.place) {
            return Ok(Value::finite(a.times(b, bits)?, self.trace.times(other.trace)));
        }
        match self.sign()? * other.sign()? {
            0 => Err(Lack::Undefined),
            sign => Ok(Value::infinite(sign < 0)),
        }
    }

    /// `1 / self`; at 0 it has no value.
    pub fn inverse(&self, bits: usize) -> Result<Value, Lack> {
        let Place::Finite(ball) = &self.place else { return Ok(Value::integer(0)) };
        if self.sign()? == 0 {
            return Err(Lack::Undefined);
        }
        let trace = self.trace.inverse().ok_or(Lack::Unsure)?;
        Ok(Value::finite(ball.inverse(bits)?, trace))
    }

    fn power_of_integer(&self, exponent: i64, bits: usize) -> Result<Value, Lack> {
        let size = exponent.unsigned_abs();
        let power = match &self.place {
            _ if exponent == 0 => return Ok(Value::integer(1)),
            Place::Finite(ball) => {
                let mut power = ball.power(size, bits)?;
                if size.is_multiple_of(2) && power.sign().is_none() && self.sign() == Ok(0) {
                    power = Ball::integer(0);
                }
                Value::finite(power, self.trace.power(size.try_into().map_err(|_| Lack::Unsure)?).ok_or(Lack::Unsure)?)
            }
            Place::Infinite { is_negative } => Value::infinite(*is_negative && size % 2 == 1),
        };
        if exponent < 0 { power.inverse(bits) } else { Ok(power) }
    }

    /// `self ^ exponent`; `x^0` is 1.
    pub fn power(&self, exponent: &Value, bits: usize) -> Result<Value, Lack> {
        /// Higher powers are computed by logarithms.
        const MOST: i64 = 1 << 16;
        let exact = |value: &Value| value.ball().and_then(Ball::as_integer).filter(|value| value.abs() <= MOST);
        if let Some(integer) = exact(exponent) {
            return self.power_of_integer(integer, bits);
        }
        let sign = self.sign()?;
        if sign == 0 {
            return match exponent.sign()? {
                1 => Ok(Value::integer(0)),
                0 => Ok(Value::integer(1)),
                _ => Err(Lack::Undefined),
            };
        }
        if let (Some(ball), Some(half)) = (self.ball(), exponent.ball().map(|ball| ball.shifted(1)))
            && let Some(double) = half.as_integer().filter(|value| value.abs() <= MOST)
        {
            let root = functions::sqrt(ball, bits)?;
            let trace = Residue::opaque(POWER, &[self.trace]);
            return Value::finite(root, trace).power_of_integer(double, bits);
        }
        let (Some(base), Some(by)) = (self.ball(), exponent.ball()) else {
            return match (&self.place, exponent.sign()?) {
                (Place::Infinite { is_negative: false }, 1) => Ok(Value::infinite(false)),
                (Place::Infinite { is_negative: false }, -1) => Ok(Value::integer(0)),
                _ => Err(Lack::Undefined),
            };
        };
        if sign < 0 {
            // Of a negative number only the powers by integers are real.
            let Some(floor) = by.floor_of_middle() else { return Err(Lack::Unsure) };
            let side = |integer: i64| Ok::<_, Lack>(by.minus(&Ball::integer(integer), bits)?.sign());
            let is_between = side(floor)? == Some(1) && side(floor + 1)? == Some(-1);
            return Err(if is_between { Lack::Outside } else { Lack::Unsure });
        }
        let value = functions::exp(&functions::log(base, bits + 16)?.times(by, bits + 16)?, bits)?;
        Ok(Value::finite(value, Residue::opaque(POWER, &[self.trace, exponent.trace])))
    }

    /// `floor(self)`
    fn floor(&self) -> Result<Value, Lack> {
        let Some(ball) = self.ball() else { return Ok(self.clone()) };
        if ball.is_exact() && ball.middle().exponent() >= 0 {
            return Ok(self.clone());
        }
        let floor = ball.floor_of_middle().ok_or(Lack::Unsure)?;
        let bits = 64 + ball.middle().digits();
        // The nearest integers below and above: the number may be one of them.
        for candidate in [floor, floor + 1] {
            if self.trace.equals(Residue::integer(candidate)) {
                return Ok(Value::integer(candidate));
            }
        }
        let above = ball.minus(&Ball::integer(floor), bits)?;
        let below = ball.minus(&Ball::integer(floor + 1), bits)?;
        match (above.sign(), below.sign()) {
            (Some(0 | 1), Some(-1)) => Ok(Value::integer(floor)),
            _ => Err(Lack::Unsure),
        }
    }

    /// The remainder, with the sign of the divisor.
    pub fn modulo(&self, divisor: &Value, bits: usize) -> Result<(Value, Value), Lack> {
        let floor = self.times(&divisor.inverse(bits)?, bits)?.floor()?;
        Ok((self.plus(&divisor.times(&floor, bits)?.negated(), bits)?, floor))
    }

    /// A function of one argument.
    pub fn call(&self, function: OneArgument, bits: usize) -> Result<Value, Lack> {
        let Place::Finite(u) = &self.place else { return self.call_at_infinity(function, bits) };
        let trace = self.trace_of(function);
        let opaque = |ball: Result<Ball, Lack>| Ok(Value::finite(ball?, trace));
        match function {
            OneArgument::Exp => opaque(functions::exp(u, bits)),
            OneArgument::Log if self.trace.is_zero() && u.sign() != Some(1) && u.sign() != Some(-1) => {
                Ok(Value::infinite(true))
            }
            OneArgument::Log => opaque(functions::log(u, bits)),
            OneArgument::Sqrt if self.sign()? == 0 => Ok(Value::integer(0)),
            OneArgument::Sqrt => Ok(Value::finite(functions::sqrt(u, bits)?, Residue::opaque(POWER, &[self.trace]))),
            OneArgument::Sin => opaque(functions::sin(u, bits)),
            OneArgument::Cos => opaque(functions::cos(u, bits)),
            OneArgument::Tan => opaque(functions::tan(u, bits)),
            OneArgument::Asin => opaque(functions::asin(u, bits)),
            OneArgument::Acos => opaque(functions::acos(u, bits)),
            OneArgument::Atan => opaque(functions::atan(u, bits)),
            OneArgument::Sinh => opaque(functions::sinh(u, bits)),
            OneArgument::Cosh => opaque(functions::cosh(u, bits)),
            OneArgument::Tanh => opaque(functions::tanh(u, bits)),
            OneArgument::Erf => opaque(functions::erf(u, bits)),
            OneArgument::Sigmoid => opaque(functions::sigmoid(u, bits)),
            OneArgument::Softplus => opaque(functions::softplus(u, bits)),
            OneArgument::Silu => opaque(functions::sigmoid(u, bits + 16)?.times(u, bits)),
            OneArgument::Gelu => opaque(functions::normal(u, bits + 16)?.times(u, bits)),
            OneArgument::Normal => opaque(functions::normal(u, bits)),
            OneArgument::Stop => Ok(self.clone()),
            OneArgument::Floor => self.floor(),
            OneArgument::Sign => Ok(Value::integer(i64::from(self.sign()?))),
            // The values at both sides of 0 are near each other.
            OneArgument::Abs => match self.sign() {
                Ok(1) => Ok(self.clone()),
                Ok(0) => Ok(Value::integer(0)),
                Ok(_) => Ok(self.negated()),
                Err(_) => opaque(Ok(Ball::within(u.above()))),
            },
            OneArgument::Relu => match self.sign() {
                Ok(1) => Ok(self.clone()),
                Ok(_) => Ok(Value::integer(0)),
                Err(_) => opaque(Ok(Ball::within(u.above()))),
            },
        }
    }

    /// The density of the normal distribution.
    pub fn density(&self, bits: usize) -> Result<Value, Lack> {
        let Some(ball) = self.ball() else { return Ok(Value::integer(0)) };
        Ok(Value::finite(functions::density(ball, bits)?, Residue::opaque(DENSITY, &[self.trace])))
    }

    fn call_at_infinity(&self, function: OneArgument, bits: usize) -> Result<Value, Lack> {
        let is_negative = matches!(self.place, Place::Infinite { is_negative: true });
        let sign = if is_negative { -1 } else { 1 };
        match function {
            OneArgument::Exp | OneArgument::Softplus | OneArgument::Silu | OneArgument::Gelu | OneArgument::Relu => {
                Ok(if is_negative { Value::integer(0) } else { self.clone() })
            }
            OneArgument::Log | OneArgument::Sqrt if is_negative => Err(Lack::Outside),
            OneArgument::Log | OneArgument::Sqrt | OneArgument::Sinh | OneArgument::Floor | OneArgument::Stop => {
                Ok(self.clone())
            }
            OneArgument::Abs | OneArgument::Cosh => Ok(Value::infinite(false)),
            OneArgument::Sign | OneArgument::Tanh | OneArgument::Erf => Ok(Value::integer(sign)),
            OneArgument::Sigmoid | OneArgument::Normal => Ok(Value::integer(i64::from(!is_negative))),
            OneArgument::Atan => {
                let half = functions::pi(bits)?.shifted(-1);
                Ok(Value::finite(if is_negative { half.negated() } else { half }, self.trace_of(function)))
            }
            OneArgument::Sin | OneArgument::Cos | OneArgument::Tan | OneArgument::Asin | OneArgument::Acos => {
                Err(Lack::Undefined)
            }
        }
    }

    /// The trace of a function of it: what is made of exponentials is computed with residues too.
    fn trace_of(&self, function: OneArgument) -> Residue {
        let (u, one, two) = (self.trace, Residue::ONE, Residue::integer(2));
        let opaque = |key: u64| Residue::opaque(key, &[u]);
        let own = opaque(key(function));
        let logistic = |u: Residue| one.plus(u.negated().exponential()).inverse();
        let half = |u: Residue| two.inverse().map(|half| u.times(half));
        let known = match function {
            OneArgument::Exp => Some(u.exponential()),
            OneArgument::Sigmoid => logistic(u),
            OneArgument::Silu => logistic(u).map(|weight| u.times(weight)),
            OneArgument::Tanh => logistic(u.times(two)).map(|weight| two.times(weight).minus(one)),
            OneArgument::Sinh => half(u.exponential().minus(u.negated().exponential())),
            OneArgument::Cosh => half(u.exponential().plus(u.negated().exponential())),
            OneArgument::Softplus => Some(Value::trace_of_log(one.plus(u.exponential()))),
            OneArgument::Gelu => Some(u.times(opaque(NORMAL))),
            OneArgument::Log => Some(Value::trace_of_log(u)),
            _ => None,
        };
        known.unwrap_or(own)
    }

    fn trace_of_log(u: Residue) -> Residue {
        Residue::opaque(key(OneArgument::Log), &[u])
    }

    /// The greatest of several, where it is not known which one it is.
    pub fn among(values: &[Value], greatest: &Value, bits: usize) -> Result<Value, Lack> {
        let Some(mut ball) = greatest.ball().cloned() else { return Err(Lack::Unsure) };
        for value in values {
            let Some(other) = value.ball() else { continue };
            // Those that are surely less do not count.
            if ball.minus(other, bits)?.sign() != Some(1) {
                ball = ball.hull(other, bits)?;
            }
        }
        let traces: Vec<Residue> = values.iter().map(|value| value.trace).collect();
        Ok(Value::finite(ball, Residue::opaque(GREATEST, &traces)))
    }

    /// `log(sum)` of exponentials, `sum` being the one of those less the greatest exponent.
    pub fn logsumexp(values: &[Value], bits: usize) -> Result<Value, Lack> {
        let mut greatest: Option<&Value> = None;
        for value in values {
            match &value.place {
                Place::Infinite { is_negative: false } => return Ok(value.clone()),
                Place::Infinite { is_negative: true } => {}
                Place::Finite(_) => {
                    let is_greater = |best: &&Value| value.is_rather_above(best, bits);
                    greatest = if greatest.as_ref().is_none_or(is_greater) { Some(value) } else { greatest };
                }
            }
        }
        let Some(shift) = greatest.map(|value| value.centre()) else { return Ok(Value::infinite(true)) };
        let mut sum = Ball::integer(0);
        let mut total = Residue::ZERO;
        for value in values {
            if let Place::Finite(ball) = &value.place {
                let work = bits + 16;
                sum = sum.plus(&functions::exp(&ball.minus(&shift, work)?, work)?, work)?;
                total = total.plus(value.trace.exponential());
            }
        }
        let ball = functions::log(&sum, bits)?.plus(&shift, bits)?;
        Ok(Value::finite(ball, Value::trace_of_log(total)))
    }

    fn centre(&self) -> Ball {
        self.ball().map_or(Ball::integer(0), Ball::centre)
    }

    /// Whether the midpoint is above another.
    pub fn is_rather_above(&self, other: &Value, bits: usize) -> bool {
        match (&self.place, &other.place) {
            (Place::Finite(own), Place::Finite(other)) => {
                let difference = own.centre().minus(&other.centre(), bits);
                difference.is_ok_and(|difference| difference.sign() == Some(1))
            }
            (Place::Infinite { is_negative }, Place::Finite(_)) => !is_negative,
            (Place::Finite(_), Place::Infinite { is_negative }) => *is_negative,
            (Place::Infinite { is_negative: own }, Place::Infinite { is_negative }) => !own && *is_negative,
        }
    }
}

fn key(function: OneArgument) -> u64 {
    let name = Function::ALL.iter().position(|own| {
        matches!(super::super::function::Form::of(*own), super::super::function::Form::One(one) if one == function)
    });
    name.map_or(NORMAL, |name| 0x6675_6E63 + name as u64)
}
