//! Checks derivations by numbers: every line against the first of its chain, and every result
//! against finite differences of the whole model.

use super::Stabilised;
use super::adjoint::{Backward, Gradient, LocalJacobian, ReplayError};
use super::derivative_name;
use super::differences::At;
use super::probe;
use super::rewrite::Derivation;
use crate::meaning::{Balls, MeaningError, Point, Sides, Sought, complete, evaluate_entries};
use crate::model::Model;
use crate::term::{Index, Name, Term};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verification {
    /// At how many points: fewer than were given where a model is so large that it would take long.
    pub points: usize,

    /// How many lines were evaluated at each of them.
    pub lines: usize,
    /// The greatest difference between two lines of a chain, relative to the size of the line.
    pub max_rel_error: f64,
    /// The greatest difference between a derivative, local or of the whole model, and finite differences,
    /// relative to the size of the derivative.
    pub max_difference_error: f64,
    /// How many entries were held to dual numbers through the whole model, since finite differences met a kink or
    /// drowned in rounding.
    pub by_dual_numbers: usize,
    /// How many of the lines were shown to equal the one above them in exact arithmetic.
    pub exact: usize,
    /// How many comparisons of lines a thousand bits did not decide, or would have taken too long.
    pub undecided: usize,
    /// The derivatives that have no finite value at any of the points, so that no numbers could be compared.
    pub unchecked: Vec<Name>,
    /// The first definition that has no value at any of the points.
    pub undefined: Option<Name>,
}

impl Verification {
    /// Says which derivatives were not checked by numbers, and why.
    pub fn not_checked(&self) -> Option<String> {
        const SHOWN: usize = 3;
        let names: Vec<&str> = self.unchecked.iter().take(SHOWN).map(|name| &**name).collect();
        let (they_have, are) = match names.len() {
            0 => return None,
            1 => ("it has", "is"),
            _ => ("they have", "are"),
        };
        let others = self.unchecked.len() - names.len();
        let more = if others > 0 { format!(" and {others} more") } else { String::new() };
        let why = match &self.undefined {
            Some(name) => format!("no point was found where `{name}` is defined"),
            None => format!("{they_have} no finite value at these points"),
        };
        Some(format!("{}{more} {are} not checked by numbers, since {why}", names.join(", ")))
    }
}

/// Why a derivation does not hold.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckError {
    /// A recorded step is not what its rule gives.
    Replay(ReplayError),
    /// A line has another value than the first of its chain.
    Line {
        /// What is derived there: `∂loss/∂W1`, or a tensor whose definition was given a stable form.
        chain: Name,
        /// The rule that gave the line.
        rule: &'static str,
        /// The entry, one number for each index of the line.
        entry: Vec<usize>,
        /// The value of the first line.
        expected: f64,
        /// The value of this line.
        found: f64,
    },
    /// A line does not equal the one above it in exact arithmetic.
    Exact {
        /// What is derived there.
        chain: Name,
        /// The rule that gave the line.
        rule: &'static str,
    },
    /// The result differs from the derivative found in another way.
    Difference {
        /// Of which tensor.
        of: Name,
        /// By which tensor.
        wrt: Name,
        /// The entry, counted over all axes, row-major.
        entry: usize,
        /// In which way: by finite differences, or by dual numbers.
        by: &'static str,
        /// The value found so.
        expected: f64,
        /// The derived value.
        found: f64,
    },
    /// A line could not be evaluated.
    Meaning(MeaningError),
}

impl From<MeaningError> for CheckError {
    fn from(error: MeaningError) -> CheckError {
        CheckError::Meaning(error)
    }
}

