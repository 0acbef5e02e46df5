//! Rules of ordinary algebra.
//!
//! Conditions guard the factors beside them (see [`super::collapse`]). Cancelling and putting
//! exponentials together stay inside one product; multiplying out copies the conditions into every
//! product. A common factor leaves conditions behind only where it is safe without them.

use super::differentiate::rule;
use super::expand::{expanded, may_be_shorter};
use super::safe::is_safe;
use crate::derivation::rewrite::{Place, Rule};
use crate::term::{Comparison, Connective, Function, Kinds, Node, Number, Term, fresh_id};

/// A factor as base and exponent.
fn base_and_exponent(factor: &Term) -> (Term, Term) {
    match factor.node() {
        Node::Pow(base, exponent) => (base.clone(), exponent.clone()),
        _ => (factor.clone(), Term::integer(1)),
    }
}

/// A factor as base and exponent, where that is a number.
pub(super) fn number_exponent(factor: &Term) -> Option<(Term, Number)> {
    let (base, exponent) = base_and_exponent(factor);
    Some((base, exponent.as_number()?))
}

/// A product in which equal bases above and below the fraction bar are put together.
fn cancelled(factors: &[Term]) -> Option<Term> {
    for (first, factor) in factors.iter().enumerate() {
        let Some((base, exponent)) = number_exponent(factor) else { continue };
        let partner = factors.iter().enumerate().skip(first + 1).find_map(|(second, other)| {
            let (other_base, other_exponent) = number_exponent(other)?;
            let opposite = exponent.is_negative() != other_exponent.is_negative();
            (other_base == base && opposite && base.as_number().is_none()).then_some((second, other_exponent))
        });
        if let Some((second, other_exponent)) = partner {
            let mut rest = factors.to_vec();
            rest.remove(second);
            rest[first] = Term::pow(&base, &Term::number(exponent.plus(other_exponent)));
            return Some(Term::mul(rest));
        }
    }
    None
}

rule!(
    /// Where the factor is not 0, as it is wherever the quotient is defined.
    CANCEL, "cancel", "u / u = 1", Place::on(Kinds::MUL).with(Kinds::POW), |term, _| {
        let Node::Mul(factors) = term.node() else { return None };
        Some(fully_cancelled(cancelled(factors)?))
    }
);

/// The exponent `n u` of a factor `exp(u)^n`; not where a position `n` may be 0, as `exp(-inf)^0` is 1.
fn exponential(factor: &Term) -> Option<Term> {
    let (base, exponent) = base_and_exponent(factor);
    let bounds = exponent.as_affine().and_then(|form| form.bounds());
    match base.node() {
        Node::Call(Function::Exp, _) if bounds.is_some_and(|(least, most)| least <= 0 && most >= 0) => None,
        Node::Call(Function::Exp, arguments) => Some(Term::mul(vec![exponent, arguments[0].clone()])),
        _ => None,
    }
}

rule!(
    /// Also a power of an exponential.
    PRODUCT_OF_EXPONENTIALS, "product of exponentials", "exp(u) exp(v) = exp(u + v), exp(u)^n = exp(n u)", Place::on(Kinds::MUL.or(Kinds::POW)).with(Kinds::CALL), |term, _| {
        let factors = term.factors();
        let exponents: Vec<Term> = factors.iter().filter_map(exponential).collect();
        let is_power = factors.iter().any(|f| exponential(f).is_some() && matches!(f.node(), Node::Pow(..)));
        if exponents.len() < 2 && !is_power {
            return None;
        }
        let mut rest: Vec<Term> = factors.iter().filter(|f| exponential(f).is_none()).cloned().collect();
        rest.push(Term::call(Function::Exp, Term::add(exponents)));
        Some(Term::mul(rest))
    }
);

rule!(
    /// With a positive numeric factor; beside a condition it is minus infinity where that fails.
    LOG_OF_EXPONENTIAL, "logarithm of an exponential", "log(c exp(u)) = log(c) + u, c > 0; log([d] v) = where(d, log(v), -inf)", Place::on(Kinds::CALL), |term, _| {
        let Node::Call(Function::Log, arguments) = term.node() else { return None };
        let (number, rest) = arguments[0].split_number();
        let (conditions, values): (Vec<Term>, Vec<Term>) =
            rest.factors().iter().cloned().partition(Term::is_condition);
        let exponent = exponential(&Term::mul(values)).filter(|_| number.value() > 0.0)?;
        let log = Term::add(vec![Term::call(Function::Log, Term::number(number)), exponent]);
        let least = Term::number(Number::Float(f64::NEG_INFINITY));
        Some(match conditions.is_empty() {
            true => log,
            false => Term::choose(Term::logic(Connective::And, conditions), log, least),
        })
    }
);

