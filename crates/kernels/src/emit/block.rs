//! Straight code: values computed one after the other, in registers as long as there are any.

use super::assembler::{Address, Operand, Vector, general};
use super::graph::{Fused, Id, One, Op, Two, operands};
use super::layout::Emitter;
use super::vectors::{Lanes, REGISTERS};

/// Vectors that are computed side by side, at most.
pub(super) const COPIES: usize = 4;
/// No use any more.
const NEVER: u32 = u32::MAX;

/// A value in one of the vectors that are computed side by side.
pub(super) type Key = usize;

/// What a block does, step by step.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    Compute(Id, usize),
    /// The store of that number.
    Store(usize, usize),
    Accumulate(usize),
}

/// Where values are.
pub(super) struct Places {
    /// The register of a value.
    register: Vec<Option<Vector>>,
    /// Its place in the frame, in bytes.
    pub slot: Vec<Option<i32>>,
    /// Which value a register has, and when it is used next.
    held: [Option<Key>; REGISTERS],
    next: [u32; REGISTERS],
    /// Those that have none, and those that may have none, a bit for each.
    free: u64,
    pub reserved: u64,
}

impl Places {
    pub fn new(nodes: usize) -> Places {
        let count = nodes * COPIES;
        let (register, slot) = (vec![None; count], vec![None; count]);
        Places { register, slot, held: [None; REGISTERS], next: [NEVER; REGISTERS], free: !0, reserved: 0 }
    }

    fn release(&mut self, register: Vector) {
        if let Some(key) = self.held[register as usize].take() {
            self.register[key] = None;
        }
        self.free |= 1 << register;
    }

    fn hold(&mut self, register: Vector, key: Key, next: u32) {
        self.held[register as usize] = Some(key);
        self.next[register as usize] = next;
        self.register[key] = Some(register);
        self.free &= !(1 << register);
    }
}

