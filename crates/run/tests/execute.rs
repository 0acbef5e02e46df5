//! The fast path, held to the interpreter.

mod common;

use common::generator::Dice;
use common::{agree, build, close, defined, engine, gradients, pairs, random};
use deltarule_core::meaning;
use deltarule_core::model::LOSS;
use deltarule_core::term::Name;
use deltarule_run::execute::Team;

const DIGITS: &str = "size hidden = 32
input  x[64]
target y[10] onehot
param  W1[hidden, 64] ~ glorot
param  b1[hidden]     ~ zeros
param  W2[10, hidden] ~ glorot
param  b2[10]         ~ zeros
z1[i] = W1[i,j] x[j] + b1[i]
a1[i] = sigmoid(z1[i])
z2[i] = W2[i,j] a1[j] + b2[i]
p[i]  = exp(z2[i]) / sum[k] exp(z2[k])
loss  = -y[i] log(p[i])
metric accuracy = [argmax[i] p[i] = argmax[i] y[i]]
";

fn names(names: &[&str]) -> Vec<Name> {
    names.iter().map(|name| Name::from(*name)).collect()
}

#[test]
fn values_and_gradients_of_the_digits_network() {
    let backward = gradients(&build(DIGITS));
    for batch in [1, 3, 16, 33, 700] {
        let given = random(&backward.model, batch, &mut Dice::new(batch as u64));
        agree(&backward.model, &given, &defined(&backward.model), batch, 2e-6);
    }
}

#[test]
fn a_step_of_descent_is_what_the_gradient_says() {
    let backward = gradients(&build(DIGITS));
    let (model, pairs) = (&backward.model, pairs(&backward.model));
    let given = random(model, 33, &mut Dice::new(7));
    let gradients: Vec<Name> = pairs.iter().map(|(_, gradient)| gradient.clone()).collect();
    let expected = meaning::run(model, &given, &gradients).unwrap();
    let mut engine = engine(model, &given, &names(&[LOSS]), 33, &pairs);
    engine.run(0.5);
    for (parameter, gradient) in &pairs {
        let before = &given[parameter].values;
        let after: Vec<f64> = before.iter().zip(&expected[gradient].values).map(|(w, g)| w - 0.5 * g).collect();
        close(parameter, engine.tensor(parameter).unwrap(), &after, 1e-6, engine.plan());
    }
}

/// All defined tensors and derivatives of a text, for several batches.
fn check(text: &str, batches: &[usize], tolerance: f64) {
    let backward = gradients(&build(text));
    for &batch in batches {
        let given = random(&backward.model, batch, &mut Dice::new(batch as u64));
        agree(&backward.model, &given, &defined(&backward.model), batch, tolerance);
    }
}

#[test]
fn the_example_models() {
    for text in [
        include_str!("../../../models/article-mse.dr"),
        include_str!("../../../models/attention.dr"),
        include_str!("../../../models/factorisation.dr"),
        include_str!("../../../models/logistic.dr"),
    ] {
        check(text, &[1, 3, 33], 5e-6);
    }
}

#[test]
fn contractions_of_many_kinds() {
    check(
        "input x[5, 7]
param U[3, 4] ~ normal(0, 1)
param V[7, 4] ~ normal(0, 1)
param T[3, 5, 2, 6] ~ normal(0, 1)
param s[5] ~ normal(0, 1)
a[i, r]    = U[i,k] V[j,k] x[r,j]
c[p, r, h] = T[h,r,q,p] x[r,j] V[j,k] U[h,k] (1 + q)
d          = V[j,k] V[j,k] + sum[i,j] U[i,0] V[j,1]
e[r, t]    = x[r,j] x[t,j]
f[i, j]    = sum[l] [l <= j] U[i,l] U[2,l] T[i,0,1,3] exp(-x[0, j])
loss = sum[i,r] a[i,r]^2 + sum[p,r,h] tanh(c[p,r,h]) + d + sum[r,t] e[r,t] + sum[i,j] f[i,j]
",
        &[1, 3, 17],
        1e-5,
    );
}

#[test]
fn reductions_that_are_no_products() {
    check(
        "input x[40]
param C[30, 40] ~ normal(0, 1)
param u[40] ~ normal(0, 1)
param v[30] ~ normal(0, 1)
a[i] = sum[j] C[i,j] sin(u[j] + v[i])
b[i] = max[j] (C[i,j] x[j]) + min[j] C[i,j] + prod[j] (1 + C[i,j] / 40)
g[j] = logsumexp[i] C[i,j] + mean[i] (C[i,j] - x[j])^2
n[j] = (x[j] - mean[k] x[k]) / sqrt(0.01 + mean[k] (x[k] - mean[l] x[l])^2)
m = argmax[i] a[i] + argmin[j] x[j]
loss = sum[i] a[i] tanh(b[i]) + sum[j] g[j] n[j] + stop(m) / 100
",
        &[1, 3, 33],
        2e-5,
    );
}

