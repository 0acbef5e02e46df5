//! The value of a matrix expression, in plain loops. It knows shapes and nothing of indices, so
//! that a wrong transpose or a wrong order of factors gives other numbers, or none.

use super::tree::Matrix;
use crate::meaning::{MeaningError, Point, evaluate_entries, scalar_function};
use crate::model::{Model, Role};
use crate::term::{Connective, Index, Name, Reduction, Term};

/// A matrix of doubles, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// How many rows.
    pub rows: usize,
    /// How many columns.
    pub columns: usize,
    /// The entries.
    pub values: Vec<f64>,
}

/// Why a matrix expression has no value.
#[derive(Debug, Clone, PartialEq)]
pub enum MatrixError {
    /// A tensor has no value.
    Missing(Name),
    /// The shapes of an operation do not fit; which operation.
    Shape(&'static str),
    /// The term to compare with has no value.
    Meaning(MeaningError),
}

impl std::fmt::Display for MatrixError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MatrixError::Missing(name) => write!(f, "`{name}` has no value"),
            MatrixError::Shape(operation) => write!(f, "the shapes in a {operation} do not fit"),
            MatrixError::Meaning(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MatrixError {}

impl Dense {
    fn scalar(value: f64) -> Dense {
        Dense { rows: 1, columns: 1, values: vec![value] }
    }

    fn from_fn(rows: usize, columns: usize, entry: impl Fn(usize, usize) -> f64) -> Dense {
        let entry = &entry;
        let values = (0..rows).flat_map(|row| (0..columns).map(move |column| entry(row, column))).collect();
        Dense { rows, columns, values }
    }

    /// An entry.
    pub fn get(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.columns + column]
    }

    fn is_scalar(&self) -> bool {
        self.rows == 1 && self.columns == 1
    }

    fn transposed(&self) -> Dense {
        Dense::from_fn(self.columns, self.rows, |row, column| self.get(column, row))
    }

    fn times(&self, other: &Dense) -> Result<Dense, MatrixError> {
        if self.columns != other.rows {
            return Err(MatrixError::Shape("product"));
        }
        let entry = |row, column| (0..self.columns).map(|inner| self.get(row, inner) * other.get(inner, column)).sum();
        Ok(Dense::from_fn(self.rows, other.columns, entry))
    }

    fn map(&self, f: impl Fn(f64) -> f64) -> Dense {
        Dense { values: self.values.iter().map(|value| f(*value)).collect(), ..*self }
    }
}

/// Values of tensors by name: a scalar, a column or a matrix.
pub(super) type Values<'a> = &'a dyn Fn(&str) -> Option<Dense>;

impl Matrix {
    /// Its value, given values for all tensors that are read in it.
    ///
    /// # Errors
    /// A tensor without a value, shapes that do not fit.
    pub fn evaluate(&self, model: &Model, point: &Point) -> Result<Dense, MatrixError> {
        self.value(&|name| tensor_value(model, point, name))
    }

