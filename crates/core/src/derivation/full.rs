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

impl Backward {
    /// Goes on, for readers, from what is shown of every gradient until no other derivative is in it.
    pub fn put_in_full(&mut self) {
        let full: Vec<Option<Derivation>> = self.gradients.iter().map(|gradient| in_full(self, gradient)).collect();
        self.gradients.iter_mut().zip(full).for_each(|(gradient, full)| gradient.in_full = full);
    }
}

/// The derivatives that are put in by their right sides: those that were derived, and those that equations of
/// the model read.
pub(super) fn all_put_in(model: &Model) -> Vec<Name> {
    let names = model.tensors.iter().map(|tensor| tensor.name.clone());
    names.filter(|name| is_put_in(model, name)).collect()
}

/// Whether a derivative is put in by its right side: recurrences are left.
fn is_put_in(model: &Model, name: &Name) -> bool {
    derivative_parts(name).is_some() && !model.tensors.is_recurrent(name)
}

/// Goes on from what is shown of a gradient until every other derivative in it is put in by its right side,
/// those that are recurrences left out; `None` where that is very long.
fn in_full(backward: &Backward, gradient: &Gradient) -> Option<Derivation> {
    let (model, jacobians) = (&backward.model, BTreeMap::new());
    size_in_full(model, gradient.shown.end(), LONGEST)?;
    let mut derivation = Derivation::new(gradient.shown.end().clone());
    loop {
        let direct: Vec<Name> = derivation.end().tensors().into_iter().filter(|name| is_put_in(model, name)).collect();
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
        if is_put_in(model, &name) {
            let body = &model.definition(&name)?.body;
            size += size_in_full(model, body, most.checked_sub(size)?)?;
        }
    }
    (size <= most).then_some(size)
}
