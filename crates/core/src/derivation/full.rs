//! Results from tensors of the model alone.

use super::adjoint::{Backward, Gradient, known_definitions};
use super::derivative_parts;
use super::rewrite::{Context, Derivation, Rule};
use super::rules::{READ, TIDY, names};
use crate::model::Model;
use crate::term::{Name, Term};
use std::collections::BTreeMap;

/// A result with more parts than this is not read by anybody.
const LONGEST: usize = 160;

/// Goes on from what is shown of a gradient until every other derivative in it is put in by its right side,
/// those that are recurrences left out; `None` where that is very long.
pub fn in_full(backward: &Backward, gradient: &Gradient) -> Option<Derivation> {
    let (model, jacobians) = (&backward.model, BTreeMap::new());
    size_in_full(model, gradient.shown.end(), LONGEST)?;
    let mut derivation = Derivation::new(gradient.shown.end().clone());
    loop {
        let is_put_in = |name: &Name| derivative_parts(name).is_some() && !model.tensors.is_recurrent(name);
        let direct: Vec<Name> = derivation.end().tensors().into_iter().filter(is_put_in).collect();
        let known = known_definitions(model, &direct);
        if !derivation.apply(&names::KNOWN_DERIVATIVE, &Context { model, jacobians: &jacobians, known: &known }) {
            break;
        }
        if derivation.end().size() > LONGEST {
            return None;
        }
    }
    let known = BTreeMap::new();
    let context = Context { model, jacobians: &jacobians, known: &known };
    let rules: Vec<&'static Rule> = TIDY.iter().chain(READ).copied().collect();
    derivation.exhaust(&rules, &context);
    Some(derivation)
}

/// How many parts a term has at least when everything is put in; `None` for more than `most`.
fn size_in_full(model: &Model, term: &Term, most: usize) -> Option<usize> {
    let mut size = term.size();
    for name in term.tensors() {
        if derivative_parts(&name).is_some() && !model.tensors.is_recurrent(&name) {
            let body = &model.definition(&name)?.body;
            size += size_in_full(model, body, most.checked_sub(size)?)?;
        }
    }
    (size <= most).then_some(size)
}
