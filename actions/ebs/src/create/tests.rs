use lamplighter_testkit::{World, conforms};
use serde_json::{Value, json};

use super::*;

fn world() -> World {
    World::new().volume("vol-a", [("team", "red")]).volume("vol-b", [("team", "blue")])
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&CreateSnapshot, json!({ "copy-tags": ["team"] }), world);
}
