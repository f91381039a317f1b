//! Who may copy and restore a snapshot: `ModifyDBSnapshotAttribute`,
//! `DescribeDBSnapshotAttributes`, and the same for clusters.
//!
//! Source: RDS User Guide, "Sharing a DB snapshot for Amazon RDS"; Aurora User Guide, "Sharing a
//! DB cluster snapshot"; RDS API Reference of the four.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ALL, Origin, Snapshot, check_available, find, wrong_state};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    rds::{self, keys, kind::Kind, option_groups::OptionGroup},
    refusal::Refusal,
};

/// Accounts that a snapshot may be shared with.
pub(crate) const MOST: usize = 20;

/// The one attribute that there is.
pub(crate) const RESTORE: &str = "restore";

/// `ModifyDBSnapshotAttribute`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct ModifyDBSnapshotAttribute {
    #[serde(rename = "DBSnapshotIdentifier")]
    pub(crate) name: String,
    pub(crate) attribute_name: String,
    #[serde(default)]
    pub(crate) values_to_add: Vec<String>,
    #[serde(default)]
    pub(crate) values_to_remove: Vec<String>,
}

/// `ModifyDBClusterSnapshotAttribute`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct ModifyDBClusterSnapshotAttribute {
    #[serde(rename = "DBClusterSnapshotIdentifier")]
    pub(crate) name: String,
    pub(crate) attribute_name: String,
    #[serde(default)]
    pub(crate) values_to_add: Vec<String>,
    #[serde(default)]
    pub(crate) values_to_remove: Vec<String>,
}

/// `DescribeDBSnapshotAttributes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DescribeDBSnapshotAttributes {
    #[serde(rename = "DBSnapshotIdentifier")]
    pub(crate) name: String,
}

/// `DescribeDBClusterSnapshotAttributes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DescribeDBClusterSnapshotAttributes {
    #[serde(rename = "DBClusterSnapshotIdentifier")]
    pub(crate) name: String,
}

/// What the calls on instances' snapshots answer.
#[derive(Serialize)]
pub(crate) struct Attributes<'s> {
    #[serde(rename = "DBSnapshotAttributesResult")]
    result: AttributesResult<'s>,
}

#[derive(Serialize)]
struct AttributesResult<'s> {
    #[serde(rename = "DBSnapshotIdentifier")]
    name: &'s str,
    #[serde(rename = "DBSnapshotAttributes")]
    attributes: [DBSnapshotAttribute<'s>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DBSnapshotAttribute<'s> {
    attribute_name: &'static str,
    attribute_values: Vec<AttributeValue<'s>>,
}

/// What the calls on clusters' snapshots answer.
#[derive(Serialize)]
pub(crate) struct ClusterAttributes<'s> {
    #[serde(rename = "DBClusterSnapshotAttributesResult")]
    result: ClusterAttributesResult<'s>,
}

#[derive(Serialize)]
struct ClusterAttributesResult<'s> {
    #[serde(rename = "DBClusterSnapshotIdentifier")]
    name: &'s str,
    #[serde(rename = "DBClusterSnapshotAttributes")]
    attributes: [DBClusterSnapshotAttribute<'s>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DBClusterSnapshotAttribute<'s> {
    attribute_name: &'static str,
    attribute_values: Vec<AttributeValue<'s>>,
}

#[derive(Serialize)]
struct AttributeValue<'s>(&'s str);

impl<'s> Attributes<'s> {
    /// The accounts that may restore it, and `all`.
    pub(crate) fn restorable_by(&self) -> Vec<String> {
        self.result.attributes.iter().flat_map(|it| texts(&it.attribute_values)).collect()
    }

    fn of(it: &'s Snapshot) -> Attributes<'s> {
        let attribute =
            DBSnapshotAttribute { attribute_name: RESTORE, attribute_values: values(it) };
        Attributes { result: AttributesResult { name: &it.name, attributes: [attribute] } }
    }
}

impl<'s> ClusterAttributes<'s> {
    /// The accounts that may restore it, and `all`.
    pub(crate) fn restorable_by(&self) -> Vec<String> {
        self.result.attributes.iter().flat_map(|it| texts(&it.attribute_values)).collect()
    }

    fn of(it: &'s Snapshot) -> ClusterAttributes<'s> {
        let attribute =
            DBClusterSnapshotAttribute { attribute_name: RESTORE, attribute_values: values(it) };
        let result = ClusterAttributesResult { name: &it.name, attributes: [attribute] };
        ClusterAttributes { result }
    }
}

fn texts(values: &[AttributeValue<'_>]) -> Vec<String> {
    values.iter().map(|it| it.0.to_owned()).collect()
}

fn values(it: &Snapshot) -> Vec<AttributeValue<'_>> {
    it.restorable_by.iter().map(|it| AttributeValue(it)).collect()
}

impl Operation for ModifyDBSnapshotAttribute {
    const SPEC: Spec = rds::spec("ModifyDBSnapshotAttribute", Access::Writes);

    type Answer<'s> = Attributes<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Kind::Instance.snapshot_need(cx, "rds:ModifyDBSnapshotAttribute", &self.name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Attributes<'s>, Refusal> {
        let change = Change {
            attribute: &self.attribute_name,
            add: &self.values_to_add,
            remove: &self.values_to_remove,
        };
        change.make(cx, Kind::Instance, &self.name).map(Attributes::of)
    }
}

impl Operation for ModifyDBClusterSnapshotAttribute {
    const SPEC: Spec = rds::spec("ModifyDBClusterSnapshotAttribute", Access::Writes);

