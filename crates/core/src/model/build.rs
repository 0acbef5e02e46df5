//! The way through a file, statement by statement.

use super::declarations::{check_entries, declare};
use super::elaborate::{Elaborator, Globals};
use super::functions::{Functions, definitions};
use super::initialisers::{Fans, Scheme, Start, fans};
use super::letters::bare;
use super::names::{Fault, Meaning, Names, Outcome};

use super::batch::{self, BATCH};
use super::boundary::{Forward, is_boundary};
use super::form::Form;
use super::guards::bounds;
use super::repeat::repeat;
use super::scope::{Bound, Scope};
use super::symbols::{Sizing, Symbols};
use super::{Assumption, Claim, Definition, LOSS, Model, Role, Stage, TargetKind, Tensor};
use crate::syntax::tree::{Declaration, Equation, Expr, ExprKind, LeftSubscript, Statement, StatementKind, Tree};
use crate::term::{Extent, Name, Polynomial};
use crate::text::{Problem, Source, Span};
use std::collections::{HashMap, HashSet};

/// See [`Draft::ordering_work`](super::draft::Draft::ordering_work).
pub(super) const MOST_ORDERING: u64 = 2_000_000;

/// The number of examples for which [`build`] builds a model that carries their axis itself.
pub const DEFAULT_BATCH: usize = 3;

/// [`build_with`] for [`DEFAULT_BATCH`] examples.
///
/// # Errors
///
/// Those of [`build_with`].
pub fn build(source: &Source, tree: &Tree) -> Result<Model, Vec<Problem>> {
    build_with(source, tree, DEFAULT_BATCH)
}

/// Builds the model of a file: resolves its names, expands its functions, applies the summation
/// convention, infers the range of every index, and checks everything. Where the inputs have the
/// axis `batch`, it is the model of that many examples.
///
/// # Errors
///
/// Everything that is wrong with the statements, in the order of the file. A statement that uses
/// a name whose own definition has a problem is passed over.
pub fn build_with(source: &Source, tree: &Tree, batch: usize) -> Result<Model, Vec<Problem>> {
    build_sized(source, tree, &Sizing::numbers(batch))
}

/// [`build_with`] for sizes as they are said to be. Sizes that are symbols and for whose numbers alone the model
/// holds are numbers in the end.
///
/// # Errors
///
/// Those of [`build_with`].
pub fn build_sized(source: &Source, tree: &Tree, sizing: &Sizing) -> Result<Model, Vec<Problem>> {
    read(source, tree, sizing, Faulty::Told)
}

/// The claims of a file as by [`build_with`], those that are malformed passed over; `None` where anything else is
/// wrong with the file.
pub fn claims_with(source: &Source, tree: &Tree, sizing: &Sizing) -> Option<Vec<Claim>> {
    read(source, tree, sizing, Faulty::PassedOver).ok().map(|model| model.claims)
}

/// What becomes of claims that are malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Faulty {
    Told,
    PassedOver,
}

/// Reads a file with more and more sizes as numbers, until no other turns out to be one.
fn read(source: &Source, tree: &Tree, sizing: &Sizing, faulty_claims: Faulty) -> Result<Model, Vec<Problem>> {
    let mut sizing = sizing.clone();
    loop {
        let symbols = Symbols::new(&sizing);
        let model = read_once(source, tree, symbols.clone(), faulty_claims);
        match symbols.learned() {
            Some(learned) => sizing = learned,
            None => return model,
        }
    }
}

