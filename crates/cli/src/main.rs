//! The command line: `deltarule VERB MODEL.dr [options]`.

mod arguments;
mod commands;
mod failure;
mod model_file;
mod names;
mod progress;
mod report;

use arguments::{Arguments, Verb};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.verb {
        Verb::Train(train) => commands::train::run(train, &arguments.common),
        Verb::Derive(derive) => commands::derive::run(derive, &arguments.common),
        Verb::Check(check) => commands::check::run(check, &arguments.common),
        Verb::Bench(bench) => commands::bench::run(bench, &arguments.common),
        Verb::Eval(eval) => commands::eval::run(eval, &arguments.common),
    };
    match result.and_then(|()| failure::unwritten()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
