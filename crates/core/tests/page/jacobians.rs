//! Jacobians: the structure that is named is the one that numbers have, and as many entries differ from 0.

use crate::{model, point};
use deltarule_core::derivation::{derive, verify};
use deltarule_core::meaning::{Point, finite_difference};
use deltarule_core::model::{Definition, Model, Role, Tensor};
use deltarule_core::page::derivation::{Contents, document};
use deltarule_core::page::jacobian::{Shape, Structure};
use deltarule_core::term::{Index, Term};
use std::collections::BTreeMap;

const GIVEN: &str = "
input x[7]
input t[5, 4]
param W[6, 7] ~ normal(0, 1)
param M[4, 4] ~ normal(0, 1)
param A[5, 2] ~ zeros
param B[2, 7] ~ zeros
param k[3] ~ normal(0, 1)
param u[4] ~ normal(0, 1)
param v[4] ~ normal(0, 1)
param c ~ ones
";

/// What is defined, what is differentiated by what, the structure, and how many entries can differ from 0.
const CASES: &[(&str, &str, &str, &str, u128)] = &[
    ("z[i] = W[i,j] x[j]", "z", "x", "dense", 42),
    ("z[i] = W[i,j] x[j]", "z", "W", "Kronecker product of the identity and a row", 42),
    ("z[i] = x[i] + u[0]", "z", "x", "the identity", 7),
    ("z[i] = 3 c x[i]", "z", "x", "a multiple of the identity", 7),
    ("z[i] = sigmoid(x[i])", "z", "x", "diagonal", 7),
    ("z[i] = x[i] x[i] + exp(x[i])", "z", "x", "diagonal", 7),
    ("z[i] = softmax[i](u[i])", "z", "u", "diagonal minus an outer product, symmetric", 16),
    (
        "P[q,i] = softmax[i](t[q,i])",
        "P",
        "t",
        "block diagonal over q, each block diagonal minus an outer product, symmetric",
        80,
    ),
    ("z[i] = x[i+j] k[j]", "z", "x", "banded Toeplitz (a convolution)", 15),
    ("z[i] = x[2*i+j] k[j]", "z", "x", "banded Toeplitz with stride 2 (a convolution)", 9),
    ("z[i] = x[i+j] k[j]", "z", "k", "dense", 15),
    ("z[i:7] = sum[j] [j <= i] x[j]", "z", "x", "lower triangular", 28),
    ("z[i:7] = sum[j] [i <= j] x[j]", "z", "x", "upper triangular", 28),
    ("z[i] = u[i] (v[j] u[j])", "z", "v", "an outer product (rank one), symmetric", 16),
    ("z[i] = W[i,j] x[j]\ny[i:6] = sum[l:6] z[l]", "y", "x", "an outer product (rank one)", 42),
    ("z[j] = M[i,j] u[i]", "z", "M", "Kronecker product of a row and the identity", 16),
    ("T[i,j] = M[j,i]", "T", "M", "a permutation, symmetric", 16),
    ("T[i,j] = t[j,i]", "T", "t", "a permutation", 20),
    ("T[i,j] = 2 t[j,i]", "T", "t", "a multiple of the identity up to the order of its columns", 20),
    ("T[i,j] = exp(t[j,i])", "T", "t", "diagonal up to the order of its columns", 20),
    ("P[q,i] = softmax[q](t[q,i])", "P", "t", "", 100),
    ("T[i,j] = M[i,k] M[k,j]", "T", "M", "sparse", 112),
    ("z[i] = x[6-i]", "z", "x", "a permutation", 7),
    ("z[i:3] = x[i]", "z", "x", "a selection (at most one 1 in every row)", 3),
    ("z[i:3] = x[2*i+1]", "z", "x", "a selection (at most one 1 in every row)", 3),
    ("z[i:3] = max[k:2] x[2*i+k]", "z", "x", "banded with stride 2", 6),
    ("z[i:3] = mean[k:2] x[2*i+k]", "z", "x", "banded Toeplitz with stride 2 (a convolution)", 6),
    ("z[i:7] = sum[j] [j <= i] x[j]^2", "z", "x", "lower triangular", 28),
    ("z[i:4] = sum[j] [j <= i+2] x[j]", "z", "x", "sparse", 18),
    ("z[i] = sum[j] where(i < 3, W[i,j], 2 W[i,j]) x[j]", "z", "x", "dense", 42),
    ("z[i] = where(x[i] > 0, x[i], 0.1 x[i])", "z", "x", "diagonal", 7),
    ("z[i] = u[i] + v[i]", "z", "x", "zero", 0),
    ("h[i] = u[i]^2\nz[i] = v[j] M[i,j] h[i]", "z", "u", "diagonal", 4),
    ("s = sum[i] u[i]^2\nz[i] = u[i] / sqrt(s)", "z", "u", "diagonal minus an outer product, symmetric", 16),
    ("a[i] = W[i,j] x[j]\nz[i] = tanh(a[i])", "z", "W", "block diagonal over i, each block a row", 42),
    ("s = sum[i] u[i]^2", "s", "u", "a row", 4),
    ("z[i] = c u[i]", "z", "c", "a column", 4),
    ("z[q] = t[q,i] u[i]", "z", "t", "Kronecker product of the identity and a row", 20),
    ("h[a] = B[a,j] x[j]\nz[i] = A[i,a] h[a]", "z", "x", "of rank at most 2", 35),
    ("z[i] = floor(x[i]) + x[i]", "z", "x", "the identity", 7),
    ("z[i:14] = x[floor(i/2)]", "z", "x", "a selection (at most one 1 in every row)", 14),
];

