//! Derivatives of tensors with axes, held to finite differences one entry at a time: through the whole model, and
//! local Jacobians through one equation.

use super::adjoint::{Backward, Gradient, LocalJacobian};
use super::check::{CheckError, Verification, sample};
use super::differences::{At, CLOSE, DIFFERENCES, DUAL, Said, TOLERANCE, compare, is_dual, other_than_dual};
use crate::meaning::{
    MeaningError, Point, difference_quotient, evaluate, evaluate_entries, evaluate_moved, finite_difference,
};
use crate::model::{Definition, Model, Role, Tensor};
use crate::term::{Index, Name, Term};

/// How many entries of a derivative are looked at.
const ENTRIES: usize = 4;
/// A tensor of the model with more entries than this in all makes finite differences too slow.
const LARGEST: usize = 20_000;
/// The work for all local Jacobians, in bodies of reductions: about half a second.
const MOST_LOCAL_WORK: usize = 5_000_000;
/// The name of the scalar. No tensor of a model has such a name.
const PROBE: &str = "one entry";

/// Holds derivatives of what is no scalar to finite differences of single entries, and notes how far they
/// are apart; of a large model not.
///
/// # Errors
/// The first entry that differs, or what could not be evaluated.
pub(super) fn verify_entries(
    backward: &Backward,
    points: &[Point],
    found: &mut Verification,
) -> Result<(), CheckError> {
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
    let total: usize = gradient.indices.iter().map(|index| index.extent.value()).product();
    for number in 0..total.min(ENTRIES) {
        // A stride that is no multiple of the extents meets the diagonal and other rows.
        let flat = (number * total / ENTRIES.min(total) + number * number) % total;
        let at = unravel(flat, &gradient.indices);
        let (of_at, wrt_at) = at.split_at(rank);
        let probed = with_probe(model, &gradient.of, of_at);
        let entry = wrt_at.iter().fold(0, |flat, (index, value)| flat * index.extent.value() + value);
        let derived = evaluate(model, &point, gradient.derivation.end(), &at)?;
        let by = finite_difference(&probed, &point, &PROBE.into(), &gradient.wrt, entry, 1e-3)?;
        let size = derived.abs().max(by.value.abs()).max(1e-3);
        if compare(by, derived, size, CLOSE, found) == Said::Agrees {
            continue;
        }
        found.by_dual_numbers += 1;
        let at: Vec<usize> = at.iter().map(|(_, value)| *value).collect();
        if let Some(dual) = other_than_dual(At { model, point: &point }, gradient, &at, derived, size) {
            let (of, wrt) = (gradient.of.clone(), gradient.wrt.clone());
            return Err(CheckError::Difference { of, wrt, entry, by: DUAL, expected: dual, found: derived });
        }
    }
    Ok(())
}

/// Holds local Jacobians to finite differences: the equation of the tensor is evaluated with one entry of what it
/// reads moved, and everything else as it is at the point. Once the work for all of them is done no further one is
/// looked at.
///
/// # Errors
/// The first entry that differs, or what could not be evaluated.
pub(super) fn verify_local(backward: &Backward, point: &Point, found: &mut Verification) -> Result<(), CheckError> {
    let mut moved = point.clone();
    let mut work = 0usize;
    for local in &backward.jacobians {
        let extents: Vec<usize> = local.indices.iter().map(|index| index.extent.value()).collect();
        for at in sample(&extents, ENTRIES) {
            if work > MOST_LOCAL_WORK {
                return Ok(());
            }
            work = work.saturating_add(local_entry(&backward.model, local, &at, point, &mut moved, found)?);
        }
    }
    Ok(())
}

