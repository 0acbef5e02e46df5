//! The groups of axes of a product: batch, rows, columns, inner.

use super::nest::{Places, access, walk};
use super::operation::{Access, Axis, Doubt, Ending, Guarded, Key, Loop, Operation, Product, Scatter};
use super::tasks::{Guard, RATE, RESULT, Task, Values, Work};
use crate::term::{Index, Name, Node, Number, Reduction, Term};

/// Columns that are computed at once, on most machines.
const COLUMNS: usize = 16;
/// With fewer channels those of the layer before are mostly too few to be columns in the gradient.
const FEWEST: usize = 32;

/// The factors of a product.
pub(super) struct Factors<'a> {
    pub left: &'a Term,
    pub right: &'a Term,
    pub over: &'a [Index],
    pub scale: f64,
    pub descends: bool,
    /// Every index of the rows and that of the columns with which it changes places, where the results are
    /// symmetric.
    pub symmetric: &'a [(Index, Index)],
    /// What is added to symmetric results on the diagonal.
    pub diagonal: f64,
    /// A read, a factor of every summand.
    pub weights: Option<&'a Term>,
}

impl<'a> Factors<'a> {
    /// Of a contraction.
    pub fn of(task: &'a Task) -> Option<Factors<'a>> {
        match &task.work {
            Work::Contract { left, right, over, scale, descends, symmetric, diagonal, weights, .. } => {
                let (scale, descends, diagonal, weights) = (*scale, *descends, *diagonal, weights.as_ref());
                Some(Factors { left, right, over, scale, descends, symmetric, diagonal, weights })
            }
            _ => None,
        }
    }
}

/// The product of a contraction. A temporary target gets the layout in which every group is one
/// axis.
pub(super) fn product(
    task: &Task,
    factors: &Factors,
    steps: Option<&Index>,
    values: &mut Values,
    places: &Places,
) -> Product {
    let (mut left, mut right) = (factors.left, factors.right);
    if exchanges(task, [left, right], factors.over, values) {
        (left, right) = (right, left);
    }
    let indices: Vec<Index> = task.indices.iter().chain(factors.over).cloned().collect();
    let operand = |term: &Term, values: &Values| -> Access {
        let read = match term.node() {
            Node::Read { tensor, subscripts } => Some((tensor, subscripts.as_slice())),
            _ => None,
        };
        let (name, subscripts): (&Name, &[Term]) = read.unwrap_or((&task.target, &[]));
        access(values, places, name, subscripts, &indices)
    };
    let (a, b) = (operand(left, values), operand(right, values));
    let group = |index: &Index| match (left.depends_on(index), right.depends_on(index)) {
        _ if factors.over.contains(index) => 3,
        _ if steps == Some(index) => 0,
        (true, true) => 0,
        (true, false) => 1,
        _ => 2,
    };
    if is_free(task, values) {
        let mut layout: Vec<usize> = (0..task.indices.len()).collect();
        layout.sort_by_key(|&axis| {
            let stride = if group(&indices[axis]) == 2 { b.strides[axis] } else { a.strides[axis] };
            (group(&indices[axis]), std::cmp::Reverse(stride))
        });
        if let Some(value) = values.get_mut(&task.target) {
            value.layout = layout;
        }
    }
    let own: Vec<Term> = task.indices.iter().map(Term::index).collect();
    let target = access(values, places, &task.target, &own, &indices);
    let axes = |wanted: usize, by: usize| -> (Vec<Axis>, Vec<Vec<Index>>) {
        let axis = |(position, index): (usize, &Index)| Axis {
            extent: index.extent.value(),
            letters: index.letter.to_string(),
            strides: [a.strides[position], b.strides[position], target.strides[position]],
        };
        let is_member = |index: &Index| group(index) == wanted && index.extent != 1 && steps != Some(index);
        let members = indices.iter().enumerate().filter(|(_, index)| is_member(index));
        let is_first = |index: &Index| wanted == 0 && steps == Some(index);
        let first = indices.iter().enumerate().filter(|(_, index)| is_first(index));
        let one = |member: (usize, &Index)| (axis(member), vec![member.1.clone()]);
        first.map(one).chain(merged(members.map(one).collect(), by)).unzip()
    };
    let (rows, columns) = (axes(1, 2), axes(2, 2));
    let weights = factors.weights.and_then(|weights| match weights.node() {
        Node::Read { tensor, .. } => Some(places[tensor]),
        _ => None,
    });
    Product {
        diagonal: factors.diagonal,
        weights,
        symmetric: !factors.descends && change_places(&rows.1, &columns.1, factors.symmetric),
        batch: axes(0, 2).0,
        rows: rows.0,
        columns: columns.0,
        inner: axes(3, 1).0,
        places: [a.place, b.place, target.place],
        offsets: [a.offset, b.offset, target.offset],
        scale: factors.scale,
        descends: factors.descends,
        ending: Ending::default(),
    }
}

/// The product of a contraction with a guard, and the loop that respects it. In a recurrence the loop
/// alone.
pub(super) fn guarded(
    task: &Task,
    factors: &Factors,
    guard: &Guard,
    steps: Option<&Index>,
    values: &mut Values,
    places: &Places,
) -> Operation {
    let in_loop = in_loop(task, factors, guard);
    if steps.is_some() {
        return Operation::Walk(walk(&in_loop, steps, values, places));
    }
    let product = product(task, factors, None, values, places);
    // Both write the same places.
    if let Some(value) = values.get_mut(&task.target) {
        value.is_settled = true;
    }
    let size = |name: &Name| values[name].shape.iter().product::<usize>();
    let unseen = [factors.left, factors.right].into_iter().zip(guard.unseen).filter(|(_, unseen)| *unseen);
    let mut names: Vec<Name> = unseen.flat_map(|(factor, _)| factor.tensors()).collect();
    names.dedup();
    // What is computed in place is told before.
    let by_results = !factors.descends && names.iter().map(size).sum::<usize>() > size(&task.target);
    let doubt = match by_results {
        true => Doubt::Results,
        false => Doubt::Operands(names.iter().map(|name| places[name]).collect()),
    };
    Operation::Guarded(Guarded { product, walk: walk(&in_loop, None, values, places), doubt })
}

/// A contraction with a guard as a reduction.
pub(super) fn in_loop(task: &Task, factors: &Factors, guard: &Guard) -> Task {
    let body = Term::mul(vec![guard.condition.clone(), factors.left.clone(), factors.right.clone()]);
    let scale = if factors.scale == 1.0 { Term::integer(1) } else { Term::number(Number::Float(factors.scale)) };
    let mut ending = Term::mul(vec![scale, Term::read(RESULT, Vec::new())]);
    if factors.descends {
        let step = Term::mul(vec![Term::read(RATE, Vec::new()), ending]);
        ending = Term::read_at(&task.target, &task.indices).minus(&step);
    }
    let work = Work::Reduce { reduction: Reduction::Sum, over: factors.over.to_vec(), body, ending };
    Task { target: task.target.clone(), indices: task.indices.clone(), work }
}

/// The scatter of a task, target indices that are no keys innermost.
pub(super) fn scatter(
    task: &Task,
    (source, keys, over): (&Term, &[(Term, Index)], &[Index]),
    values: &Values,
    places: &Places,
) -> Operation {
    let is_key = |index: &&Index| keys.iter().any(|(_, key)| key == *index);
    let in_keys = |index: &Index| keys.iter().any(|(key, _)| key.depends_on(index));
    let kept: Vec<Index> = task.indices.iter().filter(|index| !is_key(index)).cloned().collect();
    let (before, after): (Vec<Index>, Vec<Index>) = kept.into_iter().partition(in_keys);
    let indices: Vec<Index> = before.iter().chain(over).chain(&after).cloned().collect();
    let operand = |term: &Term| match term.node() {
        Node::Read { tensor, subscripts } => access(values, places, tensor, subscripts, &indices),
        _ => access(values, places, &task.target, &[], &indices),
    };
    // Along the keys it moves by their values.
    let own: Vec<Term> =
        task.indices.iter().map(|index| if is_key(&index) { Term::integer(0) } else { Term::index(index) }).collect();
    let strides = values[&task.target].strides();
    let stride = |index: &Index| task.indices.iter().position(|own| own == index).map_or(0, |axis| strides[axis]);
    let key = |(read, index): &(Term, Index)| Key {
        read: operand(read),
        extent: index.extent.value(),
        stride: stride(index),
    };
    let range = |index: &Index| Loop {
        extent: index.extent.value(),
        letters: index.letter.to_string(),
        reduced: over.contains(index),
    };
    Operation::Scatter(Scatter {
        loops: indices.iter().map(range).collect(),
        source: operand(source),
        keys: keys.iter().map(key).collect(),
        target: access(values, places, &task.target, &own, &indices),
    })
}

/// Whether the layout of the target may be chosen.
fn is_free(task: &Task, values: &Values) -> bool {
    let value = &values[&task.target];
    value.is_temporary() && !value.is_settled
}

/// Whether the first of two factors is rather the right one, whose indices are the columns.
fn exchanges(task: &Task, [left, right]: [&Term; 2], over: &[Index], values: &Values) -> bool {
    if is_free(task, values) {
        // Windows are read in place as rows where the other indices fill columns: an image then has all
        // channels of a pixel side by side.
        let fills = |term: &Term, other: &Term| {
            let own = |index: &&Index| term.depends_on(index) && !other.depends_on(index);
            let count: usize = task.indices.iter().filter(own).map(|index| index.extent.value()).product();
            count >= FEWEST && 4 * count.next_multiple_of(COLUMNS) <= 5 * count
        };
        match [left, right].map(|term| has_windows(term, over)) {
            [true, false] if fills(right, left) => return false,
            [false, true] if fills(left, right) => return true,
            _ => {}
        }
    }
    // The axis along which results are dense belongs to the columns.
    last_axis(task, values).is_some_and(|index| left.depends_on(index) && !right.depends_on(index))
}

/// Whether a subscript of a read moves both with what is summed over and with what is not.
fn has_windows(term: &Term, over: &[Index]) -> bool {
    let Node::Read { subscripts, .. } = term.node() else { return false };
    let is_window = |subscript: &Term| {
        let summed = subscript.free().iter().filter(|index| over.contains(index)).count();
        summed > 0 && summed < subscript.free().len()
    };
    subscripts.iter().any(is_window)
}

/// The innermost axis of a target whose layout is settled, or else the last.
fn last_axis<'a>(task: &'a Task, values: &Values) -> Option<&'a Index> {
    let layout = &values[&task.target].layout;
    layout.iter().rev().map(|&axis| &task.indices[axis]).find(|index| index.extent.value() > 1)
}

