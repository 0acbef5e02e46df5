//! Differentiation as rewriting: every mathematical change is a recorded step with a named rule.
//!
//! [`derive()`] goes backwards through the definitions of a model and gives one derivative per tensor:
//! the chain rule over the tensors that use it, with local Jacobians derived on their own. The
//! results are definitions again, so that the gradient is a model like any other.

mod adjoint;
mod check;
mod exact;
mod forward;
mod full;
mod nested;
mod probe;
mod residue;
mod rewrite;
pub mod rules;
mod steps;

pub use adjoint::{Backward, DeriveError, Gradient, LocalJacobian, ReplayError, derive, with_gradients};
pub use check::{CheckError, Verification, evaluation_work, random_point, verify};
pub use exact::{Exact, Expansion, Verdict};
pub use nested::{with_derivative, with_derivatives};
pub use rewrite::{Context, Derivation, Place, Rule, Step, everywhere};
pub use rules::names::{derivative_name, derivative_parts};
pub use steps::magnitude;

use crate::model::{Definition, Model, Role, Tensor};
use crate::term::{Index, Name};
use std::collections::BTreeMap;

/// How the definition of a tensor got a form that neither overflows nor loses digits.
#[derive(Debug, Clone)]
pub struct Stabilised {
    /// The tensor.
    pub tensor: Name,
    /// The indices of its definition.
    pub indices: Vec<Index>,
    /// From the right side as it was written to the one that is used.
    pub derivation: Derivation,
}

/// The model with every definition in a form that neither overflows nor loses digits.
pub fn stabilised(model: &Model) -> Model {
    rewritten(model, rules::STABLE).0
}

/// The model as it is best computed: also the logarithm of a named probability is not computed
/// from the probability. Derivatives in the model are left as they were derived.
pub fn for_running(model: &Model) -> Model {
    let mut rules: Vec<&'static Rule> = vec![&rules::stable::LOG_OF_NAMED];
    rules.extend(rules::STABLE);
    rewritten(model, &rules).0
}

/// The model with the rules applied to every definition, and the definitions that changed.
fn rewritten(model: &Model, rules: &[&'static Rule]) -> (Model, Vec<Stabilised>) {
    let (jacobians, known) = (BTreeMap::new(), BTreeMap::new());
    let context = Context { model, jacobians: &jacobians, known: &known };
    let mut changed = Vec::new();
    let mut rewrite = |tensor: &Tensor| {
        let Role::Defined(definition) = &tensor.role else { return tensor.clone() };
        if derivative_parts(&tensor.name).is_some() {
            return tensor.clone();
        }
        let mut derivation = Derivation::new(definition.body.clone());
        derivation.exhaust(rules, &context);
        let (indices, body) = (definition.indices.clone(), derivation.end().clone());
        if !derivation.steps.is_empty() {
            changed.push(Stabilised { tensor: tensor.name.clone(), indices: indices.clone(), derivation });
        }
        Tensor { role: Role::Defined(Definition { indices, body }), ..tensor.clone() }
    };
    let model = Model { tensors: model.tensors.iter().map(&mut rewrite).collect(), ..model.clone() };
    (model, changed)
}
