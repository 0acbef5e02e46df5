//! Random models in which reads slide, stride, pad, gather and follow themselves: what convolutions,
//! poolings, embeddings and recurrent layers are made of, with extents that leave nothing over, and
//! some over.

use super::generator::Dice;

const EXTENTS: [usize; 5] = [1, 2, 3, 5, 10];
/// More makes a model slow to test.
const MOST_ENTRIES: usize = 200;

#[derive(Clone)]
struct Tensor {
    name: String,
    shape: Vec<usize>,
}

struct Slides {
    dice: Dice,
    text: String,
    tensors: Vec<Tensor>,
    parameters: usize,
    /// Only sums of products, so that integers stay integers.
    integers: bool,
}

/// A subscript that stays in a range of positions, and what the equation must say for that.
struct Slide {
    subscript: String,
    /// How many values the index on the left takes.
    extent: usize,
    is_padded: bool,
}

/// The text of the random model of this number; of one with integers only, all values and derivatives
/// are integers where all that is given is.
pub fn model(seed: u64, integers: bool) -> String {
    let dice = Dice::new(seed ^ 0x51DE);
    let mut slides = Slides { dice, text: String::new(), tensors: Vec::new(), parameters: 0, integers };
    slides.declarations();
    for number in 0..1 + slides.dice.below(3) {
        slides.equation(number);
    }
    slides.loss();
    slides.text
}

fn subscripts(all: &[String]) -> String {
    if all.is_empty() { String::new() } else { format!("[{}]", all.join(",")) }
}

fn letters(count: usize) -> Vec<String> {
    ["i", "j", "k"][..count].iter().map(|letter| letter.to_string()).collect()
}

impl Slides {
    fn extent(&mut self) -> usize {
        EXTENTS[self.dice.below(EXTENTS.len())]
    }

    fn shape(&mut self, least: usize, most: usize) -> Vec<usize> {
        loop {
            let rank = least + self.dice.below(most + 1 - least);
            let shape: Vec<usize> = (0..rank).map(|_| self.extent()).collect();
            if shape.iter().product::<usize>() <= MOST_ENTRIES {
                return shape;
            }
        }
    }

    fn declarations(&mut self) {
        for name in ["x", "A"] {
            let shape = self.shape(1, 2);
            let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
            let (word, rest) = if name == "x" { ("input ", "") } else { ("param ", " ~ normal(0, 1)") };
            self.text += &format!("{word} {name}[{}]{rest}\n", extents.join(","));
            self.tensors.push(Tensor { name: name.into(), shape });
        }
        let (length, kinds) = (self.extent(), self.extent());
        self.text += &format!("input  t[{length}] int({kinds})\n");
        self.tensors.push(Tensor { name: format!("t:{kinds}"), shape: vec![length] });
    }

    fn parameter(&mut self, shape: &[usize]) -> String {
        self.parameters += 1;
        let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
        let name = format!("K{}", self.parameters);
        let line = format!("param  {name}[{}] ~ normal(0, 1)\n", extents.join(","));
        self.text.insert_str(0, &line);
        name
    }

    fn source(&mut self) -> Tensor {
        let real: Vec<Tensor> = self.tensors.iter().filter(|tensor| !tensor.name.contains(':')).cloned().collect();
        real[self.dice.below(real.len())].clone()
    }

    fn define(&mut self, number: usize, left: &[(String, usize)], inferred: bool, body: &str) {
        let indices: Vec<String> = left
            .iter()
            .map(|(letter, extent)| if inferred { letter.clone() } else { format!("{letter}:{extent}") })
            .collect();
        self.text += &format!("e{number}{} = {body}\n", subscripts(&indices));
        let shape = left.iter().map(|(_, extent)| *extent).collect();
        self.tensors.push(Tensor { name: format!("e{number}"), shape });
    }

    fn equation(&mut self, number: usize) {
        let kinds = if self.integers { 6 } else { 9 };
        match self.dice.below(kinds) {
            0 | 1 => self.convolution(number),
            2 => self.gather(number),
            3 => self.cumulative(number),
            4 => self.elementwise(number),
            5 => self.dense(number),
            6 | 7 => self.pooling(number),
            _ => self.recurrence(number),
        }
    }

