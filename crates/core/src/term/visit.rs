//! Walking through terms: children, opening and closing reductions, replacing indices.

use super::*;

/// A reduction with its indices made free.
pub struct Opened {
    /// Which reduction.
    pub reduction: Reduction,
    /// The indices it binds, now free, occurring nowhere else in the reduction.
    pub indices: Vec<Index>,
    /// What is reduced.
    pub body: Term,
}

impl Opened {
    /// The reduction again.
    pub fn close(&self) -> Term {
        Term::reduce(self.reduction, &self.indices, self.body.clone())
    }
}

/// As [`Opened`], but only looked at.
pub struct Under<'t> {
    /// Which reduction.
    pub reduction: Reduction,
    /// The indices it binds, now free, occurring nowhere else in the reduction.
    pub indices: &'t [Index],
    /// What is reduced.
    pub body: &'t Term,
}

/// A number for an index that is free in none of the terms.
pub fn fresh_id(terms: &[&Term]) -> u32 {
    terms.iter().filter_map(|term| term.free().last()).map(|index| index.id + 1).max().unwrap_or(0)
}

/// The closed body of a reduction with its indices made free, numbered from `first`.
fn open_body(binders: &[Binder], body: &Term, first: u32) -> (Vec<Index>, Term) {
    let indices: Vec<Index> = binders
        .iter()
        .zip(first..)
        .map(|(binder, id)| Index { id, extent: binder.extent.clone(), letter: binder.letter.clone() })
        .collect();
    let body = body.rebind(0, &holds_loose, &|depth, slot| match slot {
        Slot::Bound(bound) => indices.get(bound.checked_sub(depth)? as usize).map(Affine::index),
        Slot::Free(_) | Slot::Size(_) => None,
    });
    (indices, body)
}

/// Whether there is anything to replace in a term inside so many binders.
type Touches<'a> = dyn Fn(u32, &Term) -> bool + 'a;

/// Whether a term has slots that no reduction inside it, nor one of so many around it, binds.
fn holds_loose(depth: u32, term: &Term) -> bool {
    term.0.loose > depth
}

impl Node {
    /// The terms directly inside, as [`Node::parts`] lists them.
    pub(super) fn for_each_part<'t>(&'t self, visit: &mut dyn FnMut(&'t Term)) {
        match self {
            Node::Number(_) | Node::Affine(_) => {}
            Node::Read { subscripts: terms, .. }
            | Node::Add(terms)
            | Node::Mul(terms)
            | Node::Call(_, terms)
            | Node::Logic(_, terms) => terms.iter().for_each(visit),
            Node::Pow(a, b) | Node::Compare(_, a, b) => [a, b].into_iter().for_each(visit),
            Node::Where(a, b, c) => [a, b, c].into_iter().for_each(visit),
            Node::Reduce { body, .. } => visit(body),
            Node::Jacobian { subscripts, at, .. } => subscripts.iter().chain(at).for_each(visit),
            Node::Derivative { of, at, .. } => std::iter::once(of).chain(at).for_each(visit),
        }
    }

    /// How many terms are directly inside.
    fn count(&self) -> usize {
        let mut count = 0;
        self.for_each_part(&mut |_| count += 1);
        count
    }

    /// The terms directly inside; the body of a reduction is closed.
    pub(super) fn parts(&self) -> Vec<&Term> {
        let mut parts = Vec::with_capacity(self.count());
        self.for_each_part(&mut |part| parts.push(part));
        parts
    }

