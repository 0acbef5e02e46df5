//! Sums in which data decide where an addend goes.

use crate::arena::{Arena, Shared};
use crate::check::{bounds, is_injective};
use crate::threads;
use crate::walk::{Access, Loop};

/// What a [`Scatter`] does: the target is filled with zeros; then the source at every position of the
/// loops, in their order, is added to the entry of the target that the keys say, or to none where a
/// key is no position.
#[derive(Debug, Clone)]
pub struct ScatterSpec {
    /// Outermost first. Those that are reduced over do not move the target.
    pub loops: Vec<Loop>,
    /// What is added.
    pub source: Access,
    /// What decides where to.
    pub keys: Vec<Key>,
    /// Where to, the keys being 0.
    pub target: Access,
}

/// Values that are positions along an axis of the target.
#[derive(Debug, Clone)]
pub struct Key {
    /// Where they are.
    pub read: Access,
    /// The extent of the axis.
    pub extent: usize,
    /// The stride of the axis in the target.
    pub stride: i64,
}

/// A checked scatter.
pub struct Scatter {
    spec: ScatterSpec,
    /// How many of the innermost loops move no key.
    still: usize,
    /// Into how many parts the axis of the first key is cut.
    pieces: usize,
    arena: usize,
}

/// Additions in a piece of work that is worth handing to another thread.
const GRAIN: usize = 60_000;
/// More parts than this scan the keys too often.
const MOST_PIECES: usize = 16;
/// More loops than this are refused, so that positions need no memory of their own.
const MOST_LOOPS: usize = 16;

impl Scatter {
    /// Checks and prepares a scatter over an arena of a length.
    ///
    /// # Errors
    /// An access outside the arena, entries of the target that are the same, a target that is read.
    pub fn new(spec: &ScatterSpec, arena: usize) -> Result<Scatter, String> {
        check(spec, arena)?;
        let is_still = |place: usize| spec.keys.iter().all(|key| key.read.strides[place] == 0);
        let still = (0..spec.loops.len()).rev().take_while(|&place| is_still(place)).count();
        let work: usize = spec.loops.iter().map(|range| range.extent).product();
        let first = spec.keys.first().map_or(1, |key| key.extent);
        let pieces = (work / GRAIN).clamp(1, MOST_PIECES).min(first.max(1));
        Ok(Scatter { spec: spec.clone(), still, pieces, arena })
    }

    /// Runs it.
    ///
    /// # Panics
    /// Where the arena has not the length that was checked.
    pub fn run(&self, arena: &mut Arena) {
        assert_eq!(arena.len(), self.arena, "the arena that the scatter was made for");
        let shared = Shared(arena.values_mut().as_mut_ptr());
        let extent = self.spec.keys.first().map_or(1, |key| key.extent);
        threads::each(self.pieces, &|piece| {
            let part = [piece * extent / self.pieces, (piece + 1) * extent / self.pieces];
            // SAFETY: `check` showed that every read, and every entry of the target for all
            // positions of the loops and along the keys, lies inside the arena; that different ones
            // of these entries are different places; and that none is read. Parts are disjoint ranges
            // of the first key, hence disjoint entries.
            unsafe {
                self.clear(shared, part);
                self.add(shared, part);
            }
        });
    }

    /// Fills a part of the target with zeros.
    ///
    /// # Safety
    /// As in `run`.
    unsafe fn clear(&self, arena: Shared, part: [usize; 2]) {
        let spec = &self.spec;
        let mut axes = [(1usize, 0i64); 2 * MOST_LOOPS];
        let mut count = 0;
        for (range, stride) in spec.loops.iter().zip(&spec.target.strides).filter(|(range, _)| !range.reduced) {
            axes[count] = (range.extent, *stride);
            count += 1;
        }
        let mut start = spec.target.offset;
        for (number, key) in spec.keys.iter().enumerate() {
            let extent = if number == 0 { part[1] - part[0] } else { key.extent };
            if number == 0 {
                start += part[0] as i64 * key.stride;
            }
            axes[count] = (extent, key.stride);
            count += 1;
        }
        let axes = &axes[..count];
        let total: usize = axes.iter().map(|(extent, _)| extent).product();
        for number in 0..total {
            let (mut rest, mut at) = (number, start);
            for (extent, stride) in axes.iter().rev() {
                at += (rest % extent) as i64 * stride;
                rest /= extent;
            }
            // SAFETY: the caller's.
            unsafe { *arena.at(at as isize) = 0.0 };
        }
    }

