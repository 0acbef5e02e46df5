//! What a user is told about a malformed model, as golden files: `INSTA_UPDATE=always` writes
//! them again.

use super::try_build;
use std::fmt::Write;

/// The messages for each text, the text being shown in them.
fn messages(texts: &[&str]) -> String {
    let mut all = String::new();
    for text in texts {
        let (source, model) = try_build(text);
        let problems = model.map(|_| ()).expect_err(&format!("refused: {text}"));
        for problem in problems {
            writeln!(all, "{}\n", problem.render(&source).trim_end()).unwrap();
        }
        all += "────────\n";
    }
    all
}

#[test]
fn sums() {
    insta::assert_snapshot!(messages(&[
        "input x[3]\nt = x[j]",
        "input x[3]\nt = x[i]^2",
        "input x[3]\nt = 2 exp(x[i]) + 1",
        "input x[3]\ninput y[3]\nloss = (x[i] - y[i])^2",
        "input x[3]\nparam W[4,3] ~ zeros\nz[i] = W[i,j] x[k]",
        "param A[3,3] ~ zeros\nt = A[i,i]",
        "input x[3]\nfn f(a) = a^2\nt = f(x[i] x[i]) x[i]",
        "input x[3]\nfn f[i](z) = z[i] z[k]^2\nt[i] = f[i](x[i])",
        "input x[3]\nt = softmax[k](x[k])",
        "input x[3]\nmetric m = abs(x[i])",
        "input x[3]\nt = sum[i,i] x[i]",
    ]));
}

#[test]
fn ranges() {
    insta::assert_snapshot!(messages(&[
        "input x[4]\nparam W[2,3] ~ zeros\nz[i] = W[i,j] x[j]",
        "input x[4]\nparam b[5] ~ zeros\nz[i] = x[i] + b[i]",
        "input x[4]\nz[i:5] = x[i]",
        "input x[4]\nt = sum[i:6] x[i]",
        "input x[4]\nz[i,k] = x[i]",
        "t = sum[j] 2",
        "input x[4]\nz[i] = i / 4",
        "input x[4]\ninput v[5]\nfn dot[i](a, b) = sum[k] a[k] b[k]\nt = dot[j](x[j], v[j])",
        "input x[4]\nt = mse[i](x[i], x[0]) + variance[j](3)",
        "input x[4]\nt = x[4]",
        "size n = 3\ninput x[n]\nt = x[n]",
        "input x[4]\nt = x[-1]",
        "input x[4]\nt = x[1.5]",
        "input x[4]\nt = sum[i:0] i",
        "input x[4]\nt = sum[i:4294967296] i",
    ]));
}

#[test]
fn names() {
    insta::assert_snapshot!(messages(&[
        "input image[4]\nt[i] = imgae[i]",
        "input x[4]\nt[i] = sigmiod(x[i])",
        "input x[4]\nt[i] = sotfmax[i](x[i])",
        "input x[4]\nt = qqq + 1",
        "input x[4]\nt[i] = a[i]\na[i] = x[i]",
        "input x[4]\nx[i] = 2",
        "size n = 3\ninput n[4]",
        "input x[4]\nexp[i] = x[i]",
        "input x[4]\nt[i] = x[i] + t[i]",
        "t = t + 1",
        "size n = 3\ninput x[3]\nt[n] = x[n]",
        "size k = 3\ninput x[3]\nt = sum[k] x[k]",
        "size k = 3\ninput x[3]\nt[i] = softmax[k](x[k])",
        "param s ~ zeros\ninput x[3]\nt[s] = x[s] + s",
        "input x[3]\nt[i,i] = x[i]",
        "input x[4]\nt = x(3)",
        "input x[4]\nt[i] = x[i] + softmax",
        "input x[4]\nt[i] = softmax[i](xx)",
        "size n = 3\nt = n[0]",
        "input x[hidden]",
        "size hidden = 3\ninput x[hiden]",
        "param w ~ zeros\nsize n = w",
    ]));
}

