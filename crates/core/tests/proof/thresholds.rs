//! What differs only beyond a threshold, between two, at a tie, or by less than doubles tell.

use super::{proofs, source};

const MODEL: &str = "\
input x
input y
input v[4]
param s ~ ones
param t ~ ones
a = relu(s - 1000)
c = relu(t - 2000)
h[i] = relu(v[i] - 1e4)
big = exp(s)
loss = s + t + x + y + v[i] v[i] + a + c + sum[i] h[i] + big
";

/// Each is false somewhere.
const WRONG: &[&str] = &[
    "where(x > 1 and x < 1 + 1e-9, 1, 0) = 0",
    "where(x > 1000 and x < 1001, 1, 0) = 0",
    "relu(x - 1000) relu(2000 - x) = 0",
    "relu(x - 1000) relu(1001 - x) = 0",
    "relu(x - 1000) relu(1000.000001 - x) = 0",
    "relu(exp(x) - 1e6) = 0",
    "relu(sigmoid(x) - 0.9999) = 0",
    "relu(tanh(x) - 0.999999999) = 0",
    "relu(1/x - 1e9) = 0",
    "relu(x^2 - 1e10) = 0",
    "relu(x y - 1e9) = 0",
    "a c = 0",
    "a = 0",
    "h[i] = 0",
    "v[i] h[i] = 0",
    "sum[i] h[i] = 0",
    "sum[i] [i = 2] h[i] = 0",
    "where(abs(x - 0.3) < 1e-9, 1, 0) = 0",
    "[x < 1e-9 and x > 0] = 0",
    "min(relu(s - 1000), relu(t - 1000)) = 0",
    "where(s > 1000, where(t > 1000, where(x > 1000, where(y > 1000, 1, 0), 0), 0), 0) = 0",
    "exp(-100 - x^2) = 0",
    "exp(-1000 - x^2) = 0",
    "exp(-1e6 - x^2) = 0",
    "3.141592653589793 = π",
    "x^1.0000000001 = x",
    "relu(sin(x) - 0.99999) = 0",
    "relu(relu(x - 1000) - 5) = 0",
    "floor(x / 1e5) = 0 given x > 0",
    "where(floor(x) = 5, 1, 0) = 0",
    "where(x mod 7 > 6.999, 1, 0) = 0",
    "[x = 3.25] = 0",
    "[x = 3.25 and y = 1e6] = 0",
    "relu(log(x^2 + 1) - 50) = 0",
    "max[i] v[i] = max(v[0], v[1])",
    "relu(x - 1e-9) = relu(x)",
    "relu(x + 1e-9) = relu(x)",
    "relu(x) - relu(x - 1e-9) = 0",
    "abs(x) = abs(x + 1e-9) - 1e-9",
    "sign(x) sign(x) = 1",
    "[x >= 1e-9] = [x > 0]",
    "[v[0] = 2 v[1] and v[1] = v[2] + 1] = 0",
    "[v[0] = v[1] + v[2] and v[1] = 3] = 0",
    "[v[0] + v[1] = 1 and v[0] - v[1] = 3 and v[2] = v[3]] = 0",
    "max[i:5] pad(v)[i-1] = max[i] v[i]",
    "max[i:5] pad(v)[i] = max[i] v[i]",
    "min[i:4] pad(v)[i+1] = min[i] v[i]",
    "sqrt(x^2 + 1e-18) = abs(x)",
    "softplus(1e9 x) / 1e9 = relu(x)",
    "tanh(1e12 x) = sign(x)",
    "gelu(1e6 x) / 1e6 = relu(x)",
    "x y / (y + 1e-12) = x",
    "relu(norm[i](v[i]) - 1e5) = 0",
    "relu(sum[i] v[i]^2 - 1e10) = 0",
    "relu(x - 1e12) = 0",
    "where(x > 1e100, 1, 0) = 0",
    "relu(-x - 1e6) = 0",
    "relu(x - 3 y - 1e5) = 0",
    "relu(x - 700) exp(-x) = 0",
    "where(x + y > 2e5 and x - y < -1e5, x, 0) = 0",
    "argmax[i] v[i] = 0",
    "[argmax[i] v[i] = 3] = 0",
    "where(v[0] > 1 and v[1] > 2 and v[2] > 3 and v[3] > 4, 1, 0) = 0",
    "where(v[0] > 100 and v[1] < -200 and v[2] > 300 and v[3] < -400, 1, 0) = 0",
    "prod[i] relu(v[i] - 50) = 0",
    "∂a/∂s = 0",
    "∂h[i]/∂v[j] = 0",
    "∂big/∂s = big + relu(s - 100)",
    "where(x > 0, x, 1e-9) = relu(x)",
    "where(x = 0, 1e-9, 0) = 0",
    "where(x = y, 1e-9, 0) = 0",
    "[x + y = 10] = 0",
    "[x^2 + y^2 = 25] = 0",
    "[x^2 < 1e-18] = 0",
    "relu(1e-6 - abs(x - 1e3)) = 0",
    "log(1 + relu(x - 1e5)) = 0",
    "cos(relu(x - 4096)) = 1",
    "relu(cos(x) + 1 - 1e-9) = cos(x) + 1",
    "sqrt(relu(x - 1e5)) = 0",
    "max(x, -1e7) = x",
    "min(max(x, -1e7), 1e7) = x",
    "1/3 = 0.3333333333333333",
    "0.1 + 0.2 = 0.30000000000000004",
    "exp(log(2)) = 2.0000000000000004",
    "x + 1e-30 = x",
    "x + 1e-300 = x",
    "sin(π x) = 0 given x = 0.5",
    "x = 1 given x^2 = 1",
    "abs(x) = x given x^2 = 4",
    "x = 0 given x y = 0",
    "abs(s) = s given s > -1e-9",
    "relu(s) = 0 given s < 1e-9",
    "relu(s - t) = s - t given s > t - 1e-9",
    "max(s, t) = s given t < s + 1e-12",
    "sign(x) = 1 given x > -1e-6",
    "abs(x) = x given x^2 < 1 and x > -1e-9",
    "sqrt(x^2) = x given x > -1e-10",
    "relu(-log(x) - 30) = 0",
    "x^y = exp(y log(x))",
    "log(x y) = log(x) + log(y)",
    "min(exp(x), 1e30) = exp(x)",
    "max(log(x), 12) = 12",
    "where(v[0] = 0 and v[1] = 0, x, y) = y",
    "v[i] = 1 given v[i]^2 = v[i]",
];

