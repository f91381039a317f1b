//! EBS volumes.

use std::sync::Arc;

use jiff::Timestamp;
use lamplighter_core::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{
    entry::{Bad, Common, Entry, check_keys, check_zones, entry},
    here::{Here, One},
    instances::{self, Hosts},
};
use crate::{
    ec2::volumes::{Attachment, State, Volume},
    words::{OneOrMore, Range, Share},
};

/// The key of what is encrypted and does not say with which.
pub(super) const EBS_KEY: &str = "alias/aws/ebs";

entry! {
    /// EBS volumes.
    pub struct Volumes {
        /// The size in GiB; by default 8, or the least that the type has.
        pub size: OneOrMore<Range<u32>>,
        /// The type, or several; `gp3` by default.
        pub r#type: OneOrMore<VolumeType>,
        /// The letter of the availability zone, or several; `a` by default. One that is attached
        /// to an instance of the fleet is where the instance is.
        pub zone: OneOrMore<String>,
        /// How many of them are attached; none by default. Each gets one of the instances of the
        /// fleet in its zone that have room for it, or one of its own when there is none.
        pub attached: Share,
        /// The instance that all are attached to.
        pub instance: String,
        /// The state of those that are not attached; `available` by default.
        pub state: VolumeState,
        /// How many of them are encrypted; none by default, and all when there is a `key`.
        pub encrypted: Share,
        /// The KMS key of those that are encrypted, by its alias or its ARN; `alias/aws/ebs` by
        /// default. An alias that no key of the fleet has gets a key of its own.
        pub key: OneOrMore<String>,
        /// The AWS service that manages them.
        pub managed_by: String,
    }
}

/// The type of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "these are AWS's own names")]
pub enum VolumeType {
    Gp2,
    Gp3,
    Io1,
    Io2,
    Sc1,
    St1,
    Standard,
}

/// The state of a volume that is not attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeState {
    /// It is being made.
    Creating,
    /// It can be attached.
    Available,
    /// It could not be made.
    Error,
}

impl VolumeType {
    fn as_str(self) -> &'static str {
        match self {
            VolumeType::Gp2 => "gp2",
            VolumeType::Gp3 => "gp3",
            VolumeType::Io1 => "io1",
            VolumeType::Io2 => "io2",
            VolumeType::Sc1 => "sc1",
            VolumeType::St1 => "st1",
            VolumeType::Standard => "standard",
        }
    }

    /// The least and the most GiB. Source: EBS User Guide, "Amazon EBS volume types".
    pub(super) fn sizes(self) -> Range<u32> {
        let (from, to) = match self {
            VolumeType::Gp2 => (1, 16_384),
            VolumeType::Gp3 => (1, 65_536),
            VolumeType::Io1 => (4, 16_384),
            VolumeType::Io2 => (4, 65_536),
            VolumeType::Sc1 | VolumeType::St1 => (125, 16_384),
            VolumeType::Standard => (1, 1_024),
        };
        Range { from, to }
    }

    /// What a volume of so many GiB has when nobody says otherwise: operations per second, and
    /// MiB/s. Those with provisioned operations have the most per GiB, up to 1,000.
    fn performance(self, size: u32) -> (Option<u32>, Option<u32>) {
        match self {
            VolumeType::Gp2 => (Some((3 * size).clamp(100, 16_000)), None),
            VolumeType::Gp3 => (Some(3_000), Some(125)),
            VolumeType::Io1 => (Some((50 * size).clamp(100, 1_000)), None),
            VolumeType::Io2 => (Some((500 * size).clamp(100, 1_000)), None),
            VolumeType::Sc1 | VolumeType::St1 | VolumeType::Standard => (None, None),
        }
    }
}

impl Entry for Volumes {
    const KEY: &'static str = "volumes";
    const KIND: &'static str = "vol";
    const PREFIX: &'static str = "vol-";

    type Item = Volume;

