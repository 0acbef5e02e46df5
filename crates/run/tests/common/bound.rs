//! Running error analysis: values together with a bound on the error that single precision may
//! make of them, whatever the order of a sum (after J. H. Wilkinson, *Rounding Errors in Algebraic
//! Processes*, 1963). It follows the definitions of a model, as the fast path does.

use deltarule_core::meaning::{Array, Point, evaluate};
use deltarule_core::model::{Definition, Model, Role, Sizing, Tensor};
use deltarule_core::term::{Affine, Comparison, Connective, Function, Name, Node, Reduction, Slot, Term};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Half a unit in the last place of single precision.
const UNIT: f64 = 5.960_464_477_539_063e-8;
/// Results below this lose digits to underflow.
const UNDERFLOW: f64 = 1e-37;

/// A value and how far the computed one may be off; infinite where a branch may go the other way.
#[derive(Debug, Clone, Copy)]
pub struct Bounded {
    pub value: f64,
    pub error: f64,
}

fn exact(value: f64) -> Bounded {
    Bounded { value, error: 0.0 }
}

fn rounded(value: f64, error: f64, units: f64) -> Bounded {
    Bounded { value, error: error + units * UNIT * (value.abs() + error) + UNDERFLOW }
}

/// A number as single precision has it.
fn single(value: f64) -> Bounded {
    if value as f32 as f64 == value { exact(value) } else { rounded(value, 0.0, 1.0) }
}

/// Values of tensors of one example.
pub type Tensors = BTreeMap<Name, (Vec<usize>, Vec<Bounded>)>;

/// A tensor whose entries are computed when they are first read, so that one may read its own earlier
/// steps.
struct Lazy<'a> {
    shape: &'a [usize],
    definition: Option<&'a Definition>,
    values: RefCell<Vec<Option<Bounded>>>,
}

type Entries<'a> = BTreeMap<&'a str, Lazy<'a>>;

/// The given values, rounded to single precision, and all definitions of the model.
pub fn bounded(model: &Model, point: &Point) -> Tensors {
    let mut entries = Entries::new();
    for tensor in &model.tensors {
        let (definition, values) = match &tensor.role {
            Role::Defined(definition) => (Some(definition), vec![None; tensor.len()]),
            Role::Const(Some(number)) => (None, vec![Some(single(number.value()))]),
            Role::Const(None) | Role::Input { .. } | Role::Target(_) | Role::Param(_) => {
                (None, point[&tensor.name].values.iter().map(|value| Some(exact(*value))).collect())
            }
        };
        entries.insert(&tensor.name, Lazy { shape: &tensor.shape, definition, values: RefCell::new(values) });
    }
    let whole = |tensor: &Tensor| {
        let values = positions(&tensor.shape).iter().map(|at| entry(&entries, &tensor.name, at)).collect();
        (tensor.name.clone(), (tensor.shape.clone(), values))
    };
    model.tensors.iter().map(whole).collect()
}

fn entry(entries: &Entries, tensor: &str, at: &[usize]) -> Bounded {
    let lazy = &entries[tensor];
    if at.iter().zip(lazy.shape).any(|(at, extent)| at >= extent) {
        // Another condition of the same product is false, or else the model has no value here.
        return Bounded { value: f64::NAN, error: f64::INFINITY };
    }
    let place = at.iter().zip(lazy.shape).fold(0, |offset, (at, extent)| offset * extent + at);
    let known = lazy.values.borrow()[place];
    known.unwrap_or_else(|| {
        let definition = lazy.definition.expect("a given value");
        let free = definition.indices.iter().zip(at).map(|(index, value)| (index.id, *value)).collect();
        let value = Scope { entries, free, bound: Vec::new() }.value(&definition.body);
        lazy.values.borrow_mut()[place] = Some(value);
        value
    })
}

/// A subscript; below 0 it is outside, as it is above the extent.
fn position(value: f64) -> usize {
    if value >= 0.0 { value as usize } else { usize::MAX }
}

fn positions(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for &extent in shape {
        all = all.iter().flat_map(|at| (0..extent).map(move |value| [at.as_slice(), &[value]].concat())).collect();
    }
    all
}

struct Scope<'a> {
    entries: &'a Entries<'a>,
    free: Vec<(u32, usize)>,
    bound: Vec<usize>,
}

