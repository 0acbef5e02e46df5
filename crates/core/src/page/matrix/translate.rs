//! From index notation to matrices.

use super::contract::Network;
use super::reason::{Narrator, Reason, ReasonKind};
use super::tree::Matrix;
use crate::page::index::{Letters, in_order_of_reading, in_reading_order, is_delta};
use crate::term::{Affine, Function, Index, Name, Node, Number, Opened, Reduction, Term};

/// A term as a matrix expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Translation {
    /// The expression: a scalar, a column or a matrix, by the number of free indices.
    pub matrix: Matrix,
    /// Why its parts look as they do, from the inside out.
    pub reasons: Vec<Reason>,
}

/// `g[indices] = term` in matrix notation, for at most two indices.
///
/// # Errors
/// Why there is no such expression.
pub fn translate(indices: &[Index], term: &Term) -> Result<Translation, String> {
    let mut scalars = Vec::new();
    collect_scalars(term, &mut scalars);
    translate_with(indices, term, Letters::apart_from(scalars), None)
}

/// The same with the letters that are not for indices, and with the index that numbers the examples and
/// what their number is called.
pub(super) fn translate_with(
    indices: &[Index],
    term: &Term,
    mut letters: Letters,
    examples: Option<(Index, Matrix)>,
) -> Result<Translation, String> {
    let (rows, columns) = match indices {
        [] => (None, None),
        [rows] => (Some(rows), None),
        [rows, columns] => (Some(rows), Some(columns)),
        _ => return Err(format!("it has {} axes, and a matrix has two", indices.len())),
    };
    let numbers_examples = |index: &&Index| examples.as_ref().is_some_and(|(own, _)| own == *index);
    indices.iter().filter(|index| !numbers_examples(index)).for_each(|index| letters.add(index));
    let mut translator = Translator { narrator: Narrator::new(letters, examples) };
    let matrix = translator.matrix(term, rows, columns)?;
    Ok(Translation { reasons: translator.narrator.about(&matrix), matrix })
}

/// Names of tensors without axes that are read in a term.
fn collect_scalars(term: &Term, names: &mut Vec<Name>) {
    if let Node::Read { tensor, subscripts } = term.node()
        && subscripts.is_empty()
    {
        names.push(tensor.clone());
    }
    term.children().iter().for_each(|child| collect_scalars(child, names));
}

pub(super) struct Translator {
    pub narrator: Narrator,
}

impl Translator {
    /// The term as a matrix with the given index along the rows and along the columns.
    pub fn matrix(&mut self, term: &Term, rows: Option<&Index>, columns: Option<&Index>) -> Result<Matrix, String> {
        let used = |index: Option<&Index>| index.filter(|index| term.depends_on(index)).cloned();
        match (used(rows), used(columns)) {
            (own_rows, own_columns) if own_rows.as_ref() != rows || own_columns.as_ref() != columns => {
                let inner = self.matrix(term, own_rows.as_ref(), own_columns.as_ref())?;
                let (rows, columns) = (rows.filter(|_| own_rows.is_none()), columns.filter(|_| own_columns.is_none()));
                let spread = spread(inner, rows, columns);
                for index in [rows, columns].into_iter().flatten() {
                    let why = format!("it does not depend on {}: 𝟏 repeats it", self.narrator.letter(index));
                    self.narrator.tell(&spread, ReasonKind::Repeated, &[index], why);
                }
                Ok(spread)
            }
            (None, Some(column)) => Ok(self.matrix(term, Some(&column), None)?.transposed()),
            (rows, columns) => self.exact(term, rows.as_ref(), columns.as_ref()),
        }
    }

