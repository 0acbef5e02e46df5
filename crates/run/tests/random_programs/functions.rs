//! The scalar functions: values, derivatives, and at what size they round.

use super::grammar::{Call, Compare};
use super::number::{Ball, Number, RULES, WAYS};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The distribution function of the normal distribution.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// `x w(x)` where the weight tends to 0 on the left faster than x grows.
fn weighted(x: f64, weight: f64) -> f64 {
    if x == f64::NEG_INFINITY { 0.0 } else { x * weight }
}

pub fn value(call: Call, x: f64) -> f64 {
    match call {
        Call::Exp => x.exp(),
        Call::Log => x.ln(),
        Call::Sqrt => x.sqrt(),
        Call::Abs => x.abs(),
        Call::Sign if x > 0.0 => 1.0,
        Call::Sign if x < 0.0 => -1.0,
        Call::Sign => x,
        Call::Sin => x.sin(),
        Call::Cos => x.cos(),
        Call::Tan => x.tan(),
        Call::Asin => x.asin(),
        Call::Acos => x.acos(),
        Call::Atan => x.atan(),
        Call::Sinh => x.sinh(),
        Call::Cosh => x.cosh(),
        Call::Tanh => x.tanh(),
        Call::Erf => libm::erf(x),
        Call::Sigmoid => sigmoid(x),
        Call::Relu if x <= 0.0 => 0.0,
        Call::Relu => x,
        Call::Softplus if x > 0.0 => x + (-x).exp().ln_1p(),
        Call::Softplus => x.exp().ln_1p(),
        Call::Gelu => weighted(x, normal(x)),
        Call::Silu => weighted(x, sigmoid(x)),
        Call::Stop | Call::Max | Call::Min => x,
    }
}

fn slope(call: Call, x: f64) -> f64 {
    let limit = x.is_infinite().then_some(if x > 0.0 { 1.0 } else { 0.0 });
    match call {
        Call::Exp => x.exp(),
        Call::Log => 1.0 / x,
        Call::Sqrt => 0.5 / x.sqrt(),
        Call::Abs => value(Call::Sign, x),
        Call::Sin => x.cos(),
        Call::Cos => -x.sin(),
        Call::Tan => 1.0 + x.tan() * x.tan(),
        Call::Asin => 1.0 / ((1.0 + x) * (1.0 - x)).sqrt(),
        Call::Acos => -1.0 / ((1.0 + x) * (1.0 - x)).sqrt(),
        Call::Atan => 1.0 / (1.0 + x * x),
        Call::Sinh => x.cosh(),
        Call::Cosh => x.sinh(),
        Call::Tanh => 4.0 * sigmoid(2.0 * x) * sigmoid(-2.0 * x),
        Call::Erf => FRAC_2_SQRT_PI * (-x * x).exp(),
        Call::Sigmoid => sigmoid(x) * sigmoid(-x),
        Call::Relu => {
            if x.is_nan() {
                x
            } else {
                1.0
            }
        }
        Call::Softplus => sigmoid(x),
        Call::Gelu => limit.unwrap_or_else(|| normal(x) + x * density(x)),
        Call::Silu => limit.unwrap_or_else(|| sigmoid(x) + x * sigmoid(x) * sigmoid(-x)),
        Call::Sign | Call::Stop | Call::Max | Call::Min => 0.0,
    }
}

/// The greatest number that the value and the derivative go through on their way.
fn sizes(call: Call, x: f64) -> (f64, f64) {
    let d = slope(call, x).abs();
    let finite = |size: f64| if size.is_finite() { size } else { 0.0 };
    let (value, slope) = match call {
        Call::Tan => (0.0, 2.0 * d),
        Call::Asin | Call::Acos => (1.0, d.powi(3)),
        Call::Tanh | Call::Sigmoid | Call::Softplus => (0.0, 1.0),
        Call::Erf => (0.0, d * (1.0 + x * x)),
        Call::Gelu | Call::Silu => (x.abs(), 1.0 + x.abs()),
        Call::Sinh | Call::Exp => (0.0, d),
        // A difference of exponentials.
        Call::Cosh => (0.0, x.cosh()),
        _ => (0.0, 0.0),
    };
    (finite(value), finite(slope))
}

