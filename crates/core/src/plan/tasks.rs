//! The form of a model between equations and operations: one task for every value, without
//! reductions inside terms.

use super::PlaceKind;
use crate::term::{Index, Kinds, Name, Node, Reduction, Term};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name by which an ending reads the result of its reduction.
pub(super) const RESULT: &str = "%result";
/// The name by which the rate of the run is read.
pub(super) const RATE: &str = "%rate";

/// A tensor of the model, or a value on the way.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub shape: Vec<usize>,
    pub kind: PlaceKind,
    /// The axes from the outermost in memory to the innermost; only temporaries are free to have
    /// them in another order.
    pub layout: Vec<usize>,
    /// Whether the model computes it step by step.
    pub is_recurrent: bool,
    /// Whether the layout must stay.
    pub is_settled: bool,
    /// For data that are integers: what they lie below.
    pub below: Option<usize>,
    /// What a table holds.
    pub table: Option<Arc<[f32]>>,
}

/// By name.
pub(super) type Values = BTreeMap<Name, Value>;

impl Value {
    pub fn new(shape: Vec<usize>, kind: PlaceKind) -> Value {
        let layout = (0..shape.len()).collect();
        Value { shape, kind, layout, is_recurrent: false, is_settled: false, below: None, table: None }
    }

    /// Lies in memory with all entries of a step together, since they are written one after the other.
    pub fn by_steps(&mut self, axis: usize) {
        self.is_settled = true;
        self.layout.retain(|other| *other != axis);
        self.layout.insert(0, axis);
    }

    pub fn is_temporary(&self) -> bool {
        self.kind == PlaceKind::Temporary
    }

    /// The stride of every axis.
    pub fn strides(&self) -> Vec<i64> {
        let mut strides = vec![0; self.shape.len()];
        let mut stride = 1;
        for &axis in self.layout.iter().rev() {
            strides[axis] = stride;
            stride *= self.shape[axis] as i64;
        }
        strides
    }
}

/// Computes one value.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub target: Name,
    /// One for each axis of the target.
    pub indices: Vec<Index>,
    pub work: Work,
}

/// How. No term has a reduction in it.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// A term at every position.
    Map(Term),
    /// A reduction, and a term that reads its result by the name [`RESULT`].
    Reduce { reduction: Reduction, over: Vec<Index>, body: Term, ending: Term },
    /// `scale Σ left · right`, both reads; it descends where the target is a parameter. Where the
    /// guard is false one of them is 0, and the other does not count, even where it is NaN.
    /// Where the results are symmetric, every index of one factor has one of the other that it changes
    /// places with.
    Contract {
        left: Term,
        right: Term,
        over: Vec<Index>,
        scale: f64,
        descends: bool,
        guard: Option<Guard>,
        symmetric: Vec<(Index, Index)>,
        /// What is added to symmetric results whose two indices are the same.
        diagonal: f64,
        /// A factor of every summand, a read.
        weights: Option<Term>,
    },
    /// Every entry of a read is added where the values of other reads say, along the indices beside
    /// them.
    Scatter { source: Term, keys: Vec<(Term, Index)>, over: Vec<Index> },
}

/// A condition of a sum of products.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    pub condition: Term,
    /// Whether the left and the right factor may be other than 0 where it is false.
    pub unseen: [bool; 2],
}

impl Task {
    pub fn terms(&self) -> Vec<&Term> {
        match &self.work {
            Work::Map(body) => vec![body],
            Work::Reduce { body, ending, .. } => vec![body, ending],
            Work::Contract { left, right, weights, .. } => [left, right].into_iter().chain(weights).collect(),
            Work::Scatter { source, keys, .. } => keys.iter().map(|(key, _)| key).chain([source]).collect(),
        }
    }

    /// Itself, reading another value instead of one.
    pub fn reading_instead(&self, name: &Name, other: &Name) -> Task {
        let put = |subscripts: &[Term]| Term::read_named(other.clone(), subscripts.to_vec());
        self.mapped(&|term| replace_reads(term, name, &put))
    }

    /// Itself with other terms.
    pub fn mapped(&self, put: &dyn Fn(&Term) -> Term) -> Task {
        let mut task = self.clone();
        match &mut task.work {
            Work::Map(body) => *body = put(body),
            Work::Reduce { body, ending, .. } => (*body, *ending) = (put(body), put(ending)),
            Work::Contract { left, right, guard, weights, .. } => {
                (*left, *right) = (put(left), put(right));
                *weights = weights.as_ref().map(put);
                if let Some(guard) = guard {
                    guard.condition = put(&guard.condition);
                }
            }
            Work::Scatter { source, keys, .. } => {
                *source = put(source);
                keys.iter_mut().for_each(|(key, _)| *key = put(key));
            }
        }
        task
    }

    /// All reads in it.
    pub fn reads(&self) -> Vec<(Name, Vec<Term>)> {
        let mut found = Vec::new();
        self.terms().into_iter().for_each(|term| reads(term, &mut found));
        found
    }
}

/// Adds all reads in a term, each once.
pub(super) fn reads(term: &Term, found: &mut Vec<(Name, Vec<Term>)>) {
    if !term.kinds().meet(Kinds::READ) {
        return;
    }
    if let Node::Read { tensor, subscripts } = term.node()
        && !found.iter().any(|(name, at)| at == subscripts && name == tensor)
    {
        found.push((tensor.clone(), subscripts.clone()));
    }
    term.for_each_child(&mut |child| reads(child, found));
}

/// Replaces the reads of a tensor.
pub(super) fn replace_reads(term: &Term, name: &str, with: &dyn Fn(&[Term]) -> Term) -> Term {
    match term.node() {
        Node::Read { tensor, subscripts } if &**tensor == name => {
            let inner: Vec<Term> = subscripts.iter().map(|subscript| replace_reads(subscript, name, with)).collect();
            with(&inner)
        }
        _ if !term.reads(name) => term.clone(),
        _ => term.map_children(&mut |child| replace_reads(child, name, with)),
    }
}

/// The positions of a set of indices.
pub(super) fn space(indices: &[Index]) -> f64 {
    indices.iter().map(|index| index.extent.value() as f64).product()
}

/// Roughly how many instructions a term without reductions takes; functions count as several.
pub(super) fn cost(term: &Term) -> f64 {
    let own = match term.node() {
        Node::Number(_) | Node::Affine(_) => return 0.0,
        Node::Read { subscripts, .. } if subscripts.iter().all(|subscript| subscript.as_affine().is_some()) => {
            return 0.0;
        }
        Node::Add(parts) | Node::Mul(parts) | Node::Logic(_, parts) => (parts.len() - 1) as f64,
        Node::Pow(_, exponent) => match exponent.as_number().and_then(|number| number.as_integer()) {
            Some(power) if power.unsigned_abs() <= 16 => 3.0,
            _ => 30.0,
        },
        Node::Call(..) | Node::Read { .. } => 10.0,
        _ => 1.0,
    };
    let mut whole = own;
    term.for_each_child(&mut |child| whole += cost(child));
    whole
}
