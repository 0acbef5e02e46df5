//! Printing: terms, matrix expressions and whole derivations become [`Markup`], and that becomes
//! plain text or LaTeX.
//!
//! Index notation is always a valid expression of the language. Matrix notation is a translation,
//! which has an evaluator of its own, so that it can be held to the term it stands for.

pub mod derivation;
mod einsum;
pub mod index;
mod latex;
mod markup;
pub mod matrix;
mod text;

pub use einsum::{Einsum, EinsumProgram, Intermediate, einsum, einsum_program, einsum_sum};
pub use latex::latex;
pub use markup::Markup;
pub use text::{text, width, wrap};
