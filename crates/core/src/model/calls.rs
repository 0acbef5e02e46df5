//! Calls: the functions of the language, and those written in it, whose bodies take their place.

use super::draft::Draft;
use super::elaborate::{Elaborator, count};
use super::form::Form;
use super::functions::{self, Function as Defined};
use super::guards::guards;
use super::letters::bare;
use super::names::{Fault, Meaning, Outcome, nearest};
use super::scope::{Argument, Bound, Parameter, Scope};
use crate::syntax::tree::{self, Expr, FunctionDefinition};
use crate::term::Function;
use crate::text::Span;
use std::rc::Rc;

impl<'a> Elaborator<'_, 'a> {
    /// A call.
    pub fn call(
        &mut self,
        expr: &'a Expr,
        function: &'a tree::Name,
        indices: &'a [Expr],
        arguments: &'a [Expr],
        scope: &Scope<'a>,
    ) -> Outcome<Draft> {
        let name = function.text.as_str();
        let scalar = Function::from_name(name);
        let arity = scalar.map(Function::arity).or(match name {
            "where" => Some(3),
            "delta" => Some(2),
            _ => None,
        });
        let Some(arity) = arity else { return self.call_defined(expr, function, indices, arguments, scope) };
        if let Some(index) = indices.first() {
            return Err(scope.problem(format!("`{name}` takes no indices"), index.span, "not needed").into());
        }
        self.check_arguments(name, arity, arguments.len(), expr.span, None, scope)?;
        match scalar {
            Some(scalar) => {
                // In a loop: the adapters of iterators would each have a frame at every level of nesting.
                let mut drafts = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    drafts.push(self.value(argument, scope)?);
                }
                Ok(Draft::Call(scalar, drafts))
            }
            None if name == "delta" => self.delta(&arguments[0], &arguments[1], scope),
            None => self.choice(arguments, scope),
        }
    }

    /// `where(condition, then, otherwise)`, apart from [`call`](Self::call) so that what it needs on the stack
    /// is not there at every level of nested calls.
    #[inline(never)]
    fn choice(&mut self, arguments: &'a [Expr], scope: &Scope<'a>) -> Outcome<Draft> {
        let condition = self.condition(&arguments[0], scope)?;
        let mark = self.ranges.mark();
        let then = self.value(&arguments[1], scope)?;
        self.ranges.guard(mark, &guards(&condition, true, &self.globals.tensors));
        let mark = self.ranges.mark();
        let otherwise = self.value(&arguments[2], scope)?;
        self.ranges.guard(mark, &guards(&condition, false, &self.globals.tensors));
        Ok(Draft::Where(Box::new(condition), Box::new(then), Box::new(otherwise)))
    }

    fn check_arguments(
        &self,
        name: &str,
        wanted: usize,
        found: usize,
        span: Span,
        definition: Option<&FunctionDefinition>,
        scope: &Scope<'a>,
    ) -> Outcome<()> {
        if wanted == found {
            return Ok(());
        }
        let message = format!("`{name}` takes {}, but is given {found}", count(wanted, "argument", "arguments"));
        let problem = scope.problem(message, span, "called here");
        Err(match definition {
            Some(definition) => problem.label(definition.name.span, "defined here").into(),
            None => problem.into(),
        })
    }

    /// A call of a function of the file or of the prelude.
    fn call_defined(
        &mut self,
        expr: &'a Expr,
        name: &'a tree::Name,
        indices: &'a [Expr],
        arguments: &'a [Expr],
        scope: &Scope<'a>,
    ) -> Outcome<Draft> {
        let function = match self.globals.functions.find(&name.text, &self.globals.names, scope.horizon) {
            Some(function) => self.globals.functions.get(function).clone(),
            None => return Err(self.unknown_function(name, scope)),
        };
        let definition = function.definition;
        let shown = Some(definition).filter(|_| function.horizon > 0);
        self.check_arguments(&name.text, definition.parameters.len(), arguments.len(), expr.span, shown, scope)?;
        let open = self.open_letters(&function, indices, expr.span, scope)?;
        let mut parameters = Vec::with_capacity(arguments.len());
        for (position, (parameter, argument)) in definition.parameters.iter().zip(arguments).enumerate() {
            let letters = self.globals.letters(argument, scope);
            let own = |letter: &str| letters.exposed.iter().any(|exposed| exposed.text == letter);
            let whole = self.whole(argument, open.len(), scope);
            if whole.is_none() {
                self.refuse_other_rank(&name.text, argument, &open, scope)?;
            }
            let argument = Argument { expr: argument, scope: scope.keeping(own), open: open.clone(), whole };
            if !function.reads[position] {
                self.check_unread(&argument)?;
            }
            parameters.push((parameter.text.as_str(), Parameter::Argument(Rc::new(argument))));
        }
        let mut letters = Vec::new();
        for (position, (index, caller)) in definition.indices.iter().zip(indices).enumerate() {
            if function.reads_index[position] {
                let place = self.subscript(caller, scope)?;
                letters.push(Bound { letter: &index.text, place, implicit: false });
            }
        }
        let mut body = Scope::new(function.horizon, parameters).with(letters);
        if function.horizon == 0 {
            body.site = Some(scope.place(expr.span));
            body.call = scope.call;
        } else {
            body.call = scope.call.or(Some(expr.span));
        }
        self.terms(&definition.body, &body)
    }

    /// The caller's letters, one for each index of the function.
    fn open_letters(
        &self,
        function: &Defined<'a>,
        indices: &'a [Expr],
        span: Span,
        scope: &Scope<'a>,
    ) -> Outcome<Vec<&'a str>> {
        let definition = function.definition;
        let (name, wanted) = (&definition.name.text, definition.indices.len());
        if wanted != indices.len() {
            let found = indices.len();
            let message = format!("`{name}` takes {}, but is given {found}", count(wanted, "index", "indices"));
            let letters: Vec<&str> = definition.indices.iter().map(|index| index.text.as_str()).collect();
            let shape = if wanted == 0 { String::new() } else { format!("[{}]", letters.join(",")) };
            let problem = scope.problem(message, span, "called here");
            return Err(problem.hint(format!("it is called as `{name}{shape}(...)`")).into());
        }
        let mut open: Vec<&'a str> = Vec::with_capacity(wanted);
        for index in indices {
            let Some(letter) = bare(index) else {
                let problem = scope.problem(format!("`{name}` needs an index here"), index.span, "not a letter");
                return Err(problem.into());
            };
            self.check_letter(letter, index.span, scope)?;
            if open.contains(&letter) {
                let message = format!("the index `{letter}` is given twice");
                return Err(scope.problem(message, index.span, "again here").into());
            }
            open.push(letter);
        }
        Ok(open)
    }

    /// Checks an argument that the body never reads, and drops what it means.
    fn check_unread(&mut self, argument: &Argument<'a>) -> Outcome<()> {
        let (mark, reads) = (self.ranges.mark(), self.reads.len());
        let (own, forward) = (self.own.reads.len(), self.own.forward.len());
        let mut bound = Vec::new();
        let letters = self.globals.letters(argument.expr, &argument.scope);
        let exposed =
            letters.exposed.iter().filter(|letter| letter.subscript && argument.scope.letter(letter.text).is_none());
        let whole =
            argument.open.iter().filter(|letter| argument.whole.is_some() && argument.scope.letter(letter).is_none());
        let whole: Vec<(&str, Span)> = whole.map(|letter| (*letter, argument.expr.span)).collect();
        for (letter, span) in exposed.map(|letter| (letter.text, letter.span)).chain(whole) {
            let place = Form::index(self.ranges.add(letter, span, &argument.scope));
            bound.push(Bound { letter, place, implicit: false });
        }
        self.argument(argument, &argument.scope.with(bound))?;
        self.ranges.forget(mark);
        self.reads.truncate(reads);
        self.own.reads.truncate(own);
        self.own.forward.truncate(forward);
        Ok(())
    }

    /// A parameter with subscripts: its argument, with the open letters standing for them.
    pub fn read_parameter(
        &mut self,
        parameter: &Parameter<'a>,
        name: &'a tree::Name,
        subscripts: &'a [Expr],
        span: Span,
        scope: &Scope<'a>,
    ) -> Outcome<Draft> {
        let places =
            subscripts.iter().map(|subscript| self.subscript(subscript, scope)).collect::<Outcome<Vec<_>>>()?;
        self.parameter_at(parameter, name, places, span, scope)
    }

    /// A parameter at places, one for each open letter of its argument.
    fn parameter_at(
        &mut self,
        parameter: &Parameter<'a>,
        name: &'a tree::Name,
        places: Vec<Form>,
        span: Span,
        scope: &Scope<'a>,
    ) -> Outcome<Draft> {
        let wanted = match parameter {
            Parameter::Opaque(wanted) => *wanted,
            Parameter::Argument(argument) => argument.open.len(),
        };
        if places.len() != wanted {
            let (wanted, found) = (count(wanted, "index", "indices"), count(places.len(), "subscript", "subscripts"));
            let message = format!("the function has {wanted}, but `{}` is read with {found}", name.text);
            let problem = scope.problem(message, span, "read here");
            return Err(problem.hint("a parameter takes one subscript for each index of the function").into());
        }
        let Parameter::Argument(argument) = parameter else { return Ok(Draft::Opaque) };
        let open = argument.open.iter().zip(places).map(|(letter, place)| Bound { letter, place, implicit: false });
        let inside = argument.scope.with(open);
        self.argument(argument, &inside)
    }

    /// An argument where its letters stand for what the scope says.
    pub fn argument(&mut self, argument: &Argument<'a>, scope: &Scope<'a>) -> Outcome<Draft> {
        let Some(name) = argument.whole else { return self.terms(argument.expr, scope) };
        let span = argument.expr.span;
        let mut places = Vec::with_capacity(argument.open.len());
        for letter in &argument.open {
            match scope.letter(letter) {
                Some(place) => places.push(place),
                None => return Err(self.unbound(letter, span, scope)),
            }
        }
        if let Some(parameter) = scope.parameter(&name.text).cloned() {
            return self.parameter_at(&parameter, name, places, span, scope);
        }
        match self.globals.names.get(&name.text, scope.horizon) {
            Some(Meaning::Tensor(number)) => {
                let spans = vec![span; places.len()];
                self.entry_at(number, places, &spans, span, scope)
            }
            _ => self.terms(argument.expr, scope),
        }
    }

    /// The name of a tensor, or of a parameter, that is an argument without subscripts and has so many axes.
    fn whole(&mut self, argument: &'a Expr, axes: usize, scope: &Scope<'a>) -> Option<&'a tree::Name> {
        self.globals.collector().whole(argument, axes, scope).filter(|name| scope.letter(&name.text).is_none())
    }

    /// Refuses a tensor without subscripts that has other axes than those that the function opens.
    fn refuse_other_rank(
        &self,
        function: &str,
        argument: &'a Expr,
        open: &[&'a str],
        scope: &Scope<'a>,
    ) -> Outcome<()> {
        let Some(name) = bare(argument).filter(|name| scope.parameter(name).is_none() && scope.letter(name).is_none())
        else {
            return Ok(());
        };
        let Some(Meaning::Tensor(number)) = self.globals.names.get(name, scope.horizon) else { return Ok(()) };
        let tensor = &self.globals.tensors[number];
        if open.is_empty() || tensor.shape.is_empty() {
            return Ok(());
        }
        let (axes, opened) = (count(tensor.shape.len(), "axis", "axes"), count(open.len(), "index", "indices"));
        let message = format!("`{function}` opens {opened} of its argument, but `{name}` has {axes}");
        let problem =
            scope.problem(message, argument.span, "which of its axes?").label(tensor.span, format!("has {axes}"));
        let mut letters: Vec<&str> = open.to_vec();
        letters.extend(["a", "b", "c", "d"].iter().filter(|letter| !open.contains(letter)));
        letters.truncate(tensor.shape.len());
        let (own, letters) = (open.join(","), letters.join(","));
        Err(problem.hint(format!("write its subscripts, as in `{function}[{own}]({name}[{letters}])`")).into())
    }

    fn unknown_function(&self, name: &tree::Name, scope: &Scope<'a>) -> Fault {
        let text = name.text.as_str();
        let message = format!("`{text}` is not a function");
        match self.globals.names.get(text, scope.horizon) {
            Some(Meaning::Broken) => return Fault::Known,
            Some(_) => {
                let problem = scope.problem(message, name.span, "called here");
                let hint = format!("a product is written `{text} (...)`, with a space");
                return problem
                    .label(self.globals.names.span(text).unwrap_or(name.span), "defined here")
                    .hint(hint)
                    .into();
            }
            None if text == self.current && scope.horizon > 0 => {
                let problem = scope.problem(format!("`{text}` calls itself"), name.span, "called here");
                return problem.hint("functions are expanded, so none can call itself").into();
            }
            None => {}
        }
        let scalar = Function::ALL.iter().map(|function| function.name());
        let known: Vec<&str> = scalar.chain(["where", "delta"]).chain(self.globals.functions.prelude_names()).collect();
        let span = scope.place(name.span);
        scope.called(self.globals.names.unknown("function", text, span, scope.horizon, &known)).into()
    }

    /// Checks the definition of a function by itself, and adds it.
    pub fn define(&mut self, definition: &'a FunctionDefinition, horizon: usize) -> Outcome<usize> {
        self.check_parameters(definition, horizon)?;
        let opaque = Parameter::Opaque(definition.indices.len());
        let parameters = definition.parameters.iter().map(|parameter| (parameter.text.as_str(), opaque.clone()));
        let scope = Scope::new(horizon, parameters.collect());
        let mut letters = Vec::new();
        for index in &definition.indices {
            let place = Form::index(self.ranges.add(&index.text, index.span, &scope));
            letters.push(Bound { letter: index.text.as_str(), place, implicit: false });
        }
        self.terms(&definition.body, &scope.with(letters))?;
        let free = self.globals.letters(&definition.body, &scope);
        let reads_index = definition.indices.iter().map(|index| free.has(&index.text)).collect();
        let (reads_bare, reads) = functions::uses(definition);
        let number = self.globals.functions.next();
        self.globals.functions.add(Defined { definition, horizon, reads_index, reads_bare, reads });
        Ok(number)
    }

    fn check_parameters(&self, definition: &FunctionDefinition, horizon: usize) -> Outcome<()> {
        let scope = Scope::new(horizon, Vec::new());
        let all: Vec<&tree::Name> = definition.indices.iter().chain(&definition.parameters).collect();
        for (position, name) in all.iter().enumerate() {
            let text = &name.text;
            self.check_letter(text, name.span, &scope)?;
            if all[..position].iter().any(|other| other.text == *text) {
                return Err(scope.problem(format!("`{text}` is named twice"), name.span, "again here").into());
            }
        }
        Ok(())
    }
}

/// The nearest word of a list, as a hint.
pub(super) fn did_you_mean(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")),
    }
}