/// Whether every position of the rows changes places with the same position of the columns.
fn change_places(rows: &[Vec<Index>], columns: &[Vec<Index>], pairs: &[(Index, Index)]) -> bool {
    let is_pair = |(a, b): (&Index, &Index)| pairs.iter().any(|(c, d)| (a, b) == (c, d) || (b, a) == (c, d));
    let are_pairs = |(a, b): (&Vec<Index>, &Vec<Index>)| a.len() == b.len() && a.iter().zip(b).all(is_pair);
    !pairs.is_empty() && rows.len() == columns.len() && rows.iter().zip(columns).all(are_pairs)
}

/// Axes from the outermost in memory of one operand to the innermost, those joined that are one, with the
/// indices in each.
fn merged(mut axes: Vec<(Axis, Vec<Index>)>, by: usize) -> Vec<(Axis, Vec<Index>)> {
    axes.sort_by_key(|(axis, _)| std::cmp::Reverse(axis.strides[by]));
    let mut merged: Vec<(Axis, Vec<Index>)> = Vec::new();
    for (axis, indices) in axes {
        match merged.last_mut() {
            Some((outer, together))
                if (0..3).all(|operand| outer.strides[operand] == axis.strides[operand] * axis.extent as i64) =>
            {
                outer.extent *= axis.extent;
                outer.strides = axis.strides;
                outer.letters += &axis.letters;
                together.extend(indices);
            }
            _ => merged.push((axis, indices)),
        }
    }
    merged
}
