//! Conditions and constants in terms, and in the definitions that they read.

use super::integers::Entry;
use crate::model::{Model, derivative_parts};
use crate::term::{Comparison, Connective, Function, Name, Node, Number, Opened, Reduction, Term};
use std::collections::{BTreeSet, VecDeque};

/// Definitions are followed into each other so often.
const DEEPEST: usize = 8;
/// So many nodes are looked at.
const MOST_NODES: usize = 20_000;
/// So many positions of a reduction are looked at: all of a short one.
const MOST_POSITIONS: usize = 8;
/// Conditions inside of so many others are looked for together with those.
const MOST_AROUND: usize = 5;

/// A condition, or the side of a kink, and where it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What must hold for it to be reached.
    pub around: Vec<Term>,
    pub condition: Term,
}

/// Looks for constants and conditions, nearest first.
pub struct Search<'a> {
    model: &'a Model,
    /// The sizes of constants that are not near 1.
    pub constants: Vec<f64>,
    pub conditions: Vec<Found>,
    /// The entries of tensors of integers that are read.
    pub integers: BTreeSet<Entry>,
    seen: BTreeSet<(Term, Vec<Term>)>,
    /// What is looked at later: further positions of reductions.
    pending: VecDeque<(Term, Vec<Term>, usize)>,
    nodes: usize,
}

