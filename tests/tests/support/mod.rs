//! The examples, as more than one test needs them.

use std::path::Path;

use lamplighter_catalog::ACTIONS;
use lamplighter_config::{Config, Source, Style, render};
use lamplighter_tests::{files, read};

/// Loads a configuration as the program would.
#[track_caller]
pub(crate) fn load(sources: &[Source]) -> Config {
    lamplighter_config::load(sources, ACTIONS, &|name| Err(format!("there is no `{name}`")))
        .unwrap_or_else(|problems| panic!("{}", render(&problems, sources, Style::Plain)))
}

/// The YAML files of a folder that are a configuration: files with tests of tasks are none.
pub(crate) fn folder(path: &str) -> Vec<Source> {
    let is_test = |file: &Path| file.to_string_lossy().ends_with(".test.yaml");
    let all = files(&[".yaml"]).into_iter().filter(|file| file.starts_with(path) && !is_test(file));
    all.map(|file| Source::new(file.display().to_string(), read(&file))).collect()
}
