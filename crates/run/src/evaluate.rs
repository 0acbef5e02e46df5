//! A model at given values, in single precision: the fast counterpart of [`meaning::run`].

use crate::arrays::Array;
use crate::execute::Engine;
use deltarule_core::derivation;
use deltarule_core::meaning::{self, MeaningError};
use deltarule_core::model::{Model, Role, TargetKind};
use deltarule_core::plan::{Memory, PlanError, Request, plan};
use deltarule_core::term::Name;
use deltarule_kernels::Team;
use std::collections::BTreeMap;
use std::fmt;

/// Why a model could not be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub enum EvaluateError {
    /// What was given does not fit the model.
    Given(MeaningError),
    /// A value of a tensor of integers is none in its range.
    Integer {
        /// The tensor.
        tensor: Name,
        /// The example.
        example: usize,
        /// The number of the entry within the example, row-major.
        entry: usize,
        /// What was given.
        value: f64,
        /// What it should be less than.
        below: usize,
    },
    /// The model cannot be planned.
    Plan(PlanError),
    /// No threads could be had; the system's words.
    Threads(String),
}

impl fmt::Display for EvaluateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EvaluateError::Given(error) => error.fmt(f),
            EvaluateError::Integer { tensor, example, entry, value, below } => {
                write!(
                    f,
                    "entry {entry} of example {example} of `{tensor}` is {value}, which is no integer in 0..{below}"
                )
            }
            EvaluateError::Plan(error) => error.fmt(f),
            EvaluateError::Threads(reason) => write!(f, "no threads to compute with: {reason}"),
        }
    }
}

impl std::error::Error for EvaluateError {}

impl From<MeaningError> for EvaluateError {
    fn from(error: MeaningError) -> EvaluateError {
        EvaluateError::Given(error)
    }
}

impl From<PlanError> for EvaluateError {
    fn from(error: PlanError) -> EvaluateError {
        EvaluateError::Plan(error)
    }
}

/// Computes the wanted tensors for all examples, on so many threads (0: one for each core).
///
/// What is given, and what comes back, is as for [`meaning::run`]: values of tensors that are per
/// example have the examples along one more axis in front. Gradients by a parameter are means over
/// the examples. Values are rounded to single precision first.
///
/// # Errors
/// Those of [`meaning::check`], values out of range of a tensor of integers, and those of planning.
pub fn evaluate(
    model: &Model,
    given: &BTreeMap<Name, meaning::Array>,
    wanted: &[Name],
    threads: usize,
) -> Result<BTreeMap<Name, Array>, EvaluateError> {
    // What stands for nothing that is read still tells the number of examples.
    let examples = meaning::check(model, given, wanted)?;
    check_integers(model, given)?;
    let model = derivation::for_running(model);
    let request = Request { outputs: wanted, batch: examples.max(1), descend: &[], memory: Memory::Plenty };
    let plan = plan(&model, &request)?;
    let mut engine = Engine::new(plan);
    for (name, array) in given {
        if let Some(place) = engine.tensor_mut(name) {
            place.iter_mut().zip(&array.values).for_each(|(place, value)| *place = *value as f32);
        }
    }
    team(threads).map_err(EvaluateError::Threads)?.install(|| engine.run(0.0));
    let mut found = BTreeMap::new();
    for name in wanted {
        let values = result(&model, &engine, given, name);
        let tensor = model.tensor(name).ok_or_else(|| MeaningError::Unknown(name.clone()))?;
        let examples = tensor.per_example.then_some(examples);
        let shape: Vec<usize> = examples.into_iter().chain(tensor.shape.iter().copied()).collect();
        let length = values.len();
        let array = Array::f32(shape.clone(), values);
        let array = array.ok_or_else(|| MeaningError::Length { tensor: name.clone(), shape, values: length })?;
        found.insert(name.clone(), array);
    }
    Ok(found)
}

/// What may be a subscript is an integer in its range.
fn check_integers(model: &Model, given: &BTreeMap<Name, meaning::Array>) -> Result<(), EvaluateError> {
    for tensor in model.data() {
        let below = match tensor.role {
            Role::Input { below: Some(below) } | Role::Target(TargetKind::Integer(below)) => below,
            _ => continue,
        };
        let Some(array) = given.get(&tensor.name) else { continue };
        let is_wrong = |value: &f64| value.fract() != 0.0 || !(0.0..below as f64).contains(value);
        if let Some(position) = array.values.iter().position(is_wrong) {
            let length = tensor.len().max(1);
            let (example, entry) = (position / length, position % length);
            let value = array.values[position];
            return Err(EvaluateError::Integer { tensor: tensor.name.clone(), example, entry, value, below });
        }
    }
    Ok(())
}

/// The values of a wanted tensor, which may be one that was given.
fn result(model: &Model, engine: &Engine, given: &BTreeMap<Name, meaning::Array>, name: &Name) -> Vec<f32> {
    if let Some(values) = engine.tensor(name) {
        return values.to_vec();
    }
    match (given.get(name), model.tensor(name).map(|tensor| &tensor.role)) {
        (Some(array), _) => array.values.iter().map(|&value| value as f32).collect(),
        (None, Some(Role::Const(Some(number)))) => vec![number.value() as f32],
        (None, _) => Vec::new(),
    }
}

/// So many threads, or one for each core where that is 0.
pub(crate) fn team(threads: usize) -> Result<Team, String> {
    Team::new(threads).map_err(|error| error.to_string())
}
