//! Points for conditions on integers that are given. No slope leads to them, so values are tried: all of them where
//! there are few, else those that bring what is compared together, entry by entry.

use crate::derivation::points::integers_below;
use crate::meaning::{Point, Totals};
use crate::model::Model;
use crate::term::{Comparison, Connective, Name, Node, Term};
use std::collections::BTreeSet;

/// Of so many assignments all are tried.
const MOST_ASSIGNMENTS: usize = 4096;
/// A search begins so often.
const STARTS: usize = 8;
/// So often every entry is changed after a start.
const SWEEPS: usize = 4;

/// An entry of a tensor of integers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    tensor: Name,
    place: usize,
    /// It is less than this.
    below: usize,
}

impl Entry {
    /// The entries that a read with these subscripts may be of; none of a tensor that holds no integers.
    pub fn of_read(model: &Model, tensor: &Name, subscripts: &[Term]) -> Vec<Entry> {
        let Some((own, below)) = model.tensor(tensor).and_then(|own| Some((own, integers_below(own)?))) else {
            return Vec::new();
        };
        let integer = |term: &Term| usize::try_from(term.as_number()?.as_integer()?).ok();
        let at: Option<Vec<usize>> = subscripts.iter().map(integer).collect();
        let inside = |at: &Vec<usize>| at.iter().zip(&own.shape).all(|(at, extent)| at < extent);
        let place = |at: Vec<usize>| at.iter().zip(&own.shape).fold(0, |place, (at, extent)| place * extent + at);
        let places = match at {
            Some(at) if inside(&at) => {
                let place = place(at);
                place..place + 1
            }
            Some(_) => 0..0,
            None => 0..own.len(),
        };
        places.map(|place| Entry { tensor: tensor.clone(), place, below }).collect()
    }
}

/// All values of some entries; `None` where there are more than so many.
pub fn assignments(entries: &[Entry], most: usize) -> Option<Vec<Vec<usize>>> {
    let count = entries.iter().try_fold(1usize, |count, entry| count.checked_mul(entry.below))?;
    let unravel = |mut number: usize| {
        let one = |entry: &Entry| {
            let value = number % entry.below;
            number /= entry.below;
            value
        };
        entries.iter().map(one).collect()
    };
    (count <= most).then(|| (0..count).map(unravel).collect())
}

/// Sets entries of a point.
pub fn assign(point: &mut Point, entries: &[Entry], values: &[usize]) {
    for (entry, value) in entries.iter().zip(values) {
        if let Some(own) = point.get_mut(&entry.tensor).and_then(|array| array.values.get_mut(entry.place)) {
            *own = *value as f64;
        }
    }
}

/// What was found of a condition on integers.
pub enum Outcome {
    /// It holds for these values.
    Met(Vec<usize>),
    /// It holds for none.
    Never,
    /// None was found.
    Unknown,
}

/// Looks for values of some entries such that a condition holds, which reads nothing else that can be chosen.
pub struct Seeker<'a> {
    pub model: &'a Model,
    pub condition: &'a Term,
    pub entries: &'a [Entry],
    /// How often the condition may still be evaluated.
    pub left: &'a mut usize,
    pub uniform: &'a mut dyn FnMut() -> f64,
}

impl Seeker<'_> {
    pub fn seek(&mut self, point: &Point) -> Outcome {
        if let Some(all) = assignments(self.entries, MOST_ASSIGNMENTS.min(*self.left)) {
            let met = all.into_iter().find(|values| self.distance(point, values) == 0.0);
            return met.map_or(Outcome::Never, Outcome::Met);
        }
        (0..STARTS).find_map(|start| self.descend(point, start)).map_or(Outcome::Unknown, Outcome::Met)
    }

    /// From a start every entry is set to the value that comes nearest, again and again.
    fn descend(&mut self, point: &Point, start: usize) -> Option<Vec<usize>> {
        let mut values: Vec<usize> = (self.entries.iter())
            .map(|entry| match start {
                0 => 0,
                1 => entry.below - 1,
                _ => (((self.uniform)() + 1.0) / 2.0 * entry.below as f64) as usize % entry.below,
            })
            .collect();
        let mut nearest = self.distance(point, &values);
        for _ in 0..SWEEPS {
            for place in 0..values.len() {
                for value in 0..self.entries[place].below {
                    if nearest == 0.0 {
                        return Some(values);
                    }
                    let before = std::mem::replace(&mut values[place], value);
                    let distance = self.distance(point, &values);
                    if distance < nearest {
                        nearest = distance;
                    } else {
                        values[place] = before;
                    }
                }
            }
        }
        (nearest == 0.0).then_some(values)
    }

    /// How far the condition is from holding; 0 where it holds.
    fn distance(&mut self, point: &Point, values: &[usize]) -> f64 {
        if *self.left == 0 {
            return f64::INFINITY;
        }
        *self.left -= 1;
        let mut whole = point.clone();
        assign(&mut whole, self.entries, values);
        distance(&Totals::new(self.model, &whole), self.condition)
    }
}

fn distance(at: &Totals, condition: &Term) -> f64 {
    let value = |term: &Term| at.evaluate(term, &[]).unwrap_or(f64::NAN);
    let far = match condition.node() {
        Node::Compare(comparison, left, right) => {
            let difference = value(left) - value(right);
            match comparison {
                Comparison::Equal => difference.abs(),
                Comparison::NotEqual => f64::from(u8::from(difference == 0.0)),
                Comparison::LessEqual => difference.max(0.0),
                Comparison::Less => (difference + 1.0).max(0.0),
                Comparison::GreaterEqual => (-difference).max(0.0),
                Comparison::Greater => (1.0 - difference).max(0.0),
            }
        }
        Node::Logic(Connective::And, parts) => parts.iter().map(|part| distance(at, part)).sum(),
        Node::Logic(Connective::Or, parts) => parts.iter().map(|part| distance(at, part)).fold(f64::INFINITY, f64::min),
        _ => f64::from(u8::from(value(condition) != 1.0)),
    };
    if far.is_nan() { f64::INFINITY } else { far }
}

/// The parts of a condition that read no numbers but integers that are given, and the entries that they read.
pub fn parts(model: &Model, condition: &Term) -> Option<(Term, Vec<Entry>)> {
    let all = match condition.node() {
        Node::Logic(Connective::And, parts) => parts.clone(),
        _ => vec![condition.clone()],
    };
    let is_own = |part: &Term| !part.tensors().is_empty() && reads_integers_only(model, part);
    let own: Vec<Term> = all.into_iter().filter(is_own).collect();
    if own.is_empty() {
        return None;
    }
    let mut entries = BTreeSet::new();
    own.iter().for_each(|part| collect(model, part, &mut entries));
    Some((Term::logic(Connective::And, own), entries.into_iter().collect()))
}

fn reads_integers_only(model: &Model, term: &Term) -> bool {
    let is_integer = |name: &Name| model.tensor(name).is_some_and(|tensor| integers_below(tensor).is_some());
    term.tensors().iter().all(is_integer)
}

fn collect(model: &Model, term: &Term, entries: &mut BTreeSet<Entry>) {
    if let Node::Read { tensor, subscripts } = term.node() {
        entries.extend(Entry::of_read(model, tensor, subscripts));
    }
    match term.open() {
        Some(opened) => collect(model, &opened.body, entries),
        None => term.children().iter().for_each(|child| collect(model, child, entries)),
    }
}
