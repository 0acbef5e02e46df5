//! What a rule may move out of the range of a condition.
//!
//! A product with a false condition is exactly 0 and nothing else in it is evaluated: that keeps
//! reads inside their tensors, and poles and infinities out of sums. So a factor may leave a
//! condition behind only where it has a finite value anyway.

use crate::model::{Model, Role, TargetKind};
use crate::term::{Comparison, Extent, Function, Node, Number, Reduction, Term};

/// Whether a term is an integer: by its form, or as an entry of a tensor that holds integers.
pub fn is_integer(term: &Term, model: &Model) -> bool {
    match term.node() {
        Node::Read { tensor, .. } => below(tensor, model).is_some(),
        Node::Add(parts) | Node::Mul(parts) => parts.iter().all(|part| is_integer(part, model)),
        _ => term.is_integer(),
    }
}

/// What the values of a tensor of integers lie below.
fn below(tensor: &str, model: &Model) -> Option<usize> {
    match model.tensor(tensor)?.role {
        Role::Input { below } => below,
        Role::Target(TargetKind::Integer(below)) => Some(below),
        _ => None,
    }
}

/// Whether an integer term lies in `0..extent` for certain.
pub fn stays_below(term: &Term, extent: &Extent, model: &Model) -> bool {
    match term.node() {
        Node::Read { tensor, subscripts } => {
            below(tensor, model).is_some_and(|below| below <= extent.value())
                && entry_is_inside(tensor, subscripts, model)
        }
        _ => term.stays_below(extent),
    }
}

/// The extents of a tensor; of a derivative those of both tensors, even before the model has it.
fn extents(tensor: &str, model: &Model) -> Option<Vec<Extent>> {
    if let Some(tensor) = model.tensor(tensor) {
        return Some(tensor.extents.clone());
    }
    let (of, wrt) = super::names::derivative_parts(tensor)?;
    Some([extents(of, model)?, extents(wrt, model)?].concat())
}

/// Whether all reads in a term stay inside their tensors, whatever is asked around them.
pub fn reads_inside(term: &Term, model: &Model) -> bool {
    let here = match term.node() {
        Node::Read { tensor, subscripts } => entry_is_inside(tensor, subscripts, model),
        _ => true,
    };
    match (here, term.under()) {
        (false, _) => false,
        (true, Some(under)) => reads_inside(under.body, model),
        (true, None) => !term.any_child(&mut |child| !reads_inside(child, model)),
    }
}

fn entry_is_inside(tensor: &str, subscripts: &[Term], model: &Model) -> bool {
    let Some(extents) = extents(tensor, model) else { return false };
    extents.len() == subscripts.len()
        && subscripts.iter().zip(&extents).all(|(subscript, extent)| stays_below(subscript, extent, model))
}

/// Whether a term has a value that is finite wherever what it reads is, and reads nothing outside
/// its tensor, whatever the values of its indices.
pub fn is_safe(term: &Term, model: &Model) -> bool {
    has_value(term, model, true)
}

/// Whether a term is finite wherever what it reads is; that its reads lie inside is left to others.
pub fn is_finite(term: &Term, model: &Model) -> bool {
    has_value(term, model, false)
}

fn has_value(term: &Term, model: &Model, inside: bool) -> bool {
    let safe = |part: &Term| has_value(part, model, inside);
    match term.node() {
        Node::Number(number) => number.value().is_finite(),
        Node::Affine(_) => true,
        // What stands in a subscript is read too.
        Node::Read { .. } => !inside || reads_inside(term, model),
        Node::Add(parts) | Node::Mul(parts) | Node::Logic(_, parts) => parts.iter().all(safe),
        Node::Compare(_, a, b) => safe(a) && safe(b),
        Node::Where(a, b, c) => safe(a) && safe(b) && safe(c),
        Node::Pow(base, exponent) => {
            let Some(number) = exponent.as_number() else { return false };
            let whole = number.as_integer().is_some_and(|power| power >= 0);
            safe(base) && (whole || is_positive(base, model) || (is_count_of_ties(base) && number == Number::MINUS_ONE))
        }
        Node::Call(function, parts) => {
            let finite = match function {
                Function::Log | Function::Exp | Function::Sinh | Function::Cosh | Function::Tan => false,
                Function::Asin | Function::Acos => false,
                Function::Sqrt => is_not_negative(&parts[0], model),
                Function::Mod => parts[1].as_number().is_some_and(|divisor| !divisor.is_zero()),
                _ => true,
            };
            finite && parts.iter().all(safe)
        }
        Node::Reduce { reduction, binders, .. } => {
            let empty = binders.iter().any(|binder| binder.extent == 0);
            let needs_one = !matches!(reduction, Reduction::Sum | Reduction::Prod);
            !(empty && needs_one) && term.children().iter().all(safe)
        }
        Node::Jacobian { .. } | Node::Derivative { .. } => false,
    }
}

/// How many entries attain an extreme: `sum[k] [u[k] = m]`, at least one, unless there is a NaN, which
/// then must not be lost.
fn is_count_of_ties(term: &Term) -> bool {
    let Some(opened) = term.under() else { return false };
    let extreme = |side: &Term| {
        matches!(side.node(), Node::Reduce { reduction: Reduction::Max | Reduction::Min, .. } | Node::Read { .. })
    };
    opened.reduction == Reduction::Sum
        && matches!(opened.body.node(), Node::Compare(Comparison::Equal, a, b) if extreme(a) || extreme(b))
}

/// How many names are looked through to tell a sign: definitions are short chains.
const DEEPEST: usize = 8;

