//! Proof-reading: whether the lines of claims follow from each other, and what slip was made where one does
//! not.
//!
//! A line is held to the one above it by exact arithmetic, and at points as balls: numbers of many bits with a bound of
//! their error, derivatives by dual numbers of them. A slip is found by undoing it: changes of the text are tried, and one
//! that makes the line right is the diagnosis.

mod diagnosis;
mod entries;
mod judge;
mod nested;
mod points;
mod sizes;
mod slips;
mod thresholds;
mod trials;
mod written;

pub use judge::{Difference, Shown};
pub use points::Kind;
pub use sizes::{at_all_sizes, other_sizes};
pub use slips::Slip;

use crate::derivation::evaluation_work;
use crate::model::{Claim, Given, Model};
use crate::term::{Index, Name, Term};
use crate::text::{Problem, Source, Span};
use judge::{Judge, Judgement, needed_by, needed_by_claims, tabulate, with_claimed_derivatives};
use points::{Place, places};
use thresholds::{Further, Points};
use written::derivatives_of_misfits;

/// What was found of a claim.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The claim.
    pub span: Span,
    /// Of the blocks around it, the counters and their values.
    pub counters: Vec<(Name, i64)>,
    /// The lines that follow from those above them, up to the first that does not.
    pub lines: Vec<Line>,
    /// The first line that does not follow.
    pub wrong: Option<Wrong>,
}

/// A line that equals the one above it.
#[derive(Debug, Clone)]
pub struct Line {
    /// The expression.
    pub span: Span,
    /// How that was shown.
    pub shown: Shown,
    /// The conditions under which it holds.
    pub given: Vec<Span>,
}

/// A line that does not follow from the one above it.
#[derive(Debug, Clone)]
pub struct Wrong {
    /// The expression.
    pub span: Span,
    /// What slip was made, where one was found that mends it.
    pub slip: Option<Slip>,
    /// The line as it should be, which was found to be right.
    pub mended: Option<String>,
    /// Where the lines differ, if both have values.
    pub difference: Option<Difference>,
    /// Whether nothing wrong was found, but nothing right either: so many bits do not decide.
    pub is_undecided: bool,
    /// All of it for a reader.
    pub problem: Problem,
}

/// Proof-reads all claims of a model that was built from the source. `uniform` gives numbers in -1..1.
pub fn prove(source: &Source, model: &Model, uniform: &mut dyn FnMut() -> f64) -> Vec<Proof> {
    let deeper = nested::with_inner_derivatives(model);
    let model = deeper.as_ref().unwrap_or(model);
    let written = derivatives_of_misfits(source, model);
    let derived = with_claimed_derivatives(model, &written);
    let work = evaluation_work(model, &needed_by_claims(model));
    let reader = Reader { source, model, written, derived: derived.as_ref(), work };
    let mut proofs: Vec<Proof> = Vec::with_capacity(model.claims.len());
    for claim in &model.claims {
        // A claim of a block is told about once.
        let is_told = |proof: &Proof| proof.span == claim.span && proof.wrong.is_some();
        if !proofs.iter().any(is_told) {
            proofs.push(reader.read(claim, uniform));
        }
    }
    proofs
}

struct Reader<'a> {
    source: &'a Source,
    model: &'a Model,
    /// The derivatives in lines whose indices cannot be right.
    written: Vec<Name>,
    derived: Option<&'a Model>,
    /// Roughly how many nodes are visited to evaluate what the claims need.
    work: usize,
}

/// What was found of a line.
enum Found {
    Follows(Shown),
    Differs(Difference),
    /// Its indices cannot be right.
    Misfit,
    Undefined,
    /// So many bits do not tell anywhere whether it follows; `None` where it would take too long.
    Undecided(Option<usize>),
    /// No point was found at which this condition holds.
    Unmet(Span),
}

