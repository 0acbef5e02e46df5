//! Sums of products of vectors and matrices, one summed index after the other.

use super::tree::Matrix;
use crate::term::{Index, Number};

/// Factors of a product, those with the same indices together.
#[derive(Debug, Clone, Default)]
pub(super) struct Network {
    groups: Vec<Group>,
}

/// A product entry by entry, over another, of factors with the same indices.
#[derive(Debug, Clone)]
struct Group {
    /// None for scalars, one for columns; two for matrices: that of the rows first.
    indices: Vec<Index>,
    above: Vec<Matrix>,
    below: Vec<Matrix>,
}

impl Group {
    fn matrix(&self) -> Matrix {
        Matrix::hadamard(self.above.clone(), self.below.clone())
    }

    /// With the given index along the rows.
    fn with_rows(&self, rows: &Index) -> Matrix {
        if self.indices.first() == Some(rows) { self.matrix() } else { self.matrix().transposed() }
    }

    fn has(&self, index: &Index) -> bool {
        self.indices.contains(index)
    }

    /// The only factor, where nothing divides.
    fn only(&self) -> Option<&Matrix> {
        match (self.above.as_slice(), self.below.as_slice()) {
            ([only], []) => Some(only),
            _ => None,
        }
    }

    /// The base, where it is a square and nothing else.
    fn square(&self) -> Option<Matrix> {
        match self.only()? {
            Matrix::Power(base, exponent) if **exponent == Matrix::Number(Number::integer(2)) => Some((**base).clone()),
            _ => None,
        }
    }
}

impl Network {
    /// Adds a factor; of two indices, the first is along its rows.
    pub fn insert(&mut self, indices: &[&Index], matrix: Matrix, divides: bool) {
        let fits =
            |group: &&mut Group| group.indices.len() == indices.len() && indices.iter().all(|index| group.has(index));
        let position = self.groups.iter_mut().position(|group| fits(&group)).unwrap_or(self.groups.len());
        if position == self.groups.len() {
            let indices = indices.iter().map(|index| (*index).clone()).collect();
            self.groups.push(Group { indices, above: Vec::new(), below: Vec::new() });
        }
        let group = &mut self.groups[position];
        let turned = indices.len() == 2 && group.indices[0] != *indices[0];
        let matrix = if turned { matrix.transposed() } else { matrix };
        if divides { group.below.push(matrix) } else { group.above.push(matrix) }
    }

    /// Sums over the indices, in the first order in which nothing with three indices appears.
    pub fn contract(self, bound: &[Index], reasons: &mut Vec<String>) -> Result<Network, String> {
        if bound.is_empty() {
            return Ok(self);
        }
        if bound.len() > MOST_BOUND {
            return Err(format!("it sums over {} indices at once", bound.len()));
        }
        let mut why = String::new();
        for (position, index) in bound.iter().enumerate().rev() {
            let mut rest = bound.to_vec();
            rest.remove(position);
            let before = reasons.len();
            let summed = self.summed(index, &rest, reasons).and_then(|(network, also)| {
                rest.retain(|other| Some(other) != also.as_ref());
                network.contract(&rest, reasons)
            });
            match summed {
                Ok(network) => return Ok(network),
                Err(error) => {
                    reasons.truncate(before);
                    why = error;
                }
            }
        }
        Err(why)
    }

    /// Summed over one index, and perhaps over one of the rest, which then comes with it.
    fn summed(
        &self,
        index: &Index,
        rest: &[Index],
        reasons: &mut Vec<String>,
    ) -> Result<(Network, Option<Index>), String> {
        let (with, without): (Vec<Group>, Vec<Group>) = self.groups.iter().cloned().partition(|group| group.has(index));
        let mut network = Network { groups: without };
        let vector = with.iter().find(|group| group.indices.len() == 1);
        let matrices: Vec<&Group> = with.iter().filter(|group| group.indices.len() == 2).collect();
        let partner = |group: &Group| group.indices.iter().find(|other| *other != index).cloned();
        let letter = &index.letter;
        match matrices.as_slice() {
            [] => match vector {
                Some(vector) => network.insert(&[], inner_product(vector, index), false),
                None => network.insert(&[], Matrix::Number(Number::integer(index.extent as i64)), false),
            },
            [matrix] => {
                let Some(kept) = partner(matrix) else { return Err("an index twice".into()) };
                let alone = vector.is_none() && rest.contains(&kept) && !network.groups.iter().any(|g| g.has(&kept));
                if let Some(scalar) = alone.then(|| whole(matrix)).flatten() {
                    network.insert(&[], scalar, false);
                    return Ok((network, Some(kept)));
                }
                let column = vector.map_or(Matrix::Ones(index.extent), Group::matrix);
                let product = Matrix::product(vec![matrix.with_rows(&kept), column]);
                reasons.push(format!("`{letter}` is summed, so it stands inside the product"));
                network.insert(&[&kept], product, false);
            }
            [first, second] => {
                let (Some(rows), Some(columns)) = (partner(first), partner(second)) else {
                    return Err("an index twice".into());
                };
                let mut factors = vec![first.with_rows(&rows)];
                factors.extend(vector.map(|vector| Matrix::Diagonal(Box::new(vector.matrix()))));
                factors.push(second.with_rows(index));
                reasons.push(format!("`{letter}` is summed, so it stands inside the product"));
                network.insert(&[&rows, &columns], Matrix::product(factors), false);
            }
            _ => return Err(format!("the sum over `{letter}` joins {} matrices", matrices.len())),
        }
        Ok((network, None))
    }