#[test]
fn shapes() {
    insta::assert_snapshot!(messages(&[
        "input x[3]\nt = x",
        "input x[3]\nt[i] = x[i,i]",
        "param b ~ zeros\nt[i:3] = b[i]",
        "param W[3,4] ~ zeros\nt[i] = W[i]",
        "input x[0]",
        "size n = 3\ninput x[n - 5]",
        "size n = 7 / 2",
        "size n = 2.5",
        "size n = 9223372036854775807 + 1",
        "size n = 3 / 0",
        "size n = 2^40",
        "input x[100000, 100000]",
        "input x[60000]\nt[i,j] = x[i] x[j]",
        "input x[3]\nloss[i] = x[i]",
        "input x[3]\nmetric m[i] = x[i]",
        "param loss ~ zeros",
        "input x[3,4]\nt[i] = softmax[i](x)",
        "input x[3]\nfn f[i,j](A) = A[i,j] - A[j,i]\nt[i,j] = f[i,j](x)",
        "input x[3]\ninput v[4]\nt = mse[i](x, v)",
        "input x[3]\nt = softmax[i](x)",
    ]));
}

#[test]
fn declarations() {
    insta::assert_snapshot!(messages(&[
        "param W[3,4]",
        "param b",
        "param W[3,4] ~ golrot",
        "param W[3,4] ~ normal(0)",
        "param W[3,4] ~ normal(0, -1)",
        "param W[3,4] ~ uniform(1, -1)",
        "param W[3,4] ~ constant(inf)",
        "param W[3,4] ~ glorot\nparam b ~ zeros\nloss = b^2",
        "target y onehot",
        "target y[3] onhot",
        "target y[3] onehot probability",
        "input x[3] onehot",
        "input x[3] int",
        "input x[3] int(0)",
        "param W[3] onehot ~ zeros",
        "input x[3] ~ zeros",
        "const A[3] = 2",
        "input x = 2",
        "param w ~ zeros\nconst c = w",
        "const c = 1/0",
        "const c = sqrt(-1)",
    ]));
}

#[test]
fn domains() {
    insta::assert_snapshot!(messages(&[
        "input x[3] positive(2)",
        "input x[3] positive positive",
        "input x[3] positive in [0, 1]",
        "input x[3] in [0]",
        "input x[3] in [1, 0]",
        "input x[3] int(4) positive",
        "target y[3] onehot in [0, 1]",
        "const c = 2 positive",
        "param s ~ normal(0, 1) positive",
        "param s ~ zeros positive",
        "param s ~ uniform(-1, 1) in [0, 1]",
        "param W[3,3] ~ glorot symmetric",
        "input A[3,3] symmetric",
        "const A[3,4] symmetric",
        "const A[3,3] symmetric(1)",
    ]));
}

#[test]
fn functions() {
    insta::assert_snapshot!(messages(&[
        "input x[3]\nt = exp(x[0], x[1])",
        "input x[3]\nt = where(x[0] > 0, 1)",
        "input x[3]\nfn f(a, b) = a + b\nt = f(x[0])",
        "input x[3]\nt[i] = softmax(x[i])",
        "input x[3]\nt[i] = exp[i](x[i])",
        "input x[3]\nt = softmax[0](x[0])",
        "param A[3,3] ~ zeros\nfn f[i,j](M) = M[i,j]\nt[i] = f[i,i](A[i,i])",
        "fn f(x) = f(x) + 1",
        "fn f(x) = g(x)\nfn g(x) = f(x)",
        "fn f[i](x) = x[i,i]",
        "fn f(x, x) = x",
        "fn f(x) = x + y",
        "input x[3]\nfn f(a) = a + x[7]\nt = f(1)",
        "input x[3]\nfn f(a, b) = a\nt = f(x[0], yy)",
        "input x[3]\nt = x[0] where",
    ]));
}

#[test]
fn conditions() {
    insta::assert_snapshot!(messages(&[
        "input x[3]\nt[i] = x[i] > 0",
        "input x[3]\nt[i] = [x[i]]",
        "input x[3]\nt[i] = where(x[i], 1, 0)",
        "input x[3]\nt[i] = [x[i] and 1 = 1]",
    ]));
}

#[test]
fn claims() {
    insta::assert_snapshot!(messages(&[
        "param w ~ zeros\nclaim w w = v^2",
        "param w ~ zeros\nclaim w = w given w",
        "param w ~ zeros\nclaim w = w given v > 0",
        "input x[3]\nclaim x[i,j] = x[i]",
        "claim delta[i,j] = delta[j,i]",
        "for l in 1..2:\n    claim w{l} = w{l}",
    ]));
}