    /// As [`Translator::matrix`], where the term depends on all that is given, and columns are
    /// given only with rows.
    fn exact(&mut self, term: &Term, rows: Option<&Index>, columns: Option<&Index>) -> Result<Matrix, String> {
        let known = |index: &Index| Some(index) == rows || Some(index) == columns;
        if let Some(other) = term.free().iter().find(|index| !known(index)) {
            return Err(format!("`{}` is neither on the left nor summed", other.letter));
        }
        if let Some(softmax) = self.softmax(term, rows, columns) {
            return softmax;
        }
        let each = |translator: &mut Translator, terms: &[Term]| -> Result<Vec<Matrix>, String> {
            terms.iter().map(|term| translator.entrywise(term, rows, columns)).collect()
        };
        match term.node() {
            Node::Number(number) => Ok(Matrix::Number(*number)),
            Node::Affine(_) => match term.as_polynomial() {
                Some(sizes) => Ok(Matrix::polynomial(&sizes)),
                None => Err("an index is used as a number".into()),
            },
            Node::Read { tensor, subscripts } => read(tensor, subscripts, rows, columns),
            Node::Add(_) => {
                let (common, primitive) = term.split_content();
                let addends: Vec<Term> = in_reading_order(primitive.addends()).into_iter().cloned().collect();
                Ok(Matrix::scaled(vec![Matrix::Number(common)], Matrix::sum(each(self, &addends)?)))
            }
            Node::Mul(_) => self.sum_of_product(&[], term, rows, columns),
            Node::Pow(base, exponent) if exponent.as_number() == Some(Number::MINUS_ONE) => {
                let below = self.entrywise(base, rows, columns)?;
                Ok(Matrix::Quotient(Box::new(Matrix::Number(Number::ONE)), Box::new(below)))
            }
            Node::Pow(base, exponent) => {
                let base = self.entrywise(base, rows, columns)?;
                let exponent = match exponent.free() {
                    [] => self.matrix(exponent, None, None)?,
                    _ => self.matrix(exponent, rows, columns)?,
                };
                Ok(Matrix::Power(Box::new(base), Box::new(exponent)))
            }
            Node::Call(function, arguments) => Ok(Matrix::Call(*function, each(self, arguments)?)),
            Node::Compare(..) if is_delta(term) => match (rows, columns) {
                (Some(rows), Some(columns)) if is_delta_of(term, rows, columns) => {
                    Ok(Matrix::Identity(rows.extent.value()))
                }
                _ => Err("positions are compared".into()),
            },
            Node::Compare(comparison, left, right) => {
                let mut sides = each(self, &[left.clone(), right.clone()])?.into_iter();
                let mut next = || Box::new(sides.next().expect("two sides"));
                Ok(Matrix::Compare(*comparison, next(), next()))
            }
            Node::Logic(connective, conditions) => Ok(Matrix::Logic(*connective, each(self, conditions)?)),
            Node::Where(condition, then, otherwise) => {
                let parts = each(self, &[condition.clone(), then.clone(), otherwise.clone()])?;
                let [condition, then, otherwise] = <[Matrix; 3]>::try_from(parts).map_err(|_| "no branch")?;
                Ok(Matrix::Where(Box::new(condition), Box::new(then), Box::new(otherwise)))
            }
            Node::Reduce { .. } => self.reduction(term, rows, columns),
            Node::Jacobian { .. } | Node::Derivative { .. } => Err("a derivative in it is not answered".into()),
        }
    }

    /// A part of an operation that works entry by entry: a number may stand for all entries.
    fn entrywise(&mut self, term: &Term, rows: Option<&Index>, columns: Option<&Index>) -> Result<Matrix, String> {
        match term.as_number() {
            Some(number) => Ok(Matrix::Number(number)),
            None => self.matrix(term, rows, columns),
        }
    }

    fn reduction(&mut self, term: &Term, rows: Option<&Index>, columns: Option<&Index>) -> Result<Matrix, String> {
        let first = [rows, columns].into_iter().flatten().map(|index| index.id + 1).max().unwrap_or(0);
        let Some(Opened { reduction, indices, body }) = term.open_from(first) else {
            return Err("no reduction".into());
        };
        let outside = self.narrator.letters.clone();
        let indices = in_order_of_reading(&outside, indices, &body, reduction);
        indices.iter().for_each(|index| self.narrator.letters.add(index));
        let result = self.opened(reduction, &indices, &body, rows, columns);
        self.narrator.letters = outside;
        result
    }

    fn opened(
        &mut self,
        reduction: Reduction,
        indices: &[Index],
        body: &Term,
        rows: Option<&Index>,
        columns: Option<&Index>,
    ) -> Result<Matrix, String> {
        if reduction == Reduction::Sum {
            return self.sum_of_product(indices, body, rows, columns);
        }
        let free: Vec<&Index> = [rows, columns].into_iter().flatten().filter(|index| body.depends_on(index)).collect();
        match (indices, free.as_slice()) {
            ([over], []) => Ok(Matrix::Whole(reduction, Box::new(self.matrix(body, Some(over), None)?))),
            ([a, b], []) if !matches!(reduction, Reduction::ArgMax | Reduction::ArgMin) => {
                let (a, b) = natural_order(body, a, b).unwrap_or((a, b));
                Ok(Matrix::Whole(reduction, Box::new(self.matrix(body, Some(a), Some(b))?)))
            }
            ([over], [kept]) => Ok(Matrix::Rows(reduction, Box::new(self.matrix(body, Some(kept), Some(over))?))),
            _ => Err(format!("a {} over one index of a tensor with three", reduction.name())),
        }
    }

