//! Matrix forms against the interpreter. No two axes have the same extent unless they must, so
//! that a wrong transpose cannot pass.

use crate::random::{self, Random};
use crate::{model, point};
use deltarule_core::meaning::{Point, complete};
use deltarule_core::model::{Definition, Model};
use deltarule_core::page::matrix::{Matrix, difference, examples_of, translate, translate_rows};
use deltarule_core::page::text;
use deltarule_core::term::Index;

const GIVEN: &str = "
input  x[5]
target y[3] probability
param  A[4,5] ~ zeros
param  B[5,3] ~ zeros
param  C[4,3] ~ zeros
param  D[4,5] ~ zeros
param  F[4,4] ~ zeros
param  G[3,4] ~ zeros
param  a[4] ~ zeros
param  b[5] ~ zeros
param  c[3] ~ zeros
param  d[4] ~ zeros
param  s ~ zeros
param  r ~ zeros
param  T[2,3,4] ~ zeros
const  lambda = 0.5
";

const FORMS: &[(&str, &str)] = &[
    ("t[i] = A[i,j] b[j]", "A b"),
    ("t[j] = A[i,j] a[i]", "Aᵀ a"),
    ("t[i,k] = A[i,j] B[j,k]", "A B"),
    ("t[k,i] = A[i,j] B[j,k]", "Bᵀ Aᵀ"),
    ("t[i,l] = A[i,j] B[j,k] G[k,l]", "A B G"),
    ("t[i] = A[i,j] B[j,k] c[k]", "A B c"),
    ("t[i,k] = A[i,j] A[k,j]", "A Aᵀ"),
    ("t[i,j] = A[k,i] A[k,j]", "Aᵀ A"),
    ("t[i,j] = a[i] b[j]", "a bᵀ"),
    ("t[j,i] = a[i] b[j]", "b aᵀ"),
    ("t[i] = a[i] d[i]", "a ⊙ d"),
    ("t[i,j] = A[i,j] D[i,j]", "A ⊙ D"),
    ("t[j,i] = A[i,j] + D[i,j]", "Aᵀ + Dᵀ"),
    ("t[i] = a[i] / d[i]", "a ⊘ d"),
    ("t[i] = a[i] / s", "a / s"),
    ("t[i] = a[i] d[i] / (s r)", "(a ⊙ d) / (r s)"),
    ("t[i] = 1 / (2 + a[i])", "1 ⊘ (2 + a)"),
    ("t = a[i] d[i]", "aᵀ d"),
    ("t = sum[i] a[i]", "𝟏ᵀ a"),
    ("t = mean[i] a[i]", "1/4 𝟏ᵀ a"),
    ("t = sum[i,j] A[i,j]", "𝟏ᵀ A 𝟏"),
    ("t = sum[i] a[i]^2", "‖a‖^2"),
    ("t = 1/2 sum[i,j] (A[i,j] - D[i,j])^2", "1/2 ‖A - D‖^2"),
    ("t = a[i] A[i,j] b[j]", "aᵀ A b"),
    ("t = a[i] F[i,j] a[j]", "aᵀ F a"),
    ("t = sum[i] F[i,i]", "tr(F)"),
    ("t = sum[i,j] A[i,j] D[i,j]", "tr(Aᵀ D)"),
    ("t = sum[i,j,k] A[i,j] B[j,k] G[k,i]", "tr(B G A)"),
    ("t[i] = F[i,i]", "diag(F)"),
    ("t[i,j] = delta[i,j] a[i] + 0 F[i,j]", "diag(a)"),
    ("t[i,j] = F[i,j] - 2 delta[i,j]", "F - 2 I"),
    ("t[i,j] = a[i] (delta[i,j] - d[j])", "diag(a) - a dᵀ"),
    ("t[i,j] = a[i] A[i,j]", "diag(a) A"),
    ("t[i,j] = A[i,j] b[j]", "A diag(b)"),
    ("t[i,k] = A[i,j] b[j] B[j,k]", "A diag(b) B"),
    ("t[i,j] = A[i,j] - a[i]", "A - a 𝟏ᵀ"),
    ("t[i,j] = A[i,j] - b[j]", "A - 𝟏 bᵀ"),
    ("t[i,j] = A[i,j] + s", "A + s 𝟏 𝟏ᵀ"),
    ("t[i] = a[i] + s", "a + s 𝟏"),
    ("t[i] = a[i] - mean[k] a[k]", "a - 1/4 (𝟏ᵀ a) 𝟏"),
    ("t[i] = x[i] - mean[k] x[k]", "x - 0.2 (𝟏ᵀ x) 𝟏"),
    ("t[i] = 1 - a[i]", "1 - a"),
    ("t[i] = sum[j] A[i,j]", "A 𝟏"),
    ("t[j] = sum[i] A[i,j]", "Aᵀ 𝟏"),
    ("t[i] = exp(A[i,j] b[j] + a[i])", "exp(A b + a)"),
    ("t[j] = sigmoid(sum[i] A[i,j] a[i])", "sigmoid(Aᵀ a)"),
    ("t = -y[i] log(2 + c[i])", "-yᵀ log(2 + c)"),
    ("t[i] = exp(c[i]) / sum[k] exp(c[k])", "exp(c) / (𝟏ᵀ exp(c))"),
    ("t[i] = exp(c[i] - logsumexp[k] c[k])", "softmax(c)"),
    ("t[i,j] = exp(A[i,j] - logsumexp[k] A[i,k])", "rowsoftmax(A)"),
    ("t[j,i] = exp(A[i,j] - logsumexp[k] A[i,k])", "rowsoftmax(A)ᵀ"),
    ("t[i,j] = exp(A[i,j] - logsumexp[k] A[k,j])", "rowsoftmax(Aᵀ)ᵀ"),
    ("t[i] = max[j] A[i,j]", "rowmax(A)"),
    ("t = max[i,j] A[i,j]", "max(A)"),
    ("t = argmax[i] a[i]", "argmax(a)"),
    ("t[i] = [a[i] > d[i]] a[i]", "a ⊙ [a > d]"),
    ("t[i] = where(a[i] > 0, d[i], 0)", "where(a > 0, d, 0)"),
    ("t[i] = max(a[i], d[i])", "max(a, d)"),
    ("t[i] = 2 lambda s a[i]", "2 lambda s a"),
    ("t[i] = (sum[j] b[j]) a[i]", "(𝟏ᵀ b) a"),
    ("t[i] = (sum[j] b[j]^2) a[i] / sum[k] exp(c[k])", "‖b‖^2 a / (𝟏ᵀ exp(c))"),
    ("t[i] = a[i]^2", "a^⊙2"),
    ("t[i] = a[i] sum[j] A[i,j] b[j]", "(A b) ⊙ a"),
    ("t[i] = sum[j] A[i,j] D[i,j]", "(A ⊙ D) 𝟏"),
    ("t[i] = sum[j] A[i,j] b[j] x[j]", "A (b ⊙ x)"),
    ("t[i] = sum[j] A[i,j] b[j] / (2 + x[j])", "A (b ⊘ (2 + x))"),
    ("t[i,j] = A[i,j] (D[i,j] - sum[k] A[i,k] D[i,k])", "A ⊙ (D - (A ⊙ D) 𝟏 𝟏ᵀ)"),
    ("t[i] = sqrt(sum[j] A[i,j]^2)", "sqrt(A^⊙2 𝟏)"),
    ("t = sqrt(sum[i] a[i]^2)", "‖a‖"),
    ("t[i,k] = sum[j] (A[i,j] + D[i,j]) B[j,k]", "(A + D) B"),
    ("t[i,k] = sum[j] exp(A[i,j]) B[j,k] c[k]", "exp(A) B diag(c)"),
    ("t = sum[i,j,k] A[i,j] B[j,k] C[i,k]", "tr(B Cᵀ A)"),
    ("t[i,k] = sum[j] b[j] (A[i,j] B[j,k] + a[i] c[k])", "A diag(b) B + (𝟏ᵀ b) a cᵀ"),
    ("t = sum[i,j] (a[i] - b[j])^2", "‖a 𝟏ᵀ - 𝟏 bᵀ‖^2"),
    ("t[i] = exp(a[i])^d[i] + s^2", "s^2 𝟏 + exp(a)^⊙d"),
    ("t[j,i] = A[i,j] / (2 + b[j])", "diag(1 ⊘ (2 + b)) Aᵀ"),
];

