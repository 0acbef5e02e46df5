//! Rules that give a formula the form that neither overflows nor loses digits. They are used on
//! the equations of the model, however they are spelled, before anything is derived.

use super::differentiate::rule;
use super::exponentials::{Weighted, is_difference, multiplied, products, scaled, weighted};
use super::logarithm::{Logarithm, log_of_sigmoid, log_of_sum, logarithm, one_minus, share, unfolded, up_to_sign};
use crate::derivation::rewrite::{Context, Place, Rule};
use crate::term::{Function, Kinds, Node, Number, Reduction, Term, fresh_id};

/// A term, or what the names are that it is: where that is a sum, or what is computed of one.
fn sum_by_name(term: &Term, context: &Context) -> Option<Term> {
    match term.node() {
        Node::Add(_) | Node::Reduce { reduction: Reduction::Sum, .. } => Some(term.clone()),
        Node::Call(Function::Cosh | Function::Sinh, _) => Some(term.clone()),
        Node::Call(Function::Sqrt, of) => sum_by_name(&of[0], context).map(|_| term.clone()),
        Node::Read { .. } => sum_by_name(&unfolded(term, context)?, context),
        _ => None,
    }
}

/// The logarithm of a sum of exponentials with positive weights, by itself or by its definition. What is one minus
/// something is left.
fn log_of_exponentials(term: &Term, context: &Context) -> Option<Term> {
    let sum = sum_by_name(term, context)?;
    logarithm(&sum, context).filter(|log| log.is_exponential && !is_difference(&sum)).map(|log| log.term)
}

/// A negative power in a product: its place, its base, and the exponent.
fn divisors(term: &Term) -> impl Iterator<Item = (usize, &Term, &Term)> {
    term.factors().iter().enumerate().filter_map(|(place, factor)| match factor.node() {
        Node::Pow(base, power) if power.as_number().is_some_and(Number::is_negative) => Some((place, base, power)),
        _ => None,
    })
}

fn without(factors: &[Term], places: &[usize]) -> Vec<Term> {
    factors.iter().enumerate().filter(|(place, _)| !places.contains(place)).map(|(_, factor)| factor.clone()).collect()
}

rule!(
    /// A quotient by a sum of exponentials, with weights of any sign; definitions are looked through. Where what is
    /// divided is such a sum, every one of its exponentials is.
    SOFTMAX, "softmax without overflow",
    "exp(u[i]) / sum[k] exp(u[k]) = exp(u[i] - logsumexp[k] u[k]); w[i] exp(u[i]) / (sum[k] w[k] exp(u[k])) = w[i] exp(u[i] - m) / (sum[k] w[k] exp(u[k] - m)), m = stop(max[k] u[k]); where w is data, beside [w[k] != 0], also in the maximum",
    Place::on(Kinds::MUL.or(Kinds::POW)), |term, context| {
        let factors = term.factors();
        let first = fresh_id(&[term]);
        divisors(term).find_map(|(place, base, power)| {
            let others = without(factors, &[place]);
            if let Some(log) = log_of_exponentials(base, context) {
                let normaliser = Term::mul(vec![power.clone(), log]);
                return Some(times_exponential(&others, &normaliser, first, context));
            }
            // What is one minus something has a logarithm of its own.
            if logarithm(base, context).or_else(|| logarithm(&base.negated(), context)).is_some() {
                return None;
            }
            let scaled = scaled(&sum_by_name(base, context)?, first, context)?;
            let divisor = Term::pow(&scaled.sum, power);
            let normaliser = Term::mul(vec![power.clone(), scaled.greatest.clone()]);
            let numerator = weighted(&Term::mul(others.clone()), context);
            let has_sum = others.iter().any(|factor| products(factor, first, context).is_some());
            let product = match numerator.exponent.is_some() && *power == Term::integer(-1) && !has_sum {
                true => numerator.below(&scaled.greatest, context.model),
                false => times_exponential(&others, &normaliser, first, context),
            };
            Some(Term::mul(vec![product, divisor]))
        })
    }
);

