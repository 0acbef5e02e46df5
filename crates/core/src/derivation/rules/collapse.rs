//! Rules on sums: Kronecker deltas collapse them, constants and independent parts leave them.
//!
//! A product with a false condition is exactly 0 and nothing else in it is evaluated, so conditions
//! guard the factors beside them. Every rule here keeps that:
//!
//! * collapsing a sum replaces an index in the conditions and in what they guard alike, and adds
//!   conditions;
//! * multiplying out copies the conditions into every product; sums of sums take every addend with its
//!   own conditions;
//! * joining sums, and brackets for branches, move factors into the range of conditions, never out;
//! * a delta leaves a branch only where it can be evaluated without it;
//! * a condition without the bound indices leaves a sum together with everything: the product around
//!   the sum has it then. A factor leaves conditions behind only where it is safe without them
//!   (see `safe.rs`).

use super::differentiate::rule;
use super::safe::{is_integer, is_safe, stays_below};
use crate::derivation::rewrite::{Place, Rule};
use crate::model::Model;
use crate::term::{Comparison, Connective, Function, Index, Kinds, Node, Reduction, Term, Under, fresh_id};

/// Sums in which two things are said to be equal somewhere.
const SUM_OF_DELTA: Place = Place::on(Kinds::REDUCE).with(Kinds::COMPARE);

fn open_sum(term: &Term) -> Option<Under<'_>> {
    term.under().filter(|opened| opened.reduction == Reduction::Sum)
}

/// A sum of a product in which two things are said to be equal.
fn open_sum_of_delta(term: &Term) -> Option<Under<'_>> {
    let Node::Reduce { reduction: Reduction::Sum, body, .. } = term.node() else { return None };
    let is_equality = |factor: &Term| matches!(factor.node(), Node::Compare(Comparison::Equal, ..));
    if body.factors().iter().any(is_equality) { term.under() } else { None }
}

/// The integer that a Kronecker delta sets to zero.
fn delta_form(factor: &Term, model: &Model) -> Option<Term> {
    match factor.node() {
        Node::Compare(Comparison::Equal, left, right) => {
            (is_integer(left, model) && is_integer(right, model)).then(|| left.minus(right))
        }
        _ => None,
    }
}

/// `coefficient · index + rest`, where a form is that: the coefficient, not 0, and the rest without the index.
fn linear_in(form: &Term, index: &Index) -> Option<(i64, Term)> {
    let mut coefficient = 0;
    for addend in form.addends() {
        match addend.as_affine() {
            Some(affine) => coefficient += affine.coefficient(index),
            None if addend.depends_on(index) => return None,
            None => {}
        }
    }
    if coefficient == 0 {
        return None;
    }
    let rest = form.minus(&Term::mul(vec![Term::integer(coefficient), Term::index(index)]));
    (!rest.depends_on(index)).then_some((coefficient, rest))
}

/// An index that a delta fixes: `numerator / divisor`, where that is a whole number.
struct Solution {
    index: Index,
    numerator: Term,
    divisor: i64,
}

impl Solution {
    /// Solves `form = 0` for the index.
    fn of(form: &Term, index: &Index) -> Option<Solution> {
        let (coefficient, rest) = linear_in(form, index)?;
        let numerator = Term::mul(vec![Term::integer(-coefficient.signum()), rest]);
        Some(Solution { index: index.clone(), numerator, divisor: coefficient.checked_abs()? })
    }

    /// What must hold for the index to have that value; what always holds is 1.
    fn guards(&self, model: &Model) -> Vec<Term> {
        if self.divisor == 1 {
            return in_range(&self.numerator, &self.index, model);
        }
        let mut guards = in_range(&self.numerator.floor_quotient(self.divisor), &self.index, model);
        guards.push(Term::delta(self.numerator.remainder(self.divisor), Term::integer(0)));
        guards
    }

    fn is_certain(&self, model: &Model) -> bool {
        self.guards(model).iter().all(Term::is_one)
    }

    /// The sum without the index.
    fn collapsed(&self, opened: &Under, delta: usize, model: &Model) -> Term {
        let mut rest = opened.body.factors().to_vec();
        rest.remove(delta);
        let rest = Term::mul(rest);
        let mut product = vec![match self.divisor {
            1 => rest.substitute_terms(&[(self.index.clone(), self.numerator.clone())]),
            divisor => rest.substitute_quotient(&self.index, &self.numerator, divisor),
        }];
        product.extend(self.guards(model));
        let left: Vec<Index> = opened.indices.iter().filter(|other| **other != self.index).cloned().collect();
        Term::sum(&left, Term::mul(product))
    }
}

