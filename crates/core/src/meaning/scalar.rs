//! Numbers with and without derivatives: plain ones, and dual numbers of any depth.

use super::function::{self, OneArgument, modulo};

/// An entry of a tensor by which is differentiated.
#[derive(Clone)]
pub(super) struct Variable {
    /// The tensor.
    pub tensor: crate::term::Name,
    /// Where the entry stands in its array.
    pub place: usize,
}

/// What the interpreter computes with: a value and, in a [`Dual`], its derivatives.
pub(super) trait Scalar: Clone {
    /// A number that depends on no variable.
    fn constant(value: f64) -> Self;
    /// An entry of a tensor. There is one variable for each level of derivatives, the outermost
    /// first; it moves with those that are this entry.
    fn entry(value: f64, tensor: &str, place: usize, variables: &[Variable]) -> Self;
    /// The value, without derivatives.
    fn value(&self) -> f64;
    /// Whether it depends on no variable.
    fn is_constant(&self) -> bool;
    /// `self + other`
    fn plus(&self, other: &Self) -> Self;
    /// `self · other`
    fn times(&self, other: &Self) -> Self;
    /// `factor · self`
    fn scaled(&self, factor: f64) -> Self;
    /// `self ^ exponent`; `x^0` is 1.
    fn power(&self, exponent: &Self) -> Self;
    /// A function of one argument.
    fn call(function: OneArgument, argument: &Self) -> Self;
    /// The remainder, with the sign of the divisor.
    fn modulo(&self, divisor: &Self) -> Self;
    /// A sum on the way.
    type Total;
    /// The sum of nothing.
    fn nothing() -> Self::Total;
    /// Adds to a sum.
    fn add(total: &mut Self::Total, value: &Self);
    /// The sum.
    fn total(total: Self::Total) -> Self;
    /// The sum of several.
    fn sum(values: &[Self]) -> Self {
        let mut total = Self::nothing();
        values.iter().for_each(|value| Self::add(&mut total, value));
        Self::total(total)
    }
    /// The mean of one or more numbers of equal value: that value, and the mean of the
    /// derivatives.
    fn mean_of_equals(values: &[Self]) -> Self;
    /// `log(sum exp)`
    fn logsumexp(values: &[Self]) -> Self;
    /// How many levels of derivatives it has.
    const LEVELS: usize;
    /// Calls `found` with the value and every derivative that is not exactly 0, each named by the levels
    /// it is by: a bit for each, beside those of `levels`.
    fn take_apart(&self, levels: usize, found: &mut dyn FnMut(usize, f64));
    /// The number of these parts again; `None` for a derivative that is exactly 0.
    fn put_together(levels: usize, part: &dyn Fn(usize) -> Option<f64>) -> Option<Self>;
}

impl Scalar for f64 {
    const LEVELS: usize = 0;

    fn take_apart(&self, levels: usize, found: &mut dyn FnMut(usize, f64)) {
        found(levels, *self);
    }

    fn put_together(levels: usize, part: &dyn Fn(usize) -> Option<f64>) -> Option<f64> {
        part(levels)
    }

    fn constant(value: f64) -> f64 {
        value
    }

    fn entry(value: f64, _: &str, _: usize, _: &[Variable]) -> f64 {
        value
    }

    fn value(&self) -> f64 {
        *self
    }

    fn is_constant(&self) -> bool {
        true
    }

    fn plus(&self, other: &f64) -> f64 {
        self + other
    }

    fn times(&self, other: &f64) -> f64 {
        self * other
    }

    fn scaled(&self, factor: f64) -> f64 {
        factor * self
    }

    fn power(&self, exponent: &f64) -> f64 {
        self.powf(*exponent)
    }

    fn call(function: OneArgument, argument: &f64) -> f64 {
        function::value(function, *argument)
    }

    fn modulo(&self, divisor: &f64) -> f64 {
        modulo(*self, *divisor)
    }

    /// The sum so far and the rounding errors on the way (A. Neumaier, 1974).
    type Total = (f64, f64);

    fn nothing() -> (f64, f64) {
        (0.0, 0.0)
    }

