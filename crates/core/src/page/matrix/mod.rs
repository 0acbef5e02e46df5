//! Matrix notation, in column convention for one example: a translation of index notation, with
//! an evaluator of its own so that it can be held to the term it stands for.

mod contract;
mod evaluate;
mod markup;
mod translate;
mod tree;

pub use evaluate::{Dense, MatrixError, difference, difference_to_tensor};
pub use translate::{Translation, translate};
pub use tree::Matrix;
