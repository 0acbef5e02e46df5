//! The instructions of a walk as values of a graph.

use super::graph::{Graph, Id, Op, Predicate, Two, Value};
use crate::check::bounds;
use crate::math;
use crate::number::Number;
use crate::walk::{Access, Binary, Bound, Comparison, Instruction, Loop, Unary};
use std::cell::RefCell;

const ONE: u32 = 0x3f80_0000;
/// All integers up to it are numbers in single precision.
const EXACT: i64 = 1 << 24;

/// Makes a graph of programs.
pub(super) struct Lowering<'a> {
    pub graph: RefCell<Graph>,
    pub reads: &'a [Access],
    pub loops: &'a [Loop],
    /// The loops that an access depends on.
    pub loops_of: &'a dyn Fn(&Access) -> u64,
    /// The loops over results.
    pub kept: u64,
}

/// What an instruction became: conditions stay masks as long as they are not counted with.
#[derive(Clone, Copy)]
enum Lowered<'g> {
    Number(Value<'g>),
    Mask(Value<'g>),
}

impl<'g> Lowered<'g> {
    fn number(self) -> Value<'g> {
        match self {
            Lowered::Number(value) => value,
            Lowered::Mask(mask) => mask & mask.bits_of(ONE),
        }
    }

    fn mask(self) -> Value<'g> {
        match self {
            Lowered::Number(value) => value.compare(Predicate::NotEqual, value.constant(0.0)),
            Lowered::Mask(mask) => mask,
        }
    }
}

impl Lowering<'_> {
    /// The values of a program; none where it has an instruction for which no code is emitted.
    pub fn lower(&self, code: &[Instruction]) -> Option<Vec<Id>> {
        let mut values: Vec<Lowered> = Vec::with_capacity(code.len());
        for instruction in code {
            let value = self.instruction(instruction, &values)?;
            values.push(value);
        }
        Some(values.into_iter().map(|value| value.number().id).collect())
    }

    fn leaf(&self, op: Op, loops: u64) -> Value<'_> {
        Value { graph: &self.graph, id: self.graph.borrow_mut().add(op, loops) }
    }

    fn instruction<'g>(&'g self, instruction: &Instruction, values: &[Lowered<'g>]) -> Option<Lowered<'g>> {
        let number = |operand: usize| values[operand].number();
        Some(Lowered::Number(match *instruction {
            Instruction::Reduced => self.leaf(Op::Reduced, self.kept),
            Instruction::Constant(value) => self.leaf(Op::Constant(value.to_bits()), 0),
            Instruction::Rate => self.leaf(Op::Rate, 0),
            Instruction::Read(read) => self.load(&self.reads[read])?,
            Instruction::Gather(..) => return None,
            Instruction::Position(ref access) => self.position(access),
            Instruction::Unary(Unary::Not, a) => return Some(Lowered::Mask(self.not(values[a]))),
            Instruction::Unary(function, a) => unary(function, number(a))?,
            Instruction::Binary(Binary::And, a, b) => return Some(Lowered::Mask(values[a].mask() & values[b].mask())),
            Instruction::Binary(Binary::Or, a, b) => return Some(Lowered::Mask(values[a].mask() | values[b].mask())),
            Instruction::Binary(function, a, b) => binary(function, number(a), number(b))?,
            Instruction::Compare(comparison, a, b) => {
                return Some(Lowered::Mask(compare(comparison, number(a), number(b))));
            }
            Instruction::Select(a, b, c) => Number::choose(values[a].mask(), number(b), number(c)),
        }))
    }

    fn load(&self, access: &Access) -> Option<Value<'_>> {
        let plain = Access { axes: Vec::new(), ..access.clone() };
        let place = place_of(&mut self.graph.borrow_mut().loads, &plain);
        let loops = (self.loops_of)(&plain);
        let mut inside = None;
        for axis in &access.axes {
            for condition in self.conditions(axis)? {
                inside = Some(inside.map_or(condition, |inside| inside & condition));
            }
        }
        let Some(inside) = inside else { return Some(self.leaf(Op::Load(place), loops)) };
        // Guarded numbers are read side by side, or one in all lanes.
        let along_lanes = access.axes.iter().map(|axis| axis.strides.last());
        let fits = match plain.strides.last() {
            Some(1) => true,
            Some(0) => along_lanes.into_iter().all(|stride| stride == Some(&0)),
            _ => false,
        };
        fits.then(|| self.leaf(Op::Guarded(place, inside.id), loops))
    }

    /// That a read does not leave an axis, as far as it may.
    fn conditions(&self, axis: &Bound) -> Option<Vec<Value<'_>>> {
        let along = Access { offset: axis.offset, strides: axis.strides.clone(), axes: Vec::new() };
        let (least, greatest) = bounds(&along, self.loops).ok()??;
        let extent = axis.extent as i64;
        // Beyond them integers are no longer exact.
        if least < -EXACT || greatest.max(extent) > EXACT {
            return None;
        }
        let mut conditions = Vec::new();
        if least < 0 {
            let position = self.position(&along);
            conditions.push(position.constant(0.0).is_at_most(position));
        }
        if greatest >= extent {
            let position = self.position(&along);
            conditions.push(position.is_below(position.constant(extent as f32)));
        }
        Some(conditions)
    }

    fn position(&self, access: &Access) -> Value<'_> {
        let place = place_of(&mut self.graph.borrow_mut().positions, access);
        self.leaf(Op::Position(place), (self.loops_of)(access))
    }

    fn not<'g>(&'g self, a: Lowered<'g>) -> Value<'g> {
        match a {
            Lowered::Number(value) => value.is(0.0),
            Lowered::Mask(mask) => mask.two(Two::AndNot, mask.bits_of(u32::MAX).id),
        }
    }
}

