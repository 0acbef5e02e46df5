//! Derivatives by finite differences of values that the interpreter computes: nothing of what derives
//! takes part.

use deltarule_core::derivation::random_point;
use deltarule_core::meaning::{Array, Point, complete};
use deltarule_core::model::{self, Model};
use deltarule_core::syntax;
use deltarule_core::text::Source;

pub fn build(text: &str) -> Model {
    let source = Source::new("form.dr", text);
    let render = |problems: Vec<deltarule_core::text::Problem>| {
        problems.iter().map(|problem| problem.render(&source)).collect::<String>()
    };
    let tree = syntax::parse(&source).unwrap_or_else(|problems| panic!("{}", render(problems)));
    model::build_with(&source, &tree, 6).unwrap_or_else(|problems| panic!("{}", render(problems)))
}

/// Values for what a model is given, the same for the same seed.
pub fn given(model: &Model, seed: u64) -> Point {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    random_point(model, &mut || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    })
}

/// The point with the values of all tensors.
pub fn whole(model: &Model, point: &Point) -> Point {
    let all: Vec<_> = model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
    let mut point = point.clone();
    complete(model, &mut point, &all).unwrap();
    point
}

/// `∂of/∂wrt` at a point of what is given: the axes of `of`, then those of `wrt`. Differences of fourth
/// order. A tensor that is defined moves as if it were given.
pub fn differences(model: &Model, point: &Point, of: &str, wrt: &str) -> Array {
    let base = whole(model, point);
    let moved = as_given(model, wrt);
    let value = |entry: usize, distance: f64| {
        let mut point: Point = base.clone();
        point.retain(|name, _| moved.definition(name).is_none());
        point.get_mut(wrt).unwrap().values[entry] += distance;
        complete(&moved, &mut point, &[of.into()]).unwrap();
        point[of].values.clone()
    };
    let h = 1e-3;
    let entries = base[wrt].values.len();
    let outputs = base[of].values.len();
    let mut values = vec![0.0; outputs * entries];
    for entry in 0..entries {
        let [near, back, far, further] = [h, -h, 2.0 * h, -2.0 * h].map(|distance| value(entry, distance));
        for output in 0..outputs {
            let (near, far) = (near[output] - back[output], far[output] - further[output]);
            values[output * entries + entry] = (8.0 * near - far) / (12.0 * h);
        }
    }
    Array { shape: [base[of].shape.as_slice(), &base[wrt].shape].concat(), values }
}

/// The model with a tensor as something given.
fn as_given(model: &Model, name: &str) -> Model {
    let mut model = model.clone();
    let mut tensors = model.tensors.to_vec();
    for tensor in tensors.iter_mut().filter(|tensor| &*tensor.name == name) {
        tensor.role = deltarule_core::model::Role::Const(None);
    }
    model.tensors = tensors.into();
    model
}

/// The greatest difference of two lists of values, relative to the greatest of the first.
pub fn difference(expected: &[f64], found: &[f64]) -> f64 {
    assert_eq!(expected.len(), found.len());
    let size = expected.iter().fold(1e-2f64, |size, value| size.max(value.abs()));
    let error = |(a, b): (&f64, &f64)| if (a - b).is_nan() { f64::INFINITY } else { (a - b).abs() };
    expected.iter().zip(found).map(error).fold(0.0, f64::max) / size
}
