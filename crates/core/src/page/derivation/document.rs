//! What a derivation says: plain data for any format.

use super::cotangents::Cotangent;
use crate::derivation::Verification;
use crate::page::jacobian::Shape;
use crate::page::{Markup, text};
use std::collections::BTreeSet;

/// A derivation, ready to be shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    /// The model, for a title; may be empty.
    pub title: String,
    /// The tensor that is differentiated.
    pub of: String,
    /// What was checked.
    pub verified: Verification,
    /// The derivatives that have names of their own, as far as the pages use them.
    pub names: Vec<NamePage>,
    /// The definitions that were given a form that neither overflows nor loses digits, before
    /// anything was derived.
    pub definitions: Vec<DefinitionPage>,
    /// In the order in which they were derived.
    pub gradients: Vec<GradientPage>,
}

/// A name for a derivative, or for one with factors.
#[derive(Debug, Clone, PartialEq)]
pub struct NamePage {
    /// The name, and its definition: an equation of the language.
    pub cotangent: Cotangent,
    /// What it is, other derivatives by their names, where a product has the name.
    pub value: Option<Markup>,
}

/// How a definition got its form.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionPage {
    /// The tensor.
    pub tensor: String,
    /// `p[i]`
    pub left: Markup,
    /// From the right side, under the rule [`AS_WRITTEN`], to the one that is used.
    pub steps: Vec<Line>,
}

/// Stands where the name of a rule would, beside the right side of a definition as it was written.
pub const AS_WRITTEN: &str = "as written";

/// Stands there beside the right side of a row that got a name.
pub const COMPARED: &str = "named, as it is compared";

/// The derivation of one derivative.
#[derive(Debug, Clone, PartialEq)]
pub struct GradientPage {
    /// The tensor it is differentiated by.
    pub wrt: String,
    /// `∂loss/∂z2`; a second derivative is `∂²loss/∂w∂b`.
    pub heading: String,
    /// The same as a formula.
    pub title: Markup,
    /// `∂loss/∂z2[i]`: what the first line of the chain is equal to.
    pub left: Markup,
    /// The local derivatives that the chain rule needs here.
    pub jacobians: Vec<JacobianPage>,
    /// The chain, from the chain rule to the form that people write.
    pub steps: Vec<Line>,
    /// What a reader should know of the result: in which order a recurrence is computed, what of a
    /// convolution it is.
    pub notes: Vec<String>,
    /// What counts 0 where, by the conventions at 0: the lines and the matrix forms do not say it.
    pub conventions: Vec<String>,
    /// The promises of the model that the derivation relies on, here or in what it puts in.
    pub assumptions: Vec<String>,
    /// The names that other derivatives use for this one, alone or with factors.
    pub cotangents: Vec<Cotangent>,
    /// The result as it is computed, with the names of other derivatives, where it reads any.
    pub named: Option<Notations>,
    /// The result as it is computed, other derivatives by name unless they are very short.
    pub short: Notations,
    /// The result from tensors of the model alone, unless that is very long.
    pub full: Notations,
    /// What it looks like as a matrix, where the differentiated tensor is no scalar.
    pub shape: Option<Shape>,
}

/// The derivative of one definition by a tensor in it.
#[derive(Debug, Clone, PartialEq)]
pub struct JacobianPage {
    /// `∂p/∂z2`
    pub heading: String,
    /// The equation as it was typed, where the text is at hand.
    pub typed: Option<String>,
    /// `∂p[i]/∂z2[j]`
    pub left: Markup,
    /// From the definition to the result.
    pub steps: Vec<Line>,
    /// The result.
    pub result: Notations,
    /// What it looks like as a matrix.
    pub shape: Shape,
}

/// A line of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The name of the rule that gave it.
    pub rule: String,
    /// The law it applies.
    pub law: String,
    /// The line as it is shown, with names for derivatives that are shared.
    pub formula: Markup,
    /// The line as an expression of the language.
    pub plain: Markup,
    /// Whether it is dull, so that it need not be shown.
    pub folded: bool,
    /// The rule of the line before, where that one is folded because this one only gives a name in it.
    pub continues: Option<String>,
}

impl Line {
    /// The rules that lead here from the last line that is shown.
    pub fn rules(&self, hidden: usize) -> String {
        match &self.continues {
            Some(before) if hidden > 0 => format!("{before}; {}", self.rule),
            _ => self.rule.clone(),
        }
    }
}