/// Each is true wherever its first line has a value.
const RIGHT: &[&str] = &[
    "atan(x) + atan(1/x) = π sign(x) / 2",
    "x / x = 1",
    "1 = x / x",
    "(x^2 - 1) / (x - 1) = x + 1",
    "log(x^2) = 2 log(abs(x))",
    "tan(x) = sin(x) / cos(x)",
    "x^2 / x = x",
    "atan(1/x) = π/2 - atan(x) given x > 0",
    "acos(x) + asin(x) = π/2",
    "acos(-x) = π - acos(x)",
    "log(x) - log(y) = log(x / y)",
    "sqrt(x) sqrt(x) = x",
    "sqrt(x y) = sqrt(x) sqrt(y) given x > 0",
    "relu(x - 1e6) - relu(1e6 - x) = x - 1e6",
    "where(x > 1e6, x, 1e6) = max(x, 1e6)",
    "min(max(x, -1e7), 1e7) = max(min(x, 1e7), -1e7)",
    "abs(relu(x - 3)) = relu(x - 3)",
    "relu(x - 3) relu(2 - x) = 0",
    "where(x > 5 and x < 4, 1, 0) = 0",
    "[x > 1e9] [x < -1e9] = 0",
    "floor(x) + floor(-x) = -1 + [floor(x) = x]",
    "sign(x) abs(x) = x",
    "exp(log(x)) = x",
    "log(exp(x)) = x",
    "x^y = exp(y log(x)) given x > 0",
    "sinh(x) = (exp(x) - exp(-x)) / 2",
    "x mod 1 = x - floor(x)",
    "softplus(x) - softplus(-x) = x",
    "a (s - 1000) = a^2",
    "relu(s - 1000) = a",
    "h[i] (v[i] - 1e4) = h[i]^2",
    "max[i] v[i] - min[i] v[i] = max[i,j] (v[i] - v[j])",
    "1/x = 1/x",
    "asin(sin(x)) = x given x = 1/2",
    "atan(x) + atan(y) = atan((x + y)/(1 - x y)) given x > 0 and y > 0 and x y < 1",
    "exp(-100 - x^2) exp(100) = exp(-x^2)",
    "acos(x) = atan(sqrt(1 - x^2) / x) given x > 0",
    "sqrt(1/x) = 1/sqrt(x)",
    "x^(1/2) = sqrt(x)",
    "(x^2)^(1/2) = abs(x)",
    "log(1 - x) + log(1 + x) = log(1 - x^2)",
    "x log(x) - x log(x) = 0",
    "sign(1/x) = sign(x)",
];

/// What many bits cannot tell is refused as well, as undecided: the sum is rounded where it is read.
const UNDECIDED: &[&str] = &["x (1 + 1e-25) = x"];

/// The claims of which so much is not the case.
fn failures(claims: &[&'static str], expected: (bool, bool)) -> Vec<&'static str> {
    let verdict = |claim: &str| {
        let source = source(MODEL, &format!("claim {claim}"));
        let proof = proofs(&source).remove(0);
        (proof.wrong.is_some(), proof.wrong.is_some_and(|wrong| wrong.is_undecided))
    };
    claims.iter().copied().filter(|claim| verdict(claim) != expected).collect()
}

#[test]
fn what_is_true_on_one_side_of_a_threshold_is_wrong() {
    assert_eq!(failures(WRONG, (true, false)), Vec::<&str>::new());
}

#[test]
fn what_is_true_wherever_it_is_defined_is_right() {
    assert_eq!(failures(RIGHT, (false, false)), Vec::<&str>::new());
}

#[test]
fn what_is_not_decided_is_refused() {
    assert_eq!(failures(UNDECIDED, (true, true)), Vec::<&str>::new());
}
