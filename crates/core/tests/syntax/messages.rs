//! The messages for malformed texts.

use deltarule_core::syntax;
use deltarule_core::text::Source;

/// Each has something wrong with it.
const MALFORMED: &[&str] = &[
    // Characters and operators from elsewhere.
    "z[i] = W[i,j] @ x[j]",
    "z = x**2",
    "z = [a == b]",
    "z = a && b",
    "z = i % 2",
    "z = a × b",
    "z[i] = Wᵀ[i,j] x[j]",
    "z = W.T x",
    "z = np.exp(x)",
    "z = xᵢ",
    "z = aⁿ",
    "z = √x",
    "z = a; y = b",
    "z = \"text\"",
    "z = a\u{200b} + b",
    "z = a § b",
    "z = _i + 1",
    "z = \\sigma(x)",
    "z += 1",
    // Numbers.
    "z = 1.2.3",
    "z = 5. + x",
    "z = .5",
    "z = 1_000",
    "z = 1 000",
    // Brackets.
    "z[i] = exp(W[i,j] x[j] + (b[i]\nloss = z[0]",
    "z[i = W[i,j] x[j]",
    "size n = (3\nsize m = 4)\ninput x[n]",
    "z = (a + b]",
    "z = a + b)",
    "z[i] = x[]",
    "z = {a}",
    "z = f()",
    "z = (a, b)",
    // Reductions.
    "z = sum(x)",
    "z = max (a, b)",
    "z = Σ x[i]",
    "z = sum[i]",
    "z = sum[2] x[i]",
    "z = sum_1 x_i",
    "z = argmax x[i]",
    // Products, divisions, subscripts.
    "z = a / b c",
    "z[i] = 2 x[i] / (y[i] + 1) (w[i] - 1) + 1",
    "z = i mod 2 n",
    "p[i] = exp(z[i]) / sum[k] exp(z[k]) g[i]",
    "p[i] = 2 z[i] / -sum[k] w[k]\n    exp(z[k]) g[i] h",
    "z = a / sum[k] sum[j] b[k] c[j]",
    "z = a / max[k] b[k] / c",
    "z = a mod sum[k] b[k] * c",
    "z = 2^sum[k] b[k] c[k]",
    "z = 1/2n sum[k] b[k]",
    "z = a/2 sum[k] b[k]^2",
    "z = ∂u/∂x[i]^2",
    "z[i] = y [i]",
    "z[i] = 2 [x[i], 3]",
    "z[i] = x[i][j]",
    "z[i] = x_i_j",
    "z[i] = x[i <= j]",
    "z = delta[i]",
    "z = a < b",
    "z = a +",
    "z = + a",
    "z = a * / b",
    "z = ^2",
    "z = a if b else c",
    // Statements.
    "parm W[3]",
    "Input x[3]",
    "parameter W[3] ~ he",
    "input x(64)",
    "input x[64] y[3]",
    "input x[64], y[10]",
    "input x[64",
    "input 64",
    "input",
    "target y[10] one-hot",
    "param W 64",
    "param W[3] = 0",
    "param W[3] ~ 0.1",
    "param W[3] ~ normal 0 0.1",
    "param my_weight[3] ~ he",
    "input x[3] ~ he",
    "input x[3] = 2",
    "input x[]",
    "W[3] ~ he",
    "y[10] onehot",
    "size h 32",
    "size = 3",
    "mean = 3",
    "input mean[3]",
    "inf = 3",
    "z",
    "z[i]",
    "z [i] = 3",
    "z_i_j = 3",
    "f(x) = x^2",
    "a + b = c",
    "a = b = c",
    "a = 1 b = 2",
    "a = b +\nc = d",
    "= 3",
    "3 = x",
    "x[i] + 3",
    "def f(x) = 3",
    "let x = 3",
    "if (a) b",
    "lambda x: x",
    "f = lambda x: x",
    "fn f = 3",
    "fn f[i] = 3",
    "fn f(x[i]) = 3",
    "fn f(3) = 3",
    "metric = 3",
    "metric accuracy",
    "given a = b",
    "z = a given b = c",
    "z = a input x[3]",
    "z = x[for]",
    // Blocks.
    "for l = 1..3:\n  a = b",
    "for l in range(3):\n  a = b",
    "for l in 1..3\n  a = b",
    "for l in 1..3: a = b",
    "for l in 1..3:\na = b",
    "for l in 1..3:\n  a = b\n    c = d",
    "for l in 1..3:\n  a = b\n\tc = d",
    "a{l} = 3",
    "for l in 1..3:\n  a{l+} = {b}\n  c{[} = 2",
    // Claims and derivatives.
    "claim",
    "claim a",
    "claim a < b",
    "claim a = b given",
    "∂loss/∂x = 3",
    "z = ∂loss",
    "z = ∂loss/x",
    "z = ∂loss/∂(x + y)",
    "z = pad(x)",
    "z = pad(x[i])[i]",
    // Several at once, and what is shown where.
    "input x[3\nparm W[2]\nz = a @ b\nloss = z",
    "\tz = a b +\t+ c",
    "z = é + 漢字 @ x\r\n",
    "z = (a\n# a comment\n\n\n\n + b]",
];

fn message(text: &str) -> String {
    let source = Source::new("model.dr", text);
    match syntax::parse(&source) {
        Ok(_) => panic!("nothing is wrong with {text:?}"),
        Err(problems) => problems.iter().map(|problem| problem.render(&source)).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
fn malformed_texts() {
    let all: Vec<String> = MALFORMED.iter().map(|text| message(text)).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn the_first_bad_byte_is_placed() {
    let problem = syntax::source_from_bytes("m.dr", b"\xef\xbb\xbfabc\n\xc3\xa9e\xff").unwrap_err();
    insta::assert_snapshot!(problem.render(&Source::new("m.dr", "")));
    let source = syntax::source_from_bytes("m.dr", b"\xef\xbb\xbfsize n = 3\r\nsize m = n\r\n").unwrap();
    assert_eq!(syntax::parse(&source).unwrap().statements.len(), 2);
}
