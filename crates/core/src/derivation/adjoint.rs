//! Reverse mode over the definitions of a model: one derivative per tensor.

use super::full::all_put_in;
use super::rewrite::{Context, Derivation, Rule, Tried};
use super::rules::names;
use super::rules::stable::{LOG_OF_NAMED, ROOT_OF_NAMED, has_small_divisor};
use super::rules::{DIFFERENTIATE, READ, SIMPLIFY, SOLVE, STABLE, TIDY};
use super::{Stabilised, derivative_name, derivative_parts, opaque, rewritten, with_rows};
use crate::model::{Definition, Model, Role, Tensor};
use crate::term::{Function, Index, Name, Node, Term};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The derivative of a definition by one tensor that stands in it, the others held fixed.
#[derive(Debug, Clone)]
pub struct LocalJacobian {
    /// The tensor whose definition it is.
    pub tensor: Name,
    /// The tensor it is differentiated by.
    pub wrt: Name,
    /// The indices of `tensor`, then those of `wrt`.
    pub indices: Vec<Index>,
    /// From the question to the answer.
    pub derivation: Derivation,
}

/// The derivative of one tensor by another, through everything between them.
#[derive(Debug, Clone)]
pub struct Gradient {
    /// The tensor that is differentiated.
    pub of: Name,
    /// The tensor it is differentiated by.
    pub wrt: Name,
    /// The name of the result as a tensor, `∂of/∂wrt`.
    pub name: Name,
    /// The indices of `of`, then those of `wrt`.
    pub indices: Vec<Index>,
    /// From the chain rule to the definition that is computed; other derivatives by name.
    pub derivation: Derivation,
    /// The derivatives put in by their right sides on the way.
    pub put_in: Vec<Name>,
    /// How the derivation goes on for a reader: short derivatives put in, common factors out.
    pub shown: Derivation,
    /// The derivatives put in by their right sides there.
    pub shown_put_in: Vec<Name>,
    /// How it goes on until no other derivative is in it, where that was asked for and is not very long.
    pub in_full: Option<Derivation>,
}

/// Everything derived for one tensor.
#[derive(Debug, Clone)]
pub struct Backward {
    /// The model as it was written, with names for what is compared.
    pub source: Model,
    /// The tensors that stable forms do not look through, since it is differentiated by them.
    pub held: Vec<Name>,
    /// The definitions that were given a stable form before anything was derived.
    pub stabilised: Vec<Stabilised>,
    /// The model with stable definitions and the derivatives as further tensors.
    pub model: Model,
    /// The tensor that is differentiated.
    pub of: Name,
    /// In the order in which they were derived: from `of` backwards.
    pub gradients: Vec<Gradient>,
    /// The local Jacobians, by tensor and variable.
    pub jacobians: Vec<LocalJacobian>,
}

/// Why nothing could be derived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeriveError {
    /// The model has no tensor of this name.
    UnknownTensor(Name),
    /// The tensor is given, not defined: it has no derivative to go through.
    NotDefined(Name),
    /// A derivative is left in a term that no rule answers.
    Unanswered {
        /// Of which tensor.
        of: Name,
        /// By which tensor.
        wrt: Name,
    },
}

impl std::fmt::Display for DeriveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DeriveError::UnknownTensor(name) => write!(f, "the model has no tensor `{name}`"),
            DeriveError::NotDefined(name) => {
                write!(f, "`{name}` is given, not defined by an equation, so it has no derivative")
            }
            DeriveError::Unanswered { of, wrt } => {
                write!(f, "no rule of differentiation answers ∂{of}/∂{wrt}")
            }
        }
    }
}

impl std::error::Error for DeriveError {}

impl Gradient {
    fn definition(&self) -> Definition {
        Definition { indices: self.indices.clone(), body: self.derivation.end().clone() }
    }
}

impl Backward {
    /// The derivative by the tensor of that name.
    pub fn gradient(&self, wrt: &str) -> Option<&Gradient> {
        self.gradients.iter().find(|gradient| &*gradient.wrt == wrt)
    }

    /// The model that everything was derived from, with stable definitions.
    fn before(&self) -> Model {
        let count = self.model.tensors.len() - self.gradients.len();
        Model { tensors: self.model.tensors[..count].to_vec().into(), ..self.model.clone() }
    }

