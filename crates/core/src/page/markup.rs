//! What a formula looks like, apart from any format.
//!
//! Brackets that only keep the parts of a formula together are not in the value: every format
//! needs others (a fraction bar needs none), so each puts them where a part binds less tightly
//! than its place asks for.

/// A formula.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Markup {
    /// A number that is not negative, as it is written in the language: `2`, `1/2`, `1e-5`, `inf`.
    Number(String),
    /// A tensor, an index, the unit vector `1`.
    Name(String),
    /// `x[i,j]`
    Subscripts(Box<Markup>, Vec<Markup>),
    /// Addends, each with `true` where it is subtracted. One addend that is subtracted is a
    /// negation.
    Sum(Vec<(bool, Markup)>),
    /// Factors side by side.
    Product(Vec<Markup>),
    /// Factors joined by ⊙.
    Hadamard(Vec<Markup>),
    /// Above and below a fraction bar.
    Quotient(Box<Markup>, Box<Markup>),
    /// Entry by entry: ⊘.
    HadamardQuotient(Box<Markup>, Box<Markup>),
    /// Base and exponent.
    Power(Box<Markup>, Box<Markup>),
    /// Base and exponent, entry by entry.
    HadamardPower(Box<Markup>, Box<Markup>),
    /// A matrix transposed.
    Transposed(Box<Markup>),
    /// A function and its arguments.
    Call(String, Vec<Markup>),
    /// The Euclidean norm.
    Norm(Box<Markup>),
    /// `sum[k] ...`: the word, the indices, the body.
    Reduce(&'static str, Vec<Markup>, Box<Markup>),
    /// `∂.../∂...`
    Derivative(Box<Markup>, Box<Markup>),
    /// Kronecker's delta of two subscripts.
    Delta(Box<Markup>, Box<Markup>),
    /// 1 where the condition holds, else 0.
    Bracket(Box<Markup>),
    /// A comparison, or the two sides of an equation.
    Relation(Box<Markup>, &'static str, Box<Markup>),
    /// Conditions joined by `and` or `or`.
    Logic(&'static str, Vec<Markup>),
    /// `not` a condition.
    Not(Box<Markup>),
    /// `where(condition, then, otherwise)`
    Cases(Box<Markup>, Box<Markup>, Box<Markup>),
}

/// How tightly a formula holds together, from loose to tight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Binding {
    /// `a = b`, `a and b`
    Condition,
    /// `a + b`
    Sum,
    /// `a b`, `a / b`; `a ⊙ b`
    Product,
    /// `a^b`
    Power,
    /// A name, a call, anything in brackets of its own.
    Atom,
}

impl Markup {
    /// A name.
    pub fn name(name: &str) -> Markup {
        Markup::Name(name.to_string())
    }

    /// An integer that is not negative.
    pub fn integer(value: usize) -> Markup {
        Markup::Number(value.to_string())
    }

    /// A name with subscripts, or alone where there are none.
    pub fn entry(name: Markup, subscripts: Vec<Markup>) -> Markup {
        if subscripts.is_empty() { name } else { Markup::Subscripts(Box::new(name), subscripts) }
    }

    /// `-self`
    pub fn negated(self) -> Markup {
        Markup::Sum(vec![(true, self)])
    }

    /// Factors side by side; one stands alone.
    pub fn product(mut factors: Vec<Markup>) -> Markup {
        match factors.len() {
            0 => Markup::integer(1),
            1 => factors.remove(0),
            _ => Markup::Product(factors),
        }
    }

    /// `left = right`
    pub fn equation(left: Markup, right: Markup) -> Markup {
        Markup::Relation(Box::new(left), "=", Box::new(right))
    }
}
