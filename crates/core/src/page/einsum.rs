//! Sums of products in the notation of `einsum`, which has no limit of two axes. What is no product of
//! entries becomes a tensor with a name of its own first.

use super::Markup;
use super::index::{equation, extents, in_reading_order, magnitude};
use super::text::text;
use crate::model::Model;
use crate::term::{Index, Name, Node, Number, Reduction, Term, fresh_id};

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

/// A sum of calls of `einsum`, and what they need first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EinsumProgram {
    /// In order; each may use those before it.
    pub intermediates: Vec<Intermediate>,
    /// The result is their sum.
    pub calls: Vec<Einsum>,
}

/// A tensor that a program names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intermediate {
    /// Entry by entry: an equation in index notation, `t1[i] = exp(x[i])`.
    Elementwise(String),
    /// The sum of calls.
    Contraction(Name, Vec<Einsum>),
}

impl std::fmt::Display for EinsumProgram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for intermediate in &self.intermediates {
            match intermediate {
                Intermediate::Elementwise(equation) => write!(f, "{equation}; ")?,
                Intermediate::Contraction(name, calls) => write!(f, "{name} = {}; ", joined(calls))?,
            }
        }
        f.write_str(&joined(&self.calls))
    }
}

fn joined(calls: &[Einsum]) -> String {
    calls.iter().map(Einsum::to_string).collect::<Vec<_>>().join(" + ")
}

/// `g[indices] = term` as one call of `einsum`; `None` where the term is not a sum of products of
/// reads at plain indices, or where an index on the left stands in none of them.
pub fn einsum(model: &Model, indices: &[Index], term: &Term) -> Option<Einsum> {
    call_over(model, indices, &[], term, &mut |_, _| None)
}

/// `g[indices] = term` as a sum of calls of `einsum`; `None` where one of the addends is no call.
pub fn einsum_sum(model: &Model, indices: &[Index], term: &Term) -> Option<Vec<Einsum>> {
    in_reading_order(term.addends()).into_iter().map(|addend| einsum(model, indices, addend)).collect()
}

/// `g[indices] = term` as a sum of calls of `einsum` with named intermediates: functions and quotients,
/// compound subscripts and conditions come entry by entry before the products that they stand in.
/// `None` where there are more indices than letters.
pub fn einsum_program(model: &Model, indices: &[Index], term: &Term) -> Option<EinsumProgram> {
    let mut writer = Writer { model, known: Vec::new(), intermediates: Vec::new() };
    let calls = writer.calls(indices, term)?;
    Some(EinsumProgram { intermediates: writer.intermediates, calls })
}

struct Writer<'a> {
    model: &'a Model,
    /// What the intermediates stand for, with their names.
    known: Vec<(Term, Name)>,
    intermediates: Vec<Intermediate>,
}

impl Writer<'_> {
    fn calls(&mut self, indices: &[Index], term: &Term) -> Option<Vec<Einsum>> {
        // The index of an addend that does not depend on it stands on a tensor of ones.
        let with_ones = |addend: &Term| {
            let missing = indices.iter().filter(|index| !addend.depends_on(index));
            missing.cloned().collect::<Vec<Index>>()
        };
        in_reading_order(term.addends())
            .into_iter()
            .map(|addend| {
                let ones = with_ones(addend);
                let model = self.model;
                let mut operand = |factor: &Term, _: u32| self.named(factor);
                let mut call = call_over(model, indices, &ones, addend, &mut operand)?;
                if !ones.is_empty() {
                    let name = self.name();
                    self.push(&name, &ones, &Term::integer(1));
                    call.operands.push(name.to_string());
                }
                Some(call)
            })
            .collect()
    }

    /// The tensor for a factor that is no entry, over its free indices in order.
    fn named(&mut self, factor: &Term) -> Option<Name> {
        if let Some((_, name)) = self.known.iter().find(|(known, _)| known == factor) {
            return Some(name.clone());
        }
        let inner = self.without_sums(factor)?;
        let name = self.name();
        self.push(&name, factor.free(), &inner);
        self.known.push((factor.clone(), name.clone()));
        Some(name)
    }

    /// The term with every sum in it by name.
    fn without_sums(&mut self, term: &Term) -> Option<Term> {
        if matches!(term.node(), Node::Reduce { reduction: Reduction::Sum, .. }) {
            let free = term.free().to_vec();
            let calls = self.calls(&free, term)?;
            let known = self.known.iter().find(|(known, _)| known == term).map(|(_, name)| name.clone());
            let name = known.unwrap_or_else(|| {
                let name = self.name();
                self.intermediates.push(Intermediate::Contraction(name.clone(), calls));
                self.known.push((term.clone(), name.clone()));
                name
            });
            return Some(Term::read_at(&name, &free));
        }
        // Under other reductions indices are bound, so that a sum in them has no tensor of its own.
        if matches!(term.node(), Node::Reduce { .. } | Node::Read { .. } | Node::Number(_) | Node::Affine(_)) {
            return Some(term.clone());
        }
        let parts: Option<Vec<Term>> = term.children().iter().map(|child| self.without_sums(child)).collect();
        Some(term.with_children(parts?))
    }

    fn push(&mut self, name: &Name, indices: &[Index], term: &Term) {
        let equation = equation(self.model, name, indices, term);
        self.intermediates.push(Intermediate::Elementwise(text(&equation)));
    }

    fn name(&self) -> Name {
        let is_free = |name: &String| self.model.tensor(name).is_none();
        let mut names = (1..).map(|number| format!("t{number}")).filter(is_free);
        names.nth(self.intermediates.len()).unwrap_or_default().into()
    }
}

