//! What a reader should know of a result.

use crate::derivation::rules::{declared, names, reading};
use crate::derivation::{Backward, Gradient, derivative_parts};
use crate::model::{Assumption, Role, TargetKind};
use crate::page::index::Notation;
use crate::page::text;
use crate::term::{Index, Name, Node, Reduction, Term};

/// All there is to say of a gradient.
pub fn notes(backward: &Backward, gradient: &Gradient) -> Vec<String> {
    order(backward, gradient).into_iter().chain(convolution(gradient)).collect()
}

/// In which order a derivative that reads itself is computed.
fn order(backward: &Backward, gradient: &Gradient) -> Option<String> {
    let model = &backward.model;
    if !model.tensors.is_recurrent(&gradient.name) {
        return None;
    }
    let named = |position: &usize| model.tensors[*position].name == gradient.name;
    let stage = model.stages().into_iter().find(|stage| stage.is_recurrent && stage.members.iter().any(named))?;
    let member = stage.members.iter().position(named)?;
    let recurrence = model.stage_recurrence(&stage)?[member];
    let notation = Notation::new(model, &gradient.indices, &[]);
    let index = text(&notation.term(&Term::index(&gradient.indices[recurrence.axis])));
    let (first, last) = if recurrence.backward { ("last", "first") } else { ("first", "last") };
    Some(format!("a recurrence, computed from the {first} {index} to the {last}"))
}

/// What of a convolution it is, where it is the adjoint of one.
fn convolution(gradient: &Gradient) -> Option<String> {
    gradient.derivation.end().addends().iter().find_map(|addend| of_sum(addend, &gradient.indices))
}

/// A read of the sum: the tensor and its subscripts.
type Read = (Name, Vec<Term>);

fn of_sum(addend: &Term, indices: &[Index]) -> Option<String> {
    let sums = addend.factors().iter().filter_map(Term::open);
    for sum in sums.filter(|sum| sum.reduction == Reduction::Sum) {
        let (signals, tensors): (Vec<Read>, Vec<Read>) =
            sum.body.factors().iter().filter_map(read).partition(|(name, _)| derivative_parts(name).is_some());
        let [(_, signal)] = signals.as_slice() else { continue };
        for (tensor, at) in &tensors {
            if let Some(direction) = sliding(at, signal, indices, &sum.indices) {
                return Some(match direction {
                    Direction::Same => format!("the correlation of {tensor} with the signal that comes back"),
                    Direction::Opposite => format!("the convolution of {tensor} with the signal that comes back"),
                });
            }
            if let Some(direction) = sliding(signal, at, indices, &sum.indices) {
                let kernel = match direction {
                    Direction::Same => tensor.to_string(),
                    Direction::Opposite => format!("the flipped {tensor}"),
                };
                return Some(format!("the correlation of the signal that comes back with {kernel}"));
            }
        }
    }
    None
}

fn read(factor: &Term) -> Option<Read> {
    match factor.node() {
        Node::Read { tensor, subscripts } => Some((tensor.clone(), subscripts.clone())),
        _ => None,
    }
}

/// Which way a kernel is read while it slides over another tensor.
#[derive(Clone, Copy, PartialEq)]
enum Direction {
    /// `over[i + k] kernel[k]`: a correlation.
    Same,
    /// `over[i - k] kernel[k]`: a convolution, that is a correlation with the kernel flipped.
    Opposite,
}

/// The direction, where the kernel is read at plain indices and slides over the other tensor one entry at a time; `None`
/// where it does not slide, where it takes larger steps, or where the directions along its axes differ.
fn sliding(over: &[Term], kernel: &[Term], free: &[Index], bound: &[Index]) -> Option<Direction> {
    let kernel: Vec<Index> =
        kernel.iter().map(|subscript| subscript.as_affine()?.as_index().cloned()).collect::<Option<_>>()?;
    let of = |indices: &[Index], subscript: &Term| -> Vec<Index> {
        indices.iter().filter(|index| subscript.depends_on(index)).cloned().collect()
    };
    let mut found = None;
    for subscript in over {
        let (kept, summed) = (of(free, subscript), of(bound, subscript));
        if kept.is_empty() || summed.is_empty() {
            continue;
        }
        let ([kept], [summed]) = (kept.as_slice(), summed.as_slice()) else { return None };
        let form = subscript.as_affine()?;
        let direction = match (form.coefficient(kept), form.coefficient(summed)) {
            (1, 1) => Direction::Same,
            (1, -1) => Direction::Opposite,
            _ => return None,
        };
        if !kernel.contains(summed) || found.is_some_and(|other| other != direction) {
            return None;
        }
        found = Some(direction);
    }
    found
}

