//! Right models that once were refused, or are like them: derived, put in full, replayed and verified.

use crate::hand::{model, uniform};
use deltarule_core::derivation::{derive, random_point, verify, with_derivatives};
use deltarule_core::meaning::Point;
use deltarule_core::model::{LOSS, Role};
use deltarule_core::term::Name;

/// Derives by all that is given, as `check` does.
fn accepted(what: &str, text: &str) {
    let model = with_derivatives(&model(text)).unwrap_or_else(|error| panic!("{what}: {error}"));
    let varies = |role: &Role| matches!(role, Role::Param(_) | Role::Input { below: None });
    let given = model.tensors.iter().filter(|tensor| varies(&tensor.role));
    let wrt: Vec<Name> = given.map(|tensor| tensor.name.clone()).collect();
    let mut backward = derive(&model, LOSS, &wrt).unwrap_or_else(|error| panic!("{what}: {error}"));
    backward.put_in_full();
    let points: Vec<Point> = (1..3).map(|seed| random_point(&backward.model, &mut uniform(seed))).collect();
    verify(&backward, &points).unwrap_or_else(|error| panic!("{what}: {error}\n{text}"));
}

/// Recurrences whose steps stand in brackets, quotients and branches.
const RECURRENCES: &[(&str, &str)] = &[
    (
        "Legendre polynomials",
        "param x ~ zeros\n\
         param c[6] ~ ones\n\
         P[k:-1] = 0\n\
         P[k:-2] = 0\n\
         P[k:6] = where(k = 0, 1, (x P[k-1] - P[k-2]) / k)\n\
         loss = c[k] P[k]\n",
    ),
    (
        "Legendre polynomials with their usual start",
        "param x ~ zeros\n\
         param c[6] ~ ones\n\
         P[k:-1] = 0\n\
         P[k:-2] = 0\n\
         P[k:6] = where(k = 0, 1, where(k = 1, x, ((2 k - 1) x P[k-1] - (k - 1) P[k-2]) / k))\n\
         loss = (sum[k] c[k] P[k] - 1)^2\n",
    ),
    (
        "Chebyshev polynomials and their slope",
        "input x\n\
         target y\n\
         param c[8] ~ normal(0,1)\n\
         T[k:-1] = 0\n\
         T[k:-2] = 0\n\
         T[k:8] = where(k = 0, 1, where(k = 1, x, 2 x T[k-1] - T[k-2]))\n\
         f = c[k] T[k]\n\
         loss = (f - y)^2 + 0.1 (∂f/∂x)^2\n",
    ),
    (
        "Hermite polynomials",
        "input x\n\
         target y\n\
         param c[6] ~ normal(0,1)\n\
         H[k:-1] = 0\n\
         H[k:-2] = 0\n\
         H[k:6] = where(k = 0, 1, x H[k-1] - (k-1) H[k-2])\n\
         H2 = c[k] H[k]\n\
         loss = (H2 - y)^2\n",
    ),
    (
        "Laguerre polynomials",
        "input x\n\
         target y\n\
         param a ~ ones\n\
         param c[6] ~ normal(0,1)\n\
         L[k:-1] = 0\n\
         L[k:-2] = 0\n\
         L[k:6] = where(k = 0, 1, ((2 k - 1 + a - x) L[k-1] - (k - 1 + a) L[k-2]) / k)\n\
         loss = (sum[k] c[k] L[k] - y)^2\n",
    ),
    (
        "backward, divided by a number of the step",
        "input x[7]\n\
         param a ~ ones\n\
         param b ~ ones\n\
         h[t] = x[t] + [t < 6] (a h[t+1] + b x[t]) / (t + 1)\n\
         loss = sum[t] h[t]^2\n",
    ),
    (
        "backward, two steps",
        "input x[7]\n\
         param a ~ ones\n\
         param b ~ ones\n\
         h[t] = (x[t] + a (where(t < 6, h[t+1], 0) - b where(t < 5, h[t+2], 1))) / (1 + x[t]^2)\n\
         loss = sum[t] h[t]^2\n",
    ),
    (
        "two tensors, step by step",
        "param q0 ~ ones\n\
         param p0 ~ ones\n\
         param k ~ ones\n\
         q[t:-1] = q0\n\
         p[t:-1] = p0\n\
         p[t:10] = p[t-1] - 0.1 k sin(q[t-1])\n\
         q[t:10] = q[t-1] + 0.1 p[t]\n\
         loss = (q[9] - 1)^2\n",
    ),
    (
        "along the second axis",
        "input x[3,7]\n\
         param a[3,3] ~ lecun\n\
         h[i,t:-1] = 0\n\
         h[i,t] = (x[i,t] + 2 (a[i,j] h[j,t-1] - h[i,t-1])) / (t + 1)\n\
         loss = sum[i,t] h[i,t]^2\n",
    ),
    (
        "branches for the first steps",
        "param a ~ ones\n\
         param c[7] ~ ones\n\
         f[n:-1] = 0\n\
         f[n:-2] = 0\n\
         f[n:7] = where(n = 0, a, where(n = 1, a^2, (f[n-1] + n f[n-2]) * exp(-a) / sqrt(n + 1)))\n\
         loss = c[n] f[n]\n",
    ),
    (
        "a branch in a product",
        "param a ~ ones\n\
         param c[7] ~ ones\n\
         f[n:-1] = a\n\
         f[n:-2] = 1\n\
         f[n:7] = a * where(n < 3, (f[n-1] + f[n-2]) / 2, (f[n-1] - a (f[n-2] + f[n-1]) / n) / 3)\n\
         loss = c[n] f[n]\n",
    ),
    (
        "a function of two steps over another",
        "param a ~ ones\n\
         param c[7] ~ ones\n\
         f[n:-1] = a\n\
         f[n:-2] = 1\n\
         f[n:7] = tanh(a (f[n-1] + f[n-2] / (n+1))) / (1 + f[n-1]^2)\n\
         loss = c[n] f[n]\n",
    ),
    (
        "the greater of two steps",
        "param a[7] ~ normal(0,1)\n\
         f[n:-1] = 0\n\
         f[n:-2] = 0\n\
         f[n:7] = max(a[n] + f[n-2], f[n-1])\n\
         loss = f[6]\n",
    ),
    (
        "a sum over steps",
        "param a[3] ~ normal(0,1)\n\
         f[n:7] = (sum[j] [n-1-j >= 0] a[j] f[n-1-j]) / (n + 1) + 0.1\n\
         loss = f[6]^2\n",
    ),
    (
        "a maximum over steps",
        "param a[3] ~ normal(0,1)\n\
         f[n:7] = (max[j] where(n-1-j >= 0, a[j] f[n-1-j], 0.3)) / (n + 1) + a[0]\n\
         loss = sum[n] f[n]^2\n",
    ),
    (
        "a logsumexp over steps",
        "param a[3] ~ normal(0,1)\n\
         f[n:7] = (logsumexp[j] (a[j] + where(n > j, f[n-1-j], 0.1))) / (n + 1) + a[0]\n\
         loss = sum[n] f[n]^2\n",
    ),
    (
        "a product over steps",
        "param a[3] ~ normal(0,1)\n\
         f[n:7] = (prod[j] (a[j] + [n-1-j >= 0] f[n-1-j])) / (n + 1) + a[0]\n\
         loss = sum[n] f[n]^2\n",
    ),
    (
        "divided by a norm",
        "input x[5]\n\
         param W[4,4] ~ lecun\n\
         param u[4] ~ lecun\n\
         h[t:-1,i] = 0\n\
         z[t,i] = u[i] x[t] + W[i,j] h[t-1,j]\n\
         h[t,i] = z[t,i] / (1 + sum[k] z[t,k]^2)\n\
         loss = sum[i] h[4,i]^2\n",
    ),
    (
        "a softmax in every step",
        "input x[5]\n\
         param W[4,4] ~ lecun\n\
         param u[4] ~ lecun\n\
         h[t:-1,i] = 0.25\n\
         h[t,i] = softmax[i](u[i] x[t] + W[i,j] h[t-1,j])\n\
         loss = sum[i] h[4,i]^2 i\n",
    ),
    (
        "Newton's method",
        "param a ~ ones\n\
         s[k:-1] = 1\n\
         s[k:6] = (s[k-1] + (a^2 + 2) / s[k-1]) / 2\n\
         loss = s[5]^2\n",
    ),
    (
        "the method of Runge and Kutta",
        "param w ~ ones\n\
         param b ~ ones\n\
         y[n:-1] = 1\n\
         k1[n:8] = -w y[n-1] + b\n\
         k2[n] = -w (y[n-1] + 0.05 k1[n]) + b\n\
         k3[n] = -w (y[n-1] + 0.05 k2[n]) + b\n\
         k4[n] = -w (y[n-1] + 0.1 k3[n]) + b\n\
         y[n] = y[n-1] + 0.1/6 (k1[n] + 2 k2[n] + 2 k3[n] + k4[n])\n\
         loss = (y[7] - 2)^2\n",
    ),
    (
        "conditions in a bracket",
        "input x[6]\n\
         param w ~ ones\n\
         h[t] = x[t] + ([t >= 1] w h[t-1] + [t >= 2] w^2 (h[t-2] - x[t])) / (1 + t)\n\
         loss = sum[t] h[t]^2\n",
    ),
    (
        "along either axis",
        "input x[4,5]\n\
         param w ~ ones\n\
         param v ~ ones\n\
         D[i,j] = x[i,j] + where(i > 0, (w D[i-1,j] + v) / 2, 0) \n\
         E[i,j:-1] = 0\n\
         E[i,j] = D[i,j] + w (E[i,j-1] + v x[i,j]) / (j + 1)\n\
         loss = sum[i,j] E[i,j]^2\n",
    ),
    (
        "the less of two, times a number of the step",
        "input x[4]\n\
         param w ~ ones\n\
         c[k:-1] = 1\n\
         c[k] = (w c[k-1] + min(c[k-1], x[k])) * (k + 1) / 3\n\
         loss = sum[k] c[k]^2\n",
    ),
    (
        "data that choose a factor",
        "input x[6]\n\
         input t[6] int(3)\n\
         param w[3] ~ ones\n\
         c[k:-1] = 1\n\
         c[k] = (w[t[k]] c[k-1] + x[k]) / (k + 1)\n\
         loss = sum[k] c[k]^2\n",
    ),
];

