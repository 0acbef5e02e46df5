//! Terms made ready for the interpreter, which looks everything up once that does not change from
//! entry to entry: tensors, places of indices, and how early a loop can ask each condition.

use super::{Array, MeaningError, Point};
use crate::model::{Definition, Model};
use crate::term::{Affine, Binder, Comparison, Connective, Function, Name, Node, Reduction, Slot, Term};
use std::borrow::Cow;
use std::cell::OnceCell;

/// Where the names of a term are looked up.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    /// Of definitions and shapes.
    pub model: &'a Model,
    /// The values of the tensors: those of the first point that has the tensor.
    pub points: &'a [&'a Point],
}

/// A term with everything looked up. What cannot be looked up is an error only once it is evaluated.
pub(super) enum Code<'a> {
    Fault(MeaningError),
    Number(f64),
    Integer(Linear),
    Read(Read<'a>),
    Sum(Vec<Code<'a>>),
    /// The conditions among the factors, and the others.
    Product(Vec<Code<'a>>, Vec<Code<'a>>),
    Power(Box<[Code<'a>; 2]>),
    Call(Function, Vec<Code<'a>>),
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
}

/// A reduction.
pub(super) struct Loop<'a> {
    pub reduction: Reduction,
    /// The place of each index in the frame and its extent, from the outermost loop to the innermost.
    pub indices: Vec<(usize, usize)>,
    /// Conditions on indices without which there is no addend, by the number of indices they wait for.
    pub guards: Vec<Vec<Code<'a>>>,
    pub body: Code<'a>,
}

/// The derivative of a definition by an entry.
pub(super) struct Jacobian<'a> {
    names: Names<'a>,
    definition: &'a Definition,
    body: OnceCell<Code<'a>>,
    /// The entry of the tensor that is differentiated.
    pub of: Entry<'a>,
    /// By which entry.
    pub variable: Entry<'a>,
}

impl<'a> Jacobian<'a> {
    /// What is differentiated, in a frame that begins with the subscripts of the tensor. Prepared once it
    /// is needed, since a definition may stand in itself.
    pub fn body(&self) -> &Code<'a> {
        self.body.get_or_init(|| {
            let free = self.definition.indices.iter().map(|index| index.id).collect();
            Preparation { names: self.names, free, depth: 0 }.code(&self.definition.body)
        })
    }
}

/// A term on the way to code.
pub(super) struct Preparation<'a> {
    pub names: Names<'a>,
    /// The numbers of the free indices, in the order of their places in the frame.
    pub free: Vec<u32>,
    /// How many indices are bound by the reductions around; their places follow those of the free ones.
    pub depth: usize,
}

impl<'a> Preparation<'a> {
    pub fn code(&mut self, term: &'a Term) -> Code<'a> {
        match term.node() {
            Node::Number(number) => Code::Number(number.value()),
            Node::Affine(affine) => self.linear(affine).map_or_else(Code::Fault, Code::Integer),
            Node::Read { tensor, subscripts } => self.read(tensor, subscripts).map_or_else(Code::Fault, Code::Read),
            Node::Add(addends) => Code::Sum(self.codes(addends)),
            Node::Mul(factors) => self.product(factors.iter()),
            Node::Pow(base, exponent) => Code::Power(Box::new([self.code(base), self.code(exponent)])),
            Node::Call(function, arguments) if arguments.len() != function.arity() => {
                Code::Fault(MeaningError::Arguments { function: *function, found: arguments.len() })
            }
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

    fn product(&mut self, factors: impl Iterator<Item = &'a Term>) -> Code<'a> {
        let (conditions, others): (Vec<_>, Vec<_>) = factors.partition(|factor| factor.is_condition());
        let conditions = conditions.into_iter().map(|factor| self.code(factor)).collect();
        Code::Product(conditions, others.into_iter().map(|factor| self.code(factor)).collect())
    }

    fn linear(&self, affine: &Affine) -> Result<Linear, MeaningError> {
        let terms = affine.terms.iter().map(|(slot, coefficient)| Ok((self.place(slot)?, *coefficient)));
        Ok(Linear { terms: terms.collect::<Result<_, _>>()?, constant: affine.constant })
    }

    fn place(&self, slot: &Slot) -> Result<usize, MeaningError> {
        match slot {
            Slot::Free(index) => {
                let place = self.free.iter().position(|id| *id == index.id);
                place.ok_or_else(|| MeaningError::Index(index.letter.clone()))
            }
            // Slots count outwards.
            Slot::Bound(slot) => {
                let depth = self.depth.checked_sub(*slot as usize + 1).ok_or(MeaningError::Unbound)?;
                Ok(self.free.len() + depth)
            }
        }
    }

    fn read(&mut self, tensor: &'a Name, subscripts: &'a [Term]) -> Result<Read<'a>, MeaningError> {
        let array = match self.array(tensor) {
            Some(array) => Cow::Borrowed(array),
            None => {
                let constant = super::batch::constant(self.names.model, tensor);
                Cow::Owned(constant.ok_or(MeaningError::Missing(tensor.clone()))?)
            }
        };
        Ok(Read { entry: self.entry(tensor, &array.shape, subscripts)?, array })
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
        let first = self.free.len() + self.depth;
        let count = binders.len();
        self.depth += count;
        // Binder 0 is the last, since slots count outwards.
        let indices: Vec<(usize, usize)> =
            binders.iter().enumerate().map(|(slot, binder)| (first + count - 1 - slot, binder.extent)).collect();
        let is_guard = |term: &Term| reduction == Reduction::Sum && term.is_condition() && never_fails(term);
        let (guards, others): (Vec<_>, Vec<_>) = body.factors().iter().partition(|factor| is_guard(factor));
        let guards: Vec<Guard> = guards.into_iter().map(|guard| self.guard(guard, first)).collect();
        let body = match others.as_slice() {
            [only] => self.code(only),
            _ => self.product(others.into_iter()),
        };
        self.depth -= count;
        if guards.is_empty() {
            return Loop { reduction, indices, guards: Vec::new(), body };
        }
        let indices = in_order(indices, &guards);
        let mut waiting: Vec<Vec<Code>> = (0..=count).map(|_| Vec::new()).collect();
        for Guard { places, code } in guards {
            let last = indices.iter().rposition(|(place, _)| places.contains(place));
            waiting[last.map_or(0, |last| last + 1)].push(code);
        }
        Loop { reduction, indices, guards: waiting, body }
    }

    fn guard(&mut self, condition: &'a Term, first: usize) -> Guard<'a> {
        let code = self.code(condition);
        let mut places = Vec::new();
        places_of(&code, &mut places);
        places.retain(|place| *place >= first);
        places.sort_unstable();
        places.dedup();
        Guard { places, code }
    }
}

/// A condition on indices, with the places of those that the reduction binds.
struct Guard<'a> {
    places: Vec<usize>,
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

/// The places in the frame that a condition on indices depends on.
fn places_of(code: &Code, found: &mut Vec<usize>) {
    match code {
        Code::Integer(linear) => found.extend(linear.terms.iter().map(|(place, _)| *place)),
        Code::Sum(codes) | Code::Logic(_, codes) | Code::Call(_, codes) => {
            codes.iter().for_each(|code| places_of(code, found));
        }
        Code::Product(conditions, others) => {
            conditions.iter().chain(others).for_each(|code| places_of(code, found));
        }
        Code::Compare(_, sides) => sides.iter().for_each(|code| places_of(code, found)),
        _ => {}
    }
}
