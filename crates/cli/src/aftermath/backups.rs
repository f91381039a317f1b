//! Which backups are left, and why.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use lamplighter_catalog::ACTIONS;
use lamplighter_core::{
    AccountId, Place, Region, Tags, TaskName,
    action::{self, Effect, JOB_TAG, SOURCE_TAG, TAKEN_AT_TAG, TASK_TAG, Verdict},
    cloud::{
        ec2::Snapshot,
        rds::{self, Kind},
        table_backups,
    },
    engine::Planner,
    task::Task,
};
use lamplighter_simulator::{Lag, Rules, Throttling};
use serde::Serialize;

use crate::{
    exit::Failure,
    stage::{Scene, Stage},
};

/// The rules of retention, from the finest.
pub(crate) const RULES: [&str; 7] =
    ["last", "within", "hourly", "daily", "weekly", "monthly", "yearly"];

/// A backup that a task made.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Backup {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    /// What it is a backup of.
    pub(crate) source: String,
    /// The volume, database or table that AWS says that it is of. It forgets the volumes of copies.
    #[serde(skip)]
    of: String,
    /// The image that it is a part of.
    #[serde(skip)]
    image: Option<String>,
    /// The task that made it.
    pub(crate) task: String,
    /// The job that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job: Option<String>,
    pub(crate) taken_at: Timestamp,
    /// In the service's own word.
    pub(crate) state: String,
    /// What each task that deletes makes of it.
    pub(crate) kept: Vec<Kept>,
}

/// What a task that deletes makes of a backup.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Kept {
    pub(crate) task: TaskName,
    /// `keep`, or `delete`: its next run deletes it.
    pub(crate) verdict: &'static str,
    pub(crate) reasons: Vec<String>,
}

impl Kept {
    /// The rule that a reason comes from: `daily` of `daily 2 of 14: newest of 2026-03-29`.
    pub(crate) fn rules(&self) -> BTreeSet<&str> {
        self.reasons.iter().map(|it| rule(it)).collect()
    }
}

fn rule(reason: &str) -> &str {
    let reason = reason.strip_prefix("oldest, ").unwrap_or(reason);
    match reason.split_once(' ') {
        Some(("within", _)) => "within",
        Some((rule, rest)) if rest.starts_with(|it: char| it.is_ascii_digit()) => rule,
        Some((rule, rest)) if rest.starts_with("has kept only") => rule,
        _ => reason,
    }
}

/// Every backup that a task made and that is there now, by place, source and time.
pub(crate) async fn backups(scene: &Scene, stage: &Stage) -> Result<Vec<Backup>, Failure> {
    let mut backups = Vec::new();
    for place in stage.cloud.places() {
        let images = stage.cloud.images_in(&place).into_iter();
        let parts =
            images.flat_map(|it| it.snapshots.into_iter().map(move |part| (part, it.id.clone())));
        let mut parts: BTreeMap<String, String> = parts.collect();
        let made = stage.cloud.snapshots_in(&place).into_iter();
        backups.extend(made.filter_map(|it| {
            let image = parts.remove(&it.id);
            Some(Backup { image, ..of_volume(&place, it)? })
        }));
        for kind in [Kind::Instance, Kind::Cluster] {
            let made = stage.cloud.database_snapshots_in(&place, kind).into_iter();
            backups.extend(made.filter_map(|it| of_database(&place, it)));
        }
        let made = stage.cloud.table_backups_in(&place).into_iter();
        backups.extend(made.filter_map(|it| of_table(&place, it)));
    }
    let mut kept = verdicts(scene, stage).await?;
    for backup in &mut backups {
        let place = Place { account: backup.account.clone(), region: backup.region.clone() };
        backup.kept = kept.remove(&(place, backup.id.clone())).unwrap_or_default();
    }
    backups.sort_by(|a, b| {
        let key = |it: &Backup| (it.account.clone(), it.region.clone(), it.source.clone());
        (key(a), a.taken_at, &a.id).cmp(&(key(b), b.taken_at, &b.id))
    });
    Ok(backups)
}

/// A snapshot of a volume, if a task made it.
fn of_volume(place: &Place, it: Snapshot) -> Option<Backup> {
    backup(place, (it.id, it.volume_id), it.tags, (it.started_at, it.state.as_str()))
}

/// A snapshot of a database or a cluster, if a task made it.
fn of_database(place: &Place, it: rds::Snapshot) -> Option<Backup> {
    // One that is still being made has no time of its own.
    let asked_at = it.tags.get(TAKEN_AT_TAG).and_then(|at| at.parse().ok());
    let taken_at = it.original_created_at.or(it.created_at).or(asked_at).unwrap_or_default();
    backup(place, (it.id, it.database), it.tags, (taken_at, &it.state))
}