/// A function of one argument.
pub fn call(call: Call, argument: &Number) -> Number {
    let x = argument.ball;
    let (of_value, of_slope) = sizes(call, x.value);
    let ball = match call {
        Call::Stop | Call::Abs | Call::Sign | Call::Relu => Ball::with_error(value(call, x.value), x.error),
        _ => Ball::through(&[x], 8.0, of_value, &|x| value(call, x[0])),
    };
    let mut ball = doubted_wave(call, &x, ball);
    if matches!(call, Call::Exp | Call::Sinh | Call::Cosh) && x.value.is_finite() && ball.value.is_infinite() {
        // A stable form does not overflow: `log(sinh(u))` is about `u`.
        ball = Ball::unknown(ball.value);
    }
    if call == Call::Stop {
        return Number::of(ball);
    }
    let near_zero = !x.is_exact() && x.error.iter().any(|error| x.value.abs() <= *error);
    match call {
        Call::Sign if near_zero || x.is_unknown() => return Number::of(Ball::unknown(ball.value)),
        Call::Sign => return Number::exact(ball.value),
        Call::Abs | Call::Relu | Call::Sqrt if near_zero => return argument.with_doubted_slopes(ball),
        // The loss is NaN then, and conditions on NaN are false: nothing is asked of the derivative.
        Call::Relu if x.value.is_nan() => return argument.with_doubted_slopes(ball),
        // The subgradient of least norm.
        Call::Abs | Call::Sqrt if x.value == 0.0 => return argument.kept_out(ball),
        Call::Relu if x.value <= 0.0 => return argument.kept_out(Ball::exact(0.0)),
        // `x w(x)` with a weight that tends to 0: its derivative is made of infinity and 0.
        Call::Gelu | Call::Silu if x.value.is_infinite() => return argument.with_doubted_slopes(ball),
        // Outside its domain a function has no derivative, and algebra may cancel it: `sqrt(x)^2`.
        _ if ball.value.is_nan() && !x.value.is_nan() => return argument.with_doubted_slopes(ball),
        Call::Abs | Call::Relu => return Number::combined(ball, &[(argument, Ball::exact(slope(call, x.value)))]),
        _ => {}
    }
    let mut weight = Ball::through(&[x], 16.0, of_slope, &|x| slope(call, x[0]));
    if matches!(call, Call::Atan | Call::Asin | Call::Acos | Call::Erf | Call::Gelu) {
        // The square is one of the factors, each by itself.
        weight = Ball::product(&[weight, Ball::product(&[x, x]).as_way()]);
    }
    if call == Call::Log && x.value == 0.0 {
        // The algebra knows no signs of zeros.
        weight = Ball::unknown(weight.value);
    }
    Number::combined(ball, &[(argument, doubted_wave(call, &x, weight))])
}

/// Of a wave of which not even the phase is sure nothing is known.
fn doubted_wave(call: Call, x: &Ball, mut ball: Ball) -> Ball {
    for precision in 0..WAYS {
        if matches!(call, Call::Sin | Call::Cos | Call::Tan) && x.error[precision] > 0.5 {
            ball.error[precision] = f64::INFINITY;
        }
    }
    ball
}

/// `1 / u`
pub fn inverse(of: &Number) -> Number {
    let ball = of.ball.inverse();
    Number::combined(ball, &[(of, Ball::product(&[ball, ball]).negative())])
}

/// `u^v`; `u^0` is 1 and does not move, and at a vertical tangent neither does `u^v`.
pub fn power(base: &Number, exponent: &Number) -> Number {
    let (u, v) = (base.ball, exponent.ball);
    let fixed = exponent.slopes.is_empty();
    if fixed && v.is_exact() && v.value == 0.0 {
        if u.value.is_nan() && u.is_unknown() {
            // Of an exponential without a value, `-inf - -inf`, the exponent is multiplied by 0.
            return Number::of(Ball::unknown(1.0));
        }
        return Number::exact(1.0);
    }
    if fixed && v.is_exact() && [1.0, 2.0, 3.0, 4.0].contains(&v.value) {
        return Number::product(&vec![base.clone(); v.value as usize]);
    }
    let units = 16.0 + 8.0 * v.value.abs().min(1e6);
    let ball = Ball::through(&[u, v], units, 0.0, &|x| x[0].powf(x[1]));
    if u.value == f64::NEG_INFINITY && v.value.fract() != 0.0 {
        // No real number, though `powf` has one, and not that of the product: `u u^0.5` is `u^1.5`.
        return Number::sum(&[base.clone(), exponent.clone()]).with_doubted_slopes(Ball::unknown(ball.value));
    }
    let near_zero = u.error.iter().any(|error| u.value.abs() <= *error);
    let outside = ball.value.is_nan() && !u.value.is_nan() && !v.value.is_nan();
    if (near_zero && !u.is_exact()) || outside {
        return Number::sum(&[base.clone(), exponent.clone()]).with_doubted_slopes(ball);
    }
    let mut parts = Vec::new();
    if !(u.value == 0.0 && v.value > 0.0 && v.value < 1.0) {
        parts.push((base, Ball::through(&[u, v], units, 0.0, &|x| x[1] * x[0].powf(x[1] - 1.0))));
    }
    if u.value != 0.0 {
        parts.push((exponent, Ball::through(&[u, v], units, 0.0, &|x| x[0].powf(x[1]) * x[0].ln())));
    }
    Number::combined(ball, &parts)
}

