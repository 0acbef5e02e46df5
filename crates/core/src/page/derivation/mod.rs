//! Whole derivations as documents: plain data for any format, and a text for the terminal.

mod document;
mod latex;
mod terminal;

pub use document::{
    AS_WRITTEN, DefinitionPage, Document, GradientPage, JacobianPage, Line, Notations, document, in_full,
};
pub use latex::render_latex;
pub use terminal::{View, render_text, summary};
