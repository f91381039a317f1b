//! Snapshots of instances and of clusters.

pub(crate) mod copy;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod share;
pub(crate) mod shown;

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use lamplighter_core::{AccountId, Place, Tags};

use super::{
    clusters::Cluster,
    events,
    instances::Instance,
    kind::Kind,
    lifecycle::{self, Happening},
    names,
};
use crate::{cloud::State, laws::Backup, operation::Cx, refusal::Refusal};

/// Manual snapshots of each kind in one region of an account; those that AWS makes do not count.
/// Source: RDS User Guide, "Quotas and constraints for Amazon RDS".
pub(super) const MOST_MANUAL: usize = 100;

/// Who may restore a public snapshot.
const ALL: &str = "all";

/// A snapshot of an instance or a cluster.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) name: Box<str>,
    pub(crate) origin: Origin,
    pub(crate) status: Status,
    /// What it is of.
    pub(crate) database: Box<str>,
    /// The resource id of what it is of.
    pub(crate) database_id: Box<str>,
    pub(crate) database_created_at: Timestamp,
    /// When this snapshot or copy was begun.
    pub(crate) started_at: Timestamp,
    /// When it is available, unless something happens before.
    pub(crate) ready_at: Timestamp,
    /// When the first snapshot was taken that this is a copy of, or this one.
    pub(crate) taken_at: Timestamp,
    pub(crate) engine: Arc<str>,
    pub(crate) engine_version: Arc<str>,
    pub(crate) storage_gib: u32,
    pub(crate) storage_type: Arc<str>,
    pub(crate) zones: Vec<Arc<str>>,
    /// The ARN of the key that it is encrypted with.
    pub(crate) key: Option<Arc<str>>,
    /// Those of clusters have none.
    pub(crate) option_group: Option<Box<str>>,
    /// Whether the database itself is encrypted (Oracle and SQL Server).
    pub(crate) tde: bool,
    /// What it is a copy of.
    pub(crate) copy_of: Option<CopyOf>,
    /// The accounts that may copy and restore it; `all` makes it public.
    pub(crate) restorable_by: BTreeSet<Box<str>>,
    pub(crate) tags: Tags,
}

/// Who made a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The account. Copies are manual as well.
    Manual,
    /// RDS, each day.
    Automated,
    /// AWS Backup.
    AwsBackup,
}

/// The state of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Creating,
    Copying,
    Available,
    Failed,
    /// Only in the answer of the call that deletes it.
    Deleted,
}

/// What a snapshot is a copy of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CopyOf {
    pub(crate) place: Place,
    pub(crate) name: Box<str>,
    /// When the original was begun: another one of the same name is not it.
    started_at: Timestamp,
}

impl Origin {
    /// As it goes over the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Origin::Manual => "manual",
            Origin::Automated => "automated",
            Origin::AwsBackup => "awsbackup",
        }
    }
}

impl Status {
    /// As it goes over the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Status::Creating => "creating",
            Status::Copying => "copying",
            Status::Available => "available",
            Status::Failed => "failed",
            Status::Deleted => "deleted",
        }
    }
}

impl Snapshot {
    /// An available snapshot of an instance, taken by its account at some time.
    pub(crate) fn of_instance(name: &str, it: &Instance, at: Timestamp) -> Snapshot {
        Snapshot {
            name: name.into(),
            origin: Origin::Manual,
            status: Status::Available,
            database: it.name.clone(),
            database_id: it.resource_id.clone(),
            database_created_at: it.created_at,
            started_at: at,
            ready_at: at,
            taken_at: at,
            engine: it.engine.clone(),
            engine_version: it.engine_version.clone(),
            storage_gib: it.storage_gib,
            storage_type: it.storage_type.clone(),
            zones: vec![it.zone.clone()],
            key: it.key.clone(),
            option_group: Some(it.option_group.clone()),
            tde: it.tde,
            copy_of: None,
            restorable_by: BTreeSet::new(),
            tags: Tags::new(),
        }
    }

    /// An available snapshot of a cluster, taken by its account at some time.
    pub(crate) fn of_cluster(name: &str, it: &Cluster, at: Timestamp) -> Snapshot {
        Snapshot {
            name: name.into(),
            origin: Origin::Manual,
            status: Status::Available,
            database: it.name.clone(),
            database_id: it.resource_id.clone(),
            database_created_at: it.created_at,
            started_at: at,
            ready_at: at,
            taken_at: at,
            engine: it.engine.clone(),
            engine_version: it.engine_version.clone(),
            storage_gib: it.storage_gib,
            storage_type: "aurora".into(),
            zones: it.zones.clone(),
            key: it.key.clone(),
            option_group: None,
            tde: false,
            copy_of: None,
            restorable_by: BTreeSet::new(),
            tags: Tags::new(),
        }
    }

