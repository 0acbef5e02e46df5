//! Derivations for a terminal: aligned, at most a given number of columns wide.

use super::document::{Document, GradientPage, JacobianPage, Line, NamePage, Notations};
use super::view::{Notation, View, verified};
use crate::page::jacobian::Shape;
use crate::page::{text, width, wrap};

/// The whole document as plain text of at most `columns` columns, where a formula can be broken.
pub fn render_text(document: &Document, view: View, columns: usize) -> String {
    let mut page = Terminal { view, columns, out: Vec::new() };
    page.names(document);
    if view.notation == Notation::Matrix {
        page.matrices(document);
    }
    if view.has_definitions() && !document.definitions.is_empty() {
        page.headed("Definitions in a stable form");
        for definition in &document.definitions {
            page.chain(&text(&definition.left), &definition.steps);
        }
    }
    if view.notation != Notation::Matrix {
        document.gradients.iter().for_each(|gradient| page.gradient(gradient));
    }
    page.out.push(String::new());
    page.out.extend(paragraph(&verified(&document.verified), columns));
    if view.folded(document) > 0 {
        page.out.extend(paragraph("(+n): n plain steps before this line are folded; -v shows them.", columns));
    }
    let mut text = page.out.join("\n");
    text.push('\n');
    text
}

/// One line for every gradient: matrix notation, then index notation. Where a line in terms of the
/// model alone is too long, other derivatives stand by name.
pub fn summary(document: &Document) -> Vec<String> {
    let headings = document.gradients.iter().map(|gradient| width(&gradient.heading)).max().unwrap_or(0);
    let chosen: Vec<(&GradientPage, String, String)> = document
        .gradients
        .iter()
        .map(|gradient| {
            let long = |result: &Notations| {
                let matrix = result.matrix_text().map_or(0, |matrix| width(&matrix) + 3);
                headings + 3 + matrix + width(&result.index_text())
            };
            let full = long(&gradient.full) <= SUMMARY_COLUMNS;
            let result = if full { &gradient.full } else { &gradient.short };
            (gradient, result.matrix_text().unwrap_or_default(), result.index_text())
        })
        .collect();
    let matrices = chosen.iter().map(|(_, matrix, _)| width(matrix)).max().unwrap_or(0).min(48);
    let line = |(gradient, matrix, index): &(&GradientPage, String, String)| {
        let (heading, matrix) = (pad(&gradient.heading, headings), pad(matrix, matrices));
        format!("{heading} = {matrix}   {index}").trim_end().to_string()
    };
    chosen.iter().map(line).collect()
}

/// A summary line in terms of the model alone is at most so wide.
const SUMMARY_COLUMNS: usize = 110;
const MARGIN: usize = 2;
/// A result in terms of the model alone that takes more lines than this is left to other formats.
const LONGEST_IN_FULL: usize = 2;

struct Terminal {
    view: View,
    columns: usize,
    out: Vec<String>,
}

impl Terminal {
    fn headed(&mut self, heading: &str) {
        if !self.out.is_empty() {
            self.out.push(String::new());
        }
        self.out.push(heading.to_string());
        self.out.push("─".repeat(width(heading)));
    }

    /// The names that derivatives have: equations that the language understands.
    fn names(&mut self, document: &Document) {
        if document.names.is_empty() || self.view.notation == Notation::Jacobian {
            return;
        }
        self.headed("Names");
        for NamePage { cotangent, value } in &document.names {
            let left = text(&cotangent.left);
            self.labelled(&format!("{left} = "), &text(&cotangent.right));
            value.iter().for_each(|value| self.labelled(&format!("{} = ", " ".repeat(width(&left))), &text(value)));
        }
    }

    fn matrices(&mut self, document: &Document) {
        if !self.out.is_empty() {
            self.out.push(String::new());
        }
        let headings = document.gradients.iter().map(|gradient| width(&gradient.heading)).max().unwrap_or(0);
        for gradient in &document.gradients {
            let heading = pad(&gradient.heading, headings);
            let lines: Vec<String> = match (gradient.matrices().as_slice(), &gradient.full) {
                ([], Notations { einsum: Some(einsum), .. }) => vec![einsum.clone()],
                ([], full) => {
                    let why = full.why.as_deref().unwrap_or("");
                    vec![format!("{}   (no matrix form: {why})", text(&full.shown))]
                }
                (forms, _) => forms.iter().map(|form| text(form)).collect(),
            };
            for (position, line) in lines.iter().enumerate() {
                let before = if position == 0 { heading.clone() } else { " ".repeat(headings) };
                self.out.extend(wrap(&format!("{before} = {line}"), self.columns, headings + 3));
            }
        }
    }

    fn gradient(&mut self, gradient: &GradientPage) {
        let local: Vec<&JacobianPage> = gradient.local().collect();
        let has_local = self.view.has_jacobians() && !local.is_empty();
        let has_chain = self.view.has_chain(gradient);
        // Where nothing but one local derivative is shown, it is that of the gradient itself.
        let itself = if has_local || has_chain { &[] } else { gradient.jacobians.as_slice() };
        if !has_local && !has_chain && itself.is_empty() {
            return;
        }
        self.headed(&gradient.heading);
        let shown = local.into_iter().filter(|_| has_local).chain(itself);
        let shown: Vec<&JacobianPage> = shown.collect();
        for (position, jacobian) in shown.iter().enumerate() {
            if position > 0 {
                self.out.push(String::new());
            }
            self.jacobian(&gradient.heading, jacobian);
        }
        if has_chain {
            if !shown.is_empty() {
                self.out.push(String::new());
            }
            self.gradient_chain(gradient);
        }
    }

