use proptest::prelude::*;
use serde_json::{Value as Json, from_value, json};

use super::*;
use crate::dynamodb::value::Item;

/// The item of most tests.
fn item() -> Item {
    from_value(json!({
        "id": {"S": "job-1"},
        "n": {"N": "5"},
        "b": {"B": "AAEC"},
        "yes": {"BOOL": true},
        "nil": {"NULL": true},
        "tags": {"SS": ["a", "b"]},
        "elems": {"L": [{"N": "1"}, {"S": "two"}, {"M": {"k": {"S": "v"}}}]},
        "doc": {"M": {"a": {"N": "1"}, "in": {"M": {"x": {"S": "y"}}}}},
    }))
    .unwrap()
}

fn values() -> BTreeMap<String, Value> {
    from_value(json!({
        ":five": {"N": "5.0"},
        ":six": {"N": "6"},
        ":job": {"S": "job"},
        ":id": {"S": "job-1"},
        ":a": {"S": "a"},
        ":ss": {"SS": ["a", "c"]},
        ":list": {"L": [{"N": "9"}]},
        ":bytes": {"B": "AAE="},
        ":kind": {"S": "SS"},
        ":map": {"M": {}},
        ":true": {"BOOL": true},
    }))
    .unwrap()
}

fn names() -> BTreeMap<String, String> {
    [("#n", "n"), ("#in", "in"), ("#dot", "a.b")].map(|(a, b)| (a.to_owned(), b.to_owned())).into()
}

/// `None`: it is refused.
fn holds(text: &str) -> Option<bool> {
    let (names, values) = (names(), values());
    let placeholders = Placeholders::new(&names, &values).unwrap();
    placeholders.condition("ConditionExpression", text).ok().map(|it| it.holds(&item()))
}

#[track_caller]
fn check(text: &str, expected: Option<bool>) {
    assert_eq!(holds(text), expected, "{text}");
}

#[test]
fn values_are_compared() {
    check("n = :five", Some(true));
    check("n <> :five", Some(false));
    check("#n < :six AND n <= :five AND n >= :five", Some(true));
    check("n > :five", Some(false));
    check("n = :id", Some(false));
    check("n < :id", Some(false));
    check("absent = :five", Some(false));
    check("absent <> :five", Some(true));
    check("absent < :five", Some(false));
    check("n BETWEEN :five AND :six", Some(true));
    check("n BETWEEN :six AND :five", None);
    check("n IN (:six, :five)", Some(true));
    check("n IN (:six)", Some(false));
    check("doc.#in.x = :a", Some(false));
    check("elems[2].k <> :a", Some(true));
    check("elems[9] = :a", Some(false));
    check("yes = :true", Some(true));
    check("yes < :true", None);
    check("n = n", None);
}

#[test]
fn functions_look_at_values() {
    check("attribute_exists(id) and attribute_not_exists(misc)", Some(true));
    check("attribute_not_exists(doc.a)", Some(false));
    check("attribute_exists(#dot)", Some(false));
    check("attribute_type(tags, :kind)", Some(true));
    check("attribute_type(tags, :job)", None);
    check("begins_with(id, :job)", Some(true));
    check("begins_with(b, :bytes)", Some(true));
    check("begins_with(id, :five)", None);
    check("contains(tags, :a) AND contains(id, :job)", Some(true));
    check("contains(elems, :five)", Some(false));
    check("size(tags) < :five", Some(true));
    check("size(id) = :five", Some(true));
    check("size(n) > :five", Some(false));
    check("size(tags)", None);
    check("like(id, :job)", None);
    check("attribute_exists(id, n)", None);
    check("attribute_exists(:id)", None);
}

#[test]
fn not_binds_more_than_and_and_that_more_than_or() {
    check("id = :id OR id = :a AND id = :a", Some(true));
    check("(id = :id OR id = :a) AND id = :a", Some(false));
    check("NOT id = :a AND n = :five", Some(true));
    check("NOT (id = :id AND n = :six)", Some(true));
    check("NOT NOT id = :id", Some(true));
    check("((id = :id))", None);
    check("(id = :id) AND (n = :five)", Some(true));
}

