//! Adjoints of reads at compound subscripts on the fast path. All values are integers that are exact in single
//! precision, so the gradients are too.

#[path = "../../../core/tests/adjoints/cases.rs"]
mod cases;

use crate::common::{Given, build, engine, gradients};
use cases::{Draw, cases};
use deltarule_core::derivation::derivative_name;
use deltarule_core::meaning::Array;
use deltarule_core::model::LOSS;

/// What is wrong with the gradient of a model.
fn wrong(model: &cases::Model) -> Result<(), String> {
    let backward = gradients(&build(&model.text));
    let mut given = Given::new();
    for (name, shape, values) in &model.given {
        let shape = if matches!(*name, "C" | "A") { [vec![1], shape.clone()].concat() } else { shape.clone() };
        given.insert((*name).into(), Array { shape, values: values.clone() });
    }
    let name = derivative_name(LOSS, "W");
    let mut engine = engine(&backward.model, &given, std::slice::from_ref(&name), 1, &[]);
    engine.run(0.0);
    let found = engine.tensor(&name).unwrap();
    match found.iter().zip(&model.gradient).all(|(found, expected)| f64::from(*found) == *expected) {
        true => Ok(()),
        false => Err(format!("the gradient is {found:?} and not {:?}\n{}", model.gradient, engine.plan())),
    }
}

#[test]
fn adjoints_visit_the_pairs_that_the_reads_do() {
    // Of all subscripts every so manieth: `STEP=1 SEED=7` tries all of them, in other combinations, for minutes.
    let chosen = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let step = chosen("STEP").map_or(17, |step| step as usize);
    let mut draw = Draw(chosen("SEED").unwrap_or(2));
    let (mut tried, mut failed) = (0, 0);
    for case in cases(step, &mut draw) {
        let Some(model) = case.model(&mut draw, 50) else { continue };
        tried += 1;
        let told = std::panic::catch_unwind(|| wrong(&model));
        let told = told.unwrap_or_else(|why| Err(why.downcast_ref::<String>().cloned().unwrap_or("panics".into())));
        if let Err(why) = told {
            failed += 1;
            if failed <= 20 {
                eprintln!("{why}\n{}", model.text);
            }
        }
    }
    assert!(failed == 0 && tried > 1000, "{failed} of {tried}");
}
