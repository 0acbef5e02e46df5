//! What a plan is made of.

use crate::term::{Comparison, Function, Reduction};

/// One step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Matrix products.
    Product(Product),
    /// Matrix products, or else a loop.
    Guarded(Guarded),
    /// A fused loop.
    Walk(Walk),
    /// Addends that go where data say.
    Scatter(Scatter),
    /// Other operations, one step after the other.
    Repeat(Repeat),
}

/// Operations that are done for every step of a recurrence. The steps are the outermost loop of each
/// of them (of a product, the first axis of its batch): all of them do the first step, then all the
/// next.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeat {
    /// How many steps there are.
    pub steps: usize,
    /// Whether the last step is done first.
    pub backward: bool,
    /// In the order in which they run within a step.
    pub operations: Vec<Operation>,
}

/// The target is filled with zeros; then the source at every position of the loops, in their order,
/// is added to the entry of the target that the keys say, or to none where a key is no position.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    /// Outermost first. Those that are reduced over move the source and the keys only.
    pub loops: Vec<Loop>,
    /// What is added.
    pub source: Access,
    /// What decides where to.
    pub keys: Vec<Key>,
    /// Where to, the keys being 0.
    pub target: Access,
}

/// Values that are positions along an axis of the target of a [`Scatter`].
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Where they are.
    pub read: Access,
    /// The extent of the axis.
    pub extent: usize,
    /// The stride of the axis in the target.
    pub stride: i64,
}

impl Scatter {
    /// Additions.
    pub fn flops(&self) -> f64 {
        self.loops.iter().map(|range| range.extent as f64).product()
    }
}

/// How a place is read or written in a loop nest: at `offset + Σ stride · position`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Access {
    /// The number of the place in the plan.
    pub place: usize,
    /// Where in the place it begins, in numbers.
    pub offset: i64,
    /// One for each loop of the operation.
    pub strides: Vec<i64>,
    /// Empty where every position is inside. Otherwise the axes: beyond any of them it reads 0.
    /// A condition that is false there keeps the value from counting.
    pub axes: Vec<Bound>,
}

/// An axis of a place that an access may leave.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bound {
    /// The extent of the axis.
    pub extent: usize,
    /// Its stride in the place.
    pub step: i64,
    /// The position along it at the beginning of all loops.
    pub offset: i64,
    /// What every loop adds to that.
    pub strides: Vec<i64>,
}

/// A loop.
#[derive(Debug, Clone, PartialEq)]
pub struct Loop {
    /// How often it runs.
    pub extent: usize,
    /// The letters of its indices, for printing.
    pub letters: String,
    /// Whether it is reduced over.
    pub reduced: bool,
}

/// An axis of a product, or several that lie in memory like one.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// How many positions it has.
    pub extent: usize,
    /// The letters of its indices, for printing.
    pub letters: String,
    /// What one position more adds in the left factor, in the right one, and in the target.
    pub strides: [i64; 3],
}

/// `target = scale Σ left · right`, the sum over the inner axes: a matrix product over groups of
/// axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// Axes of both factors and the target.
    pub batch: Vec<Axis>,
    /// Axes of the left factor and the target.
    pub rows: Vec<Axis>,
    /// Axes of the right factor and the target.
    pub columns: Vec<Axis>,
    /// Axes of both factors that are summed over.
    pub inner: Vec<Axis>,
    /// The places of left, right and target.
    pub places: [usize; 3],
    /// Where in its place each begins.
    pub offsets: [i64; 3],
    /// A factor of the result.
    pub scale: f64,
    /// Whether it is `target -= rate · scale Σ left · right`: a step of gradient descent.
    pub descends: bool,
    /// Whether results stay the same when row and column change places, so that half of them are computed.
    pub symmetric: bool,
    /// A number that is added to symmetric results whose row is their column.
    pub diagonal: f64,
    /// The place of factors of the summands, one for each.
    pub weights: Option<usize>,
    /// What is done with finished results.
    pub ending: Ending,
}

/// What a product does with a finished result: a number of its row or its column is added, then it becomes `relu` of
/// itself, then 0 where another value is not positive. By default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ending {
    /// What is added.
    pub bias: Option<Bias>,
    /// Whether it becomes `relu` of itself.
    pub rectifies: bool,
    /// The place of a value with the layout of the target.
    pub positive: Option<usize>,
}

/// Numbers side by side that are added to results, one for each row or for each column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bias {
    /// Where they are.
    pub place: usize,
    /// Where in the place they begin.
    pub offset: i64,
    /// Whether there is one for each row.
    pub by_rows: bool,
}

impl Ending {
    /// The places it reads.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.bias.map(|bias| bias.place).into_iter().chain(self.positive)
    }
}

/// A sum of products in which a condition keeps a factor from counting where the other one, a copy, was
/// made 0. That is a matrix product, but 0 times what is not finite is NaN: where that may be, a loop does all of it,
/// what the product does with its results among it.
#[derive(Debug, Clone, PartialEq)]
pub struct Guarded {
    /// The products.
    pub product: Product,
    /// The same sums, in which the condition is looked at.
    pub walk: Walk,
    /// What is looked at to tell.
    pub doubt: Doubt,
}

