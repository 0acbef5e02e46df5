//! The steps of derivations one by one: exactly where exact arithmetic can tell, and else in doubles, at points
//! that include zeros, ties and large values.

use super::adjoint::{Backward, Gradient, LocalJacobian};
use super::check::{CheckError, sample};
use super::exact::{Exact, Expansion, Verdict};
use super::rewrite::{Derivation, Step};
use super::{Stabilised, derivative_name};
use crate::meaning::{Array, MeaningError, Point, complete, evaluate};
use crate::model::{Assumption, Model, Role, TargetKind, Tensor};
use crate::term::{Comparison, Function, Index, Name, Node, Number, Reduction, Term};

/// How many nodes exact arithmetic visits for one step before it gives up.
const MOST_EXACT_WORK: usize = 10_000;
/// In models with more tensors a step is compared only with the names by which its lines differ put in.
const MOST_TENSORS: usize = 100;
/// How many entries of a line are compared.
const ENTRIES: usize = 3;
/// Steps may change the value by this much of the size of what is added up.
const TOLERANCE: f64 = 1e-6;

/// A chain of lines with the name of what is derived in it.
struct Chain<'a> {
    name: Name,
    indices: &'a [Index],
    derivation: &'a Derivation,
}

fn chains(backward: &Backward) -> Vec<Chain<'_>> {
    let stable = backward.stabilised.iter().map(|Stabilised { tensor, indices, derivation }| Chain {
        name: tensor.clone(),
        indices,
        derivation,
    });
    let local = backward.jacobians.iter().map(|LocalJacobian { tensor, wrt, indices, derivation }| Chain {
        name: derivative_name(tensor, wrt),
        indices,
        derivation,
    });
    let gradients =
        backward.gradients.iter().flat_map(|Gradient { name, indices, derivation, shown, in_full, .. }| {
            let all = [derivation, shown].into_iter().chain(in_full);
            all.map(|derivation| Chain { name: name.clone(), indices, derivation })
        });
    stable.chain(local).chain(gradients).collect()
}

/// Checks every step by itself, and counts those that were shown exactly. The others are evaluated at special
/// points, with the values of the tensors `wanted`, where `evaluates` says so.
///
/// # Errors
/// The first step that changes the value.
pub(super) fn check(backward: &Backward, wanted: &[Name], evaluates: bool) -> Result<usize, CheckError> {
    let promises = promises(&backward.model);
    let given: Vec<(&[Index], &Term)> =
        promises.iter().map(|(indices, condition)| (indices.as_slice(), condition)).collect();
    let exact = |expands| Exact { model: &backward.model, expands, given: given.clone(), most_work: MOST_EXACT_WORK };
    let expanded = exact(Expansion::All);
    // Whole equations of a deep model are long, and every step would go down to its inputs again.
    let goes_deep = backward.model.tensors.len() <= MOST_TENSORS;
    let mut found = 0;
    let mut others: Vec<(&Chain, &Term, &Step)> = Vec::new();
    let chains = chains(backward);
    for chain in &chains {
        let extents: Vec<usize> = chain.indices.iter().map(|index| index.extent).collect();
        let entries = sample(&extents, ENTRIES);
        let mut before = &chain.derivation.start;
        for step in &chain.derivation.steps {
            let verdict = if before.asks() || step.after.asks() {
                // Exact arithmetic does not differentiate.
                Verdict::Unknown
            } else {
                let near = exact(Expansion::between(&backward.model, before, &step.after));
                match near.compare(before, &step.after, chain.indices, &entries) {
                    Verdict::Equal => Verdict::Equal,
                    _ if !goes_deep => Verdict::Unknown,
                    _ => expanded.compare(before, &step.after, chain.indices, &entries),
                }
            };
            match verdict {
                Verdict::Equal => found += 1,
                Verdict::Different => {
                    return Err(CheckError::Exact { chain: chain.name.clone(), rule: step.rule.name });
                }
                Verdict::Unknown => others.push((chain, before, step)),
            }
            before = &step.after;
        }
    }
    if evaluates && !others.is_empty() {
        for mut point in special_points(&backward.model) {
            // Where a tensor has no value at such a point, there is nothing to compare.
            if complete(&backward.model, &mut point, wanted).is_ok() {
                others.iter().try_for_each(|(chain, before, step)| at_point(backward, &point, chain, before, step))?;
            }
        }
    }
    Ok(found)
}

