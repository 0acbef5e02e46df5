//! Points that obey conditions.

use super::is_real;
use crate::meaning::{Point, Totals, complete};
use crate::model::{Given, Model, Role, Tensor};
use crate::term::{Comparison, Connective, Index, Name, Node, Term};
use std::collections::BTreeSet;

/// A comparison that must hold, at values of its indices.
#[derive(Debug, Clone)]
pub struct Demand {
    /// How the sides must compare.
    pub comparison: Comparison,
    /// One side.
    pub left: Term,
    /// The other side.
    pub right: Term,
    /// The values of the free indices.
    pub at: Vec<(Index, usize)>,
}

/// How often all demands are gone through, each being met by the least change.
const SWEEPS: usize = 60;
/// So few demands are gone through so often: those that spoil each other come together slowly.
const FEW_DEMANDS: usize = 8;
const SWEEPS_OF_FEW: usize = 240;
/// After so many the margin by which a demand is met is halved each time, so that narrow gaps are found.
const WIDE_SWEEPS: i32 = 8;
/// How many demands are looked at together.
pub const MOST_DEMANDS: usize = 8000;
/// A change smaller than this, in units of the value, is none.
const MET: f64 = 1e-13;
/// What must be different differs by more than this: less is rounding.
const APART: f64 = 1e-8;
/// A step that leads to where nothing has a value is divided by this, after so many halvings.
const NEAR: usize = 8;
const FAR: f64 = 1024.0;
/// A step that leads away is halved so often.
const HALVINGS: usize = 48;

/// Looks for points that obey conditions.
pub struct Solver<'a> {
    /// The model.
    pub model: &'a Model,
    /// Gives numbers in -1..1.
    pub uniform: &'a mut dyn FnMut() -> f64,
    /// How often the sides of demands may still be evaluated.
    pub left: usize,
}

/// A point near `start` that obeys the conditions, however long that takes.
///
/// # Errors
/// The condition that is not met.
pub fn obeying<'g>(
    model: &Model,
    start: Point,
    given: &[&'g Given],
    uniform: &mut dyn FnMut() -> f64,
) -> Result<Point, Option<&'g Given>> {
    Solver { model, uniform, left: usize::MAX }.obeying(start, given)
}

