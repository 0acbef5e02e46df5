//! What is needed of a model, for a whole batch: equations with the examples as an axis of their
//! own, and means over them written out.

use super::recurrence::Recurrence;
use super::tasks::{Value, Values};
use super::{PlaceKind, PlanError, Request, softmax};
use crate::model::{Definition, Model, Role, TargetKind, Tensor};
use crate::term::{Affine, Index, Name, Node, Number, Term};
use std::collections::BTreeSet;

/// `name[indices] = body`; the indices are numbered from 0.
pub(super) struct Equation {
    pub name: Name,
    pub indices: Vec<Index>,
    pub body: Term,
}

/// The equations that the request needs, in the order of the model, and the tensors in them.
pub(super) fn equations(
    model: &Model,
    request: &Request,
) -> Result<(Vec<Equation>, Values, Vec<Recurrence>), PlanError> {
    if request.batch == 0 {
        return Err(PlanError::NoExamples);
    }
    check_descend(model, request)?;
    let wanted: Vec<Name> = request
        .outputs
        .iter()
        .cloned()
        .chain(request.descend.iter().flat_map(|(a, b)| [a.clone(), b.clone()]))
        .collect();
    let needed = needed(model, &wanted)?;
    let mut values = Values::new();
    let mut equations = Vec::new();
    let recurrences = recurrences(model, &needed)?;
    let recurrent: BTreeSet<Name> =
        recurrences.iter().flat_map(|group| group.axes.keys()).map(|name| name[1..].into()).collect();
    let order = model.stages().into_iter().flat_map(|stage| stage.members);
    for tensor in order.map(|place| &model.tensors[place]).filter(|tensor| needed.contains(&tensor.name)) {
        let is_output = request.outputs.contains(&tensor.name);
        let mut shape = tensor.shape.clone();
        if tensor.per_example {
            shape.insert(0, request.batch);
        }
        let kind = match &tensor.role {
            Role::Defined(_) if is_output => PlaceKind::Output,
            Role::Defined(_) => PlaceKind::Temporary,
            Role::Const(Some(number)) => PlaceKind::Constant(number.value()),
            Role::Const(None) | Role::Input { .. } | Role::Target(_) | Role::Param(_) => PlaceKind::Given,
        };
        if shape.iter().try_fold(1usize, |size, extent| size.checked_mul(*extent)).is_none_or(|size| size > 1 << 40) {
            return Err(PlanError::TooLarge(tensor.name.clone()));
        }
        if let Role::Defined(definition) = &tensor.role {
            let mut equation = equation(&recurrent, model, tensor, definition, request.batch)?;
            if recurrent.contains(&tensor.name) {
                equation.name = by_steps(&tensor.name);
                let value = Value { is_recurrent: true, ..Value::new(shape.clone(), PlaceKind::Temporary) };
                values.insert(equation.name.clone(), value);
                let (indices, body) = (equation.indices.clone(), Term::read_at(&equation.name, &equation.indices));
                equations.push(equation);
                if !is_output {
                    continue;
                }
                equation = Equation { name: tensor.name.clone(), indices, body };
            }
            equations.push(equation);
        }
        let below = match tensor.role {
            Role::Input { below } => below,
            Role::Target(TargetKind::Integer(below)) => Some(below),
            _ => None,
        };
        values.insert(tensor.name.clone(), Value { below, ..Value::new(shape, kind) });
    }
    Ok((equations, values, recurrences))
}

/// The name of the value of a tensor that is computed step by step. It lies in memory by steps; the
/// tensor itself, where it is asked for, is a copy.
fn by_steps(name: &str) -> Name {
    format!("%{name}").into()
}

/// The groups of tensors that are computed step by step.
fn recurrences(model: &Model, needed: &BTreeSet<Name>) -> Result<Vec<Recurrence>, PlanError> {
    let mut recurrences = Vec::new();
    for stage in model.stages().iter().filter(|stage| stage.is_recurrent) {
        let members: Vec<&Tensor> = stage.members.iter().map(|&place| &model.tensors[place]).collect();
        if !members.iter().any(|tensor| needed.contains(&tensor.name)) {
            continue;
        }
        let order = model.stage_recurrence(stage).ok_or_else(|| {
            let (tensor, read) = (members[0].name.clone(), members[members.len() - 1].name.clone());
            PlanError::Order { tensor, read }
        })?;
        let axis = |(tensor, order): (&&Tensor, &crate::model::Recurrence)| {
            (by_steps(&tensor.name), order.axis + usize::from(tensor.per_example))
        };
        let backward = order.first().is_some_and(|order| order.backward);
        recurrences.push(Recurrence { axes: members.iter().zip(&order).map(axis).collect(), backward });
    }
    Ok(recurrences)
}

