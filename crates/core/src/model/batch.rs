//! Models whose examples interact: they carry the axis of the examples themselves.

use super::names::Outcome;
use crate::syntax::tree::{DeclaredRole, Expr, ExprKind, Statement, StatementKind};
use crate::text::{Problem, Span};

/// How the axis comes into a model.
pub(super) const HINT: &str =
    "models are written for one example; if not, every input and target has it as its first axis: `input x[batch, 64]`";

/// The name of the axis and of its extent.
pub(super) const BATCH: &str = "batch";

/// Where an input or target has the axis.
pub(super) fn axis(statement: &Statement) -> Option<Span> {
    match &statement.kind {
        StatementKind::Declaration(declaration)
            if matches!(declaration.role, DeclaredRole::Input | DeclaredRole::Target) =>
        {
            declaration.extents.iter().find_map(mention)
        }
        _ => None,
    }
}

/// Checks a statement of a model that carries the axis: every input and target has it in front,
/// and nothing that is learned or fixed depends on it.
///
/// # Errors
///
/// The axis is missing, or stands where it cannot.
pub(super) fn check(statement: &Statement) -> Outcome<()> {
    match &statement.kind {
        StatementKind::Declaration(declaration) => {
            let name = &declaration.name;
            let mut extents = declaration.extents.as_slice();
            if matches!(declaration.role, DeclaredRole::Input | DeclaredRole::Target) {
                match extents {
                    [Expr { kind: ExprKind::Name(first), .. }, rest @ ..] if first.text == BATCH => extents = rest,
                    _ => {
                        let message = format!("`{}` has no axis `batch`, which other data has", name.text);
                        let problem = Problem::new(message, name.span, "for one example");
                        let shape = if extents.is_empty() { "[batch]" } else { "[batch, ...]" };
                        let hint = format!("every input and target has it as its first axis: `{}{shape}`", name.text);
                        return Err(problem.hint(hint).into());
                    }
                }
            }
            match extents.iter().find_map(mention) {
                None => Ok(()),
                Some(span) => {
                    let message = format!("the shape of `{}` cannot depend on the number of examples", name.text);
                    let problem = Problem::new(message, span, "changes from batch to batch");
                    Err(problem.hint("`batch` is the first axis of inputs and targets, by itself").into())
                }
            }
        }
        StatementKind::Size { name, value } => match mention(value) {
            None => Ok(()),
            Some(span) => {
                let message = format!("the size `{}` cannot depend on the number of examples", name.text);
                Err(Problem::new(message, span, "changes from batch to batch").into())
            }
        },
        _ => Ok(()),
    }
}

/// Where a size expression names the axis.
fn mention(expr: &Expr) -> Option<Span> {
    match &expr.kind {
        ExprKind::Name(name) => (name.text == BATCH).then_some(expr.span),
        ExprKind::Group(inner) | ExprKind::Negate(inner) => mention(inner),
        ExprKind::Sum(addends) => addends.iter().find_map(|(_, addend)| mention(addend)),
        ExprKind::Product(factors) => factors.iter().find_map(|factor| mention(&factor.value)),
        ExprKind::Power(a, b) | ExprKind::Mod(a, b) => mention(a).or_else(|| mention(b)),
        _ => None,
    }
}
