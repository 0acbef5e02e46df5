//! Terms made ready for the interpreter, which looks everything up once that does not change from
//! entry to entry: tensors, places of indices, and how early a loop can ask each condition.

use super::reach::Reach;
use super::total::{Entries, Moving, Totals};
use super::{Array, MeaningError, Point};
use crate::model::{Definition, Model, share};
use crate::term::{Affine, Binder, Comparison, Connective, Function, Index, Name, Node, Number, Reduction, Slot, Term};
use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;

/// Where the names of a term are looked up.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    /// Of definitions and shapes.
    pub model: &'a Model,
    /// The values of the tensors: those of the first point that has the tensor.
    pub points: &'a [&'a Point],
    /// The derivatives of tensors that move with the variables.
    pub moving: Option<&'a Moving>,
    /// Where total derivatives that no point has are found.
    pub totals: Option<&'a Totals<'a>>,
    /// Where the tensors under `stop` are looked up instead: what is stopped stays when a point moves.
    pub held: Option<&'a [&'a Point]>,
}

impl<'a> Names<'a> {
    /// With values of tensors only.
    pub fn new(model: &'a Model, points: &'a [&'a Point]) -> Names<'a> {
        Names { model, points, moving: None, totals: None, held: None }
    }
}

/// A term with everything looked up. What cannot be looked up is an error only once it is evaluated.
pub(super) enum Code<'a> {
    Fault(MeaningError),
    Number(f64),
    Integer(Linear),
    Read(Read<'a>),
    /// An entry of a total derivative that no point has.
    Total(Entry<'a>, &'a Totals<'a>),
    Sum(Vec<Code<'a>>),
    /// The conditions among the factors, and the others.
    Product(Vec<Code<'a>>, Vec<Code<'a>>),
    Power(Box<[Code<'a>; 2]>),
    Call(Function, Vec<Code<'a>>),
    /// The floor of a sum of multiples over a positive integer. It is divided at the end, so that a dividend of
    /// integers is exact.
    Floor(Vec<(f64, Code<'a>)>, f64),
    /// `exp(u - l)`: the addends of `u`, and `-l`, by which the shares of a row add up to 1.
    Share(Vec<Code<'a>>, Box<Code<'a>>),
    Compare(Comparison, Box<[Code<'a>; 2]>),
    Logic(Connective, Vec<Code<'a>>),
    Where(Box<[Code<'a>; 3]>),
    Loop(Box<Loop<'a>>),
    /// The derivative of a term by an entry.
    Derivative(Box<Code<'a>>, Entry<'a>),
    Jacobian(Box<Jacobian<'a>>),
}

/// `constant + Σ coefficient · index`, the indices by their place in the frame.
pub(super) struct Linear {
    pub terms: Vec<(usize, i64)>,
    pub constant: i64,
}

/// A tensor at subscripts.
pub(super) struct Entry<'a> {
    pub tensor: &'a Name,
    pub axes: Vec<Axis<'a>>,
}

/// One subscript of an entry.
pub(super) struct Axis<'a> {
    pub subscript: Code<'a>,
    pub extent: usize,
    /// How far apart entries are whose subscripts differ by one.
    pub stride: usize,
}

/// The value of an entry.
pub(super) struct Read<'a> {
    pub entry: Entry<'a>,
    pub array: Cow<'a, Array>,
    /// How it moves with the variables, where it does.
    pub moving: Option<&'a Entries>,
}

/// A reduction.
pub(super) struct Loop<'a> {
    pub reduction: Reduction,
    /// The place of each index in the frame and its extent, from the outermost loop to the innermost.
    pub indices: Vec<(usize, usize)>,
    /// Conditions on indices without which there is no addend, by the number of indices they wait for.
    pub guards: Vec<Vec<Code<'a>>>,
    pub body: Code<'a>,
    /// Whether it adds up products of a few entries that stand evenly spaced along the innermost loop.
    pub is_even: bool,
    /// The values found so far, where the loops around ask for the same one again and again.
    pub known: Option<Known>,
}

/// The values of a reduction by what it depends on: integers that come from the indices around.
pub(super) struct Known {
    /// Each of them with its least value and how many it takes.
    pub keys: Vec<(Linear, i64, usize)>,
    pub values: RefCell<Vec<Option<f64>>>,
}

/// Tables of values are no larger than this.
const MOST_KNOWN: usize = 1 << 22;

/// Along shorter loops entries are looked up one by one.
const SHORTEST_LINE: usize = 4;
/// Of products of more entries all are.
pub(super) const MOST_EVEN: usize = 4;

/// The derivative of a definition by an entry.
pub(super) struct Jacobian<'a> {
    names: Names<'a>,
    definition: &'a Definition,
    body: OnceCell<(Code<'a>, Option<Reach>)>,
    /// The entry of the tensor that is differentiated.
    pub of: Entry<'a>,
    /// By which entry.
    pub variable: Entry<'a>,
}

impl<'a> Jacobian<'a> {
    /// What is differentiated, in a frame that begins with the subscripts of the tensor, and which entries of
    /// the variable it reads. Prepared once it is needed, since a definition may stand in itself.
    pub fn body(&self) -> &(Code<'a>, Option<Reach>) {
        self.body.get_or_init(|| {
            let indices = &self.definition.indices;
            let code = Preparation::new(self.names, indices).code(&self.definition.body);
            let reach = Reach::of(self.variable.tensor, &code, indices.len());
            (code, reach)
        })
    }
}

/// A term on the way to code.
pub(super) struct Preparation<'a> {
    names: Names<'a>,
    /// The numbers of the free indices, in the order of their places in the frame.
    free: Vec<u32>,
    /// The extents of all indices in the frame: of the free ones, then of those that the reductions around bind.
    extents: Vec<usize>,
}

impl<'a> Preparation<'a> {
    /// Of a term with these free indices, whose values stand in the frame in this order.
    pub fn new(names: Names<'a>, free: &[Index]) -> Preparation<'a> {
        let extents = free.iter().map(|index| index.extent.value()).collect();
        Preparation { names, free: free.iter().map(|index| index.id).collect(), extents }
    }

    pub fn code(&mut self, term: &'a Term) -> Code<'a> {
        match term.node() {
            Node::Number(number) => Code::Number(number.value()),
            Node::Affine(affine) => self.linear(affine).map_or_else(Code::Fault, Code::Integer),
            Node::Read { tensor, subscripts } => self.read(tensor, subscripts).unwrap_or_else(Code::Fault),
            Node::Add(addends) => Code::Sum(self.codes(addends)),
            Node::Mul(factors) => self.product(factors.iter()),
            Node::Pow(base, exponent) => Code::Power(Box::new([self.code(base), self.code(exponent)])),
            Node::Call(function, arguments) if arguments.len() != function.arity() => {
                Code::Fault(MeaningError::Arguments { function: *function, found: arguments.len() })
            }
            Node::Call(Function::Exp, arguments) => self.exponential(&arguments[0]),
            Node::Call(Function::Floor, arguments) => self.floor(&arguments[0]),
            Node::Call(Function::Stop, arguments) => Code::Call(Function::Stop, vec![self.stopped(&arguments[0])]),
            Node::Call(function, arguments) => Code::Call(*function, self.codes(arguments)),
            Node::Compare(comparison, left, right) => {
                Code::Compare(*comparison, Box::new([self.code(left), self.code(right)]))
            }
            Node::Logic(connective, conditions) => Code::Logic(*connective, self.codes(conditions)),
            Node::Where(condition, then, otherwise) => {
                Code::Where(Box::new([self.code(condition), self.code(then), self.code(otherwise)]))
            }
            Node::Reduce { reduction, binders, body } => Code::Loop(Box::new(self.reduce(*reduction, binders, body))),
            Node::Jacobian { tensor, subscripts, wrt, at } => {
                self.jacobian(tensor, subscripts, wrt, at).map_or_else(Code::Fault, |own| Code::Jacobian(Box::new(own)))
            }
            Node::Derivative { of, wrt, at } => match self.variable(wrt, at) {
                Ok(variable) => Code::Derivative(Box::new(self.code(of)), variable),
                Err(error) => Code::Fault(error),
            },
        }
    }

    fn codes(&mut self, terms: &'a [Term]) -> Vec<Code<'a>> {
        terms.iter().map(|term| self.code(term)).collect()
    }

    /// What stands under `stop`, at the point that is held where there is one.
    fn stopped(&mut self, term: &'a Term) -> Code<'a> {
        let around = self.names;
        if let Some(points) = around.held {
            self.names = Names { points, moving: None, ..around };
        }
        let code = self.code(term);
        self.names = around;
        code
    }

    fn floor(&mut self, quotient: &'a Term) -> Code<'a> {
        let Some(divisor) = quotient.denominator().filter(|divisor| *divisor > 1) else {
            return Code::Call(Function::Floor, vec![self.code(quotient)]);
        };
        let times = |number: Number| number.times(Number::integer(divisor)).value();
        let multiple = |addend: &'a Term| match addend.node() {
            Node::Number(number) => (times(*number), Code::Number(1.0)),
            Node::Mul(factors) => match factors[0].as_number() {
                Some(number) => (times(number), self.product(factors[1..].iter())),
                None => (divisor as f64, self.product(factors.iter())),
            },
            _ => (divisor as f64, self.code(addend)),
        };
        Code::Floor(quotient.addends().iter().map(multiple).collect(), divisor as f64)
    }

    fn exponential(&mut self, exponent: &'a Term) -> Code<'a> {
        let Some(place) = share::normaliser(exponent, self.names.model) else {
            return Code::Call(Function::Exp, vec![self.code(exponent)]);
        };
        let mut addends = self.codes(exponent.addends());
        let normaliser = addends.remove(place);
        Code::Share(addends, Box::new(normaliser))
    }

    fn product(&mut self, factors: impl Iterator<Item = &'a Term>) -> Code<'a> {
        let (conditions, others): (Vec<_>, Vec<_>) = factors.partition(|factor| factor.is_condition());
        let conditions = conditions.into_iter().map(|factor| self.code(factor)).collect();
        Code::Product(conditions, others.into_iter().map(|factor| self.code(factor)).collect())
    }

    fn linear(&self, affine: &Affine) -> Result<Linear, MeaningError> {
        let (sizes, indices): (Vec<_>, Vec<_>) =
            affine.terms.iter().partition(|(slot, _)| matches!(slot, Slot::Size(_)));
        let terms = indices.into_iter().map(|(slot, coefficient)| Ok((self.place(slot)?, *coefficient)));
        let constant = sizes.into_iter().fold(affine.constant, |sum, (slot, coefficient)| match slot {
            Slot::Size(size) => sum.saturating_add(coefficient.saturating_mul(size.value as i64)),
            Slot::Free(_) | Slot::Bound(_) => sum,
        });
        Ok(Linear { terms: terms.collect::<Result<_, _>>()?, constant })
    }

    fn place(&self, slot: &Slot) -> Result<usize, MeaningError> {
        match slot {
            Slot::Free(index) => {
                let place = self.free.iter().position(|id| *id == index.id);
                place.ok_or_else(|| MeaningError::Index(index.letter.clone()))
            }
            // Slots count outwards.
            Slot::Bound(slot) => {
                let place = self.extents.len().checked_sub(*slot as usize + 1);
                place.filter(|place| *place >= self.free.len()).ok_or(MeaningError::Unbound)
            }
            Slot::Size(_) => Err(MeaningError::Unbound),
        }
    }

    fn read(&mut self, tensor: &'a Name, subscripts: &'a [Term]) -> Result<Code<'a>, MeaningError> {
        if let (Some(totals), None) = (self.names.totals, self.array(tensor))
            && let Some(shape) = totals.shape(tensor)
        {
            return Ok(Code::Total(self.entry(tensor, &shape, subscripts)?, totals));
        }
        let array = match self.array(tensor) {
            Some(array) => Cow::Borrowed(array),
            None => {
                let constant = super::batch::constant(self.names.model, tensor);
                Cow::Owned(constant.ok_or(MeaningError::Missing(tensor.clone()))?)
            }
        };
        let moving = self.names.moving.and_then(|moving| moving.of(tensor));
        Ok(Code::Read(Read { entry: self.entry(tensor, &array.shape, subscripts)?, array, moving }))
    }

    fn array(&self, tensor: &str) -> Option<&'a Array> {
        self.names.points.iter().find_map(|point| point.get(tensor))
    }

    fn entry(&mut self, tensor: &'a Name, shape: &[usize], subscripts: &'a [Term]) -> Result<Entry<'a>, MeaningError> {
        if subscripts.len() != shape.len() {
            let (axes, subscripts) = (shape.len(), subscripts.len());
            return Err(MeaningError::Rank { tensor: tensor.clone(), axes, subscripts });
        }
        let mut axes: Vec<Axis> = Vec::with_capacity(shape.len());
        let mut stride = 1usize;
        for (subscript, &extent) in subscripts.iter().zip(shape).rev() {
            axes.push(Axis { subscript: self.code(subscript), extent, stride });
            stride = stride.checked_mul(extent).ok_or(MeaningError::Overflow)?;
        }
        axes.reverse();
        Ok(Entry { tensor, axes })
    }

    /// The entry by which is differentiated; the tensor need not have values.
    fn variable(&mut self, wrt: &'a Name, at: &'a [Term]) -> Result<Entry<'a>, MeaningError> {
        let shape = match (self.array(wrt), self.names.model.tensor(wrt)) {
            (Some(array), _) => &array.shape,
            (None, Some(tensor)) => &tensor.shape,
            (None, None) => return Err(MeaningError::Unknown(wrt.clone())),
        };
        self.entry(wrt, shape, at)
    }

    fn jacobian(
        &mut self,
        tensor: &'a Name,
        subscripts: &'a [Term],
        wrt: &'a Name,
        at: &'a [Term],
    ) -> Result<Jacobian<'a>, MeaningError> {
        let Names { model, .. } = self.names;
        let shape = &model.tensor(tensor).ok_or_else(|| MeaningError::Unknown(tensor.clone()))?.shape;
        let definition = model.definition(tensor).ok_or_else(|| MeaningError::NotDefined(tensor.clone()))?;
        let of = self.entry(tensor, shape, subscripts)?;
        let variable = self.variable(wrt, at)?;
        Ok(Jacobian { names: self.names, definition, body: OnceCell::new(), of, variable })
    }

    fn reduce(&mut self, reduction: Reduction, binders: &[Binder], body: &'a Term) -> Loop<'a> {
        let around = self.extents.len();
        // Binder 0 is the last, since slots count outwards.
        self.extents.extend(binders.iter().rev().map(|binder| binder.extent.value()));
        let indices: Vec<(usize, usize)> =
            (around..self.extents.len()).rev().map(|at| (at, self.extents[at])).collect();
        let is_guard = |term: &Term| reduction == Reduction::Sum && term.is_condition() && never_fails(term);
        let (guards, others): (Vec<_>, Vec<_>) = body.factors().iter().partition(|factor| is_guard(factor));
        let guards: Vec<Guard> = guards.into_iter().map(|guard| self.guard(guard, around)).collect();
        let body = match others.as_slice() {
            [only] => self.code(only),
            _ => self.product(others.into_iter()),
        };
        self.extents.truncate(around);
        let mut own = Loop { reduction, indices, guards: Vec::new(), body, is_even: false, known: None };
        if !guards.is_empty() {
            own.indices = in_order(own.indices, &guards);
            own.guards = own.indices.iter().map(|_| Vec::new()).chain([Vec::new()]).collect();
        }
        for Guard { places, code } in guards {
            let last = own.indices.iter().rposition(|(place, _)| places.contains(place));
            own.guards[last.map_or(0, |last| last + 1)].push(code);
        }
        own.known = self.known(&own);
        own.is_even = own.is_even();
        own
    }

    /// A table for the values of a reduction that is asked for the same one again: it does not depend on all
    /// indices around, or only on sums and differences of them that coincide.
    fn known(&self, own: &Loop) -> Option<Known> {
        let mut parts = BTreeSet::new();
        own.parts(&mut parts);
        let keys = parts.into_iter().map(|terms| self.key(terms)).collect::<Option<Vec<_>>>()?;
        let length = keys.iter().try_fold(1usize, |length, (_, _, count)| length.checked_mul(*count))?;
        let around = self.extents.iter().fold(1usize, |length, extent| length.saturating_mul(*extent));
        (length < around && length <= MOST_KNOWN).then(|| Known { keys, values: RefCell::new(Vec::new()) })
    }

    /// The least value of a form without constant, and how many integers it ranges over.
    fn key(&self, terms: Vec<(usize, i64)>) -> Option<(Linear, i64, usize)> {
        let (mut least, mut greatest) = (0i64, 0i64);
        for (place, coefficient) in &terms {
            let last = i64::try_from(self.extents[*place]).ok()?.checked_sub(1)?;
            let reach = coefficient.checked_mul(last)?;
            least = least.checked_add(reach.min(0))?;
            greatest = greatest.checked_add(reach.max(0))?;
        }
        let count = usize::try_from(greatest.checked_sub(least)?.checked_add(1)?).ok()?;
        Some((Linear { terms, constant: 0 }, least, count))
    }

    fn guard(&mut self, condition: &'a Term, around: usize) -> Guard<'a> {
        let code = self.code(condition);
        let mut parts = BTreeSet::new();
        code.parts(&mut parts);
        let places = parts.into_iter().flatten().map(|(place, _)| place).filter(|place| *place >= around).collect();
        Guard { places, code }
    }
}

/// A condition on indices, with the places of those that the reduction binds.
struct Guard<'a> {
    places: BTreeSet<usize>,
    code: Code<'a>,
}

/// The indices of a sum in the order in which most is known soonest: those first that complete a
/// condition. What comes first of several equally good ones is as it was.
fn in_order(mut rest: Vec<(usize, usize)>, guards: &[Guard]) -> Vec<(usize, usize)> {
    let mut ordered: Vec<(usize, usize)> = Vec::with_capacity(rest.len());
    loop {
        let missing = |guard: &Guard| rest.iter().filter(|(place, _)| guard.places.contains(place)).count();
        let Some(next) = guards.iter().filter(|guard| missing(guard) > 0).min_by_key(|guard| missing(guard)) else {
            break;
        };
        let (completing, others) = rest.into_iter().partition(|(place, _)| next.places.contains(place));
        let mut completing: Vec<(usize, usize)> = completing;
        ordered.append(&mut completing);
        rest = others;
    }
    ordered.append(&mut rest);
    ordered
}

/// Whether a term has a value whatever its indices are: it reads nothing and depends on nothing else.
fn never_fails(term: &Term) -> bool {
    match term.node() {
        Node::Number(_) | Node::Affine(_) => true,
        Node::Compare(_, a, b) => never_fails(a) && never_fails(b),
        Node::Logic(_, terms) | Node::Call(_, terms) | Node::Add(terms) | Node::Mul(terms) => {
            terms.iter().all(never_fails)
        }
        _ => false,
    }
}

impl Code<'_> {
    /// What it depends on: of each integer the part that comes from the indices around, without its constant.
    fn parts(&self, found: &mut BTreeSet<Vec<(usize, i64)>>) {
        match self {
            Code::Fault(_) | Code::Number(_) => {}
            Code::Integer(linear) => {
                found.insert(linear.terms.clone());
            }
            Code::Read(read) => read.entry.parts(found),
            Code::Total(entry, _) => entry.parts(found),
            Code::Sum(codes) | Code::Logic(_, codes) | Code::Call(_, codes) => {
                codes.iter().for_each(|code| code.parts(found));
            }
            Code::Product(conditions, others) => {
                conditions.iter().chain(others).for_each(|code| code.parts(found));
            }
            Code::Floor(multiples, _) => multiples.iter().for_each(|(_, code)| code.parts(found)),
            Code::Share(addends, normaliser) => {
                addends.iter().chain([&**normaliser]).for_each(|code| code.parts(found));
            }
            Code::Power(sides) | Code::Compare(_, sides) => sides.iter().for_each(|code| code.parts(found)),
            Code::Where(parts) => parts.iter().for_each(|code| code.parts(found)),
            Code::Loop(own) => own.parts(found),
            Code::Derivative(of, by) => {
                of.parts(found);
                by.parts(found);
            }
            Code::Jacobian(own) => {
                own.of.parts(found);
                own.variable.parts(found);
            }
        }
    }
}

impl Entry<'_> {
    /// Whether its subscripts change evenly with each index.
    fn is_even(&self) -> bool {
        self.axes.iter().all(|axis| matches!(axis.subscript, Code::Integer(_)))
    }

    fn parts(&self, found: &mut BTreeSet<Vec<(usize, i64)>>) {
        self.axes.iter().for_each(|axis| axis.subscript.parts(found));
    }
}

impl Loop<'_> {
    fn is_even(&self) -> bool {
        let is_even = |factor: &Code| matches!(factor, Code::Read(read) if read.entry.is_even());
        let asks_last = self.guards.last().is_some_and(|guards| !guards.is_empty());
        self.reduction == Reduction::Sum
            && !asks_last
            && self.indices.last().is_some_and(|(_, extent)| *extent >= SHORTEST_LINE)
            && match &self.body {
                Code::Product(conditions, factors) => {
                    conditions.is_empty() && (1..=MOST_EVEN).contains(&factors.len()) && factors.iter().all(is_even)
                }
                body => is_even(body),
            }
    }

    fn parts(&self, found: &mut BTreeSet<Vec<(usize, i64)>>) {
        let mut inside = BTreeSet::new();
        self.guards.iter().flatten().chain([&self.body]).for_each(|code| code.parts(&mut inside));
        let is_around = |place: usize| self.indices.iter().all(|(own, _)| *own != place);
        for mut terms in inside {
            terms.retain(|(place, _)| is_around(*place));
            found.insert(terms);
        }
    }
}
