//! Sums and products that need only be sorted to be in normal form, which most are.

use super::*;

/// Longer lists are not looked through pair by pair.
const LONGEST: usize = 12;

/// Whether addends, once sorted, are a sum in normal form: two or more, none of which can be put together with
/// another.
pub(super) fn is_sum(addends: &[Term]) -> bool {
    let stands_alone = |addend: &Term| match addend.node() {
        Node::Add(_) | Node::Call(Function::Mod, _) => false,
        Node::Number(number) => !number.is_zero(),
        Node::Mul(factors) => match factors.as_slice() {
            [number, only] => number.as_number().is_none() || !matches!(only.node(), Node::Call(Function::Mod, _)),
            _ => true,
        },
        _ => true,
    };
    let is_affine = |addend: &&Term| matches!(addend.node(), Node::Number(_) | Node::Affine(_));
    (2..=LONGEST).contains(&addends.len())
        && addends.iter().all(stands_alone)
        && addends.iter().filter(is_affine).count() < 2
        && all_differ(addends, |addend| match addend.node() {
            Node::Mul(factors) if factors[0].as_number().is_some() => &factors[1..],
            Node::Mul(factors) => factors,
            _ => std::slice::from_ref(addend),
        })
}

/// Whether factors, once sorted, are a product in normal form: at least two that are no numbers, and none that
/// can be put together with another, or gives a number or a sign to the whole.
pub(super) fn is_product(factors: &[Term]) -> bool {
    let (mut number, mut others, mut is_difference) = (Number::ONE, 0, false);
    for factor in factors {
        match factor.node() {
            Node::Number(own) if number.is_one() && !own.is_one() && !own.is_zero() => number = *own,
            Node::Number(_) | Node::Mul(_) | Node::Logic(Connective::And, _) => return false,
            Node::Affine(form) if form.size_multiple().is_some() => return false,
            Node::Add(addends) => {
                let negative = addends.iter().filter(|addend| addend.leading_number().is_negative()).count();
                if negative == addends.len() || content::content(addends).is_some() {
                    return false;
                }
                is_difference |= negative > 0;
                others += 1;
            }
            _ => others += 1,
        }
    }
    (2..=LONGEST).contains(&others)
        && !(number.is_negative() && is_difference)
        && all_differ(factors, |factor| match factor.node() {
            Node::Pow(base, _) => base,
            _ => factor,
        })
}

/// Whether no two of the terms have the same of what is looked at.
fn all_differ<'t, K: PartialEq + ?Sized + 't>(terms: &'t [Term], key: impl Fn(&'t Term) -> &'t K) -> bool {
    terms.iter().enumerate().all(|(place, term)| terms[..place].iter().all(|other| key(other) != key(term)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::term::draws::draws;

    #[test]
    fn what_is_only_sorted_is_in_normal_form() {
        let mut draw = draws(3);
        let index = Index::new(0, 3, "i");
        let [a, b, c] = ["a", "b", "c"].map(|name| Term::read(name, vec![]));
        let condition = |left: &Term| Term::compare(Comparison::Less, left.clone(), b.clone());
        let two = Term::integer(2);
        let mut terms = vec![
            Term::integer(-1),
            Term::ratio(2, 3),
            Term::index(&index),
            Term::add(vec![Term::index(&index), Term::integer(1)]),
            Term::index(&index).remainder(2),
            Term::index(&index).floor_quotient(2),
            condition(&a),
            Term::logic(Connective::And, vec![condition(&a), condition(&c)]),
            Term::pow(&a, &Term::ratio(1, 2)),
            Term::pow(&a.minus(&b), &two),
            b.inverse(),
            Term::call(Function::Exp, a.clone()),
            a,
            b,
            c,
        ];
        let (mut sums, mut products) = (0, 0);
        for _ in 0..4000 {
            let parts: Vec<Term> = (0..2 + draw(3)).map(|_| terms[draw(terms.len())].clone()).collect();
            (sums, products) = (sums + is_sum(&parts) as usize, products + is_product(&parts) as usize);
            // What changes nothing keeps both from the short way.
            let with = |neutral: i64| parts.iter().cloned().chain([Term::integer(neutral), Term::integer(neutral)]);
            let (sum, product) = (Term::add(parts.clone()), Term::mul(parts.clone()));
            assert_eq!(sum, Term::add(with(0).collect()), "{parts:?}");
            assert_eq!(product, Term::mul(with(1).collect()), "{parts:?}");
            let made = if draw(2) == 0 { sum } else { product };
            if made.size() < 30 && terms.len() < 400 {
                terms.push(made);
            }
        }
        assert!(sums > 500 && products > 200, "{sums} {products}");
    }
}
