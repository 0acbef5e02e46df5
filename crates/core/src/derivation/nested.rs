//! Derivatives that equations of the model read.

use super::adjoint::with_gradients_again;
use super::forward::{derive_forward, is_better_forward};
use super::{DeriveError, derivative_name, derivative_parts, with_rows};
use crate::model::{Definition, Model, Role, Tensor};
use crate::term::{Extent, Index, Name, Term};

/// The model with definitions for all derivatives that its equations read, and for those on the way
/// to them, each before its first reader. They are total derivatives through all definitions, of one
/// example where the differentiated tensor is; derivatives of derivatives among them.
///
/// # Errors
/// Where a derivative is of or by a tensor that the model does not have, or no rule answers it.
pub fn with_derivatives(model: &Model) -> Result<Model, DeriveError> {
    // No further ones are found on the way, so that what is derived stands behind these tensors.
    let mut model = with_rows(model);
    loop {
        let missing = missing(&model);
        if missing.is_empty() {
            return Ok(model);
        }
        // The innermost first: those of and by tensors that are there.
        let ready = missing.iter().find(|(_, name)| {
            derivative_parts(name).is_some_and(|(of, wrt)| model.tensor(of).is_some() && model.tensor(wrt).is_some())
        });
        let Some((position, name)) = ready else {
            return Err(DeriveError::UnknownTensor(unknown(&model, &missing[0].1)));
        };
        let further = definitions(&model, name, is_better_forward)?;
        let mut tensors = model.tensors.to_vec();
        tensors.splice(*position..*position, further);
        model.tensors = tensors.into();
    }
}

/// The model with the derivative of a tensor by another, and those on the way, as further definitions: what
/// a second derivative is derived from.
///
/// # Errors
/// As [`with_derivatives`].
pub fn with_derivative(model: &Model, of: &str, wrt: &str) -> Result<Model, DeriveError> {
    let model = with_rows(model);
    let further = definitions(&model, &derivative_name(of, wrt), |_, _, _| false)?;
    Ok(model.extended(further))
}

/// The derivatives that are read but not defined, each with the position of its first reader.
fn missing(model: &Model) -> Vec<(usize, Name)> {
    let mut found: Vec<(usize, Name)> = Vec::new();
    for (position, tensor) in model.tensors.iter().enumerate() {
        let Some(definition) = model.definition(&tensor.name) else { continue };
        let read = definition.body.tensors().into_iter();
        for name in read.flat_map(|name| with_inner(&name)) {
            if model.tensor(&name).is_none() && found.iter().all(|(_, other)| *other != name) {
                found.push((position, name));
            }
        }
    }
    found
}

/// A derivative and the derivatives that it is of or by.
fn with_inner(name: &Name) -> Vec<Name> {
    let Some((of, wrt)) = derivative_parts(name) else { return Vec::new() };
    let inner = [of, wrt].into_iter().flat_map(|part| with_inner(&part.into()));
    inner.chain([name.clone()]).collect()
}

/// A tensor in the name of a derivative that the model does not have.
fn unknown(model: &Model, name: &Name) -> Name {
    let Some((of, wrt)) = derivative_parts(name) else { return name.clone() };
    let parts = [of, wrt].into_iter();
    let lacking = parts.map(Name::from).find(|part| model.tensor(part).is_none());
    lacking.map_or_else(|| name.clone(), |part| unknown(model, &part))
}

/// The definitions of a derivative and of those on the way to it that the model does not have.
fn definitions(
    model: &Model,
    name: &Name,
    goes_forward: fn(&Model, &str, &str) -> bool,
) -> Result<Vec<Tensor>, DeriveError> {
    let Some((of, wrt)) = derivative_parts(name) else { return Ok(Vec::new()) };
    let mut derived = match model.definition(of) {
        Some(_) => {
            let whole = match goes_forward(model, of, wrt) {
                true => derive_forward(model, of, wrt)?.model,
                false => with_gradients_again(model, of, &[wrt.into()])?,
            };
            whole.tensors[model.tensors.len()..].to_vec()
        }
        None => Vec::new(),
    };
    if derived.iter().all(|tensor| tensor.name != *name) {
        derived.push(constant(model, of, wrt)?);
    }
    derived.retain(|tensor| model.tensor(&tensor.name).is_none());
    let needed = needed(&derived, name);
    derived.retain(|tensor| needed.contains(&tensor.name));
    let is_per_example = |name: &str| model.tensor(name).is_some_and(|tensor| tensor.per_example);
    for tensor in &mut derived {
        let sides = derivative_parts(&tensor.name);
        tensor.per_example = sides.is_some_and(|(of, by)| is_per_example(of) || is_per_example(by));
    }
    Ok(derived)
}

/// Those of the tensors that the one of that name needs.
fn needed(tensors: &[Tensor], name: &Name) -> Vec<Name> {
    let mut needed = vec![name.clone()];
    let mut position = 0;
    while position < needed.len() {
        let tensor = tensors.iter().find(|tensor| tensor.name == needed[position]);
        if let Some(Tensor { role: Role::Defined(definition), .. }) = tensor {
            let new: Vec<Name> = definition.body.tensors().into_iter().filter(|read| !needed.contains(read)).collect();
            needed.extend(new);
        }
        position += 1;
    }
    needed
}

/// The derivative of a tensor that is given, or that does not depend on the other: by itself entry by
/// entry, by any other 0.
fn constant(model: &Model, of: &str, wrt: &str) -> Result<Tensor, DeriveError> {
    let tensor = |name: &str| model.tensor(name).ok_or_else(|| DeriveError::UnknownTensor(name.into()));
    let (first, second) = (tensor(of)?, tensor(wrt)?);
    let extents: Vec<Extent> = first.extents.iter().chain(&second.extents).cloned().collect();
    let indices: Vec<Index> = (0..).zip(&extents).map(|(id, extent)| Index::new(id, extent.clone(), "i")).collect();
    let (left, right) = indices.split_at(first.shape.len());
    let pairs = left.iter().zip(right);
    let body = match of == wrt {
        true => Term::mul(pairs.map(|(a, b)| Term::delta(Term::index(a), Term::index(b))).collect()),
        false => Term::integer(0),
    };
    let role = Role::Defined(Definition { indices, body });
    Ok(Tensor::new(&derivative_name(of, wrt), extents, role, first.per_example, first.span))
}
