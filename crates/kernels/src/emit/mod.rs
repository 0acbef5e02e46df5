//! Machine code for walks, on processors with AVX2 and FMA, or with AVX-512. A walk is interpreted a tile at a time (`tile`), or, where
//! code can be emitted for it, runs as one loop nest in which all values stay in registers.
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
mod nest;
mod parts;
mod reduction;
#[cfg(test)]
mod tests;
mod vectors;

use crate::arena::Shared;
use crate::machine::Level;
use crate::walk::{Nest, Reduction, WalkSpec};
use iced_x86::Register;
use layout::Emitter;
pub(crate) use layout::Layout;
use memmap2::{Mmap, MmapMut};
use vectors::Width;

/// What the code is called with.
#[repr(C)]
struct Call {
    arena: *mut f32,
    constants: *const Constant,
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

/// Sixteen numbers, by their bits.
#[repr(C, align(64))]
struct Constant([u32; 16]);

/// Code in memory.
pub(crate) struct Emitted {
    code: Mmap,
    constants: Box<[Constant]>,
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
    let mut code = MmapMut::map_anon(bytes.len()).ok()?;
    code[..bytes.len()].copy_from_slice(&bytes);
    // A system may not allow it.
    let code = code.make_exec().ok()?;
    let line = |line: &[u32]| Constant(std::array::from_fn(|place| line.get(place).copied().unwrap_or(0)));
    let constants = emitter.asm.constants.chunks(16).map(line).collect();
    Some(Emitted { code, constants, layout: emitter.layout() })
}

impl Emitted {
    /// Runs a range of positions of the outermost loop over results.
    ///
    /// # Safety
    /// The walk was checked, `arena` points to as many numbers as it was checked for, and no one else uses what
    /// these positions write, or writes what they read. The processor has the level of the code. The range lies in
    /// `0..layout.extent` and begins at a multiple of `layout.unit`; it ends at one, or at the end. The step is one
    /// of the walk.
    pub unsafe fn run(&self, arena: Shared, rate: f32, [from, to]: [usize; 2], step: usize) {
        let constants = self.constants.as_ptr();
        let call = Call { arena: arena.at(0), constants, from, to, step, rate, rest: 0 };
        // SAFETY: the mapping holds code that was written for this walk as a function of that type. It keeps the
        // registers and the stack as the convention wants, reads the constants that it was written with, and visits
        // the places of the walk's accesses, which were checked, for the positions of the range.
        unsafe {
            let function: extern "sysv64" fn(*const Call) = std::mem::transmute(self.code.as_ptr());
            function(&call);
        }
    }
}
