//! The tensors of a model, and what is looked up about them again and again: names, and who reads whom.

use super::{Role, Tensor};
use crate::term::{Name, Node, Term, TermHasher};
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock};

/// Tensors in the order of the file. They do not change, and a copy costs nothing; other tensors are another
/// list, made from a vector.
#[derive(Debug, Clone, Default)]
pub struct Tensors(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    all: Vec<Tensor>,
    graph: OnceLock<Graph>,
}

type Positions = HashMap<Name, usize, BuildHasherDefault<TermHasher>>;

/// Who reads whom. Tensors stand here by their positions.
#[derive(Debug, Default)]
struct Graph {
    positions: Positions,
    /// The tensors that each definition reads.
    reads: Vec<Vec<usize>>,
    /// The definitions that read each tensor.
    readers: Vec<Vec<usize>>,
    /// The definitions that read nothing.
    constant: Vec<usize>,
    /// How long the right sides are.
    lengths: BTreeSet<usize>,
    /// Whether a tensor depends on itself.
    recurrent: Vec<bool>,
    /// What each of these tensors depends on, itself included, and what can be masked on the way to it.
    on_the_way: Mutex<HashMap<usize, Arc<Way>>>,
}

/// What lies before a tensor.
#[derive(Debug)]
struct Way {
    needed: Vec<bool>,
    masked: Vec<bool>,
}

impl From<Vec<Tensor>> for Tensors {
    fn from(all: Vec<Tensor>) -> Tensors {
        Tensors(Arc::new(Inner { all, graph: OnceLock::new() }))
    }
}

impl FromIterator<Tensor> for Tensors {
    fn from_iter<I: IntoIterator<Item = Tensor>>(tensors: I) -> Tensors {
        Tensors::from(tensors.into_iter().collect::<Vec<_>>())
    }
}

impl Deref for Tensors {
    type Target = [Tensor];

    fn deref(&self) -> &[Tensor] {
        &self.0.all
    }
}

impl<'a> IntoIterator for &'a Tensors {
    type Item = &'a Tensor;
    type IntoIter = std::slice::Iter<'a, Tensor>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.all.iter()
    }
}

impl Tensors {
    /// The position of the tensor of that name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.graph().positions.get(name).copied()
    }

    /// The positions of the tensors that a definition reads.
    pub(super) fn reads(&self, position: usize) -> &[usize] {
        &self.graph().reads[position]
    }

    /// Whether the tensor of that name depends on itself.
    pub fn is_recurrent(&self, name: &str) -> bool {
        self.position(name).is_some_and(|position| self.graph().recurrent[position])
    }

    /// The tensors in whose definitions `tensor` stands and on which `of` depends, `of` itself included.
    pub fn consumers(&self, of: &str, tensor: &str) -> Vec<Name> {
        let (Some(of), Some(tensor)) = (self.position(of), self.position(tensor)) else { return Vec::new() };
        let way = self.way(of);
        let readers = self.graph().readers[tensor].iter().filter(|reader| way.needed[**reader]);
        readers.map(|reader| self[*reader].name.clone()).collect()
    }

    /// The tensors that the definition of `of` reads and that depend on `wrt`, `wrt` itself included.
    pub fn producers(&self, of: &str, wrt: &str) -> Vec<Name> {
        let (Some(of), Some(wrt)) = (self.position(of), self.position(wrt)) else { return Vec::new() };
        let depends = self.reached_from(vec![wrt]);
        let reads = self.graph().reads[of].iter().filter(|read| depends[**read]);
        reads.map(|read| self[*read].name.clone()).collect()
    }

    /// The tensors that depend on `wrt` and on which `of` depends, those two included, in the order of the file.
    pub fn between(&self, of: &str, wrt: &str) -> Vec<Name> {
        let (Some(of), Some(wrt)) = (self.position(of), self.position(wrt)) else { return Vec::new() };
        let (way, depends) = (self.way(of), self.reached_from(vec![wrt]));
        let both = self.iter().enumerate().filter(|(position, _)| way.needed[*position] && depends[*position]);
        both.map(|(_, tensor)| tensor.name.clone()).collect()
    }

    /// Whether a condition can make the derivative of `of` by a tensor 0: somewhere on the way it is read in
    /// a branch, or beside a condition.
    pub fn is_masked(&self, of: &str, tensor: &str) -> bool {
        let (Some(of), Some(tensor)) = (self.position(of), self.position(tensor)) else { return false };
        self.way(of).masked[tensor]
    }

    /// The tensors that depend on one of those, those included.
    pub fn dependents(&self, of: &[Name]) -> BTreeSet<Name> {
        let found = self.reached_from(of.iter().filter_map(|name| self.position(name)).collect());
        self.iter().zip(found).filter(|(_, found)| *found).map(|(tensor, _)| tensor.name.clone()).collect()
    }

    /// Which tensors depend on one of these, those included.
    fn reached_from(&self, mut pending: Vec<usize>) -> Vec<bool> {
        let mut found = vec![false; self.len()];
        while let Some(position) = pending.pop() {
            if !std::mem::replace(&mut found[position], true) {
                pending.extend(&self.graph().readers[position]);
            }
        }
        found
    }

    /// The tensors whose definitions a term, or a part of it, could be: those that read a tensor which it
    /// reads, and those that read nothing.
    pub fn candidates(&self, term: &Term) -> impl Iterator<Item = &Tensor> {
        let graph = self.graph();
        let read = term.tensors().into_iter().filter_map(|name| self.position(&name));
        let mut found: BTreeSet<usize> = read.flat_map(|position| graph.readers[position].iter().copied()).collect();
        found.extend(&graph.constant);
        found.into_iter().map(|position| &self[position])
    }

    /// Whether the right side of some definition is so long.
    pub fn defines_length(&self, length: usize) -> bool {
        self.graph().lengths.contains(&length)
    }

    fn graph(&self) -> &Graph {
        self.0.graph.get_or_init(|| Graph::of(&self.0.all))
    }

    fn way(&self, of: usize) -> Arc<Way> {
        let graph = self.graph();
        // A thread that panicked with the lock held left whole entries behind.
        let mut known = graph.on_the_way.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        known.entry(of).or_insert_with(|| Arc::new(graph.way(of, &self.0.all))).clone()
    }
}

