//! Models that carry the axis of the examples, and derivatives in equations.

use super::{Values, build, sum, try_build};
use deltarule_core::derivation::with_derivatives;
use deltarule_core::model::{self, Model};
use deltarule_core::syntax;
use deltarule_core::term::{Index, Term};
use deltarule_core::text::Source;

fn build_with(text: &str, batch: usize) -> Model {
    let source = Source::new("model.dr", text);
    let tree = syntax::parse(&source).expect("well formed");
    model::build_with(&source, &tree, batch).unwrap_or_else(|problems| panic!("{}", problems[0].render(&source)))
}

#[test]
fn the_axis_of_the_examples_is_a_size() {
    let text = "input x[batch, 4]\ntarget y[batch]\nparam w[4] ~ zeros\n\
                m[i] = mean[b] x[b,i]\nz[b] = w[i] (x[b,i] - m[i])\nloss = sum[b] (z[b] - y[b])^2 / batch";
    for batch in [1, 2, 7] {
        let model = build_with(text, batch);
        assert_eq!(model.batch, Some(batch));
        assert_eq!(model.tensor("x").unwrap().shape, [batch, 4]);
        assert_eq!(model.tensor("z").unwrap().shape, [batch]);
        assert!(model.tensors.iter().all(|tensor| !tensor.per_example));
    }
    assert_eq!(build(text).batch, Some(model::DEFAULT_BATCH));
    assert_eq!(build("input x[4]\nt = x[0]").batch, None);
    // The word is an index like any other where no input has the axis.
    assert!(try_build("input x[4]\nt[batch] = x[batch]").1.is_ok());
}

#[test]
fn a_derivative_is_a_tensor_with_the_axes_of_both() {
    let given = "input x[4]\nparam W[3,4] ~ he\nz[i] = tanh(W[i,j] x[j])\nu = sum[i] z[i]^2\n";
    let body = |text: &str| build(&format!("{given}{text}")).definition("t").expect("t").body.clone();
    let at = |name: &str, indices: &[(u32, usize)]| {
        Term::read_at(name, &indices.iter().map(|(id, extent)| Index::new(*id, *extent, "i")).collect::<Vec<_>>())
    };
    assert_eq!(body("t[m,n] = ∂u/∂W[m,n]"), at("∂u/∂W", &[(0, 3), (1, 4)]));
    assert_eq!(body("t[m,n] = d(u)/d(W[m,n])"), at("∂u/∂W", &[(0, 3), (1, 4)]));
    assert_eq!(body("t[i,j] = ∂z[i]/∂x[j]"), at("∂z/∂x", &[(0, 3), (1, 4)]));
    assert_eq!(body("t[k,j] = ∂(∂u/∂x[k])/∂x[j]"), at("∂∂u/∂x/∂x", &[(0, 4), (1, 4)]));
    // Its indices take part in the convention, and a given tensor depends on itself only.
    assert_eq!(body("t = ∂u/∂x[j] ∂u/∂x[j]"), body("t = sum[j] (∂u/∂x[j])^2"));
    assert_eq!(body("t[i,j] = ∂x[i]/∂x[j]"), body("t[i:4,j:4] = delta[i,j]"));
    assert!(body("t[m,n] = ∂z[m]/∂z[n]") == body("t[i:3,j:3] = delta[i,j]"));
    assert!(body("t[j,m,n] = ∂x[j]/∂W[m,n]").is_zero());
    let model = build(&format!("{given}t[j] = ∂u/∂x[j]\nv = sum[i,j] W[i,j]^2\nw[i,j] = ∂v/∂W[i,j]"));
    assert!(model.tensor("t").unwrap().per_example);
    assert!(!model.tensor("w").unwrap().per_example);
}

/// The model with its derivatives, and the values of everything at a random point.
fn derived(text: &str, seed: u64) -> Values {
    let model = with_derivatives(&build(text)).expect("derivatives");
    Values::of(&model, seed)
}

#[track_caller]
fn near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() <= 1e-10 * wanted.abs().max(1.0), "{found}, not {wanted}");
}

#[test]
fn derivatives_in_equations_have_values() {
    let text = "input x[4]\nparam W[3,4] ~ he\nz[i] = tanh(W[i,j] x[j])\nu = sum[i] z[i]^2\n\
                g[j] = ∂u/∂x[j]\nq = d(u)/d(x[j]) ∂u/∂x[j]\nJ[i,m] = ∂z[i]/∂x[m]\n\
                H[k,j] = ∂(∂u/∂x[k])/∂x[j]\nd[m,n] = ∂u/∂W[m,n]\nloss = u + q\nl[j] = ∂loss/∂x[j]";
    for seed in 1..4 {
        let m = derived(text, seed);
        let slope = |i: usize| 1.0 - m.at("z", &[i]).powi(2);
        let jacobian = |i: usize, j: usize| slope(i) * m.at("W", &[i, j]);
        let gradient = |j: usize| sum(3, |i| 2.0 * m.at("z", &[i]) * jacobian(i, j));
        // ∂²/∂a² tanh(a)² = 2 (1 - z²)(1 - 3 z²).
        let hessian = |k: usize, j: usize| {
            sum(3, |i| {
                let bend = 2.0 * slope(i) * (1.0 - 3.0 * m.at("z", &[i]).powi(2));
                bend * m.at("W", &[i, k]) * m.at("W", &[i, j])
            })
        };
        for j in 0..4 {
            near(m.at("g", &[j]), gradient(j));
            near(m.at("l", &[j]), gradient(j) + sum(4, |k| 2.0 * gradient(k) * hessian(k, j)));
            for k in 0..4 {
                near(m.at("H", &[k, j]), hessian(k, j));
            }
            for i in 0..3 {
                near(m.at("J", &[i, j]), jacobian(i, j));
                near(m.at("d", &[i, j]), 2.0 * m.at("z", &[i]) * slope(i) * m.at("x", &[j]));
            }
        }
        near(m.at("q", &[]), sum(4, |j| gradient(j).powi(2)));
    }
}

#[test]
fn a_batch_is_computed_as_a_whole() {
    let text = "input x[batch, 4]\ntarget y[batch]\nparam w[4] ~ zeros\n\
                m[i] = mean[b] x[b,i]\nz[b] = w[i] (x[b,i] - m[i])\nloss = sum[b] (z[b] - y[b])^2 / batch";
    for batch in [1, 2, 5] {
        let m = Values::of(&build_with(text, batch), 3);
        let mean = |i: usize| sum(batch, |b| m.at("x", &[b, i])) / batch as f64;
        let z = |b: usize| sum(4, |i| m.at("w", &[i]) * (m.at("x", &[b, i]) - mean(i)));
        near(m.at("loss", &[]), sum(batch, |b| (z(b) - m.at("y", &[b])).powi(2)) / batch as f64);
    }
}
