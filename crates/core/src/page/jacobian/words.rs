//! The names of structures.

use crate::term::Index;

/// What a matrix looks like.
#[derive(Debug, Clone, PartialEq)]
pub enum Structure {
    /// All entries are 0.
    Zero,
    /// One entry.
    Single,
    /// One row: the derivative of a scalar.
    Row,
    /// One column: the derivative by a scalar.
    Column,
    /// The identity.
    Identity,
    /// The identity times a scalar.
    Multiple,
    /// The identity with its columns in another order, as for a transpose.
    Permutation,
    /// At most one 1 in every row, at a place that the row decides.
    Selection,
    /// Only the diagonal.
    Diagonal,
    /// The identity over pairs of a row and a column index, times the same block everywhere: `I ⊗ B`, or `B ⊗ I`
    /// where those indices come last.
    Kronecker {
        /// The pairs.
        pairs: Vec<(Index, Index)>,
        /// The block.
        block: Box<Structure>,
        /// Whether the identity comes last.
        last: bool,
    },
    /// One block for every value of pairs of a row and a column index that are equal, 0 between different ones.
    Blocks(Vec<(Index, Index)>, Box<Structure>),
    /// What it is once rows or columns are put in another order.
    Permuted {
        /// Whether the rows are.
        rows: bool,
        /// Whether the columns are.
        columns: bool,
        /// What it is then.
        inner: Box<Structure>,
    },
    /// A diagonal and something else, added or subtracted.
    DiagonalAnd {
        /// Whether it is subtracted.
        minus: bool,
        /// What it is.
        rest: Box<Structure>,
    },
    /// A column times a row.
    Outer,
    /// A product through so few values that the rank is at most that.
    LowRank(usize),
    /// Entries depend on column minus stride times row only: a convolution.
    Toeplitz {
        /// The row and the column of every axis that slides.
        pairs: Vec<(Index, Index)>,
        /// How far a step of each row moves its column.
        strides: Vec<i64>,
        /// Whether entries far from the diagonal are 0.
        banded: bool,
        /// Whether there are other indices, so that it is so for blocks.
        blocks: bool,
    },
    /// Entries are 0 unless column minus stride times row is between two numbers: a window that moves.
    Banded {
        /// The row and the column of every axis that slides.
        pairs: Vec<(Index, Index)>,
        /// How far a step of each row moves its column.
        strides: Vec<i64>,
        /// Whether there are other indices, so that it is so for blocks.
        blocks: bool,
    },
    /// 0 above the diagonal, or below it, of a row and a column index.
    Triangular {
        /// The row and the column.
        pair: (Index, Index),
        /// Whether it is 0 above.
        lower: bool,
        /// Whether there are other indices, so that it is so for blocks.
        blocks: bool,
    },
    /// Conditions on indices, or equations between values, make entries 0, in none of these patterns.
    Sparse,
    /// Nothing makes an entry 0, and it is nothing of these.
    Dense,
}

impl std::fmt::Display for Structure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let letters = |pairs: &[(Index, Index)]| {
            pairs.iter().map(|(row, _)| row.letter.to_string()).collect::<Vec<_>>().join(", ")
        };
        match self {
            Structure::Zero => f.write_str("zero"),
            Structure::Single => f.write_str("one entry"),
            Structure::Row => f.write_str("a row"),
            Structure::Column => f.write_str("a column"),
            Structure::Identity => f.write_str("the identity"),
            Structure::Multiple => f.write_str("a multiple of the identity"),
            Structure::Permutation => f.write_str("a permutation"),
            Structure::Diagonal => f.write_str("diagonal"),
            Structure::Selection => f.write_str("a selection (at most one 1 in every row)"),
            Structure::Kronecker { block, last: false, .. } => {
                write!(f, "Kronecker product of the identity and {}", article(block))
            }
            Structure::Kronecker { block, .. } => write!(f, "Kronecker product of {} and the identity", article(block)),
            Structure::Permuted { rows, columns, inner } => {
                let what = match (rows, columns) {
                    (true, true) => "rows and columns",
                    (true, false) => "rows",
                    _ => "columns",
                };
                match &**inner {
                    Structure::Blocks(over, block) => {
                        write!(
                            f,
                            "block diagonal over {} up to the order of its {what}, each block {block}",
                            letters(over)
                        )
                    }
                    other => write!(f, "{other} up to the order of its {what}"),
                }
            }
            Structure::Blocks(over, block) => {
                write!(f, "block diagonal over {}, each block {block}", letters(over))
            }
            Structure::DiagonalAnd { minus, rest } => {
                write!(f, "diagonal {} {}", if *minus { "minus" } else { "plus" }, article(rest))
            }
            Structure::Outer => f.write_str("an outer product (rank one)"),
            Structure::LowRank(rank) => write!(f, "of rank at most {rank}"),
            Structure::Toeplitz { strides, banded, blocks, .. } => {
                let kind = if *blocks { "block Toeplitz" } else { "Toeplitz" };
                write!(f, "{}{kind}{} (a convolution)", if *banded { "banded " } else { "" }, steps(strides))
            }
            Structure::Banded { strides, blocks, .. } => {
                write!(f, "{}banded{}", if *blocks { "block " } else { "" }, steps(strides))
            }
            Structure::Triangular { lower, blocks, .. } => {
                let side = if *lower { "lower triangular" } else { "upper triangular" };
                write!(f, "{}{side}", if *blocks { "block " } else { "" })
            }
            Structure::Sparse => f.write_str("sparse"),
            Structure::Dense => f.write_str("dense"),
        }
    }
}

/// The strides in words, where one is not 1.
fn steps(strides: &[i64]) -> String {
    let all: Vec<String> = strides.iter().map(i64::to_string).collect();
    match strides {
        _ if strides.iter().all(|stride| *stride == 1) => String::new(),
        [first, rest @ ..] if rest.iter().all(|stride| stride == first) => format!(" with stride {first}"),
        _ => format!(" with strides {}", all.join(" and ")),
    }
}

/// The structure as a noun.
fn article(structure: &Structure) -> String {
    match structure {
        Structure::Outer => "an outer product".into(),
        Structure::Diagonal
        | Structure::Dense
        | Structure::Sparse
        | Structure::Banded { .. }
        | Structure::Toeplitz { .. }
        | Structure::Triangular { .. } => format!("a {structure} matrix"),
        Structure::LowRank(_) => format!("a matrix {structure}"),
        Structure::Kronecker { .. } => format!("a {structure}"),
        Structure::Blocks(..) | Structure::Permuted { .. } => format!("a matrix that is {structure}"),
        other => other.to_string(),
    }
}
