//! What values look like as XML, and that a parser reads from it what was written.

use jiff::Timestamp;
use proptest::prelude::*;
use serde::Serialize;

use super::{ListStyle::*, *};

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    volume_set: Vec<Volume>,
    next_token: Option<String>,
}

#[derive(Default, Serialize)]
#[serde(rename = "DBVolume", rename_all = "camelCase")]
struct Volume {
    volume_id: Id,
    size: i32,
    encrypted: Option<bool>,
    state: Option<State>,
    tag_set: Option<Vec<Tag>>,
}

#[derive(Default, Serialize)]
struct Id(&'static str);

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    InUse,
}

#[derive(Serialize)]
struct Tag {
    key: String,
    value: String,
}

#[track_caller]
fn check<T: Serialize>(style: ListStyle, value: T, expected: &str) {
    let mut out = String::new();
    assert_eq!(write_fields(&mut out, style, &value), Ok(()));
    assert_eq!(out, expected);
}

/// The only field of a struct.
#[derive(Serialize)]
struct One<T> {
    x: T,
}

#[track_caller]
fn check_field<T: Serialize>(x: T, expected: &str) {
    check(Item, One { x }, expected);
}

#[track_caller]
fn check_bad<T: Serialize>(style: ListStyle, value: T, expected: &str) {
    let error = write_fields(&mut String::new(), style, &value).expect_err(expected);
    assert_eq!(error.to_string(), format!("{expected} cannot be written as XML"));
}

fn page() -> Page {
    let tag = Tag { key: "team".to_owned(), value: "R&D".to_owned() };
    Page {
        volume_set: vec![
            Volume {
                volume_id: Id("vol-1"),
                size: 8,
                encrypted: Some(false),
                state: Some(State::InUse),
                tag_set: Some(vec![tag]),
            },
            Volume::default(),
        ],
        next_token: Some("more".to_owned()),
    }
}

#[test]
fn writes_lists_as_the_service_does() {
    check(
        Item,
        page(),
        "<volumeSet><item><volumeId>vol-1</volumeId><size>8</size><encrypted>false</encrypted>\
         <state>in-use</state><tagSet><item><key>team</key><value>R&amp;D</value></item></tagSet>\
         </item><item><volumeId></volumeId><size>0</size></item></volumeSet>\
         <nextToken>more</nextToken>",
    );
    check(
        TypeName,
        page(),
        "<volumeSet><DBVolume><volumeId>vol-1</volumeId><size>8</size><encrypted>false</encrypted>\
         <state>in-use</state><tagSet><Tag><key>team</key><value>R&amp;D</value></Tag></tagSet>\
         </DBVolume><DBVolume><volumeId></volumeId><size>0</size></DBVolume></volumeSet>\
         <nextToken>more</nextToken>",
    );
    check(Member, One { x: [1, 2] }, "<x><member>1</member><member>2</member></x>");
    check(Item, One { x: ["a"] }, "<x><item>a</item></x>");
    check(TypeName, One { x: [Id("a"), Id("b")] }, "<x><Id>a</Id><Id>b</Id></x>");
    check(TypeName, One { x: [State::InUse] }, "<x><State>in-use</State></x>");
    check(
        Item,
        One { x: [[1], [2]] },
        "<x><item><item>1</item></item><item><item>2</item></item></x>",
    );
}

#[test]
fn writes_nothing_for_none_and_an_empty_element_for_an_empty_list() {
    check(Item, Page::default(), "<volumeSet></volumeSet>");
    check(Item, None::<Page>, "");
    check(Item, (), "");
    check_field(None::<u8>, "");
    check_field((), "<x></x>");
    check_field(Some(Some(1)), "<x>1</x>");
}

#[test]
fn writes_a_root_with_its_namespace() {
    let mut out = "before".to_owned();
    element(&mut out, "requestId", "a<b");
    write(&mut out, Item, "Answer", "http://x/?a&b", &One { x: 1 }).expect("fields");
    assert_eq!(
        out,
        "before<requestId>a&lt;b</requestId><Answer xmlns=\"http://x/?a&amp;b\"><x>1</x></Answer>"
    );
}

