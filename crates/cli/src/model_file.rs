//! Reading a model file.

use crate::failure::Failure;
use deltarule_core::derivation::with_derivatives;
use deltarule_core::model::{self, DEFAULT_BATCH, Model, Sizing};
use deltarule_core::page::derivation::typed;
use deltarule_core::syntax::{self, tree::Tree};
use deltarule_core::term::Name;
use deltarule_core::text::{Problem, Source};
use std::collections::BTreeMap;
use std::path::Path;

/// Larger files are no models.
const MOST_BYTES: u64 = 16 << 20;

/// Reads and builds the model; one that carries the axis of the examples itself, for a few of them.
pub fn load(path: &Path) -> Result<Model, Failure> {
    load_for(path, DEFAULT_BATCH)
}

/// Reads and builds the model; one that carries the axis of the examples itself, for so many.
pub fn load_for(path: &Path, examples: usize) -> Result<Model, Failure> {
    let (source, tree) = parse(path)?;
    build(path, &source, &tree, &Sizing::numbers(examples))
}

/// Reads a file that may be built for several sizes.
pub fn parse(path: &Path) -> Result<(Source, Tree), Failure> {
    let name = path.display().to_string();
    let hint = "give the path of a model, a file ending in .dr";
    let unreadable = |error: std::io::Error| Failure::input(format!("{name} cannot be read: {error}"), hint);
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MOST_BYTES {
        let message = format!("{name} has {size} bytes, more than a model may have ({MOST_BYTES})");
        return Err(Failure::input(message, hint));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let empty = Source::new(&name, "");
    let source = syntax::source_from_bytes(&name, &bytes).map_err(|problem| problems(&empty, &[problem]))?;
    let tree = syntax::parse(&source).map_err(|found| problems(&source, &found))?;
    Ok((source, tree))
}

/// Builds the model of a file for the sizes, with the derivatives that its equations read.
pub fn build(path: &Path, source: &Source, tree: &Tree, sizing: &Sizing) -> Result<Model, Failure> {
    let model = model::build_sized(source, tree, sizing).map_err(|found| problems(source, &found))?;
    with_derivatives(&model).map_err(|error| Failure::message(error).about(path))
}

/// Reads and builds the model, and gives its equations as they were typed.
pub fn load_typed(path: &Path, sizing: &Sizing) -> Result<(Model, BTreeMap<Name, String>), Failure> {
    let (source, tree) = parse(path)?;
    let model = build(path, &source, &tree, sizing)?;
    let typed = typed(&source, &tree, &model);
    Ok((model, typed))
}

fn problems(source: &Source, problems: &[Problem]) -> Failure {
    let rendered: Vec<String> = problems.iter().map(|problem| problem.render(source)).collect();
    Failure::Input(rendered.join("\n"))
}
