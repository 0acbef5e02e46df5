//! Scalars of vectors and matrices.

use crate::{Form, form};

pub const FORMS: &[Form] = &[
    form("aᵀ x", "input a[4]\nparam x[4] ~ zeros\nloss = a[i] x[i]", &["loss/x"]),
    form("xᵀ A x", "const A[4,4]\nparam x[4] ~ zeros\nloss = x[i] A[i,j] x[j]", &["loss/x", "loss/x/x", "loss/A"]),
    form(
        "xᵀ A x, A symmetric by its definition",
        "const B[4,4]\nparam x[4] ~ zeros\nA[i,j] = 1/2 (B[i,j] + B[j,i])\nloss = x[i] A[i,j] x[j]",
        &["loss/x", "loss/x/x"],
    ),
    form(
        "xᵀ (Xᵀ X) x with the Gram matrix",
        "const X[5,4]\nparam x[4] ~ zeros\nG[i,j] = X[k,i] X[k,j]\nloss = x[i] G[i,j] x[j]",
        &["loss/x", "loss/x/x"],
    ),
    form(
        "aᵀ X b",
        "const a[3]\nconst b[4]\nparam X[3,4] ~ zeros\nloss = a[i] X[i,j] b[j]",
        &["loss/X", "loss/a", "loss/b"],
    ),
    form("aᵀ Xᵀ b", "const a[4]\nconst b[3]\nparam X[3,4] ~ zeros\nloss = a[j] X[i,j] b[i]", &["loss/X"]),
    form(
        "bᵀ Xᵀ X c",
        "const b[4]\nconst c[4]\nparam X[3,4] ~ zeros\nloss = b[i] X[k,i] X[k,j] c[j]",
        &["loss/X", "loss/b"],
    ),
    form("tr(X A)", "const A[4,3]\nparam X[3,4] ~ zeros\nloss = sum[i,j] X[i,j] A[j,i]", &["loss/X"]),
    form(
        "tr(Xᵀ B X)",
        "const B[3,3]\nparam X[3,4] ~ zeros\nloss = sum[i,j,k] X[i,k] B[i,j] X[j,k]",
        &["loss/X", "loss/B"],
    ),
    form(
        "tr(A X B Xᵀ C)",
        "const A[3,4]\nconst B[5,5]\nconst C[4,3]\nparam X[4,5] ~ zeros\n\
         loss = sum[i] A[i,j] X[j,k] B[k,l] X[m,l] C[m,i]",
        &["loss/X", "loss/B"],
    ),
    form(
        "‖A X B + C‖²",
        "const A[3,4]\nconst B[5,2]\nconst C[3,2]\nparam X[4,5] ~ zeros\n\
         R[i,l] = A[i,j] X[j,k] B[k,l] + C[i,l]\nloss = sum[i,l] R[i,l]^2",
        &["loss/X", "loss/A", "loss/B"],
    ),
    form(
        "‖A x - b‖",
        "const A[3,4]\nconst b[3]\nparam x[4] ~ zeros\nr[i] = A[i,j] x[j] - b[i]\nloss = sqrt(sum[i] r[i]^2)",
        &["loss/x", "loss/A"],
    ),
    form(
        "‖A x - b‖², linear regression",
        "const A[5,4]\nconst b[5]\nparam x[4] ~ zeros\nloss = sum[i] (A[i,j] x[j] - b[i])^2",
        &["loss/x", "loss/x/x"],
    ),
    form(
        "‖A x - b‖² + λ ‖x‖², ridge regression",
        "const A[5,4]\nconst b[5]\nconst lambda = 0.1\nparam x[4] ~ zeros\n\
         loss = sum[i] (A[i,j] x[j] - b[i])^2 + lambda sum[j] x[j]^2",
        &["loss/x", "loss/x/x"],
    ),
    form(
        "aᵀ sin(A X B) b",
        "const A[3,4]\nconst B[5,2]\nconst a[3]\nconst b[2]\nparam X[4,5] ~ zeros\n\
         Y[i,l] = A[i,j] X[j,k] B[k,l]\nloss = a[i] sin(Y[i,l]) b[l]",
        &["loss/X"],
    ),
    form(
        "A diag(exp(x))",
        "const A[3,4]\nconst C[3,4]\nparam x[4] ~ zeros\nM[i,j] = A[i,j] exp(x[j])\n\
         loss = sum[i,j] C[i,j] M[i,j]",
        &["loss/A", "loss/x"],
    ),
    form(
        "1/2 (x - m)ᵀ P (x - m), Mahalanobis",
        "const P[4,4]\nparam m[4] ~ zeros\nparam x[4] ~ zeros\nd[i] = x[i] - m[i]\nloss = 1/2 d[i] P[i,j] d[j]",
        &["loss/x", "loss/m", "loss/P"],
    ),
    form(
        "xᵀ L Lᵀ x",
        "const x[4]\nparam L[4,3] ~ zeros\nu[k] = L[i,k] x[i]\nloss = sum[k] u[k]^2",
        &["loss/L", "loss/x"],
    ),
    form(
        "1/2 ‖U Vᵀ - M‖², matrix factorisation",
        "const M[5,4]\nparam U[5,3] ~ zeros\nparam V[4,3] ~ zeros\nR[i,j] = U[i,k] V[j,k] - M[i,j]\n\
         loss = 1/2 sum[i,j] R[i,j]^2",
        &["loss/U", "loss/V"],
    ),
    form(
        "1/2 ‖Ω ⊙ (U Vᵀ - M)‖² + λ/2 (‖U‖² + ‖V‖²), masked",
        "const M[5,4]\nconst O[5,4]\nconst lambda = 0.1\nparam U[5,3] ~ zeros\nparam V[4,3] ~ zeros\n\
         loss = 1/2 sum[i,j] (O[i,j] (U[i,k] V[j,k] - M[i,j]))^2\n\
         + 1/2 lambda (sum[i,k] U[i,k]^2 + sum[j,k] V[j,k]^2)",
        &["loss/U", "loss/V"],
    ),
    form("‖x‖² / (aᵀ x)", "const a[4]\nparam x[4] ~ zeros\ns = a[i] x[i]\nloss = (sum[i] x[i]^2) / s", &["loss/x"]),
    form(
        "xᵀ A x / ‖x‖², Rayleigh's quotient",
        "const A[4,4]\nparam x[4] ~ zeros\nn = sum[i] x[i]^2\nr = x[i] A[i,j] x[j] / n\nloss = r",
        &["loss/x"],
    ),
    form("x ↦ A x", "const A[3,4]\nparam x[4] ~ zeros\ny[i] = A[i,j] x[j]\nloss = sum[i] y[i]", &["y/x", "loss/x"]),
    form("x ↦ x xᵀ a", "const a[4]\nparam x[4] ~ zeros\ny[i] = x[i] x[j] a[j]\nloss = sum[i] y[i]", &["y/x"]),
    form(
        "log Σ exp(x)",
        "param x[4] ~ zeros\np[i] = exp(x[i]) / sum[k] exp(x[k])\nloss = logsumexp[i] x[i]",
        &["loss/x", "loss/x/x", "p/x"],
    ),
    form("Π x", "param x[4] ~ zeros\nloss = prod[i] x[i]", &["loss/x"]),
    form(
        "products with zeros",
        "param x[4] ~ zeros\nparam a[4] ~ zeros\nloss = sum[i] a[i] 0 x[i] + sum[i] x[i] a[i]^2 1",
        &["loss/x", "loss/a"],
    ),
    form("log(1 + ‖A x‖²)", "const A[3,4]\nparam x[4] ~ zeros\nloss = log(1 + sum[i] (A[i,j] x[j])^2)", &["loss/x"]),
];
