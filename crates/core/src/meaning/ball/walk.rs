//! A walk over terms that gives balls. Entries of tensors are computed when they are read, and kept.

use super::super::Point;
use super::super::function::{Form, OneArgument};
use super::jet::{Arithmetic, Jet};
use super::value::{Place, Value};
use super::{Entry, Lack};
use crate::model::{Model, Role, derivative_parts, share};
use crate::term::{
    Affine, Binder, Comparison, Connective, Function, Index, Name, Node, Reduction, Slot, Term, TermHasher,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::rc::Rc;

/// Definitions are followed into each other so often; what lies deeper is computed first.
const DEEPEST: usize = 24;
/// A function takes as long as so many other nodes.
const CALL_WORK: usize = 30;
/// Derivatives of higher order are not taken.
const MOST_LEVELS: usize = 5;

/// The values of the indices.
#[derive(Debug, Clone)]
pub struct Scope {
    pub free: Vec<(u32, usize)>,
    pub bound: Vec<usize>,
}

impl Scope {
    pub fn new(at: &[(Index, usize)]) -> Scope {
        Scope { free: at.iter().map(|(index, value)| (index.id, *value)).collect(), bound: Vec::new() }
    }

    fn affine(&self, affine: &Affine) -> Option<i64> {
        affine.terms.iter().try_fold(affine.constant, |sum, (slot, coefficient)| {
            let value = match slot {
                Slot::Free(index) => self.free.iter().find(|(id, _)| *id == index.id)?.1,
                Slot::Bound(slot) => *self.bound.iter().rev().nth(*slot as usize)?,
                Slot::Size(size) => size.value,
            };
            sum.checked_add(coefficient.checked_mul(i64::try_from(value).ok()?)?)
        })
    }
}

/// An entry by which is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Variable {
    tensor: usize,
    place: usize,
    /// Whether all that depends on it moves along, or only what reads it.
    is_total: bool,
}

/// The variables of a walk, the outermost level first.
type Variables = Rc<[Variable]>;

/// Values that are no doubles, by tensor and place.
pub type Refined = BTreeMap<(usize, usize), Value>;

/// What was computed before, by a key.
type Known<K> = HashMap<K, Result<Jet, Lack>, BuildHasherDefault<TermHasher>>;

/// Terms at one point, with so many bits.
pub struct Walk<'a> {
    model: &'a Model,
    point: &'a Point,
    /// Values that are no doubles.
    refined: Rc<Refined>,
    math: Arithmetic,
    known: Known<(usize, usize, usize)>,
    /// Reductions by the values of their indices.
    reductions: Known<(Term, Vec<usize>)>,
    /// Lists of variables by their numbers, with the tensors that depend on one.
    lists: Vec<(Variables, BTreeSet<usize>)>,
    depth: usize,
    /// How many nodes were visited.
    pub work: usize,
    /// How many may be.
    pub most: usize,
}

