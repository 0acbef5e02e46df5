//! What is wrong with ranges, in words.

use super::draft::Draft;
use super::form::{Atom, Bounds};
use super::ranges::{Evidence, Range, Reach, with_call};
use super::scope::IndexId;
use super::solve::{Solver, open_indices, values};
use crate::text::Problem;

/// Two places say different things of an index.
pub(super) fn disagreement(range: &Range, first: &Evidence, second: &Evidence) -> Problem {
    let letter = &range.letter;
    let message = format!(
        "the index `{letter}` cannot run over {} and over {} values",
        first.extent.value(),
        second.extent.value()
    );
    let mut problem = Problem::new(message, second.span, second.text.clone()).label(first.span, first.text.clone());
    for evidence in [second, first] {
        if let Some((span, text)) = &evidence.declared {
            problem = problem.label(*span, text.clone());
        }
    }
    with_call(problem, range.call)
}

/// In a recurrence: an index does not run as far as the axis of the tensor itself.
pub(super) fn other_axis(solver: &Solver, read: &Reach, index: IndexId, axis: IndexId) -> Problem {
    let (one, other) = (&solver.ranges.all[index].letter, &solver.ranges.all[axis].letter);
    let extent = |index: IndexId| solver.extent(index).map_or(0, |extent| extent.value());
    let message = format!("the index `{one}` cannot run over {} and over {} values", extent(index), extent(axis));
    let label = format!("{} has the extent of `{other}` on the left", read.axis);
    with_call(with_origins(Problem::new(message, read.span, label), solver, &[index, axis]), read.call)
}

/// Adds what told the ranges of the indices.
fn with_origins(mut problem: Problem, solver: &Solver, indices: &[IndexId]) -> Problem {
    for &index in indices {
        let letter = &solver.ranges.all[index].letter;
        if let (Some(extent), Some((span, text))) = (solver.extent(index), &solver.origins[index]) {
            let last = extent.value().saturating_sub(1);
            problem = problem.label(*span, format!("`{letter}` runs from 0 to {last}: {text}"));
        }
    }
    problem
}

/// Nothing tells how far an index runs.
pub(super) fn unknown(solver: &Solver, index: IndexId) -> Problem {
    let range = &solver.ranges.all[index];
    let letter = &range.letter;
    if range.hidden {
        let problem = Problem::new("nothing tells how far the index of this call runs", range.span, "called here");
        return with_call(problem.hint("an argument must have the index of the call in a subscript"), range.call);
    }
    let message = format!("nothing tells how far the index `{letter}` runs");
    let hint = format!("give its range where it is bound: `{letter}:5` runs over 0..5");
    let reads = || solver.ranges.reads.iter().filter(|read| read.form.indices().contains(&index));
    let shared = reads().find(|read| open_indices(solver, &read.form).len() > 1);
    let problem = if let Some(read) = shared {
        let others: Vec<String> = open_indices(solver, &read.form)
            .iter()
            .filter(|&&other| other != index)
            .map(|&other| format!("`{}`", solver.ranges.all[other].letter))
            .collect();
        let label = format!("the range of {} is not known either", others.join(" and "));
        Problem::new(message, read.span, label).label(range.span, "needs a range")
    } else if let Some(read) = reads().next() {
        let label = match read.form.hides(index) {
            true => "`floor` and `mod` say nothing of its range",
            false => "is read only where a condition keeps it inside",
        };
        Problem::new(message, read.span, label).label(range.span, "needs a range")
    } else if let Some(padded) = solver.ranges.padded.iter().find(|padded| padded.form.indices().contains(&index)) {
        Problem::new(message, padded.span, "a padded read says nothing of its range").label(range.span, "needs a range")
    } else {
        Problem::new(message, range.span, "stands in no subscript")
    };
    with_call(problem.hint(hint), range.call)
}

/// A range is written out for an index along the examples.
pub(super) fn cut_examples(solver: &Solver, read: &Reach, index: IndexId) -> Problem {
    let range = &solver.ranges.all[index];
    let letter = &range.letter;
    let message = format!("the index `{letter}` runs over the examples, of which there may be any number");
    let mut problem = Problem::new(message, read.span, format!("{} is that of the examples", read.axis));
    if let Some(given) = &range.given {
        problem = problem.label(given.span, given.text.clone());
    }
    with_call(problem.hint(format!("leave the range away, or write `{letter}:batch`")), range.call)
}

