//! `train`, as a user runs it.

mod common;

use common::{deltarule, message, model_argument, printed};
use serde_json::Value;

/// The JSON lines of a run.
fn events(arguments: &[&str]) -> Vec<Value> {
    let digits = model_argument("digits.dr");
    let arguments = ["train", &digits, "--format", "json"].into_iter().chain(arguments.iter().copied());
    let text = printed(&deltarule(arguments).output().expect("it runs"));
    text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
}

fn last(events: &[Value]) -> &Value {
    let last = events.last().expect("events");
    assert_eq!(last["event"], "ends");
    last
}

#[test]
fn digits_are_read_for_every_seed() {
    for seed in ["0", "1", "2", "3", "4"] {
        let events = events(&["--seed", seed]);
        let accuracy = last(&events)["metrics"]["accuracy"].as_f64().expect("a number");
        assert!(accuracy >= 0.96, "seed {seed}: {accuracy}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_for_one_and_two_threads() {
    let outcome = |arguments: &[&str]| {
        let events = events(&[&["--epochs", "3"], arguments].concat());
        let ends = last(&events);
        (ends["loss"].as_f64(), ends["train_loss"].as_f64(), ends["metrics"].clone())
    };
    let one = outcome(&["--threads", "1"]);
    assert_eq!(one, outcome(&["--threads", "2"]));
    assert_ne!(one, outcome(&["--threads", "1", "--seed", "1"]));
}

#[test]
fn gradients_are_shown_one_a_line_and_checked() {
    let digits = model_argument("digits.dr");
    let text = printed(&deltarule(["train", &digits, "--epochs", "1"]).output().expect("it runs"));
    let expected = [
        ("W1", "((W2ᵀ (p - y)) ⊙ a1 ⊙ (1 - a1)) xᵀ"),
        ("b1", "(W2ᵀ (p - y)) ⊙ a1 ⊙ (1 - a1)"),
        ("W2", "(p - y) a1ᵀ"),
        ("b2", "p - y"),
    ];
    for (name, matrix) in expected {
        let line = text.lines().find(|line| line.contains(&format!("∂loss/∂{name} ")));
        assert!(line.is_some_and(|line| line.contains(matrix)), "{name}: {text}");
    }
    assert!(text.contains("checked: ") && text.contains("held out: loss "), "{text}");
}

#[test]
fn a_table_trains_a_model_with_other_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("xor.csv");
    let rows = ["0,0,1,0", "0,1,1,1", "1,0,1,1", "1,1,1,0"].join("\n");
    std::fs::write(&path, format!("x0,x1,x2,y\n{}\n", [rows.as_str(); 5].join("\n"))).expect("written");
    let (model, data) = (model_argument("article-mse.dr"), format!("csv:{}", path.display()));
    let arguments = ["train", &model, "--data", &data, "--epochs", "4000", "--rate", "1", "--format", "json"];
    let text = printed(&deltarule(arguments).output().expect("it runs"));
    let ends: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("an object");
    assert!(ends["metrics"]["error"].as_f64().expect("a number") < 0.1, "{ends}");
}

#[test]
fn what_cannot_be_trained_is_said() {
    let digits = model_argument("digits.dr");
    let attention = model_argument("attention.dr");
    let cases: [(&[&str], i32, &str); 7] = [
        (&[&digits, "--data", "digts"], 2, "digits"),
        (&[&digits, "--data", "csv:nowhere.csv"], 2, "nowhere.csv"),
        (&[&digits, "--data", "mnist:nowhere"], 2, "nowhere"),
        (&[&attention], 2, "[6, 8]"),
        (&[&digits, "--rate", "0"], 2, "positive"),
        (&[&digits, "--batch", "0"], 2, "positive"),
        (&[&digits, "--rate", "1e38"], 1, "diverged"),
    ];
    for (arguments, code, named) in cases {
        let arguments = ["train"].into_iter().chain(arguments.iter().copied());
        let said = message(&deltarule(arguments).output().expect("it runs"), code);
        assert!(said.contains("error: ") && said.contains(named), "{said}");
    }
}
