//! How files are kept: one subject each, and nothing left lying about.

use lamplighter_tests::{files, read};

/// Most lines of logic in a file.
const LONGEST: usize = 500;

#[test]
fn a_file_stays_under_500_lines_of_logic() {
    for path in files(&[".rs"]) {
        if path.to_string_lossy().ends_with("tests.rs") {
            continue;
        }
        let text = read(&path);
        let logic = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let lines = logic.lines().count();
        assert!(lines <= LONGEST, "{}: {lines} lines of logic", path.display());
    }
}

#[test]
fn a_file_says_what_it_is_first() {
    for path in files(&[".rs"]) {
        let is_the_tests_of_another = path.to_string_lossy().ends_with("tests.rs");
        let says = read(&path).starts_with("//!");
        assert!(says || is_the_tests_of_another, "{}", path.display());
    }
}

#[test]
fn nothing_is_unfinished_or_muted() {
    // In parts, so that this file is not one of those it looks for.
    let words = [
        ["todo", "!("],
        ["unimplemented", "!("],
        ["FIX", "ME"],
        ["#[ig", "nore"],
        ["#[al", "low("],
        ["#![al", "low("],
        ["dbg", "!("],
    ];
    for path in files(&[".rs"]) {
        let text = read(&path);
        for parts in &words {
            let word = parts.concat();
            assert!(!text.contains(&word), "{} has `{word}`", path.display());
        }
    }
}

#[test]
fn every_crate_keeps_the_lints_of_the_workspace() {
    for path in files(&["Cargo.toml"]) {
        let text = read(&path);
        let kept = text.contains("[workspace.lints") || text.contains("[lints]\nworkspace = true");
        assert!(kept, "{}", path.display());
    }
}

#[test]
fn versions_are_in_one_place() {
    for path in files(&["Cargo.toml"]) {
        let text = read(&path);
        if text.contains("[workspace.dependencies]") {
            continue;
        }
        let mut in_dependencies = false;
        for line in text.lines() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
            }
            let own = in_dependencies && line.contains('=') && !line.contains("workspace = true");
            assert!(!own, "{}: `{line}` has a version of its own", path.display());
        }
    }
}