/// Entry `flat` of a tensor as a scalar of a model.
fn with_probe(model: &Model, of: &str, at: &[usize]) -> Model {
    let subscripts = at.iter().map(|place| Term::integer(*place as i64)).collect();
    let role = Role::Defined(Definition { indices: Vec::new(), body: Term::read(of, subscripts) });
    let own = model.tensor(of).unwrap();
    let probe = Tensor::new("probe", Vec::new(), role, own.per_example, own.span);
    model.extended([probe])
}

fn entries(extents: &[usize]) -> Vec<Vec<usize>> {
    extents.iter().fold(vec![Vec::new()], |all, extent| {
        let with =
            |entry: &Vec<usize>| (0..*extent).map(|value| [entry.as_slice(), &[value]].concat()).collect::<Vec<_>>();
        all.iter().flat_map(with).collect()
    })
}

/// A Jacobian by finite differences.
struct Numbers {
    rows: Vec<Vec<usize>>,
    columns: Vec<Vec<usize>>,
    values: Vec<Vec<f64>>,
}

impl Numbers {
    fn of(model: &Model, of: &str, wrt: &str, point: &Point) -> Numbers {
        let entries_of = |name: &str| entries(&model.tensor(name).unwrap().shape);
        let (rows, columns) = (entries_of(of), entries_of(wrt));
        let row = |at: &Vec<usize>| {
            let model = with_probe(model, of, at);
            let by = |entry| finite_difference(&model, point, &"probe".into(), &wrt.into(), entry, 1e-3).unwrap().value;
            (0..columns.len()).map(by).collect()
        };
        Numbers { values: rows.iter().map(row).collect(), rows, columns }
    }

    fn every(&self, mut is_so: impl FnMut(&[usize], &[usize], f64) -> bool) -> bool {
        let mut pairs = self.rows.iter().zip(&self.values);
        pairs.all(|(row, values)| self.columns.iter().zip(values).all(|(column, value)| is_so(row, column, *value)))
    }

    fn at(&self, row: &[usize], column: &[usize]) -> f64 {
        let place = |all: &[Vec<usize>], at: &[usize]| all.iter().position(|other| other == at).unwrap();
        self.values[place(&self.rows, row)][place(&self.columns, column)]
    }

