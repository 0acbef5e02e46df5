//! Which names of sizes stand for themselves in what is built, and which for the numbers at hand.

use super::batch::BATCH;
use crate::term::{Name, Polynomial, Size};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What the sizes of a model are.
#[derive(Debug, Clone, Default)]
pub struct Sizing {
    /// The numbers that stand in the place of those in the file, by the names of sizes; `batch` is one, the number of
    /// examples where the equations carry their axis, and [`DEFAULT_BATCH`](super::DEFAULT_BATCH) where nothing is
    /// said.
    pub values: BTreeMap<String, usize>,
    /// Whether named sizes are symbols: what is derived from the model then holds for all of them.
    pub symbolic: bool,
    /// Whether extents that are written as numbers are symbols too, with their digits for names: a model with
    /// smaller ones in their place has the same derivation.
    pub literals: bool,
    /// The names that stand for numbers all the same.
    pub numbers: BTreeSet<Name>,
    /// What sizes are made of, for those of which the model needs that.
    pub made_of: BTreeMap<Name, Polynomial>,
}

impl Sizing {
    /// Named sizes as symbols, with the numbers of the file at hand.
    pub fn symbolic() -> Sizing {
        Sizing { symbolic: true, ..Sizing::default() }
    }

    /// Named sizes and extents that are written as numbers as symbols.
    pub fn of_any_size() -> Sizing {
        Sizing { literals: true, ..Sizing::symbolic() }
    }

    /// The same with other numbers for the symbols, and for the sizes that are made of them; `None` where one of
    /// these is then no size.
    pub fn at(&self, symbols: &[Size], relations: &BTreeMap<Name, Polynomial>) -> Option<Sizing> {
        let mut numbers: BTreeMap<Name, usize> = symbols.iter().map(|size| (size.name.clone(), size.value)).collect();
        // In every round one at least is made of those that are known.
        for _ in relations {
            for (name, made_of) in relations {
                let number = |name: &Name| numbers.get(name).copied();
                if !numbers.contains_key(name) && made_of.names().all(|name| number(name).is_some()) {
                    let value = made_of.value_at(&number).filter(|value| *value > 0)?;
                    numbers.insert(name.clone(), value);
                }
            }
        }
        let mut sizing = self.clone();
        sizing.values.extend(numbers.into_iter().map(|(name, value)| (name.to_string(), value)));
        let number = |name: &Name| sizing.values.get(&**name).copied();
        sizing.made_of =
            self.made_of.iter().map(|(name, made_of)| (name.clone(), made_of.with_values(&number))).collect();
        Some(sizing)
    }

    /// Numbers, for so many examples.
    pub fn numbers(batch: usize) -> Sizing {
        Sizing { values: BTreeMap::from([(BATCH.to_string(), batch)]), ..Sizing::default() }
    }
}

/// An expression without the sizes of which it is known what they are made of; `None` where that goes in a circle.
fn resolved(sizes: &Polynomial, made_of: &BTreeMap<Name, Polynomial>) -> Option<Polynomial> {
    let mut sizes = sizes.clone();
    for _ in 0..=made_of.len() {
        let part = sizes.names().find(|part| made_of.contains_key(*part)).cloned();
        match part {
            Some(part) => sizes = sizes.substitute(&part, &made_of[&part])?,
            None => return Some(sizes),
        }
    }
    None
}

/// Extents that are written as smaller numbers are these: most are windows, and small already.
const LEAST: usize = 4;

