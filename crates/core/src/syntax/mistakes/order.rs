//! Tokens that do not follow each other.

use super::{Found, MapLabel, found, hinted, quote, short};
use crate::syntax::lexer::{KEYWORDS, Keyword, Kind, Pair, Token};
use crate::syntax::lines::awaits;
use crate::syntax::tree::{Comparison, DeclaredRole, StatementKind};
use crate::text::Span;

const EQUAL: Kind = Kind::Compare(Comparison::Equal);

/// Something else was expected at a position.
pub(in crate::syntax) fn unexpected(text: &str, tokens: &[Token], position: usize, expected: &str) -> Found {
    let token = tokens[position];
    let written = quote(text, token.span);
    let keyword = expected == "an expression" && matches!(token.kind, Kind::Keyword(_));
    let wants_name = expected.starts_with("the name") || expected == "an index" || keyword;
    let problem = match token.kind {
        Kind::End => found(format!("expected {expected}, but the statement ends"), token.span, "ends here"),
        kind if wants_name && is_word(kind) => {
            let message = format!("{written} is a word of the language and cannot be a name");
            return hinted(message, token.span, format!("expected {expected}"), "choose another name");
        }
        _ => found(format!("expected {expected}, found {written}"), token.span, format!("expected {expected}")),
    };
    let hint = match token.kind {
        Kind::Plus if expected == "an expression" => "a value is written without a `+` before it",
        Kind::Not => "`not` stands before a condition, in brackets: `[not i = j]`",
        Kind::Open(Pair::Curly) => "braces stand only in `x_{i,j}` and, in a `for` block, in names: `a{l}`",
        Kind::Compare(_) if expected.contains("`]`") => {
            "a condition in brackets is a factor of its own: put white space before the bracket"
        }
        _ if expected == "`in`" || expected == "`:`" || expected.starts_with("`..`") => {
            "write `for l in 1..3:`; both ends are included"
        }
        _ if expected.starts_with("an initialiser") => {
            "one of `zeros`, `ones`, `constant(c)`, `normal(mean, deviation)`, `uniform(low, high)`, `he`, `glorot`, `lecun`"
        }
        _ => return continued(text, tokens, position, problem),
    };
    Box::new(problem.hint(hint))
}

/// Says so where a line belongs to the one before only by an operator at its end.
fn continued(text: &str, tokens: &[Token], position: usize, problem: Found) -> Found {
    if tokens[position].kind != EQUAL {
        return problem;
    }
    let line = tokens[..=position].iter().rposition(|token| token.first).unwrap_or(0);
    match line.checked_sub(1).map(|last| tokens[last]) {
        Some(last) if awaits(last.kind) => {
            let label = format!("the line ends in {}, so the statement goes on", quote(text, last.span));
            problem.map_label(last.span, label)
        }
        _ => problem,
    }
}

fn is_word(kind: Kind) -> bool {
    use Kind::*;
    matches!(kind, Keyword(_) | Reduce(_) | And | Or | Not | Mod | Given)
}

/// What other languages begin their statements with.
const FOREIGN: &[(&str, &str)] = &[
    ("let", "an equation needs no word before it: `z[i] = ...`"),
    ("var", "an equation needs no word before it: `z[i] = ...`"),
    ("def", "a function is defined with `fn`: `fn f[i](z) = ...`"),
    ("function", "a function is defined with `fn`: `fn f[i](z) = ...`"),
    ("func", "a function is defined with `fn`: `fn f[i](z) = ...`"),
    ("if", "a choice is written `where(condition, a, b)`, or as a factor `[condition]`"),
    ("while", "only `for l in 1..3:` repeats statements"),
    ("import", "everything is in one file; common layers are there without it"),
    ("from", "everything is in one file; common layers are there without it"),
    ("return", "a value is given by defining it: `loss = ...`"),
    ("print", "a value is reported with `metric name = ...`"),
    ("minimize", "the scalar that training minimises is called `loss`: `loss = ...`"),
    ("minimise", "the scalar that training minimises is called `loss`: `loss = ...`"),
    ("tensor", "a tensor is declared with `input`, `target`, `param` or `const`"),
    ("weight", "what is learned is declared with `param`: `param W[3] ~ he`"),
    ("output", "a value to predict is declared with `target`; what is computed is an equation"),
    ("label", "a value to predict is declared with `target`"),
];