    /// The snapshot, as the laws of deletion look at it.
    fn as_backup(&self) -> Backup<'_> {
        Backup {
            id: &self.name,
            of: &self.database,
            tags: &self.tags,
            taken_at: self.taken_at,
            completed: self.status == Status::Available,
        }
    }

    /// Whether another account may copy it. Only manual ones are shared.
    pub(crate) fn is_shared_with(&self, account: &AccountId) -> bool {
        self.restorable_by.contains(account.to_string().as_str()) || self.is_public()
    }

    /// Whether everybody may copy it.
    pub(crate) fn is_public(&self) -> bool {
        self.restorable_by.contains(ALL)
    }

    /// How far it has come at an instant, in percent: all only when it is available.
    pub(crate) fn percent(&self, at: Timestamp) -> u8 {
        match self.status {
            Status::Available | Status::Deleted => 100,
            Status::Failed => 0,
            Status::Creating | Status::Copying => {
                let whole = self.ready_at.duration_since(self.started_at).as_secs_f64();
                let gone = at.duration_since(self.started_at).as_secs_f64();
                (gone / whole * 100.0).clamp(0.0, 99.0) as u8
            }
        }
    }
}

/// Begins a new snapshot, if its name is free and there may be one more.
fn begin(cx: &mut Cx<'_>, kind: Kind, new: Snapshot) -> Result<(), Refusal> {
    check_room(cx, kind, &new.name)?;
    let (name, ready_at) = (new.name.clone(), new.ready_at);
    cx.here_mut().rds.snapshots_mut(kind).put(&name, new.clone(), new.started_at);
    lifecycle::plan(cx.state, cx.place, ready_at, Happening::Snapshot(kind, name));
    Ok(())
}

/// Refuses a name that is taken, and one snapshot too many.
fn check_room(cx: &Cx<'_>, kind: Kind, name: &str) -> Result<(), Refusal> {
    let shelf = cx.here().rds.snapshots(kind);
    if shelf.get(name).is_some() {
        let message = format!(
            "Cannot create the snapshot because a snapshot with the identifier {name} already \
             exists."
        );
        return Err(Refusal::new(kind.words().snapshot_exists, message));
    }
    if shelf.iter().filter(|(_, it)| it.origin == Origin::Manual).count() >= MOST_MANUAL {
        let message = format!("Cannot create more than {MOST_MANUAL} manual snapshots");
        return Err(Refusal::new("SnapshotQuotaExceeded", message));
    }
    Ok(())
}

/// A snapshot is taken or copied. What it is a copy of must still be there.
pub(super) fn ready(state: &mut State, place: &Place, kind: Kind, name: &str, at: Timestamp) {
    let Some(it) = state.services_of(place).and_then(|it| it.rds.snapshots(kind).get(name)) else {
        return;
    };
    if it.ready_at != at || !matches!(it.status, Status::Creating | Status::Copying) {
        return;
    }
    let minutes = at.duration_since(it.started_at).as_mins();
    let (origin, copy_of) = (it.origin, it.copy_of.clone());
    let there = copy_of.as_ref().is_none_or(|of| {
        let shelf = state.services_of(&of.place).map(|it| it.rds.snapshots(kind));
        let source = shelf.and_then(|it| it.get(&of.name));
        source.is_some_and(|it| it.started_at == of.started_at)
    });
    let status = if there { Status::Available } else { Status::Failed };
    let shelf = state.services_mut(place).rds.snapshots_mut(kind);
    shelf.change(name, at, |it| it.status = status);
    let event = match (kind, copy_of) {
        (_, None) => events::created(kind, origin),
        (Kind::Instance, Some(of)) => {
            let copy = if there { events::Copy::Finished(minutes) } else { events::Copy::Canceled };
            events::copied(copy, &of.name, &of.place.region, &place.region)
        }
        (Kind::Cluster, Some(_)) => return,
    };
    events::of_snapshot(state, place, kind, name, at, event);
}

/// A snapshot of this account and region that a writing call names, by its name or its ARN.
fn find<'s>(cx: &'s Cx<'_>, kind: Kind, text: &str) -> Result<&'s Snapshot, Refusal> {
    let named = names::read(cx.place, kind.words().snapshot, text);
    let named = named.ok_or_else(|| names::bad_arn(text))?;
    let shelf = cx.here().rds.snapshots(kind);
    let seen = shelf.get_at(&named.name, cx.seen).and_then(|_| shelf.get(&named.name));
    seen.filter(|_| named.place == *cx.place).ok_or_else(|| kind.no_snapshot(text))
}

/// Refuses a snapshot that is not available.
fn check_available(kind: Kind, it: &Snapshot) -> Result<(), Refusal> {
    if it.status == Status::Available {
        return Ok(());
    }
    Err(wrong_state(kind, format!("Snapshot {} is not in the available state.", it.name)))
}

/// The refusal of what a snapshot is not fit for.
fn wrong_state(kind: Kind, message: String) -> Refusal {
    Refusal::new(kind.words().snapshot_state, message)
}
