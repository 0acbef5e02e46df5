//! `for` blocks: repeated, with the counter replaced, before anything else is done with them.

use super::names::{Fault, Names, Outcome};
use super::sizes::Constants;
use crate::syntax::tree::{
    Binder, Claim, ClaimLine, Declaration, Equation, Expr, ExprKind, Factor, FunctionDefinition, LeftSubscript, Name,
    Property, Statement, StatementKind,
};
use crate::text::{Problem, Span};
use std::collections::{BTreeMap, BTreeSet};

/// How many statements a file may have once its blocks are repeated.
const MOST_STATEMENTS: usize = 10_000;
/// How many parts they may have together.
const MOST_PARTS: usize = 1_000_000;

/// A counter with its value.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    pub name: String,
    pub value: i64,
    /// Where it is named after `for`.
    pub span: Span,
}

/// A statement of the file, or of a block for some values of its counters.
#[derive(Debug, Clone)]
pub(super) struct Repeated {
    pub statement: Statement,
    /// The outermost block first.
    pub counters: Vec<Counter>,
    /// Whether it could not be repeated, which is told already; then only the name that it
    /// defines is right.
    pub broken: bool,
}

impl Repeated {
    /// A problem with it, for which the values of the counters are told.
    pub fn told(&self, problem: Problem) -> Problem {
        self.counters.iter().fold(problem, |problem, counter| {
            problem.label(counter.span, format!("here with `{}` = {}", counter.name, counter.value))
        })
    }
}

/// All statements, with every block repeated.
pub(super) fn repeat(statements: &[Statement]) -> (Vec<Repeated>, Vec<Problem>) {
    let mut repeater = Repeater::default();
    repeater.block(statements, &mut Vec::new());
    (repeater.repeated, repeater.problems)
}

#[derive(Default)]
struct Repeater {
    repeated: Vec<Repeated>,
    problems: Vec<Problem>,
    /// The sizes so far, for the bounds of blocks.
    sizes: BTreeMap<String, i64>,
    /// The names of sizes whose definitions have a problem, which is found again later.
    broken: BTreeSet<String>,
    parts: usize,
    /// Whether there is too much of it, which is told once.
    full: bool,
}

impl Repeater {
    fn block(&mut self, statements: &[Statement], counters: &mut Vec<Counter>) {
        for statement in statements {
            if self.full {
                return;
            }
            let outcome = match &statement.kind {
                StatementKind::For { variable, first, last, body } => {
                    self.repetition(variable, first, last, body, counters)
                }
                _ => self.single(statement, counters),
            };
            if let Err(Fault::New(problem)) = outcome {
                let repeated =
                    Repeated { statement: self.named(statement, counters), counters: counters.clone(), broken: true };
                let place = |problem: &Problem| problem.labels.first().map(|label| label.span);
                if !self.problems.iter().any(|other| place(other) == place(&problem)) {
                    self.problems.push(repeated.told(*problem));
                }
                self.repeated.push(repeated);
            }
        }
    }

    fn repetition(
        &mut self,
        variable: &Name,
        first: &Expr,
        last: &Expr,
        body: &[Statement],
        counters: &mut Vec<Counter>,
    ) -> Outcome<()> {
        if let Some(outer) = counters.iter().find(|counter| counter.name == variable.text) {
            let message = format!("`{}` counts two blocks, one in the other", variable.text);
            let problem = Problem::new(message, variable.span, "again here").label(outer.span, "first here");
            return Err(problem.hint("give one of the counters another name").into());
        }
        if self.sizes.contains_key(&variable.text) {
            let message = format!("`{}` is a size and cannot count a block", variable.text);
            return Err(Problem::new(message, variable.span, "a size").hint("choose another name").into());
        }
        let (first, last) = (self.bound(first, counters)?, self.bound(last, counters)?);
        if last.saturating_sub(first) >= MOST_STATEMENTS as i64 {
            return Err(self.too_much(variable.span));
        }
        for value in first..=last {
            counters.push(Counter { name: variable.text.clone(), value, span: variable.span });
            self.block(body, counters);
            counters.pop();
        }
        Ok(())
    }

    fn too_much(&mut self, span: Span) -> Fault {
        self.full = true;
        let problem = Problem::new("the blocks of this file are repeated too often", span, "in this block");
        problem.hint(format!("a file has at most {MOST_STATEMENTS} statements when its blocks are repeated")).into()
    }

