//! Gradients, Hessians and Jacobians that every textbook has: the forms found are held to finite
//! differences, and the pages are kept to be read.

mod algebra;
mod layers;
mod losses;
mod numbers;
mod show;

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
fn there_are_enough_of_them() {
    let all = [algebra::FORMS, losses::FORMS, layers::FORMS];
    assert!(all.iter().map(|forms| forms.len()).sum::<usize>() >= 40);
}