/// No value of an index keeps a read inside.
pub(super) fn nothing_left(solver: &Solver, read: &Reach, index: IndexId) -> Problem {
    let letter = &solver.ranges.all[index].letter;
    let message = format!("the index `{letter}` has no value left");
    let label = format!("goes outside `{}` already where `{letter}` is 0", read.name);
    let mut problem = Problem::new(message, read.span, label);
    if let Some((span, shape)) = &read.declared {
        problem = problem.label(*span, shape.clone());
    }
    let others: Vec<IndexId> = read.form.indices().into_iter().filter(|&other| other != index).collect();
    with_call(with_origins(problem, solver, &others), read.call)
}

/// A read goes outside its tensor.
pub(super) fn outside(solver: &Solver, read: &Reach, (low, high): Bounds, limit: i128) -> Problem {
    if let [(Atom::Data(draft, _, end), 1)] = read.form.terms.as_slice()
        && read.form.constant == 0
        && let Draft::Read(name, _) = &**draft
    {
        return too_great_integers(read, name, *end, limit);
    }
    if let (Some(place), None) = (read.form.as_constant(), &read.boundary) {
        return constant_outside(read, place, limit);
    }
    let message = match (&read.boundary, low < 0) {
        (Some(_), true) => format!("`{}` is read before its first value", read.name),
        (Some(_), false) => format!("`{}` is read after its last value", read.name),
        (None, _) => format!("this read goes outside `{}`", read.name),
    };
    let reached = if low == high { format!("is {low}") } else { format!("runs from {low} to {high}") };
    let reached = if read.guards.is_empty() { reached } else { format!("{reached} where its conditions hold") };
    let before = if read.before == 0 { String::new() } else { format!(" and begins at -{}", read.before) };
    let label = format!("{reached}, but {} has extent {limit}{before}", read.axis);
    let mut problem = Problem::new(message, read.span, label);
    if let Some((span, shape)) = &read.declared {
        problem = problem.label(*span, shape.clone());
    }
    problem = with_call(with_origins(problem, solver, &read.form.indices()), read.call);
    match (&read.boundary, &read.text) {
        (Some(boundary), _) if low < 0 => problem
            .hint(format!("write in a line above what stands there: `{boundary} = 0`"))
            .hint("or read it only where it is: a condition in front, `[...]`, makes the product 0 elsewhere"),
        (Some(_), _) => problem.hint("read it only where it is: a condition in front, `[...]`, makes the product 0"),
        (None, Some(text)) if read.call.is_none() => match text.find('[') {
            Some(bracket) => {
                let padded = format!("pad({}){}", &text[..bracket], &text[bracket..]);
                problem.hint(format!("`{padded}` is 0 outside; its indices then need ranges from elsewhere"))
            }
            None => problem,
        },
        _ => problem,
    }
}

fn constant_outside(read: &Reach, place: i64, limit: i128) -> Problem {
    let message = format!("subscript {place} is outside `{}`", read.name);
    let problem = Problem::new(message, read.span, format!("{} has extent {limit}", read.axis));
    let problem = match &read.declared {
        Some((span, _)) => problem.label(*span, "defined here"),
        None => problem,
    };
    with_call(problem.hint("counting starts at 0"), read.call)
}

fn too_great_integers(read: &Reach, name: &str, below: i64, limit: i128) -> Problem {
    let message = format!("`{name}` holds integers below {below}, but {} has extent {limit}", read.axis);
    let problem = Problem::new(message, read.span, format!("up to {}", below - 1));
    let problem = match &read.declared {
        Some((span, shape)) => problem.label(*span, shape.clone()),
        None => problem,
    };
    with_call(problem.hint(format!("the integers must be below the extent: `int({limit})`")), read.call)
}

/// See [`values`]: kept here so that all texts on ranges stand together.
pub(super) fn given(letter: &str, extent: usize) -> String {
    format!("`{letter}` is given {} here", values(extent))
}
