//! EC2 instances: what actions may know of them and do to them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Page, PageToken, Resource, Scope, ec2::Image};
use crate::{Fault, FaultKind, Tags, select::ServerFilter};

/// The tag by which AWS says that an Auto Scaling group owns an instance.
/// Source: Amazon EC2 Auto Scaling User Guide, "Tag Auto Scaling groups and instances".
pub const AUTO_SCALING_TAG: &str = "aws:autoscaling:groupName";

/// EC2 instances in one account and region.
///
/// What changes an instance takes one id. An implementation may join calls that come at the same
/// time into one; each caller gets the answer for its own instance all the same.
#[async_trait]
pub trait Instances: Send + Sync {
    /// One page of `ec2:DescribeInstances`.
    async fn instances(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Instance>, Fault>;

    /// One instance, by `ec2:DescribeInstances`. `None`: there is none that is shown. Lags behind
    /// changes.
    async fn instance(&self, id: &str) -> Result<Option<Instance>, Fault>;

    /// What the status checks of an instance have found, by `ec2:DescribeInstanceStatus`.
    async fn checks(&self, id: &str) -> Result<Checks, Fault>;

    /// Those of these instance types that there are in the region, by
    /// `ec2:DescribeInstanceTypes`.
    async fn types(&self, names: &BTreeSet<String>) -> Result<Vec<InstanceType>, Fault>;

    /// Starts an instance that is stopped. Needs `ec2:StartInstances`, and `kms:CreateGrant` on
    /// the customer managed keys of its volumes. Of one that runs or is starting it changes
    /// nothing. That AWS accepts it does not mean that the instance will run.
    async fn start(&self, id: &str) -> Result<(), Fault>;

    /// Stops an instance that runs. Needs `ec2:StopInstances`. Of one that is stopped or stopping
    /// it changes nothing.
    async fn stop(&self, id: &str, how: Stop) -> Result<(), Fault>;

    /// Asks the operating system of an instance to reboot. Needs `ec2:RebootInstances`. AWS has
    /// no client token here, so two calls may reboot twice.
    async fn reboot(&self, id: &str) -> Result<(), Fault>;

    /// Changes the type of an instance that is stopped. Needs `ec2:ModifyInstanceAttribute`.
    async fn set_type(&self, id: &str, instance_type: &str) -> Result<(), Fault>;

    /// Whether an instance is protected from being terminated. Needs
    /// `ec2:DescribeInstanceAttribute`.
    async fn is_kept(&self, id: &str) -> Result<bool, Fault>;

    /// Terminates an instance. Needs `ec2:TerminateInstances`. One that is gone is a success.
    async fn terminate(&self, id: &str) -> Result<(), Fault>;

    /// Starts an image of an instance, with its volumes. Needs `ec2:CreateImage` and
    /// `ec2:CreateTags`. AWS has no client token here: a name that is taken gives the code
    /// `InvalidAMIName.Duplicate`.
    async fn create_image(&self, new: &NewImage) -> Result<(), Fault>;

    /// The image of the account that has this name, by `ec2:DescribeImages`. Lags behind
    /// `create_image`.
    async fn image_named(&self, name: &str) -> Result<Option<Image>, Fault>;

    /// Adds tags to an instance, or any other resource of EC2, and changes those that are there.
    /// Needs `ec2:CreateTags`.
    async fn tag(&self, id: &str, tags: &Tags) -> Result<(), Fault>;

    /// Takes tags off an instance, or any other resource of EC2, whatever their values. Needs
    /// `ec2:DeleteTags`.
    async fn untag(&self, id: &str, keys: &[&str]) -> Result<(), Fault>;
}

/// What `CreateImage` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    /// The instance.
    pub instance_id: String,
    /// 3 to 128 letters, digits, blanks and some other characters; unique in the account and
    /// region. Source: EC2 API, `CreateImage`.
    pub name: String,
    /// At most 255 characters.
    pub description: String,
    /// Whether the instance is rebooted before, so that its file systems are whole.
    pub reboot: bool,
    /// Tags of the image and of its snapshots. At most 50.
    pub tags: Tags,
}

/// How an instance is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stop {
    /// Its operating system shuts down.
    ShutDown,
    /// Its memory is kept on its root volume. Only of instances that were launched for it.
    Hibernate,
}

