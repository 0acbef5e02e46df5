//! What can be wrong with a question to the interpreter.

use super::evaluate::DEEPEST;
use crate::term::{Function, Name};
use std::fmt;

/// Why a term or a model has no value at the point given.
#[derive(Debug, Clone, PartialEq)]
pub enum MeaningError {
    /// The model has no tensor of that name.
    Unknown(Name),
    /// The tensor has no equation, so there is nothing to differentiate.
    NotDefined(Name),
    /// No value was given for the tensor, or it is read before its equation.
    Missing(Name),
    /// A value was given for a tensor that its equation defines.
    Given(Name),
    /// A tensor has not the shape it should have.
    Shape {
        /// The tensor.
        tensor: Name,
        /// As its declaration or definition says.
        expected: Vec<usize>,
        /// As it is.
        found: Vec<usize>,
    },
    /// The values of a tensor that every example has its own of are not its shape with the
    /// examples in front.
    BatchShape {
        /// The tensor.
        tensor: Name,
        /// For one example.
        expected: Vec<usize>,
        /// As given.
        found: Vec<usize>,
    },
    /// An array has not as many values as its shape says.
    Length {
        /// The tensor.
        tensor: Name,
        /// The shape it claims.
        shape: Vec<usize>,
        /// How many values it holds.
        values: usize,
    },
    /// Two tensors are given for different numbers of examples.
    Examples {
        /// Two tensors, each with its number of examples.
        counts: [(Name, usize); 2],
    },
    /// There are no examples, or nothing tells how many.
    NoExamples,
    /// A tensor is read with a number of subscripts that is not its number of axes.
    Rank {
        /// The tensor.
        tensor: Name,
        /// How many axes it has.
        axes: usize,
        /// How many subscripts it was read with.
        subscripts: usize,
    },
    /// A subscript is not an integer.
    NotInteger {
        /// The tensor read.
        tensor: Name,
        /// Which axis, from 0.
        axis: usize,
        /// The subscript.
        subscript: f64,
        /// The extent of the axis.
        extent: usize,
    },
    /// A subscript lies outside its tensor.
    Outside {
        /// The tensor read.
        tensor: Name,
        /// Which axis, from 0.
        axis: usize,
        /// The subscript.
        subscript: f64,
        /// The extent of the axis.
        extent: usize,
    },
    /// What is wrong in one of several examples.
    Example {
        /// Which one, from 0.
        example: usize,
        /// What is wrong there.
        error: Box<MeaningError>,
    },
    /// A tensor, or a group of them, reads itself, but not in an order along any axis.
    Order(Name),
    /// A tensor has no entry of that number.
    Entry {
        /// The tensor.
        tensor: Name,
        /// The entry, counted row by row.
        entry: usize,
        /// How many entries it has.
        entries: usize,
    },
    /// A free index has no value.
    Index(Name),
    /// A free index has a value outside its range.
    IndexRange {
        /// The letter.
        letter: Name,
        /// Its value.
        value: usize,
        /// How many values it takes.
        extent: usize,
    },
    /// A bound index without a reduction around it: the body of a reduction taken out of it.
    Unbound,
    /// An affine form that 64 bits do not hold.
    Overflow,
    /// The position of the greatest or least of no values.
    Position,
    /// A function with a wrong number of arguments.
    Arguments {
        /// The function.
        function: Function,
        /// How many arguments it was given.
        found: usize,
    },
    /// Derivatives nested too deep.
    Depth,
}

impl fmt::Display for MeaningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MeaningError::Unknown(name) => write!(f, "the model has no tensor `{name}`"),
            MeaningError::NotDefined(name) => {
                write!(f, "`{name}` has no equation that could be differentiated")
            }
            MeaningError::Missing(name) => {
                write!(f, "`{name}` has no value here: give one, or define it before it is read")
            }
            MeaningError::Given(name) => {
                write!(f, "`{name}` is defined by the model, so no values can be given for it")
            }
            MeaningError::Shape { tensor, expected, found } => {
                write!(f, "`{tensor}` should have shape {expected:?}, but has shape {found:?}")
            }
            MeaningError::BatchShape { tensor, expected, found } => {
                let axes: Vec<String> = expected.iter().map(|extent| format!(", {extent}")).collect();
                let axes = axes.concat();
                write!(f, "`{tensor}` needs values of shape [examples{axes}], but those given have shape {found:?}")
            }
            MeaningError::Length { tensor, shape, values } => {
                write!(f, "the array for `{tensor}` says shape {shape:?}, but holds {values} values")
            }
            MeaningError::Examples { counts: [(a, m), (b, n)] } => {
                write!(f, "`{a}` is given for {m} examples, but `{b}` for {n}")
            }
            MeaningError::NoExamples => {
                f.write_str("there are no examples: give at least one for every input and target")
            }
            MeaningError::Rank { tensor, axes, subscripts } => {
                write!(f, "`{tensor}` has {axes} axes, but is read with {subscripts} subscripts")
            }
            MeaningError::NotInteger { tensor, axis, subscript, extent } => {
                write!(f, "`{tensor}` is read at {subscript} along axis {axis}, which is no integer in 0..{extent}")
            }
            MeaningError::Outside { tensor, axis, subscript, extent } => {
                write!(f, "`{tensor}` is read at {subscript} along axis {axis}, outside 0..{extent}")
            }
            MeaningError::Example { example, error } => write!(f, "in example {example}: {error}"),
            MeaningError::Order(name) => {
                write!(f, "`{name}` reads itself, but along no axis only earlier values, or only later ones")
            }
            MeaningError::Entry { tensor, entry, entries } => {
                write!(f, "`{tensor}` has {entries} entries, so none of number {entry}")
            }
            MeaningError::Index(letter) => write!(f, "the free index `{letter}` has no value"),
            MeaningError::IndexRange { letter, value, extent } => {
                write!(f, "the index `{letter}` is {value}, outside 0..{extent}")
            }
            MeaningError::Unbound => f.write_str("an index is bound by no reduction around it"),
            MeaningError::Overflow => f.write_str("a subscript is too large for 64 bits"),
            MeaningError::Position => f.write_str("argmax and argmin of no values have no position"),
            MeaningError::Arguments { function, found } => {
                let (name, arity) = (function.name(), function.arity());
                write!(f, "`{name}` takes {arity} arguments, not {found}")
            }
            MeaningError::Depth => {
                write!(f, "derivatives are nested more than {DEEPEST} deep, which the interpreter does not do")
            }
        }
    }
}

impl std::error::Error for MeaningError {}
