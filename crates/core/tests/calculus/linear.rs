//! Linear maps: the derivative of `<A x, y>` by `x` is `Aᵀ y`, and `<A x, y> = <x, Aᵀ y>`.

use crate::hand::{Hand, adjoint, at, completed, form, index, padded, read, uniform, verified};
use deltarule_core::derivation::random_point;
use deltarule_core::model::Model;
use deltarule_core::term::{Comparison, Index, Reduction, Term};

/// `loss = sum z y`, for a `z` of `x` with these indices.
fn paired(hand: Hand, indices: &[&Index], body: Term) -> Model {
    let shape: Vec<usize> = indices.iter().map(|index| index.extent.value()).collect();
    let entry: Vec<Term> = indices.iter().map(|index| at(index)).collect();
    let indices_of_sum: Vec<Index> = indices.iter().copied().cloned().collect();
    let product = Term::mul(vec![read("z", &entry), read("y", &entry)]);
    hand.input("y", &shape).define("z", indices, body).define("loss", &[], Term::sum(&indices_of_sum, product)).model()
}

/// Two axes of a convolution or pooling: output, window, stride, dilation, padding, input.
fn convolution(stride: i64, dilation: i64, pad: i64, size: usize, window: usize) -> Model {
    let output = ((size as i64 + 2 * pad - dilation * (window as i64 - 1) - 1) / stride + 1) as usize;
    let (o, r, s) = (index(0, 2, "o"), index(1, output, "r"), index(2, output, "s"));
    let (c, u, v) = (index(3, 2, "c"), index(4, window, "u"), index(5, window, "v"));
    let place = |at: &Index, window: &Index| (form(&[(stride, at), (dilation, window)], -pad), size);
    let image = padded("x", &[(at(&c), 2), place(&r, &u), place(&s, &v)]);
    let kernel = read("K", &[at(&o), at(&c), at(&u), at(&v)]);
    let hand = Hand::default().input("x", &[2, size, size]).param("K", &[2, 2, window, window]);
    paired(hand, &[&o, &r, &s], Term::sum(&[c, u, v], Term::mul(vec![kernel, image])))
}

fn line(hand: Hand, indices: &[&Index], body: Term) -> Model {
    paired(hand.input("x", &[7]), indices, body)
}

fn cumulative() -> Model {
    let (i, j) = (index(0, 7, "i"), index(1, 7, "j"));
    let earlier = Term::compare(Comparison::LessEqual, at(&j), at(&i));
    line(Hand::default(), &[&i], Term::sum(std::slice::from_ref(&j), Term::mul(vec![earlier, read("x", &[at(&j)])])))
}

fn recurrence() -> Model {
    let (t, i, j) = (index(0, 6, "t"), index(1, 3, "i"), index(2, 3, "j"));
    let before = Term::sum(
        std::slice::from_ref(&j),
        Term::mul(vec![read("V", &[at(&i), at(&j)]), read("z", &[form(&[(1, &t)], -1), at(&j)])]),
    );
    let is_later = Term::compare(Comparison::GreaterEqual, at(&t), Term::integer(1));
    let body = Term::add(vec![Term::mul(vec![is_later, before]), read("x", &[at(&t), at(&i)])]);
    paired(Hand::default().input("x", &[6, 3]).param("V", &[3, 3]), &[&t, &i], body)
}

/// Means over windows of the line `x`.
fn pooling(stride: i64, window: usize, output: usize) -> Model {
    let (r, u) = (index(0, output, "r"), index(1, window, "u"));
    let sum = Term::sum(std::slice::from_ref(&u), read("x", &[form(&[(stride, &r), (1, &u)], 0)]));
    line(Hand::default(), &[&r], Term::mul(vec![Term::ratio(1, window as i64), sum]))
}

fn gather() -> Model {
    let (s, d) = (index(0, 5, "s"), index(1, 3, "d"));
    let hand = Hand::default().integers("t", &[5], 4).param("x", &[4, 3]);
    paired(hand, &[&s, &d], read("x", &[read("t", &[at(&s)]), at(&d)]))
}

