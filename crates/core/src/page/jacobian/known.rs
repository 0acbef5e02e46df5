//! Where derivatives that read themselves or each other are 0, as those of a recurrence do.

use crate::derivation::Backward;
use crate::term::{Comparison, Index, Name, Node, Term};
use std::collections::BTreeMap;

/// Of derivatives by name, the pairs of a row and a column axis of which one is never beyond the other where an
/// entry can differ from 0.
#[derive(Debug, Clone, Default)]
pub struct Known(BTreeMap<Name, Vec<Order>>);

/// The subscripts on two axes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Order {
    greater: usize,
    lesser: usize,
}

impl Known {
    /// All that holds of the derivatives together. What is assumed of those that they read is what is shown:
    /// derivatives that read each other are computed in an order, so that this is an induction along it.
    pub fn of(backward: &Backward) -> Known {
        let rank = |name: &Name| backward.model.tensor(name).map_or(0, |tensor| tensor.shape.len());
        let gradients = backward.gradients.iter().filter(|gradient| {
            let rank = rank(&gradient.of);
            rank > 0 && rank < gradient.indices.len()
        });
        let gradients: Vec<_> = gradients.collect();
        let all = |indices: &[Index], rank: usize| {
            let pairs = (0..rank).flat_map(|row| (rank..indices.len()).map(move |column| (row, column)));
            let alike = pairs.filter(|(row, column)| indices[*row].extent == indices[*column].extent);
            alike.flat_map(|(a, b)| [Order { greater: a, lesser: b }, Order { greater: b, lesser: a }]).collect()
        };
        let assumed = gradients.iter().map(|own| (own.name.clone(), all(&own.indices, rank(&own.of))));
        let mut known = Known(assumed.collect());
        loop {
            let mut shown = BTreeMap::new();
            for own in &gradients {
                let (rows, columns) = own.indices.split_at(rank(&own.of));
                let zones = super::zones::zones(rows, columns, &known.written_out(own.derivation.end()));
                let orders = known.0.get(&own.name).cloned().unwrap_or_default();
                let holds = |order: &Order| {
                    let (first, second) = (&own.indices[order.greater], &own.indices[order.lesser]);
                    zones.as_ref().is_some_and(|zones| zones.iter().all(|zone| zone.orders(first, second)))
                };
                shown.insert(own.name.clone(), orders.into_iter().filter(holds).collect::<Vec<_>>());
            }
            if shown == known.0 {
                return known;
            }
            known = Known(shown);
        }
    }

    /// The term with the conditions beside those derivatives under which their entries can differ from 0.
    pub fn written_out(&self, term: &Term) -> Term {
        match term.node() {
            Node::Read { tensor, subscripts } => {
                let orders = self.0.get(tensor).map_or(&[][..], Vec::as_slice).iter();
                let condition = |order: &Order| {
                    let (lesser, greater) = (subscripts[order.lesser].clone(), subscripts[order.greater].clone());
                    Term::compare(Comparison::LessEqual, lesser, greater)
                };
                Term::mul(orders.map(condition).chain([term.clone()]).collect())
            }
            Node::Number(_) | Node::Affine(_) => term.clone(),
            _ => term.map_children(&mut |child| self.written_out(child)),
        }
    }
}
