//! Terms as balls: a number of many bits and a bound of its error, so that two values that are different can be
//! told from two that only look so.
//!
//! Values are those of real numbers: nothing overflows, and no digit is lost without being counted. Derivatives come
//! from dual numbers, as in the interpreter of doubles, and all conventions are the same. What so many bits do not
//! tell, such as on which side of a kink a number lies, is asked again with more of them.

mod bound;
mod compare;
mod functions;
mod jet;
mod real;
mod refine;
#[cfg(test)]
mod tests;
mod value;
mod walk;

pub use compare::{Balls, Sides, Sought, magnitude};
pub use refine::{Equation, Finer};

/// Why a term has no ball.
#[derive(Debug, Clone, PartialEq)]
pub enum Lack {
    /// More bits may tell.
    Unsure,
    /// It has no value, as at a pole.
    Undefined,
    /// It has no value, since an argument is not in the domain of its function.
    Outside,
    /// It is, or would be, a number too large for anything here.
    Large,
    /// It would take too long.
    Work,
    /// A tensor without values, a read outside of a tensor, or anything else that is no question of bits.
    Fault,
    /// An entry of a tensor is computed first, so that the calls are not nested too deep: the number of its
    /// variables, its tensor and its place.
    First(Entry),
}

/// An entry of a tensor that moves with some variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The number of a list of variables; 0 for none.
    pub variables: usize,
    /// The position of the tensor in its model.
    pub tensor: usize,
    /// Where it stands, counted over all axes.
    pub place: usize,
}
