//! Locks: snapshots that cannot be deleted for a while.
//!
//! Source: EBS User Guide, "Amazon EBS snapshot lock".

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::cloud::ec2::{self as core, LockState};
use serde::{Deserialize, Serialize, Serializer};

use super::{
    bucket,
    filter::Filter,
    listing::{self, Question},
    snapshot_own::on_snapshot,
    snapshots::{Snapshot, State},
};
use crate::{
    iam::{Context, Need},
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    wire::time::{maybe_millis, millis},
};

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Days of a lock.
const DAYS: std::ops::RangeInclusive<u32> = 1..=36_500;
/// Hours in which a lock in compliance mode can still be taken off.
const COOL_OFF: std::ops::RangeInclusive<u32> = 1..=72;

/// A lock of a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lock {
    pub(crate) mode: Mode,
    pub(crate) days: u32,
    pub(crate) cool_off_hours: Option<u32>,
    pub(crate) created_at: Timestamp,
    /// When the days begin to count: not before the snapshot is complete.
    pub(crate) begins_at: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
}

/// Who may take a lock off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// Whoever is permitted to.
    Governance,
    /// Nobody, once it has cooled off.
    Compliance,
}

impl Lock {
    /// A lock of a complete snapshot, past all rules.
    pub(crate) fn new(it: &core::NewLock, now: Timestamp) -> Lock {
        Lock {
            mode: it.mode.into(),
            days: days_until(it.until, now),
            cool_off_hours: it.cool_off_hours,
            created_at: now,
            begins_at: Some(now),
            expires_at: Some(it.until),
        }
    }

    /// As the core has it.
    pub(crate) fn as_core(&self, snapshot: &str, now: Timestamp) -> core::Lock {
        core::Lock {
            snapshot: snapshot.to_owned(),
            state: self.state(now),
            days: self.days,
            expires_at: self.expires_at,
        }
    }

    /// The snapshot is complete: the days begin to count.
    pub(super) fn begin(&mut self, at: Timestamp) {
        if self.begins_at.is_none() {
            self.begins_at = Some(at);
            self.expires_at.get_or_insert(at + DAY * self.days as i32);
        }
    }

    /// Whether it still keeps the snapshot.
    pub(super) fn is_held(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| at > now)
    }

    fn cools_off_until(&self) -> Option<Timestamp> {
        let hours = self.cool_off_hours.filter(|_| self.mode == Mode::Compliance)?;
        Some(self.created_at + SignedDuration::from_hours(hours.into()))
    }

    /// Whether nobody may take it off or shorten it.
    fn is_final(&self, now: Timestamp) -> bool {
        self.mode == Mode::Compliance
            && self.is_held(now)
            && self.cools_off_until().is_none_or(|until| until <= now)
    }

    fn state(&self, now: Timestamp) -> LockState {
        match self.mode {
            _ if !self.is_held(now) => LockState::Expired,
            Mode::Governance => LockState::Governance,
            Mode::Compliance if self.is_final(now) => LockState::Compliance,
            Mode::Compliance => LockState::Cooling,
        }
    }
}

fn days_until(until: Timestamp, now: Timestamp) -> u32 {
    (until.duration_since(now).as_hours() / 24).max(0) as u32
}

impl From<core::LockMode> for Mode {
    fn from(mode: core::LockMode) -> Mode {
        match mode {
            core::LockMode::Governance => Mode::Governance,
            core::LockMode::Compliance => Mode::Compliance,
        }
    }
}

/// `LockSnapshot`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct LockSnapshot {
    pub(crate) snapshot_id: String,
    pub(crate) lock_mode: Mode,
    #[serde(default)]
    pub(crate) cool_off_period: Option<u32>,
    /// In days.
    #[serde(default)]
    pub(crate) lock_duration: Option<u32>,
    #[serde(default)]
    pub(crate) expiration_date: Option<Timestamp>,
}

/// As AWS calls it.
fn name(state: LockState) -> &'static str {
    match state {
        LockState::Governance => "governance",
        LockState::Cooling => "compliance-cooloff",
        LockState::Compliance => "compliance",
        LockState::Expired => "expired",
    }
}

fn state_name<S: Serializer>(state: &LockState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name(*state))
}

/// A lock in an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_id: Option<String>,
    snapshot_id: String,
    #[serde(serialize_with = "state_name")]
    lock_state: LockState,
    lock_duration: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cool_off_period: Option<u32>,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    cool_off_period_expires_on: Option<Timestamp>,
    #[serde(serialize_with = "millis")]
    lock_created_on: Timestamp,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    lock_duration_start_time: Option<Timestamp>,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    lock_expires_on: Option<Timestamp>,
}

impl Shown {
    fn of(it: &Snapshot, lock: &Lock, now: Timestamp) -> Shown {
        Shown {
            owner_id: None,
            snapshot_id: it.id.to_string(),
            lock_state: lock.state(now),
            lock_duration: lock.days,
            cool_off_period: lock.cool_off_hours,
            cool_off_period_expires_on: lock.cools_off_until(),
            lock_created_on: lock.created_at,
            lock_duration_start_time: lock.begins_at,
            lock_expires_on: lock.expires_at,
        }
    }
}

impl From<&Shown> for core::Lock {
    fn from(it: &Shown) -> core::Lock {
        core::Lock {
            snapshot: it.snapshot_id.clone(),
            state: it.lock_state,
            days: it.lock_duration,
            expires_at: it.lock_expires_on,
        }
    }
}