/// The greatest power of each base that stands in both products.
fn common(first: &[(Term, Number)], second: &Term) -> Vec<(Term, Number)> {
    let others: Vec<(Term, Number)> = second.factors().iter().filter_map(number_exponent).collect();
    first
        .iter()
        .filter_map(|(base, exponent)| {
            let (_, other) = others.iter().find(|(other, _)| other == base)?;
            (exponent.is_negative() == other.is_negative()).then(|| {
                (base.clone(), if exponent.is_negative() { *exponent.max(other) } else { *exponent.min(other) })
            })
        })
        .collect()
}

rule!(
    /// The distributive law, read backwards.
    COMMON_FACTOR, "common factor", "u v + u w = u (v + w)", Place::on(Kinds::ADD), |term, context| {
        let Node::Add(addends) = term.node() else { return None };
        // `u^v` does not cancel with `1 / u^v`, where `v` is no number: what was taken out would stay inside, for ever.
        let mut shared: Vec<(Term, Number)> = addends[0]
            .factors()
            .iter()
            .filter_map(number_exponent)
            .filter(|(base, _)| base.as_number().is_none() && !matches!(base.node(), Node::Pow(..)))
            .collect();
        for addend in &addends[1..] {
            shared = common(&shared, addend);
        }
        // What a condition of one addend guards must not leave it, unless it can be evaluated anyway.
        let own_condition = |factor: &Term| factor.is_condition() && shared.iter().all(|(base, _)| base != factor);
        if addends.iter().flat_map(Term::factors).any(own_condition) {
            shared.retain(|(base, exponent)| is_safe(&Term::pow(base, &Term::number(*exponent)), context.model));
        }
        if shared.is_empty() {
            return None;
        }
        let factor = |(base, exponent): &(Term, Number)| Term::pow(base, &Term::number(*exponent));
        // Of the exponent, since the inverse of a root is no power of the base that would cancel.
        let opposite = |(base, exponent): &(Term, Number)| (base.clone(), exponent.negated());
        let inverse = Term::mul(shared.iter().map(|pair| factor(&opposite(pair))).collect());
        let divided = |addend: &Term| {
            fully_cancelled(Term::mul(vec![addend.clone(), inverse.clone()]))
        };
        let mut product: Vec<Term> = shared.iter().map(factor).collect();
        product.push(Term::add(addends.iter().map(divided).collect()));
        Some(Term::mul(product))
    }
);

/// A product in which all equal bases above and below the fraction bar are put together.
pub(super) fn fully_cancelled(mut product: Term) -> Term {
    while let Some(shorter) = cancelled(product.factors()) {
        product = shorter;
    }
    product
}

rule!(
    /// Only where the result is shorter.
    MULTIPLY_OUT, "multiply out", "u (v + w) - u v = u w", Place::on(Kinds::ADD.or(Kinds::MUL)).with(Kinds::ADD), |term, _| {
        match term.node() {
            Node::Add(addends) if addends.iter().any(|a| a.factors().iter().any(|f| matches!(f.node(), Node::Add(_)))) => {}
            Node::Mul(factors) if factors.iter().any(|f| matches!(f.node(), Node::Add(_))) => {}
            _ => return None,
        }
        if !may_be_shorter(term) {
            return None;
        }
        expanded(term).filter(|result| result.size() < term.size())
    }
);

/// Integers that are not negative where a condition on integers holds, and only there.
fn not_negative(condition: &Term) -> Option<Vec<Term>> {
    let Node::Compare(comparison, left, right) = condition.node() else { return None };
    if !left.is_integer() || !right.is_integer() {
        return None;
    }
    let difference = left.minus(right);
    let one = Term::integer(1);
    let forms = match comparison {
        Comparison::GreaterEqual => vec![difference],
        Comparison::Greater => vec![difference.minus(&one)],
        Comparison::LessEqual => vec![difference.negated()],
        Comparison::Less => vec![difference.negated().minus(&one)],
        Comparison::Equal => vec![difference.clone(), difference.negated()],
        Comparison::NotEqual => return None,
    };
    Some(forms.iter().map(without_floor).collect())
}

