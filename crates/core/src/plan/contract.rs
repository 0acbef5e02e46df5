//! Sums of products: which of them are matrix products, and in which order several factors are
//! multiplied.

use super::PlanError;
use super::lower::Lowering;
use super::pad::Mask;
use super::tasks::{Guard, Work, space};
use crate::term::{Index, Name, Node, Reduction, Term};

/// Up to so many factors every order is tried.
const EXHAUSTIVE: usize = 5;

/// Factors that are multiplied position by position, and the indices in them.
#[derive(Clone)]
struct Group {
    factors: Vec<Term>,
    indices: Vec<Index>,
}

impl Group {
    fn new(factors: Vec<Term>) -> Group {
        let mut indices: Vec<Index> = factors.iter().flat_map(|factor| factor.free().iter().cloned()).collect();
        indices.sort();
        indices.dedup();
        Group { factors, indices }
    }

    fn has(&self, index: &Index) -> bool {
        self.indices.binary_search(index).is_ok()
    }

    fn contains(&self, indices: &[Index]) -> bool {
        indices.iter().all(|index| self.has(index))
    }

    /// Whether it is in memory already.
    fn is_read(&self) -> bool {
        matches!(self.factors.as_slice(), [factor] if matches!(factor.node(), Node::Read { .. }))
    }

    fn join(&self, other: &Group) -> Group {
        Group::new(self.factors.iter().chain(&other.factors).cloned().collect())
    }
}

impl Mask {
    /// Whether a group is 0 where it is false.
    fn is_seen_by(&self, group: &Group) -> bool {
        let is_copy = |name: &Name| self.copies.contains(name);
        match group.factors.as_slice() {
            [read] if group.is_read() => matches!(read.node(), Node::Read { tensor, .. } if is_copy(tensor)),
            factors => factors.contains(&self.condition),
        }
    }
}

impl Lowering {
    /// A sum, as matrix products where it is one.
    pub fn sum(&mut self, over: &[Index], body: Term) -> Result<Term, PlanError> {
        let (over, missing): (Vec<Index>, Vec<Index>) = over.iter().cloned().partition(|index| body.depends_on(index));
        if !missing.is_empty() {
            let times = missing.iter().map(|index| Term::integer(index.extent.value() as i64));
            let rest = self.sum(&over, body)?;
            return Ok(Term::mul(times.chain([rest]).collect()));
        }
        if over.is_empty() {
            return Ok(body);
        }
        if let Node::Add(addends) = body.node() {
            return self.sum_of_addends(&over, addends);
        }
        // What is the same for all positions is multiplied afterwards.
        let (inside, outside): (Vec<Term>, Vec<Term>) =
            body.factors().iter().cloned().partition(|factor| over.iter().any(|index| factor.depends_on(index)));
        let conditions: Vec<Term> = inside.iter().filter(|factor| factor.is_condition()).cloned().collect();
        let counts = self.counts_somewhere(&over, &conditions, &outside)?;
        let sum = self.sum_of_factors(&over, inside)?;
        Ok(Term::mul(outside.into_iter().chain(counts).chain([sum]).collect()))
    }

    /// Addends that are matrix products, or the same for all positions, are summed by themselves.
    fn sum_of_addends(&mut self, over: &[Index], addends: &[Term]) -> Result<Term, PlanError> {
        let apart = |addend: &Term| {
            let inside = addend.factors().iter().filter(|f| over.iter().any(|index| f.depends_on(index)));
            let inside: Vec<Term> = inside.cloned().collect();
            inside.is_empty() || groups(&inside).len() > 1
        };
        let (alone, together): (Vec<Term>, Vec<Term>) = addends.iter().cloned().partition(apart);
        let mut sums = Vec::new();
        for addend in alone {
            sums.push(self.sum(over, addend)?);
        }
        if !together.is_empty() {
            let together = Term::add(together);
            let depends = over.iter().all(|index| together.depends_on(index));
            let sum = match together.node() {
                Node::Add(_) if depends => self.reduce(Reduction::Sum, over, together)?,
                Node::Add(_) => {
                    let (own, missing): (Vec<Index>, Vec<Index>) =
                        over.iter().cloned().partition(|index| together.depends_on(index));
                    let sum = self.reduce(Reduction::Sum, &own, together)?;
                    let times = missing.iter().map(|index| Term::integer(index.extent.value() as i64));
                    Term::mul(times.chain([sum]).collect())
                }
                _ => self.sum(over, together)?,
            };
            sums.push(sum);
        }
        Ok(Term::add(sums))
    }

