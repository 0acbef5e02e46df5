//! One program computed in every way that the project has, held to the evaluator of these tests.

use super::common::fill;
use super::evaluate::{Entries, Invalid, evaluate};
use super::grammar::{Expr, Kind, Program, Sub};
use super::inputs::{self, Manner, Values};
use super::number::{Ball, DEFINITION, Number, RULES, SINGLE, WAYS};
use super::{differences, print};
use deltarule_core::derivation::{derivative_name, for_running, stabilised, with_gradients};
use deltarule_core::meaning::{Array, Point, Totals, complete};
use deltarule_core::model::{self, Model};
use deltarule_core::plan::{Memory, Request, plan};
use deltarule_core::syntax;
use deltarule_core::term::{Index, Name, Term};
use deltarule_core::text::Source;
use deltarule_run::execute::Engine;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where something is wrong; `what` stays while a program is made smaller.
#[derive(Debug, Clone)]
pub struct Failure {
    pub what: String,
    pub detail: String,
}

/// Entries of values and of derivatives with and without a bound in single precision.
pub static COUNTS: [AtomicUsize; 4] = [const { AtomicUsize::new(0) }; 4];

/// Powers of numbers below this do not overflow. Where a factor is the same on all sides of several conditions, it may
/// stand outside of them: where all are false, 0 is multiplied by it.
const LARGE: f64 = 1e9;

/// How much larger than its bound an error may be.
const SLACK: [f64; WAYS] = [4.0, 64.0, 64.0];

fn fails<T>(what: &str, detail: impl Into<String>) -> Result<T, Failure> {
    Err(Failure { what: what.into(), detail: detail.into() })
}

/// Everything known of a program, with its values for each example.
pub struct Known {
    pub program: Program,
    pub examples: Vec<Values>,
    pub expected: Vec<BTreeMap<String, Entries>>,
    /// The derivatives by each variable, for each example.
    pub gradients: Vec<BTreeMap<String, Vec<Ball>>>,
}

impl Known {
    /// Whether what is differentiated has no finite value in this precision, so that it has no derivative: NaN is as
    /// true then as what some order of the chain rule makes of it.
    fn has_no_derivative(&self, example: usize, precision: usize) -> bool {
        let ball = self.expected[example][&self.program.target][0].ball;
        !ball.value.is_finite() || ball.error[precision].is_infinite()
    }
}

/// The values by the evaluator of these tests.
pub fn known(program: &Program, seed: u64) -> Result<Known, Invalid> {
    let count = if seed.is_multiple_of(3) && differs(program, &program.target) { 3 } else { 1 };
    let examples = inputs::values(program, seed, count);
    let expected = examples.iter().map(|given| evaluate(program, given, true)).collect::<Result<Vec<_>, Invalid>>()?;
    let of = |(values, given): (&BTreeMap<String, Entries>, &Values)| {
        let is_small = given.values().flatten().all(|value| value.abs() < LARGE);
        let mut found = gradients(program, &values[&program.target][0], is_small);
        if !is_small {
            beside_infinity(program, values, &mut found);
        }
        found
    };
    let gradients = expected.iter().zip(&examples).map(of).collect();
    Ok(Known { program: program.clone(), examples, expected, gradients })
}

/// The derivatives of a scalar by the variables, in their shapes.
///
/// What the value does not move with has the derivative 0. The rules take what is read for finite, so that it may leave a
/// sum in which nothing is left; and backwards the derivative by something that is computed, where that is infinite or
/// NaN, is multiplied by the 0 of all that it does not move with.
pub fn gradients(program: &Program, of: &Number, is_small: bool) -> BTreeMap<String, Vec<Ball>> {
    let mut number = 0;
    let slopes = &of.slopes;
    let mut of = |tensor: &super::grammar::Tensor| {
        let mut still = Ball::exact(0.0);
        if reaches(program, &program.target, &tensor.name) {
            still.or_nan = of.wild.map(|wild| wild || !is_small);
            still.or_nan[DEFINITION] = false;
        }
        let count = tensor.shape.iter().product::<usize>() as u32;
        // Later steps of a recurrence are gone through, though nothing moves with them.
        let may_be_nan = !is_small && has_boundary(program);
        let entry = |place: u32| {
            let found = slopes.binary_search_by_key(&(number + place), |(variable, _)| *variable);
            let mut slope = found.map_or(still, |found| slopes[found].1);
            slope.or_nan = slope.or_nan.map(|or_nan| or_nan || may_be_nan);
            slope
        };
        let entries = (0..count).map(entry).collect();
        number += count;
        (tensor.name.clone(), entries)
    };
    let real = program.tensors.iter().filter(|tensor| !matches!(tensor.kind, Kind::Tokens(_)));
    real.map(&mut of).collect()
}

