//! `missed`: what should have happened and has not.

use jiff::Timestamp;
use lamplighter_core::engine::{Overdue, overdue};

use super::span;
use crate::{
    aws::Aws,
    configuration,
    exit::{Exit, Failure},
    globals::Globals,
    output, state,
};

pub(crate) async fn run(
    globals: &Globals,
    aws: Option<&dyn Aws>,
    since: &str,
) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let since = now - span("--since", since)?;
    let config = configuration::load(&globals.config)?;
    let journal = state::open_history(globals, aws).await?;
    let missed = overdue(&config.tasks, &*journal, since, now).await?;
    if globals.json {
        output::print_json(&missed)?;
    } else if missed.is_empty() {
        output::print("nothing is missing")?;
    } else {
        output::print(&as_table(&missed))?;
    }
    Ok(if missed.is_empty() { Exit::Fine } else { Exit::Failed })
}

fn as_table(missed: &[Overdue]) -> String {
    let rows = missed.iter().map(|it| {
        vec![
            it.task.to_string(),
            it.occurrence.to_string(),
            it.account.as_ref().map(ToString::to_string).unwrap_or_default(),
            it.region.as_ref().map(ToString::to_string).unwrap_or_default(),
            it.target.clone().unwrap_or_default(),
            output::time(it.since),
            it.why.clone(),
        ]
    });
    output::table(&["task", "occurrence", "account", "region", "target", "since", "why"], rows)
}
