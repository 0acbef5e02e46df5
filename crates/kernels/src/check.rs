//! What must hold of a loop nest so that it can run unchecked.

use crate::walk::{Access, Bound, Instruction, Loop, WalkSpec};

/// The least and greatest position of an access; `None` where no position is visited.
pub(crate) fn bounds(access: &Access, loops: &[Loop]) -> Result<Option<(i64, i64)>, String> {
    if access.strides.len() != loops.len() {
        return Err("an access has another number of loops".into());
    }
    let (mut least, mut greatest) = (access.offset, access.offset);
    for (stride, range) in access.strides.iter().zip(loops) {
        if range.extent == 0 {
            return Ok(None);
        }
        let reach = stride.checked_mul(range.extent as i64 - 1).ok_or("an access overflows")?;
        least = least.checked_add(reach.min(0)).ok_or("an access overflows")?;
        greatest = greatest.checked_add(reach.max(0)).ok_or("an access overflows")?;
    }
    Ok(Some((least, greatest)))
}

/// The positions of a read that may leave its axes: those inside of all of them.
fn bounds_of_axes(access: &Access, loops: &[Loop]) -> Result<Option<(i64, i64)>, String> {
    let offset: i64 = access.axes.iter().map(|axis| axis.step * axis.offset).sum();
    let along =
        |number: usize| access.axes.iter().map(|axis| Some(axis.step * axis.strides.get(number)?)).sum::<Option<i64>>();
    let same = (0..loops.len()).all(|number| along(number) == access.strides.get(number).copied());
    if !same || access.axes.iter().any(|axis| axis.step < 0 || axis.strides.len() != loops.len()) {
        return Err("the axes of a read are not those of the read".into());
    }
    if access.axes.iter().any(|axis| axis.extent == 0) {
        return Ok(None);
    }
    let (mut least, mut greatest) = (access.offset - offset, access.offset - offset);
    for axis in &access.axes {
        // Of a computed subscript nothing is known.
        let is_computed = axis.strides.iter().all(|stride| *stride == 0);
        let along = Access { offset: axis.offset, strides: axis.strides.clone(), axes: Vec::new() };
        let Some(range) = bounds(&along, loops)? else { return Ok(None) };
        let last = axis.extent as i64 - 1;
        let (from, to) = if is_computed { (0, last) } else { (range.0.max(0), range.1.min(last)) };
        if from > to {
            return Ok(None);
        }
        least += axis.step * from;
        greatest += axis.step * to;
    }
    Ok(Some((least, greatest)))
}

fn inside(access: &Access, loops: &[Loop], arena: usize) -> Result<Option<(i64, i64)>, String> {
    let bounds = if access.axes.is_empty() { bounds(access, loops)? } else { bounds_of_axes(access, loops)? };
    match bounds {
        Some((least, greatest)) if least < 0 || greatest >= arena as i64 => {
            Err(format!("an access reaches {least}..={greatest} in an arena of {arena}"))
        }
        _ => Ok(bounds),
    }
}

/// Whether different positions of the kept loops are different places: every stride goes beyond
/// all that the smaller ones reach.
pub(crate) fn is_injective(pairs: impl Iterator<Item = (usize, i64)>) -> bool {
    let mut pairs: Vec<(i64, i64)> =
        pairs.filter(|(extent, _)| *extent > 1).map(|(extent, stride)| (stride.abs(), extent as i64)).collect();
    pairs.sort_unstable();
    let mut reach = 0i64;
    for (stride, extent) in pairs {
        if stride <= reach {
            return false;
        }
        reach += stride * (extent - 1);
    }
    true
}

pub(crate) fn check(spec: &WalkSpec, arena: usize) -> Result<(), String> {
    check_code(&spec.program, spec, false)?;
    check_code(&spec.ending, spec, true)?;
    if spec.reduction.is_none() && (spec.loops.iter().any(|range| range.reduced) || !spec.ending.is_empty()) {
        return Err("loops are reduced over without a reduction".into());
    }
    if spec.reduction.is_some() && spec.program.is_empty() {
        return Err("nothing is reduced".into());
    }
    if spec.by_steps {
        if spec.loops.first().is_none_or(|range| range.reduced) {
            return Err("a walk by steps without steps".into());
        }
        return (0..spec.loops[0].extent).try_for_each(|step| check(&at_step(spec, step as i64), arena));
    }
    let reads: Vec<_> = spec.reads.iter().map(|read| inside(read, &spec.loops, arena)).collect::<Result<_, _>>()?;
    let values = if spec.reduction.is_some() { spec.ending.len() } else { spec.program.len() };
    for (position, (value, store)) in spec.stores.iter().enumerate() {
        if *value >= values {
            return Err("a value is stored that is not computed".into());
        }
        if !store.axes.is_empty() {
            return Err("a store that may leave its axes".into());
        }
        let Some(range) = inside(store, &spec.loops, arena)? else { continue };
        check_store(spec, position, store, range, &reads)?;
    }
    Ok(())
}

