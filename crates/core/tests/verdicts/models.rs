//! Models of statistics, of physics and of other trades.

use super::dice::Dice;
use super::losses::activation;

/// A model of a list, with extents and numbers put in.
pub fn classic(dice: &mut Dice) -> String {
    let own = CLASSICS[dice.below(CLASSICS.len())];
    let [n, m, k] = [dice.within(1, 4), dice.within(2, 5), dice.within(1, 3)];
    let value = activation(dice, "(w[i] x[i] + b)");
    let number = dice.pick(&["0.1", "1e-4", "2", "1/3", "100", "0.5"]);
    own.replace("NN", &n.to_string())
        .replace("MM", &m.to_string())
        .replace("KK", &k.to_string())
        .replace("ACT", &value)
        .replace("CC", number)
}

const CLASSICS: [&str; 44] = [
    "const X[MM,NN]\nconst y[MM]\nparam w[NN] ~ zeros\ns[n] = sigmoid(X[n,j] w[j])\n\
     loss = sum[n] (-y[n] log(s[n]) - (1 - y[n]) log(1 - s[n])) + CC w[i] w[i]\n",
    "const X[MM,NN]\nconst y[MM]\nparam w[NN] ~ zeros\nloss = sum[n] log(1 + exp(-y[n] X[n,j] w[j]))\n",
    "const X[MM,NN]\nconst y[MM]\nparam w[NN] ~ zeros\nr[n] = X[n,i] w[i] - y[n]\nloss = r[n] r[n] + CC sum[i] abs(w[i])\n",
    "const M[NN,MM]\nparam U[NN,KK] ~ normal(0,1)\nparam V[MM,KK] ~ normal(0,1)\nR[i,j] = U[i,k] V[j,k] - M[i,j]\n\
     loss = 1/2 sum[i,j] R[i,j]^2 + CC sum[i,k] U[i,k]^2\n",
    "input x[NN]\ntarget y\nparam w[NN] ~ zeros\nparam b ~ zeros\nl = exp(w[i] x[i] + b)\nloss = l - y (w[i] x[i] + b)\n",
    "input x[NN]\ntarget y\nparam w[NN] ~ zeros\nparam s ~ zeros\nparam b ~ zeros\nm = w[i] x[i] + b\n\
     loss = (y - m)^2 / (2 exp(2 s)) + s\n",
    "input x[NN]\ninput e[KK]\nparam m[KK] ~ zeros\nparam v[KK] ~ zeros\nparam W[NN,KK] ~ glorot\n\
     z[k] = m[k] + exp(v[k] / 2) e[k]\nr[j] = W[j,k] z[k] - x[j]\n\
     loss = 1/2 r[j] r[j] + 1/2 sum[k] (m[k]^2 + exp(v[k]) - v[k] - 1)\n",
    "const Z[MM,NN]\nconst a[MM]\nparam x[NN] ~ zeros\nk[n] = exp(-CC sum[i] (x[i] - Z[n,i])^2)\nloss = a[n] k[n]\n",
    "param m1[NN] ~ zeros\nparam m2[NN] ~ zeros\nparam s1[NN] ~ zeros\nparam s2[NN] ~ zeros\n\
     loss = sum[i] (s2[i] - s1[i] + (exp(2 s1[i]) + (m1[i] - m2[i])^2) / (2 exp(2 s2[i])) - 1/2)\n",
    "input x[NN]\nparam w[MM] ~ zeros\nparam m[MM,NN] ~ normal(0,1)\np[k] = softmax[k](w[k])\n\
     q[k] = exp(-1/2 sum[i] (x[i] - m[k,i])^2)\nloss = -log(p[k] q[k] + 1e-9)\n",
    "input x[NN]\nparam w[MM] ~ zeros\nparam m[MM,NN] ~ normal(0,1)\n\
     loss = -logsumexp[k] ((logsoftmax[k](w[k])) - 1/2 sum[i] (x[i] - m[k,i])^2)\n",
    "const A[NN,NN]\nconst b[NN]\nparam x[NN] ~ normal(0,1)\nloss = 1/2 x[i] A[i,j] x[j] - b[i] x[i]\n",
    "const A[NN,NN]\nparam X[NN,NN] ~ normal(0,1)\nAX[i,j] = A[i,k] X[k,j]\nloss = sum[i,j] (AX[i,j] - delta[i,j])^2\n",
    "const A[NN,NN]\nconst B[NN,NN]\nparam X[NN,NN] ~ normal(0,1)\nt = A[i,j] X[j,k] B[k,i]\nloss = t^2\n",
    "param X[NN,NN] ~ normal(0,1)\nG[i,j] = X[k,i] X[k,j]\nloss = sum[i,j] (G[i,j] - delta[i,j])^2\n",
    "param x[NN] ~ normal(0,1)\nparam y[NN] ~ normal(0,1)\nc = x[i] y[i] / sqrt((x[i] x[i] + 0.1) (y[j] y[j] + 0.1))\nloss = (c - 1/2)^2\n",
    "param x[MM,2] ~ normal(0,1)\nd[i,j] = sqrt(0.01 + sum[k] (x[i,k] - x[j,k])^2)\nloss = sum[i,j] (d[i,j] - 1)^2\n",
    "input a[NN]\ninput p[NN]\ninput q[NN]\nparam W[KK,NN] ~ glorot\nf[i] = W[i,j] a[j]\ng[i] = W[i,j] p[j]\nh[i] = W[i,j] q[j]\n\
     loss = relu(CC + sum[i] (f[i] - g[i])^2 - sum[i] (f[i] - h[i])^2)\n",
    "input x[NN]\ntarget y\nparam w[NN] ~ zeros\nparam b ~ zeros\nf = ACT\nloss = (f - y)^2\n",
    "input x[NN]\ntarget y\nparam w[NN] ~ zeros\nparam b ~ zeros\nf = ACT\nloss = log(1 + (f - y)^2 / CC)\n",
    "input x[NN]\ntarget y\nparam w[NN] ~ zeros\nparam b ~ zeros\nf = ACT\ng = softplus(f) + 0.1\nloss = g log(g) - y f\n",
    "input t[MM]\nconst d[MM]\nparam w ~ zeros\ns[n] = exp(w t[n])\nr[n:MM] = sum[m] [m <= n] s[m]\nloss = sum[n] d[n] (log(r[n]) - w t[n])\n",
    "input x\ntarget y\nparam w[MM] ~ normal(0,1)\nparam b[MM] ~ normal(0,1)\nparam v[MM] ~ normal(0,1)\n\
     u = v[h] tanh(w[h] x + b[h])\ndu = ∂u/∂x\nloss = (du - y)^2 + CC u^2\n",
    "input x\nparam a ~ ones\nparam b ~ ones\nu = sin(a x) exp(b x)\nloss = (∂u/∂x - u)^2\n",
    "input x[NN]\nparam A[NN,NN] ~ normal(0,1)\nu = x[i] A[i,j] x[j]\ng[i] = ∂u/∂x[i]\nloss = sum[i] g[i]^2\n",
    "input x[NN]\nparam W[KK,NN] ~ glorot\nparam v[KK] ~ glorot\na[h] = tanh(W[h,i] x[i])\nu = v[h] a[h]\n\
     g[i] = ∂u/∂x[i]\nloss = (sqrt(0.01 + g[i] g[i]) - 1)^2\n",
    "param q0 ~ ones\nparam p0 ~ ones\nparam k ~ ones\nq[t:-1] = q0\np[t:-1] = p0\np[t:4] = p[t-1] - 0.1 k sin(q[t-1])\n\
     q[t:4] = q[t-1] + 0.1 p[t]\nloss = (q[3] - 1)^2\n",
    "param a ~ ones\nx0 = 1\nfor k in 1..3:\n    x{k} = (x{k-1} + (a^2 + 1) / x{k-1}) / 2\nloss = x3\n",
    "size depth = 3\ninput x[NN]\ntarget y[NN]\na0[i] = x[i]\nfor l in 1..depth:\n    param B{l}[NN,NN] ~ lecun\n    \
     a{l}[i] = a{l-1}[i] + tanh(B{l}[i,j] a{l-1}[j])\nloss = sum[i] (a3[i] - y[i])^2\n",
    "input x[NN]\nparam w[NN] ~ ones\nloss = prod[i] (w[i] x[i] + CC)\n",
    "input x[MM]\nparam w[MM] ~ ones\nm = max[i] w[i] x[i]\nn = min[i] w[i] x[i]\nloss = (m - n)^2 + CC m\n",
    "input x[MM]\nparam w[MM] ~ ones\nd[i] = w[i] x[i]\nc[i:MM] = sum[j] [j <= i] d[j]\nloss = sum[i] c[i]^2\n",
    "input x[MM]\nparam w[MM] ~ ones\nD[i,j] = w[i] delta[i,j]\nloss = x[i] D[i,j] D[j,k] x[k]\n",
    "input x[MM]\nparam w[2] ~ ones\ny[i] = w[k] x[i+k]\nloss = sum[i] (y[i] - y[i]^3 / 3)^2\n",
    "input x[MM]\nparam w[MM] ~ ones\ns[i] = w[i] x[i]\nr[i:MM] = s[MM-1-i] + s[i]\nloss = sum[i] r[i]^2 / (1 + r[i]^2)\n",
    "input x[6]\nparam w[3] ~ ones\nz[i:6] = w[i mod 3] x[i]\ny[i:3] = z[2*i] + z[2*i+1]\nloss = sum[i] y[i]^2\n",
    "input x[6]\nparam w[2] ~ ones\nz[i:6] = w[floor(i/3)] x[i]\nloss = (sum[i] z[i])^2 + CC z[i] z[i]\n",
    "input x[NN,NN]\nparam w ~ ones\nt = sum[i] x[i,i]\nu = sum[i,j] [i != j] x[i,j] exp(w)\nloss = (t - u)^2\n",
    "input x[MM]\ntarget y int(MM)\nparam w[MM] ~ ones\np[i] = softmax[i](w[i] x[i])\nloss = -log(p[y]) + CC w[i] w[i]\n",
    "input x[MM]\nparam w[MM] ~ ones\np[i] = softmax[i](w[i] x[i])\nq[i] = softmax[i](x[i])\n\
     loss = sum[i] p[i] (log(p[i]) - log(q[i]))\n",
    "input x[MM]\nparam w[MM] ~ ones\np[i] = softmax[i](w[i])\nH = -sum[i] p[i] log(p[i])\nloss = p[i] x[i] - CC H\n",
    "input x[MM]\nparam w[MM] ~ ones\np[i] = softmax[i](w[i] + x[i])\nv = sum[i] p[i] (i - sum[j] p[j] j)^2\nloss = v\n",
    "input x[MM]\nparam g[MM] ~ ones\nparam b[MM] ~ zeros\nh[i] = g[i] layernorm[i](x[i]) + b[i]\nloss = h[i] h[i] h[i]\n",
    "input x[MM]\nparam w[MM] ~ ones\nz[i] = w[i] x[i]\nk = argmax[i] z[i]\nloss = z[i] z[i] - CC k\n",
];

