//! Slips with indices: free ones that differ, dummies that are captured, subscripts that are swapped.

use super::*;

impl<'a> Line<'a> {
    pub(super) fn free_indices(&self) -> Vec<Mend> {
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
    pub(super) fn in_first_line(&self, stray: &str) -> Vec<Mend> {
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

    pub(super) fn dummies(&self) -> Vec<Mend> {
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
            let what = match self.free.contains(&letter) {
                true => format!("a dummy index is named `{letter}` like the free one"),
                false => format!("the dummy index `{letter}` is used for two sums"),
            };
            let several = |subset: &Vec<Span>| (2..places.len()).contains(&subset.len());
            for subset in subsets(&places).into_iter().filter(several) {
                let edits = subset.iter().map(|span| (*span, fresh.to_string())).collect();
                mends.push(self.mend(Slip::Dummy, subset[0], what.clone(), edits));
            }
        }
        mends
    }

    /// New letters for the second half of the places of every dummy that stands four times or more.
    pub(super) fn second_halves(&self) -> Vec<Mend> {
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

    pub(super) fn transposed(&self) -> Vec<Mend> {
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
    pub(super) fn swapped_letters(&self) -> Vec<Mend> {
        let mut mends = Vec::new();
        let products = self.products().into_iter().map(|(whole, _)| whole);
        for part in std::iter::once(self.expr).chain(products) {
            let inside = occurrences(part, self.model);
            // A letter that a sum binds is no other one there.
            let is_open = |letter: &&str| !inside.iter().any(|found| found.binds && found.letter == *letter);
            let letters: Vec<&str> =
                unique(inside.iter().map(|found| found.letter)).into_iter().filter(is_open).collect();
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

    pub(super) fn indices(&self) -> Vec<Mend> {
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
}
