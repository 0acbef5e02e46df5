//! Formulas as LaTeX, for mathematics mode; `amsmath` is needed.

use super::breaking::{Piece, lines, pieces, width};
use super::glyphs::{Glyphs, Stem, glyphs, greek, second_derivative};
use super::markup::{Binding, Markup};
use super::text::only_numbers;

/// The formula, without dollar signs.
pub fn latex(markup: &Markup) -> String {
    match markup {
        Markup::Number(number) => number_latex(number),
        Markup::Name(name) => name_latex(name),
        Markup::Subscripts(name, subscripts) => {
            format!("{}_{{{}}}", at_least(name, Binding::Atom), list(subscripts, ","))
        }
        Markup::Sum(addends) => sum(addends),
        Markup::Product(factors) => product(factors, r" \, "),
        Markup::Hadamard(factors) => {
            factors.iter().map(|factor| at_least(factor, Binding::Power)).collect::<Vec<_>>().join(r" \odot ")
        }
        Markup::Quotient(above, below) => format!(r"\frac{{{}}}{{{}}}", latex(above), latex(below)),
        Markup::HadamardQuotient(above, below) => {
            format!(r"{} \oslash {}", at_least(above, Binding::Power), at_least(below, Binding::Power))
        }
        Markup::Power(base, exponent) => format!("{}^{{{}}}", power_base(base), latex(exponent)),
        Markup::HadamardPower(base, exponent) => format!(r"{}^{{\odot {}}}", power_base(base), latex(exponent)),
        Markup::Transposed(matrix) => match &**matrix {
            Markup::Name(name) => format!(r"{}^{{{}\top}}", base_latex(name), superscript(name)),
            _ => format!(r"{}^{{\top}}", power_base(matrix)),
        },
        Markup::Call(function, arguments) => call(function, arguments),
        Markup::Norm(vector) => format!(r"\left\lVert {} \right\rVert", latex(vector)),
        Markup::Reduce(word, indices, body) => {
            let body = match &**body {
                Markup::Sum(_) => brackets(body),
                _ => latex(body),
            };
            format!("{}_{{{}}} {body}", reduction(word), list(indices, ","))
        }
        Markup::Derivative(of, wrt) => match &**of {
            _ if let Some((of, first, second)) = second_derivative(of, wrt) => {
                format!(r"\frac{{\partial^2 {}}}{{\partial {} \, \partial {}}}", latex(of), latex(first), latex(second))
            }
            Markup::Name(_) | Markup::Subscripts(..) => {
                format!(r"\frac{{\partial {}}}{{\partial {}}}", latex(of), latex(wrt))
            }
            _ => format!(r"\frac{{\partial}}{{\partial {}}} {}", latex(wrt), brackets(of)),
        },
        Markup::Delta(a, b) => format!(r"\delta_{{{},{}}}", latex(a), latex(b)),
        Markup::Bracket(condition) => format!(r"\left[ {} \right]", latex(condition)),
        Markup::Relation(left, relation, right) => format!("{} {} {}", latex(left), sign(relation), latex(right)),
        Markup::Logic(word, conditions) => {
            let sign = if *word == "and" { r" \land " } else { r" \lor " };
            conditions.iter().map(condition_part).collect::<Vec<_>>().join(sign)
        }
        Markup::Not(condition) => format!(r"\lnot {}", brackets(condition)),
        Markup::Cases(condition, then, otherwise) => format!(
            r"\begin{{cases}} {} & \text{{if }} {} \\ {} & \text{{otherwise}} \end{{cases}}",
            latex(then),
            latex(condition),
            latex(otherwise)
        ),
    }
}

/// The formula in lines that fit a width, in the size of its letters, where it can be broken.
pub fn latex_lines(markup: &Markup, columns: f32) -> Vec<String> {
    if width(markup) <= columns {
        return vec![latex(markup)];
    }
    let line = |pieces: &Vec<Piece>| {
        let parts: Vec<String> = pieces.iter().map(piece_latex).collect();
        // A fence that is closed in another line has a fixed size.
        parts.join(" ").replace(r"\bigl( ", r"\bigl(").replace(r" \bigr)", r"\bigr)")
    };
    lines(&pieces(markup), columns).iter().map(line).collect()
}