impl Operation for LockSnapshot {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "LockSnapshot",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Shown;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let need = on_snapshot(cx, "ec2:LockSnapshot", &self.snapshot_id);
        let mut context = need.context.clone();
        if let Some(days) = self.lock_duration {
            context = context.with("ec2:SnapshotLockDuration", days.to_string());
        }
        if let Some(hours) = self.cool_off_period {
            context = context.with("ec2:SnapshotCoolOffPeriod", hours.to_string());
        }
        vec![need.with(context)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Shown, Refusal> {
        let snapshot = cx.snapshot(&self.snapshot_id)?;
        if !matches!(snapshot.state, State::Pending | State::Completed) {
            let message = format!("'{}' is {}", snapshot.id, snapshot.state.as_str());
            return Err(Refusal::new("IncorrectState", message));
        }
        let lock = self.lock(cx.now, snapshot)?;
        let (id, now) = (snapshot.id.clone(), cx.now);
        let shown = Shown::of(snapshot, &lock, now);
        cx.here_mut().ec2.snapshots.change(&id, now, |it| it.lock = Some(Box::new(lock)));
        Ok(shown)
    }
}

impl LockSnapshot {
    /// The lock that the snapshot then has.
    fn lock(&self, now: Timestamp, snapshot: &Snapshot) -> Result<Lock, Refusal> {
        let bad = |message: &str| Err(Refusal::new("InvalidParameterValue", message));
        let days = match (self.lock_duration, self.expiration_date) {
            (Some(days), None) if DAYS.contains(&days) => days,
            (None, Some(until)) if until >= now + DAY => days_until(until, now),
            (Some(_), None) => return bad("LockDuration is from 1 to 36500 days"),
            (None, Some(_)) => return bad("ExpirationDate must be at least one day ahead"),
            _ => {
                let message = "either LockDuration or ExpirationDate must be given";
                return Err(Refusal::new("InvalidParameterCombination", message));
            }
        };
        match self.cool_off_period {
            Some(_) if self.lock_mode == Mode::Governance => {
                let message = "CoolOffPeriod is for compliance mode only";
                return Err(Refusal::new("InvalidParameterCombination", message));
            }
            Some(hours) if !COOL_OFF.contains(&hours) => {
                return bad("CoolOffPeriod is from 1 to 72 hours");
            }
            _ => {}
        }
        let mut lock = Lock {
            mode: self.lock_mode,
            days,
            cool_off_hours: self.cool_off_period,
            created_at: now,
            begins_at: None,
            expires_at: self.expiration_date,
        };
        if snapshot.state == State::Completed {
            lock.begin(now);
        }
        let before = snapshot.lock.as_deref().filter(|it| it.is_final(now));
        if let Some(before) = before {
            // It can be extended and nothing else. What counts since completion is longer when
            // its days are more.
            let longer = match (lock.expires_at, before.expires_at) {
                (Some(new), Some(old)) => new > old,
                _ => lock.days > before.days,
            };
            if lock.mode != Mode::Compliance || lock.cool_off_hours.is_some() || !longer {
                let message = "a lock in compliance mode can only be extended";
                return Err(Refusal::new("OperationNotPermitted", message));
            }
        }
        Ok(lock)
    }
}

/// `UnlockSnapshot`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct UnlockSnapshot {
    pub(crate) snapshot_id: String,
}

/// What `UnlockSnapshot` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Unlocked {
    snapshot_id: String,
}

impl Operation for UnlockSnapshot {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "UnlockSnapshot",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Unlocked;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_snapshot(cx, "ec2:UnlockSnapshot", &self.snapshot_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Unlocked, Refusal> {
        let snapshot = cx.snapshot(&self.snapshot_id)?;
        let Some(lock) = &snapshot.lock else {
            let message = format!("'{}' is not locked", snapshot.id);
            return Err(Refusal::new("IncorrectState", message));
        };
        if lock.is_final(cx.now) {
            let message = format!("'{}' is locked in compliance mode", snapshot.id);
            return Err(Refusal::new("OperationNotPermitted", message));
        }
        let now = cx.now;
        cx.here_mut().ec2.snapshots.change(&self.snapshot_id, now, |it| it.lock = None);
        Ok(Unlocked { snapshot_id: self.snapshot_id })
    }
}

/// `DescribeLockedSnapshots`, those of the account.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeLockedSnapshots {
    /// Only `lock-state`.
    pub(crate) filter: Vec<Filter>,
    pub(crate) snapshot_id: Vec<String>,
    pub(crate) max_results: Option<u32>,
    pub(crate) next_token: Option<String>,
}

/// What `DescribeLockedSnapshots` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    pub(crate) snapshot_set: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

impl Operation for DescribeLockedSnapshots {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeLockedSnapshots",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Described;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::on("ec2:DescribeLockedSnapshots", "*").with(Context::default())]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Described, Refusal> {
        if let Some(other) = self.filter.iter().find(|it| it.name != "lock-state") {
            let message = format!("The filter '{}' is invalid", other.name);
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        let question = Question {
            operation: Self::SPEC.name,
            filters: &[],
            ids: &self.snapshot_id,
            not_found: "InvalidSnapshot.NotFound",
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
        };
        let shows = |_: &str, it: &Snapshot| {
            let lock = it.lock.as_deref()?;
            let state = name(lock.state(cx.seen));
            let asked = self.filter.iter().all(|filter| filter.value.iter().any(|it| it == state));
            let owner_id = Some(it.owner.to_string());
            asked.then(|| Shown { owner_id, ..Shown::of(it, lock, cx.seen) })
        };
        let (snapshot_set, next_token) =
            listing::answer(cx, &question, &cx.here().ec2.snapshots, shows)?;
        Ok(Described { snapshot_set, next_token })
    }
}

#[cfg(test)]
mod tests;
