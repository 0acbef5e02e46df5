//! Identities from tables are accepted, and what only nearly equals is refused.
//!
//! A table has models and claims about them. Each claim of `scalars.txt`, `activations.txt`, `sums.txt`,
//! `matrices.txt` and `derivatives.txt` is true wherever its first line has a value; each of the tables in `near`
//! is false: it differs by a millionth to a hundred million millionth, or only far away, or only on one side of a
//! condition, or only at a tie or a zero. All tables were held to another evaluator with 60 digits before they
//! were written down here. `SEEDS` in the environment says how many seeds are tried, 1 where it is not given.

#[path = "../common/parallel.rs"]
mod parallel;
mod table;

use table::{Claim, Verdict, claims};

const TRUE: [(&str, &str); 5] = [
    ("scalars", include_str!("scalars.txt")),
    ("activations", include_str!("activations.txt")),
    ("sums", include_str!("sums.txt")),
    ("matrices", include_str!("matrices.txt")),
    ("derivatives", include_str!("derivatives.txt")),
];

const FALSE: [(&str, &str); 2] =
    [("near/by_hand", include_str!("near/by_hand.txt")), ("near/moved", include_str!("near/moved.txt"))];

/// The claims of which a verdict is not the expected one, with what was said.
fn failures(tables: &[(&str, &str)], expected: Verdict) -> (usize, Vec<String>) {
    let all: Vec<Claim> = tables.iter().flat_map(|(table, text)| claims(table, text)).collect();
    let failed = parallel::in_parallel(&all, |claim| {
        let (verdict, told) = claim.judged();
        (verdict != expected).then(|| format!("{}:{}: {}\n    {told}", claim.table, claim.line, claim.text))
    });
    (all.len(), failed.into_iter().flatten().collect())
}

#[test]
fn identities_are_accepted() {
    let (count, failed) = failures(&TRUE, Verdict::Right);
    assert!(failed.is_empty(), "{} of {count} identities are not accepted:\n{}", failed.len(), failed.join("\n"));
    assert!(count >= 1000, "{count}");
}

#[test]
fn near_identities_are_refused() {
    let (count, failed) = failures(&FALSE, Verdict::Wrong);
    assert!(failed.is_empty(), "{} of {count} near-identities are not refused:\n{}", failed.len(), failed.join("\n"));
    assert!(count >= 1100, "{count}");
}

#[test]
fn no_claim_stands_in_a_table_twice() {
    for tables in [&TRUE[..], &FALSE[..]] {
        let all: Vec<Claim> = tables.iter().flat_map(|(table, text)| claims(table, text)).collect();
        for (number, claim) in all.iter().enumerate() {
            let twin = all[..number].iter().find(|other| (other.model, &other.text) == (claim.model, &claim.text));
            assert!(twin.is_none(), "{}:{}: {}", claim.table, claim.line, claim.text);
        }
    }
}
