//! Printing: terms, matrix expressions and whole derivations become [`Markup`], and that becomes
//! plain text or LaTeX.
//!
//! Index notation is always a valid expression of the language. Matrix notation is a translation,
//! which has an evaluator of its own, so that it can be held to the term it stands for.

mod breaking;
pub mod derivation;
mod einsum;
mod glyphs;
pub mod index;
pub mod jacobian;
mod latex;
mod markup;
mod mathml;
pub mod matrix;
mod text;

pub use einsum::{Einsum, EinsumProgram, Intermediate, einsum, einsum_program, einsum_sum};
pub use latex::{latex, latex_lines, latex_words};
pub use markup::Markup;
pub use mathml::mathml;
pub use text::{text, width, wrap};
