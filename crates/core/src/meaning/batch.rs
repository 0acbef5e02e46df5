//! Whole models: which tensors are needed, their values for one example and for many.

use super::scalar::Scalar;
use super::tabulate::Tabulation;
use super::{Array, MeaningError, Point};
use crate::model::{Definition, Model, Role, Stage, Tensor};
use crate::term::{Name, Node, Term};
use std::collections::{BTreeMap, BTreeSet};

/// Adds all that `wanted` needs to the point, for one example: constants and defined tensors, in
/// the order of the model. A tensor that is in the point already stays as it is. A tensor that is
/// a mean over examples gets the value of this one. A recurrence is computed step by step.
///
/// # Errors
///
/// A tensor without a value, values of a wrong shape, a tensor that reads itself in no order, and
/// all errors of [`evaluate`](super::evaluate).
pub fn complete(model: &Model, point: &mut Point, wanted: &[Name]) -> Result<(), MeaningError> {
    complete_moved(model, point, wanted, &Point::new(), None)
}

/// As [`complete`], with the offsets added to the tensors they are given for as soon as those are
/// computed, so that all that reads them moves: also later steps of the same tensor. What is stopped is taken from
/// `held`, where that is given.
pub(super) fn complete_moved(
    model: &Model,
    point: &mut Point,
    wanted: &[Name],
    offsets: &Point,
    held: Option<&Point>,
) -> Result<(), MeaningError> {
    let needed = needed(model, wanted, |name| point.contains_key(name))?;
    for stage in model.stages() {
        let mut missing = Vec::new();
        for tensor in stage.members.iter().map(|position| &model.tensors[*position]) {
            match point.get(&tensor.name) {
                _ if !needed.contains(&tensor.name) => {}
                Some(array) => check_shape(tensor, array)?,
                None => missing.push(tensor),
            }
        }
        for tensor in missing.iter().filter(|tensor| !matches!(tensor.role, Role::Defined(_))) {
            point.insert(tensor.name.clone(), given(model, &tensor.name)?);
        }
        let work = Tabulation { model, stage: &stage, members: defined(missing), offsets, held };
        for (name, array) in work.values(vec![point])? {
            point.insert(name, array);
        }
    }
    Ok(())
}

/// Computes the wanted tensors for all examples.
///
/// `given` holds the values of inputs and targets with the examples along one more axis in front,
/// and those of parameters and constants. Names that the model does not have are passed over. A
/// wanted tensor that is per example comes back with the examples in front, any other in its own
/// shape. A tensor that is not per example but whose definition reads tensors that are (a gradient
/// by a parameter) is the mean over the examples.
///
/// # Errors
///
/// All of [`check`] and of [`evaluate`](super::evaluate).
pub fn run(
    model: &Model,
    given: &BTreeMap<Name, Array>,
    wanted: &[Name],
) -> Result<BTreeMap<Name, Array>, MeaningError> {
    let examples = check(model, given, wanted)?;
    let needed = needed(model, wanted, |_| false)?;
    let mut batch = Batch { model, shared: Point::new(), examples: vec![Point::new(); examples] };
    for stage in model.stages() {
        let members = stage.members.iter().map(|position| &model.tensors[*position]);
        let members: Vec<&Tensor> = members.filter(|tensor| needed.contains(&tensor.name)).collect();
        for tensor in members.iter().filter(|tensor| !matches!(tensor.role, Role::Defined(_))) {
            batch.add_given(tensor, given)?;
        }
        batch.add_defined(&stage, defined(members))?;
    }
    Ok(wanted.iter().map(|name| (name.clone(), batch.whole(name))).collect())
}

/// Checks that the wanted tensors can be computed from what is given, for [`run`] and for any other
/// way to compute them, and finds the number of examples: 0 where no tensor tells.
///
/// # Errors
///
/// No examples, missing values, wrong shapes, values for a defined tensor.
pub fn check(model: &Model, given: &BTreeMap<Name, Array>, wanted: &[Name]) -> Result<usize, MeaningError> {
    let needed = needed(model, wanted, |_| false)?;
    let examples = check_given(model, given)?;
    for tensor in model.tensors.iter().filter(|tensor| needed.contains(&tensor.name)) {
        if tensor.per_example && examples == 0 {
            return Err(MeaningError::NoExamples);
        }
        let has_value = matches!(tensor.role, Role::Defined(_) | Role::Const(Some(_)));
        if !has_value && !given.contains_key(&tensor.name) {
            return Err(MeaningError::Missing(tensor.name.clone()));
        }
    }
    Ok(examples)
}

