//! Names for what flows back and is shared, as the literature has them: `δ2` for `∂loss/∂z2`, and `δf` for
//! what comes through the sigmoid of a gate `f`.
//!
//! A name is a tensor of a model of its own, so that lines, matrix forms, reasons and the forms with the examples
//! along the rows all use it, and all are evaluated with its value.

use crate::derivation::rules::names::without_part;
use crate::derivation::{Backward, Gradient};
use crate::model::{Definition, Model, Role, Tensor};
use crate::page::Markup;
use crate::page::index::{Notation, is_delta};
use crate::term::{Index, Name, Node, Term};
use std::collections::HashMap;

/// A derivative, perhaps with factors that always come with it, that has a name of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Cotangent {
    /// `δ2`
    pub name: String,
    /// The derivative as a tensor, `∂loss/∂z2`.
    pub derivative: Name,
    /// Whether the derivative comes with factors: then the name is for what flows on behind its tensor.
    pub is_product: bool,
    /// `δ2[i]`
    pub left: Markup,
    /// `∂loss/∂z2[i]`, or a product with it.
    pub right: Markup,
}

/// The names of a derivation.
pub struct Names {
    /// What has a name, in the order in which it was derived.
    pub cotangents: Vec<Cotangent>,
    /// The model with the names as further tensors.
    pub model: Model,
    /// What each name stands for, by the derivative: that alone, and with factors.
    alone: HashMap<Name, Name>,
    products: HashMap<Name, Signal>,
}

/// A derivative with factors that depend on its own indices only.
#[derive(Debug, Clone)]
struct Signal {
    name: Name,
    definition: Definition,
}

impl Names {
    /// What at least two derivatives read gets a name that nothing else has.
    pub fn of(backward: &Backward) -> Names {
        let products = shared_products(backward);
        let alone = shared(backward, &products);
        let mut names = Names {
            cotangents: Vec::new(),
            model: backward.model.clone(),
            alone: HashMap::new(),
            products: HashMap::new(),
        };
        let mut further = Vec::new();
        let wrts: Vec<&str> = (backward.gradients.iter())
            .filter(|gradient| alone.contains(&gradient.name) || products.contains_key(&gradient.name))
            .map(|gradient| number(&gradient.wrt))
            .collect();
        for gradient in &backward.gradients {
            let product = products.get(&gradient.name);
            let plain = alone.contains(&gradient.name).then(|| Term::read_at(&gradient.name, &gradient.indices));
            let bodies = plain.map(|body| (body, false)).into_iter();
            for (body, is_product) in bodies.chain(product.map(|signal| (signal.definition.body.clone(), true))) {
                let name = names.free_name(&gradient.wrt, &wrts);
                let definition = Definition { indices: gradient.indices.clone(), body };
                let notation = Notation::new(&backward.model, &definition.indices, &[]);
                names.cotangents.push(Cotangent {
                    name: name.to_string(),
                    derivative: gradient.name.clone(),
                    is_product,
                    left: notation.entry(&name, &definition.indices),
                    right: notation.term(&definition.body),
                });
                further.extend(as_tensor(&backward.model, &gradient.name, &name, definition.clone()));
                match is_product {
                    true => drop(names.products.insert(gradient.name.clone(), Signal { name, definition })),
                    false => drop(names.alone.insert(gradient.name.clone(), name)),
                }
            }
        }
        names.model = backward.model.extended(further);
        names
    }

    /// Digits at the end of the tensor's name where they tell it, else all of that name.
    fn free_name(&self, wrt: &str, numbers: &[&str]) -> Name {
        let own = number(wrt);
        let is_only = !own.is_empty() && numbers.iter().filter(|other| **other == own).count() == 1;
        let plain: String = wrt.chars().filter(|letter| *letter != '∂' && *letter != '/').collect();
        let mut name = if is_only { format!("δ{own}") } else { format!("δ{plain}") };
        while self.model.tensor(&name).is_some() || self.cotangents.iter().any(|other| other.name == name) {
            name.push('\'');
        }
        name.into()
    }

    /// Whether a derivative has a name by itself.
    pub fn has(&self, derivative: &Name) -> bool {
        self.alone.contains_key(derivative)
    }

    /// The names that a derivative has.
    pub fn of_derivative<'n>(&'n self, derivative: &'n Name) -> impl Iterator<Item = &'n Cotangent> {
        self.cotangents.iter().filter(move |cotangent| cotangent.derivative == *derivative)
    }

    /// Whether a name stands in a term.
    pub fn are_in(&self, term: &Term) -> bool {
        term.tensors().iter().any(|name| self.cotangents.iter().any(|cotangent| *cotangent.name == **name))
    }

    /// The term with the names in place of what they stand for.
    pub fn put(&self, term: &Term) -> Term {
        if self.cotangents.is_empty() {
            return term.clone();
        }
        self.alone_put(&self.products_put(term))
    }

    fn alone_put(&self, term: &Term) -> Term {
        match term.node() {
            Node::Read { tensor, subscripts } => match self.alone.get(tensor) {
                Some(name) => Term::read(name, subscripts.clone()),
                None => term.clone(),
            },
            Node::Number(_) | Node::Affine(_) => term.clone(),
            _ => term.map_children(&mut |child| self.alone_put(child)),
        }
    }

