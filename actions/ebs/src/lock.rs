//! `ebs.snapshot.lock`: keeps snapshots from being deleted by anybody for a while.
//!
//! A lock that is there is never made weaker or shorter.
//!
//! Idempotency: *converging*. The end of a lock is an instant, not a length, so that saying it
//! twice changes nothing. What is locked in compliance mode AWS does not lock again for the same
//! time: a repeated step looks before it says it again.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, LookCx, PlanCx},
    cloud::ec2::{Lock, LockMode, LockState, NewLock, Snapshot, SnapshotState},
    length::Length,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    lineage::{is_hop, manager},
    locked::{held, in_words, locks},
    watch::unless_done,
};

/// How far ahead the end of a lock has to be at least.
/// Source: EC2 API, `LockSnapshot`, `ExpirationDate`.
const LEAST: SignedDuration = SignedDuration::from_hours(24);
/// How long a lock may cool off, in hours. Source: EC2 API, `LockSnapshot`, `CoolOffPeriod`.
const COOL_OFF: std::ops::RangeInclusive<u32> = 1..=72;
const HOUR: u32 = 60;

/// Parameters of `ebs.snapshot.lock`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Who may take the lock off before its end.
    mode: LockMode,
    /// How long each snapshot is locked, such as `30d`, counted from the point in time that it
    /// holds: so a task that runs daily does not lock it anew for ever. At least `2d`, as AWS takes
    /// no end within a day.
    #[serde(default, rename = "for")]
    lasting: Option<Length>,
    /// Until when all of them are locked, such as `2027-01-01T00:00:00Z`; instead of `for`.
    #[serde(default)]
    until: Option<Timestamp>,
    /// How long the lock can be taken off all the same, in compliance mode: `1h` to `72h`, in whole
    /// hours. Without it, from the first moment on nobody can.
    #[serde(default)]
    cool_off: Option<Length>,
}

/// `ebs.snapshot.lock`: locks each snapshot.
pub struct LockSnapshot;

/// What has to be done so that a snapshot is locked as it is to be.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// Nothing: it is.
    Is(String),
    /// Nothing: its time is over.
    Over(String),
    /// It cannot be: why.
    None(String),
    /// This.
    Lock(NewLock),
}

#[async_trait]
impl Action for LockSnapshot {
    type Params = Params;
    type Target = Snapshot;
    type State = ();
    type Known = BTreeMap<String, Lock>;

    const SPEC: Spec = Spec {
        name: "ebs.snapshot.lock",
        summary: "Keeps each selected snapshot from being deleted by anybody for a while.",
        permissions: &["ec2:DescribeLockedSnapshots", "ec2:LockSnapshot"],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    const LOOKS: &'static [&'static str] = &["ec2:DescribeLockedSnapshots"];

    fn check(params: &Params) -> Result<(), BadParams> {
        let bad = |path: &str, message: &str| {
            Err(BadParams { path: path.to_owned(), message: message.to_owned() })
        };
        match (params.lasting, params.until) {
            (None, None) => return bad("", "`for` or `until` says how long they are locked"),
            (Some(_), Some(_)) => return bad("until", "there is `for` already: give one of both"),
            (Some(length), None) if length.minutes() < 48 * HOUR => {
                return bad("for", "`for` is at least `2d`: AWS takes no end within a day");
            }
            _ => {}
        }
        let Some(cool_off) = params.cool_off else { return Ok(()) };
        if params.mode == LockMode::Governance {
            return bad("cool-off", "`cool-off` is for `mode: compliance` only");
        }
        let minutes = cool_off.minutes();
        match minutes % HOUR == 0 && COOL_OFF.contains(&(minutes / HOUR)) {
            true => Ok(()),
            false => bad("cool-off", "AWS takes `1h` to `72h`, in whole hours"),
        }
    }

    async fn look(
        cx: &LookCx<'_>,
        _: &Params,
        found: &[Snapshot],
    ) -> Result<BTreeMap<String, Lock>, Fault> {
        locks(cx, found).await
    }

