//! Formulas with exponentials at extreme values, however they are spelled: value and gradient in both engines, held to
//! the mathematics, written down here in doubles from differences of logarithms.

mod duals;

use crate::common::{Given, build, gradients};
use deltarule_core::derivation::for_running;
use deltarule_core::meaning::{self, Array};
use deltarule_core::model::Model;
use deltarule_core::term::Name;
use deltarule_run::evaluate::evaluate;
use duals::{Dual, lse, shares, softplus, sum, weighted};

const INFINITY: f64 = f64::INFINITY;

/// What is meant, and how it can be spelled: equations after `param z[4]`, the last of `loss`.
struct Kind {
    meaning: fn(&[Dual]) -> Dual,
    /// Errors are measured by at least so much of the greatest number that is given, where that cancels.
    cancels: f64,
    spellings: &'static [&'static str],
}

const KINDS: &[Kind] = &[
    // A softmax.
    Kind {
        cancels: 0.0,
        meaning: |z| weighted(shares(z).iter().map(Dual::exp)),
        spellings: &[
            "p[i] = softmax[i](z[i])\nloss = sum[i] (1 + i) p[i]",
            "loss = sum[i] (1 + i) exp(z[i]) / sum[k] exp(z[k])",
            "p[i] = exp(z[i] - max[k] z[k]) / sum[k] exp(z[k] - max[l] z[l])\nloss = sum[i] (1 + i) p[i]",
            "p[i] = exp(z[i] - min[k] z[k]) / sum[k] exp(z[k] - min[l] z[l])\nloss = sum[i] (1 + i) p[i]",
            "p[i] = softmax[i](z[i] - mean[k] z[k])\nloss = sum[i] (1 + i) p[i]",
            "p[i] = softmax[i](z[i] - 2 z[0] + 1)\nloss = sum[i] (1 + i) p[i]",
            "m = max[k] z[k]\ne[i] = exp(z[i] - m)\ns = sum[k] e[k]\np[i] = e[i] / s\nloss = sum[i] (1 + i) p[i]",
            "e[i] = exp(z[i])\ns = sum[k] e[k]\nloss = sum[i] (1 + i) e[i] / s",
            "l = logsumexp[k] z[k]\nloss = sum[i] (1 + i) exp(z[i] - l)",
            "p[i] = exp(z[i]) / (sum[k] exp(z[k]))\nq[i] = p[i] / (sum[k] p[k])\nloss = sum[i] (1 + i) q[i]",
            "l = log(sum[k] exp(z[k]))\nloss = sum[i] (1 + i) exp(z[i] - l)",
            "p[i] = 1 / sum[k] exp(z[k] - z[i])\nloss = sum[i] (1 + i) p[i]",
            "loss = (sum[i] (1 + i) exp(z[i])) / sum[k] exp(z[k])",
            "n = sum[i] (1 + i) exp(z[i])\nd = sum[k] exp(z[k])\nloss = n / d",
            "p[i] = softmax[i](z[i])\nq[i] = p[i] / sum[k] p[k]\nloss = sum[i] (1 + i) q[i]",
            "p[i] = softmax[i](z[i])\nloss = sum[i] (1 + i) exp(log(p[i]))",
            "u[i:2,j:2] = z[2*i+j]\np[i,j] = exp(u[i,j]) / sum[k,l] exp(u[k,l])\nloss = sum[i,j] (1 + 2*i + j) p[i,j]",
            "d[i:4] = exp(z[0]) + exp(z[1]) + exp(z[2]) + exp(z[3])\nloss = sum[i] (1 + i) exp(z[i]) / d[i]",
        ],
    },
    // The logarithm of one entry of it.
    Kind {
        cancels: 0.0,
        meaning: |z| lse(z) - z[1].clone(),
        spellings: &[
            "p[i] = softmax[i](z[i])\nloss = -log(p[1])",
            "p[i] = softmax[i](z[i])\nloss = sum[i] where(i = 1, -log(p[i]), 0)",
            "p[i] = softmax[i](z[i])\nloss = -sum[i] [i = 1] log(p[i])",
            "loss = -log(exp(z[1]) / sum[k] exp(z[k]))",
            "loss = log(sum[k] exp(z[k] - z[1]))",
            "e[i] = exp(z[i])\nloss = -log(e[1] / sum[k] e[k])",
            "e[i] = exp(z[i])\ns = sum[k] e[k]\nloss = log(s) - log(e[1])",
            "loss = log(exp(z[0]) + exp(z[1]) + exp(z[2]) + exp(z[3])) - z[1]",
            "p[i] = softmax[i](z[i])\nq = p[1]^2\nloss = -1/2 log(q)",
            "p[i] = softmax[i](z[i])\nloss = -2 log(sqrt(p[1]))",
            "m = max[k] z[k]\nloss = m + log(sum[k] exp(z[k] - m)) - z[1]",
        ],
    },
    // Entropy.
    Kind {
        cancels: 0.0,
        meaning: |z| sum(shares(z).iter().map(|l| l.exp() * l.times(-1.0))),
        spellings: &[
            "p[i] = softmax[i](z[i])\nloss = entropy[i](p[i])",
            "p[i] = softmax[i](z[i])\nloss = -sum[i] p[i] log(p[i])",
            "loss = -sum[i] softmax[i](z[i]) logsoftmax[i](z[i])",
            "l = logsumexp[k] z[k]\np[i] = exp(z[i] - l)\nloss = -sum[i] p[i] log(p[i])",
            "loss = entropy[i](softmax[i](z[i]))",
        ],
    },
    // Label smoothing.
    Kind {
        cancels: 0.0,
        meaning: |z| sum(shares(z).into_iter().zip([0.025, 0.025, 0.925, 0.025]).map(|(l, w)| l.times(-w))),
        spellings: &[
            "p[i] = softmax[i](z[i])\nloss = -sum[i] (0.9 [i = 2] + 0.1 / 4) log(p[i])",
            "p[i] = softmax[i](z[i])\ny[i:4] = 0.9 [i = 2] + 0.025\nloss = crossentropy[i](p[i], y[i])",
        ],
    },
    // Focal loss.
    Kind {
        cancels: 0.0,
        meaning: |z| {
            let log = &shares(z)[1];
            let rest = log.exp().times(-1.0).plus(1.0);
            rest.clone() * rest * log.times(-1.0)
        },
        spellings: &[
            "p[i] = softmax[i](z[i])\nloss = -(1 - p[1])^2 log(p[1])",
            "p[i] = softmax[i](z[i])\nloss = sum[i] where(i = 1, -(1 - p[i])^2 log(p[i]), 0)",
        ],
    },
    // Divergence of two softmaxes.
    Kind {
        cancels: 1.0,
        meaning: |z| {
            let halves: Vec<Dual> = z.iter().map(|z| z.times(-0.5)).collect();
            sum(shares(&halves).into_iter().zip(shares(z)).map(|(q, p)| q.exp() * (q - p)))
        },
        spellings: &[
            "p[i] = softmax[i](z[i])\nq[i] = softmax[i](-z[i] / 2)\nloss = kldivergence[i](p[i], q[i])",
            "p[i] = softmax[i](z[i])\nq[i] = softmax[i](-z[i] / 2)\nloss = sum[i] q[i] log(q[i] / p[i])",
        ],
    },
    // All but one entry of a softmax.
    Kind {
        cancels: 0.0,
        meaning: |z| lse(&[z[0].clone(), z[2].clone(), z[3].clone()]) - lse(z),
        spellings: &[
            "p[i] = softmax[i](z[i])\nloss = log(1 - p[1])",
            "loss = sum[i] [i = 1] log(1 - exp(z[i]) / sum[k] exp(z[k]))",
            "p[i] = softmax[i](z[i])\nloss = log(sum[k] [k != 1] p[k])",
        ],
    },
    // Two exponentials.
    Kind {
        cancels: 0.0,
        meaning: |z| softplus(&(z[1].clone() - z[0].clone())),
        spellings: &[
            "p = exp(z[0]) / (exp(z[0]) + exp(z[1]))\nloss = -log(p)",
            "loss = -log(exp(z[0]) / (exp(z[0]) + exp(z[1])))",
            "loss = log(exp(z[0]) + exp(z[1])) - z[0]",
            "a = exp(z[0])\nb = exp(z[1])\nloss = log((a + b) / a)",
            "loss = log(1 + exp(z[1] - z[0]))",
            "e = exp(z[0] - z[1])\ns = 1 / (1 + 1/e)\nloss = -log(s)",
            "s = sigmoid(z[0] - z[1])\nloss = -log(s)",
            "s = sigmoid(z[1] - z[0])\nloss = -log(1 - s)",
            "p = exp(z[1] - z[0]) / (exp(z[1] - z[0]) + 1)\nloss = -log(1 - p)",
            "s = 1/2 (1 + tanh((z[0] - z[1]) / 2))\nloss = -log(s)",
        ],
    },
    // Powers of a number: what is multiplied and divided by a logarithm is rounded.
    Kind {
        cancels: 1e-2,
        meaning: |z| softplus(&(z[1].clone() - z[0].clone())),
        spellings: &["b = 2^(z[1] / log(2))\nloss = log(2^(z[0] / log(2)) + b) - z[0]"],
    },
    // Divergence from a table, some of whose factors are positive by no form.
    Kind {
        cancels: 1e-2,
        meaning: |z| sum(shares(z).into_iter().zip(1..).map(|(l, n)| l.exp() * l.plus(-(n as f64 / 10.0).ln()))),
        spellings: &[
            "p[i] = softmax[i](z[i])\nq[i:4] = (i + 1) / 10\nloss = sum[i] p[i] log(p[i] / q[i])",
            "q[i:4] = (i + 1) / 10\nloss = sum[i] softmax[i](z[i]) log(softmax[i](z[i]) / q[i])",
        ],
    },
    // Sums with weights inside of others.
    Kind {
        cancels: 0.0,
        meaning: |z| {
            let rows = [lse(&z[..2]), lse(&z[2..]).plus(2f64.ln())];
            lse(&rows)
        },
        spellings: &[
            "u[i:2,j:2] = z[2*i+j]\nw[i:2] = i + 1\nloss = log(sum[i] w[i] sum[j] exp(u[i,j]))",
            "u[i:2,j:2] = z[2*i+j]\nw[i:2] = i + 1\nr[i] = w[i] sum[j] exp(u[i,j])\nloss = log(sum[i] r[i])",
        ],
    },
    Kind {
        cancels: 0.0,
        meaning: |z| {
            let rows = [lse(&z[..2]), lse(&z[2..])];
            shares(&rows)[1].exp()
        },
        spellings: &[
            "u[i:2,j:2] = z[2*i+j]\nr[i] = sum[j] exp(u[i,j])\nloss = r[1] / sum[i] r[i]",
            "u[i:2,j:2] = z[2*i+j]\nl[i] = logsumexp[j] u[i,j]\np[i] = softmax[i](l[i])\nloss = p[1]",
        ],
    },
    // One more, with the exponent 0.
    Kind {
        cancels: 0.0,
        meaning: |z| weighted(shares(&[z, &[z[0].times(0.0)]].concat()).iter().take(4).map(Dual::exp)),
        spellings: &["p[i] = exp(z[i]) / (1 + sum[k] exp(z[k]))\nloss = sum[i] (1 + i) p[i]"],
    },
    // What flows back to the maximum cancels.
    Kind {
        cancels: 1e-2,
        meaning: |z| weighted(shares(&[z, &[z[0].times(0.0)]].concat()).iter().take(4).map(Dual::exp)),
        spellings: &["m = max[k] z[k]\nloss = sum[i] (1 + i) exp(z[i] - m) / (exp(-m) + sum[k] exp(z[k] - m))"],
    },
    // Logistic functions beside exponentials.
    Kind {
        cancels: 0.0,
        meaning: |z| weighted(z.iter().map(|z| (z.times(-1.0) - softplus(&z.times(-1.0)).times(3.0)).exp())),
        spellings: &[
            "loss = sum[i] (1 + i) exp(-z[i]) / (1 + exp(-z[i]))^3",
            "loss = sum[i] (1 + i) exp(-z[i]) sigmoid(z[i])^3",
            "s[i] = sigmoid(z[i])\nloss = sum[i] (1 + i) s[i]^2 (1 - s[i])",
        ],
    },
    // Odds.
    Kind {
        cancels: 0.0,
        meaning: |z| z[1].clone() - lse(&[z[0].clone(), z[2].clone(), z[3].clone()]),
        spellings: &[
            "p[i] = softmax[i](z[i])\nloss = log(p[1] / (1 - p[1]))",
            "p[i] = softmax[i](z[i])\nloss = log(p[1]) - log(1 - p[1])",
            "p[i] = exp(z[i]) / sum[k] exp(z[k])\nq = 1 - p[1]\nloss = log(p[1] / q)",
        ],
    },
    // Roots of what is rounded to 0, and moments.
    Kind {
        cancels: 0.0,
        meaning: |z| sum(shares(z).iter().map(|l| l.times(0.5).exp())),
        spellings: &[
            "p[i] = softmax[i](z[i])\nloss = sum[i] sqrt(p[i])",
            "p[i] = softmax[i](z[i])\nloss = sum[i] p[i]^0.5",
        ],
    },
    Kind {
        cancels: 0.0,
        meaning: |z| (lse(&z.iter().map(|z| z.times(2.0)).collect::<Vec<_>>()).times(0.5) - lse(z)).exp(),
        spellings: &["loss = sqrt(sum[k] exp(2 z[k])) / sum[k] exp(z[k])"],
    },
    Kind {
        cancels: 0.0,
        meaning: |z| lse(&shares(z).iter().zip(1..).map(|(l, n)| l.plus((n as f64).ln())).collect::<Vec<_>>()),
        spellings: &[
            "p[i] = softmax[i](z[i])\nloss = log(sum[i] (1 + i) p[i])",
            "loss = log((sum[k] (1 + k) exp(z[k])) / sum[k] exp(z[k]))",
        ],
    },
    Kind {
        cancels: 0.0,
        meaning: |z| {
            let [a, b] = [&z[0], &z[1]].map(|z| lse(&[z.clone(), z.times(-1.0)]));
            shares(&[a, b])[0].exp()
        },
        spellings: &["loss = cosh(z[0]) / (cosh(z[0]) + cosh(z[1]))"],
    },
    // One plus a sum.
    Kind {
        cancels: 0.0,
        meaning: |z| lse(&[z, &[z[0].times(0.0)]].concat()),
        spellings: &["loss = log(1 + sum[k] exp(z[k]))", "s = 1 + sum[k] exp(z[k])\nloss = log(s)"],
    },
    // Hyperbolic functions.
    Kind {
        cancels: 0.0,
        meaning: |z| weighted(z.iter().map(|z| lse(&[z.clone(), z.times(-1.0)]).plus(-(2.0f64.ln())))),
        spellings: &[
            "loss = sum[i] (1 + i) log(cosh(z[i]))",
            "c[i] = cosh(z[i])\nloss = sum[i] (1 + i) log(c[i])",
            "loss = sum[i] (1 + i) log((exp(z[i]) + exp(-z[i])) / 2)",
        ],
    },
    Kind {
        cancels: 0.0,
        meaning: |z| weighted(z.iter().map(Dual::tanh)),
        spellings: &[
            "loss = sum[i] (1 + i) (exp(z[i]) - exp(-z[i])) / (exp(z[i]) + exp(-z[i]))",
            "loss = sum[i] (1 + i) (exp(2 z[i]) - 1) / (exp(2 z[i]) + 1)",
            "loss = sum[i] (1 + i) (1 - exp(-2 z[i])) / (1 + exp(-2 z[i]))",
            "loss = sum[i] (1 + i) sinh(z[i]) / cosh(z[i])",
            "loss = sum[i] (1 + i) (2 / (1 + exp(-2 z[i])) - 1)",
            "a[i] = exp(z[i])\nb[i] = exp(-z[i])\nloss = sum[i] (1 + i) (a[i] - b[i]) / (a[i] + b[i])",
        ],
    },
    Kind {
        cancels: 0.0,
        meaning: |z| {
            weighted(
                z.iter().map(|z| softplus(&z.times(2.0)).times(-1.0) - softplus(&z.times(-2.0)).plus(-(4.0f64.ln()))),
            )
        },
        spellings: &[
            "loss = sum[i] (1 + i) log(1 - tanh(z[i])^2)",
            "t[i] = tanh(z[i])\nloss = sum[i] (1 + i) log(1 - t[i]^2)",
            "t[i] = tanh(z[i])\nloss = sum[i] (1 + i) (log(1 - t[i]) + log(1 + t[i]))",
            "loss = -2 sum[i] (1 + i) log(cosh(z[i]))",
        ],
    },
    Kind {
        cancels: 0.0,
        meaning: |z| weighted(z.iter().map(|z| (lse(&[z.clone(), z.times(-1.0)]).times(-1.0).plus(2.0f64.ln())).exp())),
        spellings: &["loss = sum[i] (1 + i) / cosh(z[i])", "loss = sum[i] 2 (1 + i) / (exp(z[i]) + exp(-z[i]))"],
    },
    // Logistic functions.
    Kind {
        cancels: 0.0,
        meaning: |z| weighted(z.iter().map(|z| softplus(&z.times(-1.0)).times(-1.0).exp())),
        spellings: &[
            "loss = sum[i] (1 + i) / (1 + exp(-z[i]))",
            "loss = sum[i] (1 + i) exp(z[i]) / (exp(z[i]) + 1)",
            "e[i] = exp(-z[i])\ns[i] = 1 / (1 + e[i])\nloss = sum[i] (1 + i) s[i]",
            "loss = sum[i] (1 + i) (1 - 1 / (1 + exp(z[i])))",
        ],
    },
    Kind {
        cancels: 0.0,
        meaning: |z| weighted(z.iter().map(|z| (z.times(-1.0) - softplus(&z.times(-1.0)).times(2.0)).exp())),
        spellings: &[
            "loss = sum[i] (1 + i) exp(-z[i]) / (1 + exp(-z[i]))^2",
            "loss = sum[i] (1 + i) exp(z[i]) / (1 + exp(z[i]))^2",
            "s[i] = 1 / (1 + exp(-z[i]))\nloss = sum[i] (1 + i) s[i] (1 - s[i])",
        ],
    },
    Kind {
        cancels: 0.0,
        meaning: |z| weighted(z.iter().map(softplus)),
        spellings: &[
            "loss = sum[i] (1 + i) log(1 + exp(z[i]))",
            "e[i] = exp(z[i])\nloss = sum[i] (1 + i) log(e[i] + 1)",
            "s[i] = sigmoid(z[i])\nloss = -sum[i] (1 + i) log(1 - s[i])",
            "s[i] = 1 / (1 + exp(z[i]))\nloss = -sum[i] (1 + i) log(s[i])",
        ],
    },
    // Binary cross-entropy.
    Kind {
        cancels: 0.0,
        meaning: |z| weighted(z.iter().map(|z| softplus(z) - z.times(0.3))),
        spellings: &[
            "s[i] = sigmoid(z[i])\nloss = sum[i] (1 + i) bce(s[i], 0.3)",
            "s[i] = 1 / (1 + exp(-z[i]))\nloss = -sum[i] (1 + i) (0.3 log(s[i]) + 0.7 log(1 - s[i]))",
            "e[i] = exp(-z[i])\ns[i] = 1 / (1 + e[i])\nl[i] = 0.3 log(s[i]) + (1 - 0.3) log(1 - s[i])\nloss = -sum[i] (1 + i) l[i]",
            "loss = sum[i] (1 + i) logitbce(z[i], 0.3)",
        ],
    },
    // With weights.
    Kind {
        cancels: 0.0,
        meaning: |z| lse(&z.iter().zip(1..).map(|(z, w)| z.plus((w as f64 / 10.0).ln())).collect::<Vec<_>>()),
        spellings: &[
            "loss = log(sum[k] (k + 1) exp(z[k]) / 10)",
            "w[k:4] = (k + 1) / 10\nloss = log(sum[k] w[k] exp(z[k]))",
            "w[k:4] = (k + 1) / 10\ns = sum[k] w[k] exp(z[k])\nloss = log(s)",
            "w[k:4] = (k + 1) / 10\nd[k] = w[k] exp(z[k])\nloss = log(sum[k] d[k])",
        ],
    },
    Kind {
        cancels: 0.0,
        meaning: |z| {
            weighted(
                shares(&z.iter().zip(1..).map(|(z, w)| z.plus((w as f64).ln())).collect::<Vec<_>>())
                    .iter()
                    .map(Dual::exp),
            )
        },
        spellings: &[
            "p[i] = (i + 1) exp(z[i]) / (sum[k] (k + 1) exp(z[k]))\nloss = sum[i] (1 + i) p[i]",
            "w[i:4] = 2 i + 2\nloss = sum[i] (1 + i) w[i] exp(z[i]) / (sum[k] w[k] exp(z[k]))",
            "w[i:4] = i + 1\ne[i] = w[i] exp(z[i])\np[i] = e[i] / sum[k] e[k]\nloss = sum[i] (1 + i) p[i]",
        ],
    },
    // Weights that are a softmax: exponents of 10,000 and of 1 are added up.
    Kind {
        cancels: 1e-3,
        meaning: |z| lse(&z.iter().zip(1..).map(|(z, w)| z.plus((w as f64 / 10.0).ln())).collect::<Vec<_>>()),
        spellings: &["u[k:4] = log(k + 1)\nw[k] = softmax[k](u[k])\nloss = log(sum[k] w[k] exp(z[k]))"],
    },
    // With masks.
    Kind {
        cancels: 0.0,
        meaning: |z| weighted([shares(&z[..3]).iter().map(Dual::exp).collect(), vec![z[3].times(0.0)]].concat()),
        spellings: &[
            "p[i] = [i < 3] exp(z[i]) / (sum[k] [k < 3] exp(z[k]))\nloss = sum[i] (1 + i) p[i]",
            "p[i] = where(i < 3, exp(z[i]), 0) / sum[k] where(k < 3, exp(z[k]), 0)\nloss = sum[i] (1 + i) p[i]",
            "p[i] = softmax[i](where(i < 3, z[i], -inf))\nloss = sum[i] (1 + i) p[i]",
            "e[i] = [i < 3] exp(z[i])\np[i] = e[i] / sum[k] e[k]\nloss = sum[i] (1 + i) p[i]",
            "w[i:4] = [i < 3]\ne[i] = w[i] exp(z[i])\np[i] = e[i] / sum[k] e[k]\nloss = sum[i] (1 + i) p[i]",
            "p[i] = softmax[i](z[i])\nq[i] = [i < 3] p[i] / (sum[k] [k < 3] p[k])\nloss = sum[i] (1 + i) q[i]",
            "u[i] = where(i < 3, z[i], -inf)\np[i] = exp(u[i] - max[k] u[k]) / sum[k] exp(u[k] - max[l] u[l])\nloss = sum[i] (1 + i) p[i]",
        ],
    },
    // Attention that looks back.
    Kind {
        cancels: 0.0,
        meaning: |z| shares(&[z[2].clone(), z[3].clone()])[1].exp().plus(1.0),
        spellings: &[
            "s[q:2,k:2] = z[2*q+k]\np[q,k] = [k <= q] exp(s[q,k]) / (sum[l] [l <= q] exp(s[q,l]))\nloss = sum[q] p[q,q]",
            "s[q:2,k:2] = where(k <= q, z[2*q+k], -inf)\np[q,k] = softmax[k](s[q,k])\nloss = sum[q] p[q,q]",
        ],
    },
    // In a recurrence.
    Kind {
        cancels: 0.0,
        meaning: |z| {
            let mut h = z[0].times(0.0);
            for z in z {
                let pair = [h.clone() + z.clone(), z.times(-1.0)];
                h = shares(&pair)[0].exp();
            }
            h
        },
        spellings: &[
            "h[t:-1] = 0\nh[t:4] = exp(h[t-1] + z[t]) / (exp(h[t-1] + z[t]) + exp(-z[t]))\nloss = h[3]",
            "h[t:-1] = 0\nh[t:4] = where(t < 0, 0, 1 / (1 + exp(-2 z[t] - h[t-1])))\nloss = h[3]",
        ],
    },
];

