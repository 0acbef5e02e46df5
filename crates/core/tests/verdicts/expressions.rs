//! Random expressions of ordinary shape, on proper domains.

use super::dice::Dice;

/// A few equations over vectors, matrices and numbers, and a loss that reads all of them.
pub fn expression(dice: &mut Dice) -> String {
    let n = dice.within(1, 4);
    let mut text = format!(
        "input x[{n}]\ninput c\nconst k[{n}]\nparam w[{n}] ~ normal(0, 1)\nparam v[{n}] ~ normal(0, 1)\n\
         param A[{n},{n}] ~ normal(0, 0.7)\nparam s ~ normal(0, 1)\n"
    );
    let mut vectors = vec!["x".to_string(), "w".into(), "v".into(), "k".into()];
    let mut numbers = vec!["s".to_string(), "c".into()];
    for number in 0..dice.within(1, 4) {
        if dice.chance(60) {
            text += &format!("e{number}[i:NN] = {}\n", vector(dice, 3, &vectors, &numbers));
            vectors.push(format!("e{number}"));
        } else {
            text += &format!("f{number} = {}\n", scalar(dice, &vectors, &numbers));
            numbers.push(format!("f{number}"));
        }
    }
    let last = vectors.last().expect("a vector");
    let number = numbers.last().expect("a number");
    let end = match dice.below(5) {
        0 => format!("sum[i] {last}[i]^2 + {number}"),
        1 => format!("log(1 + sum[i] {last}[i]^2) {number}"),
        2 => format!("({number} - sum[i] {last}[i])^2"),
        3 => format!("(max[i] {last}[i]) + {number}^2"),
        _ => format!("tanh({number}) (mean[i] {last}[i]) + w[i] w[i]"),
    };
    (text + &format!("loss = {end}\n")).replace("NN", &n.to_string())
}

/// An expression with the index `i` open.
fn vector(dice: &mut Dice, depth: usize, vectors: &[String], numbers: &[String]) -> String {
    let all: Vec<&str> = vectors.iter().map(String::as_str).collect();
    if depth == 0 || dice.chance(15) {
        return match dice.below(6) {
            0 => dice.pick(&["2", "1/2", "0.3", "π", "1"]).to_string(),
            1 => dice.pick(&numbers.iter().map(String::as_str).collect::<Vec<_>>()).to_string(),
            _ => format!("{}[i]", dice.pick(&all)),
        };
    }
    let other = dice.pick(&all);
    let mut part = || vector(dice, depth - 1, vectors, numbers);
    let (one, two) = (part(), part());
    match dice.below(34) {
        0..=3 => format!("({one} + {two})"),
        4 | 5 => format!("({one} - {two})"),
        6..=9 => format!("({one}) * ({two})"),
        10 => format!("({one}) / (1 + ({two})^2)"),
        11 => format!("({one}) / (2 + sin({two}))"),
        12 => format!("exp(tanh({one}))"),
        13 => format!("log(1 + ({one})^2)"),
        14 => format!("sqrt(1 + ({one})^2)"),
        15 => format!("tanh({one})"),
        16 => format!("sin({one}) + cos({two})"),
        17 => format!("sigmoid({one}) * ({two})"),
        18 => format!("max({one}, {two})"),
        19 => format!("min({one}, {two})"),
        20 => format!("relu({one})"),
        21 => format!("abs({one})"),
        22 => format!("where({one} > {two}, {one}, 2 * ({two}))"),
        23 => format!("[{one} > 0] * ({two})"),
        24 => format!("({one})^2"),
        25 => format!("({one})^3 / 3"),
        26 => format!("(1 + ({one})^2)^(1/3)"),
        27 => format!("(sum[j] A[i,j] {other}[j])"),
        28 => format!("(sum[j] A[j,i] {other}[j]) * ({one})"),
        29 => format!("(softmax[i]({one} + x[i])) * ({two})"),
        30 => format!("layernorm[i]({one} + v[i])"),
        31 => format!("atan({one}) - erf({two})"),
        32 => format!("gelu({one})"),
        _ => format!("softplus({one}) / (1 + abs({two}))"),
    }
}

/// An expression without open indices.
fn scalar(dice: &mut Dice, vectors: &[String], numbers: &[String]) -> String {
    let one = vector(dice, 2, vectors, numbers);
    let two = vector(dice, 1, vectors, numbers);
    let number = dice.pick(&numbers.iter().map(String::as_str).collect::<Vec<_>>()).to_string();
    match dice.below(9) {
        0 => format!("sum[i:NN] ({one})"),
        1 => format!("mean[i:NN] ({one}) * ({two})"),
        2 => format!("max[i:NN] ({one})"),
        3 => format!("logsumexp[i:NN] ({one})"),
        4 => format!("prod[i:NN] (1 + ({one})^2 / 10)"),
        5 => format!("(sum[i:NN] ({one})) * {number}"),
        6 => format!("sqrt(1 + sum[i:NN] ({one})^2)"),
        7 => format!("variance[i]({one} + k[i])"),
        _ => format!("min[i:NN] ({one}) + {number}^2"),
    }
}