impl<'a> Walk<'a> {
    /// With so many bits; for `nothing` see [`Arithmetic`].
    pub fn new(
        model: &'a Model,
        point: &'a Point,
        refined: Rc<Refined>,
        bits: usize,
        nothing: Option<i64>,
    ) -> Walk<'a> {
        let lists = vec![(Rc::from([]), BTreeSet::new())];
        let (known, reductions) = (HashMap::default(), HashMap::default());
        let math = Arithmetic { bits, nothing };
        Walk { model, point, refined, math, known, reductions, lists, depth: 0, work: 0, most: usize::MAX }
    }

    /// The value of a term.
    pub fn value(&mut self, term: &Term, at: &[(Index, usize)]) -> Result<Value, Lack> {
        let variables = self.lists[0].0.clone();
        let mut pending: Vec<Entry> = Vec::new();
        loop {
            self.depth = 0;
            let found = match pending.last() {
                Some(entry) => self.entry(*entry),
                None => self.jet(term, &mut Scope::new(at), &variables),
            };
            match found {
                Err(Lack::First(entry)) if pending.last() == Some(&entry) => return Err(Lack::Fault),
                Err(Lack::First(entry)) => pending.push(entry),
                found if pending.is_empty() => return Ok(found?.value),
                Err(Lack::Work) => return Err(Lack::Work),
                _ => drop(pending.pop()),
            }
        }
    }

    fn jet(&mut self, term: &Term, scope: &mut Scope, variables: &Variables) -> Result<Jet, Lack> {
        self.work += 1;
        if self.work > self.most {
            return Err(Lack::Work);
        }
        let math = self.math;
        match term.node() {
            Node::Number(number) => Ok(Value::number(*number, math.bits)?.into()),
            Node::Affine(affine) => Ok(Jet::integer(scope.affine(affine).ok_or(Lack::Fault)?)),
            Node::Read { tensor, subscripts } => self.read(tensor, subscripts, scope, variables),
            Node::Add(addends) => {
                let mut sum = self.jet(&addends[0], scope, variables)?;
                for addend in &addends[1..] {
                    sum = math.plus(&sum, &self.jet(addend, scope, variables)?)?;
                }
                Ok(sum)
            }
            Node::Mul(factors) => self.product(factors, scope, variables),
            Node::Pow(base, exponent) => {
                let base = self.jet(base, scope, variables)?;
                math.power(&base, &self.jet(exponent, scope, variables)?)
            }
            Node::Call(function, arguments) => self.call(*function, arguments, scope, variables),
            Node::Compare(..) | Node::Logic(..) => Ok(Jet::integer(i64::from(self.holds(term, scope)?))),
            Node::Where(condition, then, otherwise) => {
                let chosen = if self.holds(condition, scope)? { then } else { otherwise };
                self.jet(chosen, scope, variables)
            }
            Node::Reduce { .. } => self.reduction(term, scope, variables),
            Node::Derivative { of, wrt, at } => {
                let variable = self.variable(wrt, at, scope)?;
                let inner = with(variables, variable)?;
                let moved = self.jet(of, scope, &inner)?;
                Ok(last_slope(&moved, inner.len()))
            }
            Node::Jacobian { tensor, subscripts, wrt, at } => {
                let variable = self.variable(wrt, at, scope)?;
                let values = self.subscripts(subscripts, scope)?;
                let definition = self.model.definition(tensor).ok_or(Lack::Fault)?;
                let free = definition.indices.iter().map(|index| index.id).zip(values).collect();
                let inner = with(variables, variable)?;
                let moved = self.jet(&definition.body, &mut Scope { free, bound: Vec::new() }, &inner)?;
                Ok(last_slope(&moved, inner.len()))
            }
        }
    }

    fn plain(&mut self, term: &Term, scope: &mut Scope) -> Result<Value, Lack> {
        let none = self.lists[0].0.clone();
        Ok(self.jet(term, scope, &none)?.value)
    }

    /// A false condition makes a product 0, and nothing else is looked at.
    fn product(&mut self, factors: &[Term], scope: &mut Scope, variables: &Variables) -> Result<Jet, Lack> {
        let (conditions, others): (Vec<&Term>, Vec<&Term>) = factors.iter().partition(|factor| factor.is_condition());
        if !conditions.is_empty() && self.any_is(false, conditions.into_iter(), scope)? {
            return Ok(Jet::integer(0));
        }
        let Some((first, rest)) = others.split_first() else { return Ok(Jet::integer(1)) };
        let mut product = self.jet(first, scope, variables)?;
        for factor in rest {
            product = self.math.times(&product, &self.jet(factor, scope, variables)?)?;
        }
        Ok(product)
    }

    fn holds(&mut self, condition: &Term, scope: &mut Scope) -> Result<bool, Lack> {
        match condition.node() {
            Node::Compare(comparison, left, right) => self.compares(*comparison, left, right, scope),
            Node::Logic(Connective::And, conditions) => Ok(!self.any_is(false, conditions.iter(), scope)?),
            Node::Logic(Connective::Or, conditions) => self.any_is(true, conditions.iter(), scope),
            Node::Logic(Connective::Not, conditions) => Ok(!self.any_is(true, conditions.iter(), scope)?),
            _ => Ok(self.plain(condition, scope)?.sign()? != 0),
        }
    }

    fn compares(&mut self, comparison: Comparison, left: &Term, right: &Term, scope: &mut Scope) -> Result<bool, Lack> {
        if let (Some(left), Some(right)) = (index_form(left, scope), index_form(right, scope)) {
            return Ok(comparison.holds(left as f64, right as f64));
        }
        let left = self.plain(left, scope)?;
        let sign = self.math.compare(&left, &self.plain(right, scope)?)?;
        Ok(comparison.holds(f64::from(sign), 0.0))
    }

    /// Whether one of the conditions is `wanted`; that one decides even where another is not known.
    fn any_is<'t>(
        &mut self,
        wanted: bool,
        conditions: impl Iterator<Item = &'t Term>,
        scope: &mut Scope,
    ) -> Result<bool, Lack> {
        let mut result = Ok(false);
        for condition in conditions {
            match self.holds(condition, scope) {
                Ok(found) if found == wanted => return Ok(true),
                Ok(_) => {}
                Err(lack) => result = Err(lack),
            }
        }
        result
    }

    fn call(
        &mut self,
        function: Function,
        arguments: &[Term],
        scope: &mut Scope,
        variables: &Variables,
    ) -> Result<Jet, Lack> {
        if arguments.len() != function.arity() {
            return Err(Lack::Fault);
        }
        self.work += CALL_WORK;
        match Form::of(function) {
            Form::One(OneArgument::Exp) => self.exponential(&arguments[0], scope, variables),
            Form::One(one @ (OneArgument::Stop | OneArgument::Sign | OneArgument::Floor)) => {
                Ok(self.plain(&arguments[0], scope)?.call(one, self.math.bits)?.into())
            }
            Form::One(one) => {
                let argument = self.jet(&arguments[0], scope, variables)?;
                self.math.call(one, &argument)
            }
            form => {
                let first = self.jet(&arguments[0], scope, variables)?;
                let second = self.jet(&arguments[1], scope, variables)?;
                match form {
                    Form::Mod => self.math.modulo(&first, &second),
                    Form::Max => self.math.extremum(&[first, second], true),
                    _ => self.math.extremum(&[first, second], false),
                }
            }
        }
    }

    /// `exp(u)`; of a share `u - l` of a row that is minus infinity it is 0.
    fn exponential(&mut self, exponent: &Term, scope: &mut Scope, variables: &Variables) -> Result<Jet, Lack> {
        let addends = exponent.addends();
        let parts: Vec<Jet> =
            addends.iter().map(|addend| self.jet(addend, scope, variables)).collect::<Result<_, Lack>>()?;
        if parts.iter().any(|part| matches!(part.value.place, Place::Infinite { .. }))
            && let Some(place) = share::normaliser(exponent, self.model)
        {
            match parts[place].value.place {
                Place::Infinite { is_negative: false } => return Ok(Jet::integer(0)),
                Place::Infinite { is_negative: true } => return Err(Lack::Undefined),
                Place::Finite(_) => {}
            }
        }
        let mut sum = parts[0].clone();
        for part in &parts[1..] {
            sum = self.math.plus(&sum, part)?;
        }
        self.math.call(OneArgument::Exp, &sum)
    }

    /// A reduction; lines, and loops around, ask for the same one again and again.
    fn reduction(&mut self, term: &Term, scope: &mut Scope, variables: &Variables) -> Result<Jet, Lack> {
        let Node::Reduce { reduction, binders, body } = term.node() else { return Err(Lack::Fault) };
        if !variables.is_empty() || term.is_loose() {
            return self.reduce(*reduction, binders, body, scope, variables);
        }
        let value = |index: &Index| scope.free.iter().find(|(id, _)| *id == index.id).map(|(_, value)| *value);
        let at: Option<Vec<usize>> = term.free().iter().map(value).collect();
        let key = (term.clone(), at.ok_or(Lack::Fault)?);
        if let Some(known) = self.reductions.get(&key) {
            return known.clone();
        }
        let found = self.reduce(*reduction, binders, body, scope, variables);
        if !matches!(found, Err(Lack::First(_) | Lack::Work)) {
            self.reductions.insert(key, found.clone());
        }
        found
    }

    fn reduce(
        &mut self,
        reduction: Reduction,
        binders: &[Binder],
        body: &Term,
        scope: &mut Scope,
        variables: &Variables,
    ) -> Result<Jet, Lack> {
        let math = self.math;
        let count: usize = binders.iter().map(|binder| binder.extent.value()).product();
        let around = scope.bound.len();
        let mut row: Vec<Jet> = Vec::new();
        let mut folded = Jet::integer(i64::from(reduction == Reduction::Prod));
        for place in 0..count {
            scope.bound.truncate(around);
            let mut rest = place;
            // The first binder is the innermost slot.
            for binder in binders {
                scope.bound.push(rest % binder.extent.value());
                rest /= binder.extent.value();
            }
            scope.bound[around..].reverse();
            let found = self.jet(body, scope, variables);
            scope.bound.truncate(around);
            let found = found?;
            match reduction {
                Reduction::Sum => folded = math.plus(&folded, &found)?,
                Reduction::Prod => folded = math.times(&folded, &found)?,
                _ => row.push(found),
            }
        }
        match reduction {
            Reduction::Sum | Reduction::Prod => Ok(folded),
            Reduction::Max => math.extremum(&row, true),
            Reduction::Min => math.extremum(&row, false),
            Reduction::LogSumExp => math.logsumexp(&row),
            Reduction::ArgMax => self.position(&row, binders, true),
            Reduction::ArgMin => self.position(&row, binders, false),
        }
    }

    /// The first position of the greatest value, or of the least.
    fn position(&self, row: &[Jet], binders: &[Binder], is_greatest: bool) -> Result<Jet, Lack> {
        // Rows are gone through with the first binder fastest; positions count with the last one fastest.
        let extents: Vec<usize> = binders.iter().map(|binder| binder.extent.value()).collect();
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by_key(|place| position_of(*place, &extents));
        let Some(mut best) = order.first().copied() else { return Err(Lack::Fault) };
        for place in &order[1..] {
            let sign = self.math.compare(&row[*place].value, &row[best].value)?;
            if sign == if is_greatest { 1 } else { -1 } {
                best = *place;
            }
        }
        Ok(Jet::integer(position_of(best, &extents) as i64))
    }

    fn subscripts(&mut self, subscripts: &[Term], scope: &mut Scope) -> Result<Vec<usize>, Lack> {
        let mut found = Vec::with_capacity(subscripts.len());
        for subscript in subscripts {
            let value = match index_form(subscript, scope) {
                Some(value) => value,
                None => {
                    let value = self.plain(subscript, scope)?;
                    value.ball().and_then(|ball| ball.as_integer()).ok_or(Lack::Fault)?
                }
            };
            found.push(usize::try_from(value).map_err(|_| Lack::Fault)?);
        }
        Ok(found)
    }

    /// Where an entry stands in a tensor.
    fn place(&mut self, tensor: usize, subscripts: &[Term], scope: &mut Scope) -> Result<usize, Lack> {
        let at = self.subscripts(subscripts, scope)?;
        flat(&at, &self.model.tensors[tensor].shape)
    }

    fn variable(&mut self, wrt: &Name, at: &[Term], scope: &mut Scope) -> Result<Variable, Lack> {
        let tensor = self.model.tensors.position(wrt).ok_or(Lack::Fault)?;
        Ok(Variable { tensor, place: self.place(tensor, at, scope)?, is_total: false })
    }

    fn read(
        &mut self,
        name: &Name,
        subscripts: &[Term],
        scope: &mut Scope,
        variables: &Variables,
    ) -> Result<Jet, Lack> {
        let Some(tensor) = self.model.tensors.position(name) else {
            return self.total(name, subscripts, scope, variables);
        };
        let place = self.place(tensor, subscripts, scope)?;
        self.moving(tensor, place, variables)
    }

    /// An entry as it moves with the variables.
    fn moving(&mut self, tensor: usize, place: usize, variables: &Variables) -> Result<Jet, Lack> {
        if variables.is_empty() {
            return self.entry(Entry { variables: 0, tensor, place });
        }
        let total: Vec<usize> = (0..variables.len()).filter(|level| variables[*level].is_total).collect();
        let list = self.list(total.iter().map(|level| variables[*level]).collect());
        let moves = self.lists[list].1.contains(&tensor);
        let own = self.entry(Entry { variables: if moves { list } else { 0 }, tensor, place })?;
        // Levels of the list are found among all levels by their places.
        let inner = |set: usize| {
            let chosen = (0..total.len()).filter(|at| set >> total[*at] & 1 == 1);
            chosen.fold(0usize, |inner, at| inner | 1 << at)
        };
        let all_total = total.iter().fold(0usize, |all, level| all | 1 << level);
        let is_itself = |level: usize| {
            let variable = variables[level];
            !variable.is_total && variable.tensor == tensor && variable.place == place
        };
        let part = |set: usize| match set & !all_total {
            0 => own.part(inner(set)).cloned(),
            _ if set.is_power_of_two() && is_itself(set.trailing_zeros() as usize) => Some(Value::integer(1)),
            _ => None,
        };
        Ok(Jet::from_parts(own.value.clone(), variables.len(), part))
    }

    /// An entry of a total derivative that the model does not define.
    fn total(
        &mut self,
        name: &Name,
        subscripts: &[Term],
        scope: &mut Scope,
        variables: &Variables,
    ) -> Result<Jet, Lack> {
        let (of, wrt) = self.parts(name).ok_or(Lack::Fault)?;
        let at = self.subscripts(subscripts, scope)?;
        let ranks: Vec<usize> =
            [of].iter().chain(&wrt).map(|position| self.model.tensors[*position].shape.len()).collect();
        if at.len() != ranks.iter().sum::<usize>() {
            return Err(Lack::Fault);
        }
        let (own, mut rest) = at.split_at(ranks[0]);
        let mut all: Vec<Variable> = variables.to_vec();
        for (tensor, rank) in wrt.iter().zip(&ranks[1..]) {
            let (entry, after) = rest.split_at(*rank);
            let place = flat(entry, &self.model.tensors[*tensor].shape)?;
            all.push(Variable { tensor: *tensor, place, is_total: true });
            rest = after;
        }
        if all.len() > MOST_LEVELS {
            return Err(Lack::Fault);
        }
        let place = flat(own, &self.model.tensors[of].shape)?;
        let moved = self.moving(of, place, &all.into())?;
        let new = ((1 << wrt.len()) - 1) << variables.len();
        let value = moved.part(new).cloned().unwrap_or_else(|| Value::integer(0));
        Ok(Jet::from_parts(value, variables.len(), |set| moved.part(set | new).cloned()))
    }

    /// What is differentiated, and by what, the first one first.
    fn parts(&self, name: &str) -> Option<(usize, Vec<usize>)> {
        let (of, wrt) = derivative_parts(name)?;
        let (base, mut all) = match self.model.tensors.position(of) {
            Some(position) => (position, Vec::new()),
            None => self.parts(of)?,
        };
        all.push(self.model.tensors.position(wrt)?);
        Some((base, all))
    }

    /// The number of a list of variables.
    fn list(&mut self, variables: Vec<Variable>) -> usize {
        if let Some(number) = self.lists.iter().position(|(own, _)| **own == *variables) {
            return number;
        }
        let names: Vec<Name> =
            variables.iter().map(|variable| self.model.tensors[variable.tensor].name.clone()).collect();
        let dependents = self.model.tensors.dependents(&names);
        let moving = dependents.iter().filter_map(|name| self.model.tensors.position(name)).collect();
        self.lists.push((variables.into(), moving));
        self.lists.len() - 1
    }

    fn entry(&mut self, entry: Entry) -> Result<Jet, Lack> {
        let key = (entry.variables, entry.tensor, entry.place);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        if self.depth >= DEEPEST {
            return Err(Lack::First(entry));
        }
        self.depth += 1;
        let found = self.computed(entry);
        self.depth -= 1;
        if !matches!(found, Err(Lack::First(_) | Lack::Work)) {
            self.known.insert(key, found.clone());
        }
        found
    }

    fn computed(&mut self, entry: Entry) -> Result<Jet, Lack> {
        let Entry { variables, tensor, place } = entry;
        let own = &self.model.tensors[tensor];
        let variables = self.lists[variables].0.clone();
        let value: Jet = match &own.role {
            Role::Const(Some(number)) => Value::number(*number, self.math.bits)?.into(),
            Role::Defined(definition) => {
                let free = definition.indices.iter().map(|index| index.id).zip(unravel(place, &own.shape)).collect();
                self.jet(&definition.body, &mut Scope { free, bound: Vec::new() }, &variables)?
            }
            _ => match self.refined.get(&(tensor, place)) {
                Some(value) => value.clone().into(),
                None => {
                    let value = self.point.get(&own.name).and_then(|array| array.values.get(place));
                    Value::given(*value.ok_or(Lack::Fault)?)?.into()
                }
            },
        };
        // A variable moves by itself, beside what its equation makes of the others.
        let is_itself = |set: &usize| {
            let variable = variables[set.trailing_zeros() as usize];
            set.is_power_of_two() && variable.tensor == tensor && variable.place == place
        };
        if !(0..variables.len()).any(|level| is_itself(&(1 << level))) {
            return Ok(value);
        }
        let one = |set: usize| is_itself(&set).then(|| Value::integer(1));
        self.math.plus(&value, &Jet::from_parts(Value::integer(0), variables.len(), one))
    }
}

