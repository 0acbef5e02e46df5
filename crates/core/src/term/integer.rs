//! Terms of integer value: what they can be, and floors and remainders in normal form.

use super::*;

impl Term {
    /// Whether its value is an integer, whatever the tensors in it hold. Of a tensor of integers
    /// only its model knows.
    pub fn is_integer(&self) -> bool {
        match self.node() {
            Node::Number(number) => number.as_integer().is_some(),
            Node::Affine(_) | Node::Compare(..) | Node::Logic(..) | Node::Call(Function::Floor | Function::Sign, _) => {
                true
            }
            Node::Add(parts)
            | Node::Mul(parts)
            | Node::Call(Function::Mod | Function::Max | Function::Min | Function::Abs, parts) => {
                parts.iter().all(Term::is_integer)
            }
            Node::Where(_, then, otherwise) => then.is_integer() && otherwise.is_integer(),
            Node::Reduce { reduction: Reduction::ArgMax | Reduction::ArgMin, .. } => true,
            Node::Read { .. }
            | Node::Pow(..)
            | Node::Call(..)
            | Node::Reduce { .. }
            | Node::Jacobian { .. }
            | Node::Derivative { .. } => false,
        }
    }

    /// Least and greatest value of an integer term over the ranges of its free indices and over all sizes, as far
    /// as its form tells; `None` where it does not tell both, or 64 bits do not hold them.
    pub fn integer_bounds(&self) -> Option<(i64, i64)> {
        match self.node() {
            Node::Number(number) => number.as_integer().map(|value| (value, value)),
            Node::Affine(affine) => affine.bounds().or_else(|| self.integer_span()?.everywhere()),
            Node::Add(addends) => addends.iter().try_fold((0i64, 0i64), |(least, greatest), addend| {
                let (low, high) = addend.integer_bounds()?;
                Some((least.checked_add(low)?, greatest.checked_add(high)?))
            }),
            Node::Mul(factors) => factors.iter().try_fold((1i64, 1i64), |(least, greatest), factor| {
                let (low, high) = factor.integer_bounds()?;
                let corners = [(least, low), (least, high), (greatest, low), (greatest, high)];
                let products = corners.iter().map(|(a, b)| a.checked_mul(*b)).collect::<Option<Vec<i64>>>()?;
                Some((*products.iter().min()?, *products.iter().max()?))
            }),
            Node::Call(Function::Floor, arguments) => {
                let (dividend, divisor) = over_denominator(&arguments[0])?;
                let (low, high) = dividend.integer_bounds()?;
                Some((low.div_euclid(divisor), high.div_euclid(divisor)))
            }
            Node::Call(Function::Mod, arguments) => {
                let divisor = arguments[1].as_number()?.as_integer().filter(|divisor| *divisor > 0)?;
                arguments[0].is_integer().then_some((0, divisor - 1))
            }
            Node::Compare(..) | Node::Logic(..) => Some((0, 1)),
            Node::Where(_, then, otherwise) => {
                let ((a, b), (c, d)) = (then.integer_bounds()?, otherwise.integer_bounds()?);
                Some((a.min(c), b.max(d)))
            }
            Node::Reduce { reduction: Reduction::ArgMax | Reduction::ArgMin, binders, .. } => {
                let positions =
                    binders.iter().try_fold(1usize, |count, binder| count.checked_mul(binder.extent.known()?))?;
                Some((0, i64::try_from(positions).ok()?.checked_sub(1).filter(|last| *last >= 0)?))
            }
            _ => None,
        }
    }

    /// Least and greatest value of an integer term over the ranges of its free indices, as polynomials in the
    /// sizes; `None` where its form does not tell.
    pub fn integer_span(&self) -> Option<Span> {
        match self.node() {
            Node::Affine(affine) => affine.span(),
            Node::Add(addends) => {
                addends.iter().try_fold(Span::constant(0, 0), |sum, addend| sum.plus(&addend.integer_span()?))
            }
            Node::Mul(factors) => {
                let (number, rest) = self.split_number();
                match (number.as_integer(), rest.factors()) {
                    (Some(number), [only]) if factors.len() == 2 => only.integer_span()?.scaled(number),
                    _ => self.size_product().or_else(|| self.number_span()),
                }
            }
            Node::Reduce { reduction: Reduction::ArgMax | Reduction::ArgMin, binders, .. } => {
                let one = Polynomial::constant(1);
                let positions = binders.iter().try_fold(one.clone(), |count, b| count.times(&b.extent.polynomial()))?;
                Some(Span { least: Polynomial::constant(0), greatest: positions.plus(-1, &one)? })
            }
            _ => self.number_span(),
        }
    }

