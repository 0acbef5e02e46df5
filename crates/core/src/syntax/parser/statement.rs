//! The statements.

use super::atom::FromLetter;
use super::{Parsed, Parser};
use crate::syntax::lexer::{Keyword, Kind, Pair};
use crate::syntax::mistakes;
use crate::syntax::tree::{
    Claim, ClaimLine, Comparison, Declaration, DeclaredRole, Equation, Expr, FunctionDefinition, LeftSubscript,
    Property, Statement, StatementKind,
};
use crate::text::Span;

const EQUAL: Kind = Kind::Compare(Comparison::Equal);

impl Statement {
    /// Gives a `for` statement its block.
    pub(super) fn set_body(&mut self, block: Vec<Statement>) {
        if let StatementKind::For { body, .. } = &mut self.kind {
            if let Some(last) = block.last() {
                self.span = self.span.to(last.span);
            }
            *body = block;
        }
    }
}

impl Parser<'_> {
    /// The whole statement; the block of a `for` is still missing.
    pub(super) fn statement(&mut self) -> Parsed<Statement> {
        let first = self.token();
        let kind = match first.kind {
            Kind::Keyword(keyword) => {
                self.advance();
                self.keyword_statement(keyword)?
            }
            Kind::Name => {
                if let Some(problem) = mistakes::not_a_statement(self.text, self.tokens) {
                    return Err(problem);
                }
                StatementKind::Equation(self.equation()?)
            }
            _ => return Err(mistakes::bad_beginning(self.text, self.tokens)),
        };
        if self.kind() != Kind::End {
            return Err(mistakes::left_over(self.text, self.tokens, self.position, &kind));
        }
        Ok(Statement { kind, span: self.since(first.span) })
    }

    fn keyword_statement(&mut self, keyword: Keyword) -> Parsed<StatementKind> {
        match keyword {
            Keyword::Size => {
                let name = self.name("the name of the size")?;
                self.expect(EQUAL, "`=`")?;
                Ok(StatementKind::Size { name, value: self.sum()? })
            }
            Keyword::Input => self.declaration(DeclaredRole::Input),
            Keyword::Target => self.declaration(DeclaredRole::Target),
            Keyword::Param => self.declaration(DeclaredRole::Param),
            Keyword::Const => self.declaration(DeclaredRole::Const),
            Keyword::Fn => self.function(),
            Keyword::For => self.repetition(),
            Keyword::Metric => Ok(StatementKind::Metric(self.equation()?)),
            Keyword::Claim => self.claim(),
        }
    }

    fn declaration(&mut self, role: DeclaredRole) -> Parsed<StatementKind> {
        let name = self.name("the name declared")?;
        if matches!(self.kind(), Kind::Letters | Kind::OpenSubscripts) {
            return Err(mistakes::underscore_in_name(self.text, name.span, self.token().span));
        }
        if self.kind() == Kind::Open(Pair::Round) {
            let close = self.tokens[self.position..].iter().find(|token| token.kind == Kind::Close(Pair::Round));
            let brackets = close.map_or(self.token().span, |close| self.token().span.to(close.span));
            return Err(mistakes::shape_in_round_brackets(self.text, name.span, brackets));
        }
        let extents = self.extents()?;
        let mut properties = Vec::new();
        while self.kind() == Kind::Name {
            properties.push(self.property("a property")?);
        }
        let initialiser = match self.kind() {
            Kind::Tilde if role == DeclaredRole::Param => {
                self.advance();
                Some(self.property("an initialiser such as `he` or `normal(0, 0.1)`")?)
            }
            _ => None,
        };
        while initialiser.is_some() && self.kind() == Kind::Name {
            properties.push(self.property("a property")?);
        }
        let value = match self.kind() {
            EQUAL if role == DeclaredRole::Const => {
                self.advance();
                Some(self.sum()?)
            }
            _ => None,
        };
        Ok(StatementKind::Declaration(Declaration { role, name, extents, properties, initialiser, value }))
    }

    /// `[64, hidden]`, perhaps with white space before it.
    fn extents(&mut self) -> Parsed<Vec<Expr>> {
        let open = self.token().span;
        if !self.accept(Kind::Open(Pair::Square)) {
            return Ok(Vec::new());
        }
        if self.kind() == Kind::Close(Pair::Square) {
            return Err(mistakes::empty_shape(open.to(self.token().span)));
        }
        self.list(Kind::Close(Pair::Square), Parser::sum)
    }

    /// `onehot`, `int(96)`, `in [0, 1]`
    fn property(&mut self, expected: &str) -> Parsed<Property> {
        let name = self.name(expected)?;
        let arguments = match self.kind() {
            Kind::Open(Pair::Round) => {
                self.advance();
                self.list(Kind::Close(Pair::Round), Parser::condition)?
            }
            Kind::Open(Pair::Square) if name.text == "in" => {
                self.advance();
                self.list(Kind::Close(Pair::Square), Parser::sum)?
            }
            _ => Vec::new(),
        };
        Ok(Property { name, arguments })
    }

    fn equation(&mut self) -> Parsed<Equation> {
        let name = self.name("the name of what is defined")?;
        let subscripts = self.subscripts(Parser::left_subscript)?.unwrap_or_default();
        if self.kind() != EQUAL {
            return Err(mistakes::no_equals(self.text, self.tokens, self.position, name.span));
        }
        self.advance();
        Ok(Equation { name, subscripts, value: self.sum()? })
    }

    /// `i`, `r:14`, `t:-1`
    fn left_subscript(&mut self) -> Parsed<LeftSubscript> {
        let index = self.sum()?;
        let range = if self.accept(Kind::Colon) { Some(self.sum()?) } else { None };
        Ok(LeftSubscript { index, range })
    }

    /// `fn softmax[i](z) = body`
    fn function(&mut self) -> Parsed<StatementKind> {
        let name = self.name("the name of the function")?;
        let indices = self.subscripts(|parser| parser.name("an index"))?.unwrap_or_default();
        self.expect(Kind::Open(Pair::Round), "`(` and the parameters")?;
        let parameters = self.list(Kind::Close(Pair::Round), |parser| parser.name("the name of a parameter"))?;
        self.expect(EQUAL, "`=`")?;
        self.hidden = indices.iter().chain(&parameters).map(|name| name.text.clone()).collect();
        Ok(StatementKind::Function(FunctionDefinition { name, indices, parameters, body: self.sum()? }))
    }

    /// `for l in 1..3:`
    fn repetition(&mut self) -> Parsed<StatementKind> {
        let variable = self.name("the name of the counter")?;
        if !(self.kind() == Kind::Name && self.slice(self.token().span) == "in") {
            return Err(self.unexpected("`in`"));
        }
        self.advance();
        let first = self.sum()?;
        self.expect(Kind::To, "`..` and the last value")?;
        let last = self.sum()?;
        self.expect(Kind::Colon, "`:`")?;
        if self.kind() != Kind::End {
            return Err(mistakes::block_on_line(self.token().span));
        }
        Ok(StatementKind::For { variable, first, last, body: Vec::new() })
    }

    fn claim(&mut self) -> Parsed<StatementKind> {
        let mut lines = vec![self.claim_line()?];
        while self.accept(EQUAL) {
            lines.push(self.claim_line()?);
        }
        if lines.len() < 2 && self.kind() == Kind::End {
            return Err(self.unexpected("`=` and what it equals"));
        }
        Ok(StatementKind::Claim(Claim { lines }))
    }

    fn claim_line(&mut self) -> Parsed<ClaimLine> {
        let value = self.sum()?;
        if !self.accept(Kind::Given) {
            return Ok(ClaimLine { value, given: None });
        }
        self.given = Some(self.depth);
        let given = self.condition()?;
        self.given = None;
        Ok(ClaimLine { value, given: Some(given) })
    }
}

impl FromLetter for LeftSubscript {
    fn from_letter(parser: &mut Parser<'_>, span: Span) -> Parsed<LeftSubscript> {
        Ok(LeftSubscript { index: Expr::from_letter(parser, span)?, range: None })
    }
}
