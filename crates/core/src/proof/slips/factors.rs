//! Slips with factors and addends, and at kinks.

use super::*;

impl<'a> Line<'a> {
    /// A number by which the whole line is wrong.
    pub(super) fn ratios(&self) -> Vec<Mend> {
        let Some((numerator, denominator)) = self.ratio.and_then(as_fraction) else { return Vec::new() };
        let (large, times) = match (numerator, denominator) {
            (1, size) => (format!("a factor {size} is missing"), size.to_string()),
            (size, 1) => (format!("the line is {size} times too large"), format!("1/{size}")),
            (n, d) => (format!("a factor {d}/{n} is missing"), format!("{d}/{n}")),
        };
        let text = self.text(self.expr.span);
        let text = match &self.expr.kind {
            ExprKind::Sum(_) | ExprKind::Negate(_) => format!("{times} ({text})"),
            _ if text.starts_with('-') => format!("-{times} {}", &text[1..]),
            _ => format!("{times} {text}"),
        };
        vec![self.mend(Slip::Factor, self.expr.span, large, vec![(self.expr.span, text)])]
    }

    pub(super) fn factors(&self) -> Vec<Mend> {
        let mut mends = Vec::new();
        for (whole, factors) in self.products() {
            for number in 0..factors.len() {
                let text = |factor: &Factor| self.text(factor.value.span);
                let own = text(&factors[number]);
                let write = |changed: Vec<(String, bool)>| vec![(whole.span, product(&changed))];
                let others = factors.iter().enumerate().filter(|(other, _)| *other != number);
                let left: Vec<(String, bool)> = others.map(|(_, factor)| (text(factor), factor.divides)).collect();
                let minus = number == 0 && matches!(factors[0].value.kind, ExprKind::Negate(_));
                let mut edits = write(left);
                if minus {
                    edits[0].1.insert(0, '-');
                }
                let name = own.trim_start_matches('-').to_string();
                let at = factors[number].value.span;
                mends.push(self.mend(Slip::Factor, at, format!("the factor `{name}` is superfluous"), edits));
                let turned = factors
                    .iter()
                    .enumerate()
                    .map(|(other, factor)| (text(factor), factor.divides != (other == number)))
                    .collect();
                let what = match factors[number].divides {
                    true => format!("`{name}` should be a factor, not a divisor"),
                    false => format!("`{name}` should be a divisor, not a factor"),
                };
                mends.push(self.mend(Slip::Factor, at, what, write(turned)));
            }
        }
        for expr in self.all() {
            if let ExprKind::Power(base, exponent) = &expr.kind {
                let what = format!("the exponent of `{}` is wrong", self.text(base.span));
                for other in ["1", "2", "3", "(-1)", "(-2)", "(1/2)"] {
                    let edits = vec![(exponent.span, other.to_string())];
                    mends.push(self.mend(Slip::Factor, expr.span, what.clone(), edits));
                }
            }
        }
        mends.truncate(MOST / 2);
        for factor in self.possible_factors() {
            for term in self.terms() {
                // A condition cannot be divided by.
                for divides in if factor.starts_with("delta") { &[false][..] } else { &[false, true] } {
                    mends.push(self.multiplied(term, &factor, *divides));
                }
            }
        }
        mends
    }

    pub(super) fn multiplied(&self, term: &Expr, factor: &str, divides: bool) -> Mend {
        let text = self.text(term.span);
        let (sign, text) = match &term.kind {
            ExprKind::Sum(_) => ("", format!("({text})")),
            _ => text.strip_prefix('-').map_or(("", text.clone()), |rest| ("-", rest.trim_start().to_string())),
        };
        let holds_quotient =
            matches!(&term.kind, ExprKind::Product(factors) if factors.iter().any(|factor| factor.divides));
        let text = if holds_quotient { format!("({text})") } else { text };
        let written = match divides {
            true => product(&[(text, false), (factor.to_string(), true)]),
            false => product(&[(factor.to_string(), false), (text, false)]),
        };
        let what = match divides {
            true => format!("it should be divided by `{factor}`"),
            false => format!("the factor `{factor}` is missing"),
        };
        self.mend(Slip::Factor, term.span, what, vec![(term.span, format!("{sign}{written}"))])
    }