fn piece_latex(piece: &Piece) -> String {
    match piece {
        Piece::Break(_) => String::new(),
        Piece::Operator("⊙") => r"\odot".into(),
        Piece::Operator("⊘") => r"\oslash".into(),
        Piece::Operator(sign) => (*sign).into(),
        Piece::Open => r"\bigl(".into(),
        Piece::Close => r"\bigr)\,".into(),
        Piece::Head(word, indices) => format!("{}_{{{}}}", reduction(word), list(indices, ",")),
        Piece::Formula(markup) => format!(r"{} \,", latex(markup)),
    }
}

fn condition_part(condition: &Markup) -> String {
    if matches!(condition, Markup::Logic(..)) { brackets(condition) } else { latex(condition) }
}

/// How tightly a formula is bound where quotients and cases are set in two dimensions.
pub(super) fn binding(markup: &Markup) -> Binding {
    match markup {
        Markup::Quotient(..) | Markup::Cases(..) => Binding::Atom,
        Markup::Derivative(of, _)
            if matches!(**of, Markup::Name(_) | Markup::Subscripts(..) | Markup::Derivative(..)) =>
        {
            Binding::Atom
        }
        _ => super::text::binding(markup),
    }
}

fn at_least(markup: &Markup, needed: Binding) -> String {
    if binding(markup) < needed { brackets(markup) } else { latex(markup) }
}

fn brackets(markup: &Markup) -> String {
    fenced(&latex(markup), markup.is_flat())
}

/// In brackets, which grow with what is not flat.
fn fenced(inside: &str, is_flat: bool) -> String {
    if is_flat { format!("({inside})") } else { format!(r"\left( {inside} \right)") }
}