impl std::fmt::Display for CheckError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CheckError::Replay(ReplayError { chain, step }) => {
                write!(f, "step {} of the derivation of {chain} is not what its rule gives", step + 1)
            }
            CheckError::Line { chain, rule, entry, expected, found } => write!(
                f,
                "in {chain} the step «{rule}» changes the value at entry {entry:?} from {expected} to {found}"
            ),
            CheckError::Exact { chain, rule } => {
                write!(f, "in {chain} the step «{rule}» changes the value: exact arithmetic tells")
            }
            CheckError::Difference { of, wrt, entry, by, expected, found } => {
                write!(f, "∂{of}/∂{wrt} at entry {entry} is derived as {found}, but {by} give {expected}")
            }
            CheckError::Meaning(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CheckError {}

/// Lines that differ in doubles by less than this of their size agree: far less than any slip.
const LINE_TOLERANCE: f64 = 1e-8;
/// Those that differ by more are compared with many bits, visiting at most so many nodes.
const LINE_NODES: usize = 10_000_000;
/// How many entries of a tensor are evaluated at a point.
const ENTRIES: usize = 6;
/// The work of all finite differences, in nodes that the interpreter visits: about a second.
const MOST_WORK: usize = 20_000_000;
/// The work for a line, in bodies of reductions: about a tenth of a second. Of a line that takes longer fewer
/// entries are evaluated, but at least one.
const LINE_WORK: usize = 1_000_000;
/// The work for all lines, in bodies of reductions: a few seconds. After that no further point is taken.
const LINES_WORK: usize = 50_000_000;

/// The work of one evaluation of a model, in such nodes, up to which it is evaluated at special points too.
const MOST_SPECIAL_WORK: usize = 50_000;

/// Replays everything, then evaluates every line of every derivation at the points, and holds the
/// results to finite differences: entry by entry, as many as about a second allows, and for a model
/// that is too large for that in one direction in which everything given moves. Local Jacobians are held to finite
/// differences of their equations, and derivatives of what is no scalar entry by entry. Of lines that sum over
/// millions fewer entries are evaluated, and with many of them fewer points are taken; at least one. What has no
/// finite value at any of the points accuses nobody: it is told as unchecked.
///
/// # Errors
/// The first place where something does not hold.
pub fn verify(backward: &Backward, points: &[Point]) -> Result<Verification, CheckError> {
    verify_at(backward, points, verify_steps(backward)?)
}

/// The part of [`verify`] that needs no points: replays everything, and checks every step by itself.
///
/// # Errors
/// The first place where something does not hold.
pub fn verify_steps(backward: &Backward) -> Result<Verification, CheckError> {
    backward.replay().map_err(CheckError::Replay)?;
    let work = evaluation_work(&backward.model, std::slice::from_ref(&backward.of));
    let steps = super::steps::check(backward, &read_by_lines(backward), work <= MOST_SPECIAL_WORK)?;
    Ok(Verification { exact: steps.exact, undecided: steps.undecided, ..Verification::default() })
}

/// The part of [`verify`] at points, which goes on from what was found of the steps.
///
/// # Errors
/// The first place where something does not hold.
pub fn verify_at(backward: &Backward, points: &[Point], mut found: Verification) -> Result<Verification, CheckError> {
    let work = evaluation_work(&backward.model, std::slice::from_ref(&backward.of));
    let differences = 8 * points.len().max(1) * backward.gradients.len().max(1);
    let entries = (MOST_WORK / work.max(1) / differences).min(ENTRIES);
    let wanted = read_by_lines(backward);
    let (mut defined, mut undefined) = (BTreeSet::new(), Vec::new());
    let mut done = 0usize;
    for (number, point) in points.iter().enumerate() {
        if done > LINES_WORK {
            break;
        }
        let mut point = point.clone();
        complete(&backward.model, &mut point, &wanted)?;
        undefined.push(super::points::undefined(&backward.model, &point).cloned());
        let balls = RefCell::new(Balls::new(&backward.model, &point));
        let is_defined = undefined.last().is_none_or(Option::is_none);
        let check = Check { model: &backward.model, point: &point, is_defined, work: Cell::new(0), balls };
        let at = At { model: &backward.model, point: &point };
        (found.points, found.lines) = (number + 1, 0);
        for stable in &backward.stabilised {
            let Stabilised { tensor, indices, derivation } = stable;
            check.lines(tensor, indices, &derivation.start, derivation, &mut found)?;
        }
        for LocalJacobian { tensor, wrt, indices, derivation } in &backward.jacobians {
            let chain = derivative_name(tensor, wrt);
            check.lines(&chain, indices, &derivation.start, derivation, &mut found)?;
        }
        for gradient in &backward.gradients {
            // The first line is the name of what the last one defines.
            let Gradient { name, indices, derivation, shown, in_full, .. } = gradient;
            if check.lines(name, indices, derivation.end(), derivation, &mut found)? {
                defined.insert(name.clone());
            }
            for further in std::iter::once(shown).chain(in_full) {
                check.lines(name, indices, derivation.end(), further, &mut found)?;
            }
            at.entries(gradient, entries, &mut found)?;
        }
        if entries == 0 && number == 0 {
            at.direction(backward, &mut found)?;
        }
        if number == 0 {
            probe::verify_local(backward, &point, &mut found)?;
        }
        done = done.saturating_add(check.work.get());
    }
    probe::verify_entries(backward, points, &mut found)?;
    let unchecked = backward.gradients.iter().map(|gradient| &gradient.name).filter(|name| !defined.contains(*name));
    found.unchecked = unchecked.filter(|_| !points.is_empty()).cloned().collect();
    found.undefined = undefined.into_iter().reduce(|first, other| if first == other { first } else { None }).flatten();
    Ok(found)
}

/// The tensors that are read to evaluate the lines. What only names a result is not among them: its
/// entries are evaluated one by one, since tabulating the gradient of a large weight takes long.
fn read_by_lines(backward: &Backward) -> Vec<Name> {
    let stabilised = backward.stabilised.iter().map(|stable| (&stable.derivation, true));
    let jacobians = backward.jacobians.iter().map(|local| (&local.derivation, true));
    let gradients = backward.gradients.iter().flat_map(|own| {
        let further = std::iter::once(&own.shown).chain(&own.in_full).map(|derivation| (derivation, true));
        std::iter::once((&own.derivation, false)).chain(further)
    });
    let mut wanted = BTreeSet::from([backward.of.clone()]);
    for (derivation, with_start) in stabilised.chain(jacobians).chain(gradients) {
        let start = with_start.then_some(&derivation.start);
        let terms = start.into_iter().chain(derivation.steps.iter().map(|step| &step.after));
        wanted.extend(terms.flat_map(Term::tensors));
    }
    for local in &backward.jacobians {
        wanted.extend(backward.model.definition(&local.tensor).into_iter().flat_map(|own| own.body.tensors()));
        wanted.extend([local.tensor.clone(), local.wrt.clone()]);
    }
    wanted.into_iter().collect()
}

/// Roughly how many nodes the interpreter visits to evaluate some tensors and all that they need.
pub fn evaluation_work(model: &Model, of: &[Name]) -> usize {
    fn of_term(term: &Term) -> usize {
        let inner = term.children().iter().map(of_term).fold(1, usize::saturating_add);
        let range = term
            .open()
            .map_or(1, |opened| opened.indices.iter().map(|index| index.extent.value()).fold(1, usize::saturating_mul));
        inner.saturating_mul(range)
    }
    let mut needed = of.to_vec();
    let mut work = 0usize;
    for tensor in model.tensors.iter().rev() {
        let Some(definition) = model.definition(&tensor.name).filter(|_| needed.contains(&tensor.name)) else {
            continue;
        };
        work = work.saturating_add(tensor.len().saturating_mul(of_term(&definition.body)));
        needed.extend(definition.body.tensors());
    }
    work
}

struct Check<'a> {
    model: &'a Model,
    point: &'a Point,
    /// Whether all definitions of the model have a value there. Where one has none, a line without a value is no slip.
    is_defined: bool,
    /// How many bodies of reductions were evaluated for lines.
    work: Cell<usize>,
    /// The same point with many bits.
    balls: RefCell<Balls<'a>>,
}

