//! Every rule keeps the value of what it rewrites, and a rule with a planted fault does not.
//!
//! The interpreter is the judge: it evaluates the term before and after, and answers the questions
//! `∂/∂` by dual numbers, which share nothing with the rules.

use deltarule_core::derivation::{Context, Rule, everywhere, random_point, rules};
use deltarule_core::meaning::{Point, complete, evaluate};
use deltarule_core::model::{self, Definition, Model};
use deltarule_core::syntax;
use deltarule_core::term::{Affine, Comparison, Index, Name, Node, Term};
use deltarule_core::text::Source;
use std::collections::BTreeMap;

/// What every example may read.
const GIVEN: &str = "
input  x[3]
target y[4] onehot
param  u[3] ~ zeros
param  v[3] ~ zeros
param  w[4] ~ zeros
param  A[3,4] ~ zeros
param  B[4,3] ~ zeros
param  C[3,3] ~ zeros
param  s ~ zeros
param  r ~ zeros
param  d[8] ~ zeros
input  o[3] int(4)
input  pp[3] positive
input  pu[3] in [0, 1]
e[i] = exp(u[i])
f[i] = exp(w[i])
n    = sum[k] exp(u[k])
m    = sum[k] e[k]
g[i] = sigmoid(u[i])
q[i] = tanh(u[i])
h[i] = C[i,j] u[j] + q[i] q[i]
l[i] = v[i]^2
rt   = sqrt(sum[k] (1 + v[k]^2))
g1[i] = u[i] / rt
g2[i] = (u[i] - r) / n
g3   = sum[k] u[k] v[k] / rt
rl[i] = relu(C[i,k] u[k] + v[i])
sy[i,j] = C[i,k] C[j,k]
mw   = mean[k] w[k]
ma[i] = mean[k] A[i,k]
f1[i] = 0.9 y[i] + 0.1 / 4
F[i,k] = exp(A[i,k] - logsumexp[l] A[i,l])
loss = sum[i] h[i]^2 + n + sum[i] where(s > 0, l[i], 0)
";