impl Solver<'_> {
    /// A point near `start` that obeys the conditions: each demand in turn is met by the least change of what is
    /// given (the method of S. Kaczmarz, with damped Newton steps where it is not linear), until all hold at once.
    ///
    /// # Errors
    /// The condition that is not met.
    pub fn obeying<'g>(&mut self, start: Point, given: &[&'g Given]) -> Result<Point, Option<&'g Given>> {
        if given.is_empty() {
            return Ok(start);
        }
        let mut alternatives: Vec<Vec<(Demand, &'g Given)>> = vec![Vec::new()];
        for condition in given {
            let ways = demands(condition);
            let extended = ways.iter().flat_map(|way| {
                let own = way.iter().map(|demand| (demand.clone(), *condition));
                alternatives.iter().map(move |before| before.iter().cloned().chain(own.clone()).collect::<Vec<_>>())
            });
            alternatives = extended.take(8).collect();
            if alternatives.is_empty() {
                return Err(Some(condition));
            }
        }
        let mut unmet = None;
        let hot = with_one_hot_rows(self.model, start.clone(), self.uniform);
        let starts = if hot == start { vec![start] } else { vec![start, hot] };
        for start in starts {
            for way in &alternatives {
                match self.meet(start.clone(), way) {
                    Ok(point) => return Ok(point),
                    Err(condition) => unmet = condition,
                }
            }
        }
        Err(unmet)
    }

    fn meet<'g>(&mut self, mut point: Point, demands: &[(Demand, &'g Given)]) -> Result<Point, Option<&'g Given>> {
        let mut unmet = None;
        let sweeps = if demands.len() <= FEW_DEMANDS { SWEEPS_OF_FEW } else { SWEEPS };
        for sweep in 0..sweeps {
            unmet = None;
            let margin = (0.1 + (self.uniform)().abs()) * 0.5f64.powi((sweep as i32 - WIDE_SWEEPS).max(0));
            for (demand, condition) in demands.iter().take(MOST_DEMANDS) {
                // What has no value yet may get one where others are met.
                let Some(lack) = self.lack(&point, demand, margin) else {
                    unmet = Some(*condition);
                    continue;
                };
                if lack != 0.0 {
                    unmet = Some(*condition);
                    self.change(&mut point, demand, lack, margin);
                }
            }
            if unmet.is_none() {
                return Ok(point);
            }
            if self.left == 0 {
                break;
            }
        }
        Err(unmet)
    }

    /// How much the difference of its sides must grow for a demand to be met; `None` where it has no value.
    fn lack(&mut self, point: &Point, demand: &Demand, margin: f64) -> Option<f64> {
        self.left = self.left.checked_sub(1)?;
        let (left, right) = sides(self.model, point, demand)?;
        let (difference, size) = (left - right, left.abs().max(right.abs()).max(1.0));
        let is_zero = difference.abs() <= MET * size;
        // Beside a large number a small margin would be rounded away.
        let margin = margin * (size * 1e-3).max(1.0);
        Some(match demand.comparison {
            Comparison::Equal if is_zero => 0.0,
            Comparison::Equal => -difference,
            Comparison::NotEqual if difference.abs() > APART * size => 0.0,
            Comparison::NotEqual => margin.max(2.0 * APART * size),
            Comparison::Less if difference < 0.0 => 0.0,
            Comparison::LessEqual if difference <= 0.0 => 0.0,
            Comparison::Less | Comparison::LessEqual => -margin - difference,
            Comparison::Greater if difference > 0.0 => 0.0,
            Comparison::GreaterEqual if difference >= 0.0 => 0.0,
            Comparison::Greater | Comparison::GreaterEqual => margin - difference,
        })
    }

    /// Changes what is given so that less is lacking: the difference of the sides of a demand should grow by so much.
    fn change(&mut self, point: &mut Point, demand: &Demand, lack: f64, margin: f64) {
        let mut entries: Vec<(Name, usize, f64)> = Vec::new();
        // Near a pole or a narrow peak only small differences tell the slopes, beside a large number only large ones.
        for least in [1.0, 1e-7, lack.abs(), 1e-300] {
            let slopes = slopes(self.model, point, demand, least);
            self.left = self.left.saturating_sub(2 * slopes.len());
            let size: f64 = slopes.iter().map(|(_, _, slope)| slope * slope).sum();
            entries =
                slopes.iter().map(|(name, place, _)| (name.clone(), *place, value(point, name, *place))).collect();
            let moved: f64 = slopes
                .iter()
                .zip(&entries)
                .map(|((_, _, slope), (_, _, before))| (slope * before.abs().max(1.0)).powi(2))
                .sum();
            if moved <= 1e-20 || !size.is_finite() || size == 0.0 {
                continue;
            }
            let mut part = lack / size;
            for halving in 0..HALVINGS {
                for ((name, place, before), (_, _, slope)) in entries.iter().zip(&slopes) {
                    put(point, name, *place, before + part * slope);
                }
                let now = self.lack(point, demand, margin);
                if now.is_some_and(|now| now.abs() <= lack.abs()) {
                    return;
                }
                part /= if now.is_some() || halving < NEAR { 2.0 } else { FAR };
            }
            entries.iter().for_each(|(name, place, before)| put(point, name, *place, *before));
        }
        // At a point where nothing changes it, a random step leads away.
        for (name, place, before) in entries {
            put(point, &name, place, before + 0.1 * before.abs().max(1.0) * (self.uniform)());
        }
    }
}

fn value(point: &Point, name: &Name, place: usize) -> f64 {
    point.get(name).and_then(|array| array.values.get(place).copied()).unwrap_or(0.0)
}

fn put(point: &mut Point, name: &Name, place: usize, value: f64) {
    if let Some(entry) = point.get_mut(name).and_then(|array| array.values.get_mut(place)) {
        *entry = value;
    }
}

