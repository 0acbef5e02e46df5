//! Networks of ordinary kinds.

use super::dice::Dice;
use super::losses::{activation, loss};
use std::fmt::Write;

/// A network under construction: the last tensor has one axis, of this extent.
struct Stack {
    text: String,
    last: String,
    width: usize,
}

const STARTS: [&str; 6] = ["he", "glorot", "lecun", "normal(0, 0.5)", "uniform(-1, 1)", "normal(0, 0.02)"];

impl Stack {
    fn input(width: usize) -> Stack {
        Stack { text: format!("input x[{width}]\n"), last: "x".into(), width }
    }

    /// A dense layer with an activation, and what often stands around it.
    fn dense(&mut self, dice: &mut Dice, number: usize, width: usize) {
        let (before, wide, start) = (self.last.clone(), self.width, dice.pick(&STARTS));
        writeln!(self.text, "param W{number}[{width}, {wide}] ~ {start}").unwrap();
        let bias = match dice.chance(70) {
            true => {
                writeln!(self.text, "param b{number}[{width}] ~ zeros").unwrap();
                format!(" + b{number}[i]")
            }
            false => String::new(),
        };
        let sum = format!("W{number}[i,j] {before}[j]{bias}");
        let last = format!("a{number}");
        if dice.chance(70) {
            writeln!(self.text, "z{number}[i] = {sum}").unwrap();
            let value = activation(dice, &format!("z{number}[i]"));
            writeln!(self.text, "{last}[i] = {value}").unwrap();
        } else {
            let value = activation(dice, &format!("({sum})"));
            writeln!(self.text, "{last}[i] = {value}").unwrap();
        }
        (self.last, self.width) = (last, width);
        match dice.below(12) {
            0 => self.then(&format!("r{number}"), "layernorm[i](@[i])"),
            1 => {
                writeln!(self.text, "param g{number}[{width}] ~ ones").unwrap();
                self.then(&format!("r{number}"), &format!("g{number}[i] rmsnorm[i](@[i])"));
            }
            2 if wide == width => self.then(&format!("r{number}"), &format!("@[i] + {before}[i]")),
            3 => self.then(&format!("r{number}"), "@[i] sigmoid(@[i])"),
            4 => self.then(&format!("r{number}"), "softmax[i](@[i])"),
            _ => {}
        }
    }

    /// One more equation, in which `@` stands for the last tensor.
    fn then(&mut self, name: &str, value: &str) {
        writeln!(self.text, "{name}[i] = {}", value.replace('@', &self.last)).unwrap();
        self.last = name.to_string();
    }

    /// A linear layer to the output, and a loss.
    fn finish(mut self, dice: &mut Dice) -> String {
        let classes = if dice.chance(8) { 1 } else { dice.within(2, 5) };
        let (declarations, equations) = loss(dice, classes);
        let (wide, before) = (self.width, &self.last);
        writeln!(self.text, "param V[{classes}, {wide}] ~ glorot\no[i] = V[i,j] {before}[j]").unwrap();
        let equations = match dice.below(8) {
            0 => equations.replace("loss = ", "data = ") + "loss = data + 1e-3 sum[i,j] V[i,j]^2\n",
            1 => equations.replace("loss = ", "data = ") + "loss = data + 0.1 sum[i,j] abs(V[i,j])\n",
            _ => equations,
        };
        format!("{declarations}{}{equations}", self.text)
    }
}

pub fn dense(dice: &mut Dice) -> String {
    let mut stack = Stack::input(dice.width());
    for number in 1..=dice.within(1, 6) {
        let width = dice.width();
        stack.dense(dice, number, width);
    }
    stack.finish(dice)
}

