//! Right claims on models of many kinds, from which the wrong ones are made.

use super::right::RIGHT;

/// Scaled dot-product attention, the scores being square.
pub(crate) const ATTENTION: &str = "\
const G[5, 3]
param Q[5, 4] ~ zeros
param K[5, 4] ~ zeros
param V[5, 3] ~ zeros
S[q,k] = Q[q,d] K[k,d] / 2
P[q,k] = exp(S[q,k]) / sum[l] exp(S[q,l])
O[q,e] = P[q,k] V[k,e]
loss = sum[q,e] G[q,e] O[q,e]
";

/// Layer norm.
pub(crate) const LAYER_NORM: &str = "\
const c[4]
param x[4] ~ zeros
m = mean[k] x[k]
v = mean[k] (x[k] - m)^2
d = sqrt(v + 1e-5)
h[i] = (x[i] - m) / d
loss = c[i] h[i]
";

/// A convolution in one dimension.
pub(crate) const CONVOLUTION: &str = "\
input x[8]
param w[3] ~ zeros
param b ~ zeros
z[i] = w[k] x[i+k] + b
a[i] = tanh(z[i])
loss = 1/2 a[i] a[i]
";

/// A linear layer, the examples being an axis.
pub(crate) const BATCH: &str = "\
input x[batch, 4]
target y[batch, 5]
param W[5, 4] ~ zeros
param b[5] ~ zeros
r[n,i] = W[i,j] x[n,j] + b[i] - y[n,i]
loss = 1/2 mean[n] sum[i] r[n,i]^2
";

/// Matrix factorisation with a penalty.
pub(crate) const FACTORISATION: &str = "\
const M[4, 4]
const penalty = 0.1
param U[4, 2] ~ zeros
param V[4, 2] ~ zeros
R[i,j] = U[i,k] V[j,k] - M[i,j]
loss = 1/2 sum[i,j] R[i,j]^2 + penalty sum[i,k] U[i,k]^2
";

/// A variational autoencoder: a sample, its decoder, the divergence from the standard normal.
pub(crate) const AUTOENCODER: &str = "\
input x[4]
input noise[3]
param m[3] ~ zeros
param v[3] ~ zeros
param W[4, 3] ~ zeros
z[k] = m[k] + exp(v[k] / 2) noise[k]
e[j] = W[j,k] z[k] - x[j]
kl = 1/2 sum[k] (m[k]^2 + exp(v[k]) - v[k] - 1)
loss = 1/2 e[j] e[j] + kl
";

/// Logistic regression on given data.
const LOGISTIC: &str = "\
const X[5, 4]
const y[5]
param w[4] ~ zeros
s[n] = sigmoid(X[n,j] w[j])
loss = sum[n] (-y[n] log(s[n]) - (1 - y[n]) log(1 - s[n]))
";

/// Radial basis functions, and the cosine of two vectors.
pub(crate) const KERNELS: &str = "\
const g = 0.5
const Z[5, 4]
const a[5]
param x[4] ~ zeros
param u[4] ~ zeros
k[n] = exp(-g sum[i] (x[i] - Z[n,i])^2)
loss = a[n] k[n]
nx = sqrt(sum[i] x[i]^2)
nu = sqrt(sum[i] u[i]^2)
c = x[i] u[i] / (nx nu)
";

/// Traces and products of square matrices.
pub(crate) const MATRICES: &str = "\
const A[3, 3]
const B[3, 3]
const a[3]
const b[3]
param X[3, 3] ~ zeros
t = X[i,j] A[j,i]
u = a[i] X[i,j] b[j]
w = X[i,j] B[j,k] X[i,k]
r[i] = A[i,j] X[j,k] b[k]
f = A[i,j] B[i,j]
loss = 1/2 r[i] r[i]
";

