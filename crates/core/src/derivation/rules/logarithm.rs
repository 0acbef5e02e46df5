//! Logarithms of what is positive by its form, told without computing it: exponentials, and sums, products and powers
//! of those. They are finite where the value itself overflows, or is rounded to 0.

use super::safe::is_maybe_minus_infinity;
use crate::derivation::rewrite::Context;
use crate::model::Model;
use crate::term::{Comparison, Connective, Function, Index, Node, Number, Opened, Reduction, Term, fresh_id};

/// The definition of a tensor that is read here, unless it reads itself.
pub(super) fn unfolded(term: &Term, context: &Context) -> Option<Term> {
    match term.node() {
        Node::Read { tensor, .. } if context.model.tensors.is_recurrent(tensor) => None,
        Node::Read { tensor, subscripts } => context.model.definition(tensor)?.at(subscripts),
        _ => None,
    }
}

pub(super) fn minus_infinity() -> Term {
    Term::number(Number::Float(f64::NEG_INFINITY))
}

fn log_of_number(number: Number) -> Term {
    Term::call(Function::Log, Term::number(number))
}

fn softplus(argument: Term) -> Term {
    Term::call(Function::Softplus, argument)
}

/// `log(1 / (1 + exp(-u)))`
pub(super) fn log_of_sigmoid(u: &Term) -> Term {
    softplus(u.negated()).negated()
}

/// A logarithm that needs no value which could overflow.
pub(super) struct Logarithm {
    /// What it is.
    pub term: Term,
    /// Whether there is an exponential at all: of a number there is none.
    pub is_exponential: bool,
}

impl Logarithm {
    fn exponential(term: Term) -> Option<Logarithm> {
        Some(Logarithm { term, is_exponential: true })
    }

    fn map(self, f: impl FnOnce(Term) -> Term) -> Option<Logarithm> {
        Some(Logarithm { term: f(self.term), ..self })
    }
}

/// The logarithm of a term by its form, also by way of names: of exponentials, logistic functions and hyperbolic
/// cosines, of positive numbers, and of sums, products, powers and branches of those.
pub(super) fn logarithm(term: &Term, context: &Context) -> Option<Logarithm> {
    match term.node() {
        Node::Number(number) if number.value() > 0.0 && number.value().is_finite() => {
            Some(Logarithm { term: log_of_number(*number), is_exponential: false })
        }
        Node::Call(Function::Exp, of) => Logarithm::exponential(of[0].clone()),
        Node::Call(Function::Sigmoid, of) => Logarithm::exponential(log_of_sigmoid(&of[0])),
        Node::Call(Function::Cosh, of) => Logarithm::exponential(log_of_cosh(&of[0])),
        Node::Call(Function::Sqrt, of) => logarithm(&of[0], context)?.map(|of| Term::mul(vec![Term::ratio(1, 2), of])),
        Node::Pow(base, exponent) => {
            let is_exponential = exponent.as_number().is_none();
            let base = logarithm(base, context)?;
            let is_exponential = is_exponential || base.is_exponential;
            let product = Term::mul(vec![exponent.clone(), base.term]);
            // What is 0 to the power 0 is 1, and its logarithm not 0 times infinity.
            let term = match exponent.as_affine() {
                Some(_) => {
                    let is_one = Term::compare(Comparison::Equal, exponent.clone(), Term::integer(0));
                    Term::choose(is_one, Term::integer(0), product)
                }
                None => product,
            };
            Some(Logarithm { term, is_exponential })
        }
        Node::Mul(factors) => of_product(factors, context),
        Node::Add(addends) => of_complement(term, context).or_else(|| of_addends(addends, context)),
        Node::Where(condition, then, otherwise) => {
            let branch = |term: &Term| match term.is_zero() {
                true => Some(Logarithm { term: minus_infinity(), is_exponential: false }),
                false => logarithm(term, context),
            };
            let (then, otherwise) = (branch(then)?, branch(otherwise)?);
            let is_exponential = then.is_exponential || otherwise.is_exponential;
            Some(Logarithm { term: Term::choose(condition.clone(), then.term, otherwise.term), is_exponential })
        }
        Node::Reduce { reduction: Reduction::Sum, .. } => {
            let Opened { indices, body, .. } = term.open()?;
            logarithm(&body, context)
                .filter(|body| body.is_exponential)?
                .map(|body| log_of_sum(&indices, &body, context.model))
        }
        Node::Reduce { reduction: Reduction::Prod, .. } => {
            let Opened { indices, body, .. } = term.open()?;
            logarithm(&body, context)?.map(|body| Term::sum(&indices, body))
        }
        Node::Read { .. } => logarithm(&unfolded(term, context)?, context),
        _ => None,
    }
}

