//! Random models whose equations read derivatives: small smooth networks and functions, and first, second and third
//! derivatives of them in the loss. Values stay moderate.

use super::generator::Dice;

/// A model, and the same without the equations that read derivatives.
pub struct Nested {
    /// The whole model.
    pub text: String,
    /// Its network alone, with a loss that reads nothing else.
    pub network: String,
}

struct Writer {
    dice: Dice,
    declarations: String,
    equations: String,
    /// The tensors so far that depend on `x`, with their extents; the last one is the newest.
    tensors: Vec<(String, usize)>,
    /// The parameters with their ranks.
    parameters: Vec<(String, usize)>,
    /// The extent of the input; `None` for a scalar.
    width: Option<usize>,
}

/// The random model of this number.
pub fn model(seed: u64) -> Nested {
    let mut dice = Dice::new(seed ^ 0x0DE1);
    let width = [None, Some(1), Some(2), Some(3)][dice.below(4)];
    let shape = width.map_or(String::new(), |width| format!("[{width}]"));
    let kind = ["input  ", "param  "][usize::from(dice.chance(25))];
    let rest = if kind == "param  " { " ~ normal(0, 1)" } else { "" };
    let declarations = format!("{kind}x{shape}{rest}\ntarget y\n");
    let (equations, tensors) = (String::new(), Vec::new());
    let mut writer = Writer { dice, declarations, equations, tensors, parameters: Vec::new(), width };
    writer.network();
    let network = format!("{}{}loss = u y\n", writer.declarations, writer.equations);
    writer.uses();
    Nested { text: format!("{}{}", writer.declarations, writer.equations), network }
}

const SMOOTH: [&str; 10] = ["tanh", "sin", "sigmoid", "softplus", "gelu", "silu", "atan", "cos", "erf", "exp"];

