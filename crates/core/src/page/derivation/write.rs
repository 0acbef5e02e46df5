//! From what was derived to what a reader is shown.

use super::conventions::Unguarded;
use super::cotangents::{Cotangent, Names};
use super::document::{
    AS_WRITTEN, COMPARED, DefinitionPage, Document, GradientPage, JacobianPage, Line, NamePage, Notations,
};
use super::fold::is_plain;
use super::notes::{assumptions, notes};
use super::results::{SHORT_MATRIX, in_names, value_of, with_short_derivatives};
use crate::derivation::rules::{SIMPLIFY, SOLVE, names};
use crate::derivation::{
    Backward, Context, Derivation, Gradient, LocalJacobian, Rule, Stabilised, Verification, derivative_name,
    derivative_parts, is_row,
};
use crate::meaning::{Point, complete};
use crate::model::{Definition, Model, Tensor};
use crate::page::index::Notation;
use crate::page::jacobian::{Known, Shape};
use crate::page::matrix::{
    Matrix, Reason, ReasonKind, Translation, difference, difference_rows, difference_to_tensor, examples_of, translate,
    translate_rows,
};
use crate::page::{Markup, einsum_program, text};
use crate::term::{Index, Name, Term};
use std::collections::{BTreeMap, BTreeSet};

/// What a document is made of.
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    /// What was derived.
    pub backward: &'a Backward,
    /// The derivatives by these tensors, all where there are none.
    pub wrt: &'a [Name],
    /// What was checked.
    pub verified: Verification,
    /// What the model is given; matrix notation is checked there and left out where it does not hold.
    pub points: &'a [Point],
    /// The equations as they were typed, see [`super::typed()`].
    pub typed: &'a BTreeMap<Name, String>,
    /// The model, for a title; may be empty.
    pub title: &'a str,
}

/// Matrix forms may differ by this much of the greatest entry from what they translate.
const TOLERANCE: f64 = 1e-9;

/// As many examples stand along the rows where that is checked.
const EXAMPLES: usize = 2;

/// The document of a derivation.
pub fn document(contents: &Contents) -> Document {
    let Contents { backward, wrt, .. } = *contents;
    let names = Names::of(backward);
    let points = completed(&names.model, contents.points);
    let few = &contents.points[..contents.points.len().min(EXAMPLES)];
    let examples = completed(&names.model, &examples_of(&backward.model, few));
    let known = Known::of(backward);
    let writer = Writer { backward, names, points, examples, known, typed: contents.typed, wrt };
    let chosen = backward.gradients.iter().filter(|gradient| wrt.is_empty() || wrt.contains(&gradient.wrt));
    let gradients: Vec<GradientPage> = chosen.map(|gradient| writer.gradient(gradient)).collect();
    Document {
        title: contents.title.to_string(),
        of: backward.of.to_string(),
        verified: contents.verified.clone(),
        names: writer.needed(&gradients),
        definitions: writer.definitions(),
        gradients,
    }
}

/// The points with the values of everything, where they can be computed.
fn completed(model: &Model, points: &[Point]) -> Vec<Point> {
    let all: Vec<Name> = model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
    let whole = |point: &Point| {
        let mut point = point.clone();
        complete(model, &mut point, &all).is_ok().then_some(point)
    };
    points.iter().filter_map(whole).collect()
}

struct Writer<'a> {
    backward: &'a Backward,
    names: Names,
    points: Vec<Point>,
    /// Points that share the parameters.
    examples: Vec<Point>,
    /// Where derivatives that read themselves are 0.
    known: Known,
    typed: &'a BTreeMap<Name, String>,
    /// The derivatives by these tensors are shown, all where there are none.
    wrt: &'a [Name],
}

