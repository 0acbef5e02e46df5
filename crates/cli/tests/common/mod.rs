//! Running the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program with these arguments.
pub fn deltarule<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltarule"));
    command.args(arguments).env("NO_COLOR", "1");
    command
}

/// A model that comes with the project.
pub fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(name)
}

/// Its path as an argument.
#[allow(dead_code, reason = "not every test binary needs it")]
pub fn model_argument(name: &str) -> String {
    model(name).display().to_string()
}

/// What it printed to standard output, where it succeeded.
#[allow(dead_code, reason = "not every test binary needs it")]
pub fn printed(output: &Output) -> String {
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "it failed: {message}");
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// The message on standard error, where it ended with this exit code.
#[allow(dead_code, reason = "not every test binary needs it")]
pub fn message(output: &Output, code: i32) -> String {
    let message = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(!message.contains("panicked"), "{message}");
    message
}
