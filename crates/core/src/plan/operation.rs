//! What a plan is made of.

use crate::term::{Comparison, Function, Name, Reduction};

/// One step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Matrix products.
    Product(Product),
    /// A fused loop.
    Walk(Walk),
}

/// How a place is read or written in a loop nest: at `offset + Σ stride · position`.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    /// The number of the place in the plan.
    pub place: usize,
    /// Where in the place it begins, in numbers.
    pub offset: i64,
    /// One for each loop of the operation.
    pub strides: Vec<i64>,
}

/// A loop.
#[derive(Debug, Clone, PartialEq)]
pub struct Loop {
    /// How often it runs.
    pub extent: usize,
    /// The letters of its indices, for printing.
    pub letters: String,
}

/// A loop around a matrix product.
#[derive(Debug, Clone, PartialEq)]
pub struct Outer {
    /// How often it runs, and its letters.
    pub range: Loop,
    /// Whether the products are added up over it.
    pub summed: bool,
}

/// `target (+)= scale · left · right`: a matrix product of `rows × inner` by `inner × columns`
/// for all positions of the outer loops.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// The loops around, outermost first, those that are summed last.
    pub outer: Vec<Outer>,
    /// The rows of the left factor.
    pub rows: Loop,
    /// The columns of the right factor.
    pub columns: Loop,
    /// What is summed over.
    pub inner: Loop,
    /// Strides over the outer loops, then rows, columns, inner; that of columns is 0.
    pub left: Access,
    /// Likewise; the stride of rows is 0.
    pub right: Access,
    /// Likewise; the strides of inner and the summed loops are 0.
    pub target: Access,
    /// A factor of the result.
    pub scale: f64,
    /// Whether it is `target -= rate · scale · left · right`: a step of gradient descent.
    pub descends: bool,
}

/// A loop nest around a program. Values are computed in the program for every position of the
/// loops; where there is a reduction, its last value is reduced over the inner loops, and the
/// ending computes with the results.
#[derive(Debug, Clone, PartialEq)]
pub struct Walk {
    /// Outermost first: `kept` loops over results, then those that are reduced over.
    pub loops: Vec<Loop>,
    /// How many loops are over results.
    pub kept: usize,
    /// What the program reads.
    pub reads: Vec<Access>,
    /// Instruction k computes value k; a value is used after it is computed.
    pub program: Vec<Instruction>,
    /// Reduces the last value of the program.
    pub reduction: Option<Reduction>,
    /// Where there is a reduction: a program for every result, value 0 being the result. Its
    /// reads are those of the walk, and do not move in the loops that are reduced over.
    pub ending: Vec<Instruction>,
    /// Values of the ending, or of the program where there is no reduction, that are kept.
    pub stores: Vec<Store>,
}

/// A value of a program that is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    /// The number of the value.
    pub value: usize,
    /// Where to; the strides of loops that are reduced over are 0.
    pub access: Access,
}

/// An instruction of a register program; operands are numbers of values.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Instruction {
    /// The result of the reduction; only the first of an ending.
    Reduced,
    Constant(f64),
    /// The rate of the run.
    Rate,
    /// The read of that number.
    Read(usize),
    /// `offset + Σ stride · position` as a number.
    Position {
        offset: i64,
        strides: Vec<i64>,
    },
    Unary(Unary, usize),
    Binary(Binary, usize, usize),
    /// 1 or 0.
    Compare(Comparison, usize, usize),
    /// `if a != 0 { b } else { c }`, whatever the other is.
    Select(usize, usize, usize),
}

/// Functions of one value.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum Unary {
    Negative,
    Inverse,
    Square,
    /// `1 / sqrt(x)`
    InverseRoot,
    /// An integer power.
    Power(i32),
    /// 1 where it is 0, else 0.
    Not,
    Call(Function),
}

/// Functions of two values.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    And,
    Or,
    Max,
    Min,
    Modulo,
}

/// The name used in printing places that are no tensors.
pub(super) fn temporary(number: usize) -> Name {
    format!("t{number}").into()
}