    /// The first or last value of a counter.
    fn bound(&mut self, expr: &Expr, counters: &[Counter]) -> Outcome<i64> {
        let expr = self.replacer(counters, true).expr(expr)?;
        let names = Names::default();
        let constants = Constants { names: &names, tensors: &[], horizon: 1, pins: true };
        constants.integer(&expr).map_err(|fault| match fault {
            Fault::New(problem) if self.mentions_broken(&expr) => {
                drop(problem);
                Fault::Known
            }
            fault => fault,
        })
    }

    fn mentions_broken(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Name(name) => self.broken.contains(&name.text),
            ExprKind::Group(inner) | ExprKind::Negate(inner) => self.mentions_broken(inner),
            ExprKind::Sum(addends) => addends.iter().any(|(_, addend)| self.mentions_broken(addend)),
            ExprKind::Product(factors) => factors.iter().any(|factor| self.mentions_broken(&factor.value)),
            ExprKind::Power(a, b) | ExprKind::Mod(a, b) => self.mentions_broken(a) || self.mentions_broken(b),
            _ => false,
        }
    }

    /// A statement that cannot be repeated, with the name that it defines if that can be.
    fn named(&self, statement: &Statement, counters: &[Counter]) -> Statement {
        let mut statement = statement.clone();
        if let Some(name) = statement.kind.defined_mut()
            && let Ok(replaced) = self.replacer(counters, false).name(name)
        {
            *name = replaced;
        }
        statement
    }

    fn replacer(&self, counters: &[Counter], in_bound: bool) -> Replacer<'_> {
        let mut values: BTreeMap<&str, i64> = BTreeMap::new();
        if in_bound {
            values.extend(self.sizes.iter().map(|(name, value)| (name.as_str(), *value)));
        }
        let counters = counters.to_vec();
        Replacer { counters, sizes: values, names: &self.sizes, parts: 0 }
    }

    fn single(&mut self, statement: &Statement, counters: &[Counter]) -> Outcome<()> {
        let mut repeated = Repeated { statement: statement.clone(), counters: counters.to_vec(), broken: false };
        if !counters.is_empty() {
            let mut replacer = self.replacer(counters, false);
            repeated.statement.kind = replacer.statement(&statement.kind)?;
            let parts = replacer.parts;
            self.parts += parts;
            if self.parts > MOST_PARTS || self.repeated.len() >= MOST_STATEMENTS {
                return Err(self.too_much(counters[counters.len() - 1].span));
            }
        }
        if let StatementKind::Size { name, value } = &repeated.statement.kind {
            match self.bound(value, &[]) {
                Ok(size) => drop(self.sizes.entry(name.text.clone()).or_insert(size)),
                Err(_) => drop(self.broken.insert(name.text.clone())),
            }
        }
        self.repeated.push(repeated);
        Ok(())
    }
}

/// Replaces counters by their values.
struct Replacer<'r> {
    counters: Vec<Counter>,
    /// Further names to replace.
    sizes: BTreeMap<&'r str, i64>,
    /// What the arithmetic in braces may name besides counters.
    names: &'r BTreeMap<String, i64>,
    parts: usize,
}

