//! Matrix forms against the interpreter. No two axes have the same extent unless they must, so
//! that a wrong transpose cannot pass.

use crate::{model, point};
use deltarule_core::page::matrix::{Matrix, difference, translate};
use deltarule_core::page::text;

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
    ("t = sum[i] a[i]", "1ᵀ a"),
    ("t = mean[i] a[i]", "1/4 (1ᵀ a)"),
    ("t = sum[i,j] A[i,j]", "1ᵀ A 1"),
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
    ("t[i,j] = A[i,j] - a[i]", "A - a 1ᵀ"),
    ("t[i,j] = A[i,j] - b[j]", "A - 1 bᵀ"),
    ("t[i,j] = A[i,j] + s", "A + s 1 1ᵀ"),
    ("t[i] = a[i] + s", "a + s 1"),
    ("t[i] = 1 - a[i]", "1 - a"),
    ("t[i] = sum[j] A[i,j]", "A 1"),
    ("t[j] = sum[i] A[i,j]", "Aᵀ 1"),
    ("t[i] = exp(A[i,j] b[j] + a[i])", "exp(A b + a)"),
    ("t[j] = sigmoid(sum[i] A[i,j] a[i])", "sigmoid(Aᵀ a)"),
    ("t = -y[i] log(2 + c[i])", "-yᵀ log(2 + c)"),
    ("t[i] = exp(c[i]) / sum[k] exp(c[k])", "exp(c) / (1ᵀ exp(c))"),
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
    ("t[i] = (sum[j] b[j]) a[i]", "(1ᵀ b) a"),
    ("t[i] = (sum[j] b[j]^2) a[i] / sum[k] exp(c[k])", "‖b‖^2 a / (1ᵀ exp(c))"),
    ("t[i] = a[i]^2", "a^⊙2"),
    ("t[i] = a[i] sum[j] A[i,j] b[j]", "(A b) ⊙ a"),
    ("t[i] = sum[j] A[i,j] D[i,j]", "(A ⊙ D) 1"),
    ("t[i] = sum[j] A[i,j] b[j] x[j]", "A (b ⊙ x)"),
    ("t[i] = sum[j] A[i,j] b[j] / (2 + x[j])", "A (b ⊘ (2 + x))"),
    ("t[i,j] = A[i,j] (D[i,j] - sum[k] A[i,k] D[i,k])", "(D - (A ⊙ D) 1 1ᵀ) ⊙ A"),
    ("t[i] = sqrt(sum[j] A[i,j]^2)", "sqrt(A^⊙2 1)"),
    ("t = sqrt(sum[i] a[i]^2)", "sqrt(‖a‖^2)"),
    ("t[i,k] = sum[j] (A[i,j] + D[i,j]) B[j,k]", "(A + D) B"),
    ("t[i,k] = sum[j] exp(A[i,j]) B[j,k] c[k]", "exp(A) B diag(c)"),
    ("t = sum[i,j,k] A[i,j] B[j,k] C[i,k]", "tr(B Cᵀ A)"),
    ("t[i,k] = sum[j] b[j] (A[i,j] B[j,k] + a[i] c[k])", "A diag(b) B + (1ᵀ b) a cᵀ"),
    ("t = sum[i,j] (a[i] - b[j])^2", "‖a 1ᵀ - 1 bᵀ‖^2"),
    ("t[i] = exp(a[i])^d[i] + s^2", "s^2 1 + exp(a)^⊙d"),
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
