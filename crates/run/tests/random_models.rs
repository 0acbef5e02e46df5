//! Random whole models, each computed in several ways that must agree: gradients by the rules and
//! by finite differences, definitions as written and as they are computed, and the fast path
//! within the error that single precision may make. A failure names the number of the model;
//! `MODEL=number` runs that one alone and `MODELS=count` as many as are wanted, `SLIDE` and `SLIDES`
//! for the second kind.

mod common;

use common::fast::{BOUNDED, example, fast_path, first_examples};
use common::generator::{self, Dice};
use common::{Given, build, defined, engine, random, slides};
use deltarule_core::derivation::{Backward, derivative_name, derive, for_running, stabilised};
use deltarule_core::meaning::{self, Point, complete, finite_difference};
use deltarule_core::model::{LOSS, Model, Role, Tensor};
use deltarule_core::term::Name;
use rayon::prelude::*;
use std::sync::atomic::Ordering;

fn varies(tensor: &Tensor) -> bool {
    matches!(tensor.role, Role::Param(_) | Role::Input { below: None })
}

/// Where models come from.
#[derive(Clone, Copy)]
enum Kind {
    /// Expressions of all kinds.
    Expressions,
    /// Reads that slide, gather and follow themselves.
    Slides,
    /// The same with integers only, which singles hold exactly.
    Integers,
}

#[test]
fn random_models_agree_with_themselves() {
    all_agree("MODEL", "MODELS", |_| Kind::Expressions);
}

#[test]
fn random_slides_agree_with_themselves() {
    all_agree("SLIDE", "SLIDES", |seed| if seed % 3 == 0 { Kind::Integers } else { Kind::Slides });
}

/// Tests many models, or the one whose number is in the variable `one`.
fn all_agree(one: &str, many: &str, kind: impl Fn(u64) -> Kind + Sync) {
    let chosen = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match chosen(one) {
        Some(seed) => seed..seed + 1,
        None => 0..chosen(many).unwrap_or(if cfg!(debug_assertions) { 300 } else { 2000 }),
    };
    let count = seeds.end - seeds.start;
    let failures: Vec<String> = seeds.into_par_iter().filter_map(|seed| failure(seed, kind(seed)).err()).collect();
    let shown: Vec<&str> = failures.iter().take(5).map(String::as_str).collect();
    let [without, with] = [0, 1].map(|number| BOUNDED[number].load(Ordering::Relaxed));
    println!("{with} entries with a bound, {without} without");
    assert!(count < 100 || without < with / 10, "{without} entries without a bound, {with} with one");
    assert!(failures.is_empty(), "{} of {count} models:\n{}", failures.len(), shown.join("\n\n"));
}

fn failure(seed: u64, kind: Kind) -> Result<(), String> {
    let text = match kind {
        Kind::Expressions => generator::model(seed),
        Kind::Slides => slides::model(seed, false),
        Kind::Integers => slides::model(seed, true),
    };
    if ["MODEL", "SLIDE"].iter().any(|name| std::env::var_os(name).is_some()) {
        println!("{text}");
    }
    let at = |what: String| format!("model {seed}: {what}\n{text}");
    let checked = std::panic::catch_unwind(|| check(seed, &text, kind));
    match checked {
        Ok(result) => result.map_err(at),
        Err(panic) => {
            let message = panic.downcast_ref::<String>().cloned();
            let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
            Err(at(format!("panicked: {}", message.unwrap_or_default())))
        }
    }
}

