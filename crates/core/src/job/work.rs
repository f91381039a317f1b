//! What a job is for.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{
    AccountId, Facts, Place,
    task::{Group, Order, Reach},
};

/// A piece of work. It carries all it needs, so that a change of the configuration cannot
/// change work that has begun. What never changes is shared between the forms of one job, and
/// the order between the jobs of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Make a `Find` job for each place of the task.
    Spread {
        /// What to do.
        order: Arc<Order>,
        /// Where.
        reach: Vec<Reach>,
        /// Where else, in accounts that are to be learned.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        groups: Vec<Group>,
        /// The occurrence.
        occurrence: Timestamp,
        /// The window in which the places start.
        spread: Option<Duration>,
        /// The saved plan to follow, if there is one: the targets of each place.
        plan: Option<Vec<PlannedPlace>>,
    },
    /// Choose targets in one place, and make an `Act` job for each.
    Find {
        /// What to do.
        order: Arc<Order>,
        /// Where.
        place: Place,
        /// The occurrence.
        occurrence: Timestamp,
        /// The saved plan to follow, if there is one.
        plan: Option<PlannedPlace>,
        /// The ids of the resources that the event is about, if an event has triggered it. No
        /// others are looked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<BTreeSet<String>>,
    },
    /// Take steps on one target until the action is done.
    Act {
        /// What to do.
        order: Arc<Order>,
        /// Where.
        place: Place,
        /// The occurrence.
        occurrence: Timestamp,
        /// The target's id.
        target: String,
        /// What was known of the target when it was chosen.
        facts: Facts,
        /// Why it is acted on, in words. Empty where that is obvious.
        #[serde(default)]
        why: String,
        /// What the steps so far have left to remember. A state that is `null` is a state.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        state: Option<Value>,
    },
}

/// The part of a saved plan for one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedPlace {
    /// Where.
    pub place: Place,
    /// The instant that was decided for.
    pub now: Timestamp,
    /// The targets to act on, each with what was known of it.
    pub targets: Vec<PlannedTarget>,
}

/// One target of a saved plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedTarget {
    /// The target's id.
    pub target: String,
    /// What was known of it.
    pub facts: Facts,
}

/// What kind of work a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkKind {
    /// See [`Work::Spread`].
    Spread,
    /// See [`Work::Find`].
    Find,
    /// See [`Work::Act`].
    Act,
}

impl Work {
    /// What kind of work it is.
    pub fn kind(&self) -> WorkKind {
        match self {
            Work::Spread { .. } => WorkKind::Spread,
            Work::Find { .. } => WorkKind::Find,
            Work::Act { .. } => WorkKind::Act,
        }
    }

    /// What to do.
    pub fn order(&self) -> &Arc<Order> {
        match self {
            Work::Spread { order, .. } | Work::Find { order, .. } | Work::Act { order, .. } => {
                order
            }
        }
    }

    /// The occurrence.
    pub fn occurrence(&self) -> Timestamp {
        match self {
            Work::Spread { occurrence, .. }
            | Work::Find { occurrence, .. }
            | Work::Act { occurrence, .. } => *occurrence,
        }
    }

    /// Where, unless it is everywhere.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Work::Spread { .. } => None,
            Work::Find { place, .. } | Work::Act { place, .. } => Some(place),
        }
    }

    /// In which account, unless it is about several.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Work::Spread { reach, groups, .. } => match reach.as_slice() {
                [only] if groups.is_empty() => Some(&only.account),
                _ => None,
            },
            Work::Find { place, .. } | Work::Act { place, .. } => Some(&place.account),
        }
    }

    /// The target's id, for work on one.
    pub fn target(&self) -> Option<&str> {
        match self {
            Work::Act { target, .. } => Some(target),
            Work::Spread { .. } | Work::Find { .. } => None,
        }
    }

    /// Why a target is acted on, where that is not obvious.
    pub fn why(&self) -> Option<&str> {
        match self {
            Work::Act { why, .. } if !why.is_empty() => Some(why),
            _ => None,
        }
    }

    pub(super) fn with_state(&self, new: Value) -> Work {
        let mut work = self.clone();
        if let Work::Act { state, .. } = &mut work {
            *state = Some(new);
        }
        work
    }
}

/// What is there is `Some`, `null` too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