/// The greatest or the least of several. Equal ones share the derivative; `alike` says that they are
/// computed in the same way, so that equal values are equal however they are rounded.
pub fn extremum(all: &[Number], greatest: bool, alike: bool) -> Number {
    let is_nan = all.iter().any(|number| number.ball.value.is_nan());
    if let ([one], false) = (all, is_nan) {
        return one.clone();
    }
    if is_nan {
        // Nothing is asked of the derivatives, as conditions on NaN are false.
        let unknown = all.iter().any(|number| number.ball.is_unknown());
        let ball = if unknown { Ball::unknown(f64::NAN) } else { Ball::exact(f64::NAN) };
        return Number::sum(all).with_doubted_slopes(ball);
    }
    let sign = if greatest { 1.0 } else { -1.0 };
    let best = all.iter().map(|number| sign * number.ball.value).fold(f64::NEG_INFINITY, f64::max);
    let ties: Vec<&Number> = all.iter().filter(|number| sign * number.ball.value == best).collect();
    let mut error = [0.0f64; WAYS];
    for number in all {
        (0..WAYS).for_each(|precision| error[precision] = error[precision].max(number.ball.error[precision]));
    }
    let ball = Ball::with_error(sign * best, error);
    let doubtful = all.iter().any(|number| number.ball.may_meet(&ties[0].ball))
        || ties.iter().skip(1).any(|tie| tie.may_part(ties[0]) || (!alike && tie.ball.may_part(&ties[0].ball)));
    let share = 1.0 / ties.len() as f64;
    let others: Vec<Number> = (all.iter().filter(|number| sign * number.ball.value != best))
        .map(|number| number.kept_out(Ball::exact(0.0)))
        .filter(|own| own.wild[RULES])
        .collect();
    let units = if ties.len().is_power_of_two() { 0.0 } else { 2.0 };
    let of_others = others.iter().map(|other| (other, Ball::exact(1.0)));
    let parts = ties.iter().map(|tie| (*tie, shared(share, units))).chain(of_others);
    let result = Number::combined(ball, &parts.collect::<Vec<_>>());
    if doubtful { Number::sum(all).with_doubted_slopes(result.ball) } else { result }
}

/// What each of several equal ones gets, exactly or rounded.
fn shared(share: f64, units: f64) -> Ball {
    if units == 0.0 { Ball::exact(share) } else { Ball::inexact(share, [0.0; WAYS], units, share) }
}

/// The place of the greatest or least value, the first of several, NaN before all; and whether it is sure.
pub fn place(all: &[Number], greatest: bool) -> (usize, bool) {
    let sign = if greatest { 1.0 } else { -1.0 };
    if let Some(place) = all.iter().position(|number| number.ball.value.is_nan()) {
        return (place, all.iter().all(|number| !number.ball.is_unknown()));
    }
    let mut best = 0;
    for (place, number) in all.iter().enumerate() {
        if sign * number.ball.value > sign * all[best].ball.value {
            best = place;
        }
    }
    let doubtful = |number: &Number| number.ball.may_meet(&all[best].ball) || number.may_part(&all[best]);
    (best, !all.iter().any(doubtful))
}

pub fn holds(compare: Compare, a: f64, b: f64) -> bool {
    match compare {
        Compare::Less => a < b,
        Compare::AtMost => a <= b,
        Compare::Equal => a == b,
        Compare::Differs => a != b,
        Compare::AtLeast => a >= b,
        Compare::Greater => a > b,
    }
}

