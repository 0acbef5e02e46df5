//! The structure of a Jacobian by name.

use super::support::may_differ;
use crate::term::{Comparison, Index, Node, Reduction, Slot, Term};

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
    /// Only the diagonal.
    Diagonal,
    /// The identity over pairs of a row and a column index, times the same block everywhere: `I ⊗ B`.
    Kronecker(Vec<(Index, Index)>, Box<Structure>),
    /// One block for every value of pairs of a row and a column index that are equal, 0 between different ones.
    Blocks(Vec<(Index, Index)>, Box<Structure>),
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
        /// How far a step of the row moves the column.
        stride: i64,
        /// Whether entries far from the diagonal are 0.
        banded: bool,
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
    /// Nothing of these.
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
            Structure::Kronecker(_, block) => write!(f, "Kronecker product of the identity and {}", article(block)),
            Structure::Blocks(over, block) => {
                write!(f, "block diagonal over {}, each block {block}", letters(over))
            }
            Structure::DiagonalAnd { minus, rest } => {
                write!(f, "diagonal {} {}", if *minus { "minus" } else { "plus" }, article(rest))
            }
            Structure::Outer => f.write_str("an outer product (rank one)"),
            Structure::LowRank(rank) => write!(f, "of rank at most {rank}"),
            Structure::Toeplitz { pairs, stride, banded } => {
                let kind = if pairs.len() > 1 { "block Toeplitz" } else { "Toeplitz" };
                let stride = if *stride > 1 { format!(" with stride {stride}") } else { String::new() };
                write!(f, "{}{kind}{stride} (a convolution)", if *banded { "banded " } else { "" })
            }
            Structure::Triangular { lower, blocks, .. } => {
                let side = if *lower { "lower triangular" } else { "upper triangular" };
                write!(f, "{}{side}", if *blocks { "block " } else { "" })
            }
            Structure::Dense => f.write_str("dense"),
        }
    }
}

/// The structure as a noun.
fn article(structure: &Structure) -> String {
    match structure {
        Structure::Outer => "an outer product".into(),
        Structure::Diagonal | Structure::Dense | Structure::Toeplitz { .. } => format!("a {structure} matrix"),
        Structure::LowRank(_) => format!("a matrix {structure}"),
        Structure::Triangular { .. } => format!("a {structure} matrix"),
        Structure::Blocks(..) => format!("a matrix that is {structure}"),
        other => other.to_string(),
    }
}

/// The structure of a matrix whose entries are the term.
pub fn structure(rows: &[Index], columns: &[Index], term: &Term) -> Structure {
    if term.is_zero() {
        return Structure::Zero;
    }
    match (rows.is_empty(), columns.is_empty()) {
        (true, true) => return Structure::Single,
        (true, false) => return Structure::Row,
        (false, true) => return Structure::Column,
        (false, false) => {}
    }
    let addends = apart(term);
    let common = common_pairs(rows, columns, &addends);
    if !common.is_empty() {
        return along(&common, rows, columns, &addends);
    }
    (diagonal_and(rows, columns, &addends))
        .or_else(|| toeplitz(rows, columns, term))
        .or_else(|| triangular(rows, columns, term))
        .or_else(|| low_rank(rows, columns, term))
        .unwrap_or(Structure::Dense)
}

/// The addends of a term, multiplied out where a factor holds a delta.
fn apart(term: &Term) -> Vec<Term> {
    let holds_delta = |term: &Term| term.addends().iter().flat_map(Term::factors).any(|factor| delta(factor).is_some());
    let factors = term.factors();
    if let Some(position) =
        factors.iter().position(|factor| matches!(factor.node(), Node::Add(_)) && holds_delta(factor))
    {
        let with = |addend: &Term| {
            let mut product = factors.to_vec();
            product[position] = addend.clone();
            Term::mul(product)
        };
        return factors[position].addends().iter().flat_map(|addend| apart(&with(addend))).collect();
    }
    match term.node() {
        Node::Add(addends) => addends.iter().flat_map(apart).collect(),
        _ => vec![term.clone()],
    }
}

/// The two indices that a factor sets equal.
fn delta(factor: &Term) -> Option<(Index, Index)> {
    let Node::Compare(Comparison::Equal, left, right) = factor.node() else { return None };
    Some((left.as_affine()?.as_index()?.clone(), right.as_affine()?.as_index()?.clone()))
}

/// The pairs of a row and a column that every addend sets equal; no index stands in two of them.
fn common_pairs(rows: &[Index], columns: &[Index], addends: &[Term]) -> Vec<(Index, Index)> {
    let mut common: Vec<(Index, Index)> = Vec::new();
    for (row, column) in pairs(rows, columns, &addends[0]) {
        let everywhere =
            addends[1..].iter().all(|addend| pairs(rows, columns, addend).contains(&(row.clone(), column.clone())));
        let fresh = common.iter().all(|(other, another)| *other != row && *another != column);
        if everywhere && fresh {
            common.push((row, column));
        }
    }
    common
}

