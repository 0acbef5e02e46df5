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
        if let Some(step) = step_of_one(group, operand) {
            return Offsets::Even(step);
        }
        let mut table = Vec::with_capacity(group.iter().map(|axis| axis.extent).product());
        table.push(0);
        for axis in group {
            // From the last on, so that the places that are still needed are not written over.
            let (count, stride) = (table.len(), axis.strides[operand] as isize);
            table.resize(count * axis.extent, 0);
            for number in (0..count).rev() {
                let first = table[number];
                let places = table[number * axis.extent..][..axis.extent].iter_mut();
                places.zip(0..).for_each(|(place, at)| *place = first + at * stride);
            }
        }
        let innermost = group[group.len() - 1];
        let run = if innermost.strides[operand] == 1 { innermost.extent } else { 1 };
        Offsets::Table(table, run)
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

/// What one position more adds, where the axes lie in memory like one.
fn step_of_one(group: &[Dimension], operand: usize) -> Option<isize> {
    if let [one] = group {
        return Some(one.strides[operand] as isize);
    }
    let mut axes = group.iter().filter(|axis| axis.extent > 1).rev();
    let is_nothing = group.iter().any(|axis| axis.extent == 0);
    let Some(innermost) = axes.next().filter(|_| !is_nothing) else { return Some(0) };
    let (step, mut span) = (innermost.strides[operand], innermost.extent as i64);
    let is_one = axes.all(|axis| {
        let follows = axis.strides[operand] == step * span;
        span *= axis.extent as i64;
        follows
    });
    is_one.then_some(step as isize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_loops() {
        let axis = |extent: usize, stride: i64| Dimension { extent, strides: [stride, 7, -1] };
        let mut evens = 0;
        for number in 0..6561usize {
            let pick = |place: u32| number / 3usize.pow(place) % 3;
            let count = 1 + pick(0);
            let group: Vec<Dimension> =
                (0..count as u32).map(|k| axis([1, 2, 3][pick(2 * k + 1)], [1, 3, 6][pick(2 * k + 2)])).collect();
            let mut expected = vec![0isize];
            for axis in &group {
                let steps = || (0..axis.extent as isize).map(|at| at * axis.strides[0] as isize);
                expected = expected.iter().flat_map(|base| steps().map(move |step| base + step)).collect();
            }
            let offsets = Offsets::new(&group, 0);
            let found: Vec<isize> = (0..expected.len()).map(|position| offsets.at(position)).collect();
            assert_eq!(found, expected, "{group:?}");
            let step = expected.get(1).map_or(0, |second| second - expected[0]);
            let is_even = expected.iter().zip(0..).all(|(place, number)| *place == number * step);
            assert_eq!(offsets.even_step().is_some(), is_even, "{group:?}");
            evens += is_even as usize;
        }
        assert!((1000..6000).contains(&evens), "{evens}");
    }
}
