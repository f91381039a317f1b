//! Working on some runs, and nothing else, until all their jobs are closed.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use lamplighter_core::{
    Fault, FaultKind, JobId, Journal,
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
    state::{self, Shared},
    worker::{Ticks, Worker},
};

/// Between two looks at how far the runs are.
const LOOK: Duration = Duration::from_millis(200);
/// The same where each look is a few calls over the network.
const LOOK_FAR: Duration = Duration::from_secs(2);
/// Between two sweeps for jobs that nobody told this process of.
const SWEEP: Duration = Duration::from_secs(5);
/// Open jobs looked at to say what a run waits for.
const SAMPLE: usize = 200;

/// Works on these runs, and nothing else, until all their jobs are closed; then shows them.
pub(crate) async fn finish(
    globals: &Globals,
    state: &state::State,
    started: Vec<Started>,
    work: WorkArgs,
) -> Result<Exit, Failure> {
    for it in started.iter().filter(|it| it.write == Write::Lost) {
        output::note(&format!(
            "{} was started before: what is done is not done again, what is open goes on",
            it.run
        ));
    }
    let stop = stop_signal(STOPPING)?;
    let ended = stop.child_token();
    let watched = async {
        let result = watch(state, &started, &ended).await;
        ended.cancel();
        result
    };
    let worked = async {
        let result = take_steps(state, work, &ended).await;
        ended.cancel();
        result
    };
    let (watched, worked) = tokio::join!(watched, worked);
    worked?;
    watched?;
    show(globals, state, &started, stop.is_cancelled()).await
}

/// Takes steps until all is done, or until the queue cannot be used.
async fn take_steps(
    state: &state::State,
    work: WorkArgs,
    ended: &CancellationToken,
) -> Result<(), Fault> {
    match state {
        state::State::Local(local) => {
            LocalHost::new(local, work.concurrency).work(ended).await;
            Ok(())
        }
        state::State::Shared(Shared { engine, inbox }) => {
            let host = Worker::new(engine.clone(), Arc::clone(inbox), work.concurrency);
            host.run(ended, Ticks::Elsewhere).await
        }
    }
}

/// Shows progress and sweeps, until all jobs are closed or the program is to stop.
async fn watch(
    state: &state::State,
    started: &[Started],
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let mut progress = Progress::start();
    let mut swept: Option<tokio::time::Instant> = None;
    let journal = &state.engine().ports().journal;
    let look = if state.is_far() { LOOK_FAR } else { LOOK };
    loop {
        let mut sum = Tally::default();
        for it in started {
            sum.add(&journal.tally(&it.run).await?);
        }
        let now = Timestamp::now();
        if sum.all().open == 0 || stop.is_cancelled() {
            progress.end(&sum, now);
            return Ok(());
        }
        let open = open_jobs(&**journal, started).await?;
        progress.show(&sum, &open, now);
        if swept.is_none_or(|swept| swept.elapsed() >= SWEEP) {
            sweep(state, started, now).await?;
            swept = Some(tokio::time::Instant::now());
        }
        unless(stop, tokio::time::sleep(look)).await;
    }
}

async fn open_jobs(journal: &dyn Journal, started: &[Started]) -> Result<Vec<Job>, Fault> {
    let mut open = Vec::new();
    for it in started {
        let filter = JobFilter {
            run: Some(it.run.clone()),
            state: Some(State::Open),
            limit: Some(SAMPLE),
            ..JobFilter::default()
        };
        open.extend(journal.jobs(&filter).await?);
    }
    Ok(open)
}

/// Wakes jobs of these runs whose time has passed.
async fn sweep(state: &state::State, started: &[Started], now: Timestamp) -> Result<(), Fault> {
    let ports = state.engine().ports();
    state.release_dead(now).await?;
    let due = ports.journal.due(now, 10_000).await?;
    let ours: Vec<(JobId, Duration)> = due
        .into_iter()
        .filter(|id| started.iter().any(|it| it.run == id.run()))
        .map(|id| (id, Duration::ZERO))
        .collect();
    ports.queue.wake(&ours).await
}

async fn show(
    globals: &Globals,
    state: &state::State,
    started: &[Started],
    interrupted: bool,
) -> Result<Exit, Failure> {
    let journal = &state.engine().ports().journal;
    let mut shown = Vec::new();
    for it in started {
        let filter = RunFilter { run: Some(it.run.clone()), ..RunFilter::default() };
        shown.extend(journal.runs(&filter).await?);
    }
    let mut failed = Vec::new();
    for it in started {
        for state in [State::Failed, State::Stopped] {
            let filter =
                JobFilter { run: Some(it.run.clone()), state: Some(state), ..JobFilter::default() };
            failed.extend(journal.jobs(&filter).await?);
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
