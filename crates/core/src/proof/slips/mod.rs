//! The slips that people make, each as a change of the text that undoes it. Which of them was made is found
//! by trying: a change counts only where the line then equals the one above it.

mod factors;
mod indices;
mod sums;

use super::written::{Occurrence, edited, flat, occurrences, product, text_of};
use crate::model::{Model, Role, Tensor};
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
    /// Whether the model is so large that work must be saved.
    pub is_large: bool,
}

/// More changes of one kind than this are not tried.
const MOST: usize = 600;

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
        self.expr.visit(&mut |expr| all.push(expr));
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
    addend.visit(&mut |expr| {
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
    expr.visit(&mut |part| found |= matches!(&part.kind, ExprKind::Name(name) if name.text == letter));
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

/// More places than this are not taken in every way.
const MOST_PLACES: usize = 7;

/// Some of the places: all of them first, then one by one, then all but one, then two, then all but two; then,
/// of few places, all that is left.
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
    if places.len() <= MOST_PLACES {
        for chosen in 0u32..1 << places.len() {
            let is_chosen = |place: &usize| chosen >> place & 1 == 1;
            add((0..places.len()).filter(is_chosen).map(|place| places[place]).collect());
        }
    }
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
            let fits = (2.0..=1000.0).contains(&denominator) && (ratio * denominator - 1.0).abs() < 1e-7;
            fits.then_some((1, denominator as i64))
        })
}
