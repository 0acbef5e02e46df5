//! Slips with sums and signs.

use super::*;

impl<'a> Line<'a> {
    /// Sums over a letter that nothing binds.
    pub(super) fn sums_over(&self, letter: &str) -> Vec<Mend> {
        let what = format!("nothing sums over `{letter}`");
        let mut mends = Vec::new();
        for expr in self.all() {
            let ExprKind::Sum(addends) = &expr.kind else { continue };
            for (number, (_, addend)) in addends.iter().enumerate() {
                if let Some(body) = reduced_over(addend, letter) {
                    let end = addends[addends.len() - 1].1.span;
                    let edits = vec![(at(body.span.start), "(".into()), (at(end.end), ")".into())];
                    let what = format!("the sum over `{letter}` ends before the next `+` or `-`: it needs brackets");
                    if number + 1 < addends.len() {
                        mends.push(self.mend(Slip::Sum, addend.span, what, edits));
                    }
                }
            }
        }
        for word in ["sum", "mean"] {
            for term in self.terms() {
                let brackets = matches!(term.kind, ExprKind::Sum(_));
                let (open, close) = if brackets { ("(", ")") } else { ("", "") };
                let mut edits = vec![(at(term.span.start), format!("{word}[{letter}] {open}"))];
                if brackets {
                    edits.push((at(term.span.end), close.to_string()));
                }
                mends.push(self.mend(Slip::Sum, term.span, what.clone(), edits));
            }
            for (whole, part) in self.factors_and_arguments().filter(|(_, part)| mentions(part, letter)) {
                let edits = vec![(at(part.span.start), format!("({word}[{letter}] ")), (at(part.span.end), ")".into())];
                mends.push(self.mend(Slip::Sum, whole.span, what.clone(), edits));
            }
        }
        mends
    }

    /// What a sum may be missing in front of inside a term, each with what it is a part of: factors, and what
    /// functions and powers are of.
    fn factors_and_arguments(&self) -> impl Iterator<Item = (&'a Expr, &'a Expr)> {
        self.all().into_iter().flat_map(|whole| -> Vec<(&'a Expr, &'a Expr)> {
            match &whole.kind {
                ExprKind::Product(factors) => factors.iter().map(|factor| (whole, &factor.value)).collect(),
                ExprKind::Call { arguments, .. } => arguments.iter().map(|argument| (whole, argument)).collect(),
                ExprKind::Power(base, _) => vec![(whole, &**base)],
                _ => Vec::new(),
            }
        })
    }

    pub(super) fn sums(&self) -> Vec<Mend> {
        let mut mends = Vec::new();
        for expr in self.all() {
            match &expr.kind {
                ExprKind::Reduce { reduction: Reduction::Sum | Reduction::Mean, keyword, binders, body } => {
                    let letters: Vec<&str> = binders.iter().map(|binder| binder.name.text.as_str()).collect();
                    let word = self.text(*keyword);
                    let over = letters.join(", ");
                    let until = Span { start: expr.span.start, end: body.span.start };
                    let what =
                        format!("the {} over `{over}` is superfluous", if word == "mean" { "mean" } else { "sum" });
                    mends.push(self.mend(Slip::Sum, *keyword, what, vec![(until, String::new())]));
                    for (other, name) in
                        [("sum", "sum"), ("mean", "mean"), ("prod", "product"), ("logsumexp", "log of the sum of exp")]
                    {
                        let what = format!("this should be the {name} over `{over}`");
                        mends.push(self.mend(Slip::Sum, *keyword, what, vec![(*keyword, other.into())]));
                    }
                }
                ExprKind::Sum(addends) => {
                    for (_, addend) in &addends[..addends.len() - 1] {
                        let mut bodies = Vec::new();
                        addend.visit(&mut |inner| {
                            if let ExprKind::Reduce { body, .. } = &inner.kind
                                && body.span.end == addend.span.end
                            {
                                bodies.push((inner.span, body.span));
                            }
                        });
                        for (sum, body) in bodies {
                            let edits = vec![(at(body.start), "(".into()), (at(expr.span.end), ")".into())];
                            let what = "the sum ends before the next `+` or `-`: it needs brackets";
                            mends.push(self.mend(Slip::Sum, sum, what, edits));
                        }
                    }
                }
                _ => {}
            }
        }
        // A factor with a free index that should be summed over.
        let fresh = self.fresh();
        let parts = self.factors_and_arguments().map(|(_, part)| part);
        for part in self.terms().into_iter().chain(parts) {
            let inside = occurrences(part, self.model);
            for letter in unique(inside.iter().map(|found| found.letter)) {
                if inside.iter().any(|found| found.letter == letter && found.binds) {
                    continue;
                }
                let renamed = inside.iter().filter(|found| found.letter == letter);
                let edits: Vec<(Span, String)> = renamed.map(|found| (found.span, fresh.to_string())).collect();
                let text = flat(&edited(self.source, part.span, &edits));
                let what = format!("the sum over the index of `{}` is missing", self.text(part.span));
                for word in ["sum", "mean"] {
                    let summed = format!("({word}[{fresh}] ({text}))");
                    mends.push(self.mend(Slip::Sum, part.span, what.clone(), vec![(part.span, summed)]));
                }
            }
        }
        mends
    }

