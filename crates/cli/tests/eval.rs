//! `eval`, held to values that were computed without it.

mod common;

use common::{deltarule, message, model, model_argument, printed};
use deltarule_run::arrays::{Array, read_npz, write_npz};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// NumPy writes the arrays, computes the values with formulas written out by hand, and reads what
/// the program wrote.
#[test]
fn values_gradients_and_jacobians_are_those_of_numpy() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eval_numpy.py");
    let has_numpy = Command::new("python3").args(["-c", "import numpy"]).output().is_ok_and(|run| run.status.success());
    if !has_numpy {
        println!("skipped: python3 has no NumPy");
        return;
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("python3");
    command.arg(script).arg(env!("CARGO_BIN_EXE_deltarule")).arg(model("")).arg(scratch.path());
    printed(&command.output().expect("it runs"));
}

type Arrays = BTreeMap<deltarule_core::term::Name, Array>;

fn arrays(list: &[(&str, &[usize], &[f64])]) -> Arrays {
    let array = |shape: &[usize], values: &[f64]| Array::f64(shape.to_vec(), values.to_vec()).expect("whole");
    list.iter().map(|(name, shape, values)| ((*name).into(), array(shape, values))).collect()
}

/// Two examples of a logistic regression with eight features.
fn logistic_values() -> Arrays {
    let x: Vec<f64> = (0..16).map(|entry| f64::from(entry) / 8.0 - 1.0).collect();
    let w: Vec<f64> = (0..8).map(|entry| f64::from(entry) / 16.0 - 0.2).collect();
    arrays(&[("x", &[2, 8], &x), ("y", &[2], &[1.0, 0.0]), ("w", &[8], &w), ("b", &[], &[0.25])])
}

struct Run {
    folder: tempfile::TempDir,
}

impl Run {
    fn new(values: &Arrays) -> Run {
        let folder = tempfile::tempdir().expect("a folder");
        write_npz(&folder.path().join("in.npz"), values).expect("written");
        Run { folder }
    }

    fn eval(&self, model: &str, options: &[&str]) -> std::process::Output {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let (given, out) = (path("in.npz"), path("out.npz"));
        let arguments = ["eval", model, "--values", &given, "--out", &out];
        deltarule(arguments.iter().chain(options).copied()).output().expect("it runs")
    }

    fn out(&self) -> Arrays {
        read_npz(&self.folder.path().join("out.npz")).expect("a result")
    }

    /// Nothing was written, whole or in part.
    fn wrote_nothing(&self) -> bool {
        std::fs::read_dir(self.folder.path()).expect("a folder").count() == 1
    }
}

#[test]
fn a_logistic_regression_by_hand() {
    let values = logistic_values();
    let (x, w) = (values["x"].to_f64(), values["w"].to_f64());
    let score = |row: usize| 0.25 + (0..8).map(|i| w[i] * x[8 * row + i]).sum::<f64>();
    let p = [0, 1].map(|row| 1.0 / (1.0 + (-score(row)).exp()));
    let penalty: f64 = 0.001 * w.iter().map(|w| w * w).sum::<f64>();
    let loss = (-p[0].ln() - (1.0 - p[1]).ln()) / 2.0 + penalty;
    let by_w = |i: usize| ((p[0] - 1.0) * x[i] + p[1] * x[8 + i]) / 2.0 + 0.002 * w[i];
    for (engine, tolerance) in [("reference", 1e-13), ("fast", 2e-6)] {
        let run = Run::new(&values);
        let options = ["--outputs", "p", "--grad", "w,x", "--jacobian", "p:w", "--engine", engine];
        printed(&run.eval(&model_argument("logistic.dr"), &options));
        let out = run.out();
        let close = |name: &str, shape: &[usize], expected: &[f64]| {
            assert_eq!(out[name].shape(), shape, "{name}");
            for (found, expected) in out[name].to_f64().iter().zip(expected) {
                assert!((found - expected).abs() <= tolerance, "{engine} {name}: {found} {expected}");
            }
        };
        close("loss", &[], &[loss]);
        close("p", &[2], &p);
        close("grad_w", &[8], &(0..8).map(by_w).collect::<Vec<_>>());
        let by_x = (0..16).map(|entry| (p[entry / 8] - [1.0, 0.0][entry / 8]) * w[entry % 8] / 2.0);
        close("grad_x", &[2, 8], &by_x.collect::<Vec<_>>());
        close("jacobian_p_w", &[8], &(0..8).map(|i| p[0] * (1.0 - p[0]) * x[i]).collect::<Vec<_>>());
        assert_eq!(out.len(), 5);
    }
}

