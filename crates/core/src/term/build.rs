//! The constructors: they keep every term in normal form.

use super::order::canonical_order;
use super::{plain, *};

/// Integers up to this size, of either sign, are shared.
const SMALLEST: i64 = 8;

/// The free indices of the terms directly inside.
fn free_of_parts(node: &Node) -> Few<Index> {
    const MOST: usize = 12;
    let mut lists = [&Few::None; MOST];
    let (mut count, mut union) = (0, Few::None);
    node.for_each_part(&mut |part| {
        if matches!(part.0.free, Few::None) {
            return;
        }
        if count == MOST {
            union = Few::union(&[&union, &Few::union(&lists)]);
            count = 0;
        }
        lists[count] = &part.0.free;
        count += 1;
    });
    let last = Few::union(&lists[..count]);
    if matches!(union, Few::None) { last } else { Few::union(&[&union, &last]) }
}

impl Term {
    pub(super) fn from_node(node: Node) -> Term {
        let (mut free, mut loose, mut size) = (Few::None, 0, 1);
        let mut has_signed_power = matches!(&node, Node::Pow(base, _) if matches!(base.node(), Node::Add(_)));
        let mut kinds = Kinds::of(&node);
        match &node {
            Node::Affine(affine) => {
                free = affine.free();
                let depths = affine.terms.iter().filter_map(|(slot, _)| match slot {
                    Slot::Bound(depth) => Some(depth + 1),
                    Slot::Free(_) | Slot::Size(_) => None,
                });
                loose = depths.max().unwrap_or(0);
            }
            Node::Reduce { binders, body, .. } => {
                free = body.0.free.clone();
                loose = body.0.loose.saturating_sub(binders.len() as u32);
                size += body.0.size;
                has_signed_power |= body.0.has_signed_power;
                kinds = kinds.or(body.0.kinds.opened());
            }
            _ => node.for_each_part(&mut |part| {
                loose = loose.max(part.0.loose);
                size += part.0.size;
                has_signed_power |= part.0.has_signed_power;
                kinds = kinds.or(part.0.kinds);
            }),
        }
        if !matches!(&node, Node::Affine(_) | Node::Reduce { .. }) {
            free = free_of_parts(&node);
        }
        let mut hasher = TermHasher::default();
        node.hash(&mut hasher);
        let hash = hasher.finish();
        Term(Arc::new(Inner { node, free, loose, size, has_signed_power, kinds, hash, opened: OnceLock::new() }))
    }

    /// As [`Term::read`], for a name that is there already.
    pub fn read_named(tensor: Name, subscripts: Vec<Term>) -> Term {
        Term::from_node(Node::Read { tensor, subscripts })
    }

    /// A number. Small integers, which stand everywhere, are made once.
    pub fn number(number: Number) -> Term {
        static SMALL: OnceLock<Vec<Term>> = OnceLock::new();
        let make = |number| Term::from_node(Node::Number(number));
        let small = || SMALL.get_or_init(|| (-SMALLEST..=SMALLEST).map(|n| make(Number::integer(n))).collect());
        let place = number.as_integer().and_then(|n| usize::try_from(n.checked_add(SMALLEST)?).ok());
        place.and_then(|place| small().get(place).cloned()).unwrap_or_else(|| make(number))
    }

    /// An integer.
    pub fn integer(value: i64) -> Term {
        Term::number(Number::integer(value))
    }

    /// `numerator / denominator`.
    pub fn ratio(numerator: i64, denominator: i64) -> Term {
        Term::number(Number::ratio(numerator as i128, denominator as i128))
    }

    /// An integer that depends on indices.
    pub fn affine(affine: Affine) -> Term {
        if affine.terms.is_empty() {
            return Term::integer(affine.constant);
        }
        Term::from_node(Node::Affine(affine))
    }

    /// An index as a subscript or a number.
    pub fn index(index: &Index) -> Term {
        Term::affine(Affine::index(index))
    }

    /// An entry of a tensor.
    pub fn read(tensor: &str, subscripts: Vec<Term>) -> Term {
        Term::from_node(Node::Read { tensor: tensor.into(), subscripts })
    }

    /// An entry of a tensor at plain indices.
    pub fn read_at(tensor: &str, indices: &[Index]) -> Term {
        Term::read(tensor, indices.iter().map(Term::index).collect())
    }

