//! Letters of dummies from one line of a derivation to the next: a dummy that stays keeps its letter.
//!
//! Bound indices are nameless and their order is canonical, so a step that changes the body of a sum may
//! permute them. A dummy is known again by the places where it stands: the axes of the tensors.

use crate::term::{Index, Name, Node, Term};

/// An axis of a tensor, or of a derivative, at which an index stands.
type Place = (Name, usize);

/// A dummy: its letter and the places where it stands.
#[derive(Debug, Clone)]
struct Dummy {
    letter: Name,
    places: Vec<Place>,
}

/// The dummies of the line before, and of this one as far as it is written.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    before: Vec<Dummy>,
    now: Vec<Dummy>,
}

impl Memory {
    /// Begins the next line.
    pub fn next_line(&mut self) {
        let now = std::mem::take(&mut self.now);
        // A line without dummies says nothing; those of the line before it may come back.
        if !now.is_empty() {
            self.before = now;
        }
    }

    /// The letters that the indices of a reduction had in the line before, as far as they stood there.
    /// Each goes to the index that shares most places with it.
    pub fn letters(&self, indices: &[Index], body: &Term) -> Vec<Option<Name>> {
        let mut chosen: Vec<Option<Name>> = vec![None; indices.len()];
        let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
        for (position, index) in indices.iter().enumerate() {
            let places = places(index, body);
            for (number, dummy) in self.before.iter().enumerate() {
                let shared = places.iter().filter(|place| dummy.places.contains(place)).count();
                pairs.extend((shared > 0).then_some((shared, position, number)));
            }
        }
        pairs.sort_by_key(|(shared, position, number)| (std::cmp::Reverse(*shared), *position, *number));
        for (_, position, number) in pairs {
            let letter = &self.before[number].letter;
            if chosen[position].is_none() && !chosen.contains(&Some(letter.clone())) {
                chosen[position] = Some(letter.clone());
            }
        }
        chosen
    }

    /// Notes the letter that an index of a reduction was given.
    pub fn note(&mut self, letter: &str, index: &Index, body: &Term) {
        self.now.push(Dummy { letter: letter.into(), places: places(index, body) });
    }
}

/// Every place where the index stands, each once for each time.
fn places(index: &Index, term: &Term) -> Vec<Place> {
    let mut found = Vec::new();
    collect(index, term, &mut found);
    found
}

fn collect(index: &Index, term: &Term, found: &mut Vec<Place>) {
    if !term.depends_on(index) {
        return;
    }
    let mut add = |name: &Name, subscripts: &[Term], first: usize| {
        let own = subscripts.iter().enumerate().filter(|(_, subscript)| subscript.depends_on(index));
        found.extend(own.map(|(axis, _)| (name.clone(), first + axis)));
    };
    match term.node() {
        Node::Read { tensor, subscripts } => add(tensor, subscripts, 0),
        // Where the local derivative of a tensor stands, the tensors of its definition follow.
        Node::Jacobian { tensor, subscripts, wrt, at } => {
            add(tensor, subscripts, 0);
            add(wrt, at, 0);
        }
        Node::Derivative { wrt, at, .. } => add(wrt, at, 0),
        _ => {}
    }
    term.for_each_child(&mut |child| collect(index, child, found));
}
