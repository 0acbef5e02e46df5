//! Right claims: all lines follow, most of them exactly.

use super::{BOUNDARIES, DEEP, FORMS, NETWORK, proofs, source};
use deltarule_core::proof::{Proof, Shown};
use std::fmt::Write;

/// Whether all lines must be shown exactly.
const EXACT: bool = true;

pub(crate) const RIGHT: &[(&str, bool, &str)] = &[
    (NETWORK, EXACT, "claim ∂p[k]/∂z2[j] = p[k] (delta[k,j] - p[j])"),
    (NETWORK, EXACT, "claim ∂p[k]/∂z2[j] = p[k] delta[k,j] - p[k] p[j] = p[j] (delta[j,k] - p[k])"),
    (NETWORK, EXACT, "claim ∂loss/∂p[k] = -y[k] / p[k]"),
    (NETWORK, EXACT, "claim ∂loss/∂z2[i] = p[i] sum[k] y[k] - y[i]"),
    (NETWORK, EXACT, "claim ∂loss/∂z2[i] = p[i] - y[i] given sum[k] y[k] = 1"),
    (NETWORK, EXACT, "claim ∂loss/∂z2[i] = -y[i] (1 - p[i]) + sum[k] [k != i] y[k] p[i]"),
    (NETWORK, EXACT, "claim ∂loss/∂W2[m,n] = ∂loss/∂z2[i] ∂z2[i]/∂W2[m,n] = ∂loss/∂z2[m] a1[n]"),
    (NETWORK, EXACT, "claim ∂z2[i]/∂W2[m,n] = delta[i,m] a1[n]"),
    (NETWORK, EXACT, "claim ∂a1[i]/∂z1[j] = delta[i,j] a1[i] (1 - a1[i])"),
    (NETWORK, EXACT, "claim a1[i] (1 - a1[i]) = ∂a1[i]/∂z1[i]"),
    (NETWORK, EXACT, "claim ∂loss/∂a1[j] = W2[i,j] ∂loss/∂z2[i] = W2[i,j] (p[i] - y[i]) given sum[k] y[k] = 1"),
    (
        NETWORK,
        EXACT,
        "claim ∂loss/∂W1[i,j] = a1[i] (1 - a1[i]) x[j] sum[k] W2[k,i] (p[k] - y[k]) given sum[k] y[k] = 1",
    ),
    (NETWORK, EXACT, "claim ∂loss/∂b1[i] = ∂loss/∂z1[i]"),
    (NETWORK, EXACT, "claim ∂b2[i]/∂x[j] = 0"),
    (NETWORK, EXACT, "claim sum[i] p[i] = 1"),
    (NETWORK, EXACT, "claim ∂∂loss/∂z2[i]/∂z2[j] = p[i] (delta[i,j] - p[j]) given sum[k] y[k] = 1"),
    (NETWORK, EXACT, "claim a1[i] = 1 / (1 + exp(-z1[i])) = exp(z1[i]) / (1 + exp(z1[i]))"),
    (NETWORK, !EXACT, "claim log(p[i]) = z2[i] - logsumexp[k] z2[k]"),
    (NETWORK, !EXACT, "claim loss = logsumexp[k] z2[k] - y[i] z2[i] given sum[k] y[k] = 1"),
    (NETWORK, !EXACT, "claim y[i] y[i] = 1 given y[i]^2 = y[i] and sum[k] y[k] = 1"),
    (FORMS, EXACT, "claim ∂loss/∂e[i] = e[i]"),
    (FORMS, EXACT, "claim ∂loss/∂A[m,n] = e[m] x[n] = e[i] delta[i,m] x[n]"),
    (FORMS, EXACT, "claim ∂q/∂x[k] = A[k,j] x[j] + A[i,k] x[i] = 2 A[k,j] x[j] given A[i,j] = A[j,i]"),
    (FORMS, EXACT, "claim ∂∂q/∂x[k]/∂x[l] = A[k,l] + A[l,k]"),
    (FORMS, EXACT, "claim ∂r[i]/∂e[j] = delta[i,j] [e[i] > 0]"),
    (FORMS, EXACT, "claim r[i] = max(e[i], 0) = [e[i] > 0] e[i]"),
    (FORMS, !EXACT, "claim ∂m/∂x[i] = [x[i] = m] / sum[k] [x[k] = m]"),
    (FORMS, !EXACT, "claim ∂n/∂x[i] = x[i] / n"),
    (FORMS, !EXACT, "claim n^2 = x[i] x[i]"),
    (FORMS, EXACT, "claim ∂t[i]/∂c[j] = delta[i,j] (1 - t[i]^2)"),
    (FORMS, EXACT, "claim ∂g/∂x[i] = g = exp(sum[k] x[k])"),
    (FORMS, EXACT, "claim exp(x[i] + c[i]) = exp(x[i]) exp(c[i])"),
    (FORMS, !EXACT, "claim x[i] e[i] s = x[i] e[i] given s = 1"),
    (FORMS, !EXACT, "claim log(x[i]^2) = 2 log(x[i]) given x[i] > 0"),
    (FORMS, !EXACT, "claim sqrt(x[i]^2) = abs(x[i]) = x[i] given x[i] >= 0"),
    (FORMS, !EXACT, "claim abs(x[i]) = 1 given x[i] = 1 or x[i] = -1"),
    (FORMS, EXACT, "claim mean[i] x[i] = 0 given sum[i] x[i] = 0"),
    (DEEP, EXACT, "claim ∂h[t]/∂u[s] = [s <= t] w^(t-s)"),
    (DEEP, EXACT, "claim ∂loss/∂h[3] = h[3] - v"),
    (DEEP, EXACT, "claim ∂loss/∂w = (h[3] - v) (h[2] + w h[1] + w^2 h[0])"),
    (DEEP, EXACT, "for l in 1..depth:\n    claim ∂f{l}[i]/∂f{l-1}[j] = (1 - f{l}[i]^2) B{l}[i,j]"),
    (DEEP, EXACT, "claim ∂f2[i]/∂f0[k] = ∂f2[i]/∂f1[j] ∂f1[j]/∂f0[k]"),
    (BOUNDARIES, EXACT, "claim ∂loss/∂a = sum[t] ∂loss/∂h[t] (1 - h[t]^2) h[t-1] + sum[t] ∂loss/∂f[t] f[t-1]"),
    (BOUNDARIES, EXACT, "claim h[t] = tanh(x[t] + a h[t-1]) = tanh(x[t] + a pad(h)[t-1])"),
    (BOUNDARIES, EXACT, "claim h[-1] + f[-1] = 2 = f[-1] + h[-1]"),
    (BOUNDARIES, EXACT, "claim f[-2] = x[0] = pad(f)[-2]"),
    (BOUNDARIES, EXACT, "claim f[t] = a f[t-1] + x[t] f[t-2] = a pad(f)[t-1] + x[t] pad(f)[t-2]"),
    (BOUNDARIES, EXACT, "claim sum[t:5] f[t-2] = x[0] + 2 + f[0] + f[1] + f[2] = sum[t:9] [t < 5] pad(f)[t-2]"),
    (BOUNDARIES, EXACT, "claim sum[t:7] pad(f, 5)[t-4] = 10 + x[0] + 2 + f[0] + f[1] + f[2]"),
    (BOUNDARIES, EXACT, "claim r[t,i] = tanh(X[t,i] + V[i,j] r[t-1,j])"),
    (BOUNDARIES, EXACT, "claim ∂loss/∂V[m,n] = ∂loss/∂r[t,m] (1 - r[t,m]^2) r[t-1,n]"),
    (BOUNDARIES, EXACT, "claim sum[t:T] pad(r)[t-1, 1] = g[1] + r[0,1] + r[1,1] + r[2,1]"),
];