#[test]
fn what_is_no_condition_is_refused() {
    for wrong in [
        "",
        " ",
        "id",
        "id =",
        "= :id",
        "id = :id AND",
        "id = :none",
        "#none = :id",
        "id = :id)",
        "(id = :id",
        "id == :id",
        "id = 'x'",
        "id = 5",
        "status = :id",
        "Name = :id",
        "_id = :id",
        "id ? :id",
        "elems[-1] = :id",
        "elems[x] = :id",
        "id = :id id",
        "9id = :id",
    ] {
        check(wrong, None);
    }
    check(&format!("id = :id{}", " ".repeat(4096)), None);
}

/// What the item becomes, as a list of what is new; `None`: it is refused.
fn update(text: &str) -> Option<Json> {
    let (names, values) = (names(), values());
    let placeholders = Placeholders::new(&names, &values).unwrap();
    let (old, update) = (item(), placeholders.update(text).ok()?);
    let new = update.apply(&old).ok()?;
    let mut changes = serde_json::Map::new();
    for name in old.keys().chain(new.keys()) {
        if old.get(name) != new.get(name) {
            changes.insert(name.clone(), serde_json::to_value(new.get(name)).unwrap());
        }
    }
    Some(Json::Object(changes))
}

#[track_caller]
fn becomes(text: &str, expected: Json) {
    let expected = Some(expected).filter(|it| !it.is_null());
    assert_eq!(update(text), expected, "{text}");
}

#[test]
fn attributes_are_set() {
    becomes("SET id = :a", json!({"id": {"S": "a"}}));
    becomes("set n = n + :five, m = n - :six", json!({"n": {"N": "10"}, "m": {"N": "-1"}}));
    becomes("SET m = if_not_exists(m, :six) + :five", json!({"m": {"N": "11"}}));
    becomes("SET n = if_not_exists(n, :six)", json!({}));
    becomes("SET m = absent", Json::Null);
    becomes("SET m = id + :five", Json::Null);
    becomes("SET m = :a + :five", Json::Null);
    becomes(
        "SET doc.c = :a",
        json!({"doc": {"M": {"a": {"N": "1"}, "c": {"S": "a"}, "in": {"M": {"x": {"S": "y"}}}}}}),
    );
    becomes("SET absent.c = :a", Json::Null);
    becomes("SET id.c = :a", Json::Null);
    becomes(
        "SET elems[0] = :a, elems[7] = :six REMOVE elems[2]",
        json!({"elems": {"L": [{"S": "a"}, {"S": "two"}, {"N": "6"}]}}),
    );
    becomes(
        "SET m = list_append(:list, list_append(:list, :list))",
        json!({"m": {"L": [{"N": "9"}, {"N": "9"}, {"N": "9"}]}}),
    );
    becomes("SET m = list_append(:a, :list)", Json::Null);
    becomes("SET n = id, id = n", json!({"n": {"S": "job-1"}, "id": {"N": "5"}}));
}

#[test]
fn attributes_are_removed() {
    becomes("REMOVE n, absent", json!({"n": null}));
    becomes("REMOVE elems[0], elems[1]", json!({"elems": {"L": [{"M": {"k": {"S": "v"}}}]}}));
    becomes("REMOVE absent.a", Json::Null);
}

#[test]
fn numbers_and_sets_are_added_to() {
    becomes("ADD n :five, m :five", json!({"n": {"N": "10"}, "m": {"N": "5"}}));
    becomes("ADD tags :ss", json!({"tags": {"SS": ["a", "b", "c"]}}));
    becomes("ADD id :five", Json::Null);
    becomes("ADD n :a", Json::Null);
    becomes("ADD doc.a :five", Json::Null);
    becomes("DELETE tags :ss", json!({"tags": {"SS": ["b"]}}));
    becomes("DELETE absent :ss", json!({}));
    becomes("DELETE n :five", Json::Null);
}

#[test]
fn what_is_no_update_is_refused() {
    for wrong in [
        "",
        "SET",
        "SET id",
        "SET id = ",
        "id = :a",
        "SET id = :a SET n = :five",
        "SET id = :a,",
        "SET id = :a, id = :id",
        "SET doc = :map, doc.a = :a",
        "SET doc.a = :a REMOVE doc[0]",
        "SET n = n + n + n",
        "SET n = size(id)",
        "SET status = :a",
        "REMOVE :a",
        "ADD n n",
        "SET id = :a AND n = :five",
        "SET n = ((n))",
    ] {
        becomes(wrong, Json::Null);
    }
}

