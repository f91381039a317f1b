//! `RunInstances`, as far as it takes to add an instance to a place.
//! Source: EC2 API, `RunInstances`; EC2 User Guide, "Launch an Amazon EC2 instance".

use std::sync::Arc;

use lamplighter_core::Tags;
use serde::Deserialize;

use super::{
    Instance, PublicIp, RUN, compatibility,
    describe::{Reservation, Shown},
    launch_devices::{self, BlockDevice, Planned},
    power, spend,
    types::{self, InstanceType},
    zones,
};
use crate::{
    arn,
    ec2::{
        bucket,
        images::{self, Image},
        tags::{self, TagSpecification},
    },
    iam::{Context, Need},
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// Instances that one call may launch.
const MOST: u32 = 1000;
/// The resource types that tags may be for.
const TAGGED: [&str; 2] = ["instance", "volume"];

/// `RunInstances`. Network, keys and the like are as they are by default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct RunInstances {
    pub(crate) image_id: String,
    pub(crate) instance_type: String,
    pub(crate) min_count: u32,
    pub(crate) max_count: u32,
    pub(crate) block_device_mapping: Vec<BlockDevice>,
    pub(crate) client_token: Option<String>,
    pub(crate) disable_api_stop: bool,
    pub(crate) disable_api_termination: bool,
    pub(crate) hibernation_options: Hibernation,
    pub(crate) placement: Placement,
    pub(crate) tag_specification: Vec<TagSpecification>,
}

/// Whether the instance can hibernate.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Hibernation {
    pub(crate) configured: bool,
}

/// Where the instance runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Placement {
    /// `None`: anywhere in the region.
    pub(crate) availability_zone: Option<String>,
}

impl Operation for RunInstances {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "RunInstances",
        access: Access::Writes,
        bucket: bucket::STARTS,
    };

    type Answer<'s> = Reservation<'s>;

    /// Source: Service Authorization Reference, Amazon EC2, `RunInstances`.
    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let action = "ec2:RunInstances";
        let here = |resource| arn::of("ec2", cx.place, resource);
        let instance_tags = tags::sent(&self.tag_specification, "instance");
        let volume_tags = tags::sent(&self.tag_specification, "volume");
        let (instance, volume) = (here("instance/*"), here("volume/*"));
        let of = |tags: &Tags| Context::default().with_request_tags(tags);
        let kind = of(&instance_tags).with("ec2:InstanceType", &*self.instance_type);
        let image = images::need(cx, action, &self.image_id);
        let mut needs = vec![
            Need::on(action, &*instance).with(kind),
            Need::on(action, &*volume).with(of(&volume_tags)),
            image,
        ];
        let network = ["network-interface/*", "security-group/*", "subnet/*"];
        needs.extend(network.map(|it| Need::on(action, here(it))));
        needs.extend(tags::needed(&instance, "RunInstances", &instance_tags));
        needs.extend(tags::needed(&volume, "RunInstances", &volume_tags));
        needs
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Reservation<'s>, Refusal> {
        let token = self.client_token.as_deref();
        let earlier = cx.here().ec2.client_tokens.earlier(Self::SPEC.name, token, &self)?;
        let earlier = earlier.map(<[_]>::to_vec);
        let launched = match earlier {
            Some(ids) => ids,
            None => self.launch(cx)?,
        };
        let cx = &*cx;
        let shelf = &cx.here().ec2.instances;
        let instances: Vec<&Instance> = launched.iter().filter_map(|it| shelf.get(it)).collect();
        let id = instances.first().map_or("", |it| &*it.reservation_id);
        let mut reservation = Reservation::empty(id, cx.place.account.as_str());
        reservation.instances_set = instances.into_iter().map(Shown::of).collect();
        Ok(reservation)
    }
}

/// What every instance of a launch has in common.
struct Launch {
    image: Image,
    kind: &'static InstanceType,
    zone: Arc<str>,
    volumes: Vec<Planned>,
    instance_tags: Tags,
    volume_tags: Tags,
}

impl RunInstances {
    /// Launches the instances, and remembers that for the client token.
    fn launch(&self, cx: &mut Cx<'_>) -> Result<Vec<Box<str>>, Refusal> {
        let launch = self.check(cx)?;
        let count = self.count(cx, launch.kind)?;
        spend(cx, &Self::SPEC, RUN, count as usize)?;
        let reservation: Box<str> = cx.state.fresh_id("r").into();
        let ids: Vec<Box<str>> =
            (0..count).map(|index| self.launch_one(cx, &launch, &reservation, index)).collect();
        let now = cx.now;
        cx.here_mut()
            .ec2
            .images
            .change(&launch.image.id, now, |it| it.last_launched_at = Some(now));
        let tokens = &mut cx.here_mut().ec2.client_tokens;
        let token = self.client_token.as_deref();
        tokens.remember(Self::SPEC.name, token, format!("{self:?}"), ids.clone(), now);
        Ok(ids)
    }

