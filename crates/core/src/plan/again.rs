//! When things are done, for the sake of memory. Steps of gradient descent are done as soon as they can be, so that
//! what they read is not kept to the end. Where little memory is to be used, cheap values that are kept over the
//! peak, such as activations and copies with zeros around them, are computed a second time behind it instead.

use super::recurrence::Stage;
use super::tasks::{Task, Values, Work};
use crate::term::Name;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// So many values are computed again for the sake of one.
const DEEPEST: usize = 3;
/// So many values, the largest, are tried at a time.
const MOST_TRIED: usize = 32;
/// So many values are computed again at most.
const MOST: usize = 1000;

/// Moves what changes parameters to the first place behind all that it reads, and all that read the parameter.
pub(super) fn early(stages: Vec<Stage>, changed: &BTreeSet<Name>) -> Vec<Stage> {
    let changes = |stage: &Stage| stage.tasks().iter().any(|task| changed.contains(&task.target));
    let (steps, others): (Vec<Stage>, Vec<Stage>) = stages.into_iter().partition(changes);
    let known = |stage: Stage| {
        let (reads, writes) = (reads(&stage), writes(&stage));
        (stage, reads, writes)
    };
    let mut placed: Vec<_> = others.into_iter().map(known).collect();
    for (step, reads, writes) in steps.into_iter().map(known) {
        let comes_first = |(_, its_reads, its_writes): &(Stage, BTreeSet<Name>, BTreeSet<Name>)| {
            !its_writes.is_disjoint(&reads) || !its_reads.is_disjoint(&writes)
        };
        let place = placed.iter().rposition(comes_first).map_or(0, |last| last + 1);
        placed.insert(place, (step, reads, writes));
    }
    placed.into_iter().map(|(stage, ..)| stage).collect()
}

fn reads(stage: &Stage) -> BTreeSet<Name> {
    stage.tasks().iter().flat_map(|task| task.reads()).map(|(name, _)| name).collect()
}

fn writes(stage: &Stage) -> BTreeSet<Name> {
    stage.tasks().iter().map(|task| task.target.clone()).collect()
}

/// The stages with values that lower the peak computed again; `None` where there are none.
pub(super) fn again(stages: &[Stage], values: &mut Values) -> Option<Vec<Stage>> {
    let mut schedule = Schedule::new(stages, values);
    let mut count = 0;
    while count < MOST
        && let Some(better) = schedule.improved()
    {
        schedule = better;
        count += 1;
    }
    (count > 0).then(|| schedule.stages(stages, values))
}

/// A value, by its number among [`Schedule::values`].
type Number = usize;

/// What is done at one time: a stage, or its only task once more.
#[derive(Clone)]
struct Moment {
    /// The number of the stage.
    stage: usize,
    is_again: bool,
    /// What it reads: the values that the stage names, and those that it takes.
    reads: Vec<(Number, Number)>,
    writes: Vec<Number>,
}

impl Moment {
    fn takes(&self, number: Number) -> bool {
        self.reads.iter().any(|(_, taken)| *taken == number)
    }
}

#[derive(Clone)]
struct Kept {
    name: Name,
    /// Numbers in memory, where the memory is free for others before and after.
    size: usize,
}

/// Stages by what they read and write.
#[derive(Clone)]
struct Schedule {
    values: Vec<Kept>,
    moments: Vec<Moment>,
    /// Whether the only task of a stage is cheap enough to be done again.
    is_cheap: Vec<bool>,
}

impl Schedule {
    fn new(stages: &[Stage], values: &Values) -> Schedule {
        let mut schedule = Schedule { values: Vec::new(), moments: Vec::new(), is_cheap: Vec::new() };
        let mut numbers: BTreeMap<Name, Number> = BTreeMap::new();
        for (stage, own) in stages.iter().enumerate() {
            let mut number = |name: &Name| {
                *numbers.entry(name.clone()).or_insert_with(|| {
                    let value = values.get(name).filter(|value| value.is_temporary());
                    let size = value.map_or(0, |value| value.shape.iter().product());
                    schedule.values.push(Kept { name: name.clone(), size });
                    schedule.values.len() - 1
                })
            };
            let reads = reads(own).iter().map(&mut number).map(|number| (number, number)).collect();
            let writes = writes(own).iter().map(&mut number).collect();
            schedule.moments.push(Moment { stage, is_again: false, reads, writes });
            let is_cheap = matches!(own, Stage::Once(Task { work: Work::Map(_), .. }));
            schedule.is_cheap.push(is_cheap);
        }
        schedule
    }

    /// For every value the first and the last time that has to do with it.
    fn lifetimes(&self) -> Vec<Option<(usize, usize)>> {
        let mut lifetimes = vec![None; self.values.len()];
        for (time, moment) in self.moments.iter().enumerate() {
            for number in moment.reads.iter().map(|(_, taken)| taken).chain(&moment.writes) {
                lifetimes[*number].get_or_insert((time, time)).1 = time;
            }
        }
        lifetimes
    }

