//! Tensors that read themselves: their terms and their order.

use super::build;
use super::{Values, positions};
use deltarule_core::model::{Model, Recurrence};
use deltarule_core::term::Term;

fn body(text: &str, name: &str) -> Term {
    build(text).definition(name).expect("an equation").body.clone()
}

fn order(model: &Model, name: &str) -> Option<Recurrence> {
    model.definition(name).expect("an equation").recurrence(name)
}

#[track_caller]
fn same(text: &str, other: &str) {
    assert_eq!(body(text, "h"), body(other, "h"), "{text}");
}

const GIVEN: &str = "input x[5,3]\ninput s[5]\ninput g[3]\nparam U[3,3] ~ zeros\nparam b[3] ~ zeros\n";

fn given(text: &str) -> String {
    format!("{GIVEN}{text}")
}

#[test]
fn a_boundary_is_a_branch_of_the_equation() {
    same(
        &given("h[t:-1,i] = 0\nh[t,i] = tanh(x[t,i] + U[i,j] h[t-1,j])"),
        &given("h[t,i] = tanh(x[t,i] + U[i,j] [t >= 1] h[t-1,j])"),
    );
    same(
        &given("h[t:-1,i] = g[i]\nh[t,i] = tanh(x[t,i] + U[i,j] h[t-1,j])"),
        &given("h[t,i] = tanh(x[t,i] + U[i,j] where(t - 1 >= 0, h[t-1,j], g[j]))"),
    );
    same(
        &given("h[t:-1] = 1\nh[t:-2] = s[4]\nh[t:-3] = t\nh[t] = s[t] + h[t-3] h[t-1]"),
        &given(
            "h[t] = s[t] + where(t-3 >= 0, h[t-3], where(t-3 = -1, 1, where(t-3 = -2, s[4], -3))) where(t-1 >= 0, h[t-1], 1)",
        ),
    );
    same(
        &given("h[t:-1] = 0\nh[t:-2] = 0\nh[t] = s[t] + h[t-1] + h[t-2]"),
        &given("h[t] = s[t] + [t >= 1] h[t-1] + [t >= 2] h[t-2]"),
    );
    // The boundary sums inside, with its own letters.
    same(
        &given("h[t:-1,i] = U[i,j] g[j]\nh[t,i] = x[t,i] + U[i,j] h[t-1,j]"),
        &given("h[t,i] = x[t,i] + U[i,j] where(t-1 >= 0, h[t-1,j], sum[k] U[j,k] g[k])"),
    );
    // The ranges of the other axes may be written out.
    same(&given("h[t:-1,i:3] = 1\nh[t,i] = x[t,i] + h[t-1,i]"), &given("h[t:-1,i] = 1\nh[t,i] = x[t,i] + h[t-1,i]"));
    same(
        &given("h[t:-1,i:3] = i g[i]\nh[t:5,i:3] = h[t-1,2-i]"),
        &given("h[t,i:3] = where(t-1 >= 0, h[t-1,2-i], (2-i) g[2-i])").replace("h[t,i:3]", "h[t:5,i:3]"),
    );
    // A padded read.
    same(&given("h[t] = s[t] + pad(h)[t-1]"), &given("h[t] = s[t] + [0 <= t-1] h[t-1]"));
    same(&given("h[t] = s[t] + pad(h, 2)[t-1]"), &given("h[t] = s[t] + where(0 <= t-1, h[t-1], 2)"));
}

