//! Tables: CSV with a header.
//!
//! A tensor takes the column of its name, or, with several entries, the columns `name0`, `name1`
//! and so on. A target of classes also takes one column of labels. The one target without columns
//! of its own takes the column `label`, and the one input without takes all columns that are left,
//! in the order of the file.

use super::fit::{self, LabelForm};
use super::{DataError, Dataset, Examples, Flaw, Source, inputs, targets};
use deltarule_core::model::{Model, Role, TargetKind, Tensor};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

/// How a tensor is filled.
struct Binding<'a> {
    tensor: &'a Tensor,
    /// The numbers of the columns.
    columns: Vec<usize>,
    /// For a column of labels: each as it is written, with its line.
    labels: Option<Vec<(u64, String)>>,
    values: Vec<f32>,
}

pub(super) fn load(source: &Source, path: &Path, model: &Model) -> Result<Dataset, DataError> {
    let broken = |error: csv::Error| DataError::File { path: path.to_owned(), reason: csv_reason(&error) };
    let file = File::open(path)
        .map_err(|error| DataError::File { path: path.to_owned(), reason: crate::arrays::reason(&error) })?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let header: Vec<String> = reader.headers().map_err(broken)?.iter().map(str::to_owned).collect();
    if let Some(twice) = (1..header.len()).find(|&at| header[..at].contains(&header[at])) {
        let reason = format!("two columns have the name `{}`", header[twice]);
        return Err(DataError::File { path: path.to_owned(), reason });
    }
    let mut bindings = bind(source, model, &header)?;
    let mut record = csv::StringRecord::new();
    let mut count = 0;
    let mut row = Vec::new();
    while reader.read_record(&mut record).map_err(broken)? {
        let line = record.position().map_or(0, csv::Position::line);
        for binding in &mut bindings {
            binding.take(source, model, &header, line, &record, &mut row)?;
        }
        count += 1;
    }
    let mut tensors = BTreeMap::new();
    for binding in bindings {
        tensors.insert(binding.tensor.name.clone(), binding.finish(source, &header)?);
    }
    Dataset::split(source, Examples { count, tensors }, "rows")
}

/// Finds the columns of every tensor.
fn bind<'a>(source: &Source, model: &'a Model, header: &[String]) -> Result<Vec<Binding<'a>>, DataError> {
    let mut bindings = Vec::new();
    let mut without = Vec::new();
    for tensor in model.data() {
        match own_columns(source, tensor, header)? {
            Some(columns) => bindings.push(Binding::new(tensor, columns)),
            None => without.push(tensor),
        }
    }
    let target = targets(model).filter(|target| without.iter().any(|tensor| tensor.name == target.name));
    if let [target] = target.collect::<Vec<_>>()[..] {
        let labels = free_columns(&bindings, header).into_iter().find(|&column| header[column] == "label");
        if let Some(column) = labels.filter(|_| target.len() == 1 || LabelForm::takes_labels(target)) {
            bindings.push(Binding::new(target, vec![column]));
            without.retain(|tensor| tensor.name != target.name);
        }
    }
    if let [input] = without[..]
        && inputs(model).any(|tensor| tensor.name == input.name)
    {
        let rest = free_columns(&bindings, header);
        if rest.len() == input.len() {
            bindings.push(Binding::new(input, rest));
            without.clear();
        }
    }
    match without[..] {
        [] => Ok(bindings),
        [tensor, ..] => Err(DataError::Nothing {
            source: source.to_string(),
            tensor: tensor.name.clone(),
            needs: needs(tensor),
            found: header.to_vec(),
        }),
    }
}

/// The columns that carry the name of a tensor.
fn own_columns(source: &Source, tensor: &Tensor, header: &[String]) -> Result<Option<Vec<usize>>, DataError> {
    let find = |name: &str| header.iter().position(|column| column == name);
    if let Some(column) = find(&tensor.name)
        && (tensor.len() == 1 || LabelForm::takes_labels(tensor))
    {
        return Ok(Some(vec![column]));
    }
    let numbered: Vec<usize> = (0..).map_while(|number| find(&format!("{}{number}", tensor.name))).collect();
    if numbered.is_empty() {
        return Ok(None);
    }
    fit::shape(source, tensor, &[numbered.len()])?;
    Ok(Some(numbered))
}

fn free_columns(bindings: &[Binding], header: &[String]) -> Vec<usize> {
    (0..header.len()).filter(|column| !bindings.iter().any(|binding| binding.columns.contains(column))).collect()
}

fn needs(tensor: &Tensor) -> String {
    let name = &tensor.name;
    let labels = if matches!(tensor.role, Role::Target(_)) { " or `label`" } else { "" };
    match tensor.len() {
        0 | 1 => format!("a column `{name}`{labels}"),
        count if LabelForm::takes_labels(tensor) => {
            format!("a column `{name}`{labels} of labels or columns `{name}0` to `{name}{}`", count - 1)
        }
        count => format!("columns `{name}0` to `{name}{}`", count - 1),
    }
}

