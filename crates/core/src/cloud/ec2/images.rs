//! Calls on images (AMIs).

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NewCopy, Shares};
use crate::{
    AccountId, Fault, Tags,
    cloud::{Page, PageToken, Resource, Scope},
    select::ServerFilter,
};

/// Images in one account and region.
#[async_trait]
pub trait Images: Send + Sync {
    /// One page of `ec2:DescribeImages`, of images that this account owns, those that are disabled
    /// or deprecated among them. Lags behind changes.
    async fn images(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Image>, Fault>;

    /// Deregisters an image. Needs `ec2:DeregisterImage`. Its snapshots stay. One that is gone is a
    /// success; one that is protected gives the code `OperationNotPermitted`.
    async fn deregister_image(&self, id: &str) -> Result<(), Fault>;

    /// One page of `ec2:DescribeImages`, of images that this account owns and that `account` may
    /// launch because they are shared with it by name. Lags behind changes.
    async fn images_open_to(
        &self,
        account: &AccountId,
        page: Option<PageToken>,
    ) -> Result<Page<Image>, Fault>;

    /// Starts a copy of an image, with its snapshots, into this account and region under a name that
    /// is unique there, and returns its id. Needs `ec2:CopyImage` and `ec2:CreateTags`. A name that
    /// is taken gives the code `InvalidAMIName.Duplicate`. Whether the keys can be used shows only
    /// later: the copy then ends in `failed`. Source: EC2 API, `CopyImage`.
    async fn copy_image(&self, name: &str, new: &NewCopy) -> Result<String, Fault>;

    /// Who may launch an image, beside its owner. Needs `ec2:DescribeImageAttribute`. Lags behind
    /// changes.
    async fn image_shares(&self, id: &str) -> Result<Shares, Fault>;

    /// Lets accounts launch an image. Needs `ec2:ModifyImageAttribute`. One that may already is a
    /// success. Who copies it has to be given its snapshots, too.
    async fn share_image(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault>;

    /// Lets accounts launch an image no longer. Needs `ec2:ModifyImageAttribute`. One that may not
    /// is a success.
    async fn unshare_image(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault>;
}

/// An image (AMI).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Image {
    /// The image's id, such as `ami-0abc`.
    pub id: String,
    /// Its name, unique in the account and region.
    pub name: String,
    /// `pending`, `available`, `failed`, `error`, `invalid`, `disabled` or `deregistered`.
    pub state: String,
    /// Why it failed, in AWS's words.
    pub state_message: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// Its description.
    pub description: String,
    /// `x86_64`, `arm64`, `i386`, `x86_64_mac` or `arm64_mac`.
    pub architecture: String,
    /// Whether everybody may launch it.
    pub public: bool,
    /// The instance that it was made of, where AWS says so.
    pub source_instance: Option<String>,
    /// The snapshots that it is made of.
    pub snapshots: Vec<String>,
    /// Its tags.
    pub tags: Tags,
}

#[async_trait]
impl Resource for Image {
    const KIND: &'static str = "images";
    const PERMISSIONS: &'static [&'static str] = &["ec2:DescribeImages"];

    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    async fn list(
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Self>, Fault> {
        scope.ec2().images(filter, page).await
    }
}
