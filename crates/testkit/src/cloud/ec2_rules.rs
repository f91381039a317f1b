//! What EBS makes of requests: pure rules over the snapshots of one place.
//!
//! Sources: EBS User Guide, "Quotas", "Create snapshots", "Delete a snapshot"; EC2 Developer
//! Guide, "Error codes" and "Eventual consistency".

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    AccountId, Fault, Tags,
    action::{JOB_TAG, SOURCE_TAG, TASK_TAG},
    cloud::ec2::{NewSnapshot, Snapshot, SnapshotState, Volume},
};

use super::{Ec2State, refusal};

/// The least time between two snapshots of a volume.
const SNAPSHOT_SPACING: SignedDuration = SignedDuration::from_secs(15);
/// Tags on one resource.
const MOST_TAGS: usize = 50;
/// Characters of a tag's key.
const LONGEST_KEY: usize = 128;
/// Characters of a tag's value.
const LONGEST_VALUE: usize = 256;
/// Characters of a description.
const LONGEST_DESCRIPTION: usize = 255;

/// A snapshot and its history.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotRecord {
    /// As it was made.
    pub(crate) first: Snapshot,
    pub(crate) owner: AccountId,
    /// When it stops to be pending, and what it is then.
    pub(crate) ends_at: Timestamp,
    pub(crate) end: SnapshotState,
    /// When it is gone.
    pub(crate) gone_at: Option<Timestamp>,
    /// Its later tags, each with the time since when it has them.
    pub(crate) retagged: Vec<(Timestamp, Tags)>,
    /// The image that uses it.
    pub(crate) image: Option<String>,
    /// A test said that a task may adopt it.
    pub(crate) adoptable: bool,
    /// It was made by a call, and not put there by a test.
    pub(crate) made: bool,
}

impl SnapshotRecord {
    /// The snapshot as it was at an instant, if it was there.
    pub(crate) fn as_of(&self, at: Timestamp) -> Option<Snapshot> {
        let gone = self.gone_at.is_some_and(|gone| gone <= at);
        if gone || at < self.first.started_at {
            return None;
        }
        let ended = self.ends_at <= at;
        let retagged = self.retagged.iter().rev().find(|(since, _)| *since <= at);
        Some(Snapshot {
            state: if ended { self.end } else { SnapshotState::Pending },
            state_message: (ended && self.end == SnapshotState::Error)
                .then(|| "the volume could not be read".to_owned()),
            tags: retagged.map_or(&self.first.tags, |(_, tags)| tags).clone(),
            ..self.first.clone()
        })
    }

    fn source(&self) -> &str {
        self.first.tags.get(SOURCE_TAG).unwrap_or(&self.first.volume_id)
    }
}

impl Ec2State {
    /// Whether a snapshot may be made now, of which volume.
    pub(super) fn may_snapshot(&self, new: &NewSnapshot, now: Timestamp) -> Result<&Volume, Fault> {
        check_text("Description", &new.description, LONGEST_DESCRIPTION)?;
        check_tags(&new.tags)?;
        let id = &new.volume_id;
        let volume = self.volumes.get(id).ok_or_else(|| {
            let message = format!("the volume `{id}` does not exist");
            refusal("InvalidVolume.NotFound", message)
        })?;
        if !["available", "in-use"].contains(&volume.state.as_str()) {
            let message = format!("the volume `{id}` is `{}`", volume.state);
            return Err(refusal("IncorrectState", message));
        }
        let of_volume = || self.snapshots.values().filter(|it| it.first.volume_id == *id);
        let spaced = |it: &SnapshotRecord| it.first.started_at + SNAPSHOT_SPACING <= now;
        if !of_volume().all(spaced) {
            let message = format!("a snapshot of `{id}` was begun less than 15 seconds ago");
            let code = "SnapshotCreationPerVolumeRateExceeded";
            return Err(refusal(code, message));
        }
        // Those in `error` count, and those whose deletion waits for their completion.
        let counts = |it: &&SnapshotRecord| {
            it.as_of(now)
                .is_some_and(|it| matches!(it.state, SnapshotState::Pending | SnapshotState::Error))
        };
        let limit = if ["st1", "sc1"].contains(&volume.volume_type.as_str()) { 1 } else { 5 };
        if of_volume().filter(counts).count() >= limit {
            let message = format!("`{id}` has {limit} snapshots under way");
            return Err(refusal("ConcurrentSnapshotLimitExceeded", message));
        }
        Ok(volume)
    }

