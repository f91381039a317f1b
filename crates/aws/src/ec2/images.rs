//! Images.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_ec2::{
    config::Config,
    operation::describe_images::builders::DescribeImagesFluentBuilder,
    types::{ImageAttributeName, LaunchPermission, LaunchPermissionModifications, ResourceType},
};
use aws_smithy_types::retry::RetryConfig;
use lamplighter_core::{
    AccountId, Fault, FaultKind,
    cloud::{
        Page, PageToken,
        ec2::{Image, Images, NewCopy, Shares},
    },
    select::ServerFilter,
};

use super::{Ec2Client, PAGE, filters, next, read, tags_of};

/// AWS's answers when an image is gone.
const GONE: [&str; 2] = ["InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"];

#[async_trait]
impl Images for Ec2Client {
    async fn images(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Image>, Fault> {
        let request = self.own_images(page).set_filters(filters(filter, "image-id"));
        self.list("listing images", request).await
    }

    async fn deregister_image(&self, id: &str) -> Result<(), Fault> {
        let doing = format!("deregistering `{id}`");
        let call = self.call(&doing, "ec2:DeregisterImage");
        match call.answer(self.client.deregister_image().image_id(id).send().await) {
            Err(fault) if fault.code.as_deref().is_some_and(|it| GONE.contains(&it)) => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    async fn images_open_to(
        &self,
        account: &AccountId,
        page: Option<PageToken>,
    ) -> Result<Page<Image>, Fault> {
        let doing = format!("listing own images that `{account}` may launch");
        self.list(&doing, self.own_images(page).executable_users(account.as_str())).await
    }

    async fn copy_image(&self, name: &str, new: &NewCopy) -> Result<String, Fault> {
        let doing = format!("copying `{}` from {}", new.source, new.source_region);
        let call = self.call(&doing, "ec2:CopyImage");
        let request = self
            .client
            .copy_image()
            .name(name)
            .source_region(new.source_region.as_str())
            .source_image_id(&new.source)
            .description(&new.description)
            .set_encrypted(new.key.as_ref().map(|_| true))
            .set_kms_key_id(new.key.clone())
            .set_snapshot_copy_completion_duration_minutes(new.within_minutes.map(i64::from))
            .set_tag_specifications(tags_of(
                &[ResourceType::Image, ResourceType::Snapshot],
                &new.tags,
            ))
            .customize()
            // A second try would be told that the name is taken: by the first.
            .config_override(Config::builder().retry_config(RetryConfig::disabled()));
        let answer = call.answer(request.send().await)?;
        // It exists even if the answer cannot be read: whoever tries again finds it by its tags.
        answer.image_id().map(str::to_owned).ok_or_else(|| {
            let mut fault = call.unreadable("a copy without an id", &answer);
            fault.kind = FaultKind::Transient;
            fault
        })
    }

    async fn image_shares(&self, id: &str) -> Result<Shares, Fault> {
        let doing = format!("asking who may launch `{id}`");
        let call = self.call(&doing, "ec2:DescribeImageAttribute");
        let request = self
            .client
            .describe_image_attribute()
            .image_id(id)
            .attribute(ImageAttributeName::LaunchPermission);
        let answer = call.answer(request.send().await)?;
        let users = answer.launch_permissions().iter().filter_map(LaunchPermission::user_id);
        let accounts = users.map(|it| {
            it.parse().map_err(|_| call.unreadable(&format!("the account `{it}`"), &answer))
        });
        Ok(Shares {
            accounts: accounts.collect::<Result<_, _>>()?,
            public: answer.launch_permissions().iter().any(|it| it.group().is_some()),
        })
    }

    async fn share_image(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault> {
        let modifications = LaunchPermissionModifications::builder();
        self.modify(id, modifications.set_add(Some(permissions(with))).build()).await
    }

    async fn unshare_image(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault> {
        let modifications = LaunchPermissionModifications::builder();
        self.modify(id, modifications.set_remove(Some(permissions(with))).build()).await
    }
}

impl Ec2Client {
    /// The request for a page of the account's own images, all of them.
    fn own_images(&self, page: Option<PageToken>) -> DescribeImagesFluentBuilder {
        self.client
            .describe_images()
            // Without an owner AWS lists every public image there is.
            .owners("self")
            .include_disabled(true)
            .include_deprecated(true)
            .max_results(PAGE)
            .set_next_token(page.map(|token| token.0))
    }

    async fn list(
        &self,
        doing: &str,
        request: DescribeImagesFluentBuilder,
    ) -> Result<Page<Image>, Fault> {
        let call = self.call(doing, "ec2:DescribeImages");
        let answer = call.answer(request.send().await)?;
        let items = answer.images().iter().map(read::image).collect::<Result<_, _>>();
        let items = items.map_err(|what| call.unreadable(&what, &answer))?;
        Ok(Page { items, next: next(answer.next_token()) })
    }

    async fn modify(
        &self,
        id: &str,
        modifications: LaunchPermissionModifications,
    ) -> Result<(), Fault> {
        let doing = format!("changing who may launch `{id}`");
        let call = self.call(&doing, "ec2:ModifyImageAttribute");
        let request = self.client.modify_image_attribute().image_id(id);
        call.answer(request.launch_permission(modifications).send().await).map(|_| ())
    }
}

fn permissions(accounts: &BTreeSet<AccountId>) -> Vec<LaunchPermission> {
    let user = |it: &AccountId| LaunchPermission::builder().user_id(it.as_str()).build();
    accounts.iter().map(user).collect()
}
