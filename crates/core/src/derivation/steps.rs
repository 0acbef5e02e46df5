//! The steps of derivations one by one: exactly where exact arithmetic can tell, and else at points that include
//! zeros, ties and large values. There doubles may say that a step is right; that it is wrong only balls say.

use super::adjoint::{Backward, Gradient, LocalJacobian};
use super::check::{CheckError, sample};
use super::exact::{Exact, Expansion, Verdict};
use super::points::{axes, random_point, restrict};
use super::rewrite::{Derivation, Step};
use super::{Stabilised, derivative_name};
use crate::meaning::residue::scatter;
use crate::meaning::{Array, Balls, MeaningError, Point, Sides, Sought, complete, evaluate};
use crate::model::{Assumption, Model, Role, TargetKind, Tensor};
use crate::term::{Comparison, Index, Name, Term};

/// How many nodes exact arithmetic visits for one step before it gives up.
const MOST_EXACT_WORK: usize = 10_000;
/// In models with more tensors a step is compared only with the names by which its lines differ put in.
const MOST_TENSORS: usize = 100;
/// How many entries of a line are compared.
const ENTRIES: usize = 3;
/// And how many at points where all steps are looked at with many bits.
const CONFIRMED: usize = 8;
/// Doubles that differ by no more than this of their size are not looked at with more bits, but at points where all
/// steps are.
const TOLERANCE: f64 = 1e-13;
/// How many nodes are visited with many bits for a comparison, for those that doubles would do for, and for all.
const MOST_COMPARED: usize = 2_000_000;
const MOST_CONFIRMED: usize = 300_000;
const MOST_ESCALATED: usize = 6_000_000;

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

/// What was found of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// How many were shown exactly.
    pub exact: usize,
    /// How many comparisons so many bits did not decide.
    pub undecided: usize,
}

/// A step of a chain that exact arithmetic does not decide, and the line before it.
type Open<'a> = (&'a Chain<'a>, &'a Term, &'a Step);

/// Checks every step by itself, and counts those that were shown exactly. The others are evaluated at special
/// points, with the values of the tensors `wanted`, where `evaluates` says so.
///
/// # Errors
/// The first step that changes the value.
pub(super) fn check(backward: &Backward, wanted: &[Name], evaluates: bool) -> Result<Found, CheckError> {
    let chains = chains(backward);
    let (exact, others) = exactly(backward, &chains)?;
    let mut found = Found { exact, undecided: 0 };
    if !evaluates || others.is_empty() {
        return Ok(found);
    }
    let mut work = 0;
    // A random point, and one with zeros and ties, tell most, so every step is confirmed there.
    for (number, mut point) in special_points(&backward.model).into_iter().enumerate() {
        // Where a tensor has no value at such a point, there is nothing to compare.
        let given = point.clone();
        if complete(&backward.model, &mut point, wanted).is_err() {
            continue;
        }
        let mut place =
            Special { backward, point: &point, balls: Balls::new(&backward.model, &given), confirms: number < 2 };
        for open in &others {
            place.step(open, work, &mut found)?;
        }
        work += place.balls.work();
    }
    Ok(found)
}

/// How many steps exact arithmetic decides, and the others.
fn exactly<'a>(backward: &Backward, chains: &'a [Chain<'a>]) -> Result<(usize, Vec<Open<'a>>), CheckError> {
    let promises = promises(&backward.model);
    let given: Vec<(&[Index], &Term)> =
        promises.iter().map(|(indices, condition)| (indices.as_slice(), condition)).collect();
    let exact = |expands| Exact { model: &backward.model, expands, given: given.clone(), most_work: MOST_EXACT_WORK };
    let expanded = exact(Expansion::All);
    // Whole equations of a deep model are long, and every step would go down to its inputs again.
    let goes_deep = backward.model.tensors.len() <= MOST_TENSORS;
    let mut found = 0;
    let mut others: Vec<Open> = Vec::new();
    for chain in chains {
        let extents: Vec<usize> = chain.indices.iter().map(|index| index.extent.value()).collect();
        let entries = sample(&extents, ENTRIES);
        let mut before = &chain.derivation.start;
        for step in &chain.derivation.steps {
            let verdict = if before.asks() || step.after.asks() {
                // Exact arithmetic does not differentiate.
                Verdict::Unknown
            } else {
                let near = exact(Expansion::between(&backward.model, before, &step.after));
                match near.compare(before, &step.after, chain.indices, &entries) {
                    found @ (Verdict::Equal | Verdict::EqualInOrders) => found,
                    _ if !goes_deep => Verdict::Unknown,
                    _ => expanded.compare(before, &step.after, chain.indices, &entries),
                }
            };
            match verdict {
                Verdict::Equal => found += 1,
                Verdict::EqualInOrders => {
                    found += 1;
                    others.push((chain, before, step));
                }
                Verdict::Different => {
                    return Err(CheckError::Exact { chain: chain.name.clone(), rule: step.rule.name });
                }
                Verdict::Unknown | Verdict::TooLong => others.push((chain, before, step)),
            }
            before = &step.after;
        }
    }
    Ok((found, others))
}

