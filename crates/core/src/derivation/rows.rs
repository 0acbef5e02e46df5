//! Names for what is compared. The derivative of a maximum asks which values are as great as it, and that must be asked
//! of the very numbers of which it is the greatest: computed a second time, in another form, they would be rounded in
//! another way. So a row that is computed is a tensor of its own, which the maximum and its derivative read.

use super::derivative_parts;
use super::rewrite::Context;
use super::rules::names::fold;
use super::rules::safe::reads_inside;
use crate::model::{Definition, Model, Role, Tensor};
use crate::term::{Affine, Connective, Function, Kinds, Name, Node, Number, Reduction, Term};
use std::collections::BTreeMap;

/// The model with a tensor for every row of which a maximum, a minimum or the place of one is taken, and for both sides
/// of a maximum or minimum of two, where rounding plays a part in it; each before its reader.
pub fn with_rows(model: &Model) -> Model {
    let mut tensors: Vec<Tensor> = Vec::with_capacity(model.tensors.len());
    let mut rows: Vec<Tensor> = Vec::new();
    for tensor in &model.tensors {
        let mut found = Rows { model, before: &rows, reader: tensor, found: Vec::new() };
        let body = match tensor.definition().filter(|_| derivative_parts(&tensor.name).is_none()) {
            Some(definition) => {
                let first = definition.indices.iter().map(|index| index.id + 1).max().unwrap_or(0);
                let first = first.max(crate::term::fresh_id(&[&definition.body]));
                found.named(&definition.body, first, &[])
            }
            None => {
                tensors.push(tensor.clone());
                continue;
            }
        };
        let found = found.found;
        rows.extend(found.iter().cloned());
        tensors.extend(found);
        let body = if rows.is_empty() { body } else { asked(&body, &rows, model) };
        let indices = tensor.definition().map(|definition| definition.indices.clone()).unwrap_or_default();
        tensors.push(Tensor { role: Role::Defined(Definition { indices, body }), ..tensor.clone() });
    }
    match rows.is_empty() {
        true => model.clone(),
        false => Model { tensors: tensors.into(), ..model.clone() },
    }
}

/// Whether a tensor is a row that got a name: it has that of its reader, with primes, and stands where that does.
pub fn is_row(tensor: &Tensor, model: &Model) -> bool {
    let reader = tensor.name.trim_end_matches('\'');
    let stands_there = |reader: &Tensor| reader.span == tensor.span && reader.definition().is_some();
    reader.len() < tensor.name.len() && model.tensor(reader).is_some_and(stands_there)
}

/// Whether a term has the same value however it is computed: nothing in it is rounded.
fn is_exact(term: &Term) -> bool {
    let all = |parts: &[Term]| parts.iter().all(is_exact);
    match term.node() {
        Node::Number(_) | Node::Affine(_) | Node::Read { .. } => true,
        Node::Compare(_, a, b) => is_exact(a) && is_exact(b),
        Node::Logic(_, parts) => all(parts),
        Node::Where(condition, then, otherwise) => is_exact(condition) && is_exact(then) && is_exact(otherwise),
        Node::Mul(factors) => {
            let is_power_of_two = |number: Number| number.value() != 0.0 && number.value().abs().log2().fract() == 0.0;
            let is_free = |factor: &Term| factor.is_condition() || factor.as_number().is_some_and(is_power_of_two);
            all(factors) && factors.iter().filter(|factor| !is_free(factor)).count() <= 1
        }
        Node::Call(function, parts) => {
            use Function::{Abs, Floor, Max, Min, Relu, Sign, Stop};
            matches!(function, Abs | Floor | Max | Min | Relu | Sign | Stop) && all(parts)
        }
        Node::Reduce { reduction, body, .. } => {
            !matches!(reduction, Reduction::Sum | Reduction::Prod | Reduction::LogSumExp) && is_exact(body)
        }
        Node::Add(_) | Node::Pow(..) | Node::Jacobian { .. } | Node::Derivative { .. } => false,
    }
}

/// The rows of one definition.
struct Rows<'a> {
    model: &'a Model,
    /// Those of other definitions: a row that is a reader itself has the name of its own reader, with primes.
    before: &'a [Tensor],
    reader: &'a Tensor,
    found: Vec<Tensor>,
}

