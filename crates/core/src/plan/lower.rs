//! From equations to tasks: every reduction becomes a value of its own, equal ones the same, and
//! what does not change in a loop leaves it.

use super::contract::is_outer_product;
use super::equations::Equation;
use super::nest::is_inside;
use super::split::{apart, splits, together};
use super::table::MOST_COUNTED;
use super::tasks::{RESULT, Task, Value, Values, Work, cost, space};
use super::{PlaceKind, PlanError};
use crate::term::{Affine, Comparison, Function, Index, Name, Node, Reduction, Term};
use std::collections::{HashMap, HashSet};

/// Instructions that must be saved for a value to be worth memory and a loop of its own.
pub(super) const WORTH: f64 = 2000.0;
/// Up to this a term is rather computed again than read.
const CHEAP: f64 = 2.0;
/// Terms larger than this are computed in several loops.
const LARGEST: usize = 400;
/// Values of more indices are found again in the order of their indices only.
const MOST_REORDERED: usize = 4;

/// The work in progress.
pub(super) struct Lowering {
    pub values: Values,
    pub tasks: Vec<Task>,
    /// Values by the term they have, its indices numbered from 0.
    known: HashMap<Term, Name>,
    /// What those terms have in common with themselves in any order of their indices.
    kinds: HashSet<Kind>,
    /// The tensor whose equation is being lowered.
    pub tensor: Name,
}

impl Lowering {
    pub fn new(values: Values) -> Lowering {
        Lowering { values, tasks: Vec::new(), known: HashMap::new(), kinds: HashSet::new(), tensor: "".into() }
    }

    /// Adds the tasks of an equation.
    pub fn equation(&mut self, equation: &Equation) -> Result<(), PlanError> {
        self.tensor = equation.name.clone();
        let first = equation.indices.len() as u32 + 1;
        let splits = if self.is_by_steps() { Vec::new() } else { splits(&[&equation.body], &equation.indices, first) };
        let body = self.term(&apart(&equation.body, &splits), first + 2 * splits.len() as u32, false)?;
        let body = self.hoist(&body, space(&equation.indices));
        let body = together(&self.divide(&body), &splits);
        let (target, indices) = (equation.name.clone(), equation.indices.clone());
        self.tasks.push(Task { target, indices, work: Work::Map(body) });
        Ok(())
    }

    /// A term with the same value and no reductions in it. `first` is above the numbers of all
    /// indices around; `guarded` tells whether a condition is around.
    pub fn term(&mut self, term: &Term, first: u32, guarded: bool) -> Result<Term, PlanError> {
        if matches!(term.node(), Node::Call(Function::Floor | Function::Mod, _) | Node::Compare(..))
            && let Some(read) = self.tabulated(term, first, guarded)?
        {
            return Ok(read);
        }
        match term.node() {
            Node::Number(_) | Node::Affine(_) => Ok(term.clone()),
            Node::Read { tensor, subscripts } => {
                self.check_read(tensor, subscripts, guarded)?;
                let inner = |subscript: &Term| self.term(subscript, first, guarded);
                Ok(Term::read_named(tensor.clone(), subscripts.iter().map(inner).collect::<Result<_, _>>()?))
            }
            Node::Reduce { .. } => {
                let Some(opened) = term.open_from(first) else { return Ok(term.clone()) };
                let body = self.term(&opened.body, first + opened.indices.len() as u32, guarded)?;
                if opened.reduction == Reduction::Sum && is_outer_product(&opened.indices, &body) {
                    return self.sum(&opened.indices, body);
                }
                let (over, body) = without_single(opened.reduction, opened.indices, body);
                match opened.reduction {
                    _ if over.is_empty() => Ok(body),
                    Reduction::Sum => self.sum(&over, body),
                    reduction => self.reduce(reduction, &over, body),
                }
            }
            _ => {
                let children = term.children();
                let guarded =
                    guarded || matches!(term.node(), Node::Where(..)) || children.iter().any(Term::is_condition);
                let children: Result<Vec<Term>, PlanError> =
                    children.iter().map(|child| self.term(child, first, guarded)).collect();
                Ok(term.with_children(children?))
            }
        }
    }

