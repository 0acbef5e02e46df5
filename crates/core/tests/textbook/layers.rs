//! Layers of neural networks.

use crate::{Form, form};

pub const FORMS: &[Form] = &[
    form(
        "two dense layers",
        "input x[4]\ntarget y[3] onehot\nparam W1[5,4] ~ zeros\nparam b1[5] ~ zeros\n\
         param W2[3,5] ~ zeros\nparam b2[3] ~ zeros\nz1[i] = W1[i,j] x[j] + b1[i]\na1[i] = relu(z1[i])\n\
         z2[i] = W2[i,j] a1[j] + b2[i]\np[i] = exp(z2[i]) / sum[k] exp(z2[k])\nloss = -y[i] log(p[i])",
        &["loss/W2", "loss/W1", "loss/b1"],
    ),
    form(
        "bilinear layer",
        "input x[4]\ninput u[3]\nparam W[3,4] ~ zeros\nparam b ~ zeros\ns = u[i] W[i,j] x[j] + b\n\
         loss = softplus(s)",
        &["loss/W", "loss/x", "loss/u"],
    ),
    form(
        "bilinear layer with a tensor",
        "input x[4]\ninput u[3]\nparam W[2,3,4] ~ zeros\ns[k] = u[i] W[k,i,j] x[j]\nloss = sum[k] tanh(s[k])",
        &["loss/W", "loss/x"],
    ),
    form(
        "layer norm",
        "const c[4]\nparam x[4] ~ zeros\nm = mean[k] x[k]\nv = mean[k] (x[k] - m)^2\nd = sqrt(v + 1e-5)\n\
         h[i] = (x[i] - m) / d\nloss = sum[i] c[i] sin(h[i])",
        &["loss/x"],
    ),
    form(
        "layer norm with gain and shift",
        "input x[4]\ntarget y[4]\nparam g[4] ~ ones\nparam b[4] ~ zeros\nm = mean[k] x[k]\n\
         v = mean[k] (x[k] - m)^2\nd = sqrt(v + 1e-5)\nh[i] = (x[i] - m) / d\n\
         u[i] = g[i] h[i] + b[i]\nloss = 1/2 sum[i] (u[i] - y[i])^2",
        &["loss/g", "loss/b", "loss/x"],
    ),
    form(
        "RMS norm",
        "const c[4]\nparam x[4] ~ zeros\nparam g[4] ~ ones\nr = sqrt(mean[k] x[k]^2 + 1e-5)\n\
         h[i] = x[i] / r\nu[i] = g[i] h[i]\nloss = c[i] u[i]",
        &["loss/g", "loss/x"],
    ),
    form(
        "batch norm",
        "input x[batch, 4]\ninput c[batch, 4]\nparam g[4] ~ ones\nparam s[4] ~ zeros\nm[i] = mean[n] x[n,i]\n\
         v[i] = mean[n] (x[n,i] - m[i])^2\nd[i] = sqrt(v[i] + 1e-5)\nh[n,i] = (x[n,i] - m[i]) / d[i]\n\
         y[n,i] = g[i] h[n,i] + s[i]\nloss = sum[n] c[n,i] y[n,i]",
        &["loss/g", "loss/s", "loss/x"],
    ),
    form(
        "scaled dot-product attention",
        "const G[5,3]\nparam Q[5,4] ~ zeros\nparam K[5,4] ~ zeros\nparam V[5,3] ~ zeros\n\
         S[q,k] = Q[q,d] K[k,d] / sqrt(4)\nP[q,k] = exp(S[q,k]) / sum[l] exp(S[q,l])\n\
         O[q,e] = P[q,k] V[k,e]\nloss = sum[q,e] G[q,e] O[q,e]",
        &["loss/P", "loss/S", "loss/V", "loss/Q", "loss/K"],
    ),
    form(
        "SiLU",
        "input x[4]\nparam W[3,4] ~ zeros\nz[i] = W[i,j] x[j]\na[i] = silu(z[i])\nloss = sum[i] a[i]",
        &["a/z", "loss/W"],
    ),
    form(
        "SiLU, written out",
        "param z[3] ~ zeros\ns[i] = sigmoid(z[i])\na[i] = z[i] s[i]\nloss = sum[i] a[i]",
        &["loss/z"],
    ),
    form(
        "GELU",
        "input x[4]\nparam W[3,4] ~ zeros\nz[i] = W[i,j] x[j]\na[i] = gelu(z[i])\nloss = sum[i] a[i]",
        &["a/z", "loss/W"],
    ),
    form(
        "tanh layer",
        "input x[4]\nparam W[3,4] ~ zeros\nparam c[3] ~ zeros\na[i] = tanh(W[i,j] x[j])\nloss = c[i] a[i]",
        &["loss/W", "loss/x", "a/x"],
    ),
    form(
        "gated linear unit",
        "input x[4]\nparam W[3,4] ~ zeros\nparam V[3,4] ~ zeros\nparam c[3] ~ zeros\n\
         u[i] = W[i,j] x[j]\ns[i] = sigmoid(V[i,j] x[j])\na[i] = u[i] s[i]\nloss = c[i] a[i]",
        &["loss/W", "loss/V"],
    ),
    form(
        "LSTM cell",
        "input x[4]\ninput h0[3]\ninput c0[3]\nconst e[3]\n\
         param Wf[3,4] ~ zeros\nparam Uf[3,3] ~ zeros\nparam bf[3] ~ zeros\n\
         param Wi[3,4] ~ zeros\nparam Ui[3,3] ~ zeros\nparam bi[3] ~ zeros\n\
         param Wg[3,4] ~ zeros\nparam Ug[3,3] ~ zeros\nparam bg[3] ~ zeros\n\
         param Wo[3,4] ~ zeros\nparam Uo[3,3] ~ zeros\nparam bo[3] ~ zeros\n\
         f[k] = sigmoid(Wf[k,j] x[j] + Uf[k,l] h0[l] + bf[k])\n\
         i[k] = sigmoid(Wi[k,j] x[j] + Ui[k,l] h0[l] + bi[k])\n\
         g[k] = tanh(Wg[k,j] x[j] + Ug[k,l] h0[l] + bg[k])\n\
         o[k] = sigmoid(Wo[k,j] x[j] + Uo[k,l] h0[l] + bo[k])\n\
         c[k] = f[k] c0[k] + i[k] g[k]\nt[k] = tanh(c[k])\nh[k] = o[k] t[k]\nloss = e[k] h[k]",
        &[
            "loss/c", "loss/Wf", "loss/Uf", "loss/bf", "loss/Wi", "loss/Ui", "loss/bi", "loss/Wg", "loss/Ug",
            "loss/bg", "loss/Wo", "loss/Uo", "loss/bo", "loss/c0", "loss/h0",
        ],
    ),
    form(
        "residual block",
        "input x[4]\nparam W[4,4] ~ zeros\nparam c[4] ~ zeros\ny[i] = x[i] + relu(W[i,j] x[j])\nloss = c[i] y[i]",
        &["loss/W", "loss/x"],
    ),
    form(
        "tied autoencoder",
        "input x[4]\nparam W[3,4] ~ zeros\nh[i] = W[i,j] x[j]\nr[j] = W[i,j] h[i] - x[j]\n\
         loss = 1/2 sum[j] r[j]^2",
        &["loss/W"],
    ),
    form(
        "softmax of every row",
        "param Z[5,3] ~ zeros\nconst Y[5,3]\nP[n,i] = exp(Z[n,i]) / sum[k] exp(Z[n,k])\n\
         loss = -sum[n,i] Y[n,i] log(P[n,i])",
        &["loss/Z"],
    ),
    form(
        "leaky ReLU",
        "param z[4] ~ zeros\nconst c[4]\na[i] = where(z[i] > 0, z[i], 0.1 z[i])\nloss = c[i] a[i]",
        &["a/z", "loss/z"],
    ),
    form(
        "ELU",
        "param z[4] ~ zeros\nconst c[4]\na[i] = where(z[i] > 0, z[i], exp(z[i]) - 1)\nloss = c[i] a[i]",
        &["loss/z"],
    ),
    form(
        "convolution in one dimension",
        "input x[8]\nparam w[3] ~ zeros\nparam b ~ zeros\nz[i] = w[k] x[i+k] + b\na[i] = tanh(z[i])\n\
         loss = sum[i] a[i]^2",
        &["loss/w", "loss/b", "loss/x"],
    ),
    form(
        "two examples of a contrastive loss",
        "param a[4] ~ zeros\nparam b[4] ~ zeros\nconst m = 1\ns = sum[i] (a[i] - b[i])^2\n\
         loss = relu(m - s)",
        &["loss/a"],
    ),
    form(
        "mean pooling and a linear readout",
        "input X[5,4]\nparam w[4] ~ zeros\nh[j] = mean[t] X[t,j]\nloss = softplus(w[j] h[j])",
        &["loss/w", "loss/X"],
    ),
    form(
        "dot-product scores with a softmax",
        "const K[5,4]\nconst V[5,3]\nparam q[4] ~ zeros\nparam c[3] ~ zeros\ns[k] = K[k,d] q[d]\n\
         p[k] = exp(s[k]) / sum[l] exp(s[l])\no[e] = p[k] V[k,e]\nloss = c[e] o[e]",
        &["loss/q", "loss/s"],
    ),
];
