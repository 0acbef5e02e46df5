//! Models on which a finite difference misleads: what is stopped moves, a kink or a tie lies at the point, a constant
//! drowns the change. They are right, so they are accepted.

use crate::hand::{model, uniform};
use deltarule_core::derivation::{derive, random_point, verify, with_derivatives};
use deltarule_core::meaning::{Point, finite_difference};
use deltarule_core::model::{LOSS, Model, Role};
use deltarule_core::term::Name;

/// Verifies a model at points, all of whose numbers `at` may change.
fn accepted(text: &str, at: &dyn Fn(f64) -> f64) {
    let model: Model = with_derivatives(&model(text)).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let varies = |role: &Role| matches!(role, Role::Param(_) | Role::Input { below: None });
    let given = model.tensors.iter().filter(|tensor| varies(&tensor.role));
    let wrt: Vec<Name> = given.map(|tensor| tensor.name.clone()).collect();
    let backward = derive(&model, LOSS, &wrt).unwrap_or_else(|error| panic!("{error}\n{text}"));
    for seed in 1..11 {
        let mut point: Point = random_point(&backward.model, &mut uniform(seed));
        let free = |name: &Name| model.tensor(name).is_some_and(|tensor| varies(&tensor.role));
        let arrays = point.iter_mut().filter(|(name, _)| free(name));
        arrays.flat_map(|(_, array)| &mut array.values).for_each(|value| *value = at(*value));
        verify(&backward, &[point]).unwrap_or_else(|error| panic!("at seed {seed}: {error}\n{text}"));
    }
}

const STOPPED: &[&str] = &[
    "param x ~ ones\nloss = stop(x) x\n",
    // A straight-through estimator.
    "input x[4]\nparam w[4] ~ ones\ns[i] = sigmoid(w[i] x[i])\nh[i] = s[i] + stop([s[i] > 0.5] - s[i])\n\
     loss = sum[i] h[i]^2\n",
    // Vector quantisation with its commitment.
    "input x[3]\nparam W[2,3] ~ glorot\nparam E[4,2] ~ glorot\nz[d] = W[d,j] x[j]\n\
     D[k] = sum[d] (z[d] - E[k,d])^2\nq[d] = E[argmin[k] D[k], d]\nu[d] = z[d] + stop(q[d] - z[d])\n\
     loss = sum[d] u[d]^3 + sum[d] (stop(z[d]) - q[d])^2 + 0.25 sum[d] (z[d] - stop(q[d]))^2\n",
    // A target network: the value of the next state is held.
    "input s[3]\ninput n[3]\ninput r\nparam w[3] ~ glorot\nv = w[i] s[i]\nnext = w[i] n[i]\n\
     loss = (r + 0.9 stop(next) - v)^2\n",
    // An importance ratio, clipped.
    "input x[3]\ninput A\nparam w[3] ~ glorot\nl = log(sigmoid(w[i] x[i]))\nq = exp(l - stop(l))\n\
     loss = -min(q A, max(0.8, min(1.2, q)) A)\n",
    // Under a sum, a condition and a recurrence.
    "input x[5]\nparam a ~ normal(0,1)\nh[t:-1] = 0\nh[t] = tanh(a h[t-1] + x[t]) + stop(a x[t])\n\
     loss = sum[t] [h[t] > 0.1] h[t] stop(sum[s] h[s]^2 [s <= t])\n",
    "param a[3] ~ ones\nparam b[3] ~ ones\nu[i] = a[i] b[i]\nloss = prod[i] (stop(stop(u[i])) + max[j] stop(a[j]) u[j])\n",
    // Second derivatives see a constant too.
    "param x ~ ones\nf = stop(x) x^2\nloss = (∂f/∂x)^2 + x\n",
];

#[test]
fn stopped_values_stay_in_differences() {
    STOPPED.iter().for_each(|text| accepted(text, &|value| value));
}

#[test]
fn a_difference_holds_what_is_stopped() {
    let built = model("param x ~ ones\nu = stop(x^2)\nloss = u x + stop(u) x^2\n");
    let mut point = random_point(&built, &mut uniform(1));
    let x = 0.75;
    point.get_mut("x").unwrap().values[0] = x;
    let by = finite_difference(&built, &point, &LOSS.into(), &"x".into(), 0, 1e-3).unwrap();
    assert!((by.value - (x * x + 2.0 * x * x * x)).abs() < 1e-9, "{by:?}");
    // A tensor that is defined by what is stopped moves by itself.
    let by = finite_difference(&built, &point, &LOSS.into(), &"u".into(), 0, 1e-3).unwrap();
    assert!((by.value - x).abs() < 1e-9, "{by:?}");
}

const KINKS: &[&str] = &[
    // Differences say 1, the convention 0.
    "param b ~ zeros\nloss = relu(b) - relu(-b)\n",
    "param w[3] ~ zeros\nloss = sum[i] relu(w[i]) (i + 1)\n",
    "param w[3] ~ zeros\nloss = max[i] w[i]\n",
    "param w[3] ~ zeros\nloss = abs(w[0]) + min(w[1], 2 w[2]) + sqrt(w[i] w[i])\n",
    // Pooling over what is equal, and over padding.
    "input x[4,4]\nparam K[2,2] ~ he\nz[r:4,s:4] = K[u,v] pad(x)[r+u-1, s+v-1]\na[r,s] = relu(z[r,s])\n\
     m[r,s] = max[u:2, v:2] a[2*r+u, 2*s+v]\nloss = sum[r,s] (m[r,s]^2 + m[r,s])\n",
    // A jump: constant between.
    "param x ~ zeros\nloss = floor(x) x + sign(x) x^2 + [x >= 0] x\n",
    "param x[2] ~ zeros\nloss = where(x[0] > x[1], x[0], 3 x[1]) + (x[0] + 1) mod 1\n",
    // A row of rectified zeros.
    "input x[3]\nparam W[3,3] ~ he\nparam V[3,3] ~ he\na[i] = relu(W[i,j] x[j])\nz[i] = V[i,j] a[j]\n\
     loss = sum[i] where(z[i] > 0, z[i], 0.1 z[i])\n",
];

#[test]
fn kinks_ties_and_jumps_at_the_point_are_accepted() {
    for text in KINKS {
        accepted(text, &|_| 0.0);
        accepted(text, &|value| value.round());
        accepted(text, &|value| value);
        // So near that every difference steps across.
        accepted(text, &|value| value * 1e-5);
    }
}

#[test]
fn models_of_all_scales_are_accepted() {
    for text in [
        "input x\nparam w ~ normal(0, 1)\nloss = (w x)^2 + 1e16\n",
        "input x\nparam w ~ normal(0, 1)\ng = (w x + 1e16) - 1e16\nloss = g^2\n",
        "input x[3]\nparam w[3] ~ glorot\nloss = (w[i] x[i])^2 + 1e8 (sum[i] w[i]^2 - 1)^2\n",
        "input x\nparam w ~ ones\nloss = 1e-12 (w x)^2\n",
        "input x\nparam w ~ ones\nloss = sin(1e4 w x)\n",
        "input x\nparam w ~ ones\nu = 1e-9 w\nloss = tanh(1e9 u x)\n",
    ] {
        accepted(text, &|value| value);
    }
    for scale in [1e-12, 1e-6, 1e6, 1e12, 1e16] {
        accepted("input x[2]\nparam w[2] ~ ones\nz = w[i] x[i]\nloss = z^2 + 3 z\n", &|value| value * scale);
    }
}
