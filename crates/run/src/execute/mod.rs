//! Carries out plans.

mod translate;

use deltarule_core::plan::{PlaceKind, Plan};
pub use deltarule_kernels::Team;
use deltarule_kernels::{Arena, Product, Scatter, Walk, Workspace};
use std::ops::Range;
use std::time::{Duration, Instant};

/// A plan with the memory for its values.
///
/// ```
/// # use deltarule_core::{model::{Definition, Model, Role, Tensor}, plan::{Memory, Request, plan}};
/// # use deltarule_core::{term::Term, text::Span};
/// # use deltarule_run::execute::Engine;
/// # let span = Span { start: 0, end: 0 };
/// # let tensor = |name: &str, role| Tensor::new(name, vec![], role, true, span);
/// # let body = Term::mul(vec![Term::integer(2), Term::read("x", vec![])]);
/// # let double = Role::Defined(Definition { indices: vec![], body });
/// # let tensors = vec![tensor("x", Role::Input { below: None }), tensor("double", double)];
/// # let model = Model { tensors: tensors.into(), ..Model::default() };
/// let request = Request { outputs: &["double".into()], batch: 3, descend: &[], memory: Memory::Plenty };
/// let mut engine = Engine::new(plan(&model, &request).unwrap());
/// engine.tensor_mut("x").unwrap().copy_from_slice(&[1.0, 2.0, 3.0]);
/// engine.run(0.0);
/// assert_eq!(engine.tensor("double"), Some(&[2.0, 4.0, 6.0][..]));
/// ```
pub struct Engine {
    plan: Plan,
    arena: Arena,
    workspace: Workspace,
    steps: Vec<Step>,
}

enum Step {
    Product(Product),
    /// The loop runs where the product may not be right.
    Guarded(Product, Box<Walk>, Doubt),
    Walk(Walk),
    Scatter(Scatter),
    /// How many steps, whether the last is first, and what is done in each.
    Repeat(usize, bool, Vec<Step>),
}

/// What tells that 0 may have met what is not finite.
enum Doubt {
    /// A result in this range is NaN: the loop computes all of them again.
    Results(Range<usize>),
    /// A number in one of these ranges is not finite: the loop runs instead.
    Operands(Vec<Range<usize>>),
}

impl Engine {
    /// Allocates all memory that runs of the plan will need, but for a few buffers that every
    /// thread keeps when it takes part for the first time.
    ///
    /// # Panics
    /// Where the plan accesses memory that it does not have, which [`Plan::verify`] tells before.
    pub fn new(plan: Plan) -> Engine {
        let mut arena = Arena::new(plan.arena);
        for place in &plan.places {
            if let PlaceKind::Constant(value) = place.kind {
                arena.values_mut()[place.offset..][..place.len()].fill(value as f32);
            }
        }
        for (place, numbers) in &plan.tables {
            let offset = plan.places[*place].offset;
            arena.values_mut()[offset..][..numbers.len()].copy_from_slice(numbers);
        }
        let steps: Result<Vec<Step>, String> =
            plan.operations.iter().map(|operation| translate::step(&plan, operation, false)).collect();
        let steps = steps.unwrap_or_else(|wrong| panic!("the plan is wrong: {wrong}"));
        let mut workspace = Workspace::default();
        let mut walks = Vec::new();
        for step in &steps {
            step.reserve(&mut workspace);
            step.find_walks(&mut walks);
        }
        Walk::place(&walks);
        Engine { plan, arena, workspace, steps }
    }

    /// The bytes of all values and of sums of products that are not finished.
    pub fn bytes(&self) -> usize {
        4 * (self.arena.len() + self.workspace.len())
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// A tensor that is given, row-major, to be written: inputs and targets with the examples in
    /// front, parameters and constants without. Given values stay between runs.
    pub fn tensor_mut(&mut self, name: &str) -> Option<&mut [f32]> {
        let place = self.plan.place(name).filter(|place| place.kind == PlaceKind::Given)?;
        let (offset, length) = (place.offset, place.len());
        self.arena.values_mut().get_mut(offset..offset + length)
    }

    /// A tensor that is given or was asked for.
    pub fn tensor(&self, name: &str) -> Option<&[f32]> {
        let place = self.plan.place(name)?;
        self.arena.values().get(place.offset..place.offset + place.len())
    }

    /// One evaluation, and a step of gradient descent by this rate where the plan has one. It
    /// allocates nothing. For more than one thread, call it inside [`Team::install`].
    pub fn run(&mut self, rate: f32) {
        for step in &self.steps {
            step.run(&mut self.arena, &mut self.workspace, rate, None);
        }
    }

    /// As [`Engine::run`]; tells how long every operation of the plan took.
    pub fn run_timed(&mut self, rate: f32, times: &mut [Duration]) {
        for (step, time) in self.steps.iter().zip(times) {
            let start = Instant::now();
            step.run(&mut self.arena, &mut self.workspace, rate, None);
            *time = start.elapsed();
        }
    }
}

impl Step {
    fn reserve(&self, workspace: &mut Workspace) {
        match self {
            Step::Product(product) | Step::Guarded(product, ..) => workspace.reserve(product),
            Step::Repeat(_, _, steps) => steps.iter().for_each(|step| step.reserve(workspace)),
            Step::Walk(_) | Step::Scatter(_) => {}
        }
    }

    fn find_walks<'a>(&'a self, found: &mut Vec<&'a Walk>) {
        match self {
            Step::Walk(walk) => found.push(walk),
            Step::Guarded(_, walk, _) => found.push(walk),
            Step::Repeat(_, _, steps) => steps.iter().for_each(|step| step.find_walks(found)),
            Step::Product(_) | Step::Scatter(_) => {}
        }
    }

    /// Runs it, or one step of it where it is part of a recurrence.
    fn run(&self, arena: &mut Arena, workspace: &mut Workspace, rate: f32, number: Option<usize>) {
        match (self, number) {
            (Step::Product(product), None) => product.run(arena, workspace, rate),
            (Step::Product(product), Some(number)) => product.run_step(arena, workspace, rate, number),
            (Step::Guarded(product, walk, Doubt::Results(results)), _) => {
                product.run(arena, workspace, rate);
                if has_nan(&arena.values()[results.clone()]) {
                    walk.run(arena, rate);
                }
            }
            (Step::Guarded(product, walk, Doubt::Operands(ranges)), _) => {
                match ranges.iter().all(|range| are_finite(&arena.values()[range.clone()])) {
                    true => product.run(arena, workspace, rate),
                    false => walk.run(arena, rate),
                }
            }
            (Step::Walk(walk), None) => walk.run(arena, rate),
            (Step::Walk(walk), Some(number)) => walk.run_step(arena, rate, number),
            (Step::Scatter(scatter), _) => scatter.run(arena),
            (Step::Repeat(count, backward, steps), _) => {
                for number in 0..*count {
                    let number = if *backward { count - 1 - number } else { number };
                    steps.iter().for_each(|step| step.run(arena, workspace, rate, Some(number)));
                }
            }
        }
    }
}

/// Looks at many numbers at once, which is faster than to stop at the first.
fn has_nan(values: &[f32]) -> bool {
    values.chunks(1024).any(|chunk| chunk.iter().fold(false, |found, value| found | value.is_nan()))
}

fn are_finite(values: &[f32]) -> bool {
    values.chunks(1024).all(|chunk| chunk.iter().fold(true, |found, value| found & value.is_finite()))
}
