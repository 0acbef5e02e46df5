//! Results held to finite differences of the whole model: entry by entry, or in one direction in which everything
//! moves.
//!
//! A finite difference is no judge by itself: across a kink, a tie or a jump it measures the other side too, and
//! beside a large constant it measures rounding. Where it has nothing to say, or says something else than the rules,
//! dual numbers through the whole model decide. They know the conventions at kinks, and share nothing with the rules.

use super::adjoint::{Backward, Gradient};
use super::check::{CheckError, Verification, largest, sample};
use super::{derivative_name, derivative_parts};
use crate::meaning::{
    Array, Balls, Difference, MeaningError, Point, Sides, Sought, Totals, complete, directional_difference,
    evaluate_entries, finite_difference,
};
use crate::model::Model;
use crate::term::{Index, Name, Term};

/// Finite differences of fourth order may be off by this much of the size of the derivative,
/// beside their own estimate of their error.
pub(super) const TOLERANCE: f64 = 1e-6;
/// Those of single entries by this much: no more than rounding of the function, where their estimate says so.
pub(super) const CLOSE: f64 = 1e-8;
/// Dual numbers may differ by this much: both sides round, and on the way sums may cancel.
const DUAL_TOLERANCE: f64 = 1e-6;
/// Where they differ by more than [`CLOSE`], many bits tell whether that is rounding, visiting at most so many nodes.
const MOST_NODES: usize = 2_000_000;
/// How many entries of a tensor move together where single differences would take too long.
const MOVING: usize = 64;
/// The steps in one direction: short enough that hardly any kink lies within the first.
const STEPS: [f64; 3] = [1e-6, 1e-8, 1e-4];

/// The model at a point that has values of all that its lines read.
pub(super) struct At<'a> {
    pub model: &'a Model,
    pub point: &'a Point,
}

/// What a finite difference says of a derivative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// The same.
    Agrees,
    /// Something else.
    Differs,
    /// By its own estimate of its error it has nothing to say.
    Nothing,
}

/// Holds a derived value to a finite difference, and notes how far they are apart where they agree.
pub(super) fn compare(by: Difference, derived: f64, size: f64, tolerance: f64, found: &mut Verification) -> Said {
    let (error, own) = ((by.value - derived).abs() / size, by.error / size);
    if own > TOLERANCE || !own.is_finite() {
        return Said::Nothing;
    }
    // What is not a number agrees with nothing.
    if error <= tolerance + 10.0 * own {
        found.max_difference_error = found.max_difference_error.max(error);
        return Said::Agrees;
    }
    Said::Differs
}

/// Whether dual numbers give the derived value. Where they have none they accuse no one.
pub(super) fn is_dual(dual: f64, derived: f64, size: f64) -> bool {
    !dual.is_finite() || (dual - derived).abs() <= DUAL_TOLERANCE * size.max(dual.abs())
}

/// What dual numbers through the whole model give where that is not the derived value of an entry of a result, at
/// the subscripts of both tensors. A small difference counts only where many bits tell that it is no rounding.
pub(super) fn other_than_dual(
    At { model, point }: At,
    gradient: &Gradient,
    at: &[usize],
    derived: f64,
    size: f64,
) -> Option<f64> {
    let dual = total_derivative(model, point, gradient, at)?;
    let size = size.max(dual.abs());
    if !dual.is_finite() || !derived.is_finite() || (dual - derived).abs() <= CLOSE * size {
        return None;
    }
    if !is_dual(dual, derived, size) {
        return Some(dual);
    }
    // Without the derivatives that were derived: the total derivative is what the name means then.
    let mut plain = model.clone();
    plain.tensors = model.tensors.iter().filter(|own| derivative_parts(&own.name).is_none()).cloned().collect();
    let subscripts = at.iter().map(|at| Term::integer(*at as i64)).collect();
    let total = Term::read(&derivative_name(&gradient.of, &gradient.wrt), subscripts);
    let entry: Vec<(Index, usize)> = gradient.indices.iter().cloned().zip(at.iter().copied()).collect();
    let sides = [&total, gradient.derivation.end()];
    match Balls::new(&plain, point).compare(sides, &entry, Sought::STEP, MOST_NODES) {
        Sides::Different(total, derived) if (total - derived).abs() > CLOSE / 10.0 * size => Some(total),
        _ => None,
    }
}

