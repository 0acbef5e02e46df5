//! What a rule may move out of the range of a condition.
//!
//! A product with a false condition is exactly 0 and nothing else in it is evaluated: that keeps
//! reads inside their tensors, and poles and infinities out of sums. So a factor may leave a
//! condition behind only where it has a finite value anyway.

use crate::model::{Model, Role, TargetKind};
use crate::term::{Comparison, Function, Node, Number, Reduction, Term};

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
pub fn stays_below(term: &Term, extent: usize, model: &Model) -> bool {
    match term.node() {
        Node::Read { tensor, subscripts } => {
            below(tensor, model).is_some_and(|below| below <= extent) && reads_inside(tensor, subscripts, model)
        }
        _ => term.stays_below(extent),
    }
}

/// The extents of a tensor; of a derivative those of both tensors, even before the model has it.
fn shape(tensor: &str, model: &Model) -> Option<Vec<usize>> {
    if let Some(tensor) = model.tensor(tensor) {
        return Some(tensor.shape.clone());
    }
    let (of, wrt) = super::names::derivative_parts(tensor)?;
    Some([shape(of, model)?, shape(wrt, model)?].concat())
}

fn reads_inside(tensor: &str, subscripts: &[Term], model: &Model) -> bool {
    let Some(shape) = shape(tensor, model) else { return false };
    shape.len() == subscripts.len()
        && subscripts.iter().zip(shape).all(|(subscript, extent)| stays_below(subscript, extent, model))
}

/// Whether a term has a value that is finite wherever what it reads is, and reads nothing outside
/// its tensor, whatever the values of its indices.
pub fn is_safe(term: &Term, model: &Model) -> bool {
    let safe = |part: &Term| is_safe(part, model);
    match term.node() {
        Node::Number(number) => number.value().is_finite(),
        Node::Affine(_) => true,
        Node::Read { tensor, subscripts } => reads_inside(tensor, subscripts, model),
        Node::Add(parts) | Node::Mul(parts) | Node::Logic(_, parts) => parts.iter().all(safe),
        Node::Compare(_, a, b) => safe(a) && safe(b),
        Node::Where(a, b, c) => safe(a) && safe(b) && safe(c),
        Node::Pow(base, exponent) => {
            let Some(number) = exponent.as_number() else { return false };
            let whole = number.as_integer().is_some_and(|power| power >= 0);
            safe(base) && (whole || is_positive(base) || (is_count_of_ties(base) && number == Number::MINUS_ONE))
        }
        Node::Call(function, parts) => {
            let finite = match function {
                Function::Log | Function::Exp | Function::Sinh | Function::Cosh | Function::Tan => false,
                Function::Asin | Function::Acos => false,
                Function::Sqrt => is_positive(&parts[0]),
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
    let Some(opened) = term.open() else { return false };
    let extreme = |side: &Term| {
        matches!(side.node(), Node::Reduce { reduction: Reduction::Max | Reduction::Min, .. } | Node::Read { .. })
    };
    opened.reduction == Reduction::Sum
        && matches!(opened.body.node(), Node::Compare(Comparison::Equal, a, b) if extreme(a) || extreme(b))
}

/// Whether a term is above 0 by its form: a positive number, an exponential, and sums of what is not
/// negative with one of those.
pub fn is_positive(term: &Term) -> bool {
    match term.node() {
        Node::Number(number) => number.value() > 0.0,
        Node::Call(Function::Exp | Function::Cosh | Function::Sigmoid | Function::Softplus, _) => true,
        Node::Call(Function::Sqrt, parts) => is_positive(&parts[0]),
        Node::Call(Function::Max, parts) => parts.iter().any(is_positive),
        Node::Add(parts) => parts.iter().all(is_not_negative) && parts.iter().any(is_positive),
        Node::Mul(parts) => parts.iter().all(is_positive),
        Node::Pow(base, _) => is_positive(base),
        Node::Reduce { reduction: Reduction::Sum | Reduction::Prod | Reduction::Max | Reduction::Min, .. } => {
            term.children().iter().all(is_positive)
        }
        Node::Where(_, then, otherwise) => is_positive(then) && is_positive(otherwise),
        _ => false,
    }
}

/// Whether a term is 0 or above by its form.
pub fn is_not_negative(term: &Term) -> bool {
    match term.node() {
        Node::Number(number) => !number.is_negative(),
        Node::Compare(..) | Node::Logic(..) => true,
        Node::Affine(affine) => affine.bounds().is_some_and(|(least, _)| least >= 0),
        Node::Call(Function::Sqrt | Function::Abs | Function::Relu, _) => true,
        Node::Call(Function::Max, parts) => parts.iter().any(is_not_negative),
        Node::Add(parts) | Node::Mul(parts) => parts.iter().all(is_not_negative),
        Node::Pow(base, exponent) => {
            let even = exponent.as_number().and_then(Number::as_integer).is_some_and(|power| power % 2 == 0);
            even || is_not_negative(base)
        }
        Node::Reduce { reduction, .. } if !matches!(reduction, Reduction::LogSumExp) => {
            matches!(reduction, Reduction::ArgMax | Reduction::ArgMin) || term.children().iter().all(is_not_negative)
        }
        Node::Where(_, then, otherwise) => is_not_negative(then) && is_not_negative(otherwise),
        _ => is_positive(term),
    }
}
