//! Ways to make a right line wrong, each the opposite of a slip's mend: on the letters of the text, and knowing
//! nothing of how slips are found.

use deltarule_core::proof::Slip;
use std::ops::Range;

/// A line, with its letters and brackets found.
struct Written<'t> {
    text: &'t str,
    /// The letters that stand as indices.
    letters: Vec<Letter<'t>>,
    brackets: Vec<Bracket<'t>>,
}

struct Letter<'t> {
    at: Range<usize>,
    text: &'t str,
}

/// `[...]` and the word in front of it.
struct Bracket<'t> {
    word: &'t str,
    /// What is between the brackets.
    inside: Range<usize>,
}

const REDUCTIONS: [&str; 4] = ["sum", "mean", "max", "logsumexp"];

impl<'t> Written<'t> {
    fn new(text: &'t str) -> Written<'t> {
        let brackets = brackets(text);
        let words = words(text);
        let inside = |word: &Range<usize>| {
            let holds = |bracket: &&Bracket| bracket.inside.start <= word.start && word.end <= bracket.inside.end;
            brackets.iter().find(holds).is_some_and(|bracket| !bracket.word.is_empty())
        };
        let is_letter = |word: &Range<usize>| {
            let own = &text[word.clone()];
            own.len() == 1 && own.starts_with(|c: char| c.is_ascii_lowercase()) && !text[word.end..].starts_with('[')
        };
        let indices: Vec<&str> =
            words.iter().filter(|word| is_letter(word) && inside(word)).map(|word| &text[word.clone()]).collect();
        let letters = words
            .iter()
            .filter(|word| is_letter(word) && indices.contains(&&text[(*word).clone()]))
            .map(|word| Letter { at: word.clone(), text: &text[word.clone()] });
        Written { text, letters: letters.collect(), brackets }
    }

    fn names(&self) -> Vec<&'t str> {
        let mut names: Vec<&str> = self.letters.iter().map(|letter| letter.text).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The text with a letter replaced wherever it stands in a range.
    fn renamed(&self, within: Range<usize>, letter: &str, by: &str) -> String {
        let mut text = self.text.to_string();
        let places = self.letters.iter().filter(|own| own.text == letter && within.contains(&own.at.start));
        places.rev().for_each(|own| text.replace_range(own.at.clone(), by));
        text
    }

    fn reductions(&self) -> impl Iterator<Item = &Bracket<'t>> {
        self.brackets.iter().filter(|bracket| REDUCTIONS.contains(&bracket.word))
    }

    fn is_bound_by_word(&self, letter: &str) -> bool {
        self.reductions().any(|bracket| self.text[bracket.inside.clone()].split(',').any(|own| own == letter))
    }
}

fn words(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| c.is_alphanumeric() || *c == '\'') {
        match found.last_mut().filter(|word| word.end == at) {
            Some(word) => word.end = at + c.len_utf8(),
            None => found.push(at..at + c.len_utf8()),
        }
    }
    found
}

fn brackets(text: &str) -> Vec<Bracket<'_>> {
    let words = words(text);
    let mut found = Vec::new();
    for (open, _) in text.match_indices('[') {
        let mut depth = 0;
        let close = text[open..].find(|c| {
            depth += i32::from(c == '[') - i32::from(c == ']');
            depth == 0
        });
        let word = words.iter().find(|word| word.end == open).map_or("", |word| &text[word.clone()]);
        found.push(Bracket { word, inside: open + 1..open + close.expect("a whole bracket") });
    }
    found
}

/// All that one slip makes of a line of a claim with these free indices.
pub(crate) fn mutants(line: &str, free: &[&str]) -> Vec<(Slip, String)> {
    let written = Written::new(line);
    let kinds: [(Slip, Vec<String>); 6] = [
        (Slip::FreeIndices, free_indices(&written, free)),
        (Slip::Dummy, dummies(&written, free)),
        (Slip::Transposed, transposed(&written)),
        (Slip::Sum, sums(&written, free)),
        (Slip::Sign, signs(line)),
        (Slip::Factor, factors(line)),
    ];
    kinds.into_iter().flat_map(|(slip, lines)| lines.into_iter().map(move |line| (slip, line))).collect()
}

/// A free index by a letter that is not free, or by another free one, so that the first is lost.
fn free_indices(written: &Written, free: &[&str]) -> Vec<String> {
    let all = 0..written.text.len();
    let own = written.names();
    let mut found = Vec::new();
    for letter in free.iter().filter(|letter| own.contains(letter)) {
        found.push(written.renamed(all.clone(), letter, "z"));
        for other in free.iter().filter(|other| *other != letter) {
            found.push(written.renamed(all.clone(), letter, other));
        }
        let places = written.letters.iter().filter(|own| own.text == *letter);
        found.extend(places.map(|own| written.renamed(own.at.clone(), letter, "z")));
    }
    found
}