/// A walk by steps at one of them.
fn at_step(spec: &WalkSpec, step: i64) -> WalkSpec {
    let mut spec = spec.clone();
    spec.by_steps = false;
    spec.loops[0].extent = 1;
    let reads = spec.reads.iter_mut();
    for access in reads.chain(spec.stores.iter_mut().map(|(_, access)| access)) {
        access.offset += access.strides.first().copied().unwrap_or(0) * step;
        for axis in &mut access.axes {
            axis.offset += axis.strides.first().copied().unwrap_or(0) * step;
        }
    }
    spec
}

type Range = Option<(i64, i64)>;

fn check_store(
    spec: &WalkSpec,
    position: usize,
    store: &Access,
    range: (i64, i64),
    reads: &[Range],
) -> Result<(), String> {
    let loops = || spec.loops.iter().zip(&store.strides);
    if loops().any(|(range, stride)| range.reduced && *stride != 0) {
        return Err("a result moves along a loop that is reduced over".into());
    }
    if !is_injective(loops().filter(|(range, _)| !range.reduced).map(|(range, stride)| (range.extent, *stride))) {
        return Err("a place is written twice".into());
    }
    let meets = |other: &(i64, i64)| other.0 <= range.1 && range.0 <= other.1;
    for (read, bounds) in spec.reads.iter().zip(reads) {
        if bounds.as_ref().is_some_and(meets) && read != store {
            return Err("a place is read elsewhere while it is written".into());
        }
    }
    for (_, other) in &spec.stores[position + 1..] {
        if bounds(other, &spec.loops)?.as_ref().is_some_and(meets) {
            return Err("two values are written to one place".into());
        }
    }
    Ok(())
}

fn check_code(program: &[Instruction], spec: &WalkSpec, is_ending: bool) -> Result<(), String> {
    for (number, instruction) in program.iter().enumerate() {
        let operands: &[usize] = match instruction {
            Instruction::Gather(read, subscripts) => {
                let read = spec.reads.get(*read).ok_or("a read that is not there")?;
                if is_ending && moves_when_reduced(spec, read) {
                    return Err("a read of the ending moves along a loop that is reduced over".into());
                }
                let is_free = |axis: &Bound| axis.offset == 0 && axis.strides.iter().all(|stride| *stride == 0);
                let fits =
                    |(axis, value): &(usize, usize)| read.axes.get(*axis).is_some_and(is_free) && *value < number;
                if !subscripts.iter().all(fits) {
                    return Err("a computed subscript that is not there, or not free".into());
                }
                &[]
            }
            Instruction::Reduced if is_ending && number == 0 => &[],
            Instruction::Reduced => return Err("a result of a reduction where there is none".into()),
            Instruction::Constant(_) | Instruction::Rate => &[],
            Instruction::Read(read) => {
                let read = spec.reads.get(*read).ok_or("a read that is not there")?;
                if is_ending && moves_when_reduced(spec, read) {
                    return Err("a read of the ending moves along a loop that is reduced over".into());
                }
                &[]
            }
            Instruction::Position(access) => {
                bounds(access, &spec.loops)?;
                if is_ending && moves_when_reduced(spec, access) {
                    return Err("a position in the ending moves along a loop that is reduced over".into());
                }
                &[]
            }
            Instruction::Unary(_, a) => &[*a],
            Instruction::Binary(_, a, b) | Instruction::Compare(_, a, b) => &[*a, *b],
            Instruction::Select(a, b, c) => &[*a, *b, *c],
        };
        if operands.iter().any(|operand| *operand >= number) {
            return Err("a value is used before it is computed".into());
        }
    }
    Ok(())
}

fn moves_when_reduced(spec: &WalkSpec, access: &Access) -> bool {
    let strides = access.axes.iter().map(|axis| &axis.strides).chain([&access.strides]);
    let moves = |strides: &Vec<i64>| {
        spec.loops.iter().zip(strides).any(|(range, stride)| range.reduced && *stride != 0 && range.extent > 1)
    };
    strides.into_iter().any(moves)
}
