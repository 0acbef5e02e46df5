//! Total derivatives by dual numbers: the whole model is computed once more, with the entry by which is
//! differentiated moving and everything that depends on it moving along.

use super::evaluate::{Level, Prepared, each_position};
use super::prepare::Names;
use super::scalar::{Dual, Scalar, Variable};
use super::{MeaningError, Point, check_range};
use crate::model::{Definition, Model, Role, Stage, Tensor, derivative_parts};
use crate::term::{Index, Name, Term};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The values of the tensors at a point, and derivatives of any of them by any: `∂u/∂x` is read as a
/// tensor with the axes of both, whether or not the model has one of that name.
pub struct Totals<'a> {
    model: &'a Model,
    point: &'a Point,
    /// By what is differentiated and the entries by which.
    passes: RefCell<BTreeMap<Request, Rc<Moving>>>,
    /// How many bodies of reductions were evaluated for terms.
    bodies: Cell<usize>,
}

/// A tensor, and the entries of others that move.
type Request = (Name, Vec<(Name, Vec<usize>)>);

/// How tensors move with the variables: for each entry its value and its derivatives, by the levels
/// that they are by.
pub(super) struct Moving {
    tensors: BTreeMap<Name, Entries>,
}

/// How the entries of a tensor move.
pub(super) struct Entries {
    shape: Vec<usize>,
    /// For each entry one part for each set of levels.
    parts: Vec<Vec<Option<f64>>>,
}

impl Moving {
    /// How a tensor moves, if it does.
    pub fn of(&self, tensor: &str) -> Option<&Entries> {
        self.tensors.get(tensor)
    }
}

impl Entries {
    /// An entry by its place.
    pub fn entry<N: Scalar>(&self, place: usize) -> Option<N> {
        let parts = self.parts.get(place)?;
        N::put_together(0, &|levels| parts.get(levels).copied().flatten())
    }
}