    /// The term with names in place of products only.
    pub fn products_put(&self, term: &Term) -> Term {
        with_products(&self.products, term)
    }
}

fn with_products(products: &HashMap<Name, Signal>, term: &Term) -> Term {
    match term.node() {
        _ if products.is_empty() => term.clone(),
        Node::Number(_) | Node::Affine(_) | Node::Read { .. } => term.clone(),
        Node::Mul(factors) => {
            let found = factors.iter().find_map(|factor| {
                let Node::Read { tensor, subscripts } = factor.node() else { return None };
                let signal = products.get(tensor)?;
                let (number, mut rest) = without_part(factors, &signal.definition.at(subscripts)?)?;
                rest.extend([Term::number(number), Term::read(&signal.name, subscripts.clone())]);
                Some(Term::mul(rest))
            });
            match found {
                Some(found) => with_products(products, &found),
                None => term.map_children(&mut |child| with_products(products, child)),
            }
        }
        _ => term.map_children(&mut |child| with_products(products, child)),
    }
}

/// The derivatives that at least two others read, apart from where they come with factors that have a name.
fn shared(backward: &Backward, products: &HashMap<Name, Signal>) -> Vec<Name> {
    let mut readers: HashMap<Name, usize> = HashMap::new();
    for gradient in &backward.gradients {
        let read = with_products(products, gradient.derivation.end()).tensors();
        for name in read.into_iter().filter(|name| *name != gradient.name) {
            *readers.entry(name).or_default() += 1;
        }
    }
    let is_shared = |name: &Name| readers.get(name).is_some_and(|readers| *readers > 1);
    backward.gradients.iter().map(|gradient| gradient.name.clone()).filter(is_shared).collect()
}

/// Derivatives with the factors that all local derivatives of their tensor have: `∂loss/∂f[k] f[k] (1 - f[k])`
/// behind a sigmoid. Those that at least two others read.
fn shared_products(backward: &Backward) -> HashMap<Name, Signal> {
    let common = common_factors(backward);
    let signal = |gradient: &Gradient| {
        let factors = common.get(&gradient.wrt).filter(|factors| factors.body.as_number().is_none())?;
        let own = gradient.indices.len().checked_sub(factors.indices.len())?;
        let at: Vec<Term> = gradient.indices[own..].iter().map(Term::index).collect();
        let body = Term::mul(vec![Term::read_at(&gradient.name, &gradient.indices), factors.at(&at)?]);
        Some(Signal {
            name: format!("δ{}", gradient.name).into(),
            definition: Definition { indices: gradient.indices.clone(), body },
        })
    };
    let mut readers: HashMap<Name, Vec<&Term>> = HashMap::new();
    for end in backward.gradients.iter().map(|gradient| gradient.derivation.end()) {
        end.tensors().into_iter().for_each(|name| readers.entry(name).or_default().push(end));
    }
    let mut found = HashMap::new();
    for (gradient, signal) in backward.gradients.iter().filter_map(|gradient| Some((gradient, signal(gradient)?))) {
        let ends = readers.get(&gradient.name).map_or(&[][..], Vec::as_slice);
        if ends.len() < 2 {
            continue;
        }
        let alone = HashMap::from([(gradient.name.clone(), signal.clone())]);
        if ends.iter().filter(|end| with_products(&alone, end).reads(&signal.name)).count() > 1 {
            found.insert(gradient.name.clone(), signal);
        }
    }
    found
}

/// What all local derivatives of a tensor have as factors, as far as it depends on the indices of the tensor only.
fn common_factors(backward: &Backward) -> HashMap<Name, Definition> {
    let mut common: HashMap<Name, (Vec<Index>, Vec<Term>)> = HashMap::new();
    for local in &backward.jacobians {
        let rank = backward.model.tensor(&local.tensor).map_or(0, |tensor| tensor.shape.len());
        let own = local.indices.get(..rank).unwrap_or(&[]);
        let is_own = |factor: &&Term| {
            let inside = factor.free().iter().all(|index| own.contains(index));
            inside && factor.as_number().is_none() && !is_delta(factor)
        };
        for addend in local.derivation.end().addends() {
            let factors: Vec<Term> = addend.factors().iter().filter(is_own).cloned().collect();
            match common.get_mut(&local.tensor) {
                Some((_, common)) => common.retain(|factor| factors.contains(factor)),
                None => drop(common.insert(local.tensor.clone(), (own.to_vec(), factors))),
            }
        }
    }
    common
        .into_iter()
        .map(|(name, (indices, factors))| (name, Definition { indices, body: Term::mul(factors) }))
        .collect()
}

/// A name as a tensor, with a value for each example where the derivative has one.
fn as_tensor(model: &Model, derivative: &Name, name: &Name, definition: Definition) -> Option<Tensor> {
    let tensor = model.tensor(derivative)?;
    Some(Tensor { name: name.clone(), role: Role::Defined(definition), ..tensor.clone() })
}

/// The digits at the end of a name.
fn number(name: &str) -> &str {
    &name[name.trim_end_matches(|character: char| character.is_ascii_digit()).len()..]
}
