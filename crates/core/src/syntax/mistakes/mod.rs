//! What is wrong with a text that does not follow the grammar, and how to mend it.

mod characters;
mod order;

pub(super) use characters::{not_utf8, unreadable};
pub(super) use order::{bad_beginning, left_over, no_equals, not_a_statement, unexpected};

use super::lexer::Pair;
use super::tree::{Expr, Reduction};
use super::{MAX_NESTING, MAX_PARTS};
use crate::text::{Problem, Span};

type Found = Box<Problem>;

/// What stands at a place, short enough for a message.
fn quote(text: &str, span: Span) -> String {
    format!("`{}`", short(text, span))
}

fn short(text: &str, span: Span) -> String {
    let written = text[span.range()].lines().next().unwrap_or("");
    let whole = written.len() == span.range().len();
    match written.char_indices().nth(30) {
        Some((end, _)) => format!("{}…", &written[..end]),
        None if !whole => format!("{written} …"),
        None => written.to_owned(),
    }
}

fn found(message: impl Into<String>, span: Span, label: impl Into<String>) -> Found {
    Box::new(Problem::new(message, span, label))
}

fn hinted(message: impl Into<String>, span: Span, label: impl Into<String>, hint: impl Into<String>) -> Found {
    Box::new(Problem::new(message, span, label).hint(hint))
}

pub(super) fn never_closed(text: &str, opened: Span, pair: Pair) -> Problem {
    Problem::new(format!("this {} is never closed", quote(text, opened)), opened, "opened here")
        .hint(format!("add the missing `{}`", pair.close()))
}

pub(super) fn closed_by(text: &str, opened: Span, pair: Pair, closed: Span) -> Problem {
    let message = format!("{} is closed by {}", quote(text, opened), quote(text, closed));
    Problem::new(message, closed, format!("expected `{}`", pair.close())).label(opened, "opened here")
}

pub(super) fn nothing_open(text: &str, pair: Pair, closed: Span) -> Problem {
    Problem::new(format!("{} closes nothing", quote(text, closed)), closed, "no bracket is open here")
        .hint(format!("take it away, or add the `{}` that belongs to it", pair.open()))
}

pub(super) fn too_long(span: Span) -> Problem {
    Problem::new(format!("the statement has more than {MAX_PARTS} parts"), span, "too long")
        .hint("give parts of it names of their own, in statements before it")
}

pub(super) fn too_deep(span: Span) -> Found {
    let hint = "give inner parts names of their own, in statements before it";
    hinted(format!("nested more than {MAX_NESTING} deep"), span, "too deep here", hint)
}

pub(super) fn uneven_block(span: Span, first: Span) -> Problem {
    Problem::new("the statements of a block have the same indentation", span, "indented differently")
        .label(first, "the block begins here")
        .hint("indent both alike, with spaces only or tabs only")
}

pub(super) fn empty_block(span: Span) -> Problem {
    Problem::new("this `for` repeats nothing", span, "no indented statement follows")
        .hint("indent the statements that it repeats")
}

pub(super) fn block_on_line(span: Span) -> Found {
    let hint = "begin a new line here and indent it";
    hinted("the block of a `for` stands on lines of its own", span, "on the line of the `for`", hint)
}

pub(super) fn hole_outside_block(text: &str, span: Span) -> Found {
    let name = &text[span.range()];
    let hint = match name.split_once('{') {
        Some((stem, _)) => format!("subscripts are written `{stem}[i]` or `{stem}_i`"),
        None => String::new(),
    };
    let message = format!("{} stands in no `for` block", quote(text, span));
    hinted(message, span, "braces in a name hold the counter of a `for`", hint)
}

/// The longest text that is written out in a message.
const LONGEST: usize = 100;

/// All that stands at a place, in one line, so that it can be copied; shortened only where it is very long or holds
/// a comment.
fn in_full(text: &str, span: Span) -> String {
    let written = text[span.range()].split_whitespace().collect::<Vec<_>>().join(" ");
    if written.chars().count() > LONGEST || written.contains('#') { short(text, span) } else { written }
}

