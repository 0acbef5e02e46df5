//! Instructions on vectors: of 8 lanes with AVX2 and FMA, of 16 with AVX-512, where truths are masks in registers of
//! their own and constants are single numbers.

use super::assembler::{Address, Assembler, Operand, Vector};
use super::graph::{Fused, One, Predicate, Two};
use iced_x86::{Code, IcedError, Instruction, MemoryOperand, Register};

/// How wide vectors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Eight,
    Sixteen,
}

/// Where registers of masks begin; the first is not used, since as a mask it means all lanes.
pub(super) const MASKS: Vector = 32;
/// The mask of the lanes in the last vector of a row.
pub(super) const TAIL: Vector = MASKS + 7;
/// Registers of both kinds.
pub(super) const REGISTERS: usize = 40;

impl Width {
    pub fn lanes(self) -> usize {
        self.pick([8, 16])
    }

    /// Of a vector.
    pub fn bytes(self) -> i32 {
        4 * self.lanes() as i32
    }

    /// Whether instructions read one number for all lanes, and truths are masks.
    pub fn embeds(self) -> bool {
        self == Width::Sixteen
    }

    /// Registers that values may have, a bit for each.
    pub fn registers(self, of_masks: bool) -> u64 {
        match (self, of_masks) {
            (Width::Eight, _) => 0xffff,
            (Width::Sixteen, false) => 0xffff_ffff,
            (Width::Sixteen, true) => 0b111_1110 << MASKS,
        }
    }

    pub fn pick<T: Copy>(self, [eight, sixteen]: [T; 2]) -> T {
        match self {
            Width::Eight => eight,
            Width::Sixteen => sixteen,
        }
    }

    pub fn name(self, number: Vector) -> Register {
        match number.checked_sub(MASKS) {
            Some(mask) => Register::K0 + mask as u32,
            None => self.pick([Register::YMM0, Register::ZMM0]) + number as u32,
        }
    }

    /// The lower half of a register.
    pub fn half(self, number: Vector) -> Register {
        self.pick([Register::XMM0, Register::YMM0]) + number as u32
    }
}

pub(super) fn xmm(number: Vector) -> Register {
    Register::XMM0 + number as u32
}

pub(super) fn ymm(number: Vector) -> Register {
    Register::YMM0 + number as u32
}

/// The lanes that an instruction writes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Lanes {
    All,
    /// Those of a mask; others stay.
    Of(Vector),
    /// Those of a mask; others become 0.
    OrZero(Vector),
}

/// An instruction on some registers and an operand that may be in memory, and a number where there is one.
fn instruction(code: Code, registers: [Option<Register>; 2], last: Last, number: Option<i32>) -> Encodable {
    match (registers, last, number) {
        ([Some(target), Some(a)], Last::Register(b), Some(number)) => Instruction::with4(code, target, a, b, number),
        ([Some(target), Some(a)], Last::Memory(b), Some(number)) => Instruction::with4(code, target, a, b, number),
        ([Some(target), Some(a)], Last::Register(b), None) => Instruction::with3(code, target, a, b),
        ([Some(target), Some(a)], Last::Memory(b), None) => Instruction::with3(code, target, a, b),
        ([Some(target), None], Last::Register(a), Some(number)) => Instruction::with3(code, target, a, number),
        ([Some(target), None], Last::Memory(a), Some(number)) => Instruction::with3(code, target, a, number),
        ([Some(target), None], Last::Register(a), None) => Instruction::with2(code, target, a),
        ([Some(target), None], Last::Memory(a), None) => Instruction::with2(code, target, a),
        ([None, _], Last::Register(a), _) => Instruction::with1(code, a),
        ([None, _], Last::Memory(a), _) => Instruction::with1(code, a),
    }
}

type Encodable = Result<Instruction, IcedError>;

enum Last {
    Register(Register),
    Memory(MemoryOperand),
}

impl Last {
    fn new(operand: Operand, name: impl Fn(Vector) -> Register) -> Last {
        match operand {
            Operand::Register(register) => Last::Register(name(register)),
            Operand::Memory(at) => Last::Memory(at.operand()),
            Operand::Number(at) => Last::Memory(MemoryOperand { is_broadcast: true, ..at.operand() }),
        }
    }
}

/// An instruction by width.
pub(super) type Codes = [Code; 2];

/// Whole vectors.
impl Assembler {
    pub(super) fn vector(
        &mut self,
        codes: Codes,
        [target, a]: [Option<Vector>; 2],
        last: Operand,
        number: Option<i32>,
    ) {
        self.vector_in(Lanes::All, codes, [target, a], last, number);
    }

