//! `demo`: Lamplighter at work in a small made-up organization, with a throttle and a crash.
//! It needs no files and leaves none. Every number it tells is counted in the journal and in the
//! simulated AWS.

mod files;
mod story;

use std::{
    collections::BTreeMap,
    io::{IsTerminal, stdout},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    FaultKind, JobId, Journal, Place, TaskName,
    action::JOB_TAG,
    classify::classify,
    cloud::ec2::Snapshot,
    engine::{Event, RunFilter, Started, Tally},
    task::Task,
};
use lamplighter_rehearsal::Stuck;
use lamplighter_simulator::{Access, Call, Outcome};

use crate::{
    aftermath::Ledger,
    cli::DemoArgs,
    exit::{Exit, Failure},
    globals::Globals,
    output,
    stage::Stage,
};

const DAYS: i64 = 12;
const DAY: SignedDuration = SignedDuration::from_hours(24);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const WORKERS: usize = 2;
const SEED: u64 = 1;
/// The day on which the workers are killed.
const CRASH_DAY: i64 = 7;
/// So many snapshots are made that night before it happens.
const CRASH_AFTER: u64 = 6;
/// How long nobody is there.
const DOWN: SignedDuration = SignedDuration::from_mins(3);
/// On a terminal, how long a day takes, so that people can read along.
const DAY_TAKES: Duration = Duration::from_millis(350);

const BACKUP: &str = "nightly-backup";
const COPY: &str = "copy-to-vault";
const PRUNE: &str = "prune-backups";

/// A crash, and what became of the job it hit.
struct Crash {
    at: Timestamp,
    back_at: Timestamp,
    /// Where it was.
    place: Place,
    /// The snapshot that AWS had made, and of what.
    snapshot: String,
    volume: String,
    job: JobId,
    /// Whether the journal knew of it then.
    recorded: bool,
    /// How many calls were made while nobody was there.
    calls: usize,
}

/// Calls that AWS refused in one place because they came too fast.
struct Throttled {
    place: Place,
    calls: usize,
    /// From the first refusal to the last snapshot that night.
    waited: SignedDuration,
}

/// What one day left.
struct Day {
    date: Timestamp,
    backup: Tally,
    copies: Tally,
    prune: Tally,
    throttled: Option<Throttled>,
}

pub(crate) async fn run(globals: &Globals, args: &DemoArgs) -> Result<Exit, Failure> {
    if let Some(dir) = &args.write {
        return files::write(dir);
    }
    let scene = files::scene()?;
    let begin = scene.begin().unwrap_or(Timestamp::UNIX_EPOCH);
    let mut stage = Stage::set(&scene, begin, SEED)?;
    stage.employ(&scene.config.tasks, WORKERS);
    let mut ledger = Ledger::new(&scene.config.tasks, begin);
    let show = Show { quiet: globals.json };
    show.tell(&story::beginning(&scene, &stage)).await?;
    let (mut calls, mut crash) = (Vec::new(), None);
    for day in 0..DAYS {
        let date = begin + DAY * day as i32;
        if day == CRASH_DAY {
            crash = crash_in_the_middle(&mut stage, date + DAY).await?;
        }
        stage.rehearsal.run_until(date + DAY).map_err(stuck)?;
        let made = ledger.note(&stage).await?;
        let day = look_back(&stage, date, &made).await?;
        show.tell(&story::day(&scene, &day)).await?;
        if let Some(crash) = crash.as_ref().filter(|it| it.at >= date) {
            let job = stage.rehearsal.journal().load(&crash.job).await?;
            show.tell(&story::crash(&scene, crash, job.as_ref())).await?;
        }
        calls.extend(made);
    }
    let again = run_again(&mut stage, &scene.config.tasks, begin + DAY * (DAYS - 1) as i32).await?;
    let aftermath = ledger.close(&scene, &stage).await?;
    if globals.json {
        output::print_json(&aftermath)?;
        return Ok(aftermath.exit);
    }
    let ending = story::Ending {
        scene: &scene,
        stage: &stage,
        aftermath: &aftermath,
        calls: &calls,
        crash: crash.as_ref(),
        again,
    };
    let (text, kept) = ending.text().await?;
    show.tell(&text).await?;
    Ok(if kept { aftermath.exit } else { Exit::Failed })
}

/// Tells what happens as it happens.
struct Show {
    quiet: bool,
}

impl Show {
    async fn tell(&self, text: &str) -> Result<(), Failure> {
        if self.quiet {
            return Ok(());
        }
        output::print(text)?;
        if stdout().is_terminal() {
            tokio::time::sleep(DAY_TAKES).await;
        }
        Ok(())
    }
}

fn stuck(stuck: Stuck) -> Failure {
    Failure::failed(format!("the demo: {stuck}"))
}