    type Answer<'s> = ClusterAttributes<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Kind::Cluster.snapshot_need(cx, "rds:ModifyDBClusterSnapshotAttribute", &self.name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<ClusterAttributes<'s>, Refusal> {
        let change = Change {
            attribute: &self.attribute_name,
            add: &self.values_to_add,
            remove: &self.values_to_remove,
        };
        change.make(cx, Kind::Cluster, &self.name).map(ClusterAttributes::of)
    }
}

impl Operation for DescribeDBSnapshotAttributes {
    const SPEC: Spec = rds::spec("DescribeDBSnapshotAttributes", Access::Reads);

    type Answer<'s> = Attributes<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Kind::Instance.snapshot_need(cx, "rds:DescribeDBSnapshotAttributes", &self.name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Attributes<'s>, Refusal> {
        describe(cx, Kind::Instance, &self.name).map(Attributes::of)
    }
}

impl Operation for DescribeDBClusterSnapshotAttributes {
    const SPEC: Spec = rds::spec("DescribeDBClusterSnapshotAttributes", Access::Reads);

    type Answer<'s> = ClusterAttributes<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let action = "rds:DescribeDBClusterSnapshotAttributes";
        vec![Kind::Cluster.snapshot_need(cx, action, &self.name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<ClusterAttributes<'s>, Refusal> {
        describe(cx, Kind::Cluster, &self.name).map(ClusterAttributes::of)
    }
}

/// The snapshot as describes see it.
fn describe<'s>(cx: &'s Cx<'_>, kind: Kind, text: &str) -> Result<&'s Snapshot, Refusal> {
    let name = find(cx, kind, text)?.name.clone();
    let seen = cx.here().rds.snapshots(kind).get_at(&name, cx.seen);
    seen.ok_or_else(|| kind.no_snapshot(text))
}

/// A change of who may restore a snapshot.
#[derive(Clone, Copy)]
struct Change<'c> {
    attribute: &'c str,
    add: &'c [String],
    remove: &'c [String],
}

impl Change<'_> {
    fn make<'s>(self, cx: &'s mut Cx<'_>, kind: Kind, text: &str) -> Result<&'s Snapshot, Refusal> {
        self.check_values()?;
        let it = find(cx, kind, text)?;
        if it.origin != Origin::Manual {
            let message = format!("Only manual snapshots are shared: {} is not one.", it.name);
            return Err(wrong_state(kind, message));
        }
        check_available(kind, it)?;
        let mut restorable_by = it.restorable_by.clone();
        restorable_by.retain(|it| !self.remove.iter().any(|gone| **gone == **it));
        restorable_by.extend(self.add.iter().map(|it| it.as_str().into()));
        if !self.add.is_empty() {
            check_shareable(cx, it, &restorable_by)?;
        }
        let name = it.name.clone();
        let shelf = cx.state.services_mut(cx.place).rds.snapshots_mut(kind);
        shelf.change(&name, cx.now, |it| it.restorable_by = restorable_by);
        shelf.get(&name).ok_or_else(|| kind.no_snapshot(&name))
    }

    fn check_values(self) -> Result<(), Refusal> {
        let refused = |message: String| Err(Refusal::new("InvalidParameterValue", message));
        if self.attribute != RESTORE {
            return refused(format!("Invalid attribute name: {}", self.attribute));
        }
        if self.add.is_empty() && self.remove.is_empty() {
            let message = "ValuesToAdd or ValuesToRemove must be specified.";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        let account = |it: &str| it.len() == 12 && it.bytes().all(|it| it.is_ascii_digit());
        let mut values = self.add.iter().chain(self.remove);
        match values.find(|it| !account(it) && **it != ALL) {
            Some(bad) => refused(format!("Invalid account id: {bad}")),
            None => Ok(()),
        }
    }
}

/// Refuses to share what others could not restore: what AWS's own key encrypts, or with more
/// accounts than there may be, or publicly what is encrypted.
fn check_shareable(cx: &Cx<'_>, it: &Snapshot, with: &BTreeSet<Box<str>>) -> Result<(), Refusal> {
    let refused = |message: &str| Err(Refusal::new("InvalidParameterValue", message));
    if let Some(key) = &it.key {
        if with.contains(ALL) {
            return refused("Encrypted snapshots cannot be shared publicly.");
        }
        if keys::is_default(cx, key) {
            return refused("Snapshots encrypted with the default key cannot be shared.");
        }
    }
    if it.tde {
        return refused("Snapshots that use Transparent Data Encryption cannot be shared.");
    }
    let group = it.option_group.as_ref().and_then(|it| cx.here().rds.option_groups.get(it));
    if let Some(option) = group.and_then(OptionGroup::unshareable) {
        let message =
            format!("Snapshots with the persistent option {} cannot be shared.", option.name);
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    let accounts = with.iter().filter(|it| ***it != *ALL).count();
    if accounts > MOST {
        let message = format!("A snapshot cannot be shared with more than {MOST} accounts.");
        return Err(Refusal::new("SharedSnapshotQuotaExceeded", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
