//! The programs' own evaluator: doubles and derivatives forwards, straight from the language reference. It
//! shares no code with the project.

use super::functions::{self, extremum, holds, logsumexp, place, softmax};
use super::grammar::{Binder, Call, Condition, Equation, Expr, Kind, Outside, Program, Read, Reduce, Row, Sub};
use super::number::{Ball, Number, WAYS};
use super::templates;
use std::collections::BTreeMap;

/// Entries of a tensor, row by row.
pub type Entries = Vec<Number>;

/// Why a program has no value.
#[derive(Debug, Clone, PartialEq)]
pub struct Invalid(pub String);

type Outcome<T> = Result<T, Invalid>;

pub struct Evaluator<'a> {
    program: &'a Program,
    shapes: BTreeMap<&'a str, Vec<usize>>,
    tensors: BTreeMap<&'a str, Entries>,
    letters: Vec<Option<usize>>,
    arguments: Vec<Vec<Number>>,
    /// Bodies that may still be evaluated.
    left: usize,
    /// Whether all that is given is finite.
    finite: bool,
}

/// All values of the program for one example; where `moving`, with derivatives by all that is given and no
/// token, numbered in the order of the declarations.
pub fn evaluate(
    program: &Program,
    given: &BTreeMap<String, Vec<f64>>,
    moving: bool,
) -> Outcome<BTreeMap<String, Entries>> {
    let mut evaluator = Evaluator {
        program,
        shapes: BTreeMap::new(),
        tensors: BTreeMap::new(),
        letters: vec![None; 4096],
        arguments: Vec::new(),
        left: 400_000,
        finite: given.values().flatten().all(|value| value.is_finite()),
    };
    let mut number = 0;
    for tensor in &program.tensors {
        let mut entry = |value: &f64| {
            let moves = moving && !matches!(tensor.kind, Kind::Tokens(_));
            number += u32::from(moves);
            Number::given(*value, moves.then(|| number - 1))
        };
        evaluator.tensors.insert(&tensor.name, given[&tensor.name].iter().map(&mut entry).collect());
        evaluator.shapes.insert(&tensor.name, tensor.shape.clone());
    }
    for equation in &program.equations {
        evaluator.equation(equation)?;
    }
    Ok(evaluator.tensors.into_iter().map(|(name, entries)| (name.to_string(), entries)).collect())
}

/// All values of the binders, the last fastest.
pub fn positions(binders: &[Binder]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for binder in binders {
        all =
            all.iter().flat_map(|at| (0..binder.extent).map(move |value| [at.as_slice(), &[value]].concat())).collect();
    }
    all
}

impl<'a> Evaluator<'a> {
    fn equation(&mut self, equation: &'a Equation) -> Outcome<()> {
        let shape = equation.left.iter().map(|binder| binder.extent).collect();
        self.shapes.insert(&equation.name, shape);
        self.tensors.insert(&equation.name, Vec::new());
        for at in positions(&equation.left) {
            let value = Number::computed(self.with(&equation.left, &at, &equation.body)?);
            self.tensors.get_mut(equation.name.as_str()).expect("just made").push(value);
        }
        Ok(())
    }

    fn with(&mut self, binders: &[Binder], at: &[usize], body: &Expr) -> Outcome<Number> {
        self.left = self.left.checked_sub(1).ok_or_else(|| Invalid("too much work".into()))?;
        let before: Vec<Option<usize>> = binders.iter().map(|binder| self.letters[binder.letter]).collect();
        for (binder, value) in binders.iter().zip(at) {
            self.letters[binder.letter] = Some(*value);
        }
        let result = self.value(body);
        for (binder, before) in binders.iter().zip(before) {
            self.letters[binder.letter] = before;
        }
        result
    }

    fn row(&mut self, binders: &[Binder], body: &Expr) -> Outcome<Vec<Number>> {
        positions(binders).iter().map(|at| self.with(binders, at, body)).collect()
    }

    /// The entries of a row of the same reductions: the greatest of the greatest is that of all, and all share it.
    fn joined_rows(&mut self, reduce: Reduce, binders: &[Binder], body: &Expr) -> Outcome<Vec<Number>> {
        match body {
            Expr::Reduce(inner, others, body, _) if *inner == reduce => {
                self.joined_rows(reduce, &[binders, others].concat(), body)
            }
            _ => self.row(binders, body),
        }
    }