impl Scope<'_> {
    fn affine(&self, affine: &Affine) -> i64 {
        let value = |slot: &Slot| match slot {
            Slot::Free(index) => self.free.iter().find(|(id, _)| *id == index.id).expect("a value of every index").1,
            Slot::Bound(slot) => self.bound[self.bound.len() - 1 - *slot as usize],
            Slot::Size(size) => size.value,
        };
        affine.constant + affine.terms.iter().map(|(slot, factor)| factor * value(slot) as i64).sum::<i64>()
    }

    fn value(&mut self, term: &Term) -> Bounded {
        match term.node() {
            Node::Number(number) => single(number.value()),
            Node::Affine(affine) => exact(self.affine(affine) as f64),
            Node::Read { tensor, subscripts } => {
                let at: Vec<usize> = subscripts.iter().map(|subscript| position(self.value(subscript).value)).collect();
                entry(self.entries, tensor, &at)
            }
            Node::Add(addends) => sum(&addends.iter().map(|addend| self.value(addend)).collect::<Vec<_>>()),
            Node::Mul(factors) => self.product(factors),
            Node::Pow(base, exponent) => {
                let (base, exponent) = (self.value(base), self.value(exponent));
                through(&[base, exponent], 8.0 + 4.0 * exponent.value.abs(), |x| x[0].powf(x[1]))
            }
            Node::Call(function, arguments) => {
                let values: Vec<Bounded> = arguments.iter().map(|argument| self.value(argument)).collect();
                call(*function, &values)
            }
            Node::Compare(comparison, left, right) => compare(*comparison, self.value(left), self.value(right)),
            Node::Logic(connective, conditions) => {
                let values: Vec<Bounded> = conditions.iter().map(|condition| self.value(condition)).collect();
                let holds = match connective {
                    Connective::And => values.iter().all(|value| value.value != 0.0),
                    Connective::Or => values.iter().any(|value| value.value != 0.0),
                    Connective::Not => values[0].value == 0.0,
                };
                Bounded {
                    value: f64::from(u8::from(holds)),
                    error: values.iter().map(|value| value.error).fold(0.0, f64::max),
                }
            }
            Node::Where(condition, then, otherwise) => {
                let condition = self.value(condition);
                let chosen = self.value(if condition.value != 0.0 { then } else { otherwise });
                Bounded { value: chosen.value, error: chosen.error + condition.error }
            }
            Node::Reduce { reduction, binders, body } => {
                let extents: Vec<usize> = binders.iter().map(|binder| binder.extent.value()).collect();
                let around = self.bound.len();
                let row: Vec<Bounded> = positions(&extents)
                    .into_iter()
                    .map(|at| {
                        self.bound.truncate(around);
                        self.bound.extend(at.iter().rev());
                        self.value(body)
                    })
                    .collect();
                self.bound.truncate(around);
                reduce(*reduction, &row)
            }
            Node::Jacobian { .. } | Node::Derivative { .. } => panic!("a question is not computed"),
        }
    }

    fn product(&mut self, factors: &[Term]) -> Bounded {
        let mut result = exact(1.0);
        let conditions = factors.iter().filter(|factor| factor.is_condition());
        let conditions: Vec<Bounded> = conditions.map(|condition| self.value(condition)).collect();
        // One that is certainly false decides, whatever the others are.
        let mut is_false = conditions.iter().filter(|condition| condition.value == 0.0);
        if let Some(condition) = is_false.clone().find(|condition| condition.error == 0.0).or(is_false.next()) {
            return *condition;
        }
        result.error += conditions.iter().map(|condition| condition.error).sum::<f64>();
        for factor in factors.iter().filter(|factor| !factor.is_condition()) {
            let factor = self.value(factor);
            let error = result.error * (factor.value.abs() + factor.error) + result.value.abs() * factor.error;
            result = rounded(result.value * factor.value, error, 1.0);
        }
        result
    }
}

fn sum(values: &[Bounded]) -> Bounded {
    let size: f64 = values.iter().map(|value| value.value.abs() + value.error).sum();
    let error: f64 = values.iter().map(|value| value.error).sum();
    let value = values.iter().map(|value| value.value).sum();
    Bounded { value, error: error + values.len() as f64 * UNIT * size + UNDERFLOW }
}

