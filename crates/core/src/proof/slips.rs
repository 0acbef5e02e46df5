//! The slips that people make, each as a change of the text that undoes it. Which of them was made is found
//! by trying: a change counts only where the line then equals the one above it.

use super::written::{Occurrence, edited, occurrences, product, text_of, visit};
use crate::model::Model;
use crate::syntax::tree::{Expr, ExprKind, Factor, Reduction};
use crate::text::Span;

/// What kind of slip was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slip {
    /// The free indices of the two sides differ.
    FreeIndices,
    /// A dummy index captures another, or is used for two sums.
    Dummy,
    /// The subscripts of a factor are swapped.
    Transposed,
    /// A sum is missing, superfluous, or ends too early.
    Sum,
    /// A sign is wrong.
    Sign,
    /// A factor is missing or superfluous.
    Factor,
    /// An index stands where another should.
    Index,
    /// An addend is missing or superfluous.
    Addend,
    /// A comparison is wrong at a kink.
    Kink,
    /// An assumption is needed and not stated.
    Assumption,
}

impl Slip {
    /// A name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Slip::FreeIndices => "free indices",
            Slip::Dummy => "dummy index",
            Slip::Transposed => "transposed",
            Slip::Sum => "sum",
            Slip::Sign => "sign",
            Slip::Factor => "factor",
            Slip::Index => "index",
            Slip::Addend => "addend",
            Slip::Kink => "kink",
            Slip::Assumption => "assumption",
        }
    }
}

/// A change that may mend a line.
#[derive(Debug, Clone)]
pub(super) struct Mend {
    pub slip: Slip,
    /// What was wrong, as the end of a sentence.
    pub what: String,
    /// Where.
    pub at: Span,
    pub edits: Vec<(Span, String)>,
}

/// A line that is wrong, with all that is needed to guess why.
pub(super) struct Line<'a> {
    pub source: &'a str,
    pub model: &'a Model,
    pub expr: &'a Expr,
    /// The line above; the first line of the claim has the one below it instead.
    pub other: &'a Expr,
    /// Whether `other` is the first line, which tells the free indices.
    pub other_is_first: bool,
    pub free: Vec<&'a str>,
    pub stray: Vec<&'a str>,
    /// How many times too large the line is, if it is so everywhere.
    pub ratio: Option<f64>,
}

/// More changes of one kind than this are not tried.
const MOST: usize = 160;

impl<'a> Line<'a> {
    /// All changes, in the order in which they are tried.
    /// Those of kinks come first for a line that is wrong nowhere else.
    pub fn mends(&self, at_kink: bool) -> Vec<Mend> {
        let mut kinds: [fn(&Self) -> Vec<Mend>; 10] = [
            Self::free_indices,
            Self::dummies,
            Self::transposed,
            Self::sums,
            Self::signs,
            Self::ratios,
            Self::factors,
            Self::indices,
            Self::addends,
            Self::kinks,
        ];
        if at_kink {
            kinds.rotate_right(1);
        }
        kinds.iter().flat_map(|kind| kind(self).into_iter().take(MOST)).collect()
    }

