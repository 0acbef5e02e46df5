//! The verbs.

pub mod bench;
pub mod check;
pub mod derive;
mod derive_json;
pub mod eval;
pub mod train;

use crate::failure::Failure;
use deltarule_core::derivation::{self, Backward, Verification, random_point, verify};
use deltarule_core::meaning::Point;
use deltarule_core::model::Model;
use deltarule_core::term::Name;
use deltarule_run::seeds::Stream;

/// At how many points every line of a derivation is evaluated.
const POINTS: usize = 3;

/// The derivatives of `of` by the tensors, with all that is shown of them.
fn derive_by(model: &Model, of: &str, wrt: &[Name]) -> Result<Backward, Failure> {
    let mut backward = derivation::derive(model, of, wrt).map_err(Failure::message)?;
    backward.put_in_full();
    Ok(backward)
}

/// The model with the derivatives of `of` by the tensors as further tensors, for running.
fn with_gradients(model: &Model, of: &str, wrt: &[Name]) -> Result<Model, Failure> {
    derivation::with_gradients(model, of, wrt).map_err(Failure::message)
}

/// The parameters: what a model is differentiated by unless something else is asked for.
fn parameters(model: &Model) -> Vec<Name> {
    model.parameters().map(|tensor| tensor.name.clone()).collect()
}

/// Evaluates every line of a derivation at random points, which it gives back too.
fn verified(backward: &Backward, seed: u64) -> Result<(Verification, Vec<Point>), Failure> {
    let mut stream = Stream::new(seed, "check", &backward.of);
    let mut uniform = || 2.0 * stream.uniform() - 1.0;
    let points: Vec<Point> = (0..POINTS).map(|_| random_point(&backward.model, &mut uniform)).collect();
    let verification = verify(backward, &points).map_err(|error| Failure::Check(format!("error: {error}\n")))?;
    Ok((verification, points))
}

/// The tensors that are defined by equations.
fn defined(model: &Model) -> impl Iterator<Item = &Name> {
    model.tensors.iter().map(|tensor| &tensor.name).filter(|name| model.definition(name).is_some())
}
