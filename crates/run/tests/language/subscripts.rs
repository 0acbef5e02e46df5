//! Compound subscripts, guards, floors, and data as subscripts on the fast path, held to the
//! interpreter. Where all values are small integers, so are all sums, and both agree exactly.

use crate::common::generator::Dice;
use crate::common::{Given, agree, build, defined, gradients, planned};
use crate::{bits, common, with_subscripts};
use deltarule_core::derivation::with_derivatives;
use deltarule_core::model::{Model, Role};
use deltarule_core::plan::{Instruction, Operation};
use deltarule_run::evaluate::evaluate;

/// Random values, all of them small integers; data that are subscripts in their ranges.
fn integers(model: &Model, batch: usize, dice: &mut Dice) -> Given {
    let mut given = with_subscripts(model, batch, dice);
    for tensor in &model.tensors {
        let is_real = !matches!(tensor.role, Role::Input { below: Some(_) } | Role::Target(_));
        let Some(array) = given.get_mut(&tensor.name).filter(|_| is_real) else { continue };
        array.values.iter_mut().for_each(|value| *value = dice.below(7) as f64 - 3.0);
    }
    given
}

/// All defined tensors agree exactly. Means of so many examples are exact in binary.
fn exact(model: &Model) {
    for batch in [1, 4] {
        agree(model, &integers(model, batch, &mut Dice::new(batch as u64)), &defined(model), batch, 0.0);
    }
}

/// All defined tensors and all gradients agree exactly.
fn exact_with_gradients(text: &str) {
    exact(&gradients(&with_derivatives(&build(text)).unwrap()).model);
}

/// How many products a plan has, those with a loop for what is not finite among them.
fn products(text: &str, wanted: &[&str]) -> usize {
    let wanted: Vec<_> = wanted.iter().map(|name| (*name).into()).collect();
    let plan = planned(&build(text), &wanted, 4, &[]);
    let is_product = |operation: &&Operation| matches!(operation, Operation::Product(_) | Operation::Guarded(_));
    plan.operations.iter().filter(is_product).count()
}

const CONVOLUTION: &str = "input x[2, 6, 5]
param K[4, 2, 3, 3] ~ normal(0, 1)
param L[3, 4, 2, 3] ~ normal(0, 1)
z[o, r, s] = K[o,c,u,v] x[c, r+u, s+v]
p[o, r:6, s:5] = K[o,c,u,v] pad(x)[c, r+u-1, s+v-1]
t[o, r:3, s:3] = K[o,c,u,v] pad(x)[c, 2*r+u-1, 2*s+v-1]
w[o, r:2, s:2] = L[o,c,u,v] pad(p)[c, 3*r+2*u-1, 2*s+2*v-2]
f[o, r, s] = K[o,c,u,v] x[c, r+2-u, s+2-v]
";

#[test]
fn convolutions_are_products() {
    exact(&build(CONVOLUTION));
    for name in ["z", "p", "t", "f"] {
        assert_eq!(products(CONVOLUTION, &[name]), 1, "{name}");
    }
}

#[test]
fn gradients_of_convolutions() {
    exact_with_gradients(&format!(
        "{CONVOLUTION}loss = sum[o,r,s] (z[o,r,s] + f[o,r,s])^2 + sum[o,r,s] t[o,r,s]^2 + sum[o,r,s] w[o,r,s]"
    ));
}

#[test]
fn adjoints_of_convolutions_by_hand() {
    let text = "input g[4, 4, 3]
input h[4, 3, 3]
param K[4, 2, 3, 3] ~ normal(0, 1)
a[c, i:6, j:5] = sum[o,u,v] K[o,c,u,v] pad(g)[o, i-u, j-v]
b[c, i:6, j:5] = sum[o,u,v] [(i+1-u) mod 2 = 0] [(j+1-v) mod 2 = 0] K[o,c,u,v] pad(h)[o, floor((i+1-u)/2), floor((j+1-v)/2)]
";
    exact(&build(text));
    for name in ["a", "b"] {
        assert_eq!(products(text, &[name]), 1, "{name}");
    }
}

