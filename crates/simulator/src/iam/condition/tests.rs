//! Each operator by tables, with the examples of AWS's documentation.

use super::*;

const YES: Truth = Some(true);
const NO: Truth = Some(false);
const OPEN: Truth = None;

/// What is in the request, of the one key `service:key`.
enum Request<'a> {
    Missing,
    One(&'a str),
    Several(&'a [&'a str]),
}
use Request::{Missing, One, Several};

fn parse(operator: &str, values: &[&str]) -> Result<Condition, String> {
    Condition::parse(operator, "Service:Key", values.iter().copied(), Version::V2012)
}

#[track_caller]
fn check(operator: &str, values: &[&str], rows: &[(Request<'_>, Truth)]) {
    let condition = parse(operator, values).unwrap();
    for (request, wanted) in rows {
        let context = Context::default().with("aws:username", "Ann");
        let (context, shown) = match request {
            Missing => (context, "nothing".to_owned()),
            One(value) => (context.with("service:key", *value), format!("`{value}`")),
            Several(values) => {
                (context.with_all("SERVICE:KEY", values.iter().copied()), format!("{values:?}"))
            }
        };
        assert_eq!(condition.holds(&context), *wanted, "`{operator}` {values:?} of {shown}");
    }
}

#[test]
fn strings() {
    check(
        "StringEquals",
        &["iamuser-admin", "a*"],
        &[
            (One("iamuser-admin"), YES),
            (One("a*"), YES),
            (One("ab"), NO),
            (One("IAMuser-admin"), NO),
            (One(""), NO),
            (Missing, NO),
        ],
    );
    check(
        "StringNotEquals",
        &["a", "b*"],
        &[(One("a"), NO), (One("A"), YES), (One("b*"), NO), (One("bc"), YES), (Missing, YES)],
    );
    check(
        "StringEqualsIgnoreCase",
        &["Prod", "${aws:username}"],
        &[(One("pROD"), YES), (One("anN"), YES), (One("Pro"), NO), (Missing, NO)],
    );
    check(
        "StringNotEqualsIgnoreCase",
        &["Prod", "Test"],
        &[(One("pROD"), NO), (One("test"), NO), (One("dev"), YES), (Missing, YES)],
    );
    check(
        "StringLike",
        &["", "home/", "home/${aws:username}/"],
        &[
            (One(""), YES),
            (One("home/"), YES),
            (One("home/Ann/"), YES),
            (One("home/Bob/"), NO),
            (One("home/ann/"), NO),
            (Missing, NO),
        ],
    );
    check(
        "StringLike",
        &["t1.*", "m3.?"],
        &[(One("t1.micro"), YES), (One("m3.x"), YES), (One("m3.xl"), NO), (One("T1.micro"), NO)],
    );
    check(
        "StringNotLike",
        &["t1.*", "t2.*"],
        &[(One("t2.x"), NO), (One("m"), YES), (Missing, YES)],
    );
}

#[test]
fn numbers() {
    check(
        "NumericLessThanEquals",
        &["10"],
        &[
            (One("9"), YES),
            (One("10"), YES),
            (One("10.0"), YES),
            (One("10.5"), NO),
            (One("-11"), YES),
            (One("ten"), NO),
            (Missing, NO),
        ],
    );
    check("NumericLessThan", &["10"], &[(One("10"), NO), (One("9.9"), YES)]);
    check("NumericGreaterThan", &["10"], &[(One("10"), NO), (One("10.1"), YES), (One("9"), NO)]);
    check("NumericGreaterThanEquals", &["10"], &[(One("10"), YES), (One("9.9"), NO)]);
    check("NumericEquals", &["1", "2.50"], &[(One("2.5"), YES), (One("1"), YES), (One("3"), NO)]);
    check(
        "NumericNotEquals",
        &["1", "2"],
        &[(One("2.0"), NO), (One("3"), YES), (Missing, YES), (One("three"), OPEN)],
    );
    // Any of several bounds is enough.
    check("NumericGreaterThan", &["10", "100"], &[(One("50"), YES), (One("5"), NO)]);
}

#[test]
fn dates() {
    check(
        "DateGreaterThan",
        &["2020-01-01T00:00:01Z"],
        &[
            (One("2020-01-01T00:00:01Z"), NO),
            (One("2020-01-01T00:00:02Z"), YES),
            (One("2020-01-01T01:00:02+01:00"), YES),
            (One("2020-01-01T01:00:01+01:00"), NO),
            (One("1577836802"), YES),
            (One("1577836801"), NO),
            (One("2020-01-02"), YES),
            (One("2020-01-01"), NO),
            (One("soon"), NO),
            (Missing, NO),
        ],
    );
    check("DateLessThan", &["2020-01-01"], &[(One("1577836799"), YES), (One("1577836800"), NO)]);
    check("DateLessThanEquals", &["1577836800"], &[(One("2020-01-01"), YES)]);
    check("DateGreaterThanEquals", &["1577836800"], &[(One("2020-01-01"), YES)]);
    check("DateEquals", &["2020-01-01T00:00Z"], &[(One("2020-01-01"), YES), (One("99999"), NO)]);
    check(
        "DateNotEquals",
        &["2020-01-01"],
        &[(One("1577836800"), NO), (One("1577836801"), YES), (Missing, YES), (One("soon"), OPEN)],
    );
}

#[test]
fn booleans() {
    check(
        "Bool",
        &["false"],
        &[
            (One("false"), YES),
            (One("False"), YES),
            (One("true"), NO),
            (One("0"), NO),
            (Missing, NO),
        ],
    );
    check("Bool", &["TRUE"], &[(One("true"), YES), (One("false"), NO)]);
    check("BoolIfExists", &["true"], &[(Missing, YES), (One("true"), YES), (One("false"), NO)]);
}

#[test]
fn null_asks_whether_the_key_is_missing() {
    let present = [One("x"), One(""), Several(&["x", "y"])];
    for request in present {
        check("Null", &["false"], &[(request, YES)]);
    }
    for request in [One("x"), One(""), Several(&["x", "y"])] {
        check("Null", &["true"], &[(request, NO)]);
    }
    check("Null", &["true"], &[(Missing, YES), (Several(&[]), YES)]);
    check("Null", &["false"], &[(Missing, NO), (Several(&[]), NO)]);
    check("Null", &["false", "true"], &[(Missing, YES), (One("x"), YES)]);
}

#[test]
fn arns() {
    let topic = "arn:aws:sns:eu-west-1:123456789012:orders";
    for operator in ["ArnEquals", "ArnLike"] {
        check(operator, &[topic], &[(One(topic), YES), (One("orders"), NO), (Missing, NO)]);
        check(
            operator,
            &["arn:aws:sns:*:123456789012:*", "arn:aws:sqs:*:*:*"],
            &[
                (One(topic), YES),
                (One("arn:aws:sqs:r:1:q"), YES),
                (One("arn:aws:sns:r:1:x:123456789012:q"), NO),
                (One("ARN:aws:sns:eu-west-1:123456789012:orders"), NO),
            ],
        );
    }
    for operator in ["ArnNotEquals", "ArnNotLike"] {
        check(
            operator,
            &["arn:aws:sns:*:123456789012:*", "arn:aws:sqs:*:*:*"],
            &[
                (One(topic), NO),
                (One("arn:aws:sqs:r:1:q"), NO),
                (One("arn:aws:sns:r:1:q"), YES),
                (Missing, YES),
            ],
        );
    }
    check(
        "ArnLike",
        &["arn:aws:iam::1:user/${aws:username}"],
        &[(One("arn:aws:iam::1:user/Ann"), YES)],
    );
}

#[test]
fn if_exists_lets_a_missing_key_pass_and_nothing_else() {
    check(
        "StringLikeIfExists",
        &["t1.*", "t2.*", "m3.*"],
        &[(Missing, YES), (One("t2.micro"), YES), (One("c5.large"), NO)],
    );
    check("StringNotEqualsIfExists", &["a"], &[(Missing, YES), (One("a"), NO), (One("b"), YES)]);
    check("NumericLessThanIfExists", &["1"], &[(Missing, YES), (One("2"), NO)]);
    check("ArnLikeIfExists", &["arn:aws:iam::1:*"], &[(Missing, YES), (One("x"), NO)]);
}

#[test]
fn every_value_of_the_request_must_match() {
    check(
        "ForAllValues:StringLike",
        &["PostDateTime", "Message", "Tags"],
        &[
            (Several(&["PostDateTime", "Message"]), YES),
            (Several(&["PostDateTime", "UserName"]), NO),
            (One("Tags"), YES),
            (One("ID"), NO),
            (Missing, YES),
            (Several(&[""]), YES),
            (Several(&["", "Tags"]), NO),
        ],
    );
    check(
        "ForAllValues:StringNotEquals",
        &["DataClass", "Owner"],
        &[
            (Missing, YES),
            (Several(&["DataClass", "Owner"]), NO),
            (Several(&["DataClass", "Dept"]), NO),
            (Several(&["Dept"]), YES),
        ],
    );
    check("ForAllValues:StringEqualsIfExists", &["a"], &[(Missing, YES), (Several(&["b"]), NO)]);
}

#[test]
fn one_value_of_the_request_is_enough() {
    check(
        "ForAnyValue:StringLike",
        &["ID", "PostDateTime"],
        &[
            (Several(&["UserName", "Message", "PostDateTime"]), YES),
            (Several(&["UserName"]), NO),
            (One("ID"), YES),
            (Missing, NO),
            (Several(&[""]), NO),
        ],
    );
    check(
        "ForAnyValue:StringNotEquals",
        &["DataClass", "Owner"],
        &[
            (Missing, NO),
            (Several(&["DataClass", "Owner"]), NO),
            (Several(&["DataClass", "Dept"]), YES),
        ],
    );
    check("ForAnyValue:StringEqualsIfExists", &["a"], &[(Missing, OPEN), (Several(&["b"]), NO)]);
    check("ForAnyValue:Bool", &["true"], &[(Several(&["false", "true"]), YES)]);
}

#[test]
fn keys_with_several_values_need_a_set_operator() {
    for operator in ["StringEquals", "StringNotEquals", "StringLikeIfExists"] {
        check(operator, &["a"], &[(Several(&["a"]), OPEN), (Several(&["b", "c"]), OPEN)]);
    }
}

#[test]
fn a_variable_without_a_value_matches_nothing() {
    let values = &["${aws:userid}", "other"];
    check("StringEquals", values, &[(One(""), NO), (One("other"), YES), (One("x"), NO)]);
    check("StringNotEquals", values, &[(One("other"), NO), (One("x"), OPEN), (Missing, YES)]);
    check("StringEquals", &["${aws:userid, 'anonymous'}"], &[(One("anonymous"), YES)]);
}

#[test]
fn what_is_no_condition_is_refused() {
    for operator in [
        "StringMatches",
        "stringEquals",
        "String",
        "StringNot",
        "StringNotNotEquals",
        "StringLikeIgnoreCase",
        "ArnEqualsIgnoreCase",
        "NumericNotLessThan",
        "NumericLike",
        "DateNotLike",
        "NotBool",
        "BoolNotEquals",
        "NullIfExists",
        "ForAnyValue:Null",
        "ForAllValues:",
        "ForAnyValue:ForAllValues:StringEquals",
        "ForSomeValues:StringEquals",
        "StringEqualsIfExistsIfExists",
        "IpAddress",
        "NotIpAddress",
        "BinaryEquals",
        "",
    ] {
        let wanted = format!("`{operator}` is not a condition operator");
        assert_eq!(parse(operator, &["true"]), Err(wanted));
    }
    for (operator, value, wanted) in [
        ("Bool", "yes", "`yes` is not `true` or `false`"),
        ("Bool", "${aws:x}", "`${aws:x}` is not `true` or `false`"),
        ("Null", "", "`` is not `true` or `false`"),
        ("NumericEquals", "ten", "`ten` is not a number"),
        ("NumericEquals", "NaN", "`NaN` is not a number"),
        ("NumericEquals", "inf", "`inf` is not a number"),
        ("DateEquals", "2020", "`2020` is not a date such as `2026-01-31T00:00:00Z`"),
        (
            "DateEquals",
            "2020-01-01T10:00:00",
            "`2020-01-01T10:00:00` is not a date such as `2026-01-31T00:00:00Z`",
        ),
        ("ArnLike", "*", "`*` is not an ARN: it needs six parts between colons"),
        ("StringEquals", "${x}", "`${x}` in `${x}` is not a policy variable"),
    ] {
        assert_eq!(parse(operator, &[value]), Err(wanted.to_owned()), "`{operator}`");
    }
    for key in ["TagKeys", ":TagKeys", "aws:", ""] {
        let wanted = format!("`{key}` is not a condition key, such as `aws:RequestTag/Name`");
        let found = Condition::parse("Null", key, ["true"].into_iter(), Version::V2012);
        assert_eq!(found, Err(wanted));
    }
}