    /// A sum: flat, sorted, equal addends collected.
    pub fn add(mut addends: Vec<Term>) -> Term {
        if plain::is_sum(&addends) {
            addends.sort();
            return Term::from_node(Node::Add(addends));
        }
        let mut constant = Number::ZERO;
        let mut parts: Vec<(Term, Number)> = Vec::with_capacity(addends.len());
        for addend in addends.iter().flat_map(|addend| addend.addends()) {
            match addend.as_number() {
                Some(number) => constant = constant.plus(number),
                None => {
                    let (number, rest) = addend.split_number();
                    parts.push((rest, number));
                }
            }
        }
        parts.sort();
        let mut merged: Vec<(Term, Number)> = Vec::with_capacity(parts.len());
        for (rest, number) in parts {
            match merged.last_mut() {
                Some(last) if last.0 == rest => last.1 = last.1.plus(number),
                _ => merged.push((rest, number)),
            }
        }
        if let Some(whole) = dividend_again(&mut merged) {
            let rest = merged.into_iter().map(|(rest, number)| Term::mul(vec![Term::number(number), rest]));
            return Term::add(rest.chain([whole, Term::number(constant)]).collect());
        }
        let mut result: Vec<Term> = merged
            .into_iter()
            .filter(|(_, number)| !number.is_zero())
            .map(|(rest, number)| Term::mul(vec![Term::number(number), rest]))
            .collect();
        collect_affine(&mut result, constant);
        match result.len() {
            0 => Term::integer(0),
            1 => result.remove(0),
            _ => {
                result.sort();
                Term::from_node(Node::Add(result))
            }
        }
    }

    /// `self - other`.
    pub fn minus(&self, other: &Term) -> Term {
        if let (Some(left), Some(right)) = (self.as_affine(), other.as_affine())
            && let Some(difference) = left.minus(&right)
        {
            return Term::affine(difference);
        }
        Term::add(vec![self.clone(), other.negated()])
    }

    /// `-self`.
    pub fn negated(&self) -> Term {
        Term::mul(vec![Term::integer(-1), self.clone()])
    }

    /// A product: flat, sorted, numbers folded, equal factors collected into powers. A number that all
    /// addends of a factor have in common comes out of it, unless the factor stands alone.
    pub fn mul(mut factors: Vec<Term>) -> Term {
        match factors.as_slice() {
            [only] => return only.clone(),
            [one, other] | [other, one] if one.is_one() => return other.clone(),
            // Also of an infinite number: a condition that is decided may be the 0.
            _ if factors.iter().any(Term::is_zero) => return Term::integer(0),
            [one, other] | [other, one] if one.as_number().is_some() => return scaled(one.leading_number(), other),
            _ => {}
        }
        if plain::is_product(&factors) {
            factors.sort();
            return Term::from_node(Node::Mul(factors));
        }
        let mut number = Number::ONE;
        let mut parts: Vec<(Term, Term)> = Vec::with_capacity(factors.len());
        let is_product = factors.iter().filter(|factor| factor.as_number().is_none()).count() > 1;
        let mut pending: Vec<Term> = factors.into_iter().rev().collect();
        while let Some(factor) = pending.pop() {
            match factor.node() {
                Node::Number(n) => number = number.times(*n),
                Node::Mul(inner) => pending.extend(inner.iter().rev().cloned()),
                Node::Logic(Connective::And, conditions) if is_product => pending.extend(conditions.iter().cloned()),
                Node::Pow(base, exponent) => parts.push((base.clone(), exponent.clone())),
                Node::Affine(form) if is_product && form.size_multiple().is_some() => {
                    number = number.times(Number::integer(form.terms[0].1));
                    parts.push((Term::affine(Affine::slot(form.terms[0].0.clone())), Term::integer(1)));
                }
                Node::Add(_) => {
                    let (common, primitive) = factor.split_content();
                    number = number.times(common);
                    parts.push((primitive, Term::integer(1)));
                }
                _ => parts.push((factor, Term::integer(1))),
            }
        }
        if number.is_zero() {
            return Term::integer(0);
        }
        parts.sort();
        let mut result = Vec::with_capacity(parts.len() + 1);
        for (base, exponent) in collect_powers(parts) {
            let factor = Term::pow(&base, &exponent);
            match factor.node() {
                Node::Number(n) if n.is_zero() => return Term::integer(0),
                Node::Number(n) => number = number.times(*n),
                Node::Mul(inner) => result.extend(inner.iter().cloned()),
                _ => result.push(factor),
            }
        }
        finish_product(number, result)
    }