impl At<'_> {
    /// Some entries of a result, counted over all axes, with their values; none of what is no scalar's
    /// derivative.
    fn results(&self, gradient: &Gradient, most: usize) -> Result<Vec<(usize, f64)>, MeaningError> {
        if self.model.tensor(&gradient.of).is_none_or(|of| !of.shape.is_empty()) {
            return Ok(Vec::new());
        }
        let extents: Vec<usize> = gradient.indices.iter().map(|index| index.extent.value()).collect();
        let flat = |entry: &[usize]| entry.iter().zip(&extents).fold(0, |flat, (at, extent)| flat * extent + at);
        let entries = sample(&extents, most);
        let (indices, end) = (&gradient.indices, gradient.derivation.end());
        let (values, _) = evaluate_entries(self.model, self.point, end, indices, &entries, usize::MAX)?;
        Ok(entries.iter().map(|entry| flat(entry)).zip(values).collect())
    }

    /// Holds entries of the result to finite differences of the whole model.
    pub fn entries(&self, gradient: &Gradient, most: usize, found: &mut Verification) -> Result<(), CheckError> {
        let results = self.results(gradient, most)?;
        let size = largest(&results.iter().map(|(_, value)| *value).collect::<Vec<_>>());
        for (entry, derived) in results {
            let by = finite_difference(self.model, self.point, &gradient.of, &gradient.wrt, entry, 1e-3)?;
            if compare(by, derived, size, CLOSE, found) != Said::Agrees {
                self.by_dual_numbers(gradient, entry, derived, size, found)?;
            }
        }
        Ok(())
    }

    /// Holds an entry of a scalar's derivative to dual numbers through the whole model.
    fn by_dual_numbers(
        &self,
        gradient: &Gradient,
        entry: usize,
        derived: f64,
        size: f64,
        found: &mut Verification,
    ) -> Result<(), CheckError> {
        found.by_dual_numbers += 1;
        let at = unravel(entry, gradient.indices.iter().map(|index| index.extent.value()));
        let own = At { model: self.model, point: self.point };
        let Some(dual) = other_than_dual(own, gradient, &at, derived, size) else { return Ok(()) };
        let (of, wrt) = (gradient.of.clone(), gradient.wrt.clone());
        Err(CheckError::Difference { of, wrt, entry, by: DUAL, expected: dual, found: derived })
    }

    /// Holds the derivatives by what is given to one finite difference, in a direction in which many
    /// entries of every tensor move; where that differs, the largest of them to dual numbers.
    pub fn direction(&self, backward: &Backward, found: &mut Verification) -> Result<(), CheckError> {
        let is_given = |gradient: &&Gradient| self.model.definition(&gradient.wrt).is_none();
        let (mut direction, mut parts) = (Point::new(), Vec::new());
        for gradient in backward.gradients.iter().filter(is_given) {
            let Some(given) = self.point.get(&gradient.wrt) else { continue };
            let mut by = Array { shape: given.shape.clone(), values: vec![0.0; given.values.len()] };
            for (entry, derived) in self.results(gradient, MOVING)? {
                // Any direction does that is not orthogonal to all that could go wrong.
                by.values[entry] = (entry as f64 * 0.7 + 1.0).cos();
                parts.push((gradient, entry, derived, derived * by.values[entry]));
            }
            direction.insert(gradient.wrt.clone(), by);
        }
        let products: Vec<f64> = parts.iter().map(|(.., product)| *product).collect();
        let derived: f64 = products.iter().sum();
        let size = largest(&products).max(derived.abs());
        for step in STEPS {
            let by = directional_difference(self.model, self.point, &backward.of, &direction, step)?;
            if compare(by, derived, size, TOLERANCE, found) == Said::Agrees {
                return Ok(());
            }
        }
        for gradient in backward.gradients.iter().filter(is_given) {
            let own = parts.iter().filter(|(other, ..)| other.name == gradient.name);
            let Some((_, entry, derived, _)) = own.max_by(|(.., a), (.., b)| a.abs().total_cmp(&b.abs())) else {
                continue;
            };
            self.by_dual_numbers(gradient, *entry, *derived, derived.abs().max(1e-3), found)?;
        }
        Ok(())
    }
}