    fn vector_in(
        &mut self,
        lanes: Lanes,
        codes: Codes,
        registers: [Option<Vector>; 2],
        last: Operand,
        number: Option<i32>,
    ) {
        let name = |number| self.width.name(number);
        let registers = registers.map(|register| register.map(name));
        let instruction = instruction(self.width.pick(codes), registers, Last::new(last, name), number);
        self.push(instruction.map(|instruction| in_lanes(instruction, lanes)));
    }

    /// `target = op(a, b)`
    pub fn two(&mut self, op: Two, target: Vector, a: Vector, b: Operand) {
        self.two_in(Lanes::All, op, target, a, b);
    }

    pub fn two_in(&mut self, lanes: Lanes, op: Two, target: Vector, a: Vector, b: Operand) {
        self.vector_in(lanes, two(op), [Some(target), Some(a)], b, None);
    }

    /// `target = ± a b ± c`, of which the target was `c`, or else `a` and what is given is `c`.
    pub fn fused(&mut self, op: Fused, over_addend: bool, target: Vector, a: Vector, last: Operand) {
        let [over_c, over_a] = fused(op);
        self.vector(if over_addend { over_c } else { over_a }, [Some(target), Some(a)], last, None);
    }

    pub fn one(&mut self, op: One, target: Vector, a: Operand) {
        let (codes, number) = one(op);
        self.vector(codes, [Some(target), None], a, number);
    }

    pub fn compare(&mut self, predicate: Predicate, target: Vector, a: Vector, b: Operand) {
        self.compare_in(Lanes::All, predicate, target, a, b);
    }

    /// In a mask the other lanes are 0.
    pub fn compare_in(&mut self, lanes: Lanes, predicate: Predicate, target: Vector, a: Vector, b: Operand) {
        // Comparisons that raise no exception for a NaN.
        let number = match predicate {
            Predicate::Equal => 0x00,
            Predicate::NotEqual => 0x04,
            Predicate::Less => 0x11,
            Predicate::LessEqual => 0x12,
            Predicate::Unordered => 0x03,
            Predicate::Ordered => 0x07,
        };
        let codes = [Code::VEX_Vcmpps_ymm_ymm_ymmm256_imm8, Code::EVEX_Vcmpps_kr_k1_zmm_zmmm512b32_imm8_sae];
        self.vector_in(lanes, codes, [Some(target), Some(a)], b, Some(number));
    }

    /// `target = mask ? a : b`
    pub fn choose(&mut self, target: Vector, mask: Vector, a: Operand, b: Vector) {
        if self.width.embeds() {
            let codes = [Code::EVEX_Vblendmps_zmm_k1z_zmm_zmmm512b32; 2];
            return self.vector_in(Lanes::Of(mask), codes, [Some(target), Some(b)], a, None);
        }
        let code = Code::VEX_Vblendvps_ymm_ymm_ymmm256_ymm;
        self.push(match Last::new(a, ymm) {
            Last::Register(a) => Instruction::with4(code, ymm(target), ymm(b), a, ymm(mask)),
            Last::Memory(a) => Instruction::with4(code, ymm(target), ymm(b), a, ymm(mask)),
        });
    }

    /// Copies a vector.
    pub fn copy(&mut self, target: Vector, source: Operand) {
        self.copy_in(Lanes::All, target, source);
    }

    pub fn copy_in(&mut self, lanes: Lanes, target: Vector, source: Operand) {
        match source {
            Operand::Number(at) => self.broadcast(lanes, target, at),
            _ => {
                let codes = [Code::VEX_Vmovups_ymm_ymmm256, Code::EVEX_Vmovups_zmm_k1z_zmmm512];
                self.vector_in(lanes, codes, [Some(target), None], source, None);
            }
        }
    }

    /// Reads one number for all lanes.
    pub fn broadcast(&mut self, lanes: Lanes, target: Vector, at: Address) {
        let codes = [Code::VEX_Vbroadcastss_ymm_m32, Code::EVEX_Vbroadcastss_zmm_k1z_xmmm32];
        self.vector_in(lanes, codes, [Some(target), None], Operand::Memory(at), None);
    }

    pub fn broadcast_integer(&mut self, target: Vector, at: Address) {
        let codes = [Code::VEX_Vpbroadcastd_ymm_xmmm32, Code::EVEX_Vpbroadcastd_zmm_k1z_xmmm32];
        self.vector(codes, [Some(target), None], Operand::Memory(at), None);
    }

