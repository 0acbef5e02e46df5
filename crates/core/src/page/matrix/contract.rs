//! Sums of products of vectors and matrices, one summed index after the other.

use super::reason::{Narrator, ReasonKind};
use super::tree::Matrix;
use crate::page::text;
use crate::term::{Index, Number};

/// Factors of a product, those with the same indices together.
#[derive(Debug, Clone, Default)]
pub(super) struct Network {
    groups: Vec<Group>,
}

/// A product entry by entry, over another, of factors with the same indices.
#[derive(Debug, Clone, Default)]
struct Group {
    /// None for scalars, one for columns; two for matrices: that of the rows first.
    indices: Vec<Index>,
    above: Vec<Matrix>,
    below: Vec<Matrix>,
    /// Rows and columns among the factors, each of which stands beside all rows or columns of the others.
    spread: Vec<(Index, Matrix)>,
}

impl Group {
    fn matrix(&self, narrator: &mut Narrator) -> Matrix {
        let matrix = Matrix::hadamard(self.above.clone(), self.below.clone());
        if !self.spread.is_empty() {
            let told = self.spread.iter().map(|(index, factor)| {
                let line = if self.indices[0] == *index { "column" } else { "row" };
                format!("`{}` is one {line}, which goes with every {line}", text(&factor.markup()))
            });
            let why = told.collect::<Vec<_>>().join("; ");
            narrator.tell(&matrix, ReasonKind::Broadcast, &self.indices.iter().collect::<Vec<_>>(), why);
        } else if self.above.len() + self.below.len() > 1 && !self.indices.is_empty() {
            let letters: Vec<String> = self.indices.iter().map(|index| narrator.letter(index)).collect();
            let why = format!(
                "every factor has {}: entry by entry, as a diagonal Jacobian multiplies",
                letters.join(" and ")
            );
            narrator.tell(&matrix, ReasonKind::Hadamard, &self.indices.iter().collect::<Vec<_>>(), why);
        }
        matrix
    }