    pub(super) fn value(&self, tensors: Values) -> Result<Dense, MatrixError> {
        let all = |parts: &[Matrix]| parts.iter().map(|part| part.value(tensors)).collect::<Result<Vec<_>, _>>();
        let square =
            |matrix: &Dense| (matrix.rows == matrix.columns).then_some(()).ok_or(MatrixError::Shape("diagonal"));
        match self {
            Matrix::Number(number) => Ok(Dense::scalar(number.value())),
            Matrix::Size(size) => Ok(Dense::scalar(size.value as f64)),
            Matrix::Tensor { name, .. } => tensors(name).ok_or_else(|| MatrixError::Missing(name.clone())),
            Matrix::Ones(length) => Ok(Dense::from_fn(*length, 1, |_, _| 1.0)),
            Matrix::Identity(size) => {
                Ok(Dense::from_fn(*size, *size, |row, column| f64::from(u8::from(row == column))))
            }
            Matrix::Sum(addends) => entrywise(tensors, "sum", addends, |values| values.iter().sum()),
            Matrix::Hadamard(factors) => {
                broadcast("Hadamard product", factors, all(factors)?, |values| values.iter().product())
            }
            Matrix::Scaled(scalars, inner) => {
                let scalars = all(scalars)?;
                if !scalars.iter().all(Dense::is_scalar) {
                    return Err(MatrixError::Shape("product with a scalar"));
                }
                let scale: f64 = scalars.iter().map(|scalar| scalar.values[0]).product();
                Ok(inner.value(tensors)?.map(|value| scale * value))
            }
            Matrix::Product(factors) => {
                let factors = all(factors)?;
                // From the right where that keeps a column: far fewer operations.
                let is_column = factors.last().is_some_and(|last| last.columns == 1);
                let (first, rest) = match is_column {
                    true => factors.split_last(),
                    false => factors.split_first(),
                }
                .ok_or(MatrixError::Shape("product"))?;
                match is_column {
                    true => rest.iter().rev().try_fold(first.clone(), |product, factor| factor.times(&product)),
                    false => rest.iter().try_fold(first.clone(), |product, factor| product.times(factor)),
                }
            }
            Matrix::Quotient(above, below) => {
                let below = below.value(tensors)?;
                if below.is_scalar() {
                    return Ok(above.value(tensors)?.map(|value| value / below.values[0]));
                }
                let values = vec![above.value(tensors)?, below];
                broadcast("quotient", std::slice::from_ref(&**above), values, |values| values[0] / values[1])
            }
            Matrix::Power(base, exponent) => {
                let exponent = exponent.value(tensors)?;
                if exponent.is_scalar() {
                    return Ok(base.value(tensors)?.map(|value| value.powf(exponent.values[0])));
                }
                with_values(tensors, "power", &[base], &[exponent], |values| values[0].powf(values[1]))
            }
            Matrix::Call(function, arguments) => entrywise(tensors, "function", arguments, |values| {
                scalar_function(*function, values).unwrap_or(f64::NAN)
            }),
            Matrix::Transposed(inner) => Ok(inner.value(tensors)?.transposed()),
            Matrix::Diagonal(inner) => {
                let column = inner.value(tensors)?;
                if column.columns != 1 {
                    return Err(MatrixError::Shape("diagonal matrix"));
                }
                let entry = |row, other| if row == other { column.get(row, 0) } else { 0.0 };
                Ok(Dense::from_fn(column.rows, column.rows, entry))
            }
            Matrix::DiagonalOf(inner) => {
                let matrix = inner.value(tensors)?;
                square(&matrix)?;
                Ok(Dense::from_fn(matrix.rows, 1, |row, _| matrix.get(row, row)))
            }
            Matrix::Trace(inner) => {
                let matrix = inner.value(tensors)?;
                square(&matrix)?;
                Ok(Dense::scalar((0..matrix.rows).map(|row| matrix.get(row, row)).sum()))
            }
            Matrix::SquaredNorm(inner) => {
                Ok(Dense::scalar(inner.value(tensors)?.values.iter().map(|value| value * value).sum()))
            }
            Matrix::Whole(reduction, inner) => Ok(Dense::scalar(reduced(*reduction, &inner.value(tensors)?.values))),
            Matrix::Rows(reduction, inner) => {
                let matrix = inner.value(tensors)?;
                let row = |row: usize| &matrix.values[row * matrix.columns..][..matrix.columns];
                Ok(Dense::from_fn(matrix.rows, 1, |number, _| reduced(*reduction, row(number))))
            }
            Matrix::Softmax { of, rows: true } => Ok(row_softmax(&of.value(tensors)?)),
            Matrix::Softmax { of, rows: false } => Ok(row_softmax(&of.value(tensors)?.transposed()).transposed()),
            Matrix::Compare(comparison, left, right) => {
                let holds = |values: &[f64]| f64::from(u8::from(comparison.holds(values[0], values[1])));
                with_values(tensors, "comparison", &[left, right], &[], holds)
            }
            Matrix::Logic(connective, conditions) => entrywise(tensors, "condition", conditions, |values| {
                let mut holds = values.iter().map(|value| *value != 0.0);
                f64::from(u8::from(match connective {
                    Connective::And => holds.all(|holds| holds),
                    Connective::Or => holds.any(|holds| holds),
                    Connective::Not => !holds.any(|holds| holds),
                }))
            }),
            Matrix::Where(condition, then, otherwise) => {
                let choose = |values: &[f64]| if values[0] != 0.0 { values[1] } else { values[2] };
                with_values(tensors, "branch", &[condition, then, otherwise], &[], choose)
            }
        }
    }
}

/// An operation on the entries of matrices of one shape; a number written as such fits all shapes.
fn entrywise(
    tensors: Values,
    operation: &'static str,
    parts: &[Matrix],
    f: impl Fn(&[f64]) -> f64,
) -> Result<Dense, MatrixError> {
    with_values(tensors, operation, &parts.iter().collect::<Vec<_>>(), &[], f)
}

/// As [`entrywise`] of values, those of `parts` first; what is one row or one column goes with all rows or columns
/// of the others.
fn broadcast(
    operation: &'static str,
    parts: &[Matrix],
    values: Vec<Dense>,
    f: impl Fn(&[f64]) -> f64,
) -> Result<Dense, MatrixError> {
    let rows = values.iter().map(|value| value.rows).max().unwrap_or(1);
    let columns = values.iter().map(|value| value.columns).max().unwrap_or(1);
    let fits = |(number, value): (usize, &Dense)| {
        let is_number = matches!(parts.get(number), Some(Matrix::Number(_)));
        let (all_rows, all_columns) = (value.rows == rows, value.columns == columns);
        is_number || (all_rows && all_columns) || (all_rows && value.columns == 1) || (all_columns && value.rows == 1)
    };
    if !values.iter().enumerate().all(fits) {
        return Err(MatrixError::Shape(operation));
    }
    let at = |place: usize, extent: usize| if extent == 1 { 0 } else { place };
    let entry = |row, column| {
        let own = |value: &Dense| value.get(at(row, value.rows), at(column, value.columns));
        f(&values.iter().map(own).collect::<Vec<_>>())
    };
    Ok(Dense::from_fn(rows, columns, entry))
}

fn with_values(
    tensors: Values,
    operation: &'static str,
    parts: &[&Matrix],
    further: &[Dense],
    f: impl Fn(&[f64]) -> f64,
) -> Result<Dense, MatrixError> {
    let mut values: Vec<(bool, Dense)> = Vec::new();
    for part in parts {
        values.push((matches!(part, Matrix::Number(_)), part.value(tensors)?));
    }
    values.extend(further.iter().map(|value| (false, value.clone())));
    let (rows, columns) =
        values.iter().find(|(number, _)| !number).map_or((1, 1), |(_, value)| (value.rows, value.columns));
    let fits = |(number, value): &(bool, Dense)| *number || (value.rows, value.columns) == (rows, columns);
    if !values.iter().all(fits) {
        return Err(MatrixError::Shape(operation));
    }
    let entry = |row, column| {
        let at = |(number, value): &(bool, Dense)| if *number { value.values[0] } else { value.get(row, column) };
        f(&values.iter().map(at).collect::<Vec<_>>())
    };
    Ok(Dense::from_fn(rows, columns, entry))
}

fn reduced(reduction: Reduction, values: &[f64]) -> f64 {
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let first = |wanted: f64| values.iter().position(|value| *value == wanted).map_or(f64::NAN, |at| at as f64);
    match reduction {
        Reduction::Sum => values.iter().sum(),
        Reduction::Prod => values.iter().product(),
        Reduction::Max => greatest,
        Reduction::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        Reduction::LogSumExp => greatest + values.iter().map(|value| (value - greatest).exp()).sum::<f64>().ln(),
        Reduction::ArgMax => first(greatest),
        Reduction::ArgMin => first(values.iter().copied().fold(f64::INFINITY, f64::min)),
    }
}

fn row_softmax(matrix: &Dense) -> Dense {
    let logarithm =
        |row: usize| reduced(Reduction::LogSumExp, &matrix.values[row * matrix.columns..][..matrix.columns]);
    let logarithms: Vec<f64> = (0..matrix.rows).map(logarithm).collect();
    Dense::from_fn(matrix.rows, matrix.columns, |row, column| (matrix.get(row, column) - logarithms[row]).exp())
}

pub(super) fn tensor_value(model: &Model, point: &Point, name: &str) -> Option<Dense> {
    if let Some(array) = point.get(name) {
        let (rows, columns) = match array.shape.as_slice() {
            [] => (1, 1),
            [rows] => (*rows, 1),
            [rows, columns] => (*rows, *columns),
            _ => return None,
        };
        return Some(Dense { rows, columns, values: array.values.clone() });
    }
    match model.tensor(name)?.role {
        Role::Const(Some(number)) => Some(Dense::scalar(number.value())),
        _ => None,
    }
}

/// How many entries are compared at most.
const MOST_ENTRIES: usize = 400;

/// The greatest difference between a matrix expression and the term it stands for at a point,
/// relative to the greatest entry. All values that the two read must be in the point.
///
/// # Errors
/// Where one of the two has no value, or their shapes differ.
pub fn difference(
    model: &Model,
    point: &Point,
    indices: &[Index],
    term: &Term,
    matrix: &Matrix,
) -> Result<f64, MatrixError> {
    let found = matrix.evaluate(model, point)?;
    let extents: Vec<usize> = indices.iter().map(|index| index.extent.value()).collect();
    let columns = fitting(&found, &extents)?;
    let entry = |flat: usize| [flat / columns, flat % columns].into_iter().take(indices.len()).collect();
    let entries: Vec<Vec<usize>> = compared(&found).map(entry).collect();
    let values = evaluate_entries(model, point, term, indices, &entries, usize::MAX).map_err(MatrixError::Meaning)?.0;
    Ok(worst(&found, values.into_iter()))
}

/// As [`difference`], to the value of a tensor in the point.
///
/// # Errors
/// Where one of the two has no value, or their shapes differ.
pub fn difference_to_tensor(model: &Model, point: &Point, tensor: &Name, matrix: &Matrix) -> Result<f64, MatrixError> {
    let found = matrix.evaluate(model, point)?;
    let expected = point.get(tensor).ok_or_else(|| MatrixError::Missing(tensor.clone()))?;
    fitting(&found, &expected.shape)?;
    Ok(worst(&found, compared(&found).map(|flat| expected.values[flat])))
}

/// The number of columns, where a value has the shape of a tensor with these extents.
fn fitting(found: &Dense, extents: &[usize]) -> Result<usize, MatrixError> {
    let extent = |axis: usize| extents.get(axis).copied().unwrap_or(1);
    let fits = extents.len() <= 2 && (found.rows, found.columns) == (extent(0), extent(1));
    if fits { Ok(found.columns) } else { Err(MatrixError::Shape("comparison with the term")) }
}

/// The entries that are compared, counted row after row.
fn compared(found: &Dense) -> impl Iterator<Item = usize> + use<> {
    (0..found.values.len()).step_by(found.values.len().div_ceil(MOST_ENTRIES).max(1))
}

/// The greatest difference to the expected values of those entries, relative to the greatest of them.
fn worst(found: &Dense, expected: impl Iterator<Item = f64>) -> f64 {
    let (mut size, mut difference) = (1e-3f64, 0.0f64);
    for (flat, expected) in compared(found).zip(expected) {
        let error = (expected - found.values[flat]).abs();
        size = size.max(expected.abs());
        // Not `max`, which would hide a NaN.
        difference = if error.is_nan() || error > difference { error } else { difference };
        if difference.is_nan() {
            break;
        }
    }
    difference / size
}