    fn add((sum, lost): &mut (f64, f64), &value: &f64) {
        let next = *sum + value;
        *lost += if sum.abs() >= value.abs() { (*sum - next) + value } else { (value - next) + *sum };
        *sum = next;
    }

    fn total((sum, lost): (f64, f64)) -> f64 {
        // The error of an infinite sum is no number.
        if sum.is_finite() { sum + lost } else { sum }
    }

    fn mean_of_equals(values: &[f64]) -> f64 {
        values[0]
    }

    /// `m + log(1 + Σ exp(u - m))`, m the greatest and the sum over all others: nothing overflows,
    /// and a result near 0 keeps its digits.
    fn logsumexp(values: &[f64]) -> f64 {
        if values.iter().any(|value| value.is_nan()) {
            return f64::NAN;
        }
        let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if greatest.is_infinite() {
            return greatest;
        }
        let position = values.iter().position(|&value| value == greatest);
        let others = values.iter().enumerate().filter(|(other, _)| Some(*other) != position);
        let others: Vec<f64> = others.map(|(_, value)| (value - greatest).exp()).collect();
        greatest + f64::sum(&others).ln_1p()
    }
}

/// `value + derivative · ε` with `ε² = 0`: a number and its derivative by one variable. Nested,
/// the outer one belongs to the inner derivative; each level has its own ε.
#[derive(Debug, Clone)]
pub(super) struct Dual<N> {
    value: N,
    /// `None` for what does not depend on the variable: its derivative is exactly 0, whatever it
    /// is multiplied by.
    slope: Option<N>,
}

impl<N: Scalar> Dual<N> {
    /// The derivative by the variable of this level.
    pub fn derivative(self) -> N {
        self.slope.unwrap_or_else(|| N::constant(0.0))
    }
}

impl<N: Scalar> Scalar for Dual<N> {
    const LEVELS: usize = N::LEVELS + 1;

    fn take_apart(&self, levels: usize, found: &mut dyn FnMut(usize, f64)) {
        self.value.take_apart(levels, found);
        if let Some(slope) = &self.slope {
            slope.take_apart(levels | 1 << N::LEVELS, found);
        }
    }

    /// Where a value is exactly 0 its slope may not be.
    fn put_together(levels: usize, part: &dyn Fn(usize) -> Option<f64>) -> Option<Self> {
        let value = N::put_together(levels, part);
        let slope = N::put_together(levels | 1 << N::LEVELS, part);
        match (value, slope) {
            (None, None) => None,
            (value, slope) => Some(Dual { value: value.unwrap_or_else(|| N::constant(0.0)), slope }),
        }
    }

    fn constant(value: f64) -> Self {
        Dual { value: N::constant(value), slope: None }
    }

    fn entry(value: f64, tensor: &str, place: usize, variables: &[Variable]) -> Self {
        let (own, outer) = match variables.split_last() {
            Some((own, outer)) => (Some(own), outer),
            None => (None, variables),
        };
        let moves = own.is_some_and(|own| own.place == place && *own.tensor == *tensor);
        Dual { value: N::entry(value, tensor, place, outer), slope: moves.then(|| N::constant(1.0)) }
    }

    fn value(&self) -> f64 {
        self.value.value()
    }

    fn is_constant(&self) -> bool {
        self.slope.is_none() && self.value.is_constant()
    }

    fn plus(&self, other: &Self) -> Self {
        Dual { value: self.value.plus(&other.value), slope: total(self.slope.clone(), other.slope.clone()) }
    }

    fn times(&self, other: &Self) -> Self {
        let first = self.slope.as_ref().map(|slope| slope.times(&other.value));
        let second = other.slope.as_ref().map(|slope| self.value.times(slope));
        Dual { value: self.value.times(&other.value), slope: total(first, second) }
    }

    fn scaled(&self, factor: f64) -> Self {
        let slope = self.slope.as_ref().map(|slope| slope.scaled(factor));
        Dual { value: self.value.scaled(factor), slope }
    }