    /// The span of what numbers bound.
    fn number_span(&self) -> Option<Span> {
        let (least, greatest) = self.integer_bounds()?;
        Some(Span::constant(least, greatest))
    }

    /// The span of a product of sizes and numbers.
    fn size_product(&self) -> Option<Span> {
        let product = self.as_polynomial()?;
        Some(Span { least: product.clone(), greatest: product })
    }

    /// The polynomial in sizes it is, if it is one.
    pub fn as_polynomial(&self) -> Option<Polynomial> {
        match self.node() {
            Node::Number(number) => number.as_integer().map(Polynomial::constant),
            Node::Affine(affine) => {
                let constant = Polynomial::constant(affine.constant);
                affine.terms.iter().try_fold(constant, |sum, (slot, coefficient)| match slot {
                    Slot::Size(size) => sum.plus(*coefficient, &Polynomial::from(size)),
                    Slot::Free(_) | Slot::Bound(_) => None,
                })
            }
            Node::Add(addends) => {
                addends.iter().try_fold(Polynomial::constant(0), |sum, addend| sum.plus(1, &addend.as_polynomial()?))
            }
            Node::Mul(factors) => {
                factors.iter().try_fold(Polynomial::constant(1), |all, factor| all.times(&factor.as_polynomial()?))
            }
            Node::Pow(base, exponent) => {
                let power = exponent.as_number()?.as_integer().filter(|power| (1..=8).contains(power))?;
                let base = base.as_polynomial()?;
                (0..power).try_fold(Polynomial::constant(1), |product, _| product.times(&base))
            }
            _ => None,
        }
    }

    /// Whether it is a number made of sizes that is greater than 0 at all of them.
    pub fn is_positive_size(&self) -> bool {
        matches!(self.node(), Node::Affine(_)) && self.as_polynomial().is_some_and(|size| size.is_positive())
    }

    /// As [`Term::integer_bounds`], of itself plus a number times another term.
    pub fn integer_bounds_with(&self, times: i64, other: &Term) -> Option<(i64, i64)> {
        if let (Some(own), Some(others)) = (self.as_form(), other.as_form())
            && let Some(bounds) = bounds_of_sum(own, times, others)
        {
            return bounds;
        }
        self.plus_times(times, other).integer_bounds()
    }

    fn plus_times(&self, times: i64, other: &Term) -> Term {
        match times {
            -1 => self.minus(other),
            _ => Term::add(vec![self.clone(), Term::mul(vec![Term::integer(times), other.clone()])]),
        }
    }

    /// As [`Term::integer_bounds_with`], each bound by itself: at all sizes, one may be known without the other.
    pub fn integer_ends_with(&self, times: i64, other: &Term) -> (Option<i64>, Option<i64>) {
        match self.integer_bounds_with(times, other) {
            Some((least, greatest)) => (Some(least), Some(greatest)),
            None => self.plus_times(times, other).integer_ends(),
        }
    }

    /// As [`Term::integer_bounds`], each bound by itself.
    pub fn integer_ends(&self) -> (Option<i64>, Option<i64>) {
        match self.integer_span() {
            Some(span) => (span.least.least(), span.greatest.greatest()),
            None => (None, None),
        }
    }

    /// The affine form it is, if it is one, without a copy.
    fn as_form(&self) -> Option<Form<'_>> {
        match self.node() {
            Node::Affine(affine) => Some((&affine.terms, affine.constant)),
            Node::Number(number) => Some((&[], number.as_integer()?)),
            _ => None,
        }
    }

    /// Whether all its values lie in `0..extent`, as far as its form tells.
    pub fn stays_below(&self, extent: &Extent) -> bool {
        if let (Some(extent), Some((least, greatest))) = (extent.known(), self.integer_bounds()) {
            return least >= 0 && (greatest as u64) < extent as u64;
        }
        let Some(span) = self.integer_span() else { return false };
        let room = extent.polynomial().plus(-1, &span.greatest);
        span.least.least().is_some_and(|least| least >= 0) && room.is_some_and(|room| room.is_positive())
    }

    /// `floor(self / divisor)`, for an integer term and a positive divisor.
    pub fn floor_quotient(&self, divisor: i64) -> Term {
        Term::call(Function::Floor, Term::mul(vec![Term::ratio(1, divisor), self.clone()]))
    }

    /// `self mod divisor`, for a positive divisor.
    pub fn remainder(&self, divisor: i64) -> Term {
        Term::call2(Function::Mod, self.clone(), Term::integer(divisor))
    }
}

