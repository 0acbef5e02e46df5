//! Programs as text.

use super::grammar::{Binder, Call, Compare, Condition, Equation, Expr, Kind, Outside, Program, Read, Reduce, Row};
use super::grammar::{Spelling, Sub};
use super::templates;
use std::collections::BTreeSet;

const LETTERS: [&str; 12] = ["i", "j", "k", "l", "m", "n", "q", "r", "s", "t", "u", "v"];

/// How tightly an expression holds together.
const SUM: usize = 0;
const PRODUCT: usize = 1;
const FACTOR: usize = 2;
const POWER: usize = 3;
const ATOM: usize = 4;

struct Printer<'a> {
    program: &'a Program,
    /// The indices in scope and their letters.
    scope: Vec<(usize, String)>,
    /// Whether all sums are written out.
    explicit: bool,
    /// What the equation defines: its own reads tell no range.
    defined: String,
}

/// The text of a program.
pub fn program(program: &Program) -> String {
    let mut text = String::new();
    for tensor in &program.tensors {
        let extents: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
        let shape = if extents.is_empty() { String::new() } else { format!("[{}]", extents.join(",")) };
        let (word, rest) = match tensor.kind {
            Kind::Param => ("param ", " ~ normal(0, 1)".to_string()),
            Kind::Input => ("input ", String::new()),
            Kind::Target => ("target", String::new()),
            Kind::Const => ("const ", String::new()),
            Kind::Tokens(below) => ("input ", format!(" int({below})")),
        };
        text += &format!("{word} {}{shape}{rest}\n", tensor.name);
    }
    let mut used = BTreeSet::new();
    for equation in &program.equations {
        for expr in [Some(&equation.body), equation.boundary.as_ref()].into_iter().flatten() {
            expr.clone().each(&mut |expr| {
                if let Expr::Apply(number, _) = expr {
                    used.insert(*number);
                    used.extend(templates::function(*number).calls);
                }
            });
        }
    }
    used.iter().for_each(|number| text += &format!("{}\n", templates::function(*number).text));
    for equation in &program.equations {
        text +=
            &Printer { program, scope: Vec::new(), explicit: false, defined: equation.name.clone() }.equation(equation);
    }
    text
}

