//! Why a model cannot be planned.

use crate::term::Name;
use std::fmt;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanError {
    /// The model has no tensor of that name.
    Unknown(Name),
    /// A batch of no examples.
    NoExamples,
    /// A definition still asks for a derivative.
    Underived(Name),
    /// A definition reads a tensor that stands after it, or itself.
    Order {
        /// The tensor that is defined.
        tensor: Name,
        /// The tensor that is read.
        read: Name,
    },
    /// A definition reads a tensor with the wrong number of subscripts, or at a subscript that
    /// is outside or depends on values.
    Subscript {
        /// The tensor that is defined.
        tensor: Name,
        /// The tensor that is read.
        read: Name,
    },
    /// A pair of [`Request::descend`](super::Request::descend) is no parameter with a tensor of
    /// its shape.
    Descend(Name),
    /// A value has more entries than fit in memory.
    TooLarge(Name),
    /// A position in a row of no values, or another term that has no value.
    NoValue(Name),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::Unknown(name) => write!(f, "the model has no tensor `{name}`"),
            PlanError::NoExamples => write!(f, "a batch needs at least one example"),
            PlanError::Underived(name) => write!(f, "`{name}` asks for a derivative that was not derived"),
            PlanError::Order { tensor, read } => write!(f, "`{tensor}` reads `{read}`, which is not defined before it"),
            PlanError::Subscript { tensor, read } => {
                write!(f, "`{tensor}` reads `{read}` at a subscript that leaves it or is not affine")
            }
            PlanError::Descend(name) => write!(f, "`{name}` is no parameter, or its gradient has another shape"),
            PlanError::TooLarge(name) => write!(f, "`{name}` has too many entries"),
            PlanError::NoValue(name) => write!(f, "`{name}` has no value: it asks for a position in an empty row"),
        }
    }
}

impl std::error::Error for PlanError {}
