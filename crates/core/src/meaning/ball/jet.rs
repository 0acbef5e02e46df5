//! Balls with derivatives: dual numbers of any depth, as those of doubles ([`Dual`](super::super::scalar::Dual)), but
//! what is not known of a ball is not decided.

use super::super::function::OneArgument;
use super::Lack;
use super::value::Value;

/// A value and its derivatives by several variables, each of which is a level. Of every set of levels there is one
/// derivative; `None` is exactly 0, whatever it is multiplied by.
#[derive(Debug, Clone)]
pub struct Jet {
    pub value: Value,
    /// By sets of levels, as bits, the first being the set of the level 0; those that are left out are 0.
    slopes: Vec<Option<Value>>,
}

impl From<Value> for Jet {
    fn from(value: Value) -> Jet {
        Jet { value, slopes: Vec::new() }
    }
}

/// The arithmetic of jets with so many bits.
#[derive(Debug, Clone, Copy)]
pub struct Arithmetic {
    pub bits: usize,
    /// Sums of less than 2 to the power of minus this of their addends are 0: that is where a point obeys an equation
    /// but for so little.
    pub nothing: Option<i64>,
}

impl Jet {
    pub fn integer(value: i64) -> Jet {
        Value::integer(value).into()
    }

    /// The derivative by a set of levels; the value for none.
    pub fn part(&self, levels: usize) -> Option<&Value> {
        match levels.checked_sub(1) {
            None => Some(&self.value),
            Some(place) => self.slopes.get(place)?.as_ref(),
        }
    }

    /// Whether it depends on no variable.
    pub fn is_constant(&self) -> bool {
        self.slopes.iter().all(Option::is_none)
    }

    /// How it moves with the sets of levels; where a part is 0, so is what is made of it.
    pub fn from_parts(value: Value, levels: usize, part: impl Fn(usize) -> Option<Value>) -> Jet {
        let slopes = if levels == 0 { Vec::new() } else { (1..1 << levels).map(part).collect() };
        Jet { value, slopes }
    }

    /// How many levels its parts are of.
    fn levels(&self) -> usize {
        (self.slopes.len() + 1).trailing_zeros() as usize
    }

    /// What does not move with the last of so many levels, and the derivative by that.
    fn split(&self, levels: usize) -> (Jet, Option<Jet>) {
        let half = 1 << (levels - 1);
        let low = Jet::from_parts(self.value.clone(), levels - 1, |set| self.part(set).cloned());
        let moves = (half..2 * half).any(|set| self.part(set).is_some());
        let high = moves.then(|| {
            let value = self.part(half).cloned().unwrap_or_else(|| Value::integer(0));
            Jet::from_parts(value, levels - 1, |set| self.part(set | half).cloned())
        });
        (low, high)
    }

    fn joined(low: &Jet, high: Option<&Jet>, levels: usize) -> Jet {
        let half = 1 << (levels - 1);
        let part = |set: usize| match set & half {
            0 => low.part(set).cloned(),
            _ => high.and_then(|high| high.part(set & !half).cloned()),
        };
        Jet::from_parts(low.value.clone(), levels, part)
    }

    /// Without its value: for what has a value of its own.
    fn slopes_only(self) -> Vec<Option<Value>> {
        self.slopes
    }
}

impl Arithmetic {
    fn sum(self, a: &Value, b: &Value) -> Result<Value, Lack> {
        let sum = a.plus(b, self.bits)?;
        let (Some(nothing), Some(ball), Some(a), Some(b)) = (self.nothing, sum.ball(), a.ball(), b.ball()) else {
            return Ok(sum);
        };
        let size = if a.above() > b.above() { a.above() } else { b.above() };
        Ok(if ball.above() <= size.shifted(-nothing) { Value::integer(0) } else { sum })
    }

    /// The sign of `a - b`.
    pub fn compare(self, a: &Value, b: &Value) -> Result<i32, Lack> {
        match (a.ball(), b.ball()) {
            (Some(_), Some(_)) => self.sum(a, &b.negated())?.sign(),
            _ => a.compare(b, self.bits),
        }
    }

