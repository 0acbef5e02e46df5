//! The interpreter: a walk over a term, one case for each kind of node.

use super::function::{Form, OneArgument, extremum};
use super::scalar::{Dual, Scalar, Variable};
use super::total::{Moving, Totals};
use super::{Array, MeaningError, Point};
use crate::model::{Definition, Model};
use crate::term::{Affine, Binder, Connective, Function, Name, Node, Reduction, Slot, Term};

/// How deep derivatives may be nested.
pub(super) const DEEPEST: usize = 3;

/// What a term is evaluated in.
pub(super) struct Evaluator<'a> {
    /// Where definitions are looked up.
    pub model: &'a Model,
    /// The values of the tensors: those of the first point that has the tensor.
    pub points: Vec<&'a Point>,
    /// The derivatives of tensors that move with the variables.
    pub moving: Option<&'a Moving>,
    /// Where total derivatives that no point has are found.
    pub totals: Option<&'a Totals<'a>>,
}

/// The values of the indices.
#[derive(Default)]
pub(super) struct Scope {
    /// Of the free ones, by their number.
    free: Vec<(u32, usize)>,
    /// Of the bound ones: slot 0 is the last, since slots count outwards.
    bound: Vec<usize>,
}

/// A [`Scalar`] of which there is one with one more derivative.
pub(super) trait Level: Scalar {
    /// The derivative of a term by a variable, given one variable for each level around.
    fn derivative(
        evaluator: &Evaluator,
        of: &Term,
        scope: &mut Scope,
        variables: &[Variable],
    ) -> Result<Self, MeaningError>;
}

macro_rules! levels {
    ($($number:ty),*) => {$(
        impl Level for $number {
            fn derivative(
                evaluator: &Evaluator,
                of: &Term,
                scope: &mut Scope,
                variables: &[Variable],
            ) -> Result<Self, MeaningError> {
                Ok(evaluator.value::<Dual<$number>>(of, scope, variables)?.derivative())
            }
        }
    )*};
}

levels!(f64, Dual<f64>, Dual<Dual<f64>>);

impl Level for Dual<Dual<Dual<f64>>> {
    fn derivative(_: &Evaluator, _: &Term, _: &mut Scope, _: &[Variable]) -> Result<Self, MeaningError> {
        Err(MeaningError::Depth)
    }
}

