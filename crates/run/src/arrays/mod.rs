//! Arrays, and the files of NumPy they are kept in: `.npy`, one array, and `.npz`, several by name.
//!
//! The format of `.npy` is that of NumPy Enhancement Proposal 1 and its versions 2 and 3; `.npz` is
//! a ZIP archive of them. Files are not trusted: sizes are checked before memory is taken, and
//! objects, which NumPy keeps as programs to be run, are refused.

mod atomic;
mod error;
mod half;
mod header;
mod npy;
mod npz;

pub use atomic::write_atomically;
pub(crate) use error::reason;
pub use error::{ArrayError, Fault};
pub use npy::{read_npy, write_npy};
pub use npz::{LARGEST, read_npz, read_npz_within, write_npz};

use deltarule_core::meaning;

/// A dense array, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    values: Values,
}

/// The values of an array. Everything that is not kept in single precision is read in double
/// precision, integers and truth values too, as long as that is exact.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

impl Array {
    /// An array; `None` where the number of values is not the product of the extents.
    pub fn new(shape: Vec<usize>, values: Values) -> Option<Array> {
        (entries(&shape) == Some(values.len())).then_some(Array { shape, values })
    }

    /// In single precision; `None` as for [`Array::new`].
    pub fn f32(shape: Vec<usize>, values: Vec<f32>) -> Option<Array> {
        Array::new(shape, Values::F32(values))
    }

    /// In double precision; `None` as for [`Array::new`].
    pub fn f64(shape: Vec<usize>, values: Vec<f64>) -> Option<Array> {
        Array::new(shape, Values::F64(values))
    }

    /// The extent of each axis; a scalar has none.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// As many as the product of the extents.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The values in double precision.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.values {
            Values::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
            Values::F64(values) => values.clone(),
        }
    }

    /// The values in single precision, rounded to nearest.
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.values {
            Values::F32(values) => values.clone(),
            Values::F64(values) => values.iter().map(|&value| value as f32).collect(),
        }
    }
}

impl Values {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Values::F32(values) => values.len(),
            Values::F64(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them, in double precision; `None` where there is none of that number.
    pub fn get(&self, entry: usize) -> Option<f64> {
        match self {
            Values::F32(values) => values.get(entry).map(|&value| f64::from(value)),
            Values::F64(values) => values.get(entry).copied(),
        }
    }
}

impl From<Array> for meaning::Array {
    fn from(array: Array) -> meaning::Array {
        let values = match array.values {
            Values::F32(values) => values.into_iter().map(f64::from).collect(),
            Values::F64(values) => values,
        };
        meaning::Array { shape: array.shape, values }
    }
}

/// The product of the extents; `None` where it does not fit.
fn entries(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent))
}