    /// Whether something infinite that is given is added to all exponents of a row: it comes out of the row, which is then
    /// as if it were not there. What could be infinite by its form stays.
    fn has_common_infinity(&mut self, binders: &[Binder], body: &Expr) -> bool {
        let mut found = false;
        if self.finite {
            return found;
        }
        let is_common = |part: &Expr| binders.iter().all(|binder| !super::print::has_letter(part, binder.letter));
        if is_common(body) {
            return self.value(body).is_ok_and(|own| own.ball.value.is_infinite());
        }
        body.clone().each(&mut |expr| {
            let Expr::Sum(addends) = expr else { return };
            let mut common = addends.iter().filter(|(_, addend)| is_common(addend));
            found |= common.any(|(_, addend)| self.value(addend).is_ok_and(|own| own.ball.value.is_infinite()));
        });
        found
    }

    fn value(&mut self, expr: &Expr) -> Outcome<Number> {
        match expr {
            Expr::Number(text) => Ok(literal(text)),
            Expr::Integer(sub) => {
                let (value, sure) = self.integer(sub)?;
                Ok(match (value, sure) {
                    // Where it is 0 by its form nothing else of a product counts.
                    (0, true) => Number::nothing(),
                    (_, true) => Number::exact(value as f64),
                    (_, false) => Number::of(Ball::unknown(value as f64)),
                })
            }
            Expr::Read(read) => self.read(read),
            Expr::Sum(addends) => {
                let one = |(plus, addend): &(bool, Expr)| {
                    let value = self.value(addend)?;
                    Ok(if *plus { value } else { negative(value) })
                };
                let addends = addends.iter().map(one).collect::<Outcome<Vec<Number>>>()?;
                let mut sum = Number::sum_with_constants(&addends);
                // `a - a` is 0, whatever `a` is, and 0 is not multiplied by anything.
                let cancels = addends.iter().filter(|addend| addend.ball.value.is_nan()).count() > 1;
                sum.ball.soft |= sum.ball.value == 0.0 && addends.len() > 1;
                Ok(if cancels { sum.doubted(&[]) } else { sum })
            }
            Expr::Product(_) | Expr::Quotient(..) | Expr::Negative(_) | Expr::Mask(..) => self.product(expr),
            Expr::Power(base, exponent) => {
                let (base, exponent) = (self.value(base)?, self.value(exponent)?);
                Ok(functions::power(&base, &exponent))
            }
            Expr::Call(Call::Log, of) if matches!(of[0], Expr::Row(Row::Softmax, ..)) => {
                let Expr::Row(_, at, binder, body, _) = &of[0] else { unreachable!() };
                let row = self.row(&[*binder], body)?;
                Ok(softmax(&row, self.letter(*at)?, true, alike(*binder, body)))
            }
            Expr::Call(call, arguments) => {
                let values = arguments.iter().map(|argument| self.value(argument)).collect::<Outcome<Vec<_>>>()?;
                Ok(match call {
                    Call::Max | Call::Min => extremum(&values, *call == Call::Max, false),
                    _ => functions::call(*call, &values[0]),
                })
            }
            Expr::Where(condition, a, b) => {
                let (holds, sure) = self.condition(condition)?;
                let (chosen, other) = if holds { (a, b) } else { (b, a) };
                let chosen = self.value(chosen)?;
                if sure && self.finite {
                    return Ok(chosen);
                }
                let other = self.value(other).unwrap_or_else(|_| Number::exact(0.0));
                if sure {
                    let other = other.kept_out(Ball::exact(0.0));
                    let parts = [(&chosen, Ball::exact(1.0)), (&other, Ball::exact(1.0))];
                    return Ok(if other.slopes.is_empty() { chosen } else { Number::combined(chosen.ball, &parts) });
                }
                Ok(chosen.doubted(&[&other]))
            }
            Expr::Reduce(reduce, binders, body, _) => {
                let row = match reduce {
                    Reduce::Max | Reduce::Min => self.joined_rows(*reduce, binders, body)?,
                    _ => self.row(binders, body)?,
                };
                let result = reduced(*reduce, &row);
                let is_lowest = *reduce == Reduce::LogSumExp && result.ball.value == f64::NEG_INFINITY;
                if is_lowest && self.has_common_infinity(binders, body) {
                    return Ok(Number::sum(&row).with_doubted_slopes(result.ball));
                }
                Ok(result)
            }
            Expr::Row(row, at, binder, body, _) => {
                let values = self.row(&[*binder], body)?;
                let result = softmax(&values, self.letter(*at)?, *row == Row::LogSoftmax, alike(*binder, body));
                if self.has_common_infinity(&[*binder], body) {
                    return Ok(Number::sum(&values).with_doubted_slopes(Ball::unknown(result.ball.value)));
                }
                Ok(result)
            }
            Expr::Apply(function, arguments) => {
                let values = arguments.iter().map(|argument| self.value(argument)).collect::<Outcome<Vec<_>>>()?;
                self.arguments.push(values);
                let result = self.value(&templates::function(*function).body);
                self.arguments.pop();
                result
            }
            Expr::Argument(number) => {
                let around = self.arguments.last().ok_or_else(|| Invalid("an argument outside".into()))?;
                Ok(around[*number].clone())
            }
        }
    }

