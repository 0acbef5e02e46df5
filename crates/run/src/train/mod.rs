//! Training: gradient descent on mini-batches.
//!
//! Every epoch goes through all examples in a new order, that of a shuffle under the seed and the
//! number of the epoch. The last batch may be smaller; its gradient is the mean over its own
//! examples. A model without inputs and targets makes one step in an epoch.

mod error;
mod judge;
mod steps;

pub use error::TrainError;
pub use judge::Measures;

use crate::arrays::Array;
use crate::data::Dataset;
use crate::evaluate::team;
use crate::seeds::Stream;
use deltarule_core::derivation::{Backward, for_running};
use deltarule_core::model::Model;
use deltarule_core::plan::Memory;
use deltarule_core::term::Name;
use judge::Judge;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use steps::Stepper;

/// How to train.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// How often to go through all examples.
    pub epochs: usize,
    /// How many examples make a step, at most.
    pub batch: usize,
    /// What a gradient is multiplied by before it is subtracted.
    pub rate: f32,
    /// Of the order of the examples.
    pub seed: u64,
    /// How many threads to use; 0: one for each core.
    pub threads: usize,
    /// Whether cheap values are computed again instead of kept; the results are the same.
    pub memory: Memory,
}

impl Default for Options {
    fn default() -> Options {
        Options { epochs: 40, batch: 16, rate: 0.2, seed: 0, threads: 0, memory: Memory::Plenty }
    }
}

/// What happened in training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// A step was done.
    Step(StepDone),
    /// An epoch was done, and the held-out examples were looked at.
    Epoch(EpochDone<'a>),
}

/// A step that was done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepDone {
    /// In which epoch, from 1.
    pub epoch: usize,
    /// Which step of the epoch, from 1.
    pub step: usize,
    /// Of how many.
    pub steps: usize,
    /// How many examples it had; 0 where the model has none.
    pub examples: usize,
    /// The mean loss of these examples, before the step.
    pub loss: f64,
}

/// An epoch that was done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochDone<'a> {
    /// Which, from 1.
    pub epoch: usize,
    /// The mean loss of all examples, each before the step that it took part in.
    pub train_loss: f64,
    /// The means over the held-out examples, after the epoch.
    pub held_out: &'a Measures,
    /// How many examples a second went through training so far; 0 where there are none.
    pub examples_per_second: f64,
}

/// What training came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What was learned.
    pub parameters: BTreeMap<Name, Array>,
    /// How many epochs were finished.
    pub epochs: usize,
    /// How many steps were done.
    pub steps: usize,
    /// The mean loss in the last epoch that was finished, as in [`EpochDone`].
    pub train_loss: Option<f64>,
    /// The means over the held-out examples at the end; where the model has none, its values.
    pub held_out: Measures,
    /// Whether the observer asked to stop.
    pub stopped: bool,
    /// How many examples a second went through training; 0 where there are none.
    pub examples_per_second: f64,
    /// How long the steps took.
    pub time: Duration,
}

/// What is told of every step and every epoch; it answers whether to go on.
pub type Observer<'a> = dyn FnMut(&Event) -> ControlFlow<()> + Send + 'a;

/// Trains a model by gradient descent, from the given parameters on.
///
/// `backward` holds the derivatives of the loss by the parameters that are to be learned; others
/// stay as they are. The result depends on nothing but the arguments: not on the number of threads.
///
/// # Errors
/// Options that make no sense, data or parameters that are missing, a model that cannot be planned,
/// and training that diverged.
pub fn train(
    backward: &Backward,
    data: &Dataset,
    parameters: &BTreeMap<Name, Array>,
    options: &Options,
    observe: &mut Observer,
) -> Result<Outcome, TrainError> {
    options.check()?;
    let model = for_running(&backward.model);
    let given = Given { model: &model, data, parameters };
    given.check()?;
    let mut team = team(options.threads).map_err(TrainError::Threads)?;
    team.install(|| {
        let mut training = Training {
            stepper: Stepper::new(backward, &given, options)?,
            judge: Judge::new(&backward.of, &given)?,
            options: *options,
            order: (0..data.train.count).collect(),
            done: Done::default(),
        };
        training.run(observe)
    })
}

impl Options {
    fn check(&self) -> Result<(), TrainError> {
        if self.batch == 0 {
            return Err(TrainError::Batch);
        }
        if !self.rate.is_finite() || self.rate < 0.0 {
            return Err(TrainError::Rate(self.rate));
        }
        Ok(())
    }
}

/// What the engines are filled from.
struct Given<'a> {
    model: &'a Model,
    data: &'a Dataset,
    parameters: &'a BTreeMap<Name, Array>,
}