    fn common(&self) -> Common<'_> {
        self.all_say()
    }

    fn check(&self, _: &[Place], bad: &mut Bad<'_>) {
        let default = OneOrMore::one(VolumeType::Gp3);
        let types = self.r#type.as_ref().unwrap_or(&default);
        for size in self.size.iter().flat_map(OneOrMore::iter) {
            let wrong = types.iter().find(|it| {
                let Range { from, to } = it.sizes();
                size.from < from || size.to > to
            });
            if let Some(wrong) = wrong {
                let (name, sizes) = (wrong.as_str(), wrong.sizes());
                bad.say("size", format!("a volume of type `{name}` has {sizes} GiB"));
            }
        }
        check_zones(self.zone.as_ref(), bad);
        if self.instance.as_deref().is_some_and(|it| !it.starts_with("i-")) {
            bad.say("instance", "the id of an instance begins with `i-`");
        }
        if self.instance.is_some() && self.attached.is_some() {
            bad.say("attached", "with an `instance`, all are attached");
        }
        check_keys("key", self.key.iter().flat_map(OneOrMore::iter), bad);
    }

    fn make(&self, here: &mut Here<'_>) -> Vec<(Box<str>, Volume)> {
        let mut hosts = match self.attached {
            Some(_) => Hosts::all(here),
            None => Hosts::default(),
        };
        here.each(self, |one, here| self.volume(one, &mut hosts, here))
    }

    fn put(here: &mut Here<'_>, items: Vec<(Box<str>, Volume)>) {
        here.services().ec2.volumes.fill(items);
    }
}

impl Volumes {
    fn volume(&self, one: One, hosts: &mut Hosts, here: &mut Here<'_>) -> Volume {
        let kind = self.r#type.as_ref().map_or(VolumeType::Gp3, |it| *it.draw(&mut here.random));
        let size_gib = match &self.size {
            Some(size) => size.draw(&mut here.random).draw(&mut here.random),
            None => kind.sizes().from.max(8),
        };
        let mut zone = here.zone(self.zone.as_ref());
        let instance = match &self.instance {
            Some(instance) => Some(instance.as_str().into()),
            None => {
                let is = self.attached.unwrap_or(Share::NEVER).draw(&mut here.random);
                is.then(|| hosts.draw(&zone, here).unwrap_or_else(|| here.fresh_id("i")))
            }
        };
        if let Some(host) = instance.as_ref().and_then(|it| here.services().ec2.instances.get(it)) {
            zone = host.zone.clone();
        }
        let key = here.key_of(self.encrypted, self.key.as_ref(), EBS_KEY);
        let mut volume = volume(one, kind, size_gib, zone, key, here);
        volume.operator = self.managed_by.as_deref().map(|it| here.shared(it));
        match (instance, self.state) {
            (Some(instance), _) => instances::attach_to(&instance, &mut volume, here),
            (None, None | Some(VolumeState::Available)) => {}
            (None, Some(VolumeState::Creating)) => volume.state = State::Creating,
            (None, Some(VolumeState::Error)) => volume.state = State::Error,
        }
        volume
    }
}

/// An available volume.
pub(super) fn volume(
    one: One,
    kind: VolumeType,
    size_gib: u32,
    zone: Arc<str>,
    key: Option<Arc<str>>,
    here: &mut Here<'_>,
) -> Volume {
    let (iops, throughput) = kind.performance(size_gib);
    Volume {
        id: one.id.into(),
        size_gib,
        kind: here.shared(kind.as_str()),
        state: State::Available,
        encrypted: key.is_some(),
        kms_key_id: key,
        iops,
        throughput,
        zone,
        created_at: one.created_at,
        snapshot_id: None,
        attachments: SmallVec::new(),
        operator: None,
        tags: here.shared_tags(one.tags),
    }
}

/// Says of a volume that it is attached.
pub(super) fn attached(volume: &mut Volume, instance: &str, device: &str, at: Timestamp) {
    volume.state = State::InUse;
    volume.attachments.push(Attachment {
        instance_id: instance.into(),
        device: device.into(),
        at,
        delete_on_termination: true,
    });
}