impl Writer<'_> {
    fn gradient(&self, gradient: &Gradient) -> GradientPage {
        let left = self.notation(&gradient.indices).entry(&gradient.name, &gradient.indices);
        let steps = without_self(self.steps(gradient, &left), &left);
        let local = self.backward.jacobians.iter().filter(|local| local.wrt == gradient.wrt);
        let jacobians: Vec<JacobianPage> = local.map(|local| self.jacobian(local)).collect();
        let steps = match jacobians.as_slice() {
            [only] if only.left == left => joined(only, steps),
            _ => steps,
        };
        let end = gradient.derivation.end();
        let short = with_short_derivatives(&self.backward.model, end);
        let in_full = gradient.in_full.as_ref().map(|derivation| derivation.end().clone());
        let shape = self.shape(gradient, in_full.as_ref().unwrap_or(end));
        let in_names = in_names(self.backward, gradient, &self.names, in_full.as_ref()).unwrap_or_else(|| end.clone());
        let in_short = self.notations(&gradient.indices, &short, Some(&gradient.name));
        let notations = |term: &Term| match *term == short {
            true => in_short.clone(),
            false => self.notations(&gradient.indices, term, Some(&gradient.name)),
        };
        let mut full = in_full.as_ref().map_or_else(|| in_short.clone(), notations);
        let mut named = self.names.are_in(&in_names).then(|| notations(&in_names));
        let short = in_short;
        let is_wide = |matrix: &Markup| text(matrix).chars().count() > SHORT_MATRIX;
        if full.matrix.as_ref().is_none_or(is_wide) && short.matrix.is_some() {
            let Notations { matrix, why, reasons, rows, broadcasts, .. } = short.clone();
            full = Notations { matrix, why, reasons, rows, broadcasts, ..full };
        }
        full.einsum = full.einsum.or_else(|| short.einsum.clone());
        if let Some(named) = named.as_mut().filter(|named| named.matrix.as_ref().is_some_and(is_wide)) {
            // One short form is better than two of which one is long.
            named.matrix = named.matrix.take().filter(|_| full.matrix.is_none());
        }
        let conventions = Unguarded::of(in_full.as_ref().unwrap_or(end));
        GradientPage {
            wrt: gradient.wrt.to_string(),
            heading: heading(&gradient.of, &gradient.wrt),
            title: self.notation(&[]).entry(&gradient.name, &[]),
            left,
            jacobians,
            steps,
            notes: notes(self.backward, gradient),
            conventions: conventions.clauses(&self.names.model, &gradient.indices),
            assumptions: assumptions(self.backward, gradient, self.wrt),
            cotangents: self.names.of_derivative(&gradient.name).cloned().collect(),
            named,
            short,
            full,
            shape,
        }
    }

    /// The chain from the chain rule to the result, then the derivatives put in. Where those have names,
    /// the chain ends with the names for most readers, and of the rest only the last line is shown, if it is short.
    fn steps(&self, gradient: &Gradient, left: &Markup) -> Vec<Line> {
        let mut steps = self.lines(left, &gradient.indices, &gradient.derivation);
        let reached = steps.last().map_or_else(|| left.clone(), |line| line.plain.clone());
        let mut further = self.lines(&reached, &gradient.indices, &gradient.shown);
        if self.names.are_in(&self.names.put(gradient.derivation.end())) {
            let last = further.len().saturating_sub(1);
            for (position, line) in further.iter_mut().enumerate() {
                line.folded |= position < last || text(&line.formula).chars().count() > SHORT_MATRIX;
            }
        }
        steps.extend(further);
        steps
    }

    /// The names that the pages use or introduce, each with its value where that is more than its definition.
    fn needed(&self, gradients: &[GradientPage]) -> Vec<NamePage> {
        let lines = gradients.iter().flat_map(|page| page.steps.iter().map(|line| &line.formula));
        let forms = gradients.iter().flat_map(|page| page.matrices().into_iter().chain(page.rows()));
        let own = gradients.iter().flat_map(|page| page.cotangents.iter().map(|cotangent| &cotangent.left));
        let mut used = BTreeSet::new();
        lines.chain(forms).chain(own).for_each(|formula| formula.collect_names(&mut used));
        let mut pages: Vec<NamePage> = Vec::new();
        for cotangent in self.names.cotangents.iter().rev() {
            if used.contains(&cotangent.name) {
                let page = self.name_page(cotangent);
                page.value.iter().for_each(|value| value.collect_names(&mut used));
                pages.insert(0, page);
            }
        }
        pages
    }

    fn name_page(&self, cotangent: &Cotangent) -> NamePage {
        let value = match cotangent.is_product {
            true => value_of(self.backward, cotangent, &self.names),
            false => None,
        };
        let indices = self.names.model.definition(&cotangent.name).map(|definition| definition.indices.clone());
        let value = value.map(|value| self.notation(&indices.unwrap_or_default()).term(&Unguarded::of(&value).term));
        NamePage { cotangent: cotangent.clone(), value: value.filter(|value| *value != cotangent.left) }
    }

    /// What a derivative of a tensor with axes looks like as a matrix.
    fn shape(&self, gradient: &Gradient, term: &Term) -> Option<Shape> {
        let rank = self.backward.model.tensor(&gradient.of)?.shape.len();
        let (rows, columns) = gradient.indices.split_at(rank.min(gradient.indices.len()));
        (rank > 0).then(|| Shape::of(rows, columns, &self.known.written_out(term)))
    }

    /// The definitions that are not as they were written: those of what is compared, and those with a stable form.
    fn definitions(&self) -> Vec<DefinitionPage> {
        let source = &self.backward.source;
        let is_stable = |name: &Name| self.backward.stabilised.iter().any(|stable| stable.tensor == *name);
        let rows = source.tensors.iter().filter(|tensor| is_row(tensor, source) && !is_stable(&tensor.name));
        let row = |tensor: &Tensor| {
            let Definition { indices, body } = tensor.definition()?.clone();
            let mut page = self.definition(&Stabilised {
                tensor: tensor.name.clone(),
                indices,
                derivation: Derivation::new(body),
            });
            page.steps.iter_mut().for_each(|line| line.rule = COMPARED.to_string());
            Some(page)
        };
        let stable = self.backward.stabilised.iter().map(|stable| self.definition(stable));
        rows.filter_map(row).chain(stable).collect()
    }

    fn definition(&self, stable: &Stabilised) -> DefinitionPage {
        let notation = self.notation(&stable.indices);
        let start = notation.term(&stable.derivation.start);
        let first = Line {
            rule: AS_WRITTEN.to_string(),
            law: String::new(),
            formula: start.clone(),
            plain: start.clone(),
            folded: false,
            continues: None,
        };
        let further = self.lines(&start, &stable.indices, &stable.derivation);
        DefinitionPage {
            tensor: stable.tensor.to_string(),
            left: notation.entry(&stable.tensor, &stable.indices),
            steps: std::iter::once(first).chain(further).collect(),
        }
    }

    fn jacobian(&self, local: &LocalJacobian) -> JacobianPage {
        let left = self.notation(&local.indices).term(&local.derivation.start);
        let rank = self.backward.model.tensor(&local.tensor).map_or(0, |tensor| tensor.shape.len());
        let (rows, columns) = local.indices.split_at(rank.min(local.indices.len()));
        JacobianPage {
            heading: heading(&local.tensor, &local.wrt),
            typed: self.typed.get(&local.tensor).cloned(),
            steps: self.lines(&left, &local.indices, &local.derivation),
            left,
            result: self.notations(&local.indices, local.derivation.end(), None),
            shape: Shape::of(rows, columns, &self.solved(local.derivation.end())),
        }
    }

    /// The term with every delta in it solved: a local derivative keeps them for the chain to choose.
    fn solved(&self, term: &Term) -> Term {
        let (jacobians, known) = (BTreeMap::new(), BTreeMap::new());
        let context = Context { model: &self.backward.model, jacobians: &jacobians, known: &known };
        let mut derivation = Derivation::new(term.clone());
        let rules: Vec<&'static Rule> = SIMPLIFY.iter().chain(SOLVE).copied().collect();
        derivation.exhaust(&rules, &context);
        derivation.end().clone()
    }

    fn notation(&self, indices: &[Index]) -> Notation<'_> {
        Notation::new(&self.names.model, indices, &[])
    }

    /// The lines after a first one; a line that reads as the one before it is left out. The last is the
    /// result, and never dull.
    fn lines(&self, first: &Markup, indices: &[Index], derivation: &Derivation) -> Vec<Line> {
        let (plain, named) = (self.notation(indices), self.notation(indices));
        let mut lines: Vec<Line> = Vec::new();
        for step in &derivation.steps {
            let own = plain.line(&step.after);
            if own == *lines.last().map_or(first, |line| &line.plain) {
                continue;
            }
            let formula = named.line(&self.names.put(&Unguarded::of(&step.after).term));
            let mut line = Line {
                rule: step.rule.name.to_string(),
                law: step.rule.law.to_string(),
                folded: is_plain(step.rule),
                formula,
                plain: own,
                continues: None,
            };
            if let Some(before) = lines.last_mut().filter(|before| !before.folded) {
                follow(before, &mut line);
            }
            lines.push(line);
        }
        if let Some(last) = lines.last_mut() {
            last.folded = false;
        }
        lines
    }

    /// The result in all notations; `tensor` is the one whose value it is, where there is one.
    fn notations(&self, indices: &[Index], term: &Term, tensor: Option<&Name>) -> Notations {
        let shown = self.names.put(&Unguarded::of(term).term);
        let translation = translate(indices, &shown);
        let reasons = translation.as_ref().map(|found| found.reasons.iter().map(Reason::to_string).collect::<Vec<_>>());
        let reasons = reasons.unwrap_or_default();
        let matrix = translation.and_then(|found| self.checked(indices, &shown, tensor, found.matrix));
        let matrix = matrix.map(|matrix| matrix.markup());
        let rows = tensor.and_then(|tensor| self.rows(indices, &shown, tensor));
        let (rows, broadcasts) = rows.map_or((None, Vec::new()), |(rows, words)| (Some(rows), words));
        Notations {
            index: self.notation(indices).term(term),
            shown: self.notation(indices).term(&shown),
            einsum: einsum_program(&self.names.model, indices, &shown).map(|program| program.to_string()),
            reasons: if matrix.is_ok() { reasons } else { Vec::new() },
            rows,
            broadcasts,
            why: matrix.as_ref().err().cloned(),
            matrix: matrix.ok(),
        }
    }

    /// The form with the examples along the rows, if it has the values of the tensor.
    fn rows(&self, indices: &[Index], term: &Term, tensor: &Name) -> Option<(Markup, Vec<String>)> {
        let model = &self.names.model;
        if self.examples.is_empty() || model.batch.is_some() || !model.tensors.iter().any(|tensor| tensor.per_example) {
            return None;
        }
        let Translation { matrix, reasons } = translate_rows(model, self.examples.len(), tensor, indices, term).ok()?;
        let error = difference_rows(model, &self.examples, tensor, &matrix).ok()?;
        let broadcasts = reasons.iter().filter(|reason| reason.kind == ReasonKind::Broadcast).map(Reason::to_string);
        (error <= TOLERANCE).then(|| (matrix.markup(), broadcasts.collect()))
    }

    /// The matrix form, if it has the value of the term at every point. The value of a derivative
    /// is known there, so that a long term need not be evaluated.
    fn checked(&self, indices: &[Index], term: &Term, tensor: Option<&Name>, matrix: Matrix) -> Result<Matrix, String> {
        for point in &self.points {
            let found = match tensor {
                Some(tensor) => difference_to_tensor(&self.names.model, point, tensor, &matrix),
                None => difference(&self.names.model, point, indices, term, &matrix),
            };
            match found {
                Ok(error) if error <= TOLERANCE => {}
                Ok(error) => return Err(format!("the form found differs by {error:.0e}")),
                Err(why) => return Err(why.to_string()),
            }
        }
        Ok(matrix)
    }
}

