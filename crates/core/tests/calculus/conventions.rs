//! Values and derived gradients at exactly the points where a convention decides: kinks, poles that
//! are masked, rows of minus infinity. Where it says so, PyTorch and JAX give NaN for the same formula
//! written in the plain way.

use crate::hand::{completed, model};
use deltarule_core::derivation::{derive, stabilised};
use deltarule_core::meaning::{Array, Point};

const INFINITY: f64 = f64::INFINITY;

/// A formula, a point, and the gradients there.
struct Case {
    /// With `loss` last.
    text: &'static str,
    given: &'static [(&'static str, &'static [f64])],
    expected: &'static [(&'static str, &'static [f64])],
}

const CASES: &[Case] = &[
    // A norm at 0: NaN in PyTorch and JAX, written as a root of a sum of squares.
    Case {
        text: "param x[3] ~ zeros\nloss = sqrt(sum[i] x[i]^2)",
        given: &[("x", &[0.0, 0.0, 0.0])],
        expected: &[("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0, 0.0])],
    },
    Case {
        text: "param x[3] ~ zeros\ns = sum[i] x[i]^2\nn = sqrt(s)\nloss = n",
        given: &[("x", &[0.0, 0.0, 0.0])],
        expected: &[("∂loss/∂x", &[0.0, 0.0, 0.0])],
    },
    Case {
        text: "param x[3] ~ zeros\nloss = (sum[i] x[i]^2)^(1/2)",
        given: &[("x", &[0.0, 0.0, 0.0])],
        expected: &[("∂loss/∂x", &[0.0, 0.0, 0.0])],
    },
    // The standard deviation of equal numbers: NaN in PyTorch and JAX.
    Case {
        text: "param x[3] ~ zeros\nm = mean[i] x[i]\nloss = sqrt(mean[i] (x[i] - m)^2)",
        given: &[("x", &[2.0, 2.0, 2.0])],
        expected: &[("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0, 0.0])],
    },
    // A branch that is not taken: NaN in PyTorch and JAX.
    Case {
        text: "param x[3] ~ zeros\nloss = sum[i] where(x[i] > 0, log(x[i]), 0)",
        given: &[("x", &[0.0, 1.0, -1.0])],
        expected: &[("loss", &[0.0]), ("∂loss/∂x", &[0.0, 1.0, 0.0])],
    },
    Case {
        text: "param x[3] ~ zeros\nloss = sum[i] [x[i] > 0] sqrt(x[i]) / x[i]",
        given: &[("x", &[0.0, 1.0, -1.0])],
        expected: &[("loss", &[1.0]), ("∂loss/∂x", &[0.0, -0.5, 0.0])],
    },
    Case {
        text: "param x[2] ~ zeros\nparam s ~ zeros\nloss = sum[i] [x[i] > 0] x[i] log(s)",
        given: &[("x", &[-1.0, -2.0]), ("s", &[0.0])],
        expected: &[("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0]), ("∂loss/∂s", &[0.0])],
    },
    // The pole and the mask in different equations: NaN in PyTorch and JAX.
    Case {
        text: "param x[3] ~ zeros\nl[i] = log(x[i])\nk[i] = 2 l[i]\nloss = sum[i] where(x[i] > 0, k[i], 0)",
        given: &[("x", &[0.0, 1.0, -1.0])],
        expected: &[("loss", &[0.0]), ("∂loss/∂x", &[0.0, 2.0, 0.0])],
    },
    Case {
        text: "param x[3] ~ zeros\nu[i] = log(x[i])\nw[i] = 1/x[i]\nv[i] = w[i]^2\nloss = sum[i] [x[i] > 0] u[i] + sum[i] where(x[i] > 0, v[i], 1)",
        given: &[("x", &[0.0, 1.0, -1.0])],
        expected: &[("loss", &[3.0]), ("∂loss/∂x", &[0.0, -1.0, 0.0])],
    },
    // Rows of minus infinity that the values bring: NaN in PyTorch and JAX.
    Case {
        text: "param x[2] ~ zeros\np[i] = exp(x[i]) / sum[k] exp(x[k])\nloss = sum[i] p[i]^2",
        given: &[("x", &[-INFINITY, -INFINITY])],
        expected: &[("p", &[0.0, 0.0]), ("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0])],
    },
    Case {
        text: "param x[2] ~ zeros\nloss = log(sum[k] exp(x[k]))",
        given: &[("x", &[-INFINITY, -INFINITY])],
        expected: &[("loss", &[-INFINITY]), ("∂loss/∂x", &[0.0, 0.0])],
    },
    // With infinity in a row nothing is a share of it.
    Case {
        text: "param x[2] ~ zeros\np[i] = exp(x[i]) / sum[k] exp(x[k])\nloss = sum[i] p[i]^2",
        given: &[("x", &[INFINITY, 1.0])],
        expected: &[("p", &[f64::NAN, f64::NAN]), ("loss", &[f64::NAN]), ("∂loss/∂x", &[f64::NAN, f64::NAN])],
    },
    Case {
        text: "param x[2] ~ zeros\np[i] = exp(x[i]) / sum[k] exp(x[k])\nloss = sum[i] p[i]^2",
        given: &[("x", &[f64::NAN, -INFINITY])],
        expected: &[("p", &[f64::NAN, f64::NAN]), ("loss", &[f64::NAN]), ("∂loss/∂x", &[f64::NAN, f64::NAN])],
    },
    // Rows that are masked altogether: NaN in PyTorch and JAX.
    Case {
        text: "param x[3] ~ zeros\nm[i] = where(x[i] > 9, x[i], -inf)\np[i] = exp(m[i]) / sum[k] exp(m[k])\nloss = sum[i] p[i] x[i]",
        given: &[("x", &[1.0, 2.0, 3.0])],
        expected: &[("p", &[0.0, 0.0, 0.0]), ("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0, 0.0])],
    },
    Case {
        text: "param x[3] ~ zeros\nm[i] = where(x[i] > 9, x[i], -inf)\nloss = log(sum[k] exp(m[k]))",
        given: &[("x", &[1.0, 2.0, 3.0])],
        expected: &[("loss", &[-INFINITY]), ("∂loss/∂x", &[0.0, 0.0, 0.0])],
    },
    Case {
        text: "param x[2] ~ zeros\nm[i] = where(x[i] > 0, x[i], -inf)\nloss = log(sum[k] exp(m[k]))",
        given: &[("x", &[-1.0, 3.0])],
        expected: &[("loss", &[3.0]), ("∂loss/∂x", &[0.0, 1.0])],
    },
    // Powers at 0: x^y by y is NaN in PyTorch's and JAX's formula v log(u) u^v for u = 0.
    Case {
        text: "param x ~ zeros\nparam y ~ zeros\nloss = x^y",
        given: &[("x", &[0.0]), ("y", &[2.0])],
        expected: &[("loss", &[0.0]), ("∂loss/∂x", &[0.0]), ("∂loss/∂y", &[0.0])],
    },
    Case {
        text: "param x ~ zeros\nparam y ~ zeros\nloss = x^y",
        given: &[("x", &[0.0]), ("y", &[0.0])],
        expected: &[("loss", &[1.0]), ("∂loss/∂x", &[0.0]), ("∂loss/∂y", &[0.0])],
    },
    // Products with factors 0.
    Case {
        text: "param x[3] ~ zeros\nloss = prod[i] x[i]",
        given: &[("x", &[0.0, 2.0, 3.0])],
        expected: &[("loss", &[0.0]), ("∂loss/∂x", &[6.0, 0.0, 0.0])],
    },
    Case {
        text: "param x[3] ~ zeros\nloss = prod[i] x[i]",
        given: &[("x", &[0.0, 0.0, 3.0])],
        expected: &[("loss", &[0.0]), ("∂loss/∂x", &[0.0, 0.0, 0.0])],
    },
    // Kinks and ties.
    Case {
        text: "param x[3] ~ zeros\nloss = max[i] x[i]",
        given: &[("x", &[1.0, 1.0, 0.0])],
        expected: &[("∂loss/∂x", &[0.5, 0.5, 0.0])],
    },
    Case {
        text: "param x[3] ~ zeros\nloss = sum[i] (relu(x[i]) + abs(x[i]))",
        given: &[("x", &[0.0, 1.0, -1.0])],
        expected: &[("∂loss/∂x", &[0.0, 2.0, -1.0])],
    },
    // A NaN stays one.
    Case {
        text: "param x[2] ~ zeros\nloss = max[i] x[i] + logsumexp[i] x[i] + sqrt(x[0])",
        given: &[("x", &[f64::NAN, 1.0])],
        expected: &[("loss", &[f64::NAN]), ("∂loss/∂x", &[f64::NAN, f64::NAN])],
    },
];

#[test]
fn gradients_follow_the_conventions() {
    let mut wrong = String::new();
    for case in CASES {
        let model = stabilised(&model(&format!("{}\n", case.text)));
        let wrt: Vec<_> = model.parameters().map(|tensor| tensor.name.clone()).collect();
        let backward = derive(&model, "loss", &wrt).unwrap();
        let mut point = Point::new();
        for (name, values) in case.given {
            let shape = backward.model.tensor(name).unwrap().shape.clone();
            point.insert((*name).into(), Array::new(shape, values.to_vec()).unwrap());
        }
        let point = completed(&backward.model, point);
        for (name, expected) in case.expected {
            let found = &point[*name].values;
            let agree = |(a, b): (&f64, &f64)| a == b || (a - b).abs() < 1e-14 || (a.is_nan() && b.is_nan());
            if found.len() != expected.len() || !found.iter().zip(*expected).all(agree) {
                wrong += &format!("{}\n    {name} is {found:?}, not {expected:?}\n", case.text);
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
