//! Rules that use definitions, assumptions and results derived before.

use super::collapse::FACTOR_OUT_OF_SUM;
use super::differentiate::rule;
use super::safe::{is_finite, is_not_negative, is_safe, may_have_pole, reads_inside};
use super::simplify::number_exponent;
use crate::derivation::rewrite::{Context, Place, Rule, everywhere};
use crate::model::{Definition, Model, Role, Tensor};
use crate::term::{
    Affine, Comparison, Connective, Function, Index, Kinds, Name, Node, Number, Reduction, Term, Under, fresh_id,
};

pub use crate::model::{derivative_name, derivative_parts};

rule!(
    /// The right side of the tensor's equation.
    DEFINITION, "definition, in normal form", "∂t[i]/∂x[j] = ∂(right side of t[i])/∂x[j]", Place::on(Kinds::JACOBIAN), |term, context| {
        let Node::Jacobian { tensor, subscripts, wrt, at } = term.node() else { return None };
        let body = context.model.definition(tensor)?.at(subscripts)?;
        Some(Term::derivative(body, wrt, at.to_vec()))
    }
);

rule!(
    /// Over all tensors in whose definitions the variable stands; a tensor that reads itself is one.
    CHAIN_RULE, "chain rule", "∂L/∂x[j] = sum over t: sum[i] ∂L/∂t[i] ∂t[i]/∂x[j]", Place::on(Kinds::READ), |term, context| {
        let Node::Read { tensor, subscripts } = term.node() else { return None };
        let (of, wrt) = derivative_parts(tensor)?;
        let (of_at, at) = subscripts.split_at(context.model.tensor(of)?.shape.len());
        let own = || Term::mul(of_at.iter().zip(at).map(|(a, b)| Term::delta(a.clone(), b.clone())).collect());
        // A recurrence is its own consumer: what moves an entry moves later ones of the same tensor.
        let is_recurrent = context.model.tensors.is_recurrent(of);
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
        let mut addends = context.model.tensors.consumers(of, wrt).iter().map(path).collect::<Option<Vec<Term>>>()?;
        addends.extend((of == wrt).then(own));
        Some(Term::add(addends))
    }
);

rule!(
    /// Over all tensors in the definition of `t` that depend on the variable, itself included.
    CHAIN_RULE_FORWARD, "chain rule, forwards", "∂t[i]/∂x[j] = sum over s in t: sum[k] ∂t[i]/∂s[k] ∂s[k]/∂x[j]", Place::on(Kinds::READ), |term, context| {
        let Node::Read { tensor, subscripts } = term.node() else { return None };
        let (of, wrt) = derivative_parts(tensor)?;
        let (of_at, at) = subscripts.split_at(context.model.tensor(of)?.shape.len());
        let path = |producer: &Name| {
            if &**producer == wrt {
                return Some(Term::jacobian(of, of_at.to_vec(), wrt, at.to_vec()));
            }
            let indices: Vec<Index> = (context.model.definition(producer)?.indices.iter().zip(fresh_id(&[term])..))
                .map(|(index, id)| Index { id, ..index.clone() })
                .collect();
            let entry: Vec<Term> = indices.iter().map(Term::index).collect();
            let inner = Term::read(&derivative_name(producer, wrt), [&*entry, at].concat());
            let local = Term::jacobian(of, of_at.to_vec(), producer, entry);
            Some(Term::sum(&indices, Term::mul(vec![local, inner])))
        };
        let producers = context.model.tensors.producers(of, wrt);
        // The derivative by itself is no sum of these alone.
        (of != wrt && !producers.is_empty())
            .then(|| producers.iter().map(path).collect::<Option<Vec<Term>>>().map(Term::add))?
    }
);

/// A derivative that a condition can make 0, and the factors beside it that need not be finite.
fn masked_pole<'t>(term: &'t Term, context: &Context) -> Option<(&'t Term, Vec<Term>)> {
    let Node::Mul(factors) = term.node() else { return None };
    let flow = factors.iter().find(|factor| {
        let Node::Read { tensor, .. } = factor.node() else { return false };
        derivative_parts(tensor).is_some_and(|(of, wrt)| context.model.tensors.is_masked(of, wrt))
    })?;
    let is_pole = |factor: &Term| !is_finite(factor, context.model) || may_have_pole(factor, context.model);
    let has_pole = |factor: &&Term| *factor != flow && !factor.is_condition() && is_pole(factor);
    let poles: Vec<Term> = factors.iter().filter(has_pole).cloned().collect();
    (!poles.is_empty()).then_some((flow, poles))
}

