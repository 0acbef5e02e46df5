//! Points that come from lines themselves: the sizes of their constants, and both sides of every condition and kink.

use super::points::{Kind, Place, place};
use crate::derivation::points::{declared, is_real, obeying, restrict};
use crate::meaning::{Point, Totals};
use crate::model::{Given, Model};
use crate::term::{Comparison, Connective, Function, Name, Node, Number, Opened, Reduction, Term};
use crate::text::Span;
use std::collections::BTreeSet;

/// Sizes at which every line is looked at.
const SIZES: [f64; 4] = [1e3, 1e-3, 1e6, 1e-6];
/// No more constants, and no more conditions, are looked at.
const MOST_CONSTANTS: usize = 6;
const MOST_CONDITIONS: usize = 24;
/// Definitions are followed into each other so often.
const DEEPEST: usize = 8;
/// So many nodes are looked at.
const MOST_NODES: usize = 20_000;

/// Where further points for a comparison come from.
pub struct Further<'a, 'g> {
    pub model: &'a Model,
    /// The tensors whose values are needed.
    pub wanted: &'a [Name],
    pub given: &'a [&'g Given],
    /// The points at which the lines are compared anyway.
    pub before: &'a [Place],
}

impl Further<'_, '_> {
    /// Points for lines without free indices.
    pub fn places(&self, lines: &[Term], uniform: &mut dyn FnMut() -> f64) -> Vec<Place> {
        let mut search = Search {
            model: self.model,
            constants: Vec::new(),
            conditions: Vec::new(),
            seen: BTreeSet::new(),
            nodes: 0,
        };
        lines.iter().for_each(|line| search.term(line, 0));
        let constants = search.constants.iter().take(MOST_CONSTANTS).map(|size| 3.0 * size);
        let mut found: Vec<Place> = Vec::new();
        for size in SIZES.into_iter().chain(constants) {
            found.extend(self.scaled(size, uniform));
        }
        for condition in search.conditions.iter().take(MOST_CONDITIONS) {
            let both = |term: &Term| {
                let holds = |place: &Place| Totals::new(self.model, &place.values).evaluate(term, &[]).ok();
                let values: Vec<f64> = self.before.iter().chain(&found).filter_map(holds).collect();
                [values.contains(&1.0), values.contains(&0.0)]
            };
            let [holds, fails] = both(condition);
            let not = Term::logic(Connective::Not, vec![condition.clone()]);
            let wanted = [(holds, condition.clone()), (fails, not)];
            let missing: Vec<Term> =
                wanted.into_iter().filter(|(is_there, _)| !is_there).map(|(_, term)| term).collect();
            let Some(start) = self.start() else { continue };
            for term in missing {
                found.extend(self.obeying(Kind::Side, start.clone(), Some(term), uniform));
            }
            if let Node::Compare(_, left, right) = condition.node() {
                let tie = Term::compare(Comparison::Equal, left.clone(), right.clone());
                found.extend(self.obeying(Kind::Tie, start, Some(tie), uniform));
            }
        }
        found
    }

    /// What is given at one of the points.
    fn start(&self) -> Option<Point> {
        let place = self.before.iter().find(|place| place.kind == Kind::Random).or(self.before.first())?;
        let mut values = place.values.clone();
        values.retain(|name, _| self.model.tensor(name).is_some() && self.model.definition(name).is_none());
        Some(values)
    }

    fn scaled(&self, size: f64, uniform: &mut dyn FnMut() -> f64) -> Option<Place> {
        let mut start = self.start()?;
        for (name, array) in &mut start {
            if let Some(tensor) = self.model.tensor(name).filter(|tensor| is_real(tensor)) {
                array.values.iter_mut().for_each(|value| *value *= size);
                restrict(self.model, tensor, array);
            }
        }
        self.obeying(Kind::Scaled, start, None, uniform)
    }

    /// A point near this one that obeys what is given and declared, and a condition.
    fn obeying(
        &self,
        kind: Kind,
        start: Point,
        condition: Option<Term>,
        uniform: &mut dyn FnMut() -> f64,
    ) -> Option<Place> {
        let mut own = declared(self.model);
        own.extend(condition.map(|condition| Given { span: Span::default(), indices: Vec::new(), condition }));
        let all: Vec<&Given> = self.given.iter().copied().chain(&own).collect();
        let point = obeying(self.model, start, &all, uniform).ok()?;
        place(self.model, kind, point, self.wanted, &all)
    }
}

