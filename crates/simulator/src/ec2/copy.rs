//! `CopySnapshot`, which is called where the copy is to be.
//!
//! Sources: EC2 API, `CopySnapshot`; EBS User Guide, "Copy an Amazon EBS snapshot" and "Share the
//! KMS key": whether its keys can be used is found out while the copy is under way.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{Place, Region, Tags};
use serde::{Deserialize, Serialize};

use super::{
    Happening, bucket,
    copy_rules::{self, Course, KeyChoice},
    ebs_events, images,
    snapshot_create::{check_description, check_quota, new_snapshot, settle},
    snapshot_own::about,
    snapshots::{COPIED_VOLUME, Copied, Snapshot, State},
    tags::{self, TagSet, TagSpecification},
};
use crate::{
    arn, cloud,
    iam::{Context, Need},
    kms::{self, Kms, Use},
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// Copies that an account can have under way to one region.
const MOST: usize = 20;
/// How long it takes until it shows that a key cannot be used.
const KEY_CHECK: SignedDuration = SignedDuration::from_secs(10);
/// What a copy then says.
const NO_KEY: &str = "Given key ID is not accessible";

/// `CopySnapshot`. There is no client token: two calls make two copies.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct CopySnapshot {
    pub(crate) source_region: String,
    pub(crate) source_snapshot_id: String,
    pub(crate) description: Option<String>,
    pub(crate) encrypted: Option<bool>,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) tag_specification: Vec<TagSpecification>,
    pub(crate) completion_duration_minutes: Option<u32>,
    /// Some SDKs send it still: the region that is called.
    pub(crate) destination_region: Option<String>,
    /// Some SDKs send it still; AWS does not need it any more.
    pub(crate) presigned_url: Option<String>,
}

/// What `CopySnapshot` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Begun<'s> {
    pub(crate) snapshot_id: String,
    #[serde(skip_serializing_if = "TagSet::is_empty")]
    tag_set: TagSet<'s>,
}

impl Operation for CopySnapshot {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "CopySnapshot",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Begun<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let tags = tags::sent(&self.tag_specification, "snapshot");
        let mut needs: Vec<Need> =
            new_snapshot(cx, "ec2:CopySnapshot", "CopySnapshot", &tags).collect();
        if let Ok(region) = self.source_region.parse::<Region>() {
            let id = &self.source_snapshot_id;
            let place = Place { account: cx.place.account.clone(), region };
            let context = cx.usable_snapshot(&place, id).map_or_else(|_| Context::default(), about);
            let arn = arn::without_account(&place.region, format_args!("snapshot/{id}"));
            needs.insert(1, Need::on("ec2:CopySnapshot", arn).with(context));
        }
        needs
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Begun<'s>, Refusal> {
        let tags = tags::checked(&self.tag_specification, "snapshot", &["snapshot"])?;
        check_description(self.description.as_deref().unwrap_or_default())?;
        if self.destination_region.as_deref().is_some_and(|it| it != cx.place.region.as_str()) {
            let message = "DestinationRegion is the region that is called";
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        self.completion_duration_minutes.map_or(Ok(()), copy_rules::check_minutes)?;
        let source_place = self.source_place(cx)?;
        let source = cx.usable_snapshot(&source_place, &self.source_snapshot_id)?.clone();
        if source.state != State::Completed || !source.is_at_hand() {
            let message = format!("'{}' is not a completed snapshot at hand", source.id);
            return Err(Refusal::new("IncorrectState", message));
        }
        let settings = &cx.here().ec2.settings;
        let (asked, names) = (self.encrypted, self.kms_key_id.is_some());
        let choice =
            copy_rules::key(source.encrypted, asked, names, settings.encryption_by_default)?;
        let key = choice.map(|it| key(cx, it, self.kms_key_id.as_deref()));
        let under_way = under_way(cx).count();
        if under_way >= MOST {
            let message = format!("{under_way} snapshot copies are in progress to this region");
            return Err(Refusal::new("ResourceLimitExceeded", message));
        }
        let default = || format!("[Copied {} from {}]", source.id, self.source_region);
        let description = self.description.clone().unwrap_or_else(default);
        let new = New {
            source_place: Place { account: source.owner.clone(), ..source_place },
            source,
            key,
            description,
            tags,
            minutes: self.completion_duration_minutes,
            images: BTreeSet::new(),
        };
        let id = begin(cx, new)?;
        let tags = cx.here().ec2.snapshots.get(&id).map(|it| TagSet(&it.tags));
        Ok(Begun { tag_set: tags.unwrap_or(TagSet::NONE), snapshot_id: id })
    }
}

impl CopySnapshot {
    /// Where the source is, as the caller's account sees it.
    fn source_place(&self, cx: &Cx<'_>) -> Result<Place, Refusal> {
        let account = cx.place.account.clone();
        match self.source_region.parse() {
            Ok(region) => Ok(Place { account, region }),
            Err(_) => {
                let message = format!("Invalid source region '{}'", self.source_region);
                Err(Refusal::new("InvalidRegion", message))
            }
        }
    }
}

/// A copy that is to be made.
pub(super) struct New {
    pub(super) source: Snapshot,
    /// Where the source is, with the account that owns it.
    pub(super) source_place: Place,
    pub(super) key: Option<Arc<str>>,
    pub(super) description: String,
    pub(super) tags: Tags,
    /// Within how many minutes it is to be done.
    pub(super) minutes: Option<u32>,
    /// The images that it is made for.
    pub(super) images: BTreeSet<Box<str>>,
}

