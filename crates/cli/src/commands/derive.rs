//! `derive`: the backpropagation of a model, step by step.

use super::derive_json::as_json;
use super::{derive_by, parameters, verified};
use crate::arguments::{Common, Derive, Document as Format, Notation as Wanted};
use crate::failure::{Failure, print};
use crate::{model_file, names};
use deltarule_core::derivation::{derivative_name, with_derivative};
use deltarule_core::model::{Model, Sizing};
use deltarule_core::page::derivation::{
    self, Contents, Document, Notation, View, render_html, render_latex, render_markdown, render_text,
};
use deltarule_core::term::Name;
use std::collections::BTreeMap;

/// Text is broken at this many columns, or at what the terminal has.
const COLUMNS: usize = 100;

/// Runs the verb.
pub fn run(arguments: &Derive, common: &Common) -> Result<(), Failure> {
    let (model, typed) = model_file::load_typed(&arguments.model, &sizing(arguments))?;
    check_sizes(arguments, &model)?;
    let request = Request { arguments, common, typed: &typed };
    let of = request.of(&model)?;
    let (once, twice) = request.wrt(&model, &of)?;
    let mut document = match once.is_empty() && !twice.is_empty() {
        true => None,
        false => Some(request.document(&model, &of, &once)?),
    };
    for (first, second) in twice {
        let model = with_derivative(&model, &of, &first).map_err(Failure::message)?;
        let of = derivative_name(&of, &first);
        let further = request.document(&model, &of, std::slice::from_ref(&second))?;
        document = Some(match document {
            Some(document) => document.joined(further),
            None => further,
        });
    }
    let document = document.unwrap_or_default();
    let view = View { notation: notation(arguments.notation), unfolded: common.verbose };
    print(&match arguments.format {
        Format::Text => render_text(&document, view, columns()),
        Format::Markdown => render_markdown(&document, view),
        Format::Latex => render_latex(&document, view),
        Format::Html => render_html(&document, view),
        Format::Json => format!("{}\n", as_json(&document, &of)),
    });
    Ok(())
}

/// Tensors to differentiate by, and pairs of them for second derivatives.
type Variables = (Vec<Name>, Vec<(Name, Name)>);

/// What was asked for.
struct Request<'a> {
    arguments: &'a Derive,
    common: &'a Common,
    typed: &'a BTreeMap<Name, String>,
}

impl Request<'_> {
    /// What is differentiated.
    fn of(&self, model: &Model) -> Result<Name, Failure> {
        let name = names::defined(model, &self.arguments.of)?;
        let is_scalar = model.tensor(&name).is_some_and(|tensor| tensor.shape.is_empty());
        if is_scalar || self.arguments.notation == Wanted::Jacobian {
            return Ok(name);
        }
        let hint = format!(
            "`--as jacobian` derives the Jacobian of a tensor; the scalars of this model are {}",
            names::scalars(model)
        );
        Err(Failure::input(format!("`{name}` is no scalar"), &hint))
    }

    /// By what: tensors for first derivatives, and pairs of them for second ones.
    fn wrt(&self, model: &Model, of: &Name) -> Result<Variables, Failure> {
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        for name in &self.arguments.wrt {
            match name.split_once(':') {
                None => once.push(names::tensor(model, name)?),
                Some(_) if model.tensor(of).is_some_and(|tensor| !tensor.shape.is_empty()) => {
                    let hint = format!("`--of` one of the scalars of this model: {}", names::scalars(model));
                    let message = format!("`{of}` is no scalar, so it has no second derivative `{name}`");
                    return Err(Failure::input(message, &hint));
                }
                Some((first, second)) => twice.push((names::tensor(model, first)?, names::tensor(model, second)?)),
            }
        }
        Ok((once, twice))
    }

    /// The derivatives of a tensor by others, checked.
    fn document(&self, model: &Model, of: &Name, wrt: &[Name]) -> Result<Document, Failure> {
        let by = if wrt.is_empty() { parameters(model) } else { wrt.to_vec() };
        let backward = derive_by(model, of, &by)?;
        let (verified, points) =
            verified(&backward, self.common.seed).map_err(|failure| failure.about(&self.arguments.model))?;
        let title = self.arguments.model.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        Ok(derivation::document(&Contents {
            backward: &backward,
            wrt,
            verified,
            points: &points,
            typed: self.typed,
            title: &title,
        }))
    }
}

/// Sizes as symbols, but for those that numbers were asked for.
fn sizing(arguments: &Derive) -> Sizing {
    let numbers = arguments.sizes.iter().map(|(name, _)| name.as_str().into()).collect();
    Sizing { values: arguments.sizes.iter().cloned().collect(), numbers, ..Sizing::symbolic() }
}

/// Refuses a number for a size that the model does not have.
fn check_sizes(arguments: &Derive, model: &Model) -> Result<(), Failure> {
    let mut known: Vec<&str> = model.sizes.iter().map(|(name, _)| &**name).collect();
    known.extend(model.batch.map(|_| "batch"));
    match arguments.sizes.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, _)) => {
            let hint = match known.as_slice() {
                [] => "this model has no named sizes".to_string(),
                _ => format!("the sizes of this model are {}", known.join(", ")),
            };
            Err(Failure::input(format!("`{name}` is no size of this model"), &hint))
        }
    }
}

fn notation(wanted: Wanted) -> Notation {
    match wanted {
        Wanted::Index => Notation::Index,
        Wanted::Matrix => Notation::Matrix,
        Wanted::Jacobian => Notation::Jacobian,
        Wanted::All => Notation::All,
    }
}

/// The width of the terminal, within what is good to read.
fn columns() -> usize {
    let terminal = terminal_size::terminal_size().map_or(COLUMNS, |(width, _)| usize::from(width.0));
    terminal.clamp(60, 120)
}
