//! Points that come from lines themselves: the sizes of their constants, and both sides of every condition and kink.

mod integers;
mod search;

pub use search::positions;

use super::points::{Kind, Place, place};
use crate::derivation::evaluation_work;
use crate::derivation::points::{Demand, Solver, declared, is_real, restrict, slopes};
use crate::meaning::{Point, Totals};
use crate::model::{Given, Model};
use crate::term::{Comparison, Connective, Name, Node, Term};
use crate::text::Span;
use integers::{Entry, Outcome, Seeker, assign, assignments, parts};
use search::{Found, Search};

/// Sizes at which every line is looked at.
const SIZES: [f64; 4] = [1e3, 1e-3, 1e6, 1e-6];
/// No more constants, and no more conditions, are looked at.
const MOST_CONSTANTS: usize = 6;
const MOST_CONDITIONS: usize = 32;
/// Of so many conditions every two are looked at together.
const MOST_PAIRED: usize = 6;
/// The work of looking for points, in nodes that the interpreter visits, and of one evaluation beside those of the
/// model: about a fifth of a second.
const MOST_WORK: usize = 6_000_000;
const WORK_OF_ONE: usize = 200;
/// How often sides are evaluated for one point.
const MOST_OF_ONE: usize = 2000;
/// A search begins at so many of the points that were found.
const MOST_STARTS: usize = 4;
/// Of integers that are read all values are taken where there are so many.
const MOST_ASSIGNMENTS: usize = 64;
/// So far beside a point where two sides are equal, in units of its entries.
const BESIDE: [f64; 4] = [1e-2, 1e-4, 1e-7, 1e-10];

/// Where further points for a comparison come from.
pub struct Further<'a, 'g> {
    pub model: &'a Model,
    /// The tensors whose values are needed.
    pub wanted: &'a [Name],
    pub given: &'a [&'g Given],
    /// The points at which the lines are compared anyway.
    pub before: &'a [Place],
}

/// Points that come from lines.
pub struct Points {
    pub places: Vec<Place>,
    /// Whether they are at all values of the integers in the lines, or on all sides of the conditions on those.
    pub knows_integers: bool,
}

impl Further<'_, '_> {
    /// Points for lines without free indices.
    pub fn places(&self, lines: &[Term], uniform: &mut dyn FnMut() -> f64) -> Points {
        let start = |kind| self.before.iter().find(|place| place.kind == kind);
        let starts = [start(Kind::Random), start(Kind::Positive)].into_iter().flatten().chain(self.before.first());
        let starts: Vec<Point> = starts.take(2).map(|place| given_at(self.model, &place.values)).collect();
        let search = Search::new(self.model, lines);
        let left = MOST_WORK / (WORK_OF_ONE + evaluation_work(self.model, self.wanted));
        let solver = Solver { model: self.model, uniform, left: 0 };
        let declared = declared(self.model);
        let mut finder =
            Finder { further: self, starts, declared, solver, left, found: Vec::new(), knows_integers: true };
        finder.sizes(&search.constants);
        let entries: Vec<Entry> = search.integers.iter().cloned().collect();
        let has_all = finder.integers(&entries);
        let conditions: Vec<&Found> = search.conditions.iter().take(MOST_CONDITIONS).collect();
        conditions.iter().for_each(|found| finder.both_sides(found));
        finder.pairs(&conditions);
        let knows_all = finder.knows_integers && conditions.len() == search.conditions.len();
        Points { places: finder.found, knows_integers: has_all || knows_all }
    }
}

/// What is given at a point.
fn given_at(model: &Model, values: &Point) -> Point {
    let mut given = values.clone();
    given.retain(|name, _| model.tensor(name).is_some() && model.definition(name).is_none());
    given
}

fn all_of(conditions: &[Term], last: Term) -> Term {
    Term::logic(Connective::And, conditions.iter().cloned().chain([last]).collect())
}

