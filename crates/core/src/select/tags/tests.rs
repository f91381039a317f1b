use proptest::prelude::*;

use super::*;

fn patterns(json: &str) -> TagPatterns {
    serde_json::from_str(json).unwrap()
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[track_caller]
fn check(json: &str, selected: &[&[(&str, &str)]], left: &[&[(&str, &str)]]) {
    let patterns = patterns(json);
    for pairs in selected {
        assert!(patterns.selects(&tags(pairs)), "{json} should select {pairs:?}");
    }
    for pairs in left {
        assert!(!patterns.selects(&tags(pairs)), "{json} should not select {pairs:?}");
    }
}

#[track_caller]
fn check_error(json: &str, expected: &str) {
    let error = serde_json::from_str::<TagPatterns>(json).unwrap_err().to_string();
    let message = error.rsplit_once(" at line").map_or(error.as_str(), |(message, _)| message);
    assert_eq!(message, expected);
}

#[test]
fn no_patterns_select_everything() {
    check("{}", &[&[], &[("a", "b")]], &[]);
}

#[test]
fn an_exact_value_is_case_sensitive() {
    check(
        r#"{"backup": "daily"}"#,
        &[&[("backup", "daily")], &[("backup", "daily"), ("x", "y")]],
        &[&[], &[("backup", "Daily")], &[("Backup", "daily")], &[("backup", "")]],
    );
    check(r#"{"a": ""}"#, &[&[("a", "")]], &[&[], &[("a", " ")]]);
}

#[test]
fn a_glob_needs_the_tag_to_be_there() {
    check(r#"{"team": "plat*"}"#, &[&[("team", "platform")]], &[&[("team", "x")], &[]]);
    check(r#"{"team": "*"}"#, &[&[("team", "")], &[("team", "x")]], &[&[]]);
    check(r#"{"a": "50\\*"}"#, &[&[("a", "50*")]], &[&[("a", "501")]]);
}

#[test]
fn null_means_no_such_tag() {
    check(r#"{"ignore": null}"#, &[&[], &[("x", "y")]], &[&[("ignore", "")]]);
}

#[test]
fn one_of_a_list_is_enough_and_null_may_be_in_it() {
    check(
        r#"{"stage": ["prod", "pre*", null]}"#,
        &[&[("stage", "prod")], &[("stage", "preprod")], &[]],
        &[&[("stage", "test")]],
    );
}

#[test]
fn all_keys_must_hold() {
    check(
        r#"{"a": "1", "b": null}"#,
        &[&[("a", "1")]],
        &[&[("a", "1"), ("b", "2")], &[("a", "2")], &[]],
    );
}

#[test]
fn errors_say_what_was_expected() {
    let value = "a tag's value (a text: in quotes when it looks like a number or a truth value)";
    check_error(
        r#"{"a": 1}"#,
        &format!(
            "invalid type: integer `1`, expected {value}, `null` for no such tag, or a list of those"
        ),
    );
    check_error(
        r#"{"a": [true]}"#,
        &format!("invalid type: boolean `true`, expected {value}, or `null` for no such tag"),
    );
    check_error(
        r#"["a"]"#,
        "invalid type: sequence, expected tag keys, each with a pattern for its value, such as \
         `backup: daily`",
    );
    check_error(r#"{"a": []}"#, "a list of patterns has 1 to 200 entries, this one has 0");
    check_error(
        &format!(r#"{{"a": [{}"x"]}}"#, r#""x","#.repeat(200)),
        "a list of patterns has 1 to 200 entries, this one has 201",
    );
    check_error(
        r#"{"a": "C:\\data"}"#,
        r"in `C:\data` a `\` must be followed by `*`, `?` or `\`: a literal `\` is written `\\`",
    );
    check_error(r#"{"a": "x", "a": "y"}"#, "the tag key `a` is here twice");
    check_error(r#"{"": "x"}"#, "a tag key has 1 to 128 characters, this one has 0");
    check_error(
        &format!(r#"{{"{}": "x"}}"#, "k".repeat(129)),
        "a tag key has 1 to 128 characters, this one has 129",
    );
    check_error(
        &format!(r#"{{"a": "{}*"}}"#, "é".repeat(257)),
        "a tag value has at most 256 characters, this pattern asks for 257",
    );
    let many: Vec<String> = (0..51).map(|n| format!(r#""k{n}": null"#)).collect();
    check_error(
        &format!("{{{}}}", many.join(",")),
        "a resource has at most 50 tags, these are patterns for 51",
    );
}

#[test]
fn the_longest_texts_are_accepted() {
    let json = format!(r#"{{"{}": "{}"}}"#, "é".repeat(128), r"\\*".repeat(256));
    let tags = Tags::from([("é".repeat(128), "*".repeat(256))]);
    assert!(patterns(&json).selects(&tags));
}

#[test]
fn writes_one_alternative_without_a_list() {
    let json = r#"{"a":"x*","b":null,"c":["\\*","?",null]}"#;
    assert_eq!(serde_json::to_string(&patterns(json)).unwrap(), json);
    assert_eq!(patterns(r#"{"a": ["x"]}"#), patterns(r#"{"a": "x"}"#));
}

proptest! {
    #[test]
    fn reads_what_it_writes(texts in prop::collection::vec(prop::option::of(r"[a*?\\é]{0,4}"), 1..4)) {
        if let Ok(pattern) = TagPattern::any_of(texts.iter().map(Option::as_deref)) {
            let json = serde_json::to_string(&pattern).unwrap();
            prop_assert_eq!(serde_json::from_str::<TagPattern>(&json).unwrap(), pattern);
        }
    }

    #[test]
    fn an_escaped_value_selects_itself_alone(value in r"[a*?\\é]{0,4}", other in r"[a*?\\é]{0,4}") {
        let pattern = TagPattern::any_of([Some(escape(&value).as_str())]).unwrap();
        prop_assert!(pattern.matches(Some(&value)));
        prop_assert_eq!(pattern.matches(Some(&other)), value == other);
        prop_assert!(!pattern.matches(None));
    }
}
