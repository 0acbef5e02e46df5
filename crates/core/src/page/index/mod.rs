//! Index notation: terms as expressions of the language that mean the same when they are read.

mod letters;
mod memory;
mod number;
mod order;
mod padding;

use super::Markup;
use crate::derivation::derivative_parts;
use crate::model::Model;
use crate::term::{
    Affine, Comparison, Connective, Extent, Function, Index, Node, Number, Opened, Reduction, Slot, Term,
};
pub(super) use letters::Letters;
use memory::Memory;
pub(super) use number::magnitude;
pub(super) use order::{addends as in_reading_order, is_signal};
use std::cell::RefCell;
use std::rc::Rc;

/// A term whose free indices stand on the left of an equation, in that order.
pub fn term(model: &Model, indices: &[Index], term: &Term) -> Markup {
    Notation::new(model, indices, &[term]).term(term)
}

/// `name[indices] = term`. The name may be that of a derivative.
pub fn equation(model: &Model, name: &str, indices: &[Index], term: &Term) -> Markup {
    let notation = Notation::new(model, indices, &[term]);
    let left = notation.left(name, indices, term);
    Markup::equation(left, notation.term(term))
}

/// The index notation of one place: a model and the letters of the indices in scope.
#[derive(Clone)]
pub struct Notation<'a> {
    model: &'a Model,
    letters: Letters,
    memory: Rc<RefCell<Memory>>,
}