/// Whether two values are equal where a condition holds, as far as its form tells.
fn asks_for_ties(condition: &Term) -> bool {
    match condition.node() {
        Node::Compare(comparison, ..) => *comparison == Comparison::Equal,
        Node::Logic(Connective::Not, parts) => {
            matches!(parts[0].node(), Node::Compare(Comparison::NotEqual, ..) | Node::Logic(..))
        }
        _ => condition.children().iter().any(asks_for_ties),
    }
}

/// Both sides of a condition; of one number above another those where they are not equal.
fn sides(condition: &Term) -> [Term; 2] {
    let strictly = |comparison, left: &Term, right: &Term| Term::compare(comparison, left.clone(), right.clone());
    match condition.node() {
        Node::Compare(Comparison::Greater | Comparison::GreaterEqual, left, right) => {
            [Comparison::Greater, Comparison::Less].map(|comparison| strictly(comparison, left, right))
        }
        Node::Compare(Comparison::Less | Comparison::LessEqual, left, right) => {
            [Comparison::Less, Comparison::Greater].map(|comparison| strictly(comparison, left, right))
        }
        _ => [condition.clone(), Term::logic(Connective::Not, vec![condition.clone()])],
    }
}

struct Finder<'a, 'f, 'g> {
    further: &'a Further<'f, 'g>,
    starts: Vec<Point>,
    declared: Vec<Given>,
    solver: Solver<'a>,
    /// How often sides may still be evaluated.
    left: usize,
    found: Vec<Place>,
    /// Whether it was found out for all conditions on integers if they hold anywhere.
    knows_integers: bool,
}

