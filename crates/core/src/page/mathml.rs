//! Formulas as MathML, the presentation markup that browsers set without a script.

use super::breaking::{Piece, pieces, width};
use super::glyphs::{Glyphs, Stem, glyphs, second_derivative};
use super::latex::binding;
use super::markup::{Binding, Markup};

/// The formula as `math` elements. A long one is several of them, between which a line may be broken.
pub fn mathml(markup: &Markup) -> String {
    if width(markup) <= WHOLE {
        return math(&row(markup));
    }
    let mut out = Vec::new();
    let mut parts = Vec::new();
    for piece in pieces(markup) {
        match piece {
            Piece::Break(_) if parts.iter().map(|(width, _)| width).sum::<f32>() < SHORTEST => {
                parts.push((0.0, THIN_SPACE.into()));
            }
            Piece::Break(_) => out.push(math(&joined(&mut parts))),
            other => parts.push(piece_mathml(&other)),
        }
    }
    out.push(math(&joined(&mut parts)));
    out.join(" ")
}

/// Between factors that stay in one line.
const THIN_SPACE: &str = r#"<mspace width="0.17em"></mspace>"#;
/// A formula no wider than this is never broken.
const WHOLE: f32 = 12.0;
/// Nor is a line broken after less than this.
const SHORTEST: f32 = 3.0;

fn math(inside: &str) -> String {
    format!("<math>{inside}</math>")
}

fn joined(parts: &mut Vec<(f32, String)>) -> String {
    parts.drain(..).map(|(_, part)| part).collect()
}

