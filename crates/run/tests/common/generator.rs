//! Random models as text: every construct of the language, extents from a small set, so that
//! letters meet often. Values stay moderate, so that doubles can tell right from wrong.

/// Splitmix64, so that a failing model can be made again from its number.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Uniform in -1..1.
    pub fn value(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

const EXTENTS: [usize; 4] = [1, 2, 3, 5];
const LETTERS: [&str; 12] = ["i", "j", "k", "l", "m", "n", "q", "r", "s", "t", "u", "v"];

/// Letters that are summed over by convention: each once in an equation, since a letter that two
/// factors of an outer product share would be summed there.
const SUMMED: [&str; 40] = [
    "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15", "d16", "d17",
    "d18", "d19", "d20", "d21", "d22", "d23", "d24", "d25", "d26", "d27", "d28", "d29", "d30", "d31", "d32", "d33",
    "d34", "d35", "d36", "d37", "d38", "d39",
];

#[derive(Clone)]
struct Tensor {
    name: String,
    shape: Vec<usize>,
    /// Depends on a parameter or input, so that its derivative is worth testing.
    varies: bool,
}

type Scope = Vec<(&'static str, usize)>;

struct Generator {
    dice: Dice,
    tensors: Vec<Tensor>,
    text: String,
    /// How many letters the equation has summed over by convention.
    summed: usize,
    /// Letters that will stand where another does now.
    reserved: Vec<&'static str>,
}

/// The text of the random model of this number.
pub fn model(seed: u64) -> String {
    let mut generator =
        Generator { dice: Dice::new(seed), tensors: Vec::new(), text: String::new(), summed: 0, reserved: Vec::new() };
    generator.declarations();
    for number in 0..2 + generator.dice.below(4) {
        generator.equation(number);
    }
    generator.loss();
    generator.text
}

impl Generator {
    fn shape(&mut self, most: usize) -> Vec<usize> {
        (0..self.dice.below(most + 1)).map(|_| *self.dice.pick(&EXTENTS)).collect()
    }

    fn declare(&mut self, line: &str, name: &str, shape: &[usize], rest: &str, varies: bool) {
        let extents = if shape.is_empty() { String::new() } else { format!("{shape:?}").replace(' ', "") };
        self.text += &format!("{line} {name}{extents}{rest}\n");
        self.tensors.push(Tensor { name: name.into(), shape: shape.to_vec(), varies });
    }

    fn declarations(&mut self) {
        let classes = *self.dice.pick(&[2, 3, 5]);
        let kind = *self.dice.pick(&[" onehot", " probability", ""]);
        let input = self.shape(2);
        self.declare("input ", "x", &input, "", true);
        self.declare("target", "y", &[classes], kind, false);
        for name in ["A", "B", "C"] {
            let shape: Vec<usize> = (0..2).map(|_| *self.dice.pick(&EXTENTS)).collect();
            self.declare("param ", name, &shape, " ~ normal(0, 1)", true);
        }
        for name in ["b", "c"] {
            let shape = self.shape(1);
            self.declare("param ", name, &shape, " ~ zeros", true);
        }
        let constant = self.shape(2);
        if !constant.is_empty() {
            self.declare("const ", "D", &constant, "", false);
        }
    }

    /// A letter that is not in scope.
    fn fresh(&mut self, scope: &Scope) -> &'static str {
        let free: Vec<&&str> = LETTERS
            .iter()
            .filter(|letter| scope.iter().all(|(used, _)| used != *letter) && !self.reserved.contains(letter))
            .collect();
        free[self.dice.below(free.len().min(4))]
    }

    fn equation(&mut self, number: usize) {
        self.summed = 0;
        let mut scope: Scope = Vec::new();
        for _ in 0..self.dice.below(3) {
            let letter = self.fresh(&scope);
            scope.push((letter, *self.dice.pick(&EXTENTS)));
        }
        let name = format!("e{number}");
        let depth = 2 + self.dice.below(3);
        let body = self.equation_body(&scope, depth);
        let left: Vec<String> = scope.iter().map(|(letter, extent)| format!("{letter}:{extent}")).collect();
        let subscripts = if left.is_empty() { String::new() } else { format!("[{}]", left.join(",")) };
        self.text += &format!("{name}{subscripts} = {body}\n");
        let shape = scope.iter().map(|(_, extent)| *extent).collect();
        self.tensors.push(Tensor { name, shape, varies: true });
    }

    /// Forms that whole layers have, and anything else.
    fn equation_body(&mut self, scope: &Scope, depth: usize) -> String {
        if self.dice.chance(15)
            && let Some((row, extent)) = scope.last().copied()
        {
            let letter = self.fresh(scope);
            let inner: Scope = scope.iter().copied().filter(|(l, _)| *l != row).chain([(letter, extent)]).collect();
            self.reserved.push(row);
            let logit = self.expression(&inner, depth - 1);
            self.reserved.pop();
            // The sums in the other copy have letters of their own.
            let own = (0..self.summed).fold(replace_letter(&logit, letter, row), |own, number| {
                replace_letter(&own, SUMMED[number], &format!("f{number}"))
            });
            return match self.dice.below(3) {
                0 => format!("exp({own}) / sum[{letter}:{extent}] exp({logit})"),
                1 => format!("({own}) - logsumexp[{letter}:{extent}] ({logit})"),
                _ => format!("log(exp({own}) / sum[{letter}:{extent}] exp({logit}))"),
            };
        }
        self.expression(scope, depth)
    }

    /// An expression whose letters are all in scope.
    fn expression(&mut self, scope: &Scope, depth: usize) -> String {
        if depth == 0 {
            return self.leaf(scope);
        }
        let next = depth - 1;
        match self.dice.below(22) {
            0..=2 => format!("{} + {}", self.expression(scope, next), self.expression(scope, next)),
            3 | 4 => format!("{} - ({})", self.expression(scope, next), self.expression(scope, next)),
            5..=7 => format!("({}) ({})", self.expression(scope, next), self.expression(scope, next)),
            8 => format!("({}) / (1.5 + ({})^2)", self.expression(scope, next), self.leaf(scope)),
            9 => format!("({})^{}", self.expression(scope, next), 2 + self.dice.below(2)),
            10..=12 => self.call(scope, next),
            13 => {
                let (condition, a, b) =
                    (self.condition(scope), self.expression(scope, next), self.expression(scope, next));
                format!("where({condition}, {a}, {b})")
            }
            14 => format!("[{}] ({})", self.condition(scope), self.expression(scope, next)),
            15 => {
                let function = *self.dice.pick(&["max", "min"]);
                format!("{function}({}, {})", self.expression(scope, next), self.expression(scope, next))
            }
            16 | 17 => self.reduction(scope, next),
            _ => self.contraction(scope),
        }
    }

    fn call(&mut self, scope: &Scope, depth: usize) -> String {
        let inner = self.expression(scope, depth);
        match self.dice.below(18) {
            0 => format!("log(1.2 + ({inner})^2)"),
            1 => format!("sqrt(0.7 + ({inner})^2)"),
            2 => format!("exp(0.5 tanh({inner}))"),
            3 => format!("asin(0.9 tanh({inner}))"),
            4 => format!("acos(0.9 sin({inner}))"),
            5 => format!("tan(sin({inner}))"),
            6 => format!("sinh(sin({inner}))"),
            7 => format!("cosh(cos({inner}))"),
            8 => format!("1 / (1 + exp(-({inner})))"),
            9 => format!("(1 + ({inner})^2)^(1 + 0.3 ({}))", self.leaf(scope)),
            _ => {
                let names = ["tanh", "sigmoid", "relu", "softplus", "gelu", "silu", "sin", "cos", "erf", "atan", "abs"];
                format!("{}({inner})", self.dice.pick(&names))
            }
        }
    }

    fn condition(&mut self, scope: &Scope) -> String {
        if scope.len() > 1 && self.dice.chance(40) {
            let (a, b) = (scope[0].0, scope[1].0);
            return format!("{a} {} {b}", self.dice.pick(&["<=", "<", "=", "!=", ">", ">="]));
        }
        let compare = format!("{} {} 0.1", self.leaf(scope), self.dice.pick(&["<", ">"]));
        match self.dice.below(4) {
            0 => format!("not ({compare})"),
            1 => format!("{compare} or {} > 0.3", self.leaf(scope)),
            2 => format!("{compare} and {} < 0.8", self.leaf(scope)),
            _ => compare,
        }
    }

    fn reduction(&mut self, scope: &Scope, depth: usize) -> String {
        let letter = self.fresh(scope);
        let extent = *self.dice.pick(&EXTENTS);
        let mut inner = scope.clone();
        inner.push((letter, extent));
        let body = self.expression(&inner, depth);
        let word = *self.dice.pick(&["sum", "sum", "mean", "prod", "max", "min", "logsumexp"]);
        format!("({word}[{letter}:{extent}] ({body}))")
    }

    /// Two reads that share a letter not in scope: summed by convention.
    fn contraction(&mut self, scope: &Scope) -> String {
        let Some(&letter) = SUMMED.get(self.summed) else { return self.leaf(scope) };
        self.summed += 1;
        let extent = *self.dice.pick(&EXTENTS);
        let mut inner = scope.clone();
        inner.push((letter, extent));
        match (self.read_with(&inner, letter), self.read_with(&inner, letter)) {
            (Some(a), Some(b)) if self.dice.chance(30) => match self.read_with(&inner, letter) {
                Some(c) => format!("({a} {b} {c})"),
                None => format!("({a} {b})"),
            },
            (Some(a), Some(b)) => format!("({a} {b})"),
            _ => self.leaf(scope),
        }
    }

    fn leaf(&mut self, scope: &Scope) -> String {
        match self.dice.below(12) {
            0 => self.dice.pick(&["0.5", "2", "1/3", "0.25", "1"]).to_string(),
            1 if !scope.is_empty() => format!("({} / 4)", scope[self.dice.below(scope.len())].0),
            2 if scope.len() > 1 => format!("delta[{}, {}]", scope[0].0, scope[1].0),
            _ => self.read(scope, |_, _| true).unwrap_or_else(|| "0.5".into()),
        }
    }

    fn read_with(&mut self, scope: &Scope, letter: &str) -> Option<String> {
        self.read(scope, |tensor, subscripts| tensor.varies && subscripts.iter().any(|subscript| subscript == letter))
    }

    /// A read whose subscripts are letters of the right extents, or now and then a constant.
    fn read(&mut self, scope: &Scope, fits: impl Fn(&Tensor, &[String]) -> bool) -> Option<String> {
        for _ in 0..12 {
            let tensor = self.dice.pick(&self.tensors.clone()).clone();
            let mut subscripts = Vec::new();
            for &extent in &tensor.shape {
                let letters: Vec<_> = scope.iter().filter(|(_, range)| *range == extent).collect();
                if letters.is_empty() || self.dice.chance(5) {
                    subscripts.push(self.dice.below(extent).to_string());
                } else {
                    subscripts.push(self.dice.pick(&letters).0.to_string());
                }
            }
            if fits(&tensor, &subscripts) {
                let list = if subscripts.is_empty() { String::new() } else { format!("[{}]", subscripts.join(",")) };
                return Some(format!("{}{list}", tensor.name));
            }
        }
        None
    }

    /// Every equation takes part.
    fn loss(&mut self) {
        let mut addends = Vec::new();
        for tensor in self.tensors.clone().iter().filter(|tensor| tensor.name.starts_with('e')) {
            let letters: Vec<&str> = LETTERS[..tensor.shape.len()].to_vec();
            let read = match letters.is_empty() {
                true => tensor.name.clone(),
                false => format!("{}[{}]", tensor.name, letters.join(",")),
            };
            let binders = letters.join(",");
            addends.push(match (letters.is_empty(), self.dice.below(3)) {
                (true, _) => format!("0.5 {read}"),
                (false, 0) => format!("sum[{binders}] {read}"),
                (false, 1) => format!("mean[{binders}] ({read})^2"),
                (false, _) => format!("sum[{binders}] tanh({read})"),
            });
        }
        addends.push("0.1 sum[i] y[i]".into());
        self.text += &format!("loss = {}\n", addends.join(" + "));
    }
}

/// Replaces a letter where it stands as a word of its own.
fn replace_letter(text: &str, from: &str, to: &str) -> String {
    let mut result = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_alphanumeric() || character == '.' {
            word.push(character);
            continue;
        }
        result += if word == from { to } else { &word };
        word.clear();
        result.push(character);
    }
    result.pop();
    result
}