    /// The same node around other terms, in the order of `parts`.
    fn with_parts(&self, parts: Vec<Term>) -> Term {
        let mut parts = parts.into_iter();
        let mut next = || parts.next().expect("as many parts as before");
        match self {
            Node::Number(number) => Term::number(*number),
            Node::Affine(affine) => Term::affine(affine.clone()),
            Node::Read { tensor, .. } => Term::read_named(tensor.clone(), parts.collect()),
            Node::Add(_) => Term::add(parts.collect()),
            Node::Mul(_) => Term::mul(parts.collect()),
            Node::Call(function, arguments) => match arguments.len() {
                1 => Term::call(*function, next()),
                _ => Term::call2(*function, next(), next()),
            },
            Node::Logic(connective, _) => Term::logic(*connective, parts.collect()),
            Node::Pow(..) => Term::pow(&next(), &next()),
            Node::Compare(comparison, ..) => Term::compare(*comparison, next(), next()),
            Node::Where(..) => Term::choose(next(), next(), next()),
            Node::Reduce { reduction, binders, .. } => Term::bind(*reduction, binders.clone(), next()),
            Node::Jacobian { tensor, subscripts, wrt, .. } => {
                let subscripts = subscripts.iter().map(|_| next()).collect();
                Term::jacobian(tensor, subscripts, wrt, parts.collect())
            }
            Node::Derivative { wrt, .. } => {
                let of = next();
                Term::derivative(of, wrt, parts.collect())
            }
        }
    }
}

impl Term {
    /// The terms directly inside, the body of a reduction opened as [`Term::open`] does.
    pub fn children(&self) -> Vec<Term> {
        match self.under() {
            Some(under) => vec![under.body.clone()],
            None => self.node().parts().into_iter().cloned().collect(),
        }
    }

    /// Visits the terms directly inside, as [`Term::children`] gives them.
    pub fn for_each_child(&self, visit: &mut dyn FnMut(&Term)) {
        match self.node() {
            Node::Reduce { .. } => visit(&self.opened().1),
            node => node.for_each_part(&mut |part| visit(part)),
        }
    }

    /// Whether any of the terms directly inside fulfils a condition.
    pub fn any_child(&self, holds: &mut dyn FnMut(&Term) -> bool) -> bool {
        let mut found = false;
        self.for_each_child(&mut |child| found = found || holds(child));
        found
    }

    /// The indices and the body of a reduction, as [`Term::open`] gives them; of any other term itself.
    fn opened(&self) -> &(Vec<Index>, Term) {
        self.0.opened.get_or_init(|| match self.node() {
            Node::Reduce { binders, body, .. } => {
                let (indices, body) = open_body(binders, body, fresh_id(&[self]));
                debug_assert!(self.kinds().hold(body.kinds()), "{body:?}");
                Box::new((indices, body))
            }
            _ => Box::new((Vec::new(), self.clone())),
        })
    }

    /// Keeps what a reduction was made of, where that is what [`Term::open`] gives.
    pub(super) fn remember_opened(&self, indices: &[Index], body: &Term) {
        let Node::Reduce { binders, .. } = self.node() else { return };
        let are_given = indices.iter().zip(binders).zip(fresh_id(&[self])..);
        let are_given =
            are_given.into_iter().all(|((index, binder), id)| index.id == id && index.letter == binder.letter);
        if are_given && indices.len() == binders.len() && !body.0.has_signed_power {
            // Another thread that opened it has the same.
            let _ = self.0.opened.set(Box::new((indices.to_vec(), body.clone())));
        }
    }

    /// The same node around other children, in the order of [`Term::children`].
    pub fn with_children(&self, mut children: Vec<Term>) -> Term {
        if self.has_children(&children) {
            return self.clone();
        }
        match self.under() {
            Some(under) => Term::reduce(under.reduction, under.indices, children.remove(0)),
            None => self.node().with_parts(children),
        }
    }

    /// Whether the terms directly inside are those, not only equal to them.
    fn has_children(&self, children: &[Term]) -> bool {
        let mut others = children.iter();
        let mut are_same = true;
        self.for_each_child(&mut |child| {
            are_same = are_same && others.next().is_some_and(|other| Arc::ptr_eq(&child.0, &other.0));
        });
        are_same
    }

    /// Itself with a function applied to every child.
    pub fn map_children(&self, f: &mut dyn FnMut(&Term) -> Term) -> Term {
        let mut children = Vec::with_capacity(self.node().count());
        self.for_each_child(&mut |child| children.push(f(child)));
        self.with_children(children)
    }

