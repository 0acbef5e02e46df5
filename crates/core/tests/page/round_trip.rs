//! What is printed can be pasted back and is the same term.

use crate::model;
use crate::random::{GIVEN, Random};
use deltarule_core::page::{self, text};
use deltarule_core::term::{Affine, Comparison, Function, Index, Term};

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

/// Random affine, divided and remaindered subscripts, each read guarded so that it stays inside.
#[test]
fn random_compound_subscripts_come_back() {
    let given = model(&format!("{GIVEN}loss = s\n"));
    let mut random = Random::new(78);
    for round in 0..400 {
        let indices = [Index::new(0, 4, "i"), Index::new(1, 5, "j")];
        let k = Index::new(7, 2 + random.below(3), ["k", "i", "s"][random.below(3)]);
        let scope = [indices[0].clone(), indices[1].clone(), k.clone()];
        let place = |random: &mut Random| {
            let mut addends = vec![Term::integer(random.below(5) as i64 - 2)];
            for _ in 0..1 + random.below(2) {
                let coefficient = Term::integer([1, 1, 2, 3, -1, -2][random.below(6)]);
                addends.push(Term::mul(vec![coefficient, Term::index(&scope[random.below(3)])]));
            }
            match (random.below(6), Term::add(addends)) {
                (0, form) => form.floor_quotient(2),
                (1, form) => form.remainder(3),
                (_, form) => form,
            }
        };
        let read = |random: &mut Random| {
            let (name, shape): (&str, &[i64]) = [("x", &[5][..]), ("a", &[4]), ("A", &[4, 5])][random.below(3)];
            // An index that stands alone runs over the whole axis, so no other index may.
            let fits = |place: &Term, extent: i64| {
                let alone = place.as_affine().and_then(|form| form.as_index().cloned());
                alone.is_none_or(|index| index.extent.value() as i64 == extent)
            };
            let mut fitting = |extent: i64| loop {
                let place = place(random);
                if fits(&place, extent) {
                    return place;
                }
            };
            let subscripts: Vec<Term> = shape.iter().map(|extent| fitting(*extent)).collect();
            let inside = subscripts.iter().zip(shape).flat_map(|(subscript, extent)| {
                let above = Term::compare(Comparison::LessEqual, Term::integer(0), subscript.clone());
                [above, Term::compare(Comparison::Less, subscript.clone(), Term::integer(*extent))]
            });
            Term::mul(inside.chain([Term::read(name, subscripts.clone())]).collect())
        };
        let (first, second) = (read(&mut random), read(&mut random));
        let delta = Term::delta(place(&mut random), place(&mut random));
        let product = if round % 3 == 0 { vec![first, delta] } else { vec![first, second] };
        let term = Term::sum(std::slice::from_ref(&k), Term::mul(product));
        let equation = text(&page::index::equation(&given, "t", &indices, &term));
        assert_eq!(read_back(&equation, &indices), term, "round {round}: {equation}");
    }
}

#[test]
fn letters_do_not_meet_sizes() {
    let sized = model(&format!("size i = 4\n{GIVEN}loss = s\n"));
    let term = Term::read_at("a", &[Index::new(0, 4, "i")]);
    assert_eq!(text(&page::index::equation(&sized, "t", &[Index::new(0, 4, "i")], &term)), "t[j] = a[j]");
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

#[test]
fn pi_is_written_by_a_name_that_means_nothing_else() {
    let cases = [
        ("", "i", "sin(π x[i]) / sqrt(2 π)"),
        ("param π[3] ~ zeros\n", "i", "sin(pi x[i]) / sqrt(2 pi)"),
        ("", "π", "sin(pi x[π]) / sqrt(2 pi)"),
        ("size π = 2\nparam pi ~ zeros\n", "i", "sin(acos(-1) x[i]) / sqrt(2 acos(-1))"),
    ];
    for (own, letter, written) in cases {
        let given = format!("input x[5]\n{own}");
        let indices = [Index::new(0, 5, letter)];
        let argument = Term::mul(vec![Term::pi(), Term::read_at("x", &indices)]);
        let root = Term::call(Function::Sqrt, Term::mul(vec![Term::integer(2), Term::pi()]));
        let term = Term::mul(vec![Term::call(Function::Sin, argument), root.inverse()]);
        let equation = text(&page::index::equation(&model(&format!("{given}loss = x[0]\n")), "t", &indices, &term));
        assert_eq!(equation, format!("t[{letter}] = {written}"));
        let back = model(&format!("{given}{equation}\nloss = x[0]\n"));
        assert_eq!(back.definition("t").unwrap().at(&[Term::index(&indices[0])]).unwrap(), term, "{equation}");
    }
}
