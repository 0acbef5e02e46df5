//! The order of the binders of a reduction.

use super::*;

/// The order of the binders under which the closed body is least. Beyond four binders the order
/// given is kept.
pub(super) fn canonical_order(binders: Vec<Binder>, body: Term) -> (Vec<Binder>, Term) {
    if !(2..=4).contains(&binders.len()) {
        return (binders, body);
    }
    let mut orders = permutations(&(0..binders.len()).collect::<Vec<_>>());
    if let Some(least) = least_by_factors(&body, &orders) {
        orders = least;
    }
    orders
        .into_iter()
        .map(|order| {
            let permuted: Vec<Binder> = order.iter().map(|&old| binders[old].clone()).collect();
            (reordered(&body, &order), permuted)
        })
        .min()
        .map_or_else(|| (binders.clone(), body.clone()), |(body, binders)| (binders, body))
}

fn reordered(term: &Term, order: &[usize]) -> Term {
    let is_same = order.iter().enumerate().all(|(new, &old)| new == old);
    if is_same { term.clone() } else { term.permute_slots(order) }
}

/// The orders under which a product is least, found factor by factor: most often the first tells all.
/// Factors of different kinds keep their places in any order, so those of the first kind decide, then those of
/// the next. `None` where a factor may change its kind, or a sign may move.
fn least_by_factors(body: &Term, orders: &[Vec<usize>]) -> Option<Vec<Vec<usize>>> {
    let factors = body.factors();
    let is_free = |factor: &Term| !matches!(factor.node(), Node::Add(_) | Node::Pow(..));
    if !factors.iter().all(is_free) {
        return None;
    }
    let mut left: Vec<&Vec<usize>> = orders.iter().collect();
    for group in factors.chunk_by(|one, other| kind(one) == kind(other)) {
        let mut least: Option<Vec<Term>> = None;
        let mut kept: Vec<&Vec<usize>> = Vec::new();
        for order in left {
            let mut images: Vec<Term> = group.iter().map(|factor| reordered(factor, order)).collect();
            if images.iter().any(|image| kind(image) != kind(&group[0])) {
                return None;
            }
            images.sort();
            let ordering = least.as_ref().map_or(Ordering::Less, |least| images.cmp(least));
            if ordering == Ordering::Less {
                kept.clear();
                least = Some(images);
            }
            if ordering != Ordering::Greater {
                kept.push(order);
            }
        }
        left = kept;
        if left.len() == 1 {
            break;
        }
    }
    Some(left.into_iter().cloned().collect())
}

/// What of a factor is compared first, whatever its indices.
fn kind(term: &Term) -> (std::mem::Discriminant<Node>, Option<&Name>) {
    let tensor = match term.node() {
        Node::Read { tensor, .. } => Some(tensor),
        _ => None,
    };
    (std::mem::discriminant(term.node()), tensor)
}

fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (position, &first) in items.iter().enumerate() {
        let mut rest = items.to_vec();
        rest.remove(position);
        for mut tail in permutations(&rest) {
            tail.insert(0, first);
            all.push(tail);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least body of all, by trying every order.
    fn by_trying(binders: &[Binder], body: &Term) -> (Vec<Binder>, Term) {
        let orders = permutations(&(0..binders.len()).collect::<Vec<_>>());
        let tried = orders.iter().map(|order| {
            let permuted: Vec<Binder> = order.iter().map(|&old| binders[old].clone()).collect();
            (body.permute_slots(order), permuted)
        });
        tried.min().map(|(body, binders)| (binders, body)).unwrap()
    }

    #[test]
    fn the_least_order_is_found_factor_by_factor_too() {
        let mut state = 7u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..2000 {
            let count = 2 + draw(3) as usize;
            let letters = ["i", "j", "k", "l"];
            let indices: Vec<Index> = (0..count).map(|id| Index::new(id as u32, 3, letters[id])).collect();
            let free = Index::new(9, 3, "f");
            let mut subscript = || match draw(5) {
                0 => Term::index(&free),
                1 => Term::add(vec![
                    Term::index(&indices[draw(count as u64) as usize]),
                    Term::index(&indices[draw(count as u64) as usize]),
                ]),
                _ => Term::index(&indices[draw(count as u64) as usize]),
            };
            let factors: Vec<Term> = (0..4)
                .map(|number| {
                    let (one, other, third) = (subscript(), subscript(), subscript());
                    let read = Term::read(["A", "A", "B", "C"][number], vec![one.clone(), other.clone(), third]);
                    match (one.size() + other.size() + number) % 4 {
                        0 => Term::delta(one, other),
                        1 => Term::call(Function::Exp, Term::mul(vec![Term::integer(-1), read])),
                        2 if number == 3 => Term::add(vec![read, Term::index(&free)]),
                        _ => read,
                    }
                })
                .collect();
            let body = Term::mul(factors).close(&indices);
            let binders: Vec<Binder> =
                indices.iter().map(|index| Binder { extent: index.extent, letter: index.letter.clone() }).collect();
            let (expected, found) = (by_trying(&binders, &body), canonical_order(binders.clone(), body.clone()));
            assert_eq!(found.1, expected.1, "{body:?}");
            let letters = |binders: &[Binder]| binders.iter().map(|binder| binder.letter.clone()).collect::<Vec<_>>();
            assert_eq!(letters(&found.0), letters(&expected.0), "{body:?}");
        }
    }
}
