//! Products multiplied out, and how long they are then, told without making them.

use super::simplify::fully_cancelled;
use crate::term::{Connective, Function, Node, Term, TermHasher};
use std::hash::{Hash, Hasher};

/// The most addends that a product is multiplied out to.
const MOST_ADDENDS: usize = 32;

/// Products multiplied out and factors cancelled; `None` where that is too long.
pub(super) fn expanded(term: &Term) -> Option<Term> {
    match term.node() {
        Node::Add(addends) => Some(Term::add(addends.iter().map(expanded).collect::<Option<_>>()?)),
        Node::Mul(factors) if !factors.iter().any(|factor| matches!(factor.node(), Node::Add(_))) => {
            Some(fully_cancelled(term.clone()))
        }
        Node::Mul(factors) => {
            let mut products: Vec<Vec<Term>> = vec![Vec::new()];
            for factor in factors {
                let factor = expanded(factor)?;
                let addends = factor.addends();
                if products.len() * addends.len() > MOST_ADDENDS {
                    return None;
                }
                products = products
                    .iter()
                    .flat_map(|product| addends.iter().map(|a| product.iter().chain([a]).cloned().collect()))
                    .collect();
            }
            Some(Term::add(products.into_iter().map(|factors| fully_cancelled(Term::mul(factors))).collect()))
        }
        _ => Some(term.clone()),
    }
}

/// Whether a product that is multiplied out could be shorter than it is: if not because parts of it can be put
/// together, then by its length alone.
pub(super) fn may_be_shorter(term: &Term) -> bool {
    let mut bases = Vec::new();
    let all_apart =
        collect_bases(term, &mut bases) && bases.iter().enumerate().all(|(place, base)| !bases[..place].contains(base));
    match all_apart {
        true => expanded_lengths(term).is_some_and(|products| length_of_sum(&products) < term.size()),
        false => least_length(term).is_none_or(|least| least < term.size()),
    }
}

/// The bases of all factors at any depth; tells whether none of them is of a kind that is put together with others.
fn collect_bases<'t>(term: &'t Term, bases: &mut Vec<&'t Term>) -> bool {
    match term.node() {
        Node::Number(_) => return true,
        Node::Add(parts) | Node::Mul(parts) => return parts.iter().all(|part| collect_bases(part, bases)),
        Node::Affine(_) | Node::Logic(Connective::And, _) => return false,
        Node::Pow(base, _) => bases.push(base),
        _ => bases.push(term),
    }
    bases.len() <= MOST_ADDENDS
}

/// A product whose factors are all different: how many of them are numbers, and how many are others of which length
/// together.
#[derive(Clone, Copy, Default)]
struct Length {
    numbers: usize,
    others: usize,
    length: usize,
}

/// What [`expanded`] gives, where nothing can be put together.
fn expanded_lengths(term: &Term) -> Option<Vec<Length>> {
    match term.node() {
        Node::Number(number) => Some(vec![Length { numbers: !number.is_one() as usize, ..Length::default() }]),
        Node::Add(addends) => {
            let parts: Option<Vec<Vec<Length>>> = addends.iter().map(expanded_lengths).collect();
            Some(parts?.concat())
        }
        Node::Mul(factors) => {
            let mut products = vec![Length::default()];
            for factor in factors {
                let addends = expanded_lengths(factor)?;
                if products.len() * addends.len() > MOST_ADDENDS {
                    return None;
                }
                let times = |one: &Length, other: &Length| Length {
                    numbers: one.numbers + other.numbers,
                    others: one.others + other.others,
                    length: one.length + other.length,
                };
                products = products.iter().flat_map(|one| addends.iter().map(move |other| times(one, other))).collect();
            }
            Some(products)
        }
        _ => Some(vec![Length { numbers: 0, others: 1, length: term.size() }]),
    }
}

/// The least length of a sum of products; several numbers may leave none.
fn length_of_sum(products: &[Length]) -> usize {
    let number = |numbers: usize| (numbers == 1) as usize;
    let own = |product: &Length| match product.others + number(product.numbers) {
        0 | 1 => product.length.max(1),
        _ => 1 + product.length + number(product.numbers),
    };
    (products.len() > 1) as usize + products.iter().map(own).sum::<usize>()
}

/// Factors of one product: bases and exponents, without numbers.
type Factors<'t> = Vec<(&'t Term, i64)>;

