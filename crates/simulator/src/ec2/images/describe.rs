//! `DescribeImages`. Source: EC2 API, the same; EC2 User Guide, "Deprecate an Amazon EC2 AMI" and
//! "Disable an Amazon EC2 AMI".

use std::collections::BTreeSet;

use lamplighter_core::{AccountId, Tags};
use serde::{Deserialize, Serialize, Serializer};

use super::{Found, Image, Mapping, State, visible};
use crate::{
    ec2::{
        bucket,
        filter::{self, Filter, Filtered},
        ids,
        instances::Platform,
        listing,
        tags::TagSet,
    },
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    pages,
    refusal::Refusal,
};

/// How many times its length a page looks at when most images are left out.
const LOOKS: usize = 20;

/// `DescribeImages`.
#[derive(Clone, Debug, Default, Hash, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeImages {
    pub(crate) filter: Vec<Filter>,
    pub(crate) image_id: Vec<String>,
    /// Accounts, `self`, `amazon`.
    pub(crate) owner: Vec<String>,
    /// Accounts, `self`, `all`: who may launch them.
    pub(crate) executable_by: Vec<String>,
    pub(crate) include_deprecated: bool,
    pub(crate) include_disabled: bool,
    pub(crate) max_results: Option<u32>,
    pub(crate) next_token: Option<String>,
}

/// What `DescribeImages` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Images<'s> {
    pub(crate) images_set: Vec<Shown<'s>>,
    pub(crate) next_token: Option<String>,
}

/// An image in an answer, as one account sees it.
pub(crate) struct Shown<'s> {
    pub(crate) image: Found<'s>,
    /// Whether the caller owns it: nobody else sees its tags.
    mine: bool,
    protection: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Element<'s> {
    image_id: &'s str,
    image_location: String,
    image_state: &'static str,
    image_owner_id: &'s str,
    image_owner_alias: Option<&'static str>,
    creation_date: String,
    is_public: bool,
    architecture: &'static str,
    image_type: &'static str,
    platform: Option<&'static str>,
    platform_details: &'static str,
    usage_operation: &'static str,
    ena_support: bool,
    hypervisor: &'static str,
    name: &'s str,
    description: Option<&'s str>,
    root_device_name: &'s str,
    root_device_type: &'static str,
    virtualization_type: &'static str,
    block_device_mapping: Vec<ShownMapping<'s>>,
    state_reason: Option<Reason<'s>>,
    deprecation_time: Option<String>,
    deregistration_protection: Option<&'static str>,
    last_launched_time: Option<String>,
    source_instance_id: Option<&'s str>,
    source_image_id: Option<&'s str>,
    source_image_region: Option<String>,
    #[serde(skip_serializing_if = "TagSet::is_empty")]
    tag_set: TagSet<'s>,
}

#[derive(Serialize)]
struct Reason<'s> {
    code: &'static str,
    message: &'s str,
}

/// A device of an image in an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownMapping<'s> {
    device_name: &'s str,
    ebs: ShownEbs<'s>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownEbs<'s> {
    delete_on_termination: bool,
    iops: Option<u32>,
    snapshot_id: &'s str,
    volume_size: u32,
    volume_type: &'s str,
    throughput: Option<u32>,
    encrypted: bool,
}

