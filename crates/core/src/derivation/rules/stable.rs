//! Rules that give a formula the form that neither overflows nor loses digits. They are used on
//! the equations of the model, however they are spelled, before anything is derived.

use super::differentiate::rule;
use super::safe::is_maybe_minus_infinity;
use crate::derivation::rewrite::{Context, Place, Rule};
use crate::model::Model;
use crate::term::{Comparison, Function, Kinds, Node, Number, Opened, Reduction, Term};

/// The definition of a tensor that is read here, unless it reads itself.
fn unfolded(term: &Term, context: &Context) -> Option<Term> {
    match term.node() {
        Node::Read { tensor, .. } if context.model.tensors.is_recurrent(tensor) => None,
        Node::Read { tensor, subscripts } => context.model.definition(tensor)?.at(subscripts),
        _ => None,
    }
}

/// `u`, where the term is `exp(u)`, by itself or by its definition, or a product of such terms.
fn exponent(term: &Term, context: &Context) -> Option<Term> {
    match term.node() {
        Node::Call(Function::Exp, arguments) => Some(arguments[0].clone()),
        Node::Mul(factors) => {
            Some(Term::add(factors.iter().map(|factor| exponent(factor, context)).collect::<Option<_>>()?))
        }
        Node::Read { .. } => exponent(&unfolded(term, context)?, context),
        _ => None,
    }
}

/// `logsumexp[k] u[k]`, where the term is `sum[k] exp(u[k])`, by itself or by its definition.
fn logsumexp(term: &Term, context: &Context) -> Option<Term> {
    if let Some(definition) = unfolded(term, context) {
        return logsumexp(&definition, context);
    }
    let Opened { reduction: Reduction::Sum, indices, body } = term.open()? else { return None };
    Some(Term::reduce(Reduction::LogSumExp, &indices, exponent(&body, context)?))
}

/// `exp(u - l)`, for `l` the logsumexp of a row of which `u` is one. Where `u` could be minus infinity by
/// its form, it stands beside the bracket `[u != -inf]`: a whole row of it has weights 0.
pub(super) fn weight(u: &Term, logsumexp: &Term, model: &Model) -> Term {
    let weight = Term::call(Function::Exp, u.minus(logsumexp));
    if !is_maybe_minus_infinity(u, model) {
        return weight;
    }
    let least = Term::number(Number::Float(f64::NEG_INFINITY));
    Term::mul(vec![Term::compare(Comparison::NotEqual, u.clone(), least), weight])
}

rule!(
    /// A quotient by a sum of exponentials; definitions are looked through.
    SOFTMAX, "softmax without overflow", "exp(u[i]) / sum[k] exp(u[k]) = exp(u[i] - logsumexp[k] u[k])", Place::on(Kinds::MUL.or(Kinds::POW)), |term, context| {
        let factors = term.factors();
        let normaliser = |factor: &Term| match factor.node() {
            Node::Pow(base, power) => {
                Some(Term::mul(vec![power.clone(), logsumexp(base, context)?])).filter(|_| power.as_number().is_some_and(|n| n.is_negative()))
            }
            _ => None,
        };
        let position = factors.iter().position(|factor| normaliser(factor).is_some())?;
        let normaliser = normaliser(&factors[position])?;
        let others = factors.iter().enumerate().filter(|(other, _)| *other != position).map(|(_, factor)| factor);
        let (numerators, mut product): (Vec<&Term>, Vec<&Term>) =
            others.partition(|factor| exponent(factor, context).is_some());
        let numerator = Term::add(numerators.iter().filter_map(|factor| exponent(factor, context)).collect());
        let weight = match numerators.is_empty() {
            true => Term::call(Function::Exp, normaliser),
            false => weight(&numerator, &normaliser.negated(), context.model),
        };
        product.push(&weight);
        Some(Term::mul(product.into_iter().cloned().collect()))
    }
);

rule!(
    /// Of a sum over an index; definitions are looked through.
    LOG_OF_SUM_OF_EXPONENTIALS, "log of a sum of exponentials", "log(sum[k] exp(u[k])) = logsumexp[k] u[k]", Place::on(Kinds::CALL), |term, context| {
        match term.node() {
            Node::Call(Function::Log, arguments) => logsumexp(&arguments[0], context),
            _ => None,
        }
    }
);

