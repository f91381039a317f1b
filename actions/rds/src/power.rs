//! `rds.instance.power` and `rds.cluster.power`: make databases follow the periods of a timetable.
//!
//! Idempotency: *converging*. Each run looks at what every database is and should be at that
//! instant, and switches those that differ. It remembers nothing from one run to the next: a
//! start that failed is tried again by the next run, and what AWS starts after seven days is
//! stopped again by it.

mod by_hand;

use std::{collections::BTreeMap, marker::PhantomData, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Action, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, LookCx, Permissions, PlanCx},
    cloud::rds::{Kind, PowerEvent},
    power::{self, Decision, Manual, Period, Power, Seen, Switch, Timetable},
    schedule::Zone,
    tagging::check_key,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    bounds::{Readiness, cannot_stop, look, out_of_bounds, readiness},
    family::{AnyDatabase, Clusters, Facts, Family, Instances},
    halt::{Halt, Halted},
    history,
    launch::{Launch, Launched},
};

/// How far back RDS's record is asked for: as far as it goes.
const RECORD: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Parameters of `rds.instance.power` and `rds.cluster.power`. The task's schedule says how often
/// it looks; every few minutes is meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(from = "Written")]
#[schemars(with = "Written")]
pub struct Params {
    timetable: Timetable,
    manual_start: Manual,
    manual_stop: Manual,
    override_tag: String,
}

/// Parameters of `rds.instance.power` and `rds.cluster.power`. The task's schedule says how often
/// it looks; every few minutes is meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "Params")]
struct Written {
    /// The periods in which the databases run, by name. Outside of all they are stopped. A
    /// database takes minutes to start, and as long as its last transactions to stop.
    periods: BTreeMap<String, Period>,
    /// Whose clock the periods follow, such as `Europe/Madrid`. A time that the clock jumps over
    /// has come at the first instant after; one that it shows twice has come the first time.
    #[serde(default)]
    time_zone: Zone,
    /// What becomes of a database that somebody has started outside of the periods: `respect`
    /// leaves it until the next period has ended, `enforce` stops it. What AWS has started after
    /// seven days is stopped either way. RDS's record of the last fourteen days says who it was.
    #[serde(default)]
    manual_start: Manual,
    /// What becomes of a database that somebody has stopped in a period: `respect` leaves it until
    /// the next period begins, `enforce` starts it. In the first hour of a period a stop may be the
    /// end of a slow one of Lamplighter's own, and counts as that unless it was started before.
    #[serde(default)]
    manual_stop: Manual,
    /// The tag of a database that says something else for a while: `running until
    /// 2026-11-24T08:00`, `stopped until …`, or `as-is until …`, in which it is left alone. Times
    /// without an offset are those of `time-zone`. Without such a tag, or when its time has come,
    /// the periods hold.
    #[serde(default = "default_tag")]
    override_tag: String,
}

fn default_tag() -> String {
    "power".to_owned()
}

impl From<Written> for Params {
    fn from(it: Written) -> Params {
        Params {
            timetable: Timetable { periods: it.periods, time_zone: it.time_zone },
            manual_start: it.manual_start,
            manual_stop: it.manual_stop,
            override_tag: it.override_tag,
        }
    }
}

/// RDS's record of what was switched when, by database, the oldest first.
#[derive(Debug, Default)]
pub struct Record(BTreeMap<String, Vec<PowerEvent>>);

/// What the job remembers: which way the database is going.
#[derive(Debug, Serialize, Deserialize)]
pub struct Switching(Way);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Way {
    /// It is to run.
    Up(Launch),
    /// It is to be stopped.
    Down(Halt),
}

/// Starts and stops each database as its timetable says.
pub struct FollowTimetable<F>(PhantomData<F>);

impl FollowTimetable<Instances> {
    /// `rds.instance.power`.
    pub const OF_INSTANCES: Self = FollowTimetable(PhantomData);
}

impl FollowTimetable<Clusters> {
    /// `rds.cluster.power`.
    pub const OF_CLUSTERS: Self = FollowTimetable(PhantomData);
}

const OF_INSTANCES: Spec = Spec {
    name: "rds.instance.power",
    summary: "Starts and stops each selected DB instance so that it runs in named periods.",
    permissions: &[
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "rds:DescribeEvents",
        "rds:StartDBInstance",
        "rds:StopDBInstance",
    ],
    elsewhere: &[],
    effect: Effect::Changes,
    timeout: Duration::from_secs(3 * 3600),
    gate: None,
};

const OF_CLUSTERS: Spec = Spec {
    name: "rds.cluster.power",
    summary: "Starts and stops each selected Aurora cluster so that it runs in named periods.",
    permissions: &[
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "rds:DescribeEvents",
        "rds:StartDBCluster",
        "rds:StopDBCluster",
    ],
    ..OF_INSTANCES
};

#[async_trait]
impl<F: Family> Action for FollowTimetable<F> {
    type Params = Params;
    type Target = F::Database;
    type State = Switching;
    type Known = Record;

    const SPEC: Spec = match F::KIND {
        Kind::Instance => OF_INSTANCES,
        Kind::Cluster => OF_CLUSTERS,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        let bad = |path: &str, message: String| Err(BadParams { path: path.to_owned(), message });
        if let Err(message) = check_key(&params.override_tag) {
            return bad("override-tag", message);
        }
        match params.timetable.periods.is_empty() {
            true => bad("periods", "without a period nothing ever runs: name one".to_owned()),
            false => Ok(()),
        }
    }

