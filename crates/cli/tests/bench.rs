//! `bench`, as a user runs it. What it measures is not asserted, only what it tells.

mod common;

use common::{deltarule, message, model_argument, printed};
use serde_json::Value;

/// The JSON object of a run.
fn object(model: &str, arguments: &[&str]) -> Value {
    let model = model_argument(model);
    let arguments = ["bench", &model, "--format", "json"].into_iter().chain(arguments.iter().copied());
    serde_json::from_str(&printed(&deltarule(arguments).output().expect("it runs"))).expect("one object")
}

const NUMBERS: [&str; 7] =
    ["samples_per_s", "step_us", "gflops", "flops_per_step", "compile_ms", "buffers_bytes", "threads"];

#[test]
fn every_number_that_is_promised_is_there() {
    let object = object("bench/mlp_digits.dr", &["--batch", "32", "--steps", "5", "--threads", "2"]);
    for name in NUMBERS {
        assert!(object[name].as_f64().is_some_and(|number| number > 0.0), "{name}: {object}");
    }
    assert_eq!((&object["threads"], &object["batch"], &object["steps"]), (&2.into(), &32.into(), &5.into()));
    // Forward and the gradients of the weights for both layers, and that of the hidden one.
    assert_eq!(object["flops_per_step"], 2.0 * 32.0 * (2.0 * 64.0 * 32.0 + 3.0 * 32.0 * 10.0));
}

#[test]
fn the_plan_is_shown_with_shares_that_add_up() {
    let object = object("digits.dr", &["--steps", "3", "--plan"]);
    let operations = object["operations"].as_array().expect("operations");
    let share: f64 = operations.iter().map(|one| one["share"].as_f64().expect("a share")).sum();
    assert!((share - 1.0).abs() < 1e-9 && operations.len() > 5, "{object}");
    let is_told = |one: &Value| one["operation"].is_string() && one["peak_fraction"].as_f64().is_some();
    assert!(operations.iter().all(is_told) && object["peak_gflops"].as_f64().is_some(), "{object}");
}

#[test]
fn people_get_a_table() {
    let digits = model_argument("digits.dr");
    let text = printed(&deltarule(["bench", &digits, "--steps", "2", "--plan"]).output().expect("it runs"));
    for line in ["step ", "samples ", "products ", "memory ", "compiled ", "share", "product  "] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn every_workload_runs() {
    for (model, batch) in [("mlp_nielsen", "10"), ("mlp_wide", "3"), ("attention", "1")] {
        object(&format!("bench/{model}.dr"), &["--batch", batch, "--steps", "1"]);
    }
    let hessian = object("bench/logreg_hessian.dr", &["--batch", "7", "--steps", "1", "--outputs", "H"]);
    assert_eq!(hessian["batch"], 7);
    object("batchnorm.dr", &["--batch", "4", "--steps", "1"]);
    object("physics.dr", &["--batch", "4", "--steps", "1"]);
}

#[test]
fn what_cannot_be_timed_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let digits = model_argument("digits.dr");
    let aimless = path("aimless.dr", "input x[3]\ns = sum[i] x[i]\n");
    let fixed = path("fixed.dr", "input x[3]\nloss = sum[i] x[i]\n");
    let cases: [(&[&str], &str); 8] = [
        (&["nowhere.dr"], "nowhere.dr"),
        (&[&aimless], "the model has no loss"),
        (&[&fixed], "the model has no parameters"),
        (&[&digits, "--outputs", "q"], "no tensor `q`"),
        (&[&digits, "--outputs", "W1"], "not defined by an equation"),
        (&[&digits, "--batch", "0"], "positive"),
        (&[&digits, "--steps", "none"], "positive"),
        (&[&digits, "--rate", "-1"], "positive"),
    ];
    for (arguments, named) in cases {
        let arguments = ["bench"].into_iter().chain(arguments.iter().copied());
        let said = message(&deltarule(arguments).output().expect("it runs"), 2);
        assert!(said.contains("error: ") && said.contains(named), "{said}");
    }
}