/// A backup of a table, if a task made it.
fn of_table(place: &Place, it: table_backups::Backup) -> Option<Backup> {
    backup(place, (it.id, it.table), it.tags, (it.created_at, &it.state))
}

fn backup(
    place: &Place,
    (id, of): (String, String),
    mut tags: Tags,
    (taken_at, state): (Timestamp, &str),
) -> Option<Backup> {
    Some(Backup {
        task: tags.remove(TASK_TAG)?,
        job: tags.remove(JOB_TAG),
        source: tags.remove(SOURCE_TAG).unwrap_or_else(|| of.clone()),
        of,
        image: None,
        id,
        account: place.account.clone(),
        region: place.region.clone(),
        taken_at,
        state: state.to_owned(),
        kept: Vec::new(),
    })
}

/// What tasks that delete make of their targets, by place and id. They are asked as `plan` asks
/// them, of a cloud in which nothing goes wrong meanwhile.
async fn verdicts(
    scene: &Scene,
    stage: &Stage,
) -> Result<BTreeMap<(Place, String), Vec<Kept>>, Failure> {
    let mut dials = None;
    stage.cloud.dial(|it| {
        dials = Some(it.clone());
        it.throttling = Throttling::Off;
        it.lag = Lag::Always(SignedDuration::ZERO);
    });
    let calm = |rules: Rules| {
        let bad = |_| Failure::failed("the rules of what goes wrong cannot be set again");
        stage.cloud.set_faults(rules).map_err(bad)
    };
    calm(Rules::default())?;
    let planner = Planner::new(ACTIONS, stage.accounts.clone());
    let mut all: BTreeMap<(Place, String), Vec<Kept>> = BTreeMap::new();
    for task in scene.config.tasks.iter().filter(|it| it.enabled && deletes(it)) {
        let now = stage.cloud.now();
        for place in planner.places(task, now).await.into_iter().flatten() {
            // What cannot be entered has failed in the runs, too, and is told there.
            let Ok(survey) = planner.place(&task.order, &place, now).await.result else { continue };
            for planned in survey.planned {
                let kept = kept(&task.order.task, planned.verdict);
                all.entry((place.clone(), planned.target)).or_default().push(kept);
            }
        }
    }
    drop(stage.cloud.take_calls());
    stage.cloud.dial(|it| *it = dials.unwrap_or_default());
    calm(scene.faults.clone())?;
    Ok(all)
}

fn deletes(task: &Task) -> bool {
    let found = action::find(ACTIONS, &task.order.action);
    found.is_some_and(|it| it.spec().effect == Effect::Deletes)
}

fn kept(task: &TaskName, verdict: Verdict) -> Kept {
    let (verdict, reason) = match verdict {
        Verdict::Act { reason, .. } => ("delete", reason.unwrap_or_default()),
        Verdict::Leave { reason } | Verdict::Fail { reason } => ("keep", reason),
    };
    let reasons = reason.split("; ").map(str::to_owned).collect();
    Kept { task: task.clone(), verdict, reasons }
}

/// Backups that one job made twice of the same thing: an effect that happened twice, which breaks what
/// is promised. An image is one thing, with a snapshot of each volume.
pub(super) fn twins(backups: &[Backup]) -> Vec<String> {
    let mut first = BTreeMap::new();
    let mut twins = Vec::new();
    for Backup { account, region, of, image, id, job, .. } in backups {
        let Some(job) = job else { continue };
        let (what, made) = match image {
            Some(image) => ("", image),
            None => (of.as_str(), id),
        };
        if let Some(other) = first.insert((account, region, what, job), made)
            && other != made
        {
            twins.push(format!("once: `{other}` and `{made}` are both of the job `{job}`"));
        }
    }
    twins
}

#[cfg(test)]
mod tests {
    use lamplighter_config::Source;
    use lamplighter_rehearsal::finish;

    use super::*;
    use crate::stage;

    const CONFIG: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
tasks:
  prune:
    action: ebs.snapshot.delete
    accounts: all
    with: { keep: { last: 1 } }
";

    #[test]
    fn looking_for_reasons_leaves_no_trace_and_what_goes_wrong_goes_on() {
        let source = Source::new("tasks.yaml", CONFIG);
        let config = lamplighter_config::load(&[source], ACTIONS, &|_| Err(String::new())).unwrap();
        let faults = Source::new("faults.yaml", "faults: [{ action: \"*\", drop: true }]");
        let faults = stage::read_faults(&faults).unwrap();
        let scene = Scene::new(config, None, Some(faults.clone()));
        let stage = Stage::set(&scene, Timestamp::UNIX_EPOCH, 1).unwrap();
        finish(backups(&scene, &stage)).unwrap().unwrap();
        assert_eq!(stage.cloud.take_calls(), []);
        let mut dials = None;
        stage.cloud.dial(|it| dials = Some((it.lag, it.throttling)));
        let five = SignedDuration::from_secs(5);
        assert_eq!(dials, Some((Lag::UpTo(five), Throttling::Aws)));
        let task = &scene.config.tasks[0];
        let planner = Planner::new(ACTIONS, stage.accounts.clone());
        let place = stage.cloud.places().remove(0);
        let plan = finish(planner.place(&task.order, &place, Timestamp::UNIX_EPOCH)).unwrap();
        assert!(plan.result.is_err(), "it is dropped again");
    }

