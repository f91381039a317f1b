//! An instance, as it is kept.

use std::{net::Ipv4Addr, sync::Arc};

use jiff::Timestamp;
use lamplighter_core::{Place, Tags};

use super::types::InstanceType;
use crate::{arn, iam::Context};

/// An instance.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Instance {
    pub(crate) id: Box<str>,
    /// The launch that it belongs to.
    pub(crate) reservation_id: Box<str>,
    /// Which of that launch it is, from 0.
    pub(crate) launch_index: u32,
    pub(crate) client_token: Option<Box<str>>,
    pub(crate) image_id: Arc<str>,
    pub(crate) kind: &'static InstanceType,
    pub(crate) zone: Arc<str>,
    pub(crate) vpc_id: Arc<str>,
    pub(crate) subnet_id: Arc<str>,
    pub(crate) public_ip: PublicIp,
    pub(crate) power: Power,
    /// The high byte of its state's code, which AWS uses for itself and callers must ignore.
    pub(crate) code_high: u8,
    /// Why it is in that state, unless it was just started.
    pub(crate) state_reason: Option<StateReason>,
    /// How often its state has changed: what was planned for another turn does not happen.
    pub(crate) turn: u32,
    pub(crate) created_at: Timestamp,
    /// When it was last started.
    pub(crate) launched_at: Timestamp,
    /// When its operating system last began to boot: a reboot counts.
    pub(crate) booted_at: Timestamp,
    pub(crate) purchase: Purchase,
    pub(crate) platform: Platform,
    pub(crate) root: Root,
    /// The name of the root device, such as `/dev/xvda`.
    pub(crate) root_device: Arc<str>,
    pub(crate) devices: Vec<Device>,
    /// Whether its operating system has a driver for Elastic Network Adapters.
    pub(crate) ena: bool,
    /// Whether it was launched so that it can hibernate.
    pub(crate) can_hibernate: bool,
    /// Whether it is stopped, or stopping, with its memory on its root volume.
    pub(crate) hibernated: bool,
    /// `DisableApiStop`.
    pub(crate) stop_protection: bool,
    /// `DisableApiTermination`.
    pub(crate) termination_protection: bool,
    /// Its operating system does not shut down by itself: only a forced stop ends.
    pub(crate) hangs: bool,
    /// Why it does not become `running` when it is started, if it does not.
    pub(crate) start_fails: Option<StateReason>,
    /// What SSM hears of it.
    pub(crate) agent: Agent,
    /// The AWS service that manages it.
    pub(crate) operator: Option<Operator>,
    pub(crate) tags: Tags,
}

/// The state of an instance. Source: EC2 User Guide, "Instance lifecycle".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl Power {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Power::Pending => "pending",
            Power::Running => "running",
            Power::ShuttingDown => "shutting-down",
            Power::Terminated => "terminated",
            Power::Stopping => "stopping",
            Power::Stopped => "stopped",
        }
    }

    /// The low byte of the state's code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Power::Pending => 0,
            Power::Running => 16,
            Power::ShuttingDown => 32,
            Power::Terminated => 48,
            Power::Stopping => 64,
            Power::Stopped => 80,
        }
    }

    /// Whether it takes capacity.
    pub(crate) fn is_up(self) -> bool {
        matches!(self, Power::Pending | Power::Running)
    }

    /// Whether it is gone or goes.
    pub(crate) fn is_ending(self) -> bool {
        matches!(self, Power::ShuttingDown | Power::Terminated)
    }
}

/// Why an instance is in its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StateReason {
    /// Such as `Client.UserInitiatedShutdown`.
    pub(crate) code: Arc<str>,
    pub(crate) message: Arc<str>,
    /// When the user asked for it. `None`: the user did not.
    pub(crate) asked_at: Option<Timestamp>,
}

impl StateReason {
    /// The user asked for it.
    pub(crate) fn asked(code: &str, message: &str, at: Timestamp) -> StateReason {
        let asked_at = Some(at);
        StateReason { code: code.into(), message: format!("{code}: {message}").into(), asked_at }
    }

    /// It happened.
    pub(crate) fn happened(code: &str, message: &str) -> StateReason {
        let message = format!("{code}: {message}").into();
        StateReason { code: code.into(), message, asked_at: None }
    }
}

/// How an instance is paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purchase {
    OnDemand,
    Spot {
        /// `sir-…`.
        request_id: Box<str>,
        /// Whether the request stays when the instance goes. Only such instances can be stopped.
        persistent: bool,
        /// Whether EC2 itself has stopped it. Only EC2 can start it then.
        interrupted: bool,
    },
}

