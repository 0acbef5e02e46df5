//! The whole language on the fast path, held to the interpreter.

#[path = "../common/mod.rs"]
mod common;
mod recurrences;
mod subscripts;

use common::{Given, engine};
use deltarule_core::model::{self, Model};
use deltarule_core::syntax;
use deltarule_core::term::Name;
use deltarule_core::text::Source;

/// The model of a text for so many examples, where the batch is an axis of it.
fn build_for(text: &str, batch: usize) -> Model {
    let source = Source::new("test.dr", text);
    let built = syntax::parse(&source).and_then(|tree| model::build_with(&source, &tree, batch));
    built.unwrap_or_else(|problems| panic!("{}", problems[0].render(&source)))
}

/// The bits of all outputs, computed by so many threads.
fn bits(model: &Model, given: &Given, outputs: &[Name], batch: usize, threads: usize) -> Vec<Vec<u32>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut engine = engine(model, given, outputs, batch, &[]);
        (0..2).for_each(|_| engine.run(0.0));
        let values = |name: &Name| engine.tensor(name).unwrap().iter().map(|value| value.to_bits()).collect();
        outputs.iter().map(values).collect()
    })
}
