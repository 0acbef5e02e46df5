//! What parameters start from. Those that depend on a fan wait for the first equation that reads
//! the parameter.

use super::Initialiser;
use super::calls::did_you_mean;
use super::form::Form;
use super::names::Outcome;
use super::scope::IndexId;
use super::sizes::Constants;
use crate::syntax::tree::Property;
use crate::term::Index;
use crate::text::{Problem, Span};

/// An initialiser as written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    /// Settled.
    Known(Initialiser),
    /// Depends on the fans; the place is that of the word.
    Fan(Scheme, Span),
}

/// Schemes whose deviation depends on the fans.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scheme {
    /// `sqrt(2 / in)`: He, Zhang, Ren and Sun, 2015.
    He,
    /// `sqrt(2 / (in + out))`: Glorot and Bengio, 2010.
    Glorot,
    /// `sqrt(1 / in)`: LeCun, Bottou, Orr and Müller, 1998.
    Lecun,
}

/// How many values are summed over with a parameter, and how many are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fans {
    pub fan_in: f64,
    pub fan_out: f64,
}

impl Scheme {
    /// The initialiser for given fans.
    pub fn with(self, fans: Fans) -> Initialiser {
        let variance = match self {
            Scheme::He => 2.0 / fans.fan_in,
            Scheme::Glorot => 2.0 / (fans.fan_in + fans.fan_out),
            Scheme::Lecun => 1.0 / fans.fan_in,
        };
        Initialiser::Normal { mean: 0.0, deviation: variance.sqrt() }
    }

    /// The name in the language.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::He => "he",
            Scheme::Glorot => "glorot",
            Scheme::Lecun => "lecun",
        }
    }
}

/// The fans of a parameter in an equation that reads it at the places: the first `free` indices
/// are those on the left.
pub(super) fn fans(places: &[Form], free: usize, indices: &[Index]) -> Fans {
    let product = |wanted: &dyn Fn(IndexId) -> bool| {
        let mut seen: Vec<IndexId> = places.iter().flat_map(Form::indices).filter(|index| wanted(*index)).collect();
        seen.sort_unstable();
        seen.dedup();
        seen.iter().map(|&index| indices[index].extent.value() as f64).product()
    };
    Fans { fan_in: product(&|index| index >= free), fan_out: product(&|index| index < free) }
}

/// Reads what stands after `~`.
pub(super) fn read(property: &Property, constants: &Constants) -> Outcome<Start> {
    const KNOWN: &[&str] = &["zeros", "ones", "constant", "normal", "uniform", "he", "glorot", "lecun"];
    let name = &property.name;
    let wanted = match name.text.as_str() {
        "constant" => 1,
        "normal" | "uniform" => 2,
        word if KNOWN.contains(&word) => 0,
        _ => {
            let problem = Problem::new(format!("unknown initialiser `{}`", name.text), name.span, "here");
            return Err(problem.hint(did_you_mean(&name.text, KNOWN)).into());
        }
    };
    if property.arguments.len() != wanted {
        let found = property.arguments.len();
        let number = super::elaborate::count(wanted, "argument", "arguments");
        let message = format!("`{}` takes {number}, but is given {found}", name.text);
        let problem = Problem::new(message, name.span, "here");
        let hint =
            "the initialisers with arguments are `constant(value)`, `normal(mean, deviation)` and `uniform(low, high)`";
        return Err(problem.hint(hint).into());
    }
    let mut values = Vec::with_capacity(wanted);
    for argument in &property.arguments {
        let value = constants.number(argument)?.value();
        if !value.is_finite() {
            return Err(Problem::new("a first value must be finite", argument.span, "is not").into());
        }
        values.push(value);
    }
    let known = match (name.text.as_str(), values.as_slice()) {
        ("ones", _) => Initialiser::Constant(1.0),
        ("constant", [value]) => Initialiser::Constant(*value),
        ("normal", [mean, deviation]) if *deviation >= 0.0 => {
            Initialiser::Normal { mean: *mean, deviation: *deviation }
        }
        ("normal", _) => {
            return Err(Problem::new("a deviation cannot be negative", property.arguments[1].span, "negative").into());
        }
        ("uniform", [low, high]) if low <= high => Initialiser::Uniform { low: *low, high: *high },
        ("uniform", _) => {
            let problem =
                Problem::new("the range of `uniform` is empty", property.arguments[1].span, "below the first");
            return Err(problem.hint("write the lesser value first: `uniform(low, high)`").into());
        }
        ("he", _) => return Ok(Start::Fan(Scheme::He, name.span)),
        ("glorot", _) => return Ok(Start::Fan(Scheme::Glorot, name.span)),
        ("lecun", _) => return Ok(Start::Fan(Scheme::Lecun, name.span)),
        _ => Initialiser::Constant(0.0),
    };
    Ok(Start::Known(known))
}
