//! From tokens to the tree, by recursive descent.
//!
//! ```text
//! statement   = "size" name "=" sum
//!             | ("input" | "target" | "param" | "const") name shape? property* ("~" property)? ("=" sum)?
//!             | "metric"? name left? "=" sum
//!             | "fn" name binders? "(" name,+ ")" "=" sum
//!             | "for" name "in" sum ".." sum ":"          and a block of deeper indentation
//!             | "claim" line ("=" line)+                   line = sum ("given" condition)?
//! shape       = "[" sum,+ "]"
//! property    = word ("(" condition,+ ")")?
//! left        = "[" (sum (":" sum)?),+ "]"  | letters     also with "_{" and "}"
//! binders     = "[" (name (":" sum)?),+ "]" | letters
//! subscripts  = "[" sum,+ "]"               | letters     letters = "_" (letter | digit)+
//!
//! condition   = both ("or" both)*
//! both        = negation ("and" negation)*
//! negation    = "not" negation | comparison
//! comparison  = sum (("=" | "!=" | "<" | "<=" | ">" | ">=") sum)*
//! sum         = product (("+" | "-") product)*
//! product     = unary (("*" | "/" | "mod") unary | power)*   left to right; see `division`
//! unary       = "-" unary | power
//! power       = atom superscript? ("^" unary)?
//! atom        = number | name | read | call | reduction | derivative
//!             | "(" condition ")" | "[" condition "]"
//! read        = name subscripts | "pad(" name ("," sum)? ")" subscripts
//! call        = name subscripts? "(" condition,+ ")"
//! reduction   = ("sum" | "mean" | ... ) binders product
//! derivative  = "∂" atom "/" "∂" atom | "d(" sum ")" "/" "d(" sum ")"
//! ```
//!
//! Subscripts and the bracket of a call follow at once, without white space: `a(b)` is a call and
//! `a (b)` a product. `a / b c` is refused, unless `a` and `b` are numbers or sizes; so is `a / sum[k] b c`.

mod atom;
mod division;
mod expression;
mod numbers;
mod statement;

use super::lexer::{Keyword, Kind, Pair, Token};
use super::lines::{Line, Lines};
use super::tree::{Expr, ExprKind, Name, Statement, Tree};
use super::{MAX_NESTING, MAX_PARTS, MAX_PROBLEMS, mistakes};
use crate::text::{Problem, Span};
use numbers::Numbers;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Boxed, so that the parser's stack frames stay small.
type Parsed<T> = Result<T, Box<Problem>>;

/// Reads a whole file.
pub(super) fn file(text: &str) -> Result<Tree, Vec<Problem>> {
    let mut lines = Lines::new(text);
    let next = lines.next();
    let mut file = File { text, lines, next, problems: Vec::new(), numbers: Numbers::default() };
    let statements = file.block(None, 0);
    if file.problems.is_empty() { Ok(Tree { statements }) } else { Err(file.problems) }
}

/// A file that is read statement by statement.
struct File<'a> {
    text: &'a str,
    lines: Lines<'a>,
    next: Option<Line<'a>>,
    problems: Vec<Problem>,
    numbers: Numbers,
}

impl<'a> File<'a> {
    /// The statements of the file, or those indented deeper than `outer`.
    fn block(&mut self, outer: Option<&str>, depth: usize) -> Vec<Statement> {
        let mut statements = Vec::new();
        let mut first: Option<(&str, Span)> = None;
        while self.problems.len() < MAX_PROBLEMS {
            let inside = |line: &Line<'_>| outer.is_none_or(|outer| is_deeper(line.indent, outer));
            if !self.next.as_ref().is_some_and(inside) {
                break;
            }
            let Some(line) = std::mem::replace(&mut self.next, self.lines.next()) else { break };
            let (indent, place) = *first.get_or_insert((line.indent, line.tokens[0].span));
            let crooked = outer.is_some_and(|outer| !line.indent.starts_with(outer) || line.indent != indent);
            if crooked {
                self.problems.push(mistakes::uneven_block(line.tokens[0].span, place));
            }
            statements.extend(self.statement(line, depth));
        }
        statements
    }

    /// One statement with its block; `None` if a problem was found.
    fn statement(&mut self, line: Line<'a>, depth: usize) -> Option<Statement> {
        let head = line.tokens[0];
        let parsed = match line.problem {
            Some(problem) => Err(Box::new(problem)),
            None => Parser::new(self.text, &line.tokens, depth, &self.numbers).statement(),
        };
        let mut statement = parsed.map_err(|problem| self.problems.push(*problem)).ok();
        if let Some(statement) = &statement {
            self.numbers.note(&statement.kind);
        }
        if head.kind == Kind::Keyword(Keyword::For) {
            if depth == MAX_NESTING {
                self.problems.push(*mistakes::too_deep(head.span));
                return None;
            }
            let before = self.problems.len();
            let outside = self.numbers.enter(statement.as_ref().map(|statement| &statement.kind));
            let body = self.block(Some(line.indent), depth + 1);
            self.numbers.leave(outside);
            if body.is_empty() && self.problems.len() == before && statement.is_some() {
                self.problems.push(mistakes::empty_block(head.span));
            }
            if let Some(statement) = &mut statement {
                statement.set_body(body);
            }
        }
        statement
    }
}

