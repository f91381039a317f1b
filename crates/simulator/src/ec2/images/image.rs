//! An image, as it is kept.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{AccountId, Place, Region, Tags, cloud::ec2 as core};

use crate::{
    arn,
    ec2::{
        instances::{Platform, types::Architecture},
        snapshots::Snapshot,
    },
    iam::Context,
    organization::Organization,
};

/// An image (AMI), in the place of the account that owns it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Image {
    pub(crate) id: Box<str>,
    /// The account that owns it.
    pub(crate) owner: AccountId,
    /// Another name of the owner: `amazon`.
    pub(crate) owner_alias: Option<&'static str>,
    pub(crate) name: Box<str>,
    pub(crate) description: Box<str>,
    pub(crate) state: State,
    /// Why it failed.
    pub(crate) failure: Option<Box<str>>,
    pub(crate) created_at: Timestamp,
    pub(crate) architecture: Architecture,
    pub(crate) platform: Platform,
    pub(crate) ena: bool,
    pub(crate) root_device: Arc<str>,
    pub(crate) mappings: Vec<Mapping>,
    /// Who may launch it, beside its owner.
    pub(crate) permissions: BTreeSet<Permission>,
    pub(crate) deprecated_at: Option<Timestamp>,
    pub(crate) protection: Protection,
    pub(crate) source_instance: Option<Box<str>>,
    /// What it was copied from.
    pub(crate) source_image: Option<(Box<str>, Region)>,
    pub(crate) last_launched_at: Option<Timestamp>,
    pub(crate) tags: Tags,
}

impl From<&Image> for core::Image {
    fn from(it: &Image) -> core::Image {
        core::Image {
            id: it.id.to_string(),
            name: it.name.to_string(),
            state: it.state.as_str().to_owned(),
            state_message: it.failure.as_deref().map(str::to_owned),
            created_at: Some(it.created_at),
            description: it.description.to_string(),
            architecture: it.architecture.as_str().to_owned(),
            public: it.is_public(),
            source_instance: it.source_instance.as_deref().map(str::to_owned),
            snapshots: it.snapshots().map(str::to_owned).collect(),
            tags: it.tags.clone(),
        }
    }
}

/// The state of an image. Source: EC2 API, `Image`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Available,
    Failed,
    Disabled,
    /// It is gone, and still shown for a while.
    Deregistered,
}

impl State {
    const ALL: [State; 5] =
        [State::Pending, State::Available, State::Failed, State::Disabled, State::Deregistered];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Available => "available",
            State::Failed => "failed",
            State::Disabled => "disabled",
            State::Deregistered => "deregistered",
        }
    }
}

/// A device that instances of an image have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Such as `/dev/xvda`.
    pub(crate) device: Box<str>,
    /// What the volume is made of.
    pub(crate) snapshot_id: Box<str>,
    pub(crate) size_gib: u32,
    /// `gp3`, `io2` …
    pub(crate) kind: Arc<str>,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
    pub(crate) encrypted: bool,
    pub(crate) delete_on_termination: bool,
}

/// Who may launch an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Permission {
    Everybody,
    Account(AccountId),
    /// All accounts of an organization, by its ARN.
    Organization(String),
    /// All accounts of an organizational unit, by its ARN.
    Unit(String),
}

/// Whether an image can be deregistered.
/// Source: EC2 User Guide, "Protect an Amazon EC2 AMI from deregistration".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    Off,
    On {
        /// Whether it lasts for a day after it is switched off.
        cooldown: bool,
    },
    /// It was switched off, and lasts until then.
    Cooling(Timestamp),
}

impl Protection {
    /// How long protection lasts after it is switched off.
    pub(super) const COOLDOWN: SignedDuration = SignedDuration::from_hours(24);

    /// What it is by then.
    pub(super) fn at(self, now: Timestamp) -> Protection {
        match self {
            Protection::Cooling(until) if until <= now => Protection::Off,
            other => other,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Protection::Off => "disabled",
            Protection::On { cooldown: false } => "enabled-without-cooldown",
            Protection::On { cooldown: true } | Protection::Cooling(_) => "enabled-with-cooldown",
        }
    }
}

