//! What it costs to decide about one resource, and to read a condition.

use divan::{Bencher, black_box};
use jiff::Timestamp;
use lamplighter_core::{
    Tags,
    select::{Candidate, Condition, Fields, Selected, Selection},
};
use schemars::JsonSchema;
use serde_json::json;

/// A disk, as a resource type describes it.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is of interest")]
struct Disk {
    id: String,
    size_gib: u32,
    state: String,
    started_at: Timestamp,
}

fn main() {
    divan::main();
}

const TAGS: &str = r#"{"tags": {"backup": "daily", "stage": ["prod", "preprod"], "team": "plat*", "ignore": null}}"#;

#[divan::bench(args = [
    r#"{"tags": {"backup": "weekly"}, "where": "target.size_gib >= 10"}"#,
    TAGS,
    r#"{"where": "target.size_gib >= 10"}"#,
    r#"{"where": "target.size_gib >= 10 && target.state == \"in-use\""}"#,
    r#"{"where": "now - target.started_at > duration(\"24h\")"}"#,
    r#"{"where": "target.id.matches(\"^vol-[0-9a-f]+$\") && tags.team in [\"platform\", \"data\"]"}"#,
])]
fn decide(bencher: Bencher<'_, '_>, selection: &str) {
    let selection: Selection = serde_json::from_str(selection).expect("a valid selection");
    let tags: Tags = [
        ("Name", "database"),
        ("backup", "daily"),
        ("cost-center", "4711"),
        ("stage", "prod"),
        ("team", "platform"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    let target = json!({
        "id": "vol-0123456789abcdef0", "size_gib": 100, "state": "in-use",
        "started_at": "2026-03-27T02:00:00Z",
    });
    let fields = Fields::of::<Disk>();
    let account = "111122223333".parse().expect("an account");
    let region = "eu-west-1".parse().expect("a region");
    let now = "2026-03-29T02:00:00Z".parse().expect("a time");
    bencher.bench_local(|| {
        let candidate = Candidate {
            target: &target,
            fields: &fields,
            tags: Some(&tags),
            account: &account,
            region: &region,
        };
        let selected = black_box(&selection).selects(black_box(&candidate), now);
        assert!(!matches!(selected, Selected::Unknown(_)));
        selected
    });
}

#[divan::bench]
fn parse() -> Condition {
    Condition::parse(black_box("target.size_gib >= 10 && target.state == \"in-use\""))
        .expect("a valid condition")
}
