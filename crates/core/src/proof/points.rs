//! Where the lines of a claim are evaluated: points that a model may be at, and such that obey a condition.

use crate::derivation::points::{
    Demand, MOST_DEMANDS, declared, demands, integers_below, is_real, keeps_declarations, obeying, restrict, sides,
    slopes,
};
use crate::meaning::{Array, Balls, Equation, Finer, Point, Sides, Sought, complete};
use crate::model::{Given, Model, Role};
use crate::term::{Comparison, Connective, Name, Node, Term};

/// Of conditions that are no equations so many are looked at again, with so much work.
const MOST_HELD: usize = 64;
const MOST_HELD_WORK: usize = 20_000;

/// What a point is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Numbers of both signs, not far from 0.
    Random,
    /// Numbers above 0.
    Positive,
    /// Small integers, so that 0 and ties are frequent.
    Ties,
    /// Everything is 0.
    Zero,
    /// Everything is 1.
    Equal,
    /// Large numbers of both signs, and some zeros.
    Large,
    /// Numbers of another size than 1: that of constants in the lines, or a thousand or a million times more or less.
    Scaled,
    /// On one side of a condition in the lines, or of a kink.
    Side,
    /// Where both sides of a comparison in the lines are equal.
    Tie,
}

impl Kind {
    /// All kinds of which points are made, as often as they are made.
    pub const ALL: [Kind; 8] =
        [Kind::Random, Kind::Positive, Kind::Random, Kind::Ties, Kind::Ties, Kind::Zero, Kind::Equal, Kind::Large];

    /// In words, for the place of a difference.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Random | Kind::Positive => "at a random point",
            Kind::Ties => "at a point with zeros and ties",
            Kind::Zero => "where everything given is 0",
            Kind::Equal => "where everything given is 1",
            Kind::Large => "at a point with large values",
            Kind::Scaled => "at a point with very large or very small values",
            Kind::Side => "at a point on one side of a condition",
            Kind::Tie => "at a point where two values that are compared are equal",
        }
    }

    /// Whether nothing is special about it.
    pub fn is_plain(self) -> bool {
        matches!(self, Kind::Random | Kind::Positive)
    }

    /// Whether kinks may lie there.
    pub fn is_special(self) -> bool {
        matches!(self, Kind::Ties | Kind::Zero | Kind::Equal | Kind::Tie)
    }
}

/// A point of a kind, with the values of all tensors that are asked for.
#[derive(Debug, Clone)]
pub struct Place {
    /// What it is like.
    pub kind: Kind,
    /// Values of what is given and of what is defined.
    pub values: Point,
    /// What is added to those that are given, so that equations are obeyed.
    pub finer: Finer,
}

/// Points of these kinds that obey the conditions, and the declared domains and structures. That rows sum to one is
/// not among them: targets are free. `uniform` gives numbers in -1..1. The error is the first condition for which no
/// point was found.
pub fn places<'g>(
    model: &Model,
    wanted: &[Name],
    given: &[&'g Given],
    kinds: &[Kind],
    uniform: &mut dyn FnMut() -> f64,
) -> Result<Vec<Place>, Option<&'g Given>> {
    let mut places = Vec::new();
    let mut unmet = None;
    let declared = if given.is_empty() { Vec::new() } else { declared(model) };
    let all: Vec<&Given> = given.iter().copied().chain(&declared).collect();
    let mut first: Option<Point> = None;
    for &kind in kinds {
        let mut start = values(model, kind, uniform);
        if kind == Kind::Random {
            // Every second point is the first one turned round, so that everything has both signs.
            start = first.take().map(|point| turned(model, point)).unwrap_or(start);
            first = Some(start.clone());
        }
        match obeying(model, start, &all, uniform) {
            Ok(values) => places.extend(place(model, kind, values, wanted, &all)),
            Err(condition) => {
                let own = given.iter().copied().find(|given| condition.is_some_and(|own| std::ptr::eq(own, *given)));
                unmet = unmet.or(own);
            }
        }
    }
    if places.is_empty() { Err(unmet) } else { Ok(places) }
}

/// A point with these values of what is given, which obey the conditions as far as doubles can, if it keeps what is
/// declared.
pub fn place(model: &Model, kind: Kind, mut values: Point, wanted: &[Name], given: &[&Given]) -> Option<Place> {
    if !keeps_declarations(model, &values) {
        return None;
    }
    let finer = finer(model, &mut values, given);
    finer.write(model, &mut values);
    let finest = Balls::at(model, &values, finer.clone());
    if !given.is_empty() && violates(finest, given) {
        return None;
    }
    complete(model, &mut values, wanted).ok()?;
    Some(Place { kind, values, finer })
}

