//! Differentiation as rewriting: every mathematical change is a recorded step with a named rule.
//!
//! [`derive()`] goes backwards through the definitions of a model and gives one derivative per tensor:
//! the chain rule over the tensors that use it, with local Jacobians derived on their own. The
//! results are definitions again, so that the gradient is a model like any other.

mod adjoint;
mod check;
mod differences;
mod exact;
mod fault;
mod forward;
mod full;
mod nested;
pub mod points;
mod probe;
mod rewrite;
mod rows;
pub mod rules;
mod steps;

pub use crate::meaning::magnitude;
pub use adjoint::{Backward, DeriveError, Gradient, LocalJacobian, ReplayError, derive, with_gradients};
pub use check::{CheckError, Verification, evaluation_work, verify, verify_at, verify_steps};
pub use exact::{Exact, Expansion, Verdict};
pub use fault::{Fault, with_fault};
pub use nested::{with_derivative, with_derivatives};
pub use points::random_point;
pub use rewrite::{Context, Derivation, Place, Rule, Step, everywhere};
pub use rows::{is_row, with_rows};
pub use rules::names::{derivative_name, derivative_parts};

use crate::model::{Definition, Initialiser, Model, Role, TargetKind, Tensor};
use crate::term::{Function, Index, Name, Term};
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
    rewritten(model, &[], rules::STABLE).0
}

/// The model as it is best computed: also the logarithm of a named probability is not computed
/// from the probability. Derivatives in the model are left as they were derived, but for such logarithms. What
/// is compared has one value ([`with_rows`]).
pub fn for_running(model: &Model) -> Model {
    let mut rules: Vec<&'static Rule> = vec![&rules::stable::LOG_OF_NAMED];
    rules.extend(rules::STABLE);
    let model = rewritten(&with_rows(model), &[], &rules).0;
    let change = |tensor: &Tensor| match derivative_parts(&tensor.name) {
        Some(_) => {
            stable_tensor(tensor, rules::STABLE_LOGARITHMS, &model).map_or_else(|| tensor.clone(), |(new, _)| new)
        }
        None => tensor.clone(),
    };
    Model { tensors: model.tensors.iter().map(change).collect(), ..model.clone() }
}

/// The model with the rules applied to every definition that is no derivative, and the definitions that changed. The
/// rules do not look through the tensors that are held.
fn rewritten(model: &Model, held: &[Name], rules: &[&'static Rule]) -> (Model, Vec<Stabilised>) {
    let seen = opaque(model, held);
    let mut changed = Vec::new();
    let mut rewrite = |tensor: &Tensor| {
        let new = if derivative_parts(&tensor.name).is_some() { None } else { stable_tensor(tensor, rules, &seen) };
        let Some((new, stable)) = new else { return tensor.clone() };
        changed.push(stable);
        new
    };
    let model = Model { tensors: model.tensors.iter().map(&mut rewrite).collect(), ..model.clone() };
    (model, changed)
}

/// A tensor with the rules applied to its definition, where they change it.
fn stable_tensor(tensor: &Tensor, rules: &[&'static Rule], model: &Model) -> Option<(Tensor, Stabilised)> {
    let (jacobians, known) = (BTreeMap::new(), BTreeMap::new());
    let context = Context { model, jacobians: &jacobians, known: &known };
    let definition = tensor.definition()?;
    let mut derivation = Derivation::new(definition.body.clone());
    derivation.exhaust(rules, &context);
    let (indices, body) = (definition.indices.clone(), derivation.end().clone());
    let stable = Stabilised { tensor: tensor.name.clone(), indices: indices.clone(), derivation };
    let new = Tensor { role: Role::Defined(Definition { indices, body }), ..tensor.clone() };
    (!stable.derivation.steps.is_empty()).then_some((new, stable))
}

/// The model as rules for stable forms see it where it is differentiated by these tensors: right sides are in a `stop`,
/// so that no rule looks through them, and what is given counts as learned.
fn opaque(model: &Model, held: &[Name]) -> Model {
    let hide = |tensor: &Tensor| {
        let role = match &tensor.role {
            role if !held.contains(&tensor.name) => role.clone(),
            Role::Defined(Definition { indices, body }) => {
                Role::Defined(Definition { indices: indices.clone(), body: Term::call(Function::Stop, body.clone()) })
            }
            Role::Input { below: None }
            | Role::Target(TargetKind::Real | TargetKind::OneHot | TargetKind::Probability)
            | Role::Const(None) => Role::Param(Initialiser::Constant(0.0)),
            role => role.clone(),
        };
        Tensor { role, ..tensor.clone() }
    };
    let is_plain = |tensor: &Tensor| !held.contains(&tensor.name) || matches!(tensor.role, Role::Param(_));
    match model.tensors.iter().all(is_plain) {
        true => model.clone(),
        false => Model { tensors: model.tensors.iter().map(hide).collect(), ..model.clone() },
    }
}
