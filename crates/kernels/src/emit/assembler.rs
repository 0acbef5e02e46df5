//! Machine code for x86-64 with AVX2 and FMA, instruction by instruction.

use super::graph::{Fused, One, Predicate, Two};
use iced_x86::{
    BlockEncoder, BlockEncoderOptions, Code, IcedError, Instruction, InstructionBlock, MemoryOperand, Register,
};
use std::collections::HashMap;

/// The number of a vector register.
pub(super) type Vector = u8;

/// Registers of addresses and counters.
pub(super) mod general {
    use iced_x86::Register;

    /// Where constants are.
    pub const CONSTANTS: Register = Register::RBX;
    /// Where the frame begins.
    pub const FRAME: Register = Register::RBP;
    pub const COUNTER: Register = Register::RAX;
    /// For addresses that are needed for a moment.
    pub const MOMENT: Register = Register::R11;
    /// For addresses that stay in registers for a loop.
    pub const POINTERS: [Register; 11] = [
        Register::RCX,
        Register::RDX,
        Register::RSI,
        Register::RDI,
        Register::R8,
        Register::R9,
        Register::R10,
        Register::R12,
        Register::R13,
        Register::R14,
        Register::R15,
    ];
    /// Those that must be as they were when the code is left.
    pub const SAVED: [Register; 5] = [Register::RBX, Register::R12, Register::R13, Register::R14, Register::R15];
}

/// An operand of a vector instruction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Operand {
    Register(Vector),
    Memory(Address),
}

/// A place in memory: a register and a displacement in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Address {
    pub base: Register,
    pub displacement: i32,
}

impl Address {
    pub fn plus(self, bytes: i32) -> Address {
        Address { displacement: self.displacement + bytes, ..self }
    }

    pub fn at(self, base: Register) -> Address {
        Address { base, ..self }
    }

    fn operand(self) -> MemoryOperand {
        MemoryOperand::with_base_displ(self.base, self.displacement as i64)
    }
}

/// A place in the code.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Label(u64);

pub(super) fn ymm(number: Vector) -> Register {
    Register::YMM0 + number as u32
}

pub(super) fn xmm(number: Vector) -> Register {
    Register::XMM0 + number as u32
}

/// Code that is being written.
#[derive(Default)]
pub(super) struct Assembler {
    instructions: Vec<Instruction>,
    labels: u64,
    /// The label of what comes next.
    pending: Option<u64>,
    /// Vectors that the code reads, and the places of those with one number everywhere.
    pub constants: Vec<[u32; 8]>,
    places: HashMap<[u32; 8], usize>,
    /// What could not be written.
    pub error: Option<IcedError>,
}

