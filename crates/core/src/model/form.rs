//! Integers that depend on indices: what stands in subscripts and in the conditions around them.

use super::draft::Draft;
use super::scope::IndexId;
use crate::term::{Affine, Extent, Function, Index, Polynomial, Size, Term};
use std::rc::Rc;

/// Coefficients and constants of subscripts go no farther, so that nothing overflows: extents are
/// below 2^31.
const FARTHEST: i64 = 1 << 31;

/// `constant + Σ coefficient · atom`, the atoms all different.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Form {
    pub terms: Vec<(Atom, i64)>,
    pub constant: i64,
}

/// An integer that is no sum.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Atom {
    Index(IndexId),
    /// How many values an index takes, while its range is not known yet.
    Extent(IndexId),
    /// A product of named sizes.
    Sizes(Vec<Size>),
    /// `floor(form / divisor)`, the divisor positive.
    Floor(Rc<Form>, i64),
    /// `form mod divisor`, the divisor positive.
    Mod(Rc<Form>, i64),
    /// An entry of a tensor of integers from the first number to before the second.
    Data(Rc<Draft>, i64, i64),
    /// An `argmax` or `argmin` over the indices.
    Position(Rc<Draft>, Vec<IndexId>),
}

/// Least and greatest value.
pub(super) type Bounds = (i128, i128);

/// How many values an index takes, where that is known.
pub(super) type Extents<'e> = &'e dyn Fn(IndexId) -> Option<usize>;

impl Form {
    /// An integer.
    pub fn constant(constant: i64) -> Form {
        Form { terms: Vec::new(), constant }
    }

    /// A number made of sizes; `None` where that is too large for a subscript.
    pub fn sizes(polynomial: &Polynomial) -> Option<Form> {
        polynomial.monomials().iter().try_fold(Form::constant(0), |sum, (product, coefficient)| {
            match product.is_empty() {
                true => sum.plus(*coefficient, &Form::constant(1)),
                false => sum.plus(*coefficient, &Form::atom(Atom::Sizes(product.clone()))),
            }
        })
    }

    /// How many entries an axis has.
    pub fn extent(extent: &Extent) -> Form {
        let form = extent.form().and_then(Form::sizes);
        form.unwrap_or_else(|| Form::constant(extent.value() as i64))
    }

    /// The number made of sizes that it is, if nothing else is in it.
    pub fn as_sizes(&self) -> Option<Polynomial> {
        self.terms.iter().try_fold(Polynomial::constant(self.constant), |sum, (atom, coefficient)| match atom {
            Atom::Sizes(product) => sum.plus(*coefficient, &Polynomial::product(product)),
            _ => None,
        })
    }

    /// Whether named sizes stand in it.
    pub fn has_sizes(&self) -> bool {
        self.terms.iter().any(|(atom, _)| match atom {
            Atom::Sizes(_) => true,
            Atom::Floor(inner, _) | Atom::Mod(inner, _) => inner.has_sizes(),
            Atom::Index(_) | Atom::Extent(_) | Atom::Data(..) | Atom::Position(..) => false,
        })
    }

    /// The numbers made of sizes in it and in its parts, added to those found.
    pub fn sized(&self, found: &mut Vec<Polynomial>) {
        for (atom, _) in &self.terms {
            match atom {
                Atom::Sizes(product) => found.push(Polynomial::product(product)),
                Atom::Floor(inner, _) | Atom::Mod(inner, _) => inner.sized(found),
                Atom::Index(_) | Atom::Extent(_) | Atom::Data(..) | Atom::Position(..) => {}
            }
        }
    }

    /// The number at hand that it is, if it depends on nothing but sizes.
    pub fn at_hand(&self) -> Option<i64> {
        self.as_constant().or_else(|| self.as_sizes()?.value())
    }

    /// An index by itself.
    pub fn index(index: IndexId) -> Form {
        Form::atom(Atom::Index(index))
    }

    /// An atom by itself.
    pub fn atom(atom: Atom) -> Form {
        Form { terms: vec![(atom, 1)], constant: 0 }
    }