/// The name of a rule, the equation of a tensor `t` whose right side it rewrites, and the tensor by which that
/// is differentiated first, if any.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("as declared", "t[i] = abs(pp[i]) u[i] + v[i]", ""),
    ("as declared", "t[i] = relu(pp[i] + pu[i]) + u[i]", ""),
    ("as declared", "t[i] = sign(pp[i]) u[i] - v[i]", ""),
    ("as declared", "t[i] = sign(-pp[i]) u[i] v[i]", ""),
    ("as declared", "t[i] = abs(1 - pu[i]) u[i] + v[i]", ""),
    ("as declared", "t[i,k] = where(pp[i] > 0, A[i,k] + v[i], u[i])", ""),
    ("as declared", "t[i] = [pu[i] <= 1] (u[i] + v[i])", ""),
    ("as declared", "t[i] = sqrt(pp[i]^2) + u[i] v[i]", ""),
    ("as declared", "t[i] = (pp[i]^4)^(1/2) + u[i] v[i]", ""),
    ("as declared", "t[i] = max(pp[i] + pu[i], -pu[i]) + u[i]", ""),
    ("as declared", "t[i] = u[i] + min(pp[i] + 2, pu[i])", ""),
    ("as declared", "t[i] = u[i] abs(sum[k] pp[k] pu[k])", ""),
    ("as declared", "t[i] = u[i] relu(log(1 + pp[i])) + v[i]", ""),
    ("as declared", "t[i] = abs(pp[i] exp(u[i]) / (1 + pu[i])) + v[i]", ""),
    ("derivative of a constant", "t[i] = v[i] + x[i]", "u"),
    ("derivative of a constant", "t[i] = sign(u[i])", "u"),
    ("derivative of a constant", "t[i] = [u[i] > v[i]]", "u"),
    ("derivative of a constant", "t[i] = stop(u[i])", "u"),
    ("derivative of a constant", "t = argmax[i] u[i]", "u"),
    ("derivative of a constant", "t = v[argmax[j] u[j]]", "u"),
    ("derivative of a constant", "t[i] = A[argmin[j] (u[j] v[j] + r), i]", "u"),
    ("entry by entry", "t[i] = u[i]", "u"),
    ("entry by entry", "t[i,j] = A[i,j]", "A"),
    ("entry by entry", "t[i] = C[i,i]", "C"),
    ("entry by entry", "t = C[0,2]", "C"),
    ("entry by entry", "t = s", "s"),
    ("entry by entry", "t = u[argmax[j] u[j]]", "u"),
    ("entry by entry", "t[i] = C[i, argmin[j] C[j,j]]", "C"),
    ("sum rule", "t[i] = u[i] + sin(u[i]) + v[i]", "u"),
    ("sum rule", "t[i,j] = C[i,j] - C[j,i]", "C"),
    ("constant factor", "t[i] = v[i] s sin(u[i])", "u"),
    ("constant factor", "t[i] = -sin(u[i])", "u"),
    ("constant factor", "t[i,j] = v[i] sin(C[i,j])", "C"),
    ("product rule", "t[i] = sin(u[i]) exp(u[i]) (1 + u[i]^2)", "u"),
    ("product rule", "t[i,j] = C[i,j] C[j,i]", "C"),
    ("product rule", "t[i,j] = sin(C[i,j]) exp(C[j,i])", "C"),
    ("power rule", "t[i] = sin(u[i])^3", "u"),
    ("power rule", "t[i] = (2 + u[i])^(1/2)", "u"),
    ("power rule", "t[i] = 1 / (2 + u[i])", "u"),
    ("power rule", "t[i] = (2 + u[i])^v[i]", "u"),
    ("power rule", "t[i,j] = C[i,j]^3", "C"),
    ("exponential rule", "t[i] = 2^u[i]", "u"),
    ("exponential rule", "t[i] = (1 + v[i]^2)^u[i]", "u"),
    ("exponential rule", "t[i,j] = 2^(C[i,j] + v[i])", "C"),
    ("general power rule", "t[i] = (1 + u[i]^2)^sin(u[i])", "u"),
    ("general power rule", "t[i,j] = (1 + C[i,j]^2)^C[i,j]", "C"),
    ("derivative of exp", "t[i] = exp(u[i] v[i])", "u"),
    ("derivative of exp", "t[i,j] = exp(C[i,j] v[i])", "C"),
    ("derivative of log", "t[i] = log(3 + u[i])", "u"),
    ("derivative of log", "t[i,j] = log(3 + C[i,j])", "C"),
    ("derivative of sqrt", "t[i] = sqrt(3 + u[i])", "u"),
    ("derivative of sqrt", "t[i,j] = sqrt(3 + C[i,j])", "C"),
    ("derivative of abs", "t[i] = abs(u[i] - v[i])", "u"),
    ("derivative of abs", "t[i,j] = abs(C[i,j] - v[i])", "C"),
    ("derivative of sin", "t[i] = sin(2 u[i])", "u"),
    ("derivative of sin", "t[i,j] = sin(2 C[i,j])", "C"),
    ("derivative of cos", "t[i] = cos(2 u[i])", "u"),
    ("derivative of cos", "t[i,j] = cos(2 C[i,j])", "C"),
    ("derivative of tan", "t[i] = tan(0.5 u[i])", "u"),
    ("derivative of tan", "t[i,j] = tan(0.5 C[i,j])", "C"),
    ("derivative of asin", "t[i] = asin(0.4 u[i])", "u"),
    ("derivative of asin", "t[i,j] = asin(0.4 C[i,j])", "C"),
    ("derivative of acos", "t[i] = acos(0.4 u[i])", "u"),
    ("derivative of acos", "t[i,j] = acos(0.4 C[i,j])", "C"),
    ("derivative of atan", "t[i] = atan(2 u[i])", "u"),
    ("derivative of atan", "t[i,j] = atan(2 C[i,j])", "C"),
    ("derivative of sinh", "t[i] = sinh(u[i])", "u"),
    ("derivative of sinh", "t[i,j] = sinh(C[i,j])", "C"),
    ("derivative of cosh", "t[i] = cosh(u[i])", "u"),
    ("derivative of cosh", "t[i,j] = cosh(C[i,j])", "C"),
    ("derivative of tanh", "t[i] = tanh(2 u[i])", "u"),
    ("derivative of tanh", "t[i,j] = tanh(2 C[i,j])", "C"),
    ("derivative of erf", "t[i] = erf(u[i])", "u"),
    ("derivative of erf", "t[i,j] = erf(C[i,j])", "C"),
    ("derivative of sigmoid", "t[i] = sigmoid(2 u[i])", "u"),
    ("derivative of sigmoid", "t[i,j] = sigmoid(2 C[i,j])", "C"),
    ("derivative of relu", "t[i] = relu(u[i] - v[i])", "u"),
    ("derivative of relu", "t[i,j] = relu(C[i,j] - v[i])", "C"),
    ("derivative of softplus", "t[i] = softplus(3 u[i])", "u"),
    ("derivative of softplus", "t[i,j] = softplus(3 C[i,j])", "C"),
    ("derivative of gelu", "t[i] = gelu(2 u[i])", "u"),
    ("derivative of gelu", "t[i,j] = gelu(2 C[i,j])", "C"),
    ("derivative of silu", "t[i] = silu(2 u[i])", "u"),
    ("derivative of silu", "t[i,j] = silu(2 C[i,j])", "C"),
    ("derivative of max", "t[i] = max(u[i], u[i] v[i])", "u"),
    ("derivative of max", "t[i] = max(sin(u[i]), u[i] - u[i]^3)", "u"),
    ("derivative of max", "t[i] = max(u[i], u[i] + 0 v[i])", "u"),
    ("derivative of max", "t[i] = max(u[i], abs(u[i]))", "u"),
    ("derivative of max", "t[i,j] = max(C[i,j], v[i])", "C"),
    ("derivative of min", "t[i] = min(u[i], u[i] v[i])", "u"),
    ("derivative of min", "t[i] = min(sin(u[i]), exp(u[i]) - 1)", "u"),
    ("derivative of min", "t[i] = min(u[i], -abs(u[i]))", "u"),
    ("derivative of min", "t[i,j] = min(C[i,j], v[i])", "C"),
    ("derivative of where", "t[i] = where(v[i] > 0, sin(u[i]), u[i]^2)", "u"),
    ("derivative of where", "t[i] = where(u[i] > 0, v[i], u[i]^2)", "u"),
    ("derivative of where", "t[i,j] = where(v[i] > 0, sin(C[i,j]), C[i,j]^2)", "C"),
    ("derivative under the sum", "t[i] = sum[j] C[i,j] sin(u[j])", "u"),
    ("derivative under the sum", "t = sum[i,j] C[i,j]^2", "C"),
    ("derivative of logsumexp", "t = logsumexp[i] (u[i] v[i])", "u"),
    ("derivative of logsumexp", "t[i] = logsumexp[j] (C[i,j] + C[j,i])", "C"),
    ("derivative of a maximum", "t = max[i] (u[i] v[i])", "u"),
    ("derivative of a maximum", "t = max[i] (u[i] - u[i])", "v"),
    ("derivative of a maximum", "t[i] = max[j] (C[i,j] + C[j,i])", "C"),
    ("derivative of a maximum", "t[i] = max[j:4] u[i]", "u"),
    ("derivative of a minimum", "t[i] = min[j] C[i,j]", "C"),
    ("derivative of a minimum", "t = min[i] [u[i] > 5] u[i]", "u"),
    ("derivative of a minimum", "t[i] = min[j:4] u[i]", "u"),
    ("derivative of a minimum", "t[i,k] = min[j] (C[i,j] + 2 C[k,j])", "C"),
    ("derivative of a product", "t = prod[i] (1 + u[i])", "u"),
    ("derivative of a product", "t = prod[i] (u[i] [v[i] > 0])", "u"),
    ("derivative of a product", "t = prod[i,j] (1 + C[i,j])", "C"),
    ("delta collapses the sum", "t[j] = sum[k] delta[k,j] u[k] v[k]", ""),
    ("delta collapses the sum", "t[i,j] = sum[k] delta[i,k] C[j,k]", ""),
    ("delta collapses the sum", "t[j] = sum[i,k] delta[k,j] C[i,k] u[i]", ""),
    ("delta collapses the sum", "t = sum[i:3, k:4] delta[i,k] w[k]", ""),
    ("delta collapses the sum", "t[j] = sum[k] delta[o[j],k] w[k]", ""),
    ("delta collapses the sum", "t[i:2] = sum[k] delta[2*i+1,k] w[k]", ""),
    ("delta collapses the sum, in range", "t[i:4] = sum[k] delta[i,k] u[k]", ""),
    ("delta collapses the sum, in range", "t[a:8] = sum[i,k] delta[2*i+k,a] v[i] w[k]", ""),
    ("delta collapses the sum, in range", "t[a:8] = sum[i] delta[3*i,a] u[i]", ""),
    ("delta collapses the sum, in range", "t[i,a:5] = sum[k] delta[2*k-i,a] w[k] u[i]", ""),
    ("delta collapses the sum, in range", "t[a:8] = sum[i,k] delta[2*i+k,a] v[i] w[k] sin(d[2*i+k])", ""),
    ("quotient and remainder", "t[a:9] = sum[i,k] delta[3*i+k,a] u[i] v[k]", ""),
    ("quotient and remainder", "t[a:14] = sum[i,k] delta[4*i+k,a+1] u[i] v[k]", ""),
    ("quotient and remainder", "t[a:6] = sum[i,k:2] delta[2*i+k,a] u[i] d[2*i+k]", ""),
    ("delta of a quotient", "t[j:5] = sum[i] delta[floor((i+1)/2),j] d[i]", ""),
    ("delta of a quotient", "t[j:3] = sum[i] delta[i mod 3,j] d[i]", ""),
    ("delta of a quotient", "t[j:5] = sum[i] delta[j,(i+1) mod 4] d[i]", ""),
    ("sums joined", "t[a:6] = sum[i] u[i] sum[k] delta[i+k,a] w[k]", ""),
    ("branch as a bracket", "t[i] = where(i < 2, u[i], 0)", ""),
    ("branch as a bracket", "t[j] = where(s > 0, sum[i] delta[i,j] u[i], 0)", ""),
    ("branch as a bracket", "t[j] = where(s > 0, 0, sum[i] delta[i,j] u[i])", ""),
    ("implied condition", "t[i:8] = [i < 3] [i < 5] d[i]", ""),
    ("implied condition", "t[i:8] = [i < 3] [i < 3 + r] [i <= 2] d[i] + [i > 4] [i < 3] r", ""),
    ("implied condition", "t[i:8] = [floor(i/2) < 2] [i < 4] d[i]", ""),
    ("implied condition within", "t[i:8, j:8] = [i <= j] sin([i < j + 2] d[i] + [j < i] d[j])", ""),
    ("branches together", "t[i] = where(u[i] > 0, v[i], 0) + where(u[i] > 0, 0, u[i]^2) + s", ""),
    ("cancel", "t[i] = u[i] v[i] / u[i]", ""),
    ("cancel", "t[i] = (2 + u[i])^3 v[i] / (2 + u[i])", ""),
    ("cancel", "t[i] = (2 + u[i]) v[i] / (2 + u[i])^3", ""),
    ("product of exponentials", "t[i] = exp(u[i]) exp(v[i]) s", ""),
    ("product of exponentials", "t[i] = exp(u[i])^3 v[i]", ""),
    ("product of exponentials", "t[i] = v[i] / exp(u[i])", ""),
    ("logarithm of an exponential", "t[i] = log(exp(u[i]))", ""),
    ("logarithm of an exponential", "t[i] = log(3 exp(u[i]))", ""),
    ("delta out of a branch", "t[i,j] = where(u[i] > 0, delta[i,j] v[i], 0)", ""),
    ("delta out of a branch", "t[i,j] = where(u[i] > 0, 0, delta[i,j] v[i])", ""),
    ("delta out of a branch", "t[i,k,j] = where(C[i,k] > 0, delta[i,j] v[k], 0)", ""),
    ("distributive law, in a branch", "t[i,j] = where(u[i] > 0, s (delta[i,j] v[i] - u[j]), u[j])", ""),
    ("distributive law, in a branch", "t[i,j] = where(i = 0, 1, (r delta[i,j] - delta[i,j+1] v[j]) u[i] / i)", ""),
    ("branches apart", "t[i,j] = where(u[i] > 0, delta[i,j] v[i], u[j])", ""),
    ("branches apart", "t[i,j] = where(u[i] > 0, delta[i,j] v[i] + u[j], 0)", ""),
    ("distributive law, to cancel", "t[i] = u[i] (v[i] / u[i] - x[i])", ""),
    ("distributive law", "t[j] = sum[i] u[i] (delta[i,j] - v[i])", ""),
    ("sum of a sum", "t[j] = sum[i] (delta[i,j] u[i] - v[i])", ""),
    ("factor out of the sum", "t[j] = sum[i] u[j] v[i]", ""),
    ("factor out of the sum", "t = sum[i,j] u[i] w[j] v[i]", ""),
    ("factor out of the sum", "t = sum[i] 3 v[i]", ""),
    ("factor out of the sum", "t = sum[i,j] s (u[i] + 0 w[j])", ""),
    ("sum of a constant", "t[j] = sum[i:4] u[j]", ""),
    ("sum of a constant", "t = sum[i:4, j] u[j]", ""),
    ("sums to one", "t = sum[k] y[k]", ""),
    ("multiply out", "t[i] = u[i] (v[i] + x[i]) - u[i] v[i]", ""),
    ("multiply out", "t = -r (1 - s) + (1 - r) s", ""),
    ("definition, read backwards", "t[i] = 2 exp(u[i])", ""),
    ("definition, read backwards", "t[j] = 1 + tanh(u[j])^2", ""),
    ("definition, read backwards", "t = sin(sum[i] exp(u[i]))", ""),
    ("part of a definition, read backwards", "t[j] = v[j] u[j] / rt", ""),
    ("part of a definition, read backwards", "t[j] = sin(s) (r - u[j]) u[j] / (n^2 rt)", ""),
    ("part of a definition, read backwards", "t[i,j] = C[i,j] (r - u[i])^3 (r - u[j]) / n", ""),
    ("part of a definition, read backwards", "t[i] = x[i] (sum[k] u[k] v[k]) / rt^2", ""),
    ("condition on a root", "t[i] = [sum[k] (1 + v[k]^2) != 0] u[i]", ""),
    ("condition on a rectified value", "t[i] = [C[i,k] u[k] + v[i] > 0] u[i]", ""),
    ("condition on a rectified value", "t[i,j] = where(0 < C[j,k] u[k] + v[j], A[i,0], v[j])", ""),
    ("deviations from the mean", "t[i] = v[i] + sum[k] (w[k] - mw)", ""),
    ("deviations from the mean", "t = 1 + sum[k] (4 mw - 4 w[k])", ""),
    ("deviations from the mean", "t[i] = v[i] + sum[k] (A[i,k] - ma[i])", ""),
    ("sum of a definition", "t[i] = u[i] sum[k] f1[k]", ""),
    ("sum of a definition", "t[i] = u[i] + sum[k] F[i,k]", ""),
    ("branches together", "t[i] = where(u[i] > v[i], sin(u[i]), 0) + where(u[i] > v[i], 0, v[i]) + s", ""),
    ("branches together", "t[i] = 2 r where(u[i] > v[i], 0, sin(u[i])) + s where(u[i] > v[i], v[i], 0)", ""),
    ("definition, read backwards", "t[i:2] = r tanh(u[1+i])", ""),
    ("definition, read backwards", "t[i:2, j] = sin(exp(A[i+1,j] - logsumexp[l] A[i+1,l]))", ""),
    ("like sums joined", "t[i] = C[i,j] u[j] + C[j,i] u[j]", ""),
    ("like sums joined", "t[i,j] = u[j] (sum[k] C[i,k] v[k]) - 2 v[j] sum[k] C[i,k] u[k]", ""),
    ("like sums joined", "t = sum[i,j] C[i,j] sin(C[j,i]) + 3 sum[i,j] C[j,i] v[i] u[j]", ""),
    ("branches together", "t[i] = where(u[i] > 0, 0, u[i]^2) + [u[i] > 0] v[i]", ""),
    ("symmetry", "t[i,j] = sy[i,j] + v[i] sy[j,i]", ""),
    ("symmetry", "t[i] = sum[j] (sy[i,j] u[j] - sy[j,i] v[j])", ""),
    ("common factor", "t[i] = u[i] v[i] - u[i] x[i]", ""),
    ("common factor", "t[i] = u[i] - u[i]^2", ""),
    ("common factor", "t[i] = v[i] / u[i] - x[i] / u[i]^2", ""),
    ("softmax without overflow", "t[i] = exp(u[i]) / sum[k] exp(u[k])", ""),
    ("softmax without overflow", "t[i] = v[i] e[i] / m", ""),
    ("softmax without overflow", "t[i] = exp(u[i]) exp(v[i]) / (sum[k] exp(u[k]) exp(v[k]))", ""),
    ("softmax without overflow", "t[i] = [i < 2] exp(u[i]) / (sum[k] [k < 2] exp(u[k]))", ""),
    ("softmax without overflow", "t[i] = v[i] exp(u[i]) / (sum[k] v[k] exp(u[k]))", ""),
    ("softmax without overflow", "t[i] = exp(u[i]) / (exp(s) + exp(r) + exp(v[i]))", ""),
    ("softmax without overflow", "t = (sum[k] v[k] exp(u[k])) / sum[k] exp(u[k])", ""),
    ("softmax without overflow", "t[i] = v[i] / cosh(u[i])", ""),
    ("softmax without overflow", "t[i] = cosh(u[i]) / (cosh(u[i]) + cosh(v[i]))", ""),
    ("softmax without overflow", "t = sqrt(sum[k] exp(2 u[k])) / sum[k] exp(u[k])", ""),
    ("softmax without overflow", "t[i] = 2^u[i] / (2^u[i] + 3 * 2^v[i])", ""),
    ("softmax without overflow", "t[i] = exp(u[i]) / (1 + exp(u[i]))^3", ""),
    ("log of a sum of exponentials", "t = log(sum[k] exp(u[k] - v[k]))", ""),
    ("log of a sum of exponentials", "t = log(sum[i] v[i]^2 sum[k] exp(C[i,k]))", ""),
    ("log of a sum of exponentials", "t[i] = log(exp(u[i]) + exp(s) + 2 exp(r))", ""),
    ("log of a sum of exponentials", "t = log(1 + sum[k] exp(u[k]))", ""),
    ("log of a sum of exponentials", "t[i] = log(cosh(u[i]))", ""),
    ("log of a sum of exponentials", "t[i] = v[i] log(sum[k] (2 + x[k]) exp(C[i,k]))", ""),
    ("log of a sum of exponentials", "t = log(sum[k] [k != 1] exp(u[k]))", ""),
    ("constant out of logsumexp", "t[i] = logsumexp[k] (C[i,k] + v[i] - 2)", ""),
    ("logarithm, taken apart", "t[i] = log(exp(u[i]) sigmoid(v[i])^2 sqrt(2 cosh(u[i])))", ""),
    ("logarithm, taken apart", "t[i] = log(1 - tanh(u[i])^2)", ""),
    ("logarithm, taken apart", "t[i] = log(1 - sigmoid(u[i])^2)", ""),
    ("logarithm, taken apart", "t[i] = log(1 - tanh(u[i])) + 2 log(1 + tanh(v[i]))", ""),
    ("logarithm, taken apart", "t[i] = log(1 - exp(u[i] - logsumexp[k] u[k]))", ""),
    ("logarithm, taken apart", "t = log(prod[k] sigmoid(u[k]))", ""),
    ("logarithm, taken apart", "t[i] = log(where(u[i] > 0, exp(v[i]), 2 exp(u[i])))", ""),
    ("hyperbolic tangent", "t[i] = v[i] (exp(u[i]) - exp(-u[i])) / (exp(u[i]) + exp(-u[i]))", ""),
    ("hyperbolic tangent", "t[i] = (1 - exp(2 u[i])) / (1 + exp(2 u[i]))", ""),
    ("hyperbolic tangent", "t[i] = sinh(u[i]) / cosh(u[i]) + cosh(v[i]) / sinh(v[i])", ""),
    ("hyperbolic tangent of half", "t[i] = v[i] (3 - 6 sigmoid(u[i]))", ""),
    ("log of a sum of exponentials", "t = log(m)", ""),
    ("logistic function", "t[i] = v[i] / (1 + exp(-u[i]))", ""),
    ("logistic function", "t[i] = exp(u[i]) / (1 + exp(u[i]))", ""),
    ("logistic function", "t[i] = v[i] e[i] / (exp(v[i]) + e[i])", ""),
    ("logistic function", "t[i] = v[i] exp(-u[i]) / (1 + exp(-u[i]))^2", ""),
    ("logistic function", "t[i] = 1 / (1 + exp(-u[i]))^2", ""),
    ("exponential beside the logistic function", "t[i] = v[i] exp(-u[i]) sigmoid(u[i])^3", ""),
    ("exponential beside the logistic function", "t[i] = exp(v[i] - 2 u[i]) sigmoid(u[i])^2", ""),
    ("log of one plus an exponential", "t[i] = log(1 + exp(u[i]))", ""),
    ("log of the logistic function", "t[i] = log(sigmoid(u[i]))", ""),
    ("log of one minus the logistic function", "t[i] = log(1 - sigmoid(u[i]))", ""),
    ("logarithm of a definition", "t[i] = v[i] log(e[i])", ""),
    ("logarithm of a definition", "t[i] = log(g[i])", ""),
    ("logarithm of a definition", "t[i] = log(1 - g[i])", ""),
    ("logarithm of a definition", "t[i] = log(g[i]^2 e[i])", ""),
    ("logarithm of a definition", "t[i] = log(v[i]^2 g[i])", ""),
    ("logarithm of a definition", "t[i,k] = log(1 - F[i,k])", ""),
    ("logarithm of a definition", "t[i,k] = log(F[i,k] / (1 - F[i,k]))", ""),
    ("root of a definition", "t[i] = v[i] sqrt(e[i])", ""),
    ("root of a definition", "t[i,k] = F[i,k]^(3/2) + 1 / sqrt(g[i])", ""),
];

