//! Derivatives by finite differences: a third route, next to the rules and the dual numbers.

use super::batch::complete_moved;
use super::{Array, MeaningError, Point, complete};
use crate::model::Model;
use crate::term::Name;

/// A derivative by finite differences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The derivative.
    pub value: f64,
    /// An estimate of its absolute error: how much it changes when the step is halved, and what the rounding of
    /// the function values may do to it.
    pub error: f64,
}

/// The total derivative of a scalar by one entry of a tensor, for one example: central
/// differences of fourth order,
/// `(8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h` with `h = step · max(|x|, 1)`.
/// A step of 1e-3 loses least for functions that vary on a scale of 1.
///
/// The point holds values of all tensors that are given; values of defined ones in it are
/// computed anew. Where `wrt` is itself defined, everything after it is, later steps of itself too. What stands
/// under `stop` keeps the value that it has at the point.
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
    base.retain(|name, _| model.definition(name).is_none());
    complete(model, &mut base, std::slice::from_ref(wrt))?;
    let array = base.remove(wrt).ok_or_else(|| MeaningError::Missing(wrt.clone()))?;
    let x = *array.values.get(entry).ok_or_else(|| outside(model, wrt, entry))?;
    let mut direction = Array { values: vec![0.0; array.values.len()], shape: array.shape };
    direction.values[entry] = 1.0;
    let direction = Point::from([(wrt.clone(), direction)]);
    directional_difference(model, point, scalar, &direction, step * x.abs().max(1.0))
}

/// The total derivative of a scalar in a direction, which holds an array for each tensor that moves:
/// the sum over their entries of derivative times direction. A defined tensor moves by its
/// direction beside what its equation makes of all that moves. By the same formula, with `h = step`.
///
/// # Errors
///
/// As [`complete`]; and where `scalar` is no scalar or an array has the wrong shape.
pub fn directional_difference(
    model: &Model,
    point: &Point,
    scalar: &Name,
    direction: &Point,
    step: f64,
) -> Result<Difference, MeaningError> {
    let mut base = point.clone();
    base.retain(|name, _| model.definition(name).is_none());
    let moving: Vec<Name> = direction.keys().cloned().collect();
    // Checks what moves, and adds constants that are not in the point.
    let mut whole = base.clone();
    complete(model, &mut whole, &moving)?;
    base.extend(whole.into_iter().filter(|(name, _)| model.definition(name).is_none()));
    let (defined, given): (Vec<_>, Vec<_>) = direction.iter().partition(|(name, _)| model.definition(name).is_some());
    let scaled = |by: &Array, distance: f64| Array {
        shape: by.shape.clone(),
        values: by.values.iter().map(|by| distance * by).collect(),
    };
    let mut held = base.clone();
    complete(model, &mut held, std::slice::from_ref(scalar))?;
    // What does not move is not computed again.
    let moves = model.tensors.dependents(&moving);
    base.extend(
        held.iter().filter(|(name, _)| !moves.contains(*name)).map(|(name, array)| (name.clone(), array.clone())),
    );
    let mut value = |distance: f64| -> Result<f64, MeaningError> {
        let mut moved = base.clone();
        for (name, by) in &given {
            if let Some(array) = moved.get_mut(*name) {
                array.values.iter_mut().zip(&by.values).for_each(|(x, by)| *x += distance * by);
            }
        }
        let offsets = defined.iter().map(|(name, by)| ((*name).clone(), scaled(by, distance))).collect();
        complete_moved(model, &mut moved, std::slice::from_ref(scalar), &offsets, Some(&held))?;
        scalar_value(&moved, scalar)
    };
    difference_quotient(&mut value, step)
}

/// The derivative at 0 of a function, by the formula of [`finite_difference`] with `h = step`.
///
/// # Errors
///
/// Those of the function.
pub fn difference_quotient(
    f: &mut dyn FnMut(f64) -> Result<f64, MeaningError>,
    step: f64,
) -> Result<Difference, MeaningError> {
    let mut size = 0f64;
    let mut sized = |x: f64| -> Result<f64, MeaningError> {
        let value = f(x)?;
        size = size.max(value.abs());
        Ok(value)
    };
    // Half of the step, the step and twice the step: the values at the step are those of both formulas.
    let mut differences = [0.0; 3];
    for (difference, h) in differences.iter_mut().zip([step / 2.0, step, 2.0 * step]) {
        *difference = sized(h)? - sized(-h)?;
    }
    let [half, near, far] = differences;
    let (coarse, fine) = ((8.0 * near - far) / (12.0 * step), (8.0 * half - near) / (6.0 * step));
    Ok(Difference { value: coarse, error: (coarse - fine).abs() + ROUNDINGS * f64::EPSILON * size / step })
}

/// How many roundings of the last place of a function value a quotient may hold: those of the formula, and a few that
/// the function itself makes.
const ROUNDINGS: f64 = 16.0;

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
