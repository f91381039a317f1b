//! Problems as people read them, in the manner of the Rust compiler.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::{Problem, Source};

/// Longest line that is shown.
const LINE_MAX: usize = 400;

/// Whether a text has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// It has none.
    Plain,
    /// It has escape sequences for terminals.
    Coloured,
}

/// Each problem with the line that it is about, if that is in one of the sources.
pub fn render(problems: &[Problem], sources: &[Source], style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    let pictures = problems.iter().map(|problem| picture(problem, sources, &renderer));
    pictures.collect::<Vec<_>>().join("\n\n")
}

fn picture(problem: &Problem, sources: &[Source], renderer: &Renderer) -> String {
    let title = Level::ERROR.primary_title(problem.message.as_str());
    let source = sources.iter().find(|source| source.path == problem.file);
    let line = source.and_then(|it| it.text.split('\n').nth(problem.line.saturating_sub(1)));
    let group = match line.filter(|line| line.len() <= LINE_MAX) {
        Some(line) => Group::with_title(title).element(
            Snippet::source(line)
                .path(problem.file.as_str())
                .line_start(problem.line)
                .annotation(AnnotationKind::Primary.span(marked(problem, line))),
        ),
        None => {
            let origin = Origin::path(problem.file.as_str());
            Group::with_title(title).element(origin.line(problem.line).char_column(problem.column))
        }
    };
    let hint = problem.hint.as_deref().map(|hint| Level::HELP.message(hint));
    renderer.render(&[group.elements(hint)])
}

/// The bytes of the line that the problem is about: at least one character.
fn marked(problem: &Problem, line: &str) -> Range<usize> {
    let mut starts = line.char_indices().map(|(at, _)| at).skip(problem.column.saturating_sub(1));
    let start = starts.next().unwrap_or(line.len());
    let next = starts.next().unwrap_or(line.len());
    let end = line.floor_char_boundary((start + problem.length).min(line.trim_end().len()));
    start..end.max(next)
}
