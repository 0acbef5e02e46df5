//! Recurrences, and models that have the batch as an axis of their own.

use crate::common::generator::Dice;
use crate::common::{agree, defined, engine, gradients, pairs, planned, random};
use crate::{bits, build_for, with_subscripts};
use deltarule_core::derivation::with_derivatives;
use deltarule_core::meaning;
use deltarule_core::model::LOSS;
use deltarule_core::plan::Operation;

const ELMAN: &str = "size T = 7
input x[T, 3]
input y[2]
param U[5, 3] ~ normal(0, 1)
param V[5, 5] ~ normal(0, 1)
param W[2, 5] ~ normal(0, 1)
param b[5] ~ normal(0, 1)
param h0[5] ~ normal(0, 1)
h[t:-1, i] = h0[i]
h[t, i] = tanh(U[i,j] x[t,j] + V[i,j] h[t-1,j] + b[i])
o[t, k] = W[k,i] h[t,i]
loss = sum[t, k] (o[t,k] - y[k])^2
";

const LSTM: &str = "size T = 6
size n = 4
input x[T, 3]
param A[n, 3] ~ normal(0, 1)
param B[n, 3] ~ normal(0, 1)
param C[n, 3] ~ normal(0, 1)
param D[n, 3] ~ normal(0, 1)
param P[n, n] ~ normal(0, 1)
param Q[n, n] ~ normal(0, 1)
param R[n, n] ~ normal(0, 1)
param S[n, n] ~ normal(0, 1)
h[t:-1, i] = 0
c[t:-1, i] = 0
f[t, i] = sigmoid(A[i,j] x[t,j] + P[i,j] h[t-1,j])
g[t, i] = sigmoid(B[i,j] x[t,j] + Q[i,j] h[t-1,j])
q[t, i] = sigmoid(C[i,j] x[t,j] + R[i,j] h[t-1,j])
c[t, i] = f[t,i] c[t-1,i] + g[t,i] tanh(D[i,j] x[t,j] + S[i,j] h[t-1,j])
h[t, i] = q[t,i] tanh(c[t,i])
loss = sum[i] h[T-1,i]^2
";

fn check(text: &str, batches: &[usize], tolerance: f64) {
    for &batch in batches {
        let backward = gradients(&build_for(text, batch));
        let given = with_subscripts(&backward.model, batch, &mut Dice::new(batch as u64));
        agree(&backward.model, &given, &defined(&backward.model), batch, tolerance);
    }
}

#[test]
fn recurrences_and_their_gradients() {
    check(ELMAN, &[1, 3, 20], 1e-5);
    check(
        "input x[9]
param a ~ normal(0, 1)
h[t:-1] = 0
h[t] = 0.5 h[t-1] + a x[t]
loss = h[8]^2 + sum[t] h[t]
",
        &[1, 4],
        1e-5,
    );
    check(
        "input x[6, 4]
param a[4] ~ normal(0, 1)
h[i, t:-2] = 1
h[i, t:-1] = x[i,0]
h[i, t] = a[t] h[i, t-1] + sin(h[i,t-2]) x[i,t]
loss = sum[i, t] h[i,t]^2
",
        &[1, 4],
        1e-5,
    );
}

#[test]
fn recurrences_with_reductions_and_data_in_every_step() {
    check(
        "input t[5] int(4)
input m[3, 4]
param E[4, 4] ~ normal(0, 1)
param V[4, 4] ~ normal(0, 1)
h[s:-1, i] = 0
a[s:5, k] = softmax[k](m[k,i] h[s-1,i])
h[s, i] = tanh(E[t[s], i] + V[i,j] h[s-1,j] + a[s,k] m[k,i] + max[j] (h[s-1,j] E[i,j]))
loss = logsumexp[i] h[4,i] + sum[s] [s > 1] h[s-2, 1]
",
        &[1, 4],
        2e-5,
    );
}

#[test]
fn long_recurrences() {
    check(&ELMAN.replace("T = 7", "T = 1"), &[1, 3], 1e-5);
    check(&ELMAN.replace("T = 7", "T = 400"), &[2], 1e-4);
}

#[test]
fn tensors_that_are_found_together() {
    check(LSTM, &[1, 3], 1e-5);
}

#[test]
fn what_does_not_depend_on_earlier_steps_is_done_for_all_at_once() {
    let backward = gradients(&build_for(ELMAN, 3));
    let pairs = pairs(&backward.model);
    let plan = planned(&backward.model, &[LOSS.into()], 3, &pairs);
    let inside: Vec<usize> = plan
        .operations
        .iter()
        .filter_map(|operation| match operation {
            Operation::Repeat(repeat) => {
                Some(repeat.operations.iter().filter(|inner| matches!(inner, Operation::Product(_))).count())
            }
            _ => None,
        })
        .collect();
    assert_eq!(inside, [1, 1], "one product in each direction\n{plan}");
}

#[test]
fn bits_of_recurrences_do_not_depend_on_the_number_of_threads() {
    let text = ELMAN.replace("5", "64").replace("T = 7", "T = 20");
    let backward = gradients(&build_for(&text, 3));
    let given = random(&backward.model, 128, &mut Dice::new(2));
    let run = |threads| bits(&backward.model, &given, &defined(&backward.model), 128, threads);
    assert!(run(1) == run(2));
}

#[test]
fn the_batch_as_an_axis() {
    check(
        "input x[batch, 4]
target y[batch, 3] onehot
param W[3, 4] ~ normal(0, 1)
param s[3] ~ normal(0, 1)
z[n, i] = W[i,j] x[n,j]
m[i] = mean[n] z[n,i]
v[i] = mean[n] (z[n,i] - m[i])^2
a[n, i] = s[i] (z[n,i] - m[i]) / sqrt(v[i] + 1e-5)
p[n, i] = softmax[i](a[n,i])
loss = -mean[n] sum[i] y[n,i] log(p[n,i])
",
        &[2, 5],
        2e-5,
    );
}

#[test]
fn derivatives_in_equations() {
    let text = "input x[4]
param W[3, 4] ~ normal(0, 1)
u[i] = tanh(W[i,j] x[j])
e = sum[i] u[i]^2
g[j] = ∂e/∂x[j]
loss = sum[j] g[j]^2
";
    let model = with_derivatives(&build_for(text, 1)).unwrap();
    let backward = gradients(&model);
    let given = random(&backward.model, 3, &mut Dice::new(2));
    agree(&backward.model, &given, &defined(&backward.model), 3, 2e-5);
}

#[test]
fn descent_through_time() {
    let backward = gradients(&build_for(ELMAN, 3));
    let (model, pairs) = (&backward.model, pairs(&backward.model));
    let given = random(model, 3, &mut Dice::new(7));
    let names: Vec<_> = pairs.iter().map(|(_, gradient)| gradient.clone()).collect();
    let expected = meaning::run(model, &given, &names).unwrap();
    let mut engine = engine(model, &given, &[LOSS.into()], 3, &pairs);
    engine.run(0.25);
    for (parameter, gradient) in &pairs {
        let before = &given[parameter].values;
        let after: Vec<f64> = before.iter().zip(&expected[gradient].values).map(|(w, g)| w - 0.25 * g).collect();
        crate::common::close(parameter, engine.tensor(parameter).unwrap(), &after, 1e-5, engine.plan());
    }
}