    /// A product, in which a false condition makes 0 of everything.
    fn product(&mut self, expr: &Expr) -> Outcome<Number> {
        let (mut conditions, mut factors) = (Vec::new(), Vec::new());
        flatten(expr, false, &mut conditions, &mut factors);
        let (mut doubtful, mut kept_out) = (false, false);
        for condition in conditions {
            match self.condition(condition) {
                Ok((false, true)) if self.finite => return Ok(Number::nothing()),
                Ok((false, true)) => kept_out = true,
                Ok((holds, sure)) => doubtful |= !sure || !holds,
                Err(_) if kept_out => {}
                Err(invalid) => return Err(invalid),
            }
        }
        doubtful |= kept_out;
        let mut values = Vec::new();
        for (factor, divides) in factors {
            let value = match factor {
                Some(factor) => self.value(factor),
                None => Ok(Number::exact(-1.0)),
            };
            let value = if doubtful { value.unwrap_or_else(|_| Number::exact(0.0)) } else { value? };
            values.push(if divides { functions::inverse(&value) } else { value });
        }
        let product = Number::product(&values);
        if kept_out {
            return Ok(product.kept_out(Ball::nothing()));
        }
        Ok(if doubtful { product.doubted(&[]) } else { product })
    }

    fn letter(&self, letter: usize) -> Outcome<usize> {
        self.letters[letter].ok_or_else(|| Invalid("an index without a value".into()))
    }

    fn read(&mut self, read: &Read) -> Outcome<Number> {
        let (at, sure) = self.subscripts(&read.subs)?;
        let found = self.entry(&read.tensor, &at);
        let value = match (&read.outside, found) {
            (_, Ok(value)) => value,
            (Outside::Zero, Err(_)) => Number::nothing(),
            (Outside::Value(value), Err(_)) => self.value(value)?,
            (Outside::Never, Err(invalid)) => return Err(invalid),
        };
        if sure {
            return Ok(value);
        }
        // Any entry may be the one.
        let all = self.tensors[read.tensor.as_str()].clone();
        Ok(value.doubted(&all.iter().collect::<Vec<_>>()))
    }

    fn entry(&mut self, tensor: &str, at: &[i64]) -> Outcome<Number> {
        let shape = self.shapes.get(tensor).ok_or_else(|| Invalid(format!("no {tensor}")))?;
        if shape.len() != at.len() {
            return Err(Invalid("a wrong number of subscripts".into()));
        }
        let boundary = self.program.equation(tensor).and_then(|equation| Some((equation, equation.boundary.as_ref()?)));
        if let Some((equation, boundary)) = boundary.filter(|_| at[0] == -1) {
            let inside = at[1..].iter().zip(&shape[1..]).all(|(at, extent)| *at >= 0 && *at < *extent as i64);
            let rest: Vec<usize> = at[1..].iter().map(|at| *at as usize).collect();
            return match inside {
                true => self.with(&equation.left[1..], &rest, boundary),
                false => Err(Invalid("outside a boundary".into())),
            };
        }
        let mut place = 0;
        for (at, extent) in at.iter().zip(shape) {
            if *at < 0 || *at >= *extent as i64 {
                return Err(Invalid(format!("outside {tensor}")));
            }
            place = place * extent + *at as usize;
        }
        self.tensors[tensor].get(place).cloned().ok_or_else(|| Invalid("not computed yet".into()))
    }

    fn subscripts(&mut self, subs: &[Sub]) -> Outcome<(Vec<i64>, bool)> {
        let mut sure = true;
        let mut at = Vec::new();
        for sub in subs {
            let (value, own) = self.integer(sub)?;
            sure &= own;
            at.push(value);
        }
        Ok((at, sure))
    }

    /// An integer, and whether it is sure.
    fn integer(&mut self, sub: &Sub) -> Outcome<(i64, bool)> {
        match sub {
            Sub::Affine(terms, constant) => {
                let mut value = *constant;
                for (factor, letter) in terms {
                    value += factor * self.letter(*letter)? as i64;
                }
                Ok((value, true))
            }
            Sub::Floor(a, by) => self.integer(a).map(|(value, sure)| (value.div_euclid(*by), sure)),
            Sub::Mod(a, by) => self.integer(a).map(|(value, sure)| (value.rem_euclid(*by), sure)),
            Sub::Plus(factor, a, b) => {
                let ((a, sure), (b, also)) = (self.integer(a)?, self.integer(b)?);
                Ok((factor * a + b, sure && also))
            }
            Sub::Token(tensor, subs) => {
                let (at, sure) = self.subscripts(subs)?;
                Ok((self.entry(tensor, &at)?.ball.value as i64, sure))
            }
            Sub::Place(greatest, binder, body) => {
                let row = self.row(&[*binder], body)?;
                let (place, sure) = place(&row, *greatest);
                Ok((place as i64, sure))
            }
        }
    }