fn is_deeper(indent: &str, outer: &str) -> bool {
    indent.len() > outer.len()
}

/// Reads one statement.
struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    position: usize,
    /// How deep the parser is.
    depth: usize,
    /// How many blocks the statement stands in.
    blocks: usize,
    /// Expressions made so far.
    parts: usize,
    /// The depth at which a `=` at the beginning of a line ends the condition after `given`.
    given: Option<usize>,
    /// The names that are numbers here.
    numbers: &'a Numbers,
    /// The parameters and indices of the function that is defined: they hide other names.
    hidden: Vec<String>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, tokens: &'a [Token], blocks: usize, numbers: &'a Numbers) -> Parser<'a> {
        Parser { text, tokens, position: 0, depth: 0, blocks, parts: 0, given: None, numbers, hidden: Vec::new() }
    }

    /// The token that comes next; at the end of the statement it is [`Kind::End`].
    fn token(&self) -> Token {
        self.tokens[self.position]
    }

    fn kind(&self) -> Kind {
        self.token().kind
    }

    /// The token after the next.
    fn after(&self, distance: usize) -> Token {
        self.tokens[(self.position + distance).min(self.tokens.len() - 1)]
    }

    /// Goes to the next token; the one it leaves.
    fn advance(&mut self) -> Token {
        let token = self.token();
        self.position = (self.position + 1).min(self.tokens.len() - 1);
        token
    }

    fn accept(&mut self, kind: Kind) -> bool {
        let accepted = self.kind() == kind;
        if accepted {
            self.advance();
        }
        accepted
    }

    /// Goes past a token of this kind, or fails with what was expected.
    fn expect(&mut self, kind: Kind, expected: &str) -> Parsed<Token> {
        if self.kind() == kind { Ok(self.advance()) } else { Err(self.unexpected(expected)) }
    }

    /// Whether the next token is of this kind and follows at once.
    fn glued(&self, kind: Kind) -> bool {
        self.kind() == kind && self.token().glued
    }

    fn slice(&self, span: Span) -> &'a str {
        &self.text[span.range()]
    }

    /// From `start` to the last token taken.
    fn since(&self, start: Span) -> Span {
        start.to(self.tokens[self.position.saturating_sub(1)].span)
    }

    /// The end of the token before a place.
    fn before(&self, place: Span) -> u32 {
        let number = self.tokens.partition_point(|token| token.span.start < place.start);
        number.checked_sub(1).map_or(place.start, |last| self.tokens[last].span.end)
    }

    fn unexpected(&self, expected: &str) -> Box<Problem> {
        mistakes::unexpected(self.text, self.tokens, self.position, expected)
    }

    /// Runs a part of the parser one level deeper.
    fn nested<T>(&mut self, part: impl FnOnce(&mut Parser<'a>) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_NESTING {
            return Err(mistakes::too_deep(self.token().span));
        }
        self.depth += 1;
        let result = part(self);
        self.depth -= 1;
        result
    }

    /// An expression from `start` to here.
    fn make(&mut self, kind: ExprKind, start: Span) -> Parsed<Expr> {
        let span = self.since(start);
        self.count(1, span)?;
        Ok(Expr { kind, span })
    }

    fn count(&mut self, parts: usize, span: Span) -> Parsed<()> {
        self.parts += parts;
        if self.parts > MAX_PARTS { Err(Box::new(mistakes::too_long(span))) } else { Ok(()) }
    }

    /// A name with the given place.
    fn name_at(&self, span: Span) -> Parsed<Name> {
        let text = normal_name(self.slice(span));
        if self.blocks == 0 && text.contains('{') {
            return Err(mistakes::hole_outside_block(self.text, span));
        }
        Ok(Name { text, span })
    }

    /// The next token as a name.
    fn name(&mut self, expected: &str) -> Parsed<Name> {
        match self.kind() {
            Kind::Name if self.slice(self.token().span) == "inf" => Err(mistakes::infinity_as_name(self.token().span)),
            Kind::Name => {
                let token = self.advance();
                self.name_at(token.span)
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    /// What stands between brackets, with commas between; the bracket is open already.
    fn list<T>(&mut self, close: Kind, mut item: impl FnMut(&mut Parser<'a>) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.nested(|parser| {
            let mut items = vec![item(parser)?];
            while parser.accept(Kind::Comma) {
                items.push(item(parser)?);
            }
            let expected = match close {
                Kind::Close(Pair::Round) => "`,` or `)`",
                Kind::Close(Pair::Curly) => "`,` or `}`",
                _ => "`,` or `]`",
            };
            parser.expect(close, expected)?;
            Ok(items)
        })
    }
}

/// A name as it is compared: NFC, primes as `'`, no white space inside `{l - 1}`, and `δ` as `delta`.
fn normal_name(written: &str) -> String {
    if written == "δ" {
        return "delta".to_owned();
    }
    let spelled = |next: char| match next {
        '′' => "'".to_owned(),
        '″' => "''".to_owned(),
        next if next.is_whitespace() => String::new(),
        next => next.to_string(),
    };
    if written.is_ascii() || is_nfc(written) {
        written.chars().map(spelled).collect()
    } else {
        written.nfc().map(spelled).collect()
    }
}