/// The conditions that keep an integer in the range of an index; those that always hold are 1.
fn in_range(value: &Term, index: &Index, model: &Model) -> Vec<Term> {
    if stays_below(value, &index.extent, model) {
        return Vec::new();
    }
    let extent = index.extent.term();
    vec![
        Term::compare(Comparison::LessEqual, Term::integer(0), value.clone()),
        Term::compare(Comparison::Less, value.clone(), extent),
    ]
}

/// The best index to solve for in each of the deltas of a sum: of the largest extent, of several the
/// one that needs no division, then the last, as a reader would pick the inner one.
fn solutions<'t>(opened: &Under<'t>, model: &'t Model) -> impl Iterator<Item = (usize, Solution)> + 't {
    let Under { indices, body, .. } = *opened;
    body.factors().iter().enumerate().flat_map(move |(position, factor)| {
        let form = delta_form(factor, model);
        let mut found: Vec<Solution> =
            form.iter().flat_map(|form| indices.iter().rev().filter_map(|index| Solution::of(form, index))).collect();
        found.sort_by_key(|solution| (std::cmp::Reverse(solution.index.extent.typed()), solution.divisor != 1));
        found.into_iter().map(move |solution| (position, solution))
    })
}

rule!(
    /// Where the delta fixes an index, only that value of it is left of the sum.
    DELTA_COLLAPSES_SUM, "delta collapses the sum", "sum[k] δ[k,j] u[k] = u[j]", SUM_OF_DELTA, |term, context| {
        let opened = open_sum_of_delta(term)?;
        // The sort is stable, so the last of equals comes first after this.
        let mut all = solutions(&opened, context.model);
        let (position, solution) = all.find(|(_, solution)| solution.is_certain(context.model))?;
        Some(solution.collapsed(&opened, position, context.model))
    }
);

rule!(
    /// Conditions keep the index in its range where that is not certain. The index of the largest
    /// extent goes, so that the sum that is left is over a small window.
    GUARDED_COLLAPSE, "delta collapses the sum, in range", "sum[k] δ[a k + b, j] u[k] = [a divides j - b] [0 <= i < n] u[i], i = (j - b) / a, k in 0..n", SUM_OF_DELTA,
    |term, context| {
        let opened = open_sum_of_delta(term)?;
        let (position, solution) = solutions(&opened, context.model).next()?;
        Some(solution.collapsed(&opened, position, context.model))
    }
);

rule!(
    /// Blocks of `c` side by side: the delta fixes the block and the place in it, and no sum is left.
    BLOCKS, "quotient and remainder", "sum[i,k] δ[c i + k, j] u[i,k] = [0 <= q < n] [j mod c < m] u[q, j mod c], q = floor(j / c), i in 0..n, k in 0..m, m <= c", SUM_OF_DELTA,
    |term, context| {
        let opened = open_sum_of_delta(term)?;
        let factors = opened.body.factors();
        for (position, factor) in factors.iter().enumerate() {
            let Some(form) = delta_form(factor, context.model) else { continue };
            for block in opened.indices {
                let Some((size, rest)) = linear_in(&form, block) else { continue };
                // In both signs of the delta's form.
                let (size, rest) = if size > 0 { (size, rest) } else { (-size, rest.negated()) };
                let place = opened.indices.iter().find_map(|place| match linear_in(&rest, place)? {
                    (1, rest) if size > 1 && place.extent.is_at_most(size) && place != block => Some((place, rest)),
                    _ => None,
                });
                let Some((place, rest)) = place else { continue };
                let entry = rest.negated();
                let (quotient, remainder) = (entry.floor_quotient(size), entry.remainder(size));
                let mut product = factors.to_vec();
                product.remove(position);
                let pairs = [(block.clone(), quotient.clone()), (place.clone(), remainder.clone())];
                let mut product = vec![Term::mul(product).substitute_terms(&pairs)];
                product.extend(in_range(&quotient, block, context.model));
                product.extend(in_range(&remainder, place, context.model));
                let left: Vec<Index> =
                    opened.indices.iter().filter(|other| *other != block && *other != place).cloned().collect();
                return Some(Term::sum(&left, Term::mul(product)));
            }
        }
        None
    }
);

/// What an equality of a floor or a remainder with something else says about the dividend: the
/// dividend, what it must be, and the new index in that.
struct Dividend {
    dividend: Term,
    value: Term,
    index: Index,
    guards: Vec<Term>,
}

