//! Conditions, sums, products, signs and powers.
//!
//! What is rare has a function of its own that is never inlined: brackets nest through all of these
//! functions, and their stack frames must stay small.

use super::division::Division;
use super::{Parsed, Parser};
use crate::syntax::lexer::{Kind, Pair, lower};
use crate::syntax::tree::{Expr, ExprKind, Factor};
use crate::syntax::{MAX_NESTING, mistakes};
use crate::text::Span;

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Parsed<Expr> {
        let start = self.token().span;
        let first = self.negation()?;
        if matches!(self.kind(), Kind::And | Kind::Or) { self.connected(first, start) } else { Ok(first) }
    }

    /// What `first` is connected with; `and` binds tighter than `or`.
    #[inline(never)]
    fn connected(&mut self, first: Expr, start: Span) -> Parsed<Expr> {
        let (mut any, mut all, mut begin) = (Vec::new(), vec![first], start);
        loop {
            if self.accept(Kind::And) {
                all.push(self.negation()?);
                continue;
            }
            any.push(self.joined(std::mem::take(&mut all), ExprKind::And, begin)?);
            if !self.accept(Kind::Or) {
                return self.joined(any, ExprKind::Or, start);
            }
            begin = self.token().span;
            all.push(self.negation()?);
        }
    }

    /// Operands with the same word between them, or the only one.
    fn joined(&mut self, mut operands: Vec<Expr>, join: fn(Vec<Expr>) -> ExprKind, start: Span) -> Parsed<Expr> {
        match operands.pop() {
            Some(only) if operands.is_empty() => Ok(only),
            last => {
                operands.extend(last);
                self.make(join(operands), start)
            }
        }
    }

    fn negation(&mut self) -> Parsed<Expr> {
        if self.kind() != Kind::Not {
            return self.comparison();
        }
        self.prefixed(Kind::Not, Parser::comparison, ExprKind::Not)
    }

    /// What stands before an operand, any number of times; each is a level of nesting.
    #[inline(never)]
    fn prefixed(
        &mut self,
        prefix: Kind,
        operand: fn(&mut Self) -> Parsed<Expr>,
        wrap: fn(Box<Expr>) -> ExprKind,
    ) -> Parsed<Expr> {
        let mut places = Vec::new();
        while self.kind() == prefix {
            if self.depth + places.len() >= MAX_NESTING {
                return Err(mistakes::too_deep(self.token().span));
            }
            places.push(self.advance().span);
        }
        self.depth += places.len();
        let mut value = operand(self)?;
        self.depth -= places.len();
        for place in places.into_iter().rev() {
            value = self.make(wrap(Box::new(value)), place)?;
        }
        Ok(value)
    }

    /// `a <= b < c` is read as `a <= b and b < c`.
    fn comparison(&mut self) -> Parsed<Expr> {
        let start = self.token().span;
        let left = self.sum()?;
        if matches!(self.kind(), Kind::Compare(_)) { self.compared(left, start) } else { Ok(left) }
    }

    /// What `left` is compared with.
    #[inline(never)]
    fn compared(&mut self, mut left: Expr, start: Span) -> Parsed<Expr> {
        let mut rest = Vec::new();
        while let Kind::Compare(comparison) = self.kind() {
            if !rest.is_empty() && self.token().first && self.given == Some(self.depth) {
                break;
            }
            self.advance();
            let before = self.parts;
            let right = self.sum()?;
            rest.push((comparison, right, self.parts - before));
        }
        let (mut comparisons, number) = (Vec::new(), rest.len());
        for (comparison, right, parts) in rest {
            let span = left.span.to(right.span);
            // The copy counts like what was written: nested chains would double at every level.
            let copied = comparisons.len() + 1 < number;
            self.count(if copied { parts + 1 } else { 1 }, span)?;
            let next = if copied { right.clone() } else { Expr { kind: ExprKind::And(Vec::new()), span } };
            let kind = ExprKind::Compare(comparison, Box::new(left), Box::new(right));
            comparisons.push(Expr { kind, span });
            left = next;
        }
        match comparisons.pop() {
            None => Ok(left),
            Some(only) if number == 1 => Ok(only),
            Some(last) => {
                comparisons.push(last);
                self.make(ExprKind::And(comparisons), start)
            }
        }
    }

    /// `a + b - c`
    pub(super) fn sum(&mut self) -> Parsed<Expr> {
        let start = self.token().span;
        let first = self.product()?;
        if !matches!(self.kind(), Kind::Plus | Kind::Minus) {
            return Ok(first);
        }
        let mut addends = vec![(false, first)];
        while matches!(self.kind(), Kind::Plus | Kind::Minus) {
            let subtracted = self.advance().kind == Kind::Minus;
            addends.push((subtracted, self.product()?));
        }
        self.make(ExprKind::Sum(addends), start)
    }

    /// `a * b / c mod d` and juxtaposition, from left to right.
    pub(super) fn product(&mut self) -> Parsed<Expr> {
        let start = self.token().span;
        let mut factors = vec![Factor { value: self.unary()?, divides: false }];
        // What follows without an operator could belong to the denominator or not.
        let mut division: Option<Division> = None;
        let mut remainders = 0;
        loop {
            let operator = self.token();
            match operator.kind {
                Kind::Times => {
                    self.advance();
                    factors.push(Factor { value: self.unary()?, divides: false });
                    division = None;
                }
                Kind::Divide => {
                    self.advance();
                    let value = self.unary()?;
                    self.refuse_long_body(start, &value)?;
                    division = Some(self.division(operator.span, &factors, &value));
                    factors.push(Factor { value, divides: true });
                }
                Kind::Mod => {
                    self.advance();
                    remainders += 1;
                    if self.depth + remainders > MAX_NESTING {
                        return Err(mistakes::too_deep(operator.span));
                    }
                    let left = self.product_of(factors, start, operator.span)?;
                    let right = self.unary()?;
                    self.refuse_long_body(start, &right)?;
                    division = Some(self.remainder(operator.span, &right));
                    let value = self.make(ExprKind::Mod(Box::new(left), Box::new(right)), start)?;
                    factors = vec![Factor { value, divides: false }];
                }
                kind if starts_factor(kind) => {
                    let next = self.token().span;
                    let previous = factors.last().map(|factor| &factor.value);
                    if let Some(previous) = previous.filter(|value| is_number(value) && kind == Kind::Number) {
                        return Err(mistakes::two_numbers(self.text, previous.span, next));
                    }
                    let value = match division.take() {
                        Some(division) => self.after_division(&division, start)?,
                        None => self.power()?,
                    };
                    factors.push(Factor { value, divides: false });
                }
                _ => break,
            }
        }
        let end = self.since(start);
        self.product_of(factors, start, end)
    }

    /// The factors as one expression.
    fn product_of(&mut self, mut factors: Vec<Factor>, start: Span, before: Span) -> Parsed<Expr> {
        if factors.len() == 1
            && let Some(only) = factors.pop()
        {
            return Ok(only.value);
        }
        let end = factors.last().map_or(before, |factor| factor.value.span);
        self.count(1, start)?;
        Ok(Expr { kind: ExprKind::Product(factors), span: start.to(end) })
    }

    fn unary(&mut self) -> Parsed<Expr> {
        if self.kind() != Kind::Minus {
            return self.power();
        }
        self.prefixed(Kind::Minus, Parser::power, ExprKind::Negate)
    }

    /// From right to left; the exponent may have a sign.
    pub(super) fn power(&mut self) -> Parsed<Expr> {
        let start = self.token().span;
        let base = self.atom()?;
        match self.kind() {
            Kind::Superscript | Kind::Power => self.raised(base, start),
            _ => Ok(base),
        }
    }

    /// The exponents of a base.
    #[inline(never)]
    fn raised(&mut self, mut base: Expr, start: Span) -> Parsed<Expr> {
        if let ExprKind::Derivative { of, wrt } = &base.kind {
            return Err(mistakes::power_of_derivative(self.text, base.span, of, wrt, self.token().span));
        }
        if self.kind() == Kind::Superscript {
            let token = self.advance();
            let exponent = self.superscript(token.span)?;
            base = self.make(ExprKind::Power(Box::new(base), Box::new(exponent)), start)?;
        }
        if self.accept(Kind::Power) {
            let exponent = self.nested(Parser::unary)?;
            self.refuse_long_body(start, &exponent)?;
            base = self.make(ExprKind::Power(Box::new(base), Box::new(exponent)), start)?;
        }
        Ok(base)
    }

    /// `²` or `⁻¹` as an exponent.
    fn superscript(&mut self, span: Span) -> Parsed<Expr> {
        let digits = lower(self.slice(span));
        let number = self.make(ExprKind::Number(digits.trim_start_matches('-').to_owned()), span)?;
        if digits.starts_with('-') { self.make(ExprKind::Negate(Box::new(number)), span) } else { Ok(number) }
    }
}

fn is_number(value: &Expr) -> bool {
    match &value.kind {
        ExprKind::Number(_) => true,
        ExprKind::Negate(inner) => matches!(inner.kind, ExprKind::Number(_)),
        _ => false,
    }
}

/// Whether a factor can begin with this, without an operator before it.
fn starts_factor(kind: Kind) -> bool {
    use Kind::*;
    matches!(kind, Name | Number | Open(Pair::Round | Pair::Square) | Partial | Reduce(_))
}