/// Models in which something is badly scaled.
pub fn scaled(dice: &mut Dice) -> String {
    let big = dice.pick(&["1e4", "1e6", "1e8", "1e10", "1e16"]);
    let small = dice.pick(&["1e-4", "1e-6", "1e-8", "1e-10"]);
    let own = [
        "input x\nparam w ~ normal(0, 1)\nloss = (w x)^2 + BIG\n",
        "input x[3]\ntarget y\nparam w[3] ~ normal(0, 1)\nloss = (w[i] x[i] - y)^2 + BIG w[i] w[i]\n",
        "input x[3]\ntarget y\nparam w[3] ~ normal(0, 1)\nloss = BIG (w[i] x[i] - y)^2\n",
        "input x[3]\ntarget y\nparam w[3] ~ normal(0, 1)\nloss = SMALL (w[i] x[i] - y)^2\n",
        "input x[4]\ntarget y[4] onehot\nparam w[4] ~ zeros\ns[k] = 1000 x[k] + w[k]\np[k] = softmax[k](s[k])\n\
         loss = crossentropy[k](p[k], y[k])\n",
        "input x[4]\ntarget y[4] onehot\nparam w[4] ~ zeros\np[k] = softmax[k]((w[k] + x[k]) / 0.01)\nloss = -y[k] log(p[k])\n",
        "input x[3]\nparam w[3] ~ ones\nf = w[i] x[i] + BIG\ng = f - BIG\nloss = g^2\n",
        "input x[3]\nparam w[3] ~ ones\nf = tanh(BIG w[i] x[i])\nloss = f^2 + w[i] w[i]\n",
        "input x[3]\nparam w[3] ~ ones\nloss = sqrt(SMALL^2 + sum[i] (w[i] x[i])^2)\n",
        "input x[3]\nparam w[3] ~ ones\nloss = log(SMALL + sum[i] (w[i] x[i])^2)\n",
        "input x[3]\nparam w[3] ~ ones\nv = w[i] x[i]\nloss = v^2 / (SMALL + v^2)\n",
        "input x[3]\nparam w[3] ~ ones\nloss = sum[i] (BIG w[i] - BIG x[i])^2\n",
        "input x[3]\nparam w[3] ~ ones\nh[i] = SMALL w[i] x[i]\nloss = sum[i] (h[i] - 1)^2\n",
        "input x[3]\nparam w[3] ~ ones\nloss = exp(20 tanh(w[i] x[i]))\n",
        "input x[3]\nparam w[3] ~ ones\nloss = softplus(50 w[i] x[i]) / 50\n",
        "input x[3]\nparam w[3] ~ normal(0, 100)\nparam v[3] ~ normal(0, 0.01)\nloss = (w[i] v[i] + w[i] x[i])^2\n",
    ];
    dice.pick(&own).replace("BIG", big).replace("SMALL", small)
}

