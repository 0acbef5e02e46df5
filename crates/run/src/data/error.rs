//! What can be wrong with data.

use crate::arrays::ArrayError;
use deltarule_core::term::Name;
use std::fmt;
use std::path::PathBuf;

/// Why data could not be read, or does not fit a model.
#[derive(Debug, Clone, PartialEq)]
pub enum DataError {
    /// A text that names no source.
    Unknown(String),
    /// A kind of source without the path it needs.
    NoPath(String),
    /// A folder has none of the files that are looked for.
    Absent {
        /// The folder.
        folder: PathBuf,
        /// The names of which one is needed.
        files: String,
    },
    /// A file cannot be read, or is not what it should be.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, in words.
        reason: String,
    },
    /// A file of arrays is not what it should be.
    Arrays(ArrayError),
    /// A source that fills one input, and a model that has not one.
    OneInput {
        /// The source.
        source: String,
        /// What it gives.
        gives: &'static str,
        /// The inputs of the model that could take it.
        inputs: Vec<Name>,
    },
    /// A source that fills one target, and a model that has several.
    OneTarget {
        /// The source.
        source: String,
        /// What it gives.
        gives: &'static str,
        /// The targets of the model.
        targets: Vec<Name>,
    },
    /// A tensor that has not the shape of the data.
    Shape {
        /// The source.
        source: String,
        /// The tensor.
        tensor: Name,
        /// Its shape, for one example.
        expected: Vec<usize>,
        /// The shape of an example in the data.
        found: Vec<usize>,
        /// Whether the same axes stand there in another order.
        reordered: bool,
    },
    /// A target that cannot hold the labels.
    Labels {
        /// The source.
        source: String,
        /// The target.
        tensor: Name,
        /// Its shape, for one example.
        shape: Vec<usize>,
        /// How many kinds of labels there are.
        classes: usize,
        /// More about the labels, or empty.
        note: String,
    },
    /// A tensor for which the source has nothing.
    Nothing {
        /// The source.
        source: String,
        /// The tensor.
        tensor: Name,
        /// What would fill it.
        needs: String,
        /// The names of what there is.
        found: Vec<String>,
    },
    /// A tensor that is given once, and a source that has none such.
    Constant {
        /// The source.
        source: String,
        /// The tensor.
        tensor: Name,
    },
    /// Arrays of different numbers of examples.
    Examples {
        /// The source.
        source: String,
        /// Two tensors with their numbers of examples.
        counts: [(Name, usize); 2],
    },
    /// Not enough examples to train on some and hold out others.
    TooFew {
        /// The source.
        source: String,
        /// How many there are.
        examples: usize,
    },
    /// A value that cannot be used.
    Value {
        /// The source.
        source: String,
        /// Where it stands there.
        place: String,
        /// The tensor it is for.
        tensor: Name,
        /// What is wrong with it.
        flaw: Flaw,
    },
}

/// What is wrong with a value, or a row of values.
#[derive(Debug, Clone, PartialEq)]
pub enum Flaw {
    /// Nothing stands there.
    Empty,
    /// It is no number.
    NotNumber(String),
    /// It is not a number (NaN), or infinite.
    NotFinite(f64),
    /// It is too large for single precision.
    TooLarge(f64),
    /// It is no integer, but should be.
    NotInteger(f64),
    /// It is an integer, but not in `0..below`.
    OutOfRange {
        /// The value.
        value: f64,
        /// The bound.
        below: usize,
    },
    /// The row has not one 1 and otherwise 0.
    NotOneHot,
    /// A probability below 0.
    Negative(f64),
    /// The probabilities do not sum to one, but to this.
    Sum(f64),
    /// It does not lie in the domain that is declared.
    Outside {
        /// The value.
        value: f64,
        /// The domain, as it is declared.
        domain: String,
    },
    /// The matrix is declared to be symmetric, but this entry is not that of the transpose.
    Asymmetric {
        /// The value.
        value: f64,
        /// That of the transpose.
        turned: f64,
    },
}