fn dividend(form: &Term, indices: &[Index], id: u32, model: &Model) -> Option<Dividend> {
    for addend in form.addends() {
        let (number, call) = addend.split_number();
        let sign = number.as_integer().filter(|number| number.abs() == 1)?;
        let Node::Call(function, arguments) = call.node() else { continue };
        if !indices.iter().any(|index| call.depends_on(index)) {
            continue;
        }
        // sign · call + rest = 0
        let other = Term::mul(vec![Term::integer(-sign), form.minus(addend)]);
        // A guard that is left of a delta solved before says nothing about an entry.
        if other.as_number().is_some() {
            continue;
        }
        match function {
            Function::Floor => {
                let divisor = arguments[0].addends().iter().find_map(|part| match part.leading_number() {
                    crate::term::Number::Ratio(_, divisor) if divisor > 1 => Some(divisor),
                    _ => None,
                })?;
                let dividend = Term::mul(vec![Term::integer(divisor), arguments[0].clone()]);
                let index = Index::new(id, usize::try_from(divisor).ok()?, "u");
                let value = Term::add(vec![Term::mul(vec![Term::integer(divisor), other]), Term::index(&index)]);
                return dividend.is_integer().then_some(Dividend { dividend, value, index, guards: Vec::new() });
            }
            Function::Mod => {
                let divisor = arguments[1].as_number()?.as_integer().filter(|divisor| *divisor > 0)?;
                let (least, greatest) = arguments[0].integer_bounds()?;
                let (first, last) = (least.div_euclid(divisor), greatest.div_euclid(divisor));
                let index = Index::new(id, usize::try_from(last - first + 1).ok()?, "q");
                let block = Term::add(vec![Term::index(&index), Term::integer(first)]);
                let guards = in_range(&other, &Index::new(id, usize::try_from(divisor).ok()?, "u"), model);
                let value = Term::add(vec![Term::mul(vec![Term::integer(divisor), block]), other]);
                return Some(Dividend { dividend: arguments[0].clone(), value, index, guards });
            }
            _ => {}
        }
    }
    None
}

rule!(
    /// The dividends that have the same quotient, or remainder, one by one.
    DELTA_OF_QUOTIENT, "delta of a quotient", "δ[floor(i / c), j] = sum[k] δ[i, c j + k], k in 0..c; δ[i mod c, j] = [0 <= j < c] sum[k] δ[i, c k + j]", SUM_OF_DELTA,
    |term, context| {
        let opened = open_sum_of_delta(term)?;
        let factors = opened.body.factors();
        let id = fresh_id(&[opened.body]).max(opened.indices.iter().map(|index| index.id + 1).max()?);
        factors.iter().enumerate().find_map(|(position, factor)| {
            let form = delta_form(factor, context.model)?;
            if opened.indices.iter().any(|index| linear_in(&form, index).is_some()) {
                return None;
            }
            let found = dividend(&form, opened.indices, id, context.model)?;
            let mut product = factors.to_vec();
            product[position] = Term::delta(found.dividend, found.value);
            product.extend(found.guards);
            let indices: Vec<Index> = opened.indices.iter().cloned().chain([found.index]).collect();
            Some(Term::sum(&indices, Term::mul(product)))
        })
    }
);

/// Whether a delta that one of the indices could be solved from stands in the term as a factor, in
/// an addend, in a branch, or in a sum that is one of those.
fn holds_delta(term: &Term, indices: &[Index], model: &Model) -> bool {
    match term.node() {
        Node::Compare(Comparison::Equal, ..) => {
            let depends = |form: &Term| indices.iter().any(|index| form.depends_on(index));
            delta_form(term, model).is_some_and(|form| depends(&form))
        }
        Node::Mul(parts) | Node::Add(parts) => parts.iter().any(|part| holds_delta(part, indices, model)),
        Node::Where(_, then, otherwise) => holds_delta(then, indices, model) || holds_delta(otherwise, indices, model),
        Node::Reduce { reduction: Reduction::Sum, body, .. } if may_hold_delta(body) => {
            // Opened from above the indices, none of which then stands for two.
            let first = fresh_id(&[term]).max(indices.iter().map(|index| index.id + 1).max().unwrap_or(0));
            term.open_from(first).is_some_and(|opened| holds_delta(&opened.body, indices, model))
        }
        _ => false,
    }
}

/// Whether an equality stands where [`holds_delta`] looks for deltas; the body of a sum may be closed.
fn may_hold_delta(term: &Term) -> bool {
    match term.node() {
        Node::Compare(Comparison::Equal, ..) => true,
        Node::Mul(parts) | Node::Add(parts) => parts.iter().any(may_hold_delta),
        Node::Where(_, then, otherwise) => may_hold_delta(then) || may_hold_delta(otherwise),
        Node::Reduce { reduction: Reduction::Sum, body, .. } => may_hold_delta(body),
        _ => false,
    }
}

