//! What tests do to databases and their snapshots, and see of them.

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Place, Tags,
    cloud::rds::{Cluster, Database, Kind, Snapshot},
};
use serde_json::{from_value, json};

use crate::{
    Cloud,
    cloud::State,
    fleet::DatabaseState,
    rds::{
        clusters, instances, kind, lifecycle,
        snapshots::{
            self, Origin, Status,
            shown::{By, DBClusterSnapshot, DBSnapshot, Seen},
        },
        status::{self, Life},
    },
};

/// What tests do to databases.
impl Cloud {
    /// Puts an instance into a place, which is opened. What AWS is doing with it ends after its
    /// time; a member of a cluster is as its cluster is.
    ///
    /// # Panics
    ///
    /// When there is no such state: then a test asks for what cannot be.
    pub fn put_database(&self, place: &Place, it: Database) {
        self.open(place);
        let (state, restarts_at) = (state(&it.state), it.restarts_at);
        let (name, is_member) = (it.id.clone(), it.cluster.is_some());
        let new = instances::Instance::of_core(it, Life::steady(state.status()));
        self.at(place, |it, _| it.rds.instances.fill([(new.name.clone(), new)]));
        if !is_member {
            self.look(|cloud, now| {
                turn(cloud, place, kind::Kind::Instance, &name, state, restarts_at, now);
            });
        }
    }

    /// Puts a cluster into a place, which is opened. What AWS is doing with it ends after its
    /// time. Its members are put there by themselves.
    ///
    /// # Panics
    ///
    /// As [`put_database`](Cloud::put_database).
    pub fn put_cluster(&self, place: &Place, it: Cluster) {
        self.open(place);
        let (state, restarts_at) = (state(&it.state), it.restarts_at);
        let name = it.id.clone();
        let new = clusters::Cluster::of_core(it, Life::steady(state.status()));
        self.at(place, |it, _| it.rds.clusters.fill([(new.name.clone(), new)]));
        self.look(|cloud, now| {
            turn(cloud, place, kind::Kind::Cluster, &name, state, restarts_at, now);
        });
    }

    /// Puts a snapshot of an instance or a cluster into a place, which is opened. It stays in its
    /// state for good.
    ///
    /// # Panics
    ///
    /// When there is no such state or type: then a test asks for what cannot be.
    pub fn put_database_snapshot(&self, place: &Place, kind: Kind, it: Snapshot) {
        self.open(place);
        let at = it.created_at.unwrap_or(Timestamp::UNIX_EPOCH);
        let of_kind = match kind {
            Kind::Instance => {
                let of = instances::Instance::available(&it.database, &it.engine, at);
                snapshots::Snapshot::of_instance(&it.id, &of, at)
            }
            Kind::Cluster => {
                let of = clusters::Cluster::available(&it.database, &it.engine, at);
                snapshots::Snapshot::of_cluster(&it.id, &of, at)
            }
        };
        let all = [Origin::Manual, Origin::Automated, Origin::AwsBackup];
        let origin = all.into_iter().find(|origin| origin.as_str() == it.snapshot_type);
        let all = [Status::Available, Status::Creating, Status::Copying, Status::Failed];
        let status = all.into_iter().find(|status| status.as_str() == it.state);
        let new = snapshots::Snapshot {
            origin: origin.unwrap_or_else(|| panic!("no type `{}`", it.snapshot_type)),
            status: status.unwrap_or_else(|| panic!("no state `{}`", it.state)),
            taken_at: it.original_created_at.unwrap_or(at),
            storage_gib: it.size_gib,
            key: it.kms_key_id.map(Into::into),
            tags: it.tags,
            ..of_kind
        };
        let kind = kind.into();
        self.at(place, |it, _| it.rds.snapshots_mut(kind).fill([(new.name.clone(), new)]));
    }

