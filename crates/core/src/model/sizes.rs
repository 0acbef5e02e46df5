//! Constants: integers for extents and ranges, numbers for `const` and initialisers.

use super::names::{Fault, Meaning, Names, Outcome};
use super::{Role, Tensor};
use crate::syntax::tree::{Expr, ExprKind};
use crate::term::{Extent, Function, Number, Polynomial};
use crate::text::{Problem, Span};

/// The greatest number of entries of a tensor, and so of values of an index.
pub(super) const LARGEST: i64 = i32::MAX as i64;

/// What constant expressions may name.
pub(super) struct Constants<'c, 'a> {
    pub names: &'c Names<'a>,
    pub tensors: &'c [Tensor],
    /// How far down the file is visible.
    pub horizon: usize,
    /// Whether sizes become numbers where something is known of their numbers only.
    pub pins: bool,
}

impl Constants<'_, '_> {
    /// An integer expression over sizes, at those at hand.
    pub fn integer(&self, expr: &Expr) -> Outcome<i64> {
        let overflow = || Fault::from(Problem::new("this size is too large", expr.span, "does not fit 64 bits"));
        Constants { pins: false, ..*self }.sizes(expr)?.value().ok_or_else(overflow)
    }

    /// An integer expression over sizes.
    pub fn sizes(&self, expr: &Expr) -> Outcome<Polynomial> {
        let overflow = || Fault::from(Problem::new("this size is too large", expr.span, "does not fit 64 bits"));
        let fits = |sizes: Option<Polynomial>| sizes.filter(|sizes| sizes.value().is_some()).ok_or_else(overflow);
        match &expr.kind {
            ExprKind::Number(text) => match Number::parse(text) {
                Some(Number::Ratio(value, 1)) => Ok(Polynomial::constant(value)),
                _ => Err(Problem::new(format!("`{text}` is not an integer"), expr.span, "a size is an integer").into()),
            },
            ExprKind::Name(name) => self.size(&name.text, expr.span),
            ExprKind::Group(inner) => self.sizes(inner),
            ExprKind::Negate(inner) => fits(self.sizes(inner)?.scaled(-1)),
            ExprKind::Sum(addends) => {
                addends.iter().try_fold(Polynomial::constant(0), |total, (subtracted, addend)| {
                    fits(total.plus(if *subtracted { -1 } else { 1 }, &self.sizes(addend)?))
                })
            }
            ExprKind::Product(factors) => factors.iter().try_fold(Polynomial::constant(1), |total, factor| {
                let value = self.sizes(&factor.value)?;
                match factor.divides {
                    true => self.quotient(&total, &value, expr.span),
                    false => fits(total.times(&value)),
                }
            }),
            ExprKind::Power(base, exponent) => {
                let (base, power) = (self.sizes(base)?, self.number_of(&self.sizes(exponent)?));
                let power = u32::try_from(power).map_err(|_| {
                    Fault::from(Problem::new("this power is no size", exponent.span, "the exponent is out of range"))
                })?;
                match base.as_constant() {
                    Some(base) => base.checked_pow(power).map(Polynomial::constant).ok_or_else(overflow),
                    None => (0..power).try_fold(Polynomial::constant(1), |all, _| fits(all.times(&base))),
                }
            }
            ExprKind::Mod(value, divisor) => {
                let (value, by) = (self.number_of(&self.sizes(value)?), self.number_of(&self.sizes(divisor)?));
                let remainder = value.checked_rem_euclid(by).filter(|_| by > 0);
                remainder.map(Polynomial::constant).ok_or_else(|| {
                    Fault::from(Problem::new("the remainder needs a positive divisor", divisor.span, "not positive"))
                })
            }
            _ => {
                let problem = Problem::new("this is not a constant integer", expr.span, "cannot stand in a size");
                Err(problem.hint("a size is made of integers, sizes and `+ - * / ^`").into())
            }
        }
    }

    /// The number of an expression that no size may stay in: those in it are numbers.
    fn number_of(&self, sizes: &Polynomial) -> i64 {
        if self.pins {
            self.names.symbols.pin(sizes);
        }
        // It was seen to have one.
        sizes.value().unwrap_or(0)
    }

