//! Named sizes: whole numbers that a derivation does not know.
//!
//! A size carries the number that the model at hand has for it, by which models are run and checked. What is
//! derived holds for all sizes: two sizes are the same when their names are, and nothing is decided by the number.

use super::{Affine, Name, Slot, Term};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A positive integer with a name.
#[derive(Debug, Clone)]
pub struct Size {
    /// The name in the model.
    pub name: Name,
    /// The number at hand.
    pub value: usize,
    /// The number that the file has for it: where several ways lead on, it tells which one is taken, so that it is
    /// the same for all numbers at hand.
    pub typed: usize,
}

impl PartialEq for Size {
    fn eq(&self, other: &Size) -> bool {
        self.name == other.name
    }
}

impl Eq for Size {}

impl PartialOrd for Size {
    fn partial_cmp(&self, other: &Size) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Size {
    fn cmp(&self, other: &Size) -> Ordering {
        self.name.cmp(&other.name)
    }
}

impl Hash for Size {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// A polynomial in named sizes with integer coefficients.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Polynomial {
    /// Products of sizes, each sorted, and their coefficients: sorted, none of them 0. The constant belongs to
    /// the empty product.
    monomials: Vec<(Vec<Size>, i64)>,
}

impl Polynomial {
    /// A number.
    pub fn constant(value: i64) -> Polynomial {
        Polynomial::collected(vec![(Vec::new(), value)]).expect("one coefficient does not overflow")
    }

    /// `factor · self`; `None` where 64 bits do not hold a coefficient.
    pub fn scaled(&self, factor: i64) -> Option<Polynomial> {
        Polynomial::constant(0).plus(factor, self)
    }

    fn collected(mut monomials: Vec<(Vec<Size>, i64)>) -> Option<Polynomial> {
        monomials.sort();
        let mut merged: Vec<(Vec<Size>, i64)> = Vec::with_capacity(monomials.len());
        for (product, coefficient) in monomials {
            match merged.last_mut() {
                Some(last) if last.0 == product => last.1 = last.1.checked_add(coefficient)?,
                _ => merged.push((product, coefficient)),
            }
        }
        merged.retain(|(_, coefficient)| *coefficient != 0);
        Some(Polynomial { monomials: merged })
    }

    /// `self + factor · other`; `None` where 64 bits do not hold a coefficient.
    pub fn plus(&self, factor: i64, other: &Polynomial) -> Option<Polynomial> {
        let scaled = other.monomials.iter().map(|(product, c)| Some((product.clone(), c.checked_mul(factor)?)));
        let mut all = scaled.collect::<Option<Vec<_>>>()?;
        all.extend(self.monomials.iter().cloned());
        Polynomial::collected(all)
    }

    /// `self · other`; `None` where 64 bits do not hold a coefficient.
    pub fn times(&self, other: &Polynomial) -> Option<Polynomial> {
        let mut all = Vec::with_capacity(self.monomials.len() * other.monomials.len());
        for (one, a) in &self.monomials {
            for (two, b) in &other.monomials {
                let mut product = [one.as_slice(), two].concat();
                product.sort();
                all.push((product, a.checked_mul(*b)?));
            }
        }
        Polynomial::collected(all)
    }

    /// The polynomial divided by a number, rounded down; `None` where that is none.
    pub fn floor_quotient(&self, divisor: i64) -> Option<Polynomial> {
        let quotients = self.monomials.iter().map(|(product, coefficient)| match product.is_empty() {
            true => Some((Vec::new(), coefficient.div_euclid(divisor))),
            false => (coefficient % divisor == 0).then(|| (product.clone(), coefficient / divisor)),
        });
        Polynomial::collected(quotients.collect::<Option<Vec<_>>>()?)
    }

    /// The polynomial divided by a number that divides all of it.
    pub fn exact_quotient(&self, divisor: i64) -> Option<Polynomial> {
        let divides = self.monomials.iter().all(|(_, coefficient)| coefficient % divisor == 0);
        if divides { self.floor_quotient(divisor) } else { None }
    }

    /// The polynomial divided by a product of sizes and a number that divides all of it.
    pub fn quotient(&self, divisor: &Polynomial) -> Option<Polynomial> {
        let [(sizes, number)] = divisor.monomials.as_slice() else { return None };
        let quotients = self.monomials.iter().map(|(product, coefficient)| {
            let mut product = product.clone();
            for size in sizes {
                product.remove(product.iter().position(|own| own == size)?);
            }
            (coefficient % number == 0).then(|| (product, coefficient / number))
        });
        Polynomial::collected(quotients.collect::<Option<Vec<_>>>()?)
    }

    /// It with other numbers at hand, for the sizes that have one.
    pub fn with_values(&self, number: &dyn Fn(&Name) -> Option<usize>) -> Polynomial {
        let with = |size: &Size| Size { value: number(&size.name).unwrap_or(size.value), ..size.clone() };
        let monomials = self.monomials.iter().map(|(product, c)| (product.iter().map(with).collect(), *c));
        Polynomial { monomials: monomials.collect() }
    }

    /// The sizes that it can be solved for where it is 0, each with what it then is.
    pub fn solutions(&self) -> impl Iterator<Item = (Size, Polynomial)> {
        let count = |size: &Size| self.names().filter(|name| **name == size.name).count();
        self.monomials.iter().filter_map(move |(product, coefficient)| {
            let [size] = product.as_slice() else { return None };
            let rest = self.plus(-coefficient, &Polynomial::from(size))?;
            (coefficient.abs() == 1 && count(size) == 1).then_some(())?;
            Some((size.clone(), rest.scaled(-coefficient)?))
        })
    }

