//! Names as values, reads of tensors, and what stands in their subscripts.

use super::batch::{self, BATCH};
use super::boundary::Boundary;
use super::draft::Draft;
use super::elaborate::{Elaborator, count};
use super::form::Form;
use super::guards::guards;
use super::names::{Fault, Meaning, Outcome, is_reserved};
use super::ranges::{Padded, Reach};
use super::scope::{Parameter, Scope};
use crate::syntax::tree::{self, Expr};
use crate::term::{Comparison, Connective, Function, Number};
use crate::text::Span;

impl<'a> Elaborator<'_, 'a> {
    /// A bare name as a value.
    pub fn name(&mut self, name: &'a tree::Name, scope: &Scope<'a>) -> Outcome<Draft> {
        let text = name.text.as_str();
        match scope.parameter(text) {
            Some(Parameter::Opaque(_)) => return Ok(Draft::Opaque),
            Some(Parameter::Argument(argument)) => {
                let argument = argument.clone();
                return self.argument(&argument, &argument.scope);
            }
            None => {}
        }
        let meaning = self.globals.names.get(text, scope.horizon);
        match (meaning, scope.letter(text)) {
            (Some(Meaning::Size(size)), _) => Ok(match (size.as_constant(), Form::sizes(&size)) {
                (None, Some(form)) => Draft::Place(form),
                _ => Draft::Number(Number::integer(size.value().unwrap_or(0))),
            }),
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
            (None, None) if self.globals.names.is_pi(text) => Ok(pi()),
            (None, None) => Err(self.unknown_value(text, name.span, scope)),
        }
    }

    pub fn read(
        &mut self,
        expr: &'a Expr,
        tensor: &'a tree::Name,
        pad: Option<&'a Option<Box<Expr>>>,
        subscripts: &'a [Expr],
        scope: &Scope<'a>,
    ) -> Outcome<Draft> {
        let parameter = scope.parameter(&tensor.text).cloned();
        if let Some(parameter) = parameter {
            if pad.is_some() {
                let message = format!("`pad` needs a tensor, and `{}` stands for an expression", tensor.text);
                let problem = scope.problem(message, expr.span, "its extents are not known here");
                return Err(problem.hint("give the expression a name by an equation, and pad that").into());
            }
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
            None if tensor.text == self.current && !self.own.left.is_empty() => {
                return self.own_read(expr, &tensor.text, pad, subscripts, scope);
            }
            None if pad.is_none() && self.globals.boundaries.contains_key(tensor.text.as_str()) => {
                return self.forward_read(expr, tensor, subscripts, scope);
            }
            None => return Err(self.unknown_value(&tensor.text, tensor.span, scope)),
        };
        self.check_rank(number, subscripts.len(), expr.span, scope)?;
        let mut forms = Vec::with_capacity(subscripts.len());
        for subscript in subscripts {
            forms.push(self.subscript(subscript, scope)?);
        }
        let spans: Vec<Span> = subscripts.iter().map(|subscript| subscript.span).collect();
        let Some(padding) = pad else { return self.entry_at(number, forms, &spans, expr.span, scope) };
        let read = self.read_tensor(number, forms.clone());
        let limits: Vec<Form> = self.globals.tensors[number].extents.iter().map(Form::extent).collect();
        for ((form, limit), span) in forms.iter().zip(&limits).zip(spans) {
            let (form, limit, span) = (form.clone(), limit.clone(), scope.place(span));
            self.ranges.padded.push(Padded { form, limit, span });
        }
        let boundaries = self.globals.boundaries.get(tensor.text.as_str()).cloned().unwrap_or_default();
        self.pad(limits, &forms, read, (padding.as_deref(), &boundaries), scope)
    }

    /// An entry of a tensor that is defined above, at places that must lie inside it, the boundary of a recurrence
    /// included. `spans` are where the subscripts stand, `read` where all of it does.
    pub fn entry_at(
        &mut self,
        number: usize,
        forms: Vec<Form>,
        spans: &[Span],
        read: Span,
        scope: &Scope<'a>,
    ) -> Outcome<Draft> {
        let name = self.globals.tensors[number].name.clone();
        let depth = self.boundary_depth(&name);
        let stepped = self.boundary_axis(&name).filter(|_| depth > 0);
        for (axis, (form, span)) in forms.iter().zip(spans).enumerate() {
            let before = if stepped == Some(axis) { depth } else { 0 };
            self.note_subscript(number, axis, form, before, (*span, read), scope);
        }
        let draft = self.read_tensor(number, forms.clone());
        self.read_with_boundary(&name, draft, &forms)
    }

    pub fn read_tensor(&mut self, tensor: usize, subscripts: Vec<Form>) -> Draft {
        let name = self.globals.tensors[tensor].name.clone();
        self.reads.push((name.clone(), subscripts.clone()));
        Draft::Read(name, subscripts)
    }

    pub fn check_rank(&self, tensor: usize, found: usize, span: Span, scope: &Scope<'a>) -> Outcome<()> {
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

    /// Notes a subscript of a read, which must stay inside, or among so many places before the first entry.
    pub fn note_subscript(
        &mut self,
        tensor: usize,
        axis: usize,
        form: &Form,
        before: i64,
        (span, read): (Span, Span),
        scope: &Scope<'a>,
    ) {
        let examples = self.globals.examples.contains(&(tensor, axis));
        let tensor = &self.globals.tensors[tensor];
        let (name, extent) = (&tensor.name, tensor.shape[axis]);
        let which = if tensor.shape.len() == 1 { format!("`{name}`") } else { format!("axis {axis} of `{name}`") };
        if form.as_constant().is_some_and(|place| (-before..extent as i64).contains(&place)) {
            return;
        }
        let declared = Some((tensor.span, format!("`{name}` has shape {:?}", tensor.shape)));
        let reach = Reach {
            form: form.clone(),
            limit: Form::extent(&tensor.extents[axis]),
            name: name.to_string(),
            axis: which,
            span: scope.place(span),
            text: self.source_text(read, scope),
            declared,
            call: scope.call,
            boundary: None,
            before,
            examples,
            guards: Vec::new(),
        };
        self.ranges.reads.push(reach);
    }

    /// A padded read: the conditions that keep every subscript inside, and the read. Before the first entry of a
    /// recurrence its boundary stands as far as it reaches, and the padding beyond.
    pub fn pad(
        &mut self,
        limits: Vec<Form>,
        forms: &[Form],
        read: Draft,
        (value, boundaries): (Option<&'a Expr>, &[Boundary<'a>]),
        scope: &Scope<'a>,
    ) -> Outcome<Draft> {
        let place = |form: &Form| Box::new(Draft::Place(form.clone()));
        let inside = |form: &Form, limit: &Form| {
            let least = Draft::Compare(Comparison::LessEqual, place(&Form::constant(0)), place(form));
            [least, Draft::Compare(Comparison::Less, place(form), place(limit))]
        };
        let conditions: Vec<Draft> = forms.iter().zip(&limits).flat_map(|(form, limit)| inside(form, limit)).collect();
        let mut places: Vec<(Vec<Draft>, Draft)> = vec![(conditions, read)];
        for boundary in boundaries {
            let here = Draft::Compare(
                Comparison::Equal,
                place(&forms[boundary.axis]),
                place(&Form::constant(-boundary.depth)),
            );
            let others = forms.iter().zip(&limits).enumerate().filter(|(axis, _)| *axis != boundary.axis);
            let others: Vec<Draft> = others.flat_map(|(_, (form, limit))| inside(form, limit)).collect();
            let mark = self.ranges.mark();
            let value = self.boundary_value(boundaries, boundary.depth, forms)?;
            let holding: Vec<_> = others.iter().flat_map(|other| guards(other, true, &self.globals.tensors)).collect();
            self.ranges.guard(mark, &holding);
            places.push(([vec![here], others].concat(), value));
        }
        let Some(value) = value else {
            let products = places.into_iter().map(|(mut conditions, value)| {
                conditions.push(value);
                Draft::Product(conditions)
            });
            let mut products: Vec<Draft> = products.collect();
            return Ok(if products.len() == 1 { products.remove(0) } else { Draft::Sum(products) });
        };
        let outside = self.value(value, scope)?;
        Ok(places.into_iter().rev().fold(outside, |outside, (conditions, value)| {
            Draft::Where(Box::new(Draft::Logic(Connective::And, conditions)), Box::new(value), Box::new(outside))
        }))
    }

    /// A name that means nothing as a value.
    pub fn unknown_value(&mut self, name: &str, span: Span, scope: &Scope<'a>) -> Fault {
        if name == BATCH {
            let message = "`batch` is the number of examples, which no input has as an axis";
            return scope.problem(message, span, "used here").hint(batch::HINT).into();
        }
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
        problem.hint("give the new tensor another name; a recurrence reads earlier entries: `h[t-1, i]`").into()
    }

    pub fn function_as_value(&self, name: &str, span: Span, scope: &Scope<'a>) -> Fault {
        let problem = scope.problem(format!("`{name}` is a function, not a tensor"), span, "used as a tensor");
        problem.hint("a call is written with brackets right after the name").into()
    }
}

/// π, as terms have it.
fn pi() -> Draft {
    Draft::Call(Function::Acos, vec![Draft::Number(Number::MINUS_ONE)])
}
