//! Checks derivations by numbers: every line against the first of its chain, and every result
//! against finite differences of the whole model.

use super::adjoint::{Backward, Gradient, ReplayError};
use super::rewrite::Derivation;
use crate::meaning::{Array, MeaningError, Point, complete, evaluate, finite_difference};
use crate::model::{Model, Role, TargetKind, Tensor};
use crate::term::{Index, Name, Term};

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Verification {
    /// At how many points.
    pub points: usize,
    /// How many lines were evaluated at each of them.
    pub lines: usize,
    /// The greatest difference between two lines of a chain, relative to the size of the line.
    pub max_rel_error: f64,
    /// The greatest difference between a result and finite differences, relative to the size of
    /// the derivative; of scalars only.
    pub max_difference_error: f64,
}

/// Why a derivation does not hold.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckError {
    /// A recorded step is not what its rule gives.
    Replay(ReplayError),
    /// A line has another value than the first of its chain.
    Line {
        /// Of which tensor.
        of: Name,
        /// By which tensor.
        wrt: Name,
        /// The rule that gave the line.
        rule: &'static str,
        /// The entry, one number for each index of the line.
        entry: Vec<usize>,
        /// The value of the first line.
        expected: f64,
        /// The value of this line.
        found: f64,
    },
    /// The result differs from finite differences.
    Difference {
        /// Of which tensor.
        of: Name,
        /// By which tensor.
        wrt: Name,
        /// The entry, counted over all axes, row-major.
        entry: usize,
        /// By finite differences.
        expected: f64,
        /// The derived value.
        found: f64,
    },
    /// A line could not be evaluated.
    Meaning(MeaningError),
}

impl From<MeaningError> for CheckError {
    fn from(error: MeaningError) -> CheckError {
        CheckError::Meaning(error)
    }
}

impl std::fmt::Display for CheckError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CheckError::Replay(ReplayError { of, wrt, step }) => {
                write!(f, "step {} of the derivation of ∂{of}/∂{wrt} is not what its rule gives", step + 1)
            }
            CheckError::Line { of, wrt, rule, entry, expected, found } => write!(
                f,
                "in ∂{of}/∂{wrt} the step «{rule}» changes the value at entry {entry:?} from {expected} to {found}"
            ),
            CheckError::Difference { of, wrt, entry, expected, found } => {
                write!(f, "∂{of}/∂{wrt} at entry {entry} is derived as {found}, but finite differences give {expected}")
            }
            CheckError::Meaning(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CheckError {}

/// Lines may differ by this much of their size: far more than rounding, far less than any slip.
const LINE_TOLERANCE: f64 = 1e-8;
/// Finite differences of fourth order may be off by this much of the size of the derivative,
/// beside their own estimate of their error.
const DIFFERENCE_TOLERANCE: f64 = 1e-6;
/// How many entries of a tensor are evaluated at a point.
const ENTRIES: usize = 6;

/// A point for [`verify`]: values for all that a model is given, drawn from `uniform`, which gives
/// numbers in -1..1. Integers are in their range and targets keep their promises.
pub fn random_point(model: &Model, uniform: &mut dyn FnMut() -> f64) -> Point {
    let mut point = Point::new();
    for tensor in &model.tensors {
        let values = match &tensor.role {
            Role::Defined(_) | Role::Const(Some(_)) => continue,
            Role::Target(TargetKind::OneHot) => one_hot(tensor, uniform),
            Role::Target(TargetKind::Probability) => probabilities(tensor, uniform),
            Role::Input { below: Some(bound) } | Role::Target(TargetKind::Integer(bound)) => {
                (0..tensor.len()).map(|_| below(*bound, uniform) as f64).collect()
            }
            Role::Input { below: None } | Role::Target(TargetKind::Real) | Role::Const(None) => {
                (0..tensor.len()).map(|_| uniform()).collect()
            }
            // Sums over a row stay of order one, so that nothing saturates and every line counts.
            Role::Param(_) => {
                let row = tensor.shape.last().copied().unwrap_or(1).max(1) as f64;
                (0..tensor.len()).map(|_| uniform() * 2.0 / row.sqrt()).collect()
            }
        };
        point.insert(tensor.name.clone(), Array { shape: tensor.shape.clone(), values });
    }
    point
}

fn below(bound: usize, uniform: &mut dyn FnMut() -> f64) -> usize {
    (((uniform() + 1.0) / 2.0 * bound as f64) as usize).min(bound.saturating_sub(1))
}

fn one_hot(tensor: &Tensor, uniform: &mut dyn FnMut() -> f64) -> Vec<f64> {
    let classes = tensor.shape.last().copied().unwrap_or(1).max(1);
    let row = |hot: usize| (0..classes).map(move |class| f64::from(u8::from(class == hot)));
    (0..tensor.len() / classes).flat_map(|_| row(below(classes, uniform))).collect()
}

fn probabilities(tensor: &Tensor, uniform: &mut dyn FnMut() -> f64) -> Vec<f64> {
    let classes = tensor.shape.last().copied().unwrap_or(1).max(1);
    let mut values = Vec::with_capacity(tensor.len());
    for _ in 0..tensor.len() / classes {
        let row: Vec<f64> = (0..classes).map(|_| 1.1 + uniform()).collect();
        let total: f64 = row.iter().sum();
        values.extend(row.iter().map(|value| value / total));
    }
    values
}

/// Replays everything, then evaluates every line of every derivation at the points, and the
/// results against finite differences.
///
/// # Errors
/// The first place where something does not hold.
pub fn verify(backward: &Backward, points: &[Point]) -> Result<Verification, CheckError> {
    backward.replay().map_err(CheckError::Replay)?;
    let mut found = Verification { points: points.len(), ..Verification::default() };
    for point in points {
        let mut point = point.clone();
        let mut wanted: Vec<Name> = backward.gradients.iter().map(|gradient| gradient.name.clone()).collect();
        wanted.push(backward.of.clone());
        wanted.extend(backward.jacobians.iter().flat_map(|local| [local.tensor.clone(), local.wrt.clone()]));
        complete(&backward.model, &mut point, &wanted)?;
        let check = Check { model: &backward.model, point: &point };
        found.lines = 0;
        for local in &backward.jacobians {
            let chain = Chain { of: &local.tensor, wrt: &local.wrt, indices: &local.indices };
            check.lines(&chain, &local.derivation, &mut found)?;
        }
        for gradient in &backward.gradients {
            let chain = Chain { of: &gradient.of, wrt: &gradient.wrt, indices: &gradient.indices };
            check.lines(&chain, &gradient.derivation, &mut found)?;
            check.lines(&chain, &gradient.shown, &mut found)?;
            check.difference(gradient, &mut found)?;
        }
    }
    Ok(found)
}

struct Chain<'a> {
    of: &'a Name,
    wrt: &'a Name,
    indices: &'a [Index],
}