impl Rows<'_> {
    /// A term in which rows are read by name. Indices from `first` on are free, and the conditions are `around` it.
    fn named(&mut self, term: &Term, first: u32, around: &[Term]) -> Term {
        if !term.kinds().meet(Kinds::REDUCE.or(Kinds::CALL)) {
            return term.clone();
        }
        match term.node() {
            Node::Reduce { .. } => {
                let Some(opened) = term.open_from(first) else { return term.clone() };
                let mut body = self.named(&opened.body, first + opened.indices.len() as u32, around);
                if !matches!(opened.reduction, Reduction::Sum | Reduction::Prod | Reduction::LogSumExp) {
                    body = self.name(&body, around);
                }
                Term::reduce(opened.reduction, &opened.indices, body)
            }
            // What does not move is not compared.
            Node::Call(Function::Stop, _) => term.clone(),
            Node::Call(function @ (Function::Max | Function::Min), sides) => {
                let sides: Vec<Term> = sides.iter().map(|side| self.named(side, first, around)).collect();
                let has_number = sides.iter().any(|side| side.as_number().is_some());
                let mut name = |side: &Term| if has_number { side.clone() } else { self.name(side, around) };
                Term::call2(*function, name(&sides[0]), name(&sides[1]))
            }
            Node::Where(condition, then, otherwise) => {
                let with = |condition: Term| [around, &[condition]].concat();
                let not = Term::logic(Connective::Not, vec![condition.clone()]);
                let then = self.named(then, first, &with(condition.clone()));
                let otherwise = self.named(otherwise, first, &with(not));
                Term::choose(self.named(condition, first, around), then, otherwise)
            }
            Node::Mul(factors) if factors.iter().any(Term::is_condition) => {
                let (conditions, others): (Vec<Term>, Vec<Term>) =
                    factors.iter().cloned().partition(Term::is_condition);
                let inside = [around, conditions.as_slice()].concat();
                let conditions: Vec<Term> = conditions.iter().map(|one| self.named(one, first, around)).collect();
                let others: Vec<Term> = others.iter().map(|factor| self.named(factor, first, &inside)).collect();
                Term::mul([conditions, others].concat())
            }
            _ => term.map_children(&mut |child| self.named(child, first, around)),
        }
    }

    /// The entry of a tensor that a term is the right side of.
    fn name(&mut self, term: &Term, around: &[Term]) -> Term {
        if is_exact(term) {
            return term.clone();
        }
        // What is only read under a condition keeps it.
        let body = match reads_inside(term, self.model) || around.is_empty() {
            true => term.clone(),
            false => Term::choose(Term::logic(Connective::And, around.to_vec()), term.clone(), Term::integer(0)),
        };
        let indices = body.free().to_vec();
        let same = |row: &&Tensor| {
            row.definition().is_some_and(|own| {
                let fits = own.indices.len() == indices.len();
                let pairs: Vec<_> = own.indices.iter().cloned().zip(indices.iter().map(Affine::index)).collect();
                fits && own.indices.iter().zip(&indices).all(|(a, b)| a.extent == b.extent)
                    && own.body.substitute_all(&pairs) == body
            })
        };
        let name = match self.found.iter().find(same) {
            Some(row) => row.name.clone(),
            None => {
                let name = self.free_name();
                let per_example = |name: &Name| {
                    let known = self.model.tensor(name).or_else(|| self.found.iter().find(|row| row.name == *name));
                    known.is_some_and(|tensor| tensor.per_example)
                };
                let extents = indices.iter().map(|index| index.extent.clone()).collect();
                let per_example = body.tensors().iter().any(per_example);
                let role = Role::Defined(Definition { indices: indices.clone(), body });
                self.found.push(Tensor::new(&name, extents, role, per_example, self.reader.span));
                name
            }
        };
        Term::read_at(&name, &indices)
    }

    /// The name of the reader with primes.
    fn free_name(&self) -> Name {
        let mut name = format!("{}'", self.reader.name);
        let is_row = |name: &str| self.before.iter().chain(&self.found).any(|row| *row.name == *name);
        while self.model.tensor(&name).is_some() || is_row(&name) {
            name.push('\'');
        }
        name.into()
    }
}

/// A term whose conditions ask rows by name, where it is of them that they ask.
fn asked(term: &Term, rows: &[Tensor], model: &Model) -> Term {
    if !term.kinds().meet(Kinds::COMPARE) {
        return term.clone();
    }
    let (jacobians, known) = (BTreeMap::new(), BTreeMap::new());
    let context = Context { model, jacobians: &jacobians, known: &known };
    let side = |term: &Term| {
        let row = || rows.iter().find_map(|row| fold(term, row, &context));
        if is_exact(term) { None } else { row() }.unwrap_or_else(|| asked(term, rows, model))
    };
    match term.node() {
        Node::Compare(comparison, a, b) => Term::compare(*comparison, side(a), side(b)),
        _ => term.map_children(&mut |child| asked(child, rows, model)),
    }
}