#[test]
fn recurrences() {
    insta::assert_snapshot!(messages(&[
        "input x[5,3]\nh[t,i] = tanh(x[t,i] + h[t-1,i])",
        "input x[5]\nh[t] = x[t] + [t < 4] h[t+1] + [t > 0] h[t-1]",
        "input x[5]\nh[t] = x[t] + h[t+1]",
        "input x[5]\nh[t] = x[t] + h[t]",
        "input x[5]\nh[t] = x[t] h[4-t]",
        "input x[5,5]\nh[r,s] = x[r,s] + [r > 0] h[r-1,s] + [s > 0] h[r,s-1]",
        "input x[5]\nt = t + 1",
        "input x[5]\nh[t:-1] = 0\nh[t] = h[t-2] + x[t]",
        "input x[5]\nh[t:-2] = 0\nh[t] = h[t-1] + x[t]",
        "input x[5]\nh[t:-1] = 0\nh[t:-1] = 1\nh[t] = h[t-1] + x[t]",
        "input x[5,5]\nh[t:-1,i] = 0\nh[t,i:-1] = 1\nh[t,i] = h[t-1,i] + x[t,i]",
        "input x[5,5]\nh[t:-1] = 0\nh[t,i] = h[t-1,i] + x[t,i]",
        "input x[5]\nh[t:-1] = 0\nh[t] = x[t]",
        "input x[5]\nh[t:-1] = 0",
        "input x[5]\nh[t:-1] = h[0]\nh[t] = h[t-1] + x[t]",
        "input x[5]\nh[t:-1] = q\nh[t] = h[t-1] + x[t]",
        "input x[5]\ninput g[2]\nh[t:-1,i] = g[i]\nh[t,i:3] = h[t-1,i] + x[t]",
        "input x[5,3]\nh[t:-1,i:2] = 0\nh[t,i] = h[t-1,i] + x[t,i]",
        "input x[5]\nh[-1] = 0\nh[t] = h[t-1] + x[t]",
        "input x[5]\nh[0] = 0\nh[t] = h[t-1] + x[t]",
        "input x[5]\nh[t:-1, t] = 0",
        "input x[5]\nh[t:-1, s:-1] = 0",
        "input x[5]\nparam V[4,3] ~ he\nh[t:-1,i] = 0\nh[t,i] = x[t] + V[i,j] h[t-1,j]",
        "input x[5]\nh[t:-1,i] = 0\nh[t,i:3] = x[t] + h[t-1]",
        "h[t:-1] = 0\nh[t] = h[t-1] + 1",
        "input x[5]\nh[t:-1] = 0\nh[t] = x[t] + sum[k:3] h[t-1-k]",
        "input x[5]\nh[t] = x[t] + sum[k:3] h[t-1-k]",
        "input x[5]\nh[t:-1] = 0\nz = h[0]\nh[t] = x[t] + h[t-1]",
        "input x[5]\nh[t:-1] = 0\nz[t] = h[t] + x[t]\nh[t] = z[t]",
        "input x[5]\nh[t:-1] = 0\nz[t] = h[t-2] + x[t]\nh[t] = z[t]",
        "input x[5]\nh[t:-1] = 0\nz[t] = h[t-1,0] + x[t]\nh[t] = z[t]",
        "input x[5]\nh[t:-1] = 0\nz[t] = h[t-1] + x[t]\nh[t:4] = x[t] + z[t]",
        "input x[5]\nh[t:-1] = 0\nz[t] = h[t-1] + x[t]\nh[t] = x[t] + [t < 4] z[t+1]",
        "input x[5]\nh[t:-1] = 0\nz[t] = h[t-1] + x[t]\nh[t] = x[t] + sum[s] z[s]",
        "input x[5]\nparam U[4,4] ~ zeros\nh[t:-1,i] = 0\nz[t,i] = U[i,j] h[t-1,j] + x[t]\nh[t,i:3] = z[t,i+1]",
    ]));
}

