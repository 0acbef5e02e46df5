//! Gradients, Hessians and Jacobians that every textbook has: the forms found are held to finite
//! differences, and the pages are kept to be read.

mod algebra;
mod layers;
mod losses;
mod numbers;
mod show;

use deltarule_core::derivation::derive;
use deltarule_core::meaning::Point;
use deltarule_core::page::matrix::{Matrix, difference_rows, examples_of, translate_rows};
use deltarule_core::term::Number;

/// A model, and what is asked of it.
pub struct Form {
    /// What a reader looks for.
    pub title: &'static str,
    /// The model.
    pub model: &'static str,
    /// `loss/W` asks for a gradient, `p/z` for a Jacobian, `u/x/x` for a Hessian.
    pub questions: &'static [&'static str],
}

/// A form of a table.
pub const fn form(title: &'static str, model: &'static str, questions: &'static [&'static str]) -> Form {
    Form { title, model, questions }
}

fn pages(forms: &[Form]) -> String {
    forms.iter().map(show::page).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn vectors_and_matrices() {
    insta::assert_snapshot!("algebra", pages(algebra::FORMS));
}

#[test]
fn losses() {
    insta::assert_snapshot!("losses", pages(losses::FORMS));
}

#[test]
fn layers() {
    insta::assert_snapshot!("layers", pages(layers::FORMS));
}

#[test]
fn faults_in_forms_with_rows_are_seen() {
    let model = numbers::build(
        "input x[4]\ntarget y[3]\nparam W[3,4] ~ zeros\nz[i] = W[i,j] x[j]\nloss = 1/2 sum[i] (z[i] - y[i])^2",
    );
    let model = derive(&model, "loss", &["W".into()]).unwrap().model;
    let given: Vec<Point> = (1..4).map(|seed| numbers::given(&model, seed)).collect();
    let examples: Vec<Point> = examples_of(&model, &given).iter().map(|point| numbers::whole(&model, point)).collect();
    let definition = model.definition("∂loss/∂W").unwrap();
    let right =
        translate_rows(&model, examples.len(), "∂loss/∂W", &definition.indices, &definition.body).unwrap().matrix;
    let error = |matrix: &Matrix| difference_rows(&model, &examples, &"∂loss/∂W".into(), matrix);
    assert!(error(&right).unwrap() < 1e-12, "{right:?}");
    // The sum for the mean, the transpose, one example for all, another sign.
    let Matrix::Quotient(sum, count) = right.clone() else { panic!("{right:?}") };
    assert!(error(&sum).unwrap() > 0.1);
    assert!(error(&Matrix::Transposed(Box::new(right.clone()))).is_err());
    let of_first = difference_rows(&model, &examples[..1], &"∂loss/∂W".into(), &sum).unwrap();
    assert!(of_first < 1e-12, "of one example the sum is the mean, but {of_first}");
    let negative = Matrix::Scaled(vec![Matrix::Number(Number::MINUS_ONE)], sum);
    assert!(error(&Matrix::Quotient(Box::new(negative), count)).unwrap() > 0.1);
    assert!(error(&Matrix::Ones(3)).is_err());
}

#[test]
fn there_are_enough_of_them() {
    let all = [algebra::FORMS, losses::FORMS, layers::FORMS];
    assert!(all.iter().map(|forms| forms.len()).sum::<usize>() >= 40);
}