#[path = "laws/page.rs"]
mod page;
#[path = "laws/places.rs"]
mod places;
#[path = "laws/special.rs"]
mod special;

fn build(text: &str) -> Model {
    let source = Source::new("law.dr", text);
    let tree = syntax::parse(&source).unwrap_or_else(|problems| panic!("{}", problems[0].render(&source)));
    model::build(&source, &tree).unwrap_or_else(|problems| panic!("{}", problems[0].render(&source)))
}

/// A term that a rule rewrites, where it is evaluated, and over which indices.
struct Subject {
    model: Model,
    point: Point,
    term: Term,
    indices: Vec<Index>,
    jacobians: BTreeMap<(Name, Name), Definition>,
    known: BTreeMap<Name, Definition>,
}

fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

fn new_subject(model: Model, term: Term, indices: Vec<Index>, seed: u64) -> Subject {
    let mut point = random_point(&model, &mut uniform(seed));
    let names: Vec<Name> = model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
    complete(&model, &mut point, &names).expect("the examples have values");
    Subject { model, point, term, indices, jacobians: BTreeMap::new(), known: BTreeMap::new() }
}

fn subject(equation: &str, wrt: &str, seed: u64) -> Subject {
    let model = build(&format!("{GIVEN}{equation}\n"));
    let definition = model.definition("t").expect("the example defines t").clone();
    let mut indices = definition.indices.clone();
    let mut term = definition.body.clone();
    if !wrt.is_empty() {
        let shape = &model.tensor(wrt).expect("a tensor of the model").shape;
        let at: Vec<Index> = (100..).zip(shape).map(|(id, extent)| Index::new(id, *extent, "n")).collect();
        term = Term::derivative(term, wrt, at.iter().map(Term::index).collect());
        indices.extend(at);
    }
    new_subject(without(model, "t"), term, indices, seed)
}

