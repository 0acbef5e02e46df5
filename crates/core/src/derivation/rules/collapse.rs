//! Rules on sums: Kronecker deltas collapse them, constants and independent parts leave them.

use super::differentiate::rule;
use crate::derivation::rewrite::Rule;
use crate::term::{Affine, Comparison, Index, Node, Opened, Reduction, Slot, Term};

fn open_sum(term: &Term) -> Option<Opened> {
    term.open().filter(|opened| opened.reduction == Reduction::Sum)
}

/// The affine form that a Kronecker delta sets to zero.
fn delta_form(factor: &Term) -> Option<Affine> {
    match factor.node() {
        Node::Compare(Comparison::Equal, left, right) => left.as_affine()?.minus(&right.as_affine()?),
        _ => None,
    }
}

/// Solves `form = 0` for an index with coefficient 1 or -1.
fn solve(form: &Affine, index: &Index) -> Option<Affine> {
    let coefficient = form.coefficient(index);
    if coefficient.abs() != 1 {
        return None;
    }
    let rest: Vec<_> = form.terms.iter().filter(|(slot, _)| *slot != Slot::Free(index.clone())).cloned().collect();
    let rest = Affine { terms: rest, constant: form.constant };
    Affine::combine(&[(-coefficient, &rest)])
}

/// The conditions that keep a form in the range of an index; those that always hold are 1.
fn in_range(form: &Affine, index: &Index) -> [Term; 2] {
    let value = Term::affine(form.clone());
    let extent = Term::integer(index.extent as i64);
    [
        Term::compare(Comparison::GreaterEqual, value.clone(), Term::integer(0)),
        Term::compare(Comparison::Less, value, extent),
    ]
}

rule!(
    /// Where the delta fixes an index, only that value of it is left of the sum. A guard keeps it
    /// in its range where that is not certain.
    DELTA_COLLAPSES_SUM, "delta collapses the sum", "sum[k] δ[k,j] u[k] = u[j]", |term, _| {
        let opened = open_sum(term)?;
        let factors = opened.body.factors();
        for (position, factor) in factors.iter().enumerate() {
            let Some(form) = delta_form(factor) else { continue };
            // The last of several indices is solved for, as a reader would pick the inner one.
            for index in opened.indices.iter().rev() {
                let Some(value) = solve(&form, index) else { continue };
                let mut rest = factors.to_vec();
                rest.remove(position);
                rest.extend(in_range(&value, index));
                let left: Vec<Index> = opened.indices.iter().filter(|other| *other != index).cloned().collect();
                return Some(Term::sum(&left, Term::mul(rest).substitute(index, &value)));
            }
        }
        None
    }
);

/// Whether a delta that one of the indices could be solved from stands in the term as a factor, in
/// an addend, or in a branch.
fn holds_delta(term: &Term, indices: &[Index]) -> bool {
    match term.node() {
        Node::Compare(Comparison::Equal, ..) => {
            delta_form(term).is_some_and(|form| indices.iter().any(|index| form.coefficient(index).abs() == 1))
        }
        Node::Mul(parts) | Node::Add(parts) => parts.iter().any(|part| holds_delta(part, indices)),
        Node::Where(_, then, otherwise) => holds_delta(then, indices) || holds_delta(otherwise, indices),
        _ => false,
    }
}

/// The product multiplied out over its factor at `position`, which is a sum.
fn distribute(factors: &[Term], position: usize) -> Vec<Term> {
    let product = |addend: &Term| {
        let mut product = factors.to_vec();
        product[position] = addend.clone();
        Term::mul(product)
    };
    factors[position].addends().iter().map(product).collect()
}

rule!(
    /// Makes way for a delta in an addend.
    DISTRIBUTE_OVER_DELTA, "distributive law", "u (v + w) = u v + u w", |term, _| {
        let opened = open_sum(term)?;
        let factors = opened.body.factors();
        let is_ready = |factor: &Term| matches!(factor.node(), Node::Add(_)) && holds_delta(factor, &opened.indices);
        let position = factors.iter().position(is_ready).filter(|_| factors.len() > 1)?;
        Some(Term::sum(&opened.indices, Term::add(distribute(factors, position))))
    }
);

rule!(
    /// Makes way for a factor to cancel in an addend.
    DISTRIBUTE_TO_CANCEL, "distributive law, to cancel", "u (v + w) = u v + u w", |term, _| {
        let Node::Mul(factors) = term.node() else { return None };
        let cancels = |sum: &Term| {
            sum.addends().iter().flat_map(Term::factors).any(|inner| {
                let opposite = inner.inverse();
                inner.as_number().is_none() && factors.contains(&opposite)
            })
        };
        let is_sum = |factor: &Term| matches!(factor.node(), Node::Add(_));
        let position = factors.iter().position(|factor| is_sum(factor) && cancels(factor))?;
        Some(Term::add(distribute(factors, position)))
    }
);

