//! Printing: what is printed means what it was printed from.

mod compiles;
mod derivations;
mod einsums;
mod jacobians;
mod matrices;
mod random;
mod round_trip;
mod wellformed;

use deltarule_core::derivation::random_point;
use deltarule_core::meaning::{Point, complete};
use deltarule_core::model::{self, Model};
use deltarule_core::syntax;
use deltarule_core::text::Source;

/// The model of a text, which must be right.
fn model(text: &str) -> Model {
    let source = Source::new("test.dr", text);
    let render = |problems: Vec<deltarule_core::text::Problem>| {
        problems.iter().map(|problem| problem.render(&source)).collect::<String>()
    };
    let tree = syntax::parse(&source).unwrap_or_else(|problems| panic!("{}", render(problems)));
    model::build(&source, &tree).unwrap_or_else(|problems| panic!("{}", render(problems)))
}

/// A random point with the values of all tensors; the same for the same seed.
fn point(model: &Model, seed: u64) -> Point {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut point = random_point(model, &mut || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    });
    let all: Vec<_> = model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
    complete(model, &mut point, &all).unwrap();
    point
}