fn read_once(source: &Source, tree: &Tree, symbols: Symbols, faulty_claims: Faulty) -> Result<Model, Vec<Problem>> {
    if tree.statements.is_empty() {
        let problem = Problem::new("the model is empty", Span::new(0, 0), "no statement stands here");
        return Err(vec![
            problem.hint("say what is given, what is learned and what is computed: `y[i] = W[i,j] x[j]`"),
        ]);
    }
    let (repeated, mut problems) = repeat(&tree.statements);
    let misplaced = !problems.is_empty();
    let prelude_source = super::prelude();
    let prelude = crate::syntax::parse(&prelude_source)?;
    let globals = Globals {
        source,
        names: Names::new(symbols),
        tensors: Vec::new(),
        functions: Functions::default(),
        letters: HashMap::new(),
        boundaries: HashMap::new(),
        stepped: HashSet::new(),
        examples: HashSet::new(),
        derivatives: HashMap::new(),
    };
    let mut builder = Builder {
        globals,
        starts: Vec::new(),
        promises: Vec::new(),
        fans: HashMap::new(),
        metrics: Vec::new(),
        sizes: Vec::new(),
        batch: None,
        forward: Vec::new(),
        claims: Vec::new(),
    };
    if let Some(axis) = repeated.iter().find_map(|repeated| batch::axis(&repeated.statement)) {
        let batch = builder.globals.names.symbols.given(BATCH).unwrap_or(DEFAULT_BATCH);
        let size = builder.globals.names.symbols.size(BATCH, batch, DEFAULT_BATCH);
        builder.globals.names.announce(BATCH, axis);
        builder.globals.names.define(BATCH, axis, 0, Meaning::Size(size));
        builder.batch = Some(batch);
    }
    for definition in definitions(&prelude) {
        keep(Elaborator::new(&mut builder.globals, &definition.name.text).define(definition, 0), &mut problems);
    }
    let defining = repeated.iter().filter(|repeated| !is_only_boundary(&repeated.statement));
    for name in defining.filter_map(|repeated| repeated.statement.kind.defined()) {
        builder.globals.names.announce(&name.text, name.span);
    }
    let mut faulty: HashSet<Span> = HashSet::new();
    for (position, repeated) in repeated.iter().enumerate() {
        let statement = &repeated.statement;
        let known = problems.len();
        let understood = !repeated.broken && keep(builder.statement(statement, position + 1), &mut problems).is_some();
        if !understood && let Some(name) = statement.kind.defined() {
            builder.globals.names.define(&name.text, name.span, position + 1, Meaning::Broken);
        }
        if matches!(statement.kind, StatementKind::Claim(_)) {
            if faulty_claims == Faulty::PassedOver {
                problems.truncate(known);
            }
            if let Some(claim) = builder.claims.last_mut().filter(|_| understood) {
                claim.counters =
                    repeated.counters.iter().map(|counter| (counter.name.as_str().into(), counter.value)).collect();
            }
        }
        // A statement of a block is told about once.
        if problems.len() > known && !repeated.counters.is_empty() {
            let problem = problems.pop().filter(|_| faulty.insert(statement.span));
            problems.extend(problem.map(|problem| repeated.told(problem)));
        }
    }
    if problems.is_empty() {
        keep(builder.check_boundaries(), &mut problems);
    }
    if problems.is_empty() {
        keep(builder.initialise(), &mut problems);
    }
    if misplaced {
        problems.sort_by_key(|problem| problem.labels.first().map(|label| label.span.start));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    builder.finish().map_err(|problem| vec![problem])
}

fn keep<T>(outcome: Outcome<T>, problems: &mut Vec<Problem>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(Fault::Known) => None,
        Err(Fault::New(problem) | Fault::Misfit(problem)) => {
            problems.push(*problem);
            None
        }
    }
}

/// Whether a statement gives only what stands before the first entry of a recurrence.
fn is_only_boundary(statement: &Statement) -> bool {
    matches!(&statement.kind, StatementKind::Equation(equation) if is_boundary(equation))
}

struct Builder<'a> {
    globals: Globals<'a>,
    /// Of each parameter, by its place in the model.
    starts: Vec<(usize, Start)>,
    /// What declarations promise of values.
    promises: Vec<Assumption>,
    /// Of each parameter, from the first equation that reads it.
    fans: HashMap<Name, Fans>,
    metrics: Vec<Name>,
    sizes: Vec<(Name, usize)>,
    /// The number of examples, where the equations carry their axis.
    batch: Option<usize>,
    /// The reads of tensors before their equations.
    forward: Vec<Forward>,
    claims: Vec<Claim>,
}

