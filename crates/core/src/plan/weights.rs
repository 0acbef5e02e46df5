//! Weights of summands, as those of `sum[n] w[n] X[n,i] X[n,j]`: a factor that is computed for one product only is
//! not written down where it is something in memory times what depends on the summand alone. The product then
//! takes the two by themselves.

use super::PlaceKind;
use super::fuse::{moved, plain};
use super::nest::is_inside;
use super::tasks::{Task, Value, Values, Work, space};
use crate::term::{Index, Name, Node, Term};
use std::collections::BTreeSet;

/// Products of fewer rows or columns take their factors as they are.
const FEW: f64 = 12.0;

/// A factor that needs not be written down.
struct Factor {
    /// The number of the task that computes it.
    producer: usize,
    is_left: bool,
    /// What the product reads instead.
    read: Term,
    /// By the index of the producer.
    weights: Term,
    index: Index,
    summand: Index,
}

/// Takes weights out of the factors of products. What is changed in a step must be read before.
pub(super) fn apart(tasks: &mut [Task], values: &mut Values, changed: &BTreeSet<Name>) {
    for number in 0..tasks.len() {
        let Some(factor) = [true, false].into_iter().find_map(|left| of(tasks, values, changed, number, left)) else {
            continue;
        };
        let target: Name = format!("{} weights", tasks[factor.producer].target).into();
        let Work::Contract { left, right, weights, .. } = &mut tasks[number].work else { continue };
        *(if factor.is_left { left } else { right }) = factor.read;
        *weights = Some(Term::read_at(&target, &[factor.summand]));
        values.insert(target.clone(), Value::new(vec![factor.index.extent.value()], PlaceKind::Temporary));
        tasks[factor.producer] = Task { target, indices: vec![factor.index], work: Work::Map(factor.weights) };
    }
}

/// A factor of a product that is weights times what is in memory.
fn of(tasks: &[Task], values: &Values, changed: &BTreeSet<Name>, number: usize, is_left: bool) -> Option<Factor> {
    let Work::Contract { left, right, over, guard: None, weights: None, .. } = &tasks[number].work else { return None };
    let mut running = over.iter().filter(|index| index.extent.value() != 1);
    let (Some(summand), None) = (running.next(), running.next()) else { return None };
    let others = |term: &Term| space(term.free()) / summand.extent.value().max(1) as f64;
    let Node::Read { tensor, subscripts } = (if is_left { left } else { right }).node() else { return None };
    if others(left) <= FEW || others(right) <= FEW || !values[tensor].is_temporary() {
        return None;
    }
    let producer = tasks.iter().position(|task| task.target == *tensor)?;
    let Work::Map(body) = &tasks[producer].work else { return None };
    let (own, at) = (&tasks[producer].indices, plain(subscripts)?);
    let index = own[at.iter().position(|index| index == summand)?].clone();
    let is_weight = |factor: &&Term| factor.free().iter().all(|free| *free == index);
    let (weights, rest): (Vec<&Term>, Vec<&Term>) = body.factors().iter().partition(is_weight);
    let [rest] = rest.as_slice() else { return None };
    let Node::Read { tensor: source, subscripts: places } = rest.node() else { return None };
    let stays = places.iter().zip(&values[source].shape).all(|(place, extent)| is_inside(place, *extent));
    // A false condition keeps the rest from counting, which a weight of 0 does not.
    let weighs = weights.iter().any(|factor| factor.depends_on(&index));
    if !weighs || weights.iter().any(|factor| factor.is_condition()) {
        return None;
    }
    if !stays || changed.contains(source) || own.iter().any(|index| !rest.depends_on(index)) {
        return None;
    }
    let uses = tasks.iter().flat_map(Task::reads).filter(|(name, _)| name == tensor).count();
    if uses != 1 {
        return None;
    }
    let (read, weights) = (moved(rest, own, &at), Term::mul(weights.into_iter().cloned().collect()));
    Some(Factor { producer, is_left, read, weights, index, summand: summand.clone() })
}
