//! Recurrences: their values, and derivatives that are recurrences in the other direction.

use crate::hand::{Hand, adjoint, at, completed, form, index, model, read, uniform, verified};
use deltarule_core::derivation::{random_point, with_derivatives};
use deltarule_core::meaning::{MeaningError, Point, complete};
use deltarule_core::model::{Model, Recurrence};
use deltarule_core::page::derivation::{Contents, Notation, View, document, render_text};
use deltarule_core::term::{Comparison, Function, Index, Term};
use std::collections::BTreeMap;

const STEPS: usize = 5;

fn over(indices: &[&Index], factors: Vec<Term>) -> Term {
    let indices: Vec<Index> = indices.iter().copied().cloned().collect();
    Term::sum(&indices, Term::mul(factors))
}

fn later(t: &Index) -> Term {
    Term::compare(Comparison::GreaterEqual, at(t), Term::integer(1))
}

/// `h[t,i] = tanh(U[i,j] x[t,j] + [t >= 1] V[i,j] h[t-1,j] + b[i])`, `loss = sum h[t,i]^2 w[i]`
fn network() -> Model {
    let (t, i, j) = (index(0, STEPS, "t"), index(1, 3, "i"), index(2, 2, "j"));
    let k = index(3, 3, "k");
    let body = Term::add(vec![
        over(&[&j], vec![read("U", &[at(&i), at(&j)]), read("x", &[at(&t), at(&j)])]),
        Term::mul(vec![
            later(&t),
            over(&[&k], vec![read("V", &[at(&i), at(&k)]), read("h", &[form(&[(1, &t)], -1), at(&k)])]),
        ]),
        read("b", &[at(&i)]),
    ]);
    let square = Term::pow(&read("h", &[at(&t), at(&i)]), &Term::integer(2));
    Hand::default()
        .input("x", &[STEPS, 2])
        .param("U", &[3, 2])
        .param("V", &[3, 3])
        .param("b", &[3])
        .param("w", &[3])
        .define("h", &[&t, &i], Term::call(Function::Tanh, body))
        .define("loss", &[], over(&[&t, &i], vec![square, read("w", &[at(&i)])]))
        .model()
}

/// Two tensors that read one another: a memory and what is seen of it.
fn pair() -> Model {
    let t = index(0, STEPS, "t");
    let before = form(&[(1, &t)], -1);
    let gate = Term::call(
        Function::Sigmoid,
        Term::add(vec![
            read("x", &[at(&t)]),
            Term::mul(vec![later(&t), read("a", &[]), read("h", std::slice::from_ref(&before))]),
        ]),
    );
    let memory = Term::add(vec![
        Term::mul(vec![later(&t), gate, read("c", &[before])]),
        Term::call(Function::Sin, read("x", &[at(&t)])),
    ]);
    let seen = Term::mul(vec![read("b", &[]), Term::call(Function::Tanh, read("c", &[at(&t)]))]);
    Hand::default()
        .input("x", &[STEPS])
        .param("a", &[])
        .param("b", &[])
        .define("c", &[&t], memory)
        .define("h", &[&t], seen)
        .define("loss", &[], over(&[&t], vec![read("h", &[at(&t)]), read("h", &[at(&t)])]))
        .model()
}

#[test]
fn a_recurrence_has_the_values_of_its_steps() {
    let model = network();
    let recurrence = model.definition("h").unwrap().recurrence("h");
    assert_eq!(recurrence, Some(Recurrence { axis: 0, backward: false }));
    let point = completed(&model, random_point(&model, &mut uniform(3)));
    let value = |name: &str, place: usize| point[name].values[place];
    let mut before = [0.0; 3];
    for t in 0..STEPS {
        let now: [f64; 3] = std::array::from_fn(|i| {
            let inputs: f64 = (0..2).map(|j| value("U", 2 * i + j) * value("x", 2 * t + j)).sum();
            let recurrent: f64 = (0..3).map(|k| value("V", 3 * i + k) * before[k]).sum();
            (inputs + recurrent + value("b", i)).tanh()
        });
        now.iter().enumerate().for_each(|(i, now)| assert!((value("h", 3 * t + i) - now).abs() < 1e-14));
        before = now;
    }
}

