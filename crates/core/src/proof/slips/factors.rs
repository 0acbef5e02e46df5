//! Slips with factors and addends, and at kinks.

use super::*;

/// Of so many tensors, the last ones, entries are looked for.
const MOST_TENSORS: usize = 24;

/// What has entries: a tensor, or a derivative.
#[derive(PartialEq)]
struct Head {
    of: String,
    wrt: Option<String>,
    /// How many of the subscripts are those of `of`.
    rank: usize,
}

impl Head {
    /// An entry, as it is written.
    fn at(&self, letters: &[&str]) -> String {
        let (own, rest) = letters.split_at(self.rank);
        let entry = |name: &str, letters: &[&str]| match letters {
            [] => name.to_string(),
            letters => format!("{name}[{}]", letters.join(",")),
        };
        match &self.wrt {
            None => entry(&self.of, own),
            Some(wrt) => format!("∂{}/∂{}", entry(&self.of, own), entry(wrt, rest)),
        }
    }
}

/// The ways to choose different letters of these extents.
fn choices<'l>(shape: &[usize], letters: &[(&'l str, usize)]) -> Vec<Vec<&'l str>> {
    let mut chosen: Vec<Vec<&str>> = vec![Vec::new()];
    for extent in shape {
        let fitting = |chosen: &Vec<&'l str>| -> Vec<Vec<&'l str>> {
            let others = letters.iter().filter(|(letter, own)| own == extent && !chosen.contains(letter));
            others.map(|(letter, _)| chosen.iter().copied().chain([*letter]).collect()).collect()
        };
        chosen = chosen.iter().flat_map(fitting).take(60).collect();
    }
    chosen
}

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
        mends.truncate(MOST / 4);
        for factor in self.possible_factors() {
            for term in self.terms() {
                // A condition cannot be divided by.
                for divides in if factor.starts_with("delta") { &[false][..] } else { &[false, true] } {
                    mends.push(self.multiplied(term, &factor, *divides));
                }
            }
        }
        mends.truncate(MOST / 2);
        mends.extend(self.factors_with_dummies());
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
        self.other.visit(&mut |expr| {
            if let ExprKind::Product(factors) = &expr.kind {
                let is_plain = |factor: &&Factor| !matches!(factor.value.kind, ExprKind::Reduce { .. });
                factors.iter().filter(is_plain).for_each(|factor| {
                    add(self.text(factor.value.span).trim_start_matches('-').to_string());
                });
            }
        });
        let is_read = |expr: &Expr| matches!(expr.kind, ExprKind::Read { pad: None, .. });
        self.expr.visit(&mut |expr| {
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
        for tensor in self.model.tensors.iter().rev().take(MOST_TENSORS) {
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

    /// Factors that may be missing under a sum: entries at indices that are summed over, where the extents fit.
    fn factors_with_dummies(&self) -> Vec<Mend> {
        let own = self.occurrences();
        let lost = self.free.iter().filter(|free| !own.iter().any(|found| found.letter == **free));
        // What is free on one side only must stand in what is missing.
        let asked: Vec<&str> = self.stray.iter().chain(lost).copied().collect();
        let letters = unique(own.iter().map(|found| found.letter).chain(self.free.iter().copied()));
        let known = self.extents();
        let letters: Vec<(&str, usize)> = known.into_iter().filter(|(letter, _)| letters.contains(letter)).collect();
        let mut factors = Vec::new();
        for (name, shape) in self.heads() {
            for chosen in choices(&shape, &letters) {
                if asked.iter().all(|letter| chosen.contains(letter)) {
                    factors.push(name.at(&chosen));
                }
            }
        }
        let terms = || self.terms().into_iter().chain(self.bodies());
        factors.iter().flat_map(|factor| terms().map(|term| self.multiplied(term, factor, false))).collect()
    }

    /// What sums and means are of, unless it is a sum of terms.
    fn bodies(&self) -> Vec<&'a Expr> {
        let body = |expr: &'a Expr| match &expr.kind {
            ExprKind::Reduce { body, .. } => Some(&**body),
            _ => None,
        };
        self.all().into_iter().filter_map(body).collect()
    }

    /// The extents of the letters that stand by themselves as subscripts.
    fn extents(&self) -> Vec<(&'a str, usize)> {
        let mut found: Vec<(&str, usize)> = Vec::new();
        let mut tied: Vec<(&str, &str)> = Vec::new();
        for expr in [self.expr, self.other] {
            expr.visit(&mut |expr| {
                if let ExprKind::Delta(a, b) = &expr.kind
                    && let (ExprKind::Name(a), ExprKind::Name(b)) = (&a.kind, &b.kind)
                {
                    tied.push((&a.text, &b.text));
                }
                let ExprKind::Read { tensor, subscripts, .. } = &expr.kind else { return };
                let Some(own) = self.model.tensor(&tensor.text) else { return };
                for (subscript, extent) in subscripts.iter().zip(&own.shape) {
                    if let ExprKind::Name(letter) = &subscript.kind
                        && !found.iter().any(|(known, _)| *known == letter.text)
                    {
                        found.push((&letter.text, *extent));
                    }
                }
            });
        }
        for (a, b) in tied {
            let extent = |letter: &str| found.iter().find(|(known, _)| *known == letter).map(|(_, extent)| *extent);
            match (extent(a), extent(b)) {
                (Some(extent), None) => found.push((b, extent)),
                (None, Some(extent)) => found.push((a, extent)),
                _ => {}
            }
        }
        found
    }

    /// What has entries: the derivatives that stand in the lines, and tensors, the last ones first.
    fn heads(&self) -> Vec<(Head, Vec<usize>)> {
        let mut heads: Vec<(Head, Vec<usize>)> = Vec::new();
        let tensors = self.model.tensors.iter().rev().take(MOST_TENSORS);
        let tensors: Vec<&Tensor> =
            tensors.filter(|tensor| crate::derivation::derivative_parts(&tensor.name).is_none()).collect();
        // Each of them would take a pass through the model.
        let is_between = |tensor: &&&Tensor| !self.is_large && matches!(tensor.role, Role::Defined(_));
        let between: Vec<&str> = tensors.iter().filter(is_between).map(|tensor| &*tensor.name).collect();
        let mut add = |of: &str, wrt: &str| {
            let (Some(a), Some(b)) = (self.model.tensor(of), self.model.tensor(wrt)) else { return };
            let head = Head { of: of.into(), wrt: Some(wrt.into()), rank: a.shape.len() };
            if of != wrt && !heads.iter().any(|(known, _)| *known == head) {
                heads.push((head, [a.shape.as_slice(), &b.shape].concat()));
            }
        };
        for expr in [self.other, self.expr] {
            expr.visit(&mut |expr| {
                let ExprKind::Derivative { of, wrt } = &expr.kind else { return };
                let name = |expr: &Expr| match &expr.kind {
                    ExprKind::Read { tensor: name, .. } | ExprKind::Name(name) => Some(name.text.clone()),
                    _ => None,
                };
                let (Some(of), Some(wrt)) = (name(of), name(wrt)) else { return };
                // By the chain rule the derivatives to and from what lies between may be missing too.
                add(&of, &wrt);
                for between in &between {
                    add(&of, between);
                    add(between, &wrt);
                }
            });
        }
        heads.extend(tensors.iter().map(|tensor| {
            (Head { of: tensor.name.to_string(), wrt: None, rank: tensor.shape.len() }, tensor.shape.clone())
        }));
        heads
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
        self.other.visit(&mut |expr| {
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