/// The values of both sides, if they have any.
pub fn sides(model: &Model, point: &Point, demand: &Demand) -> Option<(f64, f64)> {
    let wanted: Vec<Name> = [&demand.left, &demand.right].iter().flat_map(|term| needed(model, term)).collect();
    let mut whole = Point::new();
    let point = if wanted.iter().all(|name| point.contains_key(name)) {
        point
    } else {
        let above = wanted.iter().flat_map(|name| reached(model, name));
        whole.extend(above.filter_map(|name| Some((name.clone(), point.get(&name)?.clone()))));
        complete(model, &mut whole, &wanted).ok()?;
        &whole
    };
    let totals = Totals::new(model, point);
    let left = totals.evaluate(&demand.left, &demand.at).ok()?;
    let right = totals.evaluate(&demand.right, &demand.at).ok()?;
    (left.is_finite() && right.is_finite()).then_some((left, right))
}

/// How fast the difference of the sides of a demand grows with the entries of what is given, by differences of a ten
/// thousandth of an entry, or of `least`.
pub fn slopes(model: &Model, point: &mut Point, demand: &Demand, least: f64) -> Vec<(Name, usize, f64)> {
    let mut slopes: Vec<(Name, usize, f64)> = Vec::new();
    for (name, place) in entries(model, demand) {
        let Some(before) = point.get(&name).and_then(|array| array.values.get(place).copied()) else { continue };
        let step = 1e-4 * before.abs().max(least);
        let mut difference = |value: f64| {
            put(point, &name, place, value);
            sides(model, point, demand).map(|(left, right)| left - right)
        };
        let (above, below) = (difference(before + step), difference(before - step));
        difference(before);
        if let (Some(above), Some(below)) = (above, below) {
            slopes.push((name, place, (above - below) / (2.0 * step)));
        }
    }
    slopes
}

/// The entries of what is given that a demand depends on.
fn entries(model: &Model, demand: &Demand) -> Vec<(Name, usize)> {
    let mut found = BTreeSet::new();
    let pairs: Vec<(Index, Term)> =
        demand.at.iter().map(|(index, value)| (index.clone(), Term::integer(*value as i64))).collect();
    for side in [&demand.left, &demand.right] {
        collect_entries(model, &side.substitute_terms(&pairs), &mut found);
    }
    found.into_iter().take(4096).collect()
}

fn collect_entries(model: &Model, term: &Term, found: &mut BTreeSet<(Name, usize)>) {
    if found.len() > 4096 {
        return;
    }
    if let Node::Read { tensor, subscripts } = term.node() {
        match model.tensor(tensor) {
            Some(own) if is_real(own) => {
                let at: Option<Vec<usize>> =
                    subscripts.iter().map(|at| usize::try_from(at.as_number()?.as_integer()?).ok()).collect();
                if let Some(at) = at.filter(|at| at.iter().zip(&own.shape).all(|(at, extent)| at < extent)) {
                    let place = at.iter().zip(&own.shape).fold(0, |place, (at, extent)| place * extent + at);
                    found.insert((tensor.clone(), place));
                }
            }
            _ => {
                let names = needed(model, term);
                let given = names.iter().flat_map(|name| upstream(model, name));
                for name in given.collect::<BTreeSet<_>>() {
                    let length = model.tensor(&name).map_or(0, Tensor::len);
                    found.extend((0..length.min(4096)).map(|place| (name.clone(), place)));
                }
            }
        }
        return;
    }
    let Some(opened) = term.open() else {
        return term.children().iter().for_each(|child| collect_entries(model, child, found));
    };
    let count: usize = opened.indices.iter().map(|index| index.extent.value()).product();
    for mut place in 0..count.min(4096) {
        let mut pairs = Vec::with_capacity(opened.indices.len());
        for index in &opened.indices {
            pairs.push((index.clone(), Term::integer((place % index.extent.value()) as i64)));
            place /= index.extent.value();
        }
        collect_entries(model, &opened.body.substitute_terms(&pairs), found);
    }
}

