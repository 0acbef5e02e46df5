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
    /// A row or a column with every row or column of a matrix, entry by entry.
    Broadcast,
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
    told: Vec<Told>,
    /// The index that numbers the examples, and what their number is called.
    pub examples: Option<(Index, Matrix)>,
}

/// A reason, and of a product what is said about its factors, which depends on how it is turned in the end.
struct Told {
    reason: Reason,
    product: Option<Joint>,
}

/// Where two factors of a product meet.
struct Joint {
    letter: String,
    left: Matrix,
    right: Matrix,
    /// Whether a vector with the same index stands between them.
    with_vector: bool,
}

impl Narrator {
    pub fn new(letters: Letters, examples: Option<(Index, Matrix)>) -> Narrator {
        Narrator { letters, told: Vec::new(), examples }
    }

    pub fn tell(&mut self, part: &Matrix, kind: ReasonKind, indices: &[&Index], why: String) {
        let letters = indices.iter().map(|index| self.letters.of(index).into()).collect();
        let reason = Reason { part: part.clone(), kind, indices: letters, why };
        self.told.push(Told { reason, product: None });
    }

    /// A sum over an index that stands between two factors, and perhaps in a vector.
    pub fn tell_product(&mut self, product: &Matrix, index: &Index, left: Matrix, right: Matrix, with_vector: bool) {
        let joint = Joint { letter: self.letter(index), left, right, with_vector };
        self.tell(product, ReasonKind::Product, &[index], String::new());
        if let Some(told) = self.told.last_mut() {
            told.product = Some(joint);
        }
    }

    /// How much was told up to now.
    pub fn mark(&self) -> usize {
        self.told.len()
    }

    /// Forgets what was told after a mark.
    pub fn rewind(&mut self, mark: usize) {
        self.told.truncate(mark);
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
            _ => Matrix::polynomial(&index.extent.polynomial()),
        }
    }

    /// Those that are about a part of the whole, each once.
    pub fn about(self, whole: &Matrix) -> Vec<Reason> {
        let shown = text(&whole.markup());
        let is_shown = |part: &Matrix| shown.contains(&text(&part.markup()));
        let mut reasons: Vec<Reason> = Vec::new();
        for Told { mut reason, mut product } in self.told {
            if !is_shown(&reason.part) {
                reason.part = reason.part.transposed();
                product = product.map(Joint::transposed);
            }
            reason.why = product.map_or(reason.why, |joint| joint.why());
            let is_new = reasons.iter().all(|other| (&other.part, other.kind) != (&reason.part, reason.kind));
            if is_new && is_shown(&reason.part) {
                reasons.push(reason);
            }
        }
        reasons
    }
}

impl Joint {
    fn transposed(self) -> Joint {
        Joint { left: self.right.transposed(), right: self.left.transposed(), ..self }
    }

    fn why(&self) -> String {
        let ((left, left_turned), (right, right_turned)) = (end(&self.left, false), end(&self.right, true));
        let turned =
            |matrix: &Matrix, what, place| format!("the {what} of {}, so that is transposed", named(matrix, place));
        let (turns_left, turns_right) = (left_turned && !left.is_column(), right_turned);
        let placed = match (turns_left, turns_right) {
            (true, true) => format!("{}, and {}", turned(&left, "rows", "left"), turned(&right, "columns", "right")),
            (true, false) => turned(&left, "rows", "left"),
            (false, true) => turned(&right, "columns", "right"),
            (false, false) => {
                // A column that is turned is a row.
                let first = if left_turned { "entries" } else { "columns" };
                let second = if right.is_column() { "entries" } else { "rows" };
                format!("the {first} of {} and the {second} of {}", named(&left, "left"), named(&right, "right"))
            }
        };
        let vector =
            if self.with_vector { "; the vector that has it too stands on a diagonal between them" } else { "" };
        format!("{} is summed; it numbers {placed}{vector}", self.letter)
    }
}

/// A factor, or where it stands if it is long.
fn named(matrix: &Matrix, place: &str) -> String {
    let shown = text(&matrix.markup());
    if shown.chars().count() <= LONGEST_NAME { format!("`{shown}`") } else { format!("the {place} factor") }
}

/// A factor with more characters than this is not repeated in a sentence.
const LONGEST_NAME: usize = 12;

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
