//! Named sizes are symbols: what is derived, printed and claimed holds for all of them.

mod claims;
mod relations;
mod small;
mod symbols;

use deltarule_core::derivation::{Backward, derive, random_point, with_derivatives};
use deltarule_core::meaning::Point;
use deltarule_core::model::{Model, Sizing, build_sized};
use deltarule_core::syntax;
use deltarule_core::text::Source;
use std::collections::BTreeMap;

/// Models of all kinds, by name.
fn models() -> Vec<(String, String)> {
    let folder = format!("{}/../../models", env!("CARGO_MANIFEST_DIR"));
    let files = ["digits", "attention", "batchnorm", "factorisation", "logistic", "lstm", "physics", "rnn", "vae"];
    let read = |name: &&str| {
        let text = std::fs::read_to_string(format!("{folder}/{name}.dr")).unwrap();
        (name.to_string(), text.replace("64]", "6]"))
    };
    let own = TEXTBOOK.iter().map(|(name, text)| (name.to_string(), text.to_string()));
    files.iter().map(read).chain(own).collect()
}

/// As textbooks have them.
const TEXTBOOK: [(&str, &str); 6] = [
    (
        "ridge",
        "size d = 4\nconst lambda\ninput X[batch, d]\ntarget y[batch]\nparam w[d] ~ zeros\n\
         loss = 1/2 mean[n] (X[n,i] w[i] - y[n])^2 + 1/2 lambda sum[i] w[i]^2\n",
    ),
    (
        "layer norm",
        "size d = 4\ninput x[d]\ntarget y[d]\nparam g[d] ~ ones\nm = mean[i] x[i]\nv = mean[i] (x[i] - m)^2\n\
         u[i] = (x[i] - m) / sqrt(v + 1e-5)\nloss = 1/2 sum[i] (g[i] u[i] - y[i])^2\n",
    ),
    (
        "batch norm",
        "size h = 4\ninput x[batch, h]\ntarget y[batch, h]\nparam g[h] ~ ones\nm[i] = mean[n] x[n,i]\n\
         v[i] = mean[n] (x[n,i] - m[i])^2\no[n,i] = g[i] (x[n,i] - m[i]) / sqrt(v[i] + 1e-5)\n\
         loss = mean[n] sum[i] (o[n,i] - y[n,i])^2\n",
    ),
    (
        "attention",
        "size head = 4\nsize length = 3\ninput Q[length, head]\ninput K[length, head]\ninput V[length, head]\n\
         S[i,j] = Q[i,c] K[j,c] / sqrt(head)\nA[i,j] = softmax[j](S[i,j])\nO[i,c] = A[i,j] V[j,c]\n\
         loss = mean[i,c] O[i,c]^2\n",
    ),
    (
        "mixture",
        "size k = 3\nsize d = 2\ninput x[d]\nparam mu[k, d] ~ normal(0, 1)\nparam w[k] ~ zeros\n\
         q[j] = w[j] - logsumexp[l] w[l] - 1/2 sum[i] (x[i] - mu[j,i])^2 - d/2 log(2 pi)\nloss = -logsumexp[j] q[j]\n",
    ),
    (
        "recurrence",
        "size T = 4\nsize h = 3\ninput x[T]\nparam U[h] ~ glorot\nparam V[h, h] ~ glorot\ns[t:-1, i] = 0\n\
         s[t, i] = tanh(U[i] x[t] + V[i,j] s[t-1, j])\nloss = sum[i] s[T-1, i]^2 + mean[t] s[t, 0]\n",
    ),
];

fn parsed(text: &str) -> (Source, syntax::tree::Tree) {
    let source = Source::new("test.dr", text);
    let tree = syntax::parse(&source).unwrap_or_else(|problems| panic!("{}", problems[0].render(&source)));
    (source, tree)
}

/// The model with its sizes as symbols, and numbers at hand in the place of those of the file.
fn symbolic(text: &str, values: &BTreeMap<String, usize>) -> Model {
    let (source, tree) = parsed(text);
    let sizing = Sizing { values: values.clone(), ..Sizing::symbolic() };
    let model = build_sized(&source, &tree, &sizing);
    let model = model.unwrap_or_else(|problems| panic!("{}", problems[0].render(&source)));
    with_derivatives(&model).unwrap()
}

/// The symbols of a model with these numbers, in turn.
fn values(model: &Model, numbers: &[usize]) -> BTreeMap<String, usize> {
    let names = model.symbols.iter().map(|size| size.name.to_string());
    names.zip(numbers.iter().copied().cycle()).collect()
}

fn derived(model: &Model) -> Backward {
    let wrt: Vec<_> = model.parameters().map(|tensor| tensor.name.clone()).collect();
    let wrt = if wrt.is_empty() { model.data().map(|tensor| tensor.name.clone()).collect() } else { wrt };
    let mut backward = derive(model, "loss", &wrt).unwrap();
    backward.put_in_full();
    backward
}

fn point(model: &Model) -> Point {
    points(model, 1).remove(0)
}

fn points(model: &Model, count: usize) -> Vec<Point> {
    let mut state = 7u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| random_point(model, &mut uniform)).collect()
}
