//! Rules of ordinary algebra.

use super::differentiate::rule;
use crate::derivation::rewrite::Rule;
use crate::term::{Function, Node, Number, Term};

/// A factor as base and exponent.
fn base_and_exponent(factor: &Term) -> (Term, Term) {
    match factor.node() {
        Node::Pow(base, exponent) => (base.clone(), exponent.clone()),
        _ => (factor.clone(), Term::integer(1)),
    }
}

fn number_exponent(factor: &Term) -> Option<(Term, Number)> {
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
    CANCEL, "cancel", "u / u = 1", |term, _| {
        let Node::Mul(factors) = term.node() else { return None };
        let mut result = cancelled(factors)?;
        while let Node::Mul(factors) = result.node() {
            match cancelled(factors) {
                Some(shorter) => result = shorter,
                None => break,
            }
        }
        Some(result)
    }
);

/// The exponent `n u` of a factor `exp(u)^n`.
fn exponential(factor: &Term) -> Option<Term> {
    let (base, exponent) = base_and_exponent(factor);
    match base.node() {
        Node::Call(Function::Exp, arguments) => Some(Term::mul(vec![exponent, arguments[0].clone()])),
        _ => None,
    }
}

rule!(
    /// Also a power of an exponential.
    PRODUCT_OF_EXPONENTIALS, "product of exponentials", "exp(u) exp(v) = exp(u + v), exp(u)^n = exp(n u)", |term, _| {
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
    /// With a positive numeric factor.
    LOG_OF_EXPONENTIAL, "logarithm of an exponential", "log(c exp(u)) = log(c) + u, c > 0", |term, _| {
        let Node::Call(Function::Log, arguments) = term.node() else { return None };
        let (number, rest) = arguments[0].split_number();
        let exponent = exponential(&rest).filter(|_| number.value() > 0.0)?;
        Some(Term::add(vec![Term::call(Function::Log, Term::number(number)), exponent]))
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
    COMMON_FACTOR, "common factor", "u v + u w = u (v + w)", |term, _| {
        let Node::Add(addends) = term.node() else { return None };
        let mut shared: Vec<(Term, Number)> = addends[0]
            .factors()
            .iter()
            .filter_map(number_exponent)
            .filter(|(base, _)| base.as_number().is_none())
            .collect();
        for addend in &addends[1..] {
            shared = common(&shared, addend);
        }
        if shared.is_empty() {
            return None;
        }
        let factor = |(base, exponent): &(Term, Number)| Term::pow(base, &Term::number(*exponent));
        // Of the exponent, since the inverse of a root is no power of the base that would cancel.
        let opposite = |(base, exponent): &(Term, Number)| (base.clone(), exponent.negated());
        let inverse = Term::mul(shared.iter().map(|pair| factor(&opposite(pair))).collect());
        let divided = |addend: &Term| {
            let product = Term::mul(vec![addend.clone(), inverse.clone()]);
            let mut result = product;
            while let Some(shorter) = cancelled(result.factors()) {
                result = shorter;
            }
            result
        };
        let mut product: Vec<Term> = shared.iter().map(factor).collect();
        product.push(Term::add(addends.iter().map(divided).collect()));
        Some(Term::mul(product))
    }
);

/// The most addends that a product is multiplied out to.
const MOST_ADDENDS: usize = 32;

/// Products multiplied out and factors cancelled; `None` where that is too long.
fn expanded(term: &Term) -> Option<Term> {
    match term.node() {
        Node::Add(addends) => Some(Term::add(addends.iter().map(expanded).collect::<Option<_>>()?)),
        Node::Mul(factors) => {
            let mut products: Vec<Vec<Term>> = vec![Vec::new()];
            for factor in factors {
                let factor = expanded(factor)?;
                let addends = factor.addends();
                if products.len() * addends.len() > MOST_ADDENDS {
                    return None;
                }
                products = products
                    .iter()
                    .flat_map(|product| addends.iter().map(|a| product.iter().chain([a]).cloned().collect()))
                    .collect();
            }
            let cancel = |factors: Vec<Term>| {
                let mut product = Term::mul(factors);
                while let Some(shorter) = cancelled(product.factors()) {
                    product = shorter;
                }
                product
            };
            Some(Term::add(products.into_iter().map(cancel).collect()))
        }
        _ => Some(term.clone()),
    }
}

rule!(
    /// Only where the result is shorter.
    MULTIPLY_OUT, "multiply out", "u (v + w) - u v = u w", |term, _| {
        match term.node() {
            Node::Add(addends) if addends.iter().any(|a| a.factors().iter().any(|f| matches!(f.node(), Node::Add(_)))) => {}
            Node::Mul(factors) if factors.iter().any(|f| matches!(f.node(), Node::Add(_))) => {}
            _ => return None,
        }
        expanded(term).filter(|result| result.size() < term.size())
    }
);