    /// The right sides of these derivatives: as derived here, also where the model has one of that name from before.
    fn known(&self, names: &[Name]) -> BTreeMap<Name, Definition> {
        let mut known = known_definitions(&self.model, names);
        let own = self.gradients.iter().filter(|gradient| names.contains(&gradient.name));
        known.extend(own.map(|gradient| (gradient.name.clone(), gradient.definition())));
        known
    }

    /// Replays every derivation, believing nothing; names the first that does not hold.
    pub fn replay(&self) -> Result<(), ReplayError> {
        let (none, nothing) = (BTreeMap::new(), BTreeMap::new());
        let written = opaque(&self.source, &self.held);
        let as_written = Context { model: &written, jacobians: &none, known: &nothing };
        for stable in &self.stabilised {
            let chain = stable.tensor.clone();
            stable.derivation.replay(&as_written).map_err(|step| ReplayError { chain, step })?;
        }
        let jacobians = jacobian_definitions(&self.jacobians);
        let fail = |of: &Name, wrt: &Name| {
            let chain = derivative_name(of, wrt);
            move |step| ReplayError { chain, step }
        };
        // As it was derived: while the derivatives themselves are not defined yet, but those that were put in.
        let before = self.before();
        let replay = |derivation: &Derivation, known: &[Name]| {
            let known = self.known(known);
            derivation.replay(&Context { model: &before, jacobians: &jacobians, known: &known })
        };
        let in_full_known = self.known(&all_put_in(&self.model));
        let whole = Context { model: &self.model, jacobians: &none, known: &in_full_known };
        for local in &self.jacobians {
            replay(&local.derivation, &[]).map_err(fail(&local.tensor, &local.wrt))?;
        }
        for gradient in &self.gradients {
            replay(&gradient.derivation, &gradient.put_in).map_err(fail(&gradient.of, &gradient.wrt))?;
            replay(&gradient.shown, &gradient.shown_put_in).map_err(fail(&gradient.of, &gradient.wrt))?;
            let goes_on = |from: &Derivation, to: &Derivation| if to.start == *from.end() { Ok(()) } else { Err(0) };
            goes_on(&gradient.derivation, &gradient.shown).map_err(fail(&gradient.of, &gradient.wrt))?;
            if let Some(in_full) = &gradient.in_full {
                goes_on(&gradient.shown, in_full).map_err(fail(&gradient.of, &gradient.wrt))?;
                in_full.replay(&whole).map_err(fail(&gradient.of, &gradient.wrt))?;
            }
        }
        Ok(())
    }
}

/// A recorded step that its rule does not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayError {
    /// What is derived there: `∂loss/∂W1`, or a tensor whose definition was given a stable form.
    pub chain: Name,
    /// The number of the step, from 0.
    pub step: usize,
}

/// The derivatives of `of` by the tensors `wrt`, and by all tensors between them.
///
/// # Errors
/// Where a tensor is unknown, `of` is not defined by an equation, or a derivative cannot be
/// answered by the rules.
pub fn derive(model: &Model, of: &str, wrt: &[Name]) -> Result<Backward, DeriveError> {
    derived(model, of, wrt, Purpose { shows: true, ..Purpose::default() })
}

/// What a derivation is for.
#[derive(Clone, Copy)]
pub(super) struct Purpose {
    /// It goes on for its readers.
    shows: bool,
    /// What it gives is differentiated again.
    again: bool,
    /// What is tried in place of a name, [`MOST_ADDED`].
    most_added: usize,
}

impl Default for Purpose {
    fn default() -> Purpose {
        Purpose { shows: false, again: false, most_added: MOST_ADDED }
    }
}

/// The model with the derivatives that [`derive()`] gives as further tensors. What a derivation goes on
/// with for its readers alone is not made.
///
/// # Errors
/// As [`derive()`].
pub fn with_gradients(model: &Model, of: &str, wrt: &[Name]) -> Result<Model, DeriveError> {
    Ok(derived(model, of, wrt, Purpose::default())?.model)
}

/// As [`with_gradients`], for what is differentiated again.
pub(super) fn with_gradients_again(model: &Model, of: &str, wrt: &[Name]) -> Result<Model, DeriveError> {
    Ok(derived(model, of, wrt, Purpose { again: true, ..Purpose::default() })?.model)
}

