//! Wrong claims: each with the slip that was made.

use super::{BOUNDARIES, DEEP, FORMS, NETWORK, proofs, source};
use deltarule_core::proof::Slip;
use std::fmt::Write;

const WRONG: &[(&str, Slip, &str)] = &[
    // The free indices differ.
    (NETWORK, Slip::FreeIndices, "claim ∂p[i]/∂z2[i] = p[i] (delta[i,j] - p[j])"),
    (NETWORK, Slip::FreeIndices, "claim ∂loss/∂z2[j] = p[i] - y[i] given sum[k] y[k] = 1"),
    (NETWORK, Slip::FreeIndices, "claim ∂loss/∂b2[m] = p[m] - y[n] given sum[k] y[k] = 1"),
    (NETWORK, Slip::FreeIndices, "claim ∂p[k]/∂z2[j] = p[k] (delta[k,k] - p[k])"),
    (NETWORK, Slip::FreeIndices, "claim ∂loss/∂W2[i,j] = ∂loss/∂z2[m] a1[n]"),
    (FORMS, Slip::FreeIndices, "claim ∂loss/∂e[i] = e[j]"),
    (FORMS, Slip::FreeIndices, "claim ∂loss/∂A[m,n] = e[m] x[m]"),
    // A dummy captures another index, or is used twice.
    (NETWORK, Slip::Dummy, "claim ∂loss/∂z2[j] = sum[j] -(y[j] / p[j]) ∂p[j]/∂z2[j]"),
    (NETWORK, Slip::Dummy, "claim ∂loss/∂a1[j] = sum[j] W2[j,j] ∂loss/∂z2[j]"),
    (NETWORK, Slip::Dummy, "claim ∂loss/∂z2[k] = p[k] sum[k] y[k] - sum[k] y[k] delta[k,k]"),
    (FORMS, Slip::Dummy, "claim q^2 = x[i] A[i,j] x[j] x[i] A[i,j] x[j]"),
    (
        FORMS,
        Slip::Dummy,
        "claim loss = 1/2 e[i] e[i] = 1/2 sum[i] (A[i,j] x[j] + c[i] - y[i]) (A[i,j] x[j] + c[i] - y[i])",
    ),
    // A factor is transposed.
    (NETWORK, Slip::Transposed, "claim ∂loss/∂a1[i] = W2[i,k] ∂loss/∂z2[k]"),
    (NETWORK, Slip::Transposed, "claim ∂loss/∂W2[i,j] = ∂loss/∂z2[j] a1[i]"),
    (NETWORK, Slip::Transposed, "claim z1[i] = W1[j,i] x[j] + b1[i]"),
    (FORMS, Slip::Transposed, "claim ∂q/∂x[k] = A[k,j] x[j] + A[k,i] x[i]"),
    (FORMS, Slip::Transposed, "claim ∂loss/∂x[j] = A[j,i] e[i]"),
    (FORMS, Slip::Transposed, "claim ∂∂q/∂x[k]/∂x[l] = A[k,l] + A[k,l]"),
    (DEEP, Slip::Transposed, "claim ∂f2[i]/∂f0[k] = ∂f2[i]/∂f1[j] ∂f1[k]/∂f0[j]"),
    // A sum is missing, superfluous, or ends too early.
    (FORMS, Slip::Sum, "claim s = x[k]"),
    (NETWORK, Slip::Sum, "claim ∂loss/∂z2[i] = p[i] y[i] - y[i]"),
    (NETWORK, Slip::Sum, "claim ∂loss/∂b2[i] = sum[k:3] ∂loss/∂z2[i]"),
    (NETWORK, Slip::Sum, "claim 1 = p[k]"),
    (FORMS, Slip::Sum, "claim s = mean[i] x[i]"),
    (FORMS, Slip::Sum, "claim s + c[j] c[j] = sum[i] x[i] + c[i]^2"),
    (FORMS, Slip::Sum, "claim g = sum[i] exp(x[i])"),
    (FORMS, Slip::Sum, "claim s = sum[k] sum[i] x[i]"),
    (NETWORK, Slip::Sum, "claim ∂loss/∂p[k] = sum[i] (-y[k] / p[k])"),
    // A sign.
    (NETWORK, Slip::Sign, "claim ∂loss/∂z2[j] = y[j] - p[j] given sum[k] y[k] = 1"),
    (NETWORK, Slip::Sign, "claim ∂loss/∂z2[j] = p[j] + y[j] given sum[k] y[k] = 1"),
    (NETWORK, Slip::Sign, "claim ∂p[k]/∂z2[j] = p[k] (delta[k,j] + p[j])"),
    (NETWORK, Slip::Sign, "claim ∂loss/∂p[k] = y[k] / p[k]"),
    (NETWORK, Slip::Sign, "claim a1[i] = 1 / (1 + exp(z1[i]))"),
    (FORMS, Slip::Sign, "claim ∂loss/∂y[i] = e[i]"),
    // On several lines, with a condition above and a comment.
    (
        NETWORK,
        Slip::Sign,
        "claim ∂loss/∂z2[i] = p[i] sum[k] y[k] - y[i]\n    = p[i] - y[i] given sum[k] y[k] = 1 # what is hot\n    = y[i] - p[i]",
    ),
    (
        DEEP,
        Slip::Sign,
        "for l in 1..depth:\n  claim ∂f{l}[i]/∂f{l-1}[j] = B{l}[i,j] (1 - f{l}[i]^2)\n      = (1 + f{l}[i]^2) B{l}[i,j]",
    ),
    (FORMS, Slip::Sign, "claim ∂t[i]/∂c[i] = 1 + t[i]^2"),
    // A factor.
    (NETWORK, Slip::Factor, "claim ∂a1[i]/∂z1[i] = a1[i]"),
    (NETWORK, Slip::Factor, "claim ∂loss/∂z1[i] = W2[k,i] ∂loss/∂z2[k] (1 - a1[i])"),
    (NETWORK, Slip::Factor, "claim ∂loss/∂p[k] = -y[k]"),
    (NETWORK, Slip::Factor, "claim ∂loss/∂p[k] = -y[k] p[k]"),
    (NETWORK, Slip::Factor, "claim ∂loss/∂W1[i,j] = ∂loss/∂z1[i]"),
    (FORMS, Slip::Factor, "claim ∂loss/∂e[i] = 2 e[i]"),
    (FORMS, Slip::Factor, "claim ∂loss/∂e[i] = 1/2 e[i]"),
    (FORMS, Slip::Factor, "claim ∂q/∂x[k] = A[k,j] x[j] given A[i,j] = A[j,i]"),
    (FORMS, Slip::Factor, "claim ∂t[i]/∂c[i] = 1 - t[i]"),
    (FORMS, Slip::Factor, "claim ∂g/∂x[i] = g x[i]"),
    (DEEP, Slip::Factor, "claim ∂f1[i]/∂f0[j] = B1[i,j]"),
    (DEEP, Slip::Factor, "for l in 1..depth:\n    claim ∂f{l}[i]/∂f{l-1}[j] = (1 - f{l}[i]) B{l}[i,j]"),
    // An index.
    (NETWORK, Slip::Index, "claim ∂p[k]/∂z2[j] = p[k] (delta[k,j] - p[k])"),
    (FORMS, Slip::Index, "claim ∂loss/∂x[j] = A[i,j] e[j]"),
    (DEEP, Slip::Index, "claim ∂f1[i]/∂f0[j] = (1 - f1[j]^2) B1[i,j]"),
    // An addend.
    (FORMS, Slip::Addend, "claim ∂q/∂x[k] = A[k,j] x[j]"),
    (FORMS, Slip::Addend, "claim e[i] = A[i,j] x[j] + c[i]"),
    // Kinks.
    (FORMS, Slip::Kink, "claim ∂r[i]/∂e[i] = [e[i] >= 0]"),
    // An assumption.
    (NETWORK, Slip::Assumption, "claim ∂loss/∂z2[j] = p[j] - y[j]"),
    (NETWORK, Slip::Assumption, "claim ∂loss/∂a1[j] = W2[i,j] ∂loss/∂z2[i] = W2[i,j] (p[i] - y[i])"),
    (NETWORK, Slip::Assumption, "claim y[i] y[i] = 1"),
    (FORMS, Slip::Assumption, "claim ∂q/∂x[k] = 2 A[k,j] x[j]"),
    (FORMS, Slip::Assumption, "claim sqrt(x[i]^2) = x[i]"),
    (FORMS, Slip::Assumption, "claim log(x[i]^2) = 2 log(x[i])"),
];