rule!(
    /// Makes way for a delta in the inner sum that says something about an index of the outer one.
    JOIN_SUMS, "sums joined", "sum[i] u[i] sum[k] v[i,k] = sum[i,k] u[i] v[i,k]", SUM_OF_DELTA, |term, context| {
        let opened = open_sum(term)?;
        let factors = opened.body.factors();
        let is_sum = |factor: &Term| matches!(factor.node(), Node::Reduce { reduction: Reduction::Sum, .. });
        let position =
            factors.iter().position(|factor| is_sum(factor) && holds_delta(factor, opened.indices, context.model))?;
        let first = fresh_id(&[opened.body]).max(opened.indices.iter().map(|index| index.id + 1).max()?);
        let inner = factors[position].open_from(first)?;
        let mut product = factors.to_vec();
        product[position] = inner.body;
        let indices: Vec<Index> = opened.indices.iter().chain(&inner.indices).cloned().collect();
        Some(Term::sum(&indices, Term::mul(product)))
    }
);

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
    DISTRIBUTE_OVER_DELTA, "distributive law", "u (v + w) = u v + u w", SUM_OF_DELTA, |term, context| {
        let opened = open_sum(term)?;
        let factors = opened.body.factors();
        let is_ready = |factor: &Term| {
            matches!(factor.node(), Node::Add(_)) && holds_delta(factor, opened.indices, context.model)
        };
        let position = factors.iter().position(is_ready).filter(|_| factors.len() > 1)?;
        Some(Term::sum(opened.indices, Term::add(distribute(factors, position))))
    }
);

rule!(
    /// Makes way for a factor to cancel in an addend.
    DISTRIBUTE_TO_CANCEL, "distributive law, to cancel", "u (v + w) = u v + u w", Place::on(Kinds::MUL).with(Kinds::POW), |term, _| {
        let Node::Mul(factors) = term.node() else { return None };
        let is_power = |factor: &Term| matches!(factor.node(), Node::Pow(..));
        let has_power = factors.iter().any(is_power);
        let cancels = |sum: &Term| {
            sum.addends().iter().flat_map(Term::factors).any(|inner| {
                // One of the two is a power.
                let may_cancel = inner.as_number().is_none() && (has_power || is_power(inner));
                may_cancel && factors.contains(&inner.inverse())
            })
        };
        let is_sum = |factor: &Term| matches!(factor.node(), Node::Add(_));
        let position = factors.iter().position(|factor| is_sum(factor) && cancels(factor))?;
        Some(Term::add(distribute(factors, position)))
    }
);

rule!(
    /// Makes way for a delta in an addend.
    SPLIT_SUM, "sum of a sum", "sum[k] (u[k] + v[k]) = sum[k] u[k] + sum[k] v[k]", SUM_OF_DELTA, |term, context| {
        let opened = open_sum(term)?;
        let Node::Add(addends) = opened.body.node() else { return None };
        holds_delta(opened.body, opened.indices, context.model)
            .then(|| Term::add(addends.iter().map(|addend| Term::sum(opened.indices, addend.clone())).collect()))
    }
);

