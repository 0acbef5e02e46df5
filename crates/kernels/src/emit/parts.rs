//! Instructions on parts of vectors: halves, fours, single lanes.

use super::assembler::{Address, Assembler, Operand, Vector};
use super::vectors::{xmm, ymm};
use iced_x86::{Code, Instruction};

impl Assembler {
    /// Reads the first lanes: 1, 4 or 8.
    pub fn load_first(&mut self, target: Vector, at: Address, lanes: usize) {
        use Code::*;
        let (codes, target) = match lanes {
            1 => ([VEX_Vmovss_xmm_m32, EVEX_Vmovss_xmm_k1z_m32], xmm(target)),
            4 => ([VEX_Vmovups_xmm_xmmm128, EVEX_Vmovups_xmm_k1z_xmmm128], xmm(target)),
            _ => ([VEX_Vmovups_ymm_ymmm256, EVEX_Vmovups_ymm_k1z_ymmm256], ymm(target)),
        };
        self.push(Instruction::with2(self.width.pick(codes), target, at.operand()));
    }

    /// Writes the first lanes: 1, 2, 4 or 8.
    pub fn store_first(&mut self, at: Address, source: Vector, lanes: usize) {
        use Code::*;
        let (codes, source) = match lanes {
            1 => ([VEX_Vmovss_m32_xmm, EVEX_Vmovss_m32_k1_xmm], xmm(source)),
            2 => ([VEX_Vmovlps_m64_xmm, EVEX_Vmovlps_m64_xmm], xmm(source)),
            4 => ([VEX_Vmovups_xmmm128_xmm, EVEX_Vmovups_xmmm128_k1z_xmm], xmm(source)),
            _ => ([VEX_Vmovups_ymmm256_ymm, EVEX_Vmovups_ymmm256_k1z_ymm], ymm(source)),
        };
        self.push(Instruction::with2(self.width.pick(codes), at.operand(), source));
    }

    /// Reads one of the first four lanes.
    pub fn insert_lane(&mut self, target: Vector, at: Address, lane: usize) {
        let codes = [Code::VEX_Vinsertps_xmm_xmm_xmmm32_imm8, Code::EVEX_Vinsertps_xmm_xmm_xmmm32_imm8];
        let (code, target) = (self.width.pick(codes), xmm(target));
        self.push(Instruction::with4(code, target, target, at.operand(), 16 * lane as i32));
    }

    /// Writes one of the first four lanes.
    pub fn store_lane(&mut self, at: Address, source: Vector, lane: usize) {
        let codes = [Code::VEX_Vextractps_rm32_xmm_imm8, Code::EVEX_Vextractps_rm32_xmm_imm8];
        self.push(Instruction::with3(self.width.pick(codes), at.operand(), xmm(source), lane as i32));
    }

    /// The first four lanes of a register become others of another.
    pub fn insert_four(&mut self, target: Vector, source: Vector, four: usize) {
        let codes = [Code::VEX_Vinsertf128_ymm_ymm_xmmm128_imm8, Code::EVEX_Vinsertf32x4_zmm_k1z_zmm_xmmm128_imm8];
        let (code, target) = (self.width.pick(codes), self.width.name(target));
        self.push(Instruction::with4(code, target, target, xmm(source), four as i32));
    }

    pub fn extract_four(&mut self, target: Vector, source: Vector, four: usize) {
        let codes = [Code::VEX_Vextractf128_xmmm128_ymm_imm8, Code::EVEX_Vextractf32x4_xmmm128_k1z_zmm_imm8];
        let (code, source) = (self.width.pick(codes), self.width.name(source));
        self.push(Instruction::with3(code, xmm(target), source, four as i32));
    }

    /// The upper half of a register becomes the lower one of another.
    pub fn upper_half(&mut self, target: Vector, source: Vector) {
        let codes = [Code::VEX_Vextractf128_xmmm128_ymm_imm8, Code::EVEX_Vextractf64x4_ymmm256_k1z_zmm_imm8];
        let (code, target) = (self.width.pick(codes), self.width.half(target));
        self.push(Instruction::with3(code, target, self.width.name(source), 1));
    }

