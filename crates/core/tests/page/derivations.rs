//! Whole derivations of the models.

use crate::{model, point};
use deltarule_core::derivation::{derive, random_point, verify};
use deltarule_core::meaning::Point;
use deltarule_core::page::derivation::{Document, View, document, render_latex, render_text, summary};

/// The derivation of the loss of a model by its parameters, checked.
fn derived(file: &str) -> Document {
    let path = format!("{}/../../models/{file}.dr", env!("CARGO_MANIFEST_DIR"));
    let model = model(&std::fs::read_to_string(path).unwrap());
    let wrt: Vec<_> = model.parameters().map(|tensor| tensor.name.clone()).collect();
    let backward = derive(&model, "loss", &wrt).unwrap();
    let mut state = 7u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let points: Vec<Point> = (0..2).map(|_| random_point(&model, &mut uniform)).collect();
    let verified = verify(&backward, &points).unwrap();
    let _ = point;
    document(&backward, &[], verified, &points)
}

#[test]
fn show() {
    for file in ["digits", "article-mse", "logistic", "factorisation", "attention"] {
        let document = derived(file);
        println!("######## {file}\n{}", render_text(&document, View::All, 100));
        println!("{}", render_text(&document, View::Matrix, 100));
        println!("{}", summary(&document).join("\n"));
        let _ = render_latex(&document, View::All);
    }
}
