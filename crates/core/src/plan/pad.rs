//! Reads that conditions keep inside their tensor, as reads of a copy with zeros around it, or
//! between its entries: so padded and strided convolutions and their adjoints are matrix products.

use super::PlanError;
use super::lower::Lowering;
use super::nest::is_inside;
use crate::term::{Affine, Comparison, Index, Name, Node, Slot, Term, fresh_id};

/// A factor that can be read from a copy.
struct Copy {
    /// The copy as a term of its own indices.
    entry: Term,
    /// The own indices with what stands for them in the read.
    at: Vec<(Index, Affine)>,
    /// Numbers of the conditions that the copy sees to.
    conditions: Vec<usize>,
}

/// Factors of a sum that read copies.
pub(super) struct Padded {
    /// The factors and the conditions that are left.
    pub factors: Vec<Term>,
    /// Those that copies see to.
    pub masks: Vec<Mask>,
}

/// A condition that a copy sees to: where it is false the copy is 0. The other factors have not seen it: where one of
/// those is not finite, 0 times it is no number.
pub(super) struct Mask {
    pub condition: Term,
    /// The names of what is 0 then.
    pub copies: Vec<Name>,
}

impl Lowering {
    /// The factors of a sum, those whose reads leave their tensors, or have floors in their
    /// subscripts, read from copies. `None` where there are no such factors.
    pub fn padded(&mut self, over: &[Index], factors: &[Term]) -> Result<Option<Padded>, PlanError> {
        let (conditions, others): (Vec<Term>, Vec<Term>) = factors.iter().cloned().partition(Term::is_condition);
        let first = fresh_id(&factors.iter().collect::<Vec<_>>()).max(over.iter().map(|i| i.id + 1).max().unwrap_or(0));
        let copies: Vec<Option<Copy>> = others.iter().map(|factor| self.copy_of(factor, &conditions, first)).collect();
        if !copies.iter().any(Option::is_some) {
            return Ok(None);
        }
        let mut padded = Padded { factors: Vec::new(), masks: Vec::new() };
        let mut seen: Vec<Vec<Name>> = vec![Vec::new(); conditions.len()];
        for (factor, copy) in others.iter().zip(&copies) {
            let Some(copy) = copy else {
                padded.factors.push(factor.clone());
                continue;
            };
            let read = self.materialise(&copy.entry)?.substitute_all(&copy.at);
            copy.conditions.iter().for_each(|number| seen[*number].extend(read.tensors()));
            padded.factors.push(read);
        }
        for (condition, copies) in conditions.into_iter().zip(seen) {
            match copies.is_empty() {
                true => padded.factors.push(condition),
                false => padded.masks.push(Mask { condition, copies }),
            }
        }
        Ok(Some(padded))
    }

    /// Whether a sum of these factors would read copies in a matrix product.
    pub fn pads(&self, factors: &[Term]) -> bool {
        let (conditions, others): (Vec<Term>, Vec<Term>) = factors.iter().cloned().partition(Term::is_condition);
        let first = fresh_id(&factors.iter().collect::<Vec<_>>());
        let copies: Vec<Option<Copy>> = others.iter().map(|factor| self.copy_of(factor, &conditions, first)).collect();
        if !copies.iter().any(Option::is_some) {
            return false;
        }
        let gone = |number: usize| copies.iter().flatten().any(|copy| copy.conditions.contains(&number));
        let rest = conditions.iter().enumerate().filter(|(number, _)| !gone(*number)).map(|(_, c)| c.clone());
        // A copy is read with the same indices as the tensor.
        let all: Vec<Term> = others.into_iter().chain(rest).collect();
        super::contract::group_count(&all) > 1
    }

    fn copy_of(&self, factor: &Term, conditions: &[Term], first: u32) -> Option<Copy> {
        let Node::Read { tensor, subscripts } = factor.node() else { return None };
        let value = self.values.get(tensor)?;
        let needs_copy = subscripts.iter().zip(&value.shape).any(|(subscript, extent)| !is_inside(subscript, *extent));
        if value.is_recurrent || !needs_copy {
            return None;
        }
        let (mut at, mut used) = (Vec::new(), Vec::new());
        let mut entry = Vec::new();
        let mut inner = Vec::new();
        for (subscript, extent) in subscripts.iter().zip(&value.shape) {
            if is_inside(subscript, *extent) {
                inner.push(subscript.clone());
                continue;
            }
            let form = form_of(subscript)?;
            let (least, greatest) = form.bounds()?;
            let own = Index::new(first + at.len() as u32, (greatest - least + 1) as usize, "e");
            let moved = shifted(&Affine::index(&own), least)?;
            inner.push(in_terms_of(subscript, &form, &moved)?);
            for (number, condition) in conditions.iter().enumerate() {
                if !used.contains(&number)
                    && let Some(condition) = in_terms_of(condition, &form, &moved)
                {
                    used.push(number);
                    // Beyond the axis the copy is 0 as it is.
                    if !is_edge(&condition, &inner[inner.len() - 1], *extent) {
                        entry.push(condition);
                    }
                }
            }
            // What is read at a computed place is 0 beyond the axis only under a condition.
            let place = &inner[inner.len() - 1];
            if place.as_affine().is_none() {
                let end = Term::integer(*extent as i64);
                entry.push(Term::compare(Comparison::LessEqual, Term::integer(0), place.clone()));
                entry.push(Term::compare(Comparison::Less, place.clone(), end));
            }
            at.push((own, shifted(&form, -least)?));
        }
        entry.push(Term::read(tensor, inner));
        Some(Copy { entry: Term::mul(entry), at, conditions: used })
    }
}

/// Whether a condition says no more than that a subscript is not below 0, or not beyond the last
/// position of its axis.
fn is_edge(condition: &Term, subscript: &Term, extent: usize) -> bool {
    let (zero, end) = (Term::integer(0), Term::integer(extent as i64));
    let lower = Term::compare(Comparison::LessEqual, zero, subscript.clone());
    let upper = Term::compare(Comparison::Less, subscript.clone(), end);
    subscript.as_affine().is_some() && (*condition == lower || *condition == upper)
}

fn shifted(form: &Affine, by: i64) -> Option<Affine> {
    Affine::combine(&[(1, form), (1, &Affine::constant(by))])
}

/// The affine form in a subscript that is a function of one.
fn form_of(term: &Term) -> Option<Affine> {
    match term.node() {
        Node::Number(_) | Node::Read { .. } | Node::Reduce { .. } => None,
        Node::Affine(form) => Some(form.clone()),
        _ => term.children().iter().find_map(form_of),
    }
}

/// The term with a form replaced, where the term is a function of it.
fn in_terms_of(term: &Term, form: &Affine, by: &Affine) -> Option<Term> {
    match term.node() {
        Node::Number(_) => Some(term.clone()),
        Node::Affine(own) => {
            let (slot, coefficient) = form.terms.first()?;
            let Slot::Free(index) = slot else { return None };
            let times = own.coefficient(index) / coefficient;
            let rest = Affine::combine(&[(1, own), (-times, form)])?;
            if !rest.terms.is_empty() {
                return None;
            }
            Affine::combine(&[(times, by), (1, &rest)]).map(Term::affine)
        }
        Node::Read { .. } | Node::Reduce { .. } => None,
        _ => {
            let children = term.children();
            let moved: Option<Vec<Term>> = children.iter().map(|child| in_terms_of(child, form, by)).collect();
            Some(term.with_children(moved?))
        }
    }
}
