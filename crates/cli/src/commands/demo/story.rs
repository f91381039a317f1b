//! What the demo tells. Only words are decided here; the numbers are counted elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lamplighter_core::{
    AccountId, Fault, Journal, Place,
    engine::{JobFilter, Write},
    job::{Job, State, Work, WorkKind},
};
use lamplighter_simulator::{Call, Outcome};
use serde_json::Value;

use super::{Again, BACKUP, COPY, Crash, DAYS, Day, PRUNE};
use crate::{
    aftermath::{Aftermath, Backup, RULES},
    output::{self, dim, good, heading, warning},
    stage::{Scene, Stage},
};

/// What there is before anything happens.
pub(super) fn beginning(scene: &Scene, stage: &Stage) -> String {
    let places = stage.cloud.places();
    let regions: BTreeSet<_> = places.iter().map(|it| &it.region).collect();
    let volumes: usize = places.iter().map(|it| stage.cloud.volumes_in(it).len()).sum();
    let accounts = scene.fleet.accounts.len();
    let mut text = format!(
        "{}\n\n\
         {accounts} made-up accounts in {} regions, with {volumes} volumes. AWS is simulated, with its own\n\
         rules; the engine is the one that works on real accounts. Its tasks:\n\n",
        heading("Lamplighter makes the rounds"),
        regions.len(),
    );
    for task in &scene.config.tasks {
        text.push_str(&format!("  {:<15} {}\n", task.order.task.as_str(), task.description));
        if let Some(keep) = task.order.params["keep"].as_object() {
            let rules: Vec<String> = RULES
                .iter()
                .filter_map(|rule| Some(format!("{rule} {}", plain(keep.get(*rule)?))))
                .collect();
            text.push_str(&format!("  {:<15} kept: {}\n", "", rules.join(", ")));
        }
    }
    text.push_str(&format!("\n{}", heading(&format!("{DAYS} days go by"))));
    text
}

/// One day in one line, and another one when AWS was busy.
pub(super) fn day(scene: &Scene, day: &Day) -> String {
    let (backup, prune) = (day.backup.act, day.prune.act);
    let tallies = [&day.backup, &day.copies, &day.prune];
    let failed: u64 = tallies.iter().map(|it| it.all().failed).sum();
    let mut text = format!(
        "  {}  {:>2} of {} volumes backed up, {} copied, {:>2} old snapshots deleted",
        dim(&date(day.date)),
        backup.succeeded,
        backup.total(),
        day.copies.act.succeeded,
        prune.succeeded,
    );
    if failed > 0 {
        text.push_str(&warning(&format!(", {failed} failed")));
    }
    if let Some(it) = &day.throttled {
        let place = place_name(scene, &it.place);
        let said = format!("AWS said {} times to slow down in {place}", it.calls);
        let waited = span(it.waited);
        text.push_str(&format!("\n              {}", warning(&said)));
        text.push_str(&format!(
            "\n              the last of them was done {waited} after the first"
        ));
    }
    text
}

/// A crash, and how its job went on.
pub(super) fn crash(scene: &Scene, crash: &Crash, job: Option<&Job>) -> String {
    let place = place_name(scene, &crash.place);
    let known = if crash.recorded { "already in the journal" } else { "not yet in the journal" };
    let mut lines = vec![
        (Some(crash.at), warning("all workers killed: AWS has just made a snapshot of")),
        (None, format!("{} in {place}, {known}", crash.volume)),
        (Some(crash.back_at), format!("started again: {} calls were made meanwhile", crash.calls)),
    ];
    if let Some((job, at)) = job.and_then(|it| Some((it, it.closed_at?))) {
        let message = output::printable(job.status.message().unwrap_or_default());
        let found = message.contains(&crash.snapshot);
        let said = if found { "its job found it" } else { "its job" };
        lines.push((Some(at), format!("{said}: {message}")));
    }
    let line = |(at, line): (Option<Timestamp>, String)| {
        let time = |at: Timestamp| at.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string();
        format!("              {}  {line}", dim(&format!("{:8}", at.map(time).unwrap_or_default())))
    };
    lines.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// All that is told at the end.
pub(super) struct Ending<'e> {
    pub(super) scene: &'e Scene,
    pub(super) stage: &'e Stage,
    pub(super) aftermath: &'e Aftermath,
    pub(super) calls: &'e [Call],
    pub(super) crash: Option<&'e Crash>,
    pub(super) again: Again,
}

