//! The ranges of the indices of an equation: what says something of them.

use super::form::Form;
use super::guards::Guard;
use super::names::Outcome;
use super::scope::{IndexId, Scope};
use super::solve::Solver;
use super::symbols::Symbols;
use crate::term::{Extent, Index};
use crate::text::{Problem, Span};

/// An index of an equation: where it is bound.
#[derive(Debug, Clone)]
pub(super) struct Range {
    pub letter: String,
    /// Where it is bound.
    pub span: Span,
    /// In a function: the call.
    pub call: Option<Span>,
    /// Whether it is bound in the prelude, which the user did not write.
    pub hidden: bool,
    /// The range written where it is bound: it may be shorter than an axis.
    pub given: Option<Evidence>,
    /// What another line of a claim says of it, which holds here too.
    pub told: Option<Evidence>,
}

/// A place that says how far an index runs.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    pub extent: Extent,
    pub span: Span,
    /// What stands there.
    pub text: String,
    /// Where the tensor is declared or defined, if it is one.
    pub declared: Option<(Span, String)>,
    /// Whether it is the number of examples.
    pub examples: bool,
}

/// A subscript of a read, which must stay inside the tensor.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    pub form: Form,
    /// The extent of the axis.
    pub limit: Form,
    /// The tensor.
    pub name: String,
    /// The axis in words.
    pub axis: String,
    /// Where the subscript stands.
    pub span: Span,
    /// The read as written, unless it is in the prelude.
    pub text: Option<String>,
    /// Where the tensor is declared or defined, and its shape.
    pub declared: Option<(Span, String)>,
    /// In a function: the call.
    pub call: Option<Span>,
    /// For a tensor that its own equation reads: how a boundary is written.
    pub boundary: Option<String>,
    /// How many entries stand before the first one: the boundary of a recurrence.
    pub before: i64,
    /// Whether the axis is that of the examples.
    pub examples: bool,
    /// The conditions around it.
    pub guards: Vec<Guard>,
}

/// A subscript of a padded read.
#[derive(Debug, Clone)]
pub(super) struct Padded {
    pub form: Form,
    /// The extent of the axis.
    pub limit: Form,
    /// Where it stands.
    pub span: Span,
}

/// The indices of an equation.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    pub all: Vec<Range>,
    /// Pairs that are compared for equality: one tells the range of the other where nothing else
    /// does.
    pub ties: Vec<(IndexId, IndexId)>,
    /// All reads that must stay inside.
    pub reads: Vec<Reach>,
    /// Which sizes are symbols.
    pub symbols: Symbols,
    /// The subscripts of padded reads, which say nothing of ranges.
    pub padded: Vec<Padded>,
}

/// How much was known at some time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    indices: usize,
    ties: usize,
    reads: usize,
}

impl Ranges {
    /// A further index.
    pub fn add(&mut self, letter: &str, span: Span, scope: &Scope) -> IndexId {
        let (span, call) = (scope.place(span), scope.call);
        let (letter, hidden) = (letter.to_string(), scope.site.is_some());
        self.all.push(Range { letter, span, call, hidden, given: None, told: None });
        self.all.len() - 1
    }

    /// What another line of a claim says of an index.
    pub fn tell(&mut self, index: IndexId, evidence: Evidence) {
        self.all[index].told = Some(evidence);
    }

    /// The range given to an index.
    pub fn give(&mut self, index: IndexId, evidence: Evidence) {
        self.all[index].given = Some(evidence);
    }

    /// The two are compared for equality.
    pub fn tie(&mut self, one: IndexId, other: IndexId) {
        self.ties.push((one, other));
    }

    /// Whether an index runs over the examples.
    pub fn runs_over_examples(&self, index: IndexId) -> bool {
        let written = self.all[index].given.as_ref().is_some_and(|given| given.examples);
        written || self.reads.iter().any(|read| read.examples && read.form.as_index() == Some(index))
    }

    /// A mark to go back to.
    pub fn mark(&self) -> Mark {
        Mark { indices: self.all.len(), ties: self.ties.len(), reads: self.reads.len() }
    }

    /// Notes that all reads since the mark happen only where the conditions hold.
    pub fn guard(&mut self, mark: Mark, guards: &[Guard]) {
        if guards.is_empty() {
            return;
        }
        for read in self.reads.iter_mut().skip(mark.reads) {
            read.guards.extend(guards.iter().cloned());
        }
    }

    /// Forgets the indices since the mark. What was said of older ones stays.
    pub fn forget(&mut self, mark: Mark) {
        let known = |form: &Form| form.indices().iter().all(|index| *index < mark.indices);
        let mut place = 0;
        self.reads.retain(|read| {
            place += 1;
            place <= mark.reads || known(&read.form) && read.guards.iter().all(|guard| known(guard.form()))
        });
        self.padded.retain(|padded| known(&padded.form));
        self.all.truncate(mark.indices);
        self.ties.truncate(mark.ties);
    }

    /// The extents that the reads tell, of the indices that they tell it of.
    ///
    /// # Errors
    ///
    /// Two places that disagree.
    pub fn known(&self) -> Outcome<Vec<Option<Extent>>> {
        Solver::new(self).known()
    }

    /// Every index with its range.
    ///
    /// # Errors
    ///
    /// Two places that disagree; an index of which nothing tells the range; a read that goes
    /// outside its tensor.
    pub fn solve(&self) -> Outcome<Vec<Index>> {
        Solver::new(self).solve()
    }
}

/// The problem, with the call in which it came about.
pub(super) fn with_call(problem: Problem, call: Option<Span>) -> Problem {
    match call {
        Some(call) => problem.label(call, "in this call"),
        None => problem,
    }
}
