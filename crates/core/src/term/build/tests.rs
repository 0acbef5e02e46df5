//! One form for equal terms, and no captured letters.

use super::*;

fn index(id: u32, extent: usize, letter: &str) -> Index {
    Index::new(id, extent, letter)
}

#[test]
fn sums_and_products_have_one_form() {
    let (a, b) = (Term::read("a", vec![]), Term::read("b", vec![]));
    assert_eq!(Term::add(vec![a.clone(), b.clone()]), Term::add(vec![b.clone(), a.clone()]));
    assert_eq!(Term::add(vec![a.clone(), a.clone()]), Term::mul(vec![Term::integer(2), a.clone()]));
    assert_eq!(
        Term::mul(vec![a.clone(), b.clone(), a.clone()]),
        Term::mul(vec![Term::pow(&a, &Term::integer(2)), b.clone()])
    );
    assert!(a.minus(&a).is_zero());
    let difference = a.minus(&b);
    assert_eq!(difference.negated(), b.minus(&a));
    let product = Term::mul(vec![Term::integer(-1), a.minus(&b), a.clone()]);
    assert_eq!(product, Term::mul(vec![b.minus(&a), a]));
}

#[test]
fn powers_of_differences_have_a_sign() {
    let (a, b) = (Term::read("a", vec![]), Term::read("b", vec![]));
    // Products come before calls, and -1 before all: of the last pair either difference begins with a minus.
    let product = Term::mul(vec![a.clone(), b.clone()]);
    for (first, second) in [(&a, &b), (&product, &a), (&product, &Term::call(Function::Exp, a.clone()))] {
        let (one, other) = (first.minus(second), second.minus(first));
        let two = Term::integer(2);
        assert_eq!(Term::pow(&one, &two), Term::pow(&other, &two));
        assert_eq!(one.inverse(), other.inverse().negated());
    }
}

#[test]
fn bound_letters_do_not_matter_and_nothing_is_captured() {
    let (i, j, k) = (index(0, 3, "i"), index(1, 3, "j"), index(2, 3, "k"));
    let read = |x: &Index, y: &Index| Term::read("A", vec![Term::index(x), Term::index(y)]);
    let over_j = Term::sum(std::slice::from_ref(&j), read(&i, &j));
    let over_k = Term::sum(std::slice::from_ref(&k), read(&i, &k));
    assert_eq!(over_j, over_k);
    assert_ne!(over_j, Term::sum(std::slice::from_ref(&j), read(&j, &i)));
    // Replacing the free index by one that has the letter of the bound one captures nothing.
    let moved = over_j.substitute(&i, &Affine::index(&j));
    assert_eq!(moved.free(), std::slice::from_ref(&j));
    assert_eq!(moved, Term::sum(std::slice::from_ref(&k), read(&j, &k)));
}

#[test]
fn nested_sums_merge_and_their_order_does_not_matter() {
    let (i, j) = (index(0, 3, "i"), index(1, 3, "j"));
    let body = Term::read("A", vec![Term::index(&i), Term::index(&j)]);
    let one = Term::sum(std::slice::from_ref(&i), Term::sum(std::slice::from_ref(&j), body.clone()));
    let other = Term::sum(&[j, i], body);
    assert_eq!(one, other);
}

#[test]
fn comparisons_of_subscripts_are_decided_where_ranges_decide_them() {
    let i = index(0, 3, "i");
    let shifted = Term::affine(Affine::combine(&[(1, &Affine::index(&i)), (1, &Affine::constant(3))]).unwrap());
    assert!(Term::delta(Term::index(&i), Term::index(&i)).is_one());
    assert!(Term::delta(Term::index(&i), Term::integer(3)).is_zero());
    assert!(Term::compare(Comparison::GreaterEqual, shifted, Term::integer(3)).is_one());
    assert!(Term::delta(Term::index(&i), Term::integer(2)).as_number().is_none());
}
