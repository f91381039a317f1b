use lamplighter_core::action::TASK_TAG;
use lamplighter_testkit::{World, conforms};
use serde_json::json;

use super::*;

const OURS: [(&str, &str); 1] = [(TASK_TAG, "nightly")];

fn world() -> World {
    World::new()
        .snapshot("snap-a", "vol-a", 3, OURS)
        .snapshot("snap-b", "vol-a", 2, OURS)
        .snapshot("snap-c", "vol-a", 1, OURS)
        .snapshot("snap-x", "vol-a", 9, [])
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&DeleteSnapshot, json!({ "keep": { "last": 1 } }), world);
}
