//! The fast path held to the interpreter, within the error that singles may make.

use super::bound::{Bounded, bounded};
use super::{Given, defined, engine};
use deltarule_core::derivation::for_running;
use deltarule_core::meaning::{self, Array, Point};
use deltarule_core::model::Model;
use deltarule_core::term::Name;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many entries had no bound on their error, and how many had one.
pub static BOUNDED: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

/// The values of one example.
pub fn example(model: &Model, given: &Given, number: usize) -> Point {
    let one = |(name, array): (&Name, &Array)| {
        let tensor = model.tensor(name)?;
        let (shape, length) = (tensor.shape.clone(), tensor.len());
        let start = if tensor.per_example { number * length } else { 0 };
        Some((name.clone(), Array { shape, values: array.values[start..start + length].to_vec() }))
    };
    given.iter().filter_map(one).collect()
}

/// The values of the first examples.
pub fn first_examples(model: &Model, given: &Given, batch: usize) -> Given {
    let mut given = given.clone();
    for (name, array) in &mut given {
        if let Some(tensor) = model.tensor(name).filter(|tensor| tensor.per_example) {
            array.values.truncate(batch * tensor.len());
            array.shape[0] = batch;
        }
    }
    given
}

/// The fast path, within the error that singles may make of the same definitions.
pub fn fast_path(model: &Model, given: &Given, batch: usize) -> Result<(), String> {
    let outputs = defined(model);
    let running = for_running(model);
    let expected = meaning::run(&running, given, &outputs).map_err(|error| error.to_string())?;
    let mut engine = engine(model, given, &outputs, batch, &[]);
    engine.run(0.0);
    let bounds = bounds_of_batch(&running, given, batch);
    for name in &outputs {
        let found = engine.tensor(name).ok_or_else(|| format!("no values of {name}"))?;
        let (expected, bounds) = (&expected[name].values, &bounds[name]);
        for (place, ((&found, &expected), bound)) in found.iter().zip(expected).zip(bounds).enumerate() {
            let found = found as f64;
            let same = (found.is_nan() && expected.is_nan()) || found == expected;
            // Where a branch may go the other way there is no bound.
            let is_bounded = bound.error.is_finite();
            BOUNDED[usize::from(is_bounded)].fetch_add(1, Ordering::Relaxed);
            let off = (found - expected).abs();
            if is_bounded && !same && (off.is_nan() || off > bound.error) {
                return Err(format!(
                    "{name} at {place} is {found}, not {expected} within {:e} (batch {batch})\n{}",
                    bound.error,
                    engine.plan()
                ));
            }
        }
    }
    Ok(())
}

/// The bounds of all tensors, with the examples in front or averaged over.
fn bounds_of_batch(model: &Model, given: &Given, batch: usize) -> BTreeMap<Name, Vec<Bounded>> {
    let mut all: BTreeMap<Name, Vec<Bounded>> = BTreeMap::new();
    let examples: Vec<_> = (0..batch).map(|number| bounded(model, &example(model, given, number))).collect();
    for tensor in &model.tensors {
        let rows = examples.iter().map(|example| &example[&tensor.name].1);
        let bounds = if tensor.per_example {
            rows.flatten().copied().collect()
        } else {
            let rows: Vec<_> = rows.collect();
            (0..tensor.len()).map(|entry| mean(rows.iter().map(|row| row[entry]))).collect()
        };
        all.insert(tensor.name.clone(), bounds);
    }
    all
}

fn mean(values: impl Iterator<Item = Bounded> + Clone) -> Bounded {
    let count = values.clone().count() as f64;
    let size: f64 = values.clone().map(|value| value.value.abs() + value.error).sum();
    let error: f64 = values.clone().map(|value| value.error).sum();
    let value = values.map(|value| value.value).sum::<f64>() / count;
    Bounded { value, error: error / count + (count + 2.0) * 6e-8 * size / count + 1e-37 }
}
