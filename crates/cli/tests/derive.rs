//! `derive` and `check`, as a user runs them.

mod common;

use common::{deltarule, message, model_argument, printed};
use serde_json::Value;

const MODELS: [&str; 5] = ["digits", "article-mse", "logistic", "factorisation", "attention"];

fn run(arguments: &[&str]) -> String {
    printed(&deltarule(arguments.iter().copied()).output().expect("it runs"))
}

#[test]
fn the_models_are_derived_as_ever() {
    for name in MODELS {
        let path = model_argument(&format!("{name}.dr"));
        let text = run(&["derive", &path]);
        // The sizes of rounding errors differ from processor to processor.
        let lasting = text.split("Every line was evaluated").next().expect("text").to_string();
        assert!(text.len() > lasting.len());
        insta::assert_snapshot!(format!("derive_{name}"), lasting);
    }
}

/// The equations of the article, in both notations.
#[test]
fn the_equations_of_the_article_come_out() {
    let digits = model_argument("digits.dr");
    let json: Value = serde_json::from_str(&run(&["derive", &digits, "--format", "json"])).expect("JSON");
    let expected = [
        ("z2", "p[i] - y[i]", "p - y"),
        ("W2", "(p[i] - y[i]) a1[j]", "(p - y) a1ᵀ"),
        ("b2", "p[i] - y[i]", "p - y"),
        ("z1", "a1[i] (1 - a1[i]) sum[j] W2[j,i] (p[j] - y[j])", "(W2ᵀ (p - y)) ⊙ a1 ⊙ (1 - a1)"),
        ("b1", "a1[i] (1 - a1[i]) sum[j] W2[j,i] (p[j] - y[j])", "(W2ᵀ (p - y)) ⊙ a1 ⊙ (1 - a1)"),
        ("W1", "a1[i] (1 - a1[i]) x[j] sum[k] W2[k,i] (p[k] - y[k])", "((W2ᵀ (p - y)) ⊙ a1 ⊙ (1 - a1)) xᵀ"),
    ];
    for (wrt, index, matrix) in expected {
        let gradients = json["gradients"].as_array().expect("a list");
        let gradient = gradients.iter().find(|gradient| gradient["wrt"] == wrt).expect("a gradient");
        assert_eq!((gradient["index"].as_str(), gradient["matrix"].as_str()), (Some(index), Some(matrix)), "{wrt}");
        let steps = gradient["steps"].as_array().expect("steps");
        assert!(steps.iter().all(|step| step["rule"].is_string() && step["law"].is_string()), "{wrt}");
        assert_eq!(steps.last().map(|step| &step["index"]), Some(&gradient["index"]), "{wrt}");
    }
    let verified = &json["verified"];
    assert_eq!(verified["points"], 3);
    assert!(verified["max_rel_error"].as_f64().is_some_and(|error| error < 1e-12), "{verified}");
}

#[test]
fn every_model_is_checked() {
    let files = std::fs::read_dir(common::model("")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let models = files.filter(|path| path.extension().is_some_and(|extension| extension == "dr"));
    let paths: Vec<String> = models.map(|path| path.display().to_string()).collect();
    assert!(paths.len() > MODELS.len());
    let arguments: Vec<&str> = std::iter::once("check").chain(paths.iter().map(String::as_str)).collect();
    let text = run(&arguments);
    assert_eq!(text.lines().filter(|line| line.contains(": ok, ")).count(), paths.len(), "{text}");
    let logistic = model_argument("logistic.dr");
    let json = run(&["check", &logistic, "--format", "json"]);
    let report: Value = serde_json::from_str(&json).expect("JSON");
    assert!(report["ok"] == true && report["derived"][0]["of"] == "loss", "{json}");
}

#[test]
fn the_model_that_fails_is_named_and_the_others_are_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = folder.path().join("bad.dr").display().to_string();
    std::fs::write(&bad, "loss = z\n").expect("written");
    let good = model_argument("logistic.dr");
    let output = deltarule(["check", &bad, &good]).output().expect("it runs");
    assert!(message(&output, 2).contains("bad.dr:1:8"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("logistic.dr: ok"));
}

#[test]
fn what_cannot_be_derived_is_said() {
    let digits = model_argument("digits.dr");
    let cases: [(&[&str], &str); 5] = [
        (&["derive", &digits, "--wrt", "w1"], "did you mean `W1`?"),
        (&["derive", &digits, "--of", "p"], "`p` is no scalar"),
        (&["derive", &digits, "--of", "x"], "`x`"),
        (&["derive", "nowhere.dr"], "nowhere.dr"),
        (&["derive"], "Usage"),
    ];
    for (arguments, named) in cases {
        let said = message(&deltarule(arguments.iter().copied()).output().expect("it runs"), 2);
        assert!(said.contains(named), "{said}");
    }
}