/// A dummy that is named like a free index, or two that are named alike.
fn dummies(written: &Written, free: &[&str]) -> Vec<String> {
    let all = 0..written.text.len();
    let bound: Vec<&str> = written.names().into_iter().filter(|letter| !free.contains(letter)).collect();
    let mut found = Vec::new();
    for letter in &bound {
        found.extend(free.iter().map(|other| written.renamed(all.clone(), letter, other)));
        for other in bound.iter().filter(|other| *other > letter) {
            found.push(written.renamed(all.clone(), other, letter));
        }
    }
    found
}

/// The two subscripts of a read swapped, or one of a tensor with one by which it is differentiated.
fn transposed(written: &Written) -> Vec<String> {
    let text = written.text;
    let mut found = Vec::new();
    let is_read = |bracket: &&Bracket| !bracket.word.is_empty() && !REDUCTIONS.contains(&bracket.word);
    for bracket in written.brackets.iter().filter(is_read).filter(|bracket| bracket.word != "delta") {
        if let [a, b] = text[bracket.inside.clone()].split(',').collect::<Vec<_>>()[..] {
            found.push(format!("{}{b},{a}{}", &text[..bracket.inside.start], &text[bracket.inside.end..]));
        }
    }
    for (over, _) in text.match_indices("]/∂") {
        let below = written.brackets.iter().find(|bracket| bracket.inside.start > over + 1);
        let above = written.brackets.iter().find(|bracket| bracket.inside.end == over);
        if let (Some(above), Some(below)) = (above, below) {
            let (a, b) = (&text[above.inside.clone()], &text[below.inside.clone()]);
            let between = &text[above.inside.end..below.inside.start];
            found.push(format!("{}{b}{between}{a}{}", &text[..above.inside.start], &text[below.inside.end..]));
        }
    }
    found
}

/// A sum that is left out, is one too many, or is a mean.
fn sums(written: &Written, free: &[&str]) -> Vec<String> {
    let text = written.text;
    let mut found = Vec::new();
    for bracket in written.reductions().filter(|bracket| ["sum", "mean"].contains(&bracket.word)) {
        let start = bracket.inside.start - 1 - bracket.word.len();
        let (before, after) = (&text[..start], text[bracket.inside.end + 1..].trim_start());
        let inside = &text[bracket.inside.clone()];
        found.push(format!("{before}{}[{inside}] {after}", if bracket.word == "sum" { "mean" } else { "sum" }));
        found.push(format!("{before}{after}"));
        let letters: Vec<&str> = inside.split(',').collect();
        if let ("sum", [letter], [first, ..]) = (bracket.word, letters.as_slice(), free) {
            let renamed = written.renamed(bracket.inside.end..text.len(), letter, first);
            found.push(format!("{}{}", before, renamed[bracket.inside.end + 1..].trim_start()));
        }
    }
    found.push(format!("sum[z:3] ({text})"));
    found.push(format!("sum[z] ({text})"));
    for letter in free.iter().filter(|letter| written.names().contains(letter)) {
        found.push(format!("sum[{letter}] {text}"));
    }
    for letter in written.names().into_iter().filter(|letter| !free.contains(letter)) {
        if !written.is_bound_by_word(letter) {
            found.push(format!("mean[{letter}] {text}"));
        }
    }
    found
}

fn signs(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (from, to) in [(" - ", " + "), (" + ", " - ")] {
        found
            .extend(line.match_indices(from).map(|(at, _)| format!("{}{to}{}", &line[..at], &line[at + from.len()..])));
    }
    found.push(match line.strip_prefix('-') {
        Some(rest) if !rest.contains(['+', '-']) => rest.to_string(),
        _ if line.contains(['+', '-']) => format!("-({line})"),
        _ => format!("-{line}"),
    });
    found
}

/// A factor too many, or one left out.
fn factors(line: &str) -> Vec<String> {
    let mut found = vec![format!("2 ({line})"), format!("({line}) / 3")];
    let parts: Vec<&str> = line.split(' ').collect();
    let is_plain = |part: &&str| {
        let is_read = part.ends_with(']') && !part.contains('(') && part.matches('[').count() == 1;
        is_read && !part.starts_with('[') && !REDUCTIONS.iter().any(|word| part.starts_with(&format!("{word}[")))
    };
    let is_factor = |part: Option<&&str>| part.is_some_and(|part| is_plain(part) || part.starts_with('('));
    for (number, _) in parts.iter().enumerate().filter(|(_, part)| is_plain(part)) {
        let before = number.checked_sub(1).and_then(|before| parts.get(before));
        if is_factor(parts.get(number + 1)) || before.is_some_and(&is_plain) {
            let left = parts.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, part)| *part);
            found.push(left.collect::<Vec<_>>().join(" "));
        }
    }
    found
}
