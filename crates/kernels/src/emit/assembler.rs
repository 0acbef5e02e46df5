//! Machine code for x86-64, instruction by instruction: all but that on vectors (`vectors`).

use super::vectors::Width;
use iced_x86::{Code, Encoder, IcedError, Instruction, MemoryOperand, Register};
use std::collections::HashMap;

/// The number of a register of vectors, or behind these of masks.
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
    /// One number in memory, for all lanes.
    Number(Address),
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

    pub fn operand(self) -> MemoryOperand {
        MemoryOperand::with_base_displ(self.base, self.displacement as i64)
    }
}

/// A place in the code, by number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Label(usize);

/// Code that is being written.
pub(super) struct Assembler {
    pub width: Width,
    encoder: Encoder,
    /// Bytes so far.
    length: usize,
    /// Where labels are, and where jumps to them end.
    labels: Vec<usize>,
    jumps: Vec<(usize, Label)>,
    /// Numbers that the code reads, whole vectors of them at multiples of their size.
    pub constants: Vec<u32>,
    /// Where those are that stand alone, or in all lanes of a vector.
    uniform: HashMap<u32, usize>,
    /// What could not be written.
    error: Option<IcedError>,
}

impl Assembler {
    pub fn new(width: Width) -> Assembler {
        Assembler {
            width,
            encoder: Encoder::new(64),
            length: 0,
            labels: Vec::new(),
            jumps: Vec::new(),
            constants: Vec::new(),
            uniform: HashMap::new(),
            error: None,
        }
    }

    pub(super) fn push(&mut self, instruction: Result<Instruction, IcedError>) {
        match instruction.and_then(|instruction| self.encoder.encode(&instruction, self.length as u64)) {
            Ok(bytes) => self.length += bytes,
            Err(error) => self.error = Some(error),
        }
    }

    /// The machine code: jumps are relative, and constants by a register, so that it may stand anywhere.
    pub fn finish(&mut self) -> Result<Vec<u8>, IcedError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let mut code = self.encoder.take_buffer();
        for (end, target) in &self.jumps {
            let distance = self.labels[target.0] as i32 - *end as i32;
            code[end - 4..*end].copy_from_slice(&distance.to_le_bytes());
        }
        Ok(code)
    }

    pub fn label(&mut self) -> Label {
        self.labels.push(0);
        Label(self.labels.len() - 1)
    }

    /// Says that a label is here.
    pub fn set(&mut self, label: Label) {
        self.labels[label.0] = self.length;
    }

    /// A jump of which the distance is the last four bytes.
    pub fn jump(&mut self, condition: Code, target: Label) {
        self.push(Instruction::with_branch(condition, self.length as u64));
        self.jumps.push((self.length, target));
    }

    /// The same bits in all lanes.
    pub fn uniform(&mut self, bits: u32) -> Operand {
        let place = match self.uniform.get(&bits) {
            Some(place) => *place,
            None => {
                let count = if self.width.embeds() { 1 } else { self.width.lanes() };
                let place = self.place(count, |_| bits);
                self.uniform.insert(bits, place);
                place
            }
        };
        let at = constant_at(place);
        if self.width.embeds() { Operand::Number(at) } else { Operand::Memory(at) }
    }

    /// A constant in each lane.
    pub fn constant(&mut self, lane: impl Fn(usize) -> u32) -> Operand {
        let lanes = self.width.lanes();
        let known =
            self.constants.chunks_exact(lanes).position(|all| all.iter().enumerate().all(|(n, x)| *x == lane(n)));
        let place = known.map(|number| number * lanes).unwrap_or_else(|| self.place(lanes, lane));
        Operand::Memory(constant_at(place))
    }

    fn place(&mut self, count: usize, lane: impl Fn(usize) -> u32) -> usize {
        let place = self.constants.len().next_multiple_of(count);
        self.constants.resize(place, 0);
        self.constants.extend((0..count).map(lane));
        place
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
}

fn constant_at(place: usize) -> Address {
    Address { base: general::CONSTANTS, displacement: 4 * place as i32 }
}
