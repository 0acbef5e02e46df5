//! The order in which a document is told, the same for every format that is set and not aligned.

use super::document::{DefinitionPage, Document, GradientPage, JacobianPage, Line, NamePage, Notations};
use super::view::{Notation, View, verified};
use crate::page::jacobian::Shape;
use crate::page::{Markup, text};

/// Writes the parts of a document in some format.
pub trait Pen {
    /// The head of the document.
    fn title(&mut self, document: &Document);
    /// The head of a part, in words.
    fn part(&mut self, title: &str);
    /// The head of the derivation of a derivative.
    fn section(&mut self, page: &GradientPage);
    /// The end of it.
    fn end_section(&mut self) {}
    /// A local derivative begins.
    fn local(&mut self, page: &JacobianPage);
    /// It ends.
    fn end_local(&mut self) {}
    /// An equation as it was typed.
    fn typed(&mut self, equation: &str);
    /// A chain of equal lines, after a few words on its left side.
    fn chain(&mut self, left: &Markup, words: &str, lines: &[Line]);
    /// Equal sides.
    fn equation(&mut self, left: &Markup, rights: &[&Markup]);
    /// Something to know, in words.
    fn fact(&mut self, label: &str, words: &str);
    /// Text to be copied.
    fn code(&mut self, label: &str, text: &str);
    /// The end of the document.
    fn end(&mut self, document: &Document);
}

/// The title of a document.
pub fn title(document: &Document) -> String {
    match document.title.as_str() {
        "" => "A derivation".into(),
        title => format!("The derivation of {title}"),
    }
}

/// What was checked, as the last paragraph.
pub fn closing(document: &Document) -> String {
    verified(&document.verified)
}

/// Tells the document.
pub fn walk(document: &Document, view: View, pen: &mut dyn Pen) {
    pen.title(document);
    if !document.names.is_empty() && view.notation != Notation::Jacobian {
        pen.part("Names");
        for NamePage { cotangent, value } in &document.names {
            let rights: Vec<&Markup> = std::iter::once(&cotangent.right).chain(value).collect();
            pen.equation(&cotangent.left, &rights);
        }
    }
    if view.notation == Notation::Matrix {
        pen.part("Results in matrix notation");
        for gradient in &document.gradients {
            matrices(gradient, pen);
        }
    }
    if view.has_definitions() && !document.definitions.is_empty() {
        pen.part("Definitions in a stable form");
        document.definitions.iter().for_each(|page| definition(page, pen));
    }
    if view.notation != Notation::Matrix {
        document.gradients.iter().for_each(|page| gradient(page, view, pen));
    }
    pen.end(document);
}

fn definition(page: &DefinitionPage, pen: &mut dyn Pen) {
    pen.chain(&page.left, "", &page.steps);
}

fn gradient(page: &GradientPage, view: View, pen: &mut dyn Pen) {
    let local: Vec<&JacobianPage> = page.local().filter(|_| view.has_jacobians()).collect();
    let has_chain = view.has_chain(page);
    let itself = if !local.is_empty() || has_chain { &[] } else { page.jacobians.as_slice() };
    if local.is_empty() && !has_chain && itself.is_empty() {
        return;
    }
    pen.section(page);
    for jacobian in local.into_iter().chain(itself) {
        pen.local(jacobian);
        jacobian.typed.iter().for_each(|typed| pen.typed(typed));
        let words = if jacobian.heading == page.heading { "all other tensors held fixed" } else { "" };
        pen.chain(&jacobian.left, words, &jacobian.steps);
        if let Some(matrix) = &jacobian.result.matrix {
            pen.equation(&jacobian.title(), &[matrix]);
        }
        shape(&jacobian.shape, pen);
        pen.end_local();
    }
    if has_chain {
        chain(page, view, pen);
    }
    pen.end_section();
}

fn chain(page: &GradientPage, view: View, pen: &mut dyn Pen) {
    if page.local().next().is_none() {
        page.jacobians.iter().filter_map(|own| own.typed.as_ref()).for_each(|typed| pen.typed(typed));
    }
    pen.chain(&page.left, "", &page.steps);
    for cotangent in &page.cotangents {
        pen.equation(&cotangent.left, &[&cotangent.right]);
    }
    page.conventions.iter().for_each(|convention| pen.fact("By convention", convention));
    page.notes.iter().for_each(|note| pen.fact("Note", note));
    page.assumptions.iter().for_each(|assumption| pen.fact("Uses", assumption));
    if let Some(full) = page.in_full() {
        pen.code("In full", &text(full));
    }
    if view.has_matrices(page) {
        matrices(page, pen);
        page.reasons().iter().for_each(|reason| pen.fact("Because", reason));
    }
    page.shape.iter().for_each(|own| shape(own, pen));
}

fn matrices(page: &GradientPage, pen: &mut dyn Pen) {
    let forms = page.matrices();
    if !forms.is_empty() {
        pen.equation(&page.title, &forms);
        if let Some(rows) = page.rows() {
            pen.fact("With the examples along the rows", "");
            pen.equation(&page.title, &[rows]);
            page.broadcasts().iter().for_each(|words| pen.fact("Broadcast", words));
        }
        return;
    }
    let Notations { why, einsum, shown, .. } = &page.full;
    match einsum {
        Some(_) => {}
        None => pen.equation(&page.left, &[shown]),
    }
    pen.fact("No matrix form", why.as_deref().unwrap_or(""));
    einsum.iter().for_each(|einsum| pen.code("einsum", einsum));
}

fn shape(shape: &Shape, pen: &mut dyn Pen) {
    let entries = shape.support.as_ref().map(|support| format!("; {support}"));
    pen.fact("Structure", &format!("{}{}", shape.words(), entries.unwrap_or_default()));
}
