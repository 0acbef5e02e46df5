//! Expressions to drafts: names are resolved, functions expanded, and the summation convention
//! applied, from the outermost product inwards.

use super::Tensor;
use super::batch::BATCH;
use super::boundary::{Boundary, Own};
use super::draft::Draft;
use super::form::Form;
use super::functions::Functions;
use super::guards::guards;
use super::letters::{Collector, Known, Letters, bare};
use super::names::{Meaning, Names, Outcome};
use super::outside::given;
use super::ranges::{Evidence, Ranges};
use super::scope::{Bound, IndexId, Scope};
use super::sizes::Constants;
use crate::syntax::tree::{Binder, Comparison, Expr, ExprKind, Factor, Reduction};
use crate::term::{Connective, Function, Name, Number};
use crate::text::{Source, Span};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// How deep expressions may be nested once functions are expanded.
const DEEPEST: usize = 1000;
/// How many parts a statement may have once functions are expanded.
const MOST_PARTS: usize = 100_000;
/// How many indices may be bound at one place.
const MOST_INDICES: usize = 64;

/// What is known of the file so far.
pub(super) struct Globals<'a> {
    pub source: &'a Source,
    pub names: Names<'a>,
    pub tensors: Vec<Tensor>,
    pub functions: Functions<'a>,
    pub letters: Known<'a>,
    /// What stands before the first entries of tensors that are defined by recurrence.
    pub boundaries: HashMap<&'a str, Vec<Boundary<'a>>>,
    /// Those of which a boundary is read.
    pub stepped: HashSet<&'a str>,
    /// The tensors and the axes along which the examples lie, where the equations carry that axis.
    pub examples: HashSet<(usize, usize)>,
    /// The derivatives that equations read, and whether each has its own value for every example.
    pub derivatives: HashMap<Name, bool>,
}

impl<'a> Globals<'a> {
    /// The letters of an expression.
    pub fn letters(&mut self, expr: &'a Expr, scope: &Scope<'a>) -> Rc<Letters<'a>> {
        self.collector().letters(expr, scope)
    }

    pub fn collector(&mut self) -> Collector<'_, 'a> {
        let Globals { names, tensors, functions, letters, .. } = self;
        Collector { names, tensors, functions, known: letters }
    }

    /// Constants as a scope sees them.
    pub fn constants(&self, horizon: usize) -> Constants<'_, 'a> {
        Constants { names: &self.names, tensors: &self.tensors, horizon, pins: true }
    }
}

/// Elaborates one statement.
pub(super) struct Elaborator<'g, 'a> {
    pub globals: &'g mut Globals<'a>,
    pub ranges: Ranges,
    /// The reads of tensors, from the outside in, in the order of the text.
    pub reads: Vec<(Name, Vec<Form>)>,
    /// The name that the statement defines.
    pub current: &'a str,
    /// What an equation knows of the tensor it defines.
    pub own: Own,
    depth: usize,
    parts: usize,
}

impl<'g, 'a> Elaborator<'g, 'a> {
    /// For the statement that defines the name.
    pub fn new(globals: &'g mut Globals<'a>, current: &'a str) -> Elaborator<'g, 'a> {
        let symbols = globals.names.symbols.clone();
        Elaborator {
            globals,
            ranges: Ranges { symbols, ..Ranges::default() },
            reads: Vec::new(),
            current,
            own: Own::default(),
            depth: 0,
            parts: 0,
        }
    }

    /// A whole right side, or an argument: sums are written in front of its addends.
    pub fn terms(&mut self, expr: &'a Expr, scope: &Scope<'a>) -> Outcome<Draft> {
        match &expr.kind {
            ExprKind::Sum(addends) => {
                self.enter(expr.span, scope)?;
                let addends = addends.iter().map(|(minus, addend)| {
                    let draft = self.value(addend, &scope.at(addend.span))?;
                    Ok(if *minus { Draft::Negate(Box::new(draft)) } else { draft })
                });
                let sum = addends.collect::<Outcome<_>>().map(Draft::Sum);
                self.depth -= 1;
                sum
            }
            _ => self.value(expr, &scope.at(expr.span)),
        }
    }

    /// Counts a part and a level, which the caller leaves again.
    pub fn enter(&mut self, span: Span, scope: &Scope<'a>) -> Outcome<()> {
        self.parts += 1;
        self.depth += 1;
        let (what, limit) = match (self.depth > DEEPEST, self.parts > MOST_PARTS) {
            (true, _) => ("nested too deep", format!("{DEEPEST} levels")),
            (_, true) => ("too large", format!("{MOST_PARTS} parts")),
            _ => return Ok(()),
        };
        let message = format!("this statement is {what} when its functions are expanded");
        let problem = scope.problem(message, span, format!("more than {limit}"));
        Err(problem.hint("give names to parts of it by equations").into())
    }

