//! Which entries of a tensor a term can read at all: by far the most derivatives of one entry by another are
//! 0 because nothing reads it, and need not be computed.

use super::prepare::{Code, Entry, Linear, Loop};

/// The reads of one tensor in a term.
pub(super) struct Reach {
    reads: Vec<Vec<Interval>>,
}

/// Where a subscript lies: between two constants added to what comes from the free indices.
enum Interval {
    Between { free: Linear, least: i64, greatest: i64 },
    Anywhere,
}

impl Reach {
    /// Of the tensor in a term, in whose frame the first places are of free indices; `None` where the term
    /// has derivatives in it, which read what other definitions read.
    pub fn of(tensor: &str, code: &Code, free: usize) -> Option<Reach> {
        let mut search = Search { tensor, free, extents: Vec::new(), reads: Vec::new() };
        search.code(code)?;
        Some(Reach { reads: search.reads })
    }

    /// Whether a read may meet the entry, for these values of the free indices.
    pub fn meets(&self, free: &[usize], entry: &[usize]) -> bool {
        let meets = |read: &Vec<Interval>| read.iter().zip(entry).all(|(axis, at)| axis.meets(free, *at));
        self.reads.iter().any(meets)
    }
}

impl Interval {
    fn meets(&self, values: &[usize], at: usize) -> bool {
        let Interval::Between { free, least, greatest } = self else { return true };
        // In the unlikely case that 64 bits do not hold it, it may meet.
        let part = free.terms.iter().try_fold(0i64, |sum, (place, coefficient)| {
            sum.checked_add(coefficient.checked_mul(i64::try_from(values[*place]).ok()?)?)
        });
        let distance = part.and_then(|part| i64::try_from(at).ok()?.checked_sub(part));
        distance.is_none_or(|distance| (*least..=*greatest).contains(&distance))
    }
}

struct Search<'t> {
    tensor: &'t str,
    free: usize,
    /// The extents of the indices bound around, with their places.
    extents: Vec<(usize, usize)>,
    reads: Vec<Vec<Interval>>,
}

impl Search<'_> {
    fn code(&mut self, code: &Code) -> Option<()> {
        match code {
            Code::Fault(_) | Code::Number(_) | Code::Integer(_) => Some(()),
            Code::Read(read) => self.entry(&read.entry),
            Code::Sum(codes) | Code::Logic(_, codes) | Code::Call(_, codes) => self.all(codes),
            Code::Floor(multiples, _) => multiples.iter().try_for_each(|(_, code)| self.code(code)),
            Code::Share(addends, normaliser) => self.all(addends).and_then(|()| self.code(normaliser)),
            Code::Product(conditions, others) => self.all(conditions).and_then(|()| self.all(others)),
            Code::Power(sides) | Code::Compare(_, sides) => self.all(&**sides),
            Code::Where(parts) => self.all(&**parts),
            Code::Loop(own) => self.reduction(own),
            Code::Total(..) | Code::Derivative(..) | Code::Jacobian(_) => None,
        }
    }

    fn all(&mut self, codes: &[Code]) -> Option<()> {
        codes.iter().try_for_each(|code| self.code(code))
    }

    fn reduction(&mut self, own: &Loop) -> Option<()> {
        let around = self.extents.len();
        self.extents.extend(&own.indices);
        let found = own.guards.iter().flatten().chain([&own.body]).try_for_each(|code| self.code(code));
        self.extents.truncate(around);
        found
    }

    fn entry(&mut self, entry: &Entry) -> Option<()> {
        if **entry.tensor == *self.tensor {
            self.reads.push(entry.axes.iter().map(|axis| self.interval(&axis.subscript)).collect());
        }
        entry.axes.iter().try_for_each(|axis| self.code(&axis.subscript))
    }

    fn interval(&self, subscript: &Code) -> Interval {
        let Code::Integer(linear) = subscript else {
            return match subscript {
                Code::Number(number) => {
                    let free = Linear { terms: Vec::new(), constant: 0 };
                    Interval::Between { free, least: *number as i64, greatest: *number as i64 }
                }
                _ => Interval::Anywhere,
            };
        };
        self.bounds(linear).unwrap_or(Interval::Anywhere)
    }

    fn bounds(&self, linear: &Linear) -> Option<Interval> {
        let (mut least, mut greatest) = (linear.constant, linear.constant);
        let (free, bound): (Vec<_>, Vec<_>) = linear.terms.iter().partition(|(place, _)| *place < self.free);
        for (place, coefficient) in bound {
            let (_, extent) = self.extents.iter().rev().find(|(own, _)| *own == place)?;
            let reach = coefficient.checked_mul(i64::try_from(*extent).ok()?.checked_sub(1)?)?;
            least = least.checked_add(reach.min(0))?;
            greatest = greatest.checked_add(reach.max(0))?;
        }
        Some(Interval::Between { free: Linear { terms: free, constant: 0 }, least, greatest })
    }
}
