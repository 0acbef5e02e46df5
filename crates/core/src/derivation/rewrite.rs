//! The rewriting engine: rules, steps, and the strategy that applies them.

use super::fault;
use crate::model::{Definition, Model};
use crate::term::{Kinds, Name, Term, TermHasher};
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;

/// One row of the table of rules.
pub struct Rule {
    /// Shown to the reader of a derivation.
    pub name: &'static str,
    /// The law it applies, as a formula.
    pub law: &'static str,
    /// Where the left side can stand.
    pub place: Place,
    /// The right side for a term that has the form of the left side.
    pub apply: fn(&Term, &Context) -> Option<Term>,
}

/// Where a rule is tried at all, told by the kinds of nodes.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The kinds of node on which it can fit.
    on: Kinds,
    /// Kinds of which one is in every term that it fits.
    with: Kinds,
}

impl Place {
    /// On these kinds of node, whatever is in them.
    pub const fn on(kinds: Kinds) -> Place {
        Place { on: kinds, with: Kinds::ALL }
    }

    /// There, where a node of one of these kinds is in the term too.
    pub const fn with(self, kinds: Kinds) -> Place {
        Place { with: kinds, ..self }
    }

    fn is_at(self, term: &Term) -> bool {
        self.on.meet(term.kind()) && self.with.meet(term.kinds())
    }

    fn is_in(self, term: &Term) -> bool {
        self.on.meet(term.kinds()) && self.with.meet(term.kinds())
    }
}

