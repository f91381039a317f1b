//! EBS volumes.

use std::sync::Arc;

use jiff::Timestamp;
use lamplighter_core::{Tags, cloud::ec2 as core};
use serde::{Deserialize, Serialize, Serializer};
use smallvec::SmallVec;
use smol_str::SmolStr;

use super::{
    bucket,
    filter::{Filter, Filtered},
    listing::{self, Question},
    tags::TagSet,
};
use crate::{
    buckets::Bucket,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    wire::time::millis,
};

/// A volume.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Volume {
    pub(crate) id: SmolStr,
    pub(crate) size_gib: u32,
    /// `gp3`, `io2` …
    pub(crate) kind: Arc<str>,
    pub(crate) state: State,
    pub(crate) encrypted: bool,
    pub(crate) kms_key_id: Option<Arc<str>>,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
    pub(crate) zone: Arc<str>,
    pub(crate) created_at: Timestamp,
    pub(crate) snapshot_id: Option<Box<str>>,
    pub(crate) attachments: SmallVec<[Attachment; 1]>,
    /// The AWS service that manages it.
    pub(crate) operator: Option<Arc<str>>,
    /// Shared by volumes that a fleet tags alike.
    pub(crate) tags: Arc<Tags>,
}

/// The state of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Creating,
    Available,
    InUse,
    Deleting,
    Deleted,
    Error,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            State::Creating => "creating",
            State::Available => "available",
            State::InUse => "in-use",
            State::Deleting => "deleting",
            State::Deleted => "deleted",
            State::Error => "error",
        }
    }
}

/// Where a volume is attached.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attachment {
    pub(crate) instance_id: SmolStr,
    /// Such as `/dev/sda1`.
    pub(crate) device: SmolStr,
    pub(crate) at: Timestamp,
    /// Whether the volume goes with the instance.
    pub(crate) delete_on_termination: bool,
}

impl Filtered for Volume {
    const FILTERS: &'static [&'static str] = &[
        "attachment.delete-on-termination",
        "attachment.device",
        "attachment.instance-id",
        "availability-zone",
        "encrypted",
        "size",
        "snapshot-id",
        "status",
        "volume-id",
        "volume-type",
    ];

    fn any(&self, name: &str, test: &dyn Fn(&str) -> bool) -> bool {
        let attached = |test: &dyn Fn(&Attachment) -> bool| self.attachments.iter().any(test);
        match name {
            "attachment.delete-on-termination" => {
                attached(&|it| test(if it.delete_on_termination { "true" } else { "false" }))
            }
            "attachment.device" => attached(&|it| test(&it.device)),
            "attachment.instance-id" => attached(&|it| test(&it.instance_id)),
            "availability-zone" => test(&self.zone),
            "encrypted" => test(if self.encrypted { "true" } else { "false" }),
            "size" => test(&self.size_gib.to_string()),
            "snapshot-id" => self.snapshot_id.as_deref().is_some_and(test),
            "status" => test(self.state.as_str()),
            "volume-id" => test(&self.id),
            "volume-type" => test(&self.kind),
            _ => false,
        }
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

/// `DescribeVolumes`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeVolumes {
    pub(crate) filter: Vec<Filter>,
    pub(crate) volume_id: Vec<String>,
    pub(crate) max_results: Option<u32>,
    pub(crate) next_token: Option<String>,
}

/// What `DescribeVolumes` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Volumes<'s> {
    pub(crate) volume_set: Vec<Shown<'s>>,
    pub(crate) next_token: Option<String>,
}

/// A volume in an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown<'s> {
    #[serde(skip)]
    pub(crate) volume: &'s Volume,
    volume_id: &'s str,
    size: u32,
    /// Empty when there is none.
    snapshot_id: &'s str,
    availability_zone: &'s str,
    status: State,
    #[serde(serialize_with = "millis")]
    create_time: Timestamp,
    attachment_set: AttachmentSet<'s>,
    #[serde(skip_serializing_if = "TagSet::is_empty")]
    tag_set: TagSet<'s>,
    volume_type: &'s str,
    iops: Option<u32>,
    encrypted: bool,
    kms_key_id: Option<&'s str>,
    multi_attach_enabled: bool,
    throughput: Option<u32>,
    operator: Operator<'s>,
}

