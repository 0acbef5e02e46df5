//! Claims about sizes.

use crate::parsed;
use deltarule_core::derivation::with_derivatives;
use deltarule_core::model::{Sizing, build_sized};
use deltarule_core::proof::{at_all_sizes, other_sizes, prove};

/// Whether all claims of a model are right.
fn is_right(text: &str) -> bool {
    let (source, tree) = parsed(text);
    let model = build_sized(&source, &tree, &Sizing::symbolic());
    let model = with_derivatives(&model.unwrap_or_else(|found| panic!("{}", found[0].render(&source)))).unwrap();
    let mut state = 3u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let first = prove(&source, &model, &mut uniform);
    let others = other_sizes(&source, &tree, &model);
    let others = others.iter().map(|model| (model.symbols.clone(), prove(&source, model, &mut uniform))).collect();
    let proofs = at_all_sizes(first, others);
    assert!(!proofs.is_empty());
    proofs.iter().all(|proof| proof.wrong.is_none())
}

const MODEL: &str = "size d = 4\nsize m = 2*d + 1\ninput X[batch, d]\ntarget y[batch]\nparam w[d] ~ zeros\n\
    param u[m] ~ zeros\nr[n] = X[n,i] w[i] - y[n]\nodd = (batch - 3) (batch - 5) mean[n] r[n]\n\
    loss = 1/2 mean[n] r[n]^2 + odd\n";

#[test]
fn what_holds_for_all_sizes_is_right() {
    for claim in [
        "∂loss/∂w[i] = (1/batch) sum[n] X[n,i] r[n] + (batch - 3) (batch - 5) mean[n] X[n,i]",
        "sum[n:batch] 1 = batch",
        "sum[i,j] X[i,j] = batch d mean[i,j] X[i,j]",
        "m = 2 d + 1",
        "(m - 1) / 2 = d",
        "sum[k:m] k = d (2 d + 1)",
        "[batch >= 1] = 1",
        "[m > d] = 1",
        "sqrt(batch^2) = batch",
        "w[d-1] = sum[i] w[i] delta[i, d-1]",
        "max[i:d] i = d - 1",
    ] {
        assert!(is_right(&format!("{MODEL}claim {claim}\n")), "{claim}");
    }
}

#[test]
fn what_holds_for_some_sizes_only_is_wrong() {
    for claim in [
        "batch = 3",
        "d = 4",
        "m = 9",
        "∂odd/∂w[i] = 0",
        "∂loss/∂w[i] = 1/3 sum[n] X[n,i] r[n]",
        "(batch - 1) (batch - 2) (batch - 3) (batch - 4) (batch - 5) = 0",
        "batch (batch - 3) (d - 4) = 0",
        "[batch > 2] = 1",
        "[d < 100] = 1",
        "[d < 1000] = 1",
        "sum[i] w[i] = 4 mean[i] w[i]",
        "w[3] = w[d-1]",
        "batch^2 = 3 batch",
    ] {
        assert!(!is_right(&format!("{MODEL}claim {claim}\n")), "{claim}");
    }
}
