//! Every function of the prelude against its formula.

use super::{GIVEN, Values, build, check, sum};
use deltarule_core::derivation::{derive, verify};
use deltarule_core::model;
use deltarule_core::syntax;

const TESTED: &[&str] = &[
    "softmax",
    "logsoftmax",
    "variance",
    "deviation",
    "sumsquares",
    "norm",
    "layernorm",
    "rmsnorm",
    "crossentropy",
    "softmaxcrossentropy",
    "entropy",
    "kldivergence",
    "mse",
    "mae",
    "bce",
    "logitbce",
    "huber",
    "hinge",
    "leakyrelu",
    "elu",
    "mish",
    "hit",
    "cosine",
];

#[test]
fn every_function_is_tested() {
    let source = model::prelude();
    let tree = syntax::parse(&source).unwrap_or_else(|problems| panic!("{}", problems[0].render(&source)));
    let defined: Vec<String> = tree
        .statements
        .iter()
        .filter_map(|statement| match &statement.kind {
            syntax::tree::StatementKind::Function(definition) => Some(definition.name.text.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(defined, TESTED);
}

/// A tensor without subscripts is a whole argument where a function opens all its axes.
#[test]
fn whole_tensors_are_arguments() {
    let both = "fn both[i,j](A) = A[i,j] - A[j,i]\nfn own[i](u) = softmax[i](u)\nfn scaled[i](z, a) = a z[i]\n\
                fn next[i](z) = z[i+1] - z[i]\n";
    let pairs = [
        ("t[i] = softmax[i](u)", "t[i] = softmax[i](u[i])"),
        ("t[i] = softmax[i]((u))", "t[i] = softmax[i](u[i])"),
        ("t[i] = own[i](u)", "t[i] = softmax[i](u[i])"),
        ("t = mse[i](u, v)", "t = mse[i](u[i], v[i])"),
        ("t = mse[i](u, v[i] + 1)", "t = mse[i](u[i], v[i] + 1)"),
        ("t = cosine[k](u[k], v)", "t = cosine[k](u[k], v[k])"),
        ("t[a,b] = both[a,b](S)", "t[a,b] = S[a,b] - S[b,a]"),
        ("t[b,a] = both[a,b](S)", "t[b,a] = S[a,b] - S[b,a]"),
        ("t[i] = scaled[i](u, v)", "t[i] = v[i] u[i]"),
        ("t[i] = scaled[i](u, c)", "t[i] = c u[i]"),
        ("t = v[i] softmax[i](u)", "t = sum[i] v[i] softmax[i](u[i])"),
        ("t[i:2] = next[i](u)", "t[i:2] = u[i+1] - u[i]"),
        ("t[i] = softmax[i](u) + S[i,j] softmax[j](v)", "t[i] = softmax[i](u[i]) + S[i,j] softmax[j](v[j])"),
    ];
    for (text, other) in pairs {
        let of = |text: &str| {
            let given = "input u[3]\ninput v[3]\ninput S[3,3]\ninput c\n";
            build(&format!("{given}{both}{text}\n")).definition("t").expect("an equation").body.clone()
        };
        assert_eq!(of(text), of(other), "{text}");
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let center = mean(values);
    mean(&values.iter().map(|value| (value - center) * (value - center)).collect::<Vec<_>>())
}

fn softmax(values: &[f64]) -> Vec<f64> {
    let total: f64 = values.iter().map(|value| value.exp()).sum();
    values.iter().map(|value| value.exp() / total).collect()
}

fn row(m: &Values, i: usize) -> Vec<f64> {
    (0..4).map(|j| m.at("A", &[i, j])).collect()
}

#[test]
fn rows() {
    check("t[i,j] = softmax[j](A[i,j])", &[3, 4], |m, at| softmax(&row(m, at[0]))[at[1]]);
    check("t[i,j] = logsoftmax[j](A[i,j])", &[3, 4], |m, at| softmax(&row(m, at[0]))[at[1]].ln());
    check("t[i] = variance[j](A[i,j])", &[3], |m, at| variance(&row(m, at[0])));
    check("t[i] = deviation[j](A[i,j])", &[3], |m, at| variance(&row(m, at[0])).sqrt());
    check("t[i] = sumsquares[j](A[i,j])", &[3], |m, at| row(m, at[0]).iter().map(|a| a * a).sum());
    check("t[i] = norm[j](A[i,j])", &[3], |m, at| row(m, at[0]).iter().map(|a| a * a).sum::<f64>().sqrt());
    check("t[i,j] = layernorm[j](A[i,j])", &[3, 4], |m, at| {
        let row = row(m, at[0]);
        (row[at[1]] - mean(&row)) / (variance(&row) + 1e-5).sqrt()
    });
    check("t[i,j] = rmsnorm[j](A[i,j])", &[3, 4], |m, at| {
        let row = row(m, at[0]);
        row[at[1]] / (mean(&row.iter().map(|a| a * a).collect::<Vec<_>>()) + 1e-5).sqrt()
    });
}

#[test]
fn losses() {
    let p = |m: &Values| softmax(&m.row("w"));
    check("t = crossentropy[c](softmax[c](w[c]), y[c])", &[], |m, _| {
        let truth = m.row("y").iter().position(|&y| y == 1.0).unwrap();
        -p(m)[truth].ln()
    });
    check("t = softmaxcrossentropy[c](w[c], y[c])", &[], |m, _| {
        let truth = m.row("y").iter().position(|&y| y == 1.0).unwrap();
        -p(m)[truth].ln()
    });
    check("t = entropy[c](softmax[c](w[c]))", &[], |m, _| p(m).iter().map(|p| -p * p.ln()).sum());
    check("t = kldivergence[c](softmax[c](w[c]), softmax[c](A[0,c]))", &[], |m, _| {
        softmax(&row(m, 0)).iter().zip(p(m)).map(|(q, p)| q * (q / p).ln()).sum()
    });
    check("t = mse[i](u[i], x[i])", &[], |m, _| sum(3, |i| (m.at("u", &[i]) - m.at("x", &[i])).powi(2)) / 3.0);
    check("t = mae[i](u[i], x[i])", &[], |m, _| sum(3, |i| (m.at("u", &[i]) - m.at("x", &[i])).abs()) / 3.0);
    let probability = |m: &Values, at: &[usize]| 1.0 / (1.0 + (-m.at("u", at)).exp());
    let label = |m: &Values, at: &[usize]| if m.at("v", at) > 0.0 { 1.0 } else { 0.0 };
    let likelihood = |m: &Values, at: &[usize]| {
        let p = probability(m, at);
        if label(m, at) == 1.0 { -p.ln() } else { -(1.0 - p).ln() }
    };
    check("t[i] = bce(sigmoid(u[i]), [v[i] > 0])", &[3], likelihood);
    check("t[i] = logitbce(u[i], [v[i] > 0])", &[3], likelihood);
    check("t[i] = huber(3 u[i], v[i])", &[3], |m, at| {
        let error = (3.0 * m.at("u", at) - m.at("v", at)).abs();
        if error < 1.0 { error * error / 2.0 } else { error - 0.5 }
    });
    check("t[i] = hinge(3 u[i], sign(v[i]))", &[3], |m, at| {
        (1.0 - m.at("v", at).signum() * 3.0 * m.at("u", at)).max(0.0)
    });
}

#[test]
fn activations_and_metrics() {
    check("t[i] = leakyrelu(u[i], 0.1)", &[3], |m, at| {
        let u = m.at("u", at);
        u.max(0.0) + 0.1 * u.min(0.0)
    });
    check("t[i] = elu(u[i], 2)", &[3], |m, at| {
        let u = m.at("u", at);
        u.max(0.0) + 2.0 * (u.min(0.0).exp() - 1.0)
    });
    check("t[i] = mish(u[i])", &[3], |m, at| {
        let u = m.at("u", at);
        u * (1.0 + u.exp()).ln().tanh()
    });
    check("t = hit[c](w[c], y[c])", &[], |m, _| {
        let first = |row: Vec<f64>| (0..4).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
        f64::from(u8::from(first(m.row("w")) == first(m.row("y"))))
    });
    check("t = cosine[i](u[i], v[i])", &[], |m, _| {
        let dot = |a: &str, b: &str| sum(3, |i| m.at(a, &[i]) * m.at(b, &[i]));
        dot("u", "v") / (dot("u", "u") * dot("v", "v")).sqrt()
    });
}

/// Every function that has a gradient, as a scalar of the parameters `A`, `w`, `u` and `v`.
const SCALARS: &[&str] = &[
    "sum[i,j] softmax[j](A[i,j])^2 + w[0]",
    "sum[i] (softmax[j](A[i,j]) w[j] + layernorm[j](A[i,j]) w[j])^2",
    "sum[i,j] logsoftmax[j](A[i,j]) w[j]",
    "sum[i] variance[j](A[i,j])^2",
    "sum[i] deviation[j](A[i,j]) u[i]",
    "sumsquares[i](u[i]) norm[j](w[j])",
    "sum[i] (layernorm[j](A[i,j]) w[j])^3",
    "sum[i] (rmsnorm[j](A[i,j]) w[j])^2",
    "crossentropy[c](softmax[c](w[c]), y[c])",
    "softmaxcrossentropy[c](w[c], y[c])",
    "entropy[c](softmax[c](w[c]))",
    "kldivergence[c](softmax[c](w[c]), softmax[c](A[0,c]))",
    "mse[i](u[i], v[i])",
    "mae[i](u[i], v[i])",
    "sum[i] bce(sigmoid(u[i]), [v[i] > 0])",
    "sum[i] logitbce(u[i], [v[i] > 0])",
    "sum[i] huber(3 u[i], v[i])",
    "sum[i] hinge(u[i] v[i], 1)",
    "sum[i] leakyrelu(u[i], 0.1) elu(v[i], 2)",
    "sum[i] mish(u[i])",
    "cosine[i](u[i], v[i])",
];

#[test]
fn gradients_pass_their_check() {
    for scalar in SCALARS {
        let model = build(&format!("{GIVEN}loss = {scalar}\n"));
        let wrt: Vec<_> = ["A", "w", "u", "v"].into_iter().map(Into::into).collect();
        let backward = derive(&model, "loss", &wrt).unwrap_or_else(|error| panic!("{scalar}: {error:?}"));
        let points: Vec<_> = (1..3).map(|seed| Values::of(&model, seed).given(&model)).collect();
        if let Err(error) = verify(&backward, &points) {
            panic!("{scalar}: {error:?}");
        }
    }
}
