//! Formulas as LaTeX, for mathematics mode; `amsmath` is needed.

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
        Markup::Transposed(matrix) => format!(r"{}^{{\top}}", power_base(matrix)),
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

fn condition_part(condition: &Markup) -> String {
    if matches!(condition, Markup::Logic(..)) { brackets(condition) } else { latex(condition) }
}

fn binding(markup: &Markup) -> Binding {
    match markup {
        Markup::Quotient(..) | Markup::Cases(..) => Binding::Atom,
        Markup::Derivative(of, _) if matches!(**of, Markup::Name(_) | Markup::Subscripts(..)) => Binding::Atom,
        _ => super::text::binding(markup),
    }
}

fn at_least(markup: &Markup, needed: Binding) -> String {
    if binding(markup) < needed { brackets(markup) } else { latex(markup) }
}

fn brackets(markup: &Markup) -> String {
    format!(r"\left( {} \right)", latex(markup))
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
        Markup::Name(name) if !split_digits(name).1.is_empty() => format!("{{{}}}", latex(base)),
        Markup::Subscripts(name, _) if matches!(&**name, Markup::Name(name) if !split_digits(name).1.is_empty()) => {
            brackets(base)
        }
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

fn split_digits(name: &str) -> (&str, &str) {
    let stem = name.trim_end_matches(|character: char| character.is_ascii_digit());
    name.split_at(stem.len())
}

const GREEK: [&str; 23] = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
];

const GREEK_LETTERS: [char; 23] =
    ['α', 'β', 'γ', 'δ', 'ε', 'ζ', 'η', 'θ', 'ι', 'κ', 'λ', 'μ', 'ν', 'ξ', 'π', 'ρ', 'σ', 'τ', 'υ', 'φ', 'χ', 'ψ', 'ω'];

/// A number at the end of a name is the number of a layer: `W1` is `W^{(1)}`.
fn name_latex(name: &str) -> String {
    let (stem, number) = split_digits(name);
    let letters = stem.trim_end_matches(['\'', '′']);
    let primes = "'".repeat(stem.chars().count() - letters.chars().count());
    let base = match letters.chars().collect::<Vec<_>>().as_slice() {
        [] => return number.to_string(),
        ['𝟏'] => r"\mathbf{1}".to_string(),
        [letter] => match GREEK_LETTERS.iter().position(|greek| greek == letter) {
            Some(position) => format!(r"\{}", GREEK[position]),
            None => letter.to_string(),
        },
        _ if GREEK.contains(&letters) => format!(r"\{letters}"),
        _ => format!(r"\mathrm{{{letters}}}"),
    };
    if number.is_empty() { format!("{base}{primes}") } else { format!("{base}{primes}^{{({number})}}") }
}

fn call(function: &str, arguments: &[Markup]) -> String {
    let inside = list(arguments, ", ");
    match function {
        "sqrt" => format!(r"\sqrt{{{inside}}}"),
        "abs" => format!(r"\left| {inside} \right|"),
        "floor" => format!(r"\left\lfloor {inside} \right\rfloor"),
        "exp" | "log" | "sin" | "cos" | "tan" | "sinh" | "cosh" | "tanh" | "max" | "min" => {
            format!(r"\{function}\left( {inside} \right)")
        }
        "asin" | "acos" | "atan" => format!(r"\arc{}\left( {inside} \right)", &function[1..]),
        "sigmoid" => format!(r"\sigma\left( {inside} \right)"),
        _ => format!(r"\operatorname{{{function}}}\left( {inside} \right)"),
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
