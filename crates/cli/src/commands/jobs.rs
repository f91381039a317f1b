//! `jobs`: what was done to which target, and why not.

use lamplighter_core::{
    Journal,
    engine::{JobFilter, RunFilter},
};

use crate::{
    aws::Aws,
    cli::JobsArgs,
    exit::{Exit, Failure},
    globals::Globals,
    output, records, state,
};

pub(crate) async fn run(
    globals: &Globals,
    aws: Option<&dyn Aws>,
    args: &JobsArgs,
) -> Result<Exit, Failure> {
    let journal = state::open_history(globals, aws).await?;
    let filter = JobFilter {
        task: args.task.clone(),
        state: args.state,
        limit: Some(args.limit),
        ..JobFilter::default()
    };
    let mut jobs = Vec::new();
    match (&args.run, &args.task) {
        (None, None) => {
            for run in latest(&*journal).await? {
                jobs.extend(journal.jobs(&JobFilter { run: Some(run), ..filter.clone() }).await?);
            }
        }
        (run, _) => jobs = journal.jobs(&JobFilter { run: run.clone(), ..filter }).await?,
    }
    let cut = jobs.len() >= args.limit;
    jobs.truncate(args.limit);
    if globals.json {
        output::print_json(&jobs.iter().map(records::job_json).collect::<Vec<_>>())?;
    } else {
        output::print(&records::jobs_table(&jobs))?;
    }
    if cut {
        output::note(&format!("only the first {} are shown: see `--limit`", args.limit));
    }
    Ok(Exit::Fine)
}

/// The latest run of each task.
async fn latest(
    journal: &dyn Journal,
) -> Result<Vec<lamplighter_core::RunId>, lamplighter_core::Fault> {
    let mut seen = std::collections::BTreeSet::new();
    let runs = journal.runs(&RunFilter::default()).await?;
    Ok(runs.into_iter().map(|run| run.id).filter(|id| seen.insert(id.task().to_owned())).collect())
}
