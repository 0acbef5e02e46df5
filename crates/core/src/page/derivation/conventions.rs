//! The conventions at 0, said beside a result and not in it.
//!
//! A norm has the derivative `u / ‖u‖`, and at 0, by convention, 0: the exact form is `[n != 0] u / n`, which is
//! what is computed, checked, and given to be pasted. Textbooks write `u / n`. So do the lines and the matrix
//! forms that are shown: a bracket is left out where the same product divides by what the bracket keeps from 0,
//! and a sentence says once what is 0 there. Where the condition holds, the two are equal factor by factor.

use crate::model::Model;
use crate::page::index::Notation;
use crate::page::text;
use crate::term::{Comparison, Function, Index, Node, Term};

/// A term without brackets that only keep it from dividing by 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Unguarded {
    /// The term.
    pub term: Term,
    /// What stands in brackets no more: what must not be 0, and the product that counts 0 where it is.
    guarded: Vec<(Term, Term)>,
}

impl Unguarded {
    /// Leaves the brackets out.
    pub fn of(term: &Term) -> Unguarded {
        let mut guarded = Vec::new();
        let term = without(term, &mut guarded);
        Unguarded { term, guarded }
    }

    /// What is 0 where, a clause each; `indices` are on the left.
    pub fn clauses(&self, model: &Model, indices: &[Index]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for (zero, product) in &self.guarded {
            // Of what is summed the letters are those that a reader sees last.
            let notation = Notation::new(model, indices, &[product]);
            let of = text(&notation.term(zero));
            let clause = match *product == self.term {
                true => format!("0 where {of} = 0"),
                false => format!("`{}` is 0 where {of} = 0", text(&notation.term(&product.split_number().1))),
            };
            if !found.contains(&clause) {
                found.push(clause);
            }
        }
        found
    }
}

fn without(term: &Term, guarded: &mut Vec<(Term, Term)>) -> Term {
    match term.node() {
        Node::Number(_) | Node::Affine(_) | Node::Read { .. } => term.clone(),
        Node::Mul(factors) => {
            let guard = factors.iter().position(|factor| kept_from_zero(factor).is_some_and(|of| divides(factors, of)));
            let Some(guard) = guard else { return term.map_children(&mut |child| without(child, guarded)) };
            let of = kept_from_zero(&factors[guard]).expect("it is a guard").clone();
            let mut rest = factors.clone();
            rest.remove(guard);
            let product = without(&Term::mul(rest), guarded);
            // Of a product with a sum of its own the brackets inside are in that sum.
            guarded.push((of, product.clone()));
            product
        }
        _ => match term.open() {
            Some(opened) => {
                let body = without(&opened.body, guarded);
                Term::reduce(opened.reduction, &opened.indices, body)
            }
            None => term.map_children(&mut |child| without(child, guarded)),
        },
    }
}

/// What a condition says not to be 0.
fn kept_from_zero(condition: &Term) -> Option<&Term> {
    match condition.node() {
        Node::Compare(Comparison::NotEqual, left, right) if right.is_zero() => Some(left),
        Node::Compare(Comparison::NotEqual, left, right) if left.is_zero() => Some(right),
        _ => None,
    }
}

/// Whether a product divides by a term, or by its root.
fn divides(factors: &[Term], of: &Term) -> bool {
    let root = Term::call(Function::Sqrt, of.clone());
    factors.iter().any(|factor| {
        let Node::Pow(base, exponent) = factor.node() else { return false };
        exponent.as_number().is_some_and(|number| number.is_negative()) && (base == of || *base == root)
    })
}
