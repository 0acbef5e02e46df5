//! Which entries of a Jacobian can differ from 0: what deltas and conditions on indices leave.

use crate::term::{Comparison, Connective, Function, Index, Node, Polynomial, Reduction, Term};

/// How many entries can differ from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// So many.
    pub count: u128,
    /// Of all.
    pub all: u128,
    /// The counts of groups of indices that conditions keep together, whose product is `count`: the indices,
    /// how many of their values are left, and of how many.
    pub groups: Vec<(Vec<Index>, u128, u128)>,
    /// Where extents are made of named sizes, the same counts in them.
    pub sized: Option<Sized>,
}

/// Counts in named sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sized {
    /// Of entries that can differ from 0.
    pub count: Polynomial,
    /// Of all entries.
    pub all: Polynomial,
    /// The factors of the count, one for each group.
    pub factors: Vec<Polynomial>,
}

impl std::fmt::Display for Support {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Support { count, all, groups, sized } = self;
        if let Some(sized) = sized {
            return sized.fmt(f);
        }
        if count == all {
            return write!(f, "all {all} entries can differ from 0");
        }
        let numbers: Vec<String> = groups.iter().map(|(_, left, _)| left.to_string()).collect();
        let product =
            if numbers.len() > 1 && *count > 0 { format!("{} = ", numbers.join(" · ")) } else { String::new() };
        write!(f, "{product}{count} of {all} entries can differ from 0")
    }
}

impl std::fmt::Display for Sized {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Sized { count, all, factors } = self;
        if count == all {
            return write!(f, "all {all} entries can differ from 0");
        }
        let bracketed = |factor: &Polynomial| match factor.monomials().len() {
            0 | 1 => factor.to_string(),
            _ => format!("({factor})"),
        };
        let factors: Vec<String> = factors.iter().map(bracketed).collect();
        let is_zero = count.as_constant() == Some(0);
        let product =
            if factors.len() > 1 && !is_zero { format!("{} = ", factors.join(" · ")) } else { String::new() };
        write!(f, "{product}{count} of {all} entries can differ from 0")
    }
}

/// The values of indices.
type Values = Vec<(Index, i64)>;

/// More values than this are not gone through.
const MOST: u128 = 4_000_000;

/// The entries of a term that can differ from 0; `None` where that takes too long to count. An entry can
/// where no delta, no condition on indices and no factor 0 makes it 0, whatever the tensors hold.
pub fn support(rows: &[Index], columns: &[Index], term: &Term) -> Option<Support> {
    let all: Vec<Index> = rows.iter().chain(columns).cloned().collect();
    let groups_of_all = groups_of(&all, term);
    let is_sized = all.iter().any(|index| index.extent.form().is_some());
    let sized = if is_sized { Some(sized(&all, &groups_of_all, term)?) } else { None };
    let mut groups = Vec::new();
    for (indices, factors) in groups_of_all {
        let extents: u128 = indices.iter().map(|index| index.extent.value() as u128).product();
        let left = if factors.is_empty() { extents } else { count(&indices, &factors, extents)? };
        groups.push((indices, left, extents));
    }
    let product = |counts: Vec<u128>| counts.into_iter().try_fold(1u128, u128::checked_mul);
    let count = product(groups.iter().map(|(_, left, _)| *left).collect())?;
    let whole = product(groups.iter().map(|(.., extents)| *extents).collect())?;
    let count = if term.is_zero() { 0 } else { count };
    Some(Support { count, all: whole, groups, sized })
}

/// The counts in named sizes; `None` where a condition leaves a number that depends on sizes in another way than
/// by a delta.
fn sized(all: &[Index], groups: &[(Vec<Index>, Vec<Term>)], term: &Term) -> Option<Sized> {
    let one = Polynomial::constant(1);
    let product = |indices: &[Index]| {
        indices.iter().try_fold(one.clone(), |product, index| product.times(&index.extent.polynomial()))
    };
    let left = |(indices, factors): &(Vec<Index>, Vec<Term>)| {
        let decisive: Vec<&Term> = factors.iter().filter(|factor| !is_unconditional(factor)).collect();
        match (indices.as_slice(), decisive.as_slice()) {
            (_, []) => product(indices),
            ([row, column], [delta]) if row.extent == column.extent => {
                let Node::Compare(Comparison::Equal, left, right) = delta.node() else { return None };
                let (left, right) = (left.as_affine()?, right.as_affine()?);
                let sides = [left.as_index()?, right.as_index()?];
                let is_diagonal = sides == [row, column] || sides == [column, row];
                is_diagonal.then(|| row.extent.polynomial())
            }
            _ if indices.iter().all(|index| index.extent.known().is_some()) => {
                let extents: u128 = indices.iter().map(|index| index.extent.value() as u128).product();
                Some(Polynomial::constant(i64::try_from(count(indices, factors, extents)?).ok()?))
            }
            _ => None,
        }
    };
    let factors = groups.iter().map(left).collect::<Option<Vec<Polynomial>>>()?;
    let count = factors.iter().try_fold(one.clone(), |product, factor| product.times(factor))?;
    let count = if term.is_zero() { Polynomial::constant(0) } else { count };
    Some(Sized { count, all: product(all)?, factors })
}

