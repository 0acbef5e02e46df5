//! `check`: everything about a model that can be wrong.

use super::{derive_by, verified};
use crate::arguments::{Check, Common, Format};
use crate::failure::{Failure, print};
use crate::model_file;
use crate::report::agreement;
use deltarule_core::derivation::Verification;
use deltarule_core::model::{Model, Role};
use deltarule_core::term::Name;
use serde_json::json;
use std::path::Path;

/// Runs the verb: goes through all models and fails where one does.
pub fn run(arguments: &Check, common: &Common) -> Result<(), Failure> {
    let mut failure = None;
    for path in &arguments.models {
        match check(path, common.seed) {
            Ok(report) => print(&report.show(path, arguments.format)),
            Err(found) => {
                if arguments.format == Format::Json {
                    print(&format!("{}\n", json!({ "model": path, "ok": false, "message": found.text() })));
                }
                failure = Some(Failure::worse(failure, found));
            }
        }
    }
    failure.map_or(Ok(()), Err)
}

/// What was found to be right.
struct Report {
    tensors: usize,
    /// The scalars that were differentiated, each with how many derivatives, and how well they agree.
    derived: Vec<(Name, usize, Verification)>,
}

fn check(path: &Path, seed: u64) -> Result<Report, Failure> {
    let model = model_file::load(path)?;
    let mut derived = Vec::new();
    for of in scalars(&model) {
        // By all that is given, and on the way to that by everything between.
        let given = model.tensors.iter().filter(|tensor| is_differentiated_by(&tensor.role));
        let wrt: Vec<Name> = given.map(|tensor| tensor.name.clone()).collect();
        let backward = derive_by(&model, &of, &wrt)?;
        let (verification, _) = verified(&backward, seed).map_err(|failure| failure.about(path))?;
        derived.push((of, backward.gradients.len(), verification));
    }
    Ok(Report { tensors: model.tensors.len(), derived })
}

/// What is differentiated: the scalars that nothing else reads, the loss above all. Metrics are only
/// reported.
fn scalars(model: &Model) -> Vec<Name> {
    let is_read = |name: &Name| {
        super::defined(model).any(|other| model.definition(other).is_some_and(|definition| definition.body.reads(name)))
    };
    let is_scalar = |name: &Name| model.tensor(name).is_some_and(|tensor| tensor.shape.is_empty());
    let scalars = super::defined(model).filter(|name| is_scalar(name) && !model.metrics.contains(name));
    scalars.filter(|name| !is_read(name)).cloned().collect()
}

fn is_differentiated_by(role: &Role) -> bool {
    match role {
        Role::Param(_) | Role::Input { below: None } => true,
        Role::Input { below: Some(_) } | Role::Target(_) | Role::Const(_) | Role::Defined(_) => false,
    }
}

impl Report {
    fn show(&self, path: &Path, format: Format) -> String {
        match format {
            Format::Text => self.text(path),
            Format::Json => format!("{}\n", self.json(path)),
        }
    }

    fn text(&self, path: &Path) -> String {
        let mut text = format!("{}: ok, {} tensors\n", path.display(), self.tensors);
        for (of, derivatives, found) in &self.derived {
            let number = format!("{derivatives} {}", if *derivatives == 1 { "derivative" } else { "derivatives" });
            text += &format!("  {of}: {number}, {}\n", agreement(found));
        }
        text
    }

    fn json(&self, path: &Path) -> serde_json::Value {
        let derived = self.derived.iter().map(|(of, derivatives, found)| {
            json!({
                "of": **of, "derivatives": derivatives, "points": found.points, "lines": found.lines,
                "max_rel_error": found.max_rel_error, "max_difference_error": found.max_difference_error,
            })
        });
        json!({ "model": path, "ok": true, "tensors": self.tensors, "derived": derived.collect::<Vec<_>>() })
    }
}