fn at_point(backward: &Backward, point: &Point, chain: &Chain, before: &Term, step: &Step) -> Result<(), CheckError> {
    let extents: Vec<usize> = chain.indices.iter().map(|index| index.extent).collect();
    for entry in sample(&extents, ENTRIES) {
        let at: Vec<(Index, usize)> = chain.indices.iter().cloned().zip(entry.iter().copied()).collect();
        let value = |term: &Term| evaluate(&backward.model, point, term, &at);
        let (expected, found) = match (value(before), value(&step.after)) {
            (Ok(expected), Ok(found)) => (expected, found),
            (Err(MeaningError::Missing(_)), _) | (_, Err(MeaningError::Missing(_))) => continue,
            (Err(error), _) | (_, Err(error)) => return Err(error.into()),
        };
        // A pole that cancels, or an overflow, is no change of the value.
        if !expected.is_finite() || !found.is_finite() {
            continue;
        }
        let sizes = [before, &step.after].map(|term| value(&magnitude(term)).unwrap_or(0.0));
        let size = sizes.iter().fold(expected.abs().max(found.abs()).max(1e-3), |size, own| size.max(own.abs()));
        if (expected - found).abs() > TOLERANCE * size {
            let (chain, rule) = (chain.name.clone(), step.rule.name);
            return Err(CheckError::Line { chain, rule, entry, expected, found });
        }
    }
    Ok(())
}

/// What declarations promise, as conditions for all values of their indices.
fn promises(model: &Model) -> Vec<(Vec<Index>, Term)> {
    let condition = |Assumption::SumsToOne(name): &Assumption| {
        let tensor = model.tensor(name)?;
        let indices: Vec<Index> = (0..).zip(&tensor.shape).map(|(id, extent)| Index::new(id, *extent, "i")).collect();
        let (last, others) = indices.split_last()?;
        let sum = Term::sum(std::slice::from_ref(last), Term::read_at(name, &indices));
        Some((others.to_vec(), Term::compare(Comparison::Equal, sum, Term::integer(1))))
    };
    model.assumptions.iter().filter_map(condition).collect()
}

/// Points with zeros, ties and large values that keep the promises of declarations.
fn special_points(model: &Model) -> Vec<Point> {
    let kinds: [fn(usize) -> f64; 3] = [
        |_| 0.0,
        |place| [0.0, 1.0, 1.0, -1.0, 0.0, 2.0, 2.0][place % 7],
        |place| [0.0, 40.0, -25.0, 40.0, 3.0, -60.0][place % 6],
    ];
    kinds.iter().map(|kind| special_point(model, *kind)).collect()
}

fn special_point(model: &Model, kind: fn(usize) -> f64) -> Point {
    let mut point = Point::new();
    for tensor in &model.tensors {
        let values: Vec<f64> = match &tensor.role {
            Role::Defined(_) | Role::Const(Some(_)) => continue,
            Role::Target(TargetKind::OneHot | TargetKind::Probability) => one_hot(tensor),
            Role::Input { below: Some(below) } | Role::Target(TargetKind::Integer(below)) => {
                (0..tensor.len()).map(|place| (place % (*below).max(1)) as f64).collect()
            }
            _ => (0..tensor.len()).map(kind).collect(),
        };
        point.insert(tensor.name.clone(), Array { shape: tensor.shape.clone(), values });
    }
    point
}