impl Writer {
    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.dice.below(items.len())]
    }

    fn parameter(&mut self, shape: &[usize]) -> String {
        let name = format!("w{}", self.parameters.len());
        self.parameters.push((name.clone(), shape.len()));
        let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
        let shape = if extents.is_empty() { String::new() } else { format!("[{}]", extents.join(",")) };
        self.declarations += &format!("param  {name}{shape} ~ normal(0, 0.7)\n");
        name
    }

    /// A function with a name of a term.
    fn smooth(&mut self, term: &str) -> String {
        match self.dice.below(14) {
            0 => format!("({term}) / (1 + ({term})^2)"),
            1 => format!("1 / (1 + ({term})^2)"),
            2 => format!("sqrt(1 + ({term})^2)"),
            3 => format!("log(2 + cos({term}))"),
            4 => format!("({term})^2 / 4 - ({term})"),
            5 => format!("sin({term}) exp(0.3 sin({term}))"),
            _ => match self.pick(&SMOOTH) {
                "exp" => format!("exp(-({term})^2)"),
                function => format!("{function}({term})"),
            },
        }
    }

    /// What the layers stand on: something of the input with one index `k`, or none.
    fn first(&mut self) -> (String, usize) {
        let hidden = 1 + self.dice.below(3);
        let bias = self.parameter(&[hidden]);
        let sum = match self.width {
            None => format!("{}[i] x + {bias}[i]", self.parameter(&[hidden])),
            Some(width) => format!("{}[i,k] x[k] + {bias}[i]", self.parameter(&[hidden, width])),
        };
        (sum, hidden)
    }

    fn network(&mut self) {
        let (sum, hidden) = self.first();
        let body = match self.dice.chance(40) {
            true => {
                self.equations += &format!("z[i] = {sum}\n");
                self.smooth("z[i]")
            }
            false => self.smooth(&sum),
        };
        self.equations += &format!("a1[i] = {body}\n");
        self.tensors.push(("a1".into(), hidden));
        for number in 2..2 + self.dice.below(3) {
            self.layer(number);
        }
        let (last, extent) = self.tensors[self.tensors.len() - 1].clone();
        let out = self.parameter(&[extent]);
        let body = match self.dice.below(6) {
            0 => format!("logsumexp[i] ({out}[i] {last}[i])"),
            1 => format!("prod[i] (1 + 0.3 {out}[i] {last}[i])"),
            2 => format!("mean[i] {out}[i] {last}[i]^2"),
            3 => format!("tanh({out}[i] {last}[i])"),
            _ => format!("{out}[i] {last}[i]"),
        };
        self.equations += &format!("u = {body}\n");
    }

    fn layer(&mut self, number: usize) {
        let (last, extent) = self.tensors[self.tensors.len() - 1].clone();
        let name = format!("a{number}");
        let next = 1 + self.dice.below(3);
        let (body, next) = match self.dice.below(10) {
            0 => (format!("softmax[i]({last}[i])"), extent),
            1 => (format!("layernorm[i](2 {last}[i] + i)"), extent),
            2 => (format!("{last}[i] / (1 + {last}[j] {last}[j])"), extent),
            3 => {
                let weight = self.parameter(&[]);
                let steps = 2 + self.dice.below(2);
                self.equations += &format!("{name}[i:-1] = {last}[0]\n");
                let step = self.smooth(&format!("{weight} {name}[i-1] + {last}[{}]", extent - 1));
                self.equations += &format!("{name}[i:{steps}] = ({step}) / (i + 1)\n");
                self.tensors.push((name, steps));
                return;
            }
            4 => (format!("where(i = 0, {last}[i]^2, sin({last}[i]))"), extent),
            5 => {
                self.equations += &format!("f{number}0[i] = {last}[i]\nfor l in 1..2:\n");
                self.equations += &format!("    param v{number}{{l}}[{extent},{extent}] ~ lecun\n");
                let from = format!("f{number}{{l-1}}");
                self.equations += &format!("    f{number}{{l}}[i] = tanh(v{number}{{l}}[i,j] {from}[j]) + {from}[i]\n");
                (format!("f{number}2[i]"), extent)
            }
            _ => {
                let weight = self.parameter(&[next, extent]);
                (self.smooth(&format!("{weight}[i,j] {last}[j]")), next)
            }
        };
        self.equations += &format!("{name}[i] = {body}\n");
        self.tensors.push((name, next));
    }

    /// The subscripts of `x`, and the sum over them.
    fn at_x(&self, letter: &str) -> (String, String) {
        match self.width {
            None => (String::new(), String::new()),
            Some(_) => (format!("[{letter}]"), format!("sum[{letter}] ")),
        }
    }

    fn uses(&mut self) {
        let mut terms: Vec<String> = Vec::new();
        for number in 0..1 + self.dice.below(2) {
            let term = self.derivative_term(number);
            terms.push(term);
        }
        let fit = self.pick(&["(u - y)^2", "tanh(u) y", "u"]);
        self.equations += &format!("loss = {fit} + {}\n", terms.join(" + "));
    }

    fn derivative_term(&mut self, number: usize) -> String {
        let ((i, sum_i), (j, sum_j)) = (self.at_x("i"), self.at_x("j"));
        let weight = self.pick(&["0.1", "0.3", "y"]);
        let term = match self.dice.below(9) {
            0 => format!("{sum_i}(∂u/∂x{i} - 1)^2"),
            1 => {
                self.equations += &format!("g{number}{i} = ∂u/∂x{i}\n");
                match self.width {
                    None => format!("(sqrt(g{number}^2 + 0.1) - 1)^2"),
                    Some(_) => format!("(sqrt(g{number}[i] g{number}[i] + 0.1) - 1)^2"),
                }
            }
            2 => {
                self.equations += &format!("L{number} = {sum_i}∂(∂u/∂x{i})/∂x{i}\n");
                format!("(L{number} + u)^2")
            }
            3 => format!("{sum_i}{sum_j}(∂(∂u/∂x{i})/∂x{j})^2"),
            4 => {
                self.equations += &format!("q{number} = {sum_i}(∂u/∂x{i})^2\nh{number}{i} = ∂q{number}/∂x{i}\n");
                format!("{sum_i}tanh(h{number}{i})")
            }
            5 => {
                // A step of descent by a parameter, and the network again.
                let (name, rank) = self.parameters[self.dice.below(self.parameters.len())].clone();
                let at = ["", "[i]", "[i,j]"][rank];
                self.equations += &format!("s{number}{at} = {name}{at} - 0.1 ∂u/∂{name}{at}\n");
                let all = ["", "sum[i] ", "sum[i,j] "][rank];
                format!("{all}sin(s{number}{at})")
            }
            6 => {
                let (name, _) = self.tensors[self.dice.below(self.tensors.len())].clone();
                format!("sum[i] (∂u/∂{name}[i])^2")
            }
            7 => {
                self.equations += &format!("t{number} = {sum_i}∂(∂u/∂x{i})/∂x{i}\n");
                format!("{sum_i}sin(∂t{number}/∂x{i})")
            }
            _ => {
                let (name, _) = self.tensors[self.dice.below(self.tensors.len())].clone();
                format!("sum[k] {sum_i}(∂{name}[k]/∂x{i})^2")
            }
        };
        format!("{weight} ({term})")
    }
}