/// Derivatives in equations.
const DERIVATIVES: &[(&str, &str)] = &[
    (
        "the derivative of an inverse",
        "param w ~ ones\n\
         s = w^2 + 1\n\
         l = 1 / s\n\
         loss = ∂l/∂w\n",
    ),
    (
        "a derivative by an input",
        "input x\n\
         param w ~ ones\n\
         f = w x\n\
         loss = (∂f/∂x - 1)^2\n",
    ),
    (
        "a gradient penalty",
        "input x[2]\n\
         param W[6,2] ~ glorot\n\
         param w[6] ~ glorot\n\
         z[h] = W[h,i] x[i]\n\
         a[h] = tanh(z[h])\n\
         u = w[h] a[h]\n\
         g[i] = ∂u/∂x[i]\n\
         loss = (norm[i](g[i]) - 1)^2\n",
    ),
    (
        "the gradient of a layer norm",
        "param x[4] ~ glorot\n\
         y[i] = layernorm[i](x[i])\n\
         s = y[i] y[i] y[i]\n\
         loss = sum[i] (∂s/∂x[i])^2\n",
    ),
    (
        "a squared gradient",
        "input x[4]\n\
         param A[4,4] ~ lecun\n\
         u = x[i] A[i,j] x[j]\n\
         loss = ∂u/∂x[i] ∂u/∂x[i]\n",
    ),
    (
        "through a name",
        "param w ~ normal(0, 1)\n\
         f = w^2\n\
         u = sin(f)\n\
         loss = ∂u/∂w\n",
    ),
    (
        "a recurrence, differentiated twice",
        "input x\n\
         param w ~ ones\n\
         h[t:-1] = x\n\
         h[t:4] = tanh(w h[t-1] / (t + 1))\n\
         u = h[3]\n\
         g = ∂u/∂x\n\
         loss = (∂g/∂x - 1)^2 + u^2\n",
    ),
    (
        "all steps by all inputs",
        "input x[4]\n\
         param w ~ ones\n\
         param v ~ ones\n\
         h[t:-1] = 0\n\
         h[t] = tanh(w h[t-1] + v x[t])\n\
         loss = sum[t,s] (∂h[t]/∂x[s])^2\n",
    ),
];

