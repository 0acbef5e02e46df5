//! Whether two terms are equal exactly: what they are made of is given random residues, and sums, products
//! and powers of those are computed without any rounding.
//!
//! Of functions it is known only that equal arguments give equal values, except of `exp` and what is made of
//! it; of comparisons only that they are consistent with some order. So terms that come out equal are
//! equal, and terms that do not may be equal for another reason.

use crate::meaning::residue::{Residue, scatter};
use crate::model::{Model, Role, TargetKind, Tensor};
use crate::term::{
    Affine, Binder, Comparison, Connective, Function, Index, Name, Node, Number, Reduction, Slot, Term, TermHasher,
};
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// How often two terms are compared, each time with other residues.
const ROUNDS: u64 = 2;
/// How often where they depend on an order, which each time is another one.
const ORDERED_ROUNDS: u64 = 12;
/// How many more tries are made: an inverse of 0 spoils one.
const SPARE: u64 = 4;

/// Compares terms over the tensors of a model.
pub struct Exact<'a> {
    /// Where names are looked up.
    pub model: &'a Model,
    /// Which tensors with an equation are replaced by it; the others are taken for unknowns.
    pub expands: Expansion,
    /// What holds for the unknowns: conditions that are 0 or 1, each for all values of its indices.
    pub given: Vec<(&'a [Index], &'a Term)>,
    /// How many nodes are visited in one round before it is given up.
    pub most_work: usize,
}

/// Tensors that are replaced by their equations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expansion {
    /// Only derivatives.
    Derivatives,
    /// All of them.
    All,
    /// Those.
    These(BTreeSet<Name>),
}

impl Expansion {
    /// Those by which two terms differ, and what their equations bring in, the latest first: no more than a
    /// step needs that names something, or puts in what it is.
    pub fn between(model: &Model, left: &Term, right: &Term) -> Expansion {
        let position = |name: Name| model.tensors.position(&name);
        let defined = |at: &usize| matches!(model.tensors[*at].role, Role::Defined(_));
        let mut sides =
            [left, right].map(|term| -> BTreeSet<usize> { term.tensors().into_iter().filter_map(position).collect() });
        let mut expanded = BTreeSet::new();
        for _ in 0..MOST_EXPANDED {
            let differing = sides[0].symmetric_difference(&sides[1]).filter(|at| defined(at)).max().copied();
            let Some(latest) = differing else { break };
            let tensor = &model.tensors[latest];
            let read = model.definition(&tensor.name).map(|own| own.body.tensors()).unwrap_or_default();
            let read: Vec<usize> = read.into_iter().filter_map(position).collect();
            if read.contains(&latest) {
                break;
            }
            for side in &mut sides {
                if side.remove(&latest) {
                    side.extend(&read);
                }
            }
            expanded.insert(tensor.name.clone());
        }
        Expansion::These(expanded)
    }

    fn has(&self, tensor: &str) -> bool {
        match self {
            Expansion::Derivatives => super::derivative_parts(tensor).is_some(),
            Expansion::All => true,
            Expansion::These(names) => names.contains(tensor),
        }
    }
}

/// A step by which more names differ is not followed further.
const MOST_EXPANDED: usize = 12;

/// What exact arithmetic tells of two terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They are equal.
    Equal,
    /// They are equal for each of several orders of what is compared in them, but not all were looked at.
    EqualInOrders,
    /// They are different: everything in them was computed, and came out different.
    Different,
    /// They may be equal for a reason that this arithmetic does not know, or have no value in it.
    Unknown,
    /// It would take too long to tell.
    TooLong,
}

