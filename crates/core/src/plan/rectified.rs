//! Conditions `z > 0` where `relu(z)` has a name too are asked of that: it is above 0 where `z` is. A `z` that
//! nothing else reads is then put into the task that rectifies it, and is never in memory.

use super::tasks::{Task, Values, Work};
use crate::term::{Comparison, Function, Name, Node, Term};

/// Asks results instead of what they rectify.
pub(super) fn ask_results(tasks: &mut [Task], values: &Values) {
    for number in 0..tasks.len() {
        let Some(rectified) = rectified(&tasks[number], values) else { continue };
        let result = tasks[number].target.clone();
        for later in &mut tasks[number + 1..] {
            if later.terms().into_iter().any(|term| term.reads(&rectified)) {
                *later = later.mapped(&|term| ask(term, &rectified, &result));
            }
        }
    }
}

/// The temporary value that a task rectifies, entry by entry.
fn rectified(task: &Task, values: &Values) -> Option<Name> {
    let Work::Map(body) = &task.work else { return None };
    let Node::Call(Function::Relu, arguments) = body.node() else { return None };
    let Node::Read { tensor, .. } = arguments[0].node() else { return None };
    let is_whole = arguments[0] == Term::read_at(tensor, &task.indices);
    let is_free = values[tensor].is_temporary() && !values[tensor].is_recurrent && !values[&task.target].is_recurrent;
    (is_whole && is_free).then(|| tensor.clone())
}

/// A term that asks for the sign of another value.
fn ask(term: &Term, rectified: &Name, result: &Name) -> Term {
    let instead = |read: &Term| match read.node() {
        Node::Read { tensor, subscripts } if tensor == rectified => {
            Some(Term::read_named(result.clone(), subscripts.clone()))
        }
        _ => None,
    };
    let own = match term.node() {
        Node::Compare(Comparison::Greater, left, right) if right.is_zero() => instead(left),
        Node::Compare(Comparison::Less, left, right) if left.is_zero() => instead(right),
        _ => None,
    };
    match own {
        Some(result) => Term::compare(Comparison::Greater, result, Term::integer(0)),
        None if term.reads(rectified) => term.map_children(&mut |child| ask(child, rectified, result)),
        None => term.clone(),
    }
}
