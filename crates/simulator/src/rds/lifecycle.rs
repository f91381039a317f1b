//! What happens by itself: databases become what they were told to become, stopped ones start
//! after seven days, and snapshots become available.

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::Place;

use super::{
    Rds,
    events::{self, Event},
    instances::Instance,
    kind::Kind,
    snapshots::{self, Origin, Snapshot},
    status::{Life, Status},
};
use crate::cloud::{self, State};

/// How long a database stays stopped. Source: RDS User Guide, "Stopping an Amazon RDS DB instance
/// temporarily"; Aurora User Guide, "Stopping and starting an Amazon Aurora DB cluster".
pub(crate) const LONGEST_STOP: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What happens by itself later. What has been overtaken by something else does nothing.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A database is no longer what it is.
    Database(Kind, Box<str>),
    /// A snapshot is taken or copied.
    Snapshot(Kind, Box<str>),
}

/// Lets something happen.
pub(crate) fn happen(state: &mut State, place: &Place, happening: Happening, at: Timestamp) {
    match happening {
        Happening::Snapshot(kind, name) => snapshots::ready(state, place, kind, &name, at),
        Happening::Database(kind, name) => {
            let life = state.services_of(place).and_then(|it| life(&it.rds, kind, &name));
            if let Some(life) = life.filter(|it| it.changes_at == Some(at)) {
                next(state, place, kind, &name, life.status, at);
            }
        }
    }
}

/// Puts a happening on the agenda.
pub(crate) fn plan(state: &mut State, place: &Place, at: Timestamp, happening: Happening) {
    state.agenda.plan(at, cloud::Happening::Rds(place.clone(), happening));
}

/// Lets a database become something for some time.
pub(crate) fn turn(
    state: &mut State,
    place: &Place,
    kind: Kind,
    name: &str,
    status: Status,
    lasts: SignedDuration,
    now: Timestamp,
) {
    let until = now + lasts;
    become_(state, place, kind, name, Life { status, changes_at: Some(until) }, now);
    plan(state, place, until, Happening::Database(kind, name.into()));
}

/// What becomes of a database when the time of its state is over.
fn next(state: &mut State, place: &Place, kind: Kind, name: &str, status: Status, at: Timestamp) {
    let event = match (kind, status) {
        (_, Status::Stopping) => {
            turn(state, place, kind, name, Status::Stopped, LONGEST_STOP, at);
            Some(stopped(kind))
        }
        (_, Status::Stopped) => {
            let lasts = state.dials.times.databases.start;
            turn(state, place, kind, name, Status::Starting, lasts, at);
            Some(overdue(kind))
        }
        (_, Status::Deleting) => {
            let rds = &mut state.services_mut(place).rds;
            gone(rds, kind, name, at);
            Some(deleted(kind))
        }
        _ => {
            become_(state, place, kind, name, Life::steady(Status::Available), at);
            match (kind, status) {
                (_, Status::Starting) => Some(started(kind)),
                (Kind::Instance, Status::Creating) => {
                    Some(Event::new("RDS-EVENT-0005", "creation", "DB instance created"))
                }
                (Kind::Instance, Status::Rebooting) => {
                    Some(Event::new("RDS-EVENT-0006", "availability", "DB instance restarted"))
                }
                _ => None,
            }
        }
    };
    if let Some(event) = event {
        events::of_database(state, place, kind, name, at, event);
    }
}

/// Changes the state of a database. The members of a cluster stop and start with it.
fn become_(state: &mut State, place: &Place, kind: Kind, name: &str, life: Life, at: Timestamp) {
    let rds = &mut state.services_mut(place).rds;
    match kind {
        Kind::Instance => {
            rds.instances.change(name, at, |it| it.life = life);
        }
        Kind::Cluster => {
            let before = rds.clusters.change(name, at, |it| std::mem::replace(&mut it.life, life));
            if life.status.is_of_power() || before.is_some_and(|it| it.status.is_of_power()) {
                members_become(rds, name, life.status, at);
            }
        }
    }
}

fn members_become(rds: &mut Rds, cluster: &str, status: Status, at: Timestamp) {
    let member = |(name, it): (&str, &Instance)| {
        let of = it.member.as_ref()?;
        (*of.cluster == *cluster).then(|| name.to_owned())
    };
    let members: Vec<String> = rds.instances.iter().filter_map(member).collect();
    for name in members {
        rds.instances.change(&name, at, |it| it.life = Life::steady(status));
    }
}

/// A database goes with its automated snapshots; all others stay.
/// Source: RDS User Guide, "Deleting a DB instance".
fn gone(rds: &mut Rds, kind: Kind, name: &str, at: Timestamp) {
    match kind {
        Kind::Instance => drop(rds.instances.remove(name, at)),
        Kind::Cluster => drop(rds.clusters.remove(name, at)),
    }
    let shelf = rds.snapshots_mut(kind);
    let automated = |(snapshot, it): (&str, &Snapshot)| {
        (it.origin == Origin::Automated && *it.database == *name).then(|| snapshot.to_owned())
    };
    let automated: Vec<String> = shelf.iter().filter_map(automated).collect();
    for snapshot in automated {
        shelf.remove(&snapshot, at);
    }
}

fn life(rds: &Rds, kind: Kind, name: &str) -> Option<Life> {
    match kind {
        Kind::Instance => rds.instances.get(name).map(|it| it.life),
        Kind::Cluster => rds.clusters.get(name).map(|it| it.life),
    }
}

pub(super) fn stopped(kind: Kind) -> Event {
    match kind {
        Kind::Instance => Event::new("RDS-EVENT-0087", "notification", "DB instance stopped"),
        Kind::Cluster => Event::new("RDS-EVENT-0150", "notification", "DB cluster stopped"),
    }
}

fn started(kind: Kind) -> Event {
    match kind {
        Kind::Instance => Event::new("RDS-EVENT-0088", "notification", "DB instance started"),
        Kind::Cluster => Event::new("RDS-EVENT-0151", "notification", "DB cluster started"),
    }
}

/// AWS starts what was stopped for seven days.
fn overdue(kind: Kind) -> Event {
    let (id, what) = match kind {
        Kind::Instance => ("RDS-EVENT-0154", "DB instance"),
        Kind::Cluster => ("RDS-EVENT-0153", "DB cluster"),
    };
    let message = format!(
        "{what} is being started due to it exceeding the maximum allowed time being stopped."
    );
    Event(id, "notification", message)
}

fn deleted(kind: Kind) -> Event {
    match kind {
        Kind::Instance => Event::new("RDS-EVENT-0003", "deletion", "DB instance deleted"),
        Kind::Cluster => Event::new("RDS-EVENT-0171", "deletion", "DB cluster deleted"),
    }
}