    /// It with an expression in the place of a size; `None` where 64 bits do not hold a coefficient.
    pub fn substitute(&self, name: &Name, sizes: &Polynomial) -> Option<Polynomial> {
        self.monomials.iter().try_fold(Polynomial::constant(0), |sum, (product, coefficient)| {
            let (replaced, kept): (Vec<Size>, Vec<Size>) = product.iter().cloned().partition(|size| size.name == *name);
            let start = Polynomial { monomials: vec![(kept, *coefficient)] };
            sum.plus(1, &replaced.iter().try_fold(start, |product, _| product.times(sizes))?)
        })
    }

    /// The number it is, if no size is in it.
    pub fn as_constant(&self) -> Option<i64> {
        match self.monomials.as_slice() {
            [] => Some(0),
            [(product, constant)] if product.is_empty() => Some(*constant),
            _ => None,
        }
    }

    /// Its value at the sizes at hand; `None` where 64 bits do not hold it.
    pub fn value(&self) -> Option<i64> {
        self.value_by(|size| Some(size.value))
    }

    /// Its value at the sizes of the file; `None` where 64 bits do not hold it.
    pub fn typed(&self) -> Option<i64> {
        self.value_by(|size| Some(size.typed))
    }

    fn value_by(&self, number: impl Fn(&Size) -> Option<usize>) -> Option<i64> {
        self.monomials.iter().try_fold(0i64, |sum, (product, coefficient)| {
            let product = product
                .iter()
                .try_fold(*coefficient, |product, size| product.checked_mul(i64::try_from(number(size)?).ok()?))?;
            sum.checked_add(product)
        })
    }

    /// Products of sizes and their coefficients; the constant belongs to the empty product.
    pub fn monomials(&self) -> &[(Vec<Size>, i64)] {
        &self.monomials
    }

    /// A product of sizes.
    pub fn product(sizes: &[Size]) -> Polynomial {
        let mut sizes = sizes.to_vec();
        sizes.sort();
        Polynomial { monomials: vec![(sizes, 1)] }
    }

    /// Its value where sizes have these numbers; `None` where one has none, or it is no size.
    pub fn value_at(&self, number: &dyn Fn(&Name) -> Option<usize>) -> Option<usize> {
        usize::try_from(self.value_by(|size| number(&size.name))?).ok()
    }

    /// The sizes in it.
    pub fn sizes(&self) -> impl Iterator<Item = &Size> {
        self.monomials.iter().flat_map(|(product, _)| product)
    }

    /// The names of the sizes in it.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.sizes().map(|size| &size.name)
    }

    /// Its least value over all positive sizes, where its form tells: with `1 + t` for each size nothing is
    /// subtracted but a number.
    pub fn least(&self) -> Option<i64> {
        if let Some(constant) = self.as_constant() {
            return Some(constant);
        }
        let mut shifted: Vec<(Vec<Size>, i64)> = Vec::new();
        for (product, coefficient) in &self.monomials {
            // Π (1 + t) is the sum of the products of all choices of factors; degrees are small.
            if product.len() > 8 {
                return None;
            }
            for chosen in 0..1u32 << product.len() {
                let factors = product.iter().enumerate().filter(|(place, _)| chosen >> place & 1 == 1);
                shifted.push((factors.map(|(_, size)| size.clone()).collect(), *coefficient));
            }
        }
        let shifted = Polynomial::collected(shifted)?;
        let rises = shifted.monomials.iter().all(|(product, coefficient)| product.is_empty() || *coefficient > 0);
        let constant = shifted.monomials.first().filter(|(product, _)| product.is_empty());
        rises.then(|| constant.map_or(0, |(_, constant)| *constant))
    }

    /// Its greatest value over all positive sizes, where its form tells.
    pub fn greatest(&self) -> Option<i64> {
        Polynomial::constant(0).plus(-1, self)?.least()?.checked_neg()
    }

    /// Whether it is greater than 0 at all sizes, as far as its form tells.
    pub fn is_positive(&self) -> bool {
        self.least().is_some_and(|least| least > 0)
    }

    /// It as a term.
    pub fn term(&self) -> Term {
        let products = self.monomials.iter().map(|(product, coefficient)| {
            let sizes = product.iter().map(|size| Term::affine(Affine::slot(Slot::Size(size.clone()))));
            Term::mul(sizes.chain([Term::integer(*coefficient)]).collect())
        });
        Term::add(products.collect())
    }
}

impl std::fmt::Display for Polynomial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.monomials.is_empty() {
            return f.write_str("0");
        }
        // The constant stands first in order, and is written last.
        let (constants, products): (Vec<_>, Vec<_>) =
            self.monomials.iter().partition(|(product, _)| product.is_empty());
        for (place, (product, coefficient)) in products.into_iter().chain(constants).enumerate() {
            match (place, *coefficient < 0) {
                (0, true) => f.write_str("-")?,
                (0, false) => {}
                (_, true) => f.write_str(" - ")?,
                (_, false) => f.write_str(" + ")?,
            }
            let size = coefficient.unsigned_abs();
            let mut parts: Vec<String> =
                (size != 1 || product.is_empty()).then(|| size.to_string()).into_iter().collect();
            for power in product.chunk_by(|one, other| one == other) {
                parts.push(match power.len() {
                    1 => power[0].name.to_string(),
                    exponent => format!("{}^{exponent}", power[0].name),
                });
            }
            f.write_str(&parts.join(" "))?;
        }
        Ok(())
    }
}

impl From<&Size> for Polynomial {
    fn from(size: &Size) -> Polynomial {
        Polynomial { monomials: vec![(vec![size.clone()], 1)] }
    }
}
