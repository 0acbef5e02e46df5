//! What a walk computes at one position, as a graph of vector instructions. Every value knows the loops that it
//! depends on, so that it is computed outside of the others. Its values are numbers, over which functions are written.

use crate::number::{Integer, Number};
use crate::walk::Access;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Sub};

/// The number of a value; operands have lower ones.
pub(super) type Id = usize;

/// How a value is computed, in all lanes of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Op {
    /// These bits everywhere.
    Constant(u32),
    Rate,
    /// What the access of that number reads.
    Load(usize),
    /// What the access of that number reads in the lanes whose bits are set, else 0.
    Guarded(usize, Id),
    /// The integer at the access of that number, as a number.
    Position(usize),
    /// The result of the reduction.
    Reduced,
    Two(Two, Id, Id),
    /// `± a b ± c`, rounded once.
    Fused(Fused, Id, Id, Id),
    One(One, Id),
    /// All bits set where it holds, else none.
    Compare(Predicate, Id, Id),
    /// The second where the bits of the first are set, else the third.
    Choose(Id, Id, Id),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Two {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// The second where it is not below the first.
    Least,
    /// The second where it is not above the first.
    Greatest,
    And,
    /// The second without the bits of the first.
    AndNot,
    Or,
    Xor,
    AddIntegers,
    SubtractIntegers,
    LeastInteger,
    GreatestInteger,
}

impl Two {
    pub fn commutes(self) -> bool {
        use Two::*;
        matches!(self, Add | Multiply | And | Or | Xor | AddIntegers | LeastInteger | GreatestInteger)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fused {
    /// `a b + c`
    Add,
    /// `a b - c`
    Subtract,
    /// `c - a b`
    NegatedAdd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum One {
    Root,
    Floor,
    Convert,
    ShiftLeft(u8),
    ShiftRight(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Predicate {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Unordered,
    Ordered,
}

const SIGN: u32 = 0x8000_0000;

/// A value and the loops that it depends on, a bit for each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub op: Op,
    pub loops: u64,
}

/// The values of a walk.
#[derive(Default)]
pub(super) struct Graph {
    pub nodes: Vec<Node>,
    pub loads: Vec<Access>,
    pub positions: Vec<Access>,
    known: HashMap<Op, Id>,
}

impl Graph {
    /// The value of an operation that depends on some loops by itself.
    pub fn add(&mut self, op: Op, own: u64) -> Id {
        if let Some(&id) = self.known.get(&op) {
            return id;
        }
        let loops = operands(op).fold(own, |loops, operand| loops | self.nodes[operand].loops);
        self.nodes.push(Node { op, loops });
        self.known.insert(op, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    fn constant(&mut self, bits: u32) -> Id {
        self.add(Op::Constant(bits), 0)
    }

    fn two(&mut self, op: Two, a: Id, b: Id) -> Id {
        match (op, self.nodes[a].op, self.nodes[b].op) {
            // Whether either is NaN is one question.
            (Two::Or, Op::Compare(Predicate::Unordered, a, same), Op::Compare(Predicate::Unordered, b, other))
                if a == same && b == other =>
            {
                self.add(Op::Compare(Predicate::Unordered, a, b), 0)
            }
            _ => self.add(Op::Two(op, a, b), 0),
        }
    }

    fn choose(&mut self, condition: Id, a: Id, b: Id) -> Id {
        let zero = |id: Id| self.nodes[id].op == Op::Constant(0);
        match (zero(a), zero(b)) {
            (_, true) => self.two(Two::And, condition, a),
            (true, _) => self.two(Two::AndNot, condition, b),
            _ => self.add(Op::Choose(condition, a, b), 0),
        }
    }

    /// What a value is the negative of.
    fn negated(&self, id: Id) -> Option<Id> {
        match self.nodes[id].op {
            Op::Two(Two::Xor, a, sign) if self.nodes[sign].op == Op::Constant(SIGN) => Some(a),
            _ => None,
        }
    }

    fn fused(&mut self, a: Id, b: Id, c: Id) -> Id {
        match (self.negated(a), self.negated(c)) {
            (Some(a), None) => self.add(Op::Fused(Fused::NegatedAdd, a, b, c), 0),
            (None, Some(c)) => self.add(Op::Fused(Fused::Subtract, a, b, c), 0),
            _ => self.add(Op::Fused(Fused::Add, a, b, c), 0),
        }
    }
}

/// What a value is computed from.
pub(super) fn operands(op: Op) -> impl Iterator<Item = Id> {
    let some = match op {
        Op::Constant(_) | Op::Rate | Op::Load(_) | Op::Position(_) | Op::Reduced => [None; 3],
        Op::One(_, a) | Op::Guarded(_, a) => [Some(a), None, None],
        Op::Two(_, a, b) | Op::Compare(_, a, b) => [Some(a), Some(b), None],
        Op::Fused(_, a, b, c) | Op::Choose(a, b, c) => [Some(a), Some(b), Some(c)],
    };
    some.into_iter().flatten()
}

/// Which values are masks, where these are other than numbers; none where a value is used as both.
pub(super) fn masks(nodes: &[Node]) -> Option<Vec<bool>> {
    let mut masks: Vec<bool> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let is_inverted = |id: Id| nodes[id].op == Op::Constant(u32::MAX);
        let (is_mask, fits) = match node.op {
            Op::Compare(_, a, b) => (true, !masks[a] && !masks[b]),
            Op::Two(Two::And | Two::Or, a, b) if masks[a] && masks[b] => (true, true),
            Op::Two(Two::AndNot, a, b) if masks[a] && (masks[b] || is_inverted(b)) => (true, true),
            Op::Two(Two::And | Two::AndNot, a, b) if masks[a] => (false, !masks[b]),
            Op::Choose(condition, a, b) => (false, masks[condition] && !masks[a] && !masks[b]),
            Op::Guarded(_, condition) => (false, masks[condition]),
            op => (false, operands(op).all(|operand| !masks[operand])),
        };
        if !fits {
            return None;
        }
        masks.push(is_mask);
    }
    Some(masks)
}

/// A value of a graph that is being made.
#[derive(Clone, Copy)]
pub(super) struct Value<'g> {
    pub graph: &'g RefCell<Graph>,
    pub id: Id,
}

impl<'g> Value<'g> {
    fn of(self, id: impl FnOnce(&mut Graph) -> Id) -> Value<'g> {
        let id = id(&mut self.graph.borrow_mut());
        Value { graph: self.graph, id }
    }

    pub(super) fn two(self, op: Two, other: Id) -> Self {
        self.of(|graph| graph.two(op, self.id, other))
    }

    fn one(self, op: One) -> Self {
        self.of(|graph| graph.add(Op::One(op, self.id), 0))
    }

    pub(super) fn compare(self, predicate: Predicate, other: Self) -> Self {
        self.of(|graph| graph.add(Op::Compare(predicate, self.id, other.id), 0))
    }

    pub(super) fn bits_of(self, bits: u32) -> Self {
        self.of(|graph| graph.constant(bits))
    }
}

macro_rules! operators {
    ($($name:ident $method:ident $op:expr;)*) => {$(
        impl $name for Value<'_> {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                self.two($op, other.id)
            }
        }
    )*};
}
operators! {
    Add add Two::Add;
    Sub sub Two::Subtract;
    Mul mul Two::Multiply;
    Div div Two::Divide;
    BitAnd bitand Two::And;
    BitOr bitor Two::Or;
}

impl Add<f32> for Value<'_> {
    type Output = Self;
    fn add(self, other: f32) -> Self {
        self + self.constant(other)
    }
}
impl Sub<f32> for Value<'_> {
    type Output = Self;
    fn sub(self, other: f32) -> Self {
        self - self.constant(other)
    }
}
impl Mul<f32> for Value<'_> {
    type Output = Self;
    fn mul(self, other: f32) -> Self {
        self * self.constant(other)
    }
}
impl Neg for Value<'_> {
    type Output = Self;
    fn neg(self) -> Self {
        self.two(Two::Xor, self.bits_of(SIGN).id)
    }
}

