//! `CopyDBSnapshot` and `CopyDBClusterSnapshot`: called in the region that the copy goes to.
//!
//! Source: RDS API Reference of both; RDS User Guide, "Copying a DB snapshot for Amazon RDS";
//! Aurora User Guide, "DB cluster snapshot copying".

use lamplighter_core::{Place, Region, Tags};
use serde::Deserialize;

use super::{
    CopyOf, Origin, Snapshot, Status, begin, check_available,
    shown::{DBClusterSnapshot, DBSnapshot, OneClusterSnapshot, OneSnapshot, Seen},
};
use crate::{
    iam::Need,
    kms::Use,
    operation::{Access, Cx, Operation, Spec},
    rds::{
        self,
        clusters::is_multi_az,
        events, keys,
        kind::Kind,
        names,
        option_groups::{self, OptionGroup},
        tags::{self, Tag},
    },
    refusal::Refusal,
};

/// `CopyDBSnapshot`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct CopyDBSnapshot {
    /// The name, or the ARN of a snapshot that is shared or in another region.
    #[serde(rename = "SourceDBSnapshotIdentifier")]
    pub(crate) source: String,
    #[serde(rename = "TargetDBSnapshotIdentifier")]
    pub(crate) target: String,
    pub(crate) kms_key_id: Option<String>,
    #[serde(default)]
    pub(crate) tags: Vec<Tag>,
    #[serde(default)]
    pub(crate) copy_tags: bool,
    pub(crate) option_group_name: Option<String>,
    /// Brings the source's option group along.
    #[serde(default)]
    pub(crate) copy_option_group: bool,
    /// Means something between the GovCloud regions only.
    #[expect(dead_code, reason = "AWS ignores it but between GovCloud regions")]
    pub(crate) pre_signed_url: Option<String>,
}

/// `CopyDBClusterSnapshot`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct CopyDBClusterSnapshot {
    /// The name, or the ARN of a snapshot that is shared or in another region.
    #[serde(rename = "SourceDBClusterSnapshotIdentifier")]
    pub(crate) source: String,
    #[serde(rename = "TargetDBClusterSnapshotIdentifier")]
    pub(crate) target: String,
    pub(crate) kms_key_id: Option<String>,
    #[serde(default)]
    pub(crate) tags: Vec<Tag>,
    #[serde(default)]
    pub(crate) copy_tags: bool,
    /// Means something between the GovCloud regions only.
    #[expect(dead_code, reason = "AWS ignores it but between GovCloud regions")]
    pub(crate) pre_signed_url: Option<String>,
}

impl Operation for CopyDBSnapshot {
    const SPEC: Spec = rds::spec("CopyDBSnapshot", Access::Writes);

    type Answer<'s> = OneSnapshot<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        self.wanted().needs(cx, "rds:CopyDBSnapshot")
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<OneSnapshot<'s>, Refusal> {
        let name = self.wanted().copy(cx)?;
        Ok(OneSnapshot { snapshot: DBSnapshot::of(&Seen::new(cx, Kind::Instance, &name)?) })
    }
}

impl Operation for CopyDBClusterSnapshot {
    const SPEC: Spec = rds::spec("CopyDBClusterSnapshot", Access::Writes);

    type Answer<'s> = OneClusterSnapshot<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        self.wanted().needs(cx, "rds:CopyDBClusterSnapshot")
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<OneClusterSnapshot<'s>, Refusal> {
        let name = self.wanted().copy(cx)?;
        Ok(OneClusterSnapshot {
            snapshot: DBClusterSnapshot::of(&Seen::new(cx, Kind::Cluster, &name)?),
        })
    }
}

impl CopyDBSnapshot {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            kind: Kind::Instance,
            source: &self.source,
            target: &self.target,
            key: self.kms_key_id.as_deref(),
            tags: &self.tags,
            copy_tags: self.copy_tags,
            option_group: self.option_group_name.as_deref(),
            copy_option_group: self.copy_option_group,
        }
    }
}