/// The forms of sources, for messages and help.
pub const SOURCES: &str = "digits, mnist:DIR, fashion:DIR, cifar10:DIR, csv:FILE, npz:FILE, text:FILE";

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataError::Unknown(text) => write!(f, "`{text}` is no source of data; the sources are {SOURCES}"),
            DataError::NoPath(kind) => {
                write!(f, "`{kind}` needs a path after a colon; the sources are {SOURCES}")
            }
            DataError::Absent { folder, files } => {
                write!(f, "{}: there is no {files} in this folder", folder.display())
            }
            DataError::File { path, reason } => write!(f, "{}: {reason}", path.display()),
            DataError::Arrays(error) => error.fmt(f),
            DataError::OneInput { source, gives, inputs } => {
                write!(f, "{source} gives {gives} for one input, but the model has {}", names(inputs, "such input"))
            }
            DataError::OneTarget { source, gives, targets } => {
                write!(f, "{source} gives {gives} for one target, but the model has {}", names(targets, "target"))
            }
            DataError::Shape { source, tensor, expected, found, reordered } => {
                write!(f, "{source}: an example of `{tensor}` has shape {expected:?} in the model, ")?;
                write!(f, "but shape {found:?} in the data")?;
                if *reordered { write!(f, "; put the axes into that order") } else { Ok(()) }
            }
            DataError::Labels { source, tensor, shape, classes, note } => {
                write!(f, "{source} has {classes} kinds of labels, but target `{tensor}` has shape {shape:?}{note}; ")?;
                write!(f, "write `target {tensor}[{classes}] onehot` or `target {tensor} int({classes})`")
            }
            DataError::Nothing { source, tensor, needs, found } => {
                write!(f, "{source} has nothing for `{tensor}`, which needs {needs}; there is {}", few(found))
            }
            DataError::Constant { source, tensor } => write!(
                f,
                "`{tensor}` is a const without a value, and {source} has none for it; only npz:FILE gives such tensors"
            ),
            DataError::Examples { source, counts: [(a, m), (b, n)] } => {
                write!(f, "{source} holds {m} examples of `{a}`, but {n} of `{b}`")
            }
            DataError::TooFew { source, examples } => {
                let noun = if *examples == 1 { "example" } else { "examples" };
                write!(f, "{source} has {examples} {noun}; there must be some to train on and some to hold out")
            }
            DataError::Value { source, place, tensor, flaw } => write!(f, "{source}, {place}, for `{tensor}`: {flaw}"),
        }
    }
}

/// Names in a message, or that there is none.
fn names(names: &[Name], noun: &str) -> String {
    match names {
        [] => format!("no {noun}"),
        _ => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

/// The first of many names.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "nothing".to_owned(),
        count if count > SHOWN => format!("{}, and {} more", shown.join(", "), count - SHOWN),
        _ => shown.join(", "),
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Empty => f.write_str("the value is missing; fill it in or leave the row out"),
            Flaw::NotNumber(text) => write!(f, "`{text}` is not a number"),
            Flaw::NotFinite(value) if value.is_nan() => {
                f.write_str("the value is NaN, which would spread to everything trained; fill it in or leave it out")
            }
            Flaw::NotFinite(value) => write!(f, "the value is {value}, which would spread to everything trained"),
            Flaw::TooLarge(value) => write!(f, "{value} is too large for single precision; scale the data"),
            Flaw::NotInteger(value) => write!(f, "{value} is no integer"),
            Flaw::OutOfRange { value, below } => write!(f, "{value} is not in 0..{below}"),
            Flaw::Outside { value, domain } => write!(f, "{value} is not {domain}, as declared"),
            Flaw::Asymmetric { value, turned } => {
                write!(
                    f,
                    "{value} is not {turned}, which the transpose has there, but the matrix is declared symmetric"
                )
            }
            Flaw::NotOneHot => f.write_str("the row should have one entry 1 and otherwise 0"),
            Flaw::Negative(value) => write!(f, "the probability {value} is negative"),
            Flaw::Sum(sum) => write!(f, "the probabilities sum to {sum}, not to 1"),
        }
    }
}

impl std::error::Error for DataError {}

impl From<ArrayError> for DataError {
    fn from(error: ArrayError) -> DataError {
        DataError::Arrays(error)
    }
}