/// An affine form: the indices in it and its constant.
type Form<'t> = (&'t [(Slot, i64)], i64);

/// Least and greatest value of one form plus a number times another, as [`Affine::bounds`] of the sum; `None`
/// where 64 bits do not hold it.
fn bounds_of_sum((own, constant): Form, times: i64, (others, other): Form) -> Option<Option<(i64, i64)>> {
    let in_other = |slot: &Slot| others.iter().find(|(found, _)| found == slot).map_or(0, |(_, number)| *number);
    let constant = constant.checked_add(times.checked_mul(other)?)?;
    let (mut least, mut greatest) = (constant, constant);
    let only_other = others.iter().filter(|(slot, _)| own.iter().all(|(found, _)| found != slot));
    let both = own.iter().map(|(slot, number)| (slot, *number, in_other(slot)));
    for (slot, number, other) in both.chain(only_other.map(|(slot, number)| (slot, 0, *number))) {
        let coefficient = number.checked_add(times.checked_mul(other)?)?;
        if coefficient == 0 {
            continue;
        }
        let Slot::Free(index) = slot else { return None };
        let Some(last) = i64::try_from(index.extent.known()?).ok()?.checked_sub(1).filter(|last| *last >= 0) else {
            return Some(None);
        };
        let reach = coefficient.checked_mul(last)?;
        least = least.checked_add(reach.min(0))?;
        greatest = greatest.checked_add(reach.max(0))?;
    }
    Some(Some((least, greatest)))
}

impl Term {
    /// A term as an integer term over a positive integer, if it is one: `(2 i + 1) / 4`.
    pub fn as_quotient(&self) -> Option<(Term, i64)> {
        over_denominator(self)
    }

    /// The least positive integer by which a sum of fractions becomes one without: 6 for `x / 2 + y / 3`, whatever
    /// `x` and `y` are; `None` where a number in it is no fraction.
    pub fn denominator(&self) -> Option<i64> {
        self.addends().iter().try_fold(1i64, |divisor, addend| {
            let Number::Ratio(_, denominator) = addend.leading_number() else { return None };
            divisor.checked_mul(denominator / greatest_common_divisor(divisor, denominator))
        })
    }
}

/// `Σ coefficient · part + constant`, the parts being integer terms.
struct Linear {
    parts: Vec<(i64, Term)>,
    constant: i64,
}

impl Linear {
    fn of(term: &Term) -> Option<Linear> {
        let mut linear = Linear { parts: Vec::new(), constant: 0 };
        for addend in term.addends() {
            if let Some(form) = addend.as_affine() {
                linear.constant = linear.constant.checked_add(form.constant)?;
                let single = |slot: &Slot| Term::affine(Affine::slot(slot.clone()));
                linear.parts.extend(form.terms.iter().map(|(slot, coefficient)| (*coefficient, single(slot))));
                continue;
            }
            let (number, rest) = addend.split_number();
            linear.parts.push((number.as_integer()?, rest));
        }
        Some(linear)
    }

    fn term(&self) -> Term {
        let scaled = |(coefficient, part): &(i64, Term)| Term::mul(vec![Term::integer(*coefficient), part.clone()]);
        Term::add(self.parts.iter().map(scaled).chain([Term::integer(self.constant)]).collect())
    }

    /// The greatest number that divides the coefficients and the divisor.
    fn common_divisor(&self, divisor: i64) -> i64 {
        self.parts.iter().fold(divisor, |divisor, (coefficient, _)| greatest_common_divisor(divisor, *coefficient))
    }

    /// The whole number of times the divisor goes into it, where that is certain.
    fn certain_quotient(&self, divisor: i64) -> Option<i64> {
        let (low, high) = self.term().integer_bounds()?;
        (low.div_euclid(divisor) == high.div_euclid(divisor)).then(|| low.div_euclid(divisor))
    }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i64::try_from(a).unwrap_or(1).max(1)
}

/// A term as an integer term over a positive integer, if it is one.
fn over_denominator(term: &Term) -> Option<(Term, i64)> {
    let divisor = term.denominator()?;
    let dividend = Term::mul(vec![Term::integer(divisor), term.clone()]);
    dividend.is_integer().then_some((dividend, divisor))
}

