//! The convention of code: every example is a row. What is a vector for one example is a matrix with a
//! row for each, named by a capital letter; a scalar is a column with an entry for each.

use super::evaluate::{Dense, MatrixError};
use super::translate::{Translation, translate, translate_with};
use super::tree::Matrix;
use crate::derivation::{derivative_name, derivative_parts};
use crate::meaning::Point;
use crate::model::{Model, Tensor};
use crate::page::index::{Letters, is_signal};
use crate::term::{Index, Name, Node, Term, fresh_id};

/// `name[indices] = term` with the examples along the rows. A tensor that has a value for each example
/// gets one row for each; any other gets the mean over the examples where its right side depends on
/// them, as a gradient by a parameter does. A model that writes the axis of its examples itself has them
/// along the rows already, and so has one without examples.
///
/// # Errors
/// Why there is no such expression.
pub fn translate_rows(
    model: &Model,
    examples: usize,
    name: &str,
    indices: &[Index],
    term: &Term,
) -> Result<Translation, String> {
    if !term.tensors().iter().any(|name| is_per_example(model, name)) {
        return translate(indices, term);
    }
    let id = fresh_id(&[term]).max(indices.iter().map(|index| index.id + 1).max().unwrap_or(0));
    let example = Index::new(id, examples, "");
    let batched = with_examples(model, &example, term);
    let count = Matrix::Tensor { name: count_name(model), axes: 0 };
    let letters = || Letters::new(model);
    let with_examples = Some((example.clone(), count));
    if is_per_example(model, name) {
        if indices.len() > 1 {
            return Err(with_rows(format!("it has {} axes, and a matrix has two", indices.len() + 1)));
        }
        let all: Vec<Index> = std::iter::once(&example).chain(indices).cloned().collect();
        return translate_with(&all, &batched, letters(), with_examples).map_err(with_rows);
    }
    let mean = mean(&batched, &example, &count_name(model));
    translate_with(indices, &mean, letters(), with_examples).map_err(with_rows)
}

fn with_rows(why: String) -> String {
    format!("with the examples along the rows, {why}")
}

fn is_per_example(model: &Model, name: &str) -> bool {
    model.batch.is_none() && model.tensor(name).is_some_and(|tensor| tensor.per_example)
}

/// The mean over the examples; what does not depend on them is its own.
fn mean(term: &Term, example: &Index, count: &str) -> Term {
    let (varying, constant): (Vec<Term>, Vec<Term>) =
        term.addends().iter().cloned().partition(|addend| addend.depends_on(example));
    let sum = Term::sum(std::slice::from_ref(example), Term::add(varying));
    let mean = Term::mul(vec![Term::read(count, Vec::new()).inverse(), sum]);
    Term::add(constant.into_iter().chain([mean]).collect())
}

/// The term with the number of the example as the first subscript of all that each example has its own of.
fn with_examples(model: &Model, example: &Index, term: &Term) -> Term {
    match term.node() {
        Node::Read { tensor, subscripts } if is_per_example(model, tensor) => {
            let subscripts = std::iter::once(Term::index(example)).chain(subscripts.iter().cloned());
            Term::read(&row_name(model, tensor), subscripts.collect())
        }
        Node::Number(_) | Node::Affine(_) | Node::Read { .. } => term.clone(),
        // What is bound must not take the number of the example for its own.
        _ => match term.open_from(fresh_id(&[term]).max(example.id + 1)) {
            Some(opened) => {
                Term::reduce(opened.reduction, &opened.indices, with_examples(model, example, &opened.body))
            }
            None => term.map_children(&mut |child| with_examples(model, example, child)),
        },
    }
}

/// What the matrix is called whose rows are the values of a tensor for the examples: vectors get a capital
/// letter where no tensor has that name.
pub fn row_name(model: &Model, name: &str) -> Name {
    if let Some((of, wrt)) = derivative_parts(name) {
        return derivative_name(of, &row_name(model, wrt));
    }
    // A signal keeps its name, which says already that it is no tensor of the model.
    if is_signal(name) {
        return name.into();
    }
    let is_scalar = model.tensor(name).is_none_or(|tensor| tensor.shape.is_empty());
    let mut letters = name.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if is_scalar || model.tensor(&capital).is_some() { name.into() } else { capital.into() }
}

