//! The EC2 port: images.

use async_trait::async_trait;
use lamplighter_core::{
    Fault,
    cloud::{
        Page, PageToken,
        ec2::{Image, Images},
    },
    select::ServerFilter,
};

use super::Inside;
use crate::ec2::{
    filter,
    images::{DeregisterImage, DescribeImages},
    listing,
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
        let request = DescribeImages {
            filter: filter::of_core(filter, "image-id"),
            owner: vec!["self".to_owned()],
            include_deprecated: true,
            include_disabled: true,
            max_results: Some(listing::MOST),
            next_token: page.map(|it| it.0),
            ..DescribeImages::default()
        };
        self.make(request, |it| Page {
            items: it.images_set.iter().map(|it| Image::from(&*it.image)).collect(),
            next: it.next_token.map(PageToken),
        })
        .await
    }

    async fn deregister_image(&self, id: &str) -> Result<(), Fault> {
        let request = DeregisterImage { image_id: id.to_owned(), ..DeregisterImage::default() };
        match self.make(request, |_| ()).await {
            Err(fault) if fault.code.as_deref().is_some_and(|it| GONE.contains(&it)) => Ok(()),
            ended => ended,
        }
    }
}
