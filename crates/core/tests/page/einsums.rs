//! Sums of products of reads as calls of `einsum`.

use crate::model;
use deltarule_core::page::{einsum, einsum_sum};

fn form(equation: &str) -> Option<String> {
    let text =
        format!("param A[4,5]\nparam B[5,3]\nparam T[2,3,4]\nparam a[4]\nparam b[5]\nparam s\n{equation}\nloss = s\n");
    let model = model(&text.replace("]\nparam", "] ~ zeros\nparam").replace("param s\n", "param s ~ zeros\n"));
    let definition = model.definition("t").unwrap();
    einsum(&definition.indices, &definition.body).map(|einsum| einsum.to_string())
}

#[test]
fn sums_of_products_are_one_call() {
    let expect = |equation: &str, expected: &str| assert_eq!(form(equation).as_deref(), Some(expected), "{equation}");
    expect("t[i] = A[i,j] b[j]", "einsum(\"ij,j->i\", A, b)");
    expect("t[k,i] = A[i,j] B[j,k]", "einsum(\"jk,ki->ij\", A, B)");
    expect("t[p,q,r] = T[p,q,r] a[r]", "einsum(\"ijk,k->ijk\", T, a)");
    expect("t[j] = sum[i,k] T[i,j,k]", "einsum(\"jik->i\", T)");
    expect("t[i] = 2 a[i] sum[j] b[j]^2", "einsum(\",i,j,j->i\", 2, a, b, b)");
    expect("t[i] = s (sum[j] b[j]) (sum[j] A[i,j])", "einsum(\",ij,k->i\", s, A, b)");
}

#[test]
fn a_sum_is_a_sum_of_calls() {
    let model = model(
        "param A[4,5] ~ zeros\nparam a[4] ~ zeros\nparam b[5] ~ zeros\nt[i,j] = a[i] b[j] - 2 A[i,j]\nloss = sum[i] a[i]\n",
    );
    let definition = model.definition("t").unwrap();
    let calls = einsum_sum(&definition.indices, &definition.body).unwrap();
    let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
    assert_eq!(calls, ["einsum(\"i,j->ij\", a, b)", "einsum(\",ij->ij\", -2, A)"]);
}

#[test]
fn anything_else_is_not() {
    assert_eq!(form("t[i] = a[i] + s"), None);
    assert_eq!(form("t[i] = exp(a[i])"), None);
    assert_eq!(form("t[i:4] = s"), None);
    assert_eq!(form("t[i] = a[i] / s"), None);
}
