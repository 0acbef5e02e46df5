//! Sums of products of reads in the notation of `einsum`, which has no limit of two axes.

use super::Markup;
use super::index::{in_reading_order, magnitude};
use super::text::text;
use crate::term::{Index, Node, Number, Reduction, Term, fresh_id};

/// A call of `einsum`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Einsum {
    /// As in `ij,j->i`.
    pub subscripts: String,
    /// Tensors and numbers, one for each part before the arrow.
    pub operands: Vec<String>,
}

impl std::fmt::Display for Einsum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "einsum(\"{}\", {})", self.subscripts, self.operands.join(", "))
    }
}

/// `g[indices] = term` as one call of `einsum`; `None` where the term is not a sum of products of
/// reads at plain indices, or where an index on the left stands in none of them.
pub fn einsum(indices: &[Index], term: &Term) -> Option<Einsum> {
    let mut reads = Reads { letters: indices.to_vec(), parts: Vec::new() };
    let next = indices.iter().map(|index| index.id + 1).max().unwrap_or(0).max(fresh_id(&[term]));
    reads.add(term, next)?;
    let letters = |indices: &[Index]| -> Option<String> { indices.iter().map(|index| reads.letter(index)).collect() };
    let occurs = |index: &Index| reads.parts.iter().any(|(_, at)| at.contains(index));
    if !reads.letters.iter().all(occurs) {
        return None;
    }
    let inputs = reads.parts.iter().map(|(_, at)| letters(at)).collect::<Option<Vec<_>>>()?;
    let subscripts = format!("{}->{}", inputs.join(","), letters(indices)?);
    Some(Einsum { subscripts, operands: reads.parts.iter().map(|(operand, _)| operand.clone()).collect() })
}

/// `g[indices] = term` as a sum of calls of `einsum`; `None` where one of the addends is no call.
pub fn einsum_sum(indices: &[Index], term: &Term) -> Option<Vec<Einsum>> {
    in_reading_order(term.addends()).into_iter().map(|addend| einsum(indices, addend)).collect()
}

struct Reads {
    /// Every index, in the order of their letters from `i` on.
    letters: Vec<Index>,
    parts: Vec<(String, Vec<Index>)>,
}

impl Reads {
    fn add(&mut self, term: &Term, next: u32) -> Option<()> {
        match term.node() {
            Node::Mul(factors) => factors.iter().try_for_each(|factor| self.add(factor, next)),
            Node::Reduce { reduction: Reduction::Sum, .. } => {
                // Sums side by side get different indices: each starts above all that came before.
                let first = self.letters.iter().map(|index| index.id + 1).max().unwrap_or(0).max(next);
                let opened = term.open_from(first)?;
                self.letters.extend(opened.indices.iter().cloned());
                self.add(&opened.body, first + opened.indices.len() as u32)
            }
            Node::Number(number) => {
                self.parts.push((signed(*number), Vec::new()));
                Some(())
            }
            Node::Read { tensor, subscripts } => {
                let plain = |subscript: &Term| subscript.as_affine()?.as_index().cloned();
                let at = subscripts.iter().map(plain).collect::<Option<Vec<Index>>>()?;
                self.parts.push((tensor.to_string(), at));
                Some(())
            }
            Node::Pow(base, exponent) => {
                let times = exponent.as_number()?.as_integer().filter(|times| (1..=8).contains(times))?;
                (0..times).try_for_each(|_| self.add(base, next))
            }
            _ => None,
        }
    }

    fn letter(&self, index: &Index) -> Option<char> {
        let position = self.letters.iter().position(|other| other == index)?;
        ('i'..='z').chain('a'..='h').nth(position)
    }
}

fn signed(number: Number) -> String {
    let markup = magnitude(number);
    text(&if number.is_negative() { Markup::negated(markup) } else { markup })
}
