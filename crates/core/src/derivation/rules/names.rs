//! Rules that use definitions, assumptions and results derived before.

use super::differentiate::rule;
use super::safe::is_finite;
use crate::derivation::rewrite::{Context, Rule};
use crate::model::{Assumption, Definition, Model};
use crate::term::{Affine, Comparison, Index, Name, Node, Reduction, Term, fresh_id};

pub use crate::model::{derivative_name, derivative_parts};

/// The tensors in whose definitions `tensor` stands and on which `of` depends, `of` itself included.
pub fn consumers(model: &Model, of: &str, tensor: &str) -> Vec<Name> {
    let mut needed: Vec<Name> = vec![of.into()];
    let mut position = 0;
    while position < needed.len() {
        let read = model.definition(&needed[position]).map(|definition| definition.body.tensors()).unwrap_or_default();
        for name in read {
            if !needed.contains(&name) {
                needed.push(name);
            }
        }
        position += 1;
    }
    let reads = |name: &Name| model.definition(name).is_some_and(|definition| definition.body.reads(tensor));
    model.tensors.iter().map(|tensor| tensor.name.clone()).filter(|name| needed.contains(name) && reads(name)).collect()
}

rule!(
    /// The right side of the tensor's equation.
    DEFINITION, "definition", "∂t[i]/∂x[j] = ∂(right side of t[i])/∂x[j]", |term, context| {
        let Node::Jacobian { tensor, subscripts, wrt, at } = term.node() else { return None };
        let body = context.model.definition(tensor)?.at(subscripts)?;
        Some(Term::derivative(body, wrt, at.clone()))
    }
);

rule!(
    /// Over all tensors in whose definitions the variable stands; a tensor that reads itself is one.
    CHAIN_RULE, "chain rule", "∂L/∂x[j] = sum over t: sum[i] ∂L/∂t[i] ∂t[i]/∂x[j]", |term, context| {
        let Node::Read { tensor, subscripts } = term.node() else { return None };
        let (of, wrt) = derivative_parts(tensor)?;
        let (of_at, at) = subscripts.split_at(context.model.tensor(of)?.shape.len());
        let own = || Term::mul(of_at.iter().zip(at).map(|(a, b)| Term::delta(a.clone(), b.clone())).collect());
        // A recurrence is its own consumer: what moves an entry moves later ones of the same tensor.
        let is_recurrent = !consumers(context.model, of, of).is_empty();
        let path = |consumer: &Name| {
            if &**consumer == of && !is_recurrent {
                return Some(Term::jacobian(of, of_at.to_vec(), wrt, at.to_vec()));
            }
            let indices: Vec<Index> = (context.model.definition(consumer)?.indices.iter().zip(fresh_id(&[term])..))
                .map(|(index, id)| Index { id, ..index.clone() })
                .collect();
            let entry: Vec<Term> = indices.iter().map(Term::index).collect();
            let outer = Term::read(&derivative_name(of, consumer), [of_at, &entry].concat());
            let local = Term::jacobian(consumer, entry, wrt, at.to_vec());
            Some(Term::sum(&indices, Term::mul(vec![outer, local])))
        };
        let mut addends = consumers(context.model, of, wrt).iter().map(path).collect::<Option<Vec<Term>>>()?;
        addends.extend((of == wrt).then(own));
        Some(Term::add(addends))
    }
);

/// Whether a condition can make the derivative of `of` by a tensor 0: somewhere on the way it is read in
/// a branch, or beside a condition.
fn is_masked(model: &Model, of: &str, tensor: &str, seen: &mut Vec<Name>) -> bool {
    if seen.iter().any(|name| &**name == tensor) {
        return false;
    }
    seen.push(tensor.into());
    consumers(model, of, tensor).iter().any(|consumer| {
        let here = model.definition(consumer).is_some_and(|definition| reads_in_mask(&definition.body, tensor));
        here || is_masked(model, of, consumer, seen)
    })
}

fn reads_in_mask(term: &Term, tensor: &str) -> bool {
    let here = match term.node() {
        Node::Where(_, then, otherwise) => then.reads(tensor) || otherwise.reads(tensor),
        Node::Mul(factors) => factors.iter().any(Term::is_condition) && term.reads(tensor),
        _ => false,
    };
    here || (term.reads(tensor) && term.children().iter().any(|child| reads_in_mask(child, tensor)))
}

