//! Derivatives by finite differences: a third route, next to the rules and the dual numbers.

use super::{MeaningError, Point, complete};
use crate::model::{Model, Role};
use crate::term::Name;

/// A derivative by finite differences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The derivative.
    pub value: f64,
    /// An estimate of its absolute error: how much it changes when the step is halved.
    pub error: f64,
}

/// The total derivative of a scalar by one entry of a tensor, for one example: central
/// differences of fourth order,
/// `(8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h` with `h = step · max(|x|, 1)`.
/// A step of 1e-3 loses least for functions that vary on a scale of 1.
///
/// The point holds values of all tensors that are given; values of defined ones in it are
/// computed anew. Where `wrt` is itself defined, everything after it is.
///
/// # Errors
///
/// As [`complete`]; and where `scalar` is no scalar or `wrt` has no such entry.
pub fn finite_difference(
    model: &Model,
    point: &Point,
    scalar: &Name,
    wrt: &Name,
    entry: usize,
    step: f64,
) -> Result<Difference, MeaningError> {
    let mut base = point.clone();
    for tensor in model.tensors.iter().filter(|tensor| matches!(tensor.role, Role::Defined(_))) {
        base.remove(&tensor.name);
    }
    complete(model, &mut base, std::slice::from_ref(wrt))?;
    // Only what was given and `wrt` itself stay; anything computed on the way to it may move.
    base.retain(|name, _| name == wrt || model.definition(name).is_none());
    let value = |x: f64| -> Result<f64, MeaningError> {
        let mut moved = base.clone();
        if let Some(array) = moved.get_mut(wrt) {
            array.values[entry] = x;
        }
        complete(model, &mut moved, std::slice::from_ref(scalar))?;
        scalar_value(&moved, scalar)
    };
    let x = base.get(wrt).and_then(|array| array.values.get(entry).copied());
    let x = x.ok_or_else(|| outside(model, wrt, entry))?;
    let h = step * x.abs().max(1.0);
    let coarse = central(&value, x, h)?;
    let fine = central(&value, x, h / 2.0)?;
    Ok(Difference { value: coarse, error: (coarse - fine).abs() })
}

fn central(f: &dyn Fn(f64) -> Result<f64, MeaningError>, x: f64, h: f64) -> Result<f64, MeaningError> {
    let near = f(x + h)? - f(x - h)?;
    let far = f(x + 2.0 * h)? - f(x - 2.0 * h)?;
    Ok((8.0 * near - far) / (12.0 * h))
}

fn scalar_value(point: &Point, scalar: &Name) -> Result<f64, MeaningError> {
    let array = point.get(scalar).ok_or_else(|| MeaningError::Missing(scalar.clone()))?;
    array.get(&[]).ok_or_else(|| MeaningError::Shape {
        tensor: scalar.clone(),
        expected: Vec::new(),
        found: array.shape.clone(),
    })
}

fn outside(model: &Model, tensor: &Name, entry: usize) -> MeaningError {
    let extent = model.tensor(tensor).map_or(0, |tensor| tensor.len());
    MeaningError::Entry { tensor: tensor.clone(), entry, entries: extent }
}