/// A statement that begins with two names: the first was meant as a keyword.
pub(in crate::syntax) fn not_a_statement(text: &str, tokens: &[Token]) -> Option<Found> {
    let [first, second, ..] = tokens else { return None };
    let word = &text[first.span.range()];
    let foreign = FOREIGN.iter().find(|(foreign, _)| *foreign == word).map(|(_, hint)| (*hint).to_owned());
    let called = matches!(second.kind, Kind::Open(Pair::Round)) && matches!(word, "if" | "while" | "print" | "return");
    let names = matches!(second.kind, Kind::Name | Kind::Keyword(_) | Kind::Number | Kind::Reduce(_));
    if !names && !called {
        return None;
    }
    let hint = foreign.or_else(|| closest(word).map(|keyword| format!("did you mean `{keyword}`?")));
    let hint = match hint {
        Some(hint) => hint,
        None if tokens.iter().any(|token| token.kind == EQUAL) => return None,
        None => "a statement is an equation `z[i] = ...`, or begins with one of `size`, `input`, `target`, `param`, \
                 `const`, `fn`, `for`, `metric`, `claim`"
            .to_owned(),
    };
    Some(hinted(format!("no statement begins with {}", quote(text, first.span)), first.span, "unknown", hint))
}

/// The keyword that a word was probably meant to be.
fn closest(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    if matches!(lower.as_str(), "parameter" | "parameters" | "params") {
        return Some("param");
    }
    let near = |keyword: &str| distance(&lower, keyword) <= if keyword.len() < 5 { 1 } else { 2 };
    let by_distance = |(keyword, _): &&(&str, Keyword)| distance(&lower, keyword);
    if lower.len() > 12 {
        return None;
    }
    KEYWORDS.iter().filter(|(keyword, _)| near(keyword)).min_by_key(by_distance).map(|(keyword, _)| *keyword)
}

/// Letters to insert, delete or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// A statement that begins with neither a name nor a keyword.
pub(in crate::syntax) fn bad_beginning(text: &str, tokens: &[Token]) -> Found {
    let first = tokens[0];
    let written = quote(text, first.span);
    let defines = tokens.iter().any(|token| token.kind == EQUAL);
    match first.kind {
        Kind::Partial if defines => {
            let hint = "derivatives are found by the program; one done by hand begins with `claim`";
            hinted("a derivative cannot be defined", first.span, "expected a name", hint)
        }
        kind if is_word(kind) => unexpected(text, tokens, 0, "the name of what is defined"),
        _ if defines => {
            let hint = "the left side of an equation is a name with its subscripts: `z[i] = ...`";
            hinted(format!("no statement begins with {written}"), first.span, "expected a name", hint)
        }
        _ => {
            let hint = "a statement is an equation `z[i] = ...`, or begins with a word such as `input`; \
                        a line goes on when it ends in an operator, or the next begins with one";
            hinted(format!("no statement begins with {written}"), first.span, "expected a name", hint)
        }
    }
}

