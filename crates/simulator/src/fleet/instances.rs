//! EC2 instances, with volumes of their own.

use std::{collections::BTreeMap, net::Ipv4Addr};

use jiff::Timestamp;
use lamplighter_core::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    entry::{Bad, Common, Entry, check_keys, check_zones, entry},
    here::{Here, One},
    volumes::{EBS_KEY, VolumeType, attached, volume},
};
use crate::{
    ec2::{
        instances::{
            Agent, Device, Instance, Platform, Power, PublicIp, Purchase, StateReason,
            types::{self, Architecture, InstanceType},
        },
        volumes::Volume,
    },
    words::{OneOrMore, Range, Share},
};

/// The type of those that do not say it.
const TYPE: &str = "t3.micro";
/// The size of their volumes.
const SIZE: Range<u32> = Range { from: 8, to: 8 };

entry! {
    /// EC2 instances. Their own volumes are like those of `volumes`, of type `gp3` and without
    /// tags; the first is the root.
    pub struct Instances {
        /// The type, such as `m5.large`, or several; `t3.micro` by default.
        pub r#type: OneOrMore<String>,
        /// The state, or several; `running` by default.
        pub state: OneOrMore<InstanceState>,
        /// The letter of the availability zone, or several; `a` by default.
        pub zone: OneOrMore<String>,
        /// What they run, or several; `linux` by default.
        pub platform: OneOrMore<InstancePlatform>,
        /// Whether SSM manages them, or several; `none` by default.
        pub agent: OneOrMore<InstanceAgent>,
        /// How many of them can hibernate; none by default. Their root volumes are encrypted, and
        /// large enough for the memory.
        pub hibernation: Share,
        /// How many of them are protected from being stopped; none by default.
        pub stop_protection: Share,
        /// How many of them are protected from being terminated; none by default.
        pub termination_protection: Share,
        /// How many of them are Spot Instances of persistent requests, which can be stopped; none
        /// by default, and all others are on demand.
        pub spot: Share,
        /// How many of them have an Elastic IP address; none by default, and the others have no
        /// public address.
        pub elastic_ip: Share,
        /// How many volumes each has; one by default. With `0`, entries of `volumes` name them.
        pub volumes: Range<u32>,
        /// The size of each volume in GiB; 8 by default.
        pub size: OneOrMore<Range<u32>>,
        /// How many of the volumes are encrypted; none by default, and all when there is a `key`.
        pub encrypted: Share,
        /// The KMS key of those that are encrypted, by its alias or its ARN; `alias/aws/ebs` by
        /// default.
        pub key: OneOrMore<String>,
    }
}

/// The state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// It has been running since it was made.
    Running,
    /// Somebody has stopped it.
    Stopped,
}

/// What an instance runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "these are names")]
pub enum InstancePlatform {
    Linux,
    Windows,
}

/// The SSM agent of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceAgent {
    /// SSM does not manage it.
    None,
    /// SSM manages it.
    Online,
    /// SSM manages it, and does not hear of it.
    Lost,
}

/// An instance and its own volumes.
pub(super) struct Made {
    instance: Instance,
    volumes: Vec<Volume>,
}

impl Entry for Instances {
    const KEY: &'static str = "instances";
    const KIND: &'static str = "i";
    const PREFIX: &'static str = "i-";

    type Item = Made;

