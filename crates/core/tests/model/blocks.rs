//! `for` blocks: the same model as the one written by hand.

use super::{build, check, sum, try_build};
use deltarule_core::model::{Model, Role};

/// The names and definitions of a model, and the shapes and roles of the rest.
fn parts(model: &Model) -> Vec<String> {
    let part = |tensor: &deltarule_core::model::Tensor| match &tensor.role {
        Role::Defined(definition) => format!("{} {:?} {:?}", tensor.name, tensor.shape, definition.body),
        role => format!("{} {:?} {role:?}", tensor.name, tensor.shape),
    };
    model.tensors.iter().map(part).collect()
}

#[track_caller]
fn same(block: &str, by_hand: &str) {
    assert_eq!(parts(&build(block)), parts(&build(by_hand)), "{block}");
}

#[test]
fn a_block_is_written_out() {
    same(
        "size h = 3\ninput a0[h]\nfor l in 1..3:\n    param W{l}[h,h] ~ he\n    param b{l}[h] ~ zeros\n    a{l}[i] = relu(W{l}[i,j] a{l-1}[j] + b{l}[i])\nloss = sum[i] a3[i]^2",
        "size h = 3\ninput a0[h]\nparam W1[h,h] ~ he\nparam b1[h] ~ zeros\na1[i] = relu(W1[i,j] a0[j] + b1[i])\n\
         param W2[h,h] ~ he\nparam b2[h] ~ zeros\na2[i] = relu(W2[i,j] a1[j] + b2[i])\n\
         param W3[h,h] ~ he\nparam b3[h] ~ zeros\na3[i] = relu(W3[i,j] a2[j] + b3[i])\nloss = sum[i] a3[i]^2",
    );
    same("for l in 2..1:\n    param W{l} ~ he\nparam q ~ zeros", "param q ~ zeros");
    same("for l in 1..0:\n    param W{l} ~ he\nparam q ~ zeros", "param q ~ zeros");
    same("for l in 0..0:\n    param W{l} ~ zeros", "param W0 ~ zeros");
    same("for l in 1..2:\n    param W{l}b{2*l+1}' ~ zeros", "param W1b3' ~ zeros\nparam W2b5' ~ zeros");
}

#[test]
fn bounds_are_made_of_sizes_and_counters() {
    same(
        "size L = 3\nfor l in L-1..L:\n    param W{l} ~ zeros\n    param V{L-l} ~ zeros",
        "size L = 3\nparam W2 ~ zeros\nparam V1 ~ zeros\nparam W3 ~ zeros\nparam V0 ~ zeros",
    );
    same(
        "for l in 1..2:\n    size n{l} = 2^l\n    for m in 1..l:\n        param W{l}x{m}[n{l}, m] ~ zeros",
        "size n1 = 2\nparam W1x1[n1,1] ~ zeros\nsize n2 = 4\nparam W2x1[n2,1] ~ zeros\nparam W2x2[n2,2] ~ zeros",
    );
}

#[test]
fn the_counter_is_a_number() {
    check("for l in 1..3:\n    z{l}[i] = l u[i] + C[i,l-1]\nt[i] = z1[i] + z3[i]", &[3], |m, at| {
        4.0 * m.at("u", at) + m.at("C", &[at[0], 0]) + m.at("C", &[at[0], 2])
    });
    check("for l in 1..2:\n    fn f{l}(x) = x^l\n    z{l} = sum[i] [i <= l] u[i]\nt = f2(z1) - f1(z2)", &[], |m, _| {
        sum(2, |i| m.at("u", &[i])).powi(2) - sum(3, |i| m.at("u", &[i]))
    });
    check("for l in -1..-1:\n    t = 2 l^2 - l", &[], |_, _| 3.0);
}

#[test]
fn too_much_is_refused() {
    for text in [
        "for l in 1..10001:\n    param W{l} ~ zeros",
        "for l in 1..1000:\n    for m in 1..1000:\n        param W{l}x{m} ~ zeros",
        "for l in -9223372036854775807..9223372036854775807:\n    param W{l} ~ zeros",
        &format!("for l in 1..2000:\n    z{{l}} = {}", vec!["1"; 2000].join(" + ")),
    ] {
        let (source, model) = try_build(text);
        let problems = model.map(|_| ()).expect_err("too much");
        assert_eq!(problems.len(), 1, "{}", problems[0].render(&source));
        assert!(problems[0].message.contains("too often"), "{}", problems[0].message);
    }
}