impl<'s> ShownMapping<'s> {
    pub(super) fn of(it: &'s Mapping) -> ShownMapping<'s> {
        ShownMapping {
            device_name: &it.device,
            ebs: ShownEbs {
                delete_on_termination: it.delete_on_termination,
                iops: it.iops,
                snapshot_id: &it.snapshot_id,
                volume_size: it.size_gib,
                volume_type: &it.kind,
                throughput: it.throughput,
                encrypted: it.encrypted,
            },
        }
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let it = &*self.image;
        let source = it.source_image.as_ref().filter(|_| self.mine);
        let failure = it.failure.as_deref();
        let element = Element {
            image_id: &it.id,
            image_location: format!("{}/{}", it.owner_alias.unwrap_or(it.owner.as_str()), it.name),
            image_state: it.state.as_str(),
            image_owner_id: it.owner.as_str(),
            image_owner_alias: it.owner_alias,
            creation_date: format!("{:.3}", it.created_at),
            is_public: it.is_public(),
            architecture: it.architecture.as_str(),
            image_type: "machine",
            platform: (it.platform == Platform::Windows).then_some("windows"),
            platform_details: it.platform_details(),
            usage_operation: match it.platform {
                Platform::Linux => "RunInstances",
                Platform::Windows => "RunInstances:0002",
            },
            ena_support: it.ena,
            hypervisor: "xen",
            name: &it.name,
            description: Some(&*it.description).filter(|it| !it.is_empty()),
            root_device_name: &it.root_device,
            root_device_type: "ebs",
            virtualization_type: "hvm",
            block_device_mapping: it.mappings.iter().map(ShownMapping::of).collect(),
            state_reason: failure.map(|message| Reason { code: "Client.InternalError", message }),
            deprecation_time: it.deprecated_at.map(|at| format!("{at:.3}")),
            deregistration_protection: self.mine.then_some(self.protection),
            last_launched_time: it
                .last_launched_at
                .filter(|_| self.mine)
                .map(|at| format!("{at:.0}")),
            source_instance_id: it.source_instance.as_deref().filter(|_| self.mine),
            source_image_id: source.map(|(id, _)| &**id),
            source_image_region: source.map(|(_, region)| region.to_string()),
            tag_set: if self.mine { TagSet(&it.tags) } else { TagSet::NONE },
        };
        element.serialize(serializer)
    }
}

impl Image {
    fn platform_details(&self) -> &'static str {
        match self.platform {
            Platform::Linux => "Linux/UNIX",
            Platform::Windows => "Windows",
        }
    }
}

fn flag(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

impl Filtered for Image {
    const FILTERS: &'static [&'static str] = &[
        "architecture",
        "block-device-mapping.delete-on-termination",
        "block-device-mapping.device-name",
        "block-device-mapping.encrypted",
        "block-device-mapping.snapshot-id",
        "block-device-mapping.volume-size",
        "block-device-mapping.volume-type",
        "creation-date",
        "description",
        "ena-support",
        "hypervisor",
        "image-id",
        "image-type",
        "is-public",
        "name",
        "owner-alias",
        "owner-id",
        "platform",
        "root-device-name",
        "root-device-type",
        "source-image-id",
        "source-image-region",
        "source-instance-id",
        "state",
        "virtualization-type",
    ];

    fn any(&self, name: &str, test: &dyn Fn(&str) -> bool) -> bool {
        let mapped = |test: &dyn Fn(&Mapping) -> bool| self.mappings.iter().any(test);
        match name {
            "architecture" => test(self.architecture.as_str()),
            "block-device-mapping.delete-on-termination" => {
                mapped(&|it| test(flag(it.delete_on_termination)))
            }
            "block-device-mapping.device-name" => mapped(&|it| test(&it.device)),
            "block-device-mapping.encrypted" => mapped(&|it| test(flag(it.encrypted))),
            "block-device-mapping.snapshot-id" => mapped(&|it| test(&it.snapshot_id)),
            "block-device-mapping.volume-size" => mapped(&|it| test(&it.size_gib.to_string())),
            "block-device-mapping.volume-type" => mapped(&|it| test(&it.kind)),
            "creation-date" => test(&format!("{:.3}", self.created_at)),
            "description" => test(&self.description),
            "ena-support" => test(flag(self.ena)),
            "hypervisor" => test("xen"),
            "image-id" => test(&self.id),
            "image-type" => test("machine"),
            "is-public" => test(flag(self.is_public())),
            "name" => test(&self.name),
            "owner-alias" => self.owner_alias.is_some_and(test),
            "owner-id" => test(self.owner.as_str()),
            "platform" => self.platform == Platform::Windows && test("windows"),
            "root-device-name" => test(&self.root_device),
            "root-device-type" => test("ebs"),
            "source-image-id" => self.source_image.as_ref().is_some_and(|(id, _)| test(id)),
            "source-image-region" => {
                self.source_image.as_ref().is_some_and(|(_, region)| test(&region.to_string()))
            }
            "source-instance-id" => self.source_instance.as_deref().is_some_and(test),
            "state" => test(self.state.as_str()),
            "virtualization-type" => test("hvm"),
            _ => false,
        }
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Operation for DescribeImages {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeImages",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Images<'s>;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ec2:DescribeImages")]
    }

    /// An id that is nowhere fails the call; one of an image that the caller does not see is left
    /// out.
    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Images<'s>, Refusal> {
        let cx = &*cx;
        filter::check::<Image>(&self.filter)?;
        ids::check(cx, "ami", "InvalidAMIID.Malformed", &self.image_id)?;
        let owners = self.accounts(cx, &self.owner, &["amazon"])?;
        let executors = self.accounts(cx, &self.executable_by, &["all"])?;
        let region = &cx.place.region;
        let shows = |image: Found<'s>| {
            let shown = self.shows(cx, &image, &owners, &executors);
            shown.then(|| Shown {
                mine: image.owner == cx.place.account,
                protection: image.protection.at(cx.seen).as_str(),
                image,
            })
        };
        if !self.image_id.is_empty() {
            if self.max_results.is_some() {
                let message = "The parameter MaxResults cannot be used with explicit ids";
                return Err(Refusal::new("InvalidParameterCombination", message));
            }
            let ids: BTreeSet<&str> = self.image_id.iter().map(String::as_str).collect();
            let mut images_set = Vec::new();
            for id in ids {
                let image = visible::find(cx.state, region, id, cx.seen);
                images_set.extend(shows(image.ok_or_else(|| visible::not_found(id))?));
            }
            return Ok(Images { images_set, next_token: None });
        }
        let most = listing::page_length(self.max_results)?;
        let question = DescribeImages { next_token: None, ..self.clone() };
        let listing = pages::listing(cx.place, Self::SPEC.name, &question);
        let after = pages::after(listing, self.next_token.as_deref())?;
        let looks = match (cx.state.dials.page_size, self.max_results) {
            (_, None) => usize::MAX,
            (Some(looks), _) => looks,
            (None, Some(_)) => most * LOOKS,
        };
        let all = visible::all(cx.state, region, after.as_deref(), cx.seen);
        let items = all.iter().map(|it| (&*it.id, it));
        let show = |_: &str, it: &Found<'s>| shows(it.clone());
        let (images_set, next_token) = pages::page(listing, items, most, looks, show);
        Ok(Images { images_set, next_token })
    }
}

