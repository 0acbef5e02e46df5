//! Right claims with one slip put in: each that is wrong by the reference interpreter is told, as the slip
//! that was put in.

use super::bases::{Base, bases};
use super::mutation::mutants;
use super::oracle::{Answer, Oracle};
use super::{built, source, uniform};
use deltarule_core::model::Model;
use deltarule_core::proof::{Slip, Wrong, prove};
use deltarule_core::text::Source;
use std::collections::BTreeMap;
use std::fmt::Write;

/// How many wrong claims of each kind are diagnosed.
const OF_EACH: usize = 60;

/// A claim with a slip put in one of its lines.
struct Mutant {
    line: usize,
    /// How many indices are free in the claim as it was.
    free: usize,
    source: Source,
    needs_promises: bool,
}

/// All mutants by their kind, those of the same claim apart from each other.
fn all_mutants() -> BTreeMap<Slip, Vec<Mutant>> {
    let mut all: BTreeMap<Slip, Vec<(usize, usize, Mutant)>> = BTreeMap::new();
    for (base_number, base) in bases().iter().enumerate() {
        let before = source(base.model, base.claim);
        let claimed = built(&before).claims.remove(0);
        let free: Vec<&str> = claimed.indices.iter().map(|index| &*index.letter).collect();
        for (line, own) in claimed.lines.iter().enumerate().skip(1) {
            let mut counts: BTreeMap<Slip, usize> = BTreeMap::new();
            for (slip, changed) in mutants(&before.text[own.span.range()], &free) {
                let mut text = before.text.clone();
                text.replace_range(own.span.range(), &changed);
                let Base { needs_promises, .. } = *base;
                let count = counts.entry(slip).or_default();
                let mutant = Mutant { line, free: free.len(), source: Source::new("model.dr", text), needs_promises };
                all.entry(slip).or_default().push((*count, base_number, mutant));
                *count += 1;
            }
        }
    }
    let spread = |mut own: Vec<(usize, usize, Mutant)>| {
        own.sort_by_key(|(count, base, _)| (*count, *base));
        own.into_iter().map(|(_, _, mutant)| mutant).collect()
    };
    all.into_iter().map(|(slip, own)| (slip, spread(own))).collect()
}

fn model_of(source: &Source) -> Option<Model> {
    deltarule_core::model::build(source, &deltarule_core::syntax::parse(source).ok()?).ok()
}

/// What is told of a mutant.
enum Told {
    /// The line is right, or has no value anywhere: it is no wrong claim.
    NotWrong,
    Wrong(Box<Wrong>),
    Mistaken(String),
}

fn told(mutant: &Mutant) -> Told {
    let Some(model) = model_of(&mutant.source) else { return Told::NotWrong };
    // With other free indices it is another claim.
    if model.claims[0].indices.len() != mutant.free {
        return Told::NotWrong;
    }
    let answer = Oracle::new(&model, mutant.needs_promises).compare(&model.claims[0], mutant.line);
    let proof = match answer {
        Answer::Undefined => return Told::NotWrong,
        _ => prove(&mutant.source, &model, &mut uniform()).remove(0),
    };
    match (answer, proof.wrong) {
        (Answer::Equal, None) => Told::NotWrong,
        // Equal but where numbers are special, or where a promise does not hold.
        (Answer::Equal, Some(wrong)) if mutant.needs_promises || is_special(&wrong) => Told::NotWrong,
        (Answer::Equal, Some(_)) => Told::Mistaken("is right, but told to be wrong".into()),
        (_, None) => Told::Mistaken("is wrong, but told to be right".into()),
        (_, Some(wrong)) => Told::Wrong(Box::new(wrong)),
    }
}

fn is_special(wrong: &Wrong) -> bool {
    wrong.difference.as_ref().is_some_and(|difference| difference.only_special)
}

/// Whether the line is right, by the reference interpreter, with the mend in its place.
fn is_mended(mutant: &Mutant, wrong: &Wrong) -> bool {
    let (Some(mended), Some(before)) = (&wrong.mended, model_of(&mutant.source)) else { return false };
    // Of free indices the line above may be the one that is wrong.
    [mutant.line, mutant.line - 1].iter().any(|line| {
        let mut text = mutant.source.text.clone();
        text.replace_range(before.claims[0].lines[*line].span.range(), mended);
        let Some(model) = model_of(&Source::new("model.dr", text)) else { return false };
        let answer = Oracle::new(&model, mutant.needs_promises).compare(&model.claims[0], mutant.line);
        matches!(answer, Answer::Equal)
    })
}

#[test]
fn what_is_changed_was_right() {
    for base in bases() {
        let source = source(base.model, base.claim);
        if let Some(wrong) = prove(&source, &built(&source), &mut uniform()).remove(0).wrong {
            panic!("{}", wrong.problem.render(&source));
        }
    }
}

#[test]
fn what_was_put_in_is_told() {
    let (mut counts, mut mistaken) = (BTreeMap::new(), String::new());
    for (slip, mutants) in all_mutants() {
        let (mut as_it_is, mut as_earlier, mut unexplained, mut seen) = (0, 0, 0, Vec::new());
        for mutant in &mutants {
            if as_it_is + as_earlier >= OF_EACH {
                break;
            }
            let text = claim_of(mutant);
            if seen.contains(&text) {
                continue;
            }
            match told(mutant) {
                Told::NotWrong => {}
                Told::Wrong(wrong) if wrong.slip.is_none() => {
                    unexplained += 1;
                    println!("{slip:?}: {text}\n    unexplained");
                }
                Told::Mistaken(what) => writeln!(mistaken, "{slip:?}: {text}\n    {what}").unwrap(),
                Told::Wrong(wrong) if !is_mended(mutant, &wrong) => {
                    writeln!(
                        mistaken,
                        "{slip:?}: {text}\n    as {:?}: {:?} does not mend it",
                        wrong.slip, wrong.mended
                    )
                    .unwrap();
                }
                Told::Wrong(wrong) if wrong.slip == Some(slip) => as_it_is += 1,
                // Another slip, which is looked for earlier, may have the same result.
                Told::Wrong(wrong) if wrong.slip < Some(slip) => {
                    as_earlier += 1;
                    println!("{slip:?}: {text}\n    as {:?}: {:?}", wrong.slip, wrong.mended);
                }
                Told::Wrong(wrong) => {
                    writeln!(mistaken, "{slip:?}: {text}\n    as {:?}: {:?}", wrong.slip, wrong.mended).unwrap();
                }
            }
            seen.push(text);
        }
        counts.insert(slip, (as_it_is, as_earlier, unexplained));
    }
    println!("{counts:?}");
    assert!(mistaken.is_empty(), "{counts:?}\n{mistaken}");
    let is_enough = |(as_it_is, _, unexplained): &(usize, usize, usize)| *as_it_is >= 30 && *unexplained <= 3;
    assert!(counts.len() == 6 && counts.values().all(is_enough), "{counts:?}");
}

fn claim_of(mutant: &Mutant) -> String {
    let start = mutant.source.text.find("claim").unwrap_or(0);
    mutant.source.text[start..].split_whitespace().collect::<Vec<_>>().join(" ")
}
