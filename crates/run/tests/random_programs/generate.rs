//! Random programs: what is given, equations that read it, and losses.

use super::common::generator::Dice;
use super::grammar::{Binder, Call, Compare, Condition, Equation, Expr, Kind, Outside, Program, Read, Reduce, Row};
use super::grammar::{Spelling, Sub, Tensor};
use super::templates;

/// What programs do without, since it is known not to work yet.
pub struct Without {
    /// A range that is written out and longer than the axis that the index runs along, under a condition: refused.
    pub longer: bool,
    /// `pad` around a recurrence, which could mean its boundary.
    pub padded_recurrences: bool,
}

pub const WITHOUT: Without = Without { longer: true, padded_recurrences: true };

/// How many bodies an equation may have to evaluate, about.
const MOST_WORK: usize = 500;

pub(super) struct Generator {
    pub dice: Dice,
    pub tensors: Vec<Tensor>,
    equations: Vec<Equation>,
    letters: usize,
}

/// The program of this number.
pub fn program(seed: u64) -> Program {
    let dice = Dice::new(seed ^ 0xA5A5_0C0D);
    let mut generator = Generator { dice, tensors: Vec::new(), equations: Vec::new(), letters: 0 };
    generator.declare();
    // Most programs are small, so that there are many of them.
    let large = generator.dice.chance(2);
    let more = generator.dice.chance(30);
    for number in 0..if large { 1 + generator.dice.below(4) } else { 1 + usize::from(more) } {
        let budget = 2 + generator.dice.below(if large { 14 } else { 4 });
        generator.equation(number, budget);
    }
    generator.losses();
    let scalars: Vec<String> = (generator.equations.iter())
        .filter(|equation| equation.left.is_empty())
        .map(|equation| equation.name.clone())
        .collect();
    let other = generator.dice.below(scalars.len());
    let target = if generator.dice.chance(75) { "loss".into() } else { scalars[other].clone() };
    Program { tensors: generator.tensors, equations: generator.equations, target }
}

impl Generator {
    pub fn extent(&mut self) -> usize {
        match self.dice.below(400) {
            0..80 => 1,
            80..220 => 2,
            220..340 => 3,
            340..360 => 4,
            360..374 => 5,
            374..380 => 6,
            380..389 => 7,
            389..399 => [17, 33, 64][self.dice.below(3)],
            _ => 0,
        }
    }

    fn shape(&mut self, most: usize) -> Vec<usize> {
        loop {
            let rank = self.dice.below(most + 1);
            let shape: Vec<usize> = (0..rank).map(|_| self.extent()).collect();
            if shape.iter().product::<usize>() <= 130 {
                return shape;
            }
        }
    }

    fn declare(&mut self) {
        for name in &["A", "B", "C", "D"][..2 + self.dice.below(3)] {
            let most = if self.dice.chance(15) { 3 } else { 2 };
            let shape = self.shape(most);
            self.tensors.push(Tensor { name: name.to_string(), shape, kind: Kind::Param });
        }
        if self.dice.chance(60) {
            let shape = self.shape(2);
            self.tensors.push(Tensor { name: "x".into(), shape, kind: Kind::Input });
        }
        if self.dice.chance(25) {
            let shape = self.shape(1);
            self.tensors.push(Tensor { name: "y".into(), shape, kind: Kind::Target });
        }
        if self.dice.chance(20) {
            let shape = vec![self.extent()];
            self.tensors.push(Tensor { name: "K".into(), shape, kind: Kind::Const });
        }
        if self.dice.chance(35) {
            let (shape, below) = (self.shape(1), self.extent().max(1));
            self.tensors.push(Tensor { name: "T".into(), shape, kind: Kind::Tokens(below) });
        }
    }

    /// Whether it reads its own last step.
    pub fn is_recurrence(&self, name: &str) -> bool {
        self.equations.iter().any(|equation| equation.name == name && equation.boundary.is_some())
    }

    /// What is defined so far, and its shape.
    pub fn defined(&self) -> impl Iterator<Item = (String, Vec<usize>)> + Clone {
        let shape = |equation: &Equation| equation.left.iter().map(|binder| binder.extent).collect();
        self.equations.iter().map(move |equation| (equation.name.clone(), shape(equation)))
    }

    pub fn binder(&mut self, extent: usize) -> Binder {
        self.letters += 1;
        Binder { letter: self.letters - 1, extent }
    }

