//! What EC2 can filter by itself, so that fewer resources are listed.
//!
//! The contract: the server's answer may hold more than what the patterns select, and never
//! less. Everything it returns is still decided by [`TagPatterns::selects`], so the answer is
//! the same with a filter, with a part of it, and without.
//!
//! Source: "Filtering resources" in the EC2 user guide and the `Filter` type of the EC2 API:
//! values of a filter are alternatives, filters must all hold, keys and values are
//! case-sensitive, `*` and `?` are wildcards and `\` escapes them.

use super::{
    glob::{Glob, Piece},
    tags::{Alternative, TagPatterns, escape},
};
use crate::Tags;

/// Most filters that one request carries on account of tags.
const FILTERS_MAX: usize = 20;
/// Most values in all those filters together. EC2 refuses a request with more than 200 values
/// (`FilterLimitExceeded`); the rest is left to filters that are not about tags.
const VALUES_MAX: usize = 180;
/// Most characters of one value. EC2 refuses more (`FilterLimitExceeded`), although a tag's
/// value may have 256.
const VALUE_LENGTH_MAX: usize = 255;

/// Filters for an EC2 `Describe` request; none when nothing can be said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFilter {
    /// The filters, which must all hold.
    pub tags: Vec<TagFilter>,
    /// Only resources with one of these ids; `None`: with any. Sent as a filter of EC2 as well:
    /// it refuses a request that asks for an id that is not there, and a filter finds nothing.
    pub ids: Option<Vec<String>>,
}

/// One EC2 filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFilter {
    /// `tag:<key>`, which is about the values of that tag, `tag-key`, about the keys, or one that
    /// is not about tags, such as `snapshot-id`.
    pub name: String,
    /// Alternatives, with `*`, `?` and `\` as EC2 reads them.
    pub values: Vec<String>,
}

/// What of the patterns EC2 can be told. That a tag is absent cannot be said, nor an empty
/// value, nor what is beyond EC2's limits; those are left out, or sent as "has this key".
pub fn push_down(patterns: &TagPatterns) -> ServerFilter {
    let mut filter = ServerFilter::default();
    let mut values_left = VALUES_MAX;
    for (key, pattern) in patterns.iter() {
        let asked = ask(key, pattern.alternatives());
        // Whether two filters of one name are both applied is not documented: one is sent.
        let next = asked
            .filter(|asked| asked.values.len() <= values_left)
            .filter(|asked| filter.tags.iter().all(|sent| sent.name != asked.name));
        if let Some(next) = next {
            values_left -= next.values.len();
            filter.tags.push(next);
        }
        if filter.tags.len() == FILTERS_MAX {
            break;
        }
    }
    filter
}

/// The filter for one key, when there is one.
fn ask(key: &str, alternatives: &[Alternative]) -> Option<TagFilter> {
    let values: Vec<String> = alternatives.iter().map(Alternative::text).collect::<Option<_>>()?;
    let sayable =
        |value: &String| (1..=VALUE_LENGTH_MAX).contains(&value.chars().count()) && value != "*";
    if values.iter().all(sayable) {
        Some(TagFilter { name: format!("tag:{key}"), values })
    } else {
        let key = escape(key);
        (key.chars().count() <= VALUE_LENGTH_MAX)
            .then(|| TagFilter { name: "tag-key".to_owned(), values: vec![key] })
    }
}

impl ServerFilter {
    /// Resources on which this tag has exactly this value.
    pub fn tag(key: &str, value: &str) -> ServerFilter {
        let name = format!("tag:{key}");
        let tags = vec![TagFilter { name, values: vec![escape(value)] }];
        ServerFilter { tags, ids: None }
    }

    /// Resources with these ids, which have no wildcards in them.
    pub fn of_ids(ids: impl IntoIterator<Item = String>) -> ServerFilter {
        ServerFilter { tags: Vec::new(), ids: Some(ids.into_iter().collect()) }
    }

