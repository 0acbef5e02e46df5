//! What the constructs of the language are read as.

use super::show;
use deltarule_core::syntax;
use deltarule_core::text::Source;

fn read(text: &str) -> String {
    let source = Source::new("test.dr", text);
    match syntax::parse(&source) {
        Ok(tree) => show::tree(&tree),
        Err(problems) => problems.iter().map(|problem| problem.render(&source)).collect(),
    }
}

/// The right side of an equation.
fn value(text: &str) -> String {
    let shown = read(&format!("z = {text}"));
    let inner = shown.strip_prefix("(= z[] ").and_then(|rest| rest.strip_suffix(')'));
    inner.map_or(shown.clone(), str::to_owned)
}

fn check(pairs: &[(&str, &str)]) {
    for (text, tree) in pairs {
        assert_eq!(value(text), *tree, "{text}");
    }
}

#[test]
fn every_construct_parses() {
    insta::assert_snapshot!(read(include_str!("sample.dr")));
}

#[test]
fn products_signs_and_powers() {
    check(&[
        ("-x^2 y", "(* (neg (^ x 2)) y)"),
        ("2^-1", "(^ 2 (neg 1))"),
        ("a^b^c", "(^ a (^ b c))"),
        ("a - b - c + d", "(+ a -b -c d)"),
        ("a − b·c", "(+ a -(* b c))"),
        ("a / b * c / d", "(* a /b c /d)"),
        ("a b / c", "(* a b /c)"),
        ("1/2 x", "(* 1 /2 x)"),
        ("-1/2 x", "(* (neg 1) /2 x)"),
        ("a * -b", "(* a (neg b))"),
        ("--a", "(neg (neg a))"),
        ("x² + y⁻¹ + z[i]¹⁰", "(+ (^ x 2) (^ y (neg 1)) (^ z[i] 10))"),
        ("2x 1e-5y", "(* 2 x 1e-5 y)"),
        ("2 (x)", "(* 2 (group x))"),
        ("a (b)", "(* a (group b))"),
        ("a(b)", "(a! b)"),
        ("x[i] (y)", "(* x[i] (group y))"),
        ("W[i,j]x[j]", "(* W[i j] x[j])"),
        ("2 i mod n + 1", "(+ (mod (* 2 i) n) 1)"),
        ("1e5 inf", "(* 1e5 inf)"),
    ]);
}

#[test]
fn subscripts_in_every_spelling() {
    check(&[
        ("x[i, r+u]", "x[i (+ r u)]"),
        ("x_{i,r+u}", "x[i (+ r u)]"),
        ("W1_ij", "W1[i j]"),
        ("W1_i'j0", "W1[i' j 0]"),
        ("x'_i", "x'[i]"),
        ("x′_i", "x'[i]"),
        ("E[t[s], d]", "E[t[s] d]"),
        ("x[argmax[i] p[i]]", "x[(argmax[i] p[i])]"),
        ("δ_ij δ[i,j] delta(i,j) δ2[i]", "(* (delta i j) (delta i j) (delta! i j) δ2[i])"),
        ("pad(x)[2*r+u-1] pad(x, -1)_i", "(* (pad x)[(+ (* 2 r) u -1)] (pad x (neg 1))[i])"),
        // One letter, composed of two characters and of one.
        ("e\u{301}_i", "é[i]"),
        ("x_e\u{301}i", "x[é i]"),
    ]);
}

#[test]
fn reductions_take_the_product_that_follows() {
    check(&[
        ("sum[j] a[j] b[j] / c + d", "(+ (sum[j] (* a[j] b[j] /c)) d)"),
        ("a mean[i,j:5] b c", "(* a (mean[i j:5] (* b c)))"),
        ("sum[k] -(y[k]/p[k]) q", "(sum[k] (* (neg (group (* y[k] /p[k]))) q))"),
        ("Σ_j x_j ∑_{j} y_j", "(sum[j] (* x[j] (sum[j] y[j])))"),
        ("sum_{j:3} x_j", "(sum[j:3] x[j])"),
        ("a / (sum[k] b[k] c[k])", "(* a /(group (sum[k] (* b[k] c[k]))))"),
        ("a / sum[k] b[k]^2 + c", "(+ (* a /(sum[k] (^ b[k] 2))) c)"),
        ("a / -sum[k] -b[k]", "(* a /(neg (sum[k] (neg b[k]))))"),
        ("a / sum[k] sum_j b[k,j] - c", "(+ (* a /(sum[k] (sum[j] b[k j]))) -c)"),
        ("a^sum[k] b[k] + c", "(+ (^ a (sum[k] b[k])) c)"),
        ("max(a, b) max[i] x[i]", "(* (max! a b) (max[i] x[i]))"),
        ("(sum[i] x[i])^2", "(^ (group (sum[i] x[i])) 2)"),
        ("logsumexp[i] (a[i] + b)", "(logsumexp[i] (group (+ a[i] b)))"),
    ]);
}

