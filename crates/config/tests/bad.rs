//! Files with mistakes, and what is said about them.

#![expect(clippy::disallowed_methods, reason = "the cases are files")]

mod support;

use std::{collections::BTreeSet, env, fs, path::Path};

use lamplighter_config::{Source, Style, load, render};

use support::{ACTIONS, read_file};

/// Every `bad/NAME.yaml` gives exactly the text in `bad/NAME.txt`. `UPDATE_EXPECT=1` writes it.
#[test]
fn every_bad_file_gets_the_expected_text() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        names.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
    }
    let mut different = Vec::new();
    for name in &names {
        let file = format!("{name}.yaml");
        let text = fs::read_to_string(directory.join(&file)).unwrap();
        let sources = [Source::new(file, text)];
        let actual = match load(&sources, ACTIONS, &read_file) {
            Ok(_) => "no problem\n".to_owned(),
            Err(problems) => render(&problems, &sources, Style::Plain) + "\n",
        };
        let expected = directory.join(format!("{name}.txt"));
        if env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&expected, &actual).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != actual {
            different.push(format!("{name}:\n{actual}"));
        }
    }
    assert!(names.len() > 10, "{names:?}");
    assert!(different.is_empty(), "{}", different.join("\n"));
}
