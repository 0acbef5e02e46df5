//! Rules that use the domains that declarations promise.

use super::differentiate::rule;
use crate::derivation::rewrite::{Place, Rule};
use crate::model::{Model, Role};
use crate::term::{Comparison, Function, Kinds, Node, Number, Reduction, Term};

rule!(
    /// Where a domain that is declared decides it. What is decided by its form alone is left to others.
    AS_DECLARED, "as declared", "|u| = u, relu(u) = u, sqrt(u^2) = u, sign(u) = 1, [u > 0] = 1, where declarations say that u > 0", Place::on(Kinds::CALL.or(Kinds::COMPARE).or(Kinds::POW)), |term, context| {
        let model = context.model;
        if !reads_declared(term, model) {
            return None;
        }
        let bounds = |term: &Term| Bounds::of(term, model, DEEPEST);
        let is_not_negative = |term: &Term| bounds(term).is_above(0.0, true);
        match term.node() {
            Node::Call(Function::Abs | Function::Relu, parts) => is_not_negative(&parts[0]).then(|| parts[0].clone()),
            Node::Call(Function::Sign, parts) if bounds(&parts[0]).is_above(0.0, false) => Some(Term::integer(1)),
            Node::Call(Function::Sign, parts) if bounds(&parts[0]).is_below(0.0, false) => Some(Term::integer(-1)),
            Node::Call(Function::Sqrt, parts) => root(&parts[0], Number::ratio(1, 2), &is_not_negative),
            Node::Pow(base, exponent) => root(base, exponent.as_number()?, &is_not_negative),
            Node::Call(Function::Max, parts) => greater(parts, &bounds, false),
            Node::Call(Function::Min, parts) => greater(parts, &bounds, true),
            Node::Compare(comparison, left, right) => {
                let difference = bounds(&left.minus(right));
                let holds = decided(*comparison, difference)?;
                Some(Term::integer(i64::from(holds)))
            }
            _ => None,
        }
    }
);

/// A root of a square, `(u^2)^(1/2) = u`.
fn root(base: &Term, exponent: Number, is_not_negative: &dyn Fn(&Term) -> bool) -> Option<Term> {
    let Node::Pow(inner, power) = base.node() else { return None };
    let power = power.as_number()?;
    let fits = exponent == Number::ratio(1, 2) && power.as_integer().is_some_and(|power| power > 0 && power % 2 == 0);
    (fits && is_not_negative(inner)).then(|| Term::pow(inner, &Term::number(power.times(exponent))))
}

/// The one of two that is never less, or never greater.
fn greater(parts: &[Term], bounds: &dyn Fn(&Term) -> Bounds, least: bool) -> Option<Term> {
    let [first, second] = parts else { return None };
    let difference = bounds(&first.minus(second));
    // Strictly: where both are equal, the derivative is shared.
    match (difference.is_above(0.0, false), difference.is_below(0.0, false)) {
        (true, _) => Some(if least { second } else { first }.clone()),
        (_, true) => Some(if least { first } else { second }.clone()),
        _ => None,
    }
}

fn decided(comparison: Comparison, difference: Bounds) -> Option<bool> {
    let above = |or_equal| difference.is_above(0.0, or_equal);
    let below = |or_equal| difference.is_below(0.0, or_equal);
    let [holds, fails] = match comparison {
        Comparison::Greater => [above(false), below(true)],
        Comparison::GreaterEqual => [above(true), below(false)],
        Comparison::Less => [below(false), above(true)],
        Comparison::LessEqual => [below(true), above(false)],
        Comparison::NotEqual => [above(false) || below(false), false],
        Comparison::Equal => [false, above(false) || below(false)],
    };
    (holds || fails).then_some(holds)
}

/// How many names are looked through: definitions are short chains.
const DEEPEST: usize = 6;

/// Whether a term reads a tensor with a declared domain, also by way of names.
fn reads_declared(term: &Term, model: &Model) -> bool {
    let declared = model.assumptions.iter().any(|own| matches!(own, crate::model::Assumption::Within(..)));
    declared && reads(term, model, DEEPEST, &|name| model.domain(name).is_some())
}

/// Whether what a term says of signs may rely on the domain of a tensor.
pub fn relies_on(term: &Term, name: &str, model: &Model) -> bool {
    reads(term, model, DEEPEST, &|other| other == name)
}