fn piece_mathml(piece: &Piece) -> (f32, String) {
    match piece {
        Piece::Break(_) => (0.0, String::new()),
        Piece::Operator(sign @ ("⊙" | "⊘")) => (1.0, operator(sign)),
        Piece::Operator(sign) => (0.5, infix(sign)),
        Piece::Open => (0.5, r#"<mo stretchy="false">(</mo>"#.into()),
        Piece::Close => (0.5, r#"<mo stretchy="false">)</mo>"#.into()),
        Piece::Head(word, indices) => (1.5, reduction(word, indices)),
        Piece::Formula(markup) => (width(markup), row(markup)),
    }
}

/// A sign between two parts, also where it begins a line.
fn infix(sign: &str) -> String {
    format!(r#"<mo form="infix">{}</mo>"#, sign.replace('-', "−"))
}

fn operator(sign: &str) -> String {
    format!("<mo>{sign}</mo>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn grouped(inside: String) -> String {
    format!("<mrow>{inside}</mrow>")
}

/// The formula as one element.
fn one(markup: &Markup) -> String {
    grouped(row(markup))
}

/// The formula as elements in a row.
fn row(markup: &Markup) -> String {
    match markup {
        Markup::Number(number) => self::number(number),
        Markup::Name(name) => with_scripts(name, None, ""),
        Markup::Subscripts(name, subscripts) => match &**name {
            Markup::Name(name) => with_scripts(name, Some(subscripts), ""),
            other => format!("<msub>{}{}</msub>", one(other), grouped(list(subscripts))),
        },
        Markup::Sum(addends) => sum(addends),
        Markup::Product(factors) => product(factors),
        Markup::Hadamard(factors) => joined_by(factors, &operator("⊙")),
        Markup::Quotient(above, below) => format!("<mfrac>{}{}</mfrac>", one(above), one(below)),
        Markup::HadamardQuotient(above, below) => {
            format!("{}<mo>⊘</mo>{}", at_least(above, Binding::Power), at_least(below, Binding::Power))
        }
        Markup::Power(base, exponent) => format!("<msup>{}{}</msup>", power_base(base), one(exponent)),
        Markup::HadamardPower(base, exponent) => {
            format!("<msup>{}{}</msup>", power_base(base), grouped(format!("<mo>⊙</mo>{}", row(exponent))))
        }
        Markup::Transposed(matrix) => match &**matrix {
            Markup::Name(name) => with_scripts(name, None, r#"<mi mathvariant="normal">⊤</mi>"#),
            other => format!("<msup>{}<mi mathvariant=\"normal\">⊤</mi></msup>", power_base(other)),
        },
        Markup::Call(function, arguments) => call(function, arguments),
        Markup::Norm(vector) => fenced("‖", &row(vector), "‖"),
        Markup::Reduce(word, indices, body) => {
            let body = if matches!(**body, Markup::Sum(_)) { brackets(body) } else { row(body) };
            format!("{}{body}", reduction(word, indices))
        }
        Markup::Derivative(of, wrt) => derivative(of, wrt),
        Markup::Delta(a, b) => {
            format!("<msub><mi>δ</mi>{}</msub>", grouped(list(&[(**a).clone(), (**b).clone()])))
        }
        Markup::Bracket(condition) => fenced("[", &row(condition), "]"),
        Markup::Relation(left, relation, right) => {
            format!("{}{}{}", row(left), operator(&escaped(sign(relation))), row(right))
        }
        Markup::Logic(word, conditions) => {
            let sign = if *word == "and" { "∧" } else { "∨" };
            let part = |condition: &Markup| match condition {
                Markup::Logic(..) => brackets(condition),
                _ => row(condition),
            };
            conditions.iter().map(part).collect::<Vec<_>>().join(&operator(sign))
        }
        Markup::Not(condition) => format!("<mo>¬</mo>{}", brackets(condition)),
        Markup::Cases(condition, then, otherwise) => cases(condition, then, otherwise),
    }
}

fn cases(condition: &Markup, then: &Markup, otherwise: &Markup) -> String {
    let line = |value: &Markup, when: String| format!("<mtr><mtd>{}</mtd><mtd>{when}</mtd></mtr>", row(value));
    let first = line(then, format!("<mtext>if </mtext>{}", row(condition)));
    let second = line(otherwise, "<mtext>otherwise</mtext>".into());
    grouped(format!(r#"<mo stretchy="true">{{</mo><mtable columnalign="left left">{first}{second}</mtable>"#))
}

fn derivative(of: &Markup, wrt: &Markup) -> String {
    let by = |wrt: &Markup| format!("<mi>∂</mi>{}", row(wrt));
    if let Some((of, first, second)) = second_derivative(of, wrt) {
        let above = format!("<msup><mi>∂</mi><mn>2</mn></msup>{}", row(of));
        let below = format!(r#"{}<mspace width="0.17em"></mspace>{}"#, by(first), by(second));
        return format!("<mfrac>{}{}</mfrac>", grouped(above), grouped(below));
    }
    match of {
        Markup::Name(_) | Markup::Subscripts(..) => {
            format!("<mfrac>{}{}</mfrac>", grouped(by(of)), grouped(by(wrt)))
        }
        _ => format!("<mfrac><mi>∂</mi>{}</mfrac>{}", grouped(by(wrt)), brackets(of)),
    }
}

fn at_least(markup: &Markup, needed: Binding) -> String {
    if binding(markup) < needed { brackets(markup) } else { row(markup) }
}

fn fenced(open: &str, inside: &str, close: &str) -> String {
    grouped(format!(
        r#"<mo form="prefix" stretchy="true">{open}</mo>{inside}<mo form="postfix" stretchy="true">{close}</mo>"#
    ))
}

fn brackets(markup: &Markup) -> String {
    round(&row(markup), markup.is_flat())
}

/// Round brackets, which grow with what is not flat.
fn round(inside: &str, is_flat: bool) -> String {
    match is_flat {
        true => grouped(format!(r#"<mo stretchy="false">(</mo>{inside}<mo stretchy="false">)</mo>"#)),
        false => fenced("(", inside, ")"),
    }
}

fn list(parts: &[Markup]) -> String {
    parts.iter().map(row).collect::<Vec<_>>().join(r#"<mo separator="true">,</mo>"#)
}

fn joined_by(factors: &[Markup], between: &str) -> String {
    factors.iter().map(|factor| at_least(factor, Binding::Power)).collect::<Vec<_>>().join(between)
}

fn sum(addends: &[(bool, Markup)]) -> String {
    let part = |(position, (subtracted, addend)): (usize, &(bool, Markup))| {
        let sign = match (position, subtracted) {
            (0, true) => r#"<mo form="prefix">−</mo>"#.to_string(),
            (0, false) => String::new(),
            (_, true) => infix("-"),
            (_, false) => infix("+"),
        };
        sign + &at_least(addend, Binding::Product)
    };
    addends.iter().enumerate().map(part).collect()
}

fn product(factors: &[Markup]) -> String {
    let last = factors.len().saturating_sub(1);
    let part = |(position, factor): (usize, &Markup)| match factor {
        Markup::Reduce(..) if position == last => row(factor),
        _ => at_least(factor, Binding::Power),
    };
    factors.iter().enumerate().map(part).collect::<Vec<_>>().join(r#"<mspace width="0.17em"></mspace>"#)
}

/// A base that carries a superscript or is large gets brackets.
fn power_base(base: &Markup) -> String {
    let has_superscript = |name: &Markup| matches!(name, Markup::Name(name) if glyphs(name).has_superscript());
    let needs = match base {
        Markup::Name(_) => has_superscript(base),
        Markup::Subscripts(name, _) => has_superscript(name),
        Markup::Quotient(..) | Markup::Derivative(..) | Markup::Call(..) | Markup::Cases(..) => true,
        Markup::Number(number) => number.contains(['/', 'e']),
        other => binding(other) < Binding::Atom,
    };
    if needs { brackets(base) } else { one(base) }
}

fn number(number: &str) -> String {
    if let Some((above, below)) = number.split_once('/') {
        return format!("<mfrac><mn>{above}</mn><mn>{below}</mn></mfrac>");
    }
    if let Some((digits, exponent)) = number.split_once('e') {
        let power = format!("<msup><mn>10</mn><mn>{}</mn></msup>", exponent.replace('-', "−"));
        return if digits == "1" { power } else { format!("<mn>{digits}</mn><mo>·</mo>{power}") };
    }
    if number == "inf" { "<mi>∞</mi>".into() } else { format!("<mn>{number}</mn>") }
}

/// A name with its subscripts, and above it its primes, the number of its layer and what else there is.
fn with_scripts(name: &str, subscripts: Option<&Vec<Markup>>, further: &str) -> String {
    let Glyphs { stem, primes, number } = glyphs(name);
    let base = match stem {
        Stem::None => return format!("<mn>{number}</mn>"),
        Stem::Ones => r#"<mi mathvariant="normal">𝟏</mi>"#.into(),
        Stem::Greek(letter, _) | Stem::Letter(letter) => format!("<mi>{letter}</mi>"),
        Stem::Word(word) => format!("<mi>{}</mi>", escaped(word)),
    };
    let mut above = "<mo>′</mo>".repeat(primes);
    if !number.is_empty() {
        above += &format!(r#"<mo stretchy="false">(</mo><mn>{number}</mn><mo stretchy="false">)</mo>"#);
    }
    above += further;
    match (subscripts, above.is_empty()) {
        (None, true) => base,
        (None, false) => format!("<msup>{base}{}</msup>", grouped(above)),
        (Some(subscripts), true) => format!("<msub>{base}{}</msub>", grouped(list(subscripts))),
        (Some(subscripts), false) => {
            format!("<msubsup>{base}{}{}</msubsup>", grouped(list(subscripts)), grouped(above))
        }
    }
}

fn call(function: &str, arguments: &[Markup]) -> String {
    let inside = list(arguments);
    match function {
        "sqrt" => format!("<msqrt>{}</msqrt>", grouped(inside)),
        "abs" => fenced("|", &inside, "|"),
        "floor" => fenced("⌊", &inside, "⌋"),
        _ => {
            let name = match function {
                "sigmoid" => "σ".to_string(),
                "asin" | "acos" | "atan" => format!("arc{}", &function[1..]),
                _ => escaped(function),
            };
            format!("<mi>{name}</mi><mo>&#x2061;</mo>{}", round(&inside, arguments.iter().all(Markup::is_flat)))
        }
    }
}

fn reduction(word: &str, indices: &[Markup]) -> String {
    let head = match word {
        "sum" => r#"<mo movablelimits="false">∑</mo>"#.to_string(),
        "prod" => r#"<mo movablelimits="false">∏</mo>"#.to_string(),
        _ => format!("<mi>{word}</mi>"),
    };
    let space = if matches!(word, "sum" | "prod") { "" } else { r#"<mspace width="0.17em"></mspace>"# };
    format!("<munder>{head}{}</munder>{space}", grouped(list(indices)))
}

fn sign(relation: &str) -> &str {
    match relation {
        "!=" => "≠",
        "<=" => "≤",
        ">=" => "≥",
        ":" => "<",
        _ => relation,
    }
}
