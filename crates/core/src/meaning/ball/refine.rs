//! Points that obey equations to hundreds of bits: doubles are near, and what is missing is added.

use super::super::Point;
use super::super::residue::{Residue, scatter};
use super::bound::Bound;
use super::real::Ball;
use super::value::Value;
use super::walk::{Refined, Walk};
use crate::model::Model;
use crate::term::{Index, Term};
use std::rc::Rc;

/// An equation that a point nearly obeys.
pub struct Equation<'a> {
    /// One side.
    pub left: &'a Term,
    /// The other side.
    pub right: &'a Term,
    /// The values of the free indices.
    pub at: &'a [(Index, usize)],
    /// How fast the difference of the sides grows with entries of what is given: tensor, place, slope.
    pub slopes: Vec<(usize, usize, f64)>,
}

/// What is added to a point of doubles, so that it obeys its conditions.
#[derive(Debug, Clone, Default)]
pub struct Finer {
    pub(super) values: Rc<Refined>,
    /// Equations are obeyed but for less than 2 to the power of minus this of their size; `None` where they are
    /// obeyed exactly.
    pub(super) obeyed: Option<i64>,
}

/// With so many bits.
const BITS: usize = 700;
/// Equations hold where less than 2 to the power of minus this is missing.
const MISSING: i64 = 600;
/// Sums that cancel to less than this of their addends are taken for 0 then.
const NOTHING: i64 = 560;
/// Smaller differences of other terms then say nothing.
const OBEYED: i64 = 280;
/// Where an equation is obeyed as doubles can.
const AS_DOUBLES: i64 = 30;
/// How often all equations are gone through.
const SWEEPS: usize = 60;
/// So many equations are met together.
const MOST_JOINT: usize = 16;
/// How many equations are looked at before it is given up.
const MOST_LOOKS: usize = 60_000;

impl Finer {
    /// The equations in turn are met by the least change of what is given, until all hold.
    pub fn new(model: &Model, point: &Point, equations: &[Equation]) -> Finer {
        let snapped = Rc::new(snapped(model, point, equations));
        let is_met = |equation: &Equation| matches!(missing(model, point, &snapped, equation), Some(Missing::Nothing));
        if equations.iter().all(is_met) {
            return Finer { values: snapped, obeyed: None };
        }
        // Those of few entries come last, so that the others do not spoil them.
        let mut equations: Vec<&Equation> = equations.iter().collect();
        equations.sort_by_key(|equation| std::cmp::Reverse(equation.slopes.len()));
        if let Some(finer) = Finer::jointly(model, point, &equations) {
            return finer;
        }
        let mut values: Rc<Refined> = Rc::default();
        let (mut is_exact, mut looks) = (true, 0);
        for _ in 0..SWEEPS {
            let mut moved = false;
            for equation in &equations {
                looks += 1;
                match missing(model, point, &values, equation) {
                    Some(Missing::Nothing) => {}
                    Some(Missing::Little) => is_exact = false,
                    Some(Missing::Much(rest)) if looks < MOST_LOOKS => {
                        is_exact = false;
                        moved = true;
                        step(model, point, Rc::make_mut(&mut values), equation, &rest, looks);
                    }
                    _ => return Finer { values: Rc::default(), obeyed: Some(AS_DOUBLES) },
                }
            }
            if !moved {
                return Finer { values, obeyed: (!is_exact).then_some(OBEYED) };
            }
        }
        Finer { values: Rc::default(), obeyed: Some(AS_DOUBLES) }
    }

    /// All equations at once are met by the least change, with the slopes as they are at the point (a chord method);
    /// `None` where there are many, or they are not independent, or that leads nowhere.
    fn jointly(model: &Model, point: &Point, equations: &[&Equation]) -> Option<Finer> {
        if !(2..=MOST_JOINT).contains(&equations.len()) {
            return None;
        }
        let slopes: Vec<Slopes> = equations.iter().map(|equation| whole_slopes(equation)).collect();
        let inverse = inverse(products(&slopes))?;
        let mut values: Rc<Refined> = Rc::default();
        let mut is_exact = true;
        for round in 0..SWEEPS {
            let mut rests: Vec<Option<Ball>> = Vec::with_capacity(equations.len());
            for equation in equations {
                let missing = missing(model, point, &values, equation)?;
                is_exact &= matches!(missing, Missing::Nothing);
                rests.push(if let Missing::Much(rest) = missing { Some(rest) } else { None });
            }
            if rests.iter().all(Option::is_none) {
                return Some(Finer { values, obeyed: (!is_exact).then_some(OBEYED) });
            }
            for (number, row) in inverse.iter().enumerate() {
                let mut amount = Ball::double(0.0);
                for (factor, rest) in row.iter().zip(&rests) {
                    if let Some(rest) = rest {
                        amount = amount.plus(&rest.times(&Ball::double(*factor), BITS).ok()?, BITS).ok()?;
                    }
                }
                let number = round * equations.len() + number;
                shift(model, point, Rc::make_mut(&mut values), &slopes[number % equations.len()], &amount, number);
            }
        }
        None
    }

    /// Writes the values into a point, as well as doubles can.
    pub fn write(&self, model: &Model, point: &mut Point) {
        for ((tensor, place), value) in self.values.iter() {
            let array = point.get_mut(&model.tensors[*tensor].name);
            if let Some(entry) = array.and_then(|array| array.values.get_mut(*place)) {
                *entry = value.to_double();
            }
        }
    }

    /// What a difference is smaller than where an equation holds, in powers of 2 below its sides.
    pub(super) fn nothing(&self) -> Option<i64> {
        (self.obeyed == Some(OBEYED)).then_some(NOTHING)
    }