#[test]
fn adjoints_of_recurrences_are_recurrences_backward() {
    for model in [network(), pair()] {
        let parameters: Vec<String> = model.parameters().map(|tensor| tensor.name.to_string()).collect();
        let names: Vec<&str> = parameters.iter().map(|name| &**name).chain(["x"]).collect();
        verified(&model, &names);
    }
    let backward = verified(&network(), &["V"]);
    let adjoint = backward.model.definition("∂loss/∂h").unwrap();
    assert_eq!(adjoint.recurrence("∂loss/∂h"), Some(Recurrence { axis: 0, backward: true }));
}

#[test]
fn adjoints_of_recurrences_are_short() {
    let mut lines = String::new();
    for (model, names) in [(network(), ["h", "V", "U", "x"].as_slice()), (pair(), &["c", "h", "a", "b", "x"])] {
        names.iter().for_each(|name| lines += &format!("{}\n", adjoint(&model, name)));
        lines.push('\n');
    }
    insta::assert_snapshot!("recurrences", lines);
}

/// Equations can read the derivative of a recurrence by its own entries, or by those of a tensor that reads it.
#[test]
fn derivatives_by_own_entries_have_gradients() {
    let whole = with_derivatives(&model(
        "input x[5]\nparam w ~ ones\nparam v ~ ones\nparam u ~ ones\nc[t:-1] = 0\nm[t:-1] = u\n\
         c[t] = w c[t-1] + v m[t-1] + x[t]\nm[t] = tanh(c[t])\nk[t] = [t < 4] w k[t+1]^2 + x[t]\n\
         g = ∂c[3]/∂c[1] + ∂m[4]/∂c[0] + ∂k[0]/∂k[2] + ∂k[2]/∂k[0]\nJ[t,s] = ∂c[t]/∂m[s]\n\
         loss = g^2 + sum[t,s] J[t,s]^2\n",
    ))
    .unwrap();
    let point = completed(&whole, random_point(&whole, &mut uniform(5)));
    let value = |name: &str, place: usize| point[name].values[place];
    let (w, v) = (value("w", 0), value("v", 0));
    let step = |t: usize| w + v * (1.0 - value("m", t).powi(2));
    let last = (1.0 - value("m", 4).powi(2)) * (0..4).map(step).product::<f64>();
    let backward = 4.0 * w * w * value("k", 1) * value("k", 2);
    assert!((value("g", 0) - (step(1) * step(2) + last + backward)).abs() < 1e-13);
    for (later, earlier) in (0..STEPS).flat_map(|later| (0..STEPS).map(move |earlier| (later, earlier))) {
        let expected = if earlier < later { v * (earlier + 1..later).map(step).product::<f64>() } else { 0.0 };
        assert!((value("J", later * STEPS + earlier) - expected).abs() < 1e-13, "{later} {earlier}");
    }
    verified(&whole, &["w", "v", "u", "x"]);
}

#[test]
fn a_page_says_in_which_order_a_recurrence_is_computed() {
    let backward = verified(&network(), &["V"]);
    let (backward, typed) = (&backward, BTreeMap::new());
    let verified = Default::default();
    let contents = Contents { backward, wrt: &[], verified, points: &[], typed: &typed, title: "" };
    let page = render_text(&document(&contents), View::of(Notation::Index), 100);
    assert!(page.contains("a recurrence, computed from the last t to the first"), "{page}");
}

#[test]
fn a_tensor_that_reads_itself_in_no_order_is_an_error() {
    let (t, hand) = (index(0, STEPS, "t"), Hand::default().input("x", &[STEPS]));
    let flipped = read("h", &[form(&[(-1, &t)], STEPS as i64 - 1)]);
    let model = hand.define("h", &[&t], Term::add(vec![flipped, read("x", &[at(&t)])])).model();
    let mut point: Point = random_point(&model, &mut uniform(1));
    assert_eq!(complete(&model, &mut point, &["h".into()]), Err(MeaningError::Order("h".into())));
}
