//! What is generated from the catalog is in the repository as it would be generated now.
//! `UPDATE_EXPECT=1` writes it.

#![expect(clippy::disallowed_methods, reason = "the generated texts are files")]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use lamplighter_catalog::{ACTIONS, reference};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[track_caller]
fn check(path: &Path, current: &str) {
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::create_dir_all(path.parent().expect("a directory")).expect("a writable directory");
        fs::write(path, current).expect("a writable file");
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(written == current, "{} is out of date: run with UPDATE_EXPECT=1", path.display());
}

#[test]
fn every_action_has_its_page_and_no_page_is_left_over() {
    let directory = repository().join("docs/actions");
    for action in ACTIONS {
        let page = format!(
            "<!-- Generated from the source: see crates/catalog/tests/generated.rs. -->\n\n{}",
            reference(*action)
        );
        check(&directory.join(format!("{}.md", action.spec().name)), &page);
    }
    let known: BTreeSet<String> =
        ACTIONS.iter().map(|action| format!("{}.md", action.spec().name)).collect();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(known.contains(&name), "docs/actions/{name} is of no action");
    }
}

#[test]
fn the_schema_for_editors_is_current() {
    let schema = lamplighter_config::schema(ACTIONS);
    let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    check(&repository().join("config/schema.json"), &text);
}
