//! A line that is wrong: which slip was made, and what is told of it.

use super::judge::{Judge, Judgement, needed_by, tabulate};
use super::points::{Kind, places};
use super::slips::{Line, Mend, Slip};
use super::thresholds::Further;
use super::trials::Edits;
use super::written::{claim_at, edited, flat, text_of};
use super::{Difference, Found, Reader, Wrong, given_for};
use crate::derivation::evaluation_work;
use crate::derivation::points::upstream;
use crate::model::{Claim, Role, TargetKind, Tensor, derivative_parts};
use crate::page;
use crate::syntax::{parse, tree};
use crate::term::{Name, Node};
use crate::text::{Problem, Span};
use std::collections::BTreeSet;

/// So many changes that hold at the points of a claim are tried at further points too.
const MOST_FOLLOWED: usize = 24;
/// More changes than this are not tried.
const MOST_TRIALS: usize = 3000;
/// Nor is any further one after so much work, in nodes that are evaluated: about a second.
const MOST_TRIAL_WORK: usize = 20_000_000;
/// So many of them are read at once.
const AT_ONCE: usize = 64;

impl Reader<'_> {
    /// Finds the slip and tells about it.
    pub(super) fn diagnose(&self, claim: &Claim, line: usize, found: Found, uniform: &mut dyn FnMut() -> f64) -> Wrong {
        let span = claim.lines[line].span;
        let told =
            |slip, mended, difference, problem| Wrong { span, slip, mended, difference, is_undecided: false, problem };
        let difference = match &found {
            Found::Differs(difference) => Some(difference.clone()),
            Found::Undefined => return told(None, None, None, undefined(claim, line)),
            Found::Unmet(given) => return told(None, None, None, self.unmet(*given)),
            Found::Undecided(bits) => {
                return Wrong { is_undecided: true, ..told(None, None, None, undecided(claim, line, *bits)) };
            }
            Found::Follows(_) | Found::Misfit => None,
        };
        let at_kink = difference.as_ref().is_some_and(|difference| difference.only_special);
        let mended = self.mended(claim, line, at_kink, uniform).or_else(|| self.assumed(claim, line, uniform));
        let Some((mend, text)) = mended else {
            let problem = self.unexplained(claim, line, difference.as_ref());
            return told(None, None, difference, problem);
        };
        let problem = self.explained(claim, line, difference.as_ref(), &mend, &text);
        told(Some(mend.slip), Some(text), difference, problem)
    }

    /// The first change that makes the line right, and the line it makes.
    fn mended(
        &self,
        claim: &Claim,
        line: usize,
        at_kink: bool,
        uniform: &mut dyn FnMut() -> f64,
    ) -> Option<(Mend, String)> {
        let tree = parse(self.source).ok()?;
        let written = claim_at(&tree, claim.span)?;
        let given = given_for(claim, line);
        // A factor that is missing may be any tensor.
        let wanted: Vec<Name> = self.model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
        let mut points = places(self.model, &wanted, &given, &Kind::ALL, uniform).ok()?;
        let first = line.saturating_sub(1);
        tabulate(self, claim, &mut points);
        let judge = Judge::new(self, claim, &points, &given);
        let holds = |claim: &Claim| match (&claim.lines[first].value, &claim.lines[first + 1].value) {
            (Ok(above), Ok(below)) => judge.holds(above, below, &claim.indices),
            _ => false,
        };
        // What mends a line must also hold at points that come from it.
        let mut holds_further = |claim: &Claim| match (&claim.lines[first].value, &claim.lines[first + 1].value) {
            (Ok(above), Ok(below)) if !self.is_large() && !judge.holds_exactly(above, below, &claim.indices) => {
                let further = Further { model: self.model, wanted: &wanted, given: &given, before: &points };
                let further = self.further(claim, further, [above, below], uniform);
                let judge = Judge::new(self, claim, &further.places, &given);
                !matches!(judge.at_points(above, below, &claim.indices), Judgement::Different(_))
            }
            _ => true,
        };
        let mut followed = 0;
        let mut mends = self.line(claim, written, line, &judge).mends(at_kink);
        mends.truncate(MOST_TRIALS);
        for several in mends.chunks(AT_ONCE) {
            if judge.work() > MOST_TRIAL_WORK {
                break;
            }
            let changes: Vec<&Edits> = several.iter().map(|mend| mend.edits.as_slice()).collect();
            for (mend, rounds) in several.iter().zip(self.changed(claim, &changes)) {
                // In a block the line must be right in every round.
                let own = rounds.iter().find(|round| round.counters == claim.counters);
                if !(own.is_some_and(holds) && rounds.iter().all(holds)) {
                    continue;
                }
                followed += 1;
                if followed > MOST_FOLLOWED {
                    return None;
                }
                if rounds.iter().all(&mut holds_further) {
                    let is_above = mend.edits.iter().all(|(span, _)| claim.lines[first].span.end >= span.end);
                    let within = claim.lines[if is_above { first } else { line }].span;
                    let text = flat(&edited(&self.source.text, within, &mend.edits));
                    return Some((mend.clone(), text));
                }
            }
        }
        None
    }

    fn line<'l>(&'l self, claim: &'l Claim, written: &'l tree::Claim, line: usize, judge: &Judge) -> Line<'l> {
        let other = if line == 0 { 1 } else { line - 1 };
        let stray = match &claim.lines[line].value {
            Err(misfit) => match &misfit.kind {
                crate::model::MisfitKind::Stray(letters) => letters.iter().map(|letter| &**letter).collect(),
                crate::model::MisfitKind::Ranges => Vec::new(),
            },
            Ok(_) => Vec::new(),
        };
        let ratio = match (&claim.lines[other].value, &claim.lines[line].value) {
            (Ok(above), Ok(value)) => judge.ratio(above, value, &claim.indices),
            _ => None,
        };
        Line {
            source: &self.source.text,
            model: self.model,
            expr: &written.lines[line].value,
            other: &written.lines[other].value,
            other_is_first: other == 0,
            free: claim.indices.iter().map(|index| &*index.letter).collect(),
            stray,
            ratio,
            is_large: self.is_large(),
        }
    }

    /// The assumption under which the line is right, and the line with it.
    fn assumed(&self, claim: &Claim, line: usize, uniform: &mut dyn FnMut() -> f64) -> Option<(Mend, String)> {
        let own = &claim.lines[line];
        own.value.as_ref().ok()?;
        let end = own.given.as_ref().map_or(own.span.end, |given| given.span.end);
        let word = if own.given.is_some() { "and" } else { "given" };
        let mut mends = Vec::new();
        let needed = needed_by(self.model, claim);
        let most = MOST_TRIAL_WORK / evaluation_work(self.model, &needed).max(1);
        let given: BTreeSet<Name> = needed.iter().flat_map(|name| upstream(self.model, name)).collect();
        for (condition, promised) in self.possible_assumptions(&given).into_iter().take(most.max(1)) {
            let what = match promised {
                Some(promise) => {
                    format!("it needs `{condition}`, which `{promise}` promises, but a claim must state")
                }
                None => format!("it needs `{condition}`, which is stated nowhere"),
            };
            let edits = vec![(Span { start: end, end }, format!(" {word} {condition}"))];
            mends.push(Mend { slip: Slip::Assumption, what, at: own.span, edits });
        }
        let changes: Vec<&Edits> = mends.iter().map(|mend| mend.edits.as_slice()).collect();
        let mut followed = 0;
        for (mend, rounds) in mends.iter().zip(self.changed(claim, &changes)) {
            let Some(changed) = rounds.iter().find(|round| round.counters == claim.counters) else { continue };
            let (Ok(above), Ok(value)) = (&changed.lines[line - 1].value, &changed.lines[line].value) else { continue };
            let given = given_for(changed, line);
            // Most conditions do not help, which one point tells; where none but special points obey one, it is too
            // much to ask.
            let mut holds_at = |kinds: &[Kind]| {
                let holds = |judge: &Judge| judge.holds(above, value, &changed.indices);
                self.judged(changed, &given, kinds, uniform, holds).is_ok_and(|holds| holds)
            };
            if !(holds_at(&[Kind::Random]) && holds_at(&Kind::ALL)) {
                continue;
            }
            // Of a line that is wrong only at few points nearly every condition seems to help.
            followed += 1;
            if followed > MOST_FOLLOWED {
                return None;
            }
            if matches!(self.follows(changed, line, &given, uniform), Found::Follows(_)) {
                let whole = Span { start: own.span.start, end };
                let text = flat(&edited(&self.source.text, whole, &mend.edits));
                return Some((mend.clone(), text));
            }
        }
        None
    }

    /// Conditions on what is given that lines often need, those that declarations promise first, with the promise.
    fn possible_assumptions(&self, given: &BTreeSet<Name>) -> Vec<(String, Option<String>)> {
        let mut found: Vec<(String, Option<String>)> = Vec::new();
        let given: Vec<&Tensor> = self.model.tensors.iter().filter(|tensor| given.contains(&tensor.name)).collect();
        let promises = |tensor: &Tensor| match tensor.role {
            Role::Target(TargetKind::OneHot) => Some(format!("target {}{:?} onehot", tensor.name, tensor.shape)),
            Role::Target(TargetKind::Probability) => {
                Some(format!("target {}{:?} probability", tensor.name, tensor.shape))
            }
            _ => None,
        };
        for tensor in given.iter().filter(|tensor| promises(tensor).is_some()) {
            let promise = promises(tensor);
            found.push((sums_to_one(tensor), promise.clone()));
            if matches!(tensor.role, Role::Target(TargetKind::OneHot)) {
                let entry = entry(tensor);
                found.push((format!("{entry}^2 = {entry}"), promise.clone()));
                found.push((format!("{} and {entry}^2 = {entry}", sums_to_one(tensor)), promise));
            }
        }
        let is_target = |tensor: &&&Tensor| matches!(tensor.role, Role::Target(TargetKind::Real));
        let (targets, others): (Vec<&Tensor>, Vec<&Tensor>) = given.iter().partition(|tensor| is_target(tensor));
        for tensor in targets.into_iter().chain(others).take(24) {
            if let [.., before, last] = tensor.shape.as_slice()
                && before == last
                && tensor.shape.len() == 2
            {
                found.push((format!("{0}[i,j] = {0}[j,i]", tensor.name), None));
            }
            if !tensor.shape.is_empty() && promises(tensor).is_none() {
                found.push((sums_to_one(tensor), None));
            }
            let entry = entry(tensor);
            found.push((format!("{entry} > 0"), None));
            if matches!(tensor.role, Role::Target(_)) {
                found.push((format!("{entry}^2 = 1"), None));
            }
        }
        found
    }

    fn explained(
        &self,
        claim: &Claim,
        line: usize,
        difference: Option<&Difference>,
        mend: &Mend,
        mended: &str,
    ) -> Problem {
        let own = claim.lines[line].span;
        let short = mend.what.split(", which `").next().unwrap_or(&mend.what);
        let short = short.trim_start_matches("the free indices differ: ");
        let mut problem = match difference {
            Some(difference) if difference.only_special => Problem::new(
                format!("this line equals the one above it except at a kink: {}", mend.what),
                mend.at,
                short,
            ),
            _ => Problem::new(format!("this line does not equal the one above it: {}", mend.what), mend.at, short),
        };
        if line == 0 {
            problem.message = problem.message.replace("the one above it", "the one below it");
        }
        problem = self.with_values(problem, claim, line, difference);
        if difference.is_none()
            && let Err(misfit) = &claim.lines[line].value
        {
            problem.labels.extend(misfit.problem.labels.iter().filter(|label| label.span != mend.at).cloned());
        }
        let is_above = !(own.start <= mend.at.start && mend.at.end <= own.end) && line > 0;
        let hint = match (mend.slip, is_above) {
            (Slip::Assumption, _) => format!("state it, and the line is right: `= {mended}`"),
            (_, true) => format!("the line above should be `{mended}`; then this line equals it"),
            (_, false) if line == 0 => format!("mended, it equals the line below: `{mended}`"),
            (_, false) => format!("mended, it equals the line above: `= {mended}`"),
        };
        problem.hint(hint)
    }

    fn unexplained(&self, claim: &Claim, line: usize, difference: Option<&Difference>) -> Problem {
        let own = &claim.lines[line];
        let problem = match &own.value {
            Err(misfit) => misfit.problem.clone(),
            Ok(_) => {
                let problem = Problem::new("this line does not equal the one above it", own.span, "");
                self.with_values(problem, claim, line, difference)
            }
        };
        let problem = problem.hint("no single slip was found that mends it");
        match self.answered(claim, line) {
            Some(text) => problem.hint(format!("by the rules the line above is `{text}`")),
            None => problem,
        }
    }

    /// The line above with the derivatives in it answered, where there are any.
    fn answered(&self, claim: &Claim, line: usize) -> Option<String> {
        let above = claim.lines[line.checked_sub(1)?].value.as_ref().ok()?;
        let derived = self.derived?;
        let Node::Read { tensor, subscripts } = above.node() else { return None };
        derivative_parts(tensor)?;
        let answer = derived.definition(tensor)?.at(subscripts)?;
        Some(page::text(&page::index::term(derived, &claim.indices, &answer)))
    }

    /// Adds both values and where they are found.
    fn with_values(
        &self,
        mut problem: Problem,
        claim: &Claim,
        line: usize,
        difference: Option<&Difference>,
    ) -> Problem {
        let Some(Difference { entry, above, value, at, .. }) = difference else { return problem };
        let letters = claim.indices.iter().zip(entry).map(|(index, value)| format!("{} = {value}", index.letter));
        let letters: Vec<String> = letters.collect();
        let counters = claim.counters.iter().map(|(name, value)| format!("{name} = {value}"));
        let all: Vec<String> = counters.chain(letters).collect();
        let place =
            if all.is_empty() { at.words().to_string() } else { format!("for {}, {}", all.join(", "), at.words()) };
        let text = format!("{} {place}", number(*value));
        let own = claim.lines[line].span;
        match problem.labels.iter_mut().find(|label| label.span == own) {
            Some(label) if label.text.is_empty() => label.text = text,
            Some(label) => label.text = format!("{}; {text}", label.text),
            None => problem = problem.label(own, text),
        }
        problem.label(claim.lines[line - 1].span, format!("{} there", number(*above)))
    }

    fn unmet(&self, given: Span) -> Problem {
        let condition = text_of(&self.source.text, given);
        let message = "no point was found at which this condition holds";
        let problem = Problem::new(message, given, "so nothing could be compared under it");
        problem.hint(format!("if `{condition}` can hold, say it by equations in what the model is given"))
    }
}

