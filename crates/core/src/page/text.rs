//! Formulas as plain text: the notation of the language, and Unicode for matrices.

use super::markup::{Binding, Markup};

/// The formula in one line.
pub fn text(markup: &Markup) -> String {
    match markup {
        Markup::Number(number) => number.clone(),
        Markup::Name(name) => name.clone(),
        Markup::Subscripts(name, subscripts) => {
            format!(
                "{}[{}]",
                at_least(name, Binding::Atom),
                subscripts.iter().map(subscript).collect::<Vec<_>>().join(",")
            )
        }
        Markup::Sum(addends) => sum(addends),
        Markup::Product(factors) => product(factors),
        Markup::Hadamard(factors) => {
            factors.iter().map(|factor| at_least(factor, Binding::Power)).collect::<Vec<_>>().join(" ⊙ ")
        }
        Markup::Quotient(above, below) => quotient(above, "/", below),
        Markup::HadamardQuotient(above, below) => {
            format!("{} ⊘ {}", at_least(above, Binding::Power), at_least(below, Binding::Power))
        }
        Markup::Power(base, exponent) => {
            let ratio = matches!(&**exponent, Markup::Number(number) if number.contains('/'));
            let needed = if ratio { brackets(exponent) } else { at_least(exponent, Binding::Atom) };
            format!("{}^{needed}", power_base(base))
        }
        Markup::HadamardPower(base, exponent) => {
            format!("{}^⊙{}", power_base(base), at_least(exponent, Binding::Atom))
        }
        Markup::Transposed(matrix) => format!("{}ᵀ", at_least(matrix, Binding::Atom)),
        Markup::Call(function, arguments) => format!("{function}({})", list(arguments, ", ")),
        Markup::Norm(vector) => format!("‖{}‖", text(vector)),
        Markup::Reduce(word, indices, body) => {
            format!("{word}[{}] {}", list(indices, ","), body_text(body))
        }
        Markup::Derivative(of, wrt) => match &**of {
            Markup::Name(_) | Markup::Subscripts(..) => format!("∂{}/∂{}", text(of), text(wrt)),
            _ => format!("∂{}/∂{}", brackets(of), text(wrt)),
        },
        Markup::Delta(a, b) => format!("delta[{},{}]", subscript(a), subscript(b)),
        Markup::Bracket(condition) => format!("[{}]", text(condition)),
        Markup::Relation(index, ":", extent) => format!("{}:{}", text(index), text(extent)),
        Markup::Relation(left, "mod", right) => {
            format!("{} mod {}", at_least(left, Binding::Atom), at_least(right, Binding::Atom))
        }
        Markup::Relation(left, relation, right) => {
            format!("{} {relation} {}", at_least(left, Binding::Sum), at_least(right, Binding::Sum))
        }
        Markup::Logic(word, conditions) => {
            let part = |condition: &Markup| match condition {
                Markup::Logic(..) | Markup::Not(_) => brackets(condition),
                _ => text(condition),
            };
            conditions.iter().map(part).collect::<Vec<_>>().join(&format!(" {word} "))
        }
        Markup::Not(condition) => format!("not {}", brackets(condition)),
        Markup::Cases(condition, then, otherwise) => {
            format!("where({}, {}, {})", text(condition), text(then), text(otherwise))
        }
    }
}

pub(super) fn binding(markup: &Markup) -> Binding {
    match markup {
        Markup::Relation(_, "mod", _) => Binding::Product,
        Markup::Relation(..) | Markup::Logic(..) | Markup::Not(_) => Binding::Condition,
        Markup::Sum(_) => Binding::Sum,
        // The body of a reduction is all that follows in the product.
        Markup::Product(_)
        | Markup::Hadamard(_)
        | Markup::Quotient(..)
        | Markup::HadamardQuotient(..)
        | Markup::Reduce(..) => Binding::Product,
        Markup::Power(..) | Markup::HadamardPower(..) | Markup::Derivative(..) => Binding::Power,
        _ => Binding::Atom,
    }
}

fn at_least(markup: &Markup, needed: Binding) -> String {
    if binding(markup) < needed { brackets(markup) } else { text(markup) }
}

/// Subscripts are set without blanks.
fn subscript(markup: &Markup) -> String {
    match markup {
        Markup::Product(factors) => factors.iter().map(text).collect::<Vec<_>>().join("*"),
        Markup::Sum(addends) => {
            addends.iter().enumerate().fold(String::new(), |line, (position, (subtracted, addend))| {
                let sign = if *subtracted {
                    "-"
                } else if position > 0 {
                    "+"
                } else {
                    ""
                };
                line + sign + &subscript(addend)
            })
        }
        _ => text(markup),
    }
}