    /// New indices of extents that leave the work bearable.
    fn binders(&mut self, scope: &[Binder], count: usize) -> Vec<Binder> {
        let mut all: Vec<Binder> = scope.to_vec();
        for _ in 0..count {
            let around: usize = all.iter().map(|binder| binder.extent).product();
            let mut extent = self.extent();
            while around * extent > MOST_WORK / 8 && extent > 1 {
                extent = extent.min(3) - usize::from(extent <= 3);
            }
            all.push(self.binder(extent));
        }
        all.split_off(scope.len())
    }

    fn equation(&mut self, number: usize, budget: usize) {
        let rank = [0, 1, 1, 1, 2, 2, 3][self.dice.below(7)];
        let left = self.binders(&[], rank);
        let name = format!("e{number}");
        if rank > 0 && self.dice.chance(8) {
            return self.recurrence(name, left, budget);
        }
        let body = self.expr(&left, budget);
        self.equations.push(Equation { name, left, body, boundary: None });
    }

    /// An equation that reads its own last step.
    fn recurrence(&mut self, name: String, left: Vec<Binder>, budget: usize) {
        let rest = &left[1..];
        let boundary = self.expr(rest, 1 + budget / 4);
        let before = Sub::Affine(vec![(1, left[0].letter)], -1);
        let same = self.dice.chance(60);
        let own = || {
            let subs = rest.iter().map(|binder| if same { Sub::letter(binder.letter) } else { Sub::constant(0) });
            let subs = [before.clone()].into_iter().chain(subs).collect();
            Expr::Read(Read { tensor: name.clone(), subs, outside: Outside::Never })
        };
        let before = own();
        let scaled = match self.dice.below(3) {
            0 => Expr::Product(vec![Expr::Number("0.5"), before]),
            1 => Expr::Product(vec![self.expr(&left, 2), Expr::Call(Call::Tanh, vec![before])]),
            _ => Expr::Call(Call::Sin, vec![before]),
        };
        let body = Expr::Sum(vec![(true, scaled), (true, self.expr(&left, budget / 2))]);
        self.equations.push(Equation { name, left, body, boundary: Some(boundary) });
    }

    /// Scalars of everything that is defined, and their sum.
    fn losses(&mut self) {
        let mut addends = Vec::new();
        for place in 0..self.equations.len() {
            let (name, shape): (String, Vec<usize>) = {
                let equation = &self.equations[place];
                (equation.name.clone(), equation.left.iter().map(|binder| binder.extent).collect())
            };
            let binders: Vec<Binder> = shape.iter().map(|extent| self.binder(*extent)).collect();
            let subs = binders.iter().map(|binder| Sub::letter(binder.letter)).collect();
            let read = Expr::Read(Read { tensor: name, subs, outside: Outside::Never });
            let body = match self.dice.below(6) {
                0 => Expr::Power(Box::new(read), Box::new(Expr::Number("2"))),
                1 => Expr::Call(Call::Tanh, vec![read]),
                2 => Expr::Call(Call::Relu, vec![read]),
                3 => Expr::Product(vec![self.expr(&binders, 2), read]),
                _ => read,
            };
            if binders.is_empty() {
                addends.push((self.dice.chance(80), body));
                continue;
            }
            let reduce = [Reduce::Sum, Reduce::Sum, Reduce::Mean, Reduce::Max, Reduce::LogSumExp][self.dice.below(5)];
            let own = Expr::Reduce(reduce, binders, Box::new(body), false);
            if self.dice.chance(25) {
                let name = format!("loss{place}");
                self.equations.push(Equation { name: name.clone(), left: Vec::new(), body: own, boundary: None });
                let read = Expr::Read(Read { tensor: name, subs: Vec::new(), outside: Outside::Never });
                addends.push((true, read));
            } else {
                addends.push((true, own));
            }
        }
        let body = if addends.len() == 1 && addends[0].0 { addends.remove(0).1 } else { Expr::Sum(addends) };
        self.equations.push(Equation { name: "loss".into(), left: Vec::new(), body, boundary: None });
    }

