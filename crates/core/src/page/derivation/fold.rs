//! Which lines of a derivation are dull: a reader who knows the rules skips them.

use super::document::Line;
use crate::derivation::Rule;
use crate::derivation::rules::{collapse, differentiate, names, simplify};

/// Rules that only prepare what comes next.
static PLAIN: [&Rule; 13] = [
    &names::DEFINITION,
    &differentiate::CONSTANT,
    &differentiate::SUM_RULE,
    &differentiate::CONSTANT_FACTOR,
    &differentiate::UNDER_SUM,
    &collapse::JOIN_SUMS,
    &collapse::SPLIT_SUM,
    &collapse::DISTRIBUTE_TO_CANCEL,
    &collapse::DISTRIBUTE_OVER_DELTA,
    &collapse::SPLIT_BRANCHES,
    &collapse::DELTA_OUT_OF_BRANCH,
    &simplify::IMPLIED_CONDITION,
    &simplify::MULTIPLY_OUT,
];

/// Whether a line that a rule gave is dull.
pub fn is_plain(rule: &Rule) -> bool {
    PLAIN.contains(&rule)
}

/// Every line that is shown, with the lines that are folded just before it.
pub fn shown(lines: &[Line]) -> Vec<(&[Line], &Line)> {
    let mut found = Vec::new();
    let mut first = 0;
    for (position, line) in lines.iter().enumerate() {
        if !line.folded {
            found.push((&lines[first..position], line));
            first = position + 1;
        }
    }
    found
}
