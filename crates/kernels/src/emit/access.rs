//! What straight code reads and writes.

use super::assembler::{Address, Operand, Vector};
use super::block::Key;
use super::graph::{Id, One, Two};
use super::layout::Emitter;
use super::vectors::{Lanes, TAIL};

impl Emitter<'_> {
    /// What an access reads.
    pub(super) fn read(&mut self, load: usize, id: Id, copy: usize) -> Vector {
        let place = self.loads[load];
        let at = self.address(place, copy);
        let target = self.take(&[]);
        if !self.is_in_lanes(id) {
            self.asm.broadcast(Lanes::All, target, at);
            return target;
        }
        let lanes = self.lanes_of(copy);
        let is_whole = lanes == self.lanes();
        match place.lane_stride {
            1 if is_whole => self.asm.copy(target, Operand::Memory(at)),
            1 => self.read_first(target, at, lanes),
            2 if self.asm.width.embeds() => self.every_second(target, at, lanes),
            2 if is_whole => self.asm.eight_of_fifteen(target, at),
            stride => self.collect(target, at, 4 * stride as i32, lanes),
        }
        target
    }

    /// Some lanes of a vector. Nothing else is touched.
    fn read_first(&mut self, target: Vector, at: Address, lanes: usize) {
        match lanes {
            1 | 4 | 8 if self.asm.width.embeds() => self.asm.load_first(target, at, lanes),
            _ if self.asm.width.embeds() => self.asm.read_masked(target, TAIL, at),
            _ => {
                let mask = self.mask(lanes);
                let register = self.take(&[target]);
                self.asm.copy(register, mask);
                self.asm.read_masked(target, register, at);
            }
        }
    }

    /// What an access reads where it is inside of its axes. Nothing else is touched.
    pub(super) fn read_guarded(&mut self, load: usize, mask: Key, copy: usize) -> Vector {
        let place = self.loads[load];
        let inside = self.in_register(mask, &[]);
        let target = self.take(&[inside]);
        let at = self.address(place, copy);
        let lanes = self.lanes_of(copy);
        if self.asm.width.embeds() {
            let mut guard = inside;
            if place.lane_stride == 0 {
                self.asm.broadcast(Lanes::OrZero(inside), target, at);
                return target;
            }
            if lanes < self.lanes() {
                guard = self.take_mask(&[inside]);
                self.asm.masks(Two::And, guard, inside, TAIL);
            }
            self.asm.read_masked(target, guard, at);
            return target;
        }
        // One number for all lanes is read by the first.
        let lanes = if place.lane_stride == 0 { 1 } else { lanes };
        let mut guard = inside;
        if lanes < self.lanes() {
            let those = self.mask(lanes);
            self.asm.two(Two::And, target, inside, those);
            guard = target;
        }
        self.asm.read_masked(target, guard, at);
        if place.lane_stride == 0 {
            self.asm.broadcast_first(target);
        }
        target
    }

    /// Every second number, of a first vector and of the one that ends with the last number.
    fn every_second(&mut self, target: Vector, at: Address, lanes: usize) {
        let numbers = self.take(&[target]);
        let last = (2 * lanes).saturating_sub(17);
        let places = self.asm.constant(|lane| if lane < 8 { 2 * lane } else { 16 + 2 * lane - last } as u32);
        self.asm.copy(numbers, places);
        if lanes > 8 {
            self.asm.copy(target, Operand::Memory(at));
            return self.asm.pick_of_both(target, numbers, Operand::Memory(at.plus(4 * last as i32)));
        }
        let mask = self.take_mask(&[]);
        self.asm.set_mask(mask, (1 << (2 * lanes - 1)) - 1);
        self.asm.read_masked(target, mask, at);
        self.asm.pick(target, numbers, target);
    }

    /// Numbers that lie apart, put into lanes one by one.
    fn collect(&mut self, target: Vector, at: Address, step: i32, lanes: usize) {
        for four in 0..lanes.div_ceil(4) {
            let register = if four == 0 { target } else { self.take(&[target]) };
            let of = |lane: usize| at.plus(step * (4 * four + lane) as i32);
            self.asm.load_first(register, of(0), 1);
            for lane in 1..(lanes - 4 * four).min(4) {
                self.asm.insert_lane(register, of(lane), lane);
            }
            if four > 0 {
                self.asm.insert_four(target, register, four);
            }
        }
    }

    /// An integer that depends on the position.
    pub(super) fn count(&mut self, position: usize, id: Id, copy: usize) -> Vector {
        let place = self.positions[position];
        let at = self.frame.pointer(place.group);
        let target = self.take(&[]);
        self.asm.broadcast_integer(target, at);
        let first = place.displacement as i64;
        let along = if self.is_in_lanes(id) { place.lane_stride } else { 0 };
        let begin = first + (copy * self.lanes()) as i64 * along;
        if along != 0 {
            let offsets = self.asm.constant(|lane| (begin + lane as i64 * along) as u32);
            self.asm.two(Two::AddIntegers, target, target, offsets);
        } else if first != 0 {
            let offset = self.asm.uniform(first as u32);
            self.asm.two(Two::AddIntegers, target, target, offset);
        }
        self.asm.one(One::Convert, target, Operand::Register(target));
        target
    }

    /// All bits of the first lanes, where masks are vectors.
    pub(super) fn mask(&mut self, lanes: usize) -> Operand {
        self.asm.constant(|lane| if lane < lanes { u32::MAX } else { 0 })
    }

    pub(super) fn write(&mut self, store: usize, copy: usize, value: Vector) {
        let (_, place) = self.stores[store];
        let at = self.address(place, copy);
        // Where lanes are reduced over there is one result.
        let lanes = if self.lane_is_reduced() { 1 } else { self.lanes_of(copy) };
        match place.lane_stride {
            _ if lanes == 1 => self.asm.store_first(at, value, 1),
            1 if lanes == self.lanes() => self.asm.store(at, value),
            1 if matches!(lanes, 2 | 4 | 8) => self.asm.store_first(at, value, lanes),
            1 if self.asm.width.embeds() => self.asm.store_in(Lanes::Of(TAIL), at, value),
            2 if self.asm.width.embeds() => self.spread_by_two(at, value, lanes),
            stride => self.spread(at, value, stride as i32, lanes),
        }
    }

    /// Some lanes, to every second place.
    fn spread_by_two(&mut self, at: Address, value: Vector, lanes: usize) {
        for half in 0..lanes.div_ceil(8) {
            let moment = self.take(&[value]);
            let numbers = self.asm.constant(|lane| (8 * half + lane / 2) as u32);
            self.asm.copy(moment, numbers);
            self.asm.pick(moment, moment, value);
            let mask = self.take_mask(&[]);
            let last = 2 * (lanes - 8 * half).min(8);
            self.asm.set_mask(mask, 0x5555 & ((1 << last) - 1));
            self.asm.store_in(Lanes::Of(mask), at.plus(64 * half as i32), moment);
        }
    }

    /// Some lanes, to places that lie side by side or apart.
    fn spread(&mut self, at: Address, value: Vector, stride: i32, lanes: usize) {
        for four in 0..lanes.div_ceil(4) {
            let register = if four == 0 { value } else { self.take(&[value]) };
            if four > 0 {
                self.asm.extract_four(register, value, four);
            }
            self.spread_four(at.plus(16 * stride * four as i32), register, stride, (lanes - 4 * four).min(4));
        }
    }

    fn spread_four(&mut self, at: Address, value: Vector, stride: i32, lanes: usize) {
        let written = match (stride, lanes) {
            (1, 4) => 4,
            (1, 2..) => 2,
            _ => 1,
        };
        self.asm.store_first(at, value, written);
        for lane in written..lanes {
            self.asm.store_lane(at.plus(4 * stride * lane as i32), value, lane);
        }
    }
}