rule!(
    /// What a mask makes 0 stays 0 beside a pole. Where a condition can make the derivative `g` 0, and the
    /// factors beside it need not be finite.
    MASKED_POLE, "nothing flows through a mask", "g u = [g != 0] g u", |term, context| {
        let Node::Mul(factors) = term.node() else { return None };
        let flow = factors.iter().find(|factor| {
            let Node::Read { tensor, .. } = factor.node() else { return false };
            derivative_parts(tensor).is_some_and(|(of, wrt)| is_masked(context.model, of, wrt, &mut Vec::new()))
        })?;
        let bracket = Term::compare(Comparison::NotEqual, flow.clone(), Term::integer(0));
        let has_pole = |factor: &Term| factor != flow && !factor.is_condition() && !is_finite(factor, context.model);
        (!factors.contains(&bracket) && factors.iter().any(has_pole))
            .then(|| Term::mul(factors.iter().cloned().chain([bracket]).collect()))
    }
);

rule!(
    /// Derived on their own before.
    LOCAL_JACOBIANS, "local Jacobian", "∂t[i]/∂x[j] as derived from the definition of t", |term, context| {
        let Node::Jacobian { tensor, subscripts, wrt, at } = term.node() else { return None };
        context.jacobians.get(&(tensor.clone(), wrt.clone()))?.at(&[subscripts.as_slice(), at].concat())
    }
);

rule!(
    /// Derived before.
    KNOWN_DERIVATIVE, "derived above", "∂L/∂t[i] as derived before", |term, context| {
        let Node::Read { tensor, subscripts } = term.node() else { return None };
        context.known.get(tensor)?.at(subscripts)
    }
);

rule!(
    /// By a declaration of the model.
    SUMS_TO_ONE, "sums to one", "sum[k] y[k] = 1, as declared", |term, context| {
        let opened = term.open().filter(|opened| opened.reduction == Reduction::Sum)?;
        let Node::Read { tensor, subscripts } = opened.body.node() else { return None };
        let promised = context.model.assumptions.iter().any(|Assumption::SumsToOne(name)| name == tensor);
        let (last, others) = subscripts.split_last().filter(|_| promised)?;
        let index = last.as_affine()?.as_index()?.clone();
        let full = context.model.tensor(tensor)?.shape.last() == Some(&index.extent);
        if !full || !opened.indices.contains(&index) || others.iter().any(|other| other.depends_on(&index)) {
            return None;
        }
        let rest: Vec<Index> = opened.indices.iter().filter(|other| **other != index).cloned().collect();
        Some(Term::sum(&rest, Term::integer(1)))
    }
);

rule!(
    /// A right side that has a name.
    FOLD, "definition, read backwards", "right side of t[i] = t[i]", |term, context| {
        if matches!(term.node(), Node::Read { .. } | Node::Number(_) | Node::Affine(_)) || term.is_condition() {
            return None;
        }
        context.model.tensors.iter().find_map(|tensor| fold(term, &tensor.name, context))
    }
);

fn fold(term: &Term, name: &Name, context: &Context) -> Option<Term> {
    let definition = context.model.definition(name)?;
    if definition.body.size() != term.size() || context.model.metrics.contains(name) || derivative_parts(name).is_some()
    {
        return None;
    }
    assignments(&definition.indices, term.free()).into_iter().find_map(|assignment| {
        let subscripts: Vec<Term> = assignment.iter().map(Term::index).collect();
        (instance(definition, &assignment) == *term).then(|| Term::read(name, subscripts))
    })
}

fn instance(definition: &Definition, assignment: &[Index]) -> Term {
    let pairs: Vec<_> = definition.indices.iter().cloned().zip(assignment.iter().map(Affine::index)).collect();
    definition.body.substitute_all(&pairs)
}

/// All ways to give each of the indices one of the values of the same extent. The numbers of
/// both are small, since terms are.
fn assignments(indices: &[Index], values: &[Index]) -> Vec<Vec<Index>> {
    if indices.len() > 4 || values.len() > 6 {
        return Vec::new();
    }
    let mut all: Vec<Vec<Index>> = vec![Vec::new()];
    for index in indices {
        let fitting: Vec<&Index> = values.iter().filter(|value| value.extent == index.extent).collect();
        all = all
            .iter()
            .flat_map(|chosen| fitting.iter().map(|value| chosen.iter().chain([*value]).cloned().collect()))
            .collect();
    }
    all
}
