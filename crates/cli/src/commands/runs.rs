//! `runs`: the history of runs.

use lamplighter_core::{
    Journal,
    engine::{Run, RunFilter},
};
use serde_json::{Value, json};

use super::Globals;
use crate::{
    cli::RunsArgs,
    exit::{Exit, Failure},
    output, state,
};

pub(crate) async fn run(globals: &Globals, args: &RunsArgs) -> Result<Exit, Failure> {
    let journal = state::open_history(globals)?;
    let filter =
        RunFilter { task: args.task.clone(), limit: Some(args.limit), ..RunFilter::default() };
    let runs = journal.runs(&filter).await?;
    if globals.json {
        output::print_json(&runs.iter().map(as_json).collect::<Vec<_>>())?;
    } else {
        output::print(&as_table(&runs))?;
    }
    Ok(Exit::Fine)
}

/// A run in its stable form.
pub(crate) fn as_json(run: &Run) -> Value {
    let all = run.tally.all();
    let mut json = json!({
        "task": run.id.task(),
        "occurrence": run.id.occurrence(),
        "state": run.tally.state(),
        "places": run.tally.find.total(),
        "targets": run.tally.act.total(),
        "jobs": {
            "open": all.open,
            "succeeded": all.succeeded,
            "failed": all.failed,
            "skipped": all.skipped,
            "stopped": all.stopped,
        },
        "started-at": run.started_at,
    });
    if let Some(ended_at) = run.ended_at {
        json["ended-at"] = json!(ended_at);
    }
    json
}

/// Runs for people.
pub(crate) fn as_table(runs: &[Run]) -> String {
    if runs.is_empty() {
        return "no runs".to_owned();
    }
    let rows = runs.iter().map(|run| {
        let targets = run.tally.act;
        let failed = run.tally.all().failed;
        vec![
            run.id.task().to_owned(),
            run.id.occurrence().to_owned(),
            run.tally.state().as_str().to_owned(),
            run.tally.find.total().to_string(),
            targets.total().to_string(),
            targets.open.to_string(),
            targets.succeeded.to_string(),
            targets.skipped.to_string(),
            targets.stopped.to_string(),
            failed.to_string(),
            run.ended_at.map(output::time).unwrap_or_default(),
        ]
    });
    let headings = [
        "task",
        "occurrence",
        "state",
        "places",
        "targets",
        "open",
        "done",
        "skipped",
        "stopped",
        "failed",
        "ended",
    ];
    output::table(&headings, rows)
}
