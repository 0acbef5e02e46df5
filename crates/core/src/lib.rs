//! The pure heart of Deltarule: text to tree to model, derivation, plan, and printing.

pub mod derivation;
pub mod meaning;
pub mod model;

pub mod page;
pub mod plan;
pub mod proof;
pub mod syntax;
pub mod term;
pub mod text;
