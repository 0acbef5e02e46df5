//! Points that models are evaluated at: values of all that is given, such that declarations hold and everything that
//! is defined has a value.
//!
//! A logarithm, a root, a power or an inverse cosine has a value for some arguments only. Where the form of a term
//! does not show that its value is one of those, other points are tried: near what parameters start from, above 0,
//! between 0 and 1, mixtures of these, and last a point is moved until every argument is where it should be.

mod obey;

pub use obey::{Demand, MOST_DEMANDS, Solver, demands, needed, obeying, reached, sides, slopes, upstream};

use super::check::evaluation_work;
use super::derivative_parts;
use super::rules::safe::{is_not_negative, is_positive};
use crate::meaning::{Array, Point, complete};
use crate::model::{Assumption, Given, Initialiser, Model, Role, TargetKind, Tensor};
use crate::term::{Comparison, Function, Index, Name, Node, Number, Term};
use std::collections::BTreeSet;

/// The work of looking for a point, in nodes that the interpreter visits: about half a second.
const MOST_WORK: usize = 10_000_000;
/// How many points are looked at for one definition, where the work allows it.
const MOST_TRIALS: usize = 400;
/// Where evaluating a model takes more work than this, no point is moved, which takes derivatives.
const MOST_MOVED_WORK: usize = 20_000;

/// How the entries of a tensor are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Of both signs; as declared, where that is.
    Usual,
    /// About as a parameter starts.
    Start,
    /// Above 0, and not large.
    Positive,
    /// Between 0 and 1.
    Unit,
    /// Above 1.
    Above,
    /// Below 0.
    Negative,
}

const WAYS: [Way; 6] = [Way::Positive, Way::Start, Way::Unit, Way::Above, Way::Usual, Way::Negative];

/// A point for [`verify`](super::verify): values for all that a model is given, drawn from `uniform`, which gives
/// numbers in -1..1. Declarations hold: integers are in their range, targets keep their promises and values their
/// domains. Where such a point is found, everything that is defined has a value there.
pub fn random_point(model: &Model, uniform: &mut dyn FnMut() -> f64) -> Point {
    let mut point = Point::new();
    for tensor in &model.tensors {
        if let Some(array) = drawn(model, tensor, Way::Usual, uniform) {
            point.insert(tensor.name.clone(), array);
        }
    }
    let partial: Vec<&Tensor> = model.tensors.iter().filter(|tensor| is_partial(tensor, model)).collect();
    if partial.is_empty() { point } else { Search { model, uniform }.run(point, &partial) }
}

/// The first of the definitions of a model that has no value at a point with values of what is defined.
pub fn undefined<'a>(model: &'a Model, point: &Point) -> Option<&'a Name> {
    let partial = model.tensors.iter().filter(|tensor| is_partial(tensor, model));
    partial.map(|tensor| &tensor.name).find(|name| point.contains_key(*name) && !is_defined(model, point, name))
}

/// Values for a tensor that is given, if it is.
fn drawn(model: &Model, tensor: &Tensor, way: Way, uniform: &mut dyn FnMut() -> f64) -> Option<Array> {
    let values = match &tensor.role {
        Role::Defined(_) | Role::Const(Some(_)) => return None,
        Role::Target(TargetKind::OneHot) => one_hot(tensor, uniform),
        Role::Target(TargetKind::Probability) => probabilities(tensor, uniform),
        Role::Input { below: Some(bound) } | Role::Target(TargetKind::Integer(bound)) => {
            (0..tensor.len()).map(|_| below(*bound, uniform) as f64).collect()
        }
        Role::Input { below: None } | Role::Target(TargetKind::Real) | Role::Const(None) => {
            (0..tensor.len()).map(|_| number(way, 1.0, uniform())).collect()
        }
        Role::Param(initialiser) => {
            let size = parameter_size(tensor, initialiser);
            (0..tensor.len())
                .map(|_| match (way, initialiser) {
                    (Way::Start, Initialiser::Constant(value)) if *value != 0.0 => value * (1.0 + 0.4 * uniform()),
                    (Way::Start, Initialiser::Normal { mean, deviation }) => mean + 2.0 * deviation * uniform(),
                    (Way::Start, Initialiser::Uniform { low, high }) => low + (high - low) * (0.5 + 0.5 * uniform()),
                    _ => number(way, size, uniform()),
                })
                .collect()
        }
    };
    let mut array = Array { shape: tensor.shape.clone(), values };
    if let Some(domain) = model.domain(&tensor.name) {
        array
            .values
            .iter_mut()
            .for_each(|value| *value = domain.drawn(if way == Way::Usual { *value } else { uniform() }));
    }
    restrict(model, tensor, &mut array);
    Some(array)
}