    /// Every affine subscript inside its axis for all values of the indices, unless a condition around
    /// it may keep it from counting where it is not. Other subscripts are checked when they are known.
    fn check_read(&self, tensor: &Name, subscripts: &[Term], guarded: bool) -> Result<(), PlanError> {
        let shape = &self.values[tensor].shape;
        let computed = |subscript: &Term| subscript.as_affine().is_none();
        let all_inside = subscripts
            .iter()
            .zip(shape)
            .all(|(subscript, extent)| computed(subscript) || is_inside(subscript, *extent));
        if subscripts.iter().zip(shape).any(|(subscript, extent)| computed(subscript) && *extent > MOST_COUNTED) {
            return Err(PlanError::TooLarge(tensor.clone()));
        }
        if shape.len() == subscripts.len() && (guarded || all_inside) {
            return Ok(());
        }
        Err(PlanError::Subscript { tensor: self.tensor.clone(), read: tensor.clone() })
    }

    /// Whether a read stays inside its tensor.
    pub fn stays_inside(&self, read: &Term) -> bool {
        let Node::Read { tensor, subscripts } = read.node() else { return false };
        let shape = &self.values[tensor].shape;
        subscripts.iter().zip(shape).all(|(subscript, extent)| is_inside(subscript, *extent))
    }

    /// Whether the equation is of a tensor that is computed step by step.
    pub fn is_by_steps(&self) -> bool {
        self.values.get(&self.tensor).is_some_and(|value| value.is_recurrent)
    }

    /// A value that is reduced in one loop.
    pub fn reduce(&mut self, reduction: Reduction, over: &[Index], body: Term) -> Result<Term, PlanError> {
        if over.iter().any(|index| index.extent.value() == 0)
            && matches!(reduction, Reduction::ArgMax | Reduction::ArgMin)
        {
            return Err(PlanError::NoValue(self.tensor.clone()));
        }
        let key = Term::reduce(reduction, over, body.clone());
        let kept = key.free().to_vec();
        if let Some(read) = self.known(&key, &kept) {
            return Ok(read);
        }
        // What is in memory anyway is not computed again.
        let in_memory = if cost(&body) > CHEAP { self.known(&body, body.free()) } else { None };
        let body = in_memory.unwrap_or(body);
        let body = self.hoist(&body, space(&kept) * space(over));
        let body = self.divide(&body);
        let ending = Term::read(RESULT, Vec::new());
        self.value(key, kept, Work::Reduce { reduction, over: over.to_vec(), body, ending })
    }

    /// A value that a term of the same indices has.
    pub fn materialise(&mut self, term: &Term) -> Result<Term, PlanError> {
        let kept = term.free().to_vec();
        if let Some(read) = self.known(term, &kept) {
            return Ok(read);
        }
        let body = self.hoist_inside(term, space(&kept));
        let body = self.divide(&body);
        self.value(term.clone(), kept, Work::Map(body))
    }

    /// The read of a value that is computed already, its indices in whatever order.
    pub fn known(&self, key: &Term, kept: &[Index]) -> Option<Term> {
        let read = |order: &[Index]| {
            let name = self.known.get(&canonical(key, order))?;
            Some(Term::read_at(name, order))
        };
        if kept.len() > MOST_REORDERED {
            return read(kept);
        }
        if !self.kinds.contains(&kind(key, kept)) {
            return None;
        }
        orders(kept).iter().find_map(|order| read(order))
    }

    /// A new value, with the task that computes it.
    pub fn value(&mut self, key: Term, kept: Vec<Index>, work: Work) -> Result<Term, PlanError> {
        let name: Name = format!("%{}", self.known.len()).into();
        let shape: Vec<usize> = kept.iter().map(|index| index.extent.value()).collect();
        if shape.iter().try_fold(1usize, |size, extent| size.checked_mul(*extent)).is_none_or(|size| size > 1 << 40) {
            return Err(PlanError::TooLarge(self.tensor.clone()));
        }
        self.values.insert(name.clone(), Value::new(shape, PlaceKind::Temporary));
        self.note(canonical(&key, &kept), &key, &kept, name.clone());
        let read = Term::read_at(&name, &kept);
        self.tasks.push(Task { target: name, indices: kept, work });
        Ok(read)
    }

    /// How many values are known by their terms: the next one is named by it.
    pub fn known_count(&self) -> usize {
        self.known.len()
    }

    /// Notes that a value is there.
    pub fn note(&mut self, canonical: Term, key: &Term, kept: &[Index], name: Name) {
        self.known.insert(canonical, name);
        self.kinds.insert(kind(key, kept));
    }