/// `log(cosh(u))`, the same for all signs of `u` and as smooth.
pub(super) fn log_of_cosh(u: &Term) -> Term {
    let twice = Term::mul(vec![Term::integer(-2), u.clone()]);
    Term::add(vec![u.clone(), softplus(twice), log_of_number(Number::integer(2)).negated()])
}

/// The logarithm of a factor or of its opposite, and whether it is that: the normal form has `1 / (1 - v)` as
/// `-1 / (v - 1)`.
pub(super) fn up_to_sign(factor: &Term, context: &Context) -> Option<(Logarithm, bool)> {
    if let Some(log) = logarithm(factor, context) {
        return Some((log, false));
    }
    let opposite = match factor.node() {
        Node::Number(_) | Node::Add(_) => logarithm(&factor.negated(), context)?,
        Node::Pow(base, exponent) if matches!(base.node(), Node::Add(_)) => {
            let power = exponent.as_number().and_then(Number::as_integer).filter(|power| power % 2 != 0)?;
            logarithm(&base.negated(), context)?.map(|base| Term::mul(vec![Term::integer(power), base]))?
        }
        _ => return None,
    };
    Some((opposite, true))
}

/// Conditions among the factors make it minus infinity where they fail.
fn of_product(factors: &[Term], context: &Context) -> Option<Logarithm> {
    let (conditions, values): (Vec<Term>, Vec<Term>) = factors.iter().cloned().partition(Term::is_condition);
    let logs: Vec<(Logarithm, bool)> =
        values.iter().map(|factor| up_to_sign(factor, context)).collect::<Option<_>>()?;
    if logs.iter().filter(|(_, is_opposite)| *is_opposite).count() % 2 == 1 {
        return None;
    }
    let is_exponential = logs.iter().any(|(log, _)| log.is_exponential);
    let sum = Term::add(logs.into_iter().map(|(log, _)| log.term).collect());
    let term = match conditions.is_empty() {
        true => sum,
        false => Term::choose(Term::logic(Connective::And, conditions), sum, minus_infinity()),
    };
    Some(Logarithm { term, is_exponential })
}

/// `1 - v`, where the term is `1 + w` or `1 - v`: `v`.
pub(super) fn one_minus(term: &Term) -> Option<Term> {
    let Node::Add(addends) = term.node() else { return None };
    (addends.len() == 2 && addends.iter().any(Term::is_one)).then(|| Term::integer(1).minus(term))
}

/// A positive number `c` and `v`, where the term is `c (1 - v)`.
fn complement(term: &Term) -> Option<(Number, Term)> {
    let Node::Add(addends) = term.node() else { return None };
    let number =
        addends.iter().find_map(Term::as_number).filter(|number| addends.len() == 2 && number.value() > 0.0)?;
    let scaled = Term::mul(vec![Term::number(number.power(-1)), term.clone()]);
    Some((number, Term::integer(1).minus(&scaled)))
}

/// Of one minus a logistic function, one minus or plus a hyperbolic tangent, one minus its square, and one minus an
/// entry of a softmax; also multiples of them.
fn of_complement(term: &Term, context: &Context) -> Option<Logarithm> {
    let (scale, v) = complement(term)?;
    let log = log_of_complement(&v, context)?;
    Logarithm::exponential(Term::add(vec![log_of_number(scale), log]))
}

/// `log(1 - v)`
fn log_of_complement(v: &Term, context: &Context) -> Option<Term> {
    let v = unfolded(v, context).unwrap_or_else(|| v.clone());
    let (number, rest) = v.split_number();
    let rest = unfolded(&rest, context).unwrap_or(rest);
    let twice = |u: &Term, times: i64| Term::mul(vec![Term::integer(times), u.clone()]);
    let sign = number.as_integer().filter(|sign| sign.abs() == 1)?;
    match rest.node() {
        Node::Call(Function::Tanh, of) => {
            Some(log_of_number(Number::integer(2)).minus(&softplus(twice(&of[0], 2 * sign))))
        }
        Node::Pow(base, exponent) if sign == 1 && *exponent == Term::integer(2) => {
            let base = unfolded(base, context).unwrap_or_else(|| base.clone());
            let Node::Call(Function::Tanh, of) = base.node() else {
                // `1 - v^2` is `(1 - v) (1 + v)`.
                let one_plus = Term::add(vec![Term::integer(1), base.clone()]);
                return Some(Term::add(vec![log_of_complement(&base, context)?, Term::call(Function::Log, one_plus)]));
            };
            let both = [2, -2].map(|times| softplus(twice(&of[0], times)).negated());
            Some(Term::add([vec![log_of_number(Number::integer(4))], both.to_vec()].concat()))
        }
        _ if sign == 1 => {
            let Logarithm { term: exponent, is_exponential: true } = logarithm(&rest, context)? else { return None };
            log_of_one_minus_sigmoid(&exponent).or_else(|| log_of_all_but_one(&exponent))
        }
        _ => None,
    }
}

