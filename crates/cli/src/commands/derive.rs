//! `derive`: the backpropagation of a model, step by step.

use super::{derive_by, parameters, verified};
use crate::arguments::{Common, Derive, Document as Format, Notation};
use crate::failure::{Failure, print};
use crate::{model_file, names};
use deltarule_core::page::derivation::{self, Document, GradientPage, View};
use deltarule_core::term::Name;
use serde_json::{Value, json};

/// Text is broken at this many columns, or at what the terminal has.
const COLUMNS: usize = 100;

/// Runs the verb.
pub fn run(arguments: &Derive, common: &Common) -> Result<(), Failure> {
    let model = model_file::load(&arguments.model)?;
    let of = names::scalar(&model, &arguments.of)?;
    let wrt: Vec<Name> = arguments.wrt.iter().map(|name| names::tensor(&model, name)).collect::<Result<_, _>>()?;
    let by = if wrt.is_empty() { parameters(&model) } else { wrt.clone() };
    let backward = derive_by(&model, &of, &by)?;
    let (verification, points) = verified(&backward, common.seed).map_err(|failure| failure.about(&arguments.model))?;
    let document = derivation::document(&backward, &wrt, verification, &points);
    print(&match arguments.format {
        Format::Text => derivation::render_text(&document, view(arguments.notation), columns()),
        Format::Latex => derivation::render_latex(&document, view(arguments.notation)),
        Format::Json => format!("{}\n", as_json(&document)),
    });
    Ok(())
}

fn view(notation: Notation) -> View {
    match notation {
        Notation::Index => View::Index,
        Notation::Matrix => View::Matrix,
        Notation::Jacobian => View::Jacobian,
        Notation::All => View::All,
    }
}

/// The width of the terminal, within what is good to read.
fn columns() -> usize {
    let terminal = terminal_size::terminal_size().map_or(COLUMNS, |(width, _)| usize::from(width.0));
    terminal.clamp(60, 120)
}

fn as_json(document: &Document) -> Value {
    let verified = document.verified;
    json!({
        "of": document.of,
        "verified": {
            "points": verified.points,
            "lines": verified.lines,
            "max_rel_error": verified.max_rel_error,
            "max_difference_error": verified.max_difference_error,
        },
        "gradients": document.gradients.iter().map(gradient).collect::<Vec<_>>(),
    })
}

fn gradient(page: &GradientPage) -> Value {
    let result = &page.full;
    let mut value = json!({
        "wrt": page.wrt,
        "left": page.left,
        "index": result.index,
        "matrix": result.matrix,
        "latex": result.matrix_latex.as_ref().unwrap_or(&result.index_latex),
        "steps": page.steps.iter().map(|line| json!({ "rule": line.rule, "law": line.law, "index": line.index }))
            .collect::<Vec<_>>(),
    });
    if let Some(why) = &result.why {
        value["why"] = json!(why);
        value["einsum"] = json!(result.einsum);
    }
    value
}
