//! Maps of the results of a product that the product does itself.

use crate::common::generator::Dice;
use crate::common::{agree, build, gradients, pairs, planned, random};
use deltarule_core::model::LOSS;
use deltarule_core::plan::{Bias, Ending, Operation, Plan, Product};
use deltarule_core::term::Name;

/// Enough results that a map of them would find them in no near cache.
const BATCH: usize = 128;

/// The endings of a plan, in order, after results were held to the interpreter.
fn endings(text: &str, outputs: &[&str]) -> (Vec<Ending>, Plan) {
    let model = build(text);
    let outputs: Vec<Name> = outputs.iter().map(|name| Name::from(*name)).collect();
    agree(&model, &random(&model, BATCH, &mut Dice::new(3)), &outputs, BATCH, 5e-6);
    let plan = planned(&model, &outputs, BATCH, &[]);
    (endings_of(&plan), plan)
}

fn endings_of(plan: &Plan) -> Vec<Ending> {
    let ending = |operation: &Operation| match operation {
        Operation::Product(product) if product.ending != Ending::default() => Some(product.ending),
        _ => None,
    };
    plan.operations.iter().filter_map(ending).collect()
}

const LAYER: &str = "input x[20]\nparam W[150, 20] ~ glorot\nparam c[150] ~ normal(0, 1)\nz[i] = W[i,j] x[j]";

#[test]
fn a_bias_and_a_rectifier_belong_to_the_product() {
    let (found, plan) = endings(&format!("{LAYER} + c[i]\na[i] = relu(z[i])\n"), &["a"]);
    assert!(plan.operations.len() == 1 && found.len() == 1, "{plan}");
    assert!(found[0].rectifies && found[0].bias.is_some_and(|bias| !bias.by_rows), "{plan}");
    let (found, plan) = endings(&format!("{LAYER}\na[i] = relu(z[i])\n"), &["a"]);
    assert!(found.len() == 1 && found[0].rectifies && found[0].bias.is_none(), "{plan}");
    let (found, plan) = endings(&format!("{LAYER} + c[i]\n"), &["z"]);
    assert!(found.len() == 1 && !found[0].rectifies && found[0].bias.is_some(), "{plan}");
}

#[test]
fn a_bias_may_belong_to_the_rows() {
    let text = "input X[20, 128]\nparam W[150, 20] ~ glorot\nparam c[150] ~ normal(0, 1)\na[i,t] = relu(W[i,j] X[j,t] + c[i])\n";
    let model = build(text);
    let outputs: Vec<Name> = vec!["a".into()];
    agree(&model, &random(&model, 1, &mut Dice::new(4)), &outputs, 1, 5e-6);
    let plan = planned(&model, &outputs, 1, &[]);
    let found = endings_of(&plan);
    assert!(found.len() == 1 && found[0].bias.is_some_and(|bias| bias.by_rows), "{plan}");
}

#[test]
fn what_does_not_count_is_left_out_by_the_product() {
    let text = format!("{LAYER} + c[i]\na[i] = relu(z[i])\nb[i] = where(a[i] > 0, W[i,j] x[j]^2, 0)\n");
    let (found, plan) = endings(&text, &["a", "b"]);
    assert!(found.iter().any(|ending| ending.positive.is_some()), "{plan}");
}

#[test]
fn layers_are_trained_with_endings() {
    let text = format!(
        "{LAYER} + c[i]\na[i] = relu(z[i])\nparam V[140, 150] ~ glorot\nparam d[140] ~ normal(0, 1)\n\
         u[i] = relu(V[i,j] a[j] + d[i])\nloss = sum[i] u[i]^3\n"
    );
    let model = gradients(&build(&text)).model;
    let pairs = pairs(&model);
    let outputs: Vec<Name> = std::iter::once(LOSS.into()).chain(pairs.iter().map(|(_, name)| name.clone())).collect();
    agree(&model, &random(&model, BATCH, &mut Dice::new(5)), &outputs, BATCH, 5e-6);
    let plan = planned(&model, &[LOSS.into()], BATCH, &pairs);
    assert_eq!(endings_of(&plan).iter().filter(|ending| ending.rectifies).count(), 2, "{plan}");
}

#[test]
fn results_that_others_need_are_kept() {
    // As an output, by another task, in another order of its axes, moved along the bias, with another condition.
    for (lines, outputs) in [
        (" + c[i]\na[i] = relu(z[i])\n", &["z", "a"][..]),
        ("\na[i] = relu(z[i]) + 1\nb[i] = z[i]^2\n", &["a", "b"]),
        ("\na[i] = relu(z[149 - i])\n", &["a"]),
        (" + c[149 - i]\n", &["z"]),
        ("\na[i] = where(z[i] > 0, 1, z[i])\n", &["a"]),
        ("\na[i] = where(c[i] > 0, z[i], 0)\n", &["a"]),
        ("\na[i] = where(c[i] > 0, z[i], 1)\n", &["a"]),
    ] {
        let (found, plan) = endings(&format!("{LAYER}{lines}"), outputs);
        let is_late = |ending: &Ending| ending.rectifies || ending.positive.is_some();
        assert!(!found.iter().any(is_late), "{plan}");
        assert!(found.iter().all(|ending| ending.bias.is_some()) && found.len() <= 1, "{plan}");
    }
}

#[test]
fn a_wrong_ending_is_refused() {
    let (_, plan) = endings(&format!("{LAYER} + c[i]\na[i] = relu(z[i])\n"), &["a"]);
    let place = |name: &str| plan.places.iter().position(|place| &*place.name == name).unwrap();
    let changed = |change: &dyn Fn(&mut Product)| {
        let mut plan = plan.clone();
        let Operation::Product(product) = &mut plan.operations[0] else { panic!("{plan}") };
        change(product);
        plan.verify()
    };
    let bias = |place, offset, by_rows| Some(Bias { place, offset, by_rows });
    assert_eq!(changed(&|_| ()), Ok(()));
    let (own, target) = (place("c"), place("a"));
    for wrong in [bias(own, 1, false), bias(own, -1, false), bias(target, 0, false), bias(plan.places.len(), 0, false)]
    {
        assert!(changed(&|product| product.ending.bias = wrong).is_err(), "{wrong:?}");
    }
    for wrong in [target, own] {
        assert!(changed(&|product| product.ending.positive = Some(wrong)).is_err(), "{wrong}");
    }
    assert!(changed(&|product| product.descends = true).is_err());
}
