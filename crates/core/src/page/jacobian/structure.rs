//! The structure of a Jacobian by name.

use super::words::Structure;
use super::zones::{Zone, are_everywhere, zones};
use crate::term::{Affine, Comparison, Function, Index, Node, Reduction, Slot, Term};

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
    let zones = zones(rows, columns, term);
    let places = zones.as_deref().unwrap_or(&[]);
    (selection(rows, columns, term))
        .or_else(|| toeplitz(rows, columns, term, places))
        .or_else(|| banded(rows, columns, places))
        .or_else(|| triangular(rows, columns, places))
        .or_else(|| diagonal_and(rows, columns, &addends))
        .or_else(|| low_rank(rows, columns, term))
        .unwrap_or_else(|| match are_everywhere(places, &[rows, columns].concat()) {
            true => Structure::Dense,
            false => Structure::Sparse,
        })
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
        _ if a.extent != b.extent => None,
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
        let block = Box::new(structure(&rows_left, &columns_left, &block));
        let pairs = common.to_vec();
        let is_last = order_of(common, &rows[rows_left.len()..], &columns[columns_left.len()..]) == (true, true);
        let (in_rows, in_columns) = order_of(common, rows, columns);
        return match depends {
            false if is_last && !(in_rows && in_columns) => Structure::Kronecker { pairs, block, last: true },
            false => permuted((in_rows, in_columns), Structure::Kronecker { pairs, block, last: false }),
            true => permuted((in_rows, in_columns), Structure::Blocks(pairs, block)),
        };
    }
    let order = order_of(common, rows, columns);
    match depends || !block.free().is_empty() {
        true => permuted(order, Structure::Diagonal),
        false if block.is_one() && order == (true, true) => Structure::Identity,
        false if block.is_one() => Structure::Permutation,
        false => permuted(order, Structure::Multiple),
    }
}

/// Whether the rows begin with those of the pairs, and the columns with theirs, in the same order.
fn order_of(pairs: &[(Index, Index)], rows: &[Index], columns: &[Index]) -> (bool, bool) {
    let partner = |row: &Index| pairs.iter().find(|(own, _)| own == row).map(|(_, column)| column);
    let first = rows.get(..pairs.len()).is_some_and(|own| own.iter().all(|row| partner(row).is_some()));
    let own = columns.get(..pairs.len());
    let leads = own.is_some_and(|own| own.iter().all(|column| pairs.iter().any(|(_, other)| other == column)));
    let same = first && own.is_some_and(|own| rows.iter().zip(own).all(|(row, column)| partner(row) == Some(column)));
    // Where both begin with theirs, the columns are those that are put in order.
    (first, leads && (same || !first))
}

