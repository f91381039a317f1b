//! Texts with placeholders: `nightly of {target}, {target.tags.team}`.
//!
//! A template is parsed when the configuration is read, and there all that is wrong with it is
//! found. What it is filled in with comes from other accounts and is data: a value that looks
//! like a placeholder stays as it is.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::{self, Debug},
    marker::PhantomData,
    mem,
    str::FromStr,
};

use jiff::{Timestamp, tz::TimeZone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{Place, Tags, TaskName};

/// What `{target.tags.NAME}` begins with. A tag's key with a brace in it cannot be written.
const TARGET_TAGS: &str = "target.tags.";

/// How many letters a name may be off to be offered as the one that was meant.
const TYPO_LETTERS: usize = 2;

/// The placeholders that an action has beside the standard ones.
///
/// The action declares them with a type, so that a text that uses any other name is refused
/// while the configuration is read, without anybody having to ask for a check:
///
/// ```
/// use lamplighter_core::template::{Names, Template};
///
/// #[derive(Clone, Debug, PartialEq, Eq)]
/// struct VolumeNames;
///
/// impl Names for VolumeNames {
///     const NAMES: &'static [&'static str] = &["device", "instance"];
/// }
///
/// assert!("{task} of {device}".parse::<Template<VolumeNames>>().is_ok());
/// assert!("{task} of {device}".parse::<Template>().is_err());
/// ```
pub trait Names: Clone + Debug + Eq + 'static {
    /// The names, without braces.
    const NAMES: &'static [&'static str];
}

/// No names beside the standard ones.
impl Names for () {
    const NAMES: &'static [&'static str] = &[];
}

/// A text with placeholders: `{task}`, `{occurrence}`, `{date}`, `{time}`, `{account}`,
/// `{region}`, `{target}`, `{target.tags.NAME}` and the names of `N`.
///
/// `{{` and `}}` are braces. A single `}` is refused as well as a single `{`: it is nearly
/// always the rest of a placeholder that was not meant to be text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template<N: Names = ()> {
    text: String,
    parts: Vec<Part>,
    names: PhantomData<N>,
}

/// A text that is not a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadTemplate(String);