    /// A power, `x^0` being 1. Integer powers of products and powers are multiplied out.
    pub fn pow(base: &Term, exponent: &Term) -> Term {
        if exponent.is_zero() || base.is_one() {
            return Term::integer(1);
        }
        if exponent.is_one() {
            return base.clone();
        }
        let Some(power) = exponent.as_number().and_then(Number::as_integer) else {
            return Term::from_node(Node::Pow(base.clone(), exponent.clone()));
        };
        match base.node() {
            Node::Number(number) => Term::number(number.power(power)),
            Node::Affine(form) if form.size_multiple().is_some() => {
                let (slot, coefficient) = form.terms[0].clone();
                let size = Term::from_node(Node::Pow(Term::affine(Affine::slot(slot)), exponent.clone()));
                Term::mul(vec![Term::number(Number::integer(coefficient).power(power)), size])
            }
            Node::Mul(factors) if power < 0 && guards(factors) => {
                let (number, rest) = base.split_number();
                let whole = Term::from_node(Node::Pow(rest, exponent.clone()));
                if number.is_one() { whole } else { Term::mul(vec![Term::number(number.power(power)), whole]) }
            }
            Node::Mul(factors) => Term::mul(factors.iter().map(|f| Term::pow(f, exponent)).collect()),
            Node::Pow(inner, inner_power) => match inner_power.as_number().and_then(Number::as_integer) {
                Some(first) if first.checked_mul(power).is_some() => Term::pow(inner, &Term::integer(first * power)),
                _ => Term::from_node(Node::Pow(base.clone(), exponent.clone())),
            },
            Node::Add(addends) if content::content(addends).is_some() => {
                let (common, primitive) = base.split_content();
                Term::mul(vec![Term::number(common.power(power)), Term::pow(&primitive, exponent)])
            }
            Node::Add(addends) if leads_with_minus(addends) => {
                let sign = Term::integer(if power % 2 == 0 { 1 } else { -1 });
                let negated = base.negated();
                let positive = match negated.node() {
                    // With the other sign addends may have a number in common.
                    Node::Add(addends) if content::content(addends).is_some() => Term::pow(&negated, exponent),
                    _ => Term::from_node(Node::Pow(negated, exponent.clone())),
                };
                Term::mul(vec![sign, positive])
            }
            _ if base.is_condition() && power > 0 => base.clone(),
            _ => Term::from_node(Node::Pow(base.clone(), exponent.clone())),
        }
    }

    /// `1 / self`.
    pub fn inverse(&self) -> Term {
        Term::pow(self, &Term::integer(-1))
    }

    /// A scalar function of one argument.
    pub fn call(function: Function, argument: Term) -> Term {
        match function {
            Function::Exp if argument.is_zero() => Term::integer(1),
            Function::Log if argument.is_one() => Term::integer(0),
            Function::Floor => {
                integer::floor(&argument).unwrap_or_else(|| Term::from_node(Node::Call(function, vec![argument])))
            }
            _ => Term::from_node(Node::Call(function, vec![argument])),
        }
    }

    /// A scalar function of two arguments.
    pub fn call2(function: Function, first: Term, second: Term) -> Term {
        let shorter = if function == Function::Mod { integer::modulo(&first, &second) } else { None };
        shorter.unwrap_or_else(|| Term::from_node(Node::Call(function, vec![first, second])))
    }

    /// A comparison. Decided where it does not depend on anything.
    pub fn compare(comparison: Comparison, left: Term, right: Term) -> Term {
        if let Some(holds) = comparison.decide(&left, &right) {
            return Term::integer(holds as i64);
        }
        let symmetric = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        let (left, right) = if symmetric && right < left { (right, left) } else { (left, right) };
        Term::from_node(Node::Compare(comparison, left, right))
    }

    /// `δ[i,j]`: 1 where the two integers are equal.
    pub fn delta(left: Term, right: Term) -> Term {
        Term::compare(Comparison::Equal, left, right)
    }

    /// Logic on conditions.
    pub fn logic(connective: Connective, conditions: Vec<Term>) -> Term {
        let absorbing = match connective {
            Connective::And => Some(false),
            Connective::Or => Some(true),
            Connective::Not => None,
        };
        let Some(absorbing) = absorbing else {
            return match conditions[0].as_number() {
                Some(number) => Term::integer(number.is_zero() as i64),
                None => Term::from_node(Node::Logic(connective, conditions)),
            };
        };
        let mut rest = Vec::new();
        for condition in conditions {
            match condition.as_number() {
                Some(number) if number.is_zero() != absorbing => return Term::integer(absorbing as i64),
                Some(_) => {}
                None => rest.push(condition),
            }
        }
        rest.sort();
        rest.dedup();
        match rest.len() {
            0 => Term::integer(!absorbing as i64),
            1 => rest.remove(0),
            _ => Term::from_node(Node::Logic(connective, rest)),
        }
    }

