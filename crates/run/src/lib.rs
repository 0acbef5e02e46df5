//! From plans to results: execution, arrays in files, data, seeds, training.

pub mod arrays;
pub mod data;
pub mod execute;
pub mod seeds;
