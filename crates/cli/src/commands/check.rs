//! `check`: everything about a model that can be wrong.

use super::{derive_by, verified};
use crate::arguments::{Check, Common, Format};
use crate::failure::{Failure, print};
use crate::model_file;
use crate::report::agreement;
use deltarule_core::derivation::Verification;
use deltarule_core::model::{Model, Role, Sizing, small_sizes, told_sizes};
use deltarule_core::proof::{Line, Proof, Shown, Wrong, at_all_sizes, other_sizes, prove};
use deltarule_core::syntax::tree::Tree;
use deltarule_core::term::Name;
use deltarule_core::text::{Source, Span};
use deltarule_run::seeds::Stream;
use serde_json::{Value, json};
use std::path::Path;

/// For so many assignments of small sizes derivatives are checked.
const ASSIGNMENTS: usize = 2;

/// Runs the verb: goes through all models and fails where one does.
pub fn run(arguments: &Check, common: &Common) -> Result<(), Failure> {
    let mut failure = None;
    for path in &arguments.models {
        let found = match check(path, common.seed) {
            Ok(report) => {
                print(&report.show(path, arguments.format));
                report.failure()
            }
            Err(found) => {
                if arguments.format == Format::Json {
                    print(&format!("{}\n", json!({ "model": path, "ok": false, "message": found.text() })));
                }
                Some(found)
            }
        };
        if let Some(found) = found {
            failure = Some(Failure::worse(failure, found));
        }
    }
    failure.map_or(Ok(()), Err)
}

/// A scalar that was differentiated, with how many derivatives, and how well they agree.
type Derived = (Name, usize, Verification);

/// What was found.
struct Report {
    source: Source,
    tensors: usize,
    /// The scalars that were differentiated, each with how many derivatives, and how well they agree.
    derived: Vec<Derived>,
    /// The small sizes for which the derivatives were checked; none where it was for those at hand.
    sizes: Vec<String>,
    claims: Vec<Proof>,
}

fn check(path: &Path, seed: u64) -> Result<Report, Failure> {
    let (source, tree) = model_file::parse(path)?;
    let model = model_file::build(path, &source, &tree, &Sizing::symbolic())?;
    let (derived, sizes) = derivatives_at_small_sizes(&source, &tree, seed, path)?;
    let mut stream = Stream::new(seed, "check", "claims");
    let mut prove = |model: &Model| prove(&source, model, &mut || 2.0 * stream.uniform() - 1.0);
    let claims = prove(&model);
    let others = if claims.is_empty() { Vec::new() } else { other_sizes(&source, &tree, &model) };
    let others = others.iter().map(|model| (model.symbols.clone(), prove(model))).collect();
    let claims = at_all_sizes(claims, others);
    Ok(Report { source, tensors: model.tensors.len(), derived, sizes, claims })
}

/// The derivatives of a model, which are the same for all its sizes, checked at small ones where these are given by
/// names, or by numbers in whose place others can stand.
fn derivatives_at_small_sizes(
    source: &Source,
    tree: &Tree,
    seed: u64,
    path: &Path,
) -> Result<(Vec<Derived>, Vec<String>), Failure> {
    let model = model_file::build(path, source, tree, &Sizing::of_any_size())?;
    let mut derived = None;
    let mut sizes = Vec::new();
    for sizing in small_sizes(source, tree, &model, ASSIGNMENTS) {
        let small = model_file::build(path, source, tree, &sizing)?;
        let told = told_sizes(&small.symbols);
        let found = derivatives(&small, seed, path).map_err(|failure| failure.for_sizes(&told))?;
        derived.get_or_insert(found);
        sizes.push(told);
    }
    match derived {
        Some(derived) => Ok((derived, sizes)),
        None => Ok((derivatives(&model, seed, path)?, sizes)),
    }
}

/// The derivatives of all scalars, checked at random points.
fn derivatives(model: &Model, seed: u64, path: &Path) -> Result<Vec<Derived>, Failure> {
    let mut derived = Vec::new();
    for of in scalars(model) {
        // By all that is given, and on the way to that by everything between.
        let given = model.tensors.iter().filter(|tensor| is_differentiated_by(&tensor.role));
        let wrt: Vec<Name> = given.map(|tensor| tensor.name.clone()).collect();
        let backward = derive_by(model, &of, &wrt)?;
        let (verification, _) = verified(&backward, seed).map_err(|failure| failure.about(path))?;
        derived.push((of, backward.gradients.len(), verification));
    }
    Ok(derived)
}

/// What is differentiated: the scalars that nothing else reads, the loss above all. Metrics are only
/// reported.
fn scalars(model: &Model) -> Vec<Name> {
    let is_read = |name: &Name| {
        super::defined(model).any(|other| model.definition(other).is_some_and(|definition| definition.body.reads(name)))
    };
    let is_scalar = |name: &Name| model.tensor(name).is_some_and(|tensor| tensor.shape.is_empty());
    let scalars = super::defined(model).filter(|name| is_scalar(name) && !model.metrics.contains(name));
    scalars.filter(|name| !is_read(name)).cloned().collect()
}

fn is_differentiated_by(role: &Role) -> bool {
    match role {
        Role::Param(_) | Role::Input { below: None } => true,
        Role::Input { below: Some(_) } | Role::Target(_) | Role::Const(_) | Role::Defined(_) => false,
    }
}

impl Report {
    fn show(&self, path: &Path, format: Format) -> String {
        match format {
            Format::Text => self.text(path),
            Format::Json => format!("{}\n", self.json(path)),
        }
    }

    /// The claims that are wrong, if there are any.
    fn failure(&self) -> Option<Failure> {
        let wrong: Vec<String> = self.wrong().map(|wrong| wrong.problem.render(&self.source)).collect();
        (!wrong.is_empty()).then(|| Failure::Check(wrong.join("\n")))
    }

