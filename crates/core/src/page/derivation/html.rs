//! Derivations as one page for a browser: MathML, no script, nothing from elsewhere.

use super::document::{Document, GradientPage, JacobianPage, Line};
use super::fold;
use super::view::View;
use super::walk::{Pen, closing, title, walk};
use crate::page::{Markup, mathml};

const STYLE: &str = include_str!("page.css");

/// The whole page.
pub fn render_html(document: &Document, view: View) -> String {
    let mut pen = Html { view, out: String::new() };
    walk(document, view, &mut pen);
    pen.out
}

struct Html {
    view: View,
    out: String,
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The name of a part of the page, for links.
fn anchor(page: &GradientPage) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() { letter.to_string() } else { "-".into() };
    format!("by{}", page.heading.chars().map(plain).collect::<String>())
}

/// A side of an equation after its sign.
fn equals(markup: &Markup) -> String {
    format!("<span class=\"equals\">=</span> {}", mathml(markup))
}

impl Html {
    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn row(&mut self, line: &Line, hidden: usize) {
        let (formula, rule, law) = (equals(&line.formula), escaped(&line.rules(hidden)), escaped(&line.law));
        let law = if law.is_empty() { String::new() } else { format!(" title=\"{law}\"") };
        self.line(&format!(
            "<li><span class=\"formula\">{formula}</span> \
             <span class=\"rule\"{law}>{rule}</span></li>"
        ));
    }
}

impl Pen for Html {
    fn title(&mut self, document: &Document) {
        let title = escaped(&title(document));
        self.line("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">");
        self.line("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        self.line(&format!("<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>"));
        self.line(&format!("<h1>{title}</h1>"));
        if document.gradients.len() > 1 && self.view.has_definitions() {
            self.line("<nav aria-label=\"Results\">\n<ul class=\"results\">");
            for page in &document.gradients {
                let forms = page.matrices();
                let rights = if forms.is_empty() { vec![&page.full.shown] } else { forms };
                let rights: Vec<String> = rights.into_iter().map(equals).collect();
                let equation = format!("{} {}", mathml(&page.title), rights.join(" "));
                self.line(&format!("<li><a href=\"#{}\">{equation}</a></li>", anchor(page)));
            }
            self.line("</ul>\n</nav>");
        }
    }

    fn part(&mut self, title: &str) {
        self.line(&format!("<h2>{}</h2>", escaped(title)));
    }

    fn section(&mut self, page: &GradientPage) {
        self.line(&format!(
            "<section id=\"{}\">\n<h2><span class=\"what\">derivative</span> {}</h2>",
            anchor(page),
            mathml(&page.title)
        ));
    }

    fn end_section(&mut self) {
        self.line("</section>");
    }

    fn local(&mut self, page: &JacobianPage) {
        // What follows by plain steps alone need not be looked at.
        let open = if fold::shown(&page.steps).len() > 2 { " open" } else { "" };
        let equation = format!("{} {}", mathml(&page.left), equals(&page.result.index));
        self.line(&format!(
            "<details class=\"local\"{open}>\n<summary><span class=\"what\">local Jacobian</span> {equation}</summary>"
        ));
    }

    fn end_local(&mut self) {
        self.line("</details>");
    }

    fn typed(&mut self, equation: &str) {
        self.line(&format!("<p class=\"typed\"><code>{}</code></p>", escaped(equation)));
    }

    fn chain(&mut self, left: &Markup, words: &str, lines: &[Line]) {
        let words = if words.is_empty() { String::new() } else { format!(" <span class=\"rule\">{words}</span>") };
        self.line(&format!("<div class=\"chain\">\n<div class=\"left\">{}{words}</div>", mathml(left)));
        let mut is_open = false;
        for (hidden, line) in fold::shown(lines) {
            if !hidden.is_empty() {
                if is_open {
                    self.line("</ol>");
                }
                is_open = false;
                let (count, plural) = (hidden.len(), if hidden.len() == 1 { "" } else { "s" });
                let open = if self.view.unfolded { " open" } else { "" };
                self.line(&format!(
                    "<details class=\"plain\"{open}><summary>{count} plain step{plural}</summary>\n<ol>"
                ));
                hidden.iter().for_each(|line| self.row(line, 0));
                self.line("</ol></details>");
            }
            if !is_open {
                self.line("<ol>");
                is_open = true;
            }
            self.row(line, hidden.len());
        }
        if is_open {
            self.line("</ol>");
        }
        self.line("</div>");
    }

    fn equation(&mut self, left: &Markup, rights: &[&Markup]) {
        let rights: Vec<String> = rights.iter().map(|right| equals(right)).collect();
        self.line(&format!("<p class=\"equation\">{} {}</p>", mathml(left), rights.join(" ")));
    }

    fn fact(&mut self, label: &str, words: &str) {
        self.line(&format!("<p class=\"fact\"><span class=\"what\">{label}</span> {}</p>", escaped(words)));
    }

    fn code(&mut self, label: &str, text: &str) {
        self.line(&format!("<p class=\"fact\"><span class=\"what\">{label}</span> <code>{}</code></p>", escaped(text)));
    }

    fn end(&mut self, document: &Document) {
        self.line(&format!("<footer><p>{}</p></footer>\n</main>\n</body>\n</html>", escaped(&closing(document))));
    }
}
