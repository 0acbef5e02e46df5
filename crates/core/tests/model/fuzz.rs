//! Nothing that is written makes the builder panic or run on.

use super::{GIVEN, try_build};
use std::fs;
use std::path::Path;

/// Pseudo-random numbers below a bound.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

fn seeds() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("the folder of models").map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    let mut texts: Vec<String> = paths.iter().map(|path| fs::read_to_string(path).expect("a text")).collect();
    texts.push(format!("{GIVEN}fn f[i](z, a) = z[i] sum[k] z[k] + a\nt[i,j] = f[i](C[i,j], u[i] v[i]) [i <= j]\n"));
    texts.push(format!("{GIVEN}t[i] = where(u[i] > 0, delta[i,0], max[j:4] A[i,j]) + mean[k] layernorm[k](w[k])\n"));
    texts.push(format!(
        "{GIVEN}t[i] = w[i+j] u[j] + pad(u)[2*i-1] C[i, floor(i/2)]\nq[i:9] = pad(t, -inf)[i mod 4] + [i > 0] w[i-i]\n"
    ));
    texts.push(format!(
        "{GIVEN}input c[3] int(3)\nt[i,j] = A[c[i], j] + A[argmax[k] u[k], 3-j]\nz = ∂t/∂u[c[0]] + u[c[1]]\n"
    ));
    texts.push(format!("{GIVEN}for l in 0..2:\n    z{{l}}[i] = l u[i] + C[i,l]\n    for m in l..1:\n        q{{l}}m{{m+1}} = z{{l}}[m]\n"));
    texts.push(format!(
        "{GIVEN}h[t:-1,i] = u[i]\ng[t,i] = A[i,t] h[t-1,i]\nh[t,i] = tanh(g[t,i] + C[i,j] h[t-1,j])\nk[t] = [t < 3] k[t+1] + w[t]\n"
    ));
    texts.push(
        "input x[batch,4]\nparam w[4] ~ zeros\nz[b] = w[i] x[b,i]\nloss = sum[b] z[b]^2 / batch\ng[i] = ∂loss/∂w[i]\n\
         q = ∂(∂loss/∂w[0])/∂w[1]\n"
            .to_string(),
    );
    texts
}

/// Words that mean something, so that changed texts still parse now and then.
const WORDS: &[&str] = &[
    "i",
    "j",
    "k",
    "n",
    "u",
    "[i]",
    "[i,j]",
    "[0]",
    "[-1]",
    "[99]",
    "sum[i] ",
    "mean[j:2] ",
    "max[i,i] ",
    "argmax[k] ",
    "(",
    ")",
    "[",
    "]",
    "+",
    "-",
    "*",
    "/",
    "^",
    "=",
    "<",
    " and ",
    "not ",
    ":",
    ",",
    "~ he",
    "onehot",
    "int(3)",
    "softmax[i]",
    "softmax[k](u[k])",
    "exp(",
    "delta[i,j]",
    "where(",
    "inf",
    "0",
    "1e400",
    "9223372036854775807",
    "size n = 4\n",
    "param q[2]\n",
    "\n",
    "loss",
    "metric ",
    "fn f(x) = f(x)\n",
    "stop(",
    "mod",
    "W",
    "x_i",
    "∂loss/∂u",
    "[i+1]",
    "[2*i-j]",
    "[t-1]",
    "[t:-1]",
    "[t:-2,i]",
    "pad(u)",
    "pad(w, 1)",
    "floor(i/2)",
    "i mod 3",
    "c[i]",
    "argmax[j] u[j]",
    "h",
    "batch",
    "{l}",
    "{l-1}",
    "for l in 0..3:\n    ",
    "2147483648",
];

fn mutate(text: &str, dice: &mut Dice) -> String {
    let mut pieces: Vec<String> = text.split_inclusive(|c: char| !c.is_alphanumeric()).map(str::to_string).collect();
    for _ in 0..=dice.below(4) {
        let at = dice.below(pieces.len());
        match dice.below(4) {
            0 => {
                pieces.remove(at);
            }
            1 => pieces.insert(at, WORDS[dice.below(WORDS.len())].to_string()),
            2 => pieces[at] = WORDS[dice.below(WORDS.len())].to_string(),
            _ => {
                let other = dice.below(pieces.len());
                pieces.swap(at, other);
            }
        }
        if pieces.is_empty() {
            pieces.push(String::new());
        }
    }
    pieces.concat()
}

