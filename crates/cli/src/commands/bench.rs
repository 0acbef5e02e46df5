//! `bench`: times a step of gradient descent on random data, or an evaluation.

use super::{parameters, with_gradients};
use crate::arguments::{Bench, Common, Format};
use crate::failure::{Failure, print};
use crate::{model_file, names};
use deltarule_core::derivation::{derivative_name, for_running};
use deltarule_core::model::{LOSS, Model};
use deltarule_core::plan::{Plan, Request, plan};
use deltarule_core::term::Name;
use deltarule_run::bench::{self, Measured, Options, bytes_side_by_side, peak_memory, product_flops};
use deltarule_run::execute::Engine;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Runs the verb.
pub fn run(arguments: &Bench, common: &Common) -> Result<(), Failure> {
    let mut phases = Phases::start();
    let (model, plan) = compile(arguments, &mut phases)?;
    let mut engine = Engine::new(plan);
    phases.end("memory");
    let options =
        Options { steps: arguments.steps, rate: arguments.rate, seed: common.seed, threads: common.threads() };
    bench::fill(&mut engine, &model, options.seed);
    phases.end("data");
    let measured = bench::measure(&mut engine, &options).map_err(Failure::message)?;
    if !bench::is_finite(&engine) && !common.quiet {
        anstream::eprintln!("note: the results are not finite; a smaller --rate may keep them so");
    }
    let operations = match arguments.plan {
        true => Some(Operations::new(&mut engine, &options)?),
        false => None,
    };
    let report = Report { arguments, options: &options, engine: &engine, phases, measured };
    match arguments.format {
        Format::Json => print(&format!("{}\n", report.json(operations.as_ref()))),
        Format::Text => print(&report.text(operations.as_ref())),
    }
    Ok(())
}

/// The model and its plan: of a step of gradient descent, or of the outputs that are asked for.
fn compile(arguments: &Bench, phases: &mut Phases) -> Result<(Model, Plan), Failure> {
    let model = model_file::load_for(&arguments.model, arguments.batch)?;
    phases.end("parse");
    let about = |failure: Failure| failure.about(&arguments.model);
    // A model that carries the axis of the examples itself is evaluated once.
    let batch = if model.batch.is_some() { 1 } else { arguments.batch };
    let request = |outputs: &[Name], model: &Model, descend: &[(Name, Name)]| {
        let memory = arguments.memory.into();
        plan(model, &Request { outputs, batch, descend, memory }).map_err(Failure::message).map_err(about)
    };
    if !arguments.outputs.is_empty() {
        let outputs = arguments.outputs.iter().map(|name| names::defined(&model, name)).collect::<Result<Vec<_>, _>>();
        let outputs = outputs.map_err(about)?;
        let model = for_running(&model);
        phases.end("derive");
        let plan = request(&outputs, &model, &[])?;
        phases.end("plan");
        return Ok((model, plan));
    }
    if model.tensor(LOSS).is_none() {
        let hint = "define what training is to make small, `loss = ...`, or say what to evaluate with --outputs";
        return Err(about(Failure::input("the model has no loss", hint)));
    }
    let learned = parameters(&model);
    if learned.is_empty() {
        let hint = "declare what is learned, `param W[3, 4] ~ glorot`, or say what to evaluate with --outputs";
        return Err(about(Failure::input("the model has no parameters", hint)));
    }
    let loss = names::scalar(&model, LOSS).map_err(about)?;
    let model = with_gradients(&model, &loss, &learned).map_err(about)?;
    phases.end("derive");
    let pair = |name: &Name| (name.clone(), derivative_name(&loss, name));
    let descend: Vec<(Name, Name)> =
        learned.iter().map(pair).filter(|(_, gradient)| model.tensor(gradient).is_some()).collect();
    let plan = request(std::slice::from_ref(&loss), &model, &descend)?;
    phases.end("plan");
    Ok((model, plan))
}

/// The time of all that comes before the first step, part by part.
struct Phases {
    start: Instant,
    parts: Vec<(&'static str, Duration)>,
}

/// The parts that make a plan of a file, and memory for it; the rest is data to try it with.
const COMPILING: [&str; 4] = ["parse", "derive", "plan", "memory"];

impl Phases {
    fn start() -> Phases {
        Phases { start: Instant::now(), parts: Vec::new() }
    }

    fn end(&mut self, name: &'static str) {
        self.parts.push((name, self.start.elapsed()));
        self.start = Instant::now();
    }

    fn compiling(&self) -> f64 {
        let own = self.parts.iter().filter(|(name, _)| COMPILING.contains(name));
        own.map(|(_, duration)| duration.as_secs_f64()).sum()
    }

    fn json(&self) -> Value {
        self.parts.iter().map(|(name, duration)| (name.to_string(), json!(duration.as_secs_f64() * 1e3))).collect()
    }

