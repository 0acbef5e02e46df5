//! Verdicts of the check: right models are accepted whatever the seed, and a model is refused where a rule that
//! touches it is wrong.
//!
//! Half of the models are random: networks of ordinary kinds, models of statistics and physics, expressions. The others
//! are those of the repository, of the textbook and of the prelude. `VERDICTS=full` in the environment runs all of
//! them; without it a part is run. `MODELS` and `SEEDS` say how many, `FIRST` from which random model on.

mod checking;
mod corpus;
mod dice;
mod expressions;
mod losses;
mod models;
mod networks;
#[path = "../common/parallel.rs"]
mod parallel;
mod planting;
#[path = "../textbook/algebra.rs"]
mod textbook_algebra;
#[path = "../textbook/layers.rs"]
mod textbook_layers;
#[path = "../textbook/losses.rs"]
mod textbook_losses;

use checking::{built, derived, points, scalars};
use deltarule_core::derivation::{evaluation_work, verify_at, verify_steps};
use dice::Dice;
use planting::{Planted, plant};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A form of the textbook; the questions are for its own tests.
#[derive(Clone, Copy)]
pub struct Form {
    /// What a reader looks for.
    pub title: &'static str,
    /// The model.
    pub model: &'static str,
}

/// A form of a table.
pub const fn form(title: &'static str, model: &'static str, _questions: &'static [&'static str]) -> Form {
    Form { title, model }
}

/// Makes a random model.
type Maker = fn(&mut Dice) -> String;

/// The kinds of random models, each as often as it is made.
const KINDS: [(&str, Maker, usize); 12] = [
    ("dense", networks::dense, 5),
    ("convolution", networks::convolution, 2),
    ("image", networks::image, 1),
    ("attention", networks::attention, 2),
    ("recurrence", networks::recurrence, 2),
    ("embedding", networks::embedding, 1),
    ("batch", networks::batch, 1),
    ("classic", models::classic, 3),
    ("expression", expressions::expression, 4),
    ("scaled", models::scaled, 1),
    ("stopped", models::stopped, 1),
    ("bounded", models::bounded, 1),
];

/// The random model of a number, and its kind.
fn random(number: usize) -> (&'static str, String) {
    let total: usize = KINDS.iter().map(|(_, _, often)| often).sum();
    let mut place = number % total;
    for (kind, maker, often) in KINDS {
        if place < often {
            return (kind, maker(&mut Dice::new(number as u64)));
        }
        place -= often;
    }
    unreachable!("the place is below the total")
}

fn is_full() -> bool {
    std::env::var("VERDICTS").is_ok_and(|wanted| wanted == "full")
}

/// The numbers of so many random models, from `FIRST` on.
fn numbers(count: usize) -> Vec<usize> {
    let first = number_of("FIRST", 0);
    (first..first + count).collect()
}

fn number_of(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// How many seeds were tried, or at which a model is refused, with what is said of the first.
fn refusals(text: &str, seeds: u64) -> Result<u64, String> {
    let model = built(text)?;
    let start = Instant::now();
    let mut done = seeds;
    for of in scalars(&model) {
        let backward = derived(&model, &of)?;
        // The same at every seed.
        let steps = verify_steps(&backward).map_err(|error| format!("{of} is refused: {error}"))?;
        let mut failed: Vec<(u64, String)> = Vec::new();
        for seed in 0..seeds {
            if start.elapsed() > MOST_TIME {
                done = done.min(seed);
                break;
            }
            let verified = verify_at(&backward, &points(&backward, seed), steps.clone());
            failed.extend(verified.err().map(|error| (seed, error.to_string())));
        }
        if let Some((seed, error)) = failed.first() {
            return Err(format!("{of} is refused at {} of {seeds} seeds, first at {seed}: {error}", failed.len()));
        }
    }
    Ok(done)
}

/// Models whose evaluation visits more nodes are only verified in a full run.
const MOST_WORK: usize = 100_000;

/// Roughly how many nodes are visited to evaluate a model.
fn work(text: &str) -> usize {
    built(text).map_or(0, |model| evaluation_work(&model, &scalars(&model)))
}

/// After this time no further seed is tried: of the largest models a verification takes seconds.
const MOST_TIME: Duration = Duration::from_secs(120);

/// What is said of the models, kind by kind.
fn told(name: &str, failed: &[(String, String, String)], count: usize) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    failed.iter().for_each(|(kind, ..)| *counts.entry(kind).or_default() += 1);
    let most = number_of("TOLD", 8);
    let each =
        failed.iter().take(most).map(|(kind, text, error)| format!("{kind}: {error}\n{text}")).collect::<Vec<_>>();
    format!("{name}: {} of {count}, {counts:?}\n{}", failed.len(), each.join("\n"))
}

