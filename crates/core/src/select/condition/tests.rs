mod errors;
mod laws;

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
    let attachment =
        json!({"device": "/dev/sda", "since": "2026-03-01T00:00:00.25Z", "note": null});
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
            r#"target.main.since == timestamp("2026-03-01T00:00:00.25Z")"#,
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
