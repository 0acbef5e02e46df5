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

/// Rounding differs from processor to processor: the numbers in the last paragraph are left out.
fn lasting(text: &str) -> String {
    let error = |word: &str| word.trim_end_matches(['.', ';']).parse::<f64>().is_ok() && word.contains("e-");
    let word = |word: &str| if error(word) { "(error)".to_string() } else { word.to_string() };
    let line = |line: &str| match line.contains("differences") || line.contains("random point") {
        true => line.split(' ').map(word).collect::<Vec<_>>().join(" "),
        false => line.to_string(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The last layer, the inner layer and the Jacobian of softmax, in every format.
#[test]
fn the_equations_of_the_article_in_every_format() {
    let digits = model_argument("digits.dr");
    for format in ["text", "markdown", "latex", "html"] {
        let page = run(&["derive", &digits, "--wrt", "z2,W2,z1,W1", "--format", format]);
        insta::assert_snapshot!(format!("article_{format}"), lasting(&page));
    }
    let json = run(&["derive", &digits, "--wrt", "z2,W2,z1,W1", "--format", "json"]);
    let mut json: Value = serde_json::from_str(&json).expect("JSON");
    json["verified"] = Value::Null;
    insta::assert_snapshot!("article_json", serde_json::to_string_pretty(&json).expect("JSON"));
}

#[test]
fn jacobians_have_their_structure_named() {
    let digits = model_argument("digits.dr");
    let softmax = run(&["derive", &digits, "--as", "jacobian", "--of", "p", "--wrt", "z2"]);
    assert!(softmax.contains("= p[i] (delta[i,j] - p[j])"), "{softmax}");
    assert!(softmax.contains("structure: diagonal minus an outer product, symmetric; all 100 entries"), "{softmax}");
    let json = run(&["derive", &digits, "--as", "jacobian", "--of", "a1", "--wrt", "z1", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let structure = &json["gradients"][0]["structure"];
    let counts = [&structure["nonzero"], &structure["entries"]].map(|count| count.as_str());
    assert_eq!((structure["name"].as_str(), counts), (Some("diagonal"), [Some("hidden"), Some("hidden^2")]), "{json}");
    assert_eq!(json["of"], "a1");
    let zero = run(&["derive", &digits, "--as", "jacobian", "--of", "z1", "--wrt", "b2"]);
    assert!(zero.contains("structure: zero; 0 of 10 hidden entries can differ from 0"), "{zero}");
    let all = run(&["derive", &digits, "--as", "jacobian"]);
    insta::assert_snapshot!("derive_jacobians", all.split("Every line was").next().expect("text"));
}

#[test]
fn second_derivatives_are_asked_for_by_pairs() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join("regression.dr").display().to_string();
    let text = "const X[6, 3]\ntarget y[6]\nparam w[3] ~ zeros\nz[k] = X[k,i] w[i]\ns[k] = sigmoid(z[k])\n\
                loss = sum[k] (log(1 + exp(z[k])) - y[k] z[k])\n";
    std::fs::write(&model, text).expect("written");
    let json = run(&["derive", &model, "--wrt", "w,w:w", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let gradients = json["gradients"].as_array().expect("a list");
    assert_eq!(gradients.iter().map(|own| own["wrt"].as_str()).collect::<Vec<_>>(), [Some("w"), Some("w:w")]);
    assert_eq!(gradients[1]["index"], "sum[k] X[k,i] X[k,j] s[k] (1 - s[k])");
    assert_eq!(gradients[1]["matrix"], "Xᵀ diag(s ⊙ (1 - s)) X");
    assert!(json["verified"]["max_difference_error"].as_f64().is_some_and(|error| error > 0.0 && error < 1e-6));
    let text = run(&["derive", &model, "--wrt", "w:w"]);
    insta::assert_snapshot!("derive_second", text.split("Every line was").next().expect("text"));
}

#[test]
fn plain_steps_are_folded_unless_they_are_asked_for() {
    let logistic = model_argument("logistic.dr");
    let (folded, all) = (run(&["derive", &logistic]), run(&["derive", &logistic, "-v"]));
    assert!(
        folded.contains("(+1)")
            && folded.contains("-v shows them")
            && !folded.contains("   definition, in normal form\n")
    );
    assert!(!all.contains("(+") && all.contains("   definition, in normal form\n"), "{all}");
}

#[test]
fn every_notation_has_its_page_in_every_format() {
    let logistic = model_argument("logistic.dr");
    for notation in ["index", "matrix", "jacobian", "all"] {
        for format in ["text", "markdown", "latex", "html"] {
            let page = run(&["derive", &logistic, "--as", notation, "--format", format, "--wrt", "w"]);
            insta::assert_snapshot!(format!("logistic_{notation}_{format}"), lasting(&page));
        }
    }
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
    let cases: [(&[&str], &str); 11] = [
        (&["derive", &digits, "--wrt", "w1"], "did you mean `W1`?"),
        (&["derive", &digits, "--of", "p"], "`p` is no scalar"),
        (
            &["derive", &digits, "--of", "p"],
            "`--as jacobian` derives the Jacobian of a tensor; the scalars of this model are loss",
        ),
        (&["derive", &digits, "--of", "x"], "`x`"),
        (&["derive", &digits, "--of", "x", "--as", "jacobian"], "`x` is given, not defined by an equation"),
        (&["derive", &digits, "--of", "p", "--as", "jacobian", "--wrt", "z2:z2"], "no second derivative `z2:z2`"),
        (&["derive", &digits, "--wrt", "W1:w1"], "did you mean `W1`?"),
        (&["derive", &digits, "--format", "word"], "possible values: text, markdown, latex, html, json"),
        (&["derive", &digits, "--as", "hessian"], "possible values: index, matrix, jacobian, all"),
        (&["derive", "nowhere.dr"], "nowhere.dr"),
        (&["derive"], "Usage"),
    ];
    for (arguments, named) in cases {
        let said = message(&deltarule(arguments.iter().copied()).output().expect("it runs"), 2);
        assert!(said.contains(named), "{said}");
    }
}
