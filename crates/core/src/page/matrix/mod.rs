//! Matrix notation: a translation of index notation, with an evaluator of its own so that it can be held
//! to the term it stands for. In column convention for one example ([`translate`]), as textbooks have it,
//! and with the examples along the rows ([`translate_rows`]), as code has it. Each part comes with its
//! [`Reason`].

mod contract;
mod evaluate;
mod markup;
mod reason;
mod rows;
mod translate;
mod tree;

pub use evaluate::{Dense, MatrixError, difference, difference_to_tensor};
pub use reason::{Reason, ReasonKind};
pub use rows::{count_name, difference_rows, examples_of, row_name, translate_rows};
pub use translate::{Translation, translate};
pub use tree::Matrix;