/// `u`, where the term is `1 + exp(u)`.
fn one_plus_exponential(term: &Term) -> Option<Term> {
    let Node::Add(addends) = term.node() else { return None };
    let [a, b] = addends.as_slice() else { return None };
    let (one, other) = if a.is_one() { (a, b) } else { (b, a) };
    match other.node() {
        Node::Call(Function::Exp, arguments) if one.is_one() => Some(arguments[0].clone()),
        _ => None,
    }
}

rule!(
    /// In both spellings.
    SIGMOID, "logistic function", "1 / (1 + exp(-u)) = σ(u), exp(u) / (1 + exp(u)) = σ(u)", Place::on(Kinds::MUL.or(Kinds::POW)).with(Kinds::CALL), |term, _| {
        let factors = term.factors();
        let denominator = |factor: &Term| match factor.node() {
            Node::Pow(base, power) if *power == Term::integer(-1) => one_plus_exponential(base),
            _ => None,
        };
        let position = factors.iter().position(|factor| denominator(factor).is_some())?;
        let argument = denominator(&factors[position])?;
        let numerator = Term::call(Function::Exp, argument.clone());
        let mut rest = factors.to_vec();
        rest.remove(position);
        let sigmoid = match rest.iter().position(|factor| *factor == numerator) {
            Some(position) => {
                rest.remove(position);
                Term::call(Function::Sigmoid, argument)
            }
            None => Term::call(Function::Sigmoid, argument.negated()),
        };
        rest.push(sigmoid);
        Some(Term::mul(rest))
    }
);

rule!(
    SOFTPLUS,
    "log of one plus an exponential",
    "log(1 + exp(u)) = softplus(u)",
    Place::on(Kinds::CALL),
    |term, _| {
        match term.node() {
            Node::Call(Function::Log, arguments) => {
                Some(Term::call(Function::Softplus, one_plus_exponential(&arguments[0])?))
            }
            _ => None,
        }
    }
);

/// `u`, where the term is `sigmoid(u)`.
fn sigmoid(term: &Term) -> Option<&Term> {
    match term.node() {
        Node::Call(Function::Sigmoid, arguments) => arguments.first(),
        _ => None,
    }
}

/// `v`, where the term is `1 - v`.
fn one_minus(term: &Term) -> Option<Term> {
    let Node::Add(addends) = term.node() else { return None };
    (addends.len() == 2 && addends.iter().any(Term::is_one)).then(|| Term::integer(1).minus(term))
}

fn minus_softplus(argument: Term) -> Term {
    Term::call(Function::Softplus, argument).negated()
}

rule!(
    LOG_OF_SIGMOID,
    "log of the logistic function",
    "log(σ(u)) = -softplus(-u)",
    Place::on(Kinds::CALL),
    |term, _| {
        match term.node() {
            Node::Call(Function::Log, arguments) => Some(minus_softplus(sigmoid(&arguments[0])?.negated())),
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
            Node::Call(Function::Log, arguments) => Some(minus_softplus(sigmoid(&one_minus(&arguments[0])?)?.clone())),
            _ => None,
        }
    }
);

rule!(
    /// Used for computing only: a derivation keeps the name.
    LOG_OF_NAMED, "logarithm of a definition",
    "log(t) = log(right side of t), where that is an exponential or a logistic function", Place::on(Kinds::CALL),
    |term, context| {
        let Node::Call(Function::Log, arguments) = term.node() else { return None };
        let argument = &arguments[0];
        if let Some(definition) = unfolded(argument, context) {
            let (number, rest) = definition.split_number();
            let values: Vec<&Term> = rest.factors().iter().filter(|factor| !factor.is_condition()).collect();
            let has_log = matches!(values.as_slice(), [only] if matches!(only.node(), Node::Call(Function::Exp | Function::Sigmoid, _)))
                && number.value() > 0.0;
            return has_log.then(|| Term::call(Function::Log, definition));
        }
        let inner = unfolded(&one_minus(argument)?, context)?;
        sigmoid(&inner)?;
        Some(Term::call(Function::Log, Term::integer(1).minus(&inner)))
    }
);