    /// Adds what goes into a part.
    ///
    /// # Safety
    /// As in `run`.
    unsafe fn add(&self, arena: Shared, part: [usize; 2]) {
        let spec = &self.spec;
        let (outer, inner) = spec.loops.split_at(spec.loops.len() - self.still);
        let count = |loops: &[Loop]| loops.iter().map(|range| range.extent).product::<usize>();
        let (rows, width) = (count(outer), count(inner));
        let is_row = inner.len() == 1;
        for row in 0..rows {
            let position = |access: &Access| offset(access, 0, outer, row);
            let mut target = position(&spec.target);
            let mut goes = true;
            for (number, key) in spec.keys.iter().enumerate() {
                // SAFETY: the caller's; the loops inside move no key.
                let value = unsafe { *arena.at(position(&key.read) as isize) };
                let integer = value as i64;
                let range = if number == 0 { part[0] as i64..part[1] as i64 } else { 0..key.extent as i64 };
                goes &= integer as f32 == value && range.contains(&integer);
                target += key.stride * integer.clamp(0, key.extent as i64);
            }
            if !goes {
                continue;
            }
            let source = position(&spec.source);
            let steps = |access: &Access| access.strides.last().copied().unwrap_or(0);
            let (along_source, along_target) = (steps(&spec.source), steps(&spec.target));
            for column in 0..width {
                let (from, to) = if is_row {
                    (source + column as i64 * along_source, target + column as i64 * along_target)
                } else {
                    let place = outer.len();
                    let inside = |access: &Access| offset(access, place, inner, column) - access.offset;
                    (source + inside(&spec.source), target + inside(&spec.target))
                };
                // SAFETY: the caller's; every key is inside its axis.
                unsafe { *arena.at(to as isize) += *arena.at(from as isize) };
            }
        }
    }
}

/// The position of an access at a number of some of the loops, those from `first` on; the others at 0.
fn offset(access: &Access, first: usize, loops: &[Loop], mut number: usize) -> i64 {
    let mut at = access.offset;
    for (range, stride) in loops.iter().zip(&access.strides[first..]).rev() {
        at += (number % range.extent) as i64 * stride;
        number /= range.extent;
    }
    at
}

fn check(spec: &ScatterSpec, arena: usize) -> Result<(), String> {
    if spec.loops.len() > MOST_LOOPS || spec.keys.len() > MOST_LOOPS || spec.keys.is_empty() {
        return Err("a scatter with no keys, or too many loops".into());
    }
    let inside = |range: Option<(i64, i64)>| match range {
        Some((least, greatest)) if least < 0 || greatest >= arena as i64 => {
            Err(format!("a scatter reaches {least}..={greatest} in an arena of {arena}"))
        }
        range => Ok(range),
    };
    let accesses = || spec.keys.iter().map(|key| &key.read).chain([&spec.source]);
    if accesses().chain([&spec.target]).any(|access| !access.axes.is_empty()) {
        return Err("an access of a scatter that may leave its axes".into());
    }
    let reads = accesses().map(|access| inside(bounds(access, &spec.loops)?)).collect::<Result<Vec<_>, _>>()?;
    // The target moves along the keys too.
    let longer = |access: &Access| {
        let strides = access.strides.iter().copied().chain(spec.keys.iter().map(|key| key.stride));
        Access { strides: strides.collect(), ..access.clone() }
    };
    let keys = spec.keys.iter().map(|key| Loop { extent: key.extent, reduced: false });
    let loops: Vec<Loop> = spec.loops.iter().copied().chain(keys).collect();
    let target = longer(&spec.target);
    if target.strides.len() != loops.len() {
        return Err("an access has another number of loops".into());
    }
    if loops.iter().zip(&target.strides).any(|(range, stride)| range.reduced && *stride != 0) {
        return Err("a target moves along a loop that is reduced over".into());
    }
    let kept = loops.iter().zip(&target.strides).filter(|(range, _)| !range.reduced);
    if !is_injective(kept.map(|(range, stride)| (range.extent, *stride))) {
        return Err("two entries of a target are one".into());
    }
    let Some((least, greatest)) = inside(bounds(&target, &loops)?)? else { return Ok(()) };
    if reads.iter().flatten().any(|(from, to)| *from <= greatest && least <= *to) {
        return Err("the target of a scatter is read".into());
    }
    Ok(())
}
