//! `CreateDBInstance`: as much of it as it takes to have one.
//!
//! Source: RDS API Reference, `CreateDBInstance`.

use serde::Deserialize;

use super::{
    instances::{self, Instance, OneInstance, default_option_group},
    keys,
    kind::Kind,
    lifecycle, names,
    status::Status,
    tags::{self, Tag},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// The engines of instances that belong to no cluster.
const ENGINES: [&str; 15] = [
    "db2-ae",
    "db2-ce",
    "db2-se",
    "mariadb",
    "mysql",
    "oracle-ee",
    "oracle-ee-cdb",
    "oracle-se2",
    "oracle-se2-cdb",
    "postgres",
    "sqlserver-dev-ee",
    "sqlserver-ee",
    "sqlserver-ex",
    "sqlserver-se",
    "sqlserver-web",
];

/// Instances in one region of an account. Source: RDS User Guide, "Quotas and constraints".
pub(super) const MOST: usize = 40;

/// `CreateDBInstance`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct CreateDBInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    pub(crate) name: String,
    #[serde(rename = "DBInstanceClass")]
    pub(crate) class: String,
    pub(crate) engine: String,
    pub(crate) engine_version: Option<String>,
    pub(crate) allocated_storage: Option<u32>,
    pub(crate) storage_type: Option<String>,
    pub(crate) master_username: Option<String>,
    pub(crate) master_user_password: Option<String>,
    pub(crate) availability_zone: Option<String>,
    #[serde(rename = "MultiAZ", default)]
    pub(crate) multi_az: bool,
    pub(crate) backup_retention_period: Option<u32>,
    pub(crate) option_group_name: Option<String>,
    #[serde(default)]
    pub(crate) storage_encrypted: bool,
    pub(crate) kms_key_id: Option<String>,
    #[serde(default)]
    pub(crate) copy_tags_to_snapshot: bool,
    #[serde(default)]
    pub(crate) deletion_protection: bool,
    #[serde(default)]
    pub(crate) tags: Vec<Tag>,
}

impl Operation for CreateDBInstance {
    const SPEC: Spec = super::spec("CreateDBInstance", Access::Writes);

    type Answer<'s> = OneInstance<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let sent = tags::sent(&self.tags);
        let mut need = Kind::Instance.database_need(cx, "rds:CreateDBInstance", &self.name);
        need.context = tags::requested(need.context, &sent);
        let tagging = tags::needed(&need.resource, &sent);
        [Some(need), tagging].into_iter().flatten().collect()
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<OneInstance<'s>, Refusal> {
        let name = names::new("DBInstanceIdentifier", &self.name, names::LONGEST_DATABASE)?;
        let tags = tags::checked(&self.tags)?;
        self.check()?;
        let mut new = Instance::available(&name, &self.engine, cx.now);
        tags::add(&mut new.tags, tags)?;
        if self.storage_encrypted || self.kms_key_id.is_some() {
            new.key = Some(keys::target(cx, self.kms_key_id.as_deref())?);
        }
        if let Some(version) = self.engine_version {
            new.option_group = default_option_group(&self.engine, &version);
            new.engine_version = version.into();
        }
        if let Some(group) = &self.option_group_name {
            let group = group.to_ascii_lowercase();
            if *group != *new.option_group && !cx.here().rds.option_groups.contains(&*group) {
                let message = format!("Specified OptionGroupName: {group} not found.");
                return Err(Refusal::new("OptionGroupNotFoundFault", message).status(404));
            }
            new.option_group = group.into();
        }
        let shelf = &cx.here().rds.instances;
        if shelf.get(&name).is_some() {
            return Err(Refusal::new("DBInstanceAlreadyExists", "DB instance already exists"));
        }
        if shelf.iter().count() >= MOST {
            let message = "DB Instance quota exceeded";
            return Err(Refusal::new("InstanceQuotaExceeded", message));
        }
        new.resource_id =
            cx.state.fresh_id("db").to_ascii_uppercase().replacen("DB", "db", 1).into();
        new.class = self.class.into();
        new.storage_gib = self.allocated_storage.unwrap_or(new.storage_gib);
        new.storage_type = self.storage_type.map_or(new.storage_type, Into::into);
        let zone = || format!("{}a", cx.place.region);
        new.zone = self.availability_zone.unwrap_or_else(zone).into();
        new.multi_az = self.multi_az;
        new.backup_retention_days = self.backup_retention_period.unwrap_or(1);
        new.copy_tags_to_snapshot = self.copy_tags_to_snapshot;
        new.deletion_protection = self.deletion_protection;
        cx.state.services_mut(cx.place).rds.instances.put(&name, new, cx.now);
        let lasts = cx.state.dials.times.databases.create;
        lifecycle::turn(cx.state, cx.place, Kind::Instance, &name, Status::Creating, lasts, cx.now);
        instances::answer(cx, &name)
    }
}

impl CreateDBInstance {
    /// Refuses what no instance can be.
    fn check(&self) -> Result<(), Refusal> {
        let refused = |message: String| Err(Refusal::new("InvalidParameterValue", message));
        if !ENGINES.contains(&self.engine.as_str()) {
            return refused(format!("Invalid DB engine: {}", self.engine));
        }
        if !self.class.starts_with("db.") {
            return refused(format!("Invalid DB Instance class: {}", self.class));
        }
        if !(5..=65_536).contains(&self.allocated_storage.unwrap_or(20)) {
            return refused("Invalid storage size for engine name".into());
        }
        if self.backup_retention_period.is_some_and(|it| it > 35) {
            return refused("Retention period must be between 0 and 35".into());
        }
        let kinds = ["gp2", "gp3", "io1", "io2", "standard"];
        if self.storage_type.as_ref().is_some_and(|it| !kinds.contains(&it.as_str())) {
            return refused("Invalid storage type".into());
        }
        for (what, given) in [
            ("AllocatedStorage", self.allocated_storage.is_some()),
            ("MasterUsername", self.master_username.is_some()),
            ("MasterUserPassword", self.master_user_password.is_some()),
        ] {
            if !given {
                let message =
                    format!("The parameter {what} must be provided and must not be blank.");
                return Err(Refusal::new("MissingParameter", message));
            }
        }
        if self.kms_key_id.is_some() && !self.storage_encrypted {
            let message = "A KMS key cannot be specified for storage that is not encrypted.";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        let password = self.master_user_password.as_deref().unwrap_or_default();
        let bad = |it: char| !it.is_ascii_graphic() || "/\"@".contains(it);
        if password.len() < 8 || password.contains(bad) {
            return refused("The parameter MasterUserPassword is not a valid password.".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
