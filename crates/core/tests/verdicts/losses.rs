//! Losses of all kinds on an output `o` with one axis.

use super::dice::Dice;

/// The declarations that a loss needs, and its equations, of an output with `classes` entries.
pub fn loss(dice: &mut Dice, classes: usize) -> (String, String) {
    let real = format!("target y[{classes}]\n");
    let onehot = format!("target y[{classes}] onehot\n");
    let probability = format!("target y[{classes}] probability\n");
    let integer = format!("target y int({classes})\n");
    let own = |declarations: &str, equations: &str| (declarations.to_string(), format!("{equations}\n"));
    match dice.below(40) {
        0 => own(&onehot, "pp[i] = softmax[i](o[i])\nloss = -y[i] log(pp[i])"),
        1 => own(&onehot, "pp[i] = exp(o[i]) / sum[k] exp(o[k])\nloss = -y[i] log(pp[i])"),
        2 => own(&onehot, "loss = softmaxcrossentropy[i](o[i], y[i])"),
        3 => own(&probability, "pp[i] = softmax[i](o[i])\nloss = crossentropy[i](pp[i], y[i])"),
        4 => own(&onehot, "ll[i] = logsoftmax[i](o[i])\nloss = -y[i] ll[i]"),
        5 => own(&integer, "pp[i] = softmax[i](o[i])\nloss = -log(pp[y])"),
        6 => own(&integer, "loss = (logsumexp[k] o[k]) - o[y]"),
        7 => own(&real, "loss = sum[i] (o[i] - y[i])^2"),
        8 => own(&real, "ee[i] = o[i] - y[i]\nloss = 1/2 ee[i] ee[i]"),
        9 => own(&real, "loss = mse[i](o[i], y[i])"),
        10 => own(&real, "loss = mae[i](o[i], y[i])"),
        11 => own(&real, "loss = sum[i] huber(o[i], y[i])"),
        12 => own(&real, "loss = mean[i] log(cosh(o[i] - y[i]))"),
        13 => own(&real, "loss = sum[i] hinge(o[i], y[i])"),
        14 => own(&real, "loss = sum[i] relu(1 - y[i] o[i])^2"),
        15 => own(&real, "ss[i] = sigmoid(o[i])\nloss = sum[i] (-y[i] log(ss[i]) - (1 - y[i]) log(1 - ss[i]))"),
        16 => own(&real, "loss = mean[i] logitbce(o[i], y[i])"),
        17 => own(&onehot, "pp[i] = softmax[i](o[i])\nloss = -sum[i] y[i] (1 - pp[i])^2 log(pp[i])"),
        18 => own(&onehot, "pp[i] = softmax[i](o[i])\nloss = -sum[i] (0.9 y[i] + 0.1) log(pp[i])"),
        19 => own(&probability, "pp[i] = softmax[i](o[i])\nloss = sum[i] y[i] (log(y[i] + 1e-3) - log(pp[i]))"),
        20 => own(&real, "loss = sum[i] (exp(o[i]) - y[i] o[i])"),
        21 => own(&real, "loss = sum[i] ((o[i] - y[i])^2 / (2 exp(o[0])) + o[0] / 2)"),
        22 => own(&real, "ee[i] = y[i] - o[i]\nloss = sum[i] max(0.9 ee[i], -0.1 ee[i])"),
        23 => own(&real, "loss = 1 - (o[i] y[i] + 0.1) / (sqrt(0.1 + o[i] o[i]) sqrt(0.1 + y[i] y[i]))"),
        24 => own(&onehot, "pp[i] = softmax[i](o[i])\nloss = -y[i] log(pp[i]) - 0.1 entropy[i](pp[i])"),
        25 => own(&real, "loss = sqrt(1e-3 + sum[i] (o[i] - y[i])^2)"),
        26 => own(&real, "loss = mean[i] ((o[i] - y[i]) / (1 + y[i]^2))^2"),
        27 => own(&real, "mm = max[i] (o[i] - y[i])\nloss = mm^2 + 0.01 o[i] o[i]"),
        28 => own(&onehot, "tt = o[i] y[i]\nloss = sum[i] relu(1 + o[i] - tt)"),
        29 => own(&real, "loss = log(1 + sum[i] (o[i] - y[i])^2)"),
        30 => own(&real, "loss = sum[i] (softplus(o[i]) - y[i])^2"),
        31 => own(&real, "nn[i] = layernorm[i](o[i])\nloss = sum[i] (nn[i] - y[i])^2"),
        32 => own(&real, "qq = exp(-1/2 sum[i] (o[i] - y[i])^2)\nloss = -log(qq + 0.01)"),
        33 => own(&real, "loss = variance[i](o[i] - y[i]) + (mean[i] (o[i] - y[i]))^2"),
        34 => own(&real, "rr = prod[i] (1 + (o[i] - y[i])^2)\nloss = log(rr)"),
        35 => own(&real, "loss = sum[i] abs(o[i] - y[i])^3"),
        36 => own(&real, "loss = (logsumexp[i] o[i]) - o[i] y[i]"),
        37 => own(&real, "loss = sum[i] where(abs(o[i] - y[i]) < 0.5, (o[i] - y[i])^2, abs(o[i] - y[i]) - 0.25)"),
        38 => own(&onehot, "pp[i] = sigmoid(o[i]) / sum[k] sigmoid(o[k])\nloss = -y[i] log(pp[i])"),
        _ => own(&real, "loss = sum[i] (tanh(o[i]) - y[i])^2 / 2"),
    }
}

/// A function of one number that is defined everywhere.
pub fn activation(dice: &mut Dice, argument: &str) -> String {
    let own = [
        "relu(@)",
        "relu(@)",
        "tanh(@)",
        "tanh(@)",
        "sigmoid(@)",
        "gelu(@)",
        "silu(@)",
        "softplus(@)",
        "elu(@, 1)",
        "leakyrelu(@, 0.1)",
        "mish(@)",
        "sin(@)",
        "cos(@)",
        "atan(@)",
        "erf(@)",
        "abs(@)",
        "(@)^2",
        "(@)^3",
        "max(@, 0.1 (@))",
        "min(max(@, -1), 1)",
        "where(@ > 0, @, exp(@) - 1)",
        "(@) / (1 + abs(@))",
        "(@) / sqrt(1 + (@)^2)",
        "exp(-(@)^2)",
        "relu(@)^2",
        "sinh(tanh(@))",
        "@",
    ];
    dice.pick(&own).replace('@', argument)
}
