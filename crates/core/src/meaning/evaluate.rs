//! The interpreter: a walk over a term, one case for each kind of node.

use super::function::{Form, OneArgument, extremum};
use super::prepare::{Axis, Code, Entry, Jacobian, Known, Linear, Loop, MOST_EVEN, Names, Preparation, Read};
use super::scalar::{Dual, Scalar, Variable};
use super::{MeaningError, function};
use crate::model::Definition;
use crate::term::{Connective, Function, Index, Reduction, Term};

/// How deep derivatives may be nested.
pub(crate) const DEEPEST: usize = 3;

/// A value; the error is boxed, since it is rare and large.
type Outcome<N> = Result<N, Box<MeaningError>>;

/// A term that is evaluated for many values of its free indices.
pub(super) struct Prepared<'a> {
    code: Code<'a>,
    frame: Frame,
}

/// The values of the indices.
#[derive(Default)]
pub(super) struct Frame {
    /// Of the free ones, then of those that the reductions around bind.
    values: Vec<usize>,
    /// How many bodies of reductions were evaluated so far: nearly all the work.
    bodies: usize,
}

impl<'a> Prepared<'a> {
    /// The term with these free indices.
    pub fn new(names: Names<'a>, term: &'a Term, free: &[Index]) -> Prepared<'a> {
        Prepared { code: Preparation::new(names, free).code(term), frame: Frame::default() }
    }

    /// The right side of a definition.
    pub fn definition(names: Names<'a>, definition: &'a Definition) -> Prepared<'a> {
        Prepared::new(names, &definition.body, &definition.indices)
    }

    /// The value where the free indices have these values, in their order and below their extents.
    pub fn at(&mut self, values: &[usize]) -> Result<f64, MeaningError> {
        self.frame.values.clear();
        self.frame.values.extend(values);
        plain(&self.code, &mut self.frame).map_err(|error| *error)
    }

    /// As [`Prepared::at`], with the derivatives by the variables.
    pub fn moving_at<N: Level>(&mut self, values: &[usize], variables: &[Variable]) -> Result<N, MeaningError> {
        self.frame.values.clear();
        self.frame.values.extend(values);
        value(&self.code, &mut self.frame, variables).map_err(|error| *error)
    }

    /// How many bodies of reductions were evaluated so far.
    pub fn work(&self) -> usize {
        self.frame.bodies
    }
}

/// A [`Scalar`] of which there is one with one more derivative.
pub(super) trait Level: Scalar {
    /// The derivative by the last of the variables, of which there is one for each level around and one more.
    fn derivative(of: &Code, frame: &mut Frame, variables: &[Variable]) -> Outcome<Self>;
}

macro_rules! levels {
    ($($number:ty),*) => {$(
        impl Level for $number {
            fn derivative(of: &Code, frame: &mut Frame, variables: &[Variable]) -> Outcome<Self> {
                Ok(value::<Dual<$number>>(of, frame, variables)?.derivative())
            }
        }
    )*};
}

levels!(f64, Dual<f64>, Dual<Dual<f64>>);

impl Level for Dual<Dual<Dual<f64>>> {
    fn derivative(_: &Code, _: &mut Frame, _: &[Variable]) -> Outcome<Self> {
        Err(Box::new(MeaningError::Depth))
    }
}

/// The value without derivatives.
fn plain(code: &Code, frame: &mut Frame) -> Outcome<f64> {
    value::<f64>(code, frame, &[])
}

