//! What several tests of the fast path need.
#![allow(dead_code)]

pub mod bound;
pub mod fast;
pub mod generator;
pub mod nested;
pub mod slides;

use deltarule_core::derivation::{Backward, derivative_name, derive};
use deltarule_core::meaning::{self, Array};
use deltarule_core::model::{self, LOSS, Model, Role};
use deltarule_core::plan::{Memory, Plan, Request, plan};
use deltarule_core::syntax;
use deltarule_core::term::Name;
use deltarule_core::text::Source;
use deltarule_run::execute::Engine;
use generator::Dice;
use std::collections::BTreeMap;

/// The model of a text.
pub fn build(text: &str) -> Model {
    let source = Source::new("test.dr", text);
    let built = syntax::parse(&source).and_then(|tree| model::build(&source, &tree));
    built.unwrap_or_else(|problems| {
        let messages: Vec<String> = problems.iter().map(|problem| problem.render(&source)).collect();
        panic!("{}\n{text}", messages.join("\n"))
    })
}

/// The derivatives of the loss by all parameters.
pub fn gradients(model: &Model) -> Backward {
    let parameters: Vec<Name> = model.parameters().map(|tensor| tensor.name.clone()).collect();
    derive(model, LOSS, &parameters).expect("derivatives")
}

/// Values for everything that is given; singles as doubles.
pub type Given = BTreeMap<Name, Array>;

/// Random values for everything that is given.
pub fn random(model: &Model, batch: usize, dice: &mut Dice) -> Given {
    let mut given = Given::new();
    for tensor in &model.tensors {
        let is_number = matches!(tensor.role, Role::Defined(_) | Role::Const(Some(_)));
        if is_number {
            continue;
        }
        let mut shape = tensor.shape.clone();
        if tensor.per_example {
            shape.insert(0, batch);
        }
        let length: usize = shape.iter().product();
        let mut values: Vec<f64> = (0..length).map(|_| dice.value() as f32 as f64).collect();
        if let Role::Input { below: Some(below) } = tensor.role {
            values.fill_with(|| dice.below(below) as f64);
        }
        if let Role::Target(kind) = &tensor.role {
            let classes = tensor.shape.last().copied().unwrap_or(1);
            for row in values.chunks_mut(classes) {
                promised(*kind, row, dice);
            }
        }
        given.insert(tensor.name.clone(), Array { shape, values });
    }
    given
}

fn promised(kind: model::TargetKind, row: &mut [f64], dice: &mut Dice) {
    match kind {
        model::TargetKind::Real => {}
        model::TargetKind::OneHot => {
            let hot = dice.below(row.len());
            row.iter_mut().enumerate().for_each(|(place, value)| *value = if place == hot { 1.0 } else { 0.0 });
        }
        model::TargetKind::Probability => {
            // Sixteenths, so that they sum to one exactly in singles too.
            row.fill(0.0);
            (0..16).for_each(|_| row[dice.below(row.len())] += 0.0625);
        }
        model::TargetKind::Integer(below) => row.iter_mut().for_each(|value| *value = dice.below(below) as f64),
    }
}

/// The plan of these outputs.
pub fn planned(model: &Model, outputs: &[Name], batch: usize, descend: &[(Name, Name)]) -> Plan {
    let memory = Memory::Plenty;
    let plan = plan(model, &Request { outputs, batch, descend, memory }).unwrap_or_else(|error| panic!("{error}"));
    plan.verify().unwrap_or_else(|wrong| panic!("{wrong}\n{plan}"));
    plan
}

/// An engine with these values.
pub fn engine(model: &Model, given: &Given, outputs: &[Name], batch: usize, descend: &[(Name, Name)]) -> Engine {
    let mut engine = Engine::new(planned(model, outputs, batch, descend));
    fill(&mut engine, given);
    engine
}

/// Gives an engine its values.
pub fn fill(engine: &mut Engine, given: &Given) {
    for (name, array) in given {
        if let Some(place) = engine.tensor_mut(name) {
            place.iter_mut().zip(&array.values).for_each(|(place, value)| *place = *value as f32);
        }
    }
}

/// The names of everything that an equation defines.
pub fn defined(model: &Model) -> Vec<Name> {
    let defined = model.tensors.iter().filter(|tensor| matches!(tensor.role, Role::Defined(_)));
    defined.map(|tensor| tensor.name.clone()).collect()
}

/// Parameters with the names of their gradients.
pub fn pairs(model: &Model) -> Vec<(Name, Name)> {
    model.parameters().map(|tensor| (tensor.name.clone(), derivative_name(LOSS, &tensor.name))).collect()
}

/// Holds all outputs of the fast path to the interpreter, within a tolerance relative to the
/// greatest entry of each.
pub fn agree(model: &Model, given: &Given, outputs: &[Name], batch: usize, tolerance: f64) {
    let mut engine = engine(model, given, outputs, batch, &[]);
    engine.run(0.0);
    let expected = meaning::run(&deltarule_core::derivation::for_running(model), given, outputs).expect("values");
    for name in outputs {
        close(name, engine.tensor(name).expect("an output"), &expected[name].values, tolerance, engine.plan());
    }
}

/// Whether values are near others.
pub fn close(name: &str, found: &[f32], expected: &[f64], tolerance: f64, plan: &Plan) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let size = expected.iter().filter(|value| value.is_finite()).fold(1e-3f64, |size, value| size.max(value.abs()));
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let found = *found as f64;
        let same = (found.is_nan() && expected.is_nan()) || found == *expected;
        assert!(
            same || (found - expected).abs() <= tolerance * size,
            "{name} at {place}: {found} instead of {expected}\n{plan}"
        );
    }
}
