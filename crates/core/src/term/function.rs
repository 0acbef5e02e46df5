//! The table of scalar functions.

use super::{Node, Number, Term};

macro_rules! functions {
    ($($(#[$doc:meta])* $variant:ident $name:literal $arity:literal,)*) => {
        /// A scalar function of the language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Function { $($(#[$doc])* $variant,)* }

        impl Function {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Function] = &[$(Function::$variant,)*];

            /// The name in the language.
            pub fn name(self) -> &'static str {
                match self { $(Function::$variant => $name,)* }
            }

            /// How many arguments it takes.
            pub fn arity(self) -> usize {
                match self { $(Function::$variant => $arity,)* }
            }

            /// The function of that name.
            pub fn from_name(name: &str) -> Option<Function> {
                match name { $($name => Some(Function::$variant),)* _ => None }
            }
        }
    };
}

functions! {
    /// Exponential.
    Exp "exp" 1,
    /// Natural logarithm.
    Log "log" 1,
    /// Square root.
    Sqrt "sqrt" 1,
    /// Absolute value.
    Abs "abs" 1,
    /// -1, 0 or 1.
    Sign "sign" 1,
    /// Sine.
    Sin "sin" 1,
    /// Cosine.
    Cos "cos" 1,
    /// Tangent.
    Tan "tan" 1,
    /// Inverse sine.
    Asin "asin" 1,
    /// Inverse cosine.
    Acos "acos" 1,
    /// Inverse tangent.
    Atan "atan" 1,
    /// Hyperbolic sine.
    Sinh "sinh" 1,
    /// Hyperbolic cosine.
    Cosh "cosh" 1,
    /// Hyperbolic tangent.
    Tanh "tanh" 1,
    /// The error function.
    Erf "erf" 1,
    /// `1 / (1 + exp(-x))`.
    Sigmoid "sigmoid" 1,
    /// `max(x, 0)`.
    Relu "relu" 1,
    /// `log(1 + exp(x))`.
    Softplus "softplus" 1,
    /// `x Φ(x)`, Φ the distribution function of the normal distribution.
    Gelu "gelu" 1,
    /// `x sigmoid(x)`.
    Silu "silu" 1,
    /// The greatest integer not above x.
    Floor "floor" 1,
    /// `a`, whose derivative is taken as 0.
    Stop "stop" 1,
    /// The greater of two.
    Max "max" 2,
    /// The lesser of two.
    Min "min" 2,
    /// The remainder of `a` by `b`, with the sign of `b`.
    Mod "mod" 2,
}

impl Term {
    /// The constant π, as what it is without a name: `acos(-1)`. So it has its value everywhere, and stays
    /// itself in a product, which a number would not.
    pub fn pi() -> Term {
        Term::call(Function::Acos, Term::integer(-1))
    }

    /// Whether it is [`Term::pi`].
    pub fn is_pi(&self) -> bool {
        matches!(self.node(), Node::Call(Function::Acos, of) if of[0].as_number() == Some(Number::MINUS_ONE))
    }
}