/// The place of an access in a list, where it is put if it is not there.
fn place_of(list: &mut Vec<Access>, access: &Access) -> usize {
    list.iter().position(|other| other == access).unwrap_or_else(|| {
        list.push(access.clone());
        list.len() - 1
    })
}

fn compare<'g>(comparison: Comparison, a: Value<'g>, b: Value<'g>) -> Value<'g> {
    match comparison {
        Comparison::Equal => a.equals(b),
        Comparison::NotEqual => a.compare(Predicate::NotEqual, b),
        Comparison::Less => a.is_below(b),
        Comparison::LessEqual => a.is_at_most(b),
        Comparison::Greater => b.is_below(a),
        Comparison::GreaterEqual => b.is_at_most(a),
    }
}

fn binary<'g>(function: Binary, a: Value<'g>, b: Value<'g>) -> Option<Value<'g>> {
    Some(match function {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Max => math::max(a, b),
        Binary::Min => math::min(a, b),
        Binary::Power | Binary::Modulo | Binary::And | Binary::Or => return None,
    })
}

fn unary(function: Unary, a: Value<'_>) -> Option<Value<'_>> {
    Some(match function {
        Unary::Negative => -a,
        Unary::Inverse => a.constant(1.0) / a,
        Unary::Square => a * a,
        Unary::HalfPower => math::root(a),
        Unary::InverseRoot => a.constant(1.0) / math::root(a),
        Unary::Exp => math::exp(a),
        Unary::Log => math::log(a),
        Unary::Sqrt => a.square_root(),
        Unary::Abs => a.magnitude(),
        Unary::Sign => math::sign(a),
        Unary::Tanh => math::tanh(a),
        Unary::Erf => math::erf(a),
        Unary::Sigmoid => math::sigmoid(a),
        Unary::Relu => math::relu(a),
        Unary::Softplus => math::softplus(a),
        Unary::Gelu => math::gelu(a),
        Unary::Silu => math::silu(a),
        Unary::Floor => a.rounded_down(),
        // These are computed in doubles, one by one.
        Unary::Sin | Unary::Cos | Unary::Tan | Unary::Asin | Unary::Acos | Unary::Atan => return None,
        Unary::Sinh | Unary::Cosh | Unary::Not => return None,
    })
}