    /// The same, and only resources that have this tag. Not said when the filter asks about
    /// keys already: what is left out here is decided locally.
    pub fn and_tag_key(mut self, key: &str) -> ServerFilter {
        if self.tags.len() < FILTERS_MAX && self.tags.iter().all(|sent| sent.name != "tag-key") {
            self.tags.push(TagFilter { name: "tag-key".to_owned(), values: vec![escape(key)] });
        }
        self
    }

    /// Whether EC2 returns a resource with these tags, whatever its id. A model of EC2 for tests and simulation;
    /// where its documents disagree (`?` is "one character" in the API reference and "zero or
    /// one" in the user guide) it admits more.
    pub fn admits(&self, tags: &Tags) -> bool {
        self.tags.iter().all(|filter| filter.admits(tags))
    }
}

impl TagFilter {
    fn admits(&self, tags: &Tags) -> bool {
        self.values.iter().map(|value| ec2_glob(value)).any(|glob| {
            match self.name.strip_prefix("tag:") {
                Some(key) => tags.get(key).is_some_and(|value| glob.matches(value)),
                None => self.name != "tag-key" || tags.keys().any(|key| glob.matches(key)),
            }
        })
    }
}

/// A filter's value as EC2 reads it. A `\` makes any character a plain one.
fn ec2_glob(value: &str) -> Glob {
    let mut pieces = Vec::new();
    let mut rest = value.chars();
    while let Some(next) = rest.next() {
        pieces.push(match next {
            '*' => Piece::Any,
            '?' => Piece::OneOrNone,
            '\\' => Piece::Char(rest.next().unwrap_or('\\')),
            literal => Piece::Char(literal),
        });
    }
    Glob::new(pieces)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::select::TagPattern;

    /// The filters for patterns in YAML's JSON, one per line: `name=value|value`.
    #[track_caller]
    fn check(patterns: &str, filters: &str) {
        let patterns: TagPatterns = serde_json::from_str(patterns).unwrap();
        let lines: Vec<String> = push_down(&patterns)
            .tags
            .iter()
            .map(|filter| format!("{}={}", filter.name, filter.values.join("|")))
            .collect();
        assert_eq!(lines.join(" "), filters);
    }

    #[test]
    fn values_and_globs_are_sent() {
        check(
            r#"{"backup": "daily", "stage": ["prod", "pre*"]}"#,
            "tag:backup=daily tag:stage=prod|pre*",
        );
    }

    #[test]
    fn literal_wildcards_stay_escaped() {
        check(r#"{"a": "50\\*", "b": "C:\\\\x\\?"}"#, r"tag:a=50\* tag:b=C:\\x\?");
    }

    #[test]
    fn absence_is_not_sent() {
        check(r#"{"a": null, "b": ["x", null], "c": "y"}"#, "tag:c=y");
    }

    #[test]
    fn any_value_is_sent_as_the_key_and_only_once() {
        check(r#"{"a*": "*", "b": ["x", "**"], "c": "z"}"#, r"tag-key=a\* tag:c=z");
    }

    #[test]
    fn empty_and_too_long_values_are_sent_as_the_key() {
        check(r#"{"a": ""}"#, "tag-key=a");
        check(r#"{"a": ["", "x"]}"#, "tag-key=a");
        check(&format!(r#"{{"a": "{}"}}"#, "x".repeat(256)), "tag-key=a");
        check(&format!(r#"{{"a": "{}"}}"#, r"\\*".repeat(128)), "tag-key=a");
        check(&format!(r#"{{"a": "{}"}}"#, "x".repeat(255)), &format!("tag:a={}", "x".repeat(255)));
        check(&format!(r#"{{"{}": ""}}"#, "*".repeat(128)), "");
    }

    #[test]
    fn what_exceeds_the_limits_stays_local() {
        let many = |count: usize| {
            let texts: Vec<String> = (0..count).map(|n| n.to_string()).collect();
            TagPattern::any_of(texts.iter().map(|text| Some(text.as_str()))).unwrap()
        };
        let patterns = TagPatterns::new([
            ("a".to_owned(), many(150)),
            ("b".to_owned(), many(31)),
            ("c".to_owned(), many(30)),
        ]);
        let sent: Vec<_> =
            push_down(&patterns.unwrap()).tags.into_iter().map(|filter| filter.name).collect();
        assert_eq!(sent, ["tag:a", "tag:c"]);

        let keys = TagPatterns::new((0..50).map(|n| (format!("k{n:02}"), many(1)))).unwrap();
        assert_eq!(push_down(&keys).tags.len(), FILTERS_MAX);
    }

    #[test]
    fn the_model_reads_values_as_ec2_does() {
        let admits = |name: &str, value: &str, tag: (&str, &str)| {
            let filter = TagFilter { name: name.to_owned(), values: vec![value.to_owned()] };
            let tags = Tags::from([(tag.0.to_owned(), tag.1.to_owned())]);
            ServerFilter { tags: vec![filter], ids: None }.admits(&tags)
        };
        assert!(admits("tag:a", "x*", ("a", "xyz")));
        assert!(admits("tag:a", "x?", ("a", "x")), "`?` may be no character");
        assert!(!admits("tag:a", "x?", ("a", "xyz")));
        assert!(!admits("tag:a", "X", ("a", "x")), "values are case-sensitive");
        assert!(!admits("tag:a", "x", ("A", "x")), "keys are case-sensitive");
        assert!(admits("tag:a", r"\*", ("a", "*")) && !admits("tag:a", r"\*", ("a", "x")));
        assert!(admits("tag:a:b", "x", ("a:b", "x")), "a key may hold colons");
        assert!(admits("tag-key", "a*", ("abc", "")));
        assert!(!admits("tag-key", "a", ("b", "a")));
        assert!(!admits("tag-key", "", ("b", "a")));
    }

    /// Texts that are likely to meet: few letters, and the ones that have a meaning.
    fn text() -> impl Strategy<Value = String> {
        r"[aB*?\\]{0,3}"
    }

    fn pattern() -> impl Strategy<Value = TagPattern> {
        let escaped = r"([aB]|\\[*?\\]|\*|\?){0,3}";
        prop::collection::vec(prop::option::weighted(0.9, escaped), 1..4).prop_map(|texts| {
            TagPattern::any_of(texts.iter().map(Option::as_deref)).expect("escapes are whole")
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn pushing_down_never_loses_a_resource(
            patterns in prop::collection::btree_map(r"[aB*]{1,2}", pattern(), 0..4),
            tags in prop::collection::btree_map(r"[aB*]{1,2}", text(), 0..5),
        ) {
            let patterns = TagPatterns::new(patterns).unwrap();
            let filter = push_down(&patterns);
            let selects = patterns.selects(&tags);
            prop_assert_eq!(selects, filter.admits(&tags) && selects);
        }

        #[test]
        fn a_filter_alone_is_exact_for_values_without_wildcards(
            value in "[aB]{1,3}",
            tag in "[aB]{1,3}",
        ) {
            let pattern = TagPattern::any_of([Some(value.as_str())]).unwrap();
            let patterns = TagPatterns::new([("k".to_owned(), pattern)]).unwrap();
            let tags = Tags::from([("k".to_owned(), tag)]);
            prop_assert_eq!(push_down(&patterns).admits(&tags), patterns.selects(&tags));
        }
    }

    #[test]
    fn one_tag_is_asked_for_to_the_letter() {
        let filter = ServerFilter::tag("job", "a*b?c\\");
        let tags = |value: &str| Tags::from([("job".to_owned(), value.to_owned())]);
        assert!(filter.admits(&tags("a*b?c\\")));
        assert!(!filter.admits(&tags("axbxc\\")));
    }

    #[test]
    fn a_key_is_asked_for_beside_the_rest_but_only_once() {
        let filter = ServerFilter::tag("a", "1").and_tag_key("b").and_tag_key("c");
        let names: Vec<&str> = filter.tags.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["tag:a", "tag-key"]);
        let tags = Tags::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())]);
        assert!(filter.admits(&tags));
        assert!(!filter.admits(&Tags::from([("a".to_owned(), "1".to_owned())])));
    }
}
