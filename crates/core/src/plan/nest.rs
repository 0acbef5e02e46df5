//! The loops of a walk: their order, and which of them are one loop in memory.

use super::operation::{Access, Bound, Instruction, Loop, Store, Walk};
use super::program::Builder;
use super::tasks::{RESULT, Task, Values, Work};
use super::{PlaceKind, operation::Operation};
use crate::term::{Affine, Index, Name, Reduction, Slot, Term};
use std::collections::BTreeMap;

/// An innermost loop shorter than this gets another loop beside it in a tile.
const SHORT: usize = 256;

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
pub(super) fn walk(task: &Task, steps: Option<&Index>, values: &mut Values, places: &Places) -> Operation {
    let empty = (Vec::new(), Term::read(RESULT, Vec::new()));
    let (body, reduction, over, ending) = match &task.work {
        Work::Map(body) => (body, None, &empty.0, &empty.1),
        Work::Reduce { reduction, over, body, ending } => (body, Some(*reduction), over, ending),
        Work::Contract { left, .. } | Work::Scatter { source: left, .. } => (left, None, &empty.0, &empty.1),
    };
    let indices: Vec<Index> = task.indices.iter().chain(over).cloned().collect();
    let mut reads = Vec::new();
    let known = |name: &Name| match values[name].kind {
        PlaceKind::Constant(value) => Some(value),
        _ => None,
    };
    let strides = |form: &Affine| coefficients(form, &indices);
    let mut builder = Builder::new(&mut reads, &known, &strides);
    let result = builder.term(body);
    let mut program = builder.code;
    // A reduction takes the last value.
    program.truncate(result + 1);
    let mut value = result;
    let mut ending_code = Vec::new();
    if reduction.is_some() {
        let mut builder = Builder::new(&mut reads, &known, &strides);
        builder.term(&Term::read(RESULT, Vec::new()));
        value = builder.term(ending);
        ending_code = builder.code;
    }
    let reads: Vec<(Name, Vec<Term>)> = reads;
    choose_layout(task, &reads, values);
    let mut accesses: Vec<Access> =
        reads.iter().map(|(name, subscripts)| access(values, places, name, subscripts, &indices)).collect();
    let own: Vec<Term> = task.indices.iter().map(Term::index).collect();
    let store = access(values, places, &task.target, &own, &indices);
    let steps = steps.and_then(|steps| indices.iter().position(|index| index == steps));
    let mut nest = Nest { steps, indices, kept: task.indices.len(), reduction, reads: accesses.clone(), store };
    let order = nest.order();
    nest.apply(&order, &mut program, &mut ending_code);
    let loops = nest.merged(&order, &mut program, &mut ending_code);
    accesses.clone_from(&nest.reads);
    let stores = vec![Store { value, access: nest.store }];
    Operation::Walk(Walk { loops, reads: accesses, program, reduction, ending: ending_code, stores })
}

/// A temporary lies in memory as what it is computed from.
fn choose_layout(task: &Task, reads: &[(Name, Vec<Term>)], values: &mut Values) {
    if !values[&task.target].is_temporary() || values[&task.target].is_settled {
        return;
    }
    let whole = reads.iter().find(|(name, subscripts)| {
        let is_index = |index: &Index| subscripts.contains(&Term::index(index));
        subscripts.len() == task.indices.len() && task.indices.iter().all(is_index) && values[name].shape.len() > 1
    });
    let Some((name, subscripts)) = whole else { return };
    let axis = |subscript: &Term| task.indices.iter().position(|index| Term::index(index) == *subscript);
    let layout: Vec<usize> = values[name].layout.iter().filter_map(|&from| axis(&subscripts[from])).collect();
    if let Some(value) = values.get_mut(&task.target)
        && layout.len() == value.shape.len()
    {
        value.layout = layout;
    }
}

struct Nest {
    /// The position of the steps of a recurrence.
    steps: Option<usize>,
    /// Kept ones first.
    indices: Vec<Index>,
    kept: usize,
    reduction: Option<Reduction>,
    reads: Vec<Access>,
    store: Access,
}

impl Nest {
    fn is_reduced(&self, position: usize) -> bool {
        position >= self.kept
    }

    /// The loops from the outermost inwards, as positions in `indices`; those that run once left
    /// out.
    fn order(&self) -> Vec<usize> {
        self.steps.into_iter().chain(self.order_within()).collect()
    }

