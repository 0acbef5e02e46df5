//! Whether two terms have the same value at a point, with bits added until that is known.

use super::super::Point;
use super::Lack;
use super::bound::Bound;
use super::real::Ball;
use super::refine::Finer;
use super::walk::Walk;
use crate::model::Model;
use crate::term::{Function, Index, Node, Number, Reduction, Term};

/// What is known of two terms at a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sides {
    /// They are equal: known exactly, or to what was asked for.
    Equal,
    /// They are certainly different; both values as doubles.
    Different(f64, f64),
    /// The first has no finite value.
    FirstUndefined,
    /// The second has none, but the first one has this.
    SecondUndefined(f64),
    /// So, and an argument in the second is not in the domain of its function: no pole that cancels.
    SecondOutside(f64),
    /// So many bits do not tell.
    Undecided(usize),
    /// It would take too long.
    TooLong,
}

/// With how many bits terms are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sought {
    /// At first.
    pub bits: usize,
    /// At most.
    pub most_bits: usize,
    /// How many times as many the next time.
    pub growth: usize,
    /// Numbers are equal if they differ, as far as is known, by less than 2 to the power of minus this of their size.
    pub agreement: i64,
}

impl Sought {
    /// For steps by rules: less than 1e-30 of the size.
    pub const STEP: Sought = Sought { bits: 128, most_bits: 512, growth: 4, agreement: 100 };
    /// For what people write: less than 1e-60 of the size.
    pub const CLAIM: Sought = Sought { bits: 256, most_bits: 1024, growth: 2, agreement: 200 };
}

/// Values less than 2 to the power of minus this of what is added up in them are taken for 0, if that many bits
/// do not tell anything else.
const ZERO: i64 = 300;

/// Terms of a model at a point.
pub struct Balls<'a> {
    model: &'a Model,
    point: &'a Point,
    finer: Finer,
    /// One for each number of bits.
    walks: Vec<(usize, Walk<'a>)>,
}

impl<'a> Balls<'a> {
    /// At a point with values of all that is given; doubles, which count as they are. Values of what is defined are
    /// not looked at.
    pub fn new(model: &'a Model, point: &'a Point) -> Balls<'a> {
        Balls::at(model, point, Finer::default())
    }

    /// At a point to which something is added.
    pub fn at(model: &'a Model, point: &'a Point, finer: Finer) -> Balls<'a> {
        Balls { model, point, finer, walks: Vec::new() }
    }

    /// How many nodes were visited so far.
    pub fn work(&self) -> usize {
        self.walks.iter().map(|(_, walk)| walk.work).sum()
    }

    fn walk(&mut self, bits: usize) -> &mut Walk<'a> {
        let position = match self.walks.iter().position(|(own, _)| *own == bits) {
            Some(position) => position,
            None => {
                self.walks.push((
                    bits,
                    Walk::new(self.model, self.point, self.finer.values.clone(), bits, self.finer.nothing()),
                ));
                self.walks.len() - 1
            }
        };
        &mut self.walks[position].1
    }

    /// Compares two terms with these values of their free indices, visiting at most so many nodes.
    pub fn compare(&mut self, terms: [&Term; 2], at: &[(Index, usize)], sought: Sought, most: usize) -> Sides {
        let mut bits = sought.bits;
        let mut left = most;
        loop {
            let finer = self.finer.clone();
            let walk = self.walk(bits);
            let before = walk.work;
            walk.most = before.saturating_add(left);
            let found = walk.sides(terms, at, &finer, sought, bits);
            left = left.saturating_sub(walk.work - before);
            match found {
                Ok(sides) => return sides,
                Err(Lack::Work) => return Sides::TooLong,
                Err(lack) if bits >= sought.most_bits || lack == Lack::Large => return Sides::Undecided(bits),
                Err(_) => bits = (bits * sought.growth).min(sought.most_bits),
            }
        }
    }
}

