//! Single values: texts, numbers, durations, percentages, lists.

use std::{fmt::Display, num::NonZeroU32, str::FromStr};

use jiff::{SignedDuration, Span as TimeSpan, SpanRelativeTo};
use lamplighter_core::{Region, task::Percent, task::Regions};

use crate::{
    node::{Kind, Node, Span},
    object::enumerate,
    report::Report,
};

/// Longest duration.
const DURATION_MAX: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Longest name of an account or a calendar, and longest label.
const NAME_MAX: usize = 64;

/// A text. Numbers and truth values are not texts: in quotes they are.
pub(crate) fn text<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Option<&'n str> {
    match &node.kind {
        Kind::Text(text) => Some(text),
        Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {
            let message = format!("{what} is a text, and this is {}", node.describe());
            let written = report.text(node.span);
            report.hint(node.span, message, format_args!("write it in quotes: `\"{written}\"`"));
            None
        }
        _ => {
            report.error(node.span, format!("{what} is a text, and this is {}", node.describe()));
            None
        }
    }
}

/// A text in which numbers and truth values may stand without quotes: they are taken as written.
pub(crate) fn as_written(node: &Node, what: &str, report: &mut Report<'_>) -> Option<String> {
    match &node.kind {
        Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => Some(report.text(node.span).to_owned()),
        _ => text(node, what, report).map(str::to_owned),
    }
}

/// A text of a type that checks it.
pub(crate) fn parse<T>(node: &Node, what: &str, report: &mut Report<'_>) -> Option<T>
where
    T: FromStr<Err: Display>,
{
    let text = text(node, what, report)?;
    text.parse().map_err(|error| report.said(node.span, error)).ok()
}

/// `true` or `false`.
pub(crate) fn truth(node: &Node, what: &str, report: &mut Report<'_>) -> Option<bool> {
    let Kind::Bool(value) = node.kind else {
        let meant = match &node.kind {
            Kind::Text(text) if ["off", "no", "n"].contains(&text.to_lowercase().as_str()) => {
                Some("false")
            }
            Kind::Text(text) if ["on", "yes", "y"].contains(&text.to_lowercase().as_str()) => {
                Some("true")
            }
            _ => None,
        };
        let message = format!("{what} is `true` or `false`, and this is {}", node.describe());
        match meant {
            Some(meant) => report.hint(node.span, message, format_args!("did you mean `{meant}`?")),
            None => report.error(node.span, message),
        }
        return None;
    };
    Some(value)
}

/// A whole number of at least one.
pub(crate) fn count(node: &Node, what: &str, report: &mut Report<'_>) -> Option<NonZeroU32> {
    let number = match node.kind {
        Kind::Int(value) => u32::try_from(value).ok().and_then(NonZeroU32::new),
        _ => None,
    };
    if number.is_none() {
        let written = found(node, report);
        report.error(
            node.span,
            format!("{what} is a whole number from 1 to {}, and this is {written}", u32::MAX),
        );
    }
    number
}

/// A percentage, with or without the sign, of at least `least`.
pub(crate) fn percent(
    node: &Node,
    what: &str,
    least: u32,
    report: &mut Report<'_>,
) -> Option<Percent> {
    let number = match &node.kind {
        Kind::Int(value) => u32::try_from(*value).ok(),
        Kind::Text(text) => text.strip_suffix('%').and_then(|digits| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| plain)
        }),
        _ => None,
    };
    let percent =
        number.filter(|number| *number >= least).and_then(|number| Percent::try_from(number).ok());
    if percent.is_none() {
        let written = found(node, report);
        report.error(
            node.span,
            format!(
                "{what} is a whole percentage from {least} to 100, such as `60%`, and this is \
                 {written}"
            ),
        );
    }
    percent
}

/// A duration, such as `90s`, `15m`, `6h`, `1d` or `1h30m`, of at least `least`. A day is
/// 24 hours.
pub(crate) fn duration(
    node: &Node,
    what: &str,
    least: SignedDuration,
    report: &mut Report<'_>,
) -> Option<SignedDuration> {
    let expected = format!(
        "{what} is a duration from {least:#} to 366d, such as `90s`, `15m`, `6h`, `1d` or `1h30m`"
    );
    refuse_without_unit(node, &expected, report)?;
    let parsed = match &node.kind {
        Kind::Text(text) => parse_duration(text),
        _ => None,
    };
    let fits = parsed.filter(|length| (least..=DURATION_MAX).contains(length));
    if fits.is_none() {
        let written = found(node, report);
        report.error(node.span, format!("{expected}, and this is {written}"));
    }
    fits
}

/// Reports a number where a duration is expected.
pub(crate) fn refuse_without_unit(
    node: &Node,
    expected: &str,
    report: &mut Report<'_>,
) -> Option<()> {
    let Kind::Int(number) = node.kind else { return Some(()) };
    let message = format!("{expected}, and this is a number without a unit");
    report.hint(node.span, message, format_args!("did you mean `{number}s` or `{number}m`?"));
    None
}

