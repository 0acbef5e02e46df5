//! Shares of a row: `exp(u - l)`, where `l` is the logsumexp of a row of which `u` is one.

use super::Model;
use crate::term::{Affine, Function, Index, Kinds, Name, Node, Number, Opened, Reduction, Term, fresh_id};

/// So many entries of a row are looked at one by one.
const MOST_ENTRIES: usize = 16;

/// The normaliser `-l` among the addends of the exponent of a share: its place. `l` is a logsumexp or a tensor
/// that is defined as one; what reads all that the row reads is taken for one of the row, and what is an entry of it.
pub(crate) fn normaliser(exponent: &Term, model: &Model) -> Option<usize> {
    let addends = exponent.addends();
    addends.iter().enumerate().filter(|_| addends.len() > 1).position(|(place, addend)| {
        let (number, logsumexp) = addend.split_number();
        if !number.is_negative() {
            return false;
        }
        let others = || addends.iter().enumerate().filter(|(other, _)| *other != place);
        let is_read = |name: &Name| others().any(|(_, other)| other.reads(name));
        let is_entry = || {
            let others = scaled(&exponent.minus(addend), number.negated().power(-1));
            row_of(&logsumexp, model, fresh_id(&[exponent])).is_some_and(|row| has_entry(&row, &others))
        };
        row(&logsumexp, model).is_some_and(|row| row.iter().all(is_read) || is_entry())
    })
}

/// A sum, every addend times a number.
pub(crate) fn scaled(sum: &Term, number: Number) -> Term {
    Term::add(sum.addends().iter().map(|addend| Term::mul(vec![Term::number(number), addend.clone()])).collect())
}

/// What the row of a logsumexp reads.
fn row(logsumexp: &Term, model: &Model) -> Option<Vec<Name>> {
    match logsumexp.node() {
        Node::Read { tensor, .. } => {
            let body = &model.definition(tensor)?.body;
            is_logsumexp(body).then(|| body.tensors())
        }
        _ => is_logsumexp(logsumexp).then(|| logsumexp.tensors()),
    }
}

/// The row of a logsumexp, or of a tensor that is defined as one, its indices numbered from `first`.
fn row_of(logsumexp: &Term, model: &Model, first: u32) -> Option<Opened> {
    match logsumexp.node() {
        Node::Read { tensor, subscripts } => opened(&model.definition(tensor)?.at(subscripts)?, first),
        _ => opened(logsumexp, first),
    }
}

/// Whether an entry of the row, or of a row inside of it, stands among the addends of a sum.
fn has_entry(row: &Opened, sum: &Term) -> bool {
    let part = |(indices, body): (Vec<Index>, Term)| Opened { indices, body, ..*row };
    row.entry(sum).is_some() || parts(row).into_iter().any(|each| part(each).entry(sum).is_some())
}

/// Whether a term is a logsumexp, or one with 0 as a further exponent: `softplus(logsumexp[k] u[k])`.
pub(crate) fn is_logsumexp(term: &Term) -> bool {
    match term.node() {
        Node::Reduce { reduction, .. } => *reduction == Reduction::LogSumExp,
        Node::Call(Function::Softplus, of) => added_normaliser(&of[0]).is_some(),
        _ => false,
    }
}

/// The row of such a term, its indices numbered from `first`.
pub(crate) fn opened(term: &Term, first: u32) -> Option<Opened> {
    match term.node() {
        Node::Call(Function::Softplus, of) if is_logsumexp(term) => {
            let index = Index::new(first, 2, "k");
            let body = Term::mul(vec![Term::delta(Term::index(&index), Term::integer(1)), of[0].clone()]);
            Some(Opened { reduction: Reduction::LogSumExp, indices: vec![index], body })
        }
        _ => term.open_from(first).filter(|opened| opened.reduction == Reduction::LogSumExp),
    }
}

/// A normaliser that is added, and the other addends.
pub(crate) fn added_normaliser(argument: &Term) -> Option<(Term, Term)> {
    let found = argument.addends().iter().find(|addend| is_logsumexp(addend))?;
    Some((found.clone(), argument.minus(found)))
}

/// A row, rows inside of it taken apart: the normaliser of a row of normalisers is that of all their exponents.
pub(crate) fn parts(row: &Opened) -> Vec<(Vec<Index>, Term)> {
    let mut parts = Vec::new();
    add_parts(&row.indices, &row.body, &mut parts);
    parts
}

fn add_parts(indices: &[Index], body: &Term, parts: &mut Vec<(Vec<Index>, Term)>) {
    let used: Vec<Term> = indices.iter().map(Term::index).chain([body.clone()]).collect();
    if let Some((inner, others)) = added_normaliser(body)
        && let Some(opened) = opened(&inner, fresh_id(&used.iter().collect::<Vec<_>>()))
    {
        let indices = [indices, &opened.indices].concat();
        return add_parts(&indices, &Term::add(vec![opened.body, others]), parts);
    }
    let single = indices.iter().position(|index| {
        let is_row = |value| added_normaliser(&at(body, index, value)).is_some();
        let extent = index.extent.known().filter(|extent| *extent <= MOST_ENTRIES && has_logsumexp(body));
        extent.is_some_and(|extent| (0..extent as i64).any(is_row))
    });
    if let Some(place) = single {
        let others = [&indices[..place], &indices[place + 1..]].concat();
        let entries = (0..indices[place].extent.value() as i64).map(|value| at(body, &indices[place], value));
        return entries.for_each(|entry| add_parts(&others, &entry, parts));
    }
    parts.push((indices.to_vec(), body.clone()));
}

/// Whether there is a logsumexp anywhere.
pub(crate) fn has_logsumexp(term: &Term) -> bool {
    term.kinds().meet(Kinds::REDUCE) && (is_logsumexp(term) || term.any_child(&mut has_logsumexp))
}

fn at(body: &Term, index: &Index, value: i64) -> Term {
    body.substitute_all(&[(index.clone(), Affine::constant(value))])
}