/// The model without a definition, so that it is not found when read backwards.
fn without(mut model: Model, name: &str) -> Model {
    model.tensors = model.tensors.iter().filter(|tensor| &*tensor.name != name).cloned().collect();
    model
}

fn subjects_of(rule: &Rule, seed: u64) -> Vec<Subject> {
    let own = EXAMPLES.iter().filter(|(name, ..)| *name == rule.name);
    let mut subjects: Vec<Subject> = own.map(|(_, equation, wrt)| subject(equation, wrt, seed)).collect();
    let special = special::subjects(seed).into_iter();
    subjects.extend(special.filter(|(name, _)| *name == rule.name).map(|(_, subject)| subject));
    subjects
}

impl Subject {
    fn context(&self) -> Context<'_> {
        Context { model: &self.model, jacobians: &self.jacobians, known: &self.known }
    }

    fn values(&self, term: &Term) -> Vec<f64> {
        let mut entries: Vec<Vec<(Index, usize)>> = vec![Vec::new()];
        for index in &self.indices {
            entries = entries
                .iter()
                .flat_map(|entry| {
                    (0..index.extent.value()).map(move |value| [entry.as_slice(), &[(index.clone(), value)]].concat())
                })
                .collect();
        }
        entries.iter().map(|entry| evaluate(&self.model, &self.point, term, entry).expect("a value")).collect()
    }

    /// Whether two terms have the same values everywhere.
    fn agree(&self, before: &Term, after: &Term) -> bool {
        if after.free().iter().any(|index| !self.indices.contains(index)) {
            return false;
        }
        // The chain rule is held to finite differences, everything else to rounding.
        let exact = !self.term.tensors().iter().any(|name| name.starts_with('∂'));
        let tolerance = if exact { 1e-12 } else { 1e-8 };
        let (before, after) = (self.values(before), self.values(after));
        let size = before.iter().fold(1e-3f64, |size, value| size.max(value.abs()));
        before.iter().zip(&after).all(|(a, b)| (a - b).abs() <= tolerance * size)
    }
}

