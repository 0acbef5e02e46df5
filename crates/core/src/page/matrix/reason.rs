//! Why a translation looks as it does.

use super::tree::Matrix;
use crate::page::index::Letters;
use crate::page::text;
use crate::term::{Index, Name};

/// Why a part of a matrix expression stands there as it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// The part.
    pub part: Matrix,
    /// What kind of translation it is.
    pub kind: ReasonKind,
    /// The letters of the indices that decide it, as index notation prints them.
    pub indices: Vec<Name>,
    /// The reason, a sentence without its full stop.
    pub why: String,
}

/// What was done with indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasonKind {
    /// A summed index between two factors.
    Product,
    /// A summed index of vectors only.
    Inner,
    /// No index is shared.
    Outer,
    /// An index is shared and kept.
    Hadamard,
    /// A vector scales the rows or columns of a matrix.
    Scaling,
    /// A summed index that one factor has.
    Ones,
    /// Two summed indices that close a chain.
    Trace,
    /// The sum of all squares.
    Norm,
    /// Only entries with equal indices.
    Diagonal,
    /// The same for every value of an index.
    Repeated,
    /// The mean over the examples.
    Mean,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`: {}", text(&self.part.markup()), self.why)
    }
}

/// Collects reasons, with the letters of the indices in scope.
pub(super) struct Narrator {
    pub letters: Letters,
    pub reasons: Vec<Reason>,
    /// The index that numbers the examples, and what their number is called.
    pub examples: Option<(Index, Matrix)>,
}

impl Narrator {
    pub fn tell(&mut self, part: &Matrix, kind: ReasonKind, indices: &[&Index], why: String) {
        let letters = indices.iter().map(|index| self.letters.of(index).into()).collect();
        self.reasons.push(Reason { part: part.clone(), kind, indices: letters, why });
    }

    /// The letter of an index, quoted.
    pub fn letter(&self, index: &Index) -> String {
        match &self.examples {
            Some((examples, _)) if examples == index => "the number of the example".into(),
            _ => format!("`{}`", self.letters.of(index)),
        }
    }

    /// The number of values of an index.
    pub fn count(&self, index: &Index) -> Matrix {
        match &self.examples {
            Some((examples, count)) if examples == index => count.clone(),
            _ => Matrix::Number(crate::term::Number::integer(index.extent as i64)),
        }
    }

    /// A sum over an index that stands between two factors.
    pub fn tell_product(&mut self, product: &Matrix, index: &Index, left: &Matrix, right: &Matrix) {
        let letter = self.letter(index);
        let ((left, left_turned), (right, right_turned)) = (end(left, false), end(right, true));
        let quoted = |matrix: &Matrix| format!("`{}`", text(&matrix.markup()));
        let entries = |matrix: &Matrix| if matrix.is_column() { "entries" } else { "rows" };
        let turned =
            |matrix: &Matrix, what| format!("it numbers the {what} of {0}, so {0} is transposed", quoted(matrix));
        let placed = match (left_turned && !left.is_column(), right_turned) {
            (false, false) => {
                let first = if left_turned { "entries" } else { "columns" };
                format!("it numbers the {first} of {} and the {} of {}", quoted(&left), entries(&right), quoted(&right))
            }
            (true, false) => turned(&left, "rows"),
            (false, true) => turned(&right, "columns"),
            (true, true) => format!("{}, and {}", turned(&left, "rows"), turned(&right, "columns")),
        };
        self.tell(product, ReasonKind::Product, &[index], format!("{letter} is summed; {placed}"));
    }

    /// Those that are about a part of the whole, each once.
    pub fn about(self, whole: &Matrix) -> Vec<Reason> {
        let shown = text(&whole.markup());
        let mut reasons: Vec<Reason> = Vec::new();
        for mut reason in self.reasons {
            if !shown.contains(&text(&reason.part.markup())) {
                reason.part = reason.part.transposed();
            }
            let is_new = reasons.iter().all(|other| (&other.part, other.kind) != (&reason.part, reason.kind));
            if is_new && shown.contains(&text(&reason.part.markup())) {
                reasons.push(reason);
            }
        }
        reasons
    }
}

/// The factor at one end of a product, without its transposition, and whether it had one.
fn end(matrix: &Matrix, first: bool) -> (Matrix, bool) {
    match matrix {
        Matrix::Product(factors) => {
            let factor = if first { factors.first() } else { factors.last() };
            factor.map_or((matrix.clone(), false), |factor| end(factor, first))
        }
        Matrix::Scaled(_, inner) => end(inner, first),
        Matrix::Transposed(inner) => ((**inner).clone(), true),
        _ => (matrix.clone(), false),
    }
}