/// `floor(argument)` in normal form; `None` where it has no shorter one.
pub(super) fn floor(argument: &Term) -> Option<Term> {
    if let Some(number) = argument.as_number() {
        let floor = number.value().floor();
        // Integers of this size are exact.
        return (floor.abs() < 9e15).then(|| Term::integer(floor as i64));
    }
    if argument.is_integer() {
        return Some(argument.clone());
    }
    let (dividend, divisor) = over_denominator(argument)?;
    let mut whole = Linear { parts: Vec::new(), constant: 0 };
    let mut rest = Linear::of(&dividend)?;
    let (multiples, others) = rest.parts.into_iter().partition(|(coefficient, _)| coefficient % divisor == 0);
    whole.parts = multiples;
    rest.parts = others;
    whole.parts.iter_mut().for_each(|(coefficient, _)| *coefficient /= divisor);
    whole.constant = rest.constant.div_euclid(divisor);
    rest.constant = rest.constant.rem_euclid(divisor);
    if rest.parts.is_empty() {
        return Some(whole.term());
    }
    // floor((g a + r) / (g d)) = floor(a / d) for 0 <= r < g
    let common = rest.common_divisor(divisor);
    rest.parts.iter_mut().for_each(|(coefficient, _)| *coefficient /= common);
    rest.constant = rest.constant.div_euclid(common);
    let divisor = divisor / common;
    if let Some(quotient) = rest.certain_quotient(divisor) {
        whole.constant = whole.constant.checked_add(quotient)?;
        return Some(whole.term());
    }
    let quotient = nested_floor(&rest, divisor).unwrap_or_else(|| {
        let argument = Term::mul(vec![Term::ratio(1, divisor), rest.term()]);
        Term::from_node(Node::Call(Function::Floor, vec![argument]))
    });
    Some(Term::add(vec![whole.term(), quotient]))
}

/// `floor((floor(a / b) + c) / d) = floor((a + b c) / (b d))`, for integers
fn nested_floor(dividend: &Linear, divisor: i64) -> Option<Term> {
    let is_floor = |part: &(i64, Term)| part.0 == 1 && matches!(part.1.node(), Node::Call(Function::Floor, _));
    let position = dividend.parts.iter().position(is_floor)?;
    let Node::Call(_, arguments) = dividend.parts[position].1.node() else { return None };
    let (inner, inner_divisor) = over_denominator(&arguments[0])?;
    let divisor = divisor.checked_mul(inner_divisor)?;
    let mut others = dividend.parts.clone();
    others.remove(position);
    let others = Linear { parts: others, constant: dividend.constant }.term();
    let whole = Term::add(vec![inner, Term::mul(vec![Term::integer(inner_divisor), others])]);
    Some(whole.floor_quotient(divisor))
}