    /// The number in the first lane goes to all.
    pub fn broadcast_first(&mut self, register: Vector) {
        let code = self.width.pick([Code::VEX_Vbroadcastss_ymm_xmm, Code::EVEX_Vbroadcastss_zmm_k1z_xmmm32]);
        self.push(Instruction::with2(code, self.width.name(register), xmm(register)));
    }

    /// Reads the lanes of a vector whose bits are set, and nothing else; the others are 0.
    pub fn read_masked(&mut self, target: Vector, mask: Vector, at: Address) {
        if self.width.embeds() {
            return self.copy_in(Lanes::OrZero(mask), target, Operand::Memory(at));
        }
        let codes = [Code::VEX_Vmaskmovps_ymm_ymm_m256; 2];
        self.vector(codes, [Some(target), Some(mask)], Operand::Memory(at), None);
    }

    /// Writes a vector.
    pub fn store(&mut self, at: Address, source: Vector) {
        self.store_in(Lanes::All, at, source);
    }

    pub fn store_in(&mut self, lanes: Lanes, at: Address, source: Vector) {
        let code = self.width.pick([Code::VEX_Vmovups_ymmm256_ymm, Code::EVEX_Vmovups_zmmm512_k1z_zmm]);
        let instruction = Instruction::with2(code, at.operand(), self.width.name(source));
        self.push(instruction.map(|instruction| in_lanes(instruction, lanes)));
    }
}

/// Masks, where they have registers.
impl Assembler {
    pub fn masks(&mut self, op: Two, target: Vector, a: Vector, b: Vector) {
        let code = match op {
            Two::And => Code::VEX_Kandw_kr_kr_kr,
            Two::AndNot => Code::VEX_Kandnw_kr_kr_kr,
            _ => Code::VEX_Korw_kr_kr_kr,
        };
        let [target, a, b] = [target, a, b].map(|mask| self.width.name(mask));
        self.push(Instruction::with3(code, target, a, b));
    }

    pub fn invert_mask(&mut self, target: Vector, source: Vector) {
        let [target, source] = [target, source].map(|mask| self.width.name(mask));
        self.push(Instruction::with2(Code::VEX_Knotw_kr_kr, target, source));
    }

    pub fn fill_mask(&mut self, target: Vector) {
        let target = self.width.name(target);
        self.push(Instruction::with3(Code::VEX_Kxnorw_kr_kr_kr, target, target, target));
    }

    /// Whether all of it is set becomes the carry.
    pub fn test_mask(&mut self, mask: Vector) {
        let mask = self.width.name(mask);
        self.push(Instruction::with2(Code::VEX_Kortestw_kr_kr, mask, mask));
    }

    pub fn load_mask(&mut self, target: Vector, at: Address) {
        self.push(Instruction::with2(Code::VEX_Kmovw_kr_km16, self.width.name(target), at.operand()));
    }

    /// These bits.
    pub fn set_mask(&mut self, target: Vector, bits: u32) {
        if let Operand::Number(at) | Operand::Memory(at) = self.uniform(bits) {
            self.load_mask(target, at);
        }
    }

    pub fn store_mask(&mut self, at: Address, source: Vector) {
        self.push(Instruction::with2(Code::VEX_Kmovw_m16_kr, at.operand(), self.width.name(source)));
    }

    pub fn move_to_mask(&mut self, target: Vector, source: Register) {
        self.push(Instruction::with2(Code::VEX_Kmovw_kr_r32, self.width.name(target), source));
    }

    /// All bits of some lanes.
    pub fn fill_lanes(&mut self, mask: Vector, target: Vector) {
        let codes = [Code::EVEX_Vpternlogd_zmm_k1z_zmm_zmmm512b32_imm8; 2];
        let registers = [Some(target), Some(target)];
        self.vector_in(Lanes::Of(mask), codes, registers, Operand::Register(target), Some(0xff));
    }
}

fn in_lanes(mut instruction: Instruction, lanes: Lanes) -> Instruction {
    if let Lanes::Of(mask) | Lanes::OrZero(mask) = lanes {
        instruction.set_op_mask(Register::K0 + (mask - MASKS) as u32);
        instruction.set_zeroing_masking(matches!(lanes, Lanes::OrZero(_)));
    }
    instruction
}

