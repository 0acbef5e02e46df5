//! Values and gradients of a model as it is written, with so many bits that nothing overflows or is lost.

use crate::common::Given;
use deltarule_core::meaning::{Array, Balls, Point, Sides, Sought};
use deltarule_core::model::{Model, Role};
use deltarule_core::term::{Index, Name, Number, Term};
use std::collections::BTreeMap;

/// What is expected of entries; `None` where it has no finite value.
pub struct Expected {
    pub values: BTreeMap<Name, Vec<Option<f64>>>,
    /// By how much they move where what is given moves by roundings of singles.
    pub moves: BTreeMap<Name, Vec<f64>>,
}

const SOUGHT: Sought = Sought { bits: 256, most_bits: 16_384, growth: 4, agreement: 100 };

fn example(model: &Model, given: &Given, number: usize, shift: impl Fn(usize) -> f64) -> Point {
    let one = |(name, array): (&Name, &Array)| {
        let tensor = model.tensor(name)?;
        let length = tensor.len();
        let start = if tensor.per_example { number * length } else { 0 };
        let values = array.values[start..start + length].iter().enumerate();
        let is_exact = matches!(tensor.role, Role::Input { below: Some(_) });
        let values =
            values.map(|(place, value)| if is_exact { *value } else { value * (1.0 + shift(place)) }).collect();
        Some((name.clone(), Array { shape: tensor.shape.clone(), values }))
    };
    given.iter().filter_map(one).collect()
}

/// One entry as a double.
fn value(balls: &mut Balls, term: &Term, at: &[(Index, usize)]) -> Option<f64> {
    // A number that it is certainly not.
    let other = Term::number(Number::Float(1.234_567e301));
    match balls.compare([term, &other], at, SOUGHT, 50_000_000) {
        Sides::Different(value, _) => Some(value),
        _ => None,
    }
}

fn entries(model: &Model, point: &Point, name: &Name, shape: &[usize]) -> Vec<Option<f64>> {
    let mut balls = Balls::new(model, point);
    let indices: Vec<Index> = (0..).zip(shape).map(|(id, extent)| Index::new(id, *extent, "i")).collect();
    let term = Term::read_at(name, &indices);
    let mut one = |place: usize| {
        let mut rest = place;
        let mut at: Vec<(Index, usize)> = indices.iter().map(|index| (index.clone(), 0)).collect();
        for (index, position) in at.iter_mut().rev() {
            (*position, rest) = (rest % index.extent.value(), rest / index.extent.value());
        }
        value(&mut balls, &term, &at)
    };
    (0..shape.iter().product()).map(&mut one).collect()
}

/// The loss and its gradient by parameters, means over the examples.
pub fn expected(model: &Model, given: &Given, batch: usize, wanted: &[Name]) -> Expected {
    let of_shift = |shift: &dyn Fn(usize) -> f64| {
        let points: Vec<Point> = (0..batch).map(|number| example(model, given, number, shift)).collect();
        let mut found: BTreeMap<Name, Vec<Option<f64>>> = BTreeMap::new();
        for name in wanted {
            let shape = match name.strip_prefix("∂loss/∂") {
                Some(parameter) => model.tensor(parameter).expect("a parameter").shape.clone(),
                None => Vec::new(),
            };
            let rows: Vec<Vec<Option<f64>>> = points.iter().map(|point| entries(model, point, name, &shape)).collect();
            let is_mean = model.tensor("loss").is_some_and(|loss| loss.per_example);
            let mean = |place: usize| {
                let all: Option<Vec<f64>> = rows.iter().map(|row| row[place]).collect();
                all.map(|all| if is_mean { all.iter().sum::<f64>() / batch as f64 } else { all[0] })
            };
            found.insert(name.clone(), (0..rows[0].len()).map(mean).collect());
        }
        found
    };
    let values = of_shift(&|_| 0.0);
    let shifts: [fn(usize) -> f64; 2] =
        [|place| if place % 2 == 0 { 5e-7 } else { -5e-7 }, |place| if place % 3 == 0 { -5e-7 } else { 5e-7 }];
    let mut moves: BTreeMap<Name, Vec<f64>> =
        values.iter().map(|(name, row)| (name.clone(), vec![0.0; row.len()])).collect();
    for shift in shifts {
        for (name, row) in of_shift(&shift) {
            for (place, moved) in row.into_iter().enumerate() {
                let by = values[&name][place].zip(moved).map_or(0.0, |(a, b)| (a - b).abs());
                let most = &mut moves.get_mut(&name).expect("the same names")[place];
                *most = most.max(by);
            }
        }
    }
    Expected { values, moves }
}