/// `left operator divisor next`, without an operator before `next`.
pub(super) fn ambiguous_division(text: &str, left: Span, operator: Span, divisor: Span, next: Span) -> Found {
    let word = &text[operator.range()];
    let [left, by, next_text] = [left, divisor, next].map(|span| in_full(text, span));
    hinted(
        format!("this could mean `({left} {word} {by}) {next_text}` or `{left} {word} ({by} {next_text})`"),
        next,
        format!("does {} multiply the whole or only what follows `{word}`?", quote(text, next)),
        "write the brackets that say which",
    )
    .map_label(divisor, format!("after `{word}`"))
}

/// A reduction without brackets behind `/`, `mod` or `^` that `start` begins: it could end after `first` or take
/// `rest` too, and what stands between.
pub(super) fn long_body(text: &str, start: Span, reduction: Span, first: Span, rest: Span) -> Found {
    let before = Span { start: start.start, end: reduction.start };
    let whole = format!("{}({})", in_full(text, before) + space(text, before), in_full(text, reduction));
    let short_part = in_full(text, start.to(first));
    let behind = Span { start: first.end, end: rest.end };
    let ended = format!("({short_part}) {}", in_full(text, behind));
    let word = text[reduction.range()].split(['[', '_', ' ']).next().unwrap_or("sum");
    hinted(
        format!("this could mean `{whole}` or `{ended}`"),
        rest,
        format!("is {} in the `{word}`, or behind it?", quote(text, rest)),
        "write the brackets that say which",
    )
    .map_label(first, format!("the `{word}` could end here"))
}

/// The white space at the end of what stands at a place, as one blank.
fn space(text: &str, span: Span) -> &'static str {
    if text[span.range()].ends_with(char::is_whitespace) { " " } else { "" }
}

pub(super) fn two_numbers(text: &str, first: Span, second: Span) -> Found {
    let [one, two] = [first, second].map(|span| short(text, span));
    hinted(
        "two numbers side by side",
        second,
        "expected an operator before it",
        format!("one number is written `{one}{two}`, a product `{one} * {two}`"),
    )
}

pub(super) fn bracket_without_condition(text: &str, open: Span, inside: Span, after_name: Option<Span>) -> Found {
    let problem = found("a bracket `[...]` that is a factor holds a condition", inside, "this is no condition");
    let Some(name) = after_name else {
        return Box::new(problem.hint("group with round brackets: `( )`; a condition is one such as `[i <= j]`"));
    };
    let inside = short(text, inside);
    let close = if inside.ends_with('…') { "" } else { "]" };
    let hint = format!("subscripts follow without white space: `{}[{inside}{close}`", short(text, name));
    Box::new(problem.label(name.to(open), "the white space makes this a product").hint(hint))
}

pub(super) fn delta_subscripts(number: usize, span: Span) -> Found {
    let label = format!("{number} given");
    hinted("`delta` has two subscripts", span, label, "`delta[i,j]` is 1 where `i = j` and 0 elsewhere")
}

pub(super) fn empty_subscripts(span: Span) -> Found {
    hinted("there are no subscripts here", span, "empty", "a scalar is written without brackets")
}

pub(super) fn empty_shape(span: Span) -> Found {
    hinted("the shape is empty", span, "no extents", "a scalar is declared without brackets")
}

pub(super) fn subscripts_twice(first: Span, second: Span) -> Found {
    let problem = found("a second list of subscripts", second, "these too");
    Box::new(
        problem.label(first, "has subscripts already").hint("write all subscripts in one list: `x[i,j]` or `x_ij`"),
    )
}

pub(super) fn no_arguments(name: &str, span: Span) -> Found {
    found(format!("`{name}` is called without an argument"), span, "expected an expression in the brackets")
}