impl Printer<'_> {
    fn equation(&mut self, equation: &Equation) -> String {
        let mut text = String::new();
        for binder in &equation.left {
            self.enter(*binder);
        }
        if let Some(boundary) = &equation.boundary {
            let rest = equation.left[1..].iter().map(|binder| format!(",{}", self.letter(binder.letter)));
            let first = self.letter(equation.left[0].letter);
            let rest: String = rest.collect();
            text += &format!("{}[{first}:-1{rest}] = {}\n", equation.name, self.expr(boundary, SUM));
        }
        let left: Vec<String> =
            (equation.left.iter())
                .map(|binder| {
                    if self.omits(*binder, &equation.body) { self.letter(binder.letter) } else { self.ranged(*binder) }
                })
                .collect();
        let left = if left.is_empty() { String::new() } else { format!("[{}]", left.join(", ")) };
        text += &format!("{}{left} = {}\n", equation.name, self.expr(&equation.body, SUM));
        text
    }

    fn ranged(&self, binder: Binder) -> String {
        format!("{}:{}", self.letter(binder.letter), binder.extent)
    }

    fn letter(&self, letter: usize) -> String {
        let found = self.scope.iter().rev().find(|(own, _)| *own == letter);
        found.map_or_else(|| format!("?{letter}"), |(_, name)| name.clone())
    }

    /// Gives an index a letter that nothing around has.
    fn enter(&mut self, binder: Binder) {
        let start = binder.letter * 5 % LETTERS.len();
        let names = (0..LETTERS.len()).map(|step| LETTERS[(start + step) % LETTERS.len()].to_string());
        let fresh = names.chain((1..).map(|number| format!("i{number}")));
        let name = fresh.into_iter().find(|name| self.scope.iter().all(|(_, used)| used != name)).expect("a letter");
        self.scope.push((binder.letter, name));
    }

    /// Whether the range of an index is not written, since a read tells it.
    fn omits(&self, binder: Binder, body: &Expr) -> bool {
        binder.letter % 5 < 2 && self.tells(binder, body)
    }

    /// Whether a read outside of all conditions tells the range, and no other says another one.
    fn tells(&self, binder: Binder, body: &Expr) -> bool {
        let mut told = false;
        let mut agrees = true;
        let letters = same_letters(binder.letter, body);
        self.reads(body, false, &mut |read, guarded| {
            let shape = self.program.shape(&read.tensor).unwrap_or_default();
            for (sub, extent) in read.subs.iter().zip(shape) {
                let alone = matches!(read.outside, Outside::Never)
                    && read.tensor != self.defined
                    && sub.as_letter() == Some(binder.letter);
                told |= alone && !guarded && extent == binder.extent;
                for letter in &letters {
                    let is_letter = alone || (matches!(read.outside, Outside::Never) && is_letter(sub, *letter));
                    agrees &= !is_letter || extent == binder.extent;
                    agrees &= self.tokens_agree(sub, Binder { letter: *letter, ..binder });
                }
            }
        });
        told && agrees
    }

    /// Whether no token that is a subscript is read along another extent.
    fn tokens_agree(&self, sub: &Sub, binder: Binder) -> bool {
        match sub {
            Sub::Affine(..) | Sub::Place(..) => true,
            Sub::Floor(a, _) | Sub::Mod(a, _) => self.tokens_agree(a, binder),
            Sub::Plus(_, a, b) => self.tokens_agree(a, binder) && self.tokens_agree(b, binder),
            Sub::Token(name, subs) => {
                let shape = self.program.shape(name).unwrap_or_default();
                let fits = |(sub, extent): (&Sub, usize)| !is_letter(sub, binder.letter) || extent == binder.extent;
                subs.iter().zip(shape).all(fits) && subs.iter().all(|sub| self.tokens_agree(sub, binder))
            }
        }
    }

    fn reads(&self, expr: &Expr, guarded: bool, found: &mut dyn FnMut(&Read, bool)) {
        let mut copy = expr.clone();
        if let Expr::Read(read) = expr {
            found(read, guarded);
        }
        // What stands in subscripts and conditions tells as little as what is guarded by them.
        let guards =
            matches!(expr, Expr::Mask(..) | Expr::Where(..) | Expr::Read(_) | Expr::Integer(_) | Expr::Row(..));
        copy.parts().into_iter().for_each(|part| self.reads(part, guarded || guards, found));
    }

    fn expr(&mut self, expr: &Expr, level: usize) -> String {
        let (text, own) = self.plain(expr);
        if own < level { format!("({text})") } else { text }
    }

    /// The text and how tightly it holds together.
    fn plain(&mut self, expr: &Expr) -> (String, usize) {
        match expr {
            Expr::Number(text) => (text.to_string(), ATOM),
            Expr::Integer(sub) => match sub.as_letter() {
                Some(letter) => (self.letter(letter), ATOM),
                None => (format!("({})", self.sub(sub)), ATOM),
            },
            Expr::Read(read) => (self.read(read), ATOM),
            Expr::Sum(addends) => (self.sum(addends), SUM),
            Expr::Product(factors) => (self.product(factors), PRODUCT),
            Expr::Quotient(a, b) => (format!("{} / {}", self.expr(a, FACTOR), self.expr(b, POWER)), PRODUCT),
            Expr::Negative(a) => (format!("-{}", self.expr(a, FACTOR)), PRODUCT),
            Expr::Power(a, b) => (format!("{}^{}", self.expr(a, ATOM), self.expr(b, ATOM)), POWER),
            Expr::Call(call, arguments) => {
                let arguments: Vec<String> = arguments.iter().map(|argument| self.expr(argument, SUM)).collect();
                (format!("{}({})", word(*call), arguments.join(", ")), ATOM)
            }
            Expr::Mask(condition, a) => (format!("{} * {}", self.bracket(condition), self.expr(a, FACTOR)), PRODUCT),
            Expr::Where(condition, a, b) => {
                let (condition, a, b) = (self.condition(condition, 0), self.expr(a, SUM), self.expr(b, SUM));
                (format!("where({condition}, {a}, {b})"), ATOM)
            }
            Expr::Reduce(reduce, binders, body, implicit) => self.reduce(*reduce, binders, body, *implicit),
            Expr::Row(row, at, binder, body, spelling) => self.row(*row, *at, *binder, body, *spelling),
            Expr::Apply(number, arguments) => {
                let arguments: Vec<String> = arguments.iter().map(|argument| self.expr(argument, SUM)).collect();
                (format!("{}({})", templates::function(*number).name, arguments.join(", ")), ATOM)
            }
            Expr::Argument(number) => (["u", "v"][*number].to_string(), ATOM),
        }
    }

    fn sum(&mut self, addends: &[(bool, Expr)]) -> String {
        let mut text = String::new();
        for (place, (plus, addend)) in addends.iter().enumerate() {
            text += match (place, plus) {
                (0, true) => "",
                (0, false) => "-",
                (_, true) => " + ",
                (_, false) => " - ",
            };
            text += &self.expr(addend, if *plus && place == 0 { PRODUCT } else { FACTOR });
        }
        text
    }

    fn product(&mut self, factors: &[Expr]) -> String {
        let mut text = String::new();
        for (place, factor) in factors.iter().enumerate() {
            let own = self.expr(factor, FACTOR);
            let joins = own.starts_with(|first: char| first.is_alphabetic()) && (place + own.len()).is_multiple_of(2);
            text += if place == 0 {
                ""
            } else if joins {
                " "
            } else {
                " * "
            };
            text += &own;
        }
        text
    }

    fn reduce(&mut self, reduce: Reduce, binders: &[Binder], body: &Expr, implicit: bool) -> (String, usize) {
        let depth = self.scope.len();
        if implicit && !self.explicit && self.is_convention(binders, body) {
            binders.iter().for_each(|binder| self.scope.push((binder.letter, format!("d{}", binder.letter))));
            let text = self.expr(body, PRODUCT);
            self.scope.truncate(depth);
            return (format!("({text})"), ATOM);
        }
        binders.iter().for_each(|binder| self.enter(*binder));
        let own: Vec<String> = (binders.iter())
            .map(|binder| if self.omits(*binder, body) { self.letter(binder.letter) } else { self.ranged(*binder) })
            .collect();
        let word = match reduce {
            Reduce::Sum => "sum",
            Reduce::Mean => "mean",
            Reduce::Prod => "prod",
            Reduce::Max => "max",
            Reduce::Min => "min",
            Reduce::LogSumExp => "logsumexp",
        };
        let text = format!("{word}[{}] {}", own.join(","), self.expr(body, FACTOR));
        self.scope.truncate(depth);
        (text, PRODUCT)
    }

    /// Whether each of the indices stands in two factors, and alone in a subscript that tells its range.
    fn is_convention(&self, binders: &[Binder], body: &Expr) -> bool {
        let Expr::Product(factors) = body else { return false };
        let only_reads =
            factors.iter().all(|factor| matches!(factor, Expr::Read(_) | Expr::Number(_) | Expr::Call(..)));
        only_reads
            && binders.iter().all(|binder| !has_inner_product(factors, binder.letter))
            && binders.iter().all(|binder| {
                let having = factors.iter().filter(|factor| {
                    let mut has = false;
                    self.reads(factor, false, &mut |read, _| {
                        has |= read.subs.iter().any(|sub| mentions(sub, binder.letter));
                    });
                    has
                });
                having.count() > 1 && self.tells(*binder, body)
            })
    }

    fn row(&mut self, row: Row, at: usize, binder: Binder, body: &Expr, spelling: Spelling) -> (String, usize) {
        let explicit = std::mem::replace(&mut self.explicit, true);
        let depth = self.scope.len();
        let letter = self.letter(at);
        // The body at the index where the row is read.
        self.scope.push((binder.letter, letter.clone()));
        let own = self.expr(body, SUM);
        self.scope.truncate(depth);
        self.enter(binder);
        let (other, ranged) = (self.expr(body, SUM), self.ranged(binder));
        let (sum, shift) = (format!("sum[{ranged}]"), format!("(max[{ranged}] ({other}))"));
        self.scope.truncate(depth);
        self.explicit = explicit;
        // A call takes its range from the argument.
        let spelling =
            if spelling == Spelling::Call && !self.tells(binder, body) { Spelling::Quotient } else { spelling };
        match (row, spelling) {
            (Row::Softmax, Spelling::Call) => (format!("softmax[{letter}]({own})"), ATOM),
            (Row::LogSoftmax, Spelling::Call) => (format!("logsoftmax[{letter}]({own})"), ATOM),
            (Row::Softmax, Spelling::Quotient) => (format!("exp({own}) / ({sum} exp({other}))"), PRODUCT),
            (Row::LogSoftmax, Spelling::Quotient) => (format!("({own}) - logsumexp[{ranged}] ({other})"), SUM),
            (Row::Softmax, Spelling::Shifted) => {
                let shifted = |text: &str| format!("exp(({text}) - {shift})");
                (format!("{} / ({sum} {})", shifted(&own), shifted(&other)), PRODUCT)
            }
            (Row::LogSoftmax, Spelling::Shifted) => (format!("log(exp({own}) / ({sum} exp({other})))"), ATOM),
        }
    }

    fn read(&mut self, read: &Read) -> String {
        let subs: Vec<String> = read.subs.iter().map(|sub| self.sub(sub)).collect();
        let subs = if subs.is_empty() { String::new() } else { format!("[{}]", subs.join(", ")) };
        match &read.outside {
            Outside::Never => format!("{}{subs}", read.tensor),
            Outside::Zero => format!("pad({}){subs}", read.tensor),
            Outside::Value(value) => format!("pad({}, {}){subs}", read.tensor, self.expr(value, SUM)),
        }
    }

    fn sub(&mut self, sub: &Sub) -> String {
        match sub {
            Sub::Affine(terms, constant) => {
                let mut text = String::new();
                for (factor, letter) in terms {
                    let sign = if *factor < 0 {
                        "-"
                    } else if text.is_empty() {
                        ""
                    } else {
                        "+"
                    };
                    let size = factor.abs();
                    let times = if size == 1 { String::new() } else { format!("{size}*") };
                    text += &format!("{sign}{times}{}", self.letter(*letter));
                }
                if *constant != 0 || text.is_empty() {
                    text +=
                        &if *constant < 0 || text.is_empty() { format!("{constant}") } else { format!("+{constant}") };
                }
                text
            }
            Sub::Floor(a, by) => format!("floor(({})/{by})", self.sub(a)),
            Sub::Mod(a, by) => format!("(({}) mod {by})", self.sub(a)),
            Sub::Plus(1, a, b) => format!("{}+({})", self.sub(a), self.sub(b)),
            Sub::Plus(factor, a, b) => format!("{factor}*({})+({})", self.sub(a), self.sub(b)),
            Sub::Token(tensor, subs) => {
                let subs: Vec<String> = subs.iter().map(|sub| self.sub(sub)).collect();
                if subs.is_empty() { tensor.clone() } else { format!("{tensor}[{}]", subs.join(",")) }
            }
            Sub::Place(greatest, binder, body) => {
                let depth = self.scope.len();
                let explicit = std::mem::replace(&mut self.explicit, true);
                self.enter(*binder);
                let word = if *greatest { "argmax" } else { "argmin" };
                let text = format!("{word}[{}] ({})", self.ranged(*binder), self.expr(body, SUM));
                self.explicit = explicit;
                self.scope.truncate(depth);
                text
            }
        }
    }

    fn bracket(&mut self, condition: &Condition) -> String {
        if let Condition::Integers(Compare::Equal, a, b) = condition
            && let (Some(a), Some(b)) = (a.as_letter(), b.as_letter())
        {
            return format!("delta[{}, {}]", self.letter(a), self.letter(b));
        }
        format!("[{}]", self.condition(condition, 0))
    }

    fn condition(&mut self, condition: &Condition, level: usize) -> String {
        let (text, own) = match condition {
            Condition::Integers(compare, a, b) => (format!("{} {} {}", self.sub(a), sign(*compare), self.sub(b)), 3),
            Condition::Values(compare, a, b) => {
                (format!("{} {} {}", self.expr(a, PRODUCT), sign(*compare), self.expr(b, PRODUCT)), 3)
            }
            Condition::Not(a) => (format!("not ({})", self.condition(a, 0)), 2),
            Condition::And(a, b) => (format!("{} and {}", self.condition(a, 2), self.condition(b, 2)), 1),
            Condition::Or(a, b) => (format!("{} or {}", self.condition(a, 2), self.condition(b, 2)), 1),
        };
        if own < level { format!("({text})") } else { text }
    }
}