    /// Whether the values are only as good as doubles.
    pub(super) fn is_rough(&self) -> bool {
        self.obeyed == Some(AS_DOUBLES)
    }
}

/// The entries in the equations that are near a multiple of 2^-20, as that: many conditions ask for integers.
fn snapped(model: &Model, point: &Point, equations: &[Equation]) -> Refined {
    const UNIT: f64 = (1u64 << 20) as f64;
    let mut snapped = Refined::new();
    for (tensor, place, _) in equations.iter().flat_map(|equation| &equation.slopes) {
        let given = point.get(&model.tensors[*tensor].name).and_then(|array| array.values.get(*place));
        let Some(near) = given.map(|value| (value * UNIT).round() / UNIT) else { continue };
        if given.is_some_and(|value| (value - near).abs() <= 1e-9)
            && let Ok(value) = Value::given(near)
        {
            snapped.insert((*tensor, *place), value);
        }
    }
    snapped
}

/// How much an equation lacks.
enum Missing {
    Nothing,
    Little,
    Much(Ball),
}

fn missing(model: &Model, point: &Point, values: &Rc<Refined>, equation: &Equation) -> Option<Missing> {
    let mut walk = Walk::new(model, point, values.clone(), BITS, None);
    let left = walk.value(equation.left, equation.at).ok()?;
    let right = walk.value(equation.right, equation.at).ok()?;
    if left.compare(&right, BITS) == Ok(0) {
        return Some(Missing::Nothing);
    }
    let (left, right) = (left.ball()?, right.ball()?);
    let rest = left.minus(right, BITS).ok()?;
    let one = Bound::power_of_two(0);
    let size = [left.above(), right.above(), one].into_iter().fold(one, |a, b| if a > b { a } else { b });
    Some(if rest.above() <= size.shifted(-MISSING) { Missing::Little } else { Missing::Much(rest.centre()) })
}

/// How fast something grows with entries of what is given: tensor, place, slope.
type Slopes = Vec<(usize, usize, f64)>;

/// Most slopes are small integers, and were measured.
fn whole_slopes(equation: &Equation) -> Slopes {
    let whole = |slope: f64| if (slope - slope.round()).abs() < 1e-6 { slope.round() } else { slope };
    equation.slopes.iter().map(|(tensor, place, slope)| (*tensor, *place, whole(*slope))).collect()
}

/// The products of the slopes of every two equations.
fn products(slopes: &[Slopes]) -> Vec<Vec<f64>> {
    let product = |one: &Slopes, other: &Slopes| -> f64 {
        let shared = |(tensor, place, slope): &(usize, usize, f64)| -> f64 {
            other.iter().filter(|own| (own.0, own.1) == (*tensor, *place)).map(|own| own.2 * slope).sum()
        };
        one.iter().map(shared).sum()
    };
    slopes.iter().map(|one| slopes.iter().map(|other| product(one, other)).collect()).collect()
}

/// The inverse of a matrix, by elimination with the greatest pivots; `None` where it has none.
fn inverse(mut matrix: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let count = matrix.len();
    for (number, row) in matrix.iter_mut().enumerate() {
        row.extend((0..count).map(|column| f64::from(u8::from(column == number))));
    }
    for column in 0..count {
        let size = |row: &usize| matrix[*row][column].abs();
        let pivot = (column..count).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        matrix.swap(column, pivot);
        let divisor = matrix[column][column];
        if divisor.is_nan() || divisor.abs() < 1e-9 {
            return None;
        }
        matrix[column].iter_mut().for_each(|entry| *entry /= divisor);
        let own = matrix[column].clone();
        for (_, row) in matrix.iter_mut().enumerate().filter(|(number, _)| *number != column) {
            let factor = row[column];
            row.iter_mut().zip(&own).for_each(|(entry, own)| *entry -= factor * own);
        }
    }
    Some(matrix.into_iter().map(|row| row[count..].to_vec()).collect())
}

/// Moves the entries of an equation so that nothing of it is missing, as far as the slopes tell.
fn step(model: &Model, point: &Point, values: &mut Refined, equation: &Equation, rest: &Ball, number: usize) {
    let slopes = whole_slopes(equation);
    let size: f64 = slopes.iter().map(|(_, _, slope)| slope * slope).sum();
    if size == 0.0 || !size.is_finite() {
        return;
    }
    if let Ok(amount) = rest.over(&Ball::double(size), BITS) {
        shift(model, point, values, &slopes, &amount, number);
    }
}

/// Takes so many times the slopes from the entries.
fn shift(model: &Model, point: &Point, values: &mut Refined, slopes: &Slopes, amount: &Ball, number: usize) {
    for (tensor, place, slope) in slopes.iter().copied().filter(|(_, _, slope)| *slope != 0.0) {
        let given = point.get(&model.tensors[tensor].name).and_then(|array| array.values.get(place));
        let before = match values.get(&(tensor, place)) {
            Some(value) => value.ball().cloned(),
            None => given.filter(|value| value.is_finite()).map(|value| Ball::double(*value)),
        };
        let moved = before.and_then(|before| {
            let part = amount.times(&Ball::double(slope), BITS).ok()?;
            Some(before.minus(&part.centre(), BITS).ok()?.centre())
        });
        if let Some(moved) = moved {
            let key = [tensor, place, number].iter().fold(1, |key, part| scatter(key ^ *part as u64));
            values.insert((tensor, place), Value::finite(moved, Residue::unknown(key)));
        }
    }
}
