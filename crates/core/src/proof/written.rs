//! Claims as they are written: their parts, and where letters stand.

use crate::model::{Model, Role, TargetKind, derivative_name};
use crate::syntax::parse;
use crate::syntax::tree::{Claim, Expr, ExprKind, Statement, StatementKind, Tree};
use crate::term::Name;
use crate::text::{Source, Span};

/// The claim that stands at a place.
pub(super) fn claim_at(tree: &Tree, span: Span) -> Option<&Claim> {
    fn find(statements: &[Statement], span: Span) -> Option<&Claim> {
        statements.iter().find_map(|statement| match &statement.kind {
            StatementKind::Claim(claim) if statement.span == span => Some(claim),
            StatementKind::For { body, .. } => find(body, span),
            _ => None,
        })
    }
    find(&tree.statements, span)
}

/// The derivatives that stand in lines whose indices cannot be right: once they are mended they are needed.
pub(super) fn derivatives_of_misfits(source: &Source, model: &Model) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    let Ok(tree) = parse(source) else { return names };
    for claim in model.claims.iter().filter(|claim| claim.lines.iter().any(|line| line.value.is_err())) {
        for line in claim_at(&tree, claim.span).into_iter().flat_map(|claim| &claim.lines) {
            line.value.visit(&mut |expr| {
                let ExprKind::Derivative { of, wrt } = &expr.kind else { return };
                let tensor = |expr: &Expr| match &expr.kind {
                    ExprKind::Read { tensor, .. } | ExprKind::Name(tensor) => model.tensor(&tensor.text),
                    _ => None,
                };
                if let (Some(of), Some(wrt)) = (tensor(of), tensor(wrt)) {
                    names.push(derivative_name(&of.name, &wrt.name));
                }
            });
        }
    }
    names
}

/// A letter where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Occurrence<'e> {
    pub letter: &'e str,
    pub span: Span,
    /// Whether it is bound there.
    pub binds: bool,
}

/// Where the indices of an expression stand, in the order of the text.
pub(super) fn occurrences<'e>(expr: &'e Expr, model: &Model) -> Vec<Occurrence<'e>> {
    let mut all = Vec::new();
    collect(expr, false, &mut all);
    let is_integer = |letter: &str| {
        let role = model.tensor(letter).filter(|tensor| tensor.shape.is_empty()).map(|tensor| &tensor.role);
        matches!(role, Some(Role::Input { below: Some(_) } | Role::Target(TargetKind::Integer(_))))
    };
    let letters: Vec<&str> = all
        .iter()
        .filter(|(found, subscript)| (found.binds || *subscript) && !is_integer(found.letter))
        .map(|(found, _)| found.letter)
        .collect();
    // A letter that stands by itself may be a scalar of the same name.
    let is_index = |(found, subscript): &(Occurrence, bool)| {
        letters.contains(&found.letter) && (found.binds || *subscript || model.tensor(found.letter).is_none())
    };
    all.into_iter().filter(is_index).map(|(found, _)| found).collect()
}

fn collect<'e>(expr: &'e Expr, subscript: bool, found: &mut Vec<(Occurrence<'e>, bool)>) {
    match &expr.kind {
        ExprKind::Name(name) => {
            found.push((Occurrence { letter: &name.text, span: expr.span, binds: false }, subscript));
        }
        ExprKind::Reduce { binders, .. } => {
            let bound = |span, letter| (Occurrence { letter, span, binds: true }, true);
            found.extend(binders.iter().map(|binder| bound(binder.name.span, binder.name.text.as_str())));
        }
        _ => {}
    }
    for (part, own) in expr.parts() {
        collect(part, own || subscript, found);
    }
}

/// The text of an expression on one line, without comments.
pub(super) fn text_of(source: &str, span: Span) -> String {
    flat(&source[span.range()])
}

/// A text on one line, without comments.
pub(super) fn flat(text: &str) -> String {
    let code = text.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    code.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A text with some of its parts replaced; the places must not overlap.
pub(super) fn edited(text: &str, within: Span, edits: &[(Span, String)]) -> String {
    let mut edits: Vec<&(Span, String)> = edits.iter().collect();
    edits.sort_by_key(|(span, _)| (span.start, span.end));
    let (mut result, mut at) = (String::new(), within.start as usize);
    for (span, replacement) in edits {
        let start = (span.start as usize).max(at);
        result += &text[at..start];
        result += replacement;
        at = start.max(span.end as usize);
    }
    result + &text[at..(within.end as usize).max(at)]
}

/// A product, written again from the texts of its factors and whether each divides.
pub(super) fn product(factors: &[(String, bool)]) -> String {
    let side = |divides: bool| factors.iter().filter(move |factor| factor.1 == divides).map(|factor| factor.0.as_str());
    let (above, below): (Vec<&str>, Vec<&str>) = (side(false).collect(), side(true).collect());
    let ends_in_sum = |text: &str| {
        ["sum[", "Σ[", "∑[", "mean[", "prod[", "max[", "min[", "logsumexp["].iter().any(|word| text.starts_with(word))
    };
    let mut result = String::new();
    for (number, factor) in above.iter().enumerate() {
        let is_last = number + 1 == above.len() && below.is_empty();
        if !result.is_empty() {
            // A name followed by a bracket would be a call.
            let is_name = result.chars().last().is_some_and(|last| last.is_alphanumeric() || last == '\'');
            result += if is_name && factor.starts_with('(') { " * " } else { " " };
        }
        result += &if ends_in_sum(factor) && !is_last { format!("({factor})") } else { factor.to_string() };
    }
    if result.is_empty() {
        result.push('1');
    }
    match below.as_slice() {
        [] => result,
        [only] => format!("{result} / {}", if ends_in_sum(only) { format!("({only})") } else { only.to_string() }),
        several => format!("{result} / ({})", several.join(" * ")),
    }
}