/// `∂loss/∂w`, and for the derivative of a derivative `∂²loss/∂w∂b`.
fn heading(of: &str, wrt: &str) -> String {
    match derivative_parts(of) {
        Some((of, first)) if derivative_parts(of).is_none() => format!("∂²{of}/∂{first}∂{wrt}"),
        _ => derivative_name(of, wrt).to_string(),
    }
}

/// What a line changes in the one before it: where it only gives a name to what made that one long, the two are
/// shown as one, and where it changes nothing that is shown it is folded.
fn follow(before: &mut Line, line: &mut Line) {
    if line.formula == before.formula {
        line.folded = true;
    } else if line.rule == names::VALUE_BY_NAME.name {
        before.folded = true;
        line.continues = Some(before.rule.clone());
    }
}

/// Where nothing stands between the two tensors, the local derivative is the derivative: its lines, then what
/// is put in.
fn joined(only: &JacobianPage, mut steps: Vec<Line>) -> Vec<Line> {
    let further = steps.split_off(usize::from(!steps.is_empty()));
    let (last, first) = match only.steps.split_last() {
        Some((last, first)) => (Some(last.clone()), first),
        None => (None, &[][..]),
    };
    let own = first.iter().filter(|line| steps.iter().chain(&further).all(|other| other.plain != line.plain));
    let own: Vec<Line> = own.cloned().collect();
    own.into_iter().chain(last).chain(further).collect()
}

/// Where a tensor also stands in the definition of what is differentiated, the chain rule has the
/// partial derivative by it among its terms, which is written like the whole one. That line is
/// left out, and the next, where the partial derivative is put in, names both rules.
fn without_self(mut lines: Vec<Line>, left: &Markup) -> Vec<Line> {
    let is_confusing = lines.len() > 1
        && matches!(&lines[0].plain, Markup::Sum(addends) if addends.iter().any(|(_, addend)| addend == left));
    if is_confusing {
        let first = lines.remove(0);
        let next = &mut lines[0];
        next.rule = format!("{}, {}", first.rule, next.rule);
        next.law = format!("{}; {}", first.law, next.law);
    }
    lines
}