    /// Notes what a size is that is made of others, whose number at hand is known: `inner = 4 width`, or for
    /// `size head = width / heads` that `width = heads head`. Where it is another function of them, all are numbers.
    pub fn relate(&self, name: &str, size: &Polynomial, expr: &Expr) {
        let symbols = &self.names.symbols;
        let Some((above, below)) = self.fraction(expr) else { return };
        let exact =
            below.as_constant().and_then(|below| above.exact_quotient(below)).or_else(|| above.quotient(&below));
        if let Some(made_of) = exact {
            // Where what it is made from is made of it, it is that itself.
            if made_of != *size {
                symbols.relate(&name.into(), made_of);
            }
            return;
        }
        // `size below = above`, solved for one of the sizes in the quotient.
        let equation = size.times(&below).and_then(|whole| above.plus(-1, &whole));
        let solved = equation.iter().flat_map(Polynomial::solutions).find(|(part, _)| Polynomial::from(part) != *size);
        match solved {
            Some((part, made_of)) => symbols.relate(&part.name, made_of),
            None => [size, &above, &below].into_iter().for_each(|sizes| symbols.pin(sizes)),
        }
    }

    /// An integer expression as a quotient of two.
    fn fraction(&self, expr: &Expr) -> Option<(Polynomial, Polynomial)> {
        let one = || Polynomial::constant(1);
        match &expr.kind {
            ExprKind::Group(inner) => self.fraction(inner),
            ExprKind::Negate(inner) => {
                let (above, below) = self.fraction(inner)?;
                Some((above.scaled(-1)?, below))
            }
            ExprKind::Sum(addends) => {
                addends.iter().try_fold((Polynomial::constant(0), one()), |(total, divisor), (subtracted, addend)| {
                    let (above, below) = self.fraction(addend)?;
                    let sign = if *subtracted { -1 } else { 1 };
                    let sum = total.times(&below)?.plus(sign, &above.times(&divisor)?)?;
                    Some((sum, divisor.times(&below)?))
                })
            }
            ExprKind::Product(factors) => factors.iter().try_fold((one(), one()), |(total, divisor), factor| {
                let (above, below) = self.fraction(&factor.value)?;
                let (above, below) = if factor.divides { (below, above) } else { (above, below) };
                Some((total.times(&above)?, divisor.times(&below)?))
            }),
            _ => Some((Constants { pins: false, ..*self }.sizes(expr).ok()?, one())),
        }
    }

    /// A quotient of sizes, which must be exact.
    fn quotient(&self, total: &Polynomial, divisor: &Polynomial, span: Span) -> Outcome<Polynomial> {
        let exact = divisor.as_constant().filter(|divisor| *divisor > 0).and_then(|by| total.exact_quotient(by));
        match exact {
            Some(quotient) => Ok(quotient),
            None => {
                let quotient = exact_quotient(self.number_of(total), self.number_of(divisor), span)?;
                Ok(Polynomial::constant(quotient))
            }
        }
    }

    fn size(&self, name: &str, span: Span) -> Outcome<Polynomial> {
        match self.names.get(name, self.horizon) {
            Some(Meaning::Size(value)) => Ok(value),
            Some(Meaning::Broken) => Err(Fault::Known),
            Some(_) => {
                let problem = Problem::new(format!("`{name}` is not a size"), span, "a size is needed here");
                let problem = match self.names.span(name) {
                    Some(defined) => problem.label(defined, "defined here"),
                    None => problem,
                };
                Err(problem.hint(format!("sizes are defined by `size {name} = ...`")).into())
            }
            None if name == "batch" => {
                let message = "`batch` is the number of examples, which no input has as an axis";
                Err(Problem::new(message, span, "used here").hint(super::batch::HINT).into())
            }
            None => {
                let problem = self.names.unknown("size", name, span, self.horizon, &[]);
                let hint = format!("sizes are defined by `size {name} = ...`");
                Err(if problem.hints.is_empty() { problem.hint(hint) } else { problem }.into())
            }
        }
    }

    /// The number that an expression has by those in the file.
    pub fn typed(&self, expr: &Expr) -> Option<usize> {
        let (above, below) = self.fraction(expr)?;
        let below = below.typed().filter(|below| *below > 0)?;
        usize::try_from(above.typed()? / below).ok()
    }

    /// An extent or a range: a positive integer below 2^31.
    pub fn extent(&self, expr: &Expr) -> Outcome<Extent> {
        let value = self.extent_at_hand(expr)?;
        let sizes = match &expr.kind {
            ExprKind::Number(_) => self.names.symbols.literal(value),
            _ => self.sizes(expr)?,
        };
        Ok(Extent::of(sizes).unwrap_or_else(|| Extent::from(value)))
    }

    /// The number at hand of an extent or a range.
    pub fn extent_at_hand(&self, expr: &Expr) -> Outcome<usize> {
        let value = self.integer(expr)?;
        if value < 1 {
            return Err(Problem::new(format!("this extent is {value}"), expr.span, "must be at least 1").into());
        }
        if value > LARGEST {
            let problem = Problem::new(format!("this extent is {value}"), expr.span, "too large");
            return Err(problem.hint("an index takes at most 2^31 - 1 values").into());
        }
        Ok(value as usize)
    }