pub(super) fn pad_arguments(span: Span) -> Found {
    let hint = "`pad(x)[i-1]` reads 0 outside of `x`, and `pad(x, -inf)[i-1]` minus infinity";
    hinted("`pad` takes the name of a tensor, and perhaps a value", span, "not a tensor's name alone", hint)
}

pub(super) fn pad_without_subscripts(name: &str, span: Span) -> Found {
    let hint = format!("`pad({name})[i-1]` reads 0 where `{name}[i-1]` would read outside");
    hinted("subscripts follow `pad(...)`", span, "no subscripts follow at once", hint)
}

/// A reduction without its indices. `body` is what seems to be its body, `call` whether it is in round brackets.
pub(super) fn no_binders(word: &str, reduction: Reduction, keyword: Span, call: bool) -> Found {
    let calls = match reduction {
        Reduction::Max | Reduction::Min => format!("; of two values it is `{word}(a, b)`"),
        _ => String::new(),
    };
    let hint = format!("write `{word}[i] x[i]`, with the index that it runs over{calls}");
    let label = if call { "this is not a function" } else { "expected `[` and the index" };
    hinted(format!("`{word}` does not say over which index"), keyword, label, hint)
}

pub(super) fn half_derivative(span: Span, of: &str) -> Found {
    let label = "expected `/∂` and the tensor by which it is derived";
    hinted("half a derivative", span, label, format!("write `∂{of}/∂x[i]`"))
}

/// `∂u/∂x^2`: a square, or half of the notation of a second derivative?
pub(super) fn power_of_derivative(text: &str, span: Span, of: &Expr, wrt: &Expr, exponent: Span) -> Found {
    let (whole, of, by) = (in_full(text, span), in_full(text, of.span), in_full(text, wrt.span));
    let message = format!("this could mean a power of `{whole}`, or a second derivative by `{by}`");
    let problem = found(message, exponent, "what is raised to this?");
    Box::new(
        problem
            .hint(format!("a power is written `({whole})^2`"))
            .hint(format!("the second derivative is written `∂(∂{of}/∂{by})/∂{by}`")),
    )
}

pub(super) fn derivative_by(wrt: &Expr) -> Found {
    let hint = "give the expression a name of its own, and derive by that";
    hinted("a derivative is by a tensor", wrt.span, "neither a name nor a name with subscripts", hint)
}

pub(super) fn number_as_index(number: &str, span: Span) -> Found {
    found(format!("`{number}` cannot be an index"), span, "expected a letter")
}

pub(super) fn foreign_word(text: &str, span: Span) -> Option<Found> {
    let hint = match &text[span.range()] {
        "if" | "then" | "else" | "elif" | "endif" => {
            "a choice is written `where(condition, a, b)`, or as a factor `[condition]`"
        }
        _ => return None,
    };
    Some(hinted(format!("there is no {} in expressions", quote(text, span)), span, "not a name", hint))
}

pub(super) fn infinity_as_name(span: Span) -> Found {
    found("`inf` is a number and cannot be a name", span, "choose another name")
}

pub(super) fn underscore_in_name(text: &str, name: Span, underscore: Span) -> Found {
    let joined: String = text[name.to(underscore).range()].chars().filter(|next| !"_{".contains(*next)).collect();
    let hint = format!("call it `{joined}`, and write its shape in brackets");
    let message = "a declared name holds no underscore";
    hinted(message, underscore, "an underscore begins subscripts", hint)
}

pub(super) fn shape_in_round_brackets(text: &str, name: Span, brackets: Span) -> Found {
    let inside = short(text, Span { start: brackets.start + 1, end: brackets.end - 1 });
    let hint = format!("write `{}[{inside}]`", short(text, name));
    hinted("a shape stands in square brackets", brackets, "these are round", hint)
}

/// Adds a label to a boxed problem.
trait MapLabel {
    fn map_label(self, span: Span, text: String) -> Self;
}

impl MapLabel for Found {
    fn map_label(self, span: Span, text: String) -> Found {
        Box::new(self.label(span, text))
    }
}