/// A product with one more factor, which it does not have.
fn with_bracket(term: &Term, bracket: Term) -> Option<Term> {
    let factors = term.factors();
    (!factors.contains(&bracket)).then(|| Term::mul(factors.iter().cloned().chain([bracket]).collect()))
}

rule!(
    /// What a mask makes 0 stays 0 beside a pole. Where a condition can make the derivative `g` 0, and the
    /// factors beside it need not be finite.
    MASKED_POLE, "nothing flows through a mask", "g u = [g != 0] g u", Place::on(Kinds::MUL), |term, context| {
        let (flow, _) = masked_pole(term, context)?;
        with_bracket(term, Term::compare(Comparison::NotEqual, flow.clone(), Term::integer(0)))
    }
);

rule!(
    /// The same for what is differentiated again: where `g` is 0 without a mask and `u` is finite, the bracket must not
    /// keep the product from moving with `g`.
    MASKED_POLE_AGAIN, "nothing infinite flows through a mask", "g u = [g != 0 or abs(u) < inf] g u", Place::on(Kinds::MUL), |term, context| {
        let (flow, poles) = masked_pole(term, context)?;
        let flows = Term::compare(Comparison::NotEqual, flow.clone(), Term::integer(0));
        let size = Term::call(Function::Abs, Term::mul(poles));
        let is_finite = Term::compare(Comparison::Less, size, Term::number(Number::Float(f64::INFINITY)));
        with_bracket(term, Term::logic(Connective::Or, vec![flows, is_finite]))
    }
);

rule!(
    /// Derived on their own before.
    LOCAL_JACOBIANS, "local Jacobian", "∂t[i]/∂x[j] as derived from the definition of t", Place::on(Kinds::JACOBIAN), |term, context| {
        let Node::Jacobian { tensor, subscripts, wrt, at } = term.node() else { return None };
        context.jacobians.get(&(tensor.clone(), wrt.clone()))?.at(&[&**subscripts, at].concat())
    }
);

/// The values that a condition gives to indices: `i = v`, without `i` in `v`.
fn fixed(condition: &Term) -> Vec<(Index, Term)> {
    let Node::Compare(Comparison::Equal, left, right) = condition.node() else { return Vec::new() };
    let form = left.minus(right);
    let solved = |index: &Index| {
        let own = form.addends().iter().filter_map(Term::as_affine).map(|own| own.coefficient(index));
        let coefficient = own.sum::<i64>();
        let rest = form.minus(&Term::mul(vec![Term::integer(coefficient), Term::index(index)]));
        let is_solved = coefficient.abs() == 1 && form.is_integer() && !rest.depends_on(index);
        is_solved.then(|| (index.clone(), Term::mul(vec![Term::integer(-coefficient), rest])))
    };
    form.free().iter().filter_map(solved).collect()
}

/// A term in which derivatives by what reads itself, at a step a fixed number from `value`, are read at the step that
/// is as far from the index.
fn told_by(index: &Index, value: &Term, term: &Term, context: &Context) -> Term {
    let Node::Read { tensor, subscripts } = term.node() else {
        return term.map_children(&mut |child| told_by(index, value, child, context));
    };
    let Some((of, wrt)) = derivative_parts(tensor) else { return term.clone() };
    let rank = context.model.tensor(of).map_or(0, |tensor| tensor.shape.len());
    if !context.model.tensors.is_recurrent(wrt) {
        return term.clone();
    }
    let step = |(axis, at): (usize, &Term)| {
        let steps = at.minus(value).as_number().filter(|_| axis >= rank && axis == index.id as usize);
        steps.map_or_else(|| at.clone(), |steps| Term::add(vec![Term::index(index), Term::number(steps)]))
    };
    Term::read_named(tensor.clone(), subscripts.iter().enumerate().map(step).collect())
}

