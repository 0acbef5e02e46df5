//! Text: bytes as tokens, for models with integer inputs.
//!
//! The text is cut into windows, as long as the input. An integer target of the same length gets
//! the token after each of them, one of a single entry the token after the window; a target of
//! classes gets them as rows with one 1.

use super::{DataError, Dataset, Examples, Source, inputs, targets};
use crate::arrays::reason;
use deltarule_core::model::{Model, Role, TargetKind, Tensor};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The input that takes windows of tokens.
struct Window<'a> {
    tensor: &'a Tensor,
    below: usize,
}

pub(super) fn load(source: &Source, path: &Path, model: &Model) -> Result<Dataset, DataError> {
    let window = window(source, model)?;
    let target = target(source, model, &window)?;
    let bytes = fs::read(path).map_err(|error| DataError::File { path: path.to_owned(), reason: reason(&error) })?;
    let (tokens, how) = tokens(path, &bytes, window.below)?;
    let length = window.tensor.len();
    // The last window needs a token after it.
    let windows = tokens.len().saturating_sub(1) / length;
    if windows < 2 {
        return Err(DataError::TooFew { source: source.to_string(), examples: windows });
    }
    let held_out = (windows / 5).max(1);
    let part = |from: usize, to: usize| {
        let mut all = Examples { count: to - from, tensors: BTreeMap::new() };
        let inside = &tokens[from * length..to * length];
        all.tensors.insert(window.tensor.name.clone(), inside.iter().map(|&token| f32::from(token)).collect());
        if let Some((tensor, classes)) = target {
            let values = (from..to).flat_map(|at| following(tensor, classes, &tokens[at * length + 1..][..length]));
            all.tensors.insert(tensor.name.clone(), values.collect());
        }
        all
    };
    let description = format!(
        "{source}: {} bytes in {windows} windows of {length}, of which the last {held_out} are held out; {how}",
        bytes.len()
    );
    let (train, held_out) = (part(0, windows - held_out), part(windows - held_out, windows));
    Ok(Dataset { train, held_out, constants: BTreeMap::new(), description })
}

fn window<'a>(source: &Source, model: &'a Model) -> Result<Window<'a>, DataError> {
    let all: Vec<&Tensor> = inputs(model).collect();
    if let [tensor] = all[..]
        && let Role::Input { below: Some(below) } = tensor.role
        && !tensor.is_empty()
    {
        return Ok(Window { tensor, below });
    }
    let integer = all.len() > 1 && all.iter().any(|tensor| matches!(tensor.role, Role::Input { below: Some(_) }));
    let inputs = if integer { all.iter().map(|tensor| tensor.name.clone()).collect() } else { Vec::new() };
    let gives = "tokens (write `input t[8] int(256)`)";
    Err(DataError::OneInput { source: source.to_string(), gives, inputs })
}

/// The target with the number of its classes where it takes rows, 0 where it takes numbers.
fn target<'a>(source: &Source, model: &'a Model, window: &Window) -> Result<Option<(&'a Tensor, usize)>, DataError> {
    let all: Vec<&Tensor> = targets(model).collect();
    let target = match all[..] {
        [] => return Ok(None),
        [target] => target,
        _ => {
            let targets = all.iter().map(|tensor| tensor.name.clone()).collect();
            return Err(DataError::OneTarget { source: source.to_string(), gives: "the tokens that follow", targets });
        }
    };
    let length = window.tensor.len();
    let classes = match target.role {
        Role::Target(TargetKind::Integer(bound)) if bound >= window.below => 0,
        Role::Target(TargetKind::OneHot | TargetKind::Probability) => window.below,
        _ => return Err(misfit(source, target, vec![length])),
    };
    let row = classes.max(1);
    let last = classes == 0 || target.shape.last() == Some(&classes);
    if !last || (target.len() != row && target.len() != length * row) {
        let found = if classes == 0 { vec![length] } else { vec![length, classes] };
        return Err(misfit(source, target, found));
    }
    Ok(Some((target, classes)))
}

fn misfit(source: &Source, target: &Tensor, found: Vec<usize>) -> DataError {
    DataError::Shape {
        source: source.to_string(),
        tensor: target.name.clone(),
        expected: target.shape.clone(),
        found,
        reordered: false,
    }
}

/// The values of a target for a window, given the tokens that follow each of its tokens.
fn following(target: &Tensor, classes: usize, next: &[u16]) -> Vec<f32> {
    let next = if target.len() == classes.max(1) { &next[next.len() - 1..] } else { next };
    if classes == 0 {
        return next.iter().map(|&token| f32::from(token)).collect();
    }
    let row = |token: u16| (0..classes).map(move |class| f32::from(u8::from(class == usize::from(token))));
    next.iter().flat_map(|&token| row(token)).collect()
}

/// The tokens of a text, and what they are: the bytes themselves where all are in range, else
/// numbers for those that occur, in the order of the bytes.
fn tokens(path: &Path, bytes: &[u8], below: usize) -> Result<(Vec<u16>, String), DataError> {
    if bytes.iter().all(|&byte| usize::from(byte) < below) {
        return Ok((bytes.iter().map(|&byte| u16::from(byte)).collect(), "tokens are the bytes".to_owned()));
    }
    let mut number = [0u16; 256];
    for &byte in bytes {
        number[usize::from(byte)] = 1;
    }
    let mut kinds = 0;
    for place in number.iter_mut().filter(|place| **place == 1) {
        *place = kinds;
        kinds += 1;
    }
    if usize::from(kinds) > below {
        let reason = format!("it has {kinds} different bytes, more than the {below} tokens of the model");
        return Err(DataError::File { path: path.to_owned(), reason });
    }
    let how = format!("tokens number the {kinds} different bytes, in their order");
    Ok((bytes.iter().map(|&byte| number[usize::from(byte)]).collect(), how))
}