fn list(parts: &[Markup], separator: &str) -> String {
    parts.iter().map(latex).collect::<Vec<_>>().join(separator)
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

fn product(factors: &[Markup], between: &str) -> String {
    let last = factors.len().saturating_sub(1);
    let part = |(position, factor): (usize, &Markup)| match factor {
        Markup::Reduce(..) if position == last => latex(factor),
        // `2 a ⊙ b` says the same either way it is read.
        Markup::Hadamard(_) if position == last && only_numbers(&factors[..last]) => latex(factor),
        _ => at_least(factor, Binding::Power),
    };
    factors.iter().enumerate().map(part).collect::<Vec<_>>().join(between)
}

/// A base that carries a superscript or is large gets braces or brackets.
fn power_base(base: &Markup) -> String {
    match base {
        Markup::Name(_) if has_superscript(base) => brackets(base),
        Markup::Subscripts(name, _) if has_superscript(name) => brackets(base),
        Markup::Quotient(..) | Markup::Derivative(..) | Markup::Call(..) | Markup::Cases(..) => brackets(base),
        Markup::Number(number) if number.contains(['/', 'e']) => brackets(base),
        _ => at_least(base, Binding::Atom),
    }
}

fn number_latex(number: &str) -> String {
    if let Some((above, below)) = number.split_once('/') {
        return format!(r"\tfrac{{{above}}}{{{below}}}");
    }
    if let Some((digits, exponent)) = number.split_once('e') {
        let power = format!("10^{{{exponent}}}");
        return if digits == "1" { power } else { format!(r"{digits} \cdot {power}") };
    }
    if number == "inf" { r"\infty".into() } else { number.into() }
}

fn has_superscript(name: &Markup) -> bool {
    matches!(name, Markup::Name(name) if glyphs(name).has_superscript())
}

/// A number at the end of a name is the number of a layer: `W1` is `W^{(1)}`.
fn name_latex(name: &str) -> String {
    let above = superscript(name);
    let base = base_latex(name);
    if above.is_empty() { base } else { format!("{base}^{{{above}}}") }
}

fn base_latex(name: &str) -> String {
    let Glyphs { stem, number, .. } = glyphs(name);
    match stem {
        Stem::None => number.to_string(),
        Stem::Ones => r"\mathbf{1}".into(),
        Stem::Greek(_, name) => format!(r"\{name}"),
        Stem::Letter(letter) if letter.is_ascii() => letter.to_string(),
        Stem::Letter(letter) => word_latex(&letter.to_string()),
        Stem::Word(word) => word_latex(word),
    }
}

/// What a name has above the line.
fn superscript(name: &str) -> String {
    let Glyphs { stem, primes, number } = glyphs(name);
    let primes = r"\prime".repeat(primes);
    if number.is_empty() || stem == Stem::None { primes } else { format!("{primes}({number})") }
}

/// A word in upright letters. What the usual fonts lack is written by its number.
fn word_latex(word: &str) -> String {
    if word.is_ascii() {
        return format!(r"\mathrm{{{word}}}");
    }
    let letter = |letter: char| match letter {
        _ if letter.is_ascii() => letter.to_string(),
        'À'..='ž' => letter.to_string(),
        _ => match greek(letter) {
            Some(name) => format!(r"$\{name}$"),
            None => format!("u{:X}", letter as u32),
        },
    };
    format!(r"\text{{{}}}", word.chars().map(letter).collect::<String>())
}

/// Words for the text of a document: nothing in them is a command.
pub fn latex_words(words: &str) -> String {
    let letter = |letter: char| match letter {
        '\\' => r"\textbackslash{}".to_string(),
        '{' | '}' | '$' | '&' | '#' | '%' | '_' => format!(r"\{letter}"),
        '^' => r"\textasciicircum{}".into(),
        '~' => r"\textasciitilde{}".into(),
        '∂' => r"$\partial$".into(),
        '∑' => r"$\sum$".into(),
        '·' => r"$\cdot$".into(),
        '⊗' => r"$\otimes$".into(),
        '⊙' => r"$\odot$".into(),
        'ᵀ' => r"$^{\top}$".into(),
        '𝟏' => r"$\mathbf{1}$".into(),
        '⊘' => r"$\oslash$".into(),
        '‖' => r"$\Vert$".into(),
        '²' => "$^2$".into(),
        '∘' => r"$\circ$".into(),
        '×' => r"$\times$".into(),
        '∞' => r"$\infty$".into(),
        '≤' => r"$\le$".into(),
        '≥' => r"$\ge$".into(),
        '′' => "$'$".into(),
        _ if letter.is_ascii() || ('À'..='ž').contains(&letter) => letter.to_string(),
        _ => greek(letter).map_or_else(|| format!("u{:X}", letter as u32), |name| format!(r"$\{name}$")),
    };
    words.chars().map(letter).collect()
}

fn call(function: &str, arguments: &[Markup]) -> String {
    let inside = list(arguments, ", ");
    let round = match arguments.iter().all(Markup::is_flat) {
        true => format!("({inside})"),
        false => format!(r"\mathopen{{}}\left( {inside} \right)"),
    };
    match function {
        "sqrt" => format!(r"\sqrt{{{inside}}}"),
        "abs" => format!(r"\left| {inside} \right|"),
        "floor" => format!(r"\left\lfloor {inside} \right\rfloor"),
        "exp" | "log" | "sin" | "cos" | "tan" | "sinh" | "cosh" | "tanh" | "max" | "min" => {
            format!(r"\{function}{round}")
        }
        "asin" | "acos" | "atan" => format!(r"\arc{}{round}", &function[1..]),
        "sigmoid" => format!(r"\sigma{round}"),
        _ => format!(r"\operatorname{{{function}}}{round}"),
    }
}

fn reduction(word: &str) -> String {
    match word {
        "sum" => r"\sum".into(),
        "prod" => r"\prod".into(),
        "max" | "min" => format!(r"\{word}"),
        _ => format!(r"\operatorname*{{{word}}}"),
    }
}

fn sign(relation: &str) -> &str {
    match relation {
        "!=" => r"\ne",
        "<=" => r"\le",
        ">=" => r"\ge",
        ":" => "<",
        "mod" => r"\bmod",
        _ => relation,
    }
}