/// Models in which something is held.
pub fn stopped(dice: &mut Dice) -> String {
    let value = activation(dice, "(w[i] x[i])");
    let own = [
        "input x[3]\nparam w[3] ~ ones\nf = ACT\nloss = stop(f) f\n",
        "input x[4]\nparam w[4] ~ ones\ns[i] = sigmoid(w[i] x[i])\nh[i] = s[i] + stop([s[i] > 0.5] - s[i])\nloss = sum[i] h[i]^2\n",
        "input x[3]\ntarget y\nparam w[3] ~ ones\nparam v[3] ~ ones\nq = w[i] x[i]\nt = y + 0.9 stop(max(v[i] x[i], q))\nloss = (q - t)^2\n",
        "input x[3]\nparam w[3] ~ ones\nparam C[4,3] ~ normal(0,1)\nz[i] = w[i] x[i]\nd[k] = sum[i] (z[i] - C[k,i])^2\n\
         q[i] = C[argmin[k] d[k], i]\ns[i] = z[i] + stop(q[i] - z[i])\n\
         loss = sum[i] (s[i] - x[i])^2 + sum[i] (stop(z[i]) - q[i])^2 + 0.25 sum[i] (z[i] - stop(q[i]))^2\n",
        "input x[4]\ninput a\nparam w[4] ~ zeros\np[i] = softmax[i](w[i] + x[i])\nr[i] = p[i] / stop(p[i])\nloss = -r[0] a\n",
        "input x[3]\nparam w[3] ~ ones\ng[i] = w[i] x[i]\nn = stop(sqrt(0.1 + g[i] g[i]))\nloss = sum[i] (g[i] / n - 1)^2\n",
        "input x[3]\nparam w[3] ~ ones\nm = stop(max[i] w[i] x[i])\ne[i] = exp(w[i] x[i] - m)\nloss = log(sum[i] e[i]) + m\n",
    ];
    dice.pick(&own).replace("ACT", &value)
}

