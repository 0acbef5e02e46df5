//! Fewer passes over memory: tasks put into the tasks that use them.

use super::tasks::{RATE, RESULT, Task, Values, Work, replace_reads, space};
use crate::term::{Affine, Comparison, Index, Name, Node, Term};
use std::collections::{BTreeMap, BTreeSet};

/// No task is made larger than this.
const LARGEST: usize = 800;

/// Adds the steps of gradient descent: after everything else, since all may read the parameters.
pub(super) fn descend(tasks: &mut Vec<Task>, pairs: &[(Name, Name)], values: &Values) {
    for (parameter, gradient) in pairs {
        let shape = &values[parameter].shape;
        let indices: Vec<Index> = shape.iter().zip(1..).map(|(extent, id)| Index::new(id, *extent, "w")).collect();
        let step = Term::mul(vec![Term::read(RATE, Vec::new()), Term::read_at(gradient, &indices)]);
        let body = Term::read_at(parameter, &indices).minus(&step);
        tasks.push(Task { target: parameter.clone(), indices, work: Work::Map(body) });
    }
}

/// Puts tasks into others as long as there is one that fits, the first first.
pub(super) fn fuse(tasks: Vec<Task>, values: &Values, descended: &BTreeSet<Name>) -> Vec<Task> {
    let open = (0..tasks.len()).collect();
    let mut fusion = Fusion { uses: Uses::new(), makers: BTreeMap::new(), tasks: Vec::new(), open, values, descended };
    for (number, task) in tasks.into_iter().enumerate() {
        fusion.count(number, &task);
        fusion.makers.entry(task.target.clone()).or_default().push(number);
        fusion.tasks.push(Some(task));
    }
    while let Some((producer, consumer, task)) = fusion.find() {
        fusion.replace(producer, consumer, task);
    }
    fusion.tasks.into_iter().flatten().collect()
}

/// For every value, the numbers of the tasks that read it, and where.
type Uses = BTreeMap<Name, Vec<(usize, Vec<Term>)>>;

struct Fusion<'a> {
    uses: Uses,
    /// The tasks that write a value. One that does the work of two writes what the later one did.
    makers: BTreeMap<Name, Vec<usize>>,
    /// Those that were put into others are gone.
    tasks: Vec<Option<Task>>,
    /// The tasks that may fit into another. The rest do not, as long as neither of the two changes.
    open: BTreeSet<usize>,
    values: &'a Values,
    descended: &'a BTreeSet<Name>,
}

impl Fusion<'_> {
    /// Enters the reads of a task.
    fn count(&mut self, number: usize, task: &Task) {
        for (name, subscripts) in task.reads() {
            let uses = self.uses.entry(name).or_default();
            // In the order of the tasks.
            let place = uses.partition_point(|(other, _)| *other <= number);
            uses.insert(place, (number, subscripts));
        }
    }

    /// Takes a task with its reads out. What it read may fit elsewhere now.
    fn take(&mut self, number: usize) -> Vec<Name> {
        let Some(task) = self.tasks[number].take() else { return Vec::new() };
        let mut read: Vec<Name> = task.reads().into_iter().map(|(name, _)| name).collect();
        read.dedup();
        for name in &read {
            if let Some(uses) = self.uses.get_mut(name) {
                uses.retain(|(other, _)| *other != number);
            }
        }
        read
    }

    /// Puts the task that does the work of both in the place of the consumer.
    fn replace(&mut self, producer: usize, consumer: usize, task: Task) {
        let read: BTreeSet<Name> = [producer, consumer].into_iter().flat_map(|number| self.take(number)).collect();
        self.count(consumer, &task);
        self.tasks[consumer] = Some(task);
        self.open.insert(consumer);
        self.open.extend(read.iter().filter_map(|name| self.makers.get(name)).flatten());
    }

    /// A producer, its only consumer, and the task that does the work of both.
    fn find(&mut self) -> Option<(usize, usize, Task)> {
        while let Some(&number) = self.open.first() {
            if let Some((consumer, task)) = self.fitting(number) {
                return Some((number, consumer, task));
            }
            self.open.remove(&number);
        }
        None
    }

    /// The only consumer of a task, and the task that does the work of both.
    fn fitting(&self, number: usize) -> Option<(usize, Task)> {
        let producer = self.tasks[number].as_ref()?;
        if !self.values[&producer.target].is_temporary() {
            return None;
        }
        let [(consumer, subscripts)] = self.uses.get(&producer.target)?.as_slice() else { return None };
        let task = self.join(producer, self.tasks[*consumer].as_ref()?, subscripts)?;
        (*consumer > number).then_some((*consumer, task))
    }

    fn join(&self, producer: &Task, consumer: &Task, subscripts: &[Term]) -> Option<Task> {
        if !self.may_wait(producer, consumer) {
            return None;
        }
        let size = |task: &Task| task.terms().into_iter().map(Term::size).sum::<usize>();
        if size(producer) + size(consumer) > LARGEST {
            return None;
        }
        let at = plain(subscripts)?;
        if at.iter().zip(&producer.indices).any(|(index, own)| index.extent.value() != own.extent.value()) {
            return None;
        }
        let whole = at.len() == consumer.indices.len();
        match (&producer.work, &consumer.work) {
            (Work::Map(body), _) => map_into(producer, body, consumer, &at),
            (Work::Reduce { .. }, Work::Map(body)) if whole => Some(ending(producer, consumer, body, &at)),
            (Work::Contract { .. }, Work::Map(body)) if whole => contraction_at_once(producer, consumer, body, &at),
            _ => None,
        }
    }

    /// A step of gradient descent runs when other parameters have changed already, so it may only
    /// read its own, at the place where it writes.
    fn may_wait(&self, producer: &Task, consumer: &Task) -> bool {
        if !self.descended.contains(&consumer.target) {
            return true;
        }
        let changed: Vec<Name> =
            producer.reads().into_iter().map(|(name, _)| name).filter(|name| self.descended.contains(name)).collect();
        match &producer.work {
            _ if changed.is_empty() => true,
            Work::Map(_) => {
                producer.reads().iter().filter(|(name, _)| self.descended.contains(name)).all(|(name, at)| {
                    *name == consumer.target && *at == producer.indices.iter().map(Term::index).collect::<Vec<_>>()
                })
            }
            Work::Reduce { .. } | Work::Contract { .. } | Work::Scatter { .. } => false,
        }
    }
}