/// Kills all workers right after AWS has made a snapshot and before anybody has written it down.
/// `None` when too few snapshots are made until `end`.
async fn crash_in_the_middle(stage: &mut Stage, end: Timestamp) -> Result<Option<Crash>, Failure> {
    let enough = stage.cloud.made("snap") + CRASH_AFTER;
    let mut before = snapshots(stage);
    // Whatever a worker does next begins with the journal, before which others may go on: after
    // the step that makes the snapshot, nothing is written yet.
    while stage.cloud.made("snap") < enough {
        if stage.cloud.now() >= end {
            return Ok(None);
        }
        if stage.cloud.made("snap") + 1 == enough {
            before = snapshots(stage);
        }
        stage.rehearsal.step();
    }
    (0..WORKERS).for_each(|worker| stage.rehearsal.crash(worker));
    let at = stage.cloud.now();
    let new = snapshots(stage).into_iter().find(|(id, _)| !before.contains_key(id));
    let Some((snapshot, (place, made))) = new else { return Ok(None) };
    let Some(Ok(job)) = made.tags.get(JOB_TAG).map(|it| it.parse()) else { return Ok(None) };
    let known = stage.rehearsal.journal().load(&job).await?;
    let recorded = serde_json::to_string(&known).is_ok_and(|it| it.contains(&snapshot));
    let back_at = at + DOWN;
    let calls_so_far = stage.cloud.calls().len();
    stage.rehearsal.run_until(back_at).map_err(stuck)?;
    let calls = stage.cloud.calls().len() - calls_so_far;
    (0..WORKERS).for_each(|worker| stage.rehearsal.restart(worker));
    Ok(Some(Crash { at, back_at, place, snapshot, volume: made.volume_id, job, recorded, calls }))
}

/// Every snapshot that there is, with its place.
fn snapshots(stage: &Stage) -> BTreeMap<String, (Place, Snapshot)> {
    let places = stage.cloud.places().into_iter();
    let in_place = |place: Place| {
        let all = stage.cloud.snapshots_in(&place).into_iter();
        all.map(move |it| (it.id.clone(), (place.clone(), it)))
    };
    places.flat_map(in_place).collect()
}

/// What the runs of a day have done.
async fn look_back(stage: &Stage, date: Timestamp, calls: &[Call]) -> Result<Day, Failure> {
    let since = RunFilter { since: Some(date), ..RunFilter::default() };
    let mut day = Day {
        date,
        backup: Tally::default(),
        copies: Tally::default(),
        prune: Tally::default(),
        throttled: throttled(calls),
    };
    for run in stage.rehearsal.journal().runs(&since).await? {
        match run.id.task() {
            BACKUP => day.backup.add(&run.tally),
            COPY => day.copies.add(&run.tally),
            _ => day.prune.add(&run.tally),
        }
    }
    Ok(day)
}

fn throttled(calls: &[Call]) -> Option<Throttled> {
    let is_refused = |it: &&Call| {
        matches!(it.outcome, Outcome::Refused(code)
            if classify(Some(code), None) == FaultKind::Throttled)
    };
    let refused: Vec<&Call> = calls.iter().filter(is_refused).collect();
    let first = refused.first()?;
    let same = |it: &&Call| it.place == first.place && it.operation == first.operation;
    let last = calls.iter().filter(same).rfind(|it| it.outcome == Outcome::Done)?;
    Some(Throttled {
        place: first.place.clone(),
        calls: refused.len(),
        waited: last.at.duration_since(first.at),
    })
}

/// What asking for the same occurrence once more has done.
struct Again {
    started: Vec<Started>,
    /// Calls that may change something.
    writing: usize,
}

/// Asks for the last backup once more.
async fn run_again(stage: &mut Stage, tasks: &[Task], date: Timestamp) -> Result<Again, Failure> {
    let since = RunFilter { since: Some(date), ..RunFilter::default() };
    let runs = stage.rehearsal.journal().runs(&since).await?;
    let last = runs.iter().find(|it| it.id.task() == BACKUP);
    let occurrence = last.and_then(|it| it.id.occurrence().parse().ok());
    let at = occurrence.ok_or_else(|| Failure::failed("the demo: no backup ran"))?;
    let task: TaskName =
        BACKUP.parse().map_err(|_| Failure::failed("the demo: its task has no name"))?;
    let started = stage.engine(tasks).event(Event::Run { task, at }).await?;
    // Longer than any job of that night took.
    stage.rehearsal.run_until(stage.cloud.now() + HOUR).map_err(stuck)?;
    let writing = |it: &&Call| it.access == Access::Writes;
    Ok(Again { started, writing: stage.cloud.take_calls().iter().filter(writing).count() })
}
