//! What the letters and parameters of an expression stand for where it is written.

use super::form::Form;
use crate::syntax::tree::Expr;
use crate::text::{Problem, Span};
use std::rc::Rc;

/// An index of an equation, by its number.
pub(super) type IndexId = usize;

/// A letter and what it stands for.
#[derive(Debug, Clone)]
pub(super) struct Bound<'a> {
    pub letter: &'a str,
    pub place: Form,
    /// Whether the summation convention bound it. An argument of a function, which is a term of
    /// its own, sees only those that it does not sum over itself.
    pub implicit: bool,
}

/// The surroundings of an expression. An argument of a function keeps those in which it was
/// written, so the letters of a caller and of a definition never meet.
#[derive(Clone)]
pub(super) struct Scope<'a> {
    /// The innermost last.
    letters: Rc<Vec<Bound<'a>>>,
    /// The parameters of the function whose body this is.
    parameters: Rc<Vec<(&'a str, Parameter<'a>)>>,
    /// How many statements of the file are visible; 0 in the prelude.
    pub horizon: usize,
    /// In the prelude: the call in the file, where problems are shown.
    pub site: Option<Span>,
    /// In the body of a function of the file: the outermost call.
    pub call: Option<Span>,
    /// The term that an explicit sum would stand in front of.
    pub term: Option<Span>,
}

/// What a parameter of a function stands for.
#[derive(Clone)]
pub(super) enum Parameter<'a> {
    /// An argument.
    Argument(Rc<Argument<'a>>),
    /// Nothing: the definition is checked by itself, and a read takes so many subscripts.
    Opaque(usize),
}

/// An expression where it was written, with letters that the body of the function fills in.
pub(super) struct Argument<'a> {
    pub expr: &'a Expr,
    pub scope: Scope<'a>,
    pub open: Vec<&'a str>,
    /// For a tensor without subscripts: its name. It stands for the tensor with the open letters as subscripts.
    pub whole: Option<&'a crate::syntax::tree::Name>,
}

impl<'a> Scope<'a> {
    /// The scope of a statement or of the body of a function.
    pub fn new(horizon: usize, parameters: Vec<(&'a str, Parameter<'a>)>) -> Scope<'a> {
        Scope {
            letters: Rc::new(Vec::new()),
            parameters: Rc::new(parameters),
            horizon,
            site: None,
            call: None,
            term: None,
        }
    }

    /// What a letter stands for.
    pub fn letter(&self, letter: &str) -> Option<Form> {
        self.letters.iter().rev().find(|bound| bound.letter == letter).map(|bound| bound.place.clone())
    }

    /// How many letters are bound.
    pub fn len(&self) -> usize {
        self.letters.len()
    }

    /// The parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter<'a>> {
        self.parameters.iter().find(|(parameter, _)| *parameter == name).map(|(_, parameter)| parameter)
    }

    /// Itself with further letters.
    pub fn with(&self, bound: impl IntoIterator<Item = Bound<'a>>) -> Scope<'a> {
        let mut bound = bound.into_iter().peekable();
        let mut scope = self.clone();
        if bound.peek().is_some() {
            Rc::make_mut(&mut scope.letters).extend(bound);
        }
        scope
    }

    /// Itself with those letters of the summation convention that are wanted.
    pub fn keeping(&self, wanted: impl Fn(&str) -> bool) -> Scope<'a> {
        let mut scope = self.clone();
        if self.letters.iter().any(|bound| bound.implicit && !wanted(bound.letter)) {
            Rc::make_mut(&mut scope.letters).retain(|bound| !bound.implicit || wanted(bound.letter));
        }
        scope
    }

    /// Itself for a term at a place, in front of which an explicit sum would stand.
    pub fn at(&self, span: Span) -> Scope<'a> {
        Scope { term: Some(span), ..self.clone() }
    }

    /// The place in the file that a place in this expression is shown as.
    pub fn place(&self, span: Span) -> Span {
        self.site.unwrap_or(span)
    }

    /// A problem in this expression.
    pub fn problem(&self, message: impl Into<String>, span: Span, label: impl Into<String>) -> Problem {
        self.called(Problem::new(message, self.place(span), label))
    }

    /// A problem with the call that brought it about.
    pub fn called(&self, problem: Problem) -> Problem {
        match self.call {
            Some(call) => problem.label(call, "in this call"),
            None => problem,
        }
    }
}