const MORE: &[(&str, &str)] = &[
    (ATTENTION, "claim ∂loss/∂V[k,e] = sum[q] P[q,k] G[q,e]"),
    (ATTENTION, "claim ∂loss/∂P[q,k] = G[q,e] V[k,e]"),
    (ATTENTION, "claim ∂loss/∂S[q,k] = P[q,k] (∂loss/∂P[q,k] - sum[l] P[q,l] ∂loss/∂P[q,l])"),
    (ATTENTION, "claim ∂loss/∂Q[q,d] = 1/2 sum[k] ∂loss/∂S[q,k] K[k,d]"),
    (ATTENTION, "claim ∂loss/∂K[k,d] = 1/2 ∂loss/∂S[q,k] Q[q,d]"),
    (ATTENTION, "claim ∂P[q,k]/∂S[m,l] = delta[q,m] P[q,k] (delta[k,l] - P[q,l])"),
    (LAYER_NORM, "claim ∂v/∂x[i] = 1/2 (x[i] - m)"),
    (LAYER_NORM, "claim ∂d/∂x[i] = 1/4 h[i]"),
    (LAYER_NORM, "claim ∂h[i]/∂x[j] = (delta[i,j] - 1/4 - 1/4 h[i] h[j]) / d"),
    (LAYER_NORM, "claim ∂loss/∂x[j] = (c[j] - (mean[i] c[i]) - h[j] (mean[i] c[i] h[i])) / d"),
    (CONVOLUTION, "claim ∂z[i]/∂w[k] = x[i+k]"),
    (CONVOLUTION, "claim ∂loss/∂z[i] = a[i] - a[i]^3 = a[i] (1 - a[i]^2)"),
    (CONVOLUTION, "claim ∂loss/∂w[k] = sum[i] ∂loss/∂z[i] x[i+k]"),
    (CONVOLUTION, "claim ∂loss/∂b = sum[i] ∂loss/∂z[i] = sum[i] a[i] (1 - a[i]^2)"),
    (BATCH, "claim ∂loss/∂W[i,j] = mean[n] r[n,i] x[n,j]"),
    (BATCH, "claim ∂loss/∂b[i] = mean[n] r[n,i]"),
    (BATCH, "claim 3 ∂loss/∂x[n,j] = sum[i] W[i,j] r[n,i]"),
    (BATCH, "claim ∂r[n,i]/∂x[m,j] = delta[n,m] W[i,j]"),
    (FACTORISATION, "claim ∂loss/∂R[i,j] = R[i,j]"),
    (FACTORISATION, "claim ∂loss/∂U[i,k] = R[i,j] V[j,k] + 2 penalty U[i,k]"),
    (FACTORISATION, "claim ∂loss/∂V[j,k] = sum[i] R[i,j] U[i,k]"),
    (FACTORISATION, "claim ∂R[i,j]/∂U[m,k] = delta[i,m] V[j,k]"),
    (AUTOENCODER, "claim ∂kl/∂v[k] = 1/2 (exp(v[k]) - 1)"),
    (AUTOENCODER, "claim ∂z[k]/∂v[l] = 1/2 delta[k,l] (z[k] - m[k])"),
    (AUTOENCODER, "claim ∂loss/∂m[k] = (sum[j] W[j,k] e[j]) + m[k]"),
    (AUTOENCODER, "claim ∂loss/∂v[k] = 1/2 (z[k] - m[k]) (sum[j] W[j,k] e[j]) + 1/2 exp(v[k]) - 1/2"),
    (AUTOENCODER, "claim ∂loss/∂W[j,k] = e[j] z[k]"),
    (LOGISTIC, "claim ∂loss/∂w[j] = sum[n] X[n,j] (s[n] - y[n])"),
    (LOGISTIC, "claim ∂s[n]/∂w[j] = s[n] (1 - s[n]) X[n,j]"),
    (LOGISTIC, "claim ∂∂loss/∂w[i]/∂w[j] = sum[n] X[n,i] s[n] (1 - s[n]) X[n,j]"),
    (KERNELS, "claim ∂k[n]/∂x[i] = -2 g k[n] (x[i] - Z[n,i])"),
    (KERNELS, "claim ∂loss/∂x[i] = -2 g sum[n] a[n] k[n] (x[i] - Z[n,i])"),
    (KERNELS, "claim ∂c/∂u[i] = x[i] / (nx nu) - c u[i] / nu^2"),
    (MATRICES, "claim ∂t/∂X[i,j] = A[j,i]"),
    (MATRICES, "claim ∂u/∂X[i,j] = a[i] b[j]"),
    (MATRICES, "claim ∂w/∂X[m,n] = sum[k] B[n,k] X[m,k] + sum[j] X[m,j] B[j,n]"),
    (MATRICES, "claim ∂loss/∂X[m,n] = A[i,m] r[i] b[n]"),
    (MATRICES, "claim ∂r[i]/∂X[j,k] = A[i,j] b[k]"),
    (MATRICES, "claim u f = (sum[i,j] a[i] X[i,j] b[j]) (sum[k,l] A[k,l] B[k,l])"),
    (MATRICES, "claim u t = a[i] X[i,j] b[j] X[k,l] A[l,k]"),
    (MATRICES, "claim u r[l] = (sum[i,j] a[i] X[i,j] b[j]) (sum[k,m] A[l,k] X[k,m] b[m])"),
    (MATRICES, "claim loss = 1/2 sum[i] (sum[j] A[i,j] (sum[k] X[j,k] b[k])) (sum[l] A[i,l] (sum[m] X[l,m] b[m]))"),
];

/// A claim on a model that is right.
pub(crate) struct Base {
    pub model: &'static str,
    pub claim: &'static str,
    /// Whether its lines need what the declarations of targets promise.
    pub needs_promises: bool,
}

/// Right claims whose conditions, if any, are what declarations promise.
pub(crate) fn bases() -> Vec<Base> {
    let known = RIGHT.iter().map(|(model, _, claim)| (*model, *claim)).chain(MORE.iter().copied());
    let base = |(model, claim): (&'static str, &'static str)| {
        let needs_promises = claim.contains("given");
        let is_usual = !needs_promises || claim.ends_with("given sum[k] y[k] = 1");
        (is_usual && !claim.starts_with("for")).then_some(Base { model, claim, needs_promises })
    };
    known.filter_map(base).collect()
}
