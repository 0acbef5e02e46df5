//! Whole derivations of the models.

use crate::{model, point};
use deltarule_core::derivation::{Backward, Gradient, derive, random_point, verify};
use deltarule_core::meaning::{Point, evaluate};
use deltarule_core::model::Model;
use deltarule_core::page::derivation::{
    Contents, Document, Notation, View, document, render_html, render_latex, render_markdown, render_text, summary,
    typed,
};
use deltarule_core::page::{self, text};
use deltarule_core::syntax;
use deltarule_core::term::Term;
use deltarule_core::text::Source;
use std::collections::BTreeMap;
use std::sync::LazyLock;

fn source(file: &str) -> String {
    let path = format!("{}/../../models/{file}.dr", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    // Small extents, for speed; still all different.
    text.replace("x[64]", "x[7]").replace("W1[hidden, 64]", "W1[hidden, 7]").replace("hidden = 32", "hidden = 5")
}

fn backward(model: &Model) -> Backward {
    let wrt: Vec<_> = model.parameters().map(|tensor| tensor.name.clone()).collect();
    let mut backward = derive(model, "loss", &wrt).unwrap();
    backward.put_in_full();
    backward
}

/// The derivation of the loss of a model by its parameters and all between, checked.
fn derived(file: &str) -> &'static Document {
    static DOCUMENTS: LazyLock<BTreeMap<&str, Document>> =
        LazyLock::new(|| MODELS.iter().map(|file| (*file, derivation_of(file))).collect());
    &DOCUMENTS[file]
}

fn derivation_of(file: &str) -> Document {
    document_of(source(file), &format!("{file}.dr"))
}

fn document_of(model_text: String, title: &str) -> Document {
    let source = Source::new("test.dr", model_text);
    let model = model(&source.text);
    let typed = typed(&source, &syntax::parse(&source).unwrap(), &model);
    let backward = backward(&model);
    let mut state = 7u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let points: Vec<Point> = (0..2).map(|_| random_point(&model, &mut uniform)).collect();
    let mut verified = verify(&backward, &points).unwrap();
    // Rounding is another on every machine.
    (verified.max_rel_error, verified.max_difference_error) = (4e-16, 1e-11);
    document(&Contents { backward: &backward, wrt: &[], verified, points: &points, typed: &typed, title })
}

const MODELS: [&str; 5] = ["digits", "article-mse", "logistic", "factorisation", "attention"];

#[test]
fn pages() {
    for file in MODELS {
        let document = derived(file);
        let page = render_text(document, View::of(Notation::All), 100);
        let matrices = render_text(document, View::of(Notation::Matrix), 100);
        let lines = summary(document).join("\n");
        insta::assert_snapshot!(file, format!("{page}\n\nMatrix notation\n\n{matrices}\n\nSummary\n\n{lines}"));
    }
}

#[test]
fn latex_pages() {
    for file in ["digits", "attention"] {
        insta::assert_snapshot!(format!("{file}-latex"), render_latex(derived(file), View::of(Notation::All)));
    }
}

#[test]
fn plain_steps_are_shown_where_they_are_asked_for() {
    let document = derived("digits");
    let folded = render_text(document, View::of(Notation::All), 100);
    let unfolded = render_text(document, View { notation: Notation::All, unfolded: true }, 100);
    let lines = |text: &str| text.lines().filter(|line| line.contains("    = ")).count();
    let hidden: usize =
        folded.split("(+").skip(1).filter_map(|rest| rest.split(')').next()?.parse::<usize>().ok()).sum();
    assert!(hidden > 10, "{folded}");
    assert_eq!(lines(&folded) + hidden, lines(&unfolded));
    assert!(!unfolded.contains("(+"));
}

#[test]
fn markdown_and_html_pages() {
    insta::assert_snapshot!("digits-markdown", render_markdown(derived("digits"), View::of(Notation::All)));
    insta::assert_snapshot!("digits-html", render_html(derived("digits"), View::of(Notation::All)));
}

#[test]
fn html_pages_are_well_formed() {
    for file in MODELS {
        for notation in [Notation::Index, Notation::Matrix, Notation::Jacobian, Notation::All] {
            let page = render_html(derived(file), View::of(notation));
            crate::wellformed::check(&page).unwrap_or_else(|problem| panic!("{file}: {problem}"));
            assert!(!page.contains("<script") && !page.contains("http"), "{file}");
        }
    }
}

#[test]
fn latex_pages_compile() {
    if !crate::compiles::is_installed() {
        eprintln!("skipped: pdflatex is not installed");
        return;
    }
    for file in MODELS {
        for view in [View::of(Notation::All), View { notation: Notation::Index, unfolded: true }] {
            crate::compiles::check(&render_latex(derived(file), view)).unwrap_or_else(|log| panic!("{file}: {log}"));
        }
    }
}