/// Where some entry on the way moves infinitely with a variable, since something infinite is given, the derivative may be
/// NaN: backwards that is multiplied by the derivative by the entry, which is 0 where nothing reads it. So it is in the
/// contract: "a derivative that is 0 may then be NaN", and what is added to it.
fn beside_infinity(program: &Program, values: &BTreeMap<String, Entries>, gradients: &mut BTreeMap<String, Vec<Ball>>) {
    let on_the_way = program.equations.iter().filter(|equation| reaches_name(program, &program.target, &equation.name));
    let slopes = on_the_way.flat_map(|equation| &values[&equation.name]).flat_map(|entry| &entry.slopes);
    let is_infinite = |slope: &Ball| !slope.value.is_finite() || slope.error[SINGLE].is_infinite();
    let infinite: BTreeSet<u32> = slopes.filter(|(_, slope)| is_infinite(slope)).map(|(own, _)| *own).collect();
    let mut number = 0;
    for tensor in program.tensors.iter().filter(|tensor| !matches!(tensor.kind, Kind::Tokens(_))) {
        for ball in gradients.get_mut(&tensor.name).into_iter().flatten() {
            if infinite.contains(&number) {
                (ball.or_nan[SINGLE], ball.or_nan[RULES]) = (true, true);
            }
            number += 1;
        }
    }
}

/// Whether a tensor is computed from one that is defined, or is it.
fn reaches_name(program: &Program, name: &str, defined: &str) -> bool {
    let Some(equation) = program.equation(name) else { return false };
    let mut found = name == defined;
    for expr in [Some(&equation.body), equation.boundary.as_ref()].into_iter().flatten() {
        names(&mut expr.clone(), &mut |read| found |= read != name && (found || reaches_name(program, read, defined)));
    }
    found
}

/// Whether a tensor has a value for each example.
fn differs(program: &Program, name: &str) -> bool {
    if let Some(tensor) = program.tensor(name) {
        return !matches!(tensor.kind, Kind::Param | Kind::Const);
    }
    let Some(equation) = program.equation(name) else { return false };
    let mut found = false;
    for expr in [Some(&equation.body), equation.boundary.as_ref()].into_iter().flatten() {
        names(&mut expr.clone(), &mut |read| found |= read != name && differs(program, read));
    }
    found
}

/// Whether a tensor is computed from another.
fn reaches(program: &Program, name: &str, given: &str) -> bool {
    let Some(equation) = program.equation(name) else { return name == given };
    let mut found = false;
    for expr in [Some(&equation.body), equation.boundary.as_ref()].into_iter().flatten() {
        names(&mut expr.clone(), &mut |read| found |= read != name && (found || reaches(program, read, given)));
    }
    found
}

/// All tensors that an expression reads.
pub fn names(expr: &mut Expr, found: &mut dyn FnMut(&str)) {
    fn of_sub(sub: &Sub, found: &mut dyn FnMut(&str)) {
        match sub {
            Sub::Affine(..) | Sub::Place(..) => {}
            Sub::Floor(a, _) | Sub::Mod(a, _) => of_sub(a, found),
            Sub::Plus(_, a, b) => [a, b].into_iter().for_each(|sub| of_sub(sub, found)),
            Sub::Token(name, subs) => {
                found(name);
                subs.iter().for_each(|sub| of_sub(sub, found));
            }
        }
    }
    fn of_condition(condition: &super::grammar::Condition, found: &mut dyn FnMut(&str)) {
        use super::grammar::Condition;
        match condition {
            Condition::Integers(_, a, b) => [a, b].into_iter().for_each(|sub| of_sub(sub, found)),
            Condition::Values(..) => {}
            Condition::And(a, b) | Condition::Or(a, b) => [a, b].into_iter().for_each(|own| of_condition(own, found)),
            Condition::Not(a) => of_condition(a, found),
        }
    }
    expr.each(&mut |expr| match expr {
        Expr::Read(read) => {
            found(&read.tensor);
            read.subs.iter().for_each(|sub| of_sub(sub, found));
        }
        Expr::Integer(sub) => of_sub(sub, found),
        Expr::Mask(condition, _) | Expr::Where(condition, ..) => of_condition(condition, found),
        _ => {}
    });
}