    /// The lower half of a register becomes the upper one of another.
    pub fn join_halves(&mut self, target: Vector, upper: Vector) {
        let codes = [Code::VEX_Vinsertf128_ymm_ymm_xmmm128_imm8, Code::EVEX_Vinsertf64x4_zmm_k1z_zmm_ymmm256_imm8];
        let (code, target) = (self.width.pick(codes), self.width.name(target));
        self.push(Instruction::with4(code, target, target, self.width.half(upper), 1));
    }

    /// The numbers of the lower half in doubles.
    pub fn widen(&mut self, target: Vector, source: Vector) {
        let codes = [Code::VEX_Vcvtps2pd_ymm_xmmm128, Code::EVEX_Vcvtps2pd_zmm_k1z_ymmm256b32_sae];
        let code = self.width.pick(codes);
        self.push(Instruction::with2(code, self.width.name(target), self.width.half(source)));
    }

    /// The doubles of a vector as numbers in the lower half.
    pub fn narrow(&mut self, target: Vector, source: Operand) {
        let code = self.width.pick([Code::VEX_Vcvtpd2ps_xmm_ymmm256, Code::EVEX_Vcvtpd2ps_ymm_k1z_zmmm512b64_er]);
        let target = self.width.half(target);
        self.push(match source {
            Operand::Register(source) => Instruction::with2(code, target, self.width.name(source)),
            Operand::Memory(at) | Operand::Number(at) => Instruction::with2(code, target, at.operand()),
        });
    }

    pub fn add_doubles(&mut self, target: Vector, a: Vector, b: Operand) {
        let codes = [Code::VEX_Vaddpd_ymm_ymm_ymmm256, Code::EVEX_Vaddpd_zmm_k1z_zmm_zmmm512b64_er];
        self.vector(codes, [Some(target), Some(a)], b, None);
    }

    /// Lanes change places with those at a distance, a power of two.
    pub fn exchange(&mut self, target: Vector, source: Vector, distance: usize) {
        use Code::*;
        let neighbours = if matches!(distance, 1 | 4) { 0b10_11_00_01 } else { 0b01_00_11_10 };
        let (a, codes, number) = match distance {
            1 | 2 => (None, [VEX_Vpermilps_ymm_ymmm256_imm8, EVEX_Vpermilps_zmm_k1z_zmmm512b32_imm8], neighbours),
            _ => {
                let codes = [VEX_Vperm2f128_ymm_ymm_ymmm256_imm8, EVEX_Vshuff64x2_zmm_k1z_zmm_zmmm512b64_imm8];
                (Some(source), codes, self.width.pick([1, neighbours]))
            }
        };
        self.vector(codes, [Some(target), a], Operand::Register(source), Some(number));
    }

    /// Every second number of the 15 from a place on.
    pub fn eight_of_fifteen(&mut self, target: Vector, at: Address) {
        let rest = Operand::Memory(at.plus(28));
        self.copy(target, Operand::Memory(at));
        // 0 2 | 8 10 and 4 6 | 12 14 stand beside each other at first.
        let codes = [Code::VEX_Vshufps_ymm_ymm_ymmm256_imm8; 2];
        self.vector(codes, [Some(target), Some(target)], rest, Some(0b11_01_10_00));
        let codes = [Code::VEX_Vpermpd_ymm_ymmm256_imm8; 2];
        self.vector(codes, [Some(target), None], Operand::Register(target), Some(0b11_01_10_00));
    }

    /// Lanes of a vector and of what comes after it in memory, by their numbers, which a register has.
    pub fn pick_of_both(&mut self, target: Vector, numbers: Vector, rest: Operand) {
        let codes = [Code::EVEX_Vpermt2ps_zmm_k1z_zmm_zmmm512b32; 2];
        self.vector(codes, [Some(target), Some(numbers)], rest, None);
    }

    /// Lanes of a vector by their numbers.
    pub fn pick(&mut self, target: Vector, numbers: Vector, source: Vector) {
        let codes = [Code::EVEX_Vpermps_zmm_k1z_zmm_zmmm512b32; 2];
        self.vector(codes, [Some(target), Some(numbers)], Operand::Register(source), None);
    }
}
