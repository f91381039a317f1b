//! The schema for editors.

mod support;

use serde_json::Value;

use support::ACTIONS;

#[test]
fn p() {
    println!("{}", serde_json::to_string_pretty(&lamplighter_config::schema(ACTIONS)).unwrap());
}
