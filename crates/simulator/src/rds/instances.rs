//! DB instances, and `DescribeDBInstances`.

use std::sync::Arc;

use jiff::Timestamp;
use lamplighter_core::{Place, Tags};
use serde::{Deserialize, Serialize};

use super::{
    At, Rds,
    kind::Kind,
    listing::{self, Filter, Page},
    status::{Life, Status, Wish},
    tags::TagList,
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// A DB instance.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Instance {
    pub(crate) name: Box<str>,
    /// Such as `db-ABCDEFGHIJKL`; never that of another instance, even of the same name.
    pub(crate) resource_id: Box<str>,
    pub(crate) class: Arc<str>,
    pub(crate) engine: Arc<str>,
    pub(crate) engine_version: Arc<str>,
    pub(crate) life: Life,
    pub(crate) storage_gib: u32,
    pub(crate) storage_type: Arc<str>,
    pub(crate) zone: Arc<str>,
    pub(crate) created_at: Timestamp,
    /// Whether there is a standby in another zone.
    pub(crate) multi_az: bool,
    /// The ARN of the key that it is encrypted with.
    pub(crate) key: Option<Arc<str>>,
    /// The cluster that it is a member of.
    pub(crate) member: Option<Member>,
    /// The instance that it is a read replica of.
    pub(crate) replica_of: Option<Box<str>>,
    pub(crate) option_group: Box<str>,
    /// Whether the database itself is encrypted (Oracle and SQL Server).
    pub(crate) tde: bool,
    /// Whether its snapshots get its tags.
    pub(crate) copy_tags_to_snapshot: bool,
    pub(crate) deletion_protection: bool,
    pub(crate) backup_retention_days: u32,
    pub(crate) tags: Tags,
}

/// A member of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) cluster: Box<str>,
    pub(crate) writer: bool,
}

impl Instance {
    /// An instance that runs, of a small size, neither encrypted nor tagged.
    pub(crate) fn available(name: &str, engine: &str, created_at: Timestamp) -> Instance {
        let engine_version: Arc<str> = version(engine).into();
        Instance {
            name: name.into(),
            resource_id: format!("db-{}", name.to_ascii_uppercase()).into(),
            class: "db.t3.micro".into(),
            engine: engine.into(),
            life: Life::steady(Status::Available),
            storage_gib: 20,
            storage_type: "gp3".into(),
            zone: "eu-west-1a".into(),
            created_at,
            multi_az: false,
            key: None,
            member: None,
            replica_of: None,
            option_group: default_option_group(engine, &engine_version),
            engine_version,
            tde: false,
            copy_tags_to_snapshot: false,
            deletion_protection: false,
            backup_retention_days: 1,
            tags: Tags::new(),
        }
    }
}

/// A version of an engine.
pub(crate) fn version(engine: &str) -> &'static str {
    const VERSIONS: [(&str, &str); 9] = [
        ("aurora-mysql", "8.0.mysql_aurora.3.08.0"),
        ("aurora-postgresql", "16.6"),
        ("docdb", "5.0.0"),
        ("mariadb", "10.11.10"),
        ("mysql", "8.0.40"),
        ("neptune", "1.4.0.0"),
        ("oracle", "19.0.0.0.ru-2025-01.rur-2025-01.r1"),
        ("postgres", "16.6"),
        ("sqlserver", "16.00.4165.4.v1"),
    ];
    let known = VERSIONS.iter().find(|(name, _)| engine.starts_with(name));
    known.map_or("11.5.9.0", |(_, version)| version)
}

/// The option group that an instance has when nobody chose one: `default:mysql-8-0`.
pub(crate) fn default_option_group(engine: &str, version: &str) -> Box<str> {
    let major: Vec<&str> = version.split('.').take(2).collect();
    format!("default:{engine}-{}", major.join("-")).into()
}

/// `DescribeDBInstances`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeDBInstances {
    #[serde(rename = "DBInstanceIdentifier")]
    pub(crate) name: Option<String>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) max_records: Option<u32>,
    pub(crate) marker: Option<String>,
}

