//! Reductions in registers: an accumulator for each of the vectors side by side. Sums are taken in single
//! precision over a few dozen numbers at a time and carried on in doubles, as everywhere.

use super::assembler::{Operand, Vector};
use super::block::frame;
use super::graph::{Predicate, Two};
use super::layout::Emitter;
use super::vectors::{Lanes, TAIL, Width};
use crate::walk::Reduction;
use iced_x86::Code;

/// How many numbers a lane adds before they are carried on.
const BLOCK: usize = 64;
/// The register that is used to carry sums on, when no value is in any.
const CARRY: Vector = 0;

impl Emitter<'_> {
    fn accumulator(&self, copy: usize) -> Vector {
        (self.lanes() * 2 - 1 - copy) as Vector
    }

    /// Tells in which lanes there was a NaN, which the greater of two numbers would lose; a mask those where there
    /// was none.
    fn flag(&self, copy: usize) -> Vector {
        match self.asm.width {
            Width::Eight => self.accumulator(self.accumulators() + copy),
            Width::Sixteen => TAIL - 1 - copy as Vector,
        }
    }

    /// How many accumulators there are.
    fn accumulators(&self) -> usize {
        if self.lane_is_reduced() { self.most_copies } else { self.copies }
    }

    pub(super) fn keeps_flags(&self) -> bool {
        matches!(self.reduction, Some(Reduction::Max | Reduction::Min))
    }

    /// The reduction of nothing, and the instruction that goes on.
    fn operation(&self) -> (f32, Two) {
        match self.reduction {
            Some(Reduction::Prod) => (1.0, Two::Multiply),
            Some(Reduction::Max) => (f32::NEG_INFINITY, Two::Greatest),
            Some(Reduction::Min) => (f32::INFINITY, Two::Least),
            _ => (0.0, Two::Add),
        }
    }

    pub(super) fn begin_reduction(&mut self) {
        let (first, _) = self.operation();
        let first = self.asm.uniform(first.to_bits());
        let count = self.accumulators();
        for copy in 0..count {
            let (accumulator, flag) = (self.accumulator(copy), self.flag(copy));
            self.places.reserved |= 1 << accumulator;
            self.asm.copy(accumulator, first);
            if self.keeps_flags() {
                self.places.reserved |= 1 << flag;
                match self.asm.width {
                    Width::Eight => self.clear(flag),
                    Width::Sixteen => self.asm.fill_mask(flag),
                }
            }
        }
        self.carried = None;
        if self.reduction == Some(Reduction::Sum) && self.additions > BLOCK {
            let sums = if self.lane_is_reduced() { 1 } else { count };
            self.clear(CARRY);
            let slots: Vec<i32> = (0..2 * sums).map(|_| self.frame.take()).collect();
            slots.iter().for_each(|slot| self.asm.store(frame(*slot), CARRY));
            self.carried = slots.first().copied();
            self.asm.set_memory(self.frame.pending(), BLOCK as i32);
        }
    }

    fn clear(&mut self, register: Vector) {
        self.asm.two(Two::Xor, register, register, Operand::Register(register));
    }

    pub(super) fn accumulate(&mut self, copy: usize, value: Vector) {
        let (first, operation) = self.operation();
        let accumulator = self.accumulator(copy);
        let is_partial = self.lane_is_reduced() && self.lanes_of(copy) < self.lanes();
        if self.asm.width == Width::Sixteen {
            let lanes = if is_partial { Lanes::Of(TAIL) } else { Lanes::All };
            if self.keeps_flags() {
                self.keep_flag(copy, value, is_partial);
            }
            return self.asm.two_in(lanes, operation, accumulator, value, Operand::Register(accumulator));
        }
        let mut value = value;
        if is_partial {
            // Lanes beyond the end count as nothing.
            let (mask, other) = (self.take(&[value]), self.mask(self.lanes_of(copy)));
            self.asm.copy(mask, other);
            let target = self.take(&[value, mask]);
            let first = self.asm.uniform(first.to_bits());
            self.asm.copy(target, first);
            self.asm.choose(target, mask, Operand::Register(value), target);
            value = target;
        }
        if self.keeps_flags() {
            let (flag, is_nan) = (self.flag(copy), self.take(&[value]));
            self.asm.compare(Predicate::Unordered, is_nan, value, Operand::Register(value));
            self.asm.two(Two::Or, flag, flag, Operand::Register(is_nan));
        }
        // Of equal values the first stays.
        self.asm.two(operation, accumulator, value, Operand::Register(accumulator));
    }

    /// Lanes with a NaN leave the mask, and never come back.
    fn keep_flag(&mut self, copy: usize, value: Vector, is_partial: bool) {
        let flag = self.flag(copy);
        if !is_partial {
            return self.asm.compare_in(Lanes::Of(flag), Predicate::Ordered, flag, value, Operand::Register(value));
        }
        let is_nan = self.take_mask(&[]);
        self.asm.compare_in(Lanes::Of(TAIL), Predicate::Unordered, is_nan, value, Operand::Register(value));
        self.asm.masks(Two::AndNot, flag, is_nan, flag);
    }

    /// Counts what was added, and carries sums on when there are many.
    pub(super) fn carry_when_due(&mut self) {
        if self.carried.is_none() {
            return;
        }
        let later = self.asm.label();
        let pending = self.frame.pending();
        self.asm.decrease(pending);
        self.asm.jump(Code::Jne_rel32_64, later);
        self.carry();
        self.asm.set_memory(pending, BLOCK as i32);
        self.asm.set(later);
    }

    /// Adds the accumulators to the sums in doubles.
    fn carry(&mut self) {
        let Some(sums) = self.carried else { return };
        let vector = self.asm.width.bytes();
        for copy in 0..self.accumulators() {
            let accumulator = self.accumulator(copy);
            let sum = sums + if self.lane_is_reduced() { 0 } else { 2 * vector * copy as i32 };
            for half in 0..2 {
                let (at, mut source) = (frame(sum + vector * half), accumulator);
                if half == 1 {
                    self.asm.upper_half(CARRY, accumulator);
                    source = CARRY;
                }
                self.asm.widen(CARRY, source);
                self.asm.add_doubles(CARRY, CARRY, Operand::Memory(at));
                self.asm.store(at, CARRY);
            }
            self.clear(accumulator);
        }
    }

    /// Leaves the results in registers, and tells in which.
    pub(super) fn finish_reduction(&mut self) -> Vec<Vector> {
        self.places.reserved = 0;
        self.carry();
        if self.lane_is_reduced() {
            return vec![self.join_lanes()];
        }
        for copy in 0..self.accumulators() {
            let (accumulator, flag) = (self.accumulator(copy), self.flag(copy));
            if let Some(sums) = self.carried {
                let vector = self.asm.width.bytes();
                let at = |half: i32| Operand::Memory(frame(sums + vector * (2 * copy as i32 + half)));
                self.asm.narrow(accumulator, at(0));
                self.asm.narrow(CARRY, at(1));
                self.asm.join_halves(accumulator, CARRY);
            }
            match self.asm.width {
                _ if !self.keeps_flags() => {}
                // All bits set is a NaN.
                Width::Eight => self.asm.two(Two::Or, accumulator, accumulator, Operand::Register(flag)),
                Width::Sixteen => {
                    self.asm.invert_mask(flag, flag);
                    self.asm.fill_lanes(flag, accumulator);
                }
            }
        }
        (0..self.accumulators()).map(|copy| self.accumulator(copy)).collect()
    }

    /// The reduction of all lanes of all accumulators, in every lane.
    fn join_lanes(&mut self) -> Vector {
        let (_, operation) = self.operation();
        let result = self.accumulator(0);
        if let Some(sums) = self.carried {
            self.join_doubles(sums, result);
            return result;
        }
        for copy in 1..self.accumulators() {
            self.asm.two(operation, result, result, Operand::Register(self.accumulator(copy)));
        }
        self.fold(operation, result);
        if self.keeps_flags() {
            self.join_flags(result);
        }
        result
    }

    /// Makes it a NaN if there was one in any lane.
    fn join_flags(&mut self, result: Vector) {
        let flag = self.flag(0);
        if self.asm.width == Width::Sixteen {
            (1..self.accumulators()).for_each(|copy| self.asm.masks(Two::And, flag, flag, self.flag(copy)));
            let there_was_none = self.asm.label();
            self.asm.test_mask(flag);
            self.asm.jump(Code::Jb_rel32_64, there_was_none);
            let nan = self.asm.uniform(u32::MAX);
            self.asm.two(Two::Or, result, result, nan);
            self.asm.set(there_was_none);
            return;
        }
        for copy in 1..self.accumulators() {
            self.asm.two(Two::Or, flag, flag, Operand::Register(self.flag(copy)));
        }
        self.fold(Two::Or, flag);
        self.asm.two(Two::Or, result, result, Operand::Register(flag));
    }

    /// Joins the halves of a vector, then fours, then pairs, then neighbours.
    fn fold(&mut self, operation: Two, register: Vector) {
        for distance in self.distances(1) {
            self.asm.exchange(CARRY, register, distance);
            self.asm.two(operation, register, register, Operand::Register(CARRY));
        }
    }

    /// Half of the lanes, half of that, and so on.
    fn distances(&self, last: usize) -> impl Iterator<Item = usize> + use<> {
        std::iter::successors(Some(self.lanes() / 2), |distance| Some(distance / 2)).take_while(move |d| *d >= last)
    }

    fn join_doubles(&mut self, sums: i32, result: Vector) {
        self.asm.copy(result, Operand::Memory(frame(sums)));
        self.asm.add_doubles(result, result, Operand::Memory(frame(sums + self.asm.width.bytes())));
        // A double is two lanes.
        for distance in self.distances(2) {
            self.asm.exchange(CARRY, result, distance);
            self.asm.add_doubles(result, result, Operand::Register(CARRY));
        }
        self.asm.narrow(result, Operand::Register(result));
        self.asm.broadcast_first(result);
    }
}
