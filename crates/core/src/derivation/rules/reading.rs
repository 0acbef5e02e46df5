//! Rules that put together what the way to a result took apart.

use super::differentiate::rule;
use super::safe::is_safe;
use crate::derivation::rewrite::{Place, Rule};
use crate::model::Model;
use crate::term::{Affine, Index, Kinds, Node, Reduction, Term, fresh_id};

rule!(
    /// So that `A x + Aᵀ x` is `(A + Aᵀ) x`: only where the two are matrices of the same indices. For the
    /// reader alone: what it gives is shorter, but not cheaper to compute.
    LIKE_SUMS, "like sums joined", "sum[k] u[k] w[k] + sum[k] v[k] w[k] = sum[k] (u[k] + v[k]) w[k]", Place::on(Kinds::ADD).with(Kinds::REDUCE), |term, _| {
        let Node::Add(addends) = term.node() else { return None };
        let first = fresh_id(&[term]);
        for (position, addend) in addends.iter().enumerate() {
            let Some((indices, factors)) = as_sum(addend, first) else { continue };
            for (other, second) in addends.iter().enumerate().skip(position + 1) {
                let above = first + indices.len() as u32;
                let joined = as_sum(second, above).and_then(|second| joined(&indices, &factors, &second));
                if let Some(joined) = joined {
                    let mut rest = addends.clone();
                    rest.remove(other);
                    rest[position] = joined;
                    return Some(Term::add(rest));
                }
            }
        }
        None
    }
);

rule!(
    /// Halves that were taken apart, each with what it was multiplied by.
    JOIN_BRANCHES, "branches together", "u where(c, v, 0) + w where(c, 0, x) = where(c, u v, w x); [c] u + where(c, 0, v) = where(c, u, v)", Place::on(Kinds::ADD).with(Kinds::WHERE), |term, context| {
        let Node::Add(addends) = term.node() else { return None };
        for (position, addend) in addends.iter().enumerate() {
            let Some(first) = Half::of(addend) else { continue };
            let partner = addends.iter().enumerate().filter(|(other, _)| *other != position).find_map(|(other, second)| {
                let second = Half::of(second).or_else(|| Half::under(&first.condition, second))?;
                (first.condition == second.condition && first.is_then != second.is_then).then_some((other, second))
            });
            let Some((other, second)) = partner else { continue };
            // What is decided on is looked at outside of what guards one of them alone.
            if are_guarded(&first.value, &second.value) && !is_safe(&first.condition, context.model) {
                continue;
            }
            let (then, otherwise) = if first.is_then { (first.value, second.value) } else { (second.value, first.value) };
            let mut rest = addends.clone();
            let (common, then, otherwise) = in_both(&then, &otherwise, context.model);
            rest[position] = Term::mul(vec![common, Term::choose(first.condition, then, otherwise)]);
            rest.remove(other);
            return Some(Term::add(rest));
        }
        None
    }
);

/// Whether one of two products has a condition that the other has not.
fn are_guarded(first: &Term, second: &Term) -> bool {
    let has_own = |one: &Term, other: &Term| {
        one.factors().iter().any(|factor| factor.is_condition() && !other.factors().contains(factor))
    };
    has_own(first, second) || has_own(second, first)
}

/// The factors that two products have in common, and what is left of each. What conditions of one product guard
/// does not leave it, unless it can be evaluated anyway.
fn in_both(first: &Term, second: &Term, model: &Model) -> (Term, Term, Term) {
    let are_guarded = are_guarded(first, second);
    let (mut common, mut own, mut others) = (Vec::new(), Vec::new(), second.factors().to_vec());
    for factor in first.factors() {
        let may_leave = !are_guarded || is_safe(factor, model);
        match others.iter().position(|other| other == factor).filter(|_| may_leave) {
            Some(position) => common.push(others.remove(position)),
            None => own.push(factor.clone()),
        }
    }
    (Term::mul(common), Term::mul(own), Term::mul(others))
}

/// A product with a branch of which one side is 0.
struct Half {
    condition: Term,
    value: Term,
    is_then: bool,
}

impl Half {
    fn of(term: &Term) -> Option<Half> {
        let factors = term.factors();
        let position = factors.iter().position(|factor| matches!(factor.node(), Node::Where(..)))?;
        let Node::Where(condition, then, otherwise) = factors[position].node() else { return None };
        let is_then = otherwise.is_zero();
        if !is_then && !then.is_zero() {
            return None;
        }
        let mut product = factors.to_vec();
        product[position] = if is_then { then.clone() } else { otherwise.clone() };
        Some(Half { condition: condition.clone(), value: Term::mul(product), is_then })
    }
}