/// What `DescribeDBInstances` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Instances<'s> {
    #[serde(rename = "DBInstances")]
    pub(crate) instances: Vec<Shown<'s>>,
    pub(crate) marker: Option<String>,
}

/// One instance, as calls that change it answer it.
#[derive(Serialize)]
pub(crate) struct OneInstance<'s> {
    #[serde(rename = "DBInstance")]
    instance: Shown<'s>,
}

/// An instance in an answer.
#[derive(Serialize)]
#[serde(rename = "DBInstance", rename_all = "PascalCase")]
pub(crate) struct Shown<'s> {
    #[serde(rename = "DBInstanceIdentifier")]
    pub(super) name: &'s str,
    #[serde(rename = "DBInstanceClass")]
    pub(super) class: &'s str,
    pub(super) engine: &'s str,
    #[serde(rename = "DBInstanceStatus")]
    pub(super) status: Status,
    pub(super) master_username: &'static str,
    /// Left out before the instance was there for the first time.
    pub(super) endpoint: Option<Endpoint>,
    pub(super) allocated_storage: u32,
    /// Left out before the instance was there for the first time.
    pub(super) instance_create_time: Option<At>,
    pub(super) backup_retention_period: u32,
    pub(super) availability_zone: &'s str,
    #[serde(rename = "MultiAZ")]
    pub(super) multi_az: bool,
    pub(super) engine_version: &'s str,
    #[serde(rename = "ReadReplicaSourceDBInstanceIdentifier")]
    pub(super) replica_of: Option<&'s str>,
    #[serde(rename = "ReadReplicaDBInstanceIdentifiers")]
    pub(super) replicas: Vec<ReadReplica<'s>>,
    pub(super) option_group_memberships: [OptionGroupMembership<'s>; 1],
    pub(super) storage_type: &'s str,
    #[serde(rename = "DBClusterIdentifier")]
    pub(super) cluster: Option<&'s str>,
    pub(super) storage_encrypted: bool,
    pub(super) kms_key_id: Option<&'s str>,
    pub(super) dbi_resource_id: &'s str,
    pub(super) copy_tags_to_snapshot: bool,
    #[serde(rename = "DBInstanceArn")]
    pub(super) arn: String,
    pub(super) deletion_protection: bool,
    pub(super) tag_list: TagList<'s>,
    pub(super) automatic_restart_time: Option<At>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Endpoint {
    address: String,
    port: u16,
}

#[derive(Serialize)]
#[serde(rename = "ReadReplicaDBInstanceIdentifier")]
pub(super) struct ReadReplica<'s>(pub(super) &'s str);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OptionGroupMembership<'s> {
    pub(super) option_group_name: &'s str,
    pub(super) status: &'static str,
}

impl<'s> Shown<'s> {
    fn of(cx: &'s Cx<'_>, it: &'s Instance) -> Shown<'s> {
        Shown::at(cx.place, &cx.here().rds, cx.seen, it)
    }

    /// The instance, as a describe shows it that sees what was at an instant.
    pub(crate) fn at(place: &Place, rds: &'s Rds, seen: Timestamp, it: &'s Instance) -> Shown<'s> {
        let there = it.life.status != Status::Creating;
        let replicas = rds.instances.after(None, seen);
        let replicas = replicas.filter(|(_, other)| other.replica_of.as_ref() == Some(&it.name));
        let address = || format!("{}.simulated.{}.rds.amazonaws.com", it.name, place.region);
        Shown {
            name: &it.name,
            class: &it.class,
            engine: &it.engine,
            status: it.life.status,
            master_username: "admin",
            endpoint: there.then(|| Endpoint { address: address(), port: port(&it.engine) }),
            allocated_storage: it.storage_gib,
            instance_create_time: there.then_some(At(it.created_at)),
            backup_retention_period: it.backup_retention_days,
            availability_zone: &it.zone,
            multi_az: it.multi_az,
            engine_version: &it.engine_version,
            replica_of: it.replica_of.as_deref(),
            replicas: replicas.map(|(name, _)| ReadReplica(name)).collect(),
            option_group_memberships: [OptionGroupMembership {
                option_group_name: &it.option_group,
                status: "in-sync",
            }],
            storage_type: &it.storage_type,
            cluster: it.member.as_ref().map(|it| &*it.cluster),
            storage_encrypted: it.key.is_some(),
            kms_key_id: it.key.as_deref(),
            dbi_resource_id: &it.resource_id,
            copy_tags_to_snapshot: it.copy_tags_to_snapshot,
            arn: Kind::Instance.database_arn(place, &it.name),
            deletion_protection: it.deletion_protection,
            tag_list: TagList(&it.tags),
            automatic_restart_time: it.life.restarts_at().map(At),
        }
    }
}