fn with(variables: &Variables, variable: Variable) -> Result<Variables, Lack> {
    if variables.len() >= MOST_LEVELS {
        return Err(Lack::Fault);
    }
    Ok(variables.iter().copied().chain([variable]).collect())
}

/// The derivative by the last of so many levels.
fn last_slope(moved: &Jet, levels: usize) -> Jet {
    let last = 1 << (levels - 1);
    let value = moved.part(last).cloned().unwrap_or_else(|| Value::integer(0));
    Jet::from_parts(value, levels - 1, |set| moved.part(set | last).cloned())
}

/// An integer that depends on indices only.
fn index_form(term: &Term, scope: &Scope) -> Option<i64> {
    match term.node() {
        Node::Affine(affine) => scope.affine(affine),
        Node::Number(number) => number.as_integer(),
        _ => None,
    }
}

/// Where a position of a row is counted, of which the first extent is the fastest, the last one being the fastest.
fn position_of(mut place: usize, extents: &[usize]) -> usize {
    let mut position = 0;
    let mut at = Vec::with_capacity(extents.len());
    for extent in extents {
        at.push(place % extent);
        place /= extent;
    }
    for (at, extent) in at.iter().zip(extents) {
        position = position * extent + at;
    }
    position
}

fn flat(at: &[usize], shape: &[usize]) -> Result<usize, Lack> {
    if at.len() != shape.len() || at.iter().zip(shape).any(|(at, extent)| at >= extent) {
        return Err(Lack::Fault);
    }
    Ok(at.iter().zip(shape).fold(0, |place, (at, extent)| place * extent + at))
}

fn unravel(mut place: usize, shape: &[usize]) -> Vec<usize> {
    let mut entry = vec![0; shape.len()];
    for (at, extent) in entry.iter_mut().zip(shape).rev() {
        *at = place % extent;
        place /= extent;
    }
    entry
}