    /// What may be missing as a factor: the factors of the line above, and entries at free indices.
    pub(super) fn possible_factors(&self) -> Vec<String> {
        let mut found: Vec<String> = vec!["2".into()];
        let mut add = |text: String| {
            if !found.contains(&text) {
                found.push(text);
            }
        };
        visit(self.other, &mut |expr| {
            if let ExprKind::Product(factors) = &expr.kind {
                let is_plain = |factor: &&Factor| !matches!(factor.value.kind, ExprKind::Reduce { .. });
                factors.iter().filter(is_plain).for_each(|factor| {
                    add(self.text(factor.value.span).trim_start_matches('-').to_string());
                });
            }
        });
        let is_read = |expr: &Expr| matches!(expr.kind, ExprKind::Read { pad: None, .. });
        visit(self.expr, &mut |expr| {
            let inside = occurrences(expr, self.model);
            if is_read(expr) && inside.iter().all(|found| self.free.contains(&found.letter)) {
                add(self.text(expr.span));
            }
        });
        let letters = |rank: usize| -> Vec<String> {
            match rank {
                0 => vec![String::new()],
                1 => self.free.iter().map(|letter| format!("[{letter}]")).collect(),
                2 => {
                    let pairs = self.free.iter().flat_map(|a| self.free.iter().map(move |b| (a, b)));
                    pairs.filter(|(a, b)| a != b).map(|(a, b)| format!("[{a},{b}]")).collect()
                }
                _ => Vec::new(),
            }
        };
        for (number, a) in self.free.iter().enumerate() {
            self.free[number + 1..].iter().for_each(|b| add(format!("delta[{a},{b}]")));
        }
        for tensor in self.model.tensors.iter().rev().take(24) {
            if crate::derivation::derivative_parts(&tensor.name).is_some() {
                continue;
            }
            for subscripts in letters(tensor.shape.len()) {
                add(format!("{}{subscripts}", tensor.name));
                add(format!("(1 - {}{subscripts})", tensor.name));
                add(format!("(1 - {}{subscripts}^2)", tensor.name));
            }
        }
        found
    }

    pub(super) fn addends(&self) -> Vec<Mend> {
        let mut mends = Vec::new();
        for expr in self.all() {
            let ExprKind::Sum(addends) = &expr.kind else { continue };
            for (number, (_, addend)) in addends.iter().enumerate() {
                let what = format!("the addend `{}` is superfluous", self.text(addend.span));
                let cut = match number {
                    0 => Span { start: addend.span.start, end: addends[1].1.span.start },
                    _ => Span { start: addends[number - 1].1.span.end, end: addend.span.end },
                };
                let minus = if number == 0 && addends[1].0 { "-" } else { "" };
                mends.push(self.mend(Slip::Addend, addend.span, what, vec![(cut, minus.to_string())]));
            }
        }
        for mend in self.transposed().into_iter().filter(|mend| mend.edits.len() == 2) {
            for term in self.terms() {
                let inside =
                    mend.edits.iter().all(|(span, _)| term.span.start <= span.start && span.end <= term.span.end);
                if inside && !matches!(term.kind, ExprKind::Sum(_)) {
                    let twin = flat(&edited(self.source, term.span, &mend.edits));
                    let what = format!("the addend `{twin}` is missing");
                    mends.push(self.mend(
                        Slip::Addend,
                        term.span,
                        what,
                        vec![(at(term.span.end), format!(" + {twin}"))],
                    ));
                }
            }
        }
        let mut others: Vec<String> = Vec::new();
        visit(self.other, &mut |expr| {
            if let ExprKind::Sum(addends) = &expr.kind {
                others.extend(addends.iter().map(|(_, addend)| self.text(addend.span)));
            }
        });
        others.push("1".into());
        others.extend(self.possible_factors().into_iter().filter(|factor| !factor.starts_with('(')));
        for addend in others {
            for term in std::iter::once(self.expr).chain(self.groups()) {
                for sign in ["+", "-"] {
                    let what = format!("the addend `{sign}{addend}` is missing");
                    let is_inside = term.span != self.expr.span && !matches!(term.kind, ExprKind::Sum(_));
                    let (open, close) = if is_inside { ("(", ")") } else { ("", "") };
                    let edits = vec![
                        (at(term.span.start), open.to_string()),
                        (at(term.span.end), format!(" {sign} {addend}{close}")),
                    ];
                    mends.push(self.mend(Slip::Addend, term.span, what, edits));
                }
            }
        }
        mends
    }

    /// What stands in brackets.
    pub(super) fn groups(&self) -> Vec<&'a Expr> {
        let inner = |expr: &'a Expr| match &expr.kind {
            ExprKind::Group(inner) => Some(&**inner),
            _ => None,
        };
        self.all().into_iter().filter_map(inner).collect()
    }

    /// Comparisons that are strict and should not be, or the other way round.
    pub(super) fn kinks(&self) -> Vec<Mend> {
        let mut mends = Vec::new();
        for expr in self.all() {
            let ExprKind::Compare(_, left, right) = &expr.kind else { continue };
            let sign = Span { start: left.span.end, end: right.span.start };
            let other = match self.source[sign.range()].trim() {
                ">=" | "≥" => ">",
                "<=" | "≤" => "<",
                ">" => ">=",
                "<" => "<=",
                _ => continue,
            };
            let what = format!("at the kink `{other}` is right");
            mends.push(self.mend(Slip::Kink, expr.span, what, vec![(sign, format!(" {other} "))]));
        }
        mends
    }
}