    /// The product of all that is left, with the given indices along rows and columns.
    pub fn assemble(self, rows: Option<&Index>, columns: Option<&Index>) -> Result<Matrix, String> {
        let group = |wanted: &[Option<&Index>]| {
            let wanted: Vec<&Index> = wanted.iter().flatten().copied().collect();
            self.groups
                .iter()
                .find(|group| group.indices.len() == wanted.len() && wanted.iter().all(|index| group.has(index)))
        };
        let of_rows = rows.and_then(|rows| group(&[Some(rows)]));
        let of_columns = columns.and_then(|columns| group(&[Some(columns)]));
        let of_both = rows.zip(columns).and_then(|(rows, columns)| group(&[Some(rows), Some(columns)]));
        let core = match (of_both, of_rows, of_columns) {
            (None, None, None) => None,
            (None, Some(column), None) => Some(column.matrix()),
            (None, None, Some(column)) => Some(column.matrix().transposed()),
            (None, Some(left), Some(right)) => Some(Matrix::product(vec![left.matrix(), right.matrix().transposed()])),
            (Some(both), left, right) => {
                let diagonal = |group: &Group| Matrix::Diagonal(Box::new(group.matrix()));
                let rows = rows.ok_or("no rows")?;
                let factors = left.map(diagonal).into_iter().chain([both.with_rows(rows)]);
                Some(Matrix::product(factors.chain(right.map(diagonal)).collect()))
            }
        };
        let scalars = group(&[]);
        let above = scalars.map(|group| group.above.clone()).unwrap_or_default();
        let below = scalars.map(|group| group.below.clone()).unwrap_or_default();
        let scaled = Matrix::scaled(above, core.unwrap_or(Matrix::Number(Number::ONE)));
        Ok(match below.as_slice() {
            [] => scaled,
            [only] => Matrix::Quotient(Box::new(scaled), Box::new(only.clone())),
            _ => Matrix::Quotient(Box::new(scaled), Box::new(Matrix::scaled(below, Matrix::Number(Number::ONE)))),
        })
    }
}

/// More summed indices than this are not tried in all orders.
const MOST_BOUND: usize = 5;

/// The sum of the entries of a column.
fn inner_product(group: &Group, index: &Index) -> Matrix {
    if let Some(base) = group.square() {
        return Matrix::SquaredNorm(Box::new(base));
    }
    if let Some(Matrix::DiagonalOf(matrix)) = group.only() {
        return Matrix::Trace(matrix.clone());
    }
    match group.above.as_slice() {
        [first, rest @ ..] if !rest.is_empty() => {
            // A product is kept whole: x · (A y) is xᵀ A y.
            let last = rest.iter().position(|factor| matches!(factor, Matrix::Product(_))).unwrap_or(rest.len() - 1);
            let mut others = rest.to_vec();
            let right = others.remove(last);
            let mut left = vec![first.clone()];
            left.extend(others);
            let left = Matrix::hadamard(left, Vec::new());
            Matrix::product(vec![left.transposed(), Matrix::hadamard(vec![right], group.below.clone())])
        }
        _ => Matrix::product(vec![Matrix::Ones(index.extent).transposed(), group.matrix()]),
    }
}

/// The sum of all entries of a matrix, where it has a name: a norm, or a trace of a product.
fn whole(group: &Group) -> Option<Matrix> {
    if let Some(base) = group.square() {
        return Some(Matrix::SquaredNorm(Box::new(base)));
    }
    match (group.above.as_slice(), group.below.as_slice()) {
        ([a, b], []) => Some(Matrix::trace(vec![a.clone().transposed(), b.clone()])),
        _ => None,
    }
}
