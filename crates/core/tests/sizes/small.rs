//! Large models are checked at small sizes.

use crate::symbols::lines;
use crate::{derived, parsed, points};
use deltarule_core::derivation::{Backward, Fault, verify, with_derivatives, with_fault};
use deltarule_core::model::{Model, Sizing, build_sized, small_sizes};
use deltarule_core::term::Term;

const DENSE: &str = "input x[4096]\ntarget y[10] onehot\nparam W1[4096,4096] ~ he\nparam b1[4096] ~ zeros\n\
    param W2[10,4096] ~ he\nparam b2[10] ~ zeros\na[i] = relu(W1[i,j] x[j] + b1[i])\nz[i] = W2[i,j] a[j] + b2[i]\n\
    p[i] = softmax[i](z[i])\nloss = -y[i] log(p[i])\n";

const STRIDED: &str = "input x[3,224,224]\ntarget y[1000] onehot\nparam K1[64,3,11,11] ~ he\nparam K2[192,64,5,5] ~ he\n\
    param W[1000,192,13,13] ~ he\n\
    c1[o,i:55,j:55] = relu(sum[c,u,v] K1[o,c,u,v] pad(x)[c, 4*i+u-2, 4*j+v-2])\nm1[o,i,j] = max[u:3,v:3] c1[o, 2*i+u, 2*j+v]\n\
    c2[o,i:27,j:27] = relu(sum[c,u,v] K2[o,c,u,v] pad(m1)[c, i+u-2, j+v-2])\nm2[o,i,j] = max[u:3,v:3] c2[o, 2*i+u, 2*j+v]\n\
    z[k] = W[k,o,i,j] m2[o,i,j]\nloss = logsumexp[k] z[k] - y[k] z[k]\n";

const RESIDUAL: &str = "input x[3,56,56]\ntarget y[10] onehot\nparam K0[64,3,3,3] ~ he\nparam K1[64,64,3,3] ~ he\n\
    param K2[64,64,3,3] ~ he\nparam W[10,64] ~ glorot\nh0[o,i:56,j:56] = relu(K0[o,c,u,v] pad(x)[c,i+u-1,j+v-1])\n\
    s[o,i:56,j:56] = relu(K1[o,c,u,v] pad(h0)[c,i+u-1,j+v-1])\n\
    h1[o,i:56,j:56] = relu(K2[o,c,u,v] pad(s)[c,i+u-1,j+v-1] + h0[o,i,j])\ng[o] = mean[i,j] h1[o,i,j]\n\
    z[k] = W[k,o] g[o]\nloss = logsumexp[k] z[k] - y[k] z[k]\n";

fn models() -> Vec<(&'static str, String)> {
    let file =
        |name: &str| std::fs::read_to_string(format!("{}/../../models/{name}.dr", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let transformer = file("transformer").replace("length = 32", "length = 1024").replace("width  = 32", "width = 512");
    vec![
        ("dense", DENSE.into()),
        ("strided", STRIDED.into()),
        ("residual", RESIDUAL.into()),
        ("vgg", file("vgg")),
        ("article-cnn", file("article-cnn")),
        ("transformer", transformer),
    ]
}

fn built(text: &str, sizing: &Sizing) -> Model {
    let (source, tree) = parsed(text);
    let model =
        build_sized(&source, &tree, sizing).unwrap_or_else(|problems| panic!("{}", problems[0].render(&source)));
    with_derivatives(&model).unwrap()
}

/// A model at its own sizes, and at small ones.
fn both(text: &str) -> (Model, Vec<Model>) {
    let (source, tree) = parsed(text);
    let model = built(text, &Sizing::of_any_size());
    let small = small_sizes(&source, &tree, &model, 2);
    let small = small.iter().map(|sizing| built(text, sizing)).collect();
    (model, small)
}

fn entries(model: &Model) -> usize {
    model.tensors.iter().map(|tensor| tensor.len()).sum()
}

#[test]
fn large_models_have_the_same_derivation_at_small_sizes() {
    for (name, text) in models() {
        let (model, small) = both(&text);
        assert_eq!(small.len(), 2, "{name}");
        let own = lines(&derived(&model));
        for small in small {
            assert!(entries(&small) * 50 < entries(&model), "{name}: {}", entries(&small));
            let other = lines(&derived(&small));
            assert_eq!(own.len(), other.len(), "{name}");
            own.iter().zip(&other).for_each(|(own, other)| assert_eq!(own, other, "{name}"));
        }
    }
}

/// Rules that are made wrong.
const TRIED: [&str; 3] = ["entry by entry", "delta collapses the sum", "chain rule"];

/// The names of the rules of a derivation.
fn rules(backward: &Backward) -> Vec<&'static str> {
    let derivations = backward.jacobians.iter().map(|local| &local.derivation);
    let derivations = derivations.chain(backward.gradients.iter().map(|gradient| &gradient.derivation));
    let mut names: Vec<&'static str> = derivations.flat_map(|d| d.steps.iter().map(|step| step.rule.name)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn a_wrong_rule_is_seen_at_small_sizes() {
    let twice: fn(&Term, &Term) -> Term = |before, after| match before.is_condition() || before.is_integer() {
        true => after.clone(),
        false => Term::mul(vec![Term::integer(2), after.clone()]),
    };
    for (name, text) in models() {
        let (_, small) = both(&text);
        let points = points(&small[0], 3);
        let right = derived(&small[0]);
        assert!(verify(&right, &points).is_ok(), "{name}");
        let used = rules(&right);
        let tried: Vec<_> = used.iter().copied().filter(|rule| TRIED.contains(rule)).collect();
        assert!(tried.len() > 1, "{name}: {used:?}");
        for rule in tried {
            let fault = Fault { rule, change: twice };
            let seen = with_fault(fault, || {
                let wrong = std::panic::catch_unwind(|| derived(&small[0]));
                wrong.is_err() || wrong.is_ok_and(|wrong| verify(&wrong, &points).is_err())
            });
            assert!(seen, "{name}: {rule}");
        }
    }
}