/// `floor(a / c) + b >= 0` where `a + c b >= 0`, and `b - floor(a / c) >= 0` where `c b + c - 1 - a >= 0`, for
/// integers.
fn without_floor(form: &Term) -> Term {
    let quotient = form.addends().iter().find_map(|addend| {
        let (number, call) = addend.split_number();
        let sign = number.as_integer().filter(|number| number.abs() == 1)?;
        let Node::Call(Function::Floor, arguments) = call.node() else { return None };
        let divisor = arguments[0].addends().iter().find_map(|part| match part.leading_number() {
            Number::Ratio(_, divisor) if divisor > 1 => Some(divisor),
            _ => None,
        })?;
        let dividend = Term::mul(vec![Term::integer(divisor), arguments[0].clone()]);
        dividend.is_integer().then(|| (sign, dividend, divisor, form.minus(addend)))
    });
    let Some((sign, dividend, divisor, rest)) = quotient else { return form.clone() };
    let slack = if sign < 0 { divisor - 1 } else { 0 };
    let scaled = |factor: i64, term: Term| Term::mul(vec![Term::integer(factor), term]);
    Term::add(vec![scaled(divisor, rest), scaled(sign, dividend), Term::integer(slack)])
}

/// Whether a condition holds wherever a given one does, told by what is not negative where they hold.
fn follows(forms: &[Term], givens: &[Term]) -> bool {
    let no_less = |form: &Term, given: &Term| form.integer_bounds_with(-1, given).is_some_and(|(least, _)| least >= 0);
    forms.iter().all(|form| givens.iter().any(|given| no_less(form, given)))
}

/// Whether two conditions never hold together.
fn exclude(ones: &[Term], others: &[Term]) -> bool {
    let negative = |a: &Term, b: &Term| a.integer_bounds_with(1, b).is_some_and(|(_, greatest)| greatest < 0);
    ones.iter().any(|a| others.iter().any(|b| negative(a, b)))
}

/// A term where a condition on integers is known to hold: the conditions in it that follow from that
/// are 1, those that it excludes 0. Indices that reductions bind are numbered from `first`.
fn assuming(given: &Term, term: &Term, first: u32) -> Term {
    let told = |told: fn(&[Term], &[Term]) -> bool| {
        not_negative(term).zip(not_negative(given)).is_some_and(|(forms, givens)| told(&forms, &givens))
    };
    let needs_given = given.free().iter().any(|index| term.depends_on(index));
    match term.node() {
        _ if !needs_given || !term.kinds().meet(Kinds::COMPARE) => term.clone(),
        Node::Compare(..) if told(follows) => Term::integer(1),
        Node::Compare(..) if told(exclude) => Term::integer(0),
        Node::Reduce { .. } => match term.open_from(first) {
            Some(opened) => {
                let body = assuming(given, &opened.body, first + opened.indices.len() as u32);
                Term::reduce(opened.reduction, &opened.indices, body)
            }
            None => term.clone(),
        },
        _ => term.map_children(&mut |child| assuming(given, child, first)),
    }
}

rule!(
    /// On integers: a condition that follows from another of the same product is left out, and two
    /// that exclude each other make it 0.
    IMPLIED_CONDITION, "implied condition", "[a <= b] [a <= b + 1] = [a <= b]", Place::on(Kinds::MUL).with(Kinds::COMPARE), |term, _| {
        let Node::Mul(factors) = term.node() else { return None };
        if factors.iter().filter(|factor| factor.is_condition()).count() < 2 {
            return None;
        }
        let conditions: Vec<(usize, Vec<Term>)> =
            (0..).zip(factors).filter_map(|(place, factor)| Some((place, not_negative(factor)?))).collect();
        for (first, condition) in &conditions {
            for (second, given) in conditions.iter().filter(|(second, _)| second != first) {
                if second > first && exclude(condition, given) {
                    return Some(Term::integer(0));
                }
                // Of two that say the same the first stays.
                if follows(condition, given) && !(first < second && follows(given, condition)) {
                    let mut rest = factors.clone();
                    rest.remove(*first);
                    return Some(Term::mul(rest));
                }
            }
        }
        None
    }
);

rule!(
    /// On integers, within the other factors of a product. After definitions were read backwards, which
    /// they no longer can be without their conditions.
    IMPLIED_WITHIN, "implied condition within", "[a <= b] f([a <= b] u) = [a <= b] f(u)", Place::on(Kinds::MUL).with(Kinds::COMPARE), |term, _| {
        let Node::Mul(factors) = term.node() else { return None };
        // There must be a condition to leave out.
        if !factors.iter().any(|factor| !factor.is_condition() && factor.kinds().meet(Kinds::COMPARE)) {
            return None;
        }
        let is_given = |factor: &&Term| not_negative(factor).is_some();
        factors.iter().filter(is_given).find_map(|given| {
            let rest = factors.iter().map(|factor| match factor.is_condition() {
                true => factor.clone(),
                false => assuming(given, factor, fresh_id(&[term])),
            });
            Some(Term::mul(rest.collect())).filter(|after| after != term)
        })
    }
);