    /// `where(condition, then, otherwise)`
    pub fn choose(condition: Term, then: Term, otherwise: Term) -> Term {
        match condition.as_number() {
            Some(number) if number.is_zero() => otherwise,
            Some(_) => then,
            None if then == otherwise => then,
            None if then.is_one() && otherwise.is_zero() && condition.is_condition() => condition,
            None => Term::from_node(Node::Where(condition, then, otherwise)),
        }
    }

    /// Binds the indices in the body by a reduction. Nested reductions of the same kind become
    /// one, and the order of the binders is made canonical.
    pub fn reduce(reduction: Reduction, indices: &[Index], body: Term) -> Term {
        let binders =
            indices.iter().map(|index| Binder { extent: index.extent.clone(), letter: index.letter.clone() }).collect();
        let closed = body.close(indices);
        let term = Term::bind(reduction, binders, closed.clone());
        if matches!(term.node(), Node::Reduce { body: bound, .. } if Arc::ptr_eq(&bound.0, &closed.0)) {
            term.remember_opened(indices, &body);
        }
        term
    }

    /// A reduction around a closed body.
    pub(super) fn bind(reduction: Reduction, mut binders: Vec<Binder>, mut body: Term) -> Term {
        if reduction == Reduction::Sum && body.is_zero() {
            return body;
        }
        if matches!(reduction, Reduction::ArgMax | Reduction::ArgMin) {
            return Term::from_node(Node::Reduce { reduction, binders, body });
        }
        if let Node::Reduce { reduction: inner, binders: inner_binders, body: inner_body } = body.node()
            && *inner == reduction
        {
            // Slots count outwards, so the inner binders come first and no slot changes.
            binders = inner_binders.iter().chain(&binders).cloned().collect();
            body = inner_body.clone();
        }
        if binders.is_empty() {
            return body;
        }
        let (binders, body) = canonical_order(binders, body);
        Term::from_node(Node::Reduce { reduction, binders, body })
    }

    /// A sum over indices.
    pub fn sum(indices: &[Index], body: Term) -> Term {
        Term::reduce(Reduction::Sum, indices, body)
    }

    /// The derivative of a tensor's definition by one tensor in it.
    pub fn jacobian(tensor: &str, subscripts: Vec<Term>, wrt: &str, at: Vec<Term>) -> Term {
        let (subscripts, at) = (subscripts.into(), at.into());
        Term::from_node(Node::Jacobian { tensor: tensor.into(), subscripts, wrt: wrt.into(), at })
    }

    /// The derivative of a term by one tensor that stands in it.
    pub fn derivative(of: Term, wrt: &str, at: Vec<Term>) -> Term {
        Term::from_node(Node::Derivative { of, wrt: wrt.into(), at })
    }
}

/// Takes a quotient and its remainder out of the addends, `c floor(a / c) + a mod c`, and gives their sum
/// `a`, times a number.
fn dividend_again(addends: &mut Vec<(Term, Number)>) -> Option<Term> {
    for remainder in 0..addends.len() {
        let Node::Call(Function::Mod, arguments) = addends[remainder].0.node() else { continue };
        let (dividend, scale) = (arguments[0].clone(), addends[remainder].1);
        let Some(divisor) = arguments[1].as_number().and_then(Number::as_integer).filter(|divisor| *divisor > 0) else {
            continue;
        };
        let quotient = dividend.floor_quotient(divisor);
        let times = scale.times(Number::integer(divisor));
        let Some(position) = addends.iter().position(|(term, number)| *term == quotient && *number == times) else {
            continue;
        };
        addends.remove(position.max(remainder));
        addends.remove(position.min(remainder));
        return Some(Term::mul(vec![Term::number(scale), dividend]));
    }
    None
}

/// Adds a constant to addends, and puts their affine forms together into one, which takes the
/// constant where that is an integer.
fn collect_affine(addends: &mut Vec<Term>, constant: Number) {
    if !addends.iter().any(|addend| matches!(addend.node(), Node::Affine(_) | Node::Number(_))) {
        addends.extend((!constant.is_zero()).then(|| Term::number(constant)));
        return;
    }
    let forms: Vec<Affine> = addends.iter().filter_map(Term::as_affine).collect();
    let sum = Affine::combine(&forms.iter().map(|form| (1, form)).collect::<Vec<_>>());
    let Some(mut sum) = sum.filter(|_| !forms.is_empty()) else {
        if !constant.is_zero() {
            addends.push(Term::number(constant));
        }
        return;
    };
    addends.retain(|addend| addend.as_affine().is_none());
    let constant = constant.plus(Number::integer(sum.constant));
    sum.constant = constant.as_integer().unwrap_or(0);
    addends.push(Term::affine(sum));
    if constant.as_integer().is_none() {
        addends.push(Term::number(constant));
    }
    addends.retain(|addend| !addend.is_zero());
}

