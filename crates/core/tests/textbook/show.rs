//! One form as a page, after everything on it was checked.

use crate::Form;
use crate::numbers::{build, difference, differences, given, whole};
use deltarule_core::derivation::{Backward, Gradient, derivative_name, derive, verify};
use deltarule_core::meaning::evaluate;
use deltarule_core::model::Model;
use deltarule_core::page::derivation::in_full;
use deltarule_core::page::matrix::translate;
use deltarule_core::page::{self, einsum_sum, text};
use deltarule_core::term::{Index, Term};

/// Finite differences lose this much of the size of the derivative.
const TOLERANCE: f64 = 1e-7;

/// The title, the model, and the answers.
pub fn page(form: &Form) -> String {
    let line = "─".repeat(form.title.chars().count());
    let answers = form.questions.iter().map(|question| answer(form, question)).collect::<Vec<_>>();
    let model = form.model.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!("{}\n{line}\n{model}{}", form.title, answers.concat())
}

/// The derivation of the last derivative that a question names, and the model it is derived in.
fn derived(model: &Model, question: &str) -> (Model, Backward, String, String) {
    let mut parts = question.split('/');
    let mut of = parts.next().unwrap().to_string();
    let mut model = model.clone();
    let wrts: Vec<&str> = parts.collect();
    for (position, wrt) in wrts.iter().enumerate() {
        let backward = derive(&model, &of, &[(*wrt).into()]).unwrap();
        let points = [given(&model, 1), given(&model, 2)];
        if let Err(error) = verify(&backward, &points) {
            panic!("{question}: {error}");
        }
        if position + 1 == wrts.len() {
            return (model, backward, of, (*wrt).to_string());
        }
        of = derivative_name(&of, wrt).to_string();
        model = backward.model;
    }
    unreachable!("a question names a variable")
}

fn answer(form: &Form, question: &str) -> String {
    let (model, backward, of, wrt) = derived(&build(form.model), question);
    let gradient = backward.gradient(&wrt).unwrap();
    let result = shown(&backward, gradient);
    for seed in [1, 2] {
        let point = whole(&backward.model, &given(&model, seed));
        let expected = differences(&model, &given(&model, seed), &of, &wrt);
        let found = values(&backward.model, &point, &gradient.indices, &result);
        let error = difference(&expected.values, &found);
        assert!(error < TOLERANCE, "{}: {question} is off by {error}: {expected:?} {found:?}", form.title);
        if let Ok(translation) = translate(&gradient.indices, &result) {
            let matrix = text(&translation.matrix.markup());
            let found = translation.matrix.evaluate(&backward.model, &point);
            let found = found.unwrap_or_else(|why| panic!("{}: {question}: {matrix}: {why}", form.title));
            let error = difference(&expected.values, &found.values);
            assert!(error < TOLERANCE, "{}: {question}: {matrix} is off by {error}", form.title);
        }
    }
    written(&backward, gradient, &result)
}

fn shown(backward: &Backward, gradient: &Gradient) -> Term {
    in_full(backward, gradient).unwrap_or_else(|| gradient.derivation.end().clone())
}

fn written(backward: &Backward, gradient: &Gradient, result: &Term) -> String {
    let mut lines = vec![text(&page::index::equation(&backward.model, &gradient.name, &gradient.indices, result))];
    match translate(&gradient.indices, result) {
        Ok(translation) => {
            lines.push(format!("  column  {}", text(&translation.matrix.markup())));
            lines.extend(translation.reasons.iter().map(|reason| format!("          {reason}")));
        }
        Err(why) => {
            lines.push(format!("  no matrix form: {why}"));
            match einsum_sum(&gradient.indices, result) {
                Some(calls) => lines.extend(calls.iter().map(|call| format!("  {call}"))),
                None => lines.push("  no einsum".into()),
            }
        }
    }
    lines.join("\n") + "\n"
}

fn values(model: &Model, point: &deltarule_core::meaning::Point, indices: &[Index], term: &Term) -> Vec<f64> {
    let mut entries: Vec<Vec<(Index, usize)>> = vec![Vec::new()];
    for index in indices {
        let further = |entry: &Vec<(Index, usize)>| {
            let entry = entry.clone();
            (0..index.extent).map(move |value| [entry.as_slice(), &[(index.clone(), value)]].concat())
        };
        entries = entries.iter().flat_map(further).collect();
    }
    entries.iter().map(|entry| evaluate(model, point, term, entry).unwrap()).collect()
}
