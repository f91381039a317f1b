//! Verdicts as JUnit XML, as GitLab, Jenkins and GitHub's readers take it.
//! Source: the schema of the Jenkins xUnit plugin, `junit-10.xsd`.

use std::fmt::Write;

use super::{Verdict, show::wrong_as_text};

/// All verdicts: one suite for each file.
pub(crate) fn junit(verdicts: &[Verdict]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    open(&mut text, "testsuites", &[("name", "lamplighter")], verdicts);
    for suite in verdicts.chunk_by(|a, b| a.file == b.file) {
        let file = suite.first().map_or("", |it| &it.file);
        open(&mut text, "testsuite", &[("name", file)], suite);
        suite.iter().for_each(|it| case(&mut text, it));
        text.push_str("</testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// An element about several tests.
fn open(text: &mut String, name: &str, attributes: &[(&str, &str)], verdicts: &[Verdict]) {
    let failed = verdicts.iter().filter(|it| !it.bad.is_empty()).count().to_string();
    let count = verdicts.len().to_string();
    let took: f64 = verdicts.iter().map(|it| it.took.as_secs_f64()).sum();
    let took = format!("{took:.3}");
    let counts = [("tests", &*count), ("failures", &failed), ("errors", "0"), ("time", &took)];
    element(text, name, attributes.iter().copied().chain(counts));
    text.push_str(">\n");
}

fn case(text: &mut String, it: &Verdict) {
    let (line, took) = (it.line.to_string(), format!("{:.3}", it.took.as_secs_f64()));
    let attributes = [
        ("name", it.name.as_str()),
        ("classname", &it.file),
        ("file", &it.file),
        ("line", &line),
        ("time", &took),
    ];
    element(text, "testcase", attributes);
    if it.bad.is_empty() {
        text.push_str("/>\n");
        return;
    }
    text.push_str(">\n");
    let about: Vec<&str> = it.bad.iter().map(|it| it.mismatch.about.as_str()).collect();
    let message = format!("not as expected: {}", about.join(", "));
    element(text, "failure", [("message", message.as_str()), ("type", "mismatch")]);
    text.push('>');
    for wrong in &it.bad {
        let plain = anstream::adapter::strip_str(&wrong_as_text(wrong)).to_string();
        text.push_str(&escaped(&plain));
    }
    text.push_str("</failure>\n</testcase>\n");
}

/// The start of an element, without its end.
fn element<'a>(
    text: &mut String,
    name: &str,
    attributes: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    let _ = write!(text, "<{name}");
    for (key, value) in attributes {
        let value = escaped(value).replace('\n', "&#10;").replace('\t', "&#9;");
        let _ = write!(text, " {key}=\"{value}\"");
    }
}

/// A text as XML has it. Characters that XML cannot have are replaced.
/// Source: Extensible Markup Language (XML) 1.0, "Characters".
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' | '\t' => escaped.push(c),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