    /// A reduction with its indices made free, numbered above all that are free in it; `None` for
    /// any other term.
    pub fn open(&self) -> Option<Opened> {
        let Node::Reduce { reduction, .. } = self.node() else { return None };
        let (indices, body) = self.opened().clone();
        Some(Opened { reduction: *reduction, indices, body })
    }

    /// As [`Term::open`], but copies nothing.
    pub fn under(&self) -> Option<Under<'_>> {
        let Node::Reduce { reduction, .. } = self.node() else { return None };
        let (indices, body) = self.opened();
        Some(Under { reduction: *reduction, indices, body })
    }

    /// As [`Term::open`], numbered from `first`, which must be above all that are free in it.
    pub fn open_from(&self, first: u32) -> Option<Opened> {
        let Node::Reduce { reduction, binders, body } = self.node() else { return None };
        let (indices, body) = open_body(binders, body, first);
        Some(Opened { reduction: *reduction, indices, body })
    }

    /// The body of a reduction over the indices.
    pub(super) fn close(&self, indices: &[Index]) -> Term {
        let touches = |_, term: &Term| indices.iter().any(|index| term.depends_on(index));
        self.rebind(0, &touches, &|depth, slot| match slot {
            Slot::Free(index) => {
                let position = indices.iter().position(|bound| bound == index)? as u32;
                Some(Affine::slot(Slot::Bound(depth + position)))
            }
            Slot::Bound(_) | Slot::Size(_) => None,
        })
    }

    /// The closed body of a reduction with its binders in another order: new binder `k` is old
    /// binder `order[k]`.
    pub(super) fn permute_slots(&self, order: &[usize]) -> Term {
        self.rebind(0, &holds_loose, &|depth, slot| match slot {
            Slot::Bound(bound) => {
                let old = bound.checked_sub(depth)? as usize;
                let new = order.iter().position(|&position| position == old)? as u32;
                Some(Affine::slot(Slot::Bound(depth + new)))
            }
            Slot::Free(_) | Slot::Size(_) => None,
        })
    }

    /// Itself with a free index replaced by an affine form.
    pub fn substitute(&self, index: &Index, form: &Affine) -> Term {
        self.substitute_all(&[(index.clone(), form.clone())])
    }

    /// Itself with free indices replaced by affine forms, all at once.
    pub fn substitute_all(&self, pairs: &[(Index, Affine)]) -> Term {
        let touches = |_, term: &Term| pairs.iter().any(|(index, _)| term.depends_on(index));
        self.rebind(0, &touches, &|_, slot| match slot {
            Slot::Free(index) => pairs.iter().find(|(from, _)| from == index).map(|(_, form)| form.clone()),
            Slot::Bound(_) | Slot::Size(_) => None,
        })
    }

    /// Itself with free indices replaced by terms of integer value, all at once. Affine forms stay
    /// affine where what replaces their indices is.
    pub fn substitute_terms(&self, pairs: &[(Index, Term)]) -> Term {
        let forms = pairs.iter().map(|(index, term)| Some((index.clone(), term.as_affine()?)));
        if let Some(forms) = forms.collect::<Option<Vec<_>>>() {
            return self.substitute_all(&forms);
        }
        if !pairs.iter().any(|(index, _)| self.depends_on(index)) {
            return self.clone();
        }
        match self.node() {
            Node::Affine(affine) => {
                let part = |(slot, coefficient): &(Slot, i64)| {
                    let own = || Term::affine(Affine::slot(slot.clone()));
                    let found = pairs.iter().find(|(from, _)| *slot == Slot::Free(from.clone()));
                    let value = found.map_or_else(own, |(_, term)| term.clone());
                    Term::mul(vec![Term::integer(*coefficient), value])
                };
                Term::add(affine.terms.iter().map(part).chain([Term::integer(affine.constant)]).collect())
            }
            // What replaces has no bound indices, so nothing is captured under a reduction.
            node => node.with_parts(node.parts().into_iter().map(|part| part.substitute_terms(pairs)).collect()),
        }
    }

    /// Itself with a free index replaced by `numerator / divisor`, which must be a whole number:
    /// where multiples of the index stand nothing is divided, elsewhere a floor.
    pub fn substitute_quotient(&self, index: &Index, numerator: &Term, divisor: i64) -> Term {
        if !self.depends_on(index) {
            return self.clone();
        }
        match self.node() {
            Node::Affine(affine) => {
                let coefficient = affine.coefficient(index);
                let rest =
                    affine.terms.iter().filter(|(slot, _)| *slot != Slot::Free(index.clone())).cloned().collect();
                let rest = Term::affine(Affine { terms: rest, constant: affine.constant });
                let moved = match coefficient % divisor {
                    0 => Term::mul(vec![Term::integer(coefficient / divisor), numerator.clone()]),
                    _ => Term::mul(vec![Term::integer(coefficient), numerator.floor_quotient(divisor)]),
                };
                Term::add(vec![rest, moved])
            }
            node => {
                let parts = node.parts().into_iter().map(|part| part.substitute_quotient(index, numerator, divisor));
                node.with_parts(parts.collect())
            }
        }
    }

    /// Replaces the slots for which `f`, given the number of binders around, has a form. Terms in which
    /// there is nothing to replace, as `touches` tells with that number, are left as they are.
    fn rebind(&self, depth: u32, touches: &Touches, f: &dyn Fn(u32, &Slot) -> Option<Affine>) -> Term {
        if !touches(depth, self) {
            return self.clone();
        }
        match self.node() {
            Node::Number(_) => self.clone(),
            Node::Affine(Affine { terms, constant: 0 }) if matches!(**terms, [(_, 1)]) => {
                f(depth, &terms[0].0).map_or_else(|| self.clone(), Term::affine)
            }
            Node::Affine(affine) => {
                let constant = Affine::constant(affine.constant);
                let replaced: Vec<(i64, Affine)> = affine
                    .terms
                    .iter()
                    .map(|(slot, coefficient)| {
                        let same = || Affine::slot(slot.clone());
                        (*coefficient, f(depth, slot).unwrap_or_else(same))
                    })
                    .collect();
                let mut parts: Vec<(i64, &Affine)> = replaced.iter().map(|(c, form)| (*c, form)).collect();
                parts.push((1, &constant));
                // Subscripts are bounded by extents, which fit 32 bits with room to spare.
                Affine::combine(&parts).map_or_else(|| self.clone(), Term::affine)
            }
            node => {
                let inner = match node {
                    Node::Reduce { binders, .. } => depth + binders.len() as u32,
                    _ => depth,
                };
                let mut parts = Vec::with_capacity(node.count());
                node.for_each_part(&mut |part| parts.push(part.rebind(inner, touches, f)));
                node.with_parts(parts)
            }
        }
    }

    /// Whether the tensor is read anywhere in it.
    pub fn reads(&self, name: &str) -> bool {
        if !self.kinds().meet(Kinds::READ) {
            return false;
        }
        let here = matches!(self.node(), Node::Read { tensor, .. } if &**tensor == name);
        let mut found = here;
        self.node().for_each_part(&mut |part| found = found || part.reads(name));
        found
    }

    /// The tensors read in it, in order of first appearance, without repeats.
    pub fn tensors(&self) -> Vec<Name> {
        let mut names = Vec::new();
        self.collect_tensors(&mut names);
        names
    }

    fn collect_tensors(&self, names: &mut Vec<Name>) {
        if !self.kinds().meet(Kinds::READ) {
            return;
        }
        if let Node::Read { tensor, .. } = self.node()
            && !names.contains(tensor)
        {
            names.push(tensor.clone());
        }
        self.node().for_each_part(&mut |part| part.collect_tensors(names));
    }
}