impl Exact<'_> {
    /// Compares two terms, as functions of their unknowns, at these entries.
    pub fn compare(&self, left: &Term, right: &Term, indices: &[Index], entries: &[Vec<usize>]) -> Verdict {
        if left == right {
            return Verdict::Equal;
        }
        let (mut rounds, mut is_ordered) = (0, false);
        for seed in 0..ORDERED_ROUNDS + SPARE {
            let mut point = Residues::new(self, scatter(seed));
            if point.impose_given().is_none() {
                return Verdict::Unknown;
            }
            let mut all_equal = || {
                // The entries are shared out among the rounds: one residue tells nearly all.
                let step = if is_ordered { 1 } else { ROUNDS as usize };
                let own = (rounds as usize % step.min(entries.len().max(1))..entries.len()).step_by(step);
                for entry in own.map(|number| &entries[number]) {
                    let mut scope =
                        Scope { free: indices.iter().cloned().zip(entry.clone()).collect(), bound: Vec::new() };
                    let (left, right) = (point.value(left, &mut scope)?, point.value(right, &mut scope)?);
                    if !left.equals(right) {
                        return Some(false);
                    }
                }
                Some(true)
            };
            match all_equal() {
                Some(true) => rounds += 1,
                Some(false) if point.is_loose => return Verdict::Unknown,
                Some(false) => return Verdict::Different,
                None if point.work > self.most_work => return Verdict::TooLong,
                None => {}
            }
            is_ordered |= point.asks_order;
            match rounds {
                ROUNDS if !is_ordered => return Verdict::Equal,
                ORDERED_ROUNDS => return Verdict::EqualInOrders,
                _ => {}
            }
        }
        Verdict::Unknown
    }
}

/// The values of the indices.
struct Scope {
    free: Vec<(Index, usize)>,
    bound: Vec<usize>,
}

impl Scope {
    fn affine(&self, affine: &Affine) -> Option<i64> {
        affine.terms.iter().try_fold(affine.constant, |sum, (slot, coefficient)| {
            let value = match slot {
                Slot::Free(index) => self.free.iter().find(|(free, _)| free.id == index.id)?.1,
                Slot::Bound(slot) => *self.bound.iter().rev().nth(*slot as usize)?,
                Slot::Size(size) => size.value,
            };
            sum.checked_add(coefficient.checked_mul(i64::try_from(value).ok()?)?)
        })
    }
}

/// Values of entries of tensors.
type Entries = HashMap<(Name, Vec<usize>), Residue, BuildHasherDefault<TermHasher>>;

/// Residues for all unknowns.
struct Residues<'e, 'a> {
    exact: &'e Exact<'a>,
    seed: u64,
    /// Entries that a condition fixes.
    fixed: Entries,
    /// Entries of defined tensors that were computed before.
    computed: Entries,
    work: usize,
    /// Whether a value depends on an order that was made up.
    asks_order: bool,
    /// Whether a value was made up that may not be independent of the others.
    is_loose: bool,
}

impl<'e, 'a> Residues<'e, 'a> {
    fn new(exact: &'e Exact<'a>, seed: u64) -> Residues<'e, 'a> {
        let (fixed, computed) = (Entries::default(), Entries::default());
        Residues { exact, seed, fixed, computed, work: 0, asks_order: false, is_loose: false }
    }

    /// The value of a term; `None` where it has none in this arithmetic.
    fn value(&mut self, term: &Term, scope: &mut Scope) -> Option<Residue> {
        self.work += 1;
        if self.work > self.exact.most_work {
            return None;
        }
        match term.node() {
            Node::Number(number) => residue(*number),
            Node::Affine(affine) => scope.affine(affine).map(Residue::integer),
            Node::Read { tensor, subscripts } => {
                let at: Option<Vec<usize>> =
                    subscripts.iter().map(|at| usize::try_from(self.integer(at, scope)?).ok()).collect();
                self.entry(tensor, at?)
            }
            Node::Add(addends) => {
                addends.iter().try_fold(Residue::ZERO, |sum, addend| Some(sum.plus(self.value(addend, scope)?)))
            }
            Node::Mul(factors) => self.product(factors, scope),
            Node::Pow(base, exponent) => {
                let base = self.value(base, scope)?;
                match self.is_integer(exponent) {
                    true => base.power(self.integer(exponent, scope)?),
                    false => {
                        self.is_loose = true;
                        Some(Residue::opaque(self.key("power"), &[base, self.value(exponent, scope)?]))
                    }
                }
            }
            Node::Call(Function::Floor | Function::Mod, _) => self.integer(term, scope).map(Residue::integer),
            Node::Call(function, arguments) => self.call(*function, arguments, scope),
            Node::Compare(..) | Node::Logic(..) => {
                Some(if self.holds(term, scope)? { Residue::ONE } else { Residue::ZERO })
            }
            Node::Where(condition, then, otherwise) => {
                let chosen = if self.holds(condition, scope)? { then } else { otherwise };
                self.value(chosen, scope)
            }
            Node::Reduce { reduction, binders, body } => self.reduce(*reduction, binders, body, scope),
            Node::Jacobian { .. } | Node::Derivative { .. } => None,
        }
    }