    fn text(&self) -> String {
        let part = |(name, duration): &(&str, Duration)| format!("{name} {}", time(duration.as_secs_f64()));
        self.parts.iter().map(part).collect::<Vec<_>>().join(", ")
    }
}

/// What every operation of the plan takes.
struct Operations {
    /// Seconds.
    times: Vec<f64>,
    /// What all threads could do in a second at most.
    peak: f64,
}

impl Operations {
    fn new(engine: &mut Engine, options: &Options) -> Result<Operations, Failure> {
        let times = bench::profile(engine, options).map_err(Failure::message)?;
        Ok(Operations { times, peak: deltarule_run::bench::peak() * options.threads as f64 })
    }

    fn whole(&self) -> f64 {
        self.times.iter().sum()
    }
}

struct Report<'a> {
    arguments: &'a Bench,
    options: &'a Options,
    engine: &'a Engine,
    phases: Phases,
    measured: Measured,
}

impl Report<'_> {
    fn samples_per_second(&self) -> f64 {
        self.arguments.batch as f64 / self.measured.seconds
    }

    fn flops(&self) -> f64 {
        product_flops(&self.engine.plan().operations)
    }

    fn json(&self, operations: Option<&Operations>) -> Value {
        let mut object = json!({
            "samples_per_s": self.samples_per_second(),
            "step_us": self.measured.seconds * 1e6,
            "least_step_us": self.measured.least * 1e6,
            "first_step_ms": self.measured.first.as_secs_f64() * 1e3,
            "gflops": self.flops() / self.measured.seconds / 1e9,
            "flops_per_step": self.flops(),
            "compile_ms": self.phases.compiling() * 1e3,
            "phases_ms": self.phases.json(),
            "buffers_bytes": self.engine.bytes(),
            "all_values_bytes": bytes_side_by_side(self.engine.plan()),
            "peak_bytes": peak_memory(),
            "batch": self.arguments.batch,
            "steps": self.options.steps,
            "threads": self.options.threads,
        });
        if let (Some(operations), Some(object)) = (operations, object.as_object_mut()) {
            object.insert("peak_gflops".into(), json!(operations.peak / 1e9));
            object.insert("operations".into(), self.operations(operations).collect());
        }
        object
    }

    fn operations(&self, operations: &Operations) -> impl Iterator<Item = Value> {
        let plan = self.engine.plan();
        plan.operations.iter().zip(&operations.times).map(|(operation, &seconds)| {
            let rate = operation.flops() / seconds.max(1e-9);
            json!({
                "operation": plan.line(operation), "us": seconds * 1e6, "share": seconds / operations.whole(),
                "gflops": rate / 1e9, "peak_fraction": rate / operations.peak,
            })
        })
    }

    fn text(&self, operations: Option<&Operations>) -> String {
        let Measured { first, seconds, least } = &self.measured;
        let plural = if self.options.threads == 1 { "" } else { "s" };
        let mut text = format!(
            "{}: batch {}, {} steps, {} thread{plural}\n",
            self.arguments.model.display(),
            self.arguments.batch,
            self.options.steps,
            self.options.threads
        );
        text += &format!("step      {} (at best {})\n", time(*seconds), time(*least));
        text += &format!("samples   {:.0} a second\n", self.samples_per_second());
        text +=
            &format!("products  {:.4} GFLOP a step, {:.1} GFLOP/s\n", self.flops() / 1e9, self.flops() / seconds / 1e9);
        let (own, apart) = (self.engine.bytes() as f64, bytes_side_by_side(self.engine.plan()) as f64);
        text += &format!("memory    {:.2} MB (all values apart {:.2} MB", own / 1e6, apart / 1e6);
        text += &peak_memory().map_or(")\n".into(), |peak| format!(", whole process {:.2} MB)\n", peak as f64 / 1e6));
        text += &format!("compiled  in {}, first step {}\n", time(self.phases.compiling()), time(first.as_secs_f64()));
        text += &format!("before it {}\n", self.phases.text());
        if let Some(operations) = operations {
            text += &self.table(operations);
        }
        text
    }

    fn table(&self, operations: &Operations) -> String {
        let plan = self.engine.plan();
        let mut text = format!("\npeak {:.1} GFLOP/s; each operation at its best:\n\n", operations.peak / 1e9);
        text += "   #        time   share  GFLOP/s  of peak  operation\n";
        for (number, (operation, &seconds)) in plan.operations.iter().zip(&operations.times).enumerate() {
            let rate = operation.flops() / seconds.max(1e-9);
            let (share, fraction) = (100.0 * seconds / operations.whole(), 100.0 * rate / operations.peak);
            let line = plan.line(operation);
            let seconds = time(seconds);
            text += &format!("{number:4}  {seconds:>10}  {share:5.1}%  {:7.1}  {fraction:6.1}%  {line}\n", rate / 1e9);
        }
        text + &format!("all   {:>10}\n", time(operations.whole()))
    }
}

/// A time with the unit that suits it.
fn time(seconds: f64) -> String {
    match seconds {
        _ if seconds < 1e-3 => format!("{:.2} us", seconds * 1e6),
        _ if seconds < 1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}