struct Check<'a> {
    model: &'a Model,
    point: &'a Point,
}

impl Check<'_> {
    /// Holds every line to the first.
    fn lines(&self, chain: &Chain, derivation: &Derivation, found: &mut Verification) -> Result<(), CheckError> {
        let extents: Vec<usize> = chain.indices.iter().map(|index| index.extent).collect();
        let entries = sample(&extents);
        let values = |term: &Term| -> Result<Vec<f64>, MeaningError> {
            let at = |entry: &Vec<usize>| chain.indices.iter().cloned().zip(entry.iter().copied()).collect::<Vec<_>>();
            entries.iter().map(|entry| evaluate(self.model, self.point, term, &at(entry))).collect()
        };
        let first = values(&derivation.start)?;
        found.lines += derivation.steps.len();
        let size = first.iter().filter(|value| value.is_finite()).fold(1e-3f64, |size, value| size.max(value.abs()));
        for step in &derivation.steps {
            let line = values(&step.after)?;
            for ((expected, value), entry) in first.iter().zip(&line).zip(&entries) {
                let error = (expected - value).abs() / size;
                if error > LINE_TOLERANCE || (error.is_nan() && expected.is_finite()) {
                    return Err(CheckError::Line {
                        of: chain.of.clone(),
                        wrt: chain.wrt.clone(),
                        rule: step.rule.name,
                        entry: entry.clone(),
                        expected: *expected,
                        found: *value,
                    });
                }
                found.max_rel_error = found.max_rel_error.max(error);
            }
        }
        Ok(())
    }

    /// Holds the result to finite differences of the whole model.
    fn difference(&self, gradient: &Gradient, found: &mut Verification) -> Result<(), CheckError> {
        let values = &self.point[&gradient.name].values;
        if self.model.tensor(&gradient.of).is_none_or(|of| !of.shape.is_empty()) {
            return Ok(());
        }
        let size = values.iter().filter(|value| value.is_finite()).fold(1e-3f64, |size, value| size.max(value.abs()));
        for entry in sample(&[values.len()]).into_iter().map(|entry| entry[0]) {
            let by = finite_difference(self.model, self.point, &gradient.of, &gradient.wrt, entry, 1e-3)?;
            let error = (by.value - values[entry]).abs() / size;
            // Across a kink, or near a pole, finite differences say themselves that they are useless.
            let own = by.error / size;
            if own > DIFFERENCE_TOLERANCE || !own.is_finite() {
                continue;
            }
            if error > DIFFERENCE_TOLERANCE + 10.0 * own || error.is_nan() {
                return Err(CheckError::Difference {
                    of: gradient.of.clone(),
                    wrt: gradient.wrt.clone(),
                    entry,
                    expected: by.value,
                    found: values[entry],
                });
            }
            found.max_difference_error = found.max_difference_error.max(error);
        }
        Ok(())
    }
}

/// Some entries of a tensor, spread evenly; all of a small one.
fn sample(extents: &[usize]) -> Vec<Vec<usize>> {
    let length: usize = extents.iter().product();
    let count = length.min(ENTRIES);
    let unravel = |mut flat: usize| {
        let mut entry = vec![0; extents.len()];
        for (place, extent) in entry.iter_mut().zip(extents).rev() {
            *place = flat % extent;
            flat /= extent;
        }
        entry
    };
    // A stride that is no multiple of the extents meets the diagonal and other rows.
    (0..count).map(|number| unravel((number * length / count + number * number) % length)).collect()
}
