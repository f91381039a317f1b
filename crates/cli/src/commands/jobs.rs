//! `jobs`: what was done to which target, and why not.

use lamplighter_core::{
    Journal,
    engine::{JobFilter, RunFilter},
    job::{Job, WorkKind},
};
use serde_json::{Value, json};

use super::Globals;
use crate::{
    cli::JobsArgs,
    exit::{Exit, Failure},
    output, state,
};

pub(crate) async fn run(globals: &Globals, args: &JobsArgs) -> Result<Exit, Failure> {
    let journal = state::open_history(globals)?;
    let filter = JobFilter {
        task: args.task.clone(),
        state: args.state,
        limit: Some(args.limit),
        ..JobFilter::default()
    };
    let mut jobs = Vec::new();
    match (&args.run, &args.task) {
        (None, None) => {
            for run in latest(&journal).await? {
                jobs.extend(journal.jobs(&JobFilter { run: Some(run), ..filter.clone() }).await?);
            }
        }
        (run, _) => jobs = journal.jobs(&JobFilter { run: run.clone(), ..filter }).await?,
    }
    let cut = jobs.len() >= args.limit;
    jobs.truncate(args.limit);
    if globals.json {
        output::print_json(&jobs.iter().map(as_json).collect::<Vec<_>>())?;
    } else {
        output::print(&as_table(&jobs))?;
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

/// A job in its stable form.
fn as_json(job: &Job) -> Value {
    let order = job.work.order();
    let mut json = json!({
        "id": job.id,
        "task": order.task,
        "occurrence": job.work.occurrence(),
        "kind": job.work.kind(),
        "action": order.action,
        "state": job.status.state(),
        "attempts": job.attempts,
    });
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            json[key] = value;
        }
    };
    set("account", job.work.place().map(|place| json!(place.account)));
    set("region", job.work.place().map(|place| json!(place.region)));
    set("target", job.work.target().map(|target| json!(target)));
    set("wake-at", job.wake_at.map(|at| json!(at)));
    set("waiting-at", job.waiting_at.as_ref().map(|gate| json!(gate)));
    set("closed-at", job.closed_at.map(|at| json!(at)));
    set("why", job.work.why().map(|why| json!(why)));
    set("message", job.status.message().map(|text| json!(text)));
    json
}

/// Jobs for people.
pub(crate) fn as_table(jobs: &[Job]) -> String {
    if jobs.is_empty() {
        return "no jobs".to_owned();
    }
    let rows = jobs.iter().map(|job| {
        let place = job.work.place();
        let what = match job.work.kind() {
            WorkKind::Spread => "(all places)".to_owned(),
            WorkKind::Find => "(find targets)".to_owned(),
            WorkKind::Act => job.work.target().unwrap_or_default().to_owned(),
        };
        let message = job.status.message().map(str::to_owned).or_else(|| {
            let at = job.wake_at?;
            let gate = job.waiting_at.as_ref().map(|gate| format!(" for room at `{gate}`"));
            Some(format!("waits{} until {}", gate.unwrap_or_default(), output::time(at)))
        });
        let why = job.work.why().map(str::to_owned);
        let says: Vec<String> = message.into_iter().chain(why).collect();
        vec![
            job.run().to_string(),
            place.map(|it| it.account.to_string()).unwrap_or_default(),
            place.map(|it| it.region.to_string()).unwrap_or_default(),
            what,
            job.status.state().as_str().to_owned(),
            says.join(": "),
        ]
    });
    output::table(&["run", "account", "region", "target", "state", "what and why"], rows)
}
