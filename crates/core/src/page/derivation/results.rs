//! Results with the right sides of other derivatives put in.

use crate::derivation::{Backward, Gradient, derivative_parts};
use crate::model::Model;
use crate::term::{Name, Node, Term};

/// A result with more parts than this keeps the names of other derivatives.
const LONGEST: usize = 160;

/// A derivative with no more parts than this is shown by its right side in the short form.
const SHORT: usize = 8;

/// A matrix form with more characters than this gives way to one with the names of derivatives.
pub const SHORT_MATRIX: usize = 60;

/// The result of a gradient with all derivatives in it put in but those that have names of their own;
/// `None` where that is very long.
pub fn in_names(backward: &Backward, gradient: &Gradient, named: &[Name]) -> Option<Term> {
    expanded(&backward.model, named, gradient.derivation.end())
}

/// Derivatives that are kept and recurrences stand by their names.
fn expanded(model: &Model, kept: &[Name], term: &Term) -> Option<Term> {
    let result = match term.node() {
        Node::Read { tensor, subscripts }
            if is_derivative(tensor) && !kept.contains(tensor) && !model.tensors.is_recurrent(tensor) =>
        {
            expanded(model, kept, &model.definition(tensor)?.at(subscripts)?)?
        }
        Node::Number(_) | Node::Affine(_) | Node::Read { .. } => term.clone(),
        _ => {
            let children = term.children().iter().map(|child| expanded(model, kept, child)).collect::<Option<_>>()?;
            term.with_children(children)
        }
    };
    (result.size() <= LONGEST).then_some(result)
}

/// The term with those derivatives put in that take hardly more room than their names.
pub fn with_short_derivatives(model: &Model, term: &Term) -> Term {
    match term.node() {
        Node::Read { tensor, subscripts } if is_derivative(tensor) => {
            let body = model.definition(tensor).and_then(|definition| definition.at(subscripts));
            let is_short = |body: &Term| body.size() <= SHORT && !body.tensors().iter().any(|name| is_derivative(name));
            body.filter(is_short).unwrap_or_else(|| term.clone())
        }
        Node::Number(_) | Node::Affine(_) | Node::Read { .. } => term.clone(),
        _ => term.map_children(&mut |child| with_short_derivatives(model, child)),
    }
}

fn is_derivative(name: &str) -> bool {
    derivative_parts(name).is_some()
}
