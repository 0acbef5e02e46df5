//! What a Jacobian looks like as a matrix, told from its term: its structure by name, and how many of its
//! entries can differ from 0.

mod known;
mod structure;
mod support;
mod words;
mod zones;

pub use known::Known;
pub use structure::structure;
pub use support::{Sized, Support, support};
pub use words::Structure;

use crate::term::{Index, Term};

/// A Jacobian seen as a matrix: one row for every entry of the tensor that is differentiated, one column for
/// every entry of the variable.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Its structure.
    pub structure: Structure,
    /// Whether it is square and equal to its transpose.
    pub symmetric: bool,
    /// The entries that can differ from 0; `None` where there are too many to be counted.
    pub support: Option<Support>,
}

impl Shape {
    /// The shape of `term`, whose free indices are those of the rows and the columns.
    pub fn of(rows: &[Index], columns: &[Index], term: &Term) -> Shape {
        Shape {
            structure: structure(rows, columns, term),
            symmetric: is_symmetric(rows, columns, term),
            support: support(rows, columns, term),
        }
    }

    /// The structure in words, as in `diagonal minus an outer product, symmetric`.
    pub fn words(&self) -> String {
        // Of a diagonal matrix everybody knows.
        let obvious = matches!(
            self.structure,
            Structure::Zero | Structure::Identity | Structure::Multiple | Structure::Diagonal | Structure::Single
        );
        let symmetric = if self.symmetric && !obvious { ", symmetric" } else { "" };
        format!("{}{symmetric}", self.structure)
    }
}

/// Whether the term stays the same when rows and columns change places.
fn is_symmetric(rows: &[Index], columns: &[Index], term: &Term) -> bool {
    let extents = |indices: &[Index]| indices.iter().map(|index| index.extent.clone()).collect::<Vec<_>>();
    if rows.is_empty() || extents(rows) != extents(columns) {
        return false;
    }
    let there = rows.iter().cloned().zip(columns.iter().map(Term::index));
    let back = columns.iter().cloned().zip(rows.iter().map(Term::index));
    let transposed = term.substitute_terms(&there.chain(back).collect::<Vec<_>>());
    structure::settled(rows, columns, &transposed) == structure::settled(rows, columns, term)
}
