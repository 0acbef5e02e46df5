//! Tensors that their own equations read: boundaries, and the order in which entries are found.

use super::draft::Draft;
use super::elaborate::{Elaborator, count};
use super::form::{Atom, Bounds, Form};
use super::guards::Guard;
use super::letters::bare;
use super::names::{Fault, Outcome};
use super::ranges::{Padded, Reach};
use super::scope::{Bound, IndexId, Scope};
use crate::syntax::tree::{self, Equation, Expr, ExprKind};
use crate::term::{Comparison, Name, Number};
use crate::text::{Problem, Span};

/// `h[t:-1, i] = value`: what stands before the first entry.
#[derive(Debug, Clone)]
pub(super) struct Boundary<'a> {
    pub equation: &'a Equation,
    /// The axis with the negative place.
    pub axis: usize,
    /// How far before the first entry: 1 for `t:-1`.
    pub depth: i64,
    /// One letter for each axis.
    pub letters: Vec<&'a str>,
    /// The ranges that are written out, each with its axis: those of the equation.
    pub ranges: Vec<(usize, usize, Span)>,
    /// The number of the statement.
    pub statement: usize,
}

/// The tensor that an equation defines and may read itself.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// The indices on the left.
    pub left: Vec<IndexId>,
    /// The places of its reads, and their subscripts.
    pub reads: Vec<(Span, Vec<Form>)>,
    /// The subscripts of reads of tensors that later equations define.
    pub forward: Vec<Forward>,
}

/// A subscript of a read of a tensor that a later equation defines.
#[derive(Debug, Clone)]
pub(super) struct Forward {
    pub name: String,
    pub axis: usize,
    pub form: Form,
    pub span: Span,
    pub guards: Vec<Guard>,
    /// Between which values it lies, once ranges are known.
    pub reached: Option<Bounds>,
}

impl Boundary<'_> {
    /// Checks the ranges of a boundary once the tensor is defined.
    pub fn check(&self, shape: &[usize], defined: Span) -> Outcome<()> {
        for (axis, own, span) in &self.ranges {
            let Some(extent) = shape.get(*axis).filter(|extent| *extent != own) else { continue };
            let (name, letter) = (&self.equation.name.text, self.letters[*axis]);
            let message =
                format!("the boundary of `{name}` stands at {} of `{letter}`", count(*own, "place", "places"));
            let problem = Problem::new(message, *span, "given here");
            return Err(problem.label(defined, format!("axis {axis} has extent {extent}")).into());
        }
        Ok(())
    }
}

/// Whether a left side is that of a boundary.
pub(super) fn is_boundary(equation: &Equation) -> bool {
    let negative = |range: &Expr| matches!(range.kind, ExprKind::Negate(_));
    equation.subscripts.iter().any(|subscript| subscript.range.as_ref().is_some_and(negative))
}

