//! Derivations for a terminal: aligned, at most a given number of columns wide.

use super::document::{Document, GradientPage, JacobianPage, Line, Notations};
use crate::derivation::Verification;
use crate::page::{width, wrap};

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The chains in index notation.
    Index,
    /// The results in matrix notation.
    Matrix,
    /// The local derivatives.
    Jacobian,
    /// Everything.
    All,
}

/// The whole document as plain text of at most `columns` columns, where a formula can be broken.
pub fn render_text(document: &Document, view: View, columns: usize) -> String {
    let mut out = Vec::new();
    if view == View::Matrix {
        let heading = document.gradients.iter().map(|gradient| width(&gradient.heading)).max().unwrap_or(0);
        for gradient in &document.gradients {
            out.extend(matrix_line(&pad(&gradient.heading, heading), &gradient.full, columns));
        }
    }
    if matches!(view, View::Index | View::All) && !document.definitions.is_empty() {
        headed("Definitions in a stable form", &mut out);
        for definition in &document.definitions {
            chain(&definition.left, &definition.steps, columns, &mut out);
        }
    }
    if view != View::Matrix {
        document.gradients.iter().for_each(|gradient| gradient_text(gradient, view, columns, &mut out));
    }
    out.push(String::new());
    out.extend(paragraph(&verified(&document.verified), columns));
    let mut text = out.join("\n");
    text.push('\n');
    text
}

/// One line for every gradient: matrix notation, then index notation. Where a line in terms of the
/// model alone is too long, other derivatives stand by name.
pub fn summary(document: &Document) -> Vec<String> {
    let headings = document.gradients.iter().map(|gradient| width(&gradient.heading)).max().unwrap_or(0);
    let chosen: Vec<(&GradientPage, String, &str)> = document
        .gradients
        .iter()
        .map(|gradient| {
            let long = |result: &Notations| {
                let matrix = result.matrix.as_ref().map_or(0, |matrix| width(matrix) + 3);
                headings + 3 + matrix + width(&result.index)
            };
            let full = long(&gradient.full) <= SUMMARY_COLUMNS;
            let result = if full { &gradient.full } else { &gradient.short };
            (gradient, result.matrix.clone().unwrap_or_default(), result.index.as_str())
        })
        .collect();
    let matrices = chosen.iter().map(|(_, matrix, _)| width(matrix)).max().unwrap_or(0).min(48);
    let line = |(gradient, matrix, index): &(&GradientPage, String, &str)| {
        let (heading, matrix) = (pad(&gradient.heading, headings), pad(matrix, matrices));
        format!("{heading} = {matrix}   {index}").trim_end().to_string()
    };
    chosen.iter().map(line).collect()
}

/// A summary line in terms of the model alone is at most so wide.
const SUMMARY_COLUMNS: usize = 110;

fn gradient_text(gradient: &GradientPage, view: View, columns: usize, out: &mut Vec<String>) {
    headed(&gradient.heading, out);
    if view != View::Index {
        let shown_below = |jacobian: &&JacobianPage| gradient.jacobians.len() == 1 && jacobian.left == gradient.left;
        for jacobian in gradient.jacobians.iter().filter(|jacobian| view == View::Jacobian || !shown_below(jacobian)) {
            jacobian_text(&gradient.heading, jacobian, columns, out);
        }
    }
    if view == View::Jacobian {
        return;
    }
    chain(&gradient.left, &gradient.steps, columns, out);
    out.extend(gradient.note.iter().map(|note| format!("{}{note}", " ".repeat(MARGIN))));
    let reached = gradient.steps.last().map_or(&gradient.left, |line| &line.index);
    let full = labelled("in full: ", &gradient.full.index, columns);
    if gradient.full.index != *reached && full.len() <= LONGEST_IN_FULL {
        out.extend(full);
    }
    if view == View::All {
        out.extend(matrix_label(&gradient.full, columns));
        out.extend(gradient.full.reasons.iter().flat_map(|reason| labelled("because ", reason, columns)));
    }
}