impl Replacer<'_> {
    fn statement(&mut self, kind: &StatementKind) -> Outcome<StatementKind> {
        Ok(match kind {
            StatementKind::Size { name, value } => {
                StatementKind::Size { name: self.name(name)?, value: self.expr(value)? }
            }
            StatementKind::Declaration(declaration) => StatementKind::Declaration(Declaration {
                role: declaration.role,
                name: self.name(&declaration.name)?,
                extents: self.exprs(&declaration.extents)?,
                properties: declaration.properties.iter().map(|one| self.property(one)).collect::<Outcome<_>>()?,
                initialiser: declaration.initialiser.as_ref().map(|one| self.property(one)).transpose()?,
                value: declaration.value.as_ref().map(|value| self.expr(value)).transpose()?,
            }),
            StatementKind::Equation(equation) => StatementKind::Equation(self.equation(equation)?),
            StatementKind::Metric(equation) => StatementKind::Metric(self.equation(equation)?),
            StatementKind::Function(definition) => StatementKind::Function(FunctionDefinition {
                name: self.name(&definition.name)?,
                indices: self.bound_names(&definition.indices)?,
                parameters: self.bound_names(&definition.parameters)?,
                body: self.expr(&definition.body)?,
            }),
            StatementKind::Claim(claim) => {
                let lines = claim.lines.iter().map(|line| {
                    let given = line.given.as_ref().map(|given| self.expr(given)).transpose()?;
                    Ok(ClaimLine { value: self.expr(&line.value)?, given })
                });
                StatementKind::Claim(Claim { lines: lines.collect::<Outcome<_>>()? })
            }
            // Blocks inside are repeated by themselves.
            StatementKind::For { .. } => kind.clone(),
        })
    }

    fn equation(&mut self, equation: &Equation) -> Outcome<Equation> {
        let subscripts = equation.subscripts.iter().map(|subscript| {
            if let ExprKind::Name(name) = &subscript.index.kind {
                self.check_not_counter(name)?;
            }
            let range = subscript.range.as_ref().map(|range| self.expr(range)).transpose()?;
            Ok(LeftSubscript { index: self.expr(&subscript.index)?, range })
        });
        let subscripts = subscripts.collect::<Outcome<_>>()?;
        Ok(Equation { name: self.name(&equation.name)?, subscripts, value: self.expr(&equation.value)? })
    }

    fn property(&mut self, property: &Property) -> Outcome<Property> {
        Ok(Property { name: property.name.clone(), arguments: self.exprs(&property.arguments)? })
    }

    /// Names that are bound: indices and parameters.
    fn bound_names(&mut self, names: &[Name]) -> Outcome<Vec<Name>> {
        names.iter().map(|name| self.check_not_counter(name).and_then(|()| self.name(name))).collect()
    }

    fn check_not_counter(&self, name: &Name) -> Outcome<()> {
        match self.counters.iter().find(|counter| counter.name == name.text) {
            None => Ok(()),
            Some(counter) => {
                let message = format!("`{}` counts this block and cannot be an index", name.text);
                let problem = Problem::new(message, name.span, format!("is always {} here", counter.value));
                Err(problem.hint("use another letter for the index").into())
            }
        }
    }

    /// A name with the arithmetic in its braces done.
    fn name(&mut self, name: &Name) -> Outcome<Name> {
        self.parts += 1;
        let (mut text, mut rest) = (String::new(), name.text.as_str());
        while let Some((before, after)) = rest.split_once('{') {
            let (hole, after) = after.split_once('}').unwrap_or((after, ""));
            let value = self.hole(hole, name)?;
            if value < 0 {
                let message = format!("`{}` would be numbered {value}", name.text);
                let problem = Problem::new(message, name.span, "a name cannot hold a minus");
                return Err(problem.hint("begin the block one later, or write its first round by hand").into());
            }
            text += before;
            text += &value.to_string();
            rest = after;
        }
        Ok(Name { text: text + rest, span: name.span })
    }

    /// The value of names and numbers with `+`, `-` and `*` between them.
    fn hole(&self, hole: &str, name: &Name) -> Outcome<i64> {
        let too_large = || Fault::from(Problem::new("this number is too large for a name", name.span, "in the braces"));
        let mut total = 0i64;
        let mut rest = hole;
        let mut sign = 1i64;
        loop {
            let end = rest.find(['+', '-']).unwrap_or(rest.len());
            let mut product = sign;
            for operand in rest[..end].split('*') {
                let value = self.operand(operand.trim(), name)?;
                product = product.checked_mul(value).ok_or_else(too_large)?;
            }
            total = total.checked_add(product).ok_or_else(too_large)?;
            let Some(operator) = rest[end..].chars().next() else { return Ok(total) };
            sign = if operator == '-' { -1 } else { 1 };
            rest = &rest[end + 1..];
        }
    }

    fn operand(&self, operand: &str, name: &Name) -> Outcome<i64> {
        if let Ok(value) = operand.parse() {
            return Ok(value);
        }
        if let Some(value) = self.value(operand).or_else(|| self.names.get(operand).copied()) {
            return Ok(value);
        }
        let problem = Problem::new(format!("`{operand}` counts no block around this name"), name.span, "in the braces");
        let known: Vec<String> = self.counters.iter().map(|counter| format!("`{}`", counter.name)).collect();
        Err(problem.hint(format!("the counters here are {}", known.join(" and "))).into())
    }

    fn value(&self, name: &str) -> Option<i64> {
        let counter = self.counters.iter().find(|counter| counter.name == name).map(|counter| counter.value);
        counter.or_else(|| self.sizes.get(name).copied())
    }

    fn exprs(&mut self, exprs: &[Expr]) -> Outcome<Vec<Expr>> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    fn boxed(&mut self, expr: &Expr) -> Outcome<Box<Expr>> {
        self.expr(expr).map(Box::new)
    }

    fn expr(&mut self, expr: &Expr) -> Outcome<Expr> {
        self.parts += 1;
        Ok(Expr { kind: self.kind(expr)?, span: expr.span })
    }

    fn kind(&mut self, expr: &Expr) -> Outcome<ExprKind> {
        Ok(match &expr.kind {
            ExprKind::Number(text) => ExprKind::Number(text.clone()),
            ExprKind::Name(name) => match self.value(&name.text) {
                Some(value) => number(value, expr.span),
                None => ExprKind::Name(self.name(name)?),
            },
            ExprKind::Read { tensor, pad, subscripts } => {
                let pad = match pad {
                    Some(value) => Some(value.as_ref().map(|value| self.boxed(value)).transpose()?),
                    None => None,
                };
                ExprKind::Read { tensor: self.name(tensor)?, pad, subscripts: self.exprs(subscripts)? }
            }
            ExprKind::Sum(addends) => {
                let addends = addends.iter().map(|(minus, addend)| Ok((*minus, self.expr(addend)?)));
                ExprKind::Sum(addends.collect::<Outcome<_>>()?)
            }
            ExprKind::Product(factors) => {
                let factors = factors.iter().map(|factor| {
                    let value = self.expr(&factor.value)?;
                    Ok(Factor { value, divides: factor.divides })
                });
                ExprKind::Product(factors.collect::<Outcome<_>>()?)
            }
            ExprKind::Negate(inner) => ExprKind::Negate(self.boxed(inner)?),
            ExprKind::Power(a, b) => ExprKind::Power(self.boxed(a)?, self.boxed(b)?),
            ExprKind::Group(inner) => ExprKind::Group(self.boxed(inner)?),
            ExprKind::Call { function, indices, arguments } => ExprKind::Call {
                function: self.name(function)?,
                indices: self.exprs(indices)?,
                arguments: self.exprs(arguments)?,
            },
            ExprKind::Reduce { reduction, keyword, binders, body } => {
                let binders = binders.iter().map(|binder| {
                    self.check_not_counter(&binder.name)?;
                    let range = binder.range.as_ref().map(|range| self.expr(range)).transpose()?;
                    Ok(Binder { name: self.name(&binder.name)?, range })
                });
                let binders = binders.collect::<Outcome<_>>()?;
                ExprKind::Reduce { reduction: *reduction, keyword: *keyword, binders, body: self.boxed(body)? }
            }
            ExprKind::Bracket(inner) => ExprKind::Bracket(self.boxed(inner)?),
            ExprKind::Delta(a, b) => ExprKind::Delta(self.boxed(a)?, self.boxed(b)?),
            ExprKind::Compare(comparison, a, b) => ExprKind::Compare(*comparison, self.boxed(a)?, self.boxed(b)?),
            ExprKind::And(parts) => ExprKind::And(self.exprs(parts)?),
            ExprKind::Or(parts) => ExprKind::Or(self.exprs(parts)?),
            ExprKind::Not(inner) => ExprKind::Not(self.boxed(inner)?),
            ExprKind::Mod(a, b) => ExprKind::Mod(self.boxed(a)?, self.boxed(b)?),
            ExprKind::Derivative { of, wrt } => ExprKind::Derivative { of: self.boxed(of)?, wrt: self.boxed(wrt)? },
        })
    }
}

fn number(value: i64, span: Span) -> ExprKind {
    let digits = Expr { kind: ExprKind::Number(value.unsigned_abs().to_string()), span };
    if value < 0 {
        ExprKind::Group(Box::new(Expr { kind: ExprKind::Negate(Box::new(digits)), span }))
    } else {
        digits.kind
    }
}
