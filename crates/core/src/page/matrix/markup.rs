//! Matrix expressions as formulas.

use super::tree::Matrix;
use crate::derivation::derivative_parts;
use crate::page::Markup;
use crate::page::index::{comparison_sign, magnitude};
use crate::term::{Comparison, Connective, Function, Name, Number};

impl Matrix {
    /// As a formula.
    pub fn markup(&self) -> Markup {
        match self.signed() {
            (true, markup) => markup.negated(),
            (false, markup) => markup,
        }
    }

    /// The formula without its sign, and whether that is a minus.
    fn signed(&self) -> (bool, Markup) {
        match self {
            Matrix::Number(number) => (number.is_negative(), magnitude(*number)),
            Matrix::Scaled(scalars, inner) => {
                let negative = matches!(scalars.first(), Some(Matrix::Number(number)) if number.is_negative());
                (negative, scaled(scalars, inner))
            }
            Matrix::Quotient(above, below) => {
                let (negative, above) = above.signed();
                let (above, below_markup) = (Box::new(above), Box::new(below.markup()));
                (
                    negative,
                    match below.is_scalar() {
                        true => Markup::Quotient(above, below_markup),
                        false => Markup::HadamardQuotient(above, below_markup),
                    },
                )
            }
            _ => (false, self.unsigned()),
        }
    }

    fn unsigned(&self) -> Markup {
        let all = |matrices: &[Matrix]| matrices.iter().map(Matrix::markup).collect::<Vec<_>>();
        let call = |function: &str, of: &Matrix| Markup::Call(function.into(), vec![of.markup()]);
        match self {
            Matrix::Tensor { name, .. } => tensor(name),
            Matrix::Size(size) => Markup::name(&size.name),
            // Bold, as for no number: `1/6 𝟏 bᵀ`.
            Matrix::Ones(_) => Markup::name("𝟏"),
            Matrix::Identity(_) => Markup::name("I"),
            Matrix::Sum(addends) => Markup::Sum(addends.iter().map(Matrix::signed).collect()),
            Matrix::Product(factors) => Markup::product(all(factors)),
            Matrix::Hadamard(factors) => Markup::Hadamard(all(factors)),
            Matrix::Power(base, exponent) => {
                let (base_markup, exponent) = (Box::new(base.markup()), Box::new(exponent.markup()));
                match base.is_scalar() {
                    true => Markup::Power(base_markup, exponent),
                    false => Markup::HadamardPower(base_markup, exponent),
                }
            }
            Matrix::Call(Function::Mod, arguments) if arguments.len() == 2 => {
                Markup::Relation(Box::new(arguments[0].markup()), "mod", Box::new(arguments[1].markup()))
            }
            // The root of a sum of squares has a sign of its own.
            Matrix::Call(Function::Sqrt, arguments) if matches!(arguments.as_slice(), [Matrix::SquaredNorm(_)]) => {
                let Matrix::SquaredNorm(inner) = &arguments[0] else { return call("sqrt", &arguments[0]) };
                Markup::Norm(Box::new(inner.markup()))
            }
            Matrix::Call(Function::Acos, of) if *of == [Matrix::Number(Number::MINUS_ONE)] => Markup::name("π"),
            Matrix::Call(function, arguments) => Markup::Call(function.name().into(), all(arguments)),
            Matrix::Transposed(inner) => Markup::Transposed(Box::new(inner.markup())),
            Matrix::Diagonal(inner) | Matrix::DiagonalOf(inner) => call("diag", inner),
            Matrix::Trace(inner) => call("tr", inner),
            Matrix::SquaredNorm(inner) => {
                Markup::Power(Box::new(Markup::Norm(Box::new(inner.markup()))), Box::new(Markup::integer(2)))
            }
            Matrix::Whole(reduction, inner) => call(reduction.name(), inner),
            Matrix::Rows(reduction, inner) => call(&format!("row{}", reduction.name()), inner),
            Matrix::Softmax { of, rows } => call(if *rows { "rowsoftmax" } else { "softmax" }, of),
            Matrix::Compare(..) | Matrix::Logic(..) => Markup::Bracket(Box::new(self.condition())),
            Matrix::Where(condition, then, otherwise) => {
                let condition = match **condition {
                    Matrix::Compare(..) | Matrix::Logic(..) => condition.condition(),
                    _ => Markup::Relation(Box::new(condition.markup()), "!=", Box::new(Markup::integer(0))),
                };
                Markup::Call("where".into(), vec![condition, then.markup(), otherwise.markup()])
            }
            Matrix::Number(_) | Matrix::Scaled(..) | Matrix::Quotient(..) => self.signed().1,
        }
    }

    fn condition(&self) -> Markup {
        match self {
            Matrix::Compare(comparison, left, right) => {
                let turns = matches!(comparison, Comparison::Equal | Comparison::NotEqual)
                    && matches!(**left, Matrix::Number(_));
                let (left, right) = if turns { (right, left) } else { (left, right) };
                Markup::Relation(Box::new(left.markup()), comparison_sign(*comparison), Box::new(right.markup()))
            }
            Matrix::Logic(Connective::Not, conditions) => Markup::Not(Box::new(conditions[0].condition())),
            Matrix::Logic(connective, conditions) => {
                let word = if *connective == Connective::And { "and" } else { "or" };
                Markup::Logic(word, conditions.iter().map(Matrix::condition).collect())
            }
            _ => self.markup(),
        }
    }
}

fn scaled(scalars: &[Matrix], inner: &Matrix) -> Markup {
    let mut factors = Vec::new();
    for (position, scalar) in scalars.iter().enumerate() {
        match scalar {
            Matrix::Number(number) if position == 0 && *number == Number::MINUS_ONE => {}
            Matrix::Number(number) if position == 0 => factors.push(magnitude(*number)),
            other => factors.push(other.markup()),
        }
    }
    match inner.markup() {
        Markup::Product(inner) => factors.extend(inner),
        Markup::Number(number) if number == "1" && !factors.is_empty() => {}
        other => factors.push(other),
    }
    Markup::product(factors)
}

fn tensor(name: &Name) -> Markup {
    match derivative_parts(name) {
        Some((of, wrt)) => Markup::Derivative(Box::new(Markup::name(of)), Box::new(Markup::name(wrt))),
        None => Markup::name(name),
    }
}