#[test]
fn changed_models_are_built_or_refused() {
    let mut dice = Dice(7);
    let (mut built, mut refused) = (0, 0);
    for text in seeds() {
        for _ in 0..600 {
            let changed = mutate(&text, &mut dice);
            let (source, model) = try_build(&changed);
            match model {
                Ok(_) => built += 1,
                Err(problems) => {
                    refused += 1;
                    assert!(!problems.is_empty(), "refused without a reason:\n{changed}");
                    for problem in problems {
                        let inside = problem.labels.iter().all(|label| label.span.range().end <= source.text.len());
                        assert!(inside, "{problem:?}\n{changed}");
                        assert!(!problem.render(&source).is_empty());
                    }
                }
            }
        }
    }
    assert!(built > 100 && refused > 1000, "{built} built, {refused} refused");
}

/// The first message, which must come.
fn refusal(text: &str) -> String {
    let (_, model) = try_build(text);
    model.map(|_| ()).expect_err("refused")[0].message.clone()
}

#[test]
fn expansions_are_bounded() {
    let doubling = |body: &str| -> String {
        let mut text = "param x ~ zeros\nfn f0(z) = z\n".to_string();
        (1..60).for_each(|k| text += &format!("fn f{k}(z) = {}\n", body.replace('g', &format!("f{}", k - 1))));
        text + "t = f59(x)\n"
    };
    assert!(refusal(&doubling("g(z) g(z)")).contains("too large"));
    assert!(refusal(&doubling("exp(g(z)) + sin(g(z) + 1)")).contains("too large"));
    assert!(refusal(&doubling("g(g(z))")).contains("too"));
    // One that is wide but not deep has a value.
    let (_, model) = try_build("param x ~ zeros\nfn f(z) = z z + exp(z)\nfn g(z) = f(f(z))\nt = g(g(x))\n");
    assert!(model.is_ok());
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| {
        let mut text = "param x ~ zeros\nfn f0(z) = exp(z)\n".to_string();
        (1..=depth).for_each(|k| text += &format!("fn f{k}(z) = exp(f{}(z) + 1)\n", k - 1));
        text + &format!("t = f{depth}(x)\n")
    };
    assert!(refusal(&nested(400)).contains("nested too deep"));
    // The deepest that passes stays inside the stack of a thread.
    let deepest = (150..400).step_by(10).rev().find(|&depth| try_build(&nested(depth)).1.is_ok());
    assert!(deepest.is_some_and(|depth| depth > 150), "{deepest:?}");
}

#[test]
fn nested_reductions_are_bounded() {
    let mut body = "1".to_string();
    for depth in 0..12 {
        body = format!("max[a{depth}:2, b{depth}:2] exp(sum[c{depth}:2, d{depth}:2] ({body} + a{depth} c{depth}))");
    }
    assert_eq!(refusal(&format!("t = {body}\n")), "reductions are nested too deep");
}

#[test]
fn many_indices_are_refused() {
    let letters: Vec<String> = (0..100).map(|k| format!("i{k}:1")).collect();
    assert!(refusal(&format!("t[{}] = 1\n", letters.join(","))).contains("more than 64"));
    assert!(refusal(&format!("t = sum[{}] 1\n", letters.join(","))).contains("more than 64"));
}

#[test]
fn subscripts_are_bounded() {
    let deep = |depth: usize| {
        let mut text = "input c[3] int(3)\nfn f0(k) = c[k]\n".to_string();
        (1..=depth).for_each(|k| text += &format!("fn f{k}(k) = f{}(k)\n", k - 1));
        text + &format!("t = f{depth}(c[c[c[0]]])\n")
    };
    assert!(refusal(&deep(1200)).contains("nested too deep"));
    assert!(try_build(&deep(100)).1.is_ok());
    // Extents near the greatest, and forms that would overflow.
    for text in [
        "input x[2147483647]\nt[i] = x[2147483646 i]",
        "input x[2147483647]\nt[i] = x[2147483646 - i] x[i]",
        "input x[4]\nt = sum[i:2147483647] pad(x)[2147483647 i - 2147483647]",
        "input x[4]\nt = sum[i:2147483647] pad(x)[floor(2147483647 i / 2147483647) mod 2147483647]",
    ] {
        let (source, model) = try_build(text);
        assert!(model.is_ok(), "{}", model.map(|_| ()).unwrap_err()[0].render(&source));
    }
    assert!(refusal("input x[4]\nt = sum[i:4] x[2147483648 * 2147483648 i]").contains("too large"));
    assert!(refusal("input x[4]\nt[i] = x[-2147483648 i - 2147483648 - 1]").contains("too large"));
}