    /// Deletes a snapshot. One that is gone already is a success. Returns the laws that were
    /// broken by it.
    pub(super) fn delete(
        &mut self,
        id: &str,
        caller: &AccountId,
        now: Timestamp,
    ) -> Result<Vec<String>, Fault> {
        let Some(record) = self.snapshots.get(id) else { return Ok(Vec::new()) };
        let Some(snapshot) = record.as_of(now) else { return Ok(Vec::new()) };
        if matches!(snapshot.state, SnapshotState::Recoverable | SnapshotState::Recovering) {
            return Ok(Vec::new());
        }
        if record.owner != *caller {
            let message = format!("`{id}` belongs to account `{}`", record.owner);
            return Err(refusal("UnauthorizedOperation", message));
        }
        if let Some(image) = &record.image {
            let message = format!("The snapshot {id} is currently in use by {image}");
            return Err(refusal("InvalidSnapshot.InUse", message));
        }
        if snapshot.tags.keys().any(|key| key.starts_with("aws:backup:")) {
            let message = format!("`{id}` is managed by the AWS Backup service");
            return Err(refusal("InvalidParameterValue", message));
        }
        let broken = self.broken_by_deleting(id, &snapshot, now);
        if let Some(record) = self.snapshots.get_mut(id) {
            let at = record.ends_at.max(now);
            record.gone_at.get_or_insert(at);
        }
        Ok(broken)
    }

    fn broken_by_deleting(&self, id: &str, snapshot: &Snapshot, now: Timestamp) -> Vec<String> {
        let mut broken = Vec::new();
        let record = &self.snapshots[id];
        if !snapshot.tags.contains_key(TASK_TAG) && !record.adoptable {
            broken.push(format!("L6: `{id}` was deleted, and neither made by a task nor adopted"));
        }
        // A twin is the same backup made twice: either may go while the other one stays.
        let job = snapshot.tags.get(JOB_TAG);
        let stays = |other: &SnapshotRecord| {
            other.first.id != id
                && other.source() == record.source()
                && other.as_of(now).is_some_and(|it| {
                    let twin = job.is_some() && it.tags.get(JOB_TAG) == job;
                    it.state == SnapshotState::Completed
                        && (twin || it.started_at >= snapshot.started_at)
                })
        };
        if snapshot.state == SnapshotState::Completed && !self.snapshots.values().any(stays) {
            let source = record.source();
            broken.push(format!(
                "L7: `{id}`, the newest completed backup of `{source}`, was deleted"
            ));
        }
        broken
    }
}

fn check_tags(tags: &Tags) -> Result<(), Fault> {
    if tags.len() > MOST_TAGS {
        let message = format!("{} tags are more than {MOST_TAGS}", tags.len());
        return Err(refusal("TagLimitExceeded", message));
    }
    for (key, value) in tags {
        if key.is_empty() || key.to_ascii_lowercase().starts_with("aws:") {
            let message = format!("`{key}` cannot be the key of a tag");
            return Err(refusal("InvalidTagKey.Malformed", message));
        }
        check_text("Tag key", key, LONGEST_KEY)?;
        check_text("Tag value", value, LONGEST_VALUE)?;
    }
    Ok(())
}

fn check_text(what: &str, text: &str, most: usize) -> Result<(), Fault> {
    match text.chars().count() {
        count if count > most => {
            let message = format!("{what} has {count} characters, more than {most}");
            Err(refusal("InvalidParameterValue", message))
        }
        _ => Ok(()),
    }
}
