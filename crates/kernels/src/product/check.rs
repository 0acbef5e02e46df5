//! What must hold of a product so that it can run unchecked.

use super::{Dimension, Ending, ProductSpec};
use crate::check::is_injective;

/// The positions that an operand reaches; `None` where there are none.
fn reach(
    spec: &ProductSpec,
    groups: &[&Vec<Dimension>],
    operand: usize,
    arena: usize,
) -> Result<Option<[i64; 2]>, String> {
    let (mut least, mut greatest) = (spec.offsets[operand], spec.offsets[operand]);
    for axis in groups.iter().flat_map(|group| group.iter()) {
        if axis.extent == 0 {
            return Ok(None);
        }
        let step = axis.strides[operand].checked_mul(axis.extent as i64 - 1).ok_or("a product overflows")?;
        least = least.checked_add(step.min(0)).ok_or("a product overflows")?;
        greatest = greatest.checked_add(step.max(0)).ok_or("a product overflows")?;
    }
    if least < 0 || greatest >= arena as i64 {
        return Err(format!("a product reaches {least}..={greatest} in an arena of {arena}"));
    }
    Ok(Some([least, greatest]))
}

/// One check, or one for each step.
pub(super) fn check_steps(spec: &ProductSpec, arena: usize) -> Result<(), String> {
    if !spec.by_steps {
        return check(spec, [&spec.batch, &spec.rows, &spec.columns, &spec.inner], arena);
    }
    if spec.ending != Ending::default() {
        return Err("a product by steps has an ending".into());
    }
    let Some(steps) = spec.batch.first().copied() else { return Err("a product by steps without steps".into()) };
    for step in 0..steps.extent as i64 {
        let offsets = [0, 1, 2].map(|operand| spec.offsets[operand] + steps.strides[operand] * step);
        let one = ProductSpec { batch: spec.batch[1..].to_vec(), offsets, by_steps: false, ..spec.clone() };
        check(&one, [&one.batch, &one.rows, &one.columns, &one.inner], arena)?;
    }
    Ok(())
}

fn check(spec: &ProductSpec, [batch, rows, columns, inner]: [&Vec<Dimension>; 4], arena: usize) -> Result<(), String> {
    let left = reach(spec, &[batch, rows, inner], 0, arena)?;
    let right = reach(spec, &[batch, columns, inner], 1, arena)?;
    let Some(target) = reach(spec, &[batch, rows, columns], 2, arena)? else { return Ok(()) };
    let results = [batch, rows, columns].into_iter().flatten().map(|axis| (axis.extent, axis.strides[2]));
    if !is_injective(results) {
        return Err("a result is written twice".into());
    }
    let count = |group: &Vec<Dimension>| group.iter().map(|axis| axis.extent).product::<usize>();
    if !spec.symmetric && spec.diagonal != 0.0 {
        return Err("a number is added to the diagonal of a product that is not symmetric".into());
    }
    if spec.symmetric && (spec.descends || count(rows) != count(columns)) {
        return Err("a symmetric product is no square, or adds to what is there".into());
    }
    let meets = |other: &[i64; 2]| other[0] <= target[1] && target[0] <= other[1];
    let summands = count(inner) as i64;
    let weights = spec.weights.filter(|_| summands > 0).map(|first| [first, first + summands - 1]);
    if weights.is_some_and(|[least, greatest]| least < 0 || greatest >= arena as i64) {
        return Err(format!("the weights of a product are outside an arena of {arena}"));
    }
    if [left, right, weights].iter().flatten().any(meets) {
        return Err("the target of a product is one of its factors".into());
    }
    check_ending(spec, [rows, columns], target, arena)
}

/// What the ending reads is there, and is not the target.
fn check_ending(
    spec: &ProductSpec,
    groups: [&Vec<Dimension>; 2],
    target: [i64; 2],
    arena: usize,
) -> Result<(), String> {
    let Ending { bias, positive, .. } = spec.ending;
    if spec.ending != Ending::default() && (spec.descends || spec.symmetric) {
        return Err("only results that are written once have an ending".into());
    }
    let bias = bias.map(|bias| {
        let group = groups[usize::from(!bias.by_rows)];
        let mut axes = group.iter().filter(|axis| axis.extent != 1);
        let count = axes.next().map_or(1, |axis| axis.extent as i64);
        // With several axes their order might change.
        if axes.next().is_none() { Ok([bias.offset, bias.offset + count - 1]) } else { Err("a bias of several axes") }
    });
    let positive = positive.map(|offset| target.map(|place| place - spec.offsets[2] + offset));
    for [least, greatest] in bias.transpose()?.into_iter().chain(positive) {
        if least < 0 || greatest >= arena as i64 {
            return Err(format!("the ending of a product reads {least}..={greatest} in an arena of {arena}"));
        }
        if least <= target[1] && target[0] <= greatest {
            return Err("the ending of a product reads its target".into());
        }
    }
    Ok(())
}