#[test]
fn right_claims_pass() {
    let mut mistaken = String::new();
    for (model, exact, claim) in RIGHT {
        let source = source(model, claim);
        let proofs = proofs(&source);
        assert!(!proofs.is_empty());
        for proof in proofs {
            if let Some(wrong) = proof.wrong {
                writeln!(mistaken, "{claim}:\n{}", wrong.problem.render(&source)).unwrap();
            }
            let exactly = proof.lines.iter().all(|line| line.shown == Shown::Exactly);
            if *exact && !exactly {
                writeln!(mistaken, "{claim} is not shown exactly: {:?}", proof.lines).unwrap();
            }
        }
    }
    assert!(mistaken.is_empty(), "{mistaken}");
}

#[test]
fn conditions_are_repeated() {
    let source = source(NETWORK, "claim ∂loss/∂z2[i] = p[i] - y[i] given sum[k] y[k] = 1\n = p[i] - y[i] + 0");
    let proofs = proofs(&source);
    for line in &proofs[0].lines {
        let given: Vec<&str> = line.given.iter().map(|span| &source.text[span.range()]).collect();
        assert_eq!(given, ["sum[k] y[k] = 1"]);
    }
}

/// Nested deeper than dual numbers go.
#[test]
fn derivatives_of_any_depth_are_read() {
    let model = "param x ~ ones\nf = sin(x)\ng = x^2 f\nloss = f + g\n";
    let right = [
        "claim ∂(∂(∂(∂f/∂x)/∂x)/∂x)/∂x = sin(x) = f",
        "claim ∂(∂(∂(∂(∂f/∂x)/∂x)/∂x)/∂x)/∂x = cos(x)",
        "claim ∂(∂(∂(∂(∂(∂(∂g/∂x)/∂x)/∂x)/∂x)/∂x)/∂x)/∂x = (42 - x^2) cos(x) - 14 x sin(x)",
    ];
    for claim in right {
        let source = source(model, claim);
        for Proof { wrong, .. } in proofs(&source) {
            assert!(wrong.is_none(), "{}", wrong.unwrap().problem.render(&source));
        }
        let (left, _) = claim.split_once(" = ").expect("a line");
        assert!(
            proofs(&self::source(model, &format!("{left} = 2 x"))).iter().all(|proof| proof.wrong.is_some()),
            "{left}"
        );
    }
}
