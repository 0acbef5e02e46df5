//! Reading a model file.

use crate::failure::Failure;
use deltarule_core::model::{self, Model};
use deltarule_core::syntax;
use deltarule_core::text::{Problem, Source};
use std::path::Path;

/// Larger files are no models.
const MOST_BYTES: u64 = 16 << 20;

/// Reads and builds the model.
pub fn load(path: &Path) -> Result<Model, Failure> {
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        Failure::input(format!("{name} cannot be read: {error}"), "give the path of a model, a file ending in .dr")
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MOST_BYTES {
        return Err(Failure::input(
            format!("{name} has {size} bytes, more than a model may have ({MOST_BYTES})"),
            "give the path of a model",
        ));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let empty = Source::new(&name, "");
    let source = syntax::source_from_bytes(&name, &bytes).map_err(|problem| problems(&empty, &[problem]))?;
    let tree = syntax::parse(&source).map_err(|found| problems(&source, &found))?;
    model::build(&source, &tree).map_err(|found| problems(&source, &found))
}

fn problems(source: &Source, problems: &[Problem]) -> Failure {
    let rendered: Vec<String> = problems.iter().map(|problem| problem.render(source)).collect();
    Failure::Input(rendered.join("\n"))
}
