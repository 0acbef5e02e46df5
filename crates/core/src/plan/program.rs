//! From a term without reductions to a register program.

use super::operation::{Binary, Instruction, Unary};
use super::tasks::{RATE, RESULT};
use crate::term::{Affine, Comparison, Connective, Function, Name, Node, Number, Term};
use std::collections::HashMap;

/// Integer powers up to this are products.
const LARGEST_POWER: i64 = 16;

/// A program in the making. Equal terms are computed once.
pub(super) struct Builder<'a> {
    pub code: Vec<Instruction>,
    /// The reads of the program, shared by program and ending.
    pub reads: &'a mut Vec<(Name, Vec<Term>)>,
    /// Numbers that are read by a name.
    constants: &'a dyn Fn(&Name) -> Option<f64>,
    /// The coefficients of an affine form over the loops.
    strides: &'a dyn Fn(&Affine) -> Vec<i64>,
    known: HashMap<Term, usize>,
    numbers: HashMap<u64, usize>,
}

impl<'a> Builder<'a> {
    pub fn new(
        reads: &'a mut Vec<(Name, Vec<Term>)>,
        constants: &'a dyn Fn(&Name) -> Option<f64>,
        strides: &'a dyn Fn(&Affine) -> Vec<i64>,
    ) -> Builder<'a> {
        Builder { code: Vec::new(), reads, constants, strides, known: HashMap::new(), numbers: HashMap::new() }
    }

    fn emit(&mut self, instruction: Instruction) -> usize {
        self.code.push(instruction);
        self.code.len() - 1
    }

    fn number(&mut self, value: f64) -> usize {
        if let Some(&known) = self.numbers.get(&value.to_bits()) {
            return known;
        }
        let place = self.emit(Instruction::Constant(value));
        self.numbers.insert(value.to_bits(), place);
        place
    }

    fn unary(&mut self, function: Unary, a: usize) -> usize {
        self.emit(Instruction::Unary(function, a))
    }

    fn binary(&mut self, function: Binary, a: usize, b: usize) -> usize {
        self.emit(Instruction::Binary(function, a, b))
    }

    /// The number of the value of a term.
    pub fn term(&mut self, term: &Term) -> usize {
        if let Some(&known) = self.known.get(term) {
            return known;
        }
        let place = match term.node() {
            Node::Number(number) => self.number(number.value()),
            Node::Affine(affine) => {
                let strides = (self.strides)(affine);
                self.emit(Instruction::Position { offset: affine.constant, strides })
            }
            Node::Read { tensor, subscripts } => self.read(tensor, subscripts),
            Node::Add(addends) => self.sum(addends),
            Node::Mul(factors) => self.product(factors),
            Node::Pow(base, exponent) => self.power(base, exponent),
            Node::Call(function, arguments) => self.call(*function, arguments),
            Node::Compare(comparison, left, right) => self.compare(*comparison, left, right),
            Node::Logic(connective, conditions) => self.logic(*connective, conditions),
            Node::Where(condition, then, otherwise) => {
                let (condition, then) = (self.term(condition), self.term(then));
                let otherwise = self.term(otherwise);
                self.emit(Instruction::Select(condition, then, otherwise))
            }
            // Lowering leaves none of these.
            Node::Reduce { .. } | Node::Jacobian { .. } | Node::Derivative { .. } => self.number(f64::NAN),
        };
        self.known.insert(term.clone(), place);
        place
    }

    fn read(&mut self, tensor: &Name, subscripts: &[Term]) -> usize {
        match &**tensor {
            RATE => return self.emit(Instruction::Rate),
            RESULT => return self.emit(Instruction::Reduced),
            _ => {}
        }
        if let Some(number) = (self.constants)(tensor) {
            return self.number(number);
        }
        let read = (tensor.clone(), subscripts.to_vec());
        let place = self.reads.iter().position(|other| *other == read).unwrap_or_else(|| {
            self.reads.push(read);
            self.reads.len() - 1
        });
        let mut computed = Vec::new();
        for (axis, subscript) in subscripts.iter().enumerate().filter(|(_, subscript)| subscript.as_affine().is_none())
        {
            computed.push((axis, self.term(subscript)));
        }
        if computed.is_empty() {
            return self.emit(Instruction::Read(place));
        }
        self.emit(Instruction::Gather { read: place, subscripts: computed })
    }

    /// What positions alone decide is added up by itself: numbers that cancel leave small values their digits.
    fn sum(&mut self, addends: &[Term]) -> usize {
        let (positions, values): (Vec<Term>, Vec<Term>) =
            addends.iter().cloned().partition(|addend| addend.tensors().is_empty());
        if positions.len() < 2 || values.is_empty() {
            return self.plain_sum(addends);
        }
        let (positions, values) = (self.plain_sum(&positions), self.plain_sum(&values));
        self.binary(Binary::Add, values, positions)
    }

    fn plain_sum(&mut self, addends: &[Term]) -> usize {
        let negative = |addend: &&Term| addend.leading_number().is_negative();
        let (minus, plus): (Vec<&Term>, Vec<&Term>) = addends.iter().partition(negative);
        let mut sum = None;
        for addend in plus {
            let value = self.term(addend);
            sum = Some(sum.map_or(value, |sum| self.binary(Binary::Add, sum, value)));
        }
        for addend in minus {
            let value = self.term(&addend.negated());
            sum = Some(match sum {
                Some(sum) => self.binary(Binary::Subtract, sum, value),
                None => self.unary(Unary::Negative, value),
            });
        }
        sum.unwrap_or_else(|| self.number(0.0))
    }

    /// Factors, then divisions; 0 where a condition among the factors is false.
    fn product(&mut self, factors: &[Term]) -> usize {
        let (conditions, others): (Vec<&Term>, Vec<&Term>) = factors.iter().partition(|factor| factor.is_condition());
        let mut condition = None;
        for factor in conditions {
            let value = self.term(factor);
            condition = Some(condition.map_or(value, |before| self.binary(Binary::And, before, value)));
        }
        let product = self.plain_product(&others);
        match (condition, product) {
            (None, product) => product.unwrap_or_else(|| self.number(1.0)),
            (Some(condition), None) => condition,
            (Some(condition), Some(product)) => {
                let zero = self.number(0.0);
                self.emit(Instruction::Select(condition, product, zero))
            }
        }
    }

    fn plain_product(&mut self, factors: &[&Term]) -> Option<usize> {
        let mut product: Option<usize> = None;
        let mut negative = false;
        for factor in factors {
            if factor.as_number().is_some_and(|number| number.negated().is_one()) {
                negative = true;
            } else if inverted(factor).is_none() {
                let value = self.term(factor);
                product = Some(product.map_or(value, |before| self.binary(Binary::Multiply, before, value)));
            }
        }
        for factor in factors {
            let Some(divisor) = inverted(factor) else { continue };
            let divisor = self.term(&divisor);
            product = Some(match product {
                Some(before) => self.binary(Binary::Divide, before, divisor),
                None => self.unary(Unary::Inverse, divisor),
            });
        }
        match product {
            Some(product) if negative => Some(self.unary(Unary::Negative, product)),
            None if negative => Some(self.number(-1.0)),
            product => product,
        }
    }

    fn power(&mut self, base: &Term, exponent: &Term) -> usize {
        let number = exponent.as_number();
        match number.and_then(Number::as_integer) {
            Some(power) if (1..=LARGEST_POWER).contains(&power) => {
                let base = self.term(base);
                return self.integer_power(base, power);
            }
            Some(power) if (-LARGEST_POWER..0).contains(&power) => {
                let base = self.term(base);
                let positive = self.integer_power(base, -power);
                return self.unary(Unary::Inverse, positive);
            }
            _ => {}
        }
        let base = self.term(base);
        match number.map(Number::value) {
            Some(0.5) => self.unary(Unary::HalfPower, base),
            Some(-0.5) => self.unary(Unary::InverseRoot, base),
            _ => {
                let exponent = self.term(exponent);
                self.binary(Binary::Power, base, exponent)
            }
        }
    }

    /// By squaring.
    fn integer_power(&mut self, base: usize, power: i64) -> usize {
        if power <= 1 {
            return base;
        }
        let half = self.integer_power(base, power / 2);
        let square = self.unary(Unary::Square, half);
        if power % 2 == 0 { square } else { self.binary(Binary::Multiply, square, base) }
    }

    fn call(&mut self, function: Function, arguments: &[Term]) -> usize {
        if let (Function::Floor, Some(divisor)) = (function, arguments[0].denominator().filter(|divisor| *divisor > 1))
        {
            return self.floor_quotient(&arguments[0], divisor);
        }
        let first = self.term(&arguments[0]);
        let two = |builder: &mut Self, function| {
            let second = builder.term(&arguments[1]);
            builder.binary(function, first, second)
        };
        match function {
            Function::Stop => first,
            Function::Max => two(self, Binary::Max),
            Function::Min => two(self, Binary::Min),
            Function::Mod => two(self, Binary::Modulo),
            _ => self.unary(Unary::Call(function), first),
        }
    }

    /// The floor of a sum of fractions. It is divided at the end: a dividend of integers is exact, and so is then the
    /// floor of its quotient, which is rounded to no integer that it does not reach.
    fn floor_quotient(&mut self, quotient: &Term, divisor: i64) -> usize {
        let dividend = self.term(&Term::mul(vec![Term::integer(divisor), quotient.clone()]));
        let divisor = self.number(divisor as f64);
        let quotient = self.binary(Binary::Divide, dividend, divisor);
        self.unary(Unary::Call(Function::Floor), quotient)
    }

    fn compare(&mut self, comparison: Comparison, left: &Term, right: &Term) -> usize {
        let (left, right) = (self.term(left), self.term(right));
        self.emit(Instruction::Compare(comparison, left, right))
    }

    fn logic(&mut self, connective: Connective, conditions: &[Term]) -> usize {
        let values: Vec<usize> = conditions.iter().map(|condition| self.term(condition)).collect();
        let join = match connective {
            Connective::Not => return self.unary(Unary::Not, values[0]),
            Connective::And => Binary::And,
            Connective::Or => Binary::Or,
        };
        let mut values = values.into_iter();
        let first = values.next().unwrap_or_default();
        values.fold(first, |before, value| self.binary(join, before, value))
    }
}

/// What a factor divides by: `x`, where it is `x^-n`.
fn inverted(factor: &Term) -> Option<Term> {
    let Node::Pow(base, exponent) = factor.node() else { return None };
    let power = exponent.as_number().and_then(Number::as_integer)?;
    (-LARGEST_POWER..0).contains(&power).then(|| Term::pow(base, &Term::integer(-power)))
}
