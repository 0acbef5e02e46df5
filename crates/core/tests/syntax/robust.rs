//! What no text may do: panic, overflow the stack, take long, or get a label outside of it.

use deltarule_core::syntax;
use deltarule_core::syntax::tree::{StatementKind, Tree};
use deltarule_core::text::{Problem, Source};
use std::time::{Duration, Instant};

/// Parses, checks all places, and renders.
fn read(text: &str) -> Result<Tree, Vec<Problem>> {
    let source = Source::new("test.dr", text);
    let result = syntax::parse(&source);
    match &result {
        Ok(tree) => {
            for statement in &tree.statements {
                check_place(text, statement.span.range());
                if let StatementKind::Equation(equation) = &statement.kind {
                    check_place(text, equation.name.span.range());
                    check_place(text, equation.value.span.range());
                }
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty() && problems.len() <= 12, "{} problems", problems.len());
            for problem in problems {
                problem.labels.iter().for_each(|label| check_place(text, label.span.range()));
                let shown = problem.render(&source);
                assert!(shown.len() < 4000, "{shown}");
            }
        }
    }
    result
}

fn check_place(text: &str, place: std::ops::Range<usize>) {
    assert!(text.get(place.clone()).is_some(), "{place:?} in {text:?}");
}

fn message(text: &str) -> String {
    let begun = Instant::now();
    let message = match read(text) {
        Ok(_) => "none".to_owned(),
        Err(problems) => problems[0].message.clone(),
    };
    assert!(begun.elapsed() < Duration::from_secs(5), "{message}: took {:?}", begun.elapsed());
    message
}

#[test]
fn nesting_has_a_limit() {
    let nested = |open: &str, close: &str, depth: usize| format!("z = {}x{}", open.repeat(depth), close.repeat(depth));
    let forms = [
        ("(", ")"),
        ("-", ""),
        ("x^", ""),
        ("f(", ")"),
        ("x[", "]"),
        ("x_{", "}"),
        ("[a = b (", ")]"),
        ("[a < ", " < c]"),
        ("sum[i] ", ""),
        ("∂", "/∂x"),
        ("d(", ")/d(x)"),
        ("a mod ", ""),
        ("pad(x, ", ")[i]"),
        ("max(1, ", ")"),
        ("where(not not a = b, -", ", c)"),
    ];
    for (open, close) in forms {
        assert_eq!(message(&nested(open, close, 8)), "none", "{open}");
        for depth in [300, 100_000] {
            let message = message(&nested(open, close, depth));
            let limited = message.contains("nested more than 200 deep") || message.contains("more than 10000 parts");
            assert!(limited, "{open}: {message}");
        }
    }
    assert_eq!(message(&nested("(", ")", 200)), "none");
    assert_eq!(message(&nested("(", ")", 201)), "nested more than 200 deep");
    assert_eq!(message(&nested("(", "", 100_000)), "this `(` is never closed");
    let blocks: String = (0..1000).map(|depth| " ".repeat(depth) + "for l in 1..2:\n").collect();
    assert_eq!(message(&blocks), "nested more than 200 deep");
}

#[test]
fn statements_have_a_limit() {
    let long = |terms: usize| format!("z = {}x", "x + ".repeat(terms));
    assert_eq!(message(&long(9_000)), "none");
    for terms in [10_000, 100_000, 1_000_000] {
        assert_eq!(message(&long(terms)), "the statement has more than 10000 parts");
    }
    let list = |item: &str| format!("z = f({}x)", item.repeat(100_000));
    for item in ["x, ", "x x ", "x * ", "x or ", "x < ", "x[i,j], "] {
        assert_eq!(message(&list(item)), "the statement has more than 10000 parts", "{item}");
    }
    assert!(message(&"#".repeat((16 << 20) + 1)).contains("16 MiB"));
}

/// A small generator, so that failures can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound
    }
}

const PIECES: &[&str] = &[
    "size", "input", "target", "param", "const", "fn", "for", "in", "metric", "claim", "given", "and", "or", "not",
    "mod", "sum", "max", "x", "W1", "δ", "σ", "Σ", "∂", "d(", "pad(", "inf", "1", "2.5", "1e3", "1.", "_", "_ij", "_{",
    "{l-1}", "{", "}", "(", ")", "[", "]", ",", ":", "..", "~", "+", "-", "−", "*", "·", "/", "^", "²", "=", "<=", "≠",
    "==", "@", "ᵀ", "'", "\n", "\n  ", "\n\t", "\r\n", "#", " ", " ", " ", "e\u{301}", "\u{feff}", "\0", "漢", ".",
];

#[test]
fn random_tokens_never_panic() {
    let mut random = Random(1);
    for _ in 0..6_000 {
        let length = random.below(40);
        let text: String = (0..length).map(|_| PIECES[random.below(PIECES.len())]).collect();
        let _ = read(&text);
    }
}

#[test]
fn random_changes_never_panic() {
    let sample = include_str!("sample.dr");
    let mut random = Random(2);
    let mut accepted = 0;
    for _ in 0..2_000 {
        let mut bytes = sample.as_bytes().to_vec();
        for _ in 0..=random.below(6) {
            let at = random.below(bytes.len());
            let other = bytes[random.below(bytes.len())];
            match random.below(4) {
                0 => bytes[at] = other,
                1 => bytes.insert(at, other),
                2 => drop(bytes.remove(at)),
                _ => bytes.splice(at..at, PIECES[random.below(PIECES.len())].bytes()).for_each(drop),
            }
        }
        match syntax::source_from_bytes("test.dr", &bytes) {
            Ok(source) => accepted += usize::from(read(&source.text).is_ok()),
            Err(problem) => assert!(problem.render(&Source::new("test.dr", "")).contains("--> test.dr:")),
        }
    }
    assert!(accepted > 50, "only {accepted} texts were accepted");
}
