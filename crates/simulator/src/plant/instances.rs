//! What tests do to instances, and see of them and their images.

use std::collections::BTreeSet;

use jiff::Timestamp;
use lamplighter_core::{
    AccountId, Place, Tags,
    cloud::{ec2::Image, instances::Instance},
};

use crate::{
    Cloud,
    ec2::{
        images::{self, Permission},
        instances::{self, Agent, Device, Purchase, Shortage, StateReason},
        snapshots::Snapshot,
    },
    kms::Key,
};

/// What an instance is protected from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// `DisableApiStop`.
    Stop,
    /// `DisableApiTermination`.
    Termination,
}

/// What tests do to instances.
impl Cloud {
    /// Puts an instance into a place, which is opened. The volumes that it
    /// names are put there by others.
    pub fn put_instance(&self, place: &Place, instance: Instance) {
        self.open(place);
        let instance = instances::Instance::from(instance);
        self.at(place, |it, _| it.ec2.instances.fill([(instance.id.clone(), instance)]));
    }

    /// Puts an image into a place, which is opened. The snapshots that it names are there.
    pub fn put_image(&self, place: &Place, image: Image) {
        self.open(place);
        self.at(place, |it, now| {
            let used = image.snapshots.iter().filter_map(|id| {
                it.ec2.snapshots.change(id, now, |it| {
                    it.images.insert(image.id.as_str().into());
                    it.clone()
                })
            });
            let used: Vec<Snapshot> = used.collect();
            let image = images::Image::of_core(place.account.clone(), image, &used);
            it.ec2.images.fill([(image.id.clone(), image)]);
        });
    }

    /// Lets accounts launch an image, as somebody else might: not use its snapshots.
    pub fn share_image(&self, place: &Place, id: &str, with: &[AccountId]) {
        let new = || with.iter().cloned().map(Permission::Account);
        self.at(place, |it, now| {
            it.ec2.images.change(id, now, |it| it.permissions.extend(new()));
        });
    }

    /// The accounts that may launch an image, beside its owner.
    pub fn shares_of_image(&self, place: &Place, id: &str) -> BTreeSet<AccountId> {
        let account = |it: &Permission| match it {
            Permission::Account(id) => Some(id.clone()),
            _ => None,
        };
        self.at(place, |it, _| {
            let image = it.ec2.images.get(id);
            image.into_iter().flat_map(|it| it.permissions.iter().filter_map(account)).collect()
        })
    }

    /// An instance is protected from being stopped, or from being terminated.
    pub fn protect_instance(&self, place: &Place, id: &str, from: Protection) {
        self.change_instance(place, id, |it| match from {
            Protection::Stop => it.stop_protection = true,
            Protection::Termination => it.termination_protection = true,
        });
    }

    /// A Spot Instance belongs to a request that is for once: it cannot be stopped.
    pub fn request_instance_once(&self, place: &Place, id: &str) {
        self.change_instance(place, id, |it| {
            if let Purchase::Spot { persistent, .. } = &mut it.purchase {
                *persistent = false;
            }
        });
    }

    /// SSM manages an instance from now on, and hears of it or not.
    pub fn manage_instance(&self, place: &Place, id: &str, online: bool) {
        self.change_instance(place, id, |it| {
            it.agent = if online { Agent::Online } else { Agent::Lost };
        });
    }

    /// Commands of an instance with this text end with this exit code from now on.
    pub fn fail_commands(&self, place: &Place, id: &str, text: &str, exit_code: i32) {
        self.at(place, |it, _| it.ssm.failing.push((id.into(), text.into(), exit_code)));
    }

    /// VSS cannot hold all applications of an instance still from now on.
    pub fn disturb_vss(&self, place: &Place, id: &str) {
        self.at(place, |it, _| _ = it.ssm.restless.insert(id.into()));
    }

    /// A volume that says so is on an instance.
    pub fn attach_volume(&self, place: &Place, id: &str, volume: &str) {
        self.change_instance(place, id, |it| {
            it.devices.push(Device {
                name: it.root_device.as_ref().into(),
                volume_id: volume.into(),
                attached_at: it.created_at,
                delete_on_termination: true,
            });
        });
    }

    /// An instance that is started does not come to run from now on, or does again.
    pub fn fail_starts_of(&self, place: &Place, id: &str, reason: Option<&str>) {
        let reason = reason.map(|code| StateReason::happened(code, "it does not start"));
        self.change_instance(place, id, |it| it.start_fails = reason);
    }

    /// Starts or stops an instance now, as somebody else might.
    pub fn switch_instance(&self, place: &Place, id: &str, on: bool) {
        self.look(|state, now| match on {
            true => instances::start(state, place, id, now),
            false => instances::shut_down(state, place, id, now),
        });
    }

    /// Gives an instance other tags, as somebody else might.
    pub fn retag_instance(&self, place: &Place, id: &str, tags: Tags) {
        self.change_instance(place, id, |it| it.tags = tags);
    }

    /// There is no capacity for an instance type in a zone: AWS refuses to start one, or accepts
    /// it and the instance does not come to run.
    pub fn run_short(&self, place: &Place, instance_type: &str, zone: &str, says: Shortage) {
        let key = (instance_type.into(), zone.into());
        self.at(place, |it, _| it.ec2.market.shortages.insert(key, says));
    }

    /// There is capacity for an instance type in a zone again.
    pub fn end_shortage(&self, place: &Place, instance_type: &str, zone: &str) {
        let key = (instance_type.into(), zone.into());
        self.at(place, |it, _| it.ec2.market.shortages.remove(&key));
    }

    /// Makes a customer managed key, which its account may use for everything, and gives its ARN.
    pub fn put_customer_key(&self, place: &Place, id: &str) -> String {
        self.open(place);
        let key = Key::customer(place, id, None, Timestamp::UNIX_EPOCH);
        let arn = key.arn.to_string();
        self.at(place, |it, _| it.kms.put(key));
        arn
    }

    fn change_instance(
        &self,
        place: &Place,
        id: &str,
        change: impl FnOnce(&mut instances::Instance),
    ) {
        self.at(place, |it, now| it.ec2.instances.change(id, now, change));
    }
}

/// What tests find there.
impl Cloud {
    /// The instances of a place, in the order of their ids.
    pub fn instances_in(&self, place: &Place) -> Vec<Instance> {
        self.at(place, |it, _| it.ec2.instances.iter().map(|(_, it)| Instance::from(it)).collect())
    }

    /// When an instance there has last booted.
    pub fn booted_at(&self, place: &Place, id: &str) -> Option<Timestamp> {
        self.at(place, |it, _| it.ec2.instances.get(id).map(|it| it.booted_at))
    }

    /// The images that a place's account owns there, in the order of their ids.
    pub fn images_in(&self, place: &Place) -> Vec<Image> {
        self.at(place, |it, _| it.ec2.images.iter().map(|(_, it)| Image::from(it)).collect())
    }
}