/// Whether no condition decides whether a term is 0.
fn is_unconditional(term: &Term) -> bool {
    match term.node() {
        Node::Number(number) => !number.is_zero(),
        Node::Add(addends) => addends.iter().any(is_unconditional),
        Node::Mul(factors) => factors.iter().all(is_unconditional),
        _ => {
            let mut decisive = Vec::new();
            collect_decisive(term, &mut decisive);
            decisive.is_empty()
        }
    }
}

/// The indices in groups that factors of a product keep together, each with those factors. An index that no
/// condition is about stands alone.
fn groups_of(all: &[Index], term: &Term) -> Vec<(Vec<Index>, Vec<Term>)> {
    let mut groups: Vec<(Vec<Index>, Vec<Term>)> = all.iter().map(|index| (vec![index.clone()], Vec::new())).collect();
    for factor in term.factors() {
        let mut decisive = Vec::new();
        collect_decisive(factor, &mut decisive);
        decisive.retain(|index| all.contains(index));
        if decisive.is_empty() {
            continue;
        }
        let (touched, apart): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|(indices, _)| indices.iter().any(|index| decisive.contains(index)));
        let (mut indices, mut factors): (Vec<Index>, Vec<Term>) = (Vec::new(), Vec::new());
        for (own, part) in touched {
            indices.extend(own);
            factors.extend(part);
        }
        factors.push(factor.clone());
        groups = apart;
        groups.push((indices, factors));
    }
    // In the order of the axes.
    let place = |index: &Index| all.iter().position(|other| other == index).unwrap_or(usize::MAX);
    for (indices, _) in &mut groups {
        indices.sort_by_key(place);
    }
    groups.sort_by_key(|(indices, _)| indices.first().map_or(usize::MAX, place));
    groups
}

/// The free indices that decide whether a term is 0: those in conditions, and those used as numbers.
fn collect_decisive(term: &Term, found: &mut Vec<Index>) {
    match term.node() {
        Node::Read { .. } | Node::Number(_) | Node::Jacobian { .. } | Node::Derivative { .. } => {}
        Node::Compare(..) | Node::Affine(_) => {
            let new: Vec<Index> = term.free().iter().filter(|index| !found.contains(index)).cloned().collect();
            found.extend(new);
        }
        _ => term.children().iter().for_each(|child| collect_decisive(child, found)),
    }
}

/// How many values of the indices leave every factor.
fn count(indices: &[Index], factors: &[Term], extents: u128) -> Option<u128> {
    if extents > MOST {
        return None;
    }
    let mut scope: Vec<(Index, i64)> = indices.iter().map(|index| (index.clone(), 0)).collect();
    let mut left = 0;
    for number in 0..extents {
        let mut rest = number;
        for (index, value) in scope.iter_mut().rev() {
            *value = (rest % index.extent.value() as u128) as i64;
            rest /= index.extent.value() as u128;
        }
        left += u128::from(factors.iter().all(|factor| may_differ(factor, &mut scope)));
    }
    Some(left)
}

/// Whether a term can differ from 0, given values of the indices that decide it.
fn may_differ(term: &Term, scope: &mut Values) -> bool {
    match term.node() {
        Node::Number(number) => !number.is_zero(),
        Node::Affine(_) => integer(term, scope) != Some(0),
        Node::Add(addends) => addends.iter().any(|addend| may_differ(addend, scope)),
        Node::Mul(factors) => factors.iter().all(|factor| may_differ(factor, scope)),
        Node::Pow(base, exponent) => {
            let positive = exponent.as_number().is_some_and(|number| !number.is_negative());
            !positive || may_differ(base, scope)
        }
        Node::Call(function, arguments) if is_zero_at_zero(*function) => may_differ(&arguments[0], scope),
        Node::Compare(..) | Node::Logic(..) => holds(term, scope) != Some(false),
        Node::Where(condition, then, otherwise) => match holds(condition, scope) {
            Some(true) => may_differ(then, scope),
            Some(false) => may_differ(otherwise, scope),
            None => may_differ(then, scope) || may_differ(otherwise, scope),
        },
        Node::Reduce { reduction: Reduction::Sum | Reduction::Max | Reduction::Min, .. } => {
            somewhere(term, scope, &may_differ)
        }
        Node::Reduce { reduction: Reduction::Prod, .. } => {
            !somewhere(term, scope, &|body, scope| !may_differ(body, scope))
        }
        _ => true,
    }
}