    fn plan(
        params: &Params,
        cx: &PlanCx<'_>,
        found: &[Snapshot],
        known: &BTreeMap<String, Lock>,
    ) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, it, known.get(&it.id), cx.now)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        snapshot: &Snapshot,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        let (ec2, id) = (cx.here.ec2(), &snapshot.id);
        let lock = ec2.lock_of(id).await.doing(format!("asking for the lock of `{id}`"))?;
        let new = match way(params, snapshot, lock.as_ref(), cx.now) {
            Way::Lock(new) => new,
            Way::Is(why) if cx.tried.times > 0 => return Ok(Progress::Done(why)),
            Way::Is(why) | Way::Over(why) => return Ok(Progress::Skipped(why)),
            Way::None(why) => return Err(Fault::permanent(why)),
        };
        if let Some(wait) = cx.lag_left() {
            return Ok(Progress::Later { wait });
        }
        match ec2.lock_snapshot(id, &new).await.doing(format!("locking `{id}`")) {
            Ok(()) => Ok(Progress::Done(in_words((new.mode, new.until)))),
            Err(fault) => unless_done(cx, fault),
        }
    }
}

impl Params {
    /// When the lock of a snapshot ends.
    fn end(&self, snapshot: &Snapshot) -> Timestamp {
        let after = |length: Length| length.after(snapshot.started_at);
        // To the second: that is what AWS takes.
        let end = self.lasting.map(after).or(self.until).unwrap_or(snapshot.started_at);
        Timestamp::from_second(end.as_second()).unwrap_or(end)
    }
}

/// How a snapshot comes to its lock.
/// Source: EBS User Guide, "Amazon EBS snapshot lock", considerations.
fn way(params: &Params, snapshot: &Snapshot, lock: Option<&Lock>, now: Timestamp) -> Way {
    let wanted = params.end(snapshot);
    let held = held(lock, snapshot);
    if let Some(held) = held.filter(|(mode, until)| *mode >= params.mode && *until >= wanted) {
        return Way::Is(format!("it is {}", in_words(held)));
    }
    if wanted < now + LEAST {
        let past = if wanted <= now { "ended" } else { "ends" };
        return Way::Over(format!("its time {past} at {wanted}, and AWS locks for a day at least"));
    }
    if let Some(held) = held.filter(|(mode, _)| *mode > params.mode) {
        return Way::None(format!(
            "it is {}, and AWS makes that longer in compliance mode only: set `mode: compliance`",
            in_words(held)
        ));
    }
    let cools_off = lock.is_none_or(|it| it.state != LockState::Compliance);
    Way::Lock(NewLock {
        mode: params.mode,
        until: held.map_or(wanted, |(_, until)| until.max(wanted)),
        cool_off_hours: params.cool_off.filter(|_| cools_off).map(|it| it.minutes() / HOUR),
    })
}

fn judge(params: &Params, snapshot: &Snapshot, lock: Option<&Lock>, now: Timestamp) -> Verdict {
    let leave = |reason: &str| Verdict::Leave { reason: reason.to_owned() };
    match snapshot.state {
        SnapshotState::Error => return leave("it failed"),
        SnapshotState::Recoverable | SnapshotState::Recovering => {
            return leave("it is in the recycle bin");
        }
        SnapshotState::Pending | SnapshotState::Completed => {}
    }
    if is_hop(snapshot) {
        return leave("it is on the way to another copy");
    }
    if let Some(manager) = manager(snapshot) {
        return leave(manager.in_words());
    }
    match way(params, snapshot, lock, now) {
        Way::Is(reason) | Way::Over(reason) => Verdict::Leave { reason },
        Way::None(reason) => Verdict::Fail { reason },
        Way::Lock(new) => {
            let reason = match (new.mode, new.cool_off_hours) {
                (LockMode::Governance, _) => None,
                (LockMode::Compliance, None) => {
                    Some("nobody can take it off before, whatever happens".to_owned())
                }
                (LockMode::Compliance, Some(hours)) => {
                    Some(format!("it can be taken off for {hours} h, and not after that"))
                }
            };
            let effect = format!("lock in {} mode until {}", new.mode.as_str(), new.until);
            Verdict::Act { effect, reason }
        }
    }
}

#[cfg(test)]
mod tests;