/// What a template is filled in with.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// `{task}`.
    pub task: &'a TaskName,
    /// `{occurrence}`, as RFC 3339 in UTC.
    pub occurrence: Timestamp,
    /// The task's zone, for `{date}` (`2026-03-29`) and `{time}` (`02:00`) of the occurrence.
    pub time_zone: &'a TimeZone,
    /// `{account}` and `{region}`.
    pub place: &'a Place,
    /// `{target}`.
    pub target: &'a str,
    /// `{target.tags.NAME}`; empty where the target has no such tag.
    pub target_tags: &'a Tags,
    /// The values of the action's own [`Names`]; empty where one is missing.
    pub extra: &'a BTreeMap<&'a str, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Standard(Standard),
    TargetTag(String),
    Extra(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standard {
    Task,
    Occurrence,
    Date,
    Time,
    Account,
    Region,
    Target,
}

static STANDARD: [(&str, Standard); 7] = [
    ("task", Standard::Task),
    ("occurrence", Standard::Occurrence),
    ("date", Standard::Date),
    ("time", Standard::Time),
    ("account", Standard::Account),
    ("region", Standard::Region),
    ("target", Standard::Target),
];

impl<N: Names> Template<N> {
    /// The text with every placeholder replaced by its value.
    pub fn render(&self, values: &Values<'_>) -> String {
        self.parts.iter().map(|part| part.render(values)).collect()
    }

    /// The same in at most `max_chars` characters: a longer one is cut and ends in `…`. AWS
    /// counts characters, not bytes: 255 in a snapshot's description, 256 in a tag's value.
    pub fn render_within(&self, max_chars: usize, values: &Values<'_>) -> String {
        let text = self.render(values);
        if text.chars().nth(max_chars).is_none() {
            return text;
        }
        let kept = text.chars().take(max_chars.saturating_sub(1));
        kept.chain(['…']).take(max_chars).collect()
    }
}

impl Part {
    fn render(&self, values: &Values<'_>) -> String {
        let local = || values.time_zone.to_datetime(values.occurrence);
        match self {
            Part::Text(text) => text.clone(),
            Part::Standard(Standard::Task) => values.task.to_string(),
            Part::Standard(Standard::Occurrence) => values.occurrence.to_string(),
            Part::Standard(Standard::Date) => local().strftime("%Y-%m-%d").to_string(),
            Part::Standard(Standard::Time) => local().strftime("%H:%M").to_string(),
            Part::Standard(Standard::Account) => values.place.account.to_string(),
            Part::Standard(Standard::Region) => values.place.region.to_string(),
            Part::Standard(Standard::Target) => values.target.to_owned(),
            Part::TargetTag(key) => values.target_tags.get(key).cloned().unwrap_or_default(),
            Part::Extra(name) => values.extra.get(name).cloned().unwrap_or_default(),
        }
    }
}

impl<N: Names> FromStr for Template<N> {
    type Err = BadTemplate;

    fn from_str(text: &str) -> Result<Template<N>, BadTemplate> {
        let parts = parse(text, N::NAMES)?;
        Ok(Template { text: text.to_owned(), parts, names: PhantomData })
    }
}

/// Splits a text at its placeholders. Places in messages are counted in characters, from 1.
fn parse(text: &str, extra: &[&'static str]) -> Result<Vec<Part>, BadTemplate> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, brace)) = split_at_brace(rest) {
        literal.push_str(before);
        if brace.starts_with("{{") || brace.starts_with("}}") {
            literal.push_str(&brace[..1]);
            rest = &brace[2..];
            continue;
        }
        let at = text[..text.len() - brace.len()].chars().count() + 1;
        let Some(inside) = brace.strip_prefix('{') else {
            let problem = format!("`}}` at character {at} closes nothing; a brace is `}}}}`");
            return Err(BadTemplate(problem));
        };
        let Some((name, after)) =
            split_at_brace(inside).and_then(|(name, brace)| Some((name, brace.strip_prefix('}')?)))
        else {
            let problem = format!("`{{` at character {at} is not closed; a brace is `{{{{`");
            return Err(BadTemplate(problem));
        };
        let Some(placeholder) = placeholder(name, extra) else {
            let advice = advice(name, extra);
            let problem = format!("unknown placeholder `{{{name}}}` at character {at}; {advice}");
            return Err(BadTemplate(problem));
        };
        parts.extend([Part::Text(mem::take(&mut literal)), placeholder]);
        rest = after;
    }
    literal.push_str(rest);
    parts.push(Part::Text(literal));
    Ok(parts)
}

/// What stands before the first brace, and the rest from that brace on.
fn split_at_brace(text: &str) -> Option<(&str, &str)> {
    text.find(['{', '}']).map(|at| text.split_at(at))
}

fn placeholder(name: &str, extra: &[&'static str]) -> Option<Part> {
    let standard = STANDARD.iter().find(|(it, _)| *it == name);
    let tag = || name.strip_prefix(TARGET_TAGS).filter(|key| !key.is_empty());
    let extra = || extra.iter().find(|it| **it == name);
    standard
        .map(|(_, standard)| Part::Standard(*standard))
        .or_else(|| tag().map(|key| Part::TargetTag(key.to_owned())))
        .or_else(|| extra().map(|name| Part::Extra(name)))
}

/// The name that was probably meant, or all there are.
fn advice(name: &str, extra: &[&str]) -> String {
    let known: Vec<&str> =
        STANDARD.iter().map(|(name, _)| *name).chain(extra.iter().copied()).collect();
    let nearest = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), *known))
        .min()
        .filter(|(letters, _)| *letters <= TYPO_LETTERS);
    let tag = ["tags.", "tag."].iter().find_map(|prefix| name.split_once(prefix));
    match (nearest, tag) {
        (_, Some((_, key))) if !key.is_empty() => {
            format!("did you mean `{{{TARGET_TAGS}{key}}}`?")
        }
        (Some((_, nearest)), _) => format!("did you mean `{{{nearest}}}`?"),
        (None, _) => {
            let known: String = known.iter().map(|known| format!("`{{{known}}}`, ")).collect();
            format!("there are {known}`{{{TARGET_TAGS}NAME}}`")
        }
    }
}

impl<N: Names> TryFrom<String> for Template<N> {
    type Error = BadTemplate;

    fn try_from(text: String) -> Result<Template<N>, BadTemplate> {
        text.parse()
    }
}

impl<N: Names> From<Template<N>> for String {
    fn from(template: Template<N>) -> String {
        template.text
    }
}

