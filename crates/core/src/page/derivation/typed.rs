//! Equations as they were typed.

use crate::model::Model;
use crate::syntax::tree::{Statement, StatementKind, Tree};
use crate::term::Name;
use crate::text::{Source, Span};
use std::collections::BTreeMap;

/// The equation of every tensor of a model that has one, as it stands in the text, in one line.
pub fn typed(source: &Source, tree: &Tree, model: &Model) -> BTreeMap<Name, String> {
    let line = |span: Span| {
        let text = source.text.get(span.range())?;
        let lines =
            text.lines().map(|line| line.split('#').next().unwrap_or("").trim()).filter(|line| !line.is_empty());
        Some(lines.collect::<Vec<_>>().join(" "))
    };
    let defined = model.tensors.iter().filter(|tensor| model.definition(&tensor.name).is_some());
    defined
        .filter_map(|tensor| Some((tensor.name.clone(), line(statement_at(&tree.statements, tensor.span)?)?)))
        .collect()
}

/// The equation that the place is in.
fn statement_at(statements: &[Statement], place: Span) -> Option<Span> {
    let holds = |span: Span| span.start <= place.start && place.end <= span.end && place.end > place.start;
    let statement = statements.iter().find(|statement| holds(statement.span))?;
    match &statement.kind {
        StatementKind::For { body, .. } => statement_at(body, place),
        StatementKind::Equation(_) => Some(statement.span),
        _ => None,
    }
}