impl<'g> Number for Value<'g> {
    type Integer = Bits<'g>;
    type Truth = Self;

    fn constant(self, value: f32) -> Self {
        self.bits_of(value.to_bits())
    }
    fn fma(self, factor: Self, addend: Self) -> Self {
        self.of(|graph| graph.fused(self.id, factor.id, addend.id))
    }
    fn lost(self, factor: Self, product: Self) -> Self {
        self.of(|graph| graph.add(Op::Fused(Fused::Subtract, self.id, factor.id, product.id), 0))
    }
    fn square_root(self) -> Self {
        self.one(One::Root)
    }
    fn magnitude(self) -> Self {
        self.bits_of(SIGN).two(Two::AndNot, self.id)
    }
    fn rounded_down(self) -> Self {
        self.one(One::Floor)
    }
    fn signed_as(self, other: Self) -> Self {
        let sign = self.bits_of(SIGN);
        self.magnitude() | (sign & other)
    }
    fn at_most(self, limit: f32) -> Self {
        self.constant(limit).two(Two::Least, self.id)
    }
    fn at_least(self, limit: f32) -> Self {
        self.constant(limit).two(Two::Greatest, self.id)
    }
    fn is_nan(self) -> Self {
        self.compare(Predicate::Unordered, self)
    }
    fn equals(self, other: Self) -> Self {
        self.compare(Predicate::Equal, other)
    }
    fn is_below(self, other: Self) -> Self {
        self.compare(Predicate::Less, other)
    }
    fn is_at_most(self, other: Self) -> Self {
        self.compare(Predicate::LessEqual, other)
    }
    fn choose(condition: Self, a: Self, b: Self) -> Self {
        condition.of(|graph| graph.choose(condition.id, a.id, b.id))
    }
    fn bits(self) -> Bits<'g> {
        Bits(self)
    }
}

/// A value of which the bits are meant.
#[derive(Clone, Copy)]
pub(super) struct Bits<'g>(Value<'g>);

impl Add<i32> for Bits<'_> {
    type Output = Self;
    fn add(self, other: i32) -> Self {
        Bits(self.0.two(Two::AddIntegers, self.0.bits_of(other as u32).id))
    }
}
impl Sub<i32> for Bits<'_> {
    type Output = Self;
    fn sub(self, other: i32) -> Self {
        Bits(self.0.two(Two::SubtractIntegers, self.0.bits_of(other as u32).id))
    }
}
impl Sub for Bits<'_> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Bits(self.0.two(Two::SubtractIntegers, other.0.id))
    }
}

impl<'g> Integer for Bits<'g> {
    type Number = Value<'g>;

    fn clamped(self, least: i32, greatest: i32) -> Self {
        let low = self.0.two(Two::GreatestInteger, self.0.bits_of(least as u32).id);
        Bits(low.two(Two::LeastInteger, self.0.bits_of(greatest as u32).id))
    }
    fn shifted_left(self, places: u8) -> Self {
        Bits(self.0.one(One::ShiftLeft(places)))
    }
    fn shifted_right(self, places: u8) -> Self {
        Bits(self.0.one(One::ShiftRight(places)))
    }
    fn number(self) -> Value<'g> {
        self.0.one(One::Convert)
    }
    fn as_bits(self) -> Value<'g> {
        self.0
    }
}