rule!(
    /// Where a condition fixes the step of a recurrence, a read at a constant step, or at one that is computed, does not
    /// show that it is a fixed number of steps away. The entry of a derivative has its indices in the order of the axes.
    STEP_BY_CONDITION, "step told by a condition", "[i = a] ∂L/∂h[a + n] = [i = a] ∂L/∂h[i + n], h reads itself", Place::on(Kinds::MUL).with(Kinds::COMPARE), |term, context| {
        let Node::Mul(factors) = term.node() else { return None };
        factors.iter().flat_map(fixed).find_map(|(index, value)| {
            let told = |factor: &Term| match factor.is_condition() {
                true => factor.clone(),
                false => told_by(&index, &value, factor, context),
            };
            Some(Term::mul(factors.iter().map(told).collect())).filter(|after| after != term)
        })
    }
);

rule!(
    /// Derived before.
    KNOWN_DERIVATIVE, "derived above", "∂L/∂t[i] as derived before", Place::on(Kinds::READ), |term, context| {
        let Node::Read { tensor, subscripts } = term.node() else { return None };
        context.known.get(tensor)?.at(subscripts)
    }
);

rule!(
    /// By a declaration of the model.
    SUMS_TO_ONE, "sums to one", "sum[k] y[k] = 1, as declared", Place::on(Kinds::REDUCE), |term, context| {
        let opened = term.under().filter(|opened| opened.reduction == Reduction::Sum)?;
        let Node::Read { tensor, subscripts } = opened.body.node() else { return None };
        let promised = context.model.sums_to_one(tensor);
        let (last, others) = subscripts.split_last().filter(|_| promised)?;
        let index = last.as_affine()?.as_index()?.clone();
        let full = context.model.tensor(tensor)?.extents.last() == Some(&index.extent);
        if !full || !opened.indices.contains(&index) || others.iter().any(|other| other.depends_on(&index)) {
            return None;
        }
        let rest: Vec<Index> = opened.indices.iter().filter(|other| **other != index).cloned().collect();
        Some(Term::sum(&rest, Term::integer(1)))
    }
);

/// What may be read backwards: not what is a name or an integer already, and no conditions.
const NAMED: Kinds =
    Kinds::ADD.or(Kinds::MUL).or(Kinds::POW).or(Kinds::CALL).or(Kinds::WHERE).or(Kinds::REDUCE).or(Kinds::OPEN);

rule!(
    /// A right side that has a name.
    FOLD, "definition, read backwards", "right side of t[i] = t[i]", Place::on(NAMED), |term, context| {
        if !context.model.tensors.defines_length(term.size()) {
            return None;
        }
        context.model.tensors.candidates(term).find_map(|tensor| fold(term, tensor, context))
    }
);

/// The entry of a tensor whose right side a term is.
pub(in crate::derivation) fn fold(term: &Term, tensor: &Tensor, context: &Context) -> Option<Term> {
    let (name, definition) = (&tensor.name, tensor.definition().filter(|definition| is_like(&definition.body, term))?);
    foldable(tensor, context)?;
    let plain = assignments(&definition.indices, term.free()).into_iter().find_map(|assignment| {
        let subscripts: Vec<Term> = assignment.iter().map(Term::index).collect();
        (instance(definition, &assignment) == *term).then(|| Term::read(name, subscripts))
    });
    plain.or_else(|| fold_at_compound(term, name, definition, context.model))
}

/// Whether one term could become another by other indices alone.
fn is_like(one: &Term, other: &Term) -> bool {
    one.size() == other.size() && std::mem::discriminant(one.node()) == std::mem::discriminant(other.node())
}

/// The entry at compound subscripts of a tensor whose right side a term is. An index whose axis is read whole
/// by the right side can take the subscript that stands there in the term: it is inside where that read is.
fn fold_at_compound(term: &Term, name: &Name, definition: &Definition, model: &Model) -> Option<Term> {
    let subscripts: Vec<Term> = definition
        .indices
        .iter()
        .map(|index| {
            let (tensor, axis) = whole_axis(&definition.body, index, model)?;
            subscript_of(term, &tensor, axis)
        })
        .collect::<Option<_>>()?;
    let is_of_term = |subscript: &Term| subscript.free().iter().all(|index| term.depends_on(index));
    let is_compound = subscripts.iter().all(is_of_term)
        && subscripts.iter().any(|subscript| subscript.as_affine().is_none_or(|form| form.as_index().is_none()));
    (is_compound && definition.at(&subscripts)? == *term).then(|| Term::read(name, subscripts))
}