#[test]
fn the_matrix_forms_are_those_of_the_article() {
    let expect = |file: &str, forms: &[(&str, &str)]| {
        let document = derived(file);
        for (wrt, expected) in forms {
            let page = document.gradients.iter().find(|page| page.wrt == *wrt).unwrap();
            assert_eq!(page.full.matrix_text().as_deref(), Some(*expected), "{file}: {wrt}");
        }
    };
    expect(
        "digits",
        &[
            ("z2", "p - y"),
            ("W2", "(p - y) a1ᵀ"),
            ("b2", "p - y"),
            ("z1", "(W2ᵀ (p - y)) ⊙ a1 ⊙ (1 - a1)"),
            ("b1", "(W2ᵀ (p - y)) ⊙ a1 ⊙ (1 - a1)"),
            ("W1", "((W2ᵀ (p - y)) ⊙ a1 ⊙ (1 - a1)) xᵀ"),
        ],
    );
    expect(
        "article-mse",
        &[
            ("z2", "(a2 - y) ⊙ a2 ⊙ (1 - a2)"),
            ("W2", "((a2 - y) ⊙ a2 ⊙ (1 - a2)) a1ᵀ"),
            ("W1", "((W2ᵀ ((a2 - y) ⊙ a2 ⊙ (1 - a2))) ⊙ a1 ⊙ (1 - a1)) xᵀ"),
        ],
    );
    expect("factorisation", &[("U", "R V + 2 penalty U"), ("V", "Rᵀ U + 2 penalty V")]);
    expect("logistic", &[("w", "2 lambda w + (p - y) x"), ("b", "p - y")]);
}

/// How far the long form of a gradient is from the one that is computed, at the first and last entries.
fn differs(backward: &Backward, gradient: &Gradient, full: &Term) -> f64 {
    let point = point(&backward.model, 3);
    let ends = [|_: usize| 0, |extent: usize| extent - 1];
    let error = |entry: fn(usize) -> usize| {
        let at: Vec<_> = gradient.indices.iter().map(|index| (index.clone(), entry(index.extent.value()))).collect();
        let value = |term: &Term| evaluate(&backward.model, &point, term, &at).unwrap();
        (value(full) - value(gradient.derivation.end())).abs()
    };
    ends.map(error).into_iter().fold(0.0, f64::max)
}

#[test]
fn gradients_can_be_pasted_back() {
    for file in MODELS {
        let source = source(file);
        let before = model(&source);
        let backward = backward(&before);
        for gradient in &backward.gradients {
            let full = gradient.in_full.as_ref().unwrap().end().clone();
            assert!(differs(&backward, gradient, &full) < 1e-12, "{file}: {}", gradient.name);
            let equation = text(&page::index::equation(&backward.model, "pasted", &gradient.indices, &full));
            let after = model(&format!("{source}\n{equation}\n"));
            let subscripts: Vec<Term> = gradient.indices.iter().map(Term::index).collect();
            assert_eq!(after.definition("pasted").unwrap().at(&subscripts).unwrap(), full, "{file}: {equation}");
        }
    }
}

#[test]
fn no_line_of_a_page_is_wider_than_the_terminal_unless_it_cannot_be_broken() {
    let document = derived("attention");
    for columns in [60, 80, 100] {
        let page = render_text(document, View::of(Notation::All), columns);
        for line in page.lines() {
            assert!(page::width(line) <= columns, "{columns}: {line}");
        }
    }
}

/// What slides over what, and which way, must be what the sum says.
#[test]
fn correlations_and_convolutions_are_told_apart() {
    let cases = [
        // The adjoint of a correlation is a convolution, that is a correlation with the kernel flipped, and the other way.
        ("y[j] = x[j+k] w[k]", "x", Some("the correlation of the signal that comes back with the flipped w")),
        ("y[j] = x[j+k] w[k]", "w", Some("the correlation of x with the signal that comes back")),
        ("y[j] = x[j+2-k] w[k]", "x", Some("the correlation of the signal that comes back with w")),
        ("y[j] = x[j+2-k] w[k]", "w", None),
        ("y[j] = sum[k] w[2-k] x[j+k]", "w", None),
        // With steps there are zeros between the entries.
        ("y[j] = x[2*j+k] w[k]", "x", None),
        ("y[j] = x[2*j+k] w[k]", "w", None),
        ("y[j] = x[j] w[0] + w[1] w[2]", "x", None),
    ];
    for (equation, wrt, expected) in cases {
        let text = format!(
            "param x[9] ~ glorot\nparam w[3] ~ glorot\n{equation}\nloss = sum[j] y[j]^3 + sum[k] w[k] + x[0]\n"
        );
        let page = render_text(&document_of(text, "slides.dr"), View::of(Notation::Index), 200);
        let start = page.find(&format!("∂loss/∂{wrt}\n")).unwrap();
        let section = page[start..].split("\n\n∂loss/∂").next().unwrap();
        let note = section.lines().find_map(|line| line.trim().strip_prefix("note: "));
        assert_eq!(note, expected, "{equation}, by {wrt}:\n{page}");
    }
}
