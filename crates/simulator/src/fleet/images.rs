//! Images (AMIs), with the snapshots that they are made of.

use std::sync::Arc;

use jiff::SignedDuration;
use lamplighter_core::{AccountId, Place, select::TagPatterns};

use super::{
    entry::{Bad, Common, Entry, entry},
    here::{Here, One},
    snapshots::{AGE, EVERY},
    volumes::VolumeType,
};
use crate::{
    ec2::{
        images::{Image, Mapping, Permission},
        instances::{Instance, types::Architecture},
        snapshots::{COPIED_VOLUME, Snapshot},
        volumes::Volume,
    },
    words::{OneOrMore, Time},
};

/// The size of the root volume of those that are of no instance.
const SIZE: u32 = 8;

entry! {
    /// Images of the instances with these ids, or of those with these tags; with neither, images
    /// of no instance. `count` is how many there are of each instance, and `age`, `1h` by default,
    /// how old the newest is. Their names are their ids. Each has its own snapshots, with the same
    /// tags.
    /// In texts, `{instance}` is the instance and `{at}` the time of the image.
    pub struct Images {
        /// The instance's id, or several, in one place. One that is not there is gone.
        pub instance: OneOrMore<String>,
        /// The tags of the instances.
        pub of: TagPatterns,
        /// How much older each is than the one after it; `1d` by default.
        pub every: Time,
        /// The size in GiB of the root volume where no instance has one; 8 by default.
        pub size: u32,
        /// The other accounts that may use them and their snapshots.
        pub shared_with: OneOrMore<AccountId>,
    }
}

/// An image and the snapshots that it is made of.
pub(super) struct Made {
    image: Image,
    snapshots: Vec<Snapshot>,
}

/// What an image is of.
struct Source {
    /// Empty when it is no instance.
    id: Box<str>,
    instance: Option<Instance>,
    /// Each with the name of its device, and whether it goes with the instance.
    volumes: Vec<(Box<str>, bool, Volume)>,
}

impl Entry for Images {
    const KEY: &'static str = "images";
    const KIND: &'static str = "ami";
    const PREFIX: &'static str = "ami-";
    const NAMES: &'static [&'static str] = &["instance"];

    type Item = Made;

    fn common(&self) -> Common<'_> {
        Common { age: Some(self.age.as_ref().unwrap_or(&AGE)), ..self.all_say() }
    }

    fn check(&self, places: &[Place], bad: &mut Bad<'_>) {
        let instances = || self.instance.iter().flat_map(OneOrMore::iter);
        if let Some(it) = instances().find(|it| !it.starts_with("i-")) {
            bad.say("instance", format!("`{it}` is not the id of an instance, such as `i-0abc`"));
        }
        if self.instance.is_some() && places.len() > 1 {
            bad.say("instance", "with `instance`, `account` and `region` say where it is");
        }
        if self.instance.is_some() && self.of.is_some() {
            bad.say("of", "there is `instance` already");
        }
        if self.id.is_some() && (self.of.is_some() || instances().count() > 1) {
            bad.say("id", "with an `id`, `instance` is one or none");
        }
        if self.size.is_some() && self.of.is_some() {
            bad.say("size", "instances that are there have a root volume of their own");
        }
        let sizes = VolumeType::Gp3.sizes();
        if self.size.is_some_and(|it| it < sizes.from || it > sizes.to) {
            bad.say("size", format!("a volume of type `gp3` has {sizes} GiB"));
        }
    }

    fn make(&self, here: &mut Here<'_>) -> Vec<(Box<str>, Made)> {
        let mut made = Vec::new();
        for source in self.sources(here) {
            let count = self.count.map_or(1, |it| it.draw(&mut here.random));
            for n in 1..=count {
                let older = self.every.unwrap_or(EVERY).0 * (n as i32 - 1);
                made.push(self.image(&source, n, older, here));
            }
        }
        made
    }

    fn put(here: &mut Here<'_>, items: Vec<(Box<str>, Made)>) {
        let mut snapshots = Vec::new();
        let images = items.into_iter().map(|(id, made)| {
            snapshots.extend(made.snapshots);
            (id, made.image)
        });
        let ec2 = &mut here.services().ec2;
        ec2.images.fill(images);
        ec2.snapshots.fill(snapshots);
    }
}

