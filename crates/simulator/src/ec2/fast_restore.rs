//! Fast snapshot restores: volumes that are fast from the start.
//!
//! Source: EBS User Guide, "Amazon EBS fast snapshot restore". A call that could not do it for
//! some snapshots and zones says so in its answer, and is no error.

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Place, Tags,
    cloud::ec2::{self as core, FastRestoreState as State},
};
use serde::{Deserialize, Serialize, Serializer};

use super::{
    Ec2, Happening, bucket, ebs_events,
    filter::{Filter, Filtered},
    listing::{self, Question},
    snapshot_own::on_snapshot,
    snapshots::State as SnapshotState,
    zones,
};
use crate::{
    cloud,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    wire::time::maybe_millis,
};

/// Snapshots that can have it in a region.
const MOST: usize = 5;
/// The largest snapshot that can have it, in GiB.
const LARGEST: u32 = 16 * 1024;
/// How long it takes to begin and to end.
const MOMENT: SignedDuration = SignedDuration::from_secs(10);
/// The longest page of the listing.
pub(crate) const LONGEST_PAGE: u32 = 200;

static NO_TAGS: Tags = Tags::new();

/// A snapshot that is restored fast in a zone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FastRestore {
    pub(crate) snapshot_id: Box<str>,
    pub(crate) zone: Box<str>,
    pub(crate) owner: Box<str>,
    pub(crate) state: State,
    /// When it came into each state, in their order.
    pub(crate) since: [Option<Timestamp>; 5],
}

impl From<&FastRestore> for core::FastRestore {
    fn from(it: &FastRestore) -> core::FastRestore {
        core::FastRestore {
            snapshot: it.snapshot_id.to_string(),
            zone: it.zone.to_string(),
            state: it.state,
            reason: Some(reason(it.state).to_owned()),
        }
    }
}

/// As AWS calls it.
pub(super) fn state_name(state: State) -> &'static str {
    ["enabling", "optimizing", "enabled", "disabling", "disabled"][state as usize]
}

fn named<S: Serializer>(state: &State, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state_name(*state))
}

/// Why it came into the state.
fn reason(state: State) -> &'static str {
    match state {
        State::Enabling | State::Disabling => "Client.UserInitiated",
        _ => "Client.UserInitiated - Lifecycle state transition",
    }
}

impl FastRestore {
    /// They were switched on at the beginning of time.
    pub(crate) fn enabled(place: &Place, snapshot: &str, zone: &str) -> FastRestore {
        let long_ago = Some(Timestamp::UNIX_EPOCH);
        FastRestore {
            snapshot_id: snapshot.into(),
            zone: zone.into(),
            owner: place.account.as_str().into(),
            state: State::Enabled,
            since: [long_ago, long_ago, long_ago, None, None],
        }
    }
}

impl Filtered for FastRestore {
    const FILTERS: &'static [&'static str] =
        &["availability-zone", "owner-id", "snapshot-id", "state"];

    fn any(&self, name: &str, test: &dyn Fn(&str) -> bool) -> bool {
        match name {
            "availability-zone" => test(&self.zone),
            "owner-id" => test(&self.owner),
            "snapshot-id" => test(&self.snapshot_id),
            "state" => test(state_name(self.state)),
            _ => false,
        }
    }

    fn tags(&self) -> &Tags {
        &NO_TAGS
    }
}

/// The snapshots and zones of a request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct EnableFastSnapshotRestores {
    pub(crate) availability_zone: Vec<String>,
    pub(crate) source_snapshot_id: Vec<String>,
}

/// The same, to end it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DisableFastSnapshotRestores {
    pub(crate) availability_zone: Vec<String>,
    pub(crate) source_snapshot_id: Vec<String>,
}

/// What both answer.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outcome {
    successful: Vec<Shown>,
    unsuccessful: Vec<Failed>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    snapshot_id: String,
    fast_snapshot_restore_state_error_set: Vec<StateError>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StateError {
    availability_zone: String,
    error: Error,
}

#[derive(Serialize)]
struct Error {
    code: &'static str,
    message: String,
}

/// One in an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    snapshot_id: String,
    availability_zone: String,
    #[serde(serialize_with = "named")]
    state: State,
    state_transition_reason: &'static str,
    owner_id: String,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    enabling_time: Option<Timestamp>,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    optimizing_time: Option<Timestamp>,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    enabled_time: Option<Timestamp>,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    disabling_time: Option<Timestamp>,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    disabled_time: Option<Timestamp>,
}

