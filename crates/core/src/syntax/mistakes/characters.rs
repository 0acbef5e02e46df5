//! Characters that mean nothing here, many of which mean something elsewhere.

use super::{quote, short};
use crate::text::{Problem, Span};

pub(in crate::syntax) fn not_utf8(bytes: &[u8], at: usize) -> Problem {
    let before = String::from_utf8_lossy(&bytes[..at]);
    let before = before.trim_start_matches('\u{feff}');
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Problem {
        message: format!("the file is not UTF-8 text: byte 0x{:02X} at line {line}, column {column}", bytes[at]),
        labels: Vec::new(),
        hints: vec!["save the file in the encoding UTF-8".to_owned()],
        position: Some((line, column)),
    }
}

/// What was written, what is wrong with it, and a hint.
const FOREIGN: &[(&str, &str, &str)] = &[
    ("**", "powers are written with `^`", "write `x^2`"),
    ("==", "equality is written with one `=`", "a comparison in brackets is 1 or 0: `[a = b]`"),
    ("=<", "this comparison is written `<=`", ""),
    ("=>", "this comparison is written `>=`", ""),
    ("<>", "this comparison is written `!=`", ""),
    (":=", "definitions are written with `=`", ""),
    ("←", "definitions are written with `=`", ""),
    ("->", "`->` means nothing here", "definitions are written with `=`"),
    ("→", "`→` means nothing here", "definitions are written with `=`"),
    ("+=", "a name is defined once and never changed", "give the new value a name of its own"),
    ("-=", "a name is defined once and never changed", "give the new value a name of its own"),
    ("*=", "a name is defined once and never changed", "give the new value a name of its own"),
    ("/=", "a name is defined once and never changed", "give the new value a name of its own; unequal is `!=`"),
    ("&&", "conditions are joined by `and`", ""),
    ("&", "conditions are joined by `and`", ""),
    ("∧", "conditions are joined by `and`", ""),
    ("||", "conditions are joined by `or`", "the absolute value is `abs(x)`"),
    ("|", "`|` means nothing here", "the absolute value is `abs(x)`; conditions are joined by `or`"),
    ("∨", "conditions are joined by `or`", ""),
    ("!", "a condition is denied by `not`", "unequal is `!=`"),
    ("¬", "a condition is denied by `not`", ""),
    ("%", "a remainder is written `mod`", "write `i mod 2`"),
    ("...", "the values of a `for` are written with two points", "write `1..3`"),
    ("@", "there is no operator `@`: the indices say what is summed", "a matrix product is `W[i,j] x[j]`"),
    ("×", "there is no operator `×`: a product is written `·`, `*` or with nothing", "write `a b`"),
    ("⊙", "there is no operator `⊙`: the indices say what is multiplied", "the Hadamard product is `a[i] b[i]`"),
    ("∘", "there is no operator `∘`: the indices say what is multiplied", "the Hadamard product is `a[i] b[i]`"),
    ("⊗", "there is no operator `⊗`: the indices say what is multiplied", "the outer product is `a[i] b[j]`"),
    ("ᵀ", "nothing is transposed: the order of the indices says it", "the transpose of `W[i,j]` is `W[j,i]`"),
    ("⊤", "nothing is transposed: the order of the indices says it", "the transpose of `W[i,j]` is `W[j,i]`"),
    ("√", "there is no `√`", "write `sqrt(x)`"),
    ("∞", "there is no `∞`", "write `inf`"),
    ("∇", "there is no `∇`", "write a derivative with its indices: `∂loss/∂W[i,j]`"),
    ("∏", "there is no `∏`", "write `prod[i] x[i]`"),
    ("½", "there is no `½`", "write `1/2`"),
    (";", "a statement ends with its line", "take the `;` away, and begin a new line for the next statement"),
    ("\"", "there are no texts in this language", "names are written without quotation marks"),
    ("“", "there are no texts in this language", "names are written without quotation marks"),
    ("'", "a prime stands directly after a letter or digit", "write `x'`"),
    ("\\", "this is not LaTeX", "write letters as they are (`σ`, `δ`), or their names (`sigmoid`, `delta`)"),
    ("$", "`$` means nothing here", "write the equation without it"),
    ("?", "`?` means nothing here", "a choice is written `where(condition, a, b)`"),
    ("//", "`//` means nothing here", "a comment begins with `#`; a floor is `floor(a / b)`"),
];

