//! Derivatives in claims that are nested deeper than dual numbers go.

use super::judge::{claimed_derivatives, defining};
use crate::derivation::derivative_parts;
use crate::meaning::DEEPEST;
use crate::model::Model;
use crate::term::Name;

/// The model with definitions of the inner derivatives of those in its claims that are nested too deep, so that dual
/// numbers go through these for the outer ones; `None` where none is needed, or a rule is missing.
pub(super) fn with_inner_derivatives(model: &Model) -> Option<Model> {
    let inner: Vec<Name> = claimed_derivatives(&model.claims).iter().filter_map(|name| inner(model, name)).collect();
    if inner.is_empty() {
        return None;
    }
    let tensors = defining(model, &inner)?.tensors;
    Some(Model { tensors, ..model.clone() })
}

/// What is left of a derivative without as many of its outer ones as dual numbers answer, if it is a derivative that
/// the model does not have.
fn inner(model: &Model, name: &Name) -> Option<Name> {
    let mut name = name.clone();
    for _ in 0..DEEPEST {
        if model.tensor(&name).is_some() {
            return None;
        }
        name = derivative_parts(&name)?.0.into();
    }
    (model.tensor(&name).is_none()).then_some(name)
}
