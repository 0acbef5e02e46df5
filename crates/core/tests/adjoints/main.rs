//! Where an index is solved for: the adjoint of a read visits exactly the pairs that the read does, for all small
//! extents, strides, offsets, moduli and nestings of them, under conditions and with padding.

mod cases;

use cases::{Draw, Model, cases};
use deltarule_core::derivation::{derivative_name, derive, random_point, verify};
use deltarule_core::meaning::{Array, run};
use deltarule_core::model::{self, LOSS};
use deltarule_core::syntax;
use deltarule_core::term::Name;
use deltarule_core::text::Source;
use std::collections::BTreeMap;

fn build(text: &str) -> Result<model::Model, String> {
    let source = Source::new("test.dr", text);
    let built = syntax::parse(&source).and_then(|tree| model::build(&source, &tree));
    built.map_err(|problems| problems.iter().map(|problem| problem.render(&source)).collect())
}

/// What is wrong with the gradient of a model.
fn wrong(model: &Model, verified: bool) -> Result<(), String> {
    let built = build(&model.text)?;
    let backward = derive(&built, LOSS, &["W".into()]).map_err(|error| error.to_string())?;
    let mut given: BTreeMap<Name, Array> = BTreeMap::new();
    for (name, shape, values) in &model.given {
        let shape = if matches!(*name, "C" | "A") { [vec![1], shape.clone()].concat() } else { shape.clone() };
        given.insert((*name).into(), Array { shape, values: values.clone() });
    }
    let name = derivative_name(LOSS, "W");
    let found = run(&backward.model, &given, std::slice::from_ref(&name)).map_err(|error| error.to_string())?;
    if found[&name].values != model.gradient {
        return Err(format!("the gradient is {:?} and not {:?}", found[&name].values, model.gradient));
    }
    if verified {
        let mut draw = Draw(3);
        let point = random_point(&built, &mut || draw.below(2001) as f64 / 1000.0 - 1.0);
        verify(&backward, &[point]).map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[test]
fn adjoints_visit_the_pairs_that_the_reads_do() {
    // Of all subscripts every so manieth: `STEP=1 SEED=7` tries all of them, in other combinations, for minutes.
    let chosen = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let step = chosen("STEP").map_or(7, |step| step as usize);
    let mut draw = Draw(chosen("SEED").unwrap_or(1));
    let (mut tried, mut failed) = (0, 0);
    for (number, case) in cases(step, &mut draw).into_iter().enumerate() {
        let Some(model) = case.model(&mut draw, 1 << 20) else { continue };
        tried += 1;
        let told = std::panic::catch_unwind(|| wrong(&model, number % 20 == 0)).unwrap_or(Err("panics".into()));
        if let Err(why) = told {
            failed += 1;
            if failed <= 20 {
                eprintln!("{why}\n{}", model.text);
            }
        }
    }
    assert!(failed == 0 && tried > 1000, "{failed} of {tried}");
}