#[test]
fn every_rule_keeps_values() {
    for rule in rules::all() {
        let mut applied = 0;
        for seed in 0..5 {
            for subject in subjects_of(rule, seed) {
                let Some(after) = everywhere(rule, &subject.term, &subject.context()) else {
                    panic!("«{}» does not fit its example {:?}", rule.name, subject.term);
                };
                assert!(subject.agree(&subject.term, &after), "«{}»: {:?} became {after:?}", rule.name, subject.term);
                applied += 1;
            }
        }
        assert!(applied > 0, "«{}» has no example", rule.name);
    }
}

/// Random sums of products of entries at compound subscripts, deltas of all kinds, conditions and
/// branches. Every read is guarded.
struct RandomSums {
    uniform: Box<dyn FnMut() -> f64>,
}

impl RandomSums {
    fn below(&mut self, bound: usize) -> usize {
        ((((self.uniform)() + 1.0) / 2.0 * bound as f64) as usize).min(bound - 1)
    }

    fn place(&mut self, scope: &[Index]) -> Term {
        let mut addends = vec![Term::integer(self.below(5) as i64 - 2)];
        for _ in 0..1 + self.below(2) {
            let index = Term::index(&scope[self.below(scope.len())]);
            addends.push(Term::mul(vec![Term::integer([1, 1, 2, 3, -1][self.below(5)]), index]));
        }
        let form = Term::add(addends);
        match self.below(6) {
            0 => form.floor_quotient(2 + self.below(2) as i64),
            1 => form.remainder(2 + self.below(3) as i64),
            _ => form,
        }
    }