fn number(way: Way, size: f64, uniform: f64) -> f64 {
    match way {
        Way::Usual | Way::Start => uniform * size,
        Way::Positive => (1.05 + uniform) * size,
        Way::Unit => 0.5 + 0.48 * uniform,
        Way::Above => 2.1 + uniform,
        Way::Negative => (uniform - 1.05) * size,
    }
}

/// Changes values so that they keep the domain and the structure that are declared.
pub fn restrict(model: &Model, tensor: &Tensor, array: &mut Array) {
    if let Some(domain) = model.domain(&tensor.name) {
        array.values.iter_mut().for_each(|value| *value = domain.fitted(*value));
    }
    if let (true, [extent, _]) = (model.is_symmetric(&tensor.name), array.shape.as_slice()) {
        for place in 0..array.values.len() {
            let (row, column) = (place / extent, place % extent);
            array.values[place] = array.values[row.min(column) * extent + row.max(column)];
        }
    }
}

/// Whether a point keeps the declared domains and structures.
pub fn keeps_declarations(model: &Model, point: &Point) -> bool {
    model.assumptions.iter().all(|assumption| match assumption {
        Assumption::SumsToOne(_) => true,
        Assumption::Within(name, _) | Assumption::Symmetric(name) => {
            let (Some(tensor), Some(array)) = (model.tensor(name), point.get(name)) else { return true };
            let mut kept = array.clone();
            restrict(model, tensor, &mut kept);
            kept == *array
        }
    })
}

/// Sums with a parameter stay of order one, so that nothing saturates and every line counts: where a normal
/// distribution says how large the entries should be, about that; else by the length of a row.
fn parameter_size(tensor: &Tensor, initialiser: &Initialiser) -> f64 {
    let row = tensor.shape.last().copied().unwrap_or(1).max(1) as f64;
    let by_row = 2.0 / row.sqrt();
    match initialiser {
        Initialiser::Normal { deviation, .. } if *deviation > 0.0 => (2.0 * deviation).clamp(0.01, by_row.max(0.01)),
        _ => by_row,
    }
}

fn below(bound: usize, uniform: &mut dyn FnMut() -> f64) -> usize {
    (((uniform() + 1.0) / 2.0 * bound as f64) as usize).min(bound.saturating_sub(1))
}

fn one_hot(tensor: &Tensor, uniform: &mut dyn FnMut() -> f64) -> Vec<f64> {
    let classes = tensor.shape.last().copied().unwrap_or(1).max(1);
    let row = |hot: usize| (0..classes).map(move |class| f64::from(u8::from(class == hot)));
    (0..tensor.len() / classes).flat_map(|_| row(below(classes, uniform))).collect()
}

/// So many parts make 1: sums of few of them are exact in doubles, and a row sums to exactly one.
const PARTS: f64 = (1u64 << 40) as f64;

fn probabilities(tensor: &Tensor, uniform: &mut dyn FnMut() -> f64) -> Vec<f64> {
    let classes = tensor.shape.last().copied().unwrap_or(1).max(1);
    let mut values = Vec::with_capacity(tensor.len());
    for _ in 0..tensor.len() / classes {
        let row: Vec<f64> = (0..classes).map(|_| 1.1 + uniform()).collect();
        let total: f64 = row.iter().sum();
        let mut row: Vec<f64> = row.iter().map(|value| (value / total * PARTS).round() / PARTS).collect();
        let others: f64 = row.iter().skip(1).sum();
        row[0] = 1.0 - others;
        values.extend(row);
    }
    values
}

