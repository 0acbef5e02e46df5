//! Sums of exponentials with weights of any sign, and what they are without their greatest exponent.

use super::logarithm::{log_of_cosh, logarithm, minus_infinity, share, unfolded};
use crate::derivation::rewrite::Context;
use crate::model::{Model, Role};
use crate::term::{Comparison, Connective, Function, Index, Node, Opened, Reduction, Term};

/// A product of exponentials and other factors.
#[derive(Clone)]
pub(super) struct Weighted {
    /// The sum over these is meant.
    indices: Vec<Index>,
    /// The other factors.
    pub weight: Vec<Term>,
    /// The sum of the exponents; `None` where there is no exponential.
    pub exponent: Option<Term>,
}

impl Weighted {
    fn constant(weight: Term) -> Weighted {
        Weighted { indices: Vec::new(), weight: vec![weight], exponent: None }
    }

    fn exponential(exponent: Term) -> Weighted {
        Weighted { indices: Vec::new(), weight: Vec::new(), exponent: Some(exponent) }
    }

    /// The product with one that sums over nothing.
    fn times(self, other: &Weighted) -> Weighted {
        let exponents: Vec<Term> = self.exponent.into_iter().chain(other.exponent.clone()).collect();
        Weighted {
            weight: [self.weight, other.weight.clone()].concat(),
            exponent: (!exponents.is_empty()).then(|| Term::add(exponents)),
            ..self
        }
    }

    fn is_number(&self) -> bool {
        self.weight.iter().all(|factor| factor.as_number().is_some())
    }

    fn exponent(&self) -> Term {
        self.exponent.clone().unwrap_or_else(|| Term::integer(0))
    }

    /// The condition that the weight is not 0, as far as it is given with the data: its exponential could overflow where
    /// it is. A weight that is learned moves from 0.
    fn mask(&self, model: &Model) -> Option<Term> {
        let is_given = |factor: &&Term| factor.as_number().is_none() && !moves(factor, model);
        let given: Vec<Term> = self.weight.iter().filter(is_given).cloned().collect();
        let (conditions, values): (Vec<Term>, Vec<Term>) = given.into_iter().partition(Term::is_condition);
        let is_not_zero = |value: Term| Term::compare(Comparison::NotEqual, value, Term::integer(0));
        let values = (!values.is_empty()).then(|| is_not_zero(Term::mul(values)));
        let all: Vec<Term> = conditions.into_iter().chain(values).collect();
        (!all.is_empty()).then(|| Term::logic(Connective::And, all))
    }

    /// `sum w exp(u - m)`
    pub fn below(&self, greatest: &Term, model: &Model) -> Term {
        let exponential = Term::call(Function::Exp, self.exponent().minus(greatest));
        let factors = self.weight.iter().cloned().chain([exponential]).chain(self.mask(model));
        Term::sum(&self.indices, Term::mul(factors.collect()))
    }
}

/// A term as a product of an exponential and other factors, where there is an exponential by itself, as a factor, or in
/// the definition of a name.
pub(super) fn weighted(term: &Term, context: &Context) -> Weighted {
    match term.node() {
        Node::Call(Function::Exp, of) => Weighted::exponential(of[0].clone()),
        Node::Mul(factors) => {
            let parts: Vec<Weighted> = factors.iter().map(|factor| weighted(factor, context)).collect();
            let exponents: Vec<Term> = parts.iter().filter_map(|part| part.exponent.clone()).collect();
            Weighted {
                indices: Vec::new(),
                weight: parts.into_iter().flat_map(|part| part.weight).collect(),
                exponent: (!exponents.is_empty()).then(|| Term::add(exponents)),
            }
        }
        Node::Pow(base, power) => match (weighted(base, context), power.as_number()) {
            (Weighted { weight, exponent: Some(exponent), .. }, Some(_)) if weight.is_empty() => {
                Weighted::exponential(Term::mul(vec![power.clone(), exponent]))
            }
            // A divisor, a root, or a power of a number.
            (_, power) if power.is_none_or(|power| power.is_negative() || power.as_integer().is_none()) => {
                by_logarithm(term, context)
            }
            _ => Weighted::constant(term.clone()),
        },
        Node::Call(Function::Sqrt | Function::Cosh, _) => by_logarithm(term, context),
        Node::Where(condition, then, otherwise) => {
            let branch = |term: &Term| match term.is_zero() {
                true => Some(minus_infinity()),
                false => Some(weighted(term, context)).filter(|part| part.weight.is_empty())?.exponent,
            };
            match (branch(then), branch(otherwise)) {
                (Some(then), Some(otherwise)) => {
                    Weighted::exponential(Term::choose(condition.clone(), then, otherwise))
                }
                _ => Weighted::constant(term.clone()),
            }
        }
        Node::Read { .. } => unfolded(term, context)
            .map(|definition| weighted(&definition, context))
            .filter(|part| part.exponent.is_some())
            .unwrap_or_else(|| Weighted::constant(term.clone())),
        _ => Weighted::constant(term.clone()),
    }
}

/// What is computed of a sum of exponentials as one exponential.
fn by_logarithm(term: &Term, context: &Context) -> Weighted {
    let of_sum = |term: &Term| match term.node() {
        Node::Pow(base, _) => !is_difference(base),
        Node::Call(Function::Sqrt, of) => !is_difference(&of[0]),
        _ => true,
    };
    match logarithm(term, context).filter(|log| log.is_exponential && of_sum(term)) {
        Some(log) => Weighted::exponential(log.term),
        None => Weighted::constant(term.clone()),
    }
}

