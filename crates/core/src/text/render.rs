//! Problems as a reader sees them.

use super::{Problem, Source};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::ops::Range;

/// Longer lines are shown in part, in characters.
const WIDTH: usize = 120;
/// What is shown before the label of a line that is shown in part, in characters.
const LEAD: usize = 40;
/// Labels farther than this from the first one, in lines, are named and not shown.
const REACH: usize = 500;

pub(super) fn render(problem: &Problem, source: &Source) -> String {
    let places = places(problem, source);
    let Some(primary) = places.first() else {
        let (line, column) = problem.position.unwrap_or((1, 1));
        let origin = Origin::path(source.name.as_str()).line(line).char_column(column);
        let report = Group::with_title(Level::ERROR.primary_title(problem.message.as_str())).element(origin);
        return finish(report, problem, &[], source, (line, column));
    };
    let (near, far): (Vec<&Place<'_>>, Vec<&Place<'_>>) =
        places.iter().partition(|place| place.number.abs_diff(primary.number) <= REACH);
    let far: Vec<String> = far.iter().map(|place| format!("line {}: {}", place.number, place.text)).collect();
    let excerpt = excerpt(&near, source);
    let annotations = excerpt.marks.iter().enumerate().map(|(number, (span, text))| {
        let kind = if number == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = kind.span(span.clone());
        if text.is_empty() { annotation } else { annotation.label(*text) }
    });
    let snippet = Snippet::source(excerpt.text.as_str()).line_start(excerpt.line).path(source.name.as_str());
    let title = Level::ERROR.primary_title(problem.message.as_str());
    let report = Group::with_title(title).element(snippet.annotations(annotations));
    finish(report, problem, &far, source, source.position(primary.span.start))
}

/// Adds notes and hints, and sets line and column, which a line shown in part would get wrong.
fn finish<'a>(
    report: Group<'a>,
    problem: &'a Problem,
    notes: &'a [String],
    source: &Source,
    (line, column): (usize, usize),
) -> String {
    let notes = notes.iter().map(|note| Level::NOTE.message(note.as_str()));
    let hints = problem.hints.iter().map(|hint| Level::HELP.message(hint.as_str()));
    let rendered = Renderer::plain().term_width(WIDTH + 40).render(&[report.elements(notes).elements(hints)]);
    let mut text = String::new();
    let mut placed = false;
    for shown in rendered.lines() {
        match shown.trim_start().starts_with("--> ") && !placed {
            true => {
                placed = true;
                let indent = " ".repeat((shown.len() - shown.trim_start().len()).max(1));
                text += &format!("{indent}--> {}:{line}:{column}", source.name);
            }
            false => text += shown.trim_end(),
        }
        text.push('\n');
    }
    text
}

/// A label on one line.
struct Place<'a> {
    /// Byte offsets in the source.
    span: Range<usize>,
    /// The bytes of the line, without its end.
    line: Range<usize>,
    /// The number of the line, from 1.
    number: usize,
    text: &'a str,
}

/// The labels, cut to the text and to the line in which they begin. None if there is no text.
fn places<'a>(problem: &'a Problem, source: &Source) -> Vec<Place<'a>> {
    let text = source.text.as_str();
    let place = problem.labels.iter().map(|label| {
        let start = text.floor_char_boundary((label.span.start as usize).min(text.len()));
        let line = line_around(text, start);
        let end = text.ceil_char_boundary((label.span.end as usize).min(text.len()));
        let start = start.min(line.end);
        let span = start..end.clamp(start, line.end);
        Place { span, number: source.position(line.start).0, line, text: &label.text }
    });
    if text.is_empty() { Vec::new() } else { place.collect() }
}

fn line_around(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    start..start + text[start..end].trim_end_matches('\r').len()
}

/// Some lines of the source.
struct Excerpt<'a> {
    text: String,
    /// The number of the first line, from 1.
    line: usize,
    /// The labels, as places in `text`, in the order of the problem.
    marks: Vec<(Range<usize>, &'a str)>,
}

/// The lines from the first to the last label.
fn excerpt<'a>(places: &[&Place<'a>], source: &Source) -> Excerpt<'a> {
    let first = places.iter().map(|place| place.line.start).min().unwrap_or(0);
    let last = places.iter().map(|place| place.line.end).max().unwrap_or(0);
    let number = places.iter().map(|place| place.number).min().unwrap_or(1);
    let mut text = String::new();
    let mut marks: Vec<Option<(Range<usize>, &str)>> = vec![None; places.len()];
    let mut at = first;
    loop {
        let line = line_around(&source.text, at);
        let whole = &source.text[line.clone()];
        // Of a long line the part around its most important label.
        let around = places.iter().find(|place| place.line == line).map_or(0, |place| place.span.start - line.start);
        let (from, to) = window(whole, around);
        text += if from > 0 { "…" } else { "" };
        let base = text.len();
        text += &whole[from..to];
        let window = line.start + from..=line.start + to;
        for (mark, place) in marks.iter_mut().zip(places) {
            if place.line == line && window.contains(&place.span.start) {
                let shown = |at: usize| at.min(*window.end()) - window.start() + base;
                *mark = Some((shown(place.span.start)..shown(place.span.end), place.text));
            }
        }
        text += if to < whole.len() { "…\n" } else { "\n" };
        match source.text[line.end..].find('\n') {
            Some(newline) if line.end < last => at = line.end + newline + 1,
            _ => break,
        }
    }
    Excerpt { text, line: number, marks: marks.into_iter().flatten().collect() }
}

/// The part of a line around a byte offset, as byte offsets.
fn window(line: &str, around: usize) -> (usize, usize) {
    if line.chars().nth(WIDTH).is_none() {
        return (0, line.len());
    }
    let from = line[..around].char_indices().rev().nth(LEAD - 1).map_or(0, |(at, _)| at);
    let to = line[from..].char_indices().nth(WIDTH).map_or(line.len(), |(at, _)| from + at);
    (from, to)
}
