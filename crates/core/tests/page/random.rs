//! Random terms.

use deltarule_core::term::{Comparison, Connective, Function, Index, Number, Reduction, Term};

/// What they read.
pub const GIVEN: &str = "
input x[5]
param a[4] ~ zeros
param b[5] ~ zeros
param c[3] ~ zeros
param d[4] ~ zeros
param A[4,5] ~ zeros
param B[5,3] ~ zeros
param F[4,4] ~ zeros
param T[2,3,4] ~ zeros
param s ~ zeros
param r ~ zeros
";

const TENSORS: &[(&str, &[usize])] = &[
    ("x", &[5]),
    ("a", &[4]),
    ("b", &[5]),
    ("c", &[3]),
    ("d", &[4]),
    ("A", &[4, 5]),
    ("B", &[5, 3]),
    ("F", &[4, 4]),
    ("T", &[2, 3, 4]),
    ("s", &[]),
    ("r", &[]),
];

/// A source of random terms, the same for the same seed.
pub struct Random {
    state: u64,
    next_id: u32,
    /// Whether tensors with three axes, single entries and indices as numbers are left out.
    plain: bool,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random { state: seed, next_id: 10, plain: false }
    }

    /// Terms of the kind that matrix notation is for.
    pub fn plain(seed: u64) -> Random {
        Random { plain: true, ..Random::new(seed) }
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.state >> 33) as usize) % bound
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    fn read(&mut self, scope: &[Index]) -> Term {
        let fits = |shape: &[usize]| shape.iter().all(|extent| scope.iter().any(|index| index.extent == *extent));
        let readable: Vec<(&str, &[usize])> =
            TENSORS.iter().copied().filter(|(_, shape)| !self.plain || (shape.len() < 3 && fits(shape))).collect();
        let (name, shape) = *self.pick(&readable);
        let subscripts = shape.iter().map(|extent| {
            let fitting: Vec<&Index> = scope.iter().filter(|index| index.extent == *extent).collect();
            match fitting.is_empty() || (!self.plain && self.below(8) == 0) {
                true => Term::integer(self.below(*extent) as i64),
                false => Term::index(fitting[self.below(fitting.len())]),
            }
        });
        let subscripts = subscripts.collect();
        Term::read(name, subscripts)
    }

    fn number(&mut self) -> Term {
        let numbers =
            [(1, 1), (2, 1), (3, 1), (-1, 1), (-2, 1), (1, 2), (2, 3), (-1, 4), (1, 10), (-1, 100), (1, 100_000)];
        let (n, d) = *self.pick(&numbers);
        Term::number(Number::ratio(n, d))
    }

    fn condition(&mut self, depth: usize, scope: &[Index]) -> Term {
        match self.below(if depth == 0 { 2 } else { 4 }) {
            0 if scope.len() > 1 => {
                let (a, b) = (self.pick(scope).clone(), self.pick(scope).clone());
                let comparison = *self.pick(&[Comparison::Equal, Comparison::LessEqual, Comparison::NotEqual]);
                Term::compare(comparison, Term::index(&a), Term::index(&b))
            }
            0 | 1 => {
                let comparison = *self.pick(&[Comparison::Less, Comparison::GreaterEqual, Comparison::Equal]);
                Term::compare(comparison, self.read(scope), self.term(depth.saturating_sub(1), scope))
            }
            2 => Term::logic(Connective::Not, vec![self.condition(depth - 1, scope)]),
            _ => {
                let connective = *self.pick(&[Connective::And, Connective::Or]);
                Term::logic(connective, vec![self.condition(depth - 1, scope), self.condition(depth - 1, scope)])
            }
        }
    }

    fn reduction(&mut self, depth: usize, scope: &[Index]) -> Term {
        let reductions =
            [Reduction::Sum, Reduction::Sum, Reduction::Prod, Reduction::Max, Reduction::Min, Reduction::LogSumExp];
        let reduction = *self.pick(&reductions);
        let mut inner = scope.to_vec();
        let count = 1 + self.below(2);
        let bound: Vec<Index> = (0..count)
            .map(|_| {
                self.next_id += 1;
                // Letters that are taken already, so that others must be found.
                let letter = *self.pick(&["i", "j", "k", "l", "s"]);
                Index::new(self.next_id, 2 + self.below(4), letter)
            })
            .collect();
        inner.extend(bound.iter().cloned());
        let body = self.term(depth - 1, &inner);
        Term::reduce(reduction, &bound, body)
    }

    /// A term of the given depth over the indices.
    pub fn term(&mut self, depth: usize, scope: &[Index]) -> Term {
        if depth == 0 {
            return match self.below(8) {
                0 => self.number(),
                1 if !scope.is_empty() && !self.plain => Term::index(self.pick(scope)),
                _ => self.read(scope),
            };
        }
        match self.below(12) {
            0..=2 => Term::add((0..2 + self.below(2)).map(|_| self.term(depth - 1, scope)).collect()),
            3..=5 => Term::mul((0..2 + self.below(2)).map(|_| self.term(depth - 1, scope)).collect()),
            6 => {
                let function =
                    *self.pick(&[Function::Exp, Function::Log, Function::Sigmoid, Function::Abs, Function::Stop]);
                let function = if self.plain && function == Function::Log { Function::Sin } else { function };
                Term::call(function, self.term(depth - 1, scope))
            }
            7 => {
                let exponents =
                    [Term::integer(2), Term::integer(-1), Term::integer(-2), Term::ratio(1, 2), Term::ratio(-1, 2)];
                // Roots and logarithms of what is negative have no value to compare.
                let exponents = if self.plain { &exponents[..3] } else { &exponents[..] };
                let is_read = self.below(4) == 0 && !self.plain;
                let exponent = if is_read { self.read(scope) } else { self.pick(exponents).clone() };
                // A number to a power that is no integer is no term that a derivation makes.
                let base = self.term(depth - 1, scope);
                if base.as_number().is_some() { base } else { Term::pow(&base, &exponent) }
            }
            8 => {
                Term::choose(self.condition(depth - 1, scope), self.term(depth - 1, scope), self.term(depth - 1, scope))
            }
            9 => self.condition(depth - 1, scope),
            10 if depth > 1 => {
                let function = *self.pick(&[Function::Max, Function::Min]);
                Term::call2(function, self.term(depth - 1, scope), self.term(depth - 1, scope))
            }
            _ => self.reduction(depth, scope),
        }
    }
}
