//! Sums of products that stay the same when rows and columns change places: half of them are computed, and the
//! results are exactly symmetric; others are left alone.

use crate::bits;
use crate::common::generator::Dice;
use crate::common::{agree, build, close, engine, planned, random};
use deltarule_core::meaning;
use deltarule_core::model::Model;
use deltarule_core::plan::{Operation, Plan};
use deltarule_core::term::Name;

const FIELDS: &str = "input X[13, 21]
input Y[13, 21]
input w[13]
input Z[13, 5, 4]
input P[13, 4, 4]
const lambda = 0.5
A[n,i] = relu(X[n,i] + 1)
B[n,i] = w[n]^2 A[n,i]
";

/// Equations with a symmetric product.
const SYMMETRIC: [&str; 8] = [
    "H[i,j] = sum[n] X[n,i] X[n,j]",
    "H[i,j] = sum[n] w[n] X[n,i] X[n,j]",
    "H[i,j] = 3 sum[n] B[n,i] A[n,j] + lambda delta[i,j]",
    "H[i,j] = sum[n] [w[n] > 0] X[n,j] sigmoid(X[n,i]) sigmoid(X[n,j]) X[n,i]",
    "H[i,j] = sum[n] X[n,i] Y[n,i] X[n,j] Y[n,j] / (1 + w[n]^2)",
    "H[i,j] = sum[n] (A[n,i] + Y[n,i]) w[n] (relu(1 + X[n,j]) + Y[n,j])",
    "H[i,k,j,l] = sum[n] w[n] Z[n,i,k] Z[n,j,l]",
    "H[i,j,k] = sum[n] Z[n,i,k] w[n] Z[n,j,k]",
];

/// Equations with a product that is none.
const OTHERS: [&str; 6] = [
    "H[i,j] = sum[n] X[n,i] Y[n,j]",
    "H[i,j] = sum[n] w[n] A[n,i] X[n,j]",
    "H[i,j] = sum[n] X[n,i]^2 X[n,j]",
    "H[i,j] = sum[n] (X[n,i] + i) X[n,j]",
    "H[i,k,j,l] = sum[n] P[n,i,k] P[n,l,j] w[n]",
    "H[i,j] = sum[n, m] P[n,m,m] X[n,i] Y[n,j]",
];

fn symmetric(plan: &Plan) -> usize {
    let is_symmetric = |operation: &&Operation| matches!(operation, Operation::Product(product) if product.symmetric);
    plan.operations.iter().filter(is_symmetric).count()
}

fn model(equation: &str) -> Model {
    build(&format!("{FIELDS}{equation}\n"))
}

#[test]
fn symmetric_products_are_seen() {
    for (equation, expected) in SYMMETRIC.iter().map(|one| (one, 1)).chain(OTHERS.iter().map(|one| (one, 0))) {
        let plan = planned(&model(equation), &["H".into()], 2, &[]);
        assert_eq!(symmetric(&plan), expected, "{equation}\n{plan}");
        assert_eq!(plan.to_string().contains(", symmetric]"), expected == 1, "{plan}");
    }
}

#[test]
fn symmetric_products_are_right_and_exactly_symmetric() {
    for (number, equation) in SYMMETRIC.iter().chain(&OTHERS).enumerate() {
        let model = model(equation);
        let outputs: Vec<Name> = vec!["H".into()];
        let given = random(&model, 3, &mut Dice::new(number as u64));
        agree(&model, &given, &outputs, 3, 2e-6);
        let found = bits(&model, &given, &outputs, 3, 1);
        assert_eq!(found, bits(&model, &given, &outputs, 3, 3), "{equation}");
        if equation.starts_with("H[i,j] ") && number < SYMMETRIC.len() {
            let at = |b: usize, i: usize, j: usize| found[0][(b * 21 + i) * 21 + j];
            let all = (0..3).flat_map(|b| (0..21).flat_map(move |i| (0..i).map(move |j| (b, i, j))));
            all.into_iter().for_each(|(b, i, j)| assert_eq!(at(b, i, j), at(b, j, i), "{equation} {b} {i} {j}"));
        }
    }
}

/// Weights of the summands and a number on the diagonal go with the product; a condition does not.
#[test]
fn weights_and_diagonals_are_no_passes_of_their_own() {
    let fields = "param X[13, 21] ~ normal(0, 1)\nparam Y[13, 30] ~ normal(0, 1)\nparam w[13] ~ normal(0, 1)\n";
    let cases = [
        ("H[i,j] = sum[n] exp(w[n]) X[n,i] X[n,j] + delta[i,j] / 2", 3, "weights", "+ 0.5 on the diagonal"),
        ("H[i,j] = delta[j,i] - 3 sum[n] w[n] w[n] X[n,i] X[n,j]", 2, "weights", "+ 1 on the diagonal"),
        ("H[i,j] = sum[n] w[n] X[n,i] Y[n,j]", 2, "weights", ""),
        ("H[i,j] = sum[n] X[n,i] X[n,j] + delta[i,j] / 2", 1, "symmetric", "+ 0.5 on the diagonal"),
        ("H[i,j] = sum[n] X[n,i] X[n,j] + delta[i,j+1] / 2", 2, "symmetric", ""),
        ("H[i,j] = sum[n] [w[n] > 0] X[n,i] Y[n,j]", 3, "", ""),
        (
            "G[i,j] = sum[n] X[n,i] X[n,j] + delta[i,j] / 2\nH[i,j] = 3 G[i,j] + delta[i,j]",
            1,
            "",
            "+ 2.5 on the diagonal",
        ),
    ];
    for (equation, count, weights, diagonal) in cases {
        let model = build(&format!("{fields}{equation}\n"));
        let plan = planned(&model, &["H".into()], 1, &[]);
        let shown = plan.to_string();
        assert!(plan.operations.len() == count && shown.contains(weights) && shown.contains(diagonal), "{plan}");
        assert_eq!(shown.contains("weights"), weights == "weights", "{plan}");
        assert_eq!(shown.contains("on the diagonal"), !diagonal.is_empty(), "{plan}");
        let given = random(&model, 1, &mut Dice::new(17));
        agree(&model, &given, &["H".into()], 1, 2e-6);
        assert_eq!(bits(&model, &given, &["H".into()], 1, 1), bits(&model, &given, &["H".into()], 1, 4));
    }
}

/// A step that adds to a parameter computes all of it: what is there need not be symmetric.
#[test]
fn steps_of_descent_are_not_halved() {
    let model =
        build("param X[13, 21] ~ normal(0, 1)\nparam W[21, 21] ~ normal(0, 1)\nG[i,j] = sum[n] X[n,i] X[n,j]\n");
    let pairs = [("W".into(), "G".into())];
    let plan = planned(&model, &[], 1, &pairs);
    assert_eq!(symmetric(&plan), 0, "{plan}");
    let given = random(&model, 1, &mut Dice::new(3));
    let gradient = &meaning::run(&model, &given, &["G".into()]).unwrap()["G"].values;
    let expected: Vec<f64> = given["W"].values.iter().zip(gradient).map(|(w, g)| w - 0.5 * g).collect();
    let mut engine = engine(&model, &given, &[], 1, &pairs);
    engine.run(0.5);
    close("W", engine.tensor("W").unwrap(), &expected, 1e-6, engine.plan());
}
