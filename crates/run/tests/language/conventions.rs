//! Both engines at the points where a convention decides: values and gradients are as the conventions say,
//! in single precision as in double.

use crate::common::{Given, build, gradients};
use deltarule_core::derivation::for_running;
use deltarule_core::meaning::{self, Array};
use deltarule_core::term::Name;
use deltarule_run::evaluate::evaluate;

const INFINITY: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// A formula, a point, and the values there.
struct Case {
    /// With `loss` last.
    text: &'static str,
    given: &'static [(&'static str, &'static [f64])],
    expected: &'static [(&'static str, &'static [f64])],
}

const CASES: &[Case] = &[
    // Rows of minus infinity, which the data bring.
    Case {
        text: "param x[2] ~ zeros\np[i] = exp(x[i]) / sum[k] exp(x[k])\nloss = sum[i] p[i]^2",
        given: &[("x", &[-INFINITY, -INFINITY])],
        expected: &[("p", &[0.0, 0.0]), ("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0])],
    },
    Case {
        text: "param x[2] ~ zeros\np[i] = softmax[i](x[i])\nloss = sum[i] p[i]^2",
        given: &[("x", &[-INFINITY, 1.0])],
        expected: &[("p", &[0.0, 1.0]), ("loss", &[1.0]), ("∂loss/∂x", &[0.0, 0.0])],
    },
    Case {
        text: "param x[2] ~ zeros\nloss = logsumexp[i] x[i]",
        given: &[("x", &[-INFINITY, -INFINITY])],
        expected: &[("loss", &[-INFINITY]), ("∂loss/∂x", &[0.0, 0.0])],
    },
    // By names of the exponentials and their sum.
    Case {
        text: "param x[2] ~ zeros\ne[i] = exp(x[i])\ns = sum[k] e[k]\np[i] = e[i] / s\nloss = sum[i] p[i]^2",
        given: &[("x", &[-INFINITY, -INFINITY])],
        expected: &[("p", &[0.0, 0.0]), ("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0])],
    },
    Case {
        text: "param x[2] ~ zeros\nparam m[2] ~ zeros\ns[i] = x[i] + m[i]\np[i] = softmax[i](s[i])\nloss = sum[i] p[i]^2",
        given: &[("x", &[1.0, 2.0]), ("m", &[-INFINITY, -INFINITY])],
        expected: &[("p", &[0.0, 0.0]), ("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0])],
    },
    // With cross-entropy.
    Case {
        text: "param x[2] ~ zeros\nparam y[2] ~ zeros\np[i] = softmax[i](x[i])\nloss = -sum[i] y[i] log(p[i])",
        given: &[("x", &[-INFINITY, -INFINITY]), ("y", &[0.0, 0.0])],
        expected: &[("p", &[0.0, 0.0]), ("∂loss/∂x", &[0.0, 0.0])],
    },
    // Infinity among the exponents: no share is defined.
    Case {
        text: "param x[2] ~ zeros\np[i] = softmax[i](x[i])\nloss = sum[i] p[i]^2",
        given: &[("x", &[INFINITY, 1.0])],
        expected: &[("p", &[NAN, NAN]), ("loss", &[NAN]), ("∂loss/∂x", &[NAN, NAN])],
    },
    Case {
        text: "param x[2] ~ zeros\np[i] = softmax[i](x[i])\nloss = sum[i] p[i]^2",
        given: &[("x", &[NAN, -INFINITY])],
        expected: &[("p", &[NAN, NAN]), ("loss", &[NAN]), ("∂loss/∂x", &[NAN, NAN])],
    },
    // In the middle of a sum.
    Case {
        text: "param x[2] ~ zeros\nparam v[2] ~ ones\nloss = sum[i] v[i] exp(x[i]) / sum[k] exp(x[k])",
        given: &[("x", &[-INFINITY, -INFINITY]), ("v", &[1.0, 2.0])],
        expected: &[("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0]), ("∂loss/∂v", &[0.0, 0.0])],
    },
    // By the name of the logsumexp.
    Case {
        text: "param x[2, 2] ~ zeros\nl[i] = logsumexp[k] x[i,k]\nloss = sum[i] exp(l[i])",
        given: &[("x", &[-INFINITY, -INFINITY, 0.0, -INFINITY])],
        expected: &[("l", &[-INFINITY, 0.0]), ("loss", &[1.0]), ("∂loss/∂x", &[0.0, 0.0, 1.0, 0.0])],
    },
    Case {
        text: "param x[2] ~ zeros\nl = logsumexp[k] x[k]\np[i] = exp(x[i] - l)\nloss = sum[i] p[i]^2",
        given: &[("x", &[-INFINITY, -INFINITY])],
        expected: &[("p", &[0.0, 0.0]), ("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0])],
    },
    Case {
        text: "param x[2] ~ zeros\nloss = logsumexp[i] x[i]",
        given: &[("x", &[INFINITY, 1.0])],
        expected: &[("loss", &[INFINITY]), ("∂loss/∂x", &[NAN, NAN])],
    },
    Case {
        text: "param x[2] ~ zeros\nloss = logsumexp[i] x[i]",
        given: &[("x", &[NAN, -INFINITY])],
        expected: &[("loss", &[NAN]), ("∂loss/∂x", &[NAN, NAN])],
    },
    // What is no share of a row divides by its sum.
    Case {
        text: "param a ~ zeros\nparam x[2] ~ zeros\nloss = exp(a) / sum[k] exp(x[k])",
        given: &[("a", &[0.0]), ("x", &[INFINITY, 1.0])],
        expected: &[("loss", &[0.0])],
    },
    // Members of a row that are read by another subscript than the row.
    Case {
        text: "param x[3] ~ zeros\ne[i:2] = exp(x[(-i) mod 3]) / sum[u:3] exp(x[(-u) mod 3])\nloss = sum[i] e[i]^2",
        given: &[("x", &[1.0, 2.0, INFINITY])],
        expected: &[("e", &[NAN, NAN]), ("loss", &[NAN])],
    },
    Case {
        text: "param x[3] ~ zeros\ne[i:2] = exp(x[(-i) mod 3]) / sum[u:3] exp(x[(-u) mod 3])\nloss = sum[i] e[i]^2",
        given: &[("x", &[-INFINITY, -INFINITY, -INFINITY])],
        expected: &[("e", &[0.0, 0.0]), ("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0, 0.0])],
    },
    // What makes a whole row minus infinity by its form does not come out of it.
    Case {
        text: "param x[2] ~ zeros\nparam c ~ zeros\nloss = logsumexp[k] (x[k] + where(c > 0, 0, -inf))",
        given: &[("x", &[1.0, 2.0]), ("c", &[-1.0])],
        expected: &[("loss", &[-INFINITY]), ("∂loss/∂x", &[0.0, 0.0])],
    },
    Case {
        text: "param x[2] ~ zeros\nparam c ~ zeros\nm = where(c > 0, 0, -inf)\n\
               p[i] = exp(x[i] + m) / sum[k] exp(x[k] + m)\nloss = sum[i] p[i]^2",
        given: &[("x", &[1.0, 1.0]), ("c", &[-1.0])],
        expected: &[("p", &[0.0, 0.0]), ("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0])],
    },
    // A step of a recurrence that a condition fixes, and one that it gives by a remainder.
    Case {
        text: "param b ~ zeros\ne[i:-1] = 2\ne[i:3] = ([i = 1] * 2) e[i-1] + b\nloss = sum[i] e[i]",
        given: &[("b", &[1.5])],
        expected: &[("e", &[1.5, 4.5, 1.5]), ("loss", &[7.5]), ("∂loss/∂b", &[5.0])],
    },
    Case {
        text: "param b ~ zeros\ne[q:-1] = 2\ne[q:2] = [(-q-2) mod 4 = q] b e[q-1] + b\nloss = sum[i] e[i]",
        given: &[("b", &[1.5])],
        expected: &[("e", &[1.5, 3.75]), ("loss", &[5.25]), ("∂loss/∂b", &[5.0])],
    },
    // A divisor with an exponent that is no number is not taken out again and again.
    Case {
        text: "param A ~ zeros\nparam x ~ zeros\nloss = (A - x) / (1 + x^2)^A",
        given: &[("A", &[-1.0]), ("x", &[1.0])],
        expected: &[("loss", &[-4.0]), ("∂loss/∂A", &[2.0 + 4.0 * std::f64::consts::LN_2])],
    },
    // A pole behind a mask, across equations.
    Case {
        text: "param x[3] ~ zeros\nu[i] = log(x[i])\nw[i] = 1/x[i]\nv[i] = w[i]^2\n\
               loss = sum[i] [x[i] > 0] u[i] + sum[i] where(x[i] > 0, v[i], 1)",
        given: &[("x", &[0.0, 1.0, -1.0])],
        expected: &[("loss", &[3.0]), ("∂loss/∂x", &[0.0, -1.0, 0.0])],
    },
    // A pole behind a mask that has gone into the name of the product.
    Case {
        text: "param C[3] ~ zeros\ne[v] = [v > 0] (2 / C[v])\nloss = sum[v] e[v]",
        given: &[("C", &[0.0, 1.0, 2.0])],
        expected: &[("e", &[0.0, 2.0, 1.0]), ("loss", &[3.0]), ("∂loss/∂C", &[0.0, -2.0, -0.5])],
    },
    // A pole beside a sum in which no position counts.
    Case {
        text: "param c ~ zeros\nparam x[2] ~ zeros\nloss = sum[i] [x[i] > 0] (x[i] / c)",
        given: &[("c", &[0.0]), ("x", &[-1.0, -2.0])],
        expected: &[("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0]), ("∂loss/∂c", &[0.0])],
    },
    Case {
        text: "param e ~ zeros\nparam x[3] ~ zeros\nloss = sum[i] [2*i = 1] e x[i]",
        given: &[("e", &[NAN]), ("x", &[1.0, 2.0, 3.0])],
        expected: &[("loss", &[0.0])],
    },
    // What lies outside is 0, and divides.
    Case {
        text: "param A[2] ~ zeros\nq[l:3] = 2 / pad(A)[l]\nloss = q[0] + q[1]",
        given: &[("A", &[1.0, 2.0])],
        expected: &[("q", &[2.0, 1.0, INFINITY]), ("loss", &[3.0]), ("∂loss/∂A", &[-2.0, -0.5])],
    },
    // An infinite multiple of a symmetric product.
    Case {
        text: "param A[2,1] ~ zeros\ne[i,n] = (sum[u] A[n,u] A[i,u]) / pad(A)[-1, 0]\nloss = A[0,0]",
        given: &[("A", &[1.0, -1.0])],
        expected: &[("e", &[INFINITY, -INFINITY, -INFINITY, INFINITY])],
    },
    // What is constantly 1 does not move, also at 0 and at a pole.
    Case {
        text: "param x ~ zeros\nparam K[2] ~ zeros\nu[v] = (x / K[v])^v\nloss = sum[v] u[v]",
        given: &[("x", &[-2.0]), ("K", &[0.0, 4.0])],
        expected: &[("u", &[1.0, -0.5]), ("loss", &[0.5]), ("∂loss/∂x", &[0.25]), ("∂loss/∂K", &[0.0, 0.125])],
    },
    Case {
        text: "param B ~ zeros\nloss = sum[i:1] (i B)^i",
        given: &[("B", &[0.5])],
        expected: &[("loss", &[1.0]), ("∂loss/∂B", &[0.0])],
    },
];

#[test]
fn both_engines_follow_the_conventions() {
    let mut wrong = String::new();
    for case in CASES {
        let model = gradients(&build(&format!("{}\n", case.text))).model;
        let mut given = Given::new();
        for (name, values) in case.given {
            let shape = model.tensor(name).unwrap().shape.clone();
            given.insert((*name).into(), Array::new(shape, values.to_vec()).unwrap());
        }
        let wanted: Vec<Name> = case.expected.iter().map(|(name, _)| (*name).into()).collect();
        let double = meaning::run(&for_running(&model), &given, &wanted).unwrap();
        let single = evaluate(&model, &given, &wanted, 1).unwrap();
        for (name, expected) in case.expected {
            let single = meaning::Array::from(single[*name].clone()).values;
            for (engine, found) in [("double", double[*name].values.clone()), ("single", single)] {
                let agree = |(a, b): (&f64, &f64)| a == b || (a - b).abs() < 1e-6 || (a.is_nan() && b.is_nan());
                if found.len() != expected.len() || !found.iter().zip(*expected).all(agree) {
                    wrong +=
                        &format!("{}\n    {name} in {engine} precision is {found:?}, not {expected:?}\n", case.text);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
