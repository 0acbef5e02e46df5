//! Machine code for walks, on processors with AVX2 and FMA, or with AVX-512. A walk is interpreted a tile at a time
//! (`tile`), or, where code can be emitted for it, runs as one loop nest in which all values stay in registers.
//!
//! The functions are those of `math`, written over the values of a graph, so results of maps have the same bits.
//! No code is emitted for computed subscripts, guarded reads that do not lie side by side, logarithms of sums, positions
//! of greatest values and functions that are computed in doubles: these are interpreted.

mod access;
mod assembler;
mod block;
mod frame;
mod graph;
mod layout;
mod lower;
mod memory;
mod nest;
mod parts;
mod reduction;
#[cfg(test)]
mod tests;
mod vectors;

use crate::machine::Level;
use crate::walk::{Nest, Reduction, WalkSpec};
use iced_x86::Register;
use layout::Emitter;
pub(crate) use layout::Layout;
use memory::Code;
pub(crate) use memory::Placed;
use vectors::Width;

/// What the code is called with.
#[repr(C)]
struct Call {
    arena: *mut f32,
    constants: *const u8,
    /// Positions of the outermost loop over results.
    from: usize,
    to: usize,
    /// Of a walk by steps.
    step: usize,
    rate: f32,
    /// So that the rate may be read as eight bytes.
    rest: u32,
}

/// The register in which the code is called with it.
const CALL: Register = Register::RDI;

/// Code, and how it is to be run.
pub(crate) struct Emitted {
    code: Code,
    pub layout: Layout,
}

/// The code of a checked walk on such a processor; none where it is to be interpreted.
pub(crate) fn emit(spec: &WalkSpec, nest: &Nest, level: Level) -> Option<Emitted> {
    let widths: &[Width] = match level {
        // Of shorter rows there is one vector, however wide.
        Level::V4 if spec.loops.last()?.extent > Width::Eight.lanes() => &[Width::Sixteen, Width::Eight],
        Level::V4 | Level::V3 => &[Width::Eight],
        Level::Portable => &[],
    };
    if matches!(spec.reduction, Some(Reduction::LogSumExp | Reduction::ArgMax | Reduction::ArgMin)) {
        return None;
    }
    widths.iter().find_map(|width| emit_in(spec, nest, *width))
}

fn emit_in(spec: &WalkSpec, nest: &Nest, width: Width) -> Option<Emitted> {
    let mut emitter = Emitter::new(spec, nest, width)?;
    emitter.emit();
    if !emitter.fits {
        return None;
    }
    let bytes = emitter.asm.finish().ok()?;
    Some(Emitted { code: Code::new(bytes, &emitter.asm.constants), layout: emitter.layout() })
}

impl Emitted {
    /// It in memory; none where the system does not allow it.
    pub fn placed(&self) -> Option<&Placed> {
        self.code.placed()
    }
}

/// Puts the code of many walks into memory at once.
pub(crate) fn place<'a>(emitted: impl Iterator<Item = &'a Emitted>) {
    memory::place(&emitted.map(|emitted| &emitted.code).collect::<Vec<_>>());
}