/// `log(1 - σ(u))`, where the logarithm of the logistic function is given: `-softplus(-u)`, or `u - softplus(u)`.
fn log_of_one_minus_sigmoid(log: &Term) -> Option<Term> {
    log.addends().iter().find_map(|addend| {
        let (number, rest) = addend.split_number();
        let Node::Call(Function::Softplus, of) = rest.node() else { return None };
        let others = log.minus(addend);
        let minus_u = match number == Number::MINUS_ONE {
            true if others.is_zero() => of[0].clone(),
            true if others == of[0] => of[0].negated(),
            _ => return None,
        };
        Some(log_of_sigmoid(&minus_u))
    })
}

/// `log(1 - exp(u[i] - l))`, `l` the logsumexp of the row of `u`: that of all others, less `l`.
fn log_of_all_but_one(exponent: &Term) -> Option<Term> {
    let (row, _) = normaliser(exponent)?;
    let opened = row.open_from(fresh_id(&[exponent]))?;
    let (at, rest) = opened.entry(&Term::add(vec![exponent.clone(), row.clone()]))?;
    if !rest.is_zero() {
        return None;
    }
    let same = at.iter().map(|(index, at)| Term::delta(Term::index(index), Term::affine(at.clone())));
    let same = Term::logic(Connective::And, same.collect());
    let others = Term::reduce(Reduction::LogSumExp, &opened.indices, Term::choose(same, minus_infinity(), opened.body));
    Some(others.minus(&row))
}

/// A logsumexp that is subtracted once, and the sum without it.
pub(super) fn normaliser(exponent: &Term) -> Option<(Term, Term)> {
    exponent.addends().iter().find_map(|addend| {
        let (number, rest) = addend.split_number();
        let is_normaliser = matches!(rest.node(), Node::Reduce { reduction: Reduction::LogSumExp, .. });
        (is_normaliser && number == Number::MINUS_ONE).then(|| (rest, exponent.minus(addend)))
    })
}

/// Of one plus an exponential the softplus, of other sums a logsumexp over the addends.
fn of_addends(addends: &[Term], context: &Context) -> Option<Logarithm> {
    let logs: Vec<Logarithm> = addends.iter().map(|addend| logarithm(addend, context)).collect::<Option<_>>()?;
    if !logs.iter().any(|log| log.is_exponential) {
        return None;
    }
    let logs: Vec<Term> = logs.into_iter().map(|log| log.term).collect();
    if let [a, b] = logs.as_slice()
        && (a.is_zero() || b.is_zero())
    {
        return Logarithm::exponential(softplus(if a.is_zero() { b.clone() } else { a.clone() }));
    }
    let parts: Vec<&Term> = logs.iter().collect();
    let index = Index::new(fresh_id(&parts), logs.len(), "k");
    let at = |(place, log): (i64, Term)| Term::mul(vec![Term::delta(Term::index(&index), Term::integer(place)), log]);
    let row = Term::add((0..).zip(logs).map(at).collect());
    Logarithm::exponential(Term::reduce(Reduction::LogSumExp, &[index], row))
}

/// `logsumexp[k] u[k]`, with what all exponents have in common before it. What is added and could be minus infinity by
/// its form stays: of a row of minus infinity nothing has a share.
pub(super) fn log_of_sum(indices: &[Index], exponent: &Term, model: &Model) -> Term {
    let masks = |addend: &Term| !addend.leading_number().is_negative() && is_maybe_minus_infinity(addend, model);
    let stays = |addend: &Term| indices.iter().any(|index| addend.depends_on(index)) || masks(addend);
    let (inside, outside): (Vec<Term>, Vec<Term>) = exponent.addends().iter().cloned().partition(stays);
    if inside.is_empty() {
        return Term::reduce(Reduction::LogSumExp, indices, exponent.clone());
    }
    Term::add([vec![Term::reduce(Reduction::LogSumExp, indices, Term::add(inside))], outside].concat())
}

/// `exp(u - l)`, for `l` the logsumexp of a row of which `u` is one. Where `u` could be minus infinity by
/// its form, it stands beside the bracket `[u != -inf]`: a whole row of it has weights 0.
pub(super) fn weight(u: &Term, logsumexp: &Term, model: &Model) -> Term {
    let weight = Term::call(Function::Exp, u.minus(logsumexp));
    if !is_maybe_minus_infinity(u, model) {
        return weight;
    }
    Term::mul(vec![Term::compare(Comparison::NotEqual, u.clone(), minus_infinity()), weight])
}

/// `exp(exponent)`, with the bracket of [`weight`] where a normaliser is subtracted.
pub(super) fn share(exponent: &Term, model: &Model) -> Term {
    match normaliser(exponent) {
        Some((row, rest)) if !rest.is_zero() => weight(&rest, &row, model),
        _ => Term::call(Function::Exp, exponent.clone()),
    }
}