impl Graph {
    fn of(all: &[Tensor]) -> Graph {
        // Of two tensors of one name, which a model does not have, the first counts.
        let positions: Positions =
            all.iter().enumerate().rev().map(|(position, tensor)| (tensor.name.clone(), position)).collect();
        let reads = |tensor: &Tensor| -> Vec<usize> {
            let Role::Defined(definition) = &tensor.role else { return Vec::new() };
            definition.body.tensors().iter().filter_map(|name| positions.get(name).copied()).collect()
        };
        let reads: Vec<Vec<usize>> = all.iter().map(reads).collect();
        let mut readers = vec![Vec::new(); all.len()];
        for (reader, read) in reads.iter().enumerate() {
            read.iter().for_each(|position| readers[*position].push(reader));
        }
        readers.iter_mut().for_each(|readers: &mut Vec<usize>| readers.dedup());
        let constant = (0..all.len())
            .filter(|position| reads[*position].is_empty() && matches!(all[*position].role, Role::Defined(_)))
            .collect();
        let recurrent = recurrent(&reads);
        let lengths = all.iter().filter_map(|tensor| Some(tensor.definition()?.body.size())).collect();
        Graph { positions, reads, readers, constant, lengths, recurrent, on_the_way: Mutex::default() }
    }

    fn way(&self, of: usize, all: &[Tensor]) -> Way {
        let mut needed = vec![false; all.len()];
        let mut pending = vec![of];
        while let Some(position) = pending.pop() {
            if !std::mem::replace(&mut needed[position], true) {
                pending.extend(&self.reads[position]);
            }
        }
        let mut masked = vec![false; all.len()];
        let mut pending: Vec<usize> = Vec::new();
        for reader in (0..all.len()).filter(|reader| needed[*reader]) {
            let Role::Defined(definition) = &all[reader].role else { continue };
            pending.extend(self.reads[reader].iter().filter(|read| reads_in_mask(&definition.body, &all[**read].name)));
        }
        // What is read by a tensor that can be masked can be too.
        while let Some(position) = pending.pop() {
            if !std::mem::replace(&mut masked[position], true) && needed[position] {
                pending.extend(&self.reads[position]);
            }
        }
        Way { needed, masked }
    }
}

fn reads_in_mask(term: &Term, tensor: &str) -> bool {
    let here = match term.node() {
        Node::Where(_, then, otherwise) => then.reads(tensor) || otherwise.reads(tensor),
        Node::Mul(factors) => factors.iter().any(Term::is_condition) && term.reads(tensor),
        _ => false,
    };
    here || (term.reads(tensor) && term.any_child(&mut |child| reads_in_mask(child, tensor)))
}

/// Which nodes of a graph lie on a circle.
fn recurrent(reads: &[Vec<usize>]) -> Vec<bool> {
    let components = super::stages::components(reads);
    let mut recurrent = vec![false; reads.len()];
    for members in components {
        let is_circle = members.len() > 1 || reads[members[0]].contains(&members[0]);
        members.into_iter().for_each(|member| recurrent[member] = is_circle);
    }
    recurrent
}