    /// Refuses what cannot be launched.
    fn check(&self, cx: &Cx<'_>) -> Result<Launch, Refusal> {
        let instance_tags = tags::checked(&self.tag_specification, "instance", &TAGGED)?;
        let volume_tags = tags::checked(&self.tag_specification, "volume", &TAGGED)?;
        if self.min_count == 0 || self.max_count < self.min_count || self.max_count > MOST {
            let message =
                format!("{} to {} instances cannot be launched", self.min_count, self.max_count);
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        let kind = types::find(&self.instance_type).ok_or_else(|| {
            let message = format!("Invalid value '{}' for InstanceType.", self.instance_type);
            Refusal::new("InvalidParameterValue", message)
        })?;
        let image = images::usable(cx, &cx.place.region, &self.image_id)?.into_owned();
        let volumes = launch_devices::plan(cx, &image, &self.block_device_mapping)?;
        compatibility::check_architecture(kind, image.architecture)?;
        compatibility::check_network(kind, image.ena)?;
        compatibility::check_volumes(kind, volumes.len())?;
        if self.hibernation_options.configured {
            compatibility::check_hibernation(kind)?;
            check_root(&image, kind, &volumes)?;
        }
        let zone = self.zone(cx)?;
        cx.here().ec2.market.check(kind, &zone)?;
        Ok(Launch { image, kind, zone, volumes, instance_tags, volume_tags })
    }

    /// The Availability Zone that is asked for, or the region's first.
    fn zone(&self, cx: &Cx<'_>) -> Result<Arc<str>, Refusal> {
        let [first, second, third] = zones(&cx.place.region).map(|(name, _)| name);
        let Some(asked) = self.placement.availability_zone.as_deref() else {
            return Ok(first.into());
        };
        match [first, second, third].into_iter().find(|it| it == asked) {
            Some(zone) => Ok(zone.into()),
            None => {
                let message = format!("Invalid availability zone: [{asked}]");
                Err(Refusal::new("InvalidParameterValue", message))
            }
        }
    }

    /// How many there is room for: as many as are asked for, and never fewer than the least.
    fn count(&self, cx: &Cx<'_>, kind: &InstanceType) -> Result<u32, Refusal> {
        let ec2 = &cx.here().ec2;
        let fits = |count: u32| {
            let running = ec2.instances.iter().map(|(_, it)| it);
            ec2.market.check_vcpus(running, count * kind.vcpus)
        };
        fits(self.min_count)?;
        let most = (self.min_count..=self.max_count).rev().find(|it| fits(*it).is_ok());
        Ok(most.unwrap_or(self.min_count))
    }

    fn launch_one(
        &self,
        cx: &mut Cx<'_>,
        launch: &Launch,
        reservation: &str,
        index: u32,
    ) -> Box<str> {
        let id: Box<str> = cx.state.fresh_id("i").into();
        let attach = |it| launch_devices::attach(cx, it, &id, &launch.zone, &launch.volume_tags);
        let devices = launch.volumes.iter().map(attach).collect();
        let image = &launch.image;
        let instance = Instance {
            reservation_id: reservation.into(),
            launch_index: index,
            client_token: self.client_token.as_deref().map(Box::from),
            image_id: (*image.id).into(),
            public_ip: PublicIp::EachStart,
            platform: image.platform,
            root_device: image.root_device.clone(),
            devices,
            ena: image.ena,
            can_hibernate: self.hibernation_options.configured,
            stop_protection: self.disable_api_stop,
            termination_protection: self.disable_api_termination,
            tags: launch.instance_tags.clone(),
            ..Instance::running(&id, launch.kind, &launch.zone, cx.now)
        };
        let now = cx.now;
        cx.here_mut().ec2.instances.put(&id, instance, now);
        power::start(cx.state, cx.place, &id, cx.now);
        id
    }
}

/// Refuses a root volume that cannot take the memory of an instance.
/// Source: EC2 User Guide, "Prerequisites for EC2 instance hibernation".
fn check_root(image: &Image, kind: &InstanceType, volumes: &[Planned]) -> Result<(), Refusal> {
    let mut mappings = volumes.iter().map(|it| &it.mapping);
    let root = mappings.find(|it| *it.device == *image.root_device);
    if root.is_some_and(|it| it.encrypted && it.size_gib > kind.memory_mib / 1024) {
        return Ok(());
    }
    let message = "The root volume must be encrypted, and large enough for the memory";
    Err(Refusal::new("UnsupportedHibernationConfiguration", message))
}
