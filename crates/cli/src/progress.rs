//! The progress bar of a training run, on standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

const TEMPLATE: &str = "training {bar:24.cyan/dim} {percent:>3}% {per_sec} {eta} left, {wide_msg}";

/// A bar over the steps of a run. It shows nothing where standard error is no terminal.
pub struct Progress {
    bar: ProgressBar,
    redraw_every: u64,
    pending: u64,
}

impl Progress {
    /// A bar over so many examples; a hidden one where `quiet`.
    pub fn new(examples: u64, quiet: bool) -> Progress {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(15) };
        let bar = ProgressBar::with_draw_target(Some(examples), target);
        let per_second = |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
            // Nothing is left to be done where the terminal is gone.
            let _ = write!(out, "{} examples/s", rounded(state.per_sec()));
        };
        let style = ProgressStyle::with_template(TEMPLATE).expect("the template is well formed");
        bar.set_style(style.with_key("per_sec", per_second).progress_chars("━╸─"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress { bar, redraw_every: (examples / 2000).max(1), pending: 0 }
    }

    /// So many examples more are done.
    pub fn advance(&mut self, examples: u64) {
        self.pending += examples;
        if self.pending >= self.redraw_every {
            self.bar.inc(self.pending);
            self.pending = 0;
        }
    }

    /// What stands at the end of the bar.
    pub fn message(&self, text: String) {
        self.bar.set_message(text);
    }

    /// Takes the bar away.
    pub fn clear(self) {
        self.bar.finish_and_clear();
    }
}

/// A rate to three digits, with `k` or `M`.
pub fn rounded(rate: f64) -> String {
    match rate {
        rate if rate >= 1e6 => format!("{:.2}M", rate / 1e6),
        rate if rate >= 1e3 => format!("{:.1}k", rate / 1e3),
        rate => format!("{rate:.0}"),
    }
}
