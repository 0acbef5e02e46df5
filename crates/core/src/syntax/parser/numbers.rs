//! The names that stand for numbers: sizes, constants with a value, the counters of blocks, π.
//!
//! Only `1/n x` needs to know them: it is `(1/n) x`, since nothing else can be meant.

use super::Parser;
use crate::syntax::tree::{DeclaredRole, Expr, ExprKind, StatementKind};
use std::collections::HashMap;

/// Of each name that stands above, whether it is that of a number.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<String, bool>);

/// The counter of a block, and what its name was before.
pub(super) type Outside = Option<(String, Option<bool>)>;

impl Numbers {
    /// Notes what a statement defines.
    pub fn note(&mut self, statement: &StatementKind) {
        let Some(name) = statement.defined() else { return };
        let is_number = match statement {
            StatementKind::Size { .. } => true,
            StatementKind::Declaration(declaration) => {
                declaration.role == DeclaredRole::Const && declaration.extents.is_empty() && declaration.value.is_some()
            }
            _ => false,
        };
        self.0.insert(name.text.clone(), is_number);
    }

    /// Notes the counter of a block.
    pub fn enter(&mut self, statement: Option<&StatementKind>) -> Outside {
        let Some(StatementKind::For { variable, .. }) = statement else { return None };
        let before = self.0.insert(variable.text.clone(), true);
        Some((variable.text.clone(), before))
    }

    /// Forgets the counter of a block behind it.
    pub fn leave(&mut self, outside: Outside) {
        if let Some((counter, before)) = outside {
            match before {
                Some(before) => self.0.insert(counter, before),
                None => self.0.remove(&counter),
            };
        }
    }

    fn has(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(is_number) => *is_number,
            None if matches!(name, "pi" | "π" | "batch") => true,
            // `n{l}`, where only `n1` is known, or the other way round.
            None => self.0.iter().any(|(known, is_number)| *is_number && (fits(name, known) || fits(known, name))),
        }
    }
}

/// Whether a name with the counter of a block in it can become the other.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else { return false };
    let Some((_, after)) = rest.split_once('}') else { return false };
    let middle = name.strip_prefix(before).and_then(|name| name.strip_suffix(after));
    middle.is_some_and(|middle| !middle.is_empty() && middle.bytes().all(|byte| byte.is_ascii_digit()))
}

impl Parser<'_> {
    /// Whether an expression is a number, whatever the data are: made of numbers, sizes and functions of them alone.
    /// A function that the file defines may read what is no number.
    pub(super) fn is_constant(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Number(_) => true,
            ExprKind::Name(name) => !self.hidden.contains(&name.text) && self.numbers.has(&name.text),
            ExprKind::Group(_)
            | ExprKind::Negate(_)
            | ExprKind::Sum(_)
            | ExprKind::Product(_)
            | ExprKind::Power(..)
            | ExprKind::Mod(..) => expr.parts().iter().all(|(part, _)| self.is_constant(part)),
            ExprKind::Call { function, indices, arguments } => {
                let is_known = !self.numbers.0.contains_key(&function.text);
                is_known && indices.is_empty() && arguments.iter().all(|argument| self.is_constant(argument))
            }
            _ => false,
        }
    }
}