rule!(
    /// A delta in the only branch that is not 0.
    DELTA_OUT_OF_BRANCH, "delta out of a branch", "where(c, δ[i,j] u, 0) = δ[i,j] where(c, u, 0)", Place::on(Kinds::WHERE).with(Kinds::COMPARE), |term, context| {
        let Node::Where(condition, then, otherwise) = term.node() else { return None };
        let (branch, first) = match (then.is_zero(), otherwise.is_zero()) {
            (false, true) => (then, true),
            (true, false) => (otherwise, false),
            _ => return None,
        };
        let (mut deltas, rest): (Vec<Term>, Vec<Term>) =
            branch.factors().iter().cloned().partition(|factor| {
                delta_form(factor, context.model).is_some() && is_safe(factor, context.model)
            });
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
    /// Makes way for a delta in an addend of a factor of a branch: a step of a recurrence that is divided by a number.
    DISTRIBUTE_IN_BRANCH, "distributive law, in a branch", "where(c, u (v + w), z) = where(c, u v + u w, z)", Place::on(Kinds::WHERE).with(Kinds::COMPARE), |term, context| {
        let Node::Where(condition, then, otherwise) = term.node() else { return None };
        let multiplied_out = |branch: &Term| {
            let Node::Mul(factors) = branch.node() else { return None };
            let is_ready =
                |factor: &Term| matches!(factor.node(), Node::Add(_)) && holds_delta_anywhere(factor, context.model);
            let position = factors.iter().position(is_ready)?;
            Some(Term::add(distribute(factors, position)))
        };
        let branches = [then, otherwise].map(|branch| multiplied_out(branch).ok_or(branch));
        if branches.iter().all(Result::is_err) {
            return None;
        }
        let [then, otherwise] = branches.map(|branch| branch.unwrap_or_else(Term::clone));
        Some(Term::choose(condition.clone(), then, otherwise))
    }
);

rule!(
    /// Makes way for a delta in a branch.
    SPLIT_BRANCHES, "branches apart", "where(c, u, v) = where(c, u, 0) + where(c, 0, v)", Place::on(Kinds::WHERE).with(Kinds::COMPARE), |term, context| {
        let Node::Where(condition, then, otherwise) = term.node() else { return None };
        let holds = |branch: &Term| holds_delta_anywhere(branch, context.model);
        if !holds_delta(term, term.free(), context.model) && !holds(then) && !holds(otherwise) {
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

fn holds_delta_anywhere(term: &Term, model: &Model) -> bool {
    match term.node() {
        Node::Compare(Comparison::Equal, ..) => delta_form(term, model).is_some(),
        Node::Mul(parts) | Node::Add(parts) => parts.iter().any(|part| holds_delta_anywhere(part, model)),
        Node::Reduce { reduction: Reduction::Sum, .. } => term.any_child(&mut |body| holds_delta_anywhere(body, model)),
        _ => false,
    }
}

rule!(
    /// For conditions on indices, which then can be put together with others, and to make way for a
    /// delta in a sum.
    BRANCH_AS_BRACKET, "branch as a bracket", "where(c, u, 0) = [c] u", Place::on(Kinds::WHERE), |term, context| {
        let Node::Where(condition, then, otherwise) = term.node() else { return None };
        let holds_sum = |branch: &Term| {
            let is_sum = |factor: &Term| matches!(factor.node(), Node::Reduce { reduction: Reduction::Sum, .. });
            branch.factors().iter().any(|factor| is_sum(factor) && holds_delta_anywhere(factor, context.model))
        };
        if !condition.is_condition() {
            return None;
        }
        match (then.is_zero(), otherwise.is_zero()) {
            (false, true) if is_of_integers(condition) || holds_sum(then) => {
                Some(Term::mul(vec![condition.clone(), then.clone()]))
            }
            (true, false) if holds_sum(otherwise) => {
                let opposite = Term::logic(Connective::Not, vec![condition.clone()]);
                Some(Term::mul(vec![opposite, otherwise.clone()]))
            }
            _ => None,
        }
    }
);

/// Whether a condition is about integers only.
fn is_of_integers(condition: &Term) -> bool {
    match condition.node() {
        Node::Compare(_, left, right) => left.is_integer() && right.is_integer(),
        Node::Logic(_, conditions) => conditions.iter().all(is_of_integers),
        _ => false,
    }
}

rule!(
    /// Factors without the index leave the sum; parts without a common index become sums of their
    /// own.
    FACTOR_OUT_OF_SUM, "factor out of the sum", "sum[k] c u[k] = c sum[k] u[k]", Place::on(Kinds::REDUCE), |term, context| {
        let opened = open_sum(term)?;
        let mut parts: Vec<(Vec<Index>, Vec<Term>)> = Vec::new();
        let conditions: Vec<&Term> = opened.body.factors().iter().filter(|factor| factor.is_condition()).collect();
        for factor in opened.body.factors() {
            // What is not safe stays with the conditions on the indices.
            let stays = !conditions.is_empty() && !is_safe(factor, context.model);
            let guards: &[&Term] = if stays { &conditions } else { &[] };
            let needs = |index: &&Index| {
                factor.depends_on(index) || guards.iter().any(|condition| condition.depends_on(index))
            };
            let own: Vec<Index> = opened.indices.iter().filter(needs).cloned().collect();
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
    SUM_OF_CONSTANT, "sum of a constant", "sum[k] c = n c, k in 0..n", Place::on(Kinds::REDUCE), |term, _| {
        let opened = open_sum(term)?;
        let (used, unused): (Vec<Index>, Vec<Index>) =
            opened.indices.iter().cloned().partition(|index| opened.body.depends_on(index));
        if unused.is_empty() {
            return None;
        }
        let mut product: Vec<Term> = unused.iter().map(|index| index.extent.term()).collect();
        product.push(Term::sum(&used, opened.body.clone()));
        Some(Term::mul(product))
    }
);