impl Given<'_> {
    /// Checks that everything that the model reads is there, in the right number.
    fn check(&self) -> Result<(), TrainError> {
        use deltarule_core::model::Role;
        for tensor in &self.model.tensors {
            let (expected, found) = match &tensor.role {
                Role::Defined(_) | Role::Const(Some(_)) => continue,
                Role::Param(_) => (tensor.len(), self.parameters.get(&tensor.name).map(|array| array.values().len())),
                Role::Const(None) => (tensor.len(), self.data.constants.get(&tensor.name).map(Vec::len)),
                Role::Input { .. } | Role::Target(_) => {
                    let held_out = &self.data.held_out;
                    let held_out_length = held_out.tensors.get(&tensor.name).map(Vec::len);
                    if held_out_length != Some(held_out.count * tensor.len()) || held_out.count == 0 {
                        return Err(TrainError::Missing(tensor.name.clone()));
                    }
                    let train = &self.data.train;
                    let expected = (train.count * tensor.len()).max(1);
                    (expected, train.tensors.get(&tensor.name).map(Vec::len))
                }
            };
            if found != Some(expected) {
                return Err(TrainError::Missing(tensor.name.clone()));
            }
        }
        Ok(())
    }
}

/// What has been done so far.
#[derive(Debug, Default)]
struct Done {
    epochs: usize,
    steps: usize,
    examples: usize,
    time: Duration,
    train_loss: Option<f64>,
}

struct Training<'a> {
    stepper: Stepper<'a>,
    judge: Judge<'a>,
    options: Options,
    /// The examples, in the order of the epoch.
    order: Vec<usize>,
    done: Done,
}

impl Training<'_> {
    fn run(&mut self, observe: &mut Observer) -> Result<Outcome, TrainError> {
        let mut latest = None;
        let mut stopped = false;
        for epoch in 1..=self.options.epochs {
            latest = None;
            if self.epoch(epoch, observe)?.is_break() {
                stopped = true;
                break;
            }
            let held_out = latest.insert(self.judge.measure(&self.stepper)?);
            let (loss, rate) = (self.done.train_loss.unwrap_or(f64::NAN), self.rate());
            let event = EpochDone { epoch, train_loss: loss, held_out, examples_per_second: rate };
            if observe(&Event::Epoch(event)).is_break() {
                stopped = true;
                break;
            }
        }
        let held_out = match latest {
            Some(held_out) => held_out,
            None => self.judge.measure(&self.stepper)?,
        };
        Ok(Outcome {
            parameters: self.stepper.parameters(),
            epochs: self.done.epochs,
            steps: self.done.steps,
            train_loss: self.done.train_loss,
            held_out,
            stopped,
            examples_per_second: self.rate(),
            time: self.done.time,
        })
    }

    /// Goes through all examples once, or until the observer asks to stop.
    fn epoch(&mut self, epoch: usize, observe: &mut Observer) -> Result<ControlFlow<()>, TrainError> {
        let started = Instant::now();
        // From the order of the file, so that an epoch's order depends on its number alone.
        self.order.iter_mut().enumerate().for_each(|(place, row)| *row = place);
        Stream::new(self.options.seed, "order of epoch", &epoch.to_string()).shuffle(&mut self.order);
        let steps = self.order.len().div_ceil(self.options.batch).max(1);
        let mut sum = 0.0;
        for step in 1..=steps {
            let from = (step - 1) * self.options.batch;
            let rows = &self.order[from..self.order.len().min(from + self.options.batch)];
            let loss = self.stepper.step(rows, self.options.rate);
            self.done.steps += 1;
            self.done.examples += rows.len();
            if !loss.is_finite() {
                let first = self.done.steps == 1;
                return Err(TrainError::Diverged { epoch, step, loss, rate: self.options.rate, first });
            }
            if let Some((name, value, domain)) = self.stepper.outside() {
                let (parameter, domain, rate) = (name.clone(), domain.to_string(), self.options.rate);
                return Err(TrainError::LeftDomain { parameter, value, domain, epoch, step, rate });
            }
            sum += loss * rows.len().max(1) as f64;
            let event = StepDone { epoch, step, steps, examples: rows.len(), loss };
            if observe(&Event::Step(event)).is_break() && step < steps {
                self.done.time += started.elapsed();
                return Ok(ControlFlow::Break(()));
            }
        }
        self.done.epochs += 1;
        self.done.train_loss = Some(sum / self.order.len().max(1) as f64);
        self.done.time += started.elapsed();
        if !self.stepper.is_finite() {
            let rate = self.options.rate;
            return Err(TrainError::Diverged { epoch, step: steps, loss: f64::NAN, rate, first: false });
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Examples a second, over all steps so far.
    fn rate(&self) -> f64 {
        let seconds = self.done.time.as_secs_f64();
        if seconds > 0.0 { self.done.examples as f64 / seconds } else { 0.0 }
    }
}
