//! The derivatives of these tests' own evaluator, held to differences of its values, away from kinks.

use super::common::generator::Dice;
use super::compare::{Failure, Known};
use super::evaluate::evaluate;

/// The derivatives by a few entries.
pub fn hold(known: &Known, seed: u64) -> Result<(), Failure> {
    let mut dice = Dice::new(seed ^ 0xD1FF);
    let program = &known.program;
    let mut variables = program.variables();
    variables.retain(|variable| !variable.shape.contains(&0));
    for _ in 0..if variables.is_empty() { 0 } else { 1 } {
        let variable = variables[dice.below(variables.len())];
        let place = dice.below(variable.shape.iter().product());
        let exact = known.gradients[0][&variable.name][place];
        if exact.is_unknown() || !exact.value.is_finite() {
            continue;
        }
        let value_at = |by: f64| {
            let mut given = known.examples[0].clone();
            given.get_mut(&variable.name).expect("its values")[place] += by;
            evaluate(program, &given, false).map(|values| values[&program.target][0].ball.value).unwrap_or(f64::NAN)
        };
        let slope = |step: f64| {
            (8.0 * (value_at(step) - value_at(-step)) - (value_at(2.0 * step) - value_at(-2.0 * step))) / (12.0 * step)
        };
        let (right, left) = (value_at(1e-4) - value_at(0.0), value_at(0.0) - value_at(-1e-4));
        let is_smooth = (right - left).abs() <= 1e-2 * (right.abs() + left.abs());
        if !is_smooth {
            continue;
        }
        let (coarse, fine) = (slope(1e-3), slope(5e-4));
        let size = exact.value.abs().max(1.0);
        let lost = 1e-11 * value_at(0.0).abs();
        let agrees = (fine - exact.value).abs() <= 1e-6 * size + 16.0 * (fine - coarse).abs() + lost;
        // Near a kink the two differ; a stopped value moves with differences and not with derivatives.
        if !agrees && (fine - coarse).abs() < 1e-7 * size && !super::print::program(program).contains("stop(") {
            let detail =
                format!("{} at {place}: {} by our derivatives, {fine} by differences", variable.name, exact.value);
            return Err(Failure { what: "our own derivative".into(), detail });
        }
    }
    Ok(())
}
