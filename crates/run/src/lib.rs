//! Plans to results: arrays in files, data, seeds, training.

pub mod arrays;