    /// A subscript for an axis of `n`, of the window index `u` below `window`, and the index `letter`.
    fn slide(&mut self, n: usize, window: usize, letter: &str, u: &str) -> Option<Slide> {
        let (stride, dilation) = (1 + self.dice.below(3), 1 + self.dice.below(2));
        let span = dilation * (window - 1);
        let is_padded = self.dice.chance(50);
        let (start, extent) = if is_padded {
            // Every window has something inside: it starts before the end, and ends after the start.
            let start = -(self.dice.below(span + 1) as i64);
            if n < dilation {
                return None;
            }
            let most = (n as i64 - 1 - start) as usize / stride + 1;
            (start, 1 + self.dice.below(most))
        } else {
            if span >= n {
                return None;
            }
            (0, (n - 1 - span) / stride + 1)
        };
        let flips = self.dice.chance(25);
        let (sign, constant) = if flips { ("-", start + span as i64) } else { ("+", start) };
        let subscript = format!("{stride}*{letter}{sign}{dilation}*{u}+{constant}").replace("+-", "-");
        Some(Slide { subscript, extent, is_padded })
    }

    /// The read of the last axis in steps: the tensor, its subscripts, and the slide of the last.
    fn sliding(&mut self, window: usize) -> Option<(Tensor, Slide)> {
        (0..20).find_map(|_| {
            let source = self.source();
            let n = *source.shape.last()?;
            Some((source, self.slide(n, window, "r", "u")?))
        })
    }

    fn convolution(&mut self, number: usize) {
        let window = 1 + self.dice.below(3);
        let Some((source, slide)) = self.sliding(window) else { return self.dense(number) };
        let outputs = 1 + self.dice.below(3);
        let rest = &source.shape[..source.shape.len() - 1];
        let around = letters(rest.len());
        let kernel = self.parameter(&[&[outputs], rest, &[window]].concat());
        let read = match slide.is_padded {
            true => format!("pad({})", source.name),
            false => source.name.clone(),
        };
        let at = [around.as_slice(), std::slice::from_ref(&slide.subscript)].concat();
        let kernel_at = [&["o".to_string()], around.as_slice(), &["u".to_string()]].concat();
        let body = format!("{kernel}{} {read}{}", subscripts(&kernel_at), subscripts(&at));
        self.define(number, &[("o".into(), outputs), ("r".into(), slide.extent)], !slide.is_padded, &body);
    }

    fn pooling(&mut self, number: usize) {
        let window = 1 + self.dice.below(3);
        let Some((source, slide)) = self.sliding(window) else { return self.dense(number) };
        let around = letters(source.shape.len() - 1);
        let word = ["max", "min", "sum", "mean", "prod", "logsumexp"][self.dice.below(6)];
        let read = match (slide.is_padded, word) {
            (true, "max" | "logsumexp") if self.dice.chance(70) => format!("pad({}, -inf)", source.name),
            (true, _) => format!("pad({})", source.name),
            (false, _) => source.name.clone(),
        };
        let at = subscripts(&[around.as_slice(), std::slice::from_ref(&slide.subscript)].concat());
        let inner = match self.dice.below(3) {
            0 if !read.contains("inf") => format!("tanh({read}{at})"),
            _ => format!("{read}{at}"),
        };
        let mut left: Vec<(String, usize)> = around.into_iter().zip(source.shape.iter().copied()).collect();
        left.push(("r".into(), slide.extent));
        self.define(number, &left, !slide.is_padded, &format!("{word}[u:{window}] {inner}"));
    }

    fn gather(&mut self, number: usize) {
        let tokens = self.tensors.iter().find(|tensor| tensor.name.contains(':')).expect("tokens").clone();
        let kinds: usize = tokens.name[2..].parse().expect("a number");
        let width = self.extent();
        let table = self.parameter(&[kinds, width]);
        let (length, left) = (tokens.shape[0], vec![("s".to_string(), tokens.shape[0]), ("d".to_string(), width)]);
        let at = match self.dice.below(3) {
            0 => format!("{}-s", length - 1),
            _ => "s".to_string(),
        };
        self.define(number, &left, false, &format!("{table}[t[{at}], d]"));
    }