/// How a derivative was found that the rules do not give.
pub(super) const DIFFERENCES: &str = "finite differences";
/// The other way.
pub(super) const DUAL: &str = "dual numbers";

/// A total derivative by dual numbers, at the subscripts of both tensors; `None` where they cannot tell.
fn total_derivative(model: &Model, point: &Point, gradient: &Gradient, at: &[usize]) -> Option<f64> {
    let mut point = point.clone();
    let name = derivative_name(&gradient.of, &gradient.wrt);
    point.remove(&name);
    // The tensors of the model itself: what was derived may stand in the point under its name.
    let needed: Vec<Name> = [&gradient.of, &gradient.wrt].into_iter().cloned().collect();
    complete(model, &mut point, &needed).ok()?;
    let subscripts = at.iter().map(|at| Term::integer(*at as i64)).collect();
    Totals::new(model, &point).evaluate(&Term::read(&name, subscripts), &[]).ok()
}

/// The subscripts of the entry with this number.
pub(super) fn unravel(mut flat: usize, extents: impl DoubleEndedIterator<Item = usize>) -> Vec<usize> {
    let mut at: Vec<usize> = Vec::new();
    for extent in extents.rev() {
        at.push(flat % extent.max(1));
        flat /= extent.max(1);
    }
    at.reverse();
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derivation::{Step, derive, random_point};
    use crate::text::Source;

    /// Without the replay, which sees every change anyway: a result that is wrong by a thousandth is refused by
    /// differences or, where these are no judge, by dual numbers.
    #[test]
    fn wrong_results_are_seen_where_differences_mislead() {
        for text in [
            "param x ~ ones\nloss = x^3\n",
            "param x ~ ones\nloss = stop(x) x\n",
            "param x ~ ones\nloss = (1 + x)^2 + 1e16\n",
            "param x ~ ones\nloss = relu(x) + relu(x - x/2) + max(x, -x)\n",
            "param x ~ ones\nloss = sin(1e7 x)\n",
        ] {
            let source = Source::new("model.dr", text);
            let model = crate::model::build(&source, &crate::syntax::parse(&source).unwrap()).unwrap();
            let mut backward = derive(&model, "loss", &["x".into()]).unwrap();
            let mut point = random_point(&backward.model, &mut || 0.3);
            complete(&backward.model, &mut point, &["loss".into(), "x".into()]).unwrap();
            let verdict = |backward: &Backward| {
                let at = At { model: &backward.model, point: &point };
                at.entries(&backward.gradients[0], 1, &mut Verification::default())
                    .and_then(|()| at.direction(backward, &mut Verification::default()))
            };
            assert_eq!(verdict(&backward), Ok(()), "{text}");
            let steps = &mut backward.gradients[0].derivation.steps;
            let last = steps.pop().unwrap();
            let almost = Term::number(crate::term::Number::Float(1.001));
            steps.push(Step { rule: last.rule, after: Term::mul(vec![almost, last.after]) });
            assert!(matches!(verdict(&backward), Err(CheckError::Difference { .. })), "{text}");
        }
    }
}
