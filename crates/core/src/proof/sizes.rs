//! Claims are about all sizes: other numbers for the named sizes of a model, at which they are read too.

use super::{Proof, Wrong};
use crate::derivation::with_derivatives;
use crate::model::{Model, build_sized, told_sizes};
use crate::syntax::tree::Tree;
use crate::term::{Node, Number, Size, Slot, Term};
use crate::text::{Problem, Source};

/// What sizes are tried first.
const SMALL: [usize; 7] = [2, 3, 5, 4, 1, 7, 6];
/// No size is tried that is greater.
const GREATEST: i64 = 4096;
/// At least at so many other assignments a model is looked at.
const FEWEST: usize = 2;
/// At no more.
const MOST: usize = 12;
/// So many numbers of claims are used.
const MOST_NUMBERS: usize = 12;
/// So many assignments are tried: at some a model may make no sense, as where a window is longer than its input.
const MOST_TRIED: usize = 60;

/// The model of a file for other numbers in the place of its named sizes, as many as polynomials need that are made
/// of those in its lines: those of the models that make sense.
pub fn other_sizes(source: &Source, tree: &Tree, model: &Model) -> Vec<Model> {
    if model.symbols.is_empty() {
        return Vec::new();
    }
    let numbers = numbers(model);
    let wanted = (FEWEST + degree(model)).min(MOST) + numbers.len() * model.symbols.len();
    let mut found: Vec<Model> = Vec::new();
    for values in assignments(model, &numbers) {
        let is_known = |known: &Model| known.symbols.iter().map(|size| size.value).eq(values.iter().copied());
        if is_known(model) || found.iter().any(is_known) {
            continue;
        }
        let numbers: Vec<Size> =
            model.symbols.iter().zip(&values).map(|(size, value)| Size { value: *value, ..size.clone() }).collect();
        let Some(sizing) = model.sizing.at(&numbers, &model.relations) else { continue };
        let other = build_sized(source, tree, &sizing).ok();
        let other = other.filter(|other| other.symbols == model.symbols);
        found.extend(other.and_then(|other| with_derivatives(&other).ok()));
        if found.len() == wanted {
            break;
        }
    }
    found
}

/// Numbers for all sizes: small ones, on both sides of the numbers in the claims one by one, more small ones, and then
/// those beside the numbers at hand, which keep windows inside and quotients whole.
fn assignments(model: &Model, numbers: &[usize]) -> Vec<Vec<usize>> {
    let count = model.symbols.len();
    let at_hand: Vec<usize> = model.symbols.iter().map(|size| size.value).collect();
    let small = |turn: usize| (0..count).map(|place| SMALL[(turn + 2 * place) % SMALL.len()]).collect::<Vec<_>>();
    let with = |base: &[usize], place: usize, value: usize| {
        let mut values = base.to_vec();
        values[place] = value;
        values
    };
    let places = || (0..count).flat_map(|place| numbers.iter().map(move |number| (place, *number)));
    let mut all: Vec<Vec<usize>> = (0..FEWEST).map(small).collect();
    all.extend(places().map(|(place, number)| with(&small(0), place, number)));
    all.extend((FEWEST..SMALL.len()).map(small));
    all.extend(places().map(|(place, number)| with(&at_hand, place, number)));
    for (factor, more) in (1..=3).flat_map(|factor| (0..=3).map(move |more| (factor, more))) {
        all.push(at_hand.iter().map(|value| value * factor + more).collect());
        all.extend((0..count).map(|place| with(&at_hand, place, at_hand[place] * factor + more)));
    }
    all.truncate(MOST_TRIED);
    all
}

/// The lines of claims, with what is given.
fn lines(model: &Model) -> impl Iterator<Item = &Term> {
    let claims = model.claims.iter().flat_map(|claim| &claim.lines);
    claims.flat_map(|line| line.value.iter().chain(line.given.as_ref().map(|given| &given.condition)))
}

