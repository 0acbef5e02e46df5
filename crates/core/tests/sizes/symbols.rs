//! Derivations and pages of models whose sizes are symbols.

use crate::{derived, models, parsed, point, symbolic, values};
use deltarule_core::derivation::{Backward, verify};
use deltarule_core::page::derivation::{
    Contents, Document, Notation, View, document, render_html, render_latex, render_markdown, render_text, typed,
};
use deltarule_core::term::Term;
use std::collections::BTreeMap;

/// Numbers that stand in no model and in no other formula.
const PRIMES: [usize; 6] = [17, 19, 23, 29, 31, 37];

fn page(text: &str, backward: &Backward) -> Document {
    let (source, tree) = parsed(text);
    let points = [point(&backward.model)];
    let verified = verify(backward, &points).unwrap();
    let typed = typed(&source, &tree, &backward.source);
    document(&Contents { backward, wrt: &[], verified, points: &points, typed: &typed, title: "test.dr" })
}

/// The integers in a text.
fn integers(text: &str) -> Vec<&str> {
    let digits = |c: char| !c.is_ascii_digit() && c != '.';
    text.split(digits).filter(|word| !word.is_empty()).collect()
}

#[test]
fn no_page_has_a_number_for_a_named_size() {
    for (name, text) in models() {
        let at_hand = symbolic(&text, &BTreeMap::new());
        let model = symbolic(&text, &values(&at_hand, &PRIMES));
        assert!(!model.symbols.is_empty(), "{name}");
        let page = page(&text, &derived(&model));
        let view = View { notation: Notation::All, unfolded: true };
        // What is said of the check counts lines.
        let body = |page: String| page.split("Every line").next().unwrap_or_default().to_string();
        let latex = render_latex(&page, view);
        let (_, latex) = latex.split_once("\\begin{document}").unwrap();
        let html = render_html(&page, view);
        let (_, html) = html.split_once("</style>").unwrap();
        let pages = [render_text(&page, view, 100), render_markdown(&page, view), latex.into(), html.into()].map(body);
        for page in &pages {
            for prime in PRIMES.map(|prime| prime.to_string()) {
                let line = page.lines().find(|line| integers(line).contains(&prime.as_str()));
                assert_eq!(line, None, "{name} {:?}", model.symbols);
            }
        }
    }
}

/// All lines of all derivations.
pub fn lines(backward: &Backward) -> Vec<Term> {
    let of = |derivation: &deltarule_core::derivation::Derivation| {
        let steps = derivation.steps.iter().map(|step| step.after.clone());
        std::iter::once(derivation.start.clone()).chain(steps).collect::<Vec<_>>()
    };
    let gradients = backward.gradients.iter().flat_map(|gradient| {
        let full = gradient.in_full.iter().flat_map(&of);
        of(&gradient.derivation).into_iter().chain(of(&gradient.shown)).chain(full).collect::<Vec<_>>()
    });
    let locals = backward.jacobians.iter().flat_map(|local| of(&local.derivation));
    gradients.chain(locals).collect()
}

#[test]
fn the_derivation_is_the_same_for_all_sizes() {
    for (name, text) in models() {
        let at_hand = symbolic(&text, &BTreeMap::new());
        let first = lines(&derived(&at_hand));
        for numbers in [[2, 3, 5, 4, 6, 7], [9, 8, 2, 11, 3, 5]] {
            let other = lines(&derived(&symbolic(&text, &values(&at_hand, &numbers))));
            assert_eq!(first.len(), other.len(), "{name}");
            for (one, two) in first.iter().zip(&other) {
                assert_eq!(one, two, "{name}");
            }
        }
    }
}

#[test]
fn textbooks_have_these_results() {
    let results: Vec<String> = crate::TEXTBOOK
        .iter()
        .map(|(name, text)| {
            let page = page(text, &derived(&symbolic(text, &BTreeMap::new())));
            let shown = page.gradients.iter().map(|gradient| {
                let index = gradient.full.index_text();
                let matrix = gradient.full.matrix_text().map_or(String::new(), |matrix| format!("\n    {matrix}"));
                format!("  {} = {index}{matrix}\n", gradient.heading)
            });
            format!("{name}\n{}", shown.collect::<String>())
        })
        .collect();
    insta::assert_snapshot!(results.join("\n"));
}