fn permuted((rows, columns): (bool, bool), inner: Structure) -> Structure {
    match (rows, columns) {
        (true, true) => inner,
        _ => Structure::Permuted { rows: !rows, columns: !columns, inner: Box::new(inner) },
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

fn toeplitz(rows: &[Index], columns: &[Index], term: &Term, places: &[Zone]) -> Option<Structure> {
    let mut pairs: Vec<(Index, Index)> = Vec::new();
    let mut strides = Vec::new();
    for row in rows.iter().filter(|row| term.depends_on(row)) {
        for column in columns.iter().filter(|column| term.depends_on(column)) {
            if let Some(stride) = stride(term, row, column) {
                strides.push(stride);
                pairs.push((row.clone(), column.clone()));
            }
        }
    }
    if pairs.is_empty() {
        return None;
    }
    let is_near =
        |row, column, stride| !places.is_empty() && places.iter().all(|zone| zone.keeps_near(row, column, stride));
    let mut steps = pairs.iter().zip(&strides);
    let banded = steps.all(|((row, column), stride)| reads_near(term, row, column) || is_near(row, column, *stride));
    Some(Structure::Toeplitz { pairs, strides, banded, blocks: rows.len() + columns.len() > 2 })
}

/// Whether every addend has an entry as a factor whose subscript is the difference of the two: it has as many values
/// as the tensor has entries there.
fn reads_near(term: &Term, row: &Index, column: &Index) -> bool {
    let is_near = |subscript: &Term| {
        let form = subscript.as_affine();
        form.is_some_and(|form| form.coefficient(row) != 0 && form.coefficient(column) != 0)
    };
    let reads = |factor: &Term| match factor.node() {
        Node::Read { subscripts, .. } => subscripts.iter().any(is_near),
        _ => false,
    };
    term.addends().iter().all(|addend| addend.factors().iter().any(reads))
}

/// Strides up to this are tried.
const WIDEST: i64 = 8;

/// Pairs of a row and a column that stay near each other wherever an entry can differ from 0.
fn banded(rows: &[Index], columns: &[Index], places: &[Zone]) -> Option<Structure> {
    let (mut pairs, mut strides): (Vec<(Index, Index)>, Vec<i64>) = (Vec::new(), Vec::new());
    for row in rows {
        for column in columns.iter().filter(|_| !places.is_empty()) {
            let near = |stride: &i64| places.iter().all(|zone| zone.keeps_near(row, column, *stride));
            if let Some(stride) = (1..=WIDEST).find(near) {
                pairs.push((row.clone(), column.clone()));
                strides.push(stride);
            }
        }
    }
    let blocks = rows.len() + columns.len() > 2;
    (!pairs.is_empty()).then_some(Structure::Banded { pairs, strides, blocks })
}

/// A pair of a row and a column of one extent of which one is never beyond the other, however many values they
/// have.
fn triangular(rows: &[Index], columns: &[Index], places: &[Zone]) -> Option<Structure> {
    let blocks = rows.len() + columns.len() > 2;
    for row in rows.iter().filter(|_| !places.is_empty()) {
        for column in columns.iter().filter(|column| column.extent == row.extent) {
            let orders = |first, second| places.iter().all(|zone| zone.orders(first, second));
            let (lower, upper) = (orders(row, column), orders(column, row));
            if lower != upper {
                return Some(Structure::Triangular { pair: (row.clone(), column.clone()), lower, blocks });
            }
        }
    }
    None
}

/// A delta for every column, which the rows decide: a permutation where different rows have different columns and
/// there are as many.
fn selection(rows: &[Index], columns: &[Index], term: &Term) -> Option<Structure> {
    let mut chosen: Vec<Index> = Vec::new();
    let mut moved: Vec<Index> = Vec::new();
    for factor in term.factors() {
        let Node::Compare(Comparison::Equal, left, right) = factor.node() else { return None };
        let free: Vec<&Index> = factor.free().iter().filter(|index| columns.contains(index)).collect();
        let [column] = free.as_slice() else { return None };
        if chosen.contains(column) || !factor.free().iter().all(|index| index == *column || rows.contains(index)) {
            return None;
        }
        chosen.push((*column).clone());
        let form = left.as_affine().zip(right.as_affine()).and_then(|(left, right)| left.minus(&right));
        match form {
            Some(form) if form.coefficient(column).abs() == 1 => moved.extend(turned_row(&form, rows, column)),
            Some(_) => return None,
            None if is_floor_of_rows(left, right, column) || is_floor_of_rows(right, left, column) => {}
            None => return None,
        }
    }
    if chosen.len() != columns.len() {
        return None;
    }
    let is_permutation =
        moved.len() == rows.len() && moved.len() == columns.len() && rows.iter().all(|row| moved.contains(row));
    Some(if is_permutation { Structure::Permutation } else { Structure::Selection })
}

/// The row that a delta sets equal to the column, forwards or backwards, over all that the two have.
fn turned_row(form: &Affine, rows: &[Index], column: &Index) -> Option<Index> {
    let row = rows.iter().find(|row| form.coefficient(row) != 0)?;
    let last = row.extent.term().minus(&Term::integer(1));
    let (own, other) = (form.coefficient(row), form.coefficient(column));
    let ends = |index: &Index, coefficient: i64| Term::mul(vec![Term::integer(coefficient), Term::index(index)]);
    let rest = Term::affine(form.clone()).minus(&Term::add(vec![ends(row, own), ends(column, other)]));
    let is_whole = match own == other {
        true => rest == Term::mul(vec![Term::integer(-own), last]),
        false => own == -other && rest.is_zero(),
    };
    (row.extent == column.extent && is_whole).then(|| row.clone())
}

fn is_floor_of_rows(side: &Term, other: &Term, column: &Index) -> bool {
    let is_floor = matches!(side.node(), Node::Call(Function::Floor, _)) && !side.depends_on(column);
    is_floor && other.as_affine().is_some_and(|form| form.coefficient(column) != 0)
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
