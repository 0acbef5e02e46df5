//! Claims: the lines of a derivation by hand, as terms over indices that they share.

use super::build::MOST_ORDERING;
use super::draft::Draft;
use super::elaborate::{Elaborator, Globals, count};
use super::form::Form;
use super::letters::Letter;
use super::names::{Fault, Outcome};
use super::ranges::{Evidence, Ranges};
use super::scope::{Bound, Scope};
use crate::syntax::tree::{self, Expr, ExprKind};
use crate::term::{Extent, Index, Name, Term};
use crate::text::{Problem, Span};

/// What a file says to be equal, line by line.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The whole statement.
    pub span: Span,
    /// The indices that are free on all lines.
    pub indices: Vec<Index>,
    /// Two or more.
    pub lines: Vec<ClaimLine>,
    /// Of the blocks around it, the outermost first, the counters and their values.
    pub counters: Vec<(Name, i64)>,
}

/// A line of a claim.
#[derive(Debug, Clone)]
pub struct ClaimLine {
    /// The expression in the file, without what is given.
    pub span: Span,
    /// What it says, or why its indices cannot be right.
    pub value: Result<Term, Misfit>,
    /// The condition from this line on.
    pub given: Option<Given>,
}

/// A condition under which lines are equal, for all values of its indices.
#[derive(Debug, Clone)]
pub struct Given {
    /// Where it stands.
    pub span: Span,
    /// The letters in it that nothing binds.
    pub indices: Vec<Index>,
    /// The condition.
    pub condition: Term,
}

/// Why a line of a claim is wrong whatever its tensors hold.
#[derive(Debug, Clone)]
pub struct Misfit {
    /// What about the indices.
    pub kind: MisfitKind,
    /// The problem, at its place.
    pub problem: Problem,
}

/// What may be wrong with the indices of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MisfitKind {
    /// These letters are free on the line, but not in the claim.
    Stray(Vec<Name>),
    /// An index would run over two ranges, a read go outside its tensor, or a sum run over an index that stands
    /// nowhere in it.
    Ranges,
}

/// A line whose ranges are not known yet.
struct Sketch<'a> {
    line: &'a tree::ClaimLine,
    /// The letters that only this line has free.
    stray: Vec<Letter<'a>>,
    drafted: Outcome<(Draft, Ranges)>,
}

impl<'a> Globals<'a> {
    /// Reads a claim. Its first line tells which indices are free.
    ///
    /// # Errors
    ///
    /// What is no mathematics: unknown names, a range that nothing tells. What is wrong mathematics is kept
    /// with its line.
    pub fn claim(&mut self, claim: &'a tree::Claim, span: Span, number: usize) -> Outcome<Claim> {
        let free = self.free_letters(claim, number);
        let mut sketches = Vec::with_capacity(claim.lines.len());
        for line in &claim.lines {
            sketches.push(self.sketch(line, &free, number)?);
        }
        let extents = shared_extents(&mut sketches, &free);
        let mut lines = Vec::with_capacity(sketches.len());
        let mut indices: Vec<Index> = Vec::new();
        for Sketch { line, stray, drafted } in sketches {
            let value = match drafted.and_then(|(draft, ranges)| solved(&draft, &ranges, line.value.span)) {
                Ok((term, all)) => {
                    indices = all[..free.len()].to_vec();
                    if stray.is_empty() { Ok(term) } else { Err(stray_letters(&stray, &free, &claim.lines[0])) }
                }
                Err(Fault::Misfit(problem)) => match stray.is_empty() {
                    true => Err(Misfit { kind: MisfitKind::Ranges, problem: *problem }),
                    false => Err(stray_letters(&stray, &free, &claim.lines[0])),
                },
                Err(Fault::New(problem)) if is_of_idle_sum(&line.value, &problem) => {
                    Err(Misfit { kind: MisfitKind::Ranges, problem: *problem })
                }
                Err(fault) => return Err(fault),
            };
            let given = line.given.as_ref().map(|given| self.given(given, number)).transpose()?;
            lines.push(ClaimLine { span: line.value.span, value, given });
        }
        if indices.is_empty() && !free.is_empty() {
            let known = free.iter().zip(&extents).enumerate();
            indices = known
                .map(|(id, (letter, extent))| {
                    Index::new(id as u32, extent.clone().unwrap_or(Extent::from(1)), letter.text)
                })
                .collect();
        }
        Ok(Claim { span, indices, lines, counters: Vec::new() })
    }

