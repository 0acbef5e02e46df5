//! Tensors that read their own earlier values, alone or in a group, and the order in which everything
//! can be computed.

use super::{Definition, Model, Role};
use crate::term::{Index, Name, Node, Term, fresh_id};

/// How a tensor that reads itself is computed: step by step along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recurrence {
    /// The axis of the steps.
    pub axis: usize,
    /// Whether the last step is computed first.
    pub backward: bool,
}

/// Tensors that are computed together since each reads the others, or one that stands alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Positions in [`Model::tensors`], ascending. Within a step of a recurrence a tensor reads only
    /// those before it.
    pub members: Vec<usize>,
    /// Whether a member reads itself or one after it.
    pub is_recurrent: bool,
}

/// More ways than this to give a group its axes are not tried.
const MOST_TRIALS: usize = 10_000;

impl Definition {
    /// The order in which a tensor of that name can be computed that this defines, where it reads
    /// itself: inferred from the reads, along an axis whose subscript in all of them differs from its
    /// own index by a constant of one sign. `None` where it does not read itself, or there is no such axis.
    pub fn recurrence(&self, name: &str) -> Option<Recurrence> {
        if !self.body.reads(name) {
            return None;
        }
        group_recurrence(&[(name.into(), self)]).map(|recurrences| recurrences[0])
    }
}

impl Model {
    /// All tensors in an order in which they can be computed. Of a model without recurrences it is
    /// that of its tensors.
    pub fn stages(&self) -> Vec<Stage> {
        let reads: Vec<Vec<usize>> = (0..self.tensors.len()).map(|at| self.tensors.reads(at).to_vec()).collect();
        let stage = |mut members: Vec<usize>| {
            members.sort_unstable();
            let is_recurrent = members.len() > 1 || reads[members[0]].contains(&members[0]);
            Stage { members, is_recurrent }
        };
        components(&reads).into_iter().map(stage).collect()
    }

    /// The axis of the steps for every member of a recurrent stage, all in one direction; `None`
    /// where there is no such order.
    pub fn stage_recurrence(&self, stage: &Stage) -> Option<Vec<Recurrence>> {
        let member = |position: &usize| match &self.tensors[*position].role {
            Role::Defined(definition) => Some((self.tensors[*position].name.clone(), definition)),
            _ => None,
        };
        group_recurrence(&stage.members.iter().map(member).collect::<Option<Vec<_>>>()?)
    }
}

/// The strongly connected components of a graph, each after those that its nodes read.
pub(super) fn components(reads: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut search =
        Components { reads, number: vec![0; reads.len()], low: vec![0; reads.len()], ..Components::default() };
    for position in 0..reads.len() {
        if search.number[position] == 0 {
            search.visit(position);
        }
    }
    search.components
}

/// The axes and the direction in which a group of definitions can be computed step by step: all
/// reads between them are of the same step of a tensor before, or of steps on one side.
fn group_recurrence(group: &[(Name, &Definition)]) -> Option<Vec<Recurrence>> {
    let ranks: Vec<usize> = group.iter().map(|(_, definition)| definition.indices.len()).collect();
    let trials = ranks.iter().try_fold(1usize, |product, rank| product.checked_mul(*rank)).unwrap_or(usize::MAX);
    (0..trials.min(MOST_TRIALS)).find_map(|mut trial| {
        let choose = |rank: &usize| {
            let axis = trial % rank;
            trial /= rank;
            axis
        };
        let axes: Vec<usize> = ranks.iter().map(choose).collect();
        let mut steps = group.iter().zip(&axes).map(|((_, definition), axis)| definition.indices[*axis].extent.clone());
        let count = steps.next()?;
        if steps.any(|other| other != count) {
            return None;
        }
        let backward = direction(group, &axes)?;
        Some(axes.into_iter().map(|axis| Recurrence { axis, backward }).collect())
    })
}

/// Whether the steps along these axes go backward; `None` where they are in no order.
fn direction(group: &[(Name, &Definition)], axes: &[usize]) -> Option<bool> {
    let (mut earlier, mut later) = (false, false);
    for (reader, (_, definition)) in group.iter().enumerate() {
        let own = &definition.indices[axes[reader]];
        let mut reads = Vec::new();
        let first = fresh_id(&[&definition.body]).max(definition.indices.iter().map(|index| index.id + 1).max()?);
        distances(&definition.body, group, axes, own, first, &mut reads);
        for (read, bounds) in reads {
            match bounds? {
                (_, greatest) if greatest < 0 => earlier = true,
                (least, _) if least > 0 => later = true,
                (0, 0) if read < reader => {}
                _ => return None,
            }
            if group[read].1.indices[axes[read]].extent != own.extent {
                return None;
            }
        }
    }
    (earlier != later).then_some(later)
}

/// For every read of a tensor of the group, which it is and between what values its step lies, less
/// that of the reader. Indices from `first` on are free.
fn distances(
    term: &Term,
    group: &[(Name, &Definition)],
    axes: &[usize],
    own: &Index,
    first: u32,
    found: &mut Vec<(usize, Option<(i64, i64)>)>,
) {
    if let Node::Read { tensor, subscripts } = term.node()
        && let Some(read) = group.iter().position(|(name, _)| name == tensor)
    {
        let step = subscripts.get(axes[read]).filter(|step| step.is_integer());
        found.push((read, step.and_then(|step| step.minus(&Term::index(own)).integer_bounds())));
    }
    match term.open_from(first) {
        Some(opened) => {
            let next = first + opened.indices.len() as u32;
            distances(&opened.body, group, axes, own, next, found);
        }
        None => term.children().iter().for_each(|child| distances(child, group, axes, own, first, found)),
    }
}

/// The search for groups of tensors that read one another (R. Tarjan, 1972): they come out with those
/// first that others read.
#[derive(Default)]
struct Components<'a> {
    reads: &'a [Vec<usize>],
    /// In which order they were visited, from 1; 0 before.
    number: Vec<usize>,
    /// The first visited that can be reached and is not in a component yet.
    low: Vec<usize>,
    visited: usize,
    open: Vec<usize>,
    components: Vec<Vec<usize>>,
}

impl Components<'_> {
    fn visit(&mut self, position: usize) {
        self.visited += 1;
        (self.number[position], self.low[position]) = (self.visited, self.visited);
        self.open.push(position);
        for &read in &self.reads[position] {
            if self.number[read] == 0 {
                self.visit(read);
                self.low[position] = self.low[position].min(self.low[read]);
            } else if self.open.contains(&read) {
                self.low[position] = self.low[position].min(self.number[read]);
            }
        }
        if self.low[position] == self.number[position] {
            let first = self.open.iter().position(|other| *other == position).unwrap_or(0);
            let component = self.open.split_off(first);
            self.components.push(component);
        }
    }
}
