//! Lines that differ at few of many entries.

use super::{proofs, source};

const MODEL: &str = "\
input  y
input  x[10]
param  W[10,10] ~ glorot
z[i] = W[i,j] x[j]
D[i:5,j:5,k:5] = delta[i,j] delta[j,k]
B[i:30] = [i = 17] y
A[i:10,j:10] = [i = 7] [j = 3]
V[i:1000] = where(i = 765, y, 2 y)
C[i:40,j:40] = delta[i,j] y
L[i:9000] = where(i = 8123, y, 2 y)
S[i:200,j:200] = where(i = 2*j + 31, y, 2 y)
s3 = sum[i] x[i]^3
g[i] = ∂s3/∂x[i]
h[t:-1] = 0
h[t:50] = h[t-1] + [t = 33] y
loss = sum[i] z[i]^2
";

const WRONG: &[&str] = &[
    "D[i,j,k] = delta[i,j]",
    "∂∂g[i]/∂x[j]/∂x[k] = 6 delta[i,j]",
    "B[i] = 0",
    "∂loss/∂W[i,j] = 2 z[i] x[j] [i != 3 or j != 4]",
    "∂z[i]/∂x[j] = W[i,j] where(i = 4 and j = 7, 2, 1)",
    "A[i,j] = 0",
    "sin(y) A[i,j] = 0",
    "V[i] = 2 y",
    "L[i] = 2 y",
    "S[i,j] = 2 y",
    "C[i,j] = delta[i,j] y [i != 22]",
    "∂C[i,j]/∂y = delta[i,j] [i != 13]",
    "∂h[t]/∂h[s] = [t >= s] + [t = 48] [s = 2]",
    "x[i] x[j] x[k] = x[i] x[j] x[k] (1 - [i = 1] [j = 8] [k = 2])",
    "x[i] x[j] x[k] = x[i] x[j] x[k] + 1e-13 [i = 1] [j = 8] [k = 2]",
    "x[i] x[j] x[k] x[l] = x[i] x[j] x[k] x[l] [i != j or k != l or i = k]",
];

const RIGHT: &[&str] = &[
    "D[i,j,k] = delta[i,k] delta[j,k]",
    "∂∂g[i]/∂x[j]/∂x[k] = 6 delta[i,j] delta[j,k]",
    "B[i] = y delta[i,17]",
    "∂loss/∂W[i,j] = 2 z[i] x[j]",
    "V[i] = 2 y - y delta[i,765]",
    "L[i] = 2 y - y delta[i,8123]",
    "∂C[i,j]/∂y = delta[i,j]",
    "∂h[t]/∂h[s] = [t >= s]",
];

fn is_right(claim: &str) -> bool {
    proofs(&source(MODEL, &format!("claim {claim}"))).remove(0).wrong.is_none()
}

#[test]
fn lines_that_differ_at_one_entry_are_wrong() {
    let accepted: Vec<&&str> = WRONG.iter().filter(|claim| is_right(claim)).collect();
    assert!(accepted.is_empty(), "{accepted:#?}");
}

#[test]
fn lines_that_agree_at_all_entries_are_right() {
    let refused: Vec<&&str> = RIGHT.iter().filter(|claim| !is_right(claim)).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}
