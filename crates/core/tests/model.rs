//! Models built from text: their values against loops written by hand, their messages, and
//! that nothing makes the builder fail in another way.

#[path = "model/blocks.rs"]
mod blocks;
#[path = "model/examples.rs"]
mod examples;
#[path = "model/fuzz.rs"]
mod fuzz;
#[path = "model/messages.rs"]
mod messages;
#[path = "model/prelude.rs"]
mod prelude;
#[path = "model/recurrences.rs"]
mod recurrences;
#[path = "model/structure.rs"]
mod structure;
#[path = "model/values.rs"]
mod values;
#[path = "model/windows.rs"]
mod windows;

use deltarule_core::derivation::random_point;
use deltarule_core::meaning::{Array, Point, complete};
use deltarule_core::model::{self, Model};
use deltarule_core::syntax;
use deltarule_core::text::{Problem, Source};

/// What the equations under test may read.
const GIVEN: &str = "
size   n = 3
input  x[n]
target y[4] onehot
param  u[n] ~ zeros
param  v[n] ~ zeros
param  w[4] ~ zeros
param  A[n,4] ~ zeros
param  B[4,n] ~ zeros
param  C[n,n] ~ zeros
param  s ~ zeros
param  r ~ zeros
const  half = 1/2
";

/// Builds a model.
fn try_build(text: &str) -> (Source, Result<Model, Vec<Problem>>) {
    let source = Source::new("model.dr", text);
    let model = syntax::parse(&source).and_then(|tree| model::build(&source, &tree));
    (source, model)
}

/// Builds a model that must be well formed.
fn build(text: &str) -> Model {
    let (source, model) = try_build(text);
    model.unwrap_or_else(|problems| panic!("{}\n{text}", problems[0].render(&source)))
}

/// The values of a model at a random point.
struct Values {
    point: Point,
}

impl Values {
    fn of(model: &Model, seed: u64) -> Values {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut uniform = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        let mut point = random_point(model, &mut uniform);
        let names: Vec<_> = model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
        complete(model, &mut point, &names).expect("every tensor has a value");
        Values { point }
    }

    /// Only what is given, without what equations define.
    fn given(self, model: &Model) -> Point {
        let is_defined = |name: &str| model.definition(name).is_some();
        self.point.into_iter().filter(|(name, _)| !is_defined(name)).collect()
    }

    fn array(&self, name: &str) -> &Array {
        self.point.get(name).unwrap_or_else(|| panic!("a value of {name}"))
    }

    /// An entry.
    fn at(&self, name: &str, at: &[usize]) -> f64 {
        self.array(name).get(at).unwrap_or_else(|| panic!("{name}{at:?} exists"))
    }

    /// A vector.
    fn row(&self, name: &str) -> Vec<f64> {
        self.array(name).values.clone()
    }
}

/// All subscripts of a shape, the last one fastest.
fn positions(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![Vec::new()], |positions, &extent| {
        positions.iter().flat_map(|at| (0..extent).map(move |last| [at.as_slice(), &[last]].concat())).collect()
    })
}

/// Holds the tensor `t` that the text defines to a formula, at three random points.
#[track_caller]
fn check(text: &str, shape: &[usize], expected: impl Fn(&Values, &[usize]) -> f64) {
    let model = build(&format!("{GIVEN}{text}\n"));
    assert_eq!(model.tensor("t").expect("the text defines t").shape, shape, "the shape of t in {text}");
    for seed in 1..4 {
        let values = Values::of(&model, seed);
        for at in positions(shape) {
            let (found, wanted) = (values.at("t", &at), expected(&values, &at));
            assert!(
                (found - wanted).abs() <= 1e-12 * wanted.abs().max(1.0),
                "t{at:?} is {found}, not {wanted}: {text}"
            );
        }
    }
}

/// `Σ f(i)` over `0..n`.
fn sum(n: usize, f: impl Fn(usize) -> f64) -> f64 {
    (0..n).map(f).sum()
}
