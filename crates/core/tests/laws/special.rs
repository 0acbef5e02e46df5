//! The subjects of the rules that need more than an equation.

use super::{GIVEN, Subject, build, new_subject};
use deltarule_core::derivation::derivative_name;
use deltarule_core::meaning::{Array, finite_difference};
use deltarule_core::model::Definition;
use deltarule_core::term::{Function, Index, Term};

/// They, by the names of their rules.
pub fn subjects(seed: u64) -> Vec<(&'static str, Subject)> {
    let model = build(GIVEN);
    let index = |id, extent| Index::new(id, extent, "i");
    let (i, j) = (index(0, 3), index(1, 3));
    let both = vec![i.clone(), j.clone()];
    // By `u` as well as by `q`: a diagonal Jacobian does not change when its indices are swapped.
    let jacobian = |wrt| Term::jacobian("h", vec![Term::index(&i)], wrt, vec![Term::index(&j)]);
    let diagonal = Term::mul(vec![
        Term::integer(2),
        Term::read("q", vec![Term::index(&i)]),
        Term::delta(Term::index(&i), Term::index(&j)),
    ]);
    let linear = Term::read("C", vec![Term::index(&i), Term::index(&j)]);
    let mut subjects = Vec::new();
    for (wrt, body) in [("q", diagonal), ("u", linear)] {
        subjects.push(("definition, in normal form", new_subject(model.clone(), jacobian(wrt), both.clone(), seed)));
        let term = Term::mul(vec![Term::index(&j), jacobian(wrt)]);
        let mut local = new_subject(model.clone(), term, both.clone(), seed);
        local.jacobians.insert(("h".into(), wrt.into()), Definition { indices: both.clone(), body });
        subjects.push(("local Jacobian", local));
    }

    let value = Term::call(Function::Exp, Term::read("u", vec![Term::index(&i)]));
    let inner = Term::call(Function::Sin, Term::read("C", vec![Term::index(&i), Term::integer(0)]));
    let question = Term::derivative(inner, "C", vec![Term::index(&i), Term::index(&j)]);
    let beside = Term::mul(vec![value, question]);
    subjects.push(("value by its name", new_subject(model.clone(), beside, both.clone(), seed)));

    // The values of derivatives come from finite differences.
    for (name, wrt) in [("chain rule", "u"), ("chain rule", "q"), ("derived above", "h")] {
        let mut subject = new_subject(
            model.clone(),
            Term::read_at(&derivative_name("loss", wrt), std::slice::from_ref(&i)),
            vec![i.clone()],
            seed,
        );
        for of in ["u", "q", "h", "n"] {
            let shape = model.tensor(of).expect("a tensor of the model").shape.clone();
            let by = |entry| {
                finite_difference(&model, &subject.point, &"loss".into(), &of.into(), entry, 1e-3).unwrap().value
            };
            let values = (0..shape.iter().product()).map(by).collect();
            subject.point.insert(derivative_name("loss", of), Array { shape, values });
        }
        let twice = Term::mul(vec![Term::integer(2), Term::read_at("h", std::slice::from_ref(&i))]);
        subject.known.insert(derivative_name("loss", "h"), Definition { indices: vec![i.clone()], body: twice });
        subjects.push((name, subject));
    }
    let flow = Term::read_at(&derivative_name("loss", "l"), std::slice::from_ref(&i));
    let pole = Term::read_at("u", std::slice::from_ref(&i)).inverse();
    for rule in ["nothing flows through a mask", "nothing infinite flows through a mask"] {
        let product = Term::mul(vec![flow.clone(), pole.clone()]);
        let mut masked = new_subject(model.clone(), product, vec![i.clone()], seed);
        masked.point.insert(derivative_name("loss", "l"), Array { shape: vec![3], values: vec![0.0, 1.5, -0.5] });
        subjects.push((rule, masked));
    }
    let [i, j, m, n] = [0, 1, 2, 3].map(|id| index(id, 3));
    let entry = Term::read_at("C", &[i.clone(), j.clone()]);
    let remainder = Term::call2(Function::Mod, entry, Term::ratio(1, 3));
    let remainder = Term::derivative(remainder, "C", vec![Term::index(&m), Term::index(&n)]);
    subjects.push(("derivative of a remainder", new_subject(model, remainder, vec![i, j, m, n], seed)));
    subjects.extend(forwards(seed));
    subjects.extend(steps(seed));
    subjects
}

/// Derivatives by a recurrence, read at a constant step and at one that is computed, beside a condition that fixes the own.
fn steps(seed: u64) -> [(&'static str, Subject); 2] {
    let model = build(&format!("{GIVEN}re[a:-1] = r\nre[a:5] = s re[a-1] + w[2]\n"));
    let (i, k) = (Index::new(0, 5, "i"), Index::new(1, 2, "k"));
    let flow = |at: Term| Term::read(&derivative_name("loss", "re"), vec![at]);
    let twice = |index: &Index| Term::add(vec![Term::index(index), Term::index(index)]);
    let constant = Term::mul(vec![Term::delta(Term::index(&i), Term::integer(1)), flow(Term::integer(2))]);
    let computed =
        Term::mul(vec![Term::delta(Term::index(&i), twice(&k)), flow(Term::add(vec![twice(&k), Term::integer(1)]))]);
    [(constant, vec![i.clone()]), (computed, vec![i, k])].map(|(term, indices)| {
        let mut subject = new_subject(model.clone(), term, indices, seed);
        let values = vec![0.5, -1.5, 2.0, 0.25, -3.0];
        subject.point.insert(derivative_name("loss", "re"), Array { shape: vec![5], values });
        ("step told by a condition", subject)
    })
}

/// The chain rule forwards: `h[i] = C[i,j] u[j] + q[i] q[i]` with `q[i] = tanh(u[i])`, whose derivatives are known.
fn forwards(seed: u64) -> [(&'static str, Subject); 2] {
    let (i, j) = (Index::new(0, 3, "i"), Index::new(1, 3, "j"));
    let subject = |of: &str| {
        let term = Term::read_at(&derivative_name(of, "u"), &[i.clone(), j.clone()]);
        let mut subject = new_subject(build(GIVEN), term, vec![i.clone(), j.clone()], seed);
        let (q, c) = (subject.point["q"].values.clone(), subject.point["C"].values.clone());
        let slope = |place: usize| if place / 3 == place % 3 { 1.0 - q[place / 3] * q[place / 3] } else { 0.0 };
        let of_h = |place: usize| c[place] + 2.0 * q[place / 3] * slope(place);
        for (name, value) in [("q", &slope as &dyn Fn(usize) -> f64), ("h", &of_h)] {
            let array = Array { shape: vec![3, 3], values: (0..9).map(value).collect() };
            subject.point.insert(derivative_name(name, "u"), array);
        }
        ("chain rule, forwards", subject)
    };
    ["q", "h"].map(subject)
}