/// The definition of `t` in matrix notation, checked at two points.
fn form(equation: &str) -> Result<Matrix, String> {
    let model = model(&format!("{GIVEN}{equation}\nloss = s\n"));
    let definition = model.definition("t").unwrap();
    let matrix = translate(&definition.indices, &definition.body)?.matrix;
    for seed in [1, 2] {
        let error = difference(&model, &point(&model, seed), &definition.indices, &definition.body, &matrix);
        let error = error.unwrap_or_else(|why| panic!("{equation}: {}: {why}", text(&matrix.markup())));
        assert!(error < 1e-12, "{equation}: {} is off by {error}", text(&matrix.markup()));
    }
    Ok(matrix)
}

#[test]
fn matrix_forms_have_the_value_of_what_they_translate() {
    let mut wrong = String::new();
    for (equation, expected) in FORMS {
        let found = form(equation).map_or_else(|why| format!("none: {why}"), |matrix| text(&matrix.markup()));
        if found != *expected {
            wrong += &format!("{equation:60} {found:40} expected {expected}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn random_terms_keep_their_value_where_a_matrix_form_is_found() {
    let model = model(&format!("{}loss = s\n", random::GIVEN));
    let points = [point(&model, 3), point(&model, 4)];
    let mut random = Random::plain(5);
    let mut found = 0;
    for round in 0..3000 {
        let all = [Index::new(0, 4, "i"), Index::new(1, 5, "j")];
        let indices = &all[..random.below(3)];
        let term = random.term(1 + round % 4, indices);
        let Ok(translation) = translate(indices, &term) else { continue };
        for point in &points {
            let error = difference(&model, point, indices, &term, &translation.matrix);
            let shown = text(&translation.matrix.markup());
            let error = error.unwrap_or_else(|why| panic!("round {round}: {term:?}: {shown}: {why}"));
            // Poles and logarithms of what is negative are no fault of the translation.
            if error.is_finite() {
                found += 1;
                assert!(error < 1e-9, "round {round}: {term:?}: {shown} is off by {error}");
            }
        }
    }
    assert!(found > 500, "only {found} comparisons");
}

#[test]
fn a_wrong_transpose_is_seen() {
    let of = |name: &str, axes| Matrix::Tensor { name: name.into(), axes };
    let transposed = |matrix| Matrix::Transposed(Box::new(matrix));
    let check = |equation: &str, matrix: Matrix| {
        let model = model(&format!("{GIVEN}{equation}\nloss = s\n"));
        let definition = model.definition("t").unwrap().clone();
        difference(&model, &point(&model, 1), &definition.indices, &definition.body, &matrix)
    };
    let (a, f) = (of("a", 1), of("F", 2));
    let right = "t[i] = F[i,j] a[j]";
    assert!(check(right, Matrix::Product(vec![f.clone(), a.clone()])).unwrap() < 1e-12);
    // F is square: only the values tell.
    assert!(check(right, Matrix::Product(vec![transposed(f.clone()), a.clone()])).unwrap() > 0.01);
    // A is not: the shapes tell.
    assert!(check("t[i] = A[i,j] b[j]", Matrix::Product(vec![transposed(of("A", 2)), of("b", 1)])).is_err());
    assert!(check("t[i,j] = a[i] d[j]", Matrix::Product(vec![of("d", 1), transposed(a.clone())])).unwrap() > 0.01);
    // A Hadamard product is no product of matrices, and a sum has no wrong sign.
    let (g, c) = (of("F", 2), of("d", 1));
    assert!(check("t[i,j] = F[i,j]^2", Matrix::Product(vec![g.clone(), g])).unwrap() > 0.01);
    assert!(check("t[i] = a[i] - d[i]", Matrix::Sum(vec![a, c])).unwrap() > 0.01);
}

#[test]
fn where_there_is_no_matrix_form_a_reason_is_given() {
    let why = |equation: &str| form(equation).unwrap_err();
    let equations = [
        "t[i,j,k] = T[i,j,k]",
        "t[j] = sum[i,k] T[i,j,k]",
        "t[i] = i / 4 + a[i]",
        "t[i] = A[i,0]",
        "t = sum[i,j,k] exp(A[i,j] + B[j,k] + C[i,k])",
    ];
    let reasons = equations.map(|equation| format!("{equation:50} {}", why(equation)));
    insta::assert_snapshot!("reasons", reasons.join("\n"));
}

/// As many examples as a summed index has values are no reason to take the one for the other.
#[test]
fn the_form_with_examples_along_the_rows_is_the_same_at_every_size() {
    for width in 1..4 {
        for outputs in 1..4 {
            let text_of = |count: usize, name: &str| {
                let model = model(&format!(
                    "input x[2]\ninput d[{outputs}]\nparam W[{outputs},{width}] ~ zeros\nparam V[{width},2] ~ zeros\n\
                     g[i] = W[j,i] d[j]\na[i] = V[i,j] x[j]\ns = sum[j] g[j] a[j]\nloss = s\n"
                ));
                let points: Vec<_> = (1..=count as u64).map(|seed| point(&model, seed)).collect();
                let examples = examples_of(&model, &points).into_iter().map(|mut example| {
                    complete(&model, &mut example, &[name.into()]).unwrap();
                    example
                });
                let examples: Vec<_> = examples.collect();
                let Definition { indices, body } = model.definition(name).unwrap();
                let matrix = translate_rows(&model, count, name, indices, body).unwrap().matrix;
                let shown = text(&matrix.markup());
                let all = evaluated(&model, &examples, &matrix);
                let own: Vec<f64> = examples.iter().flat_map(|example| example[name].values.clone()).collect();
                assert!(all.iter().zip(&own).all(|(a, b)| (a - b).abs() < 1e-12), "{name}, {count}: {shown}");
                shown
            };
            for count in 1..4 {
                assert_eq!(text_of(count, "g"), "D W", "{count} examples, {outputs} outputs, {width} wide");
                assert_eq!(text_of(count, "a"), "X Vᵀ", "{count} examples, {outputs} outputs, {width} wide");
                assert_eq!(text_of(count, "s"), "(A ⊙ G) 𝟏", "{count} examples, {outputs} outputs, {width} wide");
            }
        }
    }
}

fn evaluated(model: &Model, examples: &[Point], matrix: &Matrix) -> Vec<f64> {
    matrix.evaluate_rows(model, examples).unwrap().values
}
