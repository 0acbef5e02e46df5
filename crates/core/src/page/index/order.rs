//! The order of factors and addends: terms are sorted so that equal ones are equal, people write
//! them so that indices meet.

use super::is_delta;
use super::letters::Letters;
use crate::derivation::derivative_parts;
use crate::term::{Index, Node, Term};

/// Whether a factor stands after the tensors of a product: questions, deltas, then reductions.
pub fn is_late(factor: &Term) -> bool {
    class(factor) > ORDINARY
}

const ORDINARY: u8 = 1;

fn class(factor: &Term) -> u8 {
    match factor.node() {
        _ if is_delta(factor) => 3,
        // In front, where no tensor can take a bracket for its subscripts.
        Node::Compare(..) | Node::Logic(..) => 0,
        Node::Jacobian { .. } | Node::Derivative { .. } => 2,
        Node::Add(addends) if addends.iter().any(holds_question) => 2,
        Node::Add(addends) if addends.iter().flat_map(Term::factors).any(is_delta) => 3,
        Node::Reduce { .. } => 4,
        _ => ORDINARY,
    }
}

/// Whether a tensor is what flows back: a derivative, by its own name or by a short one.
pub fn is_signal(tensor: &str) -> bool {
    tensor.starts_with('δ') || derivative_parts(tensor).is_some()
}

fn holds_question(term: &Term) -> bool {
    term.factors().iter().any(|factor| matches!(factor.node(), Node::Jacobian { .. } | Node::Derivative { .. }))
}

/// What a factor is sorted by: its class, its indices from the outside in; then derivatives and
/// differences come first, as signals that flow back, and what is computed from them last.
fn key(factor: &Term, letters: &Letters, deltas: &[(usize, usize)]) -> (u8, Vec<usize>, u8) {
    let kind = match factor.node() {
        Node::Read { tensor, .. } if is_signal(tensor) => 0,
        // The lower bound of a range comes first.
        Node::Compare(_, left, _) if left.as_number().is_some() => 1,
        Node::Add(addends) if addends.iter().any(|addend| addend.as_number().is_some()) => 4,
        Node::Add(addends) if is_difference_of_entries(addends) => 1,
        Node::Add(_) => 3,
        _ => 2,
    };
    let outer = |position: usize| deltas.iter().find(|(_, inner)| *inner == position).map_or(position, |pair| pair.0);
    let mut positions: Vec<usize> = letters.positions(factor).into_iter().map(outer).collect();
    positions.sort_unstable();
    (class(factor), positions, kind)
}

fn is_difference_of_entries(addends: &[Term]) -> bool {
    let parts: Vec<_> = addends.iter().map(Term::split_number).collect();
    parts.iter().any(|(number, _)| number.is_negative())
        && parts.iter().all(|(_, rest)| matches!(rest.node(), Node::Read { .. }))
}

/// The positions of two indices that a delta sets equal, the outer one first: the inner one
/// stands for it.
fn delta_pair(factor: &Term, letters: &Letters) -> Option<(usize, usize)> {
    match letters.positions(factor).as_slice() {
        [outer, inner] if is_delta(factor) => Some((*outer, *inner)),
        _ => None,
    }
}

/// Factors in the order of their indices; a factor that shares an index with the one before that
/// the outer indices do not order comes next, so that products of matrices make a chain.
pub fn factors<'t>(mut factors: Vec<&'t Term>, letters: &Letters) -> Vec<&'t Term> {
    let deltas: Vec<(usize, usize)> = factors.iter().filter_map(|factor| delta_pair(factor, letters)).collect();
    factors.sort_by_cached_key(|factor| key(factor, letters, &deltas));
    let mut ordered: Vec<&Term> = Vec::with_capacity(factors.len());
    while !factors.is_empty() {
        let next = ordered.last().and_then(|last| follower(last, &factors)).unwrap_or(0);
        ordered.push(factors.remove(next));
    }
    complements_after(&mut ordered);
    ordered
}

/// Moves `1 - a` right behind `a`, and `1 - a^2` too.
fn complements_after(factors: &mut Vec<&Term>) {
    for position in 0..factors.len() {
        let factor = factors[position];
        let is_minus = |addend: &Term| {
            let (number, rest) = addend.split_number();
            let base = |term: &Term| matches!(term.node(), Node::Pow(base, _) if base == factor);
            number.is_negative() && (rest == *factor || base(&rest))
        };
        let subtracts = |sum: &Term| match sum.node() {
            Node::Add(addends) => addends.len() == 2 && addends[0].as_number().is_some() && is_minus(&addends[1]),
            _ => false,
        };
        let is_entry = matches!(factor.node(), Node::Read { .. } | Node::Call(..));
        let partner = (0..factors.len()).find(|&other| is_entry && subtracts(factors[other]));
        if let Some(partner) = partner {
            let complement = factors.remove(partner);
            let place = if partner < position { position } else { position + 1 };
            factors.insert(place, complement);
        }
    }
}

/// The first of the ordinary factors that shares with `last` an index that no third factor has.
fn follower(last: &Term, rest: &[&Term]) -> Option<usize> {
    if class(last) != ORDINARY {
        return None;
    }
    let holders = |index: &Index| rest.iter().filter(|factor| factor.depends_on(index)).count();
    let links: Vec<&Index> = last.free().iter().filter(|index| holders(index) == 1).collect();
    let is_linked = |factor: &&Term| links.iter().any(|index| factor.depends_on(index));
    rest.iter().position(|factor| class(factor) == ORDINARY && is_linked(factor))
}

/// Addends: what is added before what is subtracted, numbers and deltas first, sums and products
/// before single entries.
pub fn addends(addends: &[Term]) -> Vec<&Term> {
    let mut ordered: Vec<&Term> = addends.iter().collect();
    ordered.sort_by_key(|addend| {
        let (number, rest) = addend.split_number();
        let kind = match rest.node() {
            Node::Number(_) => 0,
            _ if rest.factors().iter().any(is_delta) => 1,
            _ if rest.factors().iter().any(|factor| matches!(factor.node(), Node::Reduce { .. })) => 2,
            Node::Mul(_) => 3,
            _ => 4,
        };
        let negative_body = matches!(rest.node(), Node::Reduce { body, .. } if body.leading_number().is_negative());
        let negative_form = matches!(rest.node(), Node::Affine(form)
            if form.constant <= 0 && form.terms.iter().all(|(_, coefficient)| *coefficient < 0));
        (number.is_negative() || negative_body || negative_form, kind)
    });
    ordered
}
