//! Plans as text: one line for every operation.

use super::operation::{Access, Axis, Binary, Instruction, Loop, Operation, Product, Scatter, Unary, Walk};
use super::{Place, PlaceKind, Plan};
use crate::term::Comparison;
use std::fmt::{self, Display, Formatter};

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, operation) in self.operations.iter().enumerate() {
            if let Operation::Repeat(repeat) = operation {
                let order = if repeat.backward { ", the last first" } else { "" };
                writeln!(f, "{number:3}  repeat   for {} steps{order}:", repeat.steps)?;
                for inner in &repeat.operations {
                    writeln!(f, "       {}  ({})", self.line(inner), self.effort(inner))?;
                }
                continue;
            }
            writeln!(f, "{number:3}  {}  ({})", self.line(operation), self.effort(operation))?;
        }
        let all: usize = self.places.iter().map(Place::len).sum();
        let given: usize = self.places.iter().filter(|place| place.kind == PlaceKind::Given).map(Place::len).sum();
        let flops: f64 = self.operations.iter().map(Operation::flops).sum();
        writeln!(f, "{} examples, {} operations, {} flops", self.batch, self.operations.len(), count(flops))?;
        writeln!(
            f,
            "arena {} bytes ({} of them given); all values side by side {} bytes",
            count(4.0 * self.arena as f64),
            count(4.0 * given as f64),
            count(4.0 * all as f64)
        )
    }
}

/// A number with at most four digits before its unit.
fn count(number: f64) -> String {
    match number {
        _ if number < 1e4 => format!("{number}"),
        _ if number < 1e7 => format!("{:.1} k", number / 1e3),
        _ if number < 1e10 => format!("{:.1} M", number / 1e6),
        _ => format!("{:.1} G", number / 1e9),
    }
}

impl Plan {
    /// An operation as one line of text.
    pub fn line(&self, operation: &Operation) -> String {
        match operation {
            Operation::Product(product) => self.product(product),
            Operation::Guarded(guarded) => self.product(&guarded.product) + ", or else a loop",
            Operation::Walk(walk) => self.walk(walk),
            Operation::Scatter(scatter) => self.scatter(scatter),
            Operation::Repeat(repeat) => format!("repeat   {} operations", repeat.operations.len()),
        }
    }

    fn effort(&self, operation: &Operation) -> String {
        let mut places: Vec<usize> = operation.sources();
        places.sort_unstable();
        places.dedup();
        places.extend(operation.targets());
        let bytes: usize = places.iter().map(|&place| 4 * self.places[place].len()).sum();
        format!("{} flops, {} bytes", count(operation.flops()), count(bytes as f64))
    }

    fn name(&self, place: usize) -> String {
        let place = &self.places[place];
        let shape: Vec<String> = place.shape.iter().map(usize::to_string).collect();
        if shape.is_empty() { place.name.to_string() } else { format!("{}[{}]", place.name, shape.join(",")) }
    }

    fn product(&self, product: &Product) -> String {
        let [left, right, target] = product.places.map(|place| self.name(place));
        let operator = if product.descends { "-= rate *" } else { "=" };
        let scale = if product.scale == 1.0 { String::new() } else { format!("{} ", product.scale) };
        let sizes: Vec<String> = ["batch", "rows", "columns", "inner"]
            .iter()
            .zip(product.groups())
            .filter(|(name, axes)| **name != "batch" || !axes.is_empty())
            .map(|(name, axes)| format!("{name} {}", group(axes)))
            .collect();
        let symmetric = if product.symmetric { ", symmetric" } else { "" };
        let weights = product.weights.map(|place| self.name(place) + " ").unwrap_or_default();
        let diagonal = match product.diagonal {
            0.0 => String::new(),
            number => format!(" + {number} on the diagonal"),
        };
        let factors = format!("{scale}{weights}{left} {right}{diagonal}");
        let results = self.ended(product, factors);
        format!("product  {target} {operator} {results}  [{}{symmetric}]", sizes.join(", "))
    }

    /// Products with what is done with their results.
    fn ended(&self, product: &Product, mut results: String) -> String {
        let name = |place: usize| &self.places[place].name;
        if let Some(bias) = product.ending.bias {
            results = format!("({results} + {})", name(bias.place));
        }
        if product.ending.rectifies {
            results = match product.ending.bias {
                Some(_) => format!("relu{results}"),
                None => format!("relu({results})"),
            };
        }
        match product.ending.positive {
            Some(place) => format!("where([{} > 0], {results}, 0)", name(place)),
            None => results,
        }
    }

