//! Changes of a claim, tried on its text: many of them are written into one file, one below the other, so that the
//! model around them is built once for all.

use super::Reader;
use super::written::edited;
use crate::model::{Claim, Role, Tensor, claims_with};
use crate::syntax::parse;
use crate::syntax::tree::{Statement, StatementKind};
use crate::term::Name;
use crate::text::{Source, Span};

/// What is written in the place of what.
pub(super) type Edits = [(Span, String)];

impl Reader<'_> {
    /// The claim after each of the changes, in every round of the blocks around it; of a change that makes it
    /// malformed none.
    pub fn changed(&self, claim: &Claim, changes: &[&Edits]) -> Vec<Vec<Claim>> {
        let (own, text) = (claim.span, &self.source.text);
        let (before, after) = (&text[..own.start as usize], &text[own.end as usize..]);
        let indentation = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
        let mut whole = before.to_string();
        let numbers = self.numbers();
        let mut starts: Vec<Option<usize>> = Vec::with_capacity(changes.len());
        for edits in changes {
            let changed = edited(text, own, edits);
            if !is_claim(&changed, indentation, &claim.counters, &numbers) {
                starts.push(None);
                continue;
            }
            if starts.iter().any(Option::is_some) {
                whole.push('\n');
                whole += indentation;
            }
            starts.push(Some(whole.len()));
            whole += &changed;
        }
        whole += after;
        let claims = self.claims_of(whole).unwrap_or_default();
        let rounds =
            |start: usize| claims.iter().filter(|changed| changed.span.start as usize == start).cloned().collect();
        let whole_claim = |rounds: Vec<Claim>| -> Vec<Claim> {
            let is_whole =
                rounds.len() == self.rounds(claim) && rounds.iter().all(|own| own.lines.len() == claim.lines.len());
            if is_whole { rounds } else { Vec::new() }
        };
        starts.into_iter().map(|start| whole_claim(start.map(rounds).unwrap_or_default())).collect()
    }

    fn claims_of(&self, text: String) -> Option<Vec<Claim>> {
        let source = Source::new(&self.source.name, text);
        let tree = parse(&source).ok()?;
        claims_with(&source, &tree, &self.model.sizing)
    }

    /// Declarations of all names that stand for numbers: how a quotient by one is read depends on it.
    fn numbers(&self) -> String {
        let is_number = |tensor: &&Tensor| matches!(tensor.role, Role::Const(Some(_)));
        let constants = self.model.tensors.iter().filter(is_number).map(|tensor| &tensor.name);
        let names = self.model.sizes.iter().map(|(name, _)| name).chain(constants);
        names.map(|name| format!("const {name} = 1\n")).collect()
    }

    /// How often a claim stands in the model: once for each round of the blocks around it.
    fn rounds(&self, claim: &Claim) -> usize {
        self.model.claims.iter().filter(|other| other.span == claim.span).count()
    }
}

/// Whether a text is one claim and nothing else, below these declarations, inside blocks with these counters, and
/// indented so.
fn is_claim(text: &str, indentation: &str, counters: &[(Name, i64)], numbers: &str) -> bool {
    let mut file = numbers.to_string();
    for (depth, (counter, _)) in counters.iter().enumerate() {
        // Each block is indented by a character more at least.
        file += &format!("{}for {counter} in 1..1:\n", indentation.get(..depth).unwrap_or_default());
    }
    file += indentation;
    file += text;
    let Ok(tree) = parse(&Source::new("claim", file)) else { return false };
    let declared = tree.statements.iter().filter(|one| matches!(one.kind, StatementKind::Declaration(_))).count();
    let mut statements = &tree.statements[declared..];
    while let [Statement { kind: StatementKind::For { body, .. }, .. }] = statements {
        statements = body;
    }
    matches!(statements, [Statement { kind: StatementKind::Claim(_), .. }])
}
