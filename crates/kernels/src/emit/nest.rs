//! The loops of a walk as machine code. Loops over results are outside, in the order of the walk; those that are
//! reduced over are inside. Vectors go along the innermost loop of the walk: side by side over results, or over
//! what is reduced.

use super::assembler::{Address, Label, general};
use super::block::Action;
use super::graph::{Id, Op};
use super::layout::{Emitter, Group, MOST_BYTES, Place};
use super::vectors::TAIL;
use super::{CALL, Call};
use iced_x86::{Code, Register};
use std::mem::offset_of;

/// The most memory that code may take of the stack: less than what lies between two looks at its end.
const MOST_MEMORY: i32 = 3072;
impl Emitter<'_> {
    /// The address of an access, for one of the vectors side by side.
    pub fn address(&mut self, place: Place, copy: usize) -> Address {
        let base = match self.registers[place.group] {
            Some(register) => register,
            None => {
                let at = self.frame.pointer(place.group);
                self.asm.load(Code::Mov_r64_rm64, general::MOMENT, at);
                general::MOMENT
            }
        };
        let along = (copy * self.lanes()) as i64 * place.lane_stride * 4;
        self.fits &= along + (place.displacement as i64) < MOST_BYTES && along.abs() < MOST_BYTES;
        Address { base, displacement: place.displacement.wrapping_add(along as i32) }
    }

    /// Writes all of the code.
    pub fn emit(&mut self) {
        for register in [general::FRAME].iter().chain(&general::SAVED) {
            self.asm.register(Code::Push_r64, *register);
        }
        self.asm.registers(Code::Mov_r64_rm64, general::COUNTER, Register::RSP);
        self.asm.with_number(Code::Sub_rm64_imm32, Register::RSP, MOST_MEMORY);
        // At the beginning of a cache line.
        self.asm.with_number(Code::And_rm64_imm8, Register::RSP, -64);
        self.asm.store_register(Code::Mov_rm64_r64, self.frame.stack().at(Register::RSP), general::COUNTER);
        self.asm.registers(Code::Mov_r64_rm64, general::FRAME, Register::RSP);
        self.take_call();
        self.set_tail();
        self.inside(0);
        self.fits &= self.frame.size <= MOST_MEMORY - 64;
        self.asm.plain(Code::VEX_Vzeroupper);
        self.asm.load(Code::Mov_r64_rm64, Register::RSP, self.frame.stack());
        for register in general::SAVED.iter().rev().chain(&[general::FRAME]) {
            self.asm.register(Code::Pop_r64, *register);
        }
        self.asm.plain(Code::Retnq);
    }

    /// Reads what the code is called with, and sets the pointers to where its range begins.
    fn take_call(&mut self) {
        let of = |offset: usize| Address { base: CALL, displacement: offset as i32 };
        let (from, step) = (of(offset_of!(Call, from)), of(offset_of!(Call, step)));
        let copied = [
            (of(offset_of!(Call, rate)), self.frame.rate()),
            (from, self.frame.from()),
            (of(offset_of!(Call, to)), self.frame.to()),
        ];
        for (source, target) in copied {
            self.asm.load(Code::Mov_r64_rm64, general::COUNTER, source);
            self.asm.store_register(Code::Mov_rm64_r64, target, general::COUNTER);
        }
        self.asm.load(Code::Mov_r64_rm64, general::CONSTANTS, of(offset_of!(Call, constants)));
        for group in 0..self.groups.len() {
            let Group { ref strides, along_steps, offset, scale } = self.groups[group];
            let along_range = if self.is_shared_out(0) { strides[0] } else { 0 };
            self.asm.load_address(general::MOMENT, (offset * scale) as u64);
            if scale == 4 {
                self.asm.load(Code::Add_r64_rm64, general::MOMENT, of(offset_of!(Call, arena)));
            }
            for (at, stride) in
                [(from, along_range), (step, along_steps)].into_iter().filter(|(_, stride)| *stride != 0)
            {
                self.asm.multiply(general::COUNTER, at, (stride * scale) as i32);
                self.asm.registers(Code::Add_r64_rm64, general::MOMENT, general::COUNTER);
            }
            self.asm.store_register(Code::Mov_rm64_r64, self.frame.pointer(group), general::MOMENT);
        }
    }

    /// The mask of the last vector of a row, if there are masks and it is not whole.
    fn set_tail(&mut self) {
        let rest = self.order[self.lane].extent % self.lanes();
        if self.asm.width.embeds() && rest > 0 {
            self.asm.with_number(Code::Mov_r32_imm32, Register::EAX, (1 << rest) - 1);
            self.asm.move_to_mask(TAIL, Register::EAX);
        }
    }

    /// What is inside of so many loops.
    fn inside(&mut self, depth: usize) {
        let top = self.frame.top;
        let reduces = self.reduction.is_some();
        let mut actions = self.computed_in((depth, false));
        if depth == self.order.len() {
            for copy in 0..self.copies {
                if reduces {
                    actions.push(Action::Accumulate(copy));
                } else {
                    actions.extend((0..self.stores.len()).map(|store| Action::Store(store, copy)));
                }
            }
            // One vector after the other, so that few values are alive at once.
            let uniform = |action: &Action| matches!(action, Action::Compute(id, _) if !self.is_in_lanes(*id));
            actions.sort_by_key(|action| match *action {
                Action::Compute(_, copy) | Action::Store(_, copy) | Action::Accumulate(copy) => {
                    (!uniform(action), copy)
                }
            });
        }
        self.block(&actions, &[]);
        if reduces && depth == self.order.len() {
            self.carry_when_due();
        }
        if reduces && depth == self.kept {
            self.begin_reduction();
            self.loops(depth);
            let results = self.finish_reduction();
            let mut actions = self.computed_in((depth, true));
            let copies = if self.lane_is_reduced() { 1 } else { self.copies };
            let stores = 0..self.stores.len();
            actions.extend(stores.flat_map(|store| (0..copies).map(move |copy| Action::Store(store, copy))));
            let reduced = (0..self.nodes.len()).find(|id| self.nodes[*id].op == Op::Reduced);
            let given =
                |reduced: Id| results.iter().enumerate().map(move |(copy, register)| (reduced, copy, *register));
            let given: Vec<_> = reduced.into_iter().flat_map(given).collect();
            let given: Vec<_> = given.into_iter().map(|(id, copy, register)| (self.key(id, copy), register)).collect();
            self.block(&actions, &given);
        } else if depth < self.order.len() {
            self.loops(depth);
        }
        self.frame.top = top;
    }

    /// The values of a block, vector by vector.
    fn computed_in(&self, block: (usize, bool)) -> Vec<Action> {
        let belongs = |id: &Id| self.needed[*id] && self.block_of(*id) == block;
        let copies = |id: Id| if self.is_in_lanes(id) { self.copies } else { 1 };
        (0..self.nodes.len())
            .filter(belongs)
            .flat_map(|id| (0..copies(id)).map(move |copy| Action::Compute(id, copy)))
            .collect()
    }

    /// The loop at a depth.
    fn loops(&mut self, depth: usize) {
        if depth >= self.order.len() {
            return;
        }
        // The innermost loop that is one: a single block of vectors is none.
        let is_last = depth + 1 == self.order.len() || (depth + 2 == self.order.len() && self.is_straight(depth + 1));
        let has_registers = is_last && !self.is_straight(depth);
        if has_registers {
            self.take_registers(depth);
        }
        if depth == self.lane {
            self.lane_loop(depth)
        } else {
            self.plain_loop(depth)
        }
        if has_registers {
            self.registers.fill(None);
        }
    }

    /// Whether the loop of the lanes is a single block of vectors, wherever the code begins and ends.
    fn is_straight(&self, depth: usize) -> bool {
        depth == self.lane && depth > 0 && self.order[depth].extent <= self.lanes() * self.most_copies
    }

    /// Puts the pointers that are used inside of a loop into registers.
    fn take_registers(&mut self, depth: usize) {
        let inside = |id: Id| self.needed[id] && self.level(id) > depth;
        let loads = (0..self.nodes.len()).filter(|id| inside(*id)).filter_map(|id| match self.nodes[id].op {
            Op::Load(load) | Op::Guarded(load, _) => Some(self.loads[load].group),
            _ => None,
        });
        let stores_inside = self.reduction.is_none() || depth < self.kept;
        let stores = self.stores.iter().filter(|_| stores_inside).map(|(_, place)| place.group);
        let mut groups: Vec<usize> = loads.chain(stores).collect();
        groups.sort_unstable();
        groups.dedup();
        for (group, register) in groups.into_iter().zip(general::POINTERS) {
            self.registers[group] = Some(register);
            let at = self.frame.pointer(group);
            self.asm.load(Code::Mov_r64_rm64, register, at);
        }
    }

    /// Moves all pointers along a loop; those in registers by themselves.
    fn advance(&mut self, depth: usize, positions: i64) {
        for group in 0..self.groups.len() {
            let bytes = (self.groups[group].strides[depth] * self.groups[group].scale * positions) as i32;
            match self.registers[group] {
                _ if bytes == 0 => {}
                Some(register) => self.asm.add_to_register(register, bytes),
                None => {
                    let at = self.frame.pointer(group);
                    self.asm.add_to_memory(at, bytes);
                }
            }
        }
    }

    /// Whether it is the loop of which the code is called for a range.
    pub fn is_shared_out(&self, depth: usize) -> bool {
        depth == 0 && self.kept > 0
    }

    /// A loop of single positions.
    fn plain_loop(&mut self, depth: usize) {
        let extent = self.order[depth].extent;
        if self.is_shared_out(depth) {
            let (from, to) = (self.frame.from(), self.frame.to());
            self.asm.load(Code::Mov_r64_rm64, general::COUNTER, to);
            self.asm.load(Code::Sub_r64_rm64, general::COUNTER, from);
            let counter = self.frame.counter(depth);
            self.asm.store_register(Code::Mov_rm64_r64, counter, general::COUNTER);
        } else {
            let counter = self.frame.counter(depth);
            self.asm.set_memory(counter, extent as i32);
        }
        self.repeat(depth, 1);
        if !self.is_shared_out(depth) {
            self.advance_back(depth, extent as i64);
        }
    }

    /// Goes through the inside as often as the counter says.
    fn repeat(&mut self, depth: usize, positions: i64) {
        let top = self.asm.label();
        self.asm.set(top);
        self.inside(depth + 1);
        self.advance(depth, positions);
        let counter = self.frame.counter(depth);
        self.asm.decrease(counter);
        self.asm.jump(Code::Jne_rel32_64, top);
    }

    /// Moves the pointers in memory back to where a loop began; those in registers end with it.
    fn advance_back(&mut self, depth: usize, positions: i64) {
        for group in 0..self.groups.len() {
            let bytes = (self.groups[group].strides[depth] * self.groups[group].scale * positions) as i32;
            if bytes != 0 && self.registers[group].is_none() {
                let at = self.frame.pointer(group);
                self.asm.add_to_memory(at, -bytes);
            }
        }
    }

    /// The loop of the lanes: blocks of vectors, and what is left.
    fn lane_loop(&mut self, depth: usize) {
        let extent = self.order[depth].extent;
        let block = self.lanes() * self.most_copies;
        let (blocks, rest) = (extent / block, extent % block);
        let (skip, end) = (self.asm.label(), self.asm.label());
        (self.copies, self.tail) = (self.most_copies, self.lanes());
        if blocks > 0 && self.is_shared_out(depth) {
            self.count_blocks(depth, blocks * block, skip);
            self.repeat(depth, block as i64);
            self.asm.set(skip);
        } else if blocks == 1 && rest == 0 {
            self.inside(depth + 1);
        } else if blocks > 0 {
            let counter = self.frame.counter(depth);
            self.asm.set_memory(counter, blocks as i32);
            self.repeat(depth, block as i64);
        }
        if rest > 0 {
            if self.is_shared_out(depth) {
                let to = self.frame.to();
                self.asm.with_number(Code::Mov_r64_imm64, general::COUNTER, extent as i32);
                self.asm.load(Code::Cmp_r64_rm64, general::COUNTER, to);
                self.asm.jump(Code::Jne_rel32_64, end);
            }
            self.copies = rest.div_ceil(self.lanes());
            self.tail = rest - (self.copies - 1) * self.lanes();
            self.inside(depth + 1);
            self.asm.set(end);
        }
        (self.copies, self.tail) = (self.most_copies, self.lanes());
        if !self.is_shared_out(depth) && (blocks > 1 || (blocks > 0 && rest > 0)) {
            self.advance_back(depth, (blocks * block) as i64);
        }
    }

    /// Counts the whole blocks in the range of the call.
    fn count_blocks(&mut self, depth: usize, whole: usize, skip: Label) {
        let (from, to, counter) = (self.frame.from(), self.frame.to(), self.frame.counter(depth));
        self.asm.with_number(Code::Mov_r64_imm64, general::COUNTER, whole as i32);
        self.asm.load(Code::Cmp_r64_rm64, general::COUNTER, to);
        self.asm.load(Code::Cmovg_r64_rm64, general::COUNTER, to);
        self.asm.load(Code::Sub_r64_rm64, general::COUNTER, from);
        let places = (self.lanes() * self.most_copies).trailing_zeros() as i32;
        self.asm.with_number(Code::Sar_rm64_imm8, general::COUNTER, places);
        self.asm.store_register(Code::Mov_rm64_r64, counter, general::COUNTER);
        self.asm.jump(Code::Je_rel32_64, skip);
    }
}