impl Images {
    fn sources(&self, here: &mut Here<'_>) -> Vec<Source> {
        let ec2 = &here.services().ec2;
        let of = |it: &Instance| {
            let volume = |on: &crate::ec2::instances::Device| {
                let volume = ec2.volumes.get(&on.volume_id)?.clone();
                Some((on.name.clone(), on.delete_on_termination, volume))
            };
            let volumes = it.devices.iter().filter_map(volume).collect();
            Source { id: it.id.clone(), instance: Some(it.clone()), volumes }
        };
        let without = |id: &str| Source { id: id.into(), instance: None, volumes: Vec::new() };
        match (&self.instance, &self.of) {
            (Some(ids), _) => {
                let found = ids.iter().map(|id| (id, ec2.instances.get(id)));
                found.map(|(id, it)| it.map_or_else(|| without(id), of)).collect()
            }
            (None, Some(patterns)) => {
                let all = ec2.instances.iter().filter(|(_, it)| patterns.selects(&it.tags));
                all.map(|(_, it)| of(it)).collect()
            }
            (None, None) => vec![without("")],
        }
    }

    fn image(
        &self,
        source: &Source,
        n: u32,
        older: SignedDuration,
        here: &mut Here<'_>,
    ) -> (Box<str>, Made) {
        let one = here.one::<Images>(&self.common(), n, older, &[("instance", &source.id)]);
        let owner = here.place().account.clone();
        let kind = source.instance.as_ref().map(|it| it.kind.family.architecture);
        let architecture = kind.unwrap_or(Architecture::X86);
        let mut image = Image::available(owner, &one.id, &one.id, architecture, one.created_at);
        image.source_instance = (!source.id.is_empty()).then(|| source.id.clone());
        if let Some(instance) = &source.instance {
            image.platform = instance.platform;
            image.ena = instance.ena;
            image.root_device = instance.root_device.clone();
        }
        let others = || self.shared_with.iter().flat_map(OneOrMore::iter).cloned();
        image.permissions.extend(others().map(Permission::Account));
        let mut snapshots = Vec::new();
        for (device, deletes, volume) in &self.volumes(source, &image.root_device, &one, here) {
            let mut it = backing(volume, &one, source, here);
            it.share.accounts.extend(others());
            image.mappings.push(Mapping {
                device: device.clone(),
                snapshot_id: it.id.clone(),
                size_gib: volume.size_gib,
                kind: volume.kind.clone(),
                iops: volume.iops,
                throughput: volume.throughput,
                encrypted: volume.encrypted,
                delete_on_termination: *deletes,
            });
            snapshots.push(it);
        }
        image.tags = one.tags;
        (one.id, Made { image, snapshots })
    }

    /// The volumes that an image has: those of its instance, or a root volume that is gone.
    fn volumes(
        &self,
        source: &Source,
        root: &Arc<str>,
        of: &One,
        here: &mut Here<'_>,
    ) -> Vec<(Box<str>, bool, Volume)> {
        if !source.volumes.is_empty() {
            return source.volumes.clone();
        }
        let tags = Default::default();
        let gone = One { id: COPIED_VOLUME.into(), created_at: of.created_at, tags };
        let zone = here.zone(None);
        let size = self.size.unwrap_or(SIZE);
        let volume = super::volumes::volume(gone, VolumeType::Gp3, size, zone, None, here);
        vec![((&**root).into(), true, volume)]
    }
}

/// A snapshot that an image is made of.
fn backing(volume: &Volume, image: &One, source: &Source, here: &mut Here<'_>) -> Snapshot {
    let owner = here.place().account.clone();
    let id = here.fresh_id("snap");
    let at = image.created_at;
    let mut it = Snapshot::completed(owner, &id, &volume.id, volume.size_gib, at);
    it.description = format!("Created by CreateImage({}) for {}", source.id, image.id).into();
    it.images.insert(image.id.clone());
    it.kms_key_id.clone_from(&volume.kms_key_id);
    it.encrypted = volume.encrypted;
    it.tags.clone_from(&image.tags);
    it
}
