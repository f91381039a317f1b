//! Sharing and copying of snapshots.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_ec2::{
    config::Config,
    types::{CreateVolumePermission, OperationType, ResourceType, SnapshotAttributeName},
};
use aws_smithy_types::retry::RetryConfig;
use lamplighter_core::{
    AccountId, Fault, FaultKind, Tags,
    cloud::{
        Page, PageToken,
        ec2::{Copies, NewCopy, Shares, Snapshot},
    },
    select::ServerFilter,
};

use super::{Ec2Client, PAGE, filters, next, read, tag, tags_of};

#[async_trait]
impl Copies for Ec2Client {
    async fn restorable_snapshots(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        let call = self.call("listing own and shared snapshots", "ec2:DescribeSnapshots");
        let request = self
            .client
            .describe_snapshots()
            // Without it AWS lists every public snapshot there is.
            .restorable_by_user_ids("self")
            .set_filters(filters(filter, "snapshot-id"))
            .max_results(PAGE)
            .set_next_token(page.map(|token| token.0));
        let answer = call.answer(request.send().await)?;
        let items = answer.snapshots().iter().map(read::snapshot).collect::<Result<_, _>>();
        let items = items.map_err(|what| call.unreadable(&what, &answer))?;
        Ok(Page { items, next: next(answer.next_token()) })
    }

    async fn snapshots_open_to(
        &self,
        account: &AccountId,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        let doing = format!("listing own snapshots that `{account}` may use");
        let call = self.call(&doing, "ec2:DescribeSnapshots");
        let request = self
            .client
            .describe_snapshots()
            .owner_ids("self")
            .restorable_by_user_ids(account.as_str())
            .max_results(PAGE)
            .set_next_token(page.map(|token| token.0));
        let answer = call.answer(request.send().await)?;
        let items = answer.snapshots().iter().map(read::snapshot).collect::<Result<_, _>>();
        let items = items.map_err(|what| call.unreadable(&what, &answer))?;
        Ok(Page { items, next: next(answer.next_token()) })
    }

    async fn copy_snapshot(&self, new: &NewCopy) -> Result<String, Fault> {
        let doing = format!("copying `{}` from {}", new.source, new.source_region);
        let call = self.call(&doing, "ec2:CopySnapshot");
        let request = self
            .client
            .copy_snapshot()
            .source_region(new.source_region.as_str())
            .source_snapshot_id(&new.source)
            .description(&new.description)
            .set_encrypted(new.key.as_ref().map(|_| true))
            .set_kms_key_id(new.key.clone())
            .set_completion_duration_minutes(new.within_minutes.and_then(|it| it.try_into().ok()))
            .set_tag_specifications(tags_of(&[ResourceType::Snapshot], &new.tags))
            .customize()
            // Without a client token a second try may make a second copy.
            .config_override(Config::builder().retry_config(RetryConfig::disabled()));
        let answer = call.answer(request.send().await)?;
        // It exists even if the answer cannot be read: whoever tries again finds it by its tags.
        answer.snapshot_id().map(str::to_owned).ok_or_else(|| {
            let mut fault = call.unreadable("a copy without an id", &answer);
            fault.kind = FaultKind::Transient;
            fault
        })
    }

    async fn snapshot_shares(&self, id: &str) -> Result<Shares, Fault> {
        let doing = format!("asking who may use `{id}`");
        let call = self.call(&doing, "ec2:DescribeSnapshotAttribute");
        let request = self
            .client
            .describe_snapshot_attribute()
            .snapshot_id(id)
            .attribute(SnapshotAttributeName::CreateVolumePermission);
        let answer = call.answer(request.send().await)?;
        let user = |it: &CreateVolumePermission| it.user_id().map(str::to_owned);
        let users = answer.create_volume_permissions().iter().filter_map(user);
        let accounts = users.map(|it| {
            it.parse().map_err(|_| call.unreadable(&format!("the account `{it}`"), &answer))
        });
        Ok(Shares {
            accounts: accounts.collect::<Result<_, _>>()?,
            public: answer.create_volume_permissions().iter().any(|it| it.group().is_some()),
        })
    }

    async fn share_snapshot(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault> {
        self.change_shares(id, OperationType::Add, with).await
    }

    async fn unshare_snapshot(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault> {
        self.change_shares(id, OperationType::Remove, with).await
    }

    async fn set_tags(&self, id: &str, tags: &Tags) -> Result<(), Fault> {
        let doing = format!("tagging `{id}`");
        let call = self.call(&doing, "ec2:CreateTags");
        let tags = tags.iter().map(tag).collect();
        let request = self.client.create_tags().resources(id).set_tags(Some(tags));
        call.answer(request.send().await).map(|_| ())
    }

    async fn encrypts_by_default(&self) -> Result<bool, Fault> {
        let call = self.call("asking for encryption by default", "ec2:GetEbsEncryptionByDefault");
        let answer = call.answer(self.client.get_ebs_encryption_by_default().send().await)?;
        answer
            .ebs_encryption_by_default()
            .ok_or_else(|| call.unreadable("no word on encryption by default", &answer))
    }

    async fn default_key(&self) -> Result<String, Fault> {
        let call = self.call("asking for the default key", "ec2:GetEbsDefaultKmsKeyId");
        let answer = call.answer(self.client.get_ebs_default_kms_key_id().send().await)?;
        let key = answer.kms_key_id().map(str::to_owned);
        key.ok_or_else(|| call.unreadable("no default key", &answer))
    }
}

impl Ec2Client {
    async fn change_shares(
        &self,
        id: &str,
        operation: OperationType,
        with: &BTreeSet<AccountId>,
    ) -> Result<(), Fault> {
        let doing = format!("changing who may use `{id}`");
        let call = self.call(&doing, "ec2:ModifySnapshotAttribute");
        let request = self
            .client
            .modify_snapshot_attribute()
            .snapshot_id(id)
            .attribute(SnapshotAttributeName::CreateVolumePermission)
            .operation_type(operation)
            .set_user_ids(Some(with.iter().map(ToString::to_string).collect()));
        call.answer(request.send().await).map(|_| ())
    }
}
