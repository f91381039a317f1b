//! Parameters of `ebs.snapshot.copy`.

use std::collections::{BTreeMap, BTreeSet};

use lamplighter_core::{
    AccountId,
    action::{BadParams, COPIED_TO_TAG, Permissions},
    copying::{self, CopyNames},
    tagging::{TagNames, Wanted},
    template::Template,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    destination::{self, Destination},
    keys,
};

/// Task, job, source, taken-at and copied-from, or hop-of; instance and consistency.
const OWNERSHIP_TAGS: usize = 7;

/// Parameters of `ebs.snapshot.copy`. A snapshot is copied once to each destination, whichever
/// task or person has made it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Where to: at least one destination. Several are served one after the other, and share the
    /// copy on the way where one is needed.
    pub(super) to: Vec<Destination>,
    /// Whose snapshots are copied.
    #[serde(default)]
    pub(super) sources: Sources,
    /// Of the snapshots that others share with the account, only those of these accounts: names
    /// from the configuration, or ids of any.
    #[serde(default)]
    pub(super) owners: BTreeSet<AccountId>,
    /// The key of the copy on the way, in the account and region of the source: an alias, an id
    /// or an ARN. AWS's own key `aws/ebs` can never be used by another account, so that what is
    /// encrypted with it is first copied there with this one. Its policy must let the accounts
    /// of the destinations use it.
    pub(super) hop_key: Option<String>,
    /// The copy's description, with placeholders; beside the usual ones, `{source}` is the volume
    /// that the snapshot was taken of. A longer one than AWS's 255 characters is cut and ends in
    /// `…`.
    #[serde(default = "default_description")]
    pub(super) description: Template<CopyNames>,
    /// Tags of the copy: names, and values with placeholders. They win over copied ones. A value
    /// that turns out longer than AWS's 256 characters is cut and ends in `…`.
    #[serde(default)]
    pub(super) tags: BTreeMap<String, Template<CopyNames>>,
    /// Names of the snapshot's tags to copy to its copy, as in `ebs.snapshot.create`. AWS copies
    /// none, and does not show those of others' snapshots.
    #[serde(default)]
    pub(super) copy_tags: TagNames,
    /// Whether a snapshot is deleted when all copies are completed: only one that a task has
    /// made, and never the newest one of its volume, which goes when the next one is copied.
    #[serde(default)]
    pub(super) delete_source: bool,
}

/// Whose snapshots are copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sources {
    /// Those of the account itself.
    #[default]
    Owned,
    /// Those that other accounts share with it by name.
    Shared,
    /// Both.
    All,
}

fn default_description() -> Template<CopyNames> {
    "lamplighter {task} of {target} of {source}".parse().expect("all are placeholders")
}

impl Params {
    pub(super) fn wanted_tags(&self) -> Wanted<'_, CopyNames> {
        Wanted { made: "snapshot", own: &self.tags, copied: &self.copy_tags, ours: OWNERSHIP_TAGS }
    }

    /// The rules between fields.
    pub(super) fn check(&self) -> Result<(), BadParams> {
        let bad = |path: String, message: String| Err(BadParams { path, message });
        copying::check(&self.to, OWNERSHIP_TAGS)?;
        destination::check(&self.to)?;
        if !self.owners.is_empty() && self.sources == Sources::Owned {
            let message = "`owners` is about snapshots of others: set `sources` to `shared` or \
                           `all`";
            return bad("owners".into(), message.into());
        }
        if self.delete_source && self.sources == Sources::Shared {
            let message = "with `sources: shared`, the snapshots are not the account's to delete";
            return bad("delete-source".into(), message.into());
        }
        self.wanted_tags().check()
    }

    /// What a task needs. A destination without an account is the account of the snapshot; one
    /// with an account is another one.
    pub(super) fn permissions(&self) -> Permissions {
        let mut needs = Permissions::here(&["ec2:DescribeSnapshots", "kms:DescribeKey"]);
        if self.sources != Sources::Shared {
            needs = needs.marking(COPIED_TO_TAG);
        }
        let mut here = |actions: &[&'static str]| needs.here.extend(actions.iter().copied());
        let leaves = self.to.iter().any(|it| it.account.is_some());
        if self.sources != Sources::Shared {
            here(&["ec2:CreateTags"]);
            if leaves {
                here(&["ec2:DescribeSnapshotAttribute", "ec2:ModifySnapshotAttribute"]);
            }
        }
        if leaves && (self.hop_key.is_some() || self.sources != Sources::Owned) {
            here(COPIES);
            here(keys::READS);
            here(&["ec2:ModifySnapshotAttribute"]);
            if self.hop_key.is_some() {
                here(keys::WRITES);
            }
        }
        if self.delete_source {
            here(&["ec2:DeleteSnapshot"]);
        }
        for to in &self.to {
            needs = needs.sharing_with(to.account.iter().chain(&to.share));
            if let Some(region) = &to.region {
                needs = needs.also_in(region);
            }
            let mut all = [COPIES, keys::READS, keys::WRITES].concat();
            if to.key.is_none() {
                all.extend(["ec2:GetEbsDefaultKmsKeyId", "ec2:GetEbsEncryptionByDefault"]);
            }
            if !to.share.is_empty() {
                all.push("ec2:ModifySnapshotAttribute");
            }
            match &to.account {
                Some(account) => needs = needs.and_in(account, &all),
                None => needs.here.extend(all),
            }
        }
        needs
    }
}

/// What making copies needs, and finding them again.
const COPIES: &[&str] =
    &["ec2:CopySnapshot", "ec2:CreateTags", "ec2:DeleteSnapshot", "ec2:DescribeSnapshots"];
