//! Functions that several tasks compute of the same numbers, as the exponentials of a softmax for their sum and for
//! its shares, are computed once and kept.

use super::PlaceKind;
use super::lower::{WORTH, canonical};
use super::nest::is_inside;
use super::tasks::{Task, Value, Values, Work, cost, space};
use crate::term::{Function, Index, Name, Node, Term};
use std::collections::{BTreeMap, BTreeSet};

/// What it costs to write a value and to read it again, in instructions.
const KEEPING: f64 = 2.0;

/// A function of everything that its task runs over.
struct Occurrence {
    task: usize,
    call: Term,
}

/// Gives functions that it pays to compute once a task of their own, or that of a value that is no more than the
/// function. What is changed in a step may have changed where it is changed.
pub(super) fn share(mut tasks: Vec<Task>, values: &mut Values, changed: &BTreeSet<Name>) -> Vec<Task> {
    let mut order: Vec<usize> = (0..tasks.len()).collect();
    // Further tasks, with those that they have their functions from.
    let mut further: Vec<(usize, usize)> = Vec::new();
    for occurrences in shared(&tasks, values, changed) {
        // Where they are now that larger ones have tasks of their own.
        let now = |occurrence: Occurrence| {
            let Occurrence { task, call } = occurrence;
            let from_it = further.iter().filter(|(_, from)| *from == task).map(|(number, _)| *number);
            let homes = std::iter::once(task).chain(from_it);
            let left: Vec<usize> =
                homes.filter(|home| tasks[*home].terms().iter().any(|term| has(term, &call))).collect();
            left.into_iter().map(move |task| Occurrence { task, call: call.clone() })
        };
        let left: Vec<Occurrence> = occurrences.into_iter().flat_map(now).collect();
        let whole = left.iter().find(|occurrence| is_whole(&tasks[occurrence.task], &occurrence.call)).or(left.first());
        let Some(Occurrence { task: own, call }) = whole.filter(|_| left.len() > 1) else { continue };
        let place = order.iter().position(|number| left.iter().any(|occurrence| occurrence.task == *number));
        let maker = if is_whole(&tasks[*own], call) {
            order.retain(|number| number != own);
            *own
        } else {
            tasks.push(new_value(call, values));
            further.push((tasks.len() - 1, *own));
            tasks.len() - 1
        };
        order.insert(place.unwrap_or_default(), maker);
        for occurrence in left.iter().filter(|occurrence| occurrence.task != maker) {
            let place = |index: &Index| call.free().iter().position(|other| other == index);
            let at = tasks[maker].indices.iter().filter_map(place).map(|place| occurrence.call.free()[place].clone());
            let read = Term::read_at(&tasks[maker].target, &at.collect::<Vec<_>>());
            tasks[occurrence.task] = tasks[occurrence.task].mapped(&|term| replaced(term, &occurrence.call, &read));
        }
    }
    order.into_iter().map(|number| tasks[number].clone()).collect()
}

/// Whether a task computes a function and nothing else.
fn is_whole(task: &Task, call: &Term) -> bool {
    matches!(&task.work, Work::Map(body) if body == call) && task.indices.iter().all(|index| call.depends_on(index))
}

/// A task for a function, with a value for it.
fn new_value(call: &Term, values: &mut Values) -> Task {
    let mut number = values.len();
    while values.contains_key(format!("%{number}").as_str()) {
        number += 1;
    }
    let (target, indices) = (Name::from(format!("%{number}")), call.free().to_vec());
    let shape = indices.iter().map(|index| index.extent.value()).collect();
    values.insert(target.clone(), Value::new(shape, PlaceKind::Temporary));
    Task { target, indices, work: Work::Map(call.clone()) }
}

/// The functions that are computed in several tasks, the largest first.
fn shared(tasks: &[Task], values: &Values, changed: &BTreeSet<Name>) -> Vec<Vec<Occurrence>> {
    let mut groups: BTreeMap<Term, Vec<Occurrence>> = BTreeMap::new();
    for (number, task) in tasks.iter().enumerate().filter(|(_, task)| !changed.contains(&task.target)) {
        let (body, positions) = match &task.work {
            Work::Map(body) => (body, space(&task.indices)),
            Work::Reduce { body, over, .. } => (body, space(&task.indices) * space(over)),
            Work::Contract { .. } | Work::Scatter { .. } => continue,
        };
        each_call(body, &mut |call| {
            if space(call.free()) == positions && stays_inside(call, values) {
                let group = groups.entry(canonical(call, call.free())).or_default();
                if group.last().is_none_or(|last| last.task != number) {
                    group.push(Occurrence { task: number, call: call.clone() });
                }
            }
        });
    }
    let saved = |group: &[Occurrence]| {
        let call = &group[0].call;
        (group.len() - 1) as f64 * (cost(call) - KEEPING) * space(call.free())
    };
    let mut groups: Vec<Vec<Occurrence>> = groups.into_values().filter(|group| saved(group) > WORTH).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group[0].call.size()));
    groups
}

/// Visits functions that take more than to read their value.
fn each_call(term: &Term, visit: &mut dyn FnMut(&Term)) {
    use Function::{Abs, Floor, Max, Min, Mod, Relu, Sign, Stop};
    if let Node::Call(function, _) = term.node()
        && !matches!(function, Abs | Floor | Max | Min | Mod | Relu | Sign | Stop)
    {
        visit(term);
    }
    term.for_each_child(&mut |child| each_call(child, visit));
}

/// Whether all reads stay inside their tensors, whatever is asked around them.
fn stays_inside(term: &Term, values: &Values) -> bool {
    let own = match term.node() {
        Node::Read { tensor, subscripts } => {
            let mut pairs = subscripts.iter().zip(&values[tensor].shape);
            pairs.all(|(subscript, extent)| is_inside(subscript, *extent))
        }
        _ => true,
    };
    own && !term.any_child(&mut |child| !stays_inside(child, values))
}

fn has(term: &Term, part: &Term) -> bool {
    term == part || (term.size() > part.size() && term.any_child(&mut |child| has(child, part)))
}

fn replaced(term: &Term, part: &Term, with: &Term) -> Term {
    match term == part {
        true => with.clone(),
        false if term.size() <= part.size() => term.clone(),
        false => term.map_children(&mut |child| replaced(child, part, with)),
    }
}
