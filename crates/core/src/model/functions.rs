//! Functions written in the language: those of the file and those of the prelude.

use super::names::{Meaning, Names};
use crate::syntax::tree::{Expr, ExprKind, FunctionDefinition, StatementKind, Tree};
use crate::text::Source;
use std::collections::BTreeMap;

/// A function and what its body makes of its indices and parameters.
#[derive(Debug, Clone)]
pub(super) struct Function<'a> {
    pub definition: &'a FunctionDefinition,
    /// How many statements of the file its body sees; 0 in the prelude.
    pub horizon: usize,
    /// For each index: whether it is free in the body, so that a call depends on it.
    pub reads_index: Vec<bool>,
    /// For each parameter: whether the body has it without subscripts.
    pub reads_bare: Vec<bool>,
    /// For each parameter: whether the body has it at all.
    pub reads: Vec<bool>,
}

/// All functions.
#[derive(Default)]
pub(super) struct Functions<'a> {
    all: Vec<Function<'a>>,
    /// Those of the prelude by name.
    prelude: BTreeMap<&'a str, usize>,
}

impl<'a> Functions<'a> {
    /// The function of that name. One of the file hides one of the prelude, but not from the
    /// prelude itself.
    pub fn find(&self, name: &str, names: &Names, horizon: usize) -> Option<usize> {
        match names.get(name, horizon) {
            Some(Meaning::Function(function)) => Some(function),
            Some(Meaning::Broken) => None,
            _ => self.prelude.get(name).copied(),
        }
    }

    /// The function of that number.
    pub fn get(&self, function: usize) -> &Function<'a> {
        &self.all[function]
    }

    /// The number that the next function gets.
    pub fn next(&self) -> usize {
        self.all.len()
    }

    /// Adds a function.
    pub fn add(&mut self, function: Function<'a>) {
        if function.horizon == 0 {
            self.prelude.insert(&function.definition.name.text, self.all.len());
        }
        self.all.push(function);
    }

    /// The names of the prelude.
    pub fn prelude_names(&self) -> impl Iterator<Item = &'a str> {
        self.prelude.keys().copied()
    }
}

/// The text of the prelude.
pub fn prelude() -> Source {
    Source::new("prelude.dr", include_str!("prelude.dr"))
}

/// The function definitions of a tree.
pub(super) fn definitions(tree: &Tree) -> impl Iterator<Item = &FunctionDefinition> {
    tree.statements.iter().filter_map(|statement| match &statement.kind {
        StatementKind::Function(definition) => Some(definition),
        _ => None,
    })
}

/// For each parameter, whether the body has it bare and whether it has it at all.
pub(super) fn uses(definition: &FunctionDefinition) -> (Vec<bool>, Vec<bool>) {
    let (mut bare, mut any) = (vec![false; definition.parameters.len()], vec![false; definition.parameters.len()]);
    visit(&definition.body, &mut |name, subscripted| {
        for (position, parameter) in definition.parameters.iter().enumerate() {
            if parameter.text == name {
                any[position] = true;
                bare[position] |= !subscripted;
            }
        }
    });
    (bare, any)
}

/// Calls `f` with every name that stands for a value, and whether it has subscripts.
fn visit(expr: &Expr, f: &mut dyn FnMut(&str, bool)) {
    match &expr.kind {
        ExprKind::Number(_) => {}
        ExprKind::Name(name) => f(&name.text, false),
        ExprKind::Read { tensor, pad, subscripts } => {
            f(&tensor.text, true);
            pad.iter().flatten().for_each(|pad| visit(pad, f));
            subscripts.iter().for_each(|subscript| visit(subscript, f));
        }
        ExprKind::Sum(addends) => addends.iter().for_each(|(_, addend)| visit(addend, f)),
        ExprKind::Product(factors) => factors.iter().for_each(|factor| visit(&factor.value, f)),
        ExprKind::And(parts) | ExprKind::Or(parts) => parts.iter().for_each(|part| visit(part, f)),
        ExprKind::Power(a, b) | ExprKind::Compare(_, a, b) | ExprKind::Mod(a, b) | ExprKind::Delta(a, b) => {
            visit(a, f);
            visit(b, f);
        }
        ExprKind::Derivative { of, wrt } => {
            visit(of, f);
            visit(wrt, f);
        }
        ExprKind::Negate(inner) | ExprKind::Group(inner) | ExprKind::Bracket(inner) | ExprKind::Not(inner) => {
            visit(inner, f);
        }
        ExprKind::Call { arguments, .. } => arguments.iter().for_each(|argument| visit(argument, f)),
        ExprKind::Reduce { body, .. } => visit(body, f),
    }
}