    /// The part where the axes of the pairs, of rows and of columns, have the values.
    fn block(&self, pairs: &[(usize, usize)], values: &[usize]) -> Numbers {
        let fits = |at: &[usize], axes: Vec<usize>| axes.iter().zip(values).all(|(axis, value)| at[*axis] == *value);
        let (first, second): (Vec<usize>, Vec<usize>) = pairs.iter().copied().unzip();
        let rest = |at: &[usize], axes: &[usize]| {
            at.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, value)| *value).collect::<Vec<_>>()
        };
        let rows: Vec<&Vec<usize>> = self.rows.iter().filter(|at| fits(at, first.clone())).collect();
        let columns: Vec<&Vec<usize>> = self.columns.iter().filter(|at| fits(at, second.clone())).collect();
        Numbers {
            values: rows.iter().map(|row| columns.iter().map(|column| self.at(row, column)).collect()).collect(),
            rows: rows.iter().map(|at| rest(at, &first)).collect(),
            columns: columns.iter().map(|at| rest(at, &second)).collect(),
        }
    }

    /// With the axes in another order.
    fn ordered(&self, rows: &[Index], columns: &[Index], own_rows: &[Index], own_columns: &[Index]) -> Numbers {
        let places = |all: &[Index], own: &[Index]| -> Vec<usize> {
            own.iter().map(|index| all.iter().position(|other| other == index).unwrap()).collect()
        };
        let (row_axes, column_axes) = (places(rows, own_rows), places(columns, own_columns));
        let sorted = |all: &[Vec<usize>], axes: &[usize]| {
            let mut own: Vec<(Vec<usize>, Vec<usize>)> =
                all.iter().map(|at| (axes.iter().map(|axis| at[*axis]).collect(), at.clone())).collect();
            own.sort();
            own
        };
        let (new_rows, new_columns) = (sorted(&self.rows, &row_axes), sorted(&self.columns, &column_axes));
        let row = |at: &Vec<usize>| new_columns.iter().map(|(_, column)| self.at(at, column)).collect();
        Numbers {
            values: new_rows.iter().map(|(_, at)| row(at)).collect(),
            rows: new_rows.into_iter().map(|(at, _)| at).collect(),
            columns: new_columns.into_iter().map(|(at, _)| at).collect(),
        }
    }

    fn rank(&self) -> usize {
        let mut rows = self.values.clone();
        let mut rank = 0;
        for column in 0..self.columns.len() {
            let size = |row: &usize| (rows[*row][column].abs() * 1e9) as u64;
            let Some(best) = (rank..rows.len()).max_by_key(size).filter(|row| rows[*row][column].abs() > 1e-7) else {
                continue;
            };
            rows.swap(rank, best);
            let pivot = rows[rank].clone();
            for row in rows.iter_mut().skip(rank + 1) {
                let factor = row[column] / pivot[column];
                row.iter_mut().zip(&pivot).for_each(|(value, other)| *value -= factor * other);
            }
            rank += 1;
        }
        rank
    }
}

/// No window in the models here is wider.
const WINDOW: i64 = 4;

/// Whether the axes of pairs come first, or last, among as many axes in all, in one order.
fn in_place(pairs: &[(usize, usize)], [rows, columns]: [usize; 2], last: bool) -> bool {
    let (first_row, first_column) = if last { (rows - pairs.len(), columns - pairs.len()) } else { (0, 0) };
    let mut pairs = pairs.to_vec();
    pairs.sort();
    pairs.iter().enumerate().all(|(place, pair)| *pair == (first_row + place, first_column + place))
}

/// The indices with those of a structure's pairs first, among those that are put in order.
fn matched(
    structure: &Structure,
    rows: &[Index],
    columns: &[Index],
    by_rows: bool,
    by_columns: bool,
) -> (Vec<Index>, Vec<Index>) {
    let pairs = match structure {
        Structure::Kronecker { pairs, .. } | Structure::Blocks(pairs, _) => pairs.clone(),
        // Of a diagonal the numbers tell nothing of the pairs: by their extents.
        _ => {
            let mut left = columns.to_vec();
            let pair = |row: &Index| {
                let at = left.iter().position(|column| column.extent == row.extent).unwrap();
                (row.clone(), left.remove(at))
            };
            rows.iter().map(pair).collect()
        }
    };
    let with = |all: &[Index], first: Vec<Index>| {
        let rest = all.iter().filter(|index| !first.contains(index)).cloned().collect::<Vec<_>>();
        [first, rest].concat()
    };
    let by = |all: &[Index], of: &dyn Fn(&(Index, Index)) -> Index| {
        let mut pairs = pairs.clone();
        // What is not put in order says in which.
        pairs.sort_by_key(|(row, column)| match by_columns {
            true => rows.iter().position(|other| other == row),
            false => columns.iter().position(|other| other == column),
        });
        with(all, pairs.iter().map(of).collect())
    };
    let own_rows = if by_rows { by(rows, &|pair| pair.0.clone()) } else { rows.to_vec() };
    let own_columns = if by_columns { by(columns, &|pair| pair.1.clone()) } else { columns.to_vec() };
    (own_rows, own_columns)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-7
}