    /// The sum of a product whose factors all depend on what is summed over.
    fn sum_of_factors(&mut self, over: &[Index], factors: Vec<Term>) -> Result<Term, PlanError> {
        if let Some(read) = self.scatter(over, &factors)? {
            return Ok(read);
        }
        let padded = if self.pads(&factors) { self.padded(over, &factors)? } else { None };
        let Some(padded) = padded else {
            let groups = groups(&factors);
            return self.sum_of_groups(over, factors, groups, Vec::new());
        };
        let groups = groups(&padded.factors);
        let all: Vec<Term> = padded.masks.iter().map(|mask| mask.condition.clone()).collect();
        if groups.len() < 2 {
            return self.sum_of_groups(over, padded.factors, groups, padded.masks);
        }
        // A group that has to be computed anyway sees to the masks of its indices.
        let groups: Vec<Group> =
            (groups.into_iter()).map(|group| if group.is_read() { group } else { under(group, &all) }).collect();
        let is_seen = |mask: &Mask| groups.iter().all(|group| mask.is_seen_by(group));
        let masks = padded.masks.into_iter().filter(|mask| !is_seen(mask)).collect();
        self.sum_of_groups(over, padded.factors, groups, masks)
    }

    /// The sum of a product of groups. Where a mask is false some group is 0, but another one may not be finite.
    fn sum_of_groups(
        &mut self,
        over: &[Index],
        factors: Vec<Term>,
        groups: Vec<Group>,
        masks: Vec<Mask>,
    ) -> Result<Term, PlanError> {
        let conditions = || masks.iter().map(|mask| mask.condition.clone());
        if groups.len() < 2 {
            if let Some(sum) = self.guarded(over, &factors, &masks)? {
                return Ok(sum);
            }
            let all = factors.into_iter().chain(conditions()).collect();
            return self.reduce(Reduction::Sum, over, Term::mul(all));
        }
        // An index of one group only is summed there first.
        for (number, group) in groups.iter().enumerate() {
            let elsewhere = |index: &Index| groups.iter().enumerate().any(|(other, g)| other != number && g.has(index));
            let own: Vec<Index> = over.iter().filter(|index| group.has(index) && !elsewhere(index)).cloned().collect();
            if own.is_empty() {
                continue;
            }
            if conditions().any(|mask| own.iter().any(|index| mask.depends_on(index))) {
                // Nothing else would know where there is no addend at all.
                let all = factors.into_iter().chain(conditions()).collect();
                return self.reduce(Reduction::Sum, over, Term::mul(all));
            }
            let summed = self.sum(&own, Term::mul(group.factors.clone()))?;
            let others = groups.iter().enumerate().filter(|(other, _)| *other != number);
            let others = others.flat_map(|(_, group)| group.factors.iter().cloned());
            let rest: Vec<Index> = over.iter().filter(|index| !own.contains(index)).cloned().collect();
            let factors: Vec<Term> = others.chain([summed]).collect();
            return match masks.is_empty() {
                true => self.sum(&rest, Term::mul(factors)),
                false => self.masked(&rest, factors, masks),
            };
        }
        self.contract(over, groups, masks)
    }

    /// A sum in which some factor is 0 where a mask is false.
    fn masked(&mut self, over: &[Index], factors: Vec<Term>, masks: Vec<Mask>) -> Result<Term, PlanError> {
        let depends = |factor: &Term| over.iter().any(|index| factor.depends_on(index));
        let covered = over.iter().all(|index| factors.iter().any(|factor| factor.depends_on(index)));
        if over.is_empty() || !covered {
            let all = Term::mul(factors.into_iter().chain(masks.into_iter().map(|mask| mask.condition)).collect());
            return if over.is_empty() { Ok(all) } else { self.sum(over, all) };
        }
        let (inside, outside): (Vec<Term>, Vec<Term>) = factors.into_iter().partition(depends);
        let (of_sum, after): (Vec<Mask>, Vec<Mask>) = masks.into_iter().partition(|mask| depends(&mask.condition));
        let groups = groups(&inside);
        let conditions = inside.iter().filter(|factor| factor.is_condition());
        let conditions: Vec<Term> = conditions.chain(of_sum.iter().map(|mask| &mask.condition)).cloned().collect();
        let counts = self.counts_somewhere(over, &conditions, &outside)?;
        let sum = self.sum_of_groups(over, inside, groups, of_sum)?;
        let after = after.into_iter().map(|mask| mask.condition);
        Ok(Term::mul(outside.into_iter().chain(counts).chain(after).chain([sum]).collect()))
    }