/// The value, and its derivatives by the variables: as many as `N` is deep.
fn value<N: Level>(code: &Code, frame: &mut Frame, variables: &[Variable]) -> Outcome<N> {
    match code {
        Code::Fault(error) => Err(Box::new(error.clone())),
        Code::Number(number) => Ok(N::constant(*number)),
        Code::Integer(linear) => Ok(N::constant(integer(linear, frame)? as f64)),
        Code::Read(own) => read(own, frame, variables),
        Code::Total(entry, totals) => {
            let at = subscripts(entry, frame)?;
            Ok(N::constant(totals.entry(entry.tensor, &at).map_err(Box::new)?))
        }
        Code::Sum(addends) => {
            let mut total = N::nothing();
            for addend in addends {
                N::add(&mut total, &value(addend, frame, variables)?);
            }
            Ok(N::total(total))
        }
        Code::Product(conditions, factors) => product(conditions, factors, frame, variables),
        Code::Power(sides) => {
            let base: N = value(&sides[0], frame, variables)?;
            Ok(base.power(&value(&sides[1], frame, variables)?))
        }
        Code::Call(function, arguments) => call(*function, arguments, frame, variables),
        Code::Floor(multiples, divisor) => {
            let mut dividend = 0.0;
            for (number, code) in multiples {
                dividend += number * plain(code, frame)?;
            }
            Ok(N::constant((dividend / divisor).floor()))
        }
        Code::Share(addends, normaliser) => {
            share(values(addends, frame, variables)?, value(normaliser, frame, variables)?)
        }
        Code::Compare(..) | Code::Logic(..) => Ok(N::constant(if holds(code, frame)? { 1.0 } else { 0.0 })),
        Code::Where(parts) => {
            let [condition, then, otherwise] = &**parts;
            value(if holds(condition, frame)? { then } else { otherwise }, frame, variables)
        }
        Code::Loop(own) => match &own.known {
            Some(known) if variables.is_empty() => Ok(N::constant(remembered(own, known, frame)?)),
            _ => reduce(own, frame, variables),
        },
        Code::Derivative(of, by) => {
            let variable = variable(by, frame)?;
            N::derivative(of, frame, &with(variables, variable))
        }
        Code::Jacobian(own) => jacobian(own, frame, variables),
    }
}

fn values<N: Level>(codes: &[Code], frame: &mut Frame, variables: &[Variable]) -> Outcome<Vec<N>> {
    codes.iter().map(|code| value(code, frame, variables)).collect()
}

fn integer(linear: &Linear, frame: &Frame) -> Outcome<i64> {
    let mut sum = linear.constant;
    for (place, coefficient) in &linear.terms {
        let product = i64::try_from(frame.values[*place]).ok().and_then(|value| coefficient.checked_mul(value));
        sum = product.and_then(|product| sum.checked_add(product)).ok_or_else(|| Box::new(MeaningError::Overflow))?;
    }
    Ok(sum)
}

fn read<N: Level>(read: &Read, frame: &mut Frame, variables: &[Variable]) -> Outcome<N> {
    let (entry, array) = (&read.entry, &read.array);
    let place = place(entry, frame)?;
    let length = || {
        let (tensor, shape) = (entry.tensor.clone(), array.shape.clone());
        Box::new(MeaningError::Length { tensor, shape, values: array.values.len() })
    };
    let value = *array.values.get(place).ok_or_else(length)?;
    let moved = read.moving.filter(|_| !variables.is_empty()).and_then(|moving| moving.entry(place));
    Ok(moved.unwrap_or_else(|| N::entry(value, entry.tensor, place, variables)))
}

/// Where an entry stands in its array. Subscripts have no derivative.
fn place(entry: &Entry, frame: &mut Frame) -> Outcome<usize> {
    let mut place = 0;
    for (number, axis) in entry.axes.iter().enumerate() {
        place += subscript(entry, number, axis, frame)? * axis.stride;
    }
    Ok(place)
}

fn subscripts(entry: &Entry, frame: &mut Frame) -> Outcome<Vec<usize>> {
    entry.axes.iter().enumerate().map(|(number, axis)| subscript(entry, number, axis, frame)).collect()
}

/// The subscript as an integer inside the shape.
fn subscript(entry: &Entry, number: usize, axis: &Axis, frame: &mut Frame) -> Outcome<usize> {
    let Axis { subscript, extent, .. } = axis;
    let outside = |subscript: f64| {
        Box::new(MeaningError::Outside { tensor: entry.tensor.clone(), axis: number, subscript, extent: *extent })
    };
    if let Code::Integer(linear) = subscript {
        let at = integer(linear, frame)?;
        return usize::try_from(at).ok().filter(|at| at < extent).ok_or_else(|| outside(at as f64));
    }
    let at = plain(subscript, frame)?;
    if at.fract() != 0.0 {
        let (tensor, axis) = (entry.tensor.clone(), number);
        return Err(Box::new(MeaningError::NotInteger { tensor, axis, subscript: at, extent: *extent }));
    }
    if at >= 0.0 && at < *extent as f64 { Ok(at as usize) } else { Err(outside(at)) }
}