    /// Takes parts that are the same for many positions of a loop out of it, where that saves
    /// enough.
    fn hoist(&mut self, term: &Term, positions: f64) -> Term {
        let own = space(term.free());
        let price = cost(term);
        if own < positions
            && (price - 1.0) * positions - (price + 2.0) * own > WORTH
            && let Ok(read) = self.materialise(term)
        {
            // What keeps other factors from counting must still be seen to be a condition.
            let is_condition = term.is_condition();
            return if is_condition { Term::compare(Comparison::NotEqual, read, Term::integer(0)) } else { read };
        }
        self.hoist_inside(term, positions)
    }

    fn hoist_inside(&mut self, term: &Term, positions: f64) -> Term {
        match term.node() {
            Node::Number(_) | Node::Affine(_) | Node::Read { .. } => term.clone(),
            // Of a quotient the dividend: a part of it by itself would be rounded before it is divided.
            Node::Call(Function::Floor, arguments) if let Some(divisor) = arguments[0].denominator() => {
                let dividend = Term::mul(vec![Term::integer(divisor), arguments[0].clone()]);
                let dividend = self.hoist(&dividend, positions);
                Term::call(Function::Floor, Term::mul(vec![Term::ratio(1, divisor), dividend]))
            }
            _ => term.map_children(&mut |child| self.hoist(child, positions)),
        }
    }

    /// Computes the largest parts of a very large term by themselves.
    fn divide(&mut self, term: &Term) -> Term {
        let mut term = term.clone();
        while term.size() > LARGEST {
            let smaller = self.divide_once(&term);
            if smaller.size() >= term.size() {
                break;
            }
            term = smaller;
        }
        term
    }

    fn divide_once(&mut self, term: &Term) -> Term {
        if let Node::Add(parts) | Node::Mul(parts) = term.node()
            && parts.len() > 16
            && !parts.iter().any(Term::is_condition)
        {
            let is_sum = matches!(term.node(), Node::Add(_));
            let join = |parts: &[Term]| if is_sum { Term::add(parts.to_vec()) } else { Term::mul(parts.to_vec()) };
            let (first, rest) = parts.split_at(parts.len() / 2);
            let first = join(first);
            if let Ok(read) = self.materialise(&first) {
                return join(&[vec![read], rest.to_vec()].concat());
            }
        }
        let children = term.children();
        let Some(largest) = children.iter().map(Term::size).max().filter(|size| *size > 2) else { return term.clone() };
        let mut done = false;
        let children = children.into_iter().map(|child| {
            if done || child.size() < largest || child.is_condition() {
                return child;
            }
            done = true;
            if child.size() > LARGEST {
                return self.divide_once(&child);
            }
            self.materialise(&child).unwrap_or(child)
        });
        let children = children.collect();
        term.with_children(children)
    }
}

/// Indices that run over one value only are not reduced over, but put in by it.
fn without_single(reduction: Reduction, over: Vec<Index>, body: Term) -> (Vec<Index>, Term) {
    if matches!(reduction, Reduction::ArgMax | Reduction::ArgMin) {
        return (over, body);
    }
    let (single, over): (Vec<Index>, Vec<Index>) = over.into_iter().partition(|index| index.extent.value() == 1);
    let first: Vec<(Index, Affine)> = single.into_iter().map(|index| (index, Affine::constant(0))).collect();
    (over, body.substitute_all(&first))
}

/// All orders of some indices, the given one first.
pub(super) fn orders(indices: &[Index]) -> Vec<Vec<Index>> {
    if indices.len() < 2 {
        return vec![indices.to_vec()];
    }
    let mut all = Vec::new();
    for first in 0..indices.len() {
        let mut rest = indices.to_vec();
        let first = rest.remove(first);
        all.extend(orders(&rest).into_iter().map(|rest| [vec![first.clone()], rest].concat()));
    }
    all
}

/// The size of a term, the tensors in it and the extents of its indices: the same for any order of those.
type Kind = (usize, Vec<Name>, Vec<usize>);

fn kind(term: &Term, kept: &[Index]) -> Kind {
    let (mut tensors, mut extents) =
        (term.tensors(), kept.iter().map(|index| index.extent.value()).collect::<Vec<_>>());
    tensors.sort();
    extents.sort_unstable();
    (term.size(), tensors, extents)
}

/// The term with its indices numbered from 0, so that equal terms of different equations are equal.
pub(super) fn canonical(term: &Term, kept: &[Index]) -> Term {
    let renumbered = kept.iter().zip(0..).map(|(index, id)| {
        let to = Index { id, extent: index.extent.clone(), letter: index.letter.clone() };
        (index.clone(), Affine::index(&to))
    });
    term.substitute_all(&renumbered.collect::<Vec<_>>())
}
