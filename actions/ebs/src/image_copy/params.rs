//! Parameters of `ec2.image.copy`.

use std::collections::BTreeMap;

use lamplighter_core::{
    action::{BadParams, COPIED_TO_TAG, Permissions},
    copying::{self, CopyNames},
    tagging::{TagNames, Wanted},
    template::Template,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    destination::{self, Destination},
    keys,
};

/// Task, job, source, taken-at and copied-from; or hop-of.
const OWNERSHIP_TAGS: usize = 5;

/// Parameters of `ec2.image.copy`. An image is copied once to each destination, whichever task or
/// person has made it. The name of a copy says the image, the time and the task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Where to: at least one destination. Several are served one after the other, and share the
    /// copy on the way where one is needed.
    pub(super) to: Vec<Destination>,
    /// The key of the copy on the way, in the account and region of the source: an alias, an id
    /// or an ARN. AWS's own key `aws/ebs` can never be used by another account, so that an image
    /// with a snapshot under it is first copied there with this one. Its policy must let the
    /// accounts of the destinations use it.
    pub(super) hop_key: Option<String>,
    /// The copy's description, with placeholders; beside the usual ones, `{source}` is the
    /// instance that the image was made of. A longer one than AWS's 255 characters is cut and ends
    /// in `…`.
    #[serde(default = "default_description")]
    pub(super) description: Template<CopyNames>,
    /// Tags of the copy and of its snapshots: names, and values with placeholders. They win over
    /// copied ones. A value that turns out longer than AWS's 256 characters is cut and ends in `…`.
    #[serde(default)]
    pub(super) tags: BTreeMap<String, Template<CopyNames>>,
    /// Names of the image's tags to copy to its copy and the snapshots of that, as in
    /// `ec2.image.create`.
    #[serde(default)]
    pub(super) copy_tags: TagNames,
}

fn default_description() -> Template<CopyNames> {
    "lamplighter {task} of {target} of {source}".parse().expect("all are placeholders")
}

impl Params {
    pub(super) fn wanted_tags(&self) -> Wanted<'_, CopyNames> {
        Wanted { made: "image", own: &self.tags, copied: &self.copy_tags, ours: OWNERSHIP_TAGS }
    }

    /// The rules between fields.
    pub(super) fn check(&self) -> Result<(), BadParams> {
        copying::check(&self.to, OWNERSHIP_TAGS)?;
        destination::check(&self.to)?;
        self.wanted_tags().check()
    }

    /// What a task needs. A destination without an account is the account of the image; one with
    /// an account is another one.
    pub(super) fn permissions(&self) -> Permissions {
        let mut needs = Permissions::here(&[
            "ec2:CreateTags",
            "ec2:DescribeImages",
            "ec2:DescribeSnapshots",
            "kms:DescribeKey",
        ])
        .marking(COPIED_TO_TAG);
        if self.to.iter().any(|it| it.account.is_some()) {
            needs.here.extend(["ec2:DescribeImageAttribute", "ec2:DescribeSnapshotAttribute"]);
            needs.here.extend(SHARES);
            if self.hop_key.is_some() {
                needs.here.extend([COPIES, keys::READS, keys::WRITES].concat());
                needs.here.extend(["ec2:DeleteSnapshot", "ec2:DeregisterImage"]);
            }
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
                all.extend(SHARES);
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
    &["ec2:CopyImage", "ec2:CreateTags", "ec2:DescribeImages", "ec2:DescribeSnapshots"];
/// What letting others copy an image needs.
const SHARES: &[&str] = &["ec2:ModifyImageAttribute", "ec2:ModifySnapshotAttribute"];
