//! The way through a file, statement by statement.

use super::declarations::{check_entries, declare};
use super::elaborate::{Elaborator, Globals, unsupported};
use super::functions::{Functions, definitions};
use super::initialisers::{Fans, Scheme, Start, fans};
use super::letters::bare;
use super::names::{Fault, Meaning, Names, Outcome};

use super::form::Form;
use super::repeat::repeat;
use super::scope::{Bound, Scope};
use super::{Assumption, Definition, LOSS, Model, Role, TargetKind, Tensor};
use crate::syntax::tree::{Declaration, Equation, Expr, ExprKind, LeftSubscript, Statement, StatementKind, Tree};
use crate::term::Name;
use crate::text::{Problem, Source, Span};
use std::collections::{HashMap, HashSet};

/// See [`Draft::ordering_work`](super::draft::Draft::ordering_work).
const MOST_ORDERING: u64 = 2_000_000;

/// Builds the model of a file: resolves its names, expands its functions, applies the summation
/// convention, infers the range of every index, and checks everything.
///
/// # Errors
///
/// Everything that is wrong with the statements, in the order of the file. A statement that uses
/// a name whose own definition has a problem is passed over.
pub fn build(source: &Source, tree: &Tree) -> Result<Model, Vec<Problem>> {
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
        names: Names::default(),
        tensors: Vec::new(),
        functions: Functions::default(),
        letters: HashMap::new(),
    };
    let mut builder = Builder { globals, starts: Vec::new(), fans: HashMap::new(), metrics: Vec::new() };
    for definition in definitions(&prelude) {
        keep(Elaborator::new(&mut builder.globals, &definition.name.text).define(definition, 0), &mut problems);
    }
    for name in repeated.iter().filter_map(|repeated| repeated.statement.kind.defined()) {
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
        // A statement of a block is told about once.
        if problems.len() > known && !repeated.counters.is_empty() {
            let problem = problems.pop().filter(|_| faulty.insert(statement.span));
            problems.extend(problem.map(|problem| repeated.told(problem)));
        }
    }
    if problems.is_empty() {
        keep(builder.initialise(), &mut problems);
    }
    if misplaced {
        problems.sort_by_key(|problem| problem.labels.first().map(|label| label.span.start));
    }
    if problems.is_empty() { Ok(builder.finish()) } else { Err(problems) }
}

fn keep<T>(outcome: Outcome<T>, problems: &mut Vec<Problem>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(Fault::Known) => None,
        Err(Fault::New(problem)) => {
            problems.push(*problem);
            None
        }
    }
}

struct Builder<'a> {
    globals: Globals<'a>,
    /// Of each parameter, by its place in the model.
    starts: Vec<(usize, Start)>,
    /// Of each parameter, from the first equation that reads it.
    fans: HashMap<Name, Fans>,
    metrics: Vec<Name>,
}

impl<'a> Builder<'a> {
    fn statement(&mut self, statement: &'a Statement, number: usize) -> Outcome<()> {
        if let Some(name) = statement.kind.defined() {
            self.globals.names.check_new(&name.text, name.span)?;
        }
        let scope = Scope::new(number, Vec::new());
        match &statement.kind {
            StatementKind::Size { name, value } => {
                let size = self.globals.constants(number).extent(value)?;
                self.globals.names.define(&name.text, name.span, number, Meaning::Size(size as i64));
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
            StatementKind::Claim(_) => Err(unsupported("a claim", statement.span, &scope)),
        }
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
        let per_example = matches!(declared.role, Role::Input { .. } | Role::Target(_));
        self.add(name, declared.shape, declared.role, per_example, number);
        Ok(())
    }

    fn add(
        &mut self,
        name: &'a crate::syntax::tree::Name,
        shape: Vec<usize>,
        role: Role,
        per_example: bool,
        number: usize,
    ) {
        let meaning = Meaning::Tensor(self.globals.tensors.len());
        self.globals.names.define(&name.text, name.span, number, meaning);
        let (tensor, span) = (name.text.as_str().into(), name.span);
        self.globals.tensors.push(Tensor { name: tensor, shape, role, per_example, span });
    }

    fn equation(&mut self, equation: &'a Equation, number: usize) -> Outcome<()> {
        let name = &equation.name;
        if name.text == LOSS {
            check_scalar(equation, "the loss is a scalar")?;
        }
        let scope = Scope::new(number, Vec::new());
        let mut elaborator = Elaborator::new(&mut self.globals, &name.text);
        let left = left_side(&mut elaborator, &equation.subscripts, &scope)?;
        let draft = elaborator.terms(&equation.value, &scope.with(left))?;
        if draft.ordering_work(None, 1) > MOST_ORDERING {
            let problem = Problem::new("reductions are nested too deep", equation.value.span, "in this equation");
            return Err(problem.hint("give a name to a part of it").into());
        }
        let Elaborator { ranges, reads, .. } = elaborator;
        let free = equation.subscripts.len();
        let indices = ranges.solve()?;
        for (tensor, places) in reads {
            self.fans.entry(tensor).or_insert_with(|| fans(&places, free, &indices));
        }
        let shape: Vec<usize> = indices[..free].iter().map(|index| index.extent).collect();
        check_entries(&name.text, &shape, name.span)?;
        let body = draft.term(&indices);
        let per_example = body.tensors().iter().any(|read| self.is_per_example(read));
        let definition = Definition { indices: indices[..free].to_vec(), body };
        self.add(name, shape, Role::Defined(definition), per_example, number);
        Ok(())
    }

    fn is_per_example(&self, name: &Name) -> bool {
        match self.globals.names.get(name, usize::MAX) {
            Some(Meaning::Tensor(tensor)) => self.globals.tensors[tensor].per_example,
            _ => false,
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

    fn finish(self) -> Model {
        let sums = |tensor: &&Tensor| matches!(tensor.role, Role::Target(TargetKind::OneHot | TargetKind::Probability));
        let assumptions = self.globals.tensors.iter().filter(sums);
        let assumptions = assumptions.map(|tensor| Assumption::SumsToOne(tensor.name.clone())).collect();
        Model { assumptions, tensors: self.globals.tensors, metrics: self.metrics }
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
        let boundary = matches!(subscript.range.as_ref().map(|range| &range.kind), Some(ExprKind::Negate(_)));
        if boundary || is_integer(&subscript.index) {
            return Err(unsupported("a recurrence", span, scope));
        }
        let Some(letter) = bare(&subscript.index) else {
            let problem = Problem::new("an index must stand here", span, "not a letter");
            return Err(problem.hint("the left side names the indices: `z[i,j] = ...`").into());
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

fn is_integer(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Number(_))
}
