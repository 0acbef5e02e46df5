//! Whether two terms are equal: exactly, or at points.

use super::Reader;
use super::entries::entries;
use super::points::{Kind, Place};
use crate::derivation::points::{integers_below, needed, reached};
use crate::derivation::{Exact, Expansion, Verdict, derivative_parts, magnitude, with_derivatives};
use crate::meaning::{Array, Balls, Sides, Sought, Totals, complete};
use crate::model::{Assumption, Claim, Definition, Given, Model, Role, Tensor};
use crate::term::{Index, Name, Node, Term};
use crate::text::Span;
use std::cell::RefCell;

/// How it was shown that a line equals the one above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// In exact arithmetic.
    Exactly,
    /// By their values at so many points, to hundreds of bits; at some more these did not tell.
    AtPoints {
        /// At so many they are equal.
        points: usize,
        /// At so many that is not known.
        undecided: usize,
    },
    /// By their values as doubles at so many points, since the model is too large for more bits.
    InDoubles(usize),
}

impl Shown {
    /// What is shown by this and by the same for other sizes: the weaker of both.
    pub fn and(self, other: Shown) -> Shown {
        match (self, other) {
            (Shown::Exactly, other) | (other, Shown::Exactly) => other,
            (Shown::InDoubles(points), Shown::InDoubles(more) | Shown::AtPoints { points: more, .. })
            | (Shown::AtPoints { points: more, .. }, Shown::InDoubles(points)) => Shown::InDoubles(points + more),
            (Shown::AtPoints { points, undecided }, Shown::AtPoints { points: more, undecided: open }) => {
                Shown::AtPoints { points: points + more, undecided: undecided + open }
            }
        }
    }
}

/// Where two lines differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The entry, one number for each free index.
    pub entry: Vec<usize>,
    /// The value of the line above.
    pub above: f64,
    /// The value of the line.
    pub value: f64,
    /// What the point is like.
    pub at: Kind,
    /// Whether the lines agree at all points without zeros and ties.
    pub only_special: bool,
}

/// What doubles tell of two lines at a point.
struct Look {
    /// The entries, by their numbers, that seem different.
    suspects: Vec<usize>,
    /// One that differs by more than rounding, with both values.
    plain: Option<(usize, f64, f64)>,
    /// Whether any entry has a value.
    is_compared: bool,
}

/// What was found of two terms.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Judgement {
    Equal(Shown),
    /// Equal exactly for several orders of what is compared in them, or for some values of `integers` that are given;
    /// all others are points.
    EqualInOrders {
        integers: bool,
    },
    Different(Difference),
    /// One of them has no finite value anywhere that the other has.
    Undefined,
    /// So many bits tell nowhere whether they are equal; `None` where it would take too long.
    Undecided(Option<usize>),
}

impl Judgement {
    /// Whether points that come from the lines may tell more.
    pub fn needs_further_points(&self) -> bool {
        match self {
            Judgement::Equal(Shown::Exactly | Shown::InDoubles(_)) | Judgement::Different(_) => false,
            Judgement::Equal(Shown::AtPoints { .. })
            | Judgement::EqualInOrders { .. }
            | Judgement::Undefined
            | Judgement::Undecided(_) => true,
        }
    }

    /// What is found at further points too.
    pub fn and(self, further: Judgement) -> Judgement {
        match (self, further) {
            (Judgement::Equal(_) | Judgement::EqualInOrders { .. }, Judgement::Different(found)) => {
                Judgement::Different(Difference { only_special: found.at.is_special(), ..found })
            }
            (_, Judgement::Different(found)) => Judgement::Different(found),
            (
                Judgement::Equal(Shown::AtPoints { points, undecided }),
                Judgement::Equal(Shown::AtPoints { points: more, undecided: open }),
            ) => Judgement::Equal(Shown::AtPoints { points: points + more, undecided: undecided + open }),
            (Judgement::Undefined, found @ Judgement::Equal(_)) => found,
            (Judgement::Undefined, found @ Judgement::Undecided(_)) => found,
            (found, _) => found,
        }
    }
}

