//! Shares of a row: `exp(u - l)`, where `l` is the logsumexp of a row of which `u` is one.

use super::Model;
use crate::term::{Name, Node, Reduction, Term};

/// The normaliser `-l` among the addends of the exponent of a share: its place. `l` is a logsumexp or a tensor
/// that is defined as one; what reads all that the row reads is taken for one of the row.
pub(crate) fn normaliser(exponent: &Term, model: &Model) -> Option<usize> {
    let addends = exponent.addends();
    addends.iter().enumerate().filter(|_| addends.len() > 1).position(|(place, addend)| {
        let (number, logsumexp) = addend.split_number();
        let others = || addends.iter().enumerate().filter(|(other, _)| *other != place);
        let is_read = |name: &Name| others().any(|(_, other)| other.reads(name));
        number.is_negative() && row(&logsumexp, model).is_some_and(|row| row.iter().all(is_read))
    })
}

/// What the row of a logsumexp reads.
fn row(logsumexp: &Term, model: &Model) -> Option<Vec<Name>> {
    match logsumexp.node() {
        Node::Reduce { reduction: Reduction::LogSumExp, body, .. } => Some(body.tensors()),
        Node::Read { tensor, .. } => match model.definition(tensor)?.body.node() {
            Node::Reduce { reduction: Reduction::LogSumExp, body, .. } => Some(body.tensors()),
            _ => None,
        },
        _ => None,
    }
}
