//! Models: lists of definitions in index notation, every index with its range.
//!
//! The source file becomes one, and so does its gradient: [`Model::extended`] adds the cotangents
//! that a derivation found as further definitions, and the same interpreter, planner and printer
//! serve both.

mod batch;
mod boundary;
mod build;
mod calls;
mod claims;
mod declarations;
mod derivatives;
mod draft;
mod elaborate;
mod form;
mod functions;
mod guards;
mod initialisers;
mod letters;
mod names;
mod outside;
mod promises;
mod ranges;
mod reads;
mod repeat;
mod scope;
pub(crate) mod share;
mod sizes;
mod small;
mod solve;
mod stages;
mod subscripts;
mod symbols;
mod tensors;

pub use build::{DEFAULT_BATCH, build, build_sized, build_with, claims_with};
pub use claims::{Claim, ClaimLine, Given, Misfit, MisfitKind};
pub use derivatives::{derivative_name, derivative_parts};
pub use functions::prelude;
pub use promises::{Assumption, Domain};
pub use small::small_sizes;
pub use stages::{Recurrence, Stage};
pub use symbols::{Sizing, told_sizes};
pub use tensors::Tensors;

use crate::term::{Extent, Index, Name, Number, Polynomial, Size, Term};
use crate::text::Span;
use std::collections::BTreeMap;

/// A list of tensors, each defined by those before it.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// In the order of the file; a definition reads only tensors that stand before it, and earlier
    /// steps of itself or of those it forms a recurrence with (see [`Model::stages`]).
    pub tensors: Tensors,
    /// The names of the scalars that are reported, averaged over examples.
    pub metrics: Vec<Name>,
    /// What declarations promise of the data.
    pub assumptions: Vec<Assumption>,
    /// The names of sizes and their values: no index can have such a letter.
    pub sizes: Vec<(Name, usize)>,
    /// What was said of them when the model was built.
    pub sizing: Sizing,
    /// The symbols in its terms, with the numbers at hand, `batch` too, but for those that the file makes of others.
    pub symbols: Vec<Size>,
    /// What these others are.
    pub relations: BTreeMap<Name, Polynomial>,
    /// The number of examples, where the equations carry the axis of the examples themselves. Then
    /// nothing is added for it: no tensor is per example, and `loss` is what its equation says.
    pub batch: Option<usize>,
    /// What the file says to be equal; nothing depends on it.
    pub claims: Vec<Claim>,
}

/// The name of the scalar that training minimises.
pub const LOSS: &str = "loss";

/// A tensor of a model.
#[derive(Debug, Clone)]
pub struct Tensor {
    /// Its name.
    pub name: Name,
    /// Its extents, for one example, as numbers at hand; a scalar has none.
    pub shape: Vec<usize>,
    /// The same extents as derivations have them: what a named size makes is made of that.
    pub extents: Vec<Extent>,
    /// Where its values come from.
    pub role: Role,
    /// Whether it depends on an input or target: then every example has its own.
    pub per_example: bool,
    /// Where it is declared or defined.
    pub span: Span,
}

/// Where the values of a tensor come from.
#[derive(Debug, Clone)]
pub enum Role {
    /// Given per example.
    Input {
        /// For `int(n)`: its values are integers in `0..n`.
        below: Option<usize>,
    },
    /// Given per example, for the loss and the metrics.
    Target(TargetKind),
    /// Learned.
    Param(Initialiser),
    /// A scalar with its value, or a tensor given with the data.
    Const(Option<Number>),
    /// Defined by an equation. Where the tensor is not per example but the definition reads
    /// tensors that are (a gradient by a parameter), its value is the mean over the examples.
    Defined(Definition),
}

/// What is promised of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// Nothing.
    Real,
    /// One entry along the last axis is 1, the others are 0.
    OneHot,
    /// Entries along the last axis are not negative and sum to one.
    Probability,
    /// Integers in `0..n`.
    Integer(usize),
}

/// How a parameter gets its first values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initialiser {
    /// Every entry the same: `zeros`, `ones`, `constant(c)`.
    Constant(f64),
    /// Independent normal entries. `he` is `sqrt(2 / fan_in)`, `glorot` is
    /// `sqrt(2 / (fan_in + fan_out))`, `lecun` is `sqrt(1 / fan_in)` with mean 0.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        deviation: f64,
    },
    /// Independent entries, uniform in `low..high`.
    Uniform {
        /// Least value.
        low: f64,
        /// Greatest value.
        high: f64,
    },
}

/// `name[indices] = body`.
#[derive(Debug, Clone)]
pub struct Definition {
    /// One for each axis.
    pub indices: Vec<Index>,
    /// The right side; its free indices are among `indices`.
    pub body: Term,
}

impl Definition {
    /// The body at the given subscripts, terms of integer value, one for each axis; `None` where
    /// their number is another.
    pub fn at(&self, subscripts: &[Term]) -> Option<Term> {
        if subscripts.len() != self.indices.len() {
            return None;
        }
        let pairs: Vec<(Index, Term)> = self.indices.iter().cloned().zip(subscripts.iter().cloned()).collect();
        Some(self.body.substitute_terms(&pairs))
    }
}

impl Model {
    /// The tensor of that name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.position(name).map(|position| &self.tensors[position])
    }

    /// The definition of the tensor of that name, if it has one.
    pub fn definition(&self, name: &str) -> Option<&Definition> {
        self.tensor(name)?.definition()
    }

    /// The parameters, in the order of the file.
    pub fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.iter().filter(|tensor| matches!(tensor.role, Role::Param(_)))
    }

    /// The inputs and targets, in the order of the file.
    pub fn data(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.iter().filter(|tensor| matches!(tensor.role, Role::Input { .. } | Role::Target(_)))
    }

    /// Itself with further definitions.
    pub fn extended(&self, definitions: impl IntoIterator<Item = Tensor>) -> Model {
        let tensors = self.tensors.iter().cloned().chain(definitions).collect();
        Model { tensors, ..self.clone() }
    }
}

impl Tensor {
    /// A tensor of these extents.
    pub fn new(name: &str, extents: Vec<Extent>, role: Role, per_example: bool, span: Span) -> Tensor {
        let shape = extents.iter().map(Extent::value).collect();
        Tensor { name: name.into(), shape, extents, role, per_example, span }
    }

    /// Its definition, if it has one.
    pub fn definition(&self) -> Option<&Definition> {
        match &self.role {
            Role::Defined(definition) => Some(definition),
            Role::Input { .. } | Role::Target(_) | Role::Param(_) | Role::Const(_) => None,
        }
    }

    /// How many entries it has, for one example.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it is one integer, which could be a subscript.
    fn is_integer_scalar(&self) -> bool {
        let integer = matches!(self.role, Role::Input { below: Some(_) } | Role::Target(TargetKind::Integer(_)));
        integer && self.shape.is_empty()
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
