//! Instances in a world.

use jiff::SignedDuration;
use lamplighter_core::cloud::{ec2::Image, instances::Instance};
use lamplighter_simulator::{Protection, Shortage};

use super::{BEGIN, World, owned, sorted};

impl World {
    /// Puts an instance there: a `t3.micro` on demand that has been running for a year.
    pub fn instance<const N: usize>(self, id: &str, tags: [(&str, &str); N]) -> World {
        self.instance_with(id, tags, |_| {})
    }

    /// Puts an instance there that is different.
    pub fn instance_with<const N: usize>(
        self,
        id: &str,
        tags: [(&str, &str); N],
        change: impl FnOnce(&mut Instance),
    ) -> World {
        let mut instance = Instance {
            id: id.to_owned(),
            state: "running".to_owned(),
            state_reason: None,
            instance_type: "t3.micro".to_owned(),
            platform: "linux".to_owned(),
            architecture: "x86_64".to_owned(),
            virtualization: "hvm".to_owned(),
            lifecycle: "on-demand".to_owned(),
            availability_zone: format!("{}a", self.here.region),
            tenancy: "default".to_owned(),
            launched_at: BEGIN - SignedDuration::from_hours(24 * 365),
            stopped_at: None,
            image_id: "ami-1".to_owned(),
            root_device_type: "ebs".to_owned(),
            root_device: Some("/dev/xvda".to_owned()),
            root_volume: None,
            volumes: Vec::new(),
            network_interfaces: 1,
            vpc_id: Some("vpc-1".to_owned()),
            subnet_id: Some("subnet-1".to_owned()),
            private_ip: Some("10.0.0.1".to_owned()),
            public_ip: None,
            instance_profile: None,
            ena: true,
            boot_mode: None,
            hibernation: false,
            auto_scaling_group: None,
            managed_by: None,
            tags: owned(tags),
        };
        change(&mut instance);
        self.cloud.put_instance(&self.here, instance);
        self
    }

    /// Puts an image there that is so many days old, with the snapshots that it is made of.
    pub fn image<const N: usize, const M: usize>(
        self,
        id: &str,
        days_old: i64,
        tags: [(&str, &str); N],
        snapshots: [&str; M],
    ) -> World {
        self.image_with(id, days_old, tags, snapshots, |_| {})
    }

    /// The same, with something else about it.
    pub fn image_with<const N: usize, const M: usize>(
        self,
        id: &str,
        days_old: i64,
        tags: [(&str, &str); N],
        snapshots: [&str; M],
        change: impl FnOnce(&mut Image),
    ) -> World {
        let mut image = Image {
            id: id.to_owned(),
            name: id.to_owned(),
            state: "available".to_owned(),
            state_message: None,
            created_at: Some(BEGIN - SignedDuration::from_hours(24 * days_old)),
            description: String::new(),
            architecture: "x86_64".to_owned(),
            public: false,
            source_instance: None,
            snapshots: snapshots.map(str::to_owned).into(),
            tags: owned(tags),
        };
        change(&mut image);
        self.cloud.put_image(&self.here, image);
        self
    }

    /// The owner of the image there lets other accounts launch it, and not use its snapshots.
    pub fn launchable<const N: usize>(self, image: &str, by: [&str; N]) -> World {
        let by = by.map(|it| it.parse().expect("the test names an account"));
        self.cloud.share_image(&self.here, image, &by);
        self
    }

    /// Puts an instance there that somebody has stopped a day ago.
    pub fn stopped_instance<const N: usize>(self, id: &str, tags: [(&str, &str); N]) -> World {
        self.instance_with(id, tags, stopped)
    }

    /// The instance there is protected.
    pub fn protected(self, id: &str, from: Protection) -> World {
        self.cloud.cloud().protect_instance(&self.here, id, from);
        self
    }

    /// SSM manages the instance there, and hears of it.
    pub fn managed(self, id: &str) -> World {
        self.cloud.cloud().manage_instance(&self.here, id, true);
        self
    }

    /// SSM does not hear of the instance there any more.
    pub fn unmanaged(self, id: &str) -> World {
        self.cloud.cloud().manage_instance(&self.here, id, false);
        self
    }

    /// The first volume of the instance there is encrypted with a customer managed key.
    pub fn encrypted_instance(self, id: &str) -> World {
        let key = self.cloud.cloud().put_customer_key(&self.here, &format!("key-of-{id}"));
        let volume = format!("vol-of-{id}");
        let owner = id.to_owned();
        let world = self.volume_with(&volume, [], |it| {
            it.encrypted = true;
            it.kms_key_id = Some(key);
            it.instances = vec![owner];
        });
        world.cloud.cloud().attach_volume(&world.here, id, &volume);
        world
    }

    /// There is no capacity for an instance type in the first zone there, and AWS says so.
    pub fn short_of(self, instance_type: &str) -> World {
        let zone = format!("{}a", self.here.region);
        self.cloud.cloud().run_short(&self.here, instance_type, &zone, Shortage::Refuses);
        self
    }

    /// The instances, one line each: id, state, type, and tags.
    pub fn instances(&self) -> String {
        let places = self.cloud.places();
        let all = places.iter().flat_map(|place| self.cloud.instances_in(place));
        sorted(all.map(|it| {
            let mut line = format!("{} {} {}", it.id, it.state, it.instance_type);
            for (key, value) in &it.tags {
                line.push_str(&format!(" {key}={value}"));
            }
            line
        }))
    }
}

/// Makes an instance one that somebody has stopped a day before the world began.
pub fn stopped(instance: &mut Instance) {
    instance.state = "stopped".to_owned();
    instance.state_reason = Some("Client.UserInitiatedShutdown".to_owned());
    instance.stopped_at = Some(BEGIN - SignedDuration::from_hours(24));
}
