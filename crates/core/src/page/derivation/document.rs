//! What a derivation says, line by line.

use crate::derivation::{
    self, Backward, Derivation, Gradient, LocalJacobian, Stabilised, Verification, derivative_parts,
};
use crate::meaning::{Point, complete};
use crate::model::Model;
use crate::page::index::Notation;
use crate::page::matrix::{
    Matrix, Reason, difference, difference_rows, difference_to_tensor, examples_of, translate, translate_rows,
};
use crate::page::{Markup, einsum_program, latex, text};
use crate::term::{Index, Name, Node, Term};

/// A derivation, ready to be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The tensor that is differentiated.
    pub of: String,
    /// What was checked.
    pub verified: Verification,
    /// The definitions that were given a form that neither overflows nor loses digits, before
    /// anything was derived.
    pub definitions: Vec<DefinitionPage>,
    /// In the order in which they were derived.
    pub gradients: Vec<GradientPage>,
}

/// How a definition got its form.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionPage {
    /// The tensor.
    pub tensor: String,
    /// `p[i]`
    pub left: String,
    /// The same in LaTeX.
    pub left_latex: String,
    /// From the right side as it was written, under the rule [`AS_WRITTEN`], to the one that is used.
    pub steps: Vec<Line>,
}

/// Stands where the name of a rule would, beside the right side of a definition as it was written.
pub const AS_WRITTEN: &str = "as written";

/// The derivation of one derivative.
#[derive(Debug, Clone, PartialEq)]
pub struct GradientPage {
    /// The tensor it is differentiated by.
    pub wrt: String,
    /// `∂loss/∂z2`
    pub heading: String,
    /// `∂loss/∂z2[i]`: what the first line of the chain is equal to.
    pub left: String,
    /// The same in LaTeX.
    pub left_latex: String,
    /// The local derivatives that the chain rule needs here.
    pub jacobians: Vec<JacobianPage>,
    /// The chain, from the chain rule to the form that people write.
    pub steps: Vec<Line>,
    /// What a reader should know of the result: in which order a recurrence is computed.
    pub note: Option<String>,
    /// The result as it is computed, other derivatives by name unless they are very short.
    pub short: Notations,
    /// The result from tensors of the model alone, unless that is very long.
    pub full: Notations,
}

/// The derivative of one definition by a tensor in it.
#[derive(Debug, Clone, PartialEq)]
pub struct JacobianPage {
    /// `∂p/∂z2`
    pub heading: String,
    /// `∂p[i]/∂z2[j]`
    pub left: String,
    /// The same in LaTeX.
    pub left_latex: String,
    /// From the definition to the result.
    pub steps: Vec<Line>,
    /// The result.
    pub result: Notations,
}

/// A line of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The name of the rule that gave it.
    pub rule: String,
    /// The law it applies.
    pub law: String,
    /// The line in index notation.
    pub index: String,
    /// The same in LaTeX.
    pub latex: String,
}

/// A result in all notations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notations {
    /// Index notation: an expression of the language.
    pub index: String,
    /// The same in LaTeX.
    pub index_latex: String,
    /// Matrix notation, where it exists. It was evaluated and compared at every point given.
    pub matrix: Option<String>,
    /// The same in LaTeX.
    pub matrix_latex: Option<String>,
    /// Why there is no matrix notation.
    pub why: Option<String>,
    /// Why the parts of the matrix notation look as they do.
    pub reasons: Vec<String>,
    /// Matrix notation with the examples along the rows, where it exists and the model has examples.
    pub rows: Option<String>,
    /// As a sum of calls of `einsum`, where it is one.
    pub einsum: Option<String>,
}

/// Matrix forms may differ by this much of the greatest entry from what they translate.
const TOLERANCE: f64 = 1e-9;

/// As many examples stand along the rows where that is checked.
const EXAMPLES: usize = 2;

/// A derivative with no more parts than this is shown by its right side in the short form.
const SHORT: usize = 8;

/// A matrix form with more characters than this gives way to one with the names of derivatives.
const WIDEST: usize = 60;

/// The derivatives by the tensors `wrt`, all where there are none. The points hold what the model
/// is given; matrix notation is checked there and left out where it does not hold.
pub fn document(backward: &Backward, wrt: &[Name], verified: Verification, points: &[Point]) -> Document {
    let examples = completed(backward, &examples_of(&backward.model, &points[..points.len().min(EXAMPLES)]));
    let writer = Writer { backward, points: completed(backward, points), examples };
    let chosen = backward.gradients.iter().filter(|gradient| wrt.is_empty() || wrt.contains(&gradient.wrt));
    Document {
        of: backward.of.to_string(),
        verified,
        definitions: backward.stabilised.iter().map(|stable| writer.definition(stable)).collect(),
        gradients: chosen.map(|gradient| writer.gradient(gradient)).collect(),
    }
}