#[test]
fn random_right_models_are_accepted() {
    let (count, seeds) = if is_full() { (2000, 10) } else { (400, 2) };
    let (count, seeds) = (number_of("MODELS", count), number_of("SEEDS", seeds) as u64);
    let numbers = numbers(count);
    let found = parallel::in_parallel(&numbers, |number| {
        let (kind, text) = random(*number);
        let start = Instant::now();
        let result = refusals(&text, seeds);
        (kind, text, result, start.elapsed())
    });
    let mut times: BTreeMap<&str, f64> = BTreeMap::new();
    found.iter().for_each(|(kind, _, _, time)| *times.entry(kind).or_default() += time.as_secs_f64());
    println!("{times:.2?}");
    let failed = found.into_iter().filter_map(|(kind, text, result, _)| Some((kind.to_string(), text, result.err()?)));
    let failed: Vec<_> = failed.collect();
    assert!(failed.is_empty(), "{}", told("refused", &failed, count));
}

#[test]
fn models_with_a_wrong_rule_are_refused() {
    let count = number_of("MODELS", if is_full() { 2000 } else { 400 });
    let numbers = numbers(count);
    let found = parallel::in_parallel(&numbers, |number| {
        let (kind, text) = random(*number);
        let model = built(&text).map_err(|error| (kind, text.clone(), error))?;
        let mut dice = Dice::new(7_000_000 + *number as u64);
        for of in scalars(&model) {
            let right = derived(&model, &of).map_err(|error| (kind, text.clone(), error))?;
            for _ in 0..12 {
                match plant(&model, &of, &right, &mut dice) {
                    Planted::Refused => return Ok(true),
                    Planted::Untouched => {}
                    Planted::Missed(what) => return Err((kind, text, what)),
                }
            }
        }
        Ok(false)
    });
    let touched = found.iter().filter(|one| matches!(one, Ok(true))).count();
    let failed: Vec<_> = found
        .into_iter()
        .filter_map(|one| one.err().map(|(kind, text, what)| (kind.to_string(), text, what)))
        .collect();
    assert!(failed.is_empty(), "{}", told("missed", &failed, count));
    assert!(touched * 100 >= count * 98, "faults touch {touched} of {count} models");
}

#[test]
fn models_of_the_repository_are_accepted() {
    let mut all = corpus::models();
    assert!(all.len() >= 300, "{}", all.len());
    if !is_full() {
        all.retain(|(_, text)| work(text) <= MOST_WORK);
    }
    let seeds = number_of("SEEDS", if is_full() { 50 } else { 2 }) as u64;
    let found = parallel::in_parallel(&all, |(name, text)| {
        let result = refusals(text, seeds);
        if let Some(done) = result.as_ref().ok().filter(|done| **done < seeds) {
            println!("{name}: only {done} seeds");
        }
        Some((name.clone(), text.clone(), result.err()?))
    });
    let failed: Vec<_> = found.into_iter().flatten().collect();
    assert!(failed.is_empty(), "{}", told("refused", &failed, all.len()));
}