/// What stands before the first entry stands there for every reader: other equations, metrics, padded reads.
#[test]
fn a_boundary_is_there_for_all_that_read_the_tensor() {
    // The tensor of the other side has no boundary.
    let below = |boundary: &str, equation: &str, other: &str| {
        let with = format!("{GIVEN}{boundary}\nh[t] = s[t] + h[t-1]\n{equation}");
        let without = format!("{GIVEN}h[t] = 2 s[t]\n{other}");
        assert_eq!(body(&with, "e"), body(&without, "e"), "{equation}");
    };
    let two = "h[t:-1] = 7\nh[t:-2] = s[4]";
    below("h[t:-1] = 0", "e[t] = s[t] h[t-1]", "e[t] = s[t] [t >= 1] h[t-1]");
    below("h[t:-1] = 7", "e[t] = s[t] h[t-1]", "e[t] = s[t] where(t-1 >= 0, h[t-1], 7)");
    below(two, "e[t] = s[t] h[t-2]", "e[t] = s[t] where(t-2 >= 0, h[t-2], where(t-2 = -1, 7, s[4]))");
    below(two, "e[t:3] = s[t] h[3-2*t]", "e[t:3] = s[t] where(3-2*t >= 0, h[3-2*t], where(3-2*t = -1, 7, s[4]))");
    below(two, "e = h[-1] + h[-2]", "e = 7 + s[4]");
    below(two, "e[t] = s[t] h[t]", "e[t:5] = s[t] h[t]");
    // Padding stands where the boundary does not.
    below("h[t:-1] = 0", "e[t:5] = pad(h)[t-2]", "e[t:5] = [0 <= t-2] h[t-2]");
    below(two, "e[t:5] = pad(h)[t-3]", "e[t:5] = [0 <= t-3] h[t-3] + 7 [t-3 = -1] + s[4] [t-3 = -2]");
    below(
        two,
        "e[t:5] = pad(h, 9)[t-3]",
        "e[t:5] = where(0 <= t-3, h[t-3], where(t-3 = -1, 7, where(t-3 = -2, s[4], 9)))",
    );
    // What is no recurrence may have one.
    let plain = |text: &str| body(&format!("{GIVEN}{text}"), "e");
    assert_eq!(
        plain("v[t:-1] = 7\nv[t] = 2 s[t]\ne[t] = v[t] - v[t-1]"),
        plain("v[t] = 2 s[t]\ne[t] = v[t] - where(t-1 >= 0, v[t-1], 7)")
    );
    // Inside its own equation too.
    same(&given("h[t:-1] = 7\nh[t] = s[t] + pad(h)[t-2]"), &given("h[t] = s[t] + [0 <= t-2] h[t-2] + 7 [t-2 = -1]"));
    // The other axes must be inside.
    same(
        &given("h[t:-1,i] = g[i]\nh[t,i] = x[t,i] + pad(h)[t-1,i+1]"),
        &given("h[t,i] = x[t,i] + [0 <= t-1] [i+1 < 3] h[t-1,i+1] + [t-1 = -1] [i+1 < 3] g[i+1]"),
    );
}

#[test]
fn the_order_is_found_from_the_reads() {
    let forward = |axis| Some(Recurrence { axis, backward: false });
    let backward = |axis| Some(Recurrence { axis, backward: true });
    let find = |text: &str| order(&build(&given(text)), "h");
    assert_eq!(find("h[t:-1,i] = 0\nh[t,i] = x[t,i] + h[t-1,i]"), forward(0));
    assert_eq!(find("h[t:-1,i] = 0\nh[t,i] = x[t,i] + U[i,j] h[t-1,j]"), forward(0));
    assert_eq!(find("h[i,t:-1] = 0\nh[i,t] = x[t,i] + U[i,j] h[j,t-1]"), forward(1));
    assert_eq!(find("h[t] = s[t] + [t < 4] h[t+1]"), backward(0));
    assert_eq!(find("h[t] = s[t] + where(t = 4, 1, h[t+1])"), backward(0));
    assert_eq!(find("h[t] = s[t] + pad(h)[t+2] + pad(h)[t+1]"), backward(0));
    // On the second axis the reads differ, on the first they are all earlier.
    assert_eq!(find("h[t,i] = x[t,i] + pad(h)[t-1,i+1] + pad(h)[t-1,i-1]"), forward(0));
    assert_eq!(find("h[t,i] = x[t,i] + pad(h)[t,i-1] + pad(h)[t-1,i-1]"), forward(1));
    assert_eq!(find("h[t] = s[t]"), None);
}

#[test]
fn a_single_step_has_no_earlier_one() {
    let model = build("input x[1,3]\nh[t:-1,i] = 2\nh[t,i] = x[t,i] + h[t-1,i]");
    assert_eq!(order(&model, "h"), None);
    same("input x[1,3]\nh[t:-1,i] = 2\nh[t,i] = x[t,i] + h[t-1,i]", "input x[1,3]\nh[t,i] = x[t,i] + 2");
    same("input x[1,3]\nh[t:-1,i] = 0\nh[t,i] = x[t,i] + h[t-1,i]", "input x[1,3]\nh[t,i] = x[t,i]");
}

