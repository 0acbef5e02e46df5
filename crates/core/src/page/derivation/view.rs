//! What of a document is shown.

use super::document::{Document, GradientPage, Line};
use super::fold;
use crate::derivation::Verification;

/// Which parts of a document are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// In which notation.
    pub notation: Notation,
    /// Whether dull lines are shown too.
    pub unfolded: bool,
}

/// Which notation is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// The chains in index notation.
    Index,
    /// The results in matrix notation.
    Matrix,
    /// The local derivatives; of a tensor with axes the derivative itself.
    Jacobian,
    /// Everything.
    All,
}

impl View {
    /// A notation, with dull lines folded.
    pub fn of(notation: Notation) -> View {
        View { notation, unfolded: false }
    }

    /// Whether the definitions that were given a stable form are shown.
    pub(super) fn has_definitions(self) -> bool {
        matches!(self.notation, Notation::Index | Notation::All)
    }

    /// Whether the local derivatives are shown.
    pub(super) fn has_jacobians(self) -> bool {
        matches!(self.notation, Notation::Jacobian | Notation::All)
    }

    /// Whether the chain of a gradient is shown.
    pub(super) fn has_chain(self, gradient: &GradientPage) -> bool {
        match self.notation {
            Notation::Index | Notation::All => true,
            Notation::Matrix => false,
            Notation::Jacobian => gradient.shape.is_some(),
        }
    }

    /// Whether the matrix forms are shown.
    pub(super) fn has_matrices(self, gradient: &GradientPage) -> bool {
        match self.notation {
            Notation::Matrix | Notation::All => true,
            Notation::Index => false,
            Notation::Jacobian => gradient.shape.is_some(),
        }
    }

    /// The lines that are shown, each with how many are folded just before it.
    pub(super) fn lines(self, lines: &[Line]) -> Vec<(usize, &Line)> {
        match self.unfolded {
            true => lines.iter().map(|line| (0, line)).collect(),
            false => fold::shown(lines).into_iter().map(|(hidden, line)| (hidden.len(), line)).collect(),
        }
    }

    /// How many lines are folded in the document.
    pub(super) fn folded(self, document: &Document) -> usize {
        let count = |lines: &[Line]| self.lines(lines).iter().map(|(hidden, _)| hidden).sum::<usize>();
        let of = |gradient: &GradientPage| {
            let chain = if self.has_chain(gradient) { count(&gradient.steps) } else { 0 };
            let local = gradient.local().map(|local| count(&local.steps)).sum::<usize>();
            chain + if self.has_jacobians() { local } else { 0 }
        };
        document.gradients.iter().map(of).sum()
    }
}

/// What was checked, in words.
pub(super) fn verified(verification: &Verification) -> String {
    if verification.points == 0 {
        return "Nothing was checked.".into();
    }
    let points = match verification.points {
        1 => "1 random point".to_string(),
        points => format!("{points} random points"),
    };
    let small = |error: f64| if error == 0.0 { "0".to_string() } else { format!("{error:.0e}") };
    let open = verification.not_checked().map(|words| format!(" {words}.")).unwrap_or_default();
    format!(
        "Every line was evaluated at {points}; greatest relative difference {}. Results against finite \
         differences: {}.{open}",
        small(verification.max_rel_error),
        small(verification.max_difference_error)
    )
}