impl Half {
    /// A product with the condition as a bracket: it is 0 where the condition is not.
    fn under(condition: &Term, term: &Term) -> Option<Half> {
        let mut factors = term.factors().to_vec();
        factors.remove(factors.iter().position(|factor| factor == condition)?);
        Some(Half { condition: condition.clone(), value: Term::mul(factors), is_then: true })
    }
}

rule!(
    /// Where one addend reads a symmetric tensor one way and another reads it the other way.
    SYMMETRIC, "symmetry", "t[j,i] = t[i,j], where the right side of t, or its declaration, says so", Place::on(Kinds::ADD), |term, context| {
        let Node::Add(addends) = term.node() else { return None };
        let read = |factor: &Term| match factor.node() {
            Node::Read { tensor, subscripts } => match subscripts.as_slice() {
                [first, second] if first != second => Some((tensor.clone(), first.clone(), second.clone())),
                _ => None,
            },
            _ => None,
        };
        let reads = || addends.iter().flat_map(|addend| addend.factors()).filter_map(read);
        let outer = |subscript: &Term| subscript.free().is_empty();
        let turned = reads().find_map(|(tensor, first, second)| {
            let is_later = (outer(&first), &first) > (outer(&second), &second);
            let both_ways = is_later && reads().any(|other| other == (tensor.clone(), second.clone(), first.clone()));
            (both_ways && (context.model.is_symmetric(&tensor) || is_symmetric(context.model, &tensor))).then_some((tensor, first, second))
        })?;
        let turn = |factor: &Term| match read(factor) {
            Some(found) if found == turned => Term::read(&turned.0, vec![turned.2.clone(), turned.1.clone()]),
            _ => factor.clone(),
        };
        let addend = |addend: &Term| Term::mul(addend.factors().iter().map(turn).collect());
        Some(Term::add(addends.iter().map(addend).collect()))
    }
);

/// Whether the right side of a matrix is the same with its indices exchanged.
fn is_symmetric(model: &Model, name: &str) -> bool {
    let Some(definition) = model.definition(name) else { return false };
    let [first, second] = definition.indices.as_slice() else { return false };
    first.extent == second.extent
        && definition.at(&[Term::index(second), Term::index(first)]).is_some_and(|turned| turned == definition.body)
}

/// A product with one sum in it, opened: its indices, and all factors inside. Numbers are among them,
/// conditions are not.
fn as_sum(term: &Term, first: u32) -> Option<(Vec<Index>, Vec<Term>)> {
    let is_sum = |factor: &Term| matches!(factor.node(), Node::Reduce { reduction: Reduction::Sum, .. });
    let (sums, mut factors): (Vec<Term>, Vec<Term>) = term.factors().iter().cloned().partition(is_sum);
    let [sum] = sums.as_slice() else { return None };
    let opened = sum.open_from(first)?;
    factors.extend(opened.body.factors().iter().cloned());
    (opened.indices.len() <= 2 && !factors.iter().any(Term::is_condition)).then_some((opened.indices, factors))
}

fn joined(indices: &[Index], factors: &[Term], second: &(Vec<Index>, Vec<Term>)) -> Option<Term> {
    let (others, other_factors) = second;
    if others.len() != indices.len() {
        return None;
    }
    let mut orders = vec![others.clone()];
    orders.extend((others.len() > 1).then(|| others.iter().rev().cloned().collect()));
    orders.into_iter().find_map(|order| {
        let fits = order.iter().zip(indices).all(|(other, index)| other.extent == index.extent);
        let pairs: Vec<(Index, Affine)> = order.into_iter().zip(indices.iter().map(Affine::index)).collect();
        let renamed: Vec<Term> = other_factors.iter().map(|factor| factor.substitute_all(&pairs)).collect();
        fits.then(|| with_common(indices, factors, renamed)).flatten()
    })
}

/// The sum of two sums of products over the same indices, if what is not common to both is of the same
/// two indices.
fn with_common(indices: &[Index], factors: &[Term], mut others: Vec<Term>) -> Option<Term> {
    let (mut common, mut own) = (Vec::new(), Vec::new());
    for factor in factors {
        let bound = indices.iter().any(|index| factor.depends_on(index));
        match others.iter().position(|other| other == factor).filter(|_| bound) {
            Some(position) => common.push(others.remove(position)),
            None => own.push(factor.clone()),
        }
    }
    let (own, others) = (Term::mul(own), Term::mul(others));
    let is_matrix = own.free().len() == 2 && own.free() == others.free();
    let covered = indices.iter().all(|index| common.iter().any(|factor| factor.depends_on(index)));
    common.push(Term::add(vec![own, others]));
    (is_matrix && covered).then(|| Term::sum(indices, Term::mul(common)))
}
