//! Derivations in LaTeX: one `align*` for every chain.

use super::document::{Document, GradientPage, JacobianPage, Line};
use super::terminal::View;

/// The document as LaTeX for the body of a text; it needs `amsmath` and `amssymb`.
pub fn render_latex(document: &Document, view: View) -> String {
    let mut out = String::new();
    if matches!(view, View::Index | View::All) {
        for definition in &document.definitions {
            out.push_str(&chain(&definition.left_latex, &definition.steps));
        }
    }
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
            out.push_str(&chain(&jacobian.left_latex, &jacobian.steps));
        }
    }
    if view == View::Jacobian {
        return;
    }
    out.push_str(&chain(&gradient.left_latex, &gradient.steps));
    // A line of its own: the chain is about entries, this about whole tensors.
    if let Some(matrix) = gradient.full.matrix_latex.as_ref().filter(|_| view == View::All) {
        out.push_str(&format!("\\[ {} = {matrix} \\]\n", heading(gradient)));
    }
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

fn chain(left: &str, steps: &[Line]) -> String {
    let line = |line: &Line| format!("  &= {} && \\text{{{}}}", line.latex, line.rule);
    let lines: Vec<String> = steps.iter().map(line).collect();
    format!("\\begin{{align*}}\n  {left}\n{}\n\\end{{align*}}\n", lines.join(" \\\\\n"))
}
