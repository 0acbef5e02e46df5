//! The memory of the code on the stack.

use super::assembler::Address;
use super::block::frame;

/// The memory of the code: what it was called with, pointers, counters and vectors.
pub(super) struct Frame {
    groups: usize,
    loops: usize,
    /// Bytes of a vector.
    vector: i32,
    /// Where the next vector is put, and the most there were.
    pub top: i32,
    pub size: i32,
}

impl Frame {
    pub fn new(groups: usize, loops: usize, vector: i32) -> Frame {
        let top = ((5 + groups + loops) * 8).next_multiple_of(vector as usize) as i32;
        Frame { groups, loops, vector, top, size: top }
    }

    /// Where the stack was.
    pub fn stack(&self) -> Address {
        frame(0)
    }

    pub fn rate(&self) -> Address {
        frame(8)
    }

    pub fn from(&self) -> Address {
        frame(16)
    }

    pub fn to(&self) -> Address {
        frame(24)
    }

    /// How many numbers may be added before sums are carried on.
    pub fn pending(&self) -> Address {
        frame(32)
    }

    pub fn pointer(&self, group: usize) -> Address {
        frame(40 + 8 * group as i32)
    }

    pub fn counter(&self, depth: usize) -> Address {
        debug_assert!(depth < self.loops);
        frame(40 + 8 * (self.groups + depth) as i32)
    }

    /// A place for a vector.
    pub fn take(&mut self) -> i32 {
        self.top += self.vector;
        self.size = self.size.max(self.top);
        self.top - self.vector
    }
}
