//! One form as a page, after everything on it was checked.

use crate::Form;
use crate::numbers::{build, difference, differences, given, whole};
use deltarule_core::derivation::{Backward, Gradient, derivative_name, derive, stabilised, verify};
use deltarule_core::meaning::{Point, evaluate};
use deltarule_core::model::{Model, Tensor};
use deltarule_core::page::matrix::{Translation, row_name, translate, translate_rows};
use deltarule_core::page::{self, einsum_program, text};
use deltarule_core::term::{Index, Term};

/// Finite differences lose this much of the size of the derivative.
const TOLERANCE: f64 = 1e-7;

/// The title, the model, its definitions with the examples along the rows, and the answers.
pub fn page(form: &Form) -> String {
    let line = "─".repeat(form.title.chars().count());
    let answers = form.questions.iter().map(|question| answer(form, question)).collect::<Vec<_>>();
    let model = form.model.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!("{}\n{line}\n{model}{}{}", form.title, forward(&build(form.model)), answers.concat())
}

/// What every example has its own of, computed for all of them at once.
fn forward(model: &Model) -> String {
    let model = stabilised(model);
    let points = examples(&model);
    let own = model.tensors.iter().filter(|tensor| tensor.per_example && model.batch.is_none());
    let line = |tensor: &Tensor| {
        let definition = model.definition(&tensor.name)?;
        let rows = translate_rows(&model, EXAMPLES, &tensor.name, &definition.indices, &definition.body);
        let Ok(translation) = rows else { return Some(format!("    {}: {}\n", tensor.name, rows.unwrap_err())) };
        let shown = text(&translation.matrix.markup());
        let found = translation.matrix.evaluate_rows(&model, &points).unwrap_or_else(|why| panic!("{shown}: {why}"));
        let expected: Vec<f64> = points.iter().flat_map(|point| point[&tensor.name].values.clone()).collect();
        assert!(difference(&expected, &found.values) < 1e-12, "{shown}");
        Some(format!("    rows    {} = {shown}\n", row_name(&model, &tensor.name)))
    };
    own.filter_map(line).collect()
}

/// How many examples are computed at once.
const EXAMPLES: usize = 7;

/// Values of everything for some examples that share the parameters.
fn examples(model: &Model) -> Vec<Point> {
    let first = given(model, 1);
    let own = |seed: u64| {
        let mut point = given(model, seed);
        for tensor in model.tensors.iter().filter(|tensor| !tensor.per_example) {
            if let Some(values) = first.get(&tensor.name) {
                point.insert(tensor.name.clone(), values.clone());
            }
        }
        whole(model, &point)
    };
    (1..=EXAMPLES as u64).map(own).collect()
}

/// The form with the examples along the rows, held to finite differences of each of them.
fn rows(model: &Model, backward: &Backward, gradient: &Gradient, result: &Term) -> Result<Translation, String> {
    let translation = translate_rows(&backward.model, EXAMPLES, &gradient.name, &gradient.indices, result)?;
    let points = examples(&backward.model);
    let shown = text(&translation.matrix.markup());
    let found = translation.matrix.evaluate_rows(&backward.model, &points);
    let found = found.unwrap_or_else(|why| panic!("{}: {shown}: {why}", gradient.name));
    let each: Vec<Vec<f64>> = points
        .iter()
        .map(|point| differences(model, &only_given(model, point), &gradient.of, &gradient.wrt).values)
        .collect();
    let tensor = backward.model.tensor(&gradient.name).unwrap();
    let expected = match tensor.per_example {
        true => each.concat(),
        false => {
            (0..each[0].len()).map(|at| each.iter().map(|own| own[at]).sum::<f64>() / points.len() as f64).collect()
        }
    };
    let error = difference(&expected, &found.values);
    assert!(error < TOLERANCE, "{}: {shown} is off by {error}", gradient.name);
    Ok(translation)
}

fn only_given(model: &Model, point: &Point) -> Point {
    point
        .iter()
        .filter(|(name, _)| model.tensor(name).is_some_and(|_| model.definition(name).is_none()))
        .map(|(name, values)| (name.clone(), values.clone()))
        .collect()
}

/// The derivation of the last derivative that a question names, and the model it is derived in.
fn derived(model: &Model, question: &str) -> (Model, Backward, String, String) {
    let mut parts = question.split('/');
    let mut of = parts.next().unwrap().to_string();
    let mut model = model.clone();
    let wrts: Vec<&str> = parts.collect();
    for (position, wrt) in wrts.iter().enumerate() {
        let mut backward = derive(&model, &of, &[(*wrt).into()]).unwrap();
        backward.put_in_full();
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
    let result = shown(gradient);
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
    written(&model, &backward, gradient, &result)
}

fn shown(gradient: &Gradient) -> Term {
    gradient.in_full.as_ref().unwrap_or(&gradient.derivation).end().clone()
}

fn written(model: &Model, backward: &Backward, gradient: &Gradient, result: &Term) -> String {
    let mut lines = vec![text(&page::index::equation(&backward.model, &gradient.name, &gradient.indices, result))];
    match translate(&gradient.indices, result) {
        Ok(translation) => {
            lines.push(format!("  column  {}", text(&translation.matrix.markup())));
            lines.extend(translation.reasons.iter().map(|reason| format!("          {reason}")));
        }
        Err(why) => {
            lines.push(format!("  no matrix form: {why}"));
            let program = einsum_program(&backward.model, &gradient.indices, result);
            lines.push(format!("  {}", program.expect("few indices").to_string().replace("; ", "\n  ")));
        }
    }
    if model.tensors.iter().any(|tensor| tensor.per_example) {
        lines.push(match rows(model, backward, gradient, result) {
            Ok(translation) => format!("  rows    {}", text(&translation.matrix.markup())),
            Err(why) => format!("  no form with rows: {why}"),
        });
    }
    lines.join("\n") + "\n"
}

fn values(model: &Model, point: &Point, indices: &[Index], term: &Term) -> Vec<f64> {
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
