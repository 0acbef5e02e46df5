//! Sums in which a condition on positions keeps one factor from counting, as in causal attention: they
//! are matrix products, and what the condition keeps out is exactly 0, even where it is not finite.

use crate::bits;
use crate::common::generator::Dice;
use crate::common::{Given, agree, build, defined, engine, gradients, pairs, planned, random};
use deltarule_core::meaning;
use deltarule_core::model::Model;
use deltarule_core::plan::{Doubt, Operation, Plan};
use deltarule_core::term::Name;

/// Masks of several forms, which the matrix `P` sees and the others do not.
fn masked(rows: usize, columns: usize, width: usize) -> String {
    format!(
        "input P[{rows}, {columns}]
input R[{rows}, {width}]
param X[{columns}, {width}] ~ normal(0, 1)
causal[q, e] = sum[k] where(k <= q, X[k,e] P[q,k], 0)
strict[q, e] = 3 sum[k] [k < q] X[k,e] P[q,k]
band[q, e]   = sum[k] [k <= q] [q <= k + 2] X[k,e] P[q,k]^2
back[k, e]   = sum[q] where(2 * k <= q + 1, P[q,k] R[q,e], 0)
loss = sum[q, e] (causal[q,e] + band[q,e]) R[q,e]
"
    )
}

const MASKED: [&str; 4] = ["causal", "strict", "band", "back"];

fn guarded(plan: &Plan) -> usize {
    plan.operations.iter().filter(|operation| matches!(operation, Operation::Guarded(_))).count()
}

/// Small integers, whose sums are exact, and here and there what is not finite.
fn values(model: &Model, batch: usize, dice: &mut Dice, poisoned: usize) -> Given {
    let mut given = random(model, batch, dice);
    for array in given.values_mut() {
        array.values.iter_mut().for_each(|value| *value = dice.below(7) as f64 - 3.0);
        for _ in 0..dice.below(poisoned + 1) {
            let place = dice.below(array.values.len());
            array.values[place] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][dice.below(3)];
        }
    }
    given
}

#[test]
fn masked_sums_are_products() {
    for name in MASKED {
        let plan = planned(&build(&masked(8, 9, 5)), &[name.into()], 3, &[]);
        assert_eq!(guarded(&plan), 1, "{name}\n{plan}");
    }
    let conditional = "input P[8, 9]\nparam X[9, 5] ~ zeros\ny[e] = sum[q, k] [k <= q] X[k,e] P[q,k]\n";
    let plan = planned(&build(conditional), &["y".into()], 3, &[]);
    assert_eq!(guarded(&plan), 0, "what is summed beforehand does not see the mask\n{plan}");
    let model = build(conditional);
    agree(&model, &values(&model, 2, &mut Dice::new(5), 3), &["y".into()], 2, 0.0);
}

#[test]
fn what_a_mask_keeps_out_does_not_count() {
    let mut dice = Dice::new(11);
    for _ in 0..40 {
        let [rows, columns, width] = [1 + dice.below(40), 1 + dice.below(40), 1 + dice.below(20)];
        let backward = gradients(&build(&masked(rows, columns, width)));
        for poisoned in [0, 3] {
            let batch = [1, 4][dice.below(2)];
            let given = values(&backward.model, batch, &mut dice, poisoned);
            agree(&backward.model, &given, &defined(&backward.model), batch, 0.0);
        }
    }
}

/// Rows that never see the last of what is summed over are numbers, though it is NaN.
#[test]
fn a_future_that_is_not_a_number_stays_out() {
    let model = build(&masked(20, 33, 4));
    let mut given = values(&model, 1, &mut Dice::new(2), 0);
    given.get_mut("X").unwrap().values[20 * 4..].fill(f64::NAN);
    given.get_mut("P").unwrap().values[32] = f64::INFINITY;
    let names: Vec<Name> = MASKED.map(Name::from).to_vec();
    agree(&model, &given, &names, 1, 0.0);
    assert_eq!(bits(&model, &given, &names, 1, 1), bits(&model, &given, &names, 1, 3));
    let mut engine = engine(&model, &given, &names, 1, &[]);
    engine.run(0.0);
    assert!(engine.tensor("causal").unwrap().iter().all(|value| value.is_finite()));
}

#[test]
fn a_step_by_a_masked_gradient() {
    let backward = gradients(&build(&masked(13, 9, 6)));
    let pairs = pairs(&backward.model);
    let (parameter, gradient) = &pairs[0];
    for poisoned in [0, 4] {
        let given = values(&backward.model, 2, &mut Dice::new(9), poisoned);
        let expected = &meaning::run(&backward.model, &given, std::slice::from_ref(gradient)).unwrap()[gradient];
        let mut engine = engine(&backward.model, &given, &[], 2, &pairs);
        engine.run(0.5);
        let before = &given[parameter].values;
        let after: Vec<f64> = before.iter().zip(&expected.values).map(|(w, g)| w - 0.5 * g).collect();
        crate::common::close(parameter, engine.tensor(parameter).unwrap(), &after, 1e-6, engine.plan());
    }
}

