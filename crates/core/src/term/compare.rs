//! Comparisons: their opposites, and which hold whatever the indices are.

use super::*;

impl Comparison {
    /// The comparison that holds where this one does not, between numbers in an order.
    pub fn opposite(self) -> Comparison {
        match self {
            Comparison::Equal => Comparison::NotEqual,
            Comparison::NotEqual => Comparison::Equal,
            Comparison::Less => Comparison::GreaterEqual,
            Comparison::LessEqual => Comparison::Greater,
            Comparison::Greater => Comparison::LessEqual,
            Comparison::GreaterEqual => Comparison::Less,
        }
    }

    /// Whether it holds between two numbers.
    pub fn holds<N: PartialOrd>(self, left: N, right: N) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Less => left < right,
            Comparison::LessEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterEqual => left >= right,
        }
    }

    /// Whether it holds, where that does not depend on anything, or the ranges of the indices
    /// in integers decide it.
    pub(super) fn decide(self, left: &Term, right: &Term) -> Option<bool> {
        if let (Some(a), Some(b)) = (left.as_number(), right.as_number()) {
            return Some(self.holds(a.value(), b.value()));
        }
        if !left.is_integer() || !right.is_integer() {
            return None;
        }
        if left == right {
            return Some(self.holds(0.0, 0.0));
        }
        // That two indices of extent 1 are equal is not decided: they are still two indices, and a delta
        // of them still collapses a sum.
        let (least, greatest) = match (left.node(), right.node()) {
            // Most often an index and another, or its end.
            (Node::Affine(one), Node::Affine(other)) if !one.has_common(other) => left.integer_ends_with(-1, right),
            (Node::Affine(_), Node::Number(_)) | (Node::Number(_), Node::Affine(_)) => {
                left.integer_ends_with(-1, right)
            }
            _ => {
                let difference = left.minus(right);
                if let Some(number) = difference.as_number() {
                    return Some(self.holds(number.value(), 0.0));
                }
                difference.integer_ends()
            }
        };
        self.decided_between(least, greatest)
    }

    /// Whether it holds between an integer and 0, where the least and greatest value of that, if known, decide it.
    fn decided_between(self, least: Option<i64>, greatest: Option<i64>) -> Option<bool> {
        let positive = least.is_some_and(|least| least > 0);
        let negative = greatest.is_some_and(|greatest| greatest < 0);
        let no_less = least.is_some_and(|least| least >= 0);
        let no_more = greatest.is_some_and(|greatest| greatest <= 0);
        let either = |holds: bool, fails: bool| if holds { Some(true) } else { fails.then_some(false) };
        match self {
            Comparison::Equal => either(false, positive || negative),
            Comparison::NotEqual => either(positive || negative, false),
            Comparison::Less => either(negative, no_less),
            Comparison::LessEqual => either(no_more, positive),
            Comparison::Greater => either(positive, no_more),
            Comparison::GreaterEqual => either(no_less, negative),
        }
    }
}