    /// The sum over `bound` of a product.
    fn sum_of_product(
        &mut self,
        bound: &[Index],
        body: &Term,
        rows: Option<&Index>,
        columns: Option<&Index>,
    ) -> Result<Matrix, String> {
        let factors = body.factors();
        if let Some((rows, columns)) = rows.zip(columns)
            && let Some(delta) = factors.iter().position(|factor| is_delta_of(factor, rows, columns))
        {
            let mut rest = factors.to_vec();
            rest.remove(delta);
            let rest = Term::mul(rest).substitute(columns, &Affine::index(rows));
            let diagonal = Term::sum(bound, rest);
            let matrix = match diagonal.depends_on(rows) {
                true => Matrix::diagonal(self.matrix(&diagonal, Some(rows), None)?),
                false => {
                    Matrix::scaled(vec![self.matrix(&diagonal, None, None)?], Matrix::Identity(rows.extent.value()))
                }
            };
            let (first, second) = (self.narrator.letter(rows), self.narrator.letter(columns));
            let why = format!("a delta of {first} and {second} is 0 off the diagonal");
            self.narrator.tell(&matrix, ReasonKind::Diagonal, &[rows, columns], why);
            return Ok(matrix);
        }
        let must_split = |factor: &&Term| matches!(factor.node(), Node::Add(_)) && needs_splitting(factor);
        if let Some(sum) = factors.iter().find(must_split).filter(|_| factors.len() > 1 || !bound.is_empty()) {
            let others: Vec<Term> = factors.iter().filter(|factor| *factor != sum).cloned().collect();
            let product =
                |addend: &Term| Term::sum(bound, Term::mul([others.as_slice(), std::slice::from_ref(addend)].concat()));
            let split = Term::add(sum.addends().iter().map(product).collect());
            // The sums are opened anew.
            bound.iter().for_each(|index| self.narrator.letters.remove(index));
            return self.matrix(&split, rows, columns);
        }
        let mut network = Network::default();
        // Entries of tensors first: they say which index is along the rows.
        let (entries, others): (Vec<&Term>, Vec<&Term>) =
            factors.iter().partition(|factor| matches!(factor.node(), Node::Read { .. }));
        for factor in entries.into_iter().chain(others) {
            self.add_factor(&mut network, factor)?;
        }
        if let Some((example, _)) = &self.narrator.examples {
            network.broadcast(example, bound);
        }
        let matrix = network.contract(bound, &mut self.narrator)?;
        matrix.assemble(rows, columns, &mut self.narrator)
    }

    fn add_factor(&mut self, network: &mut Network, factor: &Term) -> Result<(), String> {
        let (base, divides) = match factor.node() {
            Node::Pow(base, exponent) if exponent.as_number().is_some_and(|n| n.is_negative()) => {
                (Term::pow(base, &exponent.negated()), true)
            }
            _ => (factor.clone(), false),
        };
        match base.free() {
            [] => network.insert(&[], self.matrix(&base, None, None)?, divides),
            [only] => network.insert(&[only], self.matrix(&base, Some(only), None)?, divides),
            [a, b] => {
                let natural = natural_order(&base, a, b).map(|(a, b)| (a.clone(), b.clone()));
                // Else the examples are along the rows.
                let is_example = |index: &Index| self.narrator.examples.as_ref().is_some_and(|(own, _)| own == index);
                let given = || if is_example(b) { (b.clone(), a.clone()) } else { (a.clone(), b.clone()) };
                let (a, b) = natural.or_else(|| network.order_of(a, b)).unwrap_or_else(given);
                network.insert(&[&a, &b], self.matrix(&base, Some(&a), Some(&b))?, divides);
            }
            many => return Err(format!("a factor has {} indices, and a matrix has two", many.len())),
        }
        Ok(())
    }

