//! Parameters of `rds.snapshot.copy` and `rds.cluster-snapshot.copy`.

use std::collections::{BTreeMap, BTreeSet};

use lamplighter_core::{
    AccountId, Region,
    action::{BadParams, COPIED_TO_TAG, Permissions},
    cloud::rds::Kind,
    copying::{self, CopyNames},
    tagging::{TagNames, Wanted},
    template::Template,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{family::Family, keys, share::too_many, tags};

/// Task, job, source, taken-at and copied-from; or hop-of.
const OWNERSHIP_TAGS: usize = 5;

/// Parameters of `rds.snapshot.copy` and `rds.cluster-snapshot.copy`. A snapshot is copied once to
/// each destination, whichever task has copied it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Where to: at least one destination. Several are served one after the other, and share the
    /// copy on the way where one is needed.
    pub(super) to: Vec<Destination>,
    /// Which snapshots are copied. Those that AWS Backup has made never are.
    #[serde(default)]
    pub(super) sources: Sources,
    /// The key of the copy on the way, in the account and region of the source: an alias, an id
    /// or an ARN. AWS's own key `aws/rds` can never be used by another account, so that what is
    /// encrypted with it is first copied there with this one. Its policy must let the accounts
    /// of the destinations use it.
    pub(super) hop_key: Option<String>,
    /// Tags of the copy: names, and values with placeholders; beside the usual ones, `{source}` is
    /// the database that the snapshot was taken of. They win over copied ones. In a value, what
    /// RDS does not take becomes `_`: it takes letters, digits, blanks and `_.:/=+-@`, 256 at
    /// most.
    #[serde(default)]
    pub(super) tags: BTreeMap<String, Template<CopyNames>>,
    /// Names of the snapshot's tags to copy to its copy, as in `rds.snapshot.create`.
    #[serde(default)]
    pub(super) copy_tags: TagNames,
}

/// Which snapshots are copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sources {
    /// Those that somebody has made, a task among them.
    #[default]
    Manual,
    /// Those that RDS makes by itself each day. Their copies are manual, and stay when RDS deletes
    /// them.
    Automated,
    /// Both.
    All,
}

/// A place that gets a copy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Destination {
    /// The account, by its name in the configuration or its id; the snapshot's own by default.
    pub(super) account: Option<AccountId>,
    /// The region; the snapshot's own by default. That region named, and nothing else, makes
    /// manual copies of automated snapshots where they are.
    pub(super) region: Option<Region>,
    /// The key of the copy, in that account and region: an alias, an id or an ARN. A copy of what
    /// is encrypted needs one in another account or region.
    pub(super) key: Option<String>,
    /// The option group there of copies of DB snapshots that have one of their own, which does not
    /// go to other accounts and regions. It is for the same engine. Those of clusters have none.
    pub(super) option_group: Option<String>,
    /// Accounts that may use the copy: names from the configuration, or ids of any; at most 20.
    #[serde(default)]
    pub(super) share: BTreeSet<AccountId>,
}

impl copying::Destination for Destination {
    fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }
    fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }
    fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
    fn share(&self) -> &BTreeSet<AccountId> {
        &self.share
    }
}

impl Sources {
    /// Whether snapshots of this type of AWS's are copied.
    pub(super) fn include(self, snapshot_type: &str) -> bool {
        match self {
            Sources::Manual => snapshot_type == "manual",
            Sources::Automated => snapshot_type == "automated",
            Sources::All => true,
        }
    }
}

impl Params {
    pub(super) fn wanted_tags(&self) -> Wanted<'_, CopyNames> {
        Wanted { made: "snapshot", own: &self.tags, copied: &self.copy_tags, ours: OWNERSHIP_TAGS }
    }

    /// The rules between fields.
    pub(super) fn check(&self, kind: Kind) -> Result<(), BadParams> {
        copying::check(&self.to, OWNERSHIP_TAGS)?;
        for (index, to) in self.to.iter().enumerate() {
            let bad = |field: &str, message: String| {
                Err(BadParams { path: format!("to[{index}].{field}"), message })
            };
            if let Some(message) = too_many(to.share.len()) {
                return bad("share", message);
            }
            if kind == Kind::Cluster && to.option_group.is_some() {
                return bad("option-group", "snapshots of clusters have no option group".into());
            }
        }
        tags::check(self.wanted_tags())
    }

    /// What a task needs. A destination without an account is the account of the snapshot; one
    /// with an account is another one.
    pub(super) fn permissions<F: Family>(&self) -> Permissions {
        let calls = F::CALLS;
        let copies = [calls.copy, calls.describe, "rds:AddTagsToResource"];
        let mut needs = Permissions::here(&[calls.describe, "kms:DescribeKey"]);
        needs = needs.marking(COPIED_TO_TAG);
        let mut here = |actions: &[&'static str]| needs.here.extend(actions.iter().copied());
        here(&["rds:AddTagsToResource"]);
        if self.to.iter().any(|it| it.account.is_some()) {
            here(&[calls.describe_shares, calls.share]);
            if F::KIND == Kind::Instance {
                here(&["rds:DescribeOptionGroups"]);
            }
            if self.hop_key.is_some() || self.sources != Sources::Manual {
                here(&copies);
                here(&[calls.delete]);
                here(keys::READS);
            }
            if self.hop_key.is_some() {
                here(keys::WRITES);
            }
        }
        for to in &self.to {
            needs = needs.sharing_with(to.account.iter().chain(&to.share));
            if let Some(region) = &to.region {
                needs = needs.also_in(region);
            }
            let mut all = copies.to_vec();
            all.push("rds:DescribeAccountAttributes");
            match &to.key {
                Some(_) => all.extend([keys::READS, keys::WRITES].concat()),
                // What stays where it is keeps its key.
                None if to.account.is_none() => all.extend(keys::READS),
                None => all.push("kms:DescribeKey"),
            }
            if !to.share.is_empty() {
                all.push(calls.share);
            }
            if to.option_group.is_some() {
                all.push("rds:DescribeOptionGroups");
            }
            match &to.account {
                Some(account) => needs = needs.and_in(account, &all),
                None => needs.here.extend(all),
            }
        }
        needs
    }
}