/// That a comparison came to no end.
fn undecided(claim: &Claim, line: usize, bits: Option<usize>) -> Problem {
    let message = match bits {
        Some(bits) => format!("whether this line equals the one above it is not decided: {bits} bits do not tell"),
        None => "whether this line equals the one above it is not decided: that would take too long".into(),
    };
    let problem = Problem::new(message, claim.lines[line].span, "neither shown to be equal nor to be different");
    let problem = problem.label(claim.lines[line - 1].span, "the line above");
    problem.hint("shorter steps between the two lines may be decided")
}

fn undefined(claim: &Claim, line: usize) -> Problem {
    let message = "this line and the one above it have no finite value at any point that was tried";
    let problem = Problem::new(message, claim.lines[line].span, "so nothing could be compared");
    problem.label(claim.lines[line - 1].span, "the line above")
}

/// The condition that the last axis of a tensor sums to one.
fn sums_to_one(tensor: &Tensor) -> String {
    let letters: Vec<&str> = ["i", "j", "l", "m", "n"].into_iter().take(tensor.shape.len() - 1).chain(["k"]).collect();
    format!("sum[k] {}[{}] = 1", tensor.name, letters.join(","))
}

/// An entry of a tensor.
fn entry(tensor: &Tensor) -> String {
    let letters: Vec<&str> = ["i", "j", "k", "l", "m", "n"].into_iter().take(tensor.shape.len()).collect();
    if letters.is_empty() { tensor.name.to_string() } else { format!("{}[{}]", tensor.name, letters.join(",")) }
}

/// A number with as many digits as a reader wants.
fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e6).contains(&size) {
        return format!("{value:.3e}");
    }
    let digits = (4 - size.log10().floor() as i32).clamp(0, 7) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}
