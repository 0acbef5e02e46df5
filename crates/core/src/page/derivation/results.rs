//! Results with the right sides of other derivatives put in.

use super::cotangents::{Cotangent, Names};
use crate::derivation::rules::names::fold_part;
use crate::derivation::{Backward, Gradient, derivative_parts};
use crate::model::{Definition, Model};
use crate::term::{Name, Node, Term};

/// A result with more parts than this keeps the names of other derivatives.
const LONGEST: usize = 160;

/// A derivative with no more parts than this is shown by its right side in the short form.
const SHORT: usize = 8;

/// A matrix form with more characters than this gives way to one with the names of derivatives.
pub const SHORT_MATRIX: usize = 60;

/// The result of a gradient with all derivatives in it put in but those that have names of their own;
/// `None` where that is very long. Where that is not short, the names are also read in the result in `full`, in which
/// what went by several ways is together, and the shorter is taken.
pub fn in_names(backward: &Backward, gradient: &Gradient, names: &Names, full: Option<&Term>) -> Option<Term> {
    let by_ways = expanded(&backward.model, names, gradient.derivation.end()).map(|term| names.put(&term));
    let Some((ways, full)) = by_ways.as_ref().zip(full).filter(|(ways, _)| ways.size() > SHORT) else { return by_ways };
    let own = |term: &Term| {
        term.tensors().iter().filter(|name| names.cotangents.iter().any(|own| *own.name == ***name)).count()
    };
    let together = read_backwards(backward, gradient, names, full, &ways.tensors());
    let is_better = |term: &Term| {
        let (names, size) = (own(term), term.size());
        names > 0 && size <= 2 * ways.size() && (names, size) < (own(ways), ways.size())
    };
    Some(together).filter(is_better).or(by_ways)
}

/// A result in full with those of the names that are `read` in place of the right sides of other derivatives, also
/// of such as are only products of entries.
fn read_backwards(backward: &Backward, gradient: &Gradient, names: &Names, full: &Term, read: &[Name]) -> Term {
    let definition = |cotangent: &Cotangent| {
        let other = backward.gradients.iter().find(|other| other.name == cotangent.derivative)?;
        let body = other.in_full.as_ref()?.end().clone();
        Some((Name::from(&*cotangent.name), Definition { indices: other.indices.clone(), body }))
    };
    let is_read = |own: &&Cotangent| read.iter().any(|name| **name == *own.name);
    let others =
        names.cotangents.iter().filter(|own| !own.is_product && own.derivative != gradient.name && is_read(own));
    let definitions: Vec<(Name, Definition)> = others.filter_map(definition).collect();
    names_read(full, &definitions)
}

fn names_read(term: &Term, definitions: &[(Name, Definition)]) -> Term {
    match term.node() {
        Node::Number(_) | Node::Affine(_) | Node::Read { .. } => term.clone(),
        Node::Mul(_) => match definitions.iter().find_map(|(name, own)| fold_part(term, name, own)) {
            Some(folded) => names_read(&folded, definitions),
            None => term.map_children(&mut |child| names_read(child, definitions)),
        },
        _ => match term.open() {
            Some(opened) => Term::reduce(opened.reduction, &opened.indices, names_read(&opened.body, definitions)),
            None => term.map_children(&mut |child| names_read(child, definitions)),
        },
    }
}

/// What a name stands for, with the derivative put in that the name has factors with.
pub fn value_of(backward: &Backward, cotangent: &Cotangent, names: &Names) -> Option<Term> {
    let definition = names.model.definition(&cotangent.name)?;
    let body = put_in(&backward.model, &cotangent.derivative, &definition.body)?;
    Some(names.put(&expanded(&backward.model, names, &body)?))
}

fn put_in(model: &Model, derivative: &Name, term: &Term) -> Option<Term> {
    let factors = term.factors().iter().map(|factor| match factor.node() {
        Node::Read { tensor, subscripts } if tensor == derivative => model.definition(tensor)?.at(subscripts),
        _ => Some(factor.clone()),
    });
    factors.collect::<Option<_>>().map(Term::mul)
}

/// Derivatives that have names and recurrences stand by their names.
fn expanded(model: &Model, names: &Names, term: &Term) -> Option<Term> {
    let term = names.products_put(term);
    let result = match term.node() {
        Node::Read { tensor, subscripts }
            if is_derivative(tensor) && !names.has(tensor) && !model.tensors.is_recurrent(tensor) =>
        {
            expanded(model, names, &model.definition(tensor)?.at(subscripts)?)?
        }
        Node::Number(_) | Node::Affine(_) | Node::Read { .. } => term.clone(),
        _ => {
            let children = term.children().iter().map(|child| expanded(model, names, child)).collect::<Option<_>>()?;
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
