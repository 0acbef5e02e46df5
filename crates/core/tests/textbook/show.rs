//! One form as a page, after everything on it was checked.

use crate::Form;
use crate::numbers::{build, difference, differences, given, whole};
use deltarule_core::derivation::{Backward, Gradient, derivative_name, derive, stabilised, verify};
use deltarule_core::meaning::{Point, evaluate};
use deltarule_core::model::{Model, Tensor};
use deltarule_core::page::derivation::{Names, Unguarded, in_names};
use deltarule_core::page::matrix::{ReasonKind, Translation, row_name, translate, translate_rows};
use deltarule_core::page::{self, einsum_program, text};
use deltarule_core::term::{Index, Name, Term};

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
fn rows(model: &Model, named: &Model, gradient: &Gradient, result: &Term) -> Result<Translation, String> {
    let translation = translate_rows(named, EXAMPLES, &gradient.name, &gradient.indices, result)?;
    let points = examples(named);
    let shown = text(&translation.matrix.markup());
    let found = translation.matrix.evaluate_rows(named, &points);
    let found = found.unwrap_or_else(|why| panic!("{}: {shown}: {why}", gradient.name));
    let each: Vec<Vec<f64>> = points
        .iter()
        .map(|point| differences(model, &only_given(model, point), &gradient.of, &gradient.wrt).values)
        .collect();
    let tensor = named.tensor(&gradient.name).unwrap();
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

/// The derivation of the last derivative that a question names, and the model it is derived in. All that a form
/// asks of the same tensor is derived at once, as it is for a reader.
fn derived(form: &Form, question: &str) -> (Model, Backward, String, String) {
    let (before, wrt) = question.rsplit_once('/').unwrap();
    let mut parts = before.split('/');
    let mut of = parts.next().unwrap().to_string();
    let mut model = build(form.model);
    let points = [given(&model, 1), given(&model, 2)];
    let checked = |mut backward: Backward| {
        backward.put_in_full();
        if let Err(error) = verify(&backward, &points) {
            panic!("{question}: {error}");
        }
        backward
    };
    for by in parts {
        let backward = checked(derive(&model, &of, &[by.into()]).unwrap());
        of = derivative_name(&of, by).to_string();
        model = backward.model;
    }
    let same = form.questions.iter().filter_map(|other| other.rsplit_once('/')).filter(|(other, _)| *other == before);
    let wrts: Vec<Name> = same.map(|(_, wrt)| wrt.into()).collect();
    let backward = checked(derive(&model, &of, &wrts).unwrap());
    (model, backward, of, wrt.to_string())
}

fn answer(form: &Form, question: &str) -> String {
    let (model, backward, of, wrt) = derived(form, question);
    let gradient = backward.gradient(&wrt).unwrap();
    let names = Names::of(&backward);
    let exact = gradient.in_full.as_ref().unwrap_or(&gradient.derivation).end().clone();
    let with_names = in_names(&backward, gradient, &names, Some(&exact)).filter(|term| names.are_in(term));
    let mut page = String::new();
    let mut seen: Vec<Term> = Vec::new();
    for (label, result) in [("", Some(exact)), ("with names: ", with_names)] {
        let Some(result) = result else { continue };
        let unguarded = Unguarded::of(&result);
        let shown = names.put(&unguarded.term);
        if seen.contains(&shown) {
            continue;
        }
        let forms = Forms { model: &model, names: &names, gradient, shown: &shown };
        for term in [&result, &shown] {
            forms.check_index(term, &of);
        }
        page.push_str(&format!("{label}{}", forms.written()));
        page.extend(
            unguarded.clauses(&names.model, &gradient.indices).iter().map(|at| format!("  convention: {at}\n")),
        );
        seen.push(shown);
    }
    let needed = seen.iter().flat_map(Term::tensors);
    let named: Vec<String> = needed.map(|name| name.to_string()).collect();
    let definitions = names.cotangents.iter().filter(|cotangent| named.contains(&cotangent.name));
    page.extend(definitions.map(|own| format!("  where {} = {}\n", text(&own.left), text(&own.right))));
    page
}

/// A result as it is shown, with names for derivatives and without the conventions at 0.
struct Forms<'a> {
    model: &'a Model,
    names: &'a Names,
    gradient: &'a Gradient,
    shown: &'a Term,
}

impl Forms<'_> {
    /// Holds index notation to finite differences.
    fn check_index(&self, term: &Term, of: &str) {
        let Gradient { wrt, indices, name, .. } = self.gradient;
        for seed in [1, 2] {
            let point = whole(&self.names.model, &given(self.model, seed));
            let expected = differences(self.model, &given(self.model, seed), of, wrt);
            let found = values(&self.names.model, &point, indices, term);
            let error = difference(&expected.values, &found);
            assert!(error < TOLERANCE, "{name} is off by {error}: {expected:?} {found:?}");
        }
    }

    fn check_columns(&self, translation: &Translation) {
        let Gradient { of, wrt, name, .. } = self.gradient;
        for seed in [1, 2] {
            let point = whole(&self.names.model, &given(self.model, seed));
            let expected = differences(self.model, &given(self.model, seed), of, wrt);
            let matrix = text(&translation.matrix.markup());
            let found = translation.matrix.evaluate(&self.names.model, &point);
            let found = found.unwrap_or_else(|why| panic!("{name}: {matrix}: {why}"));
            let error = difference(&expected.values, &found.values);
            assert!(error < TOLERANCE, "{name}: {matrix} is off by {error}");
        }
    }

    fn written(&self) -> String {
        let Gradient { name, indices, .. } = self.gradient;
        let model = &self.names.model;
        let mut lines = vec![text(&page::index::equation(model, name, indices, self.shown))];
        match translate(indices, self.shown) {
            Ok(translation) => {
                self.check_columns(&translation);
                lines.push(format!("  column  {}", text(&translation.matrix.markup())));
                lines.extend(translation.reasons.iter().map(|reason| format!("          {reason}")));
            }
            Err(why) => {
                lines.push(format!("  no matrix form: {why}"));
                let program = einsum_program(model, indices, self.shown);
                lines.push(format!("  {}", program.expect("few indices").to_string().replace("; ", "\n  ")));
            }
        }
        if self.model.tensors.iter().any(|tensor| tensor.per_example) {
            lines.extend(match rows(self.model, model, self.gradient, self.shown) {
                Ok(translation) => {
                    let broadcasts = translation.reasons.iter().filter(|own| own.kind == ReasonKind::Broadcast);
                    let broadcasts = broadcasts.map(|own| format!("          {own}"));
                    let form = format!("  rows    {}", text(&translation.matrix.markup()));
                    std::iter::once(form).chain(broadcasts).collect()
                }
                Err(why) => vec![format!("  no form with rows: {why}")],
            });
        }
        lines.join("\n") + "\n"
    }
}

fn values(model: &Model, point: &Point, indices: &[Index], term: &Term) -> Vec<f64> {
    let mut entries: Vec<Vec<(Index, usize)>> = vec![Vec::new()];
    for index in indices {
        let further = |entry: &Vec<(Index, usize)>| {
            let entry = entry.clone();
            (0..index.extent.value()).map(move |value| [entry.as_slice(), &[(index.clone(), value)]].concat())
        };
        entries = entries.iter().flat_map(further).collect();
    }
    entries.iter().map(|entry| evaluate(model, point, term, entry).unwrap()).collect()
}
