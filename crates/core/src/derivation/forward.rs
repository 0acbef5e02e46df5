//! Forward mode: the derivatives by one tensor of all that lies between it and another.
//!
//! It is for derivatives that equations read. A second derivative by the same tensor goes on from the first ones
//! under their names, so that the n-th needs n derivatives of every tensor; by reverse mode, where every adjoint
//! has an adjoint of its own, it would need 2^n.

use super::adjoint::{Backward, DeriveError, Gradient, Work, as_tensor, stably};
use super::rewrite::{Context, Derivation, Rule};
use super::rules::names;
use super::rules::safe::{is_finite, may_have_pole};
use super::{derivative_name, rewritten, with_rows};
use crate::model::{Model, Tensor};
use crate::term::{Name, Term};
use std::collections::BTreeMap;

/// Forward mode is taken where the variable has at most so many times as many entries as what is differentiated:
/// a few passes forward cost little more than the one backward, and further derivatives cost much less.
const FEW: usize = 4;

/// Whether a derivative is derived by forward mode: its variable is small, and nothing that a mask makes 0 can meet a
/// pole on the way (backwards, a condition keeps that apart).
pub(super) fn is_better_forward(model: &Model, of: &str, wrt: &str) -> bool {
    let entries = |name: &str| model.tensor(name).map_or(1, Tensor::len);
    if entries(wrt) > FEW.saturating_mul(entries(of)) || model.tensors.is_recurrent(wrt) {
        return false;
    }
    let is_tame = |name: &Name| {
        let body = model.definition(name).map(|definition| &definition.body);
        body.is_none_or(|body| is_finite(body, model) && !may_have_pole(body, model))
    };
    !model.tensors.is_masked(of, wrt) || model.tensors.between(of, wrt).iter().all(is_tame)
}

/// The derivatives by `wrt` of `of` and of all tensors between them, each from those of the tensors that its
/// equation reads. What the model has already is not derived again.
///
/// # Errors
/// Where no rule answers a derivative.
pub(super) fn derive_forward(model: &Model, of: &str, wrt: &str) -> Result<Backward, DeriveError> {
    let wrt = [Name::from(wrt)];
    let model = with_rows(model);
    stably(of, &wrt, &mut |stable| derived_from(&model, of, &wrt, stable))
}

fn derived_from(model: &Model, of: &str, held: &[Name], stable: &[&'static Rule]) -> Result<Backward, DeriveError> {
    let source = model.clone();
    let (model, stabilised) = rewritten(model, held, stable);
    let mut work = Work::new(&model, of);
    let (held, wrt) = (held.to_vec(), held[0].clone());
    for tensor in model.tensors.between(of, &wrt) {
        if tensor != wrt && model.tensor(&derivative_name(&tensor, &wrt)).is_none() {
            work.derive_forward_by(&tensor, &wrt)?;
        }
    }
    let Work { gradients, jacobians, .. } = work;
    let derived: Vec<Tensor> = gradients.iter().map(|gradient| as_tensor(&model, gradient)).collect();
    Ok(Backward { source, held, stabilised, model: model.extended(derived), of: of.into(), gradients, jacobians })
}

impl Work<'_> {
    /// The derivative of one tensor, by those of the tensors that it reads.
    fn derive_forward_by(&mut self, of: &Name, wrt: &Name) -> Result<(), DeriveError> {
        let producers = self.model.tensors.producers(of, wrt);
        for producer in &producers {
            self.local_jacobian(of, producer)?;
        }
        let indices = self.entry(of, wrt);
        let name = derivative_name(of, wrt);
        let first = self.forward_chain_rule(&Term::read_at(&name, &indices));
        let known = producers.iter().filter(|producer| *producer != wrt && !self.model.tensors.is_recurrent(producer));
        let (derivation, put_in) = self.best_chain(&first, known.map(|producer| derivative_name(producer, wrt)));
        let shown = Derivation::new(derivation.end().clone());
        self.add(Gradient {
            of: of.clone(),
            wrt: wrt.clone(),
            name,
            indices,
            derivation,
            put_in,
            shown,
            shown_put_in: Vec::new(),
            in_full: None,
        });
        Ok(())
    }

    fn forward_chain_rule(&self, start: &Term) -> Derivation {
        let known = BTreeMap::new();
        let context = Context { model: self.model, jacobians: &self.local, known: &known };
        let mut derivation = Derivation::new(start.clone());
        derivation.apply(&names::CHAIN_RULE_FORWARD, &context);
        derivation.apply(&names::LOCAL_JACOBIANS, &context);
        derivation
    }
}