impl<'a> Builder<'a> {
    fn statement(&mut self, statement: &'a Statement, number: usize) -> Outcome<()> {
        if let Some(name) = statement.kind.defined() {
            self.globals.names.check_new(&name.text, name.span)?;
        }
        if self.batch.is_some() {
            batch::check(statement)?;
        }
        match &statement.kind {
            StatementKind::Size { name, value } => {
                let size = self.size(&name.text, value, number)?;
                let value = size.value().and_then(|value| usize::try_from(value).ok()).unwrap_or(1);
                self.globals.names.define(&name.text, name.span, number, Meaning::Size(size));
                self.sizes.push((name.text.as_str().into(), value));
                Ok(())
            }
            StatementKind::Declaration(declaration) => self.declaration(declaration, number),
            StatementKind::Equation(equation) => self.equation(equation, number),
            StatementKind::Metric(equation) => {
                if equation.name.text == LOSS {
                    let problem = Problem::new("`loss` cannot be a metric", equation.name.span, "named here");
                    return Err(problem.hint("what training minimises is written `loss = ...`").into());
                }
                check_scalar(equation, "a metric is a scalar")?;
                self.equation(equation, number)?;
                self.metrics.push(equation.name.text.as_str().into());
                Ok(())
            }
            StatementKind::Function(definition) => {
                let name = &definition.name;
                let function = Elaborator::new(&mut self.globals, &name.text).define(definition, number)?;
                self.globals.names.define(&name.text, name.span, number, Meaning::Function(function));
                Ok(())
            }
            // Repeated already.
            StatementKind::For { .. } => Ok(()),
            StatementKind::Claim(claim) => {
                let claim = self.globals.claim(claim, statement.span, number)?;
                self.claims.push(claim);
                Ok(())
            }
        }
    }

    /// What the name of a size stands for.
    fn size(&self, name: &str, value: &Expr, number: usize) -> Outcome<Polynomial> {
        let constants = self.globals.constants(number);
        let symbols = &self.globals.names.symbols;
        let given = symbols.given(name);
        if let ExprKind::Number(_) = &value.kind {
            let number = constants.extent_at_hand(value)?;
            return Ok(symbols.size(name, given.unwrap_or(number), number));
        }
        let number = constants.extent_at_hand(value)?;
        if given.is_some_and(|given| given != number) {
            let problem = Problem::new(format!("`{name}` is made of other sizes"), value.span, format!("is {number}"));
            return Err(problem.hint("give numbers to these").into());
        }
        let size = symbols.size(name, number, constants.typed(value).unwrap_or(number));
        constants.relate(name, &size, value);
        Ok(size)
    }

    fn declaration(&mut self, declaration: &'a Declaration, number: usize) -> Outcome<()> {
        let name = &declaration.name;
        if name.text == LOSS {
            let problem = Problem::new("`loss` cannot be declared", name.span, "declared here");
            return Err(problem.hint("what training minimises is written `loss = ...`").into());
        }
        let declared = declare(declaration, &self.globals.constants(number))?;
        let place = self.globals.tensors.len();
        self.starts.extend(declared.start.map(|start| (place, start)));
        let tensor: crate::term::Name = name.text.as_str().into();
        self.promises.extend(declared.promises.iter().map(|promise| promise.of(&tensor)));
        let data = matches!(declared.role, Role::Input { .. } | Role::Target(_));
        if data && self.batch.is_some() {
            self.globals.examples.insert((place, 0));
        }
        let per_example = data && self.batch.is_none();
        self.add(name, declared.extents, declared.role, per_example, number);
        Ok(())
    }

    fn add(
        &mut self,
        name: &'a crate::syntax::tree::Name,
        extents: Vec<Extent>,
        role: Role,
        per_example: bool,
        number: usize,
    ) {
        let meaning = Meaning::Tensor(self.globals.tensors.len());
        self.globals.names.define(&name.text, name.span, number, meaning);
        self.globals.tensors.push(Tensor::new(&name.text, extents, role, per_example, name.span));
    }

