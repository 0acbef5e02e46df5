//! Straight code: values computed one after the other, in registers as long as there are any.

use super::assembler::{Address, Operand, Vector, fused, general, xmm, ymm};
use super::graph::{Fused, Id, One, Op, Two, operands};
use super::layout::Emitter;
use iced_x86::Code;

/// Vectors that are computed side by side, at most.
pub(super) const COPIES: usize = 4;
/// Lanes of a vector.
pub(super) const LANES: usize = 8;
const REGISTERS: usize = 16;
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
    /// Registers that no value may have, a bit for each.
    pub reserved: u16,
}

impl Places {
    pub fn new(nodes: usize) -> Places {
        let count = nodes * COPIES;
        let (register, slot) = (vec![None; count], vec![None; count]);
        Places { register, slot, held: [None; REGISTERS], next: [NEVER; REGISTERS], reserved: 0 }
    }

    fn release(&mut self, register: Vector) {
        if let Some(key) = self.held[register as usize].take() {
            self.register[key] = None;
        }
    }

    fn hold(&mut self, register: Vector, key: Key, next: u32) {
        self.held[register as usize] = Some(key);
        self.next[register as usize] = next;
        self.register[key] = Some(register);
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
                Action::Store(store, copy) => self.write(store, copy, after[0]),
                Action::Accumulate(copy) => {
                    let key = self.uses(*action)[0].unwrap_or_default();
                    let value = self.in_register(key, &[]);
                    self.accumulate(copy, value);
                    self.done(key, after[0]);
                }
            }
        }
        (0..REGISTERS as Vector).for_each(|register| self.places.release(register));
    }

    /// A register that is free, or made so; not one of those that are needed.
    pub(super) fn take(&mut self, needed: &[Vector]) -> Vector {
        let usable = |register: &usize| self.places.reserved >> register & 1 == 0;
        let free = (0..REGISTERS).filter(usable).filter(|&register| self.places.held[register].is_none());
        if let Some(register) = free.into_iter().find(|register| !needed.contains(&(*register as Vector))) {
            return register as Vector;
        }
        let others = (0..REGISTERS).filter(usable).filter(|register| !needed.contains(&(*register as Vector)));
        let register = others.max_by_key(|&register| self.places.next[register]).unwrap_or(0) as Vector;
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
            self.asm.store(frame(slot), register);
        }
    }

    /// Where a value is: in a register, or in memory.
    fn operand(&mut self, key: Key) -> Operand {
        if let Some(register) = self.places.register[key] {
            return Operand::Register(register);
        }
        if let Op::Constant(bits) = self.nodes[key / COPIES].op {
            return Operand::Memory(self.asm.constant([bits; LANES]));
        }
        // A value that is nowhere would be a mistake here: the code is then given up.
        let slot = self.places.slot[key].unwrap_or_else(|| {
            self.fits = false;
            0
        });
        Operand::Memory(frame(slot))
    }

    fn in_register(&mut self, key: Key, needed: &[Vector]) -> Vector {
        match self.operand(key) {
            Operand::Register(register) => register,
            memory => {
                let register = self.take(needed);
                self.asm.copy(register, memory);
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
                self.broadcast(target, rate);
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
        let target = self.take_over(&[Operand::Register(first), second]);
        match op {
            Op::Two(two, ..) => self.asm.two(two, target, first, second),
            Op::Compare(predicate, ..) => self.asm.compare(predicate, target, first, second),
            _ => {}
        }
        target
    }

    /// A register for the result of one instruction: that of an operand which is needed no more, or another.
    fn take_over(&mut self, operands: &[Operand]) -> Vector {
        let free = |register: &Vector| self.places.held[*register as usize].is_none();
        let usable = |register: &Vector| self.places.reserved >> register & 1 == 0;
        match registers(operands).into_iter().find(|register| free(register) && usable(register)) {
            Some(register) => register,
            None => self.take(&registers(operands)),
        }
    }

    fn compute_fused(&mut self, op: Fused, keys: [Option<Key>; 3], after: &[u32; 4]) -> Vector {
        let [mut a, mut b, c] = keys.map(Option::unwrap_or_default);
        let [over_addend, over_factor] = fused(op);
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
            self.asm.vector(over_factor, first, second, addend);
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
        self.asm.vector(over_addend, target, first, second);
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

    pub(super) fn broadcast(&mut self, target: Vector, at: Address) {
        self.asm.load(Code::VEX_Vbroadcastss_ymm_m32, ymm(target), at);
    }

    /// What an access reads.
    fn read(&mut self, load: usize, id: Id, copy: usize) -> Vector {
        let place = self.loads[load];
        let at = self.address(place, copy);
        let target = self.take(&[]);
        if !self.is_in_lanes(id) {
            self.broadcast(target, at);
            return target;
        }
        let lanes = self.lanes_of(copy);
        match (place.lane_stride, lanes) {
            (1, LANES) => self.asm.copy(target, Operand::Memory(at)),
            (1, _) => {
                let mask = self.mask(lanes);
                let register = self.take(&[target]);
                self.asm.copy(register, Operand::Memory(mask));
                self.asm.three_with_memory(Code::VEX_Vmaskmovps_ymm_ymm_m256, ymm(target), ymm(register), at);
            }
            (2, LANES) => {
                // Every second of 15: 0 2 | 8 10 and 4 6 | 12 14 stand beside each other at first.
                self.asm.copy(target, Operand::Memory(at));
                let rest = Operand::Memory(at.plus(28));
                self.asm.shuffle(Code::VEX_Vshufps_ymm_ymm_ymmm256_imm8, target, target, rest, 0b11_01_10_00);
                let code = Code::VEX_Vpermpd_ymm_ymmm256_imm8;
                self.asm.two_with_number(code, ymm(target), ymm(target), 0b11_01_10_00);
            }
            (stride, _) => self.collect(target, at, 4 * stride as i32, lanes),
        }
        target
    }

    /// What an access reads where it is inside of its axes. Nothing else is touched.
    fn read_guarded(&mut self, load: usize, mask: Key, copy: usize) -> Vector {
        let place = self.loads[load];
        let inside = self.in_register(mask, &[]);
        let target = self.take(&[inside]);
        let at = self.address(place, copy);
        // One number for all lanes is read by the first.
        let lanes = if place.lane_stride == 0 { 1 } else { self.lanes_of(copy) };
        let mut guard = inside;
        if lanes < LANES {
            let those = self.mask(lanes);
            self.asm.two(Two::And, target, inside, Operand::Memory(those));
            guard = target;
        }
        self.asm.three_with_memory(Code::VEX_Vmaskmovps_ymm_ymm_m256, ymm(target), ymm(guard), at);
        if place.lane_stride == 0 {
            self.asm.registers(Code::VEX_Vbroadcastss_ymm_xmm, ymm(target), xmm(target));
        }
        target
    }

    /// Numbers that lie apart, put into lanes one by one.
    fn collect(&mut self, target: Vector, at: Address, step: i32, lanes: usize) {
        let half = |emitter: &mut Self, target: Vector, first: usize, count: usize| {
            let of = |lane: usize| at.plus(step * (first + lane) as i32);
            emitter.asm.load(Code::VEX_Vmovss_xmm_m32, xmm(target), of(0));
            for lane in 1..count {
                let code = Code::VEX_Vinsertps_xmm_xmm_xmmm32_imm8;
                emitter.asm.shuffle(code, target, target, Operand::Memory(of(lane)), 16 * lane as i32);
            }
        };
        half(self, target, 0, lanes.min(4));
        if lanes > 4 {
            let upper = self.take(&[target]);
            half(self, upper, 4, lanes - 4);
            let code = Code::VEX_Vinsertf128_ymm_ymm_xmmm128_imm8;
            self.asm.shuffle(code, target, target, Operand::Register(upper), 1);
        }
    }

    /// An integer that depends on the position.
    fn count(&mut self, position: usize, id: Id, copy: usize) -> Vector {
        let place = self.positions[position];
        let at = self.frame.pointer(place.group);
        let target = self.take(&[]);
        self.asm.load(Code::VEX_Vpbroadcastd_ymm_xmmm32, ymm(target), at);
        let first = place.displacement as i64;
        let lanes = std::array::from_fn(|lane| {
            let lane = if self.is_in_lanes(id) { (copy * LANES + lane) as i64 * place.lane_stride } else { 0 };
            (first + lane) as u32
        });
        if lanes != [0; LANES] {
            let offsets = self.asm.constant(lanes);
            self.asm.two(Two::AddIntegers, target, target, Operand::Memory(offsets));
        }
        self.asm.one(One::Convert, target, Operand::Register(target));
        target
    }

    /// All bits of the first lanes.
    pub(super) fn mask(&mut self, lanes: usize) -> Address {
        self.asm.constant(std::array::from_fn(|lane| if lane < lanes { u32::MAX } else { 0 }))
    }

    fn write(&mut self, store: usize, copy: usize, next: u32) {
        let (id, place) = self.stores[store];
        let key = self.key(id, copy);
        let value = self.in_register(key, &[]);
        let at = self.address(place, copy);
        // Where lanes are reduced over there is one result.
        let lanes = if self.lane_is_reduced() { 1 } else { self.lanes_of(copy) };
        match (place.lane_stride, lanes) {
            (1, LANES) => self.asm.store(at, value),
            (stride, _) => self.spread(at, value, if lanes == 1 { 1 } else { stride as i32 }, lanes),
        }
        self.done(key, next);
    }

    /// Some lanes, to places that lie side by side or apart.
    fn spread(&mut self, at: Address, value: Vector, stride: i32, lanes: usize) {
        self.spread_half(at, value, stride, lanes.min(4));
        if lanes > 4 {
            let upper = self.take(&[value]);
            let code = Code::VEX_Vextractf128_xmmm128_ymm_imm8;
            self.asm.extract(code, Operand::Register(upper), ymm(value), 1);
            self.spread_half(at.plus(16 * stride), upper, stride, lanes - 4);
        }
    }

    fn spread_half(&mut self, at: Address, value: Vector, stride: i32, lanes: usize) {
        let mut written = 0;
        if stride == 1 && lanes == 4 {
            self.asm.store_register(Code::VEX_Vmovups_xmmm128_xmm, at, xmm(value));
            written = 4;
        } else if stride == 1 && lanes >= 2 {
            self.asm.store_register(Code::VEX_Vmovlps_m64_xmm, at, xmm(value));
            written = 2;
        }
        for lane in written..lanes {
            let at = at.plus(4 * stride * lane as i32);
            match lane {
                0 => self.asm.store_register(Code::VEX_Vmovss_m32_xmm, at, xmm(value)),
                _ => {
                    let code = Code::VEX_Vextractps_rm32_xmm_imm8;
                    self.asm.extract(code, Operand::Memory(at), xmm(value), lane as i32);
                }
            }
        }
    }
}

/// No register.
const NOWHERE: Operand = Operand::Memory(Address { base: general::FRAME, displacement: 0 });

fn registers(operands: &[Operand]) -> Vec<Vector> {
    let register = |operand: &Operand| match operand {
        Operand::Register(register) => Some(*register),
        Operand::Memory(_) => None,
    };
    operands.iter().filter_map(register).collect()
}

/// A place in the frame.
pub(super) fn frame(bytes: i32) -> Address {
    Address { base: general::FRAME, displacement: bytes }
}
