//! Derivations as Markdown that GitHub sets, and that is still text elsewhere.

use super::document::{Document, GradientPage, JacobianPage, Line};
use super::view::View;
use super::walk::{Pen, closing, title, walk};
use crate::page::{Markup, latex, latex_lines, text};

/// The whole document: formulas in blocks of mathematics, results as code that can be copied.
pub fn render_markdown(document: &Document, view: View) -> String {
    let mut pen = Markdown { view, out: String::new() };
    walk(document, view, &mut pen);
    pen.out
}

/// How wide a line of a chain may be, in the size of its letters.
const COLUMNS: f32 = 32.0;

struct Markdown {
    view: View,
    out: String,
}

impl Markdown {
    fn paragraph(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push_str("\n\n");
    }

    fn block(&mut self, rows: &[String]) {
        if let [only] = rows {
            return self.paragraph(&format!("```math\n{}\n```", only.trim_start_matches("& ")));
        }
        self.paragraph(&format!("```math\n\\begin{{aligned}}\n{}\n\\end{{aligned}}\n```", rows.join(" \\\\\n")));
    }
}

/// A long formula in lines: the further ones are indented.
fn broken(markup: &Markup) -> Vec<String> {
    latex_lines(markup, COLUMNS)
}

/// Rows of a formula after a sign of equality, the last with the rule.
fn rows(formula: &Markup, rule: &str) -> Vec<String> {
    let mut rows = broken(formula);
    for (position, row) in rows.iter_mut().enumerate() {
        *row = if position == 0 { format!("&\\quad = {row}") } else { format!("&\\quad\\qquad {row}") };
    }
    if let Some(last) = rows.last_mut().filter(|_| !rule.is_empty()) {
        *last = format!("{last} && \\textsf{{{rule}}}");
    }
    rows
}

/// Text as code: with as many ticks as it needs.
fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

impl Pen for Markdown {
    fn title(&mut self, document: &Document) {
        self.paragraph(&format!("# {}", title(document)));
        let row = |page: &GradientPage| {
            let matrix = page.matrices().last().map(|matrix| code(&text(matrix))).unwrap_or_default();
            format!("| {} | {matrix} | {} |", code(&page.heading), code(&page.full.index_text()))
        };
        let table: Vec<String> = document.gradients.iter().map(row).collect();
        if !table.is_empty() {
            self.paragraph(&format!(
                "| | matrix notation | index notation |\n| --- | --- | --- |\n{}",
                table.join("\n")
            ));
        }
    }

    fn part(&mut self, title: &str) {
        self.paragraph(&format!("## {title}"));
    }

    fn section(&mut self, page: &GradientPage) {
        self.paragraph(&format!("## {}", code(&page.heading)));
    }

    fn local(&mut self, _: &JacobianPage) {}

    fn typed(&mut self, equation: &str) {
        self.paragraph(&code(equation));
    }

    fn chain(&mut self, left: &Markup, words: &str, lines: &[Line]) {
        let words = if words.is_empty() { String::new() } else { format!(" \\quad\\text{{({words})}}") };
        let mut all = vec![format!("& {}{words}", latex(left))];
        for (hidden, line) in self.view.lines(lines) {
            let folded = if hidden > 0 { format!(" (+{hidden})") } else { String::new() };
            all.extend(rows(&line.formula, &format!("{}{folded}", line.rules(hidden))));
        }
        self.block(&all);
    }

    fn equation(&mut self, left: &Markup, rights: &[&Markup]) {
        let mut all = vec![format!("& {}", latex(left))];
        rights.iter().for_each(|right| all.extend(rows(right, "")));
        if let [left, right] = all.as_slice() {
            all = vec![format!("{left} {}", right.trim_start_matches("&\\quad "))];
        }
        self.block(&all);
    }

    fn fact(&mut self, label: &str, words: &str) {
        self.paragraph(&format!("*{label}*: {}", escaped(words)));
    }

    fn code(&mut self, label: &str, text: &str) {
        self.paragraph(&format!("*{label}*: {}", code(text)));
    }

    fn end(&mut self, document: &Document) {
        self.paragraph(&escaped(&closing(document)));
        if self.view.folded(document) > 0 {
            self.paragraph("(+n): n plain steps before this line are folded; `-v` shows them.");
        }
        self.out.truncate(self.out.trim_end().len());
        self.out.push('\n');
    }
}

/// Words in which nothing is taken for markup.
fn escaped(words: &str) -> String {
    let mut out = String::new();
    for letter in words.chars() {
        if matches!(letter, '*' | '_' | '[' | ']' | '<' | '`' | '\\' | '|') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