fn check_descend(model: &Model, request: &Request) -> Result<(), PlanError> {
    for (number, (parameter, gradient)) in request.descend.iter().enumerate() {
        let find = |name: &Name| model.tensor(name).ok_or_else(|| PlanError::Unknown(name.clone()));
        let (target, step) = (find(parameter)?, find(gradient)?);
        let is_parameter = matches!(target.role, Role::Param(_) | Role::Const(None)) && !target.per_example;
        let repeated = request.descend[..number].iter().any(|(other, _)| other == parameter);
        if !is_parameter || repeated || step.per_example || step.shape != target.shape || step.name == target.name {
            return Err(PlanError::Descend(parameter.clone()));
        }
    }
    Ok(())
}

/// The wanted tensors and all that they read.
fn needed(model: &Model, wanted: &[Name]) -> Result<BTreeSet<Name>, PlanError> {
    let position = |name: &Name| model.tensors.position(name);
    let mut needed = BTreeSet::new();
    let mut pending = wanted.to_vec();
    while let Some(name) = pending.pop() {
        let place = position(&name).ok_or_else(|| PlanError::Unknown(name.clone()))?;
        if !needed.insert(name.clone()) {
            continue;
        }
        let Role::Defined(definition) = &model.tensors[place].role else { continue };
        for read in definition.body.tensors() {
            position(&read).ok_or_else(|| PlanError::Unknown(read.clone()))?;
            pending.push(read);
        }
    }
    Ok(needed)
}

fn equation(
    recurrent: &BTreeSet<Name>,
    model: &Model,
    tensor: &Tensor,
    definition: &Definition,
    batch: usize,
) -> Result<Equation, PlanError> {
    let examples = Index::new(0, batch, "example");
    let own: Vec<Index> = definition
        .indices
        .iter()
        .zip(1..)
        .map(|(index, id)| Index { id, extent: index.extent.clone(), letter: index.letter.clone() })
        .collect();
    let is_subset = definition.body.free().iter().all(|index| definition.indices.contains(index));
    if !is_subset || own.iter().map(|index| index.extent.value()).ne(tensor.shape.iter().copied()) {
        return Err(PlanError::Subscript { tensor: tensor.name.clone(), read: tensor.name.clone() });
    }
    let pairs: Vec<(Index, Affine)> = definition.indices.iter().cloned().zip(own.iter().map(Affine::index)).collect();
    let body = softmax::by_named(&definition.body, model).substitute_all(&pairs);
    let body = Batching { recurrent, model, tensor, examples: &examples }.term(&body, own.len() as u32 + 1)?;
    let mut body = softmax::by_greatest(&body);
    let mut indices = own;
    if tensor.per_example {
        indices.insert(0, examples);
    } else if body.depends_on(&examples) {
        let mean = Term::number(Number::ratio(1, batch as i128));
        body = Term::mul(vec![mean, Term::sum(std::slice::from_ref(&examples), body)]);
    }
    Ok(Equation { name: tensor.name.clone(), indices, body })
}

/// Gives reads of per-example tensors the axis of the examples.
struct Batching<'a> {
    /// Tensors that are computed step by step.
    recurrent: &'a BTreeSet<Name>,
    model: &'a Model,
    tensor: &'a Tensor,
    examples: &'a Index,
}

impl Batching<'_> {
    /// `first` is above the numbers of all free indices.
    fn term(&self, term: &Term, first: u32) -> Result<Term, PlanError> {
        match term.node() {
            Node::Number(_) | Node::Affine(_) => Ok(term.clone()),
            Node::Jacobian { .. } | Node::Derivative { .. } => Err(PlanError::Underived(self.tensor.name.clone())),
            Node::Read { tensor, subscripts } => self.read(tensor, subscripts, first),
            Node::Reduce { .. } => {
                let Some(opened) = term.open_from(first) else { return Ok(term.clone()) };
                let body = self.term(&opened.body, first + opened.indices.len() as u32)?;
                Ok(Term::reduce(opened.reduction, &opened.indices, body))
            }
            _ => {
                let children: Result<Vec<Term>, PlanError> =
                    term.children().iter().map(|child| self.term(child, first)).collect();
                Ok(term.with_children(children?))
            }
        }
    }

    fn read(&self, name: &Name, subscripts: &[Term], first: u32) -> Result<Term, PlanError> {
        let wrong = || PlanError::Subscript { tensor: self.tensor.name.clone(), read: name.clone() };
        let tensor = self.model.tensor(name).ok_or_else(|| PlanError::Unknown(name.clone()))?;
        if subscripts.len() != tensor.shape.len() {
            return Err(wrong());
        }
        if let Role::Const(Some(number)) = tensor.role
            && !number.is_zero()
            && number.value().is_finite()
        {
            return Ok(Term::number(number));
        }
        let mut all = subscripts.iter().map(|subscript| self.term(subscript, first)).collect::<Result<Vec<_>, _>>()?;
        if tensor.per_example {
            all.insert(0, Term::index(self.examples));
        }
        Ok(match self.recurrent.contains(name) {
            true => Term::read(&by_steps(name), all),
            false => Term::read_named(name.clone(), all),
        })
    }
}
