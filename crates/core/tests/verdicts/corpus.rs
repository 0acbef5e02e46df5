//! The models of the repository and of the textbook, and models of every function of the prelude.

use crate::{textbook_algebra, textbook_layers, textbook_losses};
use std::path::Path;

/// Names and texts.
pub fn models() -> Vec<(String, String)> {
    let mut all = files();
    let forms = [textbook_algebra::FORMS, textbook_losses::FORMS, textbook_layers::FORMS].concat();
    all.extend(forms.iter().map(|form| (form.title.to_string(), form.model.to_string())));
    all.extend(of_prelude());
    all
}

fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let folders = [folder.join("bench"), folder];
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "dr"));
    paths.sort();
    let read = |path: &std::path::PathBuf| std::fs::read_to_string(path).expect("a text");
    paths.iter().map(|path| (path.file_name().expect("a name").to_string_lossy().into(), read(path))).collect()
}

/// What the models of the prelude are given, with rows of three entries.
const GIVEN: &str = "input x[3]\ninput y[3]\ntarget t[3] onehot\nparam w[3] ~ normal(0, 1)\nparam s ~ normal(0, 1)\n\
                     param W[3,3] ~ normal(0, 0.5)\n";

/// What stands in the place of `@`, which has the index `i`.
const ARGUMENTS: [&str; 9] = [
    "w[i]",
    "w[i] x[i]",
    "(W[i,j] x[j])",
    "tanh(W[i,j] x[j])",
    "(w[i] + s)",
    "(3 w[i])",
    "w[i]^2",
    "(x[i] - w[i])",
    "sin(s w[i])",
];

/// Every function of the prelude that has a derivative.
pub const LOSSES: [&str; 23] = [
    "sum[i] (softmax[i](@) - x[i])^2",
    "sum[i] logsoftmax[i](@) x[i]",
    "variance[i](@)^2",
    "deviation[i](@ + y[i]) s",
    "s sumsquares[i](@)",
    "norm[i](@ + y[i])",
    "sum[i] layernorm[i](@) x[i]",
    "sum[i] (rmsnorm[i](@) - y[i])^2",
    "crossentropy[i](softmax[i](@), t[i])",
    "softmaxcrossentropy[i](@, t[i])",
    "entropy[i](softmax[i](@))",
    "kldivergence[i](softmax[i](@), softmax[i](x[i]))",
    "mse[i](@, y[i])",
    "mae[i](@, y[i])",
    "sum[i] bce(sigmoid(@), t[i])",
    "sum[i] logitbce(@, y[i])",
    "sum[i] huber(@, 3 y[i])",
    "sum[i] hinge(@, y[i])",
    "sum[i] leakyrelu(@, 0.1) x[i]",
    "sum[i] elu(@, 2)",
    "sum[i] mish(@)^2",
    "cosine[i](@ + x[i], y[i])",
    "sum[i] @^2 + hit[i](@, y[i])",
];

fn of_prelude() -> Vec<(String, String)> {
    let of = |loss: &str, argument: &str, given: String| {
        let loss = loss.replace('@', argument);
        (loss.clone(), format!("{given}loss = {loss}\n"))
    };
    let every = LOSSES.iter().flat_map(|loss| ARGUMENTS.iter().map(move |argument| of(loss, argument, given(3))));
    // Rows of one entry have no variance, and their softmax is constant.
    let other = [1, 4]
        .into_iter()
        .flat_map(|extent| LOSSES.iter().map(move |loss| of(loss, "tanh(W[i,j] x[j])", given(extent))));
    every.chain(other).collect()
}

/// What the models of the prelude are given, with rows of so many entries.
fn given(extent: usize) -> String {
    GIVEN.replace('3', &extent.to_string())
}