fn derived(model: &Model, of: &str, wrt: &[Name], purpose: Purpose) -> Result<Backward, DeriveError> {
    for name in wrt.iter().map(|name| &**name).chain([of]) {
        model.tensor(name).ok_or_else(|| DeriveError::UnknownTensor(name.into()))?;
    }
    model.definition(of).ok_or_else(|| DeriveError::NotDefined(of.into()))?;
    let model = with_rows(model);
    stably(of, wrt, &mut |stable| derived_from(&model, of, wrt, purpose, stable))
}

/// What is derived with the rules for stable forms. Where it divides by a probability that can be rounded to 0, the
/// logarithm is not taken of that, and all is derived once more.
pub(super) fn stably(
    of: &str,
    wrt: &[Name],
    derive: &mut dyn FnMut(&[&'static Rule]) -> Result<Backward, DeriveError>,
) -> Result<Backward, DeriveError> {
    let first = derive(STABLE)?;
    if !divides_by_probability(&first.model, of, wrt) {
        return Ok(first);
    }
    derive(&[&[&LOG_OF_NAMED as &Rule, &ROOT_OF_NAMED], STABLE].concat())
}

/// Whether the derivatives of a model divide by a probability, by name.
fn divides_by_probability(model: &Model, of: &str, wrt: &[Name]) -> bool {
    let mut pending: Vec<Name> = wrt.iter().map(|name| derivative_name(of, name)).collect();
    let mut seen: BTreeSet<Name> = BTreeSet::new();
    let (jacobians, known) = (BTreeMap::new(), BTreeMap::new());
    let context = Context { model, jacobians: &jacobians, known: &known };
    while let Some(name) = pending.pop() {
        let Some(definition) = model.definition(&name).filter(|_| derivative_parts(&name).is_some()) else { continue };
        if !seen.insert(name) {
            continue;
        }
        if has_small_divisor(&definition.body, &context) {
            return true;
        }
        pending.extend(definition.body.tensors());
    }
    false
}

fn derived_from(
    model: &Model,
    of: &str,
    wrt: &[Name],
    purpose: Purpose,
    stable: &[&'static Rule],
) -> Result<Backward, DeriveError> {
    let source = model.clone();
    let (model, stabilised) = rewritten(model, wrt, stable);
    let mut work = Work { purpose, ..Work::new(&model, of) };
    for tensor in path(&model, of, wrt) {
        work.derive_by(&tensor)?;
    }
    if purpose.shows {
        work.show();
    }
    let Work { gradients, jacobians, .. } = work;
    let derived: Vec<Tensor> = gradients.iter().map(|gradient| as_tensor(&model, gradient)).collect();
    let held = wrt.to_vec();
    Ok(Backward { source, held, stabilised, model: model.extended(derived), of: of.into(), gradients, jacobians })
}

/// The tensors to differentiate by, from `of` backwards: those wanted and those on the way to them.
fn path(model: &Model, of: &str, wrt: &[Name]) -> Vec<Name> {
    let leads = model.tensors.dependents(wrt);
    let is_recurrent = model.tensors.is_recurrent(of);
    let between = |name: &Name| wrt.contains(name) || !model.tensors.consumers(of, name).is_empty();
    let backwards = model.tensors.iter().rev().map(|tensor| tensor.name.clone());
    backwards
        .filter(|name| leads.contains(name) && between(name) && (&**name != of || is_recurrent || wrt.contains(name)))
        .collect()
}

pub(super) fn as_tensor(model: &Model, gradient: &Gradient) -> Tensor {
    let by = model.tensor(&gradient.wrt).expect("derived by a tensor of the model");
    let of = model.tensor(&gradient.of).expect("derived of a tensor of the model");
    let extents = of.extents.iter().chain(&by.extents).cloned().collect();
    Tensor::new(&gradient.name, extents, Role::Defined(gradient.definition()), by.per_example, by.span)
}

fn jacobian_definitions(jacobians: &[LocalJacobian]) -> BTreeMap<(Name, Name), Definition> {
    let definition =
        |local: &LocalJacobian| Definition { indices: local.indices.clone(), body: local.derivation.end().clone() };
    jacobians.iter().map(|local| ((local.tensor.clone(), local.wrt.clone()), definition(local))).collect()
}

/// The right sides of these derivatives, which were added to the model.
pub(super) fn known_definitions(model: &Model, names: &[Name]) -> BTreeMap<Name, Definition> {
    names.iter().filter_map(|name| Some((name.clone(), model.definition(name)?.clone()))).collect()
}

/// A derivation that is being made.
pub(super) struct Work<'a> {
    pub(super) model: &'a Model,
    of: Name,
    pub(super) gradients: Vec<Gradient>,
    /// The position of each of them by its name.
    positions: HashMap<Name, usize>,
    pub(super) jacobians: Vec<LocalJacobian>,
    /// What they end in, by tensor and variable.
    pub(super) local: BTreeMap<(Name, Name), Definition>,
    /// What became of terms under the rules that look up nothing but the model.
    tried: RefCell<Tried>,
    purpose: Purpose,
}

impl<'a> Work<'a> {
    pub(super) fn new(model: &'a Model, of: &str) -> Work<'a> {
        Work {
            model,
            of: of.into(),
            gradients: Vec::new(),
            positions: HashMap::new(),
            jacobians: Vec::new(),
            local: BTreeMap::new(),
            tried: RefCell::default(),
            purpose: Purpose::default(),
        }
    }
}

impl Work<'_> {
    /// The derivative of that name, derived before.
    fn derived(&self, name: &Name) -> Option<&Gradient> {
        self.positions.get(name).map(|position| &self.gradients[*position])
    }

    fn known(&self, names: &[Name]) -> BTreeMap<Name, Definition> {
        let known = names.iter().filter_map(|name| self.derived(name));
        known.map(|gradient| (gradient.name.clone(), gradient.definition())).collect()
    }

    fn derive_by(&mut self, wrt: &Name) -> Result<(), DeriveError> {
        let consumers = self.model.tensors.consumers(&self.of, wrt);
        for consumer in &consumers {
            self.local_jacobian(consumer, wrt)?;
        }
        let indices = self.entry(&self.of, wrt);
        let name = derivative_name(&self.of, wrt);
        let start = Term::read_at(&name, &indices);
        let first = self.chain_rule(&start);
        let known = consumers.iter().filter(|consumer| self.can_be_put_in(consumer));
        let (mut best, put_in) = self.best_chain(&first, known.map(|consumer| derivative_name(&self.of, consumer)));
        if self.model.tensors.is_recurrent(wrt) {
            let (jacobians, known) = (BTreeMap::new(), BTreeMap::new());
            let context = Context { model: self.model, jacobians: &jacobians, known: &known };
            best.exhaust(&[&names::STEP_BY_CONDITION], &context);
        }
        let shown = Derivation::new(best.end().clone());
        self.add(Gradient {
            of: self.of.clone(),
            wrt: wrt.clone(),
            name,
            indices,
            derivation: best,
            put_in,
            shown,
            shown_put_in: Vec::new(),
            in_full: None,
        });
        Ok(())
    }

    /// Simplifies what the chain rule gives, with the derivatives put in that the result is no longer for: so terms
    /// cancel (softmax with cross-entropy becomes p - y) without being computed twice. Tells which they are.
    pub(super) fn best_chain(&self, first: &Derivation, known: impl Iterator<Item = Name>) -> (Derivation, Vec<Name>) {
        let mut put_in = Vec::new();
        let mut best = self.chain(first, &put_in);
        for name in known {
            let added = self.derived(&name).map_or(0, |gradient| cost(gradient.derivation.end()));
            if added.saturating_mul(how_often(first.end(), &name)) > self.purpose.most_added {
                continue;
            }
            let mut candidate = put_in.clone();
            candidate.push(name);
            let attempt = self.chain(first, &candidate);
            if cost(attempt.end()) <= cost(best.end()) {
                (best, put_in) = (attempt, candidate);
            }
        }
        (best, put_in)
    }

    pub(super) fn add(&mut self, gradient: Gradient) {
        self.positions.insert(gradient.name.clone(), self.gradients.len());
        self.gradients.push(gradient);
    }

    /// Whether the derivative by a tensor has a right side that can stand for it: it is derived, and
    /// does not read itself.
    fn can_be_put_in(&self, consumer: &Name) -> bool {
        let name = derivative_name(&self.of, consumer);
        self.positions.contains_key(&name) && !self.model.tensors.is_recurrent(consumer)
    }

    /// Indices for the axes of the first tensor and then those of the second.
    pub(super) fn entry(&self, first: &str, second: &str) -> Vec<Index> {
        let mut indices: Vec<Index> = Vec::new();
        for name in [first, second] {
            let tensor = self.model.tensor(name).expect("a tensor of the model");
            let letters = self.model.definition(name).map(|definition| &definition.indices);
            for (axis, extent) in tensor.extents.iter().enumerate() {
                let letter =
                    letters.map_or_else(|| DEFAULT_LETTERS[axis % 8].into(), |letters| letters[axis].letter.clone());
                indices.push(Index { id: indices.len() as u32, extent: extent.clone(), letter });
            }
        }
        indices
    }

    pub(super) fn local_jacobian(&mut self, tensor: &Name, wrt: &Name) -> Result<(), DeriveError> {
        if self.local.contains_key(&(tensor.clone(), wrt.clone())) {
            return Ok(());
        }
        let indices = self.entry(tensor, wrt);
        let (of, by) = indices.split_at(self.model.tensor(tensor).map_or(0, |tensor| tensor.shape.len()));
        let terms = |indices: &[Index]| indices.iter().map(Term::index).collect::<Vec<_>>();
        let (jacobians, known) = (BTreeMap::new(), BTreeMap::new());
        let context = Context { model: self.model, jacobians: &jacobians, known: &known };
        let mut derivation = Derivation::new(Term::jacobian(tensor, terms(of), wrt, terms(by)));
        let tried = &mut *self.tried.borrow_mut();
        derivation.exhaust_knowing(DIFFERENTIATE, &context, tried);
        if derivation.end().asks() {
            return Err(DeriveError::Unanswered { of: tensor.clone(), wrt: wrt.clone() });
        }
        finish(&mut derivation, SIMPLIFY, &context, tried);
        let result = Definition { indices: indices.clone(), body: derivation.end().clone() };
        self.local.insert((tensor.clone(), wrt.clone()), result);
        self.jacobians.push(LocalJacobian { tensor: tensor.clone(), wrt: wrt.clone(), indices, derivation });
        Ok(())
    }

    /// The chain rule with the local Jacobians: the same whatever is put in afterwards.
    fn chain_rule(&self, start: &Term) -> Derivation {
        let known = BTreeMap::new();
        let context = Context { model: self.model, jacobians: &self.local, known: &known };
        let mut derivation = Derivation::new(start.clone());
        derivation.apply(&names::CHAIN_RULE, &context);
        derivation.apply(&names::LOCAL_JACOBIANS, &context);
        let keeps_apart = if self.purpose.again { &names::MASKED_POLE_AGAIN } else { &names::MASKED_POLE };
        derivation.apply(keeps_apart, &context);
        derivation
    }

    fn chain(&self, first: &Derivation, put_in: &[Name]) -> Derivation {
        let known = self.known(put_in);
        let context = Context { model: self.model, jacobians: &self.local, known: &known };
        let mut derivation = first.clone();
        derivation.apply(&names::KNOWN_DERIVATIVE, &context);
        let rules: Vec<&'static Rule> = SIMPLIFY.iter().chain(SOLVE).copied().collect();
        finish(&mut derivation, &rules, &context, &mut self.tried.borrow_mut());
        derivation
    }

    /// Continues every derivation for its reader: derivatives that are short, or that nothing else
    /// reads, are put in.
    fn show(&mut self) {
        let rules: Vec<&'static Rule> = TIDY.iter().chain(READ).copied().collect();
        for position in 0..self.gradients.len() {
            let gradient = &self.gradients[position];
            let put_in = self.worth_showing(gradient);
            let known = self.known(&put_in);
            let jacobians = BTreeMap::new();
            let context = Context { model: self.model, jacobians: &jacobians, known: &known };
            let mut shown = gradient.shown.clone();
            // What is put in depends on the gradient, all else on the model alone.
            shown.exhaust(&[&names::KNOWN_DERIVATIVE], &context);
            shown.exhaust_knowing(&rules, &context, &mut self.tried.borrow_mut());
            let gradient = &mut self.gradients[position];
            (gradient.shown, gradient.shown_put_in) = (shown, put_in);
        }
    }

    /// The derivatives to put in where `gradient` reads them, and where those read them in turn: as
    /// long as the line stays readable.
    fn worth_showing(&self, gradient: &Gradient) -> Vec<Name> {
        let mut put_in: Vec<Name> = Vec::new();
        let mut pending = vec![gradient.derivation.end().clone()];
        let mut length = cost(&pending[0]);
        while let Some(term) = pending.pop() {
            for name in term.tensors() {
                let Some(read) = self.derived(&name) else { continue };
                if !self.can_be_put_in(&read.wrt) {
                    continue;
                }
                let body = read.derivation.end();
                let longer = length + cost(body);
                if !put_in.contains(&name) && (longer <= LONGEST || cost(body) <= SHORT) {
                    length = longer;
                    put_in.push(name);
                    pending.push(body.clone());
                }
            }
        }
        put_in
    }
}

const DEFAULT_LETTERS: [&str; 8] = ["i", "j", "k", "l", "m", "n", "o", "p"];

/// A derivative is tried in place of its name where all its places together cost no more than this: what cancels
/// with a local Jacobian is short, and of something long nearly everything would have to cancel.
const MOST_ADDED: usize = 40;
/// A derivative no dearer than this is always shown by its right side.
const SHORT: usize = 7;
/// Other derivatives are put in by their right sides up to this cost of the whole.
const LONGEST: usize = 40;

/// Simplifies a chain and puts its end in the form that people write.
fn finish(derivation: &mut Derivation, rules: &[&'static Rule], context: &Context, tried: &mut Tried) {
    derivation.exhaust_knowing(rules, context, tried);
    derivation.exhaust_knowing(&[&names::FOLD, &names::FOLD_PART], context, tried);
    derivation.exhaust_knowing(rules, context, tried);
    derivation.exhaust_knowing(TIDY, context, tried);
}

/// How dear a term is to read and to compute, roughly.
fn cost(term: &Term) -> usize {
    let own = match term.node() {
        Node::Number(_) | Node::Affine(_) => return 0,
        Node::Read { .. } => 2,
        Node::Add(parts) | Node::Mul(parts) => parts.len() - 1,
        Node::Pow(..) => 3,
        Node::Call(Function::Exp | Function::Log, _) => 4,
        Node::Call(..) => 3,
        Node::Compare(..) | Node::Logic(..) => 1,
        Node::Where(..) => 2,
        Node::Reduce { .. } => 6,
        Node::Jacobian { .. } | Node::Derivative { .. } => 20,
    };
    let mut whole = own;
    term.for_each_child(&mut |child| whole += cost(child));
    whole
}

/// How often a term reads a tensor.
fn how_often(term: &Term, name: &Name) -> usize {
    let mut count = usize::from(matches!(term.node(), Node::Read { tensor, .. } if tensor == name));
    term.for_each_child(&mut |child| count += how_often(child, name));
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LOSS, build};
    use crate::syntax::parse;
    use crate::text::Source;

    /// The models of the repository that have parameters to derive by.
    fn models() -> impl Iterator<Item = (String, Model)> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let folders = [folder.join("bench"), folder].into_iter();
        let entries = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "dr")).map(|path| {
            let name = path.display().to_string();
            let source = Source::new(&name, std::fs::read_to_string(&path).unwrap());
            let model = build(&source, &parse(&source).unwrap()).unwrap();
            (name, crate::derivation::with_derivatives(&model).unwrap())
        })
    }

    #[test]
    fn what_is_too_long_to_be_tried_would_not_be_put_in() {
        let mut put_in = 0;
        for (path, model) in models() {
            let wrt: Vec<Name> = model.parameters().map(|tensor| tensor.name.clone()).collect();
            let purposes = [MOST_ADDED, usize::MAX].map(|most_added| Purpose { most_added, ..Purpose::default() });
            let [some, all] = purposes.map(|purpose| derived(&model, LOSS, &wrt, purpose).unwrap());
            for (one, other) in some.gradients.iter().zip(&all.gradients) {
                let same = one.put_in == other.put_in && one.derivation.end() == other.derivation.end();
                assert!(same, "{path}: {}", one.name);
                put_in += one.put_in.len();
            }
        }
        assert!(put_in > 10, "{put_in}");
    }
}
