//! The table of rules as a page for readers: `docs/laws.md`, which is what this prints.

use super::{EXAMPLES, FAULTS, GIVEN, Subject, subjects_of};
use deltarule_core::derivation::{Rule, everywhere, rules};
use deltarule_core::page::{index, text};
use deltarule_core::term::Term;
use std::fmt::Write as _;

const HEAD: &str = "# Laws

Every step of a derivation applies one of these rules. A rule is directed: it replaces a term that has the form of
the left side by the right side, wherever that stands. There is none for reordering, since terms are kept in a
normal form in which equal sums and products are the same.

This page is printed from the rules and from the examples that test them. Each example is a right side and what the
rule makes of it. How a rule is tested: the interpreter, which knows none of the rules and answers `∂/∂` by dual
numbers, evaluates every example before and after the rule at random points, and the values must agree. Then faults
are planted in what the rule gives, and the values must differ. The last line of a rule says how many examples it
has, and in how many of the results each fault was seen.
";

/// The groups of rules, each with what it is for, in the order in which they are run.
const GROUPS: [(&str, &str, &[&Rule]); 5] = [
    (
        "Stable forms",
        "Definitions get forms that neither overflow nor lose digits, before anything is derived.",
        rules::STABLE,
    ),
    ("Differentiation", "Questions `∂/∂` are answered.", rules::DIFFERENTIATE),
    (
        "Simplification",
        "Deltas collapse sums, factors cancel, constants leave sums, assumptions are used.",
        rules::SIMPLIFY,
    ),
    ("Solving deltas", "Deltas that are left become conditions on the range of an index.", rules::SOLVE),
    ("Tidying", "The result gets the form that people write.", rules::TIDY),
];

fn page() -> String {
    let mut out = HEAD.to_string();
    write!(out, "\nThe examples read these tensors:\n\n```\n{}\n```\n", GIVEN.trim()).expect("written");
    let mut told: Vec<&Rule> = Vec::new();
    for (title, words, group) in GROUPS {
        write!(out, "\n## {title}\n\n{words}\n").expect("written");
        for rule in group.iter().filter(|rule| !told.contains(rule)) {
            out += &entry(rule);
        }
        told.extend(group);
    }
    out += "\n## Chains\n\nThe steps that put derivatives together.\n";
    for rule in rules::all().iter().filter(|rule| !told.contains(rule)) {
        out += &entry(rule);
    }
    out
}

fn entry(rule: &Rule) -> String {
    let mut out = format!("\n### {}\n\n", rule.name);
    for law in rule.law.split("; ") {
        writeln!(out, "- {}", code(law)).expect("written");
    }
    let subjects = subjects_of(rule, 1);
    let examples: Vec<String> = subjects.iter().map(|subject| example(rule, subject)).collect();
    write!(out, "\n```\n{}\n```\n\n", examples.join("\n\n")).expect("written");
    let own = EXAMPLES.iter().filter(|(name, ..)| *name == rule.name).count();
    let count = subjects.len();
    assert!(own <= count);
    writeln!(out, "{count} example{}; {}.", if count == 1 { "" } else { "s" }, faults(rule)).expect("written");
    out
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// What the rule makes of the term.
fn example(rule: &Rule, subject: &Subject) -> String {
    let after = everywhere(rule, &subject.term, &subject.context()).expect("the rule fits its example");
    let notation = index::Notation::new(&subject.model, &subject.indices, &[]);
    let line = |term: &Term| text(&notation.line(term));
    format!("  {}\n= {}", line(&subject.term), line(&after))
}

/// In how many of its results each fault was seen, in words.
fn faults(rule: &Rule) -> String {
    let seen = FAULTS.iter().filter_map(|fault| {
        let (mut planted, mut caught) = (0, 0);
        for subject in (0..3).flat_map(|seed| subjects_of(rule, seed)) {
            let after = everywhere(rule, &subject.term, &subject.context())?;
            let Some(faulty) = (fault.plant)(&after).filter(|faulty| *faulty != after) else { continue };
            planted += 1;
            caught += usize::from(!subject.agree(&subject.term, &faulty));
        }
        (planted > 0).then(|| format!("{} in {caught} of {planted}", fault.name))
    });
    let seen: Vec<String> = seen.collect();
    if seen.is_empty() { "no fault fits it".into() } else { format!("seen: {}", seen.join(", ")) }
}

/// The page in the repository is the one that is printed; `UPDATE_LAWS=1` writes it anew.
#[test]
fn the_page_of_laws_is_what_the_rules_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/laws.md");
    let printed = page();
    if std::env::var_os("UPDATE_LAWS").is_some() {
        std::fs::write(path, &printed).expect("written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let different = committed.lines().zip(printed.lines()).find(|(old, new)| old != new);
    assert!(
        committed == printed,
        "docs/laws.md is not what the rules say (first difference: {different:?}); \
         `UPDATE_LAWS=1 cargo test -p deltarule-core --test laws` writes it anew"
    );
}
