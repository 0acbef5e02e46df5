//! What is printed can be pasted back and is the same term.

use crate::model;
use crate::random::{GIVEN, Random};
use deltarule_core::page::{self, text};
use deltarule_core::term::{Affine, Index, Term};

/// The term that the text of an equation for `t` is read as, at the given indices.
fn read_back(equation: &str, indices: &[Index]) -> Term {
    let model = model(&format!("{GIVEN}{equation}\nloss = s\n"));
    let subscripts: Vec<Term> = indices.iter().map(Term::index).collect();
    model.definition("t").unwrap().at(&subscripts).unwrap()
}

#[test]
fn random_terms_come_back() {
    let given = model(&format!("{GIVEN}loss = s\n"));
    let mut random = Random::new(77);
    for round in 0..600 {
        let all = [Index::new(0, 4, "i"), Index::new(1, 5, "j"), Index::new(2, 3, "i")];
        let indices = &all[..random.below(4)];
        let term = random.term(1 + round % 4, indices);
        let equation = text(&page::index::equation(&given, "t", indices, &term));
        let back = read_back(&equation, indices);
        assert_eq!(
            back,
            term,
            "round {round}: {equation}\nprinted again: {}",
            text(&page::index::equation(&given, "t", indices, &back))
        );
    }
}

#[test]
fn letters_in_scope_are_distinct() {
    let given = model(&format!("{GIVEN}loss = s\n"));
    let (i, k) = (Index::new(0, 4, "i"), Index::new(1, 4, "i"));
    let inner = Index::new(5, 5, "i");
    let body = Term::mul(vec![
        Term::read_at("A", &[i.clone(), inner.clone()]),
        Term::read_at("b", std::slice::from_ref(&inner)),
    ]);
    let term =
        Term::mul(vec![Term::sum(std::slice::from_ref(&inner), body), Term::read_at("a", std::slice::from_ref(&k))]);
    let equation = text(&page::index::equation(&given, "t", &[i, k], &term));
    assert_eq!(equation, "t[i,j] = a[j] sum[k] A[i,k] b[k]");
}

#[test]
fn compound_subscripts_and_numbers_are_written_as_in_the_language() {
    let given = model(&format!("{GIVEN}loss = s\n"));
    let (i, j) = (Index::new(0, 2, "i"), Index::new(1, 2, "j"));
    let form =
        Affine::combine(&[(2, &Affine::index(&i)), (-1, &Affine::index(&j)), (1, &Affine::constant(1))]).unwrap();
    let read = Term::read("a", vec![Term::affine(form.clone())]);
    let term = Term::add(vec![Term::mul(vec![Term::ratio(-1, 2), read]), Term::affine(form)]);
    assert_eq!(text(&page::index::term(&given, &[i, j], &term)), "(2 i + 1 - j) - 1/2 a[2*i+1-j]");
}
