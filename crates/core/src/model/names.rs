//! The names of a file: what each one means, and from which statement on.

use super::symbols::Symbols;
use crate::term::Polynomial;
use crate::text::{Problem, Span};
use std::collections::BTreeMap;

/// Why a statement could not be understood.
pub(super) enum Fault {
    /// A problem to report.
    New(Box<Problem>),
    /// What it says is well formed, but its indices do not fit what they stand at: two extents for one
    /// index, or a read outside its tensor.
    Misfit(Box<Problem>),
    /// It uses a name whose own definition has a problem, which is reported there.
    Known,
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Fault {
        Fault::New(Box::new(problem))
    }
}

/// Something that may be at fault.
pub(super) type Outcome<T> = Result<T, Fault>;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    /// A positive integer.
    Size(Polynomial),
    /// A tensor, by its place in the model.
    Tensor(usize),
    /// A function, by its place in the table.
    Function(usize),
    /// Its definition has a problem.
    Broken,
}

#[derive(Debug, Clone)]
struct Entry {
    meaning: Meaning,
    span: Span,
    statement: usize,
}

/// The table of names. Statements are counted from 1, so that a horizon of 0 sees nothing: the
/// prelude is read so.
#[derive(Default)]
pub(super) struct Names<'a> {
    entries: BTreeMap<&'a str, Entry>,
    /// All definitions of the file, those to come too.
    all: BTreeMap<&'a str, Span>,
    /// Which sizes are symbols.
    pub symbols: Symbols,
}

impl<'a> Names<'a> {
    /// No names yet.
    pub fn new(symbols: Symbols) -> Names<'a> {
        Names { symbols, ..Names::default() }
    }

    /// Notes that the file defines the name somewhere.
    pub fn announce(&mut self, name: &'a str, span: Span) {
        self.all.entry(name).or_insert(span);
    }

    /// What the name means to a statement that sees those before the horizon.
    pub fn get(&self, name: &str, horizon: usize) -> Option<Meaning> {
        self.entries.get(name).filter(|entry| entry.statement < horizon).map(|entry| entry.meaning.clone())
    }

    /// Whether the name is that of the constant: it is, where the file defines nothing of that name anywhere.
    pub fn is_pi(&self, name: &str) -> bool {
        matches!(name, "pi" | "π") && !self.all.contains_key(name)
    }

    /// Where the name is defined.
    pub fn span(&self, name: &str) -> Option<Span> {
        self.all.get(name).copied()
    }

    /// Gives the name a meaning.
    pub fn define(&mut self, name: &'a str, span: Span, statement: usize, meaning: Meaning) {
        self.entries.entry(name).or_insert(Entry { meaning, span, statement });
    }

    /// Whether the name can be defined here.
    pub fn check_new(&self, name: &str, span: Span) -> Outcome<()> {
        if is_reserved(name) {
            let problem = Problem::new(format!("`{name}` is a word of the language"), span, "cannot be defined");
            return Err(problem.hint("choose another name").into());
        }
        match self.entries.get(name) {
            None => Ok(()),
            Some(Entry { meaning: Meaning::Broken, .. }) => Err(Fault::Known),
            Some(entry) => {
                let problem = Problem::new(format!("`{name}` is defined twice"), span, "defined again here");
                let hint = "a name has one meaning in a file; choose another name for one of them";
                Err(problem.label(entry.span, "first defined here").hint(hint).into())
            }
        }
    }

    /// The problem that a name means nothing here. `others` are further names that could be meant.
    pub fn unknown(&self, kind: &str, name: &str, span: Span, horizon: usize, others: &[&str]) -> Problem {
        if let Some(later) = self.all.get(name).filter(|later| **later != span && horizon > 0) {
            let problem = Problem::new(format!("`{name}` is used before it is defined"), span, "used here");
            return problem.label(*later, "defined here").hint("move the definition above its first use");
        }
        let problem = Problem::new(format!("unknown {kind} `{name}`"), span, "nothing has this name");
        let known = self.entries.iter().filter(|(_, entry)| entry.statement < horizon).map(|(name, _)| *name);
        match nearest(name, known.chain(others.iter().copied())) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        }
    }
}

/// Whether a name belongs to the language.
pub(super) fn is_reserved(name: &str) -> bool {
    const WORDS: &[&str] = &["where", "delta", "inf", "and", "or", "not", "pad", "batch"];
    WORDS.contains(&name) || crate::term::Function::from_name(name).is_some()
}

/// The name that differs least from the one written, if it is near enough to be a slip.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let length = name.chars().count();
    let allowed = if length < 3 { 1 } else { length.div_ceil(3) };
    known
        .filter(|other| other.chars().count().abs_diff(length) <= allowed && *other != name)
        .map(|other| (distance(name, other), other))
        .filter(|(distance, other)| *distance <= allowed && *distance < other.chars().count().max(length))
        .min()
        .map(|(_, other)| other)
}

/// How many letters must be put in, left out, replaced or swapped with the next one to make one
/// word the other (the restricted Damerau–Levenshtein distance).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["sigmoid", "hidden", "W1", "W2", "x"];
        assert_eq!(nearest("sigmiod", known.into_iter()), Some("sigmoid"));
        assert_eq!(nearest("hiden", known.into_iter()), Some("hidden"));
        assert_eq!(nearest("w1", known.into_iter()), Some("W1"));
        assert_eq!(nearest("q", known.into_iter()), None);
        assert_eq!(nearest("momentum", known.into_iter()), None);
    }
}
