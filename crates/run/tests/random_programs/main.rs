//! A second generator of random programs, unlike the first: a grammar with trees of its own, and an evaluator
//! of them in double precision with forward derivatives that shares no code with the project.

#[path = "../common/mod.rs"]
mod common;
mod compare;
mod differences;
mod evaluate;
mod functions;
mod generate;
mod grammar;
mod inputs;
mod number;
mod print;
mod shrink;
mod subscripts;
mod templates;

use compare::{COUNTS, Failure, check, known};
use grammar::Program;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How a program fails, if it does; `None` also where it is no program.
fn failure(program: &Program, seed: u64) -> Option<Failure> {
    let known = known(program, seed).ok()?;
    match catch_unwind(AssertUnwindSafe(|| check(&known, seed))) {
        Ok(result) => result.err(),
        Err(panic) => {
            let message = panic.downcast_ref::<String>().cloned();
            let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
            Some(Failure { what: "panic".into(), detail: message.unwrap_or_default() })
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_programs_agree_in_every_way_they_are_computed() {
    std::panic::set_hook(Box::new(|_| {}));
    let from = number("FROM").unwrap_or(0);
    let seeds = match number("PROGRAM") {
        Some(seed) => seed..seed + 1,
        None => from..from + number("PROGRAMS").unwrap_or(if cfg!(debug_assertions) { 500 } else { 20_000 }),
    };
    let alone = seeds.end - seeds.start == 1;
    let found: Vec<(u64, Option<Failure>)> = seeds
        .into_par_iter()
        .map(|seed| {
            let program = generate::program(seed);
            if alone {
                println!("{}", print::program(&program));
            }
            match known(&program, seed) {
                Err(invalid) => (seed, Some(Failure { what: "invalid".into(), detail: invalid.0 })),
                Ok(_) => (seed, failure(&program, seed)),
            }
        })
        .collect();
    let mut kinds: BTreeMap<&str, Vec<(u64, Failure)>> = BTreeMap::new();
    for (seed, failure) in &found {
        if let Some(failure) = failure {
            kinds.entry(&failure.what).or_default().push((*seed, failure.clone()));
        }
    }
    let counts: Vec<usize> = COUNTS.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    println!("values: {} with a bound, {} without; derivatives: {} and {}", counts[1], counts[0], counts[3], counts[2]);
    let shown = number("SHOWN").unwrap_or(2) as usize;
    let mut report = String::new();
    for (what, all) in &kinds {
        println!("{what}: {} of {}", all.len(), found.len());
        if *what == "invalid" && !alone {
            continue;
        }
        for (seed, failure) in all.iter().take(shown) {
            report += &told(*seed, failure);
        }
    }
    println!("{report}");
    let failing: usize = kinds.iter().filter(|(what, _)| **what != "invalid").map(|(_, all)| all.len()).sum();
    assert!(failing == 0, "{failing} of {} programs", found.len());
}

/// A failing program, made as small as it fails in the same way.
fn told(seed: u64, first: &Failure) -> String {
    let same = |program: &Program| failure(program, seed).is_some_and(|own| own.what == first.what);
    let small = shrink::smallest(&generate::program(seed), Duration::from_secs(number("SECONDS").unwrap_or(20)), &same);
    let last = failure(&small, seed).unwrap_or(first.clone());
    let mut text = format!("---- program {seed}: {}: {}\n{}", last.what, last.detail, print::program(&small));
    text += &format!("differentiated: {}\n", small.target);
    for (number, example) in inputs::values(&small, seed, if seed.is_multiple_of(3) { 3 } else { 1 }).iter().enumerate()
    {
        for (name, values) in example {
            text += &format!("{name} of example {number} = {values:?}\n");
        }
    }
    text + "\n"
}
