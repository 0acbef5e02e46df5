//! Losses and the models of statistics.

use crate::{Form, form};

pub const FORMS: &[Form] = &[
    form(
        "Σ log(1 + exp(-y ⊙ X w)), logistic regression with labels ±1",
        "const X[5,4]\nconst y[5]\nparam w[4] ~ zeros\nz[n] = X[n,j] w[j]\n\
         loss = sum[n] log(1 + exp(-y[n] z[n]))",
        &["loss/w", "loss/w/w"],
    ),
    form(
        "logistic regression with labels 0 and 1",
        "const X[5,4]\nconst y[5]\nparam w[4] ~ zeros\ns[n] = sigmoid(X[n,j] w[j])\n\
         loss = sum[n] (-y[n] log(s[n]) - (1 - y[n]) log(1 - s[n]))",
        &["loss/w", "loss/w/w"],
    ),
    form(
        "logistic regression, one example",
        "input x[4]\ntarget y\nparam w[4] ~ zeros\nparam b ~ zeros\ns = sigmoid(w[i] x[i] + b)\n\
         loss = -y log(s) - (1 - y) log(1 - s)",
        &["loss/w", "loss/b", "loss/w/w"],
    ),
    form(
        "softmax and cross-entropy",
        "input x[4]\ntarget y[3] onehot\nparam W[3,4] ~ zeros\nparam b[3] ~ zeros\n\
         z[i] = W[i,j] x[j] + b[i]\np[i] = exp(z[i]) / sum[k] exp(z[k])\nloss = -y[i] log(p[i])",
        &["loss/z", "loss/W", "loss/b", "loss/x", "p/z", "loss/z/z"],
    ),
    form(
        "label smoothing with temperature",
        "input z[3]\ntarget y[3] onehot\nconst tau = 2\nconst alpha = 0.1\n\
         q[i] = (1 - alpha) y[i] + alpha/3\np[i] = exp(z[i]/tau) / sum[k] exp(z[k]/tau)\n\
         loss = -sum[i] q[i] log(p[i])",
        &["loss/z"],
    ),
    form(
        "squared error layer",
        "input x[4]\ntarget y[3]\nparam W[3,4] ~ zeros\nparam b[3] ~ zeros\nz[i] = W[i,j] x[j] + b[i]\n\
         loss = sum[i] (z[i] - y[i])^2",
        &["loss/W", "loss/b", "loss/x", "loss/W/b"],
    ),
    form(
        "squared error of a sigmoid layer",
        "input x[4]\ntarget y[3]\nparam W[3,4] ~ zeros\nparam b[3] ~ zeros\nz[i] = W[i,j] x[j] + b[i]\n\
         a[i] = sigmoid(z[i])\nloss = 1/2 sum[i] (a[i] - y[i])^2",
        &["loss/W", "loss/b", "a/z"],
    ),
    form(
        "KL of a normal distribution from the standard one",
        "input x[4]\nparam m[4] ~ zeros\nparam s[4] ~ zeros\n\
         loss = 1/2 sum[i] (exp(s[i]) + m[i]^2 - 1 - s[i])",
        &["loss/m", "loss/s", "loss/s/s"],
    ),
    form(
        "KL of two normal distributions",
        "param m1[4] ~ zeros\nparam m2[4] ~ zeros\nparam s1[4] ~ zeros\nparam s2[4] ~ zeros\n\
         loss = sum[i] (s2[i] - s1[i] + (exp(2 s1[i]) + (m1[i] - m2[i])^2) / (2 exp(2 s2[i])) - 1/2)",
        &["loss/m1", "loss/m2", "loss/s1", "loss/s2"],
    ),
    form(
        "cosine similarity",
        "param a[4] ~ zeros\nparam b[4] ~ zeros\nna = sqrt(sum[i] a[i]^2)\nnb = sqrt(sum[i] b[i]^2)\n\
         c = a[i] b[i] / (na nb)\nloss = c",
        &["loss/a", "loss/b"],
    ),
    form(
        "RBF kernel",
        "const g = 0.5\nconst Z[5,4]\nconst a[5]\nparam x[4] ~ zeros\n\
         k[n] = exp(-g sum[i] (x[i] - Z[n,i])^2)\nloss = a[n] k[n]",
        &["loss/x", "loss/Z", "loss/a"],
    ),
    form(
        "RBF kernel matrix",
        "const g = 0.5\nparam X[5,3] ~ zeros\nconst C[5,5]\n\
         K[n,m] = exp(-g sum[i] (X[n,i] - X[m,i])^2)\nloss = sum[n,m] C[n,m] K[n,m]",
        &["loss/X"],
    ),
    form(
        "Poisson regression",
        "const X[5,4]\nconst y[5]\nparam w[4] ~ zeros\neta[n] = X[n,j] w[j]\n\
         loss = sum[n] (exp(eta[n]) - y[n] eta[n])",
        &["loss/w", "loss/w/w"],
    ),
    form(
        "hinge loss",
        "const X[5,4]\nconst y[5]\nparam w[4] ~ zeros\nloss = sum[n] relu(1 - y[n] X[n,j] w[j])",
        &["loss/w"],
    ),
    form(
        "weighted least squares",
        "const X[5,4]\nconst y[5]\nconst c[5]\nparam w[4] ~ zeros\nr[n] = X[n,j] w[j] - y[n]\n\
         loss = 1/2 sum[n] c[n] r[n]^2",
        &["loss/w", "loss/w/w"],
    ),
    form(
        "lasso and elastic net",
        "const X[5,4]\nconst y[5]\nconst alpha = 0.2\nconst beta = 0.3\nparam w[4] ~ zeros\n\
         loss = 1/2 sum[n] (X[n,j] w[j] - y[n])^2 + alpha sum[j] abs(w[j]) + 1/2 beta sum[j] w[j]^2",
        &["loss/w"],
    ),
    form(
        "Huber's loss",
        "input x[4]\ntarget y[3]\nparam W[3,4] ~ zeros\nz[i] = W[i,j] x[j]\nr[i] = z[i] - y[i]\n\
         loss = sum[i] where(abs(r[i]) <= 1, 1/2 r[i]^2, abs(r[i]) - 1/2)",
        &["loss/z", "loss/W"],
    ),
    form(
        "negative log-likelihood of a normal distribution",
        "param m ~ zeros\nparam s ~ zeros\nconst x[5]\n\
         loss = 5 s + sum[n] (x[n] - m)^2 / (2 exp(2 s))",
        &["loss/m", "loss/s"],
    ),
    form(
        "embedding of two words",
        "param u[4] ~ zeros\nparam v[4] ~ zeros\nconst N[5,4]\n\
         loss = -log(sigmoid(u[i] v[i])) - sum[k] log(sigmoid(-N[k,i] u[i]))",
        &["loss/u", "loss/v"],
    ),
];