#[test]
fn masks_keep_nan_out_and_nan_stays_nan() {
    let text = "input x[4]
param W[3, 4] ~ normal(0, 1)
a[i] = sum[j] [j < 3] W[i,j] x[j]
b[i] = sum[j] W[i,j] x[j]
c[j] = where(j < 3, x[j]^2, 0)
d[j] = [j != 3] log(x[j] - x[j] + 1)
e = max[j] x[j]
f = logsumexp[j:4] ((1 + j) (-inf))
g = argmax[j] x[j]
h[i, k:4] = [i < k] x[k] + W[i,k]
p = (x[3])^0 + relu(x[3])
loss = sum[i] a[i] + sum[j] (c[j] + d[j])
";
    let backward = gradients(&build(text));
    let outputs = defined(&backward.model);
    for special in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for batch in [1, 2] {
            let mut given = random(&backward.model, batch, &mut Dice::new(3));
            given.get_mut("x").unwrap().values[3] = special;
            agree(&backward.model, &given, &outputs, batch, 1e-6);
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let text = DIGITS.replace("size hidden = 32", "size hidden = 600").replace("sigmoid", "gelu");
    let backward = gradients(&build(&text));
    let (model, pairs) = (&backward.model, pairs(&backward.model));
    let given = random(model, 1500, &mut Dice::new(1));
    let bits = |threads: usize| {
        let mut pool = Team::new(threads).unwrap();
        pool.install(|| {
            let mut engine = engine(model, &given, &names(&[LOSS, "p"]), 1500, &pairs);
            (0..3).for_each(|_| engine.run(0.1));
            let all = ["p", LOSS, "W1", "b1", "W2", "b2"].map(|name| engine.tensor(name).unwrap().to_vec());
            all.map(|values| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>())
        })
    };
    let one = bits(1);
    for threads in [2, 3] {
        assert!(one == bits(threads), "{threads} threads");
    }
}

#[test]
fn what_cannot_be_planned_is_said() {
    use deltarule_core::plan::{Memory, PlanError, Request, plan};
    let model = build(DIGITS);
    let refused = |outputs: &[&str], batch, descend: &[(&str, &str)]| {
        let descend: Vec<(Name, Name)> = descend.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
        plan(&model, &Request { outputs: &names(outputs), batch, descend: &descend, memory: Memory::Plenty })
            .unwrap_err()
    };
    assert_eq!(refused(&["q"], 1, &[]), PlanError::Unknown("q".into()));
    assert_eq!(refused(&["p"], 0, &[]), PlanError::NoExamples);
    assert_eq!(refused(&[], 1, &[("x", "p")]), PlanError::Descend("x".into()));
    assert_eq!(refused(&[], 1, &[("W1", "b1"), ("W1", "W1")]), PlanError::Descend("W1".into()));
}

#[test]
fn tampered_plans_are_seen() {
    use deltarule_core::plan::Operation;
    let good = common::planned(&build(DIGITS), &names(&[LOSS]), 8, &[]);
    let changes: [fn(&mut deltarule_core::plan::Plan); 5] = [
        |plan| plan.arena -= 16,
        |plan| plan.operations.swap(0, 1),
        |plan| {
            let place = |name: &str| plan.places.iter().position(|place| &*place.name == name).unwrap();
            let (one, other) = (place("W1"), place("W2"));
            plan.places[one].offset = plan.places[other].offset;
        },
        |plan| {
            let Operation::Product(product) = &mut plan.operations[0] else { panic!("a product") };
            product.offsets[0] += 1;
        },
        |plan| {
            let Operation::Walk(walk) = &mut plan.operations[1] else { panic!("a walk") };
            walk.stores[0].access.strides[0] = 0;
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut plan = good.clone();
        change(&mut plan);
        assert!(plan.verify().is_err(), "change {number}");
    }
}

#[test]
fn softmax_of_large_and_infinite_rows() {
    let text = "input z[3]
param W[3, 3] ~ normal(0, 1)
param b[3] ~ zeros
p[i] = exp(z[i]) / sum[k] exp(z[k])
l[i] = log(p[i])
q[i] = softmax[i](z[i] + b[i])
c = logsumexp[i] (z[i] + b[i])
s[i, j] = p[i] p[j] + exp(2 z[i] - logsumexp[k] z[k]) / exp(logsumexp[k] z[k])
w[i] = softmax[i](W[i,j] z[j] / 1e7)
d = -p[0] l[0]
loss = -sum[i] w[i] log(q[i])
";
    let backward = gradients(&build(text));
    let given = |row: [f64; 3]| {
        let mut given = random(&backward.model, 1, &mut Dice::new(3));
        given.get_mut("z").unwrap().values = row.to_vec();
        given.get_mut("b").unwrap().values = vec![0.0; 3];
        given
    };
    for row in [[1000.0, 1000.0, -5.0], [1e7, 1e7 + 1.0, 0.0], [-1e7, 3.0, f64::NEG_INFINITY], [-1e30, 1e30, 0.0]] {
        let mut wanted = names(&["p", "q", "c", "s"]);
        if row[2].is_finite() {
            wanted.extend(names(&["l", "w", LOSS, "∂loss/∂b", "∂loss/∂W"]));
        }
        agree(&backward.model, &given(row), &wanted, 1, 1e-6);
    }
    let values = |row: [f64; 3]| {
        let mut engine = engine(&backward.model, &given(row), &names(&["p", "q", "c", "l"]), 1, &[]);
        engine.run(0.0);
        ["p", "q", "c"].map(|name| engine.tensor(name).unwrap().to_vec())
    };
    let lowest = f32::NEG_INFINITY;
    assert_eq!(values([f64::NEG_INFINITY; 3]), [vec![0.0; 3], vec![0.0; 3], vec![lowest]]);
    assert_eq!(values([1000.0, 1000.0, -5.0])[0], [0.5, 0.5, 0.0]);
    assert!(values([f64::NAN, 0.0, 0.0]).iter().flatten().all(|value| value.is_nan()));
}