    /// `floor(self / divisor)`; what the divisor divides comes out.
    pub fn floor(&self, divisor: i64) -> Form {
        let (mut whole, mut rest) = (Form::constant(0), Form::constant(self.constant));
        for (atom, coefficient) in &self.terms {
            match coefficient % divisor {
                0 => whole.terms.push((atom.clone(), coefficient / divisor)),
                _ => rest.terms.push((atom.clone(), *coefficient)),
            }
        }
        if rest.terms.is_empty() {
            whole.constant = rest.constant.div_euclid(divisor);
        } else {
            whole.terms.push((Atom::Floor(Rc::new(rest), divisor), 1));
        }
        whole
    }

    /// `self mod divisor`; multiples of the divisor vanish.
    pub fn modulo(&self, divisor: i64) -> Form {
        let mut rest = Form::constant(self.constant.rem_euclid(divisor));
        rest.terms.extend(self.terms.iter().filter(|(_, coefficient)| coefficient % divisor != 0).cloned());
        if rest.terms.is_empty() { rest } else { Form::atom(Atom::Mod(Rc::new(rest), divisor)) }
    }

    /// `self + factor · other`; `None` where that is too large for a subscript.
    pub fn plus(&self, factor: i64, other: &Form) -> Option<Form> {
        let fits = |value: i64| (-FARTHEST..=FARTHEST).contains(&value).then_some(value);
        let mut sum = self.clone();
        sum.constant = fits(sum.constant.checked_add(factor.checked_mul(other.constant)?)?)?;
        for (atom, coefficient) in &other.terms {
            let more = factor.checked_mul(*coefficient)?;
            match sum.terms.iter_mut().find(|(known, _)| known == atom) {
                Some((_, known)) => *known = fits(known.checked_add(more)?)?,
                None => sum.terms.push((atom.clone(), fits(more)?)),
            }
        }
        sum.terms.retain(|(_, coefficient)| *coefficient != 0);
        Some(sum)
    }

    /// `factor · self`; `None` where that is too large for a subscript.
    pub fn times(&self, factor: i64) -> Option<Form> {
        Form::constant(0).plus(factor, self)
    }

    /// The integer it is, if it depends on nothing.
    pub fn as_constant(&self) -> Option<i64> {
        self.terms.is_empty().then_some(self.constant)
    }

    /// The index it is, if it is nothing else.
    pub fn as_index(&self) -> Option<IndexId> {
        match (self.terms.as_slice(), self.constant) {
            ([(Atom::Index(index), 1)], 0) => Some(*index),
            _ => None,
        }
    }

    /// The factor of an atom, 0 where it is not there.
    pub fn coefficient(&self, atom: &Atom) -> i64 {
        self.terms.iter().find(|(known, _)| known == atom).map_or(0, |(_, coefficient)| *coefficient)
    }

    /// The indices in it and in its parts, each once, except those of tensors that are read.
    pub fn indices(&self) -> Vec<IndexId> {
        let mut found = Vec::new();
        self.collect_indices(&mut found);
        found
    }

    fn collect_indices(&self, found: &mut Vec<IndexId>) {
        let mut add = |index: &IndexId| {
            if !found.contains(index) {
                found.push(*index);
            }
        };
        for (atom, _) in &self.terms {
            match atom {
                Atom::Index(index) | Atom::Extent(index) => add(index),
                Atom::Position(_, indices) => indices.iter().for_each(&mut add),
                Atom::Data(..) | Atom::Sizes(_) => {}
                Atom::Floor(..) | Atom::Mod(..) => {}
            }
        }
        for (atom, _) in &self.terms {
            if let Atom::Floor(inner, _) | Atom::Mod(inner, _) = atom {
                inner.collect_indices(found);
            }
        }
    }

    /// Whether an index stands in a floor or a remainder of it.
    pub fn hides(&self, index: IndexId) -> bool {
        self.terms.iter().any(|(atom, _)| match atom {
            Atom::Floor(inner, _) | Atom::Mod(inner, _) => inner.indices().contains(&index),
            _ => false,
        })
    }

    /// Between which values it lies by the ranges of its atoms; `None` where one is not known.
    /// Exact for affine forms.
    pub fn bounds(&self, extents: Extents) -> Option<Bounds> {
        self.terms.iter().try_fold((self.constant as i128, self.constant as i128), |(least, greatest), (atom, c)| {
            let ((low, high), c) = (atom.bounds(extents)?, *c as i128);
            let (one, other) = (low.saturating_mul(c), high.saturating_mul(c));
            Some((least.saturating_add(one.min(other)), greatest.saturating_add(one.max(other))))
        })
    }

