//! `train`: derives, checks and compiles a model, trains it, and reports on held-out data.

use super::{derive_by, parameters, verified};
use crate::arguments::{Common, Format, Train};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::report::{Report, measures};
use crate::{model_file, names};
use deltarule_core::derivation::{Backward, derivative_name};
use deltarule_core::model::{LOSS, Model};
use deltarule_core::page::derivation::{Contents, document};
use deltarule_core::plan::{Request, plan};
use deltarule_core::term::Name;
use deltarule_run::data::{self, Dataset, Source};
use deltarule_run::seeds;
use deltarule_run::train::{self, Event, Options, Outcome, TrainError};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs the verb.
pub fn run(arguments: &Train, common: &Common) -> Result<(), Failure> {
    let source = Source::parse(&arguments.data).map_err(Failure::message)?;
    let model = model_file::load(&arguments.model)?;
    let loss = loss(&model, arguments)?;
    let data = data::load(&source, &model).map_err(|error| Failure::message(error).about(&arguments.model))?;
    let backward = derive_by(&model, &loss, &parameters(&model))?;
    let (verification, points) = verified(&backward, common.seed).map_err(|failure| failure.about(&arguments.model))?;
    let report = Report { format: arguments.format };
    let (wrt, typed) = (parameters(&model), BTreeMap::new());
    let shown = document(&Contents {
        backward: &backward,
        wrt: &wrt,
        verified: verification.clone(),
        points: &points,
        typed: &typed,
        title: "",
    });
    report.derived(&arguments.model, &model, &shown, &verification);
    let options = Options {
        epochs: arguments.epochs,
        batch: arguments.batch,
        rate: arguments.rate,
        seed: common.seed,
        threads: common.threads(),
        memory: arguments.memory.into(),
    };
    if common.verbose {
        show_plan(&backward, &options)?;
    }
    report.begins(&data, &options);
    let outcome = train_with_progress(&backward, &data, &options, common, &report)?;
    report.ends(&data, &outcome);
    if outcome.stopped { Err(Failure::Interrupted) } else { Ok(()) }
}

/// The plan of a step, on standard error.
fn show_plan(backward: &Backward, options: &Options) -> Result<(), Failure> {
    let learned = parameters(&backward.model);
    let pair = |name: Name| (name.clone(), derivative_name(&backward.of, &name));
    let descend: Vec<(Name, Name)> = learned.into_iter().map(pair).collect();
    let outputs = std::slice::from_ref(&backward.of);
    let request = Request { outputs, batch: options.batch, descend: &descend, memory: options.memory };
    let plan = plan(&backward.model, &request).map_err(Failure::message)?;
    anstream::eprintln!("{plan}");
    Ok(())
}

/// The loss of a model that has one and has something to learn.
fn loss(model: &Model, arguments: &Train) -> Result<Name, Failure> {
    let about = |message: &str, hint: &str| Failure::input(message, hint).about(&arguments.model);
    if model.tensor(LOSS).is_none() {
        return Err(about("the model has no loss", "define what training is to make small: `loss = ...`"));
    }
    if model.batch.is_some() {
        let hint = "leave the axis away, or use `check`, `derive` and `eval`, which take it";
        return Err(about("models that carry the axis of the examples themselves cannot be trained yet", hint));
    }
    if model.parameters().next().is_none() {
        return Err(about("the model has no parameters", "declare what is learned: `param W[3, 4] ~ glorot`"));
    }
    names::scalar(model, LOSS)
}

/// Trains until it is done, or until Ctrl-C, which lets the current step end.
fn train_with_progress(
    backward: &Backward,
    data: &Dataset,
    options: &Options,
    common: &Common,
    report: &Report,
) -> Result<Outcome, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    // Where no handler can be set, Ctrl-C ends the program at once, as it would anyway.
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
    let parameters = seeds::initialise(&backward.model, options.seed);
    let examples = options.epochs * data.train.count.max(1);
    let mut progress = Progress::new(examples as u64, common.quiet || report.format == Format::Json);
    let outcome = train::train(backward, data, &parameters, options, &mut |event| {
        match event {
            Event::Step(step) => progress.advance(step.examples.max(1) as u64),
            Event::Epoch(epoch) => {
                progress.message(format!("epoch {}, {}", epoch.epoch, measures(epoch.held_out)));
                report.epoch(epoch);
            }
        }
        if interrupted.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    progress.clear();
    outcome.map_err(|error| match error {
        TrainError::Diverged { .. } => Failure::Check(format!("error: {error}\n")),
        error => Failure::message(error),
    })
}
