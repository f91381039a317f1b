//! The demo's organization: the same files that `--write` writes.

use std::{fs, io::Write, path::Path};

use lamplighter_catalog::ACTIONS;
use lamplighter_config::Source;

use crate::{
    configuration,
    exit::{Exit, Failure},
    output,
    stage::{self, Scene},
};

const ACCOUNTS: &str = include_str!("accounts.yaml");
const TASKS: &str = include_str!("tasks.yaml");
const FLEET: &str = include_str!("fleet.yaml");
const FAULTS: &str = include_str!("faults.yaml");

/// Where each is written.
const FILES: [(&str, &str); 4] = [
    ("config/accounts.yaml", ACCOUNTS),
    ("config/tasks.yaml", TASKS),
    ("fleet.yaml", FLEET),
    ("faults.yaml", FAULTS),
];

/// The scene of the demo.
pub(super) fn scene() -> Result<Scene, Failure> {
    let sources = [Source::new("accounts.yaml", ACCOUNTS), Source::new("tasks.yaml", TASKS)];
    let nothing_beside = |name: &str| Err(format!("there is no `{name}` in the demo"));
    let config = lamplighter_config::load(&sources, ACTIONS, &nothing_beside)
        .map_err(|problems| Failure::failed(configuration::rendered(&problems, &sources)))?;
    let fleet = stage::read_fleet(&Source::new("fleet.yaml", FLEET), &config)?;
    let faults = stage::read_faults(&Source::new("faults.yaml", FAULTS))?;
    Ok(Scene::new(config, Some(fleet), Some(faults)))
}

/// Writes the files to a directory. None is overwritten.
pub(super) fn write(dir: &Path) -> Result<Exit, Failure> {
    let shown = dir.display();
    if let Some((name, _)) = FILES.iter().find(|(name, _)| dir.join(name).exists()) {
        let there = dir.join(name);
        return Err(Failure::usage(format!(
            "`{}` exists already: nothing was written",
            there.display()
        )));
    }
    let config = dir.join("config");
    fs::create_dir_all(&config)
        .map_err(|error| Failure::io(format_args!("creating `{}`", config.display()), &error))?;
    for (name, text) in FILES {
        let path = dir.join(name);
        fs::File::create_new(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| Failure::io(format_args!("writing `{}`", path.display()), &error))?;
        output::print(&format!("wrote {}", path.display()))?;
    }
    output::print(&format!(
        "\nChange what you like, then:\n  \
         lamplighter --config {shown}/config simulate --fleet {shown}/fleet.yaml --faults \
         {shown}/faults.yaml"
    ))?;
    Ok(Exit::Fine)
}