    /// Starts or stops a database now, as somebody else might. It takes its time.
    pub fn switch_database(&self, place: &Place, kind: Kind, name: &str, on: bool) {
        self.look(|state, now| {
            let times = state.dials.times.databases.clone();
            let (status, lasts) = match on {
                true => (status::Status::Starting, times.start),
                false => (status::Status::Stopping, times.stop),
            };
            lifecycle::turn(state, place, kind.into(), name, status, lasts, now);
        });
    }

    /// Gives a database other tags, as somebody else might.
    pub fn retag_database(&self, place: &Place, kind: Kind, name: &str, tags: Tags) {
        self.at(place, |it, now| match kind {
            Kind::Instance => it.rds.instances.change(name, now, |it| it.tags = tags),
            Kind::Cluster => it.rds.clusters.change(name, now, |it| it.tags = tags),
        });
    }

    /// Takes a database away, as somebody else might.
    pub fn remove_database(&self, place: &Place, kind: Kind, name: &str) {
        self.at(place, |it, now| match kind {
            Kind::Instance => drop(it.rds.instances.remove(name, now)),
            Kind::Cluster => drop(it.rds.clusters.remove(name, now)),
        });
    }

    /// Takes a snapshot of a database away, as somebody else might.
    pub fn remove_database_snapshot(&self, place: &Place, kind: Kind, name: &str) {
        self.at(place, |it, now| drop(it.rds.snapshots_mut(kind.into()).remove(name, now)));
    }

    /// A snapshot of a database that is being taken fails now.
    pub fn fail_database_snapshot(&self, place: &Place, kind: Kind, name: &str) {
        self.at(place, |it, now| {
            it.rds.snapshots_mut(kind.into()).change(name, now, |it| it.status = Status::Failed)
        });
    }
}

/// What tests find there.
impl Cloud {
    /// The instances of a place, in the order of their names.
    pub fn databases_in(&self, place: &Place) -> Vec<Database> {
        self.at(place, |it, now| {
            let all = it.rds.instances.iter();
            all.map(|(_, one)| (&instances::Shown::at(place, &it.rds, now, one)).into()).collect()
        })
    }

    /// The clusters of a place, in the order of their names.
    pub fn clusters_in(&self, place: &Place) -> Vec<Cluster> {
        self.at(place, |it, now| {
            let all = it.rds.clusters.iter();
            all.map(|(_, one)| (&clusters::Shown::at(place, &it.rds, now, one)).into()).collect()
        })
    }

    /// The snapshots of instances, or of clusters, that a place's account owns there, in the order
    /// of their names.
    pub fn database_snapshots_in(&self, place: &Place, kind: Kind) -> Vec<Snapshot> {
        self.at(place, |it, at| {
            let all = it.rds.snapshots(kind.into()).iter();
            all.map(|(_, snapshot)| {
                let seen = Seen { snapshot, place: place.clone(), by: By::Owner, at };
                match kind {
                    Kind::Instance => (&DBSnapshot::of(&seen)).into(),
                    Kind::Cluster => (&DBClusterSnapshot::of(&seen)).into(),
                }
            })
            .collect()
        })
    }
}

impl From<Kind> for kind::Kind {
    fn from(kind: Kind) -> kind::Kind {
        match kind {
            Kind::Instance => kind::Kind::Instance,
            Kind::Cluster => kind::Kind::Cluster,
        }
    }
}

fn state(name: &str) -> DatabaseState {
    from_value(json!(name)).unwrap_or_else(|_| panic!("no state `{name}` here"))
}

/// Lets pass what AWS is doing with a database.
fn turn(
    cloud: &mut State,
    place: &Place,
    kind: kind::Kind,
    name: &str,
    state: DatabaseState,
    restarts_at: Option<Timestamp>,
    now: Timestamp,
) {
    let lasts = state.lasts(&cloud.dials.times.databases);
    let left = restarts_at.map(|at| at.duration_since(now)).or(lasts);
    if let Some(left) = left.filter(|it| *it > SignedDuration::ZERO) {
        lifecycle::turn(cloud, place, kind, name, state.status(), left, now);
    }
}
