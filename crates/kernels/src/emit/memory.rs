//! Memory that code stands in. It cannot be written while it may be run, so the code of many walks is put there at
//! once.

use super::Call;
use crate::arena::Shared;
use memmap2::{Mmap, MmapMut};
use std::sync::{Arc, OnceLock};

/// Where code begins, and what it reads: at the beginning of a cache line.
const LINE: usize = 64;

/// Code, and where it stands once it does.
pub(super) struct Code {
    /// The code, and from a place on its constants.
    bytes: Vec<u8>,
    constants: usize,
    /// None in it where the system does not allow it.
    placed: OnceLock<Option<Placed>>,
}

/// Code in memory that may be run.
pub(crate) struct Placed {
    memory: Arc<Mmap>,
    code: usize,
    constants: usize,
}

impl Code {
    pub fn new(mut bytes: Vec<u8>, constants: &[u32]) -> Code {
        let place = bytes.len().next_multiple_of(LINE);
        bytes.resize(place, 0);
        bytes.extend(constants.iter().flat_map(|bits| bits.to_ne_bytes()));
        Code { bytes, constants: place, placed: OnceLock::new() }
    }

    /// It, by itself if it stands nowhere yet.
    pub fn placed(&self) -> Option<&Placed> {
        if self.placed.get().is_none() {
            place(&[self]);
        }
        self.placed.get()?.as_ref()
    }
}

/// Puts codes into memory, one after the other.
pub(super) fn place(codes: &[&Code]) {
    if codes.is_empty() {
        return;
    }
    let mut places = Vec::with_capacity(codes.len());
    let mut length = 0;
    for code in codes {
        places.push(length);
        length += code.bytes.len().next_multiple_of(LINE);
    }
    let memory = MmapMut::map_anon(length).and_then(|mut memory| {
        for (code, &at) in codes.iter().zip(&places) {
            memory[at..at + code.bytes.len()].copy_from_slice(&code.bytes);
        }
        memory.make_exec()
    });
    let memory = memory.ok().map(Arc::new);
    for (code, at) in codes.iter().zip(places) {
        let placed = |memory: &Arc<Mmap>| Placed { memory: memory.clone(), code: at, constants: at + code.constants };
        // One that stands somewhere already stays there.
        code.placed.get_or_init(|| memory.as_ref().map(placed));
    }
}

impl Placed {
    /// Runs a range of positions of the outermost loop over results.
    ///
    /// # Safety
    /// The walk was checked, `arena` points to as many numbers as it was checked for, and no one else uses what
    /// these positions write, or writes what they read. The processor has the level of the code. The range lies in
    /// `0..layout.extent` and begins at a multiple of `layout.unit`; it ends at one, or at the end. The step is one
    /// of the walk.
    pub unsafe fn run(&self, arena: Shared, rate: f32, [from, to]: [usize; 2], step: usize) {
        let constants = self.memory[self.constants..].as_ptr();
        let call = Call { arena: arena.at(0), constants, from, to, step, rate, rest: 0 };
        // SAFETY: the mapping holds code that was written for this walk as a function of that type. It keeps the
        // registers and the stack as the convention wants, reads the constants that it was written with, and visits
        // the places of the walk's accesses, which were checked, for the positions of the range.
        unsafe {
            let function: extern "sysv64" fn(*const Call) = std::mem::transmute(self.memory[self.code..].as_ptr());
            function(&call);
        }
    }
}
