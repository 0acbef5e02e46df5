//! The ranges of the indices of an equation.

use super::names::Outcome;
use super::scope::{IndexId, Scope};
use crate::term::Index;
use crate::text::{Problem, Span};
use std::collections::VecDeque;

/// An index of an equation: where it is bound, and all that says something of its range.
#[derive(Debug, Clone)]
struct Range {
    letter: String,
    /// Where it is bound.
    span: Span,
    /// In a function: the call.
    call: Option<Span>,
    /// Whether it is bound in the prelude, which the user did not write.
    hidden: bool,
    evidence: Vec<Evidence>,
}

/// A place that says how far an index runs.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    pub extent: usize,
    pub span: Span,
    /// What stands there.
    pub text: String,
    /// Where the tensor is declared or defined, if it is one.
    pub declared: Option<(Span, String)>,
}

/// The indices of an equation.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    all: Vec<Range>,
    /// Pairs that are compared for equality: one tells the range of the other where nothing else
    /// does.
    ties: Vec<(IndexId, IndexId)>,
}

/// How much was known at some time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(usize, usize);

impl Ranges {
    /// A further index.
    pub fn add(&mut self, letter: &str, span: Span, scope: &Scope) -> IndexId {
        let (span, call) = (scope.place(span), scope.call);
        self.all.push(Range {
            letter: letter.to_string(),
            span,
            call,
            hidden: scope.site.is_some(),
            evidence: Vec::new(),
        });
        self.all.len() - 1
    }

    /// Something that says how far an index runs.
    pub fn tell(&mut self, index: IndexId, evidence: Evidence) {
        let known = &mut self.all[index].evidence;
        // Two that differ make an error; more of the same say nothing new.
        if known.iter().all(|other| other.extent != evidence.extent) {
            known.push(evidence);
        }
    }

    /// The two are compared for equality.
    pub fn tie(&mut self, one: IndexId, other: IndexId) {
        self.ties.push((one, other));
    }

    /// A mark to go back to.
    pub fn mark(&self) -> Mark {
        Mark(self.all.len(), self.ties.len())
    }

    /// Forgets the indices since the mark. What was said of older ones stays.
    pub fn forget(&mut self, Mark(indices, ties): Mark) {
        self.all.truncate(indices);
        self.ties.truncate(ties);
    }

    /// Every index with its range.
    ///
    /// # Errors
    ///
    /// Two places that disagree; an index of which nothing tells the range.
    pub fn solve(&self) -> Outcome<Vec<Index>> {
        if let Some(range) = self.all.iter().find(|range| range.evidence.len() > 1) {
            return Err(disagreement(range).into());
        }
        let mut extents: Vec<Option<usize>> =
            self.all.iter().map(|range| range.evidence.first().map(|evidence| evidence.extent)).collect();
        self.spread(&mut extents);
        let solved = self.all.iter().zip(&extents).enumerate().map(|(id, (range, extent))| match extent {
            Some(extent) => Ok(Index::new(id as u32, *extent, &range.letter)),
            None => Err(unknown(range).into()),
        });
        solved.collect()
    }

    /// Carries known extents along the ties, the nearest first.
    fn spread(&self, extents: &mut [Option<usize>]) {
        let mut neighbours: Vec<Vec<IndexId>> = vec![Vec::new(); extents.len()];
        for &(one, other) in &self.ties {
            neighbours[one].push(other);
            neighbours[other].push(one);
        }
        let mut settled: VecDeque<IndexId> = (0..extents.len()).filter(|&index| extents[index].is_some()).collect();
        while let Some(index) = settled.pop_front() {
            for &neighbour in &neighbours[index] {
                if extents[neighbour].is_none() {
                    extents[neighbour] = extents[index];
                    settled.push_back(neighbour);
                }
            }
        }
    }
}

fn disagreement(range: &Range) -> Problem {
    let (first, second) = (&range.evidence[0], &range.evidence[1]);
    let letter = &range.letter;
    let message = format!("the index `{letter}` cannot run over {} and over {} values", first.extent, second.extent);
    let mut problem = Problem::new(message, second.span, second.text.clone()).label(first.span, first.text.clone());
    for evidence in [second, first] {
        if let Some((span, text)) = &evidence.declared {
            problem = problem.label(*span, text.clone());
        }
    }
    with_call(problem, range)
}

fn unknown(range: &Range) -> Problem {
    let letter = &range.letter;
    if range.hidden {
        let problem = Problem::new("nothing tells how far the index of this call runs", range.span, "called here");
        return with_call(problem.hint("an argument must have the index of the call in a subscript"), range);
    }
    let message = format!("nothing tells how far the index `{letter}` runs");
    let problem = Problem::new(message, range.span, "stands in no subscript");
    with_call(problem.hint(format!("give its range where it is bound: `{letter}:5` runs over 0..5")), range)
}

fn with_call(problem: Problem, range: &Range) -> Problem {
    match range.call {
        Some(call) => problem.label(call, "in this call"),
        None => problem,
    }
}
