//! Sizes that are made of others, and models that hold for the numbers at hand only.

use crate::symbolic;
use deltarule_core::term::Polynomial;
use std::collections::BTreeMap;

fn extents(text: &str, tensor: &str) -> Vec<String> {
    let model = symbolic(text, &BTreeMap::new());
    model.tensor(tensor).unwrap().extents.iter().map(|extent| extent.polynomial().to_string()).collect()
}

#[test]
fn extents_are_made_of_sizes() {
    for (text, expected) in [
        (
            "size n = 9\nsize k = 4\nparam x[n] ~ ones\nparam w[k] ~ ones\ny[i] = x[i+j] w[j]\nloss = sum[i] y[i]",
            "-k + n + 1",
        ),
        ("size n = 8\nparam x[n] ~ ones\ny[i] = x[n-1-i]\nloss = sum[i] y[i]", "n"),
        ("size n = 8\nparam x[2*n] ~ ones\ny[i] = x[2*i] + x[2*i+1]\nloss = sum[i] y[i]", "n"),
        ("size n = 8\nparam x[n] ~ ones\ny[i] = x[i+2]\nloss = sum[i] y[i]", "n - 2"),
        ("size n = 8\nparam x[n] ~ ones\ny[i:n-1] = x[i+1] - x[i]\nloss = sum[i] y[i]", "n - 1"),
        // A size of its own, though the file says what it is.
        ("size n = 8\nsize m = 2*n\nparam x[m] ~ ones\ny[i] = x[i]\nloss = sum[i] y[i]", "m"),
        // Made of the other, where the model needs that.
        (
            "size n = 8\nsize m = 2*n\nparam x[m] ~ ones\nparam z[2*n] ~ ones\ny[i] = x[i] z[i]\nloss = sum[i] y[i]",
            "2 n",
        ),
        (
            "size n = 8\nsize k = 2\nsize m = n / k\nparam x[n] ~ ones\nparam z[k*m] ~ ones\ny[i] = x[i] z[i]\nloss = sum[i] y[i]",
            "k m",
        ),
    ] {
        assert_eq!(extents(text, "y"), [expected], "{text}");
    }
}

#[test]
fn a_model_for_some_numbers_only_has_numbers() {
    for text in [
        "size n = 4\nparam x[n] ~ ones\nparam z[4] ~ ones\ny[i] = x[i] z[i]\nloss = sum[i] y[i]",
        "size n = 4\nsize m = 4\nparam x[n] ~ ones\nparam z[m] ~ ones\ny[i] = x[i] z[i]\nloss = sum[i] y[i]",
        "size s = 2\nparam x[8] ~ ones\ny[i] = x[s*i]\nloss = sum[i] y[i]",
    ] {
        let model = symbolic(text, &BTreeMap::new());
        assert!(model.symbols.is_empty(), "{text}");
        assert_eq!(extents(text, "y"), ["4"], "{text}");
    }
}

#[test]
fn polynomials_are_bounded_over_all_sizes() {
    let model = symbolic("size n = 4\nsize m = 7\nparam x[n] ~ ones\nloss = sum[i] x[i] m", &BTreeMap::new());
    let [n, m] = [0, 1].map(|place| Polynomial::from(&model.symbols[place]));
    let one = Polynomial::constant(1);
    assert_eq!(n.least(), Some(1));
    assert_eq!(n.greatest(), None);
    assert_eq!(n.plus(-1, &m).unwrap().least(), None);
    assert_eq!(n.times(&m).unwrap().plus(-1, &n).unwrap().least(), Some(0));
    assert_eq!(one.plus(-1, &n).unwrap().greatest(), Some(0));
    assert!(!n.plus(-1, &one).unwrap().is_positive());
    assert!(n.times(&n).unwrap().plus(1, &one).unwrap().is_positive());
}