/// The promises that a gradient relies on: in its own steps, or in those of derivatives that it reads and
/// that are not shown by themselves. Shown are the derivatives by `wrt`, all where there are none.
pub fn assumptions(backward: &Backward, gradient: &Gradient, wrt: &[Name]) -> Vec<String> {
    let is_shown = |other: &Gradient| other.name != gradient.name && (wrt.is_empty() || wrt.contains(&other.wrt));
    let mut needed: Vec<Name> = vec![gradient.name.clone()];
    let mut position = 0;
    let mut used: Vec<(Name, Assumption)> = Vec::new();
    while position < needed.len() {
        let found = backward.gradients.iter().find(|gradient| gradient.name == needed[position]);
        position += 1;
        let Some(found) = found.filter(|found| !is_shown(found)) else { continue };
        for name in own(backward, found) {
            if !used.contains(&name) {
                used.push(name);
            }
        }
        let read = found.derivation.end().tensors().into_iter().chain(found.put_in.iter().cloned());
        for name in read.filter(|name| derivative_parts(name).is_some()) {
            if !needed.contains(&name) {
                needed.push(name);
            }
        }
    }
    used.iter().map(|(_, assumption)| promise(backward, assumption)).collect()
}

/// What the rules that use declarations relied on in the steps of a gradient, each with its name for sorting out
/// repeats.
fn own(backward: &Backward, gradient: &Gradient) -> Vec<(Name, Assumption)> {
    let mut found = Vec::new();
    for derivation in [&gradient.derivation, &gradient.shown] {
        let befores = std::iter::once(&derivation.start).chain(derivation.steps.iter().map(|step| &step.after));
        for (before, step) in befores.zip(&derivation.steps) {
            let assumptions = backward.model.assumptions.iter();
            found.extend(assumptions.filter_map(|assumption| {
                let (Assumption::SumsToOne(name) | Assumption::Within(name, _) | Assumption::Symmetric(name)) =
                    assumption;
                let is_used = match assumption {
                    Assumption::SumsToOne(_) => {
                        *step.rule == names::SUMS_TO_ONE
                            && before.reads(name)
                            && reads(before, name) > reads(&step.after, name)
                    }
                    Assumption::Within(..) => {
                        *step.rule == declared::AS_DECLARED && declared::relies_on(before, name, &backward.model)
                    }
                    Assumption::Symmetric(_) => *step.rule == reading::SYMMETRIC && before.reads(name),
                };
                is_used.then(|| (name.clone(), assumption.clone()))
            }));
        }
    }
    found
}

fn reads(term: &Term, name: &str) -> usize {
    let here = matches!(term.node(), Node::Read { tensor, .. } if &**tensor == name);
    usize::from(here) + term.children().iter().map(|child| reads(child, name)).sum::<usize>()
}

fn promise(backward: &Backward, assumption: &Assumption) -> String {
    let (Assumption::SumsToOne(name) | Assumption::Within(name, _) | Assumption::Symmetric(name)) = assumption;
    let tensor = backward.model.tensor(name);
    let rank = tensor.map_or(1, |tensor| tensor.shape.len());
    let letters: Vec<&str> = ["i", "j", "l", "m", "n", "o"].into_iter().take(rank).collect();
    let read = if rank == 0 { name.to_string() } else { format!("{name}[{}]", letters.join(",")) };
    match assumption {
        Assumption::SumsToOne(_) => {
            let others: String =
                letters.iter().take(rank.saturating_sub(1)).map(|letter| format!("{letter},")).collect();
            let declared = match tensor.map(|tensor| &tensor.role) {
                Some(Role::Target(TargetKind::OneHot)) => "onehot",
                _ => "probability",
            };
            format!("sum[k] {name}[{others}k] = 1, since {name} is declared {declared}")
        }
        Assumption::Within(_, domain) if domain.is_open => format!("{read} > 0, since {name} is declared {domain}"),
        Assumption::Within(_, domain) => {
            let ends = [domain.low.value(), domain.high.value()];
            let least = if ends[0].is_finite() { format!("{} ≤ ", ends[0]) } else { String::new() };
            let most = if ends[1].is_finite() { format!(" ≤ {}", ends[1]) } else { String::new() };
            format!("{least}{read}{most}, since {name} is declared {domain}")
        }
        Assumption::Symmetric(_) => format!("{name}[i,j] = {name}[j,i], since {name} is declared symmetric"),
    }
}
