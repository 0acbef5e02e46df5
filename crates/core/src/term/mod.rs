//! The algebra: immutable terms in index notation.
//!
//! A [`Term`] is a small tree that is always in a normal form: sums and products are flat and
//! sorted, numbers are folded, equal addends and factors are collected. Indices bound by a
//! reduction are nameless (de Bruijn), so that equal terms compare equal and nothing can be
//! captured. To look under a reduction, open it: its indices become free ones that occur
//! nowhere else in it.

mod build;
mod compare;
mod content;
#[cfg(test)]
pub(crate) mod draws;
mod extent;
mod few;
mod function;
mod index;
mod integer;
mod kinds;
mod number;
mod order;
mod plain;
mod row;
mod size;
mod visit;

pub use extent::Extent;
pub use few::Few;
pub use function::Function;
pub use index::{Affine, Index, Slot, Span};
pub use kinds::Kinds;
pub use number::Number;
pub use size::{Polynomial, Size};
pub use visit::{Opened, Under, fresh_id};

pub use crate::syntax::tree::Comparison;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

/// A name of a tensor.
pub type Name = Arc<str>;

/// An immutable expression in normal form, cheap to clone.
#[derive(Clone)]
pub struct Term(Arc<Inner>);

struct Inner {
    node: Node,
    /// Sorted, without repeats.
    free: Few<Index>,
    /// One more than the greatest bound slot that no reduction inside binds; 0 where none.
    loose: u32,
    size: usize,
    /// Whether a power of a sum is in it, whose sign depends on which addend comes first.
    has_signed_power: bool,
    /// Of the nodes in it.
    kinds: Kinds,
    /// Of the node, so that different terms are told apart at once.
    hash: u64,
    /// Of a reduction: its indices made free and its body, once someone has looked.
    opened: OnceLock<Box<(Vec<Index>, Term)>>,
}

/// A fast hasher of the multiplying kind, for terms: they are not chosen by an adversary who could
/// gain by collisions.
#[derive(Debug, Default, Clone, Copy)]
pub struct TermHasher(u64);

impl Hasher for TermHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.chunks(8).for_each(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        });
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_i64(&mut self, word: i64) {
        self.write_u64(word as u64);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// What a term is. Made only by the constructors of [`Term`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// A constant.
    Number(Number),
    /// An integer that depends on indices: a subscript, or an index used as a number.
    Affine(Affine),
    /// An entry of a tensor; the subscripts are integers.
    Read {
        /// The tensor.
        tensor: Name,
        /// One for each of its axes.
        subscripts: Vec<Term>,
    },
    /// A sum of two or more addends, sorted.
    Add(Vec<Term>),
    /// A product of two or more factors, sorted, a number first. A factor that is a false
    /// condition makes it exactly 0, whatever the others are.
    Mul(Vec<Term>),
    /// A power. Quotients are products with a power of -1.
    Pow(Term, Term),
    /// A scalar function.
    Call(Function, Vec<Term>),
    /// 1 where it holds, else 0 (an Iverson bracket).
    Compare(Comparison, Term, Term),
    /// Logic on conditions: 1 or 0.
    Logic(Connective, Vec<Term>),
    /// `where(condition, then, otherwise)`
    Where(Term, Term, Term),
    /// A reduction over indices.
    Reduce {
        /// Which.
        reduction: Reduction,
        /// The indices bound; slot `k` of the body is binder `k`.
        binders: Vec<Binder>,
        /// What is reduced.
        body: Term,
    },
    /// `∂t[i]/∂x[j]`: the derivative of a tensor's definition by one tensor that stands in it,
    /// all others held fixed.
    Jacobian {
        /// The tensor whose definition is differentiated.
        tensor: Name,
        /// The entry of it.
        subscripts: Box<[Term]>,
        /// The tensor it is differentiated by.
        wrt: Name,
        /// The entry of that.
        at: Box<[Term]>,
    },
    /// The derivative of a term by one tensor that stands in it, all others held fixed: a
    /// question that rules answer.
    Derivative {
        /// What is differentiated.
        of: Term,
        /// The tensor it is differentiated by.
        wrt: Name,
        /// The entry of that.
        at: Vec<Term>,
    },
}

/// Reductions of the algebra. A mean is a sum with a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Reduction {
    Sum,
    Prod,
    Max,
    Min,
    /// `log(sum exp)`, computed without overflow; of nothing or of `-inf` only: `-inf`.
    LogSumExp,
    /// The position of the first greatest value.
    ArgMax,
    /// The position of the first least value.
    ArgMin,
}