/// Whether what equations add to a point breaks a condition that is no equation.
fn violates(mut point: Balls, given: &[&Given]) -> bool {
    fn inequalities(condition: &Term) -> Vec<Term> {
        match condition.node() {
            Node::Compare(Comparison::Equal, ..) => Vec::new(),
            Node::Compare(..) => vec![condition.clone()],
            Node::Logic(Connective::And, parts) => parts.iter().flat_map(inequalities).collect(),
            _ => Vec::new(),
        }
    }
    let one = Term::integer(1);
    given.iter().any(|given| {
        let count: usize = given.indices.iter().map(|index| index.extent.value()).product();
        let conditions = inequalities(&given.condition);
        (0..count.min(MOST_HELD)).any(|mut place| {
            let mut at = Vec::with_capacity(given.indices.len());
            for index in &given.indices {
                at.push((index.clone(), place % index.extent.value()));
                place /= index.extent.value();
            }
            let mut fails = |own: &Term| point.compare([own, &one], &at, Sought::STEP, MOST_HELD_WORK);
            conditions.iter().any(|own| matches!(fails(own), Sides::Different(..)))
        })
    })
}

/// What is missing for the equations among the conditions to hold.
fn finer(model: &Model, point: &mut Point, given: &[&Given]) -> Finer {
    let all = given.iter().flat_map(|given| demands(given).into_iter().flatten()).take(MOST_DEMANDS);
    let equations: Vec<Demand> = all.filter(|demand| demand.comparison == Comparison::Equal).collect();
    let position = |name: &Name| model.tensors.position(name);
    let mut found: Vec<Equation> = Vec::new();
    for demand in &equations {
        // Of several ways to meet a condition the others need not hold.
        let holds = sides(model, point, demand)
            .is_some_and(|(left, right)| (left - right).abs() <= 1e-9 * left.abs().max(right.abs()).max(1.0));
        if !holds {
            continue;
        }
        let slopes = slopes(model, point, demand, 1.0).into_iter();
        let slopes = slopes.filter_map(|(name, place, slope)| Some((position(&name)?, place, slope))).collect();
        found.push(Equation { left: &demand.left, right: &demand.right, at: &demand.at, slopes });
    }
    Finer::new(model, point, &found)
}

/// A point with the other sign of everything that may have one.
fn turned(model: &Model, mut point: Point) -> Point {
    for tensor in model.tensors.iter().filter(|tensor| is_real(tensor)) {
        if let Some(array) = point.get_mut(&tensor.name) {
            array.values.iter_mut().for_each(|value| *value = -*value);
            restrict(model, tensor, array);
        }
    }
    point
}

fn values(model: &Model, kind: Kind, uniform: &mut dyn FnMut() -> f64) -> Point {
    let mut point = Point::new();
    for tensor in &model.tensors {
        if matches!(tensor.role, Role::Defined(_) | Role::Const(Some(_))) {
            continue;
        }
        let scale = match tensor.role {
            // Sums over a row stay of order one.
            Role::Param(_) => 2.0 / (tensor.shape.last().copied().unwrap_or(1).max(1) as f64).sqrt(),
            _ => 1.0,
        };
        let mut value = || match (integers_below(tensor), kind) {
            (Some(_), Kind::Zero) => 0.0,
            (Some(below), Kind::Equal) => f64::from(u8::from(below > 1)),
            (Some(below), _) => ((uniform() + 1.0) / 2.0 * below as f64).floor().min(below as f64 - 1.0).max(0.0),
            (None, Kind::Random | Kind::Scaled | Kind::Side | Kind::Tie) => uniform() * scale,
            (None, Kind::Positive) => (1.05 + uniform()) * scale,
            (None, Kind::Ties) => (uniform() * 2.0).round(),
            (None, Kind::Zero) => 0.0,
            (None, Kind::Equal) => 1.0,
            (None, Kind::Large) => {
                let size = uniform();
                if size.abs() < 0.3 { 0.0 } else { (size * 60.0).round() }
            }
        };
        let values = (0..tensor.len()).map(|_| value()).collect();
        let mut array = Array { shape: tensor.shape.clone(), values };
        restrict(model, tensor, &mut array);
        point.insert(tensor.name.clone(), array);
    }
    point
}