impl Outcome {
    /// What could not be done first.
    pub(crate) fn refusal(self) -> Option<Refusal> {
        let failed = self.unsuccessful.into_iter();
        let mut errors = failed.flat_map(|it| it.fast_snapshot_restore_state_error_set);
        errors.next().map(|it| Refusal::new(it.error.code, it.error.message))
    }
}

impl From<&Shown> for core::FastRestore {
    fn from(it: &Shown) -> core::FastRestore {
        core::FastRestore {
            snapshot: it.snapshot_id.clone(),
            zone: it.availability_zone.clone(),
            state: it.state,
            reason: Some(it.state_transition_reason.to_owned()),
        }
    }
}

impl Shown {
    fn of(it: &FastRestore) -> Shown {
        let [enabling_time, optimizing_time, enabled_time, disabling_time, disabled_time] =
            it.since;
        Shown {
            snapshot_id: it.snapshot_id.to_string(),
            availability_zone: it.zone.to_string(),
            state: it.state,
            state_transition_reason: reason(it.state),
            owner_id: it.owner.to_string(),
            enabling_time,
            optimizing_time,
            enabled_time,
            disabling_time,
            disabled_time,
        }
    }
}

impl Operation for EnableFastSnapshotRestores {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "EnableFastSnapshotRestores",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Outcome;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let on = |id: &String| on_snapshot(cx, "ec2:EnableFastSnapshotRestores", id);
        self.source_snapshot_id.iter().map(on).collect()
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Outcome, Refusal> {
        for_each(cx, &self.source_snapshot_id, &self.availability_zone, enable)
    }
}

impl Operation for DisableFastSnapshotRestores {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DisableFastSnapshotRestores",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Outcome;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let on = |id: &String| on_snapshot(cx, "ec2:DisableFastSnapshotRestores", id);
        self.source_snapshot_id.iter().map(on).collect()
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Outcome, Refusal> {
        for_each(cx, &self.source_snapshot_id, &self.availability_zone, disable)
    }
}