#[test]
fn wrong_claims_are_told_with_their_slip() {
    let mut mistaken = String::new();
    for (model, slip, claim) in WRONG {
        let source = source(model, claim);
        let proofs = proofs(&source);
        let wrong = proofs.iter().find_map(|proof| proof.wrong.as_ref());
        match wrong {
            Some(wrong) if wrong.slip == Some(*slip) => {}
            Some(wrong) => {
                writeln!(mistaken, "{claim}\n  is {slip:?}, not {:?}: {:?}", wrong.slip, wrong.mended).unwrap();
            }
            None => writeln!(mistaken, "{claim}\n  is told to be right").unwrap(),
        }
    }
    assert!(mistaken.is_empty(), "{mistaken}");
}

/// What would be right if there were no boundary, or if it were padding.
#[test]
fn boundaries_count() {
    let claims = [
        "claim sum[t:T] pad(f)[t-1] = f[0] + f[1] + f[2]",
        "claim sum[t:T] f[t-1] = f[0] + f[1] + f[2]",
        "claim f[-2] = 0",
        "claim sum[t:7] pad(f, 5)[t-4] = 20 + f[0] + f[1] + f[2]",
        "claim ∂loss/∂V[m,n] = sum[t] [t > 0] ∂loss/∂r[t,m] (1 - r[t,m]^2) pad(r)[t-1,n]",
        "claim r[t,i] = tanh(X[t,i] + V[i,j] [t > 0] pad(r)[t-1,j])",
        "claim pad(f)[-2] = pad(f)[-1]",
    ];
    for claim in claims {
        let proofs = proofs(&source(BOUNDARIES, claim));
        assert!(proofs.iter().any(|proof| proof.wrong.is_some()), "{claim}");
    }
}