/// A special point.
struct Special<'a> {
    backward: &'a Backward,
    point: &'a Point,
    balls: Balls<'a>,
    /// Whether every step is compared with many bits, whatever doubles say.
    confirms: bool,
}

impl Special<'_> {
    /// Compares both sides of a step; `work` was done at other points.
    fn step(&mut self, (chain, before, step): &Open, work: usize, found: &mut Found) -> Result<(), CheckError> {
        let extents: Vec<usize> = chain.indices.iter().map(|index| index.extent.value()).collect();
        for entry in sample(&extents, if self.confirms { CONFIRMED } else { ENTRIES }) {
            let at: Vec<(Index, usize)> = chain.indices.iter().cloned().zip(entry.iter().copied()).collect();
            let work = work + self.balls.work();
            let confirms = self.confirms && work < MOST_CONFIRMED;
            if self.agree_in_doubles(before, &step.after, &at)? && !confirms {
                continue;
            }
            if work > MOST_ESCALATED {
                found.undecided += 1;
                continue;
            }
            match self.balls.compare([before, &step.after], &at, Sought::STEP, MOST_COMPARED) {
                Sides::Different(expected, found) => {
                    let (chain, rule) = (chain.name.clone(), step.rule.name);
                    return Err(CheckError::Line { chain, rule, entry, expected, found });
                }
                // A pole that cancels is no change of the value.
                Sides::Equal | Sides::FirstUndefined | Sides::SecondUndefined(_) | Sides::SecondOutside(_) => {}
                Sides::Undecided(_) | Sides::TooLong => found.undecided += 1,
            }
        }
        Ok(())
    }

    /// Whether two terms are equal as far as doubles tell; also where there is nothing to compare.
    fn agree_in_doubles(&self, before: &Term, after: &Term, at: &[(Index, usize)]) -> Result<bool, CheckError> {
        let value = |term: &Term| evaluate(&self.backward.model, self.point, term, at);
        match (value(before), value(after)) {
            (Ok(expected), Ok(found)) => {
                Ok((expected - found).abs() <= TOLERANCE * expected.abs().max(found.abs()) || expected.is_nan())
            }
            (Err(MeaningError::Missing(_)), _) | (_, Err(MeaningError::Missing(_))) => Ok(true),
            (Err(error), _) | (_, Err(error)) => Err(error.into()),
        }
    }
}

/// What declarations promise and exact arithmetic understands, as conditions for all values of their indices.
fn promises(model: &Model) -> Vec<(Vec<Index>, Term)> {
    let condition = |assumption: &Assumption| {
        let (Assumption::SumsToOne(name) | Assumption::Within(name, _) | Assumption::Symmetric(name)) = assumption;
        let indices = axes(model.tensor(name)?);
        match assumption {
            Assumption::SumsToOne(_) => {
                let (last, others) = indices.split_last()?;
                let sum = Term::sum(std::slice::from_ref(last), Term::read_at(name, &indices));
                Some((others.to_vec(), Term::compare(Comparison::Equal, sum, Term::integer(1))))
            }
            Assumption::Symmetric(_) => {
                let turned: Vec<Index> = indices.iter().rev().cloned().collect();
                let [read, turned] = [&indices, &turned].map(|indices| Term::read_at(name, indices));
                Some((indices, Term::compare(Comparison::Equal, read, turned)))
            }
            Assumption::Within(..) => None,
        }
    };
    model.assumptions.iter().filter_map(condition).collect()
}