/// Whether a tensor could be without a value, as far as the form of its definition tells.
fn is_partial(tensor: &Tensor, model: &Model) -> bool {
    derivative_parts(&tensor.name).is_none()
        && tensor.definition().is_some_and(|definition| {
            // With infinite exponents an exponential is 0, whatever its form.
            may_be_undefined(&definition.body, model, &|term| {
                is_positive(term, model) && !mentions_infinity(model, &tensor.name)
            })
        })
}

fn may_be_undefined(term: &Term, model: &Model, is_positive: &dyn Fn(&Term) -> bool) -> bool {
    let here = match term.node() {
        Node::Pow(base, exponent) => match exponent.as_number() {
            Some(number) if number.as_integer().is_some_and(|power| power >= 0) => false,
            _ => !is_positive(base),
        },
        Node::Call(Function::Log, parts) => !is_positive(&parts[0]),
        Node::Call(Function::Sqrt, parts) => !is_not_negative(&parts[0], model),
        Node::Call(Function::Asin | Function::Acos, parts) => parts[0].as_number().is_none(),
        Node::Call(Function::Mod, parts) => parts[1].as_number().is_none_or(Number::is_zero),
        _ => false,
    };
    here || term.any_child(&mut |part| may_be_undefined(part, model, is_positive))
}

/// Whether a tensor has a value at a point: infinite only where its definition says so.
fn is_defined(model: &Model, point: &Point, name: &Name) -> bool {
    let Some(array) = point.get(name) else { return false };
    let is_infinite = array.values.iter().any(|value| value.is_infinite());
    !array.values.iter().any(|value| value.is_nan()) && (!is_infinite || mentions_infinity(model, name))
}

/// Whether infinity stands in a definition, or in one that it reads.
fn mentions_infinity(model: &Model, name: &Name) -> bool {
    fn is_in(term: &Term) -> bool {
        matches!(term.node(), Node::Number(number) if number.value().is_infinite()) || term.any_child(&mut is_in)
    }
    let (mut seen, mut pending) = (BTreeSet::from([name.clone()]), vec![name.clone()]);
    while let Some(name) = pending.pop() {
        let Some(definition) = model.definition(&name) else { continue };
        if is_in(&definition.body) {
            return true;
        }
        pending.extend(definition.body.tensors().into_iter().filter(|name| seen.insert(name.clone())));
    }
    false
}

/// Whether the values of a tensor may be chosen from the numbers of the line.
pub fn is_real(tensor: &Tensor) -> bool {
    !matches!(tensor.role, Role::Defined(_) | Role::Const(Some(_))) && integers_below(tensor).is_none()
}

/// What the entries of a tensor of integers lie below.
pub fn integers_below(tensor: &Tensor) -> Option<usize> {
    match tensor.role {
        Role::Input { below } => below,
        Role::Target(TargetKind::Integer(below)) => Some(below),
        _ => None,
    }
}

/// The search for a point where every definition has a value.
struct Search<'a> {
    model: &'a Model,
    uniform: &'a mut dyn FnMut() -> f64,
}

