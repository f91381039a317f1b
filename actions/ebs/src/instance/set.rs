//! Sets of snapshots under way. No id says which snapshots belong together: those of one job with
//! the same time of asking do.

use std::{collections::BTreeMap, fmt, time::Duration};

use jiff::Timestamp;
use lamplighter_core::{
    Doing, Fault, StepCx, Tags,
    action::{CONSISTENCY_TAG, SOURCE_TAG, TAKEN_AT_TAG},
    cloud::{
        ec2::{Snapshot, SnapshotState},
        instances::Instance,
    },
    copying,
};
use serde::{Deserialize, Serialize};

use super::{
    choice::attached,
    params::Params,
    vss::{are_held, is_of_windows},
};
use crate::watch::{Started, Twins, delete_twins};

/// What a job remembers of the set that it has begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Set {
    /// The first of them.
    started: Started,
    /// All of them. `None`: the answer was lost, so that only describes tell.
    snapshots: Option<Vec<String>>,
}

/// How the snapshots of a set hold together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consistency {
    /// As after a loss of power.
    Crash,
    /// Applications were told, and held still.
    Application,
}

/// How it stands with a set that was begun.
pub(super) type Stand = copying::Stand<Set, Vec<Snapshot>>;

impl fmt::Display for Consistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-consistent", self.as_str())
    }
}

impl Consistency {
    /// The value of its tag.
    fn as_str(self) -> &'static str {
        match self {
            Consistency::Crash => "crash",
            Consistency::Application => "application",
        }
    }
}

impl Set {
    /// What this step has just begun.
    pub(super) fn now(cx: &StepCx<'_>, snapshots: Vec<String>) -> Set {
        let first = snapshots.first().map(String::as_str).unwrap_or_default();
        let at = Timestamp::from_second(cx.now.as_second()).unwrap_or(cx.now);
        Set { started: Started::now(cx, first, at), snapshots: Some(snapshots) }
    }

    /// What an earlier try has begun.
    pub(super) fn found(started: Started) -> Set {
        Set { started, snapshots: None }
    }

    /// The first look, some time after the beginning.
    pub(super) fn first_look(self) -> (Set, Duration) {
        self.look_again(None)
    }

    /// When it was asked for, as its tags say it.
    pub(super) fn asked_at(&self) -> Timestamp {
        self.started.at()
    }

    /// The same, where there may be another set that does not show yet.
    pub(super) fn unsure(self) -> Set {
        Set { snapshots: None, ..self }
    }

    /// Says how it stands, when this is what the job has made: it waits for the oldest set of which
    /// none has failed, or for the one that is proven to be application-consistent, tells each
    /// snapshot of it what it is, and in the end deletes all others.
    pub(super) async fn stands(
        self,
        cx: &StepCx<'_>,
        (params, target): (&Params, &Instance),
        made: Vec<Snapshot>,
        proven: Option<Timestamp>,
    ) -> Result<Stand, Fault> {
        let may_be_hidden = self.started.may_be_hidden(cx);
        if let Some(id) = self.missing(&made) {
            return Ok(match may_be_hidden {
                true => self.pending(None),
                false => Stand::Failed(format!("`{id}` disappeared before it was completed")),
            });
        }
        let failed = made.iter().find(|it| it.state == SnapshotState::Error).cloned();
        let mut sets = by_call(made);
        let is_whole = |set: &Vec<Snapshot>| set.iter().all(|it| it.state != SnapshotState::Error);
        let is_proven =
            |set: &Vec<Snapshot>| consistency_of(set, proven) == Consistency::Application;
        let best = sets.iter().position(|set| is_whole(set) && is_proven(set));
        let Some(index) = best.or_else(|| sets.iter().position(is_whole)) else {
            return Ok(match failed {
                Some(Snapshot { id, state_message, .. }) => {
                    let why = state_message.unwrap_or_else(|| "AWS does not say why".to_owned());
                    Stand::Failed(format!("`{id}` ended in state `error`: {why}"))
                }
                None if may_be_hidden => self.pending(None),
                None => Stand::Failed("the snapshots disappeared".to_owned()),
            });
        };
        let kept = sets.remove(index);
        label(cx, params, target, &kept, consistency_of(&kept, proven)).await?;
        let is_pending = kept.iter().any(|it| it.state != SnapshotState::Completed);
        let is_unsure = self.snapshots.is_none() || self.started.may_have_twins();
        if is_pending || (is_unsure && may_be_hidden) {
            return Ok(self.pending(kept.first()));
        }
        let twins = sets.into_iter().flatten();
        Ok(match delete_twins(cx, cx.here.ec2(), twins).await? {
            Twins::Deleted(told) => Stand::Completed(kept, told),
            Twins::Later(wait) => Stand::Later(wait),
        })
    }

