//! What stands in subscripts: integers made of indices, sizes, integer tensors and positions.

use super::draft::Draft;
use super::elaborate::Elaborator;
use super::form::{Atom, Form};
use super::letters::bare;
use super::names::{Fault, Meaning, Outcome};
use super::scope::{Parameter, Scope};
use crate::syntax::tree::{Expr, ExprKind, Factor, Reduction};
use crate::term::Number;
use crate::text::Span;
use std::rc::Rc;

const MADE_OF: &str =
    "subscripts are made of indices, sizes, integers, `+ - *`, `floor(i/2)`, `i mod n`, integer tensors and `argmax`";

impl<'a> Elaborator<'_, 'a> {
    /// A subscript.
    pub fn subscript(&mut self, expr: &'a Expr, scope: &Scope<'a>) -> Outcome<Form> {
        self.enter(expr.span, scope)?;
        let form = self.integer(expr, scope);
        self.leave();
        form
    }

    fn integer(&mut self, expr: &'a Expr, scope: &Scope<'a>) -> Outcome<Form> {
        match &expr.kind {
            ExprKind::Name(name) => self.named_integer(&name.text, expr.span, scope),
            ExprKind::Number(text) => match Number::parse(text).and_then(Number::as_integer) {
                Some(value) => fits(Form::constant(0).plus(1, &Form::constant(value)), expr, scope),
                None => Err(no_subscript(format!("`{text}` cannot be a subscript"), expr, "not an integer", scope)),
            },
            ExprKind::Group(inner) => self.subscript(inner, scope),
            ExprKind::Negate(inner) => fits(self.subscript(inner, scope)?.times(-1), expr, scope),
            ExprKind::Sum(addends) => addends.iter().try_fold(Form::constant(0), |sum, (subtracted, addend)| {
                let addend = self.subscript(addend, scope)?;
                fits(sum.plus(if *subtracted { -1 } else { 1 }, &addend), expr, scope)
            }),
            ExprKind::Product(factors) => self.integer_product(expr, factors, scope),
            ExprKind::Mod(value, divisor) => {
                let value = self.subscript(value, scope)?;
                let by = self.subscript(divisor, scope)?;
                match self.number_of(&by).filter(|by| *by > 0) {
                    Some(by) => Ok(value.modulo(by)),
                    None => {
                        let message = "a remainder in a subscript is by a positive constant";
                        Err(no_subscript(message, divisor, "no positive constant", scope))
                    }
                }
            }
            ExprKind::Call { function, arguments, .. } if function.text == "floor" && arguments.len() == 1 => {
                let (form, divisor) = self.quotient(&arguments[0], scope)?;
                Ok(form.floor(divisor))
            }
            ExprKind::Read { tensor, .. } => {
                let draft = self.value(expr, scope)?;
                self.data(draft, &tensor.text, expr, scope)
            }
            ExprKind::Reduce { reduction: Reduction::ArgMax | Reduction::ArgMin, .. } => {
                match self.value(expr, scope)? {
                    Draft::Reduce(reduction, indices, body) => {
                        let draft = Draft::Reduce(reduction, indices.clone(), body);
                        Ok(Form::atom(Atom::Position(Rc::new(draft), indices)))
                    }
                    _ => Err(no_subscript("this cannot be a subscript", expr, "no integer", scope)),
                }
            }
            ExprKind::Power(..) if !self.globals.letters(expr, scope).free.is_empty() => {
                Err(no_subscript("a subscript cannot be a power of an index", expr, "grows too fast", scope))
            }
            ExprKind::Power(..) => {
                let sizes = self.globals.constants(scope.horizon).sizes(expr)?;
                fits(Form::sizes(&sizes), expr, scope)
            }
            ExprKind::Reduce { .. } => {
                Err(no_subscript("of the reductions only `argmax` and `argmin` are subscripts", expr, "a value", scope))
            }
            ExprKind::Call { function, .. } => {
                let message = format!("`{}` cannot stand in a subscript", function.text);
                Err(no_subscript(message, expr, "no integer", scope))
            }
            _ => Err(no_subscript("this cannot be a subscript", expr, "no integer", scope)),
        }
    }

    fn named_integer(&mut self, name: &'a str, span: Span, scope: &Scope<'a>) -> Outcome<Form> {
        if let Some(form) = scope.letter(name) {
            return Ok(form);
        }
        match scope.parameter(name).cloned() {
            Some(Parameter::Argument(argument)) => return self.subscript(argument.expr, &argument.scope),
            Some(Parameter::Opaque(_)) => return Ok(Form::atom(Atom::Data(Rc::new(Draft::Opaque), 0, 1))),
            None => {}
        }
        match self.globals.names.get(name, scope.horizon) {
            Some(Meaning::Size(size)) => {
                Ok(Form::sizes(&size).unwrap_or_else(|| Form::constant(size.value().unwrap_or(0))))
            }
            Some(Meaning::Tensor(tensor)) if self.globals.tensors[tensor].is_integer_scalar() => {
                let draft = self.read_tensor(tensor, Vec::new());
                let below = self.globals.tensors[tensor].integers_below().unwrap_or(1);
                Ok(Form::atom(Atom::Data(Rc::new(draft), 0, below as i64)))
            }
            _ => Err(self.unbound(name, span, scope)),
        }
    }

    fn integer_product(&mut self, expr: &'a Expr, factors: &'a [Factor], scope: &Scope<'a>) -> Outcome<Form> {
        if factors.iter().any(|factor| factor.divides) {
            return match self.globals.constants(scope.horizon).sizes(expr) {
                Ok(sizes) => fits(Form::sizes(&sizes), expr, scope),
                Err(fault) if self.globals.letters(expr, scope).free.is_empty() => Err(fault),
                Err(_) => {
                    let problem = scope.problem("a subscript is an integer", expr.span, "a quotient may be none");
                    Err(problem.hint("round it down: `floor(i/2)`").into())
                }
            };
        }
        let mut product = Form::constant(1);
        for factor in factors {
            let factor = self.subscript(&factor.value, scope)?;
            product = self.form_product(&product, &factor, expr, scope)?;
        }
        Ok(product)
    }

    /// A product of two integers of which one does not vary. What multiplies an index is a number.
    fn form_product(&self, one: &Form, other: &Form, expr: &Expr, scope: &Scope<'a>) -> Outcome<Form> {
        if let (Some(one), Some(other)) = (one.as_sizes(), other.as_sizes()) {
            return fits(one.times(&other).as_ref().and_then(Form::sizes), expr, scope);
        }
        match (self.number_of(one), self.number_of(other)) {
            (Some(value), _) => fits(other.times(value), expr, scope),
            (_, Some(value)) => fits(one.times(value), expr, scope),
            _ => Err(no_subscript("a subscript cannot be a product of indices", expr, "both vary", scope)),
        }
    }

    /// The number that an integer is, if it does not vary: the sizes in it are numbers.
    fn number_of(&self, form: &Form) -> Option<i64> {
        let sizes = form.as_sizes()?;
        self.globals.names.symbols.pin(&sizes);
        sizes.value()
    }

    /// What is rounded down: an integer over a positive integer.
    fn quotient(&mut self, expr: &'a Expr, scope: &Scope<'a>) -> Outcome<(Form, i64)> {
        match &expr.kind {
            ExprKind::Group(inner) => self.quotient(inner, scope),
            ExprKind::Negate(inner) => {
                let (form, divisor) = self.quotient(inner, scope)?;
                Ok((fits(form.times(-1), expr, scope)?, divisor))
            }
            ExprKind::Sum(addends) => {
                addends.iter().try_fold((Form::constant(0), 1i64), |(sum, divisor), (subtracted, addend)| {
                    let (form, other) = self.quotient(addend, scope)?;
                    let sign = if *subtracted { -1 } else { 1 };
                    let sum = sum.times(other).and_then(|sum| sum.plus(divisor.checked_mul(sign)?, &form));
                    Ok((fits(sum, expr, scope)?, fits_divisor(divisor, other, expr, scope)?))
                })
            }
            ExprKind::Product(factors) if factors.iter().any(|factor| factor.divides) => {
                let (mut product, mut divisor) = (Form::constant(1), 1);
                for factor in factors {
                    let form = self.subscript(&factor.value, scope)?;
                    if factor.divides {
                        let Some(by) = self.number_of(&form).filter(|by| *by > 0) else {
                            let message = "`floor` in a subscript is of a quotient by a positive constant";
                            return Err(no_subscript(message, &factor.value, "no positive constant", scope));
                        };
                        divisor = fits_divisor(divisor, by, expr, scope)?;
                    } else {
                        product = self.form_product(&product, &form, expr, scope)?;
                    }
                }
                Ok((product, divisor))
            }
            _ => Ok((self.subscript(expr, scope)?, 1)),
        }
    }

    /// An entry of an integer tensor, as a subscript.
    fn data(&mut self, draft: Draft, name: &str, expr: &Expr, scope: &Scope<'a>) -> Outcome<Form> {
        if matches!(draft, Draft::Opaque) {
            return Ok(Form::atom(Atom::Data(Rc::new(draft), 0, 1)));
        }
        // A padded read is 0 outside, or has a branch.
        let read = match &draft {
            Draft::Product(factors) => factors.last(),
            other => Some(other),
        };
        let Some(Draft::Read(read, _)) = read else {
            if let Draft::Place(form) = draft {
                return Ok(form);
            }
            return Err(no_subscript("this cannot be a subscript", expr, "no integer tensor", scope));
        };
        let tensor = self.globals.tensors.iter().find(|tensor| tensor.name == *read);
        match tensor.and_then(|tensor| tensor.integers_below()) {
            Some(below) => Ok(Form::atom(Atom::Data(Rc::new(draft), 0, below as i64))),
            None => {
                let problem =
                    scope.problem(format!("`{name}` cannot be a subscript"), expr.span, "may hold any number");
                let problem = match tensor {
                    Some(tensor) => problem.label(tensor.span, "not declared as integers"),
                    None => problem,
                };
                Err(problem.hint("inputs and targets can hold integers: `input t[8] int(96)`").into())
            }
        }
    }

    /// A letter that nothing binds.
    pub fn unbound(&mut self, letter: &str, span: Span, scope: &Scope<'a>) -> Fault {
        let problem = match self.globals.names.get(letter, scope.horizon) {
            Some(Meaning::Broken) => return Fault::Known,
            Some(Meaning::Tensor(tensor)) if self.globals.tensors[tensor].shape.is_empty() => {
                let problem = scope.problem(format!("`{letter}` cannot be a subscript"), span, "may be any number");
                let problem = problem.label(self.globals.tensors[tensor].span, "not declared as an integer");
                return problem.hint("inputs and targets can hold integers: `input t int(96)`").into();
            }
            _ => scope.problem(
                format!("the index `{letter}` occurs in one factor only, so nothing sums over it"),
                span,
                "neither on the left nor summed",
            ),
        };
        match self.term_text(scope) {
            Some(term) => problem.hint(format!("to sum over it, write `sum[{letter}] {term}`")).into(),
            None => problem.hint(format!("to sum over it, write `sum[{letter}] ...`")).into(),
        }
    }

    /// The text of the term, if it is short and stands in the file, without its sign.
    fn term_text(&self, scope: &Scope<'a>) -> Option<String> {
        let text = self.source_text(scope.term?, scope)?;
        Some(text.trim_start_matches('-').trim().to_string())
    }

    /// The text at a place, if it is short and stands in the file.
    pub fn source_text(&self, span: Span, scope: &Scope<'a>) -> Option<String> {
        if scope.site.is_some() {
            return None;
        }
        let text = self.globals.source.text.get(span.range())?.trim();
        let fits = text.len() <= 60 && !text.contains(['\n', '#']);
        fits.then(|| text.to_string())
    }

    /// Whether a bare name in a subscript is an integer and no index.
    pub fn names_integer(&self, expr: &Expr, scope: &Scope<'a>) -> bool {
        let Some(name) = bare(expr) else { return false };
        let integer = match self.globals.names.get(name, scope.horizon) {
            Some(Meaning::Tensor(tensor)) => self.globals.tensors[tensor].is_integer_scalar(),
            _ => false,
        };
        scope.letter(name).is_none() && (integer || scope.parameter(name).is_some())
    }
}

fn no_subscript(message: impl Into<String>, expr: &Expr, label: &str, scope: &Scope) -> Fault {
    scope.problem(message, expr.span, label).hint(MADE_OF).into()
}

fn fits(form: Option<Form>, expr: &Expr, scope: &Scope) -> Outcome<Form> {
    form.ok_or_else(|| scope.problem("this subscript is too large", expr.span, "more than 2^31").into())
}

fn fits_divisor(one: i64, other: i64, expr: &Expr, scope: &Scope) -> Outcome<i64> {
    let divisor = fits(Form::constant(one).times(other), expr, scope)?;
    Ok(divisor.constant)
}