#[test]
fn answers_have_what_is_asked_for() {
    let names = names();
    let values = BTreeMap::new();
    let placeholders = Placeholders::new(&names, &values).unwrap();
    let project = |text: &str| {
        let paths = placeholders.projection(text).ok()?;
        Some(serde_json::to_value(Path::project(&paths, &item())).unwrap())
    };
    let two = project("elems[2].k, elems[0], doc.#in, id, absent, n.x");
    let expected = json!({
        "id": {"S": "job-1"},
        "elems": {"L": [{"N": "1"}, {"M": {"k": {"S": "v"}}}]},
        "doc": {"M": {"in": {"M": {"x": {"S": "y"}}}}},
    });
    assert_eq!(two, Some(expected));
    for wrong in ["", "id,", "id id", "doc, doc.a", ":id", "id, id"] {
        assert_eq!(project(wrong), None, "{wrong}");
    }
}

#[test]
fn every_placeholder_is_used() {
    let (names, values) = (names(), values());
    let placeholders = Placeholders::new(&names, &values).unwrap();
    assert!(placeholders.check_used().is_err());
    let wrong = |name: &str| [(name.to_owned(), "n".to_owned())].into();
    for name in ["n", "#", "#a b", ":n"] {
        assert!(Placeholders::new(&wrong(name), &BTreeMap::new()).is_err(), "{name}");
    }
    let (one, none) = (wrong("#x"), BTreeMap::new());
    let placeholders = Placeholders::new(&one, &none).unwrap();
    placeholders.projection("#x").unwrap();
    assert_eq!(placeholders.check_used(), Ok(()));
}

/// A condition as it is written, how much it binds (2: a test, 1: `AND`, 0: `OR`), and whether
/// it holds.
fn conditions() -> impl Strategy<Value = (String, u8, bool)> {
    let leaves = [
        ("attribute_exists(id)", true),
        ("attribute_exists(nobody)", false),
        ("n = :five", true),
        ("n > :six", false),
        ("n BETWEEN :five AND :six", true),
        ("id IN (:a, :job)", false),
    ];
    let leaf = prop::sample::select(leaves.to_vec());
    let leaf = leaf.prop_map(|(text, holds)| (text.to_owned(), 2, holds));
    let guard = |(text, binds, _): &(String, u8, bool), least: u8| match *binds < least {
        true => format!("({text})"),
        false => text.clone(),
    };
    leaf.prop_recursive(5, 40, 2, move |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            inner.prop_map(move |it| (format!("NOT {}", guard(&it, 2)), 2, !it.2)),
            two.clone().prop_map(move |(a, b)| {
                (format!("{} and {}", guard(&a, 1), guard(&b, 2)), 1, a.2 && b.2)
            }),
            two.prop_map(move |(a, b)| {
                (format!("{} OR {}", guard(&a, 0), guard(&b, 1)), 0, a.2 || b.2)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn conditions_hold_as_logic_says((text, _, expected) in conditions()) {
        prop_assert_eq!(holds(&text), Some(expected), "{}", text);
    }

    /// Whatever is written, nothing panics.
    #[test]
    fn any_text_is_understood_or_refused(text in "[a-z#:()\\[\\]., =<>+0-9-]{0,40}") {
        let _ = holds(&text);
        let _ = update(&text);
        let _ = update(&format!("SET {text}"));
    }

    #[test]
    fn a_number_is_what_was_added_to_it(numbers in prop::collection::vec(-1000i64..1000, 1..20)) {
        let mut item = Item::new();
        for number in &numbers {
            let value = Value::N(number.to_string().parse().unwrap());
            let (names, values) = (BTreeMap::new(), BTreeMap::from([(":n".to_owned(), value)]));
            let placeholders = Placeholders::new(&names, &values).unwrap();
            item = placeholders.update("ADD sofar :n").unwrap().apply(&item).unwrap();
        }
        let sofar: i64 = numbers.iter().sum();
        prop_assert_eq!(&item["sofar"], &Value::N(sofar.to_string().parse().unwrap()));
    }
}