/// Whether numbers have a structure; `rows` and `columns` are the indices that their axes are.
fn holds(structure: &Structure, numbers: &Numbers, rows: &[Index], columns: &[Index]) -> bool {
    let row_of = |index: &Index| rows.iter().position(|other| other == index).unwrap();
    let column_of = |index: &Index| columns.iter().position(|other| other == index).unwrap();
    let axes = |pairs: &[(Index, Index)]| pairs.iter().map(|(r, c)| (row_of(r), column_of(c))).collect::<Vec<_>>();
    match structure {
        Structure::Zero => numbers.every(|_, _, value| near(value, 0.0)),
        Structure::Single => numbers.values.len() == 1 && numbers.columns.len() == 1,
        Structure::Row => numbers.rows.len() == 1,
        Structure::Column => numbers.columns.len() == 1,
        Structure::Identity => numbers.every(|row, column, value| near(value, f64::from(u8::from(row == column)))),
        Structure::Multiple => {
            let first = numbers.values[0][0];
            numbers.every(|row, column, value| near(value, if row == column { first } else { 0.0 }))
        }
        Structure::Permutation => {
            let ones = |values: &Vec<f64>| values.iter().filter(|value| near(**value, 1.0)).count() == 1;
            let of_column = |at: usize| numbers.values.iter().map(|row| row[at]).collect::<Vec<f64>>();
            let columns = (0..numbers.columns.len()).map(of_column);
            numbers.every(|_, _, value| near(value, 0.0) || near(value, 1.0))
                && numbers.values.iter().all(ones)
                && columns.into_iter().all(|column| ones(&column))
        }
        Structure::Selection => {
            let ones = |values: &Vec<f64>| values.iter().filter(|value| near(**value, 1.0)).count() <= 1;
            numbers.every(|_, _, value| near(value, 0.0) || near(value, 1.0)) && numbers.values.iter().all(ones)
        }
        Structure::Diagonal => numbers.every(|row, column, value| row == column || near(value, 0.0)),
        Structure::Kronecker { pairs, block: inner, .. } | Structure::Blocks(pairs, inner) => {
            let same = matches!(structure, Structure::Kronecker { .. });
            let last = matches!(structure, Structure::Kronecker { last: true, .. });
            let (axes, extents) = (axes(pairs), pairs.iter().map(|(row, _)| row.extent.value()).collect::<Vec<_>>());
            let apart =
                numbers.every(|row, column, value| axes.iter().all(|(r, c)| row[*r] == column[*c]) || near(value, 0.0));
            let left = |all: &[Index], used: &dyn Fn(&Index) -> bool| {
                all.iter().filter(|index| !used(index)).cloned().collect::<Vec<_>>()
            };
            let (rows_given, columns_given) = (rows, columns);
            let rows = left(rows, &|index| pairs.iter().any(|(row, _)| row == index));
            let columns = left(columns, &|index| pairs.iter().any(|(_, column)| column == index));
            let all: Vec<Numbers> = entries(&extents).iter().map(|values| numbers.block(&axes, values)).collect();
            let equal = all.iter().all(|block| {
                let mut pairs = block.values.iter().flatten().zip(all[0].values.iter().flatten());
                pairs.all(|(a, b)| near(*a, *b))
            });
            in_place(&axes, [rows_given.len(), columns_given.len()], last)
                && apart
                && (equal || !same)
                && all.iter().all(|block| holds(inner, block, &rows, &columns))
        }
        Structure::DiagonalAnd { rest, .. } if **rest == Structure::Outer => {
            let n = numbers.rows.len();
            entries(&[n, n, n, n]).iter().all(|at| {
                let [i, j, k, l] = at[..] else { return false };
                let v = &numbers.values;
                [i, j].contains(&k) || [i, j].contains(&l) || near(v[i][k] * v[j][l], v[i][l] * v[j][k])
            })
        }
        // The inner structure holds of what is left once the order is put right.
        Structure::Permuted { rows: by_rows, columns: by_columns, inner } => {
            let (own_rows, own_columns) = matched(inner, rows, columns, *by_rows, *by_columns);
            holds(inner, &numbers.ordered(rows, columns, &own_rows, &own_columns), &own_rows, &own_columns)
        }
        Structure::DiagonalAnd { .. } => true,
        Structure::Dense => numbers.every(|_, _, value| !near(value, 0.0)),
        Structure::Sparse => !numbers.every(|_, _, value| !near(value, 0.0)),
        Structure::Outer => numbers.rank() <= 1,
        Structure::LowRank(rank) => numbers.rank() <= *rank,
        Structure::Banded { pairs, strides, .. } => axes(pairs).iter().zip(strides).all(|((r, c), stride)| {
            // Of a window that moves, the first and the last row have the same part.
            let places = |row: usize| {
                let mut found = Vec::new();
                numbers.every(|at, column, value| {
                    if at[*r] == row && !near(value, 0.0) {
                        found.push(column[*c] as i64 - *stride * row as i64);
                    }
                    true
                });
                found
            };
            let all: Vec<i64> = (0..rows[*r].extent.value()).flat_map(places).collect();
            let width = all.iter().max().unwrap_or(&0) - all.iter().min().unwrap_or(&0);
            width < WINDOW
        }),
        Structure::Toeplitz { pairs, strides, banded, .. } => {
            let axes = axes(pairs);
            let window = Structure::Banded { pairs: pairs.clone(), strides: strides.clone(), blocks: false };
            (!banded || holds(&window, numbers, rows, columns))
                && numbers.every(|row, column, value| {
                    axes.iter().zip(strides).all(|((r, c), stride)| {
                        let (mut row, mut column) = (row.to_vec(), column.to_vec());
                        (row[*r], column[*c]) = (row[*r] + 1, column[*c] + *stride as usize);
                        let inside = numbers.rows.contains(&row) && numbers.columns.contains(&column);
                        !inside || near(value, numbers.at(&row, &column))
                    })
                })
        }
        Structure::Triangular { pair, lower, .. } => {
            let (r, c) = (row_of(&pair.0), column_of(&pair.1));
            let beyond = |row: usize, column: usize| if *lower { column > row } else { row > column };
            numbers.every(|row, column, value| !beyond(row[r], column[c]) || near(value, 0.0))
        }
    }
}