    /// Multiplies two groups after the other, in the cheapest order.
    fn contract(&mut self, over: &[Index], mut groups: Vec<Group>, mut masks: Vec<Mask>) -> Result<Term, PlanError> {
        while groups.len() > 1 {
            let (a, b) = cheapest_pair(over, &groups);
            let (second, first) = (groups.remove(b), groups.remove(a));
            let ends: Vec<Index> = ending_indices(over, &first, &second, &groups);
            let joined = first.join(&second);
            if ends.is_empty() {
                let conditions: Vec<Term> = masks.iter().map(|mask| mask.condition.clone()).collect();
                groups.push(under(joined, &conditions));
                continue;
            }
            let kept: Vec<Index> = joined.indices.iter().filter(|index| !ends.contains(index)).cloned().collect();
            let own: Vec<&Mask> = masks.iter().filter(|mask| joined.contains(mask.condition.free())).collect();
            let unseen = [&first, &second].map(|group| own.iter().any(|mask| !mask.is_seen_by(group)));
            let condition = Term::mul(own.iter().map(|mask| mask.condition.clone()).collect());
            let guard = unseen.contains(&true).then_some(Guard { condition, unseen });
            let read = self.product([&first, &second], ends.clone(), kept, guard)?;
            masks = self.masks_after(masks, &joined, &ends, &read, &groups)?;
            groups.push(Group::new(vec![read]));
        }
        // Outer products may be left over; they are no sums.
        let factors = groups.into_iter().flat_map(|group| group.factors).collect();
        let product = Term::mul(factors);
        let left: Vec<Index> = over.iter().filter(|index| product.depends_on(index)).cloned().collect();
        if left.is_empty() { Ok(product) } else { self.reduce(Reduction::Sum, &left, product) }
    }

    /// The masks that are left once a group is summed into `read`. Those of the indices that end there hold where some
    /// position was counted: elsewhere the sum is 0, whatever it is multiplied with.
    fn masks_after(
        &mut self,
        masks: Vec<Mask>,
        joined: &Group,
        ends: &[Index],
        read: &Term,
        others: &[Group],
    ) -> Result<Vec<Mask>, PlanError> {
        let (mut own, mut left): (Vec<Mask>, Vec<Mask>) =
            masks.into_iter().partition(|mask| joined.contains(mask.condition.free()));
        own.iter_mut().for_each(|mask| mask.copies.extend(read.tensors()));
        let (ended, own): (Vec<Mask>, Vec<Mask>) =
            own.into_iter().partition(|mask| ends.iter().any(|index| mask.condition.depends_on(index)));
        left.extend(own);
        let conditions: Vec<Term> = ended.iter().map(|mask| mask.condition.clone()).collect();
        let beside: Vec<Term> = others.iter().flat_map(|group| group.factors.iter().cloned()).collect();
        if let Some(condition) = self.counts_somewhere(ends, &conditions, &beside)? {
            left.push(Mask { condition, copies: read.tensors().into_iter().collect() });
        }
        Ok(left)
    }

    /// A read of the sum of the products of two groups.
    fn product(
        &mut self,
        [first, second]: [&Group; 2],
        over: Vec<Index>,
        kept: Vec<Index>,
        guard: Option<Guard>,
    ) -> Result<Term, PlanError> {
        let (left, right) = (self.operand(first)?, self.operand(second)?);
        let condition = guard.as_ref().map(|guard| &guard.condition);
        let factors = condition.into_iter().chain([&left, &right]).cloned().collect();
        let key = Term::sum(&over, Term::mul(factors));
        if let Some(read) = self.known(&key, &kept) {
            return Ok(read);
        }
        let symmetric = match guard {
            Some(_) => Vec::new(),
            None => {
                let own = |group: &Group, other: &Group| -> Vec<Index> {
                    kept.iter().filter(|index| group.has(index) && !other.has(index)).cloned().collect()
                };
                let term = Term::mul(first.factors.iter().chain(&second.factors).cloned().collect());
                self.symmetric_pairs(&term, &own(first, second), &own(second, first))
            }
        };
        let work = Work::Contract {
            left,
            right,
            over,
            scale: 1.0,
            descends: false,
            guard,
            symmetric,
            diagonal: 0.0,
            weights: None,
        };
        self.value(key, kept, work)
    }