/// The result of a gradient with all derivatives in it put in by their right sides; `None` where
/// that is very long.
pub fn in_full(backward: &Backward, gradient: &Gradient) -> Option<Term> {
    derivation::in_full(backward, gradient).map(|derivation| derivation.end().clone())
}

/// The term with those derivatives put in that take hardly more room than their names.
fn with_short_derivatives(model: &Model, term: &Term) -> Term {
    match term.node() {
        Node::Read { tensor, subscripts } if derivative_parts(tensor).is_some() => {
            let body = model.definition(tensor).and_then(|definition| definition.at(subscripts));
            let is_short = |body: &Term| body.size() <= SHORT && !body.tensors().iter().any(|name| is_derivative(name));
            body.filter(is_short).unwrap_or_else(|| term.clone())
        }
        Node::Number(_) | Node::Affine(_) | Node::Read { .. } => term.clone(),
        _ => term.map_children(&mut |child| with_short_derivatives(model, child)),
    }
}

fn is_derivative(name: &str) -> bool {
    derivative_parts(name).is_some()
}

/// The points with the values of everything, where they can be computed.
fn completed(backward: &Backward, points: &[Point]) -> Vec<Point> {
    let all: Vec<Name> = backward.model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
    let whole = |point: &Point| {
        let mut point = point.clone();
        complete(&backward.model, &mut point, &all).is_ok().then_some(point)
    };
    points.iter().filter_map(whole).collect()
}

struct Writer<'a> {
    backward: &'a Backward,
    points: Vec<Point>,
    /// Points that share the parameters.
    examples: Vec<Point>,
}

