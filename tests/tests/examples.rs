//! Every example is one that runs: those in `config/`, that of the end-to-end tests, and every block
//! of YAML in the documents. And every link in the documents leads somewhere.

use std::{collections::BTreeSet, path::Path};

use lamplighter_catalog::ACTIONS;
use lamplighter_config::{Problem, Source, Style, render, yaml};
use lamplighter_core::task::Task;
use lamplighter_simulator::{Fleet, Rules};
use lamplighter_tests::{files, read, root};

mod support;

use support::{folder, load};

/// What was read, without problems.
#[track_caller]
fn sound<T>(source: &Source, read: Result<T, Vec<Problem>>) -> T {
    let shown =
        |problems: Vec<Problem>| render(&problems, std::slice::from_ref(source), Style::Plain);
    read.unwrap_or_else(|problems| panic!("{}", shown(problems)))
}

#[test]
fn there_is_one_example_for_each_action_and_they_load_together() {
    let sources = folder("config");
    let config = load(&sources);
    for action in ACTIONS {
        let name = action.spec().name;
        let file = format!("config/{}.yaml", name.replace('.', "-"));
        let task = config.tasks.iter().find(|task| task.order.defined_at.starts_with(&file));
        let task = task.unwrap_or_else(|| panic!("`{file}` has no task"));
        assert_eq!(task.order.action, name, "{file}");
    }
    // Beside those there are examples of tasks that events trigger.
    let plain: Vec<&Task> = config.tasks.iter().filter(|task| task.on.is_empty()).collect();
    let used: BTreeSet<&str> = plain.iter().map(|task| task.order.action.as_str()).collect();
    assert_eq!(used.len(), plain.len(), "one task for each action");
}

#[test]
fn the_configuration_of_the_end_to_end_tests_loads() {
    assert_eq!(load(&folder("tests/emulator/config")).tasks.len(), 2);
}

#[test]
fn every_block_of_yaml_in_the_documents_loads() {
    let mut blocks = 0;
    for file in files(&[".md"]) {
        let text = read(&file);
        let mut parts = text.split("```");
        // Fences come in pairs, so every second part is a block.
        parts.next();
        for block in parts.step_by(2) {
            let Some((language, text)) = block.split_once('\n') else { continue };
            let source = Source::new(file.display().to_string(), text);
            blocks += usize::from(language.starts_with("yaml"));
            match language {
                // Tests of tasks are run by `crates/cli/tests/task_tests.rs`.
                "yaml" if text.contains("\ntests:\n") => {}
                "yaml" => drop(load(&[source])),
                "yaml fleet" => drop(sound(&source, yaml::read(&source, Fleet::check))),
                "yaml faults" => drop(sound(&source, yaml::read(&source, Rules::check))),
                _ => assert!(!language.starts_with("yaml"), "what is `{language}`?"),
            }
        }
    }
    assert!(blocks >= 5, "only {blocks} blocks: this looks in the wrong place");
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    for file in files(&[".md"]) {
        let beside = root().join(&file).parent().map(Path::to_owned).unwrap_or_default();
        for link in read(&file).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            let elsewhere = path.is_empty() || path.contains("://");
            assert!(elsewhere || beside.join(path).exists(), "{}: `{link}`", file.display());
        }
    }
}