#[test]
fn batches() {
    insta::assert_snapshot!(messages(&[
        "input x[batch, 64]\ntarget y[10] onehot",
        "input x[batch, 64]\ntarget y",
        "input x[64, batch]",
        "input x[batch, batch]",
        "input x[2 * batch]",
        "param W[batch, 4] ~ zeros",
        "input x[batch]\nparam W[batch, 4] ~ zeros",
        "input x[batch]\nsize n = 2 batch",
        "size batch = 3\ninput x[batch]",
        "input x[4]\ny[i] = x[i] / batch",
        "input x[batch, 4]\nloss = sum[i] x[i]",
        "input x[batch, 4]\nloss[b] = sum[i] x[b,i]",
    ]));
}

#[test]
fn derivatives() {
    insta::assert_snapshot!(messages(&[
        "param w ~ zeros\nloss = w^2 + ∂loss/∂w",
        "param w[3] ~ zeros\nu = sum[i] w[i]^2\ng[i] = ∂u/∂w",
        "param w[3] ~ zeros\nu = sum[i] w[i]^2\ng = ∂u/∂w[i]",
        "param w[3] ~ zeros\nu = sum[i] w[i]^2\ng[i:4] = ∂u/∂w[i]",
        "param w[3] ~ zeros\nu[i] = w[i]^2\ng[i] = ∂u[i]/∂w[i+1]",
        "param w[3] ~ zeros\nu[i] = w[i]^2\ng[i,j] = ∂(u[i] w[i])/∂w[j]",
        "param w[3] ~ zeros\nu[i] = w[i]^2\ng[i,j] = d(u[i]^2)/d(w[j])",
        "input t[3] int(3)\nparam w[3] ~ zeros\nu[i] = w[t[i]]^2\ng[i,j] = ∂u[i]/∂t[j]",
        "size n = 3\nparam w[3] ~ zeros\nu = n w[0]\ng = ∂u/∂n",
        "param w[3] ~ zeros\nu = w[0]\ng = ∂u/∂q",
        "param w[3] ~ zeros\nu = w[0]\ng = ∂v/∂w[0]\nv = u",
        "param w[3] ~ zeros\nfn f(z) = ∂z/∂w[0]\nu = w[0]\ng = f(u)",
        "param w[3] ~ zeros\nu = w[0]\ng = ∂(∂w[0]/∂w[1])/∂w[0]",
        "param w[3] ~ zeros\nu = w[0]\ng = ∂u/∂exp",
    ]));
}

#[test]
fn blocks() {
    insta::assert_snapshot!(messages(&[
        "input x[3]\nfor l in 1..3:\n    a{l}[i] = relu(a{l-1}[i])\n",
        "input a0[3]\nfor l in 1..3:\n    param W{l}[4,3] ~ he\n    a{l}[i] = W{l}[i,j] a{l-1}[j]\n",
        "input x[3]\nfor l in 0..2:\n    a{l}[i] = a{l-1}[i] + x[i]\n",
        "input x[3]\nfor l in 1..2:\n    a{l}[i] = y[i]\n    b{l}[i] = a{l}[i]\n",
        "input x[3]\nfor l in 1..2:\n    a[i] = x[i]\n",
        "for l in 1..m:\n    param W{l} ~ zeros\n",
        "for l in 1..1.5:\n    param W{l} ~ zeros\n",
        "size n = 3/2\nfor l in 1..n:\n    param W{l} ~ zeros\n",
        "for l in 1..2:\n    for l in 1..2:\n        param W{l} ~ zeros\n",
        "size l = 3\nfor l in 1..2:\n    param W{l} ~ zeros\n",
        "for l in 1..2:\n    param W{k} ~ zeros\n",
        "input x[3]\nfor l in 1..2:\n    z{l}[l] = x[l]\n",
        "input x[3]\nfor l in 1..2:\n    z{l} = sum[l] x[l]\n",
        "input x[3]\nfor l in 1..2:\n    fn f{l}[l](x) = x[l]\n",
        "input x[3]\nfor l in 2..3:\n    z{l} = x[l]\n",
        "for l in 1..3:\n    for m in 1..2:\n        param W{l}x{m}[l-2] ~ zeros\n",
        "for l in 1..20000:\n    param W{l} ~ zeros\n",
        "for l in 1..2:\n    param W{9223372036854775807*l} ~ zeros\n",
        "param s ~ zeros\nfor l in 1..s:\n    param W{l} ~ zeros\nt = qq",
    ]));
}

