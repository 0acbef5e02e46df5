//! The models that come with the program: loss, metrics and all gradients on the fast path, held to the
//! interpreter. Where a size has a name it is made smaller, so that the interpreter is done soon.

mod common;

use common::generator::Dice;
use common::{agree, random};
use deltarule_core::derivation::{derivative_name, derive, with_derivatives};
use deltarule_core::model::{self, LOSS};
use deltarule_core::syntax;
use deltarule_core::term::Name;
use deltarule_core::text::Source;

/// Loss, metrics and gradients of a model, with some of its lines replaced.
fn check(file: &str, smaller: &[(&str, &str)]) {
    let path = format!("{}/../../models/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut text = std::fs::read_to_string(&path).expect(&path);
    for (line, smaller) in smaller {
        assert!(text.contains(line), "{file} has no {line}");
        text = text.replace(line, smaller);
    }
    let source = Source::new(file, &text);
    let built = syntax::parse(&source).and_then(|tree| model::build_with(&source, &tree, 3));
    let model = built.unwrap_or_else(|problems| panic!("{}", problems[0].render(&source)));
    let model = with_derivatives(&model).unwrap_or_else(|error| panic!("{file}: {error}"));
    let parameters: Vec<Name> = model.parameters().map(|tensor| tensor.name.clone()).collect();
    let backward = derive(&model, LOSS, &parameters).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut outputs = vec![LOSS.into()];
    outputs.extend(model.metrics.iter().cloned());
    outputs.extend(parameters.iter().map(|name| derivative_name(LOSS, name)));
    let batch = model.batch.unwrap_or(2);
    let given = random(&backward.model, batch, &mut Dice::new(7));
    agree(&backward.model, &given, &outputs, batch, 1e-4);
}

#[test]
fn recurrent_networks() {
    let smaller = [("size length = 16", "size length = 5"), ("size kinds  = 96", "size kinds = 7")];
    check("rnn.dr", &[smaller.as_slice(), &[("size width  = 32", "size width = 6")]].concat());
    check("lstm.dr", &[smaller.as_slice(), &[("size width  = 32", "size width = 6")]].concat());
}

#[test]
fn a_transformer() {
    let smaller = [
        ("size length = 32", "size length = 5"),
        ("size kinds  = 96", "size kinds = 11"),
        ("size width  = 32", "size width = 8"),
        ("size heads  = 4", "size heads = 2"),
    ];
    check("transformer.dr", &smaller);
}

#[test]
fn batch_normalisation() {
    check("batchnorm.dr", &[("size hidden = 32", "size hidden = 6")]);
}

#[test]
fn a_variational_autoencoder() {
    check("vae.dr", &[]);
}

#[test]
fn a_physics_informed_network() {
    check("physics.dr", &[]);
}

#[test]
fn convolutional_networks() {
    let lenet = [
        ("x[1, 28, 28]", "x[1, 12, 12]"),
        ("r:28, s:28", "r:12, s:12"),
        ("W3[120, 16, 5, 5]", "W3[9, 16, 1, 1]"),
        ("b3[120]", "b3[9]"),
        ("W4[84, 120]", "W4[84, 9]"),
    ];
    check("lenet.dr", &lenet);
    let article = [
        ("x[3, 32, 32]", "x[3, 14, 14]"),
        ("w4[20, 120, 16]", "w4[2, 8, 16]"),
        ("w5[120]", "w5[8]"),
        ("w6[20, 10]", "w6[2, 10]"),
    ];
    check("article-cnn.dr", &article);
    let vgg = [
        ("x[3, 32, 32]", "x[3, 4, 4]"),
        ("r:32, s:32", "r:4, s:4"),
        ("r:16, s:16", "r:2, s:2"),
        ("K1[32, 3,", "K1[5, 3,"),
        ("K2[32, 32,", "K2[5, 5,"),
        ("K3[64, 32,", "K3[7, 5,"),
        ("K4[64, 64,", "K4[7, 7,"),
        ("b1[32]", "b1[5]"),
        ("b2[32]", "b2[5]"),
        ("b3[64]", "b3[7]"),
        ("b4[64]", "b4[7]"),
        ("W5[256, 64, 8, 8]", "W5[6, 7, 1, 1]"),
        ("b5[256]", "b5[6]"),
        ("W6[10, 256]", "W6[10, 6]"),
    ];
    check("vgg.dr", &vgg);
}
