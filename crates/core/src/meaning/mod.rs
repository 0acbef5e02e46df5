//! The reference interpreter: models to numbers, in f64, straight from the definitions.
//!
//! It is slow and plain, because every other way to compute a model is held to it. Values follow
//! the exact conventions of the language; derivatives come from dual numbers, which share nothing
//! with the rules of differentiation.

mod ball;
mod batch;
mod difference;
mod error;
mod evaluate;
mod function;
mod prepare;
mod reach;
pub(crate) mod residue;
mod scalar;
mod tabulate;
mod total;

pub use ball::{Balls, Equation, Finer, Sides, Sought, magnitude};
pub use batch::{check, complete, run};
pub use difference::{Difference, difference_quotient, directional_difference, finite_difference};
pub use error::MeaningError;
pub(crate) use evaluate::DEEPEST;
pub use total::Totals;

use crate::model::Model;
use crate::term::{Function, Index, Name, Term};
use evaluate::Prepared;
use prepare::Names;
use std::collections::BTreeMap;

/// A dense array of doubles, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The extent of each axis; a scalar has none.
    pub shape: Vec<usize>,
    /// As many as the product of the extents.
    pub values: Vec<f64>,
}

impl Array {
    /// An array of a shape; `None` where the number of values is not the product of the extents.
    pub fn new(shape: Vec<usize>, values: Vec<f64>) -> Option<Array> {
        let array = Array { shape, values };
        array.is_whole().then_some(array)
    }

    /// A scalar.
    pub fn scalar(value: f64) -> Array {
        Array { shape: Vec::new(), values: vec![value] }
    }

    /// The entry at the subscripts, one for each axis; `None` where there is none.
    pub fn get(&self, at: &[usize]) -> Option<f64> {
        if at.len() != self.shape.len() || at.iter().zip(&self.shape).any(|(at, extent)| at >= extent) {
            return None;
        }
        let offset = at
            .iter()
            .zip(&self.shape)
            .try_fold(0usize, |offset, (at, extent)| offset.checked_mul(*extent)?.checked_add(*at))?;
        self.values.get(offset).copied()
    }

    /// Whether it has as many values as its shape says.
    fn is_whole(&self) -> bool {
        let length = self.shape.iter().try_fold(1usize, |length, extent| length.checked_mul(*extent));
        length == Some(self.values.len())
    }
}

/// Values of tensors by name; of tensors that are per example, those of one example.
pub type Point = BTreeMap<Name, Array>;

/// One entry: the value of a term, given values for its free indices. Tensors are read from the
/// point only, defined ones too (see [`complete`]); constants with a value need none there.
///
/// # Errors
///
/// A tensor without a value, a read outside its tensor, an index without a value, derivatives
/// nested more than three deep.
pub fn evaluate(model: &Model, point: &Point, term: &Term, at: &[(Index, usize)]) -> Result<f64, MeaningError> {
    let (indices, entry): (Vec<Index>, Vec<usize>) = at.iter().cloned().unzip();
    Ok(evaluate_entries(model, point, term, &indices, &[entry], 0)?.0[0])
}

/// Several entries, each given by the values of the indices: as [`evaluate`] of each, but what they have in
/// common is computed once. Work is counted in bodies of reductions that are evaluated; once it is `most`, no
/// further entry is begun. Gives the values of the first entries, of one at least, and the work.
///
/// # Errors
///
/// As [`evaluate`].
pub fn evaluate_entries(
    model: &Model,
    point: &Point,
    term: &Term,
    indices: &[Index],
    entries: &[Vec<usize>],
    most: usize,
) -> Result<(Vec<f64>, usize), MeaningError> {
    evaluate_moved(model, point, None, (term, indices), entries, most)
}

/// As [`evaluate_entries`], of a term and its indices; what is stopped has the value that it has at `held`, where
/// that is given.
///
/// # Errors
///
/// As [`evaluate`].
pub fn evaluate_moved(
    model: &Model,
    point: &Point,
    held: Option<&Point>,
    (term, indices): (&Term, &[Index]),
    entries: &[Vec<usize>],
    most: usize,
) -> Result<(Vec<f64>, usize), MeaningError> {
    let points = [point];
    let held = held.map(|point| [point]);
    let names = Names { held: held.as_ref().map(<[_; 1]>::as_slice), ..Names::new(model, &points) };
    let mut prepared = Prepared::new(names, term, indices);
    let mut values = Vec::with_capacity(entries.len());
    for entry in entries {
        if !values.is_empty() && prepared.work() >= most {
            break;
        }
        check_range(indices, entry)?;
        values.push(prepared.at(entry)?);
    }
    Ok((values, prepared.work()))
}

fn check_range(indices: &[Index], entry: &[usize]) -> Result<(), MeaningError> {
    match indices.iter().zip(entry).find(|(index, value)| **value >= index.extent.value()) {
        None => Ok(()),
        Some((Index { letter, extent, .. }, value)) => {
            Err(MeaningError::IndexRange { letter: letter.clone(), value: *value, extent: extent.value() })
        }
    }
}

/// The value of a scalar function; `None` where the number of arguments is not its own.
pub fn scalar_function(function: Function, arguments: &[f64]) -> Option<f64> {
    match (function::Form::of(function), arguments) {
        (function::Form::One(one), [x]) => Some(function::value(one, *x)),
        (function::Form::Max, [_, _]) => Some(function::extremum(arguments, |a, b| a > b, f64::NEG_INFINITY)),
        (function::Form::Min, [_, _]) => Some(function::extremum(arguments, |a, b| a < b, f64::INFINITY)),
        (function::Form::Mod, [a, b]) => Some(function::modulo(*a, *b)),
        _ => None,
    }
}