    fn common(&self) -> Common<'_> {
        self.all_say()
    }

    fn check(&self, _: &[Place], bad: &mut Bad<'_>) {
        for name in self.r#type.iter().flat_map(OneOrMore::iter) {
            match types::find(name) {
                Some(kind) => self.check_type(kind, bad),
                None => {
                    let known: Vec<_> =
                        types::TYPES.iter().map(|it| format!("`{}`", it.name)).collect();
                    let known = known.join(", ");
                    bad.say("type", format!("there is no type `{name}` here; known: {known}"));
                }
            }
        }
        check_zones(self.zone.as_ref(), bad);
        let sizes = VolumeType::Gp3.sizes();
        let fits = |it: &Range<u32>| it.from >= sizes.from && it.to <= sizes.to;
        if !self.size.iter().flat_map(OneOrMore::iter).all(fits) {
            bad.say("size", format!("a volume of type `gp3` has {sizes} GiB"));
        }
        check_keys("key", self.key.iter().flat_map(OneOrMore::iter), bad);
        if self.spot.is_some_and(|it| it != Share::NEVER) {
            let protections = [
                ("stop-protection", self.stop_protection),
                ("termination-protection", self.termination_protection),
            ];
            for (key, share) in protections {
                if share.is_some_and(|it| it != Share::NEVER) {
                    bad.say(key, "no Spot Instance is protected");
                }
            }
        }
    }

    fn make(&self, here: &mut Here<'_>) -> Vec<(Box<str>, Made)> {
        here.each(self, |one, here| self.instance(one, here))
    }

    fn put(here: &mut Here<'_>, items: Vec<(Box<str>, Made)>) {
        let mut volumes = Vec::new();
        let instances = items.into_iter().map(|(id, made)| {
            volumes.extend(made.volumes.into_iter().map(|it| (it.id.as_str().into(), it)));
            (id, made.instance)
        });
        let ec2 = &mut here.services().ec2;
        ec2.instances.fill(instances);
        ec2.volumes.fill(volumes);
    }
}

impl Instances {
    /// Says what instances of a type cannot have.
    fn check_type(&self, kind: &InstanceType, bad: &mut Bad<'_>) {
        let (name, most) = (kind.name, kind.most_volumes());
        if self.volumes.is_some_and(|it| it.to as usize > most) {
            bad.say("volumes", format!("an instance of type `{name}` has at most {most}"));
        }
        if self.hibernation.is_some_and(|it| it != Share::NEVER) && !kind.hibernates() {
            bad.say("hibernation", format!("an instance of type `{name}` cannot hibernate"));
        }
        let mut platforms = self.platform.iter().flat_map(OneOrMore::iter);
        let arm = kind.family.architecture == Architecture::Arm;
        if arm && platforms.any(|it| *it == InstancePlatform::Windows) {
            bad.say("platform", format!("an instance of type `{name}` does not run Windows"));
        }
    }

    fn instance(&self, one: One, here: &mut Here<'_>) -> Made {
        let name = self.r#type.as_ref().map_or(TYPE, |it| it.draw(&mut here.random));
        let kind = types::find(name).expect("`check` has found it");
        let zone = here.zone(self.zone.as_ref());
        let mut instance = Instance::running(&one.id, kind, &zone, one.created_at);
        instance.zone = zone;
        instance.tags = one.tags;
        if let Some(InstancePlatform::Windows) =
            self.platform.as_ref().map(|it| *it.draw(&mut here.random))
        {
            instance.platform = Platform::Windows;
            instance.root_device = "/dev/sda1".into();
        }
        if let Some(InstanceState::Stopped) =
            self.state.as_ref().map(|it| *it.draw(&mut here.random))
        {
            let (code, why) = ("Client.UserInitiatedShutdown", "User initiated shutdown");
            instance.power = Power::Stopped;
            instance.state_reason = Some(StateReason::asked(code, why, here.now));
        }
        instance.agent = match self.agent.as_ref().map(|it| *it.draw(&mut here.random)) {
            None | Some(InstanceAgent::None) => Agent::None,
            Some(InstanceAgent::Online) => Agent::Online,
            Some(InstanceAgent::Lost) => Agent::Lost,
        };
        let is = |share: Option<Share>, here: &mut Here<'_>| {
            share.unwrap_or(Share::NEVER).draw(&mut here.random)
        };
        instance.can_hibernate = is(self.hibernation, here);
        instance.stop_protection = is(self.stop_protection, here);
        instance.termination_protection = is(self.termination_protection, here);
        if is(self.spot, here) {
            let request_id = here.fresh_id("sir");
            instance.purchase = Purchase::Spot { request_id, persistent: true, interrupted: false };
        }
        if is(self.elastic_ip, here) {
            let [.., a, b, c] = here.random.next_number().to_be_bytes();
            instance.public_ip = PublicIp::Elastic(Ipv4Addr::new(52, a, b, c));
        }
        let count = self.volumes.map_or(1, |it| it.draw(&mut here.random));
        let volumes = (0..count).map(|_| self.volume(&mut instance, here)).collect();
        Made { instance, volumes }
    }

    /// One more volume of an instance.
    fn volume(&self, instance: &mut Instance, here: &mut Here<'_>) -> Volume {
        let size = self.size.as_ref().map_or(SIZE, |it| *it.draw(&mut here.random));
        let mut size = size.draw(&mut here.random);
        let mut key = here.key_of(self.encrypted, self.key.as_ref(), EBS_KEY);
        if instance.can_hibernate && instance.devices.is_empty() {
            size = size.max(instance.kind.memory_mib / 1024 + 1);
            key = key.or_else(|| here.key_of(Some(Share::ALWAYS), self.key.as_ref(), EBS_KEY));
        }
        let id = here.fresh_id("vol");
        let one = One { id, created_at: instance.created_at, tags: Default::default() };
        let mut volume = volume(one, VolumeType::Gp3, size, instance.zone.clone(), key, here);
        attach(instance, &mut volume);
        volume
    }
}

