//! A task, after the configuration was checked.

use std::{fmt, num::NonZeroU32};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    AccountId, Region, TaskName,
    events::Trigger,
    schedule::{Schedule, Zone},
    select::Selection,
};

/// One entry of the configuration: what to do, when and where.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// What to do.
    pub order: Order,
    /// One line for people.
    pub description: String,
    /// Whether the task does anything at all.
    pub enabled: bool,
    /// When it runs by itself.
    pub schedule: Option<Schedule>,
    /// The events that trigger it. Without a schedule and without these it runs only when asked
    /// to.
    pub on: Vec<Trigger>,
    /// Where it runs.
    pub reach: Vec<Reach>,
}

/// One account of a task's reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The account.
    pub account: AccountId,
    /// Its regions.
    pub regions: Regions,
}

/// Which regions of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Regions {
    /// These.
    Listed(Vec<Region>),
    /// Every region that is enabled in the account, asked for when a run starts.
    All,
}

/// What a task asks for, without when and where. Jobs carry it, so that a change of the
/// configuration cannot change work in flight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Order {
    /// The task's name.
    pub task: TaskName,
    /// Where the task is defined, as `file:line`, for messages.
    pub defined_at: String,
    /// The action's name.
    pub action: String,
    /// The checked `with:` block.
    pub params: Value,
    /// Which resources.
    pub select: Selection,
    /// Resources that a deleting action may touch although they do not carry our tags.
    pub adopt: Option<Selection>,
    /// Whether to act, or only to plan and record.
    pub mode: Mode,
    /// How many targets there should be.
    pub guards: Guards,
    /// Most open jobs that take steps in one place at a time.
    pub max_concurrent: Option<NonZeroU32>,
    /// How long the work on one target may take. `None`: as long as the action says.
    pub timeout: Option<SignedDuration>,
    /// When to give up the rest of a run.
    pub stop_after: Option<StopAfter>,
    /// The zone of dates in texts.
    pub time_zone: Zone,
}

/// Whether a task acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It plans and acts.
    #[default]
    Act,
    /// It plans and records at its time, and never acts.
    Observe,
}

/// Bounds on the number of targets in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Guards {
    /// Fewer selected targets than this is a failure; those found are worked on all the same.
    pub expect: Option<u32>,
    /// More targets to act on than this: none is acted on, and the place fails.
    pub limit_targets: Option<u32>,
    /// The same, as a share of the place's resources of this kind.
    pub limit_percent: Option<Percent>,
}

impl Guards {
    /// The bounds on the targets of an event. It names them itself: none are expected, and they
    /// are no share of a listing.
    pub fn of_event(&self) -> Guards {
        Guards { limit_targets: self.limit_targets, ..Guards::default() }
    }
}

/// A share between 0 and 100, in whole percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Percent(u32);

impl Percent {
    /// Whether `part` of `whole` is more than this share.
    pub fn exceeded_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 100 > u128::from(self.0) * u128::from(whole)
    }
}

impl TryFrom<u32> for Percent {
    type Error = String;
    fn try_from(value: u32) -> Result<Percent, String> {
        if value <= 100 {
            Ok(Percent(value))
        } else {
            Err(format!("`{value}` is not a percentage between 0 and 100"))
        }
    }
}

impl From<Percent> for u32 {
    fn from(percent: Percent) -> u32 {
        percent.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// When to give up the targets of a run that were not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopAfter {
    /// As soon as this many targets have failed.
    Failed(u32),
    /// As soon as more than this share of the run's targets has failed. Judged once every
    /// place has been listed: before that nobody knows how many targets there are.
    FailedPercent(Percent),
}

impl Task {
    /// Identifies this form of the task: what a task is known by when a host asks whether it has
    /// changed. Its triggers are not part of it: they say nothing of when it is due.
    pub fn fingerprint(&self) -> String {
        let mut order = self.order.clone();
        // Moving a task in its file does not change it.
        order.defined_at = String::new();
        let text = serde_json::to_string(&(order, &self.schedule, &self.reach)).unwrap_or_default();
        format!("1:{}", hex(&Sha256::digest(text)))
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_exceeded_only_beyond_it() {
        let share = Percent::try_from(20).expect("20 is a percentage");
        assert!(!share.exceeded_by(2, 10));
        assert!(share.exceeded_by(3, 10));
        assert!(share.exceeded_by(1, 0));
        assert!(!share.exceeded_by(0, 0));
        assert!(Percent::try_from(101).is_err());
    }
}
