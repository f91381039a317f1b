//! Runs and jobs, as people and programs read them.

use lamplighter_core::{
    engine::Run,
    job::{Job, WorkKind},
};
use serde_json::{Value, json};

use crate::output;

/// A run in its stable form.
pub(crate) fn run_json(run: &Run) -> Value {
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
    if let Some(event) = run.id.event() {
        json["event"] = json!(event);
    }
    if let Some(ended_at) = run.ended_at {
        json["ended-at"] = json!(ended_at);
    }
    json
}

/// Runs for people.
pub(crate) fn runs_table(runs: &[Run]) -> String {
    if runs.is_empty() {
        return "no runs".to_owned();
    }
    let rows = runs.iter().map(|run| {
        let targets = run.tally.act;
        let failed = run.tally.all().failed;
        vec![
            run.id.task().to_owned(),
            match run.id.event() {
                Some(event) => format!("{}_{event}", run.id.occurrence()),
                None => run.id.occurrence().to_owned(),
            },
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

/// A job in its stable form.
pub(crate) fn job_json(job: &Job) -> Value {
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
    set("event", job.run().event().map(|event| json!(event)));
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
pub(crate) fn jobs_table(jobs: &[Job]) -> String {
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