    /// With the given index along the rows.
    fn with_rows(&self, rows: &Index, narrator: &mut Narrator) -> Matrix {
        let matrix = self.matrix(narrator);
        if self.indices.first() == Some(rows) { matrix } else { matrix.transposed() }
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
    /// The order in which a factor with these two indices is there already, that of the rows first.
    pub fn order_of(&self, a: &Index, b: &Index) -> Option<(Index, Index)> {
        let group = self.groups.iter().find(|group| group.indices.len() == 2 && group.has(a) && group.has(b))?;
        Some((group.indices[0].clone(), group.indices[1].clone()))
    }

    /// Adds a factor; of two indices, the first is along its rows.
    pub fn insert(&mut self, indices: &[&Index], matrix: Matrix, divides: bool) {
        let fits =
            |group: &&mut Group| group.indices.len() == indices.len() && indices.iter().all(|index| group.has(index));
        let position = self.groups.iter_mut().position(|group| fits(&group)).unwrap_or(self.groups.len());
        if position == self.groups.len() {
            let indices = indices.iter().map(|index| (*index).clone()).collect();
            self.groups.push(Group { indices, ..Group::default() });
        }
        let group = &mut self.groups[position];
        let turned = indices.len() == 2 && group.indices[0] != *indices[0];
        let matrix = if turned { matrix.transposed() } else { matrix };
        if divides { group.below.push(matrix) } else { group.above.push(matrix) }
    }

    /// As code has it, where the examples are along the rows: a vector without an entry for each example goes as a
    /// row with every example, and what is one number for each example as a column with all its entries. Where
    /// two matrices could take it, it stays: between two it is a diagonal. So it does where it is summed with one
    /// matrix only: that is a product.
    pub fn broadcast(&mut self, example: &Index, bound: &[Index]) {
        let mut position = 0;
        while position < self.groups.len() {
            let group = &self.groups[position];
            let takes = |other: &Group| match group.indices.as_slice() {
                [only] => other.indices.len() == 2 && other.has(only) && other.has(example),
                _ => false,
            };
            let is_product = |index: &Index| {
                bound.contains(index) && self.groups.iter().filter(|other| other.has(index)).count() <= 2
            };
            let stays = group.indices.first().is_none_or(is_product);
            let takers: Vec<usize> = (0..self.groups.len()).filter(|at| !stays && takes(&self.groups[*at])).collect();
            let [taker] = takers.as_slice() else {
                position += 1;
                continue;
            };
            let taker = if *taker > position { taker - 1 } else { *taker };
            let Group { indices, above, below, .. } = self.groups.remove(position);
            let taker = &mut self.groups[taker];
            let is_row = taker.indices[1] == indices[0];
            let turned = |matrix: Matrix| if is_row { matrix.transposed() } else { matrix };
            for (factors, to) in [(above, &mut taker.above), (below, &mut taker.below)] {
                let turned: Vec<Matrix> = factors.into_iter().map(turned).collect();
                taker.spread.extend(turned.iter().map(|factor| (indices[0].clone(), factor.clone())));
                to.extend(turned);
            }
        }
    }

    /// Sums over the indices, in the first order in which nothing with three indices appears.
    pub fn contract(self, bound: &[Index], narrator: &mut Narrator) -> Result<Network, String> {
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
            let before = narrator.mark();
            let summed = self.summed(index, &rest, narrator).and_then(|(network, also)| {
                rest.retain(|other| Some(other) != also.as_ref());
                network.contract(&rest, narrator)
            });
            match summed {
                Ok(network) => return Ok(network),
                Err(error) => {
                    narrator.rewind(before);
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
        narrator: &mut Narrator,
    ) -> Result<(Network, Option<Index>), String> {
        let (with, without): (Vec<Group>, Vec<Group>) = self.groups.iter().cloned().partition(|group| group.has(index));
        let mut network = Network { groups: without };
        let vector = with.iter().find(|group| group.indices.len() == 1);
        let matrices: Vec<&Group> = with.iter().filter(|group| group.indices.len() == 2).collect();
        let partner = |group: &Group| group.indices.iter().find(|other| *other != index).cloned();
        match matrices.as_slice() {
            [] => match vector {
                Some(vector) => network.insert(&[], inner_product(vector, index, narrator), false),
                None => network.insert(&[], narrator.count(index), false),
            },
            [matrix] => {
                let Some(kept) = partner(matrix) else { return Err("an index twice".into()) };
                let alone = vector.is_none() && rest.contains(&kept) && !network.groups.iter().any(|g| g.has(&kept));
                if let Some(scalar) = alone.then(|| whole(matrix, narrator)).flatten() {
                    network.insert(&[], scalar, false);
                    return Ok((network, Some(kept)));
                }
                let left = matrix.with_rows(&kept, narrator);
                let right = vector.map_or(Matrix::Ones(index.extent.value()), |vector| vector.matrix(narrator));
                let product = Matrix::product(vec![left.clone(), right.clone()]);
                match vector {
                    Some(_) => narrator.tell_product(&product, index, left, right, false),
                    None => {
                        let why = format!(
                            "{} is summed, and nothing else has it: 𝟏 adds the entries up",
                            narrator.letter(index)
                        );
                        narrator.tell(&product, ReasonKind::Ones, &[index], why);
                    }
                }
                network.insert(&[&kept], product, false);
            }
            [first, second] => {
                let (Some(rows), Some(columns)) = (partner(first), partner(second)) else {
                    return Err("an index twice".into());
                };
                let (left, right) = (first.with_rows(&rows, narrator), second.with_rows(index, narrator));
                let mut factors = vec![left.clone()];
                factors.extend(vector.map(|vector| Matrix::diagonal(vector.matrix(narrator))));
                factors.push(right.clone());
                let product = Matrix::product(factors);
                narrator.tell_product(&product, index, left, right, vector.is_some());
                network.insert(&[&rows, &columns], product, false);
            }
            _ => {
                let letter = narrator.letter(index);
                return Err(format!("the sum over {letter} joins {} matrices", matrices.len()));
            }
        }
        Ok((network, None))
    }

    /// The product of all that is left, with the given indices along rows and columns.
    pub fn assemble(
        self,
        rows: Option<&Index>,
        columns: Option<&Index>,
        narrator: &mut Narrator,
    ) -> Result<Matrix, String> {
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
            (None, Some(column), None) => Some(column.matrix(narrator)),
            (None, None, Some(column)) => Some(column.matrix(narrator).transposed()),
            (None, Some(left), Some(right)) => Some(outer(left, right, narrator)),
            (Some(both), left, right) => {
                let matrix = both.with_rows(rows.ok_or("no rows")?, narrator);
                Some(scaled_by_vectors(matrix, left, right, narrator))
            }
        };
        let scalars = group(&[]);
        let mut above = scalars.map(|group| group.above.clone()).unwrap_or_default();
        above.sort_by_key(|scalar| !matches!(scalar, Matrix::Compare(..) | Matrix::Logic(..)));
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

/// A column times a row.
fn outer(left: &Group, right: &Group, narrator: &mut Narrator) -> Matrix {
    let product = Matrix::product(vec![left.matrix(narrator), right.matrix(narrator).transposed()]);
    let (rows, columns) = (&left.indices[0], &right.indices[0]);
    let why = format!(
        "{} and {} are kept, and no factor has both: a column times a row",
        narrator.letter(rows),
        narrator.letter(columns)
    );
    narrator.tell(&product, ReasonKind::Outer, &[rows, columns], why);
    product
}

/// A matrix whose rows and columns are scaled.
fn scaled_by_vectors(matrix: Matrix, rows: Option<&Group>, columns: Option<&Group>, narrator: &mut Narrator) -> Matrix {
    let mut factors = vec![matrix];
    if let Some(rows) = rows {
        factors.insert(0, Matrix::diagonal(rows.matrix(narrator)));
    }
    if let Some(columns) = columns {
        factors.push(Matrix::diagonal(columns.matrix(narrator)));
    }
    let product = Matrix::product(factors);
    for (group, what) in [(rows, "row"), (columns, "column")] {
        let Some(index) = group.and_then(|group| group.indices.first()) else { continue };
        let why = format!("{} is kept: every {what} is scaled by its own entry", narrator.letter(index));
        narrator.tell(&product, ReasonKind::Scaling, &[index], why);
    }
    product
}

/// The sum of the entries of a column.
fn inner_product(group: &Group, index: &Index, narrator: &mut Narrator) -> Matrix {
    let letter = narrator.letter(index);
    let mut tell = |matrix: Matrix, kind, why: &str| {
        narrator.tell(&matrix, kind, &[index], format!("{letter} is summed{why}"));
        matrix
    };
    if let Some(base) = group.square() {
        return tell(Matrix::SquaredNorm(Box::new(base)), ReasonKind::Norm, " over the squares of all entries");
    }
    if let Some(Matrix::DiagonalOf(matrix)) = group.only() {
        return tell(Matrix::Trace(matrix.clone()), ReasonKind::Trace, " over the diagonal");
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
            let product = Matrix::product(vec![left.transposed(), Matrix::hadamard(vec![right], group.below.clone())]);
            tell(product, ReasonKind::Inner, ", and all its factors are vectors: a row times a column")
        }
        _ => {
            let matrix = Matrix::hadamard(group.above.clone(), group.below.clone());
            let product = Matrix::product(vec![Matrix::Ones(index.extent.value()).transposed(), matrix]);
            tell(product, ReasonKind::Ones, ", and nothing else has it: 𝟏 adds the entries up")
        }
    }
}

/// The sum of all entries of a matrix, where it has a name: a norm, or a trace of a product.
fn whole(group: &Group, narrator: &mut Narrator) -> Option<Matrix> {
    let indices: Vec<&Index> = group.indices.iter().collect();
    let letters: Vec<String> = indices.iter().map(|index| narrator.letter(index)).collect();
    let both = letters.join(" and ");
    if let Some(base) = group.square() {
        let norm = Matrix::SquaredNorm(Box::new(base));
        narrator.tell(&norm, ReasonKind::Norm, &indices, format!("{both} are summed over the squares of all entries"));
        return Some(norm);
    }
    match (group.above.as_slice(), group.below.as_slice()) {
        ([a, b], []) => {
            let trace = Matrix::trace(vec![a.clone().transposed(), b.clone()]);
            let why = format!("{both} are summed, and both factors have them: the diagonal of a product, added up");
            narrator.tell(&trace, ReasonKind::Trace, &indices, why);
            Some(trace)
        }
        _ => None,
    }
}
