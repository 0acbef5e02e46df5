//! From characters to tokens.
//!
//! Tokens carry no text: the parser reads it from the source. The lexer never fails; what it
//! cannot read becomes a [`Kind::Bad`] token, and `mistakes` says what is wrong with it.

use super::tree::{Comparison, Reduction};
use crate::text::Span;

/// A pair of brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pair {
    Round,
    Square,
    /// Only after an underscore: `x_{i,j}`.
    Curly,
}

impl Pair {
    pub(super) fn open(self) -> char {
        match self {
            Pair::Round => '(',
            Pair::Square => '[',
            Pair::Curly => '{',
        }
    }

    pub(super) fn close(self) -> char {
        match self {
            Pair::Round => ')',
            Pair::Square => ']',
            Pair::Curly => '}',
        }
    }
}

/// The words that begin a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Size,
    Input,
    Target,
    Param,
    Const,
    Fn,
    For,
    Metric,
    Claim,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    /// `_ij`: every letter and every digit is a subscript.
    Letters,
    /// `²`, `⁻¹`
    Superscript,
    Plus,
    Minus,
    Times,
    Divide,
    Power,
    Compare(Comparison),
    Open(Pair),
    /// `_{`
    OpenSubscripts,
    Close(Pair),
    Comma,
    Colon,
    To,
    Tilde,
    Partial,
    And,
    Or,
    Not,
    Mod,
    Given,
    Reduce(Reduction),
    Keyword(Keyword),
    /// What cannot be read.
    Bad,
    /// After the last token of a statement.
    End,
}

/// A token and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// Whether no white space stands before it.
    pub(super) glued: bool,
    /// Whether it is the first of its line.
    pub(super) first: bool,
}

/// Reads tokens from a place on; can be set to any other place.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// The byte offset of what is read next.
    pub(super) at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 } }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The next token, or `None` at the end of the text.
    pub(super) fn next(&mut self) -> Option<Token> {
        let before = self.at;
        // After a place that the caller chose, look back.
        let mut first = self.text[..before].ends_with('\n') || before <= '\u{feff}'.len_utf8() && self.at_text_start();
        while let Some(next) = self.peek() {
            if next == '#' {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            } else if next.is_whitespace() {
                first |= next == '\n';
                self.at += next.len_utf8();
            } else {
                break;
            }
        }
        let start = self.at;
        let kind = self.kind(self.peek()?);
        Some(Token { kind, span: Span::new(start, self.at), glued: before == start, first })
    }

    fn at_text_start(&self) -> bool {
        self.text[..self.at].trim_start_matches('\u{feff}').is_empty()
    }

    /// Reads the token that begins with `next`.
    fn kind(&mut self, next: char) -> Kind {
        if is_unreadable(next) {
            self.at += next.len_utf8();
            return Kind::Bad;
        }
        if unicode_ident::is_xid_start(next) {
            return self.word();
        }
        if next.is_ascii_digit() {
            return self.number();
        }
        if superscript(next).is_some() {
            return self.superscript();
        }
        if next == '_' {
            return self.subscripts();
        }
        self.symbol(next)
    }

    fn symbol(&mut self, next: char) -> Kind {
        for (text, kind) in SYMBOLS {
            if self.rest().starts_with(text) {
                self.at += text.len();
                return *kind;
            }
        }
        self.at += next.len_utf8();
        Kind::Bad
    }

    /// A name or a word of the language.
    fn word(&mut self) -> Kind {
        let start = self.at;
        while let Some(next) = self.peek() {
            if next == '{' {
                let Some(length) = hole(self.rest()) else {
                    self.at += self.rest().find(['}', '\n']).unwrap_or(self.rest().len());
                    self.at += usize::from(self.peek() == Some('}'));
                    return Kind::Bad;
                };
                self.at += length;
            } else if continues_name(next) {
                self.at += next.len_utf8();
            } else {
                break;
            }
        }
        word_kind(&self.text[start..self.at])
    }

    /// Digits, perhaps a fraction and an exponent. `1..3` is not a fraction.
    fn number(&mut self) -> Kind {
        self.digits();
        let mut points = 0;
        while self.rest().starts_with('.') && self.rest()[1..].starts_with(|next: char| next.is_ascii_digit()) {
            self.at += 1;
            self.digits();
            points += 1;
        }
        let exponent = self.rest().strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
        if let Some(digits) = exponent
            && digits.starts_with(|next: char| next.is_ascii_digit())
        {
            self.at = self.text.len() - digits.len();
            self.digits();
        }
        // `5.` and `1_000` are near misses.
        let point = self.rest().starts_with('.') && !self.rest().starts_with("..");
        if point || self.rest().starts_with('_') {
            let end = |next: char| !(next.is_ascii_digit() || next == '_' || next == '.');
            self.at += self.rest().find(end).unwrap_or(self.rest().len());
            return Kind::Bad;
        }
        if points > 1 { Kind::Bad } else { Kind::Number }
    }

    fn digits(&mut self) {
        self.at += self.rest().bytes().take_while(u8::is_ascii_digit).count();
    }

    fn superscript(&mut self) -> Kind {
        let run: Vec<char> = self.rest().chars().map_while(superscript).collect();
        self.at += self.rest().chars().take(run.len()).map(char::len_utf8).sum::<usize>();
        let digits = run.strip_prefix(&['-']).unwrap_or(&run);
        if !digits.is_empty() && digits.iter().all(char::is_ascii_digit) { Kind::Superscript } else { Kind::Bad }
    }

    /// What begins with an underscore.
    fn subscripts(&mut self) -> Kind {
        let glued =
            self.text[..self.at].chars().next_back().is_some_and(|last| continues_name(last) || "}])∑".contains(last));
        self.at += 1;
        if !glued {
            return Kind::Bad;
        }
        if self.peek() == Some('{') {
            self.at += 1;
            return Kind::OpenSubscripts;
        }
        let length = self.rest().find(|next| !continues_name(next)).unwrap_or(self.rest().len());
        let whole = &self.rest()[..length];
        self.at += length;
        let begins = whole.starts_with(|next: char| unicode_ident::is_xid_start(next) || next.is_ascii_digit());
        if begins { Kind::Letters } else { Kind::Bad }
    }
}