impl Emitter<'_> {
    pub(super) fn key(&self, id: Id, copy: usize) -> Key {
        id * COPIES + if self.is_in_lanes(id) { copy } else { 0 }
    }

    fn uses(&self, action: Action) -> [Option<Key>; 3] {
        let mut uses = [None; 3];
        match action {
            Action::Compute(id, copy) => {
                let keys = operands(self.nodes[id].op).map(|operand| self.key(operand, copy));
                uses.iter_mut().zip(keys).for_each(|(place, key)| *place = Some(key));
            }
            Action::Store(store, copy) => uses[0] = Some(self.key(self.stores[store].0, copy)),
            Action::Accumulate(copy) => uses[0] = self.reduced.map(|reduced| self.key(reduced, copy)),
        }
        uses
    }

    /// Writes a block. Some values are in registers at its beginning; none is at its end.
    pub(super) fn block(&mut self, actions: &[Action], given: &[(Key, Vector)]) {
        // When each operand, and each result, is used next.
        let mut next = vec![NEVER; self.nodes.len() * COPIES];
        let mut after = vec![[NEVER; 4]; actions.len()];
        for (number, action) in actions.iter().enumerate().rev() {
            if let Action::Compute(id, copy) = *action {
                after[number][3] = next[self.key(id, copy)];
            }
            let uses = self.uses(*action);
            for (place, key) in uses.iter().enumerate() {
                after[number][place] = key.map_or(NEVER, |key| next[key]);
            }
            uses.iter().flatten().for_each(|key| next[*key] = number as u32);
        }
        for (key, register) in given {
            self.places.hold(*register, *key, next[*key]);
        }
        for (action, after) in actions.iter().zip(&after) {
            match *action {
                Action::Compute(id, copy) => self.compute(id, copy, after),
                Action::Store(_, copy) | Action::Accumulate(copy) => {
                    let key = self.uses(*action)[0].unwrap_or_default();
                    let value = self.in_register(key, &[]);
                    match *action {
                        Action::Store(store, _) => self.write(store, copy, value),
                        _ => self.accumulate(copy, value),
                    }
                    self.done(key, after[0]);
                }
            }
        }
        (0..REGISTERS as Vector).for_each(|register| self.places.release(register));
    }

    /// A register that is free, or made so; not one of those that are needed.
    pub(super) fn take(&mut self, needed: &[Vector]) -> Vector {
        self.take_of(false, needed)
    }

    /// The same for a mask, where they have registers of their own.
    pub(super) fn take_mask(&mut self, needed: &[Vector]) -> Vector {
        self.take_of(true, needed)
    }

    fn take_of(&mut self, of_masks: bool, needed: &[Vector]) -> Vector {
        let needed = needed.iter().fold(self.places.reserved, |all, register| all | 1 << register);
        let usable = self.asm.width.registers(of_masks) & !needed;
        let free = usable & self.places.free;
        if free != 0 {
            return free.trailing_zeros() as Vector;
        }
        let others = (0..REGISTERS).filter(|register| usable >> register & 1 == 1);
        let register = others.max_by_key(|&register| self.places.next[register]).unwrap_or(0) as Vector;
        // More registers than these are never needed at once: else the code is given up.
        self.fits &= usable != 0;
        if let Some(key) = self.places.held[register as usize]
            && self.places.next[register as usize] != NEVER
        {
            self.save(key, register);
        }
        self.places.release(register);
        register
    }

    /// Writes a value to its place in the frame, unless it is somewhere in memory already.
    fn save(&mut self, key: Key, register: Vector) {
        if self.places.slot[key].is_none() && !matches!(self.nodes[key / COPIES].op, Op::Constant(_)) {
            let slot = self.frame.take();
            self.places.slot[key] = Some(slot);
            match self.is_mask(key) {
                true => self.asm.store_mask(frame(slot), register),
                false => self.asm.store(frame(slot), register),
            }
        }
    }

    fn is_mask(&self, key: Key) -> bool {
        self.masks[key / COPIES]
    }

    /// Where a value is: in a register, or in memory.
    fn operand(&mut self, key: Key) -> Operand {
        if let Some(register) = self.places.register[key] {
            return Operand::Register(register);
        }
        if let Op::Constant(bits) = self.nodes[key / COPIES].op {
            return self.asm.uniform(bits);
        }
        // A value that is nowhere would be a mistake here: the code is then given up.
        let slot = self.places.slot[key].unwrap_or_else(|| {
            self.fits = false;
            0
        });
        Operand::Memory(frame(slot))
    }

    pub(super) fn in_register(&mut self, key: Key, needed: &[Vector]) -> Vector {
        match self.operand(key) {
            Operand::Register(register) => register,
            memory => {
                let is_mask = self.is_mask(key);
                let register = self.take_of(is_mask, needed);
                match memory {
                    Operand::Memory(at) if is_mask => self.asm.load_mask(register, at),
                    _ => self.asm.copy(register, memory),
                }
                self.places.hold(register, key, 0);
                register
            }
        }
    }

    /// An operand was used, and will be again or not.
    fn done(&mut self, key: Key, next: u32) {
        if let Some(register) = self.places.register[key] {
            self.places.next[register as usize] = next;
            if next == NEVER {
                self.places.release(register);
            }
        }
    }

    fn compute(&mut self, id: Id, copy: usize, after: &[u32; 4]) {
        let key = self.key(id, copy);
        let op = self.nodes[id].op;
        let keys = self.uses(Action::Compute(id, copy));
        let target = match op {
            Op::Constant(_) | Op::Reduced => return,
            Op::Rate => {
                let target = self.take(&[]);
                let rate = self.frame.rate();
                self.asm.broadcast(Lanes::All, target, rate);
                target
            }
            Op::Load(load) => self.read(load, id, copy),
            Op::Guarded(load, _) => {
                let mask = keys[0].unwrap_or_default();
                let target = self.read_guarded(load, mask, copy);
                self.done(mask, after[0]);
                target
            }
            Op::Position(position) => self.count(position, id, copy),
            Op::One(one, _) => self.compute_one(one, keys, after),
            Op::Two(two, a, _) if self.masks[a] => self.compute_with_mask(two, keys, after, self.masks[id]),
            Op::Two(..) | Op::Compare(..) => self.compute_two(op, keys, after),
            Op::Fused(fused, ..) => self.compute_fused(fused, keys, after),
            Op::Choose(..) => self.compute_choice(keys, after),
        };
        self.places.release(target);
        self.places.hold(target, key, after[3]);
        // Where it was when the same code was written for other lanes.
        self.places.slot[key] = None;
        if self.exported[id] {
            self.save(key, target);
        }
        if after[3] == NEVER {
            self.places.release(target);
        }
    }

    fn compute_one(&mut self, one: One, keys: [Option<Key>; 3], after: &[u32; 4]) -> Vector {
        let a = keys[0].unwrap_or_default();
        let operand = match one {
            One::ShiftLeft(_) | One::ShiftRight(_) => Operand::Register(self.in_register(a, &[])),
            _ => self.operand(a),
        };
        self.done(a, after[0]);
        let target = self.take(&registers(&[operand]));
        self.asm.one(one, target, operand);
        target
    }

    fn compute_two(&mut self, op: Op, keys: [Option<Key>; 3], after: &[u32; 4]) -> Vector {
        let [mut a, mut b, _] = keys.map(Option::unwrap_or_default);
        let is_memory = |emitter: &Self, key: Key| emitter.places.register[key].is_none();
        if matches!(op, Op::Two(two, ..) if two.commutes()) && is_memory(self, a) && !is_memory(self, b) {
            std::mem::swap(&mut a, &mut b);
        }
        let first = self.in_register(a, &registers(&[self.places.register[b].map_or(NOWHERE, Operand::Register)]));
        let second = self.operand(b);
        for (key, next) in keys.iter().zip(after) {
            key.iter().for_each(|key| self.done(*key, *next));
        }
        let operands = [Operand::Register(first), second];
        match op {
            Op::Compare(predicate, ..) => {
                let has_masks = self.asm.width.embeds();
                let target = if has_masks { self.take_mask(&[]) } else { self.take_over(&operands) };
                self.asm.compare(predicate, target, first, second);
                target
            }
            Op::Two(two, ..) => {
                let target = self.take_over(&operands);
                self.asm.two(two, target, first, second);
                target
            }
            _ => first,
        }
    }

    /// Masks with each other, or a mask and the vector of which it keeps some lanes.
    fn compute_with_mask(&mut self, op: Two, keys: [Option<Key>; 3], after: &[u32; 4], is_mask: bool) -> Vector {
        let [a, b, _] = keys.map(Option::unwrap_or_default);
        let mask = self.in_register(a, &self.registers_of(&[b]));
        if is_mask && !self.is_mask(b) {
            // All lanes but those.
            self.all_done(keys, after);
            let target = self.take_mask(&[]);
            self.asm.invert_mask(target, mask);
            return target;
        }
        if is_mask {
            let other = self.in_register(b, &[mask]);
            self.all_done(keys, after);
            let target = self.take_mask(&[]);
            self.asm.masks(op, target, mask, other);
            return target;
        }
        let value = self.operand(b);
        self.all_done(keys, after);
        let target = self.take_over(&[value]);
        match op {
            Two::And => self.asm.copy_in(Lanes::OrZero(mask), target, value),
            _ => {
                if value != Operand::Register(target) {
                    self.asm.copy(target, value);
                }
                self.asm.two_in(Lanes::Of(mask), Two::Xor, target, target, Operand::Register(target));
            }
        }
        target
    }

    /// A register for the result of one instruction: that of an operand which is needed no more, or another.
    fn take_over(&mut self, operands: &[Operand]) -> Vector {
        let registers = registers(operands);
        let usable = self.places.free & self.asm.width.registers(false) & !self.places.reserved;
        match registers.iter().find(|register| usable >> **register & 1 == 1) {
            Some(register) => *register,
            None => self.take(&registers),
        }
    }

    fn compute_fused(&mut self, op: Fused, keys: [Option<Key>; 3], after: &[u32; 4]) -> Vector {
        let [mut a, mut b, c] = keys.map(Option::unwrap_or_default);
        let dies = |emitter: &Self, place: usize| {
            let key = keys[place].unwrap_or_default();
            let again = keys.iter().enumerate().any(|(other, one)| other != place && *one == Some(key));
            after[place] == NEVER && !again && emitter.places.register[key].is_some()
        };
        let (addend_dies, a_dies, b_dies) = (dies(self, 2), dies(self, 0), dies(self, 1));
        let over_a = !addend_dies && (a_dies || b_dies);
        if (over_a && !a_dies) || (!over_a && self.places.register[a].is_none()) {
            std::mem::swap(&mut a, &mut b);
        }
        if over_a {
            // a = ± b a ± c
            let first = self.in_register(a, &[]);
            let second = self.in_register(b, &self.registers_of(&[a, c]));
            let addend = self.operand(c);
            self.all_done(keys, after);
            self.asm.fused(op, false, first, second, addend);
            return first;
        }
        let first = self.in_register(a, &self.registers_of(&[b, c]));
        let second = self.operand(b);
        let addend = self.operand(c);
        let target = if addend_dies {
            self.places.register[c].unwrap_or_default()
        } else {
            let target = self.take(&registers(&[Operand::Register(first), second, addend]));
            self.asm.copy(target, addend);
            target
        };
        self.all_done(keys, after);
        self.asm.fused(op, true, target, first, second);
        target
    }

    fn compute_choice(&mut self, keys: [Option<Key>; 3], after: &[u32; 4]) -> Vector {
        let [mask, a, b] = keys.map(Option::unwrap_or_default);
        let condition = self.in_register(mask, &self.registers_of(&[a, b]));
        let other = self.in_register(b, &self.registers_of(&[a, mask]));
        let chosen = self.operand(a);
        self.all_done(keys, after);
        let target = self.take_over(&[Operand::Register(condition), Operand::Register(other), chosen]);
        self.asm.choose(target, condition, chosen, other);
        target
    }

    fn all_done(&mut self, keys: [Option<Key>; 3], after: &[u32; 4]) {
        for (key, next) in keys.iter().zip(after) {
            key.iter().for_each(|key| self.done(*key, *next));
        }
    }

    fn registers_of(&self, keys: &[Key]) -> Vec<Vector> {
        keys.iter().filter_map(|key| self.places.register[*key]).collect()
    }
}

/// No register.
const NOWHERE: Operand = Operand::Memory(Address { base: general::FRAME, displacement: 0 });

fn registers(operands: &[Operand]) -> Vec<Vector> {
    let register = |operand: &Operand| match operand {
        Operand::Register(register) => Some(*register),
        Operand::Memory(_) | Operand::Number(_) => None,
    };
    operands.iter().filter_map(register).collect()
}

/// A place in the frame.
pub(super) fn frame(bytes: i32) -> Address {
    Address { base: general::FRAME, displacement: bytes }
}
