//! What declarations promise of values: rows that sum to one, domains, and matrices that are their own transposes.

use super::names::Outcome;
use super::sizes::Constants;
use super::{Initialiser, Model};
use crate::syntax::tree::{Declaration, DeclaredRole, Property};
use crate::term::{Extent, Name, Number};
use crate::text::{Problem, Span};
use std::fmt;

/// A promise that a rule may use, named where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assumption {
    /// The entries of a tensor along its last axis sum to one.
    SumsToOne(Name),
    /// All entries of a tensor lie in a domain.
    Within(Name, Domain),
    /// A matrix is its own transpose.
    Symmetric(Name),
}

/// The numbers that the entries of a tensor may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain {
    /// The least.
    pub low: Number,
    /// The greatest, which may be infinite.
    pub high: Number,
    /// Whether the least one itself is left out.
    pub is_open: bool,
}

impl Domain {
    /// What is above 0.
    pub fn positive() -> Domain {
        Domain { low: Number::integer(0), high: Number::Float(f64::INFINITY), is_open: true }
    }

    /// Whether a number lies in it.
    pub fn contains(self, value: f64) -> bool {
        let above = if self.is_open { value > self.low.value() } else { value >= self.low.value() };
        above && value <= self.high.value()
    }

    /// Whether a number in single precision lies in it, or is one of its ends as far as that tells.
    pub fn contains_single(self, value: f32) -> bool {
        let (low, high) = (self.low.value() as f32, self.high.value() as f32);
        (if self.is_open { value > low } else { value >= low }) && value <= high
    }

    /// A number in it: `value` itself, or one that is made of it.
    pub fn fitted(self, value: f64) -> f64 {
        let (low, high) = (self.low.value(), self.high.value());
        match self.contains(value) {
            true => value,
            // What is reflected is as far from the end as before.
            false if high.is_infinite() && value < low => 2.0 * low - value,
            false if high.is_infinite() => low + 1.0,
            false if low.is_infinite() => 2.0 * high - value,
            false => value.clamp(low, high),
        }
    }

    /// A number in it for one in -1..1.
    pub fn drawn(self, uniform: f64) -> f64 {
        let (low, high) = (self.low.value(), self.high.value());
        match (low.is_finite(), high.is_finite()) {
            (true, true) => low + (high - low) * (0.5 + 0.49 * uniform),
            (true, false) => low + 1.05 + uniform,
            (false, true) => high - 1.05 - uniform,
            (false, false) => uniform,
        }
    }
}

/// As in a declaration.
impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_open {
            true => f.write_str("positive"),
            false => write!(f, "in [{}, {}]", self.low.value(), self.high.value()),
        }
    }
}

/// A promise of one tensor.
#[derive(Debug, Clone, Copy)]
pub(super) enum Promise {
    Within(Domain),
    Symmetric,
}

impl Promise {
    /// Of the tensor of that name.
    pub fn of(self, name: &Name) -> Assumption {
        match self {
            Promise::Within(domain) => Assumption::Within(name.clone(), domain),
            Promise::Symmetric => Assumption::Symmetric(name.clone()),
        }
    }
}

/// The properties that are promises of values.
pub(super) const WORDS: &[&str] = &["positive", "in", "symmetric"];

/// Reads such properties.
pub(super) fn promises(declaration: &Declaration, extents: &[Extent], constants: &Constants) -> Outcome<Vec<Promise>> {
    let own = declaration.properties.iter().filter(|property| WORDS.contains(&property.name.text.as_str()));
    let mut found = Vec::new();
    let mut places: [Option<Span>; 2] = [None, None];
    for property in own {
        let promise = match property.name.text.as_str() {
            "symmetric" => symmetric(declaration, property, extents, constants)?,
            _ => Promise::Within(domain(declaration, property, constants)?),
        };
        let place = &mut places[usize::from(matches!(promise, Promise::Symmetric))];
        if let Some(first) = place.replace(property.name.span) {
            let problem = Problem::new("said twice", property.name.span, "the second");
            return Err(problem.label(first, "the first").into());
        }
        found.push(promise);
    }
    Ok(found)
}

