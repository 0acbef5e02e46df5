//! Numbers, names, reads, calls, reductions, brackets and derivatives.

use super::{Parsed, Parser};
use crate::syntax::lexer::{Kind, Pair, continues_name};
use crate::syntax::mistakes;
use crate::syntax::tree::{Binder, Expr, ExprKind, Name, Reduction};
use crate::text::Span;

impl Parser<'_> {
    pub(super) fn atom(&mut self) -> Parsed<Expr> {
        let token = self.token();
        match token.kind {
            Kind::Number => {
                self.advance();
                self.make(ExprKind::Number(self.slice(token.span).to_owned()), token.span)
            }
            Kind::Name => self.named(),
            Kind::Open(Pair::Round) => {
                self.advance();
                let inner = self.nested(Parser::condition)?;
                self.expect(Kind::Close(Pair::Round), "an operator or `)`")?;
                self.make(ExprKind::Group(Box::new(inner)), token.span)
            }
            Kind::Open(Pair::Square) => self.bracket(),
            Kind::Partial => self.partial(),
            Kind::Reduce(reduction) => self.reduction(reduction),
            _ => Err(self.unexpected("an expression")),
        }
    }

    /// `[condition]`
    #[inline(never)]
    fn bracket(&mut self) -> Parsed<Expr> {
        let open = self.advance().span;
        let inner = self.nested(Parser::condition)?;
        if !is_condition(&inner) {
            let opened = self.tokens.partition_point(|token| token.span.start < open.start);
            let before = opened.checked_sub(1).map(|last| self.tokens[last]);
            let name = before.filter(|token| token.kind == Kind::Name).map(|token| token.span);
            let close = self.tokens[self.position..].iter().find(|token| token.kind == Kind::Close(Pair::Square));
            let end = close.map_or(inner.span.end, |close| close.span.start);
            let inside = Span { start: inner.span.start, end };
            return Err(mistakes::bracket_without_condition(self.text, open, inside, name));
        }
        self.expect(Kind::Close(Pair::Square), "`]`")?;
        self.make(ExprKind::Bracket(Box::new(inner)), open)
    }

    /// What begins with a name: the name alone, a read, a call.
    fn named(&mut self) -> Parsed<Expr> {
        let start = self.advance().span;
        if let Some(problem) = mistakes::foreign_word(self.text, start) {
            return Err(problem);
        }
        let name = self.name_at(start)?;
        if name.text == "inf" {
            return self.make(ExprKind::Number(name.text), start);
        }
        if self.glued(Kind::Open(Pair::Round)) {
            return self.call(name, Vec::new());
        }
        let Some(subscripts) = self.subscripts(Parser::sum)? else {
            return self.make(ExprKind::Name(name), start);
        };
        if self.glued(Kind::Open(Pair::Round)) {
            return self.call(name, subscripts);
        }
        self.refuse_more_subscripts(start)?;
        if name.text != "delta" {
            return self.make(ExprKind::Read { tensor: name, pad: None, subscripts }, start);
        }
        match <[Expr; 2]>::try_from(subscripts) {
            Ok([first, second]) => self.make(ExprKind::Delta(Box::new(first), Box::new(second)), start),
            Err(subscripts) => Err(mistakes::delta_subscripts(subscripts.len(), self.since(start))),
        }
    }

    /// The subscripts that follow at once, in any spelling.
    pub(super) fn subscripts<T: FromLetter>(
        &mut self,
        item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Option<Vec<T>>> {
        let opened = self.token();
        let close = match opened.kind {
            Kind::Letters => {
                self.advance();
                return self.letters(opened.span).map(Some);
            }
            Kind::OpenSubscripts => Pair::Curly,
            Kind::Open(Pair::Square) if opened.glued => Pair::Square,
            _ => return Ok(None),
        };
        self.advance();
        if self.kind() == Kind::Close(close) {
            return Err(mistakes::empty_subscripts(opened.span.to(self.token().span)));
        }
        self.list(Kind::Close(close), item).map(Some)
    }

    /// `_ij`: every letter with its primes, and every digit.
    fn letters<T: FromLetter>(&mut self, span: Span) -> Parsed<Vec<T>> {
        let mut pieces: Vec<Span> = Vec::new();
        for (at, letter) in self.slice(span).char_indices().skip(1) {
            let begin = span.start as usize + at;
            let piece = Span::new(begin, begin + letter.len_utf8());
            match pieces.last_mut() {
                Some(last) if !begins_subscript(letter) => *last = last.to(piece),
                _ => pieces.push(piece),
            }
        }
        pieces.into_iter().map(|piece| T::from_letter(self, piece)).collect()
    }

    fn refuse_more_subscripts(&self, start: Span) -> Parsed<()> {
        let again = self.glued(Kind::Open(Pair::Square)) || matches!(self.kind(), Kind::Letters | Kind::OpenSubscripts);
        if again { Err(mistakes::subscripts_twice(self.since(start), self.token().span)) } else { Ok(()) }
    }

    /// `name(arguments)`; the bracket comes next.
    fn call(&mut self, name: Name, indices: Vec<Expr>) -> Parsed<Expr> {
        let start = name.span;
        let open = self.advance().span;
        if self.kind() == Kind::Close(Pair::Round) {
            return Err(mistakes::no_arguments(&name.text, open.to(self.token().span)));
        }
        let mut arguments = self.list(Kind::Close(Pair::Round), Parser::condition)?;
        if name.text == "pad" && indices.is_empty() {
            return self.pad(arguments, start);
        }
        if name.text == "d" && arguments.len() == 1 && indices.is_empty() && self.at_second_differential() {
            let of = arguments.remove(0);
            self.advance();
            self.advance();
            self.advance();
            let wrt = self.nested(Parser::sum)?;
            self.expect(Kind::Close(Pair::Round), "`)`")?;
            return self.derivative(of, wrt, start);
        }
        let text = if name.text == "σ" { "sigmoid".to_owned() } else { name.text };
        let function = Name { text, span: name.span };
        self.make(ExprKind::Call { function, indices, arguments }, start)
    }

    /// Whether `/ d(` comes next.
    fn at_second_differential(&self) -> bool {
        let (name, open) = (self.after(1), self.after(2));
        let opens = open.kind == Kind::Open(Pair::Round) && open.glued;
        self.kind() == Kind::Divide && name.kind == Kind::Name && self.slice(name.span) == "d" && opens
    }

    /// `pad(x)` and `pad(x, value)`, whose subscripts follow.
    #[inline(never)]
    fn pad(&mut self, mut arguments: Vec<Expr>, start: Span) -> Parsed<Expr> {
        let written = self.since(start);
        let value = if arguments.len() == 2 { arguments.pop().map(Box::new) } else { None };
        let tensor = match arguments.pop() {
            Some(Expr { kind: ExprKind::Name(tensor), .. }) if arguments.is_empty() => tensor,
            _ => return Err(mistakes::pad_arguments(written)),
        };
        let Some(subscripts) = self.subscripts(Parser::sum)? else {
            return Err(mistakes::pad_without_subscripts(&tensor.text, written));
        };
        self.refuse_more_subscripts(start)?;
        self.make(ExprKind::Read { tensor, pad: Some(value), subscripts }, start)
    }

    /// `sum[j, u:5] body`, and the calls `max(a, b)` and `min(a, b)`.
    #[inline(never)]
    fn reduction(&mut self, reduction: Reduction) -> Parsed<Expr> {
        let keyword = self.advance().span;
        if self.glued(Kind::Open(Pair::Round)) && matches!(reduction, Reduction::Max | Reduction::Min) {
            return self.call(Name { text: self.slice(keyword).to_owned(), span: keyword }, Vec::new());
        }
        let Some(binders) = self.subscripts(Parser::binder)? else {
            let call = self.kind() == Kind::Open(Pair::Round);
            return Err(mistakes::no_binders(self.slice(keyword), reduction, keyword, call));
        };
        let body = Box::new(self.nested(Parser::product)?);
        self.make(ExprKind::Reduce { reduction, keyword, binders, body }, keyword)
    }

    /// `j`, `u:5`
    fn binder(&mut self) -> Parsed<Binder> {
        let name = self.name("an index")?;
        let range = if self.accept(Kind::Colon) { Some(self.sum()?) } else { None };
        Ok(Binder { name, range })
    }

    /// `∂a/∂x[i]`
    #[inline(never)]
    fn partial(&mut self) -> Parsed<Expr> {
        let start = self.advance().span;
        let of = self.nested(Parser::atom)?;
        if !(self.kind() == Kind::Divide && self.after(1).kind == Kind::Partial) {
            return Err(mistakes::half_derivative(self.since(start), self.slice(of.span)));
        }
        self.advance();
        self.advance();
        let wrt = self.nested(Parser::atom)?;
        self.derivative(of, wrt, start)
    }

    fn derivative(&mut self, of: Expr, wrt: Expr, start: Span) -> Parsed<Expr> {
        let (of, wrt) = (ungrouped(of), ungrouped(wrt));
        if !matches!(wrt.kind, ExprKind::Name(_) | ExprKind::Read { pad: None, .. }) {
            return Err(mistakes::derivative_by(&wrt));
        }
        self.make(ExprKind::Derivative { of: Box::new(of), wrt: Box::new(wrt) }, start)
    }
}

