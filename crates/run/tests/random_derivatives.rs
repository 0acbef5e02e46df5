//! Random models whose equations read derivatives. For each: every line of its derivations holds and is replayed; the
//! derivatives in its equations and the gradient of its loss are those of dual numbers; the fast path agrees.
//! `NESTED=number` runs one model alone, `NESTEDS=count` as many as are wanted.

mod common;

use common::fast::{BOUNDED, example, fast_path, first_examples};
use common::generator::Dice;
use common::nested::{self, Nested};
use common::{build, random};
use deltarule_core::derivation::{derivative_name, derivative_parts, derive, random_point, verify, with_derivatives};
use deltarule_core::meaning::{Point, Totals, complete};
use deltarule_core::model::{LOSS, Model, Role};
use deltarule_core::term::{Index, Name, Term};
use rayon::prelude::*;
use std::sync::atomic::Ordering;

#[test]
fn random_models_with_derivatives_agree_with_themselves() {
    let chosen = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match chosen("NESTED") {
        Some(seed) => seed..seed + 1,
        None => 0..chosen("NESTEDS").unwrap_or(if cfg!(debug_assertions) { 30 } else { 120 }),
    };
    let count = seeds.end - seeds.start;
    let failures: Vec<String> = seeds.into_par_iter().filter_map(|seed| failure(seed).err()).collect();
    let shown: Vec<&str> = failures.iter().take(5).map(String::as_str).collect();
    println!("{} entries with a bound", BOUNDED[1].load(Ordering::Relaxed));
    assert!(failures.is_empty(), "{} of {count} models:\n{}", failures.len(), shown.join("\n\n"));
}

fn failure(seed: u64) -> Result<(), String> {
    let model = nested::model(seed);
    if std::env::var_os("NESTED").is_some() {
        println!("{}", model.text);
    }
    let checked = std::panic::catch_unwind(|| check(seed, &model));
    let result = checked.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        Err(format!("panicked: {}", message.unwrap_or_default()))
    });
    result.map_err(|what| format!("model {seed}: {what}\n{}", model.text))
}

fn check(seed: u64, nested: &Nested) -> Result<(), String> {
    let whole = with_derivatives(&build(&nested.text)).map_err(|error| error.to_string())?;
    let varies = |role: &Role| matches!(role, Role::Param(_) | Role::Input { below: None });
    let given = whole.tensors.iter().filter(|tensor| varies(&tensor.role));
    let wrt: Vec<Name> = given.map(|tensor| tensor.name.clone()).collect();
    let mut backward = derive(&whole, LOSS, &wrt).map_err(|error| error.to_string())?;
    backward.put_in_full();
    let mut dice = Dice::new(seed ^ 0xD0A1);
    let points: Vec<Point> = (0..2).map(|_| random_point(&backward.model, &mut || 0.8 * dice.value())).collect();
    verify(&backward, &points).map_err(|error| error.to_string())?;
    let given = random(&whole, 3, &mut dice);
    let point = example(&whole, &given, 0);
    in_equations(&build(&nested.network), &whole, &point)?;
    gradients(&whole, &backward.model, &wrt, &point)?;
    [1, 3].iter().try_for_each(|batch| fast_path(&backward.model, &first_examples(&whole, &given, *batch), *batch))
}

/// The values of all defined tensors at a point.
fn completed(model: &Model, point: &Point) -> Result<Point, String> {
    let mut point = point.clone();
    let names: Vec<Name> = model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
    complete(model, &mut point, &names).map_err(|error| error.to_string())?;
    Ok(point)
}

/// The derivatives in equations of tensors of the network, by dual numbers that know nothing of their definitions.
fn in_equations(network: &Model, whole: &Model, point: &Point) -> Result<(), String> {
    let values = completed(whole, point)?;
    let plain = completed(network, point)?;
    let totals = Totals::new(network, &plain);
    for tensor in whole.tensors.iter().filter(|tensor| of_network(&tensor.name, network)) {
        same(&tensor.name, &tensor.shape, &values[&tensor.name].values, &totals)?;
    }
    Ok(())
}

/// Whether a name is a derivative of a tensor of the network by what is given, of any depth. A derivative by what
/// lies between depends on how what is differentiated is written.
fn of_network(name: &str, network: &Model) -> bool {
    let is_given = |name: &str| network.tensor(name).is_some() && network.definition(name).is_none();
    derivative_parts(name)
        .is_some_and(|(of, wrt)| is_given(wrt) && (network.tensor(of).is_some() || of_network(of, network)))
}

/// The gradient, by dual numbers through the definitions of the derivatives in equations.
fn gradients(whole: &Model, derived: &Model, wrt: &[Name], point: &Point) -> Result<(), String> {
    let (values, given) = (completed(derived, point)?, completed(whole, point)?);
    let totals = Totals::new(whole, &given);
    for name in wrt {
        let (shape, name) = (&whole.tensor(name).expect("given").shape, derivative_name(LOSS, name));
        same(&name, shape, &values[&name].values, &totals)?;
    }
    Ok(())
}

fn same(name: &Name, shape: &[usize], values: &[f64], totals: &Totals) -> Result<(), String> {
    let indices: Vec<Index> = (0..).zip(shape).map(|(id, extent)| Index::new(id, *extent, "i")).collect();
    let size = values.iter().fold(1e-3f64, |size, value| size.max(value.abs()));
    for (place, value) in values.iter().enumerate() {
        let mut rest = place;
        let mut at: Vec<(Index, usize)> = indices.iter().map(|index| (index.clone(), 0)).collect();
        for (index, position) in at.iter_mut().rev() {
            (*position, rest) = (rest % index.extent.value(), rest / index.extent.value());
        }
        let expected = totals.evaluate(&Term::read_at(name, &indices), &at).map_err(|error| error.to_string())?;
        let agrees = (expected.is_nan() && value.is_nan()) || (expected - value).abs() <= 1e-9 * size;
        if !agrees {
            return Err(format!("{name} at {place} is {value}, by dual numbers {expected}"));
        }
    }
    Ok(())
}