/// The indices that the subscripts are, where they are different plain indices.
pub(super) fn plain(subscripts: &[Term]) -> Option<Vec<Index>> {
    let mut indices: Vec<Index> = Vec::new();
    for subscript in subscripts {
        let index = subscript.as_affine()?.as_index()?.clone();
        if indices.contains(&index) {
            return None;
        }
        indices.push(index);
    }
    Some(indices)
}

/// A body with the indices of the task replaced.
pub(super) fn moved(body: &Term, from: &[Index], to: &[Index]) -> Term {
    let pairs: Vec<(Index, Affine)> = from.iter().cloned().zip(to.iter().map(Affine::index)).collect();
    body.substitute_all(&pairs)
}

/// A term in place of its only read, where every value is still computed once.
fn map_into(producer: &Task, body: &Term, consumer: &Task, at: &[Index]) -> Option<Task> {
    let own = space(&producer.indices);
    let put = |term: &Term| {
        let inlined = moved(body, &producer.indices, at);
        replace_reads(term, &producer.target, &|_| inlined.clone())
    };
    let work = match &consumer.work {
        Work::Map(term) if own >= space(&consumer.indices) => Work::Map(put(term)),
        Work::Reduce { reduction, over, body: term, ending } => {
            let (kept, all) = (space(&consumer.indices), space(&consumer.indices) * space(over));
            let (in_body, in_ending) = (term.reads(&producer.target), ending.reads(&producer.target));
            if (in_body && own < all) || (in_ending && own < kept) || (in_body && in_ending) {
                return None;
            }
            Work::Reduce { reduction: *reduction, over: over.clone(), body: put(term), ending: put(ending) }
        }
        _ => return None,
    };
    Some(Task { target: consumer.target.clone(), indices: consumer.indices.clone(), work })
}

/// The consumer computed at the end of a reduction, where it reads all results of that.
pub(super) fn at_end(producer: &Task, consumer: &Task) -> Option<Task> {
    let (Work::Reduce { .. }, Work::Map(body)) = (&producer.work, &consumer.work) else { return None };
    let mut reads = consumer.reads().into_iter().filter(|(name, _)| *name == producer.target);
    let (Some((_, subscripts)), None) = (reads.next(), reads.next()) else { return None };
    let at = plain(&subscripts)?;
    let fits = at.iter().zip(&producer.indices).all(|(index, own)| index.extent.value() == own.extent.value());
    (fits && at.len() == consumer.indices.len()).then(|| ending(producer, consumer, body, &at))
}

