//! Numbers that all addends of a sum have in common.

use super::build::scale_addend;
use super::*;

impl Term {
    /// The number that all its addends have in common, and itself without it: `2 a - 2 b` is 2 times `a - b`.
    /// A factor of a product has none.
    pub fn split_content(&self) -> (Number, Term) {
        match self.node() {
            Node::Add(addends) => match content(addends) {
                Some(common) => {
                    let inverse = common.power(-1);
                    (common, Term::add(addends.iter().map(|addend| scale_addend(inverse, addend)).collect()))
                }
                None => (Number::ONE, self.clone()),
            },
            _ => (Number::ONE, self.clone()),
        }
    }
}

/// The number, not 1, that the numbers of all addends are whole multiples of and that is one of them, but
/// for signs.
pub(super) fn content(addends: &[Term]) -> Option<Number> {
    let number = |addend: &Term| match addend.node() {
        Node::Number(number) => *number,
        Node::Mul(factors) => factors[0].as_number().unwrap_or(Number::ONE),
        _ => Number::ONE,
    };
    let size = |number: Number| if number.is_negative() { number.negated() } else { number };
    let least = addends.iter().map(|addend| size(number(addend))).min()?;
    let divides = |addend: &Term| {
        matches!(number(addend).times(least.power(-1)), Number::Ratio(_, 1)) && !number(addend).is_one()
    };
    (!least.is_one() && addends.iter().all(divides)).then_some(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_common_to_all_addends_comes_out_of_a_factor() {
        let (a, b, c) = (Term::read("a", vec![]), Term::read("b", vec![]), Term::read("c", vec![]));
        let times = |number: i64, term: &Term| Term::mul(vec![Term::integer(number), term.clone()]);
        let sum = Term::add(vec![a.clone(), b.clone()]);
        let double = times(2, &sum);
        assert_eq!(double, Term::add(vec![times(2, &a), times(2, &b)]));
        assert_eq!(
            Term::mul(vec![double.clone(), c.clone()]),
            Term::mul(vec![Term::integer(2), sum.clone(), c.clone()])
        );
        assert_eq!(Term::mul(vec![double.clone(), sum.clone()]), times(2, &Term::pow(&sum, &Term::integer(2))));
        assert_eq!(Term::pow(&double, &Term::integer(2)), times(4, &Term::pow(&sum, &Term::integer(2))));
        // Not where a number would become a fraction.
        let uneven = Term::add(vec![times(2, &a), times(3, &b)]);
        assert_eq!(uneven.split_content().0, Number::ONE);
        let half = Term::add(vec![Term::integer(1), Term::mul(vec![Term::ratio(-1, 2), a])]);
        assert_eq!(half.split_content().0, Number::ONE);
    }
}