    fn equation(&mut self, equation: &'a Equation, number: usize) -> Outcome<()> {
        let name = &equation.name;
        if name.text == LOSS {
            check_scalar(equation, "the loss is a scalar")?;
        }
        if is_boundary(equation) {
            let boundary = Elaborator::new(&mut self.globals, &name.text).boundary(equation, number)?;
            self.globals.boundaries.entry(&name.text).or_default().push(boundary);
            return Ok(());
        }
        let scope = Scope::new(number, Vec::new());
        let mut elaborator = Elaborator::new(&mut self.globals, &name.text);
        let left = left_side(&mut elaborator, &equation.subscripts, &scope)?;
        elaborator.own.left = left.iter().filter_map(|bound| bound.place.as_index()).collect();
        let draft = elaborator.terms(&equation.value, &scope.with(left))?;
        if draft.ordering_work(None, 1) > MOST_ORDERING {
            let problem = Problem::new("reductions are nested too deep", equation.value.span, "in this equation");
            return Err(problem.hint("give a name to a part of it").into());
        }
        let Elaborator { ranges, reads, own, .. } = elaborator;
        let free = equation.subscripts.len();
        let place = self.globals.tensors.len();
        let along = |axis: &usize| ranges.runs_over_examples(*axis);
        self.globals.examples.extend((0..free).filter(along).map(|axis| (place, axis)));
        let indices = ranges.solve()?;
        for (tensor, places) in reads {
            self.fans.entry(tensor).or_insert_with(|| fans(&places, free, &indices));
        }
        let extents: Vec<Extent> = indices[..free].iter().map(|index| index.extent.clone()).collect();
        let shape: Vec<usize> = extents.iter().map(Extent::value).collect();
        check_entries(&name.text, &shape, name.span)?;
        let body = draft.term(&indices);
        let per_example = body.tensors().iter().any(|read| self.is_per_example(read));
        let definition = Definition { indices: indices[..free].to_vec(), body };
        if definition.body.reads(&name.text) && definition.recurrence(&name.text).is_none() {
            return Err(own.disorder(&name.text).into());
        }
        for boundary in self.globals.boundaries.get(name.text.as_str()).into_iter().flatten() {
            boundary.check(&shape, name.span)?;
        }
        for forward in self.forward.iter().filter(|forward| forward.name == name.text) {
            forward.check(&shape, name.span)?;
        }
        let known = |index: usize| indices.get(index).map(|index| index.extent.value());
        self.forward.extend(own.forward.into_iter().map(|forward| {
            let reached = bounds(&forward.form, &forward.guards, &known);
            Forward { reached, ..forward }
        }));
        self.add(name, extents, Role::Defined(definition), per_example, number);
        Ok(())
    }

    fn is_per_example(&self, name: &Name) -> bool {
        if let Some(per_example) = self.globals.derivatives.get(name) {
            return *per_example;
        }
        match self.globals.names.get(name, usize::MAX) {
            Some(Meaning::Tensor(tensor)) => self.globals.tensors[tensor].per_example,
            _ => false,
        }
    }

    /// Every boundary belongs to an equation, and is read.
    fn check_boundaries(&self) -> Outcome<()> {
        let undefined = |name: &str| self.globals.names.get(name, usize::MAX).is_none();
        let boundaries = self.globals.boundaries.values().flatten();
        let idle = |name: &str| !self.globals.stepped.contains(name);
        let first = boundaries.filter(|boundary| {
            let name = &boundary.equation.name.text;
            undefined(name) || idle(name)
        });
        match first.min_by_key(|boundary| boundary.statement) {
            None => Ok(()),
            Some(boundary) => {
                let name = &boundary.equation.name;
                if let Some(Meaning::Tensor(tensor)) = self.globals.names.get(&name.text, usize::MAX) {
                    let message = format!("`{}` has a boundary, but nothing reads an earlier entry", name.text);
                    let problem = Problem::new(message, self.globals.tensors[tensor].span, "no recurrence");
                    return Err(problem.label(name.span, "the boundary").into());
                }
                let message = format!("`{}` has a boundary, but no equation", name.text);
                let problem = Problem::new(message, name.span, "only what stands before its first entry");
                let letters = boundary.letters.join(", ");
                Err(problem.hint(format!("the equation follows: `{}[{letters}] = ...`", name.text)).into())
            }
        }
    }

    /// Settles what every parameter starts from.
    fn initialise(&mut self) -> Outcome<()> {
        for (place, start) in &self.starts {
            let tensor = &mut self.globals.tensors[*place];
            let initialiser = match start {
                Start::Known(initialiser) => *initialiser,
                Start::Fan(scheme, span) => match self.fans.get(&tensor.name) {
                    Some(fans) => scheme.with(*fans),
                    None => return Err(unused(&tensor.name, *scheme, *span, tensor.span)),
                },
            };
            tensor.role = Role::Param(initialiser);
        }
        Ok(())
    }

    /// The model, once everything in it is right by itself.
    fn finish(mut self) -> Result<Model, Problem> {
        let forward = std::mem::take(&mut self.forward);
        let mut model = self.model();
        if let Some(first) = forward.first() {
            let unordered = |stage: &Stage| stage.is_recurrent && model.stage_recurrence(stage).is_none();
            if let Some(stage) = model.stages().iter().find(|stage| unordered(stage)) {
                let is_member = |name: &str| stage.members.iter().any(|&member| &*model.tensors[member].name == name);
                let read = forward.iter().find(|forward| is_member(&forward.name)).unwrap_or(first);
                return Err(disorder(&model, stage, read));
            }
            let mut tensors = model.tensors.to_vec();
            share_examples(&mut tensors);
            model.tensors = tensors.into();
        }
        Ok(model)
    }