/// Where a volume is attached, in an answer.
struct AttachmentSet<'s>(&'s Volume);

impl<'s> Serialize for AttachmentSet<'s> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = |to: &'s Attachment| ShownAttachment {
            volume_id: &self.0.id,
            instance_id: &to.instance_id,
            device: &to.device,
            status: "attached",
            attach_time: to.at,
            delete_on_termination: to.delete_on_termination,
        };
        serializer.collect_seq(self.0.attachments.iter().map(shown))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownAttachment<'s> {
    volume_id: &'s str,
    instance_id: &'s str,
    device: &'s str,
    status: &'static str,
    #[serde(serialize_with = "millis")]
    attach_time: Timestamp,
    delete_on_termination: bool,
}

#[derive(Serialize)]
struct Operator<'s> {
    managed: bool,
    principal: Option<&'s str>,
}

impl<'s> Shown<'s> {
    pub(crate) fn of(it: &'s Volume) -> Shown<'s> {
        Shown {
            volume: it,
            volume_id: &it.id,
            size: it.size_gib,
            snapshot_id: it.snapshot_id.as_deref().unwrap_or_default(),
            availability_zone: &it.zone,
            status: it.state,
            create_time: it.created_at,
            attachment_set: AttachmentSet(it),
            tag_set: TagSet(&it.tags),
            volume_type: &it.kind,
            iops: it.iops,
            encrypted: it.encrypted,
            kms_key_id: it.kms_key_id.as_deref(),
            multi_attach_enabled: false,
            throughput: it.throughput,
            operator: Operator {
                managed: it.operator.is_some(),
                principal: it.operator.as_deref(),
            },
        }
    }
}

impl Operation for DescribeVolumes {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeVolumes",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Volumes<'s>;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ec2:DescribeVolumes")]
    }

    fn bucket(&self) -> Bucket {
        let all = self.filter.is_empty() && self.volume_id.is_empty() && self.max_results.is_none();
        if all { bucket::READS_ALL } else { bucket::READS }
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Volumes<'s>, Refusal> {
        let question = Question {
            operation: Self::SPEC.name,
            filters: &self.filter,
            ids: &self.volume_id,
            not_found: "InvalidVolume.NotFound",
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
        };
        let shelf = &cx.here().ec2.volumes;
        let (volume_set, next_token) =
            listing::answer(cx, &question, shelf, |_, it| Some(Shown::of(it)))?;
        Ok(Volumes { volume_set, next_token })
    }
}

impl From<core::Volume> for Volume {
    fn from(it: core::Volume) -> Volume {
        let created_at = it.created_at.unwrap_or(Timestamp::UNIX_EPOCH);
        let attachment = |instance: &String| Attachment {
            instance_id: instance.as_str().into(),
            device: "/dev/xvda".into(),
            at: created_at,
            delete_on_termination: true,
        };
        Volume {
            attachments: it.instances.iter().map(attachment).collect(),
            id: it.id.into(),
            size_gib: it.size_gib,
            kind: it.volume_type.into(),
            state: match it.state.as_str() {
                "creating" => State::Creating,
                "available" => State::Available,
                "in-use" => State::InUse,
                "deleting" => State::Deleting,
                "deleted" => State::Deleted,
                _ => State::Error,
            },
            encrypted: it.encrypted,
            kms_key_id: it.kms_key_id.map(Arc::from),
            iops: it.iops,
            throughput: it.throughput,
            zone: it.availability_zone.unwrap_or_default().into(),
            created_at,
            snapshot_id: it.snapshot_id.map(Box::from),
            operator: it.managed_by.map(Arc::from),
            tags: Arc::new(it.tags),
        }
    }
}