    pub(super) fn signs(&self) -> Vec<Mend> {
        let mut mends = vec![self.mend(
            Slip::Sign,
            self.expr.span,
            "the sign of the whole line is wrong",
            match &self.expr.kind {
                ExprKind::Sum(addends) => vec![(self.expr.span, self.negated(addends))],
                _ => flipped(self.expr),
            },
        )];
        for expr in self.all() {
            match &expr.kind {
                ExprKind::Sum(addends) => {
                    for (number, (subtracted, addend)) in addends.iter().enumerate() {
                        let what = format!("the sign of `{}` is wrong", self.text(addend.span));
                        let edits = match number {
                            0 => flipped(addend),
                            _ => {
                                let from = addends[number - 1].1.span.end as usize;
                                let between = &self.source[from..addend.span.start as usize];
                                let Some(sign) = between.find(['+', '-', '−']) else { continue };
                                let start = from + sign;
                                let length = between[sign..].chars().next().map_or(1, char::len_utf8);
                                let sign = if *subtracted { "+" } else { "-" };
                                vec![(Span::new(start, start + length), sign.into())]
                            }
                        };
                        mends.push(self.mend(Slip::Sign, addend.span, what, edits));
                    }
                }
                ExprKind::Negate(inner) => {
                    let minus = Span { start: expr.span.start, end: inner.span.start };
                    let what = format!("the sign of `{}` is wrong", self.text(inner.span));
                    mends.push(self.mend(Slip::Sign, expr.span, what, vec![(minus, String::new())]));
                }
                ExprKind::Call { arguments, .. } if arguments.len() == 1 => {
                    let argument = &arguments[0];
                    let edits = vec![(at(argument.span.start), "-(".into()), (at(argument.span.end), ")".into())];
                    let what = format!("the sign of `{}` is wrong", self.text(argument.span));
                    mends.push(self.mend(Slip::Sign, argument.span, what, edits));
                }
                ExprKind::Power(_, exponent) => {
                    let edits = vec![(at(exponent.span.start), "(-".into()), (at(exponent.span.end), ")".into())];
                    mends.push(self.mend(Slip::Sign, exponent.span, "the sign of the exponent is wrong", edits));
                }
                _ => {}
            }
        }
        mends
    }

    /// The opposite of a sum, what is added before what is subtracted.
    pub(super) fn negated(&self, addends: &[(bool, Expr)]) -> String {
        let flipped = addends.iter().map(|(subtracted, addend)| {
            let text = self.text(addend.span);
            match text.strip_prefix('-') {
                Some(rest) => (*subtracted, rest.trim_start().to_string()),
                None => (!*subtracted, text),
            }
        });
        let (added, subtracted): (Vec<_>, Vec<_>) = flipped.partition(|(subtracted, _)| !subtracted);
        let mut text = String::new();
        for (subtracted, addend) in added.into_iter().chain(subtracted) {
            text += match (text.is_empty(), subtracted) {
                (true, false) => "",
                (true, true) => "-",
                (false, false) => " + ",
                (false, true) => " - ",
            };
            text += &addend;
        }
        text
    }
}
