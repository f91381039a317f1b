//! What forms become, and what is said about those that become nothing.

use jiff::Timestamp;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct Describe {
    filter: Vec<Filter>,
    volume_id: Vec<VolumeId>,
    tags: Vec<Tag>,
    values_to_add: Option<Vec<String>>,
    max_results: Option<u16>,
    offset: i64,
    ratio: f64,
    dry_run: bool,
    tier: Option<Tier>,
    since: Option<Timestamp>,
    next_token: Option<String>,
    nested: Option<Box<Describe>>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    name: String,
    #[serde(default, alias = "Values")]
    value: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tag {
    key: String,
    value: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct VolumeId(String);

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Tier {
    Standard,
    Archive,
}

#[track_caller]
fn check(body: &str, expected: Describe) {
    assert_eq!(from_form(body), Ok(expected), "{body}");
}

#[track_caller]
fn check_bad(body: &str, code: &str, message: &str) {
    let error = from_form::<Describe>(body).expect_err(body);
    assert_eq!((error.code(), error.to_string().as_str()), (code, message), "{body}");
}

fn texts<T: From<String>>(texts: &[&str]) -> Vec<T> {
    texts.iter().map(|&text| T::from(text.to_owned())).collect()
}

impl From<String> for VolumeId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

fn filter(name: &str, values: &[&str]) -> Filter {
    Filter { name: name.to_owned(), value: texts(values) }
}

fn tag(key: &str, value: Option<&str>) -> Tag {
    Tag { key: key.to_owned(), value: value.map(str::to_owned) }
}

#[test]
fn tells_the_operation_from_its_parameters() {
    let form = parse("Action=DescribeVolumes&Version=2016-11-15&NextToken=t").expect("a form");
    assert_eq!(form.action(), Some("DescribeVolumes"));
    assert_eq!(form.version(), Some("2016-11-15"));
    assert_eq!(
        form.into(),
        Ok(Describe { next_token: Some("t".to_owned()), ..Describe::default() })
    );
    let form = parse("").expect("a form");
    assert_eq!((form.action(), form.version()), (None, None));
}

#[test]
fn joins_what_is_in_the_url_and_in_the_body() {
    let url = b"Action=DescribeVolumes&X-Amz-Credential=AKIA%2F20260101".as_slice();
    let form = parse_all([url, b"Offset=7"]).expect("a form");
    assert_eq!(form.action(), Some("DescribeVolumes"));
    assert_eq!(form.into(), Ok(Describe { offset: 7, ..Describe::default() }));
}

#[test]
fn reads_ec2_lists() {
    check(
        "VolumeId.1=vol-a&VolumeId.2=vol-b&Filter.1.Name=state&Filter.1.Value.1=a&Filter.1.Value.2=b&Filter.2.Name=x",
        Describe {
            volume_id: texts(&["vol-a", "vol-b"]),
            filter: vec![filter("state", &["a", "b"]), filter("x", &[])],
            ..Describe::default()
        },
    );
}

#[test]
fn reads_query_lists() {
    check(
        "Filter.Filter.1.Name=state&Filter.Filter.1.Values.Value.1=a&Filter.Filter.1.Values.Value.2=b\
         &Tags.member.1.Key=k&Tags.member.1.Value=v&Tags.member.2.Key=l\
         &ValuesToAdd.AttributeValue.1=all",
        Describe {
            filter: vec![filter("state", &["a", "b"])],
            tags: vec![tag("k", Some("v")), tag("l", None)],
            values_to_add: Some(texts(&["all"])),
            ..Describe::default()
        },
    );
}

#[test]
fn sorts_indices_as_numbers_with_gaps() {
    check(
        "VolumeId.10=c&VolumeId.4294967295=d&VolumeId.9=b&VolumeId.2=a",
        Describe { volume_id: texts(&["a", "b", "c", "d"]), ..Describe::default() },
    );
}

#[test]
fn reads_empty_lists() {
    let empty = || Describe { values_to_add: Some(Vec::new()), ..Describe::default() };
    check("ValuesToAdd=", empty());
    check("ValuesToAdd", empty());
    check("ValuesToAdd.AttributeValue=", empty());
    check("", Describe::default());
}

#[test]
fn reads_texts_as_what_the_field_is() {
    check(
        "MaxResults=65535&Offset=-9223372036854775808&Ratio=0.5&DryRun=true&Tier=archive\
         &Since=2026-01-01T02:00:00.5%2B02:00&NextToken=",
        Describe {
            max_results: Some(u16::MAX),
            offset: i64::MIN,
            ratio: 0.5,
            dry_run: true,
            tier: Some(Tier::Archive),
            since: Some("2026-01-01T00:00:00.5Z".parse().expect("a time")),
            next_token: Some(String::new()),
            ..Describe::default()
        },
    );
}

#[test]
fn decodes_names_and_values() {
    check(
        "Tags%2E1.Key=a+b%26c&Tags.1.Value=%C3%A9%3D%22",
        Describe { tags: vec![tag("a b&c", Some("é=\""))], ..Describe::default() },
    );
}

#[test]
fn names_the_unknown_parameter() {
    let check = |body: &str, parameter: &str| {
        let message = format!("The parameter {parameter} is not recognized");
        check_bad(body, "UnknownParameter", &message);
    };
    check("Foo=1", "Foo");
    check("Filter.1.Name=a&Filter.1.Nmae=b", "Filter.1.Nmae");
    check("Tags.Tag.2.Key=a&Tags.Tag.2.Colour=b", "Tags.Tag.2.Colour");
    check("Nested.Nested.Foo=b", "Nested.Nested.Foo");
    check("VolumeId.a.1=x&VolumeId.b.1=y", "VolumeId.b");
    check("VolumeId.1=x&VolumeId.b.1=y", "VolumeId.b");
    check("VolumeId.b.1=x&VolumeId.b.c=y", "VolumeId.b.c");
    check("VolumeId.b=x", "VolumeId.b");
    check("VolumeId.0=x", "VolumeId.0");
    check("VolumeId.a.01=x", "VolumeId.a.01");
    check("VolumeId.a.4294967296=x", "VolumeId.a.4294967296");
    check("VolumeId.a.%2B1=x", "VolumeId.a.+1");
    check("VolumeId..1=x", "VolumeId..1");
    check(".VolumeId=x", ".VolumeId");
    check("VolumeId.=x", "VolumeId.");
}

#[test]
fn names_the_missing_parameter() {
    let check = |body: &str, parameter: &str| {
        let message = format!("The request must contain the parameter {parameter}");
        check_bad(body, "MissingParameter", &message);
    };
    check("Filter.3.Value.1=a", "Filter.3.Name");
    check("Nested.Tags.member.1.Value=a", "Nested.Tags.member.1.Key");
}

#[test]
fn says_what_is_wrong_with_a_value() {
    let check = |body: &str, parameter: &str, reason: &str| {
        let message = format!("Invalid value for the parameter {parameter}: {reason}");
        check_bad(body, "InvalidParameterValue", &message);
    };
    check("MaxResults=many", "MaxResults", "`many` is not a whole number from 0");
    check("MaxResults=-1", "MaxResults", "`-1` is not a whole number from 0");
    check("MaxResults=", "MaxResults", "`` is not a whole number from 0");
    check("MaxResults=65536", "MaxResults", "invalid value: integer `65536`, expected u16");
    check("MaxResults.1=5", "MaxResults", "it must be a whole number from 0");
    check("Offset=1.5", "Offset", "`1.5` is not a whole number");
    check("Ratio=half", "Ratio", "`half` is not a number");
    check("DryRun=True", "DryRun", "`True` is not `true` or `false`");
    check("Tier=cold", "Tier", "`cold` is not one of `standard`, `archive`");
    check("Nested.Tier.1=standard", "Nested.Tier", "it must be a text");
    check("VolumeId=vol-1", "VolumeId", "`vol-1` is not a list");
    check("VolumeId.7.Foo=x", "VolumeId.7", "it must be a text");
    check("Filter.1=x", "Filter.1", "it has parameters below it and no value");
    check("Nested=", "Nested", "it has parameters below it and no value");
    check("Offset=1&Offset=1", "Offset", "it is given more than once");
    check("Action=A&Action=B", "Action", "it is given more than once");
    check("Version=A&Version=B", "Version", "it is given more than once");
    check("Filter=&Filter.1.Name=x", "Filter.1.Name", "it is given more than once");
    check("Filter.1.Name=x&Filter=", "Filter", "it is given more than once");
}

#[test]
fn says_that_a_time_is_none() {
    let error = from_form::<Describe>("Since=yesterday").expect_err("no time");
    let BadRequest::BadValue { parameter, .. } = error else { panic!("{error:?}") };
    assert_eq!(parameter, "Since");
}

#[test]
fn refuses_what_is_no_form() {
    let check = |body: &str, reason: &str| {
        let message = format!("The query string contains a syntax error: {reason}");
        check_bad(body, "MalformedQueryString", &message);
    };
    check("=1", "a parameter has no name");
    check(&"X-Amz-Date=1&".repeat(PARAMETERS_MAX + 1), "too many parameters");
    let most = (1..=PARAMETERS_MAX).map(|index| format!("VolumeId.{index}=v&"));
    let most = from_form::<Describe>(&most.collect::<String>()).expect("not too many");
    assert_eq!(most.volume_id.len(), PARAMETERS_MAX);
}

#[test]
fn refuses_names_that_are_too_deep() {
    let deepest = format!("{}Offset=1", "Nested.".repeat(DEPTH_MAX - 1));
    assert!(from_form::<Describe>(&deepest).is_ok());
    let name = format!("{}Offset", "Nested.".repeat(DEPTH_MAX));
    check_bad(
        &format!("{name}=1"),
        "UnknownParameter",
        &format!("The parameter {name} is not recognized"),
    );
}

#[test]
fn passes_over_what_a_tolerant_type_does_not_know() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tolerant {
        offset: u8,
    }
    assert_eq!(from_form("Foo.1.Bar=x&Offset=3&Zap="), Ok(Tolerant { offset: 3 }));
}

fn encode(pairs: impl IntoIterator<Item = (String, String)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(body in "\\PC*") {
        let _ = from_form::<Describe>(&body);
    }

    #[test]
    fn any_path_is_read_or_refused(
        names in prop::collection::vec("(Filter|Nested|Tags|VolumeId|Name|Key|member|1|2|\\.){1,9}", 0..20),
    ) {
        let body = encode(names.into_iter().map(|name| (name, "1".to_owned())));
        let _ = from_form::<Describe>(&body);
    }

    #[test]
    fn lists_come_back_in_the_order_of_their_indices(
        values in prop::collection::btree_map(1u32.., ".*", 0..20),
        name in prop::sample::select(vec!["VolumeId", "VolumeId.member", "VolumeId.VolumeId"]),
        backwards in any::<bool>(),
    ) {
        let mut pairs: Vec<_> =
            values.iter().map(|(index, value)| (format!("{name}.{index}"), value.clone())).collect();
        if backwards {
            pairs.reverse();
        }
        let read: Describe = from_form(&encode(pairs)).expect("a list");
        prop_assert_eq!(read.volume_id, values.into_values().map(VolumeId).collect::<Vec<_>>());
    }
}