fn pairs(rows: &[Index], columns: &[Index], addend: &Term) -> Vec<(Index, Index)> {
    let ordered = |(a, b): (Index, Index)| match (rows.contains(&a), columns.contains(&b)) {
        (true, true) => Some((a, b)),
        _ if rows.contains(&b) && columns.contains(&a) => Some((b, a)),
        _ => None,
    };
    addend.factors().iter().filter_map(delta).filter_map(ordered).collect()
}

/// The term multiplied out, with rows for the columns that deltas set equal to them beside those deltas: of
/// two terms that differ in that only, the same.
pub fn settled(rows: &[Index], columns: &[Index], term: &Term) -> Term {
    let settle = |addend: &Term| {
        let mut moved: Vec<(Index, Term)> = Vec::new();
        for (row, column) in pairs(rows, columns, addend) {
            if moved.iter().all(|(other, _)| *other != column) {
                moved.push((column, Term::index(&row)));
            }
        }
        let factors = addend.factors().iter();
        Term::mul(factors.map(|f| if delta(f).is_some() { f.clone() } else { f.substitute_terms(&moved) }).collect())
    };
    Term::add(apart(term).iter().map(settle).collect())
}

/// The structure where deltas set the pairs equal.
fn along(common: &[(Index, Index)], rows: &[Index], columns: &[Index], addends: &[Term]) -> Structure {
    let is_one_of_them = |factor: &Term| {
        delta(factor)
            .is_some_and(|(a, b)| common.contains(&(a.clone(), b.clone())) || common.contains(&(b.clone(), a.clone())))
    };
    let moved: Vec<(Index, Term)> = common.iter().map(|(row, column)| (column.clone(), Term::index(row))).collect();
    let rest = |addend: &Term| {
        let factors = addend.factors().iter().filter(|factor| !is_one_of_them(factor)).cloned().collect();
        Term::mul(factors).substitute_terms(&moved)
    };
    let block = Term::add(addends.iter().map(rest).collect());
    let left = |indices: &[Index], used: &dyn Fn(&(Index, Index)) -> Index| -> Vec<Index> {
        indices.iter().filter(|index| common.iter().all(|pair| used(pair) != **index)).cloned().collect()
    };
    let (rows_left, columns_left) = (left(rows, &|pair| pair.0.clone()), left(columns, &|pair| pair.1.clone()));
    let depends = common.iter().any(|(row, _)| block.depends_on(row));
    if !rows_left.is_empty() || !columns_left.is_empty() {
        let inner = Box::new(structure(&rows_left, &columns_left, &block));
        let pairs = common.to_vec();
        return if depends { Structure::Blocks(pairs, inner) } else { Structure::Kronecker(pairs, inner) };
    }
    let in_order = rows.iter().zip(columns).all(|(row, column)| common.contains(&(row.clone(), column.clone())));
    match (in_order, depends) {
        (true, true) => Structure::Diagonal,
        (true, false) if block.is_one() => Structure::Identity,
        (true, false) if !block.free().is_empty() => Structure::Diagonal,
        (true, false) => Structure::Multiple,
        (false, _) => Structure::Permutation,
    }
}

/// A diagonal beside one other addend.
fn diagonal_and(rows: &[Index], columns: &[Index], addends: &[Term]) -> Option<Structure> {
    let is_diagonal = |addend: &&Term| {
        let own = pairs(rows, columns, addend);
        rows.len() == columns.len() && rows.iter().zip(columns).all(|(r, c)| own.contains(&(r.clone(), c.clone())))
    };
    let (diagonal, others): (Vec<&Term>, Vec<&Term>) = addends.iter().partition(is_diagonal);
    if diagonal.is_empty() || others.is_empty() {
        return None;
    }
    let rest = Term::add(others.iter().map(|addend| (*addend).clone()).collect());
    let minus = rest.addends().iter().all(|addend| addend.leading_number().is_negative());
    let rest = if minus { rest.negated() } else { rest };
    Some(Structure::DiagonalAnd { minus, rest: Box::new(structure(rows, columns, &rest)) })
}

/// The coefficients of two indices wherever one of them stands; `None` where one stands in what is no
/// affine form.
fn coefficients(term: &Term, row: &Index, column: &Index, found: &mut Vec<(i64, i64)>) {
    match term.node() {
        Node::Affine(affine) => {
            let of = |index: &Index| {
                let is_it = |slot: &Slot| *slot == Slot::Free(index.clone());
                affine.terms.iter().find(|(slot, _)| is_it(slot)).map_or(0, |(_, coefficient)| *coefficient)
            };
            let pair = (of(row), of(column));
            if pair != (0, 0) && !found.contains(&pair) {
                found.push(pair);
            }
        }
        _ => term.children().iter().for_each(|child| coefficients(child, row, column, found)),
    }
}