/// An axis that a term reads at the index alone, and whole.
fn whole_axis(term: &Term, index: &Index, model: &Model) -> Option<(Name, usize)> {
    // Inside of a sum that does not depend on it another index may have its number.
    if !term.depends_on(index) {
        return None;
    }
    if let Node::Read { tensor, subscripts } = term.node() {
        let is_plain = |subscript: &Term| subscript.as_affine().is_some_and(|form| form.as_index() == Some(index));
        let axis = subscripts.iter().position(is_plain)?;
        let extent = model.tensor(tensor)?.extents.get(axis)?;
        return (*extent == index.extent).then(|| (tensor.clone(), axis));
    }
    term.children().iter().find_map(|child| whole_axis(child, index, model))
}

/// The first subscript of a tensor on an axis.
fn subscript_of(term: &Term, name: &Name, axis: usize) -> Option<Term> {
    match term.node() {
        Node::Read { tensor, subscripts } if tensor == name => subscripts.get(axis).cloned(),
        Node::Read { .. } => None,
        _ => term.children().iter().find_map(|child| subscript_of(child, name, axis)),
    }
}

/// The definition of a tensor that terms may be read backwards by.
fn foldable<'t>(tensor: &'t Tensor, context: &Context) -> Option<&'t Definition> {
    let Role::Defined(definition) = &tensor.role else { return None };
    (derivative_parts(&tensor.name).is_none() && !context.model.metrics.contains(&tensor.name)).then_some(definition)
}

rule!(
    /// Beside a derivative that is not found yet, so that no line repeats long right sides. Not inside of it: that
    /// would undo what its definition said.
    VALUE_BY_NAME, "value by its name", "f(u) ∂u = t ∂u, t = f(u)", Place::on(Kinds::MUL).with(Kinds::OPEN), |term, context| {
        let Node::Mul(factors) = term.node() else { return None };
        if !term.asks() {
            return None;
        }
        let (open, known): (Vec<Term>, Vec<Term>) = factors.iter().cloned().partition(Term::asks);
        let named = everywhere(&FOLD, &Term::mul(known.clone()), context)?;
        let needs_guard = |factor: &Term| may_have_pole(factor, context.model) || !reads_inside(factor, context.model);
        if loses_guard(&known, named.factors()) && open.iter().any(needs_guard) {
            return None;
        }
        Some(Term::mul(open.into_iter().chain([named]).collect()))
    }
);

rule!(
    /// A right side that stands in a longer product. What is only a product of entries stays: a name would
    /// say no more than they do.
    FOLD_PART, "part of a definition, read backwards", "u v w = t w, t = u v", Place::on(Kinds::MUL), |term, context| {
        let Node::Mul(factors) = term.node() else { return None };
        let fits = |body: &Term| {
            let own = body.factors().iter().filter(|factor| factor.as_number().is_none());
            let plain = |factor: &Term| matches!(factor.node(), Node::Read { .. } | Node::Number(_));
            !body.factors().iter().all(plain) && (2..=factors.len()).contains(&own.count())
        };
        context.model.tensors.candidates(term).find_map(|tensor| {
            let definition = foldable(tensor, context)?;
            // Nothing else is a product of at least two factors.
            matches!(definition.body.node(), Node::Mul(_) | Node::Reduce { .. }).then_some(())?;
            let body = constants_outside(&definition.body, context);
            let definition = Definition { indices: definition.indices.clone(), body: Some(body).filter(fits)? };
            let folded = fold_part(term, &tensor.name, &definition)?;
            let is_name = |factor: &Term| matches!(factor.node(), Node::Read { tensor: name, .. } if *name == tensor.name);
            let needs_guard = |factor: &Term| !is_safe(factor, context.model) || may_have_pole(factor, context.model);
            let is_open = folded.factors().iter().any(|factor| !is_name(factor) && needs_guard(factor));
            (!loses_guard(factors, folded.factors()) || !is_open).then_some(folded)
        })
    }
);

