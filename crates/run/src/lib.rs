//! From plans to results: execution, arrays in files, data, seeds, evaluation, training.

pub mod arrays;
pub mod bench;
pub mod data;
pub mod evaluate;
pub mod execute;
pub mod seeds;
pub mod train;
