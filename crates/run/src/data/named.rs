//! Arrays by name, from `.npz` files.

use super::fit::{self, LabelForm};
use super::{DataError, Dataset, Examples, Source, constants};
use crate::arrays::{Array, read_npz};
use deltarule_core::model::{Model, Tensor};
use deltarule_core::term::Name;
use std::collections::BTreeMap;
use std::path::Path;

pub(super) fn load(source: &Source, path: &Path, model: &Model) -> Result<Dataset, DataError> {
    let arrays = read_npz(path)?;
    let find = |tensor: &Tensor| {
        arrays.get(&tensor.name).ok_or_else(|| DataError::Nothing {
            source: source.to_string(),
            tensor: tensor.name.clone(),
            needs: "an array of its name".to_owned(),
            found: arrays.keys().map(|name| name.to_string()).collect(),
        })
    };
    let mut fixed = BTreeMap::new();
    for tensor in constants(model) {
        fixed.insert(tensor.name.clone(), once(source, model, tensor, find(tensor)?)?);
    }
    let mut all = Examples::default();
    let mut first: Option<(Name, usize)> = None;
    for tensor in model.data() {
        let array = find(tensor)?;
        let (count, values) = each(source, model, tensor, array)?;
        let (other, before) = first.get_or_insert_with(|| (tensor.name.clone(), count));
        if *before != count {
            let counts = [(other.clone(), *before), (tensor.name.clone(), count)];
            return Err(DataError::Examples { source: source.to_string(), counts });
        }
        all.count = count;
        all.tensors.insert(tensor.name.clone(), values);
    }
    if first.is_none() {
        let description = format!("{source}: no examples, since the model has neither inputs nor targets");
        return Ok(Dataset { constants: fixed, description, ..Dataset::default() });
    }
    Ok(Dataset { constants: fixed, ..Dataset::split(source, all, "examples")? })
}

/// A tensor that is given once, in exactly its shape.
fn once(source: &Source, model: &Model, tensor: &Tensor, array: &Array) -> Result<Vec<f32>, DataError> {
    if array.shape() != tensor.shape {
        return Err(DataError::Shape {
            source: source.to_string(),
            tensor: tensor.name.clone(),
            expected: tensor.shape.clone(),
            found: array.shape().to_vec(),
            reordered: false,
        });
    }
    let mut values = Vec::new();
    fit::append(model, tensor, &array.to_f64(), &mut values).map_err(|(entry, flaw)| DataError::Value {
        source: source.to_string(),
        place: entry.map_or_else(|| "its array".to_owned(), |entry| format!("entry {}", at(array.shape(), entry))),
        tensor: tensor.name.clone(),
        flaw,
    })?;
    Ok(values)
}

/// A tensor with the examples in front: their number, and the values.
fn each(source: &Source, model: &Model, tensor: &Tensor, array: &Array) -> Result<(usize, Vec<f32>), DataError> {
    let Some((&count, own)) = array.shape().split_first() else {
        return Err(DataError::Nothing {
            source: source.to_string(),
            tensor: tensor.name.clone(),
            needs: "an array with the examples along its first axis".to_owned(),
            found: vec![format!("the scalar {}", tensor.name)],
        });
    };
    let is_label = own.iter().all(|&extent| extent == 1) && tensor.len() > 1 && LabelForm::takes_labels(tensor);
    if !is_label {
        fit::shape(source, tensor, own)?;
    }
    let length = if is_label { 1 } else { tensor.len() };
    let mut values = Vec::with_capacity(count * tensor.len());
    let mut row = Vec::with_capacity(length);
    for example in 0..count {
        row.clear();
        row.extend((example * length..(example + 1) * length).filter_map(|entry| array.values().get(entry)));
        let fitted = if is_label {
            let label = fit::integer(row[0], tensor.len()).map_err(|flaw| (None, flaw));
            label.map(|label| LabelForm::Row(tensor.len()).append(label, &mut values))
        } else {
            fit::append(model, tensor, &row, &mut values)
        };
        fitted.map_err(|(entry, flaw)| {
            let inside = entry.filter(|_| !own.is_empty());
            let inside = inside.map_or_else(String::new, |entry| format!(", entry {}", at(own, entry)));
            let place = format!("example {example} (from 0){inside}");
            DataError::Value { source: source.to_string(), place, tensor: tensor.name.clone(), flaw }
        })?;
    }
    Ok((count, values))
}

/// Checks that arrays given by name keep what the declarations of a model promise of them.
///
/// # Errors
/// The first value or row that does not. Shapes that do not fit are passed over: they are told where
/// the arrays are used.
pub fn keep_promises(file: &Path, model: &Model, arrays: &BTreeMap<Name, Array>) -> Result<(), DataError> {
    for tensor in model.tensors.iter().filter(|tensor| tensor.definition().is_none()) {
        let Some(array) = arrays.get(&tensor.name) else { continue };
        let (values, length) = (array.to_f64(), tensor.len().max(1));
        for (example, row) in values.chunks(length).enumerate() {
            fit::keeps_promises(model, tensor, row).map_err(|(entry, flaw)| DataError::Value {
                source: file.display().to_string(),
                place: match entry {
                    Some(entry) => format!("entry {}", at(array.shape(), example * length + entry)),
                    None => format!("example {example}"),
                },
                tensor: tensor.name.clone(),
                flaw,
            })?;
        }
    }
    Ok(())
}

/// An entry counted row by row as subscripts.
fn at(shape: &[usize], mut entry: usize) -> String {
    let mut subscripts = vec![0; shape.len()];
    for (subscript, &extent) in subscripts.iter_mut().zip(shape).rev() {
        *subscript = entry % extent.max(1);
        entry /= extent.max(1);
    }
    format!("{subscripts:?}")
}
