//! Claims that are right only under a condition that they do not state.

use super::bases::{ATTENTION, AUTOENCODER, BATCH, CONVOLUTION, FACTORISATION, KERNELS, LAYER_NORM, MATRICES};
use super::{FORMS, NETWORK, proofs, source};
use deltarule_core::proof::Slip;
use std::fmt::Write;

/// A softmax on every row, with one-hot targets.
const ROWS: &str = "\
param Z[5, 3] ~ zeros
target Y[5, 3] onehot
P[n,i] = exp(Z[n,i]) / sum[k] exp(Z[n,k])
loss = -Y[n,i] log(P[n,i])
";

/// Targets that are probabilities.
const DISTRIBUTION: &str = "\
param z[4] ~ zeros
target t[4] probability
p[i] = exp(z[i]) / sum[k] exp(z[k])
loss = -t[i] log(p[i])
";

/// Labels of both signs.
const MARGIN: &str = "\
input x[4]
target y
param w[4] ~ zeros
u = w[i] x[i]
loss = log(1 + exp(-y u))
";

/// Each with the condition that it needs.
const NEED: &[(&str, &str, &str)] = &[
    (NETWORK, "claim ∂loss/∂z2[j] = p[j] - y[j]", "sum[k] y[k] = 1"),
    (NETWORK, "claim ∂loss/∂b2[m] = p[m] - y[m]", "sum[k] y[k] = 1"),
    (NETWORK, "claim ∂loss/∂W2[m,n] = (p[m] - y[m]) a1[n]", "sum[k] y[k] = 1"),
    (NETWORK, "claim ∂loss/∂a1[j] = sum[i] W2[i,j] (p[i] - y[i])", "sum[k] y[k] = 1"),
    (NETWORK, "claim ∂loss/∂b1[j] = a1[j] (1 - a1[j]) sum[i] W2[i,j] (p[i] - y[i])", "sum[k] y[k] = 1"),
    (NETWORK, "claim loss = logsumexp[k] z2[k] - y[i] z2[i]", "sum[k] y[k] = 1"),
    (NETWORK, "claim ∂∂loss/∂z2[i]/∂z2[j] = p[i] (delta[i,j] - p[j])", "sum[k] y[k] = 1"),
    (NETWORK, "claim y[i] y[i] = 1", "sum[k] y[k] = 1 and y[i]^2 = y[i]"),
    (NETWORK, "claim y[i]^3 = y[i]", "y[i]^2 = y[i]"),
    (ROWS, "claim ∂loss/∂Z[n,i] = P[n,i] - Y[n,i]", "sum[k] Y[i,k] = 1"),
    (ROWS, "claim loss = sum[n] (logsumexp[k] Z[n,k]) - Y[n,i] Z[n,i]", "sum[k] Y[i,k] = 1"),
    (ROWS, "claim Y[n,i] (1 - Y[n,i]) = 0", "Y[i,j]^2 = Y[i,j]"),
    (DISTRIBUTION, "claim ∂loss/∂z[i] = p[i] - t[i]", "sum[k] t[k] = 1"),
    (DISTRIBUTION, "claim loss = logsumexp[k] z[k] - t[i] z[i]", "sum[k] t[k] = 1"),
    (DISTRIBUTION, "claim 1 - sum[i] t[i] = 0", "sum[k] t[k] = 1"),
    (MARGIN, "claim (1 - y u)^2 = (y - u)^2", "y^2 = 1"),
    (MARGIN, "claim y (y - u) = 1 - y u", "y^2 = 1"),
    (FORMS, "claim ∂q/∂x[k] = 2 A[k,j] x[j]", "A[i,j] = A[j,i]"),
    (FORMS, "claim ∂∂q/∂x[k]/∂x[l] = 2 A[k,l]", "A[i,j] = A[j,i]"),
    (FORMS, "claim ∂q/∂x[k] = sum[j] 2 x[j] A[j,k]", "A[i,j] = A[j,i]"),
    (FORMS, "claim A[i,j] - A[j,i] = 0", "A[i,j] = A[j,i]"),
    (FORMS, "claim sqrt(x[i]^2) = x[i]", "x[i] > 0"),
    (FORMS, "claim log(x[i]^2) = 2 log(x[i])", "x[i] > 0"),
    (FORMS, "claim abs(c[i]) = c[i]", "c[i] > 0"),
    (FORMS, "claim max(c[i], 0) = c[i]", "c[i] > 0"),
    (FORMS, "claim abs(c[i] c[j]) = c[i] c[j]", "c[i] > 0"),
    (FORMS, "claim g = exp(1)", "sum[k] x[k] = 1"),
    (FORMS, "claim ∂g/∂x[i] = exp(1)", "sum[k] x[k] = 1"),
    (MATRICES, "claim ∂w/∂X[m,n] = 2 sum[j] X[m,j] B[j,n]", "B[i,j] = B[j,i]"),
    (KERNELS, "claim sqrt(a[n]^2) k[n] = a[n] k[n]", "a[i] > 0"),
    (KERNELS, "claim log(a[n]^2 k[n]) = 2 log(a[n]) + log(k[n])", "a[i] > 0"),
    (CONVOLUTION, "claim sum[k] w[k] (x[i+k] + b) = w[k] x[i+k] + b", "sum[k] w[k] = 1"),
    (CONVOLUTION, "claim sum[k] ∂z[i]/∂x[i+k] = 1", "sum[k] w[k] = 1"),
    (BATCH, "claim abs(x[n,j]) = x[n,j]", "x[i,j] > 0"),
    (FACTORISATION, "claim R[i,j] - R[j,i] = U[i,k] V[j,k] - U[j,k] V[i,k]", "M[i,j] = M[j,i]"),
    (AUTOENCODER, "claim abs(noise[k]) - z[k] = noise[k] - z[k]", "noise[i] > 0"),
    (LAYER_NORM, "claim sqrt(c[i]^2) - h[i] = c[i] - h[i]", "c[i] > 0"),
    (ATTENTION, "claim log(G[q,e]^2) = 2 log(G[q,e])", "G[i,j] > 0"),
];

#[test]
fn what_must_be_assumed_is_told() {
    let mut mistaken = String::new();
    for (model, claim, condition) in NEED {
        let before = source(model, claim);
        let Some(wrong) = proofs(&before).into_iter().find_map(|proof| proof.wrong) else {
            writeln!(mistaken, "{claim} is told to be right").unwrap();
            continue;
        };
        if wrong.slip != Some(Slip::Assumption) {
            writeln!(mistaken, "{claim}\n    as {:?}: {:?}", wrong.slip, wrong.mended).unwrap();
            continue;
        }
        let mended = wrong.mended.expect("an assumption");
        if !mended.ends_with(&format!(" given {condition}")) {
            writeln!(mistaken, "{claim}\n    needs {condition}, not {mended}").unwrap();
        }
        let after = source(model, &format!("{claim} given {condition}"));
        if let Some(wrong) = proofs(&after).into_iter().find_map(|proof| proof.wrong) {
            writeln!(mistaken, "{}", wrong.problem.render(&after)).unwrap();
        }
    }
    assert!(mistaken.is_empty(), "{mistaken}");
    assert!(NEED.len() >= 30);
}