impl<N: Names> fmt::Display for Template<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl<N: Names> JsonSchema for Template<N> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct VolumeNames;

    impl Names for VolumeNames {
        const NAMES: &'static [&'static str] = &["device", "instance"];
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Params {
        /// Words.
        description: Option<Template<VolumeNames>>,
    }

    /// Fills a template in for `vol-1`, whose tag `team` is `tag`.
    fn with_values<T>(tag: &str, render: impl FnOnce(&Values<'_>) -> T) -> T {
        let text = |text: &str| text.to_owned();
        render(&Values {
            task: &"nightly".parse().unwrap(),
            occurrence: "2026-03-29T22:30:00Z".parse().unwrap(),
            time_zone: &TimeZone::get("Europe/Madrid").unwrap(),
            place: &Place {
                account: "111122223333".parse().unwrap(),
                region: "eu-west-1".parse().unwrap(),
            },
            target: "vol-1",
            target_tags: &Tags::from([(text("team"), text(tag)), (text("a b:c"), text("odd"))]),
            extra: &BTreeMap::from([("device", text("/dev/sda1"))]),
        })
    }

    #[track_caller]
    fn check(template: &str, expected: &str) {
        let parsed: Template<VolumeNames> = template.parse().unwrap();
        assert_eq!(with_values("data", |values| parsed.render(values)), expected);
        assert_eq!(parsed.to_string(), template);
    }

    #[track_caller]
    fn check_refused(template: &str, expected: &str) {
        let refused = template.parse::<Template<VolumeNames>>().unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }

    #[test]
    fn fills_in_every_placeholder() {
        check("", "");
        check("plain, ñ", "plain, ñ");
        check("{task} {target}", "nightly vol-1");
        check("{occurrence}", "2026-03-29T22:30:00Z");
        check("{account}/{region}", "111122223333/eu-west-1");
        check("{target.tags.team}{target.tags.a b:c}", "dataodd");
        check("on {device}.", "on /dev/sda1.");
    }

    #[test]
    fn date_and_time_are_of_the_zone() {
        check("{date} {time}", "2026-03-30 00:30");
    }

    #[test]
    fn what_has_no_value_is_empty() {
        check("<{target.tags.owner}>", "<>");
        check("<{instance}>", "<>");
    }

    #[test]
    fn doubled_braces_are_braces() {
        check("{{task}}", "{task}");
        check("{{{task}}}", "{nightly}");
        check("{{}} }}{{", "{} }{");
    }

    #[test]
    fn values_are_never_read_as_templates() {
        let template: Template = "{target.tags.team}".parse().unwrap();
        for tag in ["{account}", "{{", "}", "{target.tags.team}"] {
            assert_eq!(with_values(tag, |values| template.render(values)), tag);
        }
    }

    #[test]
    fn refuses_single_braces() {
        check_refused("ñ {task", "`{` at character 3 is not closed; a brace is `{{`");
        check_refused("{a {task}", "`{` at character 1 is not closed; a brace is `{{`");
        check_refused("{", "`{` at character 1 is not closed; a brace is `{{`");
        check_refused("{task {{}", "`{` at character 1 is not closed; a brace is `{{`");
        check_refused("ñ {task}, }", "`}` at character 11 closes nothing; a brace is `}}`");
        check_refused("{{task}", "`}` at character 7 closes nothing; a brace is `}}`");
    }

    #[test]
    fn refuses_unknown_names_and_offers_the_one_meant() {
        for (name, meant) in [
            ("acount", "account"),
            ("acont", "account"),
            ("Task", "task"),
            (" date", "date"),
            ("devise", "device"),
            ("tags.team", "target.tags.team"),
            ("target.tag.team", "target.tags.team"),
        ] {
            check_refused(
                &format!("of {{{name}}}"),
                &format!(
                    "unknown placeholder `{{{name}}}` at character 4; did you mean `{{{meant}}}`?"
                ),
            );
        }
        for name in ["", "target.size", "target.tags."] {
            check_refused(
                &format!("{{{name}}}"),
                &format!(
                    "unknown placeholder `{{{name}}}` at character 1; there are `{{task}}`, \
                     `{{occurrence}}`, `{{date}}`, `{{time}}`, `{{account}}`, `{{region}}`, \
                     `{{target}}`, `{{device}}`, `{{instance}}`, `{{target.tags.NAME}}`"
                ),
            );
        }
    }

    #[test]
    fn names_of_other_actions_are_unknown() {
        assert!("{device}".parse::<Template>().is_err());
    }

    #[test]
    fn is_a_string_to_serde_and_schema() {
        let template: Template = serde_json::from_str(r#""{task} {{""#).unwrap();
        assert_eq!(serde_json::to_string(&template).unwrap(), r#""{task} {{""#);
        assert_eq!(
            serde_json::from_str::<Template>(r#""{tsk}""#).unwrap_err().to_string(),
            "unknown placeholder `{tsk}` at character 1; did you mean `{task}`?"
        );
        let schema = serde_json::to_value(schemars::schema_for!(Params)).unwrap();
        let description = json!({ "type": ["string", "null"], "description": "Words." });
        assert_eq!(schema["properties"]["description"], description);
    }

    #[test]
    fn is_cut_at_a_character() {
        let template: Template = "ñañd{task}".parse().unwrap();
        for (max, expected) in [
            (99, "ñañdnightly"),
            (11, "ñañdnightly"),
            (10, "ñañdnight…"),
            (3, "ña…"),
            (1, "…"),
            (0, ""),
        ] {
            let found = with_values("", |values| template.render_within(max, values));
            assert_eq!(found, expected, "{max}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_written(text in "\\PC*") {
            let escaped = text.replace('{', "{{").replace('}', "}}");
            let template: Template = escaped.parse().unwrap();
            prop_assert_eq!(with_values("", |values| template.render(values)), text);
        }

        #[test]
        fn parsing_never_panics(text in "([{}]|[a-z.ñ]|target\\.tags\\.|task){0,12}") {
            let _ = text.parse::<Template>();
        }

        #[test]
        fn never_longer_than_asked(tag in "\\PC*", max in 0_usize..40) {
            let template: Template = "{task} {target.tags.team}".parse().unwrap();
            let whole = with_values(&tag, |values| template.render(values));
            let cut = with_values(&tag, |values| template.render_within(max, values));
            prop_assert!(cut.chars().count() <= max);
            prop_assert!(cut == whole || whole.starts_with(cut.trim_end_matches('…')));
            prop_assert_eq!(cut == whole, whole.chars().count() <= max);
        }
    }
}