/// The letters that are written as this one: that of a row is where the row is read.
fn same_letters(letter: usize, body: &Expr) -> Vec<usize> {
    let mut letters = vec![letter];
    body.clone().each(&mut |expr| {
        if let Expr::Row(_, at, binder, ..) = expr
            && letters.contains(at)
        {
            letters.push(binder.letter);
        }
    });
    letters
}

/// Whether an index stands in a product inside of a factor, where it would be summed if two factors have it: in an
/// argument, or in what is compared in a subscript.
fn has_inner_product(factors: &[Expr], letter: usize) -> bool {
    let mut found = false;
    for factor in factors {
        factor.clone().each(&mut |expr| {
            let is_product = matches!(expr, Expr::Product(_) | Expr::Quotient(..) | Expr::Mask(..));
            found |= is_product && has_letter(expr, letter);
        });
    }
    found
}

/// Whether an integer is this index, also by a detour: `floor((2*i)/2)`.
fn is_letter(sub: &Sub, letter: usize) -> bool {
    let holds =
        |others: i64| (0..8).all(|value| sub.value(&|own| if own == letter { value } else { others }) == Some(value));
    [0, 3, 7].into_iter().all(holds)
}

/// Whether an index stands in an expression.
pub fn has_letter(expr: &Expr, letter: usize) -> bool {
    let mut found = false;
    expr.clone().each(&mut |expr| {
        found |= match expr {
            Expr::Read(read) => read.subs.iter().any(|sub| mentions(sub, letter)),
            Expr::Integer(sub) => mentions(sub, letter),
            Expr::Mask(condition, _) | Expr::Where(condition, ..) => decided_by(condition, letter),
            Expr::Row(_, at, ..) => *at == letter,
            _ => false,
        };
    });
    found
}