/// A product times `exp(exponent)`, all exponentials put together: in a sum of exponentials, where there is one.
fn times_exponential(factors: &[Term], exponent: &Term, first: u32, context: &Context) -> Term {
    let sum = factors.iter().enumerate().find_map(|(place, factor)| Some((place, products(factor, first, context)?)));
    let taken: Vec<usize> = sum.iter().map(|(place, _)| *place).collect();
    let (mut product, mut exponents) = (Vec::new(), vec![exponent.clone()]);
    for factor in without(factors, &taken) {
        let Weighted { weight, exponent, .. } = weighted(&factor, context);
        match exponent {
            Some(exponent) => {
                exponents.push(exponent);
                product.extend(weight);
            }
            None => product.push(factor),
        }
    }
    let exponent = Term::add(exponents);
    product.push(match sum {
        Some((_, parts)) => multiplied(&parts, &exponent, context.model),
        None => share(&exponent, context.model),
    });
    Term::mul(product)
}

rule!(
    /// Of a sum over an index, or of some addends; definitions are looked through. With weights of any sign the
    /// greatest exponent is put before it.
    LOG_OF_SUM_OF_EXPONENTIALS, "log of a sum of exponentials",
    "log(sum[k] exp(u[k])) = logsumexp[k] u[k]; log(exp(u) + exp(v)) = logsumexp[k:2] (delta[k,0] u + delta[k,1] v); log(cosh(u)) = u + softplus(-2 u) - log(2); log(sum[k] w[k] exp(u[k])) = m + log(sum[k] w[k] exp(u[k] - m)), m = stop(max[k] u[k]); where w is data, beside [w[k] != 0], also in the maximum",
    Place::on(Kinds::CALL), |term, context| {
        let Node::Call(Function::Log, arguments) = term.node() else { return None };
        let (number, argument) = arguments[0].split_number();
        if number.value() <= 0.0 {
            return None;
        }
        let number = Term::call(Function::Log, Term::number(number));
        if let Some(log) = log_of_exponentials(&argument, context) {
            return Some(Term::add(vec![number, log]));
        }
        // What is one minus something has a logarithm of its own.
        if logarithm(&argument, context).is_some() {
            return None;
        }
        let scaled = scaled(&sum_by_name(&argument, context)?, fresh_id(&[term]), context)?;
        Some(Term::add(vec![number, scaled.greatest, Term::call(Function::Log, scaled.sum)]))
    }
);

rule!(
    /// What is the same for the whole row, unless it is added and could be minus infinity by its form.
    CONSTANT_OUT_OF_LOGSUMEXP, "constant out of logsumexp", "logsumexp[k] (u[k] + c) = c + logsumexp[k] u[k]",
    Place::on(Kinds::REDUCE), |term, context| {
        let opened = term.open().filter(|opened| opened.reduction == Reduction::LogSumExp)?;
        Some(log_of_sum(&opened.indices, &opened.body, context.model)).filter(|after| after != term)
    }
);

/// Two exponentials with numbers before them: the numbers and the exponents. A number by itself has the exponent 0.
fn two_exponentials(term: &Term, context: &Context) -> Option<[(Number, Term); 2]> {
    if let Node::Call(function @ (Function::Sinh | Function::Cosh), of) = term.node() {
        let half = |sign| Number::ratio(sign, 2);
        let second = if *function == Function::Sinh { half(-1) } else { half(1) };
        return Some([(half(1), of[0].clone()), (second, of[0].negated())]);
    }
    let sum = unfolded(term, context).unwrap_or_else(|| term.clone());
    let Node::Add(addends) = sum.node() else { return None };
    let [a, b] = addends.as_slice() else { return None };
    let one = |addend: &Term| {
        let Weighted { weight, exponent, .. } = weighted(addend, context);
        let number = Term::mul(weight).as_number()?;
        Some((number, exponent.unwrap_or_else(|| Term::integer(0))))
    };
    let (a, b) = (one(a)?, one(b)?);
    (a.1 != b.1).then_some([a, b])
}

/// `u` and `v`, where the term is `exp(u) + exp(v)`; 1 is `exp(0)`.
fn sum_of_two(term: &Term, context: &Context) -> Option<(Term, Term)> {
    let [(m, u), (n, v)] = two_exponentials(term, context)?;
    (m.is_one() && n.is_one()).then_some((u, v))
}

