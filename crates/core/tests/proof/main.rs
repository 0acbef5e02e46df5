//! Claims: right ones pass, wrong ones are told with the slip that was made.

mod article;
mod assumptions;
mod bases;
mod entries;
mod integers;
mod large;
mod mutants;
mod mutation;
mod oracle;
mod right;
mod sound;
mod thresholds;
mod wrong;

use deltarule_core::derivation::with_derivatives;
use deltarule_core::model::{Model, build};
use deltarule_core::proof::{Proof, prove};
use deltarule_core::syntax::parse;
use deltarule_core::text::{Problem, Source};

/// The network of the article, small, all extents different.
pub(crate) const NETWORK: &str = "\
input  x[5]
target y[3] onehot
param  W1[4, 5] ~ he
param  b1[4] ~ zeros
param  W2[3, 4] ~ glorot
param  b2[3] ~ zeros
z1[i] = W1[i,j] x[j] + b1[i]
a1[i] = sigmoid(z1[i])
z2[i] = W2[i,j] a1[j] + b2[i]
p[i] = exp(z2[i]) / sum[k] exp(z2[k])
loss = -y[i] log(p[i])
";

/// Squared error, a quadratic form, and functions with kinks.
pub(crate) const FORMS: &str = "\
input  x[4]
target y[4]
param  A[4, 4] ~ lecun
param  c[4] ~ zeros
e[i] = A[i,j] x[j] + c[i] - y[i]
q = x[i] A[i,j] x[j]
r[i] = relu(e[i])
m = max[i] x[i]
n = sqrt(x[i] x[i])
s = sum[i] x[i]
t[i] = tanh(c[i])
g = exp(s)
loss = 1/2 e[i] e[i]
";

/// A recurrence, and blocks.
pub(crate) const DEEP: &str = "\
size depth = 2
input  u[4]
target v
param  w ~ constant(0.5)
param  B1[3, 3] ~ lecun
param  B2[3, 3] ~ lecun
input  f0[3]
h[t:-1] = 0
h[t] = w h[t-1] + u[t]
for l in 1..depth:
    f{l}[i] = tanh(B{l}[i,j] f{l-1}[j])
loss = 1/2 (h[3] - v)^2 + f2[i] f2[i]
";

/// Recurrences with boundaries that are read by others: zero, two deep, of what is given, and along two axes.
pub(crate) const BOUNDARIES: &str = "\
size T = 4
input  x[T]
input  g[3]
input  X[T, 3]
param  a ~ ones
param  V[3, 3] ~ lecun
h[t:-1] = 0
h[t] = tanh(x[t] + a h[t-1])
f[t:-1] = 2
f[t:-2] = x[0]
f[t] = a f[t-1] + x[t] f[t-2]
r[t:-1, i] = g[i]
r[t, i] = tanh(X[t,i] + V[i,j] r[t-1,j])
loss = sum[t] h[t]^2 + sum[t] f[t] + sum[t,i] r[t,i]
";

/// Random numbers in -1..1 that are the same every time.
pub(crate) fn uniform() -> impl FnMut() -> f64 {
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

pub(crate) fn source(model: &str, claim: &str) -> Source {
    Source::new("model.dr", format!("{model}{claim}\n"))
}

pub(crate) fn built(source: &Source) -> Model {
    let told = |problems: &[Problem]| -> String { problems.iter().map(|problem| problem.render(source)).collect() };
    let tree = parse(source).unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let model = build(source, &tree).unwrap_or_else(|problems| panic!("{}", told(&problems)));
    with_derivatives(&model).unwrap()
}

pub(crate) fn proofs(source: &Source) -> Vec<Proof> {
    prove(source, &built(source), &mut uniform())
}