/// Whether something is subtracted: what is one minus something has a logarithm of its own, and stays.
pub(super) fn is_difference(term: &Term) -> bool {
    term.addends().iter().any(|addend| addend.leading_number().is_negative())
}

/// The products that a sum adds up, also by way of a name; `None` where there is no sum, or no exponential in it. The
/// indices that reductions bind are numbered from `first`.
pub(super) fn products(term: &Term, first: u32, context: &Context) -> Option<Vec<Weighted>> {
    let mut found = Vec::new();
    let is_sum = add_products(term, first, context, &mut found);
    (is_sum && found.iter().any(|part| part.exponent.is_some())).then_some(found)
}

/// False where the term is no sum.
fn add_products(term: &Term, first: u32, context: &Context, found: &mut Vec<Weighted>) -> bool {
    match term.node() {
        Node::Add(addends) => {
            for addend in addends {
                if !add_products(addend, first, context, found) {
                    found.push(weighted(addend, context));
                }
            }
            true
        }
        Node::Reduce { reduction: Reduction::Sum, .. } => {
            let Some(Opened { indices, body, .. }) = term.open_from(first) else { return false };
            let mut inside = Vec::new();
            if !add_products(&body, first + indices.len() as u32, context, &mut inside) {
                inside.push(weighted(&body, context));
            }
            let with = |part: Weighted| Weighted { indices: [indices.clone(), part.indices].concat(), ..part };
            found.extend(inside.into_iter().map(with));
            true
        }
        Node::Mul(factors) => {
            let sum = factors.iter().enumerate().find_map(|(place, factor)| {
                let mut inside = Vec::new();
                let is_sum = add_products(factor, first, context, &mut inside);
                let counts = factors.len() == 2 && factors[0].as_number().is_some()
                    || inside.iter().any(|part| part.exponent.is_some());
                (is_sum && counts).then_some((place, inside))
            });
            let Some((place, inside)) = sum else { return false };
            let others = factors.iter().enumerate().filter(|(other, _)| *other != place);
            let others = weighted(&Term::mul(others.map(|(_, factor)| factor.clone()).collect()), context);
            found.extend(inside.into_iter().map(|part| part.times(&others)));
            true
        }
        // Not as a difference of two, which loses digits near 0.
        Node::Call(Function::Sinh, of) => {
            let weight = vec![Term::call(Function::Tanh, of[0].clone())];
            found.push(Weighted { weight, ..Weighted::exponential(log_of_cosh(&of[0])) });
            true
        }
        Node::Read { .. } => {
            unfolded(term, context).is_some_and(|definition| add_products(&definition, first, context, found))
        }
        _ => false,
    }
}

/// `sum w exp(u)` as `exp(m)` times a sum in which no exponent is above 0.
pub(super) struct Scaled {
    /// The greatest exponent whose weight is not 0, as a constant for derivatives: they do not depend on it.
    pub greatest: Term,
    /// `sum w exp(u - m)`
    pub sum: Term,
}

/// Whether something constant is subtracted already.
fn is_scaled(part: &Weighted) -> bool {
    let is_stop = |addend: &Term| {
        let (number, rest) = addend.split_number();
        number.is_negative() && matches!(rest.node(), Node::Call(Function::Stop, _))
    };
    part.exponent().addends().iter().any(is_stop)
}

/// Where every product has an exponential, or is a number, and this was not done before.
pub(super) fn scaled(term: &Term, first: u32, context: &Context) -> Option<Scaled> {
    let parts = products(term, first, context)?;
    let fits = |part: &Weighted| part.exponent.is_some() || part.is_number();
    if !parts.iter().all(fits) || parts.iter().all(is_scaled) {
        return None;
    }
    let greatest = |part: &Weighted| {
        let counted = match part.mask(context.model) {
            Some(mask) => Term::choose(mask, part.exponent(), minus_infinity()),
            None => part.exponent(),
        };
        Term::reduce(Reduction::Max, &part.indices, counted)
    };
    let greatest = parts.iter().map(greatest).reduce(|a, b| Term::call2(Function::Max, a, b))?;
    let greatest = Term::call(Function::Stop, greatest);
    let sum = Term::add(parts.iter().map(|part| part.below(&greatest, context.model)).collect());
    Some(Scaled { greatest, sum })
}

/// Whether a term depends on what is learned, or on what is differentiated by.
fn moves(term: &Term, model: &Model) -> bool {
    term.tensors().iter().any(|name| match model.tensor(name).map(|tensor| &tensor.role) {
        Some(Role::Input { .. } | Role::Target(_) | Role::Const(_)) => false,
        Some(Role::Defined(definition)) => {
            let is_held = matches!(definition.body.node(), Node::Call(Function::Stop, _));
            is_held || model.tensors.is_recurrent(name) || moves(&definition.body, model)
        }
        Some(Role::Param(_)) | None => true,
    })
}

/// A sum of products times `exp(factor)`, put into every one of them.
pub(super) fn multiplied(parts: &[Weighted], factor: &Term, model: &Model) -> Term {
    let product = |part: &Weighted| {
        let exponential = share(&Term::add(vec![part.exponent(), factor.clone()]), model);
        Term::sum(&part.indices, Term::mul([part.weight.as_slice(), &[exponential]].concat()))
    };
    Term::add(parts.iter().map(product).collect())
}