impl Writer<'_> {
    fn gradient(&self, gradient: &Gradient) -> GradientPage {
        let left = self.notation(&gradient.indices).entry(&gradient.name, &gradient.indices);
        let mut steps = self.lines(&left, &gradient.indices, &gradient.derivation);
        let reached = steps.last().map_or_else(|| left.clone(), |(markup, _)| markup.clone());
        steps.extend(self.lines(&reached, &gradient.indices, &gradient.shown));
        let mut steps = without_self(steps, &left);
        let local = self.backward.jacobians.iter().filter(|local| local.wrt == gradient.wrt);
        let jacobians: Vec<JacobianPage> = local.map(|local| self.jacobian(local)).collect();
        if let [only] = jacobians.as_slice()
            && only.left == text(&left)
        {
            // Nothing stands between the two tensors: the local derivative is the derivative.
            let own = only.steps.iter().filter(|line| steps.iter().all(|(_, other)| other.index != line.index));
            let own: Vec<Line> = own.cloned().collect();
            let further = steps.split_off(usize::from(!steps.is_empty()));
            let last = only.steps.last().cloned();
            return self.page(
                gradient,
                left,
                jacobians.clone(),
                [own, last.into_iter().collect(), lines(further)].concat(),
            );
        }
        self.page(gradient, left, jacobians, lines(steps))
    }

    fn page(&self, gradient: &Gradient, left: Markup, jacobians: Vec<JacobianPage>, steps: Vec<Line>) -> GradientPage {
        let short = with_short_derivatives(&self.backward.model, gradient.derivation.end());
        let full = in_full(self.backward, gradient).unwrap_or_else(|| short.clone());
        let short = self.notations(&gradient.indices, &short, Some(&gradient.name));
        let mut full = self.notations(&gradient.indices, &full, Some(&gradient.name));
        let is_wide = |matrix: &String| matrix.chars().count() > WIDEST;
        if full.matrix.as_ref().is_none_or(is_wide) && short.matrix.is_some() {
            let Notations { matrix, matrix_latex, why, reasons, rows, .. } = short.clone();
            full = Notations { matrix, matrix_latex, why, reasons, rows, ..full };
        }
        full.einsum = full.einsum.or_else(|| short.einsum.clone());
        GradientPage {
            wrt: gradient.wrt.to_string(),
            heading: gradient.name.to_string(),
            left: text(&left),
            left_latex: latex(&left),
            jacobians,
            steps,
            note: self.note(gradient),
            short,
            full,
        }
    }

    /// In which order a derivative that reads itself is computed.
    fn note(&self, gradient: &Gradient) -> Option<String> {
        let model = &self.backward.model;
        let named = |position: &usize| model.tensors[*position].name == gradient.name;
        let stage = model.stages().into_iter().find(|stage| stage.is_recurrent && stage.members.iter().any(named))?;
        let member = stage.members.iter().position(named)?;
        let recurrence = model.stage_recurrence(&stage)?[member];
        let notation = self.notation(&gradient.indices);
        let index = text(&notation.term(&Term::index(&gradient.indices[recurrence.axis])));
        let (first, last) = if recurrence.backward { ("last", "first") } else { ("first", "last") };
        Some(format!("a recurrence, computed from the {first} {index} to the {last}"))
    }

    fn definition(&self, stable: &Stabilised) -> DefinitionPage {
        let notation = self.notation(&stable.indices);
        let left = notation.entry(&stable.tensor, &stable.indices);
        let start = notation.term(&stable.derivation.start);
        let rule = AS_WRITTEN.to_string();
        let first = Line { rule, law: String::new(), index: text(&start), latex: latex(&start) };
        let further = lines(self.lines(&start, &stable.indices, &stable.derivation));
        DefinitionPage {
            tensor: stable.tensor.to_string(),
            left: text(&left),
            left_latex: latex(&left),
            steps: std::iter::once(first).chain(further).collect(),
        }
    }

    fn jacobian(&self, local: &LocalJacobian) -> JacobianPage {
        let left = self.notation(&local.indices).term(&local.derivation.start);
        let steps = self.lines(&left, &local.indices, &local.derivation);
        JacobianPage {
            heading: format!("∂{}/∂{}", local.tensor, local.wrt),
            left: text(&left),
            left_latex: latex(&left),
            steps: lines(steps),
            result: self.notations(&local.indices, local.derivation.end(), None),
        }
    }

    fn notation(&self, indices: &[Index]) -> Notation<'_> {
        Notation::new(&self.backward.model, indices, &[])
    }

    /// The lines after a first one; a line that reads as the one before it is left out.
    fn lines(&self, first: &Markup, indices: &[Index], derivation: &Derivation) -> Vec<(Markup, Line)> {
        let notation = self.notation(indices);
        let mut lines: Vec<(Markup, Line)> = Vec::new();
        for step in &derivation.steps {
            let markup = notation.term(&step.after);
            if markup == *lines.last().map_or(first, |(markup, _)| markup) {
                continue;
            }
            let (rule, law) = (step.rule.name.to_string(), step.rule.law.to_string());
            let line = Line { rule, law, index: text(&markup), latex: latex(&markup) };
            lines.push((markup, line));
        }
        lines
    }

    /// The result in all notations; `tensor` is the one whose value it is, where there is one.
    fn notations(&self, indices: &[Index], term: &Term, tensor: Option<&Name>) -> Notations {
        let index = self.notation(indices).term(term);
        let translation = translate(indices, term);
        let reasons = translation.as_ref().map(|found| found.reasons.iter().map(Reason::to_string).collect());
        let reasons = reasons.unwrap_or_default();
        let matrix = translation.and_then(|translation| self.checked(indices, term, tensor, translation.matrix));
        let matrix = matrix.map(|matrix| matrix.markup());
        Notations {
            index: text(&index),
            index_latex: latex(&index),
            matrix: matrix.as_ref().ok().map(text),
            matrix_latex: matrix.as_ref().ok().map(latex),
            einsum: einsum_program(&self.backward.model, indices, term).map(|program| program.to_string()),
            rows: tensor.and_then(|tensor| self.rows(indices, term, tensor)),
            reasons,
            why: matrix.err(),
        }
    }

    /// The form with the examples along the rows, if it has the values of the tensor.
    fn rows(&self, indices: &[Index], term: &Term, tensor: &Name) -> Option<String> {
        let model = &self.backward.model;
        if self.examples.is_empty() || model.batch.is_some() || !model.tensors.iter().any(|tensor| tensor.per_example) {
            return None;
        }
        let matrix = translate_rows(model, self.examples.len(), tensor, indices, term).ok()?.matrix;
        let error = difference_rows(model, &self.examples, tensor, &matrix).ok()?;
        (error <= TOLERANCE).then(|| text(&matrix.markup()))
    }

    /// The matrix form, if it has the value of the term at every point. The value of a derivative
    /// is known there, so that a long term need not be evaluated.
    fn checked(&self, indices: &[Index], term: &Term, tensor: Option<&Name>, matrix: Matrix) -> Result<Matrix, String> {
        for point in &self.points {
            let found = match tensor {
                Some(tensor) => difference_to_tensor(&self.backward.model, point, tensor, &matrix),
                None => difference(&self.backward.model, point, indices, term, &matrix),
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

fn lines(lines: Vec<(Markup, Line)>) -> Vec<Line> {
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Where a tensor also stands in the definition of what is differentiated, the chain rule has the
/// partial derivative by it among its terms, which is written like the whole one. That line is
/// left out, and the next, where the partial derivative is put in, names both rules.
fn without_self(mut lines: Vec<(Markup, Line)>, left: &Markup) -> Vec<(Markup, Line)> {
    let is_confusing = lines.len() > 1
        && matches!(&lines[0].0, Markup::Sum(addends) if addends.iter().any(|(_, addend)| addend == left));
    if is_confusing {
        let (_, first) = lines.remove(0);
        let next = &mut lines[0].1;
        next.rule = format!("{}, {}", first.rule, next.rule);
        next.law = format!("{}; {}", first.law, next.law);
    }
    lines
}
