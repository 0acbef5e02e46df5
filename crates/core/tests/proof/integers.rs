//! What differs for some of the integers only that a model is given.

use super::{proofs, source};
use deltarule_core::proof::Shown;

const MODEL: &str = "\
input  t[4] int(6)
input  u int(3)
target c int(10)
input  x[8]
param  w[6] ~ normal(0, 1)
param  W[10,8] ~ normal(0, 1)
z[i] = W[i,j] x[j]
m[k:4] = where(t[k] = 2, w[k], 0)
loss = logsumexp[i] z[i] - z[c] + sum[k] w[t[k]] + u
";

/// Each is false for some integers.
const WRONG: &[&str] = &[
    "[t[0] + t[1] = 10] = 0",
    "[t[0] = 5] [t[1] = 5] [t[2] = 5] = 0",
    "sum[k] [t[k] = 3] = 0",
    "t[0] (t[0] - 1) (t[0] - 2) (t[0] - 3) (t[0] - 4) = 0",
    "[t[0] + t[1] + t[2] + t[3] = 20] = 0",
    "where(t[0] = 1 and w[2] > 3, w[1], 0) = 0",
    "[t[0] t[1] t[2] = 125] w[0] = 0",
    "∂loss/∂z[i] = softmax[i](z[i]) - [i = c] [c != 7]",
    "m[k] = 0",
    "m[3] = 0",
    "where(t[0] mod 5 = 4, 1, 0) = 0",
    "floor(t[0] / 5) = 0",
    "w[t[0]] = w[t[0]] [t[0] != 4]",
    "[u = 2 and t[3] = u + 3] = 0",
    "max[k] t[k] = max(max[k] t[k], 1)",
    "[t[t[0] mod 4] = 5 and t[0] = 1] = 0",
];

/// Each holds for all of them.
const RIGHT: &[&str] = &[
    "t[0] (t[0] - 1) (t[0] - 2) (t[0] - 3) (t[0] - 4) (t[0] - 5) = 0",
    "[t[0] + t[1] + t[2] + t[3] = 21] = 0",
    "[t[0] >= 5] w[3] = [t[0] = 5] w[3]",
    "w[t[0]] [t[0] = 5] = w[5] [t[0] = 5]",
    "∂loss/∂w[i] = sum[k] [t[k] = i]",
    "t[0] mod 6 = t[0]",
    "sum[i:6] [t[0] = i] = 1",
    "u^3 - 3 u^2 + 2 u = 0",
];

/// So do these, which exact arithmetic does not know: they are compared at points.
const RIGHT_AT_POINTS: &[&str] = &["floor(t[0] / 6) = 0", "max[k] t[k] = max(max[k] t[k], 0)"];

#[test]
fn what_is_false_for_some_integers_is_wrong() {
    for claim in WRONG {
        let source = source(MODEL, &format!("claim {claim}"));
        assert!(proofs(&source)[0].wrong.is_some(), "{claim} was accepted");
    }
}

#[test]
fn what_holds_for_all_integers_is_right() {
    for claim in RIGHT.iter().chain(RIGHT_AT_POINTS) {
        let source = source(MODEL, &format!("claim {claim}"));
        let proof = proofs(&source).remove(0);
        assert!(
            proof.wrong.is_none(),
            "{claim} was refused: {:?}",
            proof.wrong.map(|wrong| wrong.problem.render(&source))
        );
        let is_exact = proof.lines[0].shown == Shown::Exactly;
        assert!(is_exact || RIGHT_AT_POINTS.contains(claim), "{claim}: {:?}", proof.lines[0].shown);
    }
}