/// The value of a constant that has one.
pub(super) fn constant(model: &Model, name: &str) -> Option<Array> {
    match &model.tensor(name)?.role {
        Role::Const(number) => number.map(|number| Array::scalar(number.value())),
        Role::Input { .. } | Role::Target(_) | Role::Param(_) | Role::Defined(_) => None,
    }
}

/// The value of a tensor for which none was given.
fn given(model: &Model, name: &Name) -> Result<Array, MeaningError> {
    constant(model, name).ok_or_else(|| MeaningError::Missing(name.clone()))
}

struct Batch<'a> {
    model: &'a Model,
    /// The tensors that are not per example.
    shared: Point,
    /// Those that are, of each example.
    examples: Vec<Point>,
}

impl Batch<'_> {
    fn add_given(&mut self, tensor: &Tensor, given_values: &BTreeMap<Name, Array>) -> Result<(), MeaningError> {
        let name = &tensor.name;
        match given_values.get(name) {
            Some(array) if tensor.per_example => {
                let length = tensor.len();
                for (position, example) in self.examples.iter_mut().enumerate() {
                    let values = array.values[position * length..][..length].to_vec();
                    example.insert(name.clone(), Array { shape: tensor.shape.clone(), values });
                }
            }
            Some(array) => {
                self.shared.insert(name.clone(), array.clone());
            }
            None => {
                self.shared.insert(name.clone(), given(self.model, name)?);
            }
        }
        Ok(())
    }

    /// Tensors that are computed together: for each of the examples, or once. One that is the same
    /// for all examples is the mean over them where it reads what is not.
    fn add_defined(&mut self, stage: &Stage, members: Vec<(&Tensor, &Definition)>) -> Result<(), MeaningError> {
        let mut reads = BTreeSet::new();
        members.iter().for_each(|(_, definition)| dependencies(self.model, &definition.body, &mut reads));
        let differs = |tensor: &Tensor| tensor.per_example;
        let reads_examples = reads.iter().any(|name| self.model.tensor(name).is_some_and(differs));
        let tensors: Vec<&Tensor> = members.iter().map(|(tensor, _)| *tensor).collect();
        let work = Tabulation { model: self.model, stage, members, offsets: &Point::new(), held: None };
        if !reads_examples && !tensors.iter().any(|tensor| differs(tensor)) {
            self.shared.extend(work.values(vec![&self.shared])?);
            return Ok(());
        }
        let mut each: Vec<Point> = Vec::with_capacity(self.examples.len());
        for (number, example) in self.examples.iter().enumerate() {
            each.push(work.values(vec![example, &self.shared]).map_err(|error| in_example(number, error))?);
        }
        for tensor in tensors {
            let arrays = each.iter_mut().filter_map(|point| point.remove(&tensor.name));
            if tensor.per_example {
                self.examples.iter_mut().zip(arrays).for_each(|(example, array)| {
                    example.insert(tensor.name.clone(), array);
                });
            } else {
                let mean = mean(tensor, &arrays.collect::<Vec<_>>());
                self.shared.insert(tensor.name.clone(), mean);
            }
        }
        Ok(())
    }

    /// A tensor of the whole batch.
    fn whole(&self, name: &Name) -> Array {
        if let Some(array) = self.shared.get(name) {
            return array.clone();
        }
        let arrays: Vec<&Array> = self.examples.iter().filter_map(|example| example.get(name)).collect();
        let own = arrays.iter().flat_map(|array| array.shape.clone().into_iter()).take(arrays[0].shape.len());
        let shape = std::iter::once(arrays.len()).chain(own).collect();
        Array { shape, values: arrays.iter().flat_map(|array| array.values.iter().copied()).collect() }
    }
}

/// The mean over the examples.
fn mean(tensor: &Tensor, all: &[Array]) -> Array {
    let entry = |entry: usize| {
        let values: Vec<f64> = all.iter().map(|array| array.values[entry]).collect();
        f64::sum(&values) / all.len() as f64
    };
    Array { shape: tensor.shape.clone(), values: (0..tensor.len()).map(entry).collect() }
}