/// Holds the tensor `h` of a text to values found step by step: those found so far are given.
#[track_caller]
fn steps(text: &str, expected: impl Fn(&Values, &[f64], &[usize]) -> f64) {
    let model = build(&given(text));
    let shape = model.tensor("h").expect("h").shape.clone();
    for seed in 1..4 {
        let values = Values::of(&model, seed);
        let mut found = Vec::new();
        for at in positions(&shape) {
            let wanted = expected(&values, &found, &at);
            let value = values.at("h", &at);
            assert!(
                (value - wanted).abs() <= 1e-12 * wanted.abs().max(1.0),
                "h{at:?} is {value}, not {wanted}: {text}"
            );
            found.push(wanted);
        }
    }
}

#[test]
fn entries_are_found_step_by_step() {
    steps("h[t:-1,i] = 0\nh[t,i] = tanh(x[t,i] + U[i,j] h[t-1,j] + b[i])", |m, h, at| {
        let before = |j: usize| if at[0] == 0 { 0.0 } else { h[3 * (at[0] - 1) + j] };
        (m.at("x", at) + (0..3).map(|j| m.at("U", &[at[1], j]) * before(j)).sum::<f64>() + m.at("b", &[at[1]])).tanh()
    });
    steps("h[t:-1,i] = g[i]\nh[t,i] = x[t,i] h[t-1,i]", |m, h, at| {
        m.at("x", at) * if at[0] == 0 { m.at("g", &[at[1]]) } else { h[3 * at[0] + at[1] - 3] }
    });
    steps("h[n:-1] = 1\nh[n:-2] = 0\nh[n:12] = h[n-1] + h[n-2]", |_, h, at| {
        let n = at[0];
        if n < 2 { [1.0, 2.0][n] } else { h[n - 1] + h[n - 2] }
    });
    steps("h[t] = s[t] + [t > 0] h[t-1]", |m, h, at| m.at("s", at) + h.last().copied().unwrap_or(0.0));
    steps("h[t] = where(t = 0, s[0], max(h[t-1], s[t]))", |m, h, at| {
        h.last().map_or(m.at("s", &[0]), |last| last.max(m.at("s", at)))
    });
    steps("h[t] = s[t] + pad(h)[t+1]", |m, _, at| (at[0]..5).map(|t| m.at("s", &[t])).sum());
}

#[test]
fn tensors_may_be_found_together() {
    let text = "h[t:-1,i] = 0\nc[t:-1,i] = g[i]\nf[t,i] = sigmoid(x[t,i] + U[i,j] h[t-1,j])\n\
                c[t,i] = f[t,i] c[t-1,i] + (1 - f[t,i]) tanh(x[t,i] + h[t-1,i])\n\
                h[t,i] = f[t,i] tanh(c[t,i])";
    let model = build(&given(text));
    assert!(["f", "c", "h"].iter().all(|name| model.tensor(name).unwrap().per_example));
    let values = Values::of(&model, 3);
    let (mut h, mut c) = ([0.0; 3], [0, 1, 2].map(|i| values.at("g", &[i])));
    for t in 0..5 {
        let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
        let gate =
            |i: usize| sigmoid(values.at("x", &[t, i]) + (0..3).map(|j| values.at("U", &[i, j]) * h[j]).sum::<f64>());
        let f = [0, 1, 2].map(gate);
        c = [0, 1, 2].map(|i| f[i] * c[i] + (1.0 - f[i]) * (values.at("x", &[t, i]) + h[i]).tanh());
        h = [0, 1, 2].map(|i| f[i] * c[i].tanh());
        for i in 0..3 {
            assert!((values.at("h", &[t, i]) - h[i]).abs() < 1e-12);
            assert!((values.at("c", &[t, i]) - c[i]).abs() < 1e-12);
        }
    }
    // What depends on data only by way of a later equation.
    let model = build(&given("h[t:-1] = 0\nf[t:5] = 2 h[t-1]\nq = f[0]\nh[t] = f[t] + s[t]"));
    assert!(["f", "h", "q"].iter().all(|name| model.tensor(name).unwrap().per_example));
}

#[test]
fn ranges_come_from_the_other_reads() {
    let shape = |text: &str| build(&given(text)).tensor("h").expect("h").shape.clone();
    assert_eq!(shape("h[t:-1,i] = 0\nh[t,i] = s[t] + U[i,j] h[t-1,j]"), [5, 3]);
    assert_eq!(shape("h[t:-1,i] = g[i]\nh[t,i] = s[t] + h[t-1,i]"), [5, 3]);
    assert_eq!(shape("h[t:-1] = 1\nh[t:7] = 2 h[t-1]"), [7]);
    assert_eq!(shape("h[t:-1] = 1\nh[t] = h[t-1] + s[2*t]"), [3]);
}