#[test]
fn guards_floors_and_remainders() {
    exact(&build(
        "input x[7]
param A[3, 5] ~ normal(0, 1)
a[i:7] = pad(x)[i+2] - pad(x)[2-i]
b[i:9] = pad(x, 5)[2*i-3]
c[i:14] = x[floor(i/2)] + x[i mod 7]
d[i:7] = where(i >= 2, x[i-2], 10)
e[i:3] = sum[u:3] pad(x)[3*i+u-1]
f[i:20] = x[floor(i/3)]
g[i:4] = A[2, i+1] - A[0, 4-i] + A[i mod 3, i+1]
h[i:3] = max[u:3] pad(x, -inf)[3*i+u-1]
k[i:5] = sum[j:7] [j <= i] x[j]
n = x[3] x[6]
m[i] = x[6-i]
",
    ));
}

#[test]
fn data_as_subscripts() {
    let text = "input t[5] int(7)
input s int(3)
target y int(4)
param E[7, 4] ~ normal(0, 1)
param W[3, 4] ~ normal(0, 1)
e[s, d] = E[t[s], d]
u[s, i] = W[i,d] E[t[s], d]
v[d] = E[t[0], d] + W[s, d]
p = W[s, y]
c[n:7] = sum[s] [t[s] = n]
m[s] = E[t[s], argmax[d] E[t[s], d]]
g[n:7, d] = sum[s] [t[s] = n] e[s,d]
h[n:7, k:3] = sum[s] [t[s] = n] [t[4-s] mod 3 = k] t[s]
q[n:7, i] = sum[s,d] [t[s] = n] W[i,d] e[s,d]
";
    exact(&build(text));
    exact_with_gradients(&format!("{text}loss = sum[s,d] e[s,d]^2 + sum[s,i] u[s,i] + p + sum[s] m[s]\n"));
    let plan = planned(&build(text), &["g".into(), "h".into(), "q".into(), "c".into()], 4, &[]);
    let scatters = plan.operations.iter().filter(|operation| matches!(operation, Operation::Scatter(_))).count();
    assert_eq!(scatters, 4, "{plan}");
}

#[test]
fn integers_out_of_range_are_refused() {
    let model =
        build("input t[2] int(3)\nparam E[3, 2] ~ normal(0, 1)\ne[s, d] = E[t[s], d]\nloss = sum[s,d] e[s,d]\n");
    let mut given = integers(&model, 2, &mut Dice::new(1));
    for wrong in [3.0, -1.0, 0.5, f64::NAN] {
        given.get_mut("t").unwrap().values = vec![0.0, 1.0, 2.0, wrong];
        let error = evaluate(&model, &given, &["e".into()], 1).unwrap_err();
        let expected = format!("entry 1 of example 1 of `t` is {wrong}, which is no integer in 0..3");
        assert_eq!(error.to_string(), expected);
        // Without the check nothing else is touched, and what was asked for there is no number.
        let mut engine = common::engine(&model, &given, &["e".into()], 2, &[]);
        engine.run(0.0);
        assert!(engine.tensor("e").unwrap()[6..].iter().all(|value| value.is_nan()));
    }
}

#[test]
fn conditions_keep_nan_out_of_sums() {
    let text = "input x[5]
param W[5, 5] ~ normal(0, 1)
param w[2] ~ normal(0, 1)
a[i] = sum[j] [j <= i] W[i,j] x[j]
k[i:5] = sum[j] [j <= i] x[j]
b[i:5] = sum[u] pad(x)[i+u-1] w[u]
loss = sum[i] a[i]
";
    let model = gradients(&build(text)).model;
    let mut given = integers(&model, 2, &mut Dice::new(1));
    given.get_mut("x").unwrap().values[3] = f64::NAN;
    agree(&model, &given, &defined(&model), 2, 0.0);
}

#[test]
fn pooling_and_its_gradient() {
    let text = "input x[2, 4, 6]
param w[2, 4, 6] ~ normal(0, 1)
y[c, i, j] = x[c,i,j] w[c,i,j]
p[c, i:2, j:3] = max[u:2, v:2] y[c, 2*i+u, 2*j+v]
q[c, i:3, j:5] = max[u:2, v:2] y[c, i+u, j+v]
m[c, i:2, j:3] = sum[u:2, v:2] y[c, 2*i+u, 2*j+v]
loss = sum[c,i,j] (4 p[c,i,j] + m[c,i,j]) + sum[c,i,j] q[c,i,j]
";
    let model = gradients(&build(text)).model;
    for batch in [1, 3] {
        // With ties, which share in equal parts.
        agree(&model, &integers(&model, batch, &mut Dice::new(batch as u64)), &defined(&model), batch, 1e-6);
    }
}