rule!(
    /// In all spellings: 1 counts as an exponential; definitions are looked through.
    SIGMOID, "logistic function", "1 / (1 + exp(-u)) = σ(u), exp(u) / (1 + exp(u)) = σ(u), exp(u) / (exp(u) + exp(v)) = σ(u - v)", Place::on(Kinds::MUL.or(Kinds::POW)), |term, context| {
        let factors = term.factors();
        divisors(term).find_map(|(place, base, power)| {
            let (u, v) = sum_of_two(base, context)?;
            let others = without(factors, &[place]);
            let numerator = |factor: &Term| {
                let Weighted { weight, exponent, .. } = weighted(factor, context);
                let is_sum = matches!(factor.node(), Node::Pow(base, _) if sum_by_name(base, context).is_some());
                exponent.filter(|_| weight.is_empty() && !is_sum)
            };
            let (exponentials, mut product): (Vec<Term>, Vec<Term>) =
                others.into_iter().partition(|factor| numerator(factor).is_some());
            let exponent = Term::add(exponentials.iter().filter_map(numerator).collect());
            let sigmoid = |u: &Term, v: &Term| Term::call(Function::Sigmoid, u.minus(v));
            let times = |n: i64, term: &Term| Term::mul(vec![Term::integer(n), term.clone()]);
            let n = power.as_number()?.as_integer()?.checked_neg()?;
            product.push(if exponent == times(n, &u) {
                Term::pow(&sigmoid(&u, &v), &Term::integer(n))
            } else if exponent == times(n, &v) {
                Term::pow(&sigmoid(&v, &u), &Term::integer(n))
            } else if n == 2 && exponent == Term::add(vec![u.clone(), v.clone()]) {
                Term::mul(vec![sigmoid(&u, &v), sigmoid(&v, &u)])
            } else {
                return None;
            });
            Some(Term::mul(product))
        })
    }
);

/// An exponent is `rest - k u`: `k` and the rest, which must not be longer than what was there.
fn opposite_of(exponent: &Term, u: &Term) -> Option<(i64, Term)> {
    let (number, first) = u.addends().first()?.split_number();
    let own = exponent.addends().iter().map(Term::split_number).find(|(_, other)| *other == first)?.0;
    let k = own.times(number.power(-1)).negated().as_integer().filter(|k| *k > 0)?;
    let rest = exponent.minus(&Term::mul(vec![Term::integer(-k), u.clone()]));
    let length = |term: &Term| if term.is_zero() { 0 } else { term.addends().len() };
    (length(&rest) < length(exponent)).then_some((k, rest))
}

rule!(
    /// So that an exponential that overflows does not meet what is rounded to 0.
    EXPONENTIAL_BESIDE_SIGMOID, "exponential beside the logistic function", "exp(-u) σ(u) = σ(-u)", Place::on(Kinds::MUL).with(Kinds::CALL), |term, _| {
        let factors = term.factors();
        let exponent = |factor: &Term| match factor.node() {
            Node::Call(Function::Exp, of) => of.first().cloned(),
            _ => None,
        };
        factors.iter().enumerate().find_map(|(place, factor)| {
            let exponent = exponent(factor)?;
            factors.iter().enumerate().find_map(|(other, factor)| {
                let (base, n) = match factor.node() {
                    Node::Pow(base, power) => (base, power.as_number()?.as_integer()?),
                    _ => (factor, 1),
                };
                let u = sigmoid(base)?;
                let (k, rest) = opposite_of(&exponent, u).filter(|(k, _)| *k <= n)?;
                let opposite = Term::call(Function::Sigmoid, u.negated());
                let powers = [(base, n - k), (&opposite, k)].map(|(base, n)| Term::pow(base, &Term::integer(n)));
                let rest = if rest.is_zero() { Term::integer(1) } else { Term::call(Function::Exp, rest) };
                Some(Term::mul([without(factors, &[place, other]), powers.to_vec(), vec![rest]].concat()))
            })
        })
    }
);

