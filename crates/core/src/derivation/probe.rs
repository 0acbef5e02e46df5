//! Derivatives of tensors with axes, held to finite differences: one entry at a time is made a scalar.

use super::adjoint::{Backward, Gradient};
use super::check::{CheckError, Verification};
use crate::meaning::{Point, evaluate, finite_difference};
use crate::model::{Definition, Model, Role, Tensor};
use crate::term::{Index, Name, Term};

/// How many entries of a derivative are looked at.
const ENTRIES: usize = 4;
/// Derivatives may differ from finite differences by this much of their size, beside what those say of their
/// own error.
const TOLERANCE: f64 = 1e-6;
/// A tensor of the model with more entries than this in all makes finite differences too slow.
const LARGEST: usize = 20_000;
/// The name of the scalar. No tensor of a model has such a name.
const PROBE: &str = "one entry";

/// Holds derivatives of what is no scalar to finite differences of single entries, and notes how far they
/// are apart; of a large model not.
///
/// # Errors
/// The first entry that differs, or what could not be evaluated.
pub fn verify_entries(backward: &Backward, points: &[Point], found: &mut Verification) -> Result<(), CheckError> {
    let rank = backward.model.tensor(&backward.of).map_or(0, |of| of.shape.len());
    let size: usize = backward.model.tensors.iter().map(Tensor::len).sum();
    if rank == 0 || size > LARGEST {
        return Ok(());
    }
    for gradient in &backward.gradients {
        for point in points {
            entries(&backward.model, gradient, rank, point, found)?;
        }
    }
    Ok(())
}

fn entries(
    model: &Model,
    gradient: &Gradient,
    rank: usize,
    point: &Point,
    found: &mut Verification,
) -> Result<(), CheckError> {
    let mut point = point.clone();
    let all: Vec<Name> = model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
    crate::meaning::complete(model, &mut point, &all)?;
    let total: usize = gradient.indices.iter().map(|index| index.extent).product();
    for number in 0..total.min(ENTRIES) {
        // A stride that is no multiple of the extents meets the diagonal and other rows.
        let flat = (number * total / ENTRIES.min(total) + number * number) % total;
        let at = unravel(flat, &gradient.indices);
        let (of_at, wrt_at) = at.split_at(rank);
        let probed = with_probe(model, &gradient.of, of_at);
        let entry = wrt_at.iter().fold(0, |flat, (index, value)| flat * index.extent + value);
        let derived = evaluate(model, &point, gradient.derivation.end(), &at)?;
        let by = finite_difference(&probed, &point, &PROBE.into(), &gradient.wrt, entry, 1e-3)?;
        let size = derived.abs().max(by.value.abs()).max(1e-3);
        let (error, own) = ((by.value - derived).abs() / size, by.error / size);
        // Across a kink finite differences say themselves that they are useless.
        if !own.is_finite() || own > TOLERANCE {
            continue;
        }
        found.max_difference_error = found.max_difference_error.max(error);
        if error > TOLERANCE + 10.0 * own {
            let (of, wrt) = (gradient.of.clone(), gradient.wrt.clone());
            return Err(CheckError::Difference { of, wrt, entry, expected: by.value, found: derived });
        }
    }
    Ok(())
}

fn unravel(mut flat: usize, indices: &[Index]) -> Vec<(Index, usize)> {
    let mut at: Vec<(Index, usize)> = indices.iter().map(|index| (index.clone(), 0)).collect();
    for (index, value) in at.iter_mut().rev() {
        *value = flat % index.extent;
        flat /= index.extent;
    }
    at
}

/// The model with one entry of a tensor as a scalar.
fn with_probe(model: &Model, of: &Name, at: &[(Index, usize)]) -> Model {
    let subscripts = at.iter().map(|(_, value)| Term::integer(*value as i64)).collect();
    let role = Role::Defined(Definition { indices: Vec::new(), body: Term::read(of, subscripts) });
    let own = model.tensor(of);
    let (per_example, span) = own.map_or((true, Default::default()), |own| (own.per_example, own.span));
    model.extended([Tensor { name: PROBE.into(), shape: Vec::new(), role, per_example, span }])
}