    /// A sum of two groups of which only one sees a condition, as in causal attention: its copy is 0
    /// where the condition is false, so the product is right wherever the other group is finite.
    /// `None` where the sum is no such one.
    fn guarded(&mut self, over: &[Index], factors: &[Term], masks: &[Mask]) -> Result<Option<Term>, PlanError> {
        let factors: Vec<Term> = factors.iter().flat_map(factors_under_condition).collect();
        let Some(([first, second], guards)) = guarded_groups(&factors) else { return Ok(None) };
        // What is summed in one group beforehand is no longer guarded in the other.
        let is_of_both = first.contains(over) && second.contains(over);
        let is_safe = |group: &Group| {
            let sees_all = guards.iter().all(|guard| group.contains(guard.free()));
            sees_all || group.factors.iter().all(|factor| self.reads_stay_inside(factor))
        };
        if !is_of_both || !is_safe(&first) || !is_safe(&second) {
            return Ok(None);
        }
        let kept = first.join(&second).indices.into_iter().filter(|index| !over.contains(index)).collect();
        let unseen = [&first, &second].map(|group| {
            let sees_all = guards.iter().all(|guard| group.contains(guard.free()));
            !sees_all || masks.iter().any(|mask| !mask.is_seen_by(group))
        });
        let all = guards.iter().chain(masks.iter().map(|mask| &mask.condition)).cloned().collect();
        let guard = Guard { condition: Term::mul(all), unseen };
        self.product([&first, &second], over.to_vec(), kept, Some(guard)).map(Some)
    }

    fn reads_stay_inside(&self, term: &Term) -> bool {
        let here = !matches!(term.node(), Node::Read { .. }) || self.stays_inside(term);
        here && term.children().iter().all(|child| self.reads_stay_inside(child))
    }

    /// A read of the product of a group.
    fn operand(&mut self, group: &Group) -> Result<Term, PlanError> {
        if group.is_read() && self.stays_inside(&group.factors[0]) {
            return Ok(group.factors[0].clone());
        }
        self.materialise(&Term::mul(group.factors.clone()))
    }
}

/// Factors whose indices are all in another factor go together with it. One group means that
/// there is no matrix product.
///
/// A condition keeps all other factors from counting where it is false, even NaN. A group that
/// has its indices can see to that, so it goes into all of them; where a group has not, the
/// product is guarded or stays one loop. A condition on data goes only where its indices are: it decides between
/// numbers, and what is NaN there is so by the data.
fn groups(factors: &[Term]) -> Vec<Group> {
    let (conditions, others): (Vec<Term>, Vec<Term>) = factors.iter().cloned().partition(Term::is_condition);
    let groups = by_indices(others);
    let is_seen = |condition: &Term| {
        let on_data = !condition.tensors().is_empty();
        let mut groups = groups.iter();
        let sees = |group: &Group| group.contains(condition.free());
        if on_data { groups.any(sees) } else { groups.all(sees) }
    };
    if groups.len() < 2 || !conditions.iter().all(is_seen) {
        return vec![Group::new(factors.to_vec())];
    }
    groups.into_iter().map(|group| under(group, &conditions)).collect()
}

/// The condition on positions and the factors of `where(condition, factors, 0)`; else the term itself.
fn factors_under_condition(term: &Term) -> Vec<Term> {
    match term.node() {
        Node::Where(condition, then, otherwise)
            if otherwise.is_zero() && condition.is_condition() && condition.tensors().is_empty() =>
        {
            [condition].into_iter().chain(then.factors()).cloned().collect()
        }
        _ => vec![term.clone()],
    }
}

