//! Derivatives of what slides, strides, gathers and recurs: short, right, and exact.

mod hand;
mod linear;