/// What status checks have found: of the system, the instance and its volumes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    /// All have passed.
    Passed,
    /// They have not been made since it booted.
    Initializing,
    /// One has failed.
    Failed,
    /// AWS cannot tell, or the instance does not run.
    Unknown,
}

/// An EC2 instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// The instance's id, such as `i-0abc`.
    pub id: String,
    /// `pending`, `running`, `stopping`, `stopped`, `shutting-down` or `terminated`.
    pub state: String,
    /// Why it is in that state, as a code of AWS such as `Client.UserInitiatedShutdown`.
    pub state_reason: Option<String>,
    /// Such as `m5.large`.
    pub instance_type: String,
    /// `linux` or `windows`. What AWS does not call Windows is `linux`.
    pub platform: String,
    /// `x86_64`, `arm64`, `i386`, `x86_64_mac` or `arm64_mac`.
    pub architecture: String,
    /// `hvm` or `paravirtual`.
    pub virtualization: String,
    /// `on-demand`, `spot`, `scheduled` or `capacity-block`.
    pub lifecycle: String,
    /// The availability zone it is in.
    pub availability_zone: String,
    /// `default`, `dedicated` or `host`.
    pub tenancy: String,
    /// When it was last started. A reboot does not count.
    pub launched_at: Timestamp,
    /// When somebody asked for it to be stopped, if it was and AWS says when.
    pub stopped_at: Option<Timestamp>,
    /// The image it was launched from.
    pub image_id: String,
    /// `ebs` or `instance-store`.
    pub root_device_type: String,
    /// Such as `/dev/xvda`.
    pub root_device: Option<String>,
    /// The EBS volume that is its root device.
    pub root_volume: Option<String>,
    /// Its EBS volumes.
    pub volumes: Vec<String>,
    /// How many network interfaces it has.
    pub network_interfaces: u32,
    /// Its VPC.
    pub vpc_id: Option<String>,
    /// Its subnet.
    pub subnet_id: Option<String>,
    /// Its private IPv4 address.
    pub private_ip: Option<String>,
    /// Its public IPv4 address.
    pub public_ip: Option<String>,
    /// The ARN of its instance profile.
    pub instance_profile: Option<String>,
    /// Whether its operating system has a driver for Elastic Network Adapters.
    pub ena: bool,
    /// How it has booted: `legacy-bios` or `uefi`.
    pub boot_mode: Option<String>,
    /// Whether it was launched so that it can hibernate.
    pub hibernation: bool,
    /// The Auto Scaling group it belongs to.
    pub auto_scaling_group: Option<String>,
    /// The AWS service that manages it, if one does. Such an instance is not ours to touch.
    pub managed_by: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// An instance type, with what decides whether an instance can be of it.
/// Source: EC2 API, `InstanceTypeInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceType {
    /// Such as `m5.large`.
    pub name: String,
    /// The architectures of the images that it runs.
    pub architectures: Vec<String>,
    /// `hvm`, `paravirtual`.
    pub virtualizations: Vec<String>,
    /// Boot modes that it knows: `legacy-bios`, `uefi`.
    pub boot_modes: Vec<String>,
    /// Whether an operating system must have a driver for Elastic Network Adapters.
    pub requires_ena: bool,
    /// Whether an operating system must have a driver for volumes as NVMe devices.
    pub requires_nvme: bool,
    /// Whether instances of it can hibernate.
    pub hibernation: bool,
    /// Whether it has disks of its own, whose content a stop deletes.
    pub instance_store: bool,
    /// Most network interfaces.
    pub network_interfaces: u32,
    /// Most EBS volumes beside one network interface, where AWS says so. What takes places of
    /// volumes on each instance of the type, such as disks of its own, does not count in.
    pub volumes: Option<u32>,
    /// Whether each network interface after the first takes the place of a volume.
    pub shares_volumes: bool,
}

#[async_trait]
impl Resource for Instance {
    const KIND: &'static str = "instances";
    const PERMISSIONS: &'static [&'static str] = &["ec2:DescribeInstances"];

    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    async fn list(
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Self>, Fault> {
        scope.instances().instances(filter, page).await
    }
}

