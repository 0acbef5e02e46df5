//! Letters for indices: no two in scope share one.

use crate::model::Model;
use crate::term::{Index, Name, Term};

/// The indices in scope, from the outside in, and what they are called.
#[derive(Clone)]
pub struct Letters {
    indices: Vec<(Index, Name)>,
    /// Names that stand for something else.
    taken: Vec<Name>,
}

/// Where a letter is taken already, the next free one of these is used.
const ALPHABET: [&str; 18] = ["i", "j", "k", "l", "m", "n", "o", "q", "r", "s", "t", "u", "v", "w", "a", "b", "c", "d"];

impl Letters {
    /// No indices yet. Scalars and sizes of the model keep their names to themselves.
    pub fn new(model: &Model) -> Letters {
        let scalars = model.tensors.iter().filter(|tensor| tensor.shape.is_empty());
        let names = scalars.map(|tensor| &tensor.name).chain(model.sizes.iter().map(|(name, _)| name));
        Letters::apart_from(names.cloned().collect())
    }

    /// No indices yet, and these names not for any.
    pub fn apart_from(taken: Vec<Name>) -> Letters {
        Letters { indices: Vec::new(), taken }
    }

    /// Gives an index a letter: its own, or where that is taken the next free one.
    pub fn add(&mut self, index: &Index) {
        self.add_as(index, None);
    }

    /// Gives an index the preferred letter where that is free, and else one as [`Letters::add`] does.
    pub fn add_as(&mut self, index: &Index, preferred: Option<Name>) {
        if self.indices.iter().any(|(other, _)| other == index) {
            return;
        }
        let wanted = preferred.into_iter().chain([index.letter.clone()]);
        let own = wanted.into_iter().find(|letter| self.is_free(letter));
        let letter = own.unwrap_or_else(|| self.next_free(&index.letter));
        self.indices.push((index.clone(), letter));
    }

    /// Takes an index out of scope.
    pub fn remove(&mut self, index: &Index) {
        self.indices.retain(|(other, _)| other != index);
    }

    fn is_free(&self, letter: &str) -> bool {
        !letter.is_empty()
            && self.taken.iter().all(|name| &**name != letter)
            && self.indices.iter().all(|(_, other)| &**other != letter)
    }

    /// The first free letter after the given one, or one with primes.
    fn next_free(&self, letter: &str) -> Name {
        let start = ALPHABET.iter().position(|other| *other == letter).unwrap_or(0);
        let cycle = ALPHABET.iter().cycle().skip(start).take(ALPHABET.len());
        if let Some(free) = cycle.copied().find(|other| self.is_free(other)) {
            return free.into();
        }
        let mut primed = format!("{}'", if letter.is_empty() { "i" } else { letter });
        while !self.is_free(&primed) {
            primed.push('\'');
        }
        primed.into()
    }

    /// The letter of an index in scope.
    pub fn of<'a>(&'a self, index: &'a Index) -> &'a str {
        self.indices.iter().find(|(other, _)| other == index).map_or(&index.letter, |(_, letter)| letter)
    }

    /// Whether an index in scope has the letter.
    pub fn has(&self, letter: &str) -> bool {
        self.indices.iter().any(|(_, own)| &**own == letter)
    }

    /// Where an index stands, from the outside in.
    pub fn position(&self, index: &Index) -> usize {
        self.indices.iter().position(|(other, _)| other == index).unwrap_or(usize::MAX)
    }

    /// A number above those of all indices in scope.
    pub fn next_id(&self) -> u32 {
        self.indices.iter().map(|(index, _)| index.id + 1).max().unwrap_or(0)
    }

    /// The positions of the indices that are free in a term, in ascending order.
    pub fn positions(&self, term: &Term) -> Vec<usize> {
        let mut positions: Vec<usize> = term.free().iter().map(|index| self.position(index)).collect();
        positions.sort_unstable();
        positions
    }

    /// The two sides of an equality: the index that stands further out first, constants last.
    pub fn in_order<'t>(&self, left: &'t Term, right: &'t Term) -> (&'t Term, &'t Term) {
        let key =
            |term: &Term| (term.as_number().is_some(), self.positions(term).first().copied().unwrap_or(usize::MAX));
        if key(right) < key(left) { (right, left) } else { (left, right) }
    }
}