const SYMBOLS: &[(&str, Kind)] = &[
    ("**", Kind::Bad),
    ("==", Kind::Bad),
    ("=>", Kind::Bad),
    ("=<", Kind::Bad),
    ("<>", Kind::Bad),
    (":=", Kind::Bad),
    ("->", Kind::Bad),
    ("+=", Kind::Bad),
    ("-=", Kind::Bad),
    ("*=", Kind::Bad),
    ("/=", Kind::Bad),
    ("//", Kind::Bad),
    ("&&", Kind::Bad),
    ("||", Kind::Bad),
    ("...", Kind::Bad),
    ("!=", Kind::Compare(Comparison::NotEqual)),
    ("<=", Kind::Compare(Comparison::LessEqual)),
    (">=", Kind::Compare(Comparison::GreaterEqual)),
    ("≠", Kind::Compare(Comparison::NotEqual)),
    ("≤", Kind::Compare(Comparison::LessEqual)),
    ("≥", Kind::Compare(Comparison::GreaterEqual)),
    ("=", Kind::Compare(Comparison::Equal)),
    ("<", Kind::Compare(Comparison::Less)),
    (">", Kind::Compare(Comparison::Greater)),
    ("+", Kind::Plus),
    ("-", Kind::Minus),
    ("\u{2212}", Kind::Minus),
    ("*", Kind::Times),
    ("·", Kind::Times),
    ("\u{22c5}", Kind::Times),
    ("/", Kind::Divide),
    ("^", Kind::Power),
    ("(", Kind::Open(Pair::Round)),
    ("[", Kind::Open(Pair::Square)),
    ("{", Kind::Open(Pair::Curly)),
    (")", Kind::Close(Pair::Round)),
    ("]", Kind::Close(Pair::Square)),
    ("}", Kind::Close(Pair::Curly)),
    (",", Kind::Comma),
    (":", Kind::Colon),
    ("..", Kind::To),
    ("~", Kind::Tilde),
    ("∂", Kind::Partial),
    ("∑", Kind::Reduce(Reduction::Sum)),
];

/// The words that begin a statement, for suggestions.
pub(super) const KEYWORDS: &[(&str, Keyword)] = &[
    ("size", Keyword::Size),
    ("input", Keyword::Input),
    ("target", Keyword::Target),
    ("param", Keyword::Param),
    ("const", Keyword::Const),
    ("fn", Keyword::Fn),
    ("for", Keyword::For),
    ("metric", Keyword::Metric),
    ("claim", Keyword::Claim),
];

fn word_kind(text: &str) -> Kind {
    match text {
        "and" => Kind::And,
        "or" => Kind::Or,
        "not" => Kind::Not,
        "mod" => Kind::Mod,
        "given" => Kind::Given,
        "sum" | "Σ" => Kind::Reduce(Reduction::Sum),
        "mean" => Kind::Reduce(Reduction::Mean),
        "prod" => Kind::Reduce(Reduction::Prod),
        "max" => Kind::Reduce(Reduction::Max),
        "min" => Kind::Reduce(Reduction::Min),
        "argmax" => Kind::Reduce(Reduction::ArgMax),
        "argmin" => Kind::Reduce(Reduction::ArgMin),
        "logsumexp" => Kind::Reduce(Reduction::LogSumExp),
        _ => KEYWORDS.iter().find(|(word, _)| *word == text).map_or(Kind::Name, |(_, word)| Kind::Keyword(*word)),
    }
}

/// Whether a character can stand inside a name. The middle dot is an identifier character for
/// Unicode, but a product here.
pub(super) fn continues_name(next: char) -> bool {
    match next {
        '\'' | '′' | '″' => true,
        '_' | '·' | '\u{387}' | '\u{203f}' | '\u{2040}' | '\u{2054}' => false,
        _ => unicode_ident::is_xid_continue(next) && !is_unreadable(next),
    }
}

/// Raised and lowered letters count as letters for Unicode; in a name they would mislead.
fn is_unreadable(next: char) -> bool {
    matches!(next, '\u{1d2c}'..='\u{1d6a}' | '\u{2071}' | '\u{207f}' | '\u{2090}'..='\u{209c}' | '\u{2c7c}' | '\u{2c7d}')
}

fn superscript(raised: char) -> Option<char> {
    Some(match raised {
        '⁰' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁴'..='⁹' => char::from(b'4' + (raised as u32 - '⁴' as u32) as u8),
        '⁻' => '-',
        _ => return None,
    })
}

/// The digits of a run of superscripts, as they would stand on the line.
pub(super) fn lower(raised: &str) -> String {
    raised.chars().filter_map(superscript).collect()
}

/// The length of `{l-1}` at the beginning of a text, if it can stand in a name: names and numbers
/// with `+`, `-` and `*` between them.
fn hole(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('{')?;
    let end = inside.find(['}', '\n'])?;
    let operand = |part: &str| !part.is_empty() && part.chars().all(char::is_alphanumeric);
    let arithmetic = inside[..end].split(['+', '-', '*']).all(|part| operand(part.trim()));
    (inside[end..].starts_with('}') && arithmetic).then_some(end + 2)
}