impl<'a> Evaluator<'a> {
    /// With values of tensors only.
    pub fn new(model: &'a Model, points: Vec<&'a Point>) -> Evaluator<'a> {
        Evaluator { model, points, moving: None, totals: None }
    }

    /// The value of a term without derivatives.
    pub fn plain(&self, term: &Term, scope: &mut Scope) -> Result<f64, MeaningError> {
        self.value::<f64>(term, scope, &[])
    }

    /// One entry of a definition.
    pub fn defined(&self, definition: &Definition, at: &[usize]) -> Result<f64, MeaningError> {
        self.plain(&definition.body, &mut Scope::of(definition, at))
    }

    /// The value of a term, and its derivatives by the variables: as many as `N` is deep.
    pub fn value<N: Level>(&self, term: &Term, scope: &mut Scope, variables: &[Variable]) -> Result<N, MeaningError> {
        match term.node() {
            Node::Number(number) => Ok(N::constant(number.value())),
            Node::Affine(affine) => Ok(N::constant(scope.affine(affine)? as f64)),
            Node::Read { tensor, subscripts } => self.read(tensor, subscripts, scope, variables),
            Node::Add(addends) => Ok(N::sum(&self.values(addends, scope, variables)?)),
            Node::Mul(factors) => self.product(factors, scope, variables),
            Node::Pow(base, exponent) => {
                let base: N = self.value(base, scope, variables)?;
                Ok(base.power(&self.value(exponent, scope, variables)?))
            }
            Node::Call(function, arguments) => self.call(*function, arguments, scope, variables),
            Node::Compare(..) | Node::Logic(..) => Ok(N::constant(if self.holds(term, scope)? { 1.0 } else { 0.0 })),
            Node::Where(condition, then, otherwise) => {
                let chosen = if self.holds(condition, scope)? { then } else { otherwise };
                self.value(chosen, scope, variables)
            }
            Node::Reduce { reduction, binders, body } => self.reduce(*reduction, binders, body, scope, variables),
            Node::Jacobian { tensor, subscripts, wrt, at } => {
                self.jacobian(tensor, subscripts, self.variable(wrt, at, scope)?, scope, variables)
            }
            Node::Derivative { of, wrt, at } => {
                let variable = self.variable(wrt, at, scope)?;
                N::derivative(self, of, scope, &with(variables, variable))
            }
        }
    }

    fn values<N: Level>(
        &self,
        terms: &[Term],
        scope: &mut Scope,
        variables: &[Variable],
    ) -> Result<Vec<N>, MeaningError> {
        terms.iter().map(|term| self.value(term, scope, variables)).collect()
    }

    fn read<N: Level>(
        &self,
        tensor: &Name,
        subscripts: &[Term],
        scope: &mut Scope,
        variables: &[Variable],
    ) -> Result<N, MeaningError> {
        let constant;
        if let Some(total) = self.total(tensor, subscripts, scope)? {
            return Ok(N::constant(total));
        }
        let array = match self.array(tensor) {
            Some(array) => array,
            None => {
                constant = super::batch::constant(self.model, tensor).ok_or(MeaningError::Missing(tensor.clone()))?;
                &constant
            }
        };
        let at = self.entry(tensor, &array.shape, subscripts, scope)?;
        let length =
            || MeaningError::Length { tensor: tensor.clone(), shape: array.shape.clone(), values: array.values.len() };
        let value = array.get(&at).ok_or_else(length)?;
        let moved = self.moving.filter(|_| !variables.is_empty()).and_then(|moving| moving.entry(tensor, &at));
        Ok(moved.unwrap_or_else(|| N::entry(value, tensor, &at, variables)))
    }

    /// An entry of a total derivative that no point has, where they can be asked for.
    fn total(&self, tensor: &Name, subscripts: &[Term], scope: &mut Scope) -> Result<Option<f64>, MeaningError> {
        let Some(totals) = self.totals.filter(|_| self.array(tensor).is_none()) else { return Ok(None) };
        let Some(shape) = totals.shape(tensor) else { return Ok(None) };
        let at = self.entry(tensor, &shape, subscripts, scope)?;
        totals.entry(tensor, &at).map(Some)
    }

    fn array(&self, tensor: &str) -> Option<&Array> {
        self.points.iter().find_map(|point| point.get(tensor))
    }

    /// The subscripts as integers inside the shape. Subscripts have no derivative.
    fn entry(
        &self,
        tensor: &Name,
        shape: &[usize],
        subscripts: &[Term],
        scope: &mut Scope,
    ) -> Result<Vec<usize>, MeaningError> {
        if subscripts.len() != shape.len() {
            let (axes, subscripts) = (shape.len(), subscripts.len());
            return Err(MeaningError::Rank { tensor: tensor.clone(), axes, subscripts });
        }
        let mut at = Vec::with_capacity(shape.len());
        for (axis, (term, &extent)) in subscripts.iter().zip(shape).enumerate() {
            let subscript = self.plain(term, scope)?;
            if subscript.fract() != 0.0 {
                return Err(MeaningError::NotInteger { tensor: tensor.clone(), axis, subscript, extent });
            }
            if !(subscript >= 0.0 && subscript < extent as f64) {
                return Err(MeaningError::Outside { tensor: tensor.clone(), axis, subscript, extent });
            }
            at.push(subscript as usize);
        }
        Ok(at)
    }

    /// A product is exactly 0 where a condition among its factors is false; then nothing else is
    /// evaluated.
    fn product<N: Level>(
        &self,
        factors: &[Term],
        scope: &mut Scope,
        variables: &[Variable],
    ) -> Result<N, MeaningError> {
        let conditions = factors.iter().filter(|factor| factor.is_condition());
        if self.any_is(false, conditions, scope)? {
            return Ok(N::constant(0.0));
        }
        let rest = factors.iter().filter(|factor| !factor.is_condition());
        rest.map(|factor| self.value(factor, scope, variables))
            .try_fold(N::constant(1.0), |product, factor: Result<N, _>| Ok(product.times(&factor?)))
    }

    /// Whether a condition holds: it is not 0.
    fn holds(&self, condition: &Term, scope: &mut Scope) -> Result<bool, MeaningError> {
        match condition.node() {
            Node::Compare(comparison, left, right) => {
                Ok(comparison.holds(self.plain(left, scope)?, self.plain(right, scope)?))
            }
            Node::Logic(Connective::And, conditions) => Ok(!self.any_is(false, conditions.iter(), scope)?),
            Node::Logic(Connective::Or, conditions) => self.any_is(true, conditions.iter(), scope),
            Node::Logic(Connective::Not, conditions) => Ok(!self.any_is(true, conditions.iter(), scope)?),
            _ => Ok(self.plain(condition, scope)? != 0.0),
        }
    }

    /// Whether one of the conditions is `wanted`. Their order in a normal form means nothing, so
    /// one that is `wanted` decides even where another cannot be evaluated, on either side of it.
    fn any_is<'t>(
        &self,
        wanted: bool,
        conditions: impl Iterator<Item = &'t Term>,
        scope: &mut Scope,
    ) -> Result<bool, MeaningError> {
        let mut result = Ok(false);
        for condition in conditions {
            match self.holds(condition, scope) {
                Ok(found) if found == wanted => return Ok(true),
                Ok(_) => {}
                Err(error) => result = Err(error),
            }
        }
        result
    }

    fn call<N: Level>(
        &self,
        function: Function,
        arguments: &[Term],
        scope: &mut Scope,
        variables: &[Variable],
    ) -> Result<N, MeaningError> {
        if arguments.len() != function.arity() {
            return Err(MeaningError::Arguments { function, found: arguments.len() });
        }
        match Form::of(function) {
            // The derivative of these is 0, at every level.
            Form::One(one @ (OneArgument::Stop | OneArgument::Sign | OneArgument::Floor)) => {
                Ok(N::constant(f64::call(one, &self.plain(&arguments[0], scope)?)))
            }
            Form::One(one) => Ok(N::call(one, &self.value(&arguments[0], scope, variables)?)),
            Form::Max => Ok(greatest(&self.values::<N>(arguments, scope, variables)?)),
            Form::Min => Ok(least(&self.values::<N>(arguments, scope, variables)?)),
            Form::Mod => {
                let dividend: N = self.value(&arguments[0], scope, variables)?;
                Ok(dividend.modulo(&self.value(&arguments[1], scope, variables)?))
            }
        }
    }

    fn reduce<N: Level>(
        &self,
        reduction: Reduction,
        binders: &[Binder],
        body: &Term,
        scope: &mut Scope,
        variables: &[Variable],
    ) -> Result<N, MeaningError> {
        match reduction {
            Reduction::Sum => Ok(N::sum(&self.row(binders, body, scope, variables)?)),
            Reduction::Prod => {
                let row: Vec<N> = self.row(binders, body, scope, variables)?;
                Ok(row.iter().fold(N::constant(1.0), |product, factor| product.times(factor)))
            }
            Reduction::Max => Ok(greatest(&self.row::<N>(binders, body, scope, variables)?)),
            Reduction::Min => Ok(least(&self.row::<N>(binders, body, scope, variables)?)),
            Reduction::LogSumExp => Ok(N::logsumexp(&self.row(binders, body, scope, variables)?)),
            Reduction::ArgMax => position(&self.row(binders, body, scope, &[])?, |a, b| a > b).map(N::constant),
            Reduction::ArgMin => position(&self.row(binders, body, scope, &[])?, |a, b| a < b).map(N::constant),
        }
    }

    /// The values of a body for all values of the binders, the last one fastest.
    fn row<N: Level>(
        &self,
        binders: &[Binder],
        body: &Term,
        scope: &mut Scope,
        variables: &[Variable],
    ) -> Result<Vec<N>, MeaningError> {
        let extents: Vec<usize> = binders.iter().map(|binder| binder.extent).collect();
        let around = scope.bound.len();
        let mut row = Vec::new();
        let result = each_position(&extents, &mut |at| {
            scope.bound.truncate(around);
            scope.bound.extend(at.iter().rev());
            row.push(self.value(body, scope, variables)?);
            Ok(())
        });
        scope.bound.truncate(around);
        result.map(|()| row)
    }

    /// The entry by which is differentiated.
    fn variable(&self, wrt: &Name, at: &[Term], scope: &mut Scope) -> Result<Variable, MeaningError> {
        let shape = match (self.array(wrt), self.model.tensor(wrt)) {
            (Some(array), _) => &array.shape,
            (None, Some(tensor)) => &tensor.shape,
            (None, None) => return Err(MeaningError::Unknown(wrt.clone())),
        };
        Ok(Variable { tensor: wrt.clone(), at: self.entry(wrt, shape, at, scope)? })
    }

    /// The derivative of the definition of a tensor.
    fn jacobian<N: Level>(
        &self,
        tensor: &Name,
        subscripts: &[Term],
        variable: Variable,
        scope: &mut Scope,
        variables: &[Variable],
    ) -> Result<N, MeaningError> {
        let unknown = || MeaningError::Unknown(tensor.clone());
        let shape = &self.model.tensor(tensor).ok_or_else(unknown)?.shape;
        let definition = self.model.definition(tensor).ok_or_else(|| MeaningError::NotDefined(tensor.clone()))?;
        let at = self.entry(tensor, shape, subscripts, scope)?;
        N::derivative(self, &definition.body, &mut Scope::of(definition, &at), &with(variables, variable))
    }
}