    fn order_within(&self) -> Vec<usize> {
        let runs = |position: &usize| self.indices[*position].extent != 1 && self.steps != Some(*position);
        let mut kept: Vec<usize> = (0..self.kept).filter(runs).collect();
        kept.sort_by_key(|&position| std::cmp::Reverse(self.store.strides[position]));
        let mut over: Vec<usize> = (self.kept..self.indices.len()).filter(runs).collect();
        if over.is_empty() && self.reduction.is_some() {
            over.extend((self.kept..self.indices.len()).last());
        }
        let in_order =
            matches!(self.reduction, Some(Reduction::LogSumExp | Reduction::ArgMax | Reduction::ArgMin) | None);
        if over.is_empty() {
            return kept;
        }
        if !in_order {
            over.sort_by_key(|&position| self.reach(position));
            over.reverse();
        }
        let inner = if in_order { over[over.len() - 1] } else { self.innermost(&kept, &over) };
        if self.is_reduced(inner) && !in_order {
            over.retain(|&position| position != inner);
            over.push(inner);
        }
        kept.retain(|&position| position != inner);
        if self.is_reduced(inner) {
            // Several short rows side by side.
            let is_short = self.indices[inner].extent < SHORT && over.len() == 1;
            let beside = if is_short { kept.pop() } else { None };
            let last = over.pop();
            return kept.into_iter().chain(over).chain(beside).chain(last).collect();
        }
        kept.into_iter().chain(over).chain([inner]).collect()
    }

    /// How far apart neighbours are on the whole: the order for sums, which have none of their own.
    fn reach(&self, position: usize) -> i64 {
        self.reads.iter().map(|read| read.strides[position].abs()).max().unwrap_or(0)
    }

    /// The loop in which most reads are dense.
    fn innermost(&self, kept: &[usize], over: &[usize]) -> usize {
        let dense = |position: usize| {
            let reads = self.reads.iter().filter(|read| read.strides[position] == 1).count();
            let gaps = self.reads.iter().filter(|read| read.strides[position].abs() > 1).count();
            2 * reads as i64 - 3 * gaps as i64
        };
        // Of equal ones the last: it is reduced over, and the longest reach is outside.
        let all = kept.iter().chain(over);
        all.copied().max_by_key(|&position| (dense(position), self.indices[position].extent.min(16))).unwrap_or(over[0])
    }

    /// Puts the strides of all accesses in an order.
    fn apply(&mut self, order: &[usize], program: &mut [Instruction], ending: &mut [Instruction]) {
        let arrange = |strides: &mut Vec<i64>| *strides = order.iter().map(|&position| strides[position]).collect();
        for read in &mut self.reads {
            arrange(&mut read.strides);
            read.axes.iter_mut().for_each(|axis| arrange(&mut axis.strides));
        }
        arrange(&mut self.store.strides);
        for instruction in program.iter_mut().chain(ending) {
            if let Instruction::Position { strides, .. } = instruction {
                arrange(strides);
            }
        }
    }

    /// Makes one loop of neighbours that are one in memory for every access.
    fn merged(&mut self, order: &[usize], program: &mut [Instruction], ending: &mut [Instruction]) -> Vec<Loop> {
        let mut loops: Vec<Loop> = order
            .iter()
            .map(|&position| Loop {
                extent: self.indices[position].extent,
                letters: self.indices[position].letter.to_string(),
                reduced: self.is_reduced(position),
            })
            .collect();
        let mut all: Vec<&mut Vec<i64>> = Vec::new();
        for read in &mut self.reads {
            all.push(&mut read.strides);
            all.extend(read.axes.iter_mut().map(|axis| &mut axis.strides));
        }
        all.push(&mut self.store.strides);
        for instruction in program.iter_mut().chain(ending) {
            if let Instruction::Position { strides, .. } = instruction {
                all.push(strides);
            }
        }
        let mut place = usize::from(self.steps.is_some());
        while place + 1 < loops.len() {
            let inner = loops[place + 1].extent as i64;
            let same = loops[place].reduced == loops[place + 1].reduced;
            if !same || !all.iter().all(|strides| strides[place] == strides[place + 1] * inner) {
                place += 1;
                continue;
            }
            let outer = loops.remove(place);
            loops[place].extent *= outer.extent;
            loops[place].letters = format!("{}{}", outer.letters, loops[place].letters);
            all.iter_mut().for_each(|strides| {
                strides.remove(place);
            });
        }
        loops
    }
}
