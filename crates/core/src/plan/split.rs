//! Indices in two: where a number divides an index, as in the gradient of pooling, the loop over it
//! becomes one over quotients and one over remainders, and floors and remainders are loops of their
//! own instead of arithmetic at every position.

use crate::term::{Affine, Function, Index, Kinds, Node, Number, Term};

/// `index = divisor · high + low`
pub(super) struct Split {
    pub index: Index,
    pub high: Index,
    pub low: Index,
    divisor: i64,
}

/// The splits of those indices that a term divides, and only by themselves. New indices are numbered
/// from `first`.
pub(super) fn splits(terms: &[&Term], indices: &[Index], first: u32) -> Vec<Split> {
    let mut splits = Vec::new();
    for index in indices {
        let mut divisor = 1;
        if !terms.iter().all(|term| divide(term, index, &mut divisor)) {
            continue;
        }
        let extent = index.extent.value() as i64;
        if divisor == 1 || divisor >= extent || extent % divisor != 0 {
            continue;
        }
        let id = first + 2 * splits.len() as u32;
        splits.push(Split {
            index: index.clone(),
            high: Index { id, extent: ((extent / divisor) as usize).into(), letter: index.letter.clone() },
            low: Index { id: id + 1, extent: (divisor as usize).into(), letter: index.letter.clone() },
            divisor,
        });
    }
    splits
}

/// Makes `divisor` a multiple of all that the index is divided by in a term; false where it is divided
/// together with others.
fn divide(term: &Term, index: &Index, divisor: &mut i64) -> bool {
    if !term.depends_on(index) || !term.kinds().meet(Kinds::CALL) {
        return true;
    }
    let division = match term.node() {
        Node::Call(Function::Floor, arguments) => arguments[0].as_quotient(),
        Node::Call(Function::Mod, arguments) => {
            let by = arguments[1].as_number().and_then(Number::as_integer).filter(|by| *by > 0);
            by.map(|by| (arguments[0].clone(), by))
        }
        _ => None,
    };
    if let Some((dividend, by)) = division
        && let Some(form) = dividend.as_affine()
    {
        let [(_, coefficient)] = &*form.terms else { return false };
        let by = by / greatest_common_divisor(by, *coefficient);
        *divisor *= by / greatest_common_divisor(*divisor, by);
        return true;
    }
    !term.any_child(&mut |child| !divide(child, index, divisor))
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// The term by the two indices of every split.
pub(super) fn apart(term: &Term, splits: &[Split]) -> Term {
    let pairs: Vec<(Index, Affine)> = splits.iter().map(|split| (split.index.clone(), split.form())).collect();
    term.substitute_all(&pairs)
}

/// The term by the undivided indices again; it has no reductions.
pub(super) fn together(term: &Term, splits: &[Split]) -> Term {
    splits.iter().fold(term.clone(), |term, split| split.undone(&term))
}

impl Split {
    fn form(&self) -> Affine {
        let (high, low) = (Affine::index(&self.high), Affine::index(&self.low));
        // No greater than the index was.
        Affine::combine(&[(self.divisor, &high), (1, &low)]).unwrap_or(high)
    }

    fn undone(&self, term: &Term) -> Term {
        if !term.depends_on(&self.high) && !term.depends_on(&self.low) {
            return term.clone();
        }
        let Node::Affine(form) = term.node() else { return term.map_children(&mut |child| self.undone(child)) };
        let times = form.coefficient(&self.high) / self.divisor;
        let whole = Affine::index(&self.index);
        let rest = Affine::combine(&[(1, form), (-times, &self.form()), (times, &whole)]);
        let index = Term::index(&self.index);
        let pairs = [
            (self.high.clone(), index.floor_quotient(self.divisor)),
            (self.low.clone(), index.remainder(self.divisor)),
        ];
        rest.map_or_else(|| term.clone(), Term::affine).substitute_terms(&pairs)
    }
}