fn two(op: Two) -> Codes {
    use Code::*;
    match op {
        Two::Add => [VEX_Vaddps_ymm_ymm_ymmm256, EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er],
        Two::Subtract => [VEX_Vsubps_ymm_ymm_ymmm256, EVEX_Vsubps_zmm_k1z_zmm_zmmm512b32_er],
        Two::Multiply => [VEX_Vmulps_ymm_ymm_ymmm256, EVEX_Vmulps_zmm_k1z_zmm_zmmm512b32_er],
        Two::Divide => [VEX_Vdivps_ymm_ymm_ymmm256, EVEX_Vdivps_zmm_k1z_zmm_zmmm512b32_er],
        Two::Least => [VEX_Vminps_ymm_ymm_ymmm256, EVEX_Vminps_zmm_k1z_zmm_zmmm512b32_sae],
        Two::Greatest => [VEX_Vmaxps_ymm_ymm_ymmm256, EVEX_Vmaxps_zmm_k1z_zmm_zmmm512b32_sae],
        Two::And => [VEX_Vandps_ymm_ymm_ymmm256, EVEX_Vandps_zmm_k1z_zmm_zmmm512b32],
        Two::AndNot => [VEX_Vandnps_ymm_ymm_ymmm256, EVEX_Vandnps_zmm_k1z_zmm_zmmm512b32],
        Two::Or => [VEX_Vorps_ymm_ymm_ymmm256, EVEX_Vorps_zmm_k1z_zmm_zmmm512b32],
        Two::Xor => [VEX_Vxorps_ymm_ymm_ymmm256, EVEX_Vxorps_zmm_k1z_zmm_zmmm512b32],
        Two::AddIntegers => [VEX_Vpaddd_ymm_ymm_ymmm256, EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32],
        Two::SubtractIntegers => [VEX_Vpsubd_ymm_ymm_ymmm256, EVEX_Vpsubd_zmm_k1z_zmm_zmmm512b32],
        Two::LeastInteger => [VEX_Vpminsd_ymm_ymm_ymmm256, EVEX_Vpminsd_zmm_k1z_zmm_zmmm512b32],
        Two::GreatestInteger => [VEX_Vpmaxsd_ymm_ymm_ymmm256, EVEX_Vpmaxsd_zmm_k1z_zmm_zmmm512b32],
    }
}

fn one(op: One) -> (Codes, Option<i32>) {
    use Code::*;
    match op {
        One::Root => ([VEX_Vsqrtps_ymm_ymmm256, EVEX_Vsqrtps_zmm_k1z_zmmm512b32_er], None),
        One::Convert => ([VEX_Vcvtdq2ps_ymm_ymmm256, EVEX_Vcvtdq2ps_zmm_k1z_zmmm512b32_er], None),
        // Down, without saying that something was lost.
        One::Floor => ([VEX_Vroundps_ymm_ymmm256_imm8, EVEX_Vrndscaleps_zmm_k1z_zmmm512b32_imm8_sae], Some(0x09)),
        One::ShiftLeft(places) => ([VEX_Vpslld_ymm_ymm_imm8, EVEX_Vpslld_zmm_k1z_zmmm512b32_imm8], Some(places as i32)),
        One::ShiftRight(places) => {
            ([VEX_Vpsrad_ymm_ymm_imm8, EVEX_Vpsrad_zmm_k1z_zmmm512b32_imm8], Some(places as i32))
        }
    }
}

/// The forms of a fused instruction that overwrite its addend, and its first factor.
fn fused(op: Fused) -> [Codes; 2] {
    use Code::*;
    match op {
        Fused::Add => [
            [VEX_Vfmadd231ps_ymm_ymm_ymmm256, EVEX_Vfmadd231ps_zmm_k1z_zmm_zmmm512b32_er],
            [VEX_Vfmadd213ps_ymm_ymm_ymmm256, EVEX_Vfmadd213ps_zmm_k1z_zmm_zmmm512b32_er],
        ],
        Fused::Subtract => [
            [VEX_Vfmsub231ps_ymm_ymm_ymmm256, EVEX_Vfmsub231ps_zmm_k1z_zmm_zmmm512b32_er],
            [VEX_Vfmsub213ps_ymm_ymm_ymmm256, EVEX_Vfmsub213ps_zmm_k1z_zmm_zmmm512b32_er],
        ],
        Fused::NegatedAdd => [
            [VEX_Vfnmadd231ps_ymm_ymm_ymmm256, EVEX_Vfnmadd231ps_zmm_k1z_zmm_zmmm512b32_er],
            [VEX_Vfnmadd213ps_ymm_ymm_ymmm256, EVEX_Vfnmadd213ps_zmm_k1z_zmm_zmmm512b32_er],
        ],
    }
}