/// A product is exactly 0 where a condition among its factors is false; then nothing else is evaluated.
fn product<N: Level>(conditions: &[Code], factors: &[Code], frame: &mut Frame, variables: &[Variable]) -> Outcome<N> {
    if !conditions.is_empty() && any_is(false, conditions, frame)? {
        return Ok(N::constant(0.0));
    }
    let Some((first, rest)) = factors.split_first() else { return Ok(N::constant(1.0)) };
    let mut product: N = value(first, frame, variables)?;
    for factor in rest {
        product = product.times(&value(factor, frame, variables)?);
    }
    Ok(product)
}

/// Whether a condition holds: it is not 0.
fn holds(condition: &Code, frame: &mut Frame) -> Outcome<bool> {
    match condition {
        Code::Compare(comparison, sides) => Ok(comparison.holds(plain(&sides[0], frame)?, plain(&sides[1], frame)?)),
        Code::Logic(Connective::And, conditions) => Ok(!any_is(false, conditions, frame)?),
        Code::Logic(Connective::Or, conditions) => any_is(true, conditions, frame),
        Code::Logic(Connective::Not, conditions) => Ok(!any_is(true, conditions, frame)?),
        _ => Ok(plain(condition, frame)? != 0.0),
    }
}

/// Whether one of the conditions is `wanted`. Their order in a normal form means nothing, so one that is
/// `wanted` decides even where another cannot be evaluated, on either side of it.
fn any_is(wanted: bool, conditions: &[Code], frame: &mut Frame) -> Outcome<bool> {
    let mut result = Ok(false);
    for condition in conditions {
        match holds(condition, frame) {
            Ok(found) if found == wanted => return Ok(true),
            Ok(_) => {}
            Err(error) => result = Err(error),
        }
    }
    result
}

fn call<N: Level>(function: Function, arguments: &[Code], frame: &mut Frame, variables: &[Variable]) -> Outcome<N> {
    match Form::of(function) {
        // The derivative of these is 0, at every level.
        Form::One(one @ (OneArgument::Stop | OneArgument::Sign | OneArgument::Floor)) => {
            Ok(N::constant(function::value(one, plain(&arguments[0], frame)?)))
        }
        Form::One(one) => Ok(N::call(one, &value(&arguments[0], frame, variables)?)),
        Form::Max => Ok(greatest(&values::<N>(arguments, frame, variables)?)),
        Form::Min => Ok(least(&values::<N>(arguments, frame, variables)?)),
        Form::Mod => {
            let dividend: N = value(&arguments[0], frame, variables)?;
            Ok(dividend.modulo(&value(&arguments[1], frame, variables)?))
        }
    }
}

/// `exp(u - l)`. Where the whole row is minus infinity, it is 0, and so are its derivatives; where infinity is
/// among the row, there are no shares.
fn share<N: Level>(mut addends: Vec<N>, normaliser: N) -> Outcome<N> {
    if normaliser.value() == f64::INFINITY && N::sum(&addends).value() == f64::NEG_INFINITY {
        return Ok(N::constant(0.0));
    }
    let is_undefined = normaliser.value() == f64::NEG_INFINITY;
    addends.push(normaliser);
    let share = N::call(OneArgument::Exp, &N::sum(&addends));
    Ok(if is_undefined { share.scaled(f64::NAN) } else { share })
}

