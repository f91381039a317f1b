//! Instances: what they are, how they are started and stopped, and what types there are.

mod attributes;
mod compatibility;
mod describe;
#[cfg(test)]
mod describe_tests;
mod instance;
mod launch_devices;
mod market;
mod of_core;
mod power;
#[cfg(test)]
mod power_tests;
mod reboot_instances;
#[cfg(test)]
mod resize_tests;
mod run;
#[cfg(test)]
mod run_tests;
mod start;
mod status;
mod stop;
mod terminate;
mod type_offerings;
pub(crate) mod type_specifications;
pub(crate) mod types;

pub(crate) use attributes::{DescribeInstanceAttribute, ModifyInstanceAttribute, Valued};
pub(crate) use describe::{DescribeInstances, Reservations};
pub(crate) use instance::{
    Agent, Device, Instance, Platform, Power, PublicIp, Purchase, Root, StateReason,
};
pub use market::Shortage;
pub(crate) use market::{Market, zones};
pub(crate) use power::{Happening, happen, one, reboot, shut_down, start};
pub(crate) use reboot_instances::RebootInstances;
pub(crate) use start::StartInstances;
pub(crate) use status::DescribeInstanceStatus;
pub(crate) use stop::StopInstances;
pub(crate) use terminate::TerminateInstances;
pub(crate) use type_specifications::{DescribeInstanceTypes, Types};

use crate::{
    buckets::{Bucket, Throttling},
    ec2::bucket,
    iam::{Context, Need},
    operation::{Cx, Spec},
    refusal::Refusal,
    table::Entry,
};

/// The operations that are here.
pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::ec2::<describe::DescribeInstances>(),
    Entry::ec2::<status::DescribeInstanceStatus>(),
    Entry::ec2::<attributes::DescribeInstanceAttribute>(),
    Entry::ec2::<attributes::ModifyInstanceAttribute>(),
    Entry::ec2::<run::RunInstances>(),
    Entry::ec2::<start::StartInstances>(),
    Entry::ec2::<stop::StopInstances>(),
    Entry::ec2::<reboot_instances::RebootInstances>(),
    Entry::ec2::<terminate::TerminateInstances>(),
    Entry::ec2::<type_specifications::DescribeInstanceTypes>(),
    Entry::ec2::<type_offerings::DescribeInstanceTypeOfferings>(),
];

/// The buckets of the instances that calls touch, by name.
const STARTED: (&str, Bucket) = ("StartInstances:instances", bucket::STARTED);
const RUN: (&str, Bucket) = ("RunInstances:instances", bucket::STARTED);
const STOPPED: (&str, Bucket) = ("StopInstances:instances", bucket::STOPPED);
const TERMINATED: (&str, Bucket) = ("TerminateInstances:instances", bucket::STOPPED);

/// Pays for the instances that a call touches.
fn spend(
    cx: &mut Cx<'_>,
    spec: &Spec,
    (name, bucket): (&'static str, Bucket),
    instances: usize,
) -> Result<(), Refusal> {
    let paid = cx.state.dials.throttling != Throttling::Aws
        || cx.state.buckets.take(cx.place, name, bucket, instances as f64, cx.now);
    match paid {
        true => Ok(()),
        false => Err(Refusal::throttled(spec.service, spec.name)),
    }
}

/// What it takes to do something to instances: the action on each of them.
pub(crate) fn needs(cx: &Cx<'_>, action: &'static str, ids: &[String]) -> Vec<Need> {
    let need = |id: &String| {
        let instance = cx.here().ec2.instances.get(id);
        let context = instance.map_or_else(Context::default, Instance::context);
        Need::on(action, Instance::arn(cx.place, id)).with(context)
    };
    match ids.is_empty() {
        true => vec![Need::anywhere(action)],
        false => ids.iter().map(need).collect(),
    }
}
