//! `runs`: the history of runs.

use lamplighter_core::engine::RunFilter;

use crate::{
    aws::Aws,
    cli::RunsArgs,
    exit::{Exit, Failure},
    globals::Globals,
    output, records, state,
};

pub(crate) async fn run(
    globals: &Globals,
    aws: Option<&dyn Aws>,
    args: &RunsArgs,
) -> Result<Exit, Failure> {
    let journal = state::open_history(globals, aws).await?;
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
