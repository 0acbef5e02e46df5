//! How values meet tensors: shapes, labels, and what is promised of the values.

use super::{DataError, Flaw, Source};
use deltarule_core::model::{Model, Role, TargetKind, Tensor};

/// Rows of probabilities may miss one by so much: more than rounding in single precision.
const SUM_TOLERANCE: f64 = 1e-4;

/// Checks that an example of the data can fill one of a tensor, row-major: as many values, and the
/// axes not merely in another order. Axes of extent 1 do not count.
pub(super) fn shape(source: &Source, tensor: &Tensor, found: &[usize]) -> Result<(), DataError> {
    let essential = |shape: &[usize]| shape.iter().copied().filter(|&extent| extent != 1).collect::<Vec<_>>();
    let sorted = |mut shape: Vec<usize>| {
        shape.sort_unstable();
        shape
    };
    let (ours, theirs) = (essential(&tensor.shape), essential(found));
    let reordered = ours != theirs && sorted(ours) == sorted(theirs);
    let length = found.iter().try_fold(1usize, |length, extent| length.checked_mul(*extent));
    if length == Some(tensor.len()) && !reordered {
        return Ok(());
    }
    Err(DataError::Shape {
        source: source.to_string(),
        tensor: tensor.name.clone(),
        expected: tensor.shape.clone(),
        found: found.to_vec(),
        reordered,
    })
}

/// How a target holds a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LabelForm {
    /// One 1 in a row of so many entries.
    Row(usize),
    /// A number.
    Number,
}

impl LabelForm {
    /// The form for so many classes; `None` where the target cannot hold them.
    pub fn of(tensor: &Tensor, classes: usize) -> Option<LabelForm> {
        let row = tensor.len() == classes && tensor.shape.last() == Some(&classes);
        match &tensor.role {
            Role::Target(TargetKind::Integer(bound)) => {
                (tensor.len() == 1 && *bound >= classes).then_some(LabelForm::Number)
            }
            Role::Target(TargetKind::Real) if tensor.len() == 1 => Some(LabelForm::Number),
            Role::Target(_) => row.then_some(LabelForm::Row(classes)),
            _ => None,
        }
    }

    /// Appends the values of one label, which is less than the number of classes.
    pub fn append(self, label: usize, values: &mut Vec<f32>) {
        match self {
            LabelForm::Number => values.push(label as f32),
            LabelForm::Row(classes) => values.extend((0..classes).map(|class| f32::from(u8::from(class == label)))),
        }
    }
}

/// Checks one example of an input or target, or a tensor that is given once, and appends it. The
/// flaw comes with the entry where it is one entry's.
pub(super) fn append(
    model: &Model,
    tensor: &Tensor,
    row: &[f64],
    values: &mut Vec<f32>,
) -> Result<(), (Option<usize>, Flaw)> {
    for (entry, &value) in row.iter().enumerate() {
        single(tensor, value).map_err(|flaw| (Some(entry), flaw))?;
    }
    keeps_promises(model, tensor, row)?;
    values.extend(row.iter().map(|&value| value as f32));
    Ok(())
}

/// Checks what the declaration of a tensor promises of one example: integers in their range, one-hot rows,
/// probabilities, domains, matrices that are their own transposes.
pub(super) fn keeps_promises(model: &Model, tensor: &Tensor, row: &[f64]) -> Result<(), (Option<usize>, Flaw)> {
    if let Some(domain) = model.domain(&tensor.name) {
        let outside = row.iter().position(|value| !domain.contains_single(*value as f32));
        if let Some(entry) = outside {
            return Err((Some(entry), Flaw::Outside { value: row[entry], domain: domain.to_string() }));
        }
    }
    if let (true, [extent, _]) = (model.is_symmetric(&tensor.name), tensor.shape.as_slice()) {
        let turned = |entry: usize| entry % extent * extent + entry / extent;
        let differs = |entry: &usize| row.get(turned(*entry)).is_some_and(|other| *other as f32 != row[*entry] as f32);
        if let Some(entry) = (0..row.len()).find(differs) {
            return Err((Some(entry), Flaw::Asymmetric { value: row[entry], turned: row[turned(entry)] }));
        }
    }
    let bound = match &tensor.role {
        Role::Input { below } => *below,
        Role::Target(TargetKind::Integer(bound)) => Some(*bound),
        _ => None,
    };
    if let Some(below) = bound {
        for (entry, &value) in row.iter().enumerate() {
            integer(value, below).map_err(|flaw| (Some(entry), flaw))?;
        }
    }
    for (start, group) in row.chunks(tensor.shape.last().copied().unwrap_or(1).max(1)).enumerate() {
        match &tensor.role {
            Role::Target(TargetKind::OneHot) => one_hot(group).map_err(|flaw| (None, flaw))?,
            Role::Target(TargetKind::Probability) => {
                probability(group).map_err(|(entry, flaw)| (entry.map(|entry| start * group.len() + entry), flaw))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn single(tensor: &Tensor, value: f64) -> Result<(), Flaw> {
    // A mask that is given once may well hold minus infinity.
    if value.is_nan() || (value.is_infinite() && tensor.per_example) {
        return Err(Flaw::NotFinite(value));
    }
    if value.is_finite() && (value as f32).is_infinite() {
        return Err(Flaw::TooLarge(value));
    }
    Ok(())
}

/// The integer in `0..below` that a value is.
pub(super) fn integer(value: f64, below: usize) -> Result<usize, Flaw> {
    if value.fract() != 0.0 || !value.is_finite() {
        return Err(Flaw::NotInteger(value));
    }
    // Beyond 2^24 single precision would take another integer for it.
    if value < 0.0 || value >= below as f64 || f64::from(value as f32) != value {
        return Err(Flaw::OutOfRange { value, below: below.min(1 << 24) });
    }
    Ok(value as usize)
}

fn one_hot(row: &[f64]) -> Result<(), Flaw> {
    let count = |wanted: f64| row.iter().filter(|&&value| value == wanted).count();
    if count(1.0) == 1 && count(0.0) == row.len() - 1 { Ok(()) } else { Err(Flaw::NotOneHot) }
}

fn probability(row: &[f64]) -> Result<(), (Option<usize>, Flaw)> {
    if let Some(entry) = row.iter().position(|&value| value < 0.0) {
        return Err((Some(entry), Flaw::Negative(row[entry])));
    }
    let sum: f64 = row.iter().sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE { Err((None, Flaw::Sum(sum))) } else { Ok(()) }
}