/// How it is told that a [`Guarded`] product may have multiplied 0 with what is not finite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// A result is NaN: the loop computes all of them again.
    Results,
    /// One of these places holds what is not finite: the loop runs instead of the product.
    Operands(Vec<usize>),
}

/// A loop nest around a program. Values are computed by the program for every position of the
/// loops; where there is a reduction, its last value is reduced over some of the loops, and the
/// ending computes with the results.
#[derive(Debug, Clone, PartialEq)]
pub struct Walk {
    /// Outermost first. All but the last two have those that are not reduced over in front; the
    /// last two are the rows and columns of tiles.
    pub loops: Vec<Loop>,
    /// What is read.
    pub reads: Vec<Access>,
    /// Instruction k computes value k; a value is used after it is computed.
    pub program: Vec<Instruction>,
    /// Reduces the last value of the program.
    pub reduction: Option<Reduction>,
    /// Where there is a reduction: a program for every result, value 0 being the result. What it
    /// reads does not move in the loops that are reduced over.
    pub ending: Vec<Instruction>,
    /// Values of the ending, or of the program where there is no reduction, that are kept.
    pub stores: Vec<Store>,
}

/// A value of a program that is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    /// The number of the value.
    pub value: usize,
    /// Where to; it does not move in loops that are reduced over.
    pub access: Access,
}

/// An instruction of a register program; operands are numbers of values.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Instruction {
    /// The result of the reduction; the first of every ending.
    Reduced,
    Constant(f64),
    /// The rate of the run.
    Rate,
    /// The read of that number.
    Read(usize),
    /// The read of that number, where subscripts are computed: pairs of an axis of it and the value
    /// along that axis. NaN where a value is no position of its axis.
    Gather {
        read: usize,
        subscripts: Vec<(usize, usize)>,
    },
    /// `offset + Σ stride · position` as a number.
    Position {
        offset: i64,
        strides: Vec<i64>,
    },
    Unary(Unary, usize),
    Binary(Binary, usize, usize),
    /// 1 or 0.
    Compare(Comparison, usize, usize),
    /// The second where the first is not 0, else the third, whatever the other is.
    Select(usize, usize, usize),
}

/// Functions of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Unary {
    Negative,
    Inverse,
    Square,
    /// `x^(1/2)`; infinite at minus infinity, as powers are and the square root is not.
    HalfPower,
    /// `x^(-1/2)`
    InverseRoot,
    /// 1 where it is 0, else 0.
    Not,
    Call(Function),
}

/// Functions of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

impl Instruction {
    /// The values it computes with.
    pub fn operands(&self) -> Vec<usize> {
        match self {
            Instruction::Reduced
            | Instruction::Constant(_)
            | Instruction::Rate
            | Instruction::Read(_)
            | Instruction::Position { .. } => Vec::new(),
            Instruction::Gather { subscripts, .. } => subscripts.iter().map(|(_, value)| *value).collect(),
            Instruction::Unary(_, a) => vec![*a],
            Instruction::Binary(_, a, b) | Instruction::Compare(_, a, b) => vec![*a, *b],
            Instruction::Select(a, b, c) => vec![*a, *b, *c],
        }
    }
}

impl Operation {
    /// Multiplications, additions, and other instructions that compute.
    pub fn flops(&self) -> f64 {
        match self {
            Operation::Product(product) | Operation::Guarded(Guarded { product, .. }) => product.flops(),
            Operation::Walk(walk) => walk.flops(),
            Operation::Scatter(scatter) => scatter.flops(),
            Operation::Repeat(repeat) => repeat.operations.iter().map(Operation::flops).sum(),
        }
    }
}

impl Product {
    /// The groups of axes: batch, rows, columns, inner.
    pub fn groups(&self) -> [&[Axis]; 4] {
        [&self.batch, &self.rows, &self.columns, &self.inner]
    }

    /// Multiplications and additions of the products; of symmetric results only those on one side of the diagonal and
    /// on it.
    pub fn flops(&self) -> f64 {
        let size = |axes: &[Axis]| axes.iter().map(|axis| axis.extent as f64).product::<f64>();
        let [batch, rows, columns, inner] = self.groups().map(size);
        let results = if self.symmetric { rows * (rows + 1.0) / 2.0 } else { rows * columns };
        2.0 * batch * results * inner
    }
}

impl Walk {
    /// Positions of the loops, times the instructions that compute.
    pub fn flops(&self) -> f64 {
        let computes = |code: &[Instruction]| code.iter().filter(|one| !one.operands().is_empty()).count() as f64;
        let positions = |reduced: bool| -> f64 {
            let loops = self.loops.iter().filter(|range| reduced || !range.reduced);
            loops.map(|range| range.extent as f64).product()
        };
        let program = computes(&self.program) + if self.reduction.is_some() { 1.0 } else { 0.0 };
        program * positions(true) + computes(&self.ending) * positions(false)
    }
}