    /// `d(u^v) = v u^(v-1) du + u^v log(u) dv`
    fn power(&self, exponent: &Self) -> Self {
        let (u, v) = (&self.value, &exponent.value);
        let value = u.power(v);
        let by_base = self.slope.as_ref().and_then(|slope| power_by_base(u, v, slope));
        // u^v log(u) is taken as 0 at 0, where it tends to for v > 0.
        let by_exponent = (exponent.slope.as_ref())
            .filter(|_| u.value() != 0.0)
            .map(|slope| value.times(&N::call(OneArgument::Log, u)).times(slope));
        Dual { value, slope: total(by_base, by_exponent) }
    }

    fn call(function: OneArgument, argument: &Self) -> Self {
        let value = N::call(function, &argument.value);
        let slope = argument.slope.as_ref().and_then(|slope| {
            if function == OneArgument::Sqrt && argument.value() == 0.0 {
                return None;
            }
            Some(function::derivative(function, &argument.value)?.times(slope))
        });
        Dual { value, slope }
    }

    /// `a mod b = a - b floor(a/b)`, and the floor is constant between jumps.
    fn modulo(&self, divisor: &Self) -> Self {
        let value = self.value.modulo(&divisor.value);
        let floor = ((self.value() - value.value()) / divisor.value()).round();
        let by_divisor = divisor.slope.as_ref().map(|slope| slope.scaled(-floor));
        Dual { value, slope: total(self.slope.clone(), by_divisor) }
    }

    type Total = (N::Total, Option<N::Total>);

    fn nothing() -> Self::Total {
        (N::nothing(), None)
    }

    fn add((sum, slopes): &mut Self::Total, value: &Self) {
        N::add(sum, &value.value);
        if let Some(slope) = &value.slope {
            N::add(slopes.get_or_insert_with(N::nothing), slope);
        }
    }

    fn total((sum, slopes): Self::Total) -> Self {
        Dual { value: N::total(sum), slope: slopes.map(N::total) }
    }

    fn mean_of_equals(values: &[Self]) -> Self {
        let parts: Vec<N> = values.iter().map(|value| value.value.clone()).collect();
        let slope = Self::sum(values).slope.map(|slope| slope.scaled(1.0 / values.len() as f64));
        Dual { value: N::mean_of_equals(&parts), slope }
    }

    /// `d logsumexp(u) = Σ softmax(u) du`; of a row of `-inf` it is 0.
    fn logsumexp(values: &[Self]) -> Self {
        let parts: Vec<N> = values.iter().map(|value| value.value.clone()).collect();
        let value = N::logsumexp(&parts);
        if value.value() == f64::NEG_INFINITY || values.iter().all(|value| value.slope.is_none()) {
            return Dual { value, slope: None };
        }
        // The softmax does not change when a constant is subtracted, the greatest value.
        let greatest = parts.iter().map(N::value).fold(f64::NEG_INFINITY, f64::max);
        let shift = N::constant(-greatest);
        let weights: Vec<N> = parts.iter().map(|part| N::call(OneArgument::Exp, &part.plus(&shift))).collect();
        let norm = N::sum(&weights).power(&N::constant(-1.0));
        let slopes = values.iter().zip(&weights);
        let slopes = slopes.filter_map(|(value, weight)| Some(value.slope.as_ref()?.times(weight).times(&norm)));
        Dual { value, slope: Some(N::sum(&slopes.collect::<Vec<N>>())) }
    }
}

/// The sum of two derivatives.
fn total<N: Scalar>(first: Option<N>, second: Option<N>) -> Option<N> {
    match (first, second) {
        (Some(first), Some(second)) => Some(first.plus(&second)),
        (first, second) => first.or(second),
    }
}

/// `v u^(v-1) du`; exactly 0 for `u^0`, and at 0 where `u^v` has a vertical tangent, so that a norm has
/// its subgradient of smallest norm.
fn power_by_base<N: Scalar>(u: &N, v: &N, slope: &N) -> Option<N> {
    let is_one = v.is_constant() && v.value() == 0.0;
    let is_root = v.value() > 0.0 && v.value() < 1.0;
    if is_one || (is_root && u.value() == 0.0) {
        return None;
    }
    let less = v.plus(&N::constant(-1.0));
    Some(v.times(&u.power(&less)).times(slope))
}
