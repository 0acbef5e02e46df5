//! Claims on the command line: what is printed, and how it ends.

mod common;

use common::{deltarule, message, model_argument, printed};
use std::process::Output;

/// A network with a claim, on the command line.
fn checked(claim: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = format!(
        "input x[3]\ntarget y[2] onehot\nparam W[2,3] ~ he\nz[i] = W[i,j] x[j]\n\
         p[i] = exp(z[i]) / sum[k] exp(z[k])\nloss = -y[i] log(p[i])\n{claim}\n"
    );
    std::fs::write(folder.path().join("model.dr"), text).expect("the model is written");
    let arguments = ["check", "model.dr"].into_iter().chain(more.iter().copied());
    deltarule(arguments).current_dir(folder.path()).output().expect("it runs")
}

#[test]
fn the_chain_of_the_article_is_right() {
    let output = deltarule(["check", &model_argument("article.dr")]).output().expect("it runs");
    let text = printed(&output);
    let claims: String = text
        .lines()
        .filter(|line| line.starts_with("    ") || line.starts_with("  claim"))
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(claims);
}

#[test]
fn a_wrong_claim_is_told_and_ends_with_1() {
    let output = checked("claim ∂loss/∂z[i]\n    = -y[i] + p[i] sum[k] y[k]\n    = p[i] - y[i]", &[]);
    insta::assert_snapshot!(message(&output, 1));
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains("1 claim is wrong") && text.contains("wrong: assumption"), "{text}");
}

#[test]
fn wrong_indices_are_wrong_and_unknown_names_malformed() {
    message(&checked("claim ∂loss/∂W[i,j] = x[i] (p[j] - y[j])", &[]), 1);
    message(&checked("claim ∂loss/∂z[i] = p[j] - y[j]", &[]), 1);
    message(&checked("claim ∂loss/∂z[i] = p[i] - t[i]", &[]), 2);
    message(&checked("claim ∂loss/∂z[i] = p[i] - ", &[]), 2);
}

#[test]
fn json_has_every_line() {
    let output = checked(
        "claim ∂loss/∂z[i] = p[i] sum[k] y[k] - y[i] = p[i] - y[i] given sum[k] y[k] = 1\n    = y[i] - p[i]",
        &["--format", "json"],
    );
    message(&output, 1);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["ok"], false);
    let lines = report["claims"][0]["lines"].as_array().expect("lines");
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["ok"], &lines[0]["exactly"]), (&true.into(), &true.into()));
    assert_eq!(lines[1]["given"][0], "sum[k] y[k] = 1");
    assert_eq!((&lines[2]["ok"], &lines[2]["slip"]), (&false.into(), &"sign".into()));
    assert_eq!(lines[2]["mended"], "p[i] - y[i]");
}

#[test]
fn other_verbs_pass_over_claims() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = "input x[2]\nparam w[2] ~ ones\nloss = (w[i] x[i])^2\nclaim ∂loss/∂w[i] = x[i]\n";
    std::fs::write(folder.path().join("model.dr"), text).expect("the model is written");
    let output = deltarule(["derive", "model.dr"]).current_dir(folder.path()).output().expect("it runs");
    assert!(printed(&output).contains("∂loss/∂w"));
}
