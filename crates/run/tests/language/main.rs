//! The whole language on the fast path, held to the interpreter.

mod adjoints;
mod by_bits;
#[path = "../common/mod.rs"]
mod common;
mod conventions;
mod endings;
mod extremes;
mod kept;
mod masks;
mod recurrences;
mod spellings;
mod subscripts;
mod symmetric;
mod ties;

use common::generator::Dice;
use common::{Given, engine, random};
use deltarule_core::model::{self, Model, Role};
use deltarule_core::syntax;
use deltarule_core::term::Name;
use deltarule_core::text::Source;
use deltarule_run::execute::Team;

/// The model of a text for so many examples, where the batch is an axis of it.
fn build_for(text: &str, batch: usize) -> Model {
    let source = Source::new("test.dr", text);
    let built = syntax::parse(&source).and_then(|tree| model::build_with(&source, &tree, batch));
    built.unwrap_or_else(|problems| panic!("{}", problems[0].render(&source)))
}

/// Random values; of data that are subscripts, in their range.
fn with_subscripts(model: &Model, batch: usize, dice: &mut Dice) -> Given {
    let mut given = random(model, batch, dice);
    for tensor in &model.tensors {
        let (Role::Input { below: Some(below) }, Some(array)) = (&tensor.role, given.get_mut(&tensor.name)) else {
            continue;
        };
        array.values.iter_mut().for_each(|value| *value = dice.below(*below) as f64);
    }
    given
}

/// The bits of all outputs, computed by so many threads.
fn bits(model: &Model, given: &Given, outputs: &[Name], batch: usize, threads: usize) -> Vec<Vec<u32>> {
    let mut pool = Team::new(threads).unwrap();
    pool.install(|| {
        let mut engine = engine(model, given, outputs, batch, &[]);
        (0..2).for_each(|_| engine.run(0.0));
        let values = |name: &Name| engine.tensor(name).unwrap().iter().map(|value| value.to_bits()).collect();
        outputs.iter().map(values).collect()
    })
}
