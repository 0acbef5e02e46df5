//! The loops of a walk: their order, and which of them are one loop in memory.

use super::operation::{Access, Instruction, Loop};
use crate::term::Reduction;
use std::cmp::Reverse;

/// An innermost loop shorter than this gets another loop beside it in a tile.
const SHORT: usize = 256;
/// Innermost loops of maps shorter than this are exchanged for longer ones.
const TOO_SHORT: usize = 16;

/// A loop on its way to its place.
#[derive(Debug, Clone)]
pub(super) struct Range {
    pub extent: usize,
    pub letters: String,
    pub reduced: bool,
    /// Whether it is that of the steps of a recurrence, which stays outside.
    pub is_step: bool,
}

/// A walk in the making. Strides are those of the ranges.
pub(super) struct Nest {
    pub ranges: Vec<Range>,
    pub reduction: Option<Reduction>,
    pub reads: Vec<Access>,
    pub store: Access,
    pub program: Vec<Instruction>,
    pub ending: Vec<Instruction>,
}

impl Nest {
    /// With its loops joined where they are one in memory, and in the order in which they run.
    pub fn ordered(mut self) -> Nest {
        let order = self.in_memory();
        self.arrange(&order);
        self.merge();
        let order = self.order();
        self.arrange(&order);
        self.merge();
        self
    }

    pub fn loops(&self) -> Vec<Loop> {
        let one = |range: &Range| Loop { extent: range.extent, letters: range.letters.clone(), reduced: range.reduced };
        self.ranges.iter().map(one).collect()
    }

    /// Whether the results depend on the order of the loops that are reduced over.
    fn is_in_order(&self) -> bool {
        matches!(self.reduction, Some(Reduction::LogSumExp | Reduction::ArgMax | Reduction::ArgMin))
    }

    /// The positions of the loops: steps, those that are kept, those that are reduced over, each from
    /// the outermost in memory to the innermost. Those that run once are left out.
    fn in_memory(&self) -> Vec<usize> {
        let of = |wanted: &dyn Fn(&Range) -> bool| -> Vec<usize> {
            (0..self.ranges.len()).filter(|&position| wanted(&self.ranges[position])).collect()
        };
        let runs = |range: &Range| range.extent != 1 && !range.is_step;
        let mut kept = of(&|range| !range.reduced && runs(range));
        kept.sort_by_key(|&position| Reverse(self.store.strides[position]));
        let mut over = of(&|range| range.reduced && runs(range));
        if over.is_empty() {
            over.extend(of(&|range| range.reduced).last());
        }
        if !self.is_in_order() {
            over.sort_by_key(|&position| self.reach(position));
            over.reverse();
        }
        of(&|range| range.is_step).into_iter().chain(kept).chain(over).collect()
    }

    /// How far apart neighbours are on the whole: the order for sums, which have none of their own.
    fn reach(&self, position: usize) -> i64 {
        self.reads.iter().map(|read| read.strides[position].abs()).max().unwrap_or(0)
    }

    /// The order of the loops, which lie as in memory.
    fn order(&self) -> Vec<usize> {
        let steps = usize::from(self.ranges.first().is_some_and(|range| range.is_step));
        let (mut over, mut kept): (Vec<usize>, Vec<usize>) =
            (steps..self.ranges.len()).partition(|&position| self.ranges[position].reduced);
        let Some(inner) = self.innermost(&kept, &over) else { return (0..self.ranges.len()).collect() };
        kept.retain(|&position| position != inner);
        over.retain(|&position| position != inner);
        let beside = self.beside(inner, &kept, &over);
        kept.retain(|&position| Some(position) != beside);
        (0..steps).chain(kept).chain(over).chain(beside).chain([inner]).collect()
    }

    /// The loop that runs along the columns of tiles.
    fn innermost(&self, kept: &[usize], over: &[usize]) -> Option<usize> {
        if self.is_in_order() {
            return over.last().copied();
        }
        let default = if over.is_empty() { kept.last().copied() } else { None };
        if let Some(inner) = default
            && self.ranges[inner].extent >= TOO_SHORT
        {
            return Some(inner);
        }
        // Of equal ones the last: it is reduced over, and the longest reach is outside.
        let all = kept.iter().chain(over).rev();
        all.copied().min_by(|&a, &b| self.price(a).total_cmp(&self.price(b)))
    }

    /// Roughly what every position costs, where this is the innermost loop: gaps between neighbours,
    /// and its share of the beginning of a row.
    fn price(&self, position: usize) -> f64 {
        let range = &self.ranges[position];
        let gap = |access: &Access| match access.strides[position].unsigned_abs() {
            0 => 0.2,
            1 => 0.0,
            2..=8 => 1.0,
            _ => 4.0,
        };
        let rows = 8 * self.reads.len() + if range.reduced { 12 } else { 0 };
        let store = if self.reduction.is_none() { gap(&self.store) } else { 0.0 };
        self.reads.iter().map(gap).sum::<f64>() + store + rows as f64 / range.extent.max(1) as f64
    }

    /// The loop that runs along the rows of tiles, where the one along their columns is short.
    fn beside(&self, inner: usize, kept: &[usize], over: &[usize]) -> Option<usize> {
        let columns = self.ranges[inner].extent;
        let is_enough = |rows: usize| columns.saturating_mul(rows) >= SHORT / 2;
        let last = over.last().copied();
        let wanted = match last {
            _ if columns >= SHORT => false,
            // Several short rows side by side.
            _ if self.ranges[inner].reduced => last.is_none(),
            Some(last) => !is_enough(self.ranges[last].extent),
            None => true,
        };
        let rows = |position: &usize| self.ranges[*position].extent.min(2 * SHORT / columns.max(1));
        kept.iter().copied().filter(|_| wanted).max_by_key(rows)
    }

    /// All strides by range.
    fn strides(&mut self) -> Vec<&mut Vec<i64>> {
        let mut all: Vec<&mut Vec<i64>> = Vec::new();
        for read in &mut self.reads {
            all.push(&mut read.strides);
            all.extend(read.axes.iter_mut().map(|axis| &mut axis.strides));
        }
        all.push(&mut self.store.strides);
        for instruction in self.program.iter_mut().chain(&mut self.ending) {
            if let Instruction::Position { strides, .. } = instruction {
                all.push(strides);
            }
        }
        all
    }

    /// Puts the ranges in an order.
    fn arrange(&mut self, order: &[usize]) {
        self.ranges = order.iter().map(|&position| self.ranges[position].clone()).collect();
        for strides in self.strides() {
            *strides = order.iter().map(|&position| strides[position]).collect();
        }
    }

    /// Makes one loop of neighbours that are one in memory for every access.
    fn merge(&mut self) {
        let mut ranges = std::mem::take(&mut self.ranges);
        let mut all = self.strides();
        let mut place = 0;
        while place + 1 < ranges.len() {
            let (outer, inner) = (&ranges[place], &ranges[place + 1]);
            let extent = inner.extent as i64;
            let apart = outer.is_step || outer.reduced != inner.reduced;
            if apart || !all.iter().all(|strides| strides[place] == strides[place + 1] * extent) {
                place += 1;
                continue;
            }
            let outer = ranges.remove(place);
            ranges[place].extent *= outer.extent;
            ranges[place].letters = format!("{}{}", outer.letters, ranges[place].letters);
            all.iter_mut().for_each(|strides| {
                strides.remove(place);
            });
        }
        self.ranges = ranges;
    }
}