    fn walk(&self, walk: &Walk) -> String {
        let values = self.program(&walk.program, &walk.reads, None);
        let last = values.last().cloned().unwrap_or_default();
        let (values, word) = match walk.reduction {
            Some(reduction) => {
                let letters: String =
                    walk.loops.iter().filter(|range| range.reduced).map(|range| &*range.letters).collect();
                let reduced = format!("{}[{letters}] {last}", reduction.name());
                (self.program(&walk.ending, &walk.reads, Some(reduced)), "reduce ")
            }
            None => (values, "map    "),
        };
        let stores: Vec<String> = walk
            .stores
            .iter()
            .map(|store| format!("{} = {}", self.name(store.access.place), values[store.value]))
            .collect();
        let loops: Vec<String> = walk.loops.iter().map(range).collect();
        format!("{word}  {}  [{}]", stores.join("; "), loops.join(", "))
    }

    fn scatter(&self, scatter: &Scatter) -> String {
        let keys: Vec<String> = scatter.keys.iter().map(|key| self.name(key.read.place)).collect();
        let loops: Vec<String> = scatter.loops.iter().map(range).collect();
        let (target, source) = (self.name(scatter.target.place), self.name(scatter.source.place));
        format!("scatter  {target} at {} += {source}  [{}]", keys.join(", "), loops.join(", "))
    }

    /// The values of a program as formulas; long ones cut short.
    fn program(&self, program: &[Instruction], reads: &[Access], reduced: Option<String>) -> Vec<String> {
        let mut values: Vec<String> = Vec::new();
        for instruction in program {
            let text = match instruction {
                Instruction::Reduced => reduced.clone().unwrap_or_default(),
                Instruction::Constant(value) => format!("{value}"),
                Instruction::Rate => "rate".into(),
                Instruction::Read(read) => self.places[reads[*read].place].name.to_string(),
                Instruction::Gather { read, subscripts } => {
                    let at: Vec<&str> = subscripts.iter().map(|(_, value)| &*values[*value]).collect();
                    format!("{}[{}]", self.places[reads[*read].place].name, at.join(", "))
                }
                Instruction::Position { .. } => "position".into(),
                Instruction::Unary(function, a) => unary(*function, &values[*a]),
                Instruction::Binary(function, a, b) => binary(*function, &values[*a], &values[*b]),
                Instruction::Compare(comparison, a, b) => {
                    format!("[{} {} {}]", values[*a], symbol(*comparison), values[*b])
                }
                Instruction::Select(a, b, c) => format!("where({}, {}, {})", values[*a], values[*b], values[*c]),
            };
            values.push(shortened(text));
        }
        values
    }
}

fn shortened(text: String) -> String {
    if text.chars().count() <= 160 {
        return text;
    }
    let start: String = text.chars().take(150).collect();
    format!("{start}…")
}

fn group(axes: &[Axis]) -> String {
    let axes: Vec<String> = axes.iter().map(|axis| format!("{}:{}", axis.letters, axis.extent)).collect();
    if axes.is_empty() { "1".into() } else { axes.join(" ") }
}

fn range(range: &Loop) -> String {
    format!("{}{}:{}", if range.reduced { "over " } else { "" }, range.letters, range.extent)
}

fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterEqual => ">=",
    }
}

fn unary(function: Unary, a: &str) -> String {
    match function {
        Unary::Negative => format!("-{a}"),
        Unary::Inverse => format!("1/{a}"),
        Unary::Square => format!("{a}^2"),
        Unary::HalfPower => format!("{a}^(1/2)"),
        Unary::InverseRoot => format!("{a}^(-1/2)"),
        Unary::Not => format!("not {a}"),
        Unary::Call(function) => format!("{}({a})", function.name()),
    }
}

fn binary(function: Binary, a: &str, b: &str) -> String {
    match function {
        Binary::Add => format!("({a} + {b})"),
        Binary::Subtract => format!("({a} - {b})"),
        Binary::Multiply => format!("{a} {b}"),
        Binary::Divide => format!("({a} / {b})"),
        Binary::Power => format!("{a}^{b}"),
        Binary::And => format!("({a} and {b})"),
        Binary::Or => format!("({a} or {b})"),
        Binary::Max => format!("max({a}, {b})"),
        Binary::Min => format!("min({a}, {b})"),
        Binary::Modulo => format!("mod({a}, {b})"),
    }
}