fn decided_by(condition: &Condition, letter: usize) -> bool {
    match condition {
        Condition::Integers(_, a, b) => mentions(a, letter) || mentions(b, letter),
        Condition::Values(..) => false,
        Condition::And(a, b) | Condition::Or(a, b) => decided_by(a, letter) || decided_by(b, letter),
        Condition::Not(a) => decided_by(a, letter),
    }
}

/// Whether an index stands in a subscript.
fn mentions(sub: &Sub, letter: usize) -> bool {
    match sub {
        Sub::Affine(terms, _) => terms.iter().any(|(_, own)| *own == letter),
        Sub::Floor(a, _) | Sub::Mod(a, _) => mentions(a, letter),
        Sub::Plus(_, a, b) => mentions(a, letter) || mentions(b, letter),
        Sub::Token(_, subs) => subs.iter().any(|sub| mentions(sub, letter)),
        Sub::Place(..) => false,
    }
}

fn sign(compare: Compare) -> &'static str {
    match compare {
        Compare::Less => "<",
        Compare::AtMost => "<=",
        Compare::Equal => "=",
        Compare::Differs => "!=",
        Compare::AtLeast => ">=",
        Compare::Greater => ">",
    }
}

fn word(call: Call) -> &'static str {
    match call {
        Call::Exp => "exp",
        Call::Log => "log",
        Call::Sqrt => "sqrt",
        Call::Abs => "abs",
        Call::Sign => "sign",
        Call::Sin => "sin",
        Call::Cos => "cos",
        Call::Tan => "tan",
        Call::Asin => "asin",
        Call::Acos => "acos",
        Call::Atan => "atan",
        Call::Sinh => "sinh",
        Call::Cosh => "cosh",
        Call::Tanh => "tanh",
        Call::Erf => "erf",
        Call::Sigmoid => "sigmoid",
        Call::Relu => "relu",
        Call::Softplus => "softplus",
        Call::Gelu => "gelu",
        Call::Silu => "silu",
        Call::Max => "max",
        Call::Min => "min",
        Call::Stop => "stop",
    }
}
