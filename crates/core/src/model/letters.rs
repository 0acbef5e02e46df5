//! Which letters occur in an expression: what the summation convention goes by.

use super::Tensor;
use super::functions::Functions;
use super::names::{Meaning, Names};
use super::scope::{Parameter, Scope};
use crate::syntax::tree::{Expr, ExprKind, Factor, Name};
use crate::text::Span;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// A letter that may be an index, where it occurs first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Letter<'a> {
    pub text: &'a str,
    pub span: Span,
    /// Whether it stands in a subscript anywhere: a bare name that never does is no index.
    pub subscript: bool,
}

/// The letters of an expression that nothing in it binds explicitly, in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Letters<'a> {
    /// All of them.
    pub free: Vec<Letter<'a>>,
    /// Those left when the expression is a term of its own: without what its products sum over.
    pub exposed: Vec<Letter<'a>>,
}

impl Letters<'_> {
    /// Whether the letter is free.
    pub fn has(&self, letter: &str) -> bool {
        self.free.iter().any(|free| free.text == letter)
    }
}

/// What is known while letters are collected. The letters of an expression are the same wherever
/// a function is called, so each is asked for once.
pub(super) struct Collector<'c, 'a> {
    pub names: &'c Names<'a>,
    pub tensors: &'c [Tensor],
    pub functions: &'c Functions<'a>,
    /// By the address of the expression, which does not move while a model is built.
    pub known: &'c mut Known<'a>,
}

/// Letters by the address of their expression.
pub(super) type Known<'a> = HashMap<*const Expr, Rc<Letters<'a>>>;

impl<'a> Collector<'_, 'a> {
    /// The letters of an expression written in the scope.
    pub fn letters(&mut self, expr: &'a Expr, scope: &Scope<'a>) -> Rc<Letters<'a>> {
        let address: *const Expr = expr;
        if let Some(letters) = self.known.get(&address) {
            return letters.clone();
        }
        let letters = Rc::new(self.collect(expr, scope));
        self.known.insert(address, letters.clone());
        letters
    }

    fn collect(&mut self, expr: &'a Expr, scope: &Scope<'a>) -> Letters<'a> {
        match &expr.kind {
            ExprKind::Number(_) => Letters::default(),
            ExprKind::Derivative { of, wrt } => self.all([&**of, &**wrt].into_iter(), scope),
            ExprKind::Name(name) => {
                let letter = Letter { text: &name.text, span: expr.span, subscript: false };
                same(if self.is_letter(&name.text, scope) { vec![letter] } else { Vec::new() })
            }
            ExprKind::Read { pad, subscripts, .. } => {
                let mut found = Gather::default();
                for padding in pad.iter().flatten() {
                    self.letters(padding, scope).free.iter().for_each(|letter| found.add(letter));
                }
                self.subscripts(subscripts.iter(), scope).iter().for_each(|letter| found.add(letter));
                same(found.letters)
            }
            ExprKind::Delta(left, right) => same(self.subscripts([&**left, &**right].into_iter(), scope)),
            ExprKind::Sum(addends) => self.all(addends.iter().map(|(_, addend)| addend), scope),
            ExprKind::And(parts) | ExprKind::Or(parts) => self.all(parts.iter(), scope),
            ExprKind::Power(a, b) | ExprKind::Compare(_, a, b) | ExprKind::Mod(a, b) => {
                self.all([&**a, &**b].into_iter(), scope)
            }
            ExprKind::Negate(inner) | ExprKind::Group(inner) | ExprKind::Bracket(inner) | ExprKind::Not(inner) => {
                self.all(std::iter::once(&**inner), scope)
            }
            ExprKind::Product(factors) => self.product(factors, scope),
            ExprKind::Call { function, indices, arguments } => {
                if function.text == "delta" {
                    return same(self.subscripts(arguments.iter(), scope));
                }
                self.call(&function.text, indices, arguments, scope)
            }
            ExprKind::Reduce { binders, body, .. } => {
                let inner = self.letters(body, scope);
                let bound = |letter: &Letter| binders.iter().any(|binder| binder.name.text == letter.text);
                Letters {
                    free: inner.free.iter().filter(|letter| !bound(letter)).cloned().collect(),
                    exposed: inner.exposed.iter().filter(|letter| !bound(letter)).cloned().collect(),
                }
            }
        }
    }

    /// Whether a bare name can be an index: it names no number.
    fn is_letter(&self, name: &str, scope: &Scope<'a>) -> bool {
        if scope.parameter(name).is_some() {
            return false;
        }
        match self.names.get(name, scope.horizon) {
            Some(Meaning::Size(_) | Meaning::Broken) => false,
            Some(Meaning::Tensor(tensor)) => !self.tensors[tensor].shape.is_empty(),
            Some(Meaning::Function(_)) | None => true,
        }
    }

    /// Whether a name in a subscript is no index: a size, a parameter, a scalar that holds an integer.
    fn is_constant_subscript(&self, name: &str, scope: &Scope<'a>) -> bool {
        if scope.parameter(name).is_some() {
            return true;
        }
        match self.names.get(name, scope.horizon) {
            Some(Meaning::Size(_)) => true,
            Some(Meaning::Tensor(tensor)) => self.tensors[tensor].is_integer_scalar(),
            _ => false,
        }
    }

    /// The letters of subscripts.
    fn subscripts(&mut self, subscripts: impl Iterator<Item = &'a Expr>, scope: &Scope<'a>) -> Vec<Letter<'a>> {
        let mut found = Gather::default();
        for subscript in subscripts {
            self.subscript(subscript, scope, &mut found);
        }
        found.letters
    }

    /// Adds the letters of a subscript. Nothing is summed in it, and a name in its arithmetic is an
    /// index as one that stands alone is.
    fn subscript(&mut self, subscript: &'a Expr, scope: &Scope<'a>, found: &mut Gather<'a>) {
        match &subscript.kind {
            ExprKind::Name(name) => {
                if !self.is_constant_subscript(&name.text, scope) {
                    found.add(&Letter { text: &name.text, span: subscript.span, subscript: true });
                }
            }
            ExprKind::Group(inner) | ExprKind::Negate(inner) => self.subscript(inner, scope, found),
            ExprKind::Sum(addends) => addends.iter().for_each(|(_, addend)| self.subscript(addend, scope, found)),
            ExprKind::Product(factors) => {
                factors.iter().for_each(|factor| self.subscript(&factor.value, scope, found));
            }
            ExprKind::Mod(value, divisor) => {
                self.subscript(value, scope, found);
                self.subscript(divisor, scope, found);
            }
            ExprKind::Call { function, arguments, .. } if function.text == "floor" => {
                arguments.iter().for_each(|argument| self.subscript(argument, scope, found));
            }
            _ => {
                for letter in &self.letters(subscript, scope).free {
                    let subscript = letter.subscript || !self.names.is_pi(letter.text);
                    found.add(&Letter { subscript, ..letter.clone() });
                }
            }
        }
    }

    fn all(&mut self, parts: impl Iterator<Item = &'a Expr>, scope: &Scope<'a>) -> Letters<'a> {
        let (mut free, mut exposed) = (Gather::default(), Gather::default());
        for part in parts {
            let letters = self.letters(part, scope);
            letters.free.iter().for_each(|letter| free.add(letter));
            letters.exposed.iter().for_each(|letter| exposed.add(letter));
        }
        Letters { free: free.letters, exposed: exposed.letters }
    }

    fn product(&mut self, factors: &'a [Factor], scope: &Scope<'a>) -> Letters<'a> {
        let mut all = self.all(factors.iter().map(|factor| &factor.value), scope);
        let repeated: HashSet<&str> = self.repeated(factors, scope).iter().map(|letter| letter.text).collect();
        all.exposed.retain(|letter| !repeated.contains(letter.text));
        all
    }

    /// The letters that occur in two or more of the factors.
    pub fn repeated(&mut self, factors: &'a [Factor], scope: &Scope<'a>) -> Vec<Letter<'a>> {
        let mut found = Gather::default();
        let mut counts: HashMap<&'a str, usize> = HashMap::new();
        for factor in factors {
            for letter in &self.letters(&factor.value, scope).free {
                *counts.entry(letter.text).or_default() += 1;
                found.add(letter);
            }
        }
        found.letters.retain(|letter| letter.subscript && counts[letter.text] > 1);
        found.letters
    }

    /// A call has the letters of its arguments, except those it opens, and of those it opens the
    /// ones that the body reads.
    fn call(&mut self, name: &'a str, indices: &'a [Expr], arguments: &'a [Expr], scope: &Scope<'a>) -> Letters<'a> {
        let Some(function) = self.functions.find(name, self.names, scope.horizon) else {
            return self.all(arguments.iter(), scope);
        };
        let function = self.functions.get(function).clone();
        let opened: Vec<&'a str> = indices.iter().filter_map(bare).collect();
        let mut found = Gather::default();
        for (position, index) in indices.iter().enumerate() {
            if let Some(text) = bare(index).filter(|_| function.reads_index.get(position) == Some(&true)) {
                found.add(&Letter { text, span: index.span, subscript: true });
            }
        }
        for (position, argument) in arguments.iter().enumerate() {
            let bare = function.reads_bare.get(position) == Some(&true);
            if bare && self.whole(argument, opened.len(), scope).is_some() {
                opened.iter().for_each(|text| found.add(&Letter { text, span: argument.span, subscript: true }));
            }
            for letter in &self.letters(argument, scope).exposed {
                if bare || !opened.contains(&letter.text) {
                    found.add(letter);
                }
            }
        }
        same(found.letters)
    }
}