impl Ending<'_> {
    /// The text, and whether all that is promised was kept.
    pub(super) async fn text(&self) -> Result<(String, bool), Fault> {
        let mut text =
            format!("\n{}\n{}", heading("What was backed up where"), self.places().await?);
        if let Some(crash) = self.crash {
            let title = format!("What is kept of {}, and why", crash.volume);
            text.push_str(&format!("\n{}\n{}", heading(&title), self.history(crash).await?));
        }
        let promises = self.promises().await?;
        text.push_str(&format!("\n{}\n", heading("What was promised")));
        for (kept, promise) in &promises {
            let mark = if *kept { good("✓") } else { warning("✗") };
            text.push_str(&format!("  {mark} {promise}\n"));
        }
        text.push_str(&format!("\n{}\n{NEXT}", heading("What to do next")));
        Ok((text, promises.iter().all(|(kept, _)| *kept)))
    }

    /// The jobs on targets of a task.
    async fn jobs(&self, task: &str) -> Result<Vec<Job>, Fault> {
        let filter = JobFilter {
            task: task.parse().ok(),
            kind: Some(WorkKind::Act),
            ..JobFilter::default()
        };
        self.stage.rehearsal.journal().jobs(&filter).await
    }

    async fn places(&self) -> Result<String, Fault> {
        let mut targets: BTreeMap<Place, BTreeSet<String>> = BTreeMap::new();
        for job in self.jobs(BACKUP).await? {
            if let Work::Act { place, target, .. } = job.work {
                targets.entry(place).or_default().insert(target);
            }
        }
        let done = |place: &Place, operation: &str| {
            let same = |it: &&Call| {
                it.place == *place && it.operation == operation && it.outcome == Outcome::Done
            };
            self.calls.iter().filter(same).count().to_string()
        };
        let left = |place: &Place| {
            let here = |it: &&Backup| it.account == place.account && it.region == place.region;
            self.aftermath.backups.iter().filter(here).count().to_string()
        };
        let rows = self.stage.cloud.places().into_iter().map(|place| {
            vec![
                account_name(self.scene, &place.account).to_owned(),
                place.region.to_string(),
                self.stage.cloud.volumes_in(&place).len().to_string(),
                targets.get(&place).map_or(0, BTreeSet::len).to_string(),
                done(&place, "CreateSnapshot"),
                done(&place, "CopySnapshot"),
                done(&place, "DeleteSnapshot"),
                left(&place),
            ]
        });
        let headings =
            ["account", "region", "volumes", "backed up", "made", "copied in", "deleted", "left"];
        Ok(output::figures(&headings, 2..8, rows))
    }

    /// Every backup of the volume that the crash hit.
    async fn history(&self, crash: &Crash) -> Result<String, Fault> {
        let mut rows: Vec<(Timestamp, String, String)> = Vec::new();
        let here = |it: &&Backup| {
            it.account == crash.place.account
                && it.region == crash.place.region
                && it.source == crash.volume
        };
        for it in self.aftermath.backups.iter().filter(here) {
            let why: Vec<&str> =
                it.kept.iter().flat_map(|it| &it.reasons).map(String::as_str).collect();
            rows.push((it.taken_at, "kept".to_owned(), why.join("; ")));
        }
        for job in self.jobs(PRUNE).await? {
            let Work::Act { place, facts, why, .. } = &job.work else { continue };
            let facts = facts.value();
            let taken = facts["started_at"].as_str().and_then(|it| it.parse().ok());
            let of_volume = facts["volume_id"].as_str() == Some(&crash.volume);
            let deleted = job.status.state() == State::Succeeded;
            if let Some(taken) = taken.filter(|_| deleted && of_volume && *place == crash.place) {
                let on = job.closed_at.map(date).unwrap_or_default();
                rows.push((taken, format!("deleted {on}"), why.clone()));
            }
        }
        rows.sort();
        let rows = rows.into_iter().map(|(at, what, why)| vec![date(at), what, why]);
        Ok(output::table(&["of", "", "why"], rows))
    }

    /// What is promised, with the numbers that show it, and whether it was kept.
    async fn promises(&self) -> Result<Vec<(bool, String)>, Fault> {
        let jobs = self.jobs(BACKUP).await?;
        let copies = self.jobs(COPY).await?;
        let (due, succeeded) = (jobs.len(), count(&jobs, State::Succeeded));
        // Those of the nights before are looked at again, and skipped.
        let to_copy = copies.len() - count(&copies, State::Skipped);
        let copied = count(&copies, State::Succeeded);
        let made = self.stage.cloud.made("snap");
        let failures: u64 = self.aftermath.failures.iter().map(|it| it.count).sum();
        let missed = self.aftermath.missed.len();
        let mut promises = vec![
            (
                succeeded == due && copied == to_copy && made == (due + to_copy) as u64,
                format!(
                    "none lost or doubled: {due} backups due, {succeeded} done; {to_copy} copies \
                     due, {copied} done; {made} snapshots made"
                ),
            ),
            (
                failures == 0 && missed == 0,
                format!(
                    "throttling and a crash are no failure: {failures} failed, {missed} missing"
                ),
            ),
        ];
        if let Some(crash) = self.crash {
            let job = jobs.iter().find(|it| it.id == crash.job);
            let message = job.and_then(|it| it.status.message()).unwrap_or_default();
            promises.push((
                message.contains(&crash.snapshot),
                format!("what the crash cut off is used: {}", crash.snapshot),
            ));
        }
        let laws = self.aftermath.laws.len();
        promises.push((
            laws == 0,
            format!("only its own backups deleted, never the newest: {laws} laws broken"),
        ));
        let new = self.again.started.iter().filter(|it| it.write != Write::Lost).count();
        let writing = self.again.writing;
        promises.push((
            new == 0 && writing == 0,
            format!("the last night once more: {new} new runs, {writing} writing calls"),
        ));
        Ok(promises)
    }
}

fn count(jobs: &[Job], state: State) -> usize {
    jobs.iter().filter(|it| it.status.state() == state).count()
}

fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%a %e %b").to_string()
}

fn span(span: SignedDuration) -> String {
    match span.as_secs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

fn account_name<'s>(scene: &'s Scene, id: &'s AccountId) -> &'s str {
    let configured = scene.config.accounts.iter().find(|it| it.id == *id);
    configured.map_or(id.as_str(), |it| it.name.as_str())
}

fn place_name(scene: &Scene, place: &Place) -> String {
    format!("{}/{}", account_name(scene, &place.account), place.region)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

const NEXT: &str = "  lamplighter init              writes a configuration for your own accounts
  lamplighter simulate          runs it for 30 days on a simulated organization
  lamplighter plan TASK         shows what it would do to the real one
  lamplighter demo --write DIR  writes the files of this demo, to go on with
";