/// A result in all notations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notations {
    /// Index notation: an expression of the language, exact also where a convention decides.
    pub index: Markup,
    /// Index notation as it is shown: with the names of derivatives, without the conventions at 0.
    pub shown: Markup,
    /// Matrix notation, where it exists. It was evaluated and compared at every point given.
    pub matrix: Option<Markup>,
    /// Why each part of it is what it is.
    pub reasons: Vec<String>,
    /// Why there is no matrix notation.
    pub why: Option<String>,
    /// Matrix notation with the examples along the rows, where it exists and was checked likewise.
    pub rows: Option<Markup>,
    /// What is broadcast there, in words.
    pub broadcasts: Vec<String>,
    /// As calls of `einsum`, with what is no product of entries by a name.
    pub einsum: Option<String>,
}

impl Document {
    /// This document and what another one says, of the same model.
    pub fn joined(mut self, other: Document) -> Document {
        let verified = &mut self.verified;
        verified.lines += other.verified.lines;
        verified.unchecked.extend(other.verified.unchecked);
        verified.undefined = verified.undefined.take().or(other.verified.undefined);
        verified.max_rel_error = verified.max_rel_error.max(other.verified.max_rel_error);
        verified.max_difference_error = verified.max_difference_error.max(other.verified.max_difference_error);
        let is_new = |page: &DefinitionPage| self.definitions.iter().all(|own| own != page);
        let definitions: Vec<DefinitionPage> = other.definitions.into_iter().filter(is_new).collect();
        self.definitions.extend(definitions);
        self.names.extend(other.names);
        self.gradients.extend(other.gradients);
        self
    }
}

impl JacobianPage {
    /// The local derivative of the whole tensor, without subscripts.
    pub fn title(&self) -> Markup {
        let name = |markup: &Markup| match markup {
            Markup::Subscripts(name, _) => (**name).clone(),
            other => other.clone(),
        };
        match &self.left {
            Markup::Derivative(of, wrt) => Markup::Derivative(Box::new(name(of)), Box::new(name(wrt))),
            other => other.clone(),
        }
    }
}

impl Notations {
    /// Index notation as text, to be pasted.
    pub fn index_text(&self) -> String {
        text(&self.index)
    }

    /// Matrix notation as text, where it exists.
    pub fn matrix_text(&self) -> Option<String> {
        self.matrix.as_ref().map(text)
    }
}

impl GradientPage {
    /// The matrix forms, the one with names first, each once.
    pub fn matrices(&self) -> Vec<&Markup> {
        let named = self.named.as_ref().and_then(|named| named.matrix.as_ref());
        let mut forms: Vec<&Markup> = named.into_iter().chain(&self.full.matrix).collect();
        forms.dedup();
        forms
    }

    /// The matrix form with the examples along the rows.
    pub fn rows(&self) -> Option<&Markup> {
        match &self.named {
            Some(named) if named.matrix.is_some() => named.rows.as_ref(),
            _ => self.full.rows.as_ref(),
        }
    }

    /// What is broadcast in the form with the examples along the rows.
    pub fn broadcasts(&self) -> &[String] {
        match &self.named {
            Some(named) if named.matrix.is_some() => &named.broadcasts,
            _ => &self.full.broadcasts,
        }
    }

    /// The name for the derivative itself, as other derivatives use it: `δ2[i]`.
    pub fn own_name(&self) -> Option<&Markup> {
        self.cotangents.iter().find(|cotangent| !cotangent.is_product).map(|cotangent| &cotangent.left)
    }

    /// The result in index notation, to be copied, where the last line does not say it.
    pub fn in_full(&self) -> Option<&Markup> {
        let reached = self.steps.last().map_or(&self.left, |line| &line.plain);
        // A recurrence is not told by the tensors of the model alone.
        let mut names = BTreeSet::new();
        self.full.shown.collect_names(&mut names);
        let is_whole = self.full.index == self.full.shown || !names.iter().any(|name| name.starts_with('δ'));
        (is_whole && self.full.index != *reached).then_some(&self.full.index)
    }

    /// The reasons for the first of the matrix forms.
    pub fn reasons(&self) -> &[String] {
        match &self.named {
            Some(named) if named.matrix.is_some() => &named.reasons,
            _ => &self.full.reasons,
        }
    }

    /// The local derivatives that are not the derivation itself.
    pub fn local(&self) -> impl Iterator<Item = &JacobianPage> {
        self.jacobians.iter().filter(|local| self.jacobians.len() > 1 || local.left != self.left)
    }
}