    fn factor(&mut self, scope: &[Index], depth: usize) -> Term {
        let place = self.place(scope);
        match self.below(if depth == 0 { 5 } else { 7 }) {
            0 | 1 => {
                let least = Term::compare(Comparison::LessEqual, Term::integer(0), place.clone());
                let greatest = Term::compare(Comparison::Less, place.clone(), Term::integer(8));
                Term::mul(vec![least, greatest, Term::read("d", vec![place])])
            }
            2 | 3 => Term::delta(place, self.place(scope)),
            4 => Term::compare(Comparison::LessEqual, place, self.place(scope)),
            5 => {
                let condition = Term::compare(Comparison::Less, place, self.place(scope));
                Term::choose(condition, self.product(scope, depth - 1), self.product(scope, 0))
            }
            _ => self.sum(scope, depth - 1),
        }
    }

    fn product(&mut self, scope: &[Index], depth: usize) -> Term {
        Term::mul((0..1 + self.below(3)).map(|_| self.factor(scope, depth)).collect())
    }

    fn sum(&mut self, scope: &[Index], depth: usize) -> Term {
        let first = 10 + scope.len() as u32;
        let bound: Vec<Index> =
            (first..).take(1 + self.below(2)).map(|id| Index::new(id, 1 + self.below(5), "k")).collect();
        let inner = [scope, &bound].concat();
        let addends = (0..1 + self.below(2)).map(|_| self.product(&inner, depth)).collect();
        Term::sum(&bound, Term::add(addends))
    }
}