    fn occurrences(&self) -> Vec<Occurrence<'a>> {
        occurrences(self.expr, self.model)
    }

    fn text(&self, span: Span) -> String {
        text_of(self.source, span)
    }

    fn mend(&self, slip: Slip, at: Span, what: impl Into<String>, edits: Vec<(Span, String)>) -> Mend {
        Mend { slip, what: what.into(), at, edits }
    }

    /// All expressions in the line.
    fn all(&self) -> Vec<&'a Expr> {
        let mut all = Vec::new();
        visit(self.expr, &mut |expr| all.push(expr));
        all
    }

    /// The addends of every sum in the line, and the line itself: the terms.
    fn terms(&self) -> Vec<&'a Expr> {
        let mut terms = vec![self.expr];
        for expr in self.all() {
            if let ExprKind::Sum(addends) = &expr.kind {
                terms.extend(addends.iter().map(|(_, addend)| addend));
            }
        }
        terms
    }

    fn products(&self) -> Vec<(&'a Expr, &'a [Factor])> {
        let product = |expr: &'a Expr| match &expr.kind {
            ExprKind::Product(factors) => Some((expr, factors.as_slice())),
            _ => None,
        };
        self.all().into_iter().filter_map(product).collect()
    }

    /// A letter that stands nowhere in the claim.
    fn fresh(&self) -> &'static str {
        self.all_fresh().first().copied().unwrap_or("w")
    }

    fn all_fresh(&self) -> Vec<&'static str> {
        let used: Vec<&str> = self.occurrences().iter().map(|found| found.letter).collect();
        let other = occurrences(self.other, self.model);
        let is_used = |letter: &str| {
            used.contains(&letter) || self.free.contains(&letter) || other.iter().any(|found| found.letter == letter)
        };
        let is_name =
            |letter: &str| self.model.tensor(letter).is_some() || self.source.contains(&format!("size {letter} "));
        ["k", "l", "m", "n", "q", "r", "s", "t", "u", "v"]
            .into_iter()
            .filter(|letter| !is_used(letter) && !is_name(letter))
            .collect()
    }

    fn free_indices(&self) -> Vec<Mend> {
        let own = self.occurrences();
        let missing: Vec<&str> =
            self.free.iter().filter(|free| !own.iter().any(|found| found.letter == **free)).copied().collect();
        let mut mends = Vec::new();
        if missing.is_empty() {
            // With every free index in its place, it is the first line that lacks one.
            self.stray.iter().for_each(|letter| mends.extend(self.in_first_line(letter)));
        }
        let wrong: Vec<&str> = match self.stray.as_slice() {
            [] if missing.is_empty() => return mends,
            [] => unique(own.iter().map(|found| found.letter)),
            stray => stray.to_vec(),
        };
        if let ([a, b], [m, n]) = (wrong.as_slice(), missing.as_slice()) {
            for (first, second) in [(m, n), (n, m)] {
                let edits = own.iter().filter_map(|found| match found.letter {
                    letter if letter == *a => Some((found.span, first.to_string())),
                    letter if letter == *b => Some((found.span, second.to_string())),
                    _ => None,
                });
                let what =
                    format!("the free indices differ: `{a}` and `{b}` stand where `{first}` and `{second}` should");
                mends.push(self.mend(Slip::FreeIndices, self.expr.span, what, edits.collect()));
            }
        }
        for letter in &wrong {
            let places: Vec<Span> =
                own.iter().filter(|found| found.letter == *letter).map(|found| found.span).collect();
            let others = unique(own.iter().map(|found| found.letter).chain(self.free.iter().copied()));
            let targets = match missing.as_slice() {
                [] => others.into_iter().filter(|other| other != letter && !self.stray.contains(other)).collect(),
                missing => missing.to_vec(),
            };
            for target in targets {
                let what = format!("the free indices differ: `{letter}` stands where `{target}` should");
                for subset in subsets(&places) {
                    let edits = subset.iter().map(|span| (*span, target.to_string())).collect();
                    mends.push(self.mend(Slip::FreeIndices, subset[0], what.clone(), edits));
                }
            }
        }
        for letter in &self.stray {
            mends.extend(self.sums_over(letter));
            mends.extend(self.in_first_line(letter));
        }
        mends
    }

    /// The first line may be the one that is wrong: there a letter should be the stray one.
    fn in_first_line(&self, stray: &str) -> Vec<Mend> {
        if !self.other_is_first {
            return Vec::new();
        }
        let renamed = |found: &Occurrence| {
            let what = format!(
                "the free indices differ: `{stray}` is free here but not above, where it should stand for one `{}`",
                found.letter
            );
            self.mend(Slip::FreeIndices, found.span, what, vec![(found.span, stray.to_string())])
        };
        occurrences(self.other, self.model).iter().rev().map(renamed).collect()
    }

    /// Sums over a letter that nothing binds.
    fn sums_over(&self, letter: &str) -> Vec<Mend> {
        let what = format!("nothing sums over `{letter}`");
        let mut mends = Vec::new();
        for expr in self.all() {
            let ExprKind::Sum(addends) = &expr.kind else { continue };
            for (number, (_, addend)) in addends.iter().enumerate() {
                if let Some(body) = reduced_over(addend, letter) {
                    let end = addends[addends.len() - 1].1.span;
                    let edits = vec![(at(body.span.start), "(".into()), (at(end.end), ")".into())];
                    let what = format!("the sum over `{letter}` ends before the next `+` or `-`: it needs brackets");
                    if number + 1 < addends.len() {
                        mends.push(self.mend(Slip::Sum, addend.span, what, edits));
                    }
                }
            }
        }
        for term in self.terms() {
            let brackets = matches!(term.kind, ExprKind::Sum(_));
            let (open, close) = if brackets { ("(", ")") } else { ("", "") };
            let mut edits = vec![(at(term.span.start), format!("sum[{letter}] {open}"))];
            if brackets {
                edits.push((at(term.span.end), close.to_string()));
            }
            mends.push(self.mend(Slip::Sum, term.span, what.clone(), edits));
        }
        for (whole, factors) in self.products() {
            for factor in factors.iter().filter(|factor| mentions(&factor.value, letter)) {
                let mut edits = vec![(at(factor.value.span.start), format!("(sum[{letter}] "))];
                edits.push((at(factor.value.span.end), ")".to_string()));
                mends.push(self.mend(Slip::Sum, whole.span, what.clone(), edits));
            }
        }
        mends
    }

    fn dummies(&self) -> Vec<Mend> {
        let (own, fresh) = (self.occurrences(), self.fresh());
        let mut mends = Vec::new();
        for expr in self.all() {
            let ExprKind::Reduce { binders, body, .. } = &expr.kind else { continue };
            for binder in binders {
                let letter = binder.name.text.as_str();
                let is_around = |found: &Occurrence| {
                    found.binds && found.letter == letter && found.span.start < binder.name.span.start
                };
                let captures = self.free.contains(&letter) || own.iter().any(is_around);
                if !captures {
                    continue;
                }
                let whose = if self.free.contains(&letter) { "the free index" } else { "the dummy index" };
                let what = format!("the dummy index of this sum captures {whose} `{letter}`");
                let places: Vec<Span> = occurrences(body, self.model)
                    .iter()
                    .filter(|found| found.letter == letter)
                    .map(|found| found.span)
                    .collect();
                for subset in subsets(&places) {
                    let spans = subset.iter().chain(std::iter::once(&binder.name.span));
                    let edits = spans.map(|span| (*span, fresh.to_string())).collect();
                    mends.push(self.mend(Slip::Dummy, binder.name.span, what.clone(), edits));
                }
            }
        }
        mends.extend(self.second_halves());
        for letter in unique(own.iter().map(|found| found.letter)) {
            let places = places_of(&own, letter);
            if places.len() < 3 {
                continue;
            }
            let what = format!("the dummy index `{letter}` is used for two sums");
            for subset in subsets(&places).into_iter().filter(|subset| subset.len() == 2) {
                let edits = subset.iter().map(|span| (*span, fresh.to_string())).collect();
                mends.push(self.mend(Slip::Dummy, subset[0], what.clone(), edits));
            }
        }
        mends
    }

    /// New letters for the second half of the places of every dummy that stands four times or more.
    fn second_halves(&self) -> Vec<Mend> {
        let own = self.occurrences();
        let is_bound = |letter: &&str| !self.free.contains(letter) && places_of(&own, letter).len() >= 4;
        let reused: Vec<&str> = unique(own.iter().map(|found| found.letter)).into_iter().filter(is_bound).collect();
        let fresh = self.all_fresh();
        let renamed = |letters: &[&str]| {
            let names: Vec<String> = letters.iter().map(|letter| format!("`{letter}`")).collect();
            let edits: Vec<(Span, String)> = letters
                .iter()
                .zip(&fresh)
                .flat_map(|(letter, fresh)| {
                    let places = places_of(&own, letter);
                    places[places.len() / 2..].iter().map(|span| (*span, fresh.to_string())).collect::<Vec<_>>()
                })
                .collect();
            let (noun, verb) = if letters.len() == 1 { ("index", "is") } else { ("indices", "are") };
            let what = format!("the dummy {noun} {} {verb} used for two sums", names.join(" and "));
            let at = edits.iter().map(|(span, _)| *span).min().unwrap_or(self.expr.span);
            self.mend(Slip::Dummy, at, what, edits)
        };
        let single = reused.iter().map(|letter| renamed(&[letter]));
        single.chain((reused.len() > 1).then(|| renamed(&reused))).collect()
    }

    fn transposed(&self) -> Vec<Mend> {
        let mut single: Vec<Mend> = Vec::new();
        for expr in self.all() {
            match &expr.kind {
                ExprKind::Read { tensor, subscripts, .. } => {
                    for first in 0..subscripts.len() {
                        for second in first + 1..subscripts.len() {
                            let (a, b) = (subscripts[first].span, subscripts[second].span);
                            let edits = vec![(a, self.text(b)), (b, self.text(a))];
                            let what = format!("`{}` is transposed: its subscripts are swapped", tensor.text);
                            single.push(self.mend(Slip::Transposed, expr.span, what, edits));
                        }
                    }
                }
                ExprKind::Derivative { of, wrt } => {
                    let (ExprKind::Read { subscripts: a, .. }, ExprKind::Read { subscripts: b, .. }) =
                        (&of.kind, &wrt.kind)
                    else {
                        continue;
                    };
                    for (a, b) in a.iter().flat_map(|a| b.iter().map(move |b| (a.span, b.span))) {
                        let edits = vec![(a, self.text(b)), (b, self.text(a))];
                        let what = "the Jacobian is transposed: its subscripts are swapped";
                        single.push(self.mend(Slip::Transposed, expr.span, what, edits));
                    }
                }
                _ => {}
            }
        }
        single.extend(self.swapped_letters());
        let pairs = (0..single.len()).flat_map(|first| (first + 1..single.len()).map(move |second| (first, second)));
        let both = |(first, second): (usize, usize)| {
            let (one, other) = (&single[first], &single[second]);
            let is_apart = one.at.end <= other.at.start || other.at.end <= one.at.start;
            let edits = [one.edits.clone(), other.edits.clone()].concat();
            let what = "two factors are transposed: their subscripts are swapped";
            is_apart.then(|| self.mend(Slip::Transposed, one.at, what, edits))
        };
        let both: Vec<Mend> = pairs.filter_map(both).take(40).collect();
        single.into_iter().chain(both).collect()
    }

    /// A product, or the whole line, with two letters exchanged.
    fn swapped_letters(&self) -> Vec<Mend> {
        let mut mends = Vec::new();
        let products = self.products().into_iter().map(|(whole, _)| whole);
        for part in std::iter::once(self.expr).chain(products) {
            let inside = occurrences(part, self.model);
            let letters = unique(inside.iter().map(|found| found.letter));
            for (number, a) in letters.iter().enumerate() {
                for b in &letters[number + 1..] {
                    let other = |letter: &str| match letter {
                        letter if letter == *a => Some(b.to_string()),
                        letter if letter == *b => Some(a.to_string()),
                        _ => None,
                    };
                    let edits = inside.iter().filter_map(|found| Some((found.span, other(found.letter)?))).collect();
                    let what = format!("it is transposed: `{a}` and `{b}` are exchanged");
                    mends.push(self.mend(Slip::Transposed, part.span, what, edits));
                }
            }
        }
        mends
    }

    fn sums(&self) -> Vec<Mend> {
        let mut mends = Vec::new();
        for expr in self.all() {
            match &expr.kind {
                ExprKind::Reduce { reduction: Reduction::Sum | Reduction::Mean, keyword, binders, body } => {
                    let letters: Vec<&str> = binders.iter().map(|binder| binder.name.text.as_str()).collect();
                    let word = self.text(*keyword);
                    let over = letters.join(", ");
                    let until = Span { start: expr.span.start, end: body.span.start };
                    let what =
                        format!("the {} over `{over}` is superfluous", if word == "mean" { "mean" } else { "sum" });
                    mends.push(self.mend(Slip::Sum, *keyword, what, vec![(until, String::new())]));
                    for (other, name) in
                        [("sum", "sum"), ("mean", "mean"), ("prod", "product"), ("logsumexp", "log of the sum of exp")]
                    {
                        let what = format!("this should be the {name} over `{over}`");
                        mends.push(self.mend(Slip::Sum, *keyword, what, vec![(*keyword, other.into())]));
                    }
                }
                ExprKind::Sum(addends) => {
                    for (_, addend) in &addends[..addends.len() - 1] {
                        let mut bodies = Vec::new();
                        visit(addend, &mut |inner| {
                            if let ExprKind::Reduce { body, .. } = &inner.kind
                                && body.span.end == addend.span.end
                            {
                                bodies.push((inner.span, body.span));
                            }
                        });
                        for (sum, body) in bodies {
                            let edits = vec![(at(body.start), "(".into()), (at(expr.span.end), ")".into())];
                            let what = "the sum ends before the next `+` or `-`: it needs brackets";
                            mends.push(self.mend(Slip::Sum, sum, what, edits));
                        }
                    }
                }
                _ => {}
            }
        }
        // A factor with a free index that should be summed over.
        let fresh = self.fresh();
        let factors = self.products().into_iter().flat_map(|(_, factors)| factors.iter().map(|factor| &factor.value));
        for part in self.terms().into_iter().chain(factors) {
            let inside = occurrences(part, self.model);
            for letter in unique(inside.iter().map(|found| found.letter)) {
                if inside.iter().any(|found| found.letter == letter && found.binds) {
                    continue;
                }
                let renamed = inside.iter().filter(|found| found.letter == letter);
                let edits: Vec<(Span, String)> = renamed.map(|found| (found.span, fresh.to_string())).collect();
                let text = super::written::flat(&edited(self.source, part.span, &edits));
                let what = format!("the sum over the index of `{}` is missing", self.text(part.span));
                let summed = format!("(sum[{fresh}] ({text}))");
                mends.push(self.mend(Slip::Sum, part.span, what, vec![(part.span, summed)]));
            }
        }
        mends
    }

    fn signs(&self) -> Vec<Mend> {
        let mut mends = vec![self.mend(
            Slip::Sign,
            self.expr.span,
            "the sign of the whole line is wrong",
            match &self.expr.kind {
                ExprKind::Sum(addends) => vec![(self.expr.span, self.negated(addends))],
                _ => flipped(self.expr),
            },
        )];
        for expr in self.all() {
            match &expr.kind {
                ExprKind::Sum(addends) => {
                    for (number, (subtracted, addend)) in addends.iter().enumerate() {
                        let what = format!("the sign of `{}` is wrong", self.text(addend.span));
                        let edits = match number {
                            0 => flipped(addend),
                            _ => {
                                let from = addends[number - 1].1.span.end as usize;
                                let between = &self.source[from..addend.span.start as usize];
                                let Some(sign) = between.find(['+', '-', '−']) else { continue };
                                let start = from + sign;
                                let length = between[sign..].chars().next().map_or(1, char::len_utf8);
                                let sign = if *subtracted { "+" } else { "-" };
                                vec![(Span::new(start, start + length), sign.into())]
                            }
                        };
                        mends.push(self.mend(Slip::Sign, addend.span, what, edits));
                    }
                }
                ExprKind::Negate(inner) => {
                    let minus = Span { start: expr.span.start, end: inner.span.start };
                    let what = format!("the sign of `{}` is wrong", self.text(inner.span));
                    mends.push(self.mend(Slip::Sign, expr.span, what, vec![(minus, String::new())]));
                }
                ExprKind::Call { arguments, .. } if arguments.len() == 1 => {
                    let argument = &arguments[0];
                    let edits = vec![(at(argument.span.start), "-(".into()), (at(argument.span.end), ")".into())];
                    let what = format!("the sign of `{}` is wrong", self.text(argument.span));
                    mends.push(self.mend(Slip::Sign, argument.span, what, edits));
                }
                ExprKind::Power(_, exponent) => {
                    let edits = vec![(at(exponent.span.start), "(-".into()), (at(exponent.span.end), ")".into())];
                    mends.push(self.mend(Slip::Sign, exponent.span, "the sign of the exponent is wrong", edits));
                }
                _ => {}
            }
        }
        mends
    }

    /// The opposite of a sum, what is added before what is subtracted.
    fn negated(&self, addends: &[(bool, Expr)]) -> String {
        let flipped = addends.iter().map(|(subtracted, addend)| {
            let text = self.text(addend.span);
            match text.strip_prefix('-') {
                Some(rest) => (*subtracted, rest.trim_start().to_string()),
                None => (!*subtracted, text),
            }
        });
        let (added, subtracted): (Vec<_>, Vec<_>) = flipped.partition(|(subtracted, _)| !subtracted);
        let mut text = String::new();
        for (subtracted, addend) in added.into_iter().chain(subtracted) {
            text += match (text.is_empty(), subtracted) {
                (true, false) => "",
                (true, true) => "-",
                (false, false) => " + ",
                (false, true) => " - ",
            };
            text += &addend;
        }
        text
    }

    /// A number by which the whole line is wrong.
    fn ratios(&self) -> Vec<Mend> {
        let Some((numerator, denominator)) = self.ratio.and_then(as_fraction) else { return Vec::new() };
        let (large, times) = match (numerator, denominator) {
            (1, size) => (format!("a factor {size} is missing"), size.to_string()),
            (size, 1) => (format!("the line is {size} times too large"), format!("1/{size}")),
            (n, d) => (format!("a factor {d}/{n} is missing"), format!("{d}/{n}")),
        };
        let text = self.text(self.expr.span);
        let text = match &self.expr.kind {
            ExprKind::Sum(_) | ExprKind::Negate(_) => format!("{times} ({text})"),
            _ if text.starts_with('-') => format!("-{times} {}", &text[1..]),
            _ => format!("{times} {text}"),
        };
        vec![self.mend(Slip::Factor, self.expr.span, large, vec![(self.expr.span, text)])]
    }

    fn factors(&self) -> Vec<Mend> {
        let mut mends = Vec::new();
        for (whole, factors) in self.products() {
            for number in 0..factors.len() {
                let text = |factor: &Factor| self.text(factor.value.span);
                let own = text(&factors[number]);
                let write = |changed: Vec<(String, bool)>| vec![(whole.span, product(&changed))];
                let others = factors.iter().enumerate().filter(|(other, _)| *other != number);
                let left: Vec<(String, bool)> = others.map(|(_, factor)| (text(factor), factor.divides)).collect();
                let minus = number == 0 && matches!(factors[0].value.kind, ExprKind::Negate(_));
                let mut edits = write(left);
                if minus {
                    edits[0].1.insert(0, '-');
                }
                let name = own.trim_start_matches('-').to_string();
                let at = factors[number].value.span;
                mends.push(self.mend(Slip::Factor, at, format!("the factor `{name}` is superfluous"), edits));
                let turned = factors
                    .iter()
                    .enumerate()
                    .map(|(other, factor)| (text(factor), factor.divides != (other == number)))
                    .collect();
                let what = match factors[number].divides {
                    true => format!("`{name}` should be a factor, not a divisor"),
                    false => format!("`{name}` should be a divisor, not a factor"),
                };
                mends.push(self.mend(Slip::Factor, at, what, write(turned)));
            }
        }
        for expr in self.all() {
            if let ExprKind::Power(base, exponent) = &expr.kind {
                let what = format!("the exponent of `{}` is wrong", self.text(base.span));
                for other in ["1", "2", "3", "(-1)", "(-2)", "(1/2)"] {
                    let edits = vec![(exponent.span, other.to_string())];
                    mends.push(self.mend(Slip::Factor, expr.span, what.clone(), edits));
                }
            }
        }
        mends.truncate(MOST / 2);
        for factor in self.possible_factors() {
            for term in self.terms() {
                // A condition cannot be divided by.
                for divides in if factor.starts_with("delta") { &[false][..] } else { &[false, true] } {
                    mends.push(self.multiplied(term, &factor, *divides));
                }
            }
        }
        mends
    }

    fn multiplied(&self, term: &Expr, factor: &str, divides: bool) -> Mend {
        let text = self.text(term.span);
        let (sign, text) = match &term.kind {
            ExprKind::Sum(_) => ("", format!("({text})")),
            _ => text.strip_prefix('-').map_or(("", text.clone()), |rest| ("-", rest.trim_start().to_string())),
        };
        let holds_quotient =
            matches!(&term.kind, ExprKind::Product(factors) if factors.iter().any(|factor| factor.divides));
        let text = if holds_quotient { format!("({text})") } else { text };
        let written = match divides {
            true => product(&[(text, false), (factor.to_string(), true)]),
            false => product(&[(factor.to_string(), false), (text, false)]),
        };
        let what = match divides {
            true => format!("it should be divided by `{factor}`"),
            false => format!("the factor `{factor}` is missing"),
        };
        self.mend(Slip::Factor, term.span, what, vec![(term.span, format!("{sign}{written}"))])
    }

    /// What may be missing as a factor: the factors of the line above, and entries at free indices.
    fn possible_factors(&self) -> Vec<String> {
        let mut found: Vec<String> = vec!["2".into()];
        let mut add = |text: String| {
            if !found.contains(&text) {
                found.push(text);
            }
        };
        visit(self.other, &mut |expr| {
            if let ExprKind::Product(factors) = &expr.kind {
                let is_plain = |factor: &&Factor| !matches!(factor.value.kind, ExprKind::Reduce { .. });
                factors.iter().filter(is_plain).for_each(|factor| {
                    add(self.text(factor.value.span).trim_start_matches('-').to_string());
                });
            }
        });
        let letters = |rank: usize| -> Vec<String> {
            match rank {
                0 => vec![String::new()],
                1 => self.free.iter().map(|letter| format!("[{letter}]")).collect(),
                2 => {
                    let pairs = self.free.iter().flat_map(|a| self.free.iter().map(move |b| (a, b)));
                    pairs.filter(|(a, b)| a != b).map(|(a, b)| format!("[{a},{b}]")).collect()
                }
                _ => Vec::new(),
            }
        };
        for (number, a) in self.free.iter().enumerate() {
            self.free[number + 1..].iter().for_each(|b| add(format!("delta[{a},{b}]")));
        }
        for tensor in self.model.tensors.iter().rev().take(24) {
            if crate::derivation::derivative_parts(&tensor.name).is_some() {
                continue;
            }
            for subscripts in letters(tensor.shape.len()) {
                add(format!("{}{subscripts}", tensor.name));
                add(format!("(1 - {}{subscripts})", tensor.name));
                add(format!("(1 - {}{subscripts}^2)", tensor.name));
            }
        }
        found
    }

    fn indices(&self) -> Vec<Mend> {
        let own = self.occurrences();
        let letters = unique(own.iter().map(|found| found.letter).chain(self.free.iter().copied()));
        let mut mends = Vec::new();
        for found in own.iter().filter(|found| !found.binds) {
            for other in letters.iter().filter(|other| **other != found.letter) {
                let what = format!("`{}` stands where `{other}` should", found.letter);
                mends.push(self.mend(Slip::Index, found.span, what, vec![(found.span, other.to_string())]));
            }
        }
        mends
    }

    fn addends(&self) -> Vec<Mend> {
        let mut mends = Vec::new();
        for expr in self.all() {
            let ExprKind::Sum(addends) = &expr.kind else { continue };
            for (number, (_, addend)) in addends.iter().enumerate() {
                let what = format!("the addend `{}` is superfluous", self.text(addend.span));
                let cut = match number {
                    0 => Span { start: addend.span.start, end: addends[1].1.span.start },
                    _ => Span { start: addends[number - 1].1.span.end, end: addend.span.end },
                };
                let minus = if number == 0 && addends[1].0 { "-" } else { "" };
                mends.push(self.mend(Slip::Addend, addend.span, what, vec![(cut, minus.to_string())]));
            }
        }
        for mend in self.transposed().into_iter().filter(|mend| mend.edits.len() == 2) {
            for term in self.terms() {
                let inside =
                    mend.edits.iter().all(|(span, _)| term.span.start <= span.start && span.end <= term.span.end);
                if inside && !matches!(term.kind, ExprKind::Sum(_)) {
                    let twin = super::written::flat(&edited(self.source, term.span, &mend.edits));
                    let what = format!("the addend `{twin}` is missing");
                    mends.push(self.mend(
                        Slip::Addend,
                        term.span,
                        what,
                        vec![(at(term.span.end), format!(" + {twin}"))],
                    ));
                }
            }
        }
        let mut others: Vec<String> = Vec::new();
        visit(self.other, &mut |expr| {
            if let ExprKind::Sum(addends) = &expr.kind {
                others.extend(addends.iter().map(|(_, addend)| self.text(addend.span)));
            }
        });
        others.push("1".into());
        others.extend(self.possible_factors().into_iter().filter(|factor| !factor.starts_with('(')));
        for addend in others {
            for term in std::iter::once(self.expr).chain(self.groups()) {
                for sign in ["+", "-"] {
                    let what = format!("the addend `{sign}{addend}` is missing");
                    let is_inside = term.span != self.expr.span && !matches!(term.kind, ExprKind::Sum(_));
                    let (open, close) = if is_inside { ("(", ")") } else { ("", "") };
                    let edits = vec![
                        (at(term.span.start), open.to_string()),
                        (at(term.span.end), format!(" {sign} {addend}{close}")),
                    ];
                    mends.push(self.mend(Slip::Addend, term.span, what, edits));
                }
            }
        }
        mends
    }

    /// What stands in brackets.
    fn groups(&self) -> Vec<&'a Expr> {
        let inner = |expr: &'a Expr| match &expr.kind {
            ExprKind::Group(inner) => Some(&**inner),
            _ => None,
        };
        self.all().into_iter().filter_map(inner).collect()
    }

    /// Comparisons that are strict and should not be, or the other way round.
    fn kinks(&self) -> Vec<Mend> {
        let mut mends = Vec::new();
        for expr in self.all() {
            let ExprKind::Compare(_, left, right) = &expr.kind else { continue };
            let sign = Span { start: left.span.end, end: right.span.start };
            let other = match self.source[sign.range()].trim() {
                ">=" | "≥" => ">",
                "<=" | "≤" => "<",
                ">" => ">=",
                "<" => "<=",
                _ => continue,
            };
            let what = format!("at the kink `{other}` is right");
            mends.push(self.mend(Slip::Kink, expr.span, what, vec![(sign, format!(" {other} "))]));
        }
        mends
    }
}