fn headed(heading: &str, out: &mut Vec<String>) {
    if !out.is_empty() {
        out.push(String::new());
    }
    out.push(heading.to_string());
    out.push("─".repeat(width(heading)));
}

fn jacobian_text(gradient: &str, jacobian: &JacobianPage, columns: usize, out: &mut Vec<String>) {
    let left = match jacobian.heading == *gradient {
        true => format!("{}, all other tensors held fixed", jacobian.left),
        false => jacobian.left.clone(),
    };
    chain(&left, &jacobian.steps, columns, out);
    if jacobian.result.matrix.is_some() {
        out.extend(matrix_label(&jacobian.result, columns));
    }
    out.push(String::new());
}

fn matrix_label(result: &Notations, columns: usize) -> Vec<String> {
    if let Some(matrix) = &result.matrix {
        let mut lines = labelled("matrix: ", matrix, columns);
        lines.extend(result.rows.iter().flat_map(|rows| labelled("examples along rows: ", rows, columns)));
        return lines;
    }
    let mut lines = labelled("no matrix form: ", result.why.as_deref().unwrap_or(""), columns);
    lines.extend(result.einsum.iter().flat_map(|einsum| labelled("einsum: ", einsum, columns)));
    lines
}

fn matrix_line(heading: &str, result: &Notations, columns: usize) -> Vec<String> {
    let right = match (&result.matrix, &result.einsum, &result.why) {
        (Some(matrix), _, _) => matrix.clone(),
        (None, Some(einsum), _) => einsum.clone(),
        (None, None, why) => format!("{}   (no matrix form: {})", result.index, why.as_deref().unwrap_or("")),
    };
    wrap(&format!("{heading} = {right}"), columns, width(heading) + 3)
}

const MARGIN: usize = 2;

/// A result in terms of the model alone that takes more lines than this is left to other formats.
const LONGEST_IN_FULL: usize = 2;

fn labelled(label: &str, formula: &str, columns: usize) -> Vec<String> {
    let line = format!("{}{label}{formula}", " ".repeat(MARGIN));
    wrap(&line, columns, MARGIN + width(label))
}

/// A chain of equal lines: the signs of equality one below the other, the rules in a column.
fn chain(left: &str, steps: &[Line], columns: usize, out: &mut Vec<String>) {
    let margin = " ".repeat(MARGIN);
    out.push(format!("{margin}{left}"));
    let rules = steps.iter().map(|line| width(&line.rule)).max().unwrap_or(0);
    let indent = MARGIN + 4;
    let room = columns.saturating_sub(rules + 3);
    let fitting = steps.iter().map(|line| indent + width(&line.index)).filter(|width| *width <= room).max();
    let column = fitting.unwrap_or(0).clamp(40.min(room), room) + 3;
    for line in steps {
        let mut lines = wrap(&format!("{margin}  = {}", line.index), columns, indent + 2);
        let last = lines.pop().unwrap_or_default();
        if width(&last) + 3 <= column {
            lines.push(format!("{}{}", pad(&last, column), line.rule));
        } else {
            lines.push(last);
            lines.push(format!("{}{}", " ".repeat(column), line.rule));
        }
        out.extend(lines);
    }
}

fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// What was checked, in words.
fn verified(verification: &Verification) -> String {
    if verification.points == 0 {
        return "Nothing was checked.".into();
    }
    let points = match verification.points {
        1 => "1 random point".to_string(),
        points => format!("{points} random points"),
    };
    format!(
        "Every line was evaluated at {points}; greatest relative difference {}. Results against finite \
         differences: {}.",
        small(verification.max_rel_error),
        small(verification.max_difference_error)
    )
}

fn small(error: f64) -> String {
    if error == 0.0 { "0".into() } else { format!("{error:.0e}") }
}

fn paragraph(words: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        let last = lines.last_mut().expect("never empty");
        if !last.is_empty() && width(last) + 1 + width(word) > columns {
            lines.push(word.to_string());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}