#[test]
fn parameters_that_are_not_given_come_from_the_seed_if_that_is_asked_for() {
    let mut values = logistic_values();
    values.remove("w");
    values.remove("b");
    let run = Run::new(&values);
    let said = message(&run.eval(&model_argument("logistic.dr"), &[]), 2);
    assert!(said.contains("has no arrays `w`, `b`") && said.contains("`w` of shape [8]"), "{said}");
    assert!(said.contains("--init") && run.wrote_nothing(), "{said}");
    let drawn = run.eval(&model_argument("logistic.dr"), &["--init", "--seed", "5"]);
    assert_eq!(String::from_utf8_lossy(&drawn.stderr), "note: drawn from seed 5: `b`, `w`\n");
    printed(&drawn);
    // All zeros, so that every probability is a half.
    assert!((run.out()["loss"].to_f64()[0] - 2f64.ln()).abs() < 1e-6);
    let attention = |seed: &str| {
        let x: Vec<f64> = (0..48).map(|entry| f64::from(entry % 7) / 7.0).collect();
        let run = Run::new(&arrays(&[("x", &[1, 6, 8], &x), ("y", &[1, 3], &[0.0, 1.0, 0.0])]));
        printed(&run.eval(&model_argument("attention.dr"), &["--seed", seed, "--init"]));
        run.out()["loss"].to_f64()[0]
    };
    assert_eq!(attention("3"), attention("3"));
    assert_ne!(attention("3"), attention("4"));
}

#[test]
fn softmax_does_not_overflow_in_either_engine() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("softmax.dr");
    let text = "input z[3]\ntarget y[3] onehot\np[i] = exp(z[i]) / sum[k] exp(z[k])\nloss = -y[i] log(p[i])\n";
    std::fs::write(&path, text).expect("written");
    for engine in ["reference", "fast"] {
        let run = Run::new(&arrays(&[("z", &[1, 3], &[1000.0, 0.0, -1000.0]), ("y", &[1, 3], &[0.0, 1.0, 0.0])]));
        printed(&run.eval(&path.display().to_string(), &["--grad", "z", "--engine", engine]));
        let out = run.out();
        assert_eq!(out["loss"].to_f64(), [1000.0], "{engine}");
        assert_eq!(out["grad_z"].to_f64(), [1.0, -1.0, 0.0], "{engine}");
    }
}

#[test]
fn what_does_not_fit_is_said_and_nothing_is_written() {
    let logistic = model_argument("logistic.dr");
    let whole = logistic_values();
    let changed = |name: &str, shape: &[usize], values: &[f64]| {
        let mut arrays_with = whole.clone();
        arrays_with.extend(arrays(&[(name, shape, values)]));
        arrays_with
    };
    let mut missing = whole.clone();
    missing.remove("x");
    let mut misnamed = changed("W", &[8], &[0.0; 8]);
    misnamed.remove("w");
    let cases: [(&str, Arrays, &[&str], &str); 14] = [
        ("a missing input", missing.clone(), &[], "`x`"),
        ("a missing input with first values", missing, &["--init"], "`x`"),
        ("a name that is nearly right", misnamed.clone(), &[], "did you mean `w`?"),
        ("a name that is nearly right, with first values", misnamed, &["--init"], "did you mean `w`?"),
        ("a name of nothing", changed("momentum", &[8], &[0.0; 8]), &[], "arrays are given for"),
        ("what an equation computes", changed("p", &[2], &[0.5; 2]), &[], "computed by its equation"),
        ("a wrong shape", changed("w", &[4], &[0.0; 4]), &[], "`w`"),
        ("two numbers of examples", changed("y", &[3], &[1.0; 3]), &[], "`y`"),
        ("an axis too few", changed("x", &[8], &[0.0; 8]), &[], "`x`"),
        ("an unknown output", whole.clone(), &["--outputs", "q"], "`q`"),
        ("an unknown variable", whole.clone(), &["--grad", "W"], "did you mean `w`?"),
        ("no scalar", whole.clone(), &["--grad", "b", "--of", "w"], "`w`"),
        ("a Jacobian of nothing", whole.clone(), &["--jacobian", "p"], "Y:X"),
        ("a Jacobian of what is given", whole.clone(), &["--jacobian", "x:w"], "`x`"),
    ];
    for (case, values, options, named) in cases {
        for engine in ["fast", "reference"] {
            let run = Run::new(&values);
            let said = message(&run.eval(&logistic, &[options, &["--engine", engine]].concat()), 2);
            assert!(said.starts_with("error: ") && said.contains(named), "{case}: {said}");
            assert!(run.wrote_nothing(), "{case}");
        }
    }
    let digits = arrays(&[("x", &[1, 64], &[0.5; 64]), ("y", &[1, 10], &[0.1; 10])]);
    let said = message(&Run::new(&digits).eval(&model_argument("digits.dr"), &["--init"]), 2);
    assert!(said.contains("`y`") && said.contains("example 0"), "{said}");
    let run = Run::new(&whole);
    let given = run.folder.path().join("in.npz");
    std::fs::write(&given, b"this is no archive").expect("written");
    let said = message(&run.eval(&logistic, &[]), 2);
    assert!(said.contains("in.npz") && run.wrote_nothing(), "{said}");
}