/// A bound of the degree in each size of what claims compare: how often sizes stand in the lines and in definitions.
fn degree(model: &Model) -> usize {
    if model.claims.is_empty() {
        return 0;
    }
    let definitions = model.tensors.iter().filter_map(|tensor| tensor.definition()).map(|definition| &definition.body);
    lines(model).chain(definitions).map(sizes_in).sum()
}

fn sizes_in(term: &Term) -> usize {
    let here = match term.node() {
        Node::Affine(form) => form.terms.iter().filter(|(slot, _)| matches!(slot, Slot::Size(_))).count(),
        Node::Reduce { binders, .. } => binders.iter().filter(|binder| binder.extent.form().is_some()).count(),
        Node::Pow(base, exponent) => {
            let power = exponent.as_number().and_then(Number::as_integer).map_or(1, |power| power.unsigned_abs());
            return sizes_in(base) * power.min(MOST as u64) as usize + sizes_in(exponent);
        }
        _ => 0,
    };
    here + term.children().iter().map(sizes_in).sum::<usize>()
}

/// The integers in conditions and subscripts of the claims, and those beside them, as far as they could be sizes.
fn numbers(model: &Model) -> Vec<usize> {
    let mut found = Vec::new();
    lines(model).for_each(|line| collect_numbers(line, false, &mut found));
    let beside = found.iter().flat_map(|number| [number - 1, *number, number + 1]);
    let mut all: Vec<usize> = beside.filter(|n| (1..=GREATEST).contains(n)).map(|n| n as usize).collect();
    all.sort_unstable();
    all.dedup();
    all.truncate(MOST_NUMBERS);
    all
}

/// The integers in a term that stand in conditions or subscripts; `is_inside` where the term does.
fn collect_numbers(term: &Term, is_inside: bool, found: &mut Vec<i64>) {
    match term.node() {
        Node::Number(number) if is_inside => found.extend(number.as_integer().filter(|n| n.abs() <= GREATEST)),
        Node::Affine(form) if is_inside => {
            found.extend((form.constant.abs() <= GREATEST).then_some(form.constant.abs()))
        }
        _ => {}
    }
    let is_inside = is_inside || matches!(term.node(), Node::Compare(..) | Node::Read { .. });
    term.children().iter().for_each(|child| collect_numbers(child, is_inside, found));
}

/// What was found of the claims at several sizes: a claim that is wrong at one of them is wrong.
///
/// `first` is for the sizes at hand. The lists are of the same claims.
pub fn at_all_sizes(first: Vec<Proof>, others: Vec<(Vec<Size>, Vec<Proof>)>) -> Vec<Proof> {
    let mut proofs = first;
    for (sizes, found) in others {
        for other in found {
            let Some(own) = proofs.iter_mut().find(|own| own.span == other.span && own.counters == other.counters)
            else {
                continue;
            };
            let badness = |proof: &Proof| proof.wrong.as_ref().map_or(0, |wrong| 2 - usize::from(wrong.is_undecided));
            if badness(&other) > badness(own) {
                let holds_at_hand = own.wrong.is_none();
                let wrong = other.wrong.clone().map(|wrong| for_sizes(wrong, &sizes, holds_at_hand));
                *own = Proof { wrong, ..other };
            } else {
                let lines = own.lines.iter_mut().zip(&other.lines);
                lines.for_each(|(line, further)| line.shown = line.shown.and(further.shown));
            }
        }
    }
    proofs
}

/// What is wrong for some sizes. What mends it for them is no slip where the claim holds for those at hand.
fn for_sizes(wrong: Wrong, sizes: &[Size], holds_at_hand: bool) -> Wrong {
    let told = told_sizes(sizes);
    if !holds_at_hand || wrong.is_undecided {
        let problem = wrong.problem.clone().hint(format!("this is for {told}"));
        return Wrong { problem, ..wrong };
    }
    let label = match &wrong.difference {
        Some(found) => format!("{:.5}, but the line above {:.5}, for {told}", found.value, found.above),
        None => format!("not for {told}"),
    };
    let problem = Problem::new("this line equals the one above it for some sizes only", wrong.span, label);
    let problem = problem.hint("a claim is about all sizes: write their names for what depends on them");
    Wrong { slip: None, mended: None, problem, ..wrong }
}
