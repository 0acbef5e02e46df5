//! Whether balls hold the true value: that with many more bits, which lies in a far smaller ball.

use super::real::Ball;
use super::{Lack, functions};
use dashu_float::Repr;

type One = fn(&Ball, usize) -> Result<Ball, Lack>;

const FUNCTIONS: &[(&str, One)] = &[
    ("exp", functions::exp),
    ("log", functions::log),
    ("log1p", functions::log1p),
    ("sqrt", functions::sqrt),
    ("sin", functions::sin),
    ("cos", functions::cos),
    ("tan", functions::tan),
    ("asin", functions::asin),
    ("acos", functions::acos),
    ("atan", functions::atan),
    ("sinh", functions::sinh),
    ("cosh", functions::cosh),
    ("tanh", functions::tanh),
    ("sigmoid", functions::sigmoid),
    ("softplus", functions::softplus),
    ("erf", functions::erf),
    ("erfc", functions::erfc),
    ("normal", functions::normal),
    ("density", functions::density),
];

/// Random numbers, the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        super::super::residue::scatter(self.0)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Of any size between 2^-range and 2^range, or a special one.
    fn number(&mut self, range: f64) -> f64 {
        let special = [0.0, 1.0, -1.0, 0.5, 2.0, 1.0 + f64::EPSILON, 1.0 - f64::EPSILON / 2.0, 1e-300, -1e-300];
        match self.next() % 8 {
            0 => special[self.next() as usize % special.len()],
            number => {
                let size = ((2.0 * self.unit() - 1.0) * range).exp2();
                if number % 2 == 0 { size } else { -size }
            }
        }
    }

    /// A ball around a number, sometimes a wide one.
    fn ball(&mut self, range: f64) -> Ball {
        let ball = Ball::double(self.number(range));
        match self.next() % 3 {
            0 => ball,
            1 => {
                let radius = ball.above().shifted(-60);
                ball.widened(radius)
            }
            _ => {
                let radius = ball.above().shifted(-8);
                ball.widened(radius)
            }
        }
    }

    /// A number of a ball: its midpoint, or one near its edge.
    fn member(&mut self, ball: &Ball) -> Ball {
        if ball.is_exact() {
            return ball.clone();
        }
        let edge = ball.radius().to_double_below() * (2.0 * self.unit() - 1.0);
        ball.centre().plus(&Ball::double(edge), 4000).unwrap()
    }
}

/// Whether one ball lies within another.
fn holds(outer: &Ball, inner: &Ball) -> bool {
    let distance = outer.centre().minus(&inner.centre(), 6000).unwrap();
    distance.below() <= outer.radius().plus(inner.radius())
}

#[test]
fn functions_hold_the_values_of_all_numbers_in_their_argument() {
    let mut random = Random(1);
    for (name, function) in FUNCTIONS {
        let mut seen = 0;
        for number in 0..150 {
            let x = random.ball(if number % 4 == 0 { 40.0 } else { 5.0 });
            let member = random.member(&x);
            for bits in [64, 200] {
                let Ok(found) = function(&x, bits) else { continue };
                let exact = function(&member, 4 * bits).unwrap_or_else(|lack| panic!("{name} {x:?}: {lack:?}"));
                assert!(holds(&found, &exact), "{name} of {member:?} is {exact:?}, not within {found:?}");
                seen += 1;
                if x.is_exact() && !found.is_exact() {
                    let lost = found.radius().exponent() - found.above().exponent();
                    let is_even = !matches!(
                        *name,
                        "sin" | "cos" | "tan" | "log" | "acos" | "erf" | "log1p" | "normal" | "erfc" | "density"
                    );
                    assert!(!is_even || lost < 24 - bits as i64, "{name} of {x:?} loses bits: {found:?}");
                }
            }
        }
        assert!(seen > 60, "{name} has a value {seen} times");
    }
}

#[test]
fn arithmetic_holds_the_values_of_all_numbers_in_its_arguments() {
    type Two = fn(&Ball, &Ball, usize) -> Result<Ball, Lack>;
    let operations: [(&str, Two); 4] =
        [("plus", Ball::plus), ("minus", Ball::minus), ("times", Ball::times), ("over", Ball::over)];
    let mut random = Random(2);
    for (name, operation) in operations {
        for number in 0..2000 {
            let range = if number % 2 == 0 { 3.0 } else { 200.0 };
            let (a, b) = (random.ball(range), random.ball(range));
            let (x, y) = (random.member(&a), random.member(&b));
            let Ok(found) = operation(&a, &b, 80) else { continue };
            let exact = operation(&x, &y, 3000).unwrap();
            assert!(holds(&found, &exact), "{name} of {x:?} and {y:?} is {exact:?}, not within {found:?}");
        }
    }
    for _ in 0..300 {
        let a = random.ball(3.0);
        let (x, exponent) = (random.member(&a), random.next() % 20);
        let (found, exact) = (a.power(exponent, 80).unwrap(), x.power(exponent, 6000).unwrap());
        assert!(holds(&found, &exact), "{x:?}^{exponent} is {exact:?}, not within {found:?}");
        let other = random.ball(3.0);
        let hull = a.hull(&other, 80).unwrap();
        assert!(holds(&hull, &x) && holds(&hull, &other.centre()));
    }
}

#[test]
fn values_are_those_of_the_platform() {
    for number in 0..2000u64 {
        let mut random = Random(1000 + number);
        let x = random.number(4.0);
        let pairs: [(One, f64); 8] = [
            (functions::exp, x.exp()),
            (functions::sin, x.sin()),
            (functions::atan, x.atan()),
            (functions::tanh, x.tanh()),
            (functions::erf, libm::erf(x)),
            (functions::erfc, libm::erfc(x)),
            (functions::sinh, x.sinh()),
            (functions::cosh, x.cosh()),
        ];
        for (place, (function, expected)) in pairs.iter().enumerate() {
            let found = function(&Ball::double(x), 100).unwrap().to_double();
            assert!((found - expected).abs() <= 1e-14 * expected.abs().max(1e-300), "{place} {x}: {found} {expected}");
        }
        if x > 0.0 {
            let found = functions::log(&Ball::double(x), 100).unwrap().to_double();
            assert!((found - x.ln()).abs() <= 1e-14 * x.ln().abs(), "{x}");
        }
    }
}

#[test]
fn integers_and_floors_are_exact() {
    for (value, floor) in [(2.5, 2), (-2.5, -3), (7.0, 7), (-7.0, -7), (1e-300, 0), (-1e-300, -1)] {
        assert_eq!(Ball::double(value).floor_of_middle(), Some(floor), "{value}");
    }
    assert_eq!(Ball::double(1e300).floor_of_middle(), None);
    assert_eq!(Ball::double(-12.0).as_integer(), Some(-12));
    assert_eq!(Ball::double(-12.5).as_integer(), None);
    assert_eq!(Ball::exact(Repr::zero()).sign(), Some(0));
}