impl<'a> Collector<'_, 'a> {
    /// The name of a tensor, or of a parameter, that is an argument without subscripts of a function that opens so
    /// many axes as it has.
    pub fn whole(&self, argument: &'a Expr, axes: usize, scope: &Scope<'a>) -> Option<&'a Name> {
        let name = match &argument.kind {
            ExprKind::Name(name) => name,
            ExprKind::Group(inner) => return self.whole(inner, axes, scope),
            _ => return None,
        };
        let own = match (scope.parameter(&name.text), self.names.get(&name.text, scope.horizon)) {
            (Some(Parameter::Opaque(axes)), _) => *axes,
            (Some(Parameter::Argument(argument)), _) => argument.open.len(),
            (None, Some(Meaning::Tensor(tensor))) => self.tensors[tensor].shape.len(),
            _ => 0,
        };
        (own == axes && axes > 0).then_some(name)
    }
}

/// The text of a bare name.
pub(super) fn bare(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Name(name) => Some(&name.text),
        _ => None,
    }
}

fn same(free: Vec<Letter<'_>>) -> Letters<'_> {
    Letters { exposed: free.clone(), free }
}

/// Collects letters in order of appearance, each once.
#[derive(Default)]
struct Gather<'a> {
    letters: Vec<Letter<'a>>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Gather<'a> {
    fn add(&mut self, letter: &Letter<'a>) {
        match self.places.get(letter.text) {
            Some(&place) => self.letters[place].subscript |= letter.subscript,
            None => {
                self.places.insert(letter.text, self.letters.len());
                self.letters.push(letter.clone());
            }
        }
    }
}
