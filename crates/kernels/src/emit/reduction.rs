//! Reductions in registers: an accumulator for each of the vectors side by side. Sums are taken in single
//! precision over a few dozen numbers at a time and carried on in doubles, as everywhere.

use super::assembler::{Operand, Vector, xmm, ymm};
use super::block::{LANES, frame};
use super::graph::{Predicate, Two};
use super::layout::Emitter;
use crate::walk::Reduction;
use iced_x86::Code;

/// How many numbers a lane adds before they are carried on.
const BLOCK: usize = 64;
/// The register that is used to carry sums on, when no value is in any.
const CARRY: Vector = 0;

impl Emitter<'_> {
    fn accumulator(&self, copy: usize) -> Vector {
        (15 - copy) as Vector
    }

    /// Tells in which lanes there was a NaN, which the greater of two numbers would lose.
    fn flag(&self, copy: usize) -> Vector {
        (15 - self.accumulators() - copy) as Vector
    }

    /// How many accumulators there are.
    fn accumulators(&self) -> usize {
        if self.lane_is_reduced() { self.most_copies } else { self.copies }
    }

    fn keeps_flags(&self) -> bool {
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
        let count = self.accumulators();
        let reserved = if self.keeps_flags() { 2 * count } else { count };
        self.places.reserved = !0u16 << (16 - reserved);
        let first = self.asm.constant([first.to_bits(); LANES]);
        for copy in 0..count {
            let accumulator = self.accumulator(copy);
            self.asm.copy(accumulator, Operand::Memory(first));
            if self.keeps_flags() {
                self.clear(self.flag(copy));
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
        let (accumulator, lanes) = (self.accumulator(copy), self.lanes_of(copy));
        let mut value = value;
        if self.lane_is_reduced() && lanes < LANES {
            // Lanes beyond the end count as nothing.
            let (mask, other) = (self.take(&[value]), self.mask(lanes));
            self.asm.copy(mask, Operand::Memory(other));
            let target = self.take(&[value, mask]);
            let first = self.asm.constant([first.to_bits(); LANES]);
            self.asm.copy(target, Operand::Memory(first));
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
        for copy in 0..self.accumulators() {
            let accumulator = self.accumulator(copy);
            let sum = sums + if self.lane_is_reduced() { 0 } else { 64 * copy as i32 };
            for half in 0..2 {
                let (at, mut source) = (frame(sum + 32 * half), accumulator);
                if half == 1 {
                    let code = Code::VEX_Vextractf128_xmmm128_ymm_imm8;
                    self.asm.extract(code, Operand::Register(CARRY), ymm(accumulator), 1);
                    source = CARRY;
                }
                self.asm.registers(Code::VEX_Vcvtps2pd_ymm_xmmm128, ymm(CARRY), xmm(source));
                self.asm.vector(Code::VEX_Vaddpd_ymm_ymm_ymmm256, CARRY, CARRY, Operand::Memory(at));
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
                let at = |half: i32| frame(sums + 64 * copy as i32 + 32 * half);
                self.asm.load(Code::VEX_Vcvtpd2ps_xmm_ymmm256, xmm(accumulator), at(0));
                self.asm.load(Code::VEX_Vcvtpd2ps_xmm_ymmm256, xmm(CARRY), at(1));
                let code = Code::VEX_Vinsertf128_ymm_ymm_xmmm128_imm8;
                self.asm.shuffle(code, accumulator, accumulator, Operand::Register(CARRY), 1);
            }
            if self.keeps_flags() {
                // All bits set is a NaN.
                self.asm.two(Two::Or, accumulator, accumulator, Operand::Register(flag));
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
            let flag = self.flag(0);
            for copy in 1..self.accumulators() {
                self.asm.two(Two::Or, flag, flag, Operand::Register(self.flag(copy)));
            }
            self.fold(Two::Or, flag);
            self.asm.two(Two::Or, result, result, Operand::Register(flag));
        }
        result
    }

    /// Joins the halves of a vector, then pairs, then neighbours.
    fn fold(&mut self, operation: Two, register: Vector) {
        let whole = Operand::Register(register);
        self.asm.shuffle(Code::VEX_Vperm2f128_ymm_ymm_ymmm256_imm8, CARRY, register, whole, 1);
        self.asm.two(operation, register, register, Operand::Register(CARRY));
        for order in [0b01_00_11_10, 0b10_11_00_01] {
            let code = Code::VEX_Vpermilps_ymm_ymmm256_imm8;
            self.asm.two_with_number(code, ymm(CARRY), ymm(register), order);
            self.asm.two(operation, register, register, Operand::Register(CARRY));
        }
    }

    fn join_doubles(&mut self, sums: i32, result: Vector) {
        let add = Code::VEX_Vaddpd_ymm_ymm_ymmm256;
        self.asm.copy(result, Operand::Memory(frame(sums)));
        self.asm.vector(add, result, result, Operand::Memory(frame(sums + 32)));
        let code = Code::VEX_Vperm2f128_ymm_ymm_ymmm256_imm8;
        self.asm.shuffle(code, CARRY, result, Operand::Register(result), 1);
        self.asm.vector(add, result, result, Operand::Register(CARRY));
        self.asm.two_with_number(Code::VEX_Vpermilpd_ymm_ymmm256_imm8, ymm(CARRY), ymm(result), 0b0101);
        self.asm.vector(add, result, result, Operand::Register(CARRY));
        self.asm.registers(Code::VEX_Vcvtpd2ps_xmm_ymmm256, xmm(result), ymm(result));
        self.asm.registers(Code::VEX_Vbroadcastss_ymm_xmm, ymm(result), xmm(result));
    }
}