/// Roots, logarithms, powers and inverse functions of what is given, which is not defined everywhere.
pub fn bounded(dice: &mut Dice) -> String {
    let own = [
        "input x[3]\nparam w[3] ~ ones\ntarget y\nf = w[i] sqrt(x[i])\nloss = (f - y)^2\n",
        "input x[3]\nparam w[3] ~ ones\ntarget y\nf = w[i] log(x[i])\nloss = (f - y)^2\n",
        "input x[3]\nparam W[2,3] ~ glorot\nh[i] = tanh(W[i,j] log(x[j]))\nloss = sum[i] h[i]^2\n",
        "param x[3] ~ ones\nparam p[3] ~ ones\ny[i] = x[i]^p[i]\nloss = sum[i] y[i]^2\n",
        "const A[4,4]\ninput x[4,3]\nparam W[2,3] ~ glorot\nd[i] = sum[j] A[i,j]\nH[i,c] = A[i,j] x[j,k] W[c,k] / sqrt(d[i] d[j])\n\
         loss = sum[i,c] relu(H[i,c])^2\n",
        "param a ~ ones\nx0 = 1\nfor k in 1..4:\n    x{k} = (x{k-1} + a / x{k-1}) / 2\nloss = x4\n",
        "param s ~ ones\ninput x[3]\nloss = sum[i] (x[i]^2 / (2 s^2) + log(s))\n",
        "input x[3]\nparam w[3] ~ ones\nloss = sum[i] acos(w[i] x[i])^2\n",
        "input x[3]\nparam w[3] ~ ones\nloss = sum[i] asin(x[i]) w[i]\n",
        "input x[3]\nparam k ~ ones\nparam l ~ ones\nloss = -sum[i] (log(k / l) + (k - 1) log(x[i] / l) - (x[i] / l)^k)\n",
        "input x\nparam a ~ ones\nparam b ~ ones\nloss = -(a - 1) log(x) - (b - 1) log(1 - x)\n",
        "input p[3]\ninput q[3]\nparam w ~ ones\nloss = w sum[i] p[i] log(p[i] / q[i])\n",
        "input x[3]\nparam w[3] ~ ones\nloss = (prod[i] x[i])^(1/3) + w[i] x[i]^1.5\n",
        "input u\nparam l ~ ones\nx = -log(1 - u) / l\nloss = (x - 1)^2\n",
        "input x[3]\nparam w[3] ~ ones\nloss = sqrt(w[i] x[i])\n",
        "input x[3]\nparam w[3] ~ ones\nloss = log(w[i] x[i])^2\n",
        "input x[2]\nparam w[2] ~ ones\nr = sqrt(sum[i] x[i]^2)\nloss = w[i] x[i] / r + 1/r\n",
        "param x[4,2] ~ normal(0,1)\nd[i,j] = sqrt(sum[k] (x[i,k] - x[j,k])^2)\nloss = sum[i,j] [i < j] (d[i,j] - 1)^2\n",
        "input x[3]\nparam m ~ zeros\nparam s ~ ones\nloss = sum[i] (log(s) + log(1 + ((x[i] - m) / s)^2))\n",
        "input x[3]\nparam w[3] ~ ones\nn = norm[i](w[i])\nloss = (x[i] w[i] / n)^2\n",
    ];
    dice.pick(&own).to_string()
}