impl<'a> Search<'a> {
    /// In lines without free indices.
    pub fn new(model: &'a Model, lines: &[Term]) -> Search<'a> {
        let pending = lines.iter().map(|line| (line.clone(), Vec::new(), 0)).collect();
        let (constants, conditions, seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        let integers = BTreeSet::new();
        let mut search = Search { model, constants, conditions, integers, seen, pending, nodes: 0 };
        while let Some((term, around, depth)) = search.pending.pop_front() {
            search.term(&term, &around, depth);
        }
        search
    }

    fn term(&mut self, term: &Term, around: &[Term], depth: usize) {
        self.nodes += 1;
        if self.nodes > MOST_NODES || !term.free().is_empty() {
            return;
        }
        match term.node() {
            Node::Number(number) => self.constant(*number),
            Node::Read { tensor, subscripts }
                if depth < DEEPEST && self.seen.insert((term.clone(), around.to_vec())) =>
            {
                self.read(tensor, subscripts, around, depth);
            }
            Node::Mul(factors) => return self.product(factors, around, depth),
            Node::Where(condition, then, otherwise) => {
                let fails = Term::logic(Connective::Not, vec![condition.clone()]);
                self.term(condition, around, depth);
                self.term(then, &with(around, condition), depth);
                return self.term(otherwise, &with(around, &fails), depth);
            }
            Node::Reduce { reduction, .. } => {
                if let Some(opened) = term.open() {
                    self.opened(*reduction, &opened, around, depth);
                }
                return;
            }
            _ => {}
        }
        let kinks = kinks(term);
        for condition in &kinks {
            self.condition(condition, around);
            // No slope leads to where a floor has a value, but one leads through the middle of its step.
            let smooth = without_floors(condition);
            if smooth != *condition {
                self.condition(&smooth, around);
            }
        }
        // Behind a ramp only its rising side counts.
        let inner = match term.node() {
            Node::Call(Function::Relu, _) => with(around, &kinks[0]),
            _ => around.to_vec(),
        };
        term.children().iter().for_each(|child| self.term(child, &inner, depth));
    }

    /// Each factor counts where the others are not 0.
    fn product(&mut self, factors: &[Term], around: &[Term], depth: usize) {
        let conditions: Vec<Option<Term>> = factors.iter().map(support).collect();
        let all: Vec<Term> = conditions.iter().flatten().cloned().collect();
        if all.len() > 1 {
            self.condition(&Term::logic(Connective::And, all), around);
        }
        for (place, factor) in factors.iter().enumerate() {
            let others = conditions.iter().enumerate().filter(|(other, _)| *other != place);
            let inner =
                others.filter_map(|(_, own)| own.as_ref()).fold(around.to_vec(), |inner, own| with(&inner, own));
            self.term(factor, &inner, depth);
        }
    }

    fn constant(&mut self, number: Number) {
        let size = number.value().abs();
        let is_usual = (0.1..=10.0).contains(&size) || size == 0.0 || !size.is_finite();
        if !is_usual && !self.constants.contains(&size) {
            self.constants.push(size);
        }
    }

    fn condition(&mut self, condition: &Term, around: &[Term]) {
        let found = Found { around: around.to_vec(), condition: condition.clone() };
        if !condition.tensors().is_empty() && !self.conditions.contains(&found) {
            self.conditions.push(found);
        }
    }

    /// Follows a tensor to its definition; of a derivative to that of what is differentiated.
    fn read(&mut self, tensor: &Name, subscripts: &[Term], around: &[Term], depth: usize) {
        self.integers.extend(Entry::of_read(self.model, tensor, subscripts));
        let body = match self.model.definition(tensor) {
            Some(definition) => definition.at(subscripts),
            None => {
                let Some((of, _)) = derivative_parts(tensor) else { return };
                let rank = self.model.tensor(of).map_or(0, |own| own.shape.len()).min(subscripts.len());
                return self.read(&of.into(), &subscripts[..rank], around, depth + 1);
            }
        };
        if let Some(body) = body {
            self.term(&body, around, depth + 1);
        }
    }

    /// The first position of a reduction, others later; of a greatest or least value, which of two it is.
    fn opened(&mut self, reduction: Reduction, opened: &Opened, around: &[Term], depth: usize) {
        let extents: Vec<usize> = opened.indices.iter().map(|index| index.extent.value()).collect();
        let bodies: Vec<Term> = positions(&extents)
            .into_iter()
            .map(|position| {
                let values = position.into_iter().map(|value| Term::integer(value as i64));
                let pairs: Vec<_> = opened.indices.iter().cloned().zip(values).collect();
                opened.body.substitute_terms(&pairs)
            })
            .collect();
        let Some((first, others)) = bodies.split_first() else { return };
        if reduction == Reduction::Prod {
            let all: Vec<Term> = bodies.iter().filter_map(support).collect();
            if all.len() > 1 {
                self.condition(&Term::logic(Connective::And, all), around);
            }
        }
        if matches!(reduction, Reduction::Max | Reduction::Min | Reduction::ArgMax | Reduction::ArgMin) {
            for other in others.iter().filter(|other| *other != first) {
                self.condition(&Term::compare(Comparison::Greater, first.clone(), other.clone()), around);
            }
            let is_greatest = matches!(reduction, Reduction::Max | Reduction::ArgMax);
            let beats = if is_greatest { Comparison::Greater } else { Comparison::Less };
            for (place, best) in bodies.iter().enumerate().filter(|(_, best)| best.tensors().is_empty()) {
                // What is no value that can be chosen, such as what lies outside, is the best one only below all.
                let others = bodies.iter().enumerate().filter(|(other, _)| *other != place);
                let all = others.map(|(_, other)| Term::compare(beats, best.clone(), other.clone())).collect();
                self.condition(&Term::logic(Connective::And, all), around);
            }
        }
        self.term(first, around, depth);
        self.pending.extend(others.iter().map(|other| (other.clone(), around.to_vec(), depth)));
    }
}

/// Positions of a range: all, or some that are spread evenly, with the first and the last one.
pub fn positions(extents: &[usize]) -> Vec<Vec<usize>> {
    let length = extents.iter().fold(1usize, |length, extent| length.saturating_mul(*extent));
    let count = length.min(MOST_POSITIONS);
    let place = |number: usize| if count > 1 { number * (length - 1) / (count - 1) } else { 0 };
    let unravel = |mut place: usize| {
        let mut position = vec![0; extents.len()];
        for (at, extent) in position.iter_mut().zip(extents).rev() {
            *at = place % extent;
            place /= extent;
        }
        position
    };
    (0..count).map(|number| unravel(place(number))).collect()
}

fn with(around: &[Term], condition: &Term) -> Vec<Term> {
    let mut inner = around.to_vec();
    if inner.len() < MOST_AROUND && !condition.tensors().is_empty() && !inner.contains(condition) {
        inner.push(condition.clone());
    }
    inner
}

/// The condition with `u - 1/2` for `floor(u)`.
fn without_floors(condition: &Term) -> Term {
    match condition.node() {
        Node::Call(Function::Floor, parts) => Term::add(vec![without_floors(&parts[0]), Term::ratio(-1, 2)]),
        Node::Reduce { .. } => condition.clone(),
        _ => condition.map_children(&mut |child| without_floors(child)),
    }
}

/// Where a factor is not 0, if that is a condition.
fn support(factor: &Term) -> Option<Term> {
    match factor.node() {
        _ if factor.is_condition() => Some(factor.clone()),
        Node::Call(Function::Relu, parts) => Some(above_zero(&parts[0])),
        Node::Pow(base, _) => support(base),
        _ => None,
    }
}

/// On which side of 0 a number is, also one whose even power is looked at: `sqrt(x^2)` has a kink there.
fn rises(term: &Term) -> Term {
    match term.node() {
        Node::Pow(base, exponent) if exponent.as_number().and_then(Number::as_integer).is_some() => above_zero(base),
        _ => above_zero(term),
    }
}

fn above_zero(term: &Term) -> Term {
    Term::compare(Comparison::Greater, term.clone(), Term::integer(0))
}

/// On which side of its kinks and jumps a node is.
fn kinks(term: &Term) -> Vec<Term> {
    let compared = |comparison, left: &Term, right: Term| Term::compare(comparison, left.clone(), right);
    match term.node() {
        Node::Compare(..) | Node::Logic(..) => vec![term.clone()],
        Node::Call(Function::Relu | Function::Abs | Function::Sign, parts) => vec![above_zero(&parts[0])],
        Node::Call(Function::Log | Function::Sqrt, parts) => parts[0].factors().iter().map(rises).collect(),
        Node::Pow(base, exponent) if exponent.as_number().is_none_or(|number| number.as_integer().is_none()) => {
            // Of a negative number powers by integers are real.
            let negative = compared(Comparison::Less, base, Term::integer(0));
            let whole = compared(Comparison::Equal, exponent, Term::integer(2));
            vec![rises(base), Term::logic(Connective::And, vec![negative, whole])]
        }
        Node::Call(Function::Max | Function::Min | Function::Mod, parts) => {
            vec![compared(Comparison::Greater, &parts[0], parts[1].clone())]
        }
        Node::Call(Function::Floor, parts) => vec![
            compared(Comparison::GreaterEqual, &parts[0], Term::integer(1)),
            compared(Comparison::Less, &parts[0], Term::integer(0)),
        ],
        _ => Vec::new(),
    }
}