/// Doubles that differ by more than this of the size of what is added up belong to a guess that does not hold.
const TOLERANCE: f64 = 1e-9;
/// So many entries are compared at every point with many bits, and more where doubles seem different.
const ENTRIES: usize = 24;
/// So many are at the first point.
const ENTRIES_AT_FIRST: usize = 256;
/// So many are compared exactly where all of them take too long.
const FEW_ENTRIES: [usize; 2] = [1024, 24];

/// How many nodes exact arithmetic visits before it gives up.
const MOST_WORK: usize = 1_000_000;

/// About how many nodes the body of a reduction has.
const NODES_IN_BODY: usize = 3;
/// No rounding of doubles is as large as this.
const PLAIN: f64 = 1e-4;
/// So many entries that seem different are compared whatever the work.
const MOST_SUSPECTS: usize = 3;
/// The work for guesses, in nodes that are evaluated as doubles: about half a second.
const MOST_GUESSED_WORK: usize = 10_000_000;
/// The work for one comparison, in nodes with many bits: about a second. After that no further entry is compared, and no
/// further point taken.
const MOST_COMPARED_WORK: usize = 1_500_000;
/// The work up to which one entry at one point is compared all the same.
const MOST_SINGLE_WORK: usize = 12_000_000;

/// Points, and everything else that is needed to compare terms of a model.
pub(super) struct Judge<'a> {
    model: &'a Model,
    places: &'a [Place],
    totals: Vec<(Kind, Totals<'a>)>,
    balls: Vec<(Kind, RefCell<Balls<'a>>)>,
    /// The model with definitions of the derivatives in its claims, none of which uses a promise.
    derived: Option<&'a Model>,
    given: Vec<&'a Given>,
    /// Roughly how many nodes one pass through the model by dual numbers visits.
    pass_work: usize,
}

impl<'a> Judge<'a> {
    /// Of a large model the derivatives are those by the rules, where some of them were held to dual numbers.
    pub fn new(reader: &Reader<'a>, claim: &Claim, places: &'a [Place], given: &[&'a Given]) -> Judge<'a> {
        let totals = places.iter().map(|place| (place.kind, Totals::new(reader.model, &place.values))).collect();
        let names = claimed_derivatives(std::slice::from_ref(claim));
        let are_tabulated =
            places.first().is_some_and(|place| names.iter().all(|name| place.values.contains_key(name)));
        let model = reader.derived.filter(|_| reader.is_large() && are_tabulated).unwrap_or(reader.model);
        let at = |place: &'a Place| Balls::at(model, &place.values, place.finer.clone());
        let balls = places.iter().map(|place| (place.kind, RefCell::new(at(place)))).collect();
        let (derived, given) = (reader.derived, given.to_vec());
        Judge { model: reader.model, places, totals, balls, derived, given, pass_work: reader.work }
    }

    /// Roughly how many nodes were visited so far.
    pub fn work(&self) -> usize {
        let own = |totals: &Totals| {
            let (passes, bodies) = totals.work();
            passes.saturating_mul(self.pass_work).saturating_add(bodies.saturating_mul(NODES_IN_BODY))
        };
        self.totals.iter().map(|(_, totals)| own(totals)).fold(0, usize::saturating_add)
    }

    /// Compares a line with the one above it.
    pub fn compare(&self, above: &Term, line: &Term, indices: &[Index]) -> Judgement {
        let found = self.at_points(above, line, indices);
        if matches!(found, Judgement::Different(_)) {
            return found;
        }
        match self.are_equal_exactly(above, line, indices) {
            Verdict::Equal if self.reads_integers(&[above, line]) => Judgement::EqualInOrders { integers: true },
            Verdict::Equal => Judgement::Equal(Shown::Exactly),
            Verdict::EqualInOrders => Judgement::EqualInOrders { integers: self.reads_integers(&[above, line]) },
            Verdict::Different | Verdict::Unknown | Verdict::TooLong => found,
        }
    }

    /// Whether lines depend on integers that are given, of which exact arithmetic looks at a few.
    fn reads_integers(&self, lines: &[&Term]) -> bool {
        let is_integer = |name: &Name| self.model.tensor(name).is_some_and(|own| integers_below(own).is_some());
        let read = lines.iter().flat_map(|line| needed(self.model, line));
        read.flat_map(|name| reached(self.model, &name)).any(|name| is_integer(&name))
    }

    /// Compares two lines at the points only: entries that seem different as doubles come first.
    pub fn at_points(&self, above: &Term, line: &Term, indices: &[Index]) -> Judgement {
        let entries = self.entries(above, line, indices);
        let looks = self.in_doubles(above, line, indices, &entries);
        let mut order: Vec<usize> = (0..self.balls.len()).collect();
        order.sort_by_key(|place| looks[*place].suspects.is_empty());
        let (mut points, mut open, mut bits) = (0, 0, None);
        let mut found: Option<Difference> = None;
        let (mut agree_somewhere, mut differ_plainly, mut work, mut suspects) = (false, false, 0usize, 0);
        // What is equal at 0 only, and not known elsewhere, is not known to be equal.
        let (mut agree_plainly, mut plainly_open) = (false, false);
        for place in order {
            let (kind, balls) = &self.balls[place];
            let (mut is_compared, mut is_open) = (false, false);
            let mut balls = balls.borrow_mut();
            let is_suspect = |entry: &usize| looks[place].suspects.contains(entry);
            let few = if points == 0 { ENTRIES_AT_FIRST } else { ENTRIES };
            let mut numbers: Vec<usize> = looks[place].suspects.clone();
            numbers.extend((0..entries.len().min(few)).filter(|entry| !is_suspect(entry)));
            for number in numbers {
                let counts = is_suspect(&number) && suspects < MOST_SUSPECTS;
                let is_first = found.is_none() && (counts || points == 0 && !is_compared);
                let most = if is_first { MOST_SINGLE_WORK } else { MOST_COMPARED_WORK };
                if work > MOST_COMPARED_WORK && !is_first || work > 2 * MOST_SINGLE_WORK {
                    break;
                }
                suspects += usize::from(is_suspect(&number));
                let entry = &entries[number];
                let at: Vec<(Index, usize)> = indices.iter().cloned().zip(entry.iter().copied()).collect();
                let before = balls.work();
                let sides = balls.compare([above, line], &at, Sought::CLAIM, most);
                work += balls.work() - before;
                let (first, second) = match sides {
                    Sides::Equal => {
                        is_compared = true;
                        agree_somewhere |= !kind.is_special();
                        agree_plainly |= kind.is_plain();
                        continue;
                    }
                    Sides::Different(first, second) => (first, second),
                    // Where numbers are special a pole may cancel; elsewhere the line must have a value too.
                    Sides::SecondOutside(first) => (first, f64::NAN),
                    Sides::SecondUndefined(first) if kind.is_plain() || *kind == Kind::Scaled => (first, f64::NAN),
                    Sides::FirstUndefined | Sides::SecondUndefined(_) => continue,
                    Sides::Undecided(own) => {
                        (is_open, bits) = (true, Some(own));
                        continue;
                    }
                    Sides::TooLong => {
                        is_open = true;
                        continue;
                    }
                };
                is_compared = true;
                differ_plainly |= !kind.is_special();
                let (entry, at) = (entry.clone(), *kind);
                found.get_or_insert(Difference { entry, above: first, value: second, at, only_special: false });
                break;
            }
            points += usize::from(is_compared && !is_open);
            open += usize::from(is_open);
            plainly_open |= is_open && kind.is_plain();
        }
        match found {
            Some(difference) => {
                Judgement::Different(Difference { only_special: agree_somewhere && !differ_plainly, ..difference })
            }
            None if points > 0 && (agree_plainly || !plainly_open) => {
                Judgement::Equal(Shown::AtPoints { points, undecided: open })
            }
            None if open > 0 && bits.is_none() => self.as_doubles_tell(looks, &entries),
            None if open > 0 => Judgement::Undecided(bits),
            None => Judgement::Undefined,
        }
    }

    /// What doubles tell, in a model that is too large for more bits.
    fn as_doubles_tell(&self, looks: Vec<Look>, entries: &[Vec<usize>]) -> Judgement {
        for (look, (kind, _)) in looks.iter().zip(&self.balls) {
            if let Some((number, above, value)) = look.plain {
                let (entry, at) = (entries[number].clone(), *kind);
                return Judgement::Different(Difference { entry, above, value, at, only_special: false });
            }
        }
        match looks.iter().filter(|look| look.is_compared).count() {
            0 => Judgement::Undecided(None),
            _ if looks.iter().any(|look| !look.suspects.is_empty()) => Judgement::Undecided(None),
            points => Judgement::Equal(Shown::InDoubles(points)),
        }
    }

    /// The values of two lines as doubles at all points, as far as the work allows.
    fn in_doubles(&self, above: &Term, line: &Term, indices: &[Index], entries: &[Vec<usize>]) -> Vec<Look> {
        let magnitudes = [above, line].map(magnitude);
        let mut looks: Vec<Look> = Vec::with_capacity(self.totals.len());
        // Every point gets its share.
        let share = MOST_GUESSED_WORK / self.totals.len().max(1);
        for (_, totals) in &self.totals {
            let before = self.work();
            let mut look = Look { suspects: Vec::new(), plain: None, is_compared: false };
            for (number, entry) in entries.iter().enumerate() {
                if self.work() - before > share {
                    break;
                }
                let at: Vec<(Index, usize)> = indices.iter().cloned().zip(entry.iter().copied()).collect();
                let value = |term: &Term| totals.evaluate(term, &at).unwrap_or(f64::NAN);
                let (first, second) = (value(above), value(line));
                if !first.is_finite() {
                    continue;
                }
                look.is_compared = true;
                let sizes = magnitudes.iter().map(value).filter(|size| size.is_finite());
                let size = sizes.fold(first.abs().max(second.abs()).max(1e-3), f64::max);
                let error = (first - second).abs() / size;
                if error.is_nan() || error > TOLERANCE {
                    look.suspects.push(number);
                }
                if error > PLAIN {
                    look.plain.get_or_insert((number, first, second));
                }
            }
            looks.push(look);
        }
        looks
    }

    /// Whether two lines are equal, in less time.
    pub fn holds(&self, above: &Term, line: &Term, indices: &[Index]) -> bool {
        if self.passes(line).saturating_mul(self.pass_work) > MOST_GUESSED_WORK {
            return false;
        }
        // Most guesses fail at the first entry of the first point.
        if let (Some((_, totals)), true) = (self.totals.first(), indices.iter().all(|index| index.extent.value() > 0)) {
            let at: Vec<(Index, usize)> = indices.iter().cloned().map(|index| (index, 0)).collect();
            let value = |term: &Term| totals.evaluate(term, &at).unwrap_or(f64::NAN);
            let (first, second) = (value(above), value(line));
            let size = value(&magnitude(above)).max(value(&magnitude(line))).max(1e-3);
            if (first - second).abs() > TOLERANCE * size || !second.is_finite() && first.is_finite() {
                return false;
            }
        }
        matches!(self.compare(above, line, indices), Judgement::Equal(_) | Judgement::EqualInOrders { .. })
    }

    /// Whether two lines are equal in exact arithmetic, whatever the order of what they compare and the integers that
    /// are given.
    pub fn holds_exactly(&self, above: &Term, line: &Term, indices: &[Index]) -> bool {
        !self.reads_integers(&[above, line]) && self.are_equal_exactly(above, line, indices) == Verdict::Equal
    }

    /// How many passes by dual numbers an entry of a term may take.
    fn passes(&self, term: &Term) -> usize {
        let is_tabulated = |name| self.places.first().is_some_and(|place| place.values.contains_key(name));
        let own = match term.node() {
            Node::Read { tensor, .. } => usize::from(derivative_parts(tensor).is_some() && !is_tabulated(tensor)),
            _ => 0,
        };
        let inner = term.children().iter().map(|child| self.passes(child)).fold(own, usize::saturating_add);
        let range = term.open().map_or(1, |opened| opened.indices.iter().map(|index| index.extent.value()).product());
        inner.saturating_mul(range)
    }

    /// The ratio of a line to the one above where that is the same number at all entries and points.
    pub fn ratio(&self, above: &Term, line: &Term, indices: &[Index]) -> Option<f64> {
        let mut ratio: Option<f64> = None;
        for (_, totals) in self.totals.iter().filter(|(kind, _)| !kind.is_special() && *kind != Kind::Large) {
            for entry in self.entries(above, line, indices) {
                if ratio.is_some() && self.work() > MOST_GUESSED_WORK {
                    break;
                }
                let at: Vec<(Index, usize)> = indices.iter().cloned().zip(entry).collect();
                let (first, second) = (totals.evaluate(above, &at).ok()?, totals.evaluate(line, &at).ok()?);
                if first.abs() < 1e-9 && second.abs() < 1e-9 || !first.is_finite() || !second.is_finite() {
                    continue;
                }
                let own = second / first;
                if ratio.is_some_and(|ratio| (ratio - own).abs() > 1e-7 * own.abs()) || !own.is_finite() {
                    return None;
                }
                ratio = Some(own);
            }
        }
        ratio.filter(|ratio| *ratio != 0.0)
    }

    /// The entries at which two lines are compared, those that their conditions single out first.
    fn entries(&self, above: &Term, line: &Term, indices: &[Index]) -> Vec<Vec<usize>> {
        entries(self.derived.unwrap_or(self.model), [above, line], indices)
    }

    fn are_equal_exactly(&self, above: &Term, line: &Term, indices: &[Index]) -> Verdict {
        let Some(model) = self.derived else {
            return if above == line { Verdict::Equal } else { Verdict::Unknown };
        };
        let given: Vec<(&[Index], &Term)> =
            self.given.iter().map(|given| (given.indices.as_slice(), &given.condition)).collect();
        let all = self.entries(above, line, indices);
        let compared = |expands: Expansion, entries: &[Vec<usize>]| {
            let exact = Exact { model, expands, given: given.clone(), most_work: MOST_WORK };
            exact.compare(above, line, indices, entries)
        };
        let verdict = |entries: &[Vec<usize>]| match compared(Expansion::Derivatives, entries) {
            found @ (Verdict::Equal | Verdict::EqualInOrders) => found,
            _ => compared(Expansion::All, entries),
        };
        let fewer = FEW_ENTRIES.into_iter().filter(|few| *few < all.len()).map(|few| &all[..few]);
        let all_and_fewer = std::iter::once(all.as_slice()).chain(fewer);
        all_and_fewer.map(verdict).find(|found| *found != Verdict::TooLong).unwrap_or(Verdict::TooLong)
    }
}

/// The model with definitions for all derivatives in its claims, by the rules but without promises; `None`
/// where a rule is missing.
pub(super) fn with_claimed_derivatives(model: &Model, written: &[Name]) -> Option<Model> {
    let mut names = claimed_derivatives(&model.claims);
    names.extend(written.iter().cloned());
    names.sort();
    names.dedup();
    defining(model, &names)
}

/// The model with definitions for these derivatives, by the rules but without promises; `None` where a rule is
/// missing.
pub(super) fn defining(model: &Model, names: &[Name]) -> Option<Model> {
    let body = Term::add(names.iter().map(|name| Term::read(name, Vec::new())).collect());
    let role = Role::Defined(Definition { indices: Vec::new(), body });
    let asking = Tensor::new("claims", Vec::new(), role, false, Span::default());
    // Rows need not sum to one, but domains and structures say what a tensor is.
    let mut unpromised = model.clone();
    unpromised.assumptions.retain(|assumption| !matches!(assumption, Assumption::SumsToOne(_)));
    let mut derived = with_derivatives(&unpromised.extended([asking])).ok()?;
    derived.tensors = derived.tensors.iter().filter(|tensor| &*tensor.name != "claims").cloned().collect();
    Some(derived)
}

/// The derivatives that claims read.
pub(super) fn claimed_derivatives(claims: &[Claim]) -> Vec<Name> {
    let mut names = in_claims(claims, &|term| term.tensors().into_iter().collect());
    names.retain(|name| derivative_parts(name).is_some());
    names
}

/// All tensors whose values the claims of a model need.
pub(super) fn needed_by_claims(model: &Model) -> Vec<Name> {
    in_claims(&model.claims, &|term| needed(model, term))
}

/// All tensors whose values a claim needs.
pub(super) fn needed_by(model: &Model, claim: &Claim) -> Vec<Name> {
    in_claims(std::slice::from_ref(claim), &|term| needed(model, term))
}

fn in_claims(claims: &[Claim], names: &dyn Fn(&Term) -> Vec<Name>) -> Vec<Name> {
    let lines = claims.iter().flat_map(|claim| &claim.lines);
    let terms = lines.flat_map(|line| line.value.iter().chain(line.given.iter().map(|given| &given.condition)));
    let mut names: Vec<Name> = terms.flat_map(names).collect();
    names.sort();
    names.dedup();
    names
}

/// A model in which evaluating what claims need takes more work than this is large.
const LARGE: usize = 50_000;
/// A derivative with more entries than this is not tabulated.
const MOST_ENTRIES: usize = 20_000;

/// Tabulates the derivatives in a claim of a large model at points of it, by the rules, since a pass by dual
/// numbers for each entry would take minutes. Of each some entries are held to dual numbers, and it is left out
/// where they differ.
pub(super) fn tabulate(reader: &Reader, claim: &Claim, places: &mut [Place]) {
    let Some(derived) = reader.derived.filter(|_| reader.is_large()) else { return };
    let is_short = |name: &Name| derived.tensor(name).is_some_and(|tensor| tensor.len() <= MOST_ENTRIES);
    let names = claimed_derivatives(std::slice::from_ref(claim));
    let written = reader.written.iter().filter(|name| !names.contains(name)).cloned();
    for name in names.iter().cloned().chain(written).filter(is_short) {
        for (number, place) in places.iter_mut().enumerate() {
            let mut values = place.values.clone();
            if complete(derived, &mut values, std::slice::from_ref(&name)).is_err() {
                continue;
            }
            let Some(table) = values.remove(&name) else { continue };
            if number == 0 && !agrees(reader.model, place, &name, &table) {
                break;
            }
            place.values.insert(name.clone(), table);
        }
    }
}

/// Whether the first and the last entry of a derivative are those by dual numbers.
fn agrees(model: &Model, place: &Place, name: &Name, table: &Array) -> bool {
    let totals = Totals::new(model, &place.values);
    [0, table.values.len() - 1].into_iter().all(|flat| {
        let mut rest = flat;
        let mut at: Vec<Term> = Vec::with_capacity(table.shape.len());
        for extent in table.shape.iter().rev() {
            at.insert(0, Term::integer((rest % extent) as i64));
            rest /= extent;
        }
        let expected = totals.evaluate(&Term::read(name, at), &[]).unwrap_or(f64::NAN);
        (expected - table.values[flat]).abs() <= TOLERANCE * expected.abs().max(1.0)
    })
}

impl Reader<'_> {
    /// Whether the model is so large that work must be saved.
    pub fn is_large(&self) -> bool {
        self.work > LARGE
    }
}
