//! Working on some runs, and nothing else, until all their jobs are closed.

use std::time::Duration;

use jiff::Timestamp;
use lamplighter_core::{
    Fault, FaultKind, JobId, Journal, Queue,
    engine::{JobFilter, RunFilter, Started, Tally, Write},
    job::{Job, State, Status},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::WorkArgs,
    exit::{Exit, Failure},
    globals::Globals,
    local::{LocalHost, STOPPING, stop_signal, unless},
    output,
    progress::Progress,
    records,
    state::Local,
};

/// Between two looks at how far the runs are.
const LOOK: Duration = Duration::from_millis(200);
/// Between two sweeps for jobs that nobody told this process of.
const SWEEP: Duration = Duration::from_secs(5);
/// Open jobs looked at to say what a run waits for.
const SAMPLE: usize = 200;

/// Works on these runs, and nothing else, until all their jobs are closed; then shows them.
pub(crate) async fn finish(
    globals: &Globals,
    local: &Local,
    started: Vec<Started>,
    work: WorkArgs,
) -> Result<Exit, Failure> {
    for it in started.iter().filter(|it| it.write == Write::Lost) {
        output::note(&format!(
            "{} was started before: what is done is not done again, what is open goes on",
            it.run
        ));
    }
    let host = LocalHost::new(local, work.concurrency);
    let stop = stop_signal(STOPPING)?;
    let ended = stop.child_token();
    let watched = async {
        let result = watch(local, &started, &stop).await;
        ended.cancel();
        result
    };
    let (result, ()) = tokio::join!(watched, host.work(&ended));
    result?;
    show(globals, local, &started, stop.is_cancelled()).await
}

/// Shows progress and sweeps, until all jobs are closed or the program is to stop.
async fn watch(
    local: &Local,
    started: &[Started],
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let mut progress = Progress::start();
    let mut swept: Option<tokio::time::Instant> = None;
    loop {
        let mut sum = Tally::default();
        for it in started {
            sum.add(&local.journal.tally(&it.run).await?);
        }
        let now = Timestamp::now();
        if sum.all().open == 0 || stop.is_cancelled() {
            progress.end(&sum, now);
            return Ok(());
        }
        let open = open_jobs(local, started).await?;
        progress.show(&sum, &open, now);
        if swept.is_none_or(|swept| swept.elapsed() >= SWEEP) {
            sweep(local, started, now).await?;
            swept = Some(tokio::time::Instant::now());
        }
        unless(stop, tokio::time::sleep(LOOK)).await;
    }
}

async fn open_jobs(local: &Local, started: &[Started]) -> Result<Vec<Job>, Fault> {
    let mut open = Vec::new();
    for it in started {
        let filter = JobFilter {
            run: Some(it.run.clone()),
            state: Some(State::Open),
            limit: Some(SAMPLE),
            ..JobFilter::default()
        };
        open.extend(local.journal.jobs(&filter).await?);
    }
    Ok(open)
}

/// Wakes jobs of these runs whose time has passed.
async fn sweep(local: &Local, started: &[Started], now: Timestamp) -> Result<(), Fault> {
    local.journal.release_dead(now).await?;
    let due = local.journal.due(now, 10_000).await?;
    let ours: Vec<(JobId, Duration)> = due
        .into_iter()
        .filter(|id| started.iter().any(|it| it.run == id.run()))
        .map(|id| (id, Duration::ZERO))
        .collect();
    local.queue.wake(&ours).await
}

async fn show(
    globals: &Globals,
    local: &Local,
    started: &[Started],
    interrupted: bool,
) -> Result<Exit, Failure> {
    let mut shown = Vec::new();
    for it in started {
        let filter = RunFilter { run: Some(it.run.clone()), ..RunFilter::default() };
        shown.extend(local.journal.runs(&filter).await?);
    }
    let mut failed = Vec::new();
    for it in started {
        for state in [State::Failed, State::Stopped] {
            let filter =
                JobFilter { run: Some(it.run.clone()), state: Some(state), ..JobFilter::default() };
            failed.extend(local.journal.jobs(&filter).await?);
        }
    }
    if globals.json {
        let all: Vec<_> = shown.iter().map(records::run_json).collect();
        output::print_json(&json!({ "runs": all }))?;
    } else {
        output::print(&records::runs_table(&shown))?;
        if !failed.is_empty() {
            output::print(&format!("\n{}", records::jobs_table(&failed)))?;
        }
    }
    if interrupted {
        return Err(Failure::failed(
            "stopped before the end: what is open is in the journal and goes on with `serve`, or \
             with the same `run` and `--at`",
        ));
    }
    let kinds = failed.iter().map(|job| match &job.status {
        Status::Failed { kind, .. } => *kind,
        _ => FaultKind::Permanent,
    });
    Ok(Exit::of(kinds))
}