impl Reader<'_> {
    fn read(&self, claim: &Claim, uniform: &mut dyn FnMut() -> f64) -> Proof {
        let mut proof = Proof { span: claim.span, counters: claim.counters.clone(), lines: Vec::new(), wrong: None };
        if claim.lines[0].value.is_err() {
            proof.wrong = Some(self.diagnose(claim, 0, Found::Misfit, uniform));
            return proof;
        }
        for line in 1..claim.lines.len() {
            let given = given_for(claim, line);
            match self.follows(claim, line, &given, uniform) {
                Found::Follows(shown) => {
                    let given = given.iter().map(|given| given.span).collect();
                    proof.lines.push(Line { span: claim.lines[line].span, shown, given });
                }
                found => {
                    proof.wrong = Some(self.diagnose(claim, line, found, uniform));
                    return proof;
                }
            }
        }
        proof
    }

    fn follows(&self, claim: &Claim, line: usize, given: &[&Given], uniform: &mut dyn FnMut() -> f64) -> Found {
        let (Ok(above), Ok(value)) = (&claim.lines[line - 1].value, &claim.lines[line].value) else {
            return Found::Misfit;
        };
        let places = match self.places(claim, given, &Kind::ALL, uniform) {
            Ok(places) => places,
            Err(given) => return given.map_or(Found::Undefined, |given| Found::Unmet(given.span)),
        };
        let mut judgement = Judge::new(self, claim, &places, given).compare(above, value, &claim.indices);
        let (mut points, mut knows_integers) = (places.len(), false);
        if judgement.needs_further_points() && !self.is_large() {
            let wanted = needed_by(self.model, claim);
            let further = Further { model: self.model, wanted: &wanted, given, before: &places };
            let further = self.further(claim, further, [above, value], uniform);
            let own = Judge::new(self, claim, &further.places, given).at_points(above, value, &claim.indices);
            judgement = judgement.and(own);
            points += further.places.len();
            knows_integers = further.knows_integers;
        }
        match judgement {
            Judgement::Equal(shown) => Found::Follows(shown),
            Judgement::EqualInOrders { integers } if integers && !knows_integers => {
                Found::Follows(Shown::AtPoints { points, undecided: 0 })
            }
            Judgement::EqualInOrders { .. } => Found::Follows(Shown::Exactly),
            Judgement::Different(difference) => Found::Differs(difference),
            Judgement::Undefined => Found::Undefined,
            Judgement::Undecided(bits) => Found::Undecided(bits),
        }
    }

    /// Points of these kinds that obey the conditions.
    fn places<'g>(
        &self,
        claim: &Claim,
        given: &[&'g Given],
        kinds: &[Kind],
        uniform: &mut dyn FnMut() -> f64,
    ) -> Result<Vec<Place>, Option<&'g Given>> {
        let mut places = places(self.model, &needed_by(self.model, claim), given, kinds, uniform)?;
        tabulate(self, claim, &mut places);
        Ok(places)
    }

    /// Points that come from two lines: from their constants, and both sides of their conditions.
    fn further(&self, claim: &Claim, further: Further, lines: [&Term; 2], uniform: &mut dyn FnMut() -> f64) -> Points {
        let extents: Vec<usize> = claim.indices.iter().map(|index| index.extent.value()).collect();
        let at = |position: Vec<usize>| -> Vec<(Index, Term)> {
            let values = position.into_iter().map(|value| Term::integer(value as i64));
            claim.indices.iter().cloned().zip(values).collect()
        };
        let entries: Vec<_> = thresholds::positions(&extents).into_iter().map(at).collect();
        let lines: Vec<Term> = entries.iter().flat_map(|at| lines.map(|line| line.substitute_terms(at))).collect();
        further.places(&lines, uniform)
    }

    /// Asks a judge with points of these kinds that obey the conditions.
    fn judged<'g, T>(
        &self,
        claim: &Claim,
        given: &[&'g Given],
        kinds: &[Kind],
        uniform: &mut dyn FnMut() -> f64,
        ask: impl FnOnce(&Judge) -> T,
    ) -> Result<T, Option<&'g Given>> {
        let places = self.places(claim, given, kinds, uniform)?;
        Ok(ask(&Judge::new(self, claim, &places, given)))
    }
}

/// The conditions that hold on a line: its own and those of the lines above it.
fn given_for(claim: &Claim, line: usize) -> Vec<&Given> {
    claim.lines[..=line].iter().filter_map(|line| line.given.as_ref()).collect()
}