/// How far a step of the row moves the column, where the two stand in the term by that difference only.
fn stride(term: &Term, row: &Index, column: &Index) -> Option<i64> {
    let mut found = Vec::new();
    coefficients(term, row, column, &mut found);
    let strides: Vec<Option<i64>> = found
        .iter()
        .map(|(row, column)| (*column != 0 && row % column == 0).then(|| -row / column).filter(|stride| *stride > 0))
        .collect();
    let first = strides.first().copied().flatten()?;
    strides.iter().all(|stride| *stride == Some(first)).then_some(first)
}

fn toeplitz(rows: &[Index], columns: &[Index], term: &Term) -> Option<Structure> {
    let mut pairs: Vec<(Index, Index)> = Vec::new();
    let mut step = 1;
    for row in rows.iter().filter(|row| term.depends_on(row)) {
        for column in columns.iter().filter(|column| term.depends_on(column)) {
            if let Some(stride) = stride(term, row, column) {
                step = stride.max(step);
                pairs.push((row.clone(), column.clone()));
            }
        }
    }
    if pairs.is_empty() {
        return None;
    }
    let banded = super::support(rows, columns, term).is_some_and(|support| support.count < support.all);
    Some(Structure::Toeplitz { pairs, stride: step, banded })
}

/// More values than this are not gone through.
const MOST: usize = 100_000;

/// A pair of a row and a column of one extent of which one is never beyond the other.
fn triangular(rows: &[Index], columns: &[Index], term: &Term) -> Option<Structure> {
    let blocks = rows.len() + columns.len() > 2;
    for row in rows {
        for column in columns.iter().filter(|column| column.extent == row.extent && row.extent.value() > 1) {
            let others: Vec<&Index> =
                rows.iter().chain(columns).filter(|index| *index != row && *index != column).collect();
            if others.iter().map(|index| index.extent.value()).product::<usize>()
                * row.extent.value()
                * row.extent.value()
                > MOST
            {
                continue;
            }
            let (above, below) =
                (is_zero_beyond(term, row, column, &others), is_zero_beyond(term, column, row, &others));
            if above != below {
                return Some(Structure::Triangular { pair: (row.clone(), column.clone()), lower: above, blocks });
            }
        }
    }
    None
}

/// Whether all entries with `first < second` are 0 whatever the other indices are.
fn is_zero_beyond(term: &Term, first: &Index, second: &Index, others: &[&Index]) -> bool {
    let total: usize = others.iter().map(|index| index.extent.value()).product();
    let mut scope: Vec<(Index, i64)> = others.iter().map(|index| ((*index).clone(), 0)).collect();
    scope.extend([(first.clone(), 0), (second.clone(), 0)]);
    let place = others.len();
    (0..first.extent.value()).all(|low| {
        (low + 1..second.extent.value()).all(|high| {
            (scope[place].1, scope[place + 1].1) = (low as i64, high as i64);
            (0..total).all(|mut number| {
                for (index, value) in scope[..place].iter_mut() {
                    *value = (number % index.extent.value()) as i64;
                    number /= index.extent.value();
                }
                !may_differ(term, &mut scope)
            })
        })
    })
}

/// A product of what depends on the rows only and what depends on the columns only, directly or summed over
/// a few values.
fn low_rank(rows: &[Index], columns: &[Index], term: &Term) -> Option<Structure> {
    let depends = |term: &Term, indices: &[Index]| indices.iter().any(|index| term.depends_on(index));
    let is_split = |body: &Term| !body.factors().iter().any(|f| depends(f, rows) && depends(f, columns));
    if is_split(term) {
        return Some(Structure::Outer);
    }
    // Of the factors only one can hold both: the sum.
    let (both, _): (Vec<&Term>, Vec<&Term>) =
        term.factors().iter().partition(|factor| depends(factor, rows) && depends(factor, columns));
    let [sum] = both.as_slice() else { return None };
    let first = crate::term::fresh_id(&[term]);
    let opened = sum.open_from(first).filter(|opened| opened.reduction == Reduction::Sum)?;
    let rank: usize = opened.indices.iter().map(|index| index.extent.value()).product();
    let size = |indices: &[Index]| indices.iter().map(|index| index.extent.value()).product::<usize>();
    (is_split(&opened.body) && rank < size(rows).min(size(columns))).then_some(Structure::LowRank(rank))
}
