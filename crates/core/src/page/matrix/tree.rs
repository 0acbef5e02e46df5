//! Matrix expressions.

use crate::page::index::is_signal;
use crate::term::{Comparison, Connective, Function, Name, Number, Polynomial, Reduction, Size};

/// A matrix expression. Every value is a matrix; a vector is a column, a scalar has one row and
/// one column. Functions, powers, comparisons and branches work entry by entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Matrix {
    /// A number. In a sum, a comparison or a branch it stands for all entries.
    Number(Number),
    /// A named size, a scalar.
    Size(Size),
    /// A tensor with at most two axes: a scalar, a column, a matrix.
    Tensor {
        /// Its name.
        name: Name,
        /// How many axes it has.
        axes: usize,
    },
    /// The column of ones.
    Ones(usize),
    /// The identity.
    Identity(usize),
    /// A sum of matrices of one shape.
    Sum(Vec<Matrix>),
    /// Scalars times a matrix.
    Scaled(Vec<Matrix>, Box<Matrix>),
    /// A product of matrices.
    Product(Vec<Matrix>),
    /// A product entry by entry. A row or a column among matrices goes with all their rows or columns.
    Hadamard(Vec<Matrix>),
    /// A quotient entry by entry, or by a scalar. A row or a column divides all rows or columns of a matrix.
    Quotient(Box<Matrix>, Box<Matrix>),
    /// A power of every entry; the exponent has the same shape or is a scalar.
    Power(Box<Matrix>, Box<Matrix>),
    /// A scalar function of every entry.
    Call(Function, Vec<Matrix>),
    /// The transpose.
    Transposed(Box<Matrix>),
    /// The square matrix with a column on its diagonal.
    Diagonal(Box<Matrix>),
    /// The diagonal of a square matrix, as a column.
    DiagonalOf(Box<Matrix>),
    /// The sum of the diagonal.
    Trace(Box<Matrix>),
    /// The sum of the squares of all entries.
    SquaredNorm(Box<Matrix>),
    /// A reduction of all entries to a scalar.
    Whole(Reduction, Box<Matrix>),
    /// A reduction of every row to one entry of a column.
    Rows(Reduction, Box<Matrix>),
    /// The softmax of a column, or of every row of a matrix.
    Softmax {
        /// What it is taken of.
        of: Box<Matrix>,
        /// Whether every row is taken by itself.
        rows: bool,
    },
    /// 1 where the comparison holds, else 0.
    Compare(Comparison, Box<Matrix>, Box<Matrix>),
    /// Logic on such matrices.
    Logic(Connective, Vec<Matrix>),
    /// Entries of the second where the first is not 0, else of the third.
    Where(Box<Matrix>, Box<Matrix>, Box<Matrix>),
}

impl Matrix {
    /// A number made of sizes.
    pub(super) fn polynomial(sizes: &Polynomial) -> Matrix {
        let number = |value: i64| Matrix::Number(Number::integer(value));
        let products = sizes.monomials().iter().map(|(product, times)| match product.split_last() {
            None => number(*times),
            Some((last, others)) => {
                let others = others.iter().cloned().map(Matrix::Size);
                Matrix::scaled([number(*times)].into_iter().chain(others).collect(), Matrix::Size(last.clone()))
            }
        });
        let mut products: Vec<Matrix> = products.collect();
        match products.len() {
            0 => number(0),
            1 => products.remove(0),
            _ => Matrix::sum(products),
        }
    }

    /// The transpose, moved inwards where that needs no further signs.
    pub(super) fn transposed(self) -> Matrix {
        match self {
            Matrix::Transposed(inner) => *inner,
            Matrix::Product(factors) => Matrix::Product(factors.into_iter().rev().map(Matrix::transposed).collect()),
            Matrix::Scaled(scalars, inner) => Matrix::Scaled(scalars, Box::new(inner.transposed())),
            Matrix::Quotient(above, below) if below.is_scalar() => {
                Matrix::Quotient(Box::new(above.transposed()), below)
            }
            // Where nothing is left to turn, or less than the whole.
            Matrix::Sum(addends) if turns_freely(&addends) => {
                Matrix::Sum(addends.into_iter().map(Matrix::transposed).collect())
            }
            Matrix::Number(_)
            | Matrix::Size(_)
            | Matrix::Identity(_)
            | Matrix::Diagonal(_)
            | Matrix::Trace(_)
            | Matrix::SquaredNorm(_)
            | Matrix::Whole(..) => self,
            other if other.is_scalar() => other,
            other => Matrix::Transposed(Box::new(other)),
        }
    }