fn is_zero_at_zero(function: Function) -> bool {
    use Function::*;
    matches!(
        function,
        Sqrt | Abs | Sign | Sin | Tan | Asin | Atan | Sinh | Tanh | Erf | Relu | Gelu | Silu | Stop | Floor
    )
}

/// Whether the body of a reduction is so for some values of its indices.
fn somewhere(term: &Term, scope: &mut Values, is_so: &dyn Fn(&Term, &mut Values) -> bool) -> bool {
    let first = scope.iter().map(|(index, _)| index.id + 1).max().unwrap_or(0);
    let Some(opened) = term.open_from(first.max(crate::term::fresh_id(&[term]))) else { return true };
    let mut decisive = Vec::new();
    collect_decisive(&opened.body, &mut decisive);
    if opened.indices.iter().any(|index| index.extent.value() == 0) {
        return false;
    }
    let own: Vec<Index> = opened.indices.into_iter().filter(|index| decisive.contains(index)).collect();
    let total: u128 = own.iter().map(|index| index.extent.value() as u128).product();
    let start = scope.len();
    scope.extend(own.iter().map(|index| (index.clone(), 0)));
    let found = (0..total).any(|number| {
        let mut rest = number;
        for (index, value) in scope[start..].iter_mut() {
            *value = (rest % index.extent.value() as u128) as i64;
            rest /= index.extent.value() as u128;
        }
        is_so(&opened.body, scope)
    });
    scope.truncate(start);
    found
}

/// Whether a condition holds, where the indices alone decide it.
fn holds(condition: &Term, scope: &mut Values) -> Option<bool> {
    match condition.node() {
        Node::Number(number) => Some(!number.is_zero()),
        Node::Compare(comparison, left, right) => Some(comparison.holds(integer(left, scope)?, integer(right, scope)?)),
        Node::Logic(Connective::Not, conditions) => holds(&conditions[0], scope).map(|holds| !holds),
        Node::Logic(connective, conditions) => {
            let absorbing = *connective == Connective::Or;
            let known: Vec<Option<bool>> = conditions.iter().map(|condition| holds(condition, scope)).collect();
            match known.contains(&Some(absorbing)) {
                true => Some(absorbing),
                false if known.contains(&None) => None,
                false => Some(!absorbing),
            }
        }
        _ => None,
    }
}

/// The value of an integer term, where the indices alone decide it.
fn integer(term: &Term, scope: &mut Values) -> Option<i64> {
    let value = |scope: &[(Index, i64)], index: &Index| {
        scope.iter().rev().find(|(other, _)| other == index).map(|(_, value)| *value)
    };
    match term.node() {
        Node::Number(number) => number.as_integer(),
        Node::Affine(affine) => affine.terms.iter().try_fold(affine.constant, |sum, (slot, coefficient)| match slot {
            crate::term::Slot::Free(index) => Some(sum + coefficient * value(scope, index)?),
            crate::term::Slot::Size(size) => Some(sum + coefficient * size.value as i64),
            crate::term::Slot::Bound(_) => None,
        }),
        Node::Add(parts) => parts.iter().try_fold(0, |sum, part| Some(sum + integer(part, scope)?)),
        Node::Mul(parts) => parts.iter().try_fold(1, |product, part| Some(product * integer(part, scope)?)),
        Node::Call(Function::Floor, arguments) => {
            let (dividend, divisor) = arguments[0].as_quotient()?;
            Some(integer(&dividend, scope)?.div_euclid(divisor))
        }
        Node::Call(Function::Mod, arguments) => {
            let divisor = integer(&arguments[1], scope).filter(|divisor| *divisor > 0)?;
            Some(integer(&arguments[0], scope)?.rem_euclid(divisor))
        }
        Node::Compare(..) | Node::Logic(..) => holds(term, scope).map(i64::from),
        _ => None,
    }
}