/// Sizes and their numbers in words: `n = 3`, and `64 as 3` for those that are written as numbers. Their parts are
/// not told.
pub fn told_sizes(sizes: &[Size]) -> String {
    let told = sizes.iter().filter(|size| !size.name.contains(PART)).map(|size| match is_literal(&size.name) {
        true => format!("{} as {}", size.name, size.value),
        false => format!("{} = {}", size.name, size.value),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Stands in the name of a part of a number that is written as an extent: `32÷2`.
const PART: char = '÷';

/// Whether a symbol stands for a number that is written as an extent.
fn is_literal(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_digit())
}

/// The symbols of a file, shared by all that reads it, and what turns out of them on the way.
///
/// A size is a number where the model holds for that only, as where two axes of different sizes have an index in
/// common, or where a subscript multiplies by it. A size that the file makes of others is a symbol of its own, until
/// the model needs that it is made of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Symbols {
    sizing: Rc<Sizing>,
    found: Rc<RefCell<Found>>,
}

#[derive(Debug, Default)]
struct Found {
    /// The symbols, in the order of the file.
    made: Vec<Size>,
    /// What sizes are by the file, made of others: `inner = 4 width`, and `width = heads head` for
    /// `size head = width / heads`.
    relations: BTreeMap<Name, Polynomial>,
    /// Those that turned out to be numbers.
    pinned: BTreeSet<Name>,
    /// Those for which the model needs what they are made of.
    made_of: BTreeMap<Name, Polynomial>,
}

impl Symbols {
    pub fn new(sizing: &Sizing) -> Symbols {
        Symbols { sizing: Rc::new(sizing.clone()), found: Rc::default() }
    }

    /// What was said of sizes.
    pub fn sizing(&self) -> &Sizing {
        &self.sizing
    }

    /// What a size is that has the numbers at hand and in the file.
    pub fn size(&self, name: &str, value: usize, typed: usize) -> Polynomial {
        if !self.sizing.symbolic || self.sizing.numbers.contains(name) {
            return Polynomial::constant(value as i64);
        }
        if let Some(made_of) = self.sizing.made_of.get(name) {
            return made_of.clone();
        }
        let size = Size { name: name.into(), value, typed };
        let symbol = Polynomial::from(&size);
        let made = &mut self.found.borrow_mut().made;
        if !made.contains(&size) {
            made.push(size);
        }
        symbol
    }

    /// An extent that is written as a number.
    pub fn literal(&self, value: usize) -> Polynomial {
        if !self.sizing.literals || value < LEAST {
            return Polynomial::constant(value as i64);
        }
        let name = value.to_string();
        self.size(&name, self.given(&name).unwrap_or(value), value)
    }

    /// The number given for a size in the place of that in the file.
    pub fn given(&self, name: &str) -> Option<usize> {
        self.sizing.values.get(name).copied()
    }

    /// Whether the file is read again in any case, with what sizes are made of: until then some extents are numbers
    /// that are none, of which nothing follows.
    fn is_read_again(&self) -> bool {
        !self.found.borrow().made_of.is_empty()
    }

    /// Notes that the sizes in it are numbers.
    pub fn pin(&self, sizes: &Polynomial) {
        if self.is_read_again() {
            return;
        }
        self.found.borrow_mut().pinned.extend(sizes.names().cloned());
    }

    /// Notes what a size is by the file. Of two such statements the first counts; what the second says is then true
    /// of numbers only.
    pub fn relate(&self, name: &Name, sizes: Polynomial) {
        let mut found = self.found.borrow_mut();
        if found.relations.contains_key(name) || sizes.names().any(|part| part == name) {
            found.pinned.extend(sizes.names().chain([name]).cloned());
            return;
        }
        found.relations.insert(name.clone(), sizes);
    }

    /// Whether two expressions are the same for all sizes. Where they are by what sizes are made of, these are that;
    /// where they are only at the numbers at hand, the sizes in them are numbers.
    pub fn same(&self, one: &Polynomial, other: &Polynomial) -> bool {
        if one == other {
            return true;
        }
        if one.value() != other.value() {
            return false;
        }
        if self.is_read_again() {
            return true;
        }
        if self.same_by_relations(one, other) {
            let mut found = self.found.borrow_mut();
            let names = one.names().chain(other.names());
            let needed: Vec<Name> = names.filter(|name| found.relations.contains_key(*name)).cloned().collect();
            for name in needed {
                let made_of = found.relations[&name].clone();
                found.made_of.insert(name, made_of);
            }
        } else if !self.solve(one, other) {
            self.pin(one);
            self.pin(other);
        }
        true
    }

    fn same_by_relations(&self, one: &Polynomial, other: &Polynomial) -> bool {
        let relations = &self.found.borrow().relations;
        resolved(one, relations).is_some_and(|one| Some(one) == resolved(other, relations))
    }

    /// Keeps the number at hand of an expression in numbers that are written as extents.
    pub fn keep(&self, sizes: &Polynomial) {
        if let Some(value) = sizes.value()
            && sizes.as_constant().is_none()
            && !self.is_read_again()
        {
            self.solve(sizes, &Polynomial::constant(value));
        }
    }

    /// Takes from two expressions that are equal at hand what a number that is written as an extent is made of:
    /// `24 = 28 - 5 + 1`.
    fn solve(&self, one: &Polynomial, other: &Polynomial) -> bool {
        let Some(difference) = one.plus(-1, other) else { return false };
        let solved =
            difference.solutions().filter(|(size, _)| is_literal(&size.name)).max_by_key(|(size, _)| size.value);
        let is_solved = solved.is_some();
        solved.into_iter().for_each(|(size, made_of)| self.make_of(&size.name, made_of));
        is_solved
    }

    /// Writes numbers that are written as extents as multiples of the divisor and a rest, so that the quotient of the
    /// expression is exact but for a number: `32 = 2 (32÷2)`. Whether that can be.
    pub fn divide(&self, sizes: &Polynomial, divisor: i64) -> bool {
        let Ok(divisor) = usize::try_from(divisor) else { return false };
        let mut any = false;
        for (product, coefficient) in sizes.monomials() {
            if coefficient % divisor as i64 == 0 || product.is_empty() {
                continue;
            }
            let [size] = product.as_slice() else { return false };
            if !is_literal(&size.name) || size.value < divisor {
                return false;
            }
            let name = format!("{}{PART}{divisor}", size.name).into();
            let part = Size { name, value: size.value / divisor, typed: size.typed / divisor };
            let rest = Polynomial::constant((size.value % divisor) as i64);
            let made_of = rest.plus(divisor as i64, &Polynomial::from(&part));
            let Some(made_of) = made_of else { return false };
            self.make_of(&size.name, made_of);
            any = true;
        }
        any
    }

    /// Notes that the model needs what a size is made of. What else is found of the same sizes in this reading may be
    /// needed in the next.
    fn make_of(&self, name: &Name, made_of: Polynomial) {
        let found = &mut self.found.borrow_mut().made_of;
        if !found.contains_key(name) && !made_of.names().any(|part| found.contains_key(part)) {
            found.insert(name.clone(), made_of);
        }
    }

    /// What else turned out of the sizes than what was said of them; `None` where nothing did.
    pub fn learned(&self) -> Option<Sizing> {
        let found = self.found.borrow();
        let mut sizing = (*self.sizing).clone();
        sizing.numbers.extend(found.pinned.iter().cloned());
        sizing.made_of.extend(found.made_of.clone());
        let numbers = sizing.numbers.clone();
        let is_symbol = |name: &Name| !numbers.contains(name);
        sizing.made_of.retain(|name, made_of| is_symbol(name) && made_of.names().all(is_symbol));
        // What would be made of itself is a number, so that every reading knows more than the one before.
        let known = sizing.made_of.clone();
        sizing.made_of.retain(|name, made_of| match resolved(made_of, &known) {
            Some(resolved) => {
                *made_of = resolved;
                true
            }
            None => {
                sizing.numbers.insert(name.clone());
                false
            }
        });
        let is_new = sizing.numbers != self.sizing.numbers || sizing.made_of != self.sizing.made_of;
        is_new.then_some(sizing)
    }

    /// The symbols of which no others are made, and what the others are.
    pub fn made(&self) -> (Vec<Size>, BTreeMap<Name, Polynomial>) {
        let found = self.found.borrow();
        let mut relations = self.sizing.made_of.clone();
        relations.extend(found.relations.clone());
        let own = found.made.iter().chain(relations.values().flat_map(Polynomial::sizes));
        let mut made: Vec<Size> = Vec::new();
        for size in own.filter(|size| !relations.contains_key(&size.name)) {
            if !made.contains(size) {
                made.push(size.clone());
            }
        }
        (made, relations)
    }
}