impl LabelForm {
    /// Whether one label fills the target.
    pub(super) fn takes_labels(tensor: &Tensor) -> bool {
        match &tensor.role {
            Role::Target(TargetKind::OneHot | TargetKind::Probability) => {
                tensor.shape.last().is_some_and(|&classes| classes > 1 && classes == tensor.len())
            }
            Role::Target(TargetKind::Integer(_)) => tensor.len() == 1,
            _ => false,
        }
    }

    /// How many classes a target that takes labels has room for.
    fn room(tensor: &Tensor) -> usize {
        match &tensor.role {
            Role::Target(TargetKind::Integer(bound)) => *bound,
            _ => tensor.len(),
        }
    }
}

impl<'a> Binding<'a> {
    fn new(tensor: &'a Tensor, columns: Vec<usize>) -> Binding<'a> {
        let labels = (columns.len() == 1 && LabelForm::takes_labels(tensor)).then(Vec::new);
        Binding { tensor, columns, labels, values: Vec::new() }
    }

    fn flawed(&self, source: &Source, place: String, flaw: Flaw) -> DataError {
        DataError::Value { source: source.to_string(), place, tensor: self.tensor.name.clone(), flaw }
    }

    /// Takes its part of a record.
    fn take(
        &mut self,
        source: &Source,
        model: &Model,
        header: &[String],
        line: u64,
        record: &csv::StringRecord,
        row: &mut Vec<f64>,
    ) -> Result<(), DataError> {
        let place = |column: usize| format!("line {line}, column `{}`", header[column]);
        row.clear();
        for &column in &self.columns {
            let field = &record[column];
            if field.is_empty() {
                return Err(self.flawed(source, place(column), Flaw::Empty));
            }
            if let Some(labels) = &mut self.labels {
                labels.push((line, field.to_owned()));
                return Ok(());
            }
            let number = field.parse();
            row.push(number.map_err(|_| self.flawed(source, place(column), Flaw::NotNumber(field.to_owned())))?);
        }
        fit::append(model, self.tensor, row, &mut self.values).map_err(|(entry, flaw)| {
            let place = entry.map_or_else(|| format!("line {line}"), |entry| place(self.columns[entry]));
            self.flawed(source, place, flaw)
        })
    }

    /// The values of all rows, now that all labels are known: where one of them is no number, all
    /// are texts, and their classes are numbered in sorted order.
    fn finish(self, source: &Source, header: &[String]) -> Result<Vec<f32>, DataError> {
        let Some(labels) = &self.labels else { return Ok(self.values) };
        let room = LabelForm::room(self.tensor);
        let form = match self.tensor.role {
            Role::Target(TargetKind::Integer(_)) => LabelForm::Number,
            _ => LabelForm::Row(room),
        };
        let mut values = Vec::with_capacity(labels.len() * self.tensor.len());
        let numbers: Option<Vec<f64>> = labels.iter().map(|(_, label)| label.parse().ok()).collect();
        if let Some(numbers) = numbers {
            for ((line, _), number) in labels.iter().zip(numbers) {
                let place = || format!("line {line}, column `{}`", header[self.columns[0]]);
                let label = fit::integer(number, room).map_err(|flaw| self.flawed(source, place(), flaw))?;
                form.append(label, &mut values);
            }
            return Ok(values);
        }
        let classes: BTreeSet<&str> = labels.iter().map(|(_, label)| label.as_str()).collect();
        let classes: Vec<&str> = classes.into_iter().collect();
        if classes.len() > room {
            return Err(self.too_many(source, labels, classes.len()));
        }
        for (_, label) in labels {
            form.append(classes.partition_point(|class| *class < label.as_str()), &mut values);
        }
        Ok(values)
    }

    fn too_many(&self, source: &Source, labels: &[(u64, String)], classes: usize) -> DataError {
        let text = labels.iter().find(|(_, label)| label.parse::<f64>().is_err());
        let note = text.map_or_else(String::new, |(line, label)| {
            format!(" (the first label that is no number is `{label}` in line {line})")
        });
        DataError::Labels {
            source: source.to_string(),
            tensor: self.tensor.name.clone(),
            shape: self.tensor.shape.clone(),
            classes,
            note,
        }
    }
}

fn csv_reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) => crate::arrays::reason(error),
        csv::ErrorKind::Utf8 { pos, .. } => {
            format!("line {} is not UTF-8 text", pos.as_ref().map_or(1, csv::Position::line))
        }
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => format!(
            "line {} has {len} fields, but the header has {expected_len}",
            pos.as_ref().map_or(1, csv::Position::line)
        ),
        _ => error.to_string(),
    }
}