#[test]
fn rules_keep_the_values_of_random_sums() {
    let model = build(GIVEN);
    let mut random = RandomSums { uniform: Box::new(uniform(8)) };
    let mut applied: BTreeMap<&str, usize> = BTreeMap::new();
    for round in 0..600 {
        let indices = vec![Index::new(0, 4, "i"), Index::new(1, 6, "j")];
        let term = random.sum(&indices, 1 + round % 2);
        let mut subject = new_subject(model.clone(), term, indices, round as u64);
        let values = subject.values(&subject.term);
        for _ in 0..40 {
            let all = rules::SIMPLIFY.iter().chain(rules::SOLVE);
            let Some((rule, after)) =
                all.copied().find_map(|rule| Some((rule, everywhere(rule, &subject.term, &subject.context())?)))
            else {
                break;
            };
            let found = subject.values(&after);
            let agree = values.iter().zip(&found).all(|(a, b)| (a - b).abs() <= 1e-12 * a.abs().max(1.0));
            assert!(agree, "round {round}, «{}»: {:?} became {after:?}", rule.name, subject.term);
            *applied.entry(rule.name).or_default() += 1;
            subject.term = after;
        }
    }
    for rule in rules::SOLVE {
        assert!(applied.get(rule.name).is_some_and(|times| *times > 10), "«{}»: {applied:?}", rule.name);
    }
}

