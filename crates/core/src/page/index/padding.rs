//! Products that are what `pad(x)[s]` stands for: the conditions that keep every subscript inside, and
//! the read.

use crate::derivation::derivative_parts;
use crate::model::Model;
use crate::term::{Comparison, Extent, Node, Term};

/// A product taken apart.
pub struct Padded {
    /// The factors that are written as padded reads.
    pub reads: Vec<Term>,
    /// The factors without the conditions that say so.
    pub factors: Vec<Term>,
}

/// Finds the padded reads among the factors of a product. A read is one where all conditions that
/// padding it means are factors too, and no other factor reads the tensor at that place: then what is
/// written is read as the same product.
pub fn padded(model: &Model, factors: &[Term]) -> Padded {
    let mut reads = Vec::new();
    let mut implied: Vec<Term> = Vec::new();
    for (position, factor) in factors.iter().enumerate() {
        let Some(conditions) = conditions(model, factor).filter(|conditions| !conditions.is_empty()) else {
            continue;
        };
        let others = || factors.iter().enumerate().filter(|(other, _)| *other != position).map(|(_, other)| other);
        let guarded = conditions.iter().all(|condition| factors.contains(condition));
        if guarded && !others().any(|other| holds(other, factor)) && !others().any(|other| needs(other, &conditions)) {
            reads.push(factor.clone());
            implied.extend(conditions);
        }
    }
    let factors = factors.iter().filter(|factor| !implied.contains(factor)).cloned().collect();
    Padded { reads, factors }
}

/// The conditions that padding a read means; `None` for any other term, and for a derivative: the language pads
/// names only.
fn conditions(model: &Model, term: &Term) -> Option<Vec<Term>> {
    let Node::Read { tensor, subscripts } = term.node() else { return None };
    if derivative_parts(tensor).is_some() {
        return None;
    }
    let extents = &model.tensor(tensor)?.extents;
    let inside = |(subscript, extent): (&Term, &Extent)| {
        [
            Term::compare(Comparison::LessEqual, Term::integer(0), subscript.clone()),
            Term::compare(Comparison::Less, subscript.clone(), extent.term()),
        ]
    };
    let all = subscripts.iter().zip(extents).flat_map(inside);
    Some(all.filter(|condition| condition.as_number().is_none()).collect())
}

fn holds(term: &Term, part: &Term) -> bool {
    term == part || term.any_child(&mut |child| holds(child, part))
}

/// Whether a factor reads something at a subscript that one of the conditions is about: it may need
/// the condition for itself.
fn needs(factor: &Term, conditions: &[Term]) -> bool {
    let about = |subscript: &Term| {
        conditions.iter().any(|condition| matches!(condition.node(), Node::Compare(_, left, right) if left == subscript || right == subscript))
    };
    let here = matches!(factor.node(), Node::Read { subscripts, .. } if subscripts.iter().any(about));
    here || factor.any_child(&mut |child| needs(child, conditions))
}
