//! The fast path, held to the interpreter.

mod common;

use common::generator::Dice;
use common::{agree, build, close, defined, engine, gradients, pairs, random};
use deltarule_core::meaning;
use deltarule_core::model::LOSS;
use deltarule_core::term::Name;

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