impl Search<'_> {
    /// Goes through the definitions that could be without a value, and keeps what was reached before.
    fn run(&mut self, mut point: Point, partial: &[&Tensor]) -> Point {
        let mut reached: Vec<Name> = Vec::new();
        for tensor in partial {
            reached.push(tensor.name.clone());
            if self.fits(&point, &reached) {
                continue;
            }
            match self.better(&point, &reached) {
                Some(better) => point = better,
                // Nowhere: what follows may still be evaluated.
                None => reached.truncate(reached.len() - 1),
            }
        }
        point
    }

    fn fits(&self, point: &Point, reached: &[Name]) -> bool {
        let mut whole = point.clone();
        complete(self.model, &mut whole, reached).is_ok()
            && reached.iter().all(|name| is_defined(self.model, &whole, name))
    }

    /// A point at which all these have values.
    fn better(&mut self, point: &Point, reached: &[Name]) -> Option<Point> {
        let last = reached.last()?;
        let free: Vec<&Tensor> = upstream(self.model, last)
            .iter()
            .filter_map(|name| self.model.tensor(name))
            .filter(|own| is_chosen(own))
            .collect();
        if free.is_empty() {
            return None;
        }
        let work = evaluation_work(self.model, reached).max(1);
        let most = (MOST_WORK / work).clamp(WAYS.len() + 2, MOST_TRIALS);
        for number in 0..most {
            let mut trial = point.clone();
            for (position, tensor) in free.iter().enumerate() {
                let Some(way) = self.way(number, position, free.len()) else { continue };
                let array = drawn(self.model, tensor, way, self.uniform)?;
                trial.insert(tensor.name.clone(), array);
            }
            if self.fits(&trial, reached) {
                return Some(trial);
            }
            if number == most / 4
                && work <= MOST_MOVED_WORK
                && let Some(moved) = self.moved(point, reached)
            {
                return Some(moved);
            }
        }
        None
    }

    /// How a tensor is drawn in a trial; `None` where it stays. Two trials change nothing but the numbers, then
    /// all tensors are drawn in one way, then one of them in another way, then each in any.
    fn way(&mut self, trial: usize, position: usize, count: usize) -> Option<Way> {
        let [usual, alike, single] = [2, 2 + WAYS.len(), 2 + WAYS.len() * (1 + count)];
        match trial {
            _ if trial < usual => Some(Way::Usual),
            _ if trial < alike => Some(WAYS[trial - usual]),
            _ if trial < single => {
                let trial = trial - alike;
                (trial / WAYS.len() == position).then(|| WAYS[trial % WAYS.len()])
            }
            _ => Some(WAYS[below(WAYS.len(), self.uniform)]),
        }
    }

    /// A point near this one where all arguments are where they should be.
    fn moved(&mut self, point: &Point, reached: &[Name]) -> Option<Point> {
        let mut demands = Demands { found: declared(self.model) };
        for name in reached {
            demands.collect(&self.model.definition(name)?.body);
        }
        let given: Vec<&Given> = demands.found.iter().collect();
        let mut moved = obeying(self.model, point.clone(), &given, self.uniform).ok()?;
        let kept = self.model.tensors.iter().filter(|tensor| is_real(tensor) && !is_chosen(tensor));
        for tensor in kept {
            moved.insert(tensor.name.clone(), point.get(&tensor.name)?.clone());
        }
        (keeps_declarations(self.model, &moved) && self.fits(&moved, reached)).then_some(moved)
    }
}

/// The declared domains and structures as conditions.
pub fn declared(model: &Model) -> Vec<Given> {
    let conditions = |assumption: &Assumption| -> Vec<Term> {
        let (Assumption::Within(name, _) | Assumption::Symmetric(name)) = assumption else { return Vec::new() };
        let Some(tensor) = model.tensor(name) else { return Vec::new() };
        let indices = axes(tensor);
        let read = Term::read_at(name, &indices);
        match assumption {
            Assumption::Within(_, domain) => {
                let above = if domain.is_open { Comparison::Greater } else { Comparison::GreaterEqual };
                let ends = [(above, domain.low), (Comparison::LessEqual, domain.high)];
                let ends = ends.into_iter().filter(|(_, end)| end.value().is_finite());
                ends.map(|(comparison, end)| Term::compare(comparison, read.clone(), Term::number(end))).collect()
            }
            _ => {
                let turned: Vec<Index> = indices.iter().rev().cloned().collect();
                vec![Term::compare(Comparison::Equal, read, Term::read_at(name, &turned))]
            }
        }
    };
    let all = model.assumptions.iter().flat_map(conditions);
    all.map(|condition| Given { span: Default::default(), indices: condition.free().to_vec(), condition }).collect()
}

/// Whether a tensor is real and nothing but a domain or a structure is promised of it.
fn is_chosen(tensor: &Tensor) -> bool {
    is_real(tensor) && !matches!(tensor.role, Role::Target(TargetKind::OneHot | TargetKind::Probability))
}

/// An index for each axis.
pub fn axes(tensor: &Tensor) -> Vec<Index> {
    (0..).zip(&tensor.shape).map(|(id, extent)| Index::new(id, *extent, "i")).collect()
}