    /// A number: decimals, sizes, constants that have a value, arithmetic and functions of them.
    pub fn number(&self, expr: &Expr) -> Outcome<Number> {
        let value = self.any_number(expr)?;
        if value.value().is_nan() {
            return Err(Problem::new("this constant is not a number", expr.span, "has no value").into());
        }
        Ok(value)
    }

    fn any_number(&self, expr: &Expr) -> Outcome<Number> {
        match &expr.kind {
            ExprKind::Number(text) => Number::parse(text)
                .ok_or_else(|| Problem::new(format!("`{text}` is not a number"), expr.span, "here").into()),
            ExprKind::Name(name) => self.named_number(&name.text, expr.span),
            ExprKind::Group(inner) => self.any_number(inner),
            ExprKind::Negate(inner) => Ok(self.any_number(inner)?.negated()),
            ExprKind::Sum(addends) => addends.iter().try_fold(Number::ZERO, |total, (subtracted, addend)| {
                let value = self.any_number(addend)?;
                Ok(total.plus(if *subtracted { value.negated() } else { value }))
            }),
            ExprKind::Product(factors) => factors.iter().try_fold(Number::ONE, |total, factor| {
                let value = self.any_number(&factor.value)?;
                if factor.divides && value.value() == 0.0 {
                    return Err(Problem::new("division by zero", factor.value.span, "this is 0").into());
                }
                Ok(total.times(if factor.divides { value.power(-1) } else { value }))
            }),
            ExprKind::Power(base, exponent) => {
                let (base, exponent) = (self.any_number(base)?, self.any_number(exponent)?);
                Ok(match exponent.as_integer() {
                    Some(power) => base.power(power),
                    None => Number::Float(base.value().powf(exponent.value())),
                })
            }
            ExprKind::Call { function, indices, arguments } if indices.is_empty() => {
                let arguments = arguments.iter().map(|a| self.any_number(a)).collect::<Outcome<Vec<_>>>()?;
                let values: Vec<f64> = arguments.iter().map(|number| number.value()).collect();
                let value = Function::from_name(&function.text).and_then(|known| call(known, &values));
                value.map(Number::Float).ok_or_else(|| not_constant(expr.span))
            }
            _ => Err(not_constant(expr.span)),
        }
    }

    fn named_number(&self, name: &str, span: Span) -> Outcome<Number> {
        match self.names.get(name, self.horizon) {
            Some(Meaning::Size(sizes)) => Ok(Number::integer(sizes.value().unwrap_or(0))),
            Some(Meaning::Tensor(tensor)) => match self.tensors[tensor].role {
                Role::Const(Some(number)) => Ok(number),
                _ => Err(not_constant(span)),
            },
            Some(Meaning::Function(_)) => Err(not_constant(span)),
            Some(Meaning::Broken) => Err(Fault::Known),
            None if self.names.is_pi(name) => Ok(Number::Float(std::f64::consts::PI)),
            None => Err(self.names.unknown("constant", name, span, self.horizon, &[]).into()),
        }
    }
}

fn not_constant(span: Span) -> Fault {
    let problem = Problem::new("this is not a constant", span, "its value is not known beforehand");
    problem.hint("constants are made of numbers, sizes, constants with a value, arithmetic and functions").into()
}

fn exact_quotient(total: i64, divisor: i64, span: Span) -> Outcome<i64> {
    if divisor == 0 {
        return Err(Problem::new("division by zero", span, "in this size").into());
    }
    match total.checked_rem(divisor) {
        Some(0) => Ok(total / divisor),
        _ => {
            let problem = Problem::new(format!("{total} / {divisor} is not an integer"), span, "in this size");
            Err(problem.hint("division of sizes must be exact").into())
        }
    }
}

/// The functions that the standard library has.
fn call(function: Function, arguments: &[f64]) -> Option<f64> {
    match (function, arguments) {
        (Function::Exp, [x]) => Some(x.exp()),
        (Function::Log, [x]) => Some(x.ln()),
        (Function::Sqrt, [x]) => Some(x.sqrt()),
        (Function::Abs, [x]) => Some(x.abs()),
        (Function::Sin, [x]) => Some(x.sin()),
        (Function::Cos, [x]) => Some(x.cos()),
        (Function::Tan, [x]) => Some(x.tan()),
        (Function::Asin, [x]) => Some(x.asin()),
        (Function::Acos, [x]) => Some(x.acos()),
        (Function::Atan, [x]) => Some(x.atan()),
        (Function::Sinh, [x]) => Some(x.sinh()),
        (Function::Cosh, [x]) => Some(x.cosh()),
        (Function::Tanh, [x]) => Some(x.tanh()),
        (Function::Max, [x, y]) => Some(x.max(*y)),
        (Function::Min, [x, y]) => Some(x.min(*y)),
        _ => None,
    }
}
