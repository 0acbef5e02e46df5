//! What is wrong with a text that does not follow the grammar, and how to mend it.

use super::lexer::{Kind, Pair, Token};
use super::tree::StatementKind;
use super::{MAX_NESTING, MAX_PARTS};
use crate::text::{Problem, Span};

type Found = Box<Problem>;

pub(super) fn not_utf8(bytes: &[u8], at: usize) -> Problem {
    let before = String::from_utf8_lossy(&bytes[..at]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Problem {
        message: format!("the file is not UTF-8 text: byte 0x{:02X} at line {line}, column {column}", bytes[at]),
        labels: Vec::new(),
        hints: vec!["save the file in the encoding UTF-8".to_owned()],
        position: Some((line, column)),
    }
}

/// What stands at a place, short enough for a message.
fn quote(text: &str, span: Span) -> String {
    let written = &text[span.range()];
    match written.char_indices().nth(24) {
        Some((end, _)) => format!("`{}…`", &written[..end]),
        None => format!("`{written}`"),
    }
}

pub(super) fn never_closed(text: &str, opened: Span) -> Problem {
    Problem::new(format!("the bracket {} is never closed", quote(text, opened)), opened, "opened here")
}

pub(super) fn closed_by(text: &str, opened: Span, pair: Pair, closed: Span) -> Problem {
    Problem::new(
        format!("the bracket {} is closed by {}", quote(text, opened), quote(text, closed)),
        closed,
        format!("expected `{}`", pair.close()),
    )
    .label(opened, "opened here")
}

pub(super) fn nothing_open(text: &str, closed: Span) -> Problem {
    Problem::new(format!("{} closes nothing", quote(text, closed)), closed, "no bracket is open here")
}

pub(super) fn too_long(span: Span) -> Problem {
    Problem::new(format!("the statement has more than {MAX_PARTS} parts"), span, "")
        .hint("give parts of it names of their own")
}

pub(super) fn too_deep(span: Span) -> Found {
    Box::new(
        Problem::new(format!("nested deeper than {MAX_NESTING}"), span, "").hint("give inner parts names of their own"),
    )
}

pub(super) fn unreadable(text: &str, bad: Span) -> Problem {
    Problem::new(format!("{} cannot be read", quote(text, bad)), bad, "")
}

pub(super) fn unexpected(text: &str, tokens: &[Token], position: usize, expected: &str) -> Found {
    let token = tokens[position];
    let found = match token.kind {
        Kind::End => "but the statement ends".to_owned(),
        _ => format!("found {}", quote(text, token.span)),
    };
    Box::new(Problem::new(format!("expected {expected}, {found}"), token.span, format!("expected {expected}")))
}

pub(super) fn uneven_block(span: Span) -> Problem {
    Problem::new("the indentation differs from the statement before it in this block", span, "")
}

pub(super) fn empty_block(span: Span) -> Problem {
    Problem::new("this `for` has no block", span, "").hint("indent the statements that it repeats")
}

pub(super) fn hole_outside_block(text: &str, span: Span) -> Found {
    Box::new(Problem::new(format!("{} stands outside a `for` block", quote(text, span)), span, ""))
}

pub(super) fn ambiguous_division(text: &str, operator: Span, divisor: Span, next: Span) -> Found {
    let _ = (text, operator);
    Box::new(Problem::new("this division can be read in two ways", divisor.to(next), ""))
}

pub(super) fn two_numbers(_text: &str, first: Span, second: Span) -> Found {
    Box::new(Problem::new("two numbers side by side", first.to(second), ""))
}

pub(super) fn bracket_without_condition(_text: &str, _tokens: &[Token], _open: Span, span: Span) -> Found {
    Box::new(Problem::new("a bracket `[...]` that is a factor holds a condition", span, ""))
}

pub(super) fn delta_subscripts(_number: usize, span: Span) -> Found {
    Box::new(Problem::new("`delta` has two subscripts", span, ""))
}

pub(super) fn empty_subscripts(span: Span) -> Found {
    Box::new(Problem::new("the subscripts are missing", span, ""))
}

pub(super) fn empty_shape(span: Span) -> Found {
    Box::new(Problem::new("the shape is empty", span, ""))
}

pub(super) fn subscripts_twice(_first: Span, second: Span) -> Found {
    Box::new(Problem::new("a tensor has its subscripts in one place", second, ""))
}

pub(super) fn no_arguments(name: &str, span: Span) -> Found {
    Box::new(Problem::new(format!("`{name}` is called without an argument"), span, ""))
}

pub(super) fn pad_arguments(span: Span) -> Found {
    Box::new(Problem::new("`pad` takes the name of a tensor, and what is read outside of it", span, ""))
}

pub(super) fn pad_without_subscripts(name: &str, span: Span) -> Found {
    Box::new(Problem::new(format!("`pad({name})` has no subscripts"), span, ""))
}

pub(super) fn no_binders(text: &str, tokens: &[Token], position: usize) -> Found {
    let keyword = tokens[position - 1].span;
    Box::new(Problem::new(format!("{} does not say over which index", quote(text, keyword)), keyword, ""))
}

pub(super) fn half_derivative(span: Span, _of: &str) -> Found {
    Box::new(Problem::new("a derivative needs `/∂` and by what", span, ""))
}

pub(super) fn derivative_by(span: Span) -> Found {
    Box::new(Problem::new("a derivative is by a tensor", span, ""))
}

pub(super) fn number_as_index(number: &str, span: Span) -> Found {
    Box::new(Problem::new(format!("`{number}` cannot be an index"), span, ""))
}

pub(super) fn not_a_statement(_text: &str, _tokens: &[Token]) -> Option<Found> {
    None
}

pub(super) fn bad_beginning(text: &str, tokens: &[Token]) -> Found {
    unexpected(text, tokens, 0, "a statement")
}

pub(super) fn left_over(text: &str, tokens: &[Token], position: usize, _statement: &StatementKind) -> Found {
    unexpected(text, tokens, position, "the end of the statement")
}

pub(super) fn underscore_in_name(_text: &str, _name: Span, underscore: Span) -> Found {
    Box::new(Problem::new("a name holds no underscore", underscore, ""))
}

pub(super) fn shape_in_round_brackets(_text: &str, tokens: &[Token], position: usize) -> Found {
    Box::new(Problem::new("a shape stands in square brackets", tokens[position].span, ""))
}

pub(super) fn no_equals(text: &str, tokens: &[Token], position: usize, _name: Span) -> Found {
    unexpected(text, tokens, position, "`=`")
}

pub(super) fn block_on_line(span: Span) -> Found {
    Box::new(Problem::new("the block of a `for` begins on the next line", span, ""))
}