/// Looks for constants and conditions in terms and in the definitions that they read.
struct Search<'a> {
    model: &'a Model,
    constants: Vec<f64>,
    conditions: Vec<Term>,
    seen: BTreeSet<Term>,
    nodes: usize,
}

impl Search<'_> {
    fn term(&mut self, term: &Term, depth: usize) {
        self.nodes += 1;
        if self.nodes > MOST_NODES || !term.free().is_empty() {
            return;
        }
        let zero = || Term::integer(0);
        match term.node() {
            Node::Number(number) => self.constant(*number),
            Node::Read { tensor, subscripts } => {
                if depth < DEEPEST && self.seen.insert(term.clone()) {
                    self.read(tensor, subscripts, depth);
                }
            }
            Node::Compare(..) | Node::Logic(..) => self.condition(term.clone()),
            Node::Mul(factors) => {
                let conditions: Vec<Term> = factors.iter().filter(|factor| factor.is_condition()).cloned().collect();
                if conditions.len() > 1 {
                    self.condition(Term::logic(Connective::And, conditions));
                }
            }
            Node::Call(Function::Relu | Function::Abs | Function::Sign, arguments) => {
                self.condition(Term::compare(Comparison::Greater, arguments[0].clone(), zero()));
            }
            Node::Call(Function::Max | Function::Min | Function::Mod, arguments) => {
                self.condition(Term::compare(Comparison::Greater, arguments[0].clone(), arguments[1].clone()));
            }
            Node::Call(Function::Floor, arguments) => {
                self.condition(Term::compare(Comparison::GreaterEqual, arguments[0].clone(), Term::integer(1)));
                self.condition(Term::compare(Comparison::Less, arguments[0].clone(), zero()));
            }
            Node::Reduce { reduction, .. } => {
                if let Some(opened) = term.open() {
                    self.opened(*reduction, &opened, depth);
                }
                return;
            }
            _ => {}
        }
        term.children().iter().for_each(|child| self.term(child, depth));
    }

    fn constant(&mut self, number: Number) {
        let size = number.value().abs();
        let is_usual = (0.1..=10.0).contains(&size) || size == 0.0 || !size.is_finite();
        if !is_usual && !self.constants.contains(&size) {
            self.constants.push(size);
        }
    }

    fn condition(&mut self, condition: Term) {
        if !condition.tensors().is_empty() && !self.conditions.contains(&condition) {
            self.conditions.push(condition);
        }
    }

    /// Follows a tensor to its definition; of a derivative to that of what is differentiated.
    fn read(&mut self, tensor: &Name, subscripts: &[Term], depth: usize) {
        let body = match self.model.definition(tensor) {
            Some(definition) => definition.at(subscripts),
            None => {
                let Some((of, _)) = crate::model::derivative_parts(tensor) else { return };
                let rank = self.model.tensor(of).map_or(0, |own| own.shape.len()).min(subscripts.len());
                return self.read(&of.into(), &subscripts[..rank], depth + 1);
            }
        };
        if let Some(body) = body {
            self.term(&body, depth + 1);
        }
    }

    /// The first and the last position of a reduction, and, of a greatest or least value, which of both it is.
    fn opened(&mut self, reduction: Reduction, opened: &Opened, depth: usize) {
        let at = |last: bool| {
            let place = |extent: usize| if last { extent.saturating_sub(1) as i64 } else { 0 };
            let pairs: Vec<_> =
                opened.indices.iter().map(|index| (index.clone(), Term::integer(place(index.extent)))).collect();
            opened.body.substitute_terms(&pairs)
        };
        let (first, last) = (at(false), at(true));
        if matches!(reduction, Reduction::Max | Reduction::Min | Reduction::ArgMax | Reduction::ArgMin) && first != last
        {
            self.condition(Term::compare(Comparison::Greater, first.clone(), last.clone()));
        }
        self.term(&first, depth);
        if first != last {
            self.term(&last, depth);
        }
    }
}
