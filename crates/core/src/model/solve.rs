//! How far the indices of an equation run, and that no read goes outside.

use super::form::{Atom, Form};
use super::guards::{bounds, never, tried};
use super::names::{Fault, Outcome};
use super::outside::{disagreement, nothing_left, outside, unknown};
use super::ranges::{Evidence, Padded, Range, Ranges, Reach};
use super::scope::IndexId;
use super::sizes::LARGEST;
use crate::term::{Extent, Index, Polynomial};
use crate::text::{Problem, Span};
use std::collections::VecDeque;

/// An equation whose ranges are being found.
pub(super) struct Solver<'r> {
    pub ranges: &'r Ranges,
    pub extents: Vec<Option<Extent>>,
    /// What told the range of each index, and where.
    pub origins: Vec<Option<(Span, String)>>,
    /// For each index, the reads in whose subscripts it stands.
    subscripts: Vec<Vec<usize>>,
}

/// The most values of an index that keep a read inside.
struct Most {
    extent: Extent,
    read: usize,
}

impl<'r> Solver<'r> {
    pub fn new(ranges: &'r Ranges) -> Solver<'r> {
        let count = ranges.all.len();
        let mut subscripts: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (number, read) in ranges.reads.iter().enumerate() {
            for index in read.form.indices() {
                subscripts[index].push(number);
            }
        }
        Solver { ranges, extents: vec![None; count], origins: vec![None; count], subscripts }
    }

    /// Finds the extents that something tells: what is given and what stands in plain subscripts first;
    /// then, as long as something changes, what equal axes of a recurrence say, what keeps compound
    /// subscripts inside, and what is compared for equality.
    fn find(&mut self) -> Outcome<()> {
        for index in 0..self.extents.len() {
            let evidence = self.evidence(index);
            if let [first, second, ..] = evidence.as_slice() {
                return Err(misfit(disagreement(&self.ranges.all[index], first, second)));
            }
            if let Some(evidence) = evidence.into_iter().next() {
                self.settle(index, evidence.extent, evidence.span, evidence.text);
            }
        }
        let same: Vec<(IndexId, IndexId)> = self.ranges.reads.iter().filter_map(same_axis).collect();
        let ties = &self.ranges.ties;
        loop {
            let changed = self.spread(&same) || self.infer()? || self.spread(ties);
            if !changed {
                return Ok(());
            }
        }
    }

    /// The extents that something tells, without looking whether every read stays inside.
    pub fn known(mut self) -> Outcome<Vec<Option<Extent>>> {
        self.find()?;
        Ok(self.extents)
    }

    /// Every index with its range.
    pub fn solve(mut self) -> Outcome<Vec<Index>> {
        self.find()?;
        let solved = self.extents.iter().zip(&self.ranges.all).enumerate().map(|(id, (extent, range))| match extent {
            Some(extent) => Ok(Index::new(id as u32, extent.clone(), &range.letter)),
            None => Err(unknown(&self, id).into()),
        });
        let solved = solved.collect::<Outcome<_>>()?;
        self.ranges.reads.iter().try_for_each(|read| self.check(read))?;
        self.ranges.padded.iter().for_each(|padded| self.keep_overhang(padded));
        Ok(solved)
    }

    /// The extent of an index, where it is known.
    pub fn extent(&self, index: IndexId) -> Option<&Extent> {
        self.extents[index].as_ref()
    }

    /// Its number at hand.
    fn number(&self, index: IndexId) -> Option<usize> {
        self.extent(index).map(Extent::value)
    }

    /// Whether two extents are the same: where they are only at the sizes at hand, these are numbers.
    fn same(&self, one: &Extent, other: &Extent) -> bool {
        self.ranges.symbols.same(&one.polynomial(), &other.polynomial())
    }

    fn settle(&mut self, index: IndexId, extent: Extent, span: Span, text: String) {
        self.extents[index] = Some(extent);
        self.origins[index] = Some((span, text));
    }

    /// What is said of an index directly, without repeats. Plain subscripts under a condition on
    /// the index count only where nothing else is said. A range that is written out may be shorter than
    /// the axes that the index runs along.
    fn evidence(&self, index: IndexId) -> Vec<Evidence> {
        let Range { given, told, .. } = &self.ranges.all[index];
        let given = given.as_ref();
        let mut found: Vec<Evidence> = given.iter().copied().cloned().collect();
        found.extend(
            told.iter().filter(|told| given.is_none_or(|given| !self.same(&given.extent, &told.extent))).cloned(),
        );
        for conditional in [false, true] {
            if conditional && !found.is_empty() {
                break;
            }
            for &number in &self.subscripts[index] {
                let read = &self.ranges.reads[number];
                let limit = read.limit.as_sizes().filter(|_| read.form.as_index() == Some(index));
                let Some(extent) = limit.and_then(Extent::of) else { continue };
                if is_conditional(read, index) != conditional {
                    continue;
                }
                let fits = given.is_some_and(|given| given.extent.value() <= extent.value());
                let is_new = !fits && found.iter().all(|other| !self.same(&other.extent, &extent));
                if is_new {
                    let text = format!("{} has extent {}", read.axis, extent.value());
                    let (span, declared) = (read.span, read.declared.clone());
                    found.push(Evidence { extent, span, text, declared, examples: read.examples });
                }
            }
        }
        found
    }

    /// Carries known extents along pairs of indices, the nearest first. Whether any was carried.
    fn spread(&mut self, pairs: &[(IndexId, IndexId)]) -> bool {
        let mut neighbours: Vec<Vec<IndexId>> = vec![Vec::new(); self.extents.len()];
        for &(one, other) in pairs {
            neighbours[one].push(other);
            neighbours[other].push(one);
        }
        let known = (0..self.extents.len()).filter(|&index| self.extents[index].is_some());
        let mut settled: VecDeque<IndexId> = known.collect();
        let mut changed = false;
        while let Some(index) = settled.pop_front() {
            for &neighbour in &neighbours[index] {
                if self.extents[neighbour].is_none() {
                    self.extents[neighbour] = self.extents[index].clone();
                    let text = format!("runs as far as `{}`", self.ranges.all[index].letter);
                    self.origins[neighbour] = Some((self.ranges.all[neighbour].span, text));
                    settled.push_back(neighbour);
                    changed = true;
                }
            }
        }
        changed
    }

    /// Gives indices that stand in compound subscripts the most values that keep every read
    /// inside. Those of which every subscript is known otherwise come first; only where there is
    /// none, those that share a subscript with another unknown index. Whether any was found.
    fn infer(&mut self) -> Outcome<bool> {
        for shared in [false, true] {
            let (mut found, mut any) = (Vec::new(), false);
            for index in (0..self.extents.len()).filter(|&index| self.extents[index].is_none()) {
                if let Some(most) = self.most(index, shared)? {
                    found.push((index, most));
                }
            }
            for (index, most) in found {
                let read = &self.ranges.reads[most.read];
                let text = format!("the most that keeps `{}` inside", read.text.as_ref().unwrap_or(&read.name));
                self.settle(index, most.extent, read.span, text);
                any = true;
            }
            if any {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The most values of an unknown index for which all reads whose subscripts are known
    /// otherwise stay inside; `None` where nothing limits it, or (unless `shared`) where a
    /// subscript has another unknown index.
    fn most(&self, index: IndexId, shared: bool) -> Outcome<Option<Most>> {
        let mut most: Option<Most> = None;
        for &number in &self.subscripts[index] {
            let read = &self.ranges.reads[number];
            let open = |other: IndexId| other != index && self.extents[other].is_none();
            if read.form.indices().into_iter().any(open) || read.limit.indices().into_iter().any(open) {
                match shared {
                    true => continue,
                    false => return Ok(None),
                }
            }
            let own_limit = read.limit.indices().contains(&index);
            if own_limit || read.form.hides(index) || read.form.coefficient(&Atom::Index(index)) == 0 {
                continue;
            }
            let greatest = most.as_ref().map_or(LARGEST as usize, |most| most.extent.value());
            let Some(extent) = self.most_for(read, index, greatest) else { continue };
            let extent = self.most_at_all_sizes(read, index, extent);
            if extent.value() == 0 {
                return Err(misfit(nothing_left(self, read, index)));
            }
            most = Some(Most { extent, read: number });
        }
        Ok(most)
    }

    /// The most values of an index, below `greatest`, that keep a read inside at its far end;
    /// `None` where as many as that do.
    fn most_for(&self, read: &Reach, index: IndexId, greatest: usize) -> Option<usize> {
        let rises = read.form.coefficient(&Atom::Index(index)) > 0;
        let inside = |extent: usize| {
            let extents = |other: IndexId| if other == index { Some(extent) } else { self.number(other) };
            let limit = read.limit.bounds(&extents).map(|(limit, _)| limit);
            let reached = bounds(&read.form, &read.guards, &extents).zip(limit);
            reached.is_none_or(|((low, high), limit)| if rises { high < limit } else { low >= -(read.before as i128) })
        };
        if inside(greatest) {
            return None;
        }
        let (mut fits, mut fails) = (0, greatest);
        while fits + 1 < fails {
            let middle = fits + (fails - fits) / 2;
            if inside(middle) { fits = middle } else { fails = middle }
        }
        Some(fits)
    }

    /// The most values of an index that keep a read inside, of which the number at hand is known: by the sizes that
    /// limit it, or where these do not tell, they are numbers.
    fn most_at_all_sizes(&self, read: &Reach, index: IndexId, number: usize) -> Extent {
        let most = self.most_by_form(read, index).and_then(Extent::of);
        most.filter(|most| most.value() == number).unwrap_or_else(|| {
            let coefficient = read.form.coefficient(&Atom::Index(index));
            let room = if read.guards.is_empty() { self.room(read, index) } else { None };
            if room.is_some_and(|room| self.ranges.symbols.divide(&room, coefficient.abs())) {
                return Extent::from(number);
            }
            let forms = read.guards.iter().map(super::guards::Guard::form).chain([&read.form, &read.limit]);
            forms.for_each(|form| self.pin(form));
            Extent::from(number)
        })
    }

    /// Notes that all sizes on which a form depends are numbers.
    fn pin(&self, form: &Form) {
        let mut leaves = Vec::new();
        form.sized(&mut leaves);
        leaves.iter().for_each(|sizes| self.ranges.symbols.pin(sizes));
        let extents = form.indices().into_iter().filter_map(|index| self.extent(index));
        extents.for_each(|extent| self.ranges.symbols.pin(&extent.polynomial()));
    }

    /// `floor((limit - 1 - rest) / c) + 1` for a subscript `c index + rest`, at the greatest `rest`; the same from
    /// below where `c` is negative.
    fn most_by_form(&self, read: &Reach, index: IndexId) -> Option<Polynomial> {
        let coefficient = read.form.coefficient(&Atom::Index(index));
        self.room(read, index)?.floor_quotient(coefficient.abs())?.plus(1, &Polynomial::constant(1))
    }

    /// How far a multiple of an index can reach.
    fn room(&self, read: &Reach, index: IndexId) -> Option<Polynomial> {
        let coefficient = read.form.coefficient(&Atom::Index(index));
        let rest = read.form.plus(-coefficient, &Form::index(index))?;
        let (least, greatest) = self.ends(&rest)?;
        let one = Polynomial::constant(1);
        match coefficient > 0 {
            true => self.ends(&read.limit)?.0.plus(-1, &greatest)?.plus(-1, &one),
            false => least.plus(read.before, &one),
        }
    }

    /// Least and greatest value of a form that is made of indices and sizes.
    fn ends(&self, form: &Form) -> Option<(Polynomial, Polynomial)> {
        let constant = Polynomial::constant(form.constant);
        form.terms.iter().try_fold((constant.clone(), constant), |(least, greatest), (atom, coefficient)| {
            let (low, high) = match atom {
                Atom::Index(index) => {
                    (Polynomial::constant(0), self.extent(*index)?.polynomial().plus(-1, &Polynomial::constant(1))?)
                }
                Atom::Extent(index) => (self.extent(*index)?.polynomial(), self.extent(*index)?.polynomial()),
                Atom::Sizes(product) => (Polynomial::product(product), Polynomial::product(product)),
                Atom::Floor(..) | Atom::Mod(..) | Atom::Data(..) | Atom::Position(..) => {
                    let (low, high) = atom.bounds(&|index| self.number(index))?;
                    if self.depends_on_sizes(atom) {
                        return None;
                    }
                    (Polynomial::constant(i64::try_from(low).ok()?), Polynomial::constant(i64::try_from(high).ok()?))
                }
            };
            let (low, high) = if *coefficient < 0 { (high, low) } else { (low, high) };
            Some((least.plus(*coefficient, &low)?, greatest.plus(*coefficient, &high)?))
        })
    }

    fn depends_on_sizes(&self, atom: &Atom) -> bool {
        let form = Form::atom(atom.clone());
        let sized = |index: &IndexId| self.extent(*index).is_some_and(|extent| extent.form().is_some());
        form.has_sizes() || form.indices().iter().any(sized)
    }

    /// Keeps how far a padded read reaches outside, where that depends on extents that are written as numbers: at
    /// others in their place the same windows lie at the ends.
    fn keep_overhang(&self, Padded { form, limit, .. }: &Padded) {
        let over = || {
            let ((_, greatest), (limit, _)) = (self.ends(form)?, self.ends(limit)?);
            greatest.plus(-1, &limit)
        };
        if let Some(over) = over() {
            self.ranges.symbols.keep(&over);
        }
    }

    /// Whether the range of an index is written out, and no longer than that of another.
    fn is_shorter(&self, index: IndexId, axis: IndexId) -> bool {
        let shorter = || self.number(index).zip(self.number(axis)).is_some_and(|(own, axis)| own <= axis);
        self.ranges.all[index].given.is_some() && shorter()
    }

    /// Whether a range of another name than `batch` is written out for an index along the examples: how many there
    /// are is not known beforehand.
    fn cuts_examples(&self, read: &Reach, index: IndexId) -> bool {
        read.examples && self.ranges.all[index].given.as_ref().is_some_and(|given| !given.examples)
    }

    /// Refuses a read that goes outside its tensor.
    fn check(&self, read: &Reach) -> Outcome<()> {
        let extents = |index: IndexId| self.number(index);
        if let Some((index, axis)) = same_axis(read)
            && self.extent(index).zip(self.extent(axis)).is_none_or(|(one, other)| !self.same(one, other))
            && !is_conditional(read, index)
            && !self.is_shorter(index, axis)
        {
            return Err(misfit(super::outside::other_axis(self, read, index, axis)));
        }
        if let Some(index) = read.form.indices().into_iter().find(|&index| self.cuts_examples(read, index)) {
            return Err(super::outside::cut_examples(self, read, index).into());
        }
        let Some((_, limit)) = read.limit.bounds(&extents) else { return Ok(()) };
        let is_inside = |(low, high)| low >= -(read.before as i128) && high < limit;
        let Some(reached) = bounds(&read.form, &read.guards, &extents) else { return Ok(()) };
        if is_inside(reached) || never(&read.guards, &extents) {
            return Ok(());
        }
        match tried(&read.form, &read.guards, &extents) {
            Some(Some(exact)) if !is_inside(exact) => Err(misfit(outside(self, read, exact, limit))),
            Some(_) => Ok(()),
            None => Err(misfit(outside(self, read, reached, limit))),
        }
    }
}

fn misfit(problem: Problem) -> Fault {
    Fault::Misfit(Box::new(problem))
}

/// Whether a condition on the index stands around a read.
fn is_conditional(read: &Reach, index: IndexId) -> bool {
    read.guards.iter().any(|guard| guard.form().indices().contains(&index))
}

/// In a recurrence: a plain subscript, and the index on the left whose axis it runs along.
fn same_axis(read: &Reach) -> Option<(IndexId, IndexId)> {
    match (read.form.as_index(), read.limit.terms.as_slice()) {
        (Some(index), [(Atom::Extent(axis), 1)]) => Some((index, *axis)),
        _ => None,
    }
}

/// The number of an index in words: `3 values`.
pub(super) fn values(extent: usize) -> String {
    super::elaborate::count(extent, "value", "values")
}

/// The unknown indices of a form.
pub(super) fn open_indices(solver: &Solver, form: &Form) -> Vec<IndexId> {
    form.indices().into_iter().filter(|&index| solver.extent(index).is_none()).collect()
}
