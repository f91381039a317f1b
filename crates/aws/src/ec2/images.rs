//! Images.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_ec2::{
    operation::describe_images::builders::DescribeImagesFluentBuilder,
    types::{LaunchPermission, LaunchPermissionModifications},
};
use lamplighter_core::{
    AccountId, Fault,
    cloud::{
        Page, PageToken,
        ec2::{Image, Images},
    },
    select::ServerFilter,
};

use super::{Ec2Client, PAGE, filters, next, read};

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
