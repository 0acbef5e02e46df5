//! What a formula looks like, apart from any format.
//!
//! Brackets that only keep the parts of a formula together are not in the value: every format
//! needs others (a fraction bar needs none), so each puts them where a part binds less tightly
//! than its place asks for.

use std::collections::BTreeSet;

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

    /// Whether it is not higher than a letter with subscripts, so that brackets need not grow.
    pub(super) fn is_flat(&self) -> bool {
        match self {
            Markup::Number(number) => !number.contains('/'),
            Markup::Name(_) | Markup::Subscripts(..) | Markup::Delta(..) => true,
            Markup::Sum(addends) => addends.iter().all(|(_, addend)| addend.is_flat()),
            Markup::Product(parts) | Markup::Hadamard(parts) => parts.iter().all(Markup::is_flat),
            Markup::Call(function, parts) => {
                !matches!(&**function, "sqrt" | "abs" | "floor") && parts.iter().all(Markup::is_flat)
            }
            Markup::Relation(a, _, b) => a.is_flat() && b.is_flat(),
            Markup::Power(base, exponent) => {
                base.is_flat() && matches!(**exponent, Markup::Number(_) | Markup::Name(_))
            }
            Markup::Transposed(part) => part.is_flat(),
            _ => false,
        }
    }

    /// Itself with every part replaced for which `f` has something else, from the outside in.
    pub fn replaced(&self, f: &dyn Fn(&Markup) -> Option<Markup>) -> Markup {
        if let Some(other) = f(self) {
            return other;
        }
        let one = |part: &Markup| Box::new(part.replaced(f));
        let all = |parts: &[Markup]| parts.iter().map(|part| part.replaced(f)).collect::<Vec<_>>();
        match self {
            Markup::Number(_) | Markup::Name(_) => self.clone(),
            Markup::Subscripts(name, subscripts) => Markup::Subscripts(one(name), all(subscripts)),
            Markup::Sum(addends) => Markup::Sum(addends.iter().map(|(sign, part)| (*sign, part.replaced(f))).collect()),
            Markup::Product(parts) => Markup::Product(all(parts)),
            Markup::Hadamard(parts) => Markup::Hadamard(all(parts)),
            Markup::Quotient(a, b) => Markup::Quotient(one(a), one(b)),
            Markup::HadamardQuotient(a, b) => Markup::HadamardQuotient(one(a), one(b)),
            Markup::Power(a, b) => Markup::Power(one(a), one(b)),
            Markup::HadamardPower(a, b) => Markup::HadamardPower(one(a), one(b)),
            Markup::Transposed(part) => Markup::Transposed(one(part)),
            Markup::Call(function, parts) => Markup::Call(function.clone(), all(parts)),
            Markup::Norm(part) => Markup::Norm(one(part)),
            Markup::Reduce(word, indices, body) => Markup::Reduce(word, all(indices), one(body)),
            Markup::Derivative(a, b) => Markup::Derivative(one(a), one(b)),
            Markup::Delta(a, b) => Markup::Delta(one(a), one(b)),
            Markup::Bracket(part) => Markup::Bracket(one(part)),
            Markup::Relation(a, sign, b) => Markup::Relation(one(a), sign, one(b)),
            Markup::Logic(word, parts) => Markup::Logic(word, all(parts)),
            Markup::Not(part) => Markup::Not(one(part)),
            Markup::Cases(a, b, c) => Markup::Cases(one(a), one(b), one(c)),
        }
    }

    /// Adds the names in it to those found before.
    pub fn collect_names(&self, found: &mut BTreeSet<String>) {
        let names = std::cell::RefCell::new(std::mem::take(found));
        self.replaced(&|part| {
            if let Markup::Name(name) = part {
                names.borrow_mut().insert(name.clone());
            }
            None
        });
        *found = names.into_inner();
    }

    /// `left = right`
    pub fn equation(left: Markup, right: Markup) -> Markup {
        Markup::Relation(Box::new(left), "=", Box::new(right))
    }
}
