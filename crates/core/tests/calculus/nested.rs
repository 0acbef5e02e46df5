//! Derivatives that equations read.

use crate::hand::{Hand, at, completed, index, model, read, uniform, verified};
use deltarule_core::derivation::{derivative_name, derivative_parts, random_point, with_derivatives};
use deltarule_core::meaning::Array;
use deltarule_core::model::Model;
use deltarule_core::term::{Index, Term};

#[test]
fn names_come_apart_in_one_way() {
    for (of, wrt) in [("u", "x"), ("∂u/∂x", "W"), ("u", "∂v/∂x"), ("∂∂u/∂x/∂x", "W"), ("∂u/∂x", "∂v/∂∂w/∂a")]
    {
        assert_eq!(derivative_parts(&derivative_name(of, wrt)), Some((of, wrt)));
    }
    for name in ["u", "∂u", "∂u/∂", "∂/∂x", "∂u/x", "∂∂u/∂x"] {
        assert_eq!(derivative_parts(name), None, "{name}");
    }
}

/// A network with one output that should satisfy `u'' = -u`, and its first layers.
fn informed() -> Model {
    let before = model(
        "input x[1]\nparam W[4,1] ~ lecun\nparam b[4] ~ zeros\nparam v[4] ~ lecun\n\
         z[i] = W[i,j] x[j] + b[i]\na[i] = tanh(z[i])\nu = v[i] a[i]\n",
    );
    let zero = || Term::integer(0);
    let residual = Term::add(vec![read("∂∂u/∂x/∂x", &[zero(), zero()]), read("u", &[])]);
    let mut tensors = before.tensors.to_vec();
    tensors
        .extend(Hand::default().define("loss", &[], Term::pow(&residual, &Term::integer(2))).model().tensors.to_vec());
    Model { tensors: tensors.into(), metrics: before.metrics, assumptions: before.assumptions, ..before_rest() }
}

fn before_rest() -> Model {
    model("input x[1]\nloss = x[0]\n")
}

#[test]
fn second_derivatives_have_their_values_and_gradients() {
    let whole = with_derivatives(&informed()).unwrap();
    let position = |name: &str| whole.tensors.iter().position(|tensor| &*tensor.name == name).unwrap();
    assert!(position("∂u/∂x") < position("∂∂u/∂x/∂x") && position("∂∂u/∂x/∂x") < position("loss"));
    let point = completed(&whole, random_point(&whole, &mut uniform(4)));
    let value = |name: &str, place: usize| point[name].values[place];
    let (mut first, mut second) = (0.0, 0.0);
    for i in 0..4 {
        let (w, a) = (value("W", i), value("a", i));
        first += value("v", i) * (1.0 - a * a) * w;
        second += value("v", i) * -2.0 * a * (1.0 - a * a) * w * w;
    }
    assert!((value("∂u/∂x", 0) - first).abs() < 1e-13);
    assert!((value("∂∂u/∂x/∂x", 0) - second).abs() < 1e-13);
    // Held to finite differences of the whole model, second derivatives included.
    verified(&whole, &["W", "b", "v", "x"]);
}

#[test]
fn derivatives_that_are_constants_are_defined_too() {
    let before = model("input x[3]\nparam W[3] ~ zeros\nu = W[i] x[i]\nq = sum[i] x[i]^2\n");
    let (i, j): (Index, Index) = (index(0, 3, "i"), index(1, 3, "j"));
    let mut tensors = before.tensors.to_vec();
    let body = Term::add(vec![read("∂q/∂W", &[at(&i)]), read("∂x/∂x", &[at(&i), at(&j)]), read("∂u/∂W", &[at(&j)])]);
    tensors.extend(Hand::default().define("t", &[&i, &j], body).model().tensors.to_vec());
    let whole = with_derivatives(&Model { tensors: tensors.into(), ..before }).unwrap();
    let point = completed(&whole, random_point(&whole, &mut uniform(4)));
    assert_eq!(point["∂q/∂W"].values, [0.0; 3]);
    assert_eq!(point["∂x/∂x"].values, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(point["∂u/∂W"].values, point["x"].values);
}

/// By the same variable every further derivative goes on from those before it, and no adjoint has adjoints.
#[test]
fn the_nth_derivative_needs_n_of_every_tensor() {
    let count = |order: usize| {
        let mut text = "input x\nparam w[8] ~ lecun\nparam V[8,8] ~ lecun\nparam v[8] ~ lecun\na[i] = tanh(w[i] x)\n\
                        c[i] = tanh(V[i,j] a[j])\nu = v[i] c[i]\nd0 = u\n"
            .to_string();
        (1..=order).for_each(|number| text += &format!("d{number} = ∂d{}/∂x\n", number - 1));
        text += &format!("loss = (d{order} - u)^2\n");
        let whole = with_derivatives(&model(&text)).unwrap();
        if order <= 3 {
            verified(&whole, &["w", "V", "v", "x"]);
        }
        let sizes = whole.tensors.iter().filter_map(|tensor| tensor.definition());
        (whole.tensors.len(), sizes.map(|definition| definition.body.size()).sum::<usize>())
    };
    let counts: Vec<(usize, usize)> = (1..=8).map(count).collect();
    let further: Vec<usize> = counts.windows(2).map(|two| two[1].0 - two[0].0).collect();
    assert!(further.iter().all(|more| *more <= 5), "{counts:?}");
    assert!(counts[7].1 < 40 * counts[0].1, "{counts:?}");
}

/// What a mask makes 0 must not meet what is infinite, so that derivatives go backwards there.
#[test]
fn masks_keep_poles_out_of_derivatives_in_equations() {
    for root in ["sqrt(x)", "log(x)", "1 / x", "x^0.5"] {
        let text = format!("input x\nparam w ~ ones\ns = {root}\nu = where(x > 0, w s, x)\nloss = (∂u/∂x - w)^2\n");
        let whole = with_derivatives(&model(&text)).unwrap();
        let scalar = |value: f64| Array { shape: Vec::new(), values: vec![value] };
        let point = [("x".into(), scalar(0.0)), ("w".into(), scalar(3.0))].into_iter().collect();
        assert_eq!(completed(&whole, point)["loss"].values, [4.0], "{text}");
    }
}

/// A derivative that is 0 since a parameter is, not since a mask says so, moves with the parameter.
#[test]
fn what_a_mask_could_make_0_moves_where_it_is_0_without() {
    let text = "input x\nparam v ~ zeros\nparam w ~ ones\ns = exp(w x)\na = where(x > 0, s, 0)\nu = v a\n\
                loss = (∂u/∂x - 1)^2\n";
    let whole = with_derivatives(&model(text)).unwrap();
    let backward = verified(&whole, &["v", "w", "x"]);
    for (x, expected) in [(0.5f64, -2.0 * 2.0 * 1.0f64.exp()), (-0.5, 0.0)] {
        let scalar = |value: f64| Array { shape: Vec::new(), values: vec![value] };
        let point = [("x", x), ("v", 0.0), ("w", 2.0)].map(|(name, value)| (name.into(), scalar(value)));
        let found = completed(&backward.model, point.into_iter().collect())["∂loss/∂v"].values[0];
        assert!((found - expected).abs() < 1e-12, "{found}");
    }
}
