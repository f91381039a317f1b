//! The EC2 port: images.

use std::collections::BTreeSet;

use async_trait::async_trait;
use lamplighter_core::{
    AccountId, Fault,
    cloud::{
        Page, PageToken,
        ec2::{Image, Images, NewCopy, Shares},
    },
    select::ServerFilter,
};

use super::Inside;
use crate::ec2::{
    filter,
    images::{
        Changes, CopyImage, DeregisterImage, DescribeImageAttribute, DescribeImages,
        ModifyImageAttribute, Requested, Shown,
    },
    listing,
    tags::TagSpecification,
};

/// AWS's answers when an image is gone.
const GONE: [&str; 2] = ["InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"];

#[async_trait]
impl Images for Inside {
    async fn images(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Image>, Fault> {
        let filter = filter::of_core(filter, "image-id");
        self.list(DescribeImages { filter, ..own(page) }).await
    }

    async fn deregister_image(&self, id: &str) -> Result<(), Fault> {
        let request = DeregisterImage { image_id: id.to_owned(), ..DeregisterImage::default() };
        match self.make(request, |_| ()).await {
            Err(fault) if fault.code.as_deref().is_some_and(|it| GONE.contains(&it)) => Ok(()),
            ended => ended,
        }
    }

    async fn images_open_to(
        &self,
        account: &AccountId,
        page: Option<PageToken>,
    ) -> Result<Page<Image>, Fault> {
        self.list(DescribeImages { executable_by: vec![account.to_string()], ..own(page) }).await
    }

    async fn copy_image(&self, name: &str, new: &NewCopy) -> Result<String, Fault> {
        let of = |kind| TagSpecification::of(kind, &new.tags);
        let request = CopyImage {
            name: name.to_owned(),
            source_image_id: new.source.clone(),
            source_region: new.source_region.to_string(),
            description: new.description.clone(),
            encrypted: new.key.as_ref().map(|_| true),
            kms_key_id: new.key.clone(),
            tag_specification: [of("image"), of("snapshot")].concat(),
            snapshot_copy_completion_duration_minutes: new.within_minutes,
            ..CopyImage::default()
        };
        self.make(request, |it| it.image_id.to_string()).await
    }

    async fn image_shares(&self, id: &str) -> Result<Shares, Fault> {
        let request = DescribeImageAttribute {
            image_id: id.to_owned(),
            attribute: "launchPermission".to_owned(),
        };
        self.make(request, |it| {
            let shown = it.launch_permission.unwrap_or_default();
            let user = |it: &Shown<'_>| it.user_id?.parse().ok();
            Shares {
                accounts: shown.iter().filter_map(user).collect(),
                public: shown.iter().any(|it| it.group.is_some()),
            }
        })
        .await
    }

    async fn share_image(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault> {
        let changes = Changes { add: permissions(with), ..Changes::default() };
        self.make(modify(id, changes), |_| ()).await
    }

    async fn unshare_image(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault> {
        let changes = Changes { remove: permissions(with), ..Changes::default() };
        self.make(modify(id, changes), |_| ()).await
    }
}

impl Inside {
    async fn list(&self, request: DescribeImages) -> Result<Page<Image>, Fault> {
        self.make(request, |it| Page {
            items: it.images_set.iter().map(|it| Image::from(&*it.image)).collect(),
            next: it.next_token.map(PageToken),
        })
        .await
    }
}

/// A page of the account's own images, all of them.
fn own(page: Option<PageToken>) -> DescribeImages {
    DescribeImages {
        owner: vec!["self".to_owned()],
        include_deprecated: true,
        include_disabled: true,
        max_results: Some(listing::MOST),
        next_token: page.map(|it| it.0),
        ..DescribeImages::default()
    }
}

fn permissions(accounts: &BTreeSet<AccountId>) -> Vec<Requested> {
    let user = |it: &AccountId| Requested { user_id: Some(it.to_string()), ..Requested::default() };
    accounts.iter().map(user).collect()
}

fn modify(id: &str, changes: Changes) -> ModifyImageAttribute {
    ModifyImageAttribute {
        image_id: id.to_owned(),
        launch_permission: Some(changes),
        ..ModifyImageAttribute::default()
    }
}