    /// An expression over these indices, of about so many parts.
    pub fn expr(&mut self, scope: &[Binder], budget: usize) -> Expr {
        if budget <= 1 {
            return self.leaf(scope);
        }
        let rest = budget - 1;
        match self.dice.below(36) {
            0..5 => self.sum(scope, rest),
            5..11 => self.product(scope, rest),
            11 => {
                let below = self.expr(scope, rest / 2);
                let safe = Expr::Sum(vec![(true, Expr::Number("1.5")), (true, square(below))]);
                Expr::Quotient(Box::new(self.expr(scope, rest / 2)), Box::new(safe))
            }
            12 if self.dice.chance(40) => {
                Expr::Quotient(Box::new(self.expr(scope, rest / 2)), Box::new(self.expr(scope, rest / 2)))
            }
            12 | 13 => self.power(scope, rest),
            14..19 => self.call(scope, rest),
            19 => {
                let call = if self.dice.chance(50) { Call::Max } else { Call::Min };
                Expr::Call(call, vec![self.expr(scope, rest / 2), self.expr(scope, rest / 2)])
            }
            20 | 21 => Expr::Mask(self.condition(scope), Box::new(self.expr(scope, rest - 1))),
            22 => {
                let condition = self.condition(scope);
                Expr::Where(condition, Box::new(self.expr(scope, rest / 2)), Box::new(self.expr(scope, rest / 2)))
            }
            23 => self.row(scope, rest),
            24 => {
                let number = self.dice.below(templates::count());
                Expr::Apply(number, vec![self.expr(scope, rest / 2), self.expr(scope, rest / 2)])
            }
            25 => Expr::Negative(Box::new(self.expr(scope, rest))),
            26..30 => self.contraction(scope),
            _ => self.reduction(scope, rest),
        }
    }

    fn sum(&mut self, scope: &[Binder], budget: usize) -> Expr {
        let count = 2 + self.dice.below(2);
        Expr::Sum((0..count).map(|_| (self.dice.chance(70), self.expr(scope, budget / count))).collect())
    }

    fn product(&mut self, scope: &[Binder], budget: usize) -> Expr {
        let most = if self.dice.chance(20) { 5 } else { 2 };
        let count = 2 + self.dice.below(most);
        Expr::Product((0..count).map(|_| self.expr(scope, budget / count)).collect())
    }

    fn power(&mut self, scope: &[Binder], budget: usize) -> Expr {
        let base = self.expr(scope, budget);
        let exponent = match self.dice.below(10) {
            0..4 => Expr::Number("2"),
            4..6 => Expr::Number("3"),
            6 => Expr::Number("0"),
            7 if !scope.is_empty() => Expr::Integer(Sub::letter(scope[self.dice.below(scope.len())].letter)),
            8 => {
                let safe = Expr::Sum(vec![(true, Expr::Number("1")), (true, square(base))]);
                let exponent = [Expr::Number("0.5"), Expr::Number("1.5"), self.leaf(scope)];
                let exponent = exponent[self.dice.below(3)].clone();
                return Expr::Power(Box::new(safe), Box::new(exponent));
            }
            _ => Expr::Number("0.5"),
        };
        Expr::Power(Box::new(base), Box::new(exponent))
    }

    fn call(&mut self, scope: &[Binder], budget: usize) -> Expr {
        use Call::{
            Abs, Acos, Asin, Atan, Cos, Cosh, Erf, Exp, Gelu, Log, Relu, Sigmoid, Sign, Silu, Sin, Sinh, Softplus,
        };
        use Call::{Sqrt, Stop, Tan, Tanh};
        let tame = [Tanh, Sigmoid, Relu, Softplus, Gelu, Silu, Sin, Cos, Erf, Atan, Abs, Sign, Stop, Tanh, Relu];
        let wild = [Exp, Log, Sqrt, Tan, Asin, Acos, Sinh, Cosh];
        let inner = self.expr(scope, budget);
        if self.dice.chance(65) {
            return Expr::Call(tame[self.dice.below(tame.len())], vec![inner]);
        }
        let call = wild[self.dice.below(wild.len())];
        let raw = self.dice.chance(20);
        let inner = match call {
            _ if raw => inner,
            Log | Sqrt => Expr::Sum(vec![(true, Expr::Number("1.5")), (true, square(inner))]),
            Asin | Acos => Expr::Product(vec![Expr::Number("0.5"), Expr::Call(Sin, vec![inner])]),
            _ => Expr::Product(vec![Expr::Number("0.5"), Expr::Call(Tanh, vec![inner])]),
        };
        Expr::Call(call, vec![inner])
    }

