//! Names as they are set: `W1` is a W with the number of its layer above, `alpha` a Greek letter.

/// A name taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glyphs<'a> {
    /// What the name is without primes and number.
    pub stem: Stem<'a>,
    /// How many primes follow.
    pub primes: usize,
    /// The digits at its end: the number of a layer.
    pub number: &'a str,
}

/// The letters of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stem<'a> {
    /// The vector of ones.
    Ones,
    /// A Greek letter, with its name.
    Greek(char, &'static str),
    /// One letter.
    Letter(char),
    /// A word.
    Word(&'a str),
    /// There are only digits.
    None,
}

/// The Greek letters that have a command of their own in LaTeX. Others look like Latin ones.
const GREEK: &[(char, &str)] = &[
    ('α', "alpha"),
    ('β', "beta"),
    ('γ', "gamma"),
    ('δ', "delta"),
    ('ε', "epsilon"),
    ('ζ', "zeta"),
    ('η', "eta"),
    ('θ', "theta"),
    ('ι', "iota"),
    ('κ', "kappa"),
    ('λ', "lambda"),
    ('μ', "mu"),
    ('ν', "nu"),
    ('ξ', "xi"),
    ('π', "pi"),
    ('ρ', "rho"),
    ('σ', "sigma"),
    ('τ', "tau"),
    ('υ', "upsilon"),
    ('φ', "phi"),
    ('χ', "chi"),
    ('ψ', "psi"),
    ('ω', "omega"),
    ('Γ', "Gamma"),
    ('Δ', "Delta"),
    ('Θ', "Theta"),
    ('Λ', "Lambda"),
    ('Ξ', "Xi"),
    ('Π', "Pi"),
    ('Σ', "Sigma"),
    ('Υ', "Upsilon"),
    ('Φ', "Phi"),
    ('Ψ', "Psi"),
    ('Ω', "Omega"),
    // Variants, after the names they share.
    ('ς', "varsigma"),
    ('ϑ', "vartheta"),
    ('ϕ', "phi"),
    ('ϵ', "epsilon"),
    ('ϖ', "varpi"),
    ('ϱ', "varrho"),
];

/// The name and the symbol of a Greek letter.
pub fn greek(letter: char) -> Option<&'static str> {
    GREEK.iter().find(|(own, _)| *own == letter).map(|(_, name)| *name)
}

/// A name taken apart.
pub fn glyphs(name: &str) -> Glyphs<'_> {
    let before = name.trim_end_matches(|character: char| character.is_ascii_digit());
    let number = &name[before.len()..];
    let letters = before.trim_end_matches(['\'', '′']);
    let primes = before[letters.len()..].chars().count();
    let mut characters = letters.chars();
    let stem = match (characters.next(), characters.next()) {
        (None, _) => Stem::None,
        (Some('𝟏'), None) => Stem::Ones,
        (Some(letter), None) => greek(letter).map_or(Stem::Letter(letter), |name| Stem::Greek(letter, name)),
        _ => match GREEK.iter().find(|(_, name)| *name == letters) {
            Some((letter, name)) => Stem::Greek(*letter, name),
            None => Stem::Word(letters),
        },
    };
    Glyphs { stem, primes, number }
}

impl Glyphs<'_> {
    /// Whether something stands above the line, so that a power needs brackets.
    pub fn has_superscript(&self) -> bool {
        self.primes > 0 || !self.number.is_empty()
    }
}

/// Whether a derivative is one of a derivative, both of single entries: a second derivative, which is set
/// as one fraction. The tensor and the two entries.
pub fn second_derivative<'m>(
    of: &'m super::Markup,
    wrt: &'m super::Markup,
) -> Option<(&'m super::Markup, &'m super::Markup, &'m super::Markup)> {
    match of {
        super::Markup::Derivative(inner, first) => match **inner {
            super::Markup::Name(_) | super::Markup::Subscripts(..) => Some((inner, first, wrt)),
            _ => None,
        },
        _ => None,
    }
}