impl<'a> Totals<'a> {
    /// For a point that has values of all tensors that are read, defined ones too (see
    /// [`complete`](super::complete)).
    pub fn new(model: &'a Model, point: &'a Point) -> Totals<'a> {
        Totals { model, point, passes: RefCell::default(), bodies: Cell::default() }
    }

    /// One entry, as by [`evaluate`](super::evaluate), of a term that may read total derivatives.
    ///
    /// # Errors
    ///
    /// Those of [`evaluate`](super::evaluate).
    pub fn evaluate(&self, term: &Term, at: &[(Index, usize)]) -> Result<f64, MeaningError> {
        let (indices, entry): (Vec<Index>, Vec<usize>) = at.iter().cloned().unzip();
        check_range(&indices, &entry)?;
        let points = [self.point];
        let names = Names { totals: Some(self), ..Names::new(self.model, &points) };
        let mut prepared = Prepared::new(names, term, &indices);
        let value = prepared.at(&entry);
        self.bodies.set(self.bodies.get().saturating_add(prepared.work()));
        value
    }

    /// The work done so far: how often the model was computed for derivatives, and how many bodies of reductions
    /// were evaluated otherwise.
    pub fn work(&self) -> (usize, usize) {
        (self.passes.borrow().len(), self.bodies.get())
    }

    /// The extents of a derivative of tensors of the model; `None` for any other name.
    pub(super) fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let (base, wrt) = self.parts(name)?;
        let shape = |name: &Name| self.model.tensor(name).map(|tensor| tensor.shape.clone());
        let mut whole = shape(&base)?;
        for name in &wrt {
            whole.extend(shape(name)?);
        }
        Some(whole)
    }

    /// What is differentiated, and by what, the first one first.
    fn parts(&self, name: &str) -> Option<(Name, Vec<Name>)> {
        let (of, wrt) = derivative_parts(name)?;
        let (base, mut all) = match self.model.tensor(of) {
            Some(tensor) => (tensor.name.clone(), Vec::new()),
            None => self.parts(of)?,
        };
        all.push(wrt.into());
        Some((base, all))
    }

    /// An entry of a derivative.
    pub(super) fn entry(&self, name: &Name, at: &[usize]) -> Result<f64, MeaningError> {
        let (base, wrt) = self.parts(name).ok_or_else(|| MeaningError::Unknown(name.clone()))?;
        let rank = |name: &Name| self.model.tensor(name).map_or(0, |tensor| tensor.shape.len());
        let (own, mut rest) = at.split_at(rank(&base));
        let mut variables = Vec::with_capacity(wrt.len());
        for name in &wrt {
            let (entry, after) = rest.split_at(rank(name));
            variables.push((name.clone(), entry.to_vec()));
            rest = after;
        }
        let levels = variables.len();
        let moving = self.pass((base.clone(), variables))?;
        let all = (1 << levels) - 1;
        let derivative = |entries: &Entries| {
            let place = own.iter().zip(&entries.shape).fold(0, |place, (at, extent)| place * extent + at);
            entries.parts[place].get(all).copied().flatten()
        };
        Ok(moving.tensors.get(&base).and_then(derivative).unwrap_or(0.0))
    }

    fn pass(&self, request: Request) -> Result<Rc<Moving>, MeaningError> {
        if let Some(known) = self.passes.borrow().get(&request) {
            return Ok(known.clone());
        }
        let variable = |(tensor, at): &(Name, Vec<usize>)| {
            let shape = self.model.tensor(tensor).map(|tensor| tensor.shape.as_slice()).unwrap_or_default();
            let place = at.iter().zip(shape).fold(0, |place, (at, extent)| place * extent + at);
            Variable { tensor: tensor.clone(), place }
        };
        let variables: Vec<Variable> = request.1.iter().map(variable).collect();
        let moving = match variables.len() {
            1 => self.moving::<Dual<f64>>(&request.0, &variables),
            2 => self.moving::<Dual<Dual<f64>>>(&request.0, &variables),
            3 => self.moving::<Dual<Dual<Dual<f64>>>>(&request.0, &variables),
            _ => Err(MeaningError::Depth),
        };
        let moving = Rc::new(moving?);
        self.passes.borrow_mut().insert(request, moving.clone());
        Ok(moving)
    }

    /// Computes all that lies between the variables and a tensor.
    fn moving<N: Level>(&self, of: &Name, variables: &[Variable]) -> Result<Moving, MeaningError> {
        let between = self.between(of, variables);
        let mut moving = Moving { tensors: BTreeMap::new() };
        for stage in self.model.stages() {
            let mut members = Vec::new();
            for tensor in stage.members.iter().map(|member| &self.model.tensors[*member]) {
                if let (true, Role::Defined(definition)) = (between.contains(&tensor.name), &tensor.role) {
                    members.push((tensor, definition));
                    // Nothing reads an entry before it is computed.
                    let entries = Entries { shape: tensor.shape.clone(), parts: vec![Vec::new(); tensor.len()] };
                    moving.tensors.insert(tensor.name.clone(), entries);
                }
            }
            match stage.is_recurrent {
                false => self.compute::<N>(&members, None, variables, &mut moving)?,
                true => self.steps::<N>(&stage, &members, variables, &mut moving)?,
            }
        }
        Ok(moving)
    }

    /// The defined tensors that depend on a variable, or hold one, and on which a tensor depends.
    fn between(&self, of: &Name, variables: &[Variable]) -> BTreeSet<Name> {
        let mut needed = BTreeSet::from([of.clone()]);
        let mut pending = vec![of.clone()];
        while let Some(name) = pending.pop() {
            let read = self.model.definition(&name).map(|definition| definition.body.tensors()).unwrap_or_default();
            pending.extend(read.into_iter().filter(|name| needed.insert(name.clone())));
        }
        let mut between: BTreeSet<Name> = variables.iter().map(|variable| variable.tensor.clone()).collect();
        // Again for what a group of recurrences reads later than it stands.
        let mut before = 0;
        while before < between.len() {
            before = between.len();
            for tensor in self.model.tensors.iter().filter(|tensor| needed.contains(&tensor.name)) {
                let reads = |definition: &Definition| between.iter().any(|name| definition.body.reads(name));
                if self.model.definition(&tensor.name).is_some_and(reads) {
                    between.insert(tensor.name.clone());
                }
            }
        }
        between.retain(|name| needed.contains(name));
        between
    }

    /// A recurrence, one step after the other.
    fn steps<N: Level>(
        &self,
        stage: &Stage,
        members: &[(&Tensor, &Definition)],
        variables: &[Variable],
        moving: &mut Moving,
    ) -> Result<(), MeaningError> {
        let Some((first, _)) = members.first() else { return Ok(()) };
        let recurrences = self.model.stage_recurrence(stage).ok_or_else(|| MeaningError::Order(first.name.clone()))?;
        let axes: BTreeMap<&Name, usize> = stage
            .members
            .iter()
            .zip(&recurrences)
            .map(|(member, recurrence)| (&self.model.tensors[*member].name, recurrence.axis))
            .collect();
        let count = first.shape[axes[&first.name]];
        for number in 0..count {
            let step = if recurrences[0].backward { count - 1 - number } else { number };
            for member in members {
                let at = Some([axes[&member.0.name], step]);
                self.compute::<N>(std::slice::from_ref(member), at, variables, moving)?;
            }
        }
        Ok(())
    }

    /// All entries of some tensors, or those of a step along an axis.
    fn compute<N: Level>(
        &self,
        members: &[(&Tensor, &Definition)],
        step: Option<[usize; 2]>,
        variables: &[Variable],
        moving: &mut Moving,
    ) -> Result<(), MeaningError> {
        for (tensor, definition) in members {
            let mut computed = Vec::new();
            let mut place = 0;
            let points = [self.point];
            let names = Names { moving: Some(moving), ..Names::new(self.model, &points) };
            let mut entry = Prepared::definition(names, definition);
            each_position(&tensor.shape, &mut |at| {
                if step.is_none_or(|[axis, step]| at[axis] == step) {
                    let value: N = entry.moving_at(at, variables)?;
                    // A variable moves by itself, beside what its equation makes of the others.
                    let value = value.plus(&N::entry(0.0, &tensor.name, place, variables));
                    let mut parts = vec![None; 1 << N::LEVELS];
                    value.take_apart(0, &mut |levels, part| parts[levels] = Some(part));
                    computed.push((place, parts));
                }
                place += 1;
                Ok(())
            })?;
            if let Some(entries) = moving.tensors.get_mut(&tensor.name) {
                computed.into_iter().for_each(|(place, parts)| entries.parts[place] = parts);
            }
        }
        Ok(())
    }
}