    pub fn plus(self, a: &Jet, b: &Jet) -> Result<Jet, Lack> {
        let value = self.sum(&a.value, &b.value)?;
        if a.slopes.is_empty() && b.slopes.is_empty() {
            return Ok(value.into());
        }
        let mut slopes = Vec::with_capacity(a.slopes.len().max(b.slopes.len()));
        for set in 1..=a.slopes.len().max(b.slopes.len()) {
            slopes.push(match (a.part(set), b.part(set)) {
                (Some(a), Some(b)) => Some(a.plus(b, self.bits)?),
                (a, b) => a.or(b).cloned(),
            });
        }
        Ok(Jet { value, slopes })
    }

    pub fn times(self, a: &Jet, b: &Jet) -> Result<Jet, Lack> {
        let value = a.value.times(&b.value, self.bits)?;
        if a.slopes.is_empty() && b.slopes.is_empty() {
            return Ok(value.into());
        }
        let mut slopes = Vec::with_capacity(a.slopes.len().max(b.slopes.len()));
        for set in 1..=a.slopes.len().max(b.slopes.len()) {
            let mut slope: Option<Value> = None;
            for own in (0..=set).filter(|own| own & !set == 0) {
                if let (Some(first), Some(second)) = (a.part(own), b.part(set & !own)) {
                    let product = first.times(second, self.bits)?;
                    slope = Some(match slope {
                        Some(slope) => slope.plus(&product, self.bits)?,
                        None => product,
                    });
                }
            }
            slopes.push(slope);
        }
        Ok(Jet { value, slopes })
    }

    pub fn negated(self, a: &Jet) -> Jet {
        let slopes = a.slopes.iter().map(|slope| slope.as_ref().map(Value::negated)).collect();
        Jet { value: a.value.negated(), slopes }
    }

    pub fn inverse(self, a: &Jet) -> Result<Jet, Lack> {
        self.power(a, &Jet::integer(-1))
    }

    /// `a ^ b`, with the conventions of the language: `x^0` is 1 with derivative 0, and at 0 roots have none.
    pub fn power(self, base: &Jet, exponent: &Jet) -> Result<Jet, Lack> {
        let levels = base.levels().max(exponent.levels());
        if levels == 0 || base.is_constant() && exponent.is_constant() {
            return Ok(base.value.power(&exponent.value, self.bits)?.into());
        }
        let ((u, du), (v, dv)) = (base.split(levels), exponent.split(levels));
        let value = self.power(&u, &v)?;
        let by_base = match &du {
            Some(slope) => self.power_by_base(&u, &v, slope)?,
            None => None,
        };
        // u^v log(u) is taken as 0 at 0, where it tends to for v > 0.
        let by_exponent = match &dv {
            Some(slope) if u.value.sign()? != 0 => {
                Some(self.times(&self.times(&value, &self.call(OneArgument::Log, &u)?)?, slope)?)
            }
            _ => None,
        };
        let slope = match (by_base, by_exponent) {
            (Some(first), Some(second)) => Some(self.plus(&first, &second)?),
            (first, second) => first.or(second),
        };
        Ok(Jet::joined(&value, slope.as_ref(), levels))
    }

    /// `v u^(v-1) du`
    fn power_by_base(self, u: &Jet, v: &Jet, slope: &Jet) -> Result<Option<Jet>, Lack> {
        let sign = v.value.sign()?;
        if v.is_constant() && sign == 0 {
            return Ok(None);
        }
        let one = Value::integer(1);
        if sign > 0 && self.compare(&v.value, &one)? < 0 && u.value.sign()? == 0 {
            return Ok(None);
        }
        let less = self.plus(v, &Jet::integer(-1))?;
        Ok(Some(self.times(&self.times(v, &self.power(u, &less)?)?, slope)?))
    }