/// Holds the project to what is known.
pub fn check(known: &Known, seed: u64) -> Result<(), Failure> {
    let text = print::program(&known.program);
    let model = match (built(&text), has_nothing(&known.program)) {
        // The indices of a boundary have no ranges of their own, so that none is shorter than an axis there.
        (Err(failure), false) if has_boundary(&known.program) && failure.detail.contains("cannot run over") => {
            return Ok(());
        }
        (model, false) => model?,
        (Ok(_), true) => return fails("not refused", "an extent is 0"),
        (Err(failure), true) if failure.detail.contains("this extent is 0") => return Ok(()),
        (Err(failure), true) => return Err(failure),
    };
    let target = &*known.program.target;
    let wrt: Vec<Name> = known.program.variables().iter().map(|tensor| Name::from(tensor.name.as_str())).collect();
    let points: Vec<Point> = known.examples.iter().map(|given| point(&known.program, given)).collect();
    let defined: Vec<Name> = known.program.equations.iter().map(|equation| equation.name.as_str().into()).collect();
    let stable = stabilised(&model);
    let mut forms = vec![("stabilised value", stable.clone()), ("value for running", for_running(&model))];
    if !has_rows(&known.program) {
        // A softmax as it is written overflows; only its stable form does not.
        forms.push(("reference value", model.clone()));
    }
    for (what, model) in forms {
        for (point, expected) in points.iter().zip(&known.expected) {
            let mut point = point.clone();
            if let Err(error) = complete(&model, &mut point, &defined) {
                return fails(what, error.to_string());
            }
            for name in &defined {
                let balls = expected[&**name].iter().map(|number| number.ball);
                holds(what, name, balls, &point[name].values, RULES)?;
            }
        }
    }
    if inputs::manner(seed) == Manner::Any {
        differences::hold(known, seed)?;
    }
    duals(known, &stable, &points)?;
    let derived = match with_gradients(&model, target, &wrt) {
        Ok(derived) => derived,
        Err(error) => return fails("not derived", error.to_string()),
    };
    let names: Vec<Name> = wrt.iter().map(|name| derivative_name(target, name)).collect();
    for (example, (point, gradients)) in points.iter().zip(&known.gradients).enumerate() {
        let mut point = point.clone();
        if let Err(error) = complete(&derived, &mut point, &names) {
            return fails("gradient by the rules", error.to_string());
        }
        for (name, variable) in names.iter().zip(&wrt) {
            let balls = gradients[&**variable].iter().copied();
            let found = as_far(&point[name].values, known.has_no_derivative(example, RULES), balls.clone());
            holds("gradient by the rules", name, balls, &found, RULES)?;
        }
    }
    fast(known, &derived, &defined, &wrt)
}

/// Whether a softmax, or the logarithm of one, stands in it.
fn has_rows(program: &Program) -> bool {
    let mut found = false;
    for equation in &program.equations {
        for expr in [Some(&equation.body), equation.boundary.as_ref()].into_iter().flatten() {
            expr.clone().each(&mut |expr| found |= matches!(expr, Expr::Row(..)));
        }
    }
    found
}

fn has_boundary(program: &Program) -> bool {
    program.equations.iter().any(|equation| equation.boundary.is_some())
}

/// Whether an extent is 0, which the language does not have.
fn has_nothing(program: &Program) -> bool {
    let mut found = program.tensors.iter().any(|tensor| tensor.shape.contains(&0));
    for equation in &program.equations {
        found |= equation.left.iter().any(|binder| binder.extent == 0);
        for expr in [Some(&equation.body), equation.boundary.as_ref()].into_iter().flatten() {
            expr.clone().each(&mut |expr| match expr {
                Expr::Reduce(_, binders, ..) => found |= binders.iter().any(|binder| binder.extent == 0),
                Expr::Row(_, _, binder, ..) => found |= binder.extent == 0,
                _ => {}
            });
        }
    }
    found
}

