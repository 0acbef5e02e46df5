//! Derivatives of what slides, strides, gathers and recurs: short, right, and exact.

mod accepted;
mod conventions;
mod differences;
mod domains;
mod hand;
mod linear;
mod nested;
mod recurrent;