rule!(
    /// In all spellings: 1 counts as an exponential; definitions are looked through.
    TANH, "hyperbolic tangent", "(exp(u) - exp(v)) / (exp(u) + exp(v)) = tanh((u - v) / 2), sinh(u) / cosh(u) = tanh(u)", Place::on(Kinds::MUL).with(Kinds::CALL), |term, context| {
        let factors = term.factors();
        divisors(term).filter(|(_, _, power)| **power == Term::integer(-1)).find_map(|(place, base, _)| {
            let below = two_exponentials(base, context)?;
            let (other, above) = factors.iter().enumerate().filter(|(other, _)| *other != place).find_map(|(other, factor)| {
                let mut above = two_exponentials(factor, context)?;
                if above[0].1 != below[0].1 {
                    above.swap(0, 1);
                }
                (above[0].1 == below[0].1 && above[1].1 == below[1].1).then_some((other, above))
            })?;
            let [(a, u), (b, v)] = above;
            let [(c, _), (d, _)] = below;
            let tanh = Term::call(Function::Tanh, Term::mul(vec![Term::ratio(1, 2), u.minus(&v)]));
            let quotient = if c == d && a == b.negated() {
                tanh
            } else if c == d.negated() && a == b {
                tanh.inverse()
            } else {
                return None;
            };
            let number = Term::number(a.times(c.power(-1)));
            Some(Term::mul([without(factors, &[place, other]), vec![number, quotient]].concat()))
        })
    }
);

rule!(
    /// So that a difference of what is nearly the same keeps its digits.
    TANH_OF_SIGMOID, "hyperbolic tangent of half", "1 - 2 σ(u) = -tanh(u / 2)", Place::on(Kinds::ADD).with(Kinds::CALL), |term, _| {
        let Node::Add(addends) = term.node() else { return None };
        let [a, b] = addends.as_slice() else { return None };
        let (one, other) = if a.as_number().is_some() { (a, b) } else { (b, a) };
        let (number, rest) = other.split_number();
        let u = sigmoid(&rest)?;
        let one = one.as_number().filter(|one| number == one.times(Number::integer(-2)))?;
        let tanh = Term::call(Function::Tanh, Term::mul(vec![Term::ratio(1, 2), u.clone()]));
        Some(Term::mul(vec![Term::number(one.negated()), tanh]))
    }
);

rule!(
    /// Definitions are looked through.
    SOFTPLUS, "log of one plus an exponential", "log(1 + exp(u)) = softplus(u)", Place::on(Kinds::CALL), |term, context| {
        let Node::Call(Function::Log, arguments) = term.node() else { return None };
        let (u, v) = sum_of_two(&arguments[0], context)?;
        let other = if u.is_zero() { v } else { Some(u).filter(|_| v.is_zero())? };
        Some(Term::call(Function::Softplus, other))
    }
);

/// `u`, where the term is `sigmoid(u)`.
fn sigmoid(term: &Term) -> Option<&Term> {
    match term.node() {
        Node::Call(Function::Sigmoid, arguments) => arguments.first(),
        _ => None,
    }
}

rule!(
    LOG_OF_SIGMOID,
    "log of the logistic function",
    "log(σ(u)) = -softplus(-u)",
    Place::on(Kinds::CALL),
    |term, _| {
        match term.node() {
            Node::Call(Function::Log, arguments) => Some(log_of_sigmoid(sigmoid(&arguments[0])?)),
            _ => None,
        }
    }
);

rule!(
    LOG_OF_ONE_MINUS_SIGMOID,
    "log of one minus the logistic function",
    "log(1 - σ(u)) = -softplus(u)",
    Place::on(Kinds::CALL),
    |term, _| {
        match term.node() {
            Node::Call(Function::Log, arguments) => {
                Some(log_of_sigmoid(&sigmoid(&one_minus(&arguments[0])?)?.negated()))
            }
            _ => None,
        }
    }
);