/// A random point, and points with zeros, ties and large values, that keep the promises of declarations.
fn special_points(model: &Model) -> Vec<Point> {
    let kinds: [fn(usize) -> f64; 3] = [
        |place| [0.0, 1.0, 1.0, -1.0, 0.0, 2.0, 2.0][place % 7],
        |_| 0.0,
        |place| [0.0, 40.0, -25.0, 40.0, 3.0, -60.0][place % 6],
    ];
    let mut place = 0u64;
    let mut uniform = || {
        place += 1;
        (scatter(place) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let random = random_point(model, &mut uniform);
    std::iter::once(random).chain(kinds.iter().map(|kind| special_point(model, *kind))).collect()
}

fn special_point(model: &Model, kind: fn(usize) -> f64) -> Point {
    let mut point = Point::new();
    for (number, tensor) in model.tensors.iter().enumerate() {
        let values: Vec<f64> = match &tensor.role {
            Role::Defined(_) | Role::Const(Some(_)) => continue,
            Role::Target(TargetKind::OneHot | TargetKind::Probability) => one_hot(tensor),
            Role::Input { below: Some(below) } | Role::Target(TargetKind::Integer(below)) => {
                (0..tensor.len()).map(|place| (place % (*below).max(1)) as f64).collect()
            }
            _ => (0..tensor.len()).map(|place| kind(number * number + place)).collect(),
        };
        let mut array = Array { shape: tensor.shape.clone(), values };
        restrict(model, tensor, &mut array);
        point.insert(tensor.name.clone(), array);
    }
    point
}

fn one_hot(tensor: &Tensor) -> Vec<f64> {
    let classes = tensor.shape.last().copied().unwrap_or(1).max(1);
    (0..tensor.len()).map(|place| f64::from(u8::from(place % classes == place / classes % classes))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derivation::derive;
    use crate::term::{Node, Number};
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
        assert!(check(&backward, &[], false).unwrap().exact > 0);
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

    /// A network of so many hidden layers.
    fn network(layers: usize, function: &str) -> Backward {
        let mut text = String::from("input x[6]\ntarget y[4] onehot\nparam W[5,6] ~ he\na0[i] = W[i,j] x[j]\n");
        for layer in 1..=layers {
            let below = layer - 1;
            text += &format!("param W{layer}[5,5] ~ he\na{layer}[i] = W{layer}[i,j] {function}(a{below}[j])\n");
        }
        text += &format!("param V[4,5] ~ he\nz[i] = V[i,j] a{layers}[j]\nloss = softmaxcrossentropy[i](z[i], y[i])\n");
        derived(&text)
    }

    fn all(backward: &Backward) -> Vec<Name> {
        backward.model.tensors.iter().map(|tensor| tensor.name.clone()).collect()
    }

    /// At a point with large values doubles of the two sides of a step differ by more than any tolerance.
    #[test]
    fn rounding_is_no_wrong_step() {
        for (layers, function) in [(2, "relu"), (4, "relu"), (6, "relu"), (3, "gelu"), (5, "tanh")] {
            let backward = network(layers, function);
            let found = check(&backward, &all(&backward), true);
            assert!(found.as_ref().is_ok_and(|found| found.undecided == 0), "{layers} {function}: {found:?}");
        }
    }

    /// A step that is wrong by 1e-12 is seen, though exact arithmetic does not know the functions in it.
    #[test]
    fn small_changes_are_seen() {
        let mut backward = network(1, "relu");
        let (wanted, small) = (all(&backward), Number::parse("1e-12").expect("a number"));
        let mut seen = 0;
        for local in 0..backward.jacobians.len() {
            let kept = backward.jacobians[local].derivation.steps.clone();
            let Some(last) = backward.jacobians[local].derivation.steps.last_mut() else { continue };
            last.after = Term::mul(vec![Term::add(vec![Term::integer(1), Term::number(small)]), last.after.clone()]);
            let found = check(&backward, &wanted, true);
            assert!(found.is_err(), "{:?} {found:?}", kept.last());
            seen += usize::from(matches!(found, Err(CheckError::Line { .. })));
            backward.jacobians[local].derivation.steps = kept;
        }
        assert!(seen > 0, "{seen} changes are seen by balls");
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
