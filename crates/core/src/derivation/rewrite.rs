//! The rewriting engine: rules, steps, and the strategy that applies them.

use crate::model::{Definition, Model};
use crate::term::{Name, Term, TermHasher};
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasherDefault;

/// One row of the table of rules.
pub struct Rule {
    /// Shown to the reader of a derivation.
    pub name: &'static str,
    /// The law it applies, as a formula.
    pub law: &'static str,
    /// The right side for a term that has the form of the left side.
    pub apply: fn(&Term, &Context) -> Option<Term>,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What rules may look up: definitions, and results derived before.
pub struct Context<'a> {
    /// The model whose terms are rewritten.
    pub model: &'a Model,
    /// Derived local Jacobians, by tensor and variable. The indices are those of the tensor and
    /// then those of the variable.
    pub jacobians: &'a BTreeMap<(Name, Name), Definition>,
    /// Derivatives that may be put in place of their names.
    pub known: &'a BTreeMap<Name, Definition>,
}

/// One recorded change: a rule applied wherever it fits.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which rule.
    pub rule: &'static Rule,
    /// The whole term after it.
    pub after: Term,
}

/// A chain of equal terms.
#[derive(Debug, Clone)]
pub struct Derivation {
    /// Where it begins.
    pub start: Term,
    /// How it goes on.
    pub steps: Vec<Step>,
}

impl Derivation {
    /// A chain without steps.
    pub fn new(start: Term) -> Derivation {
        Derivation { start, steps: Vec::new() }
    }

    /// Where it ends.
    pub fn end(&self) -> &Term {
        self.steps.last().map_or(&self.start, |step| &step.after)
    }

    /// Applies a rule wherever it fits, once; tells whether it did anywhere.
    pub fn apply(&mut self, rule: &'static Rule, context: &Context) -> bool {
        self.apply_but(rule, context, &mut Misfits::default())
    }

    fn apply_but(&mut self, rule: &'static Rule, context: &Context, misfits: &mut Misfits) -> bool {
        let Some(after) = everywhere_but(rule, self.end(), context, misfits) else { return false };
        self.steps.push(Step { rule, after });
        true
    }

    /// Applies the first rule of the list that fits anywhere, again and again, until none does.
    pub fn exhaust(&mut self, rules: &[&'static Rule], context: &Context) {
        let mut misfits = Misfits::default();
        // Every rule group terminates by design; the bound turns a mistake in one into a visible
        // unfinished derivation instead of a hang.
        for _ in 0..MOST_STEPS {
            if !rules.iter().any(|rule| self.apply_but(rule, context, &mut misfits)) {
                return;
            }
        }
    }

    /// Goes through the chain again, believing nothing: `Err` holds the number of the first step
    /// that its rule does not give, or whose rule is none of the table.
    pub fn replay(&self, context: &Context) -> Result<(), usize> {
        let mut current = &self.start;
        for (number, step) in self.steps.iter().enumerate() {
            let is_of_table = super::rules::all().iter().any(|rule| std::ptr::eq(*rule, step.rule));
            if !is_of_table || everywhere(step.rule, current, context).as_ref() != Some(&step.after) {
                return Err(number);
            }
            current = &step.after;
        }
        Ok(())
    }
}

const MOST_STEPS: usize = 2000;

/// Rules, by name, and terms in which they were found to fit nowhere. A step changes little of a
/// term, and the rest need not be searched again; it holds only as long as the context does.
type Misfits = HashSet<(&'static str, Term), BuildHasherDefault<TermHasher>>;

/// Applies a rule at every place where it fits, from the outside in, not again inside what it
/// made; `None` where it fits nowhere.
pub fn everywhere(rule: &Rule, term: &Term, context: &Context) -> Option<Term> {
    everywhere_but(rule, term, context, &mut Misfits::default())
}

fn everywhere_but(rule: &Rule, term: &Term, context: &Context, misfits: &mut Misfits) -> Option<Term> {
    let entry = (rule.name, term.clone());
    if misfits.contains(&entry) {
        return None;
    }
    let result = attempt(rule, term, context, misfits);
    if result.is_none() {
        misfits.insert(entry);
    }
    result
}

fn attempt(rule: &Rule, term: &Term, context: &Context, misfits: &mut Misfits) -> Option<Term> {
    if let Some(after) = (rule.apply)(term, context)
        && after != *term
    {
        return Some(after);
    }
    let children = term.children();
    let changed: Vec<Option<Term>> =
        children.iter().map(|child| everywhere_but(rule, child, context, misfits)).collect();
    if changed.iter().all(Option::is_none) {
        return None;
    }
    let children = changed.into_iter().zip(children).map(|(new, old)| new.unwrap_or(old)).collect();
    Some(term.with_children(children)).filter(|after| after != term)
}