/// A number or a size on both sides of `/` leaves nothing else to mean for what follows.
#[test]
fn fractions_of_numbers_stand_before_what_follows() {
    let above = "size n = 3\nconst lam = 0.1\nsize d1 = 3\n";
    let pairs = [
        ("1/n sum[k] b[k] c[k]", "(* 1 /n (sum[k] (* b[k] c[k])))"),
        ("1/n Σ_k b_k", "(* 1 /n (sum[k] b[k]))"),
        ("lam/2 x", "(* lam /2 x)"),
        ("1/(2 n) x", "(* 1 /(group (* 2 n)) x)"),
        ("1/sqrt(n) x y", "(* 1 /(sqrt! n) x y)"),
        ("(n - 1)/n x", "(* (group (+ n -1)) /n x)"),
        ("-1/n x", "(* (neg 1) /n x)"),
        ("1/2 n x", "(* 1 /2 n x)"),
        ("1/n/2 x", "(* 1 /n /2 x)"),
        ("1/n^2 x", "(* 1 /(^ n 2) x)"),
        ("1/π x", "(* 1 /π x)"),
        ("2/d1 x", "(* 2 /d1 x)"),
        ("1/2(x - y)", "(* 1 /2 (group (+ x -y)))"),
    ];
    for (text, tree) in pairs {
        let shown = read(&format!("{above}z = {text}"));
        assert!(shown.ends_with(&format!("(= z[] {tree})")), "{text}: {shown}");
    }
    let refused =
        ["x/n y", "1/x y", "n x/n y", "1/n lam x", "1/2n x", "1/2π x", "1/n sqrt(2) x", "1/(2 x) y", "1/n/x y"];
    for text in refused {
        let shown = read(&format!("{above}z = {text}"));
        assert!(shown.contains("this could mean `("), "{text}: {shown}");
    }
    assert!(read("size n = 3\nfn f(a) = a x\nb = 1/f(n) x").contains("this could mean"));
    // A parameter hides a size, and a counter is a number only in its block.
    assert!(read("size n = 3\nfn f(n) = 1/n 2 n").contains("this could mean"));
    assert!(read("for l in 1..2:\n  a{l} = 1/l x").ends_with("(= a{l}[] (* 1 /l x)))"));
    assert!(read("for l in 1..2:\n  a{l} = 1\nb = 1/l x").contains("this could mean"));
    assert!(read("pi[i] = x[i]\nb = 1/pi x").contains("this could mean"));
}

#[test]
fn conditions() {
    check(&[
        ("[i <= j] x[i]", "(* (bracket (LessEqual i j)) x[i])"),
        ("x [i≤j]", "(* x (bracket (LessEqual i j)))"),
        ("[[p > 0.5] = y]", "(bracket (Equal (bracket (Greater p 0.5)) y))"),
        ("[a <= b < c]", "(bracket (and (LessEqual a b) (Less b c)))"),
        ("[not a = b and c ≠ d or e >= f]", "(bracket (or (and (not (Equal a b)) (NotEqual c d)) (GreaterEqual e f)))"),
        ("where(a < b, c, d)", "(where! (Less a b) c d)"),
        ("[argmax[i] p[i] = argmax[i] y[i]]", "(bracket (Equal (argmax[i] p[i]) (argmax[i] y[i])))"),
    ]);
}

#[test]
fn calls_and_derivatives() {
    check(&[
        ("softmax[k](s[q,k])", "(softmax![k] s[q k])"),
        ("softmax_k(z)", "(softmax![k] z)"),
        ("σ(x) σ", "(* (sigmoid! x) σ)"),
        ("∂loss/∂W1[m,n] x", "(* (∂ loss W1[m n]) x)"),
        ("-d(a b) / d(x[i])", "(neg (∂ (* a b) x[i]))"),
        ("∂∂loss/∂a[i]/∂b[j]", "(∂ (∂ loss a[i]) b[j])"),
        ("∂(log(p[k]))/∂z[i]", "(∂ (log! p[k]) z[i])"),
        ("d(x) / 2", "(* (d! x) /2)"),
    ]);
}

#[test]
fn lines_go_on() {
    let texts = [
        "z = a\n\n # no\n  + b\nloss = z",
        "z = a +\n # yes\n\nb\nloss = z",
        "z =\na\n+ b\nloss = z",
        "z\n= (a\n)\n+ b\r\nloss = z\r\n",
        "\u{feff}z = a\n\t+ b#c\nloss = z",
    ];
    for text in texts {
        let shown = read(text).replace("(group a)", "a");
        assert_eq!(shown, "(= z[] (+ a b))\n(= loss[] z)", "{text}");
    }
    assert_eq!(read("z = a\n- b"), "(= z[] (+ a -b))");
    assert_eq!(read("claim a\n= b given c\n = d\n= e"), "(claim a (given b (Equal c d)) e)");
    let chain = "(claim a (given b (and (LessEqual c d) (Equal d e))))";
    assert_eq!(read("claim a = b given c <= d = e"), chain);
}

#[test]
fn blocks() {
    let text = "for l in 1..n-1:\n\n  a{l}[i] = b{ l - 1 }[i]\n  for m in 0..l:\n    c{m} = l\n  d = e\nf = g";
    let shown = "(for l 1 (+ n -1) (= a{l}[i] b{l-1}[i]) (for m 0 l (= c{m}[] l)) (= d[] e))\n(= f[] g)";
    assert_eq!(read(text), shown);
}

#[test]
fn several_problems_are_reported_and_no_more_than_ten() {
    let problems = |text: &str| syntax::parse(&Source::new("test.dr", text)).unwrap_err().len();
    assert_eq!(problems("a = (\nb = 1\nc = 2 +\nsize n = 3\nd = e e ]\nf = 1 @ 2\n"), 4);
    assert_eq!(problems(&"a = )\n".repeat(10_000)), 10);
    assert_eq!(problems(&"a = (\n".repeat(10_000)), 10);
}
