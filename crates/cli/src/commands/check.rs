//! `check`: every problem of the configuration, with its place.

use serde_json::json;

use crate::{
    configuration::{self, Unloaded},
    exit::{Exit, Failure},
    globals::Globals,
    output,
};

pub(crate) fn run(globals: &Globals) -> Result<Exit, Failure> {
    match configuration::load(&globals.config) {
        Ok(config) => {
            if globals.json {
                output::print_json(&json!({ "problems": [] }))?;
            } else {
                let (tasks, accounts) = (config.tasks.len(), config.accounts.len());
                let on = config.tasks.iter().filter(|task| !task.on.is_empty()).count();
                let on = match on {
                    0 => String::new(),
                    count => format!(" ({count} on events)"),
                };
                output::print(&format!("{tasks} tasks{on}, {accounts} accounts: no problems"))?;
            }
            Ok(Exit::Fine)
        }
        Err(Unloaded::Unreadable(failure)) => Err(failure),
        Err(Unloaded::Problems { json, text }) => {
            if globals.json {
                output::print_json(&json)?;
            } else {
                output::print(&text)?;
            }
            Ok(Exit::Usage)
        }
    }
}
