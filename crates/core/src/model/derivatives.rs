//! Derivatives in equations: reads of tensors that a derivation defines.

use super::Role;
use super::draft::Draft;
use super::elaborate::Elaborator;
use super::form::Form;
use super::names::{Fault, Meaning, Outcome};
use super::scope::Scope;
use crate::syntax::tree::{Expr, ExprKind};
use crate::term::{Comparison, Name};
use crate::text::Span;

/// The name of the tensor that holds `∂of/∂wrt`; its axes are those of `of`, then those of `wrt`. Either
/// may be a derivative itself: `∂∂u/∂x/∂W` is the derivative of `∂u/∂x` by `W`.
pub fn derivative_name(of: &str, wrt: &str) -> Name {
    format!("∂{of}/∂{wrt}").into()
}

/// The two tensors in the name of a derivative. The names of other tensors hold neither `∂` nor `/`, so
/// nested derivatives come apart in one way only.
pub fn derivative_parts(name: &str) -> Option<(&str, &str)> {
    let inner = name.strip_prefix('∂')?;
    let (of, rest) = inner.split_at(name_length(inner)?);
    let wrt = rest.strip_prefix("/∂")?;
    (name_length(wrt)? == wrt.len()).then_some((of, wrt))
}

/// How many bytes of a text the name of a tensor or of a derivative at its beginning takes.
fn name_length(text: &str) -> Option<usize> {
    let Some(inner) = text.strip_prefix('∂') else {
        return Some(text.find('/').unwrap_or(text.len())).filter(|length| *length > 0);
    };
    let of = name_length(inner)?;
    let wrt = inner[of..].strip_prefix("/∂")?;
    Some('∂'.len_utf8() + of + "/∂".len() + name_length(wrt)?)
}

/// What is differentiated, or by what.
struct Side {
    name: Name,
    subscripts: Vec<Form>,
    per_example: bool,
    /// Where it is declared or defined; nowhere for a derivative.
    defined: Option<Span>,
    /// Whether equations compute it.
    computed: bool,
    /// Whether it holds integers.
    integers: bool,
}

impl<'a> Elaborator<'_, 'a> {
    /// `∂u[i]/∂x[m]`: an entry of the tensor `∂u/∂x`, whose axes are those of both.
    pub fn derivative(&mut self, of: &'a Expr, wrt: &'a Expr, scope: &Scope<'a>) -> Outcome<Draft> {
        let (side, by) = (self.side(of, scope)?, self.side(wrt, scope)?);
        if by.integers {
            let message = format!("`{}` holds integers, so nothing can be differentiated by it", by.name);
            let problem = scope.problem(message, wrt.span, "integers");
            let problem = problem.label(by.defined.unwrap_or(wrt.span), "declared here");
            return Err(problem.into());
        }
        if side.name == by.name && !self.depends_on_itself(&side.name) {
            let place = |form: &Form| Box::new(Draft::Place(form.clone()));
            let pairs = side.subscripts.iter().zip(&by.subscripts);
            let equal = pairs.map(|(one, other)| Draft::Compare(Comparison::Equal, place(one), place(other)));
            return Ok(Draft::Product(equal.collect()));
        }
        if !side.computed {
            return Ok(Draft::Number(crate::term::Number::ZERO));
        }
        let name = derivative_name(&side.name, &by.name);
        self.globals.derivatives.insert(name.clone(), side.per_example);
        Ok(Draft::Read(name, side.subscripts.into_iter().chain(by.subscripts).collect()))
    }

    /// Whether the tensor of that name is defined by recurrence, so that its entries depend on others of them.
    fn depends_on_itself(&self, name: &Name) -> bool {
        let reads = |name: &Name| {
            let tensor = self.globals.tensors.iter().find(|tensor| tensor.name == *name)?;
            let Role::Defined(definition) = &tensor.role else { return None };
            Some(definition.body.tensors())
        };
        let mut seen: Vec<Name> = reads(name).unwrap_or_default();
        let mut position = 0;
        while position < seen.len() && !seen.contains(name) {
            let further = reads(&seen[position]).unwrap_or_default();
            position += 1;
            let new: Vec<Name> = further.into_iter().filter(|read| !seen.contains(read)).collect();
            seen.extend(new);
        }
        seen.contains(name)
    }

    /// An entry of a tensor, or of a derivative.
    fn side(&mut self, expr: &'a Expr, scope: &Scope<'a>) -> Outcome<Side> {
        self.enter(expr.span, scope)?;
        let side = match &expr.kind {
            ExprKind::Group(inner) => self.side(inner, scope),
            ExprKind::Name(name) if scope.letter(&name.text).is_none() => {
                self.entry(&name.text, name.span, expr, &[], scope)
            }
            ExprKind::Read { tensor, pad: None, subscripts } => {
                self.entry(&tensor.text, tensor.span, expr, subscripts, scope)
            }
            ExprKind::Derivative { of, wrt } => {
                let (of_span, of, wrt) = (of.span, self.side(of, scope)?, self.side(wrt, scope)?);
                if !of.computed || of.name == wrt.name && !self.depends_on_itself(&of.name) {
                    let problem = scope.problem("this derivative is a constant", of_span, "given, not computed");
                    return Err(problem.hint("differentiate what an equation defines").into());
                }
                Ok(Side {
                    name: derivative_name(&of.name, &wrt.name),
                    subscripts: [of.subscripts, wrt.subscripts].concat(),
                    per_example: of.per_example,
                    defined: None,
                    computed: true,
                    integers: false,
                })
            }
            _ => {
                let problem = scope.problem("only a tensor can be differentiated", expr.span, "an expression");
                Err(problem.hint("give it a name by an equation, and differentiate that: `u = ...`, `∂u/∂x[i]`").into())
            }
        };
        self.leave();
        let side = side?;
        if side.defined.is_none() {
            // The derivative has been noted as a side of its own.
            self.globals.derivatives.insert(side.name.clone(), side.per_example);
        }
        Ok(side)
    }

    fn entry(
        &mut self,
        name: &'a str,
        span: Span,
        expr: &'a Expr,
        subscripts: &'a [Expr],
        scope: &Scope<'a>,
    ) -> Outcome<Side> {
        if scope.parameter(name).is_some() {
            let message = format!("`{name}` stands for an expression, which cannot be differentiated");
            return Err(scope.problem(message, expr.span, "a parameter").into());
        }
        let number = match self.globals.names.get(name, scope.horizon) {
            Some(Meaning::Tensor(number)) => number,
            Some(Meaning::Broken) => return Err(Fault::Known),
            Some(Meaning::Size(_)) => {
                let message = format!("`{name}` is a size and has no derivative");
                return Err(scope.problem(message, expr.span, "a number").into());
            }
            Some(Meaning::Function(_)) => return Err(self.function_as_value(name, span, scope)),
            None => return Err(self.unknown_value(name, span, scope)),
        };
        self.check_rank(number, subscripts.len(), expr.span, scope)?;
        let mut forms = Vec::with_capacity(subscripts.len());
        for (axis, subscript) in subscripts.iter().enumerate() {
            let form = self.subscript(subscript, scope)?;
            self.note_subscript(number, axis, &form, 0, (subscript.span, expr.span), scope);
            forms.push(form);
        }
        let tensor = &self.globals.tensors[number];
        Ok(Side {
            name: tensor.name.clone(),
            subscripts: forms,
            per_example: tensor.per_example,
            defined: Some(tensor.span),
            computed: matches!(tensor.role, Role::Defined(_)),
            integers: tensor.integers_below().is_some(),
        })
    }
}
