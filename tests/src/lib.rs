//! What the tests over the whole workspace share, and those of its programs.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod here;
mod running;

use std::{
    fs,
    path::{Path, PathBuf},
};

pub use here::{Ended, Here};
pub use running::Running;

/// The root of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The text of a file, by its path from the root.
///
/// # Panics
///
/// When it cannot be read: then the test has nothing to test.
pub fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

/// Every file below the root with one of these endings, by its path from the root, sorted.
/// What is built or installed is left out.
///
/// # Panics
///
/// When a folder cannot be read.
pub fn files(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("reading {}: {error}", folder.display()));
        for entry in entries {
            let path = entry.unwrap_or_else(|error| panic!("reading a folder: {error}")).path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                let skipped = name == "target" || (name.starts_with('.') && name != ".ci");
                if !skipped {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path.strip_prefix(root()).unwrap_or(&path).to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Compares the part of a file between `<!-- BEGIN name … -->` and `<!-- END name -->` with what it
/// should be. With `UPDATE_EXPECT=1` it is written instead.
///
/// # Panics
///
/// When they differ, or the file has no such part.
pub fn check_generated_part(path: impl AsRef<Path>, name: &str, expected: &str) {
    let text = read(&path);
    let part = || {
        let (before, rest) = text.split_once(&format!("<!-- BEGIN {name}"))?;
        let (note, rest) = rest.split_once("-->\n")?;
        let end = format!("<!-- END {name} -->");
        let (_, after) = rest.split_once(&end)?;
        Some(format!("{before}<!-- BEGIN {name}{note}-->\n{expected}{end}{after}"))
    };
    let whole = part().unwrap_or_else(|| panic!("{} has no {name}", path.as_ref().display()));
    check_generated(path, &whole);
}

/// Compares a generated file with what it should be. With `UPDATE_EXPECT=1` it is written
/// instead.
///
/// # Panics
///
/// When they differ.
pub fn check_generated(path: impl AsRef<Path>, expected: &str) {
    let shown = path.as_ref().display().to_string();
    let path = root().join(path);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).unwrap_or_else(|error| panic!("making a folder: {error}"));
        }
        fs::write(&path, expected).unwrap_or_else(|error| panic!("writing {shown}: {error}"));
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{shown} is not current: run `UPDATE_EXPECT=1 cargo test -p lamplighter-tests` and look at the change"
    );
}
