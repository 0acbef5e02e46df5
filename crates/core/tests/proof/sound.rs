//! Near is not equal, and rounding is no difference.

use super::{proofs, source};
use deltarule_core::proof::Slip;

const MODEL: &str = "\
input  x[4]
param  s ~ ones
param  t ~ ones
v = exp(s)
n = x[i] x[i]
r = relu(s - 2000)
loss = s + t + x[i] x[i]
";

const RIGHT: &[&str] = &[
    "sin(s)^2 + cos(s)^2 = 1",
    "sin(2 s) = 2 sin(s) cos(s)",
    "cosh(s)^2 - sinh(s)^2 = 1",
    "log(exp(s) exp(t)) = s + t",
    "tanh(s) = (exp(2 s) - 1) / (exp(2 s) + 1)",
    "erf(-s) = -erf(s)",
    "gelu(s) - gelu(-s) = s",
    "relu(s)^2 = relu(s) s",
    "sqrt(s^2) = abs(s)",
    "max(s, 1000) - min(s, 1000) = abs(s - 1000)",
    "log(cosh(s)) = softplus(2 s) - s - log(2)",
    "logsumexp[i] (x[i] + s) = s + logsumexp[i] x[i]",
    "max[i] (x[i] + s) = s + max[i] x[i]",
    "atan(tan(atan(s))) = atan(s)",
    "exp(log(1/3)) = 1/3",
    "where(s > 1e6, abs(s), s^2) = where(s <= 1e6, s^2, s)",
    "∂v/∂s = v",
    "∂r/∂s = [s > 2000]",
    "∂∂n/∂x[i]/∂x[j] = 2 delta[i,j]",
    "n^2 = n given x[i] x[i] = 1",
    "sin(s)^2 = 3/4 given cos(s)^2 = 1/4",
    "x[i] (1 - x[i]) = 0 given x[j]^2 = x[j]",
];

const WRONG: &[&str] = &[
    "x[i] + 1e-12 = x[i]",
    "(1 + 1e-14) s = s",
    "sin(s)^2 + cos(s)^2 = 1 + 1e-14",
    "sqrt(s^2 + 1e-14) = abs(s)",
    "exp(1) s = 4 s",
    "3.141592653589793 s = acos(-1) s",
    "relu(x[i] - 1e6) = 0",
    "relu(s - 1e6)^3 = 0",
    "min(s, 1000) = s",
    "s - relu(s - 1000) = s",
    "softplus(s - 1000) = 0",
    "where(s > 0.999 and t < -7, s + 1e-9, s) = s",
    "where(s < -5000, 1, 0) = 0",
    "[s >= 0] = [s > 0]",
    "[s > 1e6] = [s >= 1e6]",
    "abs(s) = s",
    "tanh(100 s) = sign(s)",
    "∂r/∂s = 0",
    "∂r/∂s = [s >= 2000]",
    "∂v/∂s = v + 1e-13",
    "n^2 = n + 1e-12 given x[i] x[i] = 1",
];

#[test]
fn right_claims_are_accepted() {
    for claim in RIGHT {
        let source = source(MODEL, &format!("claim {claim}"));
        let proof = proofs(&source).remove(0);
        assert!(proof.wrong.is_none(), "{claim}: {}", proof.wrong.unwrap().problem.render(&source));
    }
}

#[test]
fn claims_that_are_nearly_right_are_wrong() {
    for claim in WRONG {
        let source = source(MODEL, &format!("claim {claim}"));
        let proof = proofs(&source).remove(0);
        let wrong = proof.wrong.unwrap_or_else(|| panic!("{claim} is accepted: {:?}", proof.lines));
        assert!(!wrong.is_undecided && wrong.difference.is_some(), "{claim}: {}", wrong.problem.render(&source));
        if claim.starts_with("tanh") {
            assert_ne!(wrong.slip, Some(Slip::Factor), "{:?}", wrong.mended);
        }
    }
}
