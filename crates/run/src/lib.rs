//! From plans to results: execution, arrays in files, data, seeds, training.

pub mod arrays;
pub mod execute;