    fn wrong(&self) -> impl Iterator<Item = &Wrong> {
        self.claims.iter().filter_map(|proof| proof.wrong.as_ref())
    }

    fn text(&self, path: &Path) -> String {
        let undecided = self.wrong().filter(|wrong| wrong.is_undecided).count();
        let told = |number: usize, what: &str| match number {
            1 => format!("1 claim is {what}"),
            number => format!("{number} claims are {what}"),
        };
        let verdict = match (self.wrong().count() - undecided, undecided) {
            (0, 0) => "ok".to_string(),
            (0, open) => told(open, "undecided"),
            (wrong, 0) => told(wrong, "wrong"),
            (wrong, open) => format!("{}, {}", told(wrong, "wrong"), told(open, "undecided")),
        };
        let mut text = format!("{}: {verdict}, {} tensors\n", path.display(), self.tensors);
        for (of, derivatives, found) in &self.derived {
            let number = format!("{derivatives} {}", if *derivatives == 1 { "derivative" } else { "derivatives" });
            let exact = if found.exact > 0 { format!(", {} lines exactly", found.exact) } else { String::new() };
            text += &format!("  {of}: {number}, {}{exact}\n", agreement(found));
        }
        self.sizes.iter().for_each(|sizes| text += &format!("  at sizes {sizes}\n"));
        self.claims.iter().for_each(|proof| text += &self.claim(proof));
        text
    }

    /// A claim, line by line.
    fn claim(&self, proof: &Proof) -> String {
        let counters = proof.counters.iter().map(|(name, value)| format!(", {name} = {value}"));
        let counters: String = counters.collect();
        let verdict = match &proof.wrong {
            None => "right",
            Some(wrong) if wrong.is_undecided => "undecided",
            Some(_) => "wrong",
        };
        let mut text = format!("  claim in line {}{counters}: {verdict}\n", self.line(proof.span));
        let lines: Vec<(String, &Line)> =
            proof.lines.iter().map(|line| (format!("= {}", self.written(line.span)), line)).collect();
        let width = lines.iter().map(|(text, _)| text.chars().count()).max().unwrap_or(0).min(60);
        for (written, line) in lines {
            let given = self.given(line).into_iter().map(|given| format!(" given {given}"));
            let given: String = given.collect();
            let padding = " ".repeat(width.saturating_sub(written.chars().count()));
            text += &format!("    {:>4} {written}{padding}   {}{given}\n", self.line(line.span), shown(line.shown));
        }
        if let Some(wrong) = &proof.wrong {
            let slip = wrong.slip.map_or(String::new(), |slip| format!(": {}", slip.name()));
            text += &format!("    {:>4} = {}   {verdict}{slip}\n", self.line(wrong.span), self.written(wrong.span));
        }
        text
    }

    fn line(&self, span: Span) -> usize {
        self.source.position(span.start as usize).0
    }

    /// What stands at a place, on one line.
    fn written(&self, span: Span) -> String {
        let lines = self.source.text[span.range()].lines().map(|line| line.split('#').next().unwrap_or("").trim());
        lines.collect::<Vec<_>>().join(" ")
    }

    fn given(&self, line: &Line) -> Vec<String> {
        line.given.iter().map(|given| self.written(*given)).collect()
    }

    fn json(&self, path: &Path) -> Value {
        let derived = self.derived.iter().map(|(of, derivatives, found)| {
            json!({
                "of": **of, "derivatives": derivatives, "points": found.points, "lines": found.lines, "exact": found.exact,
                "max_rel_error": found.max_rel_error, "max_difference_error": found.max_difference_error,
                "not_checked": found.unchecked.iter().map(|name| &**name).collect::<Vec<_>>(),
            })
        });
        let claims: Vec<Value> = self.claims.iter().map(|proof| self.claim_json(proof)).collect();
        json!({
            "model": path, "ok": self.wrong().count() == 0, "tensors": self.tensors,
            "derived": derived.collect::<Vec<_>>(), "sizes": self.sizes, "claims": claims,
        })
    }

    fn claim_json(&self, proof: &Proof) -> Value {
        let lines = proof.lines.iter().map(|line| {
            let points = match line.shown {
                Shown::Exactly => Value::Null,
                Shown::AtPoints { points, .. } | Shown::InDoubles(points) => json!(points),
            };
            json!({
                "line": self.line(line.span), "text": self.written(line.span), "ok": true,
                "exactly": line.shown == Shown::Exactly, "points": points, "given": self.given(line),
            })
        });
        let wrong = proof.wrong.iter().map(|wrong| {
            let values = wrong.difference.as_ref();
            json!({
                "line": self.line(wrong.span), "text": self.written(wrong.span), "ok": false,
                "undecided": wrong.is_undecided,
                "slip": wrong.slip.map(|slip| slip.name()), "mended": wrong.mended,
                "entry": values.map(|found| &found.entry), "value": values.map(|found| found.value),
                "above": values.map(|found| found.above), "message": wrong.problem.render(&self.source),
            })
        });
        let lines: Vec<Value> = lines.chain(wrong).collect();
        json!({ "line": self.line(proof.span), "ok": proof.wrong.is_none(), "lines": lines })
    }
}

fn shown(shown: Shown) -> String {
    match shown {
        Shown::Exactly => "exactly".to_string(),
        Shown::InDoubles(points) => format!("in double precision at {points} points"),
        Shown::AtPoints { points, undecided: 0 } => format!("to 1e-60 at {points} points"),
        Shown::AtPoints { points, undecided } => format!("to 1e-60 at {points} points, undecided at {undecided}"),
    }
}
