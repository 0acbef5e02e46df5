//! What follows a division: whose denominator does it stand in?

use super::{Parsed, Parser};
use crate::syntax::lexer::{Kind, Token};
use crate::syntax::mistakes;
use crate::syntax::tree::{Expr, ExprKind, Factor};
use crate::text::Span;

/// A division whose next factor could belong to the denominator or not.
pub(super) struct Division {
    operator: Span,
    divisor: Span,
    /// Between numbers and sizes, so that nothing else can be meant than `(1/n) x`.
    is_number: bool,
    /// Whether the divisor is a plain number, or ends in a bracket, so that a name behind it is apart from it.
    is_closed: bool,
    is_digits: bool,
}

impl Parser<'_> {
    /// The division of factors by the next one.
    pub(super) fn division(&self, operator: Span, factors: &[Factor], divisor: &Expr) -> Division {
        let is_number = self.is_constant(divisor) && factors.iter().all(|factor| self.is_constant(&factor.value));
        let is_digits = matches!(divisor.kind, ExprKind::Number(_));
        let is_closed = is_digits || matches!(divisor.kind, ExprKind::Group(_) | ExprKind::Call { .. });
        Division { operator, divisor: divisor.span, is_number, is_closed, is_digits }
    }

    /// What a remainder is by: no factor may follow it.
    pub(super) fn remainder(&self, operator: Span, divisor: &Expr) -> Division {
        Division { operator, divisor: divisor.span, is_number: false, is_closed: false, is_digits: false }
    }

    /// The factor that follows a division without an operator: refused where it could belong to the denominator.
    #[inline(never)]
    pub(super) fn after_division(&mut self, division: &Division, start: Span) -> Parsed<Expr> {
        let token = self.token();
        let next = self.power()?;
        let Division { operator, divisor, is_number, is_closed, is_digits } = *division;
        let is_apart = is_closed || !self.is_constant(&next);
        if is_number && is_apart && !(is_digits && is_glued_name(token)) {
            return Ok(next);
        }
        let left = Span { start: start.start, end: self.before(operator) };
        Err(mistakes::ambiguous_division(self.text, left, operator, divisor, next.span))
    }

    /// Refuses `a / sum[k] b c` and `a^sum[k] b c`: does the sum end before `c`?
    pub(super) fn refuse_long_body(&self, start: Span, value: &Expr) -> Parsed<()> {
        match long_body(value, &mut Vec::new()) {
            Some((first, rest)) => {
                let rest = Span { start: rest.start, end: value.span.end };
                Err(mistakes::long_body(self.text, start, outermost(value), first, rest))
            }
            None => Ok(()),
        }
    }
}

/// `1/2n`: the name stands as near to the number as in `2n`.
fn is_glued_name(token: Token) -> bool {
    token.glued && token.kind == Kind::Name
}

/// The reduction that stands behind signs.
fn outermost(value: &Expr) -> Span {
    match &value.kind {
        ExprKind::Negate(inner) => outermost(inner),
        _ => value.span,
    }
}

/// Where the body of a reduction without brackets is more than one factor: the last factor that surely belongs to
/// it, and the next one. `letters` are those that the reductions around it bind.
fn long_body<'e>(value: &'e Expr, letters: &mut Vec<&'e str>) -> Option<(Span, Span)> {
    match &value.kind {
        ExprKind::Negate(inner) => long_body(inner, letters),
        ExprKind::Reduce { binders, body, .. } => {
            letters.extend(binders.iter().map(|binder| binder.name.text.as_str()));
            match &body.kind {
                ExprKind::Product(factors) => {
                    let bound = factors.iter().rposition(|factor| has(&factor.value, letters)).unwrap_or(0);
                    let last = if bound + 1 < factors.len() { bound } else { 0 };
                    Some((factors[last].value.span, factors[last + 1].value.span))
                }
                ExprKind::Mod(left, right) => Some((left.span, right.span)),
                _ => long_body(body, letters),
            }
        }
        _ => None,
    }
}

/// Whether one of the letters stands in an expression.
fn has(expr: &Expr, letters: &[&str]) -> bool {
    let mut found = false;
    expr.visit(&mut |part| {
        found |= matches!(&part.kind, ExprKind::Name(name) if letters.contains(&name.text.as_str()));
    });
    found
}