/// All messages; `INSTA_UPDATE=always` writes them again.
#[test]
fn messages() {
    let mut all = String::new();
    for (model, _, claim) in WRONG {
        let source = source(model, claim);
        for wrong in proofs(&source).iter().filter_map(|proof| proof.wrong.as_ref()) {
            writeln!(all, "{}", wrong.problem.render(&source)).unwrap();
        }
    }
    insta::assert_snapshot!(all);
}

/// What is mended is right: it is put in the place of what was wrong and proof-read again.
#[test]
fn mended_lines_are_right() {
    for (model, slip, claim) in
        WRONG.iter().filter(|(_, slip, claim)| *slip != Slip::FreeIndices && !claim.contains("for"))
    {
        let before = source(model, claim);
        let proofs_before = proofs(&before);
        let Some(wrong) = proofs_before.iter().find_map(|proof| proof.wrong.as_ref()) else { continue };
        let Some(mended) = &wrong.mended else { continue };
        let mut text = before.text.clone();
        text.replace_range(wrong.span.range(), mended);
        let after = deltarule_core::text::Source::new("model.dr", text);
        let wrong = proofs(&after).into_iter().find_map(|proof| proof.wrong);
        if let Some(wrong) = wrong {
            panic!("{claim} ({slip:?}) is mended as {mended}:\n{}", wrong.problem.render(&after));
        }
    }
}

#[test]
fn conditions_that_nothing_meets_are_told() {
    let mut all = String::new();
    for claim in
        ["claim s = s + 1 given x[i] x[i] = -1", "claim log(-x[i] x[i] - 1) = s", "claim s = 2 s given [1 = 2] = 1"]
    {
        let source = source(FORMS, claim);
        for wrong in proofs(&source).iter().filter_map(|proof| proof.wrong.as_ref()) {
            writeln!(all, "{}", wrong.problem.render(&source)).unwrap();
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_no_single_slip_explains_is_told_with_the_derived_form() {
    let source = source(NETWORK, "claim ∂p[k]/∂z2[j] = sin(p[k]) + 2 y[j]");
    let wrong = proofs(&source).into_iter().find_map(|proof| proof.wrong).unwrap();
    assert_eq!(wrong.slip, None);
    insta::assert_snapshot!(wrong.problem.render(&source));
}

/// What is no mathematics is malformed: the border to what is wrong.
#[test]
fn malformed_claims_are_no_claims() {
    let mut all = String::new();
    for claim in [
        "claim s = q + w",
        "claim x[i] = e[i,j] x[j]",
        "claim delta[i,j] = delta[j,i]",
        "claim s = s given q",
        "claim ∂(x[i] x[i])/∂x[j] = 2 x[j]",
    ] {
        let source = source(FORMS, claim);
        let problems = deltarule_core::model::build(&source, &deltarule_core::syntax::parse(&source).unwrap());
        for problem in problems.map(|_| ()).expect_err(claim) {
            writeln!(all, "{}", problem.render(&source)).unwrap();
        }
    }
    insta::assert_snapshot!(all);
}