    fn reduction(&mut self, scope: &[Binder], budget: usize) -> Expr {
        use Reduce::{LogSumExp, Max, Mean, Min, Prod, Sum};
        let kinds = [Sum, Sum, Mean, Prod, Max, Max, Min, LogSumExp];
        let count = [1, 1, 1, 2, 2, 3][self.dice.below(6)];
        let binders = self.binders(scope, count);
        let inner = [scope, &binders].concat();
        let body = self.expr(&inner, budget);
        Expr::Reduce(kinds[self.dice.below(kinds.len())], binders, Box::new(body), false)
    }

    /// A sum by convention over an index that two or more reads share.
    fn contraction(&mut self, scope: &[Binder]) -> Expr {
        let axes: Vec<usize> = (self.tensors.iter())
            .filter(|tensor| !matches!(tensor.kind, Kind::Tokens(_)))
            .flat_map(|tensor| tensor.shape.clone())
            .collect();
        if axes.is_empty() {
            return self.leaf(scope);
        }
        let count = 1 + usize::from(self.dice.chance(25));
        let extents: Vec<usize> = (0..count).map(|_| axes[self.dice.below(axes.len())]).collect();
        let binders: Vec<Binder> = extents.iter().map(|extent| self.binder(*extent)).collect();
        let inner = [scope, &binders].concat();
        if inner.iter().map(|binder| binder.extent).product::<usize>() > MOST_WORK {
            return self.leaf(scope);
        }
        let factors = 2 + usize::from(self.dice.chance(35));
        let body = (0..factors).map(|_| self.read_of(&inner, &binders)).collect();
        Expr::Reduce(Reduce::Sum, binders, Box::new(Expr::Product(body)), true)
    }

    fn row(&mut self, scope: &[Binder], budget: usize) -> Expr {
        if scope.is_empty() {
            return self.leaf(scope);
        }
        let at = scope[self.dice.below(scope.len())];
        let binder = self.binder(at.extent);
        let inner: Vec<Binder> = scope.iter().filter(|own| **own != at).copied().chain([binder]).collect();
        let body = self.expr(&inner, budget);
        let row = if self.dice.chance(65) { Row::Softmax } else { Row::LogSoftmax };
        let spelling = [Spelling::Call, Spelling::Quotient, Spelling::Shifted][self.dice.below(3)];
        Expr::Row(row, at.letter, binder, Box::new(body), spelling)
    }

    fn leaf(&mut self, scope: &[Binder]) -> Expr {
        const NUMBERS: [&str; 8] = ["1", "2", "0.5", "0.1", "3", "pi", "0.25", "7"];
        match self.dice.below(20) {
            0 => Expr::Number(NUMBERS[self.dice.below(NUMBERS.len())]),
            1 if !scope.is_empty() => Expr::Integer(self.raw(scope, 2)),
            2 if !scope.is_empty() => Expr::Mask(self.integers(scope), Box::new(Expr::Number("1"))),
            _ => self.read(scope),
        }
    }

    fn condition(&mut self, scope: &[Binder]) -> Condition {
        let one = |generator: &mut Generator| match generator.dice.below(10) {
            0..5 if !scope.is_empty() => generator.integers(scope),
            _ => {
                let compare = generator.compare();
                let (a, b) = (generator.expr(scope, 2), generator.leaf(scope));
                Condition::Values(compare, Box::new(a), Box::new(b))
            }
        };
        let first = one(self);
        match self.dice.below(8) {
            0 => Condition::Not(Box::new(first)),
            1 => Condition::And(Box::new(first), Box::new(one(self))),
            2 => Condition::Or(Box::new(first), Box::new(one(self))),
            _ => first,
        }
    }

    fn compare(&mut self) -> Compare {
        use Compare::{AtLeast, AtMost, Differs, Equal, Greater, Less};
        [Less, AtMost, Equal, Differs, AtLeast, Greater][self.dice.below(6)]
    }

    fn integers(&mut self, scope: &[Binder]) -> Condition {
        let compare = self.compare();
        let a = self.raw(scope, 1);
        let b = match self.dice.below(3) {
            0 => self.raw(scope, 1),
            1 => Sub::letter(scope[self.dice.below(scope.len())].letter),
            _ => Sub::constant(self.dice.below(4) as i64),
        };
        Condition::Integers(compare, a, b)
    }
}

fn square(of: Expr) -> Expr {
    Expr::Power(Box::new(of), Box::new(Expr::Number("2")))
}
