//! Tables of claims, and what the proof-reader says of each.

use deltarule_core::derivation::with_derivatives;
use deltarule_core::model::build;
use deltarule_core::proof::prove;
use deltarule_core::syntax::parse;
use deltarule_core::text::{Problem, Source};

/// A claim of a table.
pub struct Claim<'a> {
    pub table: &'a str,
    /// The number of its line, from 1.
    pub line: usize,
    pub text: &'a str,
    /// The model that it is about.
    pub model: &'a str,
}

/// What is said of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Right,
    Wrong,
    /// It is no claim: malformed.
    Malformed,
}

/// The claims of a table: a line `model` begins a model, a line `claims` the claims about it, one a line.
pub fn claims<'a>(table: &'a str, text: &'a str) -> Vec<Claim<'a>> {
    let (mut found, mut model, mut start, mut is_model) = (Vec::new(), "", 0, false);
    let mut place = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let (own, after) = (line.trim(), place + line.len());
        match own {
            "model" => (start, is_model) = (after, true),
            "claims" => (model, is_model) = (&text[start..place], false),
            _ if is_model || own.is_empty() || own.starts_with('#') => {}
            _ => found.push(Claim { table, line: number + 1, text: own, model }),
        }
        place = after;
    }
    found
}

impl Claim<'_> {
    /// The verdict at every seed, if it is the same one, else the first that is not `Right`; and what was said.
    pub fn judged(&self) -> (Verdict, String) {
        let seeds = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(1);
        let mut last = (Verdict::Malformed, String::new());
        for seed in 0..seeds {
            let found = self.judged_at(seed);
            if seed > 0 && found.0 != last.0 {
                return (
                    Verdict::Malformed,
                    format!("at seed 0 {:?}, at seed {seed} {:?}: {}", last.0, found.0, found.1),
                );
            }
            last = found;
        }
        last
    }

    fn judged_at(&self, seed: u64) -> (Verdict, String) {
        let source = Source::new(self.table, format!("{}claim {}\n", self.model, self.text));
        let told = |problems: &[Problem]| problems.iter().map(|problem| problem.render(&source)).collect::<String>();
        let model = match parse(&source).and_then(|tree| build(&source, &tree)) {
            Ok(model) => with_derivatives(&model).expect("derivatives"),
            Err(problems) => return (Verdict::Malformed, told(&problems)),
        };
        let proofs = prove(&source, &model, &mut uniform(seed));
        let proof = &proofs[0];
        match &proof.wrong {
            Some(wrong) => (Verdict::Wrong, format!("{:?} {}", wrong.difference, wrong.problem.message)),
            None => (Verdict::Right, format!("{:?}", proof.lines.iter().map(|line| line.shown).collect::<Vec<_>>())),
        }
    }
}

/// Random numbers in -1..1 that are the same every time.
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x2545_F491_4F6C_DD1D;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}