    fn gradient_chain(&mut self, gradient: &GradientPage) {
        if gradient.local().next().is_none() {
            self.typed(gradient.jacobians.first().and_then(|own| own.typed.as_ref()));
        }
        let left = text(&gradient.left);
        self.chain(&left, &gradient.steps);
        for cotangent in &gradient.cotangents {
            let left = text(&cotangent.left);
            match cotangent.is_product {
                true => self.labelled("name: ", &format!("{left} = {}", text(&cotangent.right))),
                false => self.labelled("name: ", &left),
            }
        }
        gradient.conventions.iter().for_each(|convention| self.labelled("by convention ", convention));
        gradient.notes.iter().for_each(|note| self.labelled("note: ", note));
        gradient.assumptions.iter().for_each(|assumption| self.labelled("uses: ", assumption));
        if let Some(full) = gradient.in_full() {
            let lines = wrap(&format!("  in full: {}", text(full)), self.columns, MARGIN + 9);
            self.out.extend(Some(lines).filter(|lines| lines.len() <= LONGEST_IN_FULL).into_iter().flatten());
        }
        if self.view.has_matrices(gradient) {
            self.matrix(gradient);
        }
        self.shape(gradient.shape.as_ref());
    }

    fn matrix(&mut self, gradient: &GradientPage) {
        let forms = gradient.matrices();
        for (position, form) in forms.iter().enumerate() {
            let label = if position == 0 { "matrix: " } else { "      = " };
            self.labelled(label, &text(form));
        }
        if let Some(rows) = gradient.rows() {
            self.labelled("examples along rows: ", &text(rows));
            gradient.broadcasts().iter().for_each(|words| self.labelled("broadcast: ", words));
        }
        gradient.reasons().iter().for_each(|reason| self.labelled("because ", reason));
        if forms.is_empty() {
            self.no_matrix(&gradient.full);
        }
    }

    fn no_matrix(&mut self, result: &Notations) {
        self.labelled("no matrix form: ", result.why.as_deref().unwrap_or(""));
        if let Some(einsum) = &result.einsum {
            self.labelled("einsum: ", einsum);
        }
    }

    fn jacobian(&mut self, gradient: &str, jacobian: &JacobianPage) {
        self.typed(jacobian.typed.as_ref());
        let left = match jacobian.heading == *gradient {
            true => format!("{}, all other tensors held fixed", text(&jacobian.left)),
            false => text(&jacobian.left),
        };
        self.chain(&left, &jacobian.steps);
        if let Some(matrix) = jacobian.result.matrix_text() {
            self.labelled("matrix: ", &matrix);
        }
        self.shape(Some(&jacobian.shape));
    }

    fn shape(&mut self, shape: Option<&Shape>) {
        let Some(shape) = shape else { return };
        let entries = shape.support.as_ref().map(|support| format!("; {support}"));
        self.labelled("structure: ", &format!("{}{}", shape.words(), entries.unwrap_or_default()));
    }

    fn typed(&mut self, typed: Option<&String>) {
        self.out.extend(typed.map(|typed| format!("  {typed}")));
    }

    fn labelled(&mut self, label: &str, formula: &str) {
        let line = format!("{}{label}{formula}", " ".repeat(MARGIN));
        self.out.extend(wrap(&line, self.columns, MARGIN + width(label)));
    }

    /// A chain of equal lines: the signs of equality one below the other, the rules in a column.
    fn chain(&mut self, left: &str, steps: &[Line]) {
        let margin = " ".repeat(MARGIN);
        self.out.push(format!("{margin}{left}"));
        let lines: Vec<(String, String)> = self.view.lines(steps).into_iter().map(as_text).collect();
        let rules = lines.iter().map(|(_, rule)| width(rule)).max().unwrap_or(0);
        let indent = MARGIN + 4;
        let room = self.columns.saturating_sub(rules + 3);
        let fitting = lines.iter().map(|(line, _)| indent + width(line)).filter(|width| *width <= room).max();
        let column = fitting.unwrap_or(0).clamp(40.min(room), room) + 3;
        for (line, rule) in lines {
            let mut lines = wrap(&format!("{margin}  = {line}"), self.columns, indent + 2);
            let last = lines.pop().unwrap_or_default();
            if width(&last) + 3 <= column {
                lines.push(format!("{}{rule}", pad(&last, column)));
            } else {
                lines.push(last);
                lines.push(format!("{}{rule}", " ".repeat(column)));
            }
            self.out.extend(lines);
        }
    }
}

/// A line and its rule; how many lines are folded before it stands with the rule.
fn as_text((hidden, line): (usize, &Line)) -> (String, String) {
    let rule = if hidden > 0 { format!("{} (+{hidden})", line.rules(hidden)) } else { line.rule.clone() };
    (text(&line.formula), rule)
}

fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
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