/// A convolution along one axis, pooling, and a dense layer.
pub fn convolution(dice: &mut Dice) -> String {
    let (channels, filters, taps) = (dice.within(1, 2), dice.within(1, 3), dice.within(1, 3));
    let (length, pool, stride) = (dice.within(7, 10), dice.within(1, 3), dice.within(1, 2));
    let sums = match (dice.chance(30), stride) {
        (true, _) => format!("[o, r:{length}] = K[o,c,u] pad(x)[c, r+u-1]"),
        (false, 1) => "[o,r] = K[o,c,u] x[c, r+u]".to_string(),
        (false, _) => "[o,r] = K[o,c,u] x[c, 2*r+u]".to_string(),
    };
    let long = match (sums.contains("pad"), stride) {
        (true, _) => length,
        (false, 1) => length - taps + 1,
        (false, _) => (length - taps) / 2 + 1,
    };
    let (kind, many) = (dice.pick(&["max", "mean", "sum"]), long / pool.min(long));
    let pool = pool.min(long);
    let value = activation(dice, "z[o,r]");
    let classes = dice.within(2, 4);
    let (declarations, equations) = loss(dice, classes);
    let squeezed = dice.pick(&["V[i,o,r] m[o,r]", "V[i,o,0] (mean[r] m[o,r])", "V[i,o,0] (max[r] m[o,r])"]);
    format!(
        "{declarations}input x[{channels}, {length}]\nparam K[{filters}, {channels}, {taps}] ~ he\n\
         param b[{filters}] ~ zeros\nparam V[{classes}, {filters}, {many}] ~ glorot\n\
         z{sums} + b[o]\na[o,r] = {value}\nm[o, r:{many}] = {kind}[u:{pool}] a[o, {pool}*r+u]\n\
         o[i] = {squeezed}\n{equations}"
    )
}

/// A convolution of images with pooling.
pub fn image(dice: &mut Dice) -> String {
    let (side, filters, taps) = (dice.within(4, 5), dice.within(1, 2), dice.within(2, 3));
    let small = side - taps + 1;
    let value = activation(dice, "z[o,r,s]");
    let pooled = match small % 2 {
        0 => {
            let kind = dice.pick(&["max", "mean"]);
            let half = small / 2;
            (half, format!("m[o, r:{half}, s:{half}] = {kind}[u:2, v:2] a[o, 2*r+u, 2*s+v]\n"))
        }
        _ => (small, "m[o,r,s] = a[o,r,s]\n".to_string()),
    };
    let classes = dice.within(2, 3);
    let (declarations, equations) = loss(dice, classes);
    let (many, pooling) = pooled;
    format!(
        "{declarations}input x[{side}, {side}]\nparam K[{filters}, {taps}, {taps}] ~ he\nparam b[{filters}] ~ zeros\n\
         param V[{classes}, {filters}, {many}, {many}] ~ glorot\nz[o,r,s] = K[o,u,v] x[r+u, s+v] + b[o]\n\
         a[o,r,s] = {value}\n{pooling}o[i] = V[i,o,r,s] m[o,r,s]\n{equations}"
    )
}

pub fn attention(dice: &mut Dice) -> String {
    let (positions, wide, head) = (dice.within(2, 4), dice.within(1, 4), dice.within(1, 3));
    let scale = dice.pick(&["sqrt(head)", "head", "1", "2"]);
    let masked = dice.chance(30);
    let weights = match (masked, dice.below(3)) {
        (true, _) => "P[q,k] = softmax[k](where(k <= q, S[q,k], -inf))\n",
        (false, 0) => "P[q,k] = exp(S[q,k]) / sum[l] exp(S[q,l])\n",
        (false, 1) => "m[q] = max[k] S[q,k]\nP[q,k] = exp(S[q,k] - m[q]) / sum[l] exp(S[q,l] - m[q])\n",
        _ => "P[q,k] = softmax[k](S[q,k])\n",
    };
    let classes = dice.within(2, 3);
    let (declarations, equations) = loss(dice, classes);
    let pooled = dice.pick(&["(mean[q] R[q,d])", "R[0,d]", "(max[q] R[q,d])", "(sum[q] R[q,d])"]);
    let rest = match dice.below(3) {
        0 => "R[q,d] = layernorm[d](O[q,d])\n",
        1 => "R[q,d] = O[q,d] + V[q,d]\n",
        _ => "R[q,d] = O[q,d]\n",
    };
    format!(
        "{declarations}size head = {head}\ninput x[{positions}, {wide}]\nparam WQ[head, {wide}] ~ glorot\n\
         param WK[head, {wide}] ~ glorot\nparam WV[head, {wide}] ~ glorot\nparam WO[{classes}, head] ~ glorot\n\
         Q[q,d] = WQ[d,m] x[q,m]\nK[k,d] = WK[d,m] x[k,m]\nV[k,d] = WV[d,m] x[k,m]\n\
         S[q,k] = Q[q,d] K[k,d] / {scale}\n{weights}O[q,d] = P[q,k] V[k,d]\n{rest}\
         o[i] = WO[i,d] {pooled}\n{equations}"
    )
}