impl<'a> Notation<'a> {
    /// Letters for the indices on the left of an equation, and for any others free in the terms.
    pub fn new(model: &'a Model, indices: &[Index], terms: &[&Term]) -> Notation<'a> {
        let mut letters = Letters::new(model);
        for index in indices.iter().chain(terms.iter().flat_map(|term| term.free())) {
            letters.add(index);
        }
        Notation { model, letters, memory: Rc::default() }
    }

    /// The term as the next line of a chain: dummies that stay keep their letters.
    pub fn line(&self, term: &Term) -> Markup {
        self.memory.borrow_mut().next_line();
        self.term(term)
    }

    /// An entry of a tensor at indices in scope; the tensor may be a derivative.
    pub fn entry(&self, name: &str, indices: &[Index]) -> Markup {
        self.read(name, &indices.iter().map(Term::index).collect::<Vec<_>>())
    }

    /// The left side of an equation, with the ranges that its right side does not tell.
    pub fn left(&self, name: &str, indices: &[Index], right: &Term) -> Markup {
        if derivative_parts(name).is_some() {
            return self.entry(name, indices);
        }
        let subscripts = indices.iter().map(|index| self.binder(index, right)).collect();
        Markup::entry(Markup::name(name), subscripts)
    }

    /// The term as an expression.
    pub fn term(&self, term: &Term) -> Markup {
        match self.signed(term) {
            (true, markup) => markup.negated(),
            (false, markup) => markup,
        }
    }

    /// The term without its sign, and whether that is a minus.
    fn signed(&self, term: &Term) -> (bool, Markup) {
        match term.node() {
            Node::Number(number) => (number.is_negative(), magnitude(*number)),
            Node::Mul(factors) => {
                let number = factors[0].as_number().unwrap_or(Number::ONE);
                let rest = if factors[0].as_number().is_some() { &factors[1..] } else { factors };
                (number.is_negative(), self.product(number, rest))
            }
            Node::Affine(affine) => match self.affine(affine) {
                Markup::Sum(mut addends) if addends.len() == 1 && addends[0].0 => (true, addends.remove(0).1),
                markup => (false, markup),
            },
            _ => (false, self.unsigned(term)),
        }
    }

    fn unsigned(&self, term: &Term) -> Markup {
        match term.node() {
            Node::Read { tensor, subscripts } => self.read(tensor, subscripts),
            Node::Add(addends) => {
                let (common, primitive) = term.split_content();
                match common.is_one() {
                    true => Markup::Sum(order::addends(addends).into_iter().map(|part| self.signed(part)).collect()),
                    false => Markup::Product(vec![magnitude(common), self.unsigned(&primitive)]),
                }
            }
            Node::Pow(base, exponent) => match divisor(term) {
                Some(divisor) => Markup::Quotient(Box::new(Markup::integer(1)), Box::new(self.term(&divisor))),
                None => Markup::Power(Box::new(self.term(base)), Box::new(self.term(exponent))),
            },
            Node::Call(Function::Mod, arguments) => {
                Markup::Relation(Box::new(self.term(&arguments[0])), "mod", Box::new(self.term(&arguments[1])))
            }
            Node::Call(Function::Floor, arguments) => {
                // An integer over an integer is written as a quotient, not as a product with a fraction.
                let inside = match arguments[0].as_quotient() {
                    Some((dividend, divisor)) if divisor > 1 => {
                        Markup::Quotient(Box::new(self.term(&dividend)), Box::new(Markup::Number(divisor.to_string())))
                    }
                    _ => self.term(&arguments[0]),
                };
                Markup::Call("floor".into(), vec![inside])
            }
            Node::Call(..) if term.is_pi() && self.pi().is_some() => self.pi().unwrap_or_else(|| Markup::name("π")),
            Node::Call(function, arguments) => {
                Markup::Call(function.name().into(), arguments.iter().map(|argument| self.term(argument)).collect())
            }
            Node::Compare(Comparison::Equal, left, right) if is_delta(term) => {
                let (first, second) = self.letters.in_order(left, right);
                Markup::Delta(Box::new(self.term(first)), Box::new(self.term(second)))
            }
            Node::Compare(..) | Node::Logic(..) => Markup::Bracket(Box::new(self.condition(term))),
            Node::Where(condition, then, otherwise) => Markup::Cases(
                Box::new(self.condition(condition)),
                Box::new(self.term(then)),
                Box::new(self.term(otherwise)),
            ),
            Node::Reduce { .. } => self.reduction(term),
            Node::Jacobian { tensor, subscripts, wrt, at } => {
                Markup::Derivative(Box::new(self.read(tensor, subscripts)), Box::new(self.read(wrt, at)))
            }
            Node::Derivative { of, wrt, at } => {
                Markup::Derivative(Box::new(self.term(of)), Box::new(self.read(wrt, at)))
            }
            Node::Number(_) | Node::Affine(_) | Node::Mul(_) => self.signed(term).1,
        }
    }

    /// The constant by a name that means nothing else here.
    fn pi(&self) -> Option<Markup> {
        let is_free = |name: &&str| {
            let is_size = self.model.sizes.iter().any(|(size, _)| &**size == *name);
            self.model.tensor(name).is_none() && !is_size && !self.letters.has(name)
        };
        ["π", "pi"].iter().copied().find(is_free).map(Markup::name)
    }

    fn read(&self, tensor: &str, subscripts: &[Term]) -> Markup {
        if let Some((of, wrt)) = derivative_parts(tensor) {
            let rank = self.model.tensor(of).map_or(0, |of| of.shape.len()).min(subscripts.len());
            let (of_at, at) = subscripts.split_at(rank);
            return Markup::Derivative(Box::new(self.read(of, of_at)), Box::new(self.read(wrt, at)));
        }
        Markup::entry(Markup::name(tensor), subscripts.iter().map(|subscript| self.term(subscript)).collect())
    }

    fn affine(&self, affine: &Affine) -> Markup {
        let addend = |(slot, coefficient): &(Slot, i64)| {
            let letter = match slot {
                Slot::Free(index) => Markup::name(self.letters.of(index)),
                Slot::Size(size) => Markup::name(&size.name),
                // Reductions are opened on the way, so this stands for nothing.
                Slot::Bound(slot) => Markup::Name(format!("_{slot}")),
            };
            let size = Markup::Number(coefficient.unsigned_abs().to_string());
            let factors = if coefficient.unsigned_abs() == 1 { vec![letter] } else { vec![size, letter] };
            (*coefficient < 0, Markup::product(factors))
        };
        let mut addends: Vec<(bool, Markup)> = affine.terms.iter().map(addend).collect();
        if affine.constant != 0 {
            addends.push((affine.constant < 0, Markup::Number(affine.constant.unsigned_abs().to_string())));
        }
        // A stable sort: what is added comes before what is subtracted.
        addends.sort_by_key(|(subtracted, _)| *subtracted);
        if addends.len() == 1 && !addends[0].0 { addends.remove(0).1 } else { Markup::Sum(addends) }
    }

    /// A product with the size of a number, over the product of what divides.
    fn product(&self, number: Number, factors: &[Term]) -> Markup {
        let padding::Padded { reads, factors } = padding::padded(self.model, factors);
        let (below, above): (Vec<&Term>, Vec<&Term>) = factors.iter().partition(|factor| divisor(factor).is_some());
        let below: Vec<Term> = below.into_iter().filter_map(divisor).collect();
        let above = order::factors(above, &self.letters);
        let below = order::factors(below.iter().collect(), &self.letters);
        let (numerator, denominator) = number::parts(number, !below.is_empty());
        let part = |term: &Term| match term.node() {
            Node::Read { tensor, subscripts } if reads.contains(term) => {
                let padded = Markup::Call("pad".into(), vec![self.read(tensor, &[])]);
                Markup::entry(padded, subscripts.iter().map(|subscript| self.term(subscript)).collect())
            }
            _ => self.term(term),
        };
        let terms = |terms: &[&Term]| terms.iter().map(|term| part(term)).collect::<Vec<_>>();
        if below.is_empty() {
            return Markup::product(numerator.into_iter().chain(terms(&above)).collect());
        }
        // Derivatives and sums are not of the fraction, but stand after it.
        let mut split = above.iter().position(|factor| order::is_late(factor)).unwrap_or(above.len());
        if split == 0 && numerator.is_none() {
            split = above.len();
        }
        let (fraction, after) = above.split_at(split);
        let fraction = Markup::product(numerator.into_iter().chain(terms(fraction)).collect());
        let divided = Markup::product(denominator.into_iter().chain(terms(&below)).collect());
        let quotient = Markup::Quotient(Box::new(fraction), Box::new(divided));
        Markup::product(std::iter::once(quotient).chain(terms(after)).collect())
    }

    fn reduction(&self, term: &Term) -> Markup {
        let Some(Opened { reduction, indices, body }) = term.open_from(self.letters.next_id().max(next_id(term)))
        else {
            return Markup::name("?");
        };
        let indices = in_order_of_reading(&self.letters, indices, &body, reduction);
        let mut inner = self.clone();
        let before = self.memory.borrow().letters(&indices, &body);
        for (index, letter) in indices.iter().zip(before) {
            inner.letters.add_as(index, letter);
            self.memory.borrow_mut().note(inner.letters.of(index), index, &body);
        }
        let binders = indices.iter().map(|index| inner.binder(index, &body)).collect();
        Markup::Reduce(reduction.name(), binders, Box::new(inner.term(&body)))
    }

    /// The letter of an index, with its range where no subscript in the body tells it.
    fn binder(&self, index: &Index, body: &Term) -> Markup {
        let letter = Markup::name(self.letters.of(index));
        let mut axes = Vec::new();
        self.axes(index, body, &mut axes);
        // Axes that are longer would be disagreed with.
        if !axes.is_empty() && axes.iter().all(|extent| *extent == index.extent) {
            return letter;
        }
        Markup::Relation(Box::new(letter), ":", Box::new(self.term(&index.extent.term())))
    }

    /// The extents of the axes at which the index is by itself a subscript somewhere in the term. A padded read
    /// does not count: padding bounds nothing.
    fn axes(&self, index: &Index, term: &Term, found: &mut Vec<Extent>) {
        if !term.depends_on(index) {
            return;
        }
        match term.node() {
            Node::Read { tensor, subscripts } => self.axes_of(index, tensor, subscripts, found),
            Node::Jacobian { tensor, subscripts, wrt, at } => {
                self.axes_of(index, tensor, subscripts, found);
                self.axes_of(index, wrt, at, found);
            }
            Node::Derivative { wrt, at, .. } => self.axes_of(index, wrt, at, found),
            _ => {}
        }
        match term.node() {
            Node::Mul(factors) => {
                let reads = padding::padded(self.model, factors).reads;
                let counts = factors.iter().filter(|factor| !reads.contains(factor));
                counts.for_each(|factor| self.axes(index, factor, found));
            }
            _ => term.for_each_child(&mut |child| self.axes(index, child, found)),
        }
    }

    /// As [`Notation::axes`], of one entry.
    fn axes_of(&self, index: &Index, tensor: &str, subscripts: &[Term], found: &mut Vec<Extent>) {
        let extents = extents(self.model, tensor);
        for (axis, subscript) in subscripts.iter().enumerate() {
            if subscript.as_affine().is_some_and(|affine| affine.as_index() == Some(index)) {
                // Of what the model does not have nothing else is known.
                let known = extents.as_ref().and_then(|extents| extents.get(axis));
                found.push(known.unwrap_or(&index.extent).clone());
            }
        }
    }

    fn condition(&self, term: &Term) -> Markup {
        match term.node() {
            Node::Compare(comparison, left, right) => {
                let (left, right) = match comparison {
                    Comparison::Equal | Comparison::NotEqual => self.letters.in_order(left, right),
                    _ => (left, right),
                };
                Markup::Relation(Box::new(self.term(left)), comparison_sign(*comparison), Box::new(self.term(right)))
            }
            Node::Logic(Connective::Not, conditions) => Markup::Not(Box::new(self.condition(&conditions[0]))),
            Node::Logic(connective, conditions) => {
                let word = if *connective == Connective::And { "and" } else { "or" };
                Markup::Logic(word, conditions.iter().map(|condition| self.condition(condition)).collect())
            }
            _ => Markup::Relation(Box::new(self.term(term)), "!=", Box::new(Markup::integer(0))),
        }
    }
}

/// The extents of a tensor; of a derivative those of both.
pub(super) fn extents(model: &Model, name: &str) -> Option<Vec<Extent>> {
    if let Some(tensor) = model.tensor(name) {
        return Some(tensor.extents.clone());
    }
    let (of, wrt) = derivative_parts(name)?;
    Some([extents(model, of)?, extents(model, wrt)?].concat())
}

/// Bound indices in the order in which the body, as it is written, has them. For positions of
/// extremes the order has a meaning and stays.
pub(super) fn in_order_of_reading(
    letters: &Letters,
    mut indices: Vec<Index>,
    body: &Term,
    reduction: Reduction,
) -> Vec<Index> {
    if indices.len() < 2 || matches!(reduction, Reduction::ArgMax | Reduction::ArgMin) {
        return indices;
    }
    let mut letters = letters.clone();
    indices.iter().for_each(|index| letters.add(index));
    let factors = order::factors(body.factors().iter().collect(), &letters);
    let mut seen = Vec::new();
    factors.iter().for_each(|factor| collect_indices(factor, &mut seen));
    indices.sort_by_key(|index| seen.iter().position(|other| other == index).unwrap_or(usize::MAX));
    indices
}

/// What a factor divides by: the inverse of a power with a negative integer. The square of a
/// condition is the condition, so that its inverse square cannot be written as a quotient.
fn divisor(factor: &Term) -> Option<Term> {
    let Node::Pow(base, exponent) = factor.node() else { return None };
    if base.is_condition() && exponent.as_number() != Some(Number::MINUS_ONE) {
        return None;
    }
    let negative = exponent.as_number().is_some_and(|number| number.is_negative() && number.as_integer().is_some());
    negative.then(|| factor.inverse())
}

/// Whether a term is written `delta[a,b]`: an equality of subscripts.
pub(super) fn is_delta(term: &Term) -> bool {
    matches!(term.node(), Node::Compare(Comparison::Equal, left, right)
        if left.as_affine().is_some() && right.as_affine().is_some())
}

/// The free indices of a term in the order in which they stand in it.
fn collect_indices(term: &Term, seen: &mut Vec<Index>) {
    if let Node::Affine(_) = term.node() {
        let new: Vec<Index> = term.free().iter().filter(|index| !seen.contains(index)).cloned().collect();
        seen.extend(new);
    }
    term.for_each_child(&mut |child| collect_indices(child, seen));
}

fn next_id(term: &Term) -> u32 {
    crate::term::fresh_id(&[term])
}

pub(super) fn comparison_sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterEqual => ">=",
    }
}