/// What a single letter of `_ij` stands for.
pub(super) trait FromLetter: Sized {
    fn from_letter(parser: &mut Parser<'_>, span: Span) -> Parsed<Self>;
}

impl FromLetter for Expr {
    fn from_letter(parser: &mut Parser<'_>, span: Span) -> Parsed<Expr> {
        parser.count(1, span)?;
        let text = parser.slice(span);
        let digit = text.starts_with(|next: char| next.is_ascii_digit());
        let kind = if digit { ExprKind::Number(text.to_owned()) } else { ExprKind::Name(parser.name_at(span)?) };
        Ok(Expr { kind, span })
    }
}

impl FromLetter for Binder {
    fn from_letter(parser: &mut Parser<'_>, span: Span) -> Parsed<Binder> {
        Ok(Binder { name: Name::from_letter(parser, span)?, range: None })
    }
}

impl FromLetter for Name {
    fn from_letter(parser: &mut Parser<'_>, span: Span) -> Parsed<Name> {
        if parser.slice(span).starts_with(|next: char| next.is_ascii_digit()) {
            return Err(mistakes::number_as_index(parser.slice(span), span));
        }
        parser.name_at(span)
    }
}

/// Marks and primes stay with their letter.
fn begins_subscript(letter: char) -> bool {
    unicode_ident::is_xid_start(letter) || letter.is_ascii_digit() || !continues_name(letter)
}

fn is_condition(value: &Expr) -> bool {
    match &value.kind {
        ExprKind::Compare(..) | ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) => true,
        ExprKind::Group(inner) => is_condition(inner),
        _ => false,
    }
}

fn ungrouped(value: Expr) -> Expr {
    match value.kind {
        ExprKind::Group(inner) => ungrouped(*inner),
        _ => value,
    }
}