    /// How much is in memory at every time.
    fn profile(&self) -> Vec<usize> {
        let mut profile = vec![0; self.moments.len()];
        for (value, lifetime) in self.values.iter().zip(self.lifetimes()) {
            let Some((first, last)) = lifetime else { continue };
            profile[first..=last].iter_mut().for_each(|size| *size += value.size);
        }
        profile
    }

    /// The peak, and at how many times it is reached.
    fn peak(&self) -> (usize, usize) {
        let profile = self.profile();
        let peak = profile.iter().copied().max().unwrap_or(0);
        (peak, profile.iter().filter(|size| **size == peak).count())
    }

    /// With the one value computed again that lowers the peak most.
    fn improved(&self) -> Option<Schedule> {
        let profile = self.profile();
        let before = self.peak();
        let time = profile.iter().position(|size| *size == before.0)?;
        let lifetimes = self.lifetimes();
        let is_kept = |number: &Number| {
            let is_around = lifetimes[*number].is_some_and(|(first, last)| first < time && time < last);
            let is_cheap = |first: usize| self.is_cheap[self.moments[first].stage];
            is_around && !self.moments[time].takes(*number) && self.writer(*number).is_some_and(is_cheap)
        };
        let mut kept: Vec<Number> = (0..self.values.len()).filter(is_kept).collect();
        kept.sort_by_key(|number| Reverse(self.values[*number].size));
        kept.truncate(MOST_TRIED);
        let trials = kept.into_iter().flat_map(|number| {
            let next = (time..self.moments.len()).find(|&later| self.moments[later].takes(number));
            [0, DEEPEST].into_iter().filter_map(move |depth| {
                let mut trial = self.clone();
                trial.repeat(number, next?, depth).then_some(trial)
            })
        });
        let best = trials.map(|trial| (trial.peak(), trial.moments.len(), trial));
        let best = best.min_by_key(|(peak, count, _)| (*peak, *count))?;
        (best.0 < before).then_some(best.2)
    }

    /// Computes a value again before a time, for all that take it from then on; with values that it is computed
    /// from and that are gone by then, to some depth. False where that cannot be.
    fn repeat(&mut self, number: Number, time: usize, depth: usize) -> bool {
        let Some(first) = self.writer(number).filter(|first| self.is_cheap[self.moments[*first].stage]) else {
            return false;
        };
        let moment = self.moments[first].clone();
        // A parameter must still be as it was.
        let is_changed =
            |(_, source): &(Number, Number)| self.writer(*source).is_some_and(|at| first < at && at < time);
        if moment.reads.iter().any(is_changed) {
            return false;
        }
        let is_gone = |source: &Number| {
            let last = self.moments.iter().rposition(|moment| moment.takes(*source));
            self.values[*source].size > 0 && last.is_some_and(|last| last < time)
        };
        let gone: Vec<Number> = moment.reads.iter().map(|(_, source)| *source).filter(is_gone).collect();
        let copy = self.values.len();
        self.values.push(self.values[number].clone());
        let later = self.moments[time..].iter_mut().flat_map(|moment| &mut moment.reads);
        later.filter(|(_, taken)| *taken == number).for_each(|(_, taken)| *taken = copy);
        self.moments.insert(time, Moment { is_again: true, writes: vec![copy], ..moment });
        for source in gone.into_iter().filter(|_| depth > 0) {
            // Where it cannot be computed again it is kept.
            let mut trial = self.clone();
            if trial.repeat(source, time, depth - 1) {
                *self = trial;
            }
        }
        true
    }

    /// When a value is written.
    fn writer(&self, number: Number) -> Option<usize> {
        self.moments.iter().position(|moment| moment.writes.contains(&number))
    }

    /// The stages in this order, with names for the values that are computed again.
    fn stages(&self, stages: &[Stage], values: &mut Values) -> Vec<Stage> {
        let mut names: Vec<Name> = Vec::new();
        let mut times: BTreeMap<Name, usize> = BTreeMap::new();
        for value in &self.values {
            let count = times.entry(value.name.clone()).or_insert(0);
            *count += 1;
            let name: Name = format!("{}{}", value.name, " again".repeat(*count - 1)).into();
            if let Some(own) = values.get(&value.name).cloned().filter(|_| *count > 1) {
                values.insert(name.clone(), own);
            }
            names.push(name);
        }
        let stage = |moment: &Moment| {
            let renamed = |task: &Task| {
                let task = moment
                    .reads
                    .iter()
                    .filter(|(named, taken)| named != taken)
                    .fold(task.clone(), |task, pair| task.reading_instead(&names[pair.0], &names[pair.1]));
                match moment.is_again {
                    true => Task { target: names[moment.writes[0]].clone(), ..task },
                    false => task,
                }
            };
            match &stages[moment.stage] {
                Stage::Once(task) => Stage::Once(renamed(task)),
                Stage::Steps { count, backward, tasks } => Stage::Steps {
                    count: *count,
                    backward: *backward,
                    tasks: tasks.iter().map(|(task, axis)| (renamed(task), *axis)).collect(),
                },
            }
        };
        self.moments.iter().map(stage).collect()
    }
}