#[test]
fn writes_scalars_as_text() {
    check_field(true, "<x>true</x>");
    check_field((i8::MIN, i16::MIN), "<x><item>-128</item><item>-32768</item></x>");
    check_field(i32::MIN, "<x>-2147483648</x>");
    check_field(i64::MIN, "<x>-9223372036854775808</x>");
    check_field((u8::MAX, u16::MAX), "<x><item>255</item><item>65535</item></x>");
    check_field(u32::MAX, "<x>4294967295</x>");
    check_field(u64::MAX, "<x>18446744073709551615</x>");
    check_field((0.25f32, 1.0f64), "<x><item>0.25</item><item>1</item></x>");
    check_field('<', "<x>&lt;</x>");
    check_field(Timestamp::UNIX_EPOCH, "<x>1970-01-01T00:00:00Z</x>");
    check_field(format_args!("{}{}", "&", 1), "<x>&amp;1</x>");
}

#[test]
fn escapes_what_would_break_the_document() {
    check_field("a & b < c > d \" e ' f", "<x>a &amp; b &lt; c &gt; d &quot; e ' f</x>");
    check_field("&amp;]]>", "<x>&amp;amp;]]&gt;</x>");
    check_field("tab\tline\nreturn\r", "<x>tab\tline\nreturn&#xD;</x>");
    check_field("\0\u{1}\u{1F}\u{FFFE}\u{FFFF}", "<x>\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}</x>");
    check_field("a\u{FFFF}", "<x>a\u{FFFD}</x>");
    check_field("é\u{7F}\u{FEFF}\u{FFFD}😀", "<x>é\u{7F}\u{FEFF}\u{FFFD}😀</x>");
}

/// A special character is found wherever it stands in a text of whatever length.
#[test]
fn escapes_at_every_place() {
    for length in 1..40 {
        for at in 0..length {
            let text: String = (0..length).map(|it| if it == at { '<' } else { 'a' }).collect();
            check_field(&text, &format!("<x>{}</x>", text.replace('<', "&lt;")));
        }
    }
}

#[test]
fn refuses_what_has_no_form() {
    #[derive(Serialize)]
    enum Loaded {
        Newtype(u8),
        Tuple(u8, u8),
        Struct { x: u8 },
    }
    #[derive(Serialize)]
    struct Pair(u8, u8);
    check_bad(Item, One { x: std::collections::BTreeMap::from([(1, 2)]) }, "a map");
    check_bad(Item, One { x: Loaded::Newtype(1) }, "Loaded");
    check_bad(Item, One { x: Loaded::Tuple(1, 2) }, "Loaded");
    check_bad(Item, One { x: Loaded::Struct { x: 1 } }, "Loaded");
    check_bad(Item, One { x: Pair(1, 2) }, "Pair");
    check_bad(TypeName, One { x: ["a"] }, "an element of a list whose type has no name");
    check_bad(TypeName, One { x: [[1]] }, "an element of a list whose type has no name");
    check_bad(Item, "text", "a value that has no fields and is no field");
    check_bad(Item, [1], "a value that has no fields and is no field");
}

/// Undoes [`escape`], as a parser would.
fn unescape(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#xD;", "\r"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

proptest! {
    #[test]
    fn text_comes_back_as_it_was(text in "(\\PC|[&<>\"'\t\n\r\0\u{1F}\u{FFFE}]|amp;){0,40}") {
        let mut out = String::new();
        escape(&mut out, &text);
        let broken = out.contains(['<', '>', '"', '\r', '\0', '\u{1F}', '\u{FFFE}']);
        prop_assert!(!broken);
        let legal = text.replace(['\0', '\u{1F}', '\u{FFFE}', '\u{FFFF}'], "\u{FFFD}");
        prop_assert_eq!(unescape(&out), legal);
    }
}