fn models() -> Vec<(String, Model)> {
    let mut models = Vec::new();
    for (stride, dilation, pad) in
        [(1, 1, 0), (2, 1, 0), (3, 1, 0), (1, 2, 0), (2, 2, 0), (1, 1, 1), (2, 1, 1), (3, 2, 2), (2, 2, 3)]
    {
        let name = format!("convolution, stride {stride}, dilation {dilation}, padding {pad}");
        let size = if stride + dilation > 2 { 9 } else { 6 };
        models.push((name, convolution(stride, dilation, pad, size, 3)));
    }
    models.push(("convolution, window of 1".into(), convolution(1, 1, 0, 4, 1)));
    models.push(("convolution, window as large as the image".into(), convolution(1, 1, 0, 3, 3)));
    models.push(("convolution, window smaller than the stride".into(), convolution(3, 1, 0, 7, 2)));
    for (stride, window, output) in [(2, 2, 3), (2, 3, 3), (3, 2, 2), (1, 3, 5), (1, 1, 7), (1, 7, 1)] {
        models.push((format!("means of {window}, stride {stride}"), pooling(stride, window, output)));
    }
    models.push(("cumulative sum".into(), cumulative()));
    let i = index(0, 7, "i");
    models.push(("flip".into(), line(Hand::default(), &[&i], read("x", &[form(&[(-1, &i)], 6)]))));
    let i = index(0, 14, "i");
    models.push(("upsampling".into(), line(Hand::default(), &[&i], read("x", &[at(&i).floor_quotient(2)]))));
    let i = index(0, 17, "i");
    let part = Term::add(vec![at(&i), Term::integer(2)]).floor_quotient(3);
    models.push(("uneven upsampling".into(), line(Hand::default(), &[&i], read("x", &[part]))));
    models.push(("repetition".into(), line(Hand::default(), &[&i], read("x", &[at(&i).remainder(7)]))));
    let i = index(0, 7, "i");
    models.push(("shift".into(), line(Hand::default(), &[&i], padded("x", &[(form(&[(1, &i)], -2), 7)]))));
    let far = index(0, 20, "i");
    models.push(("stretch".into(), line(Hand::default(), &[&far], padded("x", &[(form(&[(1, &far)], -6), 7)]))));
    models.push(("gather".into(), gather()));
    models.push(("recurrence".into(), recurrence()));
    models
}

#[test]
fn adjoints_pass_the_dot_product_test() {
    for (name, model) in models() {
        let backward = verified(&model, &["x"]);
        let point = completed(&backward.model, random_point(&model, &mut uniform(5)));
        let (x, gradient) = (&point["x"].values, &point["∂loss/∂x"].values);
        let paired: f64 = x.iter().zip(gradient).map(|(x, gradient)| x * gradient).sum();
        let loss = point["loss"].values[0];
        assert!((paired - loss).abs() <= 1e-12 * loss.abs().max(1.0), "{name}: {paired} and {loss}");
    }
}

#[test]
fn adjoints_are_short() {
    let mut lines = String::new();
    for (name, model) in models() {
        lines += &format!("{name}\n    {}\n", adjoint(&model, "x"));
        if model.tensor("K").is_some() {
            lines += &format!("    {}\n", adjoint(&model, "K"));
        }
        if model.tensor("V").is_some() {
            lines += &format!("    {}\n", adjoint(&model, "V"));
        }
    }
    insta::assert_snapshot!("adjoints", lines);
}

#[test]
fn pooling_by_the_greatest() {
    let mut lines = String::new();
    for (stride, window, output) in [(2, 2, 3), (2, 3, 3), (1, 2, 6)] {
        let (r, u) = (index(0, output, "r"), index(1, window, "u"));
        let body =
            Term::reduce(Reduction::Max, std::slice::from_ref(&u), read("x", &[form(&[(stride, &r), (1, &u)], 0)]));
        lines += &format!("windows of {window}, stride {stride}\n    {}\n", {
            adjoint(&line(Hand::default(), &[&r], body), "x")
        });
    }
    insta::assert_snapshot!("greatest", lines);
}