const POINTS: &[[f64; 4]] = &[
    [0.0, 0.0, 0.0, 0.0],
    [0.5, -1.0, 2.0, 0.25],
    [100.0, -100.0, 100.0, -100.0],
    [200.0, 0.0, -200.0, 1.0],
    [-200.0, 200.0, 0.0, 199.0],
    [1e3, -1e3, 0.0, 1e3],
    [-1e3, 1e3, 999.0, 0.0],
    [1e4, -1e4, 3.0, 1e4],
    [1e4, 1e4, 1e4, 1e4],
    [-1e4, -1e4, -1e4, -1e4],
    [-1e4, -9990.0, 1e4, -1e3],
    [89.0, 88.0, -87.5, -104.0],
    [0.0, -40.0, 40.0, -17.0],
];

#[test]
fn every_spelling_is_right_at_extreme_values() {
    let mut wrong = String::new();
    for Kind { meaning, spellings, cancels } in KINDS {
        for text in *spellings {
            let model = gradients(&build(&format!("param z[4] ~ zeros\n{text}\n"))).model;
            for point in POINTS {
                let unit = |place| (0..4).map(|other| f64::from(u8::from(other == place))).collect();
                let z: Vec<Dual> = point.iter().enumerate().map(|(place, z)| Dual(*z, unit(place))).collect();
                let Dual(value, gradient) = meaning(&z);
                let expected = [("loss", vec![value]), ("∂loss/∂z", gradient)];
                let given = Given::from([("z".into(), Array::new(vec![4], point.to_vec()).unwrap())]);
                let least = cancels * point.iter().fold(0.0f64, |most, z| most.max(z.abs()));
                wrong += &mistakes(text, &model, &given, &expected, point, least);
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong\n{wrong}", wrong.lines().count());
}

/// What is not as expected, in both engines.
fn mistakes(
    text: &str,
    model: &Model,
    given: &Given,
    expected: &[(&str, Vec<f64>)],
    point: &[f64],
    least: f64,
) -> String {
    let wanted: Vec<Name> = expected.iter().map(|(name, _)| (*name).into()).collect();
    let double = meaning::run(&for_running(model), given, &wanted).unwrap();
    let single = evaluate(model, given, &wanted, 1).unwrap();
    let mut wrong = String::new();
    for (name, expected) in expected {
        let single = meaning::Array::from(single[*name].clone()).values;
        for (engine, found, tolerance) in [("double", double[*name].values.clone(), 1e-9), ("single", single, 2e-5)] {
            let size = expected
                .iter()
                .filter(|value| value.is_finite())
                .fold(least.max(0.1), |size, value| size.max(value.abs()));
            let agree = |(a, b): (&f64, &f64)| a == b || (a - b).abs() <= tolerance * size;
            if found.len() != expected.len() || !found.iter().zip(expected).all(agree) {
                let text = text.replace('\n', "; ");
                wrong +=
                    &format!("{text}   at {point:?}: {name} in {engine} precision is {found:?}, not {expected:?}\n");
            }
        }
    }
    wrong
}

/// Weights of 0 that stand beside what would overflow, and rows of minus infinity.
#[test]
fn masks_that_are_given_and_rows_of_minus_infinity() {
    let softmax = |text: &str, names: [&str; 2], values: [&[f64]; 2], expected: &[(&str, Vec<f64>)]| {
        let model = gradients(&build(text)).model;
        let mut given = Given::new();
        for (name, values) in names.into_iter().zip(values) {
            let per_example = model.tensor(name).unwrap().per_example;
            let shape = if per_example { vec![1, values.len()] } else { vec![values.len()] };
            given.insert(name.into(), Array::new(shape, values.to_vec()).unwrap());
        }
        mistakes(text, &model, &given, expected, values[1], 0.0)
    };
    let text =
        "input w[3]\nparam z[3] ~ zeros\np[i] = w[i] exp(z[i]) / (sum[k] w[k] exp(z[k]))\nloss = sum[i] (1 + i) p[i]\n";
    let mut wrong = String::new();
    for z in [[1e3, 0.0, 0.0], [1e4, -1e4, -1e4], [-1e4, 5.0, 5.0]] {
        wrong += &softmax(
            text,
            ["w", "z"],
            [&[0.0, 1.0, 1.0], &z],
            &[("loss", vec![2.5]), ("∂loss/∂z", vec![0.0, -0.25, 0.25])],
        );
    }
    let text = "input w[3]\nparam z[3] ~ zeros\nloss = log(sum[k] w[k] exp(z[k]))\n";
    for z in [[1e3, 2.0, 2.0], [1e4, -1e4, -1e4]] {
        let value = z[1] + 2f64.ln();
        wrong += &softmax(
            text,
            ["w", "z"],
            [&[0.0, 1.0, 1.0], &z],
            &[("loss", vec![value]), ("∂loss/∂z", vec![0.0, 0.5, 0.5])],
        );
    }
    let text = "param w[3] ~ zeros\nparam z[3] ~ zeros\nloss = log(sum[k] w[k] exp(z[k]))\n";
    let e = 1f64.exp();
    wrong += &softmax(
        text,
        ["w", "z"],
        [&[0.0, 1.0, 1.0], &[1001.0, 1000.0, 1000.0]],
        &[("loss", vec![1000.0 + 2f64.ln()]), ("∂loss/∂z", vec![0.0, 0.5, 0.5]), ("∂loss/∂w", vec![e / 2.0, 0.5, 0.5])],
    );
    let minus = -INFINITY;
    for text in [
        "param m[2] ~ zeros\nparam z[2] ~ zeros\nu[i] = z[i] + m[i]\np[i] = exp(u[i] - max[k] u[k]) / sum[k] exp(u[k] - max[l] u[l])\nloss = sum[i] (1 + i) p[i]\n",
        "param m[2] ~ zeros\nparam z[2] ~ zeros\nloss = sum[i] (1 + i) exp(z[i] + m[i]) / sum[k] exp(z[k] + m[k])\n",
    ] {
        wrong += &softmax(
            text,
            ["m", "z"],
            [&[minus, 0.0], &[1e4, -1e4]],
            &[("loss", vec![2.0]), ("∂loss/∂z", vec![0.0, 0.0])],
        );
        wrong += &softmax(
            text,
            ["m", "z"],
            [&[minus, minus], &[1e4, -1e4]],
            &[("loss", vec![0.0]), ("∂loss/∂z", vec![0.0, 0.0])],
        );
    }
    assert!(wrong.is_empty(), "{wrong}");
}