    /// `exp(u[k] - logsumexp[l] u[l])`
    fn softmax(
        &mut self,
        term: &Term,
        rows: Option<&Index>,
        columns: Option<&Index>,
    ) -> Option<Result<Matrix, String>> {
        let Node::Call(Function::Exp, arguments) = term.node() else { return None };
        let addends = arguments[0].addends();
        let (position, opened) = addends.iter().enumerate().find_map(|(position, addend)| {
            let opened = addend.negated().open_from(crate::term::fresh_id(&[term]))?;
            let fits = opened.reduction == Reduction::LogSumExp && opened.indices.len() == 1;
            fits.then_some((position, opened))
        })?;
        let mut rest = addends.to_vec();
        rest.remove(position);
        let of = Term::add(rest);
        let is_over = |index: &&Index| {
            index.extent == opened.indices[0].extent
                && opened.body.substitute(&opened.indices[0], &Affine::index(index)) == of
        };
        let over = [rows, columns].into_iter().flatten().find(is_over)?;
        let other = [rows, columns].into_iter().flatten().find(|index| *index != over);
        let matrix = match other {
            None => self.matrix(&of, Some(over), None),
            Some(other) => self.matrix(&of, Some(other), Some(over)),
        };
        Some(matrix.map(|of| {
            let softmax = Matrix::Softmax { of: Box::new(of), rows: other.is_some() };
            if other.is_some() && Some(over) == rows { softmax.transposed() } else { softmax }
        }))
    }
}

/// A sum that has to be multiplied out: with a delta of two indices, or with more than two indices.
fn needs_splitting(sum: &Term) -> bool {
    let delta = |addend: &Term| addend.factors().iter().any(|factor| is_delta(factor) && factor.free().len() == 2);
    sum.free().len() > 2 || sum.addends().iter().any(delta)
}

fn is_delta_of(term: &Term, rows: &Index, columns: &Index) -> bool {
    is_delta(term)
        && matches!(term.free(), [a, b] if (a == rows && b == columns) || (a == columns && b == rows))
        && rows.extent == columns.extent
        && *term == Term::delta(Term::index(rows), Term::index(columns))
}

/// The matrix repeated along further rows or columns.
fn spread(inner: Matrix, rows: Option<&Index>, columns: Option<&Index>) -> Matrix {
    let ones = |index: &Index| Matrix::Ones(index.extent.value());
    match (rows, columns) {
        (None, None) => inner,
        (Some(rows), None) if inner.is_scalar() => Matrix::scaled(vec![inner], ones(rows)),
        (Some(rows), None) => Matrix::product(vec![ones(rows), inner]),
        (None, Some(columns)) => Matrix::product(vec![inner, ones(columns).transposed()]),
        (Some(rows), Some(columns)) => {
            Matrix::scaled(vec![inner], Matrix::Product(vec![ones(rows), ones(columns).transposed()]))
        }
    }
}

fn read(tensor: &str, subscripts: &[Term], rows: Option<&Index>, columns: Option<&Index>) -> Result<Matrix, String> {
    let plain = |subscript: &Term| subscript.as_affine().and_then(|affine| affine.as_index().cloned());
    let Some(indices) = subscripts.iter().map(plain).collect::<Option<Vec<Index>>>() else {
        return Err(format!("`{tensor}` is read at a compound subscript"));
    };
    let matrix = Matrix::Tensor { name: tensor.into(), axes: subscripts.len() };
    match indices.as_slice() {
        [] | [_] => Ok(matrix),
        [a, b] if a == b => Ok(Matrix::DiagonalOf(Box::new(matrix))),
        [a, b] if Some(a) == rows && Some(b) == columns => Ok(matrix),
        [_, _] => Ok(matrix.transposed()),
        _ => Err(format!("`{tensor}` has {} axes, and a matrix has two", indices.len())),
    }
}

/// The order in which the first tensor that has both indices has them.
fn natural_order<'i>(term: &Term, a: &'i Index, b: &'i Index) -> Option<(&'i Index, &'i Index)> {
    reads_in_order(term, a, b).map(|in_order| if in_order { (a, b) } else { (b, a) })
}

fn reads_in_order(term: &Term, a: &Index, b: &Index) -> Option<bool> {
    if let Node::Read { subscripts, .. } = term.node() {
        let position = |index: &Index| subscripts.iter().position(|subscript| subscript.depends_on(index));
        return Some(position(a)? < position(b)?);
    }
    term.children().iter().find_map(|child| reads_in_order(child, a, b))
}
