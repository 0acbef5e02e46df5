//! The order of the binders of a reduction.

use super::*;

/// The order of the binders under which the closed body is least. Beyond four binders the order
/// given is kept.
pub(super) fn canonical_order(binders: Vec<Binder>, body: Term) -> (Vec<Binder>, Term) {
    if !(2..=4).contains(&binders.len()) {
        return (binders, body);
    }
    let mut orders: Vec<&[usize]> = permutations(binders.len()).iter().map(|order| &**order).collect();
    if let Some(least) = least_by_factors(&body, &orders) {
        orders = least;
    }
    orders
        .into_iter()
        .map(|order| {
            let permuted: Vec<Binder> = order.iter().map(|&old| binders[old].clone()).collect();
            (reordered(&body, order), permuted)
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
/// the next. `None` where a factor may change its kind, or a sign may move: that is where a power of a sum is.
fn least_by_factors<'o>(body: &Term, orders: &[&'o [usize]]) -> Option<Vec<&'o [usize]>> {
    let factors = body.factors();
    let is_free = |factor: &Term| !matches!(factor.node(), Node::Add(_) | Node::Pow(..));
    if body.0.has_signed_power && !factors.iter().all(is_free) {
        return None;
    }
    let mut left = orders.to_vec();
    for group in factors.chunk_by(|one, other| kind(one) == kind(other)) {
        if left.len() == 1 {
            break;
        }
        // Where only one entry of a tensor is in the product, its subscripts decide one after the other.
        if let [only] = group
            && let Node::Read { subscripts, .. } = only.node()
        {
            subscripts.iter().for_each(|subscript| keep_least_subscript(&mut left, subscript));
            continue;
        }
        let image = |order: &[usize]| {
            let mut images: Vec<Term> = group.iter().map(|factor| reordered(factor, order)).collect();
            images.sort();
            images.iter().all(|image| kind(image) == kind(&group[0])).then_some(images)
        };
        let mut images: Vec<Vec<Term>> = left.iter().map(|order| image(order)).collect::<Option<_>>()?;
        keep_least(&mut left, &mut images);
    }
    Some(left)
}

/// Keeps the orders under which a subscript is least.
fn keep_least_subscript(orders: &mut Vec<&[usize]>, subscript: &Term) {
    if orders.len() == 1 || subscript.0.loose == 0 {
        return;
    }
    match subscript.node() {
        // An index by itself is least where it comes first.
        Node::Affine(Affine { terms, constant: 0 }) if matches!(**terms, [(Slot::Bound(_), 1)]) => {
            let Slot::Bound(bound) = terms[0].0 else { return };
            let place = |order: &[usize]| order.iter().position(|old| *old == bound as usize);
            let mut places: Vec<Option<usize>> = orders.iter().map(|order| place(order)).collect();
            keep_least(orders, &mut places);
        }
        _ => {
            let mut images: Vec<Term> = orders.iter().map(|order| reordered(subscript, order)).collect();
            keep_least(orders, &mut images);
        }
    }
}

/// Keeps the orders whose images are least.
fn keep_least<K: Ord>(orders: &mut Vec<&[usize]>, images: &mut [K]) {
    let mut kept = 0;
    for next in 0..orders.len() {
        let ordering = if kept == 0 { Ordering::Less } else { images[next].cmp(&images[0]) };
        if ordering == Ordering::Greater {
            continue;
        }
        kept = if ordering == Ordering::Less { 0 } else { kept };
        orders.swap(kept, next);
        images.swap(kept, next);
        kept += 1;
    }
    orders.truncate(kept);
}

/// What of a factor is compared first, whatever its indices.
fn kind(term: &Term) -> (std::mem::Discriminant<Node>, Option<&Name>) {
    let tensor = match term.node() {
        Node::Read { tensor, .. } => Some(tensor),
        _ => None,
    };
    (std::mem::discriminant(term.node()), tensor)
}

/// All orders of so many, at most four.
fn permutations(count: usize) -> &'static [Vec<usize>] {
    static ALL: [OnceLock<Vec<Vec<usize>>>; 5] = [const { OnceLock::new() }; 5];
    ALL[count].get_or_init(|| permuted(&(0..count).collect::<Vec<_>>()))
}

fn permuted(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (position, &first) in items.iter().enumerate() {
        let mut rest = items.to_vec();
        rest.remove(position);
        for mut tail in permuted(&rest) {
            tail.insert(0, first);
            all.push(tail);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::term::draws::draws;

    /// The least body of all, by trying every order.
    fn by_trying(binders: &[Binder], body: &Term) -> (Vec<Binder>, Term) {
        let tried = permutations(binders.len()).iter().map(|order| {
            let permuted: Vec<Binder> = order.iter().map(|&old| binders[old].clone()).collect();
            (body.permute_slots(order), permuted)
        });
        tried.min().map(|(body, binders)| (binders, body)).unwrap()
    }

    #[test]
    fn the_least_order_is_found_factor_by_factor_too() {
        let mut draw = draws(7);
        for _ in 0..2000 {
            let count = 2 + draw(3);
            let letters = ["i", "j", "k", "l"];
            let indices: Vec<Index> = (0..count).map(|id| Index::new(id as u32, 3, letters[id])).collect();
            let free = Index::new(9, 3, "f");
            let signs = draw(3);
            let mut subscript = || match draw(5) {
                0 => Term::index(&free),
                1 => Term::add(vec![Term::index(&indices[draw(count)]), Term::index(&indices[draw(count)])]),
                _ => Term::index(&indices[draw(count)]),
            };
            let factors: Vec<Term> = (0..4)
                .map(|number| {
                    let (one, other, third) = (subscript(), subscript(), subscript());
                    let read = Term::read(["A", "A", "B", "C"][number], vec![one.clone(), other.clone(), third]);
                    let difference = || read.minus(&Term::read("D", vec![other.clone(), Term::index(&indices[0])]));
                    match (one.size() + other.size() + number + signs) % 7 {
                        0 => Term::delta(one, other),
                        1 => Term::call(Function::Exp, Term::mul(vec![Term::integer(-1), read])),
                        2 if number == 3 => Term::add(vec![read, Term::index(&free)]),
                        3 => read.inverse(),
                        4 => difference(),
                        5 if number == 2 => difference().inverse(),
                        _ => read,
                    }
                })
                .chain([Term::integer(if signs == 1 { -2 } else { 1 })])
                .collect();
            let body = Term::mul(factors).close(&indices);
            let binders: Vec<Binder> = indices
                .iter()
                .map(|index| Binder { extent: index.extent.clone(), letter: index.letter.clone() })
                .collect();
            let (expected, found) = (by_trying(&binders, &body), canonical_order(binders.clone(), body.clone()));
            assert_eq!(found.1, expected.1, "{body:?}");
            let letters = |binders: &[Binder]| binders.iter().map(|binder| binder.letter.clone()).collect::<Vec<_>>();
            assert_eq!(letters(&found.0), letters(&expected.0), "{body:?}");
        }
    }
}
