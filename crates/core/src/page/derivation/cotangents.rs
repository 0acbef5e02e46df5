//! Names for derivatives that others share, as the literature has them: `δ2` for `∂loss/∂z2`.

use crate::derivation::Backward;
use crate::page::Markup;
use crate::page::index::Notation;
use crate::term::Name;
use std::collections::HashMap;

/// A derivative that has a name of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Cotangent {
    /// `δ2`
    pub name: String,
    /// The derivative as a tensor, `∂loss/∂z2`.
    pub derivative: Name,
    /// `δ2[i]`
    pub left: Markup,
    /// `∂loss/∂z2[i]`
    pub right: Markup,
}

/// The derivatives that at least two others read, each with a name that nothing else has.
pub fn cotangents(backward: &Backward) -> Vec<Cotangent> {
    let mut readers: HashMap<Name, usize> = HashMap::new();
    for gradient in &backward.gradients {
        let read = gradient.derivation.end().tensors().into_iter().filter(|name| *name != gradient.name);
        read.for_each(|name| *readers.entry(name).or_default() += 1);
    }
    let is_shared = |name: &Name| readers.get(name).is_some_and(|readers| *readers > 1);
    let shared: Vec<_> = backward.gradients.iter().filter(|gradient| is_shared(&gradient.name)).collect();
    let numbers: Vec<&str> = shared.iter().map(|gradient| number(&gradient.wrt)).collect();
    let is_taken = |name: &str| backward.model.tensor(name).is_some();
    let mut found: Vec<Cotangent> = Vec::new();
    for gradient in &shared {
        let number = number(&gradient.wrt);
        let is_only = !number.is_empty() && numbers.iter().filter(|other| **other == number).count() == 1;
        let plain: String = gradient.wrt.chars().filter(|letter| *letter != '∂' && *letter != '/').collect();
        let mut name = if is_only { format!("δ{number}") } else { format!("δ{plain}") };
        while is_taken(&name) || found.iter().any(|other| other.name == name) {
            name.push('\'');
        }
        let notation = Notation::new(&backward.model, &gradient.indices, &[]);
        let left = notation.entry(&name, &gradient.indices);
        let right = notation.entry(&gradient.name, &gradient.indices);
        found.push(Cotangent { name, derivative: gradient.name.clone(), left, right });
    }
    found
}

/// The digits at the end of a name.
fn number(name: &str) -> &str {
    &name[name.trim_end_matches(|character: char| character.is_ascii_digit()).len()..]
}

/// The formula with the names in place of the derivatives.
pub fn with_names(markup: &Markup, cotangents: &[Cotangent]) -> Markup {
    let known = |markup: &Markup| {
        let Markup::Derivative(of, wrt) = markup else { return None };
        let (of, of_at) = entry(of)?;
        let (wrt, at) = entry(wrt)?;
        let derivative = crate::derivation::derivative_name(&of, &wrt);
        let cotangent = cotangents.iter().find(|cotangent| cotangent.derivative == derivative)?;
        let subscripts = of_at.iter().chain(at).map(|subscript| with_names(subscript, cotangents)).collect();
        Some(Markup::entry(Markup::name(&cotangent.name), subscripts))
    };
    markup.replaced(&known)
}

/// The tensor and the subscripts of an entry; the tensor may be a derivative.
fn entry(markup: &Markup) -> Option<(String, &[Markup])> {
    match markup {
        Markup::Name(name) => Some((name.clone(), &[])),
        Markup::Subscripts(name, subscripts) => match &**name {
            Markup::Name(name) => Some((name.clone(), subscripts)),
            _ => None,
        },
        _ => None,
    }
}

/// Those of the names that stand in a formula.
pub fn used<'c>(markup: &Markup, cotangents: &'c [Cotangent]) -> Vec<&'c Cotangent> {
    let found = std::cell::RefCell::new(Vec::new());
    markup.replaced(&|part| {
        if let Markup::Name(name) = part {
            found.borrow_mut().push(name.clone());
        }
        None
    });
    let found = found.into_inner();
    cotangents.iter().filter(|cotangent| found.contains(&cotangent.name)).collect()
}
