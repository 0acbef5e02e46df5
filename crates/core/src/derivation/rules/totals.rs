//! Sums whose value the definitions tell.

use super::differentiate::rule;
use super::names::{SUMS_TO_ONE, fold};
use super::safe::is_maybe_minus_infinity;
use crate::derivation::rewrite::{Context, Place, Rule};
use crate::model::Role;
use crate::term::{Affine, Function, Index, Kinds, Node, Reduction, Term, fresh_id};

rule!(
    /// A mean is a definition that is the sum times a number.
    CENTRED, "deviations from the mean", "sum[k] (u[k] - m) = 0, m = mean[k] u[k]", Place::on(Kinds::REDUCE).with(Kinds::ADD), |term, context| {
        let opened = term.under().filter(|opened| opened.reduction == Reduction::Sum)?;
        let Node::Add(addends) = opened.body.node() else { return None };
        let total = |addend: &Term| {
            let (number, rest) = addend.split_number();
            if opened.indices.iter().all(|index| !rest.depends_on(index)) {
                let count = opened.indices.iter().map(|index| index.extent.term());
                return Some(Term::mul(count.chain([addend.clone()]).collect()));
            }
            let sum = Term::sum(opened.indices, rest);
            Some(Term::mul(vec![Term::number(number), multiple_of_name(&sum, context)?]))
        };
        let total = Term::add(addends.iter().map(total).collect::<Option<_>>()?);
        total.is_zero().then_some(total)
    }
);

/// `n t`, where `t` is defined as the sum over `n`.
fn multiple_of_name(sum: &Term, context: &Context) -> Option<Term> {
    context.model.tensors.candidates(sum).find_map(|tensor| {
        let Role::Defined(definition) = &tensor.role else { return None };
        let (number, body) = definition.body.split_number();
        if number.is_zero() || body.size() != sum.size() {
            return None;
        }
        let scaled = Term::mul(vec![Term::number(number), sum.clone()]);
        let named = fold(&scaled, tensor, context)?;
        Some(Term::mul(vec![Term::number(number.power(-1)), named]))
    })
}

rule!(
    /// Of a tensor that is defined by entries whose sum is known.
    SUM_OF_DEFINITION, "sum of a definition", "sum[k] t[k] = n, by the definition of t", Place::on(Kinds::REDUCE), |term, context| {
        let opened = term.under().filter(|opened| opened.reduction == Reduction::Sum)?;
        let [index] = opened.indices else { return None };
        if !matches!(opened.body.node(), Node::Read { .. }) {
            return None;
        }
        let total = total(opened.body, index, context, DEEPEST)?;
        total.as_number().map(Term::number)
    }
);

/// How many definitions are looked through.
const DEEPEST: usize = 4;

/// The sum of a term over an index without a sum sign, where it has one.
fn total(term: &Term, index: &Index, context: &Context, depth: usize) -> Option<Term> {
    if !term.depends_on(index) {
        return Some(Term::mul(vec![index.extent.term(), term.clone()]));
    }
    match term.node() {
        Node::Add(addends) => {
            Some(Term::add(addends.iter().map(|addend| total(addend, index, context, depth)).collect::<Option<_>>()?))
        }
        Node::Mul(factors) => {
            let (own, others): (Vec<Term>, Vec<Term>) =
                factors.iter().cloned().partition(|factor| factor.depends_on(index));
            if others.is_empty() || others.iter().any(Term::is_condition) {
                return None;
            }
            let rest = total(&Term::mul(own), index, context, depth)?;
            Some(Term::mul(others.into_iter().chain([rest]).collect()))
        }
        Node::Read { tensor, subscripts } => {
            let sum = Term::sum(std::slice::from_ref(index), term.clone());
            let promised = (SUMS_TO_ONE.apply)(&sum, context);
            let defined = || {
                let definition = context.model.definition(tensor).filter(|_| depth > 0)?;
                total(&definition.at(subscripts)?, index, context, depth - 1)
            };
            promised.or_else(defined)
        }
        // A row of minus infinity has the softmax 0.
        Node::Call(Function::Exp, arguments) => {
            let of = log_softmax(&arguments[0], index)?;
            (!is_maybe_minus_infinity(&of, context.model)).then(|| Term::integer(1))
        }
        _ => None,
    }
}

/// The term `u[k]`, where a term is `u[k] - logsumexp[l] u[l]`, `k` being the index and the whole of its range.
fn log_softmax(term: &Term, index: &Index) -> Option<Term> {
    let addends = term.addends();
    let first = fresh_id(&[term]).max(index.id + 1);
    addends.iter().enumerate().find_map(|(position, addend)| {
        let opened = addend.negated().open_from(first)?;
        let [over] = opened.indices.as_slice() else { return None };
        let mut rest = addends.to_vec();
        rest.remove(position);
        let of = Term::add(rest);
        let fits = opened.reduction == Reduction::LogSumExp
            && over.extent == index.extent
            && !addend.depends_on(index)
            && opened.body.substitute(over, &Affine::index(index)) == of;
        fits.then_some(of)
    })
}
