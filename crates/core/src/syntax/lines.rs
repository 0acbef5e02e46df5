//! From tokens to statements: where a statement ends, and whether its brackets match.

use super::lexer::{Kind, Lexer, Pair, Token};
use super::mistakes;
use crate::text::{Problem, Span};

/// A statement of [`MAX_PARTS`](super::MAX_PARTS) parts has fewer tokens than this.
const MAX_TOKENS: usize = 10 * super::MAX_PARTS;

/// The tokens of one statement.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// Not empty; an [`End`](Kind::End) closes them.
    pub(super) tokens: Vec<Token>,
    /// The white space before the first token.
    pub(super) indent: &'a str,
    /// Why it cannot be read.
    pub(super) problem: Option<Problem>,
}

/// Cuts a text into statements.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Lines<'a> {
        Lines { text, lexer: Lexer::new(text) }
    }

    /// The next statement. One with a wrong bracket ends with the line of that bracket, so that one
    /// mistake does not swallow the file.
    pub(super) fn next(&mut self) -> Option<Line<'a>> {
        let first = self.lexer.next()?;
        let mut scan = Scan { tokens: Vec::new(), open: Vec::new(), bad: None };
        let mut problem = scan.take(self.text, first).err();
        let mut last = first;
        while problem.is_none() {
            let before = self.lexer.at;
            let Some(token) = self.lexer.next() else { break };
            if token.first && !goes_on(&scan, last, token) {
                self.lexer.at = before;
                break;
            }
            problem = scan.take(self.text, token).err();
            last = token;
        }
        if let Some(&(opened, pair)) = scan.open.first().filter(|_| problem.is_none()) {
            problem = Some((mistakes::never_closed(self.text, opened, pair), opened));
        }
        let problem = self.recover(&scan, problem, first.span.to(last.span));
        let end = Span { start: last.span.end, end: last.span.end };
        scan.tokens.push(Token { kind: Kind::End, span: end, glued: true, first: false });
        let line_start = self.text[..first.span.start as usize].rfind('\n').map_or(0, |newline| newline + 1);
        let indent = self.text[line_start..first.span.start as usize].trim_start_matches('\u{feff}');
        Some(Line { tokens: scan.tokens, indent, problem })
    }

    /// Decides what is wrong with the statement, and goes to where reading goes on.
    fn recover(&mut self, scan: &Scan, bracket: Option<(Problem, Span)>, whole: Span) -> Option<Problem> {
        let (bracket, end) = match bracket {
            Some((problem, place)) => (Some(problem), self.line_end(place)),
            None => (None, whole.end as usize),
        };
        if bracket.is_some() {
            self.lexer.at = end;
        }
        // What cannot be read comes first: it may be what the brackets stumble over.
        match scan.bad.filter(|bad| (bad.start as usize) < end) {
            Some(bad) => Some(mistakes::unreadable(self.text, bad)),
            None if bracket.is_none() && scan.tokens.len() >= MAX_TOKENS => Some(mistakes::too_long(whole)),
            None => bracket,
        }
    }

    /// The end of the line in which a place ends.
    fn line_end(&self, place: Span) -> usize {
        let rest = &self.text[place.end as usize..];
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        place.end as usize + line.trim_end().len()
    }
}

/// What is known of a statement while it is read.
struct Scan {
    /// At most [`MAX_TOKENS`]; the rest is not kept.
    tokens: Vec<Token>,
    /// The brackets that are open.
    open: Vec<(Span, Pair)>,
    /// The first token that cannot be read.
    bad: Option<Span>,
}

impl Scan {
    /// Takes a token; fails, with the place where the statement went wrong, at a bracket that
    /// closes nothing or the wrong one.
    fn take(&mut self, text: &str, token: Token) -> Result<(), (Problem, Span)> {
        match token.kind {
            Kind::Open(pair) => self.open.push((token.span, pair)),
            Kind::OpenSubscripts => self.open.push((token.span, Pair::Curly)),
            Kind::Close(pair) => match self.open.pop() {
                Some((_, opened)) if opened == pair => {}
                Some((span, opened)) => return Err((mistakes::closed_by(text, span, opened, token.span), token.span)),
                None => return Err((mistakes::nothing_open(text, pair, token.span), token.span)),
            },
            Kind::Bad => self.bad = self.bad.or(Some(token.span)),
            _ => {}
        }
        if self.tokens.len() < MAX_TOKENS {
            self.tokens.push(token);
        }
        Ok(())
    }
}

/// Whether a statement goes on with a token that begins a line.
fn goes_on(scan: &Scan, last: Token, token: Token) -> bool {
    // These words stand nowhere else: a bracket is missing, or what an operator needs.
    !matches!(token.kind, Kind::Keyword(_)) && (!scan.open.is_empty() || awaits(last.kind) || joins(token.kind))
}

/// Whether a line that ends in this goes on.
pub(super) fn awaits(kind: Kind) -> bool {
    matches!(kind, Kind::Not | Kind::To | Kind::Partial) || joins(kind)
}

/// Whether a line that begins with this belongs to the one before.
fn joins(kind: Kind) -> bool {
    use Kind::*;
    matches!(kind, Plus | Minus | Times | Divide | Power | Tilde | And | Or | Mod | Given | Compare(_))
}