#[test]
fn a_guarded_product_with_another_loop_is_refused() {
    let good = planned(&build(&masked(8, 9, 5)), &["causal".into(), "back".into()], 3, &[]);
    let changes: [fn(&mut deltarule_core::plan::Guarded); 3] = [
        |guarded| (guarded.doubt, guarded.product.descends) = (Doubt::Results, true),
        |guarded| (guarded.doubt, guarded.walk.reads[0].place) = (Doubt::Results, guarded.product.places[2]),
        |guarded| guarded.walk.stores.clear(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut plan = good.clone();
        let mut found = plan.operations.iter_mut();
        let first = found.find_map(|operation| match operation {
            Operation::Guarded(guarded) => Some(guarded),
            _ => None,
        });
        change(first.unwrap());
        assert!(plan.verify().is_err(), "change {number}");
    }
}

/// Windows that leave their tensors, as products of copies with zeros around them.
const PADDED: &str = "input x[2, 6, 5]
param K[4, 2, 3, 3] ~ normal(0, 1)
param L[3, 4, 2, 3] ~ normal(0, 1)
param s[2, 6] ~ normal(0, 1)
param m[2, 3] ~ normal(0, 1)
p[o, r:6, t:5] = sum[c,u:3,v:3] K[o,c,u,v] pad(x)[c, r+u-1, t+v-1]
q[o, r:3, t:3] = sum[c,u:3,v:3] K[o,c,u,v] pad(x)[c, 2*r+u-1, 2*t+v-1] m[c,u]
w[o, r:2, t:2] = sum[c,u:2,v:3] L[o,c,u,v] pad(p)[c, 3*r+2*u-1, 2*t+2*v-2]
z[o, r:6] = sum[c,u:3] s[c,r] K[o,c,u,0] pad(x)[c, r+u-1, 0]
y[r:6] = sum[c,u:3] s[c,r] pad(x)[c, r+u-1, 0]
loss = sum[o,r,t] q[o,r,t] + sum[o,r,t] abs(p[o,r,t]) + sum[o,r,t] w[o,r,t] + sum[o,r] z[o,r] + sum[r] y[r]
";

#[test]
fn what_lies_outside_does_not_count() {
    let backward = gradients(&build(PADDED));
    assert!(guarded(&planned(&backward.model, &defined(&backward.model), 3, &[])) > 3);
    let mut dice = Dice::new(12);
    for round in 0..60 {
        let mut given = values(&backward.model, [1, 4][round % 2], &mut dice, [0, 1, 4][round % 3]);
        // A common factor that is infinite may be multiplied after a sum, which then has another value.
        let whole = |value: &mut f64| *value = if value.is_infinite() { f64::NAN } else { *value };
        given.values_mut().flat_map(|array| &mut array.values).for_each(whole);
        agree(&backward.model, &given, &defined(&backward.model), [1, 4][round % 2], 0.0);
    }
}

/// Products that add a bias, apply `relu` and take steps themselves do the same where something is not finite.
#[test]
fn products_with_endings_and_steps_keep_out_what_lies_outside() {
    let text = "input x[2, 24, 24]
param K[32, 2, 3, 3] ~ normal(0, 1)
param b[32] ~ zeros
param L[32, 32, 3] ~ normal(0, 1)
a[o, r:24, t:24] = relu(K[o,c,u,v] pad(x)[c, r+u-1, t+v-1] + b[o])
d[o, r:24, t:24] = relu(L[o,c,u] pad(a)[c, r+u-1, t])
loss = sum[o,r,t] d[o,r,t]
";
    let backward = gradients(&build(text));
    let pairs = pairs(&backward.model);
    let names: Vec<Name> = pairs.iter().map(|(_, gradient)| gradient.clone()).collect();
    let mut dice = Dice::new(13);
    for (round, poisoned) in [0, 0, 1, 1, 1, 2].into_iter().enumerate() {
        let mut given = values(&backward.model, 1, &mut dice, 0);
        for _ in 0..poisoned {
            let name: Name = ["K", "b", "L"][dice.below(3)].into();
            let array = given.get_mut(&name).unwrap();
            let place = dice.below(array.values.len());
            array.values[place] = [f64::NAN, f64::INFINITY][dice.below(2)];
        }
        let expected = meaning::run(&backward.model, &given, &names).unwrap();
        let mut engine = engine(&backward.model, &given, &[], 1, &pairs);
        if round == 0 {
            let mut products = engine.plan().operations.iter().filter_map(|operation| match operation {
                Operation::Guarded(guarded) => Some(&guarded.product),
                _ => None,
            });
            let is_used = |product: &deltarule_core::plan::Product| (product.ending.rectifies, product.descends);
            let used: Vec<(bool, bool)> = products.by_ref().map(is_used).collect();
            assert!(used.contains(&(true, false)) && used.contains(&(false, true)), "{}", engine.plan());
        }
        engine.run(0.5);
        for (parameter, gradient) in &pairs {
            let before = &given[parameter].values;
            let after: Vec<f64> = before.iter().zip(&expected[gradient].values).map(|(w, g)| w - 0.5 * g).collect();
            crate::common::close(parameter, engine.tensor(parameter).unwrap(), &after, 1e-6, engine.plan());
        }
    }
}