fn reduce<N: Level>(own: &Loop, frame: &mut Frame, variables: &[Variable]) -> Outcome<N> {
    match own.reduction {
        Reduction::Sum if own.is_even => {
            let mut total = N::nothing();
            let levels = own.indices.len() - 1;
            each_body(own, levels, frame, &mut |frame| add_line::<N>(own, frame, variables, &mut total))?;
            Ok(N::total(total))
        }
        Reduction::Sum => {
            let mut total = N::nothing();
            each_body(own, own.indices.len(), frame, &mut |frame| {
                N::add(&mut total, &value(&own.body, frame, variables)?);
                Ok(())
            })?;
            Ok(N::total(total))
        }
        Reduction::Prod => {
            let row: Vec<N> = row(own, frame, variables)?;
            Ok(row.iter().fold(N::constant(1.0), |product, factor| product.times(factor)))
        }
        Reduction::Max => Ok(greatest(&row::<N>(own, frame, variables)?)),
        Reduction::Min => Ok(least(&row::<N>(own, frame, variables)?)),
        Reduction::LogSumExp => Ok(N::logsumexp(&row(own, frame, variables)?)),
        Reduction::ArgMax => position(&row(own, frame, &[])?, |a, b| a > b).map(N::constant),
        Reduction::ArgMin => position(&row(own, frame, &[])?, |a, b| a < b).map(N::constant),
    }
}

/// Entries along the innermost loop of a reduction: where the first stands, and how far apart they are.
#[derive(Clone, Copy)]
struct Line<'l, 'a> {
    read: &'l Read<'a>,
    first: usize,
    step: usize,
}

impl<'l, 'a> Line<'l, 'a> {
    /// `None` where an entry could lie outside, or moves with the variables.
    fn new(read: &'l Read<'a>, (place_of_index, extent): (usize, usize), frame: &mut Frame) -> Option<Line<'l, 'a>> {
        let mut at = |position: usize| -> Option<usize> {
            frame.values[place_of_index] = position;
            place(&read.entry, frame).ok().filter(|place| *place < read.array.values.len())
        };
        // Subscripts that are inside at both ends are inside between them.
        let (last, first) = (at(extent - 1)?, at(0)?);
        let step = at(1)?.wrapping_sub(first);
        debug_assert_eq!(last, first.wrapping_add(step.wrapping_mul(extent - 1)));
        Some(Line { read, first, step })
    }

    fn at<N: Level>(&self, position: usize, variables: &[Variable]) -> N {
        let place = self.first.wrapping_add(self.step.wrapping_mul(position));
        N::entry(self.read.array.values[place], self.read.entry.tensor, place, variables)
    }
}

/// Adds up the bodies of the innermost loop of a reduction that reads evenly spaced entries.
fn add_line<N: Level>(own: &Loop, frame: &mut Frame, variables: &[Variable], total: &mut N::Total) -> Outcome<()> {
    let Some(&(place, extent)) = own.indices.last() else { return Ok(()) };
    let factors = match &own.body {
        Code::Product(_, factors) => factors.as_slice(),
        body => std::slice::from_ref(body),
    };
    let mut lines: [Option<Line>; MOST_EVEN] = [None; MOST_EVEN];
    for (line, factor) in lines.iter_mut().zip(factors) {
        let Code::Read(read) = factor else { continue };
        let stays = read.moving.is_none() || variables.is_empty();
        *line = Line::new(read, (place, extent), frame).filter(|_| stays);
    }
    frame.bodies += extent - 1;
    let all_even = lines.iter().take(factors.len()).all(Option::is_some);
    for position in 0..extent {
        if !all_even {
            frame.values[place] = position;
            N::add(total, &value::<N>(&own.body, frame, variables)?);
            continue;
        }
        let mut entries = lines.iter().flatten().map(|line| line.at::<N>(position, variables));
        let Some(first) = entries.next() else { continue };
        N::add(total, &entries.fold(first, |product, entry| product.times(&entry)));
    }
    Ok(())
}

/// The value of a reduction, computed once for the same integers from the indices around it.
fn remembered(own: &Loop, known: &Known, frame: &mut Frame) -> Outcome<f64> {
    let mut place = 0;
    for (key, least, count) in &known.keys {
        place = place * count + (integer(key, frame)? - least) as usize;
    }
    if let Some(Some(value)) = known.values.borrow().get(place) {
        return Ok(*value);
    }
    let value = reduce(own, frame, &[])?;
    let mut values = known.values.borrow_mut();
    if values.is_empty() {
        values.resize(known.keys.iter().map(|(_, _, count)| count).product(), None);
    }
    values[place] = Some(value);
    Ok(value)
}