    /// A product of matrices: flat, without identities, scalars in front and below it.
    pub(super) fn product(factors: Vec<Matrix>) -> Matrix {
        let (mut scalars, mut flat, mut below) = (Vec::new(), Vec::new(), Vec::new());
        let mut pending: Vec<Matrix> = factors.into_iter().rev().collect();
        while let Some(factor) = pending.pop() {
            match factor {
                Matrix::Quotient(above, divisor) if divisor.is_scalar() && !above.is_scalar() => {
                    below.push(*divisor);
                    pending.push(*above);
                }
                Matrix::Product(inner) => flat.extend(inner),
                Matrix::Scaled(outer, inner) => {
                    scalars.extend(outer);
                    match *inner {
                        Matrix::Product(inner) => flat.extend(inner),
                        other => flat.push(other),
                    }
                }
                other => flat.push(other),
            }
        }
        if flat.len() > 1 {
            let first = flat[0].clone();
            flat.retain(|factor| !matches!(factor, Matrix::Identity(_)));
            if flat.is_empty() {
                flat.push(first);
            }
        }
        let product = if flat.len() == 1 { flat.remove(0) } else { Matrix::Product(flat) };
        let product = Matrix::scaled(scalars, product);
        match below.is_empty() {
            true => product,
            false => Matrix::Quotient(Box::new(product), Box::new(Matrix::scaled(below, Matrix::Number(Number::ONE)))),
        }
    }

    /// A sum, flat.
    pub(super) fn sum(addends: Vec<Matrix>) -> Matrix {
        let flat = addends.into_iter().flat_map(|addend| match addend {
            Matrix::Sum(inner) => inner,
            other => vec![other],
        });
        Matrix::Sum(flat.collect())
    }

    /// The square matrix with a column on its diagonal, scalars in front.
    pub(super) fn diagonal(column: Matrix) -> Matrix {
        match column {
            Matrix::Scaled(scalars, inner) => Matrix::Scaled(scalars, Box::new(Matrix::Diagonal(inner))),
            other => Matrix::Diagonal(Box::new(other)),
        }
    }

    /// The trace of a product; that of the transpose is the same, so the simpler one.
    pub(super) fn trace(factors: Vec<Matrix>) -> Matrix {
        let product = Matrix::product(factors);
        let other = product.clone().transposed();
        Matrix::Trace(Box::new(if transposes(&other) < transposes(&product) { other } else { product }))
    }

    /// Scalars times a matrix; numbers come first, ones are left out.
    pub(super) fn scaled(scalars: Vec<Matrix>, inner: Matrix) -> Matrix {
        let mut number = Number::ONE;
        let mut rest = Vec::new();
        let mut pending: Vec<Matrix> = scalars.into_iter().rev().collect();
        while let Some(scalar) = pending.pop() {
            match scalar {
                Matrix::Number(other) => number = number.times(other),
                Matrix::Scaled(outer, inner) => {
                    pending.push(*inner);
                    pending.extend(outer.into_iter().rev());
                }
                other => rest.push(other),
            }
        }
        if !number.is_one() {
            rest.insert(0, Matrix::Number(number));
        }
        match inner {
            other if rest.is_empty() => other,
            Matrix::Scaled(inner_scalars, matrix) => {
                rest.extend(inner_scalars);
                Matrix::scaled(rest, *matrix)
            }
            Matrix::Number(number) if number.is_one() => {
                let last = rest.pop().unwrap_or(Matrix::Number(Number::ONE));
                if rest.is_empty() { last } else { Matrix::Scaled(rest, Box::new(last)) }
            }
            other => Matrix::Scaled(rest, Box::new(other)),
        }
    }

    /// A product entry by entry, over another: what a reader expects first stands first.
    pub(super) fn hadamard(mut above: Vec<Matrix>, mut below: Vec<Matrix>) -> Matrix {
        let join = |factors: &mut Vec<Matrix>| {
            factors.sort_by_key(Matrix::rank_in_product);
            complements_after(factors);
            match factors.len() {
                0 => Matrix::Number(Number::ONE),
                1 => factors.remove(0),
                _ => Matrix::Hadamard(std::mem::take(factors)),
            }
        };
        let numerator = join(&mut above);
        if below.is_empty() {
            return numerator;
        }
        Matrix::Quotient(Box::new(numerator), Box::new(join(&mut below)))
    }

    /// Whether it has one row and one column by its form, whatever the extents of its tensors.
    pub(super) fn is_scalar(&self) -> bool {
        self.is_thin() == (true, true)
    }

    /// Whether it has one column by its form.
    pub(super) fn is_column(&self) -> bool {
        self.is_thin().1
    }

