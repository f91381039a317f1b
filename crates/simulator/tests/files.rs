//! Fleet and fault files, as users write them, and what is said about their mistakes.

use std::{collections::BTreeSet, env, fs, path::Path};

use lamplighter_config::{Source, Style, render, yaml};
use lamplighter_simulator::{Fleet, Rules};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// As an editor reads it.
fn plain(text: &str) -> Value {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).expect("YAML")
}

/// What is said about a file. A good one keeps its meaning when it is written and read again, and
/// the schema for editors accepts it, too.
fn said<T: DeserializeOwned + Serialize + JsonSchema + PartialEq + std::fmt::Debug>(
    source: &Source,
    check: impl FnOnce(&T) -> Vec<lamplighter_core::action::BadParams>,
) -> String {
    let read = match yaml::read(source, check) {
        Ok(read) => read,
        Err(problems) => return render(&problems, std::slice::from_ref(source), Style::Plain),
    };
    let written = serde_saphyr::to_string(&read).expect("it was read from such a text");
    assert_eq!(yaml::read(&Source::new("written.yaml", written), |_| Vec::new()), Ok(read));
    let schema = yaml::schema::<T>();
    jsonschema::meta::validate(&schema).expect("a schema");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let value = plain(&source.text);
    let errors: Vec<String> = validator.iter_errors(&value).map(|it| it.to_string()).collect();
    assert!(errors.is_empty(), "{}: {errors:#?}", source.path);
    "no problem".to_owned()
}

/// Every `files/NAME.yaml` gives exactly the text in `files/NAME.txt`. `UPDATE_EXPECT=1` writes
/// it. The names begin with the sort of file.
#[test]
#[expect(clippy::disallowed_methods, reason = "the cases are files")]
fn every_file_gets_the_expected_text() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        names.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
    }
    let mut different = Vec::new();
    for name in &names {
        let file = format!("{name}.yaml");
        let source = Source::new(&file, fs::read_to_string(directory.join(&file)).unwrap());
        let actual = match name.starts_with("faults") {
            true => said(&source, Rules::check),
            false => said(&source, Fleet::check),
        };
        let (actual, expected) = (actual + "\n", directory.join(format!("{name}.txt")));
        if env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&expected, &actual).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != actual {
            different.push(format!("{name}:\n{actual}"));
        }
    }
    assert!(names.len() > 4, "{names:?}");
    assert!(different.is_empty(), "{}", different.join("\n"));
}
