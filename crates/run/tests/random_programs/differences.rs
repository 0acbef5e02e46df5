//! The derivatives of these tests' own evaluator, held to differences of its values, away from kinks.

use super::common::generator::Dice;
use super::compare::{Failure, Known, gradients};
use super::evaluate::evaluate;
use super::grammar::Program;
use super::inputs::Values;

/// So far a point is moved away from a kink that it may lie on.
const AWAY: f64 = 0.0173;

/// The derivatives by a few entries.
pub fn hold(known: &Known, seed: u64) -> Result<(), Failure> {
    let mut dice = Dice::new(seed ^ 0xD1FF);
    let program = &known.program;
    let mut variables = program.variables();
    variables.retain(|variable| !variable.shape.contains(&0));
    // A stopped value moves with differences and not with derivatives.
    if variables.is_empty() || super::print::program(program).contains("stop(") {
        return Ok(());
    }
    let variable = variables[dice.below(variables.len())];
    let place = dice.below(variable.shape.iter().product());
    let Some(detail) = disagreement(program, &known.examples[0], &variable.name, place) else { return Ok(()) };
    // At a tie values may have a derivative on both sides which they do not have there: `argmax[k] u[k] s` at `s = 0`.
    let mut moved = known.examples[0].clone();
    moved.get_mut(&variable.name).expect("its values")[place] += AWAY;
    match disagreement(program, &moved, &variable.name, place) {
        Some(_) => Err(Failure { what: "our own derivative".into(), detail }),
        None => Ok(()),
    }
}

/// How the derivative differs from the differences, where these tell.
fn disagreement(program: &Program, given: &Values, name: &str, place: usize) -> Option<String> {
    let here = evaluate(program, given, true).ok()?;
    let exact = gradients(program, &here[&program.target][0], true)[name][place];
    if exact.is_unknown() || !exact.value.is_finite() {
        return None;
    }
    let value_at = |by: f64| {
        let mut given = given.clone();
        given.get_mut(name).expect("its values")[place] += by;
        evaluate(program, &given, false).map(|values| values[&program.target][0].ball.value).unwrap_or(f64::NAN)
    };
    let slope = |step: f64| {
        (8.0 * (value_at(step) - value_at(-step)) - (value_at(2.0 * step) - value_at(-2.0 * step))) / (12.0 * step)
    };
    let (right, left) = (value_at(1e-4) - value_at(0.0), value_at(0.0) - value_at(-1e-4));
    let is_smooth = (right - left).abs() <= 1e-2 * (right.abs() + left.abs());
    if !is_smooth {
        return None;
    }
    let (coarse, fine) = (slope(1e-3), slope(5e-4));
    let size = exact.value.abs().max(1.0);
    let lost = 1e-11 * value_at(0.0).abs();
    let agrees = (fine - exact.value).abs() <= 1e-6 * size + 16.0 * (fine - coarse).abs() + lost;
    // Near a kink the two differ.
    (!agrees && (fine - coarse).abs() < 1e-7 * size)
        .then(|| format!("{name} at {place}: {} by our derivatives, {fine} by differences", exact.value))
}