/// The consumer computed at the end of a reduction.
fn ending(producer: &Task, consumer: &Task, body: &Term, at: &[Index]) -> Task {
    // The consumer reads the result at `at`, all of its own indices in some order.
    let body = moved(body, at, &producer.indices);
    let result = |_: &[Term]| Term::read(RESULT, Vec::new());
    let Work::Reduce { reduction, over, body: reduced, ending } = &producer.work else { return consumer.clone() };
    let before = replace_reads(&body, &producer.target, &result);
    let ending = replace_reads(&before, RESULT, &|_| ending.clone());
    let indices = reordered(consumer, producer, at);
    let work = Work::Reduce { reduction: *reduction, over: over.clone(), body: reduced.clone(), ending };
    Task { target: consumer.target.clone(), indices, work }
}

/// The indices of the producer in the order of the axes of the consumer.
fn reordered(consumer: &Task, producer: &Task, at: &[Index]) -> Vec<Index> {
    let place = |index: &Index| at.iter().position(|other| other == index);
    consumer.indices.iter().filter_map(|index| place(index).map(|place| producer.indices[place].clone())).collect()
}

/// A product written where a multiple of it was wanted, or a step of gradient descent by it.
fn contraction_at_once(producer: &Task, consumer: &Task, body: &Term, at: &[Index]) -> Option<Task> {
    let Work::Contract { left, right, over, scale, guard, symmetric, diagonal: before, .. } = &producer.work else {
        return None;
    };
    let (body, diagonal) = without_diagonal(&moved(body, at, &producer.indices), symmetric);
    let body = &moved(&body, &producer.indices, at);
    let (number, rest) = body.split_number();
    let is_read = |term: &Term, name: &str| matches!(term.node(), Node::Read { tensor, .. } if &**tensor == name);
    let (factor, descends) = if is_read(&rest, &producer.target) {
        (number.value(), false)
    } else {
        (descent_factor(body, producer, consumer)?, true)
    };
    if descends && (diagonal != 0.0 || *before != 0.0) {
        return None;
    }
    let work = Work::Contract {
        left: left.clone(),
        right: right.clone(),
        over: over.clone(),
        scale: scale * factor,
        descends,
        guard: guard.clone(),
        // What is added to need not be symmetric.
        symmetric: if descends { Vec::new() } else { symmetric.clone() },
        // An infinite factor makes no number of nothing.
        diagonal: diagonal + if *before == 0.0 { 0.0 } else { before * factor },
        weights: None,
    };
    Some(Task { target: consumer.target.clone(), indices: reordered(consumer, producer, at), work })
}

/// A body without the number that it adds where the two indices of a symmetric product are the same.
fn without_diagonal(body: &Term, symmetric: &[(Index, Index)]) -> (Term, f64) {
    let (Node::Add(addends), [(row, column)]) = (body.node(), symmetric) else { return (body.clone(), 0.0) };
    let on_diagonal = |addend: &Term| {
        let (number, rest) = addend.split_number();
        let [row, column] = [row, column].map(Term::index);
        let same = |a: &Term, b: &Term| Term::compare(Comparison::Equal, a.clone(), b.clone());
        (rest == same(&row, &column) || rest == same(&column, &row)).then(|| number.value())
    };
    match addends.as_slice() {
        [a, b] => match (on_diagonal(a), on_diagonal(b)) {
            (Some(number), _) => (b.clone(), number),
            (_, Some(number)) => (a.clone(), number),
            _ => (body.clone(), 0.0),
        },
        _ => (body.clone(), 0.0),
    }
}

/// `c`, where the body is `target - rate · c · product`.
fn descent_factor(body: &Term, producer: &Task, consumer: &Task) -> Option<f64> {
    let Node::Add(addends) = body.node() else { return None };
    let [a, b] = addends.as_slice() else { return None };
    let own = Term::read_at(&consumer.target, &consumer.indices);
    let step = if *a == own { b } else { a };
    if *a != own && *b != own {
        return None;
    }
    let (number, rest) = step.split_number();
    let names: Vec<Name> = rest
        .factors()
        .iter()
        .map(|factor| match factor.node() {
            Node::Read { tensor, .. } => tensor.clone(),
            _ => "".into(),
        })
        .collect();
    let expected = [&*producer.target, RATE];
    let fits = names.len() == 2 && expected.iter().all(|name| names.iter().any(|other| &**other == *name));
    fits.then(|| -number.value())
}
