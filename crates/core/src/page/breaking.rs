//! Long formulas in pieces: where a line may be broken, for LaTeX and for HTML.

use super::markup::{Binding, Markup};
use super::text::binding;

/// A part of a formula that is set as one.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// A line may end here; places of less depth are better.
    Break(usize),
    /// An operator between two parts, or a sign before one.
    Operator(&'static str),
    /// A bracket that is closed in a later piece.
    Open,
    /// The bracket that an earlier piece opened.
    Close,
    /// A reduction without its body.
    Head(&'static str, Vec<Markup>),
    /// A formula.
    Formula(Markup),
}

/// The formula in pieces.
pub fn pieces(markup: &Markup) -> Vec<Piece> {
    let mut out = Vec::new();
    add(markup, 0, &mut out);
    out
}

fn add(markup: &Markup, depth: usize, out: &mut Vec<Piece>) {
    match markup {
        Markup::Sum(addends) => {
            for (position, (subtracted, addend)) in addends.iter().enumerate() {
                if position > 0 {
                    out.push(Piece::Break(depth));
                }
                match (position, subtracted) {
                    (_, true) => out.push(Piece::Operator("-")),
                    (0, false) => {}
                    (_, false) => out.push(Piece::Operator("+")),
                }
                add_bracketed(addend, Binding::Product, depth + 1, out);
            }
        }
        Markup::Product(factors) => {
            let last = factors.len().saturating_sub(1);
            for (position, factor) in factors.iter().enumerate() {
                if position > 0 {
                    out.push(Piece::Break(depth));
                }
                match factor {
                    Markup::Reduce(..) if position == last => add(factor, depth + 1, out),
                    _ => add_bracketed(factor, Binding::Power, depth + 1, out),
                }
            }
        }
        Markup::Hadamard(factors) => {
            for (position, factor) in factors.iter().enumerate() {
                if position > 0 {
                    out.extend([Piece::Break(depth), Piece::Operator("⊙")]);
                }
                add_bracketed(factor, Binding::Power, depth + 1, out);
            }
        }
        Markup::Reduce(word, indices, body) => {
            out.push(Piece::Head(word, indices.clone()));
            match &**body {
                Markup::Sum(_) => add_bracketed(body, Binding::Product, depth + 1, out),
                _ => add(body, depth + 1, out),
            }
        }
        // A wide fraction is broken at its bar, which then is a stroke.
        Markup::Quotient(above, below) if width(markup) > WIDE => {
            add_bracketed(above, Binding::Product, depth + 1, out);
            out.extend([Piece::Break(depth + 1), Piece::Operator("/")]);
            add_bracketed(below, Binding::Power, depth + 1, out);
        }
        Markup::HadamardQuotient(above, below) if width(markup) > WIDE => {
            add_bracketed(above, Binding::Power, depth + 1, out);
            out.extend([Piece::Break(depth), Piece::Operator("⊘")]);
            add_bracketed(below, Binding::Power, depth + 1, out);
        }
        // The argument of a word; roots and the like have a sign around theirs.
        Markup::Call(word, arguments) if arguments.len() == 1 && is_word(word) && width(markup) > WIDE => {
            out.extend([Piece::Formula(Markup::name(word)), Piece::Open]);
            add(&arguments[0], depth + 2, out);
            out.push(Piece::Close);
        }
        other => out.push(Piece::Formula(other.clone())),
    }
}

/// Whether a function is written by its name before brackets.
fn is_word(function: &str) -> bool {
    !matches!(function, "sqrt" | "abs" | "floor" | "sigmoid")
}

/// A fraction wider than this is not set as one where a line is broken.
const WIDE: f32 = 22.0;

/// A part that stands in brackets where it binds less tightly than its place asks for. A fraction keeps
/// its parts together by itself.
fn add_bracketed(markup: &Markup, needed: Binding, depth: usize, out: &mut Vec<Piece>) {
    let own = if matches!(markup, Markup::Quotient(..)) { Binding::Atom } else { binding(markup) };
    if own >= needed {
        return add(markup, depth, out);
    }
    out.push(Piece::Open);
    add(markup, depth + 1, out);
    out.push(Piece::Close);
}

/// The pieces in lines that are at most `columns` wide where they can be.
pub fn lines(pieces: &[Piece], columns: f32) -> Vec<Vec<Piece>> {
    let mut lines = Vec::new();
    let mut rest = pieces;
    let mut room = columns;
    while rest.iter().map(piece_width).sum::<f32>() > room {
        let Some(at) = best_break(rest, room) else { break };
        lines.push(without_breaks(&rest[..at]));
        rest = &rest[at + 1..];
        room = columns - INDENT;
    }
    lines.push(without_breaks(rest));
    lines
}

/// How much later lines are indented.
const INDENT: f32 = 2.0;

fn without_breaks(pieces: &[Piece]) -> Vec<Piece> {
    pieces.iter().filter(|piece| !matches!(piece, Piece::Break(_))).cloned().collect()
}

/// The last break of least depth that leaves a line of at most the width, but not a nearly empty one. Where
/// none does, the first there is.
fn best_break(pieces: &[Piece], columns: f32) -> Option<usize> {
    let mut width = 0.0;
    let mut best: Option<(usize, usize)> = None;
    for (at, piece) in pieces.iter().enumerate() {
        if let Piece::Break(depth) = piece {
            if width > columns {
                return best.map_or(Some(at), |(_, at)| Some(at));
            }
            if width >= columns / 4.0 && best.is_none_or(|(other, _)| *depth <= other) {
                best = Some((*depth, at));
            }
        }
        width += piece_width(piece);
    }
    best.map(|(_, at)| at)
}

fn piece_width(piece: &Piece) -> f32 {
    match piece {
        Piece::Break(_) => 0.0,
        Piece::Operator(_) => 1.7,
        Piece::Open | Piece::Close => 0.5,
        Piece::Head(word, indices) => head_width(word, indices),
        Piece::Formula(markup) => width(markup) + 0.2,
    }
}

fn head_width(word: &str, indices: &[Markup]) -> f32 {
    let below = indices.iter().map(width).sum::<f32>() * SMALL;
    let above = if matches!(word, "sum" | "prod") { 1.5 } else { 0.5 * word.len() as f32 };
    below.max(above) + 0.3
}

/// The size of subscripts.
const SMALL: f32 = 0.7;

/// Roughly how wide a formula is when it is set, in the size of its letters.
pub fn width(markup: &Markup) -> f32 {
    let all = |parts: &[Markup]| parts.iter().map(width).sum::<f32>();
    let bracketed = |part: &Markup| match part {
        Markup::Sum(_) | Markup::Product(_) | Markup::Reduce(..) => width(part) + 1.0,
        _ => width(part),
    };
    match markup {
        Markup::Number(number) => 0.5 * number.len() as f32,
        Markup::Name(name) => {
            let digits = name.chars().filter(char::is_ascii_digit).count() as f32;
            let number = if digits > 0.0 { SMALL * (0.5 * digits + 0.8) } else { 0.0 };
            0.6 * (name.chars().count() as f32 - digits) + number
        }
        Markup::Subscripts(name, subscripts) => width(name) + SMALL * (all(subscripts) + 0.3 * subscripts.len() as f32),
        Markup::Sum(addends) => addends.iter().map(|(_, addend)| width(addend) + 1.7).sum(),
        Markup::Product(factors) => factors.iter().map(|factor| bracketed(factor) + 0.2).sum(),
        Markup::Hadamard(factors) => factors.iter().map(|factor| bracketed(factor) + 1.7).sum(),
        Markup::Quotient(above, below) => width(above).max(width(below)) + 0.3,
        Markup::HadamardQuotient(above, below) => bracketed(above) + bracketed(below) + 1.7,
        Markup::Power(base, exponent) | Markup::HadamardPower(base, exponent) => {
            bracketed(base) + SMALL * width(exponent)
        }
        Markup::Transposed(matrix) => bracketed(matrix) + 0.6,
        Markup::Call(function, arguments) => 0.5 * function.len() as f32 + all(arguments) + 1.2,
        Markup::Norm(vector) => width(vector) + 1.2,
        Markup::Reduce(word, indices, body) => head_width(word, indices) + bracketed(body),
        Markup::Derivative(of, wrt) => match &**of {
            Markup::Name(_) | Markup::Subscripts(..) => width(of).max(width(wrt)) + 0.9,
            _ => width(wrt) + width(of) + 2.2,
        },
        Markup::Delta(a, b) => 0.6 + SMALL * (width(a) + width(b) + 0.3),
        Markup::Bracket(condition) => width(condition) + 0.8,
        Markup::Relation(left, _, right) => width(left) + width(right) + 1.8,
        Markup::Logic(_, conditions) => conditions.iter().map(|condition| width(condition) + 1.7).sum(),
        Markup::Not(condition) => width(condition) + 1.5,
        Markup::Cases(condition, then, otherwise) => {
            let (then, otherwise) = (width(then) + width(condition), width(otherwise) + 2.5);
            then.max(otherwise) + 4.0
        }
    }
}
