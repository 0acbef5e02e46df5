//! Data to train on: where it comes from, how it meets a model, and what is held out.
//!
//! A source with test files of its own holds those out. Of any other, a fifth of the examples
//! (rounded down, at least one) is held out: those that a shuffle under a fixed seed puts first. So
//! the same file always has the same part held out, whatever the seed of the training; of a text it
//! is the last fifth.

mod error;
mod fit;
mod images;
mod named;
mod table;
mod text;

pub use error::{DataError, Flaw, SOURCES};
pub use named::keep_promises;

use crate::seeds::Stream;
use deltarule_core::model::{Model, Role, Tensor};
use deltarule_core::term::Name;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Where data comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The handwritten digits that come with Deltarule.
    Digits,
    /// A folder with the files of MNIST.
    Mnist(PathBuf),
    /// A folder with the files of Fashion-MNIST, which have the names and the format of MNIST.
    Fashion(PathBuf),
    /// A folder with the binary version of CIFAR-10.
    Cifar10(PathBuf),
    /// A table.
    Csv(PathBuf),
    /// Arrays by name.
    Npz(PathBuf),
    /// Bytes as tokens.
    Text(PathBuf),
}

impl Source {
    /// Reads a source as it is written on the command line, `digits` or `csv:FILE`.
    ///
    /// # Errors
    /// [`DataError::Unknown`] and [`DataError::NoPath`], which list what can be written.
    pub fn parse(text: &str) -> Result<Source, DataError> {
        let (kind, path) = text.split_once(':').unwrap_or((text, ""));
        let made: fn(PathBuf) -> Source = match kind {
            "digits" if path.is_empty() => return Ok(Source::Digits),
            "mnist" => Source::Mnist,
            "fashion" => Source::Fashion,
            "cifar10" => Source::Cifar10,
            "csv" => Source::Csv,
            "npz" => Source::Npz,
            "text" => Source::Text,
            _ => return Err(DataError::Unknown(text.to_owned())),
        };
        if path.is_empty() {
            return Err(DataError::NoPath(kind.to_owned()));
        }
        Ok(made(PathBuf::from(path)))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, path) = match self {
            Source::Digits => return f.write_str("digits"),
            Source::Mnist(path) => ("mnist", path),
            Source::Fashion(path) => ("fashion", path),
            Source::Cifar10(path) => ("cifar10", path),
            Source::Csv(path) => ("csv", path),
            Source::Npz(path) => ("npz", path),
            Source::Text(path) => ("text", path),
        };
        write!(f, "{kind}:{}", path.display())
    }
}

/// Examples of every input and target of a model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Examples {
    /// How many.
    pub count: usize,
    /// By tensor: the values of one example after those of the other, row-major.
    pub tensors: BTreeMap<Name, Vec<f32>>,
}

/// Data as a model takes it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dataset {
    /// What to train on; no examples where the model has no inputs and no targets.
    pub train: Examples,
    /// What to judge by.
    pub held_out: Examples,
    /// The tensors that are given with the data, but not per example.
    pub constants: BTreeMap<Name, Vec<f32>>,
    /// What it is, in words for the user.
    pub description: String,
}

impl Examples {
    /// The chosen examples, in that order.
    fn pick(&self, rows: &[usize]) -> Examples {
        let pick = |values: &Vec<f32>| {
            let length = values.len() / self.count.max(1);
            rows.iter().flat_map(|row| &values[row * length..][..length]).copied().collect()
        };
        let tensors = self.tensors.iter().map(|(name, values)| (name.clone(), pick(values))).collect();
        Examples { count: rows.len(), tensors }
    }
}

impl Dataset {
    /// With a fifth held out; see the head of the module.
    fn split(source: &Source, all: Examples, noun: &str) -> Result<Dataset, DataError> {
        if all.count < 2 {
            return Err(DataError::TooFew { source: source.to_string(), examples: all.count });
        }
        let mut rows: Vec<usize> = (0..all.count).collect();
        Stream::new(0, "held out", "").shuffle(&mut rows);
        let (held_out, train) = rows.split_at_mut((all.count / 5).max(1));
        held_out.sort_unstable();
        train.sort_unstable();
        let description = format!("{source}: {} {noun}, of which a fifth, {}, is held out", all.count, held_out.len());
        let (train, held_out) = (all.pick(train), all.pick(held_out));
        Ok(Dataset { train, held_out, constants: BTreeMap::new(), description })
    }

    /// With the held-out part that the source has itself.
    fn with_own(source: &Source, train: Examples, held_out: Examples, noun: &str) -> Result<Dataset, DataError> {
        if let Some(few) = [&train, &held_out].into_iter().find(|part| part.count == 0) {
            return Err(DataError::TooFew { source: source.to_string(), examples: few.count });
        }
        let description = format!("{source}: {} {noun} to train on, {} held out", train.count, held_out.count);
        Ok(Dataset { train, held_out, constants: BTreeMap::new(), description })
    }
}

/// Reads a source and fits it to a model.
///
/// # Errors
/// Files that are missing, damaged or of another kind; shapes that do not fit; values that break
/// what the model promises of them. See [`DataError`].
pub fn load(source: &Source, model: &Model) -> Result<Dataset, DataError> {
    if !matches!(source, Source::Npz(_))
        && let Some(tensor) = constants(model).next()
    {
        return Err(DataError::Constant { source: source.to_string(), tensor: tensor.name.clone() });
    }
    match source {
        Source::Digits | Source::Mnist(_) | Source::Fashion(_) | Source::Cifar10(_) => {
            let dataset = images::load(source, model)?;
            keeps_domains(source, model, &dataset)?;
            Ok(dataset)
        }
        Source::Csv(path) => table::load(source, path, model),
        Source::Npz(path) => named::load(source, path, model),
        Source::Text(path) => text::load(source, path, model),
    }
}

/// Checks that pixels lie in the domain that is declared of them.
fn keeps_domains(source: &Source, model: &Model, dataset: &Dataset) -> Result<(), DataError> {
    for (name, values) in dataset.train.tensors.iter().chain(&dataset.held_out.tensors) {
        let Some(domain) = model.domain(name) else { continue };
        if let Some(value) = values.iter().find(|value| !domain.contains_single(**value)) {
            let flaw = Flaw::Outside { value: f64::from(*value), domain: domain.to_string() };
            let (source, place) = (source.to_string(), "its images".to_owned());
            return Err(DataError::Value { source, place, tensor: name.clone(), flaw });
        }
    }
    Ok(())
}

/// Whether a model can be trained on the digits that come with Deltarule.
pub fn fits_digits(model: &Model) -> bool {
    constants(model).next().is_none() && images::fits_digits(model)
}

/// The tensors that come with the data, but not per example.
fn constants(model: &Model) -> impl Iterator<Item = &Tensor> {
    model.tensors.iter().filter(|tensor| matches!(tensor.role, Role::Const(None)))
}

fn inputs(model: &Model) -> impl Iterator<Item = &Tensor> {
    model.data().filter(|tensor| matches!(tensor.role, Role::Input { .. }))
}

fn targets(model: &Model) -> impl Iterator<Item = &Tensor> {
    model.data().filter(|tensor| matches!(tensor.role, Role::Target(_)))
}
