//! Right claims with one thing changed: each is told, and most of them as what was changed.

use super::right::RIGHT;
use super::{built, source, uniform};
use deltarule_core::proof::{Slip, prove};
use deltarule_core::text::Source;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The line with one thing changed, in every way that there is.
fn mutants(line: &str) -> Vec<(Slip, String)> {
    let mut found = Vec::new();
    let replaced = |at: usize, length: usize, by: &str| format!("{}{by}{}", &line[..at], &line[at + length..]);
    for (from, to) in [(" - ", " + "), (" + ", " - ")] {
        found.extend(line.match_indices(from).map(|(at, _)| (Slip::Sign, replaced(at, from.len(), to))));
    }
    found.push((Slip::Sign, if line.contains(['+', '-']) { format!("-({line})") } else { format!("-{line}") }));
    found.push((Slip::Factor, format!("2 ({line})")));
    found.push((Slip::Factor, format!("({line}) / 3")));
    let mut rest = 0;
    while let Some(open) = line[rest..].find('[').map(|open| open + rest) {
        let close = open + line[open..].find(']').unwrap_or(1);
        let is_read = line[..open].ends_with(|last: char| last.is_alphanumeric());
        let reads_sum = ["sum", "max", "mean", "logsumexp", "delta"].iter().any(|word| line[..open].ends_with(word));
        if let (true, false, Some((a, b))) = (is_read, reads_sum, line[open + 1..close].split_once(',')) {
            found.push((Slip::Transposed, replaced(open, close - open, &format!("[{b},{a}"))));
        }
        rest = close;
    }
    for (at, _) in line.match_indices("sum[k] ") {
        let until = at + "sum[k] ".len();
        found.push((Slip::Sum, replaced(at, until - at, "mean[k] ")));
    }
    found
}

#[test]
fn what_was_changed_is_told() {
    let (mut told, mut unexplained): (BTreeMap<Slip, [usize; 2]>, String) = (BTreeMap::new(), String::new());
    for (model, _, claim) in RIGHT.iter().filter(|(_, _, claim)| !claim.starts_with("for")) {
        let before = source(model, claim);
        let claimed = built(&before).claims.remove(0);
        for line in &claimed.lines[1..] {
            for (slip, changed) in mutants(&before.text[line.span.range()]) {
                if told.get(&slip).is_some_and(|counts| counts[1] >= 45) {
                    continue;
                }
                let mut text = before.text.clone();
                text.replace_range(line.span.range(), &changed);
                let after = Source::new("model.dr", text);
                let Ok(tree) = deltarule_core::syntax::parse(&after) else { continue };
                let Ok(model) = deltarule_core::model::build(&after, &tree) else { continue };
                let proof = prove(&after, &model, &mut uniform()).remove(0);
                // What is changed may be right as well: a symmetric Jacobian transposed, twice 0.
                let Some(wrong) = proof.wrong else { continue };
                let counts = told.entry(slip).or_default();
                counts[1] += 1;
                counts[0] += usize::from(wrong.slip == Some(slip));
                if wrong.slip != Some(slip) {
                    let text = flat(&after.text[claimed.span.start as usize..]);
                    writeln!(unexplained, "{slip:?} as {:?}: {text}", wrong.slip).unwrap();
                }
            }
        }
    }
    println!("{told:?}\n{unexplained}");
    for (slip, [as_what_it_is, all]) in &told {
        assert!(as_what_it_is * 10 >= all * 8, "{slip:?}: {as_what_it_is} of {all}\n{unexplained}");
    }
    let many = [Slip::Sign, Slip::Factor].iter().all(|slip| told[slip][0] >= 30);
    assert!(many, "{told:?}");
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