/// The tensor with a value for each example whose rows are called so.
fn named_for_rows<'m>(model: &'m Model, name: &str) -> Option<&'m Tensor> {
    let is_called = |tensor: &&Tensor| is_per_example(model, &tensor.name) && *row_name(model, &tensor.name) == *name;
    let own = model.tensor(name);
    // What is shared keeps its name, and no rows get a name that a tensor has.
    if own.is_some_and(|tensor| !is_per_example(model, &tensor.name)) {
        return None;
    }
    let small = model.tensor(&small_name(name));
    own.filter(is_called).or(small.filter(is_called)).or_else(|| model.tensors.iter().find(is_called))
}

/// The name with a small first letter, as nearly all vectors have it.
fn small_name(name: &str) -> Name {
    if let Some((of, wrt)) = derivative_parts(name) {
        return derivative_name(of, &small_name(wrt));
    }
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect::<String>().into()
}

/// What the number of examples is called.
pub fn count_name(model: &Model) -> Name {
    let names = ["n", "N", "examples"];
    let is_size = |name: &str| model.sizes.iter().any(|(size, _)| &**size == name);
    names.into_iter().find(|name| model.tensor(name).is_none() && !is_size(name)).unwrap_or("batch").into()
}

impl Matrix {
    /// The value of an expression of [`translate_rows`], given the values of each example. Parameters are
    /// those of the first.
    ///
    /// # Errors
    /// A tensor without a value, shapes that do not fit.
    pub fn evaluate_rows(&self, model: &Model, points: &[Point]) -> Result<Dense, MatrixError> {
        let stacked = |tensor: &Tensor| {
            let rows: Option<Vec<&[f64]>> =
                points.iter().map(|point| point.get(&tensor.name).map(|array| array.values.as_slice())).collect();
            (tensor.shape.len() <= 1).then_some(())?;
            Some(Dense { rows: points.len(), columns: tensor.len(), values: rows?.concat() })
        };
        self.value(&|name| {
            if *name == *count_name(model) {
                return Some(Dense { rows: 1, columns: 1, values: vec![points.len() as f64] });
            }
            match named_for_rows(model, name) {
                Some(tensor) => stacked(tensor),
                None => super::evaluate::tensor_value(model, points.first()?, name),
            }
        })
    }
}

/// Examples that share the parameters of the first, made of points of what is given: what
/// [`difference_rows`] needs, once their other values are computed.
pub fn examples_of(model: &Model, points: &[Point]) -> Vec<Point> {
    let Some(first) = points.first() else { return Vec::new() };
    let shared = |name: &Name| !model.tensor(name).is_none_or(|tensor| tensor.per_example);
    let example = |point: &Point| {
        let given = point.iter().filter(|(name, _)| model.definition(name).is_none() && !shared(name));
        let parameters = first.iter().filter(|(name, _)| model.definition(name).is_none() && shared(name));
        given.chain(parameters).map(|(name, array)| (name.clone(), array.clone())).collect()
    };
    points.iter().map(example).collect()
}

/// The greatest difference between an expression of [`translate_rows`] for a tensor and the values that it
/// has for each example, or the mean of them, relative to the greatest.
///
/// # Errors
/// Where one of the two has no value, or their shapes differ.
pub fn difference_rows(model: &Model, examples: &[Point], name: &Name, matrix: &Matrix) -> Result<f64, MatrixError> {
    let found = matrix.evaluate_rows(model, examples)?;
    let value = |point: &Point| point.get(name).map(|array| array.values.clone());
    let each: Vec<Vec<f64>> =
        examples.iter().map(value).collect::<Option<_>>().ok_or_else(|| MatrixError::Missing(name.clone()))?;
    let expected = match is_per_example(model, name) {
        true => each.concat(),
        false => {
            let mean = |at: usize| each.iter().map(|values| values[at]).sum::<f64>() / each.len() as f64;
            (0..each.first().map_or(0, Vec::len)).map(mean).collect()
        }
    };
    let own = model.tensor(name).map_or(&[][..], |tensor| &tensor.shape);
    let extent = |axis: usize| own.get(axis).copied().unwrap_or(1);
    let shape = if is_per_example(model, name) { (each.len(), extent(0)) } else { (extent(0), extent(1)) };
    if (found.rows, found.columns) != shape || expected.len() != found.values.len() {
        return Err(MatrixError::Shape("comparison with the examples"));
    }
    let size = expected.iter().fold(1e-3f64, |size, value| size.max(value.abs()));
    // Not `max`, which would hide a NaN.
    let worse = |worst: f64, (a, b): (&f64, &f64)| {
        let error = (a - b).abs() / size;
        if error.is_nan() || error > worst { error } else { worst }
    };
    Ok(expected.iter().zip(&found.values).fold(0.0, worse))
}