fn brackets(markup: &Markup) -> String {
    format!("({})", text(markup))
}

fn list(parts: &[Markup], separator: &str) -> String {
    parts.iter().map(text).collect::<Vec<_>>().join(separator)
}

fn sum(addends: &[(bool, Markup)]) -> String {
    let mut line = String::new();
    for (position, (subtracted, addend)) in addends.iter().enumerate() {
        line.push_str(match (position, subtracted) {
            (0, true) => "-",
            (0, false) => "",
            (_, true) => " - ",
            (_, false) => " + ",
        });
        line.push_str(&at_least(addend, Binding::Product));
    }
    line
}

/// A reduction may stand last without brackets, a fraction nowhere.
fn product(factors: &[Markup]) -> String {
    let last = factors.len().saturating_sub(1);
    let part = |(position, factor): (usize, &Markup)| match factor {
        Markup::Reduce(..) if position == last => text(factor),
        // `2 a ⊙ b` says the same either way it is read.
        Markup::Hadamard(_) if position == last && only_numbers(&factors[..last]) => text(factor),
        _ => at_least(factor, Binding::Power),
    };
    factors.iter().enumerate().map(part).collect::<Vec<_>>().join(" ")
}

/// Whether all factors are numbers.
pub(super) fn only_numbers(factors: &[Markup]) -> bool {
    factors.iter().all(|factor| matches!(factor, Markup::Number(_)))
}

fn quotient(above: &Markup, bar: &str, below: &Markup) -> String {
    let above = match above {
        Markup::Product(factors) => {
            // Nothing of the quotient may fall into the body of a reduction.
            let part = |factor: &Markup| at_least(factor, Binding::Power);
            factors.iter().map(part).collect::<Vec<_>>().join(" ")
        }
        _ => at_least(above, Binding::Power),
    };
    let below = match below {
        Markup::Reduce(_, _, body) if binding(body) >= Binding::Power => text(below),
        _ => at_least(below, Binding::Power),
    };
    format!("{above} {bar} {below}")
}

fn power_base(base: &Markup) -> String {
    match base {
        Markup::Number(number) if number.contains('/') || number.contains('e') => brackets(base),
        _ => at_least(base, Binding::Atom),
    }
}

fn body_text(body: &Markup) -> String {
    match body {
        Markup::Sum(addends) if addends.len() == 1 => text(body),
        _ => at_least(body, Binding::Product),
    }
}

/// How many columns a text takes; combining marks are not used.
pub fn width(line: &str) -> usize {
    line.chars().count()
}

/// A line broken into lines of at most `columns` characters where it can be, at the places of
/// least depth; the later lines are indented by `indent` blanks.
pub fn wrap(line: &str, columns: usize, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest: Vec<char> = line.chars().collect();
    let mut room = columns;
    while rest.len() > room {
        let Some(at) = best_break(&rest, room) else { break };
        let first: String = rest[..at].iter().collect();
        lines.push(first.trim_end().to_string());
        rest = rest[at..].iter().collect::<String>().trim_start().chars().collect();
        room = columns.saturating_sub(indent);
    }
    lines.push(rest.into_iter().collect());
    let margin = " ".repeat(indent);
    let indented = |(number, line): (usize, String)| if number == 0 { line } else { format!("{margin}{line}") };
    lines.into_iter().enumerate().map(indented).collect()
}

/// The blank at which to break: of least depth, before an operator where there is one, the last
/// of equals.
fn best_break(line: &[char], room: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut best: Option<((usize, bool), usize)> = None;
    for (at, &character) in line.iter().enumerate().take(room + 1) {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            // A first line that is nearly empty helps nobody.
            ' ' if at >= room / 4 => {
                let operator = matches!(line.get(at + 1), Some('+' | '-' | '=')) && line.get(at + 2) == Some(&' ')
                    || matches!(line.get(at + 1), Some('⊙'));
                let after_operator = at > 0 && matches!(line[at - 1], '+' | '-' | '=' | '/' | '⊙' | '⊘');
                let key = (depth, !operator);
                if !after_operator && best.is_none_or(|(other, _)| key <= other) {
                    best = Some((key, at));
                }
            }
            _ => {}
        }
    }
    best.map(|(_, at)| at)
}