impl CopyDBClusterSnapshot {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            kind: Kind::Cluster,
            source: &self.source,
            target: &self.target,
            key: self.kms_key_id.as_deref(),
            tags: &self.tags,
            copy_tags: self.copy_tags,
            option_group: None,
            copy_option_group: false,
        }
    }
}

/// The copy that is wanted, of either kind.
#[derive(Clone, Copy)]
struct Wanted<'w> {
    kind: Kind,
    source: &'w str,
    target: &'w str,
    key: Option<&'w str>,
    tags: &'w [Tag],
    copy_tags: bool,
    option_group: Option<&'w str>,
    copy_option_group: bool,
}

impl Wanted<'_> {
    /// Both snapshots must be in the policy.
    fn needs(self, cx: &Cx<'_>, action: &'static str) -> Vec<Need> {
        let source = self.kind.snapshot_need(cx, action, self.source);
        let mut target = self.kind.snapshot_need(cx, action, self.target);
        let mut tags = self.copied_tags(source_of(cx, self.kind, self.source).map(|it| it.1));
        tags.extend(tags::sent(self.tags));
        target.context = tags::requested(target.context, &tags::sent(self.tags));
        let tagging = tags::needed(&target.resource, &tags);
        let mut needs = vec![source, target];
        needs.extend(tagging);
        needs
    }

    /// Begins the copy. Returns its name as it is kept.
    fn copy(self, cx: &mut Cx<'_>) -> Result<String, Refusal> {
        let kind = self.kind;
        let words = kind.words();
        let parameter = match kind {
            Kind::Instance => "TargetDBSnapshotIdentifier",
            Kind::Cluster => "TargetDBClusterSnapshotIdentifier",
        };
        let name = names::new(parameter, self.target, words.longest_snapshot)?;
        let sent = tags::checked(self.tags)?;
        let (place, source) =
            source_of(cx, kind, self.source).ok_or_else(|| kind.no_snapshot(self.source))?;
        check_copyable(kind, &place.region, &cx.place.region, source)?;
        check_available(kind, source)?;
        let mut copy = Snapshot {
            name: name.as_str().into(),
            origin: Origin::Manual,
            status: Status::Copying,
            started_at: cx.now,
            ready_at: cx.now + cx.state.dials.times.databases.copy,
            key: self.key(cx, &place, source)?,
            option_group: self.option_group(cx, &place, source)?,
            copy_of: Some(CopyOf {
                place: place.clone(),
                name: source.name.clone(),
                started_at: source.started_at,
            }),
            restorable_by: Default::default(),
            tags: self.copied_tags(Some(source)),
            ..source.clone()
        };
        tags::add(&mut copy.tags, sent)?;
        let shelf = cx.here().rds.snapshots(kind);
        let copying = shelf.iter().filter(|(_, it)| it.status == Status::Copying).count();
        if copying >= words.copies {
            let message =
                format!("Cannot copy more than {} snapshots across regions", words.copies);
            return Err(Refusal::new("SnapshotQuotaExceeded", message));
        }
        let keys = [
            (source.key.clone(), &place.region, Use::RDS_COPY_SOURCE),
            (copy.key.clone().filter(|_| self.key.is_some()), &cx.place.region, Use::RDS_TARGET),
        ];
        let (engine, original) = (source.engine.clone(), source.name.clone());
        for (key, region, what) in keys {
            keys::used(cx, region, key.as_deref(), what);
        }
        let from = place.region;
        let brought = copy.option_group.clone().filter(|_| self.copy_option_group);
        begin(cx, kind, copy)?;
        if let Some(group) = brought.filter(|it| !option_groups::is_default(it)) {
            let new = OptionGroup::new(&engine);
            cx.here_mut().rds.option_groups.entry(group).or_insert(new);
        }
        if kind == Kind::Instance {
            let event = events::copied(events::Copy::Started, &original, &from, &cx.place.region);
            events::of_snapshot(cx.state, cx.place, kind, &name, cx.now, event);
        }
        Ok(name)
    }

    /// The tags that are copied: none unless it was asked for, and never AWS's own.
    fn copied_tags(self, source: Option<&Snapshot>) -> Tags {
        let source = source.filter(|_| self.copy_tags);
        let mut tags = source.map(|it| it.tags.clone()).unwrap_or_default();
        tags.retain(|key, _| !key.starts_with("aws:"));
        tags
    }

    /// The key of the copy. What is encrypted stays encrypted; where the source's key is of no
    /// use, another one must be named.
    fn key(
        self,
        cx: &Cx<'_>,
        place: &Place,
        source: &Snapshot,
    ) -> Result<Option<std::sync::Arc<str>>, Refusal> {
        let Some(key) = &source.key else {
            return match (self.kind, self.key) {
                (_, None) => Ok(None),
                (Kind::Instance, named) => keys::target(cx, named).map(Some),
                (Kind::Cluster, Some(_)) => {
                    let message = "A KMS key cannot be specified for the copy of an unencrypted \
                                   DB cluster snapshot.";
                    Err(Refusal::new("InvalidParameterCombination", message))
                }
            };
        };
        let what = ("The source snapshot KMS key", Use::RDS_COPY_SOURCE);
        keys::check(cx, what, &place.region, key)?;
        if self.key.is_some() {
            return keys::target(cx, self.key).map(Some);
        }
        if place.region != cx.place.region {
            let message = "Must specify new KMS key for cross region encrypted snapshot copy.";
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        if place.account != cx.place.account {
            return Err(keys::no_target());
        }
        Ok(Some(key.clone()))
    }

    /// The option group of the copy. One that is not a default one does not go to other regions
    /// by itself. Source: RDS User Guide, "Considerations for option groups".
    fn option_group(
        self,
        cx: &Cx<'_>,
        place: &Place,
        source: &Snapshot,
    ) -> Result<Option<Box<str>>, Refusal> {
        let own = source.option_group.clone();
        let combination = |message: &str| Err(Refusal::new("InvalidParameterCombination", message));
        if self.option_group.is_some() && self.copy_option_group {
            return combination("OptionGroupName and CopyOptionGroup cannot be used together.");
        }
        if let Some(group) = self.option_group {
            let group = group.to_ascii_lowercase();
            option_groups::check(cx, &group, &source.engine)?;
            return Ok(Some(group.into()));
        }
        if *place == *cx.place || self.kind == Kind::Cluster {
            return Ok(own);
        }
        if source.tde && place.region != cx.place.region {
            return combination("The copy of a snapshot with TDE needs an option group.");
        }
        let default = own.as_deref().is_none_or(option_groups::is_default);
        match default || self.copy_option_group {
            true => Ok(own),
            false => combination("The copy of a snapshot with its own option group needs one too."),
        }
    }
}