impl Walk<'_> {
    fn sides(
        &mut self,
        [first, second]: [&Term; 2],
        at: &[(Index, usize)],
        finer: &Finer,
        sought: Sought,
        bits: usize,
    ) -> Result<Sides, Lack> {
        let a = match self.value(first, at) {
            Ok(value) => value,
            Err(Lack::Undefined | Lack::Outside | Lack::Fault) => return Ok(Sides::FirstUndefined),
            Err(lack) => return Err(lack),
        };
        let Some(ball) = a.ball() else { return Ok(Sides::FirstUndefined) };
        let b = match self.value(second, at) {
            Ok(value) => value,
            Err(Lack::Undefined | Lack::Fault) => return Ok(Sides::SecondUndefined(a.to_double())),
            Err(Lack::Outside) => return Ok(Sides::SecondOutside(a.to_double())),
            Err(lack) => return Err(lack),
        };
        let Some(other) = b.ball() else { return Ok(Sides::SecondUndefined(a.to_double())) };
        let difference = ball.minus(other, bits)?;
        let sizes = [(ball.below(), ball.above()), (other.below(), other.above())];
        let greater = |a: Bound, b: Bound| if a > b { a } else { b };
        let (least, most) = (greater(sizes[0].0, sizes[1].0), greater(sizes[0].1, sizes[1].1));
        let is_apart = !difference.below().is_zero() || difference.sign().is_some_and(|sign| sign != 0);
        if is_apart {
            // Where a point does not quite obey its conditions, small differences say nothing.
            let counts = match finer.obeyed {
                None => true,
                Some(digits) => {
                    let size = greater(greater(most, self.size([first, second], at)?), Bound::power_of_two(0));
                    difference.below() > size.shifted(-digits)
                }
            };
            if counts {
                return Ok(Sides::Different(a.to_double(), b.to_double()));
            }
        }
        if a.has_trace_of(&b) {
            return Ok(Sides::Equal);
        }
        if finer.is_rough() {
            return Err(Lack::Large);
        }
        let one = Bound::power_of_two(0);
        let least = if finer.obeyed.is_some() { greater(least, one) } else { least };
        if difference.above() <= least.shifted(-sought.agreement) {
            return Ok(Sides::Equal);
        }
        // What the arguments of functions are made of, as in sin(π), is no smaller than 1.
        let is_nothing = |size: Bound| most <= greater(size, one).shifted(-ZERO);
        if bits >= sought.most_bits && is_nothing(self.size([first, second], at)?) {
            return Ok(Sides::Equal);
        }
        Err(Lack::Unsure)
    }

    /// The size of what is added up in two terms.
    fn size(&mut self, terms: [&Term; 2], at: &[(Index, usize)]) -> Result<Bound, Lack> {
        let mut size = Bound::ZERO;
        for term in terms {
            let own = self.value(&magnitude(term), at)?;
            let own = own.ball().map_or(Bound::ZERO, Ball::below);
            size = if own > size { own } else { size };
        }
        Ok(size)
    }
}

/// A term whose value is the size of what is added up in another: rounding errors are measured by it.
pub fn magnitude(term: &Term) -> Term {
    match term.node() {
        Node::Add(addends) => Term::add(addends.iter().map(magnitude).collect()),
        Node::Mul(factors) => Term::mul(factors.iter().map(magnitude).collect()),
        Node::Number(number) => Term::number(if number.is_negative() { number.negated() } else { *number }),
        Node::Pow(base, exponent)
            if exponent.as_number().and_then(Number::as_integer).is_some_and(|power| power > 0) =>
        {
            Term::pow(&magnitude(base), exponent)
        }
        Node::Reduce { reduction: Reduction::Sum, .. } => match term.open() {
            Some(opened) => Term::sum(&opened.indices, magnitude(&opened.body)),
            None => term.clone(),
        },
        _ if term.is_condition() => term.clone(),
        _ => Term::call(Function::Abs, term.clone()),
    }
}