impl Assembler {
    fn push(&mut self, instruction: Result<Instruction, IcedError>) {
        match instruction {
            Ok(mut instruction) => {
                if let Some(label) = self.pending.take() {
                    instruction.set_ip(label);
                }
                self.instructions.push(instruction);
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// The machine code, as it stands at an address.
    pub fn finish(&self, at: u64) -> Result<Vec<u8>, IcedError> {
        let block = InstructionBlock::new(&self.instructions, at);
        Ok(BlockEncoder::encode(64, block, BlockEncoderOptions::NONE)?.code_buffer)
    }

    pub fn label(&mut self) -> Label {
        self.labels += 1;
        Label(self.labels)
    }

    /// Says that a label is here.
    pub fn set(&mut self, label: Label) {
        if self.pending.is_some() {
            self.push(Ok(Instruction::with(Code::Nopd)));
        }
        self.pending = Some(label.0);
    }

    pub fn jump(&mut self, condition: Code, target: Label) {
        self.push(Instruction::with_branch(condition, target.0));
    }

    /// The address of a vector of constants.
    pub fn constant(&mut self, lanes: [u32; 8]) -> Address {
        let count = self.constants.len();
        let place = *self.places.entry(lanes).or_insert(count);
        if place == count {
            self.constants.push(lanes);
        }
        Address { base: general::CONSTANTS, displacement: 32 * place as i32 }
    }

    pub fn plain(&mut self, code: Code) {
        self.push(Ok(Instruction::with(code)));
    }

    pub fn register(&mut self, code: Code, register: Register) {
        self.push(Instruction::with1(code, register));
    }

    pub fn registers(&mut self, code: Code, target: Register, source: Register) {
        self.push(Instruction::with2(code, target, source));
    }

    pub fn add_to_register(&mut self, register: Register, bytes: i32) {
        self.push(Instruction::with2(Code::Add_rm64_imm32, register, bytes));
    }

    pub fn add_to_memory(&mut self, at: Address, number: i32) {
        self.push(Instruction::with2(Code::Add_rm64_imm32, at.operand(), number));
    }

    pub fn with_number(&mut self, code: Code, register: Register, number: i32) {
        self.push(Instruction::with2(code, register, number));
    }

    pub fn set_memory(&mut self, at: Address, number: i32) {
        self.push(Instruction::with2(Code::Mov_rm64_imm32, at.operand(), number));
    }

    pub fn decrease(&mut self, at: Address) {
        self.push(Instruction::with1(Code::Dec_rm64, at.operand()));
    }

    pub fn multiply(&mut self, register: Register, at: Address, number: i32) {
        self.push(Instruction::with3(Code::Imul_r64_rm64_imm32, register, at.operand(), number));
    }

    pub fn load_address(&mut self, register: Register, number: u64) {
        self.push(Instruction::with2(Code::Mov_r64_imm64, register, number));
    }

    /// An instruction on a general register and memory: moves, additions, comparisons.
    pub fn load(&mut self, code: Code, register: Register, at: Address) {
        self.push(Instruction::with2(code, register, at.operand()));
    }

    pub fn store_register(&mut self, code: Code, at: Address, register: Register) {
        self.push(Instruction::with2(code, at.operand(), register));
    }

    /// A part of a vector, by number, to a register or memory.
    pub fn extract(&mut self, code: Code, target: Operand, source: Register, part: i32) {
        self.push(match target {
            Operand::Register(target) => Instruction::with3(code, xmm(target), source, part),
            Operand::Memory(at) => Instruction::with3(code, at.operand(), source, part),
        });
    }

    /// `target = code(a, b)`, with registers of any width.
    pub fn three_with_memory(&mut self, code: Code, target: Register, a: Register, b: Address) {
        self.push(Instruction::with3(code, target, a, b.operand()));
    }

    pub fn two_with_number(&mut self, code: Code, target: Register, source: Register, number: i32) {
        self.push(Instruction::with3(code, target, source, number));
    }

    /// `target = code(a, b, number)`
    pub fn shuffle(&mut self, code: Code, target: Vector, a: Vector, b: Operand, number: i32) {
        let is_narrow = matches!(code, Code::VEX_Vinsertps_xmm_xmm_xmmm32_imm8);
        let name = if is_narrow { xmm } else { ymm };
        self.push(match b {
            Operand::Register(b) if code == Code::VEX_Vinsertf128_ymm_ymm_xmmm128_imm8 => {
                Instruction::with4(code, ymm(target), ymm(a), xmm(b), number)
            }
            Operand::Register(b) => Instruction::with4(code, name(target), name(a), name(b), number),
            Operand::Memory(b) => Instruction::with4(code, name(target), name(a), b.operand(), number),
        });
    }

    /// `target = code(a, b)` in all lanes.
    pub fn vector(&mut self, code: Code, target: Vector, a: Vector, b: Operand) {
        self.push(match b {
            Operand::Register(b) => Instruction::with3(code, ymm(target), ymm(a), ymm(b)),
            Operand::Memory(b) => Instruction::with3(code, ymm(target), ymm(a), b.operand()),
        });
    }

    pub fn two(&mut self, op: Two, target: Vector, a: Vector, b: Operand) {
        self.vector(two(op), target, a, b);
    }

    pub fn compare(&mut self, predicate: Predicate, target: Vector, a: Vector, b: Operand) {
        // Comparisons that raise no exception for a NaN.
        let number = match predicate {
            Predicate::Equal => 0x00,
            Predicate::NotEqual => 0x04,
            Predicate::Less => 0x11,
            Predicate::LessEqual => 0x12,
            Predicate::Unordered => 0x03,
        };
        self.shuffle(Code::VEX_Vcmpps_ymm_ymm_ymmm256_imm8, target, a, b, number);
    }

    /// `target = mask ? a : b`
    pub fn choose(&mut self, target: Vector, mask: Vector, a: Operand, b: Vector) {
        let code = Code::VEX_Vblendvps_ymm_ymm_ymmm256_ymm;
        self.push(match a {
            Operand::Register(a) => Instruction::with4(code, ymm(target), ymm(b), ymm(a), ymm(mask)),
            Operand::Memory(a) => Instruction::with4(code, ymm(target), ymm(b), a.operand(), ymm(mask)),
        });
    }

    pub fn one(&mut self, op: One, target: Vector, a: Operand) {
        let target = ymm(target);
        let (code, number) = match op {
            One::Root => (Code::VEX_Vsqrtps_ymm_ymmm256, None),
            One::Convert => (Code::VEX_Vcvtdq2ps_ymm_ymmm256, None),
            // Down, without saying that something was lost.
            One::Floor => (Code::VEX_Vroundps_ymm_ymmm256_imm8, Some(0x09)),
            One::ShiftLeft(places) => (Code::VEX_Vpslld_ymm_ymm_imm8, Some(places as i32)),
            One::ShiftRight(places) => (Code::VEX_Vpsrad_ymm_ymm_imm8, Some(places as i32)),
        };
        self.push(match (a, number) {
            (Operand::Register(a), None) => Instruction::with2(code, target, ymm(a)),
            (Operand::Memory(a), None) => Instruction::with2(code, target, a.operand()),
            (Operand::Register(a), Some(number)) => Instruction::with3(code, target, ymm(a), number),
            (Operand::Memory(a), Some(number)) => Instruction::with3(code, target, a.operand(), number),
        });
    }

    /// Copies a vector.
    pub fn copy(&mut self, target: Vector, source: Operand) {
        let code = Code::VEX_Vmovups_ymm_ymmm256;
        self.push(match source {
            Operand::Register(source) => Instruction::with2(code, ymm(target), ymm(source)),
            Operand::Memory(source) => Instruction::with2(code, ymm(target), source.operand()),
        });
    }

    /// Writes a vector.
    pub fn store(&mut self, at: Address, source: Vector) {
        self.push(Instruction::with2(Code::VEX_Vmovups_ymmm256_ymm, at.operand(), ymm(source)));
    }
}

fn two(op: Two) -> Code {
    match op {
        Two::Add => Code::VEX_Vaddps_ymm_ymm_ymmm256,
        Two::Subtract => Code::VEX_Vsubps_ymm_ymm_ymmm256,
        Two::Multiply => Code::VEX_Vmulps_ymm_ymm_ymmm256,
        Two::Divide => Code::VEX_Vdivps_ymm_ymm_ymmm256,
        Two::Least => Code::VEX_Vminps_ymm_ymm_ymmm256,
        Two::Greatest => Code::VEX_Vmaxps_ymm_ymm_ymmm256,
        Two::And => Code::VEX_Vandps_ymm_ymm_ymmm256,
        Two::AndNot => Code::VEX_Vandnps_ymm_ymm_ymmm256,
        Two::Or => Code::VEX_Vorps_ymm_ymm_ymmm256,
        Two::Xor => Code::VEX_Vxorps_ymm_ymm_ymmm256,
        Two::AddIntegers => Code::VEX_Vpaddd_ymm_ymm_ymmm256,
        Two::SubtractIntegers => Code::VEX_Vpsubd_ymm_ymm_ymmm256,
        Two::LeastInteger => Code::VEX_Vpminsd_ymm_ymm_ymmm256,
        Two::GreatestInteger => Code::VEX_Vpmaxsd_ymm_ymm_ymmm256,
    }
}

/// The forms of a fused instruction that overwrite its addend, and its first factor.
pub(super) fn fused(op: Fused) -> [Code; 2] {
    match op {
        Fused::Add => [Code::VEX_Vfmadd231ps_ymm_ymm_ymmm256, Code::VEX_Vfmadd213ps_ymm_ymm_ymmm256],
        Fused::Subtract => [Code::VEX_Vfmsub231ps_ymm_ymm_ymmm256, Code::VEX_Vfmsub213ps_ymm_ymm_ymmm256],
        Fused::NegatedAdd => [Code::VEX_Vfnmadd231ps_ymm_ymm_ymmm256, Code::VEX_Vfnmadd213ps_ymm_ymm_ymmm256],
    }
}