/// The empty place before a byte.
fn at(byte: u32) -> Span {
    Span { start: byte, end: byte }
}

/// Changes the sign of a term that is no sum.
fn flipped(expr: &Expr) -> Vec<(Span, String)> {
    let first = match &expr.kind {
        ExprKind::Product(factors) => &factors[0].value,
        _ => expr,
    };
    match &first.kind {
        ExprKind::Negate(inner) => vec![(Span { start: first.span.start, end: inner.span.start }, String::new())],
        _ => vec![(at(expr.span.start), "-".into())],
    }
}

/// The body of a reduction over a letter at the end of an addend.
fn reduced_over<'e>(addend: &'e Expr, letter: &str) -> Option<&'e Expr> {
    let mut found = None;
    visit(addend, &mut |expr| {
        if let ExprKind::Reduce { binders, body, .. } = &expr.kind
            && binders.iter().any(|binder| binder.name.text == letter)
            && body.span.end == addend.span.end
        {
            found = Some(&**body);
        }
    });
    found
}

fn mentions(expr: &Expr, letter: &str) -> bool {
    let mut found = false;
    visit(expr, &mut |part| found |= matches!(&part.kind, ExprKind::Name(name) if name.text == letter));
    found
}

/// Where a letter stands without being bound there.
fn places_of(all: &[Occurrence], letter: &str) -> Vec<Span> {
    all.iter().filter(|found| found.letter == letter && !found.binds).map(|found| found.span).collect()
}