impl DescribeImages {
    /// The accounts that a list names, with `self` as what it is; besides those, only these
    /// names may be in it.
    fn accounts(
        &self,
        cx: &Cx<'_>,
        named: &[String],
        others: &[&str],
    ) -> Result<BTreeSet<String>, Refusal> {
        let account = |name: &String| match name.as_str() {
            "self" => Ok(cx.place.account.to_string()),
            name if others.contains(&name) => Ok(name.to_owned()),
            name if name.parse::<AccountId>().is_ok() => Ok(name.to_owned()),
            name => {
                let message = format!("invalid user id: '{name}'");
                Err(Refusal::new("InvalidUserID.Malformed", message))
            }
        };
        named.iter().map(account).collect()
    }

    /// Whether an image is one of those that are asked for, and that the caller sees.
    fn shows(
        &self,
        cx: &Cx<'_>,
        image: &Image,
        owners: &BTreeSet<String>,
        executors: &BTreeSet<String>,
    ) -> bool {
        let me = &cx.place.account;
        let mine = image.owner == *me;
        let named = !self.image_id.is_empty();
        let deprecated = image.deprecated_at.is_some_and(|at| at <= cx.seen);
        let owner = owners.is_empty()
            || owners.contains(image.owner.as_str())
            || image.owner_alias.is_some_and(|it| owners.contains(it));
        let executor = executors.is_empty()
            || executors.iter().any(|it| {
                match it.as_str() {
            "all" => image.is_public(),
            id if id == me.as_str() => image.is_shared_with(me, &cx.state.organization),
            id => image.permissions.iter().any(
                |it| matches!(it, super::Permission::Account(account) if account.as_str() == id),
            ),
        }
            });
        visible::sees(cx.state, me, image)
            && owner
            && executor
            && (mine || named || self.include_deprecated || !deprecated)
            && (named || self.include_disabled || image.state != State::Disabled)
            && (mine || !asks_for_tags(&self.filter))
            && filter::admits(&self.filter, image)
    }
}

/// Whether filters look at tags: those of others are not seen.
fn asks_for_tags(filters: &[Filter]) -> bool {
    filters
        .iter()
        .any(|it| it.name.starts_with("tag:") || it.name == "tag-key" || it.name == "tag-value")
}
