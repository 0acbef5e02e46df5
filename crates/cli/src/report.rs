//! What `train` tells on standard output: text for people, or one JSON object a line.

use crate::arguments::Format;
use crate::failure::print;
use crate::progress::rounded;
use deltarule_core::derivation::Verification;
use deltarule_core::model::{LOSS, Model};
use deltarule_core::page::derivation::{Document, GradientPage, summary};
use deltarule_run::data::Dataset;
use deltarule_run::train::{EpochDone, Measures, Options, Outcome};
use serde_json::{Value, json};
use std::path::Path;

/// The report of one run.
pub struct Report {
    /// How it is printed.
    pub format: Format,
}

impl Report {
    /// The derived gradients, and that they were checked.
    pub fn derived(&self, path: &Path, model: &Model, document: &Document, verification: &Verification) {
        let tensors = model.parameters().count();
        let numbers: usize = model.parameters().map(|tensor| tensor.len()).sum();
        if self.format == Format::Json {
            let gradients: Vec<Value> = document.gradients.iter().map(gradient).collect();
            return line(&json!({
                "event": "derived", "parameters": numbers, "gradients": gradients, "points": verification.points,
                "max_rel_error": verification.max_rel_error, "max_difference_error": verification.max_difference_error,
            }));
        }
        let mut text = format!("{}: {numbers} parameters in {tensors} tensors\n\n", path.display());
        summary(document).iter().for_each(|line| text += &format!("  {line}\n"));
        print(&format!("{text}\nchecked: {}\n", agreement(verification)));
    }

    /// What is about to be done.
    pub fn begins(&self, data: &Dataset, options: &Options) {
        let Options { epochs, batch, rate, seed, threads, memory: _ } = options;
        if self.format == Format::Json {
            return line(&json!({
                "event": "begins", "data": data.description, "examples": data.train.count,
                "held_out": data.held_out.count, "epochs": epochs, "batch": batch, "rate": rate, "seed": seed,
                "threads": threads,
            }));
        }
        let batches = if data.train.count > 0 { format!("batches of {batch}, ") } else { String::new() };
        let plural = if *epochs == 1 { "" } else { "s" };
        let description = &data.description;
        print(&format!("data: {description}\ntraining: {epochs} epoch{plural}, {batches}rate {rate}, seed {seed}\n"));
    }

    /// An epoch; only for programs, since people have the progress bar.
    pub fn epoch(&self, epoch: &EpochDone) {
        if self.format == Format::Json {
            line(&json!({
                "event": "epoch", "epoch": epoch.epoch, "train_loss": epoch.train_loss,
                "loss": epoch.held_out.loss, "metrics": metrics(epoch.held_out),
                "examples_per_s": epoch.examples_per_second,
            }));
        }
    }

    /// What training came to.
    pub fn ends(&self, data: &Dataset, outcome: &Outcome) {
        let seconds = outcome.time.as_secs_f64();
        if self.format == Format::Json {
            return line(&json!({
                "event": "ends", "epochs": outcome.epochs, "steps": outcome.steps, "train_loss": outcome.train_loss,
                "loss": outcome.held_out.loss, "metrics": metrics(&outcome.held_out), "seconds": seconds,
                "examples_per_s": outcome.examples_per_second, "stopped": outcome.stopped,
            }));
        }
        let speed = match outcome.examples_per_second {
            0.0 => format!("{} steps in {seconds:.2} s", outcome.steps),
            rate => format!("{} steps in {seconds:.2} s, {} examples/s", outcome.steps, rounded(rate)),
        };
        let judged = if data.held_out.count > 0 { "held out" } else { "result" };
        let ended = if outcome.stopped { format!(", stopped after {} epochs", outcome.epochs) } else { String::new() };
        print(&format!("{judged}: {}   ({speed}{ended})\n", measures(&outcome.held_out)));
    }
}

/// The loss and the metrics in words.
pub fn measures(found: &Measures) -> String {
    let named = |(name, value): (&str, f64)| match value.abs() {
        size if size >= 1e5 || (size < 1e-3 && size > 0.0) => format!("{name} {value:.3e}"),
        _ => format!("{name} {value:.4}"),
    };
    let all = std::iter::once((LOSS, found.loss)).chain(found.metrics.iter().map(|(name, value)| (&**name, *value)));
    all.map(named).collect::<Vec<_>>().join(", ")
}

fn metrics(found: &Measures) -> Value {
    found.metrics.iter().map(|(name, value)| (name.to_string(), json!(value))).collect()
}

fn gradient(page: &GradientPage) -> Value {
    json!({ "wrt": page.wrt, "index": page.short.index_text(), "matrix": page.short.matrix_text() })
}

/// How well the lines of derivations agree, in words.
pub fn agreement(found: &Verification) -> String {
    let size = |error: f64| if error == 0.0 { "exactly".to_string() } else { format!("to {error:.0e}") };
    let Verification { points, lines, max_rel_error, max_difference_error, undecided, .. } = found;
    let open = if *undecided == 0 { String::new() } else { format!(", {undecided} comparisons undecided") };
    let unchecked = found.not_checked().map(|words| format!("; {words}")).unwrap_or_default();
    format!(
        "{lines} lines at {points} random {} agree {}, with finite differences {}{open}{unchecked}",
        if *points == 1 { "point" } else { "points" },
        size(*max_rel_error),
        size(*max_difference_error)
    )
}

fn line(value: &Value) {
    print(&format!("{value}\n"));
}