    /// Whether a condition holds, and whether that is sure.
    fn condition(&mut self, condition: &Condition) -> Outcome<(bool, bool)> {
        match condition {
            Condition::Integers(compare, a, b) => {
                let ((a, sure), (b, also)) = (self.integer(a)?, self.integer(b)?);
                Ok((holds(*compare, a as f64, b as f64), sure && also))
            }
            Condition::Values(compare, a, b) => {
                let (a, b) = (self.value(a)?.ball, self.value(b)?.ball);
                let doubtful = a.is_unknown() || b.is_unknown() || a.may_meet(&b) || a.may_part(&b);
                Ok((holds(*compare, a.value, b.value), !doubtful))
            }
            Condition::Not(a) => self.condition(a).map(|(holds, sure)| (!holds, sure)),
            Condition::And(a, b) => self.joined(a, b, false),
            Condition::Or(a, b) => self.joined(a, b, true),
        }
    }

    /// One that is `decisive` decides, also where the other has no value.
    fn joined(&mut self, a: &Condition, b: &Condition, decisive: bool) -> Outcome<(bool, bool)> {
        let both = [self.condition(a), self.condition(b)];
        if both.contains(&Ok((decisive, true))) {
            return Ok((decisive, true));
        }
        let [a, b] = both;
        let ((a, sure), (b, also)) = (a?, b?);
        let holds = if decisive { a || b } else { a && b };
        Ok((holds, sure && also))
    }
}

/// Whether all entries of a row are the same by their form.
fn alike(binder: Binder, body: &Expr) -> bool {
    binder.extent == 1 || !super::print::has_letter(body, binder.letter)
}

fn literal(text: &str) -> Number {
    if text == "inf" {
        return Number::exact(f64::INFINITY);
    }
    if text == "pi" {
        let value = std::f64::consts::PI;
        return Number::of(Ball::inexact(value, [0.0; WAYS], 1.0, value));
    }
    let value: f64 = text.parse().expect("a number");
    if value as f32 as f64 == value {
        Number::exact(value)
    } else {
        Number::of(Ball::inexact(value, [0.0; WAYS], 1.0, value))
    }
}

fn negative(number: Number) -> Number {
    Number::product(&[Number::exact(-1.0), number])
}

/// The conditions and factors of a product of products; `None` is -1.
fn flatten<'e>(
    expr: &'e Expr,
    divides: bool,
    conditions: &mut Vec<&'e Condition>,
    factors: &mut Vec<(Option<&'e Expr>, bool)>,
) {
    match expr {
        Expr::Product(all) => all.iter().for_each(|factor| flatten(factor, divides, conditions, factors)),
        Expr::Quotient(a, b) => {
            flatten(a, divides, conditions, factors);
            // A condition below the line is no mask.
            factors.push((Some(b), !divides));
        }
        Expr::Negative(a) => {
            factors.push((None, false));
            flatten(a, divides, conditions, factors);
        }
        Expr::Mask(condition, a) if !divides => {
            conditions.push(condition);
            flatten(a, divides, conditions, factors);
        }
        _ => factors.push((Some(expr), divides)),
    }
}

fn reduced(reduce: Reduce, row: &[Number]) -> Number {
    match reduce {
        Reduce::Sum => Number::sum(row),
        Reduce::Mean => {
            let count = 1.0 / row.len() as f64;
            let count = if count as f32 as f64 == count {
                Ball::exact(count)
            } else {
                Ball::inexact(count, [0.0; WAYS], 1.0, count)
            };
            let sum = Number::sum(row);
            let size: f64 = row.iter().map(|number| number.ball.value.abs()).sum();
            let mut mean = Number::product(&[Number::of(count), sum]);
            if !count.is_exact() && size.is_finite() {
                // Parts of it may be divided before they are added, and cancel.
                mean.ball = mean.ball.rounded(4.0, size * count.value);
            }
            mean
        }
        Reduce::Prod => Number::product(row),
        Reduce::Max => extremum(row, true, true),
        Reduce::Min => extremum(row, false, true),
        Reduce::LogSumExp => logsumexp(row),
    }
}
