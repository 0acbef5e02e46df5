//! From a model to a plan: everything that can be decided before there are numbers.
//!
//! A plan is data: values with their places in one arena, and a list of operations of two kinds.
//! A [`Product`] is a sum of products of two reads, done as matrix products; a [`Walk`] is
//! everything else, a fused loop with a register program inside. Shapes are known, so the order of
//! the loops, every stride and every place is decided here, and [`Plan::verify`] proves each
//! access inside its buffer before anything runs.

mod again;
mod contract;
mod ending;
mod equations;
mod error;
mod fuse;
mod groups;
mod lower;
mod memory;
mod nest;
mod nowhere;
mod operation;
mod order;
mod pad;
mod program;
mod rectified;
mod recurrence;
mod scatter;
mod share;
mod show;
mod softmax;
mod split;
mod symmetric;
mod table;
mod tasks;
mod verify;
mod weights;

pub use error::PlanError;
pub use operation::{
    Access, Axis, Bias, Binary, Bound, Doubt, Ending, Guarded, Instruction, Key, Loop, Operation, Product, Repeat,
    Scatter, Store, Unary, Walk,
};

use crate::model::Model;
use crate::term::{Index, Name};
use lower::Lowering;
use recurrence::Stage;
use std::collections::BTreeSet;
use std::sync::Arc;
use tasks::{Task, Values, Work};

/// What is to be computed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The tensors that are wanted.
    pub outputs: &'a [Name],
    /// The number of examples.
    pub batch: usize,
    /// Pairs of a parameter and its gradient: after everything else, `parameter -= rate · gradient`.
    pub descend: &'a [(Name, Name)],
    /// Whether memory is saved at the expense of time.
    pub memory: Memory,
}

/// What becomes of values that are needed again later, as activations are in the backward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Memory {
    /// They are kept.
    #[default]
    Plenty,
    /// Where that lowers the peak, those that are no sums are computed again: the results have the same bits.
    Low,
}

/// All that happens in one evaluation of a model, with every place in memory.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The number of examples.
    pub batch: usize,
    /// All values.
    pub places: Vec<Place>,
    /// In the order in which they run.
    pub operations: Vec<Operation>,
    /// The length of the arena, in numbers of four bytes.
    pub arena: usize,
    /// The numbers of places that are tables.
    pub tables: Vec<(usize, Arc<[f32]>)>,
}

/// A value in the arena: dense and row-major, per-example ones with the examples in front.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The name of the tensor, or one for printing.
    pub name: Name,
    /// The extents.
    pub shape: Vec<usize>,
    /// Where it begins in the arena, in numbers; a multiple of [`ALIGNMENT`].
    pub offset: usize,
    /// What it holds.
    pub kind: PlaceKind,
}

/// What a place holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PlaceKind {
    /// A tensor that is given before a run.
    Given,
    /// A constant with a value that was asked for.
    Constant(f64),
    /// Numbers that are known when it is planned.
    Table,
    /// A tensor that was asked for.
    Output,
    /// A value on the way.
    Temporary,
}

/// Places begin at multiples of this many numbers: 64 bytes.
pub const ALIGNMENT: usize = 16;

