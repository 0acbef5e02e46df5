//! Names as values, reads of tensors, and what stands in their subscripts.

use super::draft::Draft;
use super::elaborate::{Elaborator, count, unsupported};
use super::letters::bare;
use super::names::{Fault, Meaning, Outcome, is_reserved};
use super::ranges::Evidence;
use super::scope::{Parameter, Place, Scope};
use crate::syntax::tree::{self, Expr, ExprKind};
use crate::term::Number;
use crate::text::Span;

impl<'a> Elaborator<'_, 'a> {
    /// A bare name as a value.
    pub fn name(&mut self, name: &'a tree::Name, scope: &Scope<'a>) -> Outcome<Draft> {
        let text = name.text.as_str();
        match scope.parameter(text) {
            Some(Parameter::Opaque(_)) => return Ok(Draft::Opaque),
            Some(Parameter::Argument(argument)) => {
                let argument = argument.clone();
                return self.terms(argument.expr, &argument.scope);
            }
            None => {}
        }
        let meaning = self.globals.names.get(text, scope.horizon);
        match (meaning, scope.letter(text)) {
            (Some(Meaning::Size(value)), _) => Ok(Draft::Number(Number::integer(value))),
            (Some(Meaning::Tensor(tensor)), Some(_)) if self.globals.tensors[tensor].shape.is_empty() => {
                let message = format!("`{text}` is an index here, and also the name of a scalar");
                let problem = scope.problem(message, name.span, "which of the two?");
                let defined = self.globals.tensors[tensor].span;
                Err(problem.label(defined, "the scalar").hint("use another letter for the index").into())
            }
            (_, Some(place)) => Ok(Draft::Place(place)),
            (Some(Meaning::Tensor(tensor)), None) => {
                self.check_rank(tensor, 0, name.span, scope)?;
                Ok(self.read_tensor(tensor, Vec::new()))
            }
            (Some(Meaning::Broken), None) => Err(Fault::Known),
            (Some(Meaning::Function(_)), None) => Err(self.function_as_value(text, name.span, scope)),
            (None, None) => Err(self.unknown_value(text, name.span, scope)),
        }
    }

    pub fn read(
        &mut self,
        expr: &'a Expr,
        tensor: &'a tree::Name,
        padded: bool,
        subscripts: &'a [Expr],
        scope: &Scope<'a>,
    ) -> Outcome<Draft> {
        if padded {
            return Err(unsupported("`pad`", expr.span, scope));
        }
        let parameter = scope.parameter(&tensor.text).cloned();
        if let Some(parameter) = parameter {
            return self.read_parameter(&parameter, tensor, subscripts, expr.span, scope);
        }
        let number = match self.globals.names.get(&tensor.text, scope.horizon) {
            Some(Meaning::Tensor(number)) => number,
            Some(Meaning::Broken) => return Err(Fault::Known),
            Some(Meaning::Size(_)) => {
                let message = format!("`{}` is a size and has no subscripts", tensor.text);
                return Err(scope.problem(message, expr.span, "a number").into());
            }
            Some(Meaning::Function(_)) => return Err(self.function_as_value(&tensor.text, tensor.span, scope)),
            None => return Err(self.unknown_value(&tensor.text, tensor.span, scope)),
        };
        self.check_rank(number, subscripts.len(), expr.span, scope)?;
        let mut places = Vec::with_capacity(subscripts.len());
        for (axis, subscript) in subscripts.iter().enumerate() {
            let place = self.subscript(subscript, scope)?;
            self.check_subscript(number, axis, place, subscript.span, scope)?;
            places.push(place);
        }
        Ok(self.read_tensor(number, places))
    }

    fn read_tensor(&mut self, tensor: usize, places: Vec<Place>) -> Draft {
        let name = self.globals.tensors[tensor].name.clone();
        self.reads.push((name.clone(), places.clone()));
        Draft::Read(name, places)
    }

    fn check_rank(&self, tensor: usize, found: usize, span: Span, scope: &Scope<'a>) -> Outcome<()> {
        let tensor = &self.globals.tensors[tensor];
        let axes = tensor.shape.len();
        if axes == found {
            return Ok(());
        }
        let (name, number) = (&tensor.name, count(axes, "axis", "axes"));
        let message = format!("`{name}` has {number}, but is read with {}", count(found, "subscript", "subscripts"));
        let problem = scope.problem(message, span, "read here").label(tensor.span, format!("has {number}"));
        Err(match axes {
            0 => problem.hint(format!("write `{name}` without subscripts")),
            _ => {
                let letters: Vec<&str> = ["i", "j", "k", "l", "m"].into_iter().cycle().take(axes).collect();
                problem.hint(format!("every axis needs an index or a number, as in `{name}[{}]`", letters.join(",")))
            }
        }
        .into())
    }

    /// Notes what a subscript says of its index, and refuses a constant outside the tensor.
    fn check_subscript(
        &mut self,
        tensor: usize,
        axis: usize,
        place: Place,
        span: Span,
        scope: &Scope<'a>,
    ) -> Outcome<()> {
        let tensor = &self.globals.tensors[tensor];
        let (name, extent) = (&tensor.name, tensor.shape[axis]);
        let which = if tensor.shape.len() == 1 { format!("`{name}`") } else { format!("axis {axis} of `{name}`") };
        match place {
            Place::Index(index) => {
                let text = format!("{which} has extent {extent}");
                let declared = Some((tensor.span, format!("`{name}` has shape {:?}", tensor.shape)));
                self.ranges.tell(index, Evidence { extent, span: scope.place(span), text, declared });
                Ok(())
            }
            Place::Constant(value) if usize::try_from(value).is_ok_and(|value| value < extent) => Ok(()),
            Place::Constant(value) => {
                let message = format!("subscript {value} is outside `{name}`");
                let problem = scope.problem(message, span, format!("{which} has extent {extent}"));
                Err(problem.label(tensor.span, "defined here").hint("counting starts at 0").into())
            }
        }
    }

    /// A subscript: an index, a size or an integer.
    pub fn subscript(&mut self, expr: &'a Expr, scope: &Scope<'a>) -> Outcome<Place> {
        if let Some(name) = bare(expr) {
            if let Some(Meaning::Size(value)) = self.globals.names.get(name, scope.horizon) {
                return Ok(Place::Constant(value));
            }
            if let Some(place) = scope.letter(name) {
                return Ok(place);
            }
            return Err(self.unbound(name, expr.span, scope));
        }
        if let ExprKind::Group(inner) = &expr.kind {
            return self.subscript(inner, scope);
        }
        if self.globals.letters(expr, scope).free.is_empty()
            && let Ok(value) = self.globals.constants(scope.horizon).integer(expr)
        {
            return Ok(Place::Constant(value));
        }
        if let ExprKind::Number(text) = &expr.kind {
            let problem = scope.problem(format!("`{text}` cannot be a subscript"), expr.span, "not an integer");
            return Err(problem.hint("subscripts are indices, sizes and integers").into());
        }
        let what = match &expr.kind {
            ExprKind::Mod(..) => "`mod` in a subscript",
            ExprKind::Call { function, .. } if function.text == "floor" => "`floor` in a subscript",
            ExprKind::Reduce { .. } => "a reduction in a subscript",
            ExprKind::Read { .. } => "a tensor as a subscript",
            _ => "a compound subscript",
        };
        Err(unsupported(what, expr.span, scope))
    }

    /// A letter that nothing binds.
    fn unbound(&mut self, letter: &str, span: Span, scope: &Scope<'a>) -> Fault {
        let problem = match self.globals.names.get(letter, scope.horizon) {
            Some(Meaning::Broken) => return Fault::Known,
            Some(Meaning::Tensor(tensor)) if self.globals.tensors[tensor].is_integer_scalar() => {
                return unsupported("a tensor as a subscript", span, scope);
            }
            _ if scope.parameter(letter).is_some() => return unsupported("a parameter as a subscript", span, scope),
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
        let span = scope.term.filter(|_| scope.site.is_none())?;
        let text = self.globals.source.text.get(span.range())?;
        let text = text.trim_start_matches('-').trim();
        let fits = text.len() <= 60 && !text.contains(['\n', '#']);
        fits.then(|| text.to_string())
    }

    /// A name that means nothing as a value.
    fn unknown_value(&mut self, name: &str, span: Span, scope: &Scope<'a>) -> Fault {
        if self.globals.functions.find(name, &self.globals.names, scope.horizon).is_some() || is_reserved(name) {
            return self.function_as_value(name, span, scope);
        }
        if name == self.current && scope.call.is_none() {
            return self.own_name(name, span, scope);
        }
        scope.called(self.globals.names.unknown("name", name, scope.place(span), scope.horizon, &[])).into()
    }

    /// An equation that reads what it defines.
    fn own_name(&self, name: &str, span: Span, scope: &Scope<'a>) -> Fault {
        let problem = scope.problem(format!("`{name}` is read by its own equation"), span, "not defined yet");
        problem.hint("recurrences are not supported yet; give the new tensor another name").into()
    }

    fn function_as_value(&self, name: &str, span: Span, scope: &Scope<'a>) -> Fault {
        let problem = scope.problem(format!("`{name}` is a function, not a tensor"), span, "used as a tensor");
        problem.hint("a call is written with brackets right after the name").into()
    }
}