/// What arguments of functions must be, as conditions for all values of the indices.
struct Demands {
    found: Vec<Given>,
}

impl Demands {
    fn demand(&mut self, comparison: Comparison, argument: &Term, bound: i64) {
        let condition = Term::compare(comparison, argument.clone(), Term::integer(bound));
        if condition.as_number().is_none() {
            self.found.push(Given { span: Default::default(), indices: condition.free().to_vec(), condition });
        }
    }

    /// Those of a term, the inner ones first, without which the others have no value.
    fn collect(&mut self, term: &Term) {
        term.children().iter().for_each(|child| self.collect(child));
        match term.node() {
            Node::Pow(base, exponent) => match exponent.as_number() {
                Some(number) if number.as_integer().is_some_and(|power| power >= 0) => {}
                Some(number) if number.as_integer().is_some() => self.demand(Comparison::NotEqual, base, 0),
                _ => self.demand(Comparison::Greater, base, 0),
            },
            Node::Call(Function::Log | Function::Sqrt, parts) => self.demand(Comparison::Greater, &parts[0], 0),
            Node::Call(Function::Asin | Function::Acos, parts) => {
                self.demand(Comparison::Less, &parts[0], 1);
                self.demand(Comparison::Greater, &parts[0], -1);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;

    fn uniform(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        }
    }

    fn built(text: &str) -> Model {
        let source = Source::new("model.dr", text);
        crate::model::build(&source, &crate::syntax::parse(&source).expect("syntax")).expect("a model")
    }

    /// Everything has a value at ten points of each of these.
    #[test]
    fn points_are_found_where_everything_is_defined() {
        let models = [
            "input x[3]\nparam w[3] ~ ones\nf = w[i] sqrt(x[i])\nloss = f^2\n",
            "input x[3]\nparam W[2,3] ~ glorot\nh[i] = tanh(W[i,j] log(x[j]))\nloss = sum[i] h[i]^2\n",
            "param x[3] ~ ones\nparam p[3] ~ ones\ny[i] = x[i]^p[i]\nloss = sum[i] y[i]^2\n",
            "input x[4]\nd[i:3] = log(x[i+1] - x[i])\nloss = sum[i] d[i]\n",
            "input x[6]\nparam w[6] ~ normal(0, 1)\nz = w[i] x[i]\nloss = acos(z) + log(z) + log(1 - z)\n",
            "input x[5]\nparam w[5] ~ normal(0, 1)\nz[i] = log(-x[i]) / sqrt(w[i])\nloss = sum[i] z[i]\n",
            "const K[5,5]\ninput x[5]\nq = x[i] K[i,j] x[j]\nloss = log(q) + sqrt(3 - q)\n",
            "input x[3]\nparam m ~ zeros\nloss = sum[i] log(log(log(x[i] - m)))\n",
            "input x[8]\ns[i] = x[i] - 5\nloss = sum[i] sqrt(s[i]) + log(50 - sum[j] x[j])\n",
        ];
        for text in models {
            let model = built(text);
            for seed in 0..10 {
                let mut point = random_point(&model, &mut uniform(seed));
                let all: Vec<Name> = model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
                complete(&model, &mut point, &all).expect("values");
                assert_eq!(undefined(&model, &point), None, "seed {seed} of\n{text}{point:?}");
            }
        }
    }

    #[test]
    fn points_keep_declarations() {
        let model = built(
            "input x[9] positive\ninput u[9] in [-3, -1]\nconst K[5,5] symmetric\ntarget q[7] probability\n\
             param s ~ constant(2) in [1, inf]\nloss = s + x[i] u[i] + sum[i,j] K[i,j] + sum[k] log(q[k])\n",
        );
        for seed in 0..10 {
            let point = random_point(&model, &mut uniform(seed));
            assert!(keeps_declarations(&model, &point), "{point:?}");
            assert_eq!(point["q"].values.iter().sum::<f64>(), 1.0);
            assert!(point["x"].values.iter().all(|value| *value > 0.0));
            assert!(point["u"].values.iter().all(|value| (-3.0..=-1.0).contains(value)));
        }
    }
}