/// Which operating system it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    Linux,
    Windows,
}

/// Its SSM agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agent {
    /// It has none, or one that SSM does not let in.
    None,
    /// It answers while the instance runs.
    Online,
    /// It has registered, and does not answer any more.
    Lost,
}

/// What its root device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Ebs,
    InstanceStore,
}

/// Its public IPv4 address. Source: EC2 User Guide, "Instance IP addressing".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PublicIp {
    Never,
    /// A new one whenever it starts, none while it is stopped.
    EachStart,
    Elastic(Ipv4Addr),
}

/// An AWS service that manages an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) principal: Arc<str>,
    /// Whether describes leave the instance out unless they ask for managed resources.
    pub(crate) hidden: bool,
}

/// A volume on an instance. The volume says the same in its attachments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    /// Such as `/dev/sdf`.
    pub(crate) name: Box<str>,
    pub(crate) volume_id: Box<str>,
    pub(crate) attached_at: Timestamp,
    pub(crate) delete_on_termination: bool,
}

impl Instance {
    /// An on-demand Linux instance that has been running since `at`, without volumes.
    pub(crate) fn running(
        id: &str,
        kind: &'static InstanceType,
        zone: &str,
        at: Timestamp,
    ) -> Instance {
        let digits = id.strip_prefix("i-").unwrap_or(id);
        Instance {
            id: id.into(),
            reservation_id: format!("r-{digits}").into(),
            launch_index: 0,
            client_token: None,
            image_id: "ami-00000000000000001".into(),
            kind,
            zone: zone.into(),
            vpc_id: "vpc-00000000000000001".into(),
            subnet_id: format!("subnet-0000000000000{:04x}", zone.bytes().last().unwrap_or(0))
                .into(),
            public_ip: PublicIp::Never,
            power: Power::Running,
            code_high: 0,
            state_reason: None,
            turn: 0,
            created_at: at,
            launched_at: at,
            booted_at: at,
            purchase: Purchase::OnDemand,
            platform: Platform::Linux,
            root: Root::Ebs,
            root_device: "/dev/xvda".into(),
            devices: Vec::new(),
            ena: true,
            can_hibernate: false,
            hibernated: false,
            stop_protection: false,
            termination_protection: false,
            hangs: false,
            start_fails: None,
            agent: Agent::None,
            operator: None,
            tags: Tags::new(),
        }
    }

    /// The volume that is its root device, if one is.
    pub(crate) fn root_volume(&self) -> Option<&str> {
        self.devices.iter().find(|it| *it.name == *self.root_device).map(|it| &*it.volume_id)
    }

    /// The code of its state, with both bytes.
    pub(crate) fn state_code(&self) -> u16 {
        u16::from_be_bytes([self.code_high, self.power.code()])
    }

    /// Its ARN.
    pub(crate) fn arn(place: &Place, id: &str) -> String {
        arn::of("ec2", place, format_args!("instance/{id}"))
    }

    /// What conditions on it may ask for.
    /// Source: Service Authorization Reference, Amazon EC2, resource type `instance`.
    pub(crate) fn context(&self) -> Context {
        Context::default()
            .with_tags("aws:ResourceTag", &self.tags)
            .with_tags("ec2:ResourceTag", &self.tags)
            .with("ec2:AvailabilityZone", &*self.zone)
            .with("ec2:InstanceType", self.kind.name)
            .with("ec2:RootDeviceType", self.root.as_str())
            .with("ec2:Tenancy", "default")
    }

    /// Its private address: always the same one.
    pub(crate) fn private_ip(&self) -> Ipv4Addr {
        let [_, b, c, d] = digest(&self.id, 0).to_be_bytes();
        Ipv4Addr::new(10, b, c, d)
    }

    /// Its public address, if it has one now.
    pub(crate) fn public_ip(&self) -> Option<Ipv4Addr> {
        match self.public_ip {
            PublicIp::Elastic(ip) => Some(ip),
            PublicIp::EachStart if self.power.is_up() => {
                let [_, b, c, d] = digest(&self.id, self.launched_at.as_second()).to_be_bytes();
                Some(Ipv4Addr::new(3, b, c, d))
            }
            PublicIp::EachStart | PublicIp::Never => None,
        }
    }
}

impl Root {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Root::Ebs => "ebs",
            Root::InstanceStore => "instance-store",
        }
    }
}

/// A number that looks like any other and is the same for the same input (FNV-1a).
fn digest(id: &str, more: i64) -> u32 {
    let bytes = id.bytes().chain(more.to_be_bytes());
    bytes.fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
