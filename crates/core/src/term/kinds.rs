//! Which kinds of node stand in a term: a set that tells at once what need not be looked for in it.

use super::*;

/// A set of kinds of node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u16);

#[allow(missing_docs)]
impl Kinds {
    pub const NONE: Kinds = Kinds(0);
    pub const NUMBER: Kinds = Kinds(1 << 0);
    pub const AFFINE: Kinds = Kinds(1 << 1);
    pub const READ: Kinds = Kinds(1 << 2);
    pub const ADD: Kinds = Kinds(1 << 3);
    pub const MUL: Kinds = Kinds(1 << 4);
    pub const POW: Kinds = Kinds(1 << 5);
    pub const CALL: Kinds = Kinds(1 << 6);
    pub const COMPARE: Kinds = Kinds(1 << 7);
    pub const LOGIC: Kinds = Kinds(1 << 8);
    pub const WHERE: Kinds = Kinds(1 << 9);
    pub const REDUCE: Kinds = Kinds(1 << 10);
    pub const JACOBIAN: Kinds = Kinds(1 << 11);
    pub const DERIVATIVE: Kinds = Kinds(1 << 12);
    pub const ALL: Kinds = Kinds((1 << Kinds::COUNT) - 1);
    /// How many kinds there are.
    pub const COUNT: usize = 13;
    /// Of questions.
    pub const OPEN: Kinds = Kinds::JACOBIAN.or(Kinds::DERIVATIVE);
}

impl Kinds {
    /// Those of either set.
    pub const fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// Whether the two have a kind in common.
    pub const fn meet(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all of the other set are in this one.
    pub const fn hold(self, other: Kinds) -> bool {
        self.0 & other.0 == other.0
    }

    /// The numbers of its kinds, each below [`Kinds::COUNT`].
    pub fn numbers(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let number = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (number < Kinds::COUNT).then_some(number)
        })
    }

    /// The kind of a node itself.
    pub(super) fn of(node: &Node) -> Kinds {
        match node {
            Node::Number(_) => Kinds::NUMBER,
            Node::Affine(_) => Kinds::AFFINE,
            Node::Read { .. } => Kinds::READ,
            Node::Add(_) => Kinds::ADD,
            Node::Mul(_) => Kinds::MUL,
            Node::Pow(..) => Kinds::POW,
            Node::Call(..) => Kinds::CALL,
            Node::Compare(..) => Kinds::COMPARE,
            Node::Logic(..) => Kinds::LOGIC,
            Node::Where(..) => Kinds::WHERE,
            Node::Reduce { .. } => Kinds::REDUCE,
            Node::Jacobian { .. } => Kinds::JACOBIAN,
            Node::Derivative { .. } => Kinds::DERIVATIVE,
        }
    }

    /// What a body of these kinds can have once it is opened: the ranges of the indices may decide conditions in
    /// it, and shorten floors and remainders, and powers of sums may change their sign.
    pub(super) fn opened(self) -> Kinds {
        let may_change = Kinds::POW.or(Kinds::CALL).or(Kinds::COMPARE).or(Kinds::LOGIC).or(Kinds::WHERE);
        let made = Kinds::NUMBER.or(Kinds::AFFINE).or(Kinds::ADD).or(Kinds::MUL).or(Kinds::POW);
        if self.meet(may_change) { self.or(made) } else { self }
    }
}

impl Term {
    /// The kind of its own node.
    pub fn kind(&self) -> Kinds {
        Kinds::of(self.node())
    }

    /// The kinds of the nodes in it, its own included; under reductions at least those that opening them shows.
    pub fn kinds(&self) -> Kinds {
        self.0.kinds
    }

    /// Whether a derivative in it is not answered yet.
    pub fn asks(&self) -> bool {
        self.kinds().meet(Kinds::OPEN)
    }
}
