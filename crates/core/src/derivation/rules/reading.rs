//! Rules that put together what the way to a result took apart.

use super::differentiate::rule;
use crate::derivation::rewrite::Rule;
use crate::term::{Affine, Index, Node, Reduction, Term, fresh_id};

rule!(
    /// So that `A x + Aᵀ x` is `(A + Aᵀ) x`: only where the two are matrices of the same indices. For the
    /// reader alone: what it gives is shorter, but not cheaper to compute.
    LIKE_SUMS, "like sums joined", "sum[k] u[k] w[k] + sum[k] v[k] w[k] = sum[k] (u[k] + v[k]) w[k]", |term, _| {
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
    JOIN_BRANCHES, "branches together", "u where(c, v, 0) + w where(c, 0, x) = where(c, u v, w x)", |term, _| {
        let Node::Add(addends) = term.node() else { return None };
        for (position, addend) in addends.iter().enumerate() {
            let Some(first) = Half::of(addend) else { continue };
            let partner = addends.iter().enumerate().skip(position + 1).find_map(|(other, second)| {
                let second = Half::of(second)?;
                (first.condition == second.condition && first.is_then != second.is_then).then_some((other, second))
            });
            let Some((other, second)) = partner else { continue };
            let (then, otherwise) = if first.is_then { (first.value, second.value) } else { (second.value, first.value) };
            let mut rest = addends.clone();
            rest.remove(other);
            rest[position] = Term::choose(first.condition, then, otherwise);
            return Some(Term::add(rest));
        }
        None
    }
);

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
