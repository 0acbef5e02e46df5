//! Whether `pdflatex` makes a document of a text, where it is installed.

use std::process::Command;

/// Whether there is a `pdflatex` to try with.
pub fn is_installed() -> bool {
    Command::new("pdflatex").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Compiles the text; what is wrong with it is the end of what `pdflatex` says. A line that is much too wide is
/// wrong too.
pub fn check(text: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    std::fs::write(folder.path().join("page.tex"), text).map_err(|error| error.to_string())?;
    let output = Command::new("pdflatex")
        .args(["-interaction=nonstopmode", "-halt-on-error", "page.tex"])
        .current_dir(folder.path())
        .output()
        .map_err(|error| error.to_string())?;
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() || !folder.path().join("page.pdf").exists() {
        let lines: Vec<&str> = log.lines().collect();
        return Err(lines[lines.len().saturating_sub(30)..].join("\n"));
    }
    let excess = |line: &str| {
        line.strip_prefix("Overfull \\hbox (")?
            .split("pt")
            .next()?
            .parse::<f64>()
            .ok()
            .filter(|points| *points > WIDEST)
    };
    log.lines().find(|line| excess(line).is_some()).map_or(Ok(()), |line| Err(line.to_string()))
}

/// A line may be wider than the page by this many points.
const WIDEST: f64 = 20.0;