impl Finder<'_, '_, '_> {
    fn sizes(&mut self, constants: &[f64]) {
        let own = constants.iter().take(MOST_CONSTANTS).flat_map(|size| [3.0 * size, 1.0 / (3.0 * size)]);
        for size in SIZES.into_iter().chain(own) {
            for mut start in self.starts.clone() {
                for (name, array) in &mut start {
                    if let Some(tensor) = self.further.model.tensor(name).filter(|tensor| is_real(tensor)) {
                        array.values.iter_mut().for_each(|value| *value *= size);
                        restrict(self.further.model, tensor, array);
                    }
                }
                self.add(Kind::Scaled, start, None);
            }
        }
    }

    /// Points with all values of some integers, where those are few enough.
    fn integers(&mut self, entries: &[Entry]) -> bool {
        let Some(all) = assignments(entries, MOST_ASSIGNMENTS) else { return false };
        for values in all.iter().filter(|_| !entries.is_empty()) {
            let Some(mut start) = self.starts.first().cloned() else { return false };
            assign(&mut start, entries, values);
            self.add(Kind::Random, start, None);
        }
        true
    }

    /// Sets what a condition says of integers alone at some points; false where it holds for none that was tried.
    fn set_integers(&mut self, starts: &mut [Point], condition: &Term) -> bool {
        let model = self.further.model;
        let Some((part, entries)) = parts(model, condition) else { return true };
        let Some(first) = starts.first() else { return false };
        let (left, uniform) = (&mut self.left, &mut *self.solver.uniform);
        let outcome = Seeker { model, condition: &part, entries: &entries, left, uniform }.seek(first);
        self.knows_integers &= !matches!(outcome, Outcome::Unknown);
        let Outcome::Met(values) = outcome else { return false };
        starts.iter_mut().for_each(|start| assign(start, &entries, &values));
        true
    }

    /// Points where a condition holds, where it does not, and where what it compares is equal.
    fn both_sides(&mut self, found: &Found) {
        let condition = &found.condition;
        let sides = sides(condition).map(|side| all_of(&found.around, side));
        for side in &sides {
            if !self.holds_somewhere(side) {
                self.solve(if asks_for_ties(side) { Kind::Tie } else { Kind::Side }, side);
            }
        }
        let Node::Compare(_, left, right) = condition.node() else { return };
        let tie = all_of(&found.around, Term::compare(Comparison::Equal, left.clone(), right.clone()));
        let is_found = self.solve(Kind::Tie, &tie);
        for side in sides.iter().filter(|_| is_found) {
            if !self.holds_somewhere(side) {
                self.beside(left, right, side);
            }
        }
    }

    /// All sides of every two conditions.
    fn pairs(&mut self, conditions: &[&Found]) {
        let first = &conditions[..conditions.len().min(MOST_PAIRED)];
        for (number, one) in first.iter().enumerate() {
            for other in &first[number + 1..] {
                let around = [one.around.clone(), other.around.clone()].concat();
                for one in sides(&one.condition) {
                    for other in sides(&other.condition) {
                        let both = all_of(&around, Term::logic(Connective::And, vec![one.clone(), other]));
                        if both.as_number().is_none() && !self.holds_somewhere(&both) {
                            self.solve(if asks_for_ties(&both) { Kind::Tie } else { Kind::Side }, &both);
                        }
                    }
                }
            }
        }
    }

    fn holds_somewhere(&self, condition: &Term) -> bool {
        let holds = |place: &Place| {
            Totals::new(self.further.model, &place.values).evaluate(condition, &[]).is_ok_and(|value| value == 1.0)
        };
        // Where everything is 0 or 1 much else holds too.
        self.found.iter().rev().chain(self.further.before.iter().filter(|place| !place.kind.is_special())).any(holds)
    }

    /// Adds a point where a condition holds, if one is found.
    fn solve(&mut self, kind: Kind, condition: &Term) -> bool {
        if condition.as_number().is_some() {
            return false;
        }
        let later = self.found.iter().rev().filter(|place| matches!(place.kind, Kind::Side | Kind::Tie));
        let later: Vec<Point> =
            later.take(MOST_STARTS).map(|place| given_at(self.further.model, &place.values)).collect();
        let mut starts = self.starts.clone();
        starts.extend(later);
        if !self.set_integers(&mut starts, condition) {
            return false;
        }
        starts.into_iter().any(|start| self.add(kind, start, Some(condition.clone())))
    }

    /// Adds a point near this one that obeys what is given and declared, and a condition.
    fn add(&mut self, kind: Kind, start: Point, condition: Option<Term>) -> bool {
        let own = condition.map(|condition| Given { span: Span::default(), indices: Vec::new(), condition });
        let all: Vec<&Given> = self.further.given.iter().copied().chain(&self.declared).chain(&own).collect();
        self.solver.left = self.left.min(MOST_OF_ONE);
        self.left -= self.solver.left;
        let point = self.solver.obeying(start, &all);
        self.left += self.solver.left;
        let Ok(point) = point else { return false };
        let found = place(self.further.model, kind, point, self.further.wanted, &all);
        let is_found = found.is_some();
        self.found.extend(found);
        is_found
    }

    /// Adds a point beside the last one, where two sides are equal, that is on the wanted side.
    fn beside(&mut self, left: &Term, right: &Term, side: &Term) {
        let Some(tie) = self.found.last().map(|place| given_at(self.further.model, &place.values)) else { return };
        let demand = Demand { comparison: Comparison::Equal, left: left.clone(), right: right.clone(), at: Vec::new() };
        let slopes = slopes(self.further.model, &mut tie.clone(), &demand, 1e-3);
        let steepest = slopes.iter().fold(0.0f64, |most, (_, _, slope)| most.max(slope.abs()));
        let steps = BESIDE.iter().flat_map(|size| [*size, -size]);
        for step in steps.filter(|_| steepest > 0.0) {
            let mut point = tie.clone();
            for (name, place, slope) in &slopes {
                if let Some(entry) = point.get_mut(name).and_then(|array| array.values.get_mut(*place)) {
                    *entry += step * entry.abs().max(1e-3) * slope / steepest;
                }
            }
            if !self.add(Kind::Side, point, None) {
                continue;
            }
            let holds = self.holds_at_last(side);
            if holds {
                return;
            }
            self.found.pop();
        }
    }

    fn holds_at_last(&self, condition: &Term) -> bool {
        let values = self.found.last().map(|place| &place.values);
        let value = values.and_then(|values| Totals::new(self.further.model, values).evaluate(condition, &[]).ok());
        value == Some(1.0)
    }
}