    fn key(&self, name: &str) -> u64 {
        let mut hasher = TermHasher::default();
        name.hash(&mut hasher);
        scatter(self.seed ^ hasher.finish())
    }

    fn product(&mut self, factors: &[Term], scope: &mut Scope) -> Option<Residue> {
        for condition in factors.iter().filter(|factor| factor.is_condition()) {
            if !self.holds(condition, scope)? {
                return Some(Residue::ZERO);
            }
        }
        let rest = factors.iter().filter(|factor| !factor.is_condition());
        let mut product = Residue::ONE;
        for factor in rest {
            product = product.times(self.value(factor, scope)?);
        }
        Some(product)
    }

    /// A term of integer value.
    fn integer(&mut self, term: &Term, scope: &mut Scope) -> Option<i64> {
        match term.node() {
            Node::Number(number) => number.as_integer(),
            Node::Affine(affine) => scope.affine(affine),
            Node::Add(addends) => {
                addends.iter().try_fold(0i64, |sum, addend| sum.checked_add(self.integer(addend, scope)?))
            }
            Node::Mul(factors) => {
                factors.iter().try_fold(1i64, |product, factor| product.checked_mul(self.integer(factor, scope)?))
            }
            Node::Call(Function::Floor, arguments) => {
                let (dividend, divisor) = arguments[0].as_quotient()?;
                Some(self.integer(&dividend, scope)?.div_euclid(divisor))
            }
            Node::Call(Function::Mod, arguments) => {
                let divisor = self.integer(&arguments[1], scope).filter(|divisor| *divisor > 0)?;
                Some(self.integer(&arguments[0], scope)?.rem_euclid(divisor))
            }
            Node::Compare(..) | Node::Logic(..) => self.holds(term, scope).map(i64::from),
            Node::Read { tensor, subscripts } => {
                let below = below(self.exact.model.tensor(tensor)?)?;
                let at: Option<Vec<i64>> = subscripts.iter().map(|at| self.integer(at, scope)).collect();
                let key = at?.iter().fold(self.key(tensor), |key, at| scatter(key ^ *at as u64));
                (below > 0).then(|| (key % below as u64) as i64)
            }
            _ => None,
        }
    }

    /// Whether an integer can be told without residues.
    fn is_integer(&self, term: &Term) -> bool {
        match term.node() {
            Node::Read { tensor, .. } => self.exact.model.tensor(tensor).and_then(below).is_some(),
            Node::Add(parts) | Node::Mul(parts) => parts.iter().all(|part| self.is_integer(part)),
            Node::Reduce { .. } | Node::Where(..) | Node::Call(Function::Sign, _) => false,
            _ => term.is_integer(),
        }
    }

    fn entry(&mut self, tensor: &Name, at: Vec<usize>) -> Option<Residue> {
        let place = (tensor.clone(), at);
        if let Some(known) = self.fixed.get(&place).or_else(|| self.computed.get(&place)) {
            return Some(*known);
        }
        let own = self.exact.model.tensor(tensor)?;
        let inside = own.shape.len() == place.1.len() && place.1.iter().zip(&own.shape).all(|(at, extent)| at < extent);
        if !inside {
            return None;
        }
        let value = match &own.role {
            Role::Const(Some(number)) => residue(*number)?,
            Role::Defined(definition) if self.exact.expands.has(tensor) => {
                let free = definition.indices.iter().cloned().zip(place.1.iter().copied()).collect();
                self.value(&definition.body, &mut Scope { free, bound: Vec::new() })?
            }
            _ if below(own).is_some() => {
                let at: Vec<Term> = place.1.iter().map(|at| Term::integer(*at as i64)).collect();
                let read = Term::read(tensor, at);
                Residue::integer(self.integer(&read, &mut Scope { free: Vec::new(), bound: Vec::new() })?)
            }
            role => {
                self.is_loose |= matches!(role, Role::Defined(_));
                Residue::unknown(place.1.iter().fold(self.key(tensor), |key, at| scatter(key ^ *at as u64)))
            }
        };
        self.computed.insert(place, value);
        Some(value)
    }