/// Says of an error that depends on values in which example it is.
fn in_example(example: usize, error: MeaningError) -> MeaningError {
    match error {
        MeaningError::NotInteger { .. } | MeaningError::Outside { .. } => {
            MeaningError::Example { example, error: Box::new(error) }
        }
        other => other,
    }
}

/// Those of the tensors that have an equation.
fn defined(tensors: Vec<&Tensor>) -> Vec<(&Tensor, &Definition)> {
    let mut pairs = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        if let Role::Defined(definition) = &tensor.role {
            pairs.push((tensor, definition));
        }
    }
    pairs
}

/// Checks the shapes of everything that was given, and finds the number of examples.
fn check_given(model: &Model, given: &BTreeMap<Name, Array>) -> Result<usize, MeaningError> {
    let mut first: Option<(&Name, usize)> = None;
    for tensor in &model.tensors {
        let (name, Some(array)) = (&tensor.name, given.get(&tensor.name)) else { continue };
        if matches!(tensor.role, Role::Defined(_)) {
            return Err(MeaningError::Given(name.clone()));
        }
        if !tensor.per_example {
            check_shape(tensor, array)?;
            continue;
        }
        let count = match array.shape.split_first() {
            Some((count, shape)) if *shape == tensor.shape => *count,
            _ => {
                let (expected, found) = (tensor.shape.clone(), array.shape.clone());
                return Err(MeaningError::BatchShape { tensor: name.clone(), expected, found });
            }
        };
        check_length(name, array)?;
        match first {
            None if count == 0 => return Err(MeaningError::NoExamples),
            None => first = Some((name, count)),
            Some((other, before)) if before != count => {
                return Err(MeaningError::Examples { counts: [(other.clone(), before), (name.clone(), count)] });
            }
            Some(_) => {}
        }
    }
    Ok(first.map_or(0, |(_, count)| count))
}

fn check_shape(tensor: &Tensor, array: &Array) -> Result<(), MeaningError> {
    if array.shape != tensor.shape {
        let (expected, found) = (tensor.shape.clone(), array.shape.clone());
        return Err(MeaningError::Shape { tensor: tensor.name.clone(), expected, found });
    }
    check_length(&tensor.name, array)
}

fn check_length(name: &Name, array: &Array) -> Result<(), MeaningError> {
    if !array.is_whole() {
        let (tensor, shape) = (name.clone(), array.shape.clone());
        return Err(MeaningError::Length { tensor, shape, values: array.values.len() });
    }
    Ok(())
}

/// The wanted tensors and all those their definitions read, except through one that is `present`.
fn needed(model: &Model, wanted: &[Name], present: impl Fn(&Name) -> bool) -> Result<BTreeSet<Name>, MeaningError> {
    let mut needed = BTreeSet::new();
    let mut pending = wanted.to_vec();
    while let Some(name) = pending.pop() {
        let tensor = model.tensor(&name).ok_or_else(|| MeaningError::Unknown(name.clone()))?;
        if !needed.insert(name.clone()) || present(&name) {
            continue;
        }
        if let Role::Defined(definition) = &tensor.role {
            let mut reads = BTreeSet::new();
            dependencies(model, &definition.body, &mut reads);
            pending.extend(reads);
        }
    }
    Ok(needed)
}

/// Adds the tensors whose values a term reads; a Jacobian reads what the definition reads.
fn dependencies(model: &Model, term: &Term, found: &mut BTreeSet<Name>) {
    let mut pending = vec![term];
    let mut differentiated = BTreeSet::new();
    while let Some(term) = pending.pop() {
        match term.node() {
            Node::Number(_) | Node::Affine(_) => {}
            Node::Read { tensor, subscripts } => {
                found.insert(tensor.clone());
                pending.extend(subscripts);
            }
            Node::Add(terms) | Node::Mul(terms) | Node::Call(_, terms) | Node::Logic(_, terms) => pending.extend(terms),
            Node::Pow(a, b) | Node::Compare(_, a, b) => pending.extend([a, b]),
            Node::Where(a, b, c) => pending.extend([a, b, c]),
            Node::Reduce { body, .. } => pending.push(body),
            Node::Jacobian { tensor, subscripts, at, .. } => {
                pending.extend(subscripts.iter().chain(at));
                if differentiated.insert(tensor) {
                    pending.extend(model.definition(tensor).map(|definition| &definition.body));
                }
            }
            Node::Derivative { of, at, .. } => pending.extend(std::iter::once(of).chain(at)),
        }
    }
}