/// Begins a copy in this place, and plans what becomes of it.
pub(super) fn begin(cx: &mut Cx<'_>, new: New) -> Result<String, Refusal> {
    let New { source, source_place, key, description, tags, minutes, images } = new;
    check_quota(cx, 1)?;
    let origin = match &source.copied {
        Some(copied) => copied.origin.clone(),
        None => (source_place.clone(), source.volume_id.clone()),
    };
    let (course, deadline) = course(cx, minutes, &source, &source_place)?;
    let incremental = copy_rules::is_incremental(
        &cx.here().ec2,
        cx.place,
        (&source, &source_place),
        &origin,
        key.as_deref(),
    );
    let id = cx.state.fresh_id("snap");
    let account = cx.place.account.clone();
    let copy = Snapshot {
        state: State::Pending,
        ends_at: course.ends_at,
        encrypted: key.is_some(),
        kms_key_id: key,
        description: description.into(),
        tags,
        images,
        copied: Some(Box::new(Copied {
            source: source.id,
            source_place,
            origin,
            caller: cx.caller.clone(),
            incremental,
            deadline,
        })),
        ..Snapshot::completed(account, &id, COPIED_VOLUME, source.size_gib, cx.now)
    };
    let now = cx.now;
    let here = &mut cx.here_mut().ec2;
    here.copies_under_way.insert(copy.id.clone());
    here.snapshots.put(copy, now);
    let same = || Box::<str>::from(id.as_str());
    cx.plan(
        (now + KEY_CHECK).min(course.ends_at),
        Happening::CopyMeetsKeys(same(), source.kms_key_id),
    );
    cx.plan(course.ends_at, Happening::CopyEnds(same()));
    if let Some(at) = course.late_at {
        cx.plan(at, Happening::CopyIsLate(same()));
    }
    Ok(id)
}

/// When a copy will be done, and since when which minutes count.
fn course(
    cx: &Cx<'_>,
    minutes: Option<u32>,
    source: &Snapshot,
    source_place: &Place,
) -> Result<(Course, Option<(u32, Timestamp)>), Refusal> {
    let usual = cx.state.dials.times.snapshot_copy;
    let Some(minutes) = minutes else {
        return Ok((Course { ends_at: cx.now + usual, late_at: None }, None));
    };
    let from_there = |copied: &Copied| copied.source_place.region == source_place.region;
    let timed = under_way(cx).filter_map(|it| {
        let copied = it.copied.as_deref().filter(|it| from_there(it))?;
        Some((it, copied, copied.deadline?.0))
    });
    let (mut busy, mut since) = (0.0, cx.now);
    for (it, copied, minutes) in timed {
        busy += copy_rules::takes(it.size_gib, minutes);
        // A second copy of a snapshot begins after the first.
        if copied.source == source.id {
            since = since.max(it.ends_at);
        }
    }
    let course = copy_rules::course(source.size_gib, minutes, since, busy, usual)?;
    Ok((course, Some((minutes, since))))
}

/// The ARN of the key that something new is encrypted with.
pub(super) fn key(cx: &Cx<'_>, choice: KeyChoice, named: Option<&str>) -> Arc<str> {
    let default = cx.here().ec2.settings.default_key.as_deref();
    match (choice, named, default) {
        (KeyChoice::Named, Some(key), _) | (KeyChoice::Default, _, Some(key)) => {
            Kms::resolve(cx.state, cx.place, key)
        }
        _ => Kms::managed(cx.place, "alias/aws/ebs"),
    }
}

/// The copies that are under way into this place.
fn under_way<'s>(cx: &'s Cx<'_>) -> impl Iterator<Item = &'s Snapshot> {
    let ec2 = &cx.here().ec2;
    ec2.copies_under_way.iter().filter_map(|id| ec2.snapshots.get(id))
}

/// It shows whether the keys can be used.
pub(super) fn meets_keys(
    state: &mut cloud::State,
    place: &Place,
    id: &str,
    source_key: Option<&str>,
    at: Timestamp,
) {
    let Some(copy) = state.services(place).ec2.snapshots.get(id) else { return };
    let Some(copied) = copy.copied.clone() else { return };
    let target_key = copy.kms_key_id.clone();
    let mut may = |key: Option<&str>, region: &Region, what| {
        key.is_none_or(|key| kms::use_key(state, &copied.caller, region, key, what).is_ok())
    };
    let all = may(source_key, &copied.source_place.region, Use::EBS_COPY_SOURCE)
        && may(target_key.as_deref(), &place.region, Use::EBS_COPY_TARGET);
    if !all {
        end(state, place, id, Err(NO_KEY), at);
    }
}

/// All of it is there.
pub(super) fn ends(state: &mut cloud::State, place: &Place, id: &str, at: Timestamp) {
    end(state, place, id, Ok(()), at);
}

fn end(state: &mut cloud::State, place: &Place, id: &str, end: Result<(), &str>, at: Timestamp) {
    let Some(ended) = settle(state, place, id, end, at) else { return };
    let here = &mut state.services_mut(place).ec2;
    here.copies_under_way.remove(id);
    if let (Some(copied), Ok(())) = (&ended.copied, end) {
        let copies = here.copies.entry(copied.origin.clone()).or_default();
        copies.retain(|id| here.snapshots.get(id).is_some());
        copies.push(ended.id.clone());
    }
    ebs_events::snapshot_ended(state, place, &ended, at);
    images::snapshot_ended(state, place, &ended, at);
}

/// The time that was asked for is over.
pub(super) fn is_late(state: &mut cloud::State, place: &Place, id: &str, at: Timestamp) {
    let copy = state.services(place).ec2.snapshots.get(id).cloned();
    let Some(copy) = copy.filter(|it| it.state == State::Pending) else { return };
    if let Some(copied) = &copy.copied {
        ebs_events::copy_is_late(state, place, &copy, copied, at);
    }
}

#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod tests;
