//! Numbers with their gradients, and what formulas with exponentials mean, from differences of logarithms.

use std::ops::{Add, Mul, Sub};

/// A number and its gradient.
#[derive(Clone, Debug)]
pub struct Dual(pub f64, pub Vec<f64>);

impl Dual {
    pub fn of(&self, value: f64, slope: f64) -> Dual {
        // What does not move stays so, whatever it is multiplied by.
        Dual(value, self.1.iter().map(|g| if *g == 0.0 || slope == 0.0 { 0.0 } else { g * slope }).collect())
    }

    pub fn exp(&self) -> Dual {
        self.of(self.0.exp(), self.0.exp())
    }

    pub fn tanh(&self) -> Dual {
        self.of(self.0.tanh(), self.0.cosh().powi(-2))
    }

    pub fn times(&self, factor: f64) -> Dual {
        self.of(self.0 * factor, factor)
    }

    pub fn plus(&self, number: f64) -> Dual {
        self.of(self.0 + number, 1.0)
    }
}

impl Add for Dual {
    type Output = Dual;
    fn add(self, other: Dual) -> Dual {
        Dual(self.0 + other.0, self.1.iter().zip(&other.1).map(|(a, b)| a + b).collect())
    }
}

impl Sub for Dual {
    type Output = Dual;
    fn sub(self, other: Dual) -> Dual {
        self + other.times(-1.0)
    }
}

impl Mul for Dual {
    type Output = Dual;
    fn mul(self, other: Dual) -> Dual {
        let product = self.0 * other.0;
        let (first, second) = (self.of(product, other.0), other.of(0.0, self.0));
        first + second
    }
}

pub fn sum(values: impl IntoIterator<Item = Dual>) -> Dual {
    values.into_iter().reduce(|a, b| a + b).unwrap()
}

/// `log(sum exp)`, from the differences to the greatest.
pub fn lse(values: &[Dual]) -> Dual {
    let greatest = values.iter().map(|value| value.0).fold(f64::NEG_INFINITY, f64::max);
    let shares: Vec<f64> = values.iter().map(|value| (value.0 - greatest).exp()).collect();
    let norm: f64 = shares.iter().sum();
    let place = values.iter().position(|value| value.0 == greatest).unwrap();
    let others: f64 = shares.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, share)| share).sum();
    let slopes = values.iter().zip(&shares).map(|(value, share)| value.of(0.0, share / norm));
    Dual(greatest + others.ln_1p(), sum(slopes).1)
}

/// The logarithms of the softmax.
pub fn shares(z: &[Dual]) -> Vec<Dual> {
    z.iter().map(|value| value.clone() - lse(z)).collect()
}

pub fn softplus(u: &Dual) -> Dual {
    lse(&[u.times(0.0), u.clone()])
}

/// `sum[i] (1 + i) f(z[i])`
pub fn weighted(values: impl IntoIterator<Item = Dual>) -> Dual {
    sum(values.into_iter().zip(1..).map(|(value, weight)| value.times(weight as f64)))
}
