//! `runs`: the history of runs.

use lamplighter_core::{Journal, engine::RunFilter};

use crate::{
    cli::RunsArgs,
    exit::{Exit, Failure},
    globals::Globals,
    output, records, state,
};

pub(crate) async fn run(globals: &Globals, args: &RunsArgs) -> Result<Exit, Failure> {
    let journal = state::open_history(globals)?;
    let filter =
        RunFilter { task: args.task.clone(), limit: Some(args.limit), ..RunFilter::default() };
    let runs = journal.runs(&filter).await?;
    if globals.json {
        output::print_json(&runs.iter().map(records::run_json).collect::<Vec<_>>())?;
    } else {
        output::print(&records::runs_table(&runs))?;
    }
    Ok(Exit::Fine)
}