/// The values of the body for all values of the indices, the last one fastest.
fn row<N: Level>(own: &Loop, frame: &mut Frame, variables: &[Variable]) -> Outcome<Vec<N>> {
    let mut row = Vec::new();
    each_body(own, own.indices.len(), frame, &mut |frame| {
        row.push(value(&own.body, frame, variables)?);
        Ok(())
    })?;
    Ok(row)
}

/// Calls `f` for all values of the outermost indices of a loop, as many as `levels`, for which their guards hold.
fn each_body(
    own: &Loop,
    levels: usize,
    frame: &mut Frame,
    f: &mut dyn FnMut(&mut Frame) -> Outcome<()>,
) -> Outcome<()> {
    let around = frame.values.len();
    frame.values.resize(around + own.indices.len(), 0);
    let result = each_level(own, (0, levels), frame, f);
    frame.values.truncate(around);
    result
}

fn each_level(
    own: &Loop,
    (level, levels): (usize, usize),
    frame: &mut Frame,
    f: &mut dyn FnMut(&mut Frame) -> Outcome<()>,
) -> Outcome<()> {
    for guard in own.guards.get(level).into_iter().flatten() {
        if !holds(guard, frame)? {
            return Ok(());
        }
    }
    let Some((place, extent)) = own.indices[..levels].get(level) else {
        frame.bodies += 1;
        return f(frame);
    };
    for position in 0..*extent {
        frame.values[*place] = position;
        each_level(own, (level + 1, levels), frame, f)?;
    }
    Ok(())
}

/// The entry by which is differentiated.
fn variable(by: &Entry, frame: &mut Frame) -> Outcome<Variable> {
    Ok(Variable { tensor: by.tensor.clone(), place: place(by, frame)? })
}

fn with(variables: &[Variable], variable: Variable) -> Vec<Variable> {
    variables.iter().cloned().chain([variable]).collect()
}

/// The derivative of the definition of a tensor, in a frame of its own.
fn jacobian<N: Level>(own: &Jacobian, frame: &mut Frame, variables: &[Variable]) -> Outcome<N> {
    let entry = subscripts(&own.variable, frame)?;
    let values = subscripts(&own.of, frame)?;
    let (body, reach) = own.body();
    // What nothing reads does not move it, at any level.
    if reach.as_ref().is_some_and(|reach| !reach.meets(&values, &entry)) {
        return Ok(N::constant(0.0));
    }
    let place = entry.iter().zip(&own.variable.axes).map(|(at, axis)| at * axis.stride).sum();
    let variable = Variable { tensor: own.variable.tensor.clone(), place };
    let mut inner = Frame { values, bodies: frame.bodies };
    let derivative = N::derivative(body, &mut inner, &with(variables, variable));
    frame.bodies = inner.bodies;
    derivative
}

/// Calls `f` with all positions of an array, the last axis fastest.
pub(super) fn each_position(
    extents: &[usize],
    f: &mut dyn FnMut(&[usize]) -> Result<(), MeaningError>,
) -> Result<(), MeaningError> {
    if extents.contains(&0) {
        return Ok(());
    }
    let mut at = vec![0; extents.len()];
    loop {
        f(&at)?;
        let Some(axis) = (0..at.len()).rev().find(|&axis| at[axis] + 1 < extents[axis]) else { return Ok(()) };
        at[axis] += 1;
        at[axis + 1..].fill(0);
    }
}

fn greatest<N: Scalar>(values: &[N]) -> N {
    extremum(values, |a, b| a > b, f64::NEG_INFINITY)
}

fn least<N: Scalar>(values: &[N]) -> N {
    extremum(values, |a, b| a < b, f64::INFINITY)
}

/// The first position of a NaN, or else of the value that wins over all others.
fn position(values: &[f64], wins: fn(f64, f64) -> bool) -> Outcome<f64> {
    let first_best = || {
        (1..values.len()).fold(0, |best, position| if wins(values[position], values[best]) { position } else { best })
    };
    if values.is_empty() {
        return Err(Box::new(MeaningError::Position));
    }
    Ok(values.iter().position(|value| value.is_nan()).unwrap_or_else(first_best) as f64)
}
