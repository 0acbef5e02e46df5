//! Which tasks are done step by step, and the order of all tasks.

use super::PlanError;
use super::tasks::Task;
use crate::term::{Affine, Index, Name};
use std::collections::{BTreeMap, BTreeSet};

/// Values that are computed step by step since they read one another.
#[derive(Debug)]
pub(super) struct Recurrence {
    /// For each of them the axis of the steps.
    pub axes: BTreeMap<Name, usize>,
    /// Whether the last step is done first.
    pub backward: bool,
}

/// What is done at one time.
pub(super) enum Stage {
    /// A task by itself.
    Once(Task),
    /// Tasks that are done for one step after the other, each with the axis of the steps.
    Steps {
        /// How many steps there are.
        count: usize,
        /// Whether the last is done first.
        backward: bool,
        /// In the order within a step.
        tasks: Vec<(Task, usize)>,
    },
}

impl Stage {
    /// All tasks in it.
    pub fn tasks(&self) -> Vec<&Task> {
        match self {
            Stage::Once(task) => vec![task],
            Stage::Steps { tasks, .. } => tasks.iter().map(|(task, _)| task).collect(),
        }
    }

    /// The tasks that are done step by step, with the axis of the steps.
    pub fn steps(&self) -> Vec<(&Task, usize)> {
        match self {
            Stage::Once(_) => Vec::new(),
            Stage::Steps { tasks, .. } => tasks.iter().map(|(task, axis)| (task, *axis)).collect(),
        }
    }
}

/// The tasks in an order in which they can be done.
pub(super) fn stages(tasks: Vec<Task>, recurrences: &[Recurrence]) -> Result<Vec<Stage>, PlanError> {
    if recurrences.is_empty() {
        return Ok(tasks.into_iter().map(Stage::Once).collect());
    }
    let mut group_of: Vec<Option<usize>> = vec![None; tasks.len()];
    let needs = needs(&tasks);
    for (number, recurrence) in recurrences.iter().enumerate() {
        let members: BTreeSet<usize> =
            (0..tasks.len()).filter(|&task| recurrence.axes.contains_key(&tasks[task].target)).collect();
        // Between them: what they need, and what needs them.
        let needed: BTreeSet<usize> = members.iter().flat_map(|&member| &needs[member]).copied().collect();
        for task in 0..tasks.len() {
            if members.contains(&task) || (needed.contains(&task) && !needs[task].is_disjoint(&members)) {
                group_of[task] = Some(number);
            }
        }
    }
    order(tasks, &needs, &group_of, recurrences)
}

/// For every task, all tasks that must be done before it, itself among them where it reads itself.
fn needs(tasks: &[Task]) -> Vec<BTreeSet<usize>> {
    let reads: Vec<Vec<usize>> = tasks
        .iter()
        .enumerate()
        .map(|(number, task)| {
            let names: BTreeSet<Name> = task.reads().into_iter().map(|(name, _)| name).collect();
            // What is given is changed by tasks at the end, which all readers are before.
            let writes = |other: &usize| {
                names.contains(&tasks[*other].target) && (*other <= number || tasks[*other].target.starts_with('%'))
            };
            (0..tasks.len())
                .filter(writes)
                .filter(|&other| other != number || tasks[other].target.starts_with('%'))
                .collect()
        })
        .collect();
    let reach = |start: usize| {
        let mut found = BTreeSet::new();
        let mut pending = reads[start].clone();
        while let Some(task) = pending.pop() {
            if found.insert(task) {
                pending.extend(&reads[task]);
            }
        }
        found
    };
    (0..tasks.len()).map(reach).collect()
}

/// Takes the first task whose needs are met, or a whole group of them, until there are none.
fn order(
    tasks: Vec<Task>,
    needs: &[BTreeSet<usize>],
    group_of: &[Option<usize>],
    recurrences: &[Recurrence],
) -> Result<Vec<Stage>, PlanError> {
    let mut done: BTreeSet<usize> = BTreeSet::new();
    let mut stages = Vec::new();
    while done.len() < tasks.len() {
        let unit = |task: usize| -> Vec<usize> {
            match group_of[task] {
                Some(group) => (0..tasks.len()).filter(|&other| group_of[other] == Some(group)).collect(),
                None => vec![task],
            }
        };
        let ready = |task: &usize| {
            let unit = unit(*task);
            unit.iter().flat_map(|member| &needs[*member]).all(|need| done.contains(need) || unit.contains(need))
        };
        // A task that writes what was given has a place after all others.
        let Some(next) = (0..tasks.len()).filter(|task| !done.contains(task)).find(ready) else {
            let name =
                tasks.iter().enumerate().find(|(number, _)| !done.contains(number)).map(|(_, t)| t.target.clone());
            let name = name.unwrap_or_else(|| "".into());
            return Err(PlanError::Order { tensor: name.clone(), read: name });
        };
        let unit = unit(next);
        done.extend(&unit);
        stages.push(match group_of[next] {
            Some(group) => steps(unit.iter().map(|&task| &tasks[task]).collect(), &recurrences[group])?,
            None => Stage::Once(tasks[next].clone()),
        });
    }
    Ok(stages)
}

/// The stage of a group: every task in it moves with the steps along one of its axes.
fn steps(tasks: Vec<&Task>, recurrence: &Recurrence) -> Result<Stage, PlanError> {
    let mut axes = recurrence.axes.clone();
    let mut found = true;
    while found {
        found = false;
        for task in &tasks {
            let Some(own) = axes.get(&task.target).and_then(|axis| task.indices.get(*axis)).cloned() else { continue };
            for (name, subscripts) in task.reads() {
                if axes.contains_key(&name) || !tasks.iter().any(|task| task.target == name) {
                    continue;
                }
                let follows = |form: Affine| is_step(&form, &own);
                if let Some(axis) = subscripts.iter().position(|term| term.as_affine().is_some_and(follows)) {
                    axes.insert(name, axis);
                    found = true;
                }
            }
        }
    }
    let with_axis = |task: &&Task| {
        let wrong = || PlanError::Order { tensor: task.target.clone(), read: task.target.clone() };
        let axis = *axes.get(&task.target).ok_or_else(wrong)?;
        Ok(((*task).clone(), axis))
    };
    let tasks: Vec<(Task, usize)> = tasks.iter().map(with_axis).collect::<Result<_, PlanError>>()?;
    let count = tasks.first().map_or(0, |(task, axis)| task.indices[*axis].extent.value());
    Ok(Stage::Steps { count, backward: recurrence.backward, tasks })
}

/// Whether a subscript is the step, or some steps from it.
fn is_step(form: &Affine, step: &Index) -> bool {
    form.terms.len() == 1 && form.coefficient(step) == 1
}