/// Attaches a volume to an instance: each says so of the other.
fn attach(instance: &mut Instance, volume: &mut Volume) {
    let name = match instance.devices.len() {
        0 => instance.root_device.to_string(),
        n => device(n - 1),
    };
    let at = volume.created_at.max(instance.created_at);
    attached(volume, &instance.id, &name, at);
    instance.devices.push(Device {
        name: name.into(),
        volume_id: volume.id.as_str().into(),
        attached_at: at,
        delete_on_termination: true,
    });
}

/// The name of a device beside the root: `/dev/sdf` to `/dev/sdz`, then `/dev/xvdba` and so on.
/// Source: EC2 User Guide, "Device names for volumes on Amazon EC2 instances".
fn device(n: usize) -> String {
    let letter = |n: usize| char::from(b"abcdefghijklmnopqrstuvwxyz"[n % 26]);
    match n.checked_sub(21) {
        None => format!("/dev/sd{}", letter(n + 5)),
        Some(n) => format!("/dev/xvd{}{}", letter(n / 26 + 1), letter(n)),
    }
}

/// The instances of a place that volumes may be attached to, by their zones.
#[derive(Default)]
pub(super) struct Hosts(BTreeMap<Box<str>, Vec<Box<str>>>);

impl Hosts {
    /// All that are there.
    pub(super) fn all(here: &mut Here<'_>) -> Hosts {
        let mut hosts = Hosts::default();
        for (id, it) in here.services().ec2.instances.iter() {
            hosts.0.entry((&*it.zone).into()).or_default().push(id.into());
        }
        hosts
    }

    /// Draws one in a zone that has room for another volume. `None`: there is none.
    pub(super) fn draw(&mut self, zone: &str, here: &mut Here<'_>) -> Option<Box<str>> {
        let ids = self.0.get_mut(zone)?;
        while !ids.is_empty() {
            let index = here.random.below(ids.len());
            let it = here.services().ec2.instances.get(&ids[index]);
            if it.is_some_and(|it| it.devices.len() < it.kind.most_volumes()) {
                return Some(ids[index].clone());
            }
            ids.swap_remove(index);
        }
        None
    }
}

/// Attaches a volume to an instance that may be there.
pub(super) fn attach_to(id: &str, volume: &mut Volume, here: &mut Here<'_>) {
    let instances = &mut here.services().ec2.instances;
    // It has always been so.
    let found = instances.change(id, Timestamp::MIN, |it| attach(it, volume));
    if found.is_none() {
        attached(volume, id, "/dev/xvda", volume.created_at);
    }
}