/// Whether a term is above 0 by its form: a positive number, an exponential, and sums of what is not
/// negative with one of those. Definitions are looked through.
pub fn is_positive(term: &Term, model: &Model) -> bool {
    Sign { model, depth: DEEPEST }.is_positive(term)
}

/// Whether a term is 0 or above by its form.
pub fn is_not_negative(term: &Term, model: &Model) -> bool {
    Sign { model, depth: DEEPEST }.is_not_negative(term)
}

/// Whether a term could be minus infinity where what the model is given is finite: by its form, as where
/// a mask says so. Poles are left out.
pub fn is_maybe_minus_infinity(term: &Term, model: &Model) -> bool {
    Sign { model, depth: DEEPEST }.is_maybe_infinite(term)
}

/// Whether a term could divide by 0, or have a logarithm of what is not positive, by its form. Definitions
/// are looked through.
pub fn may_have_pole(term: &Term, model: &Model) -> bool {
    Sign { model, depth: DEEPEST }.may_have_pole(term)
}

#[derive(Clone, Copy)]
struct Sign<'a> {
    model: &'a Model,
    depth: usize,
}

impl Sign<'_> {
    /// Whether the right side, or the value, of a tensor is so, where the model has it.
    fn of_tensor(self, name: &str, f: &dyn Fn(Self, &Term) -> bool) -> bool {
        let deeper = Sign { depth: self.depth.saturating_sub(1), ..self };
        match self.model.tensor(name).map(|tensor| &tensor.role) {
            _ if self.depth == 0 => false,
            Some(Role::Defined(definition)) => f(deeper, &definition.body),
            Some(Role::Const(Some(number))) => f(deeper, &Term::number(*number)),
            _ => false,
        }
    }

    fn is_positive(self, term: &Term) -> bool {
        let all = |parts: &[Term]| parts.iter().all(|part| self.is_positive(part));
        match term.node() {
            Node::Number(number) => number.value() > 0.0,
            Node::Read { tensor, .. } => self.of_tensor(tensor, &Self::is_positive),
            Node::Call(Function::Exp | Function::Cosh | Function::Sigmoid | Function::Softplus, _) => true,
            Node::Call(Function::Sqrt, parts) => all(parts),
            Node::Call(Function::Max, parts) => parts.iter().any(|part| self.is_positive(part)),
            Node::Add(parts) => {
                parts.iter().all(|part| self.is_not_negative(part)) && parts.iter().any(|part| self.is_positive(part))
            }
            Node::Mul(parts) => all(parts),
            Node::Pow(base, _) => self.is_positive(base),
            Node::Reduce { reduction: Reduction::Sum | Reduction::Prod | Reduction::Max | Reduction::Min, .. } => {
                all(&term.children())
            }
            Node::Where(_, then, otherwise) => self.is_positive(then) && self.is_positive(otherwise),
            _ => false,
        }
    }

    fn is_not_negative(self, term: &Term) -> bool {
        let all = |parts: &[Term]| parts.iter().all(|part| self.is_not_negative(part));
        match term.node() {
            Node::Number(number) => !number.is_negative(),
            Node::Read { tensor, .. } => self.of_tensor(tensor, &Self::is_not_negative),
            Node::Compare(..) | Node::Logic(..) => true,
            Node::Affine(affine) => affine.bounds().is_some_and(|(least, _)| least >= 0),
            Node::Call(Function::Sqrt | Function::Abs | Function::Relu, _) => true,
            Node::Call(Function::Max, parts) => parts.iter().any(|part| self.is_not_negative(part)),
            Node::Add(parts) | Node::Mul(parts) => all(parts),
            Node::Pow(base, exponent) => {
                let even = exponent.as_number().and_then(Number::as_integer).is_some_and(|power| power % 2 == 0);
                even || self.is_not_negative(base)
            }
            Node::Reduce { reduction: Reduction::ArgMax | Reduction::ArgMin, .. } => true,
            Node::Reduce { reduction: Reduction::LogSumExp, .. } => false,
            Node::Reduce { .. } => all(&term.children()),
            Node::Where(_, then, otherwise) => self.is_not_negative(then) && self.is_not_negative(otherwise),
            _ => self.is_positive(term),
        }
    }

    fn may_have_pole(self, term: &Term) -> bool {
        let here = match term.node() {
            Node::Read { tensor, .. } => return self.of_tensor(tensor, &Self::may_have_pole),
            Node::Pow(base, exponent) => {
                let divides = exponent.as_number().is_none_or(Number::is_negative);
                divides && !self.is_positive(base) && !is_count_of_ties(base)
            }
            Node::Call(Function::Log, parts) => !self.is_positive(&parts[0]),
            _ => false,
        };
        here || term.any_child(&mut |part| self.may_have_pole(part))
    }

    fn is_maybe_infinite(self, term: &Term) -> bool {
        let any = |parts: &[Term]| parts.iter().any(|part| self.is_maybe_infinite(part));
        match term.node() {
            Node::Number(number) => number.value().is_infinite(),
            Node::Read { tensor, .. } => self.of_tensor(tensor, &Self::is_maybe_infinite),
            Node::Call(Function::Log, parts) => !self.is_positive(&parts[0]),
            Node::Call(function, parts) => {
                let bounded = matches!(function, Function::Exp | Function::Sigmoid | Function::Tanh | Function::Erf);
                !bounded && any(parts)
            }
            Node::Add(parts) | Node::Mul(parts) => any(parts),
            Node::Where(_, then, otherwise) => self.is_maybe_infinite(then) || self.is_maybe_infinite(otherwise),
            Node::Reduce { reduction: Reduction::ArgMax | Reduction::ArgMin, .. } => false,
            Node::Reduce { .. } => any(&term.children()),
            _ => false,
        }
    }
}