fn unique<'l>(letters: impl Iterator<Item = &'l str>) -> Vec<&'l str> {
    let mut found: Vec<&str> = Vec::new();
    letters.for_each(|letter| {
        if !found.contains(&letter) {
            found.push(letter);
        }
    });
    found
}

/// Some of the places: all of them first, then one by one, then all but one, then two, then all but two.
fn subsets(places: &[Span]) -> Vec<Vec<Span>> {
    let mut subsets: Vec<Vec<Span>> = Vec::new();
    let mut add = |subset: Vec<Span>| {
        if !subset.is_empty() && !subsets.contains(&subset) {
            subsets.push(subset);
        }
    };
    let without = |left_out: &[usize]| -> Vec<Span> {
        places.iter().enumerate().filter(|(place, _)| !left_out.contains(place)).map(|(_, span)| *span).collect()
    };
    add(places.to_vec());
    places.iter().for_each(|place| add(vec![*place]));
    (0..places.len()).rev().for_each(|place| add(without(&[place])));
    let pairs: Vec<(usize, usize)> =
        (0..places.len()).flat_map(|first| (first + 1..places.len()).map(move |second| (first, second))).collect();
    pairs.iter().for_each(|(first, second)| add(vec![places[*first], places[*second]]));
    pairs.iter().for_each(|(first, second)| add(without(&[*first, *second])));
    subsets
}

/// A number as a fraction of small integers.
fn as_fraction(ratio: f64) -> Option<(i64, i64)> {
    if ratio <= 0.0 {
        return None;
    }
    (1..=12i64)
        .find_map(|denominator| {
            let numerator = (ratio * denominator as f64).round();
            let fits =
                (1.0..=1000.0).contains(&numerator) && (numerator / denominator as f64 - ratio).abs() < 1e-7 * ratio;
            (fits && numerator as i64 != denominator).then_some((numerator as i64, denominator))
        })
        .or_else(|| {
            let denominator = (1.0 / ratio).round();
            let fits = (1.0..=1000.0).contains(&denominator) && (ratio * denominator - 1.0).abs() < 1e-7;
            fits.then_some((1, denominator as i64))
        })
}