    /// Whether it has one row, and whether it has one column.
    fn is_thin(&self) -> (bool, bool) {
        // A row or a column stands for all rows or columns beside what has several.
        let all = |parts: &[&Matrix]| {
            let shaped = parts.iter().filter(|part| !matches!(part, Matrix::Number(_))).map(|part| part.is_thin());
            shaped.fold((true, true), |(row, column), own| (row && own.0, column && own.1))
        };
        match self {
            Matrix::Number(_) | Matrix::Size(_) | Matrix::Trace(_) | Matrix::SquaredNorm(_) | Matrix::Whole(..) => {
                (true, true)
            }
            Matrix::Tensor { axes, .. } => (*axes == 0, *axes < 2),
            Matrix::Ones(_) | Matrix::DiagonalOf(_) | Matrix::Rows(..) => (false, true),
            Matrix::Identity(_) | Matrix::Diagonal(_) => (false, false),
            Matrix::Sum(parts) | Matrix::Hadamard(parts) | Matrix::Call(_, parts) | Matrix::Logic(_, parts) => {
                all(&parts.iter().collect::<Vec<_>>())
            }
            Matrix::Scaled(_, inner) | Matrix::Softmax { of: inner, .. } => inner.is_thin(),
            Matrix::Product(factors) => {
                (factors.first().is_none_or(|m| m.is_thin().0), factors.last().is_none_or(|m| m.is_thin().1))
            }
            Matrix::Transposed(inner) => {
                let (row, column) = inner.is_thin();
                (column, row)
            }
            Matrix::Quotient(a, b) | Matrix::Power(a, b) | Matrix::Compare(_, a, b) => all(&[a, b]),
            Matrix::Where(a, b, c) => all(&[a, b, c]),
        }
    }

    /// Signals that come from above stand before activations, and `1 - a` last.
    fn rank_in_product(&self) -> u8 {
        match self {
            Matrix::Product(_) | Matrix::Scaled(..) => 0,
            Matrix::Tensor { name, .. } if is_signal(name) => 0,
            Matrix::Sum(addends) if addends.iter().any(|addend| matches!(addend, Matrix::Number(_))) => 4,
            Matrix::Sum(addends) if addends.iter().all(Matrix::is_entry) => 1,
            Matrix::Tensor { .. } | Matrix::Transposed(_) => 2,
            _ => 3,
        }
    }

    /// Whether it is a tensor, perhaps turned or with a number.
    fn is_entry(&self) -> bool {
        match self {
            Matrix::Tensor { .. } => true,
            Matrix::Transposed(inner) => inner.is_entry(),
            Matrix::Scaled(scalars, inner) => {
                scalars.iter().all(|s| matches!(s, Matrix::Number(_))) && inner.is_entry()
            }
            _ => false,
        }
    }
}

/// How many transposes are written in a matrix.
fn transposes(matrix: &Matrix) -> usize {
    let all = |parts: &[Matrix]| parts.iter().map(transposes).sum::<usize>();
    match matrix {
        Matrix::Transposed(inner) => 1 + transposes(inner),
        Matrix::Sum(parts) | Matrix::Product(parts) | Matrix::Hadamard(parts) => all(parts),
        Matrix::Scaled(scalars, inner) => all(scalars) + transposes(inner),
        _ => 0,
    }
}

/// Whether the addends turned one by one have no more transposes than they have now, as in `A + Aᵀ`.
fn turns_freely(addends: &[Matrix]) -> bool {
    let turned: usize = addends.iter().map(|addend| transposes(&addend.clone().transposed())).sum();
    turned <= addends.iter().map(transposes).sum()
}

/// Moves `1 - a` right behind `a`, and `1 - a^⊙2` too.
fn complements_after(factors: &mut Vec<Matrix>) {
    let subtracts = |sum: &Matrix, factor: &Matrix| {
        let Matrix::Sum(addends) = sum else { return false };
        let is_minus = |addend: &Matrix| match addend {
            Matrix::Scaled(scalars, inner) if matches!(scalars.as_slice(), [Matrix::Number(n)] if *n == Number::MINUS_ONE) => {
                **inner == *factor || matches!(&**inner, Matrix::Power(base, _) if **base == *factor)
            }
            _ => false,
        };
        addends.len() == 2 && matches!(addends[0], Matrix::Number(_)) && is_minus(&addends[1])
    };
    for position in 0..factors.len() {
        let partner = (0..factors.len()).find(|&other| subtracts(&factors[other], &factors[position]));
        if let Some(partner) = partner {
            let complement = factors.remove(partner);
            let place = if partner < position { position } else { position + 1 };
            factors.insert(place, complement);
        }
    }
}