fn for_each(
    cx: &mut Cx<'_>,
    snapshots: &[String],
    zones: &[String],
    does: fn(&mut Cx<'_>, &str, &str) -> Result<Shown, Refusal>,
) -> Result<Outcome, Refusal> {
    if snapshots.is_empty() || zones.is_empty() {
        let message = "SourceSnapshotId and AvailabilityZone must be given";
        return Err(Refusal::new("MissingParameter", message));
    }
    zones.iter().try_for_each(|zone| zones::check(&cx.place.region, zone))?;
    let mut outcome = Outcome::default();
    for id in snapshots {
        let mut errors = Vec::new();
        for zone in zones {
            match does(cx, id, zone) {
                Ok(shown) => outcome.successful.push(shown),
                Err(Refusal { code, message, .. }) => {
                    let availability_zone = zone.clone();
                    errors.push(StateError { availability_zone, error: Error { code, message } });
                }
            }
        }
        if !errors.is_empty() {
            let fast_snapshot_restore_state_error_set = errors;
            let snapshot_id = id.clone();
            outcome
                .unsuccessful
                .push(Failed { snapshot_id, fast_snapshot_restore_state_error_set });
        }
    }
    Ok(outcome)
}

fn enable(cx: &mut Cx<'_>, id: &str, zone: &str) -> Result<Shown, Refusal> {
    let snapshot = cx.usable_snapshot(cx.place, id)?;
    if snapshot.state != SnapshotState::Completed
        || snapshot.tiering.is_some() && !snapshot.is_at_hand()
    {
        let message = format!("'{id}' is not a completed snapshot in the standard tier");
        return Err(Refusal::new("IncorrectState", message));
    }
    if snapshot.size_gib > LARGEST {
        let message = format!("'{id}' is larger than {LARGEST} GiB");
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    let all = &cx.here().ec2.fast_restores;
    let key = format!("{id}/{zone}");
    if let Some(there) = all.get(&key).filter(|it| it.state.is_on()) {
        return Ok(Shown::of(there));
    }
    let mut on: Vec<&str> =
        all.iter().filter(|(_, it)| it.state.is_on()).map(|(_, it)| &*it.snapshot_id).collect();
    on.dedup();
    if on.len() >= MOST && !on.contains(&id) {
        let message = format!("fast restores are enabled for {MOST} snapshots in this region");
        return Err(Refusal::new("ResourceLimitExceeded", message));
    }
    let new = FastRestore {
        snapshot_id: id.into(),
        zone: zone.into(),
        owner: snapshot.owner.as_str().into(),
        state: State::Enabling,
        since: [Some(cx.now), None, None, None, None],
    };
    let now = cx.now;
    cx.here_mut().ec2.fast_restores.put(&key, new.clone(), now);
    ebs_events::fast_restore(cx.state, cx.place, &new, now);
    cx.plan(now + MOMENT, Happening::FastRestoreMoves(key.into(), State::Optimizing));
    Ok(Shown::of(&new))
}

fn disable(cx: &mut Cx<'_>, id: &str, zone: &str) -> Result<Shown, Refusal> {
    let key = format!("{id}/{zone}");
    let now = cx.now;
    let there = cx.here().ec2.fast_restores.get(&key).filter(|it| it.state.is_on());
    if there.is_none() {
        let message = format!("fast restores of '{id}' are not enabled in {zone}");
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    let disabling = become_(&mut cx.here_mut().ec2, &key, State::Disabling, now);
    let disabling = disabling.expect("it was just there");
    ebs_events::fast_restore(cx.state, cx.place, &disabling, now);
    cx.plan(now + MOMENT, Happening::FastRestoreMoves(key.into(), State::Disabled));
    Ok(Shown::of(&disabling))
}

fn become_(ec2: &mut Ec2, key: &str, state: State, at: Timestamp) -> Option<FastRestore> {
    ec2.fast_restores.change(key, at, |it| {
        it.state = state;
        it.since[state as usize] = Some(at);
        it.clone()
    })
}

/// One comes into its next state, unless it was disabled in the meantime.
pub(super) fn moves(state: &mut cloud::State, place: &Place, key: &str, to: State, at: Timestamp) {
    let ec2 = &mut state.services_mut(place).ec2;
    let Some(there) = ec2.fast_restores.get(key) else { return };
    if there.state as usize + 1 != to as usize {
        return;
    }
    let size_gib = ec2.snapshots.get(&there.snapshot_id).map_or(1024, |it| it.size_gib);
    let Some(moved) = become_(ec2, key, to, at) else { return };
    if to == State::Optimizing {
        let takes = state.dials.times.fast_restore * size_gib as i32 / 1024;
        let next = Happening::FastRestoreMoves(key.into(), State::Enabled);
        state.agenda.plan(at + takes, cloud::Happening::Ec2(place.clone(), next));
    }
    ebs_events::fast_restore(state, place, &moved, at);
}

/// The snapshot cannot be restored any more.
pub(super) fn forget(ec2: &mut Ec2, snapshot: &str, at: Timestamp) {
    let of_it =
        |(key, it): (&str, &FastRestore)| (*it.snapshot_id == *snapshot).then(|| key.to_owned());
    let keys: Vec<String> = ec2.fast_restores.iter().filter_map(of_it).collect();
    for key in keys {
        ec2.fast_restores.remove(&key, at);
    }
}

/// `DescribeFastSnapshotRestores`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeFastSnapshotRestores {
    pub(crate) filter: Vec<Filter>,
    pub(crate) max_results: Option<u32>,
    pub(crate) next_token: Option<String>,
}

/// What `DescribeFastSnapshotRestores` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    pub(crate) fast_snapshot_restore_set: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

impl Operation for DescribeFastSnapshotRestores {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeFastSnapshotRestores",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Described;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ec2:DescribeFastSnapshotRestores")]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Described, Refusal> {
        if self.max_results.is_some_and(|it| it > LONGEST_PAGE) {
            let message = format!("MaxResults is at most {LONGEST_PAGE}");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        let question = Question {
            operation: Self::SPEC.name,
            filters: &self.filter,
            ids: &[],
            not_found: "InvalidSnapshot.NotFound",
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
        };
        let shelf = &cx.here().ec2.fast_restores;
        let shows = |_: &str, it: &FastRestore| Some(Shown::of(it));
        let (fast_snapshot_restore_set, next_token) = listing::answer(cx, &question, shelf, shows)?;
        Ok(Described { fast_snapshot_restore_set, next_token })
    }
}

#[cfg(test)]
mod tests;
