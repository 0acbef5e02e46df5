//! Many spellings of what stays finite, at extreme values: value and gradient in both engines, held to the equations as
//! they are written, with numbers of many bits.

use super::by_bits::{Expected, expected};
use crate::common::{Given, build, gradients};
use deltarule_core::derivation::for_running;
use deltarule_core::meaning::{self, Array};
use deltarule_core::model::{Model, Role};
use deltarule_core::term::Name;
use deltarule_run::evaluate::evaluate;
use rayon::prelude::*;

/// Values that are repeated for all that is given; what is not named `z…` is made moderate and positive.
const POINTS: &[&[f64]] = &[
    &[0.0],
    &[0.5, -1.0, 2.0, 0.25, 1.5],
    &[100.0, -100.0, 100.0, 0.0, -100.0],
    &[-200.0, 200.0, 0.0, 199.0],
    &[1000.0, -1000.0, 0.0, 1000.0, 999.0],
    &[3000.0, -3000.0, 3.0, 3000.0, -2990.0],
    &[10_000.0],
    &[-2000.0],
    &[89.0, 88.0, -87.5, -104.0, 30.0],
    &[0.0, -40.0, 40.0, -17.0, 17.0],
];

const BATCH: usize = 2;

fn given(model: &Model, point: &[f64]) -> Given {
    let mut given = Given::new();
    let mut logits = point.iter().cycle();
    let mut others = [0.5, 1.25, 0.25, 2.0, 0.75].iter().cycle();
    for tensor in &model.tensors {
        if matches!(tensor.role, Role::Defined(_) | Role::Const(Some(_))) {
            continue;
        }
        let mut shape = tensor.shape.clone();
        if tensor.per_example {
            shape.insert(0, BATCH);
        }
        let length: usize = shape.iter().product();
        let values = match &tensor.role {
            Role::Input { below: Some(below) } => (0..length).map(|place| ((place + 1) % below) as f64).collect(),
            Role::Target(_) => {
                let classes = tensor.shape.last().copied().unwrap_or(1);
                (0..length)
                    .map(|place| f64::from(u8::from((place % classes + place / classes) % classes == 0)))
                    .collect()
            }
            _ if tensor.name.starts_with('z') => logits.by_ref().take(length).copied().collect(),
            _ => others.by_ref().take(length).copied().collect(),
        };
        given.insert(tensor.name.clone(), Array { shape, values });
    }
    given
}

#[test]
fn equations_are_computed_as_they_are_meant() {
    let texts: Vec<&str> = include_str!("spellings.txt").split("\n\n").map(str::trim_end).collect();
    let wrong: Vec<String> = texts.par_iter().filter_map(|text| failure(text).err()).collect();
    assert!(wrong.is_empty(), "{} of {} are wrong\n{}", wrong.len(), texts.len(), wrong.join("\n"));
}

fn failure(text: &str) -> Result<(), String> {
    let text = &format!("{text}\n");
    let tried = std::panic::catch_unwind(|| {
        let source = build(text);
        let model = gradients(&source).model;
        let wrong: Vec<String> = POINTS.iter().filter_map(|point| at_point(&source, &model, point).err()).collect();
        let count = wrong.len();
        let shown: Vec<String> = wrong.into_iter().take(2).collect();
        if count == 0 { Ok(()) } else { Err(format!("{text}  wrong at {count} points: {}\n", shown.join("\n    "))) }
    });
    tried.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        Err(format!("{text}   panicked: {}", message.unwrap_or_default()))
    })
}

/// The mean over the examples, if there are several.
fn mean(values: &[f64], length: usize) -> Vec<f64> {
    let examples = values.len() / length;
    (0..length).map(|place| values.iter().skip(place).step_by(length).sum::<f64>() / examples as f64).collect()
}

fn at_point(source: &Model, model: &Model, point: &[f64]) -> Result<(), String> {
    let given = given(source, point);
    let mut wanted: Vec<Name> = vec!["loss".into()];
    wanted.extend(source.parameters().map(|tensor| Name::from(format!("∂loss/∂{}", tensor.name))));
    let double = meaning::run(&for_running(model), &given, &wanted).map_err(|error| error.to_string())?;
    let single = evaluate(model, &given, &wanted, 1).map_err(|error| error.to_string())?;
    // What is large and cancels leaves its rounding.
    let least = point.iter().fold(0.05f64, |size, value| size.max(0.03 * value.abs()));
    let Expected { values, moves } = expected(source, &given, BATCH, &wanted);
    for name in &wanted {
        let single = mean(&meaning::Array::from(single[name].clone()).values, values[name].len());
        let double = mean(&double[name].values, values[name].len());
        let engines = [("double", &double, 1e-9, 1e-6), ("single", &single, 2e-5, 1.0)];
        for (engine, found, tolerance, precision) in engines {
            let known: Vec<f64> = values[name].iter().flatten().copied().collect();
            let size = known.iter().fold(least, |size, value| size.max(value.abs()));
            for (place, found) in found.iter().enumerate() {
                let Some(expected) = values[name][place] else { continue };
                let allowed = tolerance * size + precision * moves[name][place];
                if (expected - found).abs() <= allowed || expected == *found {
                    continue;
                }
                if engine == "single" && expected.abs() > 1e38 {
                    continue;
                }
                return Err(format!(
                    "{point:?}: {name} at {place} in {engine} precision is {found:e}, not {expected:e}"
                ));
            }
        }
    }
    Ok(())
}
