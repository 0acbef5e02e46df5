//! The values of the scalar functions, and their derivatives.

use super::scalar::Scalar;
use crate::term::Function;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// The value of a function of one argument.
pub(super) fn value(function: OneArgument, x: f64) -> f64 {
    match function {
        OneArgument::Exp => x.exp(),
        OneArgument::Log => x.ln(),
        OneArgument::Sqrt => x.sqrt(),
        OneArgument::Abs => x.abs(),
        OneArgument::Sign => sign(x),
        OneArgument::Sin => x.sin(),
        OneArgument::Cos => x.cos(),
        OneArgument::Tan => x.tan(),
        OneArgument::Asin => x.asin(),
        OneArgument::Acos => x.acos(),
        OneArgument::Atan => x.atan(),
        OneArgument::Sinh => x.sinh(),
        OneArgument::Cosh => x.cosh(),
        OneArgument::Tanh => x.tanh(),
        OneArgument::Erf => libm::erf(x),
        OneArgument::Sigmoid => sigmoid(x),
        // `f64::max` would hide a NaN.
        OneArgument::Relu => {
            if x <= 0.0 {
                0.0
            } else {
                x
            }
        }
        // The exponent is never above 0; `log(1 + exp(x)) = x + log(1 + exp(-x))`.
        OneArgument::Softplus => (if x > 0.0 { x } else { 0.0 }) + (-x.abs()).exp().ln_1p(),
        OneArgument::Gelu => times_weight(x, value(OneArgument::Normal, x)),
        OneArgument::Silu => times_weight(x, sigmoid(x)),
        OneArgument::Floor => x.floor(),
        OneArgument::Stop => x,
        // By `erfc`, since `1 + erf` loses all digits on the left.
        OneArgument::Normal => 0.5 * libm::erfc(-x * FRAC_1_SQRT_2),
    }
}

/// `f'(u)`; `None` where the derivative is exactly 0, whatever the derivative of `u`.
pub(super) fn derivative<N: Scalar>(function: OneArgument, u: &N) -> Option<N> {
    let call = |function, u: &N| N::call(function, u);
    let one = N::constant(1.0);
    let inverse = |u: &N| u.power(&N::constant(-1.0));
    let squared = |u: &N| u.times(u);
    let negative = |u: &N| u.scaled(-1.0);
    // sigmoid(-u) = 1 - sigmoid(u), without cancellation.
    let sigmoid_slope = |u: &N| call(OneArgument::Sigmoid, u).times(&call(OneArgument::Sigmoid, &negative(u)));
    let at_infinity = u.value().is_infinite().then(|| N::constant(if u.value() > 0.0 { 1.0 } else { 0.0 }));
    let slope = match function {
        OneArgument::Exp => call(OneArgument::Exp, u),
        OneArgument::Log => inverse(u),
        OneArgument::Sqrt => u.power(&N::constant(-0.5)).scaled(0.5),
        OneArgument::Abs => N::constant(sign(u.value())),
        OneArgument::Sin => call(OneArgument::Cos, u),
        OneArgument::Cos => negative(&call(OneArgument::Sin, u)),
        OneArgument::Tan => one.plus(&squared(&call(OneArgument::Tan, u))),
        OneArgument::Asin => one.plus(u).times(&one.plus(&negative(u))).power(&N::constant(-0.5)),
        OneArgument::Acos => negative(&derivative(OneArgument::Asin, u)?),
        OneArgument::Atan => inverse(&one.plus(&squared(u))),
        OneArgument::Sinh => call(OneArgument::Cosh, u),
        OneArgument::Cosh => call(OneArgument::Sinh, u),
        // 1 - tanh(u)^2 = 4 sigmoid(2u) sigmoid(-2u)
        OneArgument::Tanh => sigmoid_slope(&u.scaled(2.0)).scaled(4.0),
        OneArgument::Erf => call(OneArgument::Exp, &negative(&squared(u))).scaled(FRAC_2_SQRT_PI),
        OneArgument::Sigmoid => sigmoid_slope(u),
        OneArgument::Relu if u.value() <= 0.0 => return None,
        OneArgument::Relu if u.value().is_nan() => N::constant(f64::NAN),
        OneArgument::Relu => one,
        OneArgument::Softplus => call(OneArgument::Sigmoid, u),
        OneArgument::Gelu => match at_infinity {
            Some(limit) => limit,
            None => call(OneArgument::Normal, u).plus(&u.times(&density(u))),
        },
        OneArgument::Silu => match at_infinity {
            Some(limit) => limit,
            None => call(OneArgument::Sigmoid, u).plus(&u.times(&sigmoid_slope(u))),
        },
        OneArgument::Sign | OneArgument::Floor | OneArgument::Stop => return None,
        OneArgument::Normal => density(u),
    };
    Some(slope)
}

/// The greatest of the values, or the least: `wins` says which of two is preferred. One that is
/// NaN makes it NaN, and equal ones share the derivative equally.
pub(super) fn extremum<N: Scalar>(values: &[N], wins: fn(f64, f64) -> bool, of_nothing: f64) -> N {
    if values.iter().any(|value| value.value().is_nan()) {
        // A factor NaN makes the derivatives NaN as well.
        return N::sum(values).scaled(f64::NAN);
    }
    let better = |best: f64, value: &N| if wins(value.value(), best) { value.value() } else { best };
    let best = values.iter().fold(of_nothing, better);
    let ties: Vec<N> = values.iter().filter(|value| value.value() == best).cloned().collect();
    if ties.is_empty() { N::constant(of_nothing) } else { N::mean_of_equals(&ties) }
}

/// The remainder of `a` by `b`, with the sign of `b`.
pub(super) fn modulo(a: f64, b: f64) -> f64 {
    let remainder = a % b;
    if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) { remainder + b } else { remainder }
}

macro_rules! one_argument {
    ($($variant:ident)*) => {
        /// The functions of one argument: those of the language, and `Normal`, the distribution
        /// function of the normal distribution, which the derivative of gelu needs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum OneArgument { $($variant,)* Normal }

        impl Form {
            /// How a function of the language is computed.
            pub fn of(function: Function) -> Form {
                match function {
                    $(Function::$variant => Form::One(OneArgument::$variant),)*
                    Function::Max => Form::Max,
                    Function::Min => Form::Min,
                    Function::Mod => Form::Mod,
                }
            }
        }
    };
}

one_argument!(Exp Log Sqrt Abs Sign Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Erf Sigmoid Relu
    Softplus Gelu Silu Floor Stop);

/// The functions of the language by the number of their arguments.
pub(super) enum Form {
    /// One argument.
    One(OneArgument),
    /// The greater of two.
    Max,
    /// The lesser of two.
    Min,
    /// The remainder.
    Mod,
}

fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        // 0, or NaN as it is; the sign of a zero is dropped.
        x + 0.0
    }
}

fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        return 1.0 / (1.0 + (-x).exp());
    }
    let small = x.exp();
    small / (1.0 + small)
}

/// `x w`, where the weight tends to 0 faster than x to minus infinity.
fn times_weight(x: f64, weight: f64) -> f64 {
    if x == f64::NEG_INFINITY { 0.0 } else { x * weight }
}

/// The density of the normal distribution, `exp(-u²/2) / sqrt(2π)`.
fn density<N: Scalar>(u: &N) -> N {
    let scale = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
    N::call(OneArgument::Exp, &u.times(u).scaled(-0.5)).scaled(scale)
}