/// Whether a name stands where it decides of the logarithm: names of sums do not count, as a normaliser is read in
/// any case.
fn has_name(term: &Term) -> bool {
    match term.node() {
        Node::Read { .. } => true,
        Node::Mul(parts) | Node::Add(parts) => parts.iter().any(has_name),
        Node::Pow(base, _) => has_name(base),
        Node::Call(Function::Sqrt, parts) => has_name(&parts[0]),
        Node::Where(_, then, otherwise) => has_name(then) || has_name(otherwise),
        Node::Reduce { reduction: Reduction::Prod, .. } => term.open().is_some_and(|opened| has_name(&opened.body)),
        _ => false,
    }
}

rule!(
    /// Of what is positive by its form, as products, roots, powers, branches and complements of exponentials, logistic
    /// functions and hyperbolic tangents.
    LOG_OF_POSITIVE, "logarithm, taken apart",
    "log(u v) = log(u) + log(v), log(u^n) = n log(u), log(prod[k] u[k]) = sum[k] log(u[k]); log(1 - tanh(u)^2) = log(4) - softplus(2 u) - softplus(-2 u); log(1 - tanh(u)) = log(2) - softplus(2 u); log(1 - exp(u[i] - logsumexp[k] u[k])) = (logsumexp[k] where(k = i, -inf, u[k])) - logsumexp[k] u[k]",
    Place::on(Kinds::CALL), |term, context| {
        let Node::Call(Function::Log, arguments) = term.node() else { return None };
        if has_name(&arguments[0]) { None } else { known_logarithm(&arguments[0], context) }
    }
);

/// The logarithm of a term by its form; of a product also where only some factors have one, which are positive then.
fn known_logarithm(term: &Term, context: &Context) -> Option<Term> {
    let whole = logarithm(term, context).filter(|log| log.is_exponential).map(|Logarithm { term, .. }| term);
    whole.or_else(|| logarithm_of_some(term, context))
}

/// `log(u) + log(v)` for `log(u v)`, where `u` is positive by its form.
fn logarithm_of_some(term: &Term, context: &Context) -> Option<Term> {
    let Node::Mul(factors) = term.node() else { return None };
    let (mut known, mut others) = (Vec::new(), Vec::new());
    for factor in factors {
        match up_to_sign(factor, context).filter(|(log, _)| log.is_exponential) {
            Some((log, is_opposite)) => {
                known.push(log.term);
                others.extend(is_opposite.then(|| Term::integer(-1)));
            }
            None => others.push(factor.clone()),
        }
    }
    let others = Term::mul(others);
    // A condition decides of the whole.
    if known.is_empty() || others.factors().iter().any(Term::is_condition) {
        return None;
    }
    Some(Term::add(known.into_iter().chain([Term::call(Function::Log, others)]).collect()))
}

rule!(
    /// Used for computing, and where a derivation would divide by what can be rounded to 0; else it keeps the name.
    LOG_OF_NAMED, "logarithm of a definition",
    "log(t) = what is known of the logarithm of the right side of t", Place::on(Kinds::CALL),
    |term, context| {
        let Node::Call(Function::Log, arguments) = term.node() else { return None };
        known_logarithm(&arguments[0], context)
    }
);

rule!(
    /// Used with the logarithm of a definition, where a derivation would divide by what can be rounded to 0.
    ROOT_OF_NAMED, "root of a definition", "t^c = exp(c log(t)), where the logarithm of the right side of t is known", Place::on(Kinds::CALL.or(Kinds::POW)),
    |term, context| {
        let base = match term.node() {
            Node::Call(Function::Sqrt, of) => &of[0],
            Node::Pow(base, power) if power.as_number().is_some_and(|power| power.as_integer().is_none()) => base,
            _ => return None,
        };
        let Node::Read { .. } = base.node() else { return None };
        Some(share(&known_logarithm(term, context)?, context.model))
    }
);

/// Whether a term divides by a probability that has a name, which can be rounded to 0: its logarithm, at least, need
/// not be taken of it.
pub fn has_small_divisor(term: &Term, context: &Context) -> bool {
    let here = match term.node() {
        Node::Pow(base, power) if power.as_number().is_some_and(Number::is_negative) => {
            let opposite = || known_logarithm(&base.negated(), context);
            known_logarithm(base, context).or_else(opposite).is_some()
        }
        _ => false,
    };
    here || (term.kinds().meet(Kinds::POW) && term.any_child(&mut |child| has_small_divisor(child, context)))
}