impl Scope {
    /// Values for free indices.
    pub fn new(free: impl IntoIterator<Item = (u32, usize)>) -> Scope {
        Scope { free: free.into_iter().collect(), bound: Vec::new() }
    }

    /// The scope of the right side of a definition.
    pub fn of(definition: &Definition, at: &[usize]) -> Scope {
        Scope::new(definition.indices.iter().map(|index| index.id).zip(at.iter().copied()))
    }

    fn affine(&self, affine: &Affine) -> Result<i64, MeaningError> {
        let mut sum = affine.constant;
        for (slot, coefficient) in &affine.terms {
            let value = i64::try_from(self.index(slot)?).map_err(|_| MeaningError::Overflow)?;
            let product = coefficient.checked_mul(value).ok_or(MeaningError::Overflow)?;
            sum = sum.checked_add(product).ok_or(MeaningError::Overflow)?;
        }
        Ok(sum)
    }

    fn index(&self, slot: &Slot) -> Result<usize, MeaningError> {
        match slot {
            Slot::Free(index) => {
                let found = self.free.iter().find(|(id, _)| *id == index.id);
                found.map(|(_, value)| *value).ok_or_else(|| MeaningError::Index(index.letter.clone()))
            }
            Slot::Bound(slot) => self.bound.iter().rev().nth(*slot as usize).copied().ok_or(MeaningError::Unbound),
        }
    }
}

