//! `input`, `target`, `param` and `const`: shapes, properties and first values.

use super::calls::did_you_mean;
use super::initialisers::Start;
use super::names::Outcome;
use super::promises::{Promise, WORDS, check_start, promises};
use super::sizes::{Constants, LARGEST};
use super::{Initialiser, Role, TargetKind};
use crate::syntax::tree::{Declaration, DeclaredRole, Property};
use crate::term::Extent;
use crate::text::{Problem, Span};

/// A declaration understood; what a parameter starts from may wait for the equations.
pub(super) struct Declared {
    pub extents: Vec<Extent>,
    pub role: Role,
    /// Of a parameter.
    pub start: Option<Start>,
    /// Of its values.
    pub promises: Vec<Promise>,
}

/// Reads a declaration.
pub(super) fn declare(declaration: &Declaration, constants: &Constants) -> Outcome<Declared> {
    let name = &declaration.name;
    let extents = declaration.extents.iter().map(|extent| constants.extent(extent)).collect::<Outcome<Vec<_>>>()?;
    let shape: Vec<usize> = extents.iter().map(Extent::value).collect();
    check_entries(&name.text, &shape, name.span)?;
    let is_kind = |property: &&Property| !WORDS.contains(&property.name.text.as_str());
    let kinds: Vec<&Property> = declaration.properties.iter().filter(is_kind).collect();
    check_parts(declaration, &kinds)?;
    let promises = promises(declaration, &extents, constants)?;
    let mut start = None;
    let role = match declaration.role {
        DeclaredRole::Input => Role::Input { below: input_property(&kinds, constants)? },
        DeclaredRole::Target => Role::Target(target_kind(declaration, &kinds, &shape, constants)?),
        DeclaredRole::Param => {
            let Some(initialiser) = &declaration.initialiser else {
                let message = format!("`{}` has no first values", name.text);
                let problem = Problem::new(message, name.span, "a parameter needs an initialiser");
                let word = if shape.is_empty() { "zeros" } else { "glorot" };
                return Err(problem.hint(format!("add one at the end of the line, for example `~ {word}`")).into());
            };
            let read = super::initialisers::read(initialiser, constants)?;
            let known = if let Start::Known(known) = read { Some(known) } else { None };
            check_start(&name.text, &promises, known, initialiser.name.span)?;
            start = Some(read);
            // Replaced once its fan-in is known.
            Role::Param(Initialiser::Constant(0.0))
        }
        DeclaredRole::Const => match &declaration.value {
            Some(value) if shape.is_empty() => Role::Const(Some(constants.number(value)?)),
            Some(value) => {
                let problem = Problem::new("only a scalar constant can have a value", value.span, "given here");
                return Err(problem.hint("the values of a constant tensor are given with the data").into());
            }
            None => Role::Const(None),
        },
    };
    Ok(Declared { extents, role, start, promises })
}

/// Refuses tensors with more entries than can be addressed.
pub(super) fn check_entries(name: &str, shape: &[usize], span: Span) -> Outcome<()> {
    let entries = shape.iter().try_fold(1i64, |entries, extent| entries.checked_mul(*extent as i64));
    if entries.is_some_and(|entries| entries <= LARGEST) {
        return Ok(());
    }
    let problem = Problem::new(format!("`{name}` has too many entries"), span, format!("its shape is {shape:?}"));
    Err(problem.hint("a tensor holds at most 2^31 - 1 entries").into())
}

/// Refuses parts that belong to another kind of declaration.
fn check_parts(declaration: &Declaration, kinds: &[&Property]) -> Outcome<()> {
    let data = matches!(declaration.role, DeclaredRole::Input | DeclaredRole::Target);
    if let Some(property) = kinds.first().filter(|_| !data) {
        let message = format!("`{}` cannot stand here", property.name.text);
        let problem = Problem::new(message, property.name.span, "a property");
        let known = [&["onehot", "probability", "int"], WORDS].concat();
        let hint = match known.contains(&property.name.text.as_str()) {
            true => "only inputs and targets have this property".to_string(),
            false => did_you_mean(&property.name.text, WORDS),
        };
        return Err(problem.hint(hint).into());
    }
    if let [first, second, ..] = kinds {
        let problem = Problem::new("only one such property can be given", second.name.span, "the second");
        return Err(problem.label(first.name.span, "the first").into());
    }
    if let Some(initialiser) = declaration.initialiser.as_ref().filter(|_| declaration.role != DeclaredRole::Param) {
        let problem = Problem::new("only parameters have an initialiser", initialiser.name.span, "not needed");
        return Err(problem.hint("what is learned is declared by `param`").into());
    }
    if let Some(value) = declaration.value.as_ref().filter(|_| declaration.role != DeclaredRole::Const) {
        let problem = Problem::new("only a `const` can have a value", value.span, "given here");
        return Err(problem.hint("`const` declares a fixed number; a tensor is defined by an equation").into());
    }
    Ok(())
}

fn input_property(kinds: &[&Property], constants: &Constants) -> Outcome<Option<usize>> {
    let Some(property) = kinds.first() else { return Ok(None) };
    match property.name.text.as_str() {
        "int" => integer_below(property, constants).map(Some),
        other @ ("onehot" | "probability") => {
            let problem = Problem::new(format!("an input cannot be `{other}`"), property.name.span, "for targets only");
            Err(problem.hint("an input can be `int(n)`").into())
        }
        _ => Err(unknown_property(property, &["int(n)", "positive", "in [a, b]"])),
    }
}

fn target_kind(
    declaration: &Declaration,
    kinds: &[&Property],
    shape: &[usize],
    constants: &Constants,
) -> Outcome<TargetKind> {
    let Some(property) = kinds.first() else { return Ok(TargetKind::Real) };
    let kind = match property.name.text.as_str() {
        "onehot" => TargetKind::OneHot,
        "probability" => TargetKind::Probability,
        "int" => return integer_below(property, constants).map(TargetKind::Integer),
        _ => {
            let known = ["onehot", "probability", "int(n)", "positive", "in [a, b]", "symmetric"];
            return Err(unknown_property(property, &known));
        }
    };
    if let Some(argument) = property.arguments.first() {
        let message = format!("`{}` takes no arguments", property.name.text);
        return Err(Problem::new(message, argument.span, "not needed").into());
    }
    if shape.is_empty() {
        let word = &property.name.text;
        let problem = Problem::new(format!("a scalar cannot be `{word}`"), property.name.span, "needs an axis");
        let name = &declaration.name;
        return Err(problem.hint(format!("give `{}` a shape: `{}[10]`", name.text, name.text)).into());
    }
    Ok(kind)
}

fn unknown_property(property: &Property, known: &[&str]) -> super::names::Fault {
    let problem = Problem::new(format!("unknown property `{}`", property.name.text), property.name.span, "here");
    problem.hint(did_you_mean(&property.name.text, known)).into()
}

fn integer_below(property: &Property, constants: &Constants) -> Outcome<usize> {
    match property.arguments.as_slice() {
        [below] => constants.extent(below).map(|below| below.value()),
        _ => {
            let problem = Problem::new("`int` needs one argument", property.name.span, "here");
            Err(problem.hint("`int(96)` holds integers in 0..96").into())
        }
    }
}