pub fn recurrence(dice: &mut Dice) -> String {
    let (steps, wide, state) = (dice.within(1, 5), dice.within(1, 3), dice.within(1, 3));
    let classes = dice.within(2, 3);
    let (declarations, equations) = loss(dice, classes);
    let last = steps - 1;
    let header = format!(
        "{declarations}input x[{steps}, {wide}]\nparam U[{state}, {wide}] ~ glorot\nparam R[{state}, {state}] ~ glorot\n\
         param b[{state}] ~ zeros\nparam V[{classes}, {state}] ~ glorot\n"
    );
    let sum = "U[i,j] x[t,j] + R[i,j] h[t-1,j] + b[i]";
    let body = match dice.below(5) {
        0 => format!("h[t:-1, i] = 0\nh[t,i] = tanh({sum})\n"),
        1 => format!("h[t:-1, i] = 0\nh[t,i] = 1/2 h[t-1,i] + 1/2 relu({sum})\n"),
        2 => format!(
            "param G[{state}, {state}] ~ glorot\nh[t:-1, i] = 0\n\
             h[t,i] = (1 - sigmoid(G[i,k] h[t-1,k])) h[t-1,i] + sigmoid(G[i,k] h[t-1,k]) tanh({sum})\n"
        ),
        3 => format!(
            "param F[{state}, {wide}] ~ glorot\nparam G[{state}, {wide}] ~ glorot\nh[t:-1, i] = 0\nc[t:-1, i] = 0\n\
             c[t,i] = sigmoid(F[i,k] x[t,k]) c[t-1,i] + sigmoid(G[i,k] x[t,k]) tanh({sum})\n\
             h[t,i] = sigmoid({sum}) tanh(c[t,i])\n"
        ),
        _ => {
            format!("param s[{state}] ~ ones\nh[t:-1, i] = s[i]\nh[t,i] = {}\n", activation(dice, &format!("({sum})")))
        }
    };
    let read = dice.pick(&["h[@,j]", "(mean[t] h[t,j])", "(sum[t] h[t,j])", "(max[t] h[t,j])"]);
    format!("{header}{body}o[i] = V[i,j] {}\n{equations}", read.replace('@', &last.to_string()))
}

/// Rows of a table chosen by integers.
pub fn embedding(dice: &mut Dice) -> String {
    let (words, wide, count) = (dice.within(2, 5), dice.within(1, 4), dice.within(1, 3));
    let mean = dice.pick(&[
        "mean[s] E[tokens[s], d]",
        "sum[s] E[tokens[s], d]",
        "max[s] E[tokens[s], d]",
        "sum[s] E[tokens[s], d]^2",
    ]);
    let mut stack = Stack {
        text: format!(
            "input tokens[{count}] int({words})\nparam E[{words}, {wide}] ~ normal(0, 0.3)\nemb[d] = {mean}\n"
        ),
        last: "emb".into(),
        width: wide,
    };
    for number in 1..=dice.within(0, 2) {
        let width = dice.within(1, 5);
        stack.dense(dice, number, width);
    }
    stack.finish(dice)
}

/// The axis of the examples is written out.
pub fn batch(dice: &mut Dice) -> String {
    let (wide, width) = (dice.within(1, 4), dice.within(1, 3));
    let value = activation(dice, "z[n,i]");
    let start = format!(
        "input x[batch, {wide}]\ntarget y[batch, {width}]\nparam W[{width}, {wide}] ~ glorot\nparam b[{width}] ~ zeros\n\
         z[n,i] = W[i,j] x[n,j] + b[i]\n"
    );
    let rest = match dice.below(5) {
        0 => format!("a[n,i] = {value}\nloss = mean[n] sum[i] (a[n,i] - y[n,i])^2\n"),
        1 => format!(
            "param g[{width}] ~ ones\nm[i] = mean[n] z[n,i]\nv[i] = mean[n] (z[n,i] - m[i])^2\n\
             h[n,i] = g[i] (z[n,i] - m[i]) / sqrt(v[i] + 1e-3)\nloss = mean[n] sum[i] (h[n,i] - y[n,i])^2\n"
        ),
        2 => format!(
            "a[n,i] = {value}\nS[n,m] = a[n,i] y[m,i] / 2\nP[n,m] = softmax[m](S[n,m])\n\
             loss = -mean[n] log(P[n,n])\n"
        ),
        3 => format!("a[n,i] = {value}\nloss = mean[n,m] sum[i] (a[n,i] - a[m,i])^2 + mean[n] sum[i] y[n,i] a[n,i]\n"),
        _ => format!(
            "a[n,i] = {value}\nC[i,j] = mean[n] a[n,i] a[n,j]\n\
             loss = sum[i,j] (C[i,j] - delta[i,j])^2 + mean[n] sum[i] y[n,i] a[n,i]\n"
        ),
    };
    start + &rest
}