impl From<&Volume> for core::Volume {
    fn from(it: &Volume) -> core::Volume {
        core::Volume {
            id: it.id.to_string(),
            size_gib: it.size_gib,
            volume_type: it.kind.to_string(),
            state: it.state.as_str().to_owned(),
            encrypted: it.encrypted,
            kms_key_id: it.kms_key_id.as_deref().map(str::to_owned),
            iops: it.iops,
            throughput: it.throughput,
            availability_zone: Some(it.zone.to_string()),
            created_at: Some(it.created_at),
            snapshot_id: it.snapshot_id.as_deref().map(str::to_owned),
            instances: it.attachments.iter().map(|it| it.instance_id.to_string()).collect(),
            managed_by: it.operator.as_deref().map(str::to_owned),
            tags: Tags::clone(&it.tags),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bed::Bed;

    fn volume(id: &str, size_gib: u32) -> Volume {
        Volume {
            id: id.into(),
            size_gib,
            kind: "gp3".into(),
            state: State::InUse,
            encrypted: false,
            kms_key_id: None,
            iops: Some(3000),
            throughput: Some(125),
            zone: "eu-west-1a".into(),
            created_at: Timestamp::UNIX_EPOCH,
            snapshot_id: None,
            attachments: SmallVec::new(),
            operator: None,
            tags: Arc::default(),
        }
    }

    fn seven() -> Bed {
        let bed = Bed::new();
        let volumes = (1..=7).map(|n| volume(&format!("vol-{n}"), n));
        bed.here(|it| it.ec2.volumes.fill(volumes.map(|it| (it.id.as_str().into(), it))));
        bed
    }

    /// The ids on each page, or the code of a refusal.
    fn pages(bed: &Bed, request: DescribeVolumes) -> Result<Vec<String>, &'static str> {
        let (mut pages, mut next_token) = (Vec::new(), request.next_token);
        loop {
            let (filter, volume_id) = (request.filter.clone(), request.volume_id.clone());
            let max_results = request.max_results;
            let page = bed.ask(DescribeVolumes { filter, volume_id, max_results, next_token })?;
            let volumes = page["volumeSet"].as_array().unwrap();
            let ids = volumes.iter().map(|it| it["volumeId"].as_str().unwrap().replace("vol-", ""));
            pages.push(ids.collect());
            next_token = page["nextToken"].as_str().map(str::to_owned);
            if next_token.is_none() {
                return Ok(pages);
            }
        }
    }

    #[track_caller]
    fn check(
        max_results: Option<u32>,
        filter: &[(&str, &str)],
        ids: &[&str],
        expected: Result<&[&str], &str>,
    ) {
        let filter = filter.iter().map(|(name, value)| Filter {
            name: (*name).to_owned(),
            value: vec![(*value).to_owned()],
        });
        let volume_id = ids.iter().map(|id| format!("vol-{id}")).collect();
        let request =
            DescribeVolumes { filter: filter.collect(), volume_id, max_results, next_token: None };
        match (pages(&seven(), request), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (found, expected) => assert_eq!(found.map(|_| ()), expected.map(|_| ())),
        }
    }

    #[test]
    fn volumes_are_listed_in_pages_of_the_length_that_is_asked_for() {
        check(None, &[], &[], Ok(&["7654321"]));
        check(Some(5), &[], &[], Ok(&["76543", "21"]));
        check(Some(4), &[], &[], Err("InvalidParameterValue"));
        check(Some(5), &[("size", "1")], &[], Ok(&["1"]));
        check(Some(5), &[("colour", "red")], &[], Err("InvalidParameterValue"));
    }

    #[test]
    fn an_id_that_is_not_there_fails_the_call() {
        check(None, &[], &["2", "1"], Ok(&["21"]));
        check(None, &[("size", "1")], &["2", "1"], Ok(&["1"]));
        check(None, &[], &["2", "9"], Err("InvalidVolume.NotFound"));
        check(Some(5), &[], &["2"], Err("InvalidParameterCombination"));
    }

    #[test]
    fn a_page_looks_at_few_when_the_dial_says_so() {
        let bed = seven();
        bed.cloud.dial(|it| it.page_size = Some(2));
        let request = DescribeVolumes { max_results: Some(5), ..DescribeVolumes::default() };
        assert_eq!(pages(&bed, request), Ok(["76", "54", "32", "1"].map(str::to_owned).to_vec()));
    }
}