fn reads(term: &Term, model: &Model, depth: usize, wanted: &dyn Fn(&str) -> bool) -> bool {
    term.tensors().iter().any(|name| {
        wanted(name)
            || depth > 0
                && model.definition(name).is_some_and(|definition| reads(&definition.body, model, depth - 1, wanted))
    })
}

/// Between which numbers a value lies.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bounds {
    low: f64,
    high: f64,
    /// Whether the ends themselves are left out.
    open: [bool; 2],
}

impl Bounds {
    const ALL: Bounds = Bounds { low: f64::NEG_INFINITY, high: f64::INFINITY, open: [false, false] };

    fn new(low: f64, high: f64, open: [bool; 2]) -> Bounds {
        // What is no number, such as infinity minus infinity, bounds nothing.
        let low = if low.is_nan() { f64::NEG_INFINITY } else { low };
        Bounds { low, high: if high.is_nan() { f64::INFINITY } else { high }, open }
    }

    /// Whether all values are above a number, or at it.
    fn is_above(self, number: f64, or_equal: bool) -> bool {
        self.low > number || self.low == number && (or_equal || self.open[0])
    }

    fn is_below(self, number: f64, or_equal: bool) -> bool {
        self.high < number || self.high == number && (or_equal || self.open[1])
    }

    fn of(term: &Term, model: &Model, depth: usize) -> Bounds {
        let inner = |term: &Term| Bounds::of(term, model, depth);
        match term.node() {
            Node::Number(number) => Bounds::new(number.value(), number.value(), [false; 2]),
            Node::Affine(affine) => match affine.bounds() {
                Some((low, high)) => Bounds::new(low as f64, high as f64, [false; 2]),
                None => Bounds::ALL,
            },
            Node::Compare(..) | Node::Logic(..) => Bounds::new(0.0, 1.0, [false; 2]),
            Node::Read { tensor, .. } => match (model.domain(tensor), model.tensor(tensor).map(|own| &own.role)) {
                (Some(domain), _) => Bounds::new(domain.low.value(), domain.high.value(), [domain.is_open, false]),
                (None, Some(Role::Defined(definition))) if depth > 0 => Bounds::of(&definition.body, model, depth - 1),
                (None, Some(Role::Const(Some(number)))) => Bounds::new(number.value(), number.value(), [false; 2]),
                _ => Bounds::ALL,
            },
            Node::Add(parts) => parts.iter().map(inner).reduce(Bounds::plus).unwrap_or(Bounds::ALL),
            Node::Mul(parts) => parts.iter().map(inner).reduce(Bounds::times).unwrap_or(Bounds::ALL),
            Node::Pow(base, exponent) => match exponent.as_number() {
                Some(number) => inner(base).power(number),
                None if inner(base).is_above(0.0, false) => Bounds::new(0.0, f64::INFINITY, [true, false]),
                None => Bounds::ALL,
            },
            Node::Call(function, parts) => inner(&parts[0]).under(*function),
            Node::Where(_, then, otherwise) => inner(then).or(inner(otherwise)),
            Node::Reduce { reduction, binders, .. } => {
                let body = term.under().map_or(Bounds::ALL, |under| inner(under.body));
                let is_empty = binders.iter().any(|binder| binder.extent == 0);
                match reduction {
                    Reduction::Max | Reduction::Min if !is_empty => body,
                    Reduction::Sum | Reduction::Prod if !is_empty => body.many(*reduction),
                    _ => Bounds::ALL,
                }
            }
            _ => Bounds::ALL,
        }
    }

    fn or(self, other: Bounds) -> Bounds {
        let both = |end: usize, [own, its]: [f64; 2], least: f64| {
            let is_own = own == least && !self.open[end];
            let is_its = its == least && !other.open[end];
            !is_own && !is_its
        };
        let (low, high) = (self.low.min(other.low), self.high.max(other.high));
        let open = [both(0, [self.low, other.low], low), both(1, [self.high, other.high], high)];
        Bounds::new(low, high, open)
    }

