//! An equation between text and term: names, sums and functions are resolved, ranges are not
//! known yet.

use super::form::Form;
use super::scope::IndexId;
use crate::syntax::tree;
use crate::term::{Comparison, Connective, Function, Index, Name, Number, Reduction, Term};

/// An expression with its indices resolved.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Draft {
    /// What a parameter stands for, while the definition of a function is checked by itself.
    Opaque,
    Number(Number),
    /// An integer that depends on indices.
    Place(Form),
    Read(Name, Vec<Form>),
    Sum(Vec<Draft>),
    Product(Vec<Draft>),
    Negate(Box<Draft>),
    Power(Box<Draft>, Box<Draft>),
    Call(Function, Vec<Draft>),
    Compare(Comparison, Box<Draft>, Box<Draft>),
    Logic(Connective, Vec<Draft>),
    Where(Box<Draft>, Box<Draft>, Box<Draft>),
    Reduce(tree::Reduction, Vec<IndexId>, Box<Draft>),
}

impl Draft {
    /// `1 / self`
    pub fn inverse(self) -> Draft {
        Draft::Power(Box::new(self), Box::new(Draft::Number(Number::MINUS_ONE)))
    }

    /// The index it is, if it is one.
    pub fn as_index(&self) -> Option<IndexId> {
        match self {
            Draft::Place(form) => form.as_index(),
            _ => None,
        }
    }

    /// Whether its value is 0 or 1 by its form, or may be.
    pub fn is_condition(&self) -> bool {
        matches!(self, Draft::Compare(..) | Draft::Logic(..) | Draft::Opaque)
    }

    /// The term, given the index of each number.
    pub fn term(&self, indices: &[Index]) -> Term {
        let one = |draft: &Draft| draft.term(indices);
        let all = |drafts: &[Draft]| drafts.iter().map(one).collect::<Vec<_>>();
        match self {
            // Drafts with parameters are checked and dropped.
            Draft::Opaque => Term::integer(1),
            Draft::Number(number) => Term::number(*number),
            Draft::Place(form) => form.term(indices),
            Draft::Read(tensor, subscripts) => {
                Term::read(tensor, subscripts.iter().map(|subscript| subscript.term(indices)).collect())
            }
            Draft::Sum(addends) => Term::add(all(addends)),
            Draft::Product(factors) => Term::mul(all(factors)),
            Draft::Negate(inner) => one(inner).negated(),
            Draft::Power(base, exponent) => Term::pow(&one(base), &one(exponent)),
            Draft::Call(function, arguments) => match arguments.as_slice() {
                [first, second] => Term::call2(*function, one(first), one(second)),
                // There is one: the number of arguments was checked.
                _ => Term::call(*function, arguments.first().map_or_else(|| Term::integer(0), one)),
            },
            Draft::Compare(comparison, left, right) => match decided(*comparison, left, right, indices) {
                Some(holds) => Term::integer(holds as i64),
                None => Term::compare(*comparison, one(left), one(right)),
            },
            Draft::Logic(connective, conditions) => Term::logic(*connective, all(conditions)),
            Draft::Where(condition, then, otherwise) => Term::choose(one(condition), one(then), one(otherwise)),
            Draft::Reduce(reduction, bound, body) => {
                let bound: Vec<Index> = bound.iter().map(|&index| indices[index].clone()).collect();
                reduce(*reduction, &bound, one(body))
            }
        }
    }

    /// How many parts are looked at while the indices of its reductions are put in their best
    /// order: the orders of one reduction are tried for every order of those around it. `around`
    /// is the reduction directly around this one, `orders` how often this part is looked at.
    pub fn ordering_work(&self, around: Option<tree::Reduction>, orders: u64) -> u64 {
        let each = |drafts: &[Draft]| {
            drafts.iter().fold(orders, |work, draft| work.saturating_add(draft.ordering_work(None, orders)))
        };
        match self {
            Draft::Opaque | Draft::Number(_) => orders,
            Draft::Place(form) => form.ordering_work(orders),
            Draft::Read(_, subscripts) => {
                subscripts.iter().fold(orders, |work, form| work.saturating_add(form.ordering_work(orders)))
            }
            Draft::Sum(parts) | Draft::Product(parts) | Draft::Call(_, parts) | Draft::Logic(_, parts) => each(parts),
            Draft::Negate(inner) => each(std::slice::from_ref(inner)),
            Draft::Power(a, b) | Draft::Compare(_, a, b) => {
                a.ordering_work(None, orders).saturating_add(b.ordering_work(None, orders))
            }
            Draft::Where(a, b, c) => {
                let branches = b.ordering_work(None, orders).saturating_add(c.ordering_work(None, orders));
                branches.saturating_add(a.ordering_work(None, orders))
            }
            Draft::Reduce(reduction, bound, body) => {
                // One directly inside another of its kind becomes one with it.
                let bound = bound.len() as u64 + u64::from(around == Some(*reduction));
                body.ordering_work(Some(*reduction), orders.saturating_mul((1..=bound.min(4)).product()))
            }
        }
    }
}

/// Whether a comparison of subscripts holds, where their ranges decide it.
fn decided(comparison: Comparison, left: &Draft, right: &Draft, indices: &[Index]) -> Option<bool> {
    let (Draft::Place(left), Draft::Place(right)) = (left, right) else { return None };
    // At all sizes it is decided by the term.
    let is_sized = |form: &Form| {
        let sized = |index: &IndexId| indices.get(*index).is_some_and(|index| index.extent.form().is_some());
        form.has_sizes() || form.indices().iter().any(sized)
    };
    if is_sized(left) || is_sized(right) {
        return None;
    }
    let extents = |index: IndexId| indices.get(index).map(|index| index.extent.value());
    let (least, greatest) = left.plus(-1, right)?.bounds(&extents)?;
    match comparison {
        Comparison::Less if greatest < 0 => Some(true),
        Comparison::Less if least >= 0 => Some(false),
        Comparison::LessEqual if greatest <= 0 => Some(true),
        Comparison::LessEqual if least > 0 => Some(false),
        Comparison::Greater if least > 0 => Some(true),
        Comparison::Greater if greatest <= 0 => Some(false),
        Comparison::GreaterEqual if least >= 0 => Some(true),
        Comparison::GreaterEqual if greatest < 0 => Some(false),
        _ => None,
    }
}

fn reduce(reduction: tree::Reduction, bound: &[Index], body: Term) -> Term {
    let kind = match reduction {
        tree::Reduction::Sum | tree::Reduction::Mean => Reduction::Sum,
        tree::Reduction::Prod => Reduction::Prod,
        tree::Reduction::Max => Reduction::Max,
        tree::Reduction::Min => Reduction::Min,
        tree::Reduction::ArgMax => Reduction::ArgMax,
        tree::Reduction::ArgMin => Reduction::ArgMin,
        tree::Reduction::LogSumExp => Reduction::LogSumExp,
    };
    let reduced = Term::reduce(kind, bound, body);
    if reduction != tree::Reduction::Mean {
        return reduced;
    }
    let (sized, known): (Vec<&Index>, Vec<&Index>) = bound.iter().partition(|index| index.extent.form().is_some());
    let ratio = |index: &&Index| Number::ratio(1, index.extent.value() as i128);
    let share = known.iter().fold(Number::ONE, |share, index| share.times(ratio(index)));
    let shares = sized.iter().map(|index| index.extent.term().inverse());
    Term::mul(shares.chain([Term::number(share), reduced]).collect())
}