/// Positions of extrema as subscripts: they move nothing.
const POSITIONS: &[(&str, &str)] = &[
    (
        "of a parameter",
        "param D[3] ~ ones\n\
         param C[3,2] ~ ones\n\
         q[e] = C[argmin[k] D[k], e]\n\
         loss = sum[e] q[e]^2\n",
    ),
    (
        "of computed values, nested",
        "input x[3]\n\
         param W[4,3] ~ lecun\n\
         param C[4,5] ~ lecun\n\
         param B[5,2] ~ lecun\n\
         z[i] = W[i,j] x[j]\n\
         q[e] = B[argmax[k] C[argmin[i] z[i], k], e] z[argmax[i] z[i]]\n\
         loss = sum[e] q[e]^2\n",
    ),
    (
        "over several indices",
        "param D[3,4] ~ lecun\n\
         param C[12] ~ lecun\n\
         loss = C[argmax[i,j] D[i,j]]^2 + D[0,1]^2\n",
    ),
    (
        "in a condition",
        "input x[4]\n\
         param w[4] ~ lecun\n\
         z[i] = w[i] x[i]\n\
         loss = sum[i] where(i = argmax[k] z[k], z[i]^2, z[i])\n",
    ),
    (
        "in a recurrence",
        "input x[6]\n\
         param w[3] ~ normal(0,1)\n\
         param v[3] ~ normal(0,1)\n\
         c[k:-1] = 1\n\
         c[k] = (w[argmax[j] (v[j] x[k] + w[j])] c[k-1] + x[k]) / (k + 1)\n\
         loss = sum[k] c[k]^2\n",
    ),
    (
        "vector quantisation",
        "input x[4]\n\
         param W[3,4] ~ lecun\n\
         param C[5,3] ~ lecun\n\
         param V[4,3] ~ lecun\n\
         z[i] = W[i,j] x[j]\n\
         d[k] = sum[i] (C[k,i] - z[i])^2\n\
         q[i] = C[argmin[k] d[k], i]\n\
         r[j] = V[j,i] (z[i] + q[i])\n\
         loss = sum[j] (r[j] - x[j])^2 + 0.25 sum[i] (z[i] - q[i])^2\n",
    ),
];

#[test]
fn steps_in_brackets_and_branches_are_read_in_order() {
    RECURRENCES.iter().for_each(|(what, text)| accepted(what, text));
}

#[test]
fn derivatives_in_equations_are_put_in_and_replayed() {
    DERIVATIVES.iter().for_each(|(what, text)| accepted(what, text));
}

#[test]
fn positions_of_extrema_move_nothing() {
    POSITIONS.iter().for_each(|(what, text)| accepted(what, text));
}

/// Guards, borders, floors and remainders in subscripts, recurrences, nested reductions, gathers, functions of functions,
/// written ranges that are shorter than an axis.
#[test]
fn unusual_models_are_accepted() {
    let models: Vec<(&str, &str)> = include_str!("unusual.txt")
        .split("## ")
        .filter_map(|part| part.split_once('\n'))
        .map(|(what, text)| (what, text.trim_end()))
        .collect();
    assert!(models.len() > 80);
    models.iter().for_each(|(what, text)| accepted(what, &format!("{text}\n")));
}