/// The shape of a Jacobian and the indices of its rows and columns.
fn shape(model: &Model, of: &str, wrt: &str, points: &[Point]) -> (Shape, Vec<Index>, Vec<Index>) {
    let mut backward = derive(model, of, &[wrt.into()]).unwrap();
    backward.put_in_full();
    let verified = verify(&backward, points).unwrap();
    let typed = BTreeMap::new();
    let wrts = [wrt.into()];
    let contents = Contents { backward: &backward, wrt: &wrts, verified, points: &[], typed: &typed, title: "" };
    let page = document(&contents).gradients.remove(0);
    let rank = model.tensor(of).unwrap().shape.len();
    let indices = &backward.gradient(wrt).unwrap().indices.clone();
    let (rows, columns) = indices.split_at(rank);
    let local = Shape::of(rows, columns, backward.gradient(wrt).unwrap().derivation.end());
    (page.shape.unwrap_or(local), rows.to_vec(), columns.to_vec())
}

#[test]
fn structures_are_those_of_the_numbers() {
    let mut wrong = Vec::new();
    for (equations, of, wrt, words, count) in CASES {
        let model = model(&format!("{GIVEN}{equations}\n"));
        let points: Vec<Point> = (1..9).map(|seed| point(&model, seed)).collect();
        let (shape, rows, columns) = shape(&model, of, wrt, &points);
        let mut nonzero = vec![false; shape.support.as_ref().map_or(0, |support| support.all as usize)];
        for point in &points {
            let numbers = Numbers::of(&model, of, wrt, point);
            assert!(holds(&shape.structure, &numbers, &rows, &columns), "{equations}: {}", shape.words());
            let values = || numbers.values.iter().flatten();
            values().zip(&mut nonzero).for_each(|(value, seen)| *seen |= !near(*value, 0.0));
            if shape.symmetric {
                let n = numbers.rows.len();
                let is_so = |at: &Vec<usize>| near(numbers.values[at[0]][at[1]], numbers.values[at[1]][at[0]]);
                assert!(entries(&[n, n]).iter().all(is_so), "{equations}: symmetric");
            }
        }
        let support = shape.support.as_ref().unwrap();
        let seen = nonzero.iter().filter(|seen| **seen).count();
        let is_expected = (words.is_empty() || shape.words() == *words) && (*count == 0 || support.count == *count);
        if support.count as usize != seen || !is_expected {
            wrong.push(format!("∂{of}/∂{wrt} of {equations}: {}; {support}; by numbers {seen}", shape.words()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Models with a size `n`, what is differentiated by what, and the structure at every size. At each the numbers
/// have it.
const SIZES: &[(&str, &str, &str, &str)] = &[
    (RECURRENT, "h", "h", "block lower triangular"),
    (RECURRENT, "h", "y", "block lower triangular"),
    (
        "param t[n, 3] ~ normal(0, 1)\nP[q,i] = softmax[q](t[q,i])",
        "P",
        "t",
        "block diagonal over i up to the order of its rows and columns, each block diagonal minus an outer product, symmetric",
    ),
    (
        "param t[3, n] ~ normal(0, 1)\nP[q,i] = softmax[i](t[q,i])",
        "P",
        "t",
        "block diagonal over q, each block diagonal minus an outer product, symmetric",
    ),
    ("param t[5, n] ~ normal(0, 1)\nT[i,j] = t[j,i]", "T", "t", "a permutation"),
    ("param x[n] ~ normal(0, 1)\nz[i] = x[n-1-i]", "z", "x", "a permutation"),
    ("param x[n+2] ~ normal(0, 1)\nparam k[3] ~ normal(0, 1)\nz[i] = x[i+j] k[j]", "z", "x", CONVOLUTION),
    ("param x[2*n] ~ normal(0, 1)\nz[i:n] = max[k:2] x[2*i+k]", "z", "x", "banded with stride 2"),
    ("param x[n] ~ normal(0, 1)\nz[i:n] = sum[j] [j <= i] x[j]^2", "z", "x", "lower triangular"),
    ("param x[n] ~ normal(0, 1)\nparam W[3, n] ~ normal(0, 1)\nz[i] = W[i,j] x[j]", "z", "x", "dense"),
    (
        "param x[3] ~ normal(0, 1)\nparam W[3, n] ~ normal(0, 1)\nz[j] = W[i,j] x[i]",
        "z",
        "W",
        "Kronecker product of a row and the identity",
    ),
];

const CONVOLUTION: &str = "banded Toeplitz (a convolution)";

const RECURRENT: &str = "param y[4, 2] ~ normal(0, 1)
param W[n, n] ~ normal(0, 1)
param U[n, 2] ~ normal(0, 1)
h[t:-1, i] = 0
h[t, i] = tanh(W[i,j] h[t-1,j] + U[i,k] y[t,k])";

#[test]
fn structures_do_not_depend_on_sizes() {
    let mut wrong = Vec::new();
    for (text, of, wrt, words) in SIZES {
        // Where an index has one value, conditions on it are decided, and the term says nothing of them any more.
        let first = if text.contains("max[") || text.contains("<=") { 2 } else { 1 };
        for n in first..5 {
            let text = text.replace("2*n", &(2 * n).to_string()).replace("n+2", &(n + 2).to_string());
            let text = text.replace("n-1-i", &format!("{}-i", n - 1)).replace("[n", &format!("[{n}"));
            let text = text.replace(" n]", &format!(" {n}]")).replace(":n", &format!(":{n}"));
            let model = model(&format!("{text}\n"));
            let points: Vec<Point> = (1..3).map(|seed| point(&model, seed)).collect();
            let (shape, rows, columns) = shape(&model, of, wrt, &points);
            let numbers = Numbers::of(&model, of, wrt, &points[0]);
            let is_so = holds(&shape.structure, &numbers, &rows, &columns);
            if shape.words() != *words || !is_so {
                wrong.push(format!("{n}: ∂{of}/∂{wrt} of {text}: {}: {is_so}", shape.words()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A structure that numbers do not have is seen.
#[test]
fn wrong_structures_are_seen() {
    let model = model(&format!("{GIVEN}z[i] = W[i,j] x[j]\n"));
    let numbers = Numbers::of(&model, "z", "x", &point(&model, 1));
    let (rows, columns) = ([Index::new(0, 6, "i")], [Index::new(1, 7, "j")]);
    let pair = (rows[0].clone(), columns[0].clone());
    let wrong = [
        Structure::Zero,
        Structure::Identity,
        Structure::Multiple,
        Structure::Permutation,
        Structure::Diagonal,
        Structure::Outer,
        Structure::LowRank(5),
        Structure::Toeplitz { pairs: vec![pair.clone()], strides: vec![1], banded: false, blocks: false },
        Structure::Banded { pairs: vec![pair.clone()], strides: vec![1], blocks: false },
        Structure::Selection,
        Structure::Sparse,
        Structure::Triangular { pair: pair.clone(), lower: true, blocks: false },
        Structure::DiagonalAnd { minus: true, rest: Box::new(Structure::Outer) },
        Structure::Blocks(vec![pair], Box::new(Structure::Single)),
    ];
    for structure in wrong {
        assert!(!holds(&structure, &numbers, &rows, &columns), "{structure}");
    }
}
