//! What is generated from the source is in the repository as it would be generated now.

use std::collections::{BTreeMap, BTreeSet};

use lamplighter_catalog::{ACTIONS, reference};
use lamplighter_core::events::Name;
use lamplighter_tests::{check_generated, check_generated_part, files};

const PAGES: &str = "docs/actions";

#[test]
fn every_action_has_its_page() {
    for action in ACTIONS {
        let note = "<!-- Generated from the source: see tests/tests/generated.rs. -->";
        let page = format!("{note}\n\n{}", reference(*action));
        check_generated(format!("{PAGES}/{}.md", action.spec().name), &page);
    }
}

#[test]
fn no_page_is_left_over() {
    let known: BTreeSet<&str> = ACTIONS.iter().map(|action| action.spec().name).collect();
    for file in files(&[".md"]).iter().filter(|file| file.starts_with(PAGES)) {
        let name = file.file_stem().and_then(|it| it.to_str()).unwrap_or_default();
        assert!(known.contains(name), "{} is of no action", file.display());
    }
}

#[test]
fn the_schema_for_editors_is_current() {
    let schema = lamplighter_config::schema(ACTIONS);
    let text = serde_json::to_string_pretty(&schema).expect("JSON has a text");
    check_generated("config/schema.json", &(text + "\n"));
}

#[test]
fn the_events_are_listed() {
    let mut table = "| event | |\n| --- | --- |\n".to_owned();
    for name in Name::ALL {
        table.push_str(&format!("| `{name}` | {} |\n", name.meaning()));
    }
    check_generated_part("docs/guide.md", "events", &table);
}

#[test]
fn the_operations_of_the_simulator_are_listed() {
    let mut services = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (service, operation) in lamplighter_simulator::operations() {
        services.entry(service).or_default().insert(operation);
    }
    let mut table = "| service | operations |\n| --- | --- |\n".to_owned();
    for (service, operations) in services {
        let operations = operations.into_iter().collect::<Vec<_>>().join(", ");
        table.push_str(&format!("| `{service}` | {operations} |\n"));
    }
    check_generated_part("docs/simulator.md", "operations", &table);
}
