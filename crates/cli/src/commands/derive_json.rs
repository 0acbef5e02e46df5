//! A derivation for programs.

use deltarule_core::page::derivation::{Document, GradientPage, JacobianPage, Line, NamePage, Notations};
use deltarule_core::page::jacobian::Shape;
use deltarule_core::page::{latex, text};
use deltarule_core::term::Polynomial;
use serde_json::{Value, json};

/// The document as one object; `of` is what was differentiated, once or twice.
pub fn as_json(document: &Document, of: &str) -> Value {
    let verified = &document.verified;
    let names = document.names.iter().map(|NamePage { cotangent, .. }| {
        let (left, right) = (text(&cotangent.left), text(&cotangent.right));
        json!({ "name": cotangent.name, "of": &*cotangent.derivative, "equation": format!("{left} = {right}") })
    });
    json!({
        "of": of,
        "verified": {
            "points": verified.points,
            "lines": verified.lines,
            "max_rel_error": verified.max_rel_error,
            "max_difference_error": verified.max_difference_error,
            "not_checked": verified.unchecked.iter().map(|name| &**name).collect::<Vec<_>>(),
        },
        "names": names.collect::<Vec<_>>(),
        "gradients": document.gradients.iter().map(gradient).collect::<Vec<_>>(),
    })
}

fn gradient(page: &GradientPage) -> Value {
    let result = &page.full;
    let mut value = json!({
        "wrt": wrt(page),
        "left": text(&page.left),
        "index": result.index_text(),
        "matrix": result.matrix_text(),
        "latex": latex(result.matrix.as_ref().unwrap_or(&result.index)),
        "rows": page.rows().map(text),
        "broadcasts": page.broadcasts(),
        "name": page.own_name().map(text),
        "named": page.named.as_ref().map(|named| json!({
            "index": named.index_text(), "matrix": named.matrix_text(),
        })),
        "reasons": page.reasons(),
        "conventions": page.conventions,
        "assumptions": page.assumptions,
        "notes": page.notes,
        "jacobians": page.jacobians.iter().map(jacobian).collect::<Vec<_>>(),
        "steps": steps(&page.steps),
    });
    missing(result, &mut value);
    if let Some(shape) = &page.shape {
        value["structure"] = structure(shape);
    }
    value
}

/// `W1`, and for a second derivative `w:b`, as on the command line.
fn wrt(page: &GradientPage) -> String {
    let by = page.heading.strip_prefix("∂²").and_then(|rest| rest.split_once("/∂"));
    by.map_or_else(|| page.wrt.clone(), |(_, by)| by.replace('∂', ":"))
}

fn missing(result: &Notations, value: &mut Value) {
    if let Some(why) = &result.why {
        value["why"] = json!(why);
        value["einsum"] = json!(result.einsum);
    }
}

fn jacobian(page: &JacobianPage) -> Value {
    let mut value = json!({
        "left": text(&page.left),
        "definition": page.typed,
        "index": page.result.index_text(),
        "matrix": page.result.matrix_text(),
        "structure": structure(&page.shape),
        "steps": steps(&page.steps),
    });
    missing(&page.result, &mut value);
    value
}

/// The structure, and how many entries can differ from 0.
fn structure(shape: &Shape) -> Value {
    let support = shape.support.as_ref();
    json!({
        "name": shape.words(),
        "nonzero": support.and_then(|support| count(support.count, support.sized.as_ref().map(|sized| &sized.count))),
        "entries": support.and_then(|support| count(support.all, support.sized.as_ref().map(|sized| &sized.all))),
    })
}

/// A number, or where it is made of named sizes, what it is made of: `"batch hidden"`.
fn count(number: u128, sizes: Option<&Polynomial>) -> Option<Value> {
    match sizes.filter(|sizes| sizes.as_constant().is_none()) {
        Some(sizes) => Some(json!(sizes.to_string())),
        None => u64::try_from(number).ok().map(|number| json!(number)),
    }
}

fn steps(lines: &[Line]) -> Vec<Value> {
    let step =
        |line: &Line| json!({ "rule": line.rule, "law": line.law, "index": text(&line.plain), "folded": line.folded });
    lines.iter().map(step).collect()
}
