//! Values for what is given, by name, so that they stay while a program is made smaller.

use super::common::generator::Dice;
use super::grammar::{Kind, Program};
use std::collections::BTreeMap;

/// Of one example, or of what all examples share.
pub type Values = BTreeMap<String, Vec<f64>>;

/// Where the algebra of reals ends.
const SPECIAL: [f64; 11] =
    [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e-40, -1e-42, 1e30, -1e30, 1e-30, 16777216.0];

/// What kind of numbers a program is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Halves from -2 to 2: zeros and ties, and no rounding.
    Halves,
    /// Any, with a few halves.
    Any,
    /// Any, and one entry in eight is zero, infinite, NaN, subnormal, or huge.
    Special,
    /// The same, but all of one kind.
    OneKind,
}

pub fn manner(seed: u64) -> Manner {
    match Dice::new(seed ^ 0x3A77).below(20) {
        0..5 => Manner::Halves,
        5..13 => Manner::Any,
        13..17 => Manner::Special,
        _ => Manner::OneKind,
    }
}

/// The values of all examples.
pub fn values(program: &Program, seed: u64, examples: usize) -> Vec<Values> {
    let manner = manner(seed);
    let kind = Dice::new(seed ^ 0x6B1D).below(SPECIAL.len());
    let one = |tensor: &super::grammar::Tensor, example: usize| {
        let letters = tensor.name.bytes().fold(seed, |hash, byte| hash.wrapping_mul(131).wrapping_add(byte.into()));
        let mut dice = Dice::new(letters ^ (example as u64) << 40);
        let count: usize = tensor.shape.iter().product();
        let entry = |_| match (tensor.kind, manner) {
            (Kind::Tokens(below), _) => dice.below(below) as f64,
            (_, Manner::Special) if dice.chance(12) => single(SPECIAL[dice.below(SPECIAL.len())]),
            (_, Manner::OneKind) if dice.chance(20) => single(SPECIAL[kind]),
            (_, Manner::Halves) => dice.below(9) as f64 / 2.0 - 2.0,
            _ if dice.chance(25) => dice.below(9) as f64 / 2.0 - 2.0,
            _ => single(1.5 * dice.value()),
        };
        (0..count).map(entry).collect::<Vec<f64>>()
    };
    let each = |example: usize| {
        let of = |tensor: &super::grammar::Tensor| {
            let shared = matches!(tensor.kind, Kind::Param | Kind::Const);
            (tensor.name.clone(), one(tensor, if shared { 0 } else { example }))
        };
        program.tensors.iter().map(of).collect()
    };
    (0..examples).map(each).collect()
}

fn single(value: f64) -> f64 {
    value as f32 as f64
}