rule!(
    /// Makes way for a delta in an addend.
    SPLIT_SUM, "sum of a sum", "sum[k] (u[k] + v[k]) = sum[k] u[k] + sum[k] v[k]", |term, _| {
        let opened = open_sum(term)?;
        let Node::Add(addends) = opened.body.node() else { return None };
        holds_delta(&opened.body, &opened.indices)
            .then(|| Term::add(addends.iter().map(|addend| Term::sum(&opened.indices, addend.clone())).collect()))
    }
);

rule!(
    /// A delta in the only branch that is not 0.
    DELTA_OUT_OF_BRANCH, "delta out of a branch", "where(c, δ[i,j] u, 0) = δ[i,j] where(c, u, 0)", |term, _| {
        let Node::Where(condition, then, otherwise) = term.node() else { return None };
        let (branch, first) = match (then.is_zero(), otherwise.is_zero()) {
            (false, true) => (then, true),
            (true, false) => (otherwise, false),
            _ => return None,
        };
        let (mut deltas, rest): (Vec<Term>, Vec<Term>) =
            branch.factors().iter().cloned().partition(|factor| delta_form(factor).is_some());
        if deltas.is_empty() {
            return None;
        }
        let (rest, zero) = (Term::mul(rest), Term::integer(0));
        deltas.push(match first {
            true => Term::choose(condition.clone(), rest, zero),
            false => Term::choose(condition.clone(), zero, rest),
        });
        Some(Term::mul(deltas))
    }
);

rule!(
    /// Makes way for a delta in a branch.
    SPLIT_BRANCHES, "branches apart", "where(c, u, v) = where(c, u, 0) + where(c, 0, v)", |term, _| {
        let Node::Where(condition, then, otherwise) = term.node() else { return None };
        if !holds_delta(term, term.free()) && !holds_delta_anywhere(then) && !holds_delta_anywhere(otherwise) {
            return None;
        }
        let zero = || Term::integer(0);
        let parts: Vec<Term> = (then.addends().iter().map(|part| Term::choose(condition.clone(), part.clone(), zero())))
            .chain(otherwise.addends().iter().map(|part| Term::choose(condition.clone(), zero(), part.clone())))
            .filter(|part| !part.is_zero())
            .collect();
        (parts.len() > 1).then(|| Term::add(parts))
    }
);

fn holds_delta_anywhere(term: &Term) -> bool {
    match term.node() {
        Node::Compare(Comparison::Equal, ..) => delta_form(term).is_some(),
        Node::Mul(parts) | Node::Add(parts) => parts.iter().any(holds_delta_anywhere),
        _ => false,
    }
}

rule!(
    /// Factors without the index leave the sum; parts without a common index become sums of their
    /// own.
    FACTOR_OUT_OF_SUM, "factor out of the sum", "sum[k] c u[k] = c sum[k] u[k]", |term, _| {
        let opened = open_sum(term)?;
        let mut parts: Vec<(Vec<Index>, Vec<Term>)> = Vec::new();
        for factor in opened.body.factors() {
            let own: Vec<Index> = opened.indices.iter().filter(|index| factor.depends_on(index)).cloned().collect();
            let (touching, apart): (Vec<_>, Vec<_>) =
                parts.into_iter().partition(|(indices, _)| indices.iter().any(|index| own.contains(index)));
            let mut joined = (own, vec![factor.clone()]);
            for (indices, factors) in touching {
                joined.0.extend(indices);
                joined.1.splice(0..0, factors);
            }
            joined.0.sort();
            joined.0.dedup();
            parts = apart;
            parts.push(joined);
        }
        let unused = opened.indices.iter().filter(|index| !opened.body.depends_on(index)).cloned().collect::<Vec<_>>();
        let groups = parts.iter().filter(|(indices, _)| !indices.is_empty()).count();
        let constants = parts.iter().any(|(indices, factors)| indices.is_empty() && !factors[0].is_one());
        if groups < 2 && !(constants && groups + unused.len() > 0) {
            return None;
        }
        let mut product: Vec<Term> =
            parts.into_iter().map(|(indices, factors)| Term::sum(&indices, Term::mul(factors))).collect();
        if !unused.is_empty() {
            product.push(Term::sum(&unused, Term::integer(1)));
        }
        Some(Term::mul(product))
    }
);

rule!(
    /// An index that does not occur only counts.
    SUM_OF_CONSTANT, "sum of a constant", "sum[k] c = n c, k in 0..n", |term, _| {
        let opened = open_sum(term)?;
        let (used, unused): (Vec<Index>, Vec<Index>) =
            opened.indices.iter().cloned().partition(|index| opened.body.depends_on(index));
        if unused.is_empty() {
            return None;
        }
        let mut product: Vec<Term> = unused.iter().map(|index| Term::integer(index.extent as i64)).collect();
        product.push(Term::sum(&used, opened.body.clone()));
        Some(Term::mul(product))
    }
);