/// A fault that can be planted in what a rule gives.
struct Fault {
    name: &'static str,
    plant: fn(&Term) -> Option<Term>,
}

/// Changes the first part of the term that `change` changes.
fn first_change(term: &Term, change: &dyn Fn(&Term) -> Option<Term>) -> Option<Term> {
    if let Some(changed) = change(term) {
        return Some(changed);
    }
    let mut children = term.children();
    for position in 0..children.len() {
        if let Some(changed) = first_change(&children[position], change) {
            children[position] = changed;
            return Some(term.with_children(children)).filter(|after| after != term);
        }
    }
    None
}

const FAULTS: &[Fault] = &[
    Fault { name: "a wrong sign", plant: |term| Some(term.negated()) },
    Fault {
        name: "a swapped index",
        plant: |term| {
            let pair = term.free().iter().enumerate().find_map(|(position, first)| {
                let second = term.free()[position + 1..].iter().find(|second| second.extent == first.extent)?;
                Some((first.clone(), second.clone()))
            });
            let (first, second) = pair?;
            Some(term.substitute_all(&[(first.clone(), Affine::index(&second)), (second, Affine::index(&first))]))
        },
    },
    Fault {
        name: "a missing term",
        plant: |term| {
            first_change(term, &|part| match part.node() {
                Node::Add(addends) => Some(Term::add(addends[1..].to_vec())),
                _ => None,
            })
        },
    },
    Fault {
        name: "the last addend for the sum of all",
        plant: |term| {
            first_change(term, &|part| match part.node() {
                Node::Add(addends) => addends.last().cloned(),
                Node::Reduce { .. } => {
                    let opened = part.open()?;
                    let last = opened
                        .indices
                        .iter()
                        .map(|index| (index.clone(), Affine::constant(index.extent.value() as i64 - 1)));
                    Some(opened.body.substitute_all(&last.collect::<Vec<_>>()))
                }
                _ => None,
            })
        },
    },
    Fault {
        name: "a missing factor",
        plant: |term| {
            first_change(term, &|part| match part.node() {
                Node::Mul(factors) => Some(Term::mul(factors[1..].to_vec())),
                _ => None,
            })
        },
    },
];

#[test]
fn planted_faults_are_seen() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in rules::all() {
        for fault in FAULTS {
            let (mut planted, mut caught) = (0, 0);
            for subject in (0..3).flat_map(|seed| subjects_of(rule, seed)) {
                let after = everywhere(rule, &subject.term, &subject.context()).expect("the rule fits");
                let Some(faulty) = (fault.plant)(&after).filter(|faulty| *faulty != after) else { continue };
                planted += 1;
                caught += usize::from(!subject.agree(&subject.term, &faulty));
            }
            if planted == 0 {
                continue;
            }
            // A fault may leave the value alone in one example (an addend that is 0 there), not in all.
            assert!(caught > 0, "{} in «{}» was not seen in any of {planted} examples", fault.name, rule.name);
            *seen.entry(fault.name).or_default() += 1;
        }
    }
    for fault in FAULTS {
        println!("{}: seen in {} rules", fault.name, seen.get(fault.name).copied().unwrap_or(0));
    }
    assert!(seen.values().all(|rules| *rules >= 10), "each kind of fault is planted in at least ten rules: {seen:?}");
}