/// The snapshot that a copy is of, and where it is: the account's own by its name or ARN, and
/// what is shared with it by ARN.
fn source_of<'s>(cx: &'s Cx<'_>, kind: Kind, text: &str) -> Option<(Place, &'s Snapshot)> {
    let named = names::read(cx.place, kind.words().snapshot, text)?;
    let shelf = cx.state.services_of(&named.place)?.rds.snapshots(kind);
    let seen = shelf.get_at(&named.name, cx.seen).and_then(|_| shelf.get(&named.name))?;
    let account = &cx.place.account;
    let may = named.place.account == *account || seen.is_shared_with(account);
    may.then_some((named.place, seen))
}

/// Refuses what is never copied.
fn check_copyable(kind: Kind, from: &Region, to: &Region, it: &Snapshot) -> Result<(), Refusal> {
    let refused = |message: &str| Err(Refusal::new("InvalidParameterValue", message));
    if kind == Kind::Cluster && is_multi_az(&it.engine) {
        return refused("Snapshots of Multi-AZ DB clusters cannot be copied.");
    }
    if it.engine.starts_with("custom-") {
        return refused("Snapshots of RDS Custom cannot be copied.");
    }
    if border(from) != border(to) {
        return refused("Snapshots cannot be copied between these regions.");
    }
    Ok(())
}

/// What snapshots do not leave: China, or GovCloud.
fn border(region: &Region) -> &'static str {
    let known = ["cn-", "us-gov-"].into_iter().find(|it| region.as_str().starts_with(it));
    known.unwrap_or_default()
}

#[cfg(test)]
mod tests;
