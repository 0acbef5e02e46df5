//! Functions that have a value for some arguments only: right models with them are accepted wherever points are drawn,
//! and checked by numbers.

use crate::hand::{model, uniform};
use deltarule_core::derivation::{Backward, Verification, derive, random_point, verify};
use deltarule_core::meaning::Point;
use deltarule_core::model::{LOSS, Role};
use deltarule_core::term::Name;

fn derived(text: &str) -> Backward {
    let model = model(text);
    let varies = |role: &Role| matches!(role, Role::Param(_) | Role::Input { below: None });
    let given = model.tensors.iter().filter(|tensor| varies(&tensor.role));
    let wrt: Vec<Name> = given.map(|tensor| tensor.name.clone()).collect();
    derive(&model, LOSS, &wrt).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn verified(backward: &Backward, seed: u64, text: &str) -> Verification {
    let mut uniform = uniform(seed);
    let points: Vec<Point> = (0..3).map(|_| random_point(&backward.model, &mut uniform)).collect();
    verify(backward, &points).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"))
}

/// Each with one argument, `A`.
const FUNCTIONS: &[&str] = &[
    "log(A)",
    "sqrt(A)",
    "(A)^q[i]",
    "(A)^(-1/2)",
    "(A)^1.5",
    "1 / (A)",
    "acos(A)",
    "asin(A)",
    "log(1 + log(A))",
    "sqrt(1 - (A)^2)",
    "(A) log(A)",
    "log(A) / sqrt(1 - (A))",
];

/// Of what is given and of what is computed.
const ARGUMENTS: &[&str] = &[
    "x[i]",
    "-x[i]",
    "w[i]",
    "x[i] w[i]",
    "x[i] - s",
    "1 - w[i]",
    "c[i]",
    "x[i] + sum[j] x[j]",
    "x[i] / s",
    "c[i] - x[i]",
    "b[i]^2 / 4",
    "exp(x[i]) - 1",
];

/// Every function of every argument, at ten seeds.
#[test]
fn partial_functions_are_accepted_and_checked() {
    for function in FUNCTIONS {
        for argument in ARGUMENTS {
            let value = function.replace('A', argument);
            let text = format!(
                "input x[3]\nparam w[3] ~ ones\nparam b[3] ~ zeros\nparam s ~ ones\nparam q[3] ~ uniform(0.5, 2)\n\
                 param W[3,3] ~ glorot\nc[i] = W[i,j] x[j] + b[i]\nh[i] = {value}\nloss = sum[i] h[i]^2\n"
            );
            let backward = derived(&text);
            for seed in 0..10 {
                let found = verified(&backward, seed, &text);
                assert_eq!((found.not_checked(), found.undefined), (None, None), "seed {seed} of\n{text}");
            }
        }
    }
}

/// Models that people write.
const MODELS: &[&str] = &[
    // A convolution on a graph, normalised by the degrees of its nodes.
    "const A[5,5]\ninput x[5,3]\ntarget y[5,2]\nparam W[2,3] ~ glorot\nd[i] = sum[j] A[i,j]\n\
     H[i,c] = A[i,j] x[j,k] W[c,k] / sqrt(d[i] d[j])\nloss = sum[i,c] (relu(H[i,c]) - y[i,c])^2\n",
    // Newton's square root.
    "param a ~ ones\nx0 = 1\nx1 = (x0 + a / x0) / 2\nx2 = (x1 + a / x1) / 2\nx3 = (x2 + a / x2) / 2\nloss = x3\n",
    // A normal distribution of a variance that is learned.
    "input x[4]\ntarget y\nparam w[4] ~ glorot\nparam v ~ ones\nm = w[i] x[i]\nloss = 1/2 log(2 π v) + (y - m)^2 / (2 v)\n",
    // Student's t with a scale, without the constants.
    "input x\ntarget y\nparam m ~ zeros\nparam s ~ ones\nparam n ~ constant(4)\n\
     loss = log(s) + 1/2 (n + 1) log(1 + (y - m)^2 / (n s^2))\n",
    // Poisson, with a rate that is linear.
    "input x[3]\ntarget y\nparam w[3] ~ ones\nr = w[i] x[i]\nloss = r - y log(r)\n",
    // A divergence from what is given.
    "target q[5] probability\nparam z[5] ~ zeros\np[i] = softmax[i](z[i])\nloss = sum[i] q[i] (log(q[i]) - log(p[i]))\n",
    // A geometric mean, and a power law.
    "input x[4]\nparam k ~ constant(0.5)\ng = (prod[i] x[i])^(1/4)\nloss = (g^k - sum[i] x[i]^k)^2\n",
    // Logarithms of steps that grow.
    "input x[6]\nparam b ~ zeros\nd[i:5] = log(x[i+1] - x[i])\nloss = sum[i] (d[i] - b)^2\n",
    // Angles between vectors.
    "input x[3]\nparam w[3] ~ normal(0, 1)\nn = sqrt(sum[i] x[i]^2)\nm = sqrt(sum[i] w[i]^2)\nc = x[i] w[i] / (n m)\nloss = acos(c)^2\n",
    // Michaelis and Menten, and Hill.
    "input x\ntarget y\nparam v ~ ones\nparam k ~ ones\nparam n ~ constant(2)\nr = v x^n / (k^n + x^n)\nloss = (r - y)^2\n",
    // An entropy of shares.
    "param u[4] ~ uniform(0.2, 0.8)\nt = sum[i] u[i]\np[i] = u[i] / t\nloss = -sum[i] p[i] log(p[i])\n",
    // Declared.
    "input x[3] positive\nparam s ~ ones positive\nparam u[3] ~ constant(0.5) in [0, 1]\ntarget y\n\
     loss = (sum[i] abs(u[i]) log(x[i] / s) - y)^2 + sqrt(s^2) + relu(x[0]) sign(x[1])\n",
    "const K[4,4] symmetric\ninput x[4]\nloss = x[i] K[i,j] x[j] + sum[i] K[i,0] x[i] K[0,i]\n",
];

#[test]
fn models_with_partial_functions_are_accepted_and_checked() {
    for text in MODELS {
        let mut backward = derived(text);
        backward.put_in_full();
        for seed in 0..10 {
            let found = verified(&backward, seed, text);
            assert_eq!((found.not_checked(), found.undefined), (None, None), "seed {seed} of\n{text}");
        }
    }
}

/// Where nothing has a value, nobody is accused, and it is said.
#[test]
fn what_has_no_value_anywhere_is_told_as_unchecked() {
    let text = "input x\nh = log(-1 - x^2)\nloss = h^2\n";
    let found = verified(&derived(text), 1, text);
    assert_eq!(
        found.not_checked().as_deref(),
        Some("∂loss/∂h, ∂loss/∂x are not checked by numbers, since no point was found where `h` is defined")
    );
}

/// A masked probability is 0, and `0 log 0` has no value: a line without one is no slip there.
#[test]
fn lines_without_a_value_are_no_slips_where_the_model_has_none() {
    let masked = "p[u] = softmax[u](where(u < 2, w[u] x[u], -inf))\n";
    let text = format!("input x[3]\nparam w[3] ~ normal(0, 1)\n{masked}loss = entropy[u](p[u])\n");
    let found = verified(&derived(&text), 1, &text);
    assert_eq!(found.undefined.as_deref(), Some(LOSS));
    // With a value for what is masked everything is checked.
    let text = text.replace("entropy[u](p[u])", "-sum[u] where(u < 2, p[u] log(p[u]), 0)");
    let found = verified(&derived(&text), 1, &text);
    assert_eq!((found.not_checked(), found.undefined), (None, None));
}

/// The last line of the derivative by a tensor of what stands in the model.
fn result(text: &str, wrt: &str) -> String {
    let backward = derived(text);
    let gradient = backward.gradients.iter().find(|own| &*own.wrt == wrt).expect("a gradient");
    format!("{:?}", gradient.shown.end())
}

#[test]
fn declared_domains_are_used() {
    let result = |domain: &str| {
        result(&format!("input x[3]{domain}\nparam w[3] ~ ones\nloss = sum[i] w[i] abs(x[i]) sign(x[i])\n"), "w")
    };
    assert!(
        !result(" positive").contains("Sign") && result("").contains("Sign"),
        "{} {}",
        result(" positive"),
        result("")
    );
    assert!(!result(" in [0.5, 2]").contains("Sign"));
    // The sign of 0 is 0.
    assert!(result(" in [0, 2]").contains("Sign"));
}
