//! From plans to results: execution, training, data.

pub mod execute;