/// What stands for a factor that is no entry: a tensor over its free indices, if there is one.
type Operand<'a> = &'a mut dyn FnMut(&Term, u32) -> Option<Name>;

/// A call; the last operand, which is left to the caller, has the indices `ones` if there are any.
fn call_over(model: &Model, indices: &[Index], ones: &[Index], term: &Term, operand: Operand) -> Option<Einsum> {
    let mut reads = Reads { model, letters: indices.to_vec(), parts: Vec::new(), operand };
    let next = indices.iter().map(|index| index.id + 1).max().unwrap_or(0).max(fresh_id(&[term]));
    reads.add(term, next)?;
    let letters = |indices: &[Index]| -> Option<String> { indices.iter().map(|index| reads.letter(index)).collect() };
    let occurs = |index: &Index| ones.contains(index) || reads.parts.iter().any(|(_, at)| at.contains(index));
    if !reads.letters.iter().all(occurs) {
        return None;
    }
    let mut inputs = reads.parts.iter().map(|(_, at)| letters(at)).collect::<Option<Vec<_>>>()?;
    inputs.extend((!ones.is_empty()).then(|| letters(ones)).flatten());
    let subscripts = format!("{}->{}", inputs.join(","), letters(indices)?);
    Some(Einsum { subscripts, operands: reads.parts.iter().map(|(operand, _)| operand.clone()).collect() })
}

struct Reads<'a> {
    model: &'a Model,
    /// Every index, in the order of their letters from `i` on.
    letters: Vec<Index>,
    parts: Vec<(String, Vec<Index>)>,
    operand: Operand<'a>,
}

impl Reads<'_> {
    fn add(&mut self, term: &Term, next: u32) -> Option<()> {
        match term.node() {
            Node::Mul(factors) => {
                // What conditions guard stays with them.
                let (plain, others): (Vec<&Term>, Vec<&Term>) =
                    factors.iter().partition(|factor| is_plain(self.model, factor));
                let guarded = others.len() > 1 && others.iter().any(|factor| factor.is_condition());
                plain.into_iter().try_for_each(|factor| self.add(factor, next))?;
                match guarded {
                    true => self.add_named(&Term::mul(others.into_iter().cloned().collect()), next),
                    false => others.into_iter().try_for_each(|factor| self.add(factor, next)),
                }
            }
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
            Node::Read { tensor, subscripts } => match plain(self.model, tensor, subscripts) {
                Some(at) => {
                    self.parts.push((tensor.to_string(), at));
                    Some(())
                }
                None => self.add_named(term, next),
            },
            Node::Pow(base, exponent) => {
                let times = exponent.as_number().and_then(Number::as_integer).filter(|times| (1..=8).contains(times));
                match times.filter(|_| is_product(self.model, base)) {
                    Some(times) => (0..times).try_for_each(|_| self.add(base, next)),
                    None => self.add_named(term, next),
                }
            }
            _ => self.add_named(term, next),
        }
    }

    fn add_named(&mut self, term: &Term, next: u32) -> Option<()> {
        let name = (self.operand)(term, next)?;
        self.parts.push((name.to_string(), term.free().to_vec()));
        Some(())
    }

    fn letter(&self, index: &Index) -> Option<char> {
        let position = self.letters.iter().position(|other| other == index)?;
        ('i'..='z').chain('a'..='h').nth(position)
    }
}

/// The indices of a read whose subscripts are nothing else, and run along whole axes: an operand has no shorter ones.
fn plain(model: &Model, tensor: &str, subscripts: &[Term]) -> Option<Vec<Index>> {
    let indices: Vec<Index> =
        subscripts.iter().map(|subscript| subscript.as_affine()?.as_index().cloned()).collect::<Option<_>>()?;
    let extents = extents(model, tensor);
    let is_whole =
        extents.is_none_or(|extents| extents.iter().zip(&indices).all(|(extent, index)| *extent == index.extent));
    is_whole.then_some(indices)
}

/// Whether a factor is a number or an entry at plain indices, which is inside its tensor whatever holds.
fn is_plain(model: &Model, factor: &Term) -> bool {
    match factor.node() {
        Node::Number(_) => true,
        Node::Read { tensor, subscripts } => plain(model, tensor, subscripts).is_some(),
        _ => false,
    }
}

/// Whether a term is an entry at plain indices, or a sum of products of them.
fn is_product(model: &Model, term: &Term) -> bool {
    match term.node() {
        Node::Read { tensor, subscripts } => plain(model, tensor, subscripts).is_some(),
        Node::Mul(factors) => factors.iter().all(|factor| is_product(model, factor)),
        Node::Number(_) | Node::Reduce { reduction: Reduction::Sum, .. } => true,
        _ => false,
    }
}

fn signed(number: Number) -> String {
    let markup = magnitude(number);
    text(&if number.is_negative() { Markup::negated(markup) } else { markup })
}