    pub fn call(self, function: OneArgument, argument: &Jet) -> Result<Jet, Lack> {
        if argument.is_constant() {
            return Ok(argument.value.call(function, self.bits)?.into());
        }
        let levels = argument.levels();
        let (u, slope) = argument.split(levels);
        let value = self.call(function, &u)?;
        let slope = match slope {
            None => None,
            Some(_) if function == OneArgument::Sqrt && u.value.sign()? == 0 => None,
            Some(slope) => match self.derivative(function, &u)? {
                Some(derivative) => Some(self.times(&derivative, &slope)?),
                None => None,
            },
        };
        Ok(Jet::joined(&value, slope.as_ref(), levels))
    }

    fn density(self, u: &Jet) -> Result<Jet, Lack> {
        if u.is_constant() {
            return Ok(u.value.density(self.bits)?.into());
        }
        let levels = u.levels();
        let (low, slope) = u.split(levels);
        let value = self.density(&low)?;
        let slope = match slope {
            Some(slope) => Some(self.times(&self.negated(&self.times(&low, &value)?), &slope)?),
            None => None,
        };
        Ok(Jet::joined(&value, slope.as_ref(), levels))
    }

    /// `f'(u)`; `None` where it is exactly 0, whatever the derivative of `u`.
    fn derivative(self, function: OneArgument, u: &Jet) -> Result<Option<Jet>, Lack> {
        let one = Jet::integer(1);
        let call = |function| self.call(function, u);
        let squared = |jet: &Jet| self.times(jet, jet);
        let one_less = |jet: &Jet| self.plus(&one, &self.negated(jet));
        let half = |jet: &Jet| self.power(jet, &Value::given(-0.5)?.into());
        let at_infinity = match u.value.ball() {
            Some(_) => None,
            None => Some(Jet::integer(i64::from(u.value.sign()? > 0))),
        };
        // sigmoid(-u) = 1 - sigmoid(u)
        let logistic = |u: &Jet| {
            let weight = self.call(OneArgument::Sigmoid, u)?;
            self.times(&weight, &self.call(OneArgument::Sigmoid, &self.negated(u))?)
        };
        let slope = match function {
            OneArgument::Exp => call(OneArgument::Exp)?,
            OneArgument::Log => self.inverse(u)?,
            OneArgument::Sqrt => self.times(&half(u)?, &Value::given(0.5)?.into())?,
            OneArgument::Abs => Jet::integer(i64::from(u.value.sign()?)),
            OneArgument::Sin => call(OneArgument::Cos)?,
            OneArgument::Cos => self.negated(&call(OneArgument::Sin)?),
            OneArgument::Tan => self.plus(&one, &squared(&call(OneArgument::Tan)?)?)?,
            OneArgument::Asin => half(&one_less(&squared(u)?)?)?,
            OneArgument::Acos => self.negated(&half(&one_less(&squared(u)?)?)?),
            OneArgument::Atan => self.inverse(&self.plus(&one, &squared(u)?)?)?,
            OneArgument::Sinh => call(OneArgument::Cosh)?,
            OneArgument::Cosh => call(OneArgument::Sinh)?,
            OneArgument::Tanh => one_less(&squared(&call(OneArgument::Tanh)?)?)?,
            // 2 exp(-u²) / sqrt(π) is twice the root of 2 times the density at the root of 2 times u.
            OneArgument::Erf => {
                let root = self.call(OneArgument::Sqrt, &Jet::integer(2))?;
                let density = self.density(&self.times(u, &root)?)?;
                self.times(&self.times(&density, &root)?, &Jet::integer(2))?
            }
            OneArgument::Sigmoid => logistic(u)?,
            OneArgument::Relu => match u.value.sign()? {
                1 => one,
                _ => return Ok(None),
            },
            OneArgument::Softplus => call(OneArgument::Sigmoid)?,
            OneArgument::Gelu | OneArgument::Silu if at_infinity.is_some() => return Ok(at_infinity),
            OneArgument::Gelu => self.plus(&call(OneArgument::Normal)?, &self.times(u, &self.density(u)?)?)?,
            OneArgument::Silu => self.plus(&call(OneArgument::Sigmoid)?, &self.times(u, &logistic(u)?)?)?,
            OneArgument::Sign | OneArgument::Floor | OneArgument::Stop => return Ok(None),
            OneArgument::Normal => self.density(u)?,
        };
        Ok(Some(slope))
    }