/// Windows that do not overlap: their gradient divides subscripts, and the plan loops over quotients and
/// remainders instead of computing them.
#[test]
fn gradients_of_windows_side_by_side_compute_no_subscripts() {
    let text = "input x[2, 12, 9]
param w[2, 12, 9] ~ normal(0, 1)
y[c, i, j] = x[c,i,j] w[c,i,j]
p[c, i:6, j:3] = max[u:2, v:3] y[c, 2*i+u, 3*j+v]
q[c, i:6, j] = max[u:2] y[c, 2*i+u, j]
loss = sum[c,i,j] 4 p[c,i,j] + sum[c,i,j] q[c,i,j] / 2
";
    let model = gradients(&build(text)).model;
    for batch in [1, 3] {
        agree(&model, &integers(&model, batch, &mut Dice::new(batch as u64)), &defined(&model), batch, 1e-6);
    }
    let plan = planned(&model, &["∂loss/∂y".into()], 4, &[]);
    let computes = |code: &[Instruction]| code.iter().any(|one| matches!(one, Instruction::Gather { .. }));
    for operation in &plan.operations {
        assert!(!matches!(operation, Operation::Walk(walk) if computes(&walk.program)), "{plan}");
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let text = "input t[64] int(500)
input x[8, 20, 20]
param E[500, 96] ~ normal(0, 1)
param K[16, 8, 3, 3] ~ normal(0, 1)
z[o, r:20, s:20] = K[o,c,u,v] pad(x)[c, r+u-1, s+v-1]
g[n:500, d] = sum[s] [t[s] = n] E[t[s], d]
";
    let model = build(text);
    let given = with_subscripts(&model, 20, &mut Dice::new(1));
    let run = |threads| bits(&model, &given, &defined(&model), 20, threads);
    assert!(run(1) == run(2));
}

/// What depends on positions and data alone is exact however large it becomes on the way.
#[test]
fn integers_that_single_precision_does_not_hold() {
    let text = "param W[1000] ~ normal(0, 1)
input t[6] int(5000)
a[i:500] = W[((40503*i + 7) mod 65536) mod 1000]
b[s] = W[((40503*t[s] + s) mod 65537) mod 1000]
c[i:300] = where((100003*i) mod 700001 < 350000, W[i], 0)
d[i:300] = W[floor((16777217*i)/67108868)]
n = sum[i:300, j:200] [1000003*i < 1500003*j + 1]
m = sum[s] [(999983*t[s]) mod 1000003 < 500000]
loss = sum[i] a[i] + sum[s] b[s] + sum[i] c[i] + sum[i] d[i]
";
    exact_with_gradients(text);
    let plan = planned(&build(text), &["a".into(), "b".into(), "n".into()], 4, &[]);
    assert_eq!(plan.tables.len(), 3, "{plan}");
}

#[test]
fn floors_and_remainders_of_data() {
    exact_with_gradients(
        "input t[7] int(200)
param E[5, 3] ~ normal(0, 1)
param F[3, 4] ~ normal(0, 1)
e[s, d] = E[floor(t[s]/49), d]
f[s] = F[t[s] mod 3, (t[s] + 2*s) mod 4]
g[s:6] = F[floor((t[s] + t[s+1])/200), (3*t[s+1] + 1) mod 4] E[t[s] mod 5, 1]
loss = sum[s,d] e[s,d] + sum[s] f[s]^2 + sum[s] g[s]
",
    );
}

#[test]
fn remainders_in_recurrences_and_second_derivatives() {
    exact_with_gradients(
        "input x[5]
input C[6]
param V[5, 3] ~ normal(0, 1)
param W[5] ~ normal(0, 1)
h[t:-1, i] = V[4, i]
h[t, i:3] = V[(3*t + i) mod 5, (i + 1) mod 3] h[t-1, (2*i + 1) mod 3] + [t mod 2 = 1] x[t]
u = sum[i] C[i] W[(2*i) mod 5]^2
g[m] = ∂u/∂W[m]
loss = sum[t,i] [(t + i) mod 3 != 0] h[t,i] + sum[m] g[m] W[(m + 3) mod 5]
",
    );
}