    /// The atoms whose values decide its own, added to those found.
    pub fn leaves(&self, found: &mut Vec<Atom>) {
        for (atom, _) in &self.terms {
            match atom {
                Atom::Floor(inner, _) | Atom::Mod(inner, _) => inner.leaves(found),
                Atom::Sizes(_) => {}
                _ if found.contains(atom) => {}
                _ => found.push(atom.clone()),
            }
        }
    }

    /// Its value where each leaf has the value at its place in the list.
    pub fn value(&self, leaves: &[Atom], values: &[i128]) -> i128 {
        self.terms.iter().fold(self.constant as i128, |sum, (atom, coefficient)| {
            let value = match atom {
                Atom::Floor(inner, divisor) => inner.value(leaves, values).div_euclid(*divisor as i128),
                Atom::Mod(inner, divisor) => inner.value(leaves, values).rem_euclid(*divisor as i128),
                Atom::Sizes(product) => number(product),
                _ => leaves.iter().position(|leaf| leaf == atom).map_or(0, |place| values[place]),
            };
            sum.saturating_add(value.saturating_mul(*coefficient as i128))
        })
    }

    /// The term, given the index of each number.
    pub fn term(&self, indices: &[Index]) -> Term {
        let parts = self.terms.iter().map(|(atom, coefficient)| {
            let atom = match atom {
                Atom::Index(index) => Term::affine(Affine::index(&indices[*index])),
                Atom::Extent(index) => indices[*index].extent.term(),
                Atom::Sizes(product) => Polynomial::product(product).term(),
                Atom::Floor(inner, divisor) => {
                    let quotient = Term::mul(vec![Term::ratio(1, *divisor), inner.term(indices)]);
                    Term::call(Function::Floor, quotient)
                }
                Atom::Mod(inner, divisor) => Term::call2(Function::Mod, inner.term(indices), Term::integer(*divisor)),
                Atom::Data(draft, ..) | Atom::Position(draft, _) => draft.term(indices),
            };
            Term::mul(vec![Term::integer(*coefficient), atom])
        });
        Term::add(parts.chain([Term::integer(self.constant)]).collect())
    }

    /// See [`Draft::ordering_work`].
    pub fn ordering_work(&self, orders: u64) -> u64 {
        self.terms.iter().fold(orders, |work, (atom, _)| {
            work.saturating_add(match atom {
                Atom::Data(draft, ..) | Atom::Position(draft, _) => draft.ordering_work(None, orders),
                Atom::Floor(inner, _) | Atom::Mod(inner, _) => inner.ordering_work(orders),
                Atom::Index(_) | Atom::Extent(_) | Atom::Sizes(_) => 0,
            })
        })
    }
}

/// The number at hand of a product of sizes.
fn number(product: &[Size]) -> i128 {
    product.iter().fold(1i128, |product, size| product.saturating_mul(size.value as i128))
}

impl Atom {
    /// Between which values it lies; `None` where the range of an index is not known.
    pub fn bounds(&self, extents: Extents) -> Option<Bounds> {
        let extent = |index: &IndexId| extents(*index).map(|extent| extent as i128);
        match self {
            Atom::Index(index) => Some((0, extent(index)? - 1)),
            Atom::Extent(index) => extent(index).map(|extent| (extent, extent)),
            Atom::Sizes(product) => Some((number(product), number(product))),
            Atom::Floor(inner, divisor) => {
                let (least, greatest) = inner.bounds(extents)?;
                Some((least.div_euclid(*divisor as i128), greatest.div_euclid(*divisor as i128)))
            }
            Atom::Mod(inner, divisor) => {
                let ((least, greatest), divisor) = (inner.bounds(extents)?, *divisor as i128);
                match least.div_euclid(divisor) == greatest.div_euclid(divisor) {
                    true => Some((least.rem_euclid(divisor), greatest.rem_euclid(divisor))),
                    false => Some((0, divisor - 1)),
                }
            }
            Atom::Data(_, low, end) => Some((*low as i128, *end as i128 - 1)),
            Atom::Position(_, indices) => {
                let places =
                    indices.iter().try_fold(1i128, |places, index| Some(places.saturating_mul(extent(index)?)));
                Some((0, places? - 1))
            }
        }
    }
}