#[test]
fn windows() {
    insta::assert_snapshot!(messages(&[
        // Ranges that cannot be found.
        "input x[9]\ny[i,k] = x[i + k]",
        "input x[9]\nparam w[3] ~ zeros\ny[i] = x[i + k]",
        "input x[9]\ny[r] = pad(x)[r - 1]",
        "input x[3,9]\nparam w[3] ~ zeros\ny[c,r] = w[k] pad(x)[c,r+k-1]",
        "input x[9]\ny[r] = x[floor(r / 2)]",
        "input x[9]\ny[r] = x[r mod 9]",
        "input x[9]\ny[i] = [i < 9] x[i + 1 - 1 + 0*i] [i >= 0]\nz[i] = [0 <= i+1 and i+1 < 9] x[i+1]",
        "input x[9]\nfn f[i](z) = sum[k] z[2*k]\nt[j] = f[i](x[i + j])",
        // Reads that go outside.
        "input x[9]\ny[r] = x[r - 1]",
        "input x[9]\nparam w[3] ~ zeros\ny[r] = x[r + u - 1] w[u]",
        "input x[9]\ny[r:10] = x[r]",
        "input x[9]\ny[r:9] = x[r + 1]",
        "input x[3,9]\nparam w[3,5] ~ zeros\ny[o,r:6] = w[o,u] x[o,r+u]",
        "input x[9]\ny[i] = x[i] - x[i+1]",
        "input x[9]\ny[i:3] = x[3 - 2 i]",
        "input x[9]\nt = sum[u:12] x[u - 2]",
        "input x[9]\nt[i:9] = [i > 0] x[i - 2]",
        "input x[9]\nt[i:9] = where(i = 0, x[i-1], x[i])",
        "input x[9]\nt[i:20] = x[floor(i/2)]",
        "input x[9]\nt[i:9] = x[i mod 10 + 1]",
        "size n = 4\ninput x[n]\ninput w[7]\ny[i] = w[j] x[i+j]",
        "input x[4]\ny[i] = x[i + 4]",
        "input x[9]\nfn shift[i](z) = z[i-1]\nt[j] = shift[j](x[j])",
        // Integers.
        "input t[5] int(10)\nparam E[9,4] ~ zeros\ne[s,d] = E[t[s],d]",
        "input t[5] int(9)\nparam E[9,4] ~ zeros\ne[s,d] = E[t[s] + 1,d]",
        "input t[5]\nparam E[9,4] ~ zeros\ne[s,d] = E[t[s],d]",
        "input t\nparam E[9,4] ~ zeros\ne[d] = E[t,d]",
        "input t int(10)\nparam p[9] ~ zeros\nloss = -log(p[t])",
        "param t[5] ~ zeros\nparam E[9,4] ~ zeros\ne[s,d] = E[floor(t[s]),d]",
        "input x[9]\nparam p[12] ~ zeros\nt = x[argmax[i] p[i]]",
        "input x[9]\nparam p[9] ~ zeros\nt = x[max[i] p[i]]",
        "input t[5] int(9)\nparam E[9,4] ~ zeros\ne[d] = E[t[s],d]",
        // Forms.
        "input x[9]\ny[i:3,j:3] = x[i j]",
        "input x[9]\ny[i:3] = x[i^2]",
        "input x[9]\ny[i:3] = x[i/2]",
        "input x[9]\ny[i:3] = x[7/2 + i]",
        "input x[9]\ny[i:3] = x[min(i, 2)]",
        "input x[9]\ny[i:3,j:2] = x[i mod j]",
        "input x[9]\ny[i:3] = x[i mod 0]",
        "input x[9]\ny[i:3,j:2] = x[floor(i/j)]",
        "input x[9]\ny[i:3] = x[99999999999999 i]",
        "input x[9]\ny[i:3] = x[[i > 0]]",
        "input x[9]\ny[i:3] = x[i + 1.5]",
        "input x[9]\nfn f[i](z) = pad(z)[i-1]\ny[i:3] = f[i](x[i])",
        "input x[9]\ny[i:3] = pad(x)[i,i]",
        "input x[9]\ny[i:3] = pad(q)[i]",
    ]));
}

#[test]
fn several_problems_are_told_at_once_and_each_once() {
    insta::assert_snapshot!(messages(&[
        "input x[3]\nparam W[3,4]\nz[i] = W[i,j] x[j]\nq = z[0] + sqrrt(2)\nr = q + 1\ns = unknown\n",
    ]));
}