/// Adds the exponents of equal bases where that changes no domain: both above, or both below 0. A size is never
/// 0.
fn collect_powers(sorted: Vec<(Term, Term)>) -> Vec<(Term, Term)> {
    let sign = |exponent: &Term| exponent.as_number().map(|number| number.is_negative());
    let mut merged: Vec<(Term, Term)> = Vec::with_capacity(sorted.len());
    for (base, exponent) in sorted {
        let partner = merged.iter_mut().rev().take_while(|(other, _)| *other == base).find(|(_, other)| {
            let are_numbers = sign(other).is_some() && sign(&exponent).is_some();
            are_numbers && (sign(other) == sign(&exponent) || base.is_positive_size())
        });
        match partner {
            Some(partner) => partner.1 = Term::add(vec![partner.1.clone(), exponent]),
            None => merged.push((base, exponent)),
        }
    }
    merged
}

/// A number times a term.
fn scaled(number: Number, term: &Term) -> Term {
    match term.node() {
        _ if number.is_zero() => Term::integer(0),
        Node::Number(other) => Term::number(number.times(*other)),
        Node::Add(addends) => Term::add(addends.iter().map(|addend| scaled(number, addend)).collect()),
        Node::Mul(factors) => match factors[0].as_number() {
            Some(own) => finish_product(number.times(own), factors[1..].to_vec()),
            None => finish_product(number, factors.clone()),
        },
        _ => finish_product(number, vec![term.clone()]),
    }
}

/// Whether a condition among the factors keeps others from counting: of that a quotient makes `1/0`, which
/// no longer keeps a read inside its tensor.
fn guards(factors: &[Term]) -> bool {
    let is_plain = |factor: &Term| factor.is_condition() || factor.as_number().is_some();
    factors.iter().any(Term::is_condition) && !factors.iter().all(is_plain)
}

/// Settles the sign of a product and builds it: a minus goes into a factor that is a difference,
/// and comes out of a factor whose addends are all negative.
fn finish_product(mut number: Number, mut factors: Vec<Term>) -> Term {
    for factor in &mut factors {
        if let Node::Add(addends) = factor.node()
            && addends.iter().all(|addend| addend.leading_number().is_negative())
        {
            *factor = Term::add(addends.iter().map(negate_addend).collect());
            number = number.negated();
        }
    }
    if let [only] = factors.as_slice() {
        match only.node() {
            _ if number.is_one() => return only.clone(),
            Node::Add(addends) => {
                return Term::add(addends.iter().map(|addend| scale_addend(number, addend)).collect());
            }
            Node::Affine(affine) => {
                if let Some(scaled) = affine.scaled(number) {
                    return Term::affine(scaled);
                }
            }
            _ => {}
        }
    }
    if number.is_negative()
        && let Some(factor) = factors.iter_mut().find(|factor| is_difference(factor))
    {
        *factor = Term::add(factor.addends().iter().map(negate_addend).collect());
        number = number.negated();
    }
    factors.sort();
    if !number.is_one() {
        factors.insert(0, Term::number(number));
    }
    match factors.len() {
        0 => Term::integer(1),
        1 => factors.remove(0),
        _ => Term::from_node(Node::Mul(factors)),
    }
}

/// Whether the addend that is least without its number is negative. Of a sum and its opposite at
/// most one is so; the first addend would not do, since the number takes part in the order.
fn leads_with_minus(addends: &[Term]) -> bool {
    let least = addends.iter().map(Term::split_number).min_by(|(_, one), (_, other)| one.cmp(other));
    least.is_some_and(|(number, _)| number.is_negative())
}

fn is_difference(term: &Term) -> bool {
    matches!(term.node(), Node::Add(addends) if addends.iter().any(|addend| addend.leading_number().is_negative()))
}

fn negate_addend(addend: &Term) -> Term {
    scale_addend(Number::MINUS_ONE, addend)
}

pub(super) fn scale_addend(scale: Number, addend: &Term) -> Term {
    Term::mul(vec![Term::number(scale), addend.clone()])
}

#[cfg(test)]
mod tests;