fn parse_duration(text: &str) -> Option<SignedDuration> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let span: TimeSpan = text.parse().ok()?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    (length.subsec_nanos() == 0).then_some(length)
}

/// One of a few words.
pub(crate) fn choice<T: Copy>(
    node: &Node,
    what: &str,
    words: &[(&str, T)],
    report: &mut Report<'_>,
) -> Option<T> {
    let written = text(node, what, report)?;
    let chosen = words.iter().find(|(word, _)| *word == written).map(|(_, value)| *value);
    if chosen.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("{what} is one of {}, and this is `{written}`", enumerate(&known));
        report.unknown(node.span, message, written, known);
    }
    chosen
}

/// A list with at least one entry.
pub(crate) fn list<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Option<&'n [Node]> {
    match &node.kind {
        Kind::List(items) if !items.is_empty() => Some(items),
        Kind::List(_) => {
            report.error(node.span, format!("{what} is a list with at least one entry"));
            None
        }
        Kind::Text(text) => {
            let message = format!("{what} is a list, and this is a text");
            report.hint(node.span, message, format_args!("did you mean `[{text}]`?"));
            None
        }
        _ => {
            report.error(node.span, format!("{what} is a list, and this is {}", node.describe()));
            None
        }
    }
}

/// A list of regions, or `all`.
pub(crate) fn regions(node: &Node, report: &mut Report<'_>) -> Option<Regions> {
    let what = "`regions`, unless it is `all`,";
    if matches!(&node.kind, Kind::Text(text) if text == "all") {
        return Some(Regions::All);
    }
    let mut regions: Vec<Region> = Vec::new();
    let mut good = true;
    for item in list(node, what, report)? {
        match region(item, report) {
            Some(region) if regions.contains(&region) => {
                report.error(item.span, format!("the region `{region}` is here twice"));
                good = false;
            }
            Some(region) => regions.push(region),
            None => good = false,
        }
    }
    good.then_some(Regions::Listed(regions))
}

/// A region. Its words are those of AWS, as far as a slip in one can be told from a new one.
fn region(node: &Node, report: &mut Report<'_>) -> Option<Region> {
    const DIRECTIONS: [&str; 9] = [
        "north",
        "south",
        "east",
        "west",
        "central",
        "northeast",
        "northwest",
        "southeast",
        "southwest",
    ];
    let region: Region = parse(node, "a region", report)?;
    let slip = region.as_str().split('-').rev().nth(1).and_then(|word| {
        let known = DIRECTIONS.contains(&word) || word.len() < 4;
        if known { None } else { crate::suggest::nearest(word, DIRECTIONS).map(|it| (word, it)) }
    });
    if let Some((word, meant)) = slip {
        let meant = region.as_str().replacen(&format!("-{word}-"), &format!("-{meant}-"), 1);
        let message = format!("`{region}` is not an AWS region");
        report.hint(node.span, message, format_args!("did you mean `{meant}`?"));
        return None;
    }
    Some(region)
}

/// Reports a name that is not letters, digits, `-`, `_` and `.`.
pub(crate) fn check_name(name: &str, what: &str, at: Span, report: &mut Report<'_>) -> bool {
    let good = (1..=NAME_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !good {
        report.error(
            at,
            format!(
                "the name of {what} has 1 to {NAME_MAX} letters, digits, `-`, `_` or `.`, and \
                 this is `{name}`"
            ),
        );
    }
    good
}

/// The place of a character of a text, where it is written on one line as it is or in quotes;
/// otherwise the place of the whole text.
pub(crate) fn place_of_char(node: &Node, offset: usize, report: &Report<'_>) -> Option<Span> {
    let written = report.text(node.span);
    if written.contains('\n') || written.starts_with(['|', '>']) {
        return None;
    }
    let (quote, body) = match written.chars().next()? {
        quote @ ('"' | '\'') => (Some(quote), &written[1..]),
        _ => (None, written),
    };
    let mut rest = body;
    for _ in 0..offset {
        rest = &rest[written_length(rest, quote)..];
    }
    let start = node.span.end - rest.len();
    Some(Span { start, end: start + written_length(rest, quote), ..node.span })
}

/// How many bytes the first character of a quoted or plain text takes.
fn written_length(text: &str, quote: Option<char>) -> usize {
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return 0 };
    let length = match (quote, first) {
        (Some('\''), '\'') => 2,
        (Some('"'), '\\') => match letters.next() {
            Some('x') => 4,
            Some('u') => 6,
            Some('U') => 10,
            other => 1 + other.map_or(0, char::len_utf8),
        },
        _ => first.len_utf8(),
    };
    text.floor_char_boundary(length)
}

/// A value as it is written, for messages: in backticks when it is a word.
fn found(node: &Node, report: &Report<'_>) -> String {
    match &node.kind {
        Kind::Text(text) => format!("`{text}`"),
        Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => format!("`{}`", report.text(node.span)),
        _ => node.describe().to_owned(),
    }
}
