//! Claims on large models: work is counted, so that a diagnosis takes seconds at most.

use super::{built, source, uniform};
use deltarule_core::proof::{Slip, prove};

const WRONG: &[(&str, Option<Slip>, &str)] = &[
    ("lstm", Some(Slip::Sign), "claim ∂loss/∂z[s,k] = 1/16 (exp(l[s,k]) + [k = n[s]])"),
    ("lstm", Some(Slip::Factor), "claim ∂loss/∂b[k] = sum[s] ∂loss/∂z[s,k] exp(z[s,k])"),
    ("lstm", Some(Slip::Assumption), "claim abs(W[k,d]) = W[k,d]"),
    ("lstm", None, "claim h[s,d] = c[s,d] tanh(o[s,d]) + 3"),
    ("transformer", Some(Slip::Transposed), "claim ∂loss/∂c3[d] = sum[s,c] ∂loss/∂z[s,c] WZ[d,c]"),
    ("transformer", Some(Slip::Index), "claim O[h,q,e] = A[h,q,k] V[h,q,e]"),
];

#[test]
fn slips_are_told_in_large_models() {
    for (file, slip, claim) in WRONG {
        let path = format!("{}/../../models/{file}.dr", env!("CARGO_MANIFEST_DIR"));
        let source = source(&std::fs::read_to_string(path).expect("the model"), claim);
        let wrong = prove(&source, &built(&source), &mut uniform()).remove(0).wrong.expect(claim);
        assert_eq!(wrong.slip, *slip, "{claim}: {:?}", wrong.mended);
    }
}

#[test]
fn right_claims_pass_in_large_models() {
    for (file, claim) in [
        ("lstm", "claim ∂loss/∂z[s,k] = 1/16 (exp(l[s,k]) - [k = n[s]])"),
        ("lstm", "claim ∂loss/∂b[k] = sum[s] ∂loss/∂z[s,k]"),
        ("transformer", "claim ∂loss/∂c3[d] = sum[s,c] ∂loss/∂z[s,c] WZ[c,d]"),
    ] {
        let path = format!("{}/../../models/{file}.dr", env!("CARGO_MANIFEST_DIR"));
        let source = source(&std::fs::read_to_string(path).expect("the model"), claim);
        let proof = prove(&source, &built(&source), &mut uniform()).remove(0);
        assert!(proof.wrong.is_none(), "{claim}: {}", proof.wrong.unwrap().problem.render(&source));
    }
}
