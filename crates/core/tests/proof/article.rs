//! The chain of the article *Backpropagation Deep Dive*: its lines, and its slips.

use super::{proofs, source};
use deltarule_core::proof::{Shown, Slip};
use deltarule_core::text::Source;
use std::fmt::Write;

fn article() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/article.dr");
    std::fs::read_to_string(path).expect("the model")
}

#[test]
fn every_line_follows_exactly() {
    let source = Source::new("article.dr", article());
    let proofs = proofs(&source);
    assert!(proofs.len() >= 10);
    for proof in &proofs {
        if let Some(wrong) = &proof.wrong {
            panic!("{}", wrong.problem.render(&source));
        }
        assert!(proof.lines.iter().all(|line| line.shown == Shown::Exactly), "{proof:?}");
    }
}

/// The slips of the article, each in the words of its own network.
const SLIPS: &[(Option<Slip>, &str)] = &[
    // The Jacobian of the softmax, with an index that is free on the right only; and substituted as it stands.
    (Some(Slip::FreeIndices), "claim ∂p[i]/∂z2[i] = p[i] (δ[i,j] - p[j])"),
    (Some(Slip::FreeIndices), "claim ∂loss/∂z2[i] = -sum[k] (y[k] / p[k]) p[i] (δ[i,j] - p[j])"),
    // ∂z/∂W = aᵀ: rank three on the left, a row on the right.
    (Some(Slip::Factor), "claim ∂z2[i]/∂W2[m,k] = a1[k]"),
    // The derivative by the first weights in the order of the scalar rule: factors misplaced, no transpose.
    (Some(Slip::Transposed), "claim ∂loss/∂W1[i,j] = a1[i] (1 - a1[i]) x[j] W2[i,k] ∂loss/∂z2[k]"),
    // p - y needs that the target sums to one.
    (Some(Slip::Assumption), "claim ∂loss/∂z2[i] = p[i] - y[i]"),
];

#[test]
fn every_slip_is_found_and_explained() {
    let (mut all, mut mistaken, mut agree) = (String::new(), String::new(), true);
    for (slip, claim) in SLIPS {
        let source = source(&article(), claim);
        let wrong = proofs(&source).into_iter().find_map(|proof| proof.wrong).expect(claim);
        writeln!(mistaken, "{claim}: {:?}, {:?}", wrong.slip, wrong.mended).unwrap();
        agree &= wrong.slip == *slip;
        writeln!(all, "{}", wrong.problem.render(&source)).unwrap();
    }
    assert!(agree, "{mistaken}");
    insta::assert_snapshot!(all);
}
