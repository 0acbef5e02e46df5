use super::{Problem, Source};

pub(super) fn render(problem: &Problem, source: &Source) -> String {
    let (line, column) = problem.labels.first().map_or((1, 1), |label| source.position(label.span.start as usize));
    format!("error: {}\n --> {}:{line}:{column}\n", problem.message, source.name)
}
