//! How long a step takes: of gradient descent on random data of the right shapes.

use crate::evaluate::team;
use crate::execute::Engine;
use crate::seeds::{Stream, initialise_tensor};
use deltarule_core::model::{Model, Role, TargetKind, Tensor};
use deltarule_core::plan::{Guarded, Operation, PlaceKind, Plan};
pub use deltarule_kernels::peak;
use std::time::{Duration, Instant};

/// Runs into which the steps are cut; what is told is the median of their means.
const RUNS: usize = 9;
/// Steps before the clock starts: at least so many, for at least so long, but at most as many as are
/// timed.
const WARM_STEPS: usize = 2;
const WARM_TIME: Duration = Duration::from_millis(100);
/// How long every operation is timed by itself, and how often at least.
const PROFILE_TIME: Duration = Duration::from_millis(500);
const PROFILE_STEPS: usize = 5;

/// What to time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// How many steps.
    pub steps: usize,
    /// What a gradient is multiplied by before it is subtracted.
    pub rate: f32,
    /// Of the data and the first parameters.
    pub seed: u64,
    /// How many threads to use; 0: one for each core.
    pub threads: usize,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The first step.
    pub first: Duration,
    /// Seconds a step: the median over the runs.
    pub seconds: f64,
    /// The least of the means of the runs.
    pub least: f64,
}

/// The multiplications and additions of the matrix products of a plan.
pub fn product_flops(operations: &[Operation]) -> f64 {
    let flops = |operation: &Operation| match operation {
        Operation::Product(product) | Operation::Guarded(Guarded { product, .. }) => product.flops(),
        Operation::Repeat(repeat) => product_flops(&repeat.operations),
        Operation::Walk(_) | Operation::Scatter(_) => 0.0,
    };
    operations.iter().map(flops).sum()
}

/// The bytes of all values of a plan, if each had memory of its own.
pub fn bytes_side_by_side(plan: &Plan) -> usize {
    plan.places.iter().map(|place| 4 * place.len()).sum()
}

/// The most memory that the process has had so far, in bytes, where the system tells.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?)
}

/// Fills everything that is given: parameters with their first values, data at random.
pub fn fill(engine: &mut Engine, model: &Model, seed: u64) {
    for tensor in &model.tensors {
        let Some(values) = engine.tensor_mut(&tensor.name) else { continue };
        if !initialise_tensor(tensor, seed, values) {
            random(tensor, values, &mut Stream::new(seed, "bench", &tensor.name));
            if let Some(domain) = model.domain(&tensor.name) {
                values.iter_mut().for_each(|value| *value = domain.drawn(2.0 * f64::from(*value) - 1.0) as f32);
            }
        }
    }
}

/// Values that a tensor may have.
fn random(tensor: &Tensor, values: &mut [f32], stream: &mut Stream) {
    let row = tensor.shape.last().copied().unwrap_or(1).max(1);
    match tensor.role {
        Role::Input { below: Some(below) } | Role::Target(TargetKind::Integer(below)) => {
            values.iter_mut().for_each(|value| *value = stream.below(below as u64) as f32);
        }
        Role::Target(TargetKind::OneHot) => {
            values.fill(0.0);
            values.chunks_exact_mut(row).for_each(|row| row[stream.below(row.len() as u64) as usize] = 1.0);
        }
        Role::Target(TargetKind::Probability) => {
            for row in values.chunks_exact_mut(row) {
                row.iter_mut().for_each(|value| *value = stream.uniform() as f32 + 0.1);
                let sum: f32 = row.iter().sum();
                row.iter_mut().for_each(|value| *value /= sum);
            }
        }
        _ => values.iter_mut().for_each(|value| *value = stream.uniform() as f32),
    }
}

/// Times the steps of an engine, after some that are not counted.
///
/// # Errors
/// No threads could be had; the system's words.
pub fn measure(engine: &mut Engine, options: &Options) -> Result<Measured, String> {
    team(options.threads)?.install(|| {
        let start = Instant::now();
        engine.run(options.rate);
        let first = start.elapsed();
        let start = Instant::now();
        let mut warm = 0;
        while warm < WARM_STEPS || (start.elapsed() < WARM_TIME && warm < options.steps) {
            engine.run(options.rate);
            warm += 1;
        }
        let runs = RUNS.min(options.steps.max(1));
        let mut means: Vec<f64> = (0..runs)
            .map(|run| {
                // Differences of neighbouring parts, so that all add up to the number of steps.
                let count = (options.steps * (run + 1)) / runs - (options.steps * run) / runs;
                let start = Instant::now();
                (0..count).for_each(|_| engine.run(options.rate));
                start.elapsed().as_secs_f64() / count.max(1) as f64
            })
            .collect();
        means.sort_by(f64::total_cmp);
        Ok(Measured { first, seconds: means[runs / 2], least: means[0] })
    })
}

/// Seconds that every operation of the plan takes: the least of some steps.
///
/// # Errors
/// No threads could be had; the system's words.
pub fn profile(engine: &mut Engine, options: &Options) -> Result<Vec<f64>, String> {
    let count = engine.plan().operations.len();
    team(options.threads)?.install(|| {
        let (mut times, mut least) = (vec![Duration::ZERO; count], vec![f64::INFINITY; count]);
        let (start, mut steps) = (Instant::now(), 0);
        while steps < PROFILE_STEPS || start.elapsed() < PROFILE_TIME {
            engine.run_timed(options.rate, &mut times);
            least.iter_mut().zip(&times).for_each(|(least, time)| *least = least.min(time.as_secs_f64()));
            steps += 1;
        }
        Ok(least)
    })
}

/// Whether all that was asked for is finite.
pub fn is_finite(engine: &Engine) -> bool {
    let outputs = engine.plan().places.iter().filter(|place| place.kind == PlaceKind::Output);
    outputs.filter_map(|place| engine.tensor(&place.name)).flatten().all(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_data_keep_what_is_promised_of_them() {
        let span = deltarule_core::text::Span { start: 0, end: 0 };
        let tensor = |role| Tensor::new("t", deltarule_core::term::Extent::numbers(&[3, 5]), role, true, span);
        let values = |role| {
            let mut values = vec![0.0; 30];
            random(&tensor(role), &mut values, &mut Stream::new(0, "bench", "t"));
            values
        };
        let rows = values(Role::Target(TargetKind::OneHot));
        for row in rows.chunks(5) {
            assert!(row.iter().sum::<f32>() == 1.0 && row.contains(&1.0), "{row:?}");
        }
        for row in values(Role::Target(TargetKind::Probability)).chunks(5) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6 && row.iter().all(|value| *value > 0.0), "{row:?}");
        }
        let whole = |value: &f32| value.fract() == 0.0 && (0.0..7.0).contains(value);
        assert!(values(Role::Input { below: Some(7) }).iter().all(whole));
        assert!(values(Role::Input { below: None }).iter().all(|value| (0.0..1.0).contains(value)));
    }
}
