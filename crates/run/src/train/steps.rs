//! Single steps of gradient descent.

use super::{Given, Options, TrainError};
use crate::arrays::Array;
use crate::data::Examples;
use crate::execute::Engine;
use deltarule_core::derivation::Backward;
use deltarule_core::model::{Domain, Model, Role, Tensor};
use deltarule_core::plan::{Request, plan};
use deltarule_core::term::Name;
use std::collections::BTreeMap;

/// The engines that make steps: one for whole batches, and one for what is left at the end.
pub(super) struct Stepper<'a> {
    whole: Engine,
    /// With the number of its examples.
    rest: Option<(usize, Engine)>,
    data: Vec<Column<'a>>,
    parameters: Vec<&'a Tensor>,
    /// Parameters that the loss does not depend on are in no engine.
    unread: &'a BTreeMap<Name, Array>,
    loss: Name,
    /// The domains that are declared of parameters.
    domains: Vec<(Name, Domain)>,
}

/// A tensor that every example has its own of.
pub(super) struct Column<'a> {
    name: &'a Name,
    /// How many values an example has.
    length: usize,
    values: &'a [f32],
}

impl<'a> Stepper<'a> {
    pub fn new(backward: &Backward, given: &Given<'a>, options: &Options) -> Result<Stepper<'a>, TrainError> {
        let parameters: Vec<&Tensor> = given.model.parameters().collect();
        let pair = |tensor: &&Tensor| {
            let gradient = backward.gradient(&tensor.name)?;
            Some((tensor.name.clone(), gradient.name.clone()))
        };
        let descend: Vec<(Name, Name)> = parameters.iter().filter_map(pair).collect();
        let examples = &given.data.train;
        let batch = options.batch.min(examples.count).max(1);
        let engine = |batch| -> Result<Engine, TrainError> {
            let outputs = std::slice::from_ref(&backward.of);
            engine(given, &Request { outputs, batch, descend: &descend, memory: options.memory })
        };
        let rest = match examples.count % batch {
            0 => None,
            count => Some((count, engine(count)?)),
        };
        Ok(Stepper {
            whole: engine(batch)?,
            rest,
            data: columns(given.model, examples),
            domains: parameters
                .iter()
                .filter_map(|own| Some((own.name.clone(), given.model.domain(&own.name)?)))
                .collect(),
            parameters,
            unread: given.parameters,
            loss: backward.of.clone(),
        })
    }

    /// One step on the chosen examples; the mean loss before it. There are as many as in a whole
    /// batch, or as many as are left at the end.
    pub fn step(&mut self, rows: &[usize], rate: f32) -> f64 {
        match &mut self.rest {
            Some((count, rest)) if *count == rows.len() => {
                copy(&self.parameters, &self.whole, rest);
                let loss = step_on(rest, &self.data, rows, rate, &self.loss);
                copy(&self.parameters, rest, &mut self.whole);
                loss
            }
            _ => step_on(&mut self.whole, &self.data, rows, rate, &self.loss),
        }
    }

    /// Writes the parameters into another engine.
    pub fn write_parameters(&self, engine: &mut Engine) {
        copy(&self.parameters, &self.whole, engine);
    }

    /// Whether all parameters are finite.
    pub fn is_finite(&self) -> bool {
        let values = self.parameters.iter().filter_map(|tensor| self.whole.tensor(&tensor.name));
        values.flatten().all(|value| value.is_finite())
    }

    /// A parameter that is outside of its declared domain, with its value.
    pub fn outside(&self) -> Option<(&Name, f32, Domain)> {
        self.domains.iter().find_map(|(name, domain)| {
            let values = self.whole.tensor(name)?;
            let value = values.iter().find(|value| !domain.contains_single(**value))?;
            Some((name, *value, *domain))
        })
    }

    /// The parameters as they are now.
    pub fn parameters(&self) -> BTreeMap<Name, Array> {
        let now = |tensor: &&Tensor| {
            let array = match self.whole.tensor(&tensor.name) {
                Some(values) => Array::f32(tensor.shape.clone(), values.to_vec())?,
                None => self.unread.get(&tensor.name)?.clone(),
            };
            Some((tensor.name.clone(), array))
        };
        self.parameters.iter().filter_map(now).collect()
    }
}

fn step_on(engine: &mut Engine, data: &[Column], rows: &[usize], rate: f32, loss: &Name) -> f64 {
    data.iter().for_each(|column| column.gather(rows, engine));
    engine.run(rate);
    mean(engine.tensor(loss).unwrap_or_default())
}

/// The mean, summed in order and in double precision.
pub(super) fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64
}

fn copy(parameters: &[&Tensor], from: &Engine, to: &mut Engine) {
    for tensor in parameters {
        if let (Some(from), Some(to)) = (from.tensor(&tensor.name), to.tensor_mut(&tensor.name)) {
            to.copy_from_slice(from);
        }
    }
}

/// An engine with its parameters and constants filled in.
pub(super) fn engine(given: &Given, request: &Request) -> Result<Engine, TrainError> {
    let mut engine = Engine::new(plan(given.model, request)?);
    for tensor in &given.model.tensors {
        let Some(place) = engine.tensor_mut(&tensor.name) else { continue };
        if let Some(array) = given.parameters.get(&tensor.name) {
            place.copy_from_slice(&array.to_f32());
        } else if let Some(values) = given.data.constants.get(&tensor.name) {
            place.copy_from_slice(values);
        }
    }
    Ok(engine)
}

/// The data of a model.
pub(super) fn columns<'a>(model: &'a Model, examples: &'a Examples) -> Vec<Column<'a>> {
    let data = model.tensors.iter().filter(|tensor| matches!(tensor.role, Role::Input { .. } | Role::Target(_)));
    let column = |tensor: &'a Tensor| {
        let values = examples.tensors.get(&tensor.name)?;
        Some(Column { name: &tensor.name, length: tensor.len(), values })
    };
    data.filter_map(column).collect()
}

impl Column<'_> {
    /// Copies the chosen examples into an engine; nothing where the engine does not read them.
    pub fn gather(&self, rows: &[usize], engine: &mut Engine) {
        let Some(place) = engine.tensor_mut(self.name) else { return };
        for (place, row) in place.chunks_exact_mut(self.length.max(1)).zip(rows) {
            place.copy_from_slice(&self.values[row * self.length..][..self.length]);
        }
    }
}
