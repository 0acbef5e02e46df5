//! Where the positions of a group of axes are.

use super::Dimension;

/// Positions of a group of axes in one place.
pub(super) enum Offsets {
    Even(isize),
    /// With how many in a row are neighbours.
    Table(Vec<isize>, usize),
}

impl Offsets {
    /// Of an operand: 0 the left factor, 1 the right one, 2 the target.
    pub fn new(group: &[Dimension], operand: usize) -> Offsets {
        match group {
            [] => Offsets::Even(0),
            [one] => Offsets::Even(one.strides[operand] as isize),
            _ => {
                let mut table = vec![0isize];
                for axis in group {
                    let steps = (0..axis.extent as isize).map(|at| at * axis.strides[operand] as isize);
                    let steps: Vec<isize> = steps.collect();
                    table = table.iter().flat_map(|base| steps.iter().map(move |step| base + step)).collect();
                }
                let step = table.get(1).copied().unwrap_or(0);
                if table.iter().zip(0..).all(|(place, number)| *place == number * step) {
                    // Several axes that lie in memory like one.
                    return Offsets::Even(step);
                }
                let innermost = group[group.len() - 1];
                let run = if innermost.strides[operand] == 1 { innermost.extent } else { 1 };
                Offsets::Table(table, run)
            }
        }
    }

    #[inline(always)]
    /// Where a position is.
    pub fn at(&self, position: usize) -> isize {
        match self {
            Offsets::Even(stride) => position as isize * stride,
            Offsets::Table(table, _) => table[position],
        }
    }

    /// What one position more adds, where that is always the same.
    pub fn even_step(&self) -> Option<isize> {
        match self {
            Offsets::Even(step) => Some(*step),
            Offsets::Table(..) => None,
        }
    }

    /// The table, where there is one.
    pub fn places(&self) -> Option<*const isize> {
        match self {
            Offsets::Even(_) => None,
            Offsets::Table(table, _) => Some(table.as_ptr()),
        }
    }

    /// How far the second position is from the first.
    pub fn step(&self) -> isize {
        match self {
            Offsets::Even(step) => *step,
            Offsets::Table(table, _) => table.get(1).map_or(0, |second| second - table[0]),
        }
    }

    /// How many positions in a row are neighbours, of so many in all: always as many, from the first on.
    pub fn run(&self, count: usize) -> usize {
        match self {
            Offsets::Even(1) => count,
            Offsets::Even(_) => 1,
            Offsets::Table(_, run) => *run,
        }
    }

    /// Whether these positions are neighbours.
    #[inline(always)]
    pub fn is_dense(&self) -> bool {
        matches!(self, Offsets::Even(1))
    }

    /// How many positions from this one on are neighbours, at least.
    #[inline(always)]
    pub fn run_from(&self, position: usize) -> usize {
        match self {
            Offsets::Even(1) => usize::MAX,
            Offsets::Even(_) => 1,
            Offsets::Table(_, run) => run - position % run,
        }
    }

    /// Whether so many positions from this one on are neighbours.
    #[inline(always)]
    pub fn is_run(&self, position: usize, count: usize) -> bool {
        self.run_from(position) >= count
    }
}