    fn call(&mut self, function: Function, arguments: &[Term], scope: &mut Scope) -> Option<Residue> {
        let values: Option<Vec<Residue>> = arguments.iter().map(|argument| self.value(argument, scope)).collect();
        let values = values?;
        // What is made of exponentials is computed, but not what logarithms or orders make of them.
        self.is_loose = true;
        let u = values[0];
        let (one, two) = (Residue::ONE, Residue::integer(2));
        let logistic = |u: Residue| one.plus(u.negated().exponential()).inverse();
        let half = |u: Residue| Some(u.times(two.inverse()?));
        match function {
            Function::Exp => Some(u.exponential()),
            Function::Sigmoid => logistic(u),
            Function::Silu => Some(u.times(logistic(u)?)),
            Function::Tanh => Some(two.times(logistic(u.times(two))?).minus(one)),
            Function::Sinh => half(u.exponential().minus(u.negated().exponential())),
            Function::Cosh => half(u.exponential().plus(u.negated().exponential())),
            Function::Softplus => Some(self.opaque(Function::Log, &[one.plus(u.exponential())])),
            Function::Abs => Some(u.times(Residue::integer(self.sign(u)))),
            Function::Sign => Some(Residue::integer(self.sign(u))),
            Function::Relu => Some(if self.sign(u) > 0 { u } else { Residue::ZERO }),
            Function::Max => Some(if self.sign(u.minus(values[1])) > 0 { u } else { values[1] }),
            Function::Min => Some(if self.sign(u.minus(values[1])) < 0 { u } else { values[1] }),
            Function::Stop => Some(u),
            _ => Some(self.opaque(function, &values)),
        }
    }

    /// The sign of a number in an order that nothing tells.
    fn sign(&mut self, number: Residue) -> i64 {
        self.asks_order |= !number.is_zero();
        number.sign(self.seed)
    }

    fn opaque(&self, function: Function, values: &[Residue]) -> Residue {
        Residue::opaque(self.key(function.name()), values)
    }

    /// Whether a condition holds; integers are compared as such.
    fn holds(&mut self, condition: &Term, scope: &mut Scope) -> Option<bool> {
        match condition.node() {
            Node::Compare(comparison, left, right) => {
                if self.is_integer(left) && self.is_integer(right) {
                    let (left, right) = (self.integer(left, scope)?, self.integer(right, scope)?);
                    return Some(comparison.holds(left as f64, right as f64));
                }
                self.is_loose = true;
                let difference = self.value(left, scope)?.minus(self.value(right, scope)?);
                Some(comparison.holds(self.sign(difference) as f64, 0.0))
            }
            Node::Logic(connective, conditions) => {
                let mut found = Vec::with_capacity(conditions.len());
                for condition in conditions {
                    found.push(self.holds(condition, scope)?);
                }
                Some(match connective {
                    Connective::And => found.iter().all(|holds| *holds),
                    Connective::Or => found.iter().any(|holds| *holds),
                    Connective::Not => !found[0],
                })
            }
            _ => Some(!self.value(condition, scope)?.is_zero()),
        }
    }

    fn reduce(&mut self, reduction: Reduction, binders: &[Binder], body: &Term, scope: &mut Scope) -> Option<Residue> {
        let mut row = Vec::new();
        let count: usize = binders.iter().map(|binder| binder.extent.value()).product();
        let around = scope.bound.len();
        for place in 0..count {
            scope.bound.truncate(around);
            let mut rest = place;
            // The first binder is the innermost slot.
            for binder in binders {
                scope.bound.push(rest % binder.extent.value());
                rest /= binder.extent.value();
            }
            scope.bound[around..].reverse();
            let value = self.value(body, scope);
            scope.bound.truncate(around);
            row.push(value?);
        }
        let sum = |row: &[Residue]| row.iter().fold(Residue::ZERO, |sum, value| sum.plus(*value));
        match reduction {
            Reduction::Sum => Some(sum(&row)),
            Reduction::Prod => Some(row.iter().fold(Residue::ONE, |product, value| product.times(*value))),
            Reduction::LogSumExp => {
                self.is_loose = true;
                let total = sum(&row.iter().map(|value| value.exponential()).collect::<Vec<_>>());
                Some(self.opaque(Function::Log, &[total]))
            }
            Reduction::Max | Reduction::Min => {
                self.is_loose = true;
                Some(Residue::opaque(self.key(reduction.name()), &row))
            }
            Reduction::ArgMax | Reduction::ArgMin => None,
        }
    }