    fn cumulative(&mut self, number: usize) {
        let source = self.source();
        let around = letters(source.shape.len() - 1);
        let n = *source.shape.last().expect("an axis");
        let at = subscripts(&[around.as_slice(), &["q".to_string()]].concat());
        let compare = ["<=", "<", ">="][self.dice.below(3)];
        let mut left: Vec<(String, usize)> = around.into_iter().zip(source.shape.iter().copied()).collect();
        left.push(("r".into(), n));
        self.define(number, &left, false, &format!("sum[q:{n}] [q {compare} r] {}{at}", source.name));
    }

    /// One entry for each: reversed, wrapped, enlarged, shifted or masked.
    fn elementwise(&mut self, number: usize) {
        let source = self.source();
        let around = letters(source.shape.len() - 1);
        let n = *source.shape.last().expect("an axis");
        let (read, subscript, extent) = match self.dice.below(5) {
            0 => (source.name.clone(), format!("{}-r", n - 1), n),
            1 => (source.name.clone(), format!("r mod {n}"), n + 3),
            2 => (source.name.clone(), "floor(r/2)".to_string(), 2 * n),
            3 => (format!("pad({})", source.name), format!("r-{}", 1 + self.dice.below(2)), n + 1),
            _ => (source.name.clone(), "r".to_string(), n),
        };
        let read = format!("{read}{}", subscripts(&[around.as_slice(), &[subscript]].concat()));
        let masked = match self.dice.below(4) {
            0 => format!("[r mod 2 = 0] {read}"),
            1 => format!("where(r < 2, {read}, 2 {read})"),
            2 if !self.integers => format!("sin({read})"),
            _ => format!("2 {read}"),
        };
        let mut left: Vec<(String, usize)> = around.into_iter().zip(source.shape.iter().copied()).collect();
        left.push(("r".into(), extent));
        self.define(number, &left, false, &masked);
    }

    fn dense(&mut self, number: usize) {
        let source = self.source();
        let outputs = self.extent();
        let around = letters(source.shape.len());
        let weight = self.parameter(&[&[outputs], source.shape.as_slice()].concat());
        let weight_at = [&["o".to_string()], around.as_slice()].concat();
        let product = format!("{weight}{} {}{}", subscripts(&weight_at), source.name, subscripts(&around));
        let body = if self.integers { product } else { format!("tanh({product})") };
        self.define(number, &[("o".into(), outputs)], false, &body);
    }

    fn recurrence(&mut self, number: usize) {
        let Some(source) = (0..20).map(|_| self.source()).find(|source| source.shape.len() == 2) else {
            return self.dense(number);
        };
        let (steps, width) = (source.shape[0], source.shape[1]);
        let weight = self.parameter(&[width, width]);
        let boundary = ["0", "0.5"][self.dice.below(2)];
        self.text += &format!("e{number}[s:-1, d] = {boundary}\n");
        let input = format!("{}[s,d]", source.name);
        let body = match self.dice.below(2) {
            0 => format!("tanh({weight}[d,f] e{number}[s-1,f] + {input})"),
            _ => format!("0.5 e{number}[s-1,d] + sin({input}) {weight}[d,0]"),
        };
        self.define(number, &[("s".into(), steps), ("d".into(), width)], true, &body);
    }

    /// Every equation takes part.
    fn loss(&mut self) {
        let mut addends = Vec::new();
        for tensor in self.tensors.clone().iter().filter(|tensor| tensor.name.starts_with('e')) {
            let around = letters(tensor.shape.len());
            let read = format!("{}{}", tensor.name, subscripts(&around));
            let binders = around.join(",");
            addends.push(match self.dice.below(3) {
                _ if self.integers => format!("sum[{binders}] {read}"),
                0 => format!("sum[{binders}] {read}"),
                1 => format!("mean[{binders}] ({read})^2"),
                _ => format!("sum[{binders}] tanh({read})"),
            });
        }
        self.text += &format!("loss = {}\n", addends.join(" + "));
    }
}
