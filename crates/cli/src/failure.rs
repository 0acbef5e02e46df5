//! How a run ends that did not succeed.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::OnceLock;

/// Why it did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// A check failed, or training diverged: exit code 1.
    Check(String),
    /// Bad input or usage: exit code 2.
    Input(String),
    /// Stopped by a signal: exit code 130.
    Interrupted,
}

impl Failure {
    /// A message about bad input, with a hint.
    pub fn input(message: impl std::fmt::Display, hint: &str) -> Failure {
        Failure::Input(format!("error: {message}\n  help: {hint}\n"))
    }

    /// A message about bad input that says itself how to mend it.
    pub fn message(message: impl std::fmt::Display) -> Failure {
        Failure::Input(format!("error: {message}\n"))
    }

    /// The same with the file that it is about.
    pub fn about(self, path: &Path) -> Failure {
        let place = format!(" --> {}\n", path.display());
        match self {
            Failure::Check(text) => Failure::Check(text + &place),
            Failure::Input(text) => Failure::Input(text + &place),
            Failure::Interrupted => Failure::Interrupted,
        }
    }

    /// The same with the sizes that it is about.
    pub fn for_sizes(self, sizes: &str) -> Failure {
        let note = format!("  note: this is for {sizes}\n");
        match self {
            Failure::Check(text) => Failure::Check(text + &note),
            Failure::Input(text) => Failure::Input(text + &note),
            Failure::Interrupted => Failure::Interrupted,
        }
    }

    /// What it says.
    pub fn text(&self) -> &str {
        match self {
            Failure::Check(text) | Failure::Input(text) => text,
            Failure::Interrupted => "interrupted\n",
        }
    }

    /// Two in one, with the code of the worse: bad input is worse than a check that fails.
    pub fn worse(first: Option<Failure>, second: Failure) -> Failure {
        let Some(first) = first else { return second };
        let text = format!("{}\n{}", first.text(), second.text());
        match first.code().max(second.code()) {
            1 => Failure::Check(text),
            _ => Failure::Input(text),
        }
    }

    fn code(&self) -> u8 {
        match self {
            Failure::Check(_) => 1,
            Failure::Input(_) => 2,
            Failure::Interrupted => 130,
        }
    }

    /// Prints the message and gives the exit code.
    pub fn report(self) -> ExitCode {
        let text = self.text();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        // Nothing is left to be done where standard error is closed.
        let _ = write!(anstream::stderr(), "{text}{end}");
        ExitCode::from(self.code())
    }
}

/// The first failure to write to standard output.
static UNWRITTEN: OnceLock<String> = OnceLock::new();

/// Writes to standard output. A closed pipe is no failure of ours; any other is told by
/// [`unwritten`] at the end.
pub fn print(text: &str) {
    let mut out = anstream::stdout();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        UNWRITTEN.get_or_init(|| error.to_string());
    }
}

/// The failure of a run whose results could not all be written.
pub fn unwritten() -> Result<(), Failure> {
    match UNWRITTEN.get() {
        Some(reason) => Err(Failure::message(format!("standard output cannot be written: {reason}"))),
        None => Ok(()),
    }
}