impl Reduction {
    /// The name in the language.
    pub fn name(self) -> &'static str {
        match self {
            Reduction::Sum => "sum",
            Reduction::Prod => "prod",
            Reduction::Max => "max",
            Reduction::Min => "min",
            Reduction::LogSumExp => "logsumexp",
            Reduction::ArgMax => "argmax",
            Reduction::ArgMin => "argmin",
        }
    }
}

/// Logical connectives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Connective {
    And,
    Or,
    Not,
}

/// An index bound by a reduction.
#[derive(Debug, Clone)]
pub struct Binder {
    /// How many values it takes.
    pub extent: Extent,
    /// The letter it was written with, only for printing.
    pub letter: Name,
}

impl PartialEq for Binder {
    fn eq(&self, other: &Binder) -> bool {
        self.extent == other.extent
    }
}

impl Eq for Binder {}

impl PartialOrd for Binder {
    fn partial_cmp(&self, other: &Binder) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Binder {
    fn cmp(&self, other: &Binder) -> Ordering {
        self.extent.cmp(&other.extent)
    }
}

impl Hash for Binder {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.extent.hash(state);
    }
}

impl Term {
    /// What it is.
    pub fn node(&self) -> &Node {
        &self.0.node
    }

    /// Its free indices, sorted by number, without repeats.
    pub fn free(&self) -> &[Index] {
        &self.0.free
    }

    /// Whether the index occurs free in it.
    pub fn depends_on(&self, index: &Index) -> bool {
        self.0.free.binary_search(index).is_ok()
    }

    /// Whether indices stand in it that a reduction around it binds.
    pub fn is_loose(&self) -> bool {
        self.0.loose > 0
    }

    /// How many nodes it has.
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// The number it is, if it is one.
    pub fn as_number(&self) -> Option<Number> {
        match self.node() {
            Node::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The affine form it is, if it is one; an integer constant counts.
    pub fn as_affine(&self) -> Option<Affine> {
        match self.node() {
            Node::Affine(affine) => Some(affine.clone()),
            Node::Number(number) => number.as_integer().map(Affine::constant),
            _ => None,
        }
    }

    /// Whether it is the number 0.
    pub fn is_zero(&self) -> bool {
        self.as_number().is_some_and(Number::is_zero)
    }

    /// Whether it is the number 1.
    pub fn is_one(&self) -> bool {
        self.as_number().is_some_and(Number::is_one)
    }

    /// Whether it is a condition: 0 or 1 by its form.
    pub fn is_condition(&self) -> bool {
        matches!(self.node(), Node::Compare(..) | Node::Logic(..))
    }

    /// Its addends: itself where it is no sum.
    pub fn addends(&self) -> &[Term] {
        match self.node() {
            Node::Add(addends) => addends,
            _ => std::slice::from_ref(self),
        }
    }

    /// Its factors: itself where it is no product.
    pub fn factors(&self) -> &[Term] {
        match self.node() {
            Node::Mul(factors) => factors,
            _ => std::slice::from_ref(self),
        }
    }

    /// Its numeric factor.
    pub fn leading_number(&self) -> Number {
        match self.node() {
            Node::Number(number) => *number,
            Node::Mul(factors) => factors[0].as_number().unwrap_or(Number::ONE),
            _ => Number::ONE,
        }
    }

    /// Its numeric factor and the rest.
    pub fn split_number(&self) -> (Number, Term) {
        match self.node() {
            Node::Number(number) => (*number, Term::integer(1)),
            Node::Mul(factors) => match factors[0].as_number() {
                // What is left of a product in normal form is in normal form.
                Some(number) => match &factors[1..] {
                    [only] => (number, only.clone()),
                    rest => (number, Term::from_node(Node::Mul(rest.to_vec()))),
                },
                None => (Number::ONE, self.clone()),
            },
            _ => (Number::ONE, self.clone()),
        }
    }
}

impl std::fmt::Debug for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.node().fmt(f)
    }
}

impl PartialEq for Term {
    fn eq(&self, other: &Term) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.hash == other.0.hash && self.node() == other.node())
    }
}

impl Eq for Term {}

impl PartialOrd for Term {
    fn partial_cmp(&self, other: &Term) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Term {
    fn cmp(&self, other: &Term) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.node().cmp(other.node()) }
    }
}

impl Hash for Term {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}
