use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::Tags;

#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only the schema is of interest")]
enum State {
    InUse,
    Available,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is of interest")]
struct Attachment {
    device: String,
    since: Timestamp,
    note: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is of interest")]
struct Disk {
    id: String,
    size_gib: u32,
    iops: Option<u64>,
    throughput: f64,
    encrypted: Option<bool>,
    state: State,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    attachments: Vec<Attachment>,
    labels: std::collections::BTreeMap<String, String>,
    names: Vec<Option<String>>,
    main: Option<Attachment>,
}

/// A disk with everything known but `iops`, `encrypted`, `ended_at`, one of the `names` and the
/// note of its attachment.
fn disk() -> serde_json::Value {
    let attachment = json!({"device": "/dev/sda", "since": "2026-03-01T00:00:00Z", "note": null});
    json!({
        "id": "vol-0a1b", "size_gib": 10, "iops": null, "throughput": 3,
        "encrypted": null, "state": "in-use", "started_at": "2026-03-27T02:00:00Z",
        "attachments": [attachment], "labels": {"a": "b"}, "names": ["x", null], "main": attachment,
    })
}

fn answer(source: &str, tags: Option<&Tags>) -> Selected {
    let condition = Condition::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    let candidate = Candidate {
        target: &disk(),
        fields: &Fields::of::<Disk>(),
        tags,
        account: &"111122223333".parse().unwrap(),
        region: &"eu-west-1".parse().unwrap(),
    };
    condition.holds(&candidate, "2026-03-29T02:00:00Z".parse().unwrap())
}

fn tags() -> Tags {
    [("team", "platform"), ("cost-center", "42"), ("expires", "2026-04-01T00:00:00Z"), ("odd", "x")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// The answer for the disk, of a condition that passes the check.
#[track_caller]
fn check(source: &str, expected: Selected) {
    let checked = Condition::parse(source).and_then(|it| it.check(&Fields::of::<Disk>()));
    assert_eq!(checked, Ok(()), "{source}");
    assert_eq!(answer(source, Some(&tags())), expected, "{source}");
}

#[track_caller]
fn check_all(sources: &[&str], expected: &Selected) {
    for source in sources {
        check(source, expected.clone());
    }
}

fn unknown(reason: &str) -> Selected {
    Selected::Unknown(reason.to_owned())
}

/// The error of parsing or checking, as one line.
#[track_caller]
fn check_error(source: &str, expected: &str) {
    let checked = Condition::parse(source).and_then(|it| it.check(&Fields::of::<Disk>()));
    let message = checked.map_or_else(|error| error.to_string(), |()| "no error".to_owned());
    assert_eq!(message, expected, "{source}");
}

#[test]
fn fields_tags_and_places_are_compared() {
    check_all(
        &[
            r#"target.size_gib >= 10 && target.state == "in-use""#,
            "target.size_gib < 10.5",
            "target.size_gib >= 10u",
            "target.throughput == 3",
            "target.throughput * 2.0 > 5.9",
            r#"target["id"].startsWith("vol-")"#,
            r#"target.id.matches("^vol-[0-9a-f]+$") && matches(target.id, "a.b")"#,
            r#"target.state in ["in-use", "available"]"#,
            r#"tags.team == "platform" && tags["cost-center"] in ["41", "42"]"#,
            r#"has(tags.team) && "team" in tags && !("x" in tags) && !has(tags.nope)"#,
            r#"tags.exists(key, key.endsWith("center")) && size(tags) == 4"#,
            r#"int(tags["cost-center"]) > 41"#,
            r#"account == "111122223333" && region.startsWith("eu-")"#,
            r#"target.attachments.exists(it, it.device == "/dev/sda" && it.since < now)"#,
            "target.attachments.map(it, it.device).size() == 1",
            "target.attachments.filter(it, it.since > now) == []",
            r#"target.labels.a == "b" && "a" in target.labels && target.main.since < now"#,
            "size(target.id) == 8 ? true : false",
            "(now - target.started_at).getHours() + 2 == 50",
        ],
        &Selected::Yes,
    );
    check_all(
        &[
            "target.size_gib > 10",
            r#"tags.team == "Platform""#,
            r#"!target.id.contains("vol")"#,
            r#"target.id.matches("^b")"#,
            "target.attachments.all(it, it.since > now)",
        ],
        &Selected::No,
    );
}

#[test]
fn times_are_timestamps() {
    check_all(
        &[
            r#"now - target.started_at > duration("24h")"#,
            r#"target.started_at + duration("48h") == now"#,
            r#"target.started_at < timestamp("2026-03-27T02:00:00.000000001Z")"#,
            r#"timestamp(tags.expires) - now < duration("100h")"#,
            r#"now.getDayOfWeek() == 0 && now.getHours("Europe/Madrid") == 4"#,
        ],
        &Selected::Yes,
    );
}

#[test]
fn an_unknown_attribute_gives_no_answer_whatever_is_asked_of_it() {
    for source in [
        "target.iops > 3000",
        "target.iops != 3000",
        "!(target.iops == 3000)",
        "target.iops in [1, 2]",
        "target.size_gib > 1 && target.iops > 3000",
        "target.size_gib > 100 || target.iops > 3000",
        "target.iops > 3000 ? true : true",
        r#"dyn(target.iops) == "x""#,
    ] {
        check(source, unknown("`target.iops` is not known"));
    }
    check("target.encrypted == false", unknown("`target.encrypted` is not known"));
    check("!target.encrypted", unknown("`target.encrypted` is not known"));
    check("target.ended_at < now", unknown("`target.ended_at` is not known"));
    check(r#"target.main.note == """#, unknown("`target.main.note` is not known"));
    check(
        r#"target.attachments.exists(it, it.note == "")"#,
        unknown("`target.attachments.note` is not known"),
    );
    check(r#""y" in target.names"#, unknown("`target.names` is not known"));
}

#[test]
fn what_the_rest_decides_does_not_depend_on_an_unknown_attribute() {
    check_all(
        &[
            "target.size_gib == 10 || target.iops > 3000",
            "target.iops > 3000 || target.size_gib == 10",
            "target.size_gib == 10 ? true : target.iops > 3000",
        ],
        &Selected::Yes,
    );
    check_all(
        &[
            "target.size_gib == 11 && target.iops > 3000",
            "target.iops > 3000 && target.size_gib == 11",
        ],
        &Selected::No,
    );
}

#[test]
fn a_missing_tag_does_not_select() {
    check_all(
        &[
            r#"tags.nope == "x""#,
            r#"tags.nope != "x""#,
            r#"!(tags.nope == "x")"#,
            r#"tags["no-pe"].startsWith("x")"#,
            r#"target.size_gib == 10 && tags.nope == "x""#,
            r#"tags.nope == "x" || target.size_gib == 11"#,
            r#"["team", "nope"].all(key, tags[key] != "")"#,
        ],
        &Selected::No,
    );
    check(r#"tags.nope == "x" || target.size_gib == 10"#, Selected::Yes);
    check(r#"!has(tags.nope) || tags.nope == "x""#, Selected::Yes);
}

#[test]
fn an_unknown_attribute_weighs_more_than_a_missing_tag() {
    for source in
        [r#"tags.nope == "x" || target.iops > 1"#, r#"target.iops > 1 || tags.nope == "x""#]
    {
        check(source, unknown("`target.iops` is not known"));
    }
}

#[test]
fn tags_that_could_not_be_read_are_unknown() {
    for source in [
        r#"tags.team == "x""#,
        "has(tags.team)",
        r#"!("team" in tags)"#,
        "size(tags) == 0",
        r#"tags.all(key, key == "x")"#,
    ] {
        assert_eq!(answer(source, None), unknown("`tags` is not known"), "{source}");
    }
    assert_eq!(answer("target.size_gib == 10", None), Selected::Yes);
}

#[test]
fn any_other_failure_gives_no_answer() {
    let because = |reason: &str| unknown(&format!("the condition has no answer: {reason}"));
    check("10 / (target.size_gib - 10) > 1", because("Division by zero of Int(10)"));
    check(r#"target.labels.nope == "x""#, because("No such key: nope"));
    check(r#"target.attachments[7].device == """#, because("Index out of bounds: Int(7)"));
    check(
        "int(tags.odd) > 1",
        because(
            "Error executing function 'int': string parse error: invalid digit found in string",
        ),
    );
    check("dyn(target.id)", unknown("the condition is not true or false"));
}

#[test]
fn a_time_that_cannot_be_read_is_unknown() {
    let condition = Condition::parse("target.started_at < now").unwrap();
    for started_at in [json!("yesterday"), json!(12), json!("2026-03-27")] {
        let target = json!({ "started_at": started_at });
        let candidate = Candidate {
            target: &target,
            fields: &Fields::of::<Disk>(),
            tags: None,
            account: &"111122223333".parse().unwrap(),
            region: &"eu-west-1".parse().unwrap(),
        };
        assert_eq!(
            condition.holds(&candidate, Timestamp::UNIX_EPOCH),
            unknown("`target.started_at` is not known")
        );
    }
}

#[test]
fn unknown_names_are_found_and_near_ones_suggested() {
    check_error(
        "size_gib > 1",
        "there is no variable `size_gib` (character 1); did you mean `target.size_gib`?",
    );
    check_error(
        "taget.id == \"x\"",
        "there is no variable `taget` (character 1); did you mean `target`?",
    );
    check_error("true && zzz", "there is no variable `zzz` (character 9)");
    check_error(
        "target.size_gb >= 10",
        "there is no field `size_gb` (character 1); did you mean `size_gib`?",
    );
    check_error(
        "target[\"sizegib\"] >= 10",
        "there is no field `sizegib` (character 1); did you mean `size_gib`?",
    );
    check_error(
        "\"é\" != \"\" && target.main.devise == \"\"",
        "there is no field `devise` (character 14); did you mean `device`?",
    );
    check_error(
        "target.attachments.exists(it, it.sinc < now)",
        "there is no field `sinc` (character 31); did you mean `since`?",
    );
    check_error(
        "target.id.startswith(\"x\")",
        "there is no function `startswith` (character 1); did you mean `startsWith`?",
    );
    check_error("lower(target.id) == \"x\"", "there is no function `lower` (character 1)");
    check_error(
        "target.attachments.exists(it.device)",
        "`exists` is written `list.exists(it, condition)` (character 1)",
    );
}

#[test]
fn comparisons_that_can_never_hold_are_found() {
    check_error(
        "target.size_gib == \"10\"",
        "a whole number is never equal to a text (character 1)",
    );
    check_error(
        "target.size_gib >= \"10\"",
        "a whole number and a text have no order (character 1)",
    );
    check_error("true || tags.team > 1", "a text and a whole number have no order (character 9)");
    check_error(
        "target.started_at < \"2026-01-01\"",
        "a time and a text have no order (character 1)",
    );
    check_error(
        "now - target.started_at > 24",
        "a duration and a whole number have no order (character 1)",
    );
    check_error(
        "target.size_gib in [\"1\"]",
        "a whole number is never in a list with a text (character 1)",
    );
    check_error("\"x\" in target.id", "a text is never in a text (character 1)");
    check_error(
        "target.state == \"in_use\"",
        "`in_use` is never its value, that is one of `in-use`, `available` (character 17); did you mean `in-use`?",
    );
    check_error(
        "target.state in [\"in-use\", \"gone\"]",
        "`gone` is never its value, that is one of `in-use`, `available` (character 28)",
    );
    check_error(
        "target.iops == null",
        "nothing is ever equal to `null` (character 1); what is `null` is not known: a condition that depends on it has no answer",
    );
    check_error(
        "has(target.iops)",
        "`has` asks whether a tag is there, not about fields (character 1); a field that is not known leaves the condition without an answer, unless the rest decides",
    );
    check_error("tags == {\"a\": \"b\"}", "a map and a map are not compared whole (character 1)");
}

#[test]
fn arithmetic_and_calls_that_can_never_work_are_found() {
    check_error(
        "target.size_gib * 1.5 > 3.0",
        "`*` does not apply to a whole number and a number (character 1); CEL does not mix kinds of numbers: `2.0` and `double(…)` are fractions",
    );
    check_error("(true ? 1 : \"x\") == 1", "this is either a whole number or a text (character 2)");
    check_error("now + now > now", "`+` does not apply to a time and a time (character 1)");
    check_error("now - \"1h\" > now", "`-` does not apply to a time and a text (character 1)");
    check_error("-target.id == \"\"", "a text cannot be negated (character 1)");
    check_error(
        "target.size_gib.contains(\"1\")",
        "`contains` is not called like this, but `text.contains(text)` (character 1)",
    );
    check_error(
        "startsWith(target.id, \"v\")",
        "`startsWith` is not called like this, but `text.startsWith(text)` (character 1)",
    );
    check_error(
        "now - target.started_at > duration(\"7d\")",
        "`7d` is not a duration (character 36); hours, minutes and seconds: `36h`, `1h30m`, `90s`",
    );
    check_error(
        "now > timestamp(\"2026-01-01\")",
        "`2026-01-01` is not a time (character 17); RFC 3339: `2026-03-29T02:00:00Z`",
    );
    check_error(
        "target.id.matches(\"(\")",
        "this is not a regular expression: unclosed group (character 19)",
    );
    check_error(
        "target.id.matches(tags.x)",
        "the pattern of `matches` must be a text in quotes (character 19)",
    );
    check_error("target.id.size > 1", "a text has no `size` (character 1)");
    check_error(
        "target.attachments[\"x\"].device == \"\"",
        "a list has no entry for a text (character 1)",
    );
    check_error(
        "target.size_gib.exists(x, x)",
        "a whole number is nothing to go through (character 1)",
    );
}

#[test]
fn a_result_must_be_true_or_false() {
    check_error(
        "target.size_gib",
        "a condition must be true or false, the result of this is a whole number (character 1)",
    );
    check_error(
        "tags.team",
        "a condition must be true or false, the result of this is a text (character 1)",
    );
    check_error(
        "target.size_gib && true",
        "this must be true or false, it is a whole number (character 1)",
    );
    check_error("!target.id", "this must be true or false, it is a text (character 2)");
    check_error(
        "now - now",
        "a condition must be true or false, the result of this is a duration (character 1)",
    );
    check_error(
        "[true].filter(x, x)",
        "a condition must be true or false, the result of this is a list (character 1)",
    );
}

#[test]
fn what_is_not_cel_is_told_with_its_place() {
    check_error("", "the condition ends here, expected a value (character 1)");
    check_error("target.id ==", "the condition ends here, expected a value (character 13)");
    check_error(
        "true and false",
        "unexpected `and`, expected an operator (character 6); CEL writes `&&`",
    );
    check_error("not true", "unexpected `true`, expected the end (character 5); CEL writes `!`");
    check_error("true ||\n || true", "unexpected `||`, expected a value (character 10)");
    check_error("\"é\" = \"é\"", "unexpected `=` (character 5); `==` compares");
    check_error("true & true", "unexpected `&` (character 6); `&&` is \"and\"");
    check_error("true | true", "unexpected `|` (character 6); `||` is \"or\"");
    check_error(
        "tags.a == “x”",
        "unexpected `“` (character 11); texts are in straight quotes: `\"text\"`",
    );
    check_error("tags.a == \"x", "the text that begins here has no end (character 11)");
    check_error("tags.a == '''x''", "the text that begins here has no end (character 11)");
    check_error("tags.a == \"\\d\"", "`\\` here is no escape: write `\\\\` (character 12)");
    check_error("tags.a == \"\\x4\"", "this escape needs 2 digits (character 12)");
    check_error("b\"x\" == b\"y\"", "a condition has no use for bytes (character 1)");
    check_error("Disk{id: 1}", "there is no type `Disk` to build (character 1)");
    check_error("target.?iops == 1", "unsupported syntax '.?' (character 7)");
}

#[test]
fn texts_are_read_as_cel_reads_them() {
    check_all(
        &[
            r#""a\"b" == 'a"b' && "\x41\u0041\101" == "AAA""#,
            r#"r"a\"  == 'a\\'"#,
            r#"'''it's''' == "it's" && """a"b""" == 'a"b'"#,
            "\"(((((((((((((((\" != \"\" // ((((((((((((((((((\n",
            "r'''\\''' == \"\\\\\" && '' == \"\" && true",
            "\"line\\nbreak\" == '''line\nbreak'''",
        ],
        &Selected::Yes,
    );
}

#[test]
fn hostile_texts_are_refused() {
    let nested = |count: usize| format!("{}true{}", "(".repeat(count), ")".repeat(count));
    check_error(&nested(8), "no error");
    check_error(&nested(9), "more than 8 brackets are open here (character 9)");
    for text in ["(", "[", "{", "f(", "a[", "[].all(x,"] {
        let error = Condition::parse(text.repeat(400)).unwrap_err().message;
        assert_eq!(error, "more than 8 brackets are open here", "{text}");
    }
    for text in [".a", "+1", "<1", "[0]", ".f()", "?1:1", " in []", "-", "!", "- -", "||a"] {
        let error = Condition::parse(format!("a{}", text.repeat(600))).unwrap_err().message;
        assert_eq!(error, "a condition has at most 500 words and signs", "{text}");
    }
    for text in [".a", "+1", "<1", "[0]", ".f()"] {
        let error = Condition::parse(format!("a{}", text.repeat(100))).unwrap_err().message;
        assert_eq!(error, "more than 24 operators apply to each other's results", "{text}");
    }
    check_error(&"a".repeat(4097), "a condition has at most 4096 bytes, this one has 4097");
    check_error(
        "[1].all(x, [1].all(y, [1].all(z, true)))",
        "more than 2 loops are in each other here (character 23)",
    );
    check_error(
        "target.id.matches(\"(a{1000}){1000}\")",
        "this is not a regular expression: it is too big (character 19)",
    );
    let ids: Vec<String> = (0..200).map(|n| format!("\"vol-{n:08}\"")).collect();
    check_error(&format!("target.id in [{}]", ids.join(",")), "no error");
}

#[test]
fn the_deepest_condition_that_is_accepted_is_evaluated() {
    let chain = format!("0{} == 22", "+1".repeat(22));
    check(&chain, Selected::Yes);
    assert!(Condition::parse(format!("0{} == 23", "+1".repeat(23))).is_err());
    let choices = format!("{}[[1]].exists(x, x.exists(y, y == 1))", "false ? false : ".repeat(17));
    check(&choices, Selected::Yes);
    let either = ["target.size_gib == 11"; 80].join(" || ");
    check(&either, Selected::No);
}

#[test]
fn durations_and_times_out_of_range_are_no_panic() {
    for source in [
        r#"now + duration("2562047h") > now"#,
        r#"timestamp("9999-12-31T23:59:59Z") + duration("2562047h") > now"#,
        r#"timestamp("0001-01-01T00:00:00Z") - duration("2562047h") > now"#,
        r#"duration("2562047h") + duration("2562047h") > duration("0")"#,
        "-9223372036854775807 - 2 > 0",
        "9223372036854775807 * 2 > 0",
        "int(1e300) > 0",
        "uint(-1) > 0u",
    ] {
        answer(source, None);
    }
}

#[test]
fn is_stored_as_its_text() {
    let source = "target.size_gib >= 10  // large";
    let condition = Condition::parse(source).unwrap();
    let json = serde_json::to_string(&condition).unwrap();
    assert_eq!(json, format!("\"{source}\""));
    assert_eq!(serde_json::from_str::<Condition>(&json).unwrap(), condition);
    let error = serde_json::from_str::<Condition>("\"1 +\"").unwrap_err().to_string();
    assert!(
        error.starts_with("the condition ends here, expected a value (character 4)"),
        "{error}"
    );
}

/// Pieces of conditions, good and bad.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "target",
        ".size_gib",
        "tags",
        "[\"team\"]",
        "now",
        "1",
        "2.5",
        "3u",
        "\"x\"",
        "'é'",
        "true",
        "null",
        " == ",
        " < ",
        " - ",
        " && ",
        " ? ",
        " : ",
        " in ",
        "!",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        "has(",
        ".exists(it, ",
        "size(",
        "\n",
        "//",
        "\"",
        "\\",
        "$",
        "r'",
        "0x",
        "1e",
        "é",
    ])
}

/// Conditions that parse, whose types may or may not fit.
fn expression() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(vec![
        "target.size_gib",
        "target.throughput",
        "target.id",
        "target.state",
        "target.started_at",
        "target.attachments",
        "target.names",
        "target.labels",
        "target.main",
        "target.iops",
        "tags",
        "tags.team",
        "tags.nope",
        "now",
        "region",
        "1",
        "2.5",
        "3u",
        "\"in-use\"",
        "true",
        "null",
        "[1, 2]",
        "[]",
        "{\"a\": 1}",
        "duration(\"1h\")",
    ]);
    let sign = prop::sample::select(vec![
        "==", "!=", "<", ">=", "+", "-", "*", "/", "%", "&&", "||", "in",
    ]);
    let function = prop::sample::select(vec![
        "size",
        "int",
        "uint",
        "double",
        "string",
        "bool",
        "timestamp",
        "duration",
        "dyn",
        "-",
        "!",
    ]);
    let method = prop::sample::select(vec![
        "size()",
        "getHours()",
        "startsWith(\"x\")",
        "matches(\"x\")",
        "exists(it, it == \"x\")",
        "all(it, it.device != \"\")",
        "map(it, [it])",
        "filter(it, it < now)",
        "device",
    ]);
    atom.prop_map(str::to_owned).prop_recursive(3, 8, 2, move |inner| {
        prop_oneof![
            4 => (inner.clone(), sign.clone(), inner.clone())
                .prop_map(|(one, sign, other)| format!("({one} {sign} {other})")),
            2 => (function.clone(), inner.clone()).prop_map(|(name, it)| format!("{name}({it})")),
            2 => (inner.clone(), method.clone()).prop_map(|(it, method)| format!("{it}.{method}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(it, at)| format!("{it}[{at}]")),
            1 => (inner.clone(), inner.clone(), inner)
                .prop_map(|(it, yes, no)| format!("({it} ? {yes} : {no})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_sequence_of_tokens_panics(pieces in prop::collection::vec(piece(), 0..10)) {
        if let Ok(condition) = Condition::parse(pieces.concat()) {
            let _ = condition.check(&Fields::of::<Disk>());
            answer(condition.as_str(), Some(&tags()));
        }
    }

    #[test]
    fn no_text_panics(text in r#"[a-z0-9"'(){}\[\].,:?!<>=&|+*/%\\ -]{0,40}"#) {
        let _ = Condition::parse(text);
    }

    #[test]
    fn what_passes_the_check_has_types_that_fit(source in expression()) {
        let Ok(condition) = Condition::parse(source.as_str()) else { return Ok(()) };
        if condition.check(&Fields::of::<Disk>()).is_ok()
            && !source.contains("dyn(")
            && let Selected::Unknown(reason) = answer(&source, Some(&tags()))
        {
            for misfit in ["overload", "Undeclared", "Unsupported", "compared", "Unexpected type", "Cannot use"] {
                prop_assert!(!reason.contains(misfit), "{}: {}", source, reason);
            }
        }
    }
}