impl Place {
    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Plan {
    /// The place of a given or requested tensor.
    pub fn place(&self, name: &str) -> Option<&Place> {
        let is_named = |place: &&Place| !matches!(place.kind, PlaceKind::Temporary | PlaceKind::Table);
        self.places.iter().filter(is_named).find(|place| &*place.name == name)
    }
}

/// Plans the evaluation of a model.
///
/// The values are those of [`crate::meaning::run`]: tensors that are per example get the examples
/// as one more axis in front, and a tensor that is not, but is defined by some that are, is the
/// mean over the examples.
///
/// # Errors
///
/// Unknown names, no examples, derivatives that were not derived, subscripts that are not affine
/// or leave their tensor, values too large for the machine.
pub fn plan(model: &Model, request: &Request) -> Result<Plan, PlanError> {
    let model = crate::derivation::for_running(model);
    let (equations, values, recurrences) = equations::equations(&model, request)?;
    let mut lowering = Lowering::new(values);
    for equation in &equations {
        lowering.equation(equation)?;
    }
    let Lowering { mut values, mut tasks, .. } = lowering;
    rectified::ask_results(&mut tasks, &values);
    fuse::descend(&mut tasks, request.descend, &values);
    let changed = request.descend.iter().map(|(parameter, _)| parameter.clone()).collect();
    let mut tasks = fuse::fuse(tasks, &values, &changed);
    if recurrences.is_empty() {
        weights::apart(&mut tasks, &mut values, &changed);
        if request.memory == Memory::Plenty {
            tasks = share::share(tasks, &mut values, &changed);
        }
    }
    let stages = again::early(recurrence::stages(tasks, &recurrences)?, &changed);
    let mut lower = values.clone();
    let mut plan = assemble(&stages, &mut values, request.batch);
    if request.memory == Memory::Low
        && let Some(stages) = again::again(&stages, &mut lower)
    {
        let other = assemble(&stages, &mut lower, request.batch);
        plan = if other.arena < plan.arena { other } else { plan };
    }
    debug_assert_eq!(plan.verify(), Ok(()));
    Ok(plan)
}

/// The operation of a task, the steps of a recurrence outermost.
fn operation(task: &Task, steps: Option<&Index>, values: &mut Values, places: &nest::Places) -> Operation {
    match &task.work {
        Work::Contract { guard, .. } => {
            let factors = groups::Factors::of(task);
            match (guard, factors) {
                (Some(guard), Some(factors)) => groups::guarded(task, &factors, guard, steps, values, places),
                (None, Some(factors)) => Operation::Product(groups::product(task, &factors, steps, values, places)),
                (_, None) => Operation::Walk(nest::walk(task, steps, values, places)),
            }
        }
        Work::Scatter { source, keys, over } => groups::scatter(task, (source, keys, over), values, places),
        Work::Map(_) | Work::Reduce { .. } => Operation::Walk(nest::walk(task, steps, values, places)),
    }
}

/// The loop of a guarded product of which another task makes something, that included.
fn loop_to_end(producer: &Task, consumer: &Task, values: &mut Values, places: &nest::Places) -> Option<Walk> {
    let Work::Contract { guard: Some(guard), .. } = &producer.work else { return None };
    let task = fuse::at_end(&groups::in_loop(producer, &groups::Factors::of(producer)?, guard), consumer)?;
    values.get_mut(&task.target)?.is_settled = true;
    Some(nest::walk(&task, None, values, places))
}

/// Operations for the tasks, and places for their values.
fn assemble(stages: &[Stage], values: &mut Values, batch: usize) -> Plan {
    let targets: BTreeSet<Name> = stages.iter().flat_map(Stage::tasks).map(|task| task.target.clone()).collect();
    values.retain(|name, value| !value.is_temporary() || targets.contains(name));
    for (task, axis) in stages.iter().flat_map(Stage::steps) {
        if let Some(value) = values.get_mut(&task.target) {
            value.by_steps(axis);
        }
    }
    let numbers: nest::Places = values.keys().cloned().zip(0..).collect();
    let mut operations = Vec::new();
    for stage in stages {
        operations.push(match stage {
            Stage::Once(task) => operation(task, None, values, &numbers),
            Stage::Steps { count, backward, tasks } => {
                let mut one =
                    |(task, axis): &(Task, usize)| operation(task, Some(&task.indices[*axis]), values, &numbers);
                Operation::Repeat(Repeat {
                    steps: *count,
                    backward: *backward,
                    operations: tasks.iter().map(&mut one).collect(),
                })
            }
        });
    }
    let mut places: Vec<Place> = values
        .iter()
        .map(|(name, value)| Place { name: name.clone(), shape: value.shape.clone(), offset: 0, kind: value.kind })
        .collect();
    let once = |stage: &Stage| match stage {
        Stage::Once(task) => Some(task.clone()),
        Stage::Steps { .. } => None,
    };
    let tasks: Vec<Option<Task>> = stages.iter().map(once).collect();
    ending::absorb(&mut operations, &places, &mut |product, map| {
        loop_to_end(tasks[product].as_ref()?, tasks[map].as_ref()?, values, &numbers)
    });
    let arena = memory::place(&mut places, &operations);
    let tables = values.values().enumerate().filter_map(|(place, value)| Some((place, value.table.clone()?))).collect();
    Plan { batch, places, operations, arena, tables }
}