fn symmetric(
    declaration: &Declaration,
    property: &Property,
    extents: &[Extent],
    constants: &Constants,
) -> Outcome<Promise> {
    let name = &declaration.name.text;
    let refused = |message: String, label: &str| Problem::new(message, property.name.span, label);
    if let Some(argument) = property.arguments.first() {
        return Err(Problem::new("`symmetric` takes no arguments", argument.span, "not needed").into());
    }
    if !matches!(declaration.role, DeclaredRole::Const | DeclaredRole::Target) || declaration.value.is_some() {
        let problem = refused(format!("`{name}` cannot be `symmetric`"), "only what is not differentiated by");
        return Err(problem
            .hint(format!("write `const {name}[...] symmetric`, or `({name}[i,j] + {name}[j,i]) / 2`"))
            .into());
    }
    match extents {
        [rows, columns] if constants.names.symbols.same(&rows.polynomial(), &columns.polynomial()) => {
            Ok(Promise::Symmetric)
        }
        _ => {
            let problem = refused(format!("`{name}` cannot be symmetric"), "needs two axes of one extent");
            let shape: Vec<usize> = extents.iter().map(Extent::value).collect();
            Err(problem.hint(format!("its shape is {shape:?}")).into())
        }
    }
}

fn domain(declaration: &Declaration, property: &Property, constants: &Constants) -> Outcome<Domain> {
    let name = &declaration.name.text;
    if let Some(value) = &declaration.value {
        let problem = Problem::new("a constant with a value needs no domain", property.name.span, "not needed");
        return Err(problem.label(value.span, "its value").into());
    }
    let kinds = declaration.properties.iter().find(|other| !WORDS.contains(&other.name.text.as_str()));
    if let Some(kind) = kinds {
        let message = format!("what is `{}` has its domain already", kind.name.text);
        let problem = Problem::new(message, property.name.span, "not needed");
        return Err(problem.label(kind.name.span, "says what its values are").into());
    }
    if property.name.text == "positive" {
        return match property.arguments.first() {
            Some(argument) => Err(Problem::new("`positive` takes no arguments", argument.span, "not needed").into()),
            None => Ok(Domain::positive()),
        };
    }
    let [low, high] = property.arguments.as_slice() else {
        let problem = Problem::new("`in` needs two ends", property.name.span, "here");
        return Err(problem.hint(format!("write `{name} in [0, 1]`; an end may be `inf` or `-inf`")).into());
    };
    let domain = Domain { low: constants.number(low)?, high: constants.number(high)?, is_open: false };
    if domain.low.value() >= domain.high.value() {
        let problem = Problem::new("no number lies in this domain", high.span, "not above the least");
        return Err(problem.label(low.span, "the least").into());
    }
    Ok(domain)
}

/// Refuses first values that break a promise.
pub(super) fn check_start(name: &str, promises: &[Promise], start: Option<Initialiser>, span: Span) -> Outcome<()> {
    for promise in promises {
        let Promise::Within(domain) = promise else { continue };
        let keeps = match start {
            Some(Initialiser::Constant(value)) => domain.contains(value),
            Some(Initialiser::Uniform { low, high }) => domain.contains(low) && domain.contains(high),
            Some(Initialiser::Normal { mean, deviation }) => deviation == 0.0 && domain.contains(mean),
            // The fans of a normal distribution are found later.
            None => false,
        };
        let is_all = domain.low.value().is_infinite() && domain.high.value().is_infinite();
        if !keeps && !is_all {
            let message = format!("first values of `{name}` break what is declared");
            let problem = Problem::new(message, span, format!("may not be {domain}"));
            return Err(problem.hint("`ones`, `constant(value)` and `uniform(low, high)` stay in a domain").into());
        }
    }
    Ok(())
}

impl Model {
    /// What is declared of the values of a tensor.
    pub fn domain(&self, name: &str) -> Option<Domain> {
        self.assumptions.iter().find_map(|assumption| match assumption {
            Assumption::Within(tensor, domain) if &**tensor == name => Some(*domain),
            _ => None,
        })
    }

    /// Whether rows of a tensor are declared to sum to one.
    pub fn sums_to_one(&self, name: &str) -> bool {
        self.assumptions.iter().any(|own| matches!(own, Assumption::SumsToOne(tensor) if &**tensor == name))
    }

    /// Whether a tensor is declared to be its own transpose.
    pub fn is_symmetric(&self, name: &str) -> bool {
        self.assumptions.iter().any(|own| matches!(own, Assumption::Symmetric(tensor) if &**tensor == name))
    }
}