/// `log Σ exp(u)`
pub fn logsumexp(row: &[Number]) -> Number {
    let (greatest, total) = normaliser(row);
    let size = row.iter().map(|number| number.ball.value.abs()).filter(|value| value.is_finite()).fold(1.0, f64::max);
    let mut error = [0.0f64; WAYS];
    for number in row {
        (0..WAYS).for_each(|precision| error[precision] = error[precision].max(number.ball.error[precision]));
    }
    let value = if greatest.is_finite() { greatest + total.ln() } else { greatest };
    let ball = Ball::inexact(value, error, 8.0 + row.len() as f64, size);
    if value == f64::NEG_INFINITY {
        // Of one number it is that number.
        return if row.len() == 1 { row[0].with_doubted_slopes(ball) } else { Number::of(ball) };
    }
    let parts: Vec<(&Number, Ball)> = (0..row.len()).map(|place| (&row[place], share(row, place))).collect();
    Number::combined(ball, &parts)
}

/// The greatest of a row, NaN if one is, and the sum of the exponentials below it.
fn normaliser(row: &[Number]) -> (f64, f64) {
    if row.iter().any(|number| number.ball.value.is_nan()) {
        return (f64::NAN, f64::NAN);
    }
    let greatest = row.iter().map(|number| number.ball.value).fold(f64::NEG_INFINITY, f64::max);
    (greatest, row.iter().map(|number| (number.ball.value - greatest).exp()).sum())
}

/// `exp(u_i) / Σ exp(u_k)`
fn share(row: &[Number], place: usize) -> Ball {
    let (greatest, total) = normaliser(row);
    let (mut worst, mut size) = ([0.0f64; WAYS], 1.0f64);
    for number in row {
        (0..WAYS).for_each(|precision| worst[precision] = worst[precision].max(number.ball.error[precision]));
        size = if number.ball.value.is_finite() { size.max(number.ball.value.abs()) } else { size };
    }
    let known = worst.map(|worst| if worst == f64::INFINITY { worst } else { 0.0 });
    let alone = |value: f64| Ball::with_error(value, known);
    if !greatest.is_finite() {
        return alone(if greatest == f64::NEG_INFINITY { 0.0 } else { f64::NAN });
    }
    let value = (row[place].ball.value - greatest).exp() / total;
    let exponent = Ball::inexact(0.0, worst.map(|worst| 2.0 * worst), row.len() as f64 + 12.0, 2.0 * size);
    if row[place].ball.value == f64::NEG_INFINITY {
        // It may be left out of the row, whatever it moves with.
        return alone(0.0).softened();
    }
    Ball::through(&[exponent], 16.0, 0.0, &|by| value * by[0].exp())
}

/// An entry of the softmax of a row, or its logarithm; `alike` says that all entries are the same by their form.
pub fn softmax(row: &[Number], place: usize, logarithm: bool, alike: bool) -> Number {
    let (greatest, _) = normaliser(row);
    let own = share(row, place);
    if !greatest.is_finite() {
        let is_same = |value: f64| value == greatest || (value.is_nan() && greatest.is_nan());
        let alike = alike || row.iter().all(|number| is_same(number.ball.value));
        // Of minus infinity the softmax is 0; `-inf - -inf` and what is made of infinity have no value and no
        // derivative, and algebra may cancel them: a softmax sums to 1, and one of equal entries is a number.
        let ball = if logarithm || alike { Ball::unknown(f64::NAN) } else { own };
        let stays = greatest == f64::NEG_INFINITY && !logarithm && !alike;
        return if stays { Number::of(ball) } else { Number::sum(row).with_doubted_slopes(ball) };
    }
    if let [one] = row {
        // It is 1, or it moves by `p (1 - p)` times what cancels.
        let ball = if logarithm { Ball::inexact(0.0, one.ball.error, 8.0, one.ball.value.abs()) } else { own };
        return one.with_doubted_slopes(ball);
    }
    let shares: Vec<Ball> = (0..row.len()).map(|other| share(row, other)).collect();
    let weight = |other: usize| {
        let negative = shares[other].negative();
        let delta = Ball::exact(if other == place { 1.0 } else { 0.0 });
        let difference = Ball::sum(&[delta, negative]);
        if logarithm { difference } else { Ball::product(&[own, difference]) }
    };
    let parts: Vec<(&Number, Ball)> = row.iter().enumerate().map(|(other, number)| (number, weight(other))).collect();
    let ball = match logarithm {
        false => own,
        true => {
            let total = logsumexp(row);
            Ball::sum(&[row[place].ball, total.ball.negative()])
        }
    };
    if row.iter().any(|number| number.slopes.iter().any(|(_, slope)| slope.value.is_infinite())) {
        // `(p - p^2) inf` is as well `p inf - p^2 inf`.
        return Number::sum(row).with_doubted_slopes(ball);
    }
    Number::combined(ball, &parts)
}