fn built(text: &str) -> Result<Model, Failure> {
    let source = Source::new("program.dr", text);
    let built = syntax::parse(&source).and_then(|tree| model::build(&source, &tree));
    built.or_else(|problems| {
        let messages: Vec<String> = problems.iter().map(|problem| problem.render(&source)).collect();
        // The same message about other names is the same failure.
        let first = messages[0].lines().next().unwrap_or_default();
        let quoted = first.split('`').step_by(2).collect::<Vec<_>>().join("_");
        let kind: String = quoted.chars().filter(|letter| !letter.is_ascii_digit()).collect();
        fails(&format!("refused: {kind}"), messages.join("\n"))
    })
}

fn array(program: &Program, name: &str, values: &[f64]) -> Array {
    Array { shape: program.shape(name).unwrap_or_default(), values: values.to_vec() }
}

fn point(program: &Program, given: &Values) -> Point {
    given.iter().map(|(name, values)| (name.as_str().into(), array(program, name, values))).collect()
}

/// The derivatives by the interpreter's dual numbers, of a few entries.
fn duals(known: &Known, model: &Model, points: &[Point]) -> Result<(), Failure> {
    let target = &*known.program.target;
    for (point, gradients) in points.iter().zip(&known.gradients).take(1) {
        let mut whole = point.clone();
        let defined: Vec<Name> = known.program.equations.iter().map(|equation| equation.name.as_str().into()).collect();
        if let Err(error) = complete(model, &mut whole, &defined) {
            return fails("dual numbers", error.to_string());
        }
        let totals = Totals::new(model, &whole);
        for variable in known.program.variables() {
            let name = derivative_name(target, &variable.name);
            let indices: Vec<Index> =
                (0..).zip(&variable.shape).map(|(axis, extent)| Index::new(axis, *extent, "i")).collect();
            let term = Term::read(&name, indices.iter().map(Term::index).collect());
            let count: usize = variable.shape.iter().product();
            let asked = count.min(8);
            let found: Result<Vec<f64>, _> = (0..asked)
                .map(|number| {
                    let place = number * (count / asked);
                    let at: Vec<(Index, usize)> =
                        indices.iter().cloned().zip(unravel(place, &variable.shape)).collect();
                    totals.evaluate(&term, &at)
                })
                .collect();
            let balls = (0..asked).map(|number| gradients[&variable.name][number * (count / asked)]);
            match found {
                Ok(found) => {
                    let found = as_far(&found, known.has_no_derivative(0, DEFINITION), balls.clone());
                    holds("gradient by dual numbers", &name, balls, &found, DEFINITION)?;
                }
                Err(error) => return fails("gradient by dual numbers", format!("{name}: {error}")),
            }
        }
    }
    Ok(())
}

/// What was found, with what is expected in place of NaN, or instead of NaN, where NaN is as true.
fn as_far(found: &[f64], nan_is_true: bool, expected: impl Iterator<Item = Ball>) -> Vec<f64> {
    let one = |(found, ball): (&f64, Ball)| {
        let is_free = nan_is_true && (found.is_nan() || ball.value.is_nan());
        if is_free { ball.value } else { *found }
    };
    found.iter().zip(expected).map(one).collect()
}

fn unravel(mut place: usize, shape: &[usize]) -> Vec<usize> {
    let mut at: Vec<usize> = shape
        .iter()
        .rev()
        .map(|extent| {
            let own = place % extent;
            place /= extent;
            own
        })
        .collect();
    at.reverse();
    at
}

/// The fast path: all values, and the gradients.
fn fast(known: &Known, derived: &Model, defined: &[Name], wrt: &[Name]) -> Result<(), Failure> {
    let target = &*known.program.target;
    let names: Vec<Name> = wrt.iter().map(|name| derivative_name(target, name)).collect();
    let outputs: Vec<Name> = defined.iter().chain(&names).cloned().collect();
    let batch = known.examples.len();
    let request = Request { outputs: &outputs, batch, descend: &[], memory: Memory::Plenty };
    let plan = match plan(derived, &request) {
        Ok(plan) => plan,
        Err(error) => return fails("not planned", error.to_string()),
    };
    if let Err(wrong) = plan.verify() {
        return fails("plan not verified", wrong.to_string());
    }
    let mut engine = Engine::new(plan);
    fill(&mut engine, &given(known));
    engine.run(0.0);
    for name in defined {
        let each = known.expected.iter().map(|values| values[&**name].iter().map(|number| number.ball).collect());
        hold_fast("fast value", known, &engine, derived, name, each.collect())?;
    }
    for (name, variable) in names.iter().zip(wrt) {
        let each = known.gradients.iter().map(|gradients| gradients[&**variable].clone());
        hold_fast("fast gradient", known, &engine, derived, name, each.collect())?;
    }
    Ok(())
}