    /// One of those that are known to have been begun, and that does not show.
    fn missing(&self, made: &[Snapshot]) -> Option<&str> {
        let mut known = self.snapshots.iter().flatten();
        known.find(|id| made.iter().all(|it| it.id != **id)).map(String::as_str)
    }

    fn pending(self, kept: Option<&Snapshot>) -> Stand {
        let (set, wait) = self.look_again(kept);
        Stand::Pending(set, wait)
    }

    fn look_again(self, kept: Option<&Snapshot>) -> (Set, Duration) {
        let (started, wait) = self.started.look_again(kept);
        (Set { started, ..self }, wait)
    }
}

/// What was made, call by call, the oldest first.
fn by_call(made: Vec<Snapshot>) -> Vec<Vec<Snapshot>> {
    let mut calls = BTreeMap::<String, Vec<Snapshot>>::new();
    for it in made {
        let asked_at = it.tags.get(TAKEN_AT_TAG).cloned().unwrap_or_default();
        calls.entry(asked_at).or_default().push(it);
    }
    calls.into_values().collect()
}

/// How a set was taken, when the one that was asked for then is proven to be
/// application-consistent. Those that VSS has held say so themselves.
pub(super) fn consistency_of(set: &[Snapshot], proven: Option<Timestamp>) -> Consistency {
    let asked_at = set.first().and_then(asked_at);
    match are_held(set) || proven.is_some() && asked_at == proven {
        true => Consistency::Application,
        false => Consistency::Crash,
    }
}

/// The set of these that was asked for last, and its snapshots.
pub(super) fn last_call(made: Vec<Snapshot>) -> Option<(Set, Vec<Snapshot>)> {
    let newest = by_call(made).pop()?;
    let first = newest.first()?;
    Some((Set::found(Started::found(&first.id, asked_at(first)?)), newest))
}

fn asked_at(snapshot: &Snapshot) -> Option<Timestamp> {
    snapshot.tags.get(TAKEN_AT_TAG)?.parse().ok()
}

/// Tells each snapshot of which volume it is a backup and how it was taken, and gives it the tags
/// that are asked for and that it could not be made with.
async fn label(
    cx: &StepCx<'_>,
    params: &Params,
    target: &Instance,
    set: &[Snapshot],
    consistency: Consistency,
) -> Result<(), Fault> {
    let is_bare = |it: &&Snapshot| !it.tags.contains_key(CONSISTENCY_TAG);
    let bare: Vec<&Snapshot> = set.iter().filter(is_bare).collect();
    let ec2 = cx.here.ec2();
    let volumes = attached(ec2, bare.iter().map(|it| it.volume_id.clone()).collect(), None).await?;
    let none = Tags::new();
    for it in bare {
        let volume = volumes.get(&it.volume_id).map_or(&none, |it| &it.tags);
        let values = cx.values(&it.volume_id, volume);
        // Windows takes no tags but ours with the call.
        let mut tags = match is_of_windows(it) {
            true => params.wanted_tags().of(&target.tags, &cx.values(&target.id, &target.tags)),
            false => Tags::new(),
        };
        let mut has = it.tags.clone();
        has.extend(tags.clone());
        tags.extend(params.volume_tags(volume, &has, 2, &values));
        tags.insert(SOURCE_TAG.to_owned(), it.volume_id.clone());
        tags.insert(CONSISTENCY_TAG.to_owned(), consistency.as_str().to_owned());
        ec2.set_tags(&it.id, &tags).await.doing(format!("telling `{}` what it is", it.id))?;
    }
    Ok(())
}