/// The port that an engine listens on.
pub(crate) fn port(engine: &str) -> u16 {
    const PORTS: [(&str, u16); 7] = [
        ("aurora-postgresql", 5432),
        ("docdb", 27017),
        ("neptune", 8182),
        ("oracle", 1521),
        ("postgres", 5432),
        ("sqlserver", 1433),
        ("db2", 50000),
    ];
    PORTS.iter().find(|(name, _)| engine.starts_with(name)).map_or(3306, |(_, port)| *port)
}

const FILTERS: [&str; 5] =
    ["db-cluster-id", "db-instance-id", "dbi-resource-id", "domain", "engine"];

impl Operation for DescribeDBInstances {
    const SPEC: Spec = super::spec("DescribeDBInstances", Access::Reads);

    type Answer<'s> = Instances<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Kind::Instance.database_need(
            cx,
            "rds:DescribeDBInstances",
            self.name.as_deref().unwrap_or("*"),
        )]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Instances<'s>, Refusal> {
        let cx = &*cx;
        listing::check_filters(&self.filters, &FILTERS)?;
        let admits = |it: &Instance| {
            listing::admits(&self.filters, |name, test| match name {
                "db-cluster-id" => it.member.as_ref().is_some_and(|it| {
                    test(&it.cluster) || test(&Kind::Cluster.database_arn(cx.place, &it.cluster))
                }),
                "db-instance-id" => {
                    test(&it.name) || test(&Kind::Instance.database_arn(cx.place, &it.name))
                }
                "dbi-resource-id" => test(&it.resource_id),
                "engine" => test(&it.engine),
                _ => false,
            })
        };
        let found = Kind::Instance.described(&cx.here().rds.instances, cx, self.name.as_deref())?;
        let page = Page { max_records: self.max_records, marker: self.marker.as_deref() };
        let asked = (Self::SPEC.name, &(&self.name, &self.filters));
        let shows = |it: &&'s Instance| admits(it).then(|| Shown::of(cx, it));
        let (instances, marker) = page.of(cx, asked, &found, shows)?;
        Ok(Instances { instances, marker })
    }
}

/// Refuses what an instance's state does not allow.
pub(crate) fn check_state(it: &Instance, wish: Wish) -> Result<(), Refusal> {
    if it.life.status.lets_instance(wish) {
        return Ok(());
    }
    let message = match wish {
        Wish::Snapshot => format!(
            "Cannot create a snapshot because the database instance {} is not currently in the \
             available state.",
            it.name
        ),
        Wish::Delete if it.life.status == Status::Deleting => {
            format!("Instance {} is already being deleted.", it.name)
        }
        Wish::Start => format!("Instance {} is not stopped.", it.name),
        _ => format!("Instance {} is not in available state.", it.name),
    };
    Err(Refusal::new("InvalidDBInstanceState", message))
}

/// The answer of a call that has changed an instance.
pub(crate) fn answer<'s>(cx: &'s Cx<'_>, name: &str) -> Result<OneInstance<'s>, Refusal> {
    let found =
        cx.here().rds.instances.get(name).ok_or_else(|| Kind::Instance.no_database(name))?;
    Ok(OneInstance { instance: Shown::of(cx, found) })
}

#[cfg(test)]
mod tests;
