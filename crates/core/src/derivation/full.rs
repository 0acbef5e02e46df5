//! Results from tensors of the model alone.

use super::adjoint::{Backward, Gradient, known_definitions};
use super::rewrite::{Context, Derivation, Rule};
use super::rules::{READ, TIDY, names};
use crate::term::Name;
use std::collections::BTreeMap;

/// A result with more parts than this is not read by anybody.
const LONGEST: usize = 400;

/// Goes on from what is shown of a gradient until every other derivative in it is put in by its right side,
/// those that are recurrences left out; `None` where that is very long.
pub fn in_full(backward: &Backward, gradient: &Gradient) -> Option<Derivation> {
    let recurrent = backward.model.recurrent();
    let names: Vec<Name> = backward.gradients.iter().map(|gradient| gradient.name.clone()).collect();
    let direct: Vec<Name> = names.into_iter().filter(|name| !recurrent.contains(name)).collect();
    let known = known_definitions(&backward.gradients, &direct);
    let jacobians = BTreeMap::new();
    let context = Context { model: &backward.model, jacobians: &jacobians, known: &known };
    let mut derivation = Derivation::new(gradient.shown.end().clone());
    while derivation.apply(&names::KNOWN_DERIVATIVE, &context) {
        if derivation.end().size() > LONGEST {
            return None;
        }
    }
    let rules: Vec<&'static Rule> = TIDY.iter().chain(READ).copied().collect();
    derivation.exhaust(&rules, &context);
    Some(derivation)
}
