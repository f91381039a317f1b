//! `DescribeAccountAttributes`: how much of its quotas an account has used.
//!
//! Source: RDS API Reference, `DescribeAccountAttributes` and `AccountQuota`.

use serde::{Deserialize, Serialize};

use super::{
    create,
    kind::Kind,
    snapshots::{MOST_MANUAL, Origin},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `DescribeAccountAttributes`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DescribeAccountAttributes {}

/// What `DescribeAccountAttributes` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Quotas {
    pub(crate) account_quotas: Vec<AccountQuota>,
}

/// One quota.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AccountQuota {
    #[serde(rename = "AccountQuotaName")]
    pub(crate) name: &'static str,
    pub(crate) used: usize,
    pub(crate) max: usize,
}

impl Operation for DescribeAccountAttributes {
    const SPEC: Spec = super::spec("DescribeAccountAttributes", Access::Reads);

    type Answer<'s> = Quotas;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::on("rds:DescribeAccountAttributes", "*")]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Quotas, Refusal> {
        let rds = &cx.here().rds;
        let manual = |kind| {
            let all = rds.snapshots(kind).after(None, cx.seen);
            all.filter(|(_, it)| it.origin == Origin::Manual).count()
        };
        let quota = |name, used, max| AccountQuota { name, used, max };
        Ok(Quotas {
            account_quotas: vec![
                quota("DBInstances", rds.instances.after(None, cx.seen).count(), create::MOST),
                quota("ManualSnapshots", manual(Kind::Instance), MOST_MANUAL),
                quota("ManualClusterSnapshots", manual(Kind::Cluster), MOST_MANUAL),
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        bed::Bed,
        rds::world::{automated, instance, snapshot},
    };

    #[test]
    fn only_manual_snapshots_use_up_the_quota_and_each_kind_has_its_own() {
        let bed = Bed::new();
        instance(&bed, "a", |_| ());
        snapshot(&bed, Kind::Instance, "m", |_| ());
        snapshot(&bed, Kind::Instance, "rds:a", automated);
        snapshot(&bed, Kind::Cluster, "n", |_| ());
        snapshot(&bed, Kind::Cluster, "o", |_| ());
        let quota = |name: &str, used: u32, max: u32| json!({ "AccountQuotaName": name, "Used": used, "Max": max });
        assert_eq!(
            bed.ask(DescribeAccountAttributes {}).unwrap()["AccountQuotas"],
            json!([
                quota("DBInstances", 1, 40),
                quota("ManualSnapshots", 1, 100),
                quota("ManualClusterSnapshots", 2, 100),
            ])
        );
    }
}