/// Calls `f` with all positions of an array, the last axis fastest.
pub(super) fn each_position(
    extents: &[usize],
    f: &mut dyn FnMut(&[usize]) -> Result<(), MeaningError>,
) -> Result<(), MeaningError> {
    if extents.contains(&0) {
        return Ok(());
    }
    let mut at = vec![0; extents.len()];
    loop {
        f(&at)?;
        let Some(axis) = (0..at.len()).rev().find(|&axis| at[axis] + 1 < extents[axis]) else { return Ok(()) };
        at[axis] += 1;
        at[axis + 1..].fill(0);
    }
}

fn with(variables: &[Variable], variable: Variable) -> Vec<Variable> {
    variables.iter().cloned().chain([variable]).collect()
}

fn greatest<N: Scalar>(values: &[N]) -> N {
    extremum(values, |a, b| a > b, f64::NEG_INFINITY)
}

fn least<N: Scalar>(values: &[N]) -> N {
    extremum(values, |a, b| a < b, f64::INFINITY)
}

/// The first position of a NaN, or else of the value that wins over all others.
fn position(values: &[f64], wins: fn(f64, f64) -> bool) -> Result<f64, MeaningError> {
    let first_best = || {
        (1..values.len()).fold(0, |best, position| if wins(values[position], values[best]) { position } else { best })
    };
    if values.is_empty() {
        return Err(MeaningError::Position);
    }
    Ok(values.iter().position(|value| value.is_nan()).unwrap_or_else(first_best) as f64)
}