    fn plus(self, other: Bounds) -> Bounds {
        let open = [self.open[0] || other.open[0], self.open[1] || other.open[1]];
        let (low, high) = (self.low + other.low, self.high + other.high);
        // Ends that are no integers are rounded, so that they are moved outwards.
        let is_exact =
            |a: f64, b: f64| [a, b].iter().all(|end| end.is_infinite() || end.fract() == 0.0 && end.abs() < 1e15);
        let slack = |a: f64, b: f64| if is_exact(a, b) { 0.0 } else { 4.0 * f64::EPSILON * a.abs().max(b.abs()) };
        Bounds::new(low - slack(self.low, other.low), high + slack(self.high, other.high), open)
    }

    fn times(self, other: Bounds) -> Bounds {
        let corners = [(self.low, other.low), (self.low, other.high), (self.high, other.low), (self.high, other.high)];
        // 0 times an end that is infinite stays 0: that end is never reached.
        let products = corners.map(|(a, b)| if a == 0.0 || b == 0.0 { 0.0 } else { a * b });
        let low = products.iter().fold(f64::INFINITY, |low, product| low.min(*product));
        let high = products.iter().fold(f64::NEG_INFINITY, |high, product| high.max(*product));
        let is_strict = |sign: f64| {
            let side = |bounds: Bounds, sign: f64| {
                if sign > 0.0 { bounds.is_above(0.0, false) } else { bounds.is_below(0.0, false) }
            };
            side(self, 1.0) && side(other, sign) || side(self, -1.0) && side(other, -sign)
        };
        let open = [low == 0.0 && is_strict(1.0), high == 0.0 && is_strict(-1.0)];
        let slack = |end: f64| if end.fract() == 0.0 { 0.0 } else { 4.0 * f64::EPSILON * end.abs() };
        Bounds::new(low - slack(low), high + slack(high), open)
    }

    fn power(self, exponent: Number) -> Bounds {
        let is_positive = self.is_above(0.0, false);
        match exponent.as_integer() {
            Some(0) => Bounds::new(1.0, 1.0, [false; 2]),
            Some(1) => self,
            Some(power) if power % 2 == 0 => {
                let never_zero = power < 0 || is_positive || self.is_below(0.0, false);
                Bounds::new(0.0, f64::INFINITY, [never_zero, false])
            }
            Some(-1) if self.is_below(0.0, false) => Bounds::new(f64::NEG_INFINITY, 0.0, [false, true]),
            _ if is_positive => Bounds::new(0.0, f64::INFINITY, [true, false]),
            _ if self.is_above(0.0, true) => Bounds::new(0.0, f64::INFINITY, [exponent.is_negative(), false]),
            _ => Bounds::ALL,
        }
    }

    /// The values of a function.
    fn under(self, function: Function) -> Bounds {
        let above = |open| Bounds::new(0.0, f64::INFINITY, [open, false]);
        let is_positive = self.is_above(0.0, false);
        match function {
            Function::Exp | Function::Softplus => above(true),
            Function::Cosh => Bounds::new(1.0, f64::INFINITY, [false; 2]),
            Function::Sqrt | Function::Abs | Function::Relu => above(is_positive),
            Function::Sigmoid => Bounds::new(0.0, 1.0, [true, true]),
            Function::Tanh | Function::Erf if self.is_above(0.0, true) => Bounds::new(0.0, 1.0, [is_positive, true]),
            Function::Tanh | Function::Erf => Bounds::new(-1.0, 1.0, [true, true]),
            Function::Sin | Function::Cos | Function::Sign => Bounds::new(-1.0, 1.0, [false; 2]),
            Function::Log if self.is_above(1.0, true) => above(self.is_above(1.0, false)),
            Function::Log if self.is_below(1.0, true) => {
                Bounds::new(f64::NEG_INFINITY, 0.0, [false, self.is_below(1.0, false)])
            }
            Function::Sinh | Function::Atan | Function::Gelu | Function::Silu if self.is_above(0.0, true) => {
                above(is_positive)
            }
            Function::Stop => self,
            _ => Bounds::ALL,
        }
    }

    /// A sum, or a product, of one or more of these.
    fn many(self, reduction: Reduction) -> Bounds {
        match (reduction, self.is_above(0.0, true), self.is_below(0.0, true)) {
            (_, true, _) => Bounds::new(0.0, f64::INFINITY, [self.is_above(0.0, false), false]),
            (Reduction::Sum, _, true) => Bounds::new(f64::NEG_INFINITY, 0.0, [false, self.is_below(0.0, false)]),
            _ => Bounds::ALL,
        }
    }
}
