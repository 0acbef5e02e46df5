//! Derivations as a document that LaTeX compiles as it is.

use super::document::{Document, GradientPage, JacobianPage, Line};
use super::view::View;
use super::walk::{Pen, closing, title, walk};
use crate::page::{Markup, latex, latex_lines, latex_words};

/// The whole document; `pdflatex` and its relatives compile it.
pub fn render_latex(document: &Document, view: View) -> String {
    let mut pen = Latex { view, out: String::new() };
    walk(document, view, &mut pen);
    pen.out
}

/// How wide a line of a chain may be, in the size of its letters.
const COLUMNS: f32 = 38.0;

const PREAMBLE: &str = r"\documentclass[11pt,fleqn]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern}
\usepackage{amsmath,amssymb}
\usepackage[a4paper,margin=22mm]{geometry}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\setlength{\mathindent}{1em}
\setcounter{secnumdepth}{0}
\raggedbottom
\AtBeginDocument{\setlength{\abovedisplayskip}{3pt}\setlength{\abovedisplayshortskip}{3pt}%
  \setlength{\belowdisplayskip}{5pt}\setlength{\belowdisplayshortskip}{5pt}}
% The rule that gives a line, at its end.
\newcommand{\by}[1]{\tag*{\footnotesize\itshape #1}}
\newcommand{\fact}[2]{{\small\raggedright\textsl{#1}: #2\par}}
\newcommand{\typed}[1]{{\small\raggedright\texttt{#1}\par}}
";

struct Latex {
    view: View,
    out: String,
}

impl Latex {
    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }
}

/// A long formula in lines: the further ones are indented.
fn broken(markup: &Markup) -> String {
    latex_lines(markup, COLUMNS).join(" \\\\\n  &\\qquad ")
}

impl Pen for Latex {
    fn title(&mut self, document: &Document) {
        self.out.push_str(PREAMBLE);
        self.line("\\begin{document}");
        self.line(&format!("\\section{{{}}}", latex_words(&title(document))));
    }

    fn part(&mut self, title: &str) {
        self.line(&format!("\n\\subsection{{{title}}}"));
    }

    fn section(&mut self, page: &GradientPage) {
        self.line(&format!("\n\\subsection{{$\\displaystyle {}$}}", latex(&page.title)));
    }

    fn local(&mut self, _: &JacobianPage) {}

    fn typed(&mut self, equation: &str) {
        self.line(&format!("\\typed{{{}}}", latex_words(equation)));
    }

    fn chain(&mut self, left: &Markup, words: &str, lines: &[Line]) {
        let words = if words.is_empty() { String::new() } else { format!(" \\quad\\text{{({words})}}") };
        let mut rows = vec![format!("  & {}{words}", latex(left))];
        for (hidden, line) in self.view.lines(lines) {
            let folded = if hidden > 0 { format!(" (+{hidden})") } else { String::new() };
            rows.push(format!(
                "  &\\quad = {} \\by{{{}{folded}}}",
                broken(&line.formula),
                latex_words(&line.rules(hidden))
            ));
        }
        self.line(&format!("\\begin{{align*}}\n{}\n\\end{{align*}}", rows.join(" \\\\\n")));
    }

    fn equation(&mut self, left: &Markup, rights: &[&Markup]) {
        let rights: Vec<String> = rights.iter().map(|right| format!("= {}", broken(right))).collect();
        let rights = rights.join(" \\\\\n  &\\quad ");
        self.line(&format!("\\begin{{align*}}\n  & {} {rights}\n\\end{{align*}}", latex(left)));
    }

    fn fact(&mut self, label: &str, words: &str) {
        self.line(&format!("\\fact{{{label}}}{{{}}}", latex_words(words)));
    }

    fn code(&mut self, label: &str, text: &str) {
        self.line(&format!("\\fact{{{label}}}{{\\texttt{{{}}}}}", latex_words(text)));
    }

    fn end(&mut self, document: &Document) {
        self.line(&format!("\n\\bigskip {}", latex_words(&closing(document))));
        if self.view.folded(document) > 0 {
            self.line("\n{\\small(+n): n plain steps before this line are left out.}");
        }
        self.line("\\end{document}");
    }
}
