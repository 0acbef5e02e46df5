//! What is kept in memory: functions that are needed twice are, and what only a rectified value was made of is not.

use crate::common::generator::Dice;
use crate::common::{agree, build, gradients, pairs, planned, random};
use deltarule_core::derivation::derivative_name;
use deltarule_core::model::LOSS;
use deltarule_core::plan::Plan;
use deltarule_core::term::Name;

const FIELDS: &str = "input x[20]
param W[30, 20] ~ glorot
param c[30] ~ glorot
";
const BATCH: usize = 12;

fn gradient(name: &str) -> Name {
    derivative_name(LOSS, name)
}

fn count(plan: &Plan, part: &str) -> usize {
    plan.to_string().matches(part).count()
}

fn keeps(plan: &Plan, name: &str) -> bool {
    plan.places.iter().any(|place| &*place.name == name)
}

/// The plan of a loss and its gradients, after its results were held to the interpreter.
fn plan_of(lines: &str, extra: &[&str]) -> Plan {
    let model = gradients(&build(&format!("{FIELDS}{lines}"))).model;
    let outputs: Vec<Name> = [LOSS.into(), gradient("W"), gradient("c")].into_iter().collect();
    let outputs = [outputs, extra.iter().map(|name| Name::from(*name)).collect()].concat();
    for batch in [1, BATCH] {
        agree(&model, &random(&model, batch, &mut Dice::new(5)), &outputs, batch, 2e-6);
    }
    let outputs: Vec<Name> = std::iter::once(LOSS.into()).chain(extra.iter().map(|name| Name::from(*name))).collect();
    planned(&model, &outputs, BATCH, &pairs(&model))
}

#[test]
fn functions_that_are_needed_twice_are_computed_once() {
    let plan = plan_of("z[i] = W[i,j] x[j]\np[i] = softmax[i](z[i])\nloss = sum[i] c[i] p[i]^2\n", &[]);
    assert_eq!(count(&plan, "exp("), 1, "{plan}");
    // A loss and its gradient share theirs too.
    let plan = plan_of("z[i] = W[i,j] x[j] + c[i]\nloss = sum[i] exp(-z[i]^2)\n", &["z"]);
    assert_eq!(count(&plan, "exp("), 1, "{plan}");
}

#[test]
fn a_value_that_is_a_function_serves_others() {
    let text =
        format!("{FIELDS}z[i] = W[i,j] x[j]\na[i] = c[i] - sin(z[i])\nb[i] = sin(z[i])\nv[i] = a[i] b[i] sin(z[i])\n");
    let model = build(&text);
    let outputs: Vec<Name> = ["a", "b", "v"].map(Name::from).to_vec();
    agree(&model, &random(&model, BATCH, &mut Dice::new(8)), &outputs, BATCH, 2e-6);
    let plan = planned(&model, &outputs, BATCH, &[]);
    assert!(count(&plan, "sin(") == 1 && count(&plan, "b[12,30] = sin(z)") == 1, "{plan}");
}

#[test]
fn functions_inside_of_shared_ones_are_shared_too() {
    for second in ["exp(sin(z[i]))", "c[i] exp(sin(z[i]))"] {
        let lines = "z[i] = W[i,j] x[j]\na[i] = c[i] - exp(sin(z[i]))\n";
        let model = build(&format!("{FIELDS}{lines}b[i] = {second}\nd[i] = c[i] sin(z[i])\n"));
        let outputs: Vec<Name> = ["a", "b", "d"].map(Name::from).to_vec();
        agree(&model, &random(&model, BATCH, &mut Dice::new(9)), &outputs, BATCH, 2e-6);
        let plan = planned(&model, &outputs, BATCH, &[]);
        assert!(count(&plan, "sin(") == 1 && count(&plan, "exp(") == 1, "{plan}");
    }
}

#[test]
fn functions_of_few_numbers_are_computed_again() {
    let model = build("input x[9]\np[i] = softmax[i](x[i])\n");
    let outputs: Vec<Name> = vec!["p".into()];
    agree(&model, &random(&model, 1, &mut Dice::new(6)), &outputs, 1, 2e-6);
    let plan = planned(&model, &outputs, 1, &[]);
    assert_eq!(count(&plan, "exp("), 2, "{plan}");
}

#[test]
fn what_is_rectified_is_not_kept() {
    let plan = plan_of("z[i] = W[i,j] x[j] + c[i]\na[i] = relu(z[i])\nloss = sum[i] a[i]^3\n", &[]);
    assert!(!keeps(&plan, "z") && count(&plan, "[a > 0]") > 0, "{plan}");
}

#[test]
fn what_is_rectified_is_kept_for_others() {
    let lines = "z[i] = W[i,j] x[j] + c[i]\na[i] = relu(z[i])\nloss = sum[i] a[i]^3 sin(z[i])\n";
    assert!(keeps(&plan_of(lines, &[]), "z"));
    let lines = "z[i] = W[i,j] x[j] + c[i]\na[i] = relu(z[i])\nloss = sum[i] a[i]^3\n";
    assert!(keeps(&plan_of(lines, &["z"]), "z"));
    // Of 0 the two conditions are different.
    for condition in ["z[i] >= 0", "0 <= z[i]", "z[i] > -1", "z[i] = 0"] {
        let lines = "z[i] = min(W[i,j] x[j] + c[i], 0)\na[i] = relu(z[i])\n";
        plan_of(&format!("{lines}loss = sum[i] (z[i] + (1 + a[i])^3 [{condition}])\n"), &[]);
    }
}