    fn model(self) -> Model {
        let sums = |tensor: &&Tensor| matches!(tensor.role, Role::Target(TargetKind::OneHot | TargetKind::Probability));
        let assumptions = self.globals.tensors.iter().filter(sums);
        let sums = assumptions.map(|tensor| Assumption::SumsToOne(tensor.name.clone()));
        let assumptions = sums.chain(self.promises.iter().cloned()).collect();
        let Builder { globals, metrics, sizes, batch, claims, .. } = self;
        let sizing = globals.names.symbols.sizing().clone();
        let (symbols, relations) = globals.names.symbols.made();
        Model {
            assumptions,
            tensors: globals.tensors.into(),
            metrics,
            sizes,
            sizing,
            symbols,
            relations,
            batch,
            claims,
        }
    }
}

/// The tensors of a stage read one another, but not step by step.
fn disorder(model: &Model, stage: &Stage, forward: &Forward) -> Problem {
    let members: Vec<&Tensor> = stage.members.iter().map(|&member| &model.tensors[member]).collect();
    let names: Vec<String> = members.iter().map(|tensor| format!("`{}`", tensor.name)).collect();
    let message = format!("{} read one another, but not step by step along one axis", names.join(", "));
    let mut problem = Problem::new(message, forward.span, "before the equation");
    for tensor in members {
        problem = problem.label(tensor.span, "one of them");
    }
    problem.hint("between them, every read is of the same step of one above, or of an earlier step")
}

/// What reads a tensor that each example has its own of is so itself, also where the read stands
/// before the equation.
fn share_examples(tensors: &mut [Tensor]) {
    loop {
        let per_example: HashSet<Name> =
            tensors.iter().filter(|tensor| tensor.per_example).map(|tensor| tensor.name.clone()).collect();
        let mut changed = false;
        for tensor in tensors.iter_mut().filter(|tensor| !tensor.per_example) {
            if let Role::Defined(definition) = &tensor.role {
                tensor.per_example = definition.body.tensors().iter().any(|read| per_example.contains(read));
                changed |= tensor.per_example;
            }
        }
        if !changed {
            return;
        }
    }
}

fn unused(name: &str, scheme: Scheme, span: Span, declared: Span) -> Fault {
    let word = scheme.name();
    let problem = Problem::new(format!("`{name}` is never used, so `{word}` has no fan-in"), span, "needs an equation");
    problem
        .label(declared, "declared here")
        .hint(format!("use `{name}` in an equation, or start it from `zeros`"))
        .into()
}

fn check_scalar(equation: &Equation, message: &str) -> Outcome<()> {
    match equation.subscripts.first() {
        None => Ok(()),
        Some(subscript) => {
            let problem = Problem::new(message, subscript.index.span, "no index can stand here");
            let letter = bare(&subscript.index).unwrap_or("i");
            Err(problem
                .hint(format!("sum over it, `sum[{letter}] ...`, or take the mean, `mean[{letter}] ...`"))
                .into())
        }
    }
}

/// Binds the indices on the left: they get the first numbers.
fn left_side<'a>(
    elaborator: &mut Elaborator<'_, 'a>,
    subscripts: &'a [LeftSubscript],
    scope: &Scope<'a>,
) -> Outcome<Vec<Bound<'a>>> {
    let mut bound: Vec<Bound<'a>> = Vec::with_capacity(subscripts.len());
    for subscript in subscripts {
        let span = subscript.index.span;
        let Some(letter) = bare(&subscript.index) else {
            let problem = Problem::new("an index must stand here", span, "not a letter");
            let problem = problem.hint("the left side names the indices: `z[i,j] = ...`");
            let is_integer = matches!(&subscript.index.kind, ExprKind::Number(_) | ExprKind::Negate(_));
            return Err(if is_integer {
                problem.hint("what stands before the first entry of a recurrence is written `h[t:-1, i] = ...`").into()
            } else {
                problem.into()
            });
        };
        if bound.iter().any(|other| other.letter == letter) {
            let problem = Problem::new(format!("the index `{letter}` stands twice on the left"), span, "again here");
            let hint = format!("a diagonal is written with two letters: `a[{letter}] delta[{letter},j]`");
            return Err(problem.hint(hint).into());
        }
        let index = elaborator.bind(letter, span, subscript.range.as_ref(), scope)?;
        bound.push(Bound { letter, place: Form::index(index), implicit: false });
    }
    elaborator.check_count(bound.len(), subscripts.first().map_or(Span::default(), |first| first.index.span), scope)?;
    Ok(bound)
}