    /// `a mod b = a - b floor(a/b)`, and the floor is constant between jumps.
    pub fn modulo(self, a: &Jet, b: &Jet) -> Result<Jet, Lack> {
        let (value, floor) = a.value.modulo(&b.value, self.bits)?;
        let moved = self.plus(a, &self.negated(&self.times(b, &floor.into())?))?;
        Ok(Jet { value, slopes: moved.slopes_only() })
    }

    /// The greatest, or the least; equal ones share the derivative.
    pub fn extremum(self, values: &[Jet], is_greatest: bool) -> Result<Jet, Lack> {
        let turned = |value: &Value| if is_greatest { value.clone() } else { value.negated() };
        let plain: Vec<Value> = values.iter().map(|jet| turned(&jet.value)).collect();
        let Some(first) = plain.first() else {
            return Ok(Value::given(if is_greatest { f64::NEG_INFINITY } else { f64::INFINITY })?.into());
        };
        let above = |best, value: &&Value| value.is_rather_above(best, self.bits);
        let best = plain.iter().fold(first, |best, value| if above(best, &value) { value } else { best });
        let signs: Vec<Result<i32, Lack>> = plain.iter().map(|value| self.compare(value, best)).collect();
        if signs.iter().any(Result::is_err) {
            // Which one it is need not be known where nothing moves.
            let all_still = values.iter().all(Jet::is_constant);
            return if all_still {
                Ok(turned(&Value::among(&plain, best, self.bits)?).into())
            } else {
                Err(Lack::Unsure)
            };
        }
        let ties: Vec<&Jet> =
            values.iter().zip(&signs).filter(|(_, sign)| **sign == Ok(0)).map(|(jet, _)| jet).collect();
        if values.iter().all(Jet::is_constant) || ties.len() == 1 {
            return Ok(ties[0].clone());
        }
        let mut sum = ties[0].clone();
        for tie in &ties[1..] {
            sum = self.plus(&sum, tie)?;
        }
        let share = Value::integer(ties.len() as i64).inverse(self.bits)?;
        let mean = self.times(&sum, &share.into())?;
        Ok(Jet { value: ties[0].value.clone(), slopes: mean.slopes_only() })
    }

    /// `log(sum exp)`; of a row of minus infinity it does not move.
    pub fn logsumexp(self, values: &[Jet]) -> Result<Jet, Lack> {
        let levels = values.iter().map(Jet::levels).max().unwrap_or(0);
        if levels == 0 || values.iter().all(Jet::is_constant) {
            let plain: Vec<Value> = values.iter().map(|jet| jet.value.clone()).collect();
            return Ok(Value::logsumexp(&plain, self.bits)?.into());
        }
        let split: Vec<(Jet, Option<Jet>)> = values.iter().map(|jet| jet.split(levels)).collect();
        let lows: Vec<Jet> = split.iter().map(|(low, _)| low.clone()).collect();
        let value = self.logsumexp(&lows)?;
        if value.value.ball().is_none() {
            return if value.value.sign()? < 0 { Ok(value) } else { Err(Lack::Undefined) };
        }
        let mut slope: Option<Jet> = None;
        for (low, high) in &split {
            let Some(high) = high else { continue };
            let share = self.call(OneArgument::Exp, &self.plus(low, &self.negated(&value))?)?;
            let own = self.times(&share, high)?;
            slope = Some(match slope {
                Some(slope) => self.plus(&slope, &own)?,
                None => own,
            });
        }
        Ok(Jet::joined(&value, slope.as_ref(), levels))
    }
}