impl Rule {
    /// The right side for a term that has the form of the left side, of a rule that may be made wrong by
    /// [`with_fault`](super::with_fault).
    fn right_side(&self, term: &Term, context: &Context) -> Option<Term> {
        (self.apply)(term, context).map(|after| fault::planted(self.name, term, after))
    }
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
        let Some(after) = everywhere(rule, self.end(), context) else { return false };
        self.steps.push(Step { rule, after });
        true
    }

    /// Applies the first rule of the list that fits anywhere, again and again, until none does.
    pub fn exhaust(&mut self, rules: &[&'static Rule], context: &Context) {
        self.exhaust_knowing(rules, context, &mut Tried::default());
    }

    /// As [`Derivation::exhaust`], with what is known of terms, and will be of further ones.
    pub(super) fn exhaust_knowing(&mut self, rules: &[&'static Rule], context: &Context, tried: &mut Tried) {
        let rules = Rules::new(rules);
        let bits = rules.bits();
        // Every rule group terminates by design; the bound turns a mistake in one into a visible
        // unfinished derivation instead of a hang.
        let mut steps = 0;
        while steps < MOST_STEPS {
            let end = self.end().clone();
            let Some(first) = rules.first_fit(&end, bits, context, tried) else { return };
            let (rule, bit) = rules.all[first];
            match everywhere_but(rule, bit, &end, context, tried) {
                Some(after) => {
                    self.steps.push(Step { rule, after });
                    steps += 1;
                }
                None => tried.fit_nowhere(&end, bit),
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

/// What became of terms when rules were tried on them. A step changes little of a term, and the rest need not be
/// searched again, nor what stands in several chains. It holds as long as what the rules look up stays: for
/// most that is the model alone.
#[derive(Default)]
pub(super) struct Tried(HashMap<Term, Outcome, BuildHasherDefault<TermHasher>>);

/// Every rule has a bit.
#[derive(Default)]
struct Outcome {
    /// The rules that fit nowhere in the term.
    misfits: u128,
    /// What others make of it.
    after: Vec<(u128, Term)>,
}

impl Tried {
    fn misfits(&self, term: &Term) -> u128 {
        self.0.get(term).map_or(0, |outcome| outcome.misfits)
    }

    /// What the rule makes of the term, `None` within where it fits nowhere, if it was tried.
    fn after(&self, term: &Term, bit: u128) -> Option<Option<Term>> {
        let outcome = self.0.get(term)?;
        if outcome.misfits & bit != 0 {
            return Some(None);
        }
        outcome.after.iter().find(|(other, _)| *other == bit).map(|(_, after)| Some(after.clone()))
    }

    fn fit_nowhere(&mut self, term: &Term, rules: u128) {
        self.outcome(term).misfits |= rules;
    }

    fn fits(&mut self, term: &Term, bit: u128, after: Term) {
        self.outcome(term).after.push((bit, after));
    }

    fn outcome(&mut self, term: &Term) -> &mut Outcome {
        self.0.entry(term.clone()).or_default()
    }
}

/// Rules in the order in which they are tried, each with a bit that is its own.
struct Rules {
    all: Vec<(&'static Rule, u128)>,
    /// Those that can fit on each kind of node.
    on: [u128; Kinds::COUNT],
    /// Those that also need one of some kinds in the term.
    with: Vec<(Kinds, u128)>,
}

impl Rules {
    fn new(rules: &[&'static Rule]) -> Rules {
        // A rule that is none of the table, as tests have them, gets a bit above those.
        let above = super::rules::all().len();
        let bit = |(place, rule): (usize, &&'static Rule)| {
            let number = super::rules::number(rule).unwrap_or(above + place);
            (*rule, 1u128.checked_shl(number as u32).unwrap_or(0))
        };
        let all: Vec<_> = rules.iter().enumerate().map(bit).collect();
        let (mut on, mut with) = ([0; Kinds::COUNT], Vec::new());
        for (rule, bit) in &all {
            rule.place.on.numbers().for_each(|kind| on[kind] |= bit);
            match with.iter_mut().find(|(kinds, _)| *kinds == rule.place.with) {
                Some((_, bits)) => *bits |= bit,
                None => with.push((rule.place.with, *bit)),
            }
        }
        with.retain(|(kinds, _)| *kinds != Kinds::ALL);
        Rules { all, on, with }
    }

    fn bits(&self) -> u128 {
        self.on.iter().fold(0, |all, bits| all | bits)
    }

    /// Those that can fit on a node of these kinds in a term with those.
    fn on(&self, on: Kinds, kinds: Kinds) -> u128 {
        let fitting = on.numbers().fold(0, |all, kind| all | self.on[kind]);
        self.with.iter().filter(|(with, _)| !with.meet(kinds)).fold(fitting, |left, (_, bits)| left & !bits)
    }

    /// The first of the rules, of those that are wanted, that fits anywhere in a term. Parts are searched
    /// first: then rules that come later need not be tried on the whole.
    fn first_fit(&self, term: &Term, wanted: u128, context: &Context, tried: &mut Tried) -> Option<usize> {
        let possible = wanted & self.on(term.kinds(), term.kinds());
        if possible == 0 {
            return None;
        }
        let mut open = possible & !tried.misfits(term);
        if open == 0 {
            return None;
        }
        let mut first = None;
        term.for_each_child(&mut |child| {
            if let Some(found) = self.first_fit(child, open, context, tried) {
                first = Some(found);
                open &= self.before(found);
            }
        });
        let mut here = open & self.on(term.kind(), term.kinds());
        for (place, (rule, bit)) in self.all.iter().enumerate().take(first.unwrap_or(self.all.len())) {
            if here == 0 {
                break;
            }
            if here & bit == 0 {
                continue;
            }
            here &= !bit;
            if let Some(after) = rule.right_side(term, context).filter(|after| after != term) {
                tried.fits(term, *bit, after);
                first = Some(place);
                open &= self.before(place);
                break;
            }
        }
        tried.fit_nowhere(term, open);
        first
    }

    fn before(&self, place: usize) -> u128 {
        self.all[..place].iter().fold(0, |all, (_, bit)| all | bit)
    }
}

/// Applies a rule at every place where it fits, from the outside in, not again inside what it
/// made; `None` where it fits nowhere.
pub fn everywhere(rule: &Rule, term: &Term, context: &Context) -> Option<Term> {
    everywhere_but(rule, 1, term, context, &mut Tried::default())
}

fn everywhere_but(rule: &Rule, bit: u128, term: &Term, context: &Context, tried: &mut Tried) -> Option<Term> {
    if !rule.place.is_in(term) {
        return None;
    }
    if let Some(known) = tried.after(term, bit) {
        return known;
    }
    let result = attempt(rule, bit, term, context, tried);
    match &result {
        Some(after) => tried.fits(term, bit, after.clone()),
        None => tried.fit_nowhere(term, bit),
    }
    result
}

fn attempt(rule: &Rule, bit: u128, term: &Term, context: &Context, tried: &mut Tried) -> Option<Term> {
    if rule.place.is_at(term)
        && let Some(after) = rule.right_side(term, context)
        && after != *term
    {
        return Some(after);
    }
    let mut changes = false;
    let mut children: Vec<Term> = Vec::new();
    term.for_each_child(&mut |child| {
        let new = everywhere_but(rule, bit, child, context, tried);
        changes |= new.is_some();
        children.push(new.unwrap_or_else(|| child.clone()));
    });
    changes.then(|| term.with_children(children)).filter(|after| after != term)
}