/// `dividend mod divisor` in normal form; `None` where it has no shorter one.
pub(super) fn modulo(dividend: &Term, divisor: &Term) -> Option<Term> {
    let divisor = divisor.as_number()?.as_integer().filter(|divisor| *divisor > 0)?;
    if !dividend.is_integer() {
        return None;
    }
    let mut linear = Linear::of(dividend)?;
    // A remainder by a multiple of the divisor may be left out.
    for (_, part) in &mut linear.parts {
        if let Node::Call(Function::Mod, arguments) = part.node()
            && arguments[1].as_number()?.as_integer().is_some_and(|inner| inner > 0 && inner % divisor == 0)
        {
            *part = arguments[0].clone();
        }
    }
    let mut linear = Linear::of(&linear.term())?;
    linear.parts.retain_mut(|(coefficient, _)| {
        *coefficient %= divisor;
        *coefficient != 0
    });
    linear.constant = linear.constant.rem_euclid(divisor);
    if linear.parts.is_empty() {
        return Some(Term::integer(linear.constant));
    }
    // (g a + r) mod (g d) = g (a mod d) + r for 0 <= r < g
    let common = linear.common_divisor(divisor);
    let kept = linear.constant.rem_euclid(common);
    linear.parts.iter_mut().for_each(|(coefficient, _)| *coefficient /= common);
    linear.constant = linear.constant.div_euclid(common);
    let divisor = divisor / common;
    let remainder = match linear.certain_quotient(divisor) {
        Some(quotient) => {
            linear.constant = linear.constant.checked_sub(quotient.checked_mul(divisor)?)?;
            linear.term()
        }
        None => Term::from_node(Node::Call(Function::Mod, vec![linear.term(), Term::integer(divisor)])),
    };
    Some(Term::add(vec![Term::mul(vec![Term::integer(common), remainder]), Term::integer(kept)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(parts: &[(i64, &Index)], constant: i64) -> Term {
        let forms: Vec<Affine> = parts.iter().map(|(_, index)| Affine::index(index)).collect();
        let constant = Affine::constant(constant);
        let mut combined: Vec<(i64, &Affine)> = parts.iter().zip(&forms).map(|((c, _), form)| (*c, form)).collect();
        combined.push((1, &constant));
        Term::affine(Affine::combine(&combined).unwrap())
    }

    #[test]
    fn floors_and_remainders_have_one_form() {
        let (i, j) = (Index::new(0, 10, "i"), Index::new(1, 3, "j"));
        assert_eq!(form(&[(1, &i)], 0).floor_quotient(1), Term::index(&i));
        assert_eq!(form(&[(2, &i)], 1).floor_quotient(2), Term::index(&i));
        assert_eq!(form(&[(6, &i), (1, &j)], 0).floor_quotient(3), form(&[(2, &i)], 0));
        assert_eq!(form(&[(2, &i)], 1).floor_quotient(4), form(&[(1, &i)], 0).floor_quotient(2));
        assert_eq!(form(&[(1, &i)], 3).floor_quotient(2), {
            Term::add(vec![form(&[(1, &i)], 1).floor_quotient(2), Term::integer(1)])
        });
        let half = form(&[(1, &i)], 0).floor_quotient(2);
        assert_eq!(half.floor_quotient(3), form(&[(1, &i)], 0).floor_quotient(6));
        assert_eq!(Term::add(vec![half, Term::integer(1)]).floor_quotient(3), form(&[(1, &i)], 2).floor_quotient(6));
        assert!(form(&[(2, &i)], 0).remainder(2).is_zero());
        assert_eq!(form(&[(3, &i), (1, &j)], 0).remainder(3), Term::index(&j));
        assert_eq!(form(&[(1, &i)], 0).remainder(10), Term::index(&i));
        assert_eq!(form(&[(1, &i)], 0).remainder(4).remainder(2), form(&[(1, &i)], 0).remainder(2));
        assert_eq!(form(&[(5, &i)], 7).remainder(4), form(&[(1, &i)], 3).remainder(4));
    }

    #[test]
    fn floors_and_remainders_keep_their_value() {
        let value = |term: &Term, i: i64, j: i64| {
            let pairs = [(Index::new(0, 10, "i"), i), (Index::new(1, 7, "j"), j)];
            term.substitute_terms(&pairs.map(|(index, value)| (index, Term::integer(value))))
                .as_number()
                .unwrap()
                .value()
        };
        let (i, j) = (Index::new(0, 10, "i"), Index::new(1, 7, "j"));
        for number in 0..4000i64 {
            let pick = |place: u32, range: i64| number / 7i64.pow(place) % range;
            let (a, b, c) = (pick(0, 7) - 3, pick(1, 5) - 2, pick(2, 9) - 4);
            let (p, q, r) = (pick(3, 4) + 1, pick(0, 3) + 1, pick(1, 5) + 1);
            let inner = form(&[(a, &i), (b, &j)], c);
            let floor = inner.floor_quotient(p);
            let outer = Term::add(vec![Term::mul(vec![Term::integer(q), floor]), Term::index(&j)]);
            for (x, y) in [(0, 0), (9, 6), (3, 5), (8, 1)] {
                let n = a * x + b * y + c;
                let m = q * n.div_euclid(p) + y;
                assert_eq!(value(&inner.remainder(p), x, y), n.rem_euclid(p) as f64);
                assert_eq!(value(&outer.floor_quotient(r), x, y), m.div_euclid(r) as f64, "{outer:?}");
                assert_eq!(value(&outer.remainder(r), x, y), m.rem_euclid(r) as f64, "{outer:?}");
                let mixed = Term::add(vec![inner.remainder(p), outer.clone()]);
                assert_eq!(value(&mixed.remainder(r), x, y), (n.rem_euclid(p) + m).rem_euclid(r) as f64);
                let (low, high) = mixed.integer_bounds().unwrap();
                assert!((low..=high).contains(&(n.rem_euclid(p) + m)));
                let other = form(&[(r, &j)], q);
                let sum = Term::add(vec![inner.clone(), Term::mul(vec![Term::integer(b), other.clone()])]);
                assert_eq!(inner.integer_bounds_with(b, &other), sum.integer_bounds());
            }
        }
    }
}