    /// The letters that are free on the first line; one that stands there in two factors is free too where
    /// it is so on all other lines.
    fn free_letters(&mut self, claim: &'a tree::Claim, number: usize) -> Vec<Letter<'a>> {
        let scope = Scope::new(number, Vec::new());
        let first = self.letters(&claim.lines[0].value, &scope);
        let others: Vec<_> = claim.lines[1..].iter().map(|line| self.letters(&line.value, &scope)).collect();
        let has = |letters: &[Letter], text: &str| letters.iter().any(|letter| letter.text == text && letter.subscript);
        let is_free = |letter: &&Letter| {
            let text = letter.text;
            letter.subscript && (has(&first.exposed, text) || others.iter().all(|line| has(&line.exposed, text)))
        };
        first.free.iter().filter(is_free).cloned().collect()
    }

    fn sketch(&mut self, line: &'a tree::ClaimLine, free: &[Letter<'a>], number: usize) -> Outcome<Sketch<'a>> {
        let scope = Scope::new(number, Vec::new());
        let is_stray = |letter: &&Letter| letter.subscript && !free.iter().any(|free| free.text == letter.text);
        let stray: Vec<Letter> = self.letters(&line.value, &scope).exposed.iter().filter(is_stray).cloned().collect();
        let drafted = self.draft(&line.value, free.iter().chain(&stray), number, |elaborator, scope| {
            elaborator.terms(&line.value, scope)
        });
        match drafted {
            Err(fault @ (Fault::New(_) | Fault::Known)) => Err(fault),
            drafted => Ok(Sketch { line, stray, drafted }),
        }
    }

    /// A draft with these letters bound, which get the first numbers.
    fn draft<'l>(
        &mut self,
        expr: &'a Expr,
        letters: impl Iterator<Item = &'l Letter<'a>>,
        number: usize,
        read: impl FnOnce(&mut Elaborator<'_, 'a>, &Scope<'a>) -> Outcome<Draft>,
    ) -> Outcome<(Draft, Ranges)>
    where
        'a: 'l,
    {
        let scope = Scope::new(number, Vec::new());
        let mut elaborator = Elaborator::new(self, "");
        let mut bound = Vec::new();
        for letter in letters {
            let index = elaborator.bind(letter.text, letter.span, None, &scope)?;
            bound.push(Bound { letter: letter.text, place: Form::index(index), implicit: false });
        }
        elaborator.check_count(bound.len(), expr.span, &scope)?;
        let draft = read(&mut elaborator, &scope.with(bound))?;
        if draft.ordering_work(None, 1) > MOST_ORDERING {
            let problem = Problem::new("reductions are nested too deep", expr.span, "in this claim");
            return Err(problem.hint("give a name to a part of it by an equation").into());
        }
        Ok((draft, elaborator.ranges))
    }

    fn given(&mut self, expr: &'a Expr, number: usize) -> Outcome<Given> {
        let scope = Scope::new(number, Vec::new());
        let letters: Vec<Letter> =
            self.letters(expr, &scope).exposed.iter().filter(|letter| letter.subscript).cloned().collect();
        let (draft, ranges) =
            self.draft(expr, letters.iter(), number, |elaborator, scope| elaborator.condition(expr, scope))?;
        let (condition, indices) = solved(&draft, &ranges, expr.span)?;
        Ok(Given { span: expr.span, indices: indices[..letters.len()].to_vec(), condition })
    }
}

/// Whether a problem is that of a sum, or another reduction, over an index that stands nowhere in it.
fn is_of_idle_sum(expr: &Expr, problem: &Problem) -> bool {
    let place = problem.labels.first().map(|label| label.span);
    let mut found = false;
    expr.visit(&mut |expr| {
        if let ExprKind::Reduce { binders, body, .. } = &expr.kind {
            let is_idle = |binder: &tree::Binder| {
                let mut stands = false;
                body.visit(&mut |part| {
                    stands |= matches!(&part.kind, ExprKind::Name(name) if name.text == binder.name.text);
                });
                !stands && place == Some(binder.name.span)
            };
            found |= binders.iter().any(is_idle);
        }
    });
    found
}

/// The term of a draft, and its indices.
fn solved(draft: &Draft, ranges: &Ranges, span: Span) -> Outcome<(Term, Vec<Index>)> {
    let indices = ranges.solve()?;
    let term = draft.term(&indices);
    if term.size() > 1_000_000 {
        return Err(Problem::new("this line is too large", span, "in this claim").into());
    }
    Ok((term, indices))
}

/// The extents of the free indices: what the first line that tells it says holds for all others.
fn shared_extents(sketches: &mut [Sketch], free: &[Letter]) -> Vec<Option<Extent>> {
    let mut extents: Vec<Option<Extent>> = vec![None; free.len()];
    // Once more for what a line tells only with the help of those below it.
    for _ in 0..2 {
        for number in 0..sketches.len() {
            let Ok((_, ranges)) = &sketches[number].drafted else { continue };
            let Ok(known) = ranges.known() else { continue };
            for (index, extent) in known.into_iter().take(free.len()).enumerate() {
                if let (Some(extent), None) = (extent, &extents[index]) {
                    extents[index] = Some(extent.clone());
                    let (letter, span) = (free[index].text, sketches[number].line.value.span);
                    let text = format!("`{letter}` runs over {} here", count(extent.value(), "value", "values"));
                    for (_, ranges) in sketches.iter_mut().filter_map(|sketch| sketch.drafted.as_mut().ok()) {
                        let extent = extent.clone();
                        let evidence = Evidence { extent, span, text: text.clone(), declared: None, examples: false };
                        ranges.tell(index, evidence);
                    }
                }
            }
        }
    }
    extents
}

/// The problem that letters are free on a line, but not in the claim.
fn stray_letters(stray: &[Letter], free: &[Letter], first: &tree::ClaimLine) -> Misfit {
    let list = |letters: &[Letter]| {
        let quoted: Vec<String> = letters.iter().map(|letter| format!("`{}`", letter.text)).collect();
        quoted.join(", ")
    };
    let (is, one) = if stray.len() == 1 { ("is", "index") } else { ("are", "indices") };
    let message = format!("the free indices differ: {} {is} free on this line, but not on the first", list(stray));
    let label = format!("{} {is} bound by nothing", list(stray));
    let free = match free {
        [] => "no index is free here".to_string(),
        [only] => format!("only `{}` is free here", only.text),
        all => format!("{} are free here", list(all)),
    };
    let problem = Problem::new(message, stray[0].span, label).label(first.value.span, free);
    let hint = format!("both sides of `=` must have the same free indices: rename the {one}, or sum over it");
    Misfit {
        kind: MisfitKind::Stray(stray.iter().map(|letter| letter.text.into()).collect()),
        problem: problem.hint(hint),
    }
}