    #[test]
    fn backups_of_every_kind_are_there_with_what_becomes_of_them() {
        const CONFIG: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
tasks:
  volumes: { action: ebs.snapshot.create, accounts: all, schedule: { cron: \"0 2 * * *\" } }
  databases: { action: rds.snapshot.create, accounts: all, schedule: { cron: \"0 2 * * *\" } }
  clusters: { action: rds.cluster-snapshot.create, accounts: all, schedule: { cron: \"0 2 * * *\" } }
  tables: { action: dynamodb.backup.create, accounts: all, schedule: { cron: \"0 2 * * *\" } }
  prune:
    action: rds.snapshot.delete
    accounts: all
    schedule: { cron: \"0 9 1 1 *\" }
    select: { tags: { \"lamplighter:task\": databases } }
    with: { keep: { last: 1 } }
";
        let source = Source::new("tasks.yaml", CONFIG);
        let config = lamplighter_config::load(&[source], ACTIONS, &|_| Err(String::new()));
        let fleet = "volumes: [{ id: vol-0a0b0c0d }]\ndatabases: [{ id: orders }]
clusters: [{ id: aurora }]\ntables: [{ id: carts }]";
        let config = config.unwrap();
        let fleet = stage::read_fleet(&Source::new("fleet.yaml", fleet), &config).unwrap();
        let scene = Scene::new(config, Some(fleet), None);
        let begin = "2026-03-02T00:00:00Z".parse().unwrap();
        let mut stage = Stage::set(&scene, begin, 1).unwrap();
        stage.employ(&scene.config.tasks, 2);
        stage.rehearsal.run_until("2026-03-03T12:00:00Z".parse().unwrap()).unwrap();
        let left = finish(backups(&scene, &stage)).unwrap().unwrap();
        let told = left.iter().map(|it| {
            let kept: Vec<&str> = it.kept.iter().map(|it| it.verdict).collect();
            format!("{} {} {} {}", it.source, it.task, it.taken_at.strftime("%d"), kept.concat())
        });
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                "aurora clusters 02 ",
                "aurora clusters 03 ",
                "carts tables 02 ",
                "carts tables 03 ",
                "orders databases 02 delete",
                "orders databases 03 keep",
                "vol-0a0b0c0d volumes 02 ",
                "vol-0a0b0c0d volumes 03 ",
            ]
        );
        assert_eq!(twins(&left), Vec::<String>::new());
    }

    #[test]
    fn two_backups_of_one_job_are_told() {
        let backup = |id: &str, volume: &str, image: Option<&str>, job: &str| Backup {
            id: id.to_owned(),
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            source: "i-1".to_owned(),
            of: volume.to_owned(),
            image: image.map(str::to_owned),
            task: "nightly".to_owned(),
            job: Some(job.to_owned()),
            taken_at: Timestamp::UNIX_EPOCH,
            state: "completed".to_owned(),
            kept: Vec::new(),
        };
        let told = twins(&[
            backup("snap-1", "vol-1", None, "a"),
            backup("snap-2", "vol-1", None, "b"),
            backup("snap-3", "vol-2", None, "a"),
            backup("snap-4", "vol-1", None, "a"),
            backup("snap-5", "vol-ffffffff", Some("ami-1"), "c"),
            backup("snap-6", "vol-ffffffff", Some("ami-1"), "c"),
            backup("snap-7", "vol-ffffffff", Some("ami-2"), "c"),
        ]);
        assert_eq!(
            told,
            [
                "once: `snap-1` and `snap-4` are both of the job `a`",
                "once: `ami-1` and `ami-2` are both of the job `c`",
            ]
        );
    }

    #[test]
    fn a_reason_names_its_rule() {
        for (reason, expected) in [
            ("last 1 of 3", "last"),
            ("daily 2 of 14: newest of 2026-03-29", "daily"),
            ("oldest, monthly has kept only 2 of 12", "monthly"),
            ("within 2d of the newest", "within"),
            ("floor 1 of 1", "floor"),
            ("no rule keeps it", "no rule keeps it"),
            (
                "pending: only completed backups are decided on",
                "pending: only completed backups are decided on",
            ),
        ] {
            assert_eq!(rule(reason), expected);
        }
    }
}