    fn permissions(params: &Params) -> Permissions {
        let mut permissions = Permissions::here(Self::SPEC.permissions);
        if !params.asks_who() {
            permissions.here.remove("rds:DescribeEvents");
        }
        permissions
    }

    async fn look(cx: &LookCx<'_>, params: &Params, _: &[F::Database]) -> Result<Record, Fault> {
        let mut record = Record::default();
        if params.asks_who() {
            let since = cx.now - RECORD;
            for event in history::events(cx.here.rds(), F::KIND, since, cx.now).await? {
                record.0.entry(event.database.clone()).or_default().push(event);
            }
        }
        Ok(record)
    }

    fn plan(
        params: &Params,
        cx: &PlanCx<'_>,
        found: &[F::Database],
        Record(record): &Record,
    ) -> Vec<Verdict> {
        let of = |it: &Facts<'_>| record.get(it.id).map(Vec::as_slice).unwrap_or_default();
        let judge = |it: &F::Database| judge(params, &it.facts(), of(&it.facts()), cx.now);
        found.iter().map(judge).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &F::Database,
        state: Option<Switching>,
    ) -> Result<Progress<Switching>, Fault> {
        let Some(it) = look(cx, target).await? else {
            return Ok(Progress::Skipped("it is gone".to_owned()));
        };
        let state = match state {
            Some(state) => state,
            None => match begin(params, &target.facts(), &it.facts(), cx.now) {
                Ok(state) => state,
                Err(why) => return Ok(Progress::Skipped(why)),
            },
        };
        match state.0 {
            Way::Up(launch) => start::<F>(cx, &it, launch).await,
            Way::Down(halt) => stop::<F>(cx, &it, halt).await,
        }
    }
}

impl Params {
    /// Whether it matters who has switched something.
    fn asks_who(&self) -> bool {
        [self.manual_start, self.manual_stop].contains(&Manual::Respect)
    }

    fn tag_of<'i>(&'i self, it: &Facts<'i>) -> Option<(&'i str, &'i str)> {
        let value = it.tags.get(&self.override_tag)?;
        Some((&self.override_tag, value))
    }
}

fn judge(params: &Params, it: &Facts<'_>, record: &[PowerEvent], now: Timestamp) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(reason) = out_of_bounds(it, Some(OF_CLUSTERS.name)) {
        return leave(reason);
    }
    let switch = match switch(it) {
        Ok(switch) => switch,
        Err(reason) => return leave(reason),
    };
    let tag = params.tag_of(it);
    let Params { timetable, manual_start, manual_stop, .. } = params;
    let since = match power::wanted(timetable, tag, now) {
        Ok(wanted) => wanted.since,
        Err(why) => return leave(why),
    };
    let seen = Seen {
        switch,
        started_at: by_hand::started(record, since),
        stopped_at: by_hand::stopped(record, since),
        tag,
    };
    let act = |effect: &str, reason| Verdict::Act { effect: effect.to_owned(), reason };
    match power::decide(timetable, *manual_start, *manual_stop, &seen, now) {
        Decision::Leave(why) => leave(why),
        Decision::Start(why) => act("start", Some(why)),
        Decision::Stop(why) => match cannot_stop(it) {
            Some(cannot) => leave(format!("{cannot}; {why}")),
            None => act("stop", Some(why)),
        },
    }
}

/// How a database is switched, or why that cannot be said.
fn switch(it: &Facts<'_>) -> Result<Switch, String> {
    match (it.state, readiness(it)) {
        ("stopped", _) => Ok(Switch::Off),
        ("creating" | "starting" | "stopping", _) => Ok(Switch::Between),
        (state, Readiness::Stuck) => Err(format!("it is `{state}`")),
        (_, Readiness::Busy | Readiness::Ready) => Ok(Switch::On),
    }
}

/// Which way to go, when that is still wanted: the job may have waited.
fn begin(
    params: &Params,
    target: &Facts<'_>,
    it: &Facts<'_>,
    now: Timestamp,
) -> Result<Switching, String> {
    let wanted = power::wanted(&params.timetable, params.tag_of(it), now)?;
    match (switch(target)?, wanted.power) {
        (Switch::Off, Power::Running) => Ok(Switching(Way::Up(Launch::default()))),
        (Switch::On, Power::Stopped) => Ok(Switching(Way::Down(Halt::default()))),
        _ => Err(format!("not any longer: {}", wanted.why)),
    }
}

async fn start<F: Family>(
    cx: &StepCx<'_>,
    it: &F::Database,
    mut launch: Launch,
) -> Result<Progress<Switching>, Fault> {
    Ok(match launch.step::<F>(cx, it).await? {
        Launched::Running => Progress::Done("started".to_owned()),
        Launched::Not(wait) => Progress::Again { state: Switching(Way::Up(launch)), wait },
        // The next run tries again, if it is still wanted then.
        Launched::Refused(why) => return Err(Fault::permanent(why)),
    })
}

async fn stop<F: Family>(
    cx: &StepCx<'_>,
    it: &F::Database,
    mut halt: Halt,
) -> Result<Progress<Switching>, Fault> {
    Ok(match halt.step::<F>(cx, it).await? {
        Halted::Stopped => Progress::Done("stopped".to_owned()),
        Halted::Not(wait) => Progress::Again { state: Switching(Way::Down(halt)), wait },
        Halted::Refused(why) => Progress::Skipped(why),
    })
}

#[cfg(test)]
mod tests;
