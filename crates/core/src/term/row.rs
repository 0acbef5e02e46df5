//! Which entry of a row a term is: found by matching it with the body of the reduction, index by index.

use super::{Affine, Index, Name, Node, Number, Opened, Slot, Term};

/// So many values are tried for an index at most.
const MOST_VALUES: usize = 16;
/// So many entries of a row are tried at most.
const MOST_ENTRIES: usize = 512;

impl Opened {
    /// Where in the row the entry stands that makes up most of a sum, and the addends beside it. All addends of the
    /// entry stand in the sum; whatever entry it is, it is one of the row.
    pub fn entry(&self, sum: &Term) -> Option<(Vec<(Index, Affine)>, Term)> {
        let mut choices: Vec<Vec<(Index, Affine)>> = vec![Vec::new()];
        for index in &self.indices {
            let values = values(index, &self.body, sum);
            let with = |chosen: &Vec<(Index, Affine)>| {
                let pairs = values.iter().map(|value| (index.clone(), value.clone()));
                pairs.map(|pair| [chosen.as_slice(), &[pair]].concat()).collect::<Vec<_>>()
            };
            choices = choices.iter().flat_map(with).take(MOST_ENTRIES).collect();
        }
        let entry = |choice: Vec<(Index, Affine)>| {
            let entry = self.body.substitute_all(&choice);
            (!entry.is_zero() && contains(sum, &entry)).then(|| (choice, sum.minus(&entry)))
        };
        let rest = |(_, others): &(Vec<(Index, Affine)>, Term)| if others.is_zero() { 0 } else { others.size() };
        choices.into_iter().filter_map(entry).min_by_key(rest)
    }
}

/// Whether all addends of one sum stand in another, as often or more often.
fn contains(sum: &Term, part: &Term) -> bool {
    part.addends().iter().all(|addend| {
        let (number, rest) = addend.split_number();
        let enough =
            |other: Number| other.is_negative() == number.is_negative() && other.value().abs() >= number.value().abs();
        sum.addends().iter().any(|other| {
            let (times, other) = other.split_number();
            other == rest && enough(times)
        })
    })
}

/// The values of an index at which the body reads, or asks, what the sum does: those in its range.
fn values(index: &Index, body: &Term, sum: &Term) -> Vec<Affine> {
    let mut found: Vec<Affine> = Vec::new();
    let mut add = |value: Affine| {
        let fits = Term::affine(value.clone()).stays_below(&index.extent);
        if fits && value.coefficient(index) == 0 && found.len() < MOST_VALUES && !found.contains(&value) {
            found.push(value);
        }
    };
    let mut targets: Vec<(Place, Affine)> = Vec::new();
    each_form(sum, &mut |place, form| targets.push((place, form.clone())));
    let mut is_asked = false;
    each_form(body, &mut |place, form| {
        let coefficient = form.coefficient(index);
        if coefficient.abs() != 1 {
            return;
        }
        is_asked |= place == Place::Value;
        // `form = target`, solved for the index.
        let solved = |target: &Affine| {
            Affine::combine(&[(coefficient, target), (-coefficient, form), (1, &Affine::index(index))])
        };
        targets.iter().filter(|(other, _)| *other == place).filter_map(|(_, target)| solved(target)).for_each(&mut add);
    });
    if let Some(extent) = index.extent.known().filter(|extent| is_asked && *extent <= MOST_VALUES) {
        (0..extent as i64).map(Affine::constant).for_each(&mut add);
    }
    found
}

/// Where an integer stands.
#[derive(PartialEq, Eq)]
enum Place {
    /// As a subscript of a tensor, on that axis.
    Subscript(Name, usize),
    /// As a number, by itself or in a condition.
    Value,
}

/// All integers in a term, without those of indices bound inside.
fn each_form(term: &Term, visit: &mut dyn FnMut(Place, &Affine)) {
    let is_free = |form: &Affine| form.terms.iter().all(|(slot, _)| !matches!(slot, Slot::Bound(_)));
    match term.node() {
        Node::Read { tensor, subscripts } => {
            for (axis, subscript) in subscripts.iter().enumerate() {
                match subscript.as_affine().filter(is_free) {
                    Some(form) => visit(Place::Subscript(tensor.clone(), axis), &form),
                    None => each_form(subscript, visit),
                }
            }
        }
        Node::Affine(form) if is_free(form) => visit(Place::Value, form),
        _ => term.for_each_child(&mut |child| each_form(child, visit)),
    }
}