/// No more than the length of what is multiplied out, where nothing cancels and no two products are like;
/// `None` where that is not certain.
fn least_length(term: &Term) -> Option<usize> {
    let products = products(term)?.into_iter().map(collected).collect::<Option<Vec<Factors>>>()?;
    let mut signatures: Vec<u64> = products.iter().map(signature).collect();
    signatures.sort_unstable();
    if signatures.windows(2).any(|pair| pair[0] == pair[1]) {
        return None;
    }
    let factor = |(base, exponent): &(&Term, i64)| base.size() + if *exponent == 1 { 0 } else { 2 };
    let product = |factors: &Factors| (factors.len() > 1) as usize + factors.iter().map(factor).sum::<usize>().max(1);
    Some((products.len() > 1) as usize + products.iter().map(product).sum::<usize>())
}

/// All products that [`expanded`] multiplies out, where all their factors are of kinds that are only put together
/// with equal ones.
fn products(term: &Term) -> Option<Vec<Factors<'_>>> {
    let factor = |base, exponent| Some(vec![vec![(base, exponent)]]);
    match term.node() {
        Node::Number(_) => Some(vec![Vec::new()]),
        Node::Add(addends) => Some(addends.iter().map(products).collect::<Option<Vec<_>>>()?.concat()),
        Node::Mul(factors) => {
            let mut all: Vec<Factors> = vec![Vec::new()];
            for factor in factors {
                let addends = products(factor)?;
                if all.len() * addends.len() > MOST_ADDENDS {
                    return None;
                }
                all = all.iter().flat_map(|one| addends.iter().map(|other| [&**one, other].concat())).collect();
            }
            Some(all)
        }
        Node::Pow(base, exponent) => factor(base, exponent.as_number()?.as_integer()?),
        Node::Affine(_) | Node::Compare(..) | Node::Logic(..) | Node::Call(Function::Mod | Function::Floor, _) => None,
        _ => factor(term, 1),
    }
}

/// Every base once; `None` where it stands above and below the fraction bar.
fn collected(factors: Factors<'_>) -> Option<Factors<'_>> {
    let mut all: Factors = Vec::with_capacity(factors.len());
    for (base, exponent) in factors {
        match all.iter_mut().find(|(other, _)| *other == base) {
            Some((_, own)) if (*own < 0) == (exponent < 0) => *own = own.checked_add(exponent)?,
            Some(_) => return None,
            None => all.push((base, exponent)),
        }
    }
    Some(all)
}

/// The same for the same factors in any order.
fn signature(factors: &Factors) -> u64 {
    let own = |factor: &(&Term, i64)| {
        let mut hasher = TermHasher::default();
        factor.hash(&mut hasher);
        hasher.finish()
    };
    factors.iter().fold(0, |sum, factor| sum.wrapping_add(own(factor)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::term::draws::draws;

    #[test]
    fn what_may_not_be_shorter_is_not() {
        let mut draw = draws(11);
        let [a, b, c] = ["a", "b", "c"].map(|name| Term::read(name, vec![]));
        let simple = [
            a.clone(),
            b.clone(),
            c.clone(),
            b.inverse(),
            a.minus(&b).inverse(),
            Term::pow(&c, &Term::integer(2)),
            Term::call(Function::Exp, a.clone()),
            Term::integer(-2),
            Term::ratio(1, 3),
        ];
        let (mut shorter, mut never) = (0, 0);
        for _ in 0..6000 {
            let product = |draw: &mut dyn FnMut(usize) -> usize| {
                Term::mul((0..1 + draw(3)).map(|_| simple[draw(simple.len())].clone()).collect())
            };
            let sum =
                |draw: &mut dyn FnMut(usize) -> usize| Term::add((0..1 + draw(3)).map(|_| product(draw)).collect());
            let mut parts: Vec<Term> = (0..1 + draw(2)).map(|_| sum(&mut draw)).collect();
            parts.push(product(&mut draw));
            let term = Term::add(vec![Term::mul(parts), product(&mut draw)]);
            let is_shorter = expanded(&term).is_some_and(|result| result.size() < term.size());
            assert!(!is_shorter || may_be_shorter(&term), "{term:?}");
            (shorter, never) = (shorter + is_shorter as usize, never + !may_be_shorter(&term) as usize);
        }
        assert!(shorter > 200 && never > 1000, "{shorter} {never}");
    }
}