/// Looks at one entry, at a point of which `moved` is a copy, and gives the work.
fn local_entry(
    model: &Model,
    local: &LocalJacobian,
    at: &[usize],
    point: &Point,
    moved: &mut Point,
    found: &mut Verification,
) -> Result<usize, CheckError> {
    let LocalJacobian { tensor, wrt, indices, derivation } = local;
    let (Some(definition), Some(kept)) = (model.definition(tensor), point.get(wrt)) else { return Ok(0) };
    let (of_at, wrt_at) = at.split_at(definition.indices.len());
    let entry = wrt_at.iter().zip(&kept.shape).fold(0, |flat, (value, extent)| flat * extent + value);
    let (x, mut work) = (kept.values[entry], 0usize);
    let mut value = |by: f64| -> Result<f64, MeaningError> {
        if let Some(array) = moved.get_mut(wrt) {
            array.values[entry] = x + by;
        }
        let body = (&definition.body, definition.indices.as_slice());
        let (values, own) = evaluate_moved(model, moved, Some(point), body, &[of_at.to_vec()], usize::MAX)?;
        work = work.saturating_add(own + 1);
        Ok(values[0])
    };
    let by = difference_quotient(&mut value, 1e-3 * x.abs().max(1.0))?;
    if let Some(array) = moved.get_mut(wrt) {
        array.values[entry] = x;
    }
    let (derived, own) = evaluate_entries(model, point, derivation.end(), indices, &[at.to_vec()], usize::MAX)?;
    work = work.saturating_add(own);
    let size = derived[0].abs().max(by.value.abs()).max(1e-3);
    if compare(by, derived[0], size, TOLERANCE, found) != Said::Differs {
        return Ok(work);
    }
    // The question itself, which the interpreter answers by dual numbers: a kink lies between.
    let (dual, own) = evaluate_entries(model, point, &derivation.start, indices, &[at.to_vec()], usize::MAX)?;
    found.by_dual_numbers += 1;
    if is_dual(dual[0], derived[0], size) {
        return Ok(work.saturating_add(own));
    }
    let (of, wrt) = (tensor.clone(), wrt.clone());
    Err(CheckError::Difference { of, wrt, entry, by: DIFFERENCES, expected: by.value, found: derived[0] })
}

fn unravel(mut flat: usize, indices: &[Index]) -> Vec<(Index, usize)> {
    let mut at: Vec<(Index, usize)> = indices.iter().map(|index| (index.clone(), 0)).collect();
    for (index, value) in at.iter_mut().rev() {
        *value = flat % index.extent.value();
        flat /= index.extent.value();
    }
    at
}

/// The model with one entry of a tensor as a scalar.
fn with_probe(model: &Model, of: &Name, at: &[(Index, usize)]) -> Model {
    let subscripts = at.iter().map(|(_, value)| Term::integer(*value as i64)).collect();
    let role = Role::Defined(Definition { indices: Vec::new(), body: Term::read(of, subscripts) });
    let own = model.tensor(of);
    let (per_example, span) = own.map_or((true, Default::default()), |own| (own.per_example, own.span));
    model.extended([Tensor::new(PROBE, Vec::new(), role, per_example, span)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derivation::{Step, derive, random_point};
    use crate::text::Source;

    const MODEL: &str = "input x[3]\ninput y[2]\nparam W[2,3] ~ he\nz[i] = W[i,j] x[j]\na[i] = tanh(z[i])\n\
                         loss = sum[i] (a[i] - y[i])^2\n";

    fn derived(of: &str) -> (Backward, Point) {
        let source = Source::new("model.dr", MODEL);
        let model = crate::model::build(&source, &crate::syntax::parse(&source).unwrap()).unwrap();
        let backward = derive(&model, of, &["W".into()]).unwrap();
        let mut state = 7u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        let mut point = random_point(&backward.model, &mut uniform);
        let all: Vec<Name> = backward.model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
        crate::meaning::complete(&backward.model, &mut point, &all).unwrap();
        (backward, point)
    }

    fn twice(step: &Step) -> Step {
        Step { rule: step.rule, after: Term::mul(vec![Term::integer(2), step.after.clone()]) }
    }

    /// By finite differences alone: neither the replay nor dual numbers are asked.
    #[test]
    fn wrong_local_jacobians_are_seen() {
        let (mut backward, point) = derived("loss");
        let mut found = Verification::default();
        verify_local(&backward, &point, &mut found).unwrap();
        assert!(found.max_difference_error > 0.0 && backward.jacobians.len() == 3, "{found:?}");
        for number in 0..backward.jacobians.len() {
            let steps = &mut backward.jacobians[number].derivation.steps;
            let last = steps.pop().expect("a step");
            steps.push(twice(&last));
            let error = verify_local(&backward, &point, &mut Verification::default());
            assert!(matches!(error, Err(CheckError::Difference { .. })), "{error:?}");
            *backward.jacobians[number].derivation.steps.last_mut().unwrap() = last;
        }
    }

    #[test]
    fn wrong_derivatives_of_what_is_no_scalar_are_seen() {
        let (mut backward, point) = derived("a");
        verify_entries(&backward, std::slice::from_ref(&point), &mut Verification::default()).unwrap();
        let steps = &mut backward.gradients.last_mut().unwrap().derivation.steps;
        let last = steps.pop().expect("a step");
        steps.push(twice(&last));
        let error = verify_entries(&backward, &[point], &mut Verification::default());
        assert!(matches!(error, Err(CheckError::Difference { .. })), "{error:?}");
    }
}