fn check(seed: u64, text: &str, kind: Kind) -> Result<(), String> {
    let model = build(text);
    let wrt: Vec<Name> =
        model.tensors.iter().filter(|tensor| varies(tensor)).map(|tensor| tensor.name.clone()).collect();
    let backward = derive(&model, LOSS, &wrt).map_err(|error| error.to_string())?;
    let mut dice = Dice::new(seed ^ 0x5EED);
    let mut given = random(&model, 4, &mut dice);
    if let Kind::Integers = kind {
        // Tokens are integers already.
        let small = given.values_mut().flat_map(|array| &mut array.values).filter(|value| value.fract() != 0.0);
        small.for_each(|value| *value = (3.0 * *value).round());
    }
    let example = example(&model, &given, 0);
    differences(&model, &backward, &wrt, &example, &mut dice)?;
    formulations(&model, &backward, &example)?;
    for batch in if let Kind::Integers = kind { [1, 4] } else { [1, 3] } {
        let given = first_examples(&model, &given, batch);
        match kind {
            Kind::Integers => exactly(&backward.model, &given, batch)?,
            Kind::Expressions | Kind::Slides => fast_path(&backward.model, &given, batch)?,
        }
    }
    Ok(())
}

/// The fast path on integers: no rounding, so every bit is right.
fn exactly(model: &Model, given: &Given, batch: usize) -> Result<(), String> {
    let outputs = defined(model);
    let expected = meaning::run(&for_running(model), given, &outputs).map_err(|error| error.to_string())?;
    let mut engine = engine(model, given, &outputs, batch, &[]);
    engine.run(0.0);
    for name in &outputs {
        let found = engine.tensor(name).ok_or_else(|| format!("no values of {name}"))?;
        for (place, (&found, &expected)) in found.iter().zip(&expected[name].values).enumerate() {
            // Beyond 2^24 singles have no longer all integers.
            if expected.abs() < 4e6 && found as f64 != expected {
                let plan = engine.plan();
                return Err(format!("{name} at {place} is {found}, not {expected} (batch {batch})\n{plan}"));
            }
        }
    }
    Ok(())
}

/// The derivative by a few entries of every tensor, by the rules and by finite differences.
fn differences(model: &Model, backward: &Backward, wrt: &[Name], point: &Point, dice: &mut Dice) -> Result<(), String> {
    let mut complete_point = point.clone();
    let names: Vec<Name> = wrt.iter().map(|name| derivative_name(LOSS, name)).collect();
    complete(&backward.model, &mut complete_point, &names).map_err(|error| error.to_string())?;
    for (variable, name) in wrt.iter().zip(&names) {
        let gradient = &complete_point[name];
        for _ in 0..2 {
            let entry = dice.below(gradient.values.len());
            let exact = gradient.values[entry];
            let mut found = Vec::new();
            let mut agrees = false;
            // The shorter the step, the more is lost to rounding; the longer, the more to curvature.
            for step in [1e-3, 4e-3, 1.6e-2] {
                let difference = finite_difference(model, point, &LOSS.into(), variable, entry, step);
                let difference = difference.map_err(|error| error.to_string())?;
                let size = exact.abs().max(difference.value.abs()).max(1.0);
                // Near a kink halving the step changes much; there it says nothing.
                let near_kink = difference.error > 1e-7 * size;
                agrees |= near_kink || (exact - difference.value).abs() <= 1e-7 * size + 4.0 * difference.error;
                found.push(difference);
                if agrees {
                    break;
                }
            }
            if !agrees {
                return Err(format!("∂loss/∂{variable} at {entry} is {exact}, by differences {found:?}"));
            }
        }
    }
    Ok(())
}

/// The model as written, with stable definitions, as it is run, and as part of its gradient.
fn formulations(model: &Model, backward: &Backward, point: &Point) -> Result<(), String> {
    let names = defined(model);
    let values = |model: &Model| -> Result<Point, String> {
        let mut point = point.clone();
        complete(model, &mut point, &names).map_err(|error| error.to_string())?;
        Ok(point)
    };
    let plain = values(model)?;
    for (what, other) in
        [("stabilised", stabilised(model)), ("for running", for_running(model)), ("derived", backward.model.clone())]
    {
        let other = values(&other)?;
        for name in &names {
            for (a, b) in plain[name].values.iter().zip(&other[name].values) {
                let same = (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= 1e-12 * a.abs().max(1.0);
                if !same {
                    return Err(format!("{name} is {a} as written and {b} {what}"));
                }
            }
        }
    }
    Ok(())
}
