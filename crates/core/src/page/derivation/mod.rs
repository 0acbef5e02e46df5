//! Whole derivations as documents: plain data, and a text, a page or a paper made of it.

mod conventions;
mod cotangents;
mod document;
mod fold;
mod html;
mod latex;
mod markdown;
mod notes;
mod results;
mod terminal;
mod typed;
mod view;
mod walk;
mod write;

pub use conventions::Unguarded;
pub use cotangents::{Cotangent, Names};
pub use document::{AS_WRITTEN, DefinitionPage, Document, GradientPage, JacobianPage, Line, NamePage, Notations};
pub use html::render_html;
pub use latex::render_latex;
pub use markdown::render_markdown;
pub use results::in_names;
pub use terminal::{render_text, summary};
pub use typed::typed;
pub use view::{Notation, View};
pub use write::{Contents, document};