/// The `=` of an equation is not where it should be.
pub(in crate::syntax) fn no_equals(text: &str, tokens: &[Token], position: usize, name: Span) -> Found {
    let token = tokens[position];
    let name_text = short(text, name);
    let hint = match token.kind {
        Kind::End => {
            let label = "expected `=` and a value";
            let hint = "an equation defines a name: `z[i] = ...`; a line goes on when it ends in an operator";
            return hinted("this statement says nothing about its name", token.span, label, hint);
        }
        Kind::Open(Pair::Round) => {
            format!(
                "subscripts stand in square brackets, `{name_text}[i] = ...`; a function is `fn {name_text}(x) = ...`"
            )
        }
        Kind::Open(Pair::Square) => format!("subscripts follow without white space: `{name_text}[...]`"),
        Kind::Letters | Kind::OpenSubscripts => {
            "all subscripts stand in one list, and names hold no underscores: `x_ij`, `x[i,j]`".to_owned()
        }
        Kind::Tilde => format!("what is learned is declared with `param`: `param {name_text}[...] ~ ...`"),
        Kind::Name if matches!(&text[token.span.range()], "onehot" | "probability" | "int") => {
            format!("what is given is declared: `target {name_text}[...] {}`", short(text, token.span))
        }
        _ => "the left side of an equation is one name with its subscripts: `z[i] = ...`".to_owned(),
    };
    let message = format!("expected `=`, found {}", quote(text, token.span));
    hinted(message, token.span, "expected `=`", hint)
}

/// Something follows a statement that is complete.
pub(in crate::syntax) fn left_over(text: &str, tokens: &[Token], position: usize, kind: &StatementKind) -> Found {
    let token = tokens[position];
    if let StatementKind::Declaration(declaration) = kind {
        let name = short(text, declaration.name.span);
        if let Some(problem) = left_over_declared(text, token, declaration.role, &name) {
            return problem;
        }
    }
    let written = quote(text, token.span);
    let one_a_line = "one statement a line: begin a new line for the next";
    match token.kind {
        EQUAL => {
            let hint = "one statement a line; a comparison is a value in brackets: `[a = b]`";
            let problem = found("a second `=` in one statement", token.span, "unexpected");
            continued(text, tokens, position, Box::new(problem.hint(hint)))
        }
        Kind::Compare(_) | Kind::And | Kind::Or | Kind::Not => {
            let hint = "in brackets it is 1 where it holds and 0 elsewhere: `[a < b]`";
            hinted("a condition is a value only in brackets", token.span, "this makes it a condition", hint)
        }
        Kind::Given => found("`given` stands only in claims", token.span, "unexpected"),
        Kind::Keyword(_) => hinted(format!("{written} begins a statement"), token.span, "unexpected", one_a_line),
        Kind::Comma => hinted(
            "a `,` stands only inside brackets",
            token.span,
            "unexpected",
            "one statement a line, each for one name",
        ),
        _ => unexpected(text, tokens, position, "the end of the statement"),
    }
}

/// Something follows a declaration.
fn left_over_declared(text: &str, token: Token, role: DeclaredRole, name: &str) -> Option<Found> {
    let (message, hint) = match (token.kind, role) {
        (EQUAL, DeclaredRole::Param) => {
            let hint = format!("its first values stand after `~`: `param {name} ~ constant(0)`");
            ("a `param` has no fixed value".to_owned(), hint)
        }
        (EQUAL, DeclaredRole::Input | DeclaredRole::Target) => {
            let hint = format!("an equation needs no word before it: `{name} = ...`");
            ("what is given for every example has no value here".to_owned(), hint)
        }
        (Kind::Tilde, DeclaredRole::Input | DeclaredRole::Target | DeclaredRole::Const) => {
            ("only a `param` has first values".to_owned(), format!("if it is learned, write `param {name}`"))
        }
        (Kind::Open(Pair::Square), _) => {
            (format!("one statement declares one name, here `{name}`"), "begin a new line for the next".to_owned())
        }
        (Kind::Minus, _) => ("words after a shape have no hyphen".to_owned(), "write `onehot`".to_owned()),
        (Kind::Number, _) => {
            let message = format!("expected the end of the declaration, found {}", quote(text, token.span));
            let hint =
                format!("a shape stands in square brackets, `{name}[64]`, arguments in round ones, `normal(0, 0.1)`");
            (message, hint)
        }
        _ => return None,
    };
    Some(hinted(message, token.span, "unexpected", hint))
}
