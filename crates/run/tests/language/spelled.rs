//! Models to be tried.

pub const TEXTS: &[&str] = &[];