/// The tensors with free values on which one depends.
pub fn upstream(model: &Model, name: &Name) -> BTreeSet<Name> {
    let mut seen = reached(model, name);
    seen.retain(|name| model.tensor(name).is_some_and(is_real));
    seen
}

/// A tensor and all on which it depends.
pub fn reached(model: &Model, name: &Name) -> BTreeSet<Name> {
    let (mut seen, mut pending) = (BTreeSet::from([name.clone()]), vec![name.clone()]);
    while let Some(name) = pending.pop() {
        let read = model.definition(&name).map(|definition| definition.body.tensors()).unwrap_or_default();
        pending.extend(read.into_iter().filter(|name| seen.insert(name.clone())));
    }
    seen
}

/// The tensors whose values a term needs; of a derivative those that it is of and by.
pub fn needed(model: &Model, term: &Term) -> Vec<Name> {
    fn add(model: &Model, name: &Name, found: &mut Vec<Name>) {
        match (model.tensor(name), crate::model::derivative_parts(name)) {
            (None, Some((of, wrt))) => [of, wrt].iter().for_each(|part| add(model, &Name::from(*part), found)),
            _ => found.push(name.clone()),
        }
    }
    let mut found = Vec::new();
    term.tensors().iter().for_each(|name| add(model, name, &mut found));
    found
}

/// The ways to meet a condition, each a list of demands; none where it cannot be met.
pub fn demands(given: &Given) -> Vec<Vec<Demand>> {
    let count: usize = given.indices.iter().map(|index| index.extent.value()).product();
    let single = ways(&given.condition, true);
    let each = |way: &Vec<Demand>| {
        let mut all = Vec::new();
        for mut place in 0..count.min(MOST_DEMANDS) {
            let mut at = Vec::with_capacity(given.indices.len());
            for index in &given.indices {
                at.push((index.clone(), place % index.extent.value()));
                place /= index.extent.value();
            }
            all.extend(way.iter().map(|demand| Demand { at: at.clone(), ..demand.clone() }));
        }
        all
    };
    single.iter().map(each).collect()
}

/// The ways to make a condition hold, or not.
fn ways(condition: &Term, wanted: bool) -> Vec<Vec<Demand>> {
    match condition.node() {
        Node::Compare(comparison, left, right) => {
            let comparison = if wanted { *comparison } else { comparison.opposite() };
            vec![vec![Demand { comparison, left: left.clone(), right: right.clone(), at: Vec::new() }]]
        }
        Node::Logic(Connective::Not, conditions) => ways(&conditions[0], !wanted),
        Node::Logic(connective, conditions) if (*connective == Connective::And) == wanted => {
            conditions.iter().fold(vec![Vec::new()], |all, condition| {
                let own = ways(condition, wanted);
                all.iter().flat_map(|before| own.iter().map(|way| [before.clone(), way.clone()].concat())).collect()
            })
        }
        Node::Logic(_, conditions) => conditions.iter().flat_map(|condition| ways(condition, wanted)).collect(),
        Node::Number(number) if number.is_zero() != wanted => vec![Vec::new()],
        _ => Vec::new(),
    }
}

/// The point with one 1 and else 0 along the last axis of every target: what many conditions ask for.
fn with_one_hot_rows(model: &Model, mut point: Point, uniform: &mut dyn FnMut() -> f64) -> Point {
    for tensor in model.tensors.iter().filter(|tensor| matches!(tensor.role, Role::Target(_)) && is_real(tensor)) {
        let Some(array) = point.get_mut(&tensor.name) else { continue };
        let classes = tensor.shape.last().copied().unwrap_or(1).max(1);
        for row in array.values.chunks_mut(classes) {
            let hot = (((uniform() + 1.0) / 2.0 * classes as f64) as usize).min(classes - 1);
            row.iter_mut().enumerate().for_each(|(place, value)| *value = f64::from(u8::from(place == hot)));
        }
    }
    point
}
