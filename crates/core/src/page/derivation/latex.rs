//! Derivations in LaTeX: one `align*` for every chain.

use super::document::{Document, GradientPage, JacobianPage, Line, Notations};
use super::terminal::View;

/// The document as LaTeX for the body of a text; it needs `amsmath` and `amssymb`.
pub fn render_latex(document: &Document, view: View) -> String {
    let mut out = String::new();
    for gradient in &document.gradients {
        gradient_latex(gradient, view, &mut out);
    }
    out
}

fn gradient_latex(gradient: &GradientPage, view: View, out: &mut String) {
    if view == View::Matrix {
        let right = gradient.full.matrix_latex.as_ref().unwrap_or(&gradient.full.index_latex);
        out.push_str(&format!("\\[ {} = {right} \\]\n", heading(gradient)));
        return;
    }
    out.push_str(&format!("\\paragraph{{${}$}}\n", heading(gradient)));
    if view != View::Index {
        let shown_below = |jacobian: &&JacobianPage| gradient.jacobians.len() == 1 && jacobian.left == gradient.left;
        for jacobian in gradient.jacobians.iter().filter(|jacobian| view == View::Jacobian || !shown_below(jacobian)) {
            out.push_str(&chain(&jacobian.left_latex, &jacobian.steps, &[]));
        }
    }
    if view == View::Jacobian {
        return;
    }
    let results = if view == View::All { last_lines(&gradient.full) } else { Vec::new() };
    out.push_str(&chain(&gradient.left_latex, &gradient.steps, &results));
}

fn heading(gradient: &GradientPage) -> String {
    // The left side without subscripts.
    crate::page::latex(&crate::page::Markup::Derivative(
        Box::new(crate::page::Markup::name(gradient.of())),
        Box::new(crate::page::Markup::name(&gradient.wrt)),
    ))
}

impl GradientPage {
    /// The tensor that is differentiated.
    fn of(&self) -> &str {
        crate::derivation::derivative_parts(&self.heading).map_or("", |(of, _)| of)
    }
}

fn last_lines(result: &Notations) -> Vec<(String, &'static str)> {
    result.matrix_latex.iter().map(|matrix| (matrix.clone(), "in matrix notation")).collect()
}

fn chain(left: &str, steps: &[Line], further: &[(String, &'static str)]) -> String {
    let lines = steps.iter().map(|line| (line.latex.clone(), line.rule.as_str()));
    let lines: Vec<String> = lines
        .chain(further.iter().map(|(formula, note)| (formula.clone(), *note)))
        .map(|(formula, note)| format!("  &= {formula} && \\text{{{note}}}"))
        .collect();
    format!("\\begin{{align*}}\n  {left}\n{}\n\\end{{align*}}\n", lines.join(" \\\\\n"))
}