impl Image {
    /// An image of a Linux for a processor that has been available since `at`, without snapshots.
    pub(crate) fn available(
        owner: AccountId,
        id: &str,
        name: &str,
        architecture: Architecture,
        at: Timestamp,
    ) -> Image {
        Image {
            id: id.into(),
            owner,
            owner_alias: None,
            name: name.into(),
            description: Box::default(),
            state: State::Available,
            failure: None,
            created_at: at,
            architecture,
            platform: Platform::Linux,
            ena: true,
            root_device: "/dev/xvda".into(),
            mappings: Vec::new(),
            permissions: BTreeSet::new(),
            deprecated_at: None,
            protection: Protection::Off,
            source_instance: None,
            source_image: None,
            last_launched_at: None,
            tags: Tags::new(),
        }
    }

    /// As tests say it, past all rules, with its snapshots.
    pub(crate) fn of_core(owner: AccountId, it: core::Image, snapshots: &[Snapshot]) -> Image {
        let at = it.created_at.unwrap_or(Timestamp::UNIX_EPOCH);
        let mapping = |(number, snapshot): (u8, &Snapshot)| Mapping {
            device: format!("/dev/xvd{}", char::from(b'a' + number)).into(),
            snapshot_id: snapshot.id.clone(),
            size_gib: snapshot.size_gib,
            kind: "gp3".into(),
            iops: None,
            throughput: None,
            encrypted: snapshot.encrypted,
            delete_on_termination: true,
        };
        let state = State::ALL.into_iter().find(|state| state.as_str() == it.state);
        Image {
            description: it.description.as_str().into(),
            state: state.unwrap_or(State::Available),
            mappings: (0..).zip(snapshots).map(mapping).collect(),
            source_instance: it.source_instance.as_deref().map(Box::from),
            tags: it.tags,
            ..Image::available(owner, &it.id, &it.name, Architecture::X86, at)
        }
    }

    /// The ARN of an image in a region.
    pub(crate) fn arn(place: &Place, id: &str) -> String {
        arn::without_account(&place.region, format_args!("image/{id}"))
    }

    /// What conditions on it may ask for.
    /// Source: Service Authorization Reference, Amazon EC2, resource type `image`.
    pub(crate) fn context(&self) -> Context {
        Context::default()
            .with_tags("aws:ResourceTag", &self.tags)
            .with_tags("ec2:ResourceTag", &self.tags)
            .with("ec2:Owner", self.owner_alias.unwrap_or(self.owner.as_str()))
            .with("ec2:Public", if self.is_public() { "true" } else { "false" })
            .with("ec2:RootDeviceType", "ebs")
            .with("ec2:ImageType", "machine")
    }

    pub(crate) fn is_public(&self) -> bool {
        self.permissions.contains(&Permission::Everybody)
    }

    /// Whether it was given to an account, by itself or with its organization, and not to
    /// everybody.
    pub(super) fn is_shared_with(&self, account: &AccountId, organization: &Organization) -> bool {
        self.permissions.iter().any(|it| match it {
            Permission::Account(id) => id == account,
            Permission::Organization(arn) => organization.id.as_deref().is_some_and(|id| {
                organization.accounts.contains_key(account) && arn.rsplit('/').next() == Some(id)
            }),
            // The units of an organization are not known here, so no account is in one.
            Permission::Unit(_) | Permission::Everybody => false,
        })
    }

    /// Whether an account may launch and see it.
    pub(super) fn is_open_to(&self, account: &AccountId, organization: &Organization) -> bool {
        self.owner == *account || self.is_public() || self.is_shared_with(account, organization)
    }

    /// The snapshots that it is made of.
    pub(super) fn snapshots(&self) -> impl Iterator<Item = &str> {
        self.mappings.iter().map(|it| &*it.snapshot_id)
    }
}