/// When somebody asked for a stop, from what AWS says of the last change of state:
/// `User initiated (2026-11-23 19:00:03 GMT)`. `None` when nobody asked, or AWS does not say it
/// so. Source: EC2 API, `Instance`, `StateTransitionReason`.
pub fn asked_to_stop_at(state_transition_reason: &str) -> Option<Timestamp> {
    let (_, rest) = state_transition_reason.split_once('(')?;
    let (time, _) = rest.split_once(')')?;
    let time = time.strip_suffix(" GMT")?;
    let time = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", time).ok()?;
    jiff::tz::Offset::UTC.to_timestamp(time).ok()
}

/// Whose fault it is that AWS has refused a call for several instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blame {
    /// That of these, which it names.
    Named(Vec<String>),
    /// That of one or several, and it does not say which.
    Someone,
    /// It has nothing to do with the instances.
    Nobody,
}

/// Whose fault it is that a call for these instances was refused. One bad instance fails the
/// whole call. Source: EC2 API, `TerminateInstances`.
pub fn blame(fault: &Fault, ids: &[String]) -> Blame {
    /// AWS has no room for some of them: fewer, or others, may fit.
    const NO_ROOM: [&str; 4] = [
        "InsufficientCapacityOnHost",
        "InsufficientHostCapacity",
        "InsufficientInstanceCapacity",
        "Unsupported",
    ];
    let text = fault.chain();
    let is_named = |id: &&String| {
        let ends = |rest: &str| !rest.starts_with(|it: char| it.is_ascii_alphanumeric());
        text.match_indices(id.as_str()).any(|(at, found)| ends(&text[at + found.len()..]))
    };
    let named: Vec<String> = ids.iter().filter(is_named).cloned().collect();
    let no_room = fault.code.as_deref().is_some_and(|code| NO_ROOM.contains(&code));
    match fault.kind {
        FaultKind::Throttled => Blame::Nobody,
        _ if !named.is_empty() => Blame::Named(named),
        FaultKind::Transient if !no_room => Blame::Nobody,
        _ => Blame::Someone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_blames_whom_aws_names_or_somebody_or_nobody() {
        #[track_caller]
        fn check(kind: FaultKind, code: &str, message: &str, expected: Blame) {
            let fault = Fault::new(kind, "starting instances").caused_by(message);
            let ids = ["i-1", "i-12", "i-2"].map(str::to_owned);
            assert_eq!(blame(&fault.with_code(code), &ids), expected, "{message}");
        }
        use FaultKind::{Config, Permanent, Permission, Throttled, Transient};
        let named = |ids: &[&str]| Blame::Named(ids.iter().map(|it| (*it).to_owned()).collect());
        let gone = "The instance ID 'i-12' does not exist";
        check(Transient, "InvalidInstanceID.NotFound", gone, named(&["i-12"]));
        let gone = "The instance IDs 'i-1, i-2' do not exist";
        check(Transient, "InvalidInstanceID.NotFound", gone, named(&["i-1", "i-2"]));
        let kept = "The instance 'i-2' may not be stopped. Modify its 'disableApiStop' instance \
                    attribute and try again.";
        check(Permanent, "OperationNotPermitted", kept, named(&["i-2"]));
        let state = "The instance 'i-9' is not in a state from which it can be started.";
        check(Transient, "IncorrectInstanceState", state, Blame::Nobody);
        let full = "We currently do not have sufficient m5.large capacity";
        check(Transient, "InsufficientInstanceCapacity", full, Blame::Someone);
        check(Permanent, "VcpuLimitExceeded", "your limit of 32", Blame::Someone);
        check(Permission, "UnauthorizedOperation", "Encoded: Zm9v", Blame::Someone);
        check(Config, "InvalidParameterCombination", "ENA is required", Blame::Someone);
        check(Throttled, "RequestLimitExceeded", "i-1: slow down", Blame::Nobody);
        check(Transient, "InternalError", "sorry", Blame::Nobody);
    }

    #[test]
    fn the_time_of_a_stop_is_read_from_the_words_of_aws() {
        #[track_caller]
        fn check(reason: &str, expected: Option<&str>) {
            let expected = expected.map(|it| it.parse().expect("an instant"));
            assert_eq!(asked_to_stop_at(reason), expected, "{reason}");
        }
        check("User initiated (2026-11-23 19:00:03 GMT)", Some("2026-11-23T19:00:03Z"));
        check("User initiated", None);
        check("User initiated (yesterday)", None);
        check("User initiated (2026-11-23 19:00:03 CET)", None);
        check("Server.InternalError", None);
        check("", None);
    }
}
