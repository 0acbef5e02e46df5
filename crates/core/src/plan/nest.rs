//! From tasks that are no products to walks.

use super::PlaceKind;
use super::operation::{Access, Bound, Store, Walk};
use super::order::{Nest, Range};
use super::program::Builder;
use super::split::{Split, apart, splits};
use super::tasks::{RESULT, Task, Values, Work};
use crate::term::{Affine, Index, Name, Slot, Term, fresh_id};
use std::collections::BTreeMap;

/// The numbers of the places of values.
pub(super) type Places = BTreeMap<Name, usize>;

/// How a read moves with the indices.
pub(super) fn access(values: &Values, places: &Places, name: &Name, subscripts: &[Term], loops: &[Index]) -> Access {
    let mut offset = 0;
    let mut strides = vec![0; loops.len()];
    let mut axes = Vec::new();
    let mut leaves = false;
    for ((subscript, step), &extent) in subscripts.iter().zip(values[name].strides()).zip(&values[name].shape) {
        let Some(form) = subscript.as_affine() else {
            // Computed in the loop.
            leaves = true;
            axes.push(Bound { extent, step, offset: 0, strides: vec![0; loops.len()] });
            continue;
        };
        leaves |= !is_inside(subscript, extent);
        offset += step * form.constant;
        let along = coefficients(&form, loops);
        strides.iter_mut().zip(&along).for_each(|(stride, factor)| *stride += step * factor);
        axes.push(Bound { extent, step, offset: form.constant, strides: along });
    }
    if !leaves {
        axes.clear();
    }
    Access { place: places[name], offset, strides, axes }
}

/// Whether a subscript stays inside an axis for all values of its indices.
pub(super) fn is_inside(subscript: &Term, extent: usize) -> bool {
    let bounds = subscript.as_affine().and_then(|form| form.bounds());
    bounds.is_some_and(|(least, greatest)| least >= 0 && greatest < extent as i64)
}

fn coefficients(form: &Affine, loops: &[Index]) -> Vec<i64> {
    let of = |index: &Index| {
        let found = form.terms.iter().find(|(slot, _)| matches!(slot, Slot::Free(free) if free == index));
        found.map_or(0, |(_, factor)| *factor)
    };
    loops.iter().map(of).collect()
}

/// The walk of a task that is no product.
pub(super) fn walk(task: &Task, steps: Option<&Index>, values: &mut Values, places: &Places) -> Walk {
    let (body, reduction, over, ending) = match &task.work {
        Work::Map(body) => (body, None, &[][..], None),
        Work::Reduce { reduction, over, body, ending } => (body, Some(*reduction), over.as_slice(), Some(ending)),
        Work::Contract { left, .. } | Work::Scatter { source: left, .. } => (left, None, &[][..], None),
    };
    let terms: Vec<&Term> = [body].into_iter().chain(ending).collect();
    let whole: Vec<Index> = task.indices.iter().chain(over).cloned().collect();
    let first = fresh_id(&terms).max(whole.iter().map(|index| index.id + 1).max().unwrap_or(0));
    let divided: Vec<Index> = whole.iter().filter(|index| steps != Some(index)).cloned().collect();
    let splits = splits(&terms, &divided, first);
    let own: Vec<Term> = task.indices.iter().map(|index| apart(&Term::index(index), &splits)).collect();
    let kept = in_two(&task.indices, &splits);
    let indices: Vec<Index> = kept.iter().cloned().chain(in_two(over, &splits)).collect();

    let mut reads = Vec::new();
    let known = |name: &Name| match values[name].kind {
        PlaceKind::Constant(value) => Some(value),
        _ => None,
    };
    let strides = |form: &Affine| coefficients(form, &indices);
    let mut builder = Builder::new(&mut reads, &known, &strides);
    let mut value = builder.term(&apart(body, &splits));
    let mut program = builder.code;
    // A reduction takes the last value.
    program.truncate(value + 1);
    let mut ending_code = Vec::new();
    if let Some(ending) = ending {
        let mut builder = Builder::new(&mut reads, &known, &strides);
        builder.term(&Term::read(RESULT, Vec::new()));
        value = builder.term(&apart(ending, &splits));
        ending_code = builder.code;
    }
    choose_layout(task, &own, &reads, values);
    let access = |name: &Name, subscripts: &[Term]| access(values, places, name, subscripts, &indices);
    let range = |(position, index): (usize, &Index)| Range {
        extent: index.extent.value(),
        letters: index.letter.to_string(),
        reduced: position >= kept.len(),
        is_step: steps == Some(index),
    };
    let nest = Nest {
        ranges: indices.iter().enumerate().map(range).collect(),
        reduction,
        reads: reads.iter().map(|(name, subscripts)| access(name, subscripts)).collect(),
        store: access(&task.target, &own),
        program,
        ending: ending_code,
    };
    let nest = nest.ordered();
    Walk {
        loops: nest.loops(),
        reads: nest.reads,
        program: nest.program,
        reduction,
        ending: nest.ending,
        stores: vec![Store { value, access: nest.store }],
    }
}

/// The indices, those that are split replaced by the two.
fn in_two(indices: &[Index], splits: &[Split]) -> Vec<Index> {
    let two = |index: &Index| match splits.iter().find(|split| split.index == *index) {
        Some(split) => vec![split.high.clone(), split.low.clone()],
        None => vec![index.clone()],
    };
    indices.iter().flat_map(two).collect()
}

/// A temporary lies in memory as what it is computed from: best as something read at the same
/// positions, else as something whose every axis moves with another of its indices.
fn choose_layout(task: &Task, own: &[Term], reads: &[(Name, Vec<Term>)], values: &mut Values) {
    if !values[&task.target].is_temporary() || values[&task.target].is_settled {
        return;
    }
    let same = |subscript: &Term| own.iter().position(|index| index == subscript);
    let moves = |subscript: &Term| {
        let mut free = subscript.free().iter().filter_map(|index| own.iter().position(|own| own.depends_on(index)));
        free.next().filter(|_| free.next().is_none() && subscript.as_affine().is_some())
    };
    let layout = |axis: &dyn Fn(&Term) -> Option<usize>, name: &Name, subscripts: &[Term]| -> Option<Vec<usize>> {
        let layout: Vec<usize> =
            values[name].layout.iter().map(|&from| axis(&subscripts[from])).collect::<Option<_>>()?;
        let is_whole = layout.len() == own.len() && (0..own.len()).all(|axis| layout.contains(&axis));
        (is_whole && layout.len() > 1).then_some(layout)
    };
    let by = |axis: &dyn Fn(&Term) -> Option<usize>| {
        reads.iter().find_map(|(name, subscripts)| layout(axis, name, subscripts))
    };
    if let Some(layout) = by(&same).or_else(|| by(&moves))
        && let Some(value) = values.get_mut(&task.target)
    {
        value.layout = layout;
    }
}