    /// Leaves a level again.
    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    /// An expression that has a value.
    pub fn value(&mut self, expr: &'a Expr, scope: &Scope<'a>) -> Outcome<Draft> {
        self.enter(expr.span, scope)?;
        let draft = self.value_inside(expr, scope)?;
        self.depth -= 1;
        Ok(draft)
    }

    fn value_inside(&mut self, expr: &'a Expr, scope: &Scope<'a>) -> Outcome<Draft> {
        match &expr.kind {
            ExprKind::Number(text) => Number::parse(text)
                .map(Draft::Number)
                .ok_or_else(|| scope.problem(format!("`{text}` is not a number"), expr.span, "here").into()),
            ExprKind::Name(name) => self.name(name, scope),
            ExprKind::Read { tensor, pad, subscripts } => self.read(expr, tensor, pad.as_ref(), subscripts, scope),
            ExprKind::Sum(addends) => self.sum(addends, scope),
            ExprKind::Product(factors) => self.product(factors, scope),
            ExprKind::Negate(inner) => Ok(Draft::Negate(Box::new(self.value(inner, scope)?))),
            ExprKind::Power(base, exponent) => {
                let base = self.value(base, scope)?;
                Ok(Draft::Power(Box::new(base), Box::new(self.value(exponent, scope)?)))
            }
            ExprKind::Group(inner) => self.value(inner, scope),
            ExprKind::Call { function, indices, arguments } => self.call(expr, function, indices, arguments, scope),
            ExprKind::Reduce { reduction, binders, body, .. } => self.reduce(*reduction, binders, body, scope),
            ExprKind::Bracket(inner) => self.condition(inner, scope),
            ExprKind::Delta(left, right) => self.delta(left, right, scope),
            ExprKind::Mod(value, divisor) => {
                let value = self.value(value, scope)?;
                Ok(Draft::Call(Function::Mod, vec![value, self.value(divisor, scope)?]))
            }
            ExprKind::Compare(..) | ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) => {
                let problem = scope.problem("a condition stands where a number is needed", expr.span, "a condition");
                Err(problem.hint("in square brackets it is a number, 1 or 0: `[a < b]`").into())
            }
            ExprKind::Derivative { of, wrt } => self.derivative(of, wrt, scope),
        }
    }

    fn sum(&mut self, addends: &'a [(bool, Expr)], scope: &Scope<'a>) -> Outcome<Draft> {
        // In a loop: the adapters of iterators would each have a frame at every level of nesting.
        let mut drafts = Vec::with_capacity(addends.len());
        for (subtracted, addend) in addends {
            let draft = self.value(addend, scope)?;
            drafts.push(if *subtracted { Draft::Negate(Box::new(draft)) } else { draft });
        }
        Ok(Draft::Sum(drafts))
    }

    /// A product, summed over the letters that nothing binds and that two of its factors have.
    /// Where such a letter stands in an argument that sums over it itself, [`Scope::keeping`]
    /// hides this one. Apart from [`value`](Self::value), whose frame is on the stack at every level.
    #[inline(never)]
    fn product(&mut self, factors: &'a [Factor], scope: &Scope<'a>) -> Outcome<Draft> {
        let mut repeated = self.globals.collector().repeated(factors, scope);
        repeated.retain(|letter| scope.letter(letter.text).is_none());
        if let Some(letter) = repeated.first() {
            self.check_count(scope.len() + repeated.len(), letter.span, scope)?;
        }
        let bound: Vec<Bound> = repeated
            .iter()
            .map(|letter| {
                let index = self.ranges.add(letter.text, letter.span, scope);
                Bound { letter: letter.text, place: Form::index(index), implicit: true }
            })
            .collect();
        let inside = scope.with(bound.iter().cloned());
        let mark = self.ranges.mark();
        let factors = factors.iter().map(|factor| {
            let draft = self.value(&factor.value, &inside)?;
            Ok(if factor.divides { draft.inverse() } else { draft })
        });
        let factors = factors.collect::<Outcome<Vec<_>>>()?;
        // Where a condition among the factors is false, the others are not evaluated.
        let conditions = factors.iter().filter(|factor| factor.is_condition());
        let holding: Vec<_> = conditions.flat_map(|factor| guards(factor, true, &self.globals.tensors)).collect();
        self.ranges.guard(mark, &holding);
        let product = Draft::Product(factors);
        if bound.is_empty() {
            return Ok(product);
        }
        let indices = bound.iter().filter_map(|bound| bound.place.as_index()).collect();
        Ok(Draft::Reduce(Reduction::Sum, indices, Box::new(product)))
    }

    #[inline(never)]
    fn reduce(
        &mut self,
        reduction: Reduction,
        binders: &'a [Binder],
        body: &'a Expr,
        scope: &Scope<'a>,
    ) -> Outcome<Draft> {
        let mut bound: Vec<Bound> = Vec::with_capacity(binders.len());
        let mut indices = Vec::with_capacity(binders.len());
        for binder in binders {
            let (letter, span) = (binder.name.text.as_str(), binder.name.span);
            if bound.iter().any(|other| other.letter == letter) {
                return Err(scope.problem(format!("the index `{letter}` is bound twice"), span, "again here").into());
            }
            let index = self.bind(letter, span, binder.range.as_ref(), scope)?;
            bound.push(Bound { letter, place: Form::index(index), implicit: false });
            indices.push(index);
        }
        if let Some(binder) = binders.first() {
            self.check_count(scope.len() + bound.len(), binder.name.span, scope)?;
        }
        let body = self.value(body, &scope.with(bound))?;
        Ok(Draft::Reduce(reduction, indices, Box::new(body)))
    }

    /// A new index, with its range where one is given.
    pub fn bind(
        &mut self,
        letter: &'a str,
        span: Span,
        range: Option<&'a Expr>,
        scope: &Scope<'a>,
    ) -> Outcome<IndexId> {
        self.check_letter(letter, span, scope)?;
        let index = self.ranges.add(letter, span, scope);
        if let Some(range) = range {
            let extent = self.globals.constants(scope.horizon).extent(range)?;
            let (span, text) = (scope.place(range.span), given(letter, extent.value()));
            let examples = bare(range) == Some(BATCH);
            self.ranges.give(index, Evidence { extent, span, text, declared: None, examples });
        }
        Ok(index)
    }

    /// A size cannot be bound as an index.
    pub fn check_letter(&self, letter: &str, span: Span, scope: &Scope<'a>) -> Outcome<()> {
        if let Some(Meaning::Size(size)) = self.globals.names.get(letter, scope.horizon) {
            let value = size.value().unwrap_or(0);
            let message = format!("`{letter}` is a size and cannot be an index");
            let problem = scope.problem(message, span, format!("is always {value}"));
            let defined = self.globals.names.span(letter).unwrap_or(span);
            return Err(problem.label(defined, "defined here").hint("use another letter for the index").into());
        }
        Ok(())
    }

    pub fn check_count(&self, count: usize, span: Span, scope: &Scope<'a>) -> Outcome<()> {
        if count > MOST_INDICES {
            let message = format!("more than {MOST_INDICES} indices are bound here");
            return Err(scope.problem(message, span, "one of them").into());
        }
        Ok(())
    }

    /// `delta[i, j]`
    pub fn delta(&mut self, left: &'a Expr, right: &'a Expr, scope: &Scope<'a>) -> Outcome<Draft> {
        let mut side = |expr: &'a Expr| match bare(expr) {
            Some(_) if !self.names_integer(expr, scope) => Ok(Draft::Place(self.subscript(expr, scope)?)),
            _ => self.value(expr, scope),
        };
        let (left, right) = (side(left)?, side(right)?);
        Ok(self.compare(Comparison::Equal, left, right))
    }

    fn compare(&mut self, comparison: Comparison, left: Draft, right: Draft) -> Draft {
        if let (Comparison::Equal, Some(left), Some(right)) = (comparison, left.as_index(), right.as_index()) {
            self.ranges.tie(left, right);
        }
        Draft::Compare(comparison, Box::new(left), Box::new(right))
    }

    /// An expression that holds or does not.
    pub fn condition(&mut self, expr: &'a Expr, scope: &Scope<'a>) -> Outcome<Draft> {
        self.enter(expr.span, scope)?;
        let draft = match &expr.kind {
            ExprKind::Compare(comparison, left, right) => {
                let left = self.value(left, scope)?;
                let right = self.value(right, scope)?;
                self.compare(*comparison, left, right)
            }
            ExprKind::And(parts) => Draft::Logic(Connective::And, self.conditions(parts, scope)?),
            ExprKind::Or(parts) => Draft::Logic(Connective::Or, self.conditions(parts, scope)?),
            ExprKind::Not(inner) => Draft::Logic(Connective::Not, vec![self.condition(inner, scope)?]),
            ExprKind::Group(inner) | ExprKind::Bracket(inner) => self.condition(inner, scope)?,
            _ => {
                let draft = self.value(expr, scope)?;
                if !draft.is_condition() {
                    let problem = scope.problem("a condition is needed here", expr.span, "a number");
                    return Err(problem.hint("compare it with something, as in `[a > 0]`").into());
                }
                draft
            }
        };
        self.depth -= 1;
        Ok(draft)
    }

    fn conditions(&mut self, parts: &'a [Expr], scope: &Scope<'a>) -> Outcome<Vec<Draft>> {
        parts.iter().map(|part| self.condition(part, scope)).collect()
    }
}

/// A number of things, in words.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    match number {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}