fn one_hot(tensor: &Tensor) -> Vec<f64> {
    let classes = tensor.shape.last().copied().unwrap_or(1).max(1);
    (0..tensor.len()).map(|place| f64::from(u8::from(place % classes == place / classes % classes))).collect()
}

/// A term whose value is the size of what is added up in another: rounding errors are measured by it.
pub fn magnitude(term: &Term) -> Term {
    match term.node() {
        Node::Add(addends) => Term::add(addends.iter().map(magnitude).collect()),
        Node::Mul(factors) => Term::mul(factors.iter().map(magnitude).collect()),
        Node::Number(number) => Term::number(if number.is_negative() { number.negated() } else { *number }),
        Node::Pow(base, exponent)
            if exponent.as_number().and_then(Number::as_integer).is_some_and(|power| power > 0) =>
        {
            Term::pow(&magnitude(base), exponent)
        }
        Node::Reduce { reduction: Reduction::Sum, .. } => match term.open() {
            Some(opened) => Term::sum(&opened.indices, magnitude(&opened.body)),
            None => term.clone(),
        },
        _ if term.is_condition() => term.clone(),
        _ => Term::call(Function::Abs, term.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derivation::derive;
    use crate::text::Source;

    fn derived(text: &str) -> Backward {
        let source = Source::new("model.dr", text);
        let model = crate::model::build(&source, &crate::syntax::parse(&source).unwrap()).unwrap();
        derive(&model, "loss", &["W".into()]).unwrap()
    }

    /// Without the replay, which sees every change anyway: a wrong step of algebra is seen exactly.
    #[test]
    fn wrong_algebra_is_seen_exactly() {
        let mut backward =
            derived("input x[3]\ninput y[3]\nparam W[3,3] ~ he\ne[i] = W[i,j] x[j] - y[i]\nloss = 1/2 e[i] e[i]\n");
        assert!(check(&backward, &[], false).unwrap() > 0);
        let mut seen = 0;
        for gradient in 0..backward.gradients.len() {
            for step in 0..backward.gradients[gradient].derivation.steps.len() {
                let kept = backward.gradients[gradient].derivation.steps[step].after.clone();
                let changed = Term::add(vec![Term::integer(1), kept.clone()]);
                backward.gradients[gradient].derivation.steps[step].after = changed;
                seen += usize::from(matches!(check(&backward, &[], false), Err(CheckError::Exact { .. })));
                backward.gradients[gradient].derivation.steps[step].after = kept;
            }
        }
        assert!(seen >= 3, "{seen} changes are seen exactly");
    }

    /// A step that is wrong only where an argument is 0 is seen at a special point.
    #[test]
    fn wrong_steps_at_kinks_are_seen_at_special_points() {
        let mut backward = derived(
            "input x[3]\ninput y[3]\nparam W[3,3] ~ he\nz[i] = W[i,j] x[j]\na[i] = relu(z[i])\n\
             loss = sum[i] (a[i] - y[i])^2\n",
        );
        let wanted: Vec<Name> = backward.model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
        assert!(check(&backward, &wanted, true).is_ok());
        let local = backward.jacobians.iter_mut().find(|local| &*local.tensor == "a").unwrap();
        let before = local.derivation.end().clone();
        for step in &mut local.derivation.steps {
            step.after = at_kink(&step.after);
        }
        assert_ne!(*local.derivation.end(), before);
        assert!(check(&backward, &wanted, true).is_err());
    }

    /// The comparison `>` where `>=` is meant, and the other way round.
    fn at_kink(term: &Term) -> Term {
        match term.node() {
            Node::Compare(Comparison::Greater, a, b) => Term::compare(Comparison::GreaterEqual, a.clone(), b.clone()),
            Node::Compare(Comparison::Less, a, b) => Term::compare(Comparison::LessEqual, a.clone(), b.clone()),
            _ => term.map_children(&mut at_kink),
        }
    }
}