/// What [`Bad`](crate::syntax::lexer::Kind::Bad) tokens are.
pub(in crate::syntax) fn unreadable(text: &str, bad: Span) -> Problem {
    let written = &text[bad.range()];
    if let Some((_, message, hint)) = FOREIGN.iter().find(|(foreign, ..)| *foreign == written) {
        let problem = Problem::new(*message, bad, "");
        return if hint.is_empty() { problem } else { problem.hint(*hint) };
    }
    match written.chars().next().unwrap_or(' ') {
        '0'..='9' => number(text, bad),
        '.' => point(text, bad),
        '_' => underscore(text, bad),
        first if unicode_ident::is_xid_start(first) && written.contains('{') => {
            let hint = "write `a{l}` or `a{l-1}`, where `l` is the counter of the `for`";
            Problem::new("the braces in this name hold no arithmetic", bad, "expected a name, `+`, `-` and numbers")
                .hint(hint)
        }
        raised @ ('\u{1d2c}'..='\u{1d61}' | '\u{2071}' | '\u{207f}' | '⁰'..='⁹' | '⁻') => {
            Problem::new(format!("the superscript `{raised}` is not a number"), bad, "").hint("write powers with `^`")
        }
        lowered if is_lowered(lowered) => {
            let hint = "write `x_i` or `x[i]`; in a name such as `W1` the digit stands on the line";
            Problem::new(format!("the lowered character `{lowered}` is not used for subscripts"), bad, "").hint(hint)
        }
        other => unknown(text, bad, other),
    }
}

fn is_lowered(next: char) -> bool {
    matches!(next, '\u{1d62}'..='\u{1d6a}' | '\u{2080}'..='\u{209c}' | '\u{2c7c}' | '\u{2c7d}')
}

fn number(text: &str, bad: Span) -> Problem {
    let written = &text[bad.range()];
    let problem = |message: &str| Problem::new(message, bad, "");
    if written.contains('_') {
        let joined: String = written.chars().filter(|next| *next != '_').collect();
        problem("a number holds no underscore").hint(format!("write `{}`", joined.trim_end_matches('.')))
    } else if written.matches('.').count() > 1 {
        problem("a number has one decimal point").hint("a decimal is written `1.25`; the values of a `for` are `1..3`")
    } else {
        problem("digits follow a decimal point")
            .hint(format!("write `{written}0` or `{}`", written.trim_end_matches('.')))
    }
}

fn point(text: &str, bad: Span) -> Problem {
    let after = &text[bad.end as usize..];
    let problem = Problem::new("a point stands only inside numbers and ranges", bad, "");
    if after.starts_with(|next: char| next.is_ascii_digit()) {
        problem.hint("write a digit before it: `0.5`")
    } else if after.starts_with('T') {
        problem.hint("nothing is transposed: the order of the indices says it; the transpose of `W[i,j]` is `W[j,i]`")
    } else {
        problem.hint("functions are called by their bare names: `exp(x)`")
    }
}

fn underscore(text: &str, bad: Span) -> Problem {
    let glued = text[..bad.start as usize].ends_with(|last: char| !last.is_whitespace());
    let hint = "an underscore stands between a name and its subscripts: `x_i`, `W1_ij`, `x_{i,r+u}`";
    let label = if glued { "no subscript follows" } else { "no name before it" };
    Problem::new(format!("{} is no name and no subscript", quote(text, bad)), bad, label).hint(hint)
}

fn unknown(text: &str, bad: Span, character: char) -> Problem {
    let code = format!("U+{:04X}", character as u32);
    let visible = !character.is_control() && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let message = match visible {
        true => format!("the character `{}` ({code}) means nothing here", short(text, bad)),
        false => format!("an invisible character ({code}) stands here"),
    };
    let problem = Problem::new(message, bad, "");
    if visible { problem } else { problem.hint("take it away") }
}