/// What is given, with the examples in front.
fn given(known: &Known) -> super::common::Given {
    let of = |tensor: &super::grammar::Tensor| {
        let shared = matches!(tensor.kind, Kind::Param | Kind::Const);
        let examples = if shared { &known.examples[..1] } else { &known.examples[..] };
        let values: Vec<f64> = examples.iter().flat_map(|given| given[&tensor.name].clone()).collect();
        let shape = if shared { Vec::new() } else { vec![examples.len()] };
        (tensor.name.as_str().into(), Array { shape: [shape, tensor.shape.clone()].concat(), values })
    };
    known.program.tensors.iter().map(of).collect()
}

/// Holds an output of the fast path to the values of all examples, or to their mean.
fn hold_fast(
    what: &str,
    known: &Known,
    engine: &Engine,
    model: &Model,
    name: &Name,
    each: Vec<Vec<Ball>>,
) -> Result<(), Failure> {
    let Some(found) = engine.tensor(name) else { return fails(what, format!("no values of {name}")) };
    let per_example = model.tensor(name).is_some_and(|tensor| tensor.per_example);
    let balls: Vec<Ball> = if per_example {
        each.into_iter().flatten().collect()
    } else {
        let count = each.len() as f64;
        let share = Ball::inexact(1.0 / count, [0.0; WAYS], if count == 1.0 { 0.0 } else { 1.0 }, 1.0 / count);
        let mean = |place: usize| {
            let all: Vec<Ball> = each.iter().map(|balls| balls[place]).collect();
            let sum = Ball::sum(&all);
            // The mean of `a x` and `b x` may be `(a + b) / 2` times `x`.
            let parts = sum.value.is_nan() && all.iter().any(|ball| !ball.value.is_nan());
            match all.len() {
                1 => sum,
                _ if parts => Ball::unknown(sum.value),
                _ => Ball::product(&[share, sum]),
            }
        };
        (0..each[0].len()).map(mean).collect()
    };
    let is_gradient = what == "fast gradient";
    let kind = 2 * usize::from(is_gradient);
    for ball in &balls {
        COUNTS[kind + usize::from(ball.error[SINGLE].is_finite())].fetch_add(1, Ordering::Relaxed);
    }
    let found: Vec<f64> = found.iter().map(|value| *value as f64).collect();
    let nan_is_true = is_gradient && (0..known.examples.len()).any(|example| known.has_no_derivative(example, SINGLE));
    let found = as_far(&found, nan_is_true, balls.iter().copied());
    holds(what, name, balls.into_iter(), &found, SINGLE)
        .map_err(|failure| Failure { detail: format!("{}\n{}", failure.detail, engine.plan()), ..failure })
}

/// Whether values are what they should be in this precision, NaN and infinities included.
pub fn holds(
    what: &str,
    name: &str,
    expected: impl ExactSizeIterator<Item = Ball>,
    found: &[f64],
    precision: usize,
) -> Result<(), Failure> {
    if expected.len() != found.len() {
        return fails(what, format!("{name} has {} entries instead of {}", found.len(), expected.len()));
    }
    for (place, (ball, &found)) in expected.zip(found).enumerate() {
        let error = ball.error[precision] * SLACK[precision];
        let same = ball.value == found || (ball.value.is_nan() && found.is_nan());
        let same = same || (found.is_nan() && ball.or_nan[precision]);
        let is_near = (ball.value - found).abs() <= error;
        if error.is_finite() && !same && !is_near {
            return fails(what, format!("{name} at {place} is {found:e} instead of {:e} within {error:e}", ball.value));
        }
    }
    Ok(())
}