impl<'a> Elaborator<'_, 'a> {
    /// Reads a boundary and checks it by itself.
    pub fn boundary(&mut self, equation: &'a Equation, statement: usize) -> Outcome<Boundary<'a>> {
        let scope = Scope::new(statement, Vec::new());
        let mut letters: Vec<&'a str> = Vec::new();
        let mut place: Option<(usize, i64)> = None;
        let mut ranges = Vec::new();
        let mut bound = Vec::new();
        for (axis, subscript) in equation.subscripts.iter().enumerate() {
            let span = subscript.index.span;
            let Some(letter) = bare(&subscript.index) else {
                let problem = Problem::new("an index must stand here", span, "not a letter");
                return Err(problem.hint("a boundary names the indices: `h[t:-1, i] = 0`").into());
            };
            if letters.contains(&letter) {
                let message = format!("the index `{letter}` stands twice on the left");
                return Err(Problem::new(message, span, "again here").into());
            }
            self.check_letter(letter, span, &scope)?;
            letters.push(letter);
            let form = match &subscript.range {
                None => Form::index(self.ranges.add(letter, span, &scope)),
                Some(range) => match self.globals.constants(statement).integer(range)? {
                    1.. => {
                        let extent = self.globals.constants(statement).extent(range)?.value();
                        ranges.push((axis, extent, range.span));
                        Form::index(self.bind(letter, span, Some(range), &scope)?)
                    }
                    depth if depth == 0 || place.is_some() => {
                        let problem = Problem::new("a boundary gives one place", range.span, "not needed");
                        return Err(problem.hint("the other indices stand alone: `h[t:-1, i] = 0`").into());
                    }
                    depth => {
                        place = Some((axis, depth.saturating_neg()));
                        Form::constant(depth)
                    }
                },
            };
            bound.push(Bound { letter, place: form, implicit: false });
        }
        self.terms(&equation.value, &scope.with(bound))?;
        let (axis, depth) = place.unwrap_or((0, 1));
        let boundary = Boundary { equation, axis, depth, letters, ranges, statement };
        self.check_boundaries(&boundary)?;
        Ok(boundary)
    }

    /// Checks a boundary against those before it.
    fn check_boundaries(&self, boundary: &Boundary<'a>) -> Outcome<()> {
        let name = &boundary.equation.name;
        let Some(others) = self.globals.boundaries.get(name.text.as_str()) else { return Ok(()) };
        for other in others {
            let message = if other.letters.len() != boundary.letters.len() {
                format!("the boundaries of `{}` differ in the number of indices", name.text)
            } else if other.axis != boundary.axis {
                format!("`{}` cannot run along two axes", name.text)
            } else if other.depth == boundary.depth {
                format!("the boundary of `{}` at -{} is given twice", name.text, other.depth)
            } else {
                continue;
            };
            return Err(Problem::new(message, name.span, "here").label(other.equation.name.span, "and here").into());
        }
        Ok(())
    }

    /// A read of the tensor that the equation defines.
    pub fn own_read(
        &mut self,
        expr: &'a Expr,
        name: &'a str,
        pad: Option<&'a Option<Box<Expr>>>,
        subscripts: &'a [Expr],
        scope: &Scope<'a>,
    ) -> Outcome<Draft> {
        let left = self.own.left.clone();
        if left.len() != subscripts.len() {
            let (wanted, found) =
                (count(left.len(), "axis", "axes"), count(subscripts.len(), "subscript", "subscripts"));
            let message = format!("`{name}` has {wanted}, but is read with {found}");
            return Err(scope.problem(message, expr.span, "read here").into());
        }
        let forms = subscripts.iter().map(|subscript| self.subscript(subscript, scope)).collect::<Outcome<Vec<_>>>()?;
        self.own.reads.push((scope.place(expr.span), forms.clone()));
        let read = Draft::Read(name.into(), forms.clone());
        let limits: Vec<Form> = left.iter().map(|index| Form::atom(Atom::Extent(*index))).collect();
        if let Some(padding) = pad {
            for ((form, limit), subscript) in forms.iter().zip(&limits).zip(subscripts) {
                let (form, limit, span) = (form.clone(), limit.clone(), scope.place(subscript.span));
                self.ranges.padded.push(Padded { form, limit, span });
            }
            let boundaries = self.globals.boundaries.get(name).cloned().unwrap_or_default();
            return self.pad(limits, &forms, read, (padding.as_deref(), &boundaries), scope);
        }
        let mark = self.ranges.mark();
        for (axis, (form, limit)) in forms.iter().zip(limits).enumerate() {
            let which = if left.len() == 1 { format!("`{name}`") } else { format!("axis {axis} of `{name}`") };
            self.ranges.reads.push(Reach {
                form: form.clone(),
                limit,
                name: name.to_string(),
                axis: which,
                span: scope.place(subscripts[axis].span),
                text: self.source_text(expr.span, scope),
                declared: None,
                call: scope.call,
                boundary: Some(self.boundary_text(name, axis)),
                before: 0,
                examples: false,
                guards: Vec::new(),
            });
        }
        let Some(boundaries) = self.globals.boundaries.get(name).cloned() else { return Ok(read) };
        if boundaries[0].letters.len() != forms.len() {
            let (wanted, name) = (count(forms.len(), "index", "indices"), &boundaries[0].equation.name);
            let problem = Problem::new(format!("`{}` has {wanted} on the left", name.text), name.span, "not here");
            return Err(problem.hint("a boundary has all of them").into());
        }
        let axis = boundaries[0].axis;
        let steps = forms[axis].plus(-1, &Form::index(left[axis])).and_then(|shift| shift.as_constant());
        let Some(steps) = steps else { return Err(not_fixed(&boundaries[0], expr.span, scope)) };
        if steps >= 0 {
            return Ok(read);
        }
        self.ranges.guard(mark, &[Guard::NotNegative(forms[axis].clone())]);
        self.check_depth(&boundaries, -steps, expr.span, scope)?;
        self.with_boundary(read, &forms, -steps, &boundaries)
    }

    /// A read of a tensor that is defined above, with subscripts that may reach into its boundary.
    pub fn read_with_boundary(&mut self, name: &Name, read: Draft, forms: &[Form]) -> Outcome<Draft> {
        let depth = self.boundary_depth(name);
        let Some(boundaries) = self.globals.boundaries.get(&**name).cloned().filter(|_| depth > 0) else {
            return Ok(read);
        };
        let form = &forms[boundaries[0].axis];
        match form.as_constant() {
            Some(place) if place < 0 => self.boundary_value(&boundaries, -place, forms),
            None if form.as_index().is_none() => self.with_boundary(read, forms, depth, &boundaries),
            _ => Ok(read),
        }
    }

    /// How many entries stand before the first one of a tensor, without a gap.
    pub fn boundary_depth(&self, name: &str) -> i64 {
        let Some(boundaries) = self.globals.boundaries.get(name) else { return 0 };
        let given = |depth: &i64| boundaries.iter().any(|boundary| boundary.depth == *depth);
        (1..=boundaries.len() as i64).take_while(given).count() as i64
    }

    /// The axis along which a tensor has a boundary.
    pub fn boundary_axis(&self, name: &str) -> Option<usize> {
        self.globals.boundaries.get(name)?.first().map(|boundary| boundary.axis)
    }

    /// What stands at a place before the first entry.
    pub fn boundary_value(&mut self, boundaries: &[Boundary<'a>], place: i64, forms: &[Form]) -> Outcome<Draft> {
        let Some(boundary) = boundaries.iter().find(|boundary| boundary.depth == place) else {
            return Ok(Draft::Number(Number::ZERO));
        };
        self.globals.stepped.insert(&boundary.equation.name.text);
        let letters = boundary.letters.iter().zip(forms).enumerate().map(|(position, (letter, form))| {
            let place = if position == boundary.axis { Form::constant(-place) } else { form.clone() };
            Bound { letter, place, implicit: false }
        });
        let scope = Scope::new(boundary.statement, Vec::new()).with(letters);
        self.terms(&boundary.equation.value, &scope)
    }

    /// A read of a tensor that a later equation defines: of an earlier entry, since its boundary
    /// stands above. The two are then found together, step by step.
    pub fn forward_read(
        &mut self,
        expr: &'a Expr,
        name: &'a tree::Name,
        subscripts: &'a [Expr],
        scope: &Scope<'a>,
    ) -> Outcome<Draft> {
        let boundaries = self.globals.boundaries.get(name.text.as_str()).cloned().unwrap_or_default();
        let Some(first) = boundaries.first() else { return Err(self.unknown_value(&name.text, name.span, scope)) };
        let (axis, axes) = (first.axis, first.letters.len());
        if axes != subscripts.len() {
            let (wanted, found) = (count(axes, "axis", "axes"), count(subscripts.len(), "subscript", "subscripts"));
            let message = format!("`{}` has {wanted}, but is read with {found}", name.text);
            let problem = scope.problem(message, expr.span, "read here");
            return Err(problem.label(first.equation.name.span, "its boundary").into());
        }
        let forms = subscripts.iter().map(|subscript| self.subscript(subscript, scope)).collect::<Outcome<Vec<_>>>()?;
        let is_left = |atom: &Atom| matches!(atom, Atom::Index(index) if self.own.left.contains(index));
        let steps = match forms[axis].terms.as_slice() {
            [(atom, 1)] if is_left(atom) => forms[axis].constant,
            _ => return Err(not_fixed(first, expr.span, scope)),
        };
        if steps >= 0 {
            return Err(self.unknown_value(&name.text, name.span, scope));
        }
        let read = Draft::Read(name.text.as_str().into(), forms.clone());
        for (axis, (form, subscript)) in forms.iter().zip(subscripts).enumerate() {
            let guards = vec![Guard::NotNegative(forms[first.axis].clone())];
            let (name, form, span) = (name.text.clone(), form.clone(), scope.place(subscript.span));
            self.own.forward.push(Forward { name, axis, form, span, guards, reached: None });
        }
        self.check_depth(&boundaries, -steps, expr.span, scope)?;
        self.with_boundary(read, &forms, -steps, &boundaries)
    }

    /// How the boundary of an axis is written.
    fn boundary_text(&self, name: &str, axis: usize) -> String {
        let letter = |(position, index): (usize, &IndexId)| {
            let letter = &self.ranges.all[*index].letter;
            if position == axis { format!("{letter}:-1") } else { letter.clone() }
        };
        let letters: Vec<String> = self.own.left.iter().enumerate().map(letter).collect();
        format!("{name}[{}]", letters.join(", "))
    }

    /// Whether there are boundaries as far before the first entry as a read reaches.
    fn check_depth(&self, boundaries: &[Boundary<'a>], depth: i64, span: Span, scope: &Scope<'a>) -> Outcome<()> {
        let given = |depth: i64| boundaries.iter().any(|boundary| boundary.depth == depth);
        // One is missing as soon as there are fewer than the read needs.
        let Some(missing) = (1..=depth).find(|depth| !given(*depth)) else { return Ok(()) };
        let (first, name) = (&boundaries[0], &boundaries[0].equation.name);
        let places = count(depth.unsigned_abs() as usize, "place", "places");
        let message = format!("`{}` is read {places} before its first value", name.text);
        let problem = scope.problem(message, span, "reaches that far").label(name.span, "a boundary");
        let letters: Vec<String> = first
            .letters
            .iter()
            .enumerate()
            .map(|(axis, letter)| if axis == first.axis { format!("{letter}:-{missing}") } else { letter.to_string() })
            .collect();
        let line = format!("{}[{}]", name.text, letters.join(", "));
        Err(problem.hint(format!("write in a line above what stands there: `{line} = 0`")).into())
    }

    /// The read where it is inside, and the boundaries before.
    fn with_boundary(
        &mut self,
        read: Draft,
        forms: &[Form],
        depth: i64,
        boundaries: &[Boundary<'a>],
    ) -> Outcome<Draft> {
        let axis = boundaries[0].axis;
        let mut values = Vec::new();
        for place in 1..=depth {
            values.push(self.boundary_value(boundaries, place, forms)?);
        }
        let compare = |comparison, left: &Form, right: i64| {
            let (left, right) = (Draft::Place(left.clone()), Draft::Place(Form::constant(right)));
            Draft::Compare(comparison, Box::new(left), Box::new(right))
        };
        let zero = |value: &Draft| matches!(value, Draft::Number(number) if number.value() == 0.0);
        if values.iter().all(zero) {
            // `t >= 1` for `t-1`.
            let own = Form { constant: forms[axis].constant.max(0), ..forms[axis].clone() };
            let least = own.constant - forms[axis].constant;
            return Ok(Draft::Product(vec![compare(Comparison::GreaterEqual, &own, least), read]));
        }
        let mut outside = values.pop().unwrap_or(Draft::Number(Number::ZERO));
        for (place, value) in values.into_iter().enumerate().rev() {
            let here = compare(Comparison::Equal, &forms[axis], -(place as i64 + 1));
            outside = Draft::Where(Box::new(here), Box::new(value), Box::new(outside));
        }
        let inside = compare(Comparison::GreaterEqual, &forms[axis], 0);
        Ok(Draft::Where(Box::new(inside), Box::new(read), Box::new(outside)))
    }
}

fn not_fixed(boundary: &Boundary, span: Span, scope: &Scope) -> Fault {
    let name = &boundary.equation.name;
    let message = format!("`{}` has a boundary, so it is read a fixed number of steps earlier", name.text);
    let problem = scope.problem(message, span, "reads at another place");
    problem.label(name.span, "the boundary").into()
}

impl Forward {
    /// Checks the read once the tensor is defined, with the indices of the equation it stands in.
    pub fn check(&self, shape: &[usize], defined: Span) -> Outcome<()> {
        let (Some(&extent), Some((low, high))) = (shape.get(self.axis), self.reached) else { return Ok(()) };
        let fits = match self.form.as_index() {
            Some(_) => high + 1 == extent as i128,
            None => low >= 0 && high < extent as i128,
        };
        if fits {
            return Ok(());
        }
        let message = format!("this read does not fit `{}`", self.name);
        let axis = self.axis;
        let label = format!("runs from {low} to {high}, but axis {axis} of `{}` has extent {extent}", self.name);
        let problem = Problem::new(message, self.span, label);
        Err(problem.label(defined, format!("`{}` has shape {shape:?}", self.name)).into())
    }
}

impl Own {
    /// Why its reads give no order: given the indices, what is wrong with the first that does not
    /// fit.
    pub fn disorder(&self, name: &str) -> Problem {
        // For each axis of a read: whether it lies before, after, or neither for sure.
        let direction = |forms: &[Form], axis: usize| {
            let shift = forms[axis].plus(-1, &Form::index(self.left[axis]));
            shift.and_then(|shift| shift.as_constant()).map_or(0, i64::signum)
        };
        let moves = |forms: &[Form]| (0..forms.len()).any(|axis| direction(forms, axis) != 0);
        if let Some((span, _)) = self.reads.iter().find(|(_, forms)| !moves(forms)) {
            let message = format!("`{name}` is read by its own equation where it is not known yet");
            let problem =
                Problem::new(message, *span, "not a fixed number of steps before or after the entry on the left");
            return problem.hint("a recurrence reads earlier entries along one axis: `h[t-1, i]`");
        }
        for axis in 0..self.left.len() {
            let find = |wanted: i64| self.reads.iter().find(|(_, forms)| direction(forms, axis) == wanted);
            if let (Some((before, _)), Some((after, _))) = (find(-1), find(1)) {
                let message = format!("`{name}` is read both before and after the entry that is defined");
                let problem = Problem::new(message, *after, "after").label(*before, "before");
                return problem.hint("a recurrence runs in one direction along one axis");
            }
        }
        let span = self.reads.first().map(|(span, _)| *span).unwrap_or_default();
        let message = format!("the reads of `{name}` by its own equation do not all move along one axis");
        let mut problem = Problem::new(message, span, "one of them");
        for (other, _) in self.reads.iter().skip(1).take(3) {
            problem = problem.label(*other, "another");
        }
        problem.hint("a recurrence runs along one axis: every read is earlier on it")
    }
}
