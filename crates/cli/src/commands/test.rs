//! `test`: tests of tasks on a simulated cloud, in virtual time.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use lamplighter_config::Source;

use crate::{
    cli::TestArgs,
    configuration,
    exit::{Exit, Failure},
    globals::Globals,
    output,
    testing::{self, Suite},
};

pub(crate) fn run(globals: &Globals, args: &TestArgs) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let config = configuration::load(&globals.config)?;
    let files = match args.files.as_slice() {
        [] => configuration::test_files(&globals.config)?,
        named => named.to_vec(),
    };
    let mut suites = Vec::new();
    let (mut problems, mut sources) = (Vec::new(), Vec::new());
    for file in &files {
        let source = match source(file)? {
            Ok(source) => source,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let read_beside = |name: &str| read_beside(file, name);
        match Suite::read(source, &config, &read_beside) {
            Ok(suite) => suites.push(suite),
            Err(bad) => {
                problems.extend(bad.problems);
                sources.extend(bad.sources);
            }
        }
    }
    if !problems.is_empty() {
        if globals.json {
            output::print_json(&lamplighter_config::to_json(&problems))?;
            return Ok(Exit::Usage);
        }
        let text = configuration::rendered(&problems, &sources);
        return Err(Failure::usage(format!("the tests have problems\n\n{text}")));
    }
    if let Some(filter) = &args.filter {
        suites.iter_mut().for_each(|suite| suite.filter(filter));
        if suites.iter().all(|suite| suite.len() == 0) {
            return Err(Failure::usage(format!("no test has `{filter}` in its name")));
        }
    }
    let verdicts = testing::run(&suites, &config)?;
    if let Some(path) = &args.junit {
        let shown = path.display();
        fs::write(path, testing::junit(&verdicts))
            .map_err(|error| Failure::io(format_args!("writing `{shown}`"), &error))?;
    }
    if globals.json {
        output::print_json(&testing::as_json(&verdicts))?;
    } else {
        output::print(&testing::as_text(&verdicts, begun.elapsed()))?;
    }
    let passed = verdicts.iter().all(|it| it.bad.is_empty());
    Ok(if passed { Exit::Fine } else { Exit::Failed })
}

/// A file of tests, unless it is no text.
fn source(path: &Path) -> Result<Result<Source, lamplighter_config::Problem>, Failure> {
    let bytes = configuration::read(path).map_err(Failure::usage)?;
    Ok(Source::from_bytes(path.display().to_string(), bytes))
}

/// A file that a file of tests names.
fn read_beside(file: &Path, name: &str) -> Result<Source, String> {
    let path: PathBuf = file.parent().unwrap_or(Path::new("")).join(name);
    let bytes = configuration::read(&path)?;
    Source::from_bytes(path.display().to_string(), bytes).map_err(|problem| problem.message)
}
