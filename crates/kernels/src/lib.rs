//! Slices, strides and sizes to numbers: the loops in which all time is spent, and the only
//! `unsafe` code.
//!
//! A loop is checked once, where it is made: every access inside the arena, and no place written
//! by two threads. After that it runs unchecked. All loops are compiled for several vector units
//! and the widest that the processor has is taken. The order of every sum is fixed by the
//! shapes, so results do not depend on the number of threads.

mod arena;
mod check;
#[cfg(target_arch = "x86_64")]
mod emit;
mod gather;
mod machine;
mod math;
mod number;
mod peak;
mod product;
mod reduce;
mod scatter;
mod threads;
mod tile;
mod walk;

pub use arena::Arena;
pub use peak::peak;
pub use product::{Bias, Dimension, Ending, Product, ProductSpec, Workspace};
pub use scatter::{Key, Scatter, ScatterSpec};
pub use threads::Team;
pub use walk::{Access, Binary, Bound, Comparison, Instruction, Loop, Reduction, Unary, Walk, WalkSpec};

#[cfg(test)]
mod tests;
