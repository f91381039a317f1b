//! Reading the configuration from disk.

use std::{
    fs,
    io::{self, IsTerminal, Read, stdout},
    path::{Path, PathBuf},
};

use lamplighter_catalog::ACTIONS;
use lamplighter_config::{Config, FILE_MAX, Problem, Source, Style};
use serde_json::Value;

use crate::{exit::Failure, testing};

/// Why there is no configuration.
#[derive(Debug)]
pub(crate) enum Unloaded {
    /// It cannot be read.
    Unreadable(Failure),
    /// It has problems: as stable JSON, and as text for people.
    Problems { json: Value, text: String },
}

impl From<Unloaded> for Failure {
    fn from(unloaded: Unloaded) -> Failure {
        match unloaded {
            Unloaded::Unreadable(failure) => failure,
            Unloaded::Problems { text, .. } => {
                Failure::usage(format!("the configuration has problems\n\n{text}"))
            }
        }
    }
}

/// Reads a directory of YAML files, or one file.
pub(crate) fn load(path: &Path) -> Result<Config, Unloaded> {
    let mut sources = Vec::new();
    let mut problems = Vec::new();
    for file in files(path).map_err(Unloaded::Unreadable)? {
        let bytes = read(&file).map_err(Failure::usage).map_err(Unloaded::Unreadable)?;
        match Source::from_bytes(file.display().to_string(), bytes) {
            Ok(source) => sources.push(source),
            Err(problem) => problems.push(problem),
        }
    }
    let beside = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let read_beside = |name: &str| {
        let bytes = read(&beside.join(name))?;
        String::from_utf8(bytes).map_err(|_| format!("`{name}` is not UTF-8"))
    };
    let loaded = lamplighter_config::load(&sources, ACTIONS, &read_beside);
    match loaded {
        Ok(config) if problems.is_empty() => Ok(config),
        Ok(_) => Err(shown(&problems, &sources)),
        Err(found) => {
            problems.extend(found);
            Err(shown(&problems, &sources))
        }
    }
}

fn shown(problems: &[Problem], sources: &[Source]) -> Unloaded {
    Unloaded::Problems {
        json: lamplighter_config::to_json(problems),
        text: rendered(problems, sources),
    }
}

/// Problems with their places, and how many there are, for people.
pub(crate) fn rendered(problems: &[Problem], sources: &[Source]) -> String {
    let plain = !stdout().is_terminal() || std::env::var_os("NO_COLOR").is_some();
    let style = if plain { Style::Plain } else { Style::Coloured };
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    let text = lamplighter_config::render(problems, sources, style);
    format!("{}\n\n{count}", text.trim_end())
}

/// The files with tests of tasks in a directory, or beside the one file.
pub(crate) fn test_files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let beside = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let beside = if beside.as_os_str().is_empty() { Path::new(".") } else { beside };
    let shown = beside.display();
    let mut found = yaml_files(beside)
        .map_err(|error| Failure::usage(format!("reading `{shown}`: {error}")))?;
    found.retain(|file| testing::is_test_file(file));
    match found.is_empty() {
        true => Err(Failure::usage(format!("no `*{}` file in `{shown}`", testing::ENDING))),
        false => Ok(found),
    }
}

/// The YAML files of a configuration in the order of their names, or the one file. Those with
/// tests of its tasks are no part of it.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let shown = path.display();
    let unreadable = |error| {
        let hint = "name the configuration with `--config`, or make one with `lamplighter init`";
        Failure::usage(format!("reading the configuration `{shown}`: {error}; {hint}"))
    };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = yaml_files(path).map_err(unreadable)?;
    found.retain(|file| !testing::is_test_file(file));
    if found.is_empty() {
        let hint = "`lamplighter init` makes one";
        return Err(Failure::usage(format!("no `*.yaml` file in `{shown}`; {hint}")));
    }
    Ok(found)
}

/// The YAML files of a directory in the order of their names.
fn yaml_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let file = entry?.path();
        let ending = file.extension().and_then(|ending| ending.to_str());
        if matches!(ending, Some("yaml" | "yml")) && file.is_file() {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}

/// Reads a file, but never more than a configuration may have: what is longer is refused by
/// whoever looks at it.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let limit = FILE_MAX as u64 + 1;
    fs::File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|error| format!("reading `{}`: {error}", path.display()))?;
    Ok(bytes)
}
