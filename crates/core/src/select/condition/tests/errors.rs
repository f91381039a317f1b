//! What parsing and checking refuse, and in which words.

use super::*;

/// The error of parsing or checking, as one line.
#[track_caller]
fn check_error(source: &str, expected: &str) {
    let checked = Condition::parse(source).and_then(|it| it.check(&Fields::of::<Disk>()));
    let message = checked.map_or_else(|error| error.to_string(), |()| "no error".to_owned());
    assert_eq!(message, expected, "{source}");
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
    check_error("[1].exists(it, it == 1) && it == 1", "there is no variable `it` (character 28)");
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
        "\"gone\" != target.state",
        "`gone` is never its value, that is one of `in-use`, `available` (character 1)",
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
    check_error(
        "(true ? 1 : \"x\") == 1",
        "this is either a whole number or a text, which are not alike (character 2)",
    );
    check_error(
        "size([1] + [\"x\"]) == 2",
        "the values of these lists are not alike (character 6)",
    );
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