/// Whether a condition is gone into a name: that is 0 then, which no longer keeps a pole beside it from counting, or what
/// is read there inside.
fn loses_guard(factors: &[Term], named: &[Term]) -> bool {
    factors.iter().any(|factor| factor.is_condition() && !named.contains(factor))
}

/// A product in which an entry of a tensor stands for the factors of its definition, where they are there.
pub fn fold_part(product: &Term, name: &str, definition: &Definition) -> Option<Term> {
    assignments(&definition.indices, product.free()).into_iter().find_map(|assignment| {
        let (number, mut rest) = without_part(product.factors(), &instance(definition, &assignment))?;
        rest.push(Term::read_at(name, &assignment));
        rest.push(Term::number(number));
        Some(Term::mul(rest))
    })
}

/// A sum with the factors that do not depend on its indices before it.
fn constants_outside(body: &Term, context: &Context) -> Term {
    let is_ready = |opened: &Under| {
        opened.reduction == Reduction::Sum
            && opened.body.factors().iter().any(|factor| opened.indices.iter().all(|index| !factor.depends_on(index)))
    };
    let outside = body.under().filter(is_ready).and_then(|_| (FACTOR_OUT_OF_SUM.apply)(body, context));
    outside.unwrap_or_else(|| body.clone())
}

/// A product divided by another whose factors all stand in it, differences perhaps with the other sign: a
/// number and the other factors.
pub fn without_part(factors: &[Term], part: &Term) -> Option<(Number, Vec<Term>)> {
    let (own, part) = part.split_number();
    let mut number = own.power(-1);
    let mut rest: Vec<(Term, Number)> = factors.iter().map(number_exponent).collect::<Option<_>>()?;
    for factor in part.factors() {
        let (base, exponent) = number_exponent(factor)?;
        let opposite = matches!(base.node(), Node::Add(_)).then(|| base.negated());
        let enough = |other: Number| {
            other.is_negative() == exponent.is_negative()
                && (other == exponent || other.value().abs() > exponent.value().abs())
        };
        let position = rest
            .iter()
            .position(|(other, power)| enough(*power) && (*other == base || opposite.as_ref() == Some(other)))?;
        if rest[position].0 != base {
            // The sign of an odd power only; of a root there is none.
            let odd = exponent.as_integer().filter(|_| rest[position].1.as_integer().is_some())? % 2 != 0;
            number = if odd { number.negated() } else { number };
        }
        rest[position].1 = rest[position].1.plus(exponent.negated());
    }
    let powers = rest.iter().map(|(base, exponent)| Term::pow(base, &Term::number(*exponent)));
    Some((number, powers.collect()))
}

rule!(
    /// Where the root has a name.
    ROOT_CONDITION, "condition on a root", "[u != 0] = [t != 0], t = sqrt(u)", Place::on(Kinds::COMPARE), |term, context| {
        let Node::Compare(Comparison::NotEqual, left, right) = term.node() else { return None };
        let of = if left.is_zero() { right } else { Some(left).filter(|_| right.is_zero())? };
        let root = Term::call(Function::Sqrt, of.clone());
        let named = context.model.tensors.candidates(&root).find_map(|tensor| fold(&root, tensor, context))?;
        // Of what is negative there is no root.
        is_not_negative(of, context.model).then(|| Term::compare(Comparison::NotEqual, named, Term::integer(0)))
    }
);

rule!(
    /// Where what is rectified has no name, but the result has.
    RECTIFIED_CONDITION, "condition on a rectified value", "[u > 0] = [t > 0], t = relu(u)", Place::on(Kinds::COMPARE), |term, context| {
        let of = match term.node() {
            Node::Compare(Comparison::Greater, left, right) if right.is_zero() => left,
            Node::Compare(Comparison::Less, left, right) if left.is_zero() => right,
            _ => return None,
        };
        if matches!(of.node(), Node::Read { .. }) {
            return None;
        }
        let rectified = Term::call(Function::Relu, of.clone());
        let named = context.model.tensors.candidates(&rectified).find_map(|tensor| fold(&rectified, tensor, context))?;
        Some(Term::compare(Comparison::Greater, named, Term::integer(0)))
    }
);

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