impl Check<'_> {
    /// Holds every line to the first; tells whether that has a finite value anywhere.
    fn lines(
        &self,
        chain: &Name,
        indices: &[Index],
        first: &Term,
        derivation: &Derivation,
        found: &mut Verification,
    ) -> Result<bool, CheckError> {
        let extents: Vec<usize> = indices.iter().map(|index| index.extent.value()).collect();
        let entries = sample(&extents, ENTRIES);
        let values = |term: &Term| -> Result<Vec<f64>, MeaningError> {
            let (values, work) = evaluate_entries(self.model, self.point, term, indices, &entries, LINE_WORK)?;
            self.work.set(self.work.get().saturating_add(work));
            Ok(values)
        };
        let start = first;
        let first = values(first)?;
        found.lines += derivation.steps.len();
        let size = largest(&first);
        for step in &derivation.steps {
            let line = values(&step.after)?;
            for ((expected, value), entry) in first.iter().zip(&line).zip(&entries) {
                let error = (expected - value).abs() / size;
                if error > LINE_TOLERANCE || (error.is_nan() && expected.is_finite() && self.is_defined) {
                    if let Some((expected, value)) = self.difference([start, &step.after], indices, entry, found) {
                        let (chain, rule, entry) = (chain.clone(), step.rule.name, entry.clone());
                        return Err(CheckError::Line { chain, rule, entry, expected, found: value });
                    }
                    continue;
                }
                found.max_rel_error = found.max_rel_error.max(error);
            }
        }
        Ok(first.iter().any(|value| value.is_finite()))
    }

    /// The values of two lines that seem different, where that is no rounding.
    fn difference(
        &self,
        lines: [&Term; 2],
        indices: &[Index],
        entry: &[usize],
        found: &mut Verification,
    ) -> Option<(f64, f64)> {
        let at: Vec<(Index, usize)> = indices.iter().cloned().zip(entry.iter().copied()).collect();
        match self.balls.borrow_mut().compare(lines, &at, Sought::STEP, LINE_NODES) {
            Sides::Equal | Sides::FirstUndefined => None,
            Sides::Different(expected, value) => Some((expected, value)),
            Sides::SecondUndefined(expected) | Sides::SecondOutside(expected) => {
                self.is_defined.then_some((expected, f64::NAN))
            }
            Sides::Undecided(_) | Sides::TooLong => {
                found.undecided += 1;
                None
            }
        }
    }
}

/// The size by which errors are measured: of the largest value, where there is one above 1e-3.
pub(super) fn largest(values: &[f64]) -> f64 {
    values.iter().filter(|value| value.is_finite()).fold(1e-3f64, |size, value| size.max(value.abs()))
}

/// Some entries of a tensor, spread evenly; all of a small one.
pub(super) fn sample(extents: &[usize], most: usize) -> Vec<Vec<usize>> {
    let length: usize = extents.iter().product();
    let count = length.min(most);
    let unravel = |mut flat: usize| {
        let mut entry = vec![0; extents.len()];
        for (place, extent) in entry.iter_mut().zip(extents).rev() {
            *place = flat % extent;
            flat /= extent;
        }
        entry
    };
    // A stride that is no multiple of the extents meets the diagonal and other rows.
    let flat: BTreeSet<usize> = (0..count).map(|number| (number * length / count + number * number) % length).collect();
    flat.into_iter().map(unravel).collect()
}