    /// Chooses unknowns so that what is given holds; `None` where that is not known how.
    fn impose_given(&mut self) -> Option<()> {
        let mut equations = Vec::new();
        for (indices, condition) in &self.exact.given {
            let count: usize = indices.iter().map(|index| index.extent.value()).product();
            for mut place in 0..count {
                let mut at = Vec::new();
                for index in *indices {
                    at.push((index.clone(), place % index.extent.value()));
                    place /= index.extent.value();
                }
                equalities(condition, &at, &mut equations)?;
            }
        }
        let mut chosen = Vec::new();
        for (difference, at) in &equations {
            self.solve(difference, at, &mut chosen)?;
        }
        // What was chosen for one condition may not break another.
        let mut hold = |(difference, at): &(Term, Vec<(Index, usize)>)| {
            let mut scope = Scope { free: at.clone(), bound: Vec::new() };
            self.value(difference, &mut scope).is_some_and(Residue::is_zero)
        };
        equations.iter().all(&mut hold).then_some(())
    }

    fn fix(&mut self, entry: &(Name, Vec<usize>), number: Residue) {
        self.fixed.insert(entry.clone(), number);
        self.computed.clear();
    }

    /// Makes a difference 0 by one unknown entry in which it is linear.
    fn solve(&mut self, difference: &Term, at: &[(Index, usize)], chosen: &mut Vec<(Name, Vec<usize>)>) -> Option<()> {
        let value = |this: &mut Self| {
            let mut scope = Scope { free: at.to_vec(), bound: Vec::new() };
            this.value(difference, &mut scope)
        };
        if value(self)?.is_zero() {
            return Some(());
        }
        let model = self.exact.model;
        let read = difference.tensors().into_iter().filter_map(|name| model.tensor(&name));
        for tensor in read.filter(|tensor| !matches!(tensor.role, Role::Defined(_) | Role::Const(Some(_)))) {
            for place in (0..tensor.len()).rev().take(64) {
                let entry = (tensor.name.clone(), unravel(place, &tensor.shape));
                if chosen.contains(&entry) {
                    continue;
                }
                let before = self.entry(&entry.0, entry.1.clone())?;
                let with = |this: &mut Self, number: Residue| {
                    this.fix(&entry, number);
                    value(this)
                };
                let zero = with(self, Residue::ZERO)?;
                let (one, two) = (with(self, Residue::ONE)?, with(self, Residue::integer(2))?);
                let slope = one.minus(zero);
                if slope.is_zero() || !two.minus(one).equals(slope) {
                    self.fix(&entry, before);
                    continue;
                }
                self.fix(&entry, zero.negated().times(slope.inverse()?));
                chosen.push(entry);
                return Some(());
            }
        }
        None
    }
}

fn residue(number: Number) -> Option<Residue> {
    match number {
        Number::Ratio(numerator, 1) => Some(Residue::integer(numerator)),
        Number::Ratio(numerator, denominator) => {
            Some(Residue::integer(numerator).times(Residue::integer(denominator).inverse()?))
        }
        Number::Float(_) => None,
    }
}

/// For a tensor of integers, what they lie below.
fn below(tensor: &Tensor) -> Option<usize> {
    match tensor.role {
        Role::Input { below } => below,
        Role::Target(TargetKind::Integer(below)) => Some(below),
        _ => None,
    }
}

/// The equations that a condition consists of, as differences; `None` where there is anything else in it.
/// That something is not 0 holds anyway.
fn equalities(condition: &Term, at: &[(Index, usize)], found: &mut Vec<(Term, Vec<(Index, usize)>)>) -> Option<()> {
    match condition.node() {
        Node::Compare(Comparison::Equal, left, right) => {
            found.push((left.minus(right), at.to_vec()));
            Some(())
        }
        Node::Compare(Comparison::NotEqual, ..) => Some(()),
        Node::Logic(Connective::And, conditions) => {
            conditions.iter().try_for_each(|condition| equalities(condition, at, found))
        }
        Node::Number(number) => (!number.is_zero()).then_some(()),
        _ => None,
    }
}

fn unravel(mut place: usize, shape: &[usize]) -> Vec<usize> {
    let mut entry = vec![0; shape.len()];
    for (at, extent) in entry.iter_mut().zip(shape).rev() {
        *at = place % extent;
        place /= extent;
    }
    entry
}