/// A function of bounded arguments: how much it changes as they do, and its own rounding.
fn through(arguments: &[Bounded], units: f64, f: impl Fn(&[f64]) -> f64) -> Bounded {
    let centre: Vec<f64> = arguments.iter().map(|argument| argument.value).collect();
    let value = f(&centre);
    let mut error = 0.0;
    for (position, argument) in arguments.iter().enumerate() {
        let moved = |by: f64| {
            let mut moved = centre.clone();
            moved[position] += by;
            (f(&moved) - value).abs()
        };
        error += 1.5 * moved(argument.error).max(moved(-argument.error));
    }
    rounded(value, if error.is_nan() { f64::INFINITY } else { error }, units)
}

fn call(function: Function, arguments: &[Bounded]) -> Bounded {
    let empty = Model {
        tensors: Vec::new().into(),
        metrics: Vec::new(),
        assumptions: Vec::new(),
        sizes: Vec::new(),
        sizing: Sizing::default(),
        symbols: Vec::new(),
        relations: Default::default(),
        batch: None,
        claims: Vec::new(),
    };
    let names = ["a", "b"];
    let reads: Vec<Term> = names.iter().map(|name| Term::read(name, Vec::new())).collect();
    let term = match arguments.len() {
        1 => Term::call(function, reads[0].clone()),
        _ => Term::call2(function, reads[0].clone(), reads[1].clone()),
    };
    // A sum of terms of opposite sign inside a function is bounded by the size of the argument.
    let size: f64 = arguments.iter().map(|argument| argument.value.abs()).sum();
    let result = through(arguments, 8.0, |values| {
        let point: Point =
            names.iter().zip(values).map(|(name, value)| ((*name).into(), Array::scalar(*value))).collect();
        evaluate(&empty, &point, &term, &[]).unwrap_or(f64::NAN)
    });
    // Subscripts are divided as integers, without rounding.
    let divides = matches!(function, Function::Floor | Function::Mod);
    if divides && arguments.iter().all(|argument| argument.error <= 1e-5) {
        return exact(result.value);
    }
    let jumps = matches!(function, Function::Sign | Function::Floor | Function::Mod);
    let near = arguments.iter().any(|argument| argument.error > 0.0 && argument.value.abs() <= argument.error);
    match function {
        _ if jumps && near => Bounded { value: result.value, error: f64::INFINITY },
        // Rounded once inside as `x Φ(x)` and the like, relative to the argument.
        Function::Gelu | Function::Silu | Function::Erf => {
            Bounded { value: result.value, error: result.error + 8.0 * UNIT * size }
        }
        _ => result,
    }
}

fn compare(comparison: Comparison, left: Bounded, right: Bounded) -> Bounded {
    let distance = (left.value - right.value).abs();
    // Values that are equal in doubles come from the same formula, and so are equal in singles.
    let certain = distance == 0.0 || distance > 2.0 * (left.error + right.error);
    let holds = comparison.holds(left.value, right.value);
    Bounded { value: f64::from(u8::from(holds)), error: if certain { 0.0 } else { f64::INFINITY } }
}

fn reduce(reduction: Reduction, row: &[Bounded]) -> Bounded {
    let values = || row.iter().map(|entry| entry.value);
    let worst = row.iter().map(|entry| entry.error).fold(0.0, f64::max);
    let greatest = values().fold(f64::NEG_INFINITY, f64::max);
    match reduction {
        Reduction::Sum => sum(row),
        Reduction::Prod => row.iter().fold(exact(1.0), |product, factor| {
            let error = product.error * (factor.value.abs() + factor.error) + product.value.abs() * factor.error;
            rounded(product.value * factor.value, error, 1.0)
        }),
        Reduction::Max => Bounded { value: greatest, error: worst },
        Reduction::Min => Bounded { value: values().fold(f64::INFINITY, f64::min), error: worst },
        Reduction::LogSumExp => {
            let value = greatest + values().map(|value| (value - greatest).exp()).sum::<f64>().ln();
            let size = row.iter().map(|entry| entry.value.abs()).fold(1.0, f64::max);
            rounded(value, worst + (4.0 + row.len() as f64) * UNIT * size, 4.0)
        }
        Reduction::ArgMax | Reduction::ArgMin => {
            let sign = if reduction == Reduction::ArgMax { 1.0 } else { -1.0 };
            let best = (0..row.len())
                .fold(0, |best, at| if sign * row[at].value > sign * row[best].value { at } else { best });
            let near =
                |at: usize| at != best && (row[at].value - row[best].value).abs() <= row[at].error + row[best].error;
            let error = if (0..row.len()).any(near) { f64::INFINITY } else { 0.0 };
            Bounded { value: best as f64, error }
        }
    }
}