/// Two groups, with the conditions that only one of them sees; `None` where there are others, or a
/// condition that no group sees.
fn guarded_groups(factors: &[Term]) -> Option<([Group; 2], Vec<Term>)> {
    let (conditions, others): (Vec<Term>, Vec<Term>) = factors.iter().cloned().partition(Term::is_condition);
    let groups: [Group; 2] = by_indices(others).try_into().ok()?;
    let seen = |condition: &Term| groups.iter().filter(|group| group.contains(condition.free())).count();
    if conditions.iter().any(|condition| seen(condition) == 0) {
        return None;
    }
    let is_guard = |condition: &&Term| condition.tensors().is_empty() && seen(condition) == 1;
    let guards: Vec<Term> = conditions.iter().filter(is_guard).cloned().collect();
    (!guards.is_empty()).then(|| (groups.map(|group| under(group, &conditions)), guards))
}

/// The group with the conditions that it sees.
fn under(group: Group, conditions: &[Term]) -> Group {
    let own: Vec<Term> = conditions.iter().filter(|condition| group.contains(condition.free())).cloned().collect();
    if own.is_empty() { group } else { group.join(&Group::new(own)) }
}

/// Factors that are no conditions, those whose indices are all in another one together with it.
fn by_indices(mut others: Vec<Term>) -> Vec<Group> {
    others.sort_by_key(|factor| (std::cmp::Reverse(factor.free().len()), !matches!(factor.node(), Node::Read { .. })));
    let mut groups: Vec<Group> = Vec::new();
    for factor in others {
        // Rather where a loop is needed anyway.
        let fits = |group: &&mut Group| group.contains(factor.free());
        let position =
            groups.iter_mut().filter(fits).min_by_key(|group| (group.is_read(), space(&group.indices) as u64));
        match position {
            Some(group) => *group = group.join(&Group::new(vec![factor])),
            None => groups.push(Group::new(vec![factor])),
        }
    }
    groups
}

/// In how many groups a product of these factors would be multiplied.
pub(super) fn group_count(factors: &[Term]) -> usize {
    groups(factors).len()
}

/// Whether a sum over single positions is one of outer products. They are matrix products with one summand: what
/// depends on rows or columns alone is computed for those alone, as for more summands.
pub(super) fn is_outer_product(over: &[Index], body: &Term) -> bool {
    let runs = |group: &&Group| group.indices.iter().any(|index| index.extent.value() > 1);
    let is_outer = |addend: &Term| {
        let inside = addend.factors().iter().filter(|factor| over.iter().any(|index| factor.depends_on(index)));
        groups(&inside.cloned().collect::<Vec<_>>()).iter().filter(runs).count() > 1
    };
    let is_single = over.iter().all(|index| index.extent.value() == 1 && body.depends_on(index));
    is_single
        && match body.node() {
            Node::Add(addends) => addends.iter().all(is_outer),
            _ => is_outer(body),
        }
}

/// What is summed over when these two are multiplied: what no other group has.
fn ending_indices(over: &[Index], a: &Group, b: &Group, others: &[Group]) -> Vec<Index> {
    let ends = |index: &&Index| (a.has(index) || b.has(index)) && !others.iter().any(|group| group.has(index));
    over.iter().filter(ends).cloned().collect()
}

/// The pair to multiply next.
fn cheapest_pair(over: &[Index], groups: &[Group]) -> (usize, usize) {
    let depth = if groups.len() <= EXHAUSTIVE { groups.len() } else { 2 };
    cheapest(over, groups, depth).1
}

/// The least number of multiplications for the groups, and the pair that comes first.
fn cheapest(over: &[Index], groups: &[Group], depth: usize) -> (f64, (usize, usize)) {
    let mut best = (f64::INFINITY, (0, 1));
    if groups.len() < 2 || depth < 2 {
        return (0.0, (0, 1));
    }
    for a in 0..groups.len() {
        for b in a + 1..groups.len() {
            let mut rest = groups.to_vec();
            let (second, first) = (rest.remove(b), rest.remove(a));
            let ends = ending_indices(over, &first, &second, &rest);
            let mut joined = first.join(&second);
            let mut price = space(&joined.indices);
            joined.indices.retain(|index| !ends.contains(index));
            // Only the indices matter for the price.
            rest.push(joined);
            price += cheapest(over, &rest, depth - 1).0;
            if price < best.0 {
                best = (price, (a, b));
            }
        }
    }
    best
}
